"""Ground levels of a whole city: from points and breaklines, from rasters with holes, and under its buildings."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.transform import Affine
from rasterio.warp import reproject, transform_bounds
from scipy import ndimage
from scipy.spatial import cKDTree

from dothi.crs import Extent
from dothi.derive.rasterise import burn
from dothi.derive.tin import LINE_STEP_M, are_in, levels_at, network_levels, thinned, tiles, vertices_of
from dothi.io.terrain import Grid, grid_for, grid_of

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Bools = NDArray[np.bool_]

STOREY_M: Final = 3.0
"""A level is as uncertain as its error is large beside a storey: confidence is 1 − error / 3 m."""

FAR_M: Final = 60.0
"""A cell farther than this from every point with a level counts as filled."""

METHOD: Final = "terrain"
CITY_METHOD: Final = "tin_of_roads_and_buildings"

UNTESTED_ERROR_M: Final = 2.0
"""Error assumed of a terrain that could not be compared: Copernicus DEM GLO-30 is specified at 4 m for 90 % of the
cells, which is a median of about 1.6 m for normal errors, before buildings and trees are in it."""

LEAST_TEST: Final = 20
TEST_TILES: Final = 4
"""In a city of many tiles, buildings are hidden in this many of them: some ten thousand errors are enough."""

THIN_M: Final = 4.0
"""Corners of buildings within a square of this side count as one; errors where buildings are hidden stay the same."""

HIDE_M: Final = 100.0
"""Side of the squares in which buildings are hidden."""

WATER_DROP_M: Final = 1.0
"""Still water is taken to stand this much below the lowest bank nearby."""

BANK_M: Final = 40.0
REACH_M: Final = 250.0
FALL_M: Final = 5.0
FLOWING: Final = ("river", "canal", "stream", "drain")
"""Kinds of water whose level may fall along their course; all others are level."""


# ── triangles ────────────────────────────────────────────────────────────────────────────────────


def tin_raster(points: Floats, breaklines: NDArray[np.object_], grid: Grid) -> xr.DataArray:
    r"""
    Raster of the triangulated irregular network over points and breaklines.

    The network is a conforming Delaunay triangulation: breaklines are cut, with levels interpolated along
    them, until every piece is an edge of the triangulation [1]_. Within a triangle the level is linear.
    Large networks are made in tiles that overlap (`tin.network_levels`).
    Cells outside all triangles, or farther than `FAR_M` from every point, are filled by `fill_voids`.

    Parameters
    ----------
    points : (n, 3)
        x, y and level [m].
    breaklines : (m,)
        Lines with Z along which the ground may bend.
    grid
        Where to give levels.

    Returns
    -------
    xarray.DataArray
        Level (y, x) [m]. Attributes: ``filled_share``, share of the cells that were filled; ``open_pieces``,
        pieces of breaklines shorter than 2 × `tin.SHORTEST_M` that are no edge since others cross them.

    Raises
    ------
    ValueError
        There is no point with a level.

    References
    ----------
    .. [1] J. R. Shewchuk, "Delaunay refinement algorithms for triangular mesh generation", Computational
       Geometry 22, 2002, https://doi.org/10.1016/S0925-7721(01)00047-5, sec. 3.
    """
    # Pieces shorter than two cells bend nothing that a cell could show.
    step = max(LINE_STEP_M, 2.0 * grid.cell_m)
    vertices, pieces = vertices_of(np.asarray(points, dtype=float).reshape(-1, 3), breaklines, step)
    if not len(vertices):
        raise ValueError("a terrain needs at least one point with a level")
    values, n_open = network_levels(vertices, pieces, grid)
    far = _distance(vertices[:, :2], grid) > FAR_M
    values[far] = np.nan
    if np.isnan(values).all():
        values = _seeded(vertices, grid)
    raster, share = fill_voids(grid.array(values, "m", "tin"))
    return raster.assign_attrs(method="tin", filled_share=round(share, 6), open_pieces=n_open)


def _cells(xy: Floats, grid: Grid) -> tuple[Integers, Integers, Bools]:
    row = np.floor((grid.north - xy[:, 1]) / grid.cell_m)
    column = np.floor((xy[:, 0] - grid.west) / grid.cell_m)
    inside = (row >= 0) & (row < grid.shape[0]) & (column >= 0) & (column < grid.shape[1])
    return row[inside].astype(np.intp), column[inside].astype(np.intp), inside


def _distance(xy: Floats, grid: Grid) -> NDArray[np.float32]:
    """Distance of every cell from the nearest point [m], on a coarser grid where cells are small."""
    step = max(1, int(FAR_M / 8.0 // grid.cell_m))
    border = int(np.ceil(FAR_M / (grid.cell_m * step))) + 1
    shape = tuple(int(np.ceil(n / step)) + 2 * border for n in grid.shape)
    size = grid.cell_m * step
    row = np.floor((grid.north - xy[:, 1]) / size).astype(np.intp) + border
    column = np.floor((xy[:, 0] - grid.west) / size).astype(np.intp) + border
    inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    empty = np.ones(shape, dtype=bool)
    empty[row[inside], column[inside]] = False
    if empty.all():
        return np.full(grid.shape, np.inf, dtype=np.float32)
    distance = ndimage.distance_transform_edt(empty, sampling=size).astype(np.float32)
    distance = distance[border:-border, border:-border].repeat(step, axis=0).repeat(step, axis=1)
    return np.ascontiguousarray(distance[: grid.shape[0], : grid.shape[1]])


def _seeded(vertices: Floats, grid: Grid) -> NDArray[np.float32]:
    """Where no triangle reaches a cell: the levels of the points, or of the one nearest to the grid."""
    values = np.full(grid.shape, np.nan, dtype=np.float32)
    row, column, inside = _cells(vertices[:, :2], grid)
    if inside.any():
        values[row, column] = vertices[inside, 2]
        return values
    centre = (grid.x.mean(), grid.y.mean())
    nearest = np.argmin(np.hypot(vertices[:, 0] - centre[0], vertices[:, 1] - centre[1]))
    values[grid.shape[0] // 2, grid.shape[1] // 2] = vertices[nearest, 2]
    return values


# ── points ───────────────────────────────────────────────────────────────────────────────────────


def outliers(points: Floats, *, neighbours: int = 12, times: float = 6.0, least_m: float = 2.0) -> Bools:
    """
    Points that stick out of or into the ground around them: spikes, pits, decks of bridges.

    A plane is fitted to the neighbours of each point by iteratively reweighted least squares, the point
    itself left out; it is an outlier if it is off by more than `times` the scale of the neighbours'
    residuals (1.4826 × their median) and by more than `least_m`. A point within `least_m` of all its neighbours
    is none.

    Parameters
    ----------
    points : (n, 3)
        x, y and level [m].
    neighbours
        How many neighbours the plane is fitted to.
    times
        How many scales off is too much.
    least_m
        What is never too much [m].

    Returns
    -------
    (n,)
        True for outliers.

    References
    ----------
    P. J. Rousseeuw and A. M. Leroy, Robust Regression and Outlier Detection, Wiley 1987,
    https://doi.org/10.1002/0471725382, ch. 5 (scale by the median of absolute residuals).
    """
    points = np.asarray(points, dtype=float).reshape(-1, 3)
    if len(points) < 5:
        return np.zeros(len(points), dtype=bool)
    count = min(neighbours, len(points) - 1)
    tree = cKDTree(points[:, :2])
    found = np.zeros(len(points), dtype=bool)
    for start in range(0, len(points), 200_000):
        block = slice(start, start + 200_000)
        here = points[block]
        distance, near = tree.query(here[:, :2], k=count + 1)
        # Where points share a place, the point itself need not come first.
        own = near == (start + np.arange(len(here)))[:, None]
        own[~own.any(axis=1), -1] = True
        near = near[~own].reshape(len(here), count)
        # Most of a city is flat; planes are fitted where levels differ.
        steep = np.flatnonzero((np.abs(points[near, 2] - here[:, 2:]) > least_m).any(axis=1))
        here, near = here[steep], near[steep]
        reach = np.maximum(distance[steep, -1:], 1.0)
        design = np.concatenate(
            [np.ones((*near.shape, 1)), (points[near, :2] - here[:, None, :2]) / reach[..., None]], axis=2
        )
        level = points[near, 2]
        plane = np.zeros((len(here), 3))
        plane[:, 0] = np.median(level, axis=1)
        for _ in range(3):
            residual = level - np.einsum("nkj,nj->nk", design, plane)
            scale = np.maximum(1.4826 * np.median(np.abs(residual), axis=1, keepdims=True), 0.1)
            weight = np.square(np.maximum(1.0 - np.square(residual / (4.685 * scale)), 0.0))
            normal = np.einsum("nk,nki,nkj->nij", weight, design, design) + 0.05 * np.diag([0.0, 1.0, 1.0])
            normal[:, 0, 0] += 1e-6
            right = np.einsum("nk,nki,nk->ni", weight, design, level - plane[:, :1])
            right[:, 0] = np.einsum("nk,nk->n", weight, level - plane[:, :1])
            step = np.linalg.solve(normal, right[..., None])[..., 0]
            plane = np.column_stack([plane[:, 0] + step[:, 0], step[:, 1], step[:, 2]])
        residual = level - np.einsum("nkj,nj->nk", design, plane)
        scale = 1.4826 * np.median(np.abs(residual), axis=1)
        off = np.abs(here[:, 2] - plane[:, 0])
        found[start + steep] = (off > times * scale) & (off > least_m)
    return found


def road_breaklines(roads: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """
    Roads that lie on the ground and have levels, as lines with Z; pieces next to a spike or pit are cut out.

    Bridges, tunnels, ferries and roads of another level than 0 are left out.
    """
    shapes = np.asarray(roads.geometry.array, dtype=object)
    kept = on_ground(roads) & shapely.has_z(shapes)
    xyz, line = shapely.get_coordinates(shapes[kept], include_z=True, return_index=True)
    good = np.asarray(np.isfinite(xyz).all(axis=1), dtype=bool)
    good[good] = ~outliers(xyz[good])
    # A bad vertex ends a line; the next good one begins another.
    piece = np.cumsum(~good) + np.cumsum(np.r_[0, line[1:] != line[:-1]] if len(line) else line)
    xyz, piece = xyz[good], piece[good]
    _, piece, size = np.unique(piece, return_inverse=True, return_counts=True)
    long_enough = size[piece] > 1
    if not long_enough.any():
        return np.empty(0, dtype=object)
    _, piece = np.unique(piece[long_enough], return_inverse=True)
    return np.asarray(shapely.linestrings(xyz[long_enough], indices=piece), dtype=object)


def has_levels(roads: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> bool:
    """Whether roads on the ground or buildings know levels, so that `terrain_from_city` can make a terrain."""
    shapes = np.asarray(roads.geometry.array, dtype=object)
    shapes = shapes[on_ground(roads) & shapely.has_z(shapes)]
    if np.isfinite(shapely.get_coordinates(shapes, include_z=True)).all(axis=1).any():
        return True
    return "ground_m" in buildings and bool(_is_measured(buildings).any())


def on_ground(roads: gpd.GeoDataFrame) -> Bools:
    """Whether each road lies on the ground: no bridge, no tunnel, no ferry, level 0 or not said."""
    kept = np.ones(len(roads), dtype=bool)
    if "level" in roads:
        kept &= roads["level"].fillna(0).to_numpy(dtype=float) == 0.0
    for name in ("bridge", "tunnel"):
        if name in roads:
            kept &= ~roads[name].astype("boolean").fillna(value=False).to_numpy(dtype=bool)
    if "class" in roads:
        kept &= (roads["class"].astype(object) != "ferry").to_numpy(dtype=bool)
    return kept


def points_and_lines(points: gpd.GeoDataFrame, lines: gpd.GeoDataFrame) -> tuple[Floats, NDArray[np.object_]]:
    """Points (n, 3) without spikes and pits, and breaklines (m,), of the tables of `io.terrain.read_terrain_points`."""
    xyz = shapely.get_coordinates(np.asarray(points.geometry.array, dtype=object), include_z=True)
    return xyz[~outliers(xyz)], np.asarray(lines.geometry.array, dtype=object)


def building_points(buildings: gpd.GeoDataFrame) -> Floats:
    """
    Corners of footprints at the measured ground level of the building, spikes and pits left out (n, 3) [m].

    Levels that were derived (method ``terrain``) are left out, so that a terrain never proves itself.
    Corners that move an outline by less than 1 m are left out too.
    """
    return _corners(buildings)[0]


def _corners(buildings: gpd.GeoDataFrame) -> tuple[Floats, Integers]:
    """Corners as in `building_points`, and the position in the table of the building of each."""
    if "ground_m" not in buildings or not len(buildings):
        return np.empty((0, 3)), np.empty(0, dtype=np.intp)
    shapes = np.asarray(buildings.geometry.array, dtype=object)
    level = buildings["ground_m"].to_numpy(dtype=float, na_value=np.nan)
    known = _is_measured(buildings) & ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    rings, owner = _rings(shapely.simplify(shapes[known], 1.0))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    building = np.flatnonzero(known)[owner[ring]]
    points = np.column_stack([xy, level[building]])
    good = ~outliers(points)
    return points[good], building[good]


def _is_measured(buildings: gpd.GeoDataFrame) -> Bools:
    known = buildings["ground_m"].notna().to_numpy(dtype=bool)
    if "ground_m_method" in buildings:
        known = known & (buildings["ground_m_method"].astype(object) != METHOD).to_numpy(dtype=bool)
    return np.asarray(known, dtype=bool)


def _rings(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], Integers]:
    """Rings of areas, with the number of the shape each belongs to."""
    parts, of_part = shapely.get_parts(shapes, return_index=True)
    rings, of_ring = shapely.get_rings(parts, return_index=True)
    return np.asarray(rings, dtype=object), of_part[of_ring]


# ── rasters ──────────────────────────────────────────────────────────────────────────────────────


def fill_voids(raster: xr.DataArray) -> tuple[xr.DataArray, float]:
    """
    Fill missing cells smoothly from around them, by pulling levels down a pyramid and pushing them up again.

    Known cells stay as they are, to the bit.

    Parameters
    ----------
    raster
        Values (y, x), missing where unknown.

    Returns
    -------
    raster
        Without missing cells; attribute ``filled_share``.
    share
        Share of the cells that were filled.

    Raises
    ------
    ValueError
        No cell is known.

    References
    ----------
    S. J. Gortler et al., "The Lumigraph", SIGGRAPH 1996, https://doi.org/10.1145/237170.237200, sec. 3.4
    (pull-push); here followed by relaxation towards a surface of least bending on every level of the pyramid.
    """
    values = raster.to_numpy()
    void = ~np.isfinite(values)
    share = float(void.mean())
    if share == 1.0:
        raise ValueError("a raster needs at least one known cell")
    filled = values if share == 0.0 else _pull_push(values.astype(np.float32), ~void)
    result = raster.copy(data=filled.astype(values.dtype, copy=True))
    return result.assign_attrs(filled_share=round(share, 6)), share


def _pull_push(values: NDArray[np.float32], known: Bools) -> NDArray[np.float32]:
    """Values with unknown cells filled, on this level of the pyramid and all coarser ones."""
    if known.all():
        return values
    rows, columns = values.shape
    edge = ((0, rows % 2), (0, columns % 2))
    weight = np.pad(known.astype(np.float32), edge)
    total = np.pad(np.where(known, values, np.float32(0.0)), edge)
    weight, total = (part.reshape(len(part) // 2, 2, -1, 2).sum(axis=(1, 3)) for part in (weight, total))
    coarse = _pull_push(total / np.maximum(weight, 1.0), weight > 0.0)
    filled = np.where(known, values, _doubled(_doubled(coarse).T).T[:rows, :columns])
    row, column = np.nonzero(~known)
    north, south = np.maximum(row - 1, 0), np.minimum(row + 1, rows - 1)
    west, east = np.maximum(column - 1, 0), np.minimum(column + 1, columns - 1)
    for _ in range(8):
        around = filled[north, column] + filled[south, column] + filled[row, west] + filled[row, east]
        filled[row, column] = around * np.float32(0.25)
    return np.asarray(filled, dtype=np.float32)


def _doubled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Twice the rows, linear between the centres of the given ones."""
    padded = np.pad(values, ((1, 1), (0, 0)), mode="edge")
    result = np.empty((2 * len(values), values.shape[1]), dtype=np.float32)
    result[0::2] = 0.75 * values + 0.25 * padded[:-2]
    result[1::2] = 0.75 * values + 0.25 * padded[2:]
    return result


