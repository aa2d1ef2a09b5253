"""Kernels of bushes: they grow, they are trimmed, and flow shifts within them until used ways cost the same."""

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
MAX_CORRECTIONS = 4
"""Newton steps of a shift."""
OVERSHOT = 0.3
"""Share of the difference that a shift may turn round without being corrected."""


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


class Pairs(NamedTuple):
    """
    Pairs of stretches of a bush that part at one node and meet at another.

    Attributes
    ----------
    n : (1,)
        How many there are.
    class_index : (n,)
        Their class.
    start : (n + 1,)
        Where the links of each pair begin.
    middle : (n,)
        Where those of its second stretch begin.
    place : (m,)
        Places of the links in `Trees.link`.
    """

    n: Positions
    class_index: Integers
    start: Positions
    middle: Positions
    place: Positions


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
def connect(graph: Graph, traffic: Traffic, trips: Trips, old: Trees, old_of: Positions, trees: Trees) -> None:
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
    """
    n_nodes = len(graph.out_start) - 1
    dist, key = np.empty(n_nodes), np.empty(n_nodes)
    pred, order = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    heap, place = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    cheapest = np.zeros(n_nodes, np.int64)
    through = np.zeros(n_nodes)
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
        kept, left = n, w
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
        start = trees.link_start[b]
        before = old.link_start[old_of[b]] if old_of[b] >= 0 else 0
        whole = old_of[b] >= 0 and left - start == old.n_links[old_of[b]]  # then links are where they were
        if old_of[b] >= 0 and not whole:
            for q in range(before, before + old.n_links[old_of[b]]):
                if old.link[q] >= 0:
                    traffic.x[old.link[q]] -= old.flow[q]
        for q in range(start, w):
            had = old.flow[before + q - start] if whole and q < left else 0.0
            more = trees.flow[q] - had
            if abs(more) > SAME * had:
                traffic.x[trees.link[q]] += more
                touch(traffic, trees.link[q])


@kernel()
def improve(
    graph: Graph,
    T: Floats,
    trips: Trips,
    trees: Trees,
    first_bush: int,
    last_bush: int,
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
    first_bush, last_bush
        Bushes to do: from `first_bush` to `last_bush` − 1.
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
    for b in range(first_bush, last_bush):
        t = T[trips.class_index[b]]
        origin = trips.origin[b]
        n, first = trees.n_nodes[b], trees.node_start[b]
        label(graph, t, trees, b, L, cheapest)
        if moved[b]:
            restore(graph, trips, trees, b, cheapest, through)
            moved[b] = False
        cost[b] = trim(graph, t, trees, b, cheapest, begin, U)
        e = trees.link_start[b]
        within = 0.0
        for q in range(trips.start[b], trips.start[b + 1]):
            if trips.flow[q] > 0.0:
                within += trips.flow[q] * L[trips.destination[q]]

        n_new, size = 0, 0
        for k in range(n):
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
        correct(graph, t, eps, origin, queue, size, waits, L)
        without = 0.0
        for q in range(trips.start[b], trips.start[b + 1]):
            if trips.flow[q] > 0.0:
                without += trips.flow[q] * L[trips.destination[q]]
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


@kernel()
def shift(
    graph: Graph,
    traffic: Traffic,
    trips: Trips,
    trees: Trees,
    threshold: float,
    tolerance: float,
    excess: Floats,
    moved: Flags,
    pairs: Pairs,
) -> float:
    """
    Shift flow within bushes from the dearest to the cheapest way, one bush after the other at the times made so far.

    At each node where ways meet, the cheapest and the dearest used one are followed back to where they part; flow goes
    from one of these two stretches to the other.

    Parameters
    ----------
    graph
        The graph.
    traffic
        Traffic, kept in step.
    trips
        Trips.
    trees
        Bushes; their flows change.
    threshold
        Excess below which a bush is left out [pcu s/h].
    tolerance
        Relative difference of cost below which nothing is shifted.
    excess : (n_bushes,)
        What was found too dear in each bush; on return, found this time [pcu s/h].
    moved : (n_bushes,)
        On return, true for each bush in which flow was shifted.
    pairs
        On return, the pairs of stretches between which flow was shifted, as far as there is room.

    Returns
    -------
    float
        Sum of what was found this time [pcu s/h].
    """
    n_nodes = len(graph.out_start) - 1
    L, U = np.empty(n_nodes), np.empty(n_nodes)
    cheapest, dearest = np.empty(n_nodes, np.int64), np.empty(n_nodes, np.int64)
    rank, meets = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    from_node, link, flow = graph.from_node, trees.link, trees.flow
    total, n_pairs = 0.0, 0
    for b in range(len(trips.origin)):
        if excess[b] < threshold:
            continue
        t = traffic.T[trips.class_index[b]]
        first, e = trees.node_start[b], trees.link_start[b]
        n_meets, found = 0, 0.0
        j = trees.node[first]
        L[j], U[j], rank[j], cheapest[j], dearest[j] = 0.0, 0.0, 0, -1, -1
        for k in range(1, trees.n_nodes[b]):
            j = trees.node[first + k]
            rank[j] = k
            n = trees.degree[first + k]
            if n == 1:
                a = link[e]
                L[j], U[j] = L[from_node[a]] + t[a], U[from_node[a]] + t[a]
                cheapest[j], dearest[j] = e, e
                e += 1
                continue
            lowest, highest, low, high = np.inf, -1.0, e, -1
            for q in range(e, e + n):
                a = link[q]
                d = L[from_node[a]] + t[a]
                if d < lowest:
                    lowest, low = d, q
                if flow[q] > 0.0:
                    d = U[from_node[a]] + t[a]
                    if d > highest:
                        highest, high = d, q
            e += n
            if high < 0:
                high, highest = low, lowest
            L[j], U[j], cheapest[j], dearest[j] = lowest, highest, low, high
            if low != high and highest - lowest > tolerance * highest:
                meets[n_meets] = j
                n_meets += 1

        for r in range(n_meets - 1, -1, -1):
            begin = pairs.start[n_pairs]
            if begin + 2 * trees.n_nodes[b] > len(pairs.place):  # no room: this one is not kept
                n_pairs = max(n_pairs - 1, 0)
                begin = pairs.start[n_pairs]
            low, high = begin, begin + trees.n_nodes[b]
            pairs.place[low], pairs.place[high] = cheapest[meets[r]], dearest[meets[r]]
            i1, i2 = from_node[link[cheapest[meets[r]]]], from_node[link[dearest[meets[r]]]]
            while i1 != i2:
                if rank[i1] > rank[i2]:
                    low += 1
                    pairs.place[low] = cheapest[i1]
                    i1 = from_node[link[cheapest[i1]]]
                else:
                    high += 1
                    pairs.place[high] = dearest[i2]
                    i2 = from_node[link[dearest[i2]]]
            pairs.middle[n_pairs] = low + 1
            for q in range(begin + trees.n_nodes[b], high + 1):
                low += 1
                pairs.place[low] = pairs.place[q]
            pairs.start[n_pairs + 1] = low + 1
            pairs.class_index[n_pairs] = trips.class_index[b]
            gain = move(traffic, trees, pairs, n_pairs, tolerance)
            if gain > 0.0:
                found += gain
                n_pairs += 1
                if n_pairs == len(pairs.middle):
                    n_pairs -= 1
        excess[b] = found
        moved[b] |= found > 0.0
        total += found
    pairs.n[0] = n_pairs
    return total


@kernel()
def move(traffic: Traffic, trees: Trees, pairs: Pairs, r: int, tolerance: float) -> float:
    """
    Shift flow between the two stretches of a pair until they cost the same, as far as there is flow.

    Parameters
    ----------
    traffic
        Traffic, kept in step.
    trees
        Bushes; flows of one of them change.
    pairs, r
        Pairs and the number of this one.
    tolerance
        Relative difference of cost below which nothing is shifted.

    Returns
    -------
    float
        What the dearer stretch cost more, times the flow that could be shifted [pcu s/h]; 0 if nothing was.
    """
    m = pairs.class_index[r]
    t, theta, link, flow = traffic.T[m], traffic.theta[m], trees.link, trees.flow
    begin, middle, end = pairs.start[r], pairs.middle[r], pairs.start[r + 1]
    cost1, cost2, slope, room1, room2 = 0.0, 0.0, 0.0, np.inf, np.inf
    for i in range(begin, middle):
        a = link[pairs.place[i]]
        cost1 += t[a]
        slope += theta[a] * traffic.D[a]
        room1 = min(room1, flow[pairs.place[i]])
    for i in range(middle, end):
        a = link[pairs.place[i]]
        cost2 += t[a]
        slope += theta[a] * traffic.D[a]
        room2 = min(room2, flow[pairs.place[i]])
    difference = cost2 - cost1
    room = room2 if difference > 0.0 else -room1
    if abs(difference) <= tolerance * max(cost1, cost2) or room == 0.0:
        return 0.0
    gain = difference * room
    step = room if abs(difference) >= slope * abs(room) else difference / slope
    moved = 0.0
    for _ in range(MAX_CORRECTIONS):
        moved += step
        cost1, cost2, slope = 0.0, 0.0, 0.0
        for i in range(begin, end):
            a, sign = link[pairs.place[i]], 1.0 if i < middle else -1.0
            flow[pairs.place[i]] = max(flow[pairs.place[i]] + sign * step, 0.0)
            traffic.x[a] += sign * step
            touch(traffic, a)
            slope += theta[a] * traffic.D[a]
            if i < middle:
                cost1 += t[a]
            else:
                cost2 += t[a]
        over = cost2 - cost1
        if over * difference >= 0.0 or slope <= 0.0 or abs(over) < OVERSHOT * abs(difference):
            break
        step = over / slope
        if abs(step) > abs(moved):
            step = -0.5 * moved
    return gain


@kernel()
def repeat(traffic: Traffic, trees: Trees, pairs: Pairs, tolerance: float, passes: int, enough: float) -> float:
    """
    Shift flow again and again between the pairs of stretches that a sweep has found.

    It costs little beside a sweep, and brings bushes and classes into line that drive each other back.

    Parameters
    ----------
    traffic
        Traffic, kept in step.
    trees
        Bushes; their flows change.
    pairs
        The pairs.
    tolerance
        Relative difference of cost below which nothing is shifted.
    passes
        How often at most.
    enough
        Share of what the first pass found at which to stop.

    Returns
    -------
    float
        What the last pass found [pcu s/h].
    """
    first, found = 0.0, 0.0
    for done in range(passes):
        found = 0.0
        for r in range(pairs.n[0]):
            found += move(traffic, trees, pairs, r, tolerance)
        if done == 0:
            first = found
        if found <= enough * first:
            break
    return found


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
