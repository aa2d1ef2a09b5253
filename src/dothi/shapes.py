"""Arrays of shapes: which vertices are whose, cutting, areas, levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from dothi.crs import Bounds

Shapes = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def touched(shapes: Shapes, vertices: npt.NDArray[Any] | np.bool) -> Mask:
    """Shapes that own at least one of the marked vertices (in the order of `shapely.get_coordinates`)."""
    touched = np.zeros(len(shapes), dtype=bool)
    if vertices.any():
        owner = np.repeat(np.arange(len(shapes)), shapely.get_num_coordinates(shapes))
        touched[owner[vertices]] = True
    return touched


def touches(bounds: Floats, box: Bounds) -> Mask:
    """Which boxes, given as rows (west, south, east, north), touch a box."""
    west, south, east, north = box
    with np.errstate(invalid="ignore"):
        touching: Mask = (
            (bounds[:, 0] <= east) & (bounds[:, 2] >= west) & (bounds[:, 1] <= north) & (bounds[:, 3] >= south)
        )
    return touching


def areas_of(shapes: Shapes) -> Shapes:
    """
    Polygon parts of geometries of any type, as Polygon or MultiPolygon.

    Parameters
    ----------
    shapes : (n,)
        Geometries.

    Returns
    -------
    (n,) array
        Areas; an empty Polygon where there is none.
    """
    areas = np.full(len(shapes), shapely.Polygon(), dtype=object)
    parts, owner = shapely.get_parts(shapes, return_index=True)
    while (nested := shapely.get_type_id(parts) >= shapely.GeometryType.MULTIPOINT).any():
        inner, rank = shapely.get_parts(parts[nested], return_index=True)
        parts, owner = np.concatenate([parts[~nested], inner]), np.concatenate([owner[~nested], owner[nested][rank]])
    flat = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    flat &= ~shapely.is_empty(parts)
    order = np.argsort(owner[flat], kind="stable")
    parts, owner = parts[flat][order], owner[flat][order]
    if parts.size:
        owners, first, counts = np.unique(owner, return_index=True, return_counts=True)
        rank = np.repeat(np.arange(len(owners)), counts)
        areas[owners] = shapely.multipolygons(parts, indices=rank)
        areas[owners[counts == 1]] = parts[first[counts == 1]]
    return areas


def cut_lines(lines: Shapes, box: Bounds) -> tuple[Shapes, Integers]:
    """
    Pieces of lines within a box, in their own direction, with levels interpolated at the cut.

    Each segment is cut by the method of Liang and Barsky [1]_; overlay of geometries would also node lines that cross
    themselves and may turn pieces round, and one-way streets would lose their sense.

    Parameters
    ----------
    lines : (n,)
        LineStrings, all with levels or all without.
    box
        West, south, east, north [m].

    Returns
    -------
    pieces : (n_pieces,) array
        LineStrings.
    owner : (n_pieces,) array
        Line each piece comes from, ascending.

    References
    ----------
    .. [1] Y.-D. Liang, B. A. Barsky, A new concept and method for line clipping, ACM Trans. Graph. 3 (1984), 1–22,
       doi:10.1145/357332.357333.
    """
    with_z = bool(shapely.has_z(lines).any())
    at, line = shapely.get_coordinates(lines, include_z=with_z, return_index=True)
    number = np.flatnonzero(line[1:] == line[:-1])
    start, end, line = at[number], at[number + 1], line[number]
    step = end - start
    enter, leave = np.zeros(len(start)), np.ones(len(start))
    low, high = np.asarray(box[:2]), np.asarray(box[2:])
    for axis in (0, 1):
        moves = step[:, axis] != 0.0
        divisor = np.where(moves, step[:, axis], 1.0)
        to_low, to_high = (low[axis] - start[:, axis]) / divisor, (high[axis] - start[:, axis]) / divisor
        between = (start[:, axis] >= low[axis]) & (start[:, axis] <= high[axis])
        enter = np.maximum(enter, np.where(moves, np.minimum(to_low, to_high), np.where(between, -np.inf, np.inf)))
        leave = np.minimum(leave, np.where(moves, np.maximum(to_low, to_high), np.inf))
    kept = np.flatnonzero(enter < leave)
    if not kept.size:
        return np.zeros(0, dtype=object), np.zeros(0, dtype=np.int64)
    number, line, enter, leave = number[kept], line[kept], enter[kept], leave[kept]
    start, end, step = start[kept], end[kept], step[kept]
    first = np.where((enter > 0.0)[:, None], start + enter[:, None] * step, start)
    last = np.where((leave < 1.0)[:, None], start + leave[:, None] * step, end)
    for ends in (first, last):
        np.clip(ends[:, :2], low, high, out=ends[:, :2])
    joined = np.zeros(len(kept), dtype=bool)
    joined[1:] = (np.diff(number) == 1) & (line[1:] == line[:-1]) & (enter[1:] <= 0.0) & (leave[:-1] >= 1.0)
    piece = np.cumsum(~joined) - 1
    n_vertices = np.where(joined, 1, 2)
    stop = np.cumsum(n_vertices)
    vertices = np.empty((stop[-1], at.shape[1]))
    vertices[stop - 1] = last
    vertices[stop[~joined] - 2] = first[~joined]
    pieces = np.asarray(shapely.linestrings(vertices, indices=np.repeat(piece, n_vertices)))
    return pieces, line[~joined]


def filled_along(xy: Floats, z: Floats, good: Mask, owner: Integers) -> Floats:
    """
    Levels with the bad ones interpolated by distance along each line, the ends held constant.

    Parameters
    ----------
    xy : (n, 2)
        Positions [m].
    z : (n,)
        Levels [m].
    good : (n,)
        Which of them are known: at least one of each line.
    owner : (n,)
        Line of each vertex, from 0, ascending.
    """
    steps = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    steps[~np.isfinite(steps)] = 0.0
    along = np.cumsum(steps)  # lines follow one another, so one interpolation serves them all
    first = np.full(owner[-1] + 1, np.inf)
    last = np.full(owner[-1] + 1, -np.inf)
    np.minimum.at(first, owner[good], along[good])
    np.maximum.at(last, owner[good], along[good])
    held = np.clip(along, first[owner], last[owner])
    return np.where(good, z, np.interp(held, along[good], z[good]))


def surface_areas(shapes: Shapes) -> Floats:
    """
    Areas of flat polygons in space, holes taken off.

    Newell's sum of the cross products along each ring, halved. Without levels it is the area on the ground.

    Parameters
    ----------
    shapes : (n,)
        Polygons or MultiPolygons.

    Returns
    -------
    (n,) array
        Areas [m²].
    """
    parts, owner = shapely.get_parts(shapes, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    at, ring = shapely.get_coordinates(rings, include_z=True, return_index=True)
    at[:, 2] = np.nan_to_num(at[:, 2])
    if not len(at):
        return np.zeros(len(shapes))
    starts = np.concatenate([[0], np.flatnonzero(np.diff(ring)) + 1])
    at -= at[starts][ring]  # small numbers keep their digits
    normal = np.cross(at[:-1], at[1:])
    normal[starts[1:] - 1] = 0.0
    size = np.linalg.norm(np.add.reduceat(np.vstack([normal, np.zeros((1, 3))]), starts, axis=0), axis=1) / 2.0
    outer = np.concatenate([[True], part[1:] != part[:-1]])
    return np.bincount(owner[part], weights=np.where(outer, size, -size), minlength=len(shapes)).astype(np.float64)
