"""Lines, areas and bridges on the mesh of the terrain."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
import xarray as xr
from numpy.testing import assert_allclose

from dothi.mesh.bridges import ABOVE_ROAD_M, ABOVE_WATER_M, decks
from dothi.mesh.drape import STRAY_M, along, bends, densified, draped_areas, draped_lines
from dothi.mesh.terrain import flat_mesh, levels_on_mesh, terrain_mesh

NO_AREAS = np.empty(0, dtype=object)


@pytest.fixture(scope="module")
def mesh():
    """Hills of 400 × 600 m from (1000, 4600)."""
    y, x = np.mgrid[:200, :300]
    levels = 20.0 + 8.0 * np.sin(x / 17.0) * np.cos(y / 23.0) + np.random.default_rng(1).normal(0.0, 0.3, (200, 300))
    places = {"y": 4999.0 - 2.0 * np.arange(200), "x": 1001.0 + 2.0 * np.arange(300)}
    return terrain_mesh(xr.DataArray(levels, dims=("y", "x"), coords=places), error_m=0.5, most_triangles=10**6)


def lines_of(*coordinates):
    return np.array([shapely.LineString(line) for line in coordinates], dtype=object)


# ── lines ────────────────────────────────────────────────────────────────────────────────────────


def test_vertices_of_lines_stand_on_the_mesh_and_what_lies_between_strays_little(mesh):
    lines = lines_of(
        [(1010, 4610), (1590, 4990)], [(1050, 4900), (1200, 4700), (1500, 4990)], [(1300, 4650), (1301, 4650)]
    )
    paths = draped_lines(lines, mesh)
    assert len(paths) == 3
    assert_allclose(levels_on_mesh(mesh, paths.xyz[:, :2]), paths.xyz[:, 2], rtol=0.0, atol=1e-6)
    for number, line in enumerate(lines):
        own = paths.xyz[paths.start[number] : paths.start[number + 1]]
        assert_allclose(own[[0, -1], :2], np.array(line.coords)[[0, -1]])
        drawn, walked = shapely.LineString(own), np.linspace(0.0, line.length, 2000)
        points = shapely.get_coordinates(shapely.line_interpolate_point(shapely.force_2d(drawn), walked))
        level = np.interp(walked, along(own), own[:, 2])
        assert np.abs(level - levels_on_mesh(mesh, points)).max() <= STRAY_M + 1e-6
        assert shapely.hausdorff_distance(shapely.force_2d(drawn), line) <= STRAY_M


def test_line_on_a_plane_keeps_its_ends_alone():
    paths = draped_lines(lines_of([(1, 1), (5, 5.01), (9, 9)]), flat_mesh((0.0, 0.0, 10.0, 10.0), 7.0))
    assert_allclose(paths.xyz, [[1, 1, 7], [9, 9, 7]])


def test_lines_keep_their_order_direction_and_place_beside_each_other(mesh):
    there, back = lines_of([(1010, 4610), (1590, 4990)], [(1590, 4990), (1010, 4610)])
    paths = draped_lines(np.array([there, back, there]), mesh)
    first, second, third = (paths.xyz[paths.start[n] : paths.start[n + 1]] for n in range(3))
    assert_allclose(first[0, :2], there.coords[0])
    assert_allclose(second[0, :2], back.coords[0])
    assert np.array_equal(first, third)


def test_no_lines_give_no_paths(mesh):
    assert len(draped_lines(NO_AREAS, mesh)) == 0


def test_lines_get_vertices_at_most_a_step_apart():
    xy, fixed, start = densified(np.array([[0.0, 0.0], [10.0, 0.0], [5.0, 5.0], [5.0, 6.0]]), np.array([0, 2, 4]), 3.0)
    assert start.tolist() == [0, 5, 7]
    assert_allclose(xy[:5, 0], [0.0, 2.5, 5.0, 7.5, 10.0])
    assert fixed.tolist() == [True, False, False, False, True, True, True]


def test_profile_keeps_its_peak_and_drops_what_is_straight():
    z = np.array([0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0])
    fixed = np.array([True, *[False] * 5, True])
    assert bends(np.arange(7.0), z, fixed, 0.1).nonzero()[0].tolist() == [0, 3, 6]
    assert bends(np.arange(7.0), z, fixed, 3.0).nonzero()[0].tolist() == [0, 6]


# ── areas ────────────────────────────────────────────────────────────────────────────────────────


def corners_of(sheets, sheet):
    first = np.concatenate([[0], np.cumsum(sheets.triangle_count)])
    vertices = np.concatenate([np.column_stack([sheets.rings.xy, sheets.rings.z]), sheets.inner])
    return vertices[sheets.triangles[first[sheet] : first[sheet + 1]]]


def area_on_map(corners):
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2.0


def test_triangles_of_areas_lie_in_the_mesh_and_fill_each_area_once(mesh):
    shapes = np.array(
        [
            shapely.Point(1300, 4800).buffer(120).difference(shapely.Point(1310, 4790).buffer(40)),
            shapely.MultiPolygon([shapely.box(1020, 4620, 1060, 4660), shapely.box(1500, 4900, 1503, 4902)]),
            shapely.box(1021.3, 4700.1, 1021.9, 4700.7),
        ],
        dtype=object,
    )
    sheets = draped_areas(shapes, mesh, stray_m=0.0)
    assert sheets.rings.owner.tolist() == [0, 1, 1, 2]
    parts = shapely.get_parts(shapes)
    generator = np.random.default_rng(5)
    for sheet, part in enumerate(parts):
        corners = corners_of(sheets, sheet)
        assert_allclose(area_on_map(corners).sum(), part.area, rtol=1e-4)
        assert area_on_map(corners).min() > -1e-6
        points = np.einsum("nk,nkd->nd", generator.dirichlet([1.0, 1.0, 1.0], len(corners)), corners)
        assert_allclose(levels_on_mesh(mesh, points[:, :2]), points[:, 2], rtol=0.0, atol=0.01)
    outline = np.column_stack([sheets.rings.xy, sheets.rings.z])
    assert_allclose(levels_on_mesh(mesh, outline[:, :2]), outline[:, 2], rtol=0.0, atol=1e-6)


def test_sheet_of_an_area_has_no_vertex_that_is_not_used(mesh):
    sheets = draped_areas(np.array([shapely.Point(1300, 4800).buffer(120)]), mesh)
    used = np.unique(sheets.triangles)
    n_rings = len(sheets.rings.xy)
    assert np.array_equal(used[used >= n_rings], np.arange(n_rings, n_rings + len(sheets.inner)))


def test_areas_are_cut_at_the_border_of_the_mesh(mesh):
    sheets = draped_areas(np.array([shapely.box(0, 0, 9999, 9999), shapely.box(0, 0, 10, 10)]), mesh)
    west, south, east, north = mesh.bounds
    assert sheets.rings.owner.tolist() == [0]
    assert_allclose(area_on_map(corners_of(sheets, 0)).sum(), (east - west) * (north - south), rtol=1e-9)


def test_no_areas_give_no_sheets(mesh):
    assert len(draped_areas(NO_AREAS, mesh)) == 0
    assert len(draped_areas(np.array([shapely.Polygon()]), mesh)) == 0


# ── bridges ──────────────────────────────────────────────────────────────────────────────────────

PLAIN = flat_mesh((-1000.0, -1000.0, 2000.0, 1000.0), 10.0)


def spans(lines, bridge, *, tunnel=None, level=None, water=NO_AREAS, ground=PLAIN, steepest=0.25):
    bridge = np.array(bridge)
    tunnel = np.zeros(len(lines), dtype=bool) if tunnel is None else np.array(tunnel)
    level = np.where(bridge, 1, 0) if level is None else np.array(level)
    paths = decks(lines, bridge, tunnel, level, water, ground, steepest)
    return [paths.xyz[paths.start[n] : paths.start[n + 1]] for n in range(len(paths))]


def level_at(span, x):
    return np.interp(x, span[:, 0], span[:, 2])


def test_bridge_runs_from_ground_to_ground_above_the_road_it_crosses():
    lines = lines_of([(-50, 0), (0, 0)], [(0, 0), (100, 0)], [(100, 0), (150, 0)], [(50, -30), (50, 30)])
    (span,) = spans(lines, [False, True, False, False])
    assert_allclose(span[[0, -1], 2], 10.0)
    assert level_at(span, 50.0) >= 10.0 + ABOVE_ROAD_M - 0.05
    # Pulled tight: straight from the abutments to the samples beside the road, and no higher than needed.
    assert span[:, 2].max() <= 10.0 + ABOVE_ROAD_M + 0.05
    assert_allclose(level_at(span, 20.0), 10.0 + ABOVE_ROAD_M * 20.0 / 45.0, atol=0.1)


def test_bridge_stays_above_water_from_bank_to_bank():
    river = np.array([shapely.box(30, -100, 170, 100)])
    (span,) = spans(
        lines_of([(-9, 0), (0, 0)], [(0, 0), (200, 0)], [(200, 0), (209, 0)]), [False, True, False], water=river
    )
    x = np.linspace(31, 169, 100)
    assert (level_at(span, x) >= 10.0 + ABOVE_WATER_M - 0.06).all()
    assert_allclose(span[[0, -1], 2], 10.0)


def test_ramp_is_no_steeper_than_one_in_four():
    river = np.array([shapely.box(1, -100, 99, 100)])
    (span,) = spans(
        lines_of([(-9, 0), (0, 0)], [(0, 0), (100, 0)], [(100, 0), (109, 0)]), [False, True, False], water=river
    )
    slope = np.abs(np.diff(span[:, 2]) / np.diff(span[:, 0]))
    assert slope.max() <= 0.25 + 1e-6


def test_bridge_of_trains_climbs_as_trains_can():
    road = [(13, -50), (13, 50)]
    lines = lines_of([(-9, 0), (0, 0)], [(0, 0), (26, 0)], [(26, 0), (35, 0)], road)
    (span,) = spans(lines, [False, True, False, False], steepest=np.array([0.04, 0.04, 0.04, 0.25]))
    slope = np.abs(np.diff(span[:, 2]) / np.diff(span[:, 0]))
    assert 0.0 < slope.max() <= 0.04 + 1e-6
    (span,) = spans(lines, [False, True, False, False])
    assert span[:, 2].max() > 10.0 + 2.0


def test_deck_of_several_links_is_one():
    river = np.array([shapely.box(30, -100, 170, 100)])
    lines = lines_of(
        [(0, 0), (70, 0)],
        [(70, 0), (200, 0)],
        [(70, 0), (70, 90)],
        [(-9, 0), (0, 0)],
        [(200, 0), (209, 0)],
        [(70, 90), (70, 99)],
    )
    first, second, branch = spans(lines, [True, True, True, False, False, False], water=river)
    assert first[-1, 2] == second[0, 2] == branch[0, 2]
    assert first[-1, 2] >= 10.0 + ABOVE_WATER_M - 1e-6
    assert_allclose([first[0, 2], second[-1, 2], branch[-1, 2]], 10.0)


def test_bridge_over_a_bridge_is_higher_by_the_clearance():
    lines = lines_of(
        [(-9, 0), (0, 0)], [(0, 0), (200, 0)], [(200, 0), (209, 0)],
        [(100, -109), (100, -100)], [(100, -100), (100, 100)], [(100, 100), (100, 109)],
        [(50, -50), (50, 50)],
    )  # fmt: skip
    lower, upper = spans(lines, [False, True, False, False, True, False, False], level=[0, 1, 0, 0, 2, 0, 0])
    top = np.interp(0.0, upper[:, 1], upper[:, 2])
    assert top - level_at(lower, 100.0) >= ABOVE_ROAD_M - 0.15


def test_levels_of_the_source_are_followed_and_meet_the_ground():
    arch = [(0, 0, 110.5), (50, 0, 118.0), (100, 0, 112.5)]
    lines = np.array(
        [
            shapely.LineString([(-9, 0, 0), (0, 0, 0)]),
            shapely.LineString(arch),
            shapely.LineString([(100, 0, 0), (109, 0, 0)]),
        ]
    )
    ground = flat_mesh((-1000.0, -1000.0, 2000.0, 1000.0), 110.0)
    (span,) = spans(lines, [False, True, False], ground=ground)
    assert_allclose(span[[0, -1], 2], 110.0)
    # Shifted down by 0.5 m at one end and 2.5 m at the other: by 1.5 m in the middle.
    assert_allclose(level_at(span, 50.0), 118.0 - 1.5, atol=0.05)


def test_levels_of_the_source_below_the_water_are_not_believed():
    sunk = shapely.LineString([(0, 0, 10.0), (50, 0, 7.0), (100, 0, 10.0)])
    lines = np.array([sunk, *lines_of([(-9, 0), (0, 0)], [(100, 0), (109, 0)])])
    (span,) = spans(lines, [True, False, False], water=np.array([shapely.box(20, -50, 80, 50)]))
    assert level_at(span, 50.0) >= 10.0 + ABOVE_WATER_M - 0.06


def test_line_in_a_tunnel_asks_for_no_room():
    lines = lines_of([(-50, 0), (0, 0)], [(0, 0), (100, 0)], [(100, 0), (150, 0)], [(50, -30), (50, 30)])
    (span,) = spans(lines, [False, True, False, False], tunnel=[False, False, False, True])
    assert_allclose(span[:, 2], 10.0)


def test_bridge_cut_off_at_the_border_hangs_on_its_other_end():
    river = np.array([shapely.box(1800, -100, 2000, 100)])
    (span,) = spans(lines_of([(1691, 0), (1700, 0)], [(1700, 0), (2000, 0)]), [False, True], water=river)
    assert_allclose(span[0, 2], 10.0)
    assert span[-1, 2] >= 10.0 + ABOVE_WATER_M - 1e-6


def test_bridge_that_touches_nothing_stands_on_its_ends():
    (span,) = spans(lines_of([(0, 0), (100, 0)]), [True], water=np.array([shapely.box(40, -9, 60, 9)]))
    assert_allclose(span[[0, -1], 2], 10.0)
    assert level_at(span, 50.0) >= 10.0 + ABOVE_WATER_M - 0.06


def test_no_bridges_give_no_decks():
    assert spans(lines_of([(0, 0), (9, 0)]), [False]) == []
    assert spans(NO_AREAS, np.empty(0, dtype=bool)) == []
