"""Laws that every road graph obeys."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.derive.link_attributes import link_attributes
from dothi.derive.roads import number_components, road_graph
from dothi.errors import Problems
from dothi.tables import MODES

settings.register_profile("roads", max_examples=25, deadline=None)
FEW = settings.get_profile("roads")

CLASSES = ("primary", "residential", "alley", "footway")
# A coarse lattice, so that roads meet, overlap, repeat and return to themselves all the time.
POINT = st.tuples(st.integers(0, 4), st.integers(0, 4))
ROAD = st.tuples(
    st.lists(POINT, min_size=2, max_size=6).filter(lambda points: len(set(points)) > 1),
    st.integers(-1, 1),
    st.sampled_from(["both", "forward", "backward"]),
    st.sampled_from(CLASSES),
)
ROADS = st.lists(ROAD, min_size=1, max_size=8)


def frame(drawn) -> gpd.GeoDataFrame:
    points, level, direction, classes = zip(*drawn, strict=True)
    lines = [shapely.LineString(np.array(line, dtype=float) * 10.0) for line in points]
    columns = {"level": list(level), "direction": list(direction), "class": list(classes)}
    return gpd.GeoDataFrame(columns, geometry=lines, crs="EPSG:2154").rename_axis("road_id")


def distinct(drawn) -> list:
    """The same roads without stretches that lie upon one another, which the graph keeps once."""
    seen, kept = set(), []
    for points, *rest in drawn:
        edges = [frozenset(pair) for pair in pairwise(points) if pair[0] != pair[1]]
        if len(set(edges)) == len(edges) and not seen & set(edges):
            seen |= set(edges)
            kept.append((points, *rest))
    return kept


@FEW
@given(ROADS)
def test_total_length_is_preserved(drawn):
    roads = distinct(drawn)
    if roads:
        _, links = road_graph(frame(roads), problems=Problems())
        assert links["length_m"].sum() / 2 == pytest.approx(frame(roads).length.sum(), rel=1e-12)


@FEW
@given(ROADS, st.booleans())
def test_the_ends_of_every_link_are_its_nodes(drawn, crossings):
    nodes, links = road_graph(frame(drawn), node_crossings=crossings, problems=Problems())
    for end, column in ((0, "from_node_id"), (-1, "to_node_id")):
        ends = shapely.get_point(links.geometry.array, end)
        assert shapely.equals(ends, nodes.geometry.loc[links[column]].array).all()
    assert (links["from_node_id"] != links["to_node_id"]).all()
    assert set(links["from_node_id"]) == set(nodes.index)


@FEW
@given(ROADS)
def test_the_reverse_of_the_reverse_is_the_link_itself(drawn):
    _, links = road_graph(frame(drawn), problems=Problems())
    back = links.loc[links["reverse_link_id"]]
    assert (back["reverse_link_id"].to_numpy() == links.index).all()
    assert (back["from_node_id"].to_numpy() == links["to_node_id"].to_numpy()).all()
    assert (back["length_m"].to_numpy() == links["length_m"].to_numpy()).all()
    assert not (back["against"].to_numpy() & links["against"].to_numpy()).any()


@FEW
@given(ROADS, st.randoms(use_true_random=False))
def test_the_order_of_the_roads_changes_ids_only(drawn, random):
    drawn = distinct(drawn)
    shuffled = random.sample(drawn, len(drawn))

    def content(roads):
        if not roads:
            return [], []
        nodes, links = road_graph(frame(roads), problems=Problems())
        columns = ["class", "against", "one_way", "length_m"]
        rows = zip(shapely.to_wkt(links.geometry.array), *(links[name] for name in columns), strict=True)
        return sorted(shapely.to_wkt(nodes.geometry.array)), sorted(rows)

    assert content(drawn) == content(shuffled)


@FEW
@given(ROADS)
def test_a_road_that_passes_over_all_others_makes_no_node(drawn):
    under = [(points, 0, direction, kind) for points, _, direction, kind in drawn]
    # It begins and ends off the lattice and passes over the vertices of the middle row.
    bridge = ([(-1, 2), *((x, 2) for x in range(5)), (5, 2)], 1, "both", "primary")
    alone, _ = road_graph(frame(under), problems=Problems())
    crossed, links = road_graph(frame([*under, bridge]), problems=Problems())
    ends_below = {point for points, *_ in under for point in (points[0], points[-1])}
    if not any(y == 2 for _, y in ends_below):
        assert len(crossed) == len(alone) + 2
        assert links["length_m"].iloc[-1] == 60.0


@FEW
@given(ROADS)
def test_walkers_may_go_both_ways_and_no_motor_vehicle_against_a_one_way_street(drawn):
    nodes, links = road_graph(frame(drawn), problems=Problems())
    links = link_attributes(links, "vn")
    assert (links["walk"].to_numpy() == links["walk"].loc[links["reverse_link_id"]].to_numpy()).all()
    assert not links.loc[links["against"], ["motorbike", "car", "bus", "truck"]].any(axis=None)
    motor = links[["motorbike", "car", "bus", "truck"]].any(axis=1)
    assert (links["capacity_veh_h"] > 0).equals(motor.rename("capacity_veh_h"))
    components = number_components(nodes, links, Problems())["component"]
    used = links[motor]
    assert (components.loc[used["from_node_id"]].to_numpy() == components.loc[used["to_node_id"]].to_numpy()).all()
    assert sorted(components.unique()) == list(range(components.nunique()))
    assert links[list(MODES)].dtypes.eq("bool").all()
