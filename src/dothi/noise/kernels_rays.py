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
MANY = 4096  # pieces and images that one receiver can hear
X, Z, SOFT, CREST, BARE, HELD, HIT, ROOF, TURN_X, TURN_Y, COMES, COMES_BENT, PLANE_ROW = range(13)
PX, PY, PZ, SPREAD, BOUND, SHARP, GOT, STATE = range(16, 24)
REALS = 24
HIT_WALL, ROOF_OWNER, BLOCK, EDGE, EDGE_BENT, ROAD, WALL, ORDER, SEEN = range(9)
WHOLES = 9


class Scene(NamedTuple):
    """
    A city as flat arrays, few of them: each makes every kernel that takes them slower to compile.

    Attributes
    ----------
    grid : (8,)
        Index of walls: west, south, size of a cell [m], columns, rows; ground: west, south of the middle of the first
        cell, size of a cell [m].
    start, item
        Walls that touch each cell of the index.
    near : (n_items, 4)
        Ends of the wall of each item, the building on its left [m].
    walls : (n_walls, 5)
        Ends of each wall, level of its top [m].
    owner : (n_walls, 2)
        Building it belongs to; group of buildings that touch.
    corner_start, corners : (n_corners, 2)
        Corners of the convex hull of each group, a little outside [m].
    ground : (n_y, n_x, 2)
        Level of the ground [m] and ground factor, northwards.
    """

    grid: Floats
    start: Integers
    item: Integers
    near: Floats
    walls: Floats
    owner: Integers
    corner_start: Integers
    corners: Floats
    ground: Floats


class Room(NamedTuple):
    """
    Room to work in, for one receiver.

    Attributes
    ----------
    real : (REALS, MANY)
        Rows X, Z, SOFT, CREST: profile: way [m], level [m], ground factor, level as an edge [m]; BARE: no edges; HELD:
        for `hull`; HIT, ROOF: where on a leg walls are, 0 to 1, and roofs overhead [m]; TURN_X, TURN_Y: points of a way
        [m]; COMES, COMES_BENT: what comes through by band; PLANE_ROW and the two after it: mean planes; PX to PZ: where
        what may be heard is [m]; SPREAD: its divergence [m⁻²]; BOUND, SHARP: most that it can bring, the second one
        knowing the roofs in its way; GOT: what it brought, as energy of the weighted day [pW m⁻²]; STATE: how far a
        receiver has got.
    whole : (WHOLES, MANY)
        Rows HIT_WALL: which walls are on a leg; ROOF_OWNER: whose roofs are overhead; BLOCK: groups that a way goes
        round; EDGE, EDGE_BENT: edges in the way; ROAD, WALL: road of what may be heard, wall that reflects it or −1;
        ORDER: numbers, the loudest first; SEEN: walls that the receiver sees.
    """

    real: Floats
    whole: Integers


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
    starts, items, ends, grid = scene.start, scene.item, scene.near, scene.grid  # each once: it counts
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
def on_way(scene: Scene, xa: float, ya: float, xb: float, yb: float, room: Room) -> int:
    """Walls on the way from one point to another, in rows HIT and HIT_WALL; gives how many."""
    return crossings(scene, xa, ya, xb, yb, room.real[HIT, :HITS], room.whole[HIT_WALL, :HITS])


