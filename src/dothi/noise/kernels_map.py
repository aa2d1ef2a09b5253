"""Levels at receivers: which sources matter, by which paths, and what they add up to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dothi.compiled import kernel
from dothi.noise.kernels import LAMBDA, N_BANDS, NO_EDGE, PLANE, RAYS_M, ZERO, around, boundary, by_wall, power_of_ten
from dothi.noise.kernels_corners import slanted, way_round
from dothi.noise.kernels_rays import (
    BARE,
    BOUND,
    COMES,
    COMES_BENT,
    CREST,
    EDGE,
    EDGE_BENT,
    GOT,
    HELD,
    HIT,
    HIT_WALL,
    MANY,
    ORDER,
    PLANE_ROW,
    PX,
    PY,
    PZ,
    REALS,
    ROAD,
    ROOM,
    SEEN,
    SHARP,
    SOFT,
    SPREAD,
    STATE,
    TURN_X,
    TURN_Y,
    WALL,
    WHOLES,
    Room,
    Scene,
    X,
    Z,
    free,
    inwards,
    leg,
    level_at,
    mirror,
    on_wall,
    on_way,
)

if TYPE_CHECKING:
    from dothi.shapes import Floats, Integers

SPHERE = 10.0**-1.1  # 20 lg d + 11, 2.5.12
NEAR_M = 0.5  # least distance to a line of traffic
WALLS = 512  # walls that one receiver can see
BINS = 160
LOUDEST_DB = 140.0
WELL_SCREENED = 10.0**-2.5  # least energy over one edge, by the limit of 25 dB
BOTH_SIDES = 10.0**0.6  # most that the ground adds on both sides of an edge
AT_ONCE = 0.1  # a screened path is followed at once where it may bring more than this part of what may be left out
TAIL = 0.25  # part of what may be left out that is not even looked at
REST, LEFT, NEXT, WAITING, FOUND, ENOUGH, HITS_KNOWN, LENGTH = range(8)  # of row STATE
GUESS = 4.0  # how much better a screened path by way of a wall may come through than the direct one


class Sources(NamedTuple):
    """
    Straight pieces of road, fine ones for near roads and coarse ones for the others.

    Attributes
    ----------
    grid : (6,)
        Index: west, south, size of a cell [m], columns, rows; length of the longest piece [m].
    start
        First piece of each cell; pieces are sorted by the cell that their middle lies in.
    ends : (n, 6)
        Ends of each piece: x, y, z, x, y, z [m].
    whole : (n, 5)
        Middle and half the extent of the road it belongs to [m]; 0 for a fine piece, 1 for a coarse one; the road.
    power : (n_roads, n_periods, 8)
        A-weighted sound power per metre by period and octave band [pW m⁻¹].
    bands : (n_roads, 9)
        The same, mean of the day with the weights of its periods, and all bands together [pW m⁻¹].
    """

    grid: Floats
    start: Integers
    ends: Floats
    whole: Floats
    power: Floats
    bands: Floats


class Method(NamedTuple):
    """
    How far and how finely to compute.

    Attributes
    ----------
    reach
        Farthest source [m].
    near
        Roads nearer than this are taken in fine pieces [m].
    angle
        Widest piece of a road as seen from the receiver [rad].
    mirror_reach
        Farthest reflecting wall from the receiver [m]; 0 for no reflections.
    kept
        Energy that façades give back [1].
    own_wall
        Walls in line with this distance before the receiver are its own façade [m].
    lateral_reach
        Farthest source that is heard round corners [m]; 0 for none.
    sink
        How much the open ground has to stand out to bend sound [m].
    error
        Energy that may be left out, relative to what was found [1].
    quiet
        Level below which errors are relative to this one, as energy of the weighted day [pW m⁻²].
    alpha : (8,)
        Absorption of air [dB m⁻¹].
    favourable : (n_periods,)
        Share of the time with rays bent downwards [1].
    weight : (n_periods,)
        Weight of each period in the mean of the day [1].
    """

    reach: float
    near: float
    angle: float
    mirror_reach: float
    kept: float
    own_wall: float
    lateral_reach: float
    sink: float
    error: float
    quiet: float
    alpha: Floats
    favourable: Floats
    weight: Floats


@kernel()
def most(distance: float, height: float) -> float:
    """Most that the ground can add to sound, as energy: hard ground in favourable conditions (2.5.20)."""
    reach = distance / (30.0 * max(height, 0.1))
    return power_of_ten(0.3 if reach <= 1.0 else 0.3 * (3.0 - 2.0 / reach))


@kernel()
def pieces(src: Sources, how: Method, x: float, y: float, z: float, height: float, room: Room) -> int:
    """
    Cut the roads around a receiver into pieces that it sees under equal angles.

    The divergence of a piece is that of a line, integrated over it: the angle it spans over its distance.

    Returns
    -------
    int
        Number of pieces.
    """
    n = ZERO
    west, south, cell, nx, ny = src.grid[0], src.grid[1], src.grid[2], int(src.grid[3]), int(src.grid[4])
    far = how.reach + 0.5 * src.grid[5]
    i0, i1 = max(int((x - far - west) / cell), 0), min(int((x + far - west) / cell), nx - 1)
    j0, j1 = max(int((y - far - south) / cell), 0), min(int((y + far - south) / cell), ny - 1)
    for j in range(j0, j1 + 1):
        for i in range(i0, i1 + 1):
            for s in range(src.start[j * nx + i], src.start[j * nx + i + 1]):
                if src.bands[int(src.whole[s, 4]), N_BANDS] <= 0.0:
                    continue
                is_near = math.hypot(src.whole[s, 0] - x, src.whole[s, 1] - y) - src.whole[s, 2] < how.near
                if is_near == (src.whole[s, 3] == 0.0):
                    n = _cut(src, how, s, x, y, z, height, room, n)
    return n


@kernel()
def _cut(src: Sources, how: Method, s: int, x: float, y: float, z: float, height: float, room: Room, n: int) -> int:
    end, road, real = src.ends[s], int(src.whole[s, 4]), room.real
    dx, dy, dz = end[3] - end[0], end[4] - end[1], end[5] - end[2]
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    if length <= 1e-6:
        return n
    dx, dy, dz = dx / length, dy / length, dz / length
    px, py, pz = end[0] - x, end[1] - y, end[2] - z
    foot = px * dx + py * dy + pz * dz  # from the foot of the perpendicular to the beginning
    off = math.sqrt(max(px * px + py * py + pz * pz - foot * foot, NEAR_M * NEAR_M))
    beyond = max(foot, -foot - length, 0.0)
    if beyond * beyond + off * off > how.reach * how.reach:
        return n
    begin = math.atan(foot / off)
    span = math.atan((foot + length) / off) - begin
    parts = max(math.ceil(span / how.angle), 1)
    turn = span / parts
    for part in range(parts):
        middle = off * math.tan(begin + (part + 0.5) * turn)
        spread = SPHERE * turn / off
        if turn < 0.02:
            spread = SPHERE * length / (parts * (middle * middle + off * off))
        if n < MANY:
            t = middle - foot
            real[PX, n], real[PY, n], real[PZ, n] = end[0] + t * dx, end[1] + t * dy, end[2] + t * dz
            real[SPREAD, n], real[GOT, n] = spread, 0.0
            real[BOUND, n] = spread * src.bands[road, N_BANDS] * most(math.hypot(middle, off), height)
            room.whole[ROAD, n], room.whole[WALL, n] = road, -1
            n += 1
    return n


@kernel()
def walls_seen(scene: Scene, how: Method, x: float, y: float, z: float, room: Room) -> int:
    """Walls near a receiver that it sees from outside, at one of three places; gives their number."""
    n, r = ZERO, how.mirror_reach
    if r <= 0.0:
        return n
    west, south, cell, nx, ny = scene.grid[0], scene.grid[1], scene.grid[2], int(scene.grid[3]), int(scene.grid[4])
    i0, i1 = max(int((x - r - west) / cell), 0), min(int((x + r - west) / cell), nx - 1)
    j0, j1 = max(int((y - r - south) / cell), 0), min(int((y + r - south) / cell), ny - 1)
    for j in range(j0, j1 + 1):
        for i in range(i0, i1 + 1):
            for k in range(scene.start[j * nx + i], scene.start[j * nx + i + 1]):
                w = scene.item[k]
                a = scene.walls[w]
                if int((0.5 * (a[0] + a[2]) - west) / cell) != i or int((0.5 * (a[1] + a[3]) - south) / cell) != j:
                    continue  # counted in the cell of its middle
                _, _, off = mirror(scene.walls, w, x, y)
                if off <= how.own_wall or off > r or n >= WALLS:
                    continue
                for part in range(3):
                    t = 0.5 if part == 0 else (0.05 if part == 1 else 0.95)
                    if free(scene, x, y, z, a[0] + t * (a[2] - a[0]), a[1] + t * (a[3] - a[1]), a[4], room):
                        room.whole[SEEN, n] = w
                        n += 1
                        break
    return n


@kernel()
def images(scene: Scene, how: Method, x: float, y: float, z: float, seen: int, worth: float, room: Room, n: int) -> int:
    """
    Add the pieces whose sound comes by way of a wall that the receiver sees.

    A piece counts where both legs are in free sight; where they are not, it counts as far as its own direct path came
    through, which is the better guess of what comes over the roofs. Its bound is what it brought, not the free field.
    """
    real, whole, direct = room.real, room.whole, n
    for k in range(seen):
        w = whole[SEEN, k]
        xi, yi, _ = mirror(scene.walls, w, x, y)
        for e in range(direct):
            if real[BOUND, e] * how.kept < worth or n >= MANY:
                continue
            xs, ys, zs = real[PX, e], real[PY, e], real[PZ, e]
            hit, xw, yw = on_wall(scene.walls, w, xs, ys, xi, yi)
            if not hit:
                continue
            flat = math.hypot(xs - xi, ys - yi)
            less = how.kept * ((xs - x) ** 2 + (ys - y) ** 2 + (zs - z) ** 2) / (flat * flat + (zs - z) ** 2)
            zw = zs + (z - zs) * math.hypot(xw - xs, yw - ys) / flat
            if real[BOUND, e] * less < worth or zw > scene.walls[w, 4]:
                continue
            if GUESS * real[GOT, e] * less < worth and not (
                free(scene, xw, yw, zw, x, y, z, room) and free(scene, xs, ys, zs, xw, yw, zw, room)
            ):
                continue
            real[PX, n], real[PY, n], real[PZ, n] = xs, ys, zs
            real[SPREAD, n], real[BOUND, n], real[GOT, n] = real[SPREAD, e] * less, real[BOUND, e] * less, 0.0
            whole[ROAD, n], whole[WALL, n] = whole[ROAD, e], w
            n += 1
    return n


@kernel()
def loudest_first(bound: Floats, first: int, n: int, order: Integers) -> float:
    """Order by bound, the loudest first, to the nearest decibel; gives their sum."""
    count = np.zeros(BINS + 1, dtype=np.int64)
    total = 0.0
    for turn in range(2):
        for i in range(first, n):
            db = 10.0 * math.log10(max(bound[i], 1e-30))
            slot = min(max(int(LOUDEST_DB - db), 0), BINS - 1)
            if turn == 0:
                total += bound[i]
                count[slot + 1] += 1
            else:
                order[count[slot]] = i
                count[slot] += 1
        if turn == 0:
            for b in range(BINS):
                count[b + 1] += count[b]
    return total


@kernel()
def _route(scene: Scene, e: int, kind: int, x: float, y: float, z: float, room: Room) -> int:
    """
    Points of a path in plan, in rows TURN_X and TURN_Y; gives how many, 0 where there is no path.

    Parameters
    ----------
    kind
        0 straight on or by way of the wall of the entry; 1 round the left, 2 round the right of what is in the way.
    """
    real, wall = room.real, room.whole[WALL, e]
    xs, ys, hs = real[PX, e], real[PY, e], real[PZ, e]
    if kind > 0:
        turns = way_round(scene, xs, ys, hs, x, y, z, 3.0 - 2.0 * kind, room)
        return turns if turns > 2 else 0
    real[TURN_X, 0], real[TURN_Y, 0], real[TURN_X, 1], real[TURN_Y, 1] = xs, ys, x, y
    if wall < 0:
        return 2
    xi, yi, _ = mirror(scene.walls, wall, x, y)
    _, real[TURN_X, 1], real[TURN_Y, 1] = on_wall(scene.walls, wall, xs, ys, xi, yi)
    real[TURN_X, 2], real[TURN_Y, 2] = x, y
    return 3


@kernel()
def _through(scene: Scene, sink: float, turns: int, hs: float, z: float, wall: int, kind: int, room: Room) -> int:
    """
    What comes through along a path, unfolded into a plane, in both conditions: rows COMES and COMES_BENT.

    Parameters
    ----------
    scene
        City.
    sink
        How much the open ground has to stand out to bend sound [m].
    turns
        Points of the path.
    hs, z
        Levels of source and receiver [m].
    wall
        Wall that reflects at the second point; −1 for none.
    kind
        As for `_route`; what goes round is not screened from above.
    room
        Room to work in.

    Returns
    -------
    int
        Edges in the straight way.
    """
    real = room.real
    way_x, way_y, n, half = real[TURN_X], real[TURN_Y], ZERO, ZERO
    for t in range(turns - 1):
        known = int(real[STATE, HITS_KNOWN]) if t + kind == 0 else -1
        n = leg(scene, way_x[t], way_y[t], way_x[t + 1], way_y[t + 1], sink, known, room, n)
        if t == 0:
            half = n - 1
    x, ground, crest = real[X], real[Z], real[BARE if kind > 0 else CREST]
    comes, edges = real[COMES : COMES_BENT + 1], room.whole[EDGE : EDGE_BENT + 1]
    planes = real[PLANE_ROW : PLANE_ROW + 3, :PLANE]
    counts = boundary(x, ground, real[SOFT], crest, n, hs, z, 0.0, edges, planes, real[HELD], comes)
    real[STATE, LENGTH] = math.hypot(x[n - 1], z - hs)
    if wall >= 0:
        by_wall(x, ground, crest, n, half, scene.walls[wall, 4], hs, z, edges, counts, comes)
    if kind > 0:
        flat = math.hypot(way_x[turns - 1] - way_x[0], way_y[turns - 1] - way_y[0])
        real[STATE, LENGTH], between = slanted(way_x, way_y, turns, hs, z)
        for row in range(COMES, COMES_BENT + 1):
            around(real[STATE, LENGTH] - math.hypot(flat, z - hs), between, real[row])
    return counts[0]


@kernel()
def sharper(src: Sources, scene: Scene, e: int, hits: int, x: float, y: float, z: float, room: Room) -> float:
    """
    Bound of what a direct path brings, as energy, once it is known which roofs stand in its way.

    The roof that screens most screens at least that much, in favourable conditions and by band; the ground adds at
    most 3 dB on either side of it.
    """
    real, walls = room.real, scene.walls
    xs, ys, hs = real[PX, e], real[PY, e], real[PZ, e]
    bound: float = real[BOUND, e]
    flat = math.hypot(x - xs, y - ys)
    d = math.hypot(flat, z - hs)
    bend, worst = 0.5 / max(RAYS_M, 8.0 * d), 0.0
    for k in range(hits):
        t, wall = real[HIT, k], room.whole[HIT_WALL, k]
        near, far = t * flat, (1.0 - t) * flat
        over = walls[wall, 4] - hs - t * (z - hs) - bend * near * far
        if over > 0.0 and inwards(walls, wall, x - xs, y - ys):
            worst = max(worst, over * over * flat / (2.0 * max(near * far, 1e-6)))
    if worst <= 0.0:
        return bound
    worst = min(worst, d)  # twice the gap squared over the sides is too much close to an end
    road, total = room.whole[ROAD, e], 0.0
    for band in range(N_BANDS):
        through = 1.0 / (3.0 + 40.0 / LAMBDA[band] * 0.5 * worst)
        total += src.bands[road, band] * max(through, WELL_SCREENED)
    sharp: float = total * real[SPREAD, e] * BOTH_SIDES
    return min(sharp, bound)


@kernel()
def _add(src: Sources, how: Method, e: int, room: Room, out: Floats) -> None:
    """Add the energy of one path to each period."""
    real, power, alpha, favourable, weight = room.real, src.power, how.alpha, how.favourable, how.weight
    road, spread, d, brought = room.whole[ROAD, e], real[SPREAD, e], real[STATE, LENGTH], 0.0
    for band in range(N_BANDS):
        left = power_of_ten(-0.1 * alpha[band] * d) * spread
        h, f = real[COMES, band] * left, real[COMES_BENT, band] * left
        for p in range(favourable.size):
            energy = power[road, p, band] * (h + favourable[p] * (f - h))
            out[p] += energy
            brought += weight[p] * energy
    real[GOT, e] += brought


@kernel()
def _next(
    src: Sources, scene: Scene, how: Method, x: float, y: float, z: float, n: int, out: Floats, room: Room
) -> int:
    """
    Choose what to follow next, the loudest first, until the rest cannot matter; −1 at the end.

    Of a path with roofs in the way, a sharper bound is known before it is followed. Those that can bring little wait,
    and are followed in the order of that bound as long as all that are left may matter together.
    """
    real, order, state = room.real, room.whole[ORDER], room.real[STATE]
    found = 0.0
    for p in range(out.size):
        found += how.weight[p] * out[p]
    enough = how.error * max(found, how.quiet)
    state[FOUND], state[ENOUGH], state[HITS_KNOWN] = found, enough, -1.0
    waiting, k = int(state[WAITING]), int(state[NEXT])
    while k < n and state[REST] > TAIL * enough and state[REST] + state[LEFT] > enough:
        e: int = order[k]
        k += 1
        state[NEXT] = k
        state[REST] -= real[BOUND, e]
        if room.whole[WALL, e] >= 0:
            return e
        hits = on_way(scene, real[PX, e], real[PY, e], x, y, room)
        real[SHARP, e] = sharper(src, scene, e, hits, x, y, z, room)
        if real[SHARP, e] > AT_ONCE * enough:
            state[HITS_KNOWN] = hits
            return e
        state[LEFT] += real[SHARP, e]
        order[waiting] = e
        waiting += 1
        state[WAITING] = waiting
    if waiting == 0 or state[REST] + state[LEFT] <= enough:
        return -1
    best: int = ZERO
    for i in range(1, waiting):
        if real[SHARP, order[i]] > real[SHARP, order[best]]:
            best = i
    e = order[best]
    order[best] = order[waiting - 1]
    state[WAITING] = waiting - 1
    state[LEFT] -= real[SHARP, e]
    return e


@kernel()
def listen(
    scene: Scene,
    src: Sources,
    how: Method,
    rx: Floats,
    ry: Floats,
    height: float,
    first: int,
    last: int,
    out: Floats,
    paths: Integers,
) -> None:
    """
    Sound energy at receivers.

    Candidates are sorted by an upper bound of what they bring (no screen, the hardest ground) and followed until all
    that are left can add no more than a stated share: first the direct paths, then those by way of a wall.

    Parameters
    ----------
    scene, src, how
        City, roads, method.
    rx, ry : (n,)
        Receivers [m].
    height
        Their height above the ground [m].
    first, last
        Those to do.
    out : (n, n_periods)
        On return, A-weighted energy by period [pW m⁻²]: 10 lg of it is the level [dB].
    paths : (n, 4)
        On return, how many paths were followed: direct, screened, reflected, round corners.
    """
    room = Room(np.empty((REALS, MANY)), np.empty((WHOLES, MANY), dtype=np.int64))
    room.real[BARE, :ROOM] = 2.0 * NO_EDGE
    state = room.real[STATE]
    for r in range(first, last):
        x, y = rx[r], ry[r]
        z = level_at(scene.grid, scene.ground, x, y) + height
        out[r, :] = 0.0
        begin, n = ZERO, pieces(src, how, x, y, z, height, room)
        for turn in range(2):
            state[:] = 0.0
            state[REST] = loudest_first(room.real[BOUND], begin, n, room.whole[ORDER])
            e = _next(src, scene, how, x, y, z, n - begin, out[r], room)
            while e >= 0:
                hs, wall, kind, kinds = room.real[PZ, e], room.whole[WALL, e], ZERO, ZERO + 1
                while kind < kinds:
                    turns = _route(scene, e, kind, x, y, z, room)
                    if turns > 0:
                        edges = _through(scene, how.sink, turns, hs, z, wall, kind, room)
                        _add(src, how, e, room, out[r])
                        paths[r, 3 if kind > 0 else (2 if wall >= 0 else min(edges, 1))] += 1
                        if kind == 0 and wall < 0 and edges > 0:
                            near = math.hypot(x - room.real[PX, e], y - room.real[PY, e]) <= how.lateral_reach
                            kinds = 3 if near and 0.1 * room.real[BOUND, e] > state[ENOUGH] else 1
                    kind += 1
                e = _next(src, scene, how, x, y, z, n - begin, out[r], room)
            if turn == 0:
                seen = walls_seen(scene, how, x, y, z, room)
                worth = 0.02 * state[ENOUGH]
                begin, n = n, images(scene, how, x, y, z, seen, worth, room, n)
