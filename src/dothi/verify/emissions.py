"""Cases of emissions: values that the guidebook prints, functions by hand, slopes and sums."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from dothi.emissions import curves
from dothi.verify import Case, Quantity

PRINTED_DIGITS: Final = 6e-6
"""The annex prints five decimals."""
AT_FASTEST: Final[dict[str, tuple[float, float, float]]] = {
    "truck euro_iii": (140.95408, 3.47990, 0.06167),
    "truck euro_v": (134.45560, 0.51834, 0.01332),
    "truck euro_vi": (136.42754, 0.08597, 0.00193),
    "bus euro_iii": (201.64219, 4.35091, 0.10787),
    "bus euro_v": (185.14965, 2.02649, 0.01824),
    "bus euro_vi": (189.86792, 0.15013, 0.00280),
}
"""Fuel, NOx and PM that the annex prints for 86 km/h, half loaded, on the level [g/km]."""
FUEL_ON_SLOPES: Final = ((-6, 86, 4.88557), (-4, 86, 8.43269), (-2, 86, 52.67758), (0, 86, 138.62824))
FUEL_UPHILL: Final = ((2, 86, 240.70974), (4, 78, 323.76207), (6, 64, 419.74701))
"""Slope [%], fastest speed [km/h] and fuel [g/km] that the annex prints for a half-loaded truck of Euro I."""


def _annex() -> Iterator[Quantity]:
    for name, printed in AT_FASTEST.items():
        kind, emission_class = name.split()
        data = curves.factors()[kind]["diesel"][emission_class]
        for substance, reference in zip(curves.SUBSTANCES, printed, strict=True):
            found = float(curves.value(data[substance], np.array([86.0]))[0])
            tolerance = max(PRINTED_DIGITS, 1e-6 * reference)  # coefficients have ten digits
            yield Quantity(f"{substance} of a {name.replace('_', ' ')}", "g/km", found, reference, tolerance)


def _slopes() -> Iterator[Quantity]:
    data = curves.factors()["heavy_slope"]
    for slope, speed, reference in (*FUEL_ON_SLOPES, *FUEL_UPHILL):
        curve = data["fuel"][data["slope_pct"].index(float(slope))]
        found = float(curves.value(curve, np.array([float(speed)]))[0])
        yield Quantity(f"fuel at {slope} %, {speed} km/h", "g/km", found, reference, 2e-5)
    level = curves.heavy_slope(np.zeros(3), np.array([10.0, 30.0, 80.0]))
    yield Quantity("factor on the level", "", float(level.max()), 1.0, 1e-15)
    half = float(curves.heavy_slope(np.array([0.01]), np.array([30.0]))[0])
    whole = float(curves.heavy_slope(np.array([0.02]), np.array([30.0]))[0])
    yield Quantity("factor at 1 %, half way from 1", "", half, (1.0 + whole) / 2.0, 1e-12)
    climb = float(curves.light_slope("car", np.array([0.02]), np.array([60.0]))[0])
    by_hand = 1.0 + 1400.0 * 9.80665 * 0.02 / (0.35 * 43.0) / 60.0
    yield Quantity("factor of a car of 60 g/km at 2 %", "", climb, by_hand, 1e-12)


def _by_hand() -> Iterator[Quantity]:
    """Cars at 50 km/h and motorbikes at 30 km/h, term by term."""
    cars, bikes = curves.factors()["car"], curves.factors()["motorbike"]

    def at(curve: object, speed: float) -> float:
        return float(curves.value(curve, np.array([speed]))[0])  # type: ignore[arg-type]

    euro_4 = (174.0 + 0.364 * 50.0 + 8.74e-3 * 2500.0) / (1.0 + 0.0685 * 50.0 - 2.47e-4 * 2500.0)
    yield Quantity("fuel, petrol Euro 4", "g/km", at(cars["petrol"]["euro_4"]["fuel"], 50.0), euro_4, 1e-12)
    euro_3 = (2.82 + 0.0669 * 50.0 - 4.63e-4 * 2500.0) / (1.0 + 0.198 * 50.0 - 1.43e-3 * 2500.0)
    yield Quantity("NOx, diesel Euro 3", "g/km", at(cars["diesel"]["euro_3"]["nox"], 50.0), euro_3, 1e-12)
    a, b, c, d, e = 1.16704392923839e-3, 10.6122773565105, -6.48363073978964, 0.567498081980885, 0.0122605453342893
    euro_5 = a + b / (1.0 + math.exp(-c + d * math.log(50.0) + e * 50.0))
    yield Quantity("PM, diesel Euro 5", "g/km", at(cars["diesel"]["euro_5"]["pm"], 50.0), euro_5, 1e-15)
    v = 30.0
    fuel = -3.42e-8 * v**5 + 1.11e-5 * v**4 - 1.43e-3 * v**3 + 0.0927 * v**2 - 3.05 * v + 59.3
    yield Quantity("fuel, motorbike Euro 3", "g/km", at(bikes["petrol"]["euro_3"]["fuel"], v), fuel, 1e-12)
    slow = at(cars["petrol"]["euro_4"]["fuel"], 3.0)
    yield Quantity("fuel below the slowest speed", "g/km", slow, at(cars["petrol"]["euro_4"]["fuel"], 10.0), 0.0)


def _wear() -> Iterator[Quantity]:
    speeds = np.array([20.0, 60.0, 120.0])
    tyre = (-0.00974 * np.array([40.0, 60.0, 90.0]) + 1.78) * 4.49
    brake = (-0.0270 * np.array([40.0, 60.0, 95.0]) + 2.75) * 2.93
    for speed, found, reference in zip(speeds, curves.wear("car", speeds) * 1e3, tyre + brake, strict=True):
        yield Quantity(f"wear of a car at {speed:g} km/h", "mg/km", float(found), float(reference), 1e-12)


CASES: Final = (
    Case(
        "emissions",
        "Trucks and buses at their fastest",
        "EMEP/EEA guidebook 2013, annex for heavy-duty vehicles (June 2012), column of values at 86 km/h; as printed.",
        _annex,
    ),
    Case(
        "emissions",
        "Fuel on slopes",
        "The same annex, truck of 7.5 to 12 t, Euro I, half loaded; light vehicles: work against gravity by hand.",
        _slopes,
    ),
    Case(
        "emissions",
        "Cars and motorbikes by hand",
        "Functions of the guidebook 2013 (update September 2014), Tables 3-41 and 3-47 and the polynomials of "
        "motorcycles, term by term; to rounding.",
        _by_hand,
    ),
    Case(
        "emissions",
        "Wear of tyres and brakes",
        "EMEP/EEA guidebook, 1.A.3.b.vi-vii, eqs. 5 and 8 with the PM2.5 of passenger cars; to rounding.",
        _wear,
    ),
)
"""Cases of emissions."""
