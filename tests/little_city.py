"""A little town of sixteen blocks, for tests that need a whole city and no file."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from dothi.city import City
from dothi.crs import Extent
from dothi.io.terrain import grid_for
from dothi.tables import FACILITY_KINDS, FUNCTIONS, MODES

CRS = "EPSG:2154"
WEST, SOUTH, BLOCK_M, N = 355_000.0, 6_689_000.0, 100.0, 5


def little_city(*, country: str = "fr") -> City:
    """Five by five crossings 100 m apart, two-way streets, two houses to a block, two wards, a school and two stops."""
    column, row = np.meshgrid(np.arange(N), np.arange(N))
    x, y = WEST + BLOCK_M * column.ravel(), SOUTH + BLOCK_M * row.ravel()
    nodes = gpd.GeoDataFrame({"geometry": shapely.points(x, y), "elevation_m": 10.0, "component": 0}, crs=CRS)
    return (
        City(
            "Thị trấn nhỏ",
            country,
            CRS,
            (WEST, SOUTH, WEST + BLOCK_M * (N - 1), SOUTH + BLOCK_M * (N - 1)),
        )
        .with_tables(nodes=nodes, links=_links(x, y), buildings=_buildings(), **_others())
        .with_rasters(**_rasters())
    )


def _links(x, y):
    number = np.arange(N * N).reshape(N, N)
    pairs = np.concatenate(
        [
            np.column_stack([number[:, :-1].ravel(), number[:, 1:].ravel()]),
            np.column_stack([number[:-1].ravel(), number[1:].ravel()]),
        ]
    )
    start, end = np.r_[pairs[:, 0], pairs[:, 1]], np.r_[pairs[:, 1], pairs[:, 0]]
    n = len(pairs)
    lines = shapely.linestrings(
        np.stack([np.column_stack([x[start], y[start]]), np.column_stack([x[end], y[end]])], axis=1)
    )
    across = np.arange(n) < N * (N - 1)
    number_of = pd.Series(np.where(across, pairs[:, 0] // N, pairs[:, 0] % N)).astype(str)
    names = np.where(across, "Phố ngang " + number_of, np.where(number_of == "0", "Rue haute", "Rue " + number_of))
    given = {
        "geometry": lines,
        "from_node_id": start,
        "to_node_id": end,
        "reverse_link_id": np.r_[np.arange(n) + n, np.arange(n)],
        "name": np.r_[names, names],
        "class": "residential",
        "length_m": BLOCK_M,
        "lanes": 1.0,
        "width_m": 6.0,
        "free_speed_m_s": 10.0,
        "capacity_veh_h": 800.0,
        "level": 0,
        "bridge": False,
        "tunnel": False,
        **dict.fromkeys(MODES, True),
    }
    for column in ("lanes", "width_m", "free_speed_m_s", "capacity_veh_h"):
        given |= {f"{column}_method": "measured", f"{column}_confidence": 1.0}
    return gpd.GeoDataFrame(given, crs=CRS)


def _buildings():
    block = np.arange((N - 1) ** 2)
    x = WEST + BLOCK_M * (block % (N - 1))
    y = SOUTH + BLOCK_M * (block // (N - 1))
    shapes = np.concatenate([shapely.box(x + 20, y + 20, x + 45, y + 80), shapely.box(x + 45, y + 20, x + 80, y + 50)])
    n = len(shapes)
    given = {
        "geometry": shapes,
        "height_m": np.where(np.arange(n) % 3 == 0, 21.0, 9.0),
        "ground_m": 10.0,
        "storeys": np.where(np.arange(n) % 3 == 0, 7, 3),
        "function": np.where(np.arange(n) % 4 == 0, "office", "residential"),
        "year_built": np.where(np.arange(n) % 2 == 0, 1975, 2005),
        "floor_area_m2": shapely.area(shapes) * np.where(np.arange(n) % 3 == 0, 7, 3),
        "dwellings": np.where(np.arange(n) % 4 == 0, 0.0, 20.0),
        "residents": np.where(np.arange(n) % 4 == 0, 0.0, 45.0),
        "jobs": np.where(np.arange(n) % 4 == 0, 80.0, 1.0),
    }
    for column in ("height_m", "ground_m", "storeys", "function", "floor_area_m2", "dwellings", "residents", "jobs"):
        given |= {f"{column}_method": "measured", f"{column}_confidence": 1.0}
    frame = gpd.GeoDataFrame(given, crs=CRS)
    return frame.astype({"function": pd.CategoricalDtype(FUNCTIONS)})


def _others():
    side = BLOCK_M * (N - 1)
    half = SOUTH + side / 2
    wards = gpd.GeoDataFrame(
        {
            "geometry": [
                shapely.box(WEST, SOUTH, WEST + side, half),
                shapely.box(WEST, half, WEST + side, SOUTH + side),
            ],
            "name": ["Phường Nam", "Phường Bắc"],
        },
        crs=CRS,
    )
    zones = gpd.GeoDataFrame(
        {
            "geometry": wards.geometry,
            "area_m2": wards.area,
            "dwellings": [200.0, 280.0],
            "residents": [450.0, 630.0],
            "jobs": [400.0, 300.0],
            "node_id": [6, 16],
        },
        crs=CRS,
    )
    facilities = gpd.GeoDataFrame(
        {
            "geometry": shapely.points([[WEST + 5, SOUTH + 5], [WEST + 395, SOUTH + 395]]),
            "kind": pd.Categorical(["school", "park"], categories=FACILITY_KINDS),
            "kind_method": "measured",
            "kind_confidence": 1.0,
            "node_id": [0, N * N - 1],
        },
        crs=CRS,
    )
    stops = gpd.GeoDataFrame(
        {"geometry": shapely.points([[WEST, half], [WEST + side, half]]), "name": ["A", "B"]}, crs=CRS
    )
    return {"wards": wards, "zones": zones, "facilities": facilities, "stops": stops}


def _rasters():
    side = BLOCK_M * (N - 1)
    grid = grid_for(Extent(CRS, (WEST, SOUTH, WEST + side, SOUTH + side)), 10.0)
    rows, columns = grid.shape
    slope = np.linspace(12.0, 8.0, rows, dtype=np.float32)[:, None] + np.zeros(columns, dtype=np.float32)
    return {
        "terrain": grid.array(slope, "m", "test"),
        "imperviousness": grid.array(np.full(grid.shape, 0.6, dtype=np.float32), "1", "test"),
    }
