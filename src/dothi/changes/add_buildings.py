"""Change: buildings are built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import numpy as np
import shapely
from pydantic import Field

from dothi.changes.base import Change
from dothi.changes.drawings import FEATURES, Drawn
from dothi.changes.places import Area, on_grid
from dothi.changes.rows import appended, generator, new_ids
from dothi.changes.touched import WITH_BUILDINGS
from dothi.shapes import Mask, Shapes
from dothi.tables import FUNCTIONS

if TYPE_CHECKING:
    import geopandas as gpd

    from dothi.city import City
    from dothi.errors import Problems

OVERLAP_M2: Final = 1.0
"""Overlaps up to this come from drawing, not from building [m²]."""
GIVEN: Final = (
    "name",
    "function",
    "height_m",
    "storeys",
    "year_built",
    "floor_area_m2",
    "dwellings",
    "residents",
    "jobs",
)

Function = Literal[FUNCTIONS]  # type: ignore[valid-type]
Storeys = Annotated[int, Field(ge=1, le=200)]
Height = Annotated[float, Field(gt=0.0, le=1000.0)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class Building(Drawn):
    """A building as drawn; what it does not say is taken from the change."""

    geometry: Area = Field(description="Footprint: GeoJSON, or a list of [longitude, latitude].")
    name: str | None = Field(None, description="Name.")
    function: Function | None = Field(None, description="Main function.")
    storeys: Storeys | None = Field(None, description="Storeys above ground.")
    height_m: Height | None = Field(None, description="Height of the eaves or flat roof above ground [m].")
    year_built: int | None = Field(None, ge=-3000, le=2200, description="Year of completion.")
    floor_area_m2: float | None = Field(None, gt=0.0, le=1e7, description="Gross floor area [m²].")
    dwellings: Count | None = Field(None, description="Dwellings.")
    residents: Count | None = Field(None, description="People who live here.")
    jobs: Count | None = Field(None, description="Jobs.")


class AddBuildings(Change):
    """
    Build houses, towers, schools.

    Each needs a function, and storeys or a height. What else is not given follows from habits of the city, else of its
    country: storey heights, dwellings and jobs by floor area, people by dwelling. A building whose function serves
    people, such as a school, becomes a facility as well. The ground under it is sealed, trees in its way are felled.
    """

    kind: Literal["add_buildings"]
    buildings: Annotated[tuple[Building, ...], FEATURES] = Field(
        min_length=1,
        description="Footprints: GeoJSON, a file of it in the study, or a list of tables with `geometry`. Each may say "
        "its own `name`, `function`, `storeys`, `height_m`, `year_built`, `floor_area_m2`, `dwellings`, `residents`, "
        "`jobs`.",
    )
    function: Function | None = Field(None, description="Main function of those that do not say.")
    storeys: Storeys | None = Field(None, description="Storeys of those that say neither storeys nor height.")
    height_m: Height | None = Field(None, description="Height of those that say neither storeys nor height [m].")
    year_built: int | None = Field(None, ge=-3000, le=2200, description="Year of completion of those that do not say.")
    replace: bool = Field(
        False, description="Whether buildings that stand there are torn down; else they are an error."
    )

    touches: ClassVar = WITH_BUILDINGS
    sentence: ClassVar = {
        "en": "New buildings: {buildings}[, {function}][, {storeys} storeys][, {height_m} m high]",
        "fr": "Bâtiments neufs : {buildings}[, {function}][, {storeys} niveaux][, {height_m} m de haut]",
        "vi": "Công trình mới: {buildings}[, {function}][, {storeys} tầng][, cao {height_m} m]",
    }
    words: ClassVar = {"function": "function"}

    def apply(self, city: City, problems: Problems) -> City:
        """City with the buildings."""
        from dothi.changes import consistency
        from dothi.changes.habits import completed

        rows = self._rows(city)
        shapes = np.asarray(rows.geometry.array, dtype=object)
        numbers = np.arange(1, len(rows) + 1)
        for name, rule, wrong in (
            ("function", "is given, for all or for each", rows["function"].isna()),
            ("storeys", "or height_m is given, for all or for each", rows["storeys"].isna() & rows["height_m"].isna()),
            ("buildings", "lie in the city", ~shapely.covered_by(shapes, shapely.box(*city.bounds))),
            ("buildings", "do not overlap each other", _overlapping(shapes)),
        ):
            if np.any(wrong):
                problems.error(rule, column=name, rows=numbers[np.asarray(wrong)])
        there = _in_the_way(city["buildings"], shapes)
        if there.any() and not self.replace:
            rule = "stand where nothing is built yet (demolish these first, or set replace = true)"
            problems.error(rule, table="buildings", rows=city["buildings"].index[there])
        if problems.errors:
            return city
        standing = city["buildings"][~there]
        rows = completed(rows, city, generator(self))
        return consistency.with_buildings(city, appended(standing, rows, "buildings"))

    def _rows(self, city: City) -> gpd.GeoDataFrame:
        """What is said of the buildings, each with its id."""
        import geopandas as gpd
        import pandas as pd

        from dothi.changes.habits import entered

        shapes = np.array([shapely.force_2d(on_grid(each.geometry, city)) for each in self.buildings], dtype=object)
        said = pd.DataFrame([[getattr(each, name) for name in GIVEN] for each in self.buildings], columns=list(GIVEN))
        no_size = said["storeys"].isna() & said["height_m"].isna()
        for name, fits in (("function", True), ("year_built", True), ("storeys", no_size), ("height_m", no_size)):
            usual: Any = getattr(self, name)
            if usual is not None:
                said[name] = (
                    said[name].astype(object).where(said[name].notna() | ~np.broadcast_to(fits, len(said)), usual)
                )
        keys = zip(shapely.to_wkb(shapes), self.buildings, strict=True)
        ids = new_ids(city["buildings"].index, ((wkb, each.model_dump_json()) for wkb, each in keys))
        frame = gpd.GeoDataFrame({"geometry": shapes}, index=pd.Index(ids), crs=city.crs)
        return entered(frame, {name: said[name].array for name in GIVEN})


def _in_the_way(buildings: gpd.GeoDataFrame, shapes: Shapes) -> Mask:
    """Buildings that overlap some areas by more than drawing explains."""
    standing = np.asarray(buildings.geometry.array, dtype=object)
    found = np.zeros(len(standing), dtype=bool)
    new, old = shapely.STRtree(standing).query(shapes, predicate="intersects")
    shared = shapely.area(shapely.intersection(shapes[new], standing[old]))
    found[old[shared > OVERLAP_M2]] = True
    return found


def _overlapping(shapes: Shapes) -> Mask:
    found = np.zeros(len(shapes), dtype=bool)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    one, other = one[one != other], other[one != other]
    shared = shapely.area(shapely.intersection(shapes[one], shapes[other]))
    found[one[shared > OVERLAP_M2]] = True
    return found
