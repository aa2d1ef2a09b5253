"""Change: a basin that holds rain back is dug."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from dothi.changes.base import Change, NotNegative
from dothi.changes.cells import has_raster, lies_within, with_cells
from dothi.changes.entries import with_rows
from dothi.changes.places import Area, on_grid
from dothi.changes.touched import WITH_BUILDINGS

if TYPE_CHECKING:
    import xarray as xr

    from dothi.city import City
    from dothi.errors import Problems
    from dothi.shapes import Floats, Mask

REACHED: Final = 0.99
"""Share of the depth asked for that the bottom has to reach: the rest is rounding of the ground to cells."""
TOUCH_M2: Final = 0.01


class RetentionBasin(Change):
    """
    Dig a basin that holds rain back, with a flat bottom and stable sides.

    The brim is the lowest ground just outside the outline; the bottom lies `depth_m` below it. From the ground
    outside, the sides fall by one metre in `side_slope` metres until they reach the bottom. Ground is only taken
    away, never put on. The volume is that of the earth taken out below the brim.

    The ground in the basin becomes grass or water, with the imperviousness and roughness of these in the data of the
    country; trees in it are felled. Buildings in it are an error, unless they may be demolished. Roads in it are noted.
    """

    kind: Literal["retention_basin"]
    area: Area = Field(description="Outline at the brim.")
    depth_m: Annotated[float, Field(gt=0.0, le=50.0)] = Field(
        description="Depth of the bottom below the lowest ground along the outline [m]."
    )
    outflow_m3_s: NotNegative = Field(0.0, description="Greatest throttled outflow [m³ s⁻¹].")
    side_slope: Annotated[float, Field(ge=0.5, le=20.0)] = Field(
        3.0, description="Run of the sides over their fall; 3 is stable without support in most soils."
    )
    cover: Literal["grass", "water"] = Field("grass", description="What the ground of the basin becomes.")
    demolish: bool = Field(False, description="Whether buildings in the outline are demolished.")
    name: str | None = Field(None, description="Name.")

    touches: ClassVar = (*WITH_BUILDINGS, "basins", "terrain")
    sentence: ClassVar = {
        "en": "Digs a retention basin[, {name}]: {depth_m} m deep ({cover})[; buildings demolished: {demolish}]",
        "fr": "Creuse un bassin de rétention[, {name}] : {depth_m} m de profondeur ({cover})"
        "[ ; bâtiments démolis : {demolish}]",
        "vi": "Đào hồ điều hòa[, {name}]: sâu {depth_m} m ({cover})[; phá dỡ nhà trong hồ: {demolish}]",
    }
    words: ClassVar = {"cover": "cover"}

    def apply(self, city: City, problems: Problems) -> City:
        """City with the basin."""
        from dothi.changes.consistency import with_buildings
        from dothi.changes.ground import covered

        area = on_grid(self.area, city)
        in_the_way = self._buildings(city, area, problems)
        if lies_within(city, area, "area", problems) and has_raster(city, "terrain", problems):
            terrain, bottom = self._dug(city.rasters["terrain"], area, problems)
        if problems.errors:
            return city
        _note_roads(city, area, problems)
        old, cell_m2 = city.rasters["terrain"].to_numpy(), _cell_m(terrain) ** 2
        new = terrain.to_numpy()
        brim = bottom + self.depth_m
        row = {
            "geometry": area,
            "name": self.name,
            "depth_m": self.depth_m,
            "bottom_m": bottom,
            "volume_m3": float(np.maximum(np.minimum(old, brim) - new, 0.0, dtype=np.float64).sum()) * cell_m2,
            "excavated_m3": float((old - new).sum(dtype=np.float64)) * cell_m2,
            "outflow_m3_s": self.outflow_m3_s,
        }
        if in_the_way.any():
            city = with_buildings(city, city["buildings"][~in_the_way])
        city = covered(_without_trees(city, area), np.array([area]), self.cover)
        return with_rows(_lowered(city, area, terrain), "basins", [row], self)

    def _buildings(self, city: City, area: BaseGeometry, problems: Problems) -> Mask:
        """Buildings in the way."""
        shapes = np.asarray(city["buildings"].geometry.array, dtype=object)
        shapely.prepare(area)
        found: Mask = np.asarray(shapely.intersects(area, shapes))
        found[found] = shapely.area(shapely.intersection(shapes[found], area)) > TOUCH_M2
        if found.any() and not self.demolish:
            ids = city["buildings"].index[found]
            problems.error("has no buildings in it; set demolish = true to take them away", column="area", rows=ids)
        return found

    def _dug(self, terrain: xr.DataArray, area: BaseGeometry, problems: Problems) -> tuple[xr.DataArray, float]:
        """Terrain with the basin, and the level of its bottom [m]."""
        from scipy.ndimage import binary_dilation

        from dothi.changes.ground import cells_of

        cells = cells_of(np.array([area]), terrain)
        ground = terrain.to_numpy()
        edge = binary_dilation(cells, np.ones((3, 3), dtype=bool)) & ~cells & np.isfinite(ground)
        if not cells.any() or not edge.any():
            problems.error("holds the middle of at least one cell of the terrain, and ends within it", column="area")
            return terrain, 0.0
        bottom = float(ground[edge].min()) - self.depth_m
        sides = _sides(cells, edge, ground, _cell_m(terrain) / self.side_slope)
        new = np.fmin(ground[cells], np.maximum(sides, bottom))
        reached = bottom + self.depth_m - float(np.nanmin(new))
        if reached < REACHED * self.depth_m:
            problems.error(
                f"is wide enough: with sides of 1:{self.side_slope:g} it gets {max(reached, 0.0):.2f} m deep at most",
                column="area",
            )
        return with_cells(terrain, cells, new), bottom


def _cell_m(raster: xr.DataArray) -> float:
    from dothi.io.terrain import grid_of

    return grid_of(raster).cell_m


def _sides(cells: Mask, edge: Mask, ground: NDArray[Any], fall_m: float) -> Floats:
    """
    Lowest level at which the sides stand, for every cell of the basin: the highest of all cones from the edge.

    Parameters
    ----------
    cells, edge : (rows, columns)
        Cells of the basin, and those around it.
    ground : (rows, columns)
        Level of the ground [m].
    fall_m
        How far the sides fall over the length of a cell [m].
    """
    inside, around = np.argwhere(cells), np.argwhere(edge)
    heights = ground[edge].astype(np.float64)
    level = np.empty(len(inside))
    block = max(1, 4_000_000 // len(around))
    for first in range(0, len(inside), block):
        part = slice(first, first + block)
        away = np.hypot(*(inside[part, axis, None] - around[None, :, axis] for axis in (0, 1)))
        level[part] = (heights - away * fall_m).max(axis=1)
    return level


def _lowered(city: City, area: BaseGeometry, terrain: xr.DataArray) -> City:
    """City with another terrain, which is the surface in the basin as well."""
    from dothi.changes.ground import cells_of

    rasters = {"terrain": terrain}
    if "surface" in city.rasters:
        surface = city.rasters["surface"]
        cells = cells_of(np.array([area]), surface)
        rasters["surface"] = with_cells(surface, cells, terrain.to_numpy()[cells])
    return city.with_rasters(**rasters)


def _note_roads(city: City, area: BaseGeometry, problems: Problems) -> None:
    links = city["links"]
    shapes = np.asarray(links.geometry.array, dtype=object)
    on_ground = ~(links["bridge"].fillna(False) | links["tunnel"].fillna(False)).to_numpy(dtype=bool)
    crossing = shapely.intersects(area, shapes) & on_ground
    if crossing.any():
        problems.note("has roads in it, which stay as they are", column="area", rows=links.index[crossing])


def _without_trees(city: City, area: BaseGeometry) -> City:
    trees = city["trees"]
    kept = ~shapely.intersects(area, np.asarray(trees.geometry.array, dtype=object))
    return city if kept.all() else city.with_tables(trees=trees[kept])
