"""Points on surfaces, from which they are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from dothi.mesh.rings import ranges, starts_of
from dothi.shapes import Floats, Integers, Shapes

OFFSET_M: Final = 0.05
"""Points stand this far before their surface, so that it does not hide itself."""
FLAT_M: Final = 1e-3
"""How far the fourth corner of a parallelogram may lie off."""


@dataclass(frozen=True, slots=True)
class Sensors:
    """
    Points on surfaces.

    Attributes
    ----------
    start : (n_surfaces + 1,)
        First point of each surface.
    at : (n_points, 3)
        Position [m].
    weight : (n_points,)
        Share of the surface that a point stands for.
    """

    start: Integers
    at: Floats
    weight: Floats


def sensors_on(shapes: Shapes, normal: Floats, spacing_m: Floats) -> Sensors:
    """
    Points on flat surfaces.

    Parallelograms are divided into equal parts along their sides; others take a grid in their plane, of which the
    points within count.

    Parameters
    ----------
    shapes : (n,)
        Polygons in space.
    normal : (n, 3)
        Outward unit normals.
    spacing_m : (n,)
        Distance of points [m].
    """
    parts, owner = shapely.get_parts(shapes, return_index=True)
    parts, owner = parts[~shapely.is_empty(parts)], owner[~shapely.is_empty(parts)]
    if not len(parts):
        return Sensors(np.zeros(len(shapes) + 1, dtype=np.int64), np.empty((0, 3)), np.empty(0))
    _, xyz, (rings, polygons) = shapely.to_ragged_array(parts)
    single = np.diff(polygons) == 1
    corners = rings[polygons[1:]] - rings[polygons[:-1]]
    quad = np.flatnonzero(single & (corners == 5))
    corner = xyz[rings[polygons[quad]][:, None] + np.arange(4)]
    off = np.abs(corner[:, 0] + corner[:, 2] - corner[:, 1] - corner[:, 3]).max(axis=1, initial=0.0)
    quad, corner = quad[off < FLAT_M], corner[off < FLAT_M]
    at, weight, part = _on_parallelograms(corner, spacing_m[owner[quad]])
    other = np.setdiff1d(np.arange(len(parts)), quad)
    at_2, weight_2, part_2 = _on_polygons(parts[other], normal[owner[other]], spacing_m[owner[other]])
    at, weight = np.concatenate([at, at_2]), np.concatenate([weight, weight_2])
    part = np.concatenate([quad[part], other[part_2]])
    area = _areas(parts, normal[owner])
    whole = np.bincount(owner, weights=area, minlength=len(shapes))
    weight *= (area / np.maximum(whole[owner], 1e-12))[part]
    surface = owner[part]
    order = np.argsort(surface, kind="stable")
    at = at[order] + OFFSET_M * normal[surface[order]]
    return Sensors(starts_of(np.bincount(surface, minlength=len(shapes))), at, weight[order])


def _on_parallelograms(corner: Floats, spacing_m: Floats) -> tuple[Floats, Floats, Integers]:
    """Points on parallelograms, their shares, and which of them each lies on."""
    origin, along, up = corner[:, 0], corner[:, 1] - corner[:, 0], corner[:, 3] - corner[:, 0]
    n_along = np.maximum(np.round(np.linalg.norm(along, axis=1) / spacing_m), 1).astype(np.int64)
    n_up = np.maximum(np.round(np.linalg.norm(up, axis=1) / spacing_m), 1).astype(np.int64)
    count = n_along * n_up
    part = np.repeat(np.arange(len(corner)), count)
    rank = ranges(np.zeros(len(count), dtype=np.int64), count)
    a = (rank % n_along[part] + 0.5) / n_along[part]
    b = (rank // n_along[part] + 0.5) / n_up[part]
    at = origin[part] + a[:, None] * along[part] + b[:, None] * up[part]
    return at, 1.0 / count[part], part


def _on_polygons(shapes: Shapes, normal: Floats, spacing_m: Floats) -> tuple[Floats, Floats, Integers]:
    """Points on polygons of any outline, their shares, and which of them each lies on."""
    if not len(shapes):
        return np.empty((0, 3)), np.empty(0), np.empty(0, dtype=np.int64)
    plane, origin, right, up = flattened(shapes, normal)
    west, south, east, north = shapely.bounds(plane).T
    n_x = np.maximum(np.ceil((east - west) / spacing_m), 1).astype(np.int64)
    n_y = np.maximum(np.ceil((north - south) / spacing_m), 1).astype(np.int64)
    count = n_x * n_y
    part = np.repeat(np.arange(len(shapes)), count)
    rank = ranges(np.zeros(len(count), dtype=np.int64), count)
    x = west[part] + (rank % n_x[part] + 0.5) * ((east - west) / n_x)[part]
    y = south[part] + (rank // n_x[part] + 0.5) * ((north - south) / n_y)[part]
    shapely.prepare(plane)
    inside = shapely.contains_xy(plane[part], x, y)
    x, y, part = x[inside], y[inside], part[inside]
    bare = np.flatnonzero(np.bincount(part, minlength=len(shapes)) == 0)
    if len(bare):
        spare = shapely.get_coordinates(shapely.point_on_surface(plane[bare]))
        sound = np.flatnonzero(~shapely.is_empty(plane[bare]))
        x, y = np.concatenate([x, spare[:, 0]]), np.concatenate([y, spare[:, 1]])
        part = np.concatenate([part, bare[sound]])
    at = origin[part] + x[:, None] * right[part] + y[:, None] * up[part]
    return at, 1.0 / np.bincount(part, minlength=len(shapes))[part], part


def flattened(shapes: Shapes, normal: Floats) -> tuple[Shapes, Floats, Floats, Floats]:
    """Polygons in their own planes, and the origin and two directions of each plane in space."""
    _, xyz, (rings, polygons) = shapely.to_ragged_array(shapes)
    part = np.repeat(np.arange(len(shapes)), np.diff(rings[polygons]))
    first = xyz[rings[polygons[:-1]]]
    flat = np.hypot(normal[:, 0], normal[:, 1])
    level = flat < 1e-6
    safe = np.where(level, 1.0, flat)
    right = np.column_stack([-normal[:, 1] / safe, normal[:, 0] / safe, np.zeros(len(flat))])
    right[level] = (1.0, 0.0, 0.0)
    up = np.cross(normal, right)
    local = xyz - first[part]
    xy = np.column_stack([(local * right[part]).sum(axis=1), (local * up[part]).sum(axis=1)])
    off = np.bincount(part, weights=(local * normal[part]).sum(axis=1)) / np.bincount(part)
    plane = np.asarray(shapely.from_ragged_array(shapely.GeometryType.POLYGON, xy, (rings, polygons)))
    return plane, first + off[:, None] * normal, right, up


def _areas(shapes: Shapes, normal: Floats) -> Floats:
    return np.asarray(shapely.area(flattened(shapes, normal)[0]), dtype=float)
