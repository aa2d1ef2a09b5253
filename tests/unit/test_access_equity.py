"""Gini, Palma and percentiles of distributions small enough to be worked by hand."""

import numpy as np
import pytest

from dothi.access.equity import gini, palma, percentile, percentile_ratio

ONE = np.ones(4)


def test_gini_of_equal_shares_is_nothing_and_of_one_owner_all_but_one_nth():
    assert gini(np.full(4, 7.0), ONE) == pytest.approx(0.0)
    assert gini(np.array([0.0, 0.0, 0.0, 5.0]), ONE) == pytest.approx(0.75)


def test_gini_of_one_two_three_four_is_a_quarter():
    assert gini(np.array([4.0, 1.0, 3.0, 2.0]), ONE) == pytest.approx(0.25)  # Σ|xi−xj| / (2 n² mean) = 20 / 80


def test_people_may_be_counted_one_by_one_or_together():
    one_by_one = np.array([1.0, 1.0, 1.0, 2.0, 6.0, 6.0])
    assert gini(np.array([6.0, 1.0, 2.0]), np.array([2.0, 3.0, 1.0])) == pytest.approx(gini(one_by_one, np.ones(6)))


def test_palma_of_ten_people_is_the_best_served_over_the_mean_of_the_four_worst():
    values = np.arange(1.0, 11.0)
    assert palma(values, np.ones(10)) == pytest.approx(10.0 / 2.5)
    assert palma(values, np.full(10, 3.0)) == pytest.approx(4.0)


def test_people_on_the_border_of_the_palma_ratio_count_in_part():
    # three people: the worst-served four tenths are the first and a fifth of the second, the best tenth is the third
    expected = 9.0 / ((1.0 / 3.0 + (0.4 - 1.0 / 3.0) * 4.0) / 0.4)
    assert palma(np.array([1.0, 4.0, 9.0]), np.ones(3)) == pytest.approx(expected)


def test_where_the_worst_served_have_nothing_the_ratios_are_missing():
    values = np.array([0.0, 0.0, 0.0, 5.0, 6.0])
    assert np.isnan(palma(values, np.ones(5)))
    assert np.isnan(percentile_ratio(values, np.ones(5)))
    assert np.isnan(gini(np.zeros(3), np.ones(3)))
    assert np.isnan(palma(np.array([]), np.array([])))
    assert np.isnan(percentile(np.array([np.nan]), np.array([1.0]), 0.5))


def test_percentiles_are_values_that_people_have():
    values, people = np.array([30.0, 10.0, 20.0]), np.array([1.0, 6.0, 3.0])
    assert percentile(values, people, 0.6) == 10.0
    assert percentile(values, people, 0.61) == 20.0
    assert percentile(values, people, 0.9) == 20.0
    assert percentile_ratio(values, people) == pytest.approx(2.0)


def test_those_without_a_value_and_values_of_nobody_are_left_out():
    values, people = np.array([1.0, np.nan, 3.0, 1e9]), np.array([1.0, 5.0, 1.0, 0.0])
    assert gini(values, people) == pytest.approx(0.25)
