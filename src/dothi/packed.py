"""Columns whose every value is a row of numbers of one length, as a year of hours is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

if TYPE_CHECKING:
    import pandas as pd


def packed(values: NDArray[Any], index: pd.Index) -> pd.Series:
    """
    Column of rows of numbers.

    Parameters
    ----------
    values
        Numbers, one row per row of the table, shape (rows, length).
    index
        Index of the table.

    Returns
    -------
    pandas.Series
        The bytes of each row, little-endian.
    """
    import pandas as pd

    rows, length = values.shape
    values = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    step = length * values.dtype.itemsize
    raw = values.tobytes()
    return pd.Series([raw[row * step : (row + 1) * step] for row in range(rows)], index=index, dtype="object")


def unpacked(column: pd.Series, dtype: DTypeLike) -> NDArray[Any]:
    """
    Numbers of such a column.

    Parameters
    ----------
    column
        As `packed` gives it, without missing values.
    dtype
        Type that the numbers had.

    Returns
    -------
    numpy.ndarray
        Shape (rows, length).

    Raises
    ------
    ValueError
        Rows differ in length.
    """
    if not len(column):
        return np.empty((0, 0), dtype=dtype)
    if len({len(row) for row in column}) > 1:
        raise ValueError("rows of one packed column have one length")
    kind = np.dtype(dtype).newbyteorder("<")
    return np.frombuffer(b"".join(column), dtype=kind).reshape(len(column), -1).astype(dtype, copy=False)
