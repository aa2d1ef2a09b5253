"""Buildings as walls in a grid, as horizons are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from dothi.mesh.prisms import Prisms
from dothi.mesh.rings import ranges, starts_of
from dothi.shapes import Floats, Integers, Mask
from dothi.sun.kernels_horizon import COARSE, Scene

if TYPE_CHECKING:
    from dothi.crs import Bounds

CELL_M: Final = 20.0
"""Fine cells; longer walls are cut."""


@dataclass(frozen=True, slots=True)
class Obstacles:
    """
    Walls and bodies of a whole city.

    Attributes
    ----------
    wall : (walls, 5)
        Ends x, y, x, y and level of the top, the building on the left [m].
    middle : (walls, 2)
        Middles [m].
    ring : (vertices, 4)
        Sides of the outlines of bodies [m].
    ring_start : (bodies + 1,)
        First side of each body.
    body : (bodies, 6)
        Box and top of each body [m], and the building it belongs to.
    """

    wall: Floats
    middle: Floats
    ring: Floats
    ring_start: Integers
    body: Floats


def obstacles_of(prisms: Prisms, building_id: Integers) -> Obstacles:
    """
    Walls and bodies of prisms; what stands on air counts down to the ground.

    Parameters
    ----------
    prisms
        Prisms.
    building_id : (n_buildings,)
        Buildings that they belong to.
    """
    rings = prisms.rings
    sides = np.column_stack([rings.xy, rings.xy[rings.next]])
    top = prisms.top_m[rings.part_of_vertex]
    first = rings.first
    if len(prisms):
        box = np.column_stack(
            [
                np.minimum.reduceat(rings.xy, first[:-1], axis=0),
                np.maximum.reduceat(rings.xy, first[:-1], axis=0),
                prisms.top_m,
                building_id[prisms.row],
            ]
        )
    else:
        box = np.empty((0, 6))
    length = np.hypot(sides[:, 2] - sides[:, 0], sides[:, 3] - sides[:, 1])
    count = np.maximum(np.ceil(length / CELL_M), 1).astype(np.int64)
    count[length <= 0.0] = 0
    side = np.repeat(np.arange(len(sides)), count)
    rank = ranges(np.zeros(len(count), dtype=np.int64), count)
    begin, step = sides[side, :2], (sides[side, 2:] - sides[side, :2])
    ends = [begin + (share / count[side])[:, None] * step for share in (rank, rank + 1)]
    wall = np.column_stack([*ends, top[side]])
    wall = wall[~_hidden(wall, sides, first, box)]
    return Obstacles(wall, 0.5 * (wall[:, :2] + wall[:, 2:4]), sides, first, box)


def _hidden(wall: Floats, ring: Floats, ring_start: Integers, body: Floats) -> Mask:
    """Walls that lie against or within another body at least as high."""
    from dothi.sun.kernels_horizon import find_hidden

    hidden = np.zeros(len(wall), dtype=bool)
    if len(wall):
        low, high = body[:, :2].min(axis=0), body[:, 2:4].max(axis=0)
        scene = scene_of(wall[:0], ring, ring_start, body, (*low, *high), (low[0], low[1]))
        ends = np.ascontiguousarray(wall[:, :4] - np.tile(low, 2))
        find_hidden(scene, ends, np.ascontiguousarray(wall[:, 4]), hidden)
    return hidden


def around(obstacles: Obstacles, box: Bounds, reach_m: float) -> tuple[Floats, Floats, Integers, Floats]:
    """Walls within reach of a box, and bodies that touch it: walls, sides, first side of each body, bodies."""
    west, south, east, north = box
    x, y = obstacles.middle.T
    near = (x >= west - reach_m) & (x <= east + reach_m) & (y >= south - reach_m) & (y <= north + reach_m)
    body = obstacles.body
    here = np.flatnonzero(
        (body[:, 0] <= east + 1.0)
        & (body[:, 2] >= west - 1.0)
        & (body[:, 1] <= north + 1.0)
        & (body[:, 3] >= south - 1.0)
    )
    size = np.diff(obstacles.ring_start)[here]
    return (
        obstacles.wall[near],
        obstacles.ring[ranges(obstacles.ring_start[here], size)],
        starts_of(size),
        body[here],
    )


def scene_of(
    wall: Floats, ring: Floats, ring_start: Integers, body: Floats, box: Bounds, origin: tuple[float, float]
) -> Scene:
    """
    Walls and bodies in a grid.

    Parameters
    ----------
    wall, ring, ring_start, body
        As `around` gives them.
    box
        What the grid has to cover; walls beyond it are taken into its outermost cells [m].
    origin
        What all coordinates are taken from: small numbers keep their digits [m].
    """
    shift = np.array(origin)
    low = np.array(box[:2]) - shift
    n = np.maximum(np.ceil((np.array(box[2:]) - np.array(box[:2])) / CELL_M).astype(np.int64), 1)
    n += -n % COARSE
    columns, rows = int(n[0]), int(n[1])
    wall = wall - np.array([*origin, *origin, 0.0])
    cell = _cells(0.5 * (wall[:, :2] + wall[:, 2:4]), low, columns, rows)
    order = np.argsort(cell, kind="stable")
    wall, cell = np.ascontiguousarray(wall[order]), cell[order]
    start = np.searchsorted(cell, np.arange(columns * rows + 1)).astype(np.int64)
    boxes = np.tile(np.array([np.inf, np.inf, -np.inf, -np.inf, -np.inf]), (columns * rows, 1))
    used = np.flatnonzero(np.diff(start))
    if len(used):
        first = start[used]
        boxes[used, :2] = np.minimum.reduceat(np.minimum(wall[:, :2], wall[:, 2:4]), first, axis=0)
        boxes[used, 2:4] = np.maximum.reduceat(np.maximum(wall[:, :2], wall[:, 2:4]), first, axis=0)
        boxes[used, 4] = np.maximum.reduceat(wall[:, 4], first)
    big = boxes.reshape(rows // COARSE, COARSE, columns // COARSE, COARSE, 5)
    coarse = np.concatenate([big[..., :2].min(axis=(1, 3)), big[..., 2:].max(axis=(1, 3))], axis=-1).reshape(-1, 5)
    body = body - np.array([*origin, *origin, 0.0, 0.0])
    body_start, body_item = _touched(body, low, columns, rows)
    return Scene(
        np.array([low[0], low[1], CELL_M, columns, rows]),
        start,
        wall,
        boxes,
        np.ascontiguousarray(coarse),
        ring_start.astype(np.int64),
        np.ascontiguousarray(ring - np.array([*origin, *origin])),
        np.ascontiguousarray(body),
        body_start,
        body_item,
    )


def _cells(xy: Floats, low: Floats, columns: int, rows: int) -> Integers:
    at = np.floor((xy - low) / CELL_M).astype(np.int64)
    return np.clip(at[:, 1], 0, rows - 1) * columns + np.clip(at[:, 0], 0, columns - 1)


def _touched(body: Floats, low: Floats, columns: int, rows: int) -> tuple[Integers, Integers]:
    """Bodies whose box touches each cell."""
    most = np.array([columns - 1, rows - 1])
    first = np.clip(np.floor((body[:, :2] - low) / CELL_M).astype(np.int64), 0, most)
    last = np.clip(np.floor((body[:, 2:4] - low) / CELL_M).astype(np.int64), 0, most)
    size = last - first + 1
    item = np.repeat(np.arange(len(body)), size.prod(axis=1))
    rank = ranges(np.zeros(len(body), dtype=np.int64), size.prod(axis=1))
    cell = (first[item, 1] + rank // size[item, 0]) * columns + first[item, 0] + rank % size[item, 0]
    order = np.argsort(cell, kind="stable")
    start = np.searchsorted(cell[order], np.arange(columns * rows + 1)).astype(np.int64)
    return start, item[order].astype(np.int64)
