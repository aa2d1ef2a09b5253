"""Bushes: for each class and origin, the links that its trips may use, without a cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dothi.traffic.graph import Arcs, Prepared
from dothi.traffic.kernels_bush import Trees, Trips
from dothi.traffic.kernels_shift import Pairs
from dothi.traffic.network import Floats, Integers

Positions = npt.NDArray[np.int64]
Counts = npt.NDArray[np.uint16]

ROOM = 0.125
"""Room of a new bush for more links, as a share of its nodes."""

MAX_PAIRS = 500_000
LINKS_OF_A_PAIR = 16
"""Room for the links of pairs of stretches, as if each had so many."""


@dataclass(frozen=True, slots=True)
class Bushes:
    """
    Bushes one after the other, without gaps.

    Attributes
    ----------
    arcs
        Links and turns that they are made of.
    class_index, origin : (n_bushes,)
        Whose they are.
    node_start : (n_bushes + 1,)
        Where the nodes of each bush begin.
    node : (n,)
        Nodes in such an order that links of the bush lead forwards; the origin is the first.
    degree : (n,)
        How many links of the bush end at the node.
    link_start : (n_bushes + 1,)
        Where the links of each bush begin.
    link : (m,)
        Arcs, by the node at which they end.
    flow_pcu_h : (m,)
        Flow from this origin on them [pcu/h].
    """

    arcs: Arcs
    class_index: Integers
    origin: Integers
    node_start: Positions
    node: Integers
    degree: Counts
    link_start: Positions
    link: Integers
    flow_pcu_h: Floats

    @property
    def nbytes(self) -> int:
        """Memory that they take [B]."""
        return sum(part.nbytes for part in (self.node, self.degree, self.link, self.flow_pcu_h))


def packed(trees: Trees, trips: Trips, ready: Prepared) -> Bushes:
    """
    Bushes without the room between them.

    Parameters
    ----------
    trees
        Bushes with room.
    trips
        Whose they are.
    ready
        Graph whose links they are made of.
    """
    nodes = _taken(trees.node_start, trees.n_nodes)
    links = _taken(trees.link_start, trees.n_links)
    return Bushes(
        ready.arcs,
        trips.class_index,
        trips.origin,
        _starts(trees.n_nodes),
        trees.node[nodes],
        trees.degree[nodes],
        _starts(trees.n_links),
        ready.order[trees.link[links]].astype(np.int32),
        trees.flow[links],
    )


def as_trees(bushes: Bushes, link: Integers, node: Integers) -> Trees:
    """
    Bushes as the kernels take them.

    Parameters
    ----------
    bushes
        The bushes.
    link, node
        Their links and nodes in the graph of the kernels.
    """
    return Trees(
        bushes.node_start,
        np.diff(bushes.node_start),
        np.diff(bushes.link_start),
        node,
        bushes.degree,
        bushes.link_start,
        link,
        bushes.flow_pcu_h,
    )


def no_trees() -> Trees:
    """No bushes."""
    none, zero = np.empty(0, np.int64), np.zeros(1, np.int64)
    return Trees(
        zero, none, none, np.empty(0, np.int32), np.empty(0, np.uint16), zero, np.empty(0, np.int32), np.empty(0)
    )


def room_for(n_bushes: int, n_nodes: int, n_arcs: int, old: Trees, old_of: Positions) -> Trees:
    """
    Room for new bushes that begin with old ones.

    Parameters
    ----------
    n_bushes
        How many there will be.
    n_nodes, n_arcs
        Size of the graph.
    old
        Old bushes.
    old_of : (n_bushes,)
        Which of them each begins with; −1 for none.
    """
    begun = old_of >= 0
    links = np.full(n_bushes, n_nodes, np.int64)
    links[begun] += np.maximum(old.n_links[old_of[begun]] - old.n_nodes[old_of[begun]], 0)
    links = np.minimum((links * (1.0 + ROOM)).astype(np.int64) + 64, n_arcs)
    node_start = np.arange(n_bushes + 1, dtype=np.int64) * n_nodes
    link_start = _starts(links)
    return Trees(
        node_start,
        np.zeros(n_bushes, np.int64),
        np.zeros(n_bushes, np.int64),
        np.zeros(node_start[-1], np.int32),
        np.zeros(node_start[-1], np.uint16),
        link_start,
        np.zeros(link_start[-1], np.int32),
        np.zeros(link_start[-1]),
    )


def room_for_pairs(n_bushes: int, n_nodes: int) -> Pairs:
    """
    Room for pairs of stretches.

    Parameters
    ----------
    n_bushes
        How many bushes there are.
    n_nodes
        Nodes of the graph.
    """
    n = min(max(64 * n_bushes, 1024), MAX_PAIRS)
    return Pairs(
        np.zeros(1, np.int64),
        np.zeros(n, np.int32),
        np.zeros(n + 1, np.int64),
        np.zeros(n, np.int64),
        np.zeros(LINKS_OF_A_PAIR * n + 2 * n_nodes, np.int64),
    )


def with_room(trees: Trees, wanted: Positions) -> Trees:
    """
    The same bushes with more room.

    Parameters
    ----------
    trees
        Bushes.
    wanted : (n_bushes,)
        Links that each is to have room for at least.
    """
    room = np.maximum(np.diff(trees.link_start), (wanted * (1.0 + ROOM)).astype(np.int64))
    start = _starts(room)
    link, flow = np.zeros(start[-1], np.int32), np.zeros(start[-1])
    here, there = _taken(trees.link_start, trees.n_links), _taken(start, trees.n_links)
    link[there], flow[there] = trees.link[here], trees.flow[here]
    return trees._replace(link_start=start, link=link, flow=flow)


def carried_over(bushes: Bushes, ready: Prepared) -> tuple[Integers, Integers] | None:
    """
    Links and nodes of bushes in the graph of another network; none where their turns do not go together.

    Links are the same if they join the same nodes; of several, the first is the first.

    Parameters
    ----------
    bushes
        Bushes of the old network.
    ready
        Graph of the new network.

    Returns
    -------
    link, node
        Link in the graph for each of `bushes.link`, −1 for one that is no more, and node for each of `bushes.node`.
    """
    place = np.append(ready.place, -1).astype(np.int32)
    if _alike(bushes.arcs, ready.arcs):
        return place[bushes.link], bushes.node
    arc = _same_arcs(bushes.arcs, ready.arcs)
    kept = np.flatnonzero(arc >= 0)
    old = np.concatenate([bushes.arcs.from_node[kept], bushes.arcs.to_node[kept]])
    new = np.concatenate([ready.arcs.from_node[arc[kept]], ready.arcs.to_node[arc[kept]]])
    node = np.arange(max(bushes.arcs.n_nodes, ready.arcs.n_nodes), dtype=np.int32)
    node[old] = new
    one_to_one = (node[old] == new).all() and len(np.unique(old)) == len(np.unique(new))
    if not one_to_one:
        return None
    return place[arc[bushes.link]], node[bushes.node]


def _alike(old: Arcs, new: Arcs) -> bool:
    """Whether links and turns are the same, in the same order."""
    names = ("from_node", "to_node", "before", "after", "link_from", "link_to")
    return old.n_nodes == new.n_nodes and all(np.array_equal(getattr(old, name), getattr(new, name)) for name in names)


def _same_arcs(old: Arcs, new: Arcs) -> Integers:
    """Arc of the new network for each arc of the old one; −1 for one that is no more."""
    links = _same_links((old.link_from, old.link_to), (new.link_from, new.link_to))
    n, m = len(old.link_from), len(new.link_from)
    found = {_turn_key(new, arc, new.before[arc], new.after[arc]): arc for arc in range(m, len(new.before))}
    turns = [
        found.get(_turn_key(old, arc, *(links[a] if a >= 0 else -1 for a in (old.before[arc], old.after[arc]))), -1)
        for arc in range(n, len(old.before))
    ]
    return np.concatenate([links, np.array(turns, dtype=np.int32)])


def _turn_key(arcs: Arcs, arc: int, before: int, after: int) -> tuple[int, int, int]:
    return (int(before), int(after), int(arcs.from_node[arc]) if arcs.before[arc] < 0 else -1)


def _same_links(old: tuple[Integers, Integers], new: tuple[Integers, Integers]) -> Integers:
    """Link of the new network for each link of the old one."""
    if np.array_equal(old[0], new[0]) and np.array_equal(old[1], new[1]):
        return np.arange(len(old[0]), dtype=np.int32)
    found = {key: link for link, key in enumerate(zip(*new, _rank_among_parallels(*new), strict=True))}
    keys = zip(*old, _rank_among_parallels(*old), strict=True)
    return np.array([found.get(key, -1) for key in keys], dtype=np.int32)


def _rank_among_parallels(from_node: Integers, to_node: Integers) -> Positions:
    """How many links before each one join the same nodes."""
    order = np.lexsort((to_node, from_node))
    same = np.zeros(len(order), dtype=bool)
    same[1:] = (np.diff(from_node[order]) == 0) & (np.diff(to_node[order]) == 0)
    begins = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - begins
    return rank


def _starts(lengths: npt.NDArray[np.int64]) -> Positions:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _taken(start: Positions, n: Positions) -> Positions:
    """Positions `start`, `start` + 1, … of each part, `n` of them."""
    shift = np.repeat(start[: len(n)] - _starts(n)[:-1], n)
    return np.arange(len(shift), dtype=np.int64) + shift
