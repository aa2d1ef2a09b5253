"""Shapes on cells: the same cells as GDAL fills, whatever the shape, and the last shape wins."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from numpy.testing import assert_array_equal
from rasterio.features import rasterize

from dothi.derive import rasterise
from dothi.derive.rasterise import burn
from dothi.io.terrain import Grid

GRID = Grid("EPSG:2154", 0.0, 60.0, 1.0, (60, 80))
SEED = 11


def numbered(shapes, **options):
    return burn(shapes, np.arange(1, len(shapes) + 1, dtype=np.int32), GRID, 0, **options)


def gdal(shapes, **options):
    """The same by rasterio, that is GDAL."""
    numbers = zip(shapes, range(1, len(shapes) + 1), strict=True)
    return rasterize(numbers, out_shape=GRID.shape, transform=GRID.transform, fill=0, dtype="int32", **options)


def blobs(n, seed=SEED):
    """Random areas, with holes and parts, within the grid and across its edges; none has an edge on a centre."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(-8.0, [88.0, 68.0], (n, 2))
    outer = shapely.buffer(shapely.points(places), rng.uniform(0.3, 12.0, n), quad_segs=3)
    others = shapely.buffer(shapely.points(places + rng.uniform(-9.0, 9.0, (n, 2))), rng.uniform(0.3, 6.0, n))
    shapes = shapely.symmetric_difference(outer, others)
    return np.where(np.arange(n) % 2 == 0, shapes, outer)


def test_areas_with_holes_and_parts_fill_the_cells_that_gdal_fills():
    shapes = blobs(120)
    assert (shapely.get_num_geometries(shapes) > 1).any()
    assert (shapely.get_num_interior_rings(shapely.get_parts(shapes)) > 0).any()
    assert_array_equal(numbered(shapes), gdal(shapes))


def test_areas_that_touch_cells_mark_those_that_gdal_marks():
    shapes = blobs(120)
    assert_array_equal(numbered(shapes, touched=True), gdal(shapes, all_touched=True))


def test_lines_mark_the_cells_they_run_through_as_gdal_does():
    rng = np.random.default_rng(SEED)
    lines = np.array([shapely.LineString(rng.uniform(-8.0, 88.0, (5, 2))) for _ in range(40)])
    assert_array_equal(numbered(lines, touched=True), gdal(lines, all_touched=True))
    assert_array_equal(numbered(lines), numbered(lines, touched=True))


def test_level_and_upright_lines_mark_one_row_or_column():
    cells = np.argwhere(numbered(np.array([shapely.LineString([(2.5, 10.5), (6.5, 10.5)])])))
    assert cells.tolist() == [[49, 2], [49, 3], [49, 4], [49, 5], [49, 6]]
    cells = np.argwhere(numbered(np.array([shapely.LineString([(2.5, 10.5), (2.5, 12.5)])])))
    assert cells.tolist() == [[47, 2], [48, 2], [49, 2]]


def test_points_mark_the_cell_they_lie_in_and_none_beyond_the_grid():
    shapes = shapely.points([[0.5, 59.5], [79.9, 0.1], [-0.1, 3.0], [3.0, 60.1]])
    assert np.argwhere(numbered(shapes)).tolist() == [[0, 0], [59, 79]]


def test_collections_count_with_all_their_members():
    area, line = shapely.box(1.2, 1.2, 9.3, 9.3), shapely.LineString([(20.1, 20.2), (30.3, 41.4)])
    nested = shapely.GeometryCollection([area, shapely.GeometryCollection([line, shapely.Point(50.5, 50.5)])])
    expected = burn(np.array([area, line, shapely.Point(50.5, 50.5)]), np.ones(3, dtype=np.int32), GRID, 0)
    assert_array_equal(numbered(np.array([nested])), expected)


def test_the_last_shape_wins_among_areas_lines_and_points():
    area, line = shapely.box(10.2, 10.2, 30.3, 30.3), shapely.LineString([(5.1, 20.2), (35.3, 21.4)])
    for shapes in (np.array([area, line]), np.array([line, area])):
        assert_array_equal(numbered(shapes, touched=True), gdal(shapes, all_touched=True))


def test_neighbours_along_a_line_of_centres_share_no_cell_and_leave_none():
    # Their common edges run through centres; each centre belongs to one side.
    columns = [shapely.box(x, 0.5, x + 10.0, 59.5) for x in np.arange(0.5, 70.5, 10.0)]
    count = np.sum([burn(np.array([part]), np.ones(1, dtype=np.uint8), GRID, 0) for part in columns], axis=0)
    whole = burn(np.array([shapely.union_all(columns)]), np.ones(1, dtype=np.uint8), GRID, 0)
    assert_array_equal(count, whole)
    assert count.max() == 1


def test_small_blocks_of_work_give_the_same_cells(monkeypatch):
    shapes = blobs(60)
    whole, touched = numbered(shapes), numbered(shapes, touched=True)
    monkeypatch.setattr(rasterise, "BLOCK", 50)
    monkeypatch.setattr(rasterise, "COORDINATES", 100)
    assert_array_equal(numbered(shapes), whole)
    assert_array_equal(numbered(shapes, touched=True), touched)


@pytest.mark.parametrize("shapes", [[], [shapely.Polygon()], [shapely.box(-99.0, -99.0, -9.0, -9.0)]])
def test_nothing_on_the_grid_leaves_the_filling(shapes):
    burnt = burn(np.array(shapes, dtype=object), np.ones(len(shapes), dtype=np.float32), GRID, np.nan)
    assert burnt.dtype == np.float32
    assert np.isnan(burnt).all()


def test_real_buildings_fill_the_cells_of_gdal_but_for_centres_on_their_walls(sample):
    import geopandas as gpd

    shapes = gpd.read_file(sample("france-lorient/buildings.shp")).geometry.to_numpy()
    west, south, east, north = map(float, shapely.total_bounds(shapes))
    grid = Grid(
        "EPSG:2154", np.floor(west), np.ceil(north), 2.0, (int(north - south) // 2 + 2, int(east - west) // 2 + 2)
    )
    ones = np.ones(len(shapes), dtype=np.uint8)
    own = burn(shapes, ones, grid, 0)
    others = rasterize(shapes, out_shape=grid.shape, transform=grid.transform, dtype="uint8")
    row, column = np.nonzero(own != others)
    walls = shapely.union_all(shapely.boundary(shapes))
    assert own.sum() > 10_000
    assert (shapely.distance(shapely.points(grid.x[column], grid.y[row]), walls) < 1e-6).all()
