"""How far one gets from a point of the map in some minutes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import shapely

from dothi.access import search
from dothi.access.contours import areas_within
from dothi.access.graph import MODES, Graph, graph_of, is_congested, seconds, speeds
from dothi.access.lines import between
from dothi.errors import InputError, Problem, Problems
from dothi.shapes import Floats, Integers, Mask, Shapes

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from dothi.city import City

Mode = Literal["walk", "bicycle", "motorbike", "car", "transit"]

LONGEST_S: Final = 7200.0
"""Longest time that may be asked for."""
MOST_KEPT: Final = 12
"""Networks kept in memory: one for each mode of a city."""
FORGET: Final = 1e-6
"""Share of a link that is too short to be a piece."""


@dataclass(frozen=True)
class Isochrone:
    """
    What is within reach of a point.

    Attributes
    ----------
    mode
        How one goes.
    congested
        Whether the times are those of simulated traffic, not of empty roads.
    start : (2,)
        Point of a street at which one starts; straight to it on foot [m].
    parts
        Pieces of links reached, one row for each direction in which one gets there first: ``link_id``, ``from_share``
        and ``to_share`` of its length, ``from_s`` and ``to_s`` at its ends, ``geometry``.
    areas
        One row for each limit: ``limit_s``, ``area_m2``, ``geometry``, ``residents`` and ``jobs`` of the buildings in
        it.
    stops
        Time on foot, or as handed over, to the stops in reach by ``stop_id`` [s].
    """

    mode: Mode
    congested: bool
    start: tuple[float, float]
    parts: gpd.GeoDataFrame
    areas: gpd.GeoDataFrame
    stops: pd.Series


def isochrone(
    city: City,
    x: float,
    y: float,
    mode: Mode = "walk",
    limits_s: Sequence[float] = (300.0, 600.0, 900.0),
    *,
    congested: bool = True,
    arrivals: Mapping[int, float] | None = None,
) -> Isochrone:
    """
    How far one gets from a point in some times.

    One goes straight to the nearest street, along it both ways where it is open both ways, and on along the shortest
    ways. The network of a city is made once: keep the city, and the next point takes milliseconds.

    Parameters
    ----------
    city
        The city; where traffic was simulated, with ``time_car_s`` and ``time_motorbike_s`` among its links.
    x, y
        The point [m].
    mode
        How one goes; ``transit`` on foot, and on foot on from the stops of `arrivals`.
    limits_s
        Times [s].
    congested
        Whether simulated traffic counts where there is any.
    arrivals
        With ``transit``: time at which one is at stops, by ``stop_id`` [s], as a search of timetables gives it from the
        times on foot to the stops, see `walks_to_stops`.

    Raises
    ------
    InputError
        The point, the mode or a limit cannot be, or no street is open to the mode.
    """
    limits = _checked(x, y, mode, limits_s)
    network = _network(city, "walk" if mode == "transit" else mode, congested=congested)
    at = network.start(x, y)
    seeds = network.seeds_of(arrivals) if mode == "transit" else {}
    time = network.times(at, limits[-1], seeds)
    table = network.pieces(at, time, limits[-1])
    areas = areas_within(table, limits, network.off_street_m_s)
    return Isochrone(
        mode=mode,
        congested=congested and network.congested,
        start=(at.x, at.y),
        parts=table,
        areas=_with_people(areas, city),
        stops=network.at_stops(time, limits[-1], seeds) if "stops" in city else _series({}),
    )


def walks_to_stops(city: City, x: float, y: float, limit_s: float = 1200.0) -> pd.Series:
    """
    Time on foot from a point to the stops in reach, by ``stop_id`` [s].

    Parameters
    ----------
    city
        The city.
    x, y
        The point [m].
    limit_s
        Longest walk [s].
    """
    limit = _checked(x, y, "walk", (limit_s,))[-1]
    network = _network(city, "walk", congested=False)
    return network.at_stops(network.times(network.start(x, y), limit, {}), limit, {})


def _checked(x: float, y: float, mode: str, limits_s: Sequence[float]) -> list[float]:
    problems = Problems()
    if not (np.isfinite(x) and np.isfinite(y)):
        problems.error("is a point of the map", column="x")
    if mode not in (*MODES, "transit"):
        problems.error(f"is one of {', '.join((*MODES, 'transit'))}", column="mode")
    if not limits_s or not all(0.0 < limit <= LONGEST_S for limit in limits_s):
        problems.error(f"are times of more than 0 and up to {LONGEST_S:g} s", column="limits_s")
    problems.raise_errors()
    return sorted({float(limit) for limit in limits_s})


@dataclass(frozen=True, slots=True)
class _Start:
    """Point of a street: an arc, share of its length, time to get there [s], coordinates [m]."""

    arc: int
    share: float
    walk_s: float
    x: float
    y: float


class _Network:
    """Streets of a city open to one mode, with what a search from any point of them needs."""

    def __init__(self, city: City, mode: str, *, congested: bool) -> None:
        links, own = city["links"], speeds(city.country)
        self.walk_m_s = float(own["walk"])
        self.off_street_m_s = float(own["walk" if mode == "walk" else "bicycle"])  # in yards, nobody drives faster
        self.congested = congested and is_congested(links, mode)
        cost = seconds(links, mode, city.country, congested=congested)
        self.graph: Graph = graph_of(links, city["nodes"], mode, cost)
        if not len(self.graph):
            raise InputError([Problem(f"has a street open to {mode}", table="links")])
        self.ids = links.index.to_numpy()
        self.lines: Shapes = shapely.force_2d(np.asarray(links.geometry.array, dtype=object))
        self.crs = city.crs
        self.reverse = self._reverse_arcs(links)
        self.stops = city["stops"]

    def _reverse_arcs(self, links: Any) -> Integers:
        """Arc of the same street the other way; −1 where it is closed."""
        arc_of = np.full(len(links) + 1, -1)
        arc_of[self.graph.arc_link] = np.arange(len(self.graph.arc_link))
        back = links["reverse_link_id"].iloc[self.graph.arc_link].to_numpy(dtype=float, na_value=-1.0)
        found: Integers = arc_of[links.index.get_indexer(back)]  # −1 is the last place, which no link has
        return found

    @cached_property
    def _arcs(self) -> tuple[Integers, shapely.STRtree]:
        """Arcs to start from, and a tree of their links."""
        arcs = np.flatnonzero(self.graph.usable[self.graph.head])
        return arcs, shapely.STRtree(self.lines[self.graph.arc_link[arcs]])

    @cached_property
    def _stop_nodes(self) -> tuple[Any, Floats]:
        """Node of each stop and the time to walk there [s]."""
        node, away = self.graph.nearest(shapely.get_coordinates(np.asarray(self.stops.geometry.array, dtype=object)))
        return node, away / self.walk_m_s

    def start(self, x: float, y: float) -> _Start:
        """Nearest point of a street."""
        arcs, tree = self._arcs
        point = shapely.Point(x, y)
        arc = arcs[int(tree.nearest(point))]
        line = self.lines[self.graph.arc_link[arc]]
        share = float(shapely.line_locate_point(line, point, normalized=True))
        at = shapely.line_interpolate_point(line, share, normalized=True)
        return _Start(int(arc), share, float(shapely.distance(at, point)) / self.walk_m_s, at.x, at.y)

    def seeds_of(self, arrivals: Mapping[int, float] | None) -> dict[int, float]:
        """Times at stops by row of the stop."""
        row = self.stops.index.get_indexer(list(arrivals or {}))
        if (row < 0).any():
            raise InputError([Problem("names stops of the city", column="arrivals")])
        return dict(zip(row.tolist(), (arrivals or {}).values(), strict=True))

    def times(self, at: _Start, limit: float, seeds: Mapping[int, float]) -> Floats:
        """Time at every node; infinity beyond the limit."""
        graph, back = self.graph, int(self.reverse[at.arc])
        source = [graph.head[at.arc]]
        begin = [at.walk_s + (1.0 - at.share) * graph.cost[at.arc]]
        if back >= 0:
            source.append(graph.head[back])
            begin.append(at.walk_s + at.share * graph.cost[back])
        rows = np.fromiter(seeds, dtype=np.int64, count=len(seeds))
        if len(rows):
            node, walk = self._stop_nodes
            source.extend(node[rows])
            begin.extend(walk[rows] + np.fromiter(seeds.values(), dtype=float, count=len(rows)))
        sources = search.Beside(np.array(source, np.int32), np.array(begin, float), np.arange(len(source)))
        return search.nearest(graph, sources, limit)

    def at_stops(self, time: Floats, limit: float, seeds: Mapping[int, float]) -> pd.Series:
        """Time at every stop within the limit, by id."""
        node, walk = self._stop_nodes
        found = time[node] + walk
        for row, then in seeds.items():
            found[row] = min(found[row], then)
        near = found <= limit
        return _series(dict(zip(self.stops.index[near].tolist(), found[near].tolist(), strict=True)))

    def pieces(self, at: _Start, time: Floats, limit: float) -> gpd.GeoDataFrame:
        """Pieces of links that one gets to within a limit, each from the end at which one is first."""
        import geopandas as gpd

        graph, back = self.graph, int(self.reverse[at.arc])
        begin, other = time[graph.tail], np.where(self.reverse >= 0, time[graph.head], np.inf)
        cost, cost_back = graph.cost, np.where(self.reverse >= 0, graph.cost[self.reverse], 1.0)
        arc, low, high = np.arange(len(cost)), np.zeros(len(cost)), np.ones(len(cost))
        for a, share in ((at.arc, at.share), (back, 1.0 - at.share)):  # the street of the start falls into two
            if a < 0:
                continue
            both = self.reverse[a] >= 0
            end = other[a]
            arc, low, high = np.append(arc, a), np.append(low, share), np.append(high, 1.0)
            begin, other = np.append(begin, at.walk_s), np.append(other, end)
            high[a], other[a] = share, at.walk_s if both else np.inf
        size = high - low
        to_go, to_come = cost[arc] * size, cost_back[arc] * size
        with np.errstate(invalid="ignore", divide="ignore"):
            meet = (other - begin + to_come) / (to_go + to_come)
            most = np.minimum(np.minimum(meet, (limit - begin) / to_go), 1.0)
        kept: Mask = np.isfinite(begin) & (most * size > FORGET)
        arc = arc[kept]
        low, size, most, begin, to_go = (values[kept] for values in (low, size, most, begin, to_go))
        stop = np.where(most < 1.0, low + most * size, low + size)
        link = graph.arc_link[arc]
        columns = {
            "link_id": self.ids[link],
            "from_share": low,
            "to_share": stop,
            "from_s": begin,
            "to_s": begin + most * to_go,
        }
        return gpd.GeoDataFrame(columns, geometry=between(self.lines[link], low, stop), crs=self.crs)


_kept: OrderedDict[tuple[int, str, bool], tuple[City, _Network]] = OrderedDict()
_lock = threading.Lock()


def _network(city: City, mode: str, *, congested: bool) -> _Network:
    """Network of a city, made once while the city is in memory."""
    key = (id(city), mode, congested)
    with _lock:
        if key not in _kept:
            _kept[key] = (city, _Network(city, mode, congested=congested))  # holds the city, so its id stays its own
            while len(_kept) > MOST_KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        return _kept[key][1]


def _with_people(areas: gpd.GeoDataFrame, city: City) -> gpd.GeoDataFrame:
    """Areas with residents and jobs of the buildings whose middle lies in them."""
    buildings = city["buildings"]
    middles = shapely.centroid(np.asarray(buildings.geometry.array, dtype=object))
    tree = shapely.STRtree(middles)
    area, building = tree.query(np.asarray(areas.geometry.array, dtype=object), predicate="intersects")
    for name in ("residents", "jobs"):
        values = buildings[name].to_numpy(dtype=float, na_value=0.0) if name in buildings else np.zeros(len(buildings))
        areas[name] = np.bincount(area, weights=values[building], minlength=len(areas))
    return areas[["limit_s", "area_m2", "residents", "jobs", "geometry"]]


def _series(values: Mapping[int, float]) -> pd.Series:
    import pandas as pd

    index = pd.Index(list(values), dtype="int64", name="stop_id")
    return pd.Series(list(values.values()), index=index, dtype="float64", name="time_s")
