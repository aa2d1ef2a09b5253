"""Power flow of a grid over time steps, and what is kept of it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from dothi.errors import InputError, Problem
from dothi.power.network import BASE_VA, Network
from dothi.shapes import Floats, Integers

if TYPE_CHECKING:
    from dothi.power.kernels import Series, Sums

LANES: Final = 8
"""As in the kernels."""
PARTS: Final = 8
"""Parts of the time that threads share: always so many, so that sums are the same on every machine."""
TOLERANCE: Final = 1e-8
MOST_SWEEPS: Final = 100


@dataclass(frozen=True, slots=True)
class Flow:
    """
    Outcome of power flow, by place in the trees of the network, in values per unit unless it says so.

    Attributes
    ----------
    low_pu, high_pu : (n,)
        Extremes of voltage; not a number where no step was solved.
    outside_h : (n_bands, n)
        Hours with a voltage out of each band [h].
    most : (n,)
        Greatest current of the branch above.
    over_h : (n,)
        Hours above its rating [h].
    lost_wh, shunt_wh : (n,)
        Energy lost in the branch above, and in iron and the like at the node [Wh].
    loop_most, loop_lost_wh : (n_loops,)
        The same of the branches that close loops.
    supplied_w : (n_held, n_steps)
        Power that comes in where voltage is held [W].
    supplied_var : (n_held, n_steps)
        Reactive power there [var].
    watched : (n_watched,)
        Places whose branches were watched.
    flow_va, volt_pu : (n_watched, n_steps)
        Apparent power into them [VA], and the voltage above them.
    solved : (n_steps,)
        Whether a solution was found.
    sweeps
        Sweeps at most.
    """

    low_pu: Floats
    high_pu: Floats
    outside_h: Floats
    most: Floats
    over_h: Floats
    lost_wh: Floats
    shunt_wh: Floats
    loop_most: Floats
    loop_lost_wh: Floats
    supplied_w: Floats
    supplied_var: Floats
    watched: Integers
    flow_va: NDArray[np.float32]
    volt_pu: NDArray[np.float32]
    solved: NDArray[np.bool_]
    sweeps: int


def blocked(values: Floats) -> NDArray[np.float32]:
    """Powers of loads by time step [W], shape (n_loads, n_steps), as blocks per unit for the kernels."""
    n, steps = values.shape
    blocks = -(-steps // LANES)
    found = np.zeros((blocks, n, LANES), dtype=np.float32)
    whole = steps // LANES
    found[:whole] = values[:, : whole * LANES].reshape(n, whole, LANES).transpose(1, 0, 2) / BASE_VA
    if whole < blocks:
        found[whole, :, : steps - whole * LANES] = values[:, whole * LANES :] / BASE_VA
    return found


def power_flow(
    network: Network,
    nodes: Integers,
    p: NDArray[np.float32],
    q: NDArray[np.float32],
    n_steps: int,
    *,
    hours: float | Floats = 1.0,
    bands: tuple[float, ...] = (0.1, 0.05),
    tolerance: float = TOLERANCE,
    most_sweeps: int = MOST_SWEEPS,
) -> Flow:
    """
    Power flow over time steps.

    Parameters
    ----------
    network
        The grid.
    nodes : (n_loads,)
        Row in the table of nodes of each load; loads where no held voltage reaches are not served.
    p, q : (n_blocks, n_loads, 8)
        Their active and reactive power per unit, see `blocked`.
    n_steps
        Time steps.
    hours
        Duration of a step, or of each [h].
    bands
        Deviations of voltage beyond which hours are counted.
    tolerance, most_sweeps
        See the kernel.

    Raises
    ------
    InputError
        A load is at no node, not finite, or of another number of steps.
    """
    from dothi.power.kernels import Loads, sweep_steps

    _check(network, nodes, p, q, n_steps)
    at = network.place[nodes]
    if (at < 0).any():
        p, q, at = (np.ascontiguousarray(p[:, at >= 0]), np.ascontiguousarray(q[:, at >= 0]), at[at >= 0])
    blocks = len(p)
    parts = min(PARTS, max(blocks, 1))
    lasting = np.zeros(blocks * LANES)
    lasting[:n_steps] = hours
    loads = Loads(p, q, at.astype(np.int32), lasting.reshape(blocks, LANES))
    limits = np.array(bands, dtype=float)
    sums, series = _room(network, parts, len(bands), blocks)

    def follow(part: int) -> None:
        sweep_steps(network.tree, network.loops, loads, limits, tolerance, most_sweeps, part, sums, series)

    with ThreadPoolExecutor(max_workers=min(parts, os.cpu_count() or 1)) as pool:
        list(pool.map(follow, range(parts)))
    return _gathered(network, sums, series, n_steps)


def _room(network: Network, parts: int, n_bands: int, blocks: int) -> tuple[Sums, Series]:
    """Arrays for what the kernel keeps."""
    from dothi.power.kernels import Series, Sums

    n, n_loops = len(network.nodes), len(network.loops.one)
    roots, watched = int((network.tree.parent < 0).sum()), len(network.tree.watched)
    sums = Sums(
        np.full((parts, n), np.inf),
        np.full((parts, n), -np.inf),
        np.zeros((parts, n_bands, n)),
        *(np.zeros((parts, n)) for _ in range(4)),
        *(np.zeros((parts, n_loops)) for _ in range(2)),
    )
    series = Series(
        np.zeros((roots, blocks, LANES)),
        np.zeros((roots, blocks, LANES)),
        np.zeros((watched, blocks, LANES), dtype=np.float32),
        np.zeros((watched, blocks, LANES), dtype=np.float32),
        np.zeros((blocks, LANES), dtype=bool),
        np.zeros(blocks, dtype=np.int32),
    )
    return sums, series


def _gathered(network: Network, sums: Sums, series: Series, n_steps: int) -> Flow:
    """What all parts of the time kept, together."""
    low, high = np.sqrt(sums.low.min(axis=0)), np.sqrt(np.maximum(sums.high.max(axis=0), 0.0))
    known = np.isfinite(low)

    def by_step(values: Any) -> Any:
        return values.reshape(len(values), series.solved.size)[:, :n_steps]

    return Flow(
        np.where(known, low, np.nan),
        np.where(known, high, np.nan),
        sums.outside.sum(axis=0),
        np.sqrt(sums.most.max(axis=0)),
        sums.over.sum(axis=0),
        sums.lost.sum(axis=0) * BASE_VA,
        sums.shunt.sum(axis=0) * BASE_VA,
        np.sqrt(sums.loops.max(axis=0)),
        sums.loop_loss.sum(axis=0) * BASE_VA,
        by_step(series.root_p) * BASE_VA,
        by_step(series.root_q) * BASE_VA,
        network.tree.watched.astype(np.int64),
        by_step(series.flow) * np.float32(BASE_VA),
        by_step(series.volt),
        series.solved.ravel()[:n_steps],
        int(series.sweeps.max(initial=0)),
    )


def _check(network: Network, nodes: Integers, p: NDArray[np.float32], q: NDArray[np.float32], n_steps: int) -> None:
    rules = {
        "loads are at nodes of the grid": bool(((nodes >= 0) & (nodes < len(network.place))).all()),
        "powers are float32 of shape (blocks, loads, 8)": p.shape
        == q.shape
        == (-(-n_steps // LANES), len(nodes), LANES)
        and p.dtype == q.dtype == np.float32,
        "powers are finite": bool(np.isfinite(p).all() and np.isfinite(q).all()),
    }
    broken = [Problem(rule, table="loads") for rule, holds in rules.items() if not holds]
    if broken:
        raise InputError(broken)
