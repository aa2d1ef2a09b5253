"""City and roads as the flat arrays that noise is computed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import shapely

from dothi.noise.emission import SOURCE_HEIGHT_M
from dothi.noise.kernels_map import Sources
from dothi.noise.kernels_rays import Scene
from dothi.shapes import Floats, Integers, Mask, Shapes, areas_of

if TYPE_CHECKING:
    import xarray as xr

WALL_M: Final = 20.0
"""Longer walls are cut, so that a middle stands for a wall."""
WALL_CELL_M: Final = 10.0
GROUND_CELL_M: Final = 10.0
"""Finer ground is averaged: paths look at it every few metres at best."""
CORNER_M: Final = 0.05
"""Sound rounds a corner at this distance from it, so that its way does not touch the wall."""
SNAP_M: Final = 0.05
"""Buildings nearer than this to one another are one block."""
ROAD_CELL_M: Final = 50.0
FINE: Final = (0.5, 50.0)
"""Roads near a receiver: vertices that move the line by less are left out, longer pieces are cut [m]."""
COARSE: Final = (3.0, 100.0)
"""The same of roads farther off."""


class Ground(NamedTuple):
    """Middles of columns and rows from south-west [m], level of the ground [m], ground factor."""

    x: Floats
    y: Floats
    level: Floats
    soft: Floats

    def at(self, points: Floats) -> Floats:
        """Level of the ground at points [m], between the middles of cells."""
        n_y, n_x = self.level.shape
        step = float(self.x[1] - self.x[0])
        u = np.clip((points[:, 0] - self.x[0]) / step, 0, n_x - 1)
        v = np.clip((points[:, 1] - self.y[0]) / step, 0, n_y - 1)
        i, j = u.astype(int), v.astype(int)
        p, q = u - i, v - j
        i1, j1 = np.minimum(i + 1, n_x - 1), np.minimum(j + 1, n_y - 1)
        below = self.level[j, i] * (1 - p) + self.level[j, i1] * p
        found: Floats = below * (1 - q) + (self.level[j1, i] * (1 - p) + self.level[j1, i1] * p) * q
        return found


def level_plain(cells: xr.DataArray, known_m: Floats) -> xr.DataArray:
    """
    Terrain of a city that has none: a plain at the middle of the levels that are known, else at 0.

    Parameters
    ----------
    cells
        Raster whose cells it has.
    known_m
        Levels of the ground somewhere in the city, missing where unknown [m].
    """
    known = known_m[np.isfinite(known_m)]
    return cells.astype(float).copy(data=np.full(cells.shape, np.median(known) if len(known) else 0.0))


def ground_of(terrain: xr.DataArray, sealed: xr.DataArray, footprints: Shapes) -> Ground:
    """
    Level and ground factor on a grid of about `GROUND_CELL_M`.

    The ground factor is the share of the ground that is not sealed: 0 for asphalt and water, 1 for lawn (table 2.5.a
    of the Directive), yards between. What lies under roofs does not count: paths pass over them.

    Parameters
    ----------
    terrain
        Level of the ground [m].
    sealed
        Share of the ground that lets no water through, on the same cells.
    footprints : (n,)
        Buildings.
    """
    from rasterio.features import geometry_mask

    from dothi.io.terrain import grid_of

    soft = 1.0 - np.clip(sealed.to_numpy().astype(float), 0.0, 1.0)
    roofs = footprints[~shapely.is_empty(footprints)]
    if len(roofs):
        soft[geometry_mask(roofs, soft.shape, grid_of(sealed).transform, invert=True)] = np.nan
    x, y = terrain["x"].to_numpy().astype(float), terrain["y"].to_numpy().astype(float)
    level = terrain.to_numpy().astype(float)
    if y[0] > y[-1]:
        y, level, soft = y[::-1], level[::-1], soft[::-1]
    k = max(round(GROUND_CELL_M / abs(x[1] - x[0])), 1)
    k = min(k, max(min(level.shape) // 2, 1))
    return Ground(_thinned(x, k), _thinned(y, k), _filled(_averaged(level, k), 0.0), _filled(_averaged(soft, k), 0.0))


def _thinned(middles: Floats, k: int) -> Floats:
    n = len(middles) // k
    found: Floats = middles[: n * k].reshape(n, k).mean(axis=1)
    return found


def _averaged(values: Floats, k: int) -> Floats:
    """Mean of the known cells of squares of `k` by `k`; what does not fill a square is left out."""
    rows, columns = values.shape[0] // k, values.shape[1] // k
    squares = values[: rows * k, : columns * k].reshape(rows, k, columns, k)
    known = np.isfinite(squares)
    count = known.sum(axis=(1, 3))
    total = np.where(known, squares, 0.0).sum(axis=(1, 3))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _filled(values: Floats, otherwise: float) -> Floats:
    """Values with gaps filled by the nearest known cell."""
    from scipy.ndimage import distance_transform_edt

    gaps = ~np.isfinite(values)
    if not gaps.any():
        return values
    if gaps.all():
        return np.full(values.shape, otherwise)
    nearest = distance_transform_edt(gaps, return_distances=False, return_indices=True)
    return np.asarray(values[tuple(nearest)])


def scene_of(footprints: Shapes, height_m: Floats, ground_m: Floats, ground: Ground) -> Scene:
    """
    Buildings and ground as flat arrays.

    Parameters
    ----------
    footprints : (n,)
        Polygons or MultiPolygons.
    height_m : (n,)
        Heights above the ground, missing where there is nothing [m].
    ground_m : (n,)
        Levels of the ground at the buildings, missing where unknown [m].
    ground
        Ground.
    """
    kept = np.isfinite(height_m) & (height_m > 0.0) & ~shapely.is_empty(footprints)
    parts, owner = shapely.get_parts(areas_of(only(footprints, kept)), return_index=True)
    full = ~shapely.is_empty(parts)
    parts, owner = parts[full], owner[full]
    ends, part = _walls(parts)
    base = np.where(np.isfinite(ground_m), ground_m, ground.at(shapely.get_coordinates(_middles(footprints))))
    roof = base + np.nan_to_num(height_m)
    block, corner_start, corners = _blocks(footprints, kept)
    box = (ground.x[0], ground.y[0], ground.x[-1], ground.y[-1])
    low, high = np.minimum(ends[:, :2], ends[:, 2:]), np.maximum(ends[:, :2], ends[:, 2:])
    grid = _grid(low, high, box, WALL_CELL_M)
    start, item = _index(low, high, grid)
    return Scene(
        np.array([*grid, ground.x[0], ground.y[0], ground.x[1] - ground.x[0]]),
        start,
        item,
        np.ascontiguousarray(ends[item]),
        np.column_stack([ends, roof[owner[part]]]),
        np.column_stack([owner[part], block[owner[part]]]).astype(np.int64),
        corner_start,
        corners,
        np.ascontiguousarray(np.stack([ground.level, ground.soft], axis=2)),
    )


def _middles(footprints: Shapes) -> Shapes:
    """Middle of each footprint; any point where there is none."""
    found = np.asarray(shapely.centroid(footprints), dtype=object)
    found[shapely.is_empty(found)] = shapely.Point(0.0, 0.0)
    return found


def only(footprints: Shapes, kept: Mask) -> Shapes:
    """Footprints with those that are not kept made empty."""
    found = np.array(footprints, dtype=object)
    found[~kept] = shapely.Polygon()
    return found


def sources_of(lines: Shapes, power: Floats, weight: Floats, ground: Ground, deck_m: Floats) -> Sources:
    """
    Roads as straight pieces of line source, fine ones and coarse ones.

    Parameters
    ----------
    lines : (n,)
        LineStrings of roads that are heard.
    power : (n, n_periods, 8)
        A-weighted sound power per metre [pW m⁻¹].
    weight : (n_periods,)
        Weight of each period in the mean of the day.
    ground
        Ground.
    deck_m : (n, 2)
        Level of the carriageway at both ends where it does not lie on the ground, as on bridges; else missing [m].
    """
    found = [_pieces(lines, *kind, ground, deck_m) for kind in (FINE, COARSE)]
    ends = np.concatenate([ends for ends, _ in found])
    road = np.concatenate([road for _, road in found])
    level = np.repeat([0.0, 1.0], [len(road) for _, road in found])
    box = shapely.bounds(lines) if len(lines) else np.empty((0, 4))
    middle = 0.5 * (box[:, :2] + box[:, 2:])
    half = 0.5 * np.hypot(*(box[:, 2:] - box[:, :2]).T)
    mids = 0.5 * (ends[:, :2] + ends[:, 3:5])
    grid = _grid(mids, mids, (ground.x[0], ground.y[0], ground.x[-1], ground.y[-1]), ROAD_CELL_M)
    start, item = _index(mids, mids, grid)
    ends, road, level = ends[item], road[item], level[item]  # neighbours lie side by side in memory
    longest = float(np.hypot(ends[:, 3] - ends[:, 0], ends[:, 4] - ends[:, 1]).max()) if len(ends) else 0.0
    bands = np.einsum("npb,p->nb", power, weight)
    return Sources(
        np.array([*grid, longest]),
        start,
        np.ascontiguousarray(ends),
        np.column_stack([middle[road], half[road], level, road]),
        np.ascontiguousarray(power),
        np.column_stack([bands, bands.sum(axis=1)]),
    )


def _pieces(
    lines: Shapes, smooth_m: float, longest_m: float, ground: Ground, deck_m: Floats
) -> tuple[Floats, Integers]:
    """Ends of the straight pieces (x, y, z twice) and the road each belongs to."""
    if not len(lines):
        return np.empty((0, 6)), np.empty(0, dtype=np.int64)
    at, road = shapely.get_coordinates(shapely.simplify(shapely.force_2d(lines), smooth_m), return_index=True)
    number = np.flatnonzero(road[1:] == road[:-1])
    ends, piece = _cut(np.column_stack([at[number], at[number + 1]]), longest_m)
    road = road[number][piece]
    share = _along(ends, road)
    z = []
    for k in (0, 1):
        own = ground.at(ends[:, 2 * k : 2 * k + 2])
        deck = deck_m[road, 0] + share[:, k] * (deck_m[road, 1] - deck_m[road, 0])
        z.append(np.where(np.isfinite(deck), np.maximum(np.nan_to_num(deck), own), own) + SOURCE_HEIGHT_M)
    return np.column_stack([ends[:, :2], z[0], ends[:, 2:], z[1]]), road.astype(np.int64)


def _walls(parts: Shapes) -> tuple[Floats, Integers]:
    """Walls of polygons, with the inside on their left, cut to `WALL_M`; and whose they are."""
    if not len(parts):
        return np.empty((0, 4)), np.empty(0, dtype=np.int64)
    rings, part = shapely.get_rings(shapely.orient_polygons(shapely.force_2d(parts)), return_index=True)
    at, ring = shapely.get_coordinates(rings, return_index=True)
    number = np.flatnonzero(ring[1:] == ring[:-1])
    ends = np.column_stack([at[number], at[number + 1]])
    long = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]) > 1e-3
    ends, owner = ends[long], part[ring[number]][long]
    pieces, wall = _cut(ends, WALL_M)
    return np.ascontiguousarray(pieces), owner[wall]


def _cut(ends: Floats, longest_m: float) -> tuple[Floats, Integers]:
    """Segments cut into equal pieces no longer than a limit, and the segment each comes from."""
    length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    count = np.maximum(np.ceil(length / longest_m), 1).astype(np.int64)
    segment = np.repeat(np.arange(len(ends)), count)
    rank = _rank(segment)
    t0, t1 = rank / count[segment], (rank + 1) / count[segment]
    start, step = ends[segment, :2], ends[segment, 2:] - ends[segment, :2]
    return np.column_stack([start + t0[:, None] * step, start + t1[:, None] * step]), segment


def _rank(group: Integers) -> Integers:
    """Number of each element within its run of equal ones."""
    if not len(group):
        return np.empty(0, dtype=np.int64)
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    found: Integers = np.arange(len(group)) - np.repeat(starts, np.diff(np.r_[starts, len(group)]))
    return found


def _along(ends: Floats, road: Integers) -> Floats:
    """Where each segment of a road begins and ends, as a share of its length."""
    length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    if not len(length):
        return np.empty((0, 2))
    whole = np.bincount(road, weights=length)[road]
    done = np.cumsum(length)
    starts = np.flatnonzero(np.r_[True, road[1:] != road[:-1]])
    before = np.repeat(np.r_[0.0, done[starts[1:] - 1]], np.diff(np.r_[starts, len(road)]))
    whole = np.where(whole > 0.0, whole, 1.0)
    return np.column_stack([(done - length - before) / whole, (done - before) / whole])


def _grid(
    low: Floats, high: Floats, box: tuple[float, float, float, float], cell: float
) -> tuple[float, float, float, float, float]:
    """Index over a box and all that is indexed: west, south, size of a cell [m], columns, rows."""
    west, south = (float(min(box[k], *low[:, k])) if len(low) else float(box[k]) for k in (0, 1))
    east, north = (float(max(box[k + 2], *high[:, k])) if len(high) else float(box[k + 2]) for k in (0, 1))
    return west, south, cell, float(int((east - west) / cell) + 1), float(int((north - south) / cell) + 1)


def _index(low: Floats, high: Floats, grid: tuple[float, float, float, float, float]) -> tuple[Integers, Integers]:
    """What touches each cell of an index; what lies on a border is in both cells."""
    origin, cell, n = np.array(grid[:2]), grid[2], np.array(grid[3:], dtype=np.int64)
    edge = 0.0 if low is high else 1e-6
    first = np.clip(((low - origin - edge) / cell).astype(np.int64), 0, n - 1)
    last = np.clip(((high - origin + edge) / cell).astype(np.int64), 0, n - 1)
    wide, deep = (last - first + 1).T
    item = np.repeat(np.arange(len(low)), wide * deep)
    rank = _rank(item)
    cells = (first[item, 1] + rank // wide[item]) * n[0] + first[item, 0] + rank % wide[item]
    start = np.zeros(n[0] * n[1] + 1, dtype=np.int64)
    start[1:] = np.cumsum(np.bincount(cells, minlength=n[0] * n[1]))
    return start, item[np.argsort(cells, kind="stable")].astype(np.int64)


def _blocks(footprints: Shapes, kept: Mask) -> tuple[Integers, Integers, Floats]:
    """Group of each building with those that touch it, and the corners of the convex hull of each group."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(footprints)
    shapes = only(footprints, kept)
    a, b = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=SNAP_M)
    count, block = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(n, n)), directed=False)
    at, owner = shapely.get_coordinates(shapes, return_index=True)
    order = np.argsort(block[owner], kind="stable")
    groups = np.full(count, None, dtype=object)
    if len(at):
        clouds = np.asarray(shapely.multipoints(at[order], indices=block[owner][order]), dtype=object)
        groups[: len(clouds)] = clouds
    hulls = shapely.buffer(shapely.convex_hull(groups), CORNER_M, join_style="mitre", mitre_limit=2.0)
    corners, hull = shapely.get_coordinates(shapely.get_exterior_ring(hulls), return_index=True)
    start = np.zeros(count + 1, dtype=np.int64)
    start[1:] = np.cumsum(np.bincount(hull, minlength=count))
    return block.astype(np.int64), start, np.ascontiguousarray(corners)
