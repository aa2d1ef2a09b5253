"""The network of SUMO: streets, crossings, rights of way, signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from dothi.microsim import convert
from dothi.microsim.crossings import Crossings, find_crossings
from dothi.microsim.routes import Way
from dothi.microsim.signals import BUSY, Plan, best_plans, read_programs, where_signals, write_plans
from dothi.microsim.streams import Streams, read_streams
from dothi.microsim.sumo import Sumo
from dothi.shapes import Floats

if TYPE_CHECKING:
    import geopandas as gpd

ORDERS: Final = ("opposites", "incoming")
"""Orders of phases that are tried: opposite streets together, or one street after the other."""


@dataclass(frozen=True, slots=True)
class Network:
    """
    A network of SUMO.

    Attributes
    ----------
    nodes, links
        Tables of the city that it is made of.
    crossings
        Nodes that are one crossing, and roundabouts.
    sumo, folder
        Who makes it, and where.
    path
        Its file.
    plans
        File of the plans of its signals.
    reserve
        By crossing with signals, what its flows could be multiplied by until green is too short.
    """

    nodes: gpd.GeoDataFrame
    links: gpd.GeoDataFrame
    crossings: Crossings
    sumo: Sumo
    folder: Path
    path: Path
    plans: Path | None = None
    reserve: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def made(
        cls, nodes: gpd.GeoDataFrame, links: gpd.GeoDataFrame, join_m: float, ring_m: float, sumo: Sumo, folder: Path
    ) -> Network:
        """Make a network without signals."""
        crossings = find_crossings(nodes, links, join_m, ring_m)
        bare = cls(nodes, links, crossings, sumo, folder, folder / "city.net.xml")
        bare._convert((), bare.path)
        return bare

    @property
    def beyond(self) -> list[str]:
        """Crossings to which more comes than they can pass with any signals."""
        return [name for name, reserve in self.reserve.items() if reserve * BUSY < 1.0]

    def passing(self) -> Floats:
        """By link, share of its flow that the crossing at its end can pass."""
        _, end = convert.read_names(self.path, self.links.index)
        return np.array([min(self.reserve.get(name, np.inf) * BUSY, 1.0) for name in end])

    def with_signals(self, ways: Sequence[Way], hours: float, load_from: float) -> Network:
        """
        Network with signals where vehicles on their ways need them, and with plans fitted to their turns.

        They stand where flow over capacity of a lane that yields is more than `load_from`, and where signals pass more;
        never on rings of roundabouts.
        """
        bare = read_streams(self.path, self.links.index)
        load = bare.load(bare.flows(ways, hours))
        rings = self.links.loc[[link for ring in self.crossings.rings for link in ring]]
        ring = {str(node) for node in {*rings["from_node_id"], *rings["to_node_id"]}}
        lit = [
            name
            for name, x in load.items()
            if x > load_from and name not in ring and len(bare.lanes(bare.at[name])) > 1
        ]
        for _ in range(2):
            nodes = convert.nodes_of(lit, self.crossings)
            programs = []
            for order in reversed(ORDERS):
                self._convert(nodes, self.path, order)
                programs.append(read_programs(self.path))
            streams = read_streams(self.path, self.links.index)
            plans = best_plans(streams, streams.flows(ways, hours), programs)
            needed = where_signals(load, plans, streams.crossing_of)
            if len(needed) == len(plans):
                break
            lit = needed
        path = write_plans(self.folder / "signals.add.xml", plans)
        return replace(self, plans=path, reserve=_reserves(streams, plans))

    def _convert(self, signals: Sequence[int], path: Path, order: str = ORDERS[0]) -> None:
        node_file, edge_file = convert.write_network(self.folder, self.nodes, self.links, signals, self.crossings)
        arguments: list[str | Path] = [
            *("--node-files", node_file, "--edge-files", edge_file, "--output-file", path),
            *("--offset.disable-normalization", "true", "--no-turnarounds.except-deadend", "true"),
            *("--tls.default-type", "static", "--tls.join", "false", "--tls.layout", order),
            *("--junctions.corner-detail", "0", "--roundabouts.guess", "false", "--no-warnings", "true"),
            *("--geometry.remove", "false", "--check-lane-foes.all", "true"),
        ]
        self.sumo.run("netconvert", arguments, self.folder)


def _reserves(streams: Streams, plans: Mapping[str, Plan]) -> dict[str, float]:
    return {streams.crossing_of[name]: plan.reserve for name, plan in plans.items()}
