"""Routing by public transport: against a plain second implementation, and by hand."""

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dothi.transit.footpaths import closed, collected
from dothi.transit.kernels import desk_for, labels_for, load, skim
from dothi.transit.routing import at_stops, earliest_arrivals, journey

sys.path.insert(0, str(Path(__file__).parent))
from _transit import Plain, by_connections, by_rounds, drawn


@pytest.mark.parametrize("change", [0, 45])
@pytest.mark.parametrize("rides", [1, 2, 3])
def test_arrivals_are_those_of_a_plain_second_implementation(rides, change):
    rng = np.random.default_rng(rides)
    for _ in range(25):
        plain = drawn(rng)
        found = earliest_arrivals(plain.table(), plain.footpaths(), range(8), [100] * 8, rides=rides, change_s=change)
        assert_array_equal(found, [by_rounds(plain, origin, 100, rides, change) for origin in range(8)])


def test_arrivals_over_closed_walks_are_those_of_a_scan_of_connections():
    rng = np.random.default_rng(7)
    for _ in range(25):
        plain = drawn(rng)
        walks = closed(plain.footpaths())
        source = np.repeat(np.arange(8), np.diff(walks.ptr))
        plain.walks = list(zip(source.tolist(), walks.to.tolist(), walks.time_s.tolist(), strict=True))
        found = earliest_arrivals(plain.table(), walks, range(8), [0] * 8, rides=8)
        assert_array_equal(found, [by_connections(plain, origin, 0) for origin in range(8)])


def test_a_journey_is_made_of_trips_that_run_and_arrives_when_it_says():
    rng = np.random.default_rng(3)
    told = 0
    for _ in range(40):
        plain = drawn(rng)
        table, walks = plain.table(), plain.footpaths()
        for end in range(1, 8):
            legs = journey(table, walks, 0, end, 50, rides=3)
            arrival = by_rounds(Plain(8, plain.trips, plain.walks), 0, 50, 3)[end]
            if not legs:
                continue
            told += 1
            now, at = 50.0, 0
            for number, leg in enumerate(legs):
                on_foot = [time for one, other, time in plain.walks if (one, other) == (at, leg.from_stop)]
                assert leg.from_stop == at or (number > 0 and on_foot)
                now += 0 if leg.from_stop == at else min(on_foot)
                assert now <= leg.departure_s
                assert any(
                    (leg.from_stop, leg.departure_s) in [(s, d) for s, _, d in trip]
                    and (leg.to_stop, leg.arrival_s) in [(s, a) for s, a, _ in trip]
                    for trip in plain.trips
                )
                now, at = leg.arrival_s, leg.to_stop
            assert at == end
            assert now >= arrival
    assert told > 50


def test_an_origin_that_does_not_exist_is_refused():
    plain = Plain(2, [[(0, 0, 0), (1, 10, 10)]], [])
    with pytest.raises(IndexError, match="origin"):
        earliest_arrivals(plain.table(), plain.footpaths(), [2], [0], rides=1)
    with pytest.raises(IndexError, match="stops"):
        journey(plain.table(), plain.footpaths(), 0, 5, 0, rides=1)


def sums_of(plain, departures, walks, access, egress, change=0, rides=3):
    table = plain.table()
    n = len(access.ptr) - 1
    sums = np.zeros((n, len(egress.ptr) - 1, 5))
    skim(
        table.lines, walks, access, egress, np.array(departures, dtype=np.int32), change,
        labels_for(plain.n_stops, rides), desk_for(plain.n_stops, table.n_patterns),
        np.empty((rides, 3), dtype=np.int32), sums,
    )  # fmt: skip
    return table, sums


def test_a_range_of_departures_gives_the_same_as_each_departure_alone():
    rng = np.random.default_rng(11)
    for _ in range(20):
        plain = drawn(rng)
        everywhere = at_stops(8)
        departures = [1500, 1100, 700, 300]
        _, whole = sums_of(plain, departures, plain.footpaths(), everywhere, everywhere)
        alone = sum(sums_of(plain, [each], plain.footpaths(), everywhere, everywhere)[1] for each in departures)
        assert_array_equal(whole[:, :, :2], alone[:, :, :2])


def test_time_from_door_to_door_is_walk_wait_and_ride():
    plain = Plain(3, [[(0, 600, 600), (1, 900, 900)], [(2, 1000, 1100), (1, 1500, 1500)]], [(1, 2, 120)])
    access = collected([0], [0], [60], 1)
    egress = collected([0, 1], [1, 1], [30, 200], 2)
    _, sums = sums_of(plain, [500], plain.footpaths(), access, egress)
    assert_array_equal(sums[0, 0], [1, 430, 90, 300, 1])
    egress = collected([0], [1], [30], 1)
    plain.trips = [[(0, 600, 600), (2, 900, 900)], [(1, 1100, 1100), (0, 1500, 1500)]]
    plain.walks = [(2, 1, 120)]
    _, sums = sums_of(plain, [500], plain.footpaths(), access, collected([0], [0], [30], 1))
    assert_array_equal(sums[0, 0], [1, 1030, 60 + 120 + 30, 300 + 400, 2])


def test_time_in_a_vehicle_begins_when_it_leaves():
    plain = Plain(2, [[(0, 550, 600), (1, 900, 950)]], [])
    one = collected([0], [0], [0], 1)
    _, sums = sums_of(plain, [500], plain.footpaths(), one, collected([0], [1], [0], 1))
    assert_array_equal(sums[0, 0], [1, 400, 0, 300, 1])


def test_of_stops_that_are_left_for_a_place_at_one_time_the_one_with_fewest_rides_counts():
    # stop 1 at 900 with one ride and 60 s to walk; stop 3 at 950 with two rides and 10 s to walk
    trips = [[(0, 600, 600), (1, 900, 900)], [(0, 600, 600), (2, 700, 700)], [(2, 800, 800), (3, 950, 950)]]
    plain, one = Plain(4, trips, []), collected([0], [0], [0], 1)
    for stops, walks in (([1, 3], [60, 10]), ([3, 1], [10, 60])):
        _, sums = sums_of(plain, [500], plain.footpaths(), one, collected([0, 0], stops, walks, 1))
        assert_array_equal(sums[0, 0], [1, 460, 60, 300, 1])


def test_whoever_gets_on_gets_off_and_all_travellers_are_accounted_for():
    rng = np.random.default_rng(2)
    for _ in range(10):
        plain = drawn(rng)
        table, everywhere = plain.table(), at_stops(8)
        travellers = rng.random((8, 8))
        np.fill_diagonal(travellers, 0.0)
        on, off, unserved = np.zeros(len(table.lines.arrival_s)), np.zeros(len(table.lines.arrival_s)), np.zeros((8, 8))
        departures = np.array([900, 300], dtype=np.int32)
        load(
            table.lines, plain.footpaths(), everywhere, everywhere, departures, 0, labels_for(8, 3),
            desk_for(8, table.n_patterns), np.empty((3, 3), dtype=np.int32), travellers, on, off, unserved,
        )  # fmt: skip
        _, sums = sums_of(plain, departures, plain.footpaths(), everywhere, everywhere)
        assert on.sum() == pytest.approx(off.sum())
        assert on.sum() == pytest.approx((travellers * sums[:, :, 4]).sum())
        assert unserved.sum() + (travellers * sums[:, :, 0]).sum() == pytest.approx(2 * travellers.sum())
