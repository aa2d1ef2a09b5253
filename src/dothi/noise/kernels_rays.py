"""Where sound goes between two points of a city: what lies on the way, over a polyline, in plan."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from dothi.compiled import kernel
from dothi.noise.kernels import NO_EDGE, ZERO

if TYPE_CHECKING:
    from dothi.shapes import Floats, Integers

TOUCH_M = 0.01  # walls nearer than this to an end of a leg are where it starts or ends
STEPS = 20  # samples of the ground on a long leg
STEP_MIN_M, STEP_MAX_M = 8.0, 15.0
ROOM = 1024  # vertices of a profile
HITS = 256  # walls on a leg
DEEP = 16  # roofs over one another


class Scene(NamedTuple):
    """
    A city as flat arrays.

    Attributes
    ----------
    grid : (8,)
        Index of walls: west, south, size of a cell [m], columns, rows; ground: west, south of the middle of the first
        cell, size of a cell [m].
    wall_start, wall_item
        Walls that touch each cell of the index.
    wall_ends : (n_items, 4)
        Ends of the wall of each item, the building on its left [m].
    mid_start, mid_item
        Walls whose middle lies in each cell.
    ends : (n_walls, 4)
        Ends of each wall [m].
    top : (n_walls,)
        Level of its top [m].
    owner : (n_walls,)
        Building it belongs to.
    block : (n_buildings,)
        Group of buildings that touch.
    corner_start, corners : (n_corners, 2)
        Corners of the convex hull of each block, a little outside [m].
    ground : (n_y, n_x, 2)
        Level of the ground [m] and ground factor, northwards.
    """

    grid: Floats
    wall_start: Integers
    wall_item: Integers
    wall_ends: Floats
    mid_start: Integers
    mid_item: Integers
    ends: Floats
    top: Floats
    owner: Integers
    block: Integers
    corner_start: Integers
    corners: Floats
    ground: Floats


class Profile(NamedTuple):
    """
    Room for the profile under a path.

    Attributes
    ----------
    x, z, soft, crest
        Way [m], level [m], ground factor, level as an edge [m].
    hit_t, hit_wall
        Walls on a leg: where, 0 to 1, and which.
    roof_owner, roof_top
        Roofs overhead.
    """

    x: Floats
    z: Floats
    soft: Floats
    crest: Floats
    hit_t: Floats
    hit_wall: Integers
    roof_owner: Integers
    roof_top: Floats


@kernel()
def level_at(grid: Floats, ground: Floats, x: float, y: float) -> float:
    """Level of the ground [m], between the middles of cells."""
    n_y, n_x, _ = ground.shape
    u = min(max((x - grid[5]) / grid[7], 0.0), n_x - 1.0)
    v = min(max((y - grid[6]) / grid[7], 0.0), n_y - 1.0)
    i, j = int(u), int(v)
    p, q = u - i, v - j
    i1, j1 = min(i + 1, n_x - 1), min(j + 1, n_y - 1)
    below = ground[j, i, 0] * (1.0 - p) + ground[j, i1, 0] * p
    above = ground[j1, i, 0] * (1.0 - p) + ground[j1, i1, 0] * p
    level: float = below * (1.0 - q) + above * q
    return level


@kernel()
def soft_at(grid: Floats, ground: Floats, x: float, y: float) -> float:
    """Ground factor of the cell."""
    n_y, n_x, _ = ground.shape
    i = min(max(int((x - grid[5]) / grid[7] + 0.5), 0), n_x - 1)
    j = min(max(int((y - grid[6]) / grid[7] + 0.5), 0), n_y - 1)
    soft: float = ground[j, i, 1]
    return soft


@kernel()
def crossings(scene: Scene, xa: float, ya: float, xb: float, yb: float, hit_t: Floats, hit_wall: Integers) -> int:
    """
    Walls on the way from one point to another, in order: a walk through the cells of the index.

    Parameters
    ----------
    scene
        City.
    xa, ya, xb, yb
        Ends of the way [m].
    hit_t, hit_wall : (n,)
        On return, where on the way (0 to 1), and which wall.

    Returns
    -------
    int
        How many.
    """
    starts, items, ends, grid = scene.wall_start, scene.wall_item, scene.wall_ends, scene.grid  # each once: it counts
    dx, dy = xb - xa, yb - ya
    length = math.hypot(dx, dy)
    if length <= TOUCH_M:
        return 0
    touch = TOUCH_M / length
    cell, nx, ny = grid[2], int(grid[3]), int(grid[4])
    u, v = (xa - grid[0]) / cell, (ya - grid[1]) / cell
    i, j = math.floor(u), math.floor(v)
    step_i, step_j = (1 if dx > 0.0 else -1), (1 if dy > 0.0 else -1)
    per_i = abs(cell / dx) if dx != 0.0 else math.inf
    per_j = abs(cell / dy) if dy != 0.0 else math.inf
    next_i = (i + 1 - u if dx > 0.0 else u - i) * per_i if dx != 0.0 else math.inf
    next_j = (j + 1 - v if dy > 0.0 else v - j) * per_j if dy != 0.0 else math.inf
    count, enter = 0, touch
    while True:
        leave = min(next_i, next_j, 1.0 - touch)
        if 0 <= i < nx and 0 <= j < ny:
            c = j * nx + i
            for k in range(starts[c], starts[c + 1]):
                ax, ay = ends[k, 0], ends[k, 1]
                wx, wy = ends[k, 2] - ax, ends[k, 3] - ay
                qx, qy = ax - xa, ay - ya
                across, along = dx * wy - dy * wx, qx * dy - qy * dx
                if across < 0.0:
                    if along > 0.0 or along <= across:
                        continue
                elif along < 0.0 or along >= across:
                    continue
                t = (qx * wy - qy * wx) / across
                if t < enter or t >= leave or count >= hit_t.size:
                    continue
                at = count
                while at > 0 and hit_t[at - 1] > t:
                    hit_t[at], hit_wall[at] = hit_t[at - 1], hit_wall[at - 1]
                    at -= 1
                hit_t[at], hit_wall[at] = t, items[k]
                count += 1
        if leave >= 1.0 - touch:
            return count
        enter = max(leave, touch)
        if next_i < next_j:
            i += step_i
            next_i += per_i
        else:
            j += step_j
            next_j += per_j


@kernel()
def leg(scene: Scene, xa: float, ya: float, xb: float, yb: float, sink: float, p: Profile, n: int) -> int:
    """
    Add the ground and the roofs under one straight piece of a path to its profile.

    Parameters
    ----------
    scene
        City.
    xa, ya, xb, yb
        Ends of the piece [m].
    sink
        How much the open ground has to stand out to bend sound [m].
    p
        Profile; filled on return.
    n
        Vertices it has already; 0 at the source.

    Returns
    -------
    int
        Vertices it has now.
    """
    grid, ground, hit_t, hit_wall = scene.grid, scene.ground, p.hit_t, p.hit_wall
    px, pz, soft, crest = p.x, p.z, p.soft, p.crest
    dx, dy = xb - xa, yb - ya
    length = math.hypot(dx, dy)
    steps = max(int(length / min(max(length / STEPS, STEP_MIN_M), STEP_MAX_M)), 1)
    part = 1.0 / steps
    if n == 0:
        px[0], pz[0], crest[0] = 0.0, level_at(grid, ground, xa, ya), NO_EDGE
        soft[0] = soft_at(grid, ground, xa + 0.5 * part * dx, ya + 0.5 * part * dy)
        n = 1
    start = px[n - 1]
    hits = crossings(scene, xa, ya, xb, yb, hit_t, hit_wall)
    roofs, k = ZERO, ZERO
    for i in range(1, steps + 1):
        t = i * part
        while k < hits and hit_t[k] <= t:
            n, roofs = _pass(scene, p, n, roofs, hit_wall[k], dx, dy, start + hit_t[k] * length, xa, ya, hit_t[k])
            k += 1
        if (roofs == 0 or i == steps) and n < ROOM:
            z = level_at(grid, ground, xa + t * dx, ya + t * dy)
            px[n], pz[n], crest[n] = start + t * length, z, z - sink
            soft[n] = soft_at(grid, ground, xa + (t + 0.5 * part) * dx, ya + (t + 0.5 * part) * dy)
            n += 1
    return n


@kernel()
def inwards(ends: Floats, wall: int, dx: float, dy: float) -> bool:
    """Whether a way in some direction goes into the building of a wall; else it goes out of it."""
    within: bool = (ends[wall, 2] - ends[wall, 0]) * dy > (ends[wall, 3] - ends[wall, 1]) * dx
    return within


@kernel()
def _pass(
    scene: Scene,
    p: Profile,
    n: int,
    roofs: int,
    wall: int,
    dx: float,
    dy: float,
    s: float,
    xa: float,
    ya: float,
    t: float,
) -> tuple[int, int]:
    """Go under or out of a roof where the path crosses a wall: numbers of vertices and of roofs overhead."""
    if n + 2 > ROOM:
        return n, roofs
    owners, tops, owner, ends = p.roof_owner, p.roof_top, scene.owner[wall], scene.ends
    x, y = xa + t * dx, ya + t * dy
    ground = level_at(scene.grid, scene.ground, x, y)
    before, at = ground, -1
    for r in range(roofs):
        before = max(before, tops[r])
        if owners[r] == owner:
            at = r
    if inwards(ends, wall, dx, dy):
        if at >= 0 or roofs >= DEEP:
            return n, roofs
        owners[roofs], tops[roofs] = owner, scene.top[wall]
        after = max(before, tops[roofs])
        if roofs == 0 or after > before:
            n = _step(p, n, s, before, after, 0.0, NO_EDGE, after)
        return n, roofs + 1
    if at < 0:
        return n, roofs  # out of a roof that the path began under
    roofs -= 1
    owners[at], tops[at] = owners[roofs], tops[roofs]
    after = ground
    for r in range(roofs):
        after = max(after, tops[r])
    if roofs == 0 or after < before:
        n = _step(p, n, s, before, after, 0.0 if roofs else soft_at(scene.grid, scene.ground, x, y), before, NO_EDGE)
    return n, roofs


@kernel()
def _step(
    p: Profile, n: int, s: float, before: float, after: float, soft: float, crest: float, crest_after: float
) -> int:
    """Two vertices at a wall, from one level to another."""
    p.x[n], p.z[n], p.soft[n], p.crest[n] = s, before, 0.0, crest
    p.x[n + 1], p.z[n + 1], p.soft[n + 1], p.crest[n + 1] = s, after, soft, crest_after
    return n + 2


@kernel()
def mirror(ends: Floats, wall: int, x: float, y: float) -> tuple[float, float, float]:
    """Image of a point behind a wall, and how far it stands before the wall, negative behind it [m]."""
    ax, ay = ends[wall, 0], ends[wall, 1]
    wx, wy = ends[wall, 2] - ax, ends[wall, 3] - ay
    length = math.hypot(wx, wy)
    off = ((x - ax) * wy - (y - ay) * wx) / length
    return x - 2.0 * off * wy / length, y + 2.0 * off * wx / length, off


@kernel()
def on_wall(ends: Floats, wall: int, xs: float, ys: float, xi: float, yi: float) -> tuple[bool, float, float]:
    """Whether the way from a source to an image runs through a wall from its outside, and where [m]."""
    ax, ay = ends[wall, 0], ends[wall, 1]
    wx, wy = ends[wall, 2] - ax, ends[wall, 3] - ay
    dx, dy = xi - xs, yi - ys
    across = dx * wy - dy * wx
    if across >= 0.0:
        return False, 0.0, 0.0
    qx, qy = ax - xs, ay - ys
    u, t = (qx * dy - qy * dx) / across, (qx * wy - qy * wx) / across
    if u < 0.0 or u > 1.0 or t <= 0.0 or t >= 1.0:
        return False, 0.0, 0.0
    return True, ax + u * wx, ay + u * wy


@kernel()
def free(scene: Scene, xa: float, ya: float, za: float, xb: float, yb: float, zb: float, p: Profile) -> bool:
    """Whether no roof that the way comes under stands in the line of sight; `p` is room to work in."""
    hit_t, hit_wall, top, open_to = p.hit_t, p.hit_wall, scene.top, True
    for k in range(crossings(scene, xa, ya, xb, yb, hit_t, hit_wall)):
        w = hit_wall[k]
        open_to = open_to and (top[w] <= za + hit_t[k] * (zb - za) or not inwards(scene.ends, w, xb - xa, yb - ya))
    return open_to
