"""A city as GeoPackage, GeoParquet, GeoJSON and GeoTIFF: one layer or file for each table or raster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd

from dothi.errors import InputError, Problem
from dothi.io.terrain import write_raster
from dothi.io.vector_write import add_to_geopackage, write_geojson, write_geoparquet
from dothi.publish.written import Notify, Written, nobody

if TYPE_CHECKING:
    from dothi.city import City

Layers = Mapping[str, Sequence[str]] | None


def write_gpkg(city: City, path: Path, layers: Layers = None, notify: Notify = nobody) -> Written:
    """
    Write the tables of a city as the layers of one GeoPackage.

    Parameters
    ----------
    city
        City.
    path
        File to write.
    layers
        Columns of each table to write; all of all tables with rows where None.
    notify
        Told of each layer.

    Returns
    -------
    Written
        Rows by layer, and what is left out.
    """
    chosen = _tables(city, layers)
    for name, columns in chosen.items():
        notify(name)
        add_to_geopackage(path, name, city[name], columns)
    return Written({name: len(city[name]) for name in chosen}, _without_rasters(city))


def write_parquet_folder(city: City, path: Path, layers: Layers = None, notify: Notify = nobody) -> Written:
    """Write the tables of a city as GeoParquet, a file each, or as one file. For parameters see `write_gpkg`."""
    chosen = _tables(city, layers)
    for name, columns in chosen.items():
        notify(name)
        write_geoparquet(_file(path, name, ".parquet"), name, city[name], columns)
    return Written({name: len(city[name]) for name in chosen}, _without_rasters(city))


def write_geojson_folder(city: City, path: Path, layers: Layers = None, notify: Notify = nobody) -> Written:
    """Write the tables of a city as GeoJSON, a file each, or as one file. For parameters see `write_gpkg`."""
    chosen = _tables(city, layers)
    placeless = [name for name in chosen if not isinstance(city[name], gpd.GeoDataFrame)]
    if placeless and layers is not None:
        raise InputError(
            [Problem("has a geometry, without which there is no GeoJSON", table=name) for name in placeless]
        )
    located = {name: columns for name, columns in chosen.items() if name not in placeless}
    for name, columns in located.items():
        notify(name)
        write_geojson(_file(path, name, ".geojson"), name, city[name], columns)
    notes = _without_rasters(city)
    if placeless:
        notes.append(f"Tables without geometry are not in GeoJSON: {', '.join(placeless)}.")
    if any(city[name].geometry.has_z.any() for name in located):
        notes.append("Levels keep the vertical datum of the sources; RFC 7946 means heights above the ellipsoid.")
    return Written({name: len(city[name]) for name in located}, notes)


def write_geotiff_folder(city: City, path: Path, layers: Layers = None, notify: Notify = nobody) -> Written:
    """Write the rasters of a city as GeoTIFF, a file each, or as one file. For parameters see `write_gpkg`."""
    chosen = [name for name in city.rasters if layers is None or name in layers]
    counts = {}
    for name in chosen:
        notify(name)
        raster = city.rasters[name]
        write_raster(raster, _file(path, name, ".tif"))
        counts[name] = int(raster.size)
    return Written(counts)


def _tables(city: City, layers: Layers) -> dict[str, list[str]]:
    if layers is None:
        return {name: list(map(str, city[name].columns)) for name in city.tables if len(city[name])}
    return {name: list(columns) for name, columns in layers.items()}


def _file(path: Path, name: str, suffix: str) -> Path:
    """File of a layer within a folder; the path itself where it names a file."""
    if path.suffix == suffix:
        return path
    path.mkdir(exist_ok=True)
    return path / f"{name}{suffix}"


def _without_rasters(city: City) -> list[str]:
    names = ", ".join(city.rasters)
    return [f"Rasters are not in it; `dothi export geotiff` writes them: {names}."] if names else []
