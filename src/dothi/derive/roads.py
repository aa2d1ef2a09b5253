"""The road graph: which roads meet where, one link per direction, and what hangs together."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dothi.derive.noding import (
    Floats,
    Integers,
    Lines,
    Mask,
    as_geometries,
    cross,
    junctions,
    lines_of,
    reach,
    snap,
    stretches,
)
from dothi.errors import Problems
from dothi.schema import conform, empty
from dothi.tables import MODES, TABLES
from dothi.units import M_PER_KM

MOTOR_MODES: Final = ("motorbike", "car", "bus", "truck")
LOWEST_M: Final = -430.0
"""Elevations at or below this are fillers: no road on Earth lies lower than the shore of the Dead Sea [m]."""

CARRIED: Final = (
    "source_id",
    "name",
    "class",
    "width_m",
    "free_speed_m_s",
    "level",
    "bridge",
    "tunnel",
    "roundabout",
    "surface",
    "closed_to",
    "open_to",
    "contraflow",
)
"""Columns of roads that their links take over as they are."""


def road_graph(
    roads: gpd.GeoDataFrame, *, snap_m: float = 0.0, node_crossings: bool = False, problems: Problems
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """
    Make the graph of roads: junctions, and one link per direction between them.

    Roads meet where they have a vertex in common, to the last bit of its coordinates. An end
    meets whatever has a vertex there; two roads that both go on meet only at one level, so a
    bridge is not joined to what it crosses. Where the level is missing or 0, a bridge counts as
    level 1 and a tunnel as level −1.

    Parameters
    ----------
    roads
        Table ``roads`` on a grid in metres.
    snap_m
        Ends of roads closer together than this become one junction, and loose ends closer than
        this to a road of their level are drawn to it [m]; 0 leaves all as drawn.
    node_crossings
        Whether lines of one level that cross without a common vertex meet there, for plans drawn by hand.
    problems
        Collector: repairs made, and notes on what was found.

    Returns
    -------
    nodes
        Table ``nodes``, in the order in which the roads reach them; `component` as `number_components` says.
    links
        Table ``links`` in the order of the roads, each forward link followed by its reverse. The
        six columns of modes are left to `link_attributes`, which also fills what is missing.
        Carried along for it: ``road_id``; ``one_way``, closed to motor traffic in one direction;
        ``against``, this row is the closed direction; ``surface``, ``closed_to``, ``open_to``, ``contraflow``.

    Raises
    ------
    InputError
        The grid is in degrees, or the geometry column is none.
    """
    if roads.crs is not None and roads.crs.is_geographic:
        problems.error("grid is in metres, not degrees", table="roads", column="geometry")
        problems.raise_errors()
    roads = _line_strings(roads, problems)
    level = _level(roads)
    lines = lines_of(np.asarray(roads.geometry.array, dtype=object))
    lines = Lines(lines.xy, np.where(lines.z > LOWEST_M, lines.z, np.nan), lines.line)
    _report_gone(roads, np.arange(len(roads)), lines, "road has a length; dropped", problems)

    before = np.unique(lines.line)
    if snap_m > 0.0:
        lines, moved, farthest = snap(lines, lines.end, snap_m)
        if len(moved):
            rule = f"ends closer than {snap_m:g} m joined, moved by up to {farthest:.2g} m"
            problems.repair(rule, table="roads", column="geometry", rows=roads.index[moved].unique())
        lines, reached = reach(lines, level, snap_m)
        if len(reached):
            rule = f"loose ends closer than {snap_m:g} m to a road drawn to it"
            problems.repair(rule, table="roads", column="geometry", rows=roads.index[reached].unique())
    if node_crossings:
        lines, n_crossings = cross(lines, level)
        if n_crossings:
            problems.repair("crossings of roads at one level made junctions", table="roads", n_rows=n_crossings)
    _report_gone(roads, before, lines, "road is longer than the joining distance; dropped", problems)
    if not len(lines.line):
        return _without_rows(roads)

    junction, cut = junctions(lines, level)
    begin, finish = stretches(lines, cut)
    shapes = as_geometries(lines, begin, finish)
    kept = ~_drawn_before(shapes, roads, lines.line[begin], level)
    if not kept.all():
        rule = "stretch of road is drawn once; further ones dropped"
        problems.repair(
            rule, table="roads", rows=roads.index[np.unique(lines.line[begin[~kept]])], n_rows=int((~kept).sum())
        )
        begin, finish, shapes = begin[kept], finish[kept], shapes[kept]
    nodes, start, end = _nodes(lines, junction, begin, finish, roads.crs)
    links = links_of(roads.iloc[lines.line[begin]], shapes, start, end)
    loops = int((links["from_node_id"] == links["to_node_id"]).sum())
    if loops:
        problems.note("link leads back to the node it leaves", table="links", n_rows=loops // 2)
    nodes["component"] = _components(len(nodes), start, end, shapely.length(shapes))
    return _finished(nodes, "nodes"), _finished(links, "links")


def _finished(frame: gpd.GeoDataFrame, name: str) -> gpd.GeoDataFrame:
    return conform(frame, TABLES[name])


def _without_rows(roads: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    links = empty(TABLES["links"], roads.crs).drop(columns=list(MODES))
    links["road_id"] = pd.Series(dtype="int64")
    links["one_way"] = links["against"] = pd.Series(dtype="bool")
    return empty(TABLES["nodes"], roads.crs), links


def _line_strings(roads: gpd.GeoDataFrame, problems: Problems) -> gpd.GeoDataFrame:
    """Roads that are finite LineStrings, those of several parts taken apart."""
    kind = roads.geometry.geom_type
    several = kind == "MultiLineString"
    if several.any():
        problems.repair("road is one line; its parts taken apart", table="roads", rows=roads.index[several])
        roads = roads.explode(index_parts=False)
        kind = roads.geometry.geom_type
    shapes = np.asarray(roads.geometry.array, dtype=object)
    sound = (kind == "LineString").to_numpy() & np.isfinite(shapely.bounds(shapes)).all(axis=1)
    if not sound.all():
        rule = "geometry is a line with finite coordinates; dropped"
        problems.repair(rule, table="roads", column="geometry", rows=roads.index[~sound])
        roads = roads[sound]
    return roads


def _report_gone(roads: gpd.GeoDataFrame, before: Integers, lines: Lines, rule: str, problems: Problems) -> None:
    gone = np.setdiff1d(before, lines.line)
    if len(gone):
        problems.repair(rule, table="roads", column="geometry", rows=roads.index[gone])


def _numbers(roads: pd.DataFrame, name: str) -> Floats:
    if name not in roads.columns:
        return np.full(len(roads), np.nan)
    return np.asarray(roads[name].to_numpy(dtype="float64", na_value=np.nan))


def _truths(roads: pd.DataFrame, name: str) -> Mask:
    if name not in roads.columns:
        return np.zeros(len(roads), dtype=bool)
    return np.asarray(roads[name].astype("boolean").fillna(value=False), dtype=bool)


def _level(roads: gpd.GeoDataFrame) -> Integers:
    """Level of each road; where it is missing or 0, bridges pass over and tunnels under."""
    level = np.nan_to_num(_numbers(roads, "level")).astype(np.int64)
    implied = _truths(roads, "bridge").astype(np.int64) - _truths(roads, "tunnel").astype(np.int64)
    return np.where(level == 0, implied, level)


def _open_direction(roads: pd.DataFrame) -> tuple[Mask, Mask]:
    """Whether motor traffic may go along the drawn line, and against it."""
    if "direction" not in roads.columns:
        everywhere = np.ones(len(roads), dtype=bool)
        return everywhere, everywhere.copy()
    direction = roads["direction"].astype("str")
    return (direction != "backward").to_numpy(dtype=bool), (direction != "forward").to_numpy(dtype=bool)


def _drawn_before(shapes: Any, roads: gpd.GeoDataFrame, line: Integers, level: Integers) -> Mask:
    """Whether a stretch repeats an earlier one of the same class, level and open direction."""
    flat = shapely.force_2d(shapes)
    upright = shapely.normalize(flat)
    ahead, back = (mask[line] for mask in _open_direction(roads))
    turned = shapely.get_coordinates(shapely.get_point(upright, 0)) != shapely.get_coordinates(
        shapely.get_point(flat, 0)
    )
    swap = turned.any(axis=1)
    stretch = pd.DataFrame(
        {
            "shape": shapely.to_wkb(upright),
            "class": pd.factorize(roads["class"])[0][line] if "class" in roads.columns else 0,
            "level": level[line],
            "along": np.where(swap, back, ahead),
            "against": np.where(swap, ahead, back),
        }
    )
    return np.asarray(stretch.duplicated(keep="first"), dtype=bool)


def _nodes(
    lines: Lines, junction: Integers, begin: Integers, finish: Integers, crs: Any
) -> tuple[gpd.GeoDataFrame, Integers, Integers]:
    """Table of junctions in the order of first arrival, and the nodes at both ends of each stretch."""
    vertices = np.stack([begin, finish], axis=1).ravel()
    _, first, number = np.unique(junction[vertices], return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    node = rank[number].reshape(-1, 2)

    # Middle of lowest and highest: needs no order of arrival, unlike a mean, which rounds differently.
    z = lines.z[vertices]
    low, high = np.full(len(first), np.inf), np.full(len(first), -np.inf)
    np.minimum.at(low, node.ravel(), np.where(np.isnan(z), np.inf, z))
    np.maximum.at(high, node.ravel(), np.where(np.isnan(z), -np.inf, z))
    with np.errstate(invalid="ignore"):
        elevation = np.where(np.isfinite(low), (low + high) / 2.0, np.nan)
    where = lines.xy[vertices[np.sort(first)]]
    nodes = gpd.GeoDataFrame({"elevation_m": elevation}, geometry=shapely.points(where), crs=crs)
    return nodes, node[:, 0].copy(), node[:, 1].copy()


def links_of(roads: gpd.GeoDataFrame, shapes: Any, start: Integers, end: Integers) -> gpd.GeoDataFrame:
    """
    Links of stretches of road, as `link_attributes.link_attributes` takes them.

    Parameters
    ----------
    roads
        Table ``roads``, one row per stretch.
    shapes : (n,)
        Centre lines of the stretches, as drawn.
    start, end : (n,)
        Nodes at their ends.

    Returns
    -------
    geopandas.GeoDataFrame
        Two rows per stretch, forward then backward.
    """
    n = len(shapes)
    geometry = np.empty(2 * n, dtype=object)
    geometry[0::2], geometry[1::2] = shapes, shapely.reverse(shapes)
    ahead, back = _open_direction(roads)
    allowed = np.stack([ahead, back], axis=1).ravel()
    one_way = np.repeat(ahead != back, 2)
    stretch = np.repeat(np.arange(n), 2)
    ids = np.arange(2 * n)
    lanes = np.repeat(_numbers(roads, "lanes"), 2)
    columns: dict[str, Any] = {
        "from_node_id": np.stack([start, end], axis=1).ravel(),
        "to_node_id": np.stack([end, start], axis=1).ravel(),
        "reverse_link_id": ids ^ 1,
        "length_m": np.repeat(shapely.length(shapes), 2),
        "lanes": np.where(one_way, np.where(allowed, lanes, 0.0), lanes / 2.0),
        "road_id": roads.index.to_numpy()[stretch],
        "one_way": one_way,
        "against": one_way & ~allowed,
    }
    for name in CARRIED:
        if name in roads.columns:
            columns[name] = roads[name].array[stretch]
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=roads.crs)


def _components(
    n_nodes: int, start: Integers, end: Integers, length: Floats, *, strong: bool = False, first: Mask | None = None
) -> Integers:
    """Number of the connected part of each node: most length of `first` links, most length, lowest node."""
    graph = coo_array((np.ones(len(start), dtype=np.int8), (start, end)), shape=(n_nodes, n_nodes))
    n_parts, part = connected_components(graph, directed=True, connection="strong" if strong else "weak")
    inside = part[start] == part[end]
    sums = []
    for counted in (inside, inside & first if first is not None else inside):
        total = np.bincount(part[start[counted]], weights=length[counted], minlength=n_parts)
        # Lengths that differ by rounding alone are equal, whatever order they were added in.
        sums.append(-np.round(total, 6))
    lowest = np.unique(part, return_index=True)[1]
    rank = np.empty(n_parts, dtype=np.int64)
    rank[np.lexsort((lowest, *sums))] = np.arange(n_parts)
    return np.asarray(rank[part], dtype=np.int64)


def number_components(nodes: gpd.GeoDataFrame, links: gpd.GeoDataFrame, problems: Problems) -> gpd.GeoDataFrame:
    """
    Number the connected parts of the graph by the modes its links are open to.

    A component is what hangs together by links open to motorbikes, cars, buses or trucks in at
    least one direction (weakly connected). Component 0 has the greatest length of such links.
    Nodes that no such link touches, those of footpaths and stairs, hang together by the links
    that remain among them and are numbered after all others.

    For each mode a note gives the share of its length in its largest part; for vehicles that is
    a part in which every node can be reached from every other (strongly connected).

    Parameters
    ----------
    nodes, links
        Graph, with the columns of modes.
    problems
        Collector of the notes.

    Returns
    -------
    geopandas.GeoDataFrame
        Nodes with a new `component`.
    """
    start, end = _at(nodes, links["from_node_id"]), _at(nodes, links["to_node_id"])
    length = links["length_m"].to_numpy(dtype="float64")
    motor = links[list(MOTOR_MODES)].to_numpy(dtype=bool).any(axis=1)
    touched = np.zeros(len(nodes), dtype=bool)
    touched[start[motor]] = touched[end[motor]] = True
    used = motor | ~(touched[start] | touched[end])
    result = nodes.copy()
    result["component"] = _components(len(nodes), start[used], end[used], length[used], first=motor[used])

    for mode in MODES:
        chosen = links[mode].to_numpy(dtype=bool)
        total = length[chosen].sum()
        if total == 0.0:
            continue
        strong = mode != "walk"
        own = _components(len(nodes), start[chosen], end[chosen], length[chosen], strong=strong)
        inside = (own[start[chosen]] == 0) & (own[end[chosen]] == 0)
        how = "reachable from one another" if strong else "connected"
        share = length[chosen][inside].sum() / total
        rule = f"{share:.1%} of {total / M_PER_KM:.1f} km, each direction by itself, are {how} in one part"
        problems.note(rule, table="links", column=mode)
    return result


def reachable_nodes(nodes: gpd.GeoDataFrame, links: gpd.GeoDataFrame, mode: str) -> Mask:
    """
    Nodes of the largest part of the graph in which a mode can go from each node to each other.

    Parameters
    ----------
    nodes, links
        Graph, with the columns of modes.
    mode
        One of `tables.MODES`.

    Returns
    -------
    (n_nodes,)
        Whether a node belongs to it.
    """
    chosen = links[mode].to_numpy(dtype=bool)
    start, end = _at(nodes, links["from_node_id"])[chosen], _at(nodes, links["to_node_id"])[chosen]
    length = links["length_m"].to_numpy(dtype="float64")[chosen]
    if not len(start):
        return np.zeros(len(nodes), dtype=bool)
    return np.asarray(_components(len(nodes), start, end, length, strong=True) == 0)


def _at(nodes: gpd.GeoDataFrame, ids: pd.Series) -> Integers:
    return np.asarray(nodes.index.get_indexer(ids), dtype=np.int64)
