"""The way along the streets from stop to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from dothi.derive.roads import reachable_nodes
from dothi.shapes import Floats, Shapes

if TYPE_CHECKING:
    from shapely import LineString

    from dothi.city import City
    from dothi.errors import Problems

FAR_M: Final = 300.0
"""A stop farther than this from every street that vehicles may use is on none [m]."""


def along_streets(city: City, mode: str, stops: Shapes, problems: Problems) -> LineString | None:
    """
    Shortest way by length through stops in their order, over links open to a mode, each in its direction.

    Parameters
    ----------
    city
        City with links and nodes.
    mode
        One of `tables.MODES`.
    stops : (n,)
        Places on the grid of the city. Each is served from the nearest node that the mode can reach and leave.
    problems
        Collector: stops far from any street.

    References
    ----------
    E. W. Dijkstra, A note on two problems in connexion with graphs, 1959, doi:10.1007/BF01386390.
    """
    links, nodes = city["links"], city["nodes"]
    links = links[links[mode].to_numpy(dtype=bool)] if len(links) else links
    if not len(links):
        problems.error(f"are open to {mode}: draw the course instead", table="links")
        return None
    start, end = (nodes.index.get_indexer(links[name]) for name in ("from_node_id", "to_node_id"))
    usable = np.flatnonzero(reachable_nodes(nodes, links, mode))  # a vehicle must be able to come and to go
    xy = shapely.get_coordinates(np.asarray(nodes.geometry.array, dtype=object))
    away, nearest = cKDTree(xy[usable]).query(shapely.get_coordinates(stops))
    far = away > FAR_M
    if far.any():
        problems.error(
            f"lie within {FAR_M:g} m of a street open to {mode}", column="stops", rows=np.flatnonzero(far) + 1
        )
        return None
    at = usable[nearest]
    length = links["length_m"].to_numpy(dtype=float)
    order = np.lexsort((length, end, start))  # of parallel links the shortest
    first = np.append(True, (np.diff(start[order]) != 0) | (np.diff(end[order]) != 0))
    kept = order[first]
    n = len(nodes)
    graph = csr_array((np.maximum(length[kept], 1e-3), (start[kept], end[kept])), shape=(n, n))
    row_of = dict(zip(zip(start[kept].tolist(), end[kept].tolist(), strict=True), kept.tolist(), strict=True))
    origins = np.unique(at[:-1])
    _, before = dijkstra(graph, indices=origins, return_predecessors=True)
    rank = np.searchsorted(origins, at[:-1])
    shapes = np.asarray(links.geometry.array, dtype=object)
    ways: list[Floats] = []
    for origin, source, target in zip(rank, at[:-1], at[1:], strict=True):
        way, node = [], int(target)
        while node != source:
            previous = int(before[origin, node])
            way.append(shapely.get_coordinates(shapes[row_of[previous, node]]))
            node = previous
        ways += way[::-1]
    if not ways:
        problems.error("lie at different junctions", column="stops")
        return None
    whole = np.vstack(ways)
    moves = np.append(True, (np.diff(whole, axis=0) != 0.0).any(axis=1))
    return shapely.LineString(whole[moves])
