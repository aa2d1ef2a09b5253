"""Tables over HTTP: chosen columns of chosen rows as one Arrow stream."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pyarrow as pa

from dothi import wire
from dothi.catalogue import ObjectRecord, geometry_of, record
from dothi.errors import Problems
from dothi.shown import missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dothi.shown import Shown

Encoding = Literal["plain", "quantised"]
MOST_IDS: Final = 1_000
_LARGEST: Final = 2**63


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What was asked of a table.

    Attributes
    ----------
    columns
        Names in the order wanted; all but the geometry where None.
    bbox
        West, south, east, north [m] that the box of a row must touch.
    ids
        Ids of the rows wanted.
    encoding, compression
        How values and buffers are written.
    geometry
        Whether geometries come along, as WKB on the grid of the city.
    """

    columns: tuple[str, ...] | None = None
    bbox: tuple[float, float, float, float] | None = None
    ids: tuple[int, ...] | None = None
    encoding: Encoding = "plain"
    compression: wire.Compression = "none"
    geometry: bool = False

    @classmethod
    def read(cls, query: dict[str, str], encoding: Encoding, compression: wire.Compression, *, geometry: bool) -> Wish:
        """
        Wish from the texts of a query.

        Raises
        ------
        InputError
            Any of them breaks its rule; all are named.
        """
        problems = Problems()
        wish = cls(
            columns=tuple(dict.fromkeys(filter(None, query["columns"].split(",")))) if query["columns"] else None,
            bbox=_box(query["bbox"], problems),
            ids=_ids(query["ids"], problems),
            encoding=encoding,
            compression=compression,
            geometry=geometry,
        )
        if geometry and encoding == "quantised":
            problems.error("is plain where geometries are asked for", column="encoding")
        problems.raise_errors()
        return wish


def _box(text: str, problems: Problems) -> tuple[float, float, float, float] | None:
    if not text:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        west = math.nan
    else:
        if all(map(math.isfinite, (west, south, east, north))) and west <= east and south <= north:
            return west, south, east, north
    problems.error("is west,south,east,north in metres on the grid of the city", column="bbox")
    return None


def _ids(text: str, problems: Problems) -> tuple[int, ...] | None:
    if not text:
        return None
    parts = text.split(",", MOST_IDS)
    if len(parts) > MOST_IDS:
        problems.error(f"names at most {MOST_IDS:,} rows", column="ids")
        return None
    wrong = [part for part in parts if not _is_id(part)]
    if wrong:
        problems.error("is a whole number", column="ids", rows=[part[:20] for part in wrong])
        return None
    return tuple(int(part) for part in parts)


def _is_id(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 20 and abs(int(text)) < _LARGEST


def send_columns(shown: Shown, name: str, wish: Wish) -> bytes:
    """
    What was wished for as an Arrow IPC stream; rows stand in the order of the table.

    Where rows were chosen, their ids come first, asked for or not.

    Raises
    ------
    MissingError
        The city has no such table.
    InputError
        The table has no such columns, or no geometry to choose rows by.
    """
    table = shown.table(name)
    names = list(wish.columns) if wish.columns is not None else table.column_names
    _check(name, names, wish, table)
    rows = _rows(shown, name, wish, table)
    index = wire.id_of(name)
    if rows is not None and index not in names:
        names.insert(0, index)
    chosen = table.select(names)
    chosen = chosen if rows is None else chosen.take(pa.array(rows))
    if wish.encoding == "quantised":
        return wire.stream(wire.quantised(chosen, name), wish.compression)
    chosen = wire.with_units(wire.plain(chosen), name)
    if wish.geometry:
        shapes = shown.geometry(name)
        shapes = shapes if rows is None else shapes.take(pa.array(rows))
        chosen = chosen.append_column(wire.geometry_field(shown.city.crs), shapes)
    return wire.stream(chosen, wish.compression)


def _check(name: str, names: list[str], wish: Wish, table: pa.Table) -> None:
    problems = Problems()
    for column in names:
        if column not in table.column_names:
            rule = "is asked for by geometry=true" if column == "geometry" else "is a column of the table"
            problems.error(rule, table=name, column=column[:60])
    if (wish.bbox is not None or wish.geometry) and geometry_of(name) is None:
        problems.error("table has a geometry", table=name, column="bbox" if wish.bbox is not None else "geometry")
    problems.raise_errors()


def _rows(shown: Shown, name: str, wish: Wish, table: pa.Table) -> NDArray[np.int64] | None:
    """Positions of the rows wanted, in order; None for all."""
    if wish.bbox is None and wish.ids is None:
        return None
    wanted = np.ones(table.num_rows, dtype=bool)
    if wish.ids is not None:
        wanted &= np.isin(_id_array(table, name), np.array(wish.ids, dtype=np.int64))
    if wish.bbox is not None:
        west, south, east, north = shown.boxes(name).T
        left, bottom, right, top = wish.bbox
        wanted &= (west <= right) & (east >= left) & (south <= top) & (north >= bottom)
    return np.flatnonzero(wanted)


def _id_array(table: pa.Table, name: str) -> NDArray[np.int64]:
    return np.asarray(table[wire.id_of(name)].to_numpy(), dtype=np.int64)


def find_record(shown: Shown, name: str, wanted: int) -> ObjectRecord:
    """
    One row in full, by its id.

    Raises
    ------
    MissingError
        The city has no such table, or the table no such row.
    """
    table = shown.table(name)
    found = np.flatnonzero(_id_array(table, name) == wanted) if abs(wanted) < _LARGEST else np.empty(0, np.int64)
    if not len(found):
        raise missing(f"is the {wire.id_of(name)} of a row ({wanted})", table=name, column=wire.id_of(name))
    return record(name, table, int(found[0]))
