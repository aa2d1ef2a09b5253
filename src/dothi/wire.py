"""Tables on the wire: Arrow streams of whole values, or of small codes that a viewer colours by."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dothi.errors import InputError, Problem
from dothi.schema import Column, Kind, expand
from dothi.tables import TABLES

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Compression = Literal["none", "lz4", "zstd"]
MEDIA_TYPE: Final = "application/vnd.apache.arrow.stream"
MOST_CODES: Final = 65_535
"""Codes 1 … 65,535 stand for values, 0 for a missing one."""
MOST_CATEGORIES: Final = 65_535
_BOOLEAN: Final = ("false", "true")
_KINDS: Final = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "integer"),
    (pa.types.is_floating, "float"),
    (pa.types.is_timestamp, "time"),
    (pa.types.is_dictionary, "category"),
)


def id_of(table: str) -> str:
    """Name of the ids of a table."""
    return TABLES[table].id if table in TABLES else "id"


def arrow_of(frame: pd.DataFrame, table: str) -> pa.Table:
    """
    Table as Arrow: ids first, then every column but the geometry.

    Parameters
    ----------
    frame
        Table of a city.
    table
        Its name.
    """
    values = frame.drop(columns=[name for name in frame.columns if str(frame[name].dtype) == "geometry"])
    plain = values.rename_axis(index=id_of(table)).reset_index()
    return pa.Table.from_pandas(plain, preserve_index=False).replace_schema_metadata()


def declared(table: str, field: pa.Field) -> Column:
    """Declaration of a column of a table; for one that nobody declared, what its type tells."""
    if field.name == id_of(table):
        return Column("integer", "", "Identifier.", unique=True)
    if model_of(field):
        facts = {name.decode(): text.decode() for name, text in field.metadata.items()}
        kind: Any = facts["kind"]
        choices = tuple(json.loads(facts["choices"]))
        return Column(kind, facts["unit"], facts["description"], missing=True, choices=choices)
    columns = expand(TABLES[table].columns) if table in TABLES else {}
    if field.name in columns:
        return columns[field.name]
    return Column(kind_of(field.type), "", "", missing=True)


def kind_of(values: pa.DataType) -> Kind:
    """Kind of values of a type."""
    kind: Any = next((kind for is_it, kind in _KINDS if is_it(values)), "string")
    return cast("Kind", kind)


def result_field(name: str, values: pa.DataType, column: Column, model: str) -> pa.Field:
    """Field of a column that a simulation gave: it carries its own declaration."""
    facts = {
        "model": model,
        "kind": column.kind,
        "unit": column.unit,
        "description": column.description,
        "choices": json.dumps(column.choices, ensure_ascii=False),
    }
    return pa.field(name, values, metadata=facts)


def model_of(field: pa.Field) -> str:
    """Simulation that gave a column; empty where none did."""
    return str((field.metadata or {}).get(b"model", b"").decode())


@dataclass(frozen=True, slots=True)
class Scale:
    """
    Numbers as codes: value = minimum + (code − 1) · step, to half a step; code 0 is a missing value.

    Attributes
    ----------
    minimum
        Value of code 1.
    step
        From one code to the next; 1, 2 or 5 times a power of ten unless finer whole numbers fit.
    """

    minimum: float
    step: float

    @classmethod
    def of(cls, values: NDArray[np.float64], *, whole: bool = False) -> Scale:
        """
        Scale that holds all values, with the finest step that does.

        Parameters
        ----------
        values : (n,)
            Numbers; those that are not finite count as missing.
        whole
            Whether they are whole numbers, which keep their exact values as long as there are codes for them.
        """
        known = values[np.isfinite(values)]
        if not len(known):
            return cls(0.0, 1.0)
        low, high = float(known.min()), float(known.max())
        return cls(low, 1.0) if low == high else cls.between(low, high, _common_step(known, low, high) if whole else 0)

    @classmethod
    def between(cls, low: float, high: float, least: float = 0.0) -> Scale:
        """Scale from a lowest to a highest value, with a step of at least `least`."""
        if least and (high - low) / least < MOST_CODES:
            return cls(low, least)
        step = _round_step((high - low) / (MOST_CODES - 1))
        if (high - _floor(low, step)) / step > MOST_CODES - 1:
            step = _round_step(step * 1.5)
        return cls(_floor(low, step), step)

    def codes(self, values: NDArray[np.float64]) -> NDArray[np.uint16]:
        """Codes of numbers, same shape; 0 where they are missing."""
        with np.errstate(invalid="ignore"):
            steps = np.rint((values - self.minimum) / self.step) + 1.0
        return np.where(np.isfinite(steps), steps, 0.0).astype(np.uint16)


def _common_step(known: NDArray[np.float64], low: float, high: float) -> float:
    """Largest whole step that all whole numbers keep to, where steps of one are too many."""
    if high - low < MOST_CODES:
        return 1.0
    return float(np.gcd.reduce((known - low).astype(np.int64)))


def _round_step(least: float) -> float:
    """Smallest of 1, 2 and 5 times a power of ten that is not below `least`."""
    power = math.floor(math.log10(least))
    steps = (float(f"{digit}e{power}") for digit in (1, 2, 5, 10, 20))
    return next(step for step in steps if step >= least)


def _floor(value: float, step: float) -> float:
    """Largest multiple of a step that is not above a value, free of what binary fractions add."""
    return float(f"{math.floor(value / step + 1e-9) * step:.12g}")


def numbers_of(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Numbers of a column (n,), times in seconds since 1970 UTC; NaN where missing."""
    if pa.types.is_timestamp(column.type):
        column = pc.divide(pc.cast(pc.cast(column, pa.timestamp("ms", column.type.tz)), pa.int64()), 1000)
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def categories_of(
    column: pa.ChunkedArray, kind: str, choices: tuple[str, ...] = ()
) -> tuple[list[str], NDArray[np.int64]]:
    """
    Different values of a column in their order, and which of them each row has.

    Declared categories come in their declared order, other texts with the most frequent first.

    Parameters
    ----------
    column
        Texts, categories or booleans.
    kind
        ``string``, ``category`` or ``boolean``.
    choices
        Declared categories.

    Returns
    -------
    labels
        The values.
    index : (n,)
        Position in `labels`, −1 where missing.
    """
    if kind == "boolean":
        index = pc.fill_null(pc.cast(column, pa.int64()), -1)
        return list(_BOOLEAN), np.asarray(index.to_numpy(), dtype=np.int64)
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(pc.cast(column, pa.string()))
    whole = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), pa.array([], pa.string()))
    index = np.asarray(pc.fill_null(pc.cast(whole.indices, pa.int64()), -1).to_numpy(zero_copy_only=False))
    found = [str(value) for value in whole.dictionary.to_pylist()]
    if kind == "category":
        labels = list(choices) + [value for value in found if value not in choices]
    else:
        count = np.bincount(index[index >= 0], minlength=len(found))
        labels = [found[i] for i in sorted(range(len(found)), key=lambda i: (-count[i], found[i]))]
    place = {label: position for position, label in enumerate(labels)}
    turned = np.array([*(place[value] for value in found), -1], dtype=np.int64)
    return labels, turned[index]


