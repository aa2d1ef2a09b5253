"""Streets as ways for pipes: which may be dug up, what a metre costs, and where buildings are joined to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely

from dothi.errors import InputError, Problem
from dothi.shapes import Floats, Integers, Shapes

SNAP_M: Final = 1.0
"""Nearer than this to a crossing, a building is joined at the crossing."""
LEAST_M: Final = 0.1
"""Length of a way without one, so that every pipe has some."""


@dataclass(frozen=True, slots=True)
class Streets:
    """
    Graph of the streets in which pipes may lie; its largest connected part.

    Attributes
    ----------
    xy : (n, 2)
        Nodes [m].
    one, other : (n_edges,)
        Ends of the edges.
    length_m, cost : (n_edges,)
        Length, and length times what a metre costs over that of a street of dwellings.
    line : (n_edges,)
        Courses, from `one` to `other`.
    """

    xy: Floats
    one: Integers
    other: Integers
    length_m: Floats
    cost: Floats
    line: Shapes

    def __len__(self) -> int:
        return len(self.xy)

    def nearest(self, x: float, y: float) -> int:
        """Node nearest to a place."""
        return int(np.argmin(np.hypot(self.xy[:, 0] - x, self.xy[:, 1] - y)))

    def edges_near(self, shapes: Shapes) -> Integers:
        """Edge nearest to each shape."""
        found: Integers = shapely.STRtree(self.line).query_nearest(shapes, all_matches=False)[1]
        return found


def streets_of(links: Any, nodes: Any, factors: Mapping[str, float]) -> Streets:
    """
    Streets of a city.

    Parameters
    ----------
    links, nodes
        Tables of the city.
    factors
        By class of road, what a metre costs over that of a street of dwellings, and under ``bridge`` how many times
        that on bridges; in classes without one, and in tunnels, no pipe lies.

    Raises
    ------
    InputError
        There is no such street.
    """
    kind = links["class"].astype("str")
    per_metre = kind.map({name: float(value) for name, value in factors.items() if name != "bridge"})
    bridge, tunnel = (links[name].fillna(False).to_numpy(dtype=bool) for name in ("bridge", "tunnel"))
    per_metre = per_metre.to_numpy(dtype=float) * np.where(bridge, float(factors.get("bridge", 1.0)), 1.0)
    rows = np.flatnonzero(np.isfinite(per_metre) & ~tunnel)
    length = np.maximum(links["length_m"].to_numpy(dtype=float), LEAST_M)
    cost = length * per_metre
    ends = [nodes.index.get_indexer(links[f"{side}_node_id"]) for side in ("from", "to")]
    rows = _once(rows, ends[0], ends[1], cost)
    if not len(rows):
        raise InputError([Problem("has a street in which a pipe may lie", table="links", column="class")])
    used, local = np.unique(np.r_[ends[0][rows], ends[1][rows]], return_inverse=True)
    one, other = local[: len(rows)], local[len(rows) :]
    keep = _largest(len(used), one, other)
    rows, one, other = rows[keep[one]], one[keep[one]], other[keep[one]]
    number = np.cumsum(keep) - 1
    xy = shapely.get_coordinates(np.asarray(nodes.geometry.array, dtype=object)[used[keep]])
    lines = np.asarray(links.geometry.array, dtype=object)[rows]
    return Streets(xy, number[one], number[other], length[rows], cost[rows], shapely.force_2d(lines))


def _once(rows: Integers, start: Integers, end: Integers, cost: Floats) -> Integers:
    """Rows of links, one for both directions and the cheapest between two nodes; none that leads back to its start."""
    rows = rows[start[rows] != end[rows]]
    low, high = np.minimum(start[rows], end[rows]), np.maximum(start[rows], end[rows])
    order = np.lexsort((rows, cost[rows], high, low))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)
    return np.sort(rows[order[first]])


def _largest(n: int, one: Integers, other: Integers) -> Any:
    """Nodes of the largest connected part."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    part = connected_components(coo_array((np.ones(len(one)), (one, other)), shape=(n, n)), directed=False)[1]
    return part == np.argmax(np.bincount(part))


def joined(streets: Streets, footprints: Shapes) -> tuple[Streets, Integers, Shapes]:
    """
    Streets with a node where each building is joined, at the place of its nearest street that is nearest to it.

    Parameters
    ----------
    streets
        The streets.
    footprints : (n_buildings,)
        Footprints.

    Returns
    -------
    streets : Streets
        The same, cut at these places.
    node : (n_buildings,) array
        Node of each building; several may share one.
    service : (n_buildings,) array
        Lines from the street to the building.
    """
    edge = streets.edges_near(footprints)
    service = shapely.shortest_line(streets.line[edge], footprints)
    short = shapely.length(service) < SNAP_M
    inner = shapely.point_on_surface(footprints[short])
    service[short] = shapely.shortest_line(streets.line[edge[short]], inner)
    along = shapely.line_locate_point(streets.line[edge], shapely.get_point(service, 0))
    whole = shapely.length(streets.line[edge])
    node = np.full(len(edge), -1)
    node[along < SNAP_M] = streets.one[edge[along < SNAP_M]]
    late = (node < 0) & (along > whole - SNAP_M)
    node[late] = streets.other[edge[late]]
    cut = np.flatnonzero(node < 0)
    if not len(cut):
        return streets, node, service
    places, number = np.unique(np.column_stack([edge[cut], np.round(along[cut])]), axis=0, return_inverse=True)
    node[cut] = len(streets) + number.ravel()
    return _cut(streets, places[:, 0].astype(np.int64), places[:, 1]), node, service


def _cut(streets: Streets, edge: Integers, along: Floats) -> Streets:
    """Streets with further nodes on their edges, in the order given: by edge, then by place."""
    from shapely.ops import substring

    points = shapely.line_interpolate_point(streets.line[edge], along)
    touched = np.unique(edge)
    kept = np.setdiff1d(np.arange(len(streets.one)), touched)
    one, other, length, cost, line = [], [], [], [], []
    for e in touched:
        here = np.flatnonzero(edge == e)
        stops = [int(streets.one[e]), *(len(streets) + here), int(streets.other[e])]
        whole = float(shapely.length(streets.line[e]))
        marks = [0.0, *along[here], whole]
        for k in range(len(stops) - 1):
            share = (marks[k + 1] - marks[k]) / whole
            one.append(stops[k])
            other.append(stops[k + 1])
            length.append(max(streets.length_m[e] * share, LEAST_M))
            cost.append(max(streets.cost[e] * share, LEAST_M))
            line.append(substring(streets.line[e], marks[k], marks[k + 1]))
    return Streets(
        np.concatenate([streets.xy, shapely.get_coordinates(points)]),
        np.r_[streets.one[kept], one],
        np.r_[streets.other[kept], other],
        np.r_[streets.length_m[kept], length],
        np.r_[streets.cost[kept], cost],
        np.array([*streets.line[kept], *line], dtype=object),
    )
