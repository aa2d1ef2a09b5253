"""Tables as GeoParquet: the same table always gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pyproj import CRS

from dothi.errors import InputError, Problem, Problems
from dothi.io.files import replacing, short_message
from dothi.schema import check_references
from dothi.tables import TABLES


def write_table(frame: gpd.GeoDataFrame | pd.DataFrame, path: Path) -> None:
    """Write a table with its index, compressed, in one step."""
    with replacing(path) as temporary:
        frame.to_parquet(temporary, compression="zstd", index=True)


@lru_cache(maxsize=32)
def _crs(projjson: str) -> CRS:
    """Grid written in a file; to make one from its definition takes longer than to read a small table."""
    return CRS.from_json(projjson)


def column_names(path: Path) -> list[str]:
    """Names of the columns that a file has, its index included."""
    return list(pq.read_schema(path).names)


def check_links(files: Mapping[str, Path], problems: Problems) -> None:
    """Report every reference between tables that leads nowhere; only the columns concerned are read."""
    referring = {name: [key for key, column in TABLES[name].columns.items() if column.refers_to] for name in files}
    wanted = {name: set(columns) for name, columns in referring.items()}
    for name, columns in referring.items():
        for column in columns:
            target, key = str(TABLES[name].columns[column].refers_to).split(".")
            wanted.setdefault(target, set()).add(key)
    frames = {
        name: pq.read_table(
            file, columns=sorted(wanted[name].intersection(column_names(file))), use_pandas_metadata=True
        ).to_pandas()
        for name, file in files.items()
        if wanted[name]
    }
    for name, frame in frames.items():
        check_references(frame, TABLES[name], frames, problems)


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
