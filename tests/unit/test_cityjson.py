"""CityJSON as the world writes it, and as it should not be written."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.errors import InputError, Problems
from dothi.io.cityjson import read_cityjson
from dothi.shapes import surface_areas

RD = "https://www.opengis.net/def/crs/EPSG/0/7415"

# A house of 10 × 6 m with a gabled roof: eaves at 4 m, ridge at 7 m over the middle, on ground at 2 m.
HOUSE = [
    [0, 0, 2], [10, 0, 2], [10, 6, 2], [0, 6, 2],
    [0, 0, 6], [10, 0, 6], [10, 6, 6], [0, 6, 6],
    [0, 3, 9], [10, 3, 9],
]  # fmt: skip
FACES = [
    [[0, 3, 2, 1]],
    [[0, 1, 5, 4]],
    [[2, 3, 7, 6]],
    [[1, 2, 6, 9, 5]],
    [[3, 0, 4, 8, 7]],
    [[4, 5, 9, 8]],
    [[6, 7, 8, 9]],
]
MEANINGS = {
    "surfaces": [{"type": "GroundSurface"}, {"type": "WallSurface"}, {"type": "RoofSurface"}],
    "values": [[0, 1, 1, 1, 1, 2, 2]],
}


def solid(lod="2", semantics=MEANINGS):
    geometry = {"type": "Solid", "lod": lod, "boundaries": [FACES]}
    return geometry | ({"semantics": semantics} if semantics else {})


def building(*geometries, **attributes):
    return {"type": "Building", "attributes": attributes, "geometry": list(geometries)}


def model(objects, *, version="2.0", crs=RD, **more):
    return {
        "type": "CityJSON",
        "version": version,
        "transform": {"scale": [0.001] * 3, "translate": [84_000.0, 446_000.0, 0.0]},
        "metadata": {"referenceSystem": crs} if crs else {},
        "CityObjects": objects,
        "vertices": [[1000 * value for value in vertex] for vertex in HOUSE],
    } | more


@pytest.fixture
def read(tmp_path, problems):
    def write_and_read(content, *, name="thành phố.city.json", **options):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return read_cityjson(path, problems, **options)

    return write_and_read


def test_a_gabled_house_has_its_footprint_surfaces_and_mean_roof_height(read, problems):
    tables = read(
        model({"h": building(solid(), storeysAboveGround=2, function="1000", yearOfConstruction="1936-01-01")})
    )
    house = tables["buildings"].iloc[0]
    assert tables["buildings"].crs == "EPSG:28992"
    assert shapely.equals(house.geometry, shapely.box(84_000, 446_000, 84_010, 446_006))
    assert house.height_m == pytest.approx(5.5)  # eaves 4 m, ridge 7 m above ground: the mean of a gable is half way
    assert house.ground_m == pytest.approx(2.0)
    assert (house.storeys, house.function, house.year_built) == (2, "residential", 1936)
    assert (house.height_m_method, house.ground_m_method) == ("mean_roof", "lowest_point")
    surfaces = tables["surfaces"]
    assert surfaces["kind"].value_counts().to_dict() | {} == {
        "wall": 4, "roof": 2, "ground": 1, "closure": 0, "window": 0, "door": 0
    }  # fmt: skip
    area = surface_areas(np.asarray(surfaces.geometry.array, dtype=object))
    assert_allclose(area[surfaces["kind"] == "roof"], 10 * 18**0.5)  # 3 m across, 3 m up
    assert_allclose(area[surfaces["kind"] == "wall"].sum(), 2 * 40 + 2 * (24 + 9))
    assert not len(problems)


def test_surfaces_without_meaning_are_told_apart_by_the_way_they_face(read):
    kinds = read(model({"h": building(solid("1", None))}))["surfaces"]["kind"].value_counts()
    assert (kinds["wall"], kinds["roof"], kinds["ground"]) == (4, 2, 1)


@pytest.mark.parametrize(
    ("attributes", "height", "method"),
    [
        ({"RelativeEavesHeight": 4.0, "measuredHeight": 7.0}, 4.0, "measured"),
        ({"AbsoluteEavesHeight": 6.0}, 4.0, "measured"),
        ({"b3_h_dak_50p": 7.4, "b3_h_maaiveld": 2.0}, 5.4, "roof_level"),
        ({"measuredHeight": 7.0}, 5.5, "mean_roof"),
        ({}, 5.5, "mean_roof"),
    ],
)
def test_heights_come_from_the_eaves_then_the_roof(read, attributes, height, method):
    house = read(model({"h": building(solid(), **attributes)}))["buildings"].iloc[0]
    assert (house.height_m, house.height_m_method) == (pytest.approx(height), method)


def test_a_block_has_its_measured_height_and_else_its_top(read):
    tables = read(model({"a": building(solid("1", None), measuredHeight=6.5), "b": building(solid("1", None))}))
    assert tables["buildings"]["height_m"].tolist() == [6.5, 7.0]
    assert tables["buildings"]["height_m_method"].tolist() == ["highest_point", "top_of_block"]


def test_the_best_level_below_three_is_taken_unless_another_is_wanted(read, problems):
    foot = {"type": "MultiSurface", "lod": "0", "boundaries": [[[0, 1, 2, 3]]]}
    objects = {"h": building(foot, solid("1.2", None), solid("2.2"), solid("3.1"))}
    assert set(read(model(objects))["surfaces"]["lod"]) == {"2.2"}
    assert set(read(model(objects), lod="1")["surfaces"]["lod"]) == {"1.2"}
    assert set(read(model(objects), lod="3.1")["surfaces"]["lod"]) == {"3.1"}
    with pytest.raises(InputError, match=r"level of detail 4 is present; this file has 0, 1\.2, 2\.2, 3\.1"):
        read(model(objects), lod="4")


def test_a_wrong_level_is_refused(read):
    with pytest.raises(InputError, match="`lod` is a level of detail"):
        read(model({"h": building(solid())}), lod="fine")


def test_a_building_of_parts_is_their_union_and_parts_are_told_where_there_are_several(read):
    second = {"type": "Solid", "lod": "2", "boundaries": [[[[4, 7, 6, 5]], [[0, 1, 2, 3]]]]}
    objects = {
        "whole": {"type": "Building", "children": ["p", "q"], "attributes": {"bouwjaar": 1900}},
        "p": {"type": "BuildingPart", "parents": ["whole"], "geometry": [solid()], "attributes": {"roofType": "1030"}},
        "q": {"type": "BuildingPart", "parents": ["whole"], "geometry": [second], "attributes": {"roofType": "1030"}},
        "single": {"type": "Building", "children": ["r"]},
        "r": {
            "type": "BuildingPart",
            "parents": ["single"],
            "geometry": [solid()],
            "attributes": {"measuredHeight": 1},
        },
    }
    tables = read(model(objects))
    assert tables["buildings"]["source_id"].tolist() == ["whole", "single"]
    assert tables["buildings"].area.tolist() == pytest.approx([60.0, 60.0])
    assert tables["buildings"]["roof_shape"].fillna("").tolist() == ["gabled", ""]
    assert tables["buildings"]["year_built"].fillna(0).tolist() == [1900, 0]
    parts = tables["building_parts"]
    assert parts[["building_id", "source_id", "height_m"]].values.tolist() == [[0, "p", 7.0], [0, "q", 4.0]]
    assert tables["surfaces"]["building_id"].value_counts().to_dict() == {0: 9, 1: 7}


def test_a_part_whose_building_is_missing_is_a_building(read):
    part = {"type": "BuildingPart", "parents": ["nowhere"], "geometry": [solid()]}
    assert len(read(model({"p": part}))["buildings"]) == 1


def test_templates_stand_where_they_are_put(read):
    """A tree of 4 m height, turned by nothing, doubled in size, stands at vertex 6."""
    template = {"type": "MultiSurface", "lod": "2", "boundaries": [[[0, 1, 2]]]}
    instance = {
        "type": "GeometryInstance",
        "template": 0,
        "boundaries": [6],
        "transformationMatrix": [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1],
    }
    templates = {"templates": [template], "vertices-templates": [[0, 0, 0], [1, 0, 0], [0, 0, 4]]}
    objects = {
        "t": {"type": "SolitaryVegetationObject", "geometry": [instance], "attributes": {"species": "Tilia cordata"}},
        "u": {"type": "SolitaryVegetationObject", "geometry": [instance], "attributes": {"height": 9.0}},
        "h": building({**instance, "boundaries": [0]}),
        "k": building(solid()),
    }
    tables = read(model(objects, **{"geometry-templates": templates}))
    trees = tables["trees"]
    assert shapely.get_coordinates(trees.geometry).tolist() == [[84_010, 446_006]] * 2
    assert trees["height_m"].tolist() == [8.0, 9.0]
    assert trees["height_m_method"].tolist() == ["height_of_model", "measured"]
    assert trees["species"].fillna("").tolist() == ["Tilia cordata", ""]
    assert tables["buildings"]["source_id"].tolist() == ["k"]  # a template without shadow is no building
    assert len(tables["surfaces"]) == 7


def test_heights_in_feet_become_metres(read):
    """EPSG:6360 is NAVD88 height in US survey feet, EPSG:2263 New York Long Island in feet."""
    compound = "http://www.opengis.net/def/crs-compound?1=http://www.opengis.net/def/crs/EPSG/0/2263&2=http://www.opengis.net/def/crs/EPSG/0/6360"
    house = read(model({"h": building(solid())}, crs=compound))["buildings"].iloc[0]
    assert house.ground_m == pytest.approx(2.0 * 1200 / 3937)


def test_versions_extensions_and_other_types_are_handled_with_a_note(read, problems):
    objects = {"h": building(solid()), "r": {"type": "Road"}, "x": {"type": "+NoiseWall"}}
    assert len(read(model(objects, version="1.0", extensions={"Noise": {}}))["buildings"]) == 1
    notes = [str(problem) for problem in problems]
    assert "extensions are not read: Noise" in notes[0]
    assert "Road (1), +NoiseWall (1)" in notes[1]


def test_a_sequence_is_read_line_by_line_and_a_broken_line_is_named(read):
    header = model({}) | {"vertices": []}
    feature = {"type": "CityJSONFeature", "id": "h", "CityObjects": {"h": building(solid())}}
    feature["vertices"] = model({})["vertices"]
    lines = [json.dumps(header)] + [json.dumps(feature).replace('"h"', f'"h{i}"') for i in range(3)]
    tables = read("\n".join(lines) + "\n", name="a.city.jsonl")
    assert tables["buildings"]["source_id"].tolist() == ["h0", "h1", "h2"]
    assert tables["buildings"].area.tolist() == pytest.approx([60.0] * 3)
    with pytest.raises(InputError, match="line 4 is not"):
        read("\n".join(lines)[:-9], name="a.city.jsonl")


def test_a_zip_archive_is_opened(tmp_path, problems):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.city.json", json.dumps(model({"h": building(solid())})))
        archive.writestr("readme.txt", "hello")
    assert len(read_cityjson(path, problems)["buildings"]) == 1


def changed(**more):
    return json.dumps(model({"h": building(solid())}) | more)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "file is not empty"),
        ("[1, 2]", "file holds one JSON object"),
        (changed()[:400], "file is whole and well-formed JSON"),
        (b'{"type": "CityJSON", "name": "\xe9"}', "file is text in UTF-8"),
        ("[" * 200_000, "nested"),
        (changed(type="FeatureCollection"), "`type` is CityJSON"),
        (changed(version="0.8"), "`version` is one of"),
        (changed(metadata={}), "set `crs`"),
        (changed(metadata={"referenceSystem": "EPSG:999999"}), "reference system is known"),
        (changed(vertices=[[0, 0, 0]]), "lead to vertices that exist"),
        (changed(vertices=[[0, 0], [1]]), "triples of numbers"),
        (changed(vertices="many"), "triples of numbers"),
        (changed(transform={"scale": [1, 2]}), "`transform` has"),
        (changed(CityObjects={}), "at least one building"),
        (changed(CityObjects={"h": 3}), "as CityJSON says"),
        (
            changed(CityObjects={"h": building({"type": "Solid", "lod": "1", "boundaries": [[0, 1, 2]]})}),
            "as CityJSON says",
        ),
        (
            changed(CityObjects={"h": building({"type": "Solid", "lod": "1", "boundaries": [[[["a", 1, 2]]]]})}),
            "as CityJSON",
        ),
        (changed().replace("84000.0", "NaN"), "NaN is no number"),
        (changed().replace("[0, 0, 2000]", "[1e999, 0, 2000]"), ""),
    ],
)
def test_bad_input_ends_in_a_clear_error(read, content, message):
    if not message:  # an infinite vertex costs the surfaces it is in
        assert len(read(content)["surfaces"]) == 4
        return
    with pytest.raises(InputError, match=message):
        read(content)


def test_negative_vertices_do_not_count_from_the_end(read):
    text = changed(CityObjects={"h": building({"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, -1]]]})})
    with pytest.raises(InputError, match="lead to vertices that exist"):
        read(text)


# --- real files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        # Counts of objects as in the README of the data; parts and surfaces counted in the JSON.
        ("delft.json", {"buildings": 160, "surfaces": 5563, "land_use": 207, "water_bodies": 3}),
        ("DenHaag_01.city.json.zip", {"buildings": 844, "building_parts": 1653, "surfaces": 16_209}),
        ("zurich_subset_lod2.json", {"buildings": 49, "building_parts": 139, "surfaces": 2039}),
        ("3dbag_b2.city.jsonl", {"buildings": 2, "surfaces": 77}),
        ("rotterdam/rotterdam_one.json", {"buildings": 1, "surfaces": 13}),  # of 14, one has two vertices
    ],
)
def test_real_files_are_read_whole(sample, problems, name, rows):
    tables = read_cityjson(sample(f"cityjson/{name}"), problems)
    assert {table: len(frame) for table, frame in tables.items()} == rows
    assert tables["buildings"].is_valid.all()
    assert tables["buildings"]["height_m"].between(0.5, 50).all()
    assert not problems.errors


def test_footprints_of_lod2_buildings_agree_with_their_ground_surfaces(sample, problems):
    tables = read_cityjson(sample("cityjson/DenHaag_01.city.json.zip"), problems)
    surfaces = tables["surfaces"]
    ground = surfaces[surfaces["kind"] == "ground"]
    area = surface_areas(np.asarray(ground.geometry.array, dtype=object))
    summed = np.bincount(ground["building_id"], weights=area, minlength=len(tables["buildings"]))
    assert_allclose(np.median(tables["buildings"].area / summed), 1.0, atol=0.01)


def test_the_mean_roof_lies_within_the_stated_error_of_known_eaves(sample, monkeypatch):
    """337 buildings of The Hague state their eaves: hidden, the mean roof is 14 % off on average, as declared."""
    path = sample("cityjson/DenHaag_01.city.json.zip")
    known = read_cityjson(path, Problems())["buildings"]
    monkeypatch.setattr("dothi.io.building_words.NAMES", {})
    guessed = read_cityjson(path, Problems())["buildings"]
    told = (known["height_m_method"] == "measured").to_numpy()
    error = ((guessed["height_m"] - known["height_m"]).abs() / known["height_m"])[told]
    assert told.sum() == 337
    assert error.mean() == pytest.approx(1.0 - guessed["height_m_confidence"][told].mean(), abs=0.01)
    assert error.median() < 0.02


def test_parts_of_a_building_that_rounding_has_parted_are_one_outline(sample, problems):
    """The Hague: 200 buildings of several parts fell apart along cracks of less than a millimetre."""
    buildings = read_cityjson(sample("cityjson/DenHaag_01.city.json.zip"), problems)["buildings"]
    assert (buildings.geom_type == "MultiPolygon").sum() < 10
    assert buildings.is_valid.all()
