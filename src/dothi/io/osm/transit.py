"""Stops and lines of public transport."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from dothi.crs import LONLAT, Bounds
from dothi.errors import Problems
from dothi.io.osm import tags
from dothi.io.osm.relations import Relations, Route
from dothi.io.osm.rows import RELATION, WAY, Rows, source_key

_NEAR_M: Final = 60.0
"""How near a stop lies whose vehicle position or platform outline an object is."""
_M_PER_DEG: Final = 111_195.0
"""Length of a degree of latitude on the sphere of 6371 km."""
KEY = "_key"


def tables(
    rows: Rows, courses: Rows | None, relations: Relations, bounds: Bounds | None, problems: Problems
) -> dict[str, pd.DataFrame]:
    """
    Stops, routes and the stops of each route in order.

    A route lists the positions where vehicles stop, the platforms where people wait, or both in either order; the
    longer list is taken, and the platforms where they are as many. A stop that only repeats another one within 60 m and
    that no route uses is left out.

    Returns
    -------
    dict
        ``stops``, ``routes``, ``route_stops``; stops and routes with the key of their object in ``_key``.
    """
    stops = _stops(rows, bounds)
    place = pd.Index(stops[KEY])
    calls = [_calls(route, place) for route in relations.routes]
    used = np.zeros(len(stops), dtype=bool)
    used[np.concatenate([np.empty(0, dtype=np.intp), *calls]).astype(np.intp)] = True
    keep = used | ~_repeats(stops)
    if (~keep).any():
        problems.note(
            "platform outline or vehicle position repeats a stop beside it: left out", table="stops", n_rows=int((~keep).sum())
        )
    new_id = np.cumsum(keep) - 1
    calls = [new_id[call] for call in calls]
    stops = stops[keep].reset_index(drop=True)
    stops["parent_stop_id"] = _parents(stops, relations)

    shapes = _courses(relations.routes, courses)
    known = np.array([len(call) > 0 for call in calls], dtype=bool) | np.array([s is not None for s in shapes], dtype=bool)
    chosen = np.flatnonzero(known)
    if len(chosen) < len(known):
        rows_out = [f"relation/{relations.routes[i].ident}" for i in np.flatnonzero(~known)]
        problems.note("line has neither a way nor a stop here: left out", table="routes", rows=rows_out)
    picked = [relations.routes[i] for i in chosen]
    routes = gpd.GeoDataFrame(
        {
            KEY: np.array([source_key(route.ident, RELATION) for route in picked], dtype=np.int64),
            "short_name": [route.ref for route in picked],
            "name": [route.name for route in picked],
            "mode": [route.mode for route in picked],
        },
        geometry=np.array([*(shapes[i] for i in chosen), None], dtype=object)[:-1],
        crs=LONLAT,
    )
    picked_calls = [calls[i] for i in chosen]
    sizes = np.array([len(call) for call in picked_calls], dtype=np.int64)
    ends = np.cumsum(sizes)
    route_stops = pd.DataFrame(
        {
            "route_id": np.repeat(np.arange(len(picked)), sizes),
            "stop_id": np.concatenate([np.empty(0, dtype=np.int64), *picked_calls]).astype(np.int64),
            "stop_sequence": np.arange(sizes.sum()) - np.repeat(ends - sizes, sizes),
        }
    )
    return {"stops": stops, "routes": routes, "route_stops": route_stops}


def _stops(rows: Rows, bounds: Bounds | None) -> gpd.GeoDataFrame:
    """Objects that are stops, as points."""
    points = _centres(rows.geometry())
    ranks = rows.frame(tags.stop)["rank"].to_numpy(dtype=object) if len(rows) else np.empty(0, dtype=object)
    stops = gpd.GeoDataFrame({KEY: rows.sources(), "name": rows.name(), "rank": ranks}, geometry=points, crs=LONLAT)
    stops["drawn"] = np.array(rows.vertex_counts() != 1)
    if bounds is not None:
        stops = stops[shapely.intersects(np.asarray(stops.geometry.array), shapely.box(*bounds))].reset_index(drop=True)
    return stops


def _centres(shapes: np.ndarray[Any, np.dtype[np.object_]]) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Points as they are, areas by their centroid, open lines by the middle of their length."""
    centres = shapely.centroid(shapes)
    lines = shapely.get_type_id(shapes) == shapely.GeometryType.LINESTRING
    rings = lines & shapely.is_closed(shapes) & (shapely.get_num_points(shapes) > 3)
    centres[rings] = shapely.centroid(shapely.polygons(_rings(shapes[rings])))
    open_lines = lines & ~rings
    centres[open_lines] = shapely.line_interpolate_point(shapes[open_lines], 0.5, normalized=True)
    return centres


