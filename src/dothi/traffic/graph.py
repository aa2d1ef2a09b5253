"""The graph that the kernels work on: links sorted by node, with nodes split where turns are not free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dothi.traffic.kernels import CONE, CONSTANT, FOURTH_POWER, POWER, Graph, Traffic
from dothi.traffic.network import BPR, Floats, Integers, Network

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Arcs:
    """
    Links of a network, followed by arcs that stand for turns.

    A node with turns that are not free is split: each link before such a turn ends at a node of its own, each link
    after it begins at one of its own, and an arc joins them unless the turn is forbidden. The other links keep the
    node where they end and share another where they begin. All other nodes stay as they are.

    Attributes
    ----------
    n_nodes
        Nodes, with those that were added.
    from_node, to_node : (n_arcs,)
        Where each arc begins and ends.
    penalty_s : (n_arcs,)
        Time of a turn; 0 for links [s].
    turn : (n_arcs,)
        Turn of the network that the arc stands for; −1 for links, and for turns that are free.
    before, after : (n_arcs,)
        Links that a turn leads from and to; −1 for any that has no node of its own.
    link_from, link_to : (n_links,)
        Nodes of the network that links join.
    """

    n_nodes: int
    from_node: Integers
    to_node: Integers
    penalty_s: Floats
    turn: Integers
    before: Integers
    after: Integers
    link_from: Integers
    link_to: Integers


def split_at_turns(network: Network) -> Arcs:
    """
    Links of a network and arcs for its turns.

    Parameters
    ----------
    network
        The network.
    """
    from_node, to_node = network.from_node.copy(), network.to_node.copy()
    turns = network.turns
    n_nodes = network.n_nodes
    rows: list[tuple[int, int, float, int, int, int]] = []
    known = {(int(a), int(b)): row for row, (a, b) in enumerate(zip(turns.from_link, turns.to_link, strict=True))}
    nodes = network.to_node[turns.from_link]
    entering, leaving = _Groups(network.to_node), _Groups(network.from_node)
    for v in np.unique(nodes):
        here = nodes == v
        before = np.unique(turns.from_link[here])
        after = np.unique(turns.to_link[here])
        others_before = len(entering(v)) > len(before)
        others_after = len(leaving(v)) > len(after)
        to_node[before] = n_nodes + np.arange(len(before))
        n_nodes += len(before)
        from_node[after] = n_nodes + np.arange(len(after))
        n_nodes += len(after)
        if others_after:
            from_node[np.setdiff1d(leaving(v), after)] = n_nodes
            n_nodes += 1
        sources = [(int(to_node[a]), int(a)) for a in before] + [(int(v), -1)] * others_before
        targets = [(int(from_node[b]), int(b)) for b in after] + [(n_nodes - 1, -1)] * others_after
        for i, a in sources:
            for j, b in targets:
                row = known.get((a, b), -1)
                penalty = float(turns.penalty_s[row]) if row >= 0 else 0.0
                if penalty < np.inf:
                    rows.append((i, j, penalty, row, a, b))
    extra = np.array(rows, dtype=np.float64).reshape(-1, 6)
    links = np.full(network.n_links, -1, np.int32)

    def whole(column: int, first: Integers) -> Integers:
        return np.concatenate([first, extra[:, column].astype(np.int32)])

    return Arcs(
        n_nodes,
        whole(0, from_node),
        whole(1, to_node),
        np.concatenate([np.zeros(network.n_links), extra[:, 2]]),
        whole(3, links),
        whole(4, links),
        whole(5, links),
        network.from_node,
        network.to_node,
    )


class _Groups:
    """Positions of equal values."""

    def __init__(self, values: Integers) -> None:
        self._order = np.argsort(values, kind="stable")
        self._sorted = values[self._order]

    def __call__(self, value: int) -> Positions:
        low, high = np.searchsorted(self._sorted, [value, value + 1])
        return self._order[low:high]


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    A network as the kernels take it.

    Attributes
    ----------
    arcs
        Its links and turns.
    graph
        The same, sorted by the node at which they begin.
    order : (n_arcs,)
        Arc at each place of `graph`.
    place : (n_arcs,)
        Place of each arc in `graph`.
    """

    arcs: Arcs
    graph: Graph
    order: Positions
    place: Positions


def prepared(network: Network) -> Prepared:
    """
    Graph of a network.

    Parameters
    ----------
    network
        The network.
    """
    arcs = split_at_turns(network)
    order = np.lexsort((arcs.to_node, arcs.from_node))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    from_node = arcs.from_node[order]
    starts = np.searchsorted(from_node, np.arange(arcs.n_nodes + 1)).astype(np.int32)
    graph = Graph(network.first_through, starts, from_node, arcs.to_node[order])
    return Prepared(arcs, graph, order, place)


def traffic_of(network: Network, ready: Prepared, shares: Floats) -> Traffic:
    """
    Empty traffic on a network.

    Parameters
    ----------
    network
        The network.
    ready
        Its graph.
    shares : (n_classes, n_links)
        Share of the delay that each class meets.
    """
    n = len(ready.order)
    turns = n - network.n_links

    def whole(values: npt.NDArray[np.float64], fill: float) -> Floats:
        return np.ascontiguousarray(np.concatenate([values, np.full(turns, fill)])[ready.order])

    bpr = network.function == BPR
    flat = bpr & ((network.alpha == 0.0) | (network.free_time_s == 0.0))
    form = np.select([flat, bpr & (network.beta == 4.0), bpr], [CONSTANT, FOURTH_POWER, POWER], CONE)
    beta = network.beta.copy()
    beta[~bpr] = (2.0 * network.alpha[~bpr] - 1.0) / (2.0 * network.alpha[~bpr] - 2.0)
    fixed = np.concatenate([network.cost_s, np.zeros((network.n_classes, turns))], axis=1)
    time = np.concatenate([network.free_time_s, ready.arcs.penalty_s[network.n_links :]])
    base = np.ascontiguousarray((fixed + time)[:, ready.order])
    theta = np.concatenate([shares, np.ones((network.n_classes, turns))], axis=1)[:, ready.order]
    return Traffic(
        form=np.concatenate([form, np.full(turns, CONSTANT)]).astype(np.int8)[ready.order],
        t0=whole(network.free_time_s, 0.0),
        c=whole(network.capacity_pcu_h, 1.0),
        alpha=whole(network.alpha, 0.0),
        beta=whole(beta, 1.0),
        background=whole(network.background, 0.0),
        theta=np.ascontiguousarray(theta),
        B=base,
        x=np.zeros(n),
        D=np.zeros(n),
        T=base.copy(),
    )
