"""
What building tables lack besides function and height: storeys and floor area.

Each `infer_…`, here and in `functions` and `heights`, takes the buildings and gives a new table in which every value
of one column is filled and says how (``…_method``) and how surely (``…_confidence``). Values of the source stay as
they are. The equations, and the errors measured where the truth is known, are in ``docs/theory/buildings.md``.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from dothi.derive.filling import Floats, begin, finish, numbers, shapes_of
from dothi.derive.heights import storey_height
from dothi.place import load


def infer_storeys(buildings: gpd.GeoDataFrame, *, country: str) -> gpd.GeoDataFrame:
    """
    Fill the storeys of every building from its height.

    The source (``measured``), else height over the storey height of its function in this city
    (``height_city``) or country (``height_place``), rounded, at least 1. Confidence is that of the height
    times that of the method.

    Parameters
    ----------
    buildings
        Table with ``height_m`` and ``function``.
    country
        ISO code of the place data.

    Returns
    -------
    geopandas.GeoDataFrame
        New table with ``storeys``, ``storeys_method``, ``storeys_confidence``.
    """
    confidence = load(country, "buildings")["confidence"]
    filling = begin(buildings, "storeys", numbers(buildings, "storeys", above=0.0))
    per_storey, learnt = storey_height(buildings, country)
    height = numbers(buildings, "height_m", above=0.0) - np.nan_to_num(numbers(buildings, "min_height_m", above=0.0))
    storeys = np.clip(np.round(height / per_storey), 1.0, 200.0)
    sure = np.nan_to_num(numbers(buildings, "height_m_confidence"), nan=1.0)
    there = np.isfinite(storeys)
    filling.fill(there & learnt, storeys, "height_city", confidence["storeys_height_city"] * sure)
    filling.fill(there, storeys, "height_place", confidence["storeys_height_place"] * sure)
    return finish(buildings, "storeys", filling)


def infer_floor_area(
    buildings: gpd.GeoDataFrame, *, country: str, parts: gpd.GeoDataFrame | None = None
) -> gpd.GeoDataFrame:
    """
    Fill the gross floor area of every building.

    The source (``measured``); the sum of the building's parts, each footprint × storeys, where they cover at
    least half of it, with the storeys of the building on the rest (``parts``); footprint × storeys
    (``footprint_storeys``). Cellars and attics are not in it.

    Parameters
    ----------
    buildings
        Table on a metric grid, with ``storeys`` and ``function``.
    country
        ISO code of the place data.
    parts
        ``building_parts`` of the city.

    Returns
    -------
    geopandas.GeoDataFrame
        New table with ``floor_area_m2``, ``floor_area_m2_method``, ``floor_area_m2_confidence``.
    """
    filling = begin(buildings, "floor_area_m2", numbers(buildings, "floor_area_m2", above=0.0))
    footprint = shapely.area(shapes_of(buildings))
    storeys = numbers(buildings, "storeys", above=0.0)
    sure = np.nan_to_num(numbers(buildings, "storeys_confidence"), nan=1.0)
    if parts is not None and len(parts) and "building_id" in parts.columns:
        area, ground = _floor_area_of_parts(buildings, parts, country)
        whole = area + np.maximum(footprint - ground, 0.0) * np.nan_to_num(storeys)
        told = (ground >= 0.5 * footprint) & (whole > 0.0)
        filling.fill(told, whole, "parts", load(country, "buildings")["confidence"]["floor_area_parts"])
    filling.fill(np.isfinite(storeys), footprint * storeys, "footprint_storeys", sure)
    return finish(buildings, "floor_area_m2", filling)


def _floor_area_of_parts(buildings: gpd.GeoDataFrame, parts: gpd.GeoDataFrame, country: str) -> tuple[Floats, Floats]:
    """Floor area of each building's parts, and footprint of those that stand on the ground, both [m²]."""
    place = buildings.index.get_indexer(parts["building_id"].astype("Float64").fillna(-1).to_numpy(dtype=np.int64))
    known = place >= 0
    per_storey = storey_height(buildings, country)[0][place]
    height, bottom = numbers(parts, "height_m", above=0.0), np.nan_to_num(numbers(parts, "min_height_m", above=0.0))
    storeys = numbers(parts, "storeys", above=0.0)
    below = np.round(bottom / per_storey)
    storeys = np.where(np.isfinite(storeys), storeys - below, np.round((height - bottom) / per_storey))
    storeys = np.where(np.isfinite(storeys), np.maximum(storeys, 1.0), numbers(buildings, "storeys", above=0.0)[place])
    known &= np.isfinite(storeys)
    area = shapely.area(shapes_of(parts))
    n = len(buildings)
    total = np.zeros(n)
    np.add.at(total, place[known], (area * storeys)[known])
    standing = known & (bottom < 0.5 * per_storey)
    ground = np.zeros(n)
    np.add.at(ground, place[standing], area[standing])
    return total, ground
