import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi import wire
from dothi.errors import InputError

NUMBERS = st.floats(-1e9, 1e9) | st.just(float("nan"))


def read(stream):
    return pa.ipc.open_stream(stream).read_all()


def buildings():
    frame = pd.DataFrame(
        {
            "name": ["Nhà thờ", None, "Chợ", "Chợ"],
            "height_m": [3.1, np.nan, 12.3, 6.0],
            "storeys": pd.array([1, None, 4, 2], dtype="Int64"),
            "function": pd.Categorical(["school", None, "office", "school"], ["residential", "office", "school"]),
        },
        index=pd.Index([70_001, 5, 6, 7], name="building_id"),
    )
    return wire.arrow_of(frame, "buildings")


def values_of(table, name):
    """Values that codes stand for, from what the field says of itself."""
    facts = {key.decode(): value.decode() for key, value in table.schema.field(name).metadata.items()}
    codes = table[name].to_numpy()
    if "categories" in facts:
        labels = [None, *json.loads(facts["categories"])]
        return [labels[code] for code in codes]
    return np.where(codes == 0, np.nan, float(facts["minimum"]) + (codes - 1.0) * float(facts["step"]))


@given(st.lists(NUMBERS, max_size=30))
def test_codes_give_numbers_back_to_half_a_step(numbers):
    values = np.array(numbers, dtype=np.float64)
    scale = wire.Scale.of(values)
    codes = scale.codes(values)
    assert ((codes == 0) == np.isnan(values)).all()
    back = scale.minimum + (codes - 1.0) * scale.step
    known = ~np.isnan(values)
    assert (np.abs(back - values)[known] <= scale.step * 0.5 + 1e-9 * np.abs(values[known])).all()


@given(st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=30))
def test_whole_numbers_are_exact_as_long_as_there_are_codes(numbers):
    values = np.array(numbers, dtype=np.float64)
    scale = wire.Scale.of(values, whole=True)
    if values.max() - values.min() < wire.MOST_CODES:
        assert (scale.minimum + (scale.codes(values) - 1.0) * scale.step == values).all()


def test_hours_of_a_year_are_exact():
    hours = np.arange(8760) * 3600.0 + 978_300_000.0
    scale = wire.Scale.of(hours, whole=True)
    assert scale.step == 3600.0
    assert (scale.minimum + (scale.codes(hours) - 1.0) * scale.step == hours).all()


def test_decimals_of_a_source_survive():
    heights = np.round(np.arange(1, 1000) * 0.1, 1)  # BD TOPO gives decimetres
    scale = wire.Scale.of(heights)
    back = np.round(scale.minimum + (scale.codes(heights) - 1.0) * scale.step, 6)
    assert (back == heights).all()


def test_numbers_all_equal_or_all_missing_are_codes_too():
    assert wire.Scale.of(np.array([7.25, 7.25])).codes(np.array([7.25, np.nan])).tolist() == [1, 0]
    assert wire.Scale.of(np.array([np.nan])).codes(np.array([np.nan])).tolist() == [0]


def test_a_table_of_codes_says_how_to_read_them():
    table = read(wire.stream(wire.quantised(buildings(), "buildings")))
    assert table.schema.field("height_m").type == pa.uint16()
    assert table.schema.field("height_m").metadata[b"unit"] == b"m"
    np.testing.assert_allclose(values_of(table, "height_m"), [3.1, np.nan, 12.3, 6.0])
    np.testing.assert_array_equal(values_of(table, "storeys"), [1, np.nan, 4, 2])
    np.testing.assert_array_equal(values_of(table, "building_id"), [70_001, 5, 6, 7])
    assert values_of(table, "function") == ["school", None, "office", "school"]
    assert values_of(table, "name") == ["Nhà thờ", None, "Chợ", "Chợ"]
    assert json.loads(table.schema.field("name").metadata[b"categories"])[0] == "Chợ"  # the most frequent first


def test_declared_categories_keep_their_declared_order():
    field = wire.quantised(buildings(), "buildings").schema.field("function")
    assert json.loads(field.metadata[b"categories"])[:2] == ["residential", "apartments"]


def test_booleans_are_codes_of_false_and_true():
    frame = pd.DataFrame({"bridge": pd.array([True, None, False], dtype="boolean")})
    table = wire.quantised(wire.arrow_of(frame, "links"), "links")
    assert table["bridge"].to_pylist() == [2, 0, 1]


def test_more_texts_than_codes_are_refused_with_what_to_do_instead():
    frame = pd.DataFrame({"source_id": [f"B{i}" for i in range(65_536)]})
    with pytest.raises(InputError, match=r"buildings\.source_id: has at most 65,535 .* encoding=plain"):
        wire.quantised(wire.arrow_of(frame, "buildings"), "buildings")


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
def test_plain_values_are_exact_in_types_that_all_readers_know(compression):
    plain = wire.with_units(wire.plain(buildings()), "buildings")
    table = read(wire.stream(plain, compression))
    assert table.schema.field("building_id").type == pa.int32()
    assert table.schema.field("name").type == pa.string()
    assert table["height_m"].to_pylist() == [3.1, None, 12.3, 6.0]
    assert table["storeys"].to_pylist() == [1, None, 4, 2]


def test_a_table_without_rows_is_a_stream_too():
    none = buildings().slice(0, 0)
    assert read(wire.stream(wire.quantised(none, "buildings"))).num_rows == 0
    assert read(wire.stream(wire.with_units(wire.plain(none), "buildings"))).num_rows == 0


def test_the_same_table_gives_the_same_bytes():
    first, second = (wire.stream(wire.quantised(buildings(), "buildings")) for _ in range(2))
    assert first == second
