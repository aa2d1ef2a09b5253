"""Exports: every format reads back, wrong requests are refused together, and nothing is ever left half."""

from __future__ import annotations

import json
import os
import sqlite3
import zipfile
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pytest
import rasterio
import shapely
from numpy.testing import assert_allclose

from dothi.city import City
from dothi.errors import DothiError, InputError
from dothi.io.terrain import Grid
from dothi.publish import export as module
from dothi.publish.export import FORMATS, default_name, export
from dothi.publish.written import Written
from dothi.schema import complete
from dothi.tables import TABLES

HUE = "EPSG:9214"  # VN-2000 / TM-3 zone 107-00, here a grid whose definition must survive
X, Y = 560_000.0, 1_820_000.0


@pytest.fixture
def city():
    shapes = [shapely.box(X, Y, X + 10, Y + 8), shapely.MultiPolygon([shapely.box(X + 20, Y, X + 25, Y + 5)])]
    buildings = gpd.GeoDataFrame(
        {
            "name": ["Đại Nội", None],
            "height_m": [12.25, np.nan],
            "height_m_method": ["measured", None],
            "height_m_confidence": [1.0, np.nan],
            "ground_m": [3.0, 3.5],
            "storeys": [3, None],
            "function": ["culture", None],
        },
        geometry=shapes,
        index=pd.Index([7, 0]),
        crs=HUE,
    )
    trees = gpd.GeoDataFrame({"height_m": [5.0]}, geometry=[shapely.Point(X + 5, Y + 20, 3.25)], crs=HUE)
    railways = gpd.GeoDataFrame(
        {"class": ["tram"], "bridge": [True], "level": [None]},
        geometry=[shapely.LineString([(X, Y), (X + 9, Y)])],
        crs=HUE,
    )
    weather = pd.DataFrame({"time": pd.to_datetime(["2025-06-01 05:00"]), "air_temperature_c": [31.5]})
    tables = {"buildings": buildings, "trees": trees, "railways": railways, "weather": weather}
    grid = Grid(HUE, X - 20, Y + 60, 10.0, (8, 8))
    terrain = grid.array(np.full((8, 8), 3.0, dtype=np.float32), "m", "measured")
    cover = grid.array(np.arange(64, dtype=np.uint8).reshape(8, 8) % 5, "1", "sources")
    whole = {name: complete(table, TABLES[name]) for name, table in tables.items()}
    bounds = (X - 20, Y - 20, X + 60, Y + 60)
    return City("Cố đô Huế", "vn", HUE, bounds, whole, {"terrain": terrain, "land_cover": cover})


def refused(city, *arguments, **options):
    with pytest.raises(InputError) as caught:
        export(city, *arguments, **options)
    return str(caught.value)


CITY_FORMATS = [name for name, each in FORMATS.items() if not each.of_study]  # others: test_handover.py


# --- every format -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CITY_FORMATS)
def test_every_format_writes_what_it_says(city, tmp_path, name):
    target = tmp_path / f"thành phố{FORMATS[name].suffix}"
    done = export(city, name, target)
    assert done.path == target
    assert target.is_file() == bool(FORMATS[name].suffix)
    files = [target] if target.is_file() else [file for file in target.rglob("*") if file.is_file()]
    assert done.bytes == sum(file.stat().st_size for file in files) > 0
    assert done.counts
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("name", CITY_FORMATS)
def test_every_format_gives_the_same_bytes_twice(city, tmp_path, name):
    if name == "gpkg":
        pytest.skip("a GeoPackage says when it was written")
    made = []
    for folder in ("a", "b"):
        target = tmp_path / folder / f"city{FORMATS[name].suffix}"
        export(city, name, target)
        files = [target] if target.is_file() else sorted(file for file in target.rglob("*") if file.is_file())
        made.append([file.read_bytes() for file in files])
    assert made[0] == made[1]


