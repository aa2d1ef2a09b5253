"""Zones: what they count, how small cells merge, where they meet the roads."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.crs import Extent
from dothi.derive.link_attributes import link_attributes
from dothi.derive.roads import road_graph
from dothi.derive.zones import MOST_CELLS, make_zones
from dothi.errors import InputError, Problems
from dothi.schema import check
from dothi.tables import TABLES

GRID = "EPSG:2154"


def roads(*wkt: str, **columns) -> gpd.GeoDataFrame:
    geometry = gpd.GeoSeries.from_wkt(list(wkt))
    return gpd.GeoDataFrame({"class": ["residential"] * len(wkt)} | columns, geometry=geometry, crs=GRID)


def houses(*at: tuple[float, float], **columns) -> gpd.GeoDataFrame:
    """Houses of 10 × 10 m around their places."""
    xy = np.array(at, dtype=float).reshape(-1, 2)
    shapes = shapely.box(xy[:, 0] - 5, xy[:, 1] - 5, xy[:, 0] + 5, xy[:, 1] + 5)
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=GRID, index=pd.RangeIndex(len(xy), name="building_id"))


@pytest.fixture
def graph():
    nodes, links = road_graph(
        roads("LINESTRING (0 0, 500 0)", "LINESTRING (500 0, 500 500)", "LINESTRING (0 40, 9 40)"), problems=Problems()
    )
    return nodes, link_attributes(links, "vn")


def test_cells_are_squares_of_the_grid_and_sum_what_stands_in_them(graph, problems):
    city = houses(
        (100, 100), (120, 130), (300, 100), residents=[60, 50, 300], jobs=[0, 10, 5], floor_area_m2=[1.5, 2, 3]
    )
    zones = make_zones(city, *graph, problems=problems)
    assert zones.geometry.to_wkt().tolist() == [shapely.box(0, 0, 250, 250).wkt, shapely.box(250, 0, 500, 250).wkt]
    assert zones["residents"].tolist() == [110, 300]
    assert zones["jobs"].tolist() == [10, 5]
    assert zones["floor_area_m2"].tolist() == [3.5, 3.0]
    assert zones["dwellings"].isna().all()  # no building says
    assert zones["area_m2"].tolist() == [62500.0, 62500.0]


def test_the_tables_meet_their_declarations(graph, problems):
    zones = make_zones(houses((100, 100), residents=[5]), *graph, problems=problems)
    check({"nodes": graph[0], "links": graph[1], "zones": zones}, TABLES, problems)
    assert not problems.errors


def test_a_small_cell_goes_to_the_smaller_neighbour_across_a_side(graph, problems):
    city = houses((100, 100), (300, 100), (600, 100), residents=[500, 40, 300])
    zones = make_zones(city, *graph, problems=problems)
    assert zones["residents"].tolist() == [500, 340]
    assert zones.geometry[1].equals(shapely.box(250, 0, 750, 250))


def test_a_corner_joins_where_no_side_does(graph, problems):
    zones = make_zones(houses((100, 100), (300, 300), residents=[500, 40]), *graph, problems=problems)
    assert zones["residents"].tolist() == [540]
    assert zones.geometry[0].geom_type == "MultiPolygon"
    assert zones.geometry.is_valid.all()


def test_a_small_cell_that_stands_alone_stays_and_is_noted(graph, problems):
    zones = make_zones(houses((100, 100), (3000, 3000), residents=[500, 40]), *graph, problems=problems)
    assert zones["residents"].tolist() == [500, 40]
    [note] = problems
    assert note.rule == "zones have at least 100 residents and jobs; these stand alone or are full"
    assert note.rows == ("1",)


def test_merged_zones_stay_within_the_greatest_size(graph, problems):
    places = [(125 + 250 * x, 125 + 250 * y) for x in range(8) for y in range(8)]
    zones = make_zones(houses(*places, residents=[1] * 64), *graph, problems=problems)
    assert zones["area_m2"].max() <= MOST_CELLS * 250.0**2
    assert zones["residents"].sum() == 64


def test_cells_of_a_city_without_people_are_left_as_they_are(graph, problems):
    zones = make_zones(houses((100, 100), (300, 100)), *graph, problems=problems)
    assert len(zones) == 2
    assert zones["residents"].isna().all()
    assert zones["node_id"].notna().all()


def test_cells_are_cut_to_the_extent(graph, problems):
    city = houses((100, 100), residents=[500])
    zones = make_zones(city, *graph, extent=Extent(GRID, (50.0, 0.0, 1000.0, 200.0)), problems=problems)
    assert zones["area_m2"].tolist() == [200.0 * 200.0]


def test_the_node_is_the_nearest_to_the_people_that_cars_reach(graph, problems):
    nodes, links = graph
    # The stub at (0, 40) is nearer, but belongs to another part of the graph.
    city = houses((10, 100), (200, 10), residents=[99, 1])
    zones = make_zones(city, nodes, links, problems=problems)
    assert nodes.geometry[zones["node_id"][0]] == shapely.Point(0, 0)


def test_given_areas_are_the_zones_and_keep_their_names(graph, problems):
    areas = gpd.GeoDataFrame(
        {"name": ["West", "Empty", "East"]},
        geometry=[shapely.box(0, 0, 200, 200), shapely.box(900, 0, 990, 90), shapely.box(200, 0, 400, 200)],
        crs=GRID,
    )
    # The second stands on the border, the last in none: it counts for the nearest.
    city = houses((100, 100), (200, 100), (300, 100), (450, 100), residents=[1, 2, 4, 8])
    zones = make_zones(city, *graph, areas=areas, problems=problems)
    assert zones["name"].tolist() == ["West", "East"]
    assert zones["residents"].tolist() == [3, 12]
    assert [(problem.rule, problem.n_rows) for problem in problems] == [
        ("buildings lie in a zone; these count for the nearest", 1),
        ("areas without a building are no zones", 1),
    ]


def test_areas_without_a_polygon_and_cells_without_size_are_errors(graph, problems):
    points = gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs=GRID)
    with pytest.raises(InputError, match="zones: at least one area is a polygon"):
        make_zones(houses((1, 1)), *graph, areas=points, problems=problems)
    with pytest.raises(InputError, match="zones: cell size is greater than 0 m"):
        make_zones(houses((1, 1)), *graph, cell_m=0.0, problems=Problems())


def test_no_buildings_make_no_zones_and_no_roads_no_nodes(graph, problems):
    assert len(make_zones(houses(), *graph, problems=problems)) == 0
    zones = make_zones(houses((1, 1)), graph[0].iloc[:0], problems=problems)
    assert zones["node_id"].isna().all()


COUNT = st.one_of(st.none(), st.integers(0, 400))


@given(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 1500), COUNT, COUNT), min_size=1, max_size=40))
@settings(max_examples=25, deadline=None)
def test_totals_are_preserved_exactly(drawn):
    x, y, residents, jobs = zip(*drawn, strict=True)
    city = houses(*zip(x, y, strict=True), residents=pd.array(residents, "Int64"), jobs=pd.array(jobs, "Int64"))
    nodes, _ = road_graph(roads("LINESTRING (0 0, 500 0)"), problems=Problems())
    zones = make_zones(city, nodes, problems=Problems())
    assert zones["residents"].sum() == city["residents"].sum()
    assert zones["jobs"].sum() == city["jobs"].sum()
    assert shapely.area(shapely.union_all(zones.geometry.array)) == pytest.approx(zones["area_m2"].sum())
