"""The horizon of a point among upright walls: compiled loops over a grid of two levels."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dothi.compiled import kernel

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NEAR_CELLS = 6
"""Rings of fine cells round a point that are looked at one by one; coarse cells beyond."""
COARSE = 8
"""Fine cells along the side of a coarse one."""
OPEN_M2 = 1.0
"""Boxes nearer than this, squared, are never passed over."""

BEFORE_M = 0.05
"""How far before a wall it is looked whether another body stands there."""
LOWER_M = 0.01
"""Bodies that are lower by less than this are as high."""


class Scene(NamedTuple):
    """
    Walls in a grid.

    Attributes
    ----------
    grid : (5,)
        West and south [m], size of a fine cell [m], columns, rows; both are multiples of `COARSE`.
    start : (cells + 1,)
        First wall of each fine cell.
    wall : (walls, 5)
        Ends x, y, x, y with the building on the left, and level of the top [m].
    box : (cells, 5)
        Of the walls of each fine cell: west, south, east, north, highest top [m].
    coarse_box : (coarse cells, 5)
        The same of coarse cells.
    ring_start : (bodies + 1,)
        First vertex of each body.
    ring : (vertices, 4)
        Sides of the outlines of bodies, x, y, x, y [m].
    body : (bodies, 6)
        Box of each body, its top [m], and the building it belongs to.
    body_start : (cells + 1,)
        First entry of each fine cell in `body_item`.
    body_item : (entries,)
        Bodies whose box touches a fine cell.
    """

    grid: Floats
    start: Integers
    wall: Floats
    box: Floats
    coarse_box: Floats
    ring_start: Integers
    ring: Floats
    body: Floats
    body_start: Integers
    body_item: Integers


@kernel()
def azimuth_of(x: float, y: float) -> float:
    """
    Azimuth of a direction, clockwise from y, within 1e-5 rad [1]_: which azimuths a wall spans needs no more.

    References
    ----------
    .. [1] M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 1964, eq. 4.4.47.
    """
    a, b = abs(x), abs(y)
    q = min(a, b) / max(a, b, 1e-300)
    s = q * q
    angle = q * (0.9998660 + s * (-0.3302995 + s * (0.1801410 + s * (-0.0851330 + s * 0.0208351))))
    if a > b:
        angle = 0.5 * math.pi - angle
    if y < 0.0:
        angle = math.pi - angle
    return -angle if x < 0.0 else angle


@kernel()
def is_enclosed(scene: Scene, x: float, y: float, z: float, own: int) -> bool:
    """Whether a point lies within a body of another building: an odd number of its sides lies to the east."""
    size = scene.grid[2]
    column, row = math.floor((x - scene.grid[0]) / size), math.floor((y - scene.grid[1]) / size)
    if column < 0 or row < 0 or column >= scene.grid[3] or row >= scene.grid[4]:
        return False
    cell = int(row * scene.grid[3] + column)
    for item in range(scene.body_start[cell], scene.body_start[cell + 1]):
        b = scene.body_item[item]
        if scene.body[b, 5] == own or scene.body[b, 4] <= z or x < scene.body[b, 0] or x > scene.body[b, 2]:
            continue
        if y < scene.body[b, 1] or y > scene.body[b, 3]:
            continue
        inside = False
        for v in range(scene.ring_start[b], scene.ring_start[b + 1]):
            y0, y1 = scene.ring[v, 1], scene.ring[v, 3]
            if (y0 > y) != (y1 > y):
                x0, x1 = scene.ring[v, 0], scene.ring[v, 2]
                if x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
                    inside = not inside
        if inside:
            return True
    return False


@kernel()
def _is_passed_over(
    box: Floats, x: float, y: float, z: float, nx: float, ny: float, upright: bool, reach2: float, tangent: Floats
) -> bool:
    """Whether nothing in a box can raise the horizon: too low, too far, behind the wall, or behind what is higher."""
    if box[4] <= z:
        return True
    dx = max(box[0] - x, 0.0, x - box[2])
    dy = max(box[1] - y, 0.0, y - box[3])
    d2 = dx * dx + dy * dy
    if d2 > reach2:
        return True
    if upright:
        px = box[2] if nx > 0.0 else box[0]
        py = box[3] if ny > 0.0 else box[1]
        if (px - x) * nx + (py - y) * ny <= 0.0:
            return True
    if d2 < OPEN_M2:
        return False
    cx, cy = 0.5 * (box[0] + box[2]) - x, 0.5 * (box[1] + box[3]) - y
    r2 = 0.25 * ((box[2] - box[0]) ** 2 + (box[3] - box[1]) ** 2)
    c2 = cx * cx + cy * cy
    if r2 > 0.7 * c2:
        return False
    highest = (box[4] - z) / math.sqrt(d2)
    q = math.sqrt(r2 / c2)
    half = q * (1.0 + 0.35 * q * q * q) + 1e-3 if q < 0.5 else math.asin(q) + 1e-3  # no less than the arc sine
    middle = azimuth_of(cx, cy)
    n = tangent.shape[0]
    per = n / (2.0 * math.pi)
    for k in range(math.ceil((middle - half) * per - 0.5), math.floor((middle + half) * per - 0.5) + 1):
        if tangent[k % n] < highest:
            return False
    return True


@kernel()
def _raise(
    scene: Scene,
    cell: int,
    x: float,
    y: float,
    z: float,
    nx: float,
    ny: float,
    upright: bool,
    sine: Floats,
    cosine: Floats,
    tangent: Floats,
    near: Floats,
) -> None:
    """Raise the horizon to the walls of a cell that face the point."""
    n = tangent.shape[0]
    per = n / (2.0 * math.pi)
    for w in range(scene.start[cell], scene.start[cell + 1]):
        rise = scene.wall[w, 4] - z
        if rise <= 0.0:
            continue
        x0, y0 = scene.wall[w, 0] - x, scene.wall[w, 1] - y
        x1, y1 = scene.wall[w, 2] - x, scene.wall[w, 3] - y
        ex, ey = x1 - x0, y1 - y0
        cross = x0 * ey - y0 * ex
        if cross >= 0.0:  # seen from within
            continue
        if upright and x0 * nx + y0 * ny <= 0.0 and x1 * nx + y1 * ny <= 0.0:
            continue
        first = azimuth_of(x0, y0)  # the left end of a wall seen from outside
        turn = azimuth_of(x1, y1) - first
        if turn < 0.0:
            turn += 2.0 * math.pi
        for step in range(math.ceil(first * per - 0.5), math.floor((first + turn) * per - 0.5) + 1):
            k = step % n
            inverse = (sine[k] * ey - cosine[k] * ex) / cross  # of the distance along the azimuth
            if rise * inverse > tangent[k]:
                tangent[k] = rise * inverse
                near[k] = inverse


@kernel()
def horizon(
    scene: Scene,
    x: float,
    y: float,
    z: float,
    nx: float,
    ny: float,
    upright: bool,
    reach: float,
    sine: Floats,
    cosine: Floats,
    tangent: Floats,
    near: Floats,
) -> None:
    """
    Raise the horizon of a point to the walls around it.

    A wall raises the azimuths that it spans to its top, exactly along each. Walls are looked at in rings of cells,
    nearest first; cells are passed over that cannot raise anything.

    Parameters
    ----------
    scene
        Walls.
    x, y, z
        The point [m].
    nx, ny, upright
        Where it faces, and whether it sees only what lies before it.
    reach
        Farthest wall that counts [m].
    sine, cosine : (azimuths,)
        Of the azimuths, which are centred on their share of the circle.
    tangent : (azimuths,)
        Tangent of the height of the horizon, on entry that of the terrain; infinite where nothing needs to be known.
    near : (azimuths,)
        Inverse of the distance to what makes it [m⁻¹].
    """
    size = scene.grid[2]
    columns, rows = int(scene.grid[3]), int(scene.grid[4])
    column = math.floor((x - scene.grid[0]) / size)
    row = math.floor((y - scene.grid[1]) / size)
    reach2 = reach * reach
    for ring in range(NEAR_CELLS + 1):
        for dj in range(-ring, ring + 1):
            step = 1 if (dj == -ring or dj == ring) else 2 * ring
            for di in range(-ring, ring + 1, max(step, 1)):
                i, j = column + di, row + dj
                if i < 0 or j < 0 or i >= columns or j >= rows:
                    continue
                cell = j * columns + i
                if scene.start[cell] == scene.start[cell + 1]:
                    continue
                if not _is_passed_over(scene.box[cell], x, y, z, nx, ny, upright, reach2, tangent):
                    _raise(scene, cell, x, y, z, nx, ny, upright, sine, cosine, tangent, near)
    wide, deep = columns // COARSE, rows // COARSE
    mid_i, mid_j = math.floor(column / COARSE), math.floor(row / COARSE)
    for ring in range(int(reach / (size * COARSE)) + 2):
        for dj in range(-ring, ring + 1):
            step = 1 if (dj == -ring or dj == ring) else 2 * ring
            for di in range(-ring, ring + 1, max(step, 1)):
                big_i, big_j = mid_i + di, mid_j + dj
                if big_i < 0 or big_j < 0 or big_i >= wide or big_j >= deep:
                    continue
                box = scene.coarse_box[big_j * wide + big_i]
                if _is_passed_over(box, x, y, z, nx, ny, upright, reach2, tangent):
                    continue
                for j in range(big_j * COARSE, big_j * COARSE + COARSE):
                    for i in range(big_i * COARSE, big_i * COARSE + COARSE):
                        if abs(i - column) <= NEAR_CELLS and abs(j - row) <= NEAR_CELLS:
                            continue
                        cell = j * columns + i
                        if scene.start[cell] == scene.start[cell + 1]:
                            continue
                        if not _is_passed_over(scene.box[cell], x, y, z, nx, ny, upright, reach2, tangent):
                            _raise(scene, cell, x, y, z, nx, ny, upright, sine, cosine, tangent, near)


@kernel()
def find_hidden(scene: Scene, ends: Floats, top: Floats, hidden: npt.NDArray[np.bool_]) -> None:
    """
    Walls that lie against or within another body at least as high: they hide nothing that it does not.

    Parameters
    ----------
    scene
        Bodies.
    ends : (walls, 4)
        Ends x, y, x, y, the building on the left [m].
    top : (walls,)
        Levels of their tops [m].
    hidden : (walls,)
        On return, whether start, middle and end of each lie so.
    """
    for w in range(ends.shape[0]):
        ex, ey = ends[w, 2] - ends[w, 0], ends[w, 3] - ends[w, 1]
        length = math.sqrt(ex * ex + ey * ey)
        hidden[w] = length > 0.0
        for step in range(3):
            if hidden[w]:
                share = 0.02 + 0.48 * step
                x = ends[w, 0] + share * ex + BEFORE_M * ey / length
                y = ends[w, 1] + share * ey - BEFORE_M * ex / length
                hidden[w] = is_enclosed(scene, x, y, top[w] - LOWER_M, -1)


@kernel()
def find_enclosed(scene: Scene, at: Floats, own: Integers, enclosed: npt.NDArray[np.bool_]) -> None:
    """
    Points that lie within a body of another building.

    Parameters
    ----------
    scene
        Bodies.
    at : (points, 3)
        Points [m].
    own : (points,)
        Building whose bodies do not count, −1 for none.
    enclosed : (points,)
        On return, whether each lies so.
    """
    for p in range(at.shape[0]):
        enclosed[p] = is_enclosed(scene, at[p, 0], at[p, 1], at[p, 2], own[p])
