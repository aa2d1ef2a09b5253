"""Electric vehicles that charge at home: power by the hour of the day, and how many chargers go with a power."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from dothi import place
from dothi.shapes import Floats, Integers

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City

KINDS: Final = ("car", "motorbike")
W_PER_KW: Final = 1000.0


def local_hours(times: pd.Series, time_zone: str) -> Integers:
    """Hour of the day on the clock at the beginning of each step."""
    import pandas as pd

    found = pd.DatetimeIndex(times)
    found = found.tz_localize("UTC") if found.tz is None else found
    hours: Integers = found.tz_convert(ZoneInfo(time_zone)).hour.to_numpy(dtype=np.int64)
    return hours


def daily_kwh(city: City, kind: str, data: Mapping[str, Any]) -> Floats:
    """
    Energy that the electric vehicles of each building take at home in a day [kWh].

    Parameters
    ----------
    city
        The city; measures of its buildings say how many of their vehicles are electric, else it is the usual share.
    kind
        One of `KINDS`.
    data
        Section ``vehicles`` of the data on the grid.
    """
    buildings, measures = city["buildings"], city["building_measures"]
    usual = float(place.load(city.country, "vehicles")["fuels"][kind].get("electric", 0.0))
    column = f"electric_{kind}_share"
    share = np.full(len(buildings), usual)
    if len(measures) and column in measures:
        known = measures.dropna(subset=[column]).set_index("building_id")[column].astype(float)
        share = known.reindex(buildings.index).fillna(usual).to_numpy(dtype=float)
    dwellings = np.nan_to_num(buildings["dwellings"].to_numpy(dtype=float, na_value=0.0))
    use = float(place.load(city.country, "emissions")["electricity_use"][f"{kind}_kwh_km"])
    each = data[f"{kind}s_per_dwelling"] * data[f"{kind}_km_day"] * use * data["home_share"]
    found: Floats = dwellings * share * each
    return found


def profile(kind: str, data: Mapping[str, Any], hours: Integers) -> Floats:
    """Power of vehicles that take 1 kWh a day, by step [W]."""
    shares = np.array(data[f"{kind}_hours"], dtype=float)
    found: Floats = (shares / shares.sum())[hours] * W_PER_KW
    return found


def chargers(power_kw: Floats, charger_kw: float, limit: float) -> Floats:
    """
    So many chargers together take a power at their common peak.

    Inverse of n P (g + (1 − g) n^(−1/2)).

    Parameters
    ----------
    power_kw
        Power [kW].
    charger_kw
        Power of one charger [kW].
    limit
        Share g of it that each of very many takes at their common peak.
    """
    b = (1.0 - limit) * charger_kw
    root = (np.sqrt(b**2 + 4.0 * limit * charger_kw * np.maximum(power_kw, 0.0)) - b) / (2.0 * limit * charger_kw)
    found: Floats = root**2
    return found
