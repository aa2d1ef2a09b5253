"""Who is dark, and for how long: faults in a year, and stations that are switched off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dothi import place
from dothi.power.loads import LOW_V
from dothi.power.network import Network, numbers, switches
from dothi.shapes import Floats, Integers, Mask

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City


@dataclass(frozen=True, slots=True)
class Reliability:
    """
    Outages that are to be expected in a year.

    Attributes
    ----------
    hours : (n_nodes,)
        Hours without supply at each node.
    times : (n_nodes,)
        How often.
    saidi_h, saifi
        Mean of both over customers.
    """

    hours: Floats
    times: Floats
    saidi_h: float
    saifi: float


def reliability(
    network: Network,
    nodes: pd.DataFrame,
    lines: pd.DataFrame,
    customers: Floats,
    data: Mapping[str, Any],
) -> Reliability:
    """
    Outages of a year from faults of lines and transformers, one at a time.

    Medium voltage: the breaker at the head of a feeder opens, and all on it are dark until the fault is found and
    switched out; then all those are supplied again that a closed way, or one over an open line, joins to a substation.
    The others wait for the repair. Low voltage: the fuse at the transformer opens, and all behind it wait. Customers of
    a transformer wait until it is replaced.

    Parameters
    ----------
    network
        The grid.
    nodes, lines
        Tables of the city.
    customers : (n_nodes,)
        Customers at each node.
    data
        Section ``reliability`` of the data on the grid.
    """
    parent, rows, n = network.tree.parent, network.nodes, len(network.nodes)
    low = (nodes["nominal_v"] <= LOW_V).to_numpy()[rows]
    end = _ends(parent)
    head = _heads(parent, low)
    faults, kind = _faults(network, lines, low, data)
    dark_h, often = np.zeros(n + 1), np.zeros(n + 1)  # differences along the order of the trees
    ties = _ties(network, nodes, lines)
    for i in map(int, np.flatnonzero(faults > 0.0)):
        first, last = (i, end[i]) if kind[i] == "transformer" else (head[i], end[head[i]])
        often[first] += faults[i]
        often[last] -= faults[i]
        wait = data[{"medium": "switching_h", "low": "low_repair_h", "transformer": "transformer_repair_h"}[kind[i]]]
        dark_h[first] += faults[i] * wait
        dark_h[last] -= faults[i] * wait
        if kind[i] == "medium" and not _reached(ties, i, int(end[i])):
            more = faults[i] * (data["medium_repair_h"] - wait)
            dark_h[i] += more
            dark_h[end[i]] -= more
    hours, times = np.full(len(nodes), np.nan), np.full(len(nodes), np.nan)
    hours[rows], times[rows] = np.cumsum(dark_h)[:-1], np.cumsum(often)[:-1]
    weight = np.where(np.isfinite(hours), customers, 0.0)
    total = max(float(weight.sum()), 1e-9)
    return Reliability(hours, times, float(np.nansum(hours * weight)) / total, float(np.nansum(times * weight)) / total)


def _ends(parent: Any) -> Integers:
    """Place behind the last one below each place: what is below lies between in the order of the trees."""
    size = np.ones(len(parent), dtype=np.int64)
    for i in range(len(parent) - 1, -1, -1):
        if parent[i] >= 0:
            size[parent[i]] += size[i]
    return np.arange(len(parent)) + size


def _heads(parent: Any, low: Mask) -> Integers:
    """First place below the breaker or fuse that opens for a fault above each place."""
    head = np.arange(len(parent))
    for i in range(len(parent)):
        above = parent[i]
        if above >= 0 and parent[above] >= 0 and low[above] == low[i] and low[parent[above]] == low[i]:
            head[i] = head[above]
    return head


def _faults(network: Network, lines: pd.DataFrame, low: Mask, data: Mapping[str, Any]) -> tuple[Floats, Any]:
    """Faults a year of the branch above each place, and its kind."""
    branches = network.branches
    km = np.zeros(len(branches.row))
    is_line = ~branches.is_transformer
    km[is_line] = lines["length_m"].to_numpy(dtype=float)[branches.row[is_line]] / 1e3
    below = network.below
    fed = below >= 0
    faults, kind = np.zeros(len(network.nodes)), np.full(len(network.nodes), "medium", dtype=object)
    kind[low] = "low"
    kind[below[fed & branches.is_transformer]] = "transformer"
    rate = np.where(low[np.maximum(below, 0)], data["low_faults_km"], data["medium_faults_km"]) * km
    rate = np.where(branches.is_transformer, data["transformer_faults"], rate)
    np.add.at(faults, below[fed], rate[fed])
    return faults, kind


def _ties(network: Network, nodes: pd.DataFrame, lines: pd.DataFrame) -> Integers:
    """Places of both ends of lines over which a feeder can be fed from elsewhere: open ones, and those in loops."""
    opened = lines[switches(lines, "open")]
    one, other = (network.place[nodes.index.get_indexer(opened[f"{end}_grid_node_id"])] for end in ("from", "to"))
    closing = network.below == -1
    one = np.r_[one, network.place[network.branches.one[closing]]]
    other = np.r_[other, network.place[network.branches.other[closing]]]
    found: Integers = np.column_stack([one, other])[(one >= 0) & (other >= 0)]
    return found


def _reached(ties: Integers, first: int, last: int) -> bool:
    """Whether a tie leads out of a stretch of places."""
    inside = (ties >= first) & (ties < last)
    return bool((inside[:, 0] != inside[:, 1]).any())


@dataclass(frozen=True, slots=True)
class Dark:
    """
    Who has no electricity when stations are switched off.

    Attributes
    ----------
    transformers
        Ids of transformers without electricity: those switched off, and those behind them.
    switched_off
        Ids of those switched off.
    buildings
        Ids of buildings without electricity.
    customers
        Their customers.
    design_kva
        Power that the grid was laid out for, of these buildings [kVA].
    """

    transformers: tuple[int, ...]
    switched_off: tuple[int, ...]
    buildings: tuple[int, ...]
    customers: float
    design_kva: float


def switched_off(city: City, depth_m: pd.Series) -> Dark:
    """
    Who is dark when water reaches transformers.

    A transformer is switched off where water stands as high as `raised_m` above ground, and its station with it:
    nothing passes through. All others are supplied that some way, over open lines as well, joins to a substation with a
    transformer at work.

    Parameters
    ----------
    city
        City with a grid.
    depth_m
        Depth of water at transformers, by transformer [m]; none where missing.
    """
    nodes, lines, transformers = (city[name] for name in ("grid_nodes", "grid_lines", "transformers"))
    usual = float(place.load(city.country, "grid")["layout"]["raised_m"])
    raised = np.nan_to_num(numbers(transformers, "raised_m"), nan=usual)
    depth = np.nan_to_num(depth_m.reindex(transformers.index).to_numpy(dtype=float))
    off = (depth > 0.0) & (depth >= raised)
    fed = _fed(nodes, lines, transformers, off)
    links = city["grid_connections"]
    at = nodes.index.get_indexer(links["grid_node_id"])
    gone = ~fed[at]
    secondary = nodes.index.get_indexer(transformers["secondary_grid_node_id"].to_numpy(dtype=float, na_value=-1.0))
    without = off | ~np.where(secondary >= 0, fed[np.maximum(secondary, 0)], True)
    return Dark(
        tuple(int(name) for name in transformers.index[without]),
        tuple(int(name) for name in transformers.index[off]),
        tuple(int(name) for name in links["building_id"][gone]),
        float(np.nansum(numbers(links, "customers")[gone])),
        float(np.nansum(numbers(links, "design_kva")[gone])),
    )


def _fed(nodes: pd.DataFrame, lines: pd.DataFrame, transformers: pd.DataFrame, off: Mask) -> Mask:
    """Nodes that some way joins to a held voltage, past the stations that are off."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, held = len(nodes), np.isfinite(numbers(nodes, "held_pu"))
    low = (nodes["nominal_v"] <= LOW_V).to_numpy()
    primary, secondary = (
        nodes.index.get_indexer(transformers[f"{side}_grid_node_id"].to_numpy(dtype=float, na_value=-1.0))
        for side in ("primary", "secondary")
    )
    out = np.zeros(n, dtype=bool)
    out[primary[off & (primary >= 0)]] = True
    feeding = (secondary >= 0) & held[np.maximum(secondary, 0)]
    alive = np.bincount(secondary[feeding & ~off], minlength=n) > 0
    fed_by = np.bincount(secondary[feeding], minlength=n) > 0
    held &= alive | ~fed_by
    one, other = (nodes.index.get_indexer(lines[f"{end}_grid_node_id"]) for end in ("from", "to"))
    usable = ~out[one] & ~out[other] & ~(switches(lines, "open") & low[one])
    through = ~off & (primary >= 0) & (secondary >= 0) & ~feeding
    through &= ~out[np.maximum(primary, 0)]
    ends = np.r_[one[usable], primary[through]], np.r_[other[usable], secondary[through]]
    _, part = connected_components(coo_array((np.ones(len(ends[0])), ends), (n, n)), directed=False)
    found: Mask = np.isin(part, np.unique(part[held & ~out])) & ~out
    return found
