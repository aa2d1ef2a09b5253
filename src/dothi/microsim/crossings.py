"""Crossings as drivers see them: nodes that lie close together, and roundabouts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from dothi.shapes import Floats, Integers, Mask

if TYPE_CHECKING:
    import geopandas as gpd

WIDEST: Final = 3.0
"""Extent of a crossing at most, in distances within which nodes are joined: else chains of short links would be one."""
ARMS: Final = 3
"""Streets that meet at a crossing, at least."""


@dataclass(frozen=True, slots=True)
class Crossings:
    """
    Nodes that are one crossing, and links that are a roundabout.

    Attributes
    ----------
    joined
        Ids of nodes, crossing by crossing; nodes that stay alone are in none.
    rings
        Ids of links, roundabout by roundabout.
    """

    joined: tuple[tuple[int, ...], ...]
    rings: tuple[tuple[int, ...], ...]


def find_crossings(nodes: gpd.GeoDataFrame, links: gpd.GeoDataFrame, join_m: float, ring_m: float) -> Crossings:
    """
    Find nodes that are one crossing.

    Two crossings are one where the way between them is no longer than `join_m`, and where all of them together extend
    over no more than three times that. The shortest ways come first. A roundabout whose links are shorter in sum than
    `ring_m` is one crossing; in others, nodes stay apart.

    Parameters
    ----------
    nodes, links
        Tables of the city; the links are open to motor traffic.
    join_m
        Length of a way between crossings that are one, at most [m].
    ring_m
        Length of a roundabout that is one crossing, at most [m].
    """
    ids = np.unique(np.r_[links["from_node_id"], links["to_node_id"]])
    tail, head = (np.searchsorted(ids, links[f"{side}_node_id"].to_numpy()) for side in ("from", "to"))
    length = shapely.length(np.asarray(links.geometry.array, dtype=object))
    xy = shapely.get_coordinates(np.asarray(nodes.loc[ids].geometry.array, dtype=object))
    group = _Groups(xy, WIDEST * join_m)
    rings, small = _rings(links, tail, head, length, ring_m)
    for ring in small:
        for link in ring:
            group.join(int(tail[link]), int(head[link]), always=True)
    apart = np.zeros(len(ids), dtype=bool)
    for ring in rings:
        apart[tail[ring]] = apart[head[ring]] = True
    for chain in _chains(tail, head, length, join_m, apart):
        group.join_all(chain)
    names = links.index.to_numpy()
    joined = [tuple(int(ids[node]) for node in nodes_) for nodes_ in group.groups()]
    return Crossings(tuple(joined), tuple(tuple(int(names[link]) for link in ring) for ring in rings))


class _Groups:
    """Nodes that are one crossing, as they are joined."""

    def __init__(self, xy: Floats, widest_m: float) -> None:
        self._xy, self._widest = xy, widest_m
        self._of = {node: [node] for node in range(len(xy))}

    def join(self, one: int, other: int, *, always: bool = False) -> bool:
        """Make one crossing of two, unless it grew too wide; gives whether they are one now."""
        first, second = self._of[one], self._of[other]
        if first is second:
            return True
        both = first + second
        if not always and np.ptp(self._xy[both], axis=0).max() > self._widest:
            return False
        for node in both:
            self._of[node] = both
        return True

    def join_all(self, chain: list[int]) -> None:
        """Make one crossing of the ends of a way and what lies between, unless it grew too wide."""
        every = sorted({node for end in chain for node in self._of[end]})
        if np.ptp(self._xy[every], axis=0).max() <= self._widest:
            for node in chain[1:]:
                self.join(chain[0], node, always=True)

    def groups(self) -> list[list[int]]:
        """Crossings of more than one node."""
        seen = {min(nodes): sorted(nodes) for nodes in self._of.values() if len(nodes) > 1}
        return [seen[first] for first in sorted(seen)]


def _rings(
    links: gpd.GeoDataFrame, tail: Integers, head: Integers, length: Floats, ring_m: float
) -> tuple[list[Integers], list[Integers]]:
    """Links of large and of small roundabouts, by position."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if "roundabout" not in links:
        return [], []
    part = np.flatnonzero(links["roundabout"].astype("boolean").fillna(value=False).to_numpy(dtype=bool))
    n = int(max(tail.max(initial=0), head.max(initial=0))) + 1
    _, label = connected_components(coo_array((np.ones(len(part)), (tail[part], head[part])), shape=(n, n)), False)
    found = [part[label[tail[part]] == one] for one in np.unique(label[tail[part]])]
    # a piece at the edge of the area is no ring
    whole = [set(tail[ring]) == set(head[ring]) for ring in found]
    large = [ring for ring, is_whole in zip(found, whole, strict=True) if is_whole and length[ring].sum() > ring_m]
    small = [ring for ring, is_whole in zip(found, whole, strict=True) if is_whole and length[ring].sum() <= ring_m]
    return large, small


def _chains(tail: Integers, head: Integers, length: Floats, join_m: float, apart: Mask) -> list[list[int]]:
    """Ways between neighbouring crossings, no longer than that, the shortest first."""
    near: dict[int, dict[int, float]] = {}
    for one, other, metres in zip(tail.tolist(), head.tolist(), length.tolist(), strict=True):
        for a, b in ((one, other), (other, one)):
            near.setdefault(a, {})[b] = min(metres, near.get(a, {}).get(b, np.inf))
    found: dict[tuple[int, int], tuple[list[int], float]] = {}
    for start, to in near.items():
        if len(to) < ARMS or apart[start]:
            continue
        for step, metres in to.items():
            chain, total = [start, step], metres
            while len(near[chain[-1]]) < ARMS and total <= join_m:
                onward = [node for node in near[chain[-1]] if node != chain[-2]]
                if not onward or onward[0] in chain:
                    break
                total += near[chain[-1]][onward[0]]
                chain.append(onward[0])
            if total <= join_m and len(near[chain[-1]]) >= ARMS and not apart[chain].any():
                key = (min(start, chain[-1]), max(start, chain[-1]))
                if key not in found or total < found[key][1]:
                    found[key] = (chain, total)
    return [chain for chain, _ in sorted(found.values(), key=lambda way: (way[1], way[0]))]
