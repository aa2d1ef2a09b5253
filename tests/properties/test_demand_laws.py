"""Laws of demand: nobody is lost or made, shares are shares, what gets cheaper is not used less, symmetry is kept."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose

from dothi.traffic.choice import Nests, nested_logit
from dothi.traffic.demand import exponential, furness, in_hours

N = 5
amounts = hnp.arrays(np.float64, N, elements=st.floats(0.5, 1000.0))
costs = hnp.arrays(np.float64, (N, N), elements=st.floats(1.0, 60.0))
betas = st.floats(0.01, 0.3)
utilities = hnp.arrays(np.float64, (4, 3), elements=st.floats(-20.0, 20.0))
scales = st.floats(0.2, 1.0)


@given(amounts, amounts, costs, betas)
def test_gravity_keeps_the_sums_of_rows_and_columns(rows, columns, cost, beta):
    found = furness(rows, columns, exponential(cost, beta))
    assert found.residual <= 1e-9
    assert_allclose(found.trips.sum(axis=1), rows, rtol=1e-8)
    assert_allclose(found.trips.sum(axis=0), columns * rows.sum() / columns.sum(), rtol=1e-8)
    assert (found.trips >= 0.0).all()
    assert found.unplaced == 0.0


@given(amounts, costs, st.floats(0.01, 0.1))
def test_symmetric_places_and_costs_give_symmetric_trips(amount, cost, beta):
    cost = (cost + cost.T) / 2.0
    np.fill_diagonal(cost, 1.0)
    trips = furness(amount, amount, np.exp(-beta * cost)).trips
    assert_allclose(trips, trips.T, rtol=1e-3, atol=1e-5 * trips.max())


@given(amounts, amounts, costs, betas)
def test_gravity_does_not_see_factors_of_rows_and_columns(rows, columns, cost, beta):
    near = np.exp(-beta * cost)
    plain = furness(rows, columns, near).trips
    scaled = furness(rows, 3.0 * columns, 7.0 * near * np.arange(1.0, N + 1.0)).trips
    assert_allclose(scaled, plain, rtol=1e-3, atol=1e-6 * plain.max())


@given(amounts, amounts, costs)
def test_stronger_deterrence_never_makes_trips_longer(rows, columns, cost):
    """The mean cost falls with beta: its derivative is minus a variance (Evans 1971)."""
    means = []
    for beta in (0.02, 0.05, 0.1, 0.2):
        trips = furness(rows, columns, exponential(cost, beta)).trips
        means.append((trips * cost).sum() / trips.sum())
    assert all(later <= earlier * (1.0 + 1e-7) for earlier, later in pairwise(means))


@given(hnp.arrays(np.float64, (N, N), elements=st.floats(0.0, 100.0)), st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_hours_keep_the_number_of_trips(daily, out, back):
    assert_allclose(in_hours(daily, out, back).sum(), (out + back) * daily.sum(), rtol=1e-12, atol=1e-12)


@given(utilities, scales, scales)
def test_shares_sum_to_one_and_lie_between_nothing_and_all(utility, one, other):
    shares, logsum = nested_logit(utility, Nests(("a", "a", "b", "b"), {"a": one, "b": other}))
    assert_allclose(shares.sum(axis=0), 1.0, rtol=1e-12)
    assert (shares >= 0.0).all()
    assert (logsum >= utility.max(axis=0) - 1e-9).all()


@given(utilities, scales, scales, st.integers(0, 3), st.floats(0.0, 5.0))
def test_a_mode_that_gets_better_loses_no_trips_and_no_other_gains(utility, one, other, mode, better):
    nests = Nests(("a", "a", "b", "b"), {"a": one, "b": other})
    before, satisfied = nested_logit(utility, nests)
    improved = utility.copy()
    improved[mode] += better
    after, more = nested_logit(improved, nests)
    assert (after[mode] >= before[mode] - 1e-12).all()
    others = np.arange(4) != mode
    assert (after[others] <= before[others] + 1e-12).all()
    assert (more >= satisfied - 1e-12).all()


@given(utilities, st.floats(-5.0, 5.0))
def test_what_is_added_to_all_modes_changes_no_share(utility, added):
    nests = Nests(("a", "a", "b", "b"), {"a": 0.5, "b": 0.7})
    assert_allclose(nested_logit(utility + added, nests)[0], nested_logit(utility, nests)[0], rtol=1e-9, atol=1e-15)
