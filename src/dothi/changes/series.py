"""Values over the time of a storm, as people write them: numbers, pairs, or a CSV file of the study."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from pydantic import BeforeValidator, ValidationInfo

from dothi.errors import Problems
from dothi.units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE

MAX_BYTES: Final = 10 << 20
LONGEST: Final = 100_000
"""Rows of a series: more than two months of minutes."""
TIME_UNITS: Final = {"time_s": 1.0, "time_min": SECONDS_PER_MINUTE, "time_h": SECONDS_PER_HOUR}
Series = tuple[tuple[float, float], ...]


def _series(*columns: str, single: bool) -> Callable[[Any, ValidationInfo], Series]:
    def read(value: Any, info: ValidationInfo) -> Series:
        if isinstance(value, int | float) and not isinstance(value, bool) and single:
            value = [[0.0, value]]
        if isinstance(value, str):
            value = _file(value, columns, info)
        try:
            found = tuple((float(time), float(number)) for time, number in value)
        except (TypeError, ValueError) as error:
            raise ValueError("is a CSV file of the study, or a list of [seconds, value]") from error
        if not found or len(found) > LONGEST:
            raise ValueError(f"has 1 to {LONGEST:,} rows")
        if not all(math.isfinite(number) for row in found for number in row):
            raise ValueError("is finite throughout")
        if any(later[0] <= earlier[0] for earlier, later in pairwise(found)):
            raise ValueError("has times that grow from row to row")
        return found

    return read


def _file(name: str, columns: tuple[str, ...], info: ValidationInfo) -> list[tuple[float, float]]:
    """Times [s] and values of a CSV file of the study; depths of steps as intensities."""
    from dothi.io.delimited import read_delimited

    folder = Path((info.context or {}).get("folder", ".")).resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise ValueError("is a file inside the study")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"is a file of at most {MAX_BYTES >> 20} MiB")
        problems = Problems()
        table = read_delimited(path, problems)
    except OSError as error:
        raise ValueError(f"is a file that can be read ({error.strerror})") from error
    if table is None:
        raise ValueError("; ".join(problem.rule for problem in problems.errors))
    times = [column for column in TIME_UNITS if column in table]
    values = [column for column in columns if column in table]
    if len(times) != 1 or len(values) != 1:
        raise ValueError(f"has one column of {', '.join(TIME_UNITS)}, and one of {', '.join(columns)}")
    try:
        time = np.array([_number(text) for text in table[times[0]]]) * TIME_UNITS[times[0]]
        value = np.array([_number(text) for text in table[values[0]]])
    except ValueError as error:
        raise ValueError(f"has numbers in all rows ({error})") from error
    if values[0] == "depth_mm" and len(time) > 1:
        steps = np.diff(time, append=2.0 * time[-1] - time[-2])
        with np.errstate(divide="ignore", invalid="ignore"):  # times that do not grow are reported behind this
            value = value / steps * SECONDS_PER_HOUR
    elif values[0] == "depth_mm":
        raise ValueError("has two rows or more, so that steps have a length")
    return list(zip(time.tolist(), value.tolist(), strict=True))


def _number(text: str) -> float:
    """A number, with a decimal point or a decimal comma."""
    return float(text.strip().replace(",", "."))


Hyetograph = Annotated[Series, BeforeValidator(_series("intensity_mm_h", "depth_mm", single=False))]
"""Beginning of each step [s] and intensity [mm h⁻¹]; the last step is as long as the one before."""
Levels = Annotated[Series, BeforeValidator(_series("level_m", single=True))]
"""Time [s] and level [m]; one number is a level that stays."""
