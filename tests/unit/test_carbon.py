"""Carbon dioxide by hand: carriers, years, modules, networks of cold, traffic, buildings built anew."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi import place
from dothi.carbon.factors import embodied_kg_m2, factors_of, grid_factor
from dothi.carbon.model import CARRIERS, CarbonModel, CarbonParams
from dothi.city import City
from dothi.model import require
from dothi.tables import FUNCTIONS

ENERGY = {"electricity": 4000.0, "gas": 10_000.0, "oil": 500.0, "wood": 2000.0, "district": 1000.0}


def street(country="fr", **energy):
    """Two buildings; the first uses what is said."""
    buildings = gpd.GeoDataFrame(
        {
            "geometry": [shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)],
            "function": pd.Categorical(["residential", "office"], categories=FUNCTIONS),
            "floor_area_m2": [200.0, 1000.0],
            "residents": [4, 0],
            "year_built": pd.array([1950, 2030], dtype="Int64"),
        },
        index=pd.Index([7, 9], name="building_id"),
        crs="EPSG:2154",
    )
    names = [f"{name}_kwh" for name in (*CARRIERS, "network_cooling")]
    table = pd.DataFrame(0.0, index=buildings.index, columns=names)
    for name, value in energy.items():
        table.loc[7, f"{name}_kwh"] = value
    return City("Rue", country, "EPSG:2154", (0, 0, 100, 100)).with_tables(buildings=buildings, building_energy=table)


def run(city, **params):
    require(city, CarbonModel)
    return CarbonModel(CarbonParams(**params)).run(city)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_each_carrier_counts_with_its_factor(carrier):
    result = run(street(**{carrier: 1000.0}))
    factor = getattr(factors_of("fr"), carrier)
    table = result.tables["buildings"]
    assert table.loc[7, f"co2_{carrier}_kg"] == pytest.approx(1000.0 * factor)
    assert table.loc[7, "co2_kg"] == pytest.approx(1000.0 * factor)
    assert table.loc[9, "co2_kg"] == 0.0


def test_all_carriers_add_up():
    table = run(street(**ENERGY)).tables["buildings"]
    by_hand = 4000 * 0.0217 + 10_000 * 0.20196 + 500 * 0.26676 + 0.0 + 1000 * 0.10
    assert table.loc[7, "co2_kg"] == pytest.approx(by_hand)
    assert table.loc[7, "co2_kg_m2"] == pytest.approx(by_hand / 200.0)
    assert table.loc[7, "co2_per_resident_kg"] == pytest.approx(by_hand / 4.0)
    assert np.isnan(table.loc[9, "co2_per_resident_kg"])
    assert table.loc[7, "co2_biogenic_kg"] == pytest.approx(2000 * 0.4032)


def test_electricity_counts_with_the_factor_of_its_year():
    """Department of Climate Change: 0.6592 t/MWh in 2023, 0.9185 in 2016."""
    for year, factor in ((2023, 0.6592), (2016, 0.9185), (None, 0.6592), (2040, 0.6592), (1995, 0.6612)):
        table = run(street("vn", electricity=1000.0), year=year).tables["buildings"]
        assert table.loc[7, "co2_kg"] == pytest.approx(1000.0 * factor)
    assert grid_factor("fr", 2023) == (2023, 0.032)
    assert grid_factor("fr", 2000)[0] == 2023


def test_a_kilowatt_hour_is_dearer_in_carbon_in_viet_nam():
    assert factors_of("vn").electricity > 20.0 * factors_of("fr").electricity


def modules(city, kwh, used, kwp=3.0):
    columns = {"pv_kwp": [kwp], "pv_kwh": [kwh], "pv_used_share": [used]}
    return city.with_tables(building_modules=pd.DataFrame(columns, index=pd.Index([7], name="building_id")))


def test_solar_power_used_on_the_spot_is_not_bought():
    """3,000 kWh, of which 40 % are used: 1,200 kWh less are bought, all 3,000 are kept from the grid."""
    result = run(modules(street("vn", electricity=4000.0), 3000.0, 0.4))
    table = result.tables["buildings"]
    assert table.loc[7, "co2_electricity_kg"] == pytest.approx((4000.0 - 1200.0) * 0.6592)
    assert table.loc[7, "co2_avoided_kg"] == pytest.approx(3000.0 * 0.6592)
    assert table.loc[7, "embodied_modules_co2_kg"] == pytest.approx(3.0 * 900.0)
    assert result.diagnostics["avoided_t"] == pytest.approx(3.0 * 0.6592)


def test_modules_of_unknown_use_take_nothing_off():
    table = run(modules(street("vn", electricity=4000.0), 3000.0, np.nan)).tables["buildings"]
    assert table.loc[7, "co2_electricity_kg"] == pytest.approx(4000.0 * 0.6592)


def test_cold_of_a_network_counts_with_the_electricity_of_its_plant():
    """A plant that takes 0.25 kWh for each kilowatt-hour of cold."""
    measures = pd.DataFrame({"building_id": [7], "cooling_network": ["Trung tâm"]}).rename_axis("building_measure_id")
    supply = pd.DataFrame({"cooling_network": ["Trung tâm"], "electricity_kwh": [2500.0], "delivered_kwh": [10_000.0]})
    city = street("vn", network_cooling=4000.0)
    cooled = city.with_tables(building_measures=measures, network_supply=supply)
    assert run(cooled).tables["buildings"].loc[7, "co2_network_cooling_kg"] == pytest.approx(4000.0 * 0.25 * 0.6592)
    assert run(city).tables["buildings"].loc[7, "co2_kg"] == 0.0  # without the plant nothing is known of it


def test_traffic_is_taken_over_once():
    """100 kg a working day are 33 t of a year in France."""
    city = street(gas=10_000.0)
    driven = city.with_tables(traffic_emissions=pd.DataFrame({"co2_kg_day": [60.0, 40.0]}))
    found = run(driven).diagnostics
    days = place.load("fr", "emissions")["year"]["days"]
    assert found["traffic_t"] == pytest.approx(0.1 * days)
    assert found["total_t"] == pytest.approx(2.0196 + 0.1 * days)
    assert found["total_per_resident_t"] == pytest.approx(found["total_t"] / 4.0)
    assert run(city).diagnostics["traffic_t"] is None
    assert run(city).diagnostics["total_t"] == pytest.approx(2.0196)


def test_functions_add_up_to_the_city():
    result = run(street(**ENERGY))
    functions = result.tables["carbon_functions"].set_index("function")
    assert functions.loc["residential", "co2_kg"] == result.tables["buildings"]["co2_kg"].sum()
    assert functions.loc["office", "floor_area_m2"] == 1000.0
    assert functions["buildings"].tolist() == [1, 1]
    assert result.diagnostics["buildings_total_t"] == pytest.approx(functions["co2_kg"].sum() / 1000.0)
    assert functions.loc["residential", "co2_kg_m2"] == pytest.approx(functions.loc["residential", "co2_kg"] / 200.0)


def test_building_anew_follows_the_rules_of_its_year():
    """RE2020: houses 640, 530, 475, 415 kg/m² from 2022, 2025, 2028, 2031; offices 980 … 600."""
    share = place.load("fr", "carbon")["embodied"]["reference_share"]
    found = embodied_kg_m2("fr", ["residential"] * 5, np.array([2000.0, 2024.0, 2025.0, 2030.0, 2040.0]))
    assert_allclose(found, np.array([640.0, 640.0, 530.0, 475.0, 415.0]) * share)
    assert_allclose(embodied_kg_m2("fr", ["hotel", "office"], np.array([2026.0, 2026.0])), [600 * share, 810 * share])
    assert_allclose(embodied_kg_m2("vn", ["office", "residential"], np.array([2026.0, 2030.0])), 600.0)


def test_only_buildings_of_the_year_or_later_count_as_new():
    result = run(street())
    share = place.load("fr", "carbon")["embodied"]["reference_share"]
    table = result.tables["buildings"]["embodied_co2_kg"]
    assert table[9] == pytest.approx(1000.0 * 710.0 * share)  # office of 2030
    assert table[7] == pytest.approx(200.0 * 530.0 * share)  # if it were built in 2026
    assert result.diagnostics["embodied_new_t"] == pytest.approx(table[9] / 1000.0)
    assert run(street(), build_year=2035).diagnostics["embodied_new_t"] == 0.0


@pytest.mark.parametrize("country", place.COUNTRIES)
def test_every_factor_names_its_source(country):
    data = place.load(country, "carbon")
    for name in ("grid", "fuels", "biogenic", "district", "embodied", "modules"):
        assert len(data[name]["source"]) > 20, name
        assert isinstance(data[name]["verified"], bool), name
