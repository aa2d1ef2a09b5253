"""Where roads leave the box that a city was cut from, and who lives and works beyond."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from dothi.shapes import Floats, Integers, Mask
from dothi.traffic.habits import Habits
from dothi.traffic.parts import great_parts

if TYPE_CHECKING:
    from dothi.city import City

THROUGH_ROADS: Final = ("motorway", "trunk", "primary", "secondary", "tertiary")
EDGE_M: Final = 30.0
"""Distance from the edge of the box up to which a dead end is where the road was cut."""
PAIR_M: Final = 80.0
"""Distance up to which two one-way roads, one in and one out, are one gateway."""
BELT: Final = 0.2
"""Width of the belt along the edge whose density goes on outside, as a share of the shorter side."""


@dataclass(frozen=True, slots=True)
class Gateways:
    """
    Roads that lead out of the city.

    Attributes
    ----------
    names : tuple of str
        Name of the road; empty where it has none.
    xy : (n, 2)
        Where it leaves [m].
    inward, outward : (n_ends, 2)
        Pairs of a gateway and the position of a node: where traffic comes in, and where it goes out.
    capacity_pcu_h : (n,)
        Capacity of the roads in and out, the mean of both.
    """

    names: tuple[str, ...]
    xy: Floats
    inward: Integers
    outward: Integers
    capacity_pcu_h: Floats

    def __len__(self) -> int:
        return len(self.names)

    def node_of(self) -> Integers:
        """Position of the node of each gateway: where traffic comes in."""
        first = np.full(len(self), -1, dtype=np.int64)
        for gateway, node in self.inward[::-1]:
            first[gateway] = node
        return first


def no_gateways() -> Gateways:
    """Those of a city from which no road leads."""
    none = np.empty((0, 2), dtype=np.int64)
    return Gateways((), np.empty((0, 2)), none, none, np.empty(0))


def find_gateways(city: City, mode: str = "car") -> Gateways:
    """
    Dead ends of greater roads at the edge of the box; one-way roads in and out near each other are one gateway.

    Parameters
    ----------
    city
        The city.
    mode
        Mode to which the roads are open.
    """
    ends = _cut_ends(city, mode)
    if not len(ends.node):
        return no_gateways()
    group = _paired(ends)
    whole = [g for g in np.unique(group) if ends.into[group == g].any() and ends.out[group == g].any()]
    if not whole:
        return no_gateways()
    middle = np.array([ends.xy[group == g].mean(axis=0) for g in whole])
    number = np.array([_position(whole, g, ends.xy[i], middle) for i, g in enumerate(group)])
    capacity = np.zeros((2, len(whole)))
    np.add.at(capacity[0], number, np.where(ends.into, ends.capacity, 0.0))
    np.add.at(capacity[1], number, np.where(ends.out, ends.capacity, 0.0))
    names = tuple(
        next((ends.names[i] for i in np.flatnonzero(number == g) if ends.names[i]), "") for g in range(len(whole))
    )
    return Gateways(
        names,
        middle,
        np.column_stack([number[ends.into], ends.node[ends.into]]),
        np.column_stack([number[ends.out], ends.node[ends.out]]),
        capacity.mean(axis=0),
    )


def _position(whole: list[Any], group: Any, xy: Floats, middle: Floats) -> int:
    """Number of the gateway of an end; one-way ends without a partner belong to the nearest."""
    if group in whole:
        return whole.index(group)
    return int(np.argmin(np.hypot(*(middle - xy).T)))


@dataclass(frozen=True, slots=True)
class _Ends:
    """Dead ends at the edge: node, place, whether roads come in and go out there, capacity, name."""

    node: Integers
    xy: Floats
    into: Any
    out: Any
    capacity: Floats
    names: list[str]


def _cut_ends(city: City, mode: str) -> _Ends:
    nodes, links = city["nodes"], city["links"]
    links = links[links[mode].to_numpy(dtype=bool)]
    tail = nodes.index.get_indexer(links["from_node_id"])
    head = nodes.index.get_indexer(links["to_node_id"])
    xy = shapely.get_coordinates(np.asarray(nodes.geometry.array, dtype=object))
    pairs = np.unique(np.sort(np.column_stack([tail, head]), axis=1), axis=0)
    neighbours = np.bincount(pairs[pairs[:, 0] != pairs[:, 1]].ravel(), minlength=len(nodes))
    west, south, east, north = city.bounds
    inside_m = np.minimum.reduce([xy[:, 0] - west, east - xy[:, 0], xy[:, 1] - south, north - xy[:, 1]])
    great = np.isin(links["class"].astype("object").astype(str).to_numpy(), THROUGH_ROADS)
    on_great = np.zeros(len(nodes), dtype=bool)
    on_great[np.r_[tail[great], head[great]]] = True
    node = np.flatnonzero((neighbours == 1) & (inside_m <= EDGE_M) & on_great)
    capacity = np.nan_to_num(links["capacity_veh_h"].to_numpy(dtype=float, na_value=0.0))
    names = links["name"].astype("object").to_numpy() if "name" in links else np.full(len(links), None, dtype=object)
    at_tail = {n: i for i, n in enumerate(tail)}
    at_head = {n: i for i, n in enumerate(head)}
    reaches, reached = _joined(tail, head, len(nodes))
    into = np.array([n in at_tail for n in node], dtype=bool) & reaches[node]
    out = np.array([n in at_head for n in node], dtype=bool) & reached[node]
    used = into | out
    node, into, out = node[used], into[used], out[used]
    any_link = [at_tail.get(n, at_head.get(n, 0)) for n in node]
    return _Ends(
        node.astype(np.int64),
        xy[node],
        into,
        out,
        capacity[any_link],
        ["" if names[i] is None or names[i] != names[i] else str(names[i]) for i in any_link],
    )


def _joined(tail: Integers, head: Integers, n: int) -> tuple[Mask, Mask]:
    """Nodes from which a greater part in which all reach all can be reached, and those reached from one."""
    part = great_parts(tail, head, n)
    numbers, first = np.unique(part, return_index=True)
    doors = first[numbers >= 0]
    found = []
    for begin, end in ((head, tail), (tail, head)):
        rows, columns = np.concatenate([begin, np.full(len(doors), n)]), np.concatenate([end, doors])
        graph = csr_array((np.ones(len(rows)), (rows, columns)), shape=(n + 1, n + 1))
        there = np.zeros(n + 1, dtype=bool)
        there[breadth_first_order(graph, n, return_predecessors=False)] = True
        found.append(there[:n])
    return found[0], found[1]


def _paired(ends: _Ends) -> Integers:
    """Group of each end: two one-way ends, one in and one out, the nearest to each other first."""
    group = np.arange(len(ends.node))
    only_in = np.flatnonzero(ends.into & ~ends.out)
    only_out = np.flatnonzero(ends.out & ~ends.into)
    apart = np.hypot(*(ends.xy[only_in][:, None] - ends.xy[only_out][None]).transpose(2, 0, 1))
    free_in, free_out = set(range(len(only_in))), set(range(len(only_out)))
    for i, o in zip(*np.unravel_index(np.argsort(apart, axis=None, kind="stable"), apart.shape), strict=True):
        if apart[i, o] > PAIR_M:
            break
        if i in free_in and o in free_out:
            group[only_out[o]] = only_in[i]
            free_in.discard(i)
            free_out.discard(o)
    return group


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    Places beyond the gateways: one for each gateway and ring.

    Attributes
    ----------
    gateway : (n,)
        Gateway through which each is reached.
    beyond_m : (n,)
        Straight distance from the gateway [m].
    width_m : (n,)
        How wide it is, for trips within it [m].
    xy : (n, 2)
        Where it lies [m].
    opportunities : dict
        What draws trips to it, as of zones.
    """

    gateway: Integers
    beyond_m: Floats
    width_m: Floats
    xy: Floats
    opportunities: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.gateway)


