"""What sources get wrong, and how it is put right."""

from __future__ import annotations

import time
import tracemalloc

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.crs import Extent
from dothi.derive.clean import clean
from dothi.derive.merge import merge
from dothi.errors import InputError, Problems
from dothi.shapes import cut_lines, surface_areas

UTM = "EPSG:32648"  # Hanoi
X, Y = 587_000.0, 2_325_000.0
EXTENT = Extent(UTM, (X, Y, X + 100.0, Y + 100.0))


def square(x, y, side=10.0):
    return shapely.box(X + x, Y + y, X + x + side, Y + y + side)


def line(*points):
    return shapely.LineString([(X + p[0], Y + p[1], *p[2:]) for p in points])


def buildings(*shapes, crs=UTM, **columns):
    return gpd.GeoDataFrame(
        {"source_id": [f"b{i}" for i in range(len(shapes))], **columns}, geometry=list(shapes), crs=crs
    )


def roads(*shapes, crs=UTM):
    return gpd.GeoDataFrame({"class": "residential"}, index=range(len(shapes)), geometry=list(shapes), crs=crs)


def said(problems, severity):
    return [str(problem) for problem in problems if problem.severity == severity]


def test_tables_are_moved_to_the_city_grid_and_levels_stay(problems):
    lonlat = gpd.GeoSeries([line((0, 0, 7.5), (50, 50, 8.5))], crs=UTM).to_crs(4326)
    given = shapely.set_coordinates(lonlat.to_numpy(), np.c_[shapely.get_coordinates(lonlat), [7.5, 8.5]])
    out = clean({"roads": roads(*given, crs="EPSG:4326")}, crs=UTM, extent=None, problems=problems)["roads"]
    assert out.crs == UTM
    assert_allclose(
        shapely.get_coordinates(out.geometry, include_z=True), [[X, Y, 7.5], [X + 50, Y + 50, 8.5]], atol=1e-3
    )
    assert not len(problems)


def test_vn2000_coordinates_are_moved_as_pyproj_moves_them(problems):
    """EPSG:5897 is VN-2000 / TM-3 zone 482, central meridian 105°; the reference is GeoPandas."""
    given = buildings(shapely.box(105.84, 21.03, 105.841, 21.031), crs="EPSG:4326")
    out = clean({"buildings": given}, crs="EPSG:5897", extent=None, problems=problems)["buildings"]
    expected = given.to_crs("EPSG:5897")
    assert shapely.equals_exact(out.geometry.iloc[0], expected.geometry.iloc[0], tolerance=1e-6)


def test_a_compound_grid_counts_as_its_horizontal_part(problems):
    solid = shapely.Polygon([(84_000, 446_000, 3), (84_010, 446_000, 3), (84_010, 446_010, 3)])
    given = {"buildings": buildings(solid, crs="EPSG:7415")}  # RD New + NAP
    out = clean(given, crs="EPSG:28992", extent=None, problems=problems)["buildings"]
    assert_allclose(out.total_bounds, [84_000, 446_000, 84_010, 446_010])
    assert not out.has_z.any()


def test_a_table_without_grid_is_refused_and_says_what_to_set(problems):
    with pytest.raises(InputError, match="set `crs`"):
        clean({"buildings": buildings(square(0, 0), crs=None)}, crs=UTM, extent=None, problems=problems)


def test_unusable_geometry_is_left_out_and_counted(problems):
    infinite = shapely.set_coordinates(square(40, 0), [(X, Y), (X, np.nan), (X + 1, np.inf), (X + 1, Y), (X, Y)])
    given = buildings(square(0, 0), None, shapely.Polygon(), infinite, square(20, 0, 0.5))
    out = clean({"buildings": given}, crs=UTM, extent=EXTENT, problems=problems)["buildings"]
    assert list(out["source_id"]) == ["b0"]
    assert said(problems, "repair") == [
        "buildings.geometry: rows without geometry were left out (2 rows, e.g. b1, b2)",
        "buildings.geometry: rows with coordinates that are no finite numbers were left out (1 row, b3)",
        "buildings.geometry: shapes smaller than 0.5 m² were left out (1 row, b4)",
    ]


