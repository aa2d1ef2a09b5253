"""Who works in a study: runs side by side, and tidying up only when no run goes on."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from dothi.errors import InputError, Problem

DOOR: Final = "tidy.lock"
MARKS: Final = "at-work"


@contextmanager
def at_work(derived: Path) -> Iterator[None]:
    """
    Say, for as long as the block goes on, that results of a study are being made or read.

    Parameters
    ----------
    derived
        Folder of everything that can be made again. While somebody tidies it up, this waits.
    """
    derived.mkdir(parents=True, exist_ok=True)
    mark = FileLock(derived / MARKS / f"{os.getpid()}-{secrets.token_hex(4)}.lock")
    with FileLock(derived / DOOR):
        Path(mark.lock_file).parent.mkdir(exist_ok=True)
        mark.acquire()
    try:
        yield
    finally:
        mark.release()
        Path(mark.lock_file).unlink(missing_ok=True)


@contextmanager
def alone(derived: Path) -> Iterator[None]:
    """
    Be the only one in a study for as long as the block goes on.

    Raises
    ------
    InputError
        A run goes on. The mark of one that was killed does not count: the system lets go of its lock.
    """
    derived.mkdir(parents=True, exist_ok=True)
    with FileLock(derived / DOOR):
        for mark in (derived / MARKS).glob("*.lock"):
            try:
                with FileLock(mark, timeout=0):
                    pass
            except Timeout as error:
                raise InputError([Problem("no run goes on in this study: try again when it has ended")]) from error
            mark.unlink(missing_ok=True)
        yield
