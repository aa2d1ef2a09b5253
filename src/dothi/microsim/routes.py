"""Vehicles and their ways, drawn from flows on links so that the flows are met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dothi.shapes import Floats, Integers
from dothi.units import SECONDS_PER_HOUR

ENDS: Final = 24
"""Ends to which fastest ways are looked for from each link."""
SHORTEST_M: Final = 200.0
"""Shorter ways are not looked for: nobody drives them."""
ROUNDS: Final = 200
"""Times that ways are weighed anew."""
LONGEST: Final = 400
"""Links at most on a way."""


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
    length_m, time_s : (n_links,)
        Lengths [m], and times at the flows [s].
    onward
        By link, the links one may turn into from it.
    """

    length_m: Floats
    time_s: Floats
    onward: Sequence[Sequence[int]]


def ways_from_flows(
    streets: Streets, flow_veh_h: Floats, *, kind: str, duration_s: float, rng: np.random.Generator
) -> list[Way]:
    """
    Draw vehicles whose ways add up to flows on links.

    In an equilibrium vehicles are on fastest ways. So fastest ways between many pairs of links are weighed until all
    together come as near to the flows as they can; each is driven as often as it weighs, rounded at random.

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

    Returns
    -------
    list of Way
        In the order in which they set out.
    """
    wanted = flow_veh_h * duration_s / SECONDS_PER_HOUR
    ptr, links = fastest_ways(streets, flow_veh_h > 0.0, rng)
    if len(ptr) == 1:
        return []
    weight = fitted(ptr, links, wanted, np.add.reduceat(streets.length_m[links], ptr[:-1]))
    number = np.floor(weight + rng.random(len(weight))).astype(np.int64)
    ways = [links[ptr[way] : ptr[way + 1]].tolist() for way in np.repeat(np.arange(len(number)), number)]
    departs = np.sort(rng.random(len(ways)) * duration_s)
    order = rng.permutation(len(ways))
    return [Way(kind, float(depart), tuple(ways[at])) for depart, at in zip(departs, order, strict=True)]


def fastest_ways(streets: Streets, used: Any, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """
    Fastest ways along used links, from every one of them to some others drawn evenly.

    Returns
    -------
    ptr : (n_ways + 1,)
        First link of each way.
    links
        Links of the ways, one after the other.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    n = len(streets.length_m)
    rows = np.repeat(np.arange(n), [len(turns) for turns in streets.onward])
    columns = np.array([link for turns in streets.onward for link in turns], dtype=np.int64)
    both = used[rows] & used[columns]
    rows, columns = rows[both], columns[both]
    graph = csr_array((np.maximum(streets.time_s[columns], 1e-3), (rows, columns)), shape=(n, n))
    ways: list[list[int]] = []
    for origin in np.flatnonzero(used):
        time, before = dijkstra(graph, indices=int(origin), return_predecessors=True)
        reached = np.flatnonzero(np.isfinite(time))
        for end in rng.choice(reached, size=min(ENDS, len(reached)), replace=False):
            chain = [int(end)]
            while before[chain[-1]] >= 0:
                chain.append(int(before[chain[-1]]))
            if streets.length_m[chain].sum() >= SHORTEST_M and len(chain) <= LONGEST:
                ways.append(chain[::-1])
    ptr = np.r_[0, np.cumsum([len(way) for way in ways])].astype(np.int64)
    return ptr, np.array([link for way in ways for link in way], dtype=np.int64)


def fitted(ptr: Integers, links: Integers, wanted: Floats, length_m: Floats) -> Floats:
    """
    How often each way is driven so that counts on links come near to what is wanted.

    Many sets of ways have the same counts. Weights begin with the squares of lengths, as without that short ways, which
    nobody would drive, had too many; then each is taken times the geometric mean of wanted over present counts on its
    links, again and again (multiplicative algebraic reconstruction: Gordon, Bender and Herman 1970,
    doi:10.1016/0022-5193(70)90109-8).

    Parameters
    ----------
    ptr, links
        Ways, as `fastest_ways` gives them.
    wanted : (n_links,)
        Vehicles.
    length_m : (n_ways,)
        Lengths of the ways [m].
    """
    from scipy.sparse import csr_array

    n_ways = len(ptr) - 1
    along = csr_array((np.ones(len(links)), links, ptr), shape=(n_ways, len(wanted)))
    across = csr_array(along.T)
    size = np.diff(ptr)
    weight = length_m**2
    weight *= wanted.sum() / (weight @ size)
    for _ in range(ROUNDS):
        present = across @ weight
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(present > 0.0, np.log(np.maximum(wanted, 1e-3) / present), 0.0)
        weight *= np.exp((along @ ratio) / size)
    return np.asarray(weight)
