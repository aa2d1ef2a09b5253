import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dothi import schema
from dothi.errors import EngineMissingError, InputError
from dothi.publish import gltf
from dothi.publish.gltf import Glb, Material, Mesh, joined
from dothi.publish.properties import check_columns, properties_of
from dothi.tables import TABLES

sys.path.insert(0, str(Path(__file__).parent))
from _glb import Glb as Read

GREY = Material("grey", (0.5, 0.5, 0.5))
PACKINGS = ("plain", "quantised", "meshopt")


@pytest.fixture(params=PACKINGS)
def packing(request):
    if request.param == "meshopt":
        pytest.importorskip("meshopt")
    return request.param


def fan(centre=(0.0, 0.0, 0.0), radius=10.0, corners=12):
    """A cone that shares its vertices."""
    angle = np.arange(corners) * 2.0 * np.pi / corners
    ring = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(corners)])
    xyz = np.vstack([ring, [[0.0, 0.0, radius]]]) + centre
    normal = np.vstack([ring / radius, [[0.0, 0.0, 1.0]]])
    number = np.arange(corners)
    triangles = np.column_stack([number, (number + 1) % corners, np.full(corners, corners)])
    return Mesh(xyz, normal, np.full(corners + 1, 3), triangles)


def written(mesh, packing, **options):
    glb = Glb(packing)
    glb.add_mesh("cone", mesh, GREY, **options)
    return Read(glb.build())


def corners_of(mesh_or_read):
    """Corners of all triangles, sorted, whatever the order of vertices."""
    xyz, _, _, triangles = mesh_or_read
    corners = np.round(xyz[triangles], 6)
    turned = [np.roll(corner, -int(np.lexsort(corner.T[::-1])[0]), axis=0) for corner in corners]
    return np.array(sorted(corner.tolist() for corner in turned))


def test_triangles_come_back_within_half_a_step(packing):
    mesh = fan((123.456, -77.7, 31.0))
    back = written(mesh, packing).mesh()
    tolerance = 1e-5 if packing == "plain" else 0.00501
    expected = corners_of((mesh.xyz, None, None, mesh.triangles))
    assert_allclose(corners_of(back), expected, atol=tolerance)
    assert_allclose(np.linalg.norm(back[1], axis=1), 1.0, atol=0.01)


