"""Facilities: those of the source, and those that the functions of buildings imply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from dothi.derive.noding import Floats, Integers, Mask
from dothi.errors import Problems
from dothi.schema import conform, empty
from dothi.tables import FACILITY_KINDS, TABLES

IN_BUILDING_M: Final = 15.0
"""A facility drawn outside its building belongs to it within this distance [m]."""
SAME_FACILITY_M: Final = 20.0
"""Two of a kind closer than this are one facility [m]."""
HOSPITAL_FLOOR_M2: Final = 5000.0
"""Health buildings from this floor area on are taken for hospitals, smaller ones for clinics (an estimate) [m²]."""

IMPLIED: Final[Mapping[str, tuple[str, float]]] = {
    "school": ("school", 0.8),
    "university": ("university", 0.8),
    "health": ("clinic", 0.6),
    "culture": ("culture", 0.7),
    "worship": ("worship", 0.95),
    "sport": ("sport", 0.9),
    "public": ("public_office", 0.6),
    "hotel": ("hotel", 0.9),
}
"""Function of a building → kind of facility, and the share of right answers to expect (estimates)."""

OUTDOOR: Final = (
    "playground",
    "park",
    "parking",
    "charging_station",
    "toilets",
    "cemetery",
    "ferry_terminal",
    "waste",
    "sport",
)
"""Kinds that stand in the open: they are in a building only where they lie on it."""

CROWDED: Final = (
    "shop",
    "restaurant",
    "bank",
    "hotel",
    "pharmacy",
    "parking",
    "charging_station",
    "toilets",
    "waste",
    "other",
)
"""Kinds of which several may stand side by side: two are one only if they bear the same name."""

ALIKE: Final[Mapping[str, tuple[str, ...]]] = {
    "school": ("school", "kindergarten", "university"),
    "university": ("university", "school"),
    "clinic": ("clinic", "hospital", "pharmacy"),
    "hospital": ("hospital", "clinic"),
    "culture": ("culture", "library"),
    "worship": ("worship",),
    "sport": ("sport",),
    "public_office": ("public_office", "police", "fire_station", "post_office", "library", "culture"),
    "hotel": ("hotel",),
}
"""Kinds in the source that a kind implied by a building may well be."""


def derive_facilities(
    facilities: gpd.GeoDataFrame | None,
    buildings: gpd.GeoDataFrame,
    nodes: gpd.GeoDataFrame | None,
    *,
    problems: Problems,
) -> gpd.GeoDataFrame:
    """
    Complete the facilities of a city.

    Facilities of the source are kept, but for those drawn twice. Buildings whose function implies
    a facility give one where the source has none like it within `SAME_FACILITY_M` or in the same
    building; neighbours of one function, such as the blocks of a school, give one together, in the
    largest of them.

    Parameters
    ----------
    facilities
        Table ``facilities`` of the source, if any.
    buildings
        Table ``buildings``; its ``function`` is read.
    nodes
        Table ``nodes``, if any.
    problems
        Collector of notes and repairs.

    Returns
    -------
    geopandas.GeoDataFrame
        Table ``facilities``: ``kind`` with method ``measured`` (the source had it) or
        ``building_function``; ``building_id`` of the building that holds the facility, or the
        nearest within `IN_BUILDING_M`; ``node_id`` of the nearest node.
    """
    crs = buildings.crs
    parts = []
    if facilities is not None and len(facilities):
        parts.append(_of_source(facilities, buildings, problems))
    implied = _of_functions(buildings)
    if len(implied) and parts:
        implied = implied[~_has_like(implied, parts[0])]
    if len(implied):
        problems.note("facilities taken from the functions of buildings", table="facilities", n_rows=len(implied))
        parts.append(implied)
    if not parts:
        return empty(TABLES["facilities"], crs)
    result = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=crs)
    result["node_id"] = _nearest_nodes(result, nodes)
    return conform(result, TABLES["facilities"])


def _points(frame: gpd.GeoDataFrame) -> NDArray[Any]:
    return np.asarray(shapely.point_on_surface(np.asarray(frame.geometry.array, dtype=object)), dtype=object)


def _of_source(facilities: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, problems: Problems) -> gpd.GeoDataFrame:
    columns = [name for name in TABLES["facilities"].columns if name in facilities.columns]
    result = facilities[columns].copy()
    unknown = ~result["kind"].astype("str").isin(FACILITY_KINDS).to_numpy(dtype=bool)
    if unknown.any():
        rule = "kind of facility is known; taken as other"
        problems.repair(rule, table="facilities", column="kind", rows=facilities.index[unknown])
        result["kind"] = result["kind"].astype("str").where(~unknown, "other")
    result["kind"] = result["kind"].astype("str")
    if "kind_method" not in result.columns:
        result["kind_method"], result["kind_confidence"] = "measured", 1.0
    result["building_id"] = _buildings_of(result, buildings)
    double = _doubles(result)
    if double.any():
        rule = "facility is there once; two of a kind in one place taken as one"
        problems.repair(rule, table="facilities", rows=facilities.index[double])
    return result[~double]


def _buildings_of(facilities: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> Any:
    """Building that holds each facility, or the nearest within reach."""
    found = np.full(len(facilities), -1, dtype=np.int64)
    if len(buildings):
        points = _points(facilities)
        tree = shapely.STRtree(np.asarray(buildings.geometry.array, dtype=object))
        at, away = tree.query_nearest(points, max_distance=IN_BUILDING_M, return_distance=True, all_matches=True)
        reach = np.where(facilities["kind"].isin(OUTDOOR).to_numpy(dtype=bool), 0.0, IN_BUILDING_M)
        near = away <= reach[at[0]]
        # The first of buildings at one distance, so that the answer never hangs on the tree.
        order = np.lexsort((at[1][near], at[0][near]))
        facility, first = np.unique(at[0][near][order], return_index=True)
        found[facility] = buildings.index.to_numpy()[at[1][near][order][first]]
    return pd.arrays.IntegerArray(found, found < 0)


def _pairs(shapes: NDArray[Any], distance_m: float) -> tuple[Integers, Integers]:
    """Pairs of shapes closer than a distance, each once."""
    a, b = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=distance_m)
    return a[a < b], b[a < b]


def _doubles(facilities: gpd.GeoDataFrame) -> Mask:
    """Whether a facility repeats another: same kind, one place, and one name or none."""
    n = len(facilities)
    kind, kinds = pd.factorize(facilities["kind"])
    names = facilities["name"] if "name" in facilities.columns else pd.Series([None] * n, dtype="str")
    text = names.astype("str").str.strip().str.casefold()
    name = pd.factorize(text.where(text != ""))[0]
    blank = name < 0
    crowded = np.isin(kinds.astype(str), CROWDED)[kind]

    a, b = _pairs(np.asarray(facilities.geometry.array, dtype=object), SAME_FACILITY_M)
    c, d = _in_one_building(facilities["building_id"], kind, np.where(crowded, name, -1), crowded & blank)
    a, b = np.append(a, c), np.append(b, d)
    like = (kind[a] == kind[b]) & ~(crowded[a] & (blank[a] | blank[b]))
    a, b = a[like], b[like]

    one = name[a] == name[b]
    edges = coo_array((np.ones(int(one.sum())), (a[one], b[one])), shape=(n, n))
    group = connected_components(edges, directed=False)[1]
    # What has no name is the neighbour that has one.
    named = np.zeros(n, dtype=bool)
    for nameless, other in ((a, b), (b, a)):
        named[group[nameless[blank[nameless] & ~blank[other]]]] = True
    # Of each group stays the one with a capacity, then with an outline, then the first.
    capacity = facilities["capacity"].isna().to_numpy() if "capacity" in facilities.columns else np.ones(n, dtype=bool)
    flat = shapely.area(np.asarray(facilities.geometry.array, dtype=object)) == 0.0
    order = np.lexsort((np.arange(n), flat, capacity, group))
    stays = np.zeros(n, dtype=bool)
    stays[order[np.unique(group[order], return_index=True)[1]]] = True
    return np.asarray(~stays | named[group], dtype=bool)


def _in_one_building(building: pd.Series, kind: Integers, name: Integers, out: Mask) -> tuple[Integers, Integers]:
    """Pairs of facilities of one building and kind, and one name where that is asked for."""
    frame = pd.DataFrame({"at": np.arange(len(kind)), "building": building.to_numpy(), "kind": kind, "name": name})
    frame = frame[building.notna().to_numpy(dtype=bool) & ~out]
    both = frame.merge(frame, on=["building", "kind", "name"])
    both = both[both["at_x"] < both["at_y"]]
    return both["at_x"].to_numpy(dtype=np.int64), both["at_y"].to_numpy(dtype=np.int64)


def _of_functions(buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One facility per group of near buildings with the same telling function."""
    function = buildings["function"].astype("str") if "function" in buildings.columns else pd.Series(dtype="str")
    telling = buildings[function.isin(IMPLIED).to_numpy(dtype=bool)] if len(function) else buildings.iloc[:0]
    n = len(telling)
    shapes = np.asarray(telling.geometry.array, dtype=object)
    function_of = telling["function"].astype("str").to_numpy(dtype=object) if n else np.empty(0, dtype=object)
    a, b = _pairs(shapes, SAME_FACILITY_M)
    same = function_of[a] == function_of[b]
    group = connected_components(coo_array((np.ones(same.sum()), (a[same], b[same])), shape=(n, n)), directed=False)[1]
    floor = _floor_area(telling, shapes)
    total = np.bincount(group, floor) if n else np.empty(0)
    order = np.lexsort((np.arange(n), -floor, group))
    chosen = np.sort(order[np.unique(group[order], return_index=True)[1]])

    kind = np.array([IMPLIED[name][0] for name in function_of[chosen]], dtype=object)
    large = (kind == "clinic") & (total[group[chosen]] >= HOSPITAL_FLOOR_M2)
    kind[large] = "hospital"
    right = np.array([IMPLIED[name][1] for name in function_of[chosen]], dtype=np.float64)
    head = telling.iloc[chosen]
    sure = head["function_confidence"].fillna(1.0).to_numpy() if "function_confidence" in head.columns else 1.0
    return gpd.GeoDataFrame(
        {
            "name": head["name"].to_numpy() if "name" in head.columns else pd.array([None] * len(head), dtype="str"),
            "kind": kind,
            "kind_method": "building_function",
            "kind_confidence": right * sure,
            "building_id": pd.array(head.index.to_numpy(), dtype="Int64"),
        },
        geometry=_points(head),
        crs=buildings.crs,
    )