def resample(raster: xr.DataArray, grid: Grid) -> xr.DataArray:
    """
    A raster on another grid: bilinear between its cells, or their mean where the new cells are coarser.

    Cells outside the raster, or without a known cell beneath, are missing.

    Parameters
    ----------
    raster
        Values (y, x) on any grid.
    grid
        The grid wanted.
    """
    x, y = raster["x"].to_numpy(), raster["y"].to_numpy()
    width = float(x[-1] - x[0]) / max(1, len(x) - 1) or 1.0
    height = float(y[0] - y[-1]) / max(1, len(y) - 1) or 1.0
    values = np.full(grid.shape, np.nan, dtype=np.float32)
    crs = str(raster.attrs["crs"])
    box = transform_bounds(crs, grid.crs, x[0] - width / 2, y[-1] - height / 2, x[-1] + width / 2, y[0] + height / 2)
    own_cell_m = (box[2] - box[0]) / len(x)
    reproject(
        np.ascontiguousarray(raster.to_numpy(), dtype=np.float32),
        values,
        src_transform=Affine(width, 0.0, float(x[0]) - width / 2, 0.0, -height, float(y[0]) + height / 2),
        src_crs=crs,
        src_nodata=np.nan,
        dst_transform=grid.transform,
        dst_crs=grid.crs,
        dst_nodata=np.nan,
        resampling=Resampling.average if grid.cell_m > 1.5 * own_cell_m else Resampling.bilinear,
        num_threads=1,
    )
    kept = {key: value for key, value in raster.attrs.items() if key not in ("units", "crs", "method")}
    return grid.array(values, str(raster.attrs["units"]), str(raster.attrs["method"]), **kept)


