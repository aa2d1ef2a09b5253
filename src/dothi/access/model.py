"""Walking distance from every building to the nearest place of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import shapely
from pydantic import Field

from dothi.access.graph import graph_of
from dothi.access.places import KINDS, SERVICES, shapes_of
from dothi.access.search import at, beside, nearest
from dothi.model import Params, Result, columns_of
from dothi.schema import Column, Schema

if TYPE_CHECKING:
    from dothi.city import City


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

    A building and a facility walk straight to their nearest walkable node, scraps of the network left aside; from there
    the shortest way counts (Dijkstra from all places of a kind at once).
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
        "buildings": {f"walk_to_{place}_m": _distance(place) for place in SERVICES}
    }
    references: ClassVar[tuple[str, ...]] = (
        "E. W. Dijkstra, A note on two problems in connexion with graphs, 1959, doi:10.1007/BF01386390",
    )

    def run(self, city: City) -> Result:
        """Distances of all buildings."""
        import pandas as pd

        buildings, facilities, links = city["buildings"], city["facilities"], city["links"]
        graph = graph_of(links, city["nodes"], "walk", links["length_m"].to_numpy(dtype=float)).reversed
        doors = beside(graph, shapely.get_coordinates(shapely.point_on_surface(shapes_of(buildings))), 1.0)
        places = {place: shapes_of(facilities[facilities["kind"].isin(kinds)]) for place, kinds in KINDS.items()}
        places["stop"] = shapes_of(city["stops"])
        limit = self.params.limit_m
        columns = {}
        for place, shapes in places.items():
            sources = beside(graph, shapely.get_coordinates(shapely.centroid(shapes)), 1.0)
            columns[f"walk_to_{place}_m"] = at(doors, nearest(graph, sources, limit), limit)
        return Result(
            tables={"buildings": pd.DataFrame(columns, index=buildings.index)},
            diagnostics={"nodes": len(graph), "places": {place: len(shapes) for place, shapes in places.items()}},
        )
