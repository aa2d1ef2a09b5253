"""What there is to do in each zone: homes, jobs, school places, shops, leisure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi.shapes import Floats, Integers, Shapes
from dothi.traffic.habits import Habits

if TYPE_CHECKING:
    from dothi.city import City

SCHOOLS: Final = ("kindergarten", "school")
LEISURE: Final = ("culture", "sport", "worship", "health", "public", "hotel")
M2_PER_100: Final = 100.0


def opportunities(city: City, habits: Habits) -> tuple[dict[str, Floats], list[str]]:
    """
    What draws trips to each zone of a city.

    Residents and jobs are those of the zones. Shops and leisure are floor area of buildings by function. School places
    are the capacity of schools where it is known, else their floor area over that of a place; in a city without any
    school on record, pupils are taught where they live.

    Returns
    -------
    found : dict
        ``residents``, ``jobs``, ``school_places``, ``retail_100m2``, ``leisure_100m2`` of each zone.
    notes : list of str
        What had to be assumed.
    """
    zones, buildings = city["zones"], city["buildings"]
    notes: list[str] = []
    n = len(zones)
    at = zone_at(_shapes(zones), shapely.point_on_surface(_shapes(buildings)))
    floor = _numbers(buildings, "floor_area_m2")
    function = (
        buildings["function"].astype("object").to_numpy() if "function" in buildings else np.array([""] * len(at))
    )

    def area(*functions: str) -> Floats:
        chosen = np.isin(function, functions)
        return np.bincount(at[chosen], floor[chosen], n).astype(np.float64)

    given = habits.numbers("opportunities")
    found = {
        "residents": _total(zones, buildings, "residents", at),
        "jobs": _total(zones, buildings, "jobs", at),
        "retail_100m2": (area("retail") + habits.data["opportunities"]["mixed_retail_share"] * area("mixed"))
        / M2_PER_100,
        "leisure_100m2": area(*LEISURE) / M2_PER_100,
    }
    found["school_places"] = area(*SCHOOLS) / given["school_m2"] + area("university") / given["university_m2"]
    listed = _listed_places(city, _shapes(zones))
    if listed.sum() > found["school_places"].sum():
        found["school_places"] = listed
    if not found["school_places"].any():
        found["school_places"] = given["pupils_per_resident"] * found["residents"]
        notes.append("no school is on record: pupils are taught where residents live")
    return found, notes


def _listed_places(city: City, zones: Shapes) -> Floats:
    """Places of schools on record, by zone."""
    facilities = city["facilities"]
    kind = facilities["kind"].astype("object").astype(str).to_numpy()
    chosen = np.isin(kind, (*SCHOOLS, "university"))
    if not chosen.any() or "capacity" not in facilities:
        return np.zeros(len(zones))
    places = np.nan_to_num(facilities["capacity"].to_numpy(dtype=float, na_value=0.0))[chosen]
    at = zone_at(zones, shapely.centroid(_shapes(facilities)[chosen]))
    return np.bincount(at, places, len(zones)).astype(np.float64)


def _total(zones: Any, buildings: Any, name: str, at: Integers) -> Floats:
    """What the zones say of people, else what their buildings add up to."""
    if name in zones and zones[name].notna().any():
        return _numbers(zones, name)
    return np.bincount(at, _numbers(buildings, name), len(zones)).astype(np.float64)


def _numbers(frame: Any, name: str) -> Floats:
    if name not in frame:
        return np.zeros(len(frame))
    return np.asarray(np.nan_to_num(frame[name].to_numpy(dtype=float, na_value=0.0)))


def _shapes(frame: Any) -> Shapes:
    return np.asarray(frame.geometry.array, dtype=object)


def zone_at(zones: Shapes, points: Shapes) -> Integers:
    """Position of the zone in which each point lies; of the nearest where it lies in none."""
    if not len(points):
        return np.empty(0, dtype=np.int64)
    tree = shapely.STRtree(zones)
    point, zone = tree.query(points, predicate="intersects")
    at = np.full(len(points), len(zones), dtype=np.int64)
    np.minimum.at(at, point, zone)
    outside = np.flatnonzero(at == len(zones))
    if len(outside):
        at[outside] = tree.nearest(points[outside])
    return at


def centres(city: City) -> Floats:
    """Where the trips of each zone begin: its node if it has one, else its middle."""
    zones, nodes = city["zones"], city["nodes"]
    xy = shapely.get_coordinates(shapely.point_on_surface(_shapes(zones)))
    if "node_id" not in zones:
        return xy
    at = nodes.index.get_indexer(zones["node_id"].to_numpy(dtype=float, na_value=-1.0).astype(np.int64))
    known = at >= 0
    xy[known] = shapely.get_coordinates(_shapes(nodes)[at[known]])
    return xy
