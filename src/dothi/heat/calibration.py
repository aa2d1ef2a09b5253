"""Calibration: physical inputs moved until simulated energy meets what was measured, and said so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi.errors import InputError, Problems
from dothi.heat.carriers import CARRIERS
from dothi.heat.hourly import chunks
from dothi.model import file_of
from dothi.shapes import Mask
from dothi.units import WH_PER_KWH

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City
    from dothi.heat.model import HeatParams
    from dothi.sky.light import Light

COLUMNS: Final = ("area", "carrier", "measured_kwh")
CITY: Final = "city"
APPLIANCES: Final = ("appliances_w", "lighting_w")
FACTOR_LIMITS: Final = (0.1, 10.0)
SHIFT_LIMITS_K: Final = (-6.0, 6.0)
CLOSE: Final = 0.005
"""Relative error at which a search ends."""
MAX_RUNS: Final = 6
RESULT: Final = ("area", "carrier", "measured_kwh", "before_kwh", "after_kwh", "quantity", "change")


@dataclass(frozen=True, slots=True)
class Target:
    """
    Energy that was measured.

    Attributes
    ----------
    area, carrier
        Where, and what.
    measured_kwh
        How much in a year.
    rows
        Buildings that count.
    """

    area: str
    carrier: str
    measured_kwh: float
    rows: Mask


def calibrated(city: City, light: Light, table: pd.DataFrame, params: HeatParams) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Thermal models that meet the measurements of the file of calibration, and what was changed.

    Electricity is met by the use of appliances and lamps, fuels and district heat by the heating set point. Both work
    on the rooms too, so each is run again until it is within half a percent or at a limit, in the order of the file.

    Raises
    ------
    InputError
        The file does not fit, or an area is not of this city.
    """
    import pandas as pd

    if not params.calibration:
        return table, pd.DataFrame({name: pd.Series(dtype="str" if name in _WORDS else "float64") for name in RESULT})
    table = table.copy()
    rows = [_met(city, light, table, target) for target in targets(city, params)]
    return table, pd.DataFrame(rows, columns=list(RESULT))


_WORDS: Final = ("area", "carrier", "quantity")


def targets(city: City, params: HeatParams) -> list[Target]:
    """Measurements of the file of calibration, with the buildings of each."""
    from dothi.io.delimited import read_delimited

    problems = Problems(file_of(params.calibration).name)
    read = read_delimited(file_of(params.calibration), problems)
    problems.raise_errors()
    if read is None or any(name not in read for name in COLUMNS):
        problems.error(f"has the columns {', '.join(COLUMNS)}")
        problems.raise_errors()
        raise InputError(problems.errors)
    ids = read["building_ids"] if "building_ids" in read else [""] * len(read["area"])
    found = []
    for area, carrier, measured, listed in zip(*(read[name] for name in COLUMNS), ids, strict=True):
        rows = _rows(city, area.strip(), listed.strip())
        kwh = _number(measured)
        if rows is None or not rows.any():
            problems.error(f"is {CITY}, a ward, or has building_ids of this city; this is {area!r}", column="area")
        elif carrier.strip() not in CARRIERS:
            problems.error(f"is one of {', '.join(CARRIERS)}; this is {carrier!r}", column="carrier")
        elif not kwh > 0.0:
            problems.error(f"is a number above 0; this is {measured!r}", column="measured_kwh")
        else:
            found.append(Target(area.strip(), carrier.strip(), kwh, rows))
    problems.raise_errors()
    return found


def _number(text: str) -> float:
    try:
        return float(text.replace(",", ".").strip())
    except ValueError:
        return float("nan")


def _rows(city: City, area: str, listed: str) -> Mask | None:
    """Buildings of an area: listed, of a ward, or all."""
    buildings = city["buildings"]
    if listed:
        wanted = [int(one) for one in listed.replace(",", " ").replace(";", " ").split() if one.isdigit()]
        return np.asarray(buildings.index.isin(wanted))
    if area == CITY:
        return np.ones(len(buildings), dtype=bool)
    wards = city["wards"]
    named = wards[wards["name"] == area]
    if not len(named):
        return None
    middles = shapely.centroid(np.asarray(buildings.geometry.array, dtype=object))
    outline = shapely.union_all(np.asarray(named.geometry.array, dtype=object))
    return np.asarray(shapely.intersects(outline, middles))


def _met(city: City, light: Light, table: pd.DataFrame, target: Target) -> dict[str, Any]:
    """Change the rows of a target until its energy is met."""
    some = table[target.rows]
    before, flexible = _energy(city, light, some, target.carrier)
    electric = target.carrier == "electricity"
    change, after = (1.0, before) if electric else (0.0, before)
    low, high = FACTOR_LIMITS if electric else SHIFT_LIMITS_K
    slope = flexible if electric else _per_kelvin(city, light, some, target.carrier, before)
    for _ in range(MAX_RUNS):
        if abs(after - target.measured_kwh) <= CLOSE * target.measured_kwh or not slope > 0.0:
            break
        step = (target.measured_kwh - after) / slope
        wanted = float(np.clip(change + step, low, high))
        if wanted == change:
            break
        now, _ = _energy(city, light, _changed(some, target.carrier, wanted), target.carrier)
        if abs(now - after) > 0.0:
            slope = max((now - after) / (wanted - change), 0.2 * slope)
        change, after = wanted, now
    table.loc[target.rows, :] = _changed(some, target.carrier, change)
    quantity = "appliances and lighting" if electric else "heating set point"
    return dict(
        zip(RESULT, (target.area, target.carrier, target.measured_kwh, before, after, quantity, change), strict=True)
    )


def _changed(table: pd.DataFrame, carrier: str, change: float) -> pd.DataFrame:
    if carrier == "electricity":
        return table.assign(**{name: table[name] * change for name in APPLIANCES})
    return table.assign(heat_set_c=table["heat_set_c"] + change)


def _per_kelvin(city: City, light: Light, table: pd.DataFrame, carrier: str, before: float) -> float:
    """Energy of one kelvin more of heating [kWh K⁻¹]."""
    return _energy(city, light, _changed(table, carrier, 1.0), carrier)[0] - before


def _energy(city: City, light: Light, table: pd.DataFrame, carrier: str) -> tuple[float, float]:
    """Energy of a carrier, and that of appliances and lamps [kWh]."""
    total = flexible = 0.0
    for _, series in chunks(table, city["weather"], light):
        total += float(series[carrier].sum(dtype=np.float64))
        flexible += float(series["appliances"].sum(dtype=np.float64) + series["lighting"].sum(dtype=np.float64))
    return total / WH_PER_KWH, flexible / WH_PER_KWH
