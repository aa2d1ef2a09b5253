"""Declared columns: kind, unit, limits, missing rule; and the one check against them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dothi.errors import Problems

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

Kind = Literal["integer", "float", "string", "boolean", "category", "time", "geometry", "packed"]


@dataclass(frozen=True, slots=True)
class Column:
    """
    Declaration of one column.

    Attributes
    ----------
    kind
        Type of the values. Integers that may be missing are nullable ``Int64``; what is packed is bytes, see
        `dothi.packed`.
    unit
        Unit as printed, empty where a value has none.
    description
        What the value is, in one sentence.
    minimum, maximum
        Closed limits of numbers.
    missing
        Whether values may be missing. A column that may be missing may also be absent.
    choices
        Allowed values of a category, or allowed types of a geometry.
    unique
        Whether no value may occur twice.
    refers_to
        ``table.column`` in which every value must occur.
    inferred
        Whether the column goes with ``<name>_method`` and ``<name>_confidence``.
    """

    kind: Kind
    unit: str
    description: str
    minimum: float | None = None
    maximum: float | None = None
    missing: bool = False
    choices: tuple[str, ...] = ()
    unique: bool = False
    refers_to: str = ""
    inferred: bool = False


Schema = Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class Table:
    """
    Declaration of one table.

    Attributes
    ----------
    name
        Plural name.
    id
        Name of the integer index.
    description
        What one row is.
    columns
        Declared columns; others may be present and are carried along.
    """

    name: str
    id: str
    description: str
    columns: Schema


def method_columns(name: str) -> dict[str, Column]:
    """Columns that say how the values of an inferred column came about, and how sure they are."""
    return {
        f"{name}_method": Column("category", "", f"How `{name}` of this row came about.", missing=True),
        f"{name}_confidence": Column(
            "float",
            "",
            f"Confidence in `{name}`: one less the relative error expected of its method, 1 where measured.",
            minimum=0.0,
            maximum=1.0,
            missing=True,
        ),
    }


_EMPTY = {
    "integer": "Int64",
    "float": "float64",
    "string": "str",
    "boolean": "boolean",
    "category": "category",
    "time": "datetime64[us, UTC]",
    "packed": "object",
}


def expand(schema: Schema) -> dict[str, Column]:
    """Add the method and confidence columns that inferred columns go with."""
    columns: dict[str, Column] = {}
    for name, column in schema.items():
        columns[name] = column
        if column.inferred:
            columns.update(method_columns(name))
    return columns


def conform(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """
    Give the declared columns of a table their declared types, in declared order.

    Values that do not convert are left as they are, for `check` to report.

    Parameters
    ----------
    frame
        Table with the declared names.
    table
        Its declaration.

    Returns
    -------
    pandas.DataFrame
        Same rows; declared columns first, integer index named ``table.id``.
    """
    columns = expand(table.columns)
    frame = frame.copy(deep=False)
    there = dict(frame.items())  # a column at a time, tables with shapes look at all of them
    for name, values in there.items():
        if name in columns and (converted := _converted(values, columns[name])) is not values:
            frame[name] = converted
    if frame.index.names != [table.id]:
        frame.index = frame.index.rename(table.id)
    order = [name for name in columns if name in there] + [name for name in there if name not in columns]
    return frame if order == list(there) else frame[order]


def _converted(values: pd.Series, column: Column) -> pd.Series:
    import pandas as pd

    try:
        match column.kind:
            case "integer" if column.missing:
                return _of_type(values, "Int64")
            case "integer" if not values.isna().any():
                return _of_type(values, "int64")
            case "float":
                return _of_type(values, "float64")
            case "string":
                return _of_type(values, "str")
            case "boolean" if column.missing:
                return _of_type(values, "boolean")
            case "boolean" if not values.isna().any():
                return _of_type(values, "bool")
            case "category":
                if _is_category(values, column):
                    return values
                categories = list(column.choices) or sorted(values.dropna().astype("str").unique())
                if set(values.dropna().astype("str").unique()) <= set(categories):
                    return values.astype("str").astype(pd.CategoricalDtype(categories))
    except (TypeError, ValueError):
        pass
    return values


def _of_type(values: pd.Series, dtype: str) -> pd.Series:
    """Values of a type, themselves where they are of it."""
    return values if values.dtype == dtype else values.astype(dtype)


def _is_category(values: pd.Series, column: Column) -> bool:
    """Whether values are of the declared categories, or, where none are declared, of those that occur, in order."""
    import pandas as pd

    if not isinstance(values.dtype, pd.CategoricalDtype) or values.dtype.ordered:
        return False
    categories = values.dtype.categories
    if column.choices:
        return bool(values.dtype == pd.CategoricalDtype(list(column.choices)))
    if categories.dtype != "str" or not categories.is_monotonic_increasing:
        return False
    codes = values.cat.codes.to_numpy()
    return bool((np.bincount(codes[codes >= 0], minlength=len(categories)) > 0).all())


def check(tables: Mapping[str, pd.DataFrame], declared: Mapping[str, Table], problems: Problems) -> None:
    """
    Report every rule of the declarations that the tables break, in one pass.

    Parameters
    ----------
    tables
        Tables by name; tables without a declaration are not looked at.
    declared
        Declarations by name.
    problems
        Collector of what is found.
    """
    for name, frame in tables.items():
        if name in declared:
            check_table(frame, declared[name], problems)
    for name, frame in tables.items():
        if name in declared:
            check_references(frame, declared[name], tables, problems)


def check_table(frame: pd.DataFrame, table: Table, problems: Problems) -> None:
    """Report every rule of one table that its index or columns break, references aside."""
    import pandas as pd

    index = frame.index
    if not pd.api.types.is_integer_dtype(index.dtype):
        problems.error("index is integer", table=table.name, column=table.id)
    if not index.is_unique:
        twice = index[index.duplicated(keep="first")].unique()
        problems.error("ids are unique", table=table.name, column=table.id, rows=twice)
    for name, column in expand(table.columns).items():
        if name not in frame.columns:
            if not column.missing:
                problems.error("column is present", table=table.name, column=name)
            continue
        for rule, broken in _broken(frame[name], column):
            problems.error(rule, table=table.name, column=name, rows=index[broken])


def _broken(values: pd.Series, column: Column) -> list[tuple[str, np.ndarray[Any, np.dtype[np.bool_]]]]:
    """Rules of a column that some values break, each with the mask of those rows."""
    missing = np.asarray(values.isna(), dtype=bool)
    found = [("value is present", missing)] if not column.missing else []
    if not _has_kind(values, column):
        found.append((f"is {column.kind} {' | '.join(column.choices)}".rstrip(), ~missing))
    elif column.kind in ("integer", "float"):
        numbers = values.to_numpy(dtype="float64", na_value=np.nan)
        if column.kind == "float":
            found.append(("is finite", np.isinf(numbers)))
        if column.minimum is not None:
            found.append((f"≥ {column.minimum:g} {column.unit}".rstrip(), numbers < column.minimum))
        if column.maximum is not None:
            found.append((f"≤ {column.maximum:g} {column.unit}".rstrip(), numbers > column.maximum))
    elif column.kind == "geometry":
        found.extend(_broken_geometry(values, column, missing))
    if column.unique:
        found.append(("values are unique", np.asarray(values.duplicated(), dtype=bool) & ~missing))
    return [(rule, mask) for rule, mask in found if mask.any()]


def _has_kind(values: pd.Series, column: Column) -> bool:
    import pandas as pd

    types = pd.api.types
    if values.isna().all() and column.kind != "geometry":
        return True
    match column.kind:
        case "integer":
            return bool(types.is_integer_dtype(values.dtype))
        case "float":
            return bool(types.is_float_dtype(values.dtype))
        case "boolean":
            return bool(types.is_bool_dtype(values.dtype))
        case "string":
            return bool(types.is_string_dtype(values.dtype))
        case "category":
            return isinstance(values.dtype, pd.CategoricalDtype) and (
                not column.choices or set(values.dtype.categories) <= set(column.choices)
            )
        case "time":
            return bool(types.is_datetime64_any_dtype(values.dtype))
        case "packed":
            given = values.dropna()
            return all(isinstance(row, bytes) for row in given) and given.map(len).nunique() <= 1
        case _:
            return str(values.dtype) == "geometry"


def _broken_geometry(
    values: pd.Series, column: Column, missing: np.ndarray[Any, np.dtype[np.bool_]]
) -> list[tuple[str, np.ndarray[Any, np.dtype[np.bool_]]]]:
    import shapely

    shapes = np.asarray(values.array, dtype=object)
    found = [("geometry is not empty", shapely.is_empty(shapes) & ~missing)]
    if column.choices:
        names = np.array([kind.name for kind in shapely.GeometryType if kind.value >= 0])
        kinds = shapely.get_type_id(shapes)
        wrong = ~np.isin(names[kinds], [choice.upper() for choice in column.choices]) & ~missing
        found.append((f"geometry is {' or '.join(column.choices)}", wrong))
    bounds = shapely.bounds(shapes)
    found.append(("coordinates are finite", ~np.isfinite(bounds).all(axis=1) & ~missing & ~shapely.is_empty(shapes)))
    broken = ~shapely.has_z(shapes) & ~missing  # an upright wall has no area from above, and is right
    broken[broken] = ~shapely.is_valid(shapes[broken])
    found.append(("geometry is valid", broken))
    return found


def check_references(frame: pd.DataFrame, table: Table, tables: Mapping[str, pd.DataFrame], problems: Problems) -> None:
    """Report every reference of one table that leads nowhere."""
    for name, column in table.columns.items():
        if not column.refers_to or name not in frame.columns:
            continue
        target_table, target_column = column.refers_to.split(".")
        if target_table not in tables:
            if frame[name].notna().any():
                problems.error(f"table {target_table} is present", table=table.name, column=name)
            continue
        target = tables[target_table]
        known = target[target_column] if target_column in target.columns else target.index
        dangling = np.asarray(~frame[name].isin(known) & frame[name].notna(), dtype=bool)
        if dangling.any():
            problems.error(f"occurs in {column.refers_to}", table=table.name, column=name, rows=frame.index[dangling])


def complete(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Table that conforms, with those declared columns added, empty, that it lacks and may lack."""
    import pandas as pd

    frame = frame.copy(deep=False)
    columns = expand(table.columns)
    for name in lacks(frame.columns, table, len(frame)):
        frame[name] = pd.Series(index=frame.index, dtype=_EMPTY[columns[name].kind])
    return conform(frame, table)


def lacks(present: Collection[str], table: Table, n_rows: int) -> list[str]:
    """Declared columns that `complete` would add to a table with some columns and so many rows."""
    return [
        name
        for name, column in expand(table.columns).items()
        if name not in present and (column.missing or not n_rows) and column.kind != "geometry"
    ]


def empty(table: Table, crs: Any = None) -> gpd.GeoDataFrame | pd.DataFrame:
    """Table without rows that meets its declaration."""
    import geopandas as gpd
    import pandas as pd

    if any(column.kind == "geometry" for column in table.columns.values()):
        return complete(gpd.GeoDataFrame(geometry=[], crs=crs), table)
    return complete(pd.DataFrame(index=pd.RangeIndex(0)), table)
