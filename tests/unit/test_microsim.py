"""Traffic vehicle by vehicle: flows become ways, tables become SUMO's files and back, and SUMO runs."""

import importlib.util
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.errors import EngineMissingError
from dothi.microsim import convert
from dothi.microsim.crossings import Crossings, find_crossings
from dothi.microsim.jam import Course, read_course
from dothi.microsim.model import MicrosimModel, MicrosimParams
from dothi.microsim.network import Network
from dothi.microsim.routes import Streets, Way, ends_of, fitted, ways_from_flows
from dothi.microsim.signals import best_plans, fitted_plan, where_signals
from dothi.microsim.streams import Streams, equivalent, gap_capacity_pcu_h, read_streams
from dothi.microsim.sumo import Sumo, count

needs_sumo = pytest.mark.skipif(importlib.util.find_spec("sumo") is None, reason="SUMO is not installed")


def ring(n=6):
    """A one-way ring of links of 100 m, 10 s each."""
    return Streets(np.full(n, 10.0), [[(link + 1) % n] for link in range(n)])


def drawn(flow, **more):
    return ways_from_flows(ring(), flow, kind="car", duration_s=3600.0, rng=np.random.default_rng(1), **more)


def test_ways_add_up_to_the_flows():
    flow = np.array([100.0, 360.0, 360.0, 360.0, 200.0, 0.0])
    ways = drawn(flow)
    counts = np.bincount([link for way in ways for link in way.links], minlength=6)
    assert (convert.geh(counts.astype(float), flow) < 1.5).all()
    departs = [way.depart_s for way in ways]
    assert departs == sorted(departs)
    assert all(0.0 <= depart < 3600.0 for depart in departs)
    assert all(turn == (link + 1) % 6 for way in ways for link, turn in zip(way.links[:-1], way.links[1:], strict=True))


def test_vehicles_set_out_and_end_where_flow_comes_and_goes():
    ways = drawn(np.array([100.0, 360.0, 360.0, 360.0, 200.0, 0.0]))
    assert {way.links[0] for way in ways} == {0, 1}  # 100 at the beginning of link 0, 260 more at that of link 1
    assert {way.links[-1] for way in ways} == {3, 4}
    begin, end = ends_of(ring(), np.array([100.0, 360.0, 360.0, 360.0, 200.0, 0.0]))
    assert_allclose(begin, [100.0, 260.0, 0.0, 0.0, 0.0, 0.0])
    assert_allclose(end, [0.0, 0.0, 0.0, 160.0, 200.0, 0.0])


def test_what_comes_to_a_dead_end_stays_and_what_leaves_it_sets_out_there():
    back_and_forth = Streets(np.full(4, 10.0), [[1], [], [3], []])  # 0 1 lead there, 2 3 back
    begin, end = ends_of(back_and_forth, np.full(4, 50.0))
    assert_allclose(begin, [50.0, 0.0, 50.0, 0.0])
    assert_allclose(end, [0.0, 50.0, 0.0, 50.0])


def test_links_without_flow_are_not_driven_along():
    flow = np.array([0.0, 100.0, 100.0, 100.0, 0.0, 0.0])
    assert {way.links for way in drawn(flow)} == {(1, 2, 3)}
    assert drawn(0.0 * flow) == []


def test_ways_are_thinned_out_where_not_all_can_pass_and_begin_and_end_where_they_did():
    flow = np.array([0.0, 400.0, 400.0, 400.0, 0.0, 0.0])
    ways = drawn(flow, passing=np.array([1.0, 1.0, 0.25, 1.0, 1.0, 1.0]))
    assert {way.links for way in ways} == {(1, 2, 3)}
    assert 100 <= len(ways) < 400


def test_weights_of_ways_are_found_where_they_are_unique():
    # links 0 1 2; ways 0-1 and 1-2: counts 30, 80, 50 tell the weights 30 and 50
    found = fitted(np.array([0, 2, 4]), np.array([0, 1, 1, 2]), np.array([30.0, 80.0, 50.0]), np.array([200.0, 200.0]))
    assert_allclose(found, [30.0, 50.0], rtol=1e-3)


def test_geh_is_that_of_its_definition():
    assert_allclose(convert.geh(np.array([110.0, 0.0, 0.0]), np.array([90.0, 0.0, 50.0])), [2.0, 0.0, 10.0])


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


def network(nodes, links, folder, join_m=25.0, ring_m=40.0, lit=()):
    """A network of SUMO, with signals at some nodes."""
    made = Network.made(nodes, links, join_m, ring_m, Sumo.find(), folder)
    if lit:
        made._convert(lit, made.path)
    return made.path