def test_meshes_wider_than_16_bits_keep_centimetres_as_floats(packing):
    mesh = fan((40_000.0, 0.0, 0.0), radius=9_000.0)
    read = written(mesh, packing)
    assert_allclose(corners_of(read.mesh()), corners_of((mesh.xyz, None, None, mesh.triangles)), atol=0.0101)
    accessor = read.json["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    assert read.json["accessors"][accessor]["componentType"] == gltf.FLOAT


def test_limits_of_places_are_those_of_the_values(packing):
    read = written(fan(), packing)
    number = read.json["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    accessor, values = read.json["accessors"][number], read.array(number)
    assert_array_equal(accessor["min"], values.min(axis=0))
    assert_array_equal(accessor["max"], values.max(axis=0))


@settings(max_examples=30, deadline=None)
@given(st.floats(-5e4, 5e4), st.floats(-5e4, 5e4), st.sampled_from(("quantised", "meshopt")))
def test_meshes_that_share_vertices_and_a_step_still_do(x, y, packing):
    if packing == "meshopt":
        pytest.importorskip("meshopt")
    left = fan((x, y, 3.0))
    right = Mesh(left.xyz + np.array([20.0, 0.0, 0.0]), left.normal, left.feature, left.triangles)
    right.xyz[6] = left.xyz[0]  # the western corner of the right one is the eastern one of the left
    a, b = (written(mesh, packing, step_m=0.01).mesh()[0] for mesh in (left, right))
    distance = np.linalg.norm(a[:, None] - b[None], axis=2)
    assert distance.min() < 1e-9


def test_features_are_kept_and_counted_beyond_16_bits(packing):
    table = pd.DataFrame({"name": ["a"] * 4}, index=[10, 11, 12, 13])
    for shift in (0, 70_000):
        glb = Glb(packing)
        rows = np.arange(4 + shift) % 4
        number = glb.add_table(properties_of(table, "trees", ["name"]), rows)
        mesh = fan()
        glb.add_mesh("x", Mesh(mesh.xyz, mesh.normal, mesh.feature + shift, mesh.triangles), GREY, number)
        read = Read(glb.build())
        assert set(read.mesh()[2].tolist()) == {3 + shift}
        ids = read.json["meshes"][0]["primitives"][0]["extensions"]["EXT_mesh_features"]["featureIds"]
        assert ids == [{"featureCount": 4 + shift, "attribute": 0, "propertyTable": 0}]


def test_joined_meshes_keep_their_triangles():
    first, second = fan(), fan((50.0, 0.0, 0.0))
    both = joined([first, second])
    assert_array_equal(both.xyz[both.triangles[: len(first)]], first.xyz[first.triangles])
    assert_array_equal(both.xyz[both.triangles[len(first) :]], second.xyz[second.triangles])


def test_extensions_are_named_and_required_where_they_must_be(packing):
    read = written(fan(), packing)
    expected = {"plain": None, "quantised": ["KHR_mesh_quantization"]}.get(
        packing, ["EXT_meshopt_compression", "KHR_mesh_quantization"]
    )
    assert read.json.get("extensionsRequired") == expected


def test_the_same_mesh_gives_the_same_bytes(packing):
    assert written(fan(), packing).binary == written(fan(), packing).binary


def test_a_packing_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(gltf, "find_spec", lambda name: None)
    assert gltf.packing_at_hand() == "quantised"
    with pytest.raises(EngineMissingError, match=r"dothi\[export\]"):
        gltf.packing_at_hand("meshopt")


# ── property tables ──────────────────────────────────────────────────────────────────────────────


def buildings():
    shape = shapely.box(0, 0, 10, 10)
    frame = gpd.GeoDataFrame(
        {
            "geometry": [shape] * 4,
            "name": ["Chợ Đồng Xuân", None, "Hôtel", "Ω"],
            "height_m": [8.25, np.nan, 12.5, 0.5],
            "storeys": [3, None, 200, 1],
            "residents": [0, 70_000, None, 4],
            "year_built": [-300, 1930, None, 2020],
            "function": ["school", None, "mixed", "school"],
            "height_m_method": ["measured", "levels", "measured", None],
        },
        index=pd.Index([5, 900, 12, 13]),
        crs="EPSG:2154",
    )
    return schema.complete(frame, TABLES["buildings"])


def test_values_of_every_kind_come_back_and_gaps_stay_gaps(packing):
    table = buildings()
    columns = ["name", "height_m", "storeys", "residents", "year_built", "function", "height_m_method", "source_id"]
    glb = Glb(packing)
    number = glb.add_table(properties_of(table, "buildings", columns), np.array([3, 1, 2, 0]))
    glb.add_mesh("x", fan(), GREY, number)
    assert Read(glb.build()).table() == {
        "building_id": [13, 900, 12, 5],
        "name": ["Ω", None, "Hôtel", "Chợ Đồng Xuân"],
        "height_m": [0.5, None, 12.5, 8.25],
        "storeys": [1, None, 200, 3],
        "residents": [4, 70_000, None, 0],
        "year_built": [2020, 1930, None, -300],
        "function": ["school", None, "mixed", "school"],
        "height_m_method": [None, "levels", "measured", "measured"],
    }


def definitions(*columns):
    return {each.name: each.definition for each in properties_of(buildings(), "buildings", columns).columns}


def test_numbers_take_the_smallest_type_with_room_for_a_gap():
    found = {
        each.name: each.definition for each in properties_of(buildings(), "buildings", ["storeys", "residents"]).columns
    }
    assert (found["storeys"]["componentType"], found["storeys"]["noData"]) == ("UINT8", 255)
    assert (found["residents"]["componentType"], found["residents"]["noData"]) == ("INT32", -(2**31))
    assert found["building_id"] == {
        "type": "SCALAR",
        "componentType": "INT16",
        "description": "Identifier, unique in the table.",
        "semantic": "ID",
    }


@pytest.mark.parametrize("largest", [255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**53])
def test_whole_numbers_of_any_size_come_back(largest):
    table = pd.DataFrame({"storeys": pd.array([0, largest, None], dtype="Int64")})
    glb = Glb()
    number = glb.add_table(properties_of(table, "buildings", ["storeys"]), np.arange(3))
    glb.add_mesh("x", fan(), GREY, number)
    assert Read(glb.build()).table()["storeys"] == [0, largest, None]


def test_truths_come_back_with_and_without_gaps():
    table = pd.DataFrame({"bridge": [True, False] * 5 + [True], "tunnel": pd.array([True, None] * 5 + [False])})
    glb = Glb()
    number = glb.add_table(properties_of(table, "links", ["bridge", "tunnel"]), np.arange(11))
    glb.add_mesh("x", fan(), GREY, number)
    found = Read(glb.build()).table()
    assert found["bridge"] == [True, False] * 5 + [True]
    assert found["tunnel"] == ["yes", None] * 5 + ["no"]


def test_a_float_that_looks_like_a_gap_stays_a_value():
    table = pd.DataFrame({"height_m": [-9999.0, np.nan, 3.0]})
    glb = Glb()
    number = glb.add_table(properties_of(table, "buildings", ["height_m"]), np.arange(3))
    glb.add_mesh("x", fan(), GREY, number)
    assert Read(glb.build()).table()["height_m"] == [-9999.0, None, 3.0]


def test_units_stand_in_the_descriptions():
    found = {
        each.name: each.definition for each in properties_of(buildings(), "buildings", ["height_m", "name"]).columns
    }
    assert found["height_m"]["description"] == "Height of the eaves or flat roof above ground [m]."
    assert found["name"]["semantic"] == "NAME"


def test_columns_that_are_not_there_are_all_reported(problems):
    table = buildings().assign(màu=1)
    check_columns(table, "buildings", ["height_m", "colour", "geometry", "màu"], problems)
    with pytest.raises(InputError) as caught:
        problems.raise_errors()
    assert [problem.column for problem in caught.value.problems] == ["colour", "geometry", "màu"]
