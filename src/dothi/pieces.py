"""Pieces of a result, kept under the content of what they follow from: an edit makes anew only what it touched."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

ENDING: Final = ".piece"
_DIGEST: Final = 16
_SIZE: Final = 8
_FOLDER: ContextVar[Path | None] = ContextVar("folder of pieces", default=None)


class Pieces:
    """
    Arrays in a folder, by key.

    A piece that is lost, damaged or half written is none: it is made again. Several threads and processes may find and
    keep the same ones at once, since a piece is written under a name of its own and then renamed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, key: str) -> dict[str, NDArray[Any]] | None:
        """Piece by key, marked as used now; None where there is none."""
        import pyarrow as pa

        path = self._path(key)
        try:
            raw = path.read_bytes()
            body = raw[_DIGEST:]
            if hashlib.blake2b(body, digest_size=_DIGEST).digest() != raw[:_DIGEST]:
                return None
            size = int.from_bytes(body[:_SIZE], "little")
            plain = pa.Codec("zstd").decompress(body[_SIZE:], decompressed_size=size, asbytes=True)
            with np.load(io.BytesIO(plain), allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files}
            os.utime(path)
        except (OSError, ValueError, KeyError):
            return None
        return found

    def keep(self, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep a piece; where it cannot be written, nothing is lost but time."""
        import pyarrow as pa

        plain = io.BytesIO()
        np.savez(plain, **arrays)  # type: ignore[arg-type]  # its signature takes names for options as well
        data = plain.getvalue()
        body = len(data).to_bytes(_SIZE, "little") + pa.Codec("zstd").compress(data, asbytes=True)
        path = self._path(key)
        temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(hashlib.blake2b(body, digest_size=_DIGEST).digest() + body)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{ENDING}"


@contextmanager
def kept_in(folder: Path | None) -> Iterator[None]:
    """Within the block, engines keep pieces in this folder; in none where None, which is so outside of runs."""
    token = _FOLDER.set(folder)
    try:
        yield
    finally:
        _FOLDER.reset(token)


def pieces() -> Pieces | None:
    """
    Where pieces are kept; None where the caller was not given a folder.

    To be asked for in the thread that runs the model, and handed to others.
    """
    folder = _FOLDER.get()
    return Pieces(folder) if folder is not None else None
