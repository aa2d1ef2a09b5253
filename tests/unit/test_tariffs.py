"""Tariffs: prices as published, bills worked by hand, and which one holds on a day."""

from datetime import date

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dothi import place
from dothi.errors import InputError
from dothi.place import tariffs
from dothi.place.tariffs import bill, in_force

VN_2025 = "vn-household-2025-05"


def tariff(name):
    return in_force(name[:2], "household", name=name)


@pytest.mark.parametrize(
    ("name", "prices"),
    [
        ("vn-household-2014-06", (1388, 1433, 1660, 2082, 2324, 2399)),
        ("vn-household-2019-03", (1678, 1734, 2014, 2536, 2834, 2927)),
        ("vn-household-2023-11", (1806, 1866, 2167, 2729, 3050, 3151)),
        ("vn-household-2024-10", (1893, 1956, 2271, 2860, 3197, 3302)),
        (VN_2025, (1984, 2050, 2380, 2998, 3350, 3460)),
    ],
)
def test_shares_of_the_average_price_give_the_prices_that_were_published(name, prices):
    """Sources: see the file of tariffs; those of 2014 are the price list of EVN, from memory."""
    assert tariff(name).price_kwh == prices


def test_five_tiers_span_what_was_announced():
    """xe.today, 1 June 2025: about 1,984 VND in the lowest and 3,967 VND in the highest tier."""
    five = tariff("vn-household-five-tiers")
    assert (five.price_kwh[0], five.price_kwh[-1]) == (1984, 3967)
    assert five.upto_kwh == (100, 200, 400, 700)


@pytest.mark.parametrize(("kwh", "paid"), [(50, 107_136), (150, 346_356), (250, 636_768), (350, 979_560)])
def test_bills_are_those_of_published_worked_examples(kwh, paid):
    """github.com/zixfel/solarmodelx, TIERED-PRICING-UPDATE.md: bills with 8 % of tax, tier by tier.

    Its bill for 500 kWh takes the fifth tier for half as long as it is, and is left out.
    """
    assert bill(kwh, tariff(VN_2025)) == pytest.approx(paid, abs=1e-6)


@pytest.mark.parametrize(
    ("kwh", "rise"), [(50, 3_900), (100, 7_900), (200, 17_200), (300, 28_900), (400, 42_000), (500, 55_600)]
)
def test_bills_rose_in_november_2023_as_the_supplier_said(kwh, rise):
    """The Saigon Times, November 2023: rises at the end of each tier, rounded to hundreds of VND, without tax."""
    before, after = tariff("vn-household-2023-05"), tariff("vn-household-2023-11")
    assert round(float(bill(kwh, after, tax=False) - bill(kwh, before, tax=False)), -2) == rise


def test_a_bill_worked_by_hand_with_five_tiers():
    """800 kWh: 100 × 1984 + 100 × 2380 + 200 × 2998 + 300 × 3571 + 100 × 3967 VND."""
    paid = 100 * 1984 + 100 * 2380 + 200 * 2998 + 300 * 3571 + 100 * 3967
    assert bill(800.0, tariff("vn-household-five-tiers"), tax=False) == pytest.approx(paid)
    assert bill(800.0, tariff("vn-household-five-tiers")) == pytest.approx(paid * 1.08)


def test_a_subscription_is_paid_without_using_anything():
    base = tariff("fr-base-2025-08")
    assert bill(0.0, base) * 12 == pytest.approx(185.64, abs=0.01)  # commentaider.fr
    assert bill(100.0, base) == pytest.approx(15.47 + 19.52)


def test_bills_keep_the_shape_of_what_was_used_and_never_fall():
    used = np.linspace(0.0, 900.0, 181).reshape(1, -1)
    for one in (*tariffs.tariffs("vn"), *tariffs.tariffs("fr")):
        paid = bill(used, one)
        assert paid.shape == used.shape
        assert (np.diff(paid[0]) > 0.0).all(), one.id
        assert (np.diff(paid[0], 2) > -1e-6).all(), one.id  # no tier is cheaper than that below


def test_a_bill_is_the_sum_over_tiers():
    """Tier by tier the last kilowatt-hour costs the price of its tier."""
    one = tariff(VN_2025)
    ends = np.array([0.0, *one.upto_kwh])
    assert_allclose(bill(ends + 1.0, one, tax=False) - bill(ends, one, tax=False), one.price_kwh, rtol=1e-9)


def test_the_tariff_in_force_is_that_of_the_day():
    assert in_force("vn", "household", date(2025, 5, 9)).id == "vn-household-2024-10"
    assert in_force("vn", "household", date(2025, 5, 10)).id == VN_2025
    assert in_force("vn", "household").id == VN_2025  # what is pending is never chosen by a day
    assert in_force("vn", "household", date(1999, 1, 1)).id == "vn-household-2014-06"
    assert in_force("fr", "public").id == in_force("fr", "business").id
    assert tariffs.surplus_in_force("fr", date(2025, 4, 1)).id == "fr-s21-2025-03"
    assert tariffs.surplus_in_force("vn", date(2025, 3, 2)).power_cap_share == 0.2
    with pytest.raises(InputError, match="vn-household-five-tiers"):
        in_force("vn", "household", name="none such")


def test_customers_go_by_function():
    assert tariffs.customer_of("vn", "apartments") == "household"
    assert tariffs.customer_of("vn", "school") == "public"
    assert tariffs.customer_of("fr", "school") == tariffs.customer_of("vn", "hotel") == "business"
    assert (tariffs.currency("vn"), tariffs.currency("fr")) == ("VND", "EUR")


def test_classes_of_size_end_where_the_rule_says():
    rule = tariffs.surplus_in_force("fr", date(2024, 12, 1))
    at = tariffs.size_class(rule, np.array([3.0, 3.01, 9.0, 36.0, 100.0, 101.0]))
    assert [rule.premium_kwp[i] for i in at] == [220.0, 160.0, 160.0, 190.0, 100.0, 0.0]
    assert [rule.price_kwh[i] for i in at] == [0.1269, 0.1269, 0.1269, 0.0761, 0.0761, 0.0]


@pytest.mark.parametrize("country", place.COUNTRIES)
def test_every_price_names_its_source_and_whether_it_was_read(country):
    data = place.load(country, "tariffs")
    entries = [*data["tariffs"], *data["surplus"], data["cost"], data["finance"], data["customers"]]
    assert all(len(entry["source"]) > 30 and isinstance(entry["verified"], bool) for entry in entries)
    ids = [entry["id"] for entry in (*data["tariffs"], *data["surplus"])]
    assert len(set(ids)) == len(ids)
    for one in tariffs.tariffs(country):
        assert len(one.price_kwh) == len(one.upto_kwh) + 1
        assert one.valid_to is None or one.valid_from <= one.valid_to
    for rule in tariffs.surpluses(country):
        assert len(rule.price_kwh) == len(rule.premium_kwp) == len(rule.upto_kwp) + 1
