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
from dothi.io.osm.flat import PER_DEG, RELATION, Block, Integers, unpack
from dothi.io.osm.words import Codes, Tags, Words

_KINDS = 4


class Rows:
    """
    Growing table.

    The tags of a row are kept as the number of their distinct combination, of which a city has few; what the tags
    mean is worked out once for each. Vertices are kept in units of 1e-7°, as the file has them.

    Parameters
    ----------
    keys
        Keys of the tags that decide what a row says.
    words
        Numbers for keys and values.
    closed
        Whether rows are areas (or points) and not lines.
    bounds
        Rows wholly outside are dropped block by block, so that memory stays bounded by the result.
    """

    def __init__(
        self, keys: tuple[str, ...], words: Words, *, closed: bool = False, bounds: Bounds | None = None
    ) -> None:
        self.keys = keys
        self.closed = closed
        self.n_degenerate = 0
        self._words = words
        self._wanted = words.wanted(keys)
        self._bounds = bounds
        self._combinations = Codes()
        self._sources = array("q")
        self._codes = array("i")
        self._names = array("i")
        self._sizes = array("i")
        self._vertices: list[Integers] = []
        self._area_sources = array("q")
        self._area_codes = array("i")
        self._area_names = array("i")
        self._areas: list[str] = []

    def take(self, block: Block, tags: Tags, rows: Integers, sizes: Integers, vertices: Integers) -> None:
        """
        Append nodes or ways.

        Repeated vertices are dropped, and so are shapes with too few vertices or out of bounds.

        Parameters
        ----------
        block, tags
            Where they stand.
        rows : (n,)
            Their rows there in ascending order; a way that is cut into several lines comes several times.
        sizes : (n,)
            Vertices of each, 1 or more.
        vertices : (n_vertices,)
            Packed positions, one shape after the other, see `flat.pack`.
        """
        owner = np.repeat(np.arange(len(rows)), sizes)
        fresh = np.ones(len(vertices), dtype=bool)
        fresh[1:] = (vertices[1:] != vertices[:-1]) | (owner[1:] != owner[:-1])
        least = np.where(sizes == 1, 1, 4 if self.closed else 2)
        sizes, vertices = np.bincount(owner[fresh], minlength=len(rows)), vertices[fresh]
        keep = sizes >= least
        self.n_degenerate += int((~keep).sum())
        keep &= self._within(vertices, sizes)
        self._vertices.append(vertices[np.repeat(keep, sizes)])
        self._sizes.extend(sizes[keep].tolist())
        rows = rows[keep]
        another = np.diff(rows, prepend=-1) > 0
        objects, of = rows[another], np.cumsum(another) - 1
        codes = np.array(self._combinations.of(tags.combinations(objects, self._wanted)), dtype=np.int64)
        self._codes.extend(codes[of].tolist())
        self._names.extend(tags.names(objects)[of].tolist())
        self._sources.extend(source_key(block.ids[objects], block.kind)[of].tolist())

    def take_area(self, source: int, combination: bytes, name: str | None, shape: str) -> None:
        """Append the area of a relation, `shape` being its WKB in hexadecimal digits."""
        self._area_sources.append(source_key(source, RELATION))
        self._area_codes.extend(self._combinations.of([self._words.part(combination, self._wanted)]))
        self._area_names.extend(self._words.values.of([name]) if name is not None else [-1])
        self._areas.append(shape)

    def _within(self, vertices: Integers, sizes: Integers) -> np.ndarray[Any, np.dtype[np.bool_]]:
        if self._bounds is None or not len(sizes):
            return np.ones(len(sizes), dtype=bool)
        first = np.cumsum(sizes) - sizes
        xy = unpack(vertices)
        low, high = np.minimum.reduceat(xy, first) / PER_DEG, np.maximum.reduceat(xy, first) / PER_DEG
        return np.asarray(((high >= self._bounds[:2]) & (low <= self._bounds[2:])).all(axis=1), dtype=bool)

    def __len__(self) -> int:
        return len(self._sources) + len(self._area_sources)

    def sources(self) -> Integers:
        """Keys of the objects, see `source_key`; areas of relations come last, here as everywhere."""
        return np.array(self._sources + self._area_sources, dtype=np.int64)

    def vertex_counts(self) -> Integers:
        """Vertices of each row; 0 for the areas of relations."""
        return np.concatenate([np.array(self._sizes, dtype=np.int64), np.zeros(len(self._areas), dtype=np.int64)])

    def geometry(self) -> np.ndarray[Any, np.dtype[np.object_]]:
        """Points, lines or polygons of the rows, to the last digit of the file."""
        sizes = self.vertex_counts()
        vertices = unpack(np.concatenate([np.empty(0, dtype=np.int64), *self._vertices])) / PER_DEG
        shapes = np.empty(len(sizes), dtype=object)
        point, drawn = sizes == 1, sizes > 1
        if point.any():
            shapes[point] = shapely.points(vertices[(np.cumsum(sizes) - 1)[point]])
            vertices = vertices[np.repeat(drawn, sizes)]
        if drawn.any():
            ends = np.concatenate(([0], np.cumsum(sizes[drawn])))
            if self.closed:
                rings = (ends, np.arange(len(ends)))
                shapes[drawn] = shapely.from_ragged_array(shapely.GeometryType.POLYGON, vertices, rings)
            else:
                shapes[drawn] = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, vertices, (ends,))
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
        blank: dict[str, str | None] = dict.fromkeys(self.keys)
        meant = pd.DataFrame([meaning({**blank, **self._words.tags(found)}) for found in self._combinations])
        codes = np.array(self._codes + self._area_codes, dtype=np.int64)
        return pd.DataFrame({column: meant[column].array.take(codes) for column in meant}, copy=False)

    def name(self) -> pd.Series:
        """Names of the rows."""
        codes, row = np.unique(np.array(self._names + self._area_names, dtype=np.int64), return_inverse=True)
        names = [self._words.text(code) if code >= 0 else None for code in codes.tolist()]
        return pd.Series(pd.array(names, dtype="str").take(row))


def source_key(source: Any, kind: Any) -> Any:
    """One integer for an object of OpenStreetMap, or for each of an array of them."""
    return source * _KINDS + kind


def source_ids(keys: Integers) -> pd.Series:
    """Identifiers such as ``way/123``."""
    prefix = pa.array(["node/", "way/", "relation/"]).take(pa.array(keys % _KINDS))
    text = pc.binary_join_element_wise(prefix, pc.cast(pa.array(keys // _KINDS), pa.string()), "")
    return pd.Series(text.to_pandas(), dtype="str")
