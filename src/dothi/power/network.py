"""A grid as the kernels take it: trees and loops in values per unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from dothi.errors import InputError, Problem
from dothi.shapes import Floats, Integers, Mask

if TYPE_CHECKING:
    import pandas as pd

    from dothi.power.kernels import Loops, Tree

Complexes = NDArray[np.complex128]

BASE_VA: Final = 1e6
HERTZ: Final = 50.0
LEAST_OHM: Final = 1e-7
"""Impedance of a branch that has none in its table, so that currents through it are defined [Ω]."""
SAME_RATIO: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Branches:
    """
    Lines and transformers, in values per unit on the side of their second node.

    Attributes
    ----------
    one, other : (n,)
        Nodes.
    impedance : (n,)
        Impedance.
    shunt : (n,)
        Admittance to ground, half of it at each end.
    ratio : (n,)
        Turns ratio, first node over second.
    rating : (n,)
        Greatest lasting current; infinite where not known.
    is_transformer : (n,)
        Whether it is a transformer.
    row : (n,)
        Row in its table.
    """

    one: Integers
    other: Integers
    impedance: Complexes
    shunt: Complexes
    ratio: Floats
    rating: Floats
    is_transformer: Mask
    row: Integers

    def take(self, rows: Any) -> Branches:
        """Some of them."""
        return Branches(*(getattr(self, name)[rows] for name in Branches.__slots__))


@dataclass(frozen=True, slots=True)
class Network:
    """
    Grid in the order of its trees.

    Attributes
    ----------
    nodes : (n,)
        Row of each node of the trees in the table of nodes.
    place : (n_nodes,)
        Place of each node of the table in the trees; −1 where no held voltage reaches it.
    tree, loops
        As the kernels take them.
    branches
        All branches that are closed.
    below : (n_branches,)
        Place in the trees of the node below a branch; −1 for one that closes a loop, −2 for one without supply.
    loop : (n_branches,)
        Place among the loops, −1 where it closes none.
    share : (n_branches,)
        Its share of the current, where several lie side by side.
    """

    nodes: Integers
    place: Integers
    tree: Tree
    loops: Loops
    branches: Branches
    below: Integers
    loop: Integers
    share: Floats


def branches_of(
    nodes: pd.DataFrame, lines: pd.DataFrame, transformers: pd.DataFrame, *, hertz: float = HERTZ
) -> Branches:
    """
    Closed lines, and transformers whose lower side is not held, in values per unit.

    A line is a π of its series impedance and its capacitance. A transformer is one of its short-circuit impedance and
    of iron loss and no-load current, with the ratio of its rated voltages and tap to the nominal voltages of its nodes.

    Parameters
    ----------
    nodes, lines, transformers
        Tables of the city.
    hertz
        Frequency [Hz].
    """
    nominal = nodes["nominal_v"].to_numpy(dtype=float)
    opened = switches(lines, "open")
    one, other = (nodes.index.get_indexer(lines[f"{end}_grid_node_id"]) for end in ("from", "to"))
    rows = np.flatnonzero(~opened & (one != other))
    one, other, table = one[rows], other[rows], lines.iloc[rows]
    base = nominal[other] ** 2 / BASE_VA
    km = table["length_m"].to_numpy(dtype=float) / 1e3
    r, x, c, rating = (numbers(table, name) for name in ("r_ohm_km", "x_ohm_km", "c_nf_km", "rating_a"))
    series = np.where(np.abs(r + 1j * x) * km > LEAST_OHM, (r + 1j * x) * km, LEAST_OHM)
    shunt = 2j * np.pi * hertz * np.nan_to_num(c) * 1e-9 * km * base
    amps = np.where(rating > 0.0, rating, np.inf) / (BASE_VA / (np.sqrt(3.0) * nominal[other]))
    first = Branches(one, other, series / base, shunt, np.ones(len(rows)), amps, np.zeros(len(rows), dtype=bool), rows)
    second = _transformers(nodes, transformers)
    return Branches(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in Branches.__slots__))


def _transformers(nodes: pd.DataFrame, table: pd.DataFrame) -> Branches:
    nominal, held = nodes["nominal_v"].to_numpy(dtype=float), numbers(nodes, "held_pu")
    one, other = (nodes.index.get_indexer(table[f"{side}_grid_node_id"]) for side in ("primary", "secondary"))
    rated = numbers(table, "rating_kva") * 1e3
    known = (one >= 0) & (other >= 0) & (rated > 0.0)
    rows = np.flatnonzero(known & ~np.isfinite(np.where(other >= 0, held[other], np.nan)))
    table, one, other, rated = table.iloc[rows], one[rows], other[rows], rated[rows]
    upper, lower = (numbers(table, name) for name in ("u_primary_v", "u_secondary_v"))
    upper = np.where(np.isfinite(upper), upper, nominal[one])
    lower = np.where(np.isfinite(lower), lower, nominal[other])
    tap = np.nan_to_num(numbers(table, "tap_ratio"), nan=1.0)
    usual = {"short_circuit_pct": 4.0, "load_loss_pct": 1.0, "iron_loss_pct": 0.15, "no_load_current_pct": 0.8}
    short, load, iron, idle = (np.nan_to_num(numbers(table, name), nan=value) / 100.0 for name, value in usual.items())
    to_nominal = (lower / nominal[other]) ** 2 * BASE_VA / rated
    impedance = (load + 1j * np.sqrt(np.maximum(short**2 - load**2, 0.0))) * to_nominal
    shunt = (iron - 1j * np.sqrt(np.maximum(idle**2 - iron**2, 0.0))) / to_nominal
    ratio = tap * (upper / nominal[one]) / (lower / nominal[other])
    amps = rated / BASE_VA * nominal[other] / lower
    return Branches(
        one.astype(np.int64),
        other.astype(np.int64),
        impedance,
        shunt,
        ratio,
        amps,
        np.ones(len(rows), dtype=bool),
        rows,
    )


def network_of(
    nodes: pd.DataFrame,
    lines: pd.DataFrame,
    transformers: pd.DataFrame,
    *,
    hertz: float = HERTZ,
    watch: bool = True,
) -> Network:
    """
    Trees and loops of a grid, from the nodes whose voltage is held.

    Parameters
    ----------
    nodes, lines, transformers
        Tables of the city.
    hertz
        Frequency [Hz].
    watch
        Whether the flow through transformers is kept step by step.

    Raises
    ------
    InputError
        No node has a held voltage.
    """
    held = numbers(nodes, "held_pu")
    if not np.isfinite(held).any():
        raise InputError([Problem("some node has a held voltage", table="grid_nodes", column="held_pu")])
    branches = branches_of(nodes, lines, transformers, hertz=hertz)
    return network_from(branches, held, watched=branches.is_transformer if watch else None)


def network_from(branches: Branches, held: Floats, *, watched: Mask | None = None) -> Network:
    """
    Trees and loops of branches.

    Parameters
    ----------
    branches
        Closed branches.
    held : (n_nodes,)
        Voltage where it is held, else not a number.
    watched : (n_branches,)
        Branches whose flow is kept step by step.
    """
    from dothi.power.kernels import Tree

    group, share, merged = _side_by_side(branches)
    nodes, above, via = _trees(merged, held)
    place = np.full(len(held), -1, dtype=np.int64)
    place[nodes] = np.arange(len(nodes))
    n = len(nodes)
    parent = np.where(above >= 0, place[np.maximum(above, 0)], -1)
    impedance, ratio, rating = np.zeros(n, dtype=complex), np.ones(n), np.full(n, np.inf)
    shunt = np.zeros(n, dtype=complex)
    fed = place[merged.one] >= 0
    fed &= place[merged.other] >= 0
    np.add.at(shunt, place[merged.one[fed]], merged.shunt[fed] / 2.0 / merged.ratio[fed] ** 2)
    np.add.at(shunt, place[merged.other[fed]], merged.shunt[fed] / 2.0)
    down = np.flatnonzero(via >= 0)
    branch = via[down]
    forward = merged.other[branch] == nodes[down]
    turns = merged.ratio[branch]
    ratio[down] = np.where(forward, turns, 1.0 / turns)
    impedance[down] = np.where(forward, merged.impedance[branch], merged.impedance[branch] * turns**2)
    rating[down] = np.where(forward, merged.rating[branch], merged.rating[branch] / turns)
    below = np.where(fed, -1, -2)
    below[branch] = down
    closing = np.flatnonzero(below == -1)
    seen = np.zeros(len(merged.one), dtype=bool)
    if watched is not None:
        seen[group[watched]] = True
    marks = below[np.flatnonzero(seen & (below >= 0))]
    tree = Tree(
        parent.astype(np.int32),
        np.ascontiguousarray(impedance.real),
        np.ascontiguousarray(impedance.imag),
        ratio,
        np.ascontiguousarray(shunt.real),
        np.ascontiguousarray(shunt.imag),
        np.nan_to_num(held[nodes], nan=1.0),
        rating,
        np.sort(marks).astype(np.int32),
    )
    loop = np.full(len(merged.one), -1, dtype=np.int64)
    loop[closing] = np.arange(len(closing))
    loops = _loops(tree, merged.take(closing), place)
    return Network(nodes, place, tree, loops, branches, below[group], loop[group], share)


def _side_by_side(branches: Branches) -> tuple[Integers, Floats, Branches]:
    """Branches of the same ends and ratio as one: group of each, its share of the current, and the groups."""
    order = np.where(branches.one <= branches.other, 1, -1)
    low, high = np.minimum(branches.one, branches.other), np.maximum(branches.one, branches.other)
    turns = np.round(np.log(branches.ratio) * order / SAME_RATIO)
    keys = np.column_stack([low.astype(float), high.astype(float), turns])
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    group = group.ravel()
    # A group is written from the side of its first branch; others turned round are seen from there.
    turned = branches.one != branches.one[first][group]
    impedance = np.where(turned, branches.impedance * branches.ratio**2, branches.impedance)
    shunt = np.where(turned, branches.shunt / branches.ratio**2, branches.shunt)
    rating = np.where(turned, branches.rating / branches.ratio, branches.rating)
    admittance = 1.0 / impedance
    total = np.zeros(len(first), dtype=complex)
    np.add.at(total, group, admittance)
    share = np.abs(admittance / total[group])
    shunts = np.zeros(len(first), dtype=complex)
    np.add.at(shunts, group, shunt)
    ratings = np.full(len(first), np.inf)
    np.minimum.at(ratings, group, rating / share)
    merged = branches.take(first)
    merged = Branches(
        merged.one, merged.other, np.reciprocal(total), shunts, merged.ratio, ratings, merged.is_transformer, merged.row
    )
    return group, share, merged


def _trees(branches: Branches, held: Floats) -> tuple[Integers, Integers, Integers]:
    """Nodes in an order in which each comes after the one above it, that one, and the branch between; −1 for none."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order, depth_first_order

    n, top = len(held), len(held)
    roots = np.flatnonzero(np.isfinite(held))
    inner = ~(np.isfinite(held)[branches.one] & np.isfinite(held)[branches.other])
    one = np.r_[branches.one[inner], np.full(len(roots), top)]
    other = np.r_[branches.other[inner], roots]
    numbers = np.r_[np.flatnonzero(inner), np.full(len(roots), -1)]
    pairs = np.unique(np.column_stack([np.minimum(one, other), np.maximum(one, other)]), axis=0, return_index=True)[1]
    one, other, numbers = one[pairs], other[pairs], numbers[pairs]
    both = (np.r_[one, other], np.r_[other, one])
    graph = csr_array((np.r_[numbers, numbers] + 2, both), (n + 1, n + 1))
    order, above = breadth_first_order(graph, top, directed=False)
    order = order[1:]
    tree = csr_array((np.ones(len(order)), (above[order], order)), (n + 1, n + 1))
    nodes = depth_first_order(tree, top, directed=True, return_predecessors=False)[1:].astype(np.int64)
    up = above[nodes].astype(np.int64)
    via = np.array(graph[nodes, up]).ravel().astype(np.int64) - 2 if len(nodes) else np.empty(0, dtype=np.int64)
    rooted = up == top
    return nodes, np.where(rooted, -1, up), np.where(rooted, -1, via)