def surroundings(city: City, gateways: Gateways, inside: dict[str, Floats], habits: Habits) -> Surroundings:
    r"""
    Who lives and works beyond the gateways.

    The density of residents goes on from that of the belt along the edge and falls as :math:`e^{-r / L}` [1]_. They
    are shared out among gateways by capacity, and put into rings behind them. Jobs outside are those that residents of
    the whole region have and that do not lie inside; everything else is in proportion to residents.

    Parameters
    ----------
    city
        The city.
    gateways
        Its gateways.
    inside
        Opportunities of its zones.
    habits
        How people travel.

    References
    ----------
    .. [1] C. Clark, "Urban Population Densities", Journal of the Royal Statistical Society A 114(4), 1951, 490-496,
       https://doi.org/10.2307/2981088
    """
    given = habits.data["surroundings"]
    edges = np.r_[0.0, np.asarray(given["edge_m"], dtype=float)]
    n_rings, n = len(edges) - 1, len(gateways)
    west, south, east, north = city.bounds
    radius = np.sqrt((east - west) * (north - south) / np.pi)
    people, middle_m = _rings(edges, radius, edge_density(city, inside["residents"]), given["decay_m"])
    weight = gateways.capacity_pcu_h / gateways.capacity_pcu_h.sum() if n else np.empty(0)
    residents = (weight[:, None] * people).ravel()
    away = gateways.xy - np.array([(west + east) / 2.0, (south + north) / 2.0])
    away = away / np.maximum(np.hypot(*away.T), 1.0)[:, None]
    beyond = np.tile(middle_m, n)
    area = np.pi * ((radius + edges[1:]) ** 2 - (radius + edges[:-1]) ** 2) / max(n, 1)
    part = habits.numbers("opportunities")
    workers = part["workers_per_resident"] * (residents.sum() + inside["residents"].sum())
    jobs = max(workers - inside["jobs"].sum(), 0.2 * part["workers_per_resident"] * residents.sum())
    of_people = residents / residents.sum() if residents.sum() > 0.0 else residents
    return Surroundings(
        np.repeat(np.arange(n), n_rings),
        beyond,
        np.tile(np.sqrt(area), n),
        np.repeat(gateways.xy, n_rings, axis=0) + beyond[:, None] * np.repeat(away, n_rings, axis=0),
        {
            "residents": residents,
            "jobs": jobs * of_people,
            "school_places": part["pupils_per_resident"] * residents,
            "retail_100m2": part["outside_retail_m2"] / 100.0 * residents,
            "leisure_100m2": part["outside_leisure_m2"] / 100.0 * residents,
        },
    )


