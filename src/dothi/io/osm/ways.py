"""Ways of a block as lines and rings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dothi.io.osm.flat import Integers, gone


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """Ways of a block: for each its row there, how many nodes it has, and their packed positions, see `flat.pack`."""

    rows: Integers
    sizes: Integers
    vertices: Integers

    def take(self, chosen: Integers) -> Ways:
        """Some of them, given by their place."""
        sizes = self.sizes[chosen]
        ends = np.cumsum(sizes)
        first = np.cumsum(self.sizes)[chosen] - sizes
        place = np.repeat(first - ends + sizes, sizes) + np.arange(ends[-1] if len(ends) else 0)
        return Ways(self.rows[chosen], sizes, self.vertices[place])

    def owners(self) -> Integers:
        """Way of each node."""
        return np.repeat(np.arange(len(self.rows)), self.sizes)

    def clipped(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether nodes of a way are not in the file."""
        return np.bincount(self.owners()[gone(self.vertices)], minlength=len(self.rows)) > 0

    def runs(self) -> Ways:
        """Pieces of two and more nodes, cut where nodes between them are not in the file."""
        owner, there = self.owners(), ~gone(self.vertices)
        begins = there.copy()
        begins[1:] &= ~there[:-1] | (owner[1:] != owner[:-1])
        run = np.cumsum(begins)[there] - 1
        sizes = np.bincount(run, minlength=int(begins.sum()))
        pieces = Ways(self.rows[owner[begins]], sizes, self.vertices[there])
        return pieces.take(np.flatnonzero(sizes > 1))

    def rings(self) -> Ways:
        """Closed ways without the nodes that are not in the file, closed across them; none that are too small so."""
        keep = ~gone(self.vertices)
        keep[np.cumsum(self.sizes) - 1] = False  # the last node is the first one
        sizes = np.bincount(self.owners()[keep], minlength=len(self.rows))
        first = np.cumsum(sizes) - sizes
        left = np.flatnonzero((sizes > 2) | (~self.clipped() & (sizes > 0)))
        sizes, first = sizes[left] + 1, first[left]
        step = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        place = np.repeat(first, sizes) + np.where(step == np.repeat(sizes - 1, sizes), 0, step)
        return Ways(self.rows[left], sizes, self.vertices[keep][place])
