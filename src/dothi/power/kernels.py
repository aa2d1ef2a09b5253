"""Kernels of power flow: sweeps over trees, several time steps at once."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from dothi.compiled import kernel

LANES = 8
"""Time steps that are solved side by side."""


class Tree(NamedTuple):
    """
    A grid as trees, in values per unit; a node comes after the one above it.

    Attributes
    ----------
    parent : (n,)
        Node above; −1 where the voltage is held.
    zr, zi : (n,)
        Impedance of the branch above, on the side of the lower node.
    ratio : (n,)
        Turns ratio of that branch, upper over lower; 1 of a line.
    yr, yi : (n,)
        Admittance to ground.
    held : (n,)
        Voltage where it is held.
    rating : (n,)
        Greatest current of the branch above.
    watched : (n_watched,)
        Nodes above which the flow is kept step by step.
    """

    parent: Any
    zr: Any
    zi: Any
    ratio: Any
    yr: Any
    yi: Any
    held: Any
    rating: Any
    watched: Any


class Loops(NamedTuple):
    """
    Branches that close loops, in values per unit.

    Attributes
    ----------
    one, other : (n,)
        Their nodes.
    ratio : (n,)
        Turns ratio, first node over second.
    zr, zi : (n,)
        Impedance, on the side of the second node.
    wr, wi : (n, n)
        Inverse of the matrix of the impedances around the loops.
    """

    one: Any
    other: Any
    ratio: Any
    zr: Any
    zi: Any
    wr: Any
    wi: Any


class Loads(NamedTuple):
    """
    Loads in blocks of time steps.

    Attributes
    ----------
    p, q : (n_blocks, n_loads, 8)
        Power, per unit, float32.
    at : (n_loads,)
        Nodes.
    hours : (n_blocks, 8)
        Duration of a step [h]; 0 where the last block is filled up.
    """

    p: Any
    q: Any
    at: Any
    hours: Any


class Sums(NamedTuple):
    """
    What is kept of all steps, by part of the time.

    Attributes
    ----------
    low, high : (n_parts, n)
        Squares of the extremes of voltage.
    outside : (n_parts, n_bands, n)
        Hours with a voltage out of each band.
    most : (n_parts, n)
        Square of the greatest current of the branch above.
    over : (n_parts, n)
        Hours in which it is above its rating.
    lost, shunt : (n_parts, n)
        Energy lost in the branch and in the admittance to ground, per unit [h].
    loops : (n_parts, n_loops)
        Square of the greatest current of the branches that close loops.
    loop_loss : (n_parts, n_loops)
        Energy lost in them, per unit [h].
    """

    low: Any
    high: Any
    outside: Any
    most: Any
    over: Any
    lost: Any
    shunt: Any
    loops: Any
    loop_loss: Any


class Series(NamedTuple):
    """
    What is kept of every step.

    Attributes
    ----------
    root_p, root_q : (n_held, n_blocks, 8)
        Power that comes in where voltage is held, per unit.
    flow, volt : (n_watched, n_blocks, 8)
        Apparent power into a watched branch from above, and the voltage there; float32.
    solved : (n_blocks, 8)
        Whether the tolerance was met.
    sweeps : (n_blocks,)
        Sweeps.
    """

    root_p: Any
    root_q: Any
    flow: Any
    volt: Any
    solved: Any
    sweeps: Any


class State(NamedTuple):
    """Voltages, currents, currents and voltages of loops, and last changes, of one block; real and imaginary parts."""

    vr: Any
    vi: Any
    jr: Any
    ji: Any
    lr: Any
    li: Any
    mr: Any
    mi: Any
    change: Any


@kernel()
def _currents(tree: Tree, p: Any, q: Any, at: Any, now: State) -> None:
    """Current that each node takes: of its admittance, and of its load at constant power."""
    vr, vi, jr, ji = now.vr, now.vi, now.jr, now.ji
    for i in range(vr.shape[0]):
        for t in range(LANES):
            jr[i, t] = tree.yr[i] * vr[i, t] - tree.yi[i] * vi[i, t]
            ji[i, t] = tree.yr[i] * vi[i, t] + tree.yi[i] * vr[i, t]
    for k in range(at.shape[0]):
        i = at[k]
        for t in range(LANES):
            square = vr[i, t] * vr[i, t] + vi[i, t] * vi[i, t]
            jr[i, t] += (p[k, t] * vr[i, t] + q[k, t] * vi[i, t]) / square
            ji[i, t] += (p[k, t] * vi[i, t] - q[k, t] * vr[i, t]) / square


@kernel()
def _upwards(tree: Tree, now: State) -> None:
    """Currents of branches: each node's own and those of all below it."""
    jr, ji = now.jr, now.ji
    for i in range(tree.parent.shape[0] - 1, -1, -1):
        above = tree.parent[i]
        if above >= 0:
            turns = 1.0 / tree.ratio[i]
            for t in range(LANES):
                jr[above, t] += jr[i, t] * turns
                ji[above, t] += ji[i, t] * turns


