"""The sky of a year over one place: sun and radiance in every hour of daylight, on the grid of a city."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from dothi.shapes import Floats, Integers
from dothi.sky.bins import sun_bins
from dothi.sky.luminance import radiance
from dothi.sky.patches import points_of
from dothi.sky.position import Site, sun_path
from dothi.sky.transposition import brightness, clearness, extra_normal_of, radiation_of

if TYPE_CHECKING:
    import pandas as pd

POINTS_A_SIDE: Final = 3
"""Points along each side of a patch over which its radiance is averaged: it is steep round the sun."""


@dataclass(frozen=True, slots=True)
class Sky:
    """
    Hours in which there is light, and the light.

    Attributes
    ----------
    hours
        Hours of the weather.
    hour : (day hours,)
        Which of them have daylight.
    sun : (day hours, 3)
        Unit vectors to the sun on the grid: east, north, up.
    dni, dhi : (day hours,)
        Direct normal and diffuse horizontal irradiance [W m⁻²].
    place : (day hours,)
        Number of the place of the sun, from 0; see `dothi.sky.bins`.
    places
        How many there are.
    radiance : (145, day hours)
        Radiance of the patches of the sky [W m⁻² sr⁻¹].
    """

    hours: int
    hour: Integers
    sun: Floats
    dni: Floats
    dhi: Floats
    place: Integers
    places: int
    radiance: npt.NDArray[np.float32]

    @property
    def beam_level(self) -> Floats:
        """Direct light on the level plane, shape ``(day hours,)`` [W m⁻²]."""
        return self.dni * np.maximum(self.sun[:, 2], 0.0)


def sky_of(weather: pd.DataFrame, site: Site) -> Sky:
    """
    The sky of the hours of the weather over a place.

    Parameters
    ----------
    weather
        Table ``weather``.
    site
        Where; directions are those of its grid.
    """
    import pandas as pd

    seconds = pd.DatetimeIndex(weather["time"]).as_unit("s").asi8
    _, dni, dhi = radiation_of(weather)
    return _sky(seconds.tobytes(), dni.tobytes(), dhi.tobytes(), site)


@lru_cache(maxsize=4)
def _sky(seconds: bytes, beam: bytes, diffuse: bytes, site: Site) -> Sky:
    import pandas as pd

    times = pd.to_datetime(np.frombuffer(seconds, dtype=np.int64), unit="s", utc=True)
    weather = pd.DataFrame({"time": times})
    dni, dhi = np.frombuffer(beam), np.frombuffer(diffuse)
    path = sun_path(weather, site.latitude, site.longitude)
    dni = np.where(path.up, dni, 0.0)
    hour = np.flatnonzero(path.up | (dhi > 0.0))
    sun = path.towards(site.convergence_deg)
    zenith = np.radians(path.zenith_deg)
    bright = brightness(dhi, path.zenith_deg, extra_normal_of(weather))
    up = path.up[hour].astype(float)
    light = radiance(
        points_of(POINTS_A_SIDE),
        sun[hour],
        clearness(dni, dhi, zenith)[hour],
        bright[hour],
        dhi[hour],
        up,
    )
    used, place = np.unique(sun_bins(weather)[hour], return_inverse=True)
    return Sky(
        len(weather),
        hour.astype(np.int64),
        np.ascontiguousarray(sun[hour]),
        np.ascontiguousarray(dni[hour]),
        np.ascontiguousarray(dhi[hour]),
        place.astype(np.int64),
        len(used),
        light.astype(np.float32),
    )
