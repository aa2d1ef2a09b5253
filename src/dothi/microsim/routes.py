"""Vehicles and their ways, drawn from flows on links so that the flows are met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dothi.shapes import Floats, Integers
from dothi.units import SECONDS_PER_HOUR

ENDS: Final = 24
"""Ends to which fastest ways are looked for from each link on which vehicles set out."""
TASTES: Final = (0.0, 0.15, 0.3)
"""Spreads of times by which fastest ways are looked for, as several ways of an equilibrium take the same time [1]."""
ROUNDS: Final = 200
"""Times that ways are weighed anew."""
LONGEST: Final = 400
"""Links at most on a way."""
UNIT_VEH_H: Final = 0.01
"""Flow is counted in this [veh/h]."""
LEAST_VEH_H: Final = 0.5
"""Less than this sets out or ends nowhere [veh/h]."""


@dataclass(frozen=True, slots=True)
class Way:
    """
    A vehicle on its way.

    Attributes
    ----------
    kind
        Class of the vehicle.
    depart_s
        When it sets out [s].
    links
        Positions of the links it drives along, in order.
    """

    kind: str
    depart_s: float
    links: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Streets:
    """
    Links as vehicles see them.

    Attributes
    ----------
    time_s : (n_links,)
        Times at the flows [s].
    onward
        By link, the links one may turn into from it.
    """

    time_s: Floats
    onward: Sequence[Sequence[int]]

    def turns(self) -> tuple[Integers, Integers]:
        """Links that turns lead from, and links they lead to."""
        rows = np.repeat(np.arange(len(self.onward)), [len(turns) for turns in self.onward])
        return rows, np.array([link for turns in self.onward for link in turns], dtype=np.int64)


def ways_from_flows(
    streets: Streets,
    flow_veh_h: Floats,
    *,
    kind: str,
    duration_s: float,
    rng: np.random.Generator,
    passing: Floats | float = 1.0,
) -> list[Way]:
    """
    Draw vehicles whose ways add up to flows on links.

    As few as can be set out and end: only what no turn can bring to a link, or take from it, see `ends_of`. In an
    equilibrium vehicles are on fastest ways. So fastest ways from where vehicles set out to where they end are weighed
    until all together come as near to the flows as they can; each is driven as often as it weighs, rounded at random.

    Parameters
    ----------
    streets
        Links.
    flow_veh_h : (n_links,)
        Flow of a class of vehicles [veh/h].
    kind
        That class.
    duration_s
        For how long vehicles set out, evenly [s].
    rng
        Random numbers.
    passing : (n_links,)
        Share of the flow of each link that is wanted; ends of ways are those of the whole flow.

    Returns
    -------
    list of Way
        In the order in which they set out.
    """
    ptr, links, prior = fastest_ways(streets, flow_veh_h, rng)
    if len(ptr) == 1:
        return []
    wanted = flow_veh_h * passing * (duration_s / SECONDS_PER_HOUR)
    weight = fitted(ptr, links, wanted, prior)
    number = np.floor(weight + rng.random(len(weight))).astype(np.int64)
    ways = [links[ptr[way] : ptr[way + 1]].tolist() for way in np.repeat(np.arange(len(number)), number)]
    departs = np.sort(rng.random(len(ways)) * duration_s)
    order = rng.permutation(len(ways))
    return [Way(kind, float(depart), tuple(ways[at])) for depart, at in zip(departs, order, strict=True)]


def fastest_ways(streets: Streets, flow_veh_h: Floats, rng: np.random.Generator) -> tuple[Integers, Integers, Floats]:
    """
    Fastest ways along links with flow, from where vehicles set out to where they end.

    Returns
    -------
    ptr : (n_ways + 1,)
        First link of each way.
    links
        Links of the ways, one after the other.
    prior : (n_ways,)
        How likely each is: what sets out times what ends, times its length in seconds, as few drive around the corner.
    """
    from scipy.sparse.csgraph import dijkstra

    begin, end_ = ends_of(streets, flow_veh_h)
    used = flow_veh_h > 0.0
    first, last = np.flatnonzero(begin > LEAST_VEH_H), np.flatnonzero(end_ > LEAST_VEH_H)
    ways: dict[tuple[int, ...], float] = {}
    for taste in TASTES if len(first) and len(last) else ():
        time = streets.time_s * np.exp(taste * rng.standard_normal(len(used)))
        graph = _turns(streets, used, time)
        for origin in first:
            reach, before = dijkstra(graph, indices=int(origin), return_predecessors=True)
            reached = last[np.isfinite(reach[last])]
            weight = end_[reached]
            number = min(ENDS, len(reached))
            for end in rng.choice(reached, size=number, replace=False, p=weight / weight.sum()) if number else ():
                way = _back(before, int(end))[::-1]
                if len(way) <= LONGEST:
                    ways[tuple(way)] = float(begin[origin] * end_[end] * streets.time_s[way].sum())
        if taste == 0.0:
            ways |= dict.fromkeys(_through(graph, first, last, used), 1.0)
    ptr = np.r_[0, np.cumsum([len(way) for way in ways])].astype(np.int64)
    links = np.array([link for way in ways for link in way], dtype=np.int64)
    return ptr, links, np.array(list(ways.values()), dtype=np.float64)


def ends_of(streets: Streets, flow_veh_h: Floats) -> tuple[Floats, Floats]:
    """
    Flow that sets out on each link, and that ends on it: what no turn can bring there, or take from it.

    As much as can be turns from link to link (a maximum flow through all crossings); as nobody turns back, all that
    comes to the end of a dead end stays there.

    Parameters
    ----------
    streets
        Links.
    flow_veh_h : (n_links,)
        Flow [veh/h].
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_flow

    n = len(flow_veh_h)
    units = np.round(flow_veh_h / UNIT_VEH_H).astype(np.int32)
    rows, columns = streets.turns()
    source, sink = 2 * n, 2 * n + 1
    tail = np.r_[np.full(n, source), rows, n + np.arange(n)]
    head = np.r_[np.arange(n), n + columns, np.full(n, sink)]
    room = np.r_[units, np.minimum(units[rows], units[columns]), units].astype(np.int32)
    graph = csr_array((room, (tail, head)), shape=(2 * n + 2, 2 * n + 2))
    moved = maximum_flow(graph, source, sink).flow
    out, brought = moved[[source], :].toarray()[0, :n], -moved[[sink], :].toarray()[0, n : 2 * n]
    return (units - brought) * UNIT_VEH_H, (units - out) * UNIT_VEH_H


