"""Exports: the formats on offer, and one way to write any of them, wholly or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dothi.errors import DothiError, InputError, Problems
from dothi.publish.written import Notify, Written, nobody

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.study import Study


@dataclass(frozen=True, slots=True)
class Format:
    """
    A format that cities are written in.

    Attributes
    ----------
    name
        What one types.
    title
        What it is, in one line.
    suffix
        Ending of the file; empty where it is a folder.
    writer
        ``module:function``, imported when used: ``f(city, path, layers, notify) -> Written``. The path is that of a
        new file or folder; `layers` gives the columns of each layer, or is None for all that the format has by itself.
    layers
        ``module:name`` of the layers the format has, as names or with the columns they have by themselves; empty
        where it takes every table.
    single
        Ending of a file that a format of folders writes where there is but one layer.
    rasters
        Whether its layers are rasters.
    metric
        Whether coordinates must be metres.
    of_study
        Whether it carries a whole study with its scenarios: ``f(study, path, scenarios, notify) -> Written``.
    """

    name: str
    title: str
    suffix: str
    writer: str
    layers: str = ""
    single: str = ""
    rasters: bool = False
    metric: bool = False
    of_study: bool = False


FORMATS: Final[dict[str, Format]] = {
    each.name: each
    for each in (
        Format(
            "cityjson",
            "CityJSON 2.0: buildings as solids with meaning, terrain, roads, water, land use, trees",
            ".city.json",
            "dothi.publish.cityjson:write_cityjson",
            "dothi.publish.cityjson:CARRIED",
            metric=True,
        ),
        Format(
            "cityjsonseq",
            "CityJSON 2.0, an object a line: for large cities",
            ".city.jsonl",
            "dothi.publish.cityjson:write_cityjsonseq",
            "dothi.publish.cityjson:CARRIED",
            metric=True,
        ),
        Format(
            "3dtiles",
            "3D Tiles 1.1: a folder to stream to a globe in the browser",
            "",
            "dothi.publish.tiles3d:export_3dtiles",
            "dothi.publish.tiles3d:COLUMNS",
            metric=True,
        ),
        Format(
            "glb",
            "binary glTF: one 3D model for Blender and the like",
            ".glb",
            "dothi.publish.glb:export_glb",
            "dothi.publish.tiles3d:COLUMNS",
            metric=True,
        ),
        Format("gpkg", "GeoPackage: every table a layer, for QGIS", ".gpkg", "dothi.publish.vectors:write_gpkg"),
        Format(
            "geoparquet",
            "GeoParquet 1.1: a file for every table, for DuckDB, pandas and the like",
            "",
            "dothi.publish.vectors:write_parquet_folder",
            single=".parquet",
        ),
        Format(
            "geojson",
            "GeoJSON (RFC 7946): a file for every table, in degrees",
            "",
            "dothi.publish.vectors:write_geojson_folder",
            single=".geojson",
        ),
        Format(
            "geotiff",
            "GeoTIFF: a file for every raster",
            "",
            "dothi.publish.vectors:write_geotiff_folder",
            single=".tif",
            rasters=True,
        ),
        Format(
            "omx",
            "Open Matrix 0.2: trips between zones, for other programs of transport planning",
            ".omx",
            "dothi.publish.matrices:write_matrices",
            of_study=True,
        ),
        Format(
            "html",
            "one page with the city in 3D, its scenarios and their sources: opens from a disk, without a network",
            ".html",
            "dothi.publish.handover:write_html",
            of_study=True,
        ),
    )
}
"""Formats by name."""


@dataclass(frozen=True, slots=True)
class Exported:
    """
    An export that is done.

    Attributes
    ----------
    path
        File or folder.
    bytes
        Its size [B].
    counts
        Objects by layer.
    notes
        What the format cannot carry.
    seconds
        Time it took [s].
    """

    path: Path
    bytes: int
    counts: dict[str, int]
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


def export(
    city: City,
    format_name: str,
    target: Path | None = None,
    *,
    layers: Sequence[str] = (),
    columns: Sequence[str] = (),
    crs: str | None = None,
    compress: bool = False,
    force: bool = False,
    notify: Notify = nobody,
    study: Study | None = None,
    scenarios: Sequence[str] = (),
) -> Exported:
    """
    Write a city in a format.

    The target is written under another name beside it and renamed at the end, so it is whole or not there.

    Parameters
    ----------
    city
        City.
    format_name
        One of `FORMATS`.
    target
        File or folder to write; named after the city, in the current folder, where None.
    layers
        Tables or rasters; all that the format has where empty.
    columns
        Columns, ``height_m`` or ``buildings.height_m``; all where empty.
    crs
        Another grid for the coordinates, such as ``EPSG:9217``.
    compress
        Whether to pack the result into a zip archive.
    force
        Whether to replace what is there.
    notify
        Told of each layer.
    study
        Study of the city, for formats that carry all of it.
    scenarios
        Scenarios that such a format carries besides the city as it is; all that were run where empty.

    Raises
    ------
    InputError
        The format, layers, columns or grid are not known, or the target cannot be written: all are named at once.
    DothiError
        Writing failed, as on a full disk; what was there before is still there.
    """
    began = time.perf_counter()
    problems = Problems()
    found = FORMATS.get(format_name.lower())
    if found is None:
        problems.error(f"format is one of {', '.join(FORMATS)}; {format_name[:40]!r} is not")
    whole_study = found is not None and found.of_study
    _check_study(found, study, scenarios, (*layers, *columns, *((crs,) if crs else ())), problems)
    chosen = None if whole_study else _chosen(city, found, layers, columns, problems)
    target = target if target is not None else Path(default_name(city.name, found, layers, compress))
    _check_target(target, found, chosen, problems, compress=compress, force=force)
    grid = None if whole_study else _checked_grid(city, found, crs, problems)
    problems.raise_errors()
    assert found is not None  # noqa: S101  # an unknown format has been raised as an error
    if grid is not None:
        city = on_grid(city, grid)
    writer = _imported(found.writer)
    with _whole(target, inner_suffix=_suffix(target, found, compress)) as (temporary, outcome):
        written: Written = (
            writer(study, temporary, scenarios, notify) if whole_study else writer(city, temporary, chosen, notify)
        )
        outcome.append(_packed(temporary, target) if compress else temporary)
    return Exported(target, _size(target), written.counts, written.notes, time.perf_counter() - began)


def default_name(name: str, found: Format | None, layers: Sequence[str] = (), compress: bool = False) -> str:
    """
    Name of an export of a city.

    >>> default_name("Thừa Thiên Huế", FORMATS["gpkg"]), default_name("Huế", FORMATS["3dtiles"])
    ('thừa-thiên-huế.gpkg', 'huế-3dtiles')
    """
    slug = re.sub(r"[^\w]+", "-", name.lower()).strip("-")[:60] or "city"
    if found is None:
        return slug
    if found.suffix:
        whole = f"{slug}{found.suffix}"
    elif found.single and len(layers) == 1:
        whole = f"{slug}-{layers[0]}{found.single}"
    else:
        whole = f"{slug}-{found.name}"
    return f"{whole}.zip" if compress else whole


# --- checks -------------------------------------------------------------------------------------------------------


def _imported(address: str) -> Any:
    module, _, name = address.partition(":")
    return getattr(import_module(module), name)


def _check_study(
    found: Format | None, study: Study | None, scenarios: Sequence[str], parts: Sequence[str], problems: Problems
) -> None:
    if found is None:
        return
    if found.of_study and study is None:
        problems.error(f"{found.name} is written of a study, not of a city alone")
    if found.of_study and parts:
        problems.error(f"{found.name} carries the whole city on its own grid: leave out --layers, --columns and --crs")
    if scenarios and not found.of_study:
        whole = ", ".join(name for name, each in FORMATS.items() if each.of_study)
        problems.error(f"{found.name} carries the city as it is; scenarios are carried by {whole}")


def _chosen(
    city: City, found: Format | None, layers: Sequence[str], columns: Sequence[str], problems: Problems
) -> Mapping[str, Sequence[str]] | None:
    """Columns by layer; None where the format decides."""
    offered = _imported(found.layers) if found is not None and found.layers else None
    there = [*city.rasters] if found is not None and found.rasters else [*city.tables]
    if offered is not None:
        there = [name for name in offered if name in city.tables or name in city.rasters]
    elif found is None:
        there += [*city.rasters]
    for name in layers:
        if name not in there:
            known = f"one of the layers of {found.name if found else 'the city'} ({', '.join(there)})"
            problems.error(f"is {known}", table=name[:60])
    if not layers and not columns:
        return None
    picked = [name for name in dict.fromkeys(layers or there) if name in there]
    if not layers and offered is None:
        picked = [name for name in picked if name in city.rasters or len(city[name])]
    if not columns:
        default = offered if isinstance(offered, Mapping) else {}
        return {name: default.get(name, _columns(city, name)) for name in picked}
    wanted = [("", name) if "." not in name else tuple(name.split(".", 1)) for name in columns]
    result: dict[str, list[str]] = {}
    extra = ("building_parts",) if offered is not None and "buildings" in picked else ()
    for name in (*picked, *extra):
        has = _columns(city, name)
        result[name] = [column for table, column in dict.fromkeys(wanted) if table in ("", name) and column in has]
    for table, column in wanted:
        if table and table not in result:
            problems.error("is one of the layers that are written", table=table[:60])
        elif not any(column in result[name] for name in result if table in ("", name)):
            place = table or "one of the layers that are written"
            problems.error(f"is a column of {place}", table=table[:60], column=column[:60])
    return result


def _columns(city: City, name: str) -> list[str]:
    return [] if name not in city.tables else [str(column) for column in city[name].columns if column != "geometry"]


def _suffix(target: Path, found: Format, compress: bool) -> str:
    """Ending of what the writer makes: a file's, or none for a folder."""
    name = target.name.removesuffix(".zip") if compress else target.name
    if found.suffix:
        return found.suffix
    return found.single if found.single and name.lower().endswith(found.single) else ""


