"""Ground levels from rasters, points and breaklines; and the rasters of a study on disk."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import rasterio
import shapely
import xarray as xr
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, GeometryError
from rasterio.enums import ColorInterp
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.transform import Affine
from rasterio.windows import Window

from dothi.crs import Bounds, Extent, transformer
from dothi.errors import InputError, Problem, Problems
from dothi.io.files import check_file, replacing, short_message
from dothi.units import M_PER_FOOT

Floats = NDArray[np.float64]

LOWEST_M: Final = -430.0
HIGHEST_M: Final = 9000.0
"""Levels of dry land: shore of the Dead Sea (about −430 m) to above Mount Everest (8,849 m). Others are fillers."""

US_SURVEY_FOOT_M: Final = 1200.0 / 3937.0
METRES_PER_UNIT: Final = {
    "": 1.0,
    "m": 1.0,
    "metre": 1.0,
    "meter": 1.0,
    "metres": 1.0,
    "meters": 1.0,
    "cm": 0.01,
    "centimetre": 0.01,
    "centimeter": 0.01,
    "dm": 0.1,
    "ft": M_PER_FOOT,
    "foot": M_PER_FOOT,
    "feet": M_PER_FOOT,
    "us survey foot": US_SURVEY_FOOT_M,
    "us_survey_foot": US_SURVEY_FOOT_M,
    "ftus": US_SURVEY_FOOT_M,
}
"""Units of level that rasters name, in metres."""

MAX_CELLS: Final = 100_000_000
MAX_GRID_CELLS: Final = 200_000_000
"""Cells of a raster of the city: 28 × 28 km at 2 m, where each in single precision takes 0.8 GB."""

COARSEST_M: Final = 100.0
MAX_POINTS: Final = 20_000_000
MARGIN_CELLS: Final = 2
LEAST_COVER: Final = 0.5
TIFF_STARTS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
VECTOR_DRIVERS: Final = ("GeoJSON", "GPKG", "ESRI Shapefile", "FlatGeobuf")
TEXT_ENDINGS: Final = (".xyz", ".csv", ".txt", ".asc.txt")
COLUMNS: Final = {
    "x": ("x", "easting", "east", "lon", "longitude", "long", "e"),
    "y": ("y", "northing", "north", "lat", "latitude", "n"),
    "z": ("z", "height", "elevation", "altitude", "level", "elev", "alti", "alt", "hauteur", "cao_do", "h"),
}
"""Names of coordinate columns in tables of points, in the order of preference."""

_TABLE = "terrain"
_TAG = "DOTHI"


@dataclass(frozen=True, slots=True)
class Grid:
    """
    Square cells on a projected grid, their edges on multiples of the cell size.

    Attributes
    ----------
    crs
        Grid, as an EPSG string.
    west, north
        Outer corner of the first cell [m].
    cell_m
        Cell size [m].
    shape
        Rows, southwards, and columns, eastwards.
    """

    crs: str
    west: float
    north: float
    cell_m: float
    shape: tuple[int, int]

    @property
    def x(self) -> Floats:
        """Centres of the columns, ascending (columns,) [m]."""
        return self.west + self.cell_m * (np.arange(self.shape[1], dtype=np.float64) + 0.5)

    @property
    def y(self) -> Floats:
        """Centres of the rows, descending (rows,) [m]."""
        return self.north - self.cell_m * (np.arange(self.shape[0], dtype=np.float64) + 0.5)

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north [m]."""
        rows, columns = self.shape
        return (self.west, self.north - rows * self.cell_m, self.west + columns * self.cell_m, self.north)

    @property
    def transform(self) -> Affine:
        """Affine transform from column and row to x and y."""
        return Affine(self.cell_m, 0.0, self.west, 0.0, -self.cell_m, self.north)

    def array(self, values: NDArray[Any], units: str, method: str, **attrs: Any) -> xr.DataArray:
        """Values (rows, columns) as a raster on this grid."""
        return _raster(values, self.x, self.y, {"units": units, "crs": self.crs, "method": method, **attrs})


