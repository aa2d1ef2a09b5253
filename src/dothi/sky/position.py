"""Where the sun stands in every hour of the weather, and where a city lies under it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from dothi.crs import LONLAT, transformer
from dothi.shapes import Floats, Mask

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City

HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Site:
    """
    Where a city lies.

    Attributes
    ----------
    latitude, longitude
        Of its middle [°].
    convergence_deg
        Direction of true north, clockwise from grid north [°]: what is added to a true azimuth to have it on the grid.
    """

    latitude: float
    longitude: float
    convergence_deg: float = 0.0


def site_of(city: City) -> Site:
    """Middle of a city on the globe, and the direction of true north there."""
    west, south, east, north = city.bounds
    lon, lat = transformer(city.crs, LONLAT).transform((west + east) / 2.0, (south + north) / 2.0)
    step = 1e-4 if lat < 89.0 else -1e-4
    ends = transformer(LONLAT, city.crs).transform([lon, lon], [lat - step, lat + step])
    x, y = np.diff(np.asarray(ends), axis=1)[:, 0] * np.sign(step)
    return Site(float(lat), float(lon), float(np.degrees(np.arctan2(x, y))))


@dataclass(frozen=True, slots=True)
class SunPath:
    """
    Sun in every hour.

    Attributes
    ----------
    zenith_deg, azimuth_deg : (hours,)
        Apparent zenith angle and azimuth, clockwise from true north, in the middle of the part of the hour in which the
        sun is up; of the whole hour where it is not up at all [°].
    up : (hours,)
        Whether the sun is up for any part of the hour.
    """

    zenith_deg: Floats
    azimuth_deg: Floats
    up: Mask

    def towards(self, convergence_deg: float = 0.0) -> Floats:
        """Unit vectors to the sun on the grid: east, north, up, shape ``(hours, 3)``."""
        zenith, azimuth = np.radians(self.zenith_deg), np.radians(self.azimuth_deg + convergence_deg)
        flat = np.sin(zenith)
        return np.column_stack([flat * np.sin(azimuth), flat * np.cos(azimuth), np.cos(zenith)])


def sun_path(weather: pd.DataFrame, latitude: float, longitude: float) -> SunPath:
    """
    Position of the sun in every hour of the weather, by the algorithm of NREL as pvlib has it [1]_.

    An hour in which the sun rises or sets is represented by the middle of the part in which it is up: the middle of the
    hour may lie in the night while the records of the hour hold sunshine.

    Parameters
    ----------
    weather
        Table ``weather``; its times are beginnings of hours, UTC.
    latitude, longitude
        Where [°].

    References
    ----------
    .. [1] I. Reda, A. Andreas, Solar position algorithm for solar radiation applications, Solar Energy 76 (2004),
       577–589, doi:10.1016/j.solener.2003.12.003.
    """
    import pandas as pd

    seconds = pd.DatetimeIndex(weather["time"]).as_unit("s").asi8
    return _path(seconds.tobytes(), float(latitude), float(longitude))


@lru_cache(maxsize=8)
def _path(seconds: bytes, latitude: float, longitude: float) -> SunPath:
    begins = np.frombuffer(seconds, dtype=np.int64).astype(float)
    zenith, azimuth = _positions(begins + HOUR_S / 2.0, latitude, longitude)
    near = np.flatnonzero(np.abs(zenith - 90.0) < 15.0)  # within an hour the sun climbs 15° at most
    first, _ = _positions(begins[near], latitude, longitude)
    last, _ = _positions(begins[near] + HOUR_S, latitude, longitude)
    up = zenith < 90.0
    up[near] |= (first < 90.0) | (last < 90.0)
    crossing = (first < 90.0) != (last < 90.0)
    near, first, last = near[crossing], first[crossing], last[crossing]
    middle = zenith[near]
    share = _crossing(first, middle, last)
    lit = np.where(first < 90.0, share / 2.0, (1.0 + share) / 2.0)
    zenith[near], azimuth[near] = _positions(begins[near] + lit * HOUR_S, latitude, longitude)
    zenith[near] = np.minimum(zenith[near], 89.99)
    for values in (zenith, azimuth, up):
        values.flags.writeable = False
    return SunPath(zenith, azimuth, up)


def sun_at(times: pd.DatetimeIndex, site: Site) -> Floats:
    """
    Unit vectors to the sun on the grid at moments, shape ``(times, 3)``.

    Parameters
    ----------
    times
        Moments, with a time zone.
    site
        Where.
    """
    seconds = times.tz_convert("UTC").as_unit("s").asi8.astype(float)
    zenith, azimuth = _positions(seconds, site.latitude, site.longitude)
    return SunPath(zenith, azimuth, zenith < 90.0).towards(site.convergence_deg)


def _crossing(first: Floats, middle: Floats, last: Floats) -> Floats:
    """Share of the hour after which the zenith angle is 90°, from straight lines through its two halves."""
    early = (first < 90.0) != (middle < 90.0)
    low, high = np.where(early, first, middle), np.where(early, middle, last)
    return np.asarray(np.where(early, 0.0, 0.5) + 0.5 * (90.0 - low) / (high - low))


def _positions(seconds: Floats, latitude: float, longitude: float) -> tuple[Floats, Floats]:
    """Apparent zenith angle and azimuth at times after 1970-01-01 UTC [°]."""
    import pandas as pd
    import pvlib

    times = pd.to_datetime(seconds, unit="s", utc=True)
    found = pvlib.solarposition.get_solarposition(times, latitude, longitude)
    return found["apparent_zenith"].to_numpy(dtype=float).copy(), found["azimuth"].to_numpy(dtype=float).copy()
