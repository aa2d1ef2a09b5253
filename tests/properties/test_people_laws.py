"""Laws of sharing out people: nobody lost, nobody invented, no favourites."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dothi.derive.sharing import allocate, integers_of

totals = hnp.arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1e6))
whole_totals = hnp.arrays(np.float64, st.integers(1, 12), elements=st.integers(0, 10**6).map(float))
seeds = st.integers(0, 2**32 - 1)


@st.composite
def cases(draw):
    total = draw(whole_totals)
    n = draw(st.integers(1, 60))
    unit = draw(hnp.arrays(np.int64, n, elements=st.integers(-1, len(total) - 1)))
    weight = draw(hnp.arrays(np.float64, n, elements=st.one_of(st.just(0.0), st.floats(1e-9, 1e9))))
    return total, unit, weight


@given(totals, seeds)
def test_whole_numbers_are_totals_rounded_up_or_down_and_keep_the_sum(total, seed):
    whole = integers_of(total, np.random.default_rng(seed))
    assert (np.abs(whole - total) < 1.0).all()
    assert abs(whole.sum() - total.sum()) < 1.0 + 1e-9 * total.sum()


@given(whole_totals, seeds)
def test_whole_totals_stay_as_they_are(total, seed):
    assert (integers_of(total, np.random.default_rng(seed)) == total).all()


@given(cases(), seeds)
@settings(max_examples=100, deadline=None)
def test_each_unit_keeps_its_total_to_the_last_person(case, seed):
    total, unit, weight = case
    shared = allocate(total, unit, weight, np.random.default_rng(seed))
    for k in range(len(total)):
        mine = unit == k
        assert shared[mine].sum() == (total[k] if weight[mine].sum() > 0 else 0)
    assert (shared[(unit < 0) | (weight == 0)] == 0).all()
    assert (shared >= 0).all()


@given(cases(), seeds)
def test_no_item_is_off_its_share_by_one_or_more(case, seed):
    total, unit, weight = case
    shared = allocate(total, unit, weight, np.random.default_rng(seed))
    for k in range(len(total)):
        mine = (unit == k) & (weight > 0)
        if mine.any():
            expected = total[k] * weight[mine] / weight[mine].sum()
            assert (np.abs(shared[mine] - expected) < 1.0 + 1e-6).all()


@given(cases(), seeds)
def test_the_same_seed_shares_out_alike(case, seed):
    first, second = (allocate(*case, np.random.default_rng(seed)) for _ in range(2))
    assert (first == second).all()


def test_expected_values_are_the_shares_of_weight():
    weight = np.array([1.0, 2.0, 3.0, 0.5, 10.0, 0.01])
    rng = np.random.default_rng(5)
    n = 5_000
    mean = sum(allocate(np.array([7.0]), np.zeros(6, dtype=np.int64), weight, rng) for _ in range(n)) / n
    # A count differs from its share by less than one, so its standard deviation is at most 1/2: five of them.
    assert np.abs(mean - 7.0 * weight / weight.sum()).max() < 5 * 0.5 / np.sqrt(n)


def test_rounding_of_totals_has_no_bias():
    total = np.array([681.5, 0.1, 3.0, 84.25])
    rng = np.random.default_rng(5)
    n = 5_000
    mean = sum(integers_of(total, rng) for _ in range(n)) / n
    assert np.abs(mean - total).max() < 5 * 0.5 / np.sqrt(n)


def test_small_units_keep_their_shares_beside_huge_weights():
    unit = np.array([0, 0, 1, 1])
    shared = allocate(np.array([10.0, 10.0]), unit, np.array([1e300, 1e300, 1e-300, 3e-300]), np.random.default_rng(0))
    assert shared[:2].tolist() == [5, 5]
    assert set(shared[2:].tolist()) <= {2, 3, 7, 8}
    assert shared[2:].sum() == 10


@pytest.mark.parametrize("total", [-1.0, np.nan, np.inf])
def test_totals_that_are_no_counts_are_refused(total):
    with pytest.raises(ValueError, match="finite and not negative"):
        integers_of(np.array([total]), np.random.default_rng(0))
