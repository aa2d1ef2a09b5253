"""Where noise is heard: in front of façades and over the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from dothi.crs import Bounds
from dothi.shapes import Floats, Integers, Mask, Shapes

OFFSET_M: Final = 0.1
"""Distance of a receiver from its façade (Directive 2002/49/EC Annex II 2.8)."""
SMOOTH_M: Final = 0.3
"""Vertices of a footprint that move its line by less are left out."""
SHORT_M: Final = 2.5
"""Shorter walls have no receiver, unless the building has no longer one."""
TILE_M: Final = 100.0
"""Receivers are done tile by tile: neighbours hear the same streets."""


@dataclass(frozen=True, slots=True)
class Facades:
    """
    Receivers in front of façades.

    Attributes
    ----------
    at : (n, 2)
        Receivers [m].
    ends : (n, 4)
        Ends of the stretch of façade that each speaks for [m].
    building : (n,)
        Row of its building.
    """

    at: Floats
    ends: Floats
    building: Integers


def facades(footprints: Shapes, spacing_m: float) -> Facades:
    """
    One receiver in front of every stretch of wall that stands free.

    Parameters
    ----------
    footprints : (n,)
        Polygons or MultiPolygons; empty ones have no façade.
    spacing_m
        Longest stretch [m].
    """
    parts, building = shapely.get_parts(footprints, return_index=True)
    full = ~shapely.is_empty(parts)
    parts, building = parts[full], building[full]
    smooth = shapely.simplify(shapely.force_2d(parts), SMOOTH_M)
    rings, part = shapely.get_rings(shapely.orient_polygons(smooth), return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    number = np.flatnonzero(ring[1:] == ring[:-1])
    ends, building = np.column_stack([xy[number], xy[number + 1]]), building[part[ring[number]]]
    length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    longest = np.zeros(len(footprints))
    np.maximum.at(longest, building, length)
    kept = length >= np.minimum(SHORT_M, longest[building])
    ends, building, length = ends[kept], building[kept], length[kept]
    count = np.maximum(np.ceil(length / spacing_m), 1).astype(np.int64)
    wall = np.repeat(np.arange(len(ends)), count)
    rank = np.arange(len(wall)) - np.repeat(np.cumsum(count) - count, count)
    start, step = ends[wall, :2], (ends[wall, 2:] - ends[wall, :2]) / count[wall, None]
    stretch = np.column_stack([start + rank[:, None] * step, start + (rank[:, None] + 1) * step])
    outward = np.column_stack([step[:, 1], -step[:, 0]]) / np.maximum(np.hypot(*step.T), 1e-9)[:, None]
    at = 0.5 * (stretch[:, :2] + stretch[:, 2:]) + OFFSET_M * outward
    stands_free = ~_inside(footprints, at)
    return Facades(at[stands_free], stretch[stands_free], building[wall][stands_free])


def over_ground(bounds: Bounds, step_m: float, footprints: Shapes) -> tuple[Floats, Floats, Floats, Integers]:
    """
    Receivers on a grid, those under roofs left out.

    Returns
    -------
    x, y
        Columns from the west and rows from the north [m].
    at : (n, 2)
        Receivers [m].
    cell : (n,)
        Their cells, row by row.
    """
    west, south, east, north = bounds
    columns, rows = max(int((east - west) / step_m), 1), max(int((north - south) / step_m), 1)
    x: Floats = west + (np.arange(columns, dtype=np.float64) + 0.5) * step_m
    y: Floats = north - (np.arange(rows, dtype=np.float64) + 0.5) * step_m
    at: Floats = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float64)
    outside = np.flatnonzero(~_inside(footprints, at))
    return x, y, at[outside], outside.astype(np.int64)


def _inside(footprints: Shapes, at: Floats) -> Mask:
    """Which points lie under a roof."""
    found = np.zeros(len(at), dtype=bool)
    if len(at) and len(footprints):
        found[shapely.STRtree(footprints).query(shapely.points(at), predicate="intersects")[0]] = True
    return found


def by_tile(at: Floats) -> Integers:
    """Order in which receivers lie tile by tile."""
    tile = np.floor(at / TILE_M)
    order: Integers = np.lexsort([at[:, 0], tile[:, 0], tile[:, 1]])
    return order
