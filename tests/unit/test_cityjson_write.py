"""CityJSON written by Dothi: right by the standard, closed in space, and nothing lost on the way back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.city import City
from dothi.errors import InputError, Problems
from dothi.io.cityjson import read_cityjson
from dothi.io.json_numbers import nested
from dothi.io.terrain import Grid
from dothi.publish import cityjson as module
from dothi.publish.cityjson import write_cityjson, write_cityjsonseq
from dothi.schema import complete, expand
from dothi.tables import TABLES

CRS = "EPSG:9217"
X, Y = 580_000.0, 2_320_000.0
LAYERS = ("buildings", "links", "railways", "water_bodies", "waterways", "land_use", "trees")


def table(name, geometry, /, **columns):
    shapes = [
        shapely.transform(shape, lambda at: at + [X, Y, 0.0][: at.shape[1]], include_z=shape.has_z)
        for shape in geometry
    ]
    return complete(gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS), TABLES[name])


def house():
    """Surfaces of a house of 10 × 6 m with a gabled roof: eaves at 4 m, ridge at 7 m, on ground at 2 m."""
    a, b, c, d = (40, 0, 2), (50, 0, 2), (50, 6, 2), (40, 6, 2)
    e, f, g, h, i, j = (40, 0, 6), (50, 0, 6), (50, 6, 6), (40, 6, 6), (40, 3, 9), (50, 3, 9)
    faces = [(a, d, c, b), (a, b, f, e), (c, d, h, g), (b, c, g, j, f), (d, a, e, i, h), (e, f, j, i), (g, h, i, j)]
    return [shapely.Polygon(face) for face in faces], ["ground", "wall", "wall", "wall", "wall", "roof", "roof"]


@pytest.fixture
def city():
    """A city with one of everything that can go wrong."""
    court = shapely.Polygon([(0, 0), (20, 0), (20, 20), (0, 20)], [[(5, 5), (5, 15), (15, 15), (15, 5)]])
    two = shapely.MultiPolygon([shapely.box(0, 30, 5, 35), shapely.box(7, 30, 12, 35)])
    tower, modelled, low = shapely.box(20, 30, 40, 40), shapely.box(40, 0, 50, 6), shapely.box(60, 0, 61.0004, 1)
    buildings = table(
        "buildings",
        [court, two, tower, modelled, low, shapely.Polygon([(70, 0), (80, 0), (80.0002, 0.0001), (80, 5), (70, 5)])],
        source_id=["a", None, 'tòa "c"', "d", "e", "f"],
        name=["Chợ Bến Thành", None, None, "x\\y", None, None],
        height_m=[12.5, 3.1, 30.0, 5.5, np.nan, 4.0],
        height_m_method=["measured", "storeys", "measured", "mean_roof", None, "measured"],
        height_m_confidence=[1.0, 0.547777777777, 1.0, 0.86, np.nan, 1.0],
        ground_m=[2.0, 2.25, 2.0, 2.0, 1.5, -1.5],
        storeys=[4, 1, 9, 2, None, 1],
        function=["retail", None, "apartments", "residential", None, "outbuilding"],
        year_built=[1914, None, 2020, -44, None, None],
        residents=[0, None, 120, 4, None, 0],
        roof_shape=["gambrel", None, "flat", "gabled", None, None],
        min_height_m=[np.nan, np.nan, np.nan, np.nan, np.nan, 2.5],
    )
    parts = table(
        "building_parts",
        [shapely.box(30, 30, 40, 40), shapely.box(20, 30, 30, 40), shapely.box(6, 6, 7, 7)],
        building_id=[2, 2, 0],
        source_id=["p1", "p0", None],
        height_m=[30.0, 9.0, 2.0],
        min_height_m=[np.nan, 3.0, np.nan],
        storeys=[9, 2, None],
    )
    shapes, kinds = house()
    surfaces = table("surfaces", shapes, building_id=[3] * 7, kind=kinds, lod=["2.2"] * 7)
    flat = shapely.LineString([(0, -5), (50, -5), (50, -5.0001), (90, -8)])
    links = table(
        "links",
        [flat, flat.reverse()],
        from_node_id=[0, 1],
        to_node_id=[1, 0],
        reverse_link_id=[1, 0],
        length_m=[90.1, 90.1],
        lanes=[1.0, 1.0],
        **{"class": ["residential"] * 2},
        **{mode: [True] * 2 for mode in ("walk", "bicycle", "motorbike", "car", "bus", "truck")},
    )
    tables = {
        "buildings": buildings,
        "building_parts": parts,
        "surfaces": surfaces,
        "links": links,
        "railways": table(
            "railways",
            [shapely.LineString([(0, -9, 4), (90, -9, 5)]), shapely.LineString([(0, 50), (90, 50)])],
            **{"class": ["tram", "rail"], "bridge": [True, None], "level": [1, 0]},
        ),
        "waterways": table("waterways", [shapely.LineString([(0, 60), (9, 70)])], kind=["stream"], width_m=[2.5]),
        "water_bodies": table("water_bodies", [shapely.box(0, 70, 30, 90)], kind=["pond"], kind_method=["measured"]),
        "land_use": table("land_use", [court, two], name=["Công viên", None], **{"class": ["square", "wetland"]}),
        "trees": table(
            "trees",
            [shapely.Point(3, 25), shapely.Point(9, 25), shapely.Point(12, 25)],
            species=["Bàng", None, None],
            height_m=[8.0, 11.5, np.nan],
            crown_diameter_m=[5.0, np.nan, np.nan],
        ),
        "weather": complete(pd.DataFrame({"time": pd.to_datetime(["2025-01-01"])}), TABLES["weather"]),
    }
    grid = Grid(CRS, X - 20, Y + 120, 10.0, (14, 14))
    terrain = grid.array(np.linspace(0.0, 3.0, 196, dtype=np.float32).reshape(14, 14), "m", "measured")
    return City("Đà Nẵng", "vn", CRS, (X - 20, Y - 20, X + 120, Y + 120), tables, {"terrain": terrain})


@pytest.fixture(params=[write_cityjson, write_cityjsonseq], ids=["document", "sequence"])
def written(request, city, tmp_path):
    path = tmp_path / ("thành phố.city.json" if request.param is write_cityjson else "thành phố.city.jsonl")
    request.param(city, path)
    return path


def documents(path):
    """The document itself, or the features of a sequence, each with the transform of the head."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix == ".json":
        return [json.loads(path.read_text(encoding="utf-8"))]
    head = json.loads(lines[0])
    return [json.loads(line) | {"transform": head["transform"]} for line in lines[1:]]


