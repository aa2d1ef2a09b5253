"""Streets that cables follow: a graph of all their vertices, at most some metres apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi.shapes import Floats, Integers

if TYPE_CHECKING:
    import geopandas as gpd

APART_M: Final = 25.0
"""Greatest distance between two vertices: about that of two poles, or of two service lines."""
WITHOUT_CABLES: Final = ("ferry", "motorway", "steps")


@dataclass(frozen=True, slots=True)
class Streets:
    """
    Graph of streets, its largest connected part.

    Attributes
    ----------
    xy : (n, 2)
        Vertices [m].
    graph
        Lengths between neighbours [m], both ways, sparse.
    """

    xy: Floats
    graph: Any

    @classmethod
    def of(cls, links: gpd.GeoDataFrame) -> Streets | None:
        """Streets of a city; None where there are none."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        links = links[~links["class"].astype("str").isin(WITHOUT_CABLES).to_numpy()]
        if not len(links):
            return None
        lines = shapely.segmentize(shapely.force_2d(np.asarray(links.geometry.array, dtype=object)), APART_M)
        points, line = shapely.get_coordinates(lines, return_index=True)
        _, first, vertex = np.unique(np.round(points, 2), axis=0, return_index=True, return_inverse=True)
        vertex = vertex.ravel()
        joined = line[1:] == line[:-1]
        one, other = vertex[:-1][joined], vertex[1:][joined]
        low, high = np.minimum(one, other), np.maximum(one, other)
        pairs = np.unique(np.column_stack([low, high])[low != high], axis=0)  # both directions are one street
        xy, n = points[first], len(first)
        length = np.maximum(np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T), 0.01)
        graph = csr_array(
            (np.r_[length, length], (np.r_[pairs[:, 0], pairs[:, 1]], np.r_[pairs[:, 1], pairs[:, 0]])), (n, n)
        )
        _, part = connected_components(graph, directed=False)
        kept = np.flatnonzero(part == np.bincount(part).argmax())
        return cls(xy[kept], graph[kept][:, kept].tocsr())

    def nearest(self, points: Floats) -> Integers:
        """Vertex nearest to each point."""
        from scipy.spatial import cKDTree

        found: Integers = cKDTree(self.xy).query(points)[1]
        return found

    def forest(self, sources: Integers) -> tuple[Floats, Integers, Integers]:
        """Distance of every vertex to the nearest source along streets, the vertex before it, and that source."""
        from scipy.sparse.csgraph import dijkstra

        found: tuple[Floats, Integers, Integers] = dijkstra(
            self.graph, indices=sources, min_only=True, return_predecessors=True
        )
        return found

    def between(self, ends: Integers) -> Floats:
        """Distances along streets between all of some vertices [m]."""
        from scipy.sparse.csgraph import dijkstra

        chunks = [ends[at : at + 64] for at in range(0, len(ends), 64)]
        return np.concatenate([dijkstra(self.graph, indices=chunk)[:, ends] for chunk in chunks])

    def way(self, start: int, end: int, distance_m: float) -> Any:
        """Line along streets from one vertex to another, whose distance is known."""
        from scipy.sparse.csgraph import dijkstra

        before = dijkstra(self.graph, indices=start, return_predecessors=True, limit=distance_m + 1.0)[1]
        return self.line(_chain(before, end)[::-1])

    def line(self, vertices: list[int]) -> Any:
        """Line through vertices; a short one where there is only one of them."""
        points = self.xy[vertices]
        if len(points) < 2:
            points = np.concatenate([points, points + np.array([[0.1, 0.0]])])
        return shapely.LineString(points)


def _chain(before: Integers, end: int) -> list[int]:
    chain = [end]
    while before[chain[-1]] >= 0:
        chain.append(int(before[chain[-1]]))
    return chain
