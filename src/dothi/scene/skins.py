"""Triangles of the surfaces that a source models."""

from __future__ import annotations

import numpy as np
import shapely

from dothi.mesh.rings import Rings, triangulate
from dothi.shapes import Floats, Integers, Shapes


def triangles_in_space(polygons: Shapes) -> tuple[Floats, Integers]:
    """
    Triangles of flat polygons in space.

    A polygon is looked at along that axis to which it is most nearly square, from the side on which its corners run
    counter-clockwise, and cut as on a map.

    Parameters
    ----------
    polygons : (n,)
        Polygons and MultiPolygons with levels.

    Returns
    -------
    corners : (n_triangles, 3, 3) array
        Corners of the triangles, in the sense of their polygon [m].
    owner : (n_triangles,) array
        Polygon of each, in rising order.
    """
    parts, owner = shapely.get_parts(polygons, return_index=True)
    there = ~shapely.is_empty(parts) & shapely.has_z(parts)
    parts, owner = parts[there], owner[there]
    rings, part = shapely.get_rings(parts, return_index=True)
    xyz, ring = shapely.get_coordinates(rings, include_z=True, return_index=True)
    if not len(xyz):
        return np.empty((0, 3, 3)), np.empty(0, dtype=np.int64)
    closing = np.r_[ring[1:] != ring[:-1], True]
    xyz, ring = xyz[~closing], ring[~closing]
    start = np.concatenate([[0], np.cumsum(np.bincount(ring, minlength=len(rings)))])
    first_ring = np.concatenate([[0], np.cumsum(np.bincount(part, minlength=len(parts)))])
    flat = Rings(xyz[:, :2], xyz[:, 2], start, first_ring, owner.astype(np.int64))

    of = flat.part_of_vertex
    near = xyz - xyz[flat.first[:-1]][of]  # small numbers keep their digits
    outer = np.isin(ring, first_ring[:-1])
    turn = np.where(outer[:, None], np.cross(near, near[flat.next]), 0.0)
    normal = np.column_stack([np.bincount(of, weights=turn[:, axis], minlength=len(parts)) for axis in range(3)])
    axis = np.argmax(np.abs(normal), axis=1)
    away = normal[np.arange(len(parts)), axis] < 0.0
    across, up = (axis + 1) % 3, (axis + 2) % 3
    across, up = np.where(away, up, across), np.where(away, across, up)
    vertex = np.arange(len(xyz))
    seen = np.column_stack([near[vertex, across[of]], near[vertex, up[of]]])
    triangles, count = triangulate(Rings(seen, xyz[:, 2], start, first_ring, flat.owner))
    return xyz[triangles], np.repeat(flat.owner, count)
