"""Tables from general vector files: GeoPackage, GeoJSON, Shapefile, FlatGeobuf, GeoParquet and CSV."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from dothi.crs import LONLAT, Extent
from dothi.errors import Problems
from dothi.io.archive import open_archive
from dothi.io.columns import GEOMETRY, LISTED, map_frame
from dothi.io.coordinates import PLACE_NAMES, shapes_of
from dothi.io.delimited import read_delimited, text_encoding
from dothi.io.encodings import VIETNAMESE, decode, is_utf8, known, suspicion
from dothi.io.files import check_file, short_message
from dothi.io.mapping import ColumnMapping, folded, load_mapping, mapping_names
from dothi.io.placement import check_place, swapped, swapped_bounds
from dothi.io.wholeness import FORMATS, beside, check_kind
from dothi.tables import TABLES

__all__ = ["load_mapping", "map_frame", "mapping_names", "read_vector"]

MAX_ROWS: Final = 50_000_000
SAMPLE_TEXTS: Final = 2_000
SAFE_TEXT: Final = "iso8859-1"
"""Reads any byte as the letter of the same number, so that no text is lost before its encoding is known."""


@dataclass(frozen=True, slots=True)
class _Request:
    """What to read of a file."""

    path: Path
    plan: ColumnMapping
    table: str
    layer: str | None
    crs: str | None
    encoding: str
    where: str | None
    extent: Extent | None
    swap_axes: bool

    def wants(self, name: str) -> bool:
        """Whether a column of the file is read: one that the mapping names, or, without a mapping, any that fits."""
        return folded(name) in {folded(source) for source in self.plan.sources()}

    def box(self, crs: CRS) -> tuple[float, float, float, float] | None:
        """Bounds to read within, in the axes of the file."""
        if self.extent is None:
            return None
        bounds = self.extent.within(crs)
        if not np.isfinite(bounds).all():  # the study is out of reach of this grid, which `check_place` reports
            return None
        return swapped_bounds(bounds) if self.swap_axes else bounds


def read_vector(
    path: Path,
    problems: Problems,
    *,
    table: str,
    layer: str | None = None,
    mapping: str | ColumnMapping | None = None,
    columns: Mapping[str, str] | None = None,
    values: Mapping[str, Mapping[str, Any]] | None = None,
    defaults: Mapping[str, Any] | None = None,
    factors: Mapping[str, float | str] | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    where: str | Mapping[str, Any] | None = None,
    extent: Extent | None = None,
    swap_axes: bool = False,
    decimal: str | None = None,
) -> dict[str, pd.DataFrame]:
    """
    One table of a vector file.

    Without `mapping` and `columns`, columns of the file named as in the table are taken.

    Parameters
    ----------
    path
        GeoPackage, GeoJSON, GeoJSONSeq, Shapefile, FlatGeobuf, GeoParquet or CSV, also in a zip archive.
    problems
        Collector of what is found.
    table
        Name of the table to make.
    layer
        Layer of a file that has several, or file of an archive that has several.
    mapping
        Ready-made mapping such as ``bdtopo3:batiment``; see `mapping_names`.
    columns
        Column of the table by column of the file; ``geometry`` takes WKT, ``geometry.x`` and ``geometry.y`` numbers.
    values
        Value by value of the file, by column of the table. ``*`` stands for all values not listed; an empty value is
        missing; the value ``*`` keeps what the file has.
    defaults
        Value where the file has none, by column of the table.
    factors
        Factor, or unit of the file such as ``km_h``, by column of the table.
    crs
        Grid of the coordinates, in place of what the file says.
    encoding
        Encoding of the text, in place of what the file says; ``tcvn3`` and ``vni`` for Vietnamese before Unicode.
    where
        Rows to read: conditions by column of the file, or OGR SQL for the formats that GDAL reads.
    extent
        Box to read within; objects that reach into it come whole.
    swap_axes
        Whether the file has y before x.
    decimal
        Decimal sign of numbers written as text, ``.`` or ``,``; found out where that is possible.

    Returns
    -------
    dict
        The table by its name, in the grid of the file.

    Raises
    ------
    InputError
        The file is missing, damaged, of another kind, in another encoding or grid than it says, or does not fit the
        table; every problem is named.
    """
    if table not in TABLES:
        problems.error(f"table is one of {', '.join(TABLES)}", table=table)
    if decimal not in (None, ".", ","):
        problems.error(f'decimal is "." or ","; it is {decimal!r}')
    if encoding and not known(encoding):
        problems.error(f"encoding is one that is known, such as UTF-8, cp1252 or tcvn3; this is {encoding!r}")
    base = _base_mapping(mapping, table, problems)
    problems.raise_errors()
    conditions = None if isinstance(where, str) else where
    if mapping is None and columns is None:
        base = ColumnMapping(columns={name: name for name in TABLES[table].columns if name != GEOMETRY})
    plan = base.with_own(
        columns=columns, values=values, defaults=defaults, factors=factors, where=conditions, decimal=decimal or ""
    )
    sql = where if isinstance(where, str) else None
    request = _Request(path, plan, table, layer, crs, known(encoding or ""), sql, extent, swap_axes)
    frame = _read_any(request, problems)
    problems.raise_errors()
    result = map_frame(frame, plan, problems, table)
    problems.raise_errors()
    return {table: result}


def _base_mapping(mapping: str | ColumnMapping | None, table: str, problems: Problems) -> ColumnMapping:
    if mapping is None:
        return ColumnMapping()
    try:
        base = load_mapping(mapping) if isinstance(mapping, str) else mapping
    except KeyError as error:
        problems.error(str(error.args[0]))
        return ColumnMapping()
    if base.table and base.table != table:
        problems.error(f"mapping {base.name} makes the table {base.table}", table=table)
    return base


def _read_any(request: _Request, problems: Problems) -> pd.DataFrame:
    path = request.path
    if not check_file(path, problems):
        return pd.DataFrame()
    if path.suffix.lower() == ".zip":
        with open_archive(path, problems) as folder:
            inside = _member(folder, request, problems)
            problems.raise_errors()
            return _read_file(inside, request, problems)
    return _read_file(path, request, problems)


def _member(folder: Path, request: _Request, problems: Problems) -> Path:
    """File of an archive to read: the only one, the one of the layer, or the one the mapping is made for."""
    found = sorted(file for file in folder.rglob("*") if FORMATS.get(file.suffix.lower(), "CSV") != "CSV")
    found = found or sorted(file for file in folder.rglob("*") if file.suffix.lower() in FORMATS)
    names = [request.layer] if request.layer else [request.plan.layer]
    chosen = [file for file in found if folded(file.stem) in map(folded, names) or file.name in names]
    if not chosen and not request.layer and len(found) == 1:
        chosen = found
    if len(chosen) == 1:
        return chosen[0]
    listed = ", ".join(file.stem for file in found[:LISTED]) + (", …" if len(found) > LISTED else "")
    if not found:
        problems.error(f"archive holds a vector file ({', '.join(FORMATS)})")
    else:
        problems.error(f'archive holds several files; say which: add layer = "…", one of {listed}')
    return folder


def _read_file(path: Path, request: _Request, problems: Problems) -> pd.DataFrame:
    kind = FORMATS.get(path.suffix.lower(), "")
    if not kind:
        problems.error(f"ending of the file is one of .zip, {', '.join(FORMATS)}; it is {path.suffix or 'none'}")
        return pd.DataFrame()
    if request.where and kind in ("CSV", "Parquet"):
        problems.error(f'`where` for {kind} is written as conditions: where = {{ COLUMN = "value" }}')
    check_kind(path, kind, problems)
    problems.raise_errors()
    if kind == "CSV":
        return _read_csv(path, request, problems)
    if kind == "Parquet":
        return _read_parquet(path, request, problems)
    return _read_ogr(path, kind, request, problems)


def _read_ogr(path: Path, kind: str, request: _Request, problems: Problems) -> pd.DataFrame:
    """Layer of a file that GDAL reads."""
    if kind.startswith("GeoJSON") and request.encoding not in ("", "utf-8", *VIETNAMESE):
        codec = text_encoding(path, request.encoding, problems)
        problems.raise_errors()
        with tempfile.TemporaryDirectory(prefix="dothi-") as folder:
            copy = Path(folder) / path.name
            copy.write_text(path.read_text(encoding=codec), encoding="utf-8")
            return _read_layer(copy, kind, request, problems)
    return _read_layer(path, kind, request, problems)


def _read_layer(path: Path, kind: str, request: _Request, problems: Problems) -> pd.DataFrame:
    shapefile = kind == "ESRI Shapefile"
    codec = SAFE_TEXT if shapefile else None
    try:
        with warnings.catch_warnings(record=True) as found, np.errstate(invalid="ignore"):
            warnings.simplefilter("always")
            layer = _layer(path, request, problems)
            info = pyogrio.read_info(path, layer=layer, encoding=codec)
            if info["driver"] not in (kind, "GeoJSON"):
                problems.error(f"is a {kind} file; GDAL takes it for {info['driver']}")
            grid = _grid(request.crs or info["crs"], problems, GEOMETRY in TABLES[request.table].columns)
            problems.raise_errors()
            text = _text_codec(path, info, request, problems) if shapefile else ""
            names = [decode(str(name).encode("latin-1"), text) if shapefile else str(name) for name in info["fields"]]
            frame = pyogrio.read_dataframe(
                path,
                layer=layer,
                encoding=codec,
                columns=[raw for raw, name in zip(info["fields"], names, strict=True) if request.wants(name)],
                bbox=request.box(grid) if grid else None,
                where=_as_stored(request.where, text),
                use_arrow=True,
            )
            if kind == "GeoJSONSeq":
                _check_all_read(path, problems)
            if grid and not len(frame) and request.extent:
                info = pyogrio.read_info(path, layer=layer, encoding=codec, force_total_bounds=True)
            if isinstance(frame, gpd.GeoDataFrame):
                frame = frame.rename(columns=dict(zip(info["fields"], names, strict=True)))
                frame = _with_text(frame, text, request, problems)
    except UnicodeDecodeError as error:
        byte = f"byte {error.object[error.start]:#x} is not"
        problems.error(
            f'text is UTF-8, as {kind} wants; {byte}: add encoding = "cp1252" (western) or "cp1258" (Vietnamese)'
        )
        return pd.DataFrame()
    except (RuntimeError, OSError, ValueError, shapely.errors.ShapelyError) as error:
        what = "`where` is a condition on columns of the file" if request.where else "file is whole and of its kind"
        problems.error(f"{what}: {short_message(error, path)}")
        return pd.DataFrame()
    for message in {str(warning.message) for warning in found if "Measured" not in str(warning.message)}:
        problems.note(short_message(message, path))
    if not isinstance(frame, gpd.GeoDataFrame):
        return _from_columns(frame, request, problems)
    return _placed(frame, grid, request, problems, info["total_bounds"])


def _check_all_read(path: Path, problems: Problems) -> None:
    """Report lines of GeoJSONSeq that are no object, which GDAL passes over in silence."""
    with path.open("rb") as handle:
        separated = handle.read(1) == b"\x1e"  # RFC 8142: an object may then take several lines
        handle.seek(0)
        n_objects = sum(line.count(b"\x1e") if separated else bool(line.strip()) for line in handle)
    n_read = pyogrio.read_info(path, force_feature_count=True)["features"]
    if n_read != n_objects:
        problems.error(f"every line is one object; {n_objects:,} lines give {n_read:,} objects")


def _as_stored(where: str | None, codec: str) -> str | None:
    """OGR SQL whose text looks like that of a Shapefile before it is decoded."""
    if not where or not codec or codec in VIETNAMESE:
        return where
    return where.encode(codec).decode("latin-1")


def _layer(path: Path, request: _Request, problems: Problems) -> str | None:
    """Layer to read: the only one, the one named, or the one the mapping is made for."""
    there = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
    wanted = request.layer or (request.plan.layer if len(there) > 1 else "")
    chosen = [name for name in there if folded(name) == folded(wanted)]
    if len(there) == 1 and (not request.layer or path.suffix.lower() != ".gpkg"):
        return there[0]
    if chosen:
        return chosen[0]
    if not there:
        problems.error("file has a layer")
    else:
        problems.error(f'layer is one of {", ".join(there[:LISTED])}: add layer = "…"')
    problems.raise_errors()
    return None


def _grid(crs: Any, problems: Problems, geographic: bool) -> CRS | None:
    """Grid of the coordinates; one that is missing or unknown is reported."""
    if crs is None:
        if geographic:
            problems.error(
                'grid of the coordinates is known; the file does not say it: add crs = "EPSG:…", '
                'such as crs = "EPSG:4326" for degrees, "EPSG:2154" for France'
            )
        return None
    try:
        return CRS.from_user_input(crs)
    except CRSError:
        problems.error(f'grid of the coordinates is one that is known; this is {str(crs)[:80]!r}: add crs = "EPSG:…"')
        return None


def _text_codec(path: Path, info: Mapping[str, Any], request: _Request, problems: Problems) -> str:
    """Encoding of the text of a Shapefile: as asked for, as its .cpg says, UTF-8 where it can be, else as GDAL says."""
    if request.encoding:
        return request.encoding
    if (page := beside(path, ".cpg")) is not None:
        said = page.read_bytes()[:64].decode("ascii", errors="replace").strip()
        if name := known(said):
            return name
        problems.note(f"{page.name} names an encoding that nobody knows: {said!r}")
    columns = [
        name
        for name, kind in zip(info["fields"], info["dtypes"], strict=True)
        if str(kind) == "object" and request.wants(str(name))
    ]
    if columns:
        frame = pyogrio.read_dataframe(path, columns=columns, encoding=SAFE_TEXT, read_geometry=False, use_arrow=True)
        raw = (text.encode("latin-1") for name in columns for text in frame[name].dropna().unique())
        if is_utf8(raw, cut=True):
            return "utf-8"
    name = known(str(info["encoding"] or ""))
    return "cp1252" if name in ("", "iso8859-1", "utf-8") else name


def _with_text(frame: gpd.GeoDataFrame, codec: str, request: _Request, problems: Problems) -> gpd.GeoDataFrame:
    """Same frame with its text decoded; text that does not decode, or clearly was decoded wrongly, is reported."""
    target = codec or (request.encoding if request.encoding in VIETNAMESE else "")
    sample: list[str] = []
    for name in frame.columns:
        if name == GEOMETRY or not pd.api.types.is_string_dtype(frame[name].dtype):
            continue
        codes, distinct = pd.factorize(frame[name])
        texts = [str(text) for text in distinct]
        if target and not all(text.isascii() for text in texts):
            lost = []
            for i, text in enumerate(texts):
                try:
                    texts[i] = _decoded(text, target, cut=bool(codec))
                except UnicodeError:
                    lost.append(i)
            if lost:
                said = 'add encoding = "cp1252" (French and other western text), "cp1258" or "tcvn3" (Vietnamese)'
                rows = np.flatnonzero(np.isin(codes, lost)) + 1
                problems.error(
                    f"text is {target}; it is not: {said}", column=str(name), rows=[f"no. {row}" for row in rows]
                )
            frame = frame.assign(**{name: pd.array([*texts, None], dtype="str").take(codes)})
        sample.extend(text for text in texts[:SAMPLE_TEXTS] if not text.isascii())
    hint = suspicion(sample)
    if hint and not request.encoding:
        example = next(text for text in sample if suspicion([text]) == hint)
        problems.note(
            f'text such as {example[:40]!r} looks like {hint} read as something else: try encoding = "{hint}"'
        )
    return frame


def _decoded(text: str, codec: str, *, cut: bool) -> str:
    """Text whose bytes came as letters of the same number; its last letter may be cut where `cut`."""
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        raw = text.encode("cp1252")
    if codec == "utf-8" and cut:
        for short in range(4):
            try:
                return decode(raw[: len(raw) - short], codec)
            except UnicodeDecodeError as error:
                if error.reason != "unexpected end of data":
                    raise
    return decode(raw, codec)


def _read_parquet(path: Path, request: _Request, problems: Problems) -> pd.DataFrame:
    """GeoParquet, or Parquet with a column of geometry or coordinates."""
    try:
        with pq.ParquetFile(path) as file:
            names = [str(name) for name in file.schema_arrow.names]
            extra = file.schema_arrow.metadata or {}
            n_rows = file.metadata.num_rows
        if n_rows > MAX_ROWS:
            problems.error(f"has at most {MAX_ROWS:,} rows; it announces {n_rows:,}")
            return pd.DataFrame()
        wanted = [name for name in names if request.wants(name)]
        if b"geo" not in extra:
            frame = pd.read_parquet(path, columns=[n for n in names if n in wanted or folded(n) in PLACE_NAMES])
            return _from_columns(frame, request, problems)
        primary = str(json.loads(extra[b"geo"])["primary_column"])
        with np.errstate(invalid="ignore"):  # coordinates that are no numbers are reported later, with their rows
            shapes = gpd.read_parquet(path, columns=[*(name for name in wanted if name != primary), primary])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, shapely.errors.ShapelyError) as error:
        problems.error(f"file is whole and of its kind: {short_message(error, path)}")
        return pd.DataFrame()
    if shapes.geometry.name != GEOMETRY:
        shapes = shapes.drop(columns=GEOMETRY, errors="ignore").rename_geometry(GEOMETRY)
    grid = _grid(request.crs or shapes.crs, problems, geographic=True)
    return _placed(_with_text(shapes, "", request, problems), grid, request, problems)


def _read_csv(path: Path, request: _Request, problems: Problems) -> pd.DataFrame:
    def wanted(name: str) -> bool:
        return request.wants(name) or folded(name) in PLACE_NAMES

    frame = read_delimited(path, problems, encoding=request.encoding, wanted=wanted)
    return pd.DataFrame() if frame is None else _from_columns(frame, request, problems)


def _from_columns(frame: pd.DataFrame, request: _Request, problems: Problems) -> pd.DataFrame:
    """Frame with the geometry that its columns describe, where the table has any."""
    text = _with_text(gpd.GeoDataFrame(frame), "", request, problems)
    if GEOMETRY not in TABLES[request.table].columns:
        return pd.DataFrame(text)
    found = shapes_of(text, request.plan.columns, request.plan.decimal, problems)
    if found is None:
        return pd.DataFrame()
    shapes, degrees = found
    grid = _grid(request.crs or (LONLAT if degrees else None), problems, geographic=True)
    problems.raise_errors()
    plain = text.drop(columns=GEOMETRY, errors="ignore")
    return _placed(gpd.GeoDataFrame(plain, geometry=shapes), grid, request, problems)


def _placed(
    frame: gpd.GeoDataFrame,
    grid: CRS | None,
    request: _Request,
    problems: Problems,
    bounds: tuple[float, float, float, float] | None = None,
) -> gpd.GeoDataFrame:
    """Frame on its grid, x before y, limited to the extent; coordinates that contradict the grid are reported."""
    if grid is None:
        return frame
    if request.swap_axes:
        frame = frame.set_geometry(swapped(np.asarray(frame.geometry.array, dtype=object)))
    frame = frame.set_crs(grid, allow_override=True)
    own = np.asarray(frame.total_bounds) if len(frame) else np.full(4, np.nan)
    if np.isnan(own).any() and bounds is not None:
        own = np.array(swapped_bounds(bounds) if request.swap_axes else bounds)
    check_place(tuple(own), grid, request.extent, problems, request.swap_axes)
    if request.extent is not None and not problems.errors:
        box = request.extent.within(grid)
        places = frame.geometry.bounds.to_numpy()
        with np.errstate(invalid="ignore"):
            inside = (
                (places[:, 0] <= box[2])
                & (places[:, 2] >= box[0])
                & (places[:, 1] <= box[3])
                & (places[:, 3] >= box[1])
            )
        outside = ~inside & ~np.isnan(places[:, 0])
        frame = frame[~outside] if outside.any() else frame
        if not len(frame):
            problems.note("no object lies within the extent", table=request.table)
    return frame