@needs_sumo
def test_network_of_sumo_has_the_links_and_the_turns_of_the_city(little_city, tmp_path):
    links = little_city["links"]
    net = network(little_city["nodes"], links, tmp_path, lit=[12])
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


def test_vehicles_move_in_stripes_where_many_are_motorbikes():
    cars, motorbikes = [Way("car", 0.0, (0,))] * 4, [Way("motorbike", 0.0, (0,))]
    assert MicrosimModel()._stripes_m(cars + motorbikes) == 0.8
    assert MicrosimModel()._stripes_m(cars * 2 + motorbikes) == 0.0


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
    net = network(nodes, links, tmp_path)
    assert convert.read_kept(net, links.index).tolist() == [False] * 4 + [True] * 8
    onward = convert.read_connections(net, links.index)
    assert all(set(onward[entry]) >= {8, 9, 10, 11} - {entry + 4} for entry in range(4, 8))


@needs_sumo
def test_each_crossing_has_signals_of_its_own(ring_road, tmp_path):
    nodes, links = ring_road
    apart = nodes.set_geometry(nodes.scale(2.5, 2.5, origin=(0.0, 0.0)))  # 20 m from crossing to crossing
    xy = shapely.get_coordinates(np.asarray(apart.geometry.array, dtype=object))
    lines = shapely.linestrings(np.stack([xy[links["from_node_id"]], xy[links["to_node_id"]]], axis=1))
    net = network(apart, links.set_geometry(lines, crs=links.crs), tmp_path, join_m=0.0, lit=[0, 1])
    assert net.read_text(encoding="utf-8").count("<tlLogic") == 2


def test_nodes_close_together_are_one_crossing_and_those_of_a_large_roundabout_stay_apart(ring_road):
    nodes, links = ring_road
    assert find_crossings(nodes, links, 10.0, 0.0) == Crossings(((0, 1, 2, 3),), ())
    assert find_crossings(nodes, links, 5.0, 0.0) == Crossings((), ())
    flagged = links.assign(roundabout=[True] * 4 + [False] * 8)
    assert find_crossings(nodes, flagged, 10.0, 30.0) == Crossings((), ((0, 1, 2, 3),))
    assert find_crossings(nodes, flagged, 5.0, 50.0) == Crossings(((0, 1, 2, 3),), ())


def test_short_streets_in_a_row_are_not_one_crossing(ring_road):
    nodes, links = ring_road
    found = find_crossings(nodes, links, 2.0, 0.0)
    assert found.joined == ()
    far = nodes.set_geometry(nodes.scale(1.0, 10.0, origin=(0.0, 0.0)))  # 80 m from north to south, by links of 8 m
    assert find_crossings(far, links, 10.0, 0.0).joined == ((0, 1), (2, 3))


@needs_sumo
def test_a_large_roundabout_stays_one_and_goes_first(ring_road, tmp_path):
    nodes, links = ring_road
    wide = nodes.set_geometry(nodes.scale(5.0, 5.0, origin=(0.0, 0.0)))
    flagged = links.assign(roundabout=[True] * 4 + [False] * 8)
    flagged = flagged.set_geometry(flagged.scale(5.0, 5.0, origin=(0.0, 0.0)))
    net = network(wide, flagged, tmp_path)
    assert convert.read_kept(net, flagged.index).all()
    streams = read_streams(net, flagged.index)
    turns = list(zip(streams.start, streams.end, streams.first, strict=True))
    assert not any(first for start, _, first in turns if start < 4)
    assert all(first for start, end, first in turns if start >= 4 > end)


def test_gaps_pass_what_harders_says():
    q = 600.0 / 3600.0
    assert_allclose(gap_capacity_pcu_h(np.array([600.0])), 600.0 * np.exp(-q * 6.2) / (1.0 - np.exp(-q * 3.3)))
    assert gap_capacity_pcu_h(np.array([0.0]))[0] == 1900.0  # nobody goes first


def test_drivers_keep_longer_gaps_where_they_are_faster():
    assert convert.gap_s(6.9) == pytest.approx(3600.0 / 1900.0 - 1.29 * 5.9 / 6.9)
    assert convert.gap_s(1.0) == 0.6
    assert convert.gap_s(100.0) == 1.5


def test_a_vehicle_counts_for_the_length_it_takes_up():
    assert equivalent("car") == 1.0
    assert equivalent("bus") == pytest.approx((12.0 + 2.0) / (4.4 + 1.5))
    assert equivalent("motorbike") < 0.5


