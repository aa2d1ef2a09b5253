"""Facilities of the source and of buildings: where they are, and that none is there twice."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from dothi.derive.facilities import ALIKE, IMPLIED, derive_facilities
from dothi.schema import check
from dothi.tables import FACILITY_KINDS, FUNCTIONS, TABLES

GRID = "EPSG:2154"


def houses(*at: tuple[float, float], **columns) -> gpd.GeoDataFrame:
    """Houses of 10 × 10 m around their places."""
    xy = np.array(at, dtype=float).reshape(-1, 2)
    shapes = shapely.box(xy[:, 0] - 5, xy[:, 1] - 5, xy[:, 0] + 5, xy[:, 1] + 5)
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=GRID, index=pd.RangeIndex(len(xy), name="building_id"))


def places(*rows: tuple[str, str | None, float, float], **columns) -> gpd.GeoDataFrame:
    kinds, names, x, y = zip(*rows, strict=True)
    frame = {"kind": list(kinds), "name": pd.array(names, dtype="str"), **columns}
    return gpd.GeoDataFrame(frame, geometry=shapely.points(x, y), crs=GRID).rename_axis("facility_id")


@pytest.fixture
def nodes() -> gpd.GeoDataFrame:
    points = shapely.points([0.0, 200.0], [0.0, 0.0])
    return gpd.GeoDataFrame({"component": [0, 0]}, geometry=points, crs=GRID, index=pd.Index([7, 9], name="node_id"))


def test_functions_of_buildings_imply_facilities(nodes, problems):
    city = houses(
        (0, 0), (150, 0), (300, 0), function=["worship", "residential", "school"], name=["Nhà thờ", None, None]
    )
    found = derive_facilities(None, city, nodes, problems=problems)
    assert found["kind"].tolist() == ["worship", "school"]
    assert (found["kind_method"] == "building_function").all()
    assert found["kind_confidence"].tolist() == [0.95, 0.8]
    assert found["building_id"].tolist() == [0, 2]
    assert found["node_id"].tolist() == [7, 9]
    assert found["name"].tolist()[0] == "Nhà thờ"
    check({"facilities": found, "buildings": city, "nodes": nodes}, {"facilities": TABLES["facilities"]}, problems)
    assert not problems.errors


def test_doubt_about_the_function_is_doubt_about_the_facility(nodes, problems):
    city = houses((0, 0), function=["worship"], function_confidence=[0.5])
    assert derive_facilities(None, city, nodes, problems=problems)["kind_confidence"].tolist() == [0.475]


def test_the_blocks_of_a_school_are_one_school_in_the_largest(nodes, problems):
    city = houses(
        (0, 0), (25, 0), (50, 0), (150, 0), function=["school"] * 4, floor_area_m2=[100.0, 900.0, np.nan, 50.0]
    )
    found = derive_facilities(None, city, nodes, problems=problems)
    assert found["building_id"].tolist() == [1, 3]


def test_much_floor_makes_a_hospital_of_a_clinic(nodes, problems):
    city = houses((0, 0), (25, 0), (150, 0), function=["health"] * 3, floor_area_m2=[4000.0, 2000.0, 800.0])
    assert derive_facilities(None, city, nodes, problems=problems)["kind"].tolist() == ["hospital", "clinic"]


def test_what_the_source_has_is_not_implied_again(nodes, problems):
    city = houses((0, 0), (100, 0), (200, 0), function=["school", "health", "school"])
    source = places(("kindergarten", "Hoa Sen", 12.0, 0.0), ("pharmacy", None, 100.0, 0.0), ("bank", None, 200.0, 0.0))
    found = derive_facilities(source, city, nodes, problems=problems)
    assert found["kind"].tolist() == ["kindergarten", "pharmacy", "bank", "school"]
    assert found["kind_method"].tolist() == ["measured"] * 3 + ["building_function"]
    assert found["kind_confidence"].tolist()[:3] == [1.0] * 3


def test_a_facility_belongs_to_the_building_that_holds_it_or_is_near(nodes, problems):
    city = houses((0, 0), (40, 0))
    source = places(
        ("shop", "in", 1.0, 1.0),
        ("shop", "nearer to the second", 22.0, 0.0),
        ("shop", "far", 20.0, 30.0),
        ("park", None, 8.0, 0.0),
    )
    found = derive_facilities(source, city, nodes, problems=problems)
    assert found["building_id"].tolist() == [0, 1, pd.NA, pd.NA]


@pytest.mark.parametrize(
    ("rows", "left"),
    [
        ([("school", "A", 0, 0), ("school", "A", 10, 0)], ["A"]),
        ([("school", "A", 0, 0), ("school", "a ", 10, 0)], ["A"]),
        ([("school", None, 0, 0), ("school", "A", 10, 0)], ["A"]),
        ([("school", "A", 0, 0), ("school", "B", 10, 0)], ["A", "B"]),
        ([("school", "A", 0, 0), ("school", None, 10, 0), ("school", "B", 20, 0)], ["A", "B"]),
        ([("school", "A", 0, 0), ("school", "A", 60, 0)], ["A", "A"]),
        ([("school", "A", 0, 0), ("clinic", "A", 1, 0)], ["A", "A"]),
        ([("restaurant", None, 0, 0), ("restaurant", None, 5, 0)], [None, None]),
        ([("restaurant", "Phở", 0, 0), ("restaurant", "Phở", 5, 0)], ["Phở"]),
    ],
)
def test_two_of_a_kind_in_one_place_are_one_unless_their_names_differ(rows, left, nodes, problems):
    source = places(*[(kind, name, float(x), float(y)) for kind, name, x, y in rows])
    found = derive_facilities(source, houses(), nodes, problems=problems)
    assert [None if pd.isna(name) else name for name in found["name"]] == left
    assert len(list(problems)) == (len(left) < len(rows))


def test_two_of_a_kind_far_apart_in_one_building_are_one(nodes, problems):
    hall = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 100, 20)], crs=GRID).rename_axis("building_id")
    source = places(
        ("library", None, 5, 5), ("library", "Thư viện", 95, 5), ("bank", None, 5, 5), ("bank", None, 95, 5)
    )
    found = derive_facilities(source, hall, nodes, problems=problems)
    assert found["kind"].tolist() == ["library", "bank", "bank"]


def test_of_doubles_the_one_with_an_outline_stays(nodes, problems):
    source = places(("school", "A", 5.0, 5.0), ("school", "A", 5.0, 5.0))
    source.geometry = [shapely.Point(5, 5), shapely.box(0, 0, 10, 10)]
    found = derive_facilities(source, houses(), nodes, problems=problems)
    assert found.geometry.geom_type.tolist() == ["Polygon"]


def test_unknown_kinds_become_other_and_nothing_gives_an_empty_table(nodes, problems):
    found = derive_facilities(places(("volcano", None, 0.0, 0.0)), houses(), nodes, problems=problems)
    assert found["kind"].tolist() == ["other"]
    assert [problem.severity for problem in problems] == ["repair"]
    assert len(derive_facilities(None, houses((0, 0)), None, problems=problems)) == 0


def test_the_rules_speak_of_declared_functions_and_kinds():
    assert set(IMPLIED) <= set(FUNCTIONS)
    assert {kind for kind, _ in IMPLIED.values()} | {"hospital"} == set(ALIKE)
    assert {other for others in ALIKE.values() for other in others} <= set(FACILITY_KINDS)