def numbers_in(nested_lists):
    """All numbers in lists of any depth."""
    for each in nested_lists:
        if isinstance(each, list):
            yield from numbers_in(each)
        else:
            yield each


def at(shapes):
    return shapely.get_coordinates(np.asarray(shapes, dtype=object), include_z=True)


def faults(document):
    """What val3dity would find: open, badly turned, bent, degenerate or unused pieces."""
    found, used = Counter(), set()
    vertices = np.array(document["vertices"]).reshape(-1, 3)
    xyz = vertices * document["transform"]["scale"] + document["transform"]["translate"]
    found["repeated vertex"] += len(vertices) - len(np.unique(vertices, axis=0))
    for name, thing in document["CityObjects"].items():
        for geometry in thing.get("geometry", []):
            boundaries = geometry["boundaries"]
            used.update(numbers_in(boundaries))
            if geometry["type"] not in ("Solid", "MultiSurface", "CompositeSurface"):
                continue
            faces = boundaries[0] if geometry["type"] == "Solid" else boundaries
            edges = Counter()
            for face in faces:
                for ring in face:
                    found["short ring"] += len(set(ring)) < 3 or len(set(ring)) < len(ring)
                    edges.update(zip(ring, ring[1:] + ring[:1], strict=True))
                at = xyz[np.concatenate(face).astype(int)]
                _, spread, _ = np.linalg.svd(at - at.mean(axis=0), full_matrices=False)
                found["bent face"] += len(at) > 3 and spread[-1] > 0.01
            if geometry["type"] == "Solid":
                found["open solid"] += any(edges[b, a] != 1 or n != 1 for (a, b), n in edges.items())
                volume = sum(
                    np.linalg.det(xyz[[ring[0], ring[k], ring[k + 1]]] - xyz[faces[0][0][0]])
                    for face in faces for ring in face for k in range(1, len(ring) - 1)
                )  # fmt: skip
                found["inside out"] += volume <= 0
            if "semantics" in geometry:
                values = geometry["semantics"]["values"]
                values = values[0] if geometry["type"] == "Solid" else values
                found["semantics"] += len(values) != len(faces) or max(values) >= len(geometry["semantics"]["surfaces"])
        found["parents"] += any(name not in document["CityObjects"][k]["parents"] for k in thing.get("children", []))
    found["unused vertex"] += len(vertices) - len(used)
    return {fault: n for fault, n in found.items() if n}


