"""Broken and hostile input through the command line: a clear error or a reported repair, never a harmed study."""

import html
import json
import shutil
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


# --- studies ------------------------------------------------------------------------------------------------------


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def build(study: Path) -> Result:
    return run("build", study, "--workers", "0", "--quiet")


def snapshot(folder: Path) -> dict[str, bytes]:
    """Everything in a folder to the byte, but for steps kept so that the next build is quicker."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(".dothi/work")}


def refused(result: Result, *expected: str) -> None:
    """Exit code 2, every expected text in the message, and no traceback."""
    assert result.exit_code == 2, (result.output, result.exception)
    assert "Traceback" not in result.output
    for text in expected:
        assert text in result.output


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A study with a city in it; copy it, do not touch it."""
    folder = tmp_path_factory.mktemp("base") / "study"
    (folder / "data").mkdir(parents=True)
    buildings().to_file(folder / "data" / "base.gpkg", layer="buildings")
    roads().to_file(folder / "data" / "base.gpkg", layer="roads")
    (folder / "dothi.toml").write_text(CONFIG, encoding="utf-8")
    assert build(folder).exit_code == 0
    return folder


@pytest.fixture
def study(base, tmp_path) -> Path:
    folder = tmp_path / "nghiên cứu đô thị"
    shutil.copytree(base, folder)
    return folder


# --- sources that cannot be used ----------------------------------------------------------------------------------

ERRORS = {}
EXTENT = "extent = [354900.0, 6688900.0, 355300.0, 6689300.0]\n"


def error(*expected: str):
    """Register a case: the function writes files into a folder and gives the entry (and what stands before all)."""

    def register(case):
        ERRORS[case.__name__.replace("_", " ")] = (case, expected)
        return case

    return register