def test_a_geopackage_has_a_described_layer_for_every_table_with_its_ids(city, tmp_path):
    path = tmp_path / "city.gpkg"
    done = export(city, "gpkg", path)
    assert dict(pyogrio.list_layers(path)) == {
        "buildings": "MultiPolygon", "trees": "Point Z", "railways": "LineString", "weather": None
    }  # fmt: skip
    assert done.counts == {"buildings": 2, "trees": 1, "railways": 1, "weather": 1}
    read = gpd.read_file(path, layer="buildings", fid_as_index=True)
    assert sorted(read.index) == [0, 7]
    house = read.loc[7]
    assert (house["name"], house["height_m"], house["storeys"], house["function"]) == ("Đại Nội", 12.25, 3, "culture")
    assert read.loc[0].drop("geometry").isna().drop("ground_m").all()
    assert read.crs == HUE
    assert shapely.get_coordinates(gpd.read_file(path, layer="trees").geometry, include_z=True)[0, 2] == 3.25
    with sqlite3.connect(path) as file:
        (told,) = file.execute(
            "select description from gpkg_data_columns where table_name='buildings' and column_name='height_m'"
        ).fetchone()
        assert told == "Height of the eaves or flat roof above ground [m]."
        assert file.execute("pragma integrity_check").fetchone() == ("ok",)
    file.close()


def test_geoparquet_carries_units_and_boxes(city, tmp_path):
    export(city, "geoparquet", tmp_path / "out")
    path = tmp_path / "out" / "buildings.parquet"
    schema = pq.read_schema(path)
    assert schema.field("height_m").metadata[b"unit"] == b"m"
    geo = json.loads(schema.metadata[b"geo"])
    assert (geo["version"], geo["columns"]["geometry"]["geometry_types"]) == ("1.1.0", ["MultiPolygon", "Polygon"])
    assert geo["columns"]["geometry"]["covering"]["bbox"]["xmax"] == ["bbox", "xmax"]
    assert gpd.read_parquet(path, bbox=(X + 19, Y, X + 30, Y + 1))["building_id"].tolist() == [0]
    whole = gpd.read_parquet(path).set_index("building_id")
    assert shapely.equals_exact(whole.geometry.array, city["buildings"].geometry.array).all()
    assert whole.crs == HUE
    weather = pd.read_parquet(tmp_path / "out" / "weather.parquet")
    assert weather["air_temperature_c"].tolist() == [31.5]
    assert weather["time"].tolist() == [pd.Timestamp("2025-06-01 05:00", tz="UTC")]


def test_geojson_is_in_degrees_to_a_centimetre_with_outer_rings_counter_clockwise(city, tmp_path):
    done = export(city, "geojson", tmp_path / "out")
    document = json.loads((tmp_path / "out" / "buildings.geojson").read_text(encoding="utf-8"))
    assert "crs" not in document
    assert [feature["id"] for feature in document["features"]] == [7, 0]
    ring = np.array(document["features"][0]["geometry"]["coordinates"][0])
    assert shapely.is_ccw(shapely.LinearRing(ring))
    assert_allclose(ring.mean(axis=0), [107.56, 16.46], atol=0.01)  # Huế
    assert max(len(str(value).partition(".")[2]) for value in ring.ravel()) <= 7
    back = gpd.GeoSeries([shapely.geometry.shape(f["geometry"]) for f in document["features"]], crs=4326).to_crs(HUE)
    assert shapely.hausdorff_distance(back.array, city["buildings"].geometry.array).max() < 0.012
    assert any("without geometry" in note and "weather" in note for note in done.notes)


def test_rasters_are_written_as_they_are(city, tmp_path):
    export(city, "geotiff", tmp_path / "out")
    with rasterio.open(tmp_path / "out" / "land_cover.tif") as file:
        assert (file.read(1) == city.rasters["land_cover"].to_numpy()).all()
        assert file.crs == rasterio.CRS.from_user_input(HUE)


# --- options ------------------------------------------------------------------------------------------------------


