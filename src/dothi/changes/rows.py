"""New rows of tables: ids that follow from what they are, and their place in the table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.schema import complete
from dothi.shapes import Integers
from dothi.tables import TABLES

if TYPE_CHECKING:
    import pandas as pd

    from dothi.changes.base import Change

FIRST: Final = 1 << 30
"""Ids from here on are those of what scenarios add; they stay below 2³¹."""


def new_ids(taken: pd.Index, keys: Iterable[Any]) -> Integers:
    """
    Ids for new rows, none of them taken.

    An id follows from what the row is: the same house drawn in two scenarios has one id in both, what is torn down
    never hands its id on, and the order of changes plays no part.

    Parameters
    ----------
    taken
        Ids in use.
    keys
        Plain values that tell each new row from all others, the same at every run.

    Returns
    -------
    (n,)
        Ids from `FIRST` on.
    """
    used = set(taken[taken >= FIRST])
    found = []
    for key in keys:
        ident = FIRST + int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest()) % FIRST
        while ident in used:  # two of a billion
            ident = FIRST + (ident + 1) % FIRST
        used.add(ident)
        found.append(ident)
    return np.array(found, dtype=np.int64)


def appended(frame: Any, rows: Any, name: str) -> Any:
    """
    Table with rows added, ordered by id, so that it does not tell in which order they came.

    Parameters
    ----------
    frame, rows
        The table, and rows whose index are their ids.
    name
        Name of the table.
    """
    import pandas as pd

    rows = complete(rows, TABLES[name])
    if not len(frame):
        return rows.sort_index()
    if not len(rows):
        return frame
    if "geometry" in rows:
        rows = rows.set_crs(frame.crs, allow_override=True)
    return complete(pd.concat([frame, rows]), TABLES[name]).sort_index(kind="stable")


def generator(change: Change) -> np.random.Generator:
    """Random numbers that follow from a change alone."""
    text = change.model_dump_json()
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()))
