"""Bundles: arrays in, bytes, the same arrays out."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dothi.errors import InputError
from dothi.scene.bundle import ALIGNMENT, Frame, gzipped, read_bundle, write_bundle

FRAME = Frame(-512.0, 0.0, -2.0, 0.02, 0.05)
ARRAYS = {
    "row": np.array([3, 1, 2**32 - 1], dtype=np.uint32),
    "x": np.array([65535, 0, 7], dtype=np.uint16),
    "kind": np.array([255], dtype=np.uint8),
    "none": np.empty(0, dtype=np.uint16),
    "value": np.array([0.5, -1.0], dtype=np.float32),
    "turn": np.array([-3, 4], dtype=np.int16),
}


def head_of(data):
    length = int.from_bytes(data[4:8], "little")
    return json.loads(data[8 : 8 + length])


def test_arrays_come_back_with_frame_and_further_members():
    bundle = read_bundle(write_bundle(ARRAYS, FRAME, delta=("row", "x"), about={"width": 3}))
    assert bundle.frame == FRAME
    assert bundle.about == {"width": 3}
    for name, array in ARRAYS.items():
        assert_array_equal(bundle.arrays[name], array)
        assert bundle.arrays[name].dtype == array.dtype


def test_bytes_are_laid_out_as_the_format_says():
    data = write_bundle({"row": ARRAYS["row"]}, FRAME, delta=("row",))
    entry = head_of(data)["arrays"]["row"]
    assert data[:4] == b"DSB1"
    assert entry["type"] == "u32"
    assert entry["length"] == 3
    assert entry["delta"] is True
    # 3; 1 − 3 modulo 2³²; (2³² − 1) − 1
    assert_array_equal(np.frombuffer(data, "<u4", 3, entry["offset"]), [3, 2**32 - 2, 2**32 - 2])


def test_every_array_begins_at_a_multiple_of_eight_after_the_text():
    for length in range(40):  # the text grows over the places where its own length changes the offsets
        data = write_bundle(ARRAYS, about={"pad": "x" * length})
        entries = head_of(data)["arrays"]
        offsets = [entry["offset"] for entry in entries.values()]
        assert all(offset % ALIGNMENT == 0 for offset in offsets)
        assert offsets == sorted(offsets)
        assert min(offsets) >= 8 + int.from_bytes(data[4:8], "little")
        assert_array_equal(read_bundle(data).arrays["kind"], ARRAYS["kind"])


def test_same_content_gives_same_bytes_and_same_compressed_bytes():
    first, second = write_bundle(ARRAYS, FRAME), write_bundle(dict(ARRAYS), FRAME)
    assert first == second
    assert gzipped(first) == gzipped(second)
    assert gzip.decompress(gzipped(first)) == first
    assert gzipped(first)[4:8] == b"\0\0\0\0"  # no time of writing (RFC 1952, 2.3.1)


def test_places_are_rounded_to_half_a_step():
    generator = np.random.default_rng(1)
    xyz = generator.uniform([-400, 100, -3], [500, 1200, 300], (1000, 3))
    frame = Frame.around(xyz[:, :2], xyz[:, 2])
    back = frame.place(frame.x(xyz[:, 0]), frame.y(xyz[:, 1]), frame.z(xyz[:, 2]))
    assert frame.step == 0.02
    assert_allclose(back[:, :2], xyz[:, :2], rtol=0.0, atol=frame.step / 2 + 1e-9)
    assert_allclose(back[:, 2], xyz[:, 2], rtol=0.0, atol=frame.z_step / 2 + 1e-9)


def test_steps_grow_with_what_they_must_reach():
    far = np.array([[0.0, 0.0], [5000.0, 10.0]])
    frame = Frame.around(far, np.array([0.0, 10.0]))
    assert frame.step == 0.08  # 5000 m / 65535 = 0.0763 m
    assert_allclose(frame.place(frame.x(far[:, 0]), frame.y(far[:, 1]), np.zeros(2))[:, 0], far[:, 0], atol=0.04)


def test_frame_of_nothing_is_plain():
    assert Frame.around(np.empty((0, 2)), np.empty(0)).step == 0.02


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:6],
        lambda data: b"DSB2" + data[4:],
        lambda data: data[:-5],
        lambda data: data[:4] + (2**31).to_bytes(4, "little") + data[8:],
        lambda data: data[:8] + b"[" + data[9:],
        lambda data: data.replace(b'"u16"', b'"u99"'),
        lambda data: data.replace(b'"length":3', b'"length":9'),
        lambda data: data.replace(b'"length":3', b'"length":"'),
        lambda data: data.replace(b'"x0"', b'"y9"'),
    ],
)
def test_what_is_no_whole_bundle_is_refused_in_words(damage):
    data = write_bundle({"x": ARRAYS["x"]}, FRAME)
    with pytest.raises(InputError, match=r"tile\.bin: is a whole bundle"):
        read_bundle(damage(data), "tile.bin")
