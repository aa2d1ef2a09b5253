"""The city: a frozen set of tables and rasters on one projected grid."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dothi import schema
from dothi.errors import InputError, Problem, Problems
from dothi.io.files import copy_file, share_file, write_text
from dothi.tables import RASTERS, TABLES

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import xarray as xr

MANIFEST = "city.json"
FORMAT = 1


class Loaded(Mapping[str, Any]):
    """Mapping whose values are loaded when first asked for, then kept."""

    def __init__(self, loaders: Mapping[str, Callable[[], Any]]) -> None:
        self._loaders = dict(loaders)
        self._values: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            self._values[name] = self._loaders[name]()
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._loaders  # that of the base class would load the value

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaders)

    def __len__(self) -> int:
        return len(self._loaders)

    def loading(self, loaders: Mapping[str, Callable[[], Any]]) -> Loaded:
        """Mapping with more or other loaders; what is loaded already stays so."""
        merged = Loaded({**self._loaders, **loaders})
        merged._values.update({name: value for name, value in self._values.items() if name not in loaders})
        return merged

    def same_as(self, other: Loaded) -> list[str]:
        """Names under which both have one and the same value."""
        return [name for name, loader in self._loaders.items() if other._loaders.get(name) is loader]

    def __or__(self, other: Mapping[str, Any]) -> Loaded:
        """Mapping with the values of `other` added or put in place."""
        return self.loading({name: partial(_same, value) for name, value in other.items()})


def load_table(folder: Path, name: str) -> Any:
    """Table of a folder, with its declared types."""
    from dothi.io.parquet import read_table

    frame = read_table(folder / f"{name}.parquet")
    return schema.conform(frame, TABLES[name]) if name in TABLES else frame


def _load_whole(folder: Path, name: str) -> Any:
    """Table of a built city, with the columns that were declared since it was built."""
    frame = load_table(folder, name)
    return schema.complete(frame, TABLES[name]) if name in TABLES else frame


def _load_raster(path: Path) -> Any:
    from dothi.io.terrain import read_raster  # only where a raster is asked for

    return read_raster(path)


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class City:
    """
    A city model.

    Nothing in it changes: a table asked for is a view that copies on write, and every change is a new city.

    Attributes
    ----------
    name
        Name of the place.
    country
        ISO 3166 code in small letters.
    crs
        Projected grid, such as ``EPSG:2154``.
    bounds
        West, south, east, north [m].
    tables
        Tables by name, as declared in `dothi.tables.TABLES`.
    rasters
        Rasters by name, as declared in `dothi.tables.RASTERS`, with dimensions ``(y, x)``.
    provenance
        What it was made from: sources with checksum, licence and date, and versions.
    known_rows
        Rows of tables that lie in files.
    """

    name: str
    country: str
    crs: str
    bounds: tuple[float, float, float, float]
    tables: Mapping[str, gpd.GeoDataFrame | pd.DataFrame] = field(default_factory=dict)
    rasters: Mapping[str, xr.DataArray] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    known_rows: Mapping[str, int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for name in ("tables", "rasters"):
            value = getattr(self, name)
            if not isinstance(value, Loaded):
                object.__setattr__(self, name, Loaded({}) | value)

    def __getitem__(self, table: str) -> Any:
        """Table by name, empty where the city has none of it."""
        if table in self.tables:
            return self.tables[table].copy(deep=False)
        if table not in TABLES:
            raise KeyError(table)
        return schema.empty(TABLES[table], self.crs)

    def __contains__(self, table: object) -> bool:
        return table in self.tables

    def with_tables(self, **tables: gpd.GeoDataFrame | pd.DataFrame) -> City:
        """
        City in which the named tables are replaced.

        Parameters
        ----------
        **tables
            New tables by declared name.

        Returns
        -------
        City
            A new city; this one stays as it is.

        Raises
        ------
        InputError
            A table breaks its declaration.
        """
        conformed = {
            name: schema.complete(frame, TABLES[name]) if name in TABLES else frame for name, frame in tables.items()
        }
        rows = {name: count for name, count in self.known_rows.items() if name not in conformed}
        city = replace(self, tables=self._as_loaded(self.tables) | conformed, known_rows=rows)
        problems = Problems()
        for name in conformed:
            if name in TABLES:
                schema.check_table(city.tables[name], TABLES[name], problems)
        for name in _referring(conformed, city):
            schema.check_references(city.tables[name], TABLES[name], city.tables, problems)
        problems.raise_errors()
        return city

    def with_rasters(self, **rasters: xr.DataArray) -> City:
        """City in which the named rasters are replaced; this one stays as it is."""
        for name, raster in rasters.items():
            if name not in RASTERS:
                raise InputError([Problem(f"is one of {', '.join(RASTERS)}", table=name)])
            raster.values.flags.writeable = False
        return replace(self, rasters=self._as_loaded(self.rasters) | rasters)

    @staticmethod
    def _as_loaded(mapping: Mapping[str, Any]) -> Loaded:
        return mapping if isinstance(mapping, Loaded) else Loaded({}) | mapping

    @cached_property
    def counts(self) -> dict[str, int]:
        """Rows of each table; tables that were not asked for yet are not loaded for it."""
        return {name: self.known_rows.get(name) or len(self.tables[name]) for name in self.tables}

    def write(self, folder: Path, kept: Mapping[str, Path] | None = None, *, share: bool = False) -> None:
        """
        Write tables, rasters and last of all the manifest.

        Parameters
        ----------
        folder
            An empty or new folder; without its manifest it is no city, so a half-written one is never read.
        kept
            By name, files that already hold tables and rasters just as they are: they are copied.
        share
            Whether these files get a second name instead, where the file system has such names.
        """
        from dothi.io.parquet import write_table
        from dothi.io.terrain import write_raster

        kept = kept or {}
        for name in [*self.tables, *self.rasters]:
            if name in kept:
                (share_file if share else copy_file)(kept[name], folder / kept[name].name)
            elif name in self.tables:
                write_table(self.tables[name], folder / f"{name}.parquet")
            else:
                write_raster(self.rasters[name], folder / f"{name}.tif")
        manifest = {
            "format": FORMAT,
            "name": self.name,
            "country": self.country,
            "crs": self.crs,
            "bounds": list(self.bounds),
            "tables": self.counts,
            "rasters": sorted(self.rasters),
            "provenance": dict(self.provenance),
        }
        write_text(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")

    def files_of(self, base: City, folder: Path) -> dict[str, Path]:
        """
        Files of another city whose tables and rasters this one has just as they are.

        Parameters
        ----------
        base
            City that this one was made from, as it was read.
        folder
            Where `base` was read from.

        Returns
        -------
        dict
            By name, files in `folder`; to be given to `write`.
        """
        found: dict[str, Path] = {}
        for mine, theirs, ending in ((self.tables, base.tables, "parquet"), (self.rasters, base.rasters, "tif")):
            same = mine.same_as(theirs) if isinstance(mine, Loaded) and isinstance(theirs, Loaded) else ()
            found |= {name: folder / f"{name}.{ending}" for name in same}
        return found

    @classmethod
    def read(cls, folder: Path) -> City:
        """
        Read a city that `write` wrote; tables are loaded when first asked for.

        Parameters
        ----------
        folder
            Folder with ``city.json``.

        Raises
        ------
        InputError
            There is no city, or its manifest is damaged or of another format.
        """
        path = folder / MANIFEST
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError([Problem("is the folder of a built city", file=str(folder))]) from error
        except ValueError as error:
            rule = f"is readable JSON ({error}): run dothi build to make it again"
            raise InputError([Problem(rule, file=str(path))]) from error
        try:
            if manifest["format"] != FORMAT:
                rule = f"has format {FORMAT}, not {manifest['format']}: run dothi build to make it again"
                raise InputError([Problem(rule, file=str(path))])
            return cls(
                name=manifest["name"],
                country=manifest["country"],
                crs=manifest["crs"],
                bounds=tuple(manifest["bounds"]),
                tables=Loaded({name: partial(_load_whole, folder, name) for name in manifest["tables"]}),
                rasters=Loaded({name: partial(_load_raster, folder / f"{name}.tif") for name in manifest["rasters"]}),
                provenance=manifest["provenance"],
                known_rows=manifest["tables"],
            )
        except (KeyError, TypeError) as error:
            rule = "is the manifest of a city: run dothi build to make it again"
            raise InputError([Problem(rule, file=str(path))]) from error


def _referring(changed: Mapping[str, Any], city: City) -> list[str]:
    """Tables whose references may have broken: the changed ones, and those that refer to them."""
    found = []
    for name in city.tables:
        columns = TABLES[name].columns.values() if name in TABLES else ()
        targets = {column.refers_to.split(".")[0] for column in columns if column.refers_to}
        if targets and (name in changed or not targets.isdisjoint(changed)):
            found.append(name)
    return found
