"""What the weather does to buildings besides the sun: air, sky, ground and moisture, hour by hour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from dothi.heat.moisture import ATMOSPHERE_PA, saturated
from dothi.shapes import Floats

if TYPE_CHECKING:
    import pandas as pd

STEFAN_BOLTZMANN: Final = 5.670374419e-8
KELVIN: Final = 273.15
USUAL_SKY_K: Final = 11.0
"""By how much the sky is colder than the air where its radiation is not known: ISO 13790:2008, 11.4.6."""
USUAL_HUMIDITY: Final = 0.75
GROUND_SWING: Final = 0.35
GROUND_LAG_H: Final = 30 * 24
"""Ground below a building follows the season with a third of its swing, a month late: order of magnitude of ISO 13370,
annex A."""


@dataclass(frozen=True, slots=True)
class Outdoors:
    """
    Series of the weather, each (hours,).

    Attributes
    ----------
    air_c
        Temperature of the air [°C].
    sky_k
        By how much the sky is colder [K].
    ground_k
        By how much the ground below a building is warmer than the air [K].
    moisture
        Moisture of the air [kg/kg].
    """

    air_c: Floats
    sky_k: Floats
    ground_k: Floats
    moisture: Floats


def outdoors(weather: pd.DataFrame) -> Outdoors:
    """Series of a weather."""
    air = weather["air_temperature_c"].to_numpy(dtype=float)
    longwave = _column(weather, "longwave_w_m2")
    with np.errstate(invalid="ignore"):
        sky = (longwave / STEFAN_BOLTZMANN) ** 0.25 - KELVIN
    pressure = np.nan_to_num(_column(weather, "pressure_pa"), nan=ATMOSPHERE_PA)
    dew = _column(weather, "dew_point_c")
    moist = np.where(np.isfinite(dew), saturated(np.nan_to_num(dew), pressure), USUAL_HUMIDITY * saturated(air))
    sky_k = np.where(np.isfinite(sky), air - np.nan_to_num(sky), USUAL_SKY_K)
    return Outdoors(air, sky_k, ground_c(air) - air, moist)


def ground_c(air_c: Floats) -> Floats:
    """Temperature of the ground below buildings: the mean of the year and a weak, late season [°C]."""
    hours = np.arange(len(air_c))
    turn = 2.0 * np.pi * hours / max(len(air_c), 1)
    mean = float(air_c.mean())
    a, b = (2.0 * float(np.mean((air_c - mean) * wave(turn))) for wave in (np.cos, np.sin))
    late = turn - 2.0 * np.pi * GROUND_LAG_H / max(len(air_c), 1)
    found: Floats = mean + GROUND_SWING * (a * np.cos(late) + b * np.sin(late))
    return found


def _column(weather: pd.DataFrame, name: str) -> Floats:
    if name not in weather:
        return np.full(len(weather), np.nan)
    found: Floats = weather[name].to_numpy(dtype=float, na_value=np.nan)
    return found
