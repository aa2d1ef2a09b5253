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
        shapely.LineString([(x, SOUTH - 9.0 + 30.0 * i, 5.0 + 0.2 * i) for x in np.linspace(*ends, 5)])
        for i in range(n)
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


# --- broken input: file in `data`, entry for dothi.toml, and what the message must say ------------------------------

ERRORS = {}


def error(*expected: str):
    """Register a case: the function writes files into the folder and gives the entry for dothi.toml."""

    def register(case):
        ERRORS[case.__name__.replace("_", " ")] = (case, expected)
        return case

    return register


@error()
def an_extract_cut_in_the_middle(data, extract):
    whole = extract.read_bytes()
    (data / "map.osm.pbf").write_bytes(whole[: len(whole) // 2])
    return source("osm", "map.osm.pbf")


@error()
def an_extract_of_another_country(data, extract):
    shutil.copy(extract, data / "map.osm.pbf")
    return source("osm", "map.osm.pbf"), "extent = [354900.0, 6688900.0, 355300.0, 6689300.0]\n"


def empties():
    for kind, name in (
        ("osm", "a.osm.pbf"),
        ("osm", "a.osm"),
        ("osm", "a.osm.bz2"),
        ("gtfs", "a.zip"),
        ("epw", "a.epw"),
        ("terrain", "a.tif"),
        ("terrain_points", "a.gpkg"),
        ("terrain_points", "a.xyz"),
        ("cityjson", "a.city.json"),
        ("citygml", "a.gml"),
    ):

        def case(data, extract, kind=kind, name=name):
            (data / name).write_bytes(b"")
            return source(kind, name)

        ERRORS[f"empty {kind} {name}"] = (case, ())

        def case(data, extract, kind=kind, name=name):
            (data / name).mkdir()
            return source(kind, name)

        ERRORS[f"folder {kind} {name}"] = (case, ())

        def case(data, extract, kind=kind, name=name):
            (data / name).write_bytes(bytes(range(256)) * 8)
            return source(kind, name)

        ERRORS[f"rubbish {kind} {name}"] = (case, ())
    for name in ("a.gpkg", "a.geojson", "a.shp", "a.fgb", "a.parquet", "a.csv", "a.zip"):

        def case(data, extract, name=name):
            (data / name).write_bytes(b"")
            return vector(name)

        ERRORS[f"empty vector {name}"] = (case, ())

        def case(data, extract, name=name):
            (data / name).mkdir()
            return vector(name)

        ERRORS[f"folder vector {name}"] = (case, ())

        def case(data, extract, name=name):
            (data / name).write_bytes(bytes(range(256)) * 8)
            return vector(name)

        ERRORS[f"rubbish vector {name}"] = (case, ())


empties()
for form, name in (("zones", "p.gpkg"), ("grid", "p.tif"), ("wards", "p.csv")):
    for what in ("empty", "folder", "rubbish", "none"):

        def case(data, extract, form=form, name=name, what=what):
            if what == "empty":
                (data / name).write_bytes(b"")
            if what == "folder":
                (data / name).mkdir()
            if what == "rubbish":
                (data / name).write_bytes(bytes(range(256)) * 8)
            return source("population", name, form=form)

        ERRORS[f"{what} population {form}"] = (case, ())


@error()
def text_in_another_encoding_than_said(data, extract):
    rows = "wkt,ten,height_m\n" + "".join(f'"{square(7 + i, 0).wkt}",Nhà {i},5\n' for i in range(3))
    (data / "x.csv").write_bytes(rows.encode("cp1258", "replace"))
    return vector("x.csv", columns=None).replace(
        "columns = null\n",
        'columns = { ten = "name", wkt = "geometry", height_m = "height_m" }\nencoding = "utf-8"\ncrs = "EPSG:2154"\n',
    )


@error()
def csv_no_encoding(data, extract):
    rows = "wkt,ten,height_m\n" + "".join(f'"{square(7 + i, 0).wkt}",Rue de l\'été {i},5\n' for i in range(3))
    (data / "x.csv").write_bytes(rows.encode("latin-1", "replace"))
    return vector("x.csv") + 'columns = { ten = "name", wkt = "geometry", height_m = "height_m" }\ncrs = "EPSG:2154"\n'


@error()
def geojson_in_latin_1(data, extract):
    geojson(data / "x.geojson", ring(square(7, 0)), crs="urn:ogc:def:crs:EPSG::2154", name=["Rue de l'été"])
    (data / "x.geojson").write_bytes((data / "x.geojson").read_text(encoding="utf-8").encode("latin-1"))
    return vector("x.geojson")


@error()
def a_shapefile_without_grid(data, extract):
    buildings(3).drop(columns="storeys").to_file(data / "x.shp")
    (data / "x.prj").unlink()
    return vector("x.shp")


@error()
def a_shapefile_without_shx(data, extract):
    buildings(3).drop(columns="storeys").to_file(data / "x.shp")
    (data / "x.shx").unlink()
    return vector("x.shp")


@error()
def degrees_said_to_be_metres(data, extract):
    buildings(3).to_crs(4326).set_crs(2154, allow_override=True).to_file(data / "x.gpkg")
    return vector("x.gpkg")


@error()
def degrees_with_axes_swapped(data, extract):
    shapes = [ring(shape) for shape in buildings(3).to_crs(4326).geometry]
    geojson(data / "x.geojson", *[[point[::-1] for point in shape] for shape in shapes])
    return vector("x.geojson"), "extent = [354900.0, 6688900.0, 355300.0, 6689300.0]\n"


@error()
def degrees_with_axes_swapped_without_extent(data, extract):
    shapes = [ring(shape) for shape in buildings(3).to_crs(4326).geometry]
    geojson(data / "x.geojson", *[[point[::-1] for point in shape] for shape in shapes])
    return vector("x.geojson")


@error()
def metres_said_to_be_degrees(data, extract):
    geojson(data / "x.geojson", ring(square(7, 0)))
    return vector("x.geojson")


@error()
def another_zone_of_the_same_country(data, extract):
    buildings(3).to_crs(3947).set_crs(2154, allow_override=True).to_file(data / "x.gpkg")
    return vector("x.gpkg")


@error()
def a_grid_nobody_knows(data, extract):
    buildings(3).to_file(data / "x.gpkg")
    return vector("x.gpkg", crs="EPSG:999999")


@error()
def an_outline_of_ten_million_points(data, extract):
    angle = np.linspace(0.0, 2.0 * np.pi, 10_000_000, endpoint=False)
    circle = shapely.Polygon(np.column_stack([WEST + 60 * np.cos(angle), SOUTH + 60 * np.sin(angle)]))
    gpd.GeoDataFrame({"height_m": [5.0]}, geometry=[circle], crs=GRID).to_parquet(data / "x.parquet")
    return vector("x.parquet")


@error()
def a_zip_bomb(data, extract):
    zipped(data / "x.zip", **{"x.geojson": bytes(100_000_000)})
    return vector("x.zip")


@error()
def a_zip_bomb_gtfs(data, extract):
    zipped(data / "x.zip", **{k: v.encode() for k, v in FEED.items()}, **{"shapes.txt": bytes(100_000_000)})
    return source("gtfs", "x.zip")


@error()
def a_zip_that_writes_elsewhere(data, extract):
    zipped(data / "x.zip", **{"../../dothi.toml": b'name = "mine"'}, **{"x.geojson": b"{}"})
    return vector("x.zip")


@error()
def a_timetable_that_writes_elsewhere(data, extract):
    zipped(data / "x.zip", **{name: text.encode() for name, text in FEED.items()}, **{"/tmp/stops.txt": b"x"})
    return source("gtfs", "x.zip")


@error()
def a_timetable_whose_trips_are_unknown(data, extract):
    feed(data / "x.zip", trips="route_id,service_id,trip_id\nr1,w,u1\nr1,w,u2\n")
    return source("gtfs", "x.zip")


@error()
def a_timetable_without_stops(data, extract):
    feed(data / "x.zip", stops="stop_id,stop_name\nA,Gare\n")
    return source("gtfs", "x.zip")


@error()
def a_terrain_of_another_city(data, extract):
    dem(data / "x.tif", WEST + 90_000.0, SOUTH + 200.0)
    return source("terrain", "x.tif")


@error()
def a_terrain_without_grid(data, extract):
    dem(data / "x.tif", WEST, SOUTH, crs=None)
    return source("terrain", "x.tif")


@error()
def a_terrain_cut_short(data, extract):
    dem(data / "x.tif", WEST - 100, SOUTH + 300)
    whole = (data / "x.tif").read_bytes()
    (data / "x.tif").write_bytes(whole[: len(whole) // 2])
    return source("terrain", "x.tif")


@error()
def weather_without_temperature(data, extract):
    def change(rows):
        for row in rows[100:200]:
            row[6] = 99.9

    epw(data / "x.epw", change)
    return source("epw", "x.epw")


@error()
def weather_that_stops_in_june(data, extract):
    def change(rows):
        del rows[4000:]

    epw(data / "x.epw", change)
    return source("epw", "x.epw")


@error()
def weather_utf16(data, extract):
    epw(data / "x.epw")
    (data / "x.epw").write_bytes((data / "x.epw").read_text().encode("utf-16"))
    return source("epw", "x.epw")


@error()
def gpkg_cut(data, extract):
    buildings(20).to_file(data / "x.gpkg")
    w = (data / "x.gpkg").read_bytes()
    (data / "x.gpkg").write_bytes(w[: len(w) // 2])
    return vector("x.gpkg")


@error()
def parquet_cut(data, extract):
    buildings(20).to_parquet(data / "x.parquet")
    w = (data / "x.parquet").read_bytes()
    (data / "x.parquet").write_bytes(w[: len(w) // 2])
    return vector("x.parquet")


@error()
def fgb_cut(data, extract):
    buildings(20).to_file(data / "x.fgb", driver="FlatGeobuf")
    w = (data / "x.fgb").read_bytes()
    (data / "x.fgb").write_bytes(w[: len(w) // 2])
    return vector("x.fgb")


@error()
def no_columns_fit(data, extract):
    buildings(3).rename(columns={"name": "a", "height_m": "b", "storeys": "c"}).to_file(data / "x.gpkg")
    return vector("x.gpkg")


@error()
def roads_without_class(data, extract):
    roads(3).to_file(data / "x.gpkg")
    return vector("x.gpkg", table="roads")


@error()
def class_unknown(data, extract):
    roads(3).assign(**{"class": "boulevard"}).to_file(data / "x.gpkg")
    return vector("x.gpkg", table="roads")


@error()
def lines_for_buildings(data, extract):
    roads(3).to_file(data / "x.gpkg")
    return vector("x.gpkg", table="buildings")


@error()
def cityjson_bad_indices(data, extract):
    (data / "x.city.json").write_text(
        json.dumps(
            {
                "type": "CityJSON",
                "version": "2.0",
                "transform": {"scale": [1, 1, 1], "translate": [0, 0, 0]},
                "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/2154"},
                "CityObjects": {
                    "a": {
                        "type": "Building",
                        "geometry": [{"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 999]]]}],
                    }
                },
                "vertices": [[0, 0, 0], [1, 0, 0]],
            }
        )
    )
    return source("cityjson", "x.city.json")


@error()
def cityjson_deep(data, extract):
    (data / "x.city.json").write_text(
        '{"type":"CityJSON","version":"2.0","CityObjects":' + "[" * 200000 + "]" * 200000 + "}"
    )
    return source("cityjson", "x.city.json")


@error()
def geojson_deep(data, extract):
    (data / "x.geojson").write_text('{"type":"FeatureCollection","features":' + "[" * 200000 + "]" * 200000 + "}")
    return vector("x.geojson")


REPAIRS = {}


def repair(*expected: str):
    def register(case):
        REPAIRS[case.__name__.replace("_", " ")] = (case, expected)
        return case

    return register


@repair()
def outlines_that_cross_themselves(data, extract):
    a, b = square(7, 0), square(8, 0)
    bow = [[x, y] for x, y in (a.exterior.coords[0], a.exterior.coords[2], a.exterior.coords[1], a.exterior.coords[3], a.exterior.coords[0])]
    flat = [[x, SOUTH] for x, y in b.exterior.coords]
    geojson(data / "x.geojson", bow, flat, ring(square(9, 0)), ring(square(9, 0)), ring(square(10,0)), crs="urn:ogc:def:crs:EPSG::2154", height_m=[5.0, 6.0, 7.0, 7.0, -4.0], storeys=[1, 2, 2, 2, 4000])
    return vector("x.geojson")


@repair()
def coordinates_and_heights_that_are_no_numbers(data, extract):
    frame = buildings(3)
    frame["height_m"] = [np.nan, np.inf, 8.0]
    with np.errstate(invalid="ignore"):
        shapes = [square(7, 0), square(8, 0), shapely.Polygon([(WEST, SOUTH), (np.inf, SOUTH), (WEST, np.nan)])]
    frame.set_geometry(gpd.GeoSeries(shapes, crs=GRID)).to_parquet(data / "x.parquet")
    return vector("x.parquet")

@repair()
def nan_gpkg(data, extract):
    frame = buildings(3)
    frame["height_m"] = [np.nan, np.inf, 8.0]
    with np.errstate(invalid="ignore"):
        shapes = [square(7, 0), square(8, 0), shapely.Polygon([(WEST, SOUTH), (np.inf, SOUTH), (WEST, np.nan)])]
    frame.set_geometry(gpd.GeoSeries(shapes, crs=GRID)).to_file(data / "x.gpkg")
    return vector("x.gpkg")

@repair()
def nan_csv(data, extract):
    (data/"x.csv").write_text("x,y,height_m\n" + f"{WEST},{SOUTH},inf\nnan,{SOUTH},3\n{WEST+5},{SOUTH},NaN\n1e400,{SOUTH},3\n")
    return vector("x.csv", table="trees", crs=GRID)


@repair()
def roads_a_kilometre_below_the_sea(data, extract):
    shape = shapely.LineString([(WEST, SOUTH - 15, 5.0), (WEST + 50, SOUTH - 15, -1000.0), (WEST + 90, SOUTH - 15, 6.0)])
    gpd.GeoDataFrame({"class": ["residential"]}, geometry=[shape], crs=GRID).to_file(data / "x.gpkg")
    return vector("x.gpkg", table="roads")


@repair()
def a_timetable_with_late_trips_and_lost_stops(data, extract):
    feed(data / "x.zip", stop_times=FEED["stop_times.txt"] + "t1,21:20:00,21:20:00,NOWHERE,3\n"+"t1,xx,,B,4\n", stops=FEED["stops.txt"]+"A,Again,47.3,-1.5\n")
    return source("gtfs", "x.zip")


@repair()
def weather_with_fillers(data, extract):
    def change(rows):
        for row in rows[100:103]:
            row[6] = 99.9
        for row in rows[500:540]:
            row[13] = 9999
        for row in rows[5:7]:
            row[33] = 999

    epw(data / "x.epw", change)
    return source("epw", "x.epw")


@repair()
def a_terrain_with_holes(data, extract):
    dem(data / "x.tif", WEST - 100.0, SOUTH + 300.0)
    with rasterio.open(data / "x.tif", "r+") as raster:
        levels = raster.read(1)
        levels[30:60, 20:60] = -9999.0
        raster.write(levels, 1)
    return source("terrain", "x.tif")


@repair()
def a_terrain_partial(data, extract):
    dem(data / "x.tif", WEST + 50.0, SOUTH + 300.0)
    return source("terrain", "x.tif")


@repair()
def tên_tiếng_Việt(data, extract):
    folder = data / "Dữ liệu phố cổ"; folder.mkdir()
    buildings(3).translate(xoff=210).to_frame("geometry").to_file(folder / "nhà ở & công trình.gpkg")
    buildings(3).translate(xoff=310).to_frame("geometry").to_file(folder / "nhà #2 100%?.shp")
    feed(folder / "xe buýt.zip"); epw(folder / "thời tiết.epw"); dem(folder / "địa hình số.tif", WEST-100, SOUTH+300)
    f="Dữ liệu phố cổ/"
    return vector(f+"nhà ở & công trình.gpkg")+vector(f+"nhà #2 100%?.shp")+source("gtfs",f+"xe buýt.zip")+source("epw",f+"thời tiết.epw")+source("terrain",f+"địa hình số.tif")
