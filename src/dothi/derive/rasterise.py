"""Shapes and triangles onto the cells of a grid, by scanlines over flat arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from dothi.io.terrain import Grid

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Shapes = NDArray[np.object_]

BLOCK: Final = 4_000_000
"""Most crossings or cells at work at once."""

COORDINATES: Final = 1_000_000
"""Coordinates of shapes at work at once; a single shape may have more."""

COLLECTION: Final = 7


def burn(shapes: Shapes, values: NDArray[Any], grid: Grid, fill: Any, *, touched: bool = False) -> NDArray[Any]:
    """
    Values of shapes at the cells whose centres they hold (or touch); the last one wins.

    Areas are filled by the even-odd rule between the crossings of their rings with the rows of cell centres.
    Lines mark the cells they run through and points the cells they lie in.

    Parameters
    ----------
    shapes : (n,)
        Geometries, none missing.
    values : (n,)
        One value per shape.
    grid
        Where.
    fill
        Value elsewhere.
    touched
        Whether cells that the outline of an area merely touches are its own too.

    Returns
    -------
    (rows, columns)
        Values, of the type of `values`.

    References
    ----------
    J. D. Foley et al., Computer Graphics: Principles and Practice, 2nd ed., Addison-Wesley 1990, sec. 3.6
    (scanline filling of polygons).
    """
    result = np.full(grid.shape[0] * grid.shape[1], fill, dtype=values.dtype)
    for some in chunks(shapely.get_num_coordinates(shapes), COORDINATES):
        for first, count, shape in _runs(shapes[some], grid, touched):
            for part in chunks(count, BLOCK):
                cells = expanded(first[part], count[part])
                result[cells] = np.repeat(values[some][shape[part]], count[part])
    return result.reshape(grid.shape)


def chunks(sizes: NDArray[Any], limit: int) -> list[slice]:
    """Slices over items whose sizes add up to about the limit."""
    if not len(sizes):
        return []
    bins = (np.cumsum(sizes, dtype=np.int64) - sizes) // limit
    starts = np.flatnonzero(np.r_[True, bins[1:] != bins[:-1]])
    return [slice(int(a), int(b)) for a, b in zip(starts, np.r_[starts[1:], len(sizes)], strict=True)]


def expanded(first: NDArray[Any], count: NDArray[Any]) -> Integers:
    """For each item its first, first + 1, …, as many as its count."""
    ends = np.cumsum(count, dtype=np.int64)
    steps = np.repeat(first.astype(np.int64) - (ends - count), count)
    steps += np.arange(len(steps), dtype=np.int64)
    return np.asarray(steps)


def _runs(shapes: Shapes, grid: Grid, touched: bool) -> Iterator[tuple[Integers, Integers, Integers]]:
    """First cell, number of cells and shape of runs along the rows, in the order of the shapes."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    while (shapely.get_type_id(parts) == COLLECTION).any():
        parts, deeper = shapely.get_parts(parts, return_index=True)
        owner = owner[deeper]
    dimension = shapely.get_dimensions(parts)
    areas, lines, points = (dimension == number for number in (2, 1, 0))
    rings, of_ring = shapely.get_rings(parts[areas], return_index=True)
    rings, of_ring = np.asarray(rings, dtype=object), owner[areas][of_ring]
    drawn, of_drawn = parts[lines], owner[lines]
    if touched:
        drawn, of_drawn = np.concatenate([rings, drawn]), np.concatenate([of_ring, of_drawn])
    kinds = [_filled(*_edges(rings, of_ring, grid), grid)] if len(rings) else []
    kinds += [_passed(*_edges(drawn, of_drawn, grid), grid)] if len(drawn) else []
    if points.any():
        u, v = _scaled(shapely.get_coordinates(parts[points]), grid)
        row, column = np.floor(v + 0.5).astype(np.int64), np.floor(u + 0.5).astype(np.int64)
        kinds.append(iter([_within(row, column, column + 1, owner[points], grid)]))
    if len(kinds) == 1:
        yield from kinds[0]
    elif kinds:  # in the order of the shapes again
        first, count, shape = (
            np.concatenate(some) for some in zip(*(run for kind in kinds for run in kind), strict=True)
        )
        order = np.argsort(shape, kind="stable")
        yield first[order], count[order], shape[order]


