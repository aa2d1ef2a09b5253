"""The ground of a city as water meets it: bed, walls, buildings, roofs, soil, waters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi.derive.rasterise import burn
from dothi.flood.solver import Ground, Soil
from dothi.flood.walls import crests
from dothi.io.terrain import Grid
from dothi.shapes import Floats, Integers, Mask, Shapes

if TYPE_CHECKING:
    import xarray as xr

    from dothi.city import City

WALLS: Final = ("wall", "retaining_wall", "dyke", "kerb")
"""Barriers that hold water; fences and hedges let it through."""
RIVER: Final = ("river", "canal", "stream", "drain")
BODIES: Final = ("river", "sea")
"""Waters whose level `stages` may give; without it they take what comes, and lie as the terrain has them."""
MM_H: Final = 1.0 / 3.6e6
"""One millimetre per hour [m s⁻¹]."""
SIDES: Final = frozenset({"first_row", "last_row", "first_column", "last_column"})


@dataclass(frozen=True, slots=True)
class Site:
    """
    Ground of a city for a flow.

    Attributes
    ----------
    grid
        Cells; the first row is the northernmost.
    ground
        Ground.
    soil
        What seeps away.
    catch
        Cells whose rain each cell receives, its own and those of roofs beside it.
    permanent
        Cells of rivers and of the sea.
    findings
        What was found about the terrain, and put right.
    """

    grid: Grid
    ground: Ground
    soil: Soil
    catch: Floats
    permanent: Mask
    findings: dict[str, Any]


def coarser(raster: xr.DataArray, times: int) -> Floats:
    """Means of blocks of cells; cells that make no whole block are left out."""
    values = raster.to_numpy().astype(float)
    rows, columns = (n // times for n in values.shape)
    blocks = values[: rows * times, : columns * times].reshape(rows, times, columns, times)
    with np.errstate(invalid="ignore"):
        known = np.isfinite(blocks)
        total = np.where(known, blocks, 0.0).sum(axis=(1, 3))
        mean: Floats = np.where(known.any(axis=(1, 3)), total / np.maximum(known.sum(axis=(1, 3)), 1), np.nan)
    return mean


def grid_of_cells(terrain: xr.DataArray, cell_m: float) -> tuple[Grid, int]:
    """Grid of cells of about this size, and how many cells of the terrain make the edge of one."""
    from dothi.io.terrain import grid_of

    fine = grid_of(terrain)
    times = max(round(cell_m / fine.cell_m), 1)
    shape = fine.shape[0] // times, fine.shape[1] // times
    return Grid(fine.crs, fine.west, fine.north, fine.cell_m * times, shape), times


def site_of(city: City, data: Any, cell_m: float, *, infiltration: bool, drained_mm_h: float) -> Site:
    """
    Ground of a city.

    Parameters
    ----------
    city
        City.
    data
        Data of its country on floods.
    cell_m
        Edge of a cell [m].
    infiltration
        Whether soil takes water in.
    drained_mm_h
        What drains take from sealed ground at most [mm h⁻¹].
    """
    from dothi.flood.checks import mended

    grid, times = grid_of_cells(city.rasters["terrain"], cell_m)
    bed, findings = mended(city, coarser(city.rasters["terrain"], times), grid)
    known = np.isfinite(bed)
    houses = _burnt(_shapes(city["buildings"]), grid)
    body = _waters(city, grid)
    houses &= body < 0
    crest_x, crest_y = _walls(city, bed, grid)
    blocked = houses | ~known
    ground = Ground(
        np.where(known, bed, 0.0),
        grid.cell_m,
        np.nan_to_num(coarser(city.rasters["roughness"], times), nan=0.03),
        blocked,
        crest_x,
        crest_y,
        np.where(blocked, -1, body),
        SIDES,
    )
    pervious = 1.0 - np.clip(np.nan_to_num(coarser(city.rasters["imperviousness"], times), nan=1.0), 0.0, 1.0)
    pervious[(body >= 0) | blocked] = 0.0
    soil = _soil(data["soil"], pervious, infiltration)
    soil.drained[:] = np.where((body >= 0) | blocked, 0.0, (1.0 - pervious) * drained_mm_h * MM_H)
    return Site(grid, ground, soil, _catch(houses, blocked, known), body >= 0, findings)


def _shapes(frame: Any) -> Shapes:
    return np.asarray(frame.geometry.array, dtype=object)


def _burnt(shapes: Shapes, grid: Grid) -> Mask:
    return burn(shapes, np.ones(len(shapes), dtype=np.uint8), grid, 0) > 0


def _waters(city: City, grid: Grid) -> Integers:
    """Which of `BODIES` each cell belongs to; −1 where none: ponds and lakes rise as they fill."""
    waters = city["water_bodies"]
    kind = waters["kind"].astype(str).to_numpy()
    number = np.where(np.isin(kind, RIVER), 0, np.where(kind == "sea", 1, -1)).astype(np.int64)
    cells: Integers = burn(_shapes(waters), number, grid, -1)
    return cells


def _walls(city: City, bed: Floats, grid: Grid) -> tuple[Floats, Floats]:
    barriers = city["barriers"]
    kept = barriers[barriers["kind"].isin(WALLS)]
    crest, height = (kept[name].to_numpy(dtype=float, na_value=np.nan) for name in ("crest_m", "height_m"))
    told = np.isfinite(crest) | np.isfinite(height)
    return crests(_shapes(kept)[told], crest[told], height[told], bed, grid)


def _soil(data: Any, pervious: Floats, infiltration: bool) -> Soil:
    on = 1.0 if infiltration else 0.0
    suction = float(data["suction_mm"]) * float(data["deficit"]) / 1000.0
    conductivity = on * float(data["conductivity_mm_h"]) * MM_H
    full = np.ones(pervious.shape)
    return Soil(conductivity * full, suction * full, pervious, np.zeros(pervious.shape))


def _catch(houses: Mask, blocked: Mask, known: Mask) -> Floats:
    """Cells of rain that each cell receives: its own, and those of the roofs nearest to it."""
    from scipy.ndimage import distance_transform_edt

    catch = np.where(blocked, 0.0, 1.0)
    if houses.any() and not blocked.all():
        nearest = distance_transform_edt(blocked, return_distances=False, return_indices=True)
        roofs = houses & known
        np.add.at(catch, (nearest[0][roofs], nearest[1][roofs]), 1.0)
    return catch


def cells_along(lines: Shapes, grid: Grid) -> tuple[Integers, Integers]:
    """Cells that lines run through, as flat numbers, and the line of each; lines may share cells."""
    step = grid.cell_m / 2.0
    dense = shapely.segmentize(shapely.force_2d(lines), step)
    xy, owner = shapely.get_coordinates(dense, return_index=True)
    column = np.floor((xy[:, 0] - grid.west) / grid.cell_m).astype(np.int64)
    row = np.floor((grid.north - xy[:, 1]) / grid.cell_m).astype(np.int64)
    inside = (row >= 0) & (row < grid.shape[0]) & (column >= 0) & (column < grid.shape[1])
    pairs = np.unique(np.stack([owner[inside], row[inside] * grid.shape[1] + column[inside]]), axis=1)
    return pairs[1], pairs[0]
