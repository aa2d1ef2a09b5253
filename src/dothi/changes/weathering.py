"""What another climate does to tables: warmer weather, heavier storms, a higher sea."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

KELVIN = 273.15
MAGNUS_B, MAGNUS_C = 17.625, 243.04
"""Of the saturation pressure over water, Alduchov and Eskridge 1996, J. Appl. Meteorol. 35 (4), eq. 21."""


def warmed(weather: pd.DataFrame, offset_k: float) -> pd.DataFrame:
    r"""
    Hourly weather that is warmer at the same relative humidity.

    Relative humidity is the ratio of the saturation pressures at dew point and air temperature. With the formula of
    Magnus, :math:`\ln e = b T / (c + T)` but for a constant, the new dew point is where

    .. math:: \gamma(T_d') = \gamma(T_d) + \gamma(T + \Delta) - \gamma(T), \qquad \gamma(T) = b T / (c + T)

    The sky radiates with the fourth power of the temperature of the air and the emissivity of Clark and Allen for its
    dew point, as in the EnergyPlus Engineering Reference, "Sky Radiation Modeling"; clouds stay.

    Parameters
    ----------
    weather
        Table ``weather``.
    offset_k
        Added to the air temperature [K].
    """
    if offset_k == 0.0:
        return weather
    weather = weather.copy(deep=False)
    air = weather["air_temperature_c"].to_numpy()
    dew = weather["dew_point_c"].to_numpy()
    gamma = _gamma(dew) + _gamma(air + offset_k) - _gamma(air)
    new_dew = MAGNUS_C * gamma / (MAGNUS_B - gamma)
    weather["air_temperature_c"] = air + offset_k
    weather["dew_point_c"] = new_dew
    moister = np.where(np.isfinite(dew), _emissivity(new_dew) / _emissivity(dew), 1.0)
    sky = weather["longwave_w_m2"].to_numpy()
    weather["longwave_w_m2"] = sky * moister * ((air + offset_k + KELVIN) / (air + KELVIN)) ** 4
    return weather


def _gamma(temperature_c: Any) -> Any:
    return MAGNUS_B * temperature_c / (MAGNUS_C + temperature_c)


def _emissivity(dew_point_c: Any) -> Any:
    """Of a clear sky, Clark and Allen 1978."""
    return 0.787 + 0.764 * np.log((dew_point_c + KELVIN) / 273.0)


def rained(storms: pd.DataFrame, hyetographs: pd.DataFrame, factor: float) -> dict[str, pd.DataFrame]:
    """Tables of storms with their rain times a factor."""
    if factor == 1.0:
        return {}
    return {
        "storms": storms.assign(depth_mm=storms["depth_mm"] * factor),
        "hyetographs": hyetographs.assign(intensity_mm_h=hyetographs["intensity_mm_h"] * factor),
    }


def risen(stages: pd.DataFrame, rise_m: float) -> pd.DataFrame:
    """Levels of storms with a higher sea; rivers stay."""
    sea = (stages["kind"] == "sea").to_numpy()
    return stages.assign(level_m=stages["level_m"] + np.where(sea, rise_m, 0.0))
