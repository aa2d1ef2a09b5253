"""Load curves of a building, a ward, a transformer or the city, and the load of every building by the hour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import shapely

from dothi.chain import light_from
from dothi.heat.archetypes import archetypes
from dothi.heat.carriers import CARRIERS
from dothi.heat.hourly import chunks
from dothi.heat.model import ELECTRIC_USES
from dothi.heat.schedules import local_time
from dothi.server.loads_facts import CurveFacts, HoursFacts, MonthsFacts, UseFacts
from dothi.shown import missing
from dothi.sky import Light
from dothi.units import WH_PER_KWH

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from dothi.city import City
    from dothi.shapes import Floats, Integers
    from dothi.shown import Shown

MONTHS: Final = 12
DAY_H: Final = 24
TOLD: Final = (*ELECTRIC_USES, *CARRIERS)
"""Series that a curve tells."""
MOST_CODES: Final = 255
SHOWN_SHARE: Final = 0.99
TOPS_W_M2: Final = (5, 10, 20, 30, 50, 100, 200, 500, 1000)
Of = Literal["buildings", "wards", "transformers", "city"]


@dataclass(frozen=True, slots=True)
class Loads:
    """
    What curves are made of.

    Attributes
    ----------
    city
        The city, with what its surfaces see.
    models
        Thermal models of its buildings.
    light
        Light on its surfaces.
    time
        Local time at which each hour of the weather begins.
    """

    city: City
    models: pd.DataFrame
    light: Light
    time: pd.DatetimeIndex

    @property
    def slot(self) -> Integers:
        """Month and hour of the day of each hour, as one number."""
        return np.asarray((self.time.month - 1) * DAY_H + self.time.hour, dtype=np.int64)

    def days(self, series: NDArray[Any]) -> NDArray[Any]:
        """Average day of each month (…, 12, 24) of hourly series (…, hours)."""
        slot = self.slot
        mean = np.zeros((len(slot), MONTHS * DAY_H), dtype=series.dtype)
        mean[np.arange(len(slot)), slot] = (1.0 / np.maximum(np.bincount(slot, minlength=MONTHS * DAY_H), 1))[slot]
        return np.asarray((series @ mean).reshape(*series.shape[:-1], MONTHS, DAY_H))

    def months_kwh(self, series: Floats) -> list[float]:
        """Energy of each month of a series of powers [kWh]."""
        sums = np.bincount(np.asarray(self.time.month) - 1, weights=series, minlength=MONTHS) / WH_PER_KWH
        return [float(one) for one in sums]


def loads_of(shown: Shown) -> Loads:
    """
    What curves of a city are made of; read once.

    Raises
    ------
    MissingError
        The energy of its buildings was not simulated.
    """

    def make() -> Loads:
        sun, heat = (_result(shown, model) for model in ("sun", "heat"))
        if sun is None or heat is None:
            raise missing("is a city whose energy was simulated: dothi run makes it", table="heat")
        city, models = light_from(shown.city, sun), heat.tables["thermal_models"]
        known = archetypes(str(models["country"].iloc[0]) if len(models) else city.country)
        return Loads(city, models, Light.of(city), local_time(known, city["weather"]))

    found: Loads = shown.kept.get(f"{shown.key}/loads", make, _size)
    return found


def _size(loads: Loads) -> int:
    return int(loads.city["surface_light"].memory_usage(deep=True).sum())


def _result(shown: Shown, model: str) -> Any:
    key = shown.results.get(model, "")
    kept = shown.store.find(model, key) if shown.store and key else None
    return kept.result() if kept else None


# --- one curve ----------------------------------------------------------------------------------------------------


def curve_of(shown: Shown, table: Of, row_id: int) -> CurveFacts:
    """
    Load curve of a building, or of all buildings of something.

    Parameters
    ----------
    shown
        City as it is shown.
    table
        Table in which it stands; ``city`` for all buildings.
    row_id
        Its id.

    Raises
    ------
    MissingError
        There is no such row, or the energy of the city was not simulated.
    """
    loads = loads_of(shown)
    ids = _buildings(loads.city, table, row_id)
    models = loads.models[loads.models.index.isin(ids)]
    sums = whole_of(shown).sums if table == "city" else _summed(loads, models)
    electricity = sums["electricity"]
    at = int(np.argmax(electricity)) if len(electricity) else 0
    made = _generation(shown, loads, models.index)
    return CurveFacts(
        buildings=len(models),
        uses=[UseFacts(name=name, days_w=loads.days(sums[name]).tolist()) for name in ELECTRIC_USES],
        carriers=[
            MonthsFacts(name=name, months_kwh=loads.months_kwh(sums[name])) for name in CARRIERS if sums[name].any()
        ],
        peak_w=float(electricity[at]) if len(electricity) else 0.0,
        peak_time=loads.time[at].isoformat() if len(electricity) else "",
        generation_days_w=[] if made is None else loads.days(made).tolist(),
        generation_months_kwh=[] if made is None else loads.months_kwh(made),
    )


def _summed(loads: Loads, models: pd.DataFrame) -> dict[str, Floats]:
    """Hourly series of some buildings together [W]."""
    sums = {name: np.zeros(len(loads.time)) for name in TOLD}
    for _, series in chunks(models, loads.city["weather"], loads.light):
        _add(sums, series)
    return sums


def _add(sums: dict[str, Floats], series: Mapping[str, NDArray[np.float32]]) -> None:
    for name in sums:
        sums[name] += series[name].sum(axis=0, dtype=np.float64)


def _generation(shown: Shown, loads: Loads, ids: pd.Index) -> Floats | None:
    """What the modules on some buildings make by the hour [W]; None where there are none."""
    from dothi.pv.hourly import power_of

    result = _result(shown, "pv")
    arrays = None if result is None else result.tables.get("pv_arrays")
    if arrays is None:
        return None
    arrays = arrays[arrays["building_id"].isin(ids)]
    if not len(arrays):
        return None
    _, power = power_of(loads.city, arrays, result.diagnostics["technology"])
    return np.asarray(power.sum(axis=0, dtype=np.float64))


def _buildings(city: City, table: Of, row_id: int) -> NDArray[Any]:
    """Ids of the buildings that belong to something."""
    buildings = city["buildings"]
    if table == "city":
        return np.asarray(buildings.index)
    if row_id not in city[table].index:
        raise missing(f"is the id of a row ({row_id})", table=table)
    if table == "buildings":
        return np.array([row_id])
    if table == "transformers":
        served = city["grid_connections"]
        return np.asarray(served["building_id"][(served["transformer_id"] == row_id).fillna(value=False)])
    ward = city["wards"].geometry[row_id]
    shapely.prepare(ward)
    inside = shapely.contains(ward, shapely.point_on_surface(np.asarray(buildings.geometry.array, dtype=object)))
    return np.asarray(buildings.index[inside])


# --- every building by the hour -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Whole:
    """
    All buildings, run through once.

    Attributes
    ----------
    days
        Electric load per floor area in the hours of the average day of each month (buildings, 12 × 24) [W m⁻²].
    top_w_m2
        Round number that 99 % of these do not pass.
    sums
        Hourly series of the city [W].
    """

    days: NDArray[np.float32]
    top_w_m2: float
    sums: dict[str, Floats]


def whole_of(shown: Shown) -> Whole:
    """All buildings of a city, run through once; see `loads_of`."""

    def make() -> Whole:
        loads = loads_of(shown)
        models = loads.models
        days = np.full((len(loads.city["buildings"]), MONTHS * DAY_H), np.nan, dtype=np.float32)
        at = loads.city["buildings"].index.get_indexer(models.index)
        area = models["floor_area_m2"].to_numpy(dtype=np.float32)
        sums = {name: np.zeros(len(loads.time)) for name in TOLD}
        for rows, series in chunks(models, loads.city["weather"], loads.light):
            density = loads.days(series["electricity"]).reshape(-1, MONTHS * DAY_H)
            days[at[rows]] = density / np.maximum(area[rows], 1.0)[:, None]
            _add(sums, series)
        return Whole(days, _top(days), sums)

    found: Whole = shown.kept.get(f"{shown.key}/loads of all", make, lambda whole: whole.days.nbytes)
    return found


def _top(days: NDArray[np.float32]) -> float:
    known = days[np.isfinite(days)]
    least = float(np.quantile(known, SHOWN_SHARE)) if len(known) else 0.0
    return next((float(top) for top in TOPS_W_M2 if top >= least), float(TOPS_W_M2[-1]))


def hours_facts(shown: Shown) -> HoursFacts:
    """How the codes of the hours are to be read."""
    whole = whole_of(shown)
    return HoursFacts(rows=len(whole.days), top_w_m2=whole.top_w_m2)


def hour_codes(shown: Shown, month: int) -> bytes:
    """
    Electric load per floor area of every building in the hours of the average day of a month.

    Returns
    -------
    bytes
        A byte for every building in the order of their table, one hour after the other: 0 where there is no value,
        1 for none, 255 for the top and above, even steps between.
    """
    whole = whole_of(shown)
    hours = whole.days[:, (month - 1) * DAY_H : month * DAY_H].T
    codes = 1.0 + np.rint((MOST_CODES - 1.0) * np.clip(hours / whole.top_w_m2, 0.0, 1.0))
    return np.where(np.isnan(codes), 0.0, codes).astype(np.uint8).tobytes()