def test_a_bow_tie_becomes_its_two_triangles(problems):
    tie = shapely.Polygon([(X, Y), (X + 10, Y + 10), (X + 10, Y), (X, Y + 10)])
    out = clean({"buildings": buildings(tie)}, crs=UTM, extent=None, problems=problems)["buildings"]
    assert out.geometry.iloc[0].geom_type == "MultiPolygon"
    assert out.area.iloc[0] == pytest.approx(50.0)  # two triangles of 10 × 5 / 2
    assert "made valid" in said(problems, "repair")[0]


def test_a_collection_gives_its_polygons(problems):
    inner = shapely.GeometryCollection([shapely.MultiPolygon([square(0, 0), square(20, 0)]), shapely.Point(X, Y)])
    given = buildings(shapely.GeometryCollection([inner, line((0, 0), (1, 1))]))
    out = clean({"buildings": given}, crs=UTM, extent=None, problems=problems)["buildings"]
    assert out.geometry.iloc[0].geom_type == "MultiPolygon"
    assert out.area.iloc[0] == pytest.approx(200.0)


def test_points_are_no_buildings(problems):
    out = clean({"buildings": buildings(shapely.Point(X, Y), square(0, 0))}, crs=UTM, extent=None, problems=problems)
    assert list(out["buildings"]["source_id"]) == ["b1"]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([10, -1000, 20], [10, 15, 20]),
        ([-1000, 10, 20, -300], [10, 10, 20, 20]),
        ([10, np.nan, np.inf, 16], [10, 12, 14, 16]),
        ([10, 11, 12], [10, 11, 12]),
        ([-1000, -1000, 12], None),
        ([-1000, -1000, -1000], None),
    ],
)
def test_levels_that_are_no_data_are_interpolated_or_dropped(problems, levels, expected):
    good = line((0, 50, 5.0), (10, 50, 6.0), (20, 50, 5.0), (30, 50, 6.0))
    given = roads(good, line(*[(10.0 * i, 0.0, z) for i, z in enumerate(levels)]), good.reverse())
    out = clean({"roads": given}, crs=UTM, extent=None, problems=problems)["roads"]
    mended = out.geometry.loc[1]
    assert mended.has_z is (expected is not None)
    if expected:
        assert_allclose(shapely.get_coordinates(mended, include_z=True)[:, 2], expected)
    assert len(out) == 2  # the reversed line is the same road
    assert shapely.get_coordinates(out.geometry.loc[0], include_z=True)[:, 2].tolist() == [5, 6, 5, 6]


def test_roads_of_a_city_below_the_sea_keep_their_levels(problems):
    """Baku lies at −28 m."""
    out = clean({"roads": roads(line((0, 0, -28), (10, 0, -27)))}, crs=UTM, extent=None, problems=problems)["roads"]
    assert out.has_z.all()
    assert not len(problems)


def test_identical_footprints_are_one_building_with_what_both_know(problems):
    given = buildings(
        square(0, 0),
        shapely.reverse(square(0, 0)),
        square(20, 0),
        height_m=[np.nan, 12.0, 5.0],
        height_m_method=[None, "measured", "measured"],
    )
    parts = buildings(square(1, 1, 2)).assign(building_id=1, height_m=3.0)
    out = clean({"buildings": given, "building_parts": parts}, crs=UTM, extent=None, problems=problems)
    assert list(out["buildings"].index) == [0, 2]
    assert out["buildings"].loc[0, ["height_m", "height_m_method"]].tolist() == [12.0, "measured"]
    assert list(out["building_parts"]["building_id"]) == [0]


def test_stacked_buildings_on_one_outline_are_two(problems):
    given = buildings(square(0, 0), square(0, 0), min_height_m=[0.0, 20.0])
    assert len(clean({"buildings": given}, crs=UTM, extent=None, problems=problems)["buildings"]) == 2


def test_repeated_source_ids_are_noted_and_kept(problems):
    given = buildings(square(0, 0), square(20, 0)).assign(source_id="same")
    assert len(clean({"buildings": given}, crs=UTM, extent=None, problems=problems)["buildings"]) == 2
    assert "more than once" in said(problems, "note")[0]


