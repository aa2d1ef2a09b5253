"""Timetables small enough to be read with a finger, and waits in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from dothi.transit.footpaths import collected
from dothi.transit.kernels import Walks, desk_for, labels_for, skim
from dothi.transit.routing import earliest_arrivals, journey
from dothi.transit.timetable import DAY_S, Runs, Timetable, timetable
from dothi.units import SECONDS_PER_MINUTE
from dothi.verify import Case, Quantity

if TYPE_CHECKING:
    from dothi.shapes import Floats

A, B, C, D, E = range(5)
N_STOPS: Final = 5
BY_HAND: Final = "Read off the timetable by hand; times are whole seconds, so they agree exactly."
EIGHT: Final = 8 * 60.0

Call = tuple[int, float]


def _table(*trips: tuple[int, tuple[Call, ...]]) -> Timetable:
    """Timetable of trips, each with the number of its line and its calls: stop and minute of the day."""
    runs = []
    for line, calls in trips:
        times = np.round([[minute * SECONDS_PER_MINUTE for _, minute in calls]]).astype(np.int64)
        runs.append((line, tuple(stop for stop, _ in calls), times))
    found = []
    for key in dict.fromkeys((line, stops) for line, stops, _ in runs):
        times = np.concatenate([times for line, stops, times in runs if (line, stops) == key])
        late = times[:, -1] >= DAY_S
        times = np.concatenate([times, times[late] - DAY_S])
        found.append(Runs(key[0], 0, np.array(key[1], dtype=np.int64), times, times))
    return timetable(found, N_STOPS)


def _walks(*between: tuple[int, int, float]) -> Walks:
    """Walks both ways, in minutes."""
    both = [*between, *((b, a, minutes) for a, b, minutes in between)]
    one, other, minutes = zip(*both, strict=True) if both else ((), (), ())
    return collected(one, other, np.array(minutes) * SECONDS_PER_MINUTE, N_STOPS)


def _minute(table: Timetable, walks: Walks, to: int, leaves: float, rides: int = 3, change_min: float = 0.0) -> float:
    """Minute of the day at which one is at a stop who leaves A at another."""
    found = earliest_arrivals(
        table, walks, [A], [leaves * SECONDS_PER_MINUTE], rides=rides, change_s=change_min * SECONDS_PER_MINUTE
    )
    return float(found[0, to]) / SECONDS_PER_MINUTE


def _is(name: str, value: float, reference: float, unit: str = "min", tolerance: float = 0.0) -> Quantity:
    return Quantity(name, unit, value, reference, tolerance)


def change_made_or_missed() -> Iterator[Quantity]:
    """Line 1 reaches B at 8:10; line 2 leaves B at 8:10 and 8:25 and takes 10 minutes to C."""
    table = _table(
        (1, ((A, EIGHT), (B, EIGHT + 10))),
        (2, ((B, EIGHT + 10), (C, EIGHT + 20))),
        (2, ((B, EIGHT + 25), (C, EIGHT + 35))),
    )
    yield _is("at C, change without a minimum", _minute(table, _walks(), C, EIGHT), EIGHT + 20)
    yield _is("at C, a minute to change", _minute(table, _walks(), C, EIGHT, change_min=1.0), EIGHT + 35)
    yield _is("C is reached with one ride", float(_minute(table, _walks(), C, EIGHT, rides=1) < DAY_S), 0.0, "")


def overtaking() -> Iterator[Quantity]:
    """A slow trip leaves first and is overtaken: B at 8:30 with the 8:00, at 8:20 with the 8:05."""
    slow, fast = (
        (1, ((A, EIGHT), (B, EIGHT + 30), (C, EIGHT + 40))),
        (1, ((A, EIGHT + 5), (B, EIGHT + 20), (C, EIGHT + 50))),
    )
    table = _table(slow, fast)
    yield _is("patterns that do not overtake", float(table.n_patterns), 2.0, "")
    yield _is("at B, with the fast trip", _minute(table, _walks(), B, EIGHT), EIGHT + 20)
    yield _is("at C, with the slow trip", _minute(table, _walks(), C, EIGHT), EIGHT + 40)


def walking_is_better() -> Iterator[Quantity]:
    """To B in 12 minutes on foot; the vehicle leaves at 8:10 and takes 5. From C one walks on to D."""
    table = _table((1, ((A, EIGHT + 10), (B, EIGHT + 15), (C, EIGHT + 20))), (2, ((D, EIGHT + 30), (E, EIGHT + 40))))
    walks = _walks((A, B, 12.0), (C, D, 7.0))
    found = earliest_arrivals(table, walks, [A], [EIGHT * 60.0], rides=3, access=_from_a(walks))[0] / SECONDS_PER_MINUTE
    yield _is("at B, on foot", float(found[B]), EIGHT + 12)
    yield _is("at D, ride and walk", float(found[D]), EIGHT + 27)
    yield _is("at E, ride, walk, ride", float(found[E]), EIGHT + 40)


def _from_a(walks: Walks) -> Walks:
    """Walks from A to its neighbours and to itself."""
    mine = slice(walks.ptr[A], walks.ptr[A + 1])
    to, time = np.r_[A, walks.to[mine]], np.r_[0, walks.time_s[mine]]
    return collected(np.zeros(len(to), dtype=int), to, time, 1)


def one_walk_between_rides() -> Iterator[Quantity]:
    """B to C and C to D are walks of 3 minutes each, B to D is none: from a ride to B one gets to C, not to D."""
    table = _table((1, ((A, EIGHT), (B, EIGHT + 10))))
    walks = _walks((B, C, 3.0), (C, D, 3.0))
    yield _is("at C", _minute(table, walks, C, EIGHT), EIGHT + 13)
    yield _is("D is reached", float(_minute(table, walks, D, EIGHT) < DAY_S), 0.0, "")


def after_midnight() -> Iterator[Quantity]:
    """A trip of the service day leaves at 25:30, calls at 26:10: at half past one it is there for the day before."""
    table = _table((1, ((A, 25 * 60.0 + 30), (B, 26 * 60.0 + 10))))
    yield _is("at B, leaving at 23:00", _minute(table, _walks(), B, 23 * 60.0), 26 * 60.0 + 10)
    yield _is("at B, leaving at 1:00", _minute(table, _walks(), B, 60.0), 130.0)


def fewest_rides() -> Iterator[Quantity]:
    """Two ways reach D at 8:30: one vehicle, or two. The journey with one is told."""
    table = _table(
        (1, ((A, EIGHT), (D, EIGHT + 30))), (2, ((A, EIGHT), (B, EIGHT + 10))), (3, ((B, EIGHT + 15), (D, EIGHT + 30)))
    )
    legs = journey(table, _walks(), A, D, EIGHT * SECONDS_PER_MINUTE, rides=3)
    yield _is("rides", float(len(legs)), 1.0, "")
    yield _is("line", float(legs[0].route), 1.0, "")


def _mean(table: Timetable, begin: float, end: float, step: float, *, on_foot: float = 0.0) -> Floats:
    """Mean time, walk, ride [min] and rides to B over departures of a window, some seconds on foot from A."""
    departures = np.arange(end - step / 2.0, begin, -step) * SECONDS_PER_MINUTE
    one = collected([0], [A], [on_foot], 1)
    to_b = collected([0], [B], [0], 1)
    sums = np.zeros((1, 1, 5))
    skim(
        table.lines, _walks(), one, to_b, np.round(departures).astype(np.int32), 0, labels_for(N_STOPS, 2),
        desk_for(N_STOPS, table.n_patterns), np.empty((2, 3), dtype=np.int32), sums,
    )  # fmt: skip
    found: Floats = sums[0, 0] / sums[0, 0, 0]
    found[1:4] /= SECONDS_PER_MINUTE
    return found[1:]


def wait_of_a_line() -> Iterator[Quantity]:
    """A vehicle every 12 minutes that takes 20, a minute on foot to the stop: one waits 6 minutes in the mean."""
    table = _table(*((1, ((A, minute), (B, minute + 20.0))) for minute in np.arange(7 * 60.0, 11 * 60.0, 12.0)))
    total, walk, ride, rides = _mean(table, EIGHT, EIGHT + 120.0, 1.0 / 6.0, on_foot=60.0)
    yield _is("time from door to door", total, 1.0 + 6.0 + 20.0)
    yield _is("of it on foot", walk, 1.0)
    yield _is("of it riding", ride, 20.0)
    yield _is("rides", rides, 1.0, "")


def wait_of_two_lines() -> Iterator[Quantity]:
    r"""
    Two lines every 8 and every 12 minutes, each with a first departure of its own: one takes whichever comes first.

    The wait is the lesser of two even random times: its mean is :math:`h_1/2 - h_1^2/(6 h_2)`.
    """
    rng = np.random.default_rng(5)
    waits = []
    for _ in range(400):
        shift = rng.random(2) * (8.0, 12.0)
        trips = [
            (line, ((A, minute), (B, minute + 20.0)))
            for line, headway in ((0, 8.0), (1, 12.0))
            for minute in np.arange(7 * 60.0 + shift[line], 10 * 60.0, headway)
        ]
        waits.append(_mean(_table(*trips), EIGHT, EIGHT + 24.0, 0.5)[0] - 20.0)
    yield _is("mean wait", float(np.mean(waits)), 4.0 - 64.0 / 72.0, tolerance=0.1)


CASES: Final = (
    Case("transit", "A change is made, or just missed", BY_HAND, change_made_or_missed),
    Case("transit", "A trip overtakes another", BY_HAND, overtaking),
    Case("transit", "Walking is better than waiting", BY_HAND, walking_is_better),
    Case("transit", "One walk between two rides", BY_HAND, one_walk_between_rides),
    Case("transit", "Calls after midnight", BY_HAND, after_midnight),
    Case("transit", "Of equal arrivals, the one with fewest rides", BY_HAND, fewest_rides),
    Case(
        "transit",
        "Wait for a line with a headway",
        "Half the headway, by symmetry; exact over whole headways.",
        wait_of_a_line,
    ),
    Case(
        "transit",
        "Wait for the first of two lines",
        "Mean of the lesser of two even random times, closed form; tolerance: four standard errors of 400 timetables.",
        wait_of_two_lines,
    ),
)
