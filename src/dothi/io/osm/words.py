"""Tags as numbers: codes for keys and values that are the same in all blocks of a file."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Final

import numpy as np

from dothi.io.osm.flat import Block, Integers

_VALUE_BITS: Final = 32

Wanted = np.ndarray[Any, np.dtype[np.bool_]]
"""Whether a key is wanted, by its code."""


class Codes(dict[Any, int]):
    """Numbers for distinct values, in the order in which they are first seen."""

    def of(self, values: Iterable[Any]) -> list[int]:
        """Numbers of values."""
        return [self.setdefault(value, len(self)) for value in values]


class Words:
    """
    Numbers for keys and values of tags that are the same in all blocks of a file.

    A combination of tags is kept as the bytes of its numbers: one integer for each tag, with the code of the key in
    its upper half and that of the value in its lower one.

    Parameters
    ----------
    keys
        Keys that matter.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = {key: code for code, key in enumerate(sorted({*keys, "name"}))}
        self.values = Codes()
        self._key_texts = list(self.keys)
        self._value_texts: list[str] = []

    def wanted(self, keys: Iterable[str]) -> Wanted:
        """Which keys are among some."""
        found = np.zeros(len(self.keys), dtype=bool)
        found[[self.keys[key] for key in keys]] = True
        return found

    def text(self, code: int) -> str:
        """Value with some code."""
        if len(self._value_texts) < len(self.values):
            self._value_texts = list(self.values)
        return self._value_texts[code]

    def tags(self, combination: bytes) -> dict[str, str]:
        """Tags of a combination."""
        pairs = np.frombuffer(combination, dtype=np.int64).tolist()
        return {self._key_texts[pair >> _VALUE_BITS]: self.text(pair % (1 << _VALUE_BITS)) for pair in pairs}

    def part(self, combination: bytes, wanted: Wanted) -> bytes:
        """Those tags of a combination whose keys are wanted."""
        pairs = np.frombuffer(combination, dtype=np.int64)
        kept: bytes = pairs[wanted[pairs >> _VALUE_BITS]].tobytes()
        return kept


class Tags:
    """
    Those tags of the objects of a block whose keys matter.

    Parameters
    ----------
    block
        Block.
    words
        Numbers for keys and values; learns the values that are asked for.
    """

    def __init__(self, block: Block, words: Words) -> None:
        self._strings, self._words = block.strings, words
        self._n = len(block.ids)
        code = np.full(len(block.strings), -1)
        used = np.flatnonzero(np.bincount(block.keys))
        code[used] = [words.keys.get(block.strings[place], -1) for place in used]
        keys = code[block.keys]
        known = keys >= 0
        self._owners = np.repeat(np.arange(self._n), block.tag_counts)[known]
        self._keys = keys[known]
        self._values = block.values[known]
        self._codes = np.full(len(block.strings), -1)

    def combinations(self, rows: Integers, wanted: Wanted) -> list[bytes]:
        """Combination of the wanted tags of some objects, given in ascending order."""
        chosen = np.zeros(self._n, dtype=bool)
        chosen[rows] = True
        keep = wanted[self._keys] & chosen[self._owners]
        pairs = (self._keys[keep] << _VALUE_BITS) | self._coded(self._values[keep])
        counts = np.bincount(self._owners[keep], minlength=self._n)[rows]
        text, ends = pairs.tobytes(), np.cumsum(counts) * pairs.itemsize
        return [text[start:end] for start, end in pairwise([0, *ends.tolist()])]

    def names(self, rows: Integers) -> Integers:
        """Code of the name of each of some objects; −1 where it has none."""
        named = self._keys == self._words.keys["name"]
        place = np.full(self._n, -1)
        place[self._owners[named]] = self._values[named]
        found = place[rows]
        found[found >= 0] = self._coded(found[found >= 0])
        return found

    def _coded(self, places: Integers) -> Integers:
        """Codes of values that stand at some places of the texts of the block."""
        fresh = np.flatnonzero(np.bincount(places[self._codes[places] < 0]))
        self._codes[fresh] = self._words.values.of(self._strings[place] for place in fresh)
        return np.asarray(self._codes[places])
