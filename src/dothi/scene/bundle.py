"""Bundles: named arrays in one file, as the viewer reads them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dothi.errors import InputError, Problem
from dothi.shapes import Floats

MAGIC: Final = b"DSB1"
ALIGNMENT: Final = 8
STEP_M: Final = 0.02
TYPES: Final[dict[str, str]] = {"u8": "<u1", "u16": "<u2", "u32": "<u4", "i16": "<i2", "f32": "<f4"}
_NAMES: Final = {np.dtype(code): name for name, code in TYPES.items()}
MOST: Final = 65535
MOST_HEAD_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Frame:
    """
    How whole numbers stand for places: ``x0 + step·x``, ``y0 + step·y``, ``z0 + z_step·z`` [m].

    Attributes
    ----------
    x0, y0, z0
        Place of the numbers 0, 0, 0 [m].
    step, z_step
        What one is worth along the ground and up [m].
    """

    x0: float
    y0: float
    z0: float
    step: float
    z_step: float

    @classmethod
    def around(cls, xy: Floats, z: Floats, step: float = STEP_M, z_step: float = 0.05) -> Frame:
        """Frame whose 16-bit numbers reach all of some places, with steps no smaller than these."""
        if not len(xy):
            return cls(0.0, 0.0, 0.0, step, z_step)
        low, high = xy.min(axis=0), xy.max(axis=0)
        x0, y0, z0 = float(np.floor(low[0])), float(np.floor(low[1])), float(np.floor(z.min()))
        width = max(float(high[0]) - x0, float(high[1]) - y0)
        return cls(x0, y0, z0, _step_for(width, step), _step_for(float(z.max()) - z0, z_step))

    def x(self, x: Floats) -> NDArray[np.uint16]:
        """Numbers of places along x."""
        return _rounded((x - self.x0) / self.step)

    def y(self, y: Floats) -> NDArray[np.uint16]:
        """Numbers of places along y."""
        return _rounded((y - self.y0) / self.step)

    def z(self, z: Floats) -> NDArray[np.uint16]:
        """Numbers of levels."""
        return _rounded((z - self.z0) / self.z_step)

    def place(self, x: NDArray[Any], y: NDArray[Any], z: NDArray[Any]) -> Floats:
        """Places that numbers stand for, shape ``(n, 3)`` [m]."""
        return np.column_stack([self.x0 + self.step * x, self.y0 + self.step * y, self.z0 + self.z_step * z])


def _step_for(width: float, step: float) -> float:
    """Step, doubled until 16-bit numbers reach across a width."""
    while width > MOST * step:
        step *= 2.0
    return step


def _rounded(numbers: Floats) -> NDArray[np.uint16]:
    return np.clip(np.rint(numbers), 0, MOST).astype(np.uint16)


@dataclass(frozen=True, slots=True)
class Bundle:
    """
    Content of a bundle.

    Attributes
    ----------
    arrays
        Arrays by name, differences summed up.
    frame
        How its numbers stand for places; None where they do not.
    about
        What else its JSON says.
    """

    arrays: Mapping[str, NDArray[Any]]
    frame: Frame | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


def write_bundle(
    arrays: Mapping[str, ArrayLike],
    frame: Frame | None = None,
    *,
    delta: Iterable[str] = (),
    about: Mapping[str, Any] | None = None,
) -> bytes:
    """
    Bytes of a bundle.

    Parameters
    ----------
    arrays
        One-dimensional arrays of the types in `TYPES`, by name.
    frame
        How numbers stand for places.
    delta
        Arrays of whole numbers that are stored as differences, since those compress better.
    about
        Other members of the JSON.

    Returns
    -------
    bytes
        The same for the same content.
    """
    delta = frozenset(delta)
    entries: dict[str, dict[str, Any]] = {}
    chunks: list[bytes] = []
    for name, values in arrays.items():
        array = np.asarray(values)
        if name in delta:
            array = np.diff(array, prepend=array.dtype.type(0))
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        entries[name] = {"type": _NAMES[array.dtype], "length": len(array), "offset": 0}
        if name in delta:
            entries[name]["delta"] = True
        chunks.append(array.tobytes())
    head: dict[str, Any] = dict(about or {})
    if frame is not None:
        head["frame"] = {
            "x0": frame.x0,
            "y0": frame.y0,
            "z0": frame.z0,
            "step": frame.step,
            "z_step": frame.z_step,
        }
    head["arrays"] = entries
    text, start = b"", -1
    # The offsets stand in the text, and follow from its length.
    while (begin := _aligned(len(MAGIC) + 4 + len(text))) != start:
        start = offset = begin
        for entry, chunk in zip(entries.values(), chunks, strict=True):
            entry["offset"] = offset
            offset = _aligned(offset + len(chunk))
        text = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()
    parts = [MAGIC, len(text).to_bytes(4, "little"), text]
    length = sum(map(len, parts))
    for entry, chunk in zip(entries.values(), chunks, strict=True):
        parts += [b"\0" * (entry["offset"] - length), chunk]
        length = entry["offset"] + len(chunk)
    return b"".join(parts)


def read_bundle(data: bytes, name: str = "bundle") -> Bundle:
    """
    Content of a bundle.

    Parameters
    ----------
    data
        Its bytes.
    name
        Name of the file, for messages.

    Raises
    ------
    InputError
        The bytes are no bundle, or it is cut off.
    """
    try:
        return _read(data)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError) as error:
        raise InputError([Problem("is a whole bundle of a scene", file=name)]) from error


def _read(data: bytes) -> Bundle:
    if data[:4] != MAGIC:
        raise ValueError("no bundle")
    length = int.from_bytes(data[4:8], "little")
    if length > min(MOST_HEAD_BYTES, len(data) - 8):
        raise ValueError("cut off")
    head = json.loads(data[8 : 8 + length].decode())
    arrays: dict[str, NDArray[Any]] = {}
    for name, entry in head.pop("arrays").items():
        dtype = np.dtype(TYPES[entry["type"]])
        n, offset = int(entry["length"]), int(entry["offset"])
        if n < 0 or offset < 8 + length or offset % ALIGNMENT:
            raise ValueError("array outside")
        array = np.frombuffer(data, dtype, n, offset) if n else np.empty(0, dtype)
        arrays[name] = np.cumsum(array, dtype=dtype) if entry.get("delta") else array
    frame = head.pop("frame", None)
    return Bundle(arrays, Frame(**{key: float(value) for key, value in frame.items()}) if frame else None, head)


def _aligned(length: int) -> int:
    return -(-length // ALIGNMENT) * ALIGNMENT


def gzipped(data: bytes, level: int = 9) -> bytes:
    """Bytes compressed, without time or name, so that the same bytes give the same."""
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()
