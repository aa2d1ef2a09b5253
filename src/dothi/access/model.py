"""Walking distance from every building to the nearest place of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import shapely
from pydantic import Field

from dothi.model import Params, Result, columns_of
from dothi.schema import Column, Schema
from dothi.shapes import Floats, Integers, Shapes

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from dothi.city import City

PLACES: Final[dict[str, tuple[str, ...]]] = {
    "kindergarten": ("kindergarten",),
    "school": ("school",),
    "health": ("hospital", "clinic"),
    "pharmacy": ("pharmacy",),
    "food": ("supermarket", "market", "shop"),
    "park": ("park",),
    "culture": ("culture", "library"),
    "sport": ("sport",),
    "office": ("public_office",),
}
"""Places that people walk to, each with the kinds of facility that serve as one."""


class WalkParams(Params):
    """Parameters of walking distances."""

    limit_m: float = Field(default=3000.0, gt=0.0, le=20_000.0, description="Distance beyond which none is found [m].")


def _distance(place: str) -> Column:
    return Column(
        "float", "m", f"Walking distance to the nearest {place}; missing beyond the limit.", 0.0, missing=True
    )


@dataclass(frozen=True, slots=True)
class WalkModel:
    """
    Walking distance to the nearest place of each kind, along the street network.

    A building and a facility walk straight to their nearest walkable node; from there the shortest way counts
    (Dijkstra from all places of a kind at once).
    """

    params: WalkParams = field(default_factory=WalkParams)

    name: ClassVar[str] = "walk"
    inputs: ClassVar[Mapping[str, Schema]] = {
        "buildings": columns_of("buildings", "geometry"),
        "nodes": columns_of("nodes", "geometry"),
        "links": columns_of("links", "from_node_id", "to_node_id", "length_m", "walk"),
        "facilities": columns_of("facilities", "geometry", "kind"),
        "stops": columns_of("stops", "geometry"),
    }
    optional: ClassVar[tuple[str, ...]] = ("facilities", "stops")
    rasters: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[Mapping[str, Schema]] = {
        "buildings": {f"walk_to_{place}_m": _distance(place) for place in (*PLACES, "stop")}
    }
    references: ClassVar[tuple[str, ...]] = (
        "E. W. Dijkstra, A note on two problems in connexion with graphs, 1959, doi:10.1007/BF01386390",
    )

    def run(self, city: City) -> Result:
        """Distances of all buildings."""
        import pandas as pd

        buildings, facilities = city["buildings"], city["facilities"]
        graph, nodes = _walkable(city)
        at, on_foot = _nearest(nodes, shapely.point_on_surface(_shapes(buildings)))
        kinds = facilities["kind"].astype("str").to_numpy()
        places = {place: _shapes(facilities)[np.isin(kinds, names)] for place, names in PLACES.items()}
        places["stop"] = _shapes(city["stops"])
        columns = {
            f"walk_to_{place}_m": _beyond(self._from_nodes(graph, nodes, shapely.centroid(shapes))[at] + on_foot, self)
            for place, shapes in places.items()
        }
        return Result(
            tables={"buildings": pd.DataFrame(columns, index=buildings.index)},
            diagnostics={"nodes": len(nodes), "places": {place: len(shapes) for place, shapes in places.items()}},
        )

    def _from_nodes(self, graph: csr_array, nodes: Floats, places: Shapes) -> Floats:
        """Distance from every node to the nearest place."""
        from scipy.sparse import csr_array, hstack, vstack
        from scipy.sparse.csgraph import dijkstra

        if not len(places) or not len(nodes):
            return np.full(len(nodes), np.inf)
        at, on_foot = _nearest(nodes, places)
        least = np.full(len(nodes), np.inf)
        np.minimum.at(least, at, np.maximum(on_foot, 1e-3))  # a zero in a sparse matrix is no edge
        doors = np.flatnonzero(np.isfinite(least))
        start = csr_array((least[doors], (np.zeros(len(doors), dtype=int), doors)), shape=(1, len(nodes)))
        whole = vstack([hstack([graph, csr_array((len(nodes), 1))]), hstack([start, csr_array((1, 1))])], format="csr")
        found: Floats = dijkstra(whole, indices=len(nodes), limit=self.params.limit_m)[:-1]
        return found


def _shapes(table: Any) -> Shapes:
    return np.asarray(table.geometry.array, dtype=object)


def _beyond(distances: Floats, model: WalkModel) -> Floats:
    return np.where(distances <= model.params.limit_m, distances, np.nan)


def _walkable(city: City) -> tuple[csr_array, Floats]:
    """Lengths of walkable links between the nodes they touch, against their direction, and where these are."""
    from scipy.sparse import csr_array

    links = city["links"]
    links = links[links["walk"].to_numpy(dtype=bool)]
    ends = city["nodes"].index.get_indexer(np.r_[links["from_node_id"], links["to_node_id"]])
    used, ends = np.unique(ends, return_inverse=True)
    tail, head = ends[: len(links)], ends[len(links) :]
    order = np.lexsort([links["length_m"], tail, head])  # of parallel links, the shortest comes first
    tail, head, length = tail[order], head[order], links["length_m"].to_numpy()[order]
    first = np.r_[True, (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])] if len(tail) else np.empty(0, dtype=bool)
    graph = csr_array((np.maximum(length[first], 1e-3), (head[first], tail[first])), shape=(len(used), len(used)))
    return graph, shapely.get_coordinates(_shapes(city["nodes"]))[used]


def _nearest(nodes: Floats, points: Shapes) -> tuple[Integers, Floats]:
    """Nearest node of every point, and how far it is [m]."""
    from scipy.spatial import cKDTree

    if not len(nodes):
        return np.zeros(len(points), dtype=np.int64), np.full(len(points), np.inf)
    distance, at = cKDTree(nodes).query(shapely.get_coordinates(points))
    return at, distance
