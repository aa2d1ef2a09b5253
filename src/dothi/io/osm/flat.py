"""
Columns of the plain PBF that libosmium writes: one array for each field of all objects of a block.

libosmium reads a file of whatever format, looks up the positions of nodes, picks objects, and writes them down without
compression, about 8000 to a block. Only such files come here, never one from outside, so nothing is checked twice.
The messages are those of wiki.openstreetmap.org/wiki/PBF_Format, with positions on ways
(docs.osmcode.org/libosmium/latest, option ``locations_on_ways``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

NODE, WAY, RELATION = 0, 1, 2
MISSING: Final = 2**31 - 1
"""Coordinate of a node that is not in the file, or has no position."""
PER_DEG: Final = 1e7
"""Units of a coordinate in a degree."""

_GROUP: Final = {2: NODE, 3: WAY, 4: RELATION}
"""Kind of the objects of a group by the number of its field."""
_IDS, _KEYS, _VALUES = 1, 2, 3
_WAY_REFS, _WAY_Y, _WAY_X = 8, 9, 10
_NODE_Y, _NODE_X, _NODE_TAGS = 8, 9, 10
_ROLES, _MEMBERS, _MEMBER_KINDS = 8, 9, 10

Integers = np.ndarray[Any, np.dtype[np.int64]]
_Bytes = np.ndarray[Any, np.dtype[np.uint8]]
_Places = dict[int, tuple[Integers, Integers]]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """
    Objects of one kind.

    Attributes
    ----------
    kind
        `NODE`, `WAY` or `RELATION`.
    ids : (n,)
        Their ids.
    strings
        Texts of the block.
    tag_counts : (n,)
        Tags of each object.
    keys, values : (n_tags,)
        Place in `strings` of the key and value of each tag.
    """

    kind: int
    ids: Integers
    strings: list[str]
    tag_counts: Integers
    keys: Integers
    values: Integers
    _data: _Bytes
    _places: _Places

    def positions(self, rows: Integers) -> tuple[Integers, Integers]:
        """Number of vertices of each of some nodes or ways, and all of them, packed (see `pack`)."""
        if self.kind == NODE:
            x, y = (_running(*_integers(self._data, *self._places[field])) for field in (_NODE_X, _NODE_Y))
            return np.ones(len(rows), dtype=np.int64), pack(x[rows], y[rows])
        counts, x = self._packed(_WAY_X, rows)
        _, y = self._packed(_WAY_Y, rows)
        return counts, pack(_running(x, counts), _running(y, counts))

    def nodes(self, rows: Integers) -> Integers:
        """Ids of the nodes of some ways, one way after the other."""
        counts, steps = self._packed(_WAY_REFS, rows)
        return _running(steps, counts)

    def closed(self, rows: Integers) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether ways end at the node where they begin."""
        counts, steps = self._packed(_WAY_REFS, rows)
        nodes, ends = _running(steps, counts), np.cumsum(counts)
        ring = counts > 1
        ring[ring] = nodes[ends[ring] - 1] == nodes[(ends - counts)[ring]]
        return ring

    def members(self) -> tuple[Integers, Integers, Integers, Integers]:
        """Number of members of each relation, and their kinds, ids and roles (places in `strings`)."""
        rows = np.arange(len(self.ids))
        counts, steps = self._packed(_MEMBERS, rows)
        _, kinds = self._packed(_MEMBER_KINDS, rows)
        _, roles = self._packed(_ROLES, rows)
        return counts, kinds, _running(steps, counts), roles

    def _packed(self, field: int, rows: Integers) -> tuple[Integers, Integers]:
        return _packed(self._data, self._places, field, rows)


def pack(x: Integers, y: Integers) -> Integers:
    """Positions as one integer each: x in one half, y in the other."""
    return np.column_stack([x, y]).astype(np.int32).view(np.int64).ravel()


def unpack(positions: Integers) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Positions x and y, (n, 2) [1e-7°]."""
    return positions.view(np.int32).reshape(-1, 2)


def gone(positions: Integers) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether positions are missing."""
    return np.asarray(unpack(positions)[:, 0] == MISSING)


def blocks(path: Path, kinds: Collection[int]) -> Iterator[Block]:
    """Blocks of a file that hold objects of some kinds."""
    with path.open("rb") as file:
        while size := file.read(4):
            head = file.read(int.from_bytes(size, "big"))
            fields = _fields(head, 0, len(head))
            blob = file.read(_integer(head, fields[3][0][0])[0])
            if head[slice(*fields[1][0])] != b"OSMData":
                continue
            start, end = _fields(blob, 0, len(blob))[1][0]
            parts = _fields(blob, start, end)
            groups = [place for place in parts.get(2, ()) if _GROUP[blob[place[0]] >> 3] in kinds]
            if groups:
                strings = [blob[a:b].decode() for a, b in _pieces(blob, *parts[1][0])]
                for place in groups:
                    yield _block(blob, place, strings)