def same(want, got, name):
    assert len(got) == len(want)
    a, b = (shapely.force_2d(np.asarray(frame.geometry.array, dtype=object)) for frame in (want, got))
    assert shapely.hausdorff_distance(a, b).max() < 0.001  # half a millimetre along each axis
    for column, declared in expand(TABLES[name].columns).items():
        if declared.kind == "geometry" or column not in want.columns:
            continue
        before = want[column].reset_index(drop=True)
        after = got[column] if column in got.columns else pd.Series(None, index=got.index, dtype=before.dtype)
        pd.testing.assert_series_equal(before, after, check_names=False, check_dtype=False, check_categorical=False)


def test_numbers_are_written_like_json_writes_them():
    rng = np.random.default_rng(7)
    rings = [[rng.integers(0, 10**k, rng.integers(1, 5)).tolist() for _ in range(3)] for k in (1, 4, 9)]
    values = np.array(list(numbers_in(rings)))
    depth = np.array([k for group in rings for ring in group for k in (*[0] * (len(ring) - 1), 1)], dtype=np.uint8)
    ends = np.cumsum([len(list(numbers_in(group))) for group in rings])
    assert [json.loads(b"[[" + text + b"]]") for text in nested(values, depth, ends)] == rings
    assert nested(np.array([5]), np.array([0], dtype=np.uint8), np.array([0, 1, 1])) == [b"", b"5", b""]


def test_numbers_are_the_same_in_small_portions(monkeypatch):
    values, depth, ends = np.arange(1000), np.tile(np.array([0, 0, 2], np.uint8), 334)[:1000], np.arange(10, 1001, 10)
    whole = nested(values, depth, ends)
    monkeypatch.setattr("dothi.io.json_numbers.TOKENS_AT_ONCE", 25)
    assert nested(values, depth, ends) == whole


def test_everything_comes_back_as_it_was(city, written, problems):
    found = read_cityjson(written, problems)
    for name in ("buildings", "building_parts", "railways", "waterways", "water_bodies", "land_use", "trees"):
        same(city[name], found[name], name)
    assert [str(problem) for problem in problems if problem.severity != "note"] == []
    assert (found["buildings"].crs, set(found)) == (CRS, {*LAYERS, "building_parts", "surfaces"} - {"links"})


def test_modelled_surfaces_come_back_and_drawn_ones_do_not(city, written, problems):
    found = read_cityjson(written, problems)["surfaces"]
    assert found["kind"].tolist() == city["surfaces"]["kind"].tolist()
    assert found["building_id"].tolist() == [3] * 7
    assert set(found["lod"]) == {"2.2"}
    assert_allclose(at(found.geometry), at(city["surfaces"].geometry), atol=0.0006)


def test_lines_get_levels_of_the_ground_only_in_the_file(city, written, problems):
    lines = read_cityjson(written, problems)["railways"].geometry
    assert lines.has_z.tolist() == [True, False]
    heads = [d["CityObjects"]["railway-1"] for d in documents(written) if "railway-1" in d["CityObjects"]]
    assert heads[0]["attributes"]["z_method"] == "terrain"


def test_solids_are_closed_and_turned_outwards_and_no_vertex_is_twice_or_idle(written):
    assert [faults(document) for document in documents(written) if faults(document)] == []


