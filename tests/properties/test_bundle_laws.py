"""Laws of bundles: whatever goes in comes out."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.testing import assert_array_equal

from dothi.errors import InputError
from dothi.scene.bundle import TYPES, Frame, read_bundle, write_bundle

NAMES = st.text(min_size=1, max_size=8)
WHOLE = [code for name, code in TYPES.items() if name != "f32"]
LENGTHS = st.integers(0, 40)
ARRAYS = st.one_of(
    npst.arrays(st.sampled_from(WHOLE), LENGTHS),
    npst.arrays("<f4", LENGTHS, elements=st.floats(width=32, allow_nan=False)),
)
NUMBERS = st.floats(-1e6, 1e6)


@settings(deadline=None)
@given(st.dictionaries(NAMES, ARRAYS, max_size=6), st.data())
def test_bundles_give_back_what_was_put_in(arrays, data):
    whole = [name for name, array in arrays.items() if array.dtype.kind in "ui"]
    delta = data.draw(st.sets(st.sampled_from(whole))) if whole else set()
    written = write_bundle(arrays, Frame(1.0, 2.0, 3.0, 0.02, 0.05), delta=delta)
    bundle = read_bundle(written)
    assert list(bundle.arrays) == list(arrays)
    for name, array in arrays.items():
        assert_array_equal(bundle.arrays[name], array)
    assert write_bundle(bundle.arrays, bundle.frame, delta=delta) == written


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 220))
def test_no_bytes_break_the_reader(noise, cut):
    data = write_bundle({"x": np.arange(5, dtype=np.uint16)})
    for bad in (noise, b"DSB1" + noise, data[:cut] + noise):
        with suppress(InputError):
            read_bundle(bad)


@settings(deadline=None)
@given(
    npst.arrays(np.float64, st.tuples(st.integers(1, 30), st.just(3)), elements=NUMBERS),
    st.sampled_from([0.02, 0.05]),
)
def test_every_place_is_within_half_a_step_of_itself(xyz, step):
    frame = Frame.around(xyz[:, :2], xyz[:, 2], step)
    back = frame.place(frame.x(xyz[:, 0]), frame.y(xyz[:, 1]), frame.z(xyz[:, 2]))
    assert np.abs(back[:, :2] - xyz[:, :2]).max() <= frame.step / 2 + 1e-6
    assert np.abs(back[:, 2] - xyz[:, 2]).max() <= frame.z_step / 2 + 1e-6
