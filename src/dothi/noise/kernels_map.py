"""Levels at receivers: which sources matter, by which paths, and what they add up to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dothi.compiled import kernel
from dothi.noise.kernels import LAMBDA, N_BANDS, NO_EDGE, RAYS_M, ZERO, around, boundary, by_wall, power_of_ten
from dothi.noise.kernels_corners import MANY_BLOCKS, TURNS, Turns, slanted, way_round
from dothi.noise.kernels_rays import (
    DEEP,
    HITS,
    ROOM,
    Profile,
    Scene,
    crossings,
    free,
    inwards,
    leg,
    level_at,
    mirror,
    on_wall,
)

if TYPE_CHECKING:
    from dothi.shapes import Floats, Integers

SPHERE = 10.0**-1.1  # 20 lg d + 11, 2.5.12
NEAR_M = 0.5  # least distance to a line of traffic
MANY = 4096  # pieces and images that one receiver can hear
WALLS = 512  # walls that one receiver can see
BINS = 160
LOUDEST_DB = 140.0
WELL_SCREENED = 10.0**-2.5  # least energy over one edge, by the limit of 25 dB
BOTH_SIDES = 10.0**0.6  # most that the ground adds on both sides of an edge
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
    whole : (n, 4)
        Middle and half the extent of the road it belongs to [m]; 0 for a fine piece, 1 for a coarse one.
    road : (n,)
        Road it belongs to.
    power : (n_roads, n_periods, 8)
        A-weighted sound power per metre by period and octave band [pW m⁻¹].
    bands : (n_roads, 8)
        The same, mean of the day with the weights of its periods [pW m⁻¹].
    loud : (n_roads,)
        The same, all bands [pW m⁻¹].
    """

    grid: Floats
    start: Integers
    ends: Floats
    whole: Floats
    road: Integers
    power: Floats
    bands: Floats
    loud: Floats


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


class Heard(NamedTuple):
    """
    What a receiver may hear.

    Attributes
    ----------
    at : (n, 3)
        Where it is [m].
    spread, bound, got : (n,)
        Divergence [m⁻²]; most that it can bring, and what it brought, as energy of the weighted day [pW m⁻²].
    road, wall : (n,)
        Road; wall that reflects, −1 where none does.
    order
        Numbers, the loudest first.
    seen
        Walls that the receiver sees.
    """

    at: Floats
    spread: Floats
    bound: Floats
    got: Floats
    road: Integers
    wall: Integers
    order: Integers
    seen: Integers


class Room(NamedTuple):
    """Room to work in: profile, edges, planes, hull, attenuation in both conditions, no edges, turns of a path."""

    profile: Profile
    edges: Integers
    plane: Floats
    held: Floats
    lost: Floats
    bare: Floats
    turns: Turns


@kernel()
def most(distance: float, height: float) -> float:
    """Most that the ground can add to sound, as energy: hard ground in favourable conditions (2.5.20)."""
    reach = distance / (30.0 * max(height, 0.1))
    return power_of_ten(0.3 if reach <= 1.0 else 0.3 * (3.0 - 2.0 / reach))


@kernel()
def pieces(src: Sources, how: Method, x: float, y: float, z: float, height: float, heard: Heard) -> int:
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
                if src.loud[src.road[s]] <= 0.0:
                    continue
                is_near = math.hypot(src.whole[s, 0] - x, src.whole[s, 1] - y) - src.whole[s, 2] < how.near
                if is_near == (src.whole[s, 3] == 0.0):
                    n = _cut(src, how, s, x, y, z, height, heard, n)
    return n


@kernel()
def _cut(src: Sources, how: Method, s: int, x: float, y: float, z: float, height: float, heard: Heard, n: int) -> int:
    end = src.ends[s]
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
            heard.at[n, 0], heard.at[n, 1], heard.at[n, 2] = end[0] + t * dx, end[1] + t * dy, end[2] + t * dz
            heard.spread[n], heard.road[n], heard.wall[n], heard.got[n] = spread, src.road[s], -1, 0.0
            heard.bound[n] = spread * src.loud[src.road[s]] * most(math.hypot(middle, off), height)
            n += 1
    return n