@pytest.fixture
def two_streams():
    """A crossing of two one-way streets, the second of which yields to the first."""
    start, end = np.array([0, 1]), np.array([2, 3])
    at, names = {"x": [0, 1]}, {"lamp": "x"}
    return Streams(["x", "x"], start, end, np.zeros(2, int), np.ones(2), [[], [0]], np.array([0, 1]), at, names)


PHASES = [("Gr", 30.0), ("yr", 3.0), ("rG", 30.0), ("ry", 3.0)]


def test_flows_of_turns_are_those_of_the_ways(two_streams):
    ways = [Way("car", 0.0, (0, 2)), Way("car", 1.0, (0, 2)), Way("motorbike", 2.0, (1, 3))]
    assert_allclose(two_streams.flows(ways, 0.5), [4.0, 2.0 * equivalent("motorbike")])


def test_who_yields_loads_a_crossing_by_the_gaps_left(two_streams):
    load = two_streams.load(np.array([600.0, 300.0]))
    assert_allclose(load["x"], 300.0 / gap_capacity_pcu_h(np.array([600.0]))[0])


def test_green_is_shared_as_flow_over_capacity_and_the_cycle_is_that_of_webster(two_streams):
    plan = fitted_plan(two_streams, [0, 1], np.array([950.0, 475.0]), PHASES)
    cycle = (1.5 * 6.0 + 5.0) / (1.0 - 0.75)  # y is 0.5 and 0.25
    assert sum(plan.seconds) == pytest.approx(cycle, abs=1.0)
    assert plan.seconds[0] == pytest.approx(2.0 * plan.seconds[2], abs=1.5)
    assert plan.seconds[1] == plan.seconds[3] == 3.0
    assert plan.reserve == pytest.approx((1.0 - 6.0 / sum(plan.seconds)) / 0.75)


def test_a_phase_in_which_part_of_a_lane_has_red_passes_nothing_of_it(two_streams):
    shared = replace(two_streams, start=np.array([0, 0]), end=np.array([2, 3]))  # both turns from one lane
    plan = fitted_plan(shared, [0, 1], np.array([400.0, 400.0]), [*PHASES, ("GG", 20.0)])
    assert plan.seconds[4] > plan.seconds[0] == plan.seconds[2] == 6.0


def test_who_yields_at_green_has_only_the_gaps_of_those_who_have_green_too(two_streams):
    flow = np.array([600.0, 300.0])
    together = fitted_plan(two_streams, [0, 1], flow, [("Gg", 30.0)])
    assert together.reserve == pytest.approx(gap_capacity_pcu_h(np.array([600.0]))[0] / 300.0)


def test_of_several_orders_of_phases_the_one_that_passes_most_is_taken(two_streams):
    flow = np.array([600.0, 300.0])
    worse = [("Gr", 30.0), ("yr", 20.0), ("rG", 30.0), ("ry", 20.0)]
    found = best_plans(two_streams, flow, [{"lamp": worse}, {"lamp": PHASES}])
    assert found == {"lamp": fitted_plan(two_streams, [0, 1], flow, PHASES)}


def test_signals_stand_only_where_they_pass_more_than_gaps(two_streams):
    plans = best_plans(two_streams, np.array([600.0, 300.0]), [{"lamp": PHASES}])
    reserve = plans["lamp"].reserve
    assert where_signals({"x": 1.1 / reserve}, plans, {"lamp": "x"}) == ["x"]
    assert where_signals({"x": 0.9 / reserve}, plans, {"lamp": "x"}) == []


@needs_sumo
def test_signals_stand_where_streets_with_much_traffic_cross(flowing, tmp_path):
    links, nodes = flowing["links"], flowing["nodes"]
    made = Network.made(nodes, links, 25.0, 30.0, Sumo.find(), tmp_path)
    onward = convert.read_connections(made.path, links.index)
    crossing = [
        (one, other) for one, turns in enumerate(onward) for other in turns if links["to_node_id"].iloc[one] == 12
    ]
    few = [Way("car", 0.0, pair) for pair in crossing]
    assert not made.with_signals(few, 1.0, 0.7).reserve
    many = made.with_signals(few * 250, 1.0, 0.7)
    assert list(many.reserve) == ["12"]
    assert 'programID="fitted"' in many.plans.read_text(encoding="utf-8")
    crowd = replace(many, reserve={"12": 0.5})
    assert crowd.beyond == ["12"]
    into = (links["to_node_id"] == 12).to_numpy()
    assert_allclose(crowd.passing(), np.where(into, 0.45, 1.0))


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
