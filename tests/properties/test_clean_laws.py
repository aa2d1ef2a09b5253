"""Laws of cleaning and merging, on cities that nobody would draw."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi import schema
from dothi.crs import Extent
from dothi.derive.clean import clean
from dothi.derive.merge import merge
from dothi.errors import InputError, Problems
from dothi.tables import TABLES

UTM = "EPSG:32648"
X, Y = 587_000.0, 2_325_000.0
BOX = Extent(UTM, (X, Y, X + 60.0, Y + 60.0))

coordinates = st.integers(-2, 8).map(lambda step: 10.0 * step)
levels = st.sampled_from([5.0, 7.5, -1000.0, np.nan, np.inf, -4.0])
points = st.tuples(coordinates, coordinates)


def polygon(corners):
    return shapely.Polygon([(X + x, Y + y) for x, y in corners])


areas = st.one_of(
    st.lists(points, min_size=3, max_size=7).map(polygon),
    st.none(),
    st.just(shapely.Polygon()),
    st.tuples(points, points).map(lambda ends: shapely.LineString([(X + x, Y + y) for x, y in ends])),
    st.lists(st.lists(points, min_size=3, max_size=4).map(polygon), min_size=1, max_size=3).map(shapely.MultiPolygon),
)
lines = st.lists(st.tuples(coordinates, coordinates, levels), min_size=2, max_size=6).map(
    lambda vertices: shapely.LineString([(X + x, Y + y, z) for x, y, z in vertices])
)
heights = st.sampled_from([np.nan, 0.0, -2.0, 9.0, 12.5, 5000.0, np.inf])


@st.composite
def cities(draw):
    shapes = draw(st.lists(areas, min_size=1, max_size=8))
    n = len(shapes)
    owners = st.lists(st.one_of(st.none(), st.integers(0, n + 1)), min_size=n, max_size=n)
    named = {"source_id": [f"s{draw(st.integers(0, 3))}" for _ in range(n)]}
    height = draw(st.lists(heights, min_size=n, max_size=n))
    roads = draw(st.lists(lines, min_size=1, max_size=6))
    return {
        "buildings": gpd.GeoDataFrame({**named, "height_m": height}, geometry=shapes, crs=UTM),
        "building_parts": gpd.GeoDataFrame(
            {"building_id": pd.array(draw(owners), dtype="Int64"), "height_m": height}, geometry=shapes, crs=UTM
        ),
        "facilities": gpd.GeoDataFrame(
            {"kind": "shop", "building_id": pd.array(draw(owners), dtype="Int64")},
            geometry=[shapely.Point(X + 5 * i, Y) for i in range(n)],
            crs=UTM,
        ),
        "land_use": gpd.GeoDataFrame({"class": "park"}, index=range(n), geometry=shapes, crs=UTM),
        "roads": gpd.GeoDataFrame({"class": "residential"}, index=range(len(roads)), geometry=roads, crs=UTM),
    }


def cleaned(tables):
    """Cleaned tables, or None where nothing lies within the extent."""
    try:
        return clean(tables, crs=UTM, extent=BOX, problems=Problems())
    except InputError as error:
        assert "something lies within" in str(error)
        return None


@settings(max_examples=25, deadline=None)
@given(cities())
def test_what_comes_out_meets_the_declarations(city):
    tables = cleaned(city)
    if tables is not None:
        problems = Problems()
        schema.check(tables, TABLES, problems)
        assert not len(problems)


@settings(max_examples=15, deadline=None)
@given(cities())
def test_cleaning_twice_is_cleaning_once(city):
    tables = cleaned(city)
    if tables is None or not any(len(frame) for frame in tables.values()):
        return
    again = clean(tables, crs=UTM, extent=BOX, problems=Problems())
    for name, frame in tables.items():
        pd.testing.assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(again[name]))


@settings(max_examples=15, deadline=None)
@given(cities(), cities())
def test_merged_tables_meet_the_declarations_and_count_from_zero(first, second):
    parts = [part for part in (cleaned(first), cleaned(second)) if part is not None]
    if not parts:
        return
    problems = Problems()
    merged = merge(parts, problems=problems)
    found = Problems()
    schema.check(merged, TABLES, found)
    assert not len(found)
    for name, frame in merged.items():
        assert frame.index.equals(pd.RangeIndex(len(frame)))
        if name not in ("buildings", "building_parts"):
            assert len(frame) == sum(len(part[name]) for part in parts)


@settings(max_examples=10, deadline=None)
@given(cities())
def test_merging_one_source_changes_nothing_but_ids(city):
    tables = cleaned(city)
    if tables is None:
        return
    merged = merge([tables], problems=Problems())
    for name, frame in tables.items():
        columns = [column for column in frame.columns if column != "building_id"]
        left, right = frame[columns].reset_index(drop=True), merged[name][columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(pd.DataFrame(left), pd.DataFrame(right))
