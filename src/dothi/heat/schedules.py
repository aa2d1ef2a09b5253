"""Schedules of use, hour by hour of the weather in local time, and the light of day within them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.heat import kernels as k
from dothi.heat.archetypes import Archetypes
from dothi.shapes import Floats, Integers

if TYPE_CHECKING:
    import pandas as pd

PROFILES: Final = ("occupied", "appliances", "lighting", "heating", "cooling", "windows")
"""Profiles in the order of the kernel."""
HOT_WATER: Final = "hot_water"
DAYS: Final = ("workday", "saturday", "sunday")
LUX_PER_W_M2: Final = 120.0
"""Light of a clear or clouded sky [lm/W], order of magnitude of the efficacies of Littlefair 1985."""
WANTED_LUX: Final = 200.0
"""Light in a room above which lamps stay off."""


@dataclass(frozen=True, slots=True)
class Schedules:
    """
    Schedules of the archetypes of a country over the hours of a weather.

    Attributes
    ----------
    profiles : (hours, archetypes, profiles)
        As the kernel reads them; lighting is what daylight leaves to lamps.
    hot_water, stored : (hours, archetypes)
        Draw of hot water, and of electricity for it where heaters store it overnight, both with a mean of 1.
    month : (hours,)
        Month, from 0, in local time.
    hour : (hours,)
        Hour of the day in local time.
    """

    profiles: Floats
    hot_water: Floats
    stored: Floats
    month: Integers
    hour: Integers


def schedules(known: Archetypes, weather: pd.DataFrame) -> Schedules:
    """Schedules of the archetypes of a country in the hours of a weather."""
    local = local_time(known, weather)
    hour = local.hour.to_numpy()
    day = np.select([local.day_of_week < 5, local.day_of_week == 5], [0, 1], 2)
    shape = (len(hour), len(known.names))
    profiles, hot_water = np.zeros((*shape, k.N_PROFILES)), np.zeros(shape)
    for number, name in enumerate(known.names):
        one = _whole(known, str(known.data["archetype"][name]["schedule"]))
        for column, profile in enumerate(PROFILES):
            profiles[:, number, column] = _by_hour(one[profile])[day, hour]
        hot_water[:, number] = _by_hour(one[HOT_WATER])[day, hour]
    factor = known.values(np.arange(len(known.names)), "daylight_factor")
    profiles[:, :, k.LIT] *= lamps(weather, factor).T
    profiles[:, :, k.APP] = _of_mean_1(profiles[:, :, k.APP])
    hot_water = _of_mean_1(hot_water)
    month = local.month.to_numpy() - 1
    profiles[~np.isin(month + 1, known.data["heating"]["months"]), :, k.HEAT] = -1.0
    share = float(known.data["hot_water"].get("night_share", 0.0))
    night = np.isin(hour, known.data["hot_water"].get("night_hours", [0]))
    stored = (1.0 - share) * hot_water + share * (night / night.mean())[:, None]
    return Schedules(profiles, hot_water, stored, month.astype(np.int64), hour.astype(np.int64))


def local_time(known: Archetypes, weather: pd.DataFrame) -> Any:
    """Local time in which each hour begins, summer time included."""
    import pandas as pd

    begins = pd.DatetimeIndex(weather["time"])
    utc = begins.tz_localize("UTC") if begins.tz is None else begins
    return utc.tz_convert(str(known.data["time"]["zone"]))


def lamps(weather: pd.DataFrame, factor: Floats) -> Floats:
    """
    Share of the lighting that daylight leaves to lamps.

    A room has the daylight factor times the light of the open sky; lamps give what lacks of `WANTED_LUX`.

    Parameters
    ----------
    weather
        Table ``weather``.
    factor : (n,)
        Daylight factors.

    Returns
    -------
    (n, hours)
        0 to 1.
    """
    outside = np.nan_to_num(weather["ghi_w_m2"].to_numpy(dtype=float, na_value=0.0)) * LUX_PER_W_M2
    return np.asarray(np.clip(1.0 - factor[:, None] * outside[None, :] / WANTED_LUX, 0.0, 1.0))


def _whole(known: Archetypes, name: str) -> dict[str, Any]:
    """A schedule, with what it takes over from another."""
    one = known.data["schedule"][name]
    return {**_whole(known, one["like"]), **one} if "like" in one else dict(one)


def _of_mean_1(values: Floats) -> Floats:
    """A profile that spreads an amount of the year."""
    found: Floats = values / np.maximum(values.mean(axis=0), 1e-9)
    return found


def _by_hour(steps: Any) -> Floats:
    """Values by kind of day and hour."""
    found = np.zeros((len(DAYS), 24))
    for day, name in enumerate(DAYS):
        for hour, value in steps[name]:
            found[day, int(hour) :] = value
    return found
