"""Rows of modules on flat roofs: how far apart they stand, and what they take from each other."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi.shapes import Floats

WINTER_DEG: Final = 23.44
"""Declination of the sun at the solstices [°]."""
DEGREES_PER_HOUR: Final = 15.0


def pitch(latitude: float, tilt_deg: float, clear_hours: float = 0.0) -> float:
    r"""
    Distance between rows over the length of a module, so that none shades the next on the shortest day.

    .. math:: \frac{p}{L} = \cos\beta + \frac{\sin\beta}{\tan\alpha}, \qquad
        \tan\alpha = \frac{\sin h}{\cos h \cos(A - A_0)}

    with the height *h* and azimuth *A* of the sun, for rows that face the equator.

    Parameters
    ----------
    latitude
        Where [°].
    tilt_deg
        Tilt of the modules [°].
    clear_hours
        Hours before and after noon in which they are free of shade [h].

    Returns
    -------
    float
        At least what rows without a gap need; infinite where the sun does not rise over the rows.
    """
    beta, phi = np.radians(tilt_deg), np.radians(abs(latitude))
    delta, hour = np.radians(-WINTER_DEG), np.radians(DEGREES_PER_HOUR * clear_hours)
    up = np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.cos(hour)
    forward = np.sin(phi) * np.cos(delta) * np.cos(hour) - np.cos(phi) * np.sin(delta)
    if up <= 0.0:
        return float("inf") if beta > 0.0 else 1.0
    return float(np.cos(beta) + np.sin(beta) * max(forward, 0.0) / up)


def shaded(sun: Floats, towards: tuple[float, float], tilt_deg: float, spacing: float) -> Floats:
    r"""
    Share of a row that the one in front of it shades.

    .. math:: f = 1 - \frac{p}{L} \frac{\sin\alpha}{\sin(\alpha + \beta)}

    with the height :math:`\alpha` of the sun over the horizon, seen along the rows; ends of rows are left out.

    Parameters
    ----------
    sun : (hours, 3)
        Unit vectors to the sun: east, north, up.
    towards
        East and north of the direction that the rows face, a unit vector.
    tilt_deg
        Tilt of the modules [°].
    spacing
        Distance between rows over the length of a module.
    """
    ahead = sun[:, 0] * towards[0] + sun[:, 1] * towards[1]
    beta = np.radians(tilt_deg)
    alpha = np.arctan2(sun[:, 2], ahead)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 1.0 - spacing * np.sin(alpha) / np.sin(alpha + beta)
    return np.where((ahead > 0.0) & (sun[:, 2] > 0.0), np.clip(share, 0.0, 1.0), 0.0)


def sky_left(tilt_deg: float, spacing: float) -> float:
    """
    Share of the diffuse light that the row in front leaves, by the mean masking angle of Passias and Källbäck (1984).

    Parameters
    ----------
    tilt_deg
        Tilt of the modules [°].
    spacing
        Distance between rows over the length of a module.
    """
    import pvlib

    if tilt_deg <= 0.0 or not np.isfinite(spacing):
        return 1.0
    angle = pvlib.shading.masking_angle_passias(tilt_deg, 1.0 / spacing)
    return 1.0 - float(pvlib.shading.sky_diffuse_passias(angle))
