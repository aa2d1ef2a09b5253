"""Objects of one table while the file streams by: a few integers and the bare coordinates of each."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from dothi.crs import Bounds

NODE, WAY, RELATION = 0, 1, 2
_KINDS = 4
BATCH = 1 << 16
COORDINATE_DIGITS = 32
"""Hexadecimal digits of one vertex in WKB."""

Values = tuple[str | None, ...]
Get = Callable[[str], str | None]


class Codes(dict[Any, int]):
    """Numbers for distinct values, in the order in which they are first seen."""

    def of(self, value: Any) -> int:
        """Number of a value."""
        return self.setdefault(value, len(self))


class Rows:
    """
    Growing table.

    The tags of a row are kept as the number of their distinct combination, of which a city has few; what the tags
    mean is worked out once for each.

    Parameters
    ----------
    keys
        Keys of the tags of a row, in order.
    extra
        How many of the last `keys` the reader fetches for this table alone.
    closed
        Whether rows are areas (or points) and not lines.
    bounds
        Rows wholly outside are dropped now and then, so that memory stays bounded by the result.
    """

    def __init__(self, keys: tuple[str, ...], extra: int = 0, *, closed: bool = False, bounds: Bounds | None = None) -> None:
        self.keys = keys
        self.extra = keys[len(keys) - extra :]
        self.closed = closed
        self.profiles = Codes()
        self.names = Codes()
        self._bounds = bounds
        self._sources = array("q")
        self._codes = array("i")
        self._names = array("i")
        self._sizes = array("i")
        self._coordinates = bytearray()
        self._areas: list[str] = []
        self._trimmed = 0

    def __len__(self) -> int:
        return len(self._sources)

    def take(self, source: int, kind: int, tags: Values, name: str | None, shape: str) -> None:
        """
        Append a row.

        Parameters
        ----------
        source, kind
            Id in OpenStreetMap, and whether it is that of a node, way or relation.
        tags
            Values of `keys`.
        name
            Name of the object.
        shape
            Vertices in hexadecimal WKB; of a relation, the whole WKB of its area.
        """
        self._sources.append(source * _KINDS + kind)
        self._codes.append(self.profiles.of(tags))
        self._names.append(self.names.of(name))
        if kind == RELATION:
            self._sizes.append(0)
            self._areas.append(shape)
        else:
            self._sizes.append(len(shape) // COORDINATE_DIGITS)
            self._coordinates += bytes.fromhex(shape)
        if self._bounds is not None and len(self._sources) - self._trimmed >= BATCH:
            self.trim()

    def trim(self) -> None:
        """Drop the rows since the last call that lie wholly outside of the bounds; areas of relations stay."""
        if self._bounds is None or self._trimmed == len(self):
            return
        start = self._trimmed
        west, south, east, north = self._bounds
        sizes = np.array(self._sizes[start:], dtype=np.int64)
        n_vertices = int(sizes.sum())
        split = len(self._coordinates) - n_vertices * COORDINATE_DIGITS // 2
        vertices = np.frombuffer(bytes(self._coordinates[split:]), dtype="<f8").reshape(-1, 2)
        keep = np.ones(len(sizes), dtype=bool)
        drawn = np.flatnonzero(sizes)
        if drawn.size:
            first = np.concatenate(([0], np.cumsum(sizes[drawn])[:-1]))
            low, high = np.minimum.reduceat(vertices, first), np.maximum.reduceat(vertices, first)
            keep[drawn] = (
                (high[:, 0] >= west) & (low[:, 0] <= east) & (high[:, 1] >= south) & (low[:, 1] <= north)
            )
        if not keep.all():
            del self._coordinates[split:]
            self._coordinates += vertices[np.repeat(keep, sizes)].tobytes()
            for column in (self._sources, self._codes, self._names, self._sizes):
                kept = np.array(column[start:])[keep]
                del column[start:]
                column.frombytes(kept.tobytes())
        self._trimmed = len(self)

    def sources(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Keys of the objects, see `source_key`."""
        return np.array(self._sources, dtype=np.int64)

    def vertex_counts(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Vertices of each row; 0 for the areas of relations."""
        return np.array(self._sizes, dtype=np.int64)

    def geometry(self) -> np.ndarray[Any, np.dtype[np.object_]]:
        """Points, lines or polygons of the rows."""
        sizes = np.array(self._sizes, dtype=np.int64)
        vertices = np.frombuffer(self._coordinates, dtype="<f8").reshape(-1, 2)
        shapes = np.empty(len(sizes), dtype=object)
        point, line = sizes == 1, sizes > 1
        ends = np.cumsum(sizes)
        if point.any():
            shapes[point] = shapely.points(vertices[ends[point] - 1])
        if line.any():
            drawn = vertices if not point.any() else vertices[np.repeat(line, sizes)]
            rings = np.concatenate(([0], np.cumsum(sizes[line])))
            if self.closed:
                offsets: tuple[Any, ...] = (rings, np.arange(len(rings)))
                shapes[line] = shapely.from_ragged_array(shapely.GeometryType.POLYGON, drawn, offsets)
            else:
                shapes[line] = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, drawn, (rings,))
        if self._areas:
            areas = shapely.from_wkb(np.array(self._areas, dtype=object))
            lone = shapely.get_num_geometries(areas) == 1
            areas[lone] = shapely.get_geometry(areas[lone], 0)
            shapes[sizes == 0] = areas
        return shapes

    def frame(self, meaning: Callable[[dict[str, str | None]], dict[str, Any]]) -> pd.DataFrame:
        """
        Columns that tags decide, worked out once for each distinct combination of tags.

        Parameters
        ----------
        meaning
            Gives the columns of one row from its tags.
        """
        meant = pd.DataFrame([meaning(dict(zip(self.keys, tags, strict=True))) for tags in self.profiles])
        codes = np.array(self._codes, dtype=np.int64)
        return pd.DataFrame({column: meant[column].array.take(codes) for column in meant}, copy=False)

    def name(self) -> pd.Series:
        """Names of the rows."""
        return pd.Series(pd.array(list(self.names), dtype="str").take(np.array(self._names, dtype=np.int64)))


def source_key(source: int, kind: int) -> int:
    """One integer for an object of OpenStreetMap."""
    return source * _KINDS + kind


def source_ids(keys: np.ndarray[Any, np.dtype[np.int64]]) -> pd.Series:
    """Identifiers such as ``way/123``."""
    prefix = pa.array(["node/", "way/", "relation/"]).take(pa.array(keys % _KINDS))
    text = pc.binary_join_element_wise(prefix, pc.cast(pa.array(keys // _KINDS), pa.string()), "")
    return pd.Series(text.to_pandas(), dtype="str")
