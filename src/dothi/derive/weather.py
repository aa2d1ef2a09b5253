"""A typical year of hourly weather from monthly climate normals."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pvlib
from scipy import optimize, special

from dothi.errors import InputError, Problems
from dothi.place import COUNTRIES, load
from dothi.units import WH_PER_KWH

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

TYPICAL_YEAR: Final = 2001
"""Not a leap year, and it begins on a Monday; the same as that of `dothi.io.epw`."""

MONTHS: Final = 12
DAYS: Final = 365
HOURS: Final = 24
DAYS_OF_MONTH: Final = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
MONTH_OF_DAY: Final = np.repeat(np.arange(MONTHS), DAYS_OF_MONTH)
MONTH_OF_HOUR: Final = np.repeat(MONTH_OF_DAY, HOURS)
HOUR_OF_DAY: Final = np.tile(np.arange(HOURS), DAYS)
SUBSTEPS: Final = 12
EARTH_RADIUS_KM: Final = 6371.0

ANGSTROM_A: Final = 0.25
ANGSTROM_B: Final = 0.50
CLEARNESS_MIN: Final = 0.05
CLEAREST: Final = 1.08
CLEAR_DAY: Final = 0.70
CLEARNESS_MEMORY: Final = 0.29
ANOMALY_MEMORY: Final = 0.55
ANOMALY_SD_C: Final = 0.70
ANOMALY_SD_SLOPE: Final = 0.38
MAXIMUM_LAG_H: Final = 2.1
EXTREME_STEPS: Final = 6
DECAY: Final = 2.2
DECAY_POWER: Final = 1.15
RANGE_POWER: Final = 0.8
RANGE_UP: Final = 0.7
DEW_SHARE: Final = 0.8
DEW_CLEARNESS_C: Final = 4.0
RAIN_SHAPE: Final = 0.75
CONVECTIVE_C: Final = 20.0
WIND_MEMORY: Final = 0.90
WIND_SHAPE: Final = 2.0
WIND_SWING: Final = 0.30
STEFAN_BOLTZMANN: Final = 5.670374419e-8
KELVIN: Final = 273.15


@dataclass(frozen=True, slots=True)
class Normals:
    """
    Monthly climate normals of a station, January to December.

    Attributes
    ----------
    name, source, period
        What the station is called, where the values come from, and the years they stand for.
    verified
        Whether the values were compared with the publication itself.
    latitude, longitude
        Place in degrees, WGS 84.
    elevation_m, time_zone_h
        Height above sea level and hours ahead of UTC in winter.
    temperature_mean_c, temperature_max_c, temperature_min_c
        Means of the day, of the daily maximum and of the daily minimum.
    precipitation_mm, rain_days
        Rain of the month, and days with at least `wet_day_mm`.
    sunshine_h, ghi_kwh_m2
        Hours of sunshine or global horizontal radiation of the month; radiation counts where both are given.
    relative_humidity_pct, dew_point_c
        Means; dew point counts where both are given.
    wind_speed_m_s, pressure_pa
        Means. Without wind there is none in the year; without pressure it is that of the standard atmosphere.
    distance_km
        How far the station is from the place asked for.
    """

    name: str
    latitude: float
    longitude: float
    elevation_m: float
    time_zone_h: float
    temperature_mean_c: tuple[float, ...]
    temperature_max_c: tuple[float, ...]
    temperature_min_c: tuple[float, ...]
    precipitation_mm: tuple[float, ...]
    rain_days: tuple[float, ...]
    sunshine_h: tuple[float, ...] | None = None
    ghi_kwh_m2: tuple[float, ...] | None = None
    relative_humidity_pct: tuple[float, ...] | None = None
    dew_point_c: tuple[float, ...] | None = None
    wind_speed_m_s: tuple[float, ...] | None = None
    pressure_pa: tuple[float, ...] | None = None
    wet_day_mm: float = 0.1
    source: str = ""
    period: str = ""
    verified: bool = False
    distance_km: float = 0.0


SERIES: Final = (
    "temperature_mean_c",
    "temperature_max_c",
    "temperature_min_c",
    "precipitation_mm",
    "rain_days",
    "sunshine_h",
    "ghi_kwh_m2",
    "relative_humidity_pct",
    "dew_point_c",
    "wind_speed_m_s",
    "pressure_pa",
)


@cache
def stations() -> tuple[Normals, ...]:
    """Climate normals of all countries."""
    return tuple(_station(entry) for country in COUNTRIES for entry in load(country, "climate")["stations"])


def _station(entry: dict[str, Any]) -> Normals:
    series: dict[str, Any] = {name: tuple(map(float, entry[name])) for name in SERIES if name in entry}
    fields = (
        "name",
        "latitude",
        "longitude",
        "elevation_m",
        "time_zone_h",
        "wet_day_mm",
        "source",
        "period",
        "verified",
    )
    return Normals(**{name: entry[name] for name in fields}, **series)


def normals(place: str | tuple[float, float]) -> Normals:
    """
    Climate normals of a city by name, or of the station nearest to a place.

    Parameters
    ----------
    place
        Name, with or without accents, or longitude and latitude [°].

    Returns
    -------
    Normals
        Those of the station, with its distance from the place.

    Raises
    ------
    KeyError
        No station of that name.

    Examples
    --------
    >>> normals("da lat").name
    'Đà Lạt'
    >>> round(normals((-1.55, 47.21)).distance_km, 1)
    8.0
    """
    if isinstance(place, str):
        return _named(place)
    longitude, latitude = place
    distances = [_distance_km(longitude, latitude, station.longitude, station.latitude) for station in stations()]
    nearest = int(np.argmin(distances))
    return replace(stations()[nearest], distance_km=float(distances[nearest]))


def _named(name: str) -> Normals:
    entries = [entry for country in COUNTRIES for entry in load(country, "climate")["stations"]]
    for entry, station in zip(entries, stations(), strict=True):
        if _plain(name) in {_plain(known) for known in (entry["name"], *entry.get("aliases", ()))}:
            return station
    raise KeyError(f"no climate normals for {name!r}; there are {', '.join(station.name for station in stations())}")


def _plain(name: str) -> str:
    """Letters without accents or case."""
    letters = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).strip()


def _distance_km(longitude: float, latitude: float, other_longitude: float, other_latitude: float) -> float:
    """Distance along the great circle."""
    lon, lat, lon_2, lat_2 = np.radians([longitude, latitude, other_longitude, other_latitude])
    half = np.sin((lat_2 - lat) / 2) ** 2 + np.cos(lat) * np.cos(lat_2) * np.sin((lon_2 - lon) / 2) ** 2
    return float(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(half)))


def typical_year(
    normals: Normals,
    *,
    latitude: float,
    longitude: float,
    elevation_m: float,
    time_zone_h: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """
    Hourly weather of a typical year whose monthly means and sums are the normals.

    Sky: daily clearness takes evenly spaced values of the distribution of Bendt et al. [1]_ for the mean of the month,
    in the order of an autoregressive series [2]_; within the day it follows the TAG model [3]_. Radiation is split
    after Erbs et al. [4]_. Where the normals give sunshine only, radiation follows Ångström and Prescott [5]_.
    Air: the daily minimum falls at sunrise, the maximum two hours after noon; between them a cosine rises and an
    exponential falls [6]_, bent so that mean, mean maximum and mean minimum are all met. Days deviate from the
    climate with a memory of 0.55. Dew point varies from day to day and is cut at saturation. Rain falls on the
    cloudiest days, in warm months mostly in the afternoon. Wind is Weibull with a daily cycle.

    Parameters
    ----------
    normals
        Monthly normals.
    latitude, longitude
        Place in degrees.
    elevation_m
        Height above sea level [m].
    time_zone_h
        Hours ahead of UTC, without daylight saving.
    rng
        Source of random numbers: the same state gives the same year.

    Returns
    -------
    pandas.DataFrame
        Table ``weather`` with 8760 hours of 2001 in local standard time, ``method`` "estimated".

    Raises
    ------
    InputError
        The normals contradict themselves, each contradiction named with its months.

    References
    ----------
    .. [1] P. Bendt, M. Collares-Pereira, A. Rabl, The frequency distribution of daily insolation values, Solar Energy
       27 (1), 1981, pp. 1-5, doi:10.1016/0038-092X(81)90013-X.
    .. [2] V. A. Graham, K. G. T. Hollands, T. E. Unny, A time series model for Kt with application to global synthetic
       weather generation, Solar Energy 40 (2), 1988, pp. 83-92, doi:10.1016/0038-092X(88)90075-8.
    .. [3] R. Aguiar, M. Collares-Pereira, TAG: a time-dependent, autoregressive, Gaussian model for generating
       synthetic hourly radiation, Solar Energy 49 (3), 1992, pp. 167-174, doi:10.1016/0038-092X(92)90068-L.
    .. [4] D. G. Erbs, S. A. Klein, J. A. Duffie, Estimation of the diffuse radiation fraction for hourly, daily and
       monthly-average global radiation, Solar Energy 28 (4), 1982, pp. 293-302, doi:10.1016/0038-092X(82)90302-4.
    .. [5] R. G. Allen et al., Crop evapotranspiration, FAO Irrigation and Drainage Paper 56, 1998, eq. 35.
    .. [6] W. J. Parton, J. A. Logan, A model for diurnal variation in soil and air temperature, Agricultural
       Meteorology 23, 1981, pp. 205-216, doi:10.1016/0002-1571(81)90105-9.
    """
    sun = _sun(latitude, longitude, time_zone_h)
    target_wh_m2 = _daily_radiation(normals, sun)
    _check(normals, target_wh_m2, sun)

    clearness, sky = _daily_clearness(target_wh_m2, sun, rng)
    ghi = _hourly_radiation(clearness, target_wh_m2, sun, rng)
    dni, dhi = _split(ghi, sun)
    anomaly = _anomalies(normals, rng)
    temperature = _temperature(normals, clearness, anomaly, sun)
    dew_point = _dew_point(normals, clearness, anomaly, temperature)
    humidity = None if dew_point is None else 100.0 * _vapour_pressure(dew_point) / _vapour_pressure(temperature)
    rain = _rain(normals, sky, rng)
    wind = _wind(normals, rng)

    begins = pd.date_range(f"{TYPICAL_YEAR}-01-01", periods=DAYS * HOURS, freq="h", unit="us")
    missing = np.full(DAYS * HOURS, np.nan)
    weather = pd.DataFrame(
        {
            "time": begins - pd.Timedelta(hours=time_zone_h),
            "air_temperature_c": temperature,
            "dew_point_c": missing if dew_point is None else dew_point,
            "relative_humidity_pct": missing if humidity is None else np.minimum(humidity, 100.0),
            "pressure_pa": _pressure(normals, elevation_m),
            "ghi_w_m2": ghi,
            "dni_w_m2": dni,
            "dhi_w_m2": dhi,
            "longwave_w_m2": missing if dew_point is None else _longwave(temperature, dew_point, clearness),
            "wind_speed_m_s": missing if wind is None else wind,
            "wind_direction_deg": missing,
            "precipitation_mm": rain,
            "method": "estimated",
        }
    )
    weather.attrs = {
        "station": normals.name,
        "latitude": latitude,
        "longitude": longitude,
        "elevation_m": elevation_m,
        "time_zone_h": time_zone_h,
    }
    return weather


def monthly_normals(weather: pd.DataFrame, *, wet_day_mm: float = 0.1) -> Normals:
    """
    Monthly normals of an hourly year, as `typical_year` takes them.

    Parameters
    ----------
    weather
        Table ``weather`` with the 8760 hours of a year from midnight local time, and its ``attrs``.
    wet_day_mm
        Least rain of a day with rain.

    Returns
    -------
    Normals
        With radiation in place of sunshine. Without rain in the table, months are dry.
    """
    days = {
        name: weather[name].to_numpy().reshape(DAYS, HOURS)
        for name in weather.columns
        if name not in ("time", "method")
    }

    def mean(values: Floats) -> tuple[float, ...]:
        return tuple(_by_month(values) / DAYS_OF_MONTH)

    temperature = days["air_temperature_c"]
    rain = np.nan_to_num(days["precipitation_mm"]).sum(axis=1)
    attrs = weather.attrs
    return Normals(
        name=str(attrs["station"]),
        latitude=float(attrs["latitude"]),
        longitude=float(attrs["longitude"]),
        elevation_m=float(attrs["elevation_m"]),
        time_zone_h=float(attrs["time_zone_h"]),
        temperature_mean_c=mean(temperature.mean(axis=1)),
        temperature_max_c=mean(temperature.max(axis=1)),
        temperature_min_c=mean(temperature.min(axis=1)),
        precipitation_mm=tuple(_by_month(rain)),
        rain_days=tuple(_by_month((rain >= wet_day_mm).astype("float64"))),
        ghi_kwh_m2=tuple(_by_month(days["ghi_w_m2"].sum(axis=1)) / WH_PER_KWH),
        relative_humidity_pct=mean(days["relative_humidity_pct"].mean(axis=1)),
        wind_speed_m_s=mean(days["wind_speed_m_s"].mean(axis=1)),
        pressure_pa=mean(days["pressure_pa"].mean(axis=1)),
        wet_day_mm=wet_day_mm,
    )


def _floats(values: Any) -> Floats:
    return np.asarray(values, dtype="float64")


def _by_month(daily: Floats) -> Floats:
    """Sums of daily values, for each month."""
    return _floats(np.bincount(MONTH_OF_DAY, weights=daily, minlength=MONTHS))


def _hourly_by_month(hourly: Floats) -> Floats:
    """Sums of hourly values, for each month."""
    return _floats(np.bincount(MONTH_OF_HOUR, weights=hourly, minlength=MONTHS))


def _series(values: tuple[float, ...]) -> Floats:
    return np.asarray(values, dtype="float64")


@dataclass(frozen=True, slots=True)
class _Sun:
    """
    The sun over the place, hour by hour in local standard time.

    `cos_zenith` is the mean of its positive part over each hour (365, 24), `extra_w_m2` the irradiance outside the
    atmosphere on a horizontal plane (365, 24), `extra_normal_w_m2` on a plane that faces the sun (365,),
    `lit` the share of each hour with the sun up, `solar_hour` the solar time at half of each hour.
    """

    cos_zenith: Floats
    extra_w_m2: Floats
    extra_normal_w_m2: Floats
    lit: Floats
    solar_hour: Floats

    @property
    def daily_wh_m2(self) -> Floats:
        """Radiation of each day outside the atmosphere (365,)."""
        return _floats(self.extra_w_m2.sum(axis=1))

    @property
    def sin_height(self) -> Floats:
        """Mean sine of the height of the sun while it is up (365, 24); 1 at night."""
        return _floats(np.where(self.lit > 0, self.cos_zenith / np.maximum(self.lit, 1e-9), 1.0))

    @property
    def clearest(self) -> Floats:
        """Clearness of the clearest hours (365, 24): the sky of Haurwitz 1945, and as much above it as records show."""
        height = np.maximum(self.sin_height, 1e-3)
        return _floats(CLEAREST * 1098.0 * np.exp(-0.057 / height) / self.extra_normal_w_m2[:, None])


def _sun(latitude: float, longitude: float, time_zone_h: float) -> _Sun:
    """Sun after Spencer's series, averaged over twelve steps of each hour."""
    day = np.arange(1, DAYS + 1)
    declination = np.asarray(pvlib.solarposition.declination_spencer71(day))
    equation_min = np.asarray(pvlib.solarposition.equation_of_time_spencer71(day))
    clock = np.arange(HOURS)[:, None] + (np.arange(SUBSTEPS) + 0.5) / SUBSTEPS
    shift_h = longitude / 15.0 - time_zone_h + equation_min / 60.0
    solar_hour = clock[None] + shift_h[:, None, None]
    angle = np.radians(15.0 * (solar_hour - 12.0))
    phi, delta = np.radians(latitude), declination[:, None, None]
    height = np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.cos(angle)
    cos_zenith = np.maximum(height, 0.0).mean(axis=2)
    extra_normal = np.asarray(pvlib.irradiance.get_extra_radiation(day, method="spencer"))
    return _Sun(
        cos_zenith,
        extra_normal[:, None] * cos_zenith,
        extra_normal,
        (height > 0).mean(axis=2),
        solar_hour.mean(axis=2),
    )


