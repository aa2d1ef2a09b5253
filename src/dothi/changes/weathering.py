"""What another climate does to tables: weather of another place, warmer weather, heavier storms, a higher sea."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City
    from dothi.derive.weather import Normals
    from dothi.errors import Problems

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


def elsewhere(city: City, place: str, problems: Problems) -> pd.DataFrame:
    """
    Weather of a typical year of another place, under the sun of a city.

    The same place gives the same year.

    Parameters
    ----------
    city
        The city.
    place
        Name of a place with climate normals.
    problems
        Collector: no such place, or a city without weather.
    """
    from dothi.crs import LONLAT, transformer
    from dothi.derive.weather import normals, typical_year

    weather = city["weather"]
    if not len(weather):
        problems.error("table is present", table="weather")
        return weather
    try:
        station = normals(place)
    except KeyError as error:
        problems.error(f"is a place whose climate is known ({error.args[0]})", column="weather_of")
        return weather
    west, south, east, north = city.bounds
    longitude, latitude = transformer(city.crs, LONLAT).transform((west + east) / 2.0, (south + north) / 2.0)
    rule = (
        f"is a typical year made from the normals of {station.name}; source: {station.source} "
        "(compared with the publication)"
        if station.verified
        else f"is a typical year made from the normals of {station.name}; source: {station.source} "
        "(not compared yet with the publication)"
    )
    problems.note(rule, table="weather")
    return typical_year(
        under_sun_of(station, latitude),
        latitude=latitude,
        longitude=longitude,
        elevation_m=station.elevation_m,
        time_zone_h=time_zone_h(weather),
        rng=np.random.default_rng([zlib.crc32(station.name.encode())]),
    )


def time_zone_h(weather: pd.DataFrame) -> float:
    """Hours ahead of UTC of the place of a weather: its year begins at midnight there."""
    import pandas as pd

    first = pd.Timestamp(weather["time"].iloc[0])
    ahead = float((24.0 - first.hour - first.minute / 60.0) % 24.0)
    return ahead if ahead <= 14.0 else ahead - 24.0


def under_sun_of(station: Normals, latitude: float) -> Normals:
    """
    Normals of a station as they are below the sun of another latitude, at the same share of sunshine.

    Days are as long, and the sun outside the atmosphere as strong, as FAO Irrigation and Drainage Paper 56 has it
    (eqs. 21 and 34), in the middle of each month.
    """
    here, there = _sun_of_months(latitude), _sun_of_months(station.latitude)
    changed: dict[str, Any] = {}
    for name, part in (("sunshine_h", 0), ("ghi_kwh_m2", 1)):
        values = getattr(station, name)
        if values is not None:
            changed[name] = tuple(float(one) for one in np.asarray(values) * here[part] / there[part])
    return replace(station, **changed)


def _sun_of_months(latitude: float) -> Any:
    """Length of the day [h] and radiation outside the atmosphere [any unit] in the middle of each month, (2, 12)."""
    day = np.array([15, 46, 74, 105, 135, 166, 196, 227, 258, 288, 319, 349])
    turn = 2.0 * np.pi * day / 365.0
    distance, declination = 1.0 + 0.033 * np.cos(turn), 0.409 * np.sin(turn - 1.39)
    phi = np.radians(latitude)
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1.0, 1.0))
    height = sunset * np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.sin(sunset)
    return np.maximum(np.array([24.0 / np.pi * sunset, distance * height]), 1e-3)


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
