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
from dothi.io.osm.flat import RELATION
from dothi.io.osm.relations import Relations
from dothi.io.osm.rows import Rows, source_key

_NEAR_M: Final = 60.0
"""How near a stop lies whose vehicle position or platform outline an object is."""
_M_PER_DEG: Final = 111_195.0
"""Length of a degree of latitude on the sphere of 6371 km."""
KEY = "_key"

_Integers = np.ndarray[Any, np.dtype[np.int64]]


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
    owner, called = _calls(relations, pd.Index(stops[KEY]))
    used = np.zeros(len(stops), dtype=bool)
    used[called] = True
    keep = used | ~_repeats(stops)
    if (~keep).any():
        problems.note(
            "platform outline or vehicle position repeats a stop beside it: left out",
            table="stops",
            n_rows=int((~keep).sum()),
        )
    called = (np.cumsum(keep) - 1)[called]
    stops = stops[keep].reset_index(drop=True)
    stops["parent_stop_id"] = _parents(stops, relations)

    shapes = _courses(relations, courses)
    known = np.bincount(owner, minlength=len(shapes)).astype(bool) | ~shapely.is_missing(shapes)
    if not known.all():
        lost = [f"relation/{relations.routes[i].ident}" for i in np.flatnonzero(~known)]
        problems.note("line has neither a way nor a stop here: left out", table="routes", rows=lost)
    picked = [relations.routes[i] for i in np.flatnonzero(known)]
    routes = gpd.GeoDataFrame(
        {
            KEY: np.array([source_key(route.ident, RELATION) for route in picked], dtype=np.int64),
            "short_name": [route.ref for route in picked],
            "name": [route.name for route in picked],
            "mode": [route.mode for route in picked],
        },
        geometry=shapes[known],
        crs=LONLAT,
    )
    route = (np.cumsum(known) - 1)[owner]
    first = np.searchsorted(route, route, "left")
    route_stops = pd.DataFrame({"route_id": route, "stop_id": called, "stop_sequence": np.arange(len(route)) - first})
    return {"stops": stops, "routes": routes, "route_stops": route_stops}


def _stops(rows: Rows, bounds: Bounds | None) -> gpd.GeoDataFrame:
    """Objects that are stops, as points."""
    points = _centres(rows.geometry())
    ranks = rows.frame(tags.stop)["rank"].to_numpy(dtype=object) if len(rows) else np.empty(0, dtype=object)
    stops = gpd.GeoDataFrame({KEY: rows.sources(), "name": rows.name(), "rank": ranks}, geometry=points, crs=LONLAT)
    stops["drawn"] = np.array(rows.vertex_counts() != 1)
    stops = stops[~stops[KEY].duplicated()].reset_index(drop=True)  # a platform cut at the edge of the file
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


def _calls(relations: Relations, place: pd.Index) -> tuple[_Integers, _Integers]:
    """Routes, in order, and the stops they call at, in order: rows of both."""
    found = []
    for members in (relations.platforms, relations.stops):
        row = place.get_indexer(np.array(members.keys, dtype=np.int64))
        owner = members.owners()[row >= 0]
        found.append((owner, row[row >= 0], np.bincount(owner, minlength=len(relations.routes))))
    (by_platform, platform, n_platforms), (by_stop, stop, n_stops) = found
    rather = n_platforms >= n_stops
    owner = np.concatenate([by_platform[rather[by_platform]], by_stop[~rather[by_stop]]])
    called = np.concatenate([platform[rather[by_platform]], stop[~rather[by_stop]]])
    order = np.argsort(owner, kind="stable")
    owner, called = owner[order], called[order]
    again = np.zeros(len(owner), dtype=bool)
    again[1:] = (owner[1:] == owner[:-1]) & (called[1:] == called[:-1])
    return owner[~again], called[~again]


def _repeats(stops: gpd.GeoDataFrame) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether a stop is secondary, or an outline, with a proper stop near by."""
    if not len(stops):
        return np.zeros(0, dtype=bool)
    primary = (stops["rank"] == tags.PRIMARY).to_numpy(dtype=bool)
    drawn = stops["drawn"].to_numpy(dtype=bool)
    proper = primary & ~drawn
    secondary = (stops["rank"] == tags.SECONDARY).to_numpy(dtype=bool) | (primary & drawn)
    if not proper.any():
        return np.zeros(len(stops), dtype=bool)
    degrees = shapely.get_coordinates(np.asarray(stops.geometry.array))
    metres = degrees * _M_PER_DEG * [np.cos(np.radians(degrees[:, 1].mean())), 1.0]
    near, _ = shapely.STRtree(shapely.points(metres[proper])).query_nearest(
        shapely.points(metres), max_distance=_NEAR_M, all_matches=False
    )
    beside = np.zeros(len(stops), dtype=bool)
    beside[near] = True
    return np.asarray(secondary & beside, dtype=bool)


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


def _courses(relations: Relations, courses: Rows | None) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Ways of each route, joined to as few lines as they make; none where no way is there."""
    merged = np.full(len(relations.routes), None, dtype=object)
    if courses is None or not len(courses):
        return merged
    sources = courses.sources()
    order = np.argsort(sources, kind="stable")
    sources, lines = sources[order], courses.geometry()[order]
    owner, way = relations.courses.owners(), np.array(relations.courses.keys, dtype=np.int64)
    there = np.isin(way, sources)
    # a way that a route runs along twice is drawn once; a way cut at the edge of the file is several lines
    owner, way = np.unique(np.column_stack([owner[there], way[there]]), axis=0).T
    low = np.searchsorted(sources, way, "left")
    pieces = np.searchsorted(sources, way, "right") - low
    picked = np.repeat(low - np.cumsum(pieces) + pieces, pieces) + np.arange(pieces.sum())
    owner, rank = np.unique(np.repeat(owner, pieces), return_inverse=True)
    if len(owner):
        merged[owner] = shapely.line_merge(shapely.multilinestrings(lines[picked], indices=rank))
    return merged