def grid_for(extent: Extent, cell_m: float) -> Grid:
    """
    Smallest grid that holds an extent, its cell edges on multiples of the cell size.

    Two extents of the same grid thus give cells that fall on each other.

    Parameters
    ----------
    extent
        Box on a projected grid in metres.
    cell_m
        Cell size [m].

    Raises
    ------
    InputError
        The cell size is not positive, the box is empty or not finite, or there would be more than `MAX_GRID_CELLS`.
    """
    west, south, east, north = extent.bounds
    if not (math.isfinite(cell_m) and cell_m > 0.0):
        raise InputError([Problem(f"cell size is above 0 m; it is {cell_m}", table=_TABLE, column="cell_m")])
    if not (all(map(math.isfinite, extent.bounds)) and west < east and south < north):
        raise InputError([Problem(f"box has an area; it is {_box(extent.bounds)}", table=_TABLE, column="extent")])
    _check_cells((east - west) / 1e3, (north - south) / 1e3, cell_m)
    # A billionth of a cell forgives edges that miss a multiple only by rounding.
    first, last = math.floor(west / cell_m + 1e-9), math.ceil(east / cell_m - 1e-9)
    bottom, top = math.floor(south / cell_m + 1e-9), math.ceil(north / cell_m - 1e-9)
    return Grid(extent.crs, first * cell_m, top * cell_m, cell_m, (max(1, top - bottom), max(1, last - first)))


def _check_cells(wide_km: float, high_km: float, cell_m: float) -> None:
    """Refuse a grid that no memory holds, before it is made."""
    cells = (1e3 * wide_km / cell_m) * (1e3 * high_km / cell_m)
    if cells <= MAX_GRID_CELLS:
        return
    least = 1e3 * math.sqrt(wide_km) * math.sqrt(high_km) / math.sqrt(MAX_GRID_CELLS)
    coarser = f", or `terrain_cell_m` to {math.ceil(least)} or more" if least <= COARSEST_M else ""
    raise InputError(
        [
            Problem(
                f"rasters of the city have at most {MAX_GRID_CELLS:,} cells; an extent of {wide_km:,.6g} × "
                f"{high_km:,.6g} km in cells of {cell_m:g} m has {cells:.3g}: set `extent` to a smaller box{coarser}",
                table=_TABLE,
            )
        ]
    )


def grid_of(raster: xr.DataArray) -> Grid:
    """Grid a raster lies on; its cells are square."""
    x, y = raster["x"].to_numpy(), raster["y"].to_numpy()
    cell = _cell(raster)
    return Grid(str(raster.attrs["crs"]), float(x[0]) - cell / 2, float(y[0]) + cell / 2, cell, (len(y), len(x)))


def read_terrain(
    path: Path, problems: Problems, *, crs: str | None = None, extent: Extent | None = None, max_cells: int = MAX_CELLS
) -> dict[str, xr.DataArray]:
    """
    Ground levels from a GeoTIFF or an Esri ASCII grid.

    Only the window over the extent is read. Scale, offset and unit of the file are applied. Declared
    no-data, values that are not finite, and levels that no land has (fillers such as −9999, −32768,
    3.4e38) become missing.

    Parameters
    ----------
    path
        Raster with one band.
    problems
        Collector of what is found.
    crs
        Grid of the file; it overrules what the file says. An ASCII grid without ``.prj`` needs it.
    extent
        Box to read; without it the whole raster.
    max_cells
        Most cells that are read.

    Returns
    -------
    dict
        ``terrain`` (y, x): ground level [m], float32, missing where unknown; on the grid of the file.

    Raises
    ------
    InputError
        The file is no readable raster of levels, has no known grid, is too large, or covers less than half the extent.
    """
    if not check_file(path, problems):
        problems.raise_errors()
    with _reported(problems, path), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        # Without the type, GDAL takes an ASCII grid whose first rows are whole numbers for integers and cuts the rest.
        with (
            rasterio.Env(AAIGRID_DATATYPE="Float64", GDAL_PAM_ENABLED="NO"),
            rasterio.open(path.absolute(), driver=raster_driver(path)) as source,
        ):
            grid = _checked_grid(source, crs, problems)
            problems.raise_errors()
            window = _window(source, grid, extent, problems)
            _check_size(source, window, max_cells, problems)
            problems.raise_errors()
            raster = _read_window(source, window, grid, problems)
    if extent is not None:
        _check_cover(raster, extent, problems)
    elif not np.isfinite(raster.to_numpy()).any():
        problems.error("some cell has a level", table=_TABLE)
    problems.raise_errors()
    return {"terrain": raster}