def _block(blob: bytes, place: tuple[int, int], strings: list[str]) -> Block:
    """Block of a group that lies at some place."""
    data = np.frombuffer(blob, dtype=np.uint8)
    kind = _GROUP[blob[place[0]] >> 3]
    start, end = np.array(_pieces(blob, *place), dtype=np.int64).T
    places = _columns(data, start, end)
    ids, counts = _integers(data, *places[_IDS])
    if kind == NODE:
        tags, _ = _integers(data, *places.get(_NODE_TAGS, (start, start)))
        # the tags of a node end with a zero
        last = np.flatnonzero(tags == 0)
        pairs = tags[tags > 0].reshape(-1, 2)
        tag_counts = np.diff(last, prepend=-1) // 2 if len(last) else np.zeros(len(ids), dtype=np.int64)
        return Block(kind, _running(ids, counts), strings, tag_counts, pairs[:, 0], pairs[:, 1], data, places)
    rows = np.arange(len(start))
    tag_counts, keys = _packed(data, places, _KEYS, rows)
    _, values = _packed(data, places, _VALUES, rows)
    return Block(kind, ids, strings, tag_counts, keys, values, data, places)


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """Integer of 7 bits to a byte at an offset, and the offset behind it."""
    value = shift = 0
    while (byte := data[at]) > 127:
        value |= (byte & 127) << shift
        shift, at = shift + 7, at + 1
    return value | byte << shift, at + 1


def _fields(data: bytes, at: int, end: int) -> dict[int, list[tuple[int, int]]]:
    """Start and end of the fields of a message by their number."""
    found: dict[int, list[tuple[int, int]]] = {}
    while at < end:
        tag = data[at]
        start = at + 1
        size, at = _integer(data, start)
        if tag & 7 == 2:
            start, at = at, at + size
        found.setdefault(tag >> 3, []).append((start, at))
    return found


def _pieces(data: bytes, at: int, end: int) -> list[tuple[int, int]]:
    """Start and end of the one repeated field of a message: the loop over all strings, ways and relations."""
    found = []
    while at < end:
        size, at = data[at + 1], at + 2
        if size > 127:
            size, at = _integer(data, at - 1)
        found.append((at, at := at + size))
    return found


def _columns(data: _Bytes, at: Integers, end: Integers) -> _Places:
    """Start and end of each field of many messages, found for all messages at once: the first field, the second…."""
    places: _Places = {}
    begin, rows = at, np.arange(len(at))
    while len(rows):
        tag = data[at]
        after = at + 1
        size = np.zeros(len(at), dtype=np.int64)
        shift, more = 0, np.arange(len(at))
        while len(more):
            byte = data[after[more]]
            size[more] |= (byte & 127).astype(np.int64) << shift
            after[more] += 1
            shift, more = shift + 7, more[byte > 127]
        packed = tag & 7 == 2
        start, stop = np.where(packed, after, at + 1), np.where(packed, after + size, after)
        for field in np.flatnonzero(np.bincount(tag >> 3)).tolist():
            there = tag >> 3 == field
            starts, ends = places.setdefault(field, (begin.copy(), begin.copy()))  # empty where it is not there
            starts[rows[there]], ends[rows[there]] = start[there], stop[there]
        going = stop < end[rows]
        rows, at = rows[going], stop[going]
    return places


def _packed(data: _Bytes, places: _Places, field: int, rows: Integers) -> tuple[Integers, Integers]:
    """How many integers a field has in each of some messages, and the integers."""
    if field not in places:
        return np.zeros(len(rows), dtype=np.int64), np.zeros(0, dtype=np.int64)
    starts, ends = places[field]
    values, counts = _integers(data, starts[rows], ends[rows])
    return counts, values


def _integers(data: _Bytes, starts: Integers, ends: Integers) -> tuple[Integers, Integers]:
    """
    Integers of 7 bits to a byte in some spans of the data, and how many there are in each.

    Parameters
    ----------
    data
        Bytes.
    starts, ends
        Spans in ascending order.
    """
    runs = np.diff(np.column_stack([starts, ends]).ravel(), prepend=0)  # beside a span and within, in turn
    raw = data[: ends[-1] if len(ends) else 0][np.repeat(np.arange(len(runs)) % 2 == 1, runs)]
    last = np.flatnonzero(raw < 128)
    first = np.concatenate([last[:1] * 0, last[:-1] + 1])
    more = last - first
    values = np.empty(len(last), dtype=np.int64)
    for n_more in np.flatnonzero(np.bincount(more)).tolist():
        those = np.flatnonzero(more == n_more)
        at = first[those]
        value = (raw[at] & 127).astype(np.int64)
        for step in range(1, n_more + 1):
            value |= (raw[at + step] & 127).astype(np.int64) << 7 * step
        values[those] = value
    bounds = np.concatenate([[0], np.cumsum(ends - starts)])
    return values, np.diff(np.searchsorted(last, bounds))


def _running(steps: Integers, counts: Integers) -> Integers:
    """Sums of zigzag-coded steps, beginning anew in each row."""
    signed = (steps >> 1) ^ -(steps & 1)
    total = np.cumsum(signed)
    filled = counts > 0
    first = (np.cumsum(counts) - counts)[filled]
    return np.asarray(total - np.repeat(total[first] - signed[first], counts[filled]), dtype=np.int64)
