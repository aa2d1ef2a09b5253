"""Which lines of a table of roads or tracks are drawn, and how those on bridges get their decks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dothi.mesh.bridges import STEEPEST, STEEPEST_TRACK, decks
from dothi.mesh.drape import Paths, draped_lines
from dothi.mesh.terrain import TerrainMesh
from dothi.shapes import Floats, Integers, Mask, Shapes

GRADIENT: Final[Mapping[str, float]] = {"links": STEEPEST, "railways": STEEPEST_TRACK}
"""Steepest gradient of a deck by table."""


@dataclass(frozen=True, slots=True)
class Levels:
    """
    How lines lie above each other.

    Attributes
    ----------
    bridge, tunnel : (n,)
        Which of them are bridges and tunnels, none of them both.
    level : (n,)
        Vertical order of lines that cross.
    """

    bridge: Mask
    tunnel: Mask
    level: Integers

    def of(self, rows: Any) -> Levels:
        """The same of some lines."""
        return Levels(self.bridge[rows], self.tunnel[rows], self.level[rows])


def levels_of(table: Any) -> Levels:
    """Levels of the lines of a table; a bridge without one lies at 1, anything else at 0."""
    tunnel = _is(table, "tunnel")
    bridge = _is(table, "bridge") & ~tunnel
    level = bridge.astype(np.int64)
    if "level" in table:
        level = np.where(table["level"].notna(), table["level"].fillna(0).to_numpy(dtype=np.int64), level)
    return Levels(bridge, tunnel, level)


def _is(table: Any, column: str) -> Mask:
    """Whether something is said to be so, row by row."""
    if column not in table:
        return np.zeros(len(table), dtype=bool)
    said: Mask = table[column].fillna(value=False).to_numpy(dtype=bool)
    return said


def one_of_two(table: Any) -> tuple[Mask, Integers]:
    """Which lines are drawn, of two opposite ones the first; and the row of the opposite of every line, −1 for none."""
    row = np.arange(len(table))
    if "reverse_link_id" not in table:
        return np.ones(len(table), dtype=bool), np.full(len(table), -1, dtype=np.int64)
    reverse = table.index.get_indexer(table["reverse_link_id"].fillna(-1).astype("int64"))
    drawn: Mask = (reverse < 0) | (row < reverse) | (reverse[reverse] != row)
    return drawn, reverse


def on_decks(
    shapes: Mapping[str, Shapes], levels: Mapping[str, Levels], water: Shapes, mesh: TerrainMesh
) -> dict[str, Paths]:
    """
    Lines in space by table: on the terrain, and on the decks of bridges, all found together, as some lead over others.

    Parameters
    ----------
    shapes, levels
        By table, LineStrings and their levels.
    water
        Areas of water.
    mesh
        Mesh of the terrain.
    """
    if not any(map(len, shapes.values())):
        return {name: Paths(np.empty((0, 3)), np.zeros(1, dtype=np.int64)) for name in shapes}
    together = Levels(*(np.concatenate([getattr(one, part) for one in levels.values()]) for part in Levels.__slots__))
    steepest: Floats = np.concatenate([np.full(len(lines), GRADIENT[name]) for name, lines in shapes.items()])
    lines: Shapes = np.concatenate(list(shapes.values()))
    spans = decks(lines, together.bridge, together.tunnel, together.level, water, mesh, steepest)
    found, before = {}, 0
    for name, own in shapes.items():
        n_bridges = int(np.count_nonzero(levels[name].bridge))
        part = Paths(spans.xyz, spans.start[before : before + n_bridges + 1])
        before += n_bridges
        found[name] = _with_decks(draped_lines(own, mesh), part, levels[name].bridge)
    return found


def _with_decks(paths: Paths, spans: Paths, bridge: Mask) -> Paths:
    """Lines in which those that are bridges are replaced, in their order."""
    both = np.concatenate([paths.xyz, spans.xyz])
    first, size = paths.start[:-1].copy(), paths.size
    first[bridge], size[bridge] = spans.start[:-1] + len(paths.xyz), spans.size
    start = np.concatenate([[0], np.cumsum(size)])
    vertices = np.arange(start[-1]) + np.repeat(first - start[:-1], size)
    return Paths(both[vertices], start)
