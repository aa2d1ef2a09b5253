"""Land cover on a grid, and what it means for water: imperviousness and roughness."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from dothi import place
from dothi.derive.rasterise import burn
from dothi.derive.terrain import on_ground
from dothi.io.terrain import Grid

Shapes = NDArray[np.object_]

DENSITY_RADIUS_M: Final = 50.0
SOIL: Final = ("grass", "crops", "bare", "scrub", "urban_sparse", "urban_open")
"""Covers that a tree crown hides; over sealed ground the ground counts."""


@cache
def values_for(country: str = "") -> dict[str, Any]:
    """
    Land cover data: ``dothi/place/landcover.toml``, with what differs in a country laid over it.

    Parameters
    ----------
    country
        ISO 3166 code in small letters; empty or without data of its own for the common values.
    """
    common = tomllib.loads(files(place).joinpath("landcover.toml").read_text(encoding="utf-8"))
    try:
        return _laid_over(common, place.load(country, "landcover"))
    except KeyError:
        return common


def _laid_over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in own.items():
        old = result.get(key)
        result[key] = _laid_over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


COVERS: Final[dict[str, int]] = {name: int(cover["code"]) for name, cover in values_for()["cover"].items()}
"""Codes of the classes of land cover; 0 is not used."""


def land_cover(
    grid: Grid,
    buildings: gpd.GeoDataFrame,
    roads: gpd.GeoDataFrame,
    water_bodies: gpd.GeoDataFrame | None = None,
    land_use: gpd.GeoDataFrame | None = None,
    trees: gpd.GeoDataFrame | None = None,
    *,
    railways: gpd.GeoDataFrame | None = None,
    country: str = "",
) -> xr.DataArray:
    """
    Class of land cover of every cell, painted from the ground up.

    First what nothing else covers, by the density of buildings within 50 m; then land use, small areas over
    large ones; crowns of trees where the ground is soil; railways, water, roads and buildings. Bridges and
    tunnels are not on the ground and stay out.

    Parameters
    ----------
    grid
        Where to give classes.
    buildings
        Table ``buildings``.
    roads
        Table ``roads`` or ``links``; widened by ``width_m``, else by lanes, else by class.
    water_bodies, land_use, trees, railways
        Tables of the same names, or none.
    country
        Whose widths and densities to use, see `values_for`.

    Returns
    -------
    xarray.DataArray
        Codes of `COVERS` (y, x), ``uint8``.
    """
    values = values_for(country)
    is_building = _marked(_shapes(buildings), grid)
    cover = _urban(is_building, grid, values["density"])
    _paint_land_use(cover, land_use, grid, values["land_use"])
    if trees is not None and len(trees):
        crowns = _marked(_crowns(trees), grid)
        cover[crowns & np.isin(cover, [COVERS[name] for name in SOIL])] = COVERS["trees"]
    if railways is not None and len(railways):
        tracks = _shapes(railways[on_ground(railways.drop(columns="class", errors="ignore"))])
        cover[_marked(shapely.buffer(tracks, 2.0, cap_style="flat"), grid)] = COVERS["bare"]
    if water_bodies is not None and len(water_bodies):
        is_wetland = (water_bodies["kind"].astype(object) == "wetland").to_numpy()
        cover[_marked(_shapes(water_bodies[is_wetland]), grid)] = COVERS["wetland"]
        cover[_marked(_shapes(water_bodies[~is_wetland]), grid)] = COVERS["water"]
    cover[_marked(carriageways(roads, country), grid)] = COVERS["road"]
    cover[is_building] = COVERS["building"]
    return grid.array(cover, "1", "painted", country=country)


def imperviousness(cover: xr.DataArray, country: str = "") -> xr.DataArray:
    """
    Share of the ground that lets no water through (y, x) [1], by class of land cover.

    Sources stand beside the values in ``dothi/place/landcover.toml``.
    """
    return _looked_up(cover, "imperviousness", "1", country)


def roughness(cover: xr.DataArray, country: str = "") -> xr.DataArray:
    """
    Manning's n of the ground (y, x) [s m^(-1/3)], by class of land cover.

    Sources stand beside the values in ``dothi/place/landcover.toml``.
    """
    return _looked_up(cover, "roughness", "s m^(-1/3)", country)


def shares(cover: xr.DataArray) -> dict[str, float]:
    """Share of the cells in each class, classes without cells left out."""
    counts = np.bincount(cover.to_numpy().ravel(), minlength=256)
    return {name: float(counts[code] / cover.size) for name, code in COVERS.items() if counts[code]}


# ── parts ────────────────────────────────────────────────────────────────────────────────────────


def _looked_up(cover: xr.DataArray, quantity: str, units: str, country: str) -> xr.DataArray:
    table = np.full(256, np.nan, dtype=np.float32)
    for entry in values_for(country)["cover"].values():
        table[entry["code"]] = entry[quantity]["value"]
    attrs = {"units": units, "crs": cover.attrs["crs"], "method": "land_cover", "country": country}
    return xr.DataArray(table[cover.to_numpy()], dims=cover.dims, coords=cover.coords, attrs=attrs)


def _shapes(frame: gpd.GeoDataFrame) -> Shapes:
    shapes = np.asarray(frame.geometry.array, dtype=object)
    return np.asarray(shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))], dtype=object)


def _marked(shapes: Shapes, grid: Grid) -> NDArray[np.bool_]:
    shapes = shapes[~shapely.is_empty(shapes)]
    return np.asarray(burn(shapes, np.ones(len(shapes), dtype=np.uint8), grid, 0) > 0)


def _urban(is_building: NDArray[np.bool_], grid: Grid, density: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Class of what nothing covers, by the share of roofs around it."""
    size = 2 * int(DENSITY_RADIUS_M / grid.cell_m) + 1
    share = ndimage.uniform_filter(is_building.astype(np.float32), size=size, mode="nearest")
    classes = np.full(grid.shape, COVERS["urban_open"], dtype=np.uint8)
    classes[share >= density["sparse"]["value"]] = COVERS["urban_sparse"]
    classes[share >= density["dense"]["value"]] = COVERS["urban_dense"]
    return classes


