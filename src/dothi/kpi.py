"""What an indicator is, and what it is computed from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import shapely

from dothi.model import Result
from dothi.shapes import Floats

if TYPE_CHECKING:
    from shapely import STRtree
    from shapely.geometry.base import BaseGeometry

    from dothi.city import City

Domain = Literal["economy", "government", "mobility", "environment", "living", "people"]
DOMAINS: Final[tuple[Domain, ...]] = ("economy", "government", "mobility", "environment", "living", "people")
Status = Literal["measured", "modelled", "entered", "estimated"]

UNITS: Final[Mapping[str, Mapping[str, str]]] = {
    "% of the jobs": {"fr": "% des emplois", "vi": "% việc làm"},
    "t CO₂ per inhabitant and year": {"fr": "t CO₂ par habitant et an", "vi": "t CO₂/người/năm"},
    "kg PM2.5-eq. per inhabitant and year": {"fr": "kg éq. PM2,5 par habitant et an", "vi": "kg PM2,5 tđ/người/năm"},
    "kWh per inhabitant and year": {"fr": "kWh par habitant et an", "vi": "kWh/người/năm"},
    "GJ per inhabitant and year": {"fr": "GJ par habitant et an", "vi": "GJ/người/năm"},
    "t CO₂": {"fr": "t CO₂", "vi": "tấn CO₂"},
    "% of electricity use": {"fr": "% de l’électricité consommée", "vi": "% điện tiêu thụ"},
    "% of cold": {"fr": "% du froid", "vi": "% lượng lạnh"},
    "% of electricity for this cold": {"fr": "% de l’électricité de ce froid", "vi": "% điện cho lượng lạnh này"},
    "% of solar power": {"fr": "% de la production solaire", "vi": "% điện mặt trời"},
    "% of dwellings": {"fr": "% des logements", "vi": "% số căn hộ"},
    "% of residents": {"fr": "% des habitants", "vi": "% dân số"},
    "% of grid elements": {"fr": "% des éléments du réseau", "vi": "% phần tử lưới điện"},
    "h per customer and year": {"fr": "h par client et an", "vi": "giờ/khách hàng/năm"},
    "residents": {"fr": "habitants", "vi": "người"},
    "% of passenger-km": {"fr": "% des voyageurs-km", "vi": "% hành khách-km"},
    "m² per inhabitant": {"fr": "m² par habitant", "vi": "m²/người"},
    "inhabitants per km²": {"fr": "habitants par km²", "vi": "người/km²"},
    "% of trips": {"fr": "% des déplacements", "vi": "% chuyến đi"},
    "boardings per inhabitant and day": {"fr": "montées par habitant et jour", "vi": "lượt lên xe/người/ngày"},
    "ratio": {"fr": "rapport", "vi": "tỷ số"},
    "min per trip": {"fr": "min par déplacement", "vi": "phút/chuyến"},
    "% of main road length": {"fr": "% de la longueur des voies principales", "vi": "% chiều dài đường chính"},
    "vehicle-km per inhabitant and day": {"fr": "véhicules-km par habitant et jour", "vi": "xe-km/người/ngày"},
    "vehicle-hours per day": {"fr": "heures-véhicules par jour", "vi": "xe-giờ/ngày"},
    "km per km²": {"fr": "km par km²", "vi": "km/km²"},
    "km per 100,000 inhabitants": {"fr": "km pour 100 000 habitants", "vi": "km/100.000 dân"},
}
"""Units with words in them, in other languages than English."""


@dataclass(frozen=True)
class Evidence:
    """
    What indicators of one scenario are computed from.

    Attributes
    ----------
    city
        City of the scenario.
    results
        Results of its simulations, by name.
    today
        City as it is.
    within
        Area, such as a ward, that the indicators speak of; the whole city where None.
    """

    city: City
    results: Mapping[str, Result] = field(default_factory=dict)
    today: City | None = None
    within: BaseGeometry | None = None
    _shared: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False, compare=False)

    def inside(self, area: BaseGeometry) -> Evidence:
        """The same of an area only."""
        return replace(self, within=area)

    def table(self, name: str) -> Any:
        """Table of the city with the columns that simulations gave it; objects whose middle lies in the area."""
        frame = self._whole(name)
        if self.within is None or "geometry" not in frame:
            return frame.copy(deep=False)
        return frame.iloc[np.sort(self._middles(name).query(self.within, predicate="intersects"))]

    def _whole(self, name: str) -> Any:
        """Table of the whole city, put together once for all areas."""
        key = "table", name
        if key not in self._shared:
            frame = self.city[name]
            for result in self.results.values():
                given = result.tables.get(name)
                if given is not None:
                    frame = frame.join(given[[column for column in given if column not in frame]])
            self._shared[key] = frame
        return self._shared[key]

    def _middles(self, name: str) -> STRtree:
        """Middles of the objects of a table, found once for all areas."""
        key = "middles", name
        if key not in self._shared:
            shapes = np.asarray(self._whole(name).geometry.array, dtype=object)
            self._shared[key] = shapely.STRtree(shapely.centroid(shapes))
        found: STRtree = self._shared[key]
        return found

    @cached_property
    def buildings(self) -> Any:
        """Buildings with what simulations say of them."""
        return self.table("buildings")

    @cached_property
    def residents(self) -> Floats:
        """Residents of each building."""
        return self.numbers("buildings", "residents")

    def numbers(self, table: str, column: str) -> Floats:
        """Values of a column, 0 where missing."""
        frame = self.buildings if table == "buildings" else self.table(table)
        values: Floats = np.nan_to_num(frame[column].to_numpy(dtype=float, na_value=0.0))
        return values

    @cached_property
    def area_m2(self) -> float:
        """Area of what the indicators speak of [m²]."""
        west, south, east, north = self.city.bounds
        box = shapely.box(west, south, east, north)
        return float(shapely.area(box if self.within is None else shapely.intersection(box, self.within)))

    def cells(self, raster: str) -> Floats:
        """Values of the cells of a raster that lie in the area and are known."""
        found = self.city.rasters[raster]
        values = found.to_numpy().astype(float)
        if self.within is not None:
            from rasterio.features import geometry_mask

            from dothi.io.terrain import grid_of

            values = values[geometry_mask([self.within], values.shape, grid_of(found).transform, invert=True)]
        known: Floats = values[np.isfinite(values)]
        return known

    def share_within(self, column: str, limit_m: float) -> float | None:
        """Share of the residents whose building has a value up to a limit [%]."""
        if column not in self.buildings or self.buildings[column].isna().all():
            return None
        near = self.buildings[column].to_numpy(dtype=float, na_value=np.inf) <= limit_m
        return percent(self.residents[near].sum(), self.residents.sum())


@dataclass(frozen=True, slots=True)
class Kpi:
    """
    An indicator.

    Attributes
    ----------
    id
        Short name, such as ``ENV-18``.
    domain
        One of the six domains.
    name
        Its name by language.
    unit
        Its unit; words in it are translated by `UNITS`.
    better
        Which way is better; ``context`` where neither is.
    needs
        Simulations that it is computed from.
    formula
        How it is computed, in words, by language.
    source
        Where its definition stands.
    compute
        Gives its value, None where there is nothing to compute it from.
    status
        Whether it is measured, modelled, entered or estimated.
    """

    id: str
    domain: Domain
    name: Mapping[str, str]
    unit: str
    better: Literal["higher", "lower", "context"]
    needs: tuple[str, ...]
    formula: Mapping[str, str] | str
    source: str
    compute: Callable[[Evidence], float | None]
    status: Status = "modelled"

    def unit_in(self, language: str) -> str:
        """Its unit in a language."""
        return UNITS.get(self.unit, {}).get(language, self.unit)

    def formula_in(self, language: str) -> str:
        """How it is computed, in a language."""
        return self.formula if isinstance(self.formula, str) else self.formula[language]

    def value(self, evidence: Evidence) -> float | None:
        """Its value, None where it cannot be computed."""
        if any(name not in evidence.results for name in self.needs):
            return None
        value = self.compute(evidence)
        return None if value is None or not math.isfinite(value) else float(value)


def per(amount: float, people: float, unit: float = 1.0) -> float | None:
    """Amount for so many people; None where nobody lives."""
    return float(amount) / float(people) * unit if people > 0.0 else None


def percent(part: float, whole: float) -> float | None:
    """Share in percent; None of nothing."""
    return per(part, whole, 100.0)
