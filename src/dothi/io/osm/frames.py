"""From rows as they streamed by to tables as declared."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from dothi.crs import LONLAT, Bounds
from dothi.errors import Problems
from dothi.io.osm import coast, roads, tags, transit
from dothi.io.osm.flat import RELATION, WAY
from dothi.io.osm.relations import Relations
from dothi.io.osm.rows import Rows, source_ids, source_key
from dothi.schema import empty
from dothi.tables import TABLES

_Meaning = Callable[[dict[str, str | None]], dict[str, Any]]

_MEANING: Final[dict[str, _Meaning]] = {
    "buildings": tags.building,
    "building_parts": tags.building_part,
    "railways": tags.railway,
    "land_use": tags.land,
    "water_bodies": tags.water_body,
    "waterways": tags.waterway,
    "facilities": tags.facility,
    "trees": tags.tree,
    "barriers": tags.barrier,
}
_UNNAMED: Final = frozenset({"trees", "barriers", "building_parts"})
_LINES: Final = frozenset({"roads", "railways", "waterways", "barriers"})
_COMPLAINTS: Final = {
    "height_m": "a length above 0 that OpenStreetMap can hold, such as 12 or 12 m",
    "min_height_m": "a length below the top of the building",
    "width_m": "a length such as 3.5 or 3.5 m",
    "crown_diameter_m": "a length such as 6 or 6 m",
    "storeys": "a number between 1 and 200",
    "year_built": "a date with a year",
    "lanes": "a number between 0 and 20",
    "free_speed_m_s": "a speed such as 50 or 30 mph",
    "capacity": "a number",
}
_UNDERGROUND: Final = frozenset({"underground", "subway"})
KEY = "_key"


def tables_of(
    rows: dict[str, Rows],
    relations: Relations,
    problems: Problems,
    layers: Collection[str],
    bounds: Bounds | None,
    box: Bounds | None,
    *,
    narrow_alleys: bool,
) -> dict[str, pd.DataFrame]:
    """
    Tables of all rows.

    Parameters
    ----------
    rows
        Rows by table; emptied on the way, to save memory.
    relations
        What the relations of the file say.
    problems
        Collector of unreadable values.
    layers
        Tables to give.
    bounds
        Box that objects must touch.
    box
        Box of the file, where its header has one; the sea is drawn within `bounds` or else within it.
    narrow_alleys
        See `read_osm`.
    """
    meanings: dict[str, _Meaning] = {**_MEANING, "roads": partial(roads.road, narrow_alleys=narrow_alleys)}
    tables: dict[str, pd.DataFrame] = {}
    for name, meaning in meanings.items():
        if name in layers:
            tables[name] = _table(name, rows.pop(name), meaning, problems, bounds)
    if "buildings" in tables:
        tables["buildings"] = _without_doubles(tables["buildings"], relations, problems)
    if "building_parts" in tables:
        tables["building_parts"] = _with_buildings(tables["building_parts"], tables.get("buildings"), relations)
    if "facilities" in tables and "buildings" in tables:
        place = pd.Index(tables["buildings"][KEY]).get_indexer(tables["facilities"][KEY])
        tables["facilities"]["building_id"] = _integers(np.where(place < 0, np.nan, place))
    if "water_bodies" in tables:
        sea = coast.sea(rows.pop("coastline").geometry(), bounds or box, problems)
        tables["water_bodies"] = _appended(tables["water_bodies"], sea)
    if "stops" in rows:
        tables |= transit.tables(rows.pop("stops"), rows.pop("courses", None), relations, bounds, problems)
    return {name: _finished(tables[name], name) for name in layers}


def _table(
    name: str,
    rows: Rows,
    meaning: _Meaning,
    problems: Problems,
    bounds: Bounds | None,
) -> gpd.GeoDataFrame:
    if not len(rows):
        return empty(TABLES[name], LONLAT).assign(**{KEY: np.empty(0, dtype=np.int64)})
    frame = rows.frame(partial(_meant, name, meaning))
    frame[KEY] = rows.sources()
    if name not in _UNNAMED:
        frame["name"] = rows.name()
    frame = gpd.GeoDataFrame(frame, geometry=rows.geometry(), crs=LONLAT)
    if bounds is not None:
        frame = frame[shapely.intersects(frame.geometry.array, shapely.box(*bounds))]
    if name not in _LINES:
        # a line cut at the edge of the file is several rows; areas and points are one row each
        twice = frame[KEY].duplicated().to_numpy()
        if twice.any():
            rule = "object is in the file twice: the later one is left out"
            problems.repair(rule, table=name, rows=source_ids(frame.loc[twice, KEY].to_numpy()))
            frame = frame[~twice]
    if name in ("buildings", "building_parts"):
        under = frame.pop("!underground").to_numpy(dtype=bool)
        if under.any():
            problems.note("lies underground: left out", table=name, rows=source_ids(frame.loc[under, KEY].to_numpy()))
            frame = frame[~under]
    for column in [column for column in frame.columns if column.startswith("!")]:
        unread = frame.pop(column).to_numpy(dtype=bool)
        if unread.any():
            wanted = f"is {_COMPLAINTS[column[1:]]}: other values are left empty"
            found = source_ids(frame.loc[unread, KEY].to_numpy())
            problems.note(wanted, table=name, column=column[1:], rows=found)
    return frame.reset_index(drop=True)


def _meant(name: str, meaning: _Meaning, found: dict[str, str | None]) -> dict[str, Any]:
    columns = meaning(found)
    if name in ("buildings", "building_parts"):
        columns["!underground"] = found["location"] in _UNDERGROUND
    return columns


def _without_doubles(buildings: gpd.GeoDataFrame, relations: Relations, problems: Problems) -> gpd.GeoDataFrame:
    """Buildings less the outlines that an assembled relation already is, with its courtyards."""
    outlines = [
        source_key(way, WAY) for ident in sorted(relations.assembled) for way in relations.outlines.get(ident, ())
    ]
    double = buildings[KEY].isin(outlines)
    if double.any():
        rows = source_ids(buildings.loc[double, KEY].to_numpy())
        problems.repair("outline repeats the building of a relation: left out", table="buildings", rows=rows)
        buildings = buildings[~double].reset_index(drop=True)
    return buildings


def _with_buildings(
    parts: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame | None, relations: Relations
) -> gpd.GeoDataFrame:
    """Parts with the building they belong to: by relation, else the smallest one around a point within the part."""
    owner = np.full(len(parts), np.nan)
    if buildings is not None and len(parts) and len(buildings):
        inside = shapely.point_on_surface(np.asarray(parts.geometry.array))
        tree = shapely.STRtree(np.asarray(buildings.geometry.array))
        part, building = tree.query(inside, predicate="within")
        area = shapely.area(np.asarray(buildings.geometry.array))[building]
        order = np.lexsort((building, -area))
        owner[part[order]] = building[order]  # the last one written is the smallest
        outline = parts[KEY].map(relations.part_outline)
        place = pd.Index(buildings[KEY]).get_indexer(outline.fillna(-1).astype("int64"))
        owner = np.where(place >= 0, place, owner)
    parts["building_id"] = _integers(owner)
    return parts


def _integers(values: np.ndarray[Any, Any]) -> Any:
    return pd.array(np.asarray(values, dtype=float), dtype="Float64").astype("Int64")


def _appended(bodies: gpd.GeoDataFrame, sea: list[Any]) -> gpd.GeoDataFrame:
    """Water bodies with the sea, which has no object of its own in OpenStreetMap."""
    if not sea:
        return bodies
    more = gpd.GeoDataFrame({"kind": ["sea"] * len(sea)}, geometry=sea, crs=LONLAT)
    more[KEY] = -1
    more["name"] = pd.array([None] * len(sea), dtype="str")
    if not len(bodies):
        return more
    return pd.concat([bodies, more], ignore_index=True)


def _finished(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Declared columns with their declared types, and a plain index."""
    table = TABLES[name]
    if KEY in frame.columns:
        keys = frame[KEY].to_numpy(dtype=np.int64)
        known = keys >= 0
        frame["source_id"] = source_ids(np.where(known, keys, RELATION)).where(known)
    for column, declared in table.columns.items():
        if column not in frame.columns:
            continue
        values = frame[column]
        match declared.kind:
            case "integer" if declared.missing:
                frame[column] = _integers(values.to_numpy(dtype=float, na_value=np.nan))
            case "category":
                frame[column] = pd.Categorical(values, categories=list(declared.choices))
            case "string":
                frame[column] = values.astype("str")
            case "float":
                frame[column] = values.astype("float64")
            case "boolean":
                frame[column] = values.astype("bool")
    frame = frame[[column for column in table.columns if column in frame.columns]].reset_index(drop=True)
    frame.index.name = table.id
    return frame
