"""Files that are either whole or not there, their checksums, and archives that bite."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import islice
from pathlib import Path

from dothi.errors import InputError, Problem, Problems

CHUNK = 1 << 20
MAX_FILES = 1_000
SEAL = "files.json"
"""What a whole folder holds, written last: by it a file that was cut or lost later is found."""

_FLUSHED_LATER: ContextVar[bool] = ContextVar("flushed_later", default=False)
"""Whether files being written are part of a folder that will be flushed as a whole."""


def flush_folder(folder: Path) -> None:
    """Make renames in a folder durable, where the system allows folders to be flushed."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _flush(path: Path) -> None:
    """Make the content of a file durable."""
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def _flush_all(paths: Iterable[Path]) -> None:
    """Make the content of files durable, side by side: the system writes them down together."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(_flush, paths))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """
    Temporary path beside `path`; flushed and renamed to it if the block ends well.

    Yields
    ------
    pathlib.Path
        Where to write. A reader of `path` sees the old file or the new one, never a part.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Names may be 255 bytes long, of which a letter takes up to four: a temporary name must not be longer than its own.
    temporary = path.with_name(f".{path.stem[:40]}-{secrets.token_hex(4)}.part{path.suffix[:10]}")
    try:
        yield temporary
        later = _FLUSHED_LATER.get()
        if not later:
            _flush(temporary)
        temporary.replace(path)
        if not later:
            flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """
    Temporary folder beside `path`; renamed to it if the block ends well.

    Yields
    ------
    pathlib.Path
        Where to write. If somebody else made `path` meanwhile and it is whole, theirs stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    temporary.mkdir()
    later = _FLUSHED_LATER.set(True)
    try:
        try:
            yield temporary
        finally:
            _FLUSHED_LATER.reset(later)
        _flush_all(file for file in temporary.rglob("*") if file.is_file())
        write_text(temporary / SEAL, json.dumps(_sizes(temporary)) + "\n")
        if not is_whole(path):
            if path.is_dir():
                shutil.rmtree(path)
            try:
                temporary.rename(path)
            except OSError:
                if not path.is_dir():
                    raise
        flush_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def is_whole(folder: Path) -> bool:
    """Whether a folder that `whole_folder` made still has all its files in their full length."""
    try:
        return bool(json.loads((folder / SEAL).read_text(encoding="utf-8")) == _sizes(folder))
    except (OSError, ValueError):
        return False


def _sizes(folder: Path) -> dict[str, int]:
    """Length of every file of a folder by name [B]."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != SEAL)
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step, UTF-8."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def copy_file(source: Path, path: Path) -> None:
    """Copy a file in one step."""
    with replacing(path) as temporary:
        shutil.copyfile(source, temporary)


def share_file(source: Path, path: Path) -> None:
    """
    Give a file a second name, or copy it in one step where the file system has no such names.

    Both are one file: it must only ever be replaced, never be written into.
    """
    try:
        path.hardlink_to(source)
    except OSError:
        copy_file(source, path)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file in one step."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def is_there(path: Path) -> bool:
    """Whether there is something under a name; a name that no system can have is that of nothing."""
    try:
        return path.exists()
    except OSError:
        return False


def check_file(path: Path, problems: Problems) -> bool:
    """Whether a path is a file with something in it; what it is instead is reported."""
    if not is_there(path):
        problems.error("file is present")
    elif not path.is_file():
        problems.error("is a file, not a folder: name the file inside it")
    elif not path.stat().st_size:
        problems.error("file is not empty")
    else:
        return True
    return False


def short_message(error: object, path: Path) -> str:
    """A message of a library on one line, without the folder, which the report names anyway, and without advice."""
    text = " ".join(str(error).split())
    for name in (str(path.absolute()), str(path)):
        text = text.replace(f"'{name}'", "").replace(name, path.name)
    text = text.split("; It might help")[0].strip(" .,;:")
    return text if len(text) <= 200 else f"{text[:200]}…"


def sha256(path: Path) -> str:
    """
    SHA-256 of a file, or of all files of a folder with their names, as hexadecimal.

    Raises
    ------
    InputError
        A folder of more than `MAX_FILES` files: no source is, and the whole disk would be read for nothing.
    """
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(islice((f for f in path.rglob("*") if f.is_file()), MAX_FILES + 1))
    if len(files) > MAX_FILES:
        rule = f"is a file, or a folder of at most {MAX_FILES:,} files that belong together"
        raise InputError([Problem(rule, file=str(path))])
    for file in files:
        if path.is_dir():
            digest.update(str(file.relative_to(path)).encode() + b"\0")
        with file.open("rb") as handle:
            while chunk := handle.read(CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
