"""Rings of polygons and their triangles."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dothi.mesh.rings import rings_of, triangulate

HOUSE = shapely.box(0, 0, 4, 3)
YARD = shapely.Polygon(
    [(0, 0), (0, 10), (10, 10), (10, 0)], [[(2, 2), (4, 2), (4, 4), (2, 4)], [(6, 6), (8, 6), (7, 8)]]
)
ELL = shapely.Polygon([(0, 0), (6, 0), (6, 2), (2, 2), (2, 5), (0, 5)])


def areas(xy, triangles):
    a, b, c = xy[triangles[:, 0]], xy[triangles[:, 1]], xy[triangles[:, 2]]
    return ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])) / 2


def test_outer_rings_run_counter_clockwise_and_holes_clockwise():
    rings = rings_of(np.array([YARD]))
    following = rings.next
    cross = rings.xy[:, 0] * rings.xy[following, 1] - rings.xy[following, 0] * rings.xy[:, 1]
    assert_allclose(np.add.reduceat(cross, rings.start[:-1]) / 2, [100.0, -4.0, -2.0])


def test_parts_of_a_shape_keep_its_position_and_empty_shapes_have_none():
    shapes = np.array([shapely.Polygon(), shapely.MultiPolygon([HOUSE, shapely.box(9, 9, 10, 10)]), None, ELL])
    rings = rings_of(shapes)
    assert_array_equal(rings.owner, [1, 1, 3])
    assert_array_equal(rings.size, [4, 4, 6])


def test_some_polygons_can_be_taken_in_any_order():
    rings = rings_of(np.array([HOUSE, YARD, ELL]))
    some = rings.take(np.array([2, 1]))
    assert_array_equal(some.owner, [2, 1])
    assert_array_equal(some.size, [6, 4, 4, 3])
    assert_array_equal(some.xy[:6], rings.xy[rings.first[2] : rings.first[3]])


def test_levels_of_vertices_are_kept():
    tilted = shapely.Polygon([(0, 0, 1), (4, 0, 2), (4, 3, 3)])
    assert_array_equal(np.sort(rings_of(np.array([tilted])).z), [1, 2, 3])
    assert np.isnan(rings_of(np.array([HOUSE])).z).all()


def test_triangles_cover_each_polygon_once():
    shapes = np.array([HOUSE, YARD, ELL, shapely.Polygon([(0, 0), (1, 0), (0, 1)])])
    rings = rings_of(shapes)
    triangles, count = triangulate(rings)
    found = areas(rings.xy, triangles)
    assert (found > 0).all()
    assert_allclose(np.add.reduceat(found, np.r_[0, np.cumsum(count)[:-1]]), shapely.area(shapes))
    assert_array_equal(count, [2, 4 + 4 + 3 + 2 * 2 - 2, 4, 1])


def test_nothing_gives_nothing():
    rings = rings_of(np.array([], dtype=object))
    triangles, count = triangulate(rings)
    assert triangles.shape == (0, 3)
    assert not len(count)


@given(st.integers(3, 40), st.integers(0, 2**32 - 1))
def test_any_star_is_covered_exactly(n, seed):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, n))
    reach = rng.uniform(1.0, 9.0, n)
    star = shapely.Polygon(np.column_stack([reach * np.cos(angle), reach * np.sin(angle)]))
    if not star.is_valid:
        return
    rings = rings_of(np.array([star]))
    triangles, _ = triangulate(rings)
    assert areas(rings.xy, triangles).sum() == pytest.approx(star.area)