def test_buildings_are_kept_whole_by_their_middle_and_areas_are_cut(problems):
    given = {
        "buildings": buildings(square(-4, 0), square(-6, 20), square(300, 300)),
        "land_use": gpd.GeoDataFrame(
            {"class": ["park", "park"]}, geometry=[square(-10, 0, 20), square(200, 0)], crs=UTM
        ),
        "trees": gpd.GeoDataFrame(geometry=[shapely.Point(X + 1, Y + 1), shapely.Point(X - 1, Y)], crs=UTM),
        "census": gpd.GeoDataFrame({"kind": "cell", "residents": [9.0]}, geometry=[square(-90, 0, 100)], crs=UTM),
    }
    out = clean(given, crs=UTM, extent=EXTENT, problems=problems)
    assert list(out["buildings"]["source_id"]) == ["b0"]
    assert out["buildings"].area.tolist() == [100.0]
    assert out["land_use"].area.tolist() == pytest.approx([200.0])
    assert len(out["trees"]) == 1
    assert out["census"].area.tolist() == [10_000.0]


def test_a_road_that_leaves_and_comes_back_becomes_two_pieces_in_its_own_direction(problems):
    given = roads(
        line((90, 10, 0), (110, 10, 2), (110, 20, 2), (90, 20, 4)), line((0, 0), (50, 50)), line((200, 0), (210, 0))
    )
    out = clean({"roads": given}, crs=UTM, extent=EXTENT, problems=problems)["roads"]
    assert out.index.is_unique
    pieces = [shapely.get_coordinates(piece, include_z=True) - [X, Y, 0] for piece in out.geometry[out.has_z]]
    assert_allclose(pieces, [[[90, 10, 0], [100, 10, 1]], [[100, 20, 3], [90, 20, 4]]])
    assert len(out) == 3


def test_cut_lines_have_the_length_that_geos_finds():
    """Against the overlay of GEOS on random walks, which cross the box and themselves."""
    walks = np.random.default_rng(5).normal(0.0, 40.0, (300, 12, 2)).cumsum(axis=1)
    lines = shapely.linestrings(walks)
    box = (-50.0, -40.0, 60.0, 70.0)
    pieces, owner = cut_lines(lines, box)
    mine = np.bincount(owner, weights=shapely.length(pieces), minlength=len(lines))
    assert_allclose(mine, shapely.length(shapely.intersection(lines, shapely.box(*box))), rtol=1e-9)
    assert (np.diff(owner) >= 0).all()


def test_surface_areas_are_those_of_a_tilted_square_with_a_hole():
    """A square of 4 with a hole of 1 on a slope of 45 degrees has (16 − 1) √2."""
    ring, hole = np.array([[0, 0], [4, 0], [4, 4], [0, 4]]), np.array([[1, 1], [1, 2], [2, 2], [2, 1]])
    tilted = shapely.Polygon(np.c_[ring, ring[:, 0]], [np.c_[hole, hole[:, 0]]])
    wall = shapely.Polygon([(0, 0, 0), (3, 0, 0), (3, 0, 5), (0, 0, 5)])
    both = shapely.MultiPolygon([tilted, wall])
    assert_allclose(surface_areas(np.array([tilted, wall, both])), [15 * 2**0.5, 15.0, 15 * 2**0.5 + 15.0])


def test_walls_are_surfaces_although_they_have_no_shadow(problems):
    wall = shapely.Polygon([(X, Y, 0), (X + 3, Y, 0), (X + 3, Y, 5), (X, Y, 5)])
    splinter = shapely.Polygon([(X, Y, 0), (X + 3, Y, 0), (X + 1, Y, 0)])
    broken = shapely.Polygon([(X, Y, 0), (X + 3, Y, np.nan), (X + 1, Y, 0)])
    surfaces = gpd.GeoDataFrame(
        {"building_id": 0, "kind": "wall", "lod": "2"}, index=range(3), geometry=[wall, splinter, broken], crs=UTM
    )
    out = clean({"buildings": buildings(square(0, 0)), "surfaces": surfaces}, crs=UTM, extent=EXTENT, problems=problems)
    assert list(out["surfaces"].index) == [0]
    assert out["surfaces"].has_z.all()


def test_a_geometry_of_ten_million_vertices_is_refused_at_once(problems):
    angle = np.linspace(0.0, 2.0 * np.pi, 10_000_000)
    ring = shapely.Polygon(np.c_[X + np.cos(angle), Y + np.sin(angle)])
    given = {"buildings": buildings(square(0, 0), ring)}
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(InputError, match=r"at most 1,000,000 vertices.*largest: 10,000,000.*b1"):
        clean(given, crs=UTM, extent=EXTENT, problems=problems)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - began < 2.0
    assert peak < 20e6


