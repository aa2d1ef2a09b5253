"""What surfaces see of the sky, the sun, the ground and walls, from the horizons of points on them: compiled loops."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dothi.compiled import kernel
from dothi.sun.kernels_horizon import Scene, horizon, is_enclosed

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

BLOCKED = 1e9
"""Tangent of a horizon above which nothing is seen."""
LEVEL = 1e-6
"""Vertical part of a normal below which a surface stands upright."""
SUNSHINE_W_M2 = 120.0
"""Direct normal irradiance from which the sun is said to shine: WMO, Guide to Instruments (WMO-No. 8), ch. 8."""


class Points(NamedTuple):
    """
    Points on surfaces.

    Attributes
    ----------
    start : (surfaces + 1,)
        First point of each surface.
    at : (points, 3)
        Position [m].
    weight : (points,)
        Share of the area of its surface.
    above : (points,)
        Height above the ground before it [m].
    cell : (points,)
        Row of the horizon of the terrain.
    normal : (surfaces, 3)
        Unit normals.
    own : (surfaces,)
        Building whose prism does not enclose the surface, as it models its own; −1 for none.
    """

    start: Integers
    at: Floats
    weight: Floats
    above: Floats
    cell: Integers
    normal: Floats
    own: Integers


class Suns(NamedTuple):
    """
    Sun in every hour of daylight, by azimuth and then by height.

    Attributes
    ----------
    start : (azimuths + 1,)
        First hour of each azimuth.
    tangent : (hours,)
        Tangent of the height of the sun.
    towards : (hours, 3)
        Unit vectors.
    dni : (hours,)
        Direct normal irradiance [W m⁻²].
    place : (hours,)
        Place of the sun.
    """

    start: Integers
    tangent: Floats
    towards: Floats
    dni: Floats
    place: Integers


class Seen(NamedTuple):
    """
    What surfaces see.

    Attributes
    ----------
    sky : (surfaces, patches)
        Share seen of each patch of the sky, in 255ths.
    sun : (surfaces, places)
        Share lit from each place of the sun, in 255ths.
    factor : (surfaces, 3)
        View factors of the sky, of the ground, and of all else.
    beam : (surfaces, 2)
        Direct light of the year with obstacles, and without [W h m⁻²].
    sunshine : (surfaces,)
        Hours of sunshine on it, mean over its area.
    free : (surfaces,)
        Share of its area that lies within no other body.
    """

    sky: Bytes
    sun: Bytes
    factor: Floats
    beam: Floats
    sunshine: Floats
    free: Floats


@kernel()
def _band(c: float, nz: float, e: float, t: float) -> float:
    r"""
    Integral of the cosine over heights up to *e*, per azimuth.

    .. math:: \int (n_z \sin e + c \cos e) \cos e\,de = n_z \tfrac{1}{2} \sin^2 e + c \tfrac{1}{2} (e + \sin e \cos e)

    with :math:`t = \tan e`, finite or not.
    """
    if t > BLOCKED:
        return 0.5 * nz + 0.25 * c * math.pi
    if t < -BLOCKED:
        return 0.5 * nz - 0.25 * c * math.pi
    q = 1.0 / (1.0 + t * t)
    return 0.5 * (nz * t * t * q + c * (e + t * q))


@kernel()
def _limits(c: float, nz: float) -> tuple[float, float]:
    """Tangents of the lowest and the highest direction before a plane in an azimuth; the same where there is none."""
    low, high = -2.0 * BLOCKED, 2.0 * BLOCKED
    if nz > LEVEL:
        low = -c / nz
    elif nz < -LEVEL:
        high = -c / nz
    elif c <= 0.0:
        low = high
    return low, high


class Columns(NamedTuple):
    """
    Azimuths before a surface, and rows of the sky.

    Attributes
    ----------
    sine, cosine : (azimuths,)
        Of the middle of each azimuth.
    low, high : (azimuths,)
        Tangents of the lowest and highest direction before the surface.
    whole : (rows, azimuths)
        Integral of the cosine over the part of each row that lies before it.
    edge, edge_tangent : (rows + 1,)
        Heights between rows [rad], and their tangents.
    row_upright, row_level : (rows,)
        Integral over a whole row for an upright and for a level plane.
    """

    sine: Floats
    cosine: Floats
    low: Floats
    high: Floats
    whole: Floats
    edge: Floats
    edge_tangent: Floats
    row_upright: Floats
    row_level: Floats


class Sums(NamedTuple):
    """
    What the points of a surface see, added up with their weights.

    Attributes
    ----------
    part : (rows, azimuths)
        Of the row in which a horizon lies, what is above it.
    above : (rows + 1, azimuths)
        Weight of points whose horizon lies in the row below: from here on up they see all.
    change : (hours + 1,)
        Weight of points that come into the sun, less that of those that leave it, in the order of hours.
    """

    part: Floats
    above: Floats
    change: Floats


@kernel()
def _circle(n: int) -> tuple[Floats, Floats]:
    """Sine and cosine of the middle of each azimuth."""
    sine, cosine, width = np.empty(n), np.empty(n), 2.0 * math.pi / n
    for k in range(n):
        sine[k], cosine[k] = math.sin((k + 0.5) * width), math.cos((k + 0.5) * width)
    return sine, cosine


@kernel()
def _edges(n_rows: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Heights between rows of the sky, their tangents, and the integrals over whole rows; see `Columns`."""
    edge, tangent = np.empty(n_rows + 1), np.empty(n_rows + 1)
    for r in range(n_rows):
        edge[r] = r * math.pi / 15.0
        tangent[r] = math.tan(edge[r])
    edge[n_rows], tangent[n_rows] = math.pi / 2.0, 2.0 * BLOCKED
    upright, level = np.empty(n_rows), np.empty(n_rows)
    for r in range(n_rows):
        upright[r] = _band(1.0, 0.0, edge[r + 1], tangent[r + 1]) - _band(1.0, 0.0, edge[r], tangent[r])
        level[r] = _band(0.0, 1.0, edge[r + 1], tangent[r + 1]) - _band(0.0, 1.0, edge[r], tangent[r])
    return edge, tangent, upright, level


