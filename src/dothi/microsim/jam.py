"""Whether traffic kept moving: vehicles on their way, minute by minute."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from dothi.microsim.convert import elements
from dothi.shapes import Floats

MOST_TELEPORTED: Final = 0.005
"""Share of the vehicles that are moved on from which on streets count as locked."""
MOST_GROWTH: Final = 0.25
"""Growth of the vehicles on their way, from the first to the last third of the time that is measured, likewise."""
POINTS: Final = 24


@dataclass(frozen=True, slots=True)
class Course:
    """
    Vehicles on their way in the course of a simulation.

    Attributes
    ----------
    time_s, running, waiting : (n_times,)
        Times [s]; vehicles on the streets then, and vehicles that should have set out but found no room.
    begin_s, end_s
        When measuring begins; when it ends, and the last vehicle sets out [s].
    speed_m_s
        Mean speed of the vehicles while it is measured [m/s].
    """

    time_s: Floats
    running: Floats
    waiting: Floats
    begin_s: float
    end_s: float
    speed_m_s: float

    def _loads(self) -> tuple[float, float]:
        """Mean number of vehicles on their way or waiting, in the first and the last third of the measured time."""
        third = (self.end_s - self.begin_s) / 3.0
        load = self.running + self.waiting
        first = load[(self.time_s >= self.begin_s) & (self.time_s < self.begin_s + third)]
        last = load[(self.time_s >= self.end_s - third) & (self.time_s < self.end_s)]
        return (float(first.mean()), float(last.mean())) if first.size and last.size else (0.0, 0.0)

    @property
    def growth(self) -> float:
        """Vehicles on their way or waiting, last third of the measured time over its first, less 1."""
        first, last = self._loads()
        return last / first - 1.0 if first > 0.0 else 0.0

    @property
    def piles_up(self) -> bool:
        """Whether they grow by more than 25 %, and by more than three times what chance does to so few (Poisson)."""
        first, last = self._loads()
        return last - first > max(MOST_GROWTH * first, 3.0 * math.sqrt(first))

    @property
    def emptied_s(self) -> float | None:
        """Time from the last departure until nobody is on the streets; None where somebody stays to the end [s]."""
        busy = np.flatnonzero(self.running + self.waiting > 0.0)
        if not busy.size:
            return 0.0
        if busy[-1] + 1 == len(self.time_s):
            return None
        return max(float(self.time_s[busy[-1] + 1]) - self.end_s, 0.0)

    def locked(self, teleported: int, n_vehicles: int, drain_s: float) -> bool:
        """
        Whether streets locked.

        They did if more than 0.5 % of the vehicles had to be moved on, if vehicles on their way or waiting grew by more
        than 25 %, and than chance explains, between the first and the last third of the time that is measured, or if
        streets were given time to empty and did not.
        """
        stayed = drain_s > 0.0 and self.emptied_s is None
        return teleported > MOST_TELEPORTED * n_vehicles or self.piles_up or stayed

    def thinned(self) -> list[int]:
        """Vehicles on the streets, at some times evenly over all."""
        at = np.unique(np.linspace(0, len(self.running) - 1, min(POINTS, len(self.running))).astype(int))
        return [int(number) for number in self.running[at]]


def read_course(path: Path, begin_s: float, end_s: float) -> Course:
    """Vehicles on their way, from the summary of a simulation."""
    names = ("time", "running", "waiting", "meanSpeed")
    rows = [[float(step.get(name, "nan")) for name in names] for step in elements(path, "step")]
    time, running, waiting, speed = np.array(rows, dtype=np.float64).reshape(-1, len(names)).T
    measured = (time >= begin_s) & (time < end_s) & (running > 0.0) & (speed >= 0.0)
    mean = float(np.average(speed[measured], weights=running[measured])) if measured.any() else 0.0
    return Course(time, running, waiting, begin_s, end_s, mean)