def test_layers_and_columns_are_picked(city, tmp_path):
    export(city, "gpkg", tmp_path / "a.gpkg", layers=["buildings", "trees"], columns=["height_m", "buildings.name"])
    assert set(pyogrio.read_info(tmp_path / "a.gpkg", layer="buildings")["fields"]) == {"height_m", "name"}
    assert set(pyogrio.read_info(tmp_path / "a.gpkg", layer="trees")["fields"]) == {"height_m"}
    assert len(pyogrio.list_layers(tmp_path / "a.gpkg")) == 2


@pytest.mark.parametrize(("name", "suffix"), [("geojson", ".geojson"), ("geoparquet", ".parquet"), ("geotiff", ".tif")])
def test_one_layer_may_be_one_file(city, tmp_path, name, suffix):
    layer = "terrain" if name == "geotiff" else "trees"
    assert export(city, name, tmp_path / f"a{suffix}", layers=[layer]).path.is_file()
    assert "one file holds one layer" in refused(city, name, tmp_path / f"b{suffix}")


@pytest.mark.parametrize("name", ["cityjson", "gpkg", "geoparquet", "geotiff", "glb"])
def test_another_grid_moves_everything(city, tmp_path, name):
    target = tmp_path / f"out{FORMATS[name].suffix}"
    export(city, name, target, crs="32648")
    if name == "cityjson":
        document = json.loads(target.read_text())
        assert document["metadata"]["referenceSystem"].endswith("/32648")
        moved = np.array(document["metadata"]["geographicalExtent"])[[0, 1]]
    elif name == "gpkg":
        moved = gpd.read_file(target, layer="buildings").total_bounds[:2]
    elif name == "geoparquet":
        moved = gpd.read_parquet(target / "buildings.parquet").total_bounds[:2]
    elif name == "geotiff":
        with rasterio.open(target / "terrain.tif") as file:
            moved = np.array(file.bounds[:2])
            assert np.nanmin(file.read(1)) == np.nanmax(file.read(1)) == 3.0
    else:
        return
    expected = city["buildings"].to_crs("EPSG:32648").total_bounds[:2]
    assert_allclose(moved, expected, atol=60.0)
    assert abs(expected - [X, Y]).max() > 1000.0


def test_a_grid_of_its_own_keeps_its_definition(city, tmp_path):
    shift = "-191.90441429,-39.30318279,-111.45032835,0.00928836,-0.01975479,0.00427372,0.252906278"
    own = f"+proj=tmerc +lat_0=0 +lon_0=107.8 +k=0.9999 +x_0=500000 +y_0=0 +ellps=WGS84 +towgs84={shift} +type=crs"
    moved = replace(
        city,
        crs=own,
        tables={k: t.set_crs(own, allow_override=True) if "geometry" in t else t for k, t in city.tables.items()},
        rasters={},
    )
    export(moved, "gpkg", tmp_path / "a.gpkg")
    export(moved, "geoparquet", tmp_path / "a")
    for read in (
        gpd.read_file(tmp_path / "a.gpkg", layer="buildings"),
        gpd.read_parquet(tmp_path / "a" / "buildings.parquet"),
    ):
        assert "107.8" in read.crs.to_wkt()
        assert "-191.90441429" in read.crs.to_wkt()
    assert "EPSG code" in refused(moved, "cityjson", tmp_path / "a.json")
    assert export(moved, "cityjson", tmp_path / "b.json", crs=HUE).counts["buildings"] == 2


def test_compressed_exports_are_archives(city, tmp_path):
    export(city, "cityjson", tmp_path / "a.city.json.zip", compress=True)
    export(city, "geojson", tmp_path / "b.zip", compress=True)
    with zipfile.ZipFile(tmp_path / "a.city.json.zip") as archive:
        assert archive.namelist() == ["a.city.json"]
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert "b/buildings.geojson" in archive.namelist()


