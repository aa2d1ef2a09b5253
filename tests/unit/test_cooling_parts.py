"""Parts of networks of cold: streets, trees, sizes, plant and cost."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.cooling.data import district
from dothi.cooling.economy import cop_alone, costs_of
from dothi.cooling.kernels import colebrook, drop, solve_symmetric
from dothi.cooling.layout import Catalogue, lay, peak_loads, sized
from dothi.cooling.network import Network, Topology, depths, served, simulate_hour, simulate_year
from dothi.cooling.plant import chillers, humidity_of, run_plant, stored, wet_bulb
from dothi.cooling.propose import proposals
from dothi.cooling.steiner import steiner_tree
from dothi.cooling.streets import joined, streets_of
from dothi.cooling.water import Service
from dothi.place import load

COLD = Service(5.0, 14.0)
FACTORS = {"residential": 1.0, "primary": 1.5, "bridge": 3.0}


def links_of(rows):
    """Links from (from, to, line, class, bridge, tunnel)."""
    names = ["from_node_id", "to_node_id", "geometry", "class", "bridge", "tunnel"]
    frame = gpd.GeoDataFrame([dict(zip(names, row, strict=True)) for row in rows], crs="EPSG:2154")
    return frame.assign(length_m=frame.geometry.length)


def nodes_of(*xy):
    return gpd.GeoDataFrame({"geometry": shapely.points(np.array(xy, dtype=float))}, crs="EPSG:2154")


def line(*xy):
    return shapely.LineString(xy)


@pytest.fixture
def cross():
    """A street of 200 m with a crossing in its middle, from which another goes north."""
    nodes = nodes_of((0, 0), (100, 0), (200, 0), (100, 100))
    both = []
    for a, b, course in ((0, 1, [(0, 0), (100, 0)]), (1, 2, [(100, 0), (200, 0)]), (1, 3, [(100, 0), (100, 100)])):
        both += [(a, b, line(*course), "residential", False, False)]
        both += [(b, a, line(*course[::-1]), "residential", False, False)]
    return streets_of(links_of(both), nodes, FACTORS)


def test_both_directions_are_one_street_and_others_are_left_out():
    nodes = nodes_of((0, 0), (100, 0), (200, 0), (300, 0), (900, 900), (950, 900))
    rows = [
        (0, 1, line((0, 0), (100, 0)), "residential", False, False),
        (1, 0, line((100, 0), (0, 0)), "residential", False, False),
        (0, 1, line((0, 0), (50, 50), (100, 0)), "residential", False, False),  # a longer way beside it
        (1, 2, line((100, 0), (200, 0)), "primary", True, False),
        (2, 3, line((200, 0), (300, 0)), "residential", False, True),
        (2, 3, line((200, 0), (250, 9), (300, 0)), "motorway", False, False),
        (4, 5, line((900, 900), (950, 900)), "residential", False, False),  # an island
        (1, 1, line((100, 0), (110, 10), (100, 0)), "residential", False, False),
    ]
    streets = streets_of(links_of(rows), nodes, FACTORS)
    assert_allclose(sorted(streets.length_m), [100.0, 100.0])
    assert_allclose(sorted(streets.cost), [100.0, 100.0 * 1.5 * 3.0])
    assert len(streets) == 3


def test_buildings_are_joined_where_their_street_is_nearest(cross):
    houses = np.array([shapely.box(40, 10, 60, 20), shapely.box(48, -30, 52, -20), shapely.box(98, 110, 104, 120)])
    cut, node, service = joined(cross, houses)
    assert_allclose(cut.xy[node], [[50.0, 0.0], [50.0, 0.0], [100.0, 100.0]], atol=10.0)
    assert_allclose(cut.xy[node][:, 1], [0.0, 0.0, 100.0], atol=1e-9)
    assert_allclose(shapely.length(service), [10.0, 20.0, 10.0], atol=0.1)
    assert_allclose(cut.length_m.sum(), cross.length_m.sum())
    assert_allclose(shapely.length(cut.line), cut.length_m)
    for a, b, course in zip(cut.one, cut.other, cut.line, strict=True):
        ends = shapely.get_coordinates(course)[[0, -1]]
        assert_allclose(ends, cut.xy[[a, b]], atol=1e-9)


def test_a_building_over_its_street_has_a_pipe_of_some_length(cross):
    _, _, service = joined(cross, np.array([shapely.box(30, -20, 60, 40)]))
    assert shapely.length(service)[0] > 1.0


def test_pipes_one_after_the_other_are_one(cross):
    houses = np.array([shapely.box(10, 10, 20, 20), shapely.box(95, 110, 105, 120)])
    layout = lay(cross, houses, np.array([1.0, 1.0]), (200.0, 0.0))
    assert len(layout.length_m) == 4  # to the crossing, and from there one pipe to each building
    assert_allclose(sorted(layout.length_m[1:]), [90.0 + 0.0, 100.0, 110.0], atol=1.0)
    assert_allclose(shapely.length(layout.line[1:]), layout.length_m[1:])
    start = shapely.get_coordinates(shapely.get_point(layout.line[1:], 0))
    assert_allclose(start[layout.topology.parent[1:] == 0], [[200.0, 0.0]])
    assert_allclose(depths(layout.topology, layout.length_m).max(), 210.0, atol=1.0)


def test_the_plant_stands_in_the_middle_of_what_is_needed(cross):
    houses = np.array([shapely.box(-5, 10, 5, 20), shapely.box(195, 10, 205, 20)])
    near = lay(cross, houses, np.array([99.0, 1.0])).plant
    assert (near.x, near.y) == (0.0, 0.0)
    even = lay(cross, houses, np.array([0.0, 0.0])).plant
    assert even.x == 100.0


def test_a_tree_prefers_streets_that_are_cheap_to_dig_up():
    one, other = np.array([0, 1, 0, 2]), np.array([1, 3, 2, 3])
    assert steiner_tree(4, one, other, np.array([1.0, 1.0, 1.0, 1.5]), np.array([0, 3])).tolist() == [0, 1]
    assert steiner_tree(4, one, other, np.array([1.0, 2.0, 1.0, 1.5]), np.array([0, 3])).tolist() == [2, 3]
    assert not len(steiner_tree(4, one, other, np.ones(4), np.array([2])))
    with pytest.raises(ValueError, match="nothing joins"):
        steiner_tree(5, one, other, np.ones(4), np.array([0, 4]))


def test_loads_behind_a_pipe_add_up_hour_by_hour():
    topology = Topology.of(np.array([-1, 0, 1, 1]))
    loads = np.array([[5.0, 0.0, 1.0], [0.0, 4.0, 3.0]])
    assert_allclose(peak_loads(topology, np.array([2, 3]), loads), [0.0, 5.0, 5.0, 4.0])
    assert served(Topology.of(np.array([-1, 0, 1, 1, 0])), np.array([2])).tolist() == [True, True, True, False, False]


def test_sizes_are_the_smallest_that_keep_both_limits(cross):
    rules = {"gradient_pa_m": 150.0, "velocity_m_s": 1.8}
    catalogue = Catalogue.of(district()["pipes"])
    layout = lay(cross, np.array([shapely.box(10, 10, 20, 20)]), np.ones(1))
    rho, mu = COLD.water[:2]
    for peak in (2e4, 3e5, 5e6):
        network, choice = sized(layout, catalogue, COLD, np.full(layout.topology.n_pipes, peak), rules, 0.2)
        flow, pick = peak / (COLD.cp * 9.0), choice[1]
        inner = catalogue.inner_m[pick]
        assert drop(flow, 1.0, inner, catalogue.roughness_m, rho, mu)[0] <= 150.0 * (1 + 1e-9)
        assert flow / rho / (np.pi / 4.0 * inner**2) <= 1.8 * (1 + 1e-9)
        less = catalogue.inner_m[pick - 1]
        too_much = drop(flow, 1.0, less, catalogue.roughness_m, rho, mu)[0] > 150.0
        assert too_much or flow / rho / (np.pi / 4.0 * less**2) > 1.8
        assert network.diameter_m[1] == inner
        assert network.loss_w_m_k[1] == catalogue.loss_w_m_k[pick]
    huge, choice = sized(layout, catalogue, COLD, np.full(layout.topology.n_pipes, 1e12), rules, 0.2)
    assert (huge.diameter_m == catalogue.inner_m[-1]).all()


def two_ways(loads, at=(1, 2), ground=18.0, service=COLD):
    topology = Topology.of(np.array([-1, 0, 0]))
    given = [np.full(3, value) for value in (200.0, 0.1, 1e-4, 0.3)]
    return simulate_hour(Network(topology, np.array(at), *given), service, np.array(loads), ground)


def test_water_that_stands_is_as_warm_as_the_ground_and_asks_for_nothing():
    hour = two_ways([1e5, 0.0])
    assert hour.flow_kg_s[2] == 0.0
    assert hour.supply_c[2] == hour.return_c[2] == 18.0
    assert hour.supply_loss_w[2] == hour.return_loss_w[2] == 0.0
    assert hour.supply_pa[2] == 0.0
    assert np.isfinite(np.r_[hour.supply_c, hour.return_c, hour.supply_pa, hour.return_pa]).all()
    still = two_ways([0.0, 0.0])
    assert not still.flow_kg_s.any()


def test_a_drop_of_water_on_a_long_way_still_carries_its_load():
    hour = two_ways([1e5, 20.0])  # the supply would come warmer than the return is to be
    assert hour.agreed
    sent = hour.draw_kg_s[2] * COLD.cp
    assert_allclose(sent * COLD.least_k, 20.0, rtol=1e-6)
    plant = hour.flow_kg_s[0] * COLD.cp * (hour.return_c[0] - 5.0)
    assert_allclose(plant, 1e5 + 20.0 - hour.supply_loss_w.sum() - hour.return_loss_w.sum(), rtol=1e-9)


def test_two_flows_mix_by_their_weight():
    hour = two_ways([1e5, 3e5])
    cp = COLD.cp
    arrive = []
    for pipe in (1, 2):
        share = np.exp(-0.3 * 200.0 / (hour.flow_kg_s[pipe] * cp))
        arrive.append(18.0 + (hour.return_c[pipe] - 18.0) * share)
    mean = np.average(arrive, weights=hour.flow_kg_s[1:])
    assert_allclose(hour.return_c[0], mean, rtol=1e-12)
    assert_allclose(hour.return_c[1:], 14.0, rtol=1e-6)


def test_more_fittings_and_longer_ways_cost_pressure_as_they_should():
    topology = Topology.of(np.array([-1, 0]))
    whole = [np.full(2, value) for value in (100.0, 0.1, 1e-4, 0.3)]
    plain = simulate_hour(Network(topology, np.array([1]), *whole), COLD, np.array([2e5]), 10.0)
    bent = simulate_hour(Network(topology, np.array([1]), *whole, 0.25), COLD, np.array([2e5]), 10.0)
    assert_allclose(bent.supply_pa[1] / plain.supply_pa[1], 1.25)
    assert_allclose(bent.supply_loss_w, plain.supply_loss_w)  # no heat passes through what fittings count for


def test_the_pump_serves_the_building_that_is_worst_off():
    topology = Topology.of(np.array([-1, 0, 0]))
    length = np.array([0.0, 100.0, 400.0])
    network = Network(topology, np.array([1, 2]), length, *(np.full(3, value) for value in (0.1, 1e-4, 0.3)))
    load = np.outer([2e5, 2e5], [1.0, 0.0, 0.25])
    year = simulate_year(network, COLD, load, np.full(3, 15.0), 6e4)
    hour, later = (simulate_hour(network, COLD, load[:, t], 15.0) for t in (0, 2))
    assert_allclose(year.pump_pa[0], 6e4 + (-hour.supply_pa[2] + hour.return_pa[2]))
    rho = (COLD.water[0] + COLD.water[2]) / 2.0
    assert_allclose(year.water_w[0], year.pump_pa[0] * hour.flow_kg_s[0] / rho)
    assert year.pump_pa[1] == year.water_w[1] == year.flow_kg_s[1] == 0.0
    assert_allclose(year.peak_flow_kg_s[1:], hour.flow_kg_s[1:])
    assert_allclose(year.mean_flow_kg_s[1:], (hour.flow_kg_s + later.flow_kg_s)[1:] / 3.0)
    both = [one.supply_loss_w + one.return_loss_w for one in (hour, later)]
    assert_allclose(year.pipe_loss_wh, both[0] + both[1])
    assert_allclose(year.supply_loss_w, [hour.supply_loss_w.sum(), 0.0, later.supply_loss_w.sum()])
    assert_allclose(year.return_loss_w, [hour.return_loss_w.sum(), 0.0, later.return_loss_w.sum()])
    assert_allclose(year.return_c, [hour.return_c[0], 15.0, later.return_c[0]])
    assert_allclose(year.load_wh, 2.5e5)
    assert_allclose(year.peak_w, 2e5)
    assert_allclose(year.peak_loss_pa[2], -hour.supply_pa[2])
    assert_allclose(year.supply_c, (hour.supply_c + 0.25 * later.supply_c)[1:] / 1.25)


def test_systems_of_loops_are_solved_exactly():
    rng = np.random.default_rng(2)
    root = rng.normal(size=(4, 4))
    matrix, right = root @ root.T + np.eye(4), rng.normal(size=4)
    found = right.copy()
    solve_symmetric(matrix.copy(), found)
    assert_allclose(matrix @ found, right, rtol=1e-10)


def test_bad_networks_are_refused():
    topology = Topology.of(np.array([-1, 0]))
    good = [np.full(2, value) for value in (100.0, 0.1, 1e-4, 0.0)]
    with pytest.raises(ValueError, match="comes after its parent"):
        Topology.of(np.array([-1, 2, 1]))
    with pytest.raises(ValueError, match="comes after its parent"):
        Topology.of(np.array([-1, 0]), np.array([[0, 5]]))
    with pytest.raises(ValueError, match="node of its own"):
        simulate_hour(Network(topology, np.array([1, 1]), *good), COLD, np.ones(2), 10.0)
    with pytest.raises(ValueError, match="node of its own"):
        simulate_hour(Network(topology, np.array([7]), *good), COLD, np.ones(1), 10.0)
    with pytest.raises(ValueError, match="not negative"):
        simulate_hour(Network(topology, np.array([1]), *good), COLD, np.array([-1.0]), 10.0)
    with pytest.raises(ValueError, match="a diameter"):
        simulate_hour(Network(topology, np.array([1]), good[0][:1], *good[1:]), COLD, np.ones(1), 10.0)


def test_chillers_share_the_load_and_rest_without_one():
    data = district()
    made = np.array([0.0, 1e5, 1e6, 3e6])
    warm = np.full(4, 29.0)
    capacity, power = chillers(made, warm, 5.0, 3, data)
    assert capacity > 3e6 * 0.9
    assert power[0] == 0.0
    assert_allclose(power[2], power[3] / 3.0, rtol=1e-9)  # one of three at full load
    assert made[1] / power[1] < made[2] / power[2]  # a tenth of the load of one machine
    hot = chillers(made, warm + 5.0, 5.0, 3, data)[1]
    assert (hot[1:] > power[1:]).all()
    colder = chillers(made, warm, 4.0, 3, data)[1]
    assert (colder[1:] > power[1:]).all()
    assert chillers(np.zeros(3), warm[:3], 5.0, 2, data)[0] == 0.0


def test_towers_are_never_colder_than_they_may_be():
    need = np.full(48, 1e6)
    frost, cool = (
        run_plant(need, np.full(48, air), np.full(48, 50.0), 5.0, 0.0, 2, district()).chiller_w for air in (-5.0, 5.0)
    )
    assert_allclose(frost, cool)
    hot = run_plant(need, np.full(48, 35.0), np.full(48, 50.0), 5.0, 0.0, 2, district())
    assert hot.chiller_w[0] > cool[0]
    assert_allclose(hot.rejection_w, 0.03 * (need + hot.chiller_w))


def test_a_tank_loses_a_little_and_what_it_loses_is_made():
    need = np.tile(np.repeat([1e6, 0.0], 12), 4)
    plant = run_plant(need, np.full(96, 30.0), np.full(96, 60.0), 5.0, 6.0, 3, district())
    assert_allclose(plant.tank_wh, 6.0 * 0.5e6)
    left = plant.tank_wh + plant.made_w.sum() - need.sum() - plant.lost_wh
    assert_allclose(left, plant.level_wh[-1], rtol=1e-9)
    assert plant.lost_wh > 0.0
    assert plant.short_wh < 1.0
    assert plant.made_w.max() < 1e6
    assert (plant.level_wh >= 0.0).all()


def test_no_need_asks_for_no_plant():
    capacity, made, level, short = stored(np.zeros(5), 0.0, 0.0)
    assert (capacity, short) == (0.0, 0.0)
    assert not made.any()
    assert not level.any()


def test_dew_point_and_humidity_tell_the_same():
    air = np.array([5.0, 20.0, 35.0])
    assert_allclose(humidity_of(air, air), 100.0)
    assert_allclose(humidity_of(np.array([20.0]), np.array([9.3])), 50.0, atol=0.3)
    assert (wet_bulb(air, np.full(3, 99.0)) <= air).all()


def test_own_machines_get_worse_in_the_heat_up_to_a_limit():
    data = load("fr", "cooling")["alone"]
    found = cop_alone(np.array([-20.0, 25.0, 35.0, 45.0, 90.0]), data)
    assert_allclose(found, [5.0, 3.9, 3.2, 2.5, 1.0])


def test_costs_add_up():
    data = load("fr", "cooling")
    given = (np.array([100.0, 50.0]), np.array([0.1, 0.2]), 1e6, 200.0, np.array([6e5, 6e5]), 1e5, 2e5, data)
    costs = costs_of(*given)
    assert_allclose(costs.investment["pipes"], 100 * (430 + 303) + 50 * (430 + 606))
    assert_allclose(costs.investment["plant"], 900.0 * 1000.0)
    assert_allclose(costs.investment["tank"], 350.0 * 200.0)
    assert_allclose(costs.investment["station"], 80.0 * 1200.0)
    share = {years: 0.04 / (1.0 - 1.04**-years) for years in (17, 25, 40)}
    fixed = share[40] * (costs.investment["pipes"] + costs.investment["tank"])
    fixed += share[25] * (costs.investment["plant"] + costs.investment["station"]) + 0.02 * costs.investment["plant"]
    assert_allclose(costs.yearly, fixed + 0.18 * 1e5)
    assert_allclose(costs.investment_alone, 600.0 * 1200.0)
    assert_allclose(costs.yearly_alone, costs.investment_alone * (share[17] + 0.04) + 0.18 * 2e5)
    assert_allclose((costs.co2_kg, costs.co2_alone_kg), (3200.0, 6400.0))


def test_friction_falls_with_speed_and_rises_with_roughness():
    factors = [colebrook(reynolds, 1e-3)[0] for reynolds in (5e3, 5e4, 5e5)]
    assert factors[0] > factors[1] > factors[2]
    assert colebrook(1e5, 1e-2)[0] > colebrook(1e5, 1e-4)[0]
    assert drop(-2.0, 10.0, 0.1, 1e-4, 1000.0, 1e-3)[0] == -drop(2.0, 10.0, 0.1, 1e-4, 1000.0, 1e-3)[0]


def test_networks_are_proposed_where_streets_have_much_to_cool(cross):
    houses = np.array([shapely.box(x, 10, x + 4, 20) for x in (20.0, 60.0, 150.0)])
    houses = np.r_[houses, np.array([shapely.box(110, 60, 120, 70), shapely.box(30, -30, 40, -20)])]
    ids, demand = np.array([7, 5, 3, 9, 8]), np.array([300e3, 200e3, 250e3, 10e3, 0.0])
    found = proposals(cross, ids, houses, demand, 2.0)
    assert list(found["building_ids"]) == [[3, 5, 7]]  # both streets meet, the one to the north needs too little
    assert_allclose(found["demand_mwh"], 750.0)
    assert_allclose(found["trench_m"], 230.0)
    assert_allclose(found["density_mwh_m"], 750.0 / 230.0)
    apart = proposals(cross, ids, houses, demand, 3.0)
    assert list(apart["building_ids"]) == [[5, 7]]
    assert not len(proposals(cross, ids, houses, demand, 50.0))
