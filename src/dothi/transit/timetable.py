"""Timetables of one service day as arrays: from trips, and from lines that have a headway instead."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi.shapes import Floats, Integers, Shapes
from dothi.transit.kernels import Lines

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City

DAY_S: Final = 86_400
SATURDAY: Final = 5
SLOWEST_M_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Runs:
    """
    Trips with one and the same sequence of stops, of one direction of a line.

    Attributes
    ----------
    route, direction
        Position of the line in its table, and its direction.
    stops : (n_calls,)
        Positions of the stops in their table.
    arrival_s, departure_s : (n_trips, n_calls)
        Times of day [s].
    """

    route: int
    direction: int
    stops: Integers
    arrival_s: Integers
    departure_s: Integers


@dataclass(frozen=True, slots=True)
class Timetable:
    """
    A timetable, ready to be searched.

    Attributes
    ----------
    lines
        Its arrays.
    route, direction : (n_patterns,)
        Line of each pattern, as a position in its table, and direction.
    """

    lines: Lines
    route: Integers
    direction: Integers

    @property
    def n_stops(self) -> int:
        """Stops, served or not."""
        return len(self.lines.stop_ptr) - 1

    @property
    def n_patterns(self) -> int:
        """Patterns."""
        return len(self.route)

    @property
    def n_trips(self) -> int:
        """Trips."""
        return len(self.lines.trip_pattern)


def service_day(city: City) -> pd.Timestamp | None:
    """
    A typical working day of the timetables.

    Of all days from Monday to Friday in order of the trips that run on them, the one in the middle: neither a holiday
    nor the day of the great match. Of days with as many trips the earliest counts. Where no service runs on working
    days, all days count. None without a calendar.
    """
    calendar, trips = city["calendar"], city["trips"]
    if not len(calendar) or not len(trips):
        return None
    running = trips["service_id"].value_counts()
    n_trips = calendar["service_id"].map(running).fillna(0).groupby(calendar["date"].dt.normalize()).sum()
    n_trips = n_trips[n_trips > 0].sort_index()
    working = n_trips[n_trips.index.day_of_week < SATURDAY]
    days = (working if len(working) else n_trips).sort_values(kind="stable")
    if not len(days):
        return None
    middle = days.iloc[len(days) // 2]
    return min(days.index[days == middle])


def scheduled_runs(city: City, day: pd.Timestamp | None) -> list[Runs]:
    """
    Trips of a service day by line, direction and sequence of stops.

    Calls after midnight stand beyond 24 h. The same trips once more 24 h earlier are those of the night before, where
    they call after midnight.

    Parameters
    ----------
    city
        City with `trips`, `stop_times` and `calendar`.
    day
        Service day; all trips where None.
    """
    trips, calls = city["trips"], city["stop_times"]
    if day is not None:
        calendar = city["calendar"]
        services = calendar["service_id"][calendar["date"].dt.normalize() == day]
        trips = trips[trips["service_id"].isin(services)]
    calls = calls[calls["trip_id"].isin(trips.index)].sort_values(["trip_id", "stop_sequence"], kind="stable")
    if not len(calls):
        return []
    trip = trips.index.get_indexer(calls["trip_id"])
    stop = city["stops"].index.get_indexer(calls["stop_id"]).astype(np.int64)
    begins = np.flatnonzero(np.r_[True, trip[1:] != trip[:-1]])
    ends = np.r_[begins[1:], len(trip)]
    route = city["routes"].index.get_indexer(trips["route_id"])
    direction = trips["direction"].to_numpy(dtype=float, na_value=0.0).astype(np.int64)
    times = calls[["arrival_s", "departure_s"]].to_numpy(dtype=float).round().astype(np.int64)
    same: dict[tuple[int, int, bytes], list[int]] = {}
    for number, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        if end - begin > 1:
            of = trip[begin]
            same.setdefault((int(route[of]), int(direction[of]), stop[begin:end].tobytes()), []).append(number)
    found = []
    for (line, way, _), members in sorted(same.items(), key=lambda item: (item[0][:2], item[1][0])):
        rows = begins[members][:, None] + np.arange(ends[members[0]] - begins[members[0]])
        arrival, departure = times[rows, 0], times[rows, 1]
        late = departure[:, -1] >= DAY_S
        arrival = np.concatenate([arrival, arrival[late] - DAY_S])
        departure = np.concatenate([departure, departure[late] - DAY_S])
        found.append(Runs(line, way, stop[rows[0]], arrival, departure))
    return found


def headway_lines(city: City, besides: Iterable[int] = ()) -> pd.DataFrame:
    """Lines that run by a headway: those with stops, a headway and a speed, less those at positions that have trips."""
    routes, order = city["routes"], city["route_stops"]
    known = (routes["headway_s"].to_numpy(dtype=float, na_value=np.nan) > 0.0) & (
        routes["speed_m_s"].to_numpy(dtype=float, na_value=np.nan) > 0.0
    )
    known &= routes.index.isin(order["route_id"])
    known[list(set(besides))] = False
    return routes[known]


def headway_runs(city: City, lines: pd.DataFrame, draw: int) -> list[Runs]:
    """
    Departures of lines that have a headway, from the first to the last of the day.

    When the first vehicle leaves within the first headway is drawn evenly, from the id of the line and the number of
    the draw: so one line is not shifted by a change of another, and two lines with one headway do not always meet or
    always miss. Means over a window of departures and some draws are means over all such timetables, in which one
    waits half a headway for one line, and less where any of several lines will do.

    Parameters
    ----------
    city
        City with `route_stops`.
    lines
        Lines, as `headway_lines` gives them.
    draw
        Number of the draw.

    References
    ----------
    .. [1] M. Conway, A. Byrd and M. van der Linden, Evidence-based transit and land use sketch planning using
       interactive accessibility methods on combined schedule and headway-based networks, Transportation Research
       Record 2653 (2017), doi:10.3141/2653-06.
    """
    order = city["route_stops"].sort_values(["route_id", "stop_sequence"], kind="stable")
    by_line = order.groupby("route_id", sort=False)["stop_id"]
    stops = city["stops"]
    places = np.asarray(stops.geometry.array, dtype=object)
    found = []
    for ident, line in lines.iterrows():
        at = stops.index.get_indexer(by_line.get_group(ident)).astype(np.int64)
        if len(at) < 2:
            continue
        way = way_along(line.geometry if "geometry" in line else None, places[at])
        times = np.round(way / max(float(line["speed_m_s"]), SLOWEST_M_S)).astype(np.int64)
        headway = float(line["headway_s"])
        first = _or(line["first_s"], 0.0)
        last = _or(line["last_s"], float(DAY_S))
        begins = np.arange(first + headway * _drawn(ident, draw), last + 0.5, headway)
        if not len(begins):
            begins = np.array([first])
        calls = np.round(begins).astype(np.int64)[:, None] + times
        late = calls[:, -1] >= DAY_S
        calls = np.concatenate([calls, calls[late] - DAY_S])
        found.append(Runs(int(city["routes"].index.get_loc(ident)), 0, at, calls, calls))
    return found


def _or(value: Any, otherwise: float) -> float:
    number = float(value) if value is not None else np.nan
    return otherwise if np.isnan(number) else number


def _drawn(ident: Any, draw: int) -> float:
    """Number from 0 to 1 that depends on a line and a draw alone."""
    found = hashlib.sha256(f"{ident}:{draw}".encode()).digest()
    return int.from_bytes(found[:8]) / 2.0**64


def way_along(course: Any, places: Shapes) -> Floats:
    """
    How far along its course a vehicle is at each of its stops, from the first one [m].

    A course that does not pass the stops in their order, such as one with a loop, says nothing: then ways are straight.
    """
    straight: Floats = np.r_[0.0, np.cumsum(shapely.distance(places[:-1], places[1:]))]
    if course is None or course.geom_type != "LineString":
        return straight
    along = np.asarray(shapely.line_locate_point(course, places), dtype=float)
    steps = np.diff(along)
    if (steps < 0.0).all():
        steps = -steps
    if (steps < 0.9 * np.diff(straight) - 100.0).any() or (steps <= 0.0).any():
        return straight
    found: Floats = np.r_[0.0, np.cumsum(steps)]
    return found


def timetable(runs: Iterable[Runs], n_stops: int) -> Timetable:
    """
    Put trips in the order in which they are searched.

    Trips of one sequence of stops become several patterns where one overtakes another: a trip joins the first pattern
    whose last trip is nowhere later than it.

    Parameters
    ----------
    runs
        Trips.
    n_stops
        Stops of the city.
    """
    patterns = [pattern for run in runs for pattern in _without_overtaking(run)]
    n_calls = np.array([len(run.stops) for run in patterns], dtype=np.int64)
    n_trips = np.array([len(run.arrival_s) for run in patterns], dtype=np.int64)
    pattern_ptr = np.r_[0, np.cumsum(n_calls)]
    stop = _joined([run.stops for run in patterns])
    order = np.argsort(stop, kind="stable")
    owner = np.repeat(np.arange(len(patterns)), n_calls)
    lines = Lines(
        pattern_ptr=_int32(pattern_ptr),
        pattern_stop=_int32(stop),
        trip_ptr=_int32(np.r_[0, np.cumsum(n_trips)]),
        trip_pattern=_int32(np.repeat(np.arange(len(patterns)), n_trips)),
        time_ptr=_int32(np.r_[0, np.cumsum(n_trips * n_calls)]),
        arrival_s=_int32(_joined([run.arrival_s.ravel() for run in patterns])),
        departure_s=_int32(_joined([run.departure_s.ravel() for run in patterns])),
        stop_ptr=_int32(np.searchsorted(stop[order], np.arange(n_stops + 1))),
        stop_pattern=_int32(owner[order]),
        stop_position=_int32((np.arange(len(stop)) - pattern_ptr[owner])[order]),
    )
    return Timetable(
        lines,
        np.array([run.route for run in patterns], dtype=np.int64),
        np.array([run.direction for run in patterns], dtype=np.int64),
    )


def _without_overtaking(run: Runs) -> list[Runs]:
    order = np.lexsort((run.arrival_s[:, -1], run.departure_s[:, 0]))
    arrival, departure = run.arrival_s[order], run.departure_s[order]
    apart = (np.diff(arrival, axis=0) < 0).any() or (np.diff(departure, axis=0) < 0).any()
    if not apart:
        return [Runs(run.route, run.direction, run.stops, arrival, departure)]
    groups: list[list[int]] = []
    for number in range(len(arrival)):
        for group in groups:
            last = group[-1]
            if (arrival[number] >= arrival[last]).all() and (departure[number] >= departure[last]).all():
                group.append(number)
                break
        else:
            groups.append([number])
    return [Runs(run.route, run.direction, run.stops, arrival[group], departure[group]) for group in groups]


def _joined(parts: list[Integers]) -> Integers:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _int32(values: Any) -> Any:
    return np.ascontiguousarray(values, dtype=np.int32)
