"""Run a piece of Python in a process of its own, and say what it cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def measure(code: str, *arguments: str) -> dict[str, Any]:
    """
    Run `code` in a fresh interpreter; what it assigns to `result` comes back.

    Returns
    -------
    dict
        ``wall_s``, ``cpu_s``, ``peak_mb`` of the process and its children, and ``result``.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "result.json"
        program = (
            f"import sys\nresult = None\n{code}\nimport json\nopen({str(answer)!r}, 'w').write(json.dumps(result))\n"
        )
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-c", program, *arguments])
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"ended with {process.returncode}")
        return {
            "wall_s": wall,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "peak_mb": usage.ru_maxrss / 1024,
            "result": json.loads(answer.read_text()),
        }


def row(*cells: object, widths: tuple[int, ...]) -> None:
    """Print a line of a table."""
    print(
        "  ".join(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells)
        if not widths
        else "  ".join(
            (f"{cell:.2f}" if isinstance(cell, float) else str(cell)).rjust(width)
            for cell, width in zip(cells, widths, strict=True)
        ),
        flush=True,
    )
