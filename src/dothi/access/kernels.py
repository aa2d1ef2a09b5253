"""Kernels of access: bounded shortest ways, sums and catchments over them, and times spread off the street."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import prange

from dothi.compiled import kernel

Floats = npt.NDArray[np.float64]
Nodes = npt.NDArray[np.int32]


@kernel()
def _search(
    first: Nodes, head: Nodes, cost: Floats, limit: float, scale: float, n: int,
    bucket: Nodes, after: Nodes, before: Nodes, slot: Nodes, dist: Floats, order: Nodes,
) -> int:  # fmt: skip
    """
    Reach every node within a limit of those to start from.

    Nodes wait in buckets of one range of costs each, in any order, and may be taken more than once from the bucket that
    is worked off, as in delta-stepping [1]_. What comes out is exactly what Dijkstra's method gives, for every cost is
    the least of the same sums along the ways. Buckets are doubly linked lists that are used round and round.

    Parameters
    ----------
    first : (n_nodes + 1,)
        First arc of each node.
    head : (n_arcs,)
        Node each arc leads to.
    cost : (n_arcs,)
        Cost of each arc, 0 or more.
    limit
        Cost up to which nodes are reached, the limit itself too.
    scale
        Buckets per unit of cost.
    n
        Nodes to start from, the first of `order`; their costs are in `dist`.
    bucket : (n_buckets,)
        First node of each bucket, −1 for none, as on return. A power of two, so many that the costs of no two waiting
        nodes are as far apart: the largest cost of an arc and of the differences at the start, and one bucket.
    after, before, slot : (n_nodes,)
        Next and previous node in the bucket, and the bucket.
    dist : (n_nodes,)
        Infinity, but for the nodes to start from; on return, the costs of all nodes reached.
    order : (n_nodes,)
        On return, the nodes reached.

    Returns
    -------
    int
        Number of nodes reached.

    References
    ----------
    .. [1] U. Meyer, P. Sanders, Δ-stepping: a parallelizable shortest path algorithm, J. Algorithms 49 (2003), 114–152,
       doi:10.1016/S0196-6774(03)00076-2.
    """
    mask, low = len(bucket) - 1, np.inf
    for i in range(n):
        v = order[i]
        low = min(low, dist[v])
        there = int(dist[v] * scale) & mask
        w = bucket[there]
        after[v], before[v], slot[v], bucket[there] = w, -1, there, v
        if w >= 0:
            before[w] = v
    at, waiting = int(low * scale) if n > 0 else 0, n
    while waiting > 0:  # lists are changed in place: calls would cost half as much again
        u = bucket[at & mask]
        if u < 0:
            at += 1
            continue
        w = after[u]
        bucket[at & mask], slot[u] = w, -1
        if w >= 0:
            before[w] = -1
        waiting -= 1
        d = dist[u]
        for arc in range(first[u], first[u + 1]):
            v, through = head[arc], d + cost[arc]
            if through < dist[v] and through <= limit:
                there = int(through * scale) & mask
                if dist[v] == np.inf:
                    order[n] = v
                    n += 1
                    waiting += 1
                elif slot[v] == there:
                    dist[v] = through
                    continue
                elif slot[v] >= 0:
                    x, w = before[v], after[v]
                    if x >= 0:
                        after[x] = w
                    else:
                        bucket[slot[v]] = w
                    if w >= 0:
                        before[w] = x
                else:
                    waiting += 1
                dist[v] = through
                w = bucket[there]
                after[v], before[v], slot[v], bucket[there] = w, -1, there, v
                if w >= 0:
                    before[w] = v
    return n


@kernel()
def nearest(
    first: Nodes, head: Nodes, cost: Floats, source: Nodes, start: Floats, limit: float,
    scale: float, n_buckets: int, dist: Floats,
) -> None:  # fmt: skip
    """
    Cost from the nearest of several sources to every node.

    Parameters
    ----------
    first, head, cost
        Graph, see `_search`.
    source : (n_sources,)
        Nodes to start from; a node may occur more than once.
    start : (n_sources,)
        Cost at each of them.
    limit
        Cost up to which nodes are reached.
    scale, n_buckets
        Buckets per unit of cost, and how many; see `_search`.
    dist : (n_nodes,)
        On return, the least cost, infinity beyond the limit.
    """
    n_nodes = len(first) - 1
    after, before, slot = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    order, bucket = np.empty(n_nodes, np.int32), np.full(n_buckets, -1, np.int32)
    dist[:] = np.inf
    n = 0
    for i in range(len(source)):
        v = source[i]
        if start[i] < dist[v] and start[i] <= limit:
            if dist[v] == np.inf:
                order[n] = v
                n += 1
            dist[v] = start[i]
    _search(first, head, cost, limit, scale, n, bucket, after, before, slot, dist, order)


@kernel(parallel=True)
def within(
    first: Nodes, head: Nodes, cost: Floats,
    origin: Nodes, doors: Nodes, door_cost: Floats,
    shelves: Nodes, shelf_cost: Floats, shelf_value: Floats,
    limits: Floats, scale: float, n_buckets: int, n_parts: int, total: Floats, least: Floats,
) -> None:  # fmt: skip
    r"""
    Sums of opportunities within several limits, and the nearest of each kind, from many origins in one pass each.

    .. math:: A_{ilk} = \sum_{j} o_{jk} \, [a_i + d_{ij} + e_j \le L_l] \qquad
              N_{ik} = \min_{j: o_{jk} > 0} (a_i + d_{ij} + e_j)

    with the cost :math:`a_i` from a door to its node, :math:`d_{ij}` between nodes and :math:`e_j` from a node to an
    opportunity. All doors of a node share one search. Where all opportunities of a node are within the same limits from
    all of these doors, their sum is added once for all; only about the limits every pair is looked at.

    Parameters
    ----------
    first, head, cost
        Graph, see `_search`.
    origin : (n_origins,)
        Nodes to start from.
    doors : (n_origins + 1,)
        First door of each origin.
    door_cost : (n_doors,)
        Cost :math:`a` from a door to the node.
    shelves : (n_nodes + 1,)
        First opportunity of each node.
    shelf_cost : (n_shelves,)
        Cost :math:`e` from the node to the opportunity.
    shelf_value : (n_shelves, n_kinds)
        Opportunities :math:`o` of each kind.
    limits : (n_limits,)
        Limits :math:`L`, ascending.
    scale, n_buckets
        Buckets per unit of cost, and how many; see `_search`.
    n_parts
        Parts into which the origins are divided, each with its own working memory.
    total : (n_doors, n_limits, n_kinds)
        On return, :math:`A`.
    least : (n_doors, n_kinds)
        On return, :math:`N`; infinity beyond the largest limit.
    """
    n_nodes, n_origins = len(first) - 1, len(origin)
    n_limits, n_kinds = total.shape[1], total.shape[2]
    far = limits[n_limits - 1]
    low, high = np.full(n_nodes, np.inf), np.full(n_nodes, -np.inf)
    there, near = np.zeros((n_nodes, n_kinds)), np.full((n_nodes, n_kinds), np.inf)
    for u in range(n_nodes):
        for shelf in range(shelves[u], shelves[u + 1]):
            low[u], high[u] = min(low[u], shelf_cost[shelf]), max(high[u], shelf_cost[shelf])
            for kind in range(n_kinds):
                there[u, kind] += shelf_value[shelf, kind]
                if shelf_value[shelf, kind] > 0.0:
                    near[u, kind] = min(near[u, kind], shelf_cost[shelf])
    for part in prange(n_parts):
        after, before, slot = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
        order, bucket = np.empty(n_nodes, np.int32), np.full(n_buckets, -1, np.int32)
        dist, least_here = np.full(n_nodes, np.inf), np.empty(n_kinds)
        common = np.empty((n_limits, n_kinds))
        for o in range(part * n_origins // n_parts, (part + 1) * n_origins // n_parts):
            begin, end = doors[o], doors[o + 1]
            total[begin:end], least[begin:end], common[:], least_here[:] = 0.0, np.inf, 0.0, np.inf
            soonest, latest = np.inf, -np.inf
            for door in range(begin, end):
                soonest, latest = min(soonest, door_cost[door]), max(latest, door_cost[door])
            if not soonest <= far:
                continue
            order[0], dist[origin[o]] = origin[o], 0.0
            reached = _search(
                first, head, cost, far - soonest, scale, 1, bucket, after, before, slot, dist, order
            )  # fmt: skip
            for s in range(reached):
                u = order[s]
                for kind in range(n_kinds):
                    least_here[kind] = min(least_here[kind], dist[u] + near[u, kind])
                if high[u] < low[u]:  # nothing there
                    dist[u] = np.inf
                    continue
                level = _level((dist[u] + low[u]) + soonest, limits)
                if level == _level((dist[u] + high[u]) + latest, limits):
                    if level < n_limits:
                        for kind in range(n_kinds):
                            common[level, kind] += there[u, kind]
                    dist[u] = np.inf
                    continue
                for shelf in range(shelves[u], shelves[u + 1]):
                    for door in range(begin, end):
                        level = _level((dist[u] + shelf_cost[shelf]) + door_cost[door], limits)
                        if level < n_limits:
                            for kind in range(n_kinds):
                                total[door, level, kind] += shelf_value[shelf, kind]
                dist[u] = np.inf
            for door in range(begin, end):
                for kind in range(n_kinds):
                    whole = least_here[kind] + door_cost[door]
                    least[door, kind] = whole if whole <= far else np.inf
                    for level in range(n_limits):
                        total[door, level, kind] += common[level, kind]
                        if level > 0:
                            total[door, level, kind] += total[door, level - 1, kind]


@kernel()
def _level(whole: float, limits: Floats) -> int:
    """First of the limits that a cost keeps; their number where it keeps none."""
    level = 0
    while level < len(limits) and whole > limits[level]:
        level += 1
    return level


@kernel()
def catchments(
    first: Nodes, head: Nodes, cost: Floats,
    place_node: Nodes, place_cost: Floats, capacity: Floats,
    shelves: Nodes, shelf_cost: Floats, people: Floats,
    limit: float, width: float, scale: float, n_buckets: int, ratio: Floats, share: Floats,
) -> None:  # fmt: skip
    r"""
    Two-step floating catchments: places per person, first of each place, then summed for the people in its reach.

    .. math:: R_j = \frac{S_j}{\sum_{k: t_{kj} \le T} P_k W(t_{kj})} \qquad A_i = \sum_{j: t_{ij} \le T} R_j W(t_{ij})

    with :math:`W = 1` [1]_ or :math:`W(t) = e^{-t^2 / (2 \sigma^2)}`, a Gaussian decay as in the enhanced method [2]_,
    there in steps.

    Parameters
    ----------
    first, head, cost
        Graph against the direction of travel, as people go to places.
    place_node : (n_places,)
        Node of each place.
    place_cost, capacity : (n_places,)
        Cost from the node to the place; its capacity :math:`S`.
    shelves : (n_nodes + 1,)
        First group of people of each node.
    shelf_cost, people : (n_groups,)
        Cost from a group to its node; its people :math:`P`.
    limit
        Catchment :math:`T`.
    width
        :math:`\sigma` of the decay; infinity for none.
    scale, n_buckets
        Buckets per unit of cost, and how many; see `_search`.
    ratio : (n_places,)
        On return, :math:`R`; 0 where nobody is in reach.
    share : (n_groups,)
        On return, :math:`A`.

    References
    ----------
    .. [1] W. Luo, F. Wang, Measures of spatial accessibility to health care in a GIS environment, Environ. Plann. B 30
       (2003), 865–884, doi:10.1068/b29120.
    .. [2] W. Luo, Y. Qi, An enhanced two-step floating catchment area (E2SFCA) method, Health Place 15 (2009),
       1100–1107, doi:10.1016/j.healthplace.2009.06.002.
    """
    n_nodes = len(first) - 1
    after, before, slot = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    order, bucket = np.empty(n_nodes, np.int32), np.full(n_buckets, -1, np.int32)
    dist = np.full(n_nodes, np.inf)
    share[:] = 0.0
    for j in range(len(place_node)):
        ratio[j] = 0.0
        if not place_cost[j] <= limit:
            continue
        order[0], dist[place_node[j]] = place_node[j], place_cost[j]
        reached = _search(first, head, cost, limit, scale, 1, bucket, after, before, slot, dist, order)
        demand = 0.0
        for s in range(reached):
            u = order[s]
            for shelf in range(shelves[u], shelves[u + 1]):
                t = dist[u] + shelf_cost[shelf]
                if t <= limit:
                    demand += people[shelf] * math.exp(-0.5 * (t / width) ** 2)
        if demand > 0.0:
            ratio[j] = capacity[j] / demand
        for s in range(reached):
            u = order[s]
            for shelf in range(shelves[u], shelves[u + 1]):
                t = dist[u] + shelf_cost[shelf]
                if t <= limit:
                    share[shelf] += ratio[j] * math.exp(-0.5 * (t / width) ** 2)
            dist[u] = np.inf


@kernel()
def spread(x: Floats, y: Floats, t: Floats, cell: float, reach: float, speed: float, field: Floats) -> None:
    """
    Times on a grid of those who leave the street at any of its points and go straight on.

    Parameters
    ----------
    x, y : (n_points,)
        Points of streets from the middle of the first cell [m].
    t : (n_points,)
        Times at these points [s].
    cell
        Side of a cell [m].
    reach
        Distance from the street within which people go on [m].
    speed
        Speed off the street [m s⁻¹].
    field : (n_y, n_x)
        Large values; on return, the least time [s]. A cell further than `reach` gets a steep slope, so that contours
        lie at that distance.
    """
    n_y, n_x = field.shape
    around = math.ceil(reach / cell) + 1
    steep = 1e3 / speed
    for p in range(len(x)):
        column, row = round(x[p] / cell), round(y[p] / cell)
        for j in range(max(row - around, 0), min(row + around + 1, n_y)):
            for i in range(max(column - around, 0), min(column + around + 1, n_x)):
                away = math.hypot(i * cell - x[p], j * cell - y[p])
                then = t[p] + away / speed + max(away - reach, 0.0) * steep
                if then < field[j, i]:
                    field[j, i] = then
