"""Whether open rings bear the loss of a line: each feeder fed from its other end at the hour of the peak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dothi.power.areas import Areas
from dothi.power.flow import blocked, power_flow
from dothi.power.loads import LOW_V, NodeLoads
from dothi.power.network import Branches, Network, branches_of, network_from, switches
from dothi.shapes import Floats, Integers

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Backup:
    """
    What happens when the first line of a feeder fails.

    Attributes
    ----------
    feeders
        Feeders of medium voltage with anything on them.
    backed
        Of these, those that a closed or open line joins to a substation all the same.
    secure
        Of these, those whose voltages and currents stay within limits then.
    loading : (n_lines,)
        Greatest current of each line in these cases, over its rating; not a number of others.
    """

    feeders: int
    backed: int
    secure: int
    loading: Floats


def backup(
    network: Network,
    nodes: pd.DataFrame,
    lines: pd.DataFrame,
    transformers: pd.DataFrame,
    areas: Areas,
    loads: NodeLoads,
    *,
    band: float,
) -> Backup:
    """
    Feed every feeder from elsewhere, one after the other, in the hour in which the city takes most.

    Parameters
    ----------
    network, nodes, lines, transformers
        The grid.
    areas, loads
        Its areas and loads: areas count as one load at their transformer.
    band
        Greatest deviation of medium voltage.
    """
    held = np.full(len(nodes), np.nan)
    roots = network.nodes[network.tree.parent < 0]
    held[roots] = network.tree.held[network.place[roots]]
    at, p, q = _peak(network, areas, loads)
    medium = lines[(nodes["nominal_v"].to_numpy() > LOW_V)[nodes.index.get_indexer(lines["from_grid_node_id"])]]
    opened = switches(medium, "open")
    everything = branches_of(nodes, medium.assign(open=False), transformers.iloc[:0])
    loading = np.full(len(medium), np.nan)
    closed = ~opened[everything.row]
    feeders = backed = secure = 0
    for branch in np.flatnonzero(closed & (np.isfinite(held)[everything.one] | np.isfinite(held)[everything.other])):
        below = _below(everything.take(np.flatnonzero(closed)), held, int(everything.row[branch]))
        if not np.isin(at, below).any():
            continue
        feeders += 1
        leads = np.isin(everything.one, below) != np.isin(everything.other, below)
        ties = np.flatnonzero(~closed & leads)
        if not len(ties):
            continue
        backed += 1
        used = closed.copy()
        used[branch] = False
        used[ties[0]] = True
        case = everything.take(np.flatnonzero(used))
        now = network_from(case, held)
        reached = now.place[at] >= 0
        flow = power_flow(now, at[reached], blocked(p[reached, None]), blocked(q[reached, None]), 1, bands=(band,))
        share = np.where(now.below >= 0, flow.most[np.maximum(now.below, 0)], 0.0) / case.rating
        mine = np.isin(case.one, np.r_[below, case.one[case.row == everything.row[ties[0]]]])
        loading[case.row] = np.fmax(loading[case.row], np.where(share > 0.0, share, np.nan))
        fine = bool(flow.solved.all()) and not (flow.outside_h[0] > 0.0).any() and not (share[mine] > 1.0).any()
        secure += int(fine)
    found = np.full(len(lines), np.nan)
    found[lines.index.get_indexer(medium.index)] = loading
    return Backup(feeders, backed, secure, found)


def _peak(network: Network, areas: Areas, loads: NodeLoads) -> tuple[Integers, Floats, Floats]:
    """Nodes of medium voltage, and what they take in the hour of the greatest total [W], [var]."""
    total = loads.p.sum(axis=1, dtype=float).ravel()[: loads.n_steps]
    p, q = loads.at(int(total.argmax()))
    area = areas.of_node[loads.nodes]
    node = np.where(area >= 0, areas.roots[np.maximum(area, 0)] if len(areas.roots) else loads.nodes, loads.nodes)
    at, inverse = np.unique(node, return_inverse=True)
    served = network.place[at] >= 0
    sums = (np.bincount(inverse, weights=values).astype(float)[served] for values in (p, q))
    return (at[served], *sums)


def _below(closed: Branches, held: Floats, row: int) -> Integers:
    """Nodes that a line feeds."""
    network = network_from(closed, held)
    top = int(network.below[np.flatnonzero(network.branches.row == row)[0]])
    if top < 0:
        return np.empty(0, dtype=np.int64)
    end = top + 1
    while end < len(network.nodes) and network.tree.parent[end] >= top:
        end += 1
    return network.nodes[top:end]
