"""The road graph, on drawings small enough to check by hand and on real roads."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from dothi.derive.link_attributes import link_attributes
from dothi.derive.noding import lines_of, snap
from dothi.derive.roads import number_components, reachable_nodes, road_graph
from dothi.errors import EngineMissingError, InputError, Problems
from dothi.io.nantes import read_nantes
from dothi.schema import check
from dothi.tables import MODES, TABLES

GRID = "EPSG:2154"


def roads(*wkt: str, crs: str | None = GRID, **columns) -> gpd.GeoDataFrame:
    defaults = {"class": ["residential"] * len(wkt)}
    frame = gpd.GeoDataFrame(defaults | columns, geometry=gpd.GeoSeries.from_wkt(list(wkt)), crs=crs)
    return frame.rename_axis("road_id")


def ends(links: gpd.GeoDataFrame) -> set[tuple[int, int]]:
    return set(zip(links["from_node_id"], links["to_node_id"], strict=True))


def rules(problems: Problems) -> list[str]:
    return [problem.rule for problem in problems]


# --- Junctions -------------------------------------------------------------------------------------------------------


def test_two_roads_that_share_an_inner_vertex_at_one_level_cross_at_a_junction(problems):
    nodes, links = road_graph(roads("LINESTRING (0 0, 5 0, 10 0)", "LINESTRING (5 -5, 5 0, 5 5)"), problems=problems)
    assert len(nodes) == 5
    assert len(links) == 8
    assert links["length_m"].tolist() == [5.0] * 8
    centre = nodes.index[nodes.geometry == shapely.Point(5, 0)][0]
    assert (links["from_node_id"] == centre).sum() == 4


@pytest.mark.parametrize("over", [{"level": [0, 1]}, {"bridge": [False, True]}, {"tunnel": [True, False]}])
def test_a_bridge_is_not_joined_to_what_it_crosses(problems, over):
    nodes, links = road_graph(
        roads("LINESTRING (0 0, 5 0, 10 0)", "LINESTRING (5 -5, 5 0, 5 5)", **over), problems=problems
    )
    assert len(nodes) == 4
    assert links["length_m"].tolist() == [10.0] * 4
    assert nodes["component"].tolist() == [0, 0, 1, 1]


def test_a_road_goes_on_over_a_bridge_that_begins_where_it_ends(problems):
    nodes, _ = road_graph(
        roads("LINESTRING (0 0, 5 0)", "LINESTRING (5 0, 15 0)", "LINESTRING (15 0, 20 0)", level=[0, 1, 0]),
        problems=problems,
    )
    assert len(nodes) == 4
    assert (nodes["component"] == 0).all()


def test_stairs_that_end_on_a_bridge_meet_it(problems):
    nodes, links = road_graph(
        roads("LINESTRING (0 0, 5 0, 10 0)", "LINESTRING (5 0, 5 5)", level=[1, 0]), problems=problems
    )
    assert len(nodes) == 4
    assert len(links) == 6


def test_a_road_meets_only_where_it_has_a_vertex(problems):
    crossing = roads("LINESTRING (0 0, 10 0)", "LINESTRING (5 -5, 5 5)")
    assert len(road_graph(crossing, problems=problems)[0]) == 4
    nodes, links = road_graph(crossing, node_crossings=True, problems=problems)
    assert len(nodes) == 5
    assert len(links) == 8
    assert "crossings of roads at one level made junctions" in rules(problems)


def test_drawn_crossings_respect_levels_but_not_at_ends(problems):
    crossing = roads("LINESTRING (0 0, 10 0)", "LINESTRING (5 -5, 5 5)", "LINESTRING (2 0, 2 7)", level=[0, 1, 1])
    nodes, links = road_graph(crossing, node_crossings=True, problems=problems)
    # The second passes over; the third ends on the first and meets it.
    assert len(nodes) == 6
    assert len(links) == 8


def test_three_drawn_lines_through_one_point_meet_in_one_node(problems):
    angles = np.pi * np.arange(3) / 3
    lines = [f"LINESTRING ({-np.cos(a)} {-np.sin(a)}, {2 * np.cos(a)} {2 * np.sin(a)})" for a in angles]
    nodes, links = road_graph(roads(*lines), node_crossings=True, problems=problems)
    assert len(nodes) == 7
    assert len(links) == 12


def test_drawn_lines_that_overlap_become_one_where_they_do(problems):
    nodes, links = road_graph(
        roads("LINESTRING (0 0, 10 0)", "LINESTRING (4 0, 20 0)"), node_crossings=True, problems=problems
    )
    assert len(nodes) == 4
    assert sorted(links["length_m"]) == [4.0, 4.0, 6.0, 6.0, 10.0, 10.0]
    assert "stretch of road is drawn once; further ones dropped" in rules(problems)


# --- Loops, doubles, sloppy drawing ----------------------------------------------------------------------------------


def test_a_ring_road_is_cut_so_that_no_link_ends_where_it_began(problems):
    nodes, links = road_graph(
        roads("LINESTRING (0 0, 10 0, 10 10, 0 10, 0 0)", direction=["forward"]), problems=problems
    )
    assert len(nodes) == 2
    assert links["length_m"].tolist() == [20.0] * 4
    assert (links["from_node_id"] != links["to_node_id"]).all()
    assert links["against"].tolist() == [False, True, False, True]


def test_a_road_that_returns_to_itself_has_a_junction_there(problems):
    nodes, links = road_graph(roads("LINESTRING (0 0, 5 0, 9 4, 9 -4, 5 0)"), problems=problems)
    assert len(nodes) == 3
    assert links["length_m"].sum() / 2 == pytest.approx(5 + 8 + 2 * 32**0.5, rel=1e-15)


def test_a_road_drawn_twice_counts_once_also_when_drawn_backwards(problems):
    twice = roads("LINESTRING (0 0, 5 1, 10 0)", "LINESTRING (10 0, 5 1, 0 0)")
    _, links = road_graph(twice, problems=problems)
    assert set(links["road_id"]) == {0}
    [repair] = [problem for problem in problems if problem.severity == "repair"]
    assert (repair.rule, repair.rows) == ("stretch of road is drawn once; further ones dropped", ("1",))


def test_two_one_way_roads_on_one_line_in_opposite_directions_are_two(problems):
    both = roads("LINESTRING (0 0, 10 0)", "LINESTRING (10 0, 0 0)", direction=["forward", "forward"])
    _, links = road_graph(both, problems=problems)
    assert links["road_id"].tolist() == [0, 0, 1, 1]


def test_roads_without_length_are_dropped_and_named(problems):
    _, links = road_graph(roads("LINESTRING (1 1, 1 1)", "LINESTRING (0 0, 9 0, 9 0)"), problems=problems)
    assert links["length_m"].tolist() == [9.0, 9.0]
    [repair] = problems
    assert (repair.rule, repair.rows) == ("road has a length; dropped", ("0",))


def test_geometry_that_is_no_line_is_dropped_and_parts_are_taken_apart(problems):
    parts = "MULTILINESTRING ((0 0, 5 0), (5 0, 9 0))"
    frame = roads("POINT (1 1)", parts, "LINESTRING EMPTY", "LINESTRING (0 0, 0 9)")
    nodes, links = road_graph(frame, problems=problems)
    assert len(nodes) == 4
    assert links["road_id"].tolist() == [1, 1, 1, 1, 3, 3]
    assert [problem.rows for problem in problems] == [("1",), ("0", "2")]


def test_near_ends_are_snapped_and_the_move_reported(problems):
    near = roads("LINESTRING (0 0, 10 0)", "LINESTRING (10.3 0, 20 0)")
    assert len(road_graph(near, problems=problems)[0]) == 4
    nodes, links = road_graph(near, snap_m=0.5, problems=problems)
    assert len(nodes) == 3
    assert links["length_m"].tolist() == [10.0] * 4
    assert rules(problems) == ["ends closer than 0.5 m joined, moved by up to 0.3 m"]


def test_a_loose_end_is_drawn_to_the_road_it_all_but_touches(problems):
    tee = roads("LINESTRING (0 0, 10 0)", "LINESTRING (5 0.2, 5 8)", "LINESTRING (7 0.2, 7 8)", level=[0, 0, 1])
    _, links = road_graph(tee, snap_m=0.5, problems=problems)
    assert links.loc[links["road_id"] == 0, "length_m"].tolist() == [5.0] * 4
    assert links.loc[links["road_id"] == 1, "length_m"].tolist() == [8.0, 8.0]
    assert links.loc[links["road_id"] == 2, "length_m"].tolist() == [7.8, 7.8]  # at another level


def test_the_place_where_most_ends_meet_stays():
    drawn = ["LINESTRING (0 0, 10 0)", "LINESTRING (10 0, 20 0)", "LINESTRING (9.9 0, 9.9 5)"]
    lines = lines_of(shapely.from_wkt(drawn))
    moved, which, farthest = snap(lines, lines.end, 0.5)
    assert which.tolist() == [2]
    assert farthest == pytest.approx(0.1, abs=1e-12)
    assert moved.xy[4].tolist() == [10.0, 0.0]


# --- Links and nodes -------------------------------------------------------------------------------------------------


def test_a_one_way_street_keeps_a_reverse_row_without_lanes(problems):
    drawn = ["LINESTRING (0 0, 10 0)", "LINESTRING (10 0, 20 0)"]
    street = roads(*drawn, direction=["backward", "both"], lanes=[3.0, 3.0])
    _, links = road_graph(street, problems=problems)
    assert links["one_way"].tolist() == [True, True, False, False]
    assert links["against"].tolist() == [True, False, False, False]
    assert links["lanes"].tolist() == [0.0, 3.0, 1.5, 1.5]
    assert links["reverse_link_id"].tolist() == [1, 0, 3, 2]
    assert shapely.get_coordinates(links.geometry[1]).tolist() == [[10, 0], [0, 0]]


def test_the_tables_meet_their_declarations(problems):
    nodes, links = road_graph(roads("LINESTRING Z (0 0 4, 5 0 6)", "LINESTRING (5 0, 9 0)"), problems=problems)
    links = link_attributes(links, "vn")
    check({"nodes": nodes, "links": links}, TABLES, problems)
    assert list(problems) == []


def test_nodes_take_their_level_from_lines_that_have_one(problems):
    nodes, links = road_graph(
        roads("LINESTRING Z (0 0 4, 5 0 6)", "LINESTRING Z (5 0 -1000, 9 0 7)", "LINESTRING (9 0, 12 0)"),
        problems=problems,
    )
    assert nodes["elevation_m"].tolist()[:3] == [4.0, 6.0, 7.0]
    assert np.isnan(nodes["elevation_m"][3])
    assert shapely.has_z(links.geometry).tolist() == [True, True, False, False, False, False]
    assert links["length_m"].tolist() == [5.0, 5.0, 4.0, 4.0, 3.0, 3.0]  # along the line on the map


def test_no_roads_give_empty_tables(problems):
    nodes, links = road_graph(roads("LINESTRING (1 1, 1 1)"), problems=problems)
    assert len(nodes) == len(links) == 0
    number_components(nodes, link_attributes(links, "vn"), problems)


def test_degrees_are_refused(problems):
    with pytest.raises(InputError, match=r"roads.geometry: grid is in metres, not degrees"):
        road_graph(roads("LINESTRING (105 21, 106 21)", crs="EPSG:4326"), problems=problems)


# --- Components ------------------------------------------------------------------------------------------------------


def test_components_are_numbered_by_length_of_motor_roads_and_footpaths_come_last(problems):
    nodes, links = road_graph(
        roads(
            "LINESTRING (0 0, 900 0)",
            "LINESTRING (0 50, 10 50)",
            "LINESTRING (0 90, 20 90)",
            "LINESTRING (20 90, 500 90)",
            **{"class": ["footway", "residential", "residential", "footway"]},
        ),
        problems=problems,
    )
    numbered = number_components(nodes, link_attributes(links, "vn"), problems)
    # Nodes by road: footway, 10 m of street, 20 m of street with a footway that leaves it.
    assert numbered["component"].tolist() == [2, 2, 1, 1, 0, 0, 3]
    assert nodes["component"].tolist() == [0, 0, 2, 2, 1, 1, 1]  # as drawn, whatever is open to whom


def test_a_one_way_road_that_leads_out_of_the_map_is_not_reachable_from_all(problems):
    frame = roads("LINESTRING (0 0, 9 0)", "LINESTRING (9 0, 20 0)", direction=["both", "forward"])
    nodes, links = road_graph(frame, problems=problems)
    links = link_attributes(links, "vn")
    assert reachable_nodes(nodes, links, "car").tolist() == [True, True, False]
    assert reachable_nodes(nodes, links, "walk").tolist() == [True, True, True]
    number_components(nodes, links, problems)
    notes = {problem.column: problem.rule for problem in problems}
    # 18 of 29 m: both directions of the first, one of the second.
    assert notes["car"] == "62.1% of 0.0 km, each direction by itself, are reachable from one another in one part"
    assert set(notes) == set(MODES)


# --- Real roads ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nantes() -> gpd.GeoDataFrame:
    try:
        return read_nantes(Problems())["roads"]
    except EngineMissingError as error:
        pytest.skip(str(error))


def test_nantes_keeps_every_metre_and_hangs_together(nantes, problems):
    nodes, links = road_graph(nantes, problems=problems)
    assert links["length_m"].sum() / 2 == pytest.approx(nantes.length.sum(), rel=1e-12)
    links = link_attributes(links, "fr")
    nodes = number_components(nodes, links, problems)
    check({"nodes": nodes, "links": links}, TABLES, problems)
    assert not problems.errors
    length = links["length_m"].where(links["car"]).groupby(links["from_node_id"].map(nodes["component"])).sum()
    # 97.6 %: some streets open to all are reached only over drives closed to the public.
    assert length[0] / length.sum() == pytest.approx(0.976, abs=0.01)


def test_the_loire_bridges_of_nantes_are_not_joined_to_the_quays_below(nantes, problems):
    flat = nantes.assign(level=0, bridge=False)
    nodes, _ = road_graph(nantes, node_crossings=True, problems=problems)
    flattened, _ = road_graph(flat, node_crossings=True, problems=problems)
    assert len(flattened) > len(nodes)


def test_drivable_length_of_hanoi_is_that_of_osmnx(sample, problems):
    osm = pytest.importorskip("dothi.io.osm")
    frame = osm.read_osm(sample("hanoi/osm/hoankiem.osm"), problems)["roads"].to_crs("EPSG:32648")
    _, links = road_graph(frame, problems=problems)
    closed = ["pedestrian", "footway", "cycleway", "path", "steps", "busway", "ferry"]
    km = links["length_m"][~links["class"].isin(closed)].sum() / 2000.0
    # osmnx 2.1.1: graph_from_xml(simplify=False, retain_all=True), all_oneway, EPSG:32648, roads and tracks.
    assert km == pytest.approx(137.9075651454443, rel=2e-3)


def test_what_crosses_at_another_level_gets_no_vertex_where_crossings_are_noded():
    lines = [shapely.LineString([(0, 5), (10, 5)]), shapely.LineString([(5, 0), (5, 10)])]
    for level, points in ((1, 2), (0, 3)):
        roads = gpd.GeoDataFrame(
            {"class": ["primary", "residential"], "level": [0, level]}, geometry=lines, crs="EPSG:2154"
        )
        nodes, links = road_graph(roads, node_crossings=True, problems=Problems())
        assert len(nodes) == 4 + (points == 3)
        assert shapely.get_num_coordinates(links.geometry.array).sum() == (8 if points == 2 else 16)
