"""Fields over the ground that simulations gave, as codes of one grid each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.server.travel_facts import GridFacts, GridsFacts
from dothi.shown import missing
from dothi.wire import Scale

if TYPE_CHECKING:
    from dothi.shown import Shown

DIMS: Final = ("y", "x")
MOST_CELLS: Final = 4_000_000
"""Cells of a field that is sent; finer ones are left out."""


def grids_of(shown: Shown) -> GridsFacts:
    """Fields over the ground of all results of a city."""
    found = [
        _facts(model, name, field)
        for model in shown.results
        for name, field in _fields(shown, model).items()
        if field.dims == DIMS and 0 < field.size <= MOST_CELLS
    ]
    return GridsFacts(grids=found)


def grid_codes(shown: Shown, model: str, name: str) -> bytes:
    """
    Codes of a field: little-endian u16, row by row from the north-west; 0 where there is no value.

    Raises
    ------
    MissingError
        There is no such field.
    """
    field = _fields(shown, model).get(name)
    if field is None or field.dims != DIMS or field.size > MOST_CELLS:
        raise missing("is a field over the ground of a simulation", table=model, column=name)
    values = np.asarray(field.values, dtype=float)
    values = values[::-1] if field["y"].values[0] < field["y"].values[-1] else values
    return Scale.of(values[np.isfinite(values)]).codes(values.ravel()).astype("<u2").tobytes()


def _fields(shown: Shown, model: str) -> Any:
    kept = shown.store.find(model, shown.results.get(model, "")) if shown.store else None
    return {} if kept is None else kept.result().fields


def _facts(model: str, name: str, field: Any) -> GridFacts:
    x, y = (np.asarray(field[axis].values, dtype=float) for axis in ("x", "y"))
    half_x, half_y = (float(np.abs(np.diff(axis[:2])).sum()) / 2.0 or 0.5 for axis in (x, y))
    values = np.asarray(field.values, dtype=float)
    known = values[np.isfinite(values)]
    scale = Scale.of(known)
    return GridFacts(
        model=model,
        name=name,
        unit=str(field.attrs.get("units", "")),
        columns=len(x),
        rows=len(y),
        box=(x.min() - half_x, y.min() - half_y, x.max() + half_x, y.max() + half_y),
        minimum=scale.minimum,
        maximum=float(known.max()) if len(known) else scale.minimum,
        step=scale.step,
    )
