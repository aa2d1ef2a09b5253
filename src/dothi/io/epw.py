"""EPW weather files: one year of hours at a station."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from dothi.errors import Problems
from dothi.io.files import check_file

Floats = npt.NDArray[np.float64]

MAX_BYTES: Final = 64 << 20
HEADER_LINES: Final = 8
MIN_FIELDS: Final = 22
"""Fields up to and including wind speed; the last ones, rain among them, are missing in old files."""

HOURS_OF_YEAR: Final = 8760
HOURS_OF_LEAP_YEAR: Final = 8784
TYPICAL_YEAR: Final = 2001
"""Year on which typical years are put: not a leap year, and it begins on a Monday."""

MAX_GAP_H: Final = 6
TYPICAL_MARKS: Final = ("TMY", "IWEC", "TRY", "WYEC", "CWEC", "CSWD", "ISHRAE", "SWERA", "RMY", "INETI", "TYP")


@dataclass(frozen=True, slots=True)
class _Field:
    """A column of the file: its position, the values that mean something, and whether short gaps may be bridged."""

    position: int
    minimum: float
    maximum: float
    bridged: bool = True
    recorded: bool = False


COLUMNS: Final = {
    "air_temperature_c": _Field(6, -90.0, 60.0),
    "dew_point_c": _Field(7, -100.0, 50.0),
    "relative_humidity_pct": _Field(8, 0.0, 110.0),
    "pressure_pa": _Field(9, 30_000.0, 120_000.0),
    "longwave_w_m2": _Field(12, 0.0, 700.0, recorded=True),
    "ghi_w_m2": _Field(13, 0.0, 1500.0, recorded=True),
    "dni_w_m2": _Field(14, 0.0, 1500.0, recorded=True),
    "dhi_w_m2": _Field(15, 0.0, 1000.0, recorded=True),
    "wind_direction_deg": _Field(20, 0.0, 360.0, bridged=False),
    "wind_speed_m_s": _Field(21, 0.0, 120.0, recorded=True),
    "precipitation_mm": _Field(33, 0.0, 500.0, bridged=False, recorded=True),
}
"""Own names, fields counted from 0, limits: fillers such as 99.9, 999, 9999 and 999999 lie outside of them."""


def read_epw(path: Path, problems: Problems) -> dict[str, pd.DataFrame]:
    """
    Read the hours of an EPW file.

    Hours are put at their beginning in UTC: row ``hour`` 1 of a file in UTC+7 begins at 17:00 UTC of the day before.
    Radiation and rain are sums or means of that hour; the other values were observed at its end.
    A typical year, whose months come from different years, is put on 2001. A file of one real year keeps it.

    Parameters
    ----------
    path
        The file, with 8760 or 8784 hours.
    problems
        Collector. Gaps of up to six hours are bridged and reported; longer ones stay missing.

    Returns
    -------
    dict
        Table ``weather``; ``attrs`` hold ``station, latitude, longitude, elevation_m, time_zone_h``.

    Raises
    ------
    InputError
        Not an EPW file, hours missing or out of order, or the temperature is missing for more than six hours.

    References
    ----------
    .. [1] EnergyPlus, Auxiliary Programs, "EnergyPlus Weather File (EPW) Data Dictionary",
       https://bigladdersoftware.com/epx/docs/23-2/auxiliary-programs/energyplus-weather-file-epw-data-dictionary.html
    """
    header, rows, numbers = _lines(path, problems)
    problems.raise_errors()
    station = _station(header[0], problems)
    _check_interval(header[HEADER_LINES - 1], problems)
    stamps, values = _numbers(rows, numbers, problems)
    problems.raise_errors()

    typical = len(np.unique(stamps[:, 0])) > 1 or any(mark in str(station["source"]).upper() for mark in TYPICAL_MARKS)
    begins, kept = _times(stamps, typical, float(station["time_zone_h"]), problems)
    problems.raise_errors()
    weather = pd.DataFrame({"time": begins})
    for name, field in COLUMNS.items():
        weather[name] = _clean(values[name][kept], name, field, problems)
    problems.raise_errors()
    weather["method"] = "typical" if typical else "measured"
    weather.attrs = {key: value for key, value in station.items() if key != "source"}
    return {"weather": weather}


def _lines(path: Path, problems: Problems) -> tuple[list[str], list[list[str]], list[int]]:
    """Header lines, cells of the data lines, and the numbers of those lines in the file."""
    if not check_file(path, problems):
        return [], [], []
    if path.stat().st_size > MAX_BYTES:
        problems.error(f"is smaller than {MAX_BYTES >> 20} MiB, as a year of hours is")
        return [], [], []
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines = text.splitlines()
    if not lines or not lines[0].upper().startswith("LOCATION,"):
        problems.error("begins with a line LOCATION: this is not an EPW file")
        return [], [], []
    if len(lines) < HEADER_LINES or not lines[HEADER_LINES - 1].upper().startswith("DATA PERIODS"):
        problems.error("has eight header lines, the last of them DATA PERIODS")
        return [], [], []
    numbers = [number for number in range(HEADER_LINES, len(lines)) if lines[number].strip()]
    return lines[:HEADER_LINES], [lines[number].split(",") for number in numbers], [number + 1 for number in numbers]


def _station(line: str, problems: Problems) -> dict[str, str | float]:
    """Name and place of the station, from the line LOCATION."""
    cells = [cell.strip() for cell in line.split(",")]
    cells += [""] * (10 - len(cells))
    station: dict[str, str | float] = {
        "station": " ".join(cell for cell in (cells[1], cells[3], cells[5]) if cell and cell != "-"),
        "source": cells[4],
    }
    limits = {"latitude": (6, 90.0), "longitude": (7, 180.0), "time_zone_h": (8, 14.0), "elevation_m": (9, 9000.0)}
    for name, (position, limit) in limits.items():
        value = float(pd.to_numeric(cells[position], errors="coerce"))
        if not abs(value) <= limit:
            problems.error(f"line LOCATION gives {name} within ±{limit:g} as its cell {position + 1}", table="weather")
        station[name] = value
    return station


def _check_interval(line: str, problems: Problems) -> None:
    cells = line.split(",")
    per_hour = cells[2].strip() if len(cells) > 2 else ""
    if per_hour not in ("1", ""):
        problems.error(f"holds one row per hour (DATA PERIODS says {per_hour})", table="weather")


def _numbers(
    rows: list[list[str]], numbers: list[int], problems: Problems
) -> tuple[npt.NDArray[np.int64], dict[str, Floats]]:
    """Year, month, day and hour of each row, and the columns as numbers."""
    short = [number for number, row in zip(numbers, rows, strict=True) if len(row) < MIN_FIELDS]
    if short:
        problems.error(f"each line has at least {MIN_FIELDS} cells", table="weather", rows=short)
    if len(rows) not in (HOURS_OF_YEAR, HOURS_OF_LEAP_YEAR):
        problems.error(f"has {HOURS_OF_YEAR} or {HOURS_OF_LEAP_YEAR} hours, not {len(rows)}", table="weather")
    problems.raise_errors()

    cells = pd.DataFrame(rows, dtype="object")

    def column(position: int) -> Floats:
        if position not in cells:
            return np.full(len(cells), np.nan)
        return np.asarray(pd.to_numeric(cells[position], errors="coerce"), dtype="float64")

    stamps = np.column_stack([column(position) for position in range(4)])
    limits = ((1, 9999), (1, 12), (1, 31), (1, 24))
    bad = ~np.all([(stamps[:, i] >= low) & (stamps[:, i] <= high) for i, (low, high) in enumerate(limits)], axis=0)
    if bad.any():
        problems.error(
            "each line begins with year, month, day and hour 1 to 24",
            table="weather",
            column="time",
            rows=np.asarray(numbers)[bad],
        )
    values = {name: column(field.position) for name, field in COLUMNS.items()}
    for name, field in COLUMNS.items():
        unread = np.isnan(values[name])
        if unread.any() and field.position in cells:
            unread &= cells[field.position].fillna("").str.strip().ne("").to_numpy(dtype=bool)
        else:
            unread[:] = False
        if unread.any():
            problems.error("is a number", table="weather", column=name, rows=np.asarray(numbers)[unread])
    return np.nan_to_num(stamps).astype("int64"), values


def _times(
    stamps: npt.NDArray[np.int64], typical: bool, time_zone_h: float, problems: Problems
) -> tuple[pd.DatetimeIndex, npt.NDArray[np.bool_]]:
    """Beginning of each hour in UTC, and which rows to keep: a typical year has no 29 February."""
    kept = np.ones(len(stamps), dtype=bool)
    if typical:
        leap = (stamps[:, 1] == 2) & (stamps[:, 2] == 29)
        if leap.any():
            problems.repair("29 February of a typical year was left out", table="weather", n_rows=int(leap.sum()))
            kept = ~leap
    years = np.full(len(stamps), TYPICAL_YEAR) if typical else stamps[:, 0]
    parts = pd.DataFrame({"year": years, "month": stamps[:, 1], "day": stamps[:, 2]})[kept]
    days = pd.to_datetime(parts, errors="coerce")
    local = pd.DatetimeIndex(days + pd.to_timedelta(stamps[kept, 3] - 1, unit="h"))
    steps = np.diff(local.to_numpy()) != np.timedelta64(1, "h")
    if local.isna().any() or steps.any():
        problems.error(
            "hours follow one another from 1 January, hour 1",
            table="weather",
            column="time",
            rows=np.flatnonzero(steps) + 2,
        )
    elif (local[0].month, local[0].day, local[0].hour) != (1, 1, 0):
        problems.error("the first hour is hour 1 of 1 January", table="weather", column="time")
    return local - pd.Timedelta(hours=time_zone_h), kept


def _clean(values: Floats, name: str, field: _Field, problems: Problems) -> Floats:
    """Values without fillers, short gaps bridged."""
    with np.errstate(invalid="ignore"):
        good = (values >= field.minimum) & (values <= field.maximum)
    if field.recorded and good.any() and not values[good].any():
        problems.note("is 0 in every hour: read as not recorded", table="weather", column=name)
        return np.full(len(values), np.nan)
    cleaned = np.where(good, values, np.nan)
    if good.all():
        return cleaned
    gap, length = _gaps(good)
    if field.bridged and good.any():
        short = (gap >= 0) & (length[gap] <= MAX_GAP_H) & _enclosed(good)
        if short.any():
            row = np.arange(len(values))
            cleaned[short] = np.interp(row[short], row[good], values[good])
            problems.repair(
                f"gaps of up to {MAX_GAP_H} h were interpolated",
                table="weather",
                column=name,
                rows=np.flatnonzero(short),
            )
    missing = np.isnan(cleaned)
    if missing.any():
        if name == "air_temperature_c":
            problems.error(
                f"is known, but for gaps of up to {MAX_GAP_H} h",
                table="weather",
                column=name,
                rows=np.flatnonzero(missing),
            )
        elif not missing.all():
            problems.note("is missing in some hours", table="weather", column=name, rows=np.flatnonzero(missing))
        else:
            problems.note("is not in the file", table="weather", column=name)
    return cleaned


def _gaps(good: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Number of the gap each row lies in, −1 where it lies in none, and the length of each gap."""
    begins = ~good & np.append(True, good[:-1])
    gap = np.where(good, -1, np.cumsum(begins) - 1)
    return gap, np.bincount(gap[~good]) if not good.all() else np.zeros(0, dtype="int64")


def _enclosed(good: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether a row has a good one before and after it."""
    row = np.flatnonzero(good)
    position = np.arange(len(good))
    return np.asarray((position > row[0]) & (position < row[-1]), dtype=bool)
