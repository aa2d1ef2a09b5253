"""Ground levels of a whole city: from points and breaklines, from rasters with holes, and under its buildings."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.features import rasterize
from rasterio.warp import reproject
from scipy import ndimage
from scipy.spatial import Delaunay, QhullError, cKDTree

from dothi.io.terrain import Grid, grid_of

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Bools = NDArray[np.bool_]

STOREY_M: Final = 3.0
"""A level is as uncertain as its error is large beside a storey: confidence is 1 − error / 3 m."""

FAR_M: Final = 60.0
"""A cell farther than this from every point with a level counts as filled."""

LINE_STEP_M: Final = 10.0
"""Breaklines are cut into pieces no longer than this before the first triangulation."""

SHORTEST_M: Final = 0.5
"""Breaklines are not cut into pieces shorter than this; those still crossed are let go and counted."""

WATER_DROP_M: Final = 1.0
"""Still water is taken to stand this much below the lowest bank nearby."""

BANK_M: Final = 40.0
REACH_M: Final = 250.0
FLOWING: Final = ("river", "canal", "stream", "drain")
"""Kinds of water whose level may fall along their course; all others are level."""

_BLOCK = 4_000_000


# ── triangles ────────────────────────────────────────────────────────────────────────────────────


def tin_raster(points: Floats, breaklines: NDArray[np.object_], grid: Grid) -> xr.DataArray:
    r"""
    Raster of the triangulated irregular network over points and breaklines.

    The network is a conforming Delaunay triangulation: breaklines are cut, with levels interpolated along
    them, until every piece is an edge of the triangulation [1]_. Within a triangle the level is linear.
    Cells outside all triangles, or farther than `FAR_M` from every point, are filled by `fill_voids`.

    Parameters
    ----------
    points : (n, 3)
        x, y and level [m].
    breaklines : (m,)
        Lines with Z along which the ground may bend.
    grid
        Where to give levels.

    Returns
    -------
    xarray.DataArray
        Level (y, x) [m]. Attributes: ``filled_share``, share of the cells that were filled; ``open_pieces``,
        pieces of breaklines shorter than 2 × `SHORTEST_M` that are no edge since others cross them.

    Raises
    ------
    ValueError
        There is no point with a level.

    References
    ----------
    .. [1] J. R. Shewchuk, "Delaunay refinement algorithms for triangular mesh generation", Computational
       Geometry 22, 2002, https://doi.org/10.1016/S0925-7721(01)00047-5, sec. 3.
    """
    vertices, pieces = _vertices(np.asarray(points, dtype=float).reshape(-1, 3), breaklines)
    if not len(vertices):
        raise ValueError("a terrain needs at least one point with a level")
    vertices, triangles, n_open = _conforming(vertices, pieces)
    values = _rasterised(vertices, triangles, grid)
    far = _distance(vertices[:, :2], grid) > FAR_M
    values[far] = np.nan
    if np.isnan(values).all():
        values = _seeded(vertices, grid)
    raster, share = fill_voids(grid.array(values, "m", "tin"))
    return raster.assign_attrs(method="tin", filled_share=round(share, 6), open_pieces=n_open)


def _vertices(points: Floats, lines: NDArray[np.object_]) -> tuple[Floats, Integers]:
    """Distinct vertices (n, 3), mean level where several share a place, and pieces of breaklines as pairs (m, 2)."""
    lines = np.asarray(lines, dtype=object)
    if len(lines):
        lines = shapely.segmentize(lines, LINE_STEP_M)
    xyz, line = shapely.get_coordinates(lines, include_z=True, return_index=True)
    start = np.flatnonzero(line[1:] == line[:-1])
    xyz = np.concatenate([xyz, points])
    # A centimetre is finer than any survey of a city, and keeps Qhull away from slivers.
    _, first, place = np.unique(np.rint(xyz[:, :2] * 100.0), axis=0, return_index=True, return_inverse=True)
    known = np.isfinite(xyz[:, 2])
    weight = np.bincount(place, weights=known, minlength=len(first))
    total = np.bincount(place, weights=np.where(known, xyz[:, 2], 0.0), minlength=len(first))
    kept = weight > 0
    number = np.cumsum(kept) - 1
    vertices = np.column_stack([xyz[first, :2], total / np.maximum(weight, 1.0)])[kept]
    ends = place[np.column_stack([start, start + 1])]
    ends = ends[kept[ends].all(axis=1) & (ends[:, 0] != ends[:, 1])]
    return vertices, np.unique(np.sort(number[ends], axis=1), axis=0)


def _conforming(vertices: Floats, pieces: Integers) -> tuple[Floats, Integers, int]:
    """Delaunay triangulation in which pieces are edges: missing ones are halved until none is missing."""
    while True:
        triangles = _delaunay(vertices)
        missing = pieces[~_are_edges(pieces, triangles, len(vertices))]
        span = np.hypot(*(vertices[missing[:, 0], :2] - vertices[missing[:, 1], :2]).T)
        split = span >= 2.0 * SHORTEST_M
        if not split.any() or not len(triangles):
            return vertices, triangles, len(missing)
        halved = missing[split]
        middle = vertices[halved].mean(axis=1)
        new = len(vertices) + np.arange(len(halved))
        is_halved = np.isin(_keys(pieces, len(vertices)), _keys(halved, len(vertices)))
        pieces = np.concatenate(
            [pieces[~is_halved], np.column_stack([halved[:, 0], new]), np.column_stack([halved[:, 1], new])]
        )
        vertices = np.concatenate([vertices, middle])


def _delaunay(vertices: Floats) -> Integers:
    if len(vertices) < 3:
        return np.empty((0, 3), dtype=np.intp)
    flat = vertices[:, :2] - vertices[:, :2].mean(axis=0)  # large eastings cost Qhull its digits
    try:
        return Delaunay(flat).simplices.astype(np.intp)
    except QhullError:  # all on one line
        return np.empty((0, 3), dtype=np.intp)


def _keys(pairs: Integers, n: int) -> NDArray[np.int64]:
    low, high = pairs.min(axis=1).astype(np.int64), pairs.max(axis=1).astype(np.int64)
    return low * n + high


def _are_edges(pairs: Integers, triangles: Integers, n: int) -> Bools:
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    if not len(edges) or not len(pairs):
        return np.zeros(len(pairs), dtype=bool)
    return np.isin(_keys(pairs, n), _keys(edges, n))


def _rasterised(vertices: Floats, triangles: Integers, grid: Grid) -> NDArray[np.float32]:
    """Linear level within each triangle at the centres of the cells; missing outside, shape of the grid."""
    rows, columns = grid.shape
    values = np.full(rows * columns, np.nan, dtype=np.float32)
    # In units of cells from the first centre, rows southwards: a cell is hit where u and v are whole numbers.
    u = (vertices[:, 0] - grid.west) / grid.cell_m - 0.5
    v = (grid.north - vertices[:, 1]) / grid.cell_m - 0.5
    corner_v, order = np.sort(v[triangles], axis=1), np.argsort(v[triangles], axis=1)
    corner = np.take_along_axis(triangles, order, axis=1)
    corner_u, corner_z = u[corner], vertices[corner, 2]
    slack = 1e-7
    first = np.maximum(np.ceil(corner_v[:, 0] - slack), 0).astype(np.intp)
    last = np.minimum(np.floor(corner_v[:, 2] + slack), rows - 1).astype(np.intp)
    area = (corner_u[:, 1] - corner_u[:, 0]) * (corner_v[:, 2] - corner_v[:, 0]) - (
        corner_u[:, 2] - corner_u[:, 0]
    ) * (corner_v[:, 1] - corner_v[:, 0])
    n_rows = np.where(np.abs(area) > 1e-12, np.maximum(last - first + 1, 0), 0)
    chosen = np.flatnonzero(n_rows)
    for part in _chunks(n_rows[chosen], _BLOCK):
        t, row = _expanded(chosen[part], first[chosen[part]], n_rows[chosen[part]])
        a, b, c = corner_v[t].T
        share = _share(row, a, c)
        long_u = corner_u[t, 0] + share * (corner_u[t, 2] - corner_u[t, 0])
        upper = row <= b
        bent_u = np.where(
            upper,
            corner_u[t, 0] + _share(row, a, b) * (corner_u[t, 1] - corner_u[t, 0]),
            corner_u[t, 1] + _share(row, b, c) * (corner_u[t, 2] - corner_u[t, 1]),
        )
        west = np.maximum(np.ceil(np.minimum(long_u, bent_u) - slack), 0).astype(np.intp)
        east = np.minimum(np.floor(np.maximum(long_u, bent_u) + slack), columns - 1).astype(np.intp)
        width = np.maximum(east - west + 1, 0)
        du = corner_u[t] - corner_u[t, :1]
        dv = corner_v[t] - corner_v[t, :1]
        dz = corner_z[t] - corner_z[t, :1]
        slope_u = (dz[:, 1] * dv[:, 2] - dz[:, 2] * dv[:, 1]) / area[t]
        slope_v = (du[:, 1] * dz[:, 2] - du[:, 2] * dz[:, 1]) / area[t]
        level = corner_z[t, 0] + slope_v * (row - corner_v[t, 0])
        for run in _chunks(width, _BLOCK):
            line, column = _expanded(np.arange(len(t))[run], west[run], width[run])
            at = level[line] + slope_u[line] * (column - corner_u[t[line], 0])
            # Rounding in slivers must not throw a cell beyond the levels of the corners.
            at = np.clip(at, corner_z[t].min(axis=1)[line], corner_z[t].max(axis=1)[line])
            values[row[line] * columns + column] = at
    return values.reshape(grid.shape)


def _share(row: NDArray[Any], low: Floats, high: Floats) -> Floats:
    """How far a row lies between two levels of v, within 0 and 1."""
    span = high - low
    return np.clip((row - low) / np.where(span > 0.0, span, 1.0), 0.0, 1.0)


def _chunks(sizes: NDArray[Any], limit: int) -> list[slice]:
    """Slices over items whose sizes add up to about the limit."""
    if not len(sizes):
        return []
    bins = (np.cumsum(sizes) - sizes) // limit
    starts = np.flatnonzero(np.r_[True, bins[1:] != bins[:-1]])
    return [slice(int(a), int(b)) for a, b in zip(starts, np.r_[starts[1:], len(sizes)], strict=True)]


def _expanded(items: Integers, first: Integers, count: NDArray[Any]) -> tuple[Integers, Integers]:
    """Each item as often as its count, beside first, first + 1, …."""
    total = int(count.sum())
    offset = np.repeat(np.cumsum(count) - count, count)
    return np.repeat(items, count), np.arange(total) - offset + np.repeat(first, count)


def _cells(xy: Floats, grid: Grid) -> tuple[Integers, Integers, Bools]:
    row = np.floor((grid.north - xy[:, 1]) / grid.cell_m)
    column = np.floor((xy[:, 0] - grid.west) / grid.cell_m)
    inside = (row >= 0) & (row < grid.shape[0]) & (column >= 0) & (column < grid.shape[1])
    return row[inside].astype(np.intp), column[inside].astype(np.intp), inside


def _distance(xy: Floats, grid: Grid) -> NDArray[np.float32]:
    """Distance of every cell from the nearest point [m], on a coarser grid where cells are small."""
    step = max(1, int(FAR_M / 8.0 // grid.cell_m))
    border = int(np.ceil(FAR_M / (grid.cell_m * step))) + 1
    shape = tuple(int(np.ceil(n / step)) + 2 * border for n in grid.shape)
    size = grid.cell_m * step
    row = np.floor((grid.north - xy[:, 1]) / size).astype(np.intp) + border
    column = np.floor((xy[:, 0] - grid.west) / size).astype(np.intp) + border
    inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    empty = np.ones(shape, dtype=bool)
    empty[row[inside], column[inside]] = False
    if empty.all():
        return np.full(grid.shape, np.inf, dtype=np.float32)
    distance = ndimage.distance_transform_edt(empty, sampling=size).astype(np.float32)
    distance = distance[border:-border, border:-border].repeat(step, axis=0).repeat(step, axis=1)
    return np.ascontiguousarray(distance[: grid.shape[0], : grid.shape[1]])


def _seeded(vertices: Floats, grid: Grid) -> NDArray[np.float32]:
    """Where no triangle reaches a cell: the levels of the points, or of the one nearest to the grid."""
    values = np.full(grid.shape, np.nan, dtype=np.float32)
    row, column, inside = _cells(vertices[:, :2], grid)
    if inside.any():
        values[row, column] = vertices[inside, 2]
        return values
    centre = (grid.x.mean(), grid.y.mean())
    nearest = np.argmin(np.hypot(vertices[:, 0] - centre[0], vertices[:, 1] - centre[1]))
    values[grid.shape[0] // 2, grid.shape[1] // 2] = vertices[nearest, 2]
    return values


# ── points ───────────────────────────────────────────────────────────────────────────────────────


def outliers(points: Floats, *, neighbours: int = 16, times: float = 6.0, least_m: float = 2.0) -> Bools:
    """
    Points that stick out of or into the ground around them: spikes, pits, decks of bridges.

    A plane is fitted to the neighbours of each point by iteratively reweighted least squares, the point
    itself left out; it is an outlier if it is off by more than `times` the scale of the neighbours'
    residuals (1.4826 × their median) and by more than `least_m`.

    Parameters
    ----------
    points : (n, 3)
        x, y and level [m].
    neighbours
        How many neighbours the plane is fitted to.
    times
        How many scales off is too much.
    least_m
        What is never too much [m].

    Returns
    -------
    (n,)
        True for outliers.

    References
    ----------
    P. J. Rousseeuw and A. M. Leroy, Robust Regression and Outlier Detection, Wiley 1987,
    https://doi.org/10.1002/0471725382, ch. 5 (scale by the median of absolute residuals).
    """
    points = np.asarray(points, dtype=float).reshape(-1, 3)
    if len(points) < 5:
        return np.zeros(len(points), dtype=bool)
    count = min(neighbours, len(points) - 1)
    tree = cKDTree(points[:, :2])
    found = np.zeros(len(points), dtype=bool)
    for start in range(0, len(points), 200_000):
        block = slice(start, start + 200_000)
        here = points[block]
        distance, near = tree.query(here[:, :2], k=count + 1)
        # Where points share a place, the point itself need not come first.
        own = near == (start + np.arange(len(here)))[:, None]
        own[~own.any(axis=1), -1] = True
        near = near[~own].reshape(len(here), count)
        reach = np.maximum(distance[:, -1:], 1.0)
        design = np.concatenate(
            [np.ones((*near.shape, 1)), (points[near, :2] - here[:, None, :2]) / reach[..., None]], axis=2
        )
        level = points[near, 2]
        plane = np.zeros((len(here), 3))
        plane[:, 0] = np.median(level, axis=1)
        for _ in range(4):
            residual = level - np.einsum("nkj,nj->nk", design, plane)
            scale = np.maximum(1.4826 * np.median(np.abs(residual), axis=1, keepdims=True), 0.1)
            weight = np.square(np.maximum(1.0 - np.square(residual / (4.685 * scale)), 0.0))
            normal = np.einsum("nk,nki,nkj->nij", weight, design, design) + 0.05 * np.diag([0.0, 1.0, 1.0])
            normal[:, 0, 0] += 1e-6
            right = np.einsum("nk,nki,nk->ni", weight, design, level - plane[:, :1])
            right[:, 0] = np.einsum("nk,nk->n", weight, level - plane[:, :1])
            step = np.linalg.solve(normal, right[..., None])[..., 0]
            plane = np.column_stack([plane[:, 0] + step[:, 0], step[:, 1], step[:, 2]])
        residual = level - np.einsum("nkj,nj->nk", design, plane)
        scale = 1.4826 * np.median(np.abs(residual), axis=1)
        off = np.abs(here[:, 2] - plane[:, 0])
        found[block] = (off > times * scale) & (off > least_m)
    return found


def road_breaklines(roads: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """
    Roads that lie on the ground and have levels, as lines with Z; pieces next to a spike or pit are cut out.

    Bridges, tunnels, ferries and roads of another level than 0 are left out.
    """
    shapes = np.asarray(roads.geometry.array, dtype=object)
    kept = on_ground(roads) & shapely.has_z(shapes)
    xyz, line = shapely.get_coordinates(shapes[kept], include_z=True, return_index=True)
    good = np.isfinite(xyz).all(axis=1)
    good[good] = ~outliers(xyz[good])
    # A bad vertex ends a line; the next good one begins another.
    piece = np.cumsum(~good) + np.cumsum(np.r_[0, line[1:] != line[:-1]] if len(line) else line)
    xyz, piece = xyz[good], piece[good]
    _, piece, size = np.unique(piece, return_inverse=True, return_counts=True)
    long_enough = size[piece] > 1
    if not long_enough.any():
        return np.empty(0, dtype=object)
    _, piece = np.unique(piece[long_enough], return_inverse=True)
    return np.asarray(shapely.linestrings(xyz[long_enough], indices=piece), dtype=object)


def on_ground(roads: gpd.GeoDataFrame) -> Bools:
    """Whether each road lies on the ground: no bridge, no tunnel, no ferry, level 0 or not said."""
    kept = np.ones(len(roads), dtype=bool)
    if "level" in roads:
        kept &= roads["level"].fillna(0).to_numpy(dtype=float) == 0.0
    for name in ("bridge", "tunnel"):
        if name in roads:
            kept &= ~roads[name].astype("boolean").fillna(value=False).to_numpy(dtype=bool)
    if "class" in roads:
        kept &= (roads["class"].astype(object) != "ferry").to_numpy(dtype=bool)
    return kept


def building_points(buildings: gpd.GeoDataFrame, *, step_m: float = LINE_STEP_M) -> Floats:
    """
    Corners of footprints, and points between them, at the measured ground level of the building (n, 3).

    Levels that were derived (method ``terrain``) are left out, so that a terrain never proves itself.
    """
    if "ground_m" not in buildings:
        return np.empty((0, 3))
    level = buildings["ground_m"].to_numpy(dtype=float, na_value=np.nan)
    known = np.isfinite(level)
    if "ground_m_method" in buildings:
        known &= (buildings["ground_m_method"].astype(object) != "terrain").to_numpy(dtype=bool)
    shapes = np.asarray(buildings.geometry.array, dtype=object)[known]
    parts, of_part = shapely.get_parts(shapes, return_index=True)
    rings, of_ring = shapely.get_rings(parts, return_index=True)
    owner = of_part[of_ring]
    xy, ring = shapely.get_coordinates(shapely.segmentize(rings, step_m), return_index=True)
    return np.column_stack([xy, level[known][owner[ring]]])