@kernel()
def _downwards(tree: Tree, now: State) -> None:
    """Voltages from the roots on, and how far each lane's moved."""
    vr, vi, jr, ji, change = now.vr, now.vi, now.jr, now.ji, now.change
    for i in range(tree.parent.shape[0]):
        above = tree.parent[i]
        if above >= 0:
            turns, r, x = 1.0 / tree.ratio[i], tree.zr[i], tree.zi[i]
            for t in range(LANES):
                a = vr[above, t] * turns - (r * jr[i, t] - x * ji[i, t])
                b = vi[above, t] * turns - (r * ji[i, t] + x * jr[i, t])
                step = max(abs(a - vr[i, t]), abs(b - vi[i, t]))
                known = step <= change[t] or change[t] != change[t]  # what is not a number stays
                change[t] = change[t] if known else step
                vr[i, t] = a
                vi[i, t] = b


@kernel()
def _around(loops: Loops, now: State) -> None:
    """Currents of the branches that close loops, corrected by the voltages across where the loops were cut."""
    vr, vi, lr, li, mr, mi, change = now.vr, now.vi, now.lr, now.li, now.mr, now.mi, now.change
    n = loops.one.shape[0]
    for k in range(n):
        one, other, r, x = loops.one[k], loops.other[k], loops.zr[k], loops.zi[k]
        for t in range(LANES):
            mr[k, t] = vr[one, t] / loops.ratio[k] - vr[other, t] - (r * lr[k, t] - x * li[k, t])
            mi[k, t] = vi[one, t] / loops.ratio[k] - vi[other, t] - (r * li[k, t] + x * lr[k, t])
            step = max(abs(mr[k, t]), abs(mi[k, t]))
            known = step <= change[t] or change[t] != change[t]
            change[t] = change[t] if known else step
    for k in range(n):
        for m in range(n):
            for t in range(LANES):
                lr[k, t] += loops.wr[k, m] * mr[m, t] - loops.wi[k, m] * mi[m, t]
                li[k, t] += loops.wr[k, m] * mi[m, t] + loops.wi[k, m] * mr[m, t]


@kernel()
def _rest(tree: Tree, now: State) -> None:
    """Voltages without load, no currents around loops."""
    for i in range(tree.parent.shape[0]):
        above = tree.parent[i]
        for t in range(LANES):
            now.vr[i, t] = tree.held[i] if above < 0 else now.vr[above, t] / tree.ratio[i]
            now.vi[i, t] = 0.0
    for k in range(now.lr.shape[0]):
        for t in range(LANES):
            now.lr[k, t] = 0.0
            now.li[k, t] = 0.0


@kernel()
def _solve(tree: Tree, loops: Loops, p: Any, q: Any, at: Any, now: State, tolerance: float, most_sweeps: int) -> int:
    """One block of time steps, from the voltages of the one before; gives the number of sweeps."""
    jr, ji, lr, li = now.jr, now.ji, now.lr, now.li
    for sweep in range(most_sweeps):
        _currents(tree, p, q, at, now)
        for k in range(loops.one.shape[0]):
            one, other, turns = loops.one[k], loops.other[k], 1.0 / loops.ratio[k]
            for t in range(LANES):
                jr[one, t] += lr[k, t] * turns
                ji[one, t] += li[k, t] * turns
                jr[other, t] -= lr[k, t]
                ji[other, t] -= li[k, t]
        _upwards(tree, now)
        for t in range(LANES):
            now.change[t] = 0.0
        _downwards(tree, now)
        _around(loops, now)
        moved = 0
        for t in range(LANES):
            moved += 0 if now.change[t] < tolerance else 1
        if moved == 0:
            return sweep + 1
    return most_sweeps