def read_terrain_points(
    path: Path,
    problems: Problems,
    *,
    crs: str | None = None,
    extent: Extent | None = None,
    z_column: str | None = None,
    layer: str | None = None,
    max_points: int = MAX_POINTS,
) -> dict[str, gpd.GeoDataFrame]:
    """
    Points and breaklines with levels, from a vector file or a table of coordinates.

    Vector files (GeoPackage, GeoJSON, Shapefile, FlatGeobuf) give points and lines with Z, or with a
    level in `z_column` (found by name where there is no Z). Outlines of polygons count as breaklines.
    Text (``.xyz``, ``.csv``, ``.txt``) has x, y and z in columns, with or without a heading, separated
    by blanks, tabs, commas or semicolons; with semicolons the decimal sign may be a comma.

    Parameters
    ----------
    path
        File.
    problems
        Collector of what is found.
    crs
        Grid of the file; it overrules what the file says. Text needs it.
    extent
        Box to read; without it everything.
    z_column
        Column with the level [m], used instead of Z.
    layer
        Layer of a file that has several.
    max_points
        Most points and vertices that are read.

    Returns
    -------
    dict
        ``terrain_points`` (Point Z) and ``terrain_lines`` (LineString Z), on the grid of the file.

    Raises
    ------
    InputError
        The file cannot be read, has no known grid or no levels, or is too large.
    """
    if not check_file(path, problems):
        problems.raise_errors()
    if path.suffix.lower() in TEXT_ENDINGS:
        shapes, grid = _points_from_text(path, problems, crs, extent, z_column, max_points)
    else:
        shapes, grid = _shapes_from_vector(path, problems, crs, extent, z_column, layer, max_points)
    points, lines = _points_and_lines(shapes)
    points, lines = (_with_levels(part, name, problems) for part, name in ((points, "points"), (lines, "lines")))
    if not len(points) and not len(lines):
        problems.error("some point or line has a level", table=_TABLE)
    problems.raise_errors()
    return {
        "terrain_points": gpd.GeoDataFrame(geometry=points, crs=grid),
        "terrain_lines": gpd.GeoDataFrame(geometry=lines, crs=grid),
    }


def write_raster(array: xr.DataArray, path: Path) -> None:
    """
    Write a raster as a compressed, tiled GeoTIFF, in one step.

    The same raster gives the same bytes: creation options are fixed, and nothing of the time or the
    machine is written.

    Parameters
    ----------
    array
        Raster (y, x) with square cells, ``float32`` (missing is NaN) or ``uint8``; attributes are kept as JSON.
    path
        File.
    """
    grid = grid_of(array)
    values = array.to_numpy()
    is_float = values.dtype.kind == "f"
    values = np.ascontiguousarray(values, dtype=np.float32 if is_float else np.uint8)
    profile = {
        "driver": "GTiff",
        "height": values.shape[0],
        "width": values.shape[1],
        "count": 1,
        "dtype": values.dtype.name,
        "crs": rasterio.CRS.from_user_input(grid.crs),
        "transform": grid.transform,
        "nodata": math.nan if is_float else None,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "deflate",
        "zlevel": 1,
        "predictor": 3 if is_float else 2,
        "bigtiff": "if_safer",
        "num_threads": 1,
    }
    attrs = {key: _plain(value) for key, value in array.attrs.items()}
    with (
        replacing(path) as temporary,
        rasterio.Env(GDAL_PAM_ENABLED="NO"),
        rasterio.open(temporary, "w", **profile) as target,
    ):
        target.write(values, 1)
        target.update_tags(**{_TAG: json.dumps(attrs, sort_keys=True, ensure_ascii=False)})


