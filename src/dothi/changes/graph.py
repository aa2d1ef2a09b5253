"""New roads in the graph: where they meet what is there, and what that splits."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from dothi.changes.base import ENTERED
from dothi.changes.rows import appended, new_ids
from dothi.derive.link_attributes import link_attributes
from dothi.derive.roads import links_of, number_components
from dothi.derive.terrain import sample
from dothi.errors import Problems
from dothi.schema import complete, expand
from dothi.shapes import Floats, Integers, Shapes
from dothi.tables import TABLES

if TYPE_CHECKING:
    from dothi.city import City

Place = tuple[float, float]
SAME_M: Final = 0.01
"""Places nearer than this are one [m]."""
GRID: Final = 1000.0
"""Places are told apart to the millimetre."""


@dataclass(slots=True)
class _Line:
    """A line, and where it is to be cut: distances along it [m], each with the place of the junction."""

    shape: Any
    level: int
    cuts: dict[float, Place] = field(default_factory=dict)

    @property
    def length(self) -> float:
        return float(self.shape.length)

    def cut(self, place: Place) -> None:
        """Cut at the point nearest to a place."""
        along = float(shapely.line_locate_point(self.shape, shapely.Point(place)))
        if place not in self.cuts.values():
            self.cuts[along] = place

    def pieces(self) -> list[tuple[Place, Place, Any]]:
        """First place, last place and line of each stretch between two cuts."""
        xyz = shapely.get_coordinates(self.shape, include_z=shapely.has_z(self.shape))
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xyz[:, :2], axis=0).T))])
        marks = sorted(self.cuts.items())
        found = []
        for (start, first), (end, last) in pairwise(marks):
            between = xyz[(along > start + SAME_M) & (along < end - SAME_M)]
            ends = [[*place, *_at(along, xyz, at)] for at, place in ((start, first), (end, last))]
            found.append((first, last, shapely.LineString(np.vstack([ends[0], between, ends[1]]))))
        return found


def _at(along: Floats, xyz: Floats, at: float) -> list[float]:
    """Level of a line at a distance, where it has levels."""
    return [float(np.interp(at, along, xyz[:, 2]))] if xyz.shape[1] == 3 else []


def with_roads(city: City, roads: gpd.GeoDataFrame, snap_m: float, problems: Problems) -> tuple[City, pd.Index]:
    """
    City with more roads in its graph, and the ids of their links.

    An end of a new road goes to the junction nearest to it within the distance, else to the nearest point of a road,
    which is split there; ends of two new roads meet as well. Where a new road crosses or touches another one at its own
    level, both are split; what passes above or below is left alone. A stretch that lies on a road that is there is left
    out. Nothing that is there moves, and links that are not split stay as they are.

    Parameters
    ----------
    city
        The city.
    roads
        Table ``roads`` on its grid, lines without levels of the ground.
    snap_m
        Greatest distance from an end to what it meets [m].
    problems
        Collector.
    """
    links, nodes = city["links"], city["nodes"]
    streets, rows = _streets_near(links, roads, snap_m)
    drawn = [_Line(shape, level) for shape, level in zip(roads.geometry, _levels(roads), strict=True)]
    known = _Places(nodes)
    for number, line in enumerate(drawn):
        _tie_ends(line, [*streets, *drawn[:number]], known, snap_m)
    for number, line in enumerate(drawn):
        for other in (*streets, *drawn[:number]):
            _meet(line, other, known)
    split = np.flatnonzero([len(street.cuts) > 2 for street in streets])

    shapes, owner, places = [], [], []
    tree = shapely.STRtree([street.shape for street in streets])
    for number, line in enumerate(drawn):
        for first, last, shape in line.pieces():
            if first != last and not _is_there(shape, line.level, tree, streets):
                shapes.append(shape)
                owner.append(number)
                places.append((first, last))
    if not shapes:
        problems.error("is not there yet: a road already runs where these are drawn", column="links")
        return city, links.index[:0]

    old_pieces = [(rows[number], *piece) for number in split for piece in streets[number].pieces()]
    ends = [place for pair in places for place in pair]
    nodes = known.extended(nodes, [*ends, *(place for _, *pair, _ in old_pieces for place in pair)], city)
    made = _made(roads.iloc[owner], shapes, known.ids(places), city)
    halves, gone = _halves(links, old_pieces, known)
    fresh = _with_ids(pd.concat([made, halves]) if len(halves) else made, links.index)
    links = appended(links.drop(index=gone), fresh, "links")
    nodes = number_components(nodes, links, Problems())
    return city.with_tables(nodes=nodes, links=links), fresh.index[: len(made)]


class _Places:
    """Junctions by place: those there are, and new ones."""

    def __init__(self, nodes: gpd.GeoDataFrame) -> None:
        self.xy = shapely.get_coordinates(np.asarray(nodes.geometry.array, dtype=object))
        self.number = dict(zip(map(_rounded, self.xy), nodes.index, strict=True))
        self.tree = cKDTree(self.xy) if len(self.xy) else None

    def near(self, place: Place, distance_m: float) -> Place | None:
        """Junction nearest to a place, within a distance."""
        if self.tree is None:
            return None
        away, at = self.tree.query(place, distance_upper_bound=distance_m)
        return (float(self.xy[at, 0]), float(self.xy[at, 1])) if np.isfinite(away) else None

    def extended(self, nodes: gpd.GeoDataFrame, places: list[Place], city: City) -> gpd.GeoDataFrame:
        """Table of nodes with those that are new, their level that of the terrain."""
        fresh = {key: place for place in places if (key := _rounded(place)) not in self.number}
        if not fresh:
            return nodes
        xy = np.array(list(fresh.values()))
        terrain = city.rasters.get("terrain")
        ids = new_ids(nodes.index, fresh)
        self.number |= dict(zip(fresh, ids, strict=True))
        rows = gpd.GeoDataFrame(
            {
                "geometry": shapely.points(xy),
                "elevation_m": np.full(len(xy), np.nan) if terrain is None else sample(terrain, xy),
                "component": 0,
            },
            index=pd.Index(ids),
            crs=city.crs,
        )
        return appended(nodes, rows, "nodes")

    def ids(self, places: list[tuple[Place, Place]]) -> tuple[Integers, Integers]:
        """Nodes at both ends of stretches."""
        found = np.array([[self.number[_rounded(place)] for place in pair] for pair in places], dtype=np.int64)
        return found[:, 0], found[:, 1]


def _rounded(place: Any) -> tuple[int, int]:
    return round(place[0] * GRID), round(place[1] * GRID)


def _levels(frame: pd.DataFrame) -> Integers:
    """Level of each road; where it is missing or 0, bridges pass over and tunnels under."""
    level = frame["level"].fillna(0).to_numpy(dtype=np.int64)
    bridge, tunnel = (frame[name].fillna(value=False).to_numpy(dtype=np.int64) for name in ("bridge", "tunnel"))
    return np.asarray(np.where(level == 0, bridge - tunnel, level), dtype=np.int64)


def _streets_near(links: gpd.GeoDataFrame, roads: gpd.GeoDataFrame, snap_m: float) -> tuple[list[_Line], list[int]]:
    """Streets that new roads may meet, each once, cut at its ends; and their rows among the links."""
    back = links["reverse_link_id"].to_numpy(dtype=float, na_value=np.inf)
    once = np.flatnonzero(links.index.to_numpy() < back)
    shapes = np.asarray(links.geometry.array, dtype=object)[once]
    near = shapely.STRtree(shapes).query(np.asarray(roads.geometry.array, dtype=object), "dwithin", snap_m + SAME_M)[1]
    rows = once[np.unique(near)]
    found = []
    for row, level in zip(rows, _levels(links.iloc[rows]), strict=True):
        street = _Line(links.geometry.iloc[row], int(level))
        first, last = (street.shape.coords[end][:2] for end in (0, -1))
        street.cuts = {0.0: (first[0], first[1]), street.length: (last[0], last[1])}
        found.append(street)
    return found, [int(row) for row in rows]


def _tie_ends(line: _Line, others: list[_Line], known: _Places, snap_m: float) -> None:
    """Tie the ends of a new road to a junction, else to a road, within reach; else they stay where they are."""
    xy = shapely.get_coordinates(line.shape)
    for at, distance in ((0, 0.0), (-1, line.length)):
        end = (float(xy[at, 0]), float(xy[at, 1]))
        point = shapely.Point(end)
        junctions = [known.near(end, snap_m), *(place for other in others for place in other.cuts.values())]
        reach = [(point.distance(shapely.Point(place)), place) for place in junctions if place is not None]
        nearest = min(reach, default=(np.inf, end))
        if nearest[0] > snap_m:
            roads = [
                (other.level != line.level, other.shape.distance(point), number) for number, other in enumerate(others)
            ]
            within = [road for road in roads if road[1] <= snap_m]
            if within:
                other = others[min(within)[2]]
                foot = shapely.line_interpolate_point(other.shape, shapely.line_locate_point(other.shape, point))
                nearest = (0.0, (float(foot.x), float(foot.y)))
                other.cut(nearest[1])
            else:
                nearest = (0.0, end)
        line.cuts[distance] = nearest[1]


def _meet(line: _Line, other: _Line, known: _Places) -> None:
    """Cut two lines of one level where they cross, touch, or begin and end to overlap."""
    if line.level != other.level:
        return
    shared = shapely.intersection(line.shape, other.shape)
    if shared.is_empty:
        return
    parts = shapely.get_parts(shared)
    ends = [
        shapely.get_coordinates(part)[[0, -1]] if part.geom_type == "LineString" else shapely.get_coordinates(part)
        for part in parts
    ]
    for place in np.unique(np.vstack(ends), axis=0):
        # What lies at an end of either is that end, so that no stub remains.
        near = [
            cut for each in (other, line) for cut in each.cuts.values() if np.hypot(*(np.array(cut) - place)) <= 1.0
        ]
        met = near[0] if near else (known.near(tuple(place), SAME_M) or (float(place[0]), float(place[1])))
        line.cut(met)
        other.cut(met)


def _is_there(shape: Any, level: int, tree: shapely.STRtree, streets: list[_Line]) -> bool:
    """Whether a stretch lies on a street of its level from end to end."""
    return any(
        streets[at].level == level and shapely.covered_by(shape, shapely.buffer(streets[at].shape, SAME_M * 2))
        for at in tree.query(shape)
    )


def _made(roads: gpd.GeoDataFrame, shapes: list[Any], ends: tuple[Integers, Integers], city: City) -> gpd.GeoDataFrame:
    """Links of new roads, with what the class and the country say of them; their ids are their positions."""
    made = link_attributes(links_of(roads, np.array(shapes, dtype=object), *ends), city.country)
    for name in expand(TABLES["links"].columns):
        if name.endswith("_method") and name in made:
            made[name] = made[name].astype(object).replace("measured", ENTERED)
    return complete(made[[name for name in expand(TABLES["links"].columns) if name in made]], TABLES["links"])


def _halves(
    links: gpd.GeoDataFrame, pieces: list[tuple[int, Place, Place, Any]], known: _Places
) -> tuple[gpd.GeoDataFrame, pd.Index]:
    """Both directions of the pieces of split streets, all else as it was; and the ids of the links they replace."""
    if not pieces:
        return links.iloc[:0], links.index[:0]
    rows = np.array([piece[0] for piece in pieces])
    start, end = known.ids([(piece[1], piece[2]) for piece in pieces])
    shapes = np.array([piece[3] for piece in pieces], dtype=object)
    back = links.index.get_indexer(links["reverse_link_id"].iloc[rows].fillna(-1).astype("int64"))
    both = back >= 0
    ahead, behind = links.iloc[rows], links.iloc[back[both]]
    ahead = ahead.assign(from_node_id=start, to_node_id=end).set_geometry(
        gpd.GeoSeries(shapes, ahead.index, crs=links.crs)
    )
    behind = behind.assign(from_node_id=end[both], to_node_id=start[both])
    behind = behind.set_geometry(gpd.GeoSeries(shapely.reverse(shapes[both]), behind.index, crs=links.crs))
    gone = ahead.index.union(behind.index)
    n = len(pieces)
    ahead.index = pd.RangeIndex(-2 * n, -n)
    behind.index = pd.Index(np.arange(-n, 0)[both])
    ahead["reverse_link_id"] = pd.array(np.arange(-n, 0), dtype="Int64")
    ahead.loc[~both, "reverse_link_id"] = pd.NA
    behind["reverse_link_id"] = pd.array(np.arange(-2 * n, -n)[both], dtype="Int64")
    found = pd.concat([ahead, behind])
    found["length_m"] = found.geometry.length
    return found, gone


def _with_ids(fresh: gpd.GeoDataFrame, taken: pd.Index) -> gpd.GeoDataFrame:
    """New links under ids of their own, and pointing to each other by these."""
    shapes: Shapes = np.asarray(fresh.geometry.array, dtype=object)
    keys = zip(shapely.to_wkb(shapes), fresh["class"].astype(str), fresh["level"].fillna(0), strict=True)
    ids = pd.Series(new_ids(taken, keys), index=fresh.index)
    fresh = fresh.assign(reverse_link_id=fresh["reverse_link_id"].map(ids).astype("Int64"))
    fresh.index = pd.Index(ids.to_numpy())
    return fresh
