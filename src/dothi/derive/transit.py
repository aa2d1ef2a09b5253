"""Lines of public transport: what declared lines lack, and made-up lines where the sources have none at all."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from dothi.errors import Problems
from dothi.place import load
from dothi.shapes import Floats, Integers, Shapes
from dothi.units import M_PER_KM

if TYPE_CHECKING:
    from dothi.crs import Extent

PLACE_PRIOR: Final = "place_prior"
SYNTHETIC: Final = "synthetic"
CONFIDENCE: Final = {PLACE_PRIOR: 0.5, SYNTHETIC: 0.3}
URBAN_RAIL: Final = ("tram", "light_rail", "subway", "monorail")
MAIN: Final = ("trunk", "primary", "secondary", "tertiary", "busway")
DETOUR: Final = 1.6
"""Cost of a metre of a minor street in metres of a main one."""
SHORTEST_TRACK_M: Final = 400.0
EDGE_M: Final = 120.0
APART_M: Final = 200.0
MOST_EXITS: Final = 40
SAME_STOP_M: Final = 100.0
AHEAD: Final = float(np.cos(np.radians(50.0)))
LEAST_GAIN: Final = 0.004


def complete_lines(routes: gpd.GeoDataFrame, route_stops: pd.DataFrame, *, country: str) -> gpd.GeoDataFrame:
    """
    Lines that have stops in order but no timetable, with headway, speed and hours where they lack them.

    Parameters
    ----------
    routes, route_stops
        Lines, and their stops.
    country
        Country whose usual values are taken, by kind of vehicle.
    """
    usual = load(country, "transit")
    headways = usual["headway_s_unverified"] | usual["headway_s"]
    own = routes.index.isin(route_stops["route_id"])
    modes = routes["mode"].astype("str")
    routes = routes.copy()
    for name in ("headway_s", "headway_s_confidence", "first_s", "last_s", "speed_m_s", "vehicle_capacity"):
        if name not in routes:
            routes[name] = np.nan
    if "headway_s_method" not in routes:
        routes["headway_s_method"] = None
    lacking = own & routes["headway_s"].isna().to_numpy()
    routes["headway_s_method"] = routes["headway_s_method"].astype(object).where(~lacking, PLACE_PRIOR)
    routes["headway_s_confidence"] = routes["headway_s_confidence"].where(~lacking, CONFIDENCE[PLACE_PRIOR])
    by_mode = {"headway_s": headways, "speed_m_s": usual["speed_m_s"], "vehicle_capacity": usual["vehicle_capacity"]}
    for name, values in by_mode.items():
        missing = own & routes[name].isna().to_numpy()
        routes[name] = routes[name].where(~missing, modes.map(values))
    for name in ("first_s", "last_s"):
        missing = own & routes[name].isna().to_numpy()
        routes[name] = routes[name].where(~missing, usual["service"][name])
    return routes


def synthetic_lines(
    railways: gpd.GeoDataFrame,
    nodes: gpd.GeoDataFrame,
    links: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    *,
    extent: Extent,
    country: str,
    problems: Problems,
) -> dict[str, gpd.GeoDataFrame | pd.DataFrame]:
    """
    Lines made up for a city whose sources have neither stops nor lines: a stand-in, not the network that is there.

    Lines of trams follow the mapped tracks, one for each line that the names of tracks tell, and go on from their ends
    along main streets to an edge of the city, each to an edge of its own. Lines of buses join two points of the edge
    along main streets. Of all pairs that one is taken next whose stops bring most residents and jobs, not served yet,
    within reach for its length, until the usual share of people is served or the usual length of lines is reached. Both
    directions are lines of their own.

    Parameters
    ----------
    railways, nodes, links, buildings
        Tables of the city.
    extent
        Extent of the city.
    country
        Country whose usual spacing of stops, headways and the like are taken.
    problems
        Told that the lines are made up.

    Returns
    -------
    dict
        ``stops``, ``routes`` and ``route_stops``, marked as synthetic; nothing where there are no streets for buses.
    """
    streets = _Streets.of(nodes, links, extent)
    if streets is None or len(streets.exits) < 2:
        return {}
    usual = load(country, "transit")
    plan = _Plan(usual, _people(buildings))
    for label, track in _tram_tracks(railways):
        plan.add_tram(label, track, streets)
    plan.add_buses(streets, extent)
    problems.note(
        f"no source has lines of public transport: {len(plan.courses) // 2} lines were made up along tracks and main "
        "streets, with headways as usual; add a GTFS source to have the real ones",
        table="routes",
        n_rows=len(plan.courses),
    )
    return plan.tables(links.crs, country)


@dataclass(frozen=True, slots=True)
class _Streets:
    """Streets for buses: their strongly connected part, and where it comes near the edge of the city."""

    nodes: Integers
    xy: Floats
    cost: Any
    link: Any
    lines: Shapes
    exits: Integers

    @classmethod
    def of(cls, nodes: gpd.GeoDataFrame, links: gpd.GeoDataFrame, extent: Extent) -> _Streets | None:
        """Streets of a city; None where buses have none."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        links = links[links["bus"].to_numpy(dtype=bool)]
        if not len(links):
            return None
        ends = nodes.index.get_indexer(np.r_[links["from_node_id"], links["to_node_id"]])
        used, ends = np.unique(ends, return_inverse=True)
        tail, head = ends[: len(links)], ends[len(links) :]
        main = links["class"].astype("str").isin(MAIN).to_numpy()
        cost = links["length_m"].to_numpy(dtype=float) * np.where(main, 1.0, DETOUR) + 1e-3
        order = np.lexsort([cost, head, tail])
        first = order[np.r_[True, (np.diff(tail[order]) != 0) | (np.diff(head[order]) != 0)]]
        shape = (len(used), len(used))
        graph = csr_array((cost[first], (tail[first], head[first])), shape=shape)
        which = csr_array((first + 1, (tail[first], head[first])), shape=shape)
        _, part = connected_components(graph, connection="strong")
        largest = part == np.bincount(part).argmax()
        xy = shapely.get_coordinates(np.asarray(nodes.geometry.array, dtype=object)[used])
        on_main = np.zeros(len(used), dtype=bool)
        on_main[tail[main]] = on_main[head[main]] = True
        lines = np.asarray(links.geometry.array, dtype=object)
        exits = _exits(xy, np.flatnonzero(largest & on_main), extent)
        return cls(used, xy, graph, which, lines, exits)

    def paths(self, sources: Integers) -> tuple[Floats, Integers]:
        """Costs and predecessors of the cheapest ways from some nodes."""
        from scipy.sparse.csgraph import dijkstra

        cost, before = dijkstra(self.cost, indices=sources, return_predecessors=True)
        return cost, before

    def course(self, before: Integers, end: int) -> Any:
        """Line along the way to a node that the predecessors tell; None where it has no length."""
        chain = [end]
        while before[chain[-1]] >= 0:
            chain.append(int(before[chain[-1]]))
        chain.reverse()
        if len(chain) < 2:
            return None
        parts = [self.lines[self.link[a, b] - 1] for a, b in pairwise(chain)]
        return _joined(parts)


