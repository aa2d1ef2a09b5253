"""The city as networks: roads that classes of vehicles share, and the ways of those who walk and cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

from dothi.shapes import Floats, Integers, Mask
from dothi.traffic.gateways import Gateways
from dothi.traffic.network import BPR, Network
from dothi.traffic.parts import great_parts
from dothi.units import M_S_PER_KM_H

if TYPE_CHECKING:
    from dothi.city import City

CONNECTORS: Final = 4
"""Nodes at which the trips of a zone reach the network."""
CONNECTOR_M_S: Final = 4.5 * M_S_PER_KM_H
"""Between a zone and its nodes people walk: to a parked vehicle, or along a path that is not on the map."""
CONNECTOR_M: Final = 800.0
"""Farther than this, and farther than one and a half times the size of the zone, nobody walks to a vehicle."""
DETOUR: Final = 1.3
LEAST_CAPACITY: Final = 100.0
UNKNOWN_CAPACITY: Final = 600.0
UNKNOWN_SPEED_M_S: Final = 30.0 * M_S_PER_KM_H
LEAST_TIME_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Terminals:
    """
    Where trips enter and leave networks: zones, then gateways.

    Attributes
    ----------
    centre : (n_zones, 2)
        Where trips of zones begin [m].
    size_m : (n_zones,)
        How wide zones are [m].
    gateways
        Gateways.
    """

    centre: Floats
    size_m: Floats
    gateways: Gateways

    @property
    def n_zones(self) -> int:
        """Number of zones."""
        return len(self.centre)

    def __len__(self) -> int:
        return len(self.centre) + len(self.gateways)

    @property
    def xy(self) -> Floats:
        """Where all of them are [m]."""
        return np.concatenate([self.centre, self.gateways.xy])


@dataclass(frozen=True, slots=True)
class Graph:
    """
    Links of a city as positions of their nodes.

    Attributes
    ----------
    tail, head : (n_links,)
        Positions of the nodes.
    xy : (n_nodes, 2)
        Where nodes are [m].
    length_m, speed_m_s, capacity_pcu_h : (n_links,)
        Length, speed on the empty link, capacity.
    open_to : dict
        By mode, whether each link is open to it.
    """

    tail: Integers
    head: Integers
    xy: Floats
    length_m: Floats
    speed_m_s: Floats
    capacity_pcu_h: Floats
    open_to: dict[str, Mask]


def graph_of(city: City) -> Graph:
    """Links and nodes of a city as arrays."""
    nodes, links = city["nodes"], city["links"]
    speed = links["free_speed_m_s"].to_numpy(dtype=float, na_value=np.nan)
    capacity = links["capacity_veh_h"].to_numpy(dtype=float, na_value=np.nan)
    capacity = np.where(np.isnan(capacity), UNKNOWN_CAPACITY, capacity)
    return Graph(
        nodes.index.get_indexer(links["from_node_id"]),
        nodes.index.get_indexer(links["to_node_id"]),
        shapely.get_coordinates(np.asarray(nodes.geometry.array, dtype=object)),
        links["length_m"].to_numpy(dtype=float),
        np.where(np.isnan(speed), UNKNOWN_SPEED_M_S, speed),
        np.maximum(capacity, LEAST_CAPACITY),
        {mode: links[mode].to_numpy(dtype=bool) for mode in ("walk", "bicycle", "motorbike", "car", "truck")},
    )


@dataclass(frozen=True, slots=True)
class Roads:
    """
    A network for assignment, and what of it is what in the city.

    Attributes
    ----------
    network
        The network: its first links are those of the city, connectors follow.
    rows : (n_city_links,)
        Positions of its links in the table of the city.
    length_m : (n_links,)
        Length of all its links, connectors too [m].
    tied : (n_classes, n_terminals)
        Whether a class can enter and leave the network at each terminal.
    """

    network: Network
    rows: Integers
    length_m: Floats
    tied: npt.NDArray[np.bool_]

    def within(self, between: Floats) -> Floats:
        """Values between terminals, by class; infinite from a terminal to itself where the class has no network."""
        found = between.copy()
        at = np.arange(found.shape[-1])
        found[:, at, at] = np.where(self.tied, found[:, at, at], np.inf)
        return found


@dataclass(frozen=True, slots=True)
class Around:
    """
    Ways around the city, outside of it: who leaves by one gateway may come back by another.

    Attributes
    ----------
    detour
        Way over straight distance.
    speed_m_s
        Speed [m/s].
    access_s
        Time from a gateway to the way around, and back from it at another, together [s].
    """

    detour: float
    speed_m_s: float
    access_s: float


def roads_for(
    graph: Graph,
    terminals: Terminals,
    open_links: Sequence[Mask],
    free_speed_m_s: Floats,
    *,
    closed: Sequence[Mask] | None = None,
    delay: tuple[float, float] = (0.0, 1.0),
    background_pcu_h: Floats | None = None,
    connector_m_s: float = CONNECTOR_M_S,
    around: Around | None = None,
) -> Roads:
    """
    Network that classes share, with connectors to zones and gateways.

    A zone is tied to the nodes nearest to it, in a great part of the network in which the class gets from everywhere to
    everywhere. No trip passes
    through a zone or a gateway.

    Parameters
    ----------
    graph
        The city.
    terminals
        Zones and gateways.
    open_links : (n_classes) of (n_links,)
        Links open to each class.
    free_speed_m_s : (n_links,)
        Speed on the empty link [m/s].
    closed : (n_classes) of (n_links,)
        Of these, links that a rule keeps the class out of. The network has them all the same, for others and for
        other hours.
    delay
        Parameters of the volume-delay function.
    background_pcu_h : (n_links,)
        Flow that is there in any case [pcu/h].
    connector_m_s
        Speed between a zone and its nodes [m/s].
    around
        Ways outside from gateway to gateway; none where left out.
    """
    rows = np.flatnonzero(np.logical_or.reduce(open_links))
    if closed is not None:
        open_links = [is_open & ~out for is_open, out in zip(open_links, closed, strict=True)]
    tail, head, seconds, metres, allowed = _connectors(graph, terminals, open_links, connector_m_s)
    outer = 0 if around is None else len(terminals.gateways)
    if around is not None:
        more = _ways_around(terminals.gateways, len(terminals), len(graph.xy), around)
        tail, head = np.concatenate([tail, more[0]]), np.concatenate([head, more[1]])
        seconds, metres = np.concatenate([seconds, more[2]]), np.concatenate([metres, more[3]])
        allowed = [np.concatenate([allow, np.ones(len(more[0]), dtype=bool)]) for allow in allowed]
    n, n_tied = len(rows), len(tail)
    first = len(terminals)
    cost = np.full((len(open_links), n + n_tied), np.inf)
    for c, is_open in enumerate(open_links):
        cost[c, :n] = np.where(is_open[rows], 0.0, np.inf)
        cost[c, n:] = np.where(allowed[c], 0.0, np.inf)
    free = np.maximum(graph.length_m[rows] / np.maximum(free_speed_m_s[rows], 1e-2), LEAST_TIME_S)
    zeros = np.zeros(n_tied)
    background = np.zeros(n) if background_pcu_h is None else background_pcu_h[rows]
    network = Network(
        n_zones=first,
        n_nodes=first + len(graph.xy) + outer,
        from_node=np.r_[graph.tail[rows] + first, tail].astype(np.int32),
        to_node=np.r_[graph.head[rows] + first, head].astype(np.int32),
        free_time_s=np.r_[free, seconds],
        capacity_pcu_h=np.r_[graph.capacity_pcu_h[rows], zeros + 1e6],
        alpha=np.r_[np.full(n, delay[0]), zeros],
        beta=np.r_[np.full(n, delay[1]), zeros + 1.0],
        function=np.full(n + n_tied, BPR, dtype=np.int8),
        cost_s=cost,
        background_pcu_h=np.r_[background, zeros],
    )
    tied = np.zeros((len(open_links), first + len(graph.xy) + outer), dtype=bool)
    for c, allow in enumerate(allowed):
        tied[c, tail[allow]] = True
    return Roads(network, rows, np.r_[graph.length_m[rows], metres], tied[:, :first])


def _connectors(
    graph: Graph, terminals: Terminals, open_links: Sequence[Mask], speed_m_s: float
) -> tuple[Integers, Integers, Floats, Floats, list[Mask]]:
    """Connectors of all classes: where from and to, seconds, metres, and which class may use each."""
    first = len(terminals)
    found: dict[tuple[int, int], tuple[float, list[bool]]] = {}

    def tie(tail: int, head: int, metres: float, c: int) -> None:
        known = found.setdefault((tail, head), (metres, [False] * len(open_links)))
        known[1][c] = True

    for c, is_open in enumerate(open_links):
        at, apart = _near_nodes(graph, is_open, terminals.centre)
        reach = np.maximum(CONNECTOR_M, 1.5 * terminals.size_m)
        for zone in range(terminals.n_zones):
            for node, metres in zip(at[zone], apart[zone], strict=True):
                if metres > reach[zone]:
                    break
                tie(zone, first + node, DETOUR * metres, c)
                tie(first + node, zone, DETOUR * metres, c)
        for gateway, node in terminals.gateways.inward:
            tie(terminals.n_zones + gateway, first + node, 0.0, c)
        for gateway, node in terminals.gateways.outward:
            tie(first + node, terminals.n_zones + gateway, 0.0, c)
    ends = np.array(list(found), dtype=np.int64).reshape(-1, 2)
    metres = np.array([length for length, _ in found.values()])
    allowed = np.array([who for _, who in found.values()], dtype=bool).reshape(-1, len(open_links))
    return ends[:, 0], ends[:, 1], metres / speed_m_s, metres, list(allowed.T)


def _ways_around(
    gateways: Gateways, first: int, n_nodes: int, around: Around
) -> tuple[Integers, Integers, Floats, Floats]:
    """Links from gateways to a node outside each, and from there to the next two on either side of the city."""
    outer = first + n_nodes + np.arange(len(gateways))
    middle = gateways.xy.mean(axis=0) if len(gateways) else np.zeros(2)
    order = np.argsort(np.arctan2(*(gateways.xy - middle).T[::-1]), kind="stable")
    pairs = {
        (int(one), int(other))
        for step in (1, 2)
        for a, b in zip(order, np.roll(order, -step), strict=True)
        for one, other in ((a, b), (b, a))
        if one != other
    }
    ring = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    apart = around.detour * np.hypot(*(gateways.xy[ring[:, 0]] - gateways.xy[ring[:, 1]]).T)
    doors = np.zeros(len(gateways.outward) + len(gateways.inward))
    tail = np.concatenate([first + gateways.outward[:, 1], outer[gateways.inward[:, 0]], outer[ring[:, 0]]])
    head = np.concatenate([outer[gateways.outward[:, 0]], first + gateways.inward[:, 1], outer[ring[:, 1]]])
    seconds = np.concatenate([doors + around.access_s / 2.0, apart / around.speed_m_s])
    return tail, head, seconds, np.concatenate([doors, apart])


def _near_nodes(graph: Graph, is_open: Mask, points: Floats) -> tuple[npt.NDArray[Any], Floats]:
    """Nodes nearest to each point in the great part of the network to which the nearest belongs, and how far [m]."""
    part = great_parts(graph.tail[is_open], graph.head[is_open], len(graph.xy))
    inside = np.flatnonzero(part >= 0)
    if not len(inside):
        return np.empty((len(points), 0), dtype=np.int64), np.empty((len(points), 0))
    mine = part[inside[cKDTree(graph.xy[inside]).query(points)[1]]]
    at = np.zeros((len(points), CONNECTORS), dtype=np.int64)
    apart = np.full((len(points), CONNECTORS), np.inf)
    for number in np.unique(mine):
        nodes, here = np.flatnonzero(part == number), np.flatnonzero(mine == number)
        count = min(CONNECTORS, len(nodes))
        metres, nearest = cKDTree(graph.xy[nodes]).query(points[here], k=count)
        at[here, :count] = nodes[nearest.reshape(len(here), count)]
        apart[here, :count] = metres.reshape(len(here), count)
    return at, apart
