"""SUMO as a program of its own: where it is, how it is called, what it says."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from dothi.errors import EngineMissingError, InputError, Problem

SAID: Final = 400


@dataclass(frozen=True, slots=True)
class Sumo:
    """
    An installed SUMO.

    Attributes
    ----------
    home
        Its folder.
    version
        Its version.
    """

    home: Path
    version: str

    @classmethod
    def find(cls) -> Sumo:
        """
        The SUMO of the package eclipse-sumo.

        Raises
        ------
        EngineMissingError
            It is not installed.
        """
        spec = find_spec("sumo")
        if spec is None or spec.origin is None:
            raise EngineMissingError("traffic is simulated vehicle by vehicle by SUMO: pip install 'dothi[microsim]'")
        return cls(Path(spec.origin).parent, version("eclipse-sumo"))

    def run(self, program: str, arguments: Sequence[str | Path], folder: Path) -> str:
        """
        Run one of its programs to its end.

        Returns
        -------
        str
            What it said.

        Raises
        ------
        InputError
            It refused its input, with what it said of it.
        """
        name = f"{program}.exe" if os.name == "nt" else program
        done = subprocess.run(
            [str(self.home / "bin" / name), *map(str, arguments)],
            cwd=folder,
            env={**os.environ, "SUMO_HOME": str(self.home)},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        said = done.stdout + done.stderr
        if done.returncode:
            errors = [line for line in said.splitlines() if line.startswith("Error")]
            raise InputError([Problem(f"{program} of SUMO runs ({' '.join(errors)[:SAID] or done.returncode})")])
        return said


def count(said: str, label: str) -> int:
    """
    Number that SUMO prints behind a label; 0 where it prints none.

    >>> count("Inserted: 12 (Loaded: 15)", "Inserted")
    12
    """
    found = re.search(rf"{label}: (\d+)", said)
    return int(found[1]) if found else 0