def _scaled(xy: Floats, grid: Grid) -> tuple[Floats, Floats]:
    """Places in units of cells: the centre of column c lies at u = c, that of row r at v = r, southwards."""
    return (xy[:, 0] - grid.west) / grid.cell_m - 0.5, (grid.north - xy[:, 1]) / grid.cell_m - 0.5


def _edges(lines: Shapes, owner: NDArray[Any], grid: Grid) -> tuple[Floats, NDArray[Any]]:
    """Edges (n, 4) as u, v, u, v of their ends, and the shape of each."""
    xy, line = shapely.get_coordinates(lines, return_index=True)
    uv = np.column_stack(_scaled(xy, grid))
    start = np.flatnonzero(line[1:] == line[:-1])
    return np.column_stack([uv[start], uv[start + 1]]), owner[line[start]]


def _filled(edges: Floats, owner: NDArray[Any], grid: Grid) -> Iterator[tuple[Integers, Integers, Integers]]:
    """Runs of cells whose centres lie within rings."""
    rows, columns = grid.shape
    low, high = np.minimum(edges[:, 1], edges[:, 3]), np.maximum(edges[:, 1], edges[:, 3])
    # An edge holds its upper end and not its lower one, so each row meets each ring an even number of times.
    first = np.clip(np.ceil(low), 0, rows).astype(np.int64)
    count = np.clip(np.ceil(high), 0, rows).astype(np.int64) - first
    met = count > 0
    edges, owner, first, count = edges[met], owner[met], first[met], count[met]
    if not len(edges):
        return
    begins = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    shape_ends = np.r_[begins[1:], len(owner)]
    for some in chunks(np.add.reduceat(count, begins), BLOCK):
        mine = slice(int(begins[some.start]), int(shape_ends[some.stop - 1]))
        n = count[mine]
        row = expanded(first[mine], n)
        u0, v0, u1, v1 = edges[mine].T
        slope = (u1 - u0) / (v1 - v0)
        crossing = np.repeat(u0 - slope * v0, n) + np.repeat(slope, n) * row
        # A centre on the edge is inside on its west and outside on its east.
        column = np.clip(np.ceil(crossing), 0, columns).astype(np.int64)
        # One number sorts by shape, row and column at once.
        key = ((np.repeat(owner[mine], n) - owner[mine.start]) * rows + row) * (columns + 1) + column
        key.sort()
        place, column = np.divmod(key, columns + 1)
        shape, row = np.divmod(place[::2], rows)
        width = column[1::2] - column[::2]
        there = width > 0
        yield (row * columns + column[::2])[there], width[there], (shape + owner[mine.start])[there]


def _passed(edges: Floats, owner: NDArray[Any], grid: Grid) -> Iterator[tuple[Integers, Integers, Integers]]:
    """Runs of cells that edges run through."""
    top, bottom = np.minimum(edges[:, 1], edges[:, 3]) + 0.5, np.maximum(edges[:, 1], edges[:, 3]) + 0.5
    first = np.clip(np.floor(top), 0, grid.shape[0]).astype(np.int64)
    count = np.maximum(np.clip(np.floor(bottom) + 1, 0, grid.shape[0]).astype(np.int64) - first, 0)
    for some in chunks(count, BLOCK):
        n = count[some]
        row = expanded(first[some], n)
        u0, v0, u1, v1 = (np.repeat(end, n) for end in edges[some].T)
        level = v1 == v0
        rise = np.where(level, 1.0, v1 - v0)
        # Where the edge enters and leaves each row of cells; a level edge lies in one row from end to end.
        enters = np.where(level, u0, u0 + (u1 - u0) * np.clip((row - 0.5 - v0) / rise, 0.0, 1.0))
        leaves = np.where(level, u1, u0 + (u1 - u0) * np.clip((row + 0.5 - v0) / rise, 0.0, 1.0))
        west, east = np.floor(np.minimum(enters, leaves) + 0.5), np.floor(np.maximum(enters, leaves) + 0.5) + 1
        limits = np.clip(np.array([west, east]), 0, grid.shape[1]).astype(np.int64)
        yield _within(row, limits[0], limits[1], np.repeat(owner[some], n), grid)


