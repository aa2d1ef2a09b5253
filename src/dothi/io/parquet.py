"""Tables as GeoParquet: the same table always gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dothi.errors import InputError, Problem
from dothi.io.files import replacing, short_message


def write_table(frame: gpd.GeoDataFrame | pd.DataFrame, path: Path) -> None:
    """Write a table with its index, compressed, in one step."""
    with replacing(path) as temporary:
        frame.to_parquet(temporary, compression="zstd", index=True)


def read_table(path: Path, columns: list[str] | None = None) -> gpd.GeoDataFrame | pd.DataFrame:
    """
    Read a table that `write_table` wrote.

    Parameters
    ----------
    path
        A ``.parquet`` file.
    columns
        Columns wanted, all where None.

    Raises
    ------
    InputError
        The file is missing or damaged.
    """
    try:
        if b"geo" in (pq.read_schema(path).metadata or {}):
            return gpd.read_parquet(path, columns=columns)
        return pd.read_parquet(path, columns=columns)
    except (OSError, pa.ArrowException, ValueError) as error:
        rule = f"is a readable GeoParquet file ({short_message(error, path)}): run dothi build to make it again"
        raise InputError([Problem(rule, file=str(path))]) from error