def _rings(lines: np.ndarray[Any, np.dtype[np.object_]]) -> Any:
    """Closed lines as rings."""
    vertices, index = shapely.get_coordinates(lines, return_index=True)
    return shapely.linearrings(vertices, indices=index) if len(lines) else lines


def _calls(route: Route, place: pd.Index) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Rows of the stops that a route calls at, in order."""
    stops, platforms = (np.asarray(place.get_indexer(np.array(keys, dtype=np.int64)), dtype=np.intp) for keys in (route.stops, route.platforms))
    stops, platforms = stops[stops >= 0], platforms[platforms >= 0]
    called = platforms if len(platforms) >= len(stops) else stops
    return called[np.diff(called, prepend=-1) != 0]


def _repeats(stops: gpd.GeoDataFrame) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether a stop is secondary, or an outline, with a proper stop near by."""
    if not len(stops):
        return np.zeros(0, dtype=bool)
    secondary = ((stops["rank"] == tags.SECONDARY) | ((stops["rank"] == tags.PRIMARY) & stops["drawn"])).to_numpy(dtype=bool)
    proper = ((stops["rank"] == tags.PRIMARY) & ~stops["drawn"]).to_numpy(dtype=bool)
    if not proper.any():
        return np.zeros(len(stops), dtype=bool)
    degrees = shapely.get_coordinates(np.asarray(stops.geometry.array))
    metres = degrees * _M_PER_DEG * [np.cos(np.radians(degrees[:, 1].mean())), 1.0]
    near, _ = shapely.STRtree(shapely.points(metres[proper])).query_nearest(
        shapely.points(metres), max_distance=_NEAR_M, all_matches=False
    )
    beside = np.zeros(len(stops), dtype=bool)
    beside[near] = True
    return secondary & beside


def _parents(stops: gpd.GeoDataFrame, relations: Relations) -> Any:
    """Row of the station that a stop area puts a stop together with."""
    place = pd.Index(stops[KEY])
    station = (stops["rank"] == tags.STATION).to_numpy(dtype=bool)
    parent = np.full(len(stops), np.nan)
    for area in relations.stop_areas:
        members = place.get_indexer(np.array(area, dtype=np.int64))
        members = members[members >= 0]
        heads = members[station[members]]
        if len(heads):
            children = members[~station[members]]
            parent[children] = heads[0]
    return pd.array(parent, dtype="Float64").astype("Int64")


def _courses(routes: list[Route], courses: Rows | None) -> list[Any]:
    """Ways of each route, joined to as few lines as they make; none where no way is there."""
    if courses is None or not len(courses):
        return [None] * len(routes)
    lines = courses.geometry()
    keys = pd.Index(courses.sources())
    order = np.argsort(keys.to_numpy(), kind="stable")
    ordered = keys.to_numpy()[order]
    wanted = [np.unique(source_key(np.array(route.ways, dtype=np.int64), WAY)) for route in routes]
    owner = np.repeat(np.arange(len(routes)), [len(ways) for ways in wanted])
    flat = np.concatenate([np.empty(0, dtype=np.int64), *wanted])
    low, high = np.searchsorted(ordered, flat, "left"), np.searchsorted(ordered, flat, "right")
    pieces = high - low
    picked = order[np.repeat(low, pieces) + np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)]
    owner = np.repeat(owner, pieces)
    merged = np.full(len(routes), None, dtype=object)
    if len(picked):
        merged[np.unique(owner)] = shapely.line_merge(shapely.multilinestrings(lines[picked], indices=_ranks(owner)))
    return list(merged)


def _ranks(owner: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Owners numbered without gaps."""
    return np.unique(owner, return_inverse=True)[1]
