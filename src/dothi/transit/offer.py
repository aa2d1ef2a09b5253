"""What stops and lines offer: departures, headways, speeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from dothi.shapes import Floats, Integers
from dothi.transit.footpaths import walk_graph, walks
from dothi.transit.network import TransitParams
from dothi.transit.timetable import DAY_S, Timetable
from dothi.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from dothi.city import City


def calls(table: Timetable) -> tuple[Integers, Integers]:
    """Pattern and call of every time of a timetable."""
    lines = table.lines
    n_calls, n_times = np.diff(lines.pattern_ptr), np.diff(lines.time_ptr)
    pattern = np.repeat(np.arange(table.n_patterns), n_times)
    position = (np.arange(len(pattern)) - lines.time_ptr[pattern]) % np.maximum(n_calls, 1)[pattern]
    return pattern.astype(np.int64), position.astype(np.int64)


def stop_offer(tables: list[Timetable], city: City, params: TransitParams) -> pd.DataFrame:
    """Departures at every stop, of a day and in an hour of the peak: means over drawn timetables."""
    n = len(city["stops"])
    day, peak = np.zeros(n), np.zeros(n)
    begin, end = params.peak_s
    for table in tables:
        pattern, position = calls(table)
        leaves = position < np.diff(table.lines.pattern_ptr)[pattern] - 1
        stop = table.lines.pattern_stop[table.lines.pattern_ptr[pattern] + position]
        time = table.lines.departure_s
        in_day = leaves & (time >= 0) & (time < DAY_S)
        day += np.bincount(stop[in_day], minlength=n)
        peak += np.bincount(stop[leaves & (time >= begin) & (time < end)], minlength=n)
    hours = params.peak_h * len(tables)
    return pd.DataFrame(
        {"departures_day": day / len(tables), "departures_peak_h": peak / hours}, index=city["stops"].index
    )


def departures_near(city: City, departures_h: Floats, limit_m: float) -> Floats:
    """Departures in an hour at the busiest stop within a walk of each building; 0 where there is none."""
    buildings, stops = (np.asarray(city[name].geometry.array, dtype=object) for name in ("buildings", "stops"))
    graph = walk_graph(city)
    doors = graph.places(shapely.get_coordinates(shapely.point_on_surface(buildings)))
    found = walks(graph, graph.places(shapely.get_coordinates(stops)), doors, limit_m=limit_m, speed_m_s=1.0)
    most = np.zeros(len(buildings))
    np.maximum.at(most, found.to, np.repeat(departures_h, np.diff(found.ptr)))
    return most


def line_offer(tables: list[Timetable], city: City, params: TransitParams) -> pd.DataFrame:
    """Trips, headway in the peak and speed of every line: means over drawn timetables."""
    routes = city["routes"]
    n = len(routes)
    xy = shapely.get_coordinates(np.asarray(city["stops"].geometry.array, dtype=object))
    trips, metres, seconds = np.zeros(n), np.zeros(n), np.zeros(n)
    first = np.zeros((n, 2))
    begin, end = params.peak_s
    for table in tables:
        lines = table.lines
        pattern = lines.trip_pattern
        n_calls = np.diff(lines.pattern_ptr)
        start = lines.time_ptr[pattern] + (np.arange(len(pattern)) - lines.trip_ptr[pattern]) * n_calls[pattern]
        leaves, arrives = lines.departure_s[start], lines.arrival_s[start + n_calls[pattern] - 1]
        today = (leaves >= 0) & (leaves < DAY_S)
        route = table.route[pattern]
        trips += np.bincount(route[today], minlength=n)
        metres += np.bincount(route, weights=_lengths(table, xy)[pattern], minlength=n)
        seconds += np.bincount(route, weights=arrives - leaves, minlength=n)
        middle = (leaves + arrives) / 2.0
        peak = (middle >= begin) & (middle < end)
        np.add.at(first, (route[peak], table.direction[pattern][peak]), 1.0)
    most = first.max(axis=1) / len(tables) if n else np.zeros(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        headway = np.where(most > 0.0, params.peak_h * SECONDS_PER_HOUR / most, np.nan)
        speed = np.where(seconds > 0.0, metres / seconds, np.nan)
    return pd.DataFrame(
        {
            "trips_day": trips / len(tables),
            "headway_peak_s": _declared(headway, routes["headway_s"], trips, city),
            "commercial_speed_m_s": speed,
        },
        index=routes.index,
    )


def _declared(headway: Floats, given: Any, trips: Floats, city: City) -> Floats:
    """Headways counted in the peak; of lines that run by a headway, that one."""
    scheduled = city["routes"].index.isin(city["trips"]["route_id"])
    own = given.to_numpy(dtype=float, na_value=np.nan)
    return np.where(~scheduled & (trips > 0.0) & np.isfinite(own), own, headway)


def _lengths(table: Timetable, xy: Floats) -> Floats:
    """Length of each pattern from stop to stop as the crow flies [m]."""
    lines = table.lines
    if not table.n_patterns:
        return np.zeros(0)
    points = xy[lines.pattern_stop]
    step = np.r_[0.0, np.hypot(*np.diff(points, axis=0).T)]
    step[lines.pattern_ptr[:-1]] = 0.0
    return np.add.reduceat(step, lines.pattern_ptr[:-1])
