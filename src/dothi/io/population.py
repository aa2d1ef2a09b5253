"""
People by area: census zones and cells, population rasters, and ward tables joined to ward outlines.

Ward tables of Vietnam name wards in several spellings of one name; `spelling` makes them one.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import rasterio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj.exceptions import CRSError
from rasterio.errors import RasterioError, RasterioIOError
from rasterio.windows import Window

from dothi.crs import Extent
from dothi.errors import Problems
from dothi.io import encodings
from dothi.io.files import check_file, short_message
from dothi.io.terrain import raster_driver

COLUMNS: Final[dict[str, str]] = {
    "ind": "residents",
    "residents": "residents",
    "population": "residents",
    "pop": "residents",
    "pop_total": "residents",
    "dansonguoi": "residents",
    "dân số": "residents",
    "men": "households",
    "households": "households",
    "jobs": "jobs",
    "emplois": "jobs",
    "employment": "jobs",
    "code": "code",
    "ward_code": "code",
    "wardcode": "code",
    "idinspire": "code",
    "fullname": "name",
    "full_name": "name",
    "name": "name",
    "tenhc": "name",
    "ward": "name",
    "loai": "type",
    "tentinh": "province",
    "province": "province",
}
"""
Own name of a column by its usual names in small letters.

``ma`` and ``maxa`` of the tables of sapnhap.bando.com.vn are numbers of its own, not official codes.
"""

COUNTS: Final = ("residents", "households", "jobs")
MOST_BYTES: Final = 500_000_000
MOST_ROWS: Final = 2_000_000
STRIP: Final = 4_000_000
LONGEST_NUMBER: Final = 40
Level = Literal["cell", "block", "ward", "district", "city"]
Kind = Literal["zones", "grid", "wards"]

_TONES: Final = "\u0300\u0301\u0303\u0309\u0323"
_TYPE: Final = re.compile(r"^(phường|xã|đặc khu|thị trấn|p\.|x\.)\s+")
_GROUPED: Final = re.compile(r"-?\d{1,3}([.,\s\u00a0\u202f]\d{3})+")
_NUMBER: Final = re.compile(r"-?\d+([.,]\d+)?")
_DECIMAL: Final = re.compile(r"-?(\d+[.,](\d{1,2}|\d{4,})|\d{4,}[.,]\d{3}|0[.,]\d+)")
_BOTH: Final = re.compile(r"-?\d{1,3}(?:([.,])\d{3})+(?!\1)[.,]\d+")


def read_population(
    path: Path,
    problems: Problems,
    *,
    kind: Kind,
    extent: Extent | None = None,
    level: Level = "cell",
    columns: Mapping[str, str] | None = None,
    wards: Path | None = None,
    province: str = "",
    valid_from: str = "",
    crs: str = "",
    encoding: str = "utf-8",
) -> dict[str, gpd.GeoDataFrame]:
    """
    People by area.

    Parameters
    ----------
    path
        ``zones``: polygons with counts in any vector format. ``grid``: raster of people per cell. ``wards``:
        CSV table of wards.
    problems
        Collector; errors are raised before the end.
    kind
        What `path` holds.
    extent
        Area to read; cells and zones that touch it are read whole.
    level
        What a zone is, for ``zones``.
    columns
        Source column → ``residents``, ``households``, ``jobs``, ``code``, ``name``, ``type`` or ``province``,
        beside those of `COLUMNS`.
    wards
        Outlines of the wards, for ``wards``, with ``code`` or ``name``.
    province
        Rows of the ward table to use; needed where ward names repeat between provinces.
    valid_from
        First day of these wards, ISO 8601.
    crs
        Grid of files that name none.
    encoding
        Encoding of the ward table, as in `dothi.io.encodings`.

    Returns
    -------
    dict
        ``census``; for ``wards`` also ``wards``. Counts that the source does not have are missing.

    Raises
    ------
    InputError
        The file cannot be read, or breaks a rule.
    """
    if check_file(path, problems) and wards is not None:
        check_file(wards, problems)
    problems.raise_errors()
    if kind == "grid":
        tables = {"census": _grid(path, problems, extent, crs)}
    elif kind == "zones":
        tables = {"census": _zones(path, problems, extent, level, columns or {}, crs)}
    else:
        if wards is None:
            problems.error("a ward table goes with a file of ward outlines", table="wards")
            problems.raise_errors()
        assert wards is not None  # noqa: S101 - for the type checker
        tables = _wards(path, wards, problems, extent, columns or {}, province, valid_from, crs, encoding)
    problems.raise_errors()
    return tables


# --- polygons ------------------------------------------------------------------------------------------------


def _polygons(path: Path, problems: Problems, extent: Extent | None, crs: str, table: str) -> gpd.GeoDataFrame:
    """Polygons of a vector file that touch the extent."""
    try:
        info = pyogrio.read_info(path)
        grid = info["crs"] or crs
        if not grid:
            problems.error("the file says on which grid it is, or the study does (crs)", table=table)
            problems.raise_errors()
        if path.is_file() and path.stat().st_size > MOST_BYTES and extent is None:
            problems.error(f"a file above {MOST_BYTES / 1e6:.0f} MB is read for an extent", table=table)
        box = extent.within(grid) if extent is not None else None
        n_rows = pyogrio.read_info(path, force_feature_count=True)["features"] if box is None else 0
        if n_rows > MOST_ROWS:
            problems.error(f"at most {MOST_ROWS} areas", table=table, n_rows=n_rows)
        problems.raise_errors()
        frame = pyogrio.read_dataframe(path, bbox=box, use_arrow=False)
        if not isinstance(frame, gpd.GeoDataFrame):
            problems.error("rows have outlines", table=table)
            problems.raise_errors()
        if frame.crs is None:
            frame = frame.set_crs(grid)
    except (DataSourceError, DataLayerError, UnicodeDecodeError) as error:
        problems.error(f"the file can be read: {short_message(error, path)}", table=table)
    except CRSError:
        problems.error(f"the grid {crs!r} is known", table=table, column="crs")
    problems.raise_errors()
    shapes = shapely.force_2d(np.asarray(frame.geometry.array, dtype=object))
    flat = (shapely.get_dimensions(shapes) == 2) & ~shapely.is_empty(shapes)
    if not flat.all():
        problems.repair("rows without a polygon are left out", table=table, rows=frame.index[~flat])
    frame = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))[flat]
    if box is not None and len(frame):
        frame = frame[shapely.intersects(np.asarray(frame.geometry.array, dtype=object), shapely.box(*box))]
    if not len(frame):
        problems.error("the file has polygons" + (" in the extent" if extent is not None else ""), table=table)
        problems.raise_errors()
    return frame.reset_index(drop=True)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]


def _named(frame: pd.DataFrame, columns: Mapping[str, str], problems: Problems, table: str) -> pd.DataFrame:
    """Columns under own names; the ones the user maps come first, of several usual ones the first of `COLUMNS`."""
    given = {str(source): own for source, own in columns.items()}
    for source in given:
        if source not in frame.columns:
            problems.error("column is present", table=table, column=source)
    usual = {str(name).casefold(): name for name in frame.columns}
    own_names = {own: usual[low] for low, own in reversed(COLUMNS.items()) if low in usual}
    own_names.update({own: source for source, own in given.items() if source in frame.columns})
    return pd.DataFrame({own: frame[source] for own, source in own_names.items()}, index=frame.index)


def _zones(
    path: Path, problems: Problems, extent: Extent | None, level: Level, columns: Mapping[str, str], crs: str
) -> gpd.GeoDataFrame:
    frame = _polygons(path, problems, extent, crs, "census")
    named = _named(frame.drop(columns=frame.geometry.name), columns, problems, "census")
    if not set(COUNTS) & set(named.columns):
        columns_there = ", ".join(str(name) for name in frame.columns if name != frame.geometry.name)
        problems.error(f"one column holds residents, households or jobs; there are: {columns_there}", table="census")
    problems.raise_errors()
    census = _census(named, frame.geometry, level, problems)
    _check_codes(census["code"], "census", problems)
    return census


def _census(named: pd.DataFrame, geometry: gpd.GeoSeries, level: Level, problems: Problems) -> gpd.GeoDataFrame:
    """Census table of named columns."""
    index = pd.RangeIndex(len(named), name="census_id")
    table = gpd.GeoDataFrame({"geometry": geometry.to_numpy()}, index=index, geometry="geometry", crs=geometry.crs)
    for name in ("code", "name"):
        table[name] = (
            _texts(named[name]).to_numpy() if name in named.columns else pd.array([pd.NA] * len(named), dtype="str")
        )
    table["kind"] = level
    for name in COUNTS:
        table[name] = counts(named[name], problems, "census", name) if name in named.columns else np.nan
    return table


def _texts(values: pd.Series) -> pd.Series:
    """Texts in NFC without outer blanks; whole numbers without decimals; empty ones missing."""
    if pd.api.types.is_float_dtype(values.dtype):
        values = values.astype("Int64") if (values.dropna() % 1 == 0).all() else values
    texts = (
        values.astype("str")
        .where(values.notna())
        .map(lambda text: unicodedata.normalize("NFC", text).strip(), na_action="ignore")
    )
    return texts.where(texts != "").astype("str")


def _check_codes(codes: pd.Series, table: str, problems: Problems) -> None:
    twice = codes[codes.notna() & codes.duplicated()]
    if len(twice):
        problems.error("codes are unique", table=table, column="code", rows=twice.unique(), n_rows=len(twice))


def counts(values: pd.Series, problems: Problems, table: str, column: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """
    Counts of people from numbers or from texts such as ``8.718.000``, ``30,509`` and ``681.5``.

    A sign before exactly three digits groups thousands, since nobody counts people in thousandths, unless
    another text of the column shows that it is the decimal sign. Texts that are no number are missing and
    noted; negative and infinite counts are errors.

    >>> counts(pd.Series(["8.718.000", "30,509", "đang cập nhật"]), Problems(), "wards", "residents").tolist()
    [8718000.0, 30509.0, nan]
    """
    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype="float64", na_value=np.nan)
    else:
        texts = values.astype("str").where(values.notna()).str.strip()
        decimal = "".join(sorted({match[0][-1] for match in map(_decimal_sign, texts.dropna().unique()) if match}))
        numbers = texts.map(lambda text: _number(text, decimal), na_action="ignore").to_numpy(
            dtype="float64", na_value=np.nan
        )
        unread = texts.notna().to_numpy() & (texts != "").to_numpy(dtype=bool, na_value=False) & np.isnan(numbers)
        if unread.any():
            samples = sorted(set(texts[unread]))[:3]
            problems.note(
                f"entries that are no number are taken as missing ({', '.join(map(repr, samples))})",
                table=table,
                column=column,
                rows=values.index[unread],
            )
    for rule, broken in (("≥ 0", numbers < 0.0), ("is finite", np.isinf(numbers))):
        if broken.any():
            problems.error(rule, table=table, column=column, rows=values.index[broken])
    return np.asarray(numbers, dtype=np.float64)


def _decimal_sign(text: str) -> str:
    """The decimal sign a text gives away, else empty."""
    signs = [letter for letter in text if letter in ".,"]
    return signs[-1] if signs and (_BOTH.fullmatch(text) or _DECIMAL.fullmatch(text)) else ""


def _number(text: str, decimal: str) -> float:
    """Number of a text, NaN for none; `decimal` holds the signs known to be decimal in its column."""
    signs = {letter for letter in text if letter in ".,"}
    if _BOTH.fullmatch(text):
        last = max(signs, key=text.rfind)
        return float(text.replace((signs - {last}).pop(), "").replace(last, "."))
    is_decimal = len(re.findall("[.,]", text)) == 1 and signs <= set(decimal)
    if _GROUPED.fullmatch(text) and not is_decimal:
        return float(re.sub(r"[^\d-]", "", text))
    if _NUMBER.fullmatch(text) and len(text) < LONGEST_NUMBER:
        return float(text.replace(",", "."))
    return float("nan")


# --- rasters -------------------------------------------------------------------------------------------------


def _grid(path: Path, problems: Problems, extent: Extent | None, crs: str) -> gpd.GeoDataFrame:
    """Cells with people of a raster of counts, read in strips so that memory stays bounded."""
    corners: list[np.ndarray[Any, Any]] = []
    people: list[np.ndarray[Any, Any]] = []
    n_negative = n_cells = 0
    grid: Any = None
    try:
        with rasterio.open(path, driver=raster_driver(path)) as source:
            grid = source.crs or crs or None
            if grid is None:
                problems.error("the raster says on which grid it is, or the study does (crs)", table="census")
            if source.count > 1:
                problems.note(f"the first of {source.count} bands is read", table="census", column="residents")
            if source.transform.is_identity:
                problems.error("the raster says where it lies (no geotransform found)", table="census")
            problems.raise_errors()
            window = _window(source, extent, grid)
            if window is None:
                problems.error("the raster covers a part of the extent", table="census")
                problems.raise_errors()
            for strip in _strips(window):
                values = source.read(1, window=strip, masked=True).astype("float64").filled(np.nan)
                n_negative += int(np.count_nonzero(values < 0.0))
                row, column = np.nonzero(np.isfinite(values) & (values > 0.0))
                n_cells += len(row)
                if n_cells > MOST_ROWS:
                    problems.error(
                        f"at most {MOST_ROWS} cells with people are read: name a smaller extent", table="census"
                    )
                    problems.raise_errors()
                people.append(values[row, column])
                corners.append(_corners(source.transform, row + strip.row_off, column + strip.col_off))
    except (RasterioIOError, RasterioError) as error:
        problems.error(f"the raster can be read: {short_message(error, path)}", table="census")
    except CRSError:
        problems.error(f"the grid {crs!r} is known", table="census", column="crs")
    problems.raise_errors()
    if n_negative:
        problems.repair("negative counts are taken as no data", table="census", column="residents", n_rows=n_negative)
    counted = np.concatenate(people)
    if not len(counted):
        problems.error("some cells have people", table="census", column="residents")
        problems.raise_errors()
    return gpd.GeoDataFrame(
        {
            "geometry": shapely.polygons(np.concatenate(corners)),
            "kind": "cell",
            "residents": counted,
            "households": np.nan,
            "jobs": np.nan,
        },
        index=pd.RangeIndex(len(counted), name="census_id"),
        geometry="geometry",
        crs=grid,
    )


def _window(source: Any, extent: Extent | None, grid: Any) -> Window | None:
    """Rows and columns of the cells that touch the extent; none where there are none."""
    if extent is None:
        return Window(0, 0, source.width, source.height)
    west, south, east, north = extent.within(grid)
    columns, rows = _moved(
        ~source.transform, np.array([west, east, east, west]), np.array([south, south, north, north])
    )
    first_column, last_column = max(0, int(np.floor(columns.min()))), min(source.width, int(np.ceil(columns.max())))
    first_row, last_row = max(0, int(np.floor(rows.min()))), min(source.height, int(np.ceil(rows.max())))
    if first_column >= last_column or first_row >= last_row:
        return None
    return Window(first_column, first_row, last_column - first_column, last_row - first_row)


def _moved(transform: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Points under an affine transform."""
    return transform.a * x + transform.b * y + transform.c, transform.d * x + transform.e * y + transform.f