def _check_target(
    target: Path, found: Format | None, chosen: Any, problems: Problems, *, compress: bool, force: bool
) -> None:
    here = Problems(str(target))
    if found is not None and found.single and _suffix(target, found, compress) and (chosen is None or len(chosen) != 1):
        here.error(f"one file holds one layer: name it with --layers, or a folder instead of a {found.single}")
    name = target.name.removesuffix(".zip") if compress else target.name
    ending = Path(found.suffix).suffix or found.suffix if found is not None else ""
    if ending and not name.lower().endswith(ending):
        here.error(f"the name of a file in this format ends with {ending}")
    if compress and not target.name.endswith(".zip"):
        here.error("the name of a compressed export ends with .zip")
    if "\0" in str(target):
        here.error("is a name that the system takes (it has a zero byte)")
        problems.extend(here)
        return
    try:
        there = target.exists() or target.is_symlink()
        folder = next(parent for parent in target.absolute().parents if parent.exists())
        if there and not force:
            here.error("is not there yet; --force replaces it")
        elif there and _is_precious(target, found, compress):
            here.error("is an export that may be replaced, not another folder or file")
        if not folder.is_dir():
            here.error(f"lies in a folder; {folder} is none")
        elif not os.access(folder, os.W_OK | os.X_OK):
            here.error(f"lies in a folder that may be written; {folder} is not")
    except (OSError, ValueError) as error:
        here.error(f"is a name that the system takes ({getattr(error, 'strerror', None) or error})")
    problems.extend(here)


