"""Rasters where a change covers or uncovers the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from dothi.derive.landcover import COVERS, values_for
from dothi.derive.rasterise import burn
from dothi.derive.terrain import surface_raster
from dothi.io.terrain import grid_of
from dothi.shapes import Mask, Shapes

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from dothi.city import City


def cells_of(shapes: Shapes, raster: xr.DataArray) -> Mask:
    """Cells of a raster whose middle lies in one of some areas."""
    drawn = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    return np.asarray(burn(drawn, np.ones(len(drawn), dtype=np.uint8), grid_of(raster), 0) > 0)


def covered(city: City, shapes: Shapes, cover: str) -> City:
    """
    City whose ground has another cover in some areas, with its imperviousness and roughness.

    Parameters
    ----------
    city
        The city; rasters that it lacks are left out.
    shapes : (n,)
        Areas on its grid.
    cover
        One of `derive.landcover.COVERS`.
    """
    if not len(shapes):
        return city
    data = values_for(city.country)["cover"][cover]
    values: dict[str, Any] = {"land_cover": COVERS[cover]}
    values |= {name: data[name]["value"] for name in ("imperviousness", "roughness")}
    found = {}
    for name, value in values.items():
        if name in city.rasters:
            raster = city.rasters[name]
            painted = raster.to_numpy().copy()
            painted[cells_of(shapes, raster)] = value
            found[name] = raster.copy(data=painted)
    return city.with_rasters(**found) if found else city


def with_roofs(city: City, buildings: gpd.GeoDataFrame, shapes: Shapes) -> City:
    """
    City whose raster of the surface shows its buildings anew in some areas; elsewhere it stays to the bit.

    Parameters
    ----------
    city
        The city.
    buildings
        Buildings as they are now.
    shapes : (n,)
        Areas where something changed.
    """
    if "surface" not in city.rasters or "terrain" not in city.rasters or not len(shapes):
        return city
    surface, terrain = city.rasters["surface"], city.rasters["terrain"]
    if surface.shape != terrain.shape:
        return city
    here = cells_of(shapes, surface)
    near = shapely.STRtree(np.asarray(buildings.geometry.array, dtype=object)).query(shapes, predicate="intersects")[1]
    anew = surface_raster(terrain, buildings.iloc[np.unique(near)]).to_numpy()
    return city.with_rasters(surface=surface.copy(data=np.where(here, anew, surface.to_numpy())))
