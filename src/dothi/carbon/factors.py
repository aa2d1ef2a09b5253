"""Carbon dioxide of a unit of energy or of building, by country and year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dothi import place
from dothi.shapes import Floats


@dataclass(frozen=True, slots=True)
class Factors:
    """
    Carbon dioxide of energy [kg/kWh].

    Attributes
    ----------
    year
        Year of the electricity.
    electricity, gas, oil, wood, district
        At the meter of a building; wood counts what does not grow again.
    biogenic_wood
        What wood gives off and forests take up again.
    """

    year: int
    electricity: float
    gas: float
    oil: float
    wood: float
    district: float
    biogenic_wood: float


def data_of(country: str) -> dict[str, Any]:
    """All data on carbon dioxide of a country."""
    return place.load(country, "carbon")


def grid_factor(country: str, year: int | None = None) -> tuple[int, float]:
    """
    Emissions of the electricity of the grid.

    Parameters
    ----------
    country
        ISO 3166 code in small letters.
    year
        Year; the last known where None. Of a year without a value, that before; of one before all, the first.

    Returns
    -------
    year, factor
        Year of the value, and the value [kg/kWh].
    """
    known = {int(key): float(value) for key, value in data_of(country)["grid"]["kg_kwh"].items()}
    before = [one for one in sorted(known) if year is None or one <= year]
    chosen = before[-1] if before else min(known)
    return chosen, known[chosen]


def factors_of(country: str, year: int | None = None) -> Factors:
    """Factors of a country in a year."""
    data = data_of(country)
    chosen, electricity = grid_factor(country, year)
    fuels = data["fuels"]
    return Factors(
        year=chosen,
        electricity=electricity,
        gas=float(fuels["gas"]),
        oil=float(fuels["oil"]),
        wood=float(fuels["wood"]),
        district=float(data["district"]["kg_kwh"]),
        biogenic_wood=float(data["biogenic"]["wood"]),
    )


def embodied_kg_m2(country: str, function: Any, year: Floats) -> Floats:
    """
    Carbon dioxide of building a square metre of gross floor area anew, by function and year of the permit.

    Parameters
    ----------
    country
        ISO 3166 code in small letters.
    function : (n,)
        Functions of the buildings.
    year : (n,)
        Years; before the first that is known its value holds.
    """
    data = data_of(country)["embodied"]
    begins = np.array(data["years"], dtype=float)
    at = np.clip(np.searchsorted(begins, year, side="right") - 1, 0, len(begins) - 1)
    known = {name: np.array(values, dtype=float) for name, values in data["kg_m2"].items()}
    other = np.full(len(begins), float(data["other"]["kg_m2"]))
    area = float(data["reference_share"])
    return np.array([known.get(name, other)[i] * area for name, i in zip(function, at, strict=True)], dtype=float)
