"""What the app is told of travel: reach, trips, lines and departures, on one straight street."""

import sys
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr

from dothi.access.graph import speeds
from dothi.errors import InputError
from dothi.server.departures import MOST_DEPARTURES, board_of, lines_of
from dothi.server.grids import grid_codes, grids_of
from dothi.server.reach import reach_from, read_minutes
from dothi.server.trips import trips_of
from dothi.shown import Kept, MissingError

sys.path.insert(0, str(Path(__file__).parent))
from test_access_isochrone import CRS, a_line

WALK_M_S = speeds("fr")["walk"]
HOUR_S = 3600.0
STOPS_M = (1000.0, 5000.0, 9000.0)
HALF_HOURS = [7 * HOUR_S + 1800.0 * k for k in range(20)]


def shown(city, store=None, **results):
    return SimpleNamespace(city=city, kept=Kept(), key="k", results=results, store=store)


@pytest.fixture
def city(little_city):
    """Street of 10 km with three stops, a line with a timetable and one with a headway."""
    stops = gpd.GeoDataFrame(
        {"geometry": shapely.points([[x, 0.0] for x in STOPS_M]), "name": ["West", "Middle", "East"]},
        index=pd.Index([11, 12, 13], name="stop_id"),
        crs=CRS,
    )
    routes = gpd.GeoDataFrame(
        {
            "short_name": ["1", "2"],
            "mode": ["tram", "bus"],
            "headway_s": [np.nan, 600.0],
            "first_s": [np.nan, 5 * HOUR_S],
            "last_s": [np.nan, 23 * HOUR_S],
            "speed_m_s": [np.nan, 5.0],
        },
        geometry=[None, shapely.LineString([(9000, 0), (5000, 0), (1000, 0)])],
        index=pd.Index([1, 2], name="route_id"),
        crs=CRS,
    )
    trips = pd.DataFrame(
        {"route_id": 1, "service_id": 5, "direction": 0, "headsign": "East"},
        index=pd.RangeIndex(len(HALF_HOURS), name="trip_id"),
    )
    calls = pd.DataFrame(
        [
            (trip, stop, number, start + 400.0 * number, start + 400.0 * number + 20.0)
            for trip, start in enumerate(HALF_HOURS)
            for number, stop in enumerate((11, 12, 13))
        ],
        columns=["trip_id", "stop_id", "stop_sequence", "arrival_s", "departure_s"],
    )
    order = pd.DataFrame({"route_id": 2, "stop_id": [13, 12, 11], "stop_sequence": [0, 1, 2]})
    calendar = pd.DataFrame({"service_id": 5, "date": pd.to_datetime(["2025-06-10", "2025-06-11"])})
    return a_line(little_city).with_tables(
        stops=stops, routes=routes, trips=trips, stop_times=calls, route_stops=order, calendar=calendar
    )


def test_a_reach_tells_the_time_at_every_vertex_as_long_as_the_way_there(city):
    found = reach_from(shown(city), 4300.0, 0.0, "walk", [5.0, 10.0], 0.0)
    x = np.array(found.xy[::2])
    assert sum(found.size) == len(x) == len(found.time_s)
    assert np.abs(np.array(found.time_s) - np.abs(x - 4300.0) / WALK_M_S).max() <= 0.6  # told in whole seconds
    assert max(found.time_s) == 600
    assert [within.minutes for within in found.within] == [5.0, 10.0]
    assert found.start == (4300.0, 0.0)


def test_with_public_transport_one_gets_as_far_as_it_goes(city):
    """At 7:58 one walks 60 s to the stop in the west, rides at 8:00:20 and is in the east at 8:13:20."""
    leave_s, at = 8 * HOUR_S - 120.0, STOPS_M[0] - 60.0 * WALK_M_S
    found = reach_from(shown(city), at, 0.0, "transit", [20.0], leave_s)
    x, time_s = np.array(found.xy[::2]), np.array(found.time_s)
    east = time_s[np.abs(x - STOPS_M[2]).argmin()]
    assert east == pytest.approx(8 * HOUR_S + 800.0 - leave_s, abs=1.0)
    assert reach_from(shown(city), at, 0.0, "walk", [20.0], leave_s).xy[::2] != found.xy[::2]


