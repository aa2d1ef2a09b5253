"""Open water that no source draws as an area: rivers as voids of the city, and watercourses drawn as lines."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes as outlines
from rasterio.transform import Affine
from scipy import ndimage
from shapely.geometry import shape

from dothi.crs import Extent
from dothi.derive.rasterise import burn
from dothi.derive.terrain import on_ground
from dothi.io.terrain import Grid, grid_for
from dothi.tables import TABLES

Bools = NDArray[np.bool_]
Shapes = NDArray[np.object_]

CELL_M: Final = 4.0
HALF_WIDTH_M: Final = 22.0
HINTED_HALF_WIDTH_M: Final = 14.0
"""Half the width a void must have everywhere; less where a border runs along it."""

SETBACK_M: Final = 6.0
"""Roads along the water are drawn by their centre; the bank is at least this far."""

LEAST_AREA_M2: Final = 10_000.0
LEAST_SLENDERNESS: Final = 4.0
"""Area of a void over the square of its width: 1 for a round square, 4 for a river four times as long as wide."""

LEAST_HINT_M: Final = 60.0
HINT_FROM_ROADS_M: Final = 12.0
LARGEST_ISLAND_WITHOUT_ROAD_M2: Final = 5_000.0
SMOOTH_M: Final = 8.0

CONFIDENCE: Final = {"crossed": 0.9, "hinted": 0.8, "largest": 0.5}
"""Expected share of right answers by evidence; an estimate, see the page on terrain."""

WIDTHS_M: Final = {"river": 20.0, "canal": 10.0, "stream": 3.0, "drain": 1.5}
"""Width of a watercourse by kind, where its source gives none; others get that of a stream."""


def river_from_void(
    buildings: gpd.GeoDataFrame,
    roads: gpd.GeoDataFrame,
    land: gpd.GeoDataFrame | None,
    extent: Extent,
    *,
    hints: gpd.GeoDataFrame | None = None,
) -> gpd.GeoDataFrame:
    """
    Rivers where no source draws them: long voids between buildings and roads that bridges or ferries cross.

    The void is what lies farther than `SETBACK_M` from every road on the ground and under no building. It is
    opened with a disk of radius `HALF_WIDTH_M`, which takes away yards and gaps between houses. A part is a
    river if it is slender and bridges or ferries run through it, or if a hint runs along it; if no part has such
    evidence, the largest slender one is taken, with little confidence. Boats and jetties drawn as
    buildings are islands without a road; small ones are taken out.

    Only for cities whose water is missing from the sources: parks and railway yards are voids as well.

    Parameters
    ----------
    buildings, roads
        Tables on one projected grid in metres. Bridges (level above 0) and ferries must be among the roads.
    land
        Areas known to be dry, or none.
    extent
        Box that the tables fill, on the same grid.
    hints
        Lines that often run in water, such as borders of districts; only their parts away from roads count.

    Returns
    -------
    geopandas.GeoDataFrame
        Table ``water_bodies``: kind ``river``, method ``void_crossed``, ``void_hinted`` or ``void_largest``.

    References
    ----------
    J. Serra, Image Analysis and Mathematical Morphology, Academic Press 1982, ch. II (opening).
    """
    grid = grid_for(extent, CELL_M)
    ground = on_ground(roads)
    way_shapes = _shapes(roads[ground])
    ways = _mask(way_shapes, grid)
    built = _mask(_shapes(buildings), grid)
    # Outlines of islands go along bridges to the middle of the river; the opening takes those tongues away.
    dry = _opened(_mask(_shapes(land), grid, touched=False), HALF_WIDTH_M)
    crossings = _mask(_shapes(roads[~ground & ~_is_tunnel(roads)]), grid)
    hinted = _mask(_away_from(_shapes(hints), way_shapes), grid)

    void = ~built & ~dry
    if ways.any():
        void &= ndimage.distance_transform_edt(~ways, sampling=CELL_M) > SETBACK_M
    chosen = np.zeros(grid.shape, dtype=np.uint8)
    wide = _opened(void, HALF_WIDTH_M)
    _choose(wide, crossings, 1, chosen)
    _choose(_opened(void, HINTED_HALF_WIDTH_M), hinted, 2, chosen)
    if not chosen.any():
        _choose(wide, wide, 3, chosen)
    return _bodies(chosen, ways | dry, grid, extent)


def merge_water(water_bodies: gpd.GeoDataFrame, waterways: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """
    Add watercourses that are drawn as lines only to the areas of open water.

    Lines are widened to their own width, or to that of their kind in `WIDTHS_M`; what areas cover already and
    what flows in tunnels stays out.

    Parameters
    ----------
    water_bodies
        Table ``water_bodies``.
    waterways
        Table ``waterways`` on the same grid.

    Returns
    -------
    geopandas.GeoDataFrame
        Table ``water_bodies``; new rows have the method ``line_measured_width`` or ``line_usual_width``.
    """
    open_air = waterways[~_is_tunnel(waterways)] if len(waterways) else waterways
    if not len(open_air):
        return water_bodies.copy()
    kind = open_air["kind"].astype(object)
    width = pd.Series(np.nan, index=open_air.index)
    if "width_m" in open_air:
        width = pd.to_numeric(open_air["width_m"]).astype(float)
    is_measured = (width > 0.0).to_numpy()
    usual = kind.map(WIDTHS_M).fillna(WIDTHS_M["stream"]).astype(float)
    shapes = shapely.buffer(
        np.asarray(open_air.geometry.array, dtype=object), np.where(is_measured, width, usual) / 2.0, cap_style="flat"
    )
    shapes = _without(shapes, _shapes(water_bodies))
    added = pd.DataFrame(
        {
            "geometry": shapes,
            "kind": kind.to_numpy(),
            "kind_method": np.where(is_measured, "line_measured_width", "line_usual_width"),
            "kind_confidence": 1.0,  # the kind is the source's own; the width is what is assumed
        }
    )
    for name in ("source_id", "name"):
        if name in open_air:
            added[name] = open_air[name].to_numpy()
    added = added[~shapely.is_empty(shapes)]
    new = gpd.GeoDataFrame(added, geometry="geometry", crs=water_bodies.crs or waterways.crs)
    old = water_bodies.assign(kind=water_bodies["kind"].astype(object)) if len(water_bodies) else None
    if old is not None and "kind_method" in old:
        old = old.assign(kind_method=old["kind_method"].astype(object))
    return _table(pd.concat([old, new], ignore_index=True) if old is not None else new)


# ── parts ────────────────────────────────────────────────────────────────────────────────────────


def _shapes(frame: gpd.GeoDataFrame | None) -> Shapes:
    if frame is None or not len(frame):
        return np.empty(0, dtype=object)
    shapes = np.asarray(frame.geometry.array, dtype=object)
    return np.asarray(shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))], dtype=object)


def _is_tunnel(lines: gpd.GeoDataFrame) -> Bools:
    below = np.zeros(len(lines), dtype=bool)
    if "tunnel" in lines:
        below |= lines["tunnel"].astype("boolean").fillna(value=False).to_numpy(dtype=bool)
    if "level" in lines:
        below |= lines["level"].fillna(0).to_numpy(dtype=float) < 0.0
    return below


def _mask(shapes: Shapes, grid: Grid, *, touched: bool = True) -> Bools:
    marked: Bools = burn(shapes, np.ones(len(shapes), dtype=np.uint8), grid, 0, touched=touched) > 0
    return marked


def _away_from(hints: Shapes, ways: Shapes) -> Shapes:
    """Parts of hints that do not follow a road; outlines of areas count as lines."""
    if not len(hints):
        return hints
    areas = shapely.get_dimensions(hints) == 2
    lines = np.where(areas, shapely.boundary(hints), hints)
    # Two districts share a border; it counts once.
    merged = shapely.union_all(lines)
    if len(ways):
        box = shapely.box(*shapely.total_bounds(ways))
        merged = shapely.intersection(merged, box)
        near = ways[shapely.STRtree(ways).query(merged, predicate="dwithin", distance=HINT_FROM_ROADS_M)]
        if len(near):
            merged = shapely.difference(merged, shapely.union_all(shapely.buffer(near, HINT_FROM_ROADS_M)))
    parts = np.asarray(shapely.get_parts(shapely.line_merge(merged)), dtype=object)
    return np.asarray(parts[shapely.length(parts) >= LEAST_HINT_M], dtype=object)


def _opened(void: Bools, radius_m: float) -> Bools:
    """What disks of a radius cover that lie within the void; beyond the edge of the box the void goes on."""
    border = int(np.ceil(2.0 * radius_m / CELL_M))
    room = np.pad(void, border, mode="edge")
    core = ndimage.distance_transform_edt(room, sampling=CELL_M) > radius_m if not room.all() else room
    if not core.any():
        return np.zeros_like(void)
    opened = room & (ndimage.distance_transform_edt(~core, sampling=CELL_M) < radius_m + CELL_M)
    return np.asarray(opened[border:-border, border:-border])


def _choose(opened: Bools, evidence: Bools, code: int, chosen: NDArray[np.uint8]) -> None:
    """Mark the long parts of the void that evidence speaks for: 1 crossings, 2 hints, 3 nothing but their size."""
    labels, n = ndimage.label(opened, structure=np.ones((3, 3)))
    if not n:
        return
    parts = np.arange(1, n + 1)
    area = ndimage.sum_labels(np.ones_like(labels), labels, parts) * CELL_M**2
    length = ndimage.sum_labels(evidence, labels, parts) * CELL_M
    if code == 2:  # the hint itself is the length of the water
        good = (length >= LEAST_HINT_M) & (length**2 >= 2.0 * LEAST_SLENDERNESS * area)
    else:
        inner = ndimage.distance_transform_edt(np.pad(opened, 1, mode="edge"), sampling=CELL_M)[1:-1, 1:-1]
        width = 2.0 * ndimage.maximum(inner, labels, parts)
        good = (length >= HALF_WIDTH_M) & (area >= LEAST_SLENDERNESS * width**2)
    good &= area >= LEAST_AREA_M2
    if code == 3 and good.any():
        good &= area == area[good].max()
    chosen[np.isin(labels, parts[good]) & (chosen == 0)] = code


def _bodies(chosen: NDArray[np.uint8], ways: Bools, grid: Grid, extent: Extent) -> gpd.GeoDataFrame:
    """Chosen cells as smooth areas inside the box, with what speaks for them."""
    kept = _without_small_islands(chosen, ways)
    # Repeating the edge outwards keeps the smoothing from rounding off the river where the box cuts it.
    border = int(np.ceil(4.0 * SMOOTH_M / CELL_M))
    wide = np.pad(kept, border, mode="edge")
    # Where evidence of two kinds meets, the water is one body with the better of the two.
    labels, n = ndimage.label(wide > 0, structure=np.ones((3, 3)))
    best = np.r_[0, ndimage.minimum(np.where(wide > 0, wide, 9), labels, np.arange(1, n + 1))].astype(int) if n else [0]
    transform = Affine(CELL_M, 0.0, grid.west - border * CELL_M, 0.0, -CELL_M, grid.north + border * CELL_M)
    found = list(outlines(labels.astype(np.int32), labels > 0, connectivity=8, transform=transform))
    shapes = np.array([shape(outline) for outline, _ in found], dtype=object)
    codes = np.array([best[int(label)] for _, label in found], dtype=int)
    shapes = shapely.simplify(shapely.make_valid(shapes), 1.25 * CELL_M)
    for distance in (SMOOTH_M, -2.0 * SMOOTH_M, SMOOTH_M):
        shapes = shapely.buffer(shapes, distance)
    shapes = shapely.simplify(shapely.intersection(shapes, shapely.box(*extent.bounds)), 0.5)
    parts, owner = shapely.get_parts(shapes, return_index=True)
    large = shapely.area(parts) >= LEAST_AREA_M2 / 2.0
    parts, codes = parts[large], codes[owner[large]]
    order = np.argsort(-shapely.area(parts), kind="stable")
    evidence = np.array(["", "crossed", "hinted", "largest"], dtype=object)[codes[order]]
    frame = pd.DataFrame(
        {
            "geometry": parts[order],
            "kind": "river",
            "kind_method": [f"void_{name}" for name in evidence],
            "kind_confidence": [CONFIDENCE[name] for name in evidence],
        }
    )
    return _table(gpd.GeoDataFrame(frame, geometry="geometry", crs=extent.crs))


def _without_small_islands(chosen: NDArray[np.uint8], ways: Bools) -> NDArray[np.uint8]:
    """Holes without a road that are too small for land become water: boats, jetties, piers of bridges."""
    holes, n = ndimage.label(chosen == 0)
    if not n:
        return chosen
    parts = np.arange(1, n + 1)
    area = ndimage.sum_labels(np.ones_like(holes), holes, parts) * CELL_M**2
    road = ndimage.maximum(ways, holes, parts)
    flood = np.isin(holes, parts[(area <= LARGEST_ISLAND_WITHOUT_ROAD_M2) & (road == 0)])
    around = ndimage.maximum_filter(chosen, size=3)
    while (flood & (chosen == 0) & (around > 0)).any():
        chosen = np.where(flood & (chosen == 0), around, chosen)
        around = ndimage.maximum_filter(chosen, size=3)
    return chosen


def _without(shapes: Shapes, taken: Shapes) -> Shapes:
    """Shapes less what others cover."""
    if not len(taken):
        return shapes
    tree = shapely.STRtree(taken)
    mine, others = tree.query(shapes, predicate="intersects")
    shapes = shapes.copy()
    for index in np.unique(mine):
        shapes[index] = shapely.difference(shapes[index], shapely.union_all(taken[others[mine == index]]))
    parts = shapely.get_dimensions(shapes) == 2
    shapes[~parts] = shapely.Polygon()
    return shapes


def _table(frame: Any) -> gpd.GeoDataFrame:
    table = TABLES["water_bodies"]
    kinds = table.columns["kind"].choices
    frame = frame.reset_index(drop=True)
    frame["kind"] = pd.Categorical(frame["kind"], categories=list(kinds))
    frame["kind_method"] = pd.Categorical(frame["kind_method"])
    frame.index = frame.index.rename(table.id)
    return frame
