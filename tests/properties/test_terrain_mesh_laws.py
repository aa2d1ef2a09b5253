"""Laws of the terrain mesh and of what lies on it, for any ground."""

from __future__ import annotations

import numpy as np
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from dothi.mesh.drape import STRAY_M, along, bends, draped_lines
from dothi.mesh.terrain import levels_on_mesh, terrain_mesh

LEVELS = npst.arrays(
    np.float32,
    npst.array_shapes(min_dims=2, max_dims=2, max_side=70),
    elements=st.one_of(st.floats(-430, 9000, width=32), st.integers(0, 3).map(float)),
    fill=st.floats(0, 50, width=32),
)


def raster(levels):
    rows, columns = levels.shape
    return xr.DataArray(
        levels, dims=("y", "x"), coords={"y": 5.0 * np.arange(rows)[::-1], "x": 5.0 * np.arange(columns)}
    )


@settings(deadline=None, max_examples=40)
@given(LEVELS, st.sampled_from([0.25, 3.0]), st.sampled_from([60, 2000, 10**6]))
def test_mesh_covers_the_ground_once_and_keeps_the_error_it_states(levels, error, most):
    terrain = raster(levels)
    mesh = terrain_mesh(terrain, error_m=error, most_triangles=most)
    x, y = np.meshgrid(terrain["x"], terrain["y"])
    off = np.abs(levels_on_mesh(mesh, np.column_stack([x.ravel(), y.ravel()])) - levels.ravel())
    assert off.max() <= mesh.error_m * (1.0 + 1e-6)
    assert most < 10**6 or mesh.error_m == error
    corner = mesh.xyz[mesh.triangles][:, :, :2]
    a, b = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    doubled = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    west, south, east, north = mesh.bounds
    assert (doubled > 0.0).all()
    assert abs(doubled.sum() / 2.0 - (east - west) * (north - south)) < 1e-6


@settings(deadline=None, max_examples=40)
@given(LEVELS, npst.arrays(np.float64, (6, 2), elements=st.floats(-20.0, 370.0), unique=True))
def test_lines_follow_the_mesh_wherever_they_run(levels, corners):
    mesh = terrain_mesh(raster(levels), most_triangles=10**6)
    paths = draped_lines(np.array([shapely.LineString(corners)], dtype=object), mesh)
    xyz = paths.xyz
    share = np.linspace(0.0, 1.0, 23)[:, None, None]
    between = (xyz[:-1] + share * (xyz[1:] - xyz[:-1])).reshape(-1, 3)
    # A step of 9 km within a cell turns rounding along the line into millimetres of level.
    assert np.abs(between[:, 2] - levels_on_mesh(mesh, between[:, :2])).max() <= STRAY_M + 1e-3


@settings(deadline=None, max_examples=60)
@given(
    npst.arrays(np.float64, st.tuples(st.integers(2, 40), st.just(2)), elements=st.floats(0.0, 100.0)),
    st.floats(0.0, 30.0),
)
def test_profiles_stray_no_farther_than_allowed(profile, stray):
    distance = np.cumsum(profile[:, 0] + 0.01)
    fixed = np.zeros(len(profile), dtype=bool)
    fixed[[0, -1]] = True
    kept = bends(distance, profile[:, 1], fixed, stray)
    assert kept[[0, -1]].all()
    drawn = np.interp(distance, distance[kept], profile[kept, 1])
    assert np.abs(drawn - profile[:, 1]).max() <= stray + 1e-9


def test_distance_along_nothing_is_nothing():
    assert len(along(np.empty((0, 2)))) == 0
