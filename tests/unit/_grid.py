"""A little town with streets in squares, and the grid that is made up for it."""

from __future__ import annotations

from functools import cache

import geopandas as gpd
import numpy as np
import shapely

from dothi.derive.grid import synthetic_grid
from dothi.errors import Problems

CRS = "EPSG:2154"
BLOCK_M = 100.0


def town(n: int = 7) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Streets in squares, with houses of one to twelve dwellings along them, and a factory."""
    lines = [[(i * BLOCK_M, j * BLOCK_M), ((i + 1) * BLOCK_M, j * BLOCK_M)] for i in range(n - 1) for j in range(n)]
    lines += [[(y, x) for x, y in line] for line in lines]
    links = gpd.GeoDataFrame(
        {"class": ["residential"] * len(lines)}, geometry=[shapely.LineString(line) for line in lines], crs=CRS
    )
    places = [(i * BLOCK_M + x, j * BLOCK_M + 12.0) for i in range(n - 1) for j in range(n) for x in (15, 40, 65, 90)]
    dwellings = np.random.default_rng(3).integers(1, 13, len(places))
    houses = gpd.GeoDataFrame(
        {
            "dwellings": [*dwellings, 0],
            "jobs": [*np.zeros(len(places), dtype=int), 300],
            "floor_area_m2": [*(dwellings * 80.0), 12_000.0],
            "storeys": [3] * (len(places) + 1),
            "function": [*np.where(dwellings > 2, "apartments", "residential"), "industrial"],
        },
        geometry=[shapely.box(x - 5, y - 5, x + 5, y + 5) for x, y in [*places, (330.0, 350.0)]],
        crs=CRS,
    )
    return links, houses


@cache
def grid_of_town(country: str = "fr"):
    problems = Problems()
    tables = synthetic_grid(*town(), country=country, problems=problems)
    return tables, problems