@error("data/map.osm.pbf: is a whole and well-formed OpenStreetMap file")
def an_extract_cut_in_the_middle(data, extract):
    whole = extract.read_bytes()
    (data / "map.osm.pbf").write_bytes(whole[: len(whole) // 2])
    return source("osm", "map.osm.pbf")


@error("data/map.osm.pbf: something of this source lies within the extent of the city (x 354900 to 355300")
def an_extract_of_another_city(data, extract):
    shutil.copy(extract, data / "map.osm.pbf")
    return EXTENT, source("osm", "map.osm.pbf")


@error("data/x.csv: text is utf-8", 'byte 0xe9 is not: add encoding = "cp1252"', "(1 row, line 2)")
def text_in_another_encoding(data, extract):
    rows = "wkt,ten,height_m\n" + "".join(f'"{square(7 + i, 0).wkt}",Rue de l\'été {i},5\n' for i in range(3))
    (data / "x.csv").write_bytes(rows.encode("latin-1"))
    return vector("x.csv", crs=GRID) + 'columns = { ten = "name", wkt = "geometry", height_m = "height_m" }\n'


@error("data/x.csv: text is utf-8, as `encoding` says; byte 0xe9 is not (1 row, line 2)")
def text_in_another_encoding_than_said(data, extract):
    text_in_another_encoding(data, extract)
    return vector("x.csv", crs=GRID, encoding="utf-8")


@error("data/x.geojson: text is UTF-8, as GeoJSON wants; byte 0xe9 is not")
def geojson_that_is_not_utf_8(data, extract):
    geojson(data / "x.geojson", ring(square(7, 0)), crs="urn:ogc:def:crs:EPSG::2154", name=["Rue de l'été"])
    (data / "x.geojson").write_bytes((data / "x.geojson").read_text(encoding="utf-8").encode("latin-1"))
    return vector("x.geojson")


@error("data/x.shp: grid of the coordinates is known; the file does not say it", 'add crs = "EPSG:')
def a_shapefile_without_grid(data, extract):
    buildings(3).drop(columns="storeys").to_file(data / "x.shp")
    (data / "x.prj").unlink()
    return vector("x.shp")


@error("data/x.shp: the file x.shx lies beside x.shp")
def a_shapefile_without_index(data, extract):
    buildings(3).drop(columns="storeys").to_file(data / "x.shp")
    (data / "x.shx").unlink()
    return vector("x.shp")


@error("data/x.gpkg: coordinates are metres or the like, as EPSG:2154 says", 'add crs = "EPSG:4326"')
def degrees_said_to_be_metres(data, extract):
    buildings(3).to_crs(4326).set_crs(2154, allow_override=True).to_file(data / "x.gpkg")
    return vector("x.gpkg")


@error("data/x.geojson: coordinates are degrees, as EPSG:4326 says", "of their grid")
def metres_said_to_be_degrees(data, extract):
    geojson(data / "x.geojson", ring(square(7, 0)))
    return vector("x.geojson")


@error("data/x.geojson: x comes before y in EPSG:4326", "so the axes are swapped: add swap_axes = true")
def axes_swapped(data, extract):
    shapes = [ring(shape) for shape in buildings(3).to_crs(4326).geometry]
    geojson(data / "x.geojson", *[[point[::-1] for point in shape] for shape in shapes])
    return EXTENT, vector("x.geojson")


@error("lengths on the grid of the city are true within 1%; those of EPSG:2154 are", "at 47.212° east, -1.560° north")
def axes_swapped_where_no_extent_is_given(data, extract):
    return axes_swapped(data, extract)[1]


@error("sources lie within 20 km of each other", "1,098 km from")
def coordinates_of_another_national_zone(data, extract):
    buildings(3).to_crs(3947).set_crs(2154, allow_override=True).to_file(data / "x.gpkg")
    return vector("x.gpkg")


@error("data/x.gpkg: grid of the coordinates is one that is known; this is 'EPSG:999999'")
def a_grid_that_nobody_knows(data, extract):
    buildings(3).to_file(data / "x.gpkg")
    return vector("x.gpkg", crs="EPSG:999999")


@error(
    "data/x.parquet: buildings.geometry: a geometry has at most 1,000,000 vertices", "(largest: 10,000,001) (1 row, 0)"
)
def an_outline_of_ten_million_points(data, extract):
    angle = np.linspace(0.0, 2.0 * np.pi, 10_000_000, endpoint=False)
    circle = shapely.Polygon(np.column_stack([WEST + 60 * np.cos(angle), SOUTH + 60 * np.sin(angle)]))
    gpd.GeoDataFrame({"height_m": [5.0]}, geometry=[circle], crs=GRID).to_parquet(data / "x.parquet")
    return vector("x.parquet")


@error("data/x.zip: is packed no denser than real data: this looks like a zip bomb (1 row, x.geojson)")
def a_zip_bomb(data, extract):
    zipped(data / "x.zip", **{"x.geojson": bytes(70 << 20)})
    return vector("x.zip")


@error("data/x.zip: is packed no denser than real data: this looks like a zip bomb (1 row, shapes.txt)")
def a_timetable_with_a_zip_bomb(data, extract):
    zipped(data / "x.zip", **{name: text.encode() for name, text in FEED.items()}, **{"shapes.txt": bytes(70 << 20)})
    return source("gtfs", "x.zip")


@error("data/x.zip: names of members stay inside the archive (1 row, ../../dothi.toml)")
def a_zip_that_writes_elsewhere(data, extract):
    zipped(data / "x.zip", **{"../../dothi.toml": b'name = "mine"', "x.geojson": b"{}"})
    return vector("x.zip")


@error("data/x.zip: names of members stay inside the archive (1 row, /tmp/stops.txt)")
def a_timetable_that_writes_elsewhere(data, extract):
    zipped(data / "x.zip", **{name: text.encode() for name, text in FEED.items()}, **{"/tmp/stops.txt": b"x"})
    return source("gtfs", "x.zip")


@error("data/x.zip: stop_times.trip_id: occurs in trips.txt (100% of the rows do not) (8 rows, e.g. t1")
def a_timetable_whose_trips_are_unknown(data, extract):
    feed(data / "x.zip", trips="route_id,service_id,trip_id\nr1,w,u1\nr1,w,u2\n")
    return source("gtfs", "x.zip")


@error("data/x.zip: stops.stop_lat: stops.txt has the column", "data/x.zip: stops.stop_lon: stops.txt has the column")
def a_timetable_whose_stops_have_no_place(data, extract):
    feed(data / "x.zip", stops="stop_id,stop_name\nA,Gare\n")
    return source("gtfs", "x.zip")


@error("data/x.tif: terrain: raster covers at least 50% of the city; it covers 0%")
def a_terrain_of_another_city(data, extract):
    dem(data / "x.tif", WEST + 90_000.0, SOUTH + 200.0)
    return source("terrain", "x.tif")


@error("data/x.tif: terrain.crs: grid is known: the file names none, give crs")
def a_terrain_without_grid(data, extract):
    dem(data / "x.tif", WEST, SOUTH, crs=None)
    return source("terrain", "x.tif")


@error("data/x.tif: terrain: is a whole GeoTIFF or Esri ASCII grid")
def a_terrain_cut_in_the_middle(data, extract):
    dem(data / "x.tif", WEST - 100.0, SOUTH + 300.0)
    whole = (data / "x.tif").read_bytes()
    (data / "x.tif").write_bytes(whole[: len(whole) // 2])
    return source("terrain", "x.tif")


@error("data/x.epw: weather.air_temperature_c: is known, but for gaps of up to 6 h (100 rows, e.g. 100, 101, 102)")
def weather_with_fillers_for_days(data, extract):
    epw(data / "x.epw", lambda rows: [row.__setitem__(6, 99.9) for row in rows[100:200]])
    return source("epw", "x.epw")


@error("data/x.epw: weather: has 8760 or 8784 hours, not 4000")
def weather_that_ends_in_june(data, extract):
    epw(data / "x.epw", lambda rows: rows.__delitem__(slice(4000, None)))
    return source("epw", "x.epw")


@error("data/x.gpkg: file is whole: ", " bytes by its header, ")
def a_geopackage_cut_in_the_middle(data, extract):
    buildings().to_file(data / "x.gpkg")
    whole = (data / "x.gpkg").read_bytes()
    (data / "x.gpkg").write_bytes(whole[: len(whole) // 2])
    return vector("x.gpkg")


@error("data/x.gpkg: roads.class: column comes from `columns`, `defaults` or a mapping")
def a_column_that_is_needed_and_missing(data, extract):
    roads(3).to_file(data / "x.gpkg")
    return vector("x.gpkg", table="roads")


@error(
    "data/x.gpkg: buildings.geometry: geometry is Polygon or MultiPolygon; this is LineString", "(3 rows, e.g. no. 1"
)
def lines_for_buildings(data, extract):
    roads(3).to_file(data / "x.gpkg")
    return vector("x.gpkg")


@error("data/x.city.json: brackets are nested as in CityJSON")
def brackets_without_end(data, extract):
    (data / "x.city.json").write_text(f'{{"type": "CityJSON", "version": "2.0", "CityObjects": {"[" * 200_000}')
    return source("cityjson", "x.city.json")


@pytest.mark.parametrize("case", ERRORS)
def test_a_source_that_cannot_be_used_ends_with_code_2_a_clear_line_and_the_study_as_it_was(
    case, study, little_extract
):
    write, expected = ERRORS[case]
    entry = write(study / "data", little_extract)
    before_all, entry = entry if isinstance(entry, tuple) else ("", entry)
    config = study / "dothi.toml"
    config.write_text(before_all + config.read_text(encoding="utf-8") + entry, encoding="utf-8")
    before = snapshot(study)
    result = build(study)
    refused(result, *expected, "nothing was changed")
    assert len(max(result.output.splitlines(), key=len)) < 400
    assert snapshot(study) == before
    assert len(Study.open(study).city["buildings"]) == 20


EVERY_FORMAT = {
    "map.osm.pbf": {"kind": "osm"},
    "map.osm": {"kind": "osm"},
    "map.osm.bz2": {"kind": "osm"},
    "bus.zip": {"kind": "gtfs"},
    "year.epw": {"kind": "epw"},
    "dem.tif": {"kind": "terrain"},
    "points.gpkg": {"kind": "terrain_points"},
    "points.xyz": {"kind": "terrain_points"},
    "town.city.json": {"kind": "cityjson"},
    "town.gml": {"kind": "citygml"},
    "census.gpkg": {"kind": "population", "form": "zones"},
    "census.tif": {"kind": "population", "form": "grid"},
    **{
        f"x.{ending}": {"kind": "vector", "table": "buildings"}
        for ending in ("gpkg", "geojson", "shp", "fgb", "parquet", "csv", "zip")
    },
}


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: path.write_bytes(b""), "is not empty"),
        (lambda path: path.write_bytes(bytes(range(256)) * 8), ""),
        (lambda path: path.mkdir(), ""),
        (lambda path: None, "file is present"),
    ],
    ids=["empty", "rubbish", "a folder", "absent"],
)
def test_each_of_many_unusable_sources_is_named_in_one_go(make, expected, study):
    entries = []
    for name, options in EVERY_FORMAT.items():
        make(study / "data" / name)
        entries.append(source(options["kind"], name, **{key: options[key] for key in options if key != "kind"}))
    config = study / "dothi.toml"
    # Terrain and people are read for an extent: without one they wait for the sources that tell it.
    config.write_text(EXTENT + config.read_text(encoding="utf-8") + "".join(entries), encoding="utf-8")
    before = snapshot(study)
    result = build(study)
    refused(result, *(f"data/{name}: " for name in EVERY_FORMAT), "nothing was changed")
    lines = [line for line in result.output.splitlines() if "data/" in line]
    assert all(expected in line for line in lines if ".epw" not in line or make.__code__.co_names != ("write_bytes",))
    assert max(map(len, lines)) < 300
    assert snapshot(study) == before


# --- sources that are put right -----------------------------------------------------------------------------------

REPAIRS = [
    "data/x.geojson: buildings.geometry: outlines that cross or touch themselves were made valid (2 rows, e.g. 0, 1)",
    "data/x.geojson: buildings.geometry: outlines without any area were left out (1 row, 1)",
    "data/x.geojson: buildings.geometry: rows with the same geometry were taken as one (1 row, 3)",
    (
        "data/x.geojson: buildings.height_m: values that break the rule “a finite number, > 0, ≤ 1000 m” were taken as "
        "missing (1 row, 4)"
    ),
    (
        "data/x.geojson: buildings.storeys: values that break the rule “a finite number, ≥ 1, ≤ 200” were taken as "
        "missing (1 row, 4)"
    ),
    "data/x.parquet: buildings.geometry: rows with coordinates that are no finite numbers were left out (1 row, 2)",
    (
        "data/x.parquet: buildings.height_m: values that break the rule “a finite number, > 0, ≤ 1000 m” were taken as "
        "missing (1 row, 1)"
    ),
    "data/low.gpkg: roads.geometry: levels that are no data were interpolated along the road (1 row, 0)",
    "data/Dữ liệu phố cổ/xe buýt số 1.zip: stops: identifiers are unique; the first row of each was kept (1 row, A)",
    (
        "data/Dữ liệu phố cổ/xe buýt số 1.zip: stop_times.stop_id: occurs in stops.txt; rows that do not were left out "
        "(1 row, NOWHERE)"
    ),
    (
        "data/Dữ liệu phố cổ/xe buýt số 1.zip: stop_times.arrival_time: times that are not HH:MM:SS were read as blank "
        "(1 row, xx)"
    ),
    (
        "data/Dữ liệu phố cổ/thời tiết.epw: weather.air_temperature_c: gaps of up to 6 h were interpolated (3 rows, "
        "e.g. 100, 101, 102)"
    ),
    (
        "data/Dữ liệu phố cổ/địa hình.tif: terrain: no land lies below -430 m or above 9000 m: cells such as -9999 "
        "taken as unknown (50 rows)"
    ),
]


@pytest.fixture(scope="module")
def mended(base, tmp_path_factory):
    """Problems that a build found in a study full of small faults, its city, and its report as text."""
    study = tmp_path_factory.mktemp("mended") / "nghiên cứu"
    shutil.copytree(base, study)
    data = study / "data"
    old = data / "Dữ liệu phố cổ"
    old.mkdir()

    corners = square(7, 0).exterior.coords
    bow = [list(corners[i]) for i in (0, 2, 1, 3, 0)]
    flat = [[x, SOUTH] for x, _ in square(8, 0).exterior.coords]
    again = ring(square(9, 0))
    geojson(
        data / "x.geojson",
        *(bow, flat, again, again, ring(square(10, 0))),
        crs="urn:ogc:def:crs:EPSG::2154",
        height_m=[5.0, 6.0, 7.0, 7.0, -4.0],
        storeys=[1, 2, 2, 2, 4000],
    )
    with np.errstate(invalid="ignore"):
        nowhere = shapely.Polygon([(WEST, SOUTH), (np.inf, SOUTH), (WEST, np.nan)])
    gpd.GeoDataFrame(
        {"height_m": [np.nan, np.inf, 8.0]}, geometry=[square(11, 0), square(12, 0), nowhere], crs=GRID
    ).to_parquet(data / "x.parquet")
    hole = shapely.LineString([(WEST, SOUTH - 15, 5.0), (WEST + 50, SOUTH - 15, -1000.0), (WEST + 90, SOUTH - 15, 6.0)])
    gpd.GeoDataFrame({"class": ["residential"]}, geometry=[hole], crs=GRID).to_file(data / "low.gpkg")
    feed(
        old / "xe buýt số 1.zip",
        stops=FEED["stops.txt"] + "A,Gare,47.3,-1.5\n",
        stop_times=FEED["stop_times.txt"] + "t1,21:20:00,21:20:00,NOWHERE,3\nt1,xx,,B,4\n",
    )
    epw(old / "thời tiết.epw", lambda rows: [row.__setitem__(6, 99.9) for row in rows[100:103]])
    dem(old / "địa hình.tif", WEST - 100.0, SOUTH + 300.0)
    with rasterio.open(old / "địa hình.tif", "r+") as raster:
        levels = raster.read(1)
        levels[45:50, 30:40] = -9999.0
        raster.write(levels, 1)
    with (study / "dothi.toml").open("a", encoding="utf-8") as config:
        config.write(
            vector("x.geojson")
            + vector("x.parquet")
            + vector("low.gpkg", table="roads")
            + source("gtfs", "Dữ liệu phố cổ/xe buýt số 1.zip")
            + source("epw", "Dữ liệu phố cổ/thời tiết.epw")
            + source("terrain", "Dữ liệu phố cổ/địa hình.tif")
        )
    result = build(study)
    assert result.exit_code == 0, (result.output, result.exception)
    opened = Study.open(study)
    return opened.build().problems, opened.city, html.unescape((study / "build-report.html").read_text("utf-8"))


@pytest.mark.parametrize("line", REPAIRS)
def test_what_was_put_right_is_listed_with_its_count_by_the_build_and_in_its_report(line, mended):
    problems, _, report = mended
    assert line in [str(problem) for problem in problems if problem.severity == "repair"]
    assert line in report


def test_what_was_put_right_leaves_a_sound_city(mended):
    _, city, _ = mended
    buildings = city["buildings"]
    assert (
        len(buildings) == 20 + 3 + 2
    )  # bow tie, one of the doubles, the one of wrong height; two of the three in x.parquet
    assert buildings.geometry.is_valid.all()
    assert np.isfinite(buildings["height_m"].to_numpy(float)).all()
    assert buildings["height_m"].min() > 0.0
    assert city["nodes"]["elevation_m"].min() > 0.0
    assert float(city.rasters["terrain"].min()) > 0.0
    assert city["weather"]["air_temperature_c"].notna().all()


def test_trips_after_midnight_keep_their_service_day(mended):
    _, city, _ = mended
    calls = city["stop_times"]
    assert calls["arrival_s"].max() == 26 * 3600 + 10 * 60


def test_sources_may_stand_in_any_order(study):
    dem(study / "data" / "x.tif", WEST - 100.0, SOUTH + 300.0)
    config = study / "dothi.toml"
    before, first, rest = config.read_text(encoding="utf-8").partition("[[source]]")
    config.write_text(before + source("terrain", "x.tif") + "\n" + first + rest, encoding="utf-8")
    assert build(study).exit_code == 0


# --- dothi.toml ---------------------------------------------------------------------------------------------------


def with_line(line: str):
    """Change that puts a line before all others."""
    return lambda text: f"{line}\n{text}"


def instead(old: str, new: str):
    """Change that replaces the first `old`."""
    return lambda text: text.replace(old, new, 1)


SETTINGS = {
    "nothing": (lambda text: "", ["dothi.toml: name: is given", "dothi.toml: crs: is given", "4 problems"]),
    "a key misspelt": (
        instead("accuracy", "acuracy"),
        ["dothi.toml, line 6: build.acuracy: is a known key"],
    ),
    "a key of a source misspelt": (
        instead('table = "roads"', 'tabel = "roads"'),
        ["dothi.toml, line 15: source.2.table: is given", "dothi.toml, line 17: source.2.tabel: is a known key"],
    ),
    "text for a number": (
        instead("10.0", '"ten"'),
        ["dothi.toml, line 7: build.terrain_cell_m: is a number (is 'ten')"],
    ),
    "a word for yes or no": (
        instead("= false", '= "maybe"'),
        ["dothi.toml, line 6: build.accuracy: is true or false (is 'maybe')"],
    ),
    "a number for text": (
        instead('"data/base.gpkg"', "5"),
        ["dothi.toml, line 12: source.1.path: is text in quotes (is 5)"],
    ),
    "a country without place data": (instead('"fr"', '"xx"'), ["dothi.toml, line 2: country: is one of 'vn'"]),
    "a kind nobody knows": (instead('"vector"', '"vektor"'), ["source.1.kind: is one of 'nantes', 'osm'", "'vektor'"]),
    "a source without kind": (instead('kind = "vector"\n', ""), ["source.1.kind: is given"]),
    "no source": (lambda text: text[: text.index("[[source]]")], ["dothi.toml: source: is given"]),
    "no name": (instead("Thử", ""), ["dothi.toml, line 1: name: is not empty (is '')"]),
    "a grid nobody knows": (instead(GRID, "EPSG:1"), ["line 3: crs: is a coordinate reference system that PROJ knows"]),
    "a grid in degrees": (instead(GRID, "EPSG:4326"), ["line 3: crs: is a projected grid in metres"]),
    "the grid of another country": (
        instead(GRID, "EPSG:9217"),
        ["crs: lengths on the grid of the city are true within 1%; those of EPSG:9217 are", "it is made for Vietnam"],
    ),
    "the grid of web maps": (instead(GRID, "EPSG:3857"), ["those of EPSG:3857 are 47.2% wrong"]),
    "an extent of 10,000 km": (
        with_line("extent = [0.0, 0.0, 1e7, 1e7]"),
        ["extent"],
    ),
    "an extent of 190 km in cells of 10 m": (
        with_line("extent = [260000.0, 6590000.0, 450000.0, 6780000.0]"),
        [
            "190 × 190 km in cells of 10 m has 3.61e+08: set `extent` to a smaller box",
            "or `terrain_cell_m` to 14 or more",
        ],
    ),
    "an extent beyond all numbers": (with_line("extent = [0.0, 0.0, 1e308, 1e308]"), ["extent"]),
    "an extent that is none": (with_line("extent = [nan, 0.0, 1.0, 1.0]"), ["line 1: extent.1: is a finite number"]),
    "an extent the wrong way round": (
        with_line("extent = [5.0, 5.0, 1.0, 1.0]"),
        ["line 1: extent: is west, south, east, north"],
    ),
    "an extent of a millimetre": (with_line("extent = [355000.0, 6689000.0, 355000.001, 6689000.001]"), ["extent"]),
    "an extent elsewhere": (
        with_line("extent = [400000.0, 6689000.0, 401000.0, 6690000.0]"),
        ["data/base.gpkg: file covers the area of the study"],
    ),
    "cells of a centimetre": (
        lambda text: "extent = [350000.0, 6684000.0, 360000.0, 6694000.0]\n" + text.replace("10.0", "0.01"),
        ["10 × 10 km in cells of 0.01 m has 1e+12: set `extent` to a smaller box, or `terrain_cell_m` to 1 or more"],
    ),
    "cells beyond all numbers": (
        instead("10.0", "1e308"),
        ["line 7: build.terrain_cell_m: is at most 100 (is 1e+308)"],
    ),
    "a negative seed": (instead("accuracy", "seed = -1\naccuracy"), ["build.seed: is at least 0 (is -1)"]),
    "a climate nobody knows": (
        instead("accuracy", 'climate = "Atlantis"\naccuracy'),
        ["build.climate: is a station with climate normals", "Nantes"],
    ),
    "a folder for a file": (
        instead("data/base.gpkg", "data"),
        ["data: is a file, not a folder: name the file inside it"],
    ),
    "a name no file can have": (instead("data/base.gpkg", "x" * 5000), ["file is present"]),
    "no name of a file": (instead("data/base.gpkg", ""), ["line 12: source.1.path: is not empty"]),
    "a table nobody knows": (instead('"buildings"', '"castles"'), ["castles: table is one of buildings, "]),
    "a layer that is not there": (
        instead('layer = "buildings"', 'layer = "bildings"'),
        ["data/base.gpkg: layer is one of buildings, roads"],
    ),
    "a mapping nobody knows": (
        instead('layer = "buildings"', 'layer = "buildings"\nmapping = "nope"'),
        ["data/base.gpkg: no mapping 'nope'; there is bdtopo2:"],
    ),
    "a default that does not fit": (
        instead('"residential"', '"boulevard"'),
        ["data/base.gpkg: roads.class: default is one of motorway, ", "it is 'boulevard'"],
    ),
    "a condition that is none": (
        instead('layer = "buildings"', 'layer = "buildings"\nwhere = "DROP TABLE x; --"'),
        ["data/base.gpkg: `where` is a condition on columns of the file: "],
    ),
    "a key twice": (lambda text: text + 'kind = "osm"\n', ["dothi.toml: is valid TOML ("]),
    "a word without quotes": (
        instead('"fr"', "fr"),
        ["dothi.toml: is valid TOML (Invalid value (at line 2, column 11))"],
    ),
    "brackets without end": (lambda text: text + "x = " + "[" * 100_000, ["dothi.toml: is valid TOML"]),
    "a megabyte": (lambda text: text + "#" * (1 << 20), ["dothi.toml: is smaller than 1048576 bytes"]),
    "Latin-1": (lambda text: text.replace("Thử", "Été").encode("latin-1"), ["is UTF-8 text; line 1 is not"]),
    "UTF-16": (lambda text: text.encode("utf-16"), ["is UTF-8 text; line 1 is not: save it as UTF-8"]),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_a_wrong_setting_ends_with_code_2_its_line_and_the_study_as_it_was(case, study):
    change, expected = SETTINGS[case]
    config = study / "dothi.toml"
    changed = change(config.read_text(encoding="utf-8"))
    config.write_bytes(changed if isinstance(changed, bytes) else changed.encode())
    before = snapshot(study)
    refused(build(study), *expected, "nothing was changed")
    assert snapshot(study) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("data/base.gpkg", "../nghiên cứu đô thị/data/base.gpkg"),
    ],
    ids=["a byte order mark", "lines of Windows", "a file of one's own elsewhere"],
)
def test_what_editors_and_people_do_is_taken(change, study):
    config = study / "dothi.toml"
    config.write_bytes(change(config.read_text(encoding="utf-8")).encode())
    assert build(study).exit_code == 0
    assert len(Study.open(study).city["buildings"]) == 20


# --- folders that are no study, studies that were damaged ---------------------------------------------------------


@pytest.mark.parametrize("command", ["info", "build"])
@pytest.mark.parametrize("name", ["an empty folder", "nothing", "a file"])
def test_a_folder_that_is_no_study_is_refused(command, name, tmp_path):
    place = tmp_path / name
    if name == "an empty folder":
        place.mkdir()
    elif name == "a file":
        place.write_text("x")
    refused(run(command, place), f"{place / 'dothi.toml'}: file is present")
    assert not (place / ".dothi").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"city": 5}', b'{"city": "../../.."}', b"\xff"])
def test_a_damaged_pointer_to_the_city_is_reported_and_mended_by_a_build(content, study):
    (study / ".dothi" / "current.json").write_bytes(content)
    refused(run("info", study), "run dothi build")
    assert build(study).exit_code == 0
    assert run("info", study).exit_code == 0


@pytest.mark.parametrize("file", ["buildings.parquet", "terrain.tif", "city.json"])
@pytest.mark.parametrize("damage", ["cut", "emptied", "lost"])
def test_a_damaged_city_is_reported_and_mended_by_a_build(file, damage, study):
    before = snapshot(study)
    path = Study.open(study).city_folder / file
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 if damage == "cut" else 0])
    refused(run("info", study), file if file != "city.json" else "city", "dothi build")
    assert build(study).exit_code == 0
    after = snapshot(study)
    assert {name: data for name, data in after.items() if name.startswith(".dothi")} == {
        name: data for name, data in before.items() if name.startswith(".dothi")
    }


