"""The ground on which a scene stands: the mesh of the terrain, its banks drawn soft."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from dothi.mesh.terrain import TerrainMesh, filled, flat_mesh, levels_on_mesh, terrain_mesh
from dothi.shapes import Floats, Mask, Shapes
from dothi.units import M2_PER_KM2

if TYPE_CHECKING:
    import xarray as xr

    from dothi.city import City
    from dothi.scene.layers import Bounds

TRIANGLES: Final = (36_000, 120_000)
TRIANGLES_PER_KM2: Final = 2_000.0
LEVEL_ROOM: Final = 0.01
LEVEL_ROOM_M: Final = (15.0, 60.0)
"""Room around a city on a level ground, as a share of its width, and its limits."""
BANK_CELLS: Final = 4
BANK_BLUR_CELLS: Final = 1.5
BANK_WEIGHT: Final = 3.0
"""How much more a difference counts at banks, which are steep, and beside which water lies flat."""


def is_known(city: City) -> bool:
    """Whether a city has a terrain with a level in it."""
    return "terrain" in city.rasters and bool(np.isfinite(city.rasters["terrain"].to_numpy()).any())


def ground_mesh(city: City) -> TerrainMesh:
    """
    Mesh of the ground of a city.

    A bank is a cliff along the cells of the raster, and so a staircase that no number of triangles makes straight.
    Within a few cells of the outline of water, the ground is therefore a slope, smoothed by a Gaussian of 1.5 cells.

    Parameters
    ----------
    city
        City; without a terrain, its ground is flat at the middle of the levels of its buildings.

    Returns
    -------
    TerrainMesh
        Its `error_m` is the greatest difference from the terrain itself, banks included.
    """
    if not is_known(city):
        ground = city["buildings"]["ground_m"].dropna()
        return flat_mesh(city.bounds, float(ground.median()) if len(ground) else 0.0)
    west, south, east, north = city.bounds
    terrain = city.rasters["terrain"]
    most = int(np.clip(TRIANGLES_PER_KM2 * (east - west) * (north - south) / M2_PER_KM2, *TRIANGLES))
    away = _cells_from_banks(terrain, np.asarray(city["water_bodies"].geometry.array, dtype=object))
    if away is None:
        return terrain_mesh(terrain, most_triangles=most)
    drawn = terrain.copy(data=softened(terrain, away))
    weight = np.where(away < BANK_CELLS, BANK_WEIGHT, 1.0).astype(np.float32)
    mesh = terrain_mesh(drawn, most_triangles=most, weight=weight)
    return replace(mesh, error_m=max(mesh.error_m, _greatest_difference(mesh, terrain)))


def ground_bounds(city: City, mesh: TerrainMesh) -> Bounds:
    """West, south, east and north of the ground of a city: that of its mesh, or a little more than all of the city."""
    if is_known(city):
        rows, columns = mesh.level.shape
        east, north = mesh.west + (columns - 1) * mesh.cell_m, mesh.south + (rows - 1) * mesh.cell_m
        return mesh.west, mesh.south, east, north
    west, south, east, north = city.bounds
    room = float(np.clip(LEVEL_ROOM * max(east - west, north - south), *LEVEL_ROOM_M))
    return west - room, south - room, east + room, north + room


def softened(terrain: xr.DataArray, away: Floats) -> NDArray[np.float32]:
    """
    Levels of a terrain whose steps are slopes near some places.

    Parameters
    ----------
    terrain : (y, x)
        Levels [m].
    away : (y, x)
        Distance from these places [cells]; within 2 cells the ground is all smooth, beyond 4 as it was.

    Returns
    -------
    (y, x) array
        Levels [m].
    """
    levels = filled(terrain)
    share = np.clip((BANK_CELLS - away) / 2.0, 0.0, 1.0).astype(np.float32)
    smooth = ndimage.gaussian_filter(levels, BANK_BLUR_CELLS, mode="nearest")
    return np.asarray(levels + share * (smooth - levels), dtype=np.float32)


def _cells_from_banks(terrain: xr.DataArray, water: Shapes) -> Floats | None:
    """Distance of every cell from the nearest outline of water [cells]; None where there is none."""
    if not len(water) or min(terrain.shape) < 2:
        return None
    x, y = terrain["x"].to_numpy(), terrain["y"].to_numpy()
    dx, dy = float(x[1] - x[0]), float(y[1] - y[0])
    banks = shapely.get_coordinates(shapely.segmentize(shapely.boundary(water), min(abs(dx), abs(dy))))
    column = np.rint((banks[:, 0] - x[0]) / dx).astype(np.int64)
    row = np.rint((banks[:, 1] - y[0]) / dy).astype(np.int64)
    inside = (column >= 0) & (column < len(x)) & (row >= 0) & (row < len(y))
    if not inside.any():
        return None
    elsewhere: Mask = np.ones(terrain.shape, dtype=bool)
    elsewhere[row[inside], column[inside]] = False
    return np.asarray(ndimage.distance_transform_edt(elsewhere))


def _greatest_difference(mesh: TerrainMesh, terrain: xr.DataArray) -> float:
    """Greatest difference of a mesh from the cells of a terrain that have a level, row by row to spare memory [m]."""
    x, greatest = terrain["x"].to_numpy(), 0.0
    for y, levels in zip(terrain["y"].to_numpy(), terrain.to_numpy(), strict=True):
        off = np.abs(levels_on_mesh(mesh, np.column_stack([x, np.full(len(x), y)])) - levels)
        greatest = max(greatest, float(np.nanmax(off, initial=0.0)))
    return greatest
