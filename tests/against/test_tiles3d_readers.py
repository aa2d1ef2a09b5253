"""
3D Tiles and GLB read by other programs: gltf-validator of Khronos and 3d-tiles-renderer of NASA-AMMOS.

Their packages are installed by ``npm ci --prefix tests/against``; without them the tests are skipped.
"""

import json
import shutil
import subprocess
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from numpy.testing import assert_allclose
from pyproj import Transformer

from dothi import schema
from dothi.city import City
from dothi.publish import tiles3d
from dothi.publish.glb import export_glb
from dothi.publish.tiles3d import export_3dtiles
from dothi.tables import TABLES

HERE = Path(__file__).parent
CRS = "EPSG:2154"
X, Y = 355_200.0, 6_689_400.0
GEOID_M = 48.0


@pytest.fixture(scope="module")
def node():
    """Run a script with Node, with something on its standard input."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node is not installed")
    for package in ("gltf-validator", "3d-tiles-renderer"):
        if not (HERE / "node_modules" / package).is_dir():
            pytest.skip(f"{package} is not installed: npm ci --prefix tests/against")

    def run(script, *arguments, text=""):
        command = [program, str(HERE / script), *map(str, arguments)]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def city():
    rng = np.random.default_rng(3)
    corner = np.stack(np.meshgrid(np.arange(60.0), np.arange(50.0)), axis=-1).reshape(-1, 2) * 25.0 + [X, Y]
    size = rng.uniform(6.0, 20.0, corner.shape)
    columns = {
        "buildings": {
            "geometry": shapely.box(*corner.T, *(corner + size).T),
            "height_m": np.round(rng.uniform(3.0, 50.0, len(corner)), 1),
            "ground_m": np.full(len(corner), 5.0),
            "name": [f"Nhà số {number}" for number in range(len(corner))],
        },
        "trees": {"geometry": shapely.points(corner - 2.0), "height_m": rng.uniform(3.0, 20.0, len(corner))},
        "links": {
            "geometry": [shapely.LineString([(X, Y - 9), (X + 700, Y - 12), (X + 1500, Y - 9)])],
            "from_node_id": [0],
            "to_node_id": [1],
            "class": ["primary"],
        },
        "water_bodies": {"geometry": [shapely.box(X, Y - 300, X + 1500, Y - 100)], "kind": ["river"]},
    }
    tables = {
        name: schema.complete(gpd.GeoDataFrame(values, crs=CRS), TABLES[name]) for name, values in columns.items()
    }
    return City("Lưới", "vn", CRS, (X - 10, Y - 300, X + 1510, Y + 1260), tables)


@pytest.fixture(scope="module", params=["quantised", "meshopt"])
def tileset(request, city, tmp_path_factory):
    if request.param == "meshopt":
        pytest.importorskip("meshopt")
    folder = tmp_path_factory.mktemp(request.param) / "tiles"
    with pytest.MonkeyPatch.context() as patch:  # several levels of tiles in a small city
        patch.setattr(tiles3d, "LEAF_VERTICES", 1500)
        patch.setattr(tiles3d, "UPPER_VERTICES", 500)
        export_3dtiles(city, folder, packing=request.param, geoid_m=GEOID_M)
    return folder


def test_the_validator_of_khronos_finds_neither_errors_nor_warnings(node, tileset):
    found = node("validate.mjs", tileset)
    assert found["files"] == len(list(tileset.rglob("*.glb"))) > 20
    assert found["problems"] == []


@pytest.mark.parametrize("packing", ["plain", "quantised", "meshopt"])
def test_the_validator_of_khronos_accepts_single_files(node, city, tmp_path, packing):
    if packing == "meshopt":
        pytest.importorskip("meshopt")
    export_glb(city, tmp_path / "city.glb", packing=packing)
    assert node("validate.mjs", tmp_path / "city.glb") == {"files": 1, "problems": []}


def geocentric(xy, height):
    lon, lat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(*xy.T)
    to_centre = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    return np.column_stack(to_centre.transform(lon, lat, np.broadcast_to(height, len(xy)) + GEOID_M))


def test_buildings_are_picked_by_id_where_they_stand(node, city, tileset):
    buildings = city["buildings"]
    chosen = buildings.iloc[::29]
    xy = shapely.get_coordinates(chosen.geometry.centroid.to_numpy())
    top = (chosen["ground_m"] + chosen["height_m"]).to_numpy()
    above, roof = geocentric(xy, 500.0), geocentric(xy, top)
    middle = np.array([[X + 750.0, Y + 500.0]])
    overview = [geocentric(middle, 3000.0)[0], geocentric(middle, 0.0)[0] - geocentric(middle, 3000.0)[0]]
    rays = [overview, *zip(above, roof - above, strict=True)]
    answer = node("pick.mjs", tileset, text=json.dumps(np.array(rays).tolist()))
    assert answer["failures"] == []
    hits = answer["hits"][1:]
    assert [hit["feature"]["building_id"] for hit in hits] == chosen.index.tolist()
    assert [hit["feature"]["name"] for hit in hits] == chosen["name"].tolist()
    assert_allclose([hit["feature"]["height_m"] for hit in hits], chosen["height_m"], rtol=1e-6)
    assert_allclose([hit["point"] for hit in hits], roof, atol=0.02)


def test_viewers_from_afar_load_only_the_topmost_tiles(node, city, tileset):
    middle = np.array([[X + 750.0, Y + 500.0]])
    eye = geocentric(middle, 60_000.0)[0]
    ray = [[eye.tolist(), (geocentric(middle, 0.0)[0] - eye).tolist()]]
    answer = node("pick.mjs", tileset, "16", text=json.dumps(ray))
    assert 0 < answer["meshes"] < len(list(tileset.rglob("*.glb")))
