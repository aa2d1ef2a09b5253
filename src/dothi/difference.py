"""What differs between two cities, object by object: one way, for Python and for the map."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.errors import InputError, Problem
from dothi.schema import Column

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from dothi.kpi import Evidence
    from dothi.shown import Shown

ARROW: Final = " → "
SHOWN: Final = (0.02, 0.98)
"""Quantiles between which a common scale of colours runs."""


def difference(before: pd.Series, after: pd.Series) -> pd.Series:
    """
    Difference of values, object by object.

    Parameters
    ----------
    before, after
        Values by id: numbers, switches or names.

    Returns
    -------
    pandas.Series
        For the objects of either, in the order of their ids: the second less the first, 1 and −1 for what became true
        and false; of names, ``before → after`` where they differ. Missing where an object is in one of them only, or a
        value is missing.
    """
    import pandas as pd

    numbers = all(pd.api.types.is_numeric_dtype(one.dtype) for one in (before, after) if one.notna().any())
    ids = before.index.union(after.index)
    before, after = before.reindex(ids), after.reindex(ids)
    if numbers:
        gap = after.astype("Float64") - before.astype("Float64")
        return gap.astype("float64").rename(before.name)
    return _turned(before, after)


def _turned(before: pd.Series, after: pd.Series) -> pd.Series:
    """Names of both sides where they differ; each pair of names is put together once."""
    import pandas as pd

    (here, labels), (there, others) = (pd.factorize(one.astype("object")) for one in (before, after))
    known = {label: number for number, label in enumerate(labels)}
    same = np.array([known.get(label, -1) for label in others] + [-1])
    differs = (here >= 0) & (there >= 0) & (same[there] != here)
    pairs, code = np.unique(np.where(differs, here * max(len(others), 1) + there, -1), return_inverse=True)
    found = [divmod(pair, len(others)) if pair >= 0 else None for pair in pairs.tolist()]
    texts = [f"{labels[pair[0]]}{ARROW}{others[pair[1]]}" if pair else None for pair in found]
    return pd.Series(np.array(texts, dtype=object)[code], index=before.index, name=before.name, dtype=object)


def between(first: Evidence, second: Evidence, table: str, column: str) -> pd.Series:
    """
    Difference of a column of two scenarios; see `difference`.

    Parameters
    ----------
    first, second
        Evidence of the scenarios.
    table, column
        A column of a table of the city, or one that simulations gave it.

    Raises
    ------
    KeyError
        Neither has such a column.
    """
    return difference(*(_column(evidence, table, column) for evidence in (first, second)))


def _column(evidence: Evidence, table: str, column: str) -> Any:
    import pandas as pd

    frame = evidence.table(table)
    if column in frame:
        return frame[column]
    if not len(frame):
        return pd.Series(index=frame.index, dtype="float64")
    raise KeyError(f"{table}.{column}")


def only_in_one(first: Evidence, second: Evidence, table: str) -> tuple[pd.Index, pd.Index]:
    """Ids of the objects that are in the first only, and of those that are in the second only."""
    before, after = first.table(table).index, second.table(table).index
    return before.difference(after), after.difference(before)


def common_limits(evidences: Sequence[Evidence], table: str, column: str) -> tuple[float, float] | None:
    """
    Ends of one scale of colours for several scenarios.

    Returns
    -------
    tuple or None
        Low and high ends: quantiles of the values of all scenarios together, so that no odd value takes the colours
        from all others; None where there is no value at all.
    """
    import pandas as pd

    together = pd.concat([_column(evidence, table, column).astype("float64") for evidence in evidences]).dropna()
    if together.empty:
        return None
    low, high = (float(end) for end in together.quantile(list(SHOWN)))
    return (low, high) if low < high else (float(together.min()), float(together.max()))


def difference_limits(differences: Sequence[pd.Series]) -> tuple[float, float] | None:
    """Ends of one scale of colours for several differences, as far below 0 as above; None where nothing differs."""
    import pandas as pd

    together = pd.concat([values.astype("float64").abs() for values in differences]).dropna()
    together = together[together > 0.0]
    if together.empty:
        return None
    end = float(together.quantile(SHOWN[1]))
    return -end, end


def difference_table(a: Shown, b: Shown, name: str, column: str) -> pa.Table:
    """
    Difference of a column, for every object of one city as it is shown, to another city.

    Parameters
    ----------
    a, b
        The cities; rows stand in the order of the first.
    name, column
        Table and its column.

    Returns
    -------
    pyarrow.Table
        ``difference``, as `difference` gives it. ``only_in_a``: whether b lacks the object. The metadata of the table
        has ``only_in_b``, the ids that a lacks as a JSON list, and ``table`` and ``column``.

    Raises
    ------
    MissingError
        A city has no such table.
    InputError
        A table has no such column, or the column has times.
    """
    import pyarrow as pa

    from dothi import wire

    tables = a.table(name), b.table(name)
    if column == wire.id_of(name) or any(column not in table.column_names for table in tables):
        raise InputError([Problem("is a column with values of both cities", table=name[:60], column=column[:60])])
    declared = wire.declared(name, tables[0].schema.field(column))
    if declared.kind not in ("integer", "float", "boolean", "string", "category"):
        raise InputError([Problem("has numbers or names to compare", table=name[:60], column=column[:60])])
    before, after = (_series(table, name, column, declared) for table in tables)
    gap = difference(before, after).reindex(before.index)
    names = declared.kind in ("string", "category")
    kind: Any = "string" if names else "float" if declared.kind == "float" else "integer"
    about = f"What {column} is in the second city, less what it is in the first."
    told = Column(kind, "" if names else declared.unit, about, missing=True)
    flag = Column("boolean", "", "Whether the second city lacks the object.")
    values = pa.array(gap.to_numpy(), pa.string() if names else pa.float64(), from_pandas=True)
    only = pa.array(~before.index.isin(after.index))
    schema = pa.schema(
        [
            wire.result_field("difference", values.type, told, "difference"),
            wire.result_field("only_in_a", only.type, flag, "difference"),
        ]
    )
    lacking = after.index[~after.index.isin(before.index)]
    metadata = {"table": name, "column": column, "only_in_b": json.dumps(lacking.tolist())}
    return pa.Table.from_arrays([values, only], schema=schema).replace_schema_metadata(metadata)


def _series(table: pa.Table, name: str, column: str, declared: Column) -> pd.Series:
    """Column of a table as values by id."""
    import pandas as pd

    from dothi import wire

    ids = pd.Index(table[wire.id_of(name)].to_numpy(), dtype="int64")
    if declared.kind not in ("string", "category"):
        return pd.Series(wire.numbers_of(table[column]), index=ids)
    labels, index = wire.categories_of(table[column], declared.kind, declared.choices)
    return pd.Series(np.array([*labels, None], dtype=object)[index], index=ids, dtype=object)
