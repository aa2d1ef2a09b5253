"""Parts of a network in which one gets from everywhere to everywhere."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from dothi.shapes import Integers

LEAST_SHARE: Final = 0.02
"""Share of the nodes below which a part is a scrap: a car park, a yard, a road cut at the edge of the map."""


def great_parts(tail: Integers, head: Integers, n: int) -> Integers:
    """
    Number of the part in which each node lies; −1 for nodes without a link and in scraps.

    A closed bridge may cut a city in two: both banks are parts then, and each goes on by itself.

    Parameters
    ----------
    tail, head : (n_links,)
        Nodes that links join.
    n
        Nodes.
    """
    if not len(tail):
        return np.full(n, -1, dtype=np.int64)
    matrix = csr_array((np.ones(len(tail)), (tail, head)), shape=(n, n))
    _, part = connected_components(matrix, directed=True, connection="strong")
    touched = np.zeros(n, dtype=bool)
    touched[np.concatenate([tail, head])] = True
    sizes = np.bincount(part[touched], minlength=part.max() + 1)
    great = sizes >= min(LEAST_SHARE * touched.sum(), sizes.max())
    return np.where(touched & great[part], part, -1).astype(np.int64)