@kernel()
def _look(columns: Columns, nx: float, ny: float, nz: float) -> None:
    """Turn columns to a surface: what of each lies before it."""
    low, high, tangent = columns.low, columns.high, columns.edge_tangent
    for k in range(columns.sine.shape[0]):
        c = columns.sine[k] * nx + columns.cosine[k] * ny
        low[k], high[k] = _limits(c, nz)
        bottom = max(low[k], 0.0)
        for r in range(columns.row_level.shape[0]):
            t0, t1 = max(tangent[r], bottom), min(tangent[r + 1], high[k])
            columns.whole[r, k] = 0.0
            if t0 == tangent[r] and t1 == tangent[r + 1]:
                columns.whole[r, k] = c * columns.row_upright[r] + nz * columns.row_level[r]
            elif t1 > t0:
                columns.whole[r, k] = _band(c, nz, math.atan(t1), t1) - _band(c, nz, math.atan(t0), t0)


@kernel()
def _add_point(
    columns: Columns,
    suns: Suns,
    tangent: Floats,
    near: Floats,
    nx: float,
    ny: float,
    nz: float,
    height: float,
    weight: float,
    sums: Sums,
) -> float:
    """Add what a point sees above its horizon, and when; gives what it sees of the ground before that."""
    low, high = columns.low, columns.high
    n_rows = columns.row_level.shape[0]
    down = 0.0
    for k in range(tangent.shape[0]):
        if tangent[k] >= BLOCKED:
            continue
        c = columns.sine[k] * nx + columns.cosine[k] * ny
        t0 = max(tangent[k], low[k])
        e0 = math.atan(t0)
        if t0 < high[k]:
            r = max(min(int(e0 * 15.0 / math.pi), n_rows - 1), 0)
            t1 = min(columns.edge_tangent[r + 1], high[k])
            if t0 <= 0.0 and t1 == columns.edge_tangent[1]:
                sums.part[r, k] += weight * columns.whole[r, k]
            elif t1 > t0:
                sums.part[r, k] += weight * (_band(c, nz, math.atan(t1), t1) - _band(c, nz, e0, t0))
            sums.above[r + 1, k] += weight
        foot = min(-height * near[k], high[k])
        if foot > low[k]:
            lowest = _band(c, nz, math.atan(low[k]), low[k])
            down += weight * (_band(c, nz, math.atan(foot), foot) - lowest)
        begin, end = suns.start[k], suns.start[k + 1]
        a, b = begin, end
        while a < b:
            middle = (a + b) // 2
            if suns.tangent[middle] > tangent[k]:
                b = middle
            else:
                a = middle + 1
        sums.change[a] += weight
        sums.change[end] -= weight
    return down