def _within(
    row: Integers, west: Integers, east: Integers, shape: NDArray[Any], grid: Grid
) -> tuple[Integers, Integers, Integers]:
    """Runs from columns west to east, the last left out, that lie on the grid."""
    rows, columns = grid.shape
    there = (row >= 0) & (row < rows) & (west >= 0) & (east <= columns) & (east > west)
    return (row * columns + west)[there], (east - west)[there], np.asarray(shape[there], dtype=np.int64)


def levels_in_triangles(
    vertices: Floats, triangles: NDArray[Any], grid: Grid, out: NDArray[np.float32], window: tuple[slice, slice]
) -> None:
    """
    Linear level within each triangle at the centres of the cells of a window.

    Parameters
    ----------
    vertices : (n, 3)
        x, y and level [m].
    triangles : (m, 3)
        Numbers of their vertices.
    grid
        Where.
    out : (rows, columns)
        Levels [m]; cells of the window within triangles are written, all others stay.
    window
        Rows and columns that may be written.
    """
    columns = grid.shape[1]
    north, south, west_end, east_end = window[0].start, window[0].stop, window[1].start, window[1].stop
    u, v = _scaled(vertices[:, :2], grid)
    order = np.argsort(v[triangles], axis=1)
    corner = np.take_along_axis(triangles, order, axis=1)
    slack = 1e-7  # forgives rounding where edges meet a centre
    corner_v, corner_u, corner_z = v[corner], u[corner], vertices[corner, 2]
    du, dv, dz = (part[:, 1:] - part[:, :1] for part in (corner_u, corner_v, corner_z))
    area = du[:, 0] * dv[:, 1] - du[:, 1] * dv[:, 0]
    first = np.maximum(np.ceil(corner_v[:, 0] - slack), north).astype(np.int64)
    last = np.minimum(np.floor(corner_v[:, 2] + slack), south - 1).astype(np.int64)
    beside = (corner_u.max(axis=1) < west_end - slack) | (corner_u.min(axis=1) > east_end - 1 + slack)
    kept = np.flatnonzero((np.abs(area) > 1e-12) & (last >= first) & ~beside)
    flat = out.reshape(-1)
    slope_u = (dz[kept, 0] * dv[kept, 1] - dz[kept, 1] * dv[kept, 0]) / area[kept]
    slope_v = (du[kept, 0] * dz[kept, 1] - du[kept, 1] * dz[kept, 0]) / area[kept]
    a, b, c = corner_v[kept].T
    ua, ub, uc = corner_u[kept].T
    za = corner_z[kept, 0]
    least, most = corner_z[kept].min(axis=1), corner_z[kept].max(axis=1)
    count = last[kept] - first[kept] + 1
    for part in chunks(count, BLOCK // 8):
        t = np.repeat(np.arange(part.start, part.stop), count[part])
        row = expanded(first[kept][part], count[part])
        long_u = ua[t] + _share(row, a[t], c[t]) * (uc - ua)[t]
        upper = row <= b[t]
        bent_u = np.where(
            upper,
            ua[t] + _share(row, a[t], b[t]) * (ub - ua)[t],
            ub[t] + _share(row, b[t], c[t]) * (uc - ub)[t],
        )
        west = np.maximum(np.ceil(np.minimum(long_u, bent_u) - slack), west_end).astype(np.int64)
        east = np.minimum(np.floor(np.maximum(long_u, bent_u) + slack), east_end - 1).astype(np.int64)
        hit = east >= west
        t, row, west, width = t[hit], row[hit], west[hit], (east - west + 1)[hit]
        level = za[t] + slope_v[t] * (row - a[t]) + slope_u[t] * (west - ua[t])
        for run in chunks(width, BLOCK // 8):
            n = width[run]
            along = expanded(np.zeros(len(n), dtype=np.int64), n)
            at = np.repeat(level[run], n) + np.repeat(slope_u[t[run]], n) * along
            # Rounding in slivers must not throw a cell beyond the levels of the corners.
            np.maximum(at, np.repeat(least[t[run]], n), out=at)
            np.minimum(at, np.repeat(most[t[run]], n), out=at)
            along += np.repeat(row[run] * columns + west[run], n)
            flat[along] = at


def _share(row: Integers, low: Floats, high: Floats) -> Floats:
    """How far a row lies between two levels of v, within 0 and 1."""
    span = high - low
    return np.clip((row - low) / np.where(span > 0.0, span, 1.0), 0.0, 1.0)
