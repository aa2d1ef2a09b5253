"""Columns of a table as the property tables of EXT_structural_metadata: described, typed, gaps marked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dothi.errors import Problems
from dothi.schema import Column, expand
from dothi.shapes import Integers
from dothi.tables import TABLES

MISSING: Final = "missing"
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
NO_FLOAT: Final = (-9999.0, -99999.0, -999999.0, -1e30)
SEMANTICS: Final = {"name": "NAME"}
COMPONENTS: Final = {"i1": "INT8", "u1": "UINT8", "i2": "INT16", "u2": "UINT16", "i4": "INT32", "u4": "UINT32"}


@dataclass(frozen=True, slots=True, eq=False)
class Property:
    """
    One column.

    Attributes
    ----------
    name
        Name of the column.
    definition
        The class property of the schema.
    values : (n,)
        Values as stored: numbers, codes of an enum, 0 or 1, or strings.
    enum
        Names and codes of a category.
    """

    name: str
    definition: dict[str, Any]
    values: NDArray[Any]
    enum: dict[str, Any] = field(default_factory=dict)

    def arrays(self, rows: Integers) -> dict[str, NDArray[Any] | str]:
        """Arrays of some rows by their names in a property table."""
        values = self.values[rows]
        match self.definition["type"]:
            case "BOOLEAN":
                return {"values": np.packbits(values, bitorder="little")}
            case "STRING":
                texts = [text.encode() for text in values.tolist()]
                ends = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
                short = ends[-1] < 1 << 16
                return {
                    "values": np.frombuffer(b"".join(texts), dtype=np.uint8),
                    "stringOffsets": ends.astype("<u2" if short else "<u4"),
                    "stringOffsetType": "UINT16" if short else "UINT32",
                }
            case _:
                return {"values": values}


@dataclass(frozen=True, slots=True, eq=False)
class Properties:
    """
    Columns of a table, ready to be cut into tiles that share one schema.

    Attributes
    ----------
    table
        Name of the table.
    description
        What one row is.
    columns
        Its columns, the identifier first.
    """

    table: str
    description: str
    columns: tuple[Property, ...]

    def schema(self) -> dict[str, dict[str, Any]]:
        """Enums and the class of the table."""
        enums = {column.definition["enumType"]: column.enum for column in self.columns if column.enum}
        properties = {column.name: column.definition for column in self.columns}
        return {
            **({"enums": enums} if enums else {}),
            "classes": {self.table: {"description": self.description, "properties": properties}},
        }

    def arrays(self, rows: Integers) -> Iterator[tuple[str, dict[str, NDArray[Any] | str]]]:
        """Name and arrays of every column for some rows."""
        for column in self.columns:
            yield column.name, column.arrays(rows)


def check_columns(table: pd.DataFrame, name: str, columns: Sequence[str], problems: Problems) -> None:
    """Report columns asked for that the table does not have or that the format cannot name."""
    known = set(expand(TABLES[name].columns)) | set(table.columns) if name in TABLES else set(table.columns)
    for column in columns:
        if column not in known or column == "geometry":
            problems.error("is a column of the table that is no geometry", table=name, column=column)
        elif not NAME.fullmatch(column):
            problems.error("column has a name of letters, digits and underscores", table=name, column=column)


def properties_of(table: pd.DataFrame, name: str, columns: Sequence[str]) -> Properties:
    """
    Columns of a table with what is declared about them.

    Parameters
    ----------
    table
        Table with an integer index.
    name
        Its name.
    columns
        Columns wanted; those that it does not have or that have no value are left out.

    Returns
    -------
    Properties
        The identifier and the columns.
    """
    declared = TABLES[name]
    schema = expand(declared.columns)
    ids = Column("integer", "", "Identifier, unique in the table.")
    found = [_property(declared.id, pd.Series(table.index), ids)]
    found += [
        _property(column, table[column], schema.get(column) or _guessed(table[column]))
        for column in columns
        if column in table.columns and table[column].notna().any()
    ]
    found[0].definition["semantic"] = "ID"
    for each in found:
        if each.enum:
            each.definition["enumType"] = f"{name}_{each.name}"
    return Properties(name, declared.description, tuple(found))


def _guessed(values: pd.Series) -> Column:
    """Declaration of a column that has none."""
    types = pd.api.types
    for kind, holds in (
        ("boolean", types.is_bool_dtype),
        ("integer", types.is_integer_dtype),
        ("float", types.is_float_dtype),
        ("time", types.is_datetime64_any_dtype),
    ):
        if holds(values.dtype):
            return Column(kind, "", "", missing=True)  # type: ignore[arg-type]
    return Column("category" if isinstance(values.dtype, pd.CategoricalDtype) else "string", "", "", missing=True)


def _property(name: str, values: pd.Series, column: Column) -> Property:
    missing = np.asarray(values.isna(), dtype=bool)
    text = f"{column.description[:-1]} [{column.unit}]." if column.unit else column.description
    about = {"description": text} if text else {}
    if name in SEMANTICS:
        about["semantic"] = SEMANTICS[name]
    match column.kind:
        case "integer":
            return _whole(name, values, missing, about)
        case "float":
            return _number(name, values.to_numpy(dtype=np.float64, na_value=np.nan), missing, about)
        case "category":
            choices = list(column.choices or sorted(set(values.dropna().astype("str"))))
            return _category(name, values.astype("object").to_numpy(), choices, missing, about)
        case "boolean" if missing.any():
            words = np.where(values.fillna(value=False).to_numpy(dtype=bool), "yes", "no").astype(object)
            return _category(name, words, ["no", "yes"], missing, about)
        case "boolean":
            return Property(name, {"type": "BOOLEAN", **about}, values.to_numpy(dtype=bool))
        case _:
            words = values.astype("object").where(~missing, "").astype("str").to_numpy(dtype=object)
            gap = {"noData": ""} if missing.any() else {}
            return Property(name, {"type": "STRING", **about, **gap}, words)


def _whole(name: str, values: pd.Series, missing: NDArray[np.bool_], about: dict[str, Any]) -> Property:
    """Whole numbers in the smallest type that has room for them and for a mark of gaps."""
    known = values[~missing].to_numpy(dtype=np.int64)
    low, high = (int(known.min()), int(known.max())) if len(known) else (0, 0)
    room = int(missing.any())
    code, component, mark = "i8", "INT64", -(2**53)  # the least that JSON holds exactly
    for small, name_of_small in COMPONENTS.items():
        limits = np.iinfo(small)
        signed = small.startswith("i")
        if low - room * signed >= limits.min and high + room * (not signed) <= limits.max:
            code, component, mark = small, name_of_small, int(limits.min if signed else limits.max)
            break
    stored = np.full(len(values), mark, dtype=f"<{code}")
    stored[~missing] = known
    gap = {"noData": mark} if room else {}
    return Property(name, {"type": "SCALAR", "componentType": component, **about, **gap}, stored)


def _number(name: str, values: NDArray[np.float64], missing: NDArray[np.bool_], about: dict[str, Any]) -> Property:
    stored = values.astype("<f4")
    gap = {}
    if missing.any():
        mark = next(mark for mark in NO_FLOAT if not (stored == np.float32(mark)).any())
        stored[missing] = mark
        gap = {"noData": mark}
    return Property(name, {"type": "SCALAR", "componentType": "FLOAT32", **about, **gap}, stored)


def _category(
    name: str, words: NDArray[Any], choices: list[str], missing: NDArray[np.bool_], about: dict[str, Any]
) -> Property:
    """Codes of categories; only those that occur are listed."""
    codes = pd.Categorical(words, categories=choices).codes.astype(np.int64)
    codes[missing] = -1
    used = np.unique(codes[codes >= 0])
    names = [choices[code] for code in used.tolist()]
    gap = {}
    stored = np.searchsorted(used, codes)
    if missing.any():
        mark = MISSING if MISSING not in names else f"_{MISSING}"
        stored = np.where(codes < 0, len(names), stored)
        names = [*names, mark]
        gap = {"noData": mark}
    kind = "UINT8" if len(names) <= 1 << 8 else "UINT16"
    enum = {"valueType": kind, "values": [{"name": word, "value": code} for code, word in enumerate(names)]}
    definition = {"type": "ENUM", "enumType": name, **about, **gap}
    return Property(name, definition, stored.astype("u1" if kind == "UINT8" else "<u2"), enum)
