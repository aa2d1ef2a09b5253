"""The storm: rain by time, and levels of the river and the sea meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dothi.flood.ground import BODIES, MM_H
from dothi.flood.solver import SINK
from dothi.shapes import Floats

if TYPE_CHECKING:
    from dothi.city import City


@dataclass(frozen=True, slots=True)
class Rain:
    """
    Rain and levels of a storm.

    Attributes
    ----------
    name
        Its name; empty where it has none.
    times_s, rain_m_s : (n,)
        Beginnings of the steps [s], and the rain from then on [m s⁻¹].
    levels
        By water of `BODIES`, times [s] and levels [m].
    """

    name: str
    times_s: Floats
    rain_m_s: Floats
    levels: dict[str, tuple[Floats, Floats]]

    @property
    def ends_s(self) -> float:
        """Time at which the rain is over [s]."""
        wet = np.flatnonzero(self.rain_m_s > 0.0)
        return float(self.times_s[min(wet[-1] + 1, len(self.times_s) - 1)]) if wet.size else 0.0

    def at(self, time_s: float) -> float:
        """Rain from a time on [m s⁻¹]."""
        k = int(np.searchsorted(self.times_s, time_s + 1e-6, side="right")) - 1
        return float(self.rain_m_s[k]) if k >= 0 else 0.0

    def levels_at(self, time_s: float) -> Floats:
        """Level of each of `BODIES` [m]; `SINK` for one of which nothing is said."""
        found = [np.interp(time_s, *self.levels[kind]) if kind in self.levels else SINK for kind in BODIES]
        return np.array(found, dtype=float)


def storm_of(city: City) -> Rain:
    """The last storm of a city: the one that its scenario added."""
    storm = int(city["storms"].index[-1])
    steps = city["hyetographs"]
    steps = steps[steps["storm_id"] == storm].sort_values("time_s")
    levels = {}
    if "stages" in city:
        stages = city["stages"]
        stages = stages[stages["storm_id"] == storm].sort_values("time_s")
        for kind in BODIES:
            own = stages[stages["kind"] == kind]
            if len(own):
                levels[kind] = own["time_s"].to_numpy(dtype=float), own["level_m"].to_numpy(dtype=float)
    name = city["storms"]["name"].iloc[-1]
    times, rain = (steps[column].to_numpy(dtype=float) for column in ("time_s", "intensity_mm_h"))
    return Rain(name if isinstance(name, str) else "", times, rain * MM_H, levels)
