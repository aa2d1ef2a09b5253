"""Checksums of content: of the columns and rasters of a city, and of the code that a model runs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi import __version__
from dothi.schema import Schema

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from dothi.city import City

DIGITS: Final = 24
_IMPORT = re.compile(r"^\s*(?:from\s+(dothi[\w.]*)\s+import\s+\(?([\w, \n]*)|import\s+(dothi[\w.]*))", re.MULTILINE)


def digest(*parts: Any) -> str:
    """Short checksum of plain values."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def column_digest(values: pd.Series | pd.Index) -> str:
    """
    Checksum of the values of a column, in their order.

    Two columns with equal values have one checksum, however they are held in memory.
    """
    import pandas as pd
    import shapely

    found = hashlib.sha256()
    if str(values.dtype) == "geometry":
        shapes = np.asarray(values.array, dtype=object)
        kinds, xyz, offsets = _ragged(shapes)
        found.update(kinds.tobytes() + xyz.tobytes() + offsets.tobytes())
        found.update(shapely.is_missing(shapes).tobytes())
    elif pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        missing = np.asarray(values.isna())
        found.update(missing.tobytes())
        if pd.api.types.is_integer_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
            found.update(values.to_numpy(dtype="int64", na_value=0).tobytes())
        else:
            found.update((values.to_numpy(dtype="float64", na_value=0.0) + 0.0).tobytes())
    elif pd.api.types.is_datetime64_any_dtype(values.dtype):
        found.update(pd.DatetimeIndex(values).as_unit("us").asi8.tobytes())
    elif len(values) and isinstance(values.iloc[0], bytes):  # packed: rows of one length
        found.update(np.asarray(values.isna()).tobytes() + b"".join(values.dropna()))
    else:
        codes, words = pd.factorize(values.astype("object"), use_na_sentinel=True)
        found.update(codes.astype("int64").tobytes())
        found.update("\0".join(map(str, words)).encode())
    return found.hexdigest()[:DIGITS]


def _ragged(shapes: Any) -> tuple[Any, Any, Any]:
    """Kinds, coordinates and sizes of shapes; much faster than their well-known binary."""
    import shapely

    parts, owner = shapely.get_parts(shapes, return_index=True)
    area = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    rings, ring_owner = shapely.get_rings(parts[area], return_index=True)
    sizes = [shapely.get_type_id(shapes), owner, ring_owner, shapely.get_num_coordinates(rings)]
    sizes.append(shapely.get_num_coordinates(parts))
    xyz = shapely.get_coordinates(shapes, include_z=bool(shapely.has_z(shapes).any()))
    return shapely.get_type_id(shapes), xyz + 0.0, np.concatenate([np.asarray(size, dtype=np.int64) for size in sizes])


def raster_digest(raster: xr.DataArray) -> str:
    """Checksum of the values and the places of a raster."""
    found = hashlib.sha256()
    for values in (raster.values, raster["x"].values, raster["y"].values):
        found.update(str(values.dtype).encode() + np.ascontiguousarray(values).tobytes())
    return found.hexdigest()[:DIGITS]


def inputs_digest(city: City, inputs: Mapping[str, Schema], rasters: Iterable[str]) -> dict[str, dict[str, str]]:
    """
    Checksums of what a model reads of a city.

    Returns
    -------
    dict
        By table the checksum of its ids and of each column; by raster, under ``rasters``, that of its values.
    """
    found: dict[str, dict[str, str]] = {}
    for name, columns in inputs.items():
        if name in city:
            table = city[name]
            found[name] = {column: column_digest(table[column]) for column in sorted(columns) if column in table}
            found[name]["ids"] = column_digest(table.index)
        else:
            found[name] = {}
    found["rasters"] = {name: raster_digest(city.rasters[name]) for name in sorted(rasters) if name in city.rasters}
    found["grid"] = {"crs": city.crs, "country": city.country, "bounds": digest(city.bounds)}
    return found


@cache
def code_digest(module: str) -> str:
    """
    Checksum of the source of a module and of all modules of Dothi that it imports, directly or not.

    Parameters
    ----------
    module
        Such as ``dothi.access.model``. Where it reaches `dothi.place`, the data of that package count as well.
    """
    found = hashlib.sha256(__version__.encode())
    waiting, seen = [module], dict[str, str]()
    while waiting:
        name = waiting.pop()
        if name not in seen and (source := _source(name)) is not None:
            seen[name], imported = source
            waiting += imported
    for name in sorted(seen):
        found.update(f"{name}\0{seen[name]}\0".encode())
    if any(name.startswith("dothi.place") for name in seen):
        found.update(_place_data().encode())
    return found.hexdigest()[:DIGITS]


@cache
def _source(name: str) -> tuple[str, tuple[str, ...]] | None:
    """Checksum of a module, and what it imports of Dothi; None where it is none. Most are in many a closure."""
    inner = _root().joinpath(*name.split(".")[1:])
    for path in (inner.with_suffix(".py"), inner / "__init__.py"):
        if path.is_file():
            content = path.read_bytes()
            return hashlib.sha256(content).hexdigest(), tuple(_imported(content.decode("utf-8")))
    return None


@cache
def _place_data() -> str:
    """Checksum of what is known of countries and places."""
    found = hashlib.sha256()
    for data in sorted((_root() / "place").rglob("*.toml")):
        found.update(data.relative_to(_root()).as_posix().encode() + b"\0" + data.read_bytes())
    return found.hexdigest()


@cache
def _root() -> Path:
    return Path(str(files("dothi")))


def _imported(text: str) -> list[str]:
    found = []
    for package, names, plain in _IMPORT.findall(text):
        found.append(plain or package)
        found += [f"{package}.{name.split(' as ')[0].strip()}" for name in names.split(",") if package and name.strip()]
    return found
