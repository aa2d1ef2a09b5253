"""The plant of a network of cold: its tank, its chillers by part load and weather, and what it takes of electricity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dothi.shapes import Floats

HALVINGS: Final = 50
LEAST_SHARE: Final = 1e-9


def wet_bulb(air_c: Floats, humidity_pct: Floats) -> Floats:
    """
    Wet-bulb temperature by air temperature and relative humidity [°C].

    R. Stull 2011, doi:10.1175/JAMC-D-11-0143.1; within 1 K from −20 to 50 °C and from 5 to 99 %, at sea level.
    """
    rh = np.clip(humidity_pct, 5.0, 99.0)
    found: Floats = (
        air_c * np.arctan(0.151977 * np.sqrt(rh + 8.313659))
        + np.arctan(air_c + rh)
        - np.arctan(rh - 1.676331)
        + 0.00391838 * rh**1.5 * np.arctan(0.023101 * rh)
        - 4.686035
    )
    return np.minimum(found, air_c)


def humidity_of(air_c: Floats, dew_point_c: Floats) -> Floats:
    """Relative humidity by air temperature and dew point, after Magnus with the constants of WMO No. 8 [%]."""

    def pressure(at_c: Floats) -> Floats:
        return 6.112 * np.exp(17.62 * at_c / (243.12 + at_c))

    found: Floats = 100.0 * pressure(dew_point_c) / pressure(air_c)
    return np.clip(found, 0.0, 100.0)


def biquadratic(coefficients: Any, cold_c: float, warm_c: Floats) -> Floats:
    """Curve of a chiller by temperatures of cold water that leaves and of condenser water that enters, in °F within."""
    a, b, c, d, e, f = (float(value) for value in coefficients)
    x, y = 1.8 * cold_c + 32.0, 1.8 * warm_c + 32.0
    found: Floats = a + b * x + c * x * x + d * y + e * y * y + f * x * y
    return found


@dataclass(frozen=True, slots=True)
class Plant:
    """
    A plant over the hours.

    Attributes
    ----------
    capacity_w
        Cold that all chillers make at their rating.
    tank_wh
        Cold that the tank holds.
    made_w, level_wh, chiller_w, rejection_w : (n_hours,)
        Cold made, cold in the tank after the hour, electricity of chillers, and of towers and condenser pumps.
    short_wh
        Cold that was wanting; 0 but for rounding, as the chillers are sized for it.
    lost_wh
        Cold that the tank loses.
    """

    capacity_w: float
    tank_wh: float
    made_w: Floats
    level_wh: Floats
    chiller_w: Floats
    rejection_w: Floats
    short_wh: float
    lost_wh: float


def stored(need_w: Floats, tank_wh: float, lost_share: float) -> tuple[float, Floats, Floats, float]:
    """
    Least power of chillers that, with a tank, meets a need at every hour.

    Parameters
    ----------
    need_w : (n_hours,)
        Cold that goes out [W].
    tank_wh
        Cold that the tank holds [W h].
    lost_share
        Share of its content that is lost in an hour.

    Returns
    -------
    capacity : float
        Power [W].
    made, level : (n_hours,) arrays
        Cold made [W], and in the tank after each hour [W h].
    short : float
        Cold that was wanting [W h].
    """
    from dothi.cooling.kernels import dispatch

    need = np.ascontiguousarray(need_w, dtype=float)
    made, level = np.zeros(len(need)), np.zeros(len(need))
    low, high = 0.0, float(need.max(initial=0.0))
    enough = high * LEAST_SHARE
    if tank_wh > 0.0:
        high += tank_wh * lost_share
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            short = dispatch(need, middle, tank_wh, 1.0 - lost_share, made, level)
            low, high = (middle, high) if short > enough else (low, middle)
    short = dispatch(need, high, max(tank_wh, 0.0), 1.0 - lost_share, made, level)
    return high, made, level, float(short)


def chillers(
    made_w: Floats, condenser_c: Floats, cold_c: float, machines: int, data: Mapping[str, Any]
) -> tuple[float, Floats]:
    """
    Rated power of equal chillers, and their electricity by the hour.

    As many run as the load needs, all at one part load; below the least one, one runs now and then. Power is that at
    the rating times the curves of temperature, part load and capacity (as in DOE-2).

    Parameters
    ----------
    made_w : (n_hours,)
        Cold they make [W].
    condenser_c : (n_hours,)
        Temperature of the water that enters their condensers [°C].
    cold_c
        Temperature of the water that leaves them [°C].
    machines
        How many there are.
    data
        Of `place.district`.

    Returns
    -------
    capacity : float
        Cold that all make at their rating [W].
    electricity : (n_hours,) array
        [W].
    """
    curves, rules = data["chiller"], data["machines"]
    share = biquadratic(curves["capacity_temperature"], cold_c, condenser_c)
    worse = biquadratic(curves["eir_temperature"], cold_c, condenser_c)
    capacity = float((made_w / share).max(initial=0.0))
    if capacity <= 0.0:
        return 0.0, np.zeros(len(made_w))
    each = capacity / machines * share
    running = np.minimum(np.ceil(made_w / each * (1.0 - 1e-12)), machines)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(running > 0.0, made_w / (running * each), 0.0)
    kept = np.maximum(part, float(rules["least_part_load"]))
    a, b, c = (float(value) for value in curves["eir_part_load"])
    full = capacity / machines / float(rules["rated_cop"]) * share * worse
    return capacity, running * full * (a + b * kept + c * kept**2) * part / kept


def run_plant(
    need_w: Floats, air_c: Floats, humidity_pct: Floats, cold_c: float, hours: float, machines: int,
    data: Mapping[str, Any],
) -> Plant:  # fmt: skip
    """
    Plant that meets a need.

    Parameters
    ----------
    need_w : (n_hours,)
        Cold that goes out [W].
    air_c, humidity_pct : (n_hours,)
        Air outside [°C], its relative humidity [%].
    cold_c
        Temperature of the cold water [°C].
    hours
        Size of the tank, in hours of the mean need of the day with the greatest.
    machines
        Number of chillers.
    data
        Of `place.district`.
    """
    rules, tank = data["machines"], data["tank"]
    days = need_w[: len(need_w) // 24 * 24].reshape(-1, 24).mean(axis=1)
    held = hours * float(days.max(initial=0.0)) if len(days) else 0.0
    lost_share = float(tank["lost_share_h"]) if held > 0.0 else 0.0
    _, made, level, short = stored(need_w, held, lost_share)
    condenser = np.maximum(
        wet_bulb(air_c, humidity_pct) + float(rules["approach_k"]), float(rules["coldest_tower_c"])
    )  # fmt: skip
    capacity, electricity = chillers(made, condenser, cold_c, machines, data)
    rejection = float(rules["rejection_w_w"]) * (made + electricity)
    before = np.r_[held, level[:-1]] if len(level) else level
    return Plant(
        capacity, held, made, level, electricity, rejection, short, float((before * lost_share).sum())
    )  # fmt: skip
