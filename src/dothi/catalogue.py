"""What the tables of a city offer: rows, columns with units and ranges, how values came about, and one row in full."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from dothi.schema import Kind
from dothi.status import Status, status_of, status_of_column
from dothi.tables import TABLES
from dothi.wire import arrow_of, categories_of, declared, id_of, model_of, numbers_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dothi.city import City

QUANTILES: Final = 20
"""Equal shares between the quantiles that are told: 5 % each."""
MOST_LISTED: Final = 100
"""Different texts of a column that are listed; declared categories are listed all."""

RESULT: Final = "modelled"
"""Status of all values that a simulation gave."""
Geometry = Literal["points", "lines", "areas"]
_GEOMETRIES: Final[dict[str, Geometry]] = {
    "Point": "points",
    "LineString": "lines",
    "MultiLineString": "lines",
    "Polygon": "areas",
    "MultiPolygon": "areas",
}


class Facts(BaseModel):
    """What is told about something; the texts below its fields stand in the description of the server, too."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Category(Facts):
    """One of the different values of a column."""

    value: str
    count: int


class Method(Facts):
    """One way in which values of a column came about."""

    method: str
    status: Status
    count: int
    share: float
    """Of all values that are there."""


class ColumnFacts(Facts):
    """A column: what its values are, where they lie, how they came about."""

    kind: Kind
    unit: str
    description: str
    missing: int
    minimum: float | None = None
    maximum: float | None = None
    quantiles: list[float] = []
    """Every 5 % from lowest to highest, 21 numbers; empty where there are no numbers."""
    earliest: str | None = None
    latest: str | None = None
    distinct: int | None = None
    """How many different values a text, category or boolean has."""
    categories: list[Category] = []
    """Declared categories in their order; of other texts the most frequent."""
    methods: list[Method] = []
    statuses: dict[Status, float] = {}
    """Share of each status among the values that are there."""
    confidence: float | None = None
    """Mean confidence, 0 … 1."""


class TableFacts(Facts):
    """A table: its rows and columns."""

    id: str
    description: str
    rows: int
    geometry: Geometry | None
    columns: dict[str, ColumnFacts]


class Catalogue(Facts):
    """What the tables of a city offer."""

    tables: dict[str, TableFacts]


class Value(Facts):
    """One value, and how it came about."""

    value: bool | int | float | str | None
    kind: Kind
    unit: str
    method: str | None = None
    confidence: float | None = None
    status: Status | None = None


class ObjectRecord(Facts):
    """One row of a table in full."""

    table: str
    id: int
    row: int
    columns: dict[str, Value]


def catalogue(city: City) -> Catalogue:
    """What the tables of a city offer; tables without rows are left out."""
    return Catalogue(
        tables={name: describe(name, arrow_of(city.tables[name], name)) for name in city.tables if city.counts[name]}
    )


def describe(name: str, table: pa.Table) -> TableFacts:
    """
    What one table offers.

    Parameters
    ----------
    name
        Its name.
    table
        Its columns without geometry, as `dothi.wire.arrow_of` gives them.
    """
    return TableFacts(
        id=id_of(name),
        description=TABLES[name].description if name in TABLES else "",
        rows=table.num_rows,
        geometry=geometry_of(name),
        columns={column: _describe(name, column, table) for column in shown_columns(name, table.schema)},
    )


def geometry_of(name: str) -> Geometry | None:
    """What the rows of a table are on the map: the first of the shapes it may have; None without one."""
    shape = TABLES[name].columns.get("geometry") if name in TABLES else None
    if shape is None:
        return None
    return _GEOMETRIES[shape.choices[0]] if shape.choices else "points"


def shown_columns(name: str, schema: pa.Schema) -> list[str]:
    """Columns that carry values: ids, methods and confidences are told beside them."""
    hidden = {id_of(name), "geometry"}
    for column in schema.names:
        if f"{column}_method" in schema.names:
            hidden |= {f"{column}_method", f"{column}_confidence"}
    return [column for column in schema.names if column not in hidden]


def _describe(table_name: str, name: str, table: pa.Table) -> ColumnFacts:
    values, column = table[name], declared(table_name, table.schema.field(name))
    facts = ColumnFacts(
        kind=column.kind, unit=column.unit, description=column.description, missing=int(values.null_count)
    )
    if column.kind in ("integer", "float", "time"):
        _add_range(facts, numbers_of(values), values)
    else:
        labels, index = categories_of(values, column.kind, column.choices)
        counts = np.bincount(index[index >= 0], minlength=len(labels))
        listed = len(labels) if column.choices else MOST_LISTED
        facts.distinct = int((counts > 0).sum())
        facts.categories = [
            Category(value=label, count=int(count)) for label, count in zip(labels[:listed], counts, strict=False)
        ]
    _add_methods(facts, table_name, name, table)
    return facts


