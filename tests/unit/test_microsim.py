"""Traffic vehicle by vehicle: flows become ways, tables become SUMO's files and back, and SUMO runs."""

import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.errors import EngineMissingError
from dothi.microsim import convert
from dothi.microsim.jam import Course, read_course
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
    edges = [element.get("id") for element in convert.elements(net, "edge")]
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


def course(running, waiting=0.0, begin_s=0.0, end_s=540.0):
    running = np.array(running, dtype=float)
    return Course(60.0 * np.arange(len(running)), running, running * 0.0 + waiting, begin_s, end_s, 5.0)


def test_streets_that_level_off_and_empty_are_not_locked():
    level = course([100] * 9 + [40, 10, 0, 0])
    assert level.growth == 0.0
    assert level.emptied_s == 120.0  # the last departure is at 540 s, nobody is left at 660 s
    assert not level.locked(5, 1000, 900.0)


def test_streets_lock_where_vehicles_are_moved_on_pile_up_or_stay():
    assert course([100] * 9 + [0]).locked(6, 1000, 900.0)
    growing = course([1000, 1000, 1000, 1100, 1200, 1250, 1300, 1300, 1300, 0])
    assert growing.growth == pytest.approx(0.3)
    assert growing.locked(0, 9000, 900.0)
    assert not course([2, 2, 2, 2, 2, 3, 3, 3, 3, 0]).locked(0, 1000, 900.0)  # so few vary by chance
    stays = course([100] * 9 + [50, 50, 50])
    assert stays.emptied_s is None
    assert stays.locked(0, 1000, 900.0)
    assert not stays.locked(0, 1000, 0.0)  # no time was given to empty
    assert course([100] * 9 + [0], waiting=3.0).emptied_s is None


def test_course_is_read_from_the_summary(tmp_path):
    (tmp_path / "summary.xml").write_text(
        '<summary><step time="0" running="0" waiting="0" meanSpeed="-1"/>'
        '<step time="60" running="10" waiting="1" meanSpeed="4"/>'
        '<step time="120" running="30" waiting="0" meanSpeed="8"/>'
        '<step time="180" running="0" waiting="0" meanSpeed="-1"/></summary>'
    )
    found = read_course(tmp_path / "summary.xml", 0.0, 150.0)
    assert found.speed_m_s == 7.0
    assert found.thinned() == [0, 10, 30, 0]
    assert found.emptied_s == 30.0


@pytest.fixture
def ring_road():
    """A one-way ring of four links of 8 m, with four streets of 100 m, both ways, that end on it."""
    import geopandas as gpd

    corners = np.array([(4.0, 4.0), (-4.0, 4.0), (-4.0, -4.0), (4.0, -4.0)])
    xy = np.vstack([corners, corners * 20.0])
    start, end = np.r_[0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3], np.r_[1, 2, 3, 0, 0, 1, 2, 3, 4, 5, 6, 7]
    modes = dict.fromkeys(("car", "motorbike", "bus", "truck"), True)
    reverse = np.r_[[-1] * 4, np.arange(8, 12), np.arange(4, 8)]
    lines = shapely.linestrings(np.stack([xy[start], xy[end]], axis=1))
    # round, or SUMO does not take it for a roundabout
    bulge = (xy[start] + xy[end])[:4] * 0.5 * np.sqrt(2.0)
    lines[:4] = shapely.linestrings(np.stack([xy[start][:4], bulge, xy[end][:4]], axis=1))
    columns = {"from_node_id": start, "to_node_id": end, "reverse_link_id": reverse, "class": "secondary", "lanes": 1.0}
    links = gpd.GeoDataFrame({"geometry": lines, **columns, "free_speed_m_s": 8.0, **modes}, crs="EPSG:2154")
    return gpd.GeoDataFrame(geometry=shapely.points(xy), crs="EPSG:2154"), links


@needs_sumo
def test_a_small_roundabout_is_one_crossing(ring_road, tmp_path):
    nodes, links = ring_road
    net = MicrosimModel()._network(nodes, links, [], Sumo.find(), tmp_path)
    assert convert.read_kept(net, links.index).tolist() == [False] * 4 + [True] * 8
    onward = convert.read_connections(net, links.index)
    assert all(set(onward[entry]) >= {8, 9, 10, 11} - {entry + 4} for entry in range(4, 8))


@needs_sumo
def test_each_crossing_has_signals_of_its_own(ring_road, tmp_path):
    nodes, links = ring_road
    apart = nodes.set_geometry(nodes.scale(2.5, 2.5, origin=(0.0, 0.0)))  # 20 m from crossing to crossing
    xy = shapely.get_coordinates(np.asarray(apart.geometry.array, dtype=object))
    lines = shapely.linestrings(np.stack([xy[links["from_node_id"]], xy[links["to_node_id"]]], axis=1))
    model = MicrosimModel(MicrosimParams(join_m=0.0))
    net = model._network(apart, links.set_geometry(lines, crs=links.crs), [0, 1], Sumo.find(), tmp_path)
    assert net.read_text(encoding="utf-8").count("<tlLogic") == 2


@needs_sumo
@pytest.mark.parametrize("resolution", ["meso", "micro"])
def test_streets_with_little_traffic_do_not_lock(flowing, resolution):
    params = MicrosimParams(duration_s=600.0, warm_up_s=300.0, drain_s=600.0, resolution=resolution)
    told = MicrosimModel(params).run(flowing).diagnostics
    assert told["resolution"] == resolution
    assert told["arrived"] == told["vehicles"]
    assert told["emptied_s"] <= 300.0
    assert told["flow_withheld_veh_km_h"] == 0.0
    assert not told["gridlock"]


@needs_sumo
def test_more_than_a_street_can_carry_is_told_as_gridlock(flowing):
    links = flowing["links"]
    much = flowing.with_tables(links=links.assign(volume_car_veh_h=links["volume_car_veh_h"] * 30.0))
    params = MicrosimParams(duration_s=600.0, warm_up_s=300.0, drain_s=0.0, resolution="meso")
    assert MicrosimModel(params).run(much).diagnostics["gridlock"]
