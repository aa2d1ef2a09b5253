"""Sums of buildings and shares of ground by ward and by zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import shapely

from dothi.model import Params, Result, columns_of
from dothi.schema import Column, Schema
from dothi.shapes import Floats, Integers, Shapes

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from dothi.city import City

SUMS: Final = ("dwellings", "residents", "jobs", "floor_area_m2")

_COLUMNS: Final[Schema] = {
    "area_m2": Column("float", "m²", "Area.", 0.0),
    "buildings": Column("integer", "", "Buildings whose middle lies in it.", 0),
    "footprint_m2": Column("float", "m²", "Footprints of these buildings.", 0.0),
    "floor_area_m2": Column("float", "m²", "Gross floor area of these buildings.", 0.0),
    "dwellings": Column("float", "", "Their dwellings.", 0.0),
    "residents": Column("float", "", "Their residents.", 0.0),
    "jobs": Column("float", "", "Their jobs.", 0.0),
    "function_mix": Column(
        "float", "", "Entropy of floor area by function; 1 where all are equal.", 0.0, 1.0, missing=True
    ),
    "impervious_share": Column("float", "", "Share of the ground that lets no water through.", 0.0, 1.0, missing=True),
}


class StockParams(Params):
    """Parameters of the stock: there are none."""


@dataclass(frozen=True, slots=True)
class StockModel:
    """
    What stands and who lives in each ward and zone.

    A building counts where the middle of its footprint lies, so that nothing counts twice.
    """

    params: StockParams = field(default_factory=StockParams)

    name: ClassVar[str] = "stock"
    inputs: ClassVar[Mapping[str, Schema]] = {
        "buildings": columns_of("buildings", "geometry", "function", *SUMS),
        "wards": columns_of("wards", "geometry"),
        "zones": columns_of("zones", "geometry"),
    }
    optional: ClassVar[tuple[str, ...]] = ("wards", "zones")
    rasters: ClassVar[tuple[str, ...]] = ("imperviousness",)
    outputs: ClassVar[Mapping[str, Schema]] = {"wards": _COLUMNS, "zones": _COLUMNS}
    references: ClassVar[tuple[str, ...]] = (
        "Entropy index of land-use mix: Cervero & Kockelman 1997, doi:10.1016/S1361-9209(97)00009-6",
    )

    def run(self, city: City) -> Result:
        """Sums of all wards and zones."""
        buildings, ground = city["buildings"], city.rasters["imperviousness"]
        middles = shapely.centroid(_shapes(buildings))
        tables = {name: _by_area(city[name], buildings, middles, ground) for name in ("wards", "zones") if name in city}
        placed = {name: int(table["buildings"].sum()) for name, table in tables.items()}
        return Result(tables=tables, diagnostics={"buildings": len(buildings), "placed": placed})


def _by_area(areas: Any, buildings: Any, middles: Shapes, ground: xr.DataArray) -> pd.DataFrame:
    import pandas as pd

    outlines, n = _shapes(areas), len(areas)
    at = _first_in(outlines, middles)
    inside = at >= 0
    where = at[inside]
    weights = {"footprint_m2": buildings.geometry.area.to_numpy(), **{name: _numbers(buildings[name]) for name in SUMS}}
    sums = {name: np.bincount(where, weights=values[inside], minlength=n) for name, values in weights.items()}
    functions = pd.Categorical(buildings["function"])
    mix = _mix(where, functions.codes[inside], weights["floor_area_m2"][inside], n, list(functions.categories))
    made = {
        "area_m2": shapely.area(outlines),
        "buildings": np.bincount(where, minlength=n),
        **sums,
        "function_mix": mix,
        "impervious_share": _mean_in(outlines, ground),
    }
    return pd.DataFrame({name: made[name] for name in _COLUMNS}, index=areas.index)


def _first_in(outlines: Shapes, middles: Shapes) -> Integers:
    """Area in which each point lies, −1 where none; of several, the first."""
    at = np.full(len(middles), len(outlines), dtype=np.int64)
    point, area = shapely.STRtree(outlines).query(middles, predicate="intersects")
    np.minimum.at(at, point, area)
    at[at == len(outlines)] = -1
    return at


def _mix(where: Integers, function: Integers, floor_area: Floats, n: int, functions: list[str]) -> Floats:
    """Entropy of floor area by function, as a share of the greatest possible."""
    counted = np.array([name != "outbuilding" for name in functions])
    k = len(functions)
    area = np.bincount(where * k + function, weights=floor_area, minlength=n * k).reshape(n, k)[:, counted]
    total = area.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = area / total
        entropy = -np.nansum(np.where(share > 0.0, share * np.log(share), 0.0), axis=1) / np.log(counted.sum())
    return np.where(total[:, 0] > 0.0, entropy, np.nan)


def _mean_in(outlines: Shapes, raster: xr.DataArray) -> Floats:
    """Mean of the cells whose middle lies in each area; missing where there is none."""
    from rasterio.features import rasterize

    from dothi.io.terrain import grid_of

    if not len(outlines):
        return np.empty(0)
    numbered = zip(outlines, range(1, len(outlines) + 1), strict=True)
    marks = rasterize(numbered, raster.shape, transform=grid_of(raster).transform, dtype="int32").ravel()
    values = raster.to_numpy().ravel().astype(float)
    known = (marks > 0) & np.isfinite(values)
    n = len(outlines) + 1
    with np.errstate(invalid="ignore"):
        means = np.bincount(marks[known], weights=values[known], minlength=n) / np.bincount(marks[known], minlength=n)
    return np.asarray(means[1:])


def _numbers(values: Any) -> Floats:
    found: Floats = values.to_numpy(dtype=float, na_value=0.0)
    return np.nan_to_num(found)


def _shapes(table: Any) -> Shapes:
    return np.asarray(table.geometry.array, dtype=object)
