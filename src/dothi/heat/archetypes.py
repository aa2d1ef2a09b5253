"""Archetypes: what a building is taken to be, from its function, storeys, year and country."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from dothi import place
from dothi.shapes import Floats, Integers

DEFAULT: Final = "other"
"""Function of buildings whose function is not known."""


@dataclass(frozen=True, slots=True)
class Archetypes:
    """
    Archetypes of a country.

    Attributes
    ----------
    country
        ISO code.
    data
        Its file, as it stands.
    names
        Archetypes in order.
    """

    country: str
    data: Mapping[str, Any]
    names: tuple[str, ...]

    def chosen(self, function: Any, storeys: Floats) -> Integers:
        """
        Archetype of each building, as its place among `names`.

        Parameters
        ----------
        function : (n,)
            Function by name.
        storeys : (n,)
            Storeys above ground.
        """
        found = np.full(len(function), -1, dtype=np.int64)
        for number, name in enumerate(self.names):
            one = self.data["archetype"][name]
            fits = np.isin(function, one["functions"]) & (found < 0)
            fits &= (storeys >= one.get("min_storeys", 0)) & (storeys <= one.get("max_storeys", np.inf))
            found[fits] = number
        fallback = next(i for i, name in enumerate(self.names) if DEFAULT in self.data["archetype"][name]["functions"])
        return np.where(found < 0, fallback, found)

    def values(self, chosen: Integers, key: str, otherwise: float = 0.0) -> Floats:
        """A number of the archetype of each building."""
        table = np.array([float(self.data["archetype"][name].get(key, otherwise)) for name in self.names])
        return np.asarray(table[chosen])

    def words(self, chosen: Integers, key: str) -> Any:
        """A word of the archetype of each building."""
        return np.array([str(self.data["archetype"][name][key]) for name in self.names], dtype=object)[chosen]

    def envelope(self, chosen: Integers, year: Floats) -> dict[str, Floats]:
        """Properties of the skin of each building, of its use and the period in which it was built."""
        use = self.words(chosen, "envelope")
        found: dict[str, Floats] = {}
        for part in self.data["envelope"]:
            rows = np.isin(use, part["uses"])
            period = np.searchsorted(np.asarray(part["built_to"], dtype=float), year[rows])
            for key, values in part.items():
                if isinstance(values, list) and key not in ("uses", "built_to"):
                    column = found.setdefault(key, np.zeros(len(chosen)))
                    column[rows] = np.asarray(values, dtype=float)[np.minimum(period, len(values) - 1)]
        return found

    def common(self, key: str) -> float:
        """A number that holds for all skins."""
        return float(self.data["envelope_common"][key])


@cache
def archetypes(country: str) -> Archetypes:
    """Archetypes of a country."""
    data = place.load(country, "archetypes")
    return Archetypes(country, data, tuple(data["archetype"]))


def drawn(ids: Integers, salt: int) -> Floats:
    """
    A number from 0 to 1 for each building that depends on its id alone.

    What is drawn with it, such as the fuel that heats a house, stays when the city around is edited.
    """
    start = np.uint64(salt * 0xD1B54A32D192ED03 % 2**64)
    mixed = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + start
    for shift in (30, 27):  # finaliser of SplitMix64
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(31)
    return np.asarray((mixed >> np.uint64(11)).astype(float) / 2.0**53)