def sample(raster: xr.DataArray, xy: Floats) -> Floats:
    """Bilinear values of a raster at places (n, 2); missing outside it."""
    grid = grid_of(raster)
    place = np.array([(grid.north - xy[:, 1]) / grid.cell_m, (xy[:, 0] - grid.west) / grid.cell_m])
    with np.errstate(invalid="ignore"):
        inside = ((place >= 0.0) & (place <= np.array(grid.shape)[:, None])).all(axis=0)
    values = np.full(len(xy), np.nan)
    values[inside] = ndimage.map_coordinates(
        raster.to_numpy(), place[:, inside] - 0.5, order=1, mode="nearest", output=np.float64
    )
    return values


# ── buildings on the terrain ─────────────────────────────────────────────────────────────────────


def ground_levels(buildings: gpd.GeoDataFrame, terrain: xr.DataArray) -> gpd.GeoDataFrame:
    """
    Fill ground levels from the terrain at a point inside the footprint; measured levels stay.

    The confidence of the method is 1 − e / `STOREY_M`, where e is the median absolute error [m]: the
    attribute ``error_m`` of the terrain where it was tested on hidden buildings, else found by comparing with
    the measured buildings, else `UNTESTED_ERROR_M`.

    Parameters
    ----------
    buildings
        Table ``buildings``.
    terrain
        Ground level (y, x) [m] on the same grid.

    Returns
    -------
    geopandas.GeoDataFrame
        Buildings with ``ground_m``, ``ground_m_method`` (``measured`` or ``terrain``) and ``ground_m_confidence``.
    """
    result = buildings.copy(deep=False)
    if "ground_m" not in result:
        result["ground_m"] = np.nan
    measured = _is_measured(result)
    level = result["ground_m"].to_numpy(dtype=float, na_value=np.nan).copy()
    from_terrain = sample(terrain, _inside(result))
    error = terrain.attrs.get("error_m")
    if error is None:
        off = np.abs(from_terrain - level)[measured]
        off = off[np.isfinite(off)]
        error = float(np.median(off)) if len(off) >= LEAST_TEST else UNTESTED_ERROR_M
    filled = ~measured & np.isfinite(from_terrain)
    level[filled] = from_terrain[filled]
    old = (
        result["ground_m_method"].astype(object)
        if "ground_m_method" in result
        else pd.Series(index=result.index, dtype=object)
    )
    sure = (
        result["ground_m_confidence"].to_numpy(dtype=float, na_value=np.nan).copy()
        if "ground_m_confidence" in result
        else np.full(len(result), np.nan)
    )
    sure[measured & np.isnan(sure)] = 1.0
    sure[filled] = round(float(np.clip(1.0 - float(error) / STOREY_M, 0.0, 1.0)), 3)
    result["ground_m"] = level
    result["ground_m_method"] = pd.Categorical(
        np.where(filled, METHOD, np.where(measured & old.isna().to_numpy(), "measured", old.to_numpy()))
    )
    result["ground_m_confidence"] = sure
    return result


