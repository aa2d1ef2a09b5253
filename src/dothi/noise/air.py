"""How much sound the air swallows."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi.shapes import Floats

BANDS_HZ: Final = (63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
"""Nominal middles of the octave bands [Hz]."""

EXACT_HZ: Final = tuple(1000.0 * 10.0 ** (0.3 * k) for k in range(-4, 4))
"""Exact middles of the octave bands [Hz]; absorption is taken at these (ISO/TR 17534-4:2020)."""

ZERO_CELSIUS_K: Final = 273.15
TRIPLE_POINT_K: Final = 273.16
REFERENCE_K: Final = 293.15
REFERENCE_KPA: Final = 101.325


def absorption(
    temperature_c: float, humidity_pct: float, pressure_kpa: float = REFERENCE_KPA, f_hz: Floats | None = None
) -> Floats:
    """
    Atmospheric absorption of pure tones (ISO 9613-1:1993, clauses 6.2 to 6.4 and annex B).

    Parameters
    ----------
    temperature_c
        Air temperature [°C].
    humidity_pct
        Relative humidity [%].
    pressure_kpa
        Air pressure [kPa].
    f_hz : (n,)
        Frequencies [Hz]; the exact middles of the octave bands where None.

    Returns
    -------
    (n,) array
        Absorption [dB m⁻¹].
    """
    f = np.asarray(EXACT_HZ if f_hz is None else f_hz)
    kelvin = temperature_c + ZERO_CELSIUS_K
    p, t = pressure_kpa / REFERENCE_KPA, kelvin / REFERENCE_K
    saturation = 10.0 ** (-6.8346 * (TRIPLE_POINT_K / kelvin) ** 1.261 + 4.6151)
    h = humidity_pct * saturation / p  # molar concentration of water vapour [%]
    f_oxygen = p * (24.0 + 4.04e4 * h * (0.02 + h) / (0.391 + h))
    f_nitrogen = p * t**-0.5 * (9.0 + 280.0 * h * np.exp(-4.170 * (t ** (-1.0 / 3.0) - 1.0)))
    oxygen = 0.01275 * np.exp(-2239.1 / kelvin) / (f_oxygen + f**2 / f_oxygen)
    nitrogen = 0.1068 * np.exp(-3352.0 / kelvin) / (f_nitrogen + f**2 / f_nitrogen)
    alpha: Floats = 8.686 * f**2 * (1.84e-11 / p * np.sqrt(t) + t**-2.5 * (oxygen + nitrogen))
    return alpha