def read_raster(path: Path) -> xr.DataArray:
    """
    Read a raster that `write_raster` wrote.

    Raises
    ------
    InputError
        The file is missing, damaged, or no raster of a study.
    """
    problems = Problems(str(path))
    with (
        _reported(problems, path, ": run dothi build to make it again"),
        rasterio.Env(GDAL_PAM_ENABLED="NO"),
        rasterio.open(path.absolute(), driver="GTiff") as source,
    ):
        attrs = source.tags().get(_TAG)
        if attrs is None or source.count != 1:
            problems.error("is a raster of a study")
        problems.raise_errors()
        values, transform = source.read(1), source.transform
    rows, columns = values.shape
    x = transform.c + transform.a * (np.arange(columns) + 0.5)
    y = transform.f + transform.e * (np.arange(rows) + 0.5)
    return _raster(values, x, y, json.loads(attrs))


# ── rasters ──────────────────────────────────────────────────────────────────────────────────────


def _raster(values: NDArray[Any], x: Floats, y: Floats, attrs: dict[str, Any]) -> xr.DataArray:
    values = values if values.dtype == np.uint8 else values.astype(np.float32, copy=False)
    return xr.DataArray(values, dims=("y", "x"), coords={"y": y, "x": x}, attrs=attrs)


def _cell(raster: xr.DataArray) -> float:
    for axis in ("x", "y"):
        centres = raster[axis].to_numpy()
        if len(centres) > 1:
            return abs(float(centres[-1] - centres[0])) / (len(centres) - 1)
    return float(raster.attrs.get("cell_m", 1.0))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def raster_driver(path: Path) -> str:
    """The one driver that may open the file: others of GDAL follow links to further files and hosts."""
    with path.open("rb") as handle:
        return "GTiff" if handle.read(4) in TIFF_STARTS else "AAIGrid"


@contextmanager
def _reported(problems: Problems, path: Path, advice: str = "") -> Iterator[None]:
    """Turn what GDAL refuses into an error of the input, with advice at its end."""
    try:
        yield
    except (RasterioError, CRSError, OSError) as error:
        reason = error.__cause__ or error
        rule = f"is a whole GeoTIFF or Esri ASCII grid ({short_message(reason, path)}){advice}"
        problems.error(rule, table=_TABLE)
        raise InputError(problems.errors) from error
    except MemoryError as error:
        problems.error("raster fits into memory: give a smaller extent", table=_TABLE)
        raise InputError(problems.errors) from error


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160]


def _checked_grid(source: Any, crs: str | None, problems: Problems) -> str:
    """Grid of the file as a string; everything wrong with the file that its head shows is reported."""
    if source.count != 1:
        problems.error(f"raster has one band; it has {source.count}", table=_TABLE)
    if source.colorinterp and source.colorinterp[0] == ColorInterp.palette:
        problems.error("raster holds levels, not colours", table=_TABLE)
    if source.dtypes and source.dtypes[0].startswith("complex"):
        problems.error("levels are real numbers", table=_TABLE)
    transform = source.transform
    cell = max(abs(transform.a), abs(transform.e))
    if transform == Affine.identity() or not all(map(math.isfinite, transform)) or not transform.a * transform.e:
        problems.error("raster lies on a grid: its corner and cell size are known", table=_TABLE)
    elif max(abs(transform.b), abs(transform.d)) > 1e-6 * cell:
        problems.error("rows of the raster run west to east: it is rotated", table=_TABLE)
    return _known_grid(crs, source.crs.to_wkt() if source.crs else None, source.bounds, problems)