def test_traffic_counts_where_it_was_simulated(city):
    n = len(city["links"])
    slow = pd.DataFrame({"time_car_s": 500.0, "time_motorbike_s": 400.0}, index=city["links"].index)
    store = SimpleNamespace(find=lambda *_: SimpleNamespace(result=lambda: SimpleNamespace(tables={"links": slow})))
    assert n
    free = reach_from(shown(city), 4500.0, 0.0, "car", [5.0], 0.0)
    jam = reach_from(shown(city, store, traffic="t"), 4500.0, 0.0, "car", [5.0], 0.0)
    assert (free.congested, jam.congested) == (False, True)
    assert max(jam.xy[::2]) == pytest.approx(4500.0 + 300.0 * 1000.0 / 500.0, abs=0.1)
    assert max(free.xy[::2]) > max(jam.xy[::2])


@pytest.mark.parametrize("text", ["", "a", "5,", "5,,10", ",".join(map(str, range(1, 20)))])
def test_minutes_are_numbers_and_few(text):
    with pytest.raises(InputError, match="minutes"):
        read_minutes(text)


def test_a_board_tells_the_next_departures_of_a_stop_towards_its_end(city):
    board = board_of(shown(city), 12, 8 * HOUR_S)
    assert board.day == "2025-06-10"
    timed, by_headway = board.lines
    assert (timed.name, timed.towards, timed.headway_s) == ("1", "East", None)
    later = [start + 420.0 for start in HALF_HOURS if start + 420.0 >= 8 * HOUR_S]
    assert timed.times_s == later[:MOST_DEPARTURES]
    assert (by_headway.name, by_headway.towards, by_headway.headway_s) == ("2", "West", 600.0)
    assert (by_headway.first_s, by_headway.last_s) == (5 * HOUR_S, 23 * HOUR_S)
    assert by_headway.times_s == []


def test_where_a_line_ends_nobody_gets_on(city):
    assert [line.name for line in board_of(shown(city), 13, 8 * HOUR_S).lines] == ["2"]
    assert [line.name for line in board_of(shown(city), 11, 8 * HOUR_S).lines] == ["1"]


def test_after_the_last_departure_only_lines_with_a_headway_are_told(city):
    assert [line.name for line in board_of(shown(city), 12, 23 * HOUR_S).lines] == ["2"]


def test_a_station_tells_the_departures_of_its_platforms(city):
    stops = city["stops"].assign(parent_stop_id=pd.array([13, None, None], dtype="Int64"))
    board = board_of(shown(city.with_tables(stops=stops)), 13, 8 * HOUR_S)
    assert [line.name for line in board.lines] == ["1", "2"]


def test_vehicles_of_the_night_before_call_after_midnight(city):
    late = city["stop_times"].assign(
        arrival_s=lambda calls: calls["arrival_s"] + 17 * HOUR_S,
        departure_s=lambda calls: calls["departure_s"] + 17 * HOUR_S,
    )
    timed = board_of(shown(city.with_tables(stop_times=late)), 12, 0.0).lines[0]
    assert timed.times_s[0] == HALF_HOURS[0] + 420.0 + 17 * HOUR_S - 24 * HOUR_S


def test_a_stop_that_is_not_there_is_said_to_be_missing(city):
    with pytest.raises(MissingError, match="stop_id"):
        board_of(shown(city), 99, 0.0)


def test_lines_have_their_course_or_go_from_stop_to_stop(city):
    tram, bus = lines_of(shown(city)).lines
    assert (tram.name, tram.mode, tram.row) == ("1", "tram", 0)
    assert tram.xy == [[1000.0, 0.0, 5000.0, 0.0, 9000.0, 0.0]]
    assert bus.xy == [[9000.0, 0.0, 5000.0, 0.0, 1000.0, 0.0]]