def test_a_gabled_house_is_a_solid_and_one_that_lacks_a_wall_is_not(city, tmp_path):
    write_cityjson(city, tmp_path / "a.json")
    open_house = city.with_tables(surfaces=city["surfaces"].iloc[:-1])
    write_cityjson(open_house, tmp_path / "b.json")
    kinds = []
    for name in ("a.json", "b.json"):
        geometry = json.loads((tmp_path / name).read_text())["CityObjects"]["building-3"]["geometry"]
        kinds.append([(each["type"], each["lod"]) for each in geometry])
    assert kinds[0] == [("MultiSurface", "0"), ("Solid", "1.2"), ("Solid", "2.2")]
    assert kinds[1] == [("MultiSurface", "0"), ("Solid", "1.2"), ("MultiSurface", "2.2")]


def test_a_wall_drawn_twice_makes_no_solid(city, tmp_path):
    twice = pd.concat([city["surfaces"], city["surfaces"].iloc[[1]]], ignore_index=True).rename_axis("surface_id")
    write_cityjson(city.with_tables(surfaces=twice), tmp_path / "a.json")
    geometry = json.loads((tmp_path / "a.json").read_text())["CityObjects"]["building-3"]["geometry"]
    assert geometry[-1]["type"] == "MultiSurface"


def test_a_block_of_the_source_takes_the_place_of_ours(city, tmp_path):
    blocks = city.with_tables(surfaces=city["surfaces"].assign(lod="1"))
    write_cityjson(blocks, tmp_path / "a.json")
    geometry = json.loads((tmp_path / "a.json").read_text())["CityObjects"]["building-3"]["geometry"]
    assert [each["lod"] for each in geometry] == ["0", "1"]
    found = read_cityjson(tmp_path / "a.json", Problems())["surfaces"]
    assert set(found["lod"]) == {"1"}


def test_parts_that_cover_their_building_stand_for_it(city, tmp_path):
    write_cityjson(city, tmp_path / "a.json")
    objects = json.loads((tmp_path / "a.json").read_text())["CityObjects"]
    tower = objects["building-2"]
    assert [each["lod"] for each in tower["geometry"]] == ["0"]
    assert sorted(tower["children"]) == ["building_part-0", "building_part-1"]
    assert objects["building_part-0"]["parents"] == ["building-2"]
    assert [each["lod"] for each in objects["building-0"]["geometry"]] == ["1.2"]  # a shed in the court does not
    assert len(objects["building-1"]["geometry"]) == 2  # CityJSON has no MultiSolid for buildings