def _inside(buildings: gpd.GeoDataFrame) -> Floats:
    """A point within each footprint (n, 2)."""
    points = shapely.point_on_surface(np.asarray(buildings.geometry.array, dtype=object))
    return np.column_stack([shapely.get_x(points), shapely.get_y(points)])


def surface_raster(terrain: xr.DataArray, buildings: gpd.GeoDataFrame) -> xr.DataArray:
    """
    Terrain with buildings on it: roofs at ground level plus height, the highest where buildings overlap.

    Buildings without a height are left out; those without a ground level stand on the terrain inside them.

    Parameters
    ----------
    terrain
        Ground level (y, x) [m].
    buildings
        Table ``buildings`` on the same grid.
    """
    grid = grid_of(terrain)
    values = terrain.to_numpy().copy()
    if len(buildings) and "height_m" in buildings:
        ground = sample(terrain, _inside(buildings))
        if "ground_m" in buildings:
            given = buildings["ground_m"].to_numpy(dtype=float, na_value=np.nan)
            ground = np.where(np.isnan(given), ground, given)
        top = ground + buildings["height_m"].to_numpy(dtype=float, na_value=np.nan)
        shapes = np.asarray(buildings.geometry.array, dtype=object)
        drawn = np.flatnonzero(np.isfinite(top) & ~(shapely.is_missing(shapes) | shapely.is_empty(shapes)))
        drawn = drawn[np.argsort(top[drawn], kind="stable")]
        if len(drawn):
            roofs = burn(shapes[drawn], top[drawn].astype(np.float32), grid, np.float32(np.nan))
            values = np.where(np.isnan(roofs), values, roofs)
    return grid.array(values, "m", "terrain_and_buildings")


