"""Whether a vector file is what its ending says, and all there."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Final

from dothi.errors import Problems

HEAD_BYTES: Final = 1 << 16

FORMATS: Final = {
    ".gpkg": "GPKG",
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".geojsonl": "GeoJSONSeq",
    ".geojsons": "GeoJSONSeq",
    ".ndjson": "GeoJSONSeq",
    ".jsonl": "GeoJSONSeq",
    ".shp": "ESRI Shapefile",
    ".fgb": "FlatGeobuf",
    ".parquet": "Parquet",
    ".geoparquet": "Parquet",
    ".csv": "CSV",
    ".tsv": "CSV",
    ".txt": "CSV",
}
"""Format by ending."""

MAGIC: Final = {
    "GPKG": (b"SQLite format 3\0",),
    "ESRI Shapefile": (b"\x00\x00\x27\x0a",),
    "FlatGeobuf": (b"fgb",),
    "Parquet": (b"PAR1",),
    "GeoJSON": (b"{", b"["),
    "GeoJSONSeq": (b"{", b"\x1e"),
}
"""What files of a format begin with. A file is never opened as anything else than its ending says."""


def check_kind(path: Path, kind: str, problems: Problems) -> None:
    """
    Report a file that is empty, of another kind than its ending says, or cut off.

    Parameters
    ----------
    path
        The file.
    kind
        Its format, by `FORMATS`.
    problems
        Collector of what is found.
    """
    with path.open("rb") as handle:
        head = handle.read(HEAD_BYTES)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip() if kind.startswith("GeoJSON") else head
    if not head.strip():
        problems.error("file is not empty")
    elif kind in MAGIC and not start.startswith(MAGIC[kind]):
        problems.error(f"file is {kind}, as its ending {path.suffix} says; its first bytes are those of something else")
    elif kind.startswith("GeoJSON") and b"gdal_streamed_alg" in head:
        problems.error("is GeoJSON; this is a program for GDAL, which is not run")
    else:
        _check_whole(path, kind, problems)


def _check_whole(path: Path, kind: str, problems: Problems) -> None:
    """Report a file that was cut off, where its reader would give half of it in silence."""
    length = path.stat().st_size
    if kind == "ESRI Shapefile":
        _check_whole_shapefile(path, problems)
    elif kind == "GPKG":
        with path.open("rb") as handle:
            header = handle.read(100)
        if len(header) < 100:
            problems.error("file is whole; it ends in its header")
            return
        page = struct.unpack_from(">H", header, 16)[0]
        announced = (65536 if page == 1 else page) * struct.unpack_from(">L", header, 28)[0]
        valid = (
            header[24:28] == header[92:96]
        )  # the page count of the header is in use (sqlite.org/fileformat.html, 1.3.7)
        if valid and announced > length:
            problems.error(f"file is whole: {announced:,} bytes by its header, {length:,} in fact")
    elif kind.startswith("GeoJSON"):
        with path.open("rb") as handle:
            handle.seek(max(0, length - HEAD_BYTES))
            tail = handle.read().rstrip(b" \t\r\n\0\x1e")
        if not tail.endswith((b"}", b"]")) or (kind == "GeoJSONSeq" and not _is_json(tail.rsplit(b"\n", 1))):
            problems.error("file is whole; it ends in the middle of an object")


def _is_json(lines: list[bytes]) -> bool:
    """Whether the last line is JSON, where it begins within what was read of it."""
    if len(lines) == 1 and not lines[0].startswith((b"{", b"\x1e")):
        return True
    try:
        json.loads(lines[-1].lstrip(b"\x1e"))
    except (ValueError, RecursionError):
        return False
    return True


def _check_whole_shapefile(path: Path, problems: Problems) -> None:
    """
    Report parts of a Shapefile that are missing or shorter than their headers say.

    Lengths are those of ESRI Shapefile Technical Description (1998), p. 4, and of the dBASE III header.
    """
    for ending in (".shp", ".shx", ".dbf"):
        part = beside(path, ending)
        if part is None:
            problems.error(
                f"the file {path.stem}{ending} lies beside {path.name}: a Shapefile is at least .shp, .shx and .dbf"
            )
            continue
        with part.open("rb") as handle:
            header = handle.read(100)
        length = part.stat().st_size
        if len(header) < (32 if ending == ".dbf" else 100):
            problems.error(f"{part.name} is whole; it ends in its header")
            continue
        if ending == ".dbf":
            n_records, n_header, n_record = struct.unpack_from("<LHH", header, 4)
            announced = n_header + n_records * n_record
        else:
            announced = 2 * struct.unpack_from(">L", header, 24)[0]
        if announced > length:
            problems.error(f"{part.name} is whole: {announced:,} bytes by its header, {length:,} in fact")


def beside(path: Path, ending: str) -> Path | None:
    """File of the same name and another ending, in capitals or not."""
    candidates = (path.with_suffix(ending), path.with_suffix(ending.upper()))
    return next((file for file in candidates if file.is_file()), None)
