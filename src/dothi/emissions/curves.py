"""Functions of speed in which emission factors are published."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np

from dothi.shapes import Floats


def _ratio(v: Floats, a: float, b: float, c: float, d: float, e: float, f: float) -> Floats:
    return (a + c * v + e * v**2 + f / v) / (1.0 + b * v + d * v**2)


def _polynomial(v: Floats, *c: float) -> Floats:
    return np.asarray(np.polyval(c, v), dtype=float)


def _steps(v: Floats, *c: float) -> Floats:
    return np.asarray(c)[::2][np.searchsorted(np.asarray(c)[1::2], v)]


def _logistic(v: Floats, a: float, b: float, c: float, d: float, e: float) -> Floats:
    return a + b / (1.0 + np.exp(-c + d * np.log(v) + e * v))


def _power(v: Floats, a: float, b: float, c: float) -> Floats:
    return a * b**v * v**c


def _powers(v: Floats, a: float, b: float, c: float, d: float) -> Floats:
    return a * v**b + c * v**d


def _inverse(v: Floats, a: float, b: float, c: float) -> Floats:
    return 1.0 / (c * v**2 + b * v + a)


def _exponential(v: Floats, a: float, b: float, c: float) -> Floats:
    return np.exp(a + b / v + c * np.log(v))


FORMS: Final[Mapping[str, Callable[..., Floats]]] = {
    "ratio": _ratio,
    "polynomial": _polynomial,
    "steps": _steps,
    "logistic": _logistic,
    "power": _power,
    "powers": _powers,
    "inverse": _inverse,
    "exponential": _exponential,
}
r"""
Forms of curves over speed :math:`V` [km/h], with coefficients in the order of the guidebook:

- ratio: :math:`(a + cV + eV^2 + f/V) / (1 + bV + dV^2)`; the newer editions write it
  :math:`(\alpha V^2 + \beta V + \gamma + \delta/V) / (\varepsilon V^2 + \zeta V + \eta)`
- polynomial: highest power first
- steps: value, speed up to which it holds, next value, …
- logistic: :math:`a + b / (1 + e^{-c + d \ln V + eV})`
- power: :math:`a b^V V^c`; powers: :math:`aV^b + cV^d`
- inverse: :math:`1 / (cV^2 + bV + a)`; exponential: :math:`e^{a + b/V + c \ln V}`
"""

SUBSTANCES: Final = ("fuel", "nox", "pm")
FASTEST_KM_H: Final = 130.0
SPEEDS: Final[Floats] = np.arange(0.0, FASTEST_KM_H + 0.5, 0.5)
"""Speeds at which curves are tabulated; between them they run straight [km/h]."""
GRAVITY_M_S2: Final = 9.80665
MG_PER_G: Final = 1000.0


@cache
def factors() -> Mapping[str, Any]:
    """Emission factors of all vehicles, as their file has them."""
    text = files("dothi.place").joinpath("emission_factors.toml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = tomllib.loads(text)
    return found


def value(curve: Mapping[str, Any], speed_km_h: Floats) -> Floats:
    """
    Values of a published curve; beyond its speeds, those at its ends.

    Parameters
    ----------
    curve
        Its ``form``, ``coefficients`` and ``speed`` limits.
    speed_km_h
        Speeds.
    """
    slowest, fastest = curve["speed"]
    speed = np.clip(speed_km_h, max(float(slowest), 1.0), float(fastest))
    return np.maximum(FORMS[curve["form"]](speed, *curve["coefficients"]), 0.0)


def table(kind: str, fuel: str, classes: Mapping[str, float], substance: str) -> Floats:
    """
    Emission of a mix of classes at `SPEEDS` [g/km].

    Parameters
    ----------
    kind, fuel
        Vehicles, such as diesel trucks.
    classes
        Their emission classes, each with its share; they need not add up to one.
    substance
        One of `SUBSTANCES`.
    """
    found = np.zeros(len(SPEEDS))
    for name, share in classes.items():
        found += float(share) * value(factors()[kind][fuel][name][substance], SPEEDS)
    return found / sum(classes.values())


def heavy_slope(slope: Floats, speed_km_h: Floats) -> Floats:
    """
    How many times as much a truck or bus emits on a slope as on the level.

    Parameters
    ----------
    slope
        Rise over length; steeper than the source has it counts as its steepest.
    speed_km_h
        Speeds.
    """
    data = factors()["heavy_slope"]
    steps = np.asarray(data["slope_pct"]) / 100.0
    fuel = np.stack([value(curve, SPEEDS) for curve in data["fuel"]])
    factor = fuel / fuel[np.flatnonzero(steps == 0.0)]
    at = np.clip(np.interp(slope, steps, np.arange(len(steps))), 0.0, len(steps) - 1.0)
    low = np.minimum(at.astype(np.int64), len(steps) - 2)
    by_step = np.stack([np.interp(speed_km_h, SPEEDS, row) for row in factor])
    columns = np.arange(len(slope))
    part = at - low
    found: Floats = by_step[low, columns] * (1.0 - part) + by_step[low + 1, columns] * part
    return found


def light_slope(kind: str, slope: Floats, fuel_g_km: Floats) -> Floats:
    r"""
    How many times as much a car or motorbike emits on a slope as on the level.

    .. math:: \max\left(1 + \frac{m g s}{\eta H F}, \; f\right)

    with its mass :math:`m`, the slope :math:`s`, the efficiency :math:`\eta` of the work added, the heat :math:`H` of
    the fuel, the fuel :math:`F` on the level and a floor :math:`f`.

    Parameters
    ----------
    kind
        Kind of vehicle.
    slope
        Rise over length.
    fuel_g_km
        Fuel on the level [g/km].
    """
    data = factors()["light_slope"]
    steepest = float(data["steepest_pct"]) / 100.0
    work_kj_km = float(data["mass_kg"][kind]) * GRAVITY_M_S2 * np.clip(slope, -steepest, steepest)  # as many J/m
    more_g_km = work_kj_km / (float(data["efficiency"]) * float(data["fuel_mj_per_kg"]))  # as many kJ/g
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(fuel_g_km > 0.0, 1.0 + more_g_km / fuel_g_km, 1.0)
    return np.maximum(factor, float(data["floor"]))


def wear(kind: str, speed_km_h: Floats, *, electric: bool = False) -> Floats:
    """
    Fine particles of tyres and brakes [g/km].

    Parameters
    ----------
    kind
        Kind of vehicle.
    speed_km_h
        Speeds.
    electric
        Whether it brakes with its motor.
    """
    data = factors()["wear_mg_km"]
    tyre = np.interp(speed_km_h, *_TYRE) * data["tyre"][kind] * (data["electric_tyre"] if electric else 1.0)
    brake = np.interp(speed_km_h, *_BRAKE) * data["brake"][kind] * (data["electric_brake"] if electric else 1.0)
    found: Floats = (tyre + brake) / MG_PER_G
    return found


def _line(low: float, high: float, slope: float, offset: float) -> tuple[Sequence[float], Sequence[float]]:
    return (low, high), (slope * low + offset, slope * high + offset)


_TYRE = _line(40.0, 90.0, -0.00974, 1.78)
_BRAKE = _line(40.0, 95.0, -0.0270, 2.75)