def _daily_radiation(normals: Normals, sun: _Sun) -> Floats:
    """Mean daily global radiation of each month [Wh m⁻²]: as given, or from sunshine."""
    if normals.ghi_kwh_m2 is not None:
        return _floats(_series(normals.ghi_kwh_m2) * WH_PER_KWH / DAYS_OF_MONTH)
    if normals.sunshine_h is None:
        problems = Problems(normals.name)
        problems.error("gives hours of sunshine or global radiation", table="climate", column="sunshine_h")
        raise InputError(problems.errors)
    possible_h = _by_month(sun.lit.sum(axis=1))
    share = np.clip(_series(normals.sunshine_h) / np.maximum(possible_h, 1e-9), 0.0, 1.0)
    return _floats((ANGSTROM_A + ANGSTROM_B * share) * _by_month(sun.daily_wh_m2) / DAYS_OF_MONTH)


def _highest_clearness(mean: Floats, sun: _Sun) -> Floats:
    """
    Clearness of the clearest day of each month.

    Hollands and Huget 1983, Solar Energy 30 (3), pp. 195-209, but no more than the clearest hours give.
    """
    clearest = _by_month((sun.clearest * sun.extra_w_m2).sum(axis=1)) / np.maximum(_by_month(sun.daily_wh_m2), 1e-9)
    return _floats(np.minimum(0.6313 + 0.267 * mean - 11.9 * (mean - 0.75) ** 8, 0.98 * clearest))


