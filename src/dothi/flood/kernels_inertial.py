"""Local inertia: the shallow-water equations without advection, for slow water in streets and on plains."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import prange

from dothi.compiled import kernel
from dothi.flood.kernels import TILE, G, cube_root, run_of

Reals = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


@kernel()
def _row(
    h_l: Reals, h_r: Reals, z_l: Reals, z_r: Reals, q_m: Reals, q: Reals, q_p: Reals, crest: Reals, gn2: Reals,
    k_g: Any, dt: Any, theta: Any, g: Any, film: Any, out: Reals,
) -> None:  # fmt: skip
    """Discharges through the edges of a row at the end of the step; at most critical flow."""
    one = type(g)(1.0)
    zero = g - g
    aside = (one - theta) * type(g)(0.5)
    for k in range(h_l.size):
        level_l, level_r = z_l[k] + h_l[k], z_r[k] + h_r[k]
        deep = max(level_l, level_r) - max(z_l[k], z_r[k], crest[k])
        d = max(deep, film)
        mean = theta * q[k] + aside * (q_m[k] + q_p[k])
        found = (mean - k_g * d * (level_r - level_l)) / (one + dt * gn2[k] * abs(q[k]) / (d * d * cube_root(d)))
        most = d * np.sqrt(g * d)
        found = max(-most, min(most, found))
        out[k] = found if deep > film else zero


@kernel(parallel=True)
def discharges(
    h: Reals, qx: Reals, qy: Reals, z: Reals, gn2: Reals, crest_x: Reals, crest_y: Reals, active: Mask,
    dx: float, dt: float, theta: float, film: float, qx_2: Reals, qy_2: Reals,
) -> None:  # fmt: skip
    r"""
    Discharge through every edge of active tiles after a step, by local inertia.

    .. math:: q' = \frac{\bar q - g d \Delta t\, \partial_x \eta}{1 + g n^2 \Delta t |q| d^{-7/3}}, \qquad
        \bar q = \theta q + (1 - \theta) (q_- + q_+) / 2

    after [1]_ with the averaging of [2]_, where :math:`d` is the depth of water that can pass over both beds and the
    crest of a wall between them; never faster than critical flow.

    Parameters
    ----------
    h : (rows, columns)
        Depth [m], with two rows and columns of margin on every side.
    qx, qy : (rows, columns + 1), (rows + 1, columns)
        Discharge from the cell before [m² s⁻¹].
    z, gn2, crest_x, crest_y, active, dx, dt
        As in `kernels.volumes`.
    theta
        Share of the edge itself in the mean, from 0 to 1.
    film
        Depth up to which nothing flows [m].
    qx_2, qy_2 : (rows, columns + 1), (rows + 1, columns)
        On return, discharge at the end of the step [m² s⁻¹].

    References
    ----------
    .. [1] P. D. Bates et al., J. Hydrol. 387 (2010), doi:10.1016/j.jhydrol.2010.03.027
    .. [2] G. A. M. de Almeida et al., Water Resour. Res. 48 (2012), doi:10.1029/2011WR011570
    """
    real = h.dtype.type
    g, k_g, dt_, theta_, film_ = real(G), real(G * dt / dx), real(dt), real(theta), real(film)
    zero = real(0.0)
    n_rows, n_columns = active.shape
    for b in prange(n_rows):
        first = 2 + b * TILE
        t = 0
        while t < n_columns:
            t_0, t = run_of(active[b], t)
            a, e = 2 + t_0 * TILE, 2 + t * TILE
            for i in range(first, first + TILE if e > a else first):
                _row(
                    h[i, a - 1 : e - 1], h[i, a:e], z[i, a - 1 : e - 1], z[i, a:e], qx[i, a - 1 : e - 1],
                    qx[i, a:e], qx[i, a + 1 : e + 1], crest_x[i, a:e], gn2[i, a:e],
                    k_g, dt_, theta_, g, film_, qx_2[i, a:e],
                )  # fmt: skip
                qx_2[i, a] = zero
                qx_2[i, e] = zero
                _row(
                    h[i - 1, a:e], h[i, a:e], z[i - 1, a:e], z[i, a:e], qy[i - 1, a:e], qy[i, a:e],
                    qy[i + 1, a:e], crest_y[i, a:e], gn2[i, a:e], k_g, dt_, theta_, g, film_, qy_2[i, a:e],
                )  # fmt: skip
            for tile in range(t_0, t):
                j = 2 + tile * TILE
                if b == 0 or not active[b - 1, tile]:
                    qy_2[first, j : j + TILE] = zero
                if b + 1 == n_rows or not active[b + 1, tile]:
                    qy_2[first + TILE, j : j + TILE] = zero


@kernel()
def _shares(h: Reals, west: Reals, east: Reals, south: Reals, north: Reals, c: Any, share: Reals) -> None:
    """Share of what leaves the cells of a row that is there to leave."""
    zero = c - c
    one, tiny = type(c)(1.0), type(c)(1e-30)
    for k in range(h.size):
        out = max(east[k], zero) - min(west[k], zero) + max(north[k], zero) - min(south[k], zero)
        share[k] = min(one, h[k] / max(c * out, tiny))


@kernel(parallel=True)
def shares(h: Reals, qx: Reals, qy: Reals, active: Mask, dx: float, dt: float, share: Reals) -> None:
    """Share of what would leave each cell in a step that is there to leave, 1 at most."""
    c = h.dtype.type(dt / dx)
    n_rows, n_columns = active.shape
    for b in prange(n_rows):
        t = 0
        while t < n_columns:
            t_0, t = run_of(active[b], t)
            a, e = 2 + t_0 * TILE, 2 + t * TILE
            for i in range(2 + b * TILE, 2 + (b + 1) * TILE if e > a else 0):
                _shares(h[i, a:e], qx[i, a:e], qx[i, a + 1 : e + 1], qy[i, a:e], qy[i + 1, a:e], c, share[i, a:e])


@kernel()
def _depths(
    h: Reals, west: Reals, east: Reals, south: Reals, north: Reals, s: Reals, s_west: Reals, s_east: Reals,
    s_south: Reals, s_north: Reals, c: Any, out_x: Reals, out_y: Reals,
) -> None:  # fmt: skip
    """Depth of a row after a step, and its discharges from the west and the south as they were."""
    zero = c - c
    for k in range(h.size):
        x = west[k] * (s_west[k] if west[k] > zero else s[k])
        y = south[k] * (s_south[k] if south[k] > zero else s[k])
        away_x = east[k] * (s[k] if east[k] > zero else s_east[k])
        away_y = north[k] * (s[k] if north[k] > zero else s_north[k])
        h[k] = max(h[k] + c * (x - away_x + y - away_y), zero)
        out_x[k] = x
        out_y[k] = y


@kernel(parallel=True)
def depths(
    h: Reals, qx_2: Reals, qy_2: Reals, share: Reals, active: Mask, dx: float, dt: float, qx: Reals, qy: Reals,
) -> None:  # fmt: skip
    """
    Depth after a step, with discharges that no cell is drained by beyond what it holds.

    Parameters
    ----------
    h : (rows, columns)
        Depth [m]; on return, after the step.
    qx_2, qy_2 : (rows, columns + 1), (rows + 1, columns)
        Discharges found [m² s⁻¹].
    share : (rows, columns)
        Share of them that a cell can give, 1 in the margin.
    active, dx, dt
        As in `discharges`.
    qx, qy : (rows, columns + 1), (rows + 1, columns)
        On return, discharges as they were [m² s⁻¹].
    """
    real = h.dtype.type
    c, zero = real(dt / dx), real(0.0)
    n_rows, n_columns = active.shape
    for b in prange(n_rows):
        first = 2 + b * TILE
        t = 0
        while t < n_columns:
            t_0, t = run_of(active[b], t)
            a, e = 2 + t_0 * TILE, 2 + t * TILE
            for i in range(first, first + TILE if e > a else first):
                _depths(
                    h[i, a:e], qx_2[i, a:e], qx_2[i, a + 1 : e + 1], qy_2[i, a:e], qy_2[i + 1, a:e], share[i, a:e],
                    share[i, a - 1 : e - 1], share[i, a + 1 : e + 1], share[i - 1, a:e], share[i + 1, a:e], c,
                    qx[i, a:e], qy[i, a:e],
                )  # fmt: skip
                qx[i, e] = zero
            for tile in range(t_0, t):
                if b + 1 == n_rows or not active[b + 1, tile]:
                    qy[first + TILE, 2 + tile * TILE : 2 + (tile + 1) * TILE] = zero


@kernel(parallel=True)
def velocities(h: Reals, qx: Reals, qy: Reals, active: Mask, film: float, u: Reals, v: Reals) -> None:
    """Mean velocities of cells from the discharges through their edges; none in a film [m s⁻¹]."""
    real = h.dtype.type
    half, zero, film_ = real(0.5), real(0.0), real(film)
    n_rows, n_columns = active.shape
    for b in prange(n_rows):
        for t in range(n_columns):
            if not active[b, t]:
                continue
            a = 2 + t * TILE
            for i in range(2 + b * TILE, 2 + (b + 1) * TILE):
                for j in range(a, a + TILE):
                    inverse = half / max(h[i, j], film_)
                    moving = h[i, j] > film_
                    u[i, j] = (qx[i, j] + qx[i, j + 1]) * inverse if moving else zero
                    v[i, j] = (qy[i, j] + qy[i + 1, j]) * inverse if moving else zero
