"""Questions to a timetable: who is where when, along which way, and from when one need not leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dothi.shapes import Floats, Integers
from dothi.transit.footpaths import collected
from dothi.transit.kernels import NEVER, Walks, desk_for, forget, labels_for, one_to_all, search, trace
from dothi.transit.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Leg:
    """
    A ride.

    Attributes
    ----------
    route, direction
        Position of the line in its table, and direction.
    from_stop, to_stop
        Positions of the stops where one gets on and off.
    departure_s, arrival_s
        When [s].
    """

    route: int
    direction: int
    from_stop: int
    to_stop: int
    departure_s: int
    arrival_s: int


def at_stops(n_stops: int) -> Walks:
    """Walks of no length: whoever starts at a stop is there."""
    return collected(np.arange(n_stops), np.arange(n_stops), np.zeros(n_stops), n_stops)


def earliest_arrivals(
    table: Timetable,
    walks: Walks,
    stops: Sequence[int] | Integers,
    departures_s: Sequence[float] | Floats | Integers,
    *,
    rides: int,
    change_s: float = 0.0,
    access: Walks | None = None,
) -> Floats:
    """
    Earliest arrivals at all stops.

    Parameters
    ----------
    table, walks
        Timetable; walks from stop to stop.
    stops
        From where: positions of stops, or of the origins of `access`.
    departures_s
        When one leaves, for each of them; seconds and their fractions are rounded up.
    rides
        Rides at most.
    change_s
        Least time between two rides, walk not counted [s].
    access
        Walks from other origins to stops.

    Returns
    -------
    (n_queries, n_stops) array
        Arrivals on foot or by vehicle [s]; infinite where there is none.

    Raises
    ------
    IndexError
        An origin is none of those there are, or there is not one departure for each.
    """
    access = at_stops(table.n_stops) if access is None else access
    origins = np.asarray(stops, dtype=np.int32)
    departures = np.ceil(np.asarray(departures_s, dtype=float)).astype(np.int32)
    if origins.shape != departures.shape or not ((origins >= 0) & (origins < len(access.ptr) - 1)).all():
        raise IndexError("every departure has an origin that exists")
    arrivals = np.empty((len(origins), table.n_stops), dtype=np.int32)
    one_to_all(
        table.lines, walks, access, origins, departures, round(change_s), labels_for(table.n_stops, rides),
        desk_for(table.n_stops, table.n_patterns), arrivals,
    )  # fmt: skip
    return np.where(arrivals >= NEVER, np.inf, arrivals.astype(float))


def journey(
    table: Timetable,
    walks: Walks,
    from_stop: int,
    to_stop: int,
    departure_s: float,
    *,
    rides: int,
    change_s: float = 0.0,
) -> list[Leg]:
    """
    Rides of the journey that reaches a stop first by vehicle; none where no vehicle does.

    Parameters
    ----------
    table, walks, rides, change_s
        As in `earliest_arrivals`.
    from_stop, to_stop
        Positions of stops.
    departure_s
        When one leaves [s].

    Raises
    ------
    IndexError
        No such stop.
    """
    if not (0 <= from_stop < table.n_stops and 0 <= to_stop < table.n_stops):
        raise IndexError("both stops exist")
    access, labels = at_stops(table.n_stops), labels_for(table.n_stops, rides)
    forget(access, from_stop, labels)
    search(
        table.lines, walks, access, from_stop, int(np.ceil(departure_s)), round(change_s), False, labels,
        desk_for(table.n_stops, table.n_patterns),
    )  # fmt: skip
    if labels.ride_s[rides, to_stop] >= NEVER:
        return []
    legs = np.empty((rides, 3), dtype=np.int32)
    n_rides, _, _ = trace(table.lines, labels, to_stop, legs)
    return [_leg(table, *map(int, leg)) for leg in legs[:n_rides][::-1]]


def _leg(table: Timetable, trip: int, board: int, alight: int) -> Leg:
    lines = table.lines
    p = int(lines.trip_pattern[trip])
    begin, n_calls = int(lines.pattern_ptr[p]), int(lines.pattern_ptr[p + 1] - lines.pattern_ptr[p])
    at = int(lines.time_ptr[p]) + (trip - int(lines.trip_ptr[p])) * n_calls
    return Leg(
        int(table.route[p]),
        int(table.direction[p]),
        int(lines.pattern_stop[begin + board]),
        int(lines.pattern_stop[begin + alight]),
        int(lines.departure_s[at + board]),
        int(lines.arrival_s[at + alight]),
    )
