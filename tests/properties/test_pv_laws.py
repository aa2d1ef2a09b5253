"""Laws of solar modules: nothing is lost between roof, building and grid; more light or less load moves it one way."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from dothi.place.tariffs import bill, tariffs
from dothi.pv import kernels

HOURS = 24
MONTH = np.repeat(np.arange(12), 2)
POWERS = arrays(np.float32, (2, HOURS), elements=st.floats(0.0, 1e5, width=32))
SHARES = arrays(np.float64, 2, elements=st.floats(0.0, 1.0))


def match(load, power, scale, cap):
    used, out, paid = (np.empty((2, 12)) for _ in range(3))
    kernels.matched(load, power, scale, cap, MONTH, used, out, paid)
    return used, out, paid


@settings(max_examples=50)
@given(POWERS, POWERS, SHARES, st.floats(0.0, 1e5))
def test_what_is_made_is_used_or_flows_out(load, power, scale, cap):
    used, out, paid = match(load, power, scale, np.full(2, cap))
    assert_allclose(used.sum(axis=1) + out.sum(axis=1), scale * power.sum(axis=1, dtype=float), rtol=1e-6, atol=1e-3)
    assert (paid <= out + 1e-9).all()
    assert (used.sum(axis=1) <= load.sum(axis=1, dtype=float) * (1.0 + 1e-6) + 1e-3).all()


@settings(max_examples=50)
@given(POWERS, POWERS, SHARES)
def test_more_modules_cover_no_less_and_send_out_no_less(load, power, scale):
    cap = np.full(2, 1e9)
    few, many = (match(load, power, s, cap) for s in (0.5 * scale, scale))
    for less, more in zip(few, many, strict=True):
        assert (less <= more + 1e-6).all()


@settings(max_examples=50)
@given(st.floats(0.0, 2000.0), st.floats(0.0, 2000.0), st.sampled_from([*tariffs("vn"), *tariffs("fr")]))
def test_bills_grow_with_use_and_no_kilowatt_hour_costs_less_than_the_first(one, other, tariff):
    low, high = sorted((one, other))
    rise = float(bill(high, tariff) - bill(low, tariff))
    least, most = min(tariff.price_kwh), max(tariff.price_kwh)
    with_tax = 1.0 + tariff.vat_share
    assert least * (high - low) * with_tax - 1e-6 <= rise <= most * (high - low) * with_tax + 1e-6
