"""Zip archives, opened as if each had been packed by somebody who means harm."""

from __future__ import annotations

import stat
import struct
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from dothi.errors import Problems

MAX_FILES = 10_000
MAX_BYTES = 8 << 30
MAX_RATIO = 200.0
MAX_DEPTH = 16
CHUNK = 1 << 20
RATIO_FREE_BYTES = 64 << 20
"""Below this size an archive may be as dense as it likes: it can do no harm."""

OTHER_ARCHIVES = {
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "rar",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
}

_UTF8_FLAG = 0x800
_ENCRYPTED_FLAG = 0x1
_UNICODE_PATH_FIELD = 0x7075
_END = b"PK\x05\x06"
_END_SIZE = 22
_LOCATOR64_SIZE = 20
_BYTES_PER_NAME = 1024


@contextmanager
def open_archive(
    path: Path,
    problems: Problems,
    *,
    max_files: int = MAX_FILES,
    max_bytes: int = MAX_BYTES,
    max_ratio: float = MAX_RATIO,
) -> Iterator[Path]:
    """
    Temporary folder with the members of a zip archive; gone when the block ends.

    Nothing is written outside that folder, and no more than `max_bytes` into it: sizes are counted while unpacking,
    since what a header announces may be a lie. Archives inside the archive stay closed.

    Parameters
    ----------
    path
        Zip file.
    problems
        Collector of what is found.
    max_files
        Members at most.
    max_bytes
        Size of all members together at most [B].
    max_ratio
        Size of all members over the size of the archive at most, once they exceed `RATIO_FREE_BYTES`.

    Yields
    ------
    pathlib.Path
        Folder with the members, under their names in Unicode NFC.

    Raises
    ------
    InputError
        No zip archive, a damaged one, one with a password, or a dangerous one.
    """
    with tempfile.TemporaryDirectory(prefix="dothi-") as name:
        folder = Path(name)
        try:
            with path.open("rb") as handle:
                if _may_be_opened(handle, problems, max_files):
                    with zipfile.ZipFile(handle) as archive:
                        members = _safe_members(archive, problems, max_files, max_bytes)
                        problems.raise_errors()
                        limit = max(RATIO_FREE_BYTES, max_ratio * path.stat().st_size)
                        _unpack(archive, members, folder, problems, max_bytes, limit)
        except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, ValueError) as error:
            problems.error(f"archive is whole: {error}")
        except OSError as error:
            problems.error(f"archive can be read and unpacked: {error.strerror or error}")
        problems.raise_errors()
        yield folder


def members_of(path: Path, problems: Problems, *, max_files: int = MAX_FILES, max_bytes: int = MAX_BYTES) -> list[str]:
    """
    Names of the members of a zip archive, which stays packed.

    Parameters
    ----------
    path
        Zip file.
    problems
        Collector; what makes `open_archive` refuse it is reported, as far as its list of contents tells.
    max_files, max_bytes
        As for `open_archive`.
    """
    try:
        with path.open("rb") as handle:
            if _may_be_opened(handle, problems, max_files):
                with zipfile.ZipFile(handle) as archive:
                    return [str(name) for _, name in _safe_members(archive, problems, max_files, max_bytes)]
    except (zipfile.BadZipFile, EOFError, struct.error, NotImplementedError, ValueError) as error:
        problems.error(f"archive is whole: {error}")
    except OSError as error:
        problems.error(f"archive can be read: {error.strerror or error}")
    return []


def _may_be_opened(handle: BinaryIO, problems: Problems, max_files: int) -> bool:
    """Whether it is a zip archive with a list of contents short enough to be read at all."""
    start = handle.read(8)
    other = next((kind for magic, kind in OTHER_ARCHIVES.items() if start.startswith(magic)), "")
    if not start:
        problems.error("file is not empty")
    elif other:
        problems.error(f"is a zip archive; this is a {other} file: unpack it and name the file inside")
    else:
        size = _directory_size(handle)
        if size is None:
            problems.error("is a whole zip archive; its list of contents, at the end of the file, is not there")
        elif size > max_files * _BYTES_PER_NAME:
            problems.error(f"has at most {max_files:,} members; its list of contents alone takes {size:,} bytes")
        else:
            return True
    return False


def _directory_size(handle: BinaryIO) -> int | None:
    """Bytes of the list of contents, by the record at the end of the file (APPNOTE.TXT 6.3.10, sec. 4.3.14-16)."""
    length = handle.seek(0, 2)
    first = max(0, length - _END_SIZE - 0xFFFF - _LOCATOR64_SIZE)
    handle.seek(first)
    tail = handle.read()
    at = len(tail) - _END_SIZE
    if at < 0:
        return None
    if not (tail[at:].startswith(_END) and tail.endswith(b"\0\0")):
        at = tail.rfind(_END)
    if at < 0 or at + _END_SIZE > len(tail):
        return None
    size = int(struct.unpack_from("<L", tail, at + 12)[0])
    locator = at - _LOCATOR64_SIZE
    if locator >= 0 and tail[locator:].startswith(b"PK\x06\x07"):
        handle.seek(int(struct.unpack_from("<Q", tail, locator + 8)[0]) % max(length, 1))
        record = handle.read(56)
        if len(record) == 56 and record.startswith(b"PK\x06\x06"):
            size = max(size if size != 0xFFFFFFFF else 0, int(struct.unpack_from("<Q", record, 40)[0]))
    handle.seek(0)
    return size