@kernel()
def walls_seen(scene: Scene, how: Method, x: float, y: float, z: float, heard: Heard, room: Room) -> int:
    """Walls near a receiver that it sees from outside, at one of three places; gives their number."""
    n, r = ZERO, how.mirror_reach
    if r <= 0.0:
        return n
    west, south, cell, nx, ny = scene.grid[0], scene.grid[1], scene.grid[2], int(scene.grid[3]), int(scene.grid[4])
    i0, i1 = max(int((x - r - west) / cell), 0), min(int((x + r - west) / cell), nx - 1)
    j0, j1 = max(int((y - r - south) / cell), 0), min(int((y + r - south) / cell), ny - 1)
    for j in range(j0, j1 + 1):
        for i in range(i0, i1 + 1):
            for k in range(scene.mid_start[j * nx + i], scene.mid_start[j * nx + i + 1]):
                w = scene.mid_item[k]
                _, _, off = mirror(scene.ends, w, x, y)
                if off <= how.own_wall or off > r or n >= WALLS:
                    continue
                a = scene.ends[w]
                for part in range(3):
                    t = 0.5 if part == 0 else (0.05 if part == 1 else 0.95)
                    xw, yw = a[0] + t * (a[2] - a[0]), a[1] + t * (a[3] - a[1])
                    if free(scene, x, y, z, xw, yw, scene.top[w], room.profile):
                        heard.seen[n] = w
                        n += 1
                        break
    return n


@kernel()
def images(
    scene: Scene, how: Method, x: float, y: float, z: float, seen: int, worth: float, heard: Heard, room: Room, n: int
) -> int:
    """
    Add the pieces whose sound comes by way of a wall that the receiver sees.

    A piece counts where both legs are in free sight; where they are not, it counts as far as its own direct path came
    through, which is the better guess of what comes over the roofs. Its bound is what it brought, not the free field.
    """
    at, bounds, got, direct = heard.at, heard.bound, heard.got, n
    for k in range(seen):
        w = heard.seen[k]
        xi, yi, _ = mirror(scene.ends, w, x, y)
        for e in range(direct):
            if bounds[e] * how.kept < worth or n >= MANY:
                continue
            xs, ys, zs = at[e, 0], at[e, 1], at[e, 2]
            hit, xw, yw = on_wall(scene.ends, w, xs, ys, xi, yi)
            if not hit:
                continue
            flat = math.hypot(xs - xi, ys - yi)
            less = how.kept * ((xs - x) ** 2 + (ys - y) ** 2 + (zs - z) ** 2) / (flat * flat + (zs - z) ** 2)
            zw = zs + (z - zs) * math.hypot(xw - xs, yw - ys) / flat
            if bounds[e] * less < worth or zw > scene.top[w]:
                continue
            if GUESS * got[e] * less < worth and not (
                free(scene, xw, yw, zw, x, y, z, room.profile) and free(scene, xs, ys, zs, xw, yw, zw, room.profile)
            ):
                continue
            at[n, 0], at[n, 1], at[n, 2] = xs, ys, zs
            heard.spread[n], bounds[n], got[n] = heard.spread[e] * less, bounds[e] * less, 0.0
            heard.road[n], heard.wall[n] = heard.road[e], w
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
def _profile(
    scene: Scene,
    how: Method,
    turns: int,
    hs: float,
    z: float,
    wall: int,
    free_sides: bool,
    room: Room,
) -> tuple[float, int]:
    """
    Attenuation along a path over a polyline, unfolded into a plane, in both conditions.

    Parameters
    ----------
    scene, how
        City, method.
    turns
        Points of the polyline, in ``room.turns``.
    hs, z
        Levels of source and receiver [m].
    wall
        Wall that reflects at the second point; −1 for none.
    free_sides
        Whether the path goes round what stands in its way, so that nothing screens it from above.
    room
        Room to work in; on return, ``lost`` has the attenuation [dB].

    Returns
    -------
    tuple
        Length of the way in plan [m], edges in the straight way.
    """
    p, at = room.profile, room.turns
    n, half = ZERO, ZERO
    for t in range(turns - 1):
        n = leg(scene, at.x[t], at.y[t], at.x[t + 1], at.y[t + 1], how.sink, p, n)
        if t == 0:
            half = n - 1
    crest = room.bare if free_sides else p.crest
    lost, edges = room.lost, room.edges
    counts = boundary(p.x, p.z, p.soft, crest, n, hs, z, 0.0, edges, room.plane, room.held, lost)
    if wall >= 0:
        by_wall(p.x, p.z, p.crest, n, half, scene.top[wall], hs, z, edges, counts, lost)
    return p.x[n - 1], counts[0]


