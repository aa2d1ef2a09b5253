"""Zones in which trips begin and end: merged grid cells, or areas that were given."""

from __future__ import annotations

import heapq
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from dothi.crs import Extent
from dothi.derive.noding import Floats, Integers, Mask
from dothi.derive.roads import reachable_nodes
from dothi.errors import Problems
from dothi.schema import conform, empty
from dothi.tables import TABLES

COUNTED: Final = ("dwellings", "residents", "jobs")
LEAST_ACTIVITY: Final = 100.0
"""Residents and jobs together below which a cell is merged with a neighbour."""
MOST_CELLS: Final = 9
"""Cells that a merged zone may have: a zone stays walkable from end to end."""

_SIDES: Final = ((-1, 0), (1, 0), (0, -1), (0, 1))
_CORNERS: Final = ((-1, -1), (-1, 1), (1, -1), (1, 1))


def make_zones(
    buildings: gpd.GeoDataFrame,
    nodes: gpd.GeoDataFrame,
    links: gpd.GeoDataFrame | None = None,
    *,
    areas: gpd.GeoDataFrame | None = None,
    extent: Extent | None = None,
    cell_m: float = 250.0,
    least_activity: float = LEAST_ACTIVITY,
    problems: Problems,
) -> gpd.GeoDataFrame:
    """
    Divide the built-up city into zones.

    Without `areas`, zones are squares whose corners are multiples of the cell size, one for each
    square with a building. A square with people or jobs, but fewer than `least_activity` of both
    together, is merged with the neighbour across a side that has least of them, else across a
    corner, the smallest first, up to `MOST_CELLS` squares. Squares without people or jobs are
    merged as well, so that no zone is empty where it has a neighbour. Where nobody is known to live or
    work anywhere, no squares are merged.

    With `areas`, these are the zones, as they are; those without a building are left out, and a
    building in none belongs to the nearest.

    A building counts where its representative point lies; one on a border counts once.

    Parameters
    ----------
    buildings
        Table ``buildings`` on the grid of the city.
    nodes
        Table ``nodes``.
    links
        Table ``links``; where given, zones are tied to nodes from which cars reach all others and
        come back, else to nodes of component 0.
    areas
        Table ``wards`` or ``census``, or any other of polygons.
    extent
        Box of the study, to which squares are cut.
    cell_m
        Side of a square [m].
    least_activity
        Residents and jobs below which a square is merged.
    problems
        Collector of notes.

    Returns
    -------
    geopandas.GeoDataFrame
        Table ``zones``. Sums of residents, jobs, dwellings and floor area over the zones are those
        over the buildings; a quantity that no building has is missing. ``node_id`` is the node
        nearest to the centre of residents and jobs, else of floor area, else of footprints.

    Raises
    ------
    InputError
        The cell size is not positive, or no area has a polygon.
    """
    if not cell_m > 0.0:
        problems.error("cell size is greater than 0 m", table="zones")
        problems.raise_errors()
    if buildings.empty:
        problems.note("no buildings, so no zones", table="zones")
        return empty(TABLES["zones"], buildings.crs)
    points = shapely.point_on_surface(np.asarray(buildings.geometry.array, dtype=object))
    xy = shapely.get_coordinates(points)
    activity = _numbers(buildings, "residents") + _numbers(buildings, "jobs")
    if areas is None:
        zone, shapes = _cells(xy, activity, cell_m, least_activity, problems)
        names = pd.Series([None] * len(shapes), dtype="str")
        if extent is not None:
            cut = shapely.intersection(shapes, shapely.box(*extent.within(buildings.crs)))
            shapes = np.where(shapely.area(cut) > 0.0, cut, shapes)
    else:
        zone, rows = _of_areas(points, areas, problems)
        shapes = np.asarray(areas.geometry.array, dtype=object)[rows]
        known = areas["name"] if "name" in areas.columns else pd.Series([None] * len(areas), dtype="str")
        names = known.iloc[rows].reset_index(drop=True)

    n = len(shapes)
    floor = _numbers(buildings, "floor_area_m2")
    columns: dict[str, object] = {"name": names, "area_m2": shapely.area(shapes), **totals(buildings, zone, n)}
    footprint = shapely.area(np.asarray(buildings.geometry.array, dtype=object))
    centre = _centres(zone, n, xy, (activity, floor, footprint))
    columns["node_id"] = _nearest_nodes(centre, nodes, links, problems)
    return conform(gpd.GeoDataFrame(columns, geometry=shapes, crs=buildings.crs), TABLES["zones"])