def _known_grid(given: str | None, found: str | None, bounds: tuple[float, ...], problems: Problems) -> str:
    """Grid as ``EPSG:…`` where it has such a code, after a look at whether the coordinates can be on it."""
    try:
        own = pyproj.CRS.from_user_input(found) if found else None
        crs = pyproj.CRS.from_user_input(given) if given else own
    except pyproj.exceptions.CRSError as error:
        problems.error(f"grid is known to PROJ ({_one_line(error)})", table=_TABLE, column="crs")
        return ""
    if crs is None:
        problems.error("grid is known: the file names none, give crs, such as EPSG:2154", table=_TABLE, column="crs")
        return ""
    if given and own is not None and not own.to_2d().equals(crs.to_2d(), ignore_axis_order=True):
        problems.note(f"grid {given} as given; the file says {own.name}", table=_TABLE, column="crs")
    flat = crs.sub_crs_list[0] if crs.is_compound else crs.to_2d()
    if all(map(math.isfinite, bounds)):
        degrees = abs(bounds[0]) <= 180 and abs(bounds[2]) <= 180 and abs(bounds[1]) <= 90 and abs(bounds[3]) <= 90
        if flat.is_geographic and (max(map(abs, bounds[::2])) > 360 or max(map(abs, bounds[1::2])) > 91):
            problems.error(
                f"coordinates are degrees, as the grid {flat.name} has them; the box is {_box(bounds)}",
                table=_TABLE,
                column="crs",
            )
        elif flat.is_projected and degrees and bounds[2] - bounds[0] < 10:
            problems.error(
                f"coordinates are metres, as the grid {flat.name} has them; the box {_box(bounds)} looks like degrees",
                table=_TABLE,
                column="crs",
            )
    code = flat.to_epsg()
    return f"EPSG:{code}" if code else str(flat.to_wkt())


def _window(source: Any, grid: str, extent: Extent | None, problems: Problems) -> Window:
    """Rows and columns over the extent, with a margin for interpolation, inside the raster."""
    whole = Window(0, 0, source.width, source.height)
    if extent is None:
        return whole
    west, south, east, north = extent.within(grid)
    if not all(map(math.isfinite, (west, south, east, north))):
        problems.error(f"the city lies where the grid {grid} is defined", table=_TABLE, column="crs")
        return whole
    columns = sorted((x - source.transform.c) / source.transform.a for x in (west, east))
    rows = sorted((y - source.transform.f) / source.transform.e for y in (south, north))
    first_column = max(0, math.floor(columns[0]) - MARGIN_CELLS)
    last_column = min(source.width, math.ceil(columns[1]) + MARGIN_CELLS)
    first_row = max(0, math.floor(rows[0]) - MARGIN_CELLS)
    last_row = min(source.height, math.ceil(rows[1]) + MARGIN_CELLS)
    if first_column >= last_column or first_row >= last_row:
        _no_cover(0.0, source.bounds, (west, south, east, north), grid, problems)
        return whole
    return Window(first_column, first_row, last_column - first_column, last_row - first_row)


def _check_size(source: Any, window: Window, max_cells: int, problems: Problems) -> None:
    cells = int(window.width) * int(window.height)
    if cells > max_cells:
        problems.error(
            f"raster has at most {max_cells:,} cells to read; it has {cells:,}: give a smaller extent or max_cells",
            table=_TABLE,
        )
    block = math.prod(source.block_shapes[0]) if source.block_shapes else 0
    if block > max_cells:
        problems.error(f"a block of the file has at most {max_cells:,} cells; it has {block:,}", table=_TABLE)