@kernel()
def sharper(src: Sources, scene: Scene, e: int, x: float, y: float, z: float, heard: Heard, p: Profile) -> float:
    """
    Bound of what a direct path brings, as energy, once it is known which roofs stand in its way.

    The roof that screens most screens at least that much, in favourable conditions and by band; the ground adds at
    most 3 dB on either side of it.
    """
    xs, ys, hs = heard.at[e, 0], heard.at[e, 1], heard.at[e, 2]
    hit_t, hit_wall, top = p.hit_t, p.hit_wall, scene.top
    hits = crossings(scene, xs, ys, x, y, hit_t, hit_wall)
    flat = math.hypot(x - xs, y - ys)
    d = math.hypot(flat, z - hs)
    bend, worst = 0.5 / max(RAYS_M, 8.0 * d), 0.0
    for k in range(hits):
        near, far = hit_t[k] * flat, (1.0 - hit_t[k]) * flat
        over = top[hit_wall[k]] - hs - hit_t[k] * (z - hs) - bend * near * far
        if over > 0.0 and inwards(scene.ends, hit_wall[k], x - xs, y - ys):
            worst = max(worst, over * over * flat / (2.0 * max(near * far, 1e-6)))
    bound: float = heard.bound[e]
    if worst <= 0.0:
        return bound
    worst = min(worst, d)  # twice the gap squared over the sides is too much close to an end
    road, total = heard.road[e], 0.0
    for band in range(N_BANDS):
        through = 1.0 / (3.0 + 40.0 / LAMBDA[band] * 0.5 * worst)
        total += src.bands[road, band] * max(through, WELL_SCREENED)
    sharp: float = total * heard.spread[e] * BOTH_SIDES
    return min(sharp, bound)


@kernel()
def _add(src: Sources, how: Method, e: int, heard: Heard, d: float, lost: Floats, out: Floats) -> None:
    """Add the energy of one path to each period."""
    road, spread, brought = heard.road[e], heard.spread[e], 0.0
    power, alpha, favourable, weight = src.power, how.alpha, how.favourable, how.weight
    for band in range(N_BANDS):
        h = power_of_ten(-0.1 * (lost[0, band] + alpha[band] * d)) * spread
        f = power_of_ten(-0.1 * (lost[1, band] + alpha[band] * d)) * spread
        for p in range(favourable.size):
            energy = power[road, p, band] * (h + favourable[p] * (f - h))
            out[p] += energy
            brought += weight[p] * energy
    heard.got[e] += brought


@kernel()
def _one(
    src: Sources,
    scene: Scene,
    how: Method,
    e: int,
    kind: int,
    x: float,
    y: float,
    z: float,
    heard: Heard,
    room: Room,
    out: Floats,
) -> int:
    """
    Follow one path and add what it brings.

    Parameters
    ----------
    kind
        0 straight on or by way of the wall of the entry; 1 round the left, 2 round the right of what is in the way.

    Returns
    -------
    int
        Edges in the straight way; −1 where there is no path.
    """
    at, wall = room.turns, heard.wall[e]
    xs, ys, hs = heard.at[e, 0], heard.at[e, 1], heard.at[e, 2]
    at.x[0], at.y[0], at.x[1], at.y[1] = xs, ys, x, y
    turns = ZERO + 2
    if wall >= 0:
        xi, yi, _ = mirror(scene.ends, wall, x, y)
        _, at.x[1], at.y[1] = on_wall(scene.ends, wall, xs, ys, xi, yi)
        at.x[2], at.y[2] = x, y
        turns = 3
    elif kind > 0:
        turns = way_round(scene, xs, ys, hs, x, y, z, 3.0 - 2.0 * kind, room.profile, at)
        if turns < 3:
            return -1
    flat, count = _profile(scene, how, turns, hs, z, wall, kind > 0, room)
    d = math.hypot(flat, z - hs)
    if kind > 0:
        straight = math.sqrt((x - xs) ** 2 + (y - ys) ** 2 + (z - hs) ** 2)
        d, between = slanted(at.x, at.y, turns, hs, z)
        for favourable in range(2):
            around(d - straight, between, room.lost[favourable])
    _add(src, how, e, heard, d, room.lost, out)
    return count


