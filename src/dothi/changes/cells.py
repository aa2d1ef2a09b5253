"""What changes of the ground share: whether a place is known, its level, and values put into cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

if TYPE_CHECKING:
    import xarray as xr

    from dothi.city import City
    from dothi.errors import Problems
    from dothi.shapes import Floats, Mask


def has_raster(city: City, name: str, problems: Problems) -> bool:
    """Whether the city has a raster; an error where not."""
    if name not in city.rasters:
        problems.error("raster is present", table=name)
    return name in city.rasters


def lies_within(city: City, shape: BaseGeometry, column: str, problems: Problems) -> bool:
    """Whether a shape on the grid of the city lies within its bounds; an error where not."""
    within = bool(shapely.box(*city.bounds).covers(shape))
    if not within:
        problems.error(f"lies within {city.name}", column=column)
    return within


def levels_at(raster: xr.DataArray, points: Floats) -> Floats:
    """Values of the cells that points lie in (n, 2); missing outside."""
    from dothi.io.terrain import grid_of

    grid = grid_of(raster)
    column = np.floor((points[:, 0] - grid.west) / grid.cell_m).astype(np.int64)
    row = np.floor((grid.north - points[:, 1]) / grid.cell_m).astype(np.int64)
    inside = (row >= 0) & (row < grid.shape[0]) & (column >= 0) & (column < grid.shape[1])
    found = np.full(len(points), np.nan)
    found[inside] = raster.to_numpy()[row[inside], column[inside]]
    return found


def with_cells(raster: xr.DataArray, cells: Mask, values: Any) -> xr.DataArray:
    """Raster with values put into some cells; the old one stays."""
    new = raster.to_numpy().copy()
    new[cells] = values
    return raster.copy(data=new)