def _joined(parts: list[Any]) -> Any:
    """One line, two-dimensional, of lines that follow each other."""
    points = np.concatenate([shapely.get_coordinates(part) for part in parts])
    points = points[np.r_[True, (np.diff(points, axis=0) != 0.0).any(axis=1)]]
    return shapely.LineString(points) if len(points) > 1 else None


def _exits(xy: Floats, candidates: Integers, extent: Extent) -> Integers:
    """Nodes near the edge of the city, apart from each other, the nearest to it first."""
    west, south, east, north = extent.bounds
    x, y = xy[candidates].T
    inside = np.min([x - west, y - south, east - x, north - y], axis=0)
    kept: list[int] = []
    for at in np.argsort(inside, kind="stable"):
        if inside[at] > EDGE_M or len(kept) == MOST_EXITS:
            break
        node = int(candidates[at])
        if all(np.hypot(*(xy[node] - xy[other])) >= APART_M for other in kept):
            kept.append(node)
    return np.array(kept, dtype=np.int64)


def _people(buildings: gpd.GeoDataFrame) -> tuple[Floats, Floats]:
    """Where residents and jobs are, and how many."""
    middles = shapely.get_coordinates(shapely.centroid(np.asarray(buildings.geometry.array, dtype=object)))
    people = sum(buildings[name].to_numpy(dtype=float, na_value=0.0) for name in ("residents", "jobs"))
    return middles, np.nan_to_num(np.asarray(people, dtype=float))


