"""The grid a place is mapped on: VN-2000 by province in Vietnam, Lambert-93 in France, UTM elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dothi.crs import LONLAT, transformer
from dothi.errors import InputError, Problem
from dothi.place import load
from dothi.place.gazetteer import find_place, fold, pick_by_name, places, search_keys

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

Edition = Literal["2025", "2001"]

EARTH_RADIUS_KM = 6371.0
UTM_ZONE_DEG = 6.0
UTM_LATITUDES = (-80.0, 84.0)


@dataclass(frozen=True, slots=True)
class GridChoice:
    """
    A grid and why it was chosen.

    Attributes
    ----------
    crs
        The grid, such as ``EPSG:9214``.
    province
        Province whose grid it is; empty outside Vietnam.
    meridian
        Its central meridian [° east].
    verified
        Whether the choice rests on a source that was read; see `docs/reference/grids.md`.
    why
        One sentence for the reader of a report.
    distance_km
        From the point to the town that told the province; 0 where no town was asked.
    former_crs
        Grid of the former province (until June 2025) where it is another one: what older files are likely to use.
    """

    crs: str
    province: str
    meridian: float
    verified: bool
    why: str
    distance_km: float = 0.0
    former_crs: str = ""


def degrees_minutes(meridian: float) -> str:
    """
    Meridian as people write it.

    >>> degrees_minutes(107.75)
    '107°45′'
    """
    minutes = round(meridian * 60.0)
    return f"{minutes // 60}°{minutes % 60:02d}′"


@cache
def _grids() -> dict[str, Any]:
    return load("vn", "grids")


@cache
def _provinces() -> dict[str, dict[str, Any]]:
    return {province["name"]: province for province in _grids()["provinces"]}


@cache
def _former() -> dict[str, dict[str, Any]]:
    return {province["name"]: province for province in _grids()["former"]}


def _crs_of(meridian: float) -> str:
    return f"EPSG:{_grids()['epsg'][f'{meridian:.2f}']}"


def _choice(former: str, edition: Edition, because: str, distance_km: float = 0.0) -> GridChoice:
    """Grid for a place of which the former province is known."""
    old = _former()[former]
    if edition == "2001":
        why = f"{because}; VN-2000 TM-3 {degrees_minutes(old['meridian'])} of {former} (Circular 973/2001/TT-TCĐC)"
        return GridChoice(_crs_of(old["meridian"]), former, old["meridian"], old["verified"], why, distance_km)
    return _choice_today(old["now"], because, distance_km, old)


def _choice_today(name: str, because: str, distance_km: float = 0.0, old: dict[str, Any] | None = None) -> GridChoice:
    """Grid of a province of today; `old` is the former province where it is known."""
    now = _provinces()[name]
    meridian, former_crs = now["meridian"], ""
    why = f"{because}; VN-2000 TM-3 {degrees_minutes(meridian)} of {name} (Circular 24/2025/TT-BNNMT)"
    if old is not None and old["meridian"] != meridian:
        former_crs = _crs_of(old["meridian"])
        why += f"; files from before July 2025 are likely on {former_crs}, {degrees_minutes(old['meridian'])}"
    # The EPSG registry still lists the former provinces: it speaks for a place whose meridian did not change.
    verified = now["verified"] and not former_crs
    return GridChoice(_crs_of(meridian), name, meridian, verified, why, distance_km, former_crs)


def grid_for_place(name: str, *, edition: Edition = "2025") -> GridChoice:
    """
    Grid of a place by its name.

    Provinces, their seats, built-in places and some 640 former district towns of Vietnam are known, and the built-in
    places elsewhere. Diacritics, capitals, spaces and words such as "Tỉnh" or "City" do not matter.

    Parameters
    ----------
    name
        Such as "Huế", "Da Lat", "TP Hồ Chí Minh" or "Nantes".
    edition
        ``2025``: the provinces since 1 July 2025, with the meridians of Circular 24/2025/TT-BNNMT. ``2001``: the
        63 provinces before, with those of Circular 973/2001/TT-TCĐC, on which most existing plans are drawn.

    Raises
    ------
    InputError
        No place has the name, or several places on different grids have it; the message lists candidates.
    """
    keys = search_keys(name)
    for province in (*_provinces(), *_former()):
        if fold(province).replace(" ", "") in keys:
            return _choice_for_province(province, edition)
    abroad = {alias: place for place in places() if place.country != "vn" for alias in (place.name, *place.names)}
    if any(fold(alias).replace(" ", "") in keys for alias in abroad):
        place = find_place(name)
        return grid_for_point(place.lon, place.lat, edition=edition)
    seats = [
        (alias, (place.province, edition))
        for place in places()
        if place.province
        for alias in (place.name, *place.names)
    ]
    if any(fold(alias).replace(" ", "") in keys for alias, _ in seats):
        former, _ = pick_by_name(name, seats, _describe)
    else:
        former, _ = pick_by_name(name, [*_towns_by_name(edition), *seats], _describe)
    return _choice(former, edition, f"{name} lies in the former province {former}")


def _choice_for_province(name: str, edition: Edition) -> GridChoice:
    if edition == "2025" and name in _provinces():
        return _choice_today(name, f"{name} is a province of today", old=_former().get(name))
    former = name if name in _former() else next(old for old in _former() if _former()[old]["now"] == name)
    return _choice(former, edition, f"{former} was a province until June 2025")


def _towns_by_name(edition: Edition) -> list[tuple[str, tuple[str, Edition]]]:
    return [(town[0], (former, edition)) for former, towns in _grids()["towns"].items() for town in towns]


def _describe(found: tuple[str, Edition]) -> str:
    former, edition = found
    choice = _choice(former, edition, "")
    return f"in {former} ({choice.crs}, {degrees_minutes(choice.meridian)})"


def grid_for_point(
    lon: float, lat: float, *, edition: Edition = "2025", wards: gpd.GeoDataFrame | None = None
) -> GridChoice:
    """
    Grid for a point: provincial VN-2000 in Vietnam, Lambert-93 in metropolitan France, UTM elsewhere.

    In Vietnam the province is that of the ward the point lies in, where wards are given; else that of the nearest of
    some 700 towns, which is right for 96 of 100 of today's wards. `GridChoice.why` names the town and its distance.

    Parameters
    ----------
    lon, lat
        Longitude and latitude [°].
    edition
        As for `grid_for_place`. Wards carry provinces of today and decide under ``2025`` only.
    wards
        Outlines with a column `province`, such as the table `wards`, in any grid.

    Raises
    ------
    InputError
        The coordinates are not on Earth, look swapped, or lie beyond the grids (84° north, 80° south).
    """
    _check_point(lon, lat)
    if wards is not None and edition == "2025":
        province = _province_by_ward(lon, lat, wards)
        if province:
            return _choice_today(province, f"the point lies in a ward of {province}")
    if _covers(_vietnam(), lon, lat):
        name, former, distance_km = _nearest_town(lon, lat)
        return _choice(former, edition, f"{name} is the nearest town, {distance_km:.0f} km away", distance_km)
    if _covers(_france(), lon, lat):
        crs, grid = load("fr", "grids")["crs"], load("fr", "grids")["name"]
        return GridChoice(crs, "", 3.0, True, f"the point lies in metropolitan France, mapped on {grid}")
    return _utm(lon, lat)


def _check_point(lon: float, lat: float) -> None:
    south, north = UTM_LATITUDES
    if not (math.isfinite(lon) and math.isfinite(lat)):
        rule = "longitude and latitude are numbers"
    elif not -180.0 <= lon <= 180.0 or not -90.0 <= lat <= 90.0:
        rule = "longitude is within ±180° and latitude within ±90°; longitude comes first"
    elif not south <= lat <= north:
        rule = f"latitude is between {south:g}° and {north:g}°, where grids for cities end"
    else:
        return
    raise InputError([Problem(f"{rule} (got {lon:g}, {lat:g})")])


def _utm(lon: float, lat: float) -> GridChoice:
    zone = min(int((lon + 180.0) // UTM_ZONE_DEG) + 1, 60)
    code = (32600 if lat >= 0.0 else 32700) + zone
    half = "north" if lat >= 0.0 else "south"
    meridian = zone * UTM_ZONE_DEG - 183.0
    return GridChoice(f"EPSG:{code}", "", meridian, True, f"no national grid is kept here; UTM zone {zone} {half}")


@cache
def _vietnam() -> BaseGeometry:
    import shapely

    return shapely.Polygon(_grids()["outline"])


@cache
def _france() -> BaseGeometry:
    import shapely

    data = load("fr", "grids")
    land = shapely.union_all([shapely.Polygon(data["mainland"]), shapely.Polygon(data["corsica"])])
    return shapely.difference(land, shapely.Polygon(data["monaco"]))


def _covers(area: BaseGeometry, lon: float, lat: float) -> bool:
    import shapely

    return bool(shapely.intersects_xy(area, lon, lat))


@cache
def _towns() -> tuple[list[str], list[str], NDArray[np.float64]]:
    """Names, former provinces, and longitude and latitude [°] of seats and towns."""
    listed = [(town["seat"], name, town["lon"], town["lat"]) for name, town in _former().items()]
    listed += [(town, name, lon, lat) for name, towns in _grids()["towns"].items() for town, lon, lat in towns]
    names, former, lon, lat = zip(*listed, strict=True)
    return list(names), list(former), np.column_stack([lon, lat]).astype(np.float64)


def _nearest_town(lon: float, lat: float) -> tuple[str, str, float]:
    """Name and former province of the nearest town, and the distance [km]."""
    names, former, at = _towns()
    # Over the few tens of kilometres that matter, a plane in degrees is good to a part in a thousand.
    east = np.radians(at[:, 0] - lon) * np.cos(np.radians((at[:, 1] + lat) / 2.0))
    distance = EARTH_RADIUS_KM * np.hypot(east, np.radians(at[:, 1] - lat))
    nearest = int(np.argmin(distance))
    return names[nearest], former[nearest], float(distance[nearest])


def _province_by_ward(lon: float, lat: float, wards: gpd.GeoDataFrame) -> str:
    """Province of today of the ward a point lies in; empty where it lies in none or the name is not known."""
    import shapely

    if wards.crs is None or "province" not in wards.columns:
        raise InputError([Problem("a grid and a column `province` are present", table="wards")])
    x, y = transformer(LONLAT, wards.crs.to_string()).transform(lon, lat)
    rows = shapely.intersects_xy(wards.geometry.to_numpy(), x, y)
    known = {fold(name).replace(" ", ""): name for name in _provinces()}
    for province in wards.loc[rows, "province"].dropna():
        for key in search_keys(str(province)):
            if key in known:
                return known[key]
    return ""