def _add_range(facts: ColumnFacts, numbers: NDArray[np.float64], values: pa.ChunkedArray) -> None:
    known = numbers[np.isfinite(numbers)]
    facts.missing = len(numbers) - len(known)
    if not len(known):
        return
    if facts.kind == "time":
        ends = pc.min_max(values)
        facts.earliest, facts.latest = (_plain(ends[end]) for end in ("min", "max"))
        return
    facts.minimum, facts.maximum = float(known.min()), float(known.max())
    facts.quantiles = [_short(value) for value in np.quantile(known, np.linspace(0.0, 1.0, QUANTILES + 1))]


def _add_methods(facts: ColumnFacts, table_name: str, name: str, table: pa.Table) -> None:
    n_known = table.num_rows - facts.missing
    if not n_known:
        return
    if model := model_of(table.schema.field(name)):
        facts.methods, facts.statuses = [Method(method=model, status=RESULT, count=n_known, share=1.0)], {RESULT: 1.0}
        return
    method = _method_column(name, table.schema)
    if method is None:
        facts.statuses = {status_of_column(table_name, name): 1.0}
        return
    labels, index = categories_of(table[method], "string")
    index = index[np.asarray(pc.is_valid(table[name]).to_numpy(zero_copy_only=False), dtype=bool)]
    counts = np.bincount(index[index >= 0], minlength=len(labels))
    for label, count in zip(labels, counts, strict=True):
        if count:
            share, status = float(count) / n_known, status_of(label)
            facts.methods.append(Method(method=label, status=status, count=int(count), share=_short(share)))
            facts.statuses[status] = _short(facts.statuses.get(status, 0.0) + share)
    if f"{name}_confidence" in table.column_names:
        mean = pc.mean(table[f"{name}_confidence"]).as_py()
        facts.confidence = None if mean is None or math.isnan(mean) else _short(mean)


def _method_column(name: str, schema: pa.Schema) -> str | None:
    """Column with the method of a value: its own, or that of the whole row."""
    if f"{name}_method" in schema.names:
        return f"{name}_method"
    return "method" if "method" in schema.names and name != "method" else None


def record(name: str, table: pa.Table, row: int) -> ObjectRecord:
    """
    One row of a table in full.

    Parameters
    ----------
    name
        Name of the table.
    table
        Its columns without geometry.
    row
        Position of the row.
    """
    line = {column: _plain(table[column][row]) for column in table.column_names}
    return ObjectRecord(
        table=name,
        id=line[id_of(name)],
        row=row,
        columns={column: _value(name, column, line, table.schema) for column in shown_columns(name, table.schema)},
    )


def _value(table_name: str, name: str, line: Mapping[str, Any], schema: pa.Schema) -> Value:
    column = declared(table_name, schema.field(name))
    value = Value(value=line[name], kind=column.kind, unit=column.unit)
    if model := model_of(schema.field(name)):
        value.method, value.status = (model, RESULT) if line[name] is not None else (None, None)
    elif line[name] is not None:
        method = _method_column(name, schema)
        value.method = line[method] if method else None
        value.confidence = line.get(f"{name}_confidence")
        value.status = status_of(value.method) if value.method else status_of_column(table_name, name)
    return value


def _plain(scalar: Any) -> Any:
    """Value as JSON has it; None where it is missing."""
    value = scalar.as_py()
    if isinstance(value, float):
        return float(f"{value:.9g}") if math.isfinite(value) else None
    return value.isoformat().removesuffix("+00:00") + "Z" if hasattr(value, "isoformat") else value


def _short(value: float) -> float:
    """Number without the digits that say nothing."""
    return float(f"{value:.6g}")


def attribution(provenance: Mapping[str, Any]) -> list[str]:
    """Whom a city owes its data to: one line per source that says so, with its licence."""
    lines = []
    for source in provenance.get("sources", ()):
        if source.get("attribution"):
            licence = f" ({source['licence']})" if source.get("licence") else ""
            lines.append(f"{source['attribution']}{licence}")
    return list(dict.fromkeys(lines))
