"""How bright each part of the sky is: the all-weather sky of Perez and others (1993)."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi.shapes import Floats
from dothi.sky.patches import Points
from dothi.sky.transposition import CLEARNESS

_NUMBERS: Final = """
1.3525 -0.2576 -0.2690 -1.4366 -0.7670 0.0007 1.2734 -0.1233 2.8000 0.6004
1.2375 1.0000 1.8734 0.6297 0.9738 0.2809 0.0356 -0.1246 -0.5718 0.9938
-1.2219 -0.7730 1.4148 1.1016 -0.2054 0.0367 -3.9128 0.9156 6.9750 0.1774
6.4477 -0.1239 -1.5798 -0.5081 -1.7812 0.1080 0.2624 0.0672 -0.2190 -0.4285
-1.1000 -0.2515 0.8952 0.0156 0.2782 -0.1812 -4.5000 1.1766 24.7219 -13.0812
-37.7000 34.8438 -5.0000 1.5218 3.9229 -2.6204 -0.0156 0.1597 0.4199 -0.5562
-0.5484 -0.6654 -0.2672 0.7117 0.7234 -0.6219 -5.6812 2.6297 33.3389 -18.3000
-62.2500 52.0781 -3.5000 0.0016 1.1477 0.1062 0.4659 -0.3296 -0.0876 -0.0329
-0.6000 -0.3566 -2.5000 2.3250 0.2937 0.0496 -5.6812 1.8415 21.0000 -4.7656
-21.5906 7.2492 -3.5000 -0.1554 1.4062 0.3988 0.0032 0.0766 -0.0656 -0.1294
-1.0156 -0.3670 1.0078 1.4051 0.2875 -0.5328 -3.8500 3.3750 14.0000 -0.9999
-7.1406 7.5469 -3.4000 -0.1078 -1.0750 1.5702 -0.0672 0.4016 0.3017 -0.4844
-1.0000 0.0211 0.5025 -0.5119 -0.3000 0.1922 0.7023 -1.6317 19.0000 -5.0000
1.2438 -1.9094 -4.0000 0.0250 0.3844 0.2656 1.0468 -0.3788 -2.4517 1.4656
-1.0500 0.0289 0.4260 0.3590 -0.3250 0.1156 0.7781 0.0025 31.0625 -14.5000
-46.1148 55.3750 -7.2312 0.4050 13.3500 0.6234 1.5000 -0.6426 1.8564 0.5636
"""
_TABLE: Final = np.array(_NUMBERS.split(), dtype=float).reshape(8, 5, 4)
"""Coefficients of a, b, c, d, e by class of clearness: Perez and others 1993, table 1."""

BRIGHTNESS: Final = (0.01, 0.6)
"""Range of sky brightness that the coefficients hold for, as `gendaylit` of Radiance keeps it."""
LEAST_BETWEEN: Final = 0.2
"""Least brightness in classes 2 to 5, where the parameters are badly behaved below it; as in `gendaylit`."""
HIGHEST_SUN: Final = float(np.radians(3.0))
"""Nearest that the sun comes to the zenith in the distribution, as in `gendaylit` [rad]."""


def parameters(clearness: Floats, brightness: Floats, zenith_rad: Floats) -> Floats:
    """
    Parameters a, b, c, d, e of the luminance of the sky, shape ``(hours, 5)``.

    Parameters
    ----------
    clearness, brightness : (hours,)
        ε and Δ.
    zenith_rad : (hours,)
        Zenith angle of the sun [rad].
    """
    group = np.digitize(clearness, CLEARNESS)
    delta = np.clip(brightness, *BRIGHTNESS)
    delta = np.where((clearness > CLEARNESS[0]) & (clearness < CLEARNESS[4]), np.maximum(delta, LEAST_BETWEEN), delta)
    x = _TABLE[group]
    z = zenith_rad[:, None]
    found = x[:, :, 0] + x[:, :, 1] * z + delta[:, None] * (x[:, :, 2] + x[:, :, 3] * z)
    low = np.flatnonzero(group == 0)  # the overcast class has formulas of its own
    (c1, c2, c3, c4), (d1, d2, d3, d4) = x[low, 2].T, x[low, 3].T
    dark, height = delta[low], zenith_rad[low]
    found[low, 2] = np.exp(np.maximum(dark * (c1 + c2 * height), 0.0) ** c3) - c4
    found[low, 3] = -np.exp(np.minimum(dark * (d1 + d2 * height), 50.0)) + d3 + dark * d4
    return found


def radiance(
    points: Points, sun: Floats, clearness: Floats, brightness: Floats, dhi: Floats, day: Floats | None = None
) -> Floats:
    r"""
    Mean radiance of every patch of the sky in every hour, so scaled that the level plane gets its diffuse light.

    .. math:: l(\zeta, \gamma) = (1 + a e^{b / \cos\zeta}) (1 + c e^{d\gamma} + e \cos^2\gamma)

    with the angle :math:`\zeta` to the zenith and :math:`\gamma` to the sun [1]_.

    Parameters
    ----------
    points
        Points in the patches.
    sun : (hours, 3)
        Unit vectors to the sun.
    clearness, brightness, dhi : (hours,)
        ε, Δ and diffuse horizontal irradiance [W m⁻²].
    day : (hours,)
        1 where the sun is up; elsewhere the sky is equally bright all over. All where None.

    Returns
    -------
    (patches, hours) array
        Radiance [W m⁻² sr⁻¹].

    References
    ----------
    .. [1] R. Perez, R. Seals, J. Michalsky, All-weather model for sky luminance distribution, Solar Energy 50 (1993),
       235–245, doi:10.1016/0038-092X(93)90017-I, and erratum 51 (1993), 423.
    """
    zenith = np.maximum(np.arccos(np.clip(sun[:, 2], 0.0, 1.0)), HIGHEST_SUN)
    azimuth = np.arctan2(sun[:, 0], sun[:, 1])
    sun = np.column_stack([np.sin(zenith) * np.sin(azimuth), np.sin(zenith) * np.cos(azimuth), np.cos(zenith)])
    a, b, c, d, e = parameters(clearness, brightness, zenith).T
    n_patches, n_points, _ = points.towards.shape
    found = np.zeros((n_patches, len(dhi)))
    for k in range(n_points):
        towards = points.towards[:, k]
        cosine = np.clip(towards @ sun.T, -1.0, 1.0)
        gradation = 1.0 + a * np.exp(b / towards[:, 2:3])
        found += np.maximum(gradation * (1.0 + c * np.exp(d * np.arccos(cosine)) + e * cosine**2), 0.0)
    if day is not None:
        found = np.where(day > 0.0, found, 1.0)
    level = (points.solid_angle * points.towards[:, :, 2].mean(axis=1)) @ found
    return np.asarray(found * (dhi / np.where(level > 0.0, level, np.inf)))