def test_blocks_stand_between_their_underside_and_their_height(city, tmp_path):
    write_cityjson(city, tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    z = np.array(document["vertices"])[:, 2] * 0.001 + document["transform"]["translate"][2]
    for name, low, high in (("building-0", 2.0, 14.5), ("building-5", 1.0, 2.5), ("building_part-1", 5.0, 11.0)):
        levels = z[list(numbers_in([each["boundaries"] for each in document["CityObjects"][name]["geometry"]]))]
        assert_allclose([levels.min(), levels.max()], [low, high])


def test_trees_are_copies_of_a_template_where_their_height_is_known(city, tmp_path):
    write_cityjson(city, tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    trees = [document["CityObjects"][f"tree-{i}"]["geometry"][0] for i in range(3)]
    assert [tree["type"] for tree in trees] == ["GeometryInstance", "GeometryInstance", "MultiPoint"]
    assert np.diag(np.reshape(trees[0]["transformationMatrix"], (4, 4))).tolist() == [5.0, 5.0, 8.0, 1.0]
    top = np.array(document["geometry-templates"]["vertices-templates"])
    assert (top[:, 2].min(), top[:, 2].max()) == (0.0, 1.0)


def test_the_head_says_where_and_what(city, tmp_path):
    done = write_cityjson(city, tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    assert (document["version"], document["transform"]["scale"]) == ("2.0", [0.001] * 3)
    assert document["metadata"]["referenceSystem"] == "https://www.opengis.net/def/crs/EPSG/0/9217"
    assert document["metadata"]["title"] == "Đà Nẵng"
    xyz = np.array(document["vertices"]) * 0.001 + document["transform"]["translate"]
    assert_allclose(document["metadata"]["geographicalExtent"], [*xyz.min(axis=0), *xyz.max(axis=0)], atol=1e-6)
    assert done.counts == {name: len(city[name]) for name in (*LAYERS, "building_parts")} | {"terrain": 1}
    assert any("weather" in note for note in done.notes)


def test_a_sequence_is_the_same_in_small_blocks(city, tmp_path, monkeypatch):
    write_cityjsonseq(city, tmp_path / "a.jsonl")
    monkeypatch.setattr(module, "BLOCK", 2)
    write_cityjsonseq(city, tmp_path / "b.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_only_the_layers_and_columns_asked_for_are_written(city, tmp_path):
    done = write_cityjson(city, tmp_path / "a.json", {"buildings": ["height_m"], "trees": []})
    objects = json.loads((tmp_path / "a.json").read_text())["CityObjects"]
    assert set(done.counts) == {"buildings", "building_parts", "trees"}
    assert set(objects["building-0"]["attributes"]) == {"building_id", "height_m"}


def test_a_grid_without_a_code_is_refused(city, tmp_path):
    from dataclasses import replace

    own = replace(city, crs="+proj=tmerc +lon_0=107.75 +k=0.9999 +x_0=500000 +ellps=WGS84 +units=m +type=crs")
    with pytest.raises(InputError, match="EPSG code"):
        write_cityjson(own, tmp_path / "a.json")


def test_an_empty_city_is_a_city_still(tmp_path):
    write_cityjson(City("empty", "fr", "EPSG:2154", (0, 0, 1, 1)), tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["vertices"] == []


def test_cjio_reads_it(written):
    pytest.importorskip("cjio")
    program = str(Path(sys.executable).with_name("cjio"))
    with written.open() as file:  # it takes sequences from standard input only
        command = [program, "stdin" if written.suffix == ".jsonl" else str(written), "info"]
        told = subprocess.run(command, stdin=file, capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    assert {"Building (6)", "BuildingPart (3)", "Road (2)"} <= {line.strip("|- ") for line in told.stdout.splitlines()}


def test_it_is_valid_by_the_official_schema(sample, written):
    jsonschema = pytest.importorskip("jsonschema")
    name = "cityjson" if written.suffix == ".json" else "cityjsonfeature"
    schema = json.loads(sample(f"cityjson/schemas/2.0.0/{name}.schema.json").read_text())
    checker = jsonschema.Draft7Validator(schema)
    for document in documents(written):
        if name == "cityjsonfeature":
            del document["transform"]
        assert [error.message[:200] for error in checker.iter_errors(document)] == []


@pytest.mark.parametrize("name", ["delft.json", "zurich_subset_lod2.json", "DenHaag_01.city.json.zip"])
def test_real_models_come_back_as_they_were(sample, tmp_path, name):
    tables = {
        key: complete(frame, TABLES[key])
        for key, frame in read_cityjson(sample(f"cityjson/{name}"), Problems()).items()
    }
    first = next(iter(tables.values()))
    city = City(name, "fr", first.crs.to_string(), tuple(first.total_bounds), tables)
    write_cityjson(city, tmp_path / "a.json")
    again = read_cityjson(tmp_path / "a.json", Problems())
    assert {key: len(frame) for key, frame in again.items()} == {key: len(frame) for key, frame in tables.items()}
    for key, before in tables.items():
        if key == "surfaces":
            order = before.sort_values("building_id", kind="stable")
            back = again[key].sort_values("building_id", kind="stable")
            assert (order["kind"].to_numpy() == back["kind"].to_numpy()).all()
            assert (order["lod"].to_numpy() == back["lod"].to_numpy()).all()
            assert_allclose(at(back.geometry), at(order.geometry), atol=0.0006)
            continue
        a, b = (np.asarray(frame[key].geometry.array, dtype=object) for frame in (tables, again))
        # Half a millimetre along each axis; holes thinner than that, left by rounding in the source, close.
        assert (shapely.area(shapely.symmetric_difference(a, b)) < 0.0007 * shapely.length(a)).all()
        for column, declared in expand(TABLES[key].columns).items():
            if declared.kind != "geometry" and column in again[key].columns and column in before.columns:
                pd.testing.assert_series_equal(
                    before[column], again[key][column], check_names=False, check_dtype=False, check_index=False,
                    check_categorical=False,
                )  # fmt: skip