@pytest.mark.parametrize("content", ["[]", '{"format": 1}', "5"])
def test_a_manifest_of_other_content_is_reported(content, study):
    (Study.open(study).city_folder / "city.json").write_text(content)
    refused(run("info", study), "dothi build")


def test_a_damaged_step_is_made_again(study):
    before = snapshot(study)
    for step in (study / ".dothi" / "work").iterdir():
        for table in step.glob("*.parquet"):
            table.write_bytes(b"PAR1")
    shutil.rmtree(study / ".dothi" / "cities")
    assert build(study).exit_code == 0
    assert snapshot(study)[".dothi/current.json"] == before[".dothi/current.json"]


def test_a_file_where_the_study_keeps_its_city_is_reported(study):
    shutil.rmtree(study / ".dothi")
    (study / ".dothi").write_text("x")
    refused(run("info", study), ".dothi")
    refused(build(study), ".dothi")


# --- dothi init ---------------------------------------------------------------------------------------------------


def init_files(folder: Path, extract: Path) -> None:
    """Everything that people try to begin a study with."""
    (folder / "photos").mkdir(parents=True)
    (folder / "notes.docx").write_bytes(b"PK\x03\x04 nothing that has to do with a city")
    (folder / "buildings-empty.gpkg").write_bytes(b"")
    zipped(folder / "escape.zip", **{"../../roads.shp": b"x", "a.geojson": b"{}"})
    zipped(folder / "bus.zip", **{name: text.encode() for name, text in FEED.items()}, **{"../evil.txt": b"x"})
    (folder / "torn.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    buildings(3).drop(columns="storeys").to_file(folder / "buildings.shp")
    (folder / "buildings.shx").unlink()
    buildings(3).to_file(folder / "buildings.gpkg")
    shutil.copy(folder / "buildings.gpkg", folder / "build\nings.gpkg")
    buildings(3).to_file(folder / "castles.gpkg")
    buildings(3).set_crs(4326, allow_override=True).to_file(folder / "buildings-degrees.gpkg")
    (folder / "dem.tif").write_bytes(b"no raster" * 100)
    (folder / "roads.geojson").write_bytes(b'{"type": "FeatureCollection", "features": [{"ty')
    (folder / "town.city.json").write_bytes(b'{"type": "CityJSON')
    (folder / "town.gml").write_bytes(b"<x")
    (folder / "map.osm.pbf").write_bytes(b"no map" * 100)
    (folder / "year.epw").write_bytes(b"LOCATION\n")


INITS = {
    "nothing at all": ([], ["Missing argument 'FOLDER'"]),
    "a folder alone": (["new"], ["files or the name of a place (--place) are given"]),
    "a folder of photos": (["new", "d/photos"], ["d/photos: is a file, or a folder with a timetable (stops.txt)"]),
    "a file of another kind": (["new", "d/notes.docx"], ["d/notes.docx: is of a kind that Dothi recognises"]),
    "a file that is not there": (["new", "d/none.gpkg"], ["'d/none.gpkg' does not exist"]),
    "an empty file": (["new", "d/buildings-empty.gpkg"], ["d/buildings-empty.gpkg: file is not empty"]),
    "a zip that writes elsewhere": (
        ["new", "d/escape.zip"],
        ["names of members stay inside the archive (1 row, ../../"],
    ),
    "a timetable that writes elsewhere": (
        ["new", "d/bus.zip"],
        ["d/bus.zip: names of members stay inside the archive"],
    ),
    "half a zip": (["new", "d/torn.zip"], ["d/torn.zip: is a whole zip archive"]),
    "a Shapefile without index": (["new", "d/buildings.shp"], ["the file buildings.shx lies beside buildings.shp"]),
    "a name with a line break": (
        ["new", "d/build\nings.gpkg"],
        [r"'d/build\nings.gpkg': name of the file has no line"],
    ),
    "a layer that tells nothing": (
        ["new", "d/castles.gpkg"],
        ["has a layer whose name tells what it holds; these do not: castles"],
    ),
    "metres said to be degrees": (
        ["new", "d/buildings-degrees.gpkg"],
        ["d/buildings-degrees.gpkg: lies on Earth; its"],
    ),
    "a raster that is none": (["new", "d/dem.tif"], ["d/dem.tif: is a whole GeoTIFF or Esri ASCII grid"]),
    "half a GeoJSON": (
        ["new", "d/roads.geojson"],
        ["d/roads.geojson: file is whole; it ends in the middle of an object"],
    ),
    "half a CityJSON": (["new", "d/town.city.json"], ["d/town.city.json: file is whole and well-formed JSON"]),
    "half a CityGML": (["new", "d/town.gml"], ["d/town.gml: file is whole and well-formed XML"]),
    "an extract that is none": (["new", "d/map.osm.pbf"], ["d/map.osm.pbf: is a readable OpenStreetMap file"]),
    "weather alone": (["new", "d/year.epw"], ["a file tells where the city is: else give --crs and --country"]),
    "a study that is there": (["old", "d/buildings.gpkg"], ["old/dothi.toml: there is no study yet: remove it"]),
    "a file for a folder": (["d/year.epw", "d/buildings.gpkg"], ["d/year.epw: is a folder, or not there yet"]),
    "a folder below a file": (["d/year.epw/new", "d/buildings.gpkg"], ["d/year.epw: is a folder, or not there yet"]),
    "a place that is not known": (
        ["new", "--place", "Huee"],
        ["no place is known by the name 'Huee'; did you mean Huế?"],
    ),
    "a grid that is none": (
        ["new", "d/buildings.gpkg", "--crs", "nonsense"],
        ["crs: is a coordinate reference system that PROJ knows, such as EPSG:2154 (is 'nonsense')"],
    ),
    "a grid in degrees": (["new", "d/buildings.gpkg", "--crs", "EPSG:4326"], ["crs: is a projected grid in metres"]),
    "the grid of another country": (
        ["new", "d/buildings.gpkg", "--crs", "EPSG:9217"],
        ["lengths on the grid of the city are true within 1%", "it is made for Vietnam"],
    ),
    "a country without place data": (["new", "d/buildings.gpkg", "--country", "zz"], ["'zz' is not one of"]),
}


@pytest.fixture(scope="module")
def attic(tmp_path_factory, little_extract):
    """A folder `d` with everything people try, and a study `old`; tests must leave both as they are."""
    folder = tmp_path_factory.mktemp("init")
    init_files(folder / "d", little_extract)
    (folder / "old").mkdir()
    (folder / "old" / "dothi.toml").write_text(CONFIG, encoding="utf-8")
    return folder


@pytest.mark.parametrize("case", INITS)
def test_init_refuses_what_it_cannot_use_and_leaves_nothing_behind(case, attic, monkeypatch):
    arguments, expected = INITS[case]
    monkeypatch.chdir(attic)
    before = snapshot(attic)
    refused(run("init", *arguments), *expected)
    assert snapshot(attic) == before
    assert sorted(path.name for path in attic.iterdir()) == ["d", "old"]


def test_init_takes_long_names_names_with_signs_and_two_files_of_one_name(attic, tmp_path):
    files = [tmp_path / f"buildings{'x' * 241}.gpkg", tmp_path / "nhà [1] buildings & 100% #2.shp", tmp_path / "two"]
    shutil.copy(attic / "d" / "buildings.gpkg", files[0])
    buildings(3).drop(columns="storeys").to_file(files[1])
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (buildings if folder == "one" else roads)(3).to_file(tmp_path / folder / "buildings.gpkg")
    study = tmp_path / "Huế"
    pair = [tmp_path / folder / "buildings.gpkg" for folder in ("one", "two")]
    result = run("init", study, *files[:2], *pair)
    assert result.exit_code == 0, (result.output, result.exception)
    paths = [study / each.path for each in Study.open(study).config.source]
    assert len(set(paths)) == 4
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in (*files[:2], *pair)]
    assert {path.suffix for path in (study / "data").glob("nhà*")} >= {".shp", ".shx", ".dbf", ".prj"}


def test_init_that_cannot_write_leaves_nothing_behind(attic, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dothi.initialise.shutil.copyfile", full)
    refused(run("init", tmp_path / "new", attic / "d" / "buildings.gpkg"), "No space left on device")
    assert not (tmp_path / "new").exists()
