"""Buses on the road: how many run over each link in an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi.shapes import Floats
from dothi.traffic.habits import Period
from dothi.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from dothi.city import City

NEAR_M: Final = 15.0
"""How far a link may lie from the course of a line that runs over it."""
ALONG: Final = 0.8
"""Cosine of the greatest angle between a link and the course."""
ON_ROAD: Final = ("bus", "trolleybus")


def buses_veh_h(city: City, period: Period) -> Floats:
    """
    Buses on each link in the mean hour of a period [veh/h].

    A line runs over the links open to buses that lie along its course, in both directions. How often it runs is what
    its timetable says, as departures from first stops in these hours of a day; without one it is its headway. A line
    without a course, or without either, is not seen.
    """
    links, routes = city["links"], city["routes"]
    flow = np.zeros(len(links))
    if not len(routes) or routes.geometry.isna().all():
        return flow
    often = _runs(city, period)
    lines = np.asarray(links.geometry.array, dtype=object)
    open_to = links["bus"].to_numpy(dtype=bool)
    tree = shapely.STRtree(lines)
    middle = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    for row, (course, mode) in enumerate(zip(routes.geometry, routes["mode"].astype(str), strict=True)):
        if course is None or mode not in ON_ROAD or not often[row] > 0.0:
            continue
        near = np.sort(tree.query(course, predicate="dwithin", distance=NEAR_M))
        near = near[open_to[near] & (shapely.distance(middle[near], course) <= NEAR_M)]
        flow[near[_runs_along(lines[near], middle[near], course)]] += often[row]
    return flow


def _runs_along(lines: Any, middle: Any, course: Any) -> Any:
    """Which links point along a course where they are nearest to it, in either direction."""
    parts = [part for part in shapely.get_parts(course) if part.length > 0.0]
    along = np.zeros(len(lines), dtype=bool)
    ends = shapely.get_coordinates(shapely.get_point(lines, -1)) - shapely.get_coordinates(shapely.get_point(lines, 0))
    size = np.maximum(np.hypot(*ends.T), 1e-6)
    for part in parts:
        at = shapely.line_locate_point(part, middle)
        before = shapely.get_coordinates(shapely.line_interpolate_point(part, np.maximum(at - 5.0, 0.0)))
        after = shapely.get_coordinates(shapely.line_interpolate_point(part, at + 5.0))
        step = after - before
        cosine = np.abs((step * ends).sum(axis=1)) / (size * np.maximum(np.hypot(*step.T), 1e-6))
        along |= (cosine >= ALONG) & (shapely.distance(middle, part) <= NEAR_M)
    return along


def _runs(city: City, period: Period) -> Floats:
    """Vehicles of each line in one direction in the mean hour of a period [veh/h]."""
    routes = city["routes"]
    hours = np.asarray(period.hours)
    timed = _timetable(city, hours)
    headway = (
        routes["headway_s"].to_numpy(dtype=float, na_value=np.nan)
        if "headway_s" in routes
        else np.full(len(routes), np.nan)
    )
    first = _times(routes, "first_s", 0.0)
    last = _times(routes, "last_s", 48.0 * SECONDS_PER_HOUR)
    middle = (hours[:, None] + 0.5) * SECONDS_PER_HOUR
    day = 24.0 * SECONDS_PER_HOUR
    at_work = ((middle >= first) & (middle <= last)) | (middle + day <= last)
    every = np.divide(SECONDS_PER_HOUR, headway, out=np.zeros(len(routes)), where=headway > 0.0)
    runs: Floats = np.where(timed >= 0.0, np.maximum(timed, 0.0), every * at_work.mean(axis=0))
    return runs


def _times(routes: Any, name: str, missing: float) -> Floats:
    if name not in routes:
        return np.full(len(routes), missing)
    values: Floats = routes[name].to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isnan(values), missing, values)


def _timetable(city: City, hours: Any) -> Floats:
    """Departures of each line in one direction in the mean hour, on the day with most trips; −1 without a timetable."""
    routes, trips, times = city["routes"], city["trips"], city["stop_times"]
    found = np.full(len(routes), -1.0)
    if not len(trips) or not len(times):
        return found
    begins = times.groupby("trip_id")["departure_s"].min()
    calendar = city["calendar"]
    if len(calendar):
        per_day = calendar.groupby("date")["service_id"].apply(set)
        runs = trips.groupby("service_id").size()
        busiest = max(per_day, key=lambda services: sum(runs.get(service, 0) for service in services))
        trips = trips[trips["service_id"].isin(busiest)]
    route = routes.index.get_indexer(trips["route_id"])
    hour = (begins.reindex(trips.index).to_numpy(dtype=float) // SECONDS_PER_HOUR) % 24
    known = route >= 0
    found[np.unique(route[known])] = 0.0
    counted = known & np.isin(hour, hours)
    np.add.at(found, route[counted], 1.0)
    return np.where(found > 0.0, found / len(hours) / 2.0, found)
