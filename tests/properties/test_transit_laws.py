"""Laws of transit: more rides, earlier departures and more trips never make anyone later."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.transit.footpaths import closed, collected
from dothi.transit.kernels import Walks
from dothi.transit.routing import earliest_arrivals
from dothi.transit.timetable import Runs, timetable

N = 6


@st.composite
def runs(draw, most=6):
    """Trips with random stops and times."""
    found = []
    for line in range(draw(st.integers(1, most))):
        stops = draw(st.lists(st.integers(0, N - 1), min_size=2, max_size=5, unique=True))
        first = draw(st.integers(0, 2000))
        steps = draw(st.lists(st.integers(1, 400), min_size=len(stops) - 1, max_size=len(stops) - 1))
        times = np.array([np.r_[first, first + np.cumsum(steps)]])
        found.append(Runs(line, 0, np.array(stops, dtype=np.int64), times, times))
    return found


@st.composite
def footpaths(draw):
    pairs = draw(st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, N - 1), st.integers(0, 300)), max_size=8))
    one, other, time = zip(*pairs, strict=True) if pairs else ((), (), ())
    return collected(one, other, time, N, to_themselves=False)


def arrivals(trips, walks, departure=200, rides=3):
    return earliest_arrivals(timetable(trips, N), walks, range(N), [departure] * N, rides=rides)


@settings(deadline=None, max_examples=60)
@given(runs(), footpaths())
def test_one_more_ride_is_never_later(trips, walks):
    before = arrivals(trips, walks, rides=1)
    for rides in (2, 3, 4):
        after = arrivals(trips, walks, rides=rides)
        assert (after <= before).all()
        before = after


@settings(deadline=None, max_examples=60)
@given(runs(), footpaths(), st.integers(0, 1000), st.integers(1, 500))
def test_leaving_later_never_arrives_earlier(trips, walks, departure, later):
    assert (arrivals(trips, walks, departure) <= arrivals(trips, walks, departure + later)).all()


@settings(deadline=None, max_examples=60)
@given(runs(), runs(most=1), footpaths())
def test_one_more_trip_makes_nobody_later(trips, more, walks):
    assert (arrivals([*trips, *more], walks) <= arrivals(trips, walks)).all()


@settings(deadline=None, max_examples=60)
@given(runs(), footpaths())
def test_closing_walks_makes_nobody_later_and_closing_them_again_changes_nothing(trips, walks):
    once = closed(walks)
    assert all((a == b).all() for a, b in zip(closed(once), once, strict=True))
    assert (arrivals(trips, once) <= arrivals(trips, walks)).all()


@given(footpaths())
def test_closed_walks_hold_every_walk_that_two_of_them_make(walks):
    found = closed(walks)
    time = np.full((N, N), np.inf)
    time[np.repeat(np.arange(N), np.diff(found.ptr)), found.to] = found.time_s
    np.fill_diagonal(time, 0)
    assert (time <= (time[:, :, None] + time[None]).min(axis=1)).all()
    given_s = np.full((N, N), np.inf)
    given_s[np.repeat(np.arange(N), np.diff(walks.ptr)), walks.to] = walks.time_s
    assert (time <= given_s).all()


def test_walks_are_as_they_were_given_where_nothing_is_to_be_closed():
    walks = collected([0, 1], [1, 0], [60, 60], N, to_themselves=False)
    assert isinstance(closed(walks), Walks)
    assert closed(walks).time_s.tolist() == pytest.approx([60, 60])
