"""Searches from and to points beside the network: what kernels want of points, and what they give back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dothi.access import kernels
from dothi.access.graph import Graph
from dothi.shapes import Floats, Integers

MOST_BUCKETS: Final = 65_000
PARTS: Final = 64
"""Parts into which origins are divided for threads: a constant, so that working memory does not grow with the city."""


@dataclass(frozen=True, slots=True)
class Beside:
    """
    Points beside the network, those of one node one after the other.

    Attributes
    ----------
    node : (n,)
        Nearest node of each point, in the order given.
    away : (n,)
        Cost between node and point.
    order : (n,)
        Points by node.
    """

    node: npt.NDArray[np.int32]
    away: Floats
    order: Integers

    def shelves(self, n_nodes: int) -> npt.NDArray[np.int32]:
        """First point of each node, in their order by node (n_nodes + 1,)."""
        return np.searchsorted(self.node[self.order], np.arange(n_nodes + 1)).astype(np.int32)


def buckets(graph: Graph, start: Floats | None = None) -> tuple[float, int]:
    """
    Buckets per unit of cost that suit a search, and how many; see `kernels`.

    Two to the mean cost of an arc, so that few nodes are taken twice; fewer where single arcs cost very much more.

    Parameters
    ----------
    graph
        The network.
    start
        Costs at the nodes to start from, where there are several.
    """
    span = float(graph.cost.max(initial=0.0)) + (float(np.ptp(start)) if start is not None and len(start) else 0.0)
    if not span > 0.0:
        return 1.0, 2
    fine = 2.0 / float(graph.cost.mean()) if len(graph.cost) else 1.0 / span
    n = 1 << int(np.ceil(np.log2(min(span * fine, MOST_BUCKETS) + 2.0)))
    return min(fine, (n - 2.0) / span), n


def beside(graph: Graph, xy: Floats, cost_per_m: float) -> Beside:
    """Points with their nearest nodes, the way between them straight."""
    node, away = graph.nearest(xy)
    return Beside(node, away * cost_per_m, np.argsort(node, kind="stable"))


def nearest(graph: Graph, sources: Beside, limit: float, *, towards: bool = False) -> Floats:
    """
    Cost of every node from the nearest of several points.

    Parameters
    ----------
    graph
        The network.
    sources
        The points.
    limit
        Cost up to which they are looked for.
    towards
        Whether one goes from the nodes to the points, not from the points to the nodes.

    Returns
    -------
    (n_nodes,) array
        Costs; infinity beyond the limit.
    """
    if towards:
        graph = graph.reversed
    cost = np.full(len(graph), np.inf)
    if len(graph) and len(sources.node):
        near = sources.away <= limit
        node, away = sources.node[near], sources.away[near]
        kernels.nearest(graph.first, graph.head, graph.cost, node, away, float(limit), *buckets(graph, away), cost)
    return cost


def at(points: Beside, cost: Floats, limit: float) -> Floats:
    """Cost of points from the costs of nodes; missing beyond the limit."""
    if not len(cost):
        return np.full(len(points.node), np.nan)
    found = cost[points.node] + points.away
    return np.where(found <= limit, found, np.nan)


def within(
    graph: Graph, doors: Beside, goals: Beside, values: Floats, limits: Floats
) -> tuple[Floats, Floats]:  # fmt: skip
    """
    Sums of values at goals within limits of doors, and the nearest goal with a value.

    Parameters
    ----------
    graph
        The network, with costs from doors to goals.
    doors, goals
        Points that one starts from and goes to.
    values : (n_goals,)
        What is summed.
    limits : (n_limits,)
        Limits, ascending.

    Returns
    -------
    total : (n_doors, n_limits) array
        Sums.
    least : (n_doors,) array
        Cost of the nearest; infinity beyond the largest limit.
    """
    total, nearest_of = np.zeros((len(doors.node), len(limits))), np.full(len(doors.node), np.inf)
    if not len(graph) or not len(doors.node):
        return total, nearest_of
    origin, first = np.unique(doors.node[doors.order], return_index=True)
    sums, least = np.empty((len(doors.node), len(limits), 1)), np.empty((len(doors.node), 1))
    kernels.within(
        graph.first, graph.head, graph.cost,
        origin, np.append(first, len(doors.node)).astype(np.int32), doors.away[doors.order],
        goals.shelves(len(graph)), goals.away[goals.order], np.ascontiguousarray(values[goals.order][:, None], float),
        np.asarray(limits, float), *buckets(graph), PARTS, sums, least,
    )  # fmt: skip
    total[doors.order], nearest_of[doors.order] = sums[:, :, 0], least[:, 0]
    return total, nearest_of


def catchments(
    graph: Graph, places: Beside, capacity: Floats, people: Beside, n_people: Floats, limit: float, width: float
) -> Floats:
    """
    Capacity per person in a two-step floating catchment; see `kernels.catchments`.

    Returns
    -------
    (n_groups,) array
        For each group of people.
    """
    back = graph.reversed
    ratio, share = np.empty(len(capacity)), np.zeros(len(n_people))
    if not len(graph):
        return share
    kernels.catchments(
        back.first, back.head, back.cost,
        places.node, places.away, np.asarray(capacity, float),
        people.shelves(len(graph)), people.away[people.order], np.asarray(n_people, float)[people.order],
        float(limit), float(width), *buckets(graph), ratio, share,
    )  # fmt: skip
    found = np.empty(len(share))
    found[people.order] = share
    return found
