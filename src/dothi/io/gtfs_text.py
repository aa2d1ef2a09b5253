"""The text files of a GTFS feed, and their columns as arrays."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from dothi.errors import Problems

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

MAX_FILE_BYTES: Final = 4 << 30
MAX_LINE_BYTES: Final = 1 << 24
DANGLING_SHARE: Final = 0.5
"""Share of rows that may be left out before they are an error."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The text files of a feed."""

    folder: Path
    problems: Problems

    def has(self, name: str) -> bool:
        """Whether the feed has a file."""
        return (self.folder / name).is_file()

    def read(self, name: str, required: Sequence[str], optional: Sequence[str] = ()) -> pa.Table | None:
        """
        Columns of a file as trimmed text, blank cells missing; none where the file is absent or cannot be read.

        Optional columns that the file lacks are there and empty.
        """
        path = self.folder / name
        table = path.stem
        if not path.is_file():
            return None
        if path.stat().st_size > MAX_FILE_BYTES:
            self.problems.error(f"{name} is smaller than {MAX_FILE_BYTES >> 30} GiB", table=table)
            return None
        names = self._header(path)
        if not names:
            self.problems.error(f"{name} begins with a line of column names", table=table)
            return None
        missing = [column for column in required if column not in names]
        for column in missing:
            self.problems.error(f"{name} has the column", table=table, column=column)
        if missing:
            return None
        wanted = [column for column in (*required, *optional) if column in names]
        read = self._body(path, names, wanted)
        if read is None:
            return None
        columns = {}
        for column in (*required, *optional):
            if column in wanted:
                text = pc.utf8_trim_whitespace(read[column])
                columns[column] = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
            else:
                columns[column] = pa.nulls(read.num_rows, pa.string())
        return pa.table(columns)

    def _header(self, path: Path) -> list[str]:
        with path.open("rb") as handle:
            line = handle.readline(MAX_LINE_BYTES)
        text = line.decode("utf-8-sig", errors="replace").strip("\r\n\0 ")
        names: list[str] = []
        for position, name in enumerate(next(csv.reader([text]), [])):
            clean = name.strip()
            names.append(clean if clean and clean not in names else f"column {position}")
        return names

    def _body(self, path: Path, names: list[str], wanted: list[str]) -> pa.Table | None:
        table = path.stem
        uneven: list[str] = []

        def skip(row: Any) -> str:
            uneven.append(str(row.text)[:40])
            return "skip"

        def parse(encoding: str) -> pa.Table:
            uneven.clear()
            return arrow_csv.read_csv(
                str(path),
                read_options=arrow_csv.ReadOptions(
                    column_names=names, skip_rows=1, encoding=encoding, block_size=MAX_LINE_BYTES
                ),
                parse_options=arrow_csv.ParseOptions(
                    invalid_row_handler=skip, newlines_in_values=table not in ("stop_times", "shapes")
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), include_columns=wanted, strings_can_be_null=False
                ),
            )

        try:
            try:
                read = parse("utf8")
            except pa.ArrowInvalid as error:
                if "UTF8" not in str(error):
                    raise
                read = parse("latin-1")
                self.problems.repair(f"{path.name} is not UTF-8; it was read as Latin-1", table=table)
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return pa.table({name: pa.array([], pa.string()) for name in wanted})
            self.problems.error(f"{path.name} is a table of comma-separated values ({error})", table=table)
            return None
        if uneven:
            share = len(uneven) / (len(uneven) + read.num_rows)
            report = self.problems.error if share > DANGLING_SHARE else self.problems.repair
            report(f"lines of {path.name} with the wrong number of cells were left out", table=table, rows=uneven)
        return read


def as_text(column: Any) -> npt.NDArray[np.object_]:
    """Column as Python text with ``None`` where blank."""
    values: npt.NDArray[np.object_] = np.asarray(column.to_pylist(), dtype=object)
    return values


def as_numbers(column: Any) -> Floats:
    """Column as numbers, NaN where blank or not a number."""
    try:
        values = pc.cast(column, pa.float64())
    except pa.ArrowInvalid:
        return np.asarray(pd.to_numeric(pd.Series(as_text(column)), errors="coerce"), dtype="float64")
    return np.array(values.to_numpy(), dtype="float64")


def as_seconds(column: Any) -> Floats:
    """
    Times as seconds, NaN where blank or not ``H:MM:SS``.

    >>> as_seconds(pa.chunked_array([["7:05:00", "26:10:00", None, "noon"]])).tolist()
    [25500.0, 94200.0, nan, nan]
    """
    parts = pc.extract_regex(column, r"^(?P<h>[0-9]{1,3}):(?P<m>[0-5]?[0-9]):(?P<s>[0-5]?[0-9])$")
    hours, minutes, seconds = (as_numbers(pc.struct_field(parts, name)) for name in ("h", "m", "s"))
    return 3600.0 * hours + 60.0 * minutes + seconds


def as_days(column: Any) -> npt.NDArray[np.datetime64]:
    """Days written YYYYMMDD, NaT where they are not."""
    text = pd.Series(as_text(column), dtype="object")
    good = text.str.fullmatch(r"(19|20|21)\d{6}").fillna(False).astype(bool)
    days = pd.to_datetime(text.where(good), format="%Y%m%d", errors="coerce")
    return np.asarray(days, dtype="datetime64[D]")


def positions_in(column: Any, names: pd.Index) -> Integers:
    """Position of each value in a list of names, −1 where it does not occur."""
    chunk = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = chunk.dictionary_encode()
    known = names.get_indexer(pd.Index(encoded.dictionary.to_pylist(), dtype="object"))
    positions = np.append(known, -1)
    return np.asarray(positions[pc.fill_null(encoded.indices, len(known)).to_numpy()], dtype="int64")


def nullable(positions: npt.NDArray[np.intp]) -> pd.Series:
    """Positions as nullable integers, missing where −1."""
    return pd.Series(positions, dtype="Int64").mask(positions < 0)


def examples_of(column: Any, rows: Booleans) -> list[str]:
    """First few values of some rows."""
    return [str(column[int(row)].as_py()) for row in np.flatnonzero(rows)[:3]]


def clock(seconds: float) -> str:
    """
    Time of the service day as text.

    >>> clock(94200.0)
    '26:10:00'
    """
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}"


def report_dangling(lost: Booleans, table: str, column: str, target: str, rows: Any, problems: Problems) -> None:
    """Report rows that point nowhere: left out, or an error where most of them do."""
    if not lost.any():
        return
    rule = f"occurs in {target}.txt"
    if lost.mean() > DANGLING_SHARE:
        problems.error(
            f"{rule} ({lost.mean():.0%} of the rows do not)",
            table=table,
            column=column,
            rows=rows,
            n_rows=int(lost.sum()),
        )
    else:
        problems.repair(
            f"{rule}; rows that do not were left out", table=table, column=column, rows=rows, n_rows=int(lost.sum())
        )


def identified(frame: pd.DataFrame, table: str, problems: Problems) -> pd.DataFrame:
    """Drop rows without an identifier, and all but the first of those that share one."""
    unnamed = frame["source_id"].isna().to_numpy()
    if unnamed.any():
        problems.repair("rows without an identifier were left out", table=table, rows=np.flatnonzero(unnamed) + 2)
        frame = frame[~unnamed]
    twice = frame["source_id"].duplicated().to_numpy()
    if twice.any():
        problems.repair(
            "identifiers are unique; the first row of each was kept", table=table, rows=frame["source_id"][twice]
        )
        frame = frame[~twice]
    return frame
