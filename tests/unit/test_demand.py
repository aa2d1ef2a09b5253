"""Demand: closed forms of generation, gravity, calibration and mode choice; gateways, zones, fleets, hours."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.place import COUNTRIES
from dothi.traffic.buses import buses_veh_h
from dothi.traffic.choice import Nests, calibrate_constants, nested_logit, one_nest
from dothi.traffic.demand import attracted, calibrate_mean, exponential, furness, generated, in_hours
from dothi.traffic.fleet import Vehicles, closed_to, electric_shares, fleet
from dothi.traffic.gateways import edge_density, find_gateways, surroundings
from dothi.traffic.habits import HOURS, MODES, PURPOSES, Habits, Period
from dothi.traffic.paths import skims
from dothi.traffic.roads import Around, Terminals, graph_of, roads_for
from dothi.traffic.zones import centres, opportunities, zone_at

# --- gravity ------------------------------------------------------------------------------------------------------


def test_two_by_two_gravity_solves_its_quadratic():
    """T11² (1 − k) + … = 0 with k = f11 f22 / (f12 f21): the odds ratio of a balanced table is that of deterrence."""
    found = furness(np.array([100.0, 60.0]), np.array([90.0, 70.0]), np.array([[1.0, 0.3], [0.5, 0.8]]))
    odds = 1.0 * 0.8 / (0.3 * 0.5)
    # T12 = 100 − x, T21 = 90 − x, T22 = x − 30, and x (x − 30) = odds (100 − x)(90 − x)
    a, b, c = 1.0 - odds, -30.0 + odds * 190.0, -odds * 9000.0
    x = (-b + np.sqrt(b * b - 4.0 * a * c)) / (2.0 * a)
    assert_allclose(found.trips, [[x, 100.0 - x], [90.0 - x, x - 30.0]], rtol=1e-8)
    assert found.residual <= 1e-9
    assert found.scale == 1.0


def test_without_deterrence_trips_are_in_proportion_to_both_ends():
    rows, columns = np.array([10.0, 30.0]), np.array([1.0, 2.0, 5.0])
    found = furness(rows, columns, np.ones((2, 3)))
    assert_allclose(found.trips, np.outer(rows, columns) / 8.0, rtol=1e-12)
    assert found.iterations == 1
    assert found.scale == 5.0


def test_trips_without_a_way_are_reported_and_not_lost_elsewhere():
    found = furness(np.array([10.0, 5.0]), np.array([1.0, 1.0]), np.array([[1.0, 1.0], [0.0, 0.0]]))
    assert found.unplaced == 5.0
    assert found.trips.sum() == pytest.approx(10.0)


def test_tanner_is_a_power_times_an_exponential():
    cost = np.array([[1.0, 2.0, np.inf]])
    near = exponential(cost, 0.3, power=-0.5)
    assert near[0, 2] == 0.0
    assert near[0, 1] / near[0, 0] == pytest.approx(2.0**-0.5 * np.exp(-0.3))


def test_far_places_do_not_vanish_in_rounding():
    near = exponential(np.array([[5000.0, 5001.0]]), 1.0)
    assert near[0, 1] / near[0, 0] == pytest.approx(np.exp(-1.0))


def test_hyman_finds_the_deterrence_of_a_known_mean():
    """Two destinations at 1 and 3: the mean 1 + 2 / (1 + e^{2β}) is 1.5 at β = ln 3 / 2."""
    found = calibrate_mean(lambda beta: 1.0 + 2.0 / (1.0 + np.exp(2.0 * beta)), 1.5, 1.0 / 1.5, tolerance=1e-10)
    assert found.converged
    assert found.value == pytest.approx(np.log(3.0) / 2.0, rel=1e-8)
    assert found.iterations <= 8


def test_hyman_says_when_a_mean_cannot_be_had():
    found = calibrate_mean(lambda beta: 1.0 + np.exp(-beta), 0.5, 1.0, most=10)
    assert not found.converged
    assert found.iterations == 10


def test_hyman_calibrates_a_gravity_model():
    rng = np.random.default_rng(5)
    xy = rng.random((12, 2)) * 10.0
    cost = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) + 0.5
    rows, columns = rng.random(12) * 100.0, rng.random(12)

    def mean_of(beta: float) -> float:
        trips = furness(rows, columns, exponential(cost, beta)).trips
        return float((trips * cost).sum() / trips.sum())

    target = mean_of(0.37)
    assert calibrate_mean(mean_of, target, 1.0 / target, tolerance=1e-9).value == pytest.approx(0.37, rel=1e-6)


# --- generation and hours -----------------------------------------------------------------------------------------


def test_trips_are_rates_times_residents_and_attractions_weighted_sums():
    made = generated({"work": 0.9, "shop": 0.5}, np.array([100.0, 0.0]))
    assert_allclose(made["work"], [90.0, 0.0])
    drawn = attracted(
        {"shop": {"retail": 6.0, "residents": 0.1}},
        {"retail": np.array([1.0, 2.0]), "residents": np.array([100.0, 0.0])},
    )
    assert_allclose(drawn["shop"], [16.0, 12.0])


def test_trips_of_an_hour_go_out_and_come_back():
    daily = np.array([[0.0, 8.0], [2.0, 0.0]])
    assert_allclose(in_hours(daily, 0.25, 0.0), [[0.0, 2.0], [0.5, 0.0]])
    assert_allclose(in_hours(daily, 0.0, 0.25), [[0.0, 0.5], [2.0, 0.0]])


@pytest.mark.parametrize("country", COUNTRIES)
def test_hours_of_every_purpose_add_up_to_a_day(country):
    habits = Habits.of(country)
    for purpose in (*PURPOSES, "goods"):
        out, back = habits.hours(purpose)
        assert out.sum() == pytest.approx(0.5)
        assert back.sum() == pytest.approx(0.5)
        assert len(out) == len(back) == HOURS


@pytest.mark.parametrize("country", COUNTRIES)
def test_periods_cover_the_day_once(country):
    hours = [hour for period in Habits.of(country).periods for hour in period.hours]
    assert sorted(hours) == list(range(HOURS))


@pytest.mark.parametrize("country", COUNTRIES)
def test_data_of_a_country_are_whole_and_say_where_they_are_from(country):
    habits = Habits.of(country)
    assert habits.country == country
    assert set(habits.rates) == set(PURPOSES)
    assert sum(habits.data["shares"][mode] for mode in MODES) == pytest.approx(1.0)
    assert len(habits.constants()) == len(MODES)
    sections = {**habits.data, **habits.vehicles}
    assert set(habits.sources()) == set(sections)
    for shares in habits.tables("fuels" if "fuels" in habits.data else "attraction").values():
        assert shares
    for fuels in habits.vehicles["fuels"].values():
        if isinstance(fuels, dict):
            assert sum(fuels.values()) == pytest.approx(1.0)


def test_a_country_without_data_has_those_of_france():
    assert Habits.of("zz").country == "fr"


def test_motorbikes_take_the_room_that_was_measured_in_hanoi():
    """One car is 3.4 motorcycles, doi:10.1061/(ASCE)TE.1943-5436.0000382."""
    assert Habits.of("vn").pcu("motorbike") == pytest.approx(1.0 / 3.4, abs=1e-3)


# --- choice -------------------------------------------------------------------------------------------------------


def test_two_modes_share_as_the_logistic_curve():
    shares, logsum = nested_logit(np.array([1.0, 0.0]), one_nest(2))
    assert_allclose(shares, [1.0 / (1.0 + np.exp(-1.0)), 1.0 / (1.0 + np.exp(1.0))], rtol=1e-14)
    assert logsum == pytest.approx(np.log(np.e + 1.0))


def test_nests_of_scale_one_are_no_nests():
    utility = np.random.default_rng(1).normal(size=(5, 7))
    nested, inclusive = nested_logit(utility, Nests(("a", "a", "b", "b", "c"), {"a": 1.0, "b": 1.0, "c": 1.0}))
    plain, logsum = nested_logit(utility, one_nest(5))
    assert_allclose(nested, plain, rtol=1e-12)
    assert_allclose(inclusive, logsum, rtol=1e-12)


def test_red_bus_and_blue_bus_share_what_one_bus_had():
    """Two modes that are nearly the same, in a nest of scale towards 0, weigh as one (Train 2009, sec. 4.2)."""
    shares, _ = nested_logit(np.zeros(3), Nests(("bus", "bus", "car"), {"bus": 1e-6, "car": 1.0}))
    assert_allclose(shares, [0.25, 0.25, 0.5], atol=1e-6)


def test_nested_shares_are_those_of_the_formula():
    utility, scale = np.array([0.4, -0.1, 0.2]), 0.5
    shares, logsum = nested_logit(utility, Nests(("n", "n", "o"), {"n": scale, "o": 1.0}))
    inner = np.exp(utility[:2] / scale)
    inclusive = np.log(inner.sum())
    whole = np.exp(scale * inclusive) + np.exp(utility[2])
    assert_allclose(shares[:2], inner / inner.sum() * np.exp(scale * inclusive) / whole, rtol=1e-13)
    assert logsum == pytest.approx(np.log(whole))


def test_a_mode_that_is_not_to_be_had_takes_no_trips():
    shares, logsum = nested_logit(np.array([[0.0, -np.inf], [-np.inf, -np.inf]]), one_nest(2))
    assert_allclose(shares, [[1.0, 0.0], [0.0, 0.0]])
    assert logsum[1] == -np.inf


def test_constants_of_one_pair_are_logarithms_of_odds():
    minutes = np.array([20.0, 10.0, 15.0])

    def shares_of(constants):
        return nested_logit(constants - 0.05 * minutes, one_nest(3))[0]

    found = calibrate_constants(shares_of, [0.5, 0.3, 0.2], np.zeros(3))
    assert found.iterations == 2
    assert_allclose(found.shares, [0.5, 0.3, 0.2], atol=1e-12)
    assert found.values[1] == pytest.approx(np.log(0.3 / 0.5) + 0.05 * (10.0 - 20.0))


def test_a_mode_without_a_wanted_share_keeps_its_constant():
    found = calibrate_constants(
        lambda constants: nested_logit(constants, one_nest(3))[0], [0.6, 0.4, 0.0], np.array([0.0, 0.0, -5.0])
    )
    assert found.values[2] == -5.0
    assert found.shares[0] / found.shares[1] == pytest.approx(1.5, rel=1e-3)


# --- zones, gateways, fleets --------------------------------------------------------------------------------------


def test_zones_have_what_their_buildings_offer(little_city):
    found, notes = opportunities(little_city, Habits.of("fr"))
    assert_allclose(found["residents"], little_city["zones"]["residents"].astype(float))
    assert_allclose(found["jobs"], little_city["zones"]["jobs"].astype(float))
    assert found["retail_100m2"].sum() == 0.0
    assert notes == ["no school is on record: pupils are taught where residents live"]
    assert_allclose(found["school_places"], 0.24 * found["residents"])


def test_schools_count_where_they_are(little_city):
    buildings = little_city["buildings"]
    buildings.loc[buildings.index[0], "function"] = "school"
    found, notes = opportunities(little_city.with_tables(buildings=buildings), Habits.of("fr"))
    assert not notes
    assert_allclose(found["school_places"], [buildings["floor_area_m2"].iloc[0] / 10.0, 0.0])


def test_a_point_outside_all_zones_belongs_to_the_nearest():
    zones = np.array([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)])
    points = shapely.points([[0.5, 0.5], [1.0, 0.5], [5.0, 0.5]])
    assert zone_at(zones, points).tolist() == [0, 0, 1]


def _with_exits(city):
    """The little town with roads cut at its edge: a two-way one in the west, a pair of one-way ones in the east."""
    nodes, links = city["nodes"], city["links"]
    west, south, east, _ = city.bounds
    ends = {
        "geometry": shapely.points([[west - 5.0, south], [east + 5.0, south], [east + 5.0, south + 40.0]]),
        "component": 0,
    }
    more = gpd.GeoDataFrame(ends, index=[100, 101, 102], crs=city.crs)
    rows = []
    for tail, head in ((100, 0), (0, 100), (101, 4), (4, 102)):
        row = links.iloc[0].copy()
        row["from_node_id"], row["to_node_id"], row["reverse_link_id"] = tail, head, None
        row["class"], row["name"], row["length_m"], row["capacity_veh_h"] = "tertiary", "Route", 5.0, 1000.0
        rows.append(row)
    added = gpd.GeoDataFrame(rows, crs=city.crs).set_index(pd.Index([200, 201, 202, 203]))
    added["geometry"] = [shapely.LineString([(west, south), (west + 1, south)])] * 4
    return city.with_tables(nodes=pd.concat([nodes, more]), links=pd.concat([links, added.astype(links.dtypes)]))


@pytest.fixture
def open_city(little_city):
    return _with_exits(little_city)


def test_roads_cut_at_the_edge_are_gateways_and_one_way_pairs_are_one(open_city):
    found = find_gateways(open_city)
    assert len(found) == 2
    assert found.names == ("Route", "Route")
    nodes = open_city["nodes"].index
    inward = {int(g): int(nodes[n]) for g, n in found.inward}
    outward = {int(g): int(nodes[n]) for g, n in found.outward}
    assert sorted(inward.values()) == [100, 101]
    assert sorted(outward.values()) == [100, 102]
    assert_allclose(found.capacity_pcu_h, 1000.0)


def test_a_town_without_greater_roads_has_no_gateway(little_city):
    assert len(find_gateways(little_city)) == 0


def test_an_exit_that_cannot_be_reached_is_no_gateway(open_city):
    links = open_city["links"]
    links = links[~links.index.isin([200])]  # only a way out is left in the west
    found = find_gateways(open_city.with_tables(links=links))
    assert len(found) == 1
    assert len(found.outward) == 2  # it serves as a second way out of the other


def test_people_outside_are_those_of_a_density_that_falls(open_city):
    habits = Habits.of("fr")
    inside, _ = opportunities(open_city, habits)
    found = surroundings(open_city, find_gateways(open_city), inside, habits)
    side, decay = 400.0, habits.data["surroundings"]["decay_m"]
    radius = side / np.sqrt(np.pi)
    density = edge_density(open_city, inside["residents"])
    reach = habits.data["surroundings"]["edge_m"][-1]
    tail = np.exp(-reach / decay)
    whole = 2.0 * np.pi * density * (decay * radius + decay**2 - tail * (decay * (radius + reach) + decay**2))
    assert found.opportunities["residents"].sum() == pytest.approx(whole, rel=1e-3)
    workers = habits.data["opportunities"]["workers_per_resident"] * (whole + inside["residents"].sum())
    assert found.opportunities["jobs"].sum() + inside["jobs"].sum() == pytest.approx(workers, rel=1e-3)


def test_a_zone_begins_where_its_node_is(little_city):
    xy = shapely.get_coordinates(little_city["nodes"].geometry.array)
    assert_allclose(centres(little_city), xy[[6, 16]])


def _rule(city, **values):
    row = {"geometry": [city["zones"].geometry.iloc[0]], "mode": "motorbike", "fuel": "petrol", **values}
    return city.with_tables(restrictions=gpd.GeoDataFrame(row, crs=city.crs))


def test_vehicles_are_told_apart_by_fuel_only_where_a_rule_does_so(little_city):
    habits, unknown = Habits.of("vn"), np.full(2, np.nan)
    assert [v.fuel for v in fleet(little_city, habits, "motorbike", unknown)] == ["any"]
    found = fleet(_rule(little_city), habits, "motorbike", unknown)
    assert [v.fuel for v in found] == ["petrol", "other"]
    assert_allclose(found[0].share, 0.95)
    assert_allclose(found[0].share + found[1].share, 1.0)


def test_electric_vehicles_of_a_zone_are_not_petrol(little_city):
    buildings = little_city["buildings"]
    measures = pd.DataFrame({"building_id": buildings.index, "electric_motorbike_share": 0.6})
    city = _rule(little_city.with_tables(building_measures=measures))
    zone = np.zeros(len(buildings), dtype=np.int64)
    shares = electric_shares(city, "motorbike", zone, 2, 3)
    assert_allclose(shares, [0.6, np.nan, np.nan])
    found = fleet(city, Habits.of("vn"), "motorbike", shares)
    assert_allclose(found[0].share, [0.4, 0.95, 0.95])


def test_a_rule_closes_roads_of_its_area_in_its_hours(little_city):
    city = _rule(little_city, from_s=22 * 3600.0, to_s=5 * 3600.0)
    petrol = Vehicles("motorbike", "petrol", np.ones(2))
    night, day = Period("night", 22, 6), Period("day", 9, 16)
    closed = closed_to(city, city["links"], petrol, night)
    middle = shapely.line_interpolate_point(city["links"].geometry.array, 0.5, normalized=True)
    assert (closed == shapely.intersects(city["zones"].geometry.iloc[0], middle)).all()
    assert not closed_to(city, city["links"], petrol, day).any()
    assert not closed_to(city, city["links"], Vehicles("motorbike", "other", np.ones(2)), night).any()
    assert not closed_to(city, city["links"], Vehicles("car", "petrol", np.ones(2)), night).any()


def test_buses_run_along_the_course_of_their_line(little_city):
    west, south, east, _ = little_city.bounds
    course = shapely.LineString([(west, south + 3.0), (east, south + 3.0)])
    routes = gpd.GeoDataFrame(
        {"geometry": [course], "mode": "bus", "headway_s": 600.0, "first_s": 5 * 3600.0, "last_s": 21 * 3600.0},
        crs=little_city.crs,
    )
    city = little_city.with_tables(routes=routes)
    flow = buses_veh_h(city, Period("peak", 8, 9))
    along = city["links"].geometry.distance(course) < 4.0
    straight = along & (city["links"].geometry.bounds["maxy"] <= south + 1.0)
    assert_allclose(flow[straight], 6.0)
    assert flow[~straight].sum() == 0.0
    assert buses_veh_h(city, Period("night", 22, 5)).sum() == 0.0


def test_a_graph_without_speeds_or_capacities_has_cautious_ones(little_city):
    links = little_city["links"]
    links["capacity_veh_h"], links["free_speed_m_s"] = np.nan, np.nan
    graph = graph_of(replace(little_city, tables={**little_city.tables, "links": links}))
    assert (graph.capacity_pcu_h == 600.0).all()
    assert_allclose(graph.speed_m_s, 30.0 / 3.6)


def test_who_leaves_by_one_gateway_comes_back_by_another(open_city):
    """Two gateways, one part of the town behind each: the way between them is the one around, detour and access."""
    graph, gateways = graph_of(open_city), find_gateways(open_city)
    terminals = Terminals(centres(open_city), np.array([400.0, 400.0]), gateways)
    car = graph.open_to["car"]
    shut = np.zeros(len(car), dtype=bool)
    middle = shapely.line_interpolate_point(open_city["links"].geometry.array, 0.5, normalized=True)
    west = open_city.bounds[0]
    x = shapely.get_x(middle)
    shut[(x > west + 101.0) & (x < west + 299.0)] = True
    found = []
    for around in (None, Around(1.5, 10.0, 60.0)):
        roads = roads_for(graph, terminals, [car], graph.speed_m_s, closed=[shut], around=around)
        found.append(skims(roads.network, roads.network.free_time_s)["time_s"][0])
    out, back = 2, 3  # terminals of the gateways, after two zones
    inside = {g: [n for h, n in gateways.outward if h == g] for g in (0, 1)}
    assert inside[0]
    assert inside[1]
    assert np.isinf(found[0][out, back])
    apart = np.hypot(*(gateways.xy[0] - gateways.xy[1]))
    crossing = found[1][out, back] - 60.0 - 1.5 * apart / 10.0
    assert 0.0 <= crossing < 60.0  # in at one gateway and out again, in at the other and out
