"""Whether flows are an equilibrium, checked from the flows alone with another program for shortest paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dothi.traffic.network import Floats, Network, delay_s

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ORIGINS_AT_ONCE = 128


def relative_gap(
    network: Network,
    demand: npt.ArrayLike,
    pcu: npt.ArrayLike,
    volumes_veh_h: npt.ArrayLike,
    turns_veh_h: npt.ArrayLike | None = None,
    filtering: npt.ArrayLike | None = None,
) -> float:
    r"""
    How much dearer trips are than they could be at the times they make, as a share of what they cost.

    .. math:: 1 - \frac{\sum_m p_m \sum_{od} d_{m,od} \pi_{m,od}}{\sum_m p_m \sum_a v_{ma} T_{ma}}

    It takes the flows alone, and shortest paths :math:`\pi` from SciPy on a graph of its own: nothing of the solver
    is used.

    Parameters
    ----------
    network
        The network.
    demand : (n_classes, n_zones, n_zones)
        Trips :math:`d` [veh/h]; those without a path are left out.
    pcu : (n_classes,)
        Passenger car units :math:`p` of a vehicle.
    volumes_veh_h : (n_classes, n_links)
        Vehicles :math:`v` on each link [veh/h].
    turns_veh_h : (n_classes, n_turns)
        Vehicles over each turn of the network that is not free [veh/h].
    filtering : (n_classes,) or (n_classes, n_links)
        Share of the delay that each class meets; all of it where left out.
    """
    wanted = np.asarray(demand, dtype=np.float64)
    units = np.asarray(pcu, dtype=np.float64)
    volumes = np.asarray(volumes_veh_h, dtype=np.float64)
    delay = delay_s(network, units @ volumes)
    shares = shares_of(network, filtering)
    spent = least = 0.0
    for m, unit in enumerate(units):
        cost = network.free_time_s + shares[m] * delay + network.cost_s[m]
        used = volumes[m] > 0.0
        spent += unit * float(cost[used] @ volumes[m][used])
        if turns_veh_h is not None and len(network.turns):
            turning = np.asarray(turns_veh_h, dtype=np.float64)[m]
            used = turning > 0.0
            spent += unit * float(network.turns.penalty_s[used] @ turning[used])
        least += unit * _least_cost(network, cost, wanted[m])
    return 1.0 - least / spent if spent > 0.0 else 0.0


def shares_of(network: Network, filtering: npt.ArrayLike | None) -> Floats:
    """
    Share of the delay that each class meets on each link.

    Parameters
    ----------
    network
        The network.
    filtering : (n_classes,) or (n_classes, n_links)
        As given; all of it where left out.
    """
    shape = (network.n_classes, network.n_links)
    if filtering is None:
        return np.ones(shape)
    shares = np.asarray(filtering, dtype=np.float64)
    return np.array(np.broadcast_to(shares[:, None] if shares.ndim == 1 else shares, shape))


def imbalance_veh_h(network: Network, demand: Floats, volumes_veh_h: Floats) -> float:
    """
    Largest difference between what comes into a node and what leaves it, in any class [veh/h].

    Trips through zones that nobody may pass through count too.

    Parameters
    ----------
    network
        The network.
    demand : (n_classes, n_zones, n_zones)
        Trips that have a path [veh/h].
    volumes_veh_h : (n_classes, n_links)
        Vehicles on each link [veh/h].
    """
    worst = 0.0
    ends = np.zeros(network.n_nodes)
    for trips, volume in zip(demand, volumes_veh_h, strict=True):
        between = trips.copy()
        np.fill_diagonal(between, 0.0)
        into = np.bincount(network.to_node, volume, network.n_nodes)
        out_of = np.bincount(network.from_node, volume, network.n_nodes)
        begin, end = ends.copy(), ends.copy()
        begin[: network.n_zones] = between.sum(axis=1)
        end[: network.n_zones] = between.sum(axis=0)
        closed = slice(0, network.first_through)
        residues = np.concatenate([into + begin - out_of - end, (into - end)[closed], (out_of - begin)[closed]])
        worst = max(worst, float(np.abs(residues).max(initial=0.0)))
    return worst


def _least_cost(network: Network, cost: Floats, demand: Floats) -> float:
    """Cost of all trips of a class on cheapest paths; those without one are left out."""
    from scipy.sparse.csgraph import dijkstra

    wanted = demand.copy()
    np.fill_diagonal(wanted, 0.0)
    origins = np.flatnonzero(wanted.any(axis=1))
    graph, sources, targets = _turn_graph(network, cost) if len(network.turns) else _node_graph(network, cost)
    total = 0.0
    for begin in range(0, len(origins), ORIGINS_AT_ONCE):
        some = origins[begin : begin + ORIGINS_AT_ONCE]
        distance = dijkstra(graph, indices=sources[some])[:, targets]
        trips = wanted[some]
        made = (trips > 0.0) & np.isfinite(distance)
        total += float(trips[made] @ distance[made])
    return total


def _node_graph(network: Network, cost: Floats) -> tuple[csr_array, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Graph of nodes, with a second one for trips that begin at a node that nobody passes through."""
    closed = network.from_node < network.first_through
    begin = np.where(closed, network.n_nodes + network.from_node, network.from_node)
    zones = np.arange(network.n_zones)
    sources = np.where(zones < network.first_through, network.n_nodes + zones, zones)
    n = network.n_nodes + network.first_through
    return _graph(begin, network.to_node.astype(np.int64), cost, n), sources, zones


def _turn_graph(network: Network, cost: Floats) -> tuple[csr_array, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Graph of links, joined by turns; zones are two nodes each, before and after all links."""
    n = network.n_links
    order = np.argsort(network.from_node, kind="stable")
    start = np.searchsorted(network.from_node[order], np.arange(network.n_nodes + 1))
    through = np.flatnonzero(network.to_node >= network.first_through)
    low, high = start[network.to_node[through]], start[network.to_node[through] + 1]
    before = np.repeat(through, high - low)
    shift = np.repeat(low - np.concatenate([[0], np.cumsum(high - low)[:-1]]), high - low)
    after = order[np.arange(len(before)) + shift]
    turns = network.turns
    penalty = dict(
        zip(zip(turns.from_link.tolist(), turns.to_link.tolist(), strict=True), turns.penalty_s, strict=True)
    )
    extra = np.array([penalty.get(pair, 0.0) for pair in zip(before.tolist(), after.tolist(), strict=True)])
    leaves = np.flatnonzero(network.from_node < network.n_zones)
    enters = np.flatnonzero(network.to_node < network.n_zones)
    graph = _graph(
        np.concatenate([before, n + network.from_node[leaves], enters]),
        np.concatenate([after, leaves, n + network.n_zones + network.to_node[enters]]),
        np.concatenate([cost[after] + extra, cost[leaves], np.zeros(len(enters))]),
        n + 2 * network.n_zones,
    )
    zones = np.arange(network.n_zones)
    return graph, n + zones, n + network.n_zones + zones


def _graph(begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64], cost: Floats, n: int) -> csr_array:
    """Sparse graph with the cheapest of several links between the same nodes."""
    from scipy.sparse import csr_array

    open_ = np.flatnonzero(np.isfinite(cost))
    order = open_[np.lexsort((cost[open_], end[open_], begin[open_]))]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(begin[order]) != 0) | (np.diff(end[order]) != 0)
    kept = order[first]
    starts = np.searchsorted(begin[kept], np.arange(n + 1))
    return csr_array((cost[kept], end[kept].astype(np.int32), starts.astype(np.int32)), shape=(n, n))
