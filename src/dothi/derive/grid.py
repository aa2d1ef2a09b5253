"""Electricity grid: made up along streets where no source has one, and who is connected where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from dothi.derive.grid_demand import Coincidence, Demand, demand_of
from dothi.derive.grid_low import low_cables, supply_areas
from dothi.derive.grid_rings import Ring, open_rings, size_of
from dothi.derive.grid_sites import weighted_means
from dothi.derive.grid_streets import Streets
from dothi.errors import Problems
from dothi.place import load
from dothi.shapes import Floats, Integers, Shapes

if TYPE_CHECKING:
    from collections.abc import Iterable

SYNTHETIC: Final = "synthetic"
NEAREST: Final = "nearest"
CONFIDENCE: Final = 0.3
LOW_V: Final = 1000.0
"""Greatest nominal voltage that counts as low [V]."""


def synthetic_grid(
    links: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, *, country: str, problems: Problems
) -> dict[str, Any]:
    """
    Grid made up for a city whose sources have none: a stand-in, not the grid that is there.

    Low voltage: transformers in the middle of their customers, cables along streets as trees. Medium voltage: open
    rings from one or more substations through all stations; large firms are stations of their own.

    Parameters
    ----------
    links, buildings
        Tables of the city.
    country
        Country whose voltages, cables, transformers and demand are taken.
    problems
        Told that the grid is made up.

    Returns
    -------
    dict
        ``grid_nodes``, ``grid_lines``, ``transformers`` and ``grid_connections``, marked as synthetic; nothing where
        there are no streets, or nobody to serve.
    """
    data = load(country, "grid")
    streets = Streets.of(links)
    demand = demand_of(buildings, data["demand"])
    if streets is None or not (demand.kva > 0.0).any():
        return {}
    plan = _Plan(streets, buildings, demand, data)
    plan.add_low_voltage()
    plan.add_medium_voltage()
    tables = plan.tables(links.crs)
    problems.note(
        f"no source has an electricity grid: one with {len(tables['transformers'])} transformers was made up along the "
        "streets; add a source of kind pandapower or opendss to have the real one",
        table="grid_lines",
        n_rows=len(tables["grid_lines"]),
    )
    return tables


@dataclass
class _Plan:
    """Grid in the making."""

    streets: Streets
    buildings: gpd.GeoDataFrame
    demand: Demand
    data: Mapping[str, Any]
    nodes: list[tuple[Any, str, float, float]] = field(default_factory=list)
    lines: list[tuple[int, int, Any, Mapping[str, Any], int, bool]] = field(default_factory=list)
    transformers: list[dict[str, Any]] = field(default_factory=list)
    node_of: Integers = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    serves: Integers = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    vertex: Integers = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    stations: dict[int, int] = field(default_factory=dict)
    station_kva: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        middles = shapely.get_coordinates(shapely.centroid(np.asarray(self.buildings.geometry.array, dtype=object)))
        self.vertex = self.streets.nearest(middles)
        self.node_of = np.full(len(self.buildings), -1, dtype=np.int64)
        self.serves = np.full(len(self.buildings), -1, dtype=np.int64)

    def add_low_voltage(self) -> None:
        """Add transformers, their cables and the buildings on them."""
        asked, n = self.demand, len(self.streets.xy)
        low = (asked.kva > 0.0) & ~asked.medium
        if not low.any():
            return
        homes = np.bincount(self.vertex[low], weights=asked.dwellings[low], minlength=n).astype(float)
        firms = np.bincount(self.vertex[low], weights=asked.firms_kva[low], minlength=n).astype(float)
        together = Coincidence.of(self.data["demand"])
        areas = supply_areas(self.streets, homes, firms, coincidence=together, data=self.data)
        at = {}
        number: dict[int, int] = {}
        for site, kva in zip(areas.sites, areas.kva, strict=True):
            at[int(site)], number[int(site)] = self._add_transformer(int(site), float(kva))
        for cable in low_cables(areas, homes, firms, coincidence=together, data=self.data):
            end = cable.vertices[-1]
            at[end] = self._node(self.streets.xy[end], "joint", self.data["voltage"]["low_v"])
            line = self.streets.line(cable.vertices)
            self.lines.append((at[cable.vertices[0]], at[end], line, cable.kind, cable.parallel, False))
        self.node_of[low] = [at[int(vertex)] for vertex in self.vertex[low]]
        self.serves[low] = [number[int(areas.site[vertex])] for vertex in self.vertex[low]]

    def _node(self, xy: Floats, kind: str, volt: float, held: float = np.nan) -> int:
        self.nodes.append((shapely.Point(xy), kind, volt, held))
        return len(self.nodes) - 1

    def _station(self, vertex: int, kva: float, kind: str = "station") -> int:
        """Node of medium voltage at a vertex of the streets."""
        if vertex not in self.stations:
            self.stations[vertex] = self._node(self.streets.xy[vertex], kind, self.data["voltage"]["medium_v"])
            self.station_kva[vertex] = 0.0
        self.station_kva[vertex] += kva
        return self.stations[vertex]

    def _add_transformer(self, vertex: int, kva: float) -> tuple[int, int]:
        """Add the transformer of an area, or several side by side; gives its node of low voltage and the first one."""
        volt, layout = self.data["voltage"], self.data["layout"]
        primary = self._station(vertex, kva)
        secondary = self._node(self.streets.xy[vertex], "joint", volt["low_v"])
        size, number = size_of(kva, self.data["size"], layout["fill"])
        first = len(self.transformers)
        for _ in range(number):
            self.transformers.append(
                {
                    "geometry": shapely.Point(self.streets.xy[vertex]),
                    "rating_kva": size["kva"],
                    "u_primary_v": volt["medium_v"],
                    "u_secondary_v": volt["secondary_v"],
                    "raised_m": layout["raised_m"],
                    "primary_grid_node_id": primary,
                    "secondary_grid_node_id": secondary,
                    "short_circuit_pct": size["short_circuit_pct"],
                    "load_loss_pct": size["load_loss_w"] / size["kva"] / 10.0,
                    "iron_loss_pct": size["iron_loss_w"] / size["kva"] / 10.0,
                    "no_load_current_pct": size["no_load_current_pct"],
                }
            )
        return secondary, first

    def add_medium_voltage(self) -> None:
        """Add large firms, substations and the rings between all stations."""
        for row in np.flatnonzero(self.demand.medium):
            self.node_of[row] = self._station(int(self.vertex[row]), float(self.demand.kva[row]), "customer")
        vertices = np.array(list(self.stations), dtype=np.int64)
        kva = np.array(list(self.station_kva.values())) * self.data["demand"]["between_areas"]
        layout = self.data["layout"]
        each = layout["substation_mva"] * 1e3 * layout["substation_transformers"] * layout["substation_fill"]
        number = min(int(np.ceil(kva.sum() / each)), len(vertices))
        middles, of = weighted_means(self.streets.xy[vertices], kva, number)
        for which, middle in enumerate(middles):
            own = np.flatnonzero(of == which)
            if len(own):
                self._add_rings(self._substation(middle), vertices[own], kva[own])

    def _substation(self, middle: Floats) -> tuple[int, int]:
        """Add a substation with its transformers; gives its vertex of the streets and its node of medium voltage."""
        volt, layout, kind = self.data["voltage"], self.data["layout"], self.data["substation"]
        vertex = int(self.streets.nearest(middle[None])[0])
        xy = self.streets.xy[vertex]
        high = self._node(xy, "substation", volt["high_v"])
        bus = self._node(xy, "substation", volt["medium_v"], volt["held_pu"])
        for _ in range(layout["substation_transformers"]):
            self.transformers.append(
                {
                    "geometry": shapely.Point(xy),
                    "rating_kva": layout["substation_mva"] * 1e3,
                    "u_primary_v": volt["high_v"],
                    "u_secondary_v": volt["medium_v"],
                    "raised_m": layout["raised_m"],
                    "primary_grid_node_id": high,
                    "secondary_grid_node_id": bus,
                    **{name: value for name, value in kind.items() if name.endswith("_pct")},
                }
            )
        return vertex, bus

    def _add_rings(self, substation: tuple[int, int], vertices: Integers, kva: Floats) -> None:
        vertex, bus = substation
        cable = [kind for kind in self.data["cable"] if not kind["low"]][-1]
        volt = self.data["voltage"]["medium_v"]
        most = self.data["layout"]["ring_fill"] * np.sqrt(3.0) * volt * cable["rating_a"] / 1e3
        distance = self.streets.between(np.r_[vertex, vertices])
        rings = open_rings(distance, kva, most_kva=most, most_stations=self.data["layout"]["stations_per_ring"])
        for ring in rings:
            self._add_ring(ring, (vertex, bus), vertices, cable, distance)

    def _add_ring(
        self, ring: Ring, substation: tuple[int, int], vertices: Integers, cable: Mapping[str, Any], distance: Floats
    ) -> None:
        stops = [substation[0], *(int(vertices[station]) for station in ring.stations), substation[0]]
        ids = [substation[1], *(self.stations[stop] for stop in stops[1:-1]), substation[1]]
        rows = [0, *(1 + station for station in ring.stations), 0]
        for leg in range(len(stops) - 1):
            line = self.streets.way(stops[leg], stops[leg + 1], distance[rows[leg], rows[leg + 1]])
            self.lines.append((ids[leg], ids[leg + 1], line, cable, 1, leg == ring.opened))

    def tables(self, crs: Any) -> dict[str, Any]:
        """Tables of the grid."""
        points, kinds, volts, held = zip(*self.nodes, strict=True)
        nodes = gpd.GeoDataFrame(
            {"kind": kinds, "nominal_v": volts, "held_pu": held, "method": SYNTHETIC}, geometry=list(points), crs=crs
        )
        transformers = gpd.GeoDataFrame(self.transformers, geometry="geometry", crs=crs)
        transformers = transformers.assign(
            method=SYNTHETIC,
            **{f"{name}_method": SYNTHETIC for name in ("rating_kva", "raised_m")},
            **{f"{name}_confidence": CONFIDENCE for name in ("rating_kva", "raised_m")},
        )
        return {
            "grid_nodes": nodes,
            "grid_lines": _lines_table(self.lines, crs),
            "transformers": transformers,
            "grid_connections": self._connections(points),
        }

    def _connections(self, points: Iterable[Any]) -> pd.DataFrame:
        rows = np.flatnonzero(self.node_of >= 0)
        nodes = np.array(list(points), dtype=object)[self.node_of[rows]]
        shapes = np.asarray(self.buildings.geometry.array, dtype=object)[rows]
        serves = pd.Series(self.serves[rows]).astype("Int64")
        return pd.DataFrame(
            {
                "building_id": self.buildings.index.to_numpy()[rows],
                "grid_node_id": self.node_of[rows],
                "transformer_id": serves.where(serves >= 0),
                "drop_m": shapely.distance(shapes, nodes),
                "customers": self.demand.customers[rows],
                "design_kva": self.demand.kva[rows],
                "method": SYNTHETIC,
            }
        )


def _lines_table(lines: list[tuple[int, int, Any, Mapping[str, Any], int, bool]], crs: Any) -> gpd.GeoDataFrame:
    """Lines; several cables side by side are one line with all of them."""
    one, other, shapes, kinds, parallel, opened = (list(column) for column in zip(*lines, strict=True))
    number = np.array(parallel, dtype=float)
    columns = {
        name: np.array([kind[name] for kind in kinds]) for name in ("r_ohm_km", "x_ohm_km", "c_nf_km", "rating_a")
    }
    return gpd.GeoDataFrame(
        {
            "from_grid_node_id": one,
            "to_grid_node_id": other,
            "length_m": shapely.length(np.array(shapes, dtype=object)),
            "cable": [
                kind["name"] if n == 1 else f"{n} × {kind['name']}" for kind, n in zip(kinds, parallel, strict=True)
            ],
            "r_ohm_km": columns["r_ohm_km"] / number,
            "x_ohm_km": columns["x_ohm_km"] / number,
            "c_nf_km": columns["c_nf_km"] * number,
            "rating_a": columns["rating_a"] * number,
            "open": opened,
            "method": SYNTHETIC,
        },
        geometry=shapes,
        crs=crs,
    )


def connected(
    nodes: gpd.GeoDataFrame,
    lines: gpd.GeoDataFrame,
    transformers: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    *,
    country: str,
) -> pd.DataFrame:
    """
    Connections of buildings to a grid that a source has: each to the nearest node of its voltage.

    Large firms are connected to medium voltage where the grid has any; all others to low voltage, where it has any.

    Parameters
    ----------
    nodes, lines, transformers
        The grid.
    buildings
        Buildings.
    country
        Country whose demand is taken.
    """
    data = load(country, "grid")
    demand = demand_of(buildings, data["demand"])
    rows = np.flatnonzero(demand.kva > 0.0)
    shapes: Shapes = np.asarray(buildings.geometry.array, dtype=object)[rows]
    low = nodes["nominal_v"].to_numpy(dtype=float) <= LOW_V
    at = np.full(len(rows), -1, dtype=np.int64)
    for wanted, right in ((demand.medium[rows], ~low), (~demand.medium[rows], low)):
        among = np.flatnonzero(right if right.any() else np.ones(len(nodes), dtype=bool))
        points = np.asarray(nodes.geometry.array, dtype=object)[among]
        own = np.flatnonzero(wanted)
        if len(own):
            at[own] = among[shapely.STRtree(points).query_nearest(shapes[own], all_matches=False)[1]]
    serving = serving_transformers(nodes, lines, transformers)
    found = serving.reindex(nodes.index[at]).to_numpy()
    return pd.DataFrame(
        {
            "building_id": buildings.index.to_numpy()[rows],
            "grid_node_id": nodes.index.to_numpy()[at],
            "transformer_id": pd.array(found, dtype="Int64"),
            "drop_m": shapely.distance(shapes, np.asarray(nodes.geometry.array, dtype=object)[at]),
            "customers": demand.customers[rows],
            "design_kva": demand.kva[rows],
            "method": NEAREST,
        }
    )


def serving_transformers(nodes: pd.DataFrame, lines: pd.DataFrame, transformers: pd.DataFrame) -> pd.Series:
    """Transformer behind every node of low voltage, over closed lines; missing at other nodes."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(nodes)
    closed = ~lines["open"].fillna(False).to_numpy(dtype=bool) if "open" in lines else np.ones(len(lines), dtype=bool)
    one, other = (nodes.index.get_indexer(lines[f"{end}_grid_node_id"])[closed] for end in ("from", "to"))
    graph = coo_array((np.ones(len(one)), (one, other)), (n, n))
    _, part = connected_components(graph, directed=False)
    lower = nodes.index.get_indexer(transformers["secondary_grid_node_id"])
    known = lower >= 0
    ids = pd.Series(transformers.index.to_numpy()[known], index=part[lower[known]])
    ids = ids[~ids.index.duplicated()]
    found = pd.Series(ids.reindex(part).to_numpy(), index=nodes.index, dtype="Int64")
    return found.where((nodes["nominal_v"] <= LOW_V).to_numpy())
