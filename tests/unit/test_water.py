"""Rivers found as voids, and watercourses widened from lines."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from dothi.crs import Extent
from dothi.derive.water import WIDTHS_M, merge_water, river_from_void
from dothi.errors import Problems
from dothi.schema import check_table
from dothi.tables import TABLES

LAMBERT = "EPSG:2154"
TOWN = Extent(LAMBERT, (0.0, 0.0, 1600.0, 1000.0))
NOWHERE = gpd.GeoDataFrame(geometry=[], crs=LAMBERT)


def town(*, bridge=True, hole=None):
    """A grid of streets and houses on both sides of a river 120 m wide, its banks at y = 440 and y = 560."""
    lines, level = [], []
    for y in [*range(0, 401, 80), 434, 566, *range(600, 1001, 80)]:
        lines.append(shapely.LineString([(0, y), (1600, y)]))
        level.append(0)
    for x in range(0, 1601, 80):
        for south, north in ((0, 434), (566, 1000)):
            lines.append(shapely.LineString([(x, south), (x, north)]))
            level.append(0)
    if bridge:
        lines += [shapely.LineString([(x, 434), (x, 566)]) for x in (400, 1200)]
        level += [1, 1]
    houses = [
        shapely.box(x + 20, y + 20, x + 60, y + 60)
        for x in range(0, 1600, 80)
        for y in [*range(0, 400, 80), *range(600, 960, 80)]
    ]
    if hole is not None:
        lines = [line.difference(hole) for line in lines]
        houses = [house for house in houses if not house.intersects(hole)]
    kept = [(part, z) for line, z in zip(lines, level, strict=True) for part in shapely.get_parts(line)]
    roads = gpd.GeoDataFrame({"level": [z for _, z in kept]}, geometry=[part for part, _ in kept], crs=LAMBERT)
    return gpd.GeoDataFrame(geometry=houses, crs=LAMBERT), roads


RIVER = shapely.box(0, 440, 1600, 560)


def overlap(found, truth):
    area = found.union_all()
    return area.intersection(truth).area / area.union(truth).area


def test_a_void_that_bridges_cross_is_a_river_and_bridges_do_not_cut_it():
    found = river_from_void(*town(), None, TOWN)
    assert found["kind_method"].tolist() == ["void_crossed"]
    assert len(shapely.get_parts(found.geometry.to_numpy())) == 1
    assert overlap(found, RIVER) > 0.95  # 4 m cells and a setback of 6 m from the street along the bank


def test_the_river_meets_the_declaration_of_its_table(problems: Problems):
    found = river_from_void(*town(), None, TOWN)
    check_table(found, TABLES["water_bodies"], problems)
    assert not list(problems)
    assert found.crs == LAMBERT


def test_the_river_goes_to_the_edge_of_the_box_and_not_beyond():
    bounds = river_from_void(*town(), None, TOWN).total_bounds
    assert bounds[0] == 0.0
    assert bounds[2] == 1600.0


def test_a_boat_is_no_island_and_an_island_with_roads_is_one():
    houses, roads = town()
    boat = gpd.GeoDataFrame(geometry=[shapely.box(700, 495, 760, 507)], crs=LAMBERT)
    found = river_from_void(gpd.pd.concat([houses, boat], ignore_index=True), roads, None, TOWN)
    assert found.covers(shapely.Point(730, 500)).any()

    ring = shapely.box(650, 488, 850, 512).exterior
    island = gpd.GeoDataFrame({"level": [0]}, geometry=[ring], crs=LAMBERT)
    found = river_from_void(houses, gpd.pd.concat([roads, island], ignore_index=True), None, TOWN)
    assert not found.covers(shapely.Point(700, 488)).any()


def test_a_park_is_no_river_even_if_a_footbridge_crosses_it():
    park = shapely.box(200, 650, 500, 950)
    houses, roads = town(hole=park)
    bridge = gpd.GeoDataFrame({"level": [1]}, geometry=[shapely.LineString([(200, 800), (500, 800)])], crs=LAMBERT)
    found = river_from_void(houses, gpd.pd.concat([roads, bridge], ignore_index=True), None, TOWN)
    assert found.disjoint(park.buffer(-10)).all()


def test_without_bridges_the_largest_void_is_taken_with_little_confidence():
    found = river_from_void(*town(bridge=False), None, TOWN)
    assert found["kind_method"].tolist() == ["void_largest"]
    assert found["kind_confidence"].tolist() == [0.5]


def test_a_border_along_a_narrow_void_makes_it_a_river():
    creek = shapely.box(301, 572, 339, 1000)
    houses, roads = town(hole=creek)
    border = gpd.GeoDataFrame(geometry=[shapely.LineString([(320, 500), (320, 1000)])], crs=LAMBERT)
    without, hinted = (river_from_void(houses, roads, None, TOWN, hints=hints) for hints in (None, border))
    place = shapely.Point(320, 900)
    assert not without.covers(place).any()
    assert hinted.covers(place).any()
    assert hinted["kind_method"].tolist() == ["void_crossed", "void_hinted"]


def test_known_land_stays_dry_but_its_tongues_along_bridges_do_not_cut_the_river():
    land = shapely.union_all([shapely.box(0, 520, 1600, 1000), shapely.box(395, 440, 405, 560)])
    found = river_from_void(*town(), gpd.GeoDataFrame(geometry=[land], crs=LAMBERT), TOWN)
    assert found.intersection(shapely.box(0, 540, 1600, 1000)).area.sum() < 0.02 * RIVER.area
    assert len(found) == 1


def test_a_town_without_voids_has_no_river(problems: Problems):
    houses, roads = town()
    streets = gpd.GeoDataFrame(
        {"level": [0] * 3}, geometry=[shapely.LineString([(0, y), (1600, y)]) for y in (460, 500, 540)], crs=LAMBERT
    )
    found = river_from_void(houses, gpd.pd.concat([roads, streets], ignore_index=True), None, TOWN)
    check_table(found, TABLES["water_bodies"], problems)
    assert not len(found)
    assert not list(problems)


def test_the_same_town_gives_the_same_river_to_the_bit():
    first, second = (river_from_void(*town(), None, TOWN) for _ in range(2))
    assert first.geometry.to_wkb().tolist() == second.geometry.to_wkb().tolist()


def test_lines_are_widened_by_their_own_width_or_that_of_their_kind(problems: Problems):
    lines = gpd.GeoDataFrame(
        {"kind": ["canal", "stream", "stream"], "width_m": [np.nan, 6.0, 6.0], "tunnel": [False, False, True]},
        geometry=[shapely.LineString([(0, y), (100, y)]) for y in (0, 100, 200)],
        crs=LAMBERT,
    )
    pond = gpd.GeoDataFrame(
        {"kind": ["pond"], "kind_method": ["measured"], "kind_confidence": [1.0]},
        geometry=[shapely.box(50, 90, 200, 110)],
        crs=LAMBERT,
    )
    merged = merge_water(pond, lines)
    check_table(merged, TABLES["water_bodies"], problems)
    assert not list(problems)
    assert merged["kind"].tolist() == ["pond", "canal", "stream"]
    assert merged.area.tolist() == pytest.approx([150 * 20, 100 * WIDTHS_M["canal"], 50 * 6.0])
    assert merged["kind_method"].tolist() == ["measured", "line_usual_width", "line_measured_width"]
    assert len(pond) == 1


def test_without_lines_the_water_stays_as_it_is():
    pond = gpd.GeoDataFrame({"kind": ["pond"]}, geometry=[shapely.box(0, 0, 1, 1)], crs=LAMBERT)
    assert merge_water(pond, NOWHERE).equals(pond)
