"""What people enter: rows of their own, and values in place of inferred ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from dothi.changes.base import ENTERED, Change
from dothi.changes.rows import FIRST, appended, new_ids
from dothi.tables import TABLES

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City
    from dothi.shapes import Integers, Mask


def rows_of(city: City, table: str, rows: Sequence[Mapping[str, Any]], change: Change) -> Any:
    """
    Rows that a change adds to a table of a city, under ids that follow from the change.

    Parameters
    ----------
    city
        The city.
    table
        Name of its table.
    rows
        Values of each by column.
    change
        The change.
    """
    import geopandas as gpd
    import pandas as pd

    ids = _block(city[table].index, (table, change.model_dump_json()), len(rows))
    if "geometry" in TABLES[table].columns:
        return gpd.GeoDataFrame(list(rows), index=ids, crs=city.crs)
    return pd.DataFrame(list(rows), index=ids)


def _block(taken: pd.Index, key: tuple[str, str], n_rows: int) -> Integers:
    """Ids in a row, so that a series keeps its order."""
    for attempt in count():
        ids: Integers = new_ids(taken, [(*key, attempt)])[0] + np.arange(n_rows)
        if ids[-1] < 2 * FIRST and not taken.isin(ids).any():
            break
    return ids


def with_rows(city: City, table: str, rows: Sequence[Mapping[str, Any]], change: Change) -> City:
    """City with rows that a change adds to one of its tables."""
    return city.with_tables(**{table: appended(city[table], rows_of(city, table, rows, change), table)})


def with_values(city: City, table: str, chosen: Mask, values: Mapping[str, float | None]) -> City:
    """
    City with values that a person gave, marked as such; None leaves a column as it is.

    Parameters
    ----------
    city
        The city.
    table
        Name of its table.
    chosen : (n,)
        Rows.
    values
        Value by column that is inferred otherwise.
    """
    frame = city[table]
    for column, value in values.items():
        if value is not None:
            frame[column] = frame[column].where(~chosen, value)
            frame[f"{column}_method"] = frame[f"{column}_method"].astype("str").where(~chosen, ENTERED)
            frame[f"{column}_confidence"] = frame[f"{column}_confidence"].where(~chosen, 1.0)
    return city.with_tables(**{table: frame})
