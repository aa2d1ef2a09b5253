"""Temperature of the ground around pipes, hour by hour, from that of the air."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi.shapes import Floats

HOURS_PER_DAY: Final = 24.0


def ground_temperature(air_c: Floats, depth_m: float, diffusivity_m2_s: float) -> Floats:
    r"""
    Temperature of the ground, as the yearly wave of the air reaches it: weaker and later with depth [°C].

    .. math:: T(z, t) = T_m + A e^{-z / d} \cos\left(\omega (t - t_0) - z / d\right),
        \qquad d = \sqrt{2 a / \omega}

    Kusuda and Achenbach 1965, NBS Report 8972. Mean, amplitude and phase of the air are those of its first harmonic
    over the year; the surface is taken to be as warm as the air.

    Parameters
    ----------
    air_c : (n,)
        Temperature of the air by the hour, over one whole year [°C].
    depth_m
        Depth [m].
    diffusivity_m2_s
        Thermal diffusivity of the soil [m² s⁻¹].
    """
    n = len(air_c)
    turn = 2.0 * np.pi * np.arange(n) / n
    mean = float(air_c.mean())
    wave = 2.0 / n * complex(np.sum((air_c - mean) * np.exp(-1j * turn)))
    omega = 2.0 * np.pi / (n * 3600.0)
    decay = depth_m / np.sqrt(2.0 * diffusivity_m2_s / omega)
    found: Floats = mean + np.exp(-decay) * (wave * np.exp(1j * (turn - decay))).real
    return found
