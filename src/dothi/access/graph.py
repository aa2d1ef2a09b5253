"""The streets open to one way of travelling, as the arrays that kernels search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from dothi import place
from dothi.shapes import Floats, Integers, Mask

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

Nodes = npt.NDArray[np.int32]

OWN_SPEED: Final = ("walk", "bicycle")
"""Modes with a speed of their own, whatever the street."""
MODES: Final = (*OWN_SPEED, "motorbike", "car")
LEAST_COST: Final = 1e-3
"""Cost of a link without length, so that every step costs something."""
LEAST_NODES: Final = 10
"""Parts of the network with fewer nodes are no place to start from, where there are larger ones."""


@dataclass(frozen=True)
class Graph:
    """
    Directed graph in compressed rows; parallel arcs stay apart.

    Attributes
    ----------
    first : (n_nodes + 1,)
        First arc of each node.
    head : (n_arcs,)
        Node each arc leads to.
    cost : (n_arcs,)
        Cost of each arc.
    arc_link : (n_arcs,)
        Row of each arc in the table of links.
    node_row : (n_nodes,)
        Row of each node in the table of nodes.
    xy : (n_nodes, 2)
        Positions [m].
    """

    first: Nodes
    head: Nodes
    cost: Floats
    arc_link: Integers
    node_row: Integers
    xy: Floats

    def __len__(self) -> int:
        return len(self.node_row)

    @cached_property
    def tail(self) -> Nodes:
        """Node each arc leaves (n_arcs,)."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.first))

    @cached_property
    def reversed(self) -> Graph:
        """The same with every arc turned round: costs from a node are those to it."""
        return compressed(self.head, self.tail, self.cost, self.arc_link, self.node_row, self.xy)

    @cached_property
    def component(self) -> Integers:
        """Part of the network in which each node lies, one-way streets taken both ways (n_nodes,)."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        whole = csr_array((np.ones(len(self.head)), self.head, self.first), shape=(len(self), len(self)))
        parts: Integers = connected_components(whole, directed=False)[1].astype(np.int64)
        return parts

    @cached_property
    def usable(self) -> Mask:
        """Nodes in parts of the network that are more than a scrap (n_nodes,)."""
        size = np.bincount(self.component, minlength=1)[self.component]
        large: Mask = size >= LEAST_NODES
        return large if large.any() else np.ones(len(self), dtype=bool)

    @cached_property
    def _tree(self) -> cKDTree:
        from scipy.spatial import cKDTree

        return cKDTree(self.xy[self.usable])

    def nearest(self, xy: Floats) -> tuple[Nodes, Floats]:
        """
        Nearest usable node of every point.

        Parameters
        ----------
        xy : (n, 2)
            Points [m].

        Returns
        -------
        node : (n,) array
            Nodes; 0 where the graph has none.
        distance : (n,) array
            How far they are [m]; infinity where the graph has none.
        """
        if not len(self) or not len(xy):
            return np.zeros(len(xy), dtype=np.int32), np.full(len(xy), np.inf)
        distance, at = self._tree.query(xy)
        return np.flatnonzero(self.usable)[at].astype(np.int32), distance


def graph_of(links: Any, nodes: Any, mode: str, cost: Floats) -> Graph:
    """
    Graph of the links open to a mode.

    Parameters
    ----------
    links, nodes
        Tables of the city.
    mode
        One of the columns that say who may use a link.
    cost : (n_links,)
        Cost of each link; those without a finite one are left out.
    """
    row = np.flatnonzero(links[mode].to_numpy(dtype=bool) & np.isfinite(cost))
    ends = nodes.index.get_indexer(np.r_[links["from_node_id"].to_numpy()[row], links["to_node_id"].to_numpy()[row]])
    used, ends = np.unique(ends, return_inverse=True)
    xy = shapely.get_coordinates(np.asarray(nodes.geometry.array, dtype=object)[used])
    tail, head = ends[: len(row)], ends[len(row) :]
    return compressed(tail, head, np.maximum(cost[row], LEAST_COST), row, used, xy)


def compressed(tail: Any, head: Any, cost: Floats, link: Integers, node_row: Integers, xy: Floats) -> Graph:
    """Graph of arcs from `tail` to `head`, in any order; the rest as in `Graph`."""
    order = np.argsort(tail, kind="stable")
    first = np.searchsorted(tail[order], np.arange(len(node_row) + 1)).astype(np.int32)
    return Graph(first, head[order].astype(np.int32), cost[order], link[order], node_row, xy)


def speeds(country: str) -> Mapping[str, float]:
    """Speeds on foot and by bicycle [m s⁻¹], as the data of the country have them."""
    found: Mapping[str, float] = place.load(country, "access")["speed_m_s"]
    return found


def seconds(links: Any, mode: str, country: str, *, congested: bool = True) -> Floats:
    """
    Time on every link by a mode, open to it or not [s].

    Parameters
    ----------
    links
        Table of the city, where traffic was simulated with its columns ``time_car_s`` and ``time_motorbike_s``.
    mode
        One of `MODES`.
    country
        Whose speeds hold on foot and by bicycle.
    congested
        Whether the times of the simulated traffic count where there are any, not those of empty roads.
    """
    length = links["length_m"].to_numpy(dtype=float)
    if mode in OWN_SPEED:
        own: Floats = length / float(speeds(country)[mode])
        return own
    free: Floats = length / links["free_speed_m_s"].to_numpy(dtype=float, na_value=np.nan)
    column = f"time_{mode}_s"
    if not congested or column not in links:
        return free
    loaded: Floats = links[column].to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(loaded), loaded, free)


def is_congested(links: Any, mode: str) -> bool:
    """Whether the links have times of simulated traffic for a mode."""
    return f"time_{mode}_s" in links
