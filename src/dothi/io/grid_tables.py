"""Electricity grids of files as tables: what readers of several formats share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.errors import Problems
from dothi.shapes import Floats, Integers

if TYPE_CHECKING:
    import pandas as pd

LOW_V: Final = 1000.0
DRAWN_M: Final = 0.1
"""Length of a line drawn between two nodes at one place."""


@dataclass(frozen=True, slots=True)
class GridFile:
    """
    A grid as a file has it, not yet on a map.

    Attributes
    ----------
    nodes, lines, transformers
        Tables as the city has them, without geometry; nodes have ``x`` and ``y`` as written, missing where unknown.
    loads
        Loads by node: ``grid_node_id``, ``p_w`` and ``q_var``; what is fed in is negative.
    hertz
        Frequency [Hz].
    courses
        Course of lines that the file draws, by row of `lines`.
    """

    nodes: pd.DataFrame
    lines: pd.DataFrame
    transformers: pd.DataFrame
    loads: pd.DataFrame
    hertz: float
    courses: dict[int, Any]


def as_city_tables(grid: GridFile, crs: str, problems: Problems) -> dict[str, Any]:
    """
    Tables of a city of a grid.

    Parameters
    ----------
    grid
        The grid.
    crs
        Reference system of its coordinates.
    problems
        Told of nodes without place, and that loads are not taken over.

    Raises
    ------
    InputError
        Nodes have no coordinates.
    """
    import geopandas as gpd
    import shapely

    nodes, lines = grid.nodes, grid.lines
    xy = _placed(grid, problems)
    lacking = ~np.isfinite(xy).all(axis=1)
    if lacking.any():
        rows = nodes["source_id"][lacking]
        problems.error("has coordinates", table="grid_nodes", column="geometry", rows=rows)
        problems.raise_errors()
    one, other = (nodes.index.get_indexer(lines[f"{end}_grid_node_id"]) for end in ("from", "to"))
    shapes = [
        grid.courses.get(row) or _straight(xy[a], xy[b]) for row, (a, b) in enumerate(zip(one, other, strict=True))
    ]
    at = nodes.index.get_indexer(grid.transformers["primary_grid_node_id"])
    if len(grid.loads):
        problems.note(
            "loads were not taken over: those of the buildings count", table="grid_nodes", n_rows=len(grid.loads)
        )
    method = {"method": "source"}
    return {
        "grid_nodes": gpd.GeoDataFrame(
            nodes.drop(columns=["x", "y"]).assign(**method), geometry=shapely.points(xy), crs=crs
        ),
        "grid_lines": gpd.GeoDataFrame(lines.assign(**method), geometry=shapes, crs=crs),
        "transformers": gpd.GeoDataFrame(
            grid.transformers.assign(**method), geometry=shapely.points(xy[at].reshape(-1, 2)), crs=crs
        ),
    }


def _placed(grid: GridFile, problems: Problems) -> Floats:
    """Coordinates of nodes; those that have none are put where the nearest node along the grid is that has some."""
    nodes = grid.nodes
    xy: Floats = nodes[["x", "y"]].to_numpy(dtype=float).copy()
    xy[~np.isfinite(xy).all(axis=1)] = np.nan
    ends = [
        nodes.index.get_indexer(table[f"{end}_grid_node_id"])
        for table, names in ((grid.lines, ("from", "to")), (grid.transformers, ("primary", "secondary")))
        for end in names
        if len(table)
    ]
    one, other = np.concatenate([*ends[::2], *ends[1::2]]), np.concatenate([*ends[1::2], *ends[::2]])
    without = ~np.isfinite(xy[:, 0])
    while True:
        known = np.isfinite(xy[:, 0])
        gives = known[one] & ~known[other]
        if not gives.any():
            break
        xy[other[gives]] = xy[one[gives]]
    moved = without & np.isfinite(xy[:, 0])
    if moved.any():
        rule = "were put where their neighbours are, as they have no coordinates"
        problems.repair(rule, table="grid_nodes", rows=nodes["source_id"][moved])
    return xy


def _straight(one: Floats, other: Floats) -> Any:
    import shapely

    if (one == other).all():
        other = one + np.array([DRAWN_M, 0.0]) * (1e-5 if abs(one).max() <= 360.0 else 1.0)
    return shapely.LineString([one, other])


def joined(n: int, pairs: Integers) -> Integers:
    """Representative of every one of n nodes of which pairs are one, the first of each group."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(pairs):
        return np.arange(n)
    _, part = connected_components(coo_array((np.ones(len(pairs)), pairs.T), (n, n)), directed=False)
    _, first = np.unique(part, return_index=True)
    found: Integers = first[part]
    return found


def kinds(nodes: pd.DataFrame, transformers: pd.DataFrame) -> list[str]:
    """Kind of every node: a substation where voltage is held, a station above a transformer, else a joint."""
    above = set(transformers["primary_grid_node_id"])
    held = np.isfinite(nodes["held_pu"].to_numpy(dtype=float))
    return [
        "substation" if fixed else "station" if name in above else "joint"
        for name, fixed in zip(nodes.index, held, strict=True)
    ]