@kernel()
def _follow(
    src: Sources,
    scene: Scene,
    how: Method,
    x: float,
    y: float,
    z: float,
    n: int,
    rest: float,
    heard: Heard,
    room: Room,
    out: Floats,
    paths: Integers,
) -> float:
    """
    Follow the paths of one receiver, the loudest first, until the rest cannot matter.

    Of a path with roofs in the way, a sharper bound is known before it is followed; such paths are left out as long as
    their bounds together stay below half of what may be left out.

    Returns
    -------
    float
        Energy of the weighted day that was found.
    """
    found, left = 0.0, 0.0
    for k in range(n):
        e = heard.order[k]
        found = 0.0
        for p in range(out.size):
            found += how.weight[p] * out[p]
        enough = how.error * max(found, how.quiet)
        if rest + left <= enough:
            break
        rest -= heard.bound[e]
        if heard.wall[e] < 0:
            sharp = sharper(src, scene, e, x, y, z, heard, room.profile)
            if left + sharp <= 0.5 * enough:
                left += sharp
                continue
        count, kinds, kind = ZERO, ZERO + 1, ZERO
        while kind < kinds:
            edges = _one(src, scene, how, e, kind, x, y, z, heard, room, out)
            if kind == 0:
                count = edges
                d = math.hypot(x - heard.at[e, 0], y - heard.at[e, 1])
                if count > 0 and heard.wall[e] < 0 and d <= how.lateral_reach and 0.1 * heard.bound[e] > enough:
                    kinds += 2
            elif edges >= 0:
                paths[3] += 1
            kind += 1
        paths[2 if heard.wall[e] >= 0 else (1 if count > 0 else 0)] += 1
    return found


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
    heard = Heard(
        np.empty((MANY, 3)),
        np.empty(MANY),
        np.empty(MANY),
        np.empty(MANY),
        np.empty(MANY, dtype=np.int64),
        np.empty(MANY, dtype=np.int64),
        np.empty(MANY, dtype=np.int64),
        np.empty(WALLS, dtype=np.int64),
    )
    profile = Profile(
        np.empty(ROOM),
        np.empty(ROOM),
        np.empty(ROOM),
        np.empty(ROOM),
        np.empty(HITS),
        np.empty(HITS, dtype=np.int64),
        np.empty(DEEP, dtype=np.int64),
        np.empty(DEEP),
    )
    room = Room(
        profile,
        np.empty((2, ROOM), dtype=np.int64),
        np.empty((3, 14)),
        np.empty(ROOM),
        np.empty((2, N_BANDS)),
        np.full(ROOM, 2.0 * NO_EDGE),
        Turns(np.empty(TURNS + 1), np.empty(TURNS + 1), np.empty(MANY_BLOCKS, dtype=np.int64)),
    )
    for r in range(first, last):
        x, y = rx[r], ry[r]
        z = level_at(scene.grid, scene.ground, x, y) + height
        out[r, :] = 0.0
        begin, n = ZERO, pieces(src, how, x, y, z, height, heard)
        for turn in range(2):
            rest = loudest_first(heard.bound, begin, n, heard.order)
            found = _follow(src, scene, how, x, y, z, n - begin, rest, heard, room, out[r], paths[r])
            if turn == 0:
                seen = walls_seen(scene, how, x, y, z, heard, room)
                worth = 0.02 * how.error * max(found, how.quiet)
                begin, n = n, images(scene, how, x, y, z, seen, worth, heard, room, n)
