"""Terrain as a mesh of right triangles."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from scipy import ndimage

from dothi.mesh.terrain import flat_mesh, levels_on_mesh, terrain_mesh


def raster(levels, cell=2.0, west=1000.0, north=5000.0):
    rows, columns = np.shape(levels)
    x = west + cell * (np.arange(columns) + 0.5)
    y = north - cell * (np.arange(rows) + 0.5)
    return xr.DataArray(np.asarray(levels, dtype=np.float32), dims=("y", "x"), coords={"y": y, "x": x})


def hills(rows, columns, noise=0.0, seed=1):
    y, x = np.mgrid[:rows, :columns]
    bumps = np.random.default_rng(seed).normal(0.0, noise, (rows, columns)) if noise else 0.0
    return 20.0 + 8.0 * np.sin(x / 17.0) * np.cos(y / 23.0) + bumps


def cells(terrain):
    x, y = np.meshgrid(terrain["x"].to_numpy(), terrain["y"].to_numpy())
    return np.column_stack([x.ravel(), y.ravel()]), terrain.to_numpy().ravel()


def greatest_error(mesh, terrain):
    xy, z = cells(terrain)
    return np.abs(levels_on_mesh(mesh, xy) - z).max()


def doubled_areas(mesh):
    corner = mesh.xyz[mesh.triangles][:, :, :2]
    a, b = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (63, 64), (65, 62), (97, 211)])
@pytest.mark.parametrize("noise", [0.0, 1.0])
@pytest.mark.parametrize("error", [0.05, 0.25, 2.0])
def test_no_cell_is_farther_from_the_mesh_than_the_error(shape, noise, error):
    terrain = raster(hills(*shape, noise))
    mesh = terrain_mesh(terrain, error_m=error, most_triangles=10**6)
    assert mesh.error_m == error
    assert greatest_error(mesh, terrain) <= error


@pytest.mark.parametrize("shape", [(1, 9), (2, 3), (64, 64), (97, 211)])
def test_triangles_cover_the_raster_once_and_turn_counter_clockwise(shape):
    terrain = raster(hills(*shape, 1.0))
    mesh = terrain_mesh(terrain, most_triangles=10**6)
    west, south, east, north = mesh.bounds
    assert (doubled_areas(mesh) > 0.0).all()
    assert_allclose(doubled_areas(mesh).sum() / 2.0, (east - west) * (north - south), rtol=1e-12)
    # One cell more than the centres on every side: the outermost cells are covered.
    assert (west, south) == (1000.0 - 1.0, terrain["y"].to_numpy().min() - 2.0)


def test_mesh_has_no_cracks():
    mesh = terrain_mesh(raster(hills(97, 211, 1.0)), most_triangles=10**6)
    sides = np.concatenate([mesh.triangles[:, [0, 1]], mesh.triangles[:, [1, 2]], mesh.triangles[:, [2, 0]]])
    _, count = np.unique(np.sort(sides, axis=1), axis=0, return_counts=True)
    assert count.max() == 2
    # Sides of one triangle lie on the border, from end to end: a vertex in the middle of a side would leave others.
    ends, count = np.unique(np.sort(sides, axis=1), axis=0, return_counts=True)
    at = mesh.xyz[ends[count == 1]][:, :, :2]
    west, south, east, north = mesh.bounds
    on_border = (
        (at[:, :, 0] == west).all(axis=1)
        | (at[:, :, 0] == east).all(axis=1)
        | (at[:, :, 1] == south).all(axis=1)
        | (at[:, :, 1] == north).all(axis=1)
    )
    assert on_border.all()
    around = np.hypot(*(at[:, 1] - at[:, 0]).T).sum()
    assert_allclose(around, 2.0 * (east - west + north - south), rtol=1e-12)


def test_level_at_any_point_is_that_of_the_triangle_it_lies_in():
    mesh = terrain_mesh(raster(hills(97, 211, 0.5)), error_m=1.0, most_triangles=10**6)
    generator = np.random.default_rng(3)
    chosen = generator.integers(0, len(mesh.triangles), 5000)
    share = generator.dirichlet([1.0, 1.0, 1.0], 5000)
    points = np.einsum("nk,nkd->nd", share, mesh.xyz[mesh.triangles[chosen]])
    assert_allclose(levels_on_mesh(mesh, points[:, :2]), points[:, 2], rtol=0.0, atol=1e-5)


def test_points_beyond_the_border_take_its_level():
    mesh = terrain_mesh(raster(hills(20, 20)))
    west, south, _, _ = mesh.bounds
    there = np.array([[west, south], [west - 500.0, south - 500.0]])
    assert np.ptp(levels_on_mesh(mesh, there)) == 0.0


def test_plane_needs_the_fewest_triangles():
    y, x = np.mgrid[:64, :64]
    level = terrain_mesh(raster(np.full((64, 64), 3.0)))
    sloped = terrain_mesh(raster(5.0 + 0.5 * x - 0.25 * y), error_m=0.25)
    assert_allclose(level.xyz[:, 2], 3.0)
    assert len(level.triangles) <= 16  # four roots of 64 cells, cut at the border
    assert len(sloped.triangles) <= 16


def test_single_spike_is_met_with_few_triangles():
    levels = np.zeros((128, 128))
    levels[70, 33] = 10.0
    terrain = raster(levels)
    mesh = terrain_mesh(terrain)
    assert greatest_error(mesh, terrain) <= 0.25
    assert len(mesh.triangles) < 200  # a vertex at the finest of 13 generations asks for about two per generation


def test_error_grows_where_triangles_run_out():
    terrain = raster(hills(200, 300, 1.0))
    mesh = terrain_mesh(terrain, most_triangles=2000)
    assert len(mesh.triangles) <= 2000
    assert mesh.error_m > 0.25
    assert greatest_error(mesh, terrain) <= mesh.error_m


def test_short_triangles_lower_the_squared_error():
    """Against splitting at the greatest difference first, with as many triangles, on ground as rough at all scales."""
    generator = np.random.default_rng(2)
    noise = [size * ndimage.gaussian_filter(generator.normal(size=(200, 300)), size) for size in (1, 2, 4, 8, 16, 32)]
    terrain = raster(sum(noise))
    xy, z = cells(terrain)
    weighed = terrain_mesh(terrain, most_triangles=6000)
    error = 0.2
    while len((plain := terrain_mesh(terrain, error_m=error, most_triangles=10**6)).triangles) > 6000:
        error *= 1.1
    squares = [np.mean((levels_on_mesh(mesh, xy) - z) ** 2) for mesh in (weighed, plain)]
    assert squares[0] < 0.8 * squares[1]


def test_cells_without_level_take_the_nearest():
    levels = hills(40, 40)
    levels[10:30, 10:20] = np.nan
    mesh = terrain_mesh(raster(levels), most_triangles=10**6)
    assert np.isfinite(mesh.xyz).all()
    x, y = 1000.0 + 2.0 * 10.5, 5000.0 - 2.0 * 20.5  # beside the known column 9
    assert_allclose(levels_on_mesh(mesh, np.array([[x, y]]))[0], levels[20, 9], atol=0.26)


def test_terrain_without_any_level_is_refused():
    with pytest.raises(ValueError, match="without levels"):
        terrain_mesh(raster(np.full((4, 4), np.nan)))


def test_same_terrain_gives_same_mesh_whichever_way_its_axes_run():
    terrain = raster(hills(50, 70, 0.5))
    mesh, again = terrain_mesh(terrain), terrain_mesh(terrain[::-1, ::-1])
    assert np.array_equal(mesh.xyz, again.xyz)
    assert np.array_equal(mesh.triangles, again.triangles)


def test_ground_of_unknown_terrain_is_flat():
    mesh = flat_mesh((0.0, 0.0, 100.0, 50.0), 4.5)
    assert_allclose(levels_on_mesh(mesh, np.array([[1.0, 1.0], [99.0, 49.0], [30.0, 20.0]])), 4.5)
    assert (doubled_areas(mesh) > 0.0).all()
