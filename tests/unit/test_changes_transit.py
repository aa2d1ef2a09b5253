"""Changes of public transport: add_transit_line, edit_transit."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose
from pydantic import TypeAdapter, ValidationError

from dothi.changes import AnyChange
from dothi.errors import Problems
from dothi.place import load

WEST, SOUTH = 355_000.0, 6_689_000.0


def at(x, y):
    return [WEST + x, SOUTH + y]


LINE = {
    "mode": "bus",
    "short_name": "C9",
    "stops": [0, {"place": at(110, 110), "name": "Chợ"}, at(300, 390), 1],
    "headway_min": 7.5,
}


def change(kind, **fields):
    return TypeAdapter(AnyChange).validate_python({"kind": kind, **fields})


def applied(kind, city, **fields):
    problems = Problems()
    changed = change(kind, **fields).apply(city, problems)
    problems.raise_errors()
    return changed


def errors(kind, city, **fields):
    problems = Problems()
    change(kind, **fields).apply(city, problems)
    return "\n".join(map(str, problems.errors))


def test_a_new_line_has_both_directions_with_its_stops_in_order(little_city):
    city = applied("add_transit_line", little_city, **LINE, speed_km_h=18, vehicle_capacity=90)
    routes, stops = city["routes"], city["stops"]
    assert list(routes["short_name"]) == ["C9", "C9"]
    assert set(routes["headway_s"]) == {450.0}
    assert set(routes["headway_s_method"]) == {"entered"}
    assert_allclose(routes["speed_m_s"], 5.0)
    assert set(zip(routes["first_s"], routes["last_s"], strict=True)) == {(18_000.0, 82_800.0)}
    assert len(stops) == 4
    assert stops["name"].loc[0] == "A"
    orders = [list(some.sort_values("stop_sequence")["stop_id"]) for _, some in city["route_stops"].groupby("route_id")]
    assert orders[0] == orders[1][::-1]
    assert {orders[0][0], orders[0][-1]} == {0, 1}


def test_buses_keep_to_the_shortest_way_along_the_streets(little_city):
    city = applied("add_transit_line", little_city, **{**LINE, "stops": [0, at(400, 400)]}, both_directions=False)
    course = city["routes"].geometry.iloc[0]
    assert course.length == pytest.approx(600.0)  # 400 m east and 200 m north on a grid of streets
    assert course.coords[0] == tuple(at(0, 200))
    assert course.coords[-1] == tuple(at(400, 400))
    assert shapely.covered_by(course, shapely.union_all(city["links"].geometry.to_numpy()).buffer(1e-6))


def test_a_line_without_a_speed_runs_as_fast_and_holds_as_many_as_usual_in_the_country(little_city):
    routes = applied("add_transit_line", little_city, **LINE)["routes"]
    usual = load("fr", "transit")
    assert_allclose(routes["speed_m_s"], usual["speed_m_s"]["bus"])
    assert_allclose(routes["vehicle_capacity"], usual["vehicle_capacity"]["bus"])


def test_buses_respect_one_way_streets(little_city):
    one_way = applied("edit_links", little_city, links="Phố ngang 2", direction="forward")
    city = applied("add_transit_line", one_way, **{**LINE, "stops": [0, 1]})
    lengths = sorted(city["routes"].geometry.length)
    assert lengths == pytest.approx([400.0, 600.0])  # back it goes round by the next street


def test_a_metro_goes_straight_and_a_drawn_course_is_kept(little_city):
    straight = applied("add_transit_line", little_city, **{**LINE, "mode": "subway", "stops": [0, 1]})
    assert straight["routes"].geometry.iloc[0].length == pytest.approx(400.0)
    drawn = [at(0, 200), at(200, 150), at(400, 200)]
    tram = applied("add_transit_line", little_city, **{**LINE, "mode": "tram", "stops": [0, 1], "course": drawn})
    assert sorted(line.coords[0] for line in tram["routes"].geometry) == [tuple(at(0, 200)), tuple(at(400, 200))]
    assert {len(line.coords) for line in tram["routes"].geometry} == {3}


def test_all_that_is_wrong_with_a_line_is_named_at_once(little_city):
    found = errors("add_transit_line", little_city, **{**LINE, "stops": [0, 77, at(-50, 0)]})
    assert "stops: occurs in stops (1 row, 77)" in found
    assert "stops: lie in the city (1 row, 3)" in found


def test_a_line_where_no_bus_may_go_is_an_error(little_city):
    closed = applied("close_links", little_city, links="all", modes=["bus"])
    assert "are open to bus: draw the course instead" in errors("add_transit_line", closed, **LINE)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"stops": [0]}, "at least 2 items"),
        ({"stops": [0, {"name": "nowhere"}]}, "is the id of a stop, or a place"),
        ({"first": "23:00", "last": "05:00"}, "after midnight hours count on"),
        ({"headway_min": 0}, "headway_min"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused(fields, rule):
    with pytest.raises(ValidationError, match=rule):
        change("add_transit_line", **{**LINE, **fields})


# --- edit_transit --------------------------------------------------------------------------------------------


@pytest.fixture
def with_line(little_city):
    return applied("add_transit_line", little_city, **LINE)


def test_a_line_may_run_twice_as_often_and_later(with_line):
    chosen = {"where": {"short_name": "C9"}}
    routes = applied("edit_transit", with_line, routes=chosen, headway_factor=0.5, last="25:30", speed_km_h=36)[
        "routes"
    ]
    assert set(routes["headway_s"]) == {225.0}
    assert set(routes["last_s"]) == {91_800.0}
    assert_allclose(routes["speed_m_s"], 10.0)
    assert routes.geometry.equals(with_line["routes"].geometry)


def test_a_line_given_up_takes_its_calls_along_and_leaves_its_stops(with_line):
    city = applied("edit_transit", with_line, routes="all", remove=True)
    assert city["routes"].empty
    assert city["route_stops"].empty
    assert city["stops"].equals(with_line["stops"])


@pytest.fixture
def with_timetable(little_city):
    """A line with trips every 20 minutes there and every 30 back, and fewer on another set of days."""
    nowhere = gpd.GeoSeries([None], crs=little_city.crs)
    routes = gpd.GeoDataFrame({"short_name": ["5"], "mode": ["bus"]}, geometry=nowhere)
    begins = {0: [6 * 3600 + 1200 * n for n in range(31)], 1: [6 * 3600 + 1800 * n for n in range(21)]}
    trips, calls = [], []
    for service, hours in ((0, begins), (1, {0: begins[0][:3], 1: []})):
        for direction, times in hours.items():
            for time in times:
                trips.append({"route_id": 0, "service_id": service, "direction": direction})
                order = [0, 1] if direction == 0 else [1, 0]
                calls += [
                    {"trip_id": len(trips) - 1, "stop_id": stop, "stop_sequence": number}
                    | dict.fromkeys(("arrival_s", "departure_s"), time + 80.0 * number)
                    for number, stop in enumerate(order)
                ]
    return little_city.with_tables(routes=routes, trips=pd.DataFrame(trips), stop_times=pd.DataFrame(calls))


def test_a_timetable_gives_way_to_its_mean_headway_times_the_factor(with_timetable):
    city = applied("edit_transit", with_timetable, routes={"where": {"short_name": 5}}, headway_factor=0.5)
    routes = city["routes"].sort_values("headway_s")
    assert list(routes["headway_s"]) == [600.0, 900.0]
    assert list(routes["first_s"]) == [21_600.0, 21_600.0]
    assert set(routes["last_s"]) == {57_600.0}
    assert_allclose(routes["speed_m_s"], 400.0 / 80.0)
    assert city["trips"].empty
    assert city["stop_times"].empty
    orders = {
        tuple(some.sort_values("stop_sequence")["stop_id"]) for _, some in city["route_stops"].groupby("route_id")
    }
    assert orders == {(0, 1), (1, 0)}
    assert routes.index.min() == 0  # the line keeps its id, its way back is new


def test_other_lines_keep_their_timetables(with_timetable):
    city = applied("add_transit_line", with_timetable, **LINE)
    edited = applied("edit_transit", city, routes={"where": {"short_name": "C9"}}, headway_min=3)
    assert edited["trips"].equals(with_timetable["trips"])
    assert edited["stop_times"].equals(with_timetable["stop_times"])


def test_a_factor_needs_a_headway(with_line):
    routes = with_line["routes"]
    routes["headway_s"] = float("nan")
    found = errors("edit_transit", with_line.with_tables(routes=routes), routes="all", headway_factor=0.5)
    assert "is known of lines whose headway changes by a factor (else give headway_min) (2 rows" in found


def test_the_last_departure_stays_after_the_first(with_line):
    assert "is after the first departure" in errors("edit_transit", with_line, routes="all", first="23:30")


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({}, "says what changes, or remove"),
        ({"remove": True, "headway_min": 5}, "says what changes, or remove"),
        ({"headway_factor": 2, "headway_min": 5}, "a headway or a factor"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(fields, rule):
    with pytest.raises(ValidationError, match=rule):
        change("edit_transit", routes="all", **fields)


def test_lines_are_told_in_three_languages():
    line = change("add_transit_line", **LINE)
    assert line.describe("en") == "New line C9 (bus): 4 stops, every 7.5 min, 05:00 to 23:00"
    assert line.describe("fr") == "Ligne nouvelle C9 (bus) : 4 arrêts, toutes les 7,5 min, de 05:00 à 23:00"
    assert line.describe("vi") == "Tuyến mới C9 (xe buýt): 4 điểm dừng, 7,5 phút/chuyến, từ 05:00 đến 23:00"
    assert change("edit_transit", routes="all", remove=True).describe("vi") == "Ngừng tất cả các tuyến"
