"""After buildings changed: all that speaks of them says the same again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import shapely

from dothi.changes import ground
from dothi.changes.rows import appended, new_ids
from dothi.city import City
from dothi.derive.facilities import SAME_FACILITY_M, derive_facilities
from dothi.derive.references import without_dangling
from dothi.derive.zones import totals, zone_of
from dothi.errors import Problems
from dothi.mesh.party import TOUCH_M
from dothi.mesh.skin import surface_table
from dothi.shapes import Shapes

if TYPE_CHECKING:
    import geopandas as gpd

BELONGINGS: Final = ("building_parts", "building_measures", "grid_connections")
REACH_M: Final = 2.0 * TOUCH_M
"""Buildings this near may share a wall [m]."""


def with_buildings(city: City, buildings: gpd.GeoDataFrame, *, changed: Any = (), reshaped: Any = ()) -> City:
    """
    City with other buildings, and all that speaks of them put right.

    - Parts, measures and surfaces of buildings that are gone go with them; so do the facilities in them.
    - New buildings, and those with another function, have the facilities that it implies.
    - Surfaces are made anew for buildings that came, went or changed their height, and for their neighbours, where the
      city has surfaces.
    - Zones in which something changed have the sums of their buildings again.
    - Ground under new buildings is sealed, that of buildings that are gone is bare; trees in the way of new ones go.

    Parameters
    ----------
    city
        City as it was.
    buildings
        Its buildings as they are to be.
    changed
        Ids of buildings that stay, but whose columns changed.
    reshaped
        Those of them whose height changed: parts and surfaces that a source drew of them no longer hold, and go.
    """
    before = city["buildings"]
    kept = buildings.index.intersection(before.index)
    changed, reshaped = (pd.Index(ids, dtype="int64").intersection(kept) for ids in (changed, reshaped))
    gone, came = before.index.difference(kept), buildings.index.difference(kept)
    used = before["function"].astype("str").loc[changed] != buildings["function"].astype("str").loc[changed]
    recounted = before.loc[gone.union(changed)], buildings.loc[came.union(changed)]
    old, new = before.loc[gone.union(reshaped)], buildings.loc[came.union(reshaped)]

    tables = {"buildings": buildings, **_without_belongings(city, buildings, reshaped)}
    tables |= _facilities(city, buildings, gone, came, changed[used.to_numpy(dtype=bool)])
    tables |= _zones(city, buildings, *recounted)
    if "trees" in city and len(came):
        tables["trees"] = _outside(city["trees"], _shapes(buildings.loc[came]))
    surfaces = _surfaces(city, tables, old, new, reshaped) if len(old) or len(new) else None
    if surfaces is not None:
        tables["surfaces"] = surfaces
    city = city.with_tables(**tables)

    city = ground.with_roofs(city, buildings, np.concatenate([_shapes(old), _shapes(new)]))
    city = ground.covered(city, _shapes(before.loc[gone]), "bare")
    return ground.covered(city, _shapes(_touching(buildings, before.loc[gone], came)), "building")


def _shapes(frame: gpd.GeoDataFrame) -> Shapes:
    return np.asarray(frame.geometry.array, dtype=object)


def _touching(buildings: gpd.GeoDataFrame, gone: gpd.GeoDataFrame, came: pd.Index) -> gpd.GeoDataFrame:
    """New buildings, and those that overlap what is gone: their ground stays built upon."""
    beside = np.unique(shapely.STRtree(_shapes(buildings)).query(_shapes(gone), predicate="intersects")[1])
    return buildings.loc[buildings.index[beside].union(came)]


def _without_belongings(city: City, buildings: gpd.GeoDataFrame, reshaped: pd.Index) -> dict[str, Any]:
    before = {name: city[name] for name in BELONGINGS if name in city}
    after = without_dangling({"buildings": buildings, **before}, {"buildings": city["buildings"]}, {}, Problems())
    if "building_parts" in after:
        after["building_parts"] = after["building_parts"][~after["building_parts"]["building_id"].isin(reshaped)]
    return {name: after[name] for name in before if len(after[name]) < len(before[name])}


def _facilities(
    city: City, buildings: gpd.GeoDataFrame, gone: pd.Index, came: pd.Index, used: pd.Index
) -> dict[str, Any]:
    """
    Facilities without those of buildings that are gone, with those that buildings now imply.

    What was concluded from the function of a building goes with that function. Where a school loses the block that
    stood for it, one of its other blocks does.
    """
    before, ends = city["facilities"], city["buildings"].loc[gone.union(used)]
    inside = before["building_id"].isin(gone)
    inside |= before["building_id"].isin(used) & (before["kind_method"] == "building_function")
    kept = before[~inside.to_numpy(dtype=bool)]
    lost = ends.loc[ends.index.isin(before["building_id"][inside].dropna())]
    others = came.union(used).union(_blocks_beside(buildings, lost))
    nodes = city.tables.get("nodes")
    implied = derive_facilities(None, buildings.loc[others], nodes, problems=Problems())
    implied = implied[~implied["building_id"].isin(kept["building_id"].dropna())]
    if not inside.any() and not len(implied):
        return {}
    keys = zip(implied["building_id"], implied["kind"].astype(str), strict=True)
    implied.index = pd.Index(new_ids(before.index, map(tuple, keys)))
    return {"facilities": appended(kept, implied, "facilities")}


def _blocks_beside(buildings: gpd.GeoDataFrame, lost: gpd.GeoDataFrame) -> pd.Index:
    """Buildings of one function with a building that held a facility, near it."""
    held, beside = shapely.STRtree(_shapes(buildings)).query(_shapes(lost), "dwithin", SAME_FACILITY_M)
    function, functions = (frame["function"].astype("str").to_numpy() for frame in (lost, buildings))
    return buildings.index[np.unique(beside[function[held] == functions[beside]])]


def _zones(
    city: City, buildings: gpd.GeoDataFrame, old: gpd.GeoDataFrame, new: gpd.GeoDataFrame
) -> dict[str, gpd.GeoDataFrame]:
    """Zones, those with the sums of their buildings where something changed."""
    zones = city["zones"]
    if not len(zones):
        return {}
    outlines = _shapes(zones)
    points = [_counting_points(frame) for frame in (old, new, buildings)]
    touched = np.unique(np.concatenate([zone_of(some, outlines)[0] for some in points[:2]]))
    for name, total in totals(buildings, zone_of(points[2], outlines)[0], len(zones)).items():
        anew = pd.Series(total, index=zones.index)
        zones[name] = zones[name].astype(anew.dtype).where(~zones.index.isin(zones.index[touched]), anew)
    return {"zones": zones}


def _counting_points(buildings: gpd.GeoDataFrame) -> Shapes:
    """Where buildings count; on the border of two squares they belong to the one east or north, as when zones arise."""
    at = shapely.get_coordinates(shapely.point_on_surface(_shapes(buildings)))
    return np.asarray(shapely.points(at + 1e-6))


def _outside(trees: gpd.GeoDataFrame, footprints: Shapes) -> gpd.GeoDataFrame:
    felled = np.unique(shapely.STRtree(_shapes(trees)).query(footprints, predicate="intersects")[1])
    return trees.drop(index=trees.index[felled])


def _surfaces(
    city: City, tables: dict[str, Any], old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, reshaped: pd.Index
) -> gpd.GeoDataFrame | None:
    """
    Surfaces, made anew for what changed and what stands wall to wall with it.

    The faces of a building depend on its neighbours alone, so a small city of these, and of theirs, gives the same
    faces as the whole one.
    """
    surfaces = city["surfaces"]
    if not len(surfaces):
        return None
    buildings = tables["buildings"]
    tree = shapely.STRtree(_shapes(buildings))

    def near(shapes: Shapes) -> Any:
        return np.unique(tree.query(shapes, predicate="dwithin", distance=REACH_M)[1])

    anew = near(np.concatenate([_shapes(old), _shapes(new)]))
    around = buildings.iloc[np.union1d(near(_shapes(buildings.iloc[anew])), anew)]
    remade = buildings.index[anew].union(old.index)
    stays = surfaces[~surfaces["building_id"].isin(remade).to_numpy(dtype=bool)]
    part = city["building_parts"] if "building_parts" not in tables else tables["building_parts"]
    drawn = surfaces[(surfaces["method"] == "source") & surfaces["building_id"].isin(around.index.difference(reshaped))]
    little = City(
        city.name,
        city.country,
        city.crs,
        city.bounds,
        {
            "buildings": around,
            "building_parts": part[part["building_id"].isin(around.index)],
            "surfaces": drawn.assign(party_building_id=pd.array([pd.NA] * len(drawn), dtype="Int64")),
        },
    )
    made = surface_table(little, prisms=bool((surfaces["method"] == "prism").any()))
    made = made[made["building_id"].isin(remade).to_numpy(dtype=bool)]
    made.index = pd.Index(_surface_ids(surfaces, stays, made))
    return appended(stays, made, "surfaces")


def _surface_ids(before: gpd.GeoDataFrame, stays: gpd.GeoDataFrame, made: gpd.GeoDataFrame) -> Any:
    """Ids of surfaces made anew: that of the same surface before, else a new one."""
    free = before.drop(index=stays.index)
    known = dict(zip(_surface_keys(free), free.index, strict=True))
    keys = _surface_keys(made)
    found = np.array([known.pop(key, -1) for key in keys], dtype=np.int64)
    fresh = np.flatnonzero(found < 0)
    found[fresh] = new_ids(before.index, (keys[row] for row in fresh))
    return found


def _surface_keys(frame: gpd.GeoDataFrame) -> list[tuple[int, bytes]]:
    return list(zip(frame["building_id"], shapely.to_wkb(_shapes(frame)), strict=True))