@kernel()
def leg(scene: Scene, xa: float, ya: float, xb: float, yb: float, sink: float, hits: int, room: Room, n: int) -> int:
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
    hits
        Walls on the piece where they were looked for already; else −1.
    room
        Profile; filled on return.
    n
        Vertices it has already; 0 at the source.

    Returns
    -------
    int
        Vertices it has now.
    """
    grid, ground, real, whole = scene.grid, scene.ground, room.real, room.whole
    dx, dy = xb - xa, yb - ya
    length = math.hypot(dx, dy)
    steps = max(int(length / min(max(length / STEPS, STEP_MIN_M), STEP_MAX_M)), 1)
    part = 1.0 / steps
    if n == 0:
        soft = soft_at(grid, ground, xa + 0.5 * part * dx, ya + 0.5 * part * dy)
        n = _vertex(real, n, 0.0, level_at(grid, ground, xa, ya), soft, NO_EDGE)
    start = real[X, n - 1]
    if hits < 0:
        hits = on_way(scene, xa, ya, xb, yb, room)
    roofs, k = ZERO, ZERO
    for i in range(1, steps + 1):
        t = i * part
        while k < hits and real[HIT, k] <= t:
            n, roofs = _pass(scene, room, n, roofs, whole[HIT_WALL, k], dx, dy, start, real[HIT, k] * length, xa, ya)
            k += 1
        if (roofs == 0 or i == steps) and n < ROOM:
            z = level_at(grid, ground, xa + t * dx, ya + t * dy)
            soft = soft_at(grid, ground, xa + (t + 0.5 * part) * dx, ya + (t + 0.5 * part) * dy)
            n = _vertex(real, n, start + t * length, z, soft, z - sink)
    return n


@kernel()
def _vertex(real: Floats, n: int, s: float, z: float, soft: float, crest: float) -> int:
    """Add a vertex to the profile."""
    real[X, n], real[Z, n], real[SOFT, n], real[CREST, n] = s, z, soft, crest
    return n + 1


@kernel()
def inwards(walls: Floats, wall: int, dx: float, dy: float) -> bool:
    """Whether a way in some direction goes into the building of a wall; else it goes out of it."""
    within: bool = (walls[wall, 2] - walls[wall, 0]) * dy > (walls[wall, 3] - walls[wall, 1]) * dx
    return within


@kernel()
def _pass(
    scene: Scene,
    room: Room,
    n: int,
    roofs: int,
    wall: int,
    dx: float,
    dy: float,
    start: float,
    along: float,
    xa: float,
    ya: float,
) -> tuple[int, int]:
    """Go under or out of a roof where the path crosses a wall: numbers of vertices and of roofs overhead."""
    if n + 2 > ROOM:
        return n, roofs
    real, owners, owner = room.real, room.whole[ROOF_OWNER], scene.owner[wall, 0]
    t = along / math.hypot(dx, dy)
    x, y, s = xa + t * dx, ya + t * dy, start + along
    ground = level_at(scene.grid, scene.ground, x, y)
    before, at = ground, -1
    for r in range(roofs):
        before = max(before, real[ROOF, r])
        if owners[r] == owner:
            at = r
    if inwards(scene.walls, wall, dx, dy):
        if at >= 0 or roofs >= DEEP:
            return n, roofs
        owners[roofs], real[ROOF, roofs] = owner, scene.walls[wall, 4]
        after = max(before, scene.walls[wall, 4])
        if roofs == 0 or after > before:
            n = _vertex(real, n, s, before, 0.0, NO_EDGE)
            n = _vertex(real, n, s, after, 0.0, after)
        return n, roofs + 1
    if at < 0:
        return n, roofs  # out of a roof that the path began under
    roofs -= 1
    owners[at], real[ROOF, at] = owners[roofs], real[ROOF, roofs]
    after = ground
    for r in range(roofs):
        after = max(after, real[ROOF, r])
    if roofs == 0 or after < before:
        n = _vertex(real, n, s, before, 0.0, before)
        n = _vertex(real, n, s, after, 0.0 if roofs else soft_at(scene.grid, scene.ground, x, y), NO_EDGE)
    return n, roofs


@kernel()
def mirror(walls: Floats, wall: int, x: float, y: float) -> tuple[float, float, float]:
    """Image of a point behind a wall, and how far it stands before the wall, negative behind it [m]."""
    ax, ay = walls[wall, 0], walls[wall, 1]
    wx, wy = walls[wall, 2] - ax, walls[wall, 3] - ay
    length = math.hypot(wx, wy)
    off = ((x - ax) * wy - (y - ay) * wx) / length
    return x - 2.0 * off * wy / length, y + 2.0 * off * wx / length, off


@kernel()
def on_wall(walls: Floats, wall: int, xs: float, ys: float, xi: float, yi: float) -> tuple[bool, float, float]:
    """Whether the way from a source to an image runs through a wall from its outside, and where [m]."""
    ax, ay = walls[wall, 0], walls[wall, 1]
    wx, wy = walls[wall, 2] - ax, walls[wall, 3] - ay
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
def free(scene: Scene, xa: float, ya: float, za: float, xb: float, yb: float, zb: float, room: Room) -> bool:
    """Whether no roof that the way comes under stands in the line of sight; `room` is room to work in."""
    walls, open_to = scene.walls, True
    for k in range(on_way(scene, xa, ya, xb, yb, room)):
        w, level = room.whole[HIT_WALL, k], za + room.real[HIT, k] * (zb - za)
        open_to = open_to and (walls[w, 4] <= level or not inwards(walls, w, xb - xa, yb - ya))
    return open_to