def totals(buildings: gpd.GeoDataFrame, zone: Integers, n: int) -> dict[str, object]:
    """
    What the buildings of each zone add up to.

    Parameters
    ----------
    buildings
        Table ``buildings``.
    zone : (n_buildings,)
        Zone of each building.
    n
        Number of zones.

    Returns
    -------
    dict
        Columns of the zones; a quantity that no building has is missing.
    """
    columns: dict[str, object] = {}
    for name in COUNTED:
        total = np.zeros(n, dtype=np.int64)
        np.add.at(total, zone, np.round(_numbers(buildings, name)).astype(np.int64))
        columns[name] = pd.arrays.IntegerArray(total, np.full(n, not _is_known(buildings, name)))
    floor = _numbers(buildings, "floor_area_m2")
    known_floor = _is_known(buildings, "floor_area_m2")
    columns["floor_area_m2"] = np.bincount(zone, floor, n) if known_floor else np.full(n, np.nan)
    return columns


def zone_of(points: np.ndarray, zones: np.ndarray) -> tuple[Integers, Integers]:
    """
    Zone in which each point lies: the first of several, the nearest where none holds it.

    Parameters
    ----------
    points : (n_points,)
        Points.
    zones : (n_zones,)
        Polygons; None for those that count for nothing.

    Returns
    -------
    zone : (n_points,)
        Position of its zone.
    outside
        Positions of the points that lie in none.
    """
    tree = shapely.STRtree(zones)
    point, area = tree.query(points, predicate="intersects")
    row: Integers = np.full(len(points), len(zones), dtype=np.int64)
    np.minimum.at(row, point, area)  # the first of areas that overlap or share a border
    outside = np.flatnonzero(row == len(zones))
    if len(outside):
        row[outside] = tree.nearest(points[outside])
    return row, outside


def _is_known(buildings: gpd.GeoDataFrame, name: str) -> bool:
    return name in buildings.columns and bool(buildings[name].notna().any())


def _numbers(buildings: gpd.GeoDataFrame, name: str) -> Floats:
    if name not in buildings.columns:
        return np.zeros(len(buildings))
    return np.asarray(np.nan_to_num(buildings[name].to_numpy(dtype="float64", na_value=np.nan)))


def _cells(
    xy: Floats, activity: Floats, cell_m: float, least_activity: float, problems: Problems
) -> tuple[Integers, np.ndarray]:
    """Zone of each building, and the outline of each zone, from south to north and west to east."""
    at = np.floor(xy / cell_m).astype(np.int64)
    # South to north, then west to east.
    squares, number = np.unique(at[:, ::-1], axis=0, return_inverse=True)
    number = number.ravel()
    corner = squares[:, ::-1].astype(np.float64) * cell_m
    here = np.bincount(number, activity).astype(np.float64)
    merged = _merged(squares, here, least_activity) if here.any() else np.arange(len(squares))
    _, first, zone = np.unique(merged, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    zone = rank[zone]
    boxes = shapely.box(corner[:, 0], corner[:, 1], corner[:, 0] + cell_m, corner[:, 1] + cell_m)
    order = np.argsort(zone, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(zone[order]) > 0))
    shapes = np.array([shapely.union_all(group) for group in np.split(boxes[order], starts[1:])], dtype=object)
    total = np.bincount(zone, here)
    small = (total > 0.0) & (total < least_activity)
    if small.any():
        rule = f"zones have at least {least_activity:g} residents and jobs; these stand alone or are full"
        problems.note(rule, table="zones", rows=np.flatnonzero(small))
    return zone[number], shapes


