"""Areas within some times of the streets, as contours of a grid of times."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi.access.kernels import spread
from dothi.access.lines import points_along
from dothi.shapes import Floats

if TYPE_CHECKING:
    import geopandas as gpd

REACH_M: Final = 60.0
"""Depth of what a street serves, to either side; an estimate, about that of a block."""
CELL_M: Final = 8.0
"""Side of the cells, where the area is small enough."""
MOST_CELLS: Final = 400_000
"""Cells of the grid at most."""
BEYOND: Final = 1e9


def areas_within(parts: gpd.GeoDataFrame, limits_s: Sequence[float], off_street_m_s: float) -> gpd.GeoDataFrame:
    """
    Areas from whose streets, and on foot off them, one is within each limit.

    Parameters
    ----------
    parts
        Pieces of streets with ``from_s`` and ``to_s``.
    limits_s
        Limits, ascending [s].
    off_street_m_s
        Speed off the street [m s⁻¹].

    Returns
    -------
    GeoDataFrame
        ``limit_s``, ``area_m2`` and ``geometry``, one MultiPolygon for each limit; empty where nothing is in reach.
    """
    import geopandas as gpd

    shapes = [shapely.MultiPolygon() for _ in limits_s]
    if len(parts):
        field, west, south, cell = _field(parts, off_street_m_s)
        shapes = [_contour(field, limit, west, south, cell) for limit in limits_s]
    columns = {"limit_s": list(limits_s), "area_m2": shapely.area(shapes)}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=parts.crs)


def _field(parts: gpd.GeoDataFrame, off_street_m_s: float) -> tuple[Floats, float, float, float]:
    """Times on a grid, west and south of the middle of its first cell, and the side of its cells."""
    west, south, east, north = parts.total_bounds
    width, height = east - west + 4.0 * REACH_M, north - south + 4.0 * REACH_M
    cell = max(CELL_M, float(np.sqrt(width * height / MOST_CELLS)))
    reach = max(REACH_M, 2.0 * cell)
    west, south = west - reach - 3.0 * cell, south - reach - 3.0 * cell
    n_x, n_y = (int(np.ceil((high - low + reach) / cell)) + 4 for low, high in ((west, east), (south, north)))
    xy, share, line = points_along(np.asarray(parts.geometry.array, dtype=object), cell)
    from_s, to_s = (parts[name].to_numpy(dtype=float)[line] for name in ("from_s", "to_s"))
    field = np.full((n_y, n_x), BEYOND)
    time = from_s + share * (to_s - from_s)
    spread(xy[:, 0] - west, xy[:, 1] - south, time, float(cell), reach, float(off_street_m_s), field)
    known = field[field < BEYOND]
    return np.minimum(field, known.max()), float(west), float(south), cell


def _contour(field: Floats, limit: float, west: float, south: float, cell: float) -> Any:
    """Area in which the field is at most a limit."""
    from contourpy import FillType, contour_generator

    n_y, n_x = field.shape
    x, y = west + cell * np.arange(n_x), south + cell * np.arange(n_y)
    drawn: Any = contour_generator(x, y, field, fill_type=FillType.OuterOffset)
    polygons = []
    points, offsets = drawn.filled(-1.0, limit)
    for ring_points, ring_offsets in zip(points, offsets, strict=True):
        outer, *holes = (ring_points[start:stop] for start, stop in pairwise(ring_offsets))
        polygons.append(shapely.Polygon(outer, holes))
    area: Any = shapely.simplify(shapely.multipolygons(polygons), cell / 20.0) if polygons else shapely.MultiPolygon()
    if not shapely.is_valid(area):
        area = shapely.make_valid(area, method="structure", keep_collapsed=False)
    return shapely.multipolygons(shapely.get_parts(area))
