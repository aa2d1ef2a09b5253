"""What comes through along a path: ground and diffraction in the vertical plane, by octave band, as energy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import numpy as np

from dothi.compiled import kernel

if TYPE_CHECKING:
    from dothi.shapes import Floats, Integers

N_BANDS = 8
ZERO = cast("int", np.int64(0))  # a bare 0 has a type of its own, for which kernels would be compiled once more
SPEED_M_S = 340.0  # speed of sound of the method
F = np.array([63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0])
K = 2.0 * np.pi * F / SPEED_M_S
LAMBDA = SPEED_M_S / F
F25, F15, F075 = F**2.5, F**1.5, F**0.75
LN_10 = math.log(10.0)
A0 = 2e-4  # inverse of the radius of curvature, 2.5.19 [m⁻¹]
THICK_M = 0.3  # edges nearer to one another count as one, 2.5.23
CAP = 10.0**2.5  # most that a horizontal edge screens, 25 dB
THREE_DB = 10.0**0.3
NO_EDGE = -1e9  # level of what is no edge
RAYS_M = 1000.0  # least radius of curved rays, 2.5.24
PLANE = 16  # values of a mean plane


@kernel()
def power_of_ten(x: float) -> float:
    """Ten to the power of a number; twice as fast as the general power."""
    return math.exp(LN_10 * x)


@kernel()
def mean_line(x: Floats, z: Floats, first: int, last: int) -> tuple[float, float]:
    r"""
    Line of least squares through a ground profile, :math:`z = a x + b` (2.5.3, appendix of NMPB 2008).

    The squares are those of the distance between the line and every point of the polyline, not of its vertices alone.

    Parameters
    ----------
    x, z : (n,)
        Way from the source and level of the vertices [m].
    first, last
        Part of the profile, both included.
    """
    length = x[last] - x[first]
    if length <= 1e-9:
        return 0.0, min(z[first], z[last])
    mid = 0.5 * (x[first] + x[last])
    area, moment = 0.0, 0.0
    for i in range(first, last):
        dx = x[i + 1] - x[i]
        u, v = x[i] - mid, x[i + 1] - mid
        area += 0.5 * (z[i] + z[i + 1]) * dx
        moment += dx * (u * (2.0 * z[i] + z[i + 1]) + v * (z[i] + 2.0 * z[i + 1])) / 6.0
    a = 12.0 * moment / length**3
    return a, area / length - a * mid


@kernel()
def mean_ground(x: Floats, soft: Floats, first: int, last: int) -> float:
    """Mean ground factor of a part of a profile; ``soft[i]`` holds from vertex `i` to the next (2.5.4)."""
    length, total = 0.0, 0.0
    for i in range(first, last):
        length += x[i + 1] - x[i]
        total += (x[i + 1] - x[i]) * soft[i]
    return total / length if length > 1e-9 else 0.0


@kernel()
def ground(band: int, p: Floats, curved: bool) -> float:
    r"""
    Energy over the ground relative to free space, 2.5.15 to 2.5.20.

    .. math::
        10^{-A/10} = \frac{4 k^2}{d_p^2}
            \Big(z_s^2 - \sqrt{\tfrac{2 C_f}{k}} z_s + \tfrac{C_f}{k}\Big)
            \Big(z_r^2 - \sqrt{\tfrac{2 C_f}{k}} z_r + \tfrac{C_f}{k}\Big)

    Parameters
    ----------
    band
        Number of the octave band.
    p : (16,)
        Mean plane, from `section`.
    curved
        Whether rays are bent downwards.
    """
    most: float = p[7] if curved else p[14]
    if p[5] <= 0.0:
        return most
    dp, k = p[0], K[band]
    zs, zr, g = (p[3], p[4], p[12]) if curved else (p[1], p[2], p[13])
    w = 0.0185 * F25[band] * g * g / (F15[band] * g * g + 1.3e3 * F075[band] * g + 1.16e6)
    wd = w * dp
    c = dp * (1.0 + 3.0 * wd * math.exp(-math.sqrt(wd))) / (1.0 + wd) / k
    root = math.sqrt(2.0 * c)
    both = (zs * zs - root * zs + c) * (zr * zr - root * zr + c)
    over: float = 4.0 * k * k / (dp * dp) * both
    return min(over, most)


@kernel()
def screen(delta: float, wave: float, factor: float) -> float:
    """How much weaker diffraction makes sound, as energy, 2.5.21: 1 where the edge lies well below the sight."""
    number = 40.0 / wave * factor * delta
    return 3.0 + number if number >= -2.0 else 1.0


@kernel()
def arc(chord: float, radius: float) -> float:
    """Length of a curved ray over a chord [m], 2.5.25."""
    return 2.0 * radius * math.asin(min(0.5 * chord / radius, 1.0))


@kernel()
def bent(zs: float, zr: float, dp: float) -> tuple[float, float]:
    """Heights above the mean plane for rays bent downwards [m], 2.5.19."""
    both = max(zs + zr, 1e-6)
    turbulent = 6e-3 * dp / both
    half = 0.5 * A0 * dp * dp / (both * both)
    return zs + half * zs * zs + turbulent, zr + half * zr * zr + turbulent


@kernel()
def section(
    x: Floats,
    z: Floats,
    soft: Floats,
    first: int,
    last: int,
    xs: float,
    hs: float,
    xr: float,
    hr: float,
    g_source: float,
    out: Floats,
) -> None:
    """
    Mean plane of a part of a profile and what the ground formula needs of it.

    Near the source its own ground counts, 2.5.14; the receiver's side of an edge has none.

    Parameters
    ----------
    x, z, soft : (n,)
        Profile.
    first, last
        Part of it.
    xs, hs, xr, hr
        Where the two ends of the sound path are [m].
    g_source
        Ground factor at the source; negative where the part does not begin at the source.
    out : (16,)
        On return: 0 dp, 1 zs, 2 zr, 3 and 4 the same bent, 5 G of the path, 6 G', 7 most that the ground lets through
        in favourable conditions, as energy, 8 and 9 image of the first end, 10 and 11 of the second [m], 12 and 13 G
        and G' to the power of 1.3, 14 most in homogeneous conditions.
    """
    a, b = mean_line(x, z, first, last)
    norm = math.sqrt(1.0 + a * a)
    above_s, above_r = (hs - a * xs - b) / norm, (hr - a * xr - b) / norm
    zs, zr = max(above_s, 0.0), max(above_r, 0.0)
    dp = max(abs(xr - xs + a * (hr - hs)) / norm, 1e-3)
    g_path = mean_ground(x, soft, first, last)
    reach = dp / (30.0 * max(zs + zr, 1e-6))
    out[0], out[1], out[2] = dp, zs, zr
    out[3], out[4] = bent(zs, zr, dp)
    out[5] = out[6] = g_path
    if g_source >= 0.0 and reach <= 1.0:
        out[6] = g_path * reach + g_source * (1.0 - reach)
    out[12], out[13] = g_path**1.3, out[6] ** 1.3
    bels = 0.3 if reach <= 1.0 else 0.3 * (1.0 + 2.0 * (1.0 - 1.0 / reach))
    out[7] = power_of_ten(bels * (1.0 - out[6]))
    out[14] = THREE_DB if g_path <= 0.0 else power_of_ten(0.3 * (1.0 - out[6]))
    out[8], out[9] = xs + 2.0 * above_s * a / norm, hs - 2.0 * above_s / norm
    out[10], out[11] = xr + 2.0 * above_r * a / norm, hr - 2.0 * above_r / norm
    if above_s < 0.0:
        out[8], out[9] = xs, hs
    if above_r < 0.0:
        out[10], out[11] = xr, hr


@kernel()
def hull(x: Floats, crest: Floats, n: int, hs: float, hr: float, radius: float, out: Integers, held: Floats) -> int:
    """
    Rubber band over a profile: the edges that a path from the first to the last point bends over.

    Parameters
    ----------
    x : (n,)
        Way from the source [m].
    crest : (n,)
        Level of each vertex as an edge [m]; `NO_EDGE` where it is none.
    n
        Number of vertices.
    hs, hr
        Level of the source above the first and of the receiver above the last vertex [m].
    radius
        Radius of curved rays; 0 for straight ones. The profile is lowered by what an arc rises over its chord.
    out : (n,)
        On return, numbers of the edges from source to receiver.
    held : (n,)
        Room to work in.

    Returns
    -------
    int
        How many edges there are.
    """
    x0, d = x[0], x[n - 1] - x[0]
    sag = math.sqrt(max(radius * radius - 0.25 * d * d, 0.0)) if radius > 0.0 else 0.0
    count = 0
    for i in range(1, n):
        last = i == n - 1
        if not last and crest[i] <= NO_EDGE:
            continue
        xi, zi = x[i], hr
        if not last:
            zi = crest[i] - _lowered(xi - x0, d, radius, sag)
            if count == 0 and (zi - hs) * d <= (hr - hs) * (xi - x0):
                continue  # under the line of sight from the beginning: no edge of the band
        while count > 0:
            xj, zj, xh, zh = x[out[count - 1]], held[count - 1], x0, hs
            if count > 1:
                xh, zh = x[out[count - 2]], held[count - 2]
            if (zj - zh) * (xi - xh) > (zi - zh) * (xj - xh):
                break
            count -= 1
        if last:
            return count
        out[count], held[count] = i, zi
        count += 1
    return count


@kernel()
def _lowered(along: float, d: float, radius: float, sag: float) -> float:
    if radius <= 0.0:
        return 0.0
    off = along - 0.5 * d
    return math.sqrt(max(radius * radius - off * off, 0.0)) - sag


@kernel()
def _detour(
    xs: float,
    hs: float,
    x1: float,
    z1: float,
    between: float,
    xn: float,
    zn: float,
    xr: float,
    hr: float,
    curved: bool,
) -> float:
    """
    Way over the edges less the direct way [m], 2.5.22 to 2.5.26; negative where the edges lie below it.

    The image of an end by a steep mean plane may lie on the other side of the edges: the way over them is longer then.
    """
    d = math.hypot(xr - xs, hr - hs)
    s1, nr = math.hypot(x1 - xs, z1 - hs), math.hypot(xr - xn, hr - zn)
    above = x1 <= xs or x1 >= xr or (x1 - xs) * (hr - hs) <= (z1 - hs) * (xr - xs)
    if not curved:
        over = s1 + between + nr - d
        return over if above else -over
    radius = max(RAYS_M, 8.0 * d)
    over = arc(s1, radius) + arc(between, radius) + arc(nr, radius)
    if above:
        return over - arc(d, radius)
    t = (x1 - xs) / (xr - xs)
    return 2.0 * arc(t * d, radius) + 2.0 * arc((1.0 - t) * d, radius) - over - arc(d, radius)


@kernel()
def near_edge(x: Floats, crest: Floats, n: int, hs: float, hr: float) -> int:
    """Edge below the line of sight that comes nearest to it, in path difference; −1 where there is none."""
    best, at = np.inf, -1
    d = x[n - 1] - x[0]
    for i in range(1, n - 1):
        before, after = x[i] - x[0], x[n - 1] - x[i]
        if crest[i] <= NO_EDGE or before <= 1e-6 or after <= 1e-6:
            continue
        below = max(hs + (hr - hs) * before / d - crest[i], 0.0)
        gap = below * below * (1.0 / before + 1.0 / after)
        if gap < best:
            best, at = gap, i
    return at


@kernel()
def boundary(
    x: Floats,
    z: Floats,
    soft: Floats,
    crest: Floats,
    n: int,
    hs: float,
    hr: float,
    g_source: float,
    edges: Integers,
    work: Floats,
    held: Floats,
    out: Floats,
) -> tuple[int, int]:
    """
    Energy along a vertical plane relative to free space: ground and diffraction, 2.5.4 and 2.5.6 of CNOSSOS-EU.

    Parameters
    ----------
    x, z, soft : (n,)
        Profile of the ground and the roofs: way from the source and level [m], ground factor up to the next vertex.
    crest : (n,)
        Level of each vertex as an edge [m]; `NO_EDGE` where it is none.
    n
        Number of vertices.
    hs, hr
        Levels of source and receiver [m].
    g_source
        Ground factor at the source, 0 for roads.
    edges : (2, n)
        On return, edges in the way of straight and of curved rays.
    work : (3, 16)
        Room for mean planes: of the whole path, of the source side, of the receiver side.
    held : (n,)
        Room to work in.
    out : (2, 8)
        On return, what comes through by octave band in homogeneous and in favourable conditions, as energy.

    Returns
    -------
    tuple
        Number of edges in the way of straight rays, and of curved ones.
    """
    d = math.hypot(x[n - 1] - x[0], hr - hs)
    section(x, z, soft, ZERO, n - 1, x[0], hs, x[n - 1], hr, g_source, work[0])
    straight = hull(x, crest, n, hs, hr, 0.0, edges[0], held)
    curved = hull(x, crest, n, hs, hr, max(RAYS_M, 8.0 * d), edges[1], held)
    nearest, one, last = ZERO - 1, ZERO - 1, ZERO - 1
    if straight == 0 or curved == 0:
        nearest = near_edge(x, crest, n, hs, hr)
    for favourable in range(2):
        count = curved if favourable else straight
        first_edge = edges[favourable, 0] if count > 0 else nearest
        last_edge = edges[favourable, count - 1] if count > 0 else nearest
        if first_edge < 0:
            _unscreened(work[0], favourable == 1, out[favourable])
            continue
        between = 0.0
        for i in range(1, count):
            a, b = edges[favourable, i - 1], edges[favourable, i]
            between += math.hypot(x[b] - x[a], crest[b] - crest[a])
        delta = _detour(
            x[0],
            hs,
            x[first_edge],
            crest[first_edge],
            between,
            x[last_edge],
            crest[last_edge],
            x[n - 1],
            hr,
            favourable == 1,
        )
        if count == 0 and delta <= -LAMBDA[0] / 20.0:
            _unscreened(work[0], favourable == 1, out[favourable])
            continue
        if first_edge != one or last_edge != last:
            one, last = first_edge, last_edge
            foot, heel = one, last
            while foot > 0 and x[foot - 1] >= x[one] - 1e-9:
                foot -= 1
            while heel < n - 1 and x[heel + 1] <= x[last] + 1e-9:
                heel += 1
            section(x, z, soft, ZERO, foot, x[0], hs, x[one], crest[one], g_source, work[1])
            section(x, z, soft, heel, n - 1, x[last], crest[last], x[n - 1], hr, -1.0, work[2])
        _screened(x, crest, n, hs, hr, favourable == 1, one, last, between, delta, work, out[favourable])
    return straight, curved


@kernel()
def _unscreened(plane: Floats, curved: bool, out: Floats) -> None:
    for band in range(N_BANDS):
        out[band] = ground(band, plane, curved)


@kernel()
def _screened(
    x: Floats,
    crest: Floats,
    n: int,
    hs: float,
    hr: float,
    favourable: bool,
    one: int,
    last: int,
    between: float,
    delta: float,
    work: Floats,
    out: Floats,
) -> None:
    """Diffraction with the ground on both sides, 2.5.30 to 2.5.34; the Rayleigh criterion where the sight is free."""
    p, s, r = work[0], work[1], work[2]
    x1, z1, xn, zn = x[one], crest[one], x[last], crest[last]
    delta_s = _detour(s[8], s[9], x1, z1, between, xn, zn, x[n - 1], hr, favourable)
    delta_r = _detour(x[0], hs, x1, z1, between, xn, zn, r[10], r[11], favourable)
    mirrored = _detour(s[8], s[9], x1, z1, between, xn, zn, r[10], r[11], favourable)
    for band in range(N_BANDS):
        wave = LAMBDA[band]
        if delta < 0.0 and (delta <= -wave / 20.0 or delta <= 0.25 * wave - mirrored):
            out[band] = ground(band, p, favourable)
            continue
        factor = thickness(between, wave)
        full = screen(delta, wave, factor)
        by_s = _weighted(ground(band, s, favourable), full / screen(delta_s, wave, factor))
        by_r = _weighted(ground(band, r, favourable), full / screen(delta_r, wave, factor))
        out[band] = by_s * by_r / min(max(full, 1.0), CAP)


@kernel()
def thickness(between: float, wave: float) -> float:
    """How much more edges apart from one another screen, 2.5.23."""
    if between <= THICK_M:
        return 1.0
    q = 5.0 * wave / between
    return (1.0 + q * q) / (1.0 / 3.0 + q * q)


@kernel()
def _weighted(a: float, further: float) -> float:
    """Energy over the ground on one side of an edge, 2.5.31 and 2.5.32, by how much weaker its image is."""
    left = 1.0 + (math.sqrt(a) - 1.0) * math.sqrt(further)
    return left * left if left > 0.0 else a


@kernel()
def thrown_back(xs: float, hs: float, x: float, top: float, xr: float, hr: float, whole: float, out: Floats) -> None:
    """
    Take off what a wall of limited height fails to reflect, 2.5.36 and 2.5.37.

    Parameters
    ----------
    xs, hs, xr, hr
        Ends of the path, or the edges next to the wall, in the unfolded plane [m].
    x, top
        Where the wall stands on the way, and the level of its top [m].
    whole
        Length of the whole path where rays are bent downwards, which sets their radius; 0 where they are straight [m].
    out : (8,)
        What comes through by octave band, as energy.
    """
    direct, up, down = math.hypot(xr - xs, hr - hs), math.hypot(x - xs, top - hs), math.hypot(xr - x, hr - top)
    delta = direct - up - down
    if whole > 0.0:
        radius = max(RAYS_M, 8.0 * whole)
        delta = arc(direct, radius) - arc(up, radius) - arc(down, radius)
    for band in range(N_BANDS):
        out[band] /= screen(delta, LAMBDA[band], 1.0)


@kernel()
def by_wall(
    x: Floats,
    z: Floats,
    crest: Floats,
    n: int,
    half: int,
    top: float,
    hs: float,
    hr: float,
    edges: Integers,
    counts: tuple[int, int],
    out: Floats,
) -> None:
    """
    Take off what a wall on the way of a reflected path fails to reflect.

    The ends of the path are those of 2.5.36, or the edges next to the wall where the path bends over some. There is no
    path where the ray passes over the wall, which one that is bent downwards may do, or under its foot.

    Parameters
    ----------
    x, z, crest : (n,)
        Profile, as for `boundary`.
    n
        Number of vertices.
    half
        Vertex at the foot of the wall.
    top
        Level of the top of the wall [m].
    hs, hr
        Levels of source and receiver [m].
    edges, counts
        As `boundary` gives them.
    out : (2, 8)
        What comes through in homogeneous and in favourable conditions, as energy.
    """
    whole = math.hypot(x[n - 1] - x[0], hr - hs)
    for favourable in range(2):
        xa, za, xb, zb = x[0], hs, x[n - 1], hr
        for k in range(counts[favourable]):
            i = edges[favourable, k]
            if i > half:
                xb, zb = x[i], crest[i]
                break
            xa, za = x[i], crest[i]
        level = za + (zb - za) * (x[half] - xa) / max(xb - xa, 1e-6)
        if favourable:  # the ray rises over its chord
            level += (x[half] - xa) * (xb - x[half]) / (2.0 * max(RAYS_M, 8.0 * whole))
        if level > top or level < z[half]:
            out[favourable, :] = 0.0
        else:
            thrown_back(xa, za, x[half], top, xb, zb, favourable * whole, out[favourable])


@kernel()
def around(delta: float, between: float, out: Floats) -> None:
    """
    Take off diffraction round upright edges, 2.5.6; it has no upper limit.

    Parameters
    ----------
    delta
        Way round the edges less the direct way [m].
    between
        Way from the first to the last edge [m].
    out : (8,)
        What comes through by octave band, as energy.
    """
    for band in range(N_BANDS):
        out[band] /= screen(delta, LAMBDA[band], thickness(between, LAMBDA[band]))