def _strips(window: Window) -> list[Window]:
    width = min(int(window.width), STRIP)
    height = max(1, STRIP // width)
    return [
        Window(
            column,
            row,
            min(width, window.col_off + window.width - column),
            min(height, window.row_off + window.height - row),
        )
        for row in range(int(window.row_off), int(window.row_off + window.height), height)
        for column in range(int(window.col_off), int(window.col_off + window.width), width)
    ]


def _corners(transform: Any, row: Any, column: Any) -> np.ndarray[Any, Any]:
    """Closed ring of each cell, (n, 5, 2)."""
    x, y = _moved(
        transform,
        column[:, None] + np.array([0.0, 1.0, 1.0, 0.0, 0.0]),
        row[:, None] + np.array([0.0, 0.0, 1.0, 1.0, 0.0]),
    )
    return np.stack([x, y], axis=-1)


# --- ward tables ---------------------------------------------------------------------------------------------


def spelling(name: str) -> str:
    """
    One spelling for the spellings of one Vietnamese name.

    Unicode form, case, kind of ward, dashes, apostrophes and the place of the tone mark in a syllable do not
    count; the letters and tones do.

    >>> spelling("Phường Thuận Hoá") == spelling("thuận hóa"), spelling("Hoà") == spelling("Hóa")
    (True, False)
    """
    return " ".join(_tone_last(word) for word in bare_name(name).split())


def bare_name(name: str) -> str:
    """Name in small letters without the kind of ward, with one kind of dash, blank and apostrophe."""
    text = unicodedata.normalize("NFC", name).casefold().strip()
    text = re.sub(r"[’‘`´]", "'", re.sub(r"\s*[-–—]\s*", " - ", text))
    return _TYPE.sub("", re.sub(r"\s+", " ", text))


def _tone_last(word: str) -> str:
    letters = unicodedata.normalize("NFD", word)
    tones = "".join(letter for letter in letters if letter in _TONES)
    return unicodedata.normalize("NFC", "".join(letter for letter in letters if letter not in _TONES)) + tones


def plain_letters(name: str) -> str:
    """
    Name without any mark on its letters, blanks or dashes: a last resort.

    >>> plain_letters("Phường Đa Kao"), plain_letters("Đăk Bla") == plain_letters("Đắk Bla")
    ('dakao', True)
    """
    letters = unicodedata.normalize("NFD", bare_name(name)).replace("đ", "d")
    return "".join(letter for letter in letters if letter.isalnum())


def _ward_type(text: str) -> str:
    match = re.match(r"\s*(phường|xã|đặc khu|thị trấn)(\s|$)", unicodedata.normalize("NFC", text).casefold())
    return match[1] if match else ""


def _table(path: Path, problems: Problems, encoding: str) -> pd.DataFrame:
    """All cells of a CSV file as text."""
    codec = encodings.known(encoding)
    if not codec:
        problems.error(f"the encoding {encoding!r} is known", table="wards", column="encoding")
        problems.raise_errors()
    try:
        if path.stat().st_size > MOST_BYTES:
            problems.error(f"a ward table has at most {MOST_BYTES / 1e6:.0f} MB", table="wards")
            problems.raise_errors()
        text = encodings.decode(path.read_bytes(), codec).lstrip("\ufeff")
        header = text.split("\n", 1)[0]
        separator = max(",;\t|", key=header.count)
        frame = pd.read_csv(io.StringIO(text), sep=separator, dtype="str", keep_default_na=False, skipinitialspace=True)
    except OSError as error:
        problems.error(f"the file can be read ({error.strerror})", table="wards")
    except UnicodeDecodeError as error:
        problems.error(f"text is {encoding} (byte {error.start} is not; name the encoding)", table="wards")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        problems.error(f"the file is a table with a header ({_first_line(error)})", table="wards")
    problems.raise_errors()
    if not len(frame):
        problems.error("the table has rows", table="wards")
    looks = encodings.suspicion(header_and_cells(frame))
    if looks:
        problems.error(f"text is read in its own encoding; it looks like {looks}", table="wards", column="encoding")
    problems.raise_errors()
    return frame.apply(lambda values: values.str.strip()).replace("", np.nan)


def header_and_cells(frame: pd.DataFrame) -> Sequence[str]:
    """Column names and the cells of the first 200 rows."""
    return [*map(str, frame.columns), *frame.head(200).to_numpy(dtype=object).ravel().astype(str)]


def _wards(
    path: Path,
    outlines: Path,
    problems: Problems,
    extent: Extent | None,
    columns: Mapping[str, str],
    province: str,
    valid_from: str,
    crs: str,
    encoding: str,
) -> dict[str, gpd.GeoDataFrame]:
    table = _named(_table(path, problems, encoding), columns, problems, "wards")
    shapes = _polygons(outlines, problems, extent, crs, "wards")
    drawn = _named(shapes.drop(columns=shapes.geometry.name), {}, problems, "wards")
    for needed, frame, what in (("residents", table, "table"), ("name", table, "table"), ("name", drawn, "outlines")):
        if needed not in frame.columns:
            problems.error(f"column is present in the {what}", table="wards", column=needed)
    problems.raise_errors()
    table, drawn = table[table["name"].notna()], drawn.assign(name=_texts(drawn["name"]))
    table = _of_province(table.assign(name=_texts(table["name"])), province, problems).reset_index(drop=True)
    for frame in (table, drawn):
        if "code" in frame.columns:
            frame["code"] = _texts(frame["code"])
            _check_codes(frame["code"].str.lstrip("0"), "wards", problems)
    problems.raise_errors()
    match = _matched(table, drawn, problems)
    problems.raise_errors()
    found = match >= 0
    residents = np.full(len(drawn), np.nan)
    told = table["residents"].iloc[match[found]].set_axis(drawn["name"][found])
    residents[found] = counts(told, problems, "wards", "residents")
    names_of_province = table["province"].to_numpy(dtype=object) if "province" in table.columns else None
    index = pd.RangeIndex(len(drawn), name="ward_id")
    wards = gpd.GeoDataFrame(
        {
            "geometry": shapes.geometry.to_numpy(),
            "name": drawn["name"].to_numpy(),
            "code": drawn["code"].to_numpy() if "code" in drawn.columns else None,
            "province": province or None,
            "residents": residents,
            "valid_from": valid_from or None,
        },
        index=index,
        geometry="geometry",
        crs=shapes.crs,
    )
    if names_of_province is not None:
        known = np.full(len(drawn), None, dtype=object)
        known[found] = names_of_province[match[found]]
        wards["province"] = known
    for name in ("name", "code", "province", "valid_from"):
        wards[name] = wards[name].astype("str")
    census = wards[["geometry", "name", "code", "residents"]].assign(kind="ward", households=np.nan, jobs=np.nan)
    return {"wards": wards, "census": census.rename_axis("census_id")}


def _of_province(table: pd.DataFrame, province: str, problems: Problems) -> pd.DataFrame:
    """Rows of one province; all where none is asked for."""
    if not province:
        return table
    if "province" not in table.columns:
        problems.error("column is present, since a province is asked for", table="wards", column="province")
        problems.raise_errors()
    names = table["province"].dropna().unique()
    asked = spelling(_without_rank(province))
    mine = [name for name in names if spelling(_without_rank(str(name))) == asked]
    if not mine:
        problems.error(
            f"the province {province!r} is in the table: {', '.join(sorted(map(str, names)))}",
            table="wards",
            column="province",
        )
        problems.raise_errors()
    return table[table["province"].isin(mine)]


def _without_rank(province: str) -> str:
    return re.sub(r"^(thủ đô|thành phố|tỉnh|tp\.?)\s+", "", unicodedata.normalize("NFC", province).casefold().strip())


def _matched(table: pd.DataFrame, drawn: pd.DataFrame, problems: Problems) -> np.ndarray[Any, np.dtype[np.int64]]:
    """
    Row of the table for each outline, −1 for none: by code, kind and name, name, letters without marks.

    A step decides only where exactly one row and one outline are left with the same key; several are errors.
    """
    match = np.full(len(drawn), -1, dtype=np.int64)
    used = np.zeros(len(table), dtype=bool)
    kinds = table["type"] if "type" in table.columns else table["name"]
    row_names, own_names = table["name"].astype(str), drawn["name"].astype(str)
    row_types = kinds.map(_ward_type, na_action="ignore").fillna("")
    own_types = own_names.map(_ward_type)
    steps: list[tuple[str, pd.Series, pd.Series]] = []
    if "code" in table.columns and "code" in drawn.columns:
        steps.append(("code", table["code"].str.lstrip("0"), drawn["code"].str.lstrip("0")))
    row_key, own_key = row_names.map(spelling), own_names.map(spelling)
    typed = (row_types != "").all() and (own_types != "").all()
    if typed:
        steps.append(("kind and name", row_types + " " + row_key, own_types + " " + own_key))
    steps.append(("name", row_key, own_key))
    steps.append(("letters", row_names.map(plain_letters), own_names.map(plain_letters)))
    for step, row_keys, own_keys in steps:
        rows = row_keys[~used & row_keys.notna().to_numpy()]
        groups = rows.groupby(rows).indices
        left = np.flatnonzero(match < 0)
        asked = own_keys.iloc[left]
        repeated = set(asked[asked.duplicated(keep=False)].dropna())
        matched_here: list[int] = []
        for outline, key in zip(left, asked, strict=True):
            if not isinstance(key, str) or key not in groups:
                continue
            candidates = rows.index[groups[key]]
            if len(candidates) > 1 or key in repeated:
                listed = ", ".join(_described(table, row) for row in candidates[:5])
                problems.error(
                    f"one ward of the table fits the outline; {own_names[outline]!r} fits: {listed}; name the province"
                    " or give codes",
                    table="wards",
                    column="name",
                    rows=[own_names[outline]],
                )
                continue
            match[outline] = candidates[0]
            used[candidates[0]] = True
            matched_here.append(int(outline))
        _tell(step, matched_here, match, table, drawn, problems)
        if problems.errors:
            return match
    if (match < 0).any():
        missing = own_names[match < 0]
        if len(missing) == len(drawn):
            problems.error("some outlines are wards of the table", table="wards", column="name", rows=missing)
        problems.note("wards without a row in the table have no residents", table="wards", column="name", rows=missing)
    return match


def _described(table: pd.DataFrame, row: int) -> str:
    parts = [str(table.at[row, name]) for name in ("type", "name", "province") if name in table.columns]
    return " ".join(parts[:-1]) + f" ({parts[-1]})" if "province" in table.columns else " ".join(parts)


def _tell(
    step: str,
    outlines: list[int],
    match: np.ndarray[Any, np.dtype[np.int64]],
    table: pd.DataFrame,
    drawn: pd.DataFrame,
    problems: Problems,
) -> None:
    """Report codes that pair different names, and names that agree only without their marks."""
    pairs = [(str(drawn["name"].iloc[o]), str(table["name"].iloc[match[o]])) for o in outlines]
    if step == "code":
        apart = [f"{own} / {row}" for own, row in pairs if plain_letters(own) != plain_letters(row)]
        if apart:
            problems.error("wards of one code have one name", table="wards", column="code", rows=apart)
    elif step == "letters" and pairs:
        spelt = [f"{own} / {row}" for own, row in pairs]
        problems.note("wards are paired by letters without their marks", table="wards", column="name", rows=spelt)
    elif step == "name" and pairs and "type" in table.columns:
        types = [
            f"{own} / {table['type'].iloc[match[o]]} {row}"
            for (own, row), o in zip(pairs, outlines, strict=True)
            if _ward_type(own) and _ward_type(str(table["type"].iloc[match[o]])) != _ward_type(own)
        ]
        if types:
            problems.note(
                "wards are paired by name though their kinds differ", table="wards", column="name", rows=types
            )
