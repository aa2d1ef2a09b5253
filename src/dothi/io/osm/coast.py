"""The sea: what lies to the right of the coastline within a box."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import shapely

from dothi.crs import Bounds
from dothi.errors import Problems

BESIDE_DEG: Final = 1e-7
"""How far beside the coastline a point is taken that is surely wet or dry: one unit of OpenStreetMap, 1 cm."""
MIXED: Final = 0.1
"""Share of the shore that may have the sea on the wrong side, through errors in the drawing."""


def sea(coastline: np.ndarray[Any, np.dtype[np.object_]], box: Bounds | None, problems: Problems) -> list[Any]:
    """
    Polygons of the sea.

    In OpenStreetMap the land is on the left of the coastline and the water on the right
    (wiki.openstreetmap.org/wiki/Tag:natural=coastline). The box is cut along the coastline, and a piece is sea where
    more of the length of its shore has it on the right than on the left.

    Parameters
    ----------
    coastline
        Lines, in the direction drawn.
    box
        West, south, east, north within which the sea is drawn.
    problems
        Collector: says where the sea cannot be drawn.
    """
    if not len(coastline):
        return []
    if box is None:
        problems.note(
            "sea is not drawn: the file has a coastline, but neither it nor the study has a box", table="water_bodies"
        )
        return []
    frame = shapely.box(*box)
    shore = shapely.intersection(coastline, frame)
    shore = shapely.get_parts(shore[~shapely.is_empty(shore)])
    shore = shore[shapely.get_type_id(shore) == shapely.GeometryType.LINESTRING]
    if not len(shore):
        return []
    reach = _to_the_edge(shore, frame.exterior)
    if len(reach):
        rule = "coastline ends within the box: drawn straight on to the nearest edge"
        problems.repair(rule, table="water_bodies", n_rows=len(reach))
    pieces = shapely.get_parts(
        shapely.polygonize([shapely.node(shapely.union_all([*shore, *reach, frame.exterior]))]),
    )
    wet, dry = _shore_length(shore, pieces, 1.0), _shore_length(shore, pieces, -1.0)
    mixed = np.minimum(wet, dry) > MIXED * np.maximum(wet, dry)
    if mixed.any():
        rule = "sea is not drawn where the coastline has land and water on the same side"
        problems.note(rule, table="water_bodies", n_rows=int(mixed.sum()))
    return list(pieces[(wet > dry) & ~mixed])


def _to_the_edge(shore: np.ndarray[Any, np.dtype[np.object_]], edge: Any) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Straight lines from the loose ends of a coastline to the nearest point of an edge."""
    ends = np.concatenate([shapely.get_point(shore, 0), shapely.get_point(shore, -1)])
    _, first, times = np.unique(shapely.get_coordinates(ends), axis=0, return_index=True, return_counts=True)
    loose = ends[first[times == 1]]
    loose = loose[shapely.distance(loose, edge) > BESIDE_DEG]
    return np.asarray(shapely.shortest_line(loose, edge), dtype=object)


def _shore_length(
    shore: np.ndarray[Any, np.dtype[np.object_]], pieces: np.ndarray[Any, np.dtype[np.object_]], side: float
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Length of shore for each piece that has it on one side: 1 where the piece is on its right, −1 on its left."""
    vertices, line = shapely.get_coordinates(shore, return_index=True)
    step = np.diff(vertices, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    real = (line[1:] == line[:-1]) & (length > 0)
    step, length, start = step[real], length[real], vertices[:-1][real]
    right = np.column_stack((step[:, 1], -step[:, 0])) / length[:, None]
    points = shapely.points(start + 0.5 * step + side * BESIDE_DEG * right)
    point, piece = shapely.STRtree(pieces).query(points, predicate="within")
    return np.bincount(piece, weights=length[point], minlength=len(pieces)).astype(np.float64)