def _floor_area(buildings: gpd.GeoDataFrame, shapes: NDArray[Any]) -> Floats:
    """Floor area where known, else footprint [m²]."""
    footprint = shapely.area(shapes)
    if "floor_area_m2" not in buildings.columns:
        return np.asarray(footprint)
    floor = buildings["floor_area_m2"].to_numpy(dtype="float64", na_value=np.nan)
    return np.where(np.isnan(floor), footprint, floor)


def _has_like(implied: gpd.GeoDataFrame, source: gpd.GeoDataFrame) -> Mask:
    """Whether the source has a facility that may be the implied one, in its building or near it."""
    shapes = np.asarray(source.geometry.array, dtype=object)
    i, j = shapely.STRtree(shapes).query(
        np.asarray(implied.geometry.array, dtype=object), predicate="dwithin", distance=SAME_FACILITY_M
    )
    inside = pd.DataFrame({"i": np.arange(len(implied)), "building_id": implied["building_id"].to_numpy()}).merge(
        pd.DataFrame({"j": np.arange(len(source)), "building_id": source["building_id"].to_numpy()}).dropna(),
        on="building_id",
    )
    i = np.append(i, inside["i"].to_numpy(dtype=np.int64))
    j = np.append(j, inside["j"].to_numpy(dtype=np.int64))
    alike = pd.MultiIndex.from_tuples([(kind, other) for kind, others in ALIKE.items() for other in others])
    kinds = pd.MultiIndex.from_arrays([implied["kind"].to_numpy()[i], source["kind"].to_numpy()[j]])
    found = np.zeros(len(implied), dtype=bool)
    found[i[np.asarray(kinds.isin(alike))]] = True
    return found


def _nearest_nodes(facilities: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame | None) -> Any:
    if nodes is None or nodes.empty:
        return pd.array([None] * len(facilities), dtype="Int64")
    xy = shapely.get_coordinates(np.asarray(nodes.geometry.array, dtype=object))
    at = cKDTree(xy).query(shapely.get_coordinates(_points(facilities)))[1]
    return pd.array(nodes.index.to_numpy()[at], dtype="Int64")
