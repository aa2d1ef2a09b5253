"""Columns of rows of numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dothi.content import column_digest
from dothi.errors import Problems
from dothi.io.parquet import read_table, write_table
from dothi.packed import packed, unpacked
from dothi.schema import Column, Table, check_table

TABLE = Table("days", "day_id", "A day.", {"load_w": Column("packed", "W", "Hours of the day.")})


@pytest.mark.parametrize("kind", ["uint8", "float32", "int16"])
def test_rows_of_numbers_come_back_from_a_file_as_they_were(tmp_path, kind):
    values = np.arange(72).reshape(3, 24).astype(kind)
    days = pd.DataFrame({"load_w": packed(values, pd.RangeIndex(3, name="day_id"))})
    write_table(days, tmp_path / "days.parquet")
    back = read_table(tmp_path / "days.parquet")["load_w"]
    np.testing.assert_array_equal(unpacked(back, kind), values)
    assert unpacked(back, kind).dtype == kind
    assert column_digest(back) == column_digest(days["load_w"])


def test_other_numbers_have_another_checksum():
    index = pd.RangeIndex(2)
    one, other = np.zeros((2, 3)), np.eye(2, 3)
    assert column_digest(packed(one, index)) != column_digest(packed(other, index))


@pytest.mark.parametrize("values", [[b"ab", b"abc"], [b"ab", "ab"]])
def test_rows_of_unlike_lengths_and_text_are_not_packed(values):
    problems = Problems()
    check_table(pd.DataFrame({"load_w": pd.Series(values, dtype="object")}), TABLE, problems)
    assert [problem.rule for problem in problems.errors] == ["is packed"]


def test_no_rows_hold_no_numbers():
    assert unpacked(packed(np.zeros((0, 5)), pd.RangeIndex(0)), float).shape[0] == 0
