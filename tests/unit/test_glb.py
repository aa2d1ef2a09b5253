import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi import schema
from dothi.city import City
from dothi.errors import InputError
from dothi.publish import glb as module
from dothi.publish.glb import export_glb
from dothi.tables import TABLES

sys.path.insert(0, str(Path(__file__).parent))
from _glb import Glb as Read

CRS = "EPSG:5897"
X, Y = 586_000.0, 2_325_000.0


def table(name, /, **columns):
    return schema.complete(gpd.GeoDataFrame(columns, crs=CRS), TABLES[name])


@pytest.fixture(scope="module")
def city():
    houses = [shapely.box(X + k, Y, X + k + 8, Y + 12) for k in range(0, 100, 10)]
    tables = {
        "buildings": table("buildings", geometry=houses, height_m=[9.0] * 10, ground_m=[2.0] * 10, name=["Nhà"] * 10),
        "links": table(
            "links",
            geometry=[shapely.LineString([(X, Y - 8), (X + 100, Y - 8)])],
            from_node_id=[0],
            to_node_id=[1],
            **{"class": ["primary"]},
        ),
        "trees": table("trees", geometry=[shapely.Point(X + 5, Y - 4)], height_m=[7.0]),
    }
    return City("Phố cổ", "vn", CRS, (X, Y - 10, X + 100, Y + 14), tables)


@pytest.fixture(params=["plain", "quantised", "meshopt"])
def read(request, city, tmp_path):
    if request.param == "meshopt":
        pytest.importorskip("meshopt")
    export_glb(city, tmp_path / "city.glb", packing=request.param)
    return Read((tmp_path / "city.glb").read_bytes())


def test_every_layer_is_a_node_with_its_name(read):
    assert [node["name"] for node in read.json["nodes"]] == ["buildings", "links", "trees"]
    assert [mesh["name"] for mesh in read.json["meshes"]] == ["buildings", "links", "trees"]
    assert read.json["scenes"] == [{"nodes": [0, 1, 2], "name": "Phố cổ"}]


def test_coordinates_are_metres_from_the_origin_it_names(read):
    extras = read.json["asset"]["extras"]
    assert extras == {"crs": CRS, "origin": [X + 50, Y + 2]}
    xyz = read.mesh(0)[0]
    xy = xyz[:, :2] + np.array(extras["origin"])
    assert_allclose(xy.min(axis=0), [X, Y], atol=0.011)
    assert_allclose(xy.max(axis=0), [X + 98, Y + 12], atol=0.011)
    assert_allclose(xyz[:, 2].max(), 11.0, atol=0.011)


def test_features_are_rows_of_the_table_of_their_layer(read):
    xyz, _, feature, _ = read.mesh(0)
    assert read.table(0)["building_id"] == list(range(10))
    assert read.table(0)["name"] == ["Nhà"] * 10
    west = [xyz[feature == k, 0].min() for k in range(10)]
    assert_allclose(west, np.arange(10) * 10.0 - 50.0, atol=0.011)
    assert read.table(2)["height_m"] == [7.0]


def test_trees_are_as_tall_as_they_are(read):
    z = read.mesh(2)[0][:, 2]
    assert_allclose(np.ptp(z), 7.0 * 1.02, atol=0.02)


def test_everybody_reads_a_plain_file(city, tmp_path):
    export_glb(city, tmp_path / "city.glb")
    assert "extensionsRequired" not in Read((tmp_path / "city.glb").read_bytes()).json


def test_the_same_city_gives_the_same_bytes(city, tmp_path):
    for name in ("a.glb", "b.glb"):
        export_glb(city, tmp_path / name)
    assert (tmp_path / "a.glb").read_bytes() == (tmp_path / "b.glb").read_bytes()


def test_only_the_layers_and_columns_asked_for_are_written(city, tmp_path):
    counts = export_glb(city, tmp_path / "city.glb", {"buildings": ("height_m",)}).counts
    read = Read((tmp_path / "city.glb").read_bytes())
    assert counts == {"buildings": 10}
    assert list(read.table()) == ["building_id", "height_m"]


def test_what_cannot_be_written_is_said_and_leaves_nothing(city, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="is one of the layers"):
        export_glb(city, tmp_path / "city.glb", {"clouds": ()})
    with pytest.raises(InputError, match="something to draw"):
        export_glb(City("Empty", "vn", CRS, (X, Y, X + 1, Y + 1)), tmp_path / "city.glb")
    monkeypatch.setattr(module, "LARGEST", 1000)
    with pytest.raises(InputError, match="4 GiB"):
        export_glb(city, tmp_path / "city.glb")
    assert list(tmp_path.iterdir()) == []
