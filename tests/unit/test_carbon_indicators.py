"""Indicators of solar power and carbon dioxide by hand: each term counts."""

import numpy as np
import pandas as pd
import pytest

from dothi import place
from dothi.carbon.model import CARRIERS, CarbonModel
from dothi.crs import LONLAT, transformer
from dothi.indicators import KPIS
from dothi.kpi import Evidence
from dothi.model import Result
from dothi.scenario import Scenario


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


def test_a_scenario_that_builds_costs_carbon_though_it_says_no_year(little_city):
    """An office of 20 × 20 m with four storeys on a free corner of the first block, by the change of a scenario."""
    west, south, _, _ = little_city.bounds
    to_globe = transformer(little_city.crs, LONLAT).transform
    corners = [(82.0, 55.0), (98.0, 55.0), (98.0, 90.0), (82.0, 90.0), (82.0, 55.0)]
    ring = [list(to_globe(west + x, south + y)) for x, y in corners]
    change = {"kind": "add_buildings", "buildings": [{"geometry": ring, "function": "office", "storeys": 4}]}
    scenario = Scenario.model_validate({"name": "tour", "title": "Tour", "change": [change]})
    city = scenario.apply(little_city)
    assert len(city["buildings"]) == len(little_city["buildings"]) + 1
    index = city["buildings"].index
    energy = pd.DataFrame(0.0, index=index, columns=[f"{name}_kwh" for name in (*CARRIERS, "network_cooling")])
    result = CarbonModel().run(city.with_tables(building_energy=energy))
    floor = float(city["buildings"]["floor_area_m2"][~index.isin(little_city["buildings"].index)].iloc[0])
    share = place.load("fr", "carbon")["embodied"]["reference_share"]
    found = KPIS["ENV-28"].value(Evidence(city, {"carbon": result}, little_city))
    assert floor > 2000.0
    assert found == pytest.approx(floor * 810.0 * share / 1000.0)  # offices from 2025