def plain(table: pa.Table) -> pa.Table:
    """Table with exact values in types that every reader of Arrow knows: integers of 32 bits where they suffice."""
    for position, field in enumerate(table.schema):
        column = table.column(position)
        if pa.types.is_int64(field.type) and len(column):
            ends = pc.min_max(column).as_py()
            if ends["min"] is None or (ends["min"] >= -(2**31) and ends["max"] < 2**31):
                column = pc.cast(column, pa.int32())
        elif pa.types.is_timestamp(field.type):
            column = pc.cast(column, pa.timestamp("ms", "UTC"))
        elif pa.types.is_large_string(field.type):
            column = pc.cast(column, pa.string())
        table = table.set_column(position, pa.field(field.name, column.type, metadata=field.metadata), column)
    return table


def geometry_field(crs: str) -> pa.Field:
    """Field of geometries as WKB, in the words of GeoArrow (extension type ``geoarrow.wkb``)."""
    grid = {"crs": crs, "crs_type": "authority_code"} if crs.startswith("EPSG:") else {"crs": crs}
    facts = {"ARROW:extension:name": "geoarrow.wkb", "ARROW:extension:metadata": json.dumps(grid)}
    return pa.field("geometry", pa.binary(), metadata=facts)


def with_units(table: pa.Table, name: str) -> pa.Table:
    """Table whose fields say kind and unit."""
    fields = []
    for field in table.schema:
        column = declared(name, field)
        fields.append(field.with_metadata({**(field.metadata or {}), "kind": column.kind, "unit": column.unit}))
    return table.cast(pa.schema(fields))


def quantised(table: pa.Table, name: str) -> pa.Table:
    """
    Table as codes, 0 for every missing value.

    Numbers and times become ``u16`` with ``minimum`` and ``step`` (see `Scale`), ids and references ``u32`` with
    step 1, categories, texts and booleans ``u8`` or ``u16`` with ``categories``, a JSON list; code − 1 is the index.
    All of that stands in the metadata of the field, with ``kind`` and ``unit``.

    Parameters
    ----------
    table
        Columns as `arrow_of` gives them.
    name
        Name of the table.

    Raises
    ------
    InputError
        A text column has more different values than there are codes.
    """
    fields, arrays, problems = [], [], []
    for field in table.schema:
        column = declared(name, field)
        facts = {"kind": column.kind, "unit": column.unit}
        codes: NDArray[Any]
        if column.kind in ("integer", "float", "time"):
            values = numbers_of(table[field.name])
            if column.unique or column.refers_to:
                codes, scale = _ids(values)
            else:
                scale = Scale.of(values, whole=column.kind != "float")
                codes = scale.codes(values)
            facts |= {"minimum": repr(scale.minimum), "step": repr(scale.step)}
        else:
            labels, index = categories_of(table[field.name], column.kind, column.choices)
            if len(labels) > MOST_CATEGORIES:
                rule = f"has at most {MOST_CATEGORIES:,} different values, to be sent as codes: ask for encoding=plain"
                problems.append(Problem(rule, table=name, column=field.name))
                continue
            codes = (index + 1).astype(np.uint8 if len(labels) < 256 else np.uint16)
            facts["categories"] = json.dumps(labels, ensure_ascii=False)
        arrays.append(pa.array(codes))
        fields.append(pa.field(field.name, arrays[-1].type, nullable=False, metadata=facts))
    if problems:
        raise InputError(problems)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=table.schema.metadata))


def _ids(values: NDArray[np.float64]) -> tuple[NDArray[np.uint32], Scale]:
    known = np.isfinite(values)
    least = float(values[known].min()) if known.any() else 0.0
    codes = np.where(known, values - least + 1.0, 0.0).astype(np.uint32)
    return codes, Scale(least, 1.0)


def stream(table: pa.Table, compression: Compression = "none") -> bytes:
    """Table as an Arrow IPC stream of one batch, its buffers compressed where asked."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(
        compression=None if compression == "none" else compression, unify_dictionaries=True
    )
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())
