"""Rows that refer to rows: what they are called, what follows when one goes, and what one gives to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from dothi.errors import Problems
from dothi.shapes import Integers, Mask
from dothi.tables import TABLES

BELONGINGS: Final = ("building_parts", "surfaces")
"""Tables whose rows go with their building, although a part may do without one."""


def names(frame: pd.DataFrame, rows: Mask | Integers) -> list[Any]:
    """What rows are called in reports: their identifier in the source, else their id."""
    chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
    if "source_id" not in frame.columns:
        return list(frame.index[chosen])
    return [index if pd.isna(name) else name for index, name in frame["source_id"].iloc[chosen].items()]


def references(tables: Mapping[str, pd.DataFrame]) -> list[tuple[str, str, str]]:
    """Table, column and table referred to, of every reference among tables that are there."""
    found = []
    for name in tables:
        for column, declared in TABLES[name].columns.items() if name in TABLES else ():
            target = declared.refers_to.split(".")[0]
            if target in tables and column in tables[name].columns:
                found.append((name, column, target))
    return found


def without_dangling(
    tables: Mapping[str, pd.DataFrame],
    before: Mapping[str, pd.DataFrame],
    stands_for: Mapping[str, pd.Series],
    problems: Problems,
) -> dict[str, pd.DataFrame]:
    """
    Tables whose every reference leads to a row that is there.

    Parameters
    ----------
    tables
        Tables from which rows were dropped.
    before
        The same tables before that, to tell what the source never had.
    stands_for
        By table, the id that stands for each dropped one (its index).
    problems
        Collector.

    Returns
    -------
    dict
        New tables. A reference that may be missing is emptied; a row that cannot do without goes.
    """
    tables = dict(tables)
    for name, column, target in references(tables):
        if target in stands_for and len(stands_for[target]):
            tables[name] = _redirected(tables[name], name, column, stands_for[target])
    pending = True
    while pending:  # a row that goes may leave others behind
        pending = False
        for name, column, target in references(tables):
            frame = tables[name]
            values = frame[column]
            lost = (values.notna() & ~values.isin(tables[target].index)).to_numpy(dtype=bool)
            if not lost.any():
                continue
            pending = True
            goes = name in BELONGINGS or not TABLES[name].columns[column].missing
            did = "rows were left out" if goes else "references were emptied"
            known = values.isin(before[target].index).to_numpy(dtype=bool)
            if (lost & known).any():
                rule = f"{did} whose row in {target} was left out"
                problems.note(rule, table=name, column=column, rows=names(frame, lost & known))
            if (lost & ~known).any():
                rule = f"{did} whose row in {target} does not exist"
                problems.repair(rule, table=name, column=column, rows=names(frame, lost & ~known))
            tables[name] = frame[~lost] if goes else frame.assign(**{column: values.where(~lost)})
    return tables


def _redirected(frame: pd.DataFrame, name: str, column: str, stands_for: pd.Series) -> pd.DataFrame:
    """Point to the rows that stand for dropped ones; belongings only to a building that has none of its own."""
    old = frame[column]
    moving = old.isin(stands_for.index).to_numpy(dtype=bool)
    if not moving.any():
        return frame
    new = old.astype("Int64").copy()
    new[moving] = old[moving].map(stands_for).astype("Int64")
    if name not in BELONGINGS:
        return frame.assign(**{column: new})
    taken = new.isin(old[~moving].dropna().unique()).to_numpy(dtype=bool)
    giver = old.astype("Int64")[moving].groupby(new[moving]).transform("min")  # of several, one gives all
    second = np.zeros(len(frame), dtype=bool)
    second[moving] = (giver != old.astype("Int64")[moving]).to_numpy(dtype=bool)
    return frame.assign(**{column: new})[~(moving & (taken | second))]


def filled(frame: pd.DataFrame, donors: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """
    Table whose gaps are filled from donors, each value with its method and confidence.

    Parameters
    ----------
    frame
        Table with gaps.
    donors
        Rows whose index is the id they give to; of several for one id, the first that has a value gives.
    columns
        Columns to fill.

    Returns
    -------
    pandas.DataFrame
        New table.
    """
    frame = frame.copy(deep=False)
    for name in columns:
        if name not in donors.columns:
            continue
        giving = donors[donors[name].notna()]
        giving = giving[~giving.index.duplicated()]
        lacking = frame.index if name not in frame.columns else frame.index[frame[name].isna()]
        ids = lacking.intersection(giving.index)
        if not len(ids):
            continue
        for each in (name, f"{name}_method", f"{name}_confidence"):
            if each in frame.columns or each in donors.columns:
                own = frame[each] if each in frame.columns else pd.Series(pd.NA, frame.index, dtype="object")
                given = giving.loc[ids, each] if each in giving.columns else pd.Series(pd.NA, ids, dtype="object")
                frame[each] = _overlaid(own, given)
    return frame


def _overlaid(own: pd.Series, given: pd.Series) -> pd.Series:
    """Values with some replaced, of a type that holds both."""
    numeric = [pd.api.types.is_numeric_dtype(values.dtype) for values in (own, given) if values.notna().any()]
    both = own.astype("object").copy()
    both.loc[given.index] = given.astype("object")
    return both.astype("Float64" if numeric and all(numeric) else "object").infer_objects()