def _safe_members(
    archive: zipfile.ZipFile, problems: Problems, max_files: int, max_bytes: int
) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Files of an archive with the paths they may have, all that is wrong with them reported."""
    infos = archive.infolist()
    if len(infos) > max_files:
        problems.error(f"has at most {max_files:,} members; it has {len(infos):,}")
        return []
    announced = sum(info.file_size for info in infos)
    if announced > max_bytes:
        problems.error(f"unpacks to at most {max_bytes:,} bytes; it announces {announced:,}")
    members: list[tuple[zipfile.ZipInfo, PurePosixPath]] = []
    escaping, links, locked, deep, odd = [], [], [], [], []
    for info in infos:
        name = member_name(info)
        path = PurePosixPath(name)
        if name.startswith("/") or ".." in path.parts or name[1:2] == ":":
            escaping.append(name)
        elif any(ord(letter) < 32 or letter in ':*?"<>|' for letter in name) or any(
            len(part.encode()) > 255 for part in path.parts
        ):
            odd.append(repr(name[:80]))
        elif stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            links.append(name)
        elif info.flag_bits & _ENCRYPTED_FLAG:
            locked.append(name)
        elif len(path.parts) > MAX_DEPTH:
            deep.append(name)
        elif not name.endswith("/"):
            members.append((info, path))
    for rule, rows in (
        ("names of members stay inside the archive", escaping),
        ("members are files or folders, not links or devices", links),
        ("members have no password", locked),
        (f"folders are nested at most {MAX_DEPTH} deep", deep),
        ("names of members are file names on every system", odd),
        ("names of members are distinct", _clashes(path for _, path in members)),
    ):
        if rows:
            problems.error(rule, rows=rows)
    return members


def _clashes(paths: Iterable[PurePosixPath]) -> list[str]:
    """Names that meet on a system that ignores case, and files that other members use as a folder."""
    seen: set[str] = set()
    folders: set[str] = set()
    clashes = []
    for path in paths:
        key = str(path).casefold()
        if key in seen:
            clashes.append(str(path))
        seen.add(key)
        folders.update(str(parent).casefold() for parent in path.parents)
    return [*clashes, *sorted(seen & folders)]


def _unpack(
    archive: zipfile.ZipFile,
    members: list[tuple[zipfile.ZipInfo, PurePosixPath]],
    folder: Path,
    problems: Problems,
    max_bytes: int,
    dense_limit: float,
) -> None:
    """Write the members, counting every byte."""
    written = 0
    for info, path in members:
        target = folder.joinpath(*path.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with archive.open(info) as source, target.open("xb") as sink:
                while chunk := source.read(CHUNK):
                    written += len(chunk)
                    if written > max_bytes:
                        problems.error(f"unpacks to at most {max_bytes:,} bytes", rows=[path])
                        return
                    if written > dense_limit:
                        problems.error("is packed no denser than real data: this looks like a zip bomb", rows=[path])
                        return
                    sink.write(chunk)
        except RuntimeError as error:  # zipfile asks for passwords this way
            problems.error(f"members have no password: {error}", rows=[path])
            return


def member_name(info: zipfile.ZipInfo) -> str:
    """
    Name of a member with its accents right, slashes forward, in Unicode NFC.

    Names without the UTF-8 flag are, by the standard, in code page 437 (APPNOTE.TXT 6.3.10, appendix D). Programs
    write UTF-8, or the code page of the country, all the same: of these readings the first whose letters are all
    Latin is taken, which tells cp437 (French small letters) from cp1258 (Vietnamese).
    """
    name = info.filename
    if not info.flag_bits & _UTF8_FLAG and not name.isascii():
        raw = name.encode("cp437")
        name = _unicode_path(info.extra, raw) or next(
            (text for codec in ("utf-8", "cp437", "cp1258", "cp850") if (text := _latin(raw, codec))), name
        )
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _unicode_path(extra: bytes, raw: bytes) -> str:
    """Name of the Info-ZIP Unicode Path field (APPNOTE.TXT 6.3.10, sec. 4.6.9), if it is there and up to date."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        body = extra[4 : 4 + size]
        if kind == _UNICODE_PATH_FIELD and len(body) > 5 and struct.unpack_from("<L", body, 1)[0] == zlib.crc32(raw):
            return body[5:].decode("utf-8", errors="replace")
        extra = extra[4 + size :]
    return ""


def _latin(raw: bytes, codec: str) -> str:
    try:
        text = unicodedata.normalize("NFC", raw.decode(codec))
    except UnicodeDecodeError:
        return ""
    strange = (
        letter for letter in text if not letter.isascii() and not unicodedata.name(letter, "").startswith("LATIN ")
    )
    return text if codec == "utf-8" or next(strange, None) is None else ""
