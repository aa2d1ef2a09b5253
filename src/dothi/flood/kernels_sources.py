"""What falls, seeps away, stands at a given level, and what is kept of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import prange

from dothi.compiled import kernel
from dothi.flood.kernels import G

Reals = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@kernel(parallel=True)
def sources(
    h: Reals, u: Reals, v: Reals, rain: Floats, inflow: Floats, conductivity: Floats, suction: Floats, pervious: Floats,
    drained: Floats, dt: float, soaked: Floats, totals: Floats,
) -> None:  # fmt: skip
    r"""
    Rain and inflows of a step, and what seeps into the ground, by Green and Ampt.

    Under the pervious share of a cell, the depth soaked in follows the end of the step:

    .. math:: F' = F + K (1 + S / F') \Delta t

    Rain and inflows bring no momentum; what seeps away takes its own along.

    Parameters
    ----------
    h, u, v : (rows, columns)
        Depth [m] and velocities [m s⁻¹], with two rows and columns of margin; on return, after the step.
    rain, inflow : (inner rows, inner columns)
        Rain that the cell receives, of roofs as well [m s⁻¹]; other inflow [m s⁻¹].
    conductivity, suction : (inner rows, inner columns)
        K [m s⁻¹]; S, suction at the front times the deficit of water [m].
    pervious : (inner rows, inner columns)
        Share of the ground that lets water through.
    drained : (inner rows, inner columns)
        What drains take from the ground at most [m s⁻¹].
    dt
        Step [s].
    soaked : (inner rows, inner columns)
        F, depth that has seeped into the pervious share [m]; on return, after the step.
    totals : (inner rows, 4)
        On return, sums of depths along each row: rain, inflow, seeped, drained [m].
    """
    n_rows, n_columns = rain.shape
    for i in prange(n_rows):
        fallen = came = seeped = gone = 0.0
        for j in range(n_columns):
            before = float(h[i + 2, j + 2])
            fall, come = rain[i, j] * dt, inflow[i, j] * dt
            there = before + fall + come
            seep = 0.0
            if pervious[i, j] > 0.0 and there > 0.0 and conductivity[i, j] > 0.0:
                K, F = conductivity[i, j] * dt, soaked[i, j]
                after = 0.5 * ((F + K) + np.sqrt((F + K) ** 2 + 4.0 * K * suction[i, j]))
                seep = min(pervious[i, j] * (after - F), there)
                soaked[i, j] = F + seep / pervious[i, j]
            drain = min(drained[i, j] * dt, there - seep)
            left = max(there - seep - drain, 0.0)
            if fall + come > 0.0:
                kept = h.dtype.type(before / max(before + fall + come, 1e-12))
                u[i + 2, j + 2] *= kept
                v[i + 2, j + 2] *= kept
            h[i + 2, j + 2] = left
            fallen += fall
            came += come
            seeped += seep
            gone += drain
        totals[i, 0], totals[i, 1], totals[i, 2], totals[i, 3] = fallen, came, seeped, gone


@kernel()
def hold(h: Reals, u: Reals, v: Reals, at: Integers, beside: Integers, depth: Floats, added: Floats) -> None:
    """
    Bring cells to given depths, with the velocity of a cell beside them, and count what that adds and takes.

    Parameters
    ----------
    h, u, v : (cells)
        Depth [m] and velocities [m s⁻¹], all rows one behind the other; on return, as given in the cells named.
    at, beside : (n,)
        Cells, and the free cells beside them; themselves where there is none.
    depth : (n,)
        Their depth [m].
    added : (2,)
        Depths added and taken so far, summed over cells [m]; on return, with these.
    """
    zero = h.dtype.type(0.0)
    for k in range(at.size):
        i, j = at[k], beside[k]
        new = h.dtype.type(depth[k])
        change = float(new) - float(h[i])
        if change > 0.0:
            added[0] += change
        else:
            added[1] -= change
        h[i] = new
        moving = new > zero and i != j
        u[i] = u[j] if moving else zero
        v[i] = v[j] if moving else zero


@kernel(parallel=True)
def record(
    h: Reals, u: Reals, v: Reals, now: float, dt: float, arrives: float, marks: Floats,
    depth: Reals, speed: Reals, hazard: Reals, arrival: Reals, above: Reals,
) -> None:  # fmt: skip
    """
    Keep what is greatest, when water came, and how long it stood above marks.

    Parameters
    ----------
    h, u, v : (rows, columns)
        Depth [m] and velocities [m s⁻¹], with two rows and columns of margin.
    now, dt
        Time, and time since the last record [s].
    arrives
        Depth at which water counts as having come [m].
    marks : (n_marks,)
        Depths [m].
    depth, speed, hazard : (inner rows, inner columns)
        Greatest so far: depth [m], speed [m s⁻¹], depth times speed [m² s⁻¹].
    arrival : (inner rows, inner columns)
        Time at which water came; negative where it did not [s].
    above : (n_marks, inner rows, inner columns)
        Time above each mark [s].
    """
    n_rows, n_columns = depth.shape
    for i in prange(n_rows):
        for j in range(n_columns):
            d = h[i + 2, j + 2]
            if d <= marks[0] and d <= arrives and d <= depth[i, j]:
                continue
            fast = np.sqrt(u[i + 2, j + 2] ** 2 + v[i + 2, j + 2] ** 2)
            depth[i, j] = max(depth[i, j], d)
            if d > 0.01:
                speed[i, j] = max(speed[i, j], fast)
                hazard[i, j] = max(hazard[i, j], d * fast)
            if d >= arrives and arrival[i, j] < 0.0:
                arrival[i, j] = now
            for k in range(marks.size):
                if d >= marks[k]:
                    above[k, i, j] += dt


@kernel(parallel=True)
def fastest(h: Reals, u: Reals, v: Reals, speed: Reals) -> None:
    """Fastest wave of each row [m s⁻¹]."""
    g = h.dtype.type(G)
    for i in prange(h.shape[0]):
        most = h.dtype.type(0.0)
        for j in range(h.shape[1]):
            if h[i, j] > 0.0:
                most = max(most, np.sqrt(u[i, j] ** 2 + v[i, j] ** 2) + np.sqrt(g * h[i, j]))
        speed[i] = most