def _read_window(source: Any, window: Window, grid: str, problems: Problems) -> xr.DataArray:
    raw = source.read(1, window=window)
    values = raw.astype(np.float32, copy=False)
    void = ~np.isfinite(values)
    declared = source.nodata
    if declared is not None and math.isfinite(declared):
        # Compared in the type of the file and in single precision: 3.4028234663852886e+38 is written in many ways.
        void |= (raw == declared) | (values == np.float32(declared))
    scale, offset = float(source.scales[0]), float(source.offsets[0])
    if scale != 1.0 or offset != 0.0:
        values = (values.astype(np.float64) * scale + offset).astype(np.float32)
        problems.note(f"scale {scale:g} and offset {offset:g} of the file applied", table=_TABLE)
    unit = (source.units[0] or "").strip().lower()
    if unit not in METRES_PER_UNIT:
        problems.error(f"unit of level is one of m, cm, ft, US survey foot; it is {unit}", table=_TABLE)
    elif METRES_PER_UNIT[unit] != 1.0:
        values = (values.astype(np.float64) * METRES_PER_UNIT[unit]).astype(np.float32)
        problems.note(f"levels converted from {unit} to metres", table=_TABLE)
    with np.errstate(invalid="ignore"):
        filler = ~void & ((values < LOWEST_M) | (values > HIGHEST_M))
    if filler.any():
        kinds, counts = np.unique(values[filler], return_counts=True)
        problems.repair(
            f"no land lies below {LOWEST_M:g} m or above {HIGHEST_M:g} m: cells such as {kinds[counts.argmax()]:g} "
            "taken as unknown",
            table=_TABLE,
            n_rows=int(filler.sum()),
        )
        void |= filler
    values = np.where(void, np.float32(np.nan), values)
    known = values[~void]
    if known.size > 1 and known.min() == known.max():
        problems.note(f"every cell has the same level, {known[0]:g} m", table=_TABLE)
    transform, (rows, columns) = source.transform, values.shape
    x = transform.c + transform.a * (window.col_off + np.arange(columns) + 0.5)
    y = transform.f + transform.e * (window.row_off + np.arange(rows) + 0.5)
    values = values if transform.e < 0 else values[::-1]
    values = values if transform.a > 0 else values[:, ::-1]
    attrs = {"units": "m", "crs": grid, "method": "measured"}
    return _raster(np.ascontiguousarray(values), np.sort(x), np.sort(y)[::-1], attrs)


def _check_cover(raster: xr.DataArray, extent: Extent, problems: Problems) -> None:
    """Report the share of the extent that has a level, on a lattice of points over it."""
    grid = str(raster.attrs["crs"])
    west, south, east, north = extent.bounds
    share_of_cell = (np.arange(256) + 0.5) / 256
    u, v = np.meshgrid(west + (east - west) * share_of_cell, south + (north - south) * share_of_cell)
    if pyproj.CRS.from_user_input(grid) != pyproj.CRS.from_user_input(extent.crs):
        u, v = transformer(extent.crs, grid).transform(u, v)
    x, y = raster["x"].to_numpy(), raster["y"].to_numpy()
    # Cells need not be square here: each axis has its own size.
    width = (x[-1] - x[0]) / (len(x) - 1) if len(x) > 1 else math.inf
    height = (y[0] - y[-1]) / (len(y) - 1) if len(y) > 1 else math.inf
    with np.errstate(invalid="ignore"):
        column = np.rint((u - x[0]) / width)
        row = np.rint((y[0] - v) / height)
        inside = (column >= 0) & (column < len(x)) & (row >= 0) & (row < len(y))
    known = np.isfinite(raster.to_numpy()[row[inside].astype(np.intp), column[inside].astype(np.intp)])
    share = float(known.sum()) / inside.size
    box = (float(x[0]), float(y[-1]), float(x[-1]), float(y[0]))
    if share < LEAST_COVER:
        _no_cover(share, box, extent.within(grid), grid, problems)
    elif share < 1.0:
        problems.note(f"levels known for {share:.1%} of the city; the rest is a void to fill", table=_TABLE)


def _no_cover(share: float, box: tuple[float, ...], city: Bounds, grid: str, problems: Problems) -> None:
    problems.error(
        f"raster covers at least {LEAST_COVER:.0%} of the city; it covers {share:.0%}: the raster has levels within "
        f"{_box(box)}, the city lies within {_box(city)} on {_short(grid)}",
        table=_TABLE,
    )


def _box(bounds: tuple[float, ...]) -> str:
    decimals = 5 if max(map(abs, bounds)) <= 360 else 0
    return "(" + ", ".join(f"{value:.{decimals}f}" for value in bounds) + ")"


def _short(grid: str) -> str:
    return grid if len(grid) < 40 else pyproj.CRS.from_user_input(grid).name


# ── points and breaklines ────────────────────────────────────────────────────────────────────────


