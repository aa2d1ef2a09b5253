"""The way of sound round the upright edges of buildings, in plan."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dothi.compiled import kernel
from dothi.noise.kernels import ZERO
from dothi.noise.kernels_rays import BLOCK, HELD, HIT, HIT_WALL, TURN_X, TURN_Y, Room, Scene, X, on_way

if TYPE_CHECKING:
    from dothi.shapes import Floats, Integers

TURNS = 10  # points of a way, its ends included
ROUNDS = 4  # times that further buildings are gone round
MANY_BLOCKS = 8  # blocks that a way goes round
CORNERS = 96
LONGER = 1.5  # longest way round, relative to the straight one


@kernel()
def way_round(
    scene: Scene, xs: float, ys: float, hs: float, x: float, y: float, z: float, side: float, room: Room
) -> int:
    """
    Shortest way round the buildings between two points, on one side: 2.5.6, lateral diffraction.

    Its turns are corners of the convex hull of every block of buildings that stands in the way and is higher than it;
    where the way meets further blocks, these are gone round as well.

    Parameters
    ----------
    scene
        City.
    xs, ys, hs, x, y, z
        Source and receiver [m].
    side
        1 to go round the left, −1 to go round the right.
    room
        Room to work in; on return, rows TURN_X and TURN_Y have the points from source to receiver.

    Returns
    -------
    int
        Number of points; 0 where there is no way, or only a very long one.
    """
    real, seen = room.real, room.whole[BLOCK]
    way_x, way_y = real[TURN_X], real[TURN_Y]
    way_x[0], way_y[0], way_x[1], way_y[1] = xs, ys, x, y
    points, blocks = ZERO + 2, ZERO
    straight = math.hypot(x - xs, y - ys)
    for _ in range(ROUNDS):
        length, along, found = plan_length(way_x, way_y, points), 0.0, blocks
        for t in range(points - 1):
            hits = on_way(scene, way_x[t], way_y[t], way_x[t + 1], way_y[t + 1], room)
            here = math.hypot(way_x[t + 1] - way_x[t], way_y[t + 1] - way_y[t])
            for k in range(hits):
                w = room.whole[HIT_WALL, k]
                if scene.walls[w, 4] > hs + (z - hs) * (along + real[HIT, k] * here) / length:
                    found = _remember(seen, scene.owner[w, 1], blocks, found)
                    if found < 0:
                        return 0
            along += here
        if found == blocks:
            return points
        blocks = found
        points = _band(scene, room, blocks, side, xs, ys, x, y)
        if points == 0 or plan_length(way_x, way_y, points) > LONGER * straight:
            return 0
    return 0


@kernel()
def plan_length(x: Floats, y: Floats, points: int) -> float:
    """Length of a way in plan [m]."""
    total = 0.0
    for t in range(points - 1):
        total += math.hypot(x[t + 1] - x[t], y[t + 1] - y[t])
    return total


@kernel()
def slanted(x: Floats, y: Floats, points: int, hs: float, z: float) -> tuple[float, float]:
    """
    Length of a way round upright edges, and of its part from the first to the last edge [m].

    The way lies in the plane through source and receiver that is level across the line between them, as in
    ISO/TR 17534-4.

    Parameters
    ----------
    x, y : (n,)
        Points of the way in plan, from source to receiver [m].
    points
        How many there are.
    hs, z
        Levels of source and receiver [m].
    """
    dx, dy = x[points - 1] - x[0], y[points - 1] - y[0]
    slope = (z - hs) / (dx * dx + dy * dy)
    whole, between = 0.0, 0.0
    for t in range(points - 1):
        px, py = x[t + 1] - x[t], y[t + 1] - y[t]
        rise = slope * (px * dx + py * dy)
        part = math.sqrt(px * px + py * py + rise * rise)
        whole += part
        if 0 < t < points - 2:
            between += part
    return whole, between


@kernel()
def _remember(blocks: Integers, block: int, known: int, found: int) -> int:
    """Note a block in the way; −1 where it was gone round already, or where there are too many."""
    for b in range(found):
        if blocks[b] == block:
            return -1 if b < known else found
    if found >= MANY_BLOCKS:
        return -1
    blocks[found] = block
    return found + 1


@kernel()
def _band(scene: Scene, room: Room, blocks: int, side: float, xs: float, ys: float, x: float, y: float) -> int:
    """Rubber band from source to receiver round the corners of blocks on one side; 0 where it cannot be laid."""
    dx, dy = x - xs, y - ys
    length = math.hypot(dx, dy)
    dx, dy = dx / length, dy / length
    real = room.real
    along, off = real[X], real[HELD]  # there is no profile yet
    along[0], off[0] = 0.0, 0.0
    n = 1
    for b in range(blocks):
        k = room.whole[BLOCK, b]
        for c in range(scene.corner_start[k], scene.corner_start[k + 1]):
            px, py = scene.corners[c, 0] - xs, scene.corners[c, 1] - ys
            a, o = px * dx + py * dy, side * (dx * py - dy * px)
            if o <= 0.0:
                continue
            if a <= 0.0 or a >= length or n >= CORNERS - 1:
                return 0
            at = n
            while at > 1 and along[at - 1] > a:
                along[at], off[at] = along[at - 1], off[at - 1]
                at -= 1
            along[at], off[at] = a, o
            n += 1
    along[n], off[n] = length, 0.0
    n += 1
    m = 0
    for i in range(n):
        while m >= 2 and (off[m - 1] - off[m - 2]) * (along[i] - along[m - 2]) <= (off[i] - off[m - 2]) * (
            along[m - 1] - along[m - 2]
        ):
            m -= 1
        along[m], off[m] = along[i], off[i]
        m += 1
    if m > TURNS:
        return 0
    for i in range(1, m - 1):
        real[TURN_X, i] = xs + along[i] * dx - side * off[i] * dy
        real[TURN_Y, i] = ys + along[i] * dy + side * off[i] * dx
    real[TURN_X, m - 1], real[TURN_Y, m - 1] = x, y
    return m