@pytest.fixture
def simulated():
    """Two zones and a road that leads out, with trips by two modes."""
    crs = "EPSG:2154"
    zones = gpd.GeoDataFrame(
        geometry=shapely.box([0, 100], [0, 0], [100, 200], [100, 100]), index=pd.Index([4, 9], name="zone_id"), crs=crs
    )
    gateways = gpd.GeoDataFrame({"name": ["Quai"]}, geometry=shapely.points([[200.0, 50.0]]), crs=crs)
    values = np.array(
        [[[7.0, 1.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 10.0, 5.0], [20.0, 0.0, 0.0], [6.0, 0.0, 3.0]]]
    )
    ids = [4, 9, -1]
    coords = {"mode": ["walk", "car"], "origin": ids, "destination": ids}
    field = xr.DataArray(values, dims=("mode", "origin", "destination"), coords=coords)
    result = SimpleNamespace(fields={"od_trips": field}, tables={"gateways": gateways})
    store = SimpleNamespace(find=lambda *_: SimpleNamespace(result=lambda: result))
    return SimpleNamespace(city={"zones": zones}, store=store, results={"traffic": "t"})


def test_trips_are_told_both_ways_together_the_strongest_pair_first(simulated):
    found = trips_of(simulated, (), 10)
    assert found.pairs == [(0, 1, 33.0), (0, 2, 11.0)]
    assert found.all_pairs == 44.0
    assert trips_of(simulated, ("walk",), 10).pairs == [(0, 1, 3.0)]
    assert trips_of(simulated, (), 1).pairs == [(0, 1, 33.0)]


def test_trips_are_counted_within_across_and_through(simulated):
    totals = {total.kind: total.trips for total in trips_of(simulated, (), 0).totals}
    assert totals == {"within": [10.0, 30.0], "border": [0.0, 11.0], "through": [0.0, 3.0]}


def test_terminals_are_the_middles_of_zones_and_the_ends_of_roads(simulated):
    zone, _, way_out = trips_of(simulated, (), 0).terminals
    assert (zone.zone_id, zone.x, zone.y) == (4, 50.0, 50.0)
    assert (way_out.zone_id, way_out.name, way_out.x) == (None, "Quai", 200.0)


def test_trips_are_missing_where_traffic_was_not_simulated_and_modes_have_names(simulated):
    with pytest.raises(InputError, match="walk, car"):
        trips_of(simulated, ("fly",), 5)
    with pytest.raises(MissingError, match="simulated"):
        trips_of(SimpleNamespace(store=None, results={}), (), 5)


@pytest.fixture
def with_grid():
    """Result with a field over the ground, its rows from the south, and one that is no such field."""
    levels = xr.DataArray(
        [[40.0, 50.0], [60.0, np.nan]],
        dims=("y", "x"),
        coords={"y": [5.0, 15.0], "x": [5.0, 15.0]},
        attrs={"units": "dB"},
    )
    other = xr.DataArray([1.0], dims=("mode",))
    kept = SimpleNamespace(result=lambda: SimpleNamespace(fields={"level_db": levels, "other": other}))
    return SimpleNamespace(store=SimpleNamespace(find=lambda *_: kept), results={"noise": "n"})


def test_fields_over_the_ground_are_told_with_the_edges_of_their_cells(with_grid):
    (grid,) = grids_of(with_grid).grids
    assert (grid.name, grid.unit, grid.columns, grid.rows) == ("level_db", "dB", 2, 2)
    assert grid.box == (0.0, 0.0, 20.0, 20.0)
    assert (grid.minimum, grid.maximum) == (40.0, 60.0)


def test_codes_of_a_field_stand_from_the_north_west_with_0_for_no_value(with_grid):
    (grid,) = grids_of(with_grid).grids
    codes = np.frombuffer(grid_codes(with_grid, "noise", "level_db"), dtype="<u2").astype(float)
    assert codes[1] == 0
    assert (grid.minimum + (codes[[0, 2, 3]] - 1) * grid.step).tolist() == [60.0, 40.0, 50.0]
    with pytest.raises(MissingError):
        grid_codes(with_grid, "noise", "other")
