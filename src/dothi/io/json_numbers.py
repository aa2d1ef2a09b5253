"""Nested lists of whole numbers as JSON, written for all objects at once."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dothi.shapes import Integers

DEEPEST: Final = 5
TOKENS_AT_ONCE: Final = 1 << 20


def nested(values: Integers, depth: npt.NDArray[np.uint8], ends: Integers) -> list[bytes]:
    """
    Text of nested lists, without the brackets around the whole.

    Every number is followed by as many closing brackets as lists end with it, a comma, and as many opening ones.
    Digits and brackets are laid out in a matrix of characters, so that no number is handled one by one.

    Parameters
    ----------
    values : (n,)
        Numbers ≥ 0, those of the first object first.
    depth : (n,)
        How many lists end with each number, up to `DEEPEST`; of the last number of an object it does not count.
    ends : (n_objects,)
        One past the last number of each object, rising.

    Returns
    -------
    list
        One text for each object.

    Examples
    --------
    >>> nested(np.array([0, 1, 25, 7]), np.array([0, 1, 0, 0], dtype=np.uint8), np.array([3, 4]))
    [b'0,1],[25', b'7']
    """
    texts: list[bytes] = []
    first = 0
    while first < len(ends):
        begin = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, begin + TOKENS_AT_ONCE, side="right")), first + 1)
        rows = slice(begin, int(ends[last - 1]))
        texts += _written(values[rows], depth[rows], ends[first:last] - begin)
        first = last
    return texts


def _written(values: Integers, depth: npt.NDArray[np.uint8], ends: Integers) -> list[bytes]:
    n = len(values)
    width = len(str(int(values.max()))) if n else 1
    deepest = int(depth.max()) if n else 0
    text = np.empty((n, width + 2 * deepest + 1), dtype=np.uint8)
    shown = np.ones(text.shape, dtype=bool)
    rest: npt.NDArray[Any] = values.astype(np.uint32 if width < 10 else np.uint64)
    for place in range(width - 1, -1, -1):
        rest, digit = np.divmod(rest, rest.dtype.type(10))
        text[:, place] = digit + ord("0")
        if place:
            shown[:, place - 1] = rest > 0
    for level in range(deepest):
        text[:, width + level] = ord("]")
        text[:, width + deepest + 1 + level] = ord("[")
        shown[:, width + level] = shown[:, width + deepest + 1 + level] = depth > level
    text[:, width + deepest] = ord(",")
    filled = np.diff(ends, prepend=0) > 0
    shown[ends[filled] - 1, width:] = False
    length = np.concatenate([[0], np.cumsum(shown.sum(axis=1))])
    stops = length[ends].tolist()
    whole = text[shown].tobytes()
    return [whole[start:stop] for start, stop in zip([0, *stops[:-1]], stops, strict=True)]
