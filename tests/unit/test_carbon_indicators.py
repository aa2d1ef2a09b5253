"""Indicators of solar power and carbon dioxide by hand: each term counts."""

import numpy as np
import pandas as pd
import pytest

from dothi import place
from dothi.indicators import KPIS
from dothi.kpi import Evidence
from dothi.model import Result


def value(kpi, city, today=None, **tables):
    """Value of an indicator from what simulations gave tables of a city."""
    results = {}
    for need in KPIS[kpi].needs:
        given = {name: pd.DataFrame(columns, index=city[name].index) for name, columns in tables.get(need, {}).items()}
        results[need] = Result(tables=given)
    return KPIS[kpi].value(Evidence(city, results, today))


def test_greenhouse_gases_are_those_of_buildings_and_roads(little_city):
    people = float(little_city["buildings"]["residents"].sum())
    buildings, links = len(little_city["buildings"]), len(little_city["links"])
    days = place.load("fr", "emissions")["year"]["days"]
    found = value(
        "ENV-09",
        little_city,
        carbon={"buildings": {"co2_kg": 5000.0}},
        emissions={"links": {"co2_kg_day": 2.0}},
    )
    assert found == pytest.approx((buildings * 5.0 + links * 0.002 * days) / people)


def test_solar_potential_is_a_share_of_what_buildings_use(little_city):
    given = {"pv": {"buildings": {"pv_roof_kwh": 3000.0}}, "heat": {"buildings": {"electricity_kwh": 12_000.0}}}
    assert value("ENV-15", little_city, **given) == pytest.approx(25.0)


def test_solar_power_used_on_the_spot_is_weighted_by_what_is_made(little_city):
    n = len(little_city["buildings"])
    made = np.r_[np.full(n // 2, 1000.0), np.full(n - n // 2, 3000.0)]
    share = np.r_[np.full(n // 2, 0.8), np.full(n - n // 2, 0.4)]
    given = {"pv": {"buildings": {"pv_kwh": made, "pv_used_share": share}}, "heat": {"buildings": {}}}
    assert value("ENV-27", little_city, **given) == pytest.approx(50.0)
    none = {"pv": {"buildings": {"pv_kwh": 0.0, "pv_used_share": np.nan}}, "heat": {"buildings": {}}}
    assert value("ENV-27", little_city, **none) is None


def test_only_what_does_not_stand_today_is_built(little_city):
    """All but two buildings stand today."""
    given = {"carbon": {"buildings": {"embodied_co2_kg": 40_000.0}}}
    today = little_city.with_tables(buildings=little_city["buildings"].iloc[:-2])
    assert value("ENV-28", little_city, today, **given) == pytest.approx(80.0)
    assert value("ENV-28", little_city, little_city, **given) == 0.0
    assert value("ENV-28", little_city, **given) is None


def test_boardings_of_all_stops_count_for_each_resident(little_city):
    people = float(little_city["buildings"]["residents"].sum())
    found = value("MOB-21", little_city, ridership={"stops": {"boardings_day": [300.0, 150.0]}})
    assert found == pytest.approx(450.0 / people)
    none = little_city.with_tables(stops=little_city["stops"].iloc[:0])
    assert value("MOB-21", none, ridership={"stops": {"boardings_day": []}}) is None
