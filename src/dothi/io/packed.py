"""The one file of a format that lies plain or in a zip archive."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from dothi.errors import Problems
from dothi.io.files import check_file


def unpacked(path: Path, suffixes: tuple[str, ...], stack: ExitStack, problems: Problems) -> Path:
    """
    The file itself, or the one file with such a suffix in a zip archive.

    Parameters
    ----------
    path
        File.
    suffixes
        Endings of names to look for in an archive, in small letters with their dot.
    stack
        Keeps the unpacked copy until it is closed.
    problems
        Collector.

    Raises
    ------
    InputError
        No file, an empty one, a bad archive, or one that holds none or several such files.
    """
    check_file(path, problems)
    problems.raise_errors()
    with path.open("rb") as handle:
        if handle.read(4) != b"PK\x03\x04":
            return path
    from dothi.io.archive import open_archive

    folder = stack.enter_context(open_archive(path, problems))
    found = sorted(file for file in folder.rglob("*") if file.suffix.lower() in suffixes)
    if len(found) != 1:
        names = [file.relative_to(folder).as_posix() for file in found]
        problems.error(f"the archive holds one file {' or '.join(suffixes)}", rows=names, n_rows=len(found))
        problems.raise_errors()
    return found[0]