def _paint_land_use(
    cover: NDArray[np.uint8], land_use: gpd.GeoDataFrame | None, grid: Grid, cover_of: Mapping[str, str]
) -> None:
    if land_use is None or not len(land_use):
        return
    codes = land_use["class"].astype(object).map({use: COVERS[name] for use, name in cover_of.items()})
    known = codes.notna().to_numpy() & ~land_use.geometry.isna().to_numpy() & ~land_use.geometry.is_empty.to_numpy()
    shapes = np.asarray(land_use.geometry.array, dtype=object)[known]
    order = np.argsort(-shapely.area(shapes), kind="stable")
    painted = burn(shapes[order], codes[known].to_numpy(dtype=np.uint8)[order], grid, 0)
    np.copyto(cover, painted, where=painted > 0)


def _crowns(trees: gpd.GeoDataFrame) -> Shapes:
    """Crowns as disks; trees without a diameter count as 5 m wide."""
    diameter = pd.Series(np.nan, index=trees.index)
    if "crown_diameter_m" in trees:
        diameter = pd.to_numeric(trees["crown_diameter_m"])
    radius = diameter.fillna(5.0).to_numpy(dtype=float) / 2.0
    shapes = np.asarray(trees.geometry.array, dtype=object)
    there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    return np.asarray(shapely.buffer(shapes[there], radius[there], quad_segs=3), dtype=object)


def carriageways(roads: gpd.GeoDataFrame, country: str = "") -> Shapes:
    """Roads on the ground as areas; of two directions of one road, one."""
    widths = values_for(country)["road_width_m"]
    kept = on_ground(roads)
    if "reverse_link_id" in roads:
        back = roads["reverse_link_id"].to_numpy(dtype=float, na_value=np.nan)
        kept &= ~(back < roads.index.to_numpy())
    chosen = roads[kept]
    shapes = np.asarray(chosen.geometry.array, dtype=object)
    width = _width_m(chosen, widths)
    there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    return np.asarray(shapely.buffer(shapes[there], width[there] / 2.0, quad_segs=2), dtype=object)


def _width_m(roads: gpd.GeoDataFrame, widths: Mapping[str, Any]) -> NDArray[np.float64]:
    by_class = {name: value for name, value in widths.items() if isinstance(value, float)}
    usual = pd.Series(by_class["unclassified"], index=roads.index)
    if "class" in roads:
        usual = roads["class"].astype(object).map(by_class).astype(float).fillna(by_class["unclassified"])
    # Lanes of links are those of one direction, and the carriageway is of both.
    is_links = "from_node_id" in roads
    width = pd.Series(np.nan, index=roads.index)
    if "width_m" in roads:
        width = pd.to_numeric(roads["width_m"]).astype(float)
    if "lanes" in roads:
        lanes = pd.to_numeric(roads["lanes"]).astype(float)
        if is_links and "reverse_link_id" in roads:
            lanes = lanes * np.where(roads["reverse_link_id"].notna(), 2.0, 1.0)
        width = width.where(width > 0.0, lanes * by_class["lane"])
    width = width.where(width > 0.0, usual)
    return np.asarray(width.to_numpy(dtype=float))
