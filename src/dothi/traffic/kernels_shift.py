"""Kernels that shift flow within bushes until used ways cost the same."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dothi.compiled import kernel
from dothi.traffic.kernels import Floats, Graph, Integers, Positions, Traffic, touch
from dothi.traffic.kernels_bush import Flags, Trees, Trips

MAX_CORRECTIONS = 4
"""Newton steps of a shift."""
OVERSHOT = 0.3
"""Share of the difference that a shift may turn round without being corrected."""


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
    total, n_pairs = 0.0, 0
    for b in range(len(trips.origin)):
        if excess[b] < threshold:
            continue
        t = traffic.T[trips.class_index[b]]
        n_meets = compare(graph, t, trees, b, tolerance, L, U, cheapest, dearest, rank, meets)
        found = 0.0
        for r in range(n_meets - 1, -1, -1):
            if pairs.start[n_pairs] + 2 * trees.n_nodes[b] > len(pairs.place):  # no room: the last is not kept
                n_pairs = max(n_pairs - 1, 0)
            follow_back(graph, trees, b, meets[r], cheapest, dearest, rank, pairs, n_pairs)
            pairs.class_index[n_pairs] = trips.class_index[b]
            gain = move(traffic, trees, pairs, n_pairs, tolerance)
            if gain > 0.0:
                found += gain
                n_pairs = min(n_pairs + 1, len(pairs.middle) - 1)
        excess[b] = found
        moved[b] |= found > 0.0
        total += found
    pairs.n[0] = n_pairs
    return total


@kernel()
def compare(
    graph: Graph,
    t: Floats,
    trees: Trees,
    b: int,
    tolerance: float,
    L: Floats,
    U: Floats,
    cheapest: Positions,
    dearest: Positions,
    rank: Integers,
    meets: Integers,
) -> int:
    """
    Cheapest and dearest used way to each node of a bush.

    Parameters
    ----------
    graph, t, trees, b
        Graph, costs, bushes and the number of the bush.
    tolerance
        Relative difference of cost that counts.
    L, U : (n_nodes,)
        On return, what the ways cost [s].
    cheapest, dearest : (n_nodes,)
        On return, positions of their last links; the same where nobody arrives.
    rank : (n_nodes,)
        On return, place of each node in the order of the bush.
    meets : (n_nodes,)
        On return, begins with the nodes where the two cost different.

    Returns
    -------
    int
        How many these nodes are.
    """
    from_node, link, flow = graph.from_node, trees.link, trees.flow
    first, e = trees.node_start[b], trees.link_start[b]
    n_meets = 0
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
    return n_meets


@kernel()
def follow_back(
    graph: Graph,
    trees: Trees,
    b: int,
    j: int,
    cheapest: Positions,
    dearest: Positions,
    rank: Integers,
    pairs: Pairs,
    r: int,
) -> None:
    """
    Links of the cheapest and of the dearest way to a node, from where the two part.

    Parameters
    ----------
    graph, trees, b
        Graph, bushes and the number of the bush.
    j
        Node where the ways meet.
    cheapest, dearest : (n_nodes,)
        Positions of the last links of the ways to each node.
    rank : (n_nodes,)
        Place of each node in the order of the bush.
    pairs, r
        On return, the two stretches are number `r` of the pairs.
    """
    from_node, link, place = graph.from_node, trees.link, pairs.place
    begin = pairs.start[r]
    middle = begin + trees.n_nodes[b]  # beyond what the first can be
    low, high = begin, middle
    place[low], place[high] = cheapest[j], dearest[j]
    i1, i2 = from_node[link[cheapest[j]]], from_node[link[dearest[j]]]
    while i1 != i2:
        if rank[i1] > rank[i2]:
            low += 1
            place[low] = cheapest[i1]
            i1 = from_node[link[cheapest[i1]]]
        else:
            high += 1
            place[high] = dearest[i2]
            i2 = from_node[link[dearest[i2]]]
    pairs.middle[r] = low + 1
    for q in range(middle, high + 1):
        low += 1
        place[low] = place[q]
    pairs.start[r + 1] = low + 1


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