def test_names_follow_from_the_city(city, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert export(city, "gpkg").path == Path("cố-đô-huế.gpkg")
    assert default_name("..", FORMATS["geojson"], ["trees"], compress=True) == "city-trees.geojson.zip"


# --- bad requests -------------------------------------------------------------------------------------------------


def test_all_that_is_wrong_is_told_at_once(city, tmp_path):
    taken = tmp_path / "there.gpkg"
    taken.write_text("mine")
    told = refused(city, "gpgk", taken, layers=["buildigns"], columns=["hieght_m"], crs="EPSG:99")
    for part in ("format is one of cityjson", "buildigns: is one of", "hieght_m: is a column", "--crs", "--force"):
        assert part in told
    assert taken.read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"crs": "EPSG:4326"}, "needs a projected grid in metres"),
        ({"crs": "EPSG:2263"}, "needs a projected grid in metres"),
        ({"crs": "EPSG:5773"}, "is neither"),
        ({"layers": ["weather"]}, "weather: is one of the layers of cityjson"),
        ({"columns": ["links.name"]}, "links: is one of the layers that are written"),
        ({"compress": True}, "ends with .zip"),
    ],
)
def test_what_cityjson_cannot_do_is_refused(city, tmp_path, options, rule):
    assert rule in refused(city, "cityjson", tmp_path / "a.json", **options)
    assert list(tmp_path.iterdir()) == []


def test_geojson_is_never_on_another_grid_and_never_without_place(city, tmp_path):
    assert "always in degrees" in refused(city, "geojson", tmp_path / "a", crs="EPSG:32648")
    assert "has a geometry" in refused(city, "geojson", tmp_path / "a", layers=["weather"])


def test_only_exports_are_replaced(city, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "me.jpg").write_text("x")
    assert "is not there yet" in refused(city, "geojson", folder)
    assert "may be replaced" in refused(city, "geojson", folder, force=True)
    assert "may be replaced" in refused(city, "gpkg", folder, force=True)
    assert (folder / "me.jpg").read_text() == "x"


@pytest.mark.parametrize("name", ["gpkg", "geojson"])
def test_force_replaces_the_whole_export(city, tmp_path, name):
    target = tmp_path / f"out{FORMATS[name].suffix}"
    export(city, name, target, layers=["trees"])
    export(city, name, target, layers=["buildings"], force=True)
    kept = [layer for layer, _ in pyogrio.list_layers(target)] if name == "gpkg" else os.listdir(target)  # noqa: PTH208
    assert [Path(each).stem for each in kept] == ["buildings"]


def test_names_that_no_system_takes_are_refused(city, tmp_path):
    assert "zero byte" in refused(city, "gpkg", Path("a\0b.gpkg"))
    assert "ends with .gpkg" in refused(city, "gpkg", tmp_path / "a.json")
    assert "is a name that the system takes" in refused(city, "gpkg", tmp_path / ("x" * 300 + ".gpkg"))
    (tmp_path / "file").write_text("")
    assert "lies in a folder" in refused(city, "gpkg", tmp_path / "file" / "a.gpkg")


# --- whole or not at all ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device"), "the disk is full"),
        (PermissionError(13, "Permission denied"), "denied"),
    ],
)
def test_what_fails_leaves_what_was_there(city, tmp_path, monkeypatch, error, told):
    target = tmp_path / "a.gpkg"
    export(city, "gpkg", target)
    before = target.read_bytes()

    def fail(city, path, layers, notify):
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(module, "_imported", lambda address: fail if ":" in address else None)
    with pytest.raises(DothiError, match=told):
        export(city, "gpkg", target, force=True)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.gpkg"]


def test_an_interrupted_export_leaves_nothing(city, tmp_path, monkeypatch):
    def interrupt(label):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(city, "geojson", tmp_path / "out", notify=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_new_format_is_one_line(city, tmp_path, monkeypatch):
    """What later formats rely on: a name, a line, an ending and the address of a function."""

    def write(city, path, layers, notify):
        path.write_text("[PIPES]")
        return Written({"pipes": 0})

    monkeypatch.setitem(FORMATS, "inp", module.Format("inp", "EPANET", ".inp", "somewhere:write"))
    monkeypatch.setattr(module, "_imported", lambda address: write)
    assert export(city, "inp", tmp_path / "a.inp").bytes == 7
