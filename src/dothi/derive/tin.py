"""Triangulated terrain: a conforming Delaunay network over points and breaklines, in tiles where a city is large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError, cKDTree

from dothi.derive.rasterise import BLOCK, chunks, expanded, levels_in_triangles
from dothi.io.terrain import Grid

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]
Window = tuple[slice, slice]

LINE_STEP_M: Final = 10.0
"""Breaklines are cut into pieces no longer than this before the first triangulation."""

SHORTEST_M: Final = 0.5
"""Breaklines are not cut into pieces shorter than this; those still crossed are let go and counted."""

TILE_POINTS: Final = 60_000
"""Most points of a tile: with more, a triangulation leaves the cache of the processor and slows down."""

OVERLAP_M: Final = 250.0
"""Points this far around a tile are triangulated with it."""


def vertices_of(points: Floats, lines: NDArray[np.object_], step_m: float = LINE_STEP_M) -> tuple[Floats, Integers]:
    """Distinct vertices (n, 3), mean level where several share a place, and pieces of breaklines as pairs (m, 2)."""
    lines = np.asarray(lines, dtype=object)
    if len(lines):
        lines = shapely.segmentize(lines, step_m)
    xyz, line = shapely.get_coordinates(lines, include_z=True, return_index=True)
    start = np.flatnonzero(line[1:] == line[:-1])
    xyz = np.concatenate([xyz, points])
    if not len(xyz):
        return np.empty((0, 3)), np.empty((0, 2), dtype=np.int64)
    # A centimetre is finer than any survey of a city, and keeps Qhull away from slivers.
    _, first, place = np.unique(place_keys(xyz, 0.01), return_index=True, return_inverse=True)
    known = np.isfinite(xyz[:, 2])
    weight = np.bincount(place, weights=known, minlength=len(first))
    total = np.bincount(place, weights=np.where(known, xyz[:, 2], 0.0), minlength=len(first))
    kept = weight > 0
    number = np.cumsum(kept) - 1
    vertices = np.column_stack([xyz[first, :2], total / np.maximum(weight, 1.0)])[kept]
    ends = place[np.column_stack([start, start + 1])]
    ends = ends[kept[ends].all(axis=1) & (ends[:, 0] != ends[:, 1])]
    return vertices, _distinct(number[ends], len(vertices))


def place_keys(xyz: Floats, cell_m: float) -> Integers:
    """One whole number for each square of the plane; equal where points share a square."""
    square = np.rint(xyz[:, :2] / cell_m)
    square -= square.min(axis=0)
    return np.asarray(square[:, 0] * (square[:, 1].max() + 1.0) + square[:, 1]).astype(np.int64)


def thinned(points: Floats, cell_m: float) -> Floats:
    """One point for each square that holds some, at their mean place and level."""
    if not len(points):
        return points
    _, square, count = np.unique(place_keys(points, cell_m), return_inverse=True, return_counts=True)
    return np.column_stack([np.bincount(square, weights=column) / count for column in points.T])


def conforming(vertices: Floats, pieces: Integers) -> tuple[Floats, Integers, Integers]:
    """
    Delaunay triangulation in which pieces of breaklines are edges.

    Pieces are halved until no vertex lies in the circle over any of them, which makes each an edge of the
    triangulation; those that others cross end as short pieces that are none.

    Parameters
    ----------
    vertices : (n, 3)
        x, y and level [m].
    pieces : (m, 2)
        Numbers of the ends of each piece.

    Returns
    -------
    vertices : (n + …, 3)
        The given ones and those that halve pieces.
    triangles : (k, 3)
        Numbers of their corners; none where the vertices span no area.
    missing : (…, 2)
        Pieces that are no edge and too short to halve.
    """
    vertices, pieces = _split(vertices, pieces)
    triangles = triangulated(vertices)
    return vertices, triangles, pieces[~are_edges(pieces, triangles, len(vertices))]


def triangulated(vertices: Floats) -> Integers:
    """Delaunay triangles (k, 3) of vertices; none where there are fewer than three or all are on one line."""
    if len(vertices) < 3:
        return np.empty((0, 3), dtype=np.int64)
    try:  # about the mean, since large eastings cost Qhull its digits
        return np.asarray(Delaunay(vertices[:, :2] - vertices[:, :2].mean(axis=0)).simplices.astype(np.int64))
    except QhullError:  # all on one line
        return np.empty((0, 3), dtype=np.int64)


def levels_at(vertices: Floats, xy: Floats) -> Floats:
    """Level of the triangulation of vertices at places (n, 2) [m]; missing outside it."""
    found = np.full(len(xy), np.nan)
    triangles = triangulated(vertices)
    order = np.argsort(xy[:, 1], kind="stable")
    x, y = xy[order].T
    corner_x, corner_y = vertices[triangles, 0], vertices[triangles, 1]
    first = np.searchsorted(y, corner_y.min(axis=1), side="left")
    count = np.searchsorted(y, corner_y.max(axis=1), side="right") - first
    for part in chunks(count, BLOCK // 4):
        t = np.repeat(np.arange(part.start, part.stop), count[part])
        place = expanded(first[part], count[part])
        west, east = corner_x[part].min(axis=1), corner_x[part].max(axis=1)
        near = (x[place] >= west[t - part.start]) & (x[place] <= east[t - part.start])
        t, place = t[near], place[near]
        dx, dy = corner_x[t] - x[place, None], corner_y[t] - y[place, None]
        # Twice the areas between the place and each side; all of one sign where it lies inside.
        area = dx[:, [1, 2, 0]] * dy[:, [2, 0, 1]] - dx[:, [2, 0, 1]] * dy[:, [1, 2, 0]]
        whole = area.sum(axis=1)
        inside = (area * np.sign(whole)[:, None] >= -1e-9 * np.abs(whole)[:, None]).all(axis=1) & (whole != 0.0)
        share = area[inside] / whole[inside, None]
        found[order[place[inside]]] = (share * vertices[triangles[t[inside]], 2]).sum(axis=1)
    return found


def are_edges(pairs: Integers, triangles: Integers, n: int) -> Bools:
    """Which pairs of vertices are edges of triangles."""
    if not len(pairs) or not len(triangles):
        return np.zeros(len(pairs), dtype=bool)
    # Only edges between vertices of pieces can be pieces; that leaves few to compare.
    is_end = np.zeros(n, dtype=bool)
    is_end[pairs] = True
    ends = is_end[triangles]
    keys = [_pair_keys(triangles[ends[:, i] & ends[:, j]][:, [i, j]], n) for i, j in ((0, 1), (1, 2), (2, 0))]
    return np.isin(_pair_keys(pairs, n), np.concatenate(keys))


def network_levels(vertices: Floats, pieces: Integers, grid: Grid) -> tuple[NDArray[np.float32], int]:
    """
    Levels of the conforming triangulation at the cells of a grid, missing outside all triangles.

    More than `TILE_POINTS` vertices are triangulated in tiles, each with what lies within `OVERLAP_M` of it; where
    triangles are wider than that, seams may differ from one triangulation of all.

    Returns
    -------
    levels : (rows, columns)
        Levels [m].
    n_open
        Pieces of breaklines that are no edges.
    """
    values = np.full(grid.shape, np.nan, dtype=np.float32)
    n_open = 0
    for window, chosen in tiles(vertices, grid):
        if chosen is None:
            own, inner = vertices, pieces
        else:
            own, number = vertices[chosen], np.full(len(vertices), -1, dtype=np.int64)
            number[chosen] = np.arange(len(chosen))
            inner = number[pieces]
            inner = inner[(inner >= 0).all(axis=1)]
        own, triangles, missing = conforming(own, inner)
        levels_in_triangles(own, triangles, grid, values, window)
        middle = own[missing, :2].mean(axis=1)
        n_open += int(len(missing) if chosen is None else are_in(middle, grid, window).sum())
    return values, n_open


def tiles(vertices: Floats, grid: Grid) -> Iterator[tuple[Window, Integers | None]]:
    """Windows of a grid with at most `TILE_POINTS` vertices each, and the numbers of those in and around them."""
    whole = (slice(0, grid.shape[0]), slice(0, grid.shape[1]))
    if len(vertices) <= TILE_POINTS:
        yield whole, None
        return
    near = np.flatnonzero(are_in(vertices, grid, whole, OVERLAP_M))
    yield from _halved(vertices, grid, whole, near)


def _halved(vertices: Floats, grid: Grid, window: Window, near: Integers) -> Iterator[tuple[Window, Integers]]:
    """A window and what lies around it, or the same of its halves where it holds too much."""
    own = near[are_in(vertices[near], grid, window)]
    axis = int(np.argmax([side.stop - side.start for side in window]))
    side = window[axis]
    # Below four overlaps, halves would hold little less than the whole.
    if len(own) <= TILE_POINTS or (side.stop - side.start) * grid.cell_m < 4.0 * OVERLAP_M:
        yield window, near
        return
    place = (grid.north - vertices[own, 1]) if axis == 0 else (vertices[own, 0] - grid.west)
    middle = int(np.clip(np.median(place) // grid.cell_m, side.start + 1, side.stop - 1))
    for half in (slice(side.start, middle), slice(middle, side.stop)):
        part = (half, window[1]) if axis == 0 else (window[0], half)
        yield from _halved(vertices, grid, part, near[are_in(vertices[near], grid, part, OVERLAP_M)])


def are_in(xy: Floats, grid: Grid, window: Window, around_m: float = 0.0) -> Bools:
    """Which places lie in a window of a grid, widened; edges count as its own in the north and west."""
    row, column = grid.north - xy[:, 1], xy[:, 0] - grid.west
    found = np.ones(len(xy), dtype=bool)
    for place, side in ((row, window[0]), (column, window[1])):
        found &= (place >= side.start * grid.cell_m - around_m) & (place < side.stop * grid.cell_m + around_m)
    return found


def _split(vertices: Floats, pieces: Integers) -> tuple[Floats, Integers]:
    """Pieces halved while other vertices lie in the circle over them, and the vertices that halve them as well."""
    if not len(pieces):
        return vertices, pieces
    given, n_given = cKDTree(vertices[:, :2]), len(vertices)
    reach = float(_spans(vertices, pieces).max())
    free = _free(given, vertices, pieces, reach)
    while True:
        span = _spans(vertices, pieces)
        # The tree over the given vertices stays; that over new ones is small.
        if len(vertices) > n_given:
            free = np.minimum(free, _free(cKDTree(vertices[n_given:, :2]), vertices, pieces, reach))
        is_cut = (free < span / 2.0 * (1.0 - 1e-9)) & (span >= 2.0 * SHORTEST_M)
        if not is_cut.any():
            return vertices, pieces
        cut = pieces[is_cut]
        new = len(vertices) + np.arange(len(cut))
        vertices = np.concatenate([vertices, vertices[cut].mean(axis=1)])
        halves = np.concatenate([np.column_stack([cut[:, 0], new]), np.column_stack([cut[:, 1], new])])
        pieces = np.concatenate([pieces[~is_cut], halves])
        free = np.concatenate([free[~is_cut], _free(given, vertices, halves, reach)])


def _free(tree: cKDTree, vertices: Floats, pieces: Integers, reach: float) -> Floats:
    """Distance from the middle of each piece to the nearest vertex of a tree [m]; infinite beyond reach."""
    distance, _ = tree.query(vertices[pieces, :2].mean(axis=1), distance_upper_bound=reach)
    return np.asarray(distance)


def _spans(vertices: Floats, pieces: Integers) -> Floats:
    ends = vertices[pieces, :2]
    return np.asarray(np.hypot(*(ends[:, 0] - ends[:, 1]).T))


def _pair_keys(pairs: Integers, n: int) -> Integers:
    low, high = np.minimum(pairs[:, 0], pairs[:, 1]), np.maximum(pairs[:, 0], pairs[:, 1])
    return np.asarray(low.astype(np.int64) * n + high)


def _distinct(pairs: Integers, n: int) -> Integers:
    """Pairs, smaller number first, each once."""
    return np.column_stack(np.divmod(np.unique(_pair_keys(pairs, n)), max(n, 1)))
