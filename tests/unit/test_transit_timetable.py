"""Timetables of a service day, headways, walks, and made-up lines."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose, assert_array_equal

from dothi.changes.add_transit_line import AddTransitLine
from dothi.crs import Extent
from dothi.derive.transit import complete_lines, synthetic_lines
from dothi.errors import Problems
from dothi.io.gtfs import read_gtfs
from dothi.transit.footpaths import closed, walk_graph, walks
from dothi.transit.model import TransitModel
from dothi.transit.network import TransitParams, nearest_service
from dothi.transit.routing import earliest_arrivals
from dothi.transit.timetable import (
    headway_lines,
    headway_runs,
    scheduled_runs,
    service_day,
    timetable,
    way_along,
)

QUICK = TransitParams(draws=2, departure_step_s=600.0)


@pytest.fixture(scope="module")
def served(little_city):
    """Little town with a bus from stop 0 to stop 1: two services, one trip after midnight."""
    calls = [
        (0, 0, 8 * 3600), (0, 1, 8 * 3600 + 120), (1, 0, 8 * 3600 + 1200), (1, 1, 8 * 3600 + 1320),
        (2, 0, 25 * 3600), (2, 1, 25 * 3600 + 120), (3, 1, 8 * 3600), (3, 0, 8 * 3600 + 90),
    ]  # fmt: skip
    trip, stop, time = zip(*calls, strict=True)
    return little_city.with_tables(
        routes=gpd.GeoDataFrame({"short_name": ["1"], "mode": ["bus"], "geometry": [None]}, crs=little_city.crs),
        trips=pd.DataFrame({"route_id": 0, "service_id": [0, 0, 0, 1], "direction": [0, 0, 0, 1]}),
        stop_times=pd.DataFrame(
            {
                "trip_id": trip,
                "stop_id": stop,
                "stop_sequence": [0, 1] * 4,
                "arrival_s": np.array(time, dtype=float),
                "departure_s": np.array(time, dtype=float),
            }
        ),
        calendar=pd.DataFrame(
            {
                "service_id": [0, 0, 0, 1, 1],
                "date": pd.to_datetime(
                    ["2025-05-13", "2025-05-14", "2025-05-17", "2025-05-14", "2025-05-15"], utc=True
                ),
            }
        ),
    )


def test_service_day_is_the_working_day_in_the_middle(served):
    # trips by day: Tue 13 3, Wed 14 4, Thu 15 1, Sat 17 3: of 1, 3, 4 on working days the middle is 3
    assert service_day(served).date().isoformat() == "2025-05-13"
    assert service_day(served.with_tables(calendar=served["calendar"].iloc[:0])) is None


def test_trips_of_the_day_run_and_calls_after_midnight_once_more_the_night_before(served):
    (runs,) = scheduled_runs(served, service_day(served))
    assert_array_equal(runs.departure_s[:, 0], [8 * 3600, 8 * 3600 + 1200, 25 * 3600, 3600])
    both = scheduled_runs(served, pd.Timestamp("2025-05-14", tz="UTC"))
    assert [run.direction for run in both] == [0, 1]


def test_a_line_with_a_headway_leaves_from_its_first_to_its_last_departure(served):
    line = AddTransitLine.model_validate(
        {"kind": "add_transit_line", "mode": "tram", "short_name": "T", "stops": [0, 1], "headway_min": 10,
         "first": "06:00", "last": "09:00", "speed_km_h": 18, "vehicle_capacity": 200}
    )  # fmt: skip
    city = line.apply(served, Problems())
    lines = headway_lines(city, {0})
    assert len(lines) == 2
    for draw in range(5):
        for runs in headway_runs(city, lines, draw):
            leaves = runs.departure_s[:, 0]
            assert leaves[0] >= 6 * 3600
            assert leaves[0] < 6 * 3600 + 600
            assert leaves[-1] <= 9 * 3600
            assert set(np.diff(leaves)) <= {599, 600, 601}
            assert_allclose(runs.arrival_s[:, -1] - leaves, 400.0 / 5.0)
    shifts = [headway_runs(city, lines, draw)[0].departure_s[0, 0] for draw in range(200)]
    assert np.mean(shifts) - 6 * 3600 == pytest.approx(300.0, abs=50.0)


def test_stops_lie_along_the_course_and_a_course_that_passes_them_in_another_order_is_not_used():
    places = np.array(shapely.points([[0, 0], [100, 0], [100, 100]]))
    detour = shapely.LineString([[0, 0], [0, -50], [100, -50], [100, 0], [100, 100]])
    assert_allclose(way_along(detour, places), [0.0, 200.0, 300.0])
    assert_allclose(way_along(shapely.reverse(detour), places), [0.0, 200.0, 300.0])
    assert_allclose(way_along(shapely.LineString([[0, 0], [100, 100], [100, 0]]), places), [0.0, 100.0, 200.0])
    assert_allclose(way_along(None, places), [0.0, 100.0, 200.0])


def test_walks_follow_the_streets_and_end_at_the_limit(little_city):
    graph = walk_graph(little_city)
    west, south = little_city.bounds[:2]
    doors = graph.places(np.array([[west, south], [west + 100, south + 100], [west + 400, south + 395]]))
    found = walks(graph, doors, doors, limit_m=250.0, speed_m_s=1.0, to_themselves=False)
    assert_array_equal(found.ptr, [0, 1, 2, 2])
    assert_array_equal(found.to, [1, 0])
    assert_array_equal(found.time_s, [200, 200])
    assert walks(graph, doors, doors, limit_m=302.0, speed_m_s=1.0, to_themselves=False).to.tolist() == [1, 0]
    far = walks(graph, doors, doors, limit_m=2000.0, speed_m_s=2.0, to_themselves=False)
    assert_array_equal(far.time_s, [100, 403, 100, 303, 403, 303])


def test_walks_are_those_of_another_program_however_little_room_there_is(little_city, monkeypatch):
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    monkeypatch.setattr("dothi.transit.footpaths.ROOM", 30)
    graph = walk_graph(little_city)
    n = len(graph.nodes)
    at = (np.arange(n), np.zeros(n))
    found = walks(graph, at, at, limit_m=300.0, speed_m_s=1.0)
    matrix = np.full((n, n), np.inf)
    matrix[np.repeat(np.arange(n), np.diff(found.ptr)), found.to] = found.time_s
    other = dijkstra(csr_array((graph.length, graph.head, graph.ptr), shape=(n, n)), limit=300.0)
    assert_array_equal(matrix, other)


def test_times_of_a_scheduled_bus_are_those_of_its_timetable(served):
    model = TransitModel(TransitParams(peak_from_h=7.9, peak_until_h=8.0, departure_step_s=60.0, walk_limit_m=400.0))
    found = model.run(served.with_tables(zones=served["zones"].assign(node_id=[10, 14])))
    assert found.tables["routes"].loc[0, "trips_day"] == 3
    assert found.tables["stops"]["departures_day"].tolist() == [3.0, 0.0]
    (row,) = found.tables["transit_times"].itertuples()
    assert (row.origin_zone_id, row.destination_zone_id, row.rides, row.ride_s) == (0, 1, 1.0, 120.0)
    assert row.transit_s == pytest.approx(8 * 3600 + 120 - 7.95 * 3600)
    assert row.walk_s + row.wait_s + row.ride_s == pytest.approx(row.transit_s)
    assert found.diagnostics["service_day"] == "2025-05-13"
    assert found.diagnostics["draws"] == 1


def hourly(served, first_s, last_s, every_s=600):
    """The same bus, both ways, as often as given from a first to a last departure."""
    begins = np.repeat(np.arange(first_s, last_s + 1, every_s), 2)
    n = len(begins)
    times = np.ravel(begins[:, None] + [0, 120]).astype(float)
    calls = {
        "trip_id": np.repeat(np.arange(n), 2),
        "stop_id": np.tile([0, 1, 1, 0], n // 2),
        "stop_sequence": np.tile([0, 1], n),
        "arrival_s": times,
        "departure_s": times,
    }
    trips = pd.DataFrame({"route_id": 0, "service_id": 0, "direction": np.tile([0, 1], n // 2)})
    zones = served["zones"].assign(node_id=[10, 14])
    return served.with_tables(trips=trips, stop_times=pd.DataFrame(calls), zones=zones)


@pytest.mark.parametrize(
    ("first_s", "last_s", "used"),
    [(34_200, 50_400, "9:30 to 10:30"), (7200, 21_600, "4:00 to 5:00"), (19_800, 21_600, "5:30 to 6:30")],
)
def test_a_timetable_of_another_time_of_day_is_looked_at_when_it_runs_and_a_note_says_so(served, first_s, last_s, used):
    found = TransitModel(QUICK).run(hourly(served, first_s, last_s))
    (note,) = found.diagnostics["notes"]
    assert note.startswith("no vehicle leaves from 7:30 to 8:30:")
    assert note.endswith(f"from {used}")
    assert found.tables["stops"]["departures_peak_h"].max() > 0.0
    if last_s - first_s > 7200:
        assert len(found.tables["transit_times"]) == 2
        assert found.tables["stops"]["departures_peak_h"].tolist() == [6.0, 6.0]
        assert found.tables["routes"]["headway_peak_s"].tolist() == [600.0]


def test_a_peak_with_departures_stays_and_nothing_is_noted(served):
    assert TransitModel(QUICK).run(hourly(served, 18_000, 72_000)).diagnostics["notes"] == []


def test_of_departures_before_and_after_a_gap_the_nearer_ones_count():
    times = np.array([6 * 3600, 7 * 3600, 12 * 3600])
    assert nearest_service(times, 8 * 3600.0, 9 * 3600.0) == 6 * 3600
    assert nearest_service(times, 10 * 3600.0, 11 * 3600.0) == 12 * 3600


def test_a_planned_line_runs_beside_a_timetable_and_shortens_times(served):
    zoned = served.with_tables(zones=served["zones"].assign(node_id=[10, 14]))
    line = AddTransitLine.model_validate(
        {"kind": "add_transit_line", "mode": "tram", "short_name": "T", "stops": [0, 1], "headway_min": 4,
         "speed_km_h": 30, "first": "05:00", "last": "23:00"}
    )  # fmt: skip
    quick = TransitParams(draws=2, departure_step_s=600.0, peak_until_h=8.3)
    before = TransitModel(quick).run(zoned)
    after = TransitModel(quick).run(line.apply(zoned, Problems()))
    assert len(after.tables["transit_times"]) == 2
    assert after.tables["transit_times"]["transit_s"].max() < before.tables["transit_times"]["transit_s"].max()
    assert after.tables["routes"]["headway_peak_s"].iloc[1] == 240.0
    assert after.diagnostics["lines_with_headway"] == 2


def test_lines_without_headway_speed_or_hours_get_the_usual_ones_and_say_so():
    routes = gpd.GeoDataFrame(
        {"mode": ["bus", "tram", "bus"], "headway_s": [np.nan, 240.0, np.nan], "geometry": [None] * 3}, crs="EPSG:2154"
    )
    order = pd.DataFrame({"route_id": [0, 0, 1, 1], "stop_id": [0, 1, 1, 2], "stop_sequence": [0, 1, 0, 1]})
    found = complete_lines(routes, order, country="fr")
    assert found["headway_s"].tolist()[:2] == [600.0, 240.0]
    assert found["headway_s_method"].tolist()[:2] == ["place_prior", None]
    assert np.isnan(found["headway_s"].iloc[2])
    assert found["speed_m_s"].iloc[0] > 0.0


def test_made_up_lines_are_marked_and_called_at_by_their_stops_in_order(little_city):
    links = little_city["links"].assign(**{"class": "secondary"})
    track = shapely.LineString([[355_010.0, 6_689_200.0], [355_390.0, 6_689_200.0]])
    halves = [shapely.LineString([track.coords[0], (355_200.0, 6_689_200.0)]),
              shapely.LineString([(355_200.0, 6_689_200.0), track.coords[1]])]  # fmt: skip
    rails = gpd.GeoDataFrame({"class": ["tram"] * 2, "name": ["Ligne 1", None]}, geometry=halves, crs=little_city.crs)
    problems = Problems()
    made = synthetic_lines(
        rails, little_city["nodes"], links, little_city["buildings"],
        extent=Extent(little_city.crs, little_city.bounds), country="fr", problems=problems,
    )  # fmt: skip
    assert set(made["routes"]["method"]) == {"synthetic"}
    assert set(made["stops"]["method"]) == {"synthetic"}
    assert set(made["routes"]["headway_s_method"]) == {"synthetic"}
    assert any("made up" in problem.rule for problem in problems)
    city = little_city.with_tables(**made)
    order = made["route_stops"].sort_values(["route_id", "stop_sequence"])
    for ident, line in made["routes"].iterrows():
        places = made["stops"].geometry.loc[order.loc[order["route_id"] == ident, "stop_id"]]
        along = shapely.line_locate_point(line.geometry, places.array)
        assert (np.diff(along) > 0.0).all()
    assert TransitModel(QUICK).run(city).tables["routes"]["trips_day"].min() > 100


def test_no_streets_for_buses_no_made_up_lines(little_city):
    links = little_city["links"].assign(bus=False)
    made = synthetic_lines(
        little_city["railways"], little_city["nodes"], links, little_city["buildings"],
        extent=Extent(little_city.crs, little_city.bounds), country="fr", problems=Problems(),
    )  # fmt: skip
    assert made == {}


def test_arrivals_in_hanoi_over_closed_walks_are_those_of_a_plain_scan_of_connections(sample):
    from scipy.spatial import cKDTree

    from dothi.city import City
    from dothi.transit.footpaths import collected

    tables = read_gtfs(sample("hanoi/gtfs/hanoi_gtfs_md.zip"), Problems())
    tables = {name: frame.to_crs("EPSG:32648") if hasattr(frame, "to_crs") else frame for name, frame in tables.items()}
    xy = shapely.get_coordinates(tables["stops"].geometry.array)
    city = City("Hanoi", "vn", "EPSG:32648", (0.0, 0.0, 1.0, 1.0), tables)
    table = timetable(scheduled_runs(city, service_day(city)), len(xy))
    one, other = cKDTree(xy).query_pairs(100.0, output_type="ndarray").T
    source, to = np.r_[one, other], np.r_[other, one]
    near = closed(collected(source, to, np.ceil(np.hypot(*(xy[source] - xy[to]).T) / 1.34), len(xy)))
    begin = 10 * 3600
    found = earliest_arrivals(table, near, [17, 4321], [begin, begin], rides=12)
    for row, origin in zip(found, (17, 4321), strict=True):
        assert_array_equal(np.minimum(row, 11.5 * 3600), np.minimum(_scan(tables, near, origin, begin), 11.5 * 3600))


def _scan(tables, near, origin, begin):
    calls = tables["stop_times"].sort_values(["trip_id", "stop_sequence"])
    trip, stop = calls["trip_id"].to_numpy(), calls["stop_id"].to_numpy()
    arrives, leaves = (calls[name].round().to_numpy(dtype=int) for name in ("arrival_s", "departure_s"))
    follows = np.flatnonzero(trip[1:] == trip[:-1])
    follows = follows[(leaves[follows] >= begin) & (leaves[follows] < begin + 5400)]
    order = follows[np.lexsort([arrives[follows + 1], leaves[follows]])]
    best, on = np.full(len(tables["stops"]), np.inf), set()
    best[origin] = begin
    for call in order:
        if trip[call] in on or best[stop[call]] <= leaves[call]:
            on.add(trip[call])
            at, time = stop[call + 1], arrives[call + 1]
            best[at] = min(best[at], time)
            for walk in range(near.ptr[at], near.ptr[at + 1]):
                best[near.to[walk]] = min(best[near.to[walk]], time + near.time_s[walk])
    return best
