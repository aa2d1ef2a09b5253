"""Irradiance of planes that nothing hides: the sky of Perez and others (1990)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike

from dothi.shapes import Floats
from dothi.sky.position import SunPath, sun_path

if TYPE_CHECKING:
    import pandas as pd

KAPPA: Final = 1.041
CLEARNESS: Final = np.array([1.065, 1.23, 1.5, 1.95, 2.8, 4.5, 6.2])
"""Limits of the eight classes of sky clearness."""
LOWEST_SUN: Final = float(np.cos(np.radians(85.0)))

CIRCUMSOLAR: Final = np.array(
    [
        [-0.008, 0.588, -0.062],
        [0.130, 0.683, -0.151],
        [0.330, 0.487, -0.221],
        [0.568, 0.187, -0.295],
        [0.873, -0.392, -0.362],
        [1.132, -1.237, -0.412],
        [1.060, -1.600, -0.359],
        [0.678, -0.327, -0.250],
    ]
)
"""Coefficients F11, F12, F13 by class: all sites, Perez and others 1990, table 6."""

HORIZON: Final = np.array(
    [
        [-0.060, 0.072, -0.022],
        [-0.019, 0.066, -0.029],
        [0.055, -0.064, -0.026],
        [0.109, -0.152, -0.014],
        [0.226, -0.462, 0.001],
        [0.288, -0.823, 0.056],
        [0.264, -1.127, 0.131],
        [0.156, -1.377, 0.251],
    ]
)
"""Coefficients F21, F22, F23 by class, from the same table."""


def clearness(dni: Floats, dhi: Floats, zenith_rad: Floats) -> Floats:
    """Sky clearness ε of Perez and others; 1 where there is no diffuse light."""
    cubed = KAPPA * zenith_rad**3
    with np.errstate(divide="ignore", invalid="ignore"):
        found = ((dhi + dni) / dhi + cubed) / (1.0 + cubed)
    return np.asarray(np.where(dhi > 0.0, found, 1.0))


def brightness(dhi: Floats, zenith_deg: Floats, extra_normal: Floats) -> Floats:
    """Sky brightness Δ of Perez and others; 0 where the sun is down."""
    import pvlib

    with np.errstate(invalid="ignore"):
        mass = pvlib.atmosphere.get_relative_airmass(zenith_deg)
    return np.asarray(np.nan_to_num(dhi * np.asarray(mass) / extra_normal))


def extra_normal_of(weather: pd.DataFrame) -> Floats:
    """Irradiance outside the atmosphere, normal to the sun [W m⁻²]."""
    import pandas as pd
    import pvlib

    times = pd.DatetimeIndex(weather["time"])
    return np.asarray(pvlib.irradiance.get_extra_radiation(times.day_of_year.to_numpy()), dtype=float)


def radiation_of(weather: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Global horizontal, direct normal and diffuse horizontal irradiance; what is missing is 0 [W m⁻²]."""
    ghi, dni, dhi = (
        np.nan_to_num(weather[name].to_numpy(dtype=float, na_value=np.nan))
        for name in ("ghi_w_m2", "dni_w_m2", "dhi_w_m2")
    )
    return ghi, dni, dhi


def plane_irradiance(
    weather: pd.DataFrame,
    latitude: float,
    longitude: float,
    tilt_deg: ArrayLike,
    azimuth_deg: ArrayLike,
    albedo: float = 0.2,
) -> tuple[Floats, Floats, Floats]:
    r"""
    Irradiance of planes that nothing hides, in every hour.

    The diffuse light of the sky is isotropic, with more of it round the sun and along the horizon [1]_:

    .. math:: D = D_h \left(\tfrac{1}{2}(1 - F_1)(1 + \cos\beta) + F_1 \frac{a}{b} + F_2 \sin\beta\right)

    Parameters
    ----------
    weather
        Table ``weather``.
    latitude, longitude
        Where [°].
    tilt_deg, azimuth_deg : (planes,)
        Tilt of the planes, 0 to 180, and where they face, clockwise from true north; a missing azimuth is that of a
        level plane [°].
    albedo
        Share of light that the ground reflects.

    Returns
    -------
    beam, diffuse, ground : (planes, hours)
        Direct light, light of the sky, and light from the ground [W m⁻²].

    References
    ----------
    .. [1] R. Perez, P. Ineichen, R. Seals, J. Michalsky, R. Stewart, Modeling daylight availability and irradiance
       components from direct and global irradiance, Solar Energy 44 (1990), 271–289,
       doi:10.1016/0038-092X(90)90055-H.
    """
    ghi, dni, dhi = radiation_of(weather)
    path = sun_path(weather, latitude, longitude)
    tilt = np.radians(np.atleast_1d(np.asarray(tilt_deg, dtype=float)))[:, None]
    azimuth = np.radians(np.nan_to_num(np.atleast_1d(np.asarray(azimuth_deg, dtype=float))))[:, None]
    zenith, sun_azimuth = np.radians(path.zenith_deg), np.radians(path.azimuth_deg)
    facing = np.cos(tilt) * np.cos(zenith) + np.sin(tilt) * np.sin(zenith) * np.cos(sun_azimuth - azimuth)
    facing = np.where(path.up, np.maximum(facing, 0.0), 0.0)
    round_sun, at_horizon = perez_terms(path, dni, dhi, extra_normal_of(weather))
    share = facing / np.maximum(np.cos(zenith), LOWEST_SUN)
    diffuse = 0.5 * (1.0 - round_sun) * (1.0 + np.cos(tilt)) + round_sun * share + at_horizon * np.sin(tilt)
    ground = ghi * albedo * (1.0 - np.cos(tilt)) / 2.0
    return dni * facing, np.maximum(dhi * diffuse, 0.0), np.broadcast_to(ground, facing.shape).copy()


def perez_terms(path: SunPath, dni: Floats, dhi: Floats, extra_normal: Floats) -> tuple[Floats, Floats]:
    """Brightening round the sun F1 and along the horizon F2 in every hour; none where the sun is down."""
    zenith = np.radians(path.zenith_deg)
    group = np.digitize(clearness(dni, dhi, zenith), CLEARNESS)
    ones = np.ones_like(zenith)
    terms = np.column_stack([ones, brightness(dhi, path.zenith_deg, extra_normal), zenith])
    round_sun = np.maximum((CIRCUMSOLAR[group] * terms).sum(axis=1), 0.0)
    at_horizon = (HORIZON[group] * terms).sum(axis=1)
    day = path.up & (path.zenith_deg < 90.0)
    return np.where(day, round_sun, 0.0), np.where(day, at_horizon, 0.0)
