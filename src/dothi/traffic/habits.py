"""How people of a country travel, and what their vehicles are like: the data of `place`, as the model needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dothi.place import load
from dothi.shapes import Floats
from dothi.traffic.choice import Nests

MODES: Final = ("walk", "bicycle", "motorbike", "car", "transit")
PURPOSES: Final = ("work", "school", "shop", "other", "nhb")
DRIVEN: Final = ("car", "motorbike")
FALLBACK: Final = "fr"
HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class Period:
    """
    Part of a working day with one mean hour.

    Attributes
    ----------
    name
        Its name.
    from_h, to_h
        Hours at which it begins and ends; it may pass midnight.
    """

    name: str
    from_h: int
    to_h: int

    @property
    def hours(self) -> tuple[int, ...]:
        """Its hours, by the number at which each begins."""
        length = (self.to_h - self.from_h) % HOURS or HOURS
        return tuple((self.from_h + i) % HOURS for i in range(length))


@dataclass(frozen=True, slots=True)
class Habits:
    """
    How people travel.

    Attributes
    ----------
    country
        Country whose data these are.
    data
        Sections of ``place/<country>/trips.toml``, sources included.
    vehicles
        Sections of ``place/<country>/vehicles.toml``.
    """

    country: str
    data: Mapping[str, Any]
    vehicles: Mapping[str, Any]

    @classmethod
    def of(cls, country: str) -> Habits:
        """Habits of a country; those of France where nothing is known of it."""
        try:
            return cls(country, load(country, "trips"), load(country, "vehicles"))
        except KeyError:
            return cls(FALLBACK, load(FALLBACK, "trips"), load(FALLBACK, "vehicles"))

    def numbers(self, section: str, key: str = "") -> dict[str, float]:
        """Numbers of a section, or of a table in it, by name."""
        found = self.data[section][key] if key else self.data[section]
        return {
            name: float(value)
            for name, value in found.items()
            if isinstance(value, (int, float)) and name != "verified"
        }

    def tables(self, section: str) -> dict[str, dict[str, float]]:
        """Tables of a section by name."""
        return {name: dict(value) for name, value in self.data[section].items() if isinstance(value, dict)}

    @property
    def rates(self) -> dict[str, float]:
        """Trips of a resident and day by purpose."""
        return self.numbers("rates")

    @property
    def nests(self) -> Nests:
        """Which modes are alike."""
        choice = self.data["choice"]
        return Nests(tuple(choice["nests"][mode] for mode in MODES), dict(choice["nest_scale"]))

    def constants(self) -> Floats:
        """Constant of each mode."""
        return np.array([self.data["choice"]["constants"][mode] for mode in MODES], dtype=float)

    def hours(self, purpose: str) -> tuple[Floats, Floats]:
        """Shares of the trips of a day by the hour they begin: those from home, and those back to it."""
        given = self.data["hours"][purpose]
        out = np.asarray(given["out"], dtype=float)
        if "back" not in given:  # no end at home: both directions are alike
            return out / out.sum() / 2.0, out / out.sum() / 2.0
        back = np.asarray(given["back"], dtype=float)
        return out / out.sum() / 2.0, back / back.sum() / 2.0

    @property
    def periods(self) -> tuple[Period, ...]:
        """Parts of the day."""
        given = self.data["periods"]
        return tuple(map(Period, given["names"], given["from_h"], given["to_h"]))

    @property
    def peak(self) -> Period:
        """The morning peak hour."""
        hour = int(self.data["periods"]["peak_hour"])
        return Period("peak", hour, (hour + 1) % HOURS)

    def pcu(self, vehicle: str) -> float:
        """Passenger-car units of a vehicle."""
        return float(self.vehicles["pcu"][vehicle])

    def fastest_m_s(self, vehicle: str) -> float:
        """Greatest speed of a vehicle [m/s]."""
        return float(self.vehicles["speed"][f"{vehicle}_km_h"]) / 3.6

    def sources(self) -> dict[str, dict[str, Any]]:
        """By section, where its numbers are from and whether that was verified."""
        sections = {**self.data, **self.vehicles}
        return {
            name: {"source": part["source"], "verified": part["verified"]}
            for name, part in sections.items()
            if isinstance(part, dict) and "source" in part
        }


def share_of(habits: Habits, purpose: str, hours: tuple[int, ...]) -> tuple[float, float]:
    """Shares of a day's trips of a purpose that leave home, and come back, in the mean of some hours."""
    out, back = habits.hours(purpose)
    return float(out[list(hours)].mean()), float(back[list(hours)].mean())
