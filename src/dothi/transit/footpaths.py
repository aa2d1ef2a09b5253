"""Walks to stops, from them and between them, along the street network."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi.shapes import Floats, Integers
from dothi.transit.kernels import Walks, walk_bounded

if TYPE_CHECKING:
    from dothi.city import City

ROOM: Final = 1 << 20
NO_TIME_S: Final = 1e-6


@dataclass(frozen=True, slots=True)
class WalkGraph:
    """
    Streets open to walking, both ways.

    Attributes
    ----------
    nodes : (n_nodes,)
        Positions of its nodes in the table of nodes.
    xy : (n_nodes, 2)
        Where they are [m].
    ptr : (n_nodes + 1,)
        First arc of each node.
    head, length : (n_arcs,)
        Where arcs lead, and their lengths [m].
    """

    nodes: Integers
    xy: Floats
    ptr: Any
    head: Any
    length: Floats

    def places(self, xy: Floats) -> tuple[Integers, Floats]:
        """Node nearest to each point, and how far it is [m]."""
        from scipy.spatial import cKDTree

        if not len(self.nodes) or not len(xy):
            return np.zeros(len(xy), dtype=np.int64), np.full(len(xy), np.inf)
        distance, at = cKDTree(self.xy).query(xy)
        return at, distance


def walk_graph(city: City) -> WalkGraph:
    """Streets of a city that one may walk along; walking against a one-way street is allowed."""
    links = city["links"]
    links = links[links["walk"].to_numpy(dtype=bool)]
    ends = city["nodes"].index.get_indexer(np.r_[links["from_node_id"], links["to_node_id"]])
    used, ends = np.unique(ends, return_inverse=True)
    one, other = ends[: len(links)], ends[len(links) :]
    tail, head = np.r_[one, other], np.r_[other, one]
    length = np.tile(links["length_m"].to_numpy(dtype=float), 2)
    order = np.lexsort([length, head, tail])
    tail, head, length = tail[order], head[order], length[order]
    first = np.r_[True, (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])] if len(tail) else np.empty(0, dtype=bool)
    tail, head, length = tail[first], head[first], length[first]
    return WalkGraph(
        used.astype(np.int64),
        shapely.get_coordinates(np.asarray(city["nodes"].geometry.array, dtype=object)[used]),
        np.searchsorted(tail, np.arange(len(used) + 1)).astype(np.int32),
        head.astype(np.int32),
        np.ascontiguousarray(length),
    )


def walks(
    graph: WalkGraph,
    sources: tuple[Integers, Floats],
    doors: tuple[Integers, Floats],
    *,
    limit_m: float,
    speed_m_s: float,
    to_themselves: bool = True,
) -> Walks:
    """
    Shortest walks up to a limit, from every source to all doors within reach.

    Parameters
    ----------
    graph
        Streets.
    sources, doors
        Nodes of places and ways to them [m], as `WalkGraph.places` gives them.
    limit_m
        Longest walk [m].
    speed_m_s
        Speed on foot [m s⁻¹].
    to_themselves
        Whether a walk from a source to the door of the same number is one; not so where both are the same places.

    Returns
    -------
    Walks
        Sorted by source, then door; whole seconds, rounded up.
    """
    node, way = (np.ascontiguousarray(part) for part in doors)
    order = np.argsort(node, kind="stable")
    door_ptr = np.searchsorted(node[order], np.arange(len(graph.nodes) + 1)).astype(np.int32)
    starts = (sources[0].astype(np.int32), np.ascontiguousarray(sources[1], dtype=float))
    n_found = np.zeros(len(starts[0]), dtype=np.int32)
    room_to, room_m = np.empty(max(ROOM, len(node)), dtype=np.int32), np.empty(max(ROOM, len(node)))
    parts, begin = [], 0
    while len(graph.nodes) and begin < len(n_found):
        end = walk_bounded(
            graph.ptr, graph.head, graph.length, *starts, door_ptr, order.astype(np.int32), way[order].astype(float),
            float(limit_m), begin, n_found, room_to, room_m,
        )  # fmt: skip
        filled = int(n_found[begin:end].sum())
        parts.append((room_to[:filled].copy(), room_m[:filled].copy()))
        begin = end
    to = np.concatenate([part for part, _ in parts]) if parts else np.empty(0, dtype=np.int32)
    metres = np.concatenate([part for _, part in parts]) if parts else np.empty(0)
    source = np.repeat(np.arange(len(n_found)), n_found)
    return collected(source, to, np.ceil(metres / speed_m_s), len(n_found), to_themselves=to_themselves)


def collected(source: Any, to: Any, time_s: Any, n_sources: int, *, to_themselves: bool = True) -> Walks:
    """Walks in the order of their sources, of several between two places the shortest."""
    source, to, time_s = np.asarray(source), np.asarray(to), np.asarray(time_s)
    if not to_themselves:
        others = source != to
        source, to, time_s = source[others], to[others], time_s[others]
    order = np.lexsort([time_s, to, source])
    source, to, time_s = source[order], to[order], time_s[order]
    first = np.r_[True, (source[1:] != source[:-1]) | (to[1:] != to[:-1])] if len(to) else np.empty(0, dtype=bool)
    ptr = np.searchsorted(source[first], np.arange(n_sources + 1))
    return Walks(ptr.astype(np.int32), to[first].astype(np.int32), time_s[first].astype(np.int32))


def closed(walks: Walks) -> Walks:
    """
    Walks between stops, with every walk that several of them make together.

    Routing in rounds needs no closed set here, see `dothi.transit.kernels.search`; a feed whose transfers are meant to
    be chained does.

    Returns
    -------
    Walks
        The least transitively closed set of shortest walks that holds the given ones; no stop leads to itself.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components, dijkstra

    n = len(walks.ptr) - 1
    source = np.repeat(np.arange(n), np.diff(walks.ptr))
    weights = np.maximum(walks.time_s.astype(float), NO_TIME_S)  # a zero in a sparse matrix is no edge
    graph = csr_array((weights, (source, walks.to)), shape=(n, n))
    n_parts, part = connected_components(graph, directed=False)
    order = np.argsort(part, kind="stable")
    bounds = np.searchsorted(part[order], np.arange(n_parts + 1))
    found: list[tuple[Any, Any, Any]] = [(np.empty(0, int), np.empty(0, int), np.empty(0))]
    for begin, end in pairwise(bounds):
        if end - begin > 1:
            members = order[begin:end]
            distance = dijkstra(graph[members][:, members])
            one, other = np.nonzero(np.isfinite(distance))
            found.append((members[one], members[other], np.round(distance[one, other])))
    source, to, time_s = (np.concatenate([part[i] for part in found]) for i in range(3))
    return collected(source, to, time_s, n, to_themselves=False)