# ── a terrain where no survey is at hand ─────────────────────────────────────────────────────────


def terrain_from_city(
    roads: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, water_bodies: gpd.GeoDataFrame | None, grid: Grid
) -> xr.DataArray:
    """
    Terrain from what the city itself says: roads with levels, and ground levels of buildings.

    Roads on the ground are breaklines, corners of buildings are points, spikes and pits are left out, and
    water lies level below its banks (`flatten_water`).

    Parameters
    ----------
    roads
        Table ``roads`` with Z; bridges, tunnels and ferries are not used.
    buildings
        Table ``buildings``; only measured ground levels are used.
    water_bodies
        Table ``water_bodies``, or none.
    grid
        Where to give levels.

    Returns
    -------
    xarray.DataArray
        Level (y, x) [m]. Attributes: ``filled_share``, ``open_pieces``, and, where at least `LEAST_TEST`
        buildings could be hidden, ``error_m``, the median absolute error there, and ``hidden_…`` (`summary`).

    Raises
    ------
    ValueError
        Neither roads nor buildings have levels.
    """
    measured = buildings[_is_measured(buildings)] if "ground_m" in buildings else buildings.iloc[:0]
    xy = _inside(measured)
    if water_bodies is not None:
        # What floats has no ground, and its level would be the lowest bank.
        wet = water_bodies.geometry[~water_bodies.geometry.isna()].to_numpy()
        ashore = ~_lie_within(xy, wet)
        measured, xy = measured[ashore], xy[ashore]
    lines, (points, owner) = road_breaklines(roads), _corners(measured)
    terrain = tin_raster(thinned(points, max(THIN_M, 2.0 * grid.cell_m)), lines, grid).assign_attrs(method=CITY_METHOD)
    errors = _errors_where_hidden(lines, measured, xy, points, owner, (0,), HIDE_M)
    if len(errors) >= LEAST_TEST:
        found = {f"hidden_{key}": round(value, 4) for key, value in summary(errors).items()}
        terrain = terrain.assign_attrs(error_m=found["hidden_median_absolute"], **found)
    return flatten_water(terrain, water_bodies) if water_bodies is not None else terrain


