"""Polygons as flat arrays of rings, and their triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from mapbox_earcut import triangulate_float64

from dothi.shapes import Floats, Integers, Mask, Shapes


@dataclass(frozen=True, slots=True)
class Rings:
    """
    Polygons without holes or with them.

    Attributes
    ----------
    xy : (n_vertices, 2)
        Vertices [m]: outer rings counter-clockwise, holes clockwise, the first vertex not repeated.
    z : (n_vertices,)
        Levels of the vertices [m], NaN where the shapes have none.
    start : (n_rings + 1,)
        First vertex of every ring.
    part : (n_parts + 1,)
        First ring of every polygon; its first ring is the outer one.
    owner : (n_parts,)
        Shape that a polygon belongs to, in rising order.
    """

    xy: Floats
    z: Floats
    start: Integers
    part: Integers
    owner: Integers

    @property
    def size(self) -> Integers:
        """Vertices of every ring, shape ``(n_rings,)``."""
        return np.diff(self.start)

    @property
    def first(self) -> Integers:
        """First vertex of every polygon and one past the last, shape ``(n_parts + 1,)``."""
        return self.start[self.part]

    @property
    def next(self) -> Integers:
        """Vertex that follows along the ring, shape ``(n_vertices,)``."""
        following = np.arange(1, len(self.xy) + 1)
        following[self.start[1:] - 1] = self.start[:-1]
        return following

    @property
    def part_of_vertex(self) -> Integers:
        """Polygon of every vertex, shape ``(n_vertices,)``."""
        return np.repeat(np.arange(len(self.owner)), np.diff(self.first))

    def take(self, parts: Integers) -> Rings:
        """Some of the polygons, in the order asked for."""
        rings = ranges(self.part[parts], np.diff(self.part)[parts])
        size = self.size[rings]
        vertices = ranges(self.start[rings], size)
        return Rings(
            self.xy[vertices],
            self.z[vertices],
            starts_of(size),
            starts_of(np.diff(self.part)[parts]),
            self.owner[parts],
        )


def rings_of(shapes: Shapes) -> Rings:
    """
    Rings of Polygons and MultiPolygons.

    Parameters
    ----------
    shapes : (n,)
        Valid areas; empty and missing ones have no rings.

    Returns
    -------
    Rings
        One polygon for each part of a shape.
    """
    parts, owner = shapely.get_parts(shapes, return_index=True)
    there = ~(shapely.is_missing(parts) | shapely.is_empty(parts))
    parts, owner = shapely.orient_polygons(parts[there], exterior_cw=False), owner[there]
    rings, ring_owner = shapely.get_rings(parts, return_index=True)
    coordinates, ring = shapely.get_coordinates(rings, include_z=True, return_index=True)
    closing = np.r_[ring[1:] != ring[:-1], True] if len(ring) else np.empty(0, dtype=bool)
    coordinates, ring = coordinates[~closing], ring[~closing]
    return Rings(
        np.ascontiguousarray(coordinates[:, :2]),
        coordinates[:, 2].copy(),
        starts_of(np.bincount(ring, minlength=len(rings))),
        starts_of(np.bincount(ring_owner, minlength=len(parts))),
        owner.astype(np.int64),
    )


def triangulate(rings: Rings) -> tuple[Integers, Integers]:
    """
    Triangles of polygons, without new vertices.

    Convex polygons become fans; of all others, ears are cut (Meisters 1975, doi:10.2307/2319703; Held 2001,
    doi:10.1007/s00453-001-0028-4, as in mapbox/earcut).

    Returns
    -------
    triangles : (n_triangles, 3)
        Vertices of the triangles, counter-clockwise, in the order of their polygons.
    count : (n_parts,)
        Triangles of every polygon.
    """
    convex = _are_convex(rings)
    fan_parts = np.flatnonzero(convex)
    fans = np.maximum(np.diff(rings.first)[fan_parts] - 2, 0)
    apex = np.repeat(rings.first[:-1][fan_parts], fans)
    step = ranges(np.ones(len(fans), dtype=np.int64), fans)
    fan = np.column_stack([apex, apex + step, apex + step + 1])
    part = np.repeat(fan_parts, fans)

    other = np.flatnonzero(~convex)
    triangles, owner = _ears(rings, other)
    part = np.concatenate([part, other[owner]])
    order = np.argsort(part, kind="stable")
    return np.concatenate([fan, triangles])[order], np.bincount(part, minlength=len(rings.owner))


def _are_convex(rings: Rings) -> Mask:
    """Polygons without holes that never turn right."""
    xy, following = rings.xy, rings.next
    ahead = xy[following] - xy
    behind = np.empty_like(ahead)
    behind[following] = ahead
    right = behind[:, 0] * ahead[:, 1] - behind[:, 1] * ahead[:, 0] < 0.0
    turns_right = np.zeros(len(rings.owner), dtype=bool)
    turns_right[rings.part_of_vertex[right]] = True
    convex: Mask = ~turns_right & (np.diff(rings.part) == 1)
    return convex


def _ears(rings: Rings, parts: Integers) -> tuple[Integers, Integers]:
    """Triangles of some polygons, and which of these polygons each belongs to."""
    first, start, part = rings.first.tolist(), rings.start, rings.part.tolist()
    pieces = [np.empty(0, dtype=np.int64)]
    for polygon in parts.tolist():
        begin = first[polygon]
        ends = start[part[polygon] + 1 : part[polygon + 1] + 1] - begin
        pieces.append(triangulate_float64(rings.xy[begin : first[polygon + 1]], ends.astype(np.uint32)) + begin)
    corners = np.array([len(piece) for piece in pieces[1:]], dtype=np.int64)
    return np.concatenate(pieces, dtype=np.int64).reshape(-1, 3), np.repeat(np.arange(len(parts)), corners // 3)


def starts_of(sizes: Integers) -> Integers:
    """First index of groups of these sizes, and one past the last."""
    starts: Integers = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    return starts


def ranges(first: Integers, size: Integers) -> Integers:
    """Indices of ranges, one after the other."""
    ends = np.cumsum(size)
    indices: Integers = np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - (ends - size), size)
    return indices