def _turns(streets: Streets, used: Any, time: Floats) -> Any:
    """Links with flow as the nodes of a graph whose edges are turns, at the times of the links that they lead into."""
    from scipy.sparse import csr_array

    n = len(time)
    rows, columns = streets.turns()
    both = used[rows] & used[columns]
    rows, columns = rows[both], columns[both]
    return csr_array((np.maximum(time[columns], 1e-3), (rows, columns)), shape=(n, n))


def _back(before: Any, end: int) -> list[int]:
    chain = [end]
    while before[chain[-1]] >= 0:
        chain.append(int(before[chain[-1]]))
    return chain


def _through(graph: Any, first: Integers, last: Integers, used: Any) -> list[tuple[int, ...]]:
    """A way through each link with flow, from the nearest beginning to the nearest end."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    to, before, _ = dijkstra(graph, indices=first, return_predecessors=True, min_only=True)
    # the cost of an edge is that of the link it leads into: backwards, that of the link it leads from
    off, after, _ = dijkstra(csr_array(graph.T), indices=last, return_predecessors=True, min_only=True)
    found = []
    for link in np.flatnonzero(used & np.isfinite(to) & np.isfinite(off)):
        way = _back(before, int(link))[:0:-1] + _back(after, int(link))
        if len(way) == len(set(way)) <= LONGEST:
            found.append(tuple(way))
    return found


def fitted(ptr: Integers, links: Integers, wanted: Floats, prior: Floats) -> Floats:
    """
    How often each way is driven so that counts on links come near to what is wanted.

    Many sets of ways have the same counts. Weights begin with a guess; then each is taken times the geometric mean of
    wanted over present counts on its links, again and again (multiplicative algebraic reconstruction: Gordon, Bender
    and Herman 1970, doi:10.1016/0022-5193(70)90109-8).

    Parameters
    ----------
    ptr, links
        Ways, as `fastest_ways` gives them.
    wanted : (n_links,)
        Vehicles.
    prior : (n_ways,)
        How likely each way is, on any scale.
    """
    from scipy.sparse import csr_array

    n_ways = len(ptr) - 1
    along = csr_array((np.ones(len(links)), links, ptr), shape=(n_ways, len(wanted)))
    across = csr_array(along.T)
    size = np.diff(ptr)
    weight = np.maximum(prior, 1e-9 * prior.max())
    weight = weight * wanted.sum() / (weight @ size)
    for _ in range(ROUNDS):
        present = across @ weight
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(present > 0.0, np.log(np.maximum(wanted, 1e-3) / present), 0.0)
        weight *= np.exp((along @ ratio) / size)
    return np.asarray(weight)
