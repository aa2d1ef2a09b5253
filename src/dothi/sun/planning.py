"""Sun for plans: hours of sun on a day, shadows at a time, and how much of the sky the ground sees."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.mesh.prisms import prisms_of
from dothi.shapes import Floats, Mask
from dothi.sky.position import Site, site_of, sun_at
from dothi.sun.relief import filled, level_plain, relief_of
from dothi.sun.scene import around, obstacles_of, scene_of

if TYPE_CHECKING:
    import xarray as xr

    from dothi.city import City

REACH_M: Final = 1000.0
FINE_AZIMUTHS: Final = 720
"""Azimuths of horizons for single points: plans are read to the minute."""
VIEW_AZIMUTHS: Final = 32
MINUTES_A_DAY: Final = 1440


def suns_at(times: list[datetime], site: Site) -> Floats:
    """Unit vectors to the sun on the grid at times with a time zone, shape ``(times, 3)``."""
    import pandas as pd

    return sun_at(pd.DatetimeIndex(times), site)


def shines_on(city: City, at: Floats, normal: Floats, suns: Floats) -> Mask:
    """
    Whether the sun reaches points at given places of it, among prisms and hills.

    Parameters
    ----------
    city
        City.
    at, normal : (n, 3)
        Points [m], and where they face: a normal of zeros faces everywhere.
    suns : (times, 3)
        Unit vectors to the sun.

    Returns
    -------
    (n, times) array
        Whether it does.
    """
    from dothi.sun.kernels import shine

    obstacles = obstacles_of(prisms_of(city, modelled=True), city["buildings"].index.to_numpy(dtype=np.int64))
    if "terrain" in city.rasters:
        relief = relief_of(city.rasters["terrain"], FINE_AZIMUTHS)
    else:
        relief = level_plain(FINE_AZIMUTHS)
    lit = np.zeros((len(at), len(suns)), dtype=bool)
    if not len(at):
        return lit
    low, high = at[:, :2].min(axis=0), at[:, :2].max(axis=0)
    inner = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    box = (inner[0] - REACH_M, inner[1] - REACH_M, inner[2] + REACH_M, inner[3] + REACH_M)
    scene = scene_of(*around(obstacles, inner, REACH_M), box, (inner[0], inner[1]))
    cell = relief.cells(at[:, :2])
    used, cell = np.unique(cell, return_inverse=True)
    terrain = (relief.tangent[used].astype(float), relief.near[used].astype(float), relief.level[used])
    here = np.ascontiguousarray(at - np.array([inner[0], inner[1], 0.0]))
    shine(scene, here, np.ascontiguousarray(normal, dtype=float), suns, REACH_M, *terrain, cell.astype(np.int64), lit)
    return lit


def sun_hours_h(city: City, at: Floats, normal: Floats, day: date, *, step_min: int = 5) -> Floats:
    """
    Hours of possible sun on points during a day, clouds left out.

    Parameters
    ----------
    city
        City.
    at, normal : (n, 3)
        Points [m], and where they face: a normal of zeros faces everywhere.
    day
        Day; it begins at midnight of the sun's mean time at the place.
    step_min
        Length of steps [min].

    Returns
    -------
    (n,) array
        Hours [h].
    """
    site = site_of(city)
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=site.longitude / 15.0)
    times = [begins + timedelta(minutes=step_min * (k + 0.5)) for k in range(MINUTES_A_DAY // step_min)]
    lit = shines_on(city, at, normal, suns_at(times, site))
    return np.asarray(lit.sum(axis=1) * (step_min / 60.0))


def shadow_mask(city: City, time: datetime, surface: xr.DataArray | None = None) -> xr.DataArray:
    """
    Where shadow lies on ground and roofs at a time: 1 in shadow, 0 in the sun, everywhere 1 by night.

    Parameters
    ----------
    city
        City.
    time
        Time, with its zone.
    surface
        Levels of ground and roofs [m]; the raster ``surface`` of the city where None.
    """
    from dothi.sun.kernels_raster import sweep

    level, cell, raster = _levels(city, surface)
    sun = suns_at([time], site_of(city))[0]
    dark = np.ones(level.shape, dtype=bool)
    if sun[2] > 0.0:
        tangent, near = np.empty(level.shape, dtype=np.float32), np.empty(level.shape, dtype=np.float32)
        sweep(level, float(np.arctan2(sun[0], sun[1])), cell, tangent, near)
        dark = tangent * np.hypot(sun[0], sun[1]) > sun[2]
    return _as_raster(dark.astype(np.float32), raster, "1")


def sky_view(city: City, surface: xr.DataArray | None = None, *, azimuths: int = VIEW_AZIMUTHS) -> xr.DataArray:
    """
    View factor of the sky from ground and roofs: 1 in the open.

    Parameters
    ----------
    city
        City.
    surface
        Levels of ground and roofs [m]; the raster ``surface`` of the city where None.
    azimuths
        Azimuths whose horizons are taken.
    """
    from dothi.sun.kernels_raster import add_sky_view, sweep

    level, cell, raster = _levels(city, surface)
    view = np.zeros(level.shape, dtype=np.float32)
    tangent, near = np.empty_like(view), np.empty_like(view)
    for k in range(azimuths):
        sweep(level, (k + 0.5) * 2.0 * np.pi / azimuths, cell, tangent, near)
        add_sky_view(tangent, 1.0 / azimuths, view)
    return _as_raster(view, raster, "1")


def _levels(city: City, surface: xr.DataArray | None) -> tuple[Floats, float, xr.DataArray]:
    """Levels with rows from the south, size of cells, and the raster they are of."""
    raster = city.rasters["surface"] if surface is None else surface
    level = filled(raster.to_numpy().astype(float))
    x, y = raster["x"].to_numpy(), raster["y"].to_numpy()
    return np.ascontiguousarray(level[::-1] if y[0] > y[-1] else level), float(abs(x[1] - x[0])), raster


def _as_raster(values: Any, raster: xr.DataArray, units: str) -> xr.DataArray:
    y = raster["y"].to_numpy()
    found = raster.copy(data=values[::-1] if y[0] > y[-1] else values)
    found.attrs = {**raster.attrs, "units": units}
    return found
