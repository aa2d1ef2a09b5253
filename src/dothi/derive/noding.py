"""Where drawn lines meet: vertices as flat arrays, snapped, crossed and joined without a loop over lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

SAME_PLACE_M = 1e-3
"""Vertices of drawn lines closer than this are one place when crossings are looked for [m]."""


@dataclass(frozen=True, slots=True)
class Lines:
    """
    Vertices of many lines, one after another.

    Attributes
    ----------
    xy : (n, 2)
        Position [m].
    z : (n,)
        Elevation, NaN where unknown [m].
    line : (n,)
        Number of the line, ascending; a line that fell away has no vertices.
    """

    xy: Floats
    z: Floats
    line: Integers

    @property
    def first(self) -> Mask:
        """Whether a vertex is the first of its line."""
        return np.append(True, self.line[1:] != self.line[:-1])[: len(self.line)]

    @property
    def last(self) -> Mask:
        """Whether a vertex is the last of its line."""
        return np.append(self.line[1:] != self.line[:-1], True)[-len(self.line) :] if len(self.line) else self.first

    @property
    def end(self) -> Mask:
        """Whether a vertex is an end of its line."""
        return self.first | self.last

    def along(self) -> Floats:
        """Length run through before each vertex, added up over all lines [m]."""
        steps = np.hypot(*np.diff(self.xy, axis=0, prepend=self.xy[:1]).T)
        return np.cumsum(np.where(self.first, 0.0, steps))


def lines_of(geometries: NDArray[Any]) -> Lines:
    """
    Vertices of LineStrings without repeats; a line that has no length has none.

    Parameters
    ----------
    geometries : (n_lines,)
        Lines, flat or with elevations.

    Returns
    -------
    Lines
        Their vertices; −0 is written as 0 so that equal places have equal bytes.
    """
    xyz, line = shapely.get_coordinates(geometries, include_z=True, return_index=True)
    return without_repeats(Lines(xyz[:, :2] + 0.0, xyz[:, 2].copy(), line.astype(np.int64)))


def without_repeats(lines: Lines) -> Lines:
    """Drop vertices that repeat the one before, then lines with fewer than two left."""
    moves = np.append(True, (lines.xy[1:] != lines.xy[:-1]).any(axis=1))[: len(lines.line)]
    keep = moves | lines.first
    line = lines.line[keep]
    counts = np.bincount(line, minlength=1) if len(line) else np.zeros(1, dtype=np.int64)
    long = counts[line] > 1
    kept = np.flatnonzero(keep)[long]
    return Lines(lines.xy[kept], lines.z[kept], lines.line[kept])


def places(xy: Floats) -> Integers:
    """Number of the place of each position; equal coordinates, to the last bit, are one place."""
    flat = np.ascontiguousarray(xy).view(np.complex128).ravel()
    return np.unique(flat, return_inverse=True)[1].astype(np.int64)


def snap(lines: Lines, which: Mask, distance_m: float) -> tuple[Lines, Integers, float]:
    """
    Move vertices that lie closer together than a distance to one place.

    Chains of near vertices become one place: the one where most vertices lie, the most western,
    then most southern of these where several do. The order of the lines plays no part.

    Parameters
    ----------
    lines
        Vertices.
    which : (n,)
        The vertices that may join; all others stay where they are.
    distance_m
        Greatest distance [m].

    Returns
    -------
    lines
        Vertices after the move; lines that shrank to a point have none.
    moved
        Numbers of the lines of which a vertex moved.
    farthest
        Longest move [m].
    """
    sites, site, visits = _unique_rows(lines.xy[which])
    pairs = cKDTree(sites).query_pairs(distance_m, output_type="ndarray")
    if not len(pairs):
        return lines, np.empty(0, dtype=np.int64), 0.0
    n = len(sites)
    links = coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    cluster = connected_components(links, directed=False)[1]
    # Sites come sorted from west to east, then from south to north: the first of equals is the most south-western.
    order = np.lexsort((np.arange(n), -visits, cluster))
    leader = order[np.unique(cluster[order], return_index=True)[1]]
    xy = lines.xy.copy()
    xy[which] = sites[leader[cluster]][site]
    moves = np.hypot(*(xy - lines.xy).T)
    moved = np.unique(lines.line[moves > 0.0])
    return without_repeats(Lines(xy, lines.z, lines.line)), moved, float(moves.max(initial=0.0))


def _unique_rows(xy: Floats) -> tuple[Floats, Integers, Integers]:
    flat = np.ascontiguousarray(xy).view(np.complex128).ravel()
    sites, site, counts = np.unique(flat, return_inverse=True, return_counts=True)
    return sites.view(np.float64).reshape(-1, 2), site.astype(np.int64), counts.astype(np.int64)


def reach(lines: Lines, level: Integers, distance_m: float) -> tuple[Lines, Integers]:
    """
    Draw loose ends to the line they all but touch, and give that line a vertex there.

    An end is loose if no other vertex lies in its place. It goes to the nearest point of the
    nearest line of its level within the distance, itself excepted.

    Parameters
    ----------
    lines
        Vertices.
    level : (n_lines,)
        Level of each line.
    distance_m
        Greatest distance [m].

    Returns
    -------
    lines
        Vertices after the change.
    reached
        Numbers of the lines of which an end was drawn to another line.
    """
    place = places(lines.xy)
    loose = np.flatnonzero(lines.end & (np.bincount(place)[place] == 1))
    start = np.flatnonzero(~lines.last)
    segments = _segments(lines, start)
    end, segment = shapely.STRtree(segments).query(
        shapely.points(lines.xy[loose]), predicate="dwithin", distance=distance_m
    )
    a, b = lines.line[loose[end]], lines.line[start[segment]]
    fits = (a != b) & (level[a] == level[b])
    end, segment = end[fits], segment[fits]
    if not len(end):
        return lines, np.empty(0, dtype=np.int64)
    away = shapely.distance(shapely.points(lines.xy[loose[end]]), segments[segment])
    nearest = np.lexsort((segment, away, end))
    nearest = nearest[np.unique(end[nearest], return_index=True)[1]]
    vertex, at = loose[end[nearest]], start[segment[nearest]]
    p, d = lines.xy[at], lines.xy[at + 1] - lines.xy[at]
    share = np.clip(((lines.xy[vertex] - p) * d).sum(axis=1) / (d * d).sum(axis=1), 0.0, 1.0)
    point = p + share[:, None] * d
    near = _nearer_end(lines, at, point)
    point = np.where(near[:, None] >= 0, lines.xy[near], point)
    xy = lines.xy.copy()
    xy[vertex] = point
    moved = np.unique(lines.line[vertex])
    new = near < 0
    return insert(Lines(xy, lines.z, lines.line), at[new], share[new], point[new]), moved


def cross(lines: Lines, level: Integers) -> tuple[Lines, int]:
    """
    Give lines that cross, touch or overlap at one level a vertex in common there.

    Lines of different levels get one only where the end of one lies on the other.

    Parameters
    ----------
    lines
        Vertices.
    level : (n_lines,)
        Level of each line.

    Returns
    -------
    lines
        Vertices with the new ones among them.
    n_crossings
        Places that were found where no common vertex was before.
    """
    lines, _, _ = snap(lines, np.ones(len(lines.line), dtype=bool), SAME_PLACE_M)
    start = np.flatnonzero(~lines.last)
    segments = _segments(lines, start)
    a, b = shapely.STRtree(segments).query(segments, predicate="dwithin", distance=SAME_PLACE_M)
    a, b = a[a < b], b[a < b]
    i, j = start[a], start[b]
    neighbours = (lines.line[i] == lines.line[j]) & (j == i + 1)
    i, j = i[~neighbours], j[~neighbours]

    # An end of one on the other: a T, or the ends of an overlap.
    at: list[Integers] = []
    points: list[Floats] = []
    ends = lines.end
    for s, other in ((i, j), (j, i)):
        for v in (other, other + 1):
            p, q = lines.xy[v], lines.xy[s]
            d = lines.xy[s + 1] - q
            share = ((p - q) * d).sum(axis=1) / (d * d).sum(axis=1)
            off = np.hypot(*(q + share[:, None] * d - p).T)
            same = level[lines.line[s]] == level[lines.line[v]]
            on = (off <= SAME_PLACE_M) & (share > 0.0) & (share < 1.0) & (same | ends[v])
            on &= _nearer_end(lines, s, p) < 0
            at.append(s[on])
            points.append(p[on])
    n_touching = len(np.unique(np.concatenate(points), axis=0)) if any(map(len, points)) else 0

    # Two segments that cross between their ends.
    same = level[lines.line[i]] == level[lines.line[j]]
    i, j = i[same], j[same]
    d, e = lines.xy[i + 1] - lines.xy[i], lines.xy[j + 1] - lines.xy[j]
    gap = lines.xy[j] - lines.xy[i]
    turn = d[:, 0] * e[:, 1] - d[:, 1] * e[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (gap[:, 0] * e[:, 1] - gap[:, 1] * e[:, 0]) / turn
        u = (gap[:, 0] * d[:, 1] - gap[:, 1] * d[:, 0]) / turn
        inside = (t > 0.0) & (t < 1.0) & (u > 0.0) & (u < 1.0)
    i, j, t = i[inside], j[inside], t[inside]
    point = lines.xy[i] + t[:, None] * (lines.xy[i + 1] - lines.xy[i])
    proper = (_nearer_end(lines, i, point) < 0) & (_nearer_end(lines, j, point) < 0)
    i, j, point = i[proper], j[proper], point[proper]
    at += [i, j]
    points += [point, point]

    where, xy = np.concatenate(at), np.concatenate(points)
    d = lines.xy[where + 1] - lines.xy[where]
    share = ((xy - lines.xy[where]) * d).sum(axis=1) / (d * d).sum(axis=1)
    lines = insert(lines, where, share, xy)
    # Three lines through one point meet pair by pair; rounding must not make three places of it.
    lines, _, _ = snap(lines, np.ones(len(lines.line), dtype=bool), SAME_PLACE_M)
    return lines, n_touching + len(point)


def _segments(lines: Lines, start: Integers) -> NDArray[Any]:
    pairs = np.stack([lines.xy[start], lines.xy[start + 1]], axis=1)
    return np.asarray(shapely.linestrings(pairs), dtype=object)


def _nearer_end(lines: Lines, segment: Integers, point: Floats) -> Integers:
    """Vertex of a segment in the same place as a point; −1 where neither end is."""
    to_first = np.hypot(*(lines.xy[segment] - point).T)
    to_last = np.hypot(*(lines.xy[segment + 1] - point).T)
    found = np.where(to_first <= to_last, segment, segment + 1)
    return np.where(np.minimum(to_first, to_last) <= SAME_PLACE_M, found, -1)


def insert(lines: Lines, segment: Integers, share: Floats, xy: Floats) -> Lines:
    """
    Put new vertices into lines.

    Parameters
    ----------
    lines
        Vertices.
    segment : (m,)
        First vertex of the segment into which each goes.
    share : (m,)
        How far along the segment, from 0 to 1.
    xy : (m, 2)
        Positions [m].

    Returns
    -------
    Lines
        All vertices in order; elevations of new ones lie between their neighbours'.
    """
    if not len(segment):
        return lines
    z = lines.z[segment] + share * (lines.z[segment + 1] - lines.z[segment])
    order = np.lexsort((np.append(np.zeros(len(lines.line)), share), np.append(np.arange(len(lines.line)), segment)))
    return without_repeats(
        Lines(
            np.concatenate([lines.xy, xy])[order],
            np.concatenate([lines.z, z])[order],
            np.concatenate([lines.line, lines.line[segment]])[order],
        )
    )


def junctions(lines: Lines, level: Integers) -> tuple[Integers, Mask]:
    """
    Decide which vertices are junctions, and which of them are the same one.

    Where a line ends, all that has a vertex in that place meets. Elsewhere, lines meet at a
    common vertex only at one level, so that what passes over or under is left alone. A line
    that comes back to its own vertex meets itself. A stretch that would begin and end in the
    same junction is cut once more, at its vertex nearest to half way.

    Parameters
    ----------
    lines
        Vertices.
    level : (n_lines,)
        Level of each line.

    Returns
    -------
    junction : (n,)
        Number of the place and level of each vertex.
    cut : (n,)
        Whether the vertex is a junction.
    """
    place = places(lines.xy)
    ends_here = np.bincount(place, weights=lines.end) > 0
    storey = level[lines.line] - level.min(initial=0) + 1
    key = place * (storey.max(initial=0) + 1) + np.where(ends_here[place], 0, storey)
    junction = np.unique(key, return_inverse=True)[1].astype(np.int64)
    cut = lines.end | (np.bincount(junction)[junction] > 1)

    begin, finish = stretches(lines, cut)
    loop = junction[begin] == junction[finish]
    begin, finish = begin[loop], finish[loop]
    along = lines.along()
    half = (along[begin] + along[finish]) / 2.0
    after = np.clip(np.searchsorted(along, half), begin + 1, finish - 1)
    before = np.maximum(after - 1, begin + 1)
    # Equal but for rounding: take the earlier, so that the order of the lines plays no part.
    nearer = np.abs(along[before] - half) <= np.abs(along[after] - half) + SAME_PLACE_M
    cut[np.where(nearer, before, after)] = True
    return junction, cut


def stretches(lines: Lines, cut: Mask) -> tuple[Integers, Integers]:
    """First and last vertex of each stretch between neighbouring junctions of a line."""
    at = np.flatnonzero(cut)
    together = lines.line[at[1:]] == lines.line[at[:-1]]
    return at[:-1][together], at[1:][together]


def as_geometries(lines: Lines, begin: Integers, finish: Integers) -> NDArray[Any]:
    """LineStrings of stretches, with elevations where all of their vertices have one."""
    n_vertices = finish - begin + 1
    offset = np.repeat(begin - np.append(0, np.cumsum(n_vertices)[:-1]), n_vertices)
    vertex = offset + np.arange(n_vertices.sum())
    piece = np.repeat(np.arange(len(begin)), n_vertices)
    known = np.isfinite(lines.z[vertex])
    solid = np.bincount(piece, weights=~known, minlength=len(begin)) == 0
    shapes = np.empty(len(begin), dtype=object)
    for has_z in (True, False):
        chosen = solid == has_z
        if chosen.any():
            v = vertex[chosen[piece]]
            xyz = np.column_stack([lines.xy[v], lines.z[v]]) if has_z else lines.xy[v]
            number = np.cumsum(chosen) - 1
            shapes[chosen] = shapely.linestrings(xyz, indices=number[piece[chosen[piece]]])
    return shapes
