"""Change: buildings get another function or more storeys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field, model_validator

from dothi.changes.add_buildings import Function, Height, Storeys
from dothi.changes.base import ENTERED, Change
from dothi.changes.places import Selection
from dothi.changes.rows import generator
from dothi.changes.touched import WITH_BUILDINGS
from dothi.shapes import Floats

if TYPE_CHECKING:
    import geopandas as gpd

    from dothi.city import City
    from dothi.errors import Problems

PEOPLE: Final = ("dwellings", "residents", "jobs")
SCALED: Final = "in_proportion"
"""Method of values that change with the height of their building, or the lanes of their road."""


class EditBuildings(Change):
    """
    Change what buildings are used for, or how high they are.

    With another height, storeys, floor area and people change in the same proportion, and what a source drew of parts
    and roofs goes. With another function, dwellings, residents and jobs follow from floor area as for new buildings.
    """

    kind: Literal["edit_buildings"]
    buildings: Selection = Field(description="Buildings.")
    function: Function | None = Field(None, description="Main function from now on.")
    storeys: Storeys | None = Field(None, description="Storeys above ground from now on.")
    storeys_added: int | None = Field(None, ge=-200, le=200, description="Storeys more than before, or fewer.")
    height_m: Height | None = Field(None, description="Height of the eaves or flat roof from now on [m].")
    year_built: int | None = Field(None, ge=-3000, le=2200, description="Year of completion from now on.")

    touches: ClassVar = WITH_BUILDINGS
    sentence: ClassVar = {
        "en": "Alters {buildings}: [{function}, ][{storeys} storeys, ][{storeys_added} more storeys, ]"
        "[{height_m} m high, ][built in {year_built}]",
        "fr": "Transformation ({buildings}) : [{function}, ][{storeys} niveaux, ][{storeys_added} niveaux en plus, ]"
        "[{height_m} m de haut, ][année {year_built}]",
        "vi": "Cải tạo {buildings}: [{function}, ][{storeys} tầng, ][thêm {storeys_added} tầng, ]"
        "[cao {height_m} m, ][năm {year_built}]",
    }
    words: ClassVar = {"function": "function"}

    @model_validator(mode="after")
    def _says_what(self) -> EditBuildings:
        sizes = [value for value in (self.storeys, self.storeys_added, self.height_m) if value is not None]
        if not sizes and self.function is None and self.year_built is None:
            raise ValueError("says what changes: function, storeys, storeys_added, height_m or year_built")
        if len(sizes) > 1:
            raise ValueError("has one of storeys, storeys_added and height_m")
        return self

    def apply(self, city: City, problems: Problems) -> City:
        """City with the buildings as they will be."""
        from dothi.changes import consistency
        from dothi.changes.habits import completed

        chosen = self.buildings.rows(city, "buildings", problems)
        buildings = city["buildings"]
        rows = buildings[chosen].copy()
        rng = generator(self)
        factor = self._factor(rows, problems)
        if problems.errors:
            return city
        resized = factor is not None
        if factor is not None:
            rows = self._resized(rows, factor, rng)
        if self.year_built is not None:
            rows["year_built"] = self.year_built
        if self.function is not None:
            rows = _entered(rows, "function", self.function)
            for name in PEOPLE:
                rows = _entered(rows, name, None)
            rows = completed(rows, city, rng)
        for name in rows.columns.intersection(buildings.columns):
            column = (
                buildings[name].astype(object) if name.endswith("_method") or name == "function" else buildings[name]
            )
            buildings[name] = column.where(~chosen, rows[name].astype(column.dtype).reindex(buildings.index))
        ids = buildings.index[chosen]
        return consistency.with_buildings(city, buildings, changed=ids, reshaped=ids if resized else ())

    def _factor(self, rows: gpd.GeoDataFrame, problems: Problems) -> Floats | None:
        """How many times as high each building will be; None where its height stays."""
        if self.height_m is not None:
            known, wanted = rows["height_m"], np.full(len(rows), self.height_m)
        elif self.storeys is not None or self.storeys_added is not None:
            known = rows["storeys"]
            now = known.to_numpy(dtype=float, na_value=np.nan)
            wanted = now + self.storeys_added if self.storeys_added is not None else np.full(len(rows), self.storeys)
        else:
            return None
        if known.isna().any():
            problems.error("is known of buildings to be resized", column=str(known.name), rows=rows.index[known.isna()])
        if (wanted < 1.0).any() or (self.height_m is None and (wanted > 200.0).any()):
            problems.error(
                "leaves 1 to 200 storeys", column="storeys_added", rows=rows.index[(wanted < 1) | (wanted > 200)]
            )
        factor: Floats = wanted / known.to_numpy(dtype=float, na_value=np.nan)
        return factor

    def _resized(self, rows: gpd.GeoDataFrame, factor: Floats, rng: np.random.Generator) -> gpd.GeoDataFrame:
        from dothi.derive.sharing import integers_of

        storeys = np.round(rows["storeys"].to_numpy(dtype=float, na_value=np.nan) * factor)
        height = rows["height_m"].to_numpy(dtype=float, na_value=np.nan) * factor
        sizes = {"storeys": np.clip(storeys, 1.0, 200.0), "height_m": np.minimum(height, 1000.0)}
        given = "storeys" if self.height_m is None else "height_m"
        for name, values in sizes.items():
            rows = _entered(rows, name, values) if name == given else _scaled(rows, name, values)
        rows = _scaled(rows, "floor_area_m2", rows["floor_area_m2"].to_numpy(dtype=float, na_value=np.nan) * factor)
        for name in PEOPLE:
            now = rows[name].to_numpy(dtype=float, na_value=0.0)
            rows = _scaled(rows, name, integers_of(now * factor, rng))
        return rows


def _entered(rows: gpd.GeoDataFrame, name: str, value: Any) -> gpd.GeoDataFrame:
    """Rows with a value; its method says that a person gave it, or that it is missing."""
    missing = value is None
    rows[name] = rows[name].where(np.zeros(len(rows), dtype=bool)) if missing else value
    rows[f"{name}_method"] = None if missing else ENTERED
    rows[f"{name}_confidence"] = np.nan if missing else 1.0
    return rows


def _scaled(rows: gpd.GeoDataFrame, name: str, values: Any) -> gpd.GeoDataFrame:
    """Rows with values that grew with the height, as sure as they were; what was missing stays so."""
    known = rows[name].notna()
    rows[name] = rows[name].where(~known, values)
    rows[f"{name}_method"] = rows[f"{name}_method"].astype(object).where(~known, SCALED)
    return rows
