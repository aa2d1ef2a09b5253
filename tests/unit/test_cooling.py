"""Networks of cold in a city: what is laid, what runs, what it costs, and that without one there is nothing."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose

sys.path.insert(0, str(Path(__file__).parent))
from _cold import HOURS, cold_city, day_loads, length_of, weather

from dothi.chain import STAGES, cold_from, light_for_cold_from, networks_from
from dothi.changes import CHANGES
from dothi.cooling import outcome
from dothi.cooling.model import CoolingModel, CoolingParams
from dothi.errors import InputError, Problems
from dothi.model import Result, require
from dothi.packed import unpacked
from dothi.place import COUNTRIES, load
from dothi.schema import Table, check_table
from dothi.units import unit_of

EIGHT = dict.fromkeys((0, 2, 5, 9, 14, 20, 25, 31), "1")


@pytest.fixture
def city(little_city):
    return cold_city(little_city, EIGHT)


@pytest.fixture
def result(city):
    return CoolingModel().run(city)


def network(result):
    return result.tables["cooling_networks"].iloc[0]


class Unread:
    """Result of which nothing is read."""

    @property
    def tables(self):
        raise AssertionError("nothing is read")


def test_without_a_network_there_is_nothing_and_nothing_is_read(little_city):
    require(little_city, CoolingModel)
    assert CoolingModel().run(little_city) == Result()
    measures = pd.DataFrame({"building_id": [3], "heat_loss_ratio": [0.5]}, index=pd.Index([3]))
    retrofitted = little_city.with_tables(building_measures=measures)
    assert CoolingModel().run(retrofitted) == Result()
    for bare in (little_city, retrofitted):
        assert light_for_cold_from(bare, Unread()) is bare
        assert cold_from(bare, Unread()) is bare
        assert networks_from(bare, CoolingModel().run(bare)) is bare


def test_carbon_and_others_take_from_the_chain_what_networks_deliver(city, result):
    assert set(STAGES["cooling"].before) == {"sun", "heat"}
    supply = networks_from(city, result)["network_supply"]
    assert_allclose(supply["delivered_kwh"], day_loads(8).sum() / 1000.0, rtol=1e-6)
    assert STAGES["carbon"].may_take["cooling"] is networks_from


def test_tables_are_as_declared(result):
    problems = Problems()
    declared = {
        "cooling_networks": outcome.NETWORKS,
        "cooling_pipes": outcome.PIPES,
        "buildings": outcome.BUILDINGS,
    }
    for name, columns in declared.items():
        check_table(result.tables[name], Table(name, f"{name[:-1]}_id", "", columns), problems)
        assert list(result.tables[name].columns) == list(columns)
        for column, of in columns.items():
            assert not unit_of(column) or of.unit == unit_of(column), column
    assert not problems.errors


def test_every_building_is_joined_to_one_tree_and_pipes_follow_the_streets(city, result):
    pipes = result.tables["cooling_pipes"]
    assert sorted(pipes["building_id"].dropna()) == sorted(EIGHT)
    whole = shapely.line_merge(shapely.union_all(np.asarray(pipes.geometry.array)))
    assert shapely.get_num_geometries(shapely.union_all(shapely.buffer(whole, 0.01))) == 1
    assert_allclose(length_of(pipes), pipes["length_m"], rtol=1e-6)
    streets = shapely.union_all(np.asarray(city["links"].geometry.array))
    main = pipes[pipes["building_id"].isna()]
    assert shapely.difference(
        shapely.union_all(np.asarray(main.geometry.array)), shapely.buffer(streets, 0.01)
    ).is_empty
    plant = network(result)["geometry"]
    assert shapely.distance(plant, streets) < 1e-6


def test_pipes_keep_the_limits_and_are_wider_towards_the_plant(result):
    pipes, one = result.tables["cooling_pipes"], network(result)
    assert (pipes["filling_share"] <= 1.02).all()
    assert (pipes["velocity_m_s"] <= 2.55).all()
    assert (pipes["gradient_pa_m"] <= 200.0 * 1.2 * 1.04).all()
    at_plant = pipes[shapely.distance(shapely.get_point(np.asarray(pipes.geometry.array), 0), one["geometry"]) < 1e-6]
    assert_allclose(at_plant["flow_m3_s"].sum(), pipes[pipes["building_id"].notna()]["flow_m3_s"].sum(), rtol=1e-6)
    assert at_plant["dn_mm"].max() == pipes["dn_mm"].max()


def test_energy_adds_up_from_buildings_to_the_chillers(result):
    one, buildings = network(result), result.tables["buildings"]
    load = day_loads(8)
    assert_allclose(buildings["cold_kwh"].sum(), one["delivered_kwh"])
    assert_allclose(buildings["cold_peak_kw"], load.max(axis=1) / 1000.0, rtol=1e-6)
    assert_allclose(one["delivered_kwh"], load.sum() / 1000.0, rtol=1e-6)
    pumped = one["pump_kwh"] * 0.70
    first = unpacked(result.tables["cooling_networks"]["made"], np.float32)[0]
    assert_allclose(first.sum() / 1000.0, one["made_kwh"], rtol=1e-5)
    tank_kwh = one["tank_m3"] * 0.9 * 9.0 * 4193.375 * 999.96 / 3.6e6
    given = one["delivered_kwh"] + one["gained_kwh"] + pumped
    assert given - tank_kwh <= one["made_kwh"] <= given  # the tank begins full
    parts = one["chiller_kwh"] + one["rejection_kwh"] + one["pump_kwh"]
    assert_allclose(parts, one["electricity_kwh"])
    hourly = unpacked(result.tables["cooling_networks"]["electricity"], np.float32)[0]
    assert len(hourly) == HOURS
    assert_allclose(hourly.sum() / 1000.0, one["electricity_kwh"], rtol=1e-5)
    assert result.diagnostics["networks"]["1"]["hours_not_agreed"] == 0
    assert abs(result.diagnostics["networks"]["1"]["balance_error"]) < 1e-12


def test_cold_water_comes_a_little_warmer_than_it_left(result):
    supply = result.tables["buildings"]["cold_supply_c"]
    assert (supply > 5.0).all()
    assert (supply < 6.0).all()


def test_two_networks_are_apart(little_city):
    names = {ident: "Bắc" if ident > 15 else "Nam" for ident in EIGHT}
    result = CoolingModel().run(cold_city(little_city, names))
    networks, pipes = result.tables["cooling_networks"], result.tables["cooling_pipes"]
    assert list(networks["cooling_network"]) == ["Bắc", "Nam"]
    assert list(networks["buildings"]) == [3, 5]
    assert pipes.groupby("cooling_network")["length_m"].sum().to_dict() == pytest.approx(
        networks.set_index("cooling_network")["trench_m"].to_dict()
    )


def test_a_building_without_any_load_is_not_joined(little_city):
    load = day_loads(8)
    load[3] = 0.0
    result = CoolingModel().run(cold_city(little_city, EIGHT, load))
    assert 9 not in result.tables["buildings"].index
    assert network(result)["buildings"] == 7
    nothing = CoolingModel().run(cold_city(little_city, EIGHT, np.zeros_like(load)))
    assert nothing == Result()


def test_a_single_building_has_its_network(little_city):
    result = CoolingModel().run(cold_city(little_city, {7: "1"}))
    assert network(result)["buildings"] == 1
    assert network(result)["trench_m"] > 0.0


def test_a_larger_tank_takes_peaks_from_the_chillers(city):
    found = [network(CoolingModel(CoolingParams(storage_h=hours)).run(city)) for hours in (0.0, 3.0, 8.0)]
    assert found[0]["tank_m3"] == 0.0
    assert found[0]["chiller_kw"] > found[1]["chiller_kw"] > found[2]["chiller_kw"]
    assert found[0]["electric_peak_kw"] > found[2]["electric_peak_kw"]


def test_the_plant_stands_where_it_is_told(city):
    from dothi.crs import LONLAT, transformer

    corner = city["nodes"].geometry.iloc[0]
    lonlat = transformer(city.crs, LONLAT).transform(corner.x, corner.y)
    there = CoolingModel(CoolingParams(plants={"1": lonlat})).run(city)
    middle = CoolingModel(CoolingParams(plants={"2": lonlat})).run(city)
    assert shapely.distance(network(there)["geometry"], corner) < 1e-3
    assert shapely.distance(network(middle)["geometry"], corner) > 100.0
    assert network(there)["trench_m"] > network(middle)["trench_m"]


def test_a_smaller_spread_asks_for_more_water_and_more_pumping(city):
    wide, narrow = (network(CoolingModel(CoolingParams(return_c=back)).run(city)) for back in (15.0, 9.0))
    assert narrow["water_min"] != wide["water_min"]
    assert narrow["pump_kwh"] > wide["pump_kwh"]


def test_half_the_load_needs_half_the_electricity_of_own_machines(little_city):
    load = day_loads(8)
    whole, half = (network(CoolingModel().run(cold_city(little_city, EIGHT, share * load))) for share in (1.0, 0.5))
    assert_allclose(half["alone_kwh"], whole["alone_kwh"] / 2.0, rtol=1e-6)
    assert half["density_mwh_m"] == pytest.approx(whole["density_mwh_m"] / 2.0, rel=1e-6)
    assert half["cold_cost"] > whole["cold_cost"]


def test_humid_air_makes_towers_warm_and_chillers_thirsty(city):
    damp = weather().assign(relative_humidity_pct=95.0)
    dry = weather().assign(relative_humidity_pct=25.0)
    thirsty, spare = (network(CoolingModel().run(city.with_tables(weather=w))) for w in (damp, dry))
    assert thirsty["chiller_kwh"] > spare["chiller_kwh"]
    assert thirsty["alone_kwh"] == spare["alone_kwh"]


def test_dew_points_stand_in_for_humidity_and_one_of_both_is_needed(little_city):
    both = cold_city(little_city, EIGHT)
    dew = both.with_tables(weather=weather().assign(relative_humidity_pct=np.nan))
    assert network(CoolingModel().run(dew))["chiller_kwh"] > 0.0
    with pytest.raises(InputError, match="relative_humidity_pct"):
        CoolingModel().run(cold_city(little_city, EIGHT, humidity=False))


def test_wishes_that_cannot_be_are_named(city, little_city):
    with pytest.raises(InputError, match="return_c"):
        CoolingModel(CoolingParams(supply_c=12.0, return_c=13.0)).run(city)
    short = city.with_tables(weather=weather().iloc[:48])
    with pytest.raises(InputError, match="as many hours"):
        CoolingModel().run(short)
    measures = pd.DataFrame({"building_id": [3], "cooling_network": ["1"]}, index=pd.Index([3]))
    with pytest.raises(InputError, match="building_loads: table is present"):
        CoolingModel().run(little_city.with_tables(building_measures=measures))
    fields = city["links"].assign(**{"class": pd.Categorical(["motorway"] * len(city["links"]))})
    with pytest.raises(InputError, match="street in which a pipe may lie"):
        CoolingModel().run(city.with_tables(links=fields))


def test_the_change_puts_buildings_on_a_network(little_city):
    problems = Problems()
    change = CHANGES["district_cooling"].model_validate(
        {"kind": "district_cooling", "buildings": [0, 9, 25], "network": "Nord"}
    )
    changed = change.apply(little_city, problems)
    loads = cold_city(little_city, dict.fromkeys((0, 9, 25), "x"))
    result = CoolingModel().run(changed.with_tables(building_loads=loads["building_loads"], weather=weather()))
    assert list(result.tables["cooling_networks"]["cooling_network"]) == ["Nord"]
    assert list(result.tables["buildings"].index) == [0, 9, 25]


def test_a_run_leaves_the_city_alone_and_repeats_itself(city):
    before = city["building_loads"].copy()
    first, second = CoolingModel().run(city), CoolingModel().run(city)
    assert city["building_loads"].equals(before)
    for name, table in first.tables.items():
        assert table.equals(second.tables[name])


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_figure_of_a_country_has_a_source(country):
    data = load(country, "cooling")
    assert all(part["source"] and isinstance(part["verified"], bool) for part in data.values())
    from dothi.cooling.data import district

    assert all(part["source"] and isinstance(part["verified"], bool) for part in district().values())


def test_the_same_town_in_vietnam_tells_its_money(little_city):
    abroad = dataclasses.replace(little_city, country="vn")
    result = CoolingModel().run(cold_city(abroad, EIGHT))
    assert network(result)["currency"] == "VND"
    assert network(result)["co2_t"] > 10.0 * network(CoolingModel().run(cold_city(little_city, EIGHT)))["co2_t"]


def test_indicators_tell_what_networks_spare_and_nothing_without_one(city, result, little_city):
    from dothi.indicators import KPIS
    from dothi.kpi import Evidence

    one, saved = network(result), KPIS["ENV-30"]
    expected = 100.0 * (1.0 - one["electricity_kwh"] / one["alone_kwh"])
    assert_allclose(saved.value(Evidence(city, {"cooling": result})), expected)
    assert saved.value(Evidence(little_city, {"cooling": CoolingModel().run(little_city)})) is None
    cold = pd.DataFrame({"network_cooling_kwh": 25.0, "cooling_kwh": 100.0}, index=city["buildings"].index)
    assert KPIS["ENV-29"].value(Evidence(city, {"heat": Result({"buildings": cold})})) == 25.0


def test_places_for_networks_are_told_by_what_the_country_asks(little_city):
    from dothi.cooling.propose import places_for_networks

    demand = pd.Series({0: 400_000.0, 16: 300_000.0, 31: 1000.0})
    found = places_for_networks(little_city, demand)
    assert sorted(found["building_ids"].explode()) == [0, 16]
    abroad = dataclasses.replace(little_city, country="vn")
    assert len(places_for_networks(abroad, demand)["building_ids"].explode()) <= 2
    assert not len(places_for_networks(little_city, demand * 0.01))
