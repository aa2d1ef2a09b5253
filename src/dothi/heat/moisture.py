"""Moist air: what it holds, and the coil of an air conditioner."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi.shapes import Floats

MAGNUS_B: Final = 17.625
MAGNUS_C: Final = 243.04
MAGNUS_PA: Final = 610.94
"""Saturation over water, Alduchov and Eskridge 1996, J. Appl. Meteorol. 35 (4), eq. 21."""
WATER_TO_AIR: Final = 0.62198
"""Ratio of the molar masses of water and dry air."""
ATMOSPHERE_PA: Final = 101_325.0
AIR_J_KG_K: Final = 1006.0
EVAPORATION_J_KG: Final = 2.501e6
RATED_C: Final = 27.0
RATED_WET_BULB_C: Final = 19.0
"""Indoor air at which air conditioners are rated: ISO 5151, condition T1."""


def vapour_pa(dew_point_c: Floats | float) -> Floats:
    """Pressure of water vapour at a dew point [Pa]."""
    dew = np.asarray(dew_point_c, dtype=float)
    found: Floats = MAGNUS_PA * np.exp(MAGNUS_B * dew / (MAGNUS_C + dew))
    return found


def saturated(dew_point_c: Floats | float, pressure_pa: Floats | float = ATMOSPHERE_PA) -> Floats:
    """Moisture of air at a dew point [kg per kg of dry air]."""
    vapour = vapour_pa(dew_point_c)
    found: Floats = WATER_TO_AIR * vapour / (pressure_pa - vapour)
    return found


def rated_moisture() -> float:
    """Moisture of indoor air at the rating of air conditioners, from its wet bulb [kg/kg] (psychrometer equation)."""
    wet = float(saturated(RATED_WET_BULB_C))
    fall = RATED_C - RATED_WET_BULB_C
    return (wet * (EVAPORATION_J_KG - 2381.0 * RATED_WET_BULB_C) - AIR_J_KG_K * fall) / (
        EVAPORATION_J_KG + 1860.0 * RATED_C - 4186.0 * RATED_WET_BULB_C
    )


def coil_temperature_c(sensible_share: Floats | float) -> Floats:
    r"""
    Temperature of a coil whose sensible share of cooling at the rating is known.

    Air leaves on the line between the room and the saturated coil, so that latent to sensible cooling is
    :math:`h_{fg} (w - w_{coil}) / (c_p (T - T_{coil}))`; found by bisection.

    Parameters
    ----------
    sensible_share
        Sensible over total capacity at 27 °C and 19 °C wet bulb.

    Returns
    -------
    (n,)
        Temperature [°C].
    """
    wanted = np.atleast_1d(np.asarray(sensible_share, dtype=float))
    room = rated_moisture()
    low, high = np.full(wanted.shape, -5.0), np.full(wanted.shape, 25.0)
    low = np.full(wanted.shape, 2.0)
    for _ in range(60):
        middle = 0.5 * (low + high)
        wet = EVAPORATION_J_KG * np.maximum(room - saturated(middle), 0.0)
        share = 1.0 / (1.0 + wet / (AIR_J_KG_K * (RATED_C - middle)))
        warmer = share < wanted
        low, high = np.where(warmer, middle, low), np.where(warmer, high, middle)
    found: Floats = 0.5 * (low + high)
    return found
