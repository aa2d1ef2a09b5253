"""Objects of one table while the file streams by: a few integers and the bare coordinates of each."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import shapely

from dothi.crs import Bounds

NODE, WAY, RELATION = 0, 1, 2
_KINDS = 4
_BATCH_ROWS = 1 << 13
_ESCAPED = re.compile(r"%([0-9a-fA-F]{1,6})%")
_VERTEX = pyarrow.csv.ReadOptions(column_names=["node", "x", "y"], use_threads=False)
_COORDINATES = pyarrow.csv.ConvertOptions(
    column_types={"x": pa.float64(), "y": pa.float64()}, include_columns=["x", "y"], null_values=[]
)

Profile = tuple[tuple[str, str], ...]
"""Those tags of an object that decide what a row says."""


class Codes(dict[Any, int]):
    """Numbers for distinct values, in the order in which they are first seen."""

    def of(self, value: Any) -> int:
        """Number of a value."""
        return self.setdefault(value, len(self))


def plain(text: str | None) -> str | None:
    """
    Text without the escapes of OPL, in which ``%1ebf%`` stands for ế.

    >>> plain("Hu%1ebf%"), plain(None)
    ('Huế', None)
    """
    if text is None or "%" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _vertices(text: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Positions of nodes such as ``n1x24.5y60.1,n2x24.6y60.1``, (n, 2), to the last digit."""
    table = text.replace("n", "").replace(",", "\n").replace("x", ",").replace("y", ",")
    read = pyarrow.csv.read_csv(pa.BufferReader(table.encode()), _VERTEX, convert_options=_COORDINATES)
    return np.column_stack([read["x"].to_numpy(), read["y"].to_numpy()])


def escaped(text: str) -> str:
    """Text in which `plain` finds nothing to undo but the percent signs, which it restores."""
    return text.replace("%", "%25%")