def _check(normals: Normals, target_wh_m2: Floats, sun: _Sun) -> None:
    """Report what normals cannot say."""
    problems = Problems(normals.name)
    for name in SERIES:
        values = getattr(normals, name)
        if values is not None and (len(values) != MONTHS or not np.isfinite(values).all()):
            problems.error("has twelve numbers", table="climate", column=name)
    if problems.errors:
        raise InputError(problems.errors)
    low, mean, high = (_series(getattr(normals, f"temperature_{kind}_c")) for kind in ("min", "mean", "max"))
    share = (mean - low) / np.where(high > low, high - low, np.nan)
    clearness = target_wh_m2 * DAYS_OF_MONTH / np.maximum(_by_month(sun.daily_wh_m2), 1e-9)
    rain, rain_days = _series(normals.precipitation_mm), _series(normals.rain_days)
    rules = {
        ("temperature_mean_c", "lies between 20 % and 80 % of the way from mean minimum to mean maximum"): ~(
            (share >= 0.2) & (share <= 0.8)
        ),
        ("ghi_kwh_m2", "radiation is between 8 % of that outside the atmosphere and that of clear days"): ~(
            (clearness >= 0.08) & (clearness <= _highest_clearness(clearness, sun) - 0.02)
        ),
        ("precipitation_mm", "is not negative"): rain < 0,
        ("rain_days", "lies between 0 and the days of the month"): (rain_days < 0) | (rain_days > DAYS_OF_MONTH),
    }
    if normals.relative_humidity_pct is not None:
        humidity = _series(normals.relative_humidity_pct)
        rules["relative_humidity_pct", "lies between 5 % and 99 %"] = (humidity < 5) | (humidity > 99)
    if normals.dew_point_c is not None:
        rules["dew_point_c", "is below the mean temperature"] = _series(normals.dew_point_c) >= mean
    for (column, rule), broken in rules.items():
        if broken.any():
            months = [f"month {month + 1}" for month in np.flatnonzero(broken)]
            problems.error(rule, table="climate", column=column, rows=months)
    if problems.errors:
        raise InputError(problems.errors)


