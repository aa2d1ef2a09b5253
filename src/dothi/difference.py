"""What differs between two cities, object by object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from dothi import wire
from dothi.errors import InputError, Problem
from dothi.schema import Column

if TYPE_CHECKING:
    from dothi.shown import Shown

ARROW = " → "


def difference(a: Shown, b: Shown, name: str, column: str) -> pa.Table:
    """
    Difference of a column, for every object of one city, to another city.

    Parameters
    ----------
    a, b
        The cities; rows stand in the order of the first.
    name, column
        Table and its column.

    Returns
    -------
    pyarrow.Table
        ``difference``: b less a for numbers, 1 and −1 for what became true and false; ``old → new`` for other values
        that differ; missing where either is missing, and for other values that are the same. ``only_in_a``: whether b
        lacks the object. The metadata of the table has ``only_in_b``, the ids that a lacks as a JSON list, and
        ``table`` and ``column``.

    Raises
    ------
    MissingError
        A city has no such table.
    InputError
        A table has no such column, or the column has times.
    """
    tables = a.table(name), b.table(name)
    lacking = [which for which, table in zip(("a", "b"), tables, strict=True) if column not in table.column_names]
    if lacking or column == wire.id_of(name):
        raise InputError([Problem("is a column with values of both cities", table=name[:60], column=column[:60])])
    (ids_a, ids_b) = (np.asarray(table[wire.id_of(name)].to_numpy(), dtype=np.int64) for table in tables)
    order = np.argsort(ids_b, kind="stable")
    place = np.searchsorted(ids_b, ids_a, sorter=order)
    at = order[np.minimum(place, len(ids_b) - 1)] if len(ids_b) else np.zeros(len(ids_a), dtype=np.int64)
    there = ids_b[at] == ids_a if len(ids_b) else np.zeros(len(ids_a), dtype=bool)
    fields = [table.schema.field(column) for table in tables]
    declared = wire.declared(name, fields[0])
    columns = [table[column] for table in tables]
    if declared.kind in ("integer", "float", "boolean"):
        here, other = (wire.numbers_of(values) for values in columns)
        gap = np.where(there, (other[at] if len(other) else np.nan) - here, np.nan)
        values: Any = pa.array(gap, mask=~np.isfinite(gap))
        kind: Any = "float" if declared.kind == "float" else "integer"
    elif declared.kind in ("string", "category"):
        values, kind = _turned(columns, declared, there, at), "string"
    else:
        raise InputError([Problem("has numbers or names to compare", table=name[:60], column=column[:60])])
    unit = declared.unit if kind != "string" else ""
    told = Column(kind, unit, f"What {column} is in the second city, less what it is in the first.", missing=True)
    metadata = {
        "table": name,
        "column": column,
        "only_in_b": json.dumps(ids_b[~np.isin(ids_b, ids_a)].tolist()),
    }
    only = pa.array(~there)
    flag = Column("boolean", "", "Whether the second city lacks the object.")
    schema = pa.schema(
        [
            wire.result_field("difference", values.type, told, "difference"),
            wire.result_field("only_in_a", only.type, flag, "difference"),
        ]
    )
    return pa.Table.from_arrays([values, only], schema=schema).replace_schema_metadata(metadata)


def _turned(columns: list[Any], declared: Column, there: Any, at: Any) -> pa.Array:
    """Names of both sides where they differ."""
    (labels_a, here), (labels_b, other) = (
        wire.categories_of(values, declared.kind, declared.choices) for values in columns
    )
    n_b = len(labels_b)
    common = {label: number for number, label in enumerate(dict.fromkeys([*labels_a, *labels_b]))}
    same_a, same_b = (np.array([common[label] for label in labels] + [-1]) for labels in (labels_a, labels_b))
    beyond = other[at] if len(other) else np.full(len(here), -1)
    differs = there & (here >= 0) & (beyond >= 0) & (same_a[here] != same_b[beyond])
    pairs, code = np.unique(np.where(differs, here * max(n_b, 1) + beyond, -1), return_inverse=True)
    texts = [None if pair < 0 else f"{labels_a[pair // n_b]}{ARROW}{labels_b[pair % n_b]}" for pair in pairs.tolist()]
    return pa.array(texts, pa.string()).take(pa.array(code))
