"""Names to look for: what is called so, and where it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from dothi.shapes import Floats, Integers

KINDS: Final = ("street", "stop", "facility", "ward", "building")


def names_file(named: Mapping[str, tuple[pd.Series, Integers, Floats]]) -> bytes:
    """
    Names of a city as JSON.

    Parameters
    ----------
    named
        For each of `KINDS`: the names, the rows of the table that they belong to, and the places of these rows
        (n, 3) [m].

    Returns
    -------
    bytes
        ``{"kinds": […], "names": [[name, kind, x, y, z, rows], …]}``, sorted by kind and name. The place of a name is
        that of its row nearest to the middle of all its rows.
    """
    found: list[list[Any]] = []
    for number, kind in enumerate(KINDS):
        if kind in named:
            found += _grouped(number, *named[kind])
    text = json.dumps({"kinds": KINDS, "names": found}, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def _grouped(kind: int, names: pd.Series, rows: Integers, places: Floats) -> list[list[Any]]:
    """One entry for each name."""
    there = (names.notna() & (names.astype("str").str.strip() != "")).to_numpy()
    if not there.any():
        return []
    called = names[there].astype("str").str.strip().to_numpy()
    rows, places = rows[there], places[there]
    different, code = np.unique(called.astype(object), return_inverse=True)
    count = np.bincount(code)
    middle = np.column_stack([np.bincount(code, weights=places[:, axis]) / count for axis in range(2)])
    away = np.hypot(*(places[:, :2] - middle[code]).T)
    order = np.lexsort((rows, away, code))
    first = np.concatenate([[0], np.cumsum(count)])
    nearest = np.round(places[order[first[:-1]]], 1).tolist()
    by_row = np.lexsort((rows, code))
    members = np.split(rows[by_row], first[1:-1])
    return [
        [name, kind, *place, group.tolist()] for name, place, group in zip(different, nearest, members, strict=True)
    ]
