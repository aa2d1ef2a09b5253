"""Tables as GeoPackage, GeoParquet 1.1 and GeoJSON, their columns described."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from pyproj import CRS

from dothi.schema import Column, expand
from dothi.shapes import Shapes
from dothi.tables import TABLES

ROWS_OF_GROUP: Final = 50_000
DECIMALS: Final = 7
"""Of degrees in GeoJSON: 1 cm on the ground (RFC 7946, 11.2)."""

MULTI: Final[dict[int, tuple[int, Callable[..., Shapes]]]] = {
    0: (4, shapely.multipoints),
    1: (5, shapely.multilinestrings),
    3: (6, shapely.multipolygons),
}
"""Types of shapes, their Multi types, and what makes these, by the numbers of GEOS."""


def described(column: Column) -> str:
    """
    Meaning of a column with its unit.

    >>> described(Column("float", "m", "Height of the eaves."))
    'Height of the eaves [m].'
    """
    if not column.unit:
        return column.description
    return f"{column.description.rstrip('.')} [{column.unit}]."


def arrow_table(name: str, frame: pd.DataFrame, columns: Sequence[str]) -> pa.Table:
    """
    Values of a table with its id in front, every field with its meaning.

    Parameters
    ----------
    name
        Name of the table; what `dothi.tables` does not declare has no meanings.
    frame
        The table.
    columns
        Columns to take, geometry aside.
    """
    declared = expand(TABLES[name].columns) if name in TABLES else {}
    index = TABLES[name].id if name in TABLES else str(frame.index.name or f"{name}_id")
    arrays = [pa.array(frame.index.to_numpy(), type=pa.int64())]
    fields = [_field(index, arrays[0].type, f"Id of the row in the table {name}.", "")]
    for column in columns:
        if column == "geometry":
            continue
        values = _plain(frame[column])
        told = declared.get(column)
        arrays.append(values)
        fields.append(_field(column, values.type, described(told) if told else "", told.unit if told else ""))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _plain(values: pd.Series) -> pa.Array:
    """Values in a type that every format has: words for categories, UTC for times without a zone."""
    if isinstance(values.dtype, pd.CategoricalDtype) or values.dtype == object:
        there = values.notna()
        values = values.astype("object").where(there, None)
        return pa.array([None if each is None else str(each) for each in values], type=pa.string())
    found = pa.array(values, from_pandas=True)
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    if pa.types.is_large_string(found.type):
        return found.cast(pa.string())
    if pa.types.is_timestamp(found.type):
        return found.cast(pa.timestamp("ms")).cast(pa.timestamp("ms", "UTC"))
    return found


def _field(name: str, kind: pa.DataType, description: str, unit: str) -> pa.Field:
    told = {"description": description, "unit": unit, "GDAL:OGR:comment": description}
    return pa.field(name, kind, metadata={key: text for key, text in told.items() if text})


# --- GeoPackage ---------------------------------------------------------------------------------------------------


def add_to_geopackage(path: Path, name: str, frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """
    Write a table as a layer of a GeoPackage, with its ids as the ids of features and its columns described.

    Parameters
    ----------
    path
        File, which is made where it is absent.
    name
        Name of the table and the layer.
    frame, columns
        As for `arrow_table`.

    References
    ----------
    OGC GeoPackage Encoding Standard 1.3, OGC 12-128r17; descriptions by its extension Schema.
    """
    table = arrow_table(name, frame, columns)
    options = {"FID": table.schema.names[0], "DESCRIPTION": TABLES[name].description if name in TABLES else ""}
    more: dict[str, Any] = {}
    if isinstance(frame, gpd.GeoDataFrame):
        shapes = alike(np.asarray(frame.geometry.array, dtype=object))
        table = table.append_column(*_shape_column("geom", shapes))
        options["GEOMETRY_NAME"] = "geom"
        more = {"geometry_name": "geom", "geometry_type": ogr_type(shapes), "crs": grid_text(frame.crs)}
    pyogrio.raw.write_arrow(table, path, layer=name, driver="GPKG", append=path.exists(), layer_options=options, **more)


def alike(shapes: Shapes) -> Shapes:
    """Shapes as the Multi type, where simple and Multi are mixed: a layer has one type."""
    kinds = shapely.get_type_id(shapes)
    for single, (multi, make) in MULTI.items():
        if set(np.unique(kinds[kinds >= 0])) == {single, multi}:
            mine = np.flatnonzero(kinds == single)
            shapes = shapes.copy()
            shapes[mine] = make(shapes[mine], indices=np.arange(len(mine)))
    return shapes


def ogr_type(shapes: Shapes) -> str:
    """Type of a layer in the words of OGR; ``Unknown`` where types are mixed."""
    kinds = np.unique(shapely.get_type_id(shapes[~shapely.is_missing(shapes)]))
    if len(kinds) != 1:
        return "Unknown"
    words = ["Point", "LineString", "LinearRing", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"]
    word = words[kinds[0]] if kinds[0] < len(words) else "GeometryCollection"
    return f"{word} Z" if shapely.has_z(shapes).any() else word


def grid_text(crs: Any) -> str | None:
    """Grid as its authority names it, else by its whole definition."""
    if crs is None:
        return None
    grid = CRS.from_user_input(crs)
    code = grid.to_authority()
    return ":".join(code) if code else str(grid.to_wkt())


def _shape_column(name: str, shapes: Shapes) -> tuple[pa.Field, pa.Array]:
    shapes = shapes.copy()
    gone = shapely.is_missing(shapes)
    binary = shapely.to_wkb(shapes, flavor="iso")
    field = pa.field(name, pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"})
    return field, pa.array(binary, type=pa.binary(), mask=gone)


# --- GeoParquet ---------------------------------------------------------------------------------------------------


def write_geoparquet(path: Path, name: str, frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """
    Write a table as GeoParquet 1.1, with a box for every row, by which readers skip what is far.

    Without geometry it is plain Parquet. Fields carry ``description`` and ``unit``.

    References
    ----------
    GeoParquet 1.1.0, https://geoparquet.org/releases/v1.1.0/.
    """
    table = arrow_table(name, frame, columns)
    if isinstance(frame, gpd.GeoDataFrame):
        shapes = np.asarray(frame.geometry.array, dtype=object)
        _, binary = _shape_column("geometry", shapes)
        table = table.append_column(pa.field("geometry", pa.binary()), binary)
        edges = shapely.bounds(shapes)
        sides = ("xmin", "ymin", "xmax", "ymax")
        missing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
        box = pa.StructArray.from_arrays([pa.array(edges[:, k]) for k in range(4)], sides, mask=pa.array(missing))
        table = table.append_column("bbox", box)
        table = table.replace_schema_metadata({"geo": json.dumps(_geo(frame.crs, shapes, edges, sides))})
    pq.write_table(table, path, compression="zstd", row_group_size=ROWS_OF_GROUP)


def _geo(crs: Any, shapes: Shapes, edges: Any, sides: Sequence[str]) -> dict[str, Any]:
    """File metadata of GeoParquet."""
    there = shapes[~shapely.is_missing(shapes)]
    pairs = np.unique(np.column_stack([shapely.get_type_id(there), shapely.has_z(there)]), axis=0)
    names = {0: "Point", 1: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon"}
    types = [f"{names.get(int(kind), 'GeometryCollection')}{' Z' if z else ''}" for kind, z in pairs]
    finite = edges[np.isfinite(edges).all(axis=1)]
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": sorted(types),
        "crs": None if crs is None else CRS.from_user_input(crs).to_json_dict(),
        "edges": "planar",
        "covering": {"bbox": {side: ["bbox", side] for side in sides}},
    }
    if len(finite):
        column["bbox"] = [*finite[:, :2].min(axis=0).tolist(), *finite[:, 2:].max(axis=0).tolist()]
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


# --- GeoJSON ------------------------------------------------------------------------------------------------------


def write_geojson(path: Path, name: str, frame: gpd.GeoDataFrame, columns: Sequence[str]) -> None:
    """
    Write a table as GeoJSON: degrees on WGS 84 with seven decimals, outer rings counter-clockwise, ids kept.

    References
    ----------
    H. Butler et al., The GeoJSON Format, RFC 7946, 2016, doi:10.17487/RFC7946.
    """
    located = frame.to_crs("EPSG:4326") if frame.crs is not None else frame
    shapes = np.asarray(located.geometry.array, dtype=object)
    table = arrow_table(name, located, columns).append_column(*_shape_column("geometry", shapes))
    options = {
        "RFC7946": "YES",
        "COORDINATE_PRECISION": str(DECIMALS),
        "ID_FIELD": table.schema.names[0],
        "DESCRIPTION": TABLES[name].description if name in TABLES else "",
    }
    pyogrio.raw.write_arrow(
        table,
        path,
        layer=name,
        driver="GeoJSON",
        geometry_name="geometry",
        geometry_type=ogr_type(shapes),
        crs="EPSG:4326",
        layer_options=options,
    )