def test_values_outside_their_limits_are_missing_with_their_method(problems):
    given = buildings(
        *[square(20 * i, 0) for i in range(5)],
        height_m=[0.0, -3.0, 2000.0, np.inf, 9.0],
        height_m_method=["measured"] * 5,
        storeys=[0, 3, 999, 2.5, None],
        function=["residential", "castle", None, "office", "retail"],
        year_built=["1990", "old", None, "2001", "1"],
    )
    out = clean({"buildings": given}, crs=UTM, extent=None, problems=problems)["buildings"]
    assert out["height_m"].notna().tolist() == [False] * 4 + [True]
    assert out["height_m_method"].notna().tolist() == [False] * 4 + [True]
    assert out["storeys"].fillna(-1).tolist() == [-1, 3, -1, 3, -1]
    assert out["function"].isna().tolist() == [False, True, True, False, False]
    assert out["year_built"].fillna(-1).tolist() == [1990, -1, -1, 2001, 1]
    assert (
        "buildings.height_m: values that break the rule “a finite number, > 0, ≤ 1000 m”" in said(problems, "repair")[0]
    )


def test_a_source_outside_the_extent_is_refused_with_what_would_fit(problems):
    corners = gpd.GeoSeries([square(10, 10)], crs=UTM).to_crs(4326)
    degrees = buildings(shapely.transform(corners.iloc[0], lambda at: at[:, ::-1]), crs="EPSG:4326")
    with pytest.raises(InputError, match="it would fit if its axes were swapped"):
        clean({"buildings": degrees}, crs=UTM, extent=EXTENT, problems=Problems())
    with pytest.raises(InputError, match="it would fit if its `crs` were EPSG:4326"):
        clean({"buildings": buildings(corners.iloc[0])}, crs=UTM, extent=EXTENT, problems=Problems())
    with pytest.raises(InputError, match="it would fit if its `crs` were EPSG:32648"):
        clean({"buildings": buildings(square(10, 10), crs="EPSG:2154")}, crs=UTM, extent=EXTENT, problems=Problems())
    with pytest.raises(InputError, match="check its `crs`"):
        clean({"buildings": buildings(square(9e4, 9e4))}, crs=UTM, extent=EXTENT, problems=Problems())


def test_references_follow_what_goes(problems):
    given = {
        "buildings": buildings(square(0, 0), square(500, 0)),
        "building_parts": buildings(square(0, 0, 3), square(500, 0, 3), square(20, 20, 3)).assign(
            building_id=pd.array([0, 1, None], dtype="Int64")
        ),
        "facilities": gpd.GeoDataFrame(
            {"kind": "shop", "building_id": pd.array([0, 1, 77], dtype="Int64")},
            geometry=[shapely.Point(X + i, Y) for i in (1, 2, 3)],
            crs=UTM,
        ),
    }
    out = clean(given, crs=UTM, extent=EXTENT, problems=problems)
    assert list(out["building_parts"].index) == [0, 2]
    assert out["facilities"]["building_id"].fillna(-1).tolist() == [0, -1, -1]
    assert any("does not exist" in text for text in said(problems, "repair"))
    assert any("was left out" in text for text in said(problems, "note"))


def test_arguments_are_left_alone(problems):
    given = {"buildings": buildings(square(-4, 0), square(-4, 0), None, height_m=[0.0, 3.0, 4.0])}
    before = given["buildings"].copy(deep=True)
    clean(given, crs="EPSG:5897", extent=EXTENT, problems=problems)
    pd.testing.assert_frame_equal(pd.DataFrame(given["buildings"]), pd.DataFrame(before))


def test_real_buildings_and_roads_are_cleaned_and_clipped(sample, problems):
    """Lorient: 1,701 buildings, of which one is smaller than 0.5 m²; 549 roads."""
    tables = {
        "buildings": gpd.read_file(sample("france-lorient/buildings.shp"))[["geometry"]],
        "roads": gpd.read_file(sample("france-lorient/ROADS2.shp"))[["geometry"]].assign(**{"class": "residential"}),
    }
    out = clean(tables, crs="EPSG:2154", extent=None, problems=problems)
    assert {name: len(frame) for name, frame in out.items()} == {"buildings": 1700, "roads": 549}
    assert out["roads"].length.sum() == pytest.approx(tables["roads"].length.sum())


# --- merge --------------------------------------------------------------------------------------------------------


