"""Kernel that follows the trips over selected links."""

from __future__ import annotations

import numpy as np

from dothi.compiled import kernel
from dothi.traffic.kernels import Floats, Graph
from dothi.traffic.kernels_bush import Flags, Trees


@kernel()
def select(graph: Graph, trees: Trees, b: int, chosen: Flags, share: Floats, volume: Floats) -> None:
    """
    Trips of a bush over at least one of some links, and where they pass.

    Trips split alike at each node. So the share that has passed a chosen link grows along the bush, and what is to
    pass one further on is followed back along it.

    Parameters
    ----------
    graph, trees, b
        Graph, bushes and the number of the bush.
    chosen : (n_links,)
        Whether a link is chosen.
    share : (n_nodes,)
        On return, for each node of the bush, the share of what arrives that has passed a chosen link.
    volume : (n_links,)
        Flow of the selected trips on each link [pcu/h]; those of this bush are added.
    """
    first, e = trees.node_start[b], trees.link_start[b]
    share[trees.node[first]] = 0.0
    for k in range(1, trees.n_nodes[b]):
        j = trees.node[first + k]
        passed, arriving = 0.0, 0.0
        for q in range(e, e + trees.degree[first + k]):
            a = trees.link[q]
            arriving += trees.flow[q]
            passed += trees.flow[q] * (1.0 if chosen[a] else share[graph.from_node[a]])
        e += trees.degree[first + k]
        share[j] = passed / arriving if arriving > 0.0 else 0.0
    later = np.zeros(len(graph.out_start) - 1)
    for k in range(trees.n_nodes[b] - 1, 0, -1):
        j = trees.node[first + k]
        n = trees.degree[first + k]
        e -= n
        arriving = 0.0
        for q in range(e, e + n):
            arriving += trees.flow[q]
        for q in range(e, e + n):
            if trees.flow[q] <= 0.0:
                continue
            a, i = trees.link[q], graph.from_node[trees.link[q]]
            passing = trees.flow[q] if chosen[a] else later[j] * (trees.flow[q] / arriving)
            later[i] += passing
            volume[a] += passing if chosen[a] else passing + (trees.flow[q] - passing) * share[i]
