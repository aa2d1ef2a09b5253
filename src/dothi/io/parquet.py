"""Tables as GeoParquet: the same table always gives the same bytes."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pyproj import CRS

from dothi.errors import InputError, Problem
from dothi.io.files import replacing, short_message


def write_table(frame: gpd.GeoDataFrame | pd.DataFrame, path: Path) -> None:
    """Write a table with its index, compressed, in one step."""
    with replacing(path) as temporary:
        frame.to_parquet(temporary, compression="zstd", index=True)


@lru_cache(maxsize=32)
def _crs(projjson: str) -> CRS:
    """Grid written in a file; to make one from its definition takes longer than to read a small table."""
    return CRS.from_json(projjson)


def read_table(path: Path) -> gpd.GeoDataFrame | pd.DataFrame:
    """
    Read a table that `write_table` wrote.

    Parameters
    ----------
    path
        A ``.parquet`` file.

    Raises
    ------
    InputError
        The file is missing or damaged.
    """
    try:
        table = pq.read_table(path)
        frame = table.to_pandas()
        if geo := (table.schema.metadata or {}).get(b"geo"):
            column = json.loads(geo)["columns"]["geometry"]
            crs = _crs(json.dumps(column["crs"])) if column.get("crs") else None
            shapes = shapely.from_wkb(frame["geometry"].to_numpy(dtype=object))
            frame = gpd.GeoDataFrame(frame.assign(geometry=shapes), geometry="geometry", crs=crs)
    except (OSError, pa.ArrowException, shapely.GEOSException, ValueError, KeyError) as error:
        rule = f"is a readable GeoParquet file ({short_message(error, path)}): run dothi build to make it again"
        raise InputError([Problem(rule, file=str(path))]) from error
    return frame