def _shapes_from_vector(
    path: Path,
    problems: Problems,
    crs: str | None,
    extent: Extent | None,
    z_column: str | None,
    layer: str | None,
    max_points: int,
) -> tuple[NDArray[np.object_], str]:
    try:
        info = pyogrio.read_info(path.absolute(), layer=layer)
        if info["driver"] not in VECTOR_DRIVERS:
            problems.error(f"is one of {', '.join(VECTOR_DRIVERS)}; it is {info['driver']}", table=_TABLE)
            problems.raise_errors()
        bounds = info["total_bounds"] or (math.nan,) * 4
        grid = _known_grid(crs, info["crs"], tuple(bounds), problems)
        problems.raise_errors()
        if info["features"] > max_points:
            problems.error(f"has at most {max_points:,} features; it has {info['features']:,}", table=_TABLE)
            problems.raise_errors()
        level_column = z_column or _found(COLUMNS["z"], list(info["fields"]))
        if z_column and z_column not in info["fields"]:
            problems.error(f"column {z_column} is present", table=_TABLE, column=z_column)
            problems.raise_errors()
        frame = pyogrio.read_dataframe(
            path.absolute(),
            layer=layer,
            columns=[level_column] if level_column else [],
            bbox=extent.within(grid) if extent else None,
            force_2d=False,
        )
    except (DataSourceError, DataLayerError, FeatureError, GeometryError, ValueError, UnicodeDecodeError) as error:
        problems.error(f"is a whole vector file ({short_message(error, path)})", table=_TABLE)
        raise InputError(problems.errors) from error
    shapes = np.asarray(frame.geometry.array, dtype=object)
    present = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    count = int(shapely.get_num_coordinates(shapes[present]).sum())
    if count > max_points:
        problems.error(f"has at most {max_points:,} vertices; it has {count:,}: give a smaller extent", table=_TABLE)
        problems.raise_errors()
    if level_column and (z_column or not shapely.has_z(shapes[present]).any()):
        levels = pd.to_numeric(frame[level_column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        unknown = ~np.isfinite(levels)
        if unknown.any():
            present &= ~unknown
            rule = "value is present: features without left out"
            problems.repair(rule, table=_TABLE, column=level_column, n_rows=int(unknown.sum()))
        shapes[present] = shapely.force_3d(shapely.force_2d(shapes[present]), levels[present])
        problems.note(f"levels taken from column {level_column}", table=_TABLE, column=level_column)
    return np.asarray(shapes[present], dtype=object), grid


def _points_from_text(
    path: Path,
    problems: Problems,
    crs: str | None,
    extent: Extent | None,
    z_column: str | None,
    max_points: int,
) -> tuple[NDArray[np.object_], str]:
    style = _style(path, z_column, problems)
    problems.raise_errors()
    grid = _known_grid(crs, None, (math.nan,) * 4, problems)
    problems.raise_errors()
    box = extent.within(grid) if extent else None
    kept: list[Floats] = []
    n_kept = n_bad = 0
    try:
        chunks = pd.read_csv(
            path,
            sep=style.separator,
            decimal=style.decimal,
            header=0 if style.heading else None,
            usecols=list(style.columns),
            chunksize=1_000_000,
            encoding="utf-8-sig",
            encoding_errors="replace",
            comment="#",
            dtype=str,
            on_bad_lines="error",
            engine="c",
        )
        for chunk in chunks:
            texts = chunk[list(style.columns)]
            if style.decimal == ",":
                texts = texts.apply(lambda column: column.str.replace(",", ".", regex=False))
            xyz = texts.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
            good = np.isfinite(xyz).all(axis=1)
            n_bad += int((~good).sum())
            if box is not None:
                x, y = xyz[:, 0], xyz[:, 1]
                good &= (x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])
            kept.append(xyz[good])
            n_kept += int(good.sum())
            if n_kept > max_points:
                problems.error(f"has at most {max_points:,} points: give a smaller extent", table=_TABLE)
                problems.raise_errors()
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OSError) as error:
        problems.error(f"is a table of x, y, z ({_one_line(error)})", table=_TABLE)
        raise InputError(problems.errors) from error
    if n_bad:
        problems.repair("x, y and z are numbers: lines without them left out", table=_TABLE, n_rows=n_bad)
    xyz = np.concatenate(kept) if kept else np.empty((0, 3))
    if len(xyz):
        bounds = (*xyz[:, :2].min(axis=0), *xyz[:, :2].max(axis=0))
        _known_grid(crs, None, bounds, problems)
        problems.raise_errors()
    return np.asarray(shapely.points(xyz), dtype=object), grid