def _lie_within(xy: Floats, areas: NDArray[np.object_]) -> Bools:
    found = np.zeros(len(xy), dtype=bool)
    if len(areas):
        found[shapely.STRtree(np.asarray(shapely.points(xy), dtype=object)).query(areas, predicate="contains")[1]] = (
            True
        )
    return found


def hidden_errors(
    breaklines: NDArray[np.object_],
    buildings: gpd.GeoDataFrame,
    *,
    folds: tuple[int, ...] = (0, 1, 2, 3, 4),
    block_m: float = HIDE_M,
) -> Floats:
    """
    Errors of the triangulated terrain at measured buildings that were hidden from it [m], predicted − measured.

    Buildings are hidden in whole squares, a fifth of the squares at a time in the pattern of a knight's
    move, since a neighbour wall to wall would give the answer away.

    Parameters
    ----------
    breaklines : (m,)
        Lines with Z that are always known, such as those of `road_breaklines`.
    buildings
        Table ``buildings``.
    folds
        Which fifths to hide, one after the other.
    block_m
        Side of the squares [m].

    Returns
    -------
    (n,)
        One error per hidden building inside the network.
    """
    if "ground_m" not in buildings:
        return np.empty(0)
    measured = buildings[_is_measured(buildings)]
    if not len(measured):
        return np.empty(0)
    return _errors_where_hidden(breaklines, measured, _inside(measured), *_corners(measured), folds, block_m)