def _is_precious(target: Path, found: Format | None, compress: bool) -> bool:
    """Whether what is there is of another kind than what would replace it, or a folder of more than an export."""
    as_folder = found is not None and not _suffix(target, found, compress) and not compress
    if target.is_dir() != as_folder:
        return True
    if not as_folder:
        return False
    endings = {".parquet", ".geojson", ".tif", ".json", ".glb", ".subtree", ".bin", ".gz"}
    files = (file for file in target.rglob("*") if file.is_file() or file.is_symlink())
    return any(file.suffix not in endings for file in files)


def _checked_grid(city: City, found: Format | None, crs: str | None, problems: Problems) -> str | None:
    """Grid to move to; None where the city stays on its own."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    grid: str | None = None
    if crs is not None:
        text = f"EPSG:{crs}" if crs.isdigit() else crs
        try:
            asked = CRS.from_user_input(text)
        except CRSError:
            problems.error(
                f"--crs is a coordinate reference system that PROJ knows, such as EPSG:9217; {crs[:60]!r} is not"
            )
            return None
        if not (asked.is_projected or asked.is_geographic):
            problems.error(f"--crs is a grid or geographic; {asked.name} is neither")
            return None
        grid = None if asked == CRS.from_user_input(city.crs) else text
        if grid is not None and found is not None and found.name == "geojson":
            problems.error("GeoJSON is always in degrees on WGS 84: leave --crs out")
    if found is not None and found.metric:
        asked = CRS.from_user_input(grid or city.crs)
        if not asked.is_projected or any(axis.unit_name != "metre" for axis in asked.axis_info[:2]):
            problems.error(f"{found.name} needs a projected grid in metres; {asked.name} is none")
        elif found.name.startswith("cityjson") and asked.to_epsg(min_confidence=100) is None:
            problems.error(f"CityJSON names its grid by an EPSG code, and {asked.name} has none: choose one with --crs")
    return grid


def on_grid(city: City, crs: str) -> City:
    """City on another grid; tables and rasters are moved when they are asked for."""
    from dataclasses import replace

    from dothi.city import Loaded
    from dothi.crs import Extent

    bounds = Extent(city.crs, city.bounds).within(crs)
    return replace(
        city,
        crs=crs,
        bounds=bounds,
        tables=Loaded({name: partial(_moved, city, name, crs) for name in city.tables}),
        rasters=Loaded({name: partial(_warped, city, name, crs) for name in city.rasters}),
    )


def _moved(city: City, name: str, crs: str) -> Any:
    import geopandas as gpd

    table = city[name]
    return table.to_crs(crs) if isinstance(table, gpd.GeoDataFrame) else table


def _warped(city: City, name: str, crs: str) -> Any:
    """Raster on another grid, with cells as large as they were; classes as that of the nearest cell."""
    import numpy as np
    from pyproj import CRS
    from rasterio.enums import Resampling
    from rasterio.warp import reproject

    from dothi.crs import Extent
    from dothi.io.terrain import grid_for, grid_of

    raster = city.rasters[name]
    own = grid_of(raster)
    if not CRS.from_user_input(crs).is_projected:
        raise InputError([_needs_metres(name)])
    grid = grid_for(Extent(crs, Extent(own.crs, own.bounds).within(crs)), own.cell_m)
    is_float = raster.dtype.kind == "f"
    values = np.full(grid.shape, np.nan if is_float else 0, dtype=raster.dtype)
    reproject(
        raster.to_numpy(),
        values,
        src_transform=own.transform,
        src_crs=own.crs,
        src_nodata=np.nan if is_float else None,
        dst_transform=grid.transform,
        dst_crs=crs,
        dst_nodata=np.nan if is_float else None,
        resampling=Resampling.bilinear if is_float else Resampling.nearest,
        num_threads=1,
    )
    attrs = {key: value for key, value in raster.attrs.items() if key not in ("units", "crs", "method")}
    return grid.array(values, str(raster.attrs.get("units", "")), str(raster.attrs.get("method", "")), **attrs)


def _needs_metres(name: str) -> Any:
    from dothi.errors import Problem

    return Problem("rasters are written on a projected grid in metres: choose one with --crs", table=name)


# --- files --------------------------------------------------------------------------------------------------------


@contextmanager
def _whole(target: Path, *, inner_suffix: str) -> Iterator[tuple[Path, list[Path]]]:
    """
    Path that does not exist yet, beside the target; what the block hands over is renamed to it.

    Yields
    ------
    temporary, outcome
        Where to write, and the list to which the finished path is added.
    """
    import pyarrow as pa
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, GeometryError

    token = secrets.token_hex(4)
    work = target.with_name(f".{target.name[:40]}-{token}.part")
    outcome: list[Path] = []
    try:
        work.mkdir(parents=True)
        yield work / f"city{inner_suffix}", outcome
        done = outcome[0]
        for file in [done] if done.is_file() else sorted(done.rglob("*")):
            if file.is_file():
                with file.open("rb+") as handle:
                    os.fsync(handle.fileno())
        _put(done, target, work / "before")
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        reason = "the disk is full" if full else (error.strerror or str(error))
        raise DothiError(f"{target} was not written: {reason}.") from error
    except (DataLayerError, DataSourceError, FeatureError, GeometryError, pa.ArrowException) as error:
        raise DothiError(f"{target} was not written: {' '.join(str(error).split())[:200]}.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _put(done: Path, target: Path, aside: Path) -> None:
    """Rename; what was there is set aside first where the system cannot replace it in one step."""
    if target.is_dir() and not target.is_symlink():
        target.rename(aside)
        try:
            done.rename(target)
        except OSError:
            aside.rename(target)
            raise
    else:
        done.replace(target)


def _packed(path: Path, target: Path) -> Path:
    """Zip archive of a file, or of the files of a folder."""
    from zipfile import ZIP_DEFLATED, ZipFile

    archive = path.with_name("city.zip")
    inside = target.name.removesuffix(".zip")
    with ZipFile(archive, "w", ZIP_DEFLATED, compresslevel=6) as packed:
        if path.is_file():
            packed.write(path, inside)
        else:
            for file in sorted(path.rglob("*")):
                if file.is_file():
                    packed.write(file, f"{inside}/{file.relative_to(path).as_posix()}")
    return archive


def _size(path: Path) -> int:
    """Size of a file, or of all files of a folder [B]."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
