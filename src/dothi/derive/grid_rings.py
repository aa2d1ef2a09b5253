"""Medium voltage made up: open rings from a substation through its stations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dothi.shapes import Floats

NEIGHBOURS: Final = 40
"""Stations near each one among which the next in a ring is looked for."""


@dataclass(frozen=True, slots=True)
class Ring:
    """
    Stations in the order in which a ring passes them, from the substation and back to it.

    Attributes
    ----------
    stations
        Positions of the stations.
    opened
        Leg that is open: leg k ends at station k, the last one at the substation.
    """

    stations: list[int]
    opened: int


def open_rings(distance_m: Floats, kva: Floats, *, most_kva: float, most_stations: int) -> list[Ring]:
    """
    Rings by savings, as in Clarke and Wright (1964), each open where its two halves carry about the same.

    Parameters
    ----------
    distance_m : (1 + n, 1 + n)
        Distances along streets; the substation is first [m].
    kva : (n,)
        Peak of the stations [kVA].
    most_kva, most_stations
        What one ring may take.

    References
    ----------
    G. Clarke and J. W. Wright, Scheduling of vehicles from a central depot to a number of delivery points, Operations
    Research 12(4), 1964, doi:10.1287/opre.12.4.568.
    """
    route = {station: [station] for station in range(len(kva))}
    of = np.arange(len(kva))
    load = {station: float(kva[station]) for station in route}
    for one, other in _by_savings(distance_m):
        a, b = int(of[one]), int(of[other])
        if a == b or load[a] + load[b] > most_kva or len(route[a]) + len(route[b]) > most_stations:
            continue
        left = route[a] if route[a][-1] == one else route[a][::-1]
        right = route[b] if route[b][0] == other else route[b][::-1]
        if left[-1] != one or right[0] != other:
            continue
        route[a] = left + right
        load[a] += load.pop(b)
        of[route.pop(b)] = a
    return [Ring(stations, _where_open(kva[stations])) for stations in route.values()]


def _by_savings(distance_m: Floats) -> list[tuple[int, int]]:
    """Pairs of stations near each other, those first that save most when one follows the other."""
    between = distance_m[1:, 1:]
    n = len(between)
    near = np.argsort(between, axis=1, kind="stable")[:, : NEIGHBOURS + 1]
    one = np.repeat(np.arange(n), near.shape[1])
    other = near.ravel()
    low, high = np.minimum(one, other), np.maximum(one, other)
    pairs = np.unique(np.column_stack([low, high])[low != high], axis=0)
    saved = distance_m[0, 1:][pairs[:, 0]] + distance_m[0, 1:][pairs[:, 1]] - between[pairs[:, 0], pairs[:, 1]]
    order = np.argsort(-saved, kind="stable")
    return [(int(a), int(b)) for a, b in pairs[order]]


def _where_open(kva: Floats) -> int:
    """Leg at which both halves carry most equally; the way back of a ring of one station."""
    if len(kva) == 1:
        return 1
    before = np.cumsum(kva)[:-1]
    return int(np.abs(2.0 * before - kva.sum()).argmin()) + 1


def size_of(kva: float, sizes: list[Mapping[str, Any]], fill: float) -> tuple[Mapping[str, Any], int]:
    """Smallest transformer that a peak fills up to a share, and how many of the largest where one is not enough."""
    for size in sizes:
        if kva <= fill * size["kva"]:
            return size, 1
    return sizes[-1], int(np.ceil(kva / (fill * sizes[-1]["kva"])))
