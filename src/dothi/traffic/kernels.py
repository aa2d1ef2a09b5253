"""Kernels of traffic on links and of shortest paths."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dothi.compiled import kernel

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]

CONSTANT = 0
"""Form of the delay on a link: there is none."""
FOURTH_POWER = 1
"""Form of the delay on a link: BPR with exponent 4."""
POWER = 2
"""Form of the delay on a link: BPR."""
CONE = 3
"""Form of the delay on a link: conical."""

FINAL = -2
"""Place in the heap of a node that has its distance."""
NOWHERE = -1
"""Place in the heap of a node that was not met yet."""


class Graph(NamedTuple):
    """
    Links sorted by the node at which they begin.

    Attributes
    ----------
    first_through
        Nodes below it are passed through by nobody.
    out_start : (n_nodes + 1,)
        Where the links that leave each node begin.
    from_node, to_node : (n_links,)
        Nodes at which each link begins and ends.
    """

    first_through: int
    out_start: Integers
    from_node: Integers
    to_node: Integers


class Traffic(NamedTuple):
    r"""
    Flow on links and the times that it makes.

    A vehicle of class :math:`m` perceives the cost :math:`T_m = B_m + \theta_m d(x)` with the delay :math:`d`.

    Attributes
    ----------
    form : (n_links,)
        Form of the delay.
    t0 : (n_links,)
        Time on the empty link [s].
    c : (n_links,)
        Capacity [pcu/h].
    alpha, beta : (n_links,)
        Parameters of the form.
    background : (n_links,)
        Flow that is there in any case [pcu/h].
    theta : (n_classes, n_links)
        Share of the delay that each class meets.
    B : (n_classes, n_links)
        Cost of the empty link [s], infinite where it is closed.
    x : (n_links,)
        Flow of all classes [pcu/h].
    D : (n_links,)
        Derivative of the delay by the flow [s h/pcu].
    T : (n_classes, n_links)
        Cost [s].
    """

    form: Codes
    t0: Floats
    c: Floats
    alpha: Floats
    beta: Floats
    background: Floats
    theta: Floats
    B: Floats
    x: Floats
    D: Floats
    T: Floats


@kernel()
def touch(traffic: Traffic, a: int) -> None:
    r"""
    Put the cost of a link and its derivative right, after its flow has changed.

    Spiess's conical function [1]_ has the parameter :math:`b = (2 \alpha - 1) / (2 \alpha - 2)`, kept as ``beta``.

    References
    ----------
    .. [1] H. Spiess, "Conical Volume-Delay Functions", Transportation Science 24(2), 1990, 153-158,
       https://doi.org/10.1287/trsc.24.2.153
    """
    form = traffic.form[a]
    delay = 0.0
    if form != CONSTANT:
        t0, alpha = traffic.t0[a], traffic.alpha[a]
        y = max(traffic.x[a] + traffic.background[a], 0.0) / traffic.c[a]
        if form == FOURTH_POWER:
            cube = alpha * t0 * y * y * y
            delay = cube * y
            traffic.D[a] = 4.0 * cube / traffic.c[a]
        elif form == POWER:
            beta = traffic.beta[a]
            power = alpha * t0 * y ** (beta - 1.0)
            delay = power * y
            traffic.D[a] = beta * power / traffic.c[a]
        else:
            b, left = traffic.beta[a], alpha * (1.0 - y)
            root = math.sqrt(left * left + b * b)
            delay = t0 * (1.0 + root - left - b)
            traffic.D[a] = t0 * alpha * (1.0 - left / root) / traffic.c[a]
    for m in range(traffic.T.shape[0]):
        traffic.T[m, a] = traffic.B[m, a] + traffic.theta[m, a] * delay


@kernel()
def touch_all(traffic: Traffic) -> None:
    """Put the costs of all links and their derivatives right."""
    for a in range(len(traffic.x)):
        touch(traffic, a)


@kernel()
def settle(
    graph: Graph,
    T: Floats,
    n: int,
    dist: Floats,
    pred: Integers,
    order: Integers,
    key: Floats,
    heap: Integers,
    place: Integers,
) -> int:
    """
    Shortest paths from one or more nodes that have their distance, by Dijkstra's method with a heap of four branches.

    Parameters
    ----------
    graph
        The graph.
    T : (n_links,)
        Cost of each link, not negative; infinite where closed [s].
    n
        How many nodes have their distance; the first of them is the origin.
    dist : (n_nodes,)
        Their distance [s]; on return, that of all nodes, infinite where there is no path.
    pred : (n_nodes,)
        On return, the last link of the path to each node that was reached now.
    order : (n_nodes,)
        These nodes; on return, followed by those that were reached, nearest first.
    key, heap, place : (n_nodes,)
        Room to work in.

    Returns
    -------
    int
        How many nodes have their distance.
    """
    place[:] = NOWHERE
    for i in range(n):
        place[order[i]] = FINAL
    for i in range(len(dist)):
        if place[i] == NOWHERE:
            dist[i] = np.inf
    origin = order[0]
    size = 0
    done = 0
    while True:
        if done < n:  # nodes given, and then the one taken from the heap
            u = order[done]
            done += 1
        elif size > 0:
            u = heap[0]
            size -= 1
            if size > 0:
                last, v, i = key[size], heap[size], 0
                while True:
                    child = 4 * i + 1
                    if child >= size:
                        break
                    least = child
                    for q in range(child + 1, min(child + 4, size)):
                        if key[q] < key[least]:
                            least = q
                    if key[least] >= last:
                        break
                    key[i], heap[i] = key[least], heap[least]
                    place[heap[i]] = i
                    i = least
                key[i], heap[i], place[v] = last, v, i
            place[u] = FINAL
            order[n] = u
            n += 1
            done += 1
        else:
            break
        if u < graph.first_through and u != origin:
            continue
        for a in range(graph.out_start[u], graph.out_start[u + 1]):
            v = graph.to_node[a]
            if place[v] == FINAL:
                continue
            d = dist[u] + T[a]
            if d < dist[v]:
                dist[v] = d
                pred[v] = a
                i = place[v]
                if i == NOWHERE:
                    i = size
                    size += 1
                while i > 0:
                    parent = (i - 1) >> 2
                    if key[parent] <= d:
                        break
                    key[i], heap[i] = key[parent], heap[parent]
                    place[heap[i]] = i
                    i = parent
                key[i], heap[i], place[v] = d, v, i
    return n


@kernel()
def skim(graph: Graph, T: Floats, values: Floats, first: int, last: int, sums: Floats) -> None:
    """
    Cheapest cost from some zones to all, and sums of values along these paths.

    Parameters
    ----------
    graph
        The graph.
    T : (n_links,)
        Cost of each link [s].
    values : (n_values, n_links)
        What is added up.
    first, last
        Origins: zones from `first` to `last` − 1.
    sums : (1 + n_values, n_zones, n_zones)
        On return, cost and sums in the rows of these origins, infinite without a path.
    """
    n_nodes = len(graph.out_start) - 1
    n_zones = sums.shape[1]
    dist, key = np.empty(n_nodes), np.empty(n_nodes)
    pred, order = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    heap, place = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    total = np.empty(n_nodes)
    for origin in range(first, last):
        order[0] = origin
        dist[origin] = 0.0
        n = settle(graph, T, 1, dist, pred, order, key, heap, place)
        for z in range(n_zones):
            sums[0, origin, z] = dist[z]
        for w in range(values.shape[0]):
            total[:] = np.inf
            total[origin] = 0.0
            for i in range(1, n):
                v = order[i]
                total[v] = total[graph.from_node[pred[v]]] + values[w, pred[v]]
            for z in range(n_zones):
                sums[1 + w, origin, z] = total[z]
