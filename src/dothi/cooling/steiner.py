"""Short trees between some nodes of a graph: a first one after Mehlhorn, made shorter path by path."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np

from dothi.cooling.network import NO_PIPE, rooted
from dothi.shapes import Floats, Integers, Mask

ROUNDS: Final = 8
"""Most rounds in which every path of a tree is tried."""
GAIN: Final = 1e-9
"""Part of a path that another must save, so that rounding never goes round in circles."""


def steiner_tree(n: int, one: Integers, other: Integers, cost: Floats, terminals: Integers) -> Integers:
    """
    Edges of a short tree that joins all terminals.

    The first tree is at most twice as long as the shortest (Mehlhorn 1988, doi:10.1016/0020-0190(88)90066-X); then each
    of its paths gives way to a shorter one between the two parts that it joins, until none does.

    Parameters
    ----------
    n
        Number of nodes.
    one, other : (n_edges,)
        Ends of the edges, no two edges between the same two nodes.
    cost : (n_edges,)
        Length of each, more than 0.
    terminals
        Nodes to join, all in one part of the graph.

    Returns
    -------
    numpy.ndarray
        Numbers of the edges, sorted.

    Raises
    ------
    ValueError
        Terminals lie in parts of the graph that nothing joins.
    """
    terminals = np.unique(terminals)
    if len(terminals) < 2:
        return np.empty(0, dtype=np.int64)
    graph = _Graph(n, one, other, cost)
    tree = graph.pruned(graph.mehlhorn(terminals), terminals)
    for _ in range(ROUNDS):
        better = _exchanged(graph, tree, terminals)
        if cost[better].sum() >= cost[tree].sum() * (1.0 - GAIN):
            break
        tree = better
    return tree


class _Graph:
    """Graph as `scipy.sparse.csgraph` takes it, with the edge between any two nodes."""

    def __init__(self, n: int, one: Integers, other: Integers, cost: Floats) -> None:
        from scipy.sparse import coo_array

        self.n, self.one, self.other, self.cost = n, one, other, cost
        both = np.r_[one, other], np.r_[other, one]
        self.matrix = coo_array((np.r_[cost, cost], both), shape=(n, n)).tocsr()
        self.number = {(int(a), int(b)): e for e, (a, b) in enumerate(zip(one, other, strict=True))}

    def edge(self, a: int, b: int) -> int:
        """Edge between two nodes."""
        found = self.number.get((a, b))
        return self.number[b, a] if found is None else found

    def search(self, sources: Integers, limit: float = np.inf) -> tuple[Floats, Integers, Integers]:
        """Distance of every node from the nearest source, the node before it on the way, and that source."""
        from scipy.sparse.csgraph import dijkstra

        far, before, source = dijkstra(
            self.matrix, directed=False, indices=sources, return_predecessors=True, limit=limit, min_only=True
        )
        return far, before, source

    def way(self, at: int, before: Integers) -> list[int]:
        """Edges from a node back to the source of its search."""
        edges = []
        while before[at] >= 0:
            edges.append(self.edge(int(before[at]), at))
            at = int(before[at])
        return edges

    def spanning(self, edges: Integers) -> Integers:
        """Edges of a shortest tree on the nodes of some edges (Kruskal 1956)."""
        parent = list(range(self.n))

        def top(node: int) -> int:
            while parent[node] != node:
                parent[node] = parent[parent[node]]
                node = parent[node]
            return node

        kept = []
        for e in edges[np.argsort(self.cost[edges], kind="stable")]:
            a, b = top(int(self.one[e])), top(int(self.other[e]))
            if a != b:
                parent[a] = b
                kept.append(int(e))
        return np.array(kept, dtype=np.int64)

    def pruned(self, edges: Integers, terminals: Integers) -> Integers:
        """Edges of a tree without twigs that end at no terminal."""
        degree = np.bincount(np.r_[self.one[edges], self.other[edges]], minlength=self.n)
        fixed = np.zeros(self.n, dtype=bool)
        fixed[terminals] = True
        while True:
            loose: Mask = (degree == 1) & ~fixed
            gone = loose[self.one[edges]] | loose[self.other[edges]]
            if not gone.any():
                return np.sort(edges)
            np.subtract.at(degree, np.r_[self.one[edges[gone]], self.other[edges[gone]]], 1)
            edges = edges[~gone]

    def mehlhorn(self, terminals: Integers) -> Integers:
        """Tree of the shortest ways between terminals whose surroundings touch."""
        far, before, source = self.search(terminals)
        a, b = source[self.one], source[self.other]
        across = np.flatnonzero((a != b) & (a >= 0) & (b >= 0))
        length = far[self.one[across]] + self.cost[across] + far[self.other[across]]
        part = {int(t): int(t) for t in terminals}

        def top(node: int) -> int:
            while part[node] != node:
                part[node] = part[part[node]]
                node = part[node]
            return node

        edges: set[int] = set()
        joined = 1
        for e in across[np.argsort(length, kind="stable")]:
            one, other = top(int(source[self.one[e]])), top(int(source[self.other[e]]))
            if one != other:
                part[one] = other
                joined += 1
                edges |= {int(e), *self.way(int(self.one[e]), before), *self.way(int(self.other[e]), before)}
        if joined < len(terminals):
            raise ValueError("terminals lie in parts of the graph that nothing joins")
        return self.spanning(np.array(sorted(edges)))


def _exchanged(graph: _Graph, tree: Integers, terminals: Integers) -> Integers:
    """Tree in which each path between terminals and forks has given way to a shorter one, where there is one."""
    for path in sorted(_paths(graph, tree, terminals), key=lambda path: -float(graph.cost[path].sum())):
        if not _whole(graph, tree, path):
            continue  # an exchange before has changed it
        length = float(graph.cost[path].sum())
        rest = np.setdiff1d(tree, path)
        here, there = _sides(graph, rest, path)
        far, before, _ = graph.search(here, limit=length)
        nearest = int(there[np.argmin(far[there])])
        if far[nearest] < length * (1.0 - GAIN):
            joined = np.unique(np.r_[rest, graph.way(nearest, before)])
            tree = graph.pruned(graph.spanning(joined), terminals)
    return tree


def _whole(graph: _Graph, tree: Integers, path: Integers) -> bool:
    """Whether a path is still in the tree, and nothing branches off within it."""
    if not np.isin(path, tree).all():
        return False
    along = np.bincount(np.r_[graph.one[path], graph.other[path]], minlength=graph.n)
    degree = np.bincount(np.r_[graph.one[tree], graph.other[tree]], minlength=graph.n)
    return bool((degree[along == 2] == 2).all())


def _paths(graph: _Graph, tree: Integers, terminals: Integers) -> list[Integers]:
    """Edges of the tree by the paths between its terminals and forks."""
    nodes, local = np.unique(np.r_[graph.one[tree], graph.other[tree]], return_inverse=True)
    one, other = local[: len(tree)], local[len(tree) :]
    key = np.isin(nodes, terminals) | (np.bincount(local, minlength=len(nodes)) != 2)
    order, parent, edge = rooted(len(nodes), one, other, int(np.flatnonzero(key)[0]))
    path_of: dict[int, int] = {}
    paths: defaultdict[int, list[int]] = defaultdict(list)
    for k, node in enumerate(order):
        if parent[k] == NO_PIPE:
            continue
        before = int(order[parent[k]])
        number = k if key[before] else path_of[before]
        path_of[int(node)] = number
        paths[number].append(int(tree[edge[k]]))
    return [np.array(sorted(path)) for path in paths.values()]


def _sides(graph: _Graph, rest: Integers, path: Integers) -> tuple[Integers, Integers]:
    """Nodes of the two parts into which a tree falls without a path; nodes within the path are in neither."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    ends = np.r_[graph.one[path], graph.other[path]]
    counts = np.bincount(ends, minlength=graph.n)
    start, end = (int(node) for node in np.flatnonzero(counts == 1))
    n, one, other = graph.n, graph.one[rest], graph.other[rest]
    whole = csr_array((np.ones(len(rest)), (one, other)), shape=(n, n))
    part = connected_components(whole, directed=False)[1]
    return np.flatnonzero(part == part[start]), np.flatnonzero(part == part[end])
