"""Broken and hostile input through the command line: a clear error or a reported repair, never a harmed study."""

import html
import json
import re
import shutil
import struct
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from click.testing import CliRunner, Result

from dothi.cli import main
from dothi.study import Study

GRID = "EPSG:2154"
WEST, SOUTH = 355_000.0, 6_689_000.0
"""Corner of the study on Lambert-93, in Nantes."""

CONFIG = f"""name = "Thử"
country = "fr"
crs = "{GRID}"

[build]
accuracy = false
terrain_cell_m = 10.0

[[source]]
kind = "vector"
table = "buildings"
path = "data/base.gpkg"
layer = "buildings"

[[source]]
kind = "vector"
table = "roads"
path = "data/base.gpkg"
layer = "roads"
defaults = {{ class = "residential" }}
"""


# --- files --------------------------------------------------------------------------------------------------------


def square(column: float, row: float, side: float = 12.0) -> shapely.Polygon:
    """Footprint in a lattice of 30 m."""
    x, y = WEST + 30.0 * column, SOUTH + 30.0 * row
    return shapely.box(x, y, x + side, y + side)


def buildings(n: int = 20) -> gpd.GeoDataFrame:
    """Footprints with heights and storeys."""
    shapes = [square(i % 5, i // 5) for i in range(n)]
    columns = {"name": [f"Nhà {i}" for i in range(n)], "height_m": 9.0 + np.arange(n) % 4, "storeys": 3}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=GRID)


def roads(n: int = 6) -> gpd.GeoDataFrame:
    """Streets between the footprints, at 5 m to 6 m above the sea."""
    ends = [WEST - 10.0, WEST + 150.0]
    shapes = [
        shapely.LineString([(x, SOUTH - 9.0 + 30.0 * i, 5.0 + 0.2 * i) for x in np.linspace(*ends, 5)]) for i in range(n)
    ]
    return gpd.GeoDataFrame({"name": [f"Rue {i}" for i in range(n)]}, geometry=shapes, crs=GRID)


def vector(path: str, table: str = "buildings", **options: str) -> str:
    """Entry for a vector file in `data`."""
    return source("vector", path, table=table, **options)


def source(kind: str, path: str, **options: object) -> str:
    """Entry for a file in `data`."""
    entry = {"kind": kind, "path": f"data/{path}"} | options
    return "\n[[source]]\n" + "".join(
        f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in entry.items()
    )


def geojson(path: Path, *rings: list, crs: str = "", **properties: list) -> None:
    """GeoJSON with one polygon per ring, as a program would write it by hand."""
    features = [
        {
            "type": "Feature",
            "properties": {key: values[i] for key, values in properties.items()},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        for i, ring in enumerate(rings)
    ]
    content = {"type": "FeatureCollection", "features": features}
    if crs:
        content["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def ring(polygon: shapely.Polygon) -> list:
    return [list(point) for point in polygon.exterior.coords]


FEED = {
    "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\n1,Tan,https://example.org,Europe/Paris\n",
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\nA,Gare,47.2120,-1.5560\nB,Île,47.2125,-1.5550\n",
    "routes.txt": "route_id,route_short_name,route_type\nr1,1,0\n",
    "trips.txt": "route_id,service_id,trip_id\nr1,w,t1\nr1,w,t2\nr1,w,t3\nr1,w,t4\n",
    "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    + "".join(f"t{i},2{i}:00:00,2{i}:00:00,A,1\nt{i},2{i}:10:00,2{i}:10:00,B,2\n" for i in (1, 2, 3, 6)).replace(
        "t6", "t4"
    ),
    "calendar_dates.txt": "service_id,date,exception_type\nw,20250506,1\n",
}


def feed(path: Path, **files: str) -> None:
    """Timetable as a zip file, some of its files replaced."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (FEED | {f"{key}.txt": text for key, text in files.items()}).items():
            archive.writestr(name, text)


def zipped(path: Path, **files: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def epw(path: Path, change=lambda rows: rows) -> None:
    """A year of hours at one place."""
    header = [
        "LOCATION,Nantes,-,FRA,made,072220,47.15,-1.61,1.0,27.0",
        "DESIGN CONDITIONS,0",
        "TYPICAL/EXTREME PERIODS,0",
        "GROUND TEMPERATURES,0",
        "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0",
        "COMMENTS 1,",
        "COMMENTS 2,",
        "DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31",
    ]
    rows = []
    for stamp in pd.date_range("2019-01-01", "2020-01-01", freq="h", inclusive="left"):
        cells = [stamp.year, stamp.month, stamp.day, stamp.hour + 1, 60, "?9", 12.0, 5.0, 80, 101000, 0, 0, 350]
        cells += [100, 50, 60, 0, 0, 0, 0, 90, 2.5, 5, 5, 10, 1000, 9, "999999999", 20, 0.1, 0, 88, 0.2, 0.0, 1.0]
        rows.append(cells)
    change(rows)
    path.write_text("\n".join([*header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")


def dem(path: Path, west: float, north: float, cell: float = 5.0, value: float = 7.0, crs: str | None = GRID) -> None:
    """Raster of 100 × 100 cells with a slope."""
    levels = (value + np.add.outer(np.arange(100), np.arange(100)) * 0.01).astype("float32")
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=100,
        height=100,
        count=1,
        dtype="float32",
        crs=crs,
        transform=rasterio.Affine(cell, 0, west, 0, -cell, north),
    ) as raster:
        raster.write(levels, 1)