def _loops(tree: Tree, branches: Branches, place: Integers) -> Loops:
    """Branches that close loops, with the inverse of the impedances that a current through each of them meets."""
    from dothi.power.kernels import Loops

    n, k = len(tree.parent), len(branches.one)
    one, other = place[branches.one], place[branches.other]
    current = np.zeros((n, k), dtype=complex)
    np.add.at(current, (one, np.arange(k)), 1.0 / branches.ratio)
    np.add.at(current, (other, np.arange(k)), -1.0)
    volt = np.zeros((n, k), dtype=complex)
    if k:
        for i in range(n - 1, -1, -1):
            if tree.parent[i] >= 0:
                current[tree.parent[i]] += current[i] / tree.ratio[i]
        for i in range(n):
            if tree.parent[i] >= 0:
                volt[i] = volt[tree.parent[i]] / tree.ratio[i] - (tree.zr[i] + 1j * tree.zi[i]) * current[i]
    across = volt[one] / branches.ratio[:, None] - volt[other] - np.diag(branches.impedance)
    inverse = np.linalg.inv(-across) if k else np.zeros((0, 0), dtype=complex)
    return Loops(
        one.astype(np.int32),
        other.astype(np.int32),
        branches.ratio,
        np.ascontiguousarray(branches.impedance.real),
        np.ascontiguousarray(branches.impedance.imag),
        np.ascontiguousarray(inverse.real),
        np.ascontiguousarray(inverse.imag),
    )


def numbers(table: pd.DataFrame, name: str) -> Floats:
    """Values of a column; not a number where missing, or where there is no such column."""
    if name not in table:
        return np.full(len(table), np.nan)
    found: Floats = table[name].to_numpy(dtype=float, na_value=np.nan)
    return found


def switches(table: pd.DataFrame, name: str) -> Mask:
    """Values of a column; false where missing."""
    if name not in table:
        return np.zeros(len(table), dtype=bool)
    return np.asarray(table[name].astype("object").fillna(value=False), dtype=bool)
