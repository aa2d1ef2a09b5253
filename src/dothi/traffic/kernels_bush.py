"""Kernels of bushes: how they begin, are trimmed, and grow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dothi.compiled import kernel
from dothi.traffic.kernels import Floats, Graph, Integers, Positions, Traffic, settle, touch

Counts = npt.NDArray[np.uint16]
Flags = npt.NDArray[np.bool_]

DUST = 1e-11
"""Share of the largest flow into a node below which a flow is a rounding residue."""
SAME = 1e-9
"""Relative difference from a flow of another case below which it is the same."""


class Trips(NamedTuple):
    """
    Trips of each bush.

    Attributes
    ----------
    class_index, origin : (n_bushes,)
        Class and origin.
    start : (n_bushes + 1,)
        Where the destinations of each bush begin.
    destination : (n,)
        Destinations.
    flow : (n,)
        Trips there [pcu/h].
    """

    class_index: Integers
    origin: Integers
    start: Positions
    destination: Integers
    flow: Floats


class Trees(NamedTuple):
    """
    Bushes one after the other, with room to grow.

    Attributes
    ----------
    node_start : (n_bushes + 1,)
        Where the nodes of each bush begin.
    n_nodes, n_links : (n_bushes,)
        How many nodes and links each has.
    node : (n,)
        Nodes in such an order that links lead forwards; the origin is the first.
    degree : (n,)
        How many links of the bush end at the node.
    link_start : (n_bushes + 1,)
        Where the links of each bush begin.
    link : (m,)
        Links, by the node at which they end; −1 for one that is no more.
    flow : (m,)
        Flow on them [pcu/h].
    """

    node_start: Positions
    n_nodes: Positions
    n_links: Positions
    node: Integers
    degree: Counts
    link_start: Positions
    link: Integers
    flow: Floats


@kernel()
def restore(graph: Graph, trips: Trips, trees: Trees, b: int, cheapest: Positions, through: Floats) -> None:
    """
    Make the flows of a bush again from its trips, split at each node as they were.

    So neither rounding residues nor trips that have changed leave a node out of balance.

    Parameters
    ----------
    graph
        The graph.
    trips
        Trips.
    trees
        Bushes; flows of bush `b` are changed.
    b
        Number of the bush.
    cheapest : (n_nodes,)
        For each node of the bush, the position of its cheapest link, which takes flow that nothing says how to split.
    through : (n_nodes,)
        Zeros, also on return.
    """
    for q in range(trips.start[b], trips.start[b + 1]):
        through[trips.destination[q]] += trips.flow[q]
    first = trees.node_start[b]
    e = trees.link_start[b] + trees.n_links[b]
    for k in range(trees.n_nodes[b] - 1, 0, -1):
        j = trees.node[first + k]
        n = trees.degree[first + k]
        e -= n
        flow = through[j]
        through[j] = 0.0
        if n == 1:
            trees.flow[e] = flow
            if flow > 0.0:
                through[graph.from_node[trees.link[e]]] += flow
            continue
        largest = 0.0
        for q in range(e, e + n):
            largest = max(largest, trees.flow[q])
        known = 0.0
        for q in range(e, e + n):
            if trees.flow[q] > DUST * largest:
                known += trees.flow[q]
        for q in range(e, e + n):
            part = 0.0
            if known == 0.0:
                part = flow if q == cheapest[j] else 0.0
            elif trees.flow[q] > DUST * largest:
                part = flow * (trees.flow[q] / known)
            trees.flow[q] = part
            if part > 0.0:
                through[graph.from_node[trees.link[q]]] += part
    through[trips.origin[b]] = 0.0


@kernel()
def connect(
    graph: Graph, traffic: Traffic, trips: Trips, old: Trees, old_of: Positions, trees: Trees, changed: Flags
) -> None:
    """
    First bushes: what is left of others, completed by cheapest paths, bush after bush at the times made so far.

    Links that are closed or no longer reached drop out. Nodes that are then cut off come after all others, so that
    there is no cycle.

    Parameters
    ----------
    graph
        The graph.
    traffic
        Traffic, with the flow of `old`; on return, that of `trees`.
    trips
        Trips.
    old
        Bushes to begin with.
    old_of : (n_bushes,)
        Which of them each bush begins with; −1 for none.
    trees
        On return, the bushes. Trips to nodes that are in none have no path.
    changed : (n_bushes,)
        On return, whether a bush carries other flow than the one it began with.
    """
    n_nodes = len(graph.out_start) - 1
    dist, key = np.empty(n_nodes), np.empty(n_nodes)
    pred, order = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    heap, place = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    cheapest = np.zeros(n_nodes, np.int64)
    through, more = np.zeros(n_nodes), np.zeros(len(graph.to_node))
    for b in range(len(trips.origin)):
        origin = trips.origin[b]
        T = traffic.T[trips.class_index[b]]
        dist[:] = np.inf
        dist[origin] = 0.0
        order[0] = origin
        first, w = trees.node_start[b], trees.link_start[b]
        trees.degree[first] = 0
        n = 1
        if old_of[b] >= 0:
            e = old.link_start[old_of[b]]
            for k in range(old.n_nodes[old_of[b]]):
                here, degree, begin = old.node[old.node_start[old_of[b]] + k], 0, e
                e += old.degree[old.node_start[old_of[b]] + k]
                for q in range(begin, e):
                    a = old.link[q]
                    if a < 0:
                        continue
                    i = graph.from_node[a]
                    if dist[i] + T[a] < np.inf:
                        trees.link[w], trees.flow[w] = a, old.flow[q]
                        if dist[i] + T[a] < dist[here]:
                            dist[here] = dist[i] + T[a]
                            cheapest[here] = w
                        w += 1
                        degree += 1
                if degree > 0:
                    order[n] = here
                    trees.degree[first + n] = degree
                    n += 1
        kept = n
        if n < n_nodes:
            n = settle(graph, T, n, dist, pred, order, key, heap, place)
        for k in range(n):
            trees.node[first + k] = order[k]
        for k in range(kept, n):
            trees.degree[first + k] = 1
            trees.link[w], trees.flow[w] = pred[order[k]], 0.0
            w += 1
        trees.n_nodes[b] = n
        trees.n_links[b] = w - trees.link_start[b]
        for q in range(trips.start[b], trips.start[b + 1]):
            if dist[trips.destination[q]] == np.inf:
                trips.flow[q] = 0.0
        restore(graph, trips, trees, b, cheapest, through)
        changed[b] = replace_flow(traffic, old, old_of[b], trees, b, more)


@kernel()
def replace_flow(traffic: Traffic, old: Trees, o: int, trees: Trees, b: int, more: Floats) -> bool:
    """
    Put the flow of a bush on the links in place of that of an old one; links on which it is the same are left alone.

    Parameters
    ----------
    traffic
        Traffic, kept in step.
    old, o
        Old bushes and the number of the one; −1 for none.
    trees, b
        Bushes and the number of this one.
    more : (n_links,)
        Zeros, also on return.

    Returns
    -------
    bool
        Whether there is a link on which the flow is another.
    """
    begin, end = trees.link_start[b], trees.link_start[b] + trees.n_links[b]
    old_begin, old_end = 0, 0
    if o >= 0:
        old_begin, old_end = old.link_start[o], old.link_start[o] + old.n_links[o]
    for q in range(old_begin, old_end):
        if old.link[q] >= 0:
            more[old.link[q]] = -old.flow[q]
    for q in range(begin, end):
        had = -more[trees.link[q]]
        more[trees.link[q]] += trees.flow[q]
        if abs(more[trees.link[q]]) <= SAME * had:
            more[trees.link[q]] = 0.0
    changed = False
    for q in range(end - begin + old_end - old_begin):
        a = trees.link[begin + q] if q < end - begin else old.link[old_begin + q - (end - begin)]
        if a >= 0 and more[a] != 0.0:
            traffic.x[a] += more[a]
            more[a] = 0.0
            touch(traffic, a)
            changed = True
    return changed


@kernel()
def improve(
    graph: Graph,
    T: Floats,
    trips: Trips,
    trees: Trees,
    which: Positions,
    first: int,
    last: int,
    threshold: float,
    eps: float,
    moved: Flags,
    cost: Floats,
    least: Floats,
    potential: Floats,
    added: Positions,
) -> None:
    """
    Trim bushes, measure how far they are from cheapest paths, and give them the links that bring them nearer.

    A link from :math:`i` to :math:`j` comes in if it makes :math:`j` cheaper to reach than the cheapest way within the
    bush and leaves it cheaper than the dearest, :math:`L_i + t < L_j` and :math:`U_i + t < U_j` [1]_. As :math:`U`
    never falls along the bush, this makes no cycle. Costs stay as they are, so that bushes may be done side by side.

    Parameters
    ----------
    graph
        The graph.
    T : (n_classes, n_links)
        Cost of each link [s].
    trips
        Trips.
    trees
        Bushes.
    which, first, last
        Numbers of bushes, and which of them to do: those at places `first` to `last` − 1.
    threshold
        Potential from which on links are added [pcu s/h].
    eps
        Difference of costs that counts [s].
    moved : (n_bushes,)
        Whether flow has moved within the bush; on return, nowhere.
    cost : (n_bushes,)
        On return, the cost of its trips [pcu s/h].
    least : (n_bushes,)
        On return, what they would cost on cheapest paths [pcu s/h].
    potential : (n_bushes,)
        On return, what they would save on cheapest paths beyond the cheapest in the bush [pcu s/h].
    added : (n_bushes,)
        On return, the number of links added; negative where there was no room for so many.

    References
    ----------
    .. [1] Y. Nie, "A class of bush-based algorithms for the traffic assignment problem", Transportation Research
       Part B 44(1), 2010, 73-89, https://doi.org/10.1016/j.trb.2009.06.005
    """
    n_nodes = len(graph.out_start) - 1
    L, U, through = np.empty(n_nodes), np.empty(n_nodes), np.zeros(n_nodes)
    cheapest, begin = np.zeros(n_nodes, np.int64), np.zeros(n_nodes, np.int64)
    queue, next_new = np.empty(n_nodes + 1, np.int32), np.empty(len(graph.to_node), np.int32)
    waits = np.zeros(n_nodes, np.bool_)
    new, first_new = np.empty(len(graph.to_node), np.int32), np.full(n_nodes, -1, np.int32)
    rank, order = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    for b in which[first:last]:
        t = T[trips.class_index[b]]
        origin = trips.origin[b]
        label(graph, t, trees, b, L, cheapest)
        if moved[b]:
            restore(graph, trips, trees, b, cheapest, through)
            moved[b] = False
        cost[b] = trim(graph, t, trees, b, cheapest, begin, U)
        e = trees.link_start[b]
        within = trips_cost(trips, b, L)
        n_new, size = better_links(graph, t, trees, b, eps, L, U, new, queue, waits)
        correct(graph, t, eps, origin, queue, size, waits, L)
        without = trips_cost(trips, b, L)
        least[b] = without
        potential[b] = within - without
        added[b] = 0
        if n_new == 0 or potential[b] < threshold:
            continue
        if trees.n_links[b] + n_new > trees.link_start[b + 1] - e:
            added[b] = -n_new
            continue
        for q in range(n_new):
            j = graph.to_node[new[q]]
            next_new[q] = first_new[j]
            first_new[j] = q
        grow(graph, trees, b, new, first_new, next_new, begin, rank, order, queue)
        for q in range(n_new):
            first_new[graph.to_node[new[q]]] = -1
        added[b] = n_new


@kernel()
def trips_cost(trips: Trips, b: int, L: Floats) -> float:
    """Cost of the trips of a bush if they pay the cost `L` of their destination [pcu s/h]."""
    cost = 0.0
    for q in range(trips.start[b], trips.start[b + 1]):
        if trips.flow[q] > 0.0:
            cost += trips.flow[q] * L[trips.destination[q]]
    return cost


@kernel()
def better_links(
    graph: Graph,
    t: Floats,
    trees: Trees,
    b: int,
    eps: float,
    L: Floats,
    U: Floats,
    new: Integers,
    queue: Integers,
    waits: Flags,
) -> tuple[int, int]:
    """
    Links that make a node cheaper to reach than a bush does.

    Parameters
    ----------
    graph, t, trees, b
        Graph, costs, bushes and the number of the bush.
    eps
        Difference of costs that counts [s].
    L, U : (n_nodes,)
        Cheapest and dearest cost to each node within the bush [s].
    new : (n_links,)
        On return, begins with those that are to come in.
    queue : (n_nodes + 1,)
        On return, begins with the nodes at which such links begin, whether they come in or not.
    waits : (n_nodes,)
        On return, true for these nodes; false before.

    Returns
    -------
    n_new, size
        How many links and nodes.
    """
    first, origin = trees.node_start[b], trees.node[trees.node_start[b]]
    n_new, size = 0, 0
    for k in range(trees.n_nodes[b]):
        i = trees.node[first + k]
        if i < graph.first_through and i != origin:
            continue
        for a in range(graph.out_start[i], graph.out_start[i + 1]):
            j = graph.to_node[a]
            if L[i] + t[a] < L[j] - eps:
                if U[i] + t[a] < U[j] - eps:
                    new[n_new] = a
                    n_new += 1
                if not waits[i]:
                    waits[i] = True
                    queue[size] = i
                    size += 1
    return n_new, size


@kernel()
def label(graph: Graph, t: Floats, trees: Trees, b: int, L: Floats, cheapest: Positions) -> None:
    """Cheapest cost to each node within a bush, and the position of the last link of that way."""
    first, e = trees.node_start[b], trees.link_start[b]
    L[trees.node[first]] = 0.0
    for k in range(1, trees.n_nodes[b]):
        j = trees.node[first + k]
        lowest, best = np.inf, e
        for q in range(e, e + trees.degree[first + k]):
            d = L[graph.from_node[trees.link[q]]] + t[trees.link[q]]
            if d < lowest:
                lowest, best = d, q
        e += trees.degree[first + k]
        L[j] = lowest
        cheapest[j] = best


@kernel()
def trim(graph: Graph, t: Floats, trees: Trees, b: int, cheapest: Positions, begin: Positions, U: Floats) -> float:
    """
    Drop the links of a bush that are neither used nor cheapest, and find the dearest cost to each node.

    Parameters
    ----------
    graph, t, trees, b
        Graph, costs, bushes and the number of the bush.
    cheapest : (n_nodes,)
        Position of the cheapest link into each node.
    begin : (n_nodes,)
        On return, where the links into each node begin.
    U : (n_nodes,)
        On return, the dearest cost to each node within the bush [s].

    Returns
    -------
    float
        Cost of the flow on the bush [pcu s/h].
    """
    first, e = trees.node_start[b], trees.link_start[b]
    w, cost = e, 0.0
    U[trees.node[first]] = 0.0
    for k in range(1, trees.n_nodes[b]):
        j = trees.node[first + k]
        begin[j] = w
        if trees.degree[first + k] == 1:
            a = trees.link[e]
            trees.link[w], trees.flow[w] = a, trees.flow[e]
            cost += trees.flow[e] * t[a]
            U[j] = U[graph.from_node[a]] + t[a]
            e += 1
            w += 1
            continue
        highest, end = -1.0, e + trees.degree[first + k]
        for q in range(e, end):
            if trees.flow[q] > 0.0 or q == cheapest[j]:
                a = trees.link[q]
                trees.link[w], trees.flow[w] = a, trees.flow[q]
                w += 1
                cost += trees.flow[q] * t[a]
                highest = max(highest, U[graph.from_node[a]] + t[a])
        e = end
        trees.degree[first + k] = w - begin[j]
        U[j] = highest
    trees.n_links[b] = w - trees.link_start[b]
    return cost


@kernel()
def correct(
    graph: Graph, t: Floats, eps: float, origin: int, queue: Integers, size: int, waits: Flags, L: Floats
) -> None:
    """
    Shortest distances from labels that are right but for what can be reached from some nodes.

    Parameters
    ----------
    graph, t
        Graph and costs.
    eps
        Difference of costs that counts [s].
    origin
        Node from which distances are counted.
    queue : (n_nodes + 1,)
        Begins with these nodes.
    size
        How many they are.
    waits : (n_nodes,)
        Whether a node is among them; on return, none.
    L : (n_nodes,)
        Labels; on return, distances [s].
    """
    head, tail = 0, size
    while head != tail:
        i = queue[head]
        head = head + 1 if head + 1 < len(queue) else 0
        waits[i] = False
        if i < graph.first_through and i != origin:
            continue
        for a in range(graph.out_start[i], graph.out_start[i + 1]):
            j = graph.to_node[a]
            if L[i] + t[a] < L[j] - eps:
                L[j] = L[i] + t[a]
                if not waits[j]:
                    waits[j] = True
                    queue[tail] = j
                    tail = tail + 1 if tail + 1 < len(queue) else 0


@kernel()
def grow(
    graph: Graph,
    trees: Trees,
    b: int,
    new: Integers,
    first_new: Integers,
    next_new: Integers,
    begin: Positions,
    rank: Integers,
    order: Integers,
    stack: Integers,
) -> None:
    """
    Take links into a bush, and bring its nodes into an order again: each after those from which links lead to it.

    Parameters
    ----------
    graph, trees, b
        Graph, bushes and the number of the bush, which has room for the links.
    new : (n_new,)
        Links that come in.
    first_new : (n_nodes,)
        For each node, the last of `new` that ends there; −1 for none.
    next_new : (n_new,)
        The one before it that ends at the same node; −1 for none.
    begin : (n_nodes,)
        Where the links into each node begin.
    rank, order, stack : (n_nodes,)
        Room to work in.
    """
    n, first = trees.n_nodes[b], trees.node_start[b]
    start = trees.link_start[b]
    old_link = trees.link[start : start + trees.n_links[b]].copy()
    old_flow = trees.flow[start : start + trees.n_links[b]].copy()
    degree = trees.degree[first : first + n].copy()
    for k in range(n):
        rank[trees.node[first + k]] = k
        order[k] = trees.node[first + k]
    w, placed = start, 0
    for k in range(n):
        depth = 0
        stack[0] = order[k]
        while depth >= 0:
            j = stack[depth]
            if rank[j] < 0:  # has its place
                depth -= 1
                continue
            old = begin[j] - start if rank[j] > 0 else 0
            before = -1
            for q in range(old, old + degree[rank[j]]):
                if rank[graph.from_node[old_link[q]]] >= 0:
                    before = graph.from_node[old_link[q]]
                    break
            q = first_new[j]
            while before < 0 and q >= 0:
                if rank[graph.from_node[new[q]]] >= 0:
                    before = graph.from_node[new[q]]
                q = next_new[q]
            if before >= 0:
                depth += 1
                stack[depth] = before
                continue
            begun = w
            for q in range(old, old + degree[rank[j]]):
                trees.link[w], trees.flow[w] = old_link[q], old_flow[q]
                w += 1
            q = first_new[j]
            while q >= 0:
                trees.link[w], trees.flow[w] = new[q], 0.0
                w += 1
                q = next_new[q]
            trees.node[first + placed] = j
            trees.degree[first + placed] = w - begun
            placed += 1
            rank[j] = -1
            depth -= 1
    trees.n_links[b] = w - start


@kernel()
def add_flows(trees: Trees, x: Floats) -> None:
    """Flow on links from all bushes [pcu/h]."""
    x[:] = 0.0
    for b in range(len(trees.n_links)):
        for q in range(trees.link_start[b], trees.link_start[b] + trees.n_links[b]):
            x[trees.link[q]] += trees.flow[q]