@dataclass(frozen=True, slots=True)
class _Style:
    separator: str
    decimal: str
    heading: bool
    columns: tuple[Any, Any, Any]


def _style(path: Path, z_column: str | None, problems: Problems) -> _Style:
    """How a table of coordinates is written, from its first lines."""
    with path.open("rb") as handle:
        start = handle.read(1 << 16).decode("utf-8-sig", errors="replace")
    lines = [line for line in start.splitlines() if line.strip() and not line.startswith("#")]
    if not lines or "\0" in start:
        problems.error("is a table of x, y, z as text", table=_TABLE)
        return _Style(",", ".", heading=False, columns=(0, 1, 2))
    sample = lines[min(1, len(lines) - 1)]
    separator = next((sign for sign in (";", "\t", ",") if sign in sample), r"\s+")
    decimal = "," if separator in (";", "\t", r"\s+") and "," in sample else "."
    cells = [
        cell.strip().strip('"') for cell in (lines[0].split() if separator == r"\s+" else lines[0].split(separator))
    ]
    heading = not all(_is_number(cell.replace(",", ".")) for cell in cells[:3])
    if not heading:
        if len(cells) < 3:
            problems.error(f"has three columns x, y, z; it has {len(cells)}", table=_TABLE)
        return _Style(separator, decimal, heading=False, columns=(0, 1, 2))
    names = [_found(COLUMNS["x"], cells), _found(COLUMNS["y"], cells), z_column or _found(COLUMNS["z"], cells)]
    for axis, name in zip("xyz", names, strict=True):
        if name is None or name not in cells:
            problems.error(
                f"column {name or axis} is present; there are {', '.join(cells[:8])}", table=_TABLE, column=axis
            )
    return _Style(separator, decimal, heading=True, columns=(names[0], names[1], names[2]))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _found(names: tuple[str, ...], columns: list[str]) -> str | None:
    by_name = {column.strip().lower(): column for column in reversed(columns)}
    return next((by_name[name] for name in names if name in by_name), None)


def _points_and_lines(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Single points and single lines of any shapes; outlines of polygons are lines."""
    parts = np.asarray(shapely.get_parts(shapes), dtype=object)
    while (nested := shapely.get_type_id(parts) >= shapely.GeometryType.MULTIPOINT).any():
        parts = np.concatenate([parts[~nested], shapely.get_parts(parts[nested])])
    kinds = shapely.get_type_id(parts)
    rings = shapely.get_rings(parts[kinds == shapely.GeometryType.POLYGON])
    lines = np.concatenate([parts[np.isin(kinds, (1, 2))], np.asarray(rings, dtype=object)])
    index_of = np.repeat(np.arange(len(lines)), shapely.get_num_coordinates(lines))
    plain = np.asarray(
        shapely.linestrings(shapely.get_coordinates(lines, include_z=True), indices=index_of) if len(lines) else [],
        dtype=object,
    )
    return parts[kinds == shapely.GeometryType.POINT], plain


def _with_levels(shapes: NDArray[np.object_], name: str, problems: Problems) -> NDArray[np.object_]:
    """Shapes whose every vertex has a level that land can have."""
    if not len(shapes):
        return shapes
    xyz, index = shapely.get_coordinates(shapes, include_z=True, return_index=True)
    z = xyz[:, 2]
    with np.errstate(invalid="ignore"):
        bad = ~np.isfinite(xyz).all(axis=1) | (z < LOWEST_M) | (z > HIGHEST_M)
    keep = np.bincount(index, weights=bad, minlength=len(shapes)) == 0
    if not keep.all():
        problems.repair(
            f"every vertex has a level between {LOWEST_M:g} m and {HIGHEST_M:g} m: {name} without left out",
            table=_TABLE,
            n_rows=int((~keep).sum()),
        )
    return np.asarray(shapes[keep], dtype=object)
