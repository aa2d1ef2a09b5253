"""Bushes: for each class and origin, the links that its trips may use, without a cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dothi.traffic.network import Floats, Integers


@dataclass(frozen=True, slots=True)
class Bushes:
    """
    Bushes one after the other, without gaps.

    Attributes
    ----------
    class_index, origin : (n_bushes,)
        Whose they are.
    node_start : (n_bushes + 1,)
        Where the nodes of each bush begin in `node` and `n_links`.
    node : (n,)
        Nodes in such an order that links of the bush lead forwards.
    n_links : (n,)
        How many links of the bush end at the node.
    link_start : (n_bushes + 1,)
        Where the links of each bush begin in `link` and `flow_pcu_h`.
    link : (m,)
        Links, by the node at which they end.
    flow_pcu_h : (m,)
        Flow from this origin on the link [pcu/h].
    """

    class_index: Integers
    origin: Integers
    node_start: npt.NDArray[np.int64]
    node: Integers
    n_links: npt.NDArray[np.uint16]
    link_start: npt.NDArray[np.int64]
    link: Integers
    flow_pcu_h: Floats