class Rows:
    """
    Growing table.

    The tags of a row are kept as the number of their distinct combination, of which a city has few; what the tags
    mean is worked out once for each. Vertices come as text and are turned into numbers by the thousand.

    Parameters
    ----------
    keys
        Keys of the tags that decide what a row says.
    closed
        Whether rows are areas (or points) and not lines.
    bounds
        Rows wholly outside are dropped batch by batch, so that memory stays bounded by the result.
    """

    def __init__(self, keys: tuple[str, ...], *, closed: bool = False, bounds: Bounds | None = None) -> None:
        self.keys = keys
        self._wanted = frozenset(keys)
        self.closed = closed
        self.n_degenerate = 0
        self._bounds = bounds
        self._profiles = Codes()
        self._known_names = Codes()
        self._sources = array("q")
        self._codes = array("i")
        self._names = array("i")
        self._sizes = array("i")
        self._coordinates = bytearray()
        self._waiting: list[tuple[int, Profile, str | None, str]] = []
        self._area_sources = array("q")
        self._area_codes = array("i")
        self._area_names = array("i")
        self._areas: list[str] = []

    def take(self, source: int, kind: int, tags: dict[str, str], vertices: str) -> None:
        """
        Append a node or way.

        Parameters
        ----------
        source, kind
            Id in OpenStreetMap, and whether it is that of a node or way.
        tags
            Tags, as OPL writes them.
        vertices
            Nodes with their positions as OPL writes them, such as ``n1x24.5y60.1,n2x24.6y60.1``.
        """
        wanted = self._wanted
        profile = tuple([tag for tag in tags.items() if tag[0] in wanted])
        self._waiting.append((source * _KINDS + kind, profile, tags.get("name"), vertices))
        if len(self._waiting) >= _BATCH_ROWS:
            self._settle()

    def take_area(self, source: int, tags: dict[str, str], shape: str) -> None:
        """Append the area of a relation, `shape` being its WKB in hexadecimal digits."""
        self._area_sources.append(source * _KINDS + RELATION)
        profile = tuple([tag for tag in tags.items() if tag[0] in self._wanted])
        self._area_codes.append(self._profiles.of(profile))
        self._area_names.append(self._known_names.of(tags.get("name")))
        self._areas.append(shape)

    def _settle(self) -> None:
        """Turn waiting text into numbers; drop repeated vertices, and rows without shape or out of bounds."""
        if not self._waiting:
            return
        sources, profiles, names, shapes = zip(*self._waiting, strict=True)
        self._waiting = []
        sizes = np.array([shape.count(",") for shape in shapes], dtype=np.int64) + 1
        vertices = _vertices(",".join(shapes))
        owner = np.repeat(np.arange(len(sizes)), sizes)
        fresh = np.ones(len(vertices), dtype=bool)
        fresh[1:] = (vertices[1:] != vertices[:-1]).any(axis=1) | (owner[1:] != owner[:-1])
        least = np.where(sizes == 1, 1, 4 if self.closed else 2)
        sizes = np.bincount(owner[fresh], minlength=len(sizes))
        vertices = vertices[fresh]
        keep = sizes >= least
        self.n_degenerate += int((~keep).sum())
        keep &= self._within(vertices, sizes)
        self._coordinates += vertices[np.repeat(keep, sizes)].tobytes()
        self._sizes.extend(sizes[keep].tolist())
        kept = keep.tolist()
        self._sources.extend(compress(sources, kept))
        known, named = self._profiles, self._known_names
        self._codes.extend([known.setdefault(profile, len(known)) for profile in compress(profiles, kept)])
        self._names.extend([named.setdefault(name, len(named)) for name in compress(names, kept)])

    def _within(
        self, vertices: np.ndarray[Any, np.dtype[np.float64]], sizes: np.ndarray[Any, np.dtype[np.int64]]
    ) -> np.ndarray[Any, np.dtype[np.bool_]]:
        if self._bounds is None:
            return np.ones(len(sizes), dtype=bool)
        west, south, east, north = self._bounds
        first = np.cumsum(sizes) - sizes
        low, high = np.minimum.reduceat(vertices, first), np.maximum.reduceat(vertices, first)
        return np.asarray(
            (high[:, 0] >= west) & (low[:, 0] <= east) & (high[:, 1] >= south) & (low[:, 1] <= north), dtype=bool
        )

    def __len__(self) -> int:
        self._settle()
        return len(self._sources) + len(self._area_sources)

    def sources(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Keys of the objects, see `source_key`; areas of relations come last, here as everywhere."""
        self._settle()
        return np.array(self._sources + self._area_sources, dtype=np.int64)

    def vertex_counts(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Vertices of each row; 0 for the areas of relations."""
        self._settle()
        return np.concatenate([np.array(self._sizes, dtype=np.int64), np.zeros(len(self._areas), dtype=np.int64)])

    def geometry(self) -> np.ndarray[Any, np.dtype[np.object_]]:
        """Points, lines or polygons of the rows."""
        sizes = self.vertex_counts()
        vertices = np.frombuffer(self._coordinates, dtype="<f8").reshape(-1, 2)
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
        self._settle()
        blank: dict[str, str | None] = dict.fromkeys(self.keys)
        meant = pd.DataFrame(
            [meaning(blank | {key: plain(value) for key, value in profile}) for profile in self._profiles]
        )
        codes = np.array(self._codes + self._area_codes, dtype=np.int64)
        return pd.DataFrame({column: meant[column].array.take(codes) for column in meant}, copy=False)

    def name(self) -> pd.Series:
        """Names of the rows."""
        self._settle()
        codes = np.array(self._names + self._area_names, dtype=np.int64)
        return pd.Series(pd.array([plain(name) for name in self._known_names], dtype="str").take(codes))


def source_key(source: Any, kind: int) -> Any:
    """One integer for an object of OpenStreetMap, or for an array of them."""
    return source * _KINDS + kind


def source_ids(keys: np.ndarray[Any, np.dtype[np.int64]]) -> pd.Series:
    """Identifiers such as ``way/123``."""
    prefix = pa.array(["node/", "way/", "relation/"]).take(pa.array(keys % _KINDS))
    text = pc.binary_join_element_wise(prefix, pc.cast(pa.array(keys // _KINDS), pa.string()), "")
    return pd.Series(text.to_pandas(), dtype="str")