def _errors_where_hidden(
    breaklines: NDArray[np.object_],
    measured: gpd.GeoDataFrame,
    xy: Floats,
    points: Floats,
    owner: Integers,
    folds: tuple[int, ...],
    block_m: float,
) -> Floats:
    """Errors as of `hidden_errors`, from places in the buildings and from their corners (`_corners`)."""
    if not len(measured):
        return np.empty(0)
    square = np.floor(xy / block_m).astype(np.int64)
    fold = (square[:, 0] + 2 * square[:, 1]) % 5
    level = measured["ground_m"].to_numpy(dtype=float)
    west, south, east, north = map(float, measured.total_bounds)
    cell_m = max(1.0, (east - west + north - south) / 10_000.0)  # only lays out the tiles, nothing is filled
    grid = grid_for(Extent(str(measured.crs or ""), (west, south, east, north)), cell_m)
    errors = []
    for hidden in folds:
        # No breakline is cut here: a fifth of the city is missing anyway.
        vertices, _ = vertices_of(thinned(points[fold[owner] != hidden], THIN_M), breaklines)
        if not len(vertices):
            continue
        parts = list(tiles(vertices, grid))
        for window, near in parts[:: max(1, len(parts) // TEST_TILES)]:
            chosen = np.flatnonzero((fold == hidden) & are_in(xy, grid, window))
            predicted = levels_at(vertices if near is None else vertices[near], xy[chosen])
            errors.append(predicted - level[chosen])
    found = np.concatenate(errors) if errors else np.empty(0)
    return np.asarray(found[np.isfinite(found)])


def accuracy(terrain: xr.DataArray, buildings: gpd.GeoDataFrame) -> dict[str, float]:
    """
    How a terrain compares with the measured ground levels of buildings.

    For a terrain that was made from those buildings (`terrain_from_city`) these are the errors at hidden ones.

    Returns
    -------
    dict
        As of `summary`.
    """
    hidden = {key.removeprefix("hidden_"): float(value) for key, value in terrain.attrs.items() if "hidden_" in key}
    if hidden:
        return hidden
    if "ground_m" not in buildings or str(terrain.attrs.get("method")) == CITY_METHOD:
        return {"n": 0.0}
    measured = buildings[_is_measured(buildings)]
    return summary(sample(terrain, _inside(measured)) - measured["ground_m"].to_numpy(dtype=float))


def summary(errors: Floats) -> dict[str, float]:
    """Number ``n`` of known errors; their ``bias``, ``mae``, ``rmse``, ``median_absolute``, ``p90_absolute`` [m]."""
    error = errors[np.isfinite(errors)]
    if not len(error):
        return {"n": 0.0}
    size = np.abs(error)
    return {
        "n": float(len(error)),
        "bias": float(error.mean()),
        "mae": float(size.mean()),
        "rmse": float(np.sqrt(np.mean(np.square(error)))),
        "median_absolute": float(np.median(size)),
        "p90_absolute": float(np.quantile(size, 0.9)),
    }


def flatten_water(
    terrain: xr.DataArray, water_bodies: gpd.GeoDataFrame, *, drop_m: float = WATER_DROP_M
) -> xr.DataArray:
    """
    Lay water level, `drop_m` below the lowest bank nearby.

    Each body of water gets one level. Rivers, canals and streams whose banks fall by more than `FALL_M` follow
    them: there the level is that of the lowest bank within `REACH_M`, smoothed. The lowest bank is the 5 % quantile
    of the terrain within `BANK_M` of the water, so that one wrong point does not drain a river.

    Parameters
    ----------
    terrain
        Ground level (y, x) [m] without missing cells.
    water_bodies
        Table ``water_bodies`` on the same grid.
    drop_m
        Depth of the water surface below the bank [m].
    """
    grid = grid_of(terrain)
    shapes = np.asarray(water_bodies.geometry.array, dtype=object)
    drawn = np.flatnonzero(~(shapely.is_missing(shapes) | shapely.is_empty(shapes)))
    body = burn(shapes[drawn], np.arange(1, len(drawn) + 1, dtype=np.int32), grid, 0)
    if not body.any():
        return terrain.assign_attrs(water_drop_m=drop_m)
    values = terrain.to_numpy().copy()
    distance, nearest = ndimage.distance_transform_edt(body == 0, sampling=grid.cell_m, return_indices=True)
    bank = (distance > 0.0) & (distance <= BANK_M) & np.isfinite(values)
    row, column = np.nonzero(bank)
    owner = body[nearest[0][bank], nearest[1][bank]]
    frame = pd.DataFrame({"owner": owner, "level": values[bank]})
    lowest = frame.groupby("owner")["level"].quantile(0.05).reindex(range(1, len(drawn) + 1)).to_numpy()
    level = np.r_[np.nan, lowest][body].astype(np.float32)
    kind = water_bodies["kind"].astype(object).to_numpy() if "kind" in water_bodies else np.full(len(shapes), "other")
    falls = np.r_[False, np.isin(kind[drawn], FLOWING)]
    step = max(1, round(REACH_M / grid.cell_m))
    window = frame.groupby(["owner", row // step, column // step])["level"].quantile(0.05).groupby("owner")
    fall = (window.quantile(0.9) - window.quantile(0.1)).reindex(range(len(drawn) + 1)).to_numpy()
    falls &= np.nan_to_num(fall) > FALL_M
    along = falls[body]
    if along.any():
        own = falls[owner]
        level[along] = _along(row[own], column[own], values[bank][own], along, grid)
    wet = (body > 0) & np.isfinite(level)
    values[wet] = level[wet] - np.float32(drop_m)
    return terrain.copy(data=values).assign_attrs(water_drop_m=drop_m)


def _along(row: Integers, column: Integers, level: NDArray[Any], water: Bools, grid: Grid) -> NDArray[np.float32]:
    """Level of the lowest bank within reach, smoothed, at the cells of water."""
    step = max(1, round(REACH_M / 5.0 / grid.cell_m))
    shape = (-(-grid.shape[0] // step), -(-grid.shape[1] // step))
    low = np.full(shape, np.inf)
    if len(level):
        place = (row // step) * shape[1] + column // step
        quantile = pd.Series(level).groupby(place).quantile(0.05)
        low.flat[quantile.index.to_numpy()] = quantile.to_numpy()
    v, u = np.mgrid[-5:6, -5:6]
    low = ndimage.minimum_filter(low, footprint=u * u + v * v <= 25, mode="constant", cval=np.inf)
    known = np.isfinite(low)
    weight = ndimage.gaussian_filter(known.astype(float), 2.0, mode="nearest", truncate=8.0)
    total = ndimage.gaussian_filter(np.where(known, low, 0.0), 2.0, mode="nearest", truncate=8.0)
    smooth = np.where(weight > 1e-9, total / np.maximum(weight, 1e-9), np.nan)
    place_of = (np.argwhere(water).T + 0.5) / step - 0.5
    return np.asarray(ndimage.map_coordinates(smooth, place_of, order=1, mode="nearest", output=np.float32))
