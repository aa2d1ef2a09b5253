"""Traffic vehicle by vehicle: flows become ways, tables become SUMO's files and back, and SUMO runs."""

import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from dothi.errors import EngineMissingError
from dothi.microsim import convert
from dothi.microsim.model import MicrosimModel, MicrosimParams
from dothi.microsim.routes import Streets, fitted, ways_from_flows
from dothi.microsim.sumo import Sumo, count

needs_sumo = pytest.mark.skipif(importlib.util.find_spec("sumo") is None, reason="SUMO is not installed")


def ring(n=6):
    """A one-way ring of links of 100 m, 10 s each."""
    return Streets(np.full(n, 100.0), np.full(n, 10.0), [[(link + 1) % n] for link in range(n)])


def test_ways_add_up_to_the_flows():
    flow = np.full(6, 360.0)
    ways = ways_from_flows(ring(), flow, kind="car", duration_s=3600.0, rng=np.random.default_rng(1))
    drawn = np.bincount([link for way in ways for link in way.links], minlength=6)
    assert (convert.geh(drawn.astype(float), flow) < 1.5).all()
    departs = [way.depart_s for way in ways]
    assert departs == sorted(departs)
    assert all(0.0 <= depart < 3600.0 for depart in departs)
    assert all(turn == (link + 1) % 6 for way in ways for link, turn in zip(way.links[:-1], way.links[1:], strict=True))


def test_links_without_flow_are_not_driven_along():
    flow = np.array([0.0, 100.0, 100.0, 100.0, 0.0, 0.0])
    ways = ways_from_flows(ring(), flow, kind="car", duration_s=3600.0, rng=np.random.default_rng(1))
    assert {link for way in ways for link in way.links} == {1, 2, 3}
    assert ways_from_flows(ring(), 0.0 * flow, kind="car", duration_s=3600.0, rng=np.random.default_rng(1)) == []


def test_weights_of_ways_are_found_where_they_are_unique():
    # links 0 1 2; ways 0-1 and 1-2: counts 30, 80, 50 tell the weights 30 and 50
    found = fitted(np.array([0, 2, 4]), np.array([0, 1, 1, 2]), np.array([30.0, 80.0, 50.0]), np.array([200.0, 200.0]))
    assert_allclose(found, [30.0, 50.0], rtol=1e-3)


def test_geh_is_that_of_its_definition():
    assert_allclose(convert.geh(np.array([110.0, 0.0, 0.0]), np.array([90.0, 0.0, 50.0])), [2.0, 0.0, 10.0])


def test_signals_stand_where_two_busy_streets_cross(little_city):
    links = little_city["links"]
    flow = np.where((links["to_node_id"] == 12).to_numpy(), 300.0, 10.0)
    assert convert.busy_crossings(links, flow, 800.0).tolist() == [12]
    one = (links["from_node_id"] == 11).to_numpy() & (links["to_node_id"] == 12).to_numpy()
    assert convert.busy_crossings(links, np.where(one, 1200.0, 10.0), 800.0).tolist() == []


def test_an_area_of_one_corner_is_refused():
    with pytest.raises(ValueError, match="two corners"):
        MicrosimParams(area=((0.0, 0.0),))


def test_without_sumo_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("dothi.microsim.sumo.find_spec", lambda name: None)
    with pytest.raises(EngineMissingError, match=r"pip install 'dothi\[microsim\]'"):
        Sumo.find()


def test_numbers_are_read_from_what_sumo_says():
    said = "Vehicles:\n Inserted: 12 (Loaded: 15)\n Running: 3\n Waiting: 2\nTeleports: 4 (Jam: 4)\n"
    assert [count(said, label) for label in ("Inserted", "Running", "Waiting", "Teleports", "Nothing")] == [
        12,
        3,
        2,
        4,
        0,
    ]