def edge_density(city: City, residents: Floats) -> float:
    """Residents per square metre in the belt along the edge of the box; those of a zone live all over it."""
    west, south, east, north = city.bounds
    width = BELT * min(east - west, north - south)
    inner = shapely.box(west + width, south + width, east - width, north - width)
    belt = shapely.difference(shapely.box(west, south, east, north), inner)
    zones = np.asarray(city["zones"].geometry.array, dtype=object)
    inside = shapely.area(shapely.intersection(zones, belt)) / np.maximum(shapely.area(zones), 1e-9)
    return float((residents * inside).sum() / belt.area)


def _rings(edges: Floats, radius: float, density_m2: float, decay_m: float, steps: int = 200) -> tuple[Floats, Floats]:
    """Residents of each ring, and their mean distance from the edge of the city [m]."""
    people, middle = np.empty(len(edges) - 1), np.empty(len(edges) - 1)
    for ring, (inner, outer) in enumerate(pairwise(edges)):
        r = np.linspace(inner, outer, steps)
        here = density_m2 * np.exp(-r / decay_m) * 2.0 * np.pi * (radius + r)
        people[ring] = np.trapezoid(here, r)
        middle[ring] = np.trapezoid(here * r, r) / people[ring] if people[ring] > 0.0 else (inner + outer) / 2.0
    return people, middle
