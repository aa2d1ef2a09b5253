"""Supply areas: which transformer is behind each load, and the low-voltage grids on their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dothi.power.loads import LOW_V
from dothi.power.network import Branches, Network, network_from
from dothi.shapes import Floats, Integers, Mask

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Areas:
    """
    Areas of low voltage.

    Attributes
    ----------
    roots : (n,)
        Rows of the nodes of medium voltage from which the areas are fed.
    of_node : (n_nodes,)
        Area of every node of low voltage, −1 of others.
    of_transformer : (n_transformers,)
        Area that each transformer feeds, −1 where it feeds none.
    branches
        Their lines and transformers.
    """

    roots: Integers
    of_node: Integers
    of_transformer: Integers
    branches: Branches

    def network(self, volt_pu: Floats, n_nodes: int) -> Network:
        """The areas alone, each with a voltage held at its root."""
        held = np.full(n_nodes, np.nan)
        held[self.roots] = volt_pu
        return network_from(self.branches, held)


def areas_of(network: Network, nodes: pd.DataFrame, transformers: pd.DataFrame) -> Areas:
    """Areas of a grid: a transformer from medium to low voltage, or several side by side, and what is below."""
    low: Mask = (nodes["nominal_v"] <= LOW_V).to_numpy()
    branches, place = network.branches, network.place
    parent = network.tree.parent
    area_of_place = np.full(len(network.nodes), -1, dtype=np.int64)
    roots: list[int] = []
    for i, node in enumerate(network.nodes):  # a node comes after the one above it
        above = int(parent[i])
        if not low[node] or above < 0:
            continue
        if low[network.nodes[above]]:
            area_of_place[i] = area_of_place[above]
        else:
            roots.append(int(network.nodes[above]))
            area_of_place[i] = len(roots) - 1
    # Areas with one root are one: their voltage is that of the same node.
    distinct, number = np.unique(np.array(roots, dtype=np.int64), return_inverse=True)
    area_of_place = np.where(area_of_place >= 0, number[np.maximum(area_of_place, 0)] if roots else -1, -1)
    of_node = np.where(place >= 0, area_of_place[np.maximum(place, 0)], -1)
    inside = (of_node[branches.other] >= 0) | (of_node[branches.one] >= 0)
    secondary = nodes.index.get_indexer(transformers["secondary_grid_node_id"].to_numpy(dtype=float, na_value=-1.0))
    of_transformer = np.where(secondary >= 0, of_node[np.maximum(secondary, 0)], -1)
    return Areas(distinct, of_node, of_transformer, branches.take(np.flatnonzero(inside)))