def _merged(squares: Integers, activity: Floats, least: float) -> Integers:
    """Number of the group of each square, after small ones went to neighbours."""
    index = {(int(row), int(column)): i for i, (row, column) in enumerate(squares)}
    leader = np.arange(len(squares))
    members: dict[int, list[int]] = {i: [i] for i in range(len(squares))}
    total = activity.astype(np.float64).copy()
    queue = [(total[i], i) for i in range(len(squares)) if total[i] < least]
    heapq.heapify(queue)
    while queue:
        value, small = heapq.heappop(queue)
        if leader[small] != small or value != total[small]:
            continue  # merged or grown since
        for steps in (_SIDES, _CORNERS):
            near = {
                int(leader[index[place]])
                for i in members[small]
                for step in steps
                if (place := (int(squares[i, 0]) + step[0], int(squares[i, 1]) + step[1])) in index
            } - {small}
            near = {other for other in near if len(members[other]) + len(members[small]) <= MOST_CELLS}
            if near:
                break
        else:
            continue
        other = min(near, key=lambda i: (total[i], i))
        keep, gone = min(small, other), max(small, other)
        members[keep] = sorted(members[keep] + members.pop(gone))
        leader[members[keep]] = keep
        total[keep] = total[keep] + total[gone]
        if total[keep] < least:
            heapq.heappush(queue, (total[keep], keep))
    return leader


def _of_areas(points: np.ndarray, areas: gpd.GeoDataFrame, problems: Problems) -> tuple[Integers, Integers]:
    """Zone of each building, and the rows of the areas that have one."""
    shapes = np.asarray(areas.geometry.array, dtype=object)
    usable = shapely.area(shapes) > 0.0
    if not usable.any():
        problems.error("at least one area is a polygon", table="zones")
        problems.raise_errors()
    row, outside = zone_of(points, _only(shapes, usable))
    if len(outside):
        problems.note("buildings lie in a zone; these count for the nearest", table="zones", rows=outside)
    rows, zone = np.unique(row, return_inverse=True)
    left = int(usable.sum()) - len(rows)
    if left:
        problems.note("areas without a building are no zones", table="zones", n_rows=left)
    return zone.astype(np.int64), rows


def _only(shapes: np.ndarray, usable: Mask) -> np.ndarray:
    kept = np.full(len(shapes), None, dtype=object)
    kept[usable] = shapes[usable]
    return kept


def _centres(zone: Integers, n: int, xy: Floats, weights: tuple[Floats, ...]) -> Floats:
    """Weighted centre of each zone, by the first weight of which the zone has some."""
    centre = np.full((n, 2), np.nan)
    for weight in weights:
        total = np.bincount(zone, weight, n)
        fresh = np.isnan(centre[:, 0]) & (total > 0.0)
        for axis in range(2):
            shift = xy[:, axis].min()
            moment = np.bincount(zone, weight * (xy[:, axis] - shift), n)
            centre[fresh, axis] = moment[fresh] / total[fresh] + shift
    return centre


def _nearest_nodes(
    centre: Floats, nodes: gpd.GeoDataFrame, links: gpd.GeoDataFrame | None, problems: Problems
) -> pd.api.extensions.ExtensionArray:
    chosen: Mask = (nodes["component"] == 0).to_numpy(dtype=bool)
    if links is not None:
        reached = reachable_nodes(nodes, links, "car")
        chosen = reached if reached.any() else chosen
    if not chosen.any():
        problems.note("no road graph, so zones are tied to no node", table="zones", column="node_id")
        return pd.array([None] * len(centre), dtype="Int64")
    xy = shapely.get_coordinates(np.asarray(nodes.geometry.array, dtype=object)[chosen])
    return pd.array(nodes.index.to_numpy()[chosen][cKDTree(xy).query(centre)[1]], dtype="Int64")
