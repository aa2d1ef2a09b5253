"""Tables as delimited text, every value as text: CSV of any separator."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
from pyarrow import csv as pa_csv

from dothi.errors import Problems
from dothi.io.encodings import VIETNAMESE, known

DELIMITERS: Final = (",", ";", "\t", "|")
SAMPLE_ROWS: Final = 50
SAMPLE_CHARACTERS: Final = 1 << 16
CHUNK: Final = 1 << 20
BLOCK_BYTES: Final = 1 << 26
"""Longest row that is read: an outline of about a million vertices."""

_MARKS: Final = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def text_encoding(path: Path, encoding: str, problems: Problems) -> str:
    """
    Encoding to read a text file in; what cannot be read is reported.

    Parameters
    ----------
    path
        Text file.
    encoding
        As declared; empty for the mark at the start of the file, else UTF-8.
    problems
        Collector of what is found.

    Returns
    -------
    str
        Name for `open`; empty where the text cannot be read. The Vietnamese encodings that Python does not know come
        as ``cp1252`` would: as ``latin-1``, to be decoded value by value.
    """
    with path.open("rb") as handle:
        start = handle.read(4)
        mark = next((name for magic, name in _MARKS.items() if start.startswith(magic)), "")
        name = mark or known(encoding or "utf-8")
        if not name:
            problems.error(f"encoding is one that is known, such as UTF-8, cp1252 or tcvn3; this is {encoding!r}")
            return ""
        if name in VIETNAMESE:
            return "latin-1"
    try:
        with path.open(encoding=name) as text:
            while text.read(CHUNK):
                pass
    except UnicodeError as error:
        hint = ': add encoding = "cp1252" (French and other western text) or encoding = "cp1258" (Vietnamese)'
        line = _line_of_failure(path, name)
        problems.error(
            f"text is {name}{', as `encoding` says' if encoding else ''}; {_reason(error)}{'' if encoding else hint}",
            rows=[f"line {line}"] if line else (),
        )
        return ""
    return name


def _reason(error: UnicodeError) -> str:
    return f"byte {error.object[error.start]:#x} is not" if isinstance(error, UnicodeDecodeError) else str(error)


def _line_of_failure(path: Path, encoding: str) -> int:
    """Number of the first line that cannot be decoded; 0 where lines cannot be told apart."""
    if encoding.startswith("utf-16"):
        return 0
    with path.open("rb") as handle:
        for number, line in enumerate(handle, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                return number
    return 0


def delimiter(sample: str) -> str:
    r"""
    Separator of the columns of a text: the one that gives most rows of one width, and then most columns.

    >>> delimiter("a;b\n1,5;2\n"), delimiter("x,y\n1,2\n"), delimiter("alone\n1\n"), delimiter('a\t"b,c"\n1\t2\n')
    (';', ',', ',', '\t')
    """
    best = (0.0, 1, ",")
    for sign in DELIMITERS:
        rows = list(itertools.islice(csv.reader(io.StringIO(sample), delimiter=sign), SAMPLE_ROWS))
        rows = [row for row in rows if row]
        if rows and len(rows[0]) > 1:
            share = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
            if (share, len(rows[0])) > best[:2]:
                best = (share, len(rows[0]), sign)
    return best[2]


def read_delimited(
    path: Path, problems: Problems, *, encoding: str = "", wanted: Callable[[str], bool] = bool
) -> pd.DataFrame | None:
    """
    Table of a delimited text file, all values as text.

    Parameters
    ----------
    path
        File with the names of the columns in its first line.
    problems
        Collector of what is found.
    encoding
        As declared; empty to find it out.
    wanted
        Whether a column is to be read.

    Returns
    -------
    pandas.DataFrame or None
        The wanted columns, missing values as empty text; None where the file cannot be read.
    """
    codec = text_encoding(path, encoding, problems)
    if not codec:
        return None
    try:
        with path.open(encoding=codec, newline="") as handle:
            sample = handle.read(SAMPLE_CHARACTERS)
        if "\0" in sample:
            problems.error("is text; it holds null characters, as a binary file does")
            return None
        if len(sample) == SAMPLE_CHARACTERS and "\n" in sample:
            sample = sample[: sample.rindex("\n")]  # the last line is most likely cut
        sign = delimiter(sample)
        names = [name.strip() for name in next(csv.reader(io.StringIO(sample), delimiter=sign), [])]
        if repeated := sorted({name for name in names if name and names.count(name) > 1}):
            problems.error(f"names of columns are distinct: {', '.join(map(repr, repeated))} comes twice")
            return None
        chosen = [name for name in names if name and wanted(name)]
        wrong: list[str] = []

        def odd(row: pa_csv.InvalidRow) -> str:
            wrong.append(f"line {row.number}: {row.actual_columns} for {row.expected_columns}")
            return "skip"

        table = pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=BLOCK_BYTES, encoding=codec, column_names=_distinct(names), skip_rows=1
            ),
            parse_options=pa_csv.ParseOptions(delimiter=sign, newlines_in_values=True, invalid_row_handler=odd),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(chosen, pa.large_string()), include_columns=chosen, strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, csv.Error, UnicodeError) as error:
        problems.error(f"text is a table, each row with as many values as there are columns ({_one_line(error)})")
        return None
    if wrong:
        problems.error("rows have as many values as there are columns", rows=wrong)
        return None
    return table.to_pandas()


def _distinct(names: list[str]) -> list[str]:
    """Names with those that are missing made up."""
    return [name or f"\0{i}" for i, name in enumerate(names)]


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:200]