def test_edge_data_queues_and_ways_become_tables(tmp_path):
    ids = pd.Index([7, 8, 9])
    (tmp_path / "edges.xml").write_text(
        '<meandata><interval begin="0" end="1800"><edge id="7" entered="50" departed="10" left="55" arrived="5" '
        'timeLoss="600" speed="5.5"/></interval></meandata>'
    )
    found = convert.read_edges(tmp_path / "edges.xml", ids, 0.5)
    assert found["microsim_volume_veh_h"].tolist() == [120.0, 0.0, 0.0]
    assert found["microsim_delay_s"].iloc[0] == 10.0
    assert found["microsim_delay_s"].isna().tolist() == [False, True, True]
    (tmp_path / "queues.xml").write_text(
        '<queue-export><data timestep="60.00"><lanes><lane id="8_0" queueing_length="99"/></lanes></data>'
        '<data timestep="120.00"><lanes><lane id="8_0" queueing_length="10"/><lane id="8_1" queueing_length="30"/>'
        '</lanes></data><data timestep="180.00"><lanes/></data></queue-export>'
    )
    assert convert.read_queues(tmp_path / "queues.xml", ids, 100.0).tolist() == [0.0, 15.0, 0.0]
    (tmp_path / "fcd.xml").write_text(
        '<fcd-export><timestep time="100.00"><vehicle id="3" x="1" y="2" type="car"/></timestep>'
        '<timestep time="105.00"><vehicle id="3" x="11" y="2" type="car"/><vehicle id="4" x="0" y="0" type="bus"/>'
        "</timestep></fcd-export>"
    )
    ways = convert.read_trajectories(tmp_path / "fcd.xml", 5.0, "EPSG:2154")
    assert ways["mode"].tolist() == ["car"]
    assert ways["begin_s"].tolist() == [100.0]
    assert list(ways.geometry.iloc[0].coords) == [(1.0, 2.0), (11.0, 2.0)]


@pytest.fixture
def flowing(little_city):
    """Little town with 120 cars and 60 motorbikes an hour on every link of its southern street, both ways."""
    links = little_city["links"]
    south = (links.geometry.centroid.y < little_city.bounds[1] + 1.0).to_numpy()
    flows = {f"volume_{kind}_veh_h": 0.0 for kind in ("bus", "truck")}
    flows |= {"volume_car_veh_h": np.where(south, 120.0, 0.0), "volume_motorbike_veh_h": np.where(south, 60.0, 0.0)}
    return little_city.with_tables(links=links.assign(**flows, time_car_s=10.0, saturation=0.2))


@needs_sumo
def test_network_of_sumo_has_the_links_and_the_turns_of_the_city(little_city, tmp_path):
    links = little_city["links"]
    model = MicrosimModel()
    net = model._network(little_city["nodes"], links, [12], Sumo.find(), tmp_path)
    onward = convert.read_connections(net, links.index)
    head, tail = links["to_node_id"].to_numpy(), links["from_node_id"].to_numpy()
    assert all(tail[turn] == head[link] for link, turns in enumerate(onward) for turn in turns)
    assert sum(len(turns) for turns in onward) == sum(
        (tail == head[link]).sum() - 1 for link in range(len(links))
    )  # every turn but the one back
    assert 'type="traffic_light"' in net.read_text(encoding="utf-8")
    edges = [element.get("id") for element in convert._elements(net, "edge")]
    assert {edge for edge in edges if not edge.startswith(":")} == set(map(str, links.index))


@needs_sumo
def test_sumo_runs_the_flows_of_a_city(flowing):
    params = MicrosimParams(duration_s=900.0, warm_up_s=300.0, trajectory_share=1.0)
    found = MicrosimModel(params).run(flowing)
    links, told = found.tables["links"], found.diagnostics
    used = flowing["links"]["volume_car_veh_h"].to_numpy() > 0.0
    assert links["microsim_volume_veh_h"][used].mean() == pytest.approx(180.0, rel=0.15)
    assert links["microsim_volume_veh_h"][~used].sum() == 0.0
    assert told["share_of_links_geh_below_5"] == 1.0
    assert told["teleported"] == 0
    assert told["inserted"] == told["vehicles"]
    assert set(found.tables["trajectories"]["mode"]) == {"car", "motorbike"}
    assert found.tables["trajectories"].crs == flowing.crs
    box = MicrosimParams(duration_s=300.0, warm_up_s=0.0, area=((355_000.0, 6_688_990.0), (355_200.0, 6_689_010.0)))
    assert len(MicrosimModel(box).run(flowing).tables["links"]) == 4


def test_flow_beyond_capacity_is_not_put_in(flowing):
    links = flowing["links"].assign(saturation=[0.0, 0.85, 1.7, 3.4] * (len(flowing["links"]) // 4))
    assert_allclose(MicrosimModel()._passing(links)[:4], [1.0, 1.0, 0.5, 0.25])


@needs_sumo
def test_what_sumo_refuses_is_told(tmp_path):
    from dothi.errors import InputError

    with pytest.raises(InputError, match="netconvert of SUMO runs"):
        Sumo.find().run("netconvert", ["--node-files", "nothing.xml"], tmp_path)


def test_model_is_imported_without_sumo():
    assert "sumo" not in sys.modules


@needs_sumo
def test_a_simulation_that_was_broken_off_gives_no_result(flowing, monkeypatch):
    from dothi.errors import InputError

    monkeypatch.setattr("dothi.microsim.model.ENDED", "what SUMO never says")
    with pytest.raises(InputError, match="to the last step"):
        MicrosimModel(MicrosimParams(duration_s=300.0, warm_up_s=0.0)).run(flowing)