@kernel()
def _share_among_patches(columns: Columns, rows: Integers, sums: Sums, total: float, sky: Bytes) -> float:
    """Give each patch the share of it that is seen, from columns that lie across one or two; gives the sum of all."""
    n, n_rows = columns.sine.shape[0], rows.shape[0]
    got, whole = np.zeros(rows.sum()), np.zeros(rows.sum())
    up = 0.0
    for k in range(n):
        known, first = 0.0, 0
        for r in range(n_rows):
            known += sums.above[r, k]
            here = sums.part[r, k] + known * columns.whole[r, k]
            up += here
            begins = (k * rows[r]) / n + 0.5
            ends = ((k + 1) * rows[r]) / n + 0.5
            one_of = math.floor(begins)
            share = min(one_of + 1.0 - begins, ends - begins) / (ends - begins)
            one, two = first + one_of % rows[r], first + (one_of + 1) % rows[r]
            got[one] += share * here
            whole[one] += share * columns.whole[r, k] * total
            got[two] += (1.0 - share) * here
            whole[two] += (1.0 - share) * columns.whole[r, k] * total
            first += rows[r]
    for q in range(sky.shape[0]):
        share = got[q] / whole[q] if whole[q] > 0.0 else 0.0
        sky[q] = np.uint8(min(share, 1.0) * 255.0 + 0.5)
    return up


@kernel()
def _count_hours(
    suns: Suns,
    change: Floats,
    nx: float,
    ny: float,
    nz: float,
    total: float,
    sun: Bytes,
    beam: Floats,
    sunshine: Floats,
) -> None:
    """Direct light of the year, hours of sunshine, and the lit share from each place of the sun."""
    lit, weight_of = np.zeros(sun.shape[0]), np.zeros(sun.shape[0])
    beam[:], sunshine[:], now = 0.0, 0.0, 0.0
    for t in range(suns.tangent.shape[0]):
        now += change[t]
        facing = nx * suns.towards[t, 0] + ny * suns.towards[t, 1] + nz * suns.towards[t, 2]
        if facing <= 0.0:
            continue
        share = now / total
        gain = facing * suns.dni[t]
        beam[0] += share * gain
        beam[1] += gain
        if suns.dni[t] >= SUNSHINE_W_M2:
            sunshine[0] += share
        lit[suns.place[t]] += share * (gain + 1e-3)
        weight_of[suns.place[t]] += gain + 1e-3
    for q in range(sun.shape[0]):
        share = lit[q] / weight_of[q] if weight_of[q] > 0.0 else 0.0
        sun[q] = np.uint8(max(min(share, 1.0), 0.0) * 255.0 + 0.5)