def _remembering(n: int, memory: float, rng: np.random.Generator) -> Floats:
    """Standard normal series whose neighbours correlate by `memory`."""
    shocks = rng.standard_normal(n)
    values = np.empty(n)
    values[0] = shocks[0]
    spread = np.sqrt(1.0 - memory**2)
    for i in range(1, n):
        values[i] = memory * values[i - 1] + spread * shocks[i]
    return values


def _daily_clearness(target_wh_m2: Floats, sun: _Sun, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """
    Clearness of each day, and the normal series whose order the days have.

    The values of a month are evenly spaced quantiles, so that a typical month has as many overcast and clear days as
    the distribution says, and their mean is met by its one parameter.
    """
    order = _remembering(DAYS, CLEARNESS_MEMORY, rng)
    extra = sun.daily_wh_m2
    means = target_wh_m2 * DAYS_OF_MONTH / _by_month(extra)
    highest = _highest_clearness(means, sun)
    clearness = np.empty(DAYS)
    for month in range(MONTHS):
        days = np.flatnonzero(month == MONTH_OF_DAY)
        high = float(highest[month])
        quantile = (np.arange(len(days)) + 0.5) / len(days)

        def spread(gamma: float, quantile: Floats = quantile, high: float = high) -> Floats:
            return _clearness_quantiles(quantile, gamma, high)

        gamma = optimize.brentq(lambda g, k=means[month], s=spread: s(g).mean() - k, -400.0, 400.0)
        clearness[days[np.argsort(order[days], kind="stable")]] = spread(gamma)
        clearness[days] *= means[month] * extra[days].sum() / (clearness[days] @ extra[days])
    return clearness, order


def _clearness_quantiles(quantile: Floats, gamma: float, high: float) -> Floats:
    """Quantiles of the exponential distribution of Bendt et al., cut at its lowest and highest clearness."""
    width = high - CLEARNESS_MIN
    if abs(gamma * width) < 1e-9:
        return CLEARNESS_MIN + quantile * width
    if gamma > 0:
        return _floats(high + np.log(quantile + (1 - quantile) * np.exp(-gamma * width)) / gamma)
    return _floats(CLEARNESS_MIN + np.log1p(quantile * np.expm1(gamma * width)) / gamma)


def _tag(clearness: Floats, sin_height: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean and spread of the hours' clearness (n_days, 24), and the memory of an hour (n_days,), by TAG."""
    day = clearness[:, None]
    base = -0.19 + 1.12 * day + 0.24 * np.exp(-8.0 * day)
    bump = 0.32 - 1.6 * (day - 0.5) ** 2
    bend = 0.19 + 2.27 * day**2 - 2.51 * day**3
    profile = base + bump * np.exp(-bend / np.maximum(sin_height, 0.02))
    sd = 0.14 * np.exp(-20.0 * (day - 0.35) ** 2) * np.exp((3.0 * (day - 0.45) ** 2 + 16.0 * day**5) * (1 - sin_height))
    memory = 0.38 + 0.06 * np.cos(7.4 * clearness - 2.5)
    return _floats(profile), _floats(sd), _floats(memory)


def _autoregressive(memory: Floats, rng: np.random.Generator) -> Floats:
    """Normal noise of unit variance in which each hour remembers the one before (n_days, 24)."""
    shocks = rng.standard_normal((len(memory), HOURS))
    noise = np.empty((len(memory), HOURS))
    noise[:, 0] = shocks[:, 0]
    for hour in range(1, HOURS):
        noise[:, hour] = memory * noise[:, hour - 1] + np.sqrt(1.0 - memory**2) * shocks[:, hour]
    return noise


def _hourly_radiation(clearness: Floats, target_wh_m2: Floats, sun: _Sun, rng: np.random.Generator) -> Floats:
    """Global radiation of each hour [W m⁻²]: TAG around the day's profile, sums of days and months as given."""
    profile, sd, memory = _tag(clearness, sun.sin_height)
    noise = _autoregressive(memory, rng)
    ceiling = sun.clearest * sun.extra_w_m2
    ghi = np.clip(profile + sd * noise, 0.02, np.maximum(sun.clearest, 0.02)) * sun.extra_w_m2
    wanted = clearness * sun.daily_wh_m2
    for _ in range(20):
        total = ghi.sum(axis=1)
        ghi = np.minimum(ghi * np.divide(wanted, total, out=np.zeros(DAYS), where=total > 0)[:, None], ceiling)
    hourly = ghi.ravel()
    total = _hourly_by_month(hourly)
    factor = np.divide(target_wh_m2 * DAYS_OF_MONTH, total, out=np.zeros(MONTHS), where=total > 0)
    return _floats(hourly * factor[MONTH_OF_HOUR])


def _split(ghi: Floats, sun: _Sun) -> tuple[Floats, Floats]:
    """Direct normal and diffuse horizontal part; they close with the mean height of the sun over the hour."""
    cos_zenith = sun.cos_zenith.ravel()
    zenith = np.degrees(np.arccos(cos_zenith))
    day = np.repeat(np.arange(1, DAYS + 1), HOURS)
    parts = pvlib.irradiance.erbs(ghi, zenith, day)
    dni = np.where(ghi > 0, np.asarray(parts["dni"]), 0.0)
    return dni, ghi - dni * cos_zenith


def _through_year(monthly: Floats) -> Floats:
    """Daily values that run smoothly through the year, with the monthly means given."""
    centre = np.cumsum(DAYS_OF_MONTH) - DAYS_OF_MONTH / 2.0
    day = np.arange(DAYS) + 0.5

    def interpolate(anchors: Floats) -> Floats:
        return _floats(np.interp(day, centre, anchors, period=DAYS))

    response = np.column_stack([_by_month(interpolate(unit)) / DAYS_OF_MONTH for unit in np.eye(MONTHS)])
    daily = interpolate(np.linalg.solve(response, monthly))
    return _floats(daily + (monthly - _by_month(daily) / DAYS_OF_MONTH)[MONTH_OF_DAY])


def _anomalies(normals: Normals, rng: np.random.Generator) -> Floats:
    """Deviation of each day's temperature from the climate [K], zero in the mean of each month."""
    seasonal = float(np.std(_series(normals.temperature_mean_c)))
    values = (ANOMALY_SD_C + ANOMALY_SD_SLOPE * seasonal) * _remembering(DAYS, ANOMALY_MEMORY, rng)
    return _floats(values - (_by_month(values) / DAYS_OF_MONTH)[MONTH_OF_DAY])


def _temperature(normals: Normals, clearness: Floats, anomaly: Floats, sun: _Sun) -> Floats:
    """
    Hourly temperature whose mean, mean maximum and mean minimum are the normals.

    On some days the warmest hour is at midnight, before colder air comes, or the coldest one after it: the extremes
    at the hours of the sun are moved until those of the calendar days have the right means.
    """
    low, high = _series(normals.temperature_min_c), _series(normals.temperature_max_c)
    mean = _series(normals.temperature_mean_c)
    low_aim, high_aim = low, high
    for _ in range(EXTREME_STEPS):
        hourly = _daily_curves(low_aim, high_aim, mean, clearness, anomaly, sun)
        days = hourly.reshape(DAYS, HOURS)
        low_aim = low_aim + low - _by_month(days.min(axis=1)) / DAYS_OF_MONTH
        high_aim = high_aim + high - _by_month(days.max(axis=1)) / DAYS_OF_MONTH
    return hourly


def _daily_curves(low: Floats, high: Floats, mean: Floats, clearness: Floats, anomaly: Floats, sun: _Sun) -> Floats:
    """
    Hourly temperature between a minimum at sunrise and a maximum in the afternoon of each day.

    Days have more range when they are clearer. The curve between extremes is raised to a power, one per month, that
    brings the mean to its place.
    """
    spread = _through_year(high - low)
    weight = np.maximum(spread, 0.1) * clearness**RANGE_POWER
    swing = weight * ((high - low) * DAYS_OF_MONTH / _by_month(weight))[MONTH_OF_DAY]
    minimum = _through_year(low) + anomaly - (1 - RANGE_UP) * (swing - spread)
    maximum = minimum + swing

    sunrise = np.argmax(sun.lit > 0, axis=1)
    noon_h = 12.5 - sun.solar_hour[:, 0]  # clock time of solar noon
    warmest = np.clip(np.floor(noon_h + MAXIMUM_LAG_H), sunrise + 2, HOURS - 2).astype("int64")
    start = np.arange(DAYS) * HOURS
    anchor = np.column_stack([start + sunrise, start + warmest]).ravel()
    value = np.column_stack([minimum, maximum]).ravel()
    anchor = np.concatenate([[anchor[-1] - DAYS * HOURS], anchor, [anchor[0] + DAYS * HOURS]])
    value = np.concatenate([[value[-1]], value, [value[0]]])

    hour = np.arange(DAYS * HOURS)
    segment = np.searchsorted(anchor, hour, side="right") - 1
    along = (hour - anchor[segment]) / (anchor[segment + 1] - anchor[segment])
    rises = segment % 2 == 1
    decay = (np.exp(-DECAY * along**DECAY_POWER) - np.exp(-DECAY)) / (1.0 - np.exp(-DECAY))
    curve = np.where(rises, 0.5 - 0.5 * np.cos(np.pi * along), decay)
    bottom = np.where(rises, value[segment], value[segment + 1])
    top = np.where(rises, value[segment + 1], value[segment])

    wanted = mean * DAYS_OF_MONTH * HOURS

    def bent(log_power: Floats) -> Floats:
        return _floats(bottom + (top - bottom) * curve ** np.exp(log_power)[MONTH_OF_HOUR])

    power = _bisect(lambda log_power: wanted - _hourly_by_month(bent(log_power)), -2.5, 2.5)
    hourly = bent(power)
    return _floats(hourly + ((wanted - _hourly_by_month(hourly)) / (DAYS_OF_MONTH * HOURS))[MONTH_OF_HOUR])


def _bisect(residual: Any, low: float, high: float) -> Floats:
    """Root of an increasing function of twelve numbers, each on its own."""
    below, above = np.full(MONTHS, low), np.full(MONTHS, high)
    for _ in range(48):
        middle = 0.5 * (below + above)
        positive = residual(middle) > 0
        above = np.where(positive, middle, above)
        below = np.where(positive, below, middle)
    return _floats(0.5 * (below + above))


def _vapour_pressure(temperature: Floats) -> Floats:
    """Saturation vapour pressure over water [hPa], Alduchov and Eskridge 1996, J. Appl. Meteorol. 35 (4), eq. 21."""
    return 6.1094 * np.exp(17.625 * temperature / (temperature + 243.04))


def _dew_point(normals: Normals, clearness: Floats, anomaly: Floats, temperature: Floats) -> Floats | None:
    """Dew point, near constant over the day and at most the temperature; none where no humidity is known."""
    if normals.dew_point_c is None and normals.relative_humidity_pct is None:
        return None
    mean = _series(normals.temperature_mean_c)
    if normals.dew_point_c is not None:
        guess = _series(normals.dew_point_c)
    else:
        assert normals.relative_humidity_pct is not None  # noqa: S101
        ratio = np.log(_series(normals.relative_humidity_pct) / 100.0 * _vapour_pressure(mean) / 6.1094)
        guess = 243.04 * ratio / (17.625 - ratio)
    clear = clearness - (_by_month(clearness) / DAYS_OF_MONTH)[MONTH_OF_DAY]
    daily = _through_year(guess) + DEW_SHARE * anomaly - DEW_CLEARNESS_C * clear
    noon = np.arange(DAYS) * HOURS + 12.0
    hourly = np.interp(np.arange(DAYS * HOURS), noon, daily, period=DAYS * HOURS)
    n_hours = DAYS_OF_MONTH * HOURS

    def shifted(shift: Floats) -> Floats:
        return _floats(np.minimum(hourly + shift[MONTH_OF_HOUR], temperature))

    if normals.dew_point_c is not None:
        wanted = _series(normals.dew_point_c)
        return shifted(_bisect(lambda shift: _hourly_by_month(shifted(shift)) / n_hours - wanted, -40.0, 40.0))
    wanted = _series(normals.relative_humidity_pct or ()) / 100.0
    saturated = _vapour_pressure(temperature)

    def excess(shift: Floats) -> Floats:
        return _floats(_hourly_by_month(_vapour_pressure(shifted(shift)) / saturated) / n_hours - wanted)

    return shifted(_bisect(excess, -40.0, 40.0))


def _longwave(temperature: Floats, dew_point: Floats, clearness: Floats) -> Floats:
    """
    Infrared irradiance from the sky [W m⁻²].

    Clear sky after Clark and Allen, clouds after Walton, as in the EnergyPlus Engineering Reference, "Sky Radiation
    Modeling"; cloud cover from the clearness of the day after Kasten and Czeplak 1980, Solar Energy 24 (2),
    pp. 177-189, doi:10.1016/0038-092X(80)90391-6.
    """
    share = np.clip((1.0 - clearness / CLEAR_DAY) / 0.75, 0.0, 1.0) ** (1.0 / 3.4)
    cloud = np.repeat(10.0 * share, HOURS)
    emissivity = 0.787 + 0.764 * np.log((dew_point + KELVIN) / 273.0)
    clouded = emissivity * (1.0 + 0.0224 * cloud - 0.0035 * cloud**2 + 0.00028 * cloud**3)
    return np.minimum(clouded, 1.0) * STEFAN_BOLTZMANN * (temperature + KELVIN) ** 4


def _rain(normals: Normals, sky: Floats, rng: np.random.Generator) -> Floats:
    """
    Rain of each hour [mm]: on the cloudiest days, in gamma amounts, in spells.

    In warm months spells are short and begin around 15 h; else they are longer and begin at any hour.
    """
    amounts, wet_days = _series(normals.precipitation_mm), _series(normals.rain_days)
    score = 0.8 * sky + 0.6 * _remembering(DAYS, CLEARNESS_MEMORY, rng)
    hourly = np.zeros((DAYS, HOURS))
    for month in range(MONTHS):
        if amounts[month] <= 0:
            continue
        least = normals.wet_day_mm
        n_wet = max(1, min(round(wet_days[month]), int(amounts[month] / least) if least > 0 else DAYS))
        days = np.flatnonzero(month == MONTH_OF_DAY)
        wet = days[np.argsort(score[days], kind="stable")[:n_wet]]
        beyond = special.gammaincinv(RAIN_SHAPE, 1.0 - (np.arange(n_wet) + 0.5) / n_wet)
        spare = max(amounts[month] - n_wet * least, 0.0)
        daily = (amounts[month] - spare) / n_wet + spare * beyond / beyond.sum()
        convective = normals.temperature_mean_c[month] >= CONVECTIVE_C
        longer = 1.0 if convective else 2.0
        n_hours = np.clip(np.round(1.0 + longer * daily**0.45), 1, 18).astype("int64")
        begins = rng.normal(15.0, 4.0, n_wet) if convective else rng.uniform(0.0, HOURS, n_wet)
        shares = rng.exponential(size=(n_wet, HOURS))
        for day, amount, n, begin, share in zip(wet, daily, n_hours, begins, shares, strict=True):
            first = int(np.clip(begin - (n - 1) / 2.0, 0, HOURS - n))
            hourly[day, first : first + n] = amount * share[:n] / share[:n].sum()
    flat = hourly.ravel()
    total = _hourly_by_month(flat)
    return flat * np.divide(amounts, total, out=np.zeros(MONTHS), where=total > 0)[MONTH_OF_HOUR]


def _wind(normals: Normals, rng: np.random.Generator) -> Floats | None:
    """Wind speed of each hour, Weibull of shape 2 with a maximum at 14 h; none where no wind is known."""
    if normals.wind_speed_m_s is None:
        return None
    rank = special.ndtr(_remembering(DAYS * HOURS, WIND_MEMORY, rng))
    speed = (-np.log1p(-np.clip(rank, 1e-12, 1.0 - 1e-12))) ** (1.0 / WIND_SHAPE)
    speed *= 1.0 + WIND_SWING * np.cos(2.0 * np.pi * (HOUR_OF_DAY - 14.0) / HOURS)
    wanted = _series(normals.wind_speed_m_s) * DAYS_OF_MONTH * HOURS
    return np.asarray(speed * (wanted / _hourly_by_month(speed))[MONTH_OF_HOUR])


def _pressure(normals: Normals, elevation_m: float) -> Floats:
    """Pressure of each hour [Pa]: the normals, or the standard atmosphere (ISO 2533) at the height of the place."""
    if normals.pressure_pa is not None:
        return _series(normals.pressure_pa)[MONTH_OF_HOUR]
    return np.full(DAYS * HOURS, 101_325.0 * (1.0 - 2.25577e-5 * elevation_m) ** 5.25588)