def _tram_tracks(railways: gpd.GeoDataFrame) -> list[tuple[str, Any]]:
    """Lines that names of tracks tell, each with its longest way along them; without names, one line."""
    tracks = railways[railways["class"].astype("str").isin(URBAN_RAIL)]
    if not len(tracks):
        return []
    shapes = np.asarray(shapely.force_2d(tracks.geometry.array), dtype=object)
    names = [re.findall(r"\b(?:[A-Z]?\d+|[A-Z])\b", str(name)) if name else [] for name in tracks["name"].fillna("")]
    labels = sorted({label for found in names for label in found}) or ["T"]
    ways = []
    for label in labels:
        mine = np.array([not found or label in found for found in names])
        way = _longest_way(shapes[mine])
        if way is not None and way.length >= SHORTEST_TRACK_M:
            ways.append((label, way))
    return ways


def _longest_way(shapes: Shapes) -> Any:
    """Longest of the shortest ways between two ends of lines that meet at their ends."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    ends = np.round(np.concatenate([shapely.get_coordinates(line)[[0, -1]] for line in shapes]), 1)
    _, at = np.unique(ends, axis=0, return_inverse=True)
    at = at.ravel()
    one, other = at[::2], at[1::2]
    n, length = int(at.max()) + 1, shapely.length(shapes)
    graph = csr_array((np.r_[length, length], (np.r_[one, other], np.r_[other, one])), shape=(n, n))
    distance, before = dijkstra(graph, return_predecessors=True)
    distance[~np.isfinite(distance)] = -1.0
    start, end = np.unravel_index(distance.argmax(), distance.shape)
    chain = [int(end)]
    while before[start, chain[-1]] >= 0:
        chain.append(int(before[start, chain[-1]]))
    parts = []
    for a, b in pairwise(chain[::-1]):
        which = np.flatnonzero(((one == a) & (other == b)) | ((one == b) & (other == a)))
        shortest = which[length[which].argmin()]
        parts.append(shapes[shortest] if one[shortest] == a else shapely.reverse(shapes[shortest]))
    return _joined(parts) if parts else None


@dataclass
class _Plan:
    """Lines chosen so far, and who is served by their stops."""

    usual: dict[str, Any]
    people: tuple[Floats, Floats]
    places: list[Floats] = field(default_factory=list)
    courses: list[tuple[str, str, Any, list[int]]] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)
    length_m: float = 0.0

    def add_tram(self, label: str, track: Any, streets: _Streets) -> None:
        """Add a line along a track and on to two edges of the city, both ways."""
        course = shapely.reverse(self._beyond(shapely.reverse(self._beyond(track, streets)), streets))
        self._add("tram", label, course, shapely.reverse(course))

    def _beyond(self, course: Any, streets: _Streets) -> Any:
        """Course that goes on from its end to the nearest edge of the city that lies ahead and has no line yet."""
        points = shapely.get_coordinates(course)
        end, ahead = points[-1], points[-1] - points[0]
        start = int(np.hypot(*(streets.xy - end).T).argmin())
        cost, before = streets.paths(np.array([start]))
        way = streets.xy[streets.exits] - end
        cosine = (way @ ahead) / np.maximum(np.hypot(*way.T) * np.hypot(*ahead), 1e-9)
        free = np.array([int(node) not in self.taken for node in streets.exits])
        good = (cosine >= AHEAD) & np.isfinite(cost[0, streets.exits]) & free
        if not good.any():
            return course
        exits = streets.exits[good]
        node = int(exits[cost[0, exits].argmin()])
        onward = streets.course(before[0], node)
        self.taken.add(node)
        return course if onward is None else _joined([course, onward])

    def add_buses(self, streets: _Streets, extent: Extent) -> None:
        """Add lines from edge to edge, the most useful first."""
        west, south, east, north = extent.bounds
        synthetic = self.usual["synthetic"]
        most_m = synthetic["density_km_km2"] / M_PER_KM * (east - west) * (north - south)
        cost, before = streets.paths(streets.exits)
        candidates = []
        for i, a in enumerate(streets.exits):
            for j, b in enumerate(streets.exits):
                straight = float(np.hypot(*(streets.xy[a] - streets.xy[b])))
                if i < j and np.isfinite(cost[i, b]) and cost[i, b] <= DETOUR * straight:
                    course = streets.course(before[i], int(b))
                    if course is not None:
                        candidates.append((i, j, course))
        near = [self._near(self._stops_along(course, "bus")) for *_, course in candidates]
        where, weight = self.people
        served = self._near(np.array(self.places)) if self.places else np.zeros(len(where), dtype=bool)
        total, number = float(weight.sum()), 0
        while candidates and weight[served].sum() < synthetic["served_share"] * total and self.length_m < most_m:
            gain = np.array([weight[mask & ~served].sum() for mask in near])
            worth = gain / np.array([course.length for *_, course in candidates])
            best = int(worth.argmax())
            if gain[best] < LEAST_GAIN * total:
                break
            number += 1
            i, j, course = candidates[best]
            back = streets.course(before[j], int(streets.exits[i]))
            self._add("bus", f"B{number}", course, shapely.reverse(course) if back is None else back)
            served |= near[best]

    def _near(self, stops: Floats) -> Any:
        """Who has a stop within reach as the crow flies."""
        from scipy.spatial import cKDTree

        distance, _ = cKDTree(stops).query(self.people[0])
        return distance <= self.usual["synthetic"]["reach_m"]

    def _stops_along(self, course: Any, mode: str) -> Floats:
        spacing = self.usual["synthetic"][f"{mode}_spacing_m"]
        n = max(round(course.length / spacing), 1)
        return shapely.get_coordinates(shapely.line_interpolate_point(course, np.arange(n + 1) / n, normalized=True))

    def _add(self, mode: str, label: str, course: Any, back: Any) -> None:
        for way in (course, back):
            called: list[int] = []
            for place in self._stops_along(way, mode):
                stop = self._stop(place)
                if stop not in called:
                    called.append(stop)
            if len(called) > 1:
                self.courses.append((mode, label, way, called))
        self.length_m += course.length

    def _stop(self, place: Floats) -> int:
        """Number of a stop near a place: one that is there, else a new one."""
        if self.places:
            distance = np.hypot(*(np.array(self.places) - place).T)
            if distance.min() <= SAME_STOP_M:
                return int(distance.argmin())
        self.places.append(place)
        return len(self.places) - 1

    def tables(self, crs: Any, country: str) -> dict[str, gpd.GeoDataFrame | pd.DataFrame]:
        """Stops, lines, and stops of the lines."""
        stops = gpd.GeoDataFrame(
            {"method": SYNTHETIC},
            geometry=shapely.points(np.array(self.places)),
            index=range(len(self.places)),
            crs=crs,
        )
        labels = [label for _, label, *_ in self.courses]
        name = self.usual["synthetic"]["name"]
        routes = gpd.GeoDataFrame(
            {
                "short_name": labels,
                "name": [name.format(label) for label in labels],
                "mode": [mode for mode, *_ in self.courses],
                "method": SYNTHETIC,
            },
            geometry=[course for *_, course, _ in self.courses],
            crs=crs,
        )
        calls = [
            (line, stop, number) for line, (*_, called) in enumerate(self.courses) for number, stop in enumerate(called)
        ]
        order = pd.DataFrame(calls, columns=["route_id", "stop_id", "stop_sequence"])
        routes = complete_lines(routes, order, country=country)
        routes["headway_s_method"] = SYNTHETIC
        routes["headway_s_confidence"] = CONFIDENCE[SYNTHETIC]
        return {"stops": stops, "routes": routes, "route_stops": order}
