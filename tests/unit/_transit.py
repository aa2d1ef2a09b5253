"""Transit routing once more, as plainly as it can be written: no patterns, no marks, no pruning."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dothi.transit.footpaths import collected
from dothi.transit.timetable import Runs, timetable


@dataclass
class Plain:
    """Trips as lists of (stop, arrival, departure), walks as (from, to, time)."""

    n_stops: int
    trips: list[list[tuple[int, int, int]]]
    walks: list[tuple[int, int, int]]

    def table(self):
        """The same for Dothi; trips with the same stops are put together."""
        by_stops = {}
        for trip in self.trips:
            by_stops.setdefault(tuple(stop for stop, _, _ in trip), []).append(trip)
        runs = [
            Runs(
                line,
                0,
                np.array(stops, dtype=np.int64),
                np.array([[arrival for _, arrival, _ in trip] for trip in trips]),
                np.array([[departure for _, _, departure in trip] for trip in trips]),
            )
            for line, (stops, trips) in enumerate(by_stops.items())
        ]
        return timetable(runs, self.n_stops)

    def footpaths(self):
        """Its walks for Dothi."""
        one, other, time = zip(*self.walks, strict=True) if self.walks else ((), (), ())
        return collected(one, other, time, self.n_stops, to_themselves=False)


def by_rounds(plain, origin, departure, rides, change=0):
    """Earliest arrivals with at most so many rides: every round tries every trip from every call."""
    ready = [math.inf] * plain.n_stops
    ready[origin] = departure
    best = list(ready)
    for ride in range(rides):
        arrival = [math.inf] * plain.n_stops
        for trip in plain.trips:
            on = False
            for stop, arrives, leaves in trip:
                if on:
                    arrival[stop] = min(arrival[stop], arrives)
                on = on or ready[stop] + (change if ride else 0) <= leaves
        ready = list(arrival)
        for one, other, time in plain.walks:
            ready[other] = min(ready[other], arrival[one] + time)
        best = [min(a, b) for a, b in zip(best, ready, strict=True)]
    return best


def by_connections(plain, origin, departure):
    """Earliest arrivals with any number of rides, one walk between two: connections as they leave."""
    connections = sorted(
        (a[2], b[1], a[0], b[0], number) for number, trip in enumerate(plain.trips) for a, b in pairwise(trip)
    )
    around = {}
    for one, other, time in plain.walks:
        around.setdefault(one, []).append((other, time))
    best = [math.inf] * plain.n_stops
    best[origin] = departure
    on = set()
    for leaves, arrives, one, other, trip in connections:
        if trip in on or best[one] <= leaves:
            on.add(trip)
            best[other] = min(best[other], arrives)
            for stop, time in around.get(other, ()):
                best[stop] = min(best[stop], arrives + time)
    return best


def drawn(rng, n_stops=8, n_lines=5, n_trips=4, n_walks=6, span=3000):
    """A small random timetable, with trips that overtake and dwell."""
    trips = []
    for _ in range(n_lines):
        stops = rng.permutation(n_stops)[: int(rng.integers(2, n_stops))]
        for _ in range(n_trips):
            now, calls = int(rng.integers(0, span)), []
            for stop in stops:
                arrives = now
                now += int(rng.integers(0, 40))
                calls.append((int(stop), arrives, now))
                now += int(rng.integers(1, 400))
            trips.append(calls)
    pairs = rng.integers(0, n_stops, (n_walks, 2))
    walks = [(int(a), int(b), int(rng.integers(1, 300))) for a, b in pairs if a != b]
    return Plain(n_stops, trips, walks)