def test_later_buildings_fill_the_gaps_of_earlier_ones_and_go(problems):
    first = {"buildings": buildings(square(0, 0), square(50, 0), height_m=[np.nan, 7.0], function=[None, "office"])}
    second = {
        "buildings": buildings(
            square(1, 0),
            square(52, 0),
            square(80, 0),
            height_m=[12.0, 99.0, 5.0],
            height_m_method=["measured", "measured", "measured"],
            function=["school", "retail", "hotel"],
            storeys=[4, 2, None],
        ),
        "facilities": gpd.GeoDataFrame({"kind": "school", "building_id": [0]}, geometry=[shapely.Point(X, Y)], crs=UTM),
    }
    parts = [clean(part, crs=UTM, extent=None, problems=problems) for part in (first, second)]
    out = merge(parts, problems=problems)
    assert out["buildings"]["height_m"].tolist() == [12.0, 7.0, 5.0]
    assert out["buildings"]["height_m_method"].isna().tolist() == [False, True, False]
    assert out["buildings"]["function"].astype(object).tolist() == ["school", "office", "hotel"]
    assert out["buildings"]["storeys"].fillna(-1).tolist() == [4, 2, -1]
    assert out["facilities"]["building_id"].tolist() == [0]
    assert list(out["buildings"].index) == [0, 1, 2]
    assert said(problems, "note")[0].endswith("they fill its gaps (2 rows, e.g. b0, b1)")


def test_buildings_that_only_touch_stay_both(problems):
    """Neighbours share a wall; 2 of 10 metres in common are 20 % of the smaller footprint."""
    parts = [
        clean({"buildings": buildings(shape)}, crs=UTM, extent=None, problems=problems)
        for shape in (square(0, 0), square(10, 0), square(8, 20), square(0, 20))
    ]
    assert len(merge(parts, problems=problems)["buildings"]) == 4


def test_surfaces_of_the_same_building_are_taken_over_and_others_not(problems):
    roof = shapely.force_3d(square(0, 0), 5.0)
    block = shapely.box(X + 50, Y, X + 90, Y + 10)
    surfaces = {"building_id": [0, 1], "kind": "roof", "lod": "2.2"}
    first = {"buildings": buildings(square(0, 0), square(50, 0))}
    second = {
        "buildings": buildings(square(0, 0.2), block),
        "surfaces": gpd.GeoDataFrame(surfaces, geometry=[roof, shapely.force_3d(block, 5.0)], crs=UTM),
    }
    parts = [clean(part, crs=UTM, extent=None, problems=problems) for part in (first, second)]
    out = merge(parts, problems=problems)
    assert len(out["buildings"]) == 2
    assert out["surfaces"]["building_id"].tolist() == [0]


def test_timetables_of_two_operators_keep_their_own_references(problems):
    def operator(name):
        return {
            "stops": gpd.GeoDataFrame(
                {"source_id": [name + "1", name + "2"], "parent_stop_id": pd.array([None, 0], dtype="Int64")},
                geometry=[shapely.Point(X, Y)] * 2,
                crs=UTM,
            ),
            "routes": gpd.GeoDataFrame({"mode": ["bus"], "short_name": name}, geometry=[None], crs=UTM),
            "trips": pd.DataFrame({"source_id": [name], "route_id": [0], "service_id": [3]}),
            "stop_times": pd.DataFrame(
                {"trip_id": [0, 0], "stop_id": [0, 1], "stop_sequence": [0, 1], "arrival_s": 0.0, "departure_s": 0.0}
            ),
            "calendar": pd.DataFrame({"service_id": [3], "date": pd.to_datetime(["2025-09-01"])}),
        }

    parts = [clean(operator(name), crs=UTM, extent=EXTENT, problems=problems) for name in "ab"]
    out = merge(parts, problems=problems)
    calls = out["stop_times"].merge(out["trips"], left_on="trip_id", right_index=True)
    calls = calls.merge(out["stops"]["source_id"].rename("stop"), left_on="stop_id", right_index=True)
    calls = calls.merge(out["routes"]["short_name"], left_on="route_id", right_index=True).sort_index()
    assert calls["stop"].tolist() == ["a1", "a2", "b1", "b2"]
    assert calls["source_id"].tolist() == calls["short_name"].tolist() == ["a", "a", "b", "b"]
    assert out["stops"]["parent_stop_id"].fillna(-1).tolist() == [-1, 0, -1, 2]
    assert out["calendar"]["service_id"].tolist() == out["trips"]["service_id"].tolist()
    assert out["trips"]["service_id"].is_unique
