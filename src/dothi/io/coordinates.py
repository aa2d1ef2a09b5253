"""Geometry that columns of a table describe: WKT, WKB, or two coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely

from dothi.errors import Problems
from dothi.io.columns import COORDINATES, GEOMETRY
from dothi.io.mapping import folded
from dothi.io.numerals import numbers

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Shapes = np.ndarray[Any, np.dtype[np.object_]]

WKT_NAMES: Final = ("wkt", "geometry", "geom", "the_geom", "geom_wkt", "shape", "_wkt")
METRE_NAMES: Final = (("x", "y"), ("easting", "northing"))
DEGREE_NAMES: Final = (("lon", "lat"), ("lng", "lat"), ("long", "lat"), ("longitude", "latitude"), ("kinhdo", "vido"))
PLACE_NAMES: Final = frozenset({*WKT_NAMES, *(name for pair in (*METRE_NAMES, *DEGREE_NAMES) for name in pair)})
"""Names of columns that are read for a place without being asked for."""


def shapes_of(
    frame: pd.DataFrame, columns: Mapping[str, str], decimal: str, problems: Problems
) -> tuple[Shapes, bool] | None:
    """
    Geometry of the rows of a table.

    Parameters
    ----------
    frame
        The table.
    columns
        Column of the table to make by column of this one; ``geometry``, ``geometry.x`` and ``geometry.y`` count.
    decimal
        Decimal sign of coordinates written as text; empty to find it out.
    problems
        Collector of what is found.

    Returns
    -------
    tuple or None
        Shapes, and whether their columns are called longitude and latitude; None where no column gives a place.
    """
    there = {folded(str(name)): str(name) for name in frame.columns}
    named = {own: source for source, own in columns.items() if own in (GEOMETRY, *COORDINATES)}
    if absent := [source for source in named.values() if folded(source) not in there]:
        problems.error(f"file has the columns {', '.join(absent)}")
        return None
    own = {target: there[folded(source)] for target, source in named.items()}
    if GEOMETRY in own:
        return _from_text(frame[own[GEOMETRY]], problems), False
    if len(own) == 1:
        problems.error("both geometry.x and geometry.y have a column")
        return None
    if own:
        return _points(frame, own[COORDINATES[0]], own[COORDINATES[1]], decimal, problems), False
    text = next((there[name] for name in WKT_NAMES if name in there), None)
    if text and (not pd.api.types.is_string_dtype(frame[text].dtype) or frame[text].ne("").any()):
        return _from_text(frame[text], problems), False
    for pairs in (DEGREE_NAMES, METRE_NAMES):
        for x, y in pairs:
            if x in there and y in there:
                return _points(frame, there[x], there[y], decimal, problems), pairs is DEGREE_NAMES
    problems.error(
        "file has a place for every row: a column of WKT, or x and y, or lon and lat; name them in `columns`, "
        'such as { X = "geometry.x", Y = "geometry.y" }'
    )
    return None


def _from_text(values: pd.Series, problems: Problems) -> Shapes:
    """Geometry of WKT, EWKT, or WKB as bytes or hexadecimal."""
    binary = not pd.api.types.is_string_dtype(values.dtype)
    if binary:
        raw = values.to_numpy(dtype=object, na_value=None)
    else:
        text = values.fillna("").str.strip().str.replace(r"^SRID=\d+;", "", regex=True)
        # collections fit no table, and deeply nested ones overrun the stack of the parser
        text = text.where(~text.str.contains("COLLECTION", case=False, regex=False), "?")
        binary = bool(text[text != ""].head(1).str.fullmatch("[0-9A-Fa-f]+").any())
        raw = text.where(text != "").to_numpy(dtype=object, na_value=None)
    shapes = np.asarray((shapely.from_wkb if binary else shapely.from_wkt)(raw, on_invalid="ignore"), dtype=object)
    wrong = shapely.is_missing(shapes) & pd.notna(raw)
    if wrong.any():
        rule = "geometry is WKT or WKB of points, lines or polygons"
        problems.error(rule, column=str(values.name), rows=_numbered(wrong))
    return shapes


def _points(frame: pd.DataFrame, x: str, y: str, decimal: str, problems: Problems) -> Shapes:
    """Points of two columns of coordinates; none where one is missing."""
    east, north = _coordinate(frame[x], decimal, problems), _coordinate(frame[y], decimal, problems)
    shapes = np.full(len(frame), None, dtype=object)
    known = np.isfinite(east) & np.isfinite(north)
    shapes[known] = shapely.points(east[known], north[known])
    return shapes


def _coordinate(values: pd.Series, decimal: str, problems: Problems) -> Floats:
    if pd.api.types.is_numeric_dtype(values.dtype):
        return np.asarray(values.to_numpy(dtype="float64", na_value=np.nan))
    codes, distinct = pd.factorize(values)
    texts = [str(text) for text in distinct]
    read, wrong, ambiguous = numbers(texts, decimal)
    if ambiguous:
        # three decimals throughout, as in 105.698: a grouped coordinate would have more than one group
        read, wrong, _ = numbers(texts, "." if any("." in text for text in texts) else ",")
    if wrong:
        rule = f"coordinate is a number; {texts[wrong[0]]!r} is not"
        problems.error(rule, column=str(values.name), rows=_numbered(np.isin(codes, wrong)))
    return np.asarray(np.append(read, np.nan)[codes], dtype="float64")


def _numbered(mask: Mask) -> list[str]:
    return [f"no. {row + 1}" for row in np.flatnonzero(mask)]