@kernel()
def see(
    scene: Scene,
    points: Points,
    suns: Suns,
    terrain: Floats,
    terrain_near: Floats,
    terrain_level: Floats,
    rows: Integers,
    reach: float,
    first: int,
    last: int,
    seen: Seen,
) -> None:
    """
    What some surfaces see.

    The sky is divided into rows of patches and columns of azimuths. In each column a point sees what lies above its
    horizon, in closed form over height; columns are then shared among patches. The hours whose sun stands above the
    horizon of its column are lit.

    Parameters
    ----------
    scene
        Walls around.
    points
        Points on the surfaces.
    suns
        Sun in every hour.
    terrain : (cells, azimuths)
        Tangent of the horizon of the terrain.
    terrain_near : (cells, azimuths)
        Inverse of the distance to what makes it [m⁻¹].
    terrain_level : (cells,)
        Level of the ground from which it is seen so [m].
    rows : (8,)
        Patches of each row of the sky.
    reach
        Farthest wall that counts [m].
    first, last
        Surfaces to look at.
    seen
        On return, what they see.
    """
    n, n_rows = terrain.shape[1], rows.shape[0]
    width = 2.0 * math.pi / n
    columns = Columns(*_circle(n), np.empty(n), np.empty(n), np.empty((n_rows, n)), *_edges(n_rows))
    sums = Sums(np.empty((n_rows, n)), np.empty((n_rows + 1, n)), np.empty(suns.tangent.shape[0] + 1))
    tangent, near = np.empty(n), np.empty(n)
    for s in range(first, last):
        nx, ny, nz = points.normal[s, 0], points.normal[s, 1], points.normal[s, 2]
        upright = abs(nz) <= LEVEL
        _look(columns, nx, ny, nz)
        sums.part[:], sums.above[:], sums.change[:] = 0.0, 0.0, 0.0
        total, down = 0.0, 0.0
        for p in range(points.start[s], points.start[s + 1]):
            x, y, z = points.at[p, 0], points.at[p, 1], points.at[p, 2]
            if is_enclosed(scene, x, y, z, points.own[s]):
                continue
            total += points.weight[p]
            cell = points.cell[p]
            lift = z - terrain_level[cell]
            for k in range(n):
                near[k] = terrain_near[cell, k]
                tangent[k] = max(terrain[cell, k] - lift * near[k], 0.0)
                if columns.low[k] >= columns.high[k]:
                    tangent[k] = 2.0 * BLOCKED
            horizon(scene, x, y, z, nx, ny, upright, reach, columns.sine, columns.cosine, tangent, near)
            down += _add_point(columns, suns, tangent, near, nx, ny, nz, points.above[p], points.weight[p], sums)
        seen.free[s] = total
        if total <= 0.0:
            seen.sky[s, :], seen.sun[s, :] = 0, 0
            seen.factor[s, :], seen.beam[s, :] = 0.0, 0.0
            seen.sunshine[s] = 0.0
            continue
        up = _share_among_patches(columns, rows, sums, total, seen.sky[s])
        seen.factor[s, 0] = up * width / (math.pi * total)
        seen.factor[s, 1] = down * width / (math.pi * total)
        seen.factor[s, 2] = max(1.0 - seen.factor[s, 0] - seen.factor[s, 1], 0.0)
        _count_hours(suns, sums.change, nx, ny, nz, total, seen.sun[s], seen.beam[s], seen.sunshine[s : s + 1])


@kernel()
def shine(
    scene: Scene,
    at: Floats,
    normal: Floats,
    suns: Floats,
    reach: float,
    terrain: Floats,
    terrain_near: Floats,
    terrain_level: Floats,
    cell: Integers,
    lit: npt.NDArray[np.bool_],
) -> None:
    """
    Whether the sun shines on points at given times: one comparison with the horizon each.

    Parameters
    ----------
    scene
        Walls around.
    at, normal : (points, 3)
        Points [m], and where they face; a normal of length 0 faces everywhere.
    suns : (times, 3)
        Unit vectors to the sun.
    reach
        Farthest wall that counts [m].
    terrain, terrain_near, terrain_level, cell
        As those of `see`.
    lit : (points, times)
        On return, whether the sun reaches each point.
    """
    n = terrain.shape[1]
    width = 2.0 * math.pi / n
    sine, cosine = _circle(n)
    tangent, near = np.empty(n), np.empty(n)
    for p in range(at.shape[0]):
        x, y, z = at[p, 0], at[p, 1], at[p, 2]
        lit[p, :] = False
        if is_enclosed(scene, x, y, z, -1):
            continue
        lift = z - terrain_level[cell[p]]
        for k in range(n):
            near[k] = terrain_near[cell[p], k]
            tangent[k] = max(terrain[cell[p], k] - lift * near[k], 0.0)
        horizon(scene, x, y, z, 0.0, 0.0, False, reach, sine, cosine, tangent, near)
        nx, ny, nz = normal[p, 0], normal[p, 1], normal[p, 2]
        anywhere = nx == 0.0 and ny == 0.0 and nz == 0.0
        for t in range(suns.shape[0]):
            if suns[t, 2] <= 0.0:
                continue
            if not anywhere and nx * suns[t, 0] + ny * suns[t, 1] + nz * suns[t, 2] <= 0.0:
                continue
            azimuth = math.atan2(suns[t, 0], suns[t, 1])
            k = math.floor(azimuth / width) % n
            flat = math.sqrt(suns[t, 0] ** 2 + suns[t, 1] ** 2)
            lit[p, t] = suns[t, 2] > tangent[k] * flat