@kernel()
def _note(tree: Tree, loops: Loops, now: State, weight: Any, bands: Any, sums: Sums, part: int) -> None:
    """Keep the extremes of a block, count hours beyond limits, add losses up."""
    for i in range(tree.parent.shape[0]):
        low, high, shunt, most, over, lost = sums.low[part, i], sums.high[part, i], 0.0, 0.0, 0.0, 0.0
        for t in range(LANES):
            w = weight[t]
            square = now.vr[i, t] * now.vr[i, t] + now.vi[i, t] * now.vi[i, t]
            low = square if w > 0.0 and square < low else low
            high = square if w > 0.0 and square > high else high
            shunt += square * w
            square = now.jr[i, t] * now.jr[i, t] + now.ji[i, t] * now.ji[i, t]
            lost += square * w
            over += w if square > tree.rating[i] * tree.rating[i] else 0.0
            most = square if w > 0.0 and square > most else most
        sums.low[part, i], sums.high[part, i] = low, high
        sums.shunt[part, i] += tree.yr[i] * shunt
        if tree.parent[i] >= 0:
            sums.most[part, i] = max(sums.most[part, i], most)
            sums.over[part, i] += over
            sums.lost[part, i] += tree.zr[i] * lost
        for k in range(bands.shape[0]):
            under, above = (1.0 - bands[k]) ** 2, (1.0 + bands[k]) ** 2
            outside = 0.0
            for t in range(LANES):
                square = now.vr[i, t] * now.vr[i, t] + now.vi[i, t] * now.vi[i, t]
                outside += weight[t] if square < under or square > above else 0.0
            sums.outside[part, k, i] += outside
    for k in range(loops.one.shape[0]):
        for t in range(LANES):
            if weight[t] > 0.0:
                square = now.lr[k, t] * now.lr[k, t] + now.li[k, t] * now.li[k, t]
                sums.loops[part, k] = max(sums.loops[part, k], square)
                sums.loop_loss[part, k] += loops.zr[k] * square * weight[t]


@kernel()
def _record(tree: Tree, now: State, block: int, series: Series) -> None:
    """Keep what flows in, and what flows through watched branches."""
    root = 0
    for i in range(tree.parent.shape[0]):
        if tree.parent[i] < 0:
            for t in range(LANES):
                series.root_p[root, block, t] = now.vr[i, t] * now.jr[i, t] + now.vi[i, t] * now.ji[i, t]
                series.root_q[root, block, t] = now.vi[i, t] * now.jr[i, t] - now.vr[i, t] * now.ji[i, t]
            root += 1
    for w in range(tree.watched.shape[0]):
        i = tree.watched[w]
        above = tree.parent[i]
        for t in range(LANES):
            volt = math.hypot(now.vr[above, t], now.vi[above, t])
            series.flow[w, block, t] = volt * math.hypot(now.jr[i, t], now.ji[i, t]) / tree.ratio[i]
            series.volt[w, block, t] = volt


@kernel()
def sweep_steps(
    tree: Tree,
    loops: Loops,
    loads: Loads,
    bands: Any,
    tolerance: float,
    most_sweeps: int,
    part: int,
    sums: Sums,
    series: Series,
) -> None:
    r"""
    Power flow of radial grids over one part of the time steps by backward and forward sweeps [1]_.

    Loads have constant power. Backward, the current of a branch is that of its lower node and of all branches below;
    forward, :math:`V_i = V_{p(i)} / a_i - z_i I_i`. Loops are cut, and the currents through the cuts corrected by the
    voltages across them. Eight time steps are solved side by side, so that one instruction serves several of them.

    Parameters
    ----------
    tree, loops, loads
        The grid, its loops, its loads.
    bands : (n_bands,)
        Deviations of voltage beyond which hours are counted, per unit.
    tolerance, most_sweeps
        Last change of any voltage at which a step is solved, and sweeps at most.
    part
        Which part of the time; parts may be done side by side.
    sums, series
        On return, what is kept of this part.

    References
    ----------
    .. [1] D. Shirmohammadi et al., A compensation-based power flow method for weakly meshed distribution and
       transmission networks, IEEE Trans. Power Systems 3(2), 1988, doi:10.1109/59.192932.
    """
    n_parts, n = sums.low.shape
    n_blocks, n_loops = loads.p.shape[0], loops.one.shape[0]
    now = State(
        np.empty((n, LANES)),
        np.empty((n, LANES)),
        np.empty((n, LANES)),
        np.empty((n, LANES)),
        np.zeros((n_loops, LANES)),
        np.zeros((n_loops, LANES)),
        np.zeros((n_loops, LANES)),
        np.zeros((n_loops, LANES)),
        np.zeros(LANES),
    )
    weight, first = np.zeros(LANES), True
    for block in range(n_blocks * part // n_parts, n_blocks * (part + 1) // n_parts):
        p, q = loads.p[block], loads.q[block]
        if first:
            _rest(tree, now)
        series.sweeps[block] = _solve(tree, loops, p, q, loads.at, now, tolerance, most_sweeps)
        first = False
        for t in range(LANES):
            solved = now.change[t] < tolerance
            series.solved[block, t] = solved
            weight[t] = loads.hours[block, t] if solved else 0.0
            first |= not solved  # a block without solution is no beginning for the next
        _note(tree, loops, now, weight, bands, sums, part)
        _record(tree, now, block, series)
