"""Walls between cells: which edges a line closes, and up to which level."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely

from dothi.io.terrain import Grid
from dothi.shapes import Floats, Integers, Shapes


def crests(lines: Shapes, crest_m: Floats, height_m: Floats, bed_m: Floats, grid: Grid) -> tuple[Floats, Floats]:
    """
    Crests of walls between cells of a grid whose first row is the northernmost.

    A line closes the edges between neighbours whose centres lie on either side of it, so that no water slips through.

    Parameters
    ----------
    lines : (n,)
        Courses.
    crest_m, height_m : (n,)
        Level of the crest [m]; where missing, it is this height above the higher of both beds [m].
    bed_m : (rows, columns)
        Bed [m].
    grid
        Cells.

    Returns
    -------
    crest_x : (rows, columns + 1)
        Crest between a cell and the one before it in its row; −∞ where none.
    crest_y : (rows + 1, columns)
        The same between rows.
    """
    rows, columns = grid.shape
    x_edges, y_edges = np.full((rows, columns + 1), -np.inf), np.full((rows + 1, columns), -np.inf)
    for line, level, height in zip(lines, crest_m, height_m, strict=True):
        xy = shapely.get_coordinates(line)
        at = np.column_stack([(xy[:, 0] - grid.west) / grid.cell_m, (grid.north - xy[:, 1]) / grid.cell_m]) - 0.5
        for a, b in pairwise(at):
            row, column = _crossings(a[1], a[0], b[1], b[0], rows, columns)
            top = level if np.isfinite(level) else np.fmax(bed_m[row, column - 1], bed_m[row, column]) + height
            np.maximum.at(x_edges, (row, column), top)
            column, row = _crossings(a[0], a[1], b[0], b[1], columns, rows)
            top = level if np.isfinite(level) else np.fmax(bed_m[row - 1, column], bed_m[row, column]) + height
            np.maximum.at(y_edges, (row, column), top)
    return x_edges, y_edges


def _crossings(
    along_a: float, across_a: float, along_b: float, across_b: float, n: int, m: int
) -> tuple[Integers, Integers]:
    """Lines of centres that a piece crosses, and the centre before which it does so, in cells from the first centre."""
    low, high = sorted((along_a, along_b))
    centre = np.arange(max(int(np.ceil(low)), 0), min(int(np.ceil(high)), n))
    share = (centre - along_a) / ((along_b - along_a) or 1.0)
    place = np.ceil(across_a + share * (across_b - across_a)).astype(np.int64)
    inside = (place > 0) & (place < m)
    return centre[inside], place[inside]
