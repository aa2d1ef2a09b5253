"""A column of buildings on its way from gaps to values, and columns as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dothi.tables import FUNCTIONS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Texts = NDArray[np.object_]

MEASURED: Final = "measured"
FEWEST_KNOWN: Final = 100
"""Buildings of known value from which a city teaches its own model."""


def known_text(values: Texts) -> Mask:
    """Which of some texts are there."""
    return np.asarray(pd.notna(values), dtype=bool)


@dataclass(slots=True)
class Filling:
    """A column on its way from gaps to values, with method and confidence of each."""

    values: NDArray[Any]
    method: Texts
    confidence: Floats

    @property
    def gaps(self) -> Mask:
        """Rows without a value yet."""
        return ~known_text(self.method)

    def fill(self, rows: Mask, values: NDArray[Any], method: str, confidence: Floats | float) -> None:
        """Put values into the gaps among `rows`; arrays are as long as the table."""
        rows = rows & self.gaps
        self.values[rows] = values[rows]
        self.confidence[rows] = np.clip(np.broadcast_to(confidence, rows.shape)[rows], 0.0, 1.0)
        self.method[rows] = method


def numbers(frame: pd.DataFrame, name: str, *, above: float = -np.inf) -> Floats:
    """Column as floats; NaN where absent, missing, infinite or not above a limit."""
    if name not in frame.columns:
        return np.full(len(frame), np.nan)
    values = frame[name].to_numpy(dtype="float64", na_value=np.nan)
    return np.where(np.isfinite(values) & (values > above), values, np.nan)


def begin(frame: pd.DataFrame, name: str, values: NDArray[Any]) -> Filling:
    """Start from the values that are there; they are measured unless their method says otherwise."""
    present = ~pd.isna(values)
    method = np.full(len(frame), None, dtype=object)
    confidence = np.full(len(frame), np.nan)
    method[present] = MEASURED
    if f"{name}_method" in frame.columns:
        given = frame[f"{name}_method"]
        told = present & given.notna().to_numpy()
        method[told] = given.astype(object).to_numpy()[told]
    confidence[method == MEASURED] = 1.0
    told = present & np.isfinite(numbers(frame, f"{name}_confidence"))
    confidence[told] = numbers(frame, f"{name}_confidence")[told]
    return Filling(values.copy(), method, confidence)


def finish(frame: gpd.GeoDataFrame, name: str, filling: Filling) -> gpd.GeoDataFrame:
    """Copy of a table with the filled column, its method and its confidence."""
    frame = frame.copy(deep=False)
    values = filling.values
    if name == "function":
        frame[name] = pd.Categorical(values, categories=FUNCTIONS)
    elif name.endswith(("_m", "_m2")):
        frame[name] = values.astype("float64")
    else:
        frame[name] = pd.array(np.round(values), dtype="Int64")
    method = pd.Categorical(filling.method)
    frame[f"{name}_method"] = method
    frame[f"{name}_confidence"] = filling.confidence
    return frame


def measured(frame: pd.DataFrame, name: str) -> Mask:
    """Rows whose value comes from the source."""
    if name not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    present = frame[name].notna().to_numpy(dtype=bool, copy=True)
    if f"{name}_method" in frame.columns:
        method = frame[f"{name}_method"].astype(object).to_numpy()
        present &= (method == MEASURED) | pd.isna(method)
    return np.asarray(present, dtype=bool)


def by_function(data: dict[str, Any], functions: Texts, default: float = np.nan) -> Floats:
    """Number of each building by its function, from a table of place data."""
    numbers_of = np.array([float(data.get(name, default)) for name in (*FUNCTIONS, "")])
    codes = pd.Categorical(functions, categories=FUNCTIONS).codes
    return np.asarray(numbers_of[codes], dtype=np.float64)  # code −1, no function, takes the last


def function_of(frame: pd.DataFrame) -> Texts:
    """Function of each building as text, None where missing."""
    if "function" not in frame.columns:
        return np.full(len(frame), None, dtype=object)
    values = frame["function"].astype(object).to_numpy(copy=True)
    values[pd.isna(values)] = None
    return np.asarray(values, dtype=object)


def shapes_of(frame: gpd.GeoDataFrame) -> NDArray[Any]:
    """Geometries as an array of shapely objects."""
    return np.asarray(frame.geometry.array, dtype=object)
