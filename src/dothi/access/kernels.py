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
def _rise(heap: Nodes, key: Floats, place: Nodes, i: int, v: int, k: float) -> None:
    """Put node `v` with key `k` where it belongs, from position `i` upwards; the heap has four children to a node."""
    while i > 0:
        parent = (i - 1) >> 2
        if key[parent] <= k:
            break
        heap[i], key[i] = heap[parent], key[parent]
        place[heap[i]] = i
        i = parent
    heap[i], key[i] = v, k
    place[v] = i


@kernel()
def _sink(heap: Nodes, key: Floats, place: Nodes, n: int, v: int, k: float) -> None:
    """Put node `v` with key `k` where it belongs in a heap of `n`, from the top downwards."""
    i = 0
    while True:
        first = 4 * i + 1
        if first >= n:
            break
        child = first
        for other in range(first + 1, min(first + 4, n)):
            if key[other] < key[child]:
                child = other
        if key[child] >= k:
            break
        heap[i], key[i] = heap[child], key[child]
        place[heap[i]] = i
        i = child
    heap[i], key[i] = v, k
    place[v] = i


@kernel()
def _search(
    first: Nodes, head: Nodes, cost: Floats, limit: float, n: int,
    heap: Nodes, key: Floats, place: Nodes, dist: Floats, order: Nodes,
) -> int:  # fmt: skip
    """
    Settle every node within a limit of those on the heap [1]_.

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
    n
        Nodes on the heap.
    heap, key, place : (n_nodes,)
        Indexed heap with the nodes to start from.
    dist : (n_nodes,)
        Infinity, but for the nodes on the heap; on return, the costs of all nodes reached.
    order : (n_nodes,)
        On return, the nodes reached, nearest first.

    Returns
    -------
    int
        Number of nodes reached.

    References
    ----------
    .. [1] E. W. Dijkstra, A note on two problems in connexion with graphs, Numer. Math. 1 (1959), 269–271,
       doi:10.1007/BF01386390.
    """
    settled = 0
    while n > 0:
        u, d = heap[0], key[0]
        n -= 1
        if n > 0:
            _sink(heap, key, place, n, heap[n], key[n])
        order[settled] = u
        settled += 1
        for arc in range(first[u], first[u + 1]):
            v = head[arc]
            through = d + cost[arc]
            if through < dist[v] and through <= limit:
                if dist[v] == np.inf:
                    place[v] = n
                    n += 1
                dist[v] = through
                _rise(heap, key, place, place[v], v, through)
    return settled


@kernel()
def nearest(
    first: Nodes, head: Nodes, cost: Floats, source: Nodes, start: Floats, limit: float, dist: Floats
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
    dist : (n_nodes,)
        On return, the least cost, infinity beyond the limit.
    """
    n_nodes = len(first) - 1
    heap, place, order = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    key = np.empty(n_nodes, np.float64)
    dist[:] = np.inf
    n = 0
    for i in range(len(source)):
        v = source[i]
        if start[i] < dist[v] and start[i] <= limit:
            if dist[v] == np.inf:
                place[v] = n
                n += 1
            dist[v] = start[i]
            _rise(heap, key, place, place[v], v, start[i])
    _search(first, head, cost, limit, n, heap, key, place, dist, order)


@kernel(parallel=True)
def within(
    first: Nodes, head: Nodes, cost: Floats,
    origin: Nodes, doors: Nodes, door_cost: Floats,
    shelves: Nodes, shelf_cost: Floats, shelf_value: Floats,
    limits: Floats, n_parts: int, total: Floats, least: Floats,
) -> None:  # fmt: skip
    r"""
    Sums of opportunities within several limits, and the nearest of each kind, from many origins in one pass each.

    .. math:: A_{ilk} = \sum_{j} o_{jk} \, [a_i + d_{ij} + e_j \le L_l] \qquad
              N_{ik} = \min_{j: o_{jk} > 0} (a_i + d_{ij} + e_j)

    with the cost :math:`a_i` from a door to its node, :math:`d_{ij}` between nodes and :math:`e_j` from a node to an
    opportunity. All doors of a node share one search.

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
    for part in prange(n_parts):
        heap, place, order = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
        key, dist = np.empty(n_nodes, np.float64), np.full(n_nodes, np.inf)
        for o in range(part * n_origins // n_parts, (part + 1) * n_origins // n_parts):
            begin, end = doors[o], doors[o + 1]
            total[begin:end] = 0.0
            least[begin:end] = np.inf
            soonest = np.inf
            for door in range(begin, end):
                soonest = min(soonest, door_cost[door])
            if not soonest <= far:
                continue
            heap[0], key[0], place[origin[o]], dist[origin[o]] = origin[o], 0.0, 0, 0.0
            settled = _search(first, head, cost, far - soonest, 1, heap, key, place, dist, order)
            for s in range(settled):
                u = order[s]
                for shelf in range(shelves[u], shelves[u + 1]):
                    there = dist[u] + shelf_cost[shelf]
                    for door in range(begin, end):
                        whole = there + door_cost[door]
                        if whole > far:
                            continue
                        level = n_limits - 1
                        while level > 0 and whole <= limits[level - 1]:
                            level -= 1
                        for kind in range(n_kinds):
                            total[door, level, kind] += shelf_value[shelf, kind]
                            if whole < least[door, kind] and shelf_value[shelf, kind] > 0.0:
                                least[door, kind] = whole
                dist[u] = np.inf
            for door in range(begin, end):
                for level in range(1, n_limits):
                    for kind in range(n_kinds):
                        total[door, level, kind] += total[door, level - 1, kind]


@kernel()
def catchments(
    first: Nodes, head: Nodes, cost: Floats,
    place_node: Nodes, place_cost: Floats, capacity: Floats,
    shelves: Nodes, shelf_cost: Floats, people: Floats,
    limit: float, width: float, ratio: Floats, share: Floats,
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
    heap, place, order = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    key, dist = np.empty(n_nodes, np.float64), np.full(n_nodes, np.inf)
    share[:] = 0.0
    for j in range(len(place_node)):
        ratio[j] = 0.0
        if not place_cost[j] <= limit:
            continue
        node = place_node[j]
        heap[0], key[0], place[node], dist[node] = node, place_cost[j], 0, place_cost[j]
        settled = _search(first, head, cost, limit, 1, heap, key, place, dist, order)
        demand = 0.0
        for s in range(settled):
            u = order[s]
            for shelf in range(shelves[u], shelves[u + 1]):
                t = dist[u] + shelf_cost[shelf]
                if t <= limit:
                    demand += people[shelf] * math.exp(-0.5 * (t / width) ** 2)
        if demand > 0.0:
            ratio[j] = capacity[j] / demand
        for s in range(settled):
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
