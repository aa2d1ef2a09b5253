"""Heat balance of buildings: models, hours, machines, measures, calibration."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError

from dothi import place
from dothi.chain import STAGES, loads_from
from dothi.changes.climate import Climate
from dothi.derive.weather import normals, typical_year
from dothi.errors import InputError, Problems
from dothi.heat import carriers
from dothi.heat.archetypes import archetypes, drawn
from dothi.heat.hourly import SERIES, hourly
from dothi.heat.model import HeatModel, HeatParams
from dothi.heat.moisture import coil_temperature_c, saturated
from dothi.heat.outdoors import ground_c, outdoors
from dothi.heat.schedules import PROFILES, lamps, schedules
from dothi.heat.thermal import THERMAL_MODELS
from dothi.heat.zones import outer, sun_weights, zone_rows
from dothi.packed import packed, unpacked
from dothi.sky.dome import sky_of
from dothi.sky.light import BOUNCES, Light
from dothi.sky.patches import N_PATCHES
from dothi.sky.position import site_of
from dothi.tables import FUNCTIONS

SIDES = {0.0: 1, 90.0: 0, 180.0: 1, 270.0: 0}
"""Direction of a wall, and the side of the footprint that it is as long as."""


def lit(city):
    """City whose buildings stand in the open, box by box: every wall and roof sees all of the sky."""
    places = sky_of(city["weather"], site_of(city)).places
    rows = []
    for building_id, one in city["buildings"].iterrows():
        west, south, east, north = one.geometry.bounds
        side = (north - south, east - west)
        rows.append((building_id, "roof", 0.0, np.nan, one.geometry.area))
        rows += [(building_id, "wall", 90.0, turn, side[along] * one.height_m) for turn, along in SIDES.items()]
    table = pd.DataFrame(rows, columns=["building_id", "kind", "tilt_deg", "azimuth_deg", "lit_area_m2"])
    table = table.assign(
        sky=packed(np.full((len(table), N_PATCHES), 255, dtype=np.uint8), table.index),
        sun=packed(np.full((len(table), places), 255, dtype=np.uint8), table.index),
        **dict.fromkeys(BOUNCES, 0.05),
    )
    return city.with_tables(surface_light=table.rename_axis("surface_id"))


def weather_of(name, **place_of):
    station = normals(name)
    given = {"latitude": 47.2, "longitude": -1.55, "elevation_m": 20.0, "time_zone_h": 1.0, **place_of}
    return typical_year(station, **given, rng=np.random.default_rng(1))


@pytest.fixture(scope="module")
def city(little_city):
    """Eight of the buildings of the little town, with weather and light."""
    few = little_city["buildings"].iloc[:8]
    return lit(little_city.with_tables(buildings=few, weather=weather_of("Nantes")))


@pytest.fixture(scope="module")
def result(city):
    return HeatModel().run(city)


def total(result, name):
    return float(result.tables["buildings"][name].sum())


def measured(city, **columns):
    ids = city["buildings"].index
    return city.with_tables(building_measures=pd.DataFrame({"building_id": ids, **columns}, index=ids))


def test_every_building_has_a_thermal_model_and_a_year_of_energy(city, result):
    models, buildings = result.tables["thermal_models"], result.tables["buildings"]
    assert list(models.columns) == list(THERMAL_MODELS)
    assert models.index.equals(city["buildings"].index.rename("building_id"))
    assert (buildings["electricity_kwh"] > 0.0).all()
    assert (buildings["heating_kwh"] > 0.0).all()
    assert not buildings.isna().any().any()


def test_carriers_add_up_to_what_machines_draw(result):
    b = result.tables["buildings"]
    parts = [f"{name}_electricity_kwh" for name in ("heating", "cooling", "hot_water")]
    assert_allclose(b["electricity_kwh"], b[[*parts, "appliances_kwh", "lighting_kwh"]].sum(axis=1), rtol=1e-5)
    systems = result.tables["thermal_models"]["heating_system"]
    gas = (systems == "gas").to_numpy()
    useful = b["heating_kwh"] + b["hot_water_kwh"]
    assert_allclose(b["gas_kwh"][gas], useful[gas] / 0.86, rtol=1e-5)
    assert not b["gas_kwh"][~gas].any()


def test_months_and_load_curves_add_up_to_the_year(result):
    b, months = result.tables["buildings"], result.tables["building_months"]
    for name in ("heating", "cooling", "electricity", "gas"):
        assert_allclose(unpacked(months[f"{name}_month"], np.float32).sum(axis=1), b[f"{name}_kwh"], rtol=1e-4)
    curve = result.fields["load_by_function"].sel(series="electricity").sum(dim="function")
    by_use = result.fields["load_by_use"].sum(dim="use")
    assert_allclose(curve, by_use, rtol=1e-4)
    assert_allclose(float(curve.sum()) / 1e3, b["electricity_kwh"].sum(), rtol=1e-4)
    assert result.fields["load_by_use"].attrs["units"] == "W"


def test_hours_are_rebuilt_from_thermal_models_for_any_few_buildings(city, result):
    few = result.tables["thermal_models"].iloc[[5, 2]]
    series = hourly(few, city["weather"], Light.of(city), ("electricity", "heating"))
    assert set(series) == {"electricity", "heating"}
    b = result.tables["buildings"].iloc[[5, 2]]
    for name, values in series.items():
        assert values.shape == (2, 8760) and values.dtype == np.float32
        assert_allclose(values.sum(axis=1, dtype=float) / 1e3, b[f"{name}_kwh"], rtol=1e-4)
        assert_allclose(values.max(axis=1), b[f"peak_{'electric' if name == 'electricity' else name}_w"], rtol=1e-4)
    assert hourly(few.iloc[:0], city["weather"], Light.of(city))["gas"].shape == (0, 8760)


def test_loads_are_handed_on_for_buildings_that_draw(city, result):
    loads = loads_from(city, result)["building_loads"]
    electricity = unpacked(loads["electricity"], np.float32)
    assert_allclose(
        electricity.sum(axis=1, dtype=float) / 1e3, result.tables["buildings"]["electricity_kwh"], rtol=1e-4
    )
    assert loads["cooling"].isna().all()
    assert STAGES["pv"].may_take["heat"] is loads_from


def test_cold_of_a_network_takes_the_place_of_electricity(city, result):
    after = HeatModel().run(measured(city, cooling_network="Loire"))
    assert total(after, "cooling_electricity_kwh") == 0.0
    assert_allclose(total(after, "network_cooling_kwh"), total(after, "cooling_kwh"), rtol=1e-6)
    assert total(after, "cooling_kwh") > total(result, "cooling_kwh")  # a network cools more rooms
    loads = loads_from(measured(city, cooling_network="Loire"), after)["building_loads"]
    cold = unpacked(loads["cooling"], np.float32)
    assert_allclose(cold.sum(dtype=float) / 1e3, total(after, "network_cooling_kwh"), rtol=1e-4)


def test_buildings_that_lose_less_heat_need_less(city, result):
    after = HeatModel().run(measured(city, heat_loss_ratio=0.5))
    assert total(after, "heating_kwh") < 0.75 * total(result, "heating_kwh")
    assert total(after, "gas_kwh") < total(result, "gas_kwh")
    assert_allclose(total(after, "appliances_kwh"), total(result, "appliances_kwh"))
    for name in ("wall_u_w_m2_k", "window_u_w_m2_k", "roof_u_w_m2_k", "floor_u_w_m2_k", "infiltration_w_k"):
        halved = after.tables["thermal_models"][name] / result.tables["thermal_models"][name]
        assert_allclose(halved, 0.5)


def test_a_warmer_climate_takes_from_heating_and_adds_to_cooling(city, result):
    warmer = Climate(kind="climate", temperature_offset_k=2.0).apply(city, Problems())
    after = HeatModel().run(warmer)
    assert total(after, "heating_kwh") < 0.85 * total(result, "heating_kwh")
    assert total(after, "cooling_kwh") > 1.5 * total(result, "cooling_kwh")


@pytest.mark.parametrize("name", ["Hanoi", "Da Nang", "Thành phố Hồ Chí Minh"])
def test_vietnamese_climates_turn_heating_into_cooling(city, name):
    hot = lit(Climate(kind="climate", weather_of=name).apply(city, Problems()))
    after = HeatModel(HeatParams(archetypes="vn")).run(hot)
    assert total(after, "heating_kwh") == 0.0
    assert total(after, "cooling_electricity_kwh") > 0.15 * total(after, "electricity_kwh")
    same = HeatModel(HeatParams(cooled_share=0.5)).run(hot)  # French buildings, half of their homes cooled
    assert total(same, "cooling_kwh") > 5.0 * total(same, "heating_kwh")


def test_parameters_move_energy_the_right_way(city, result):
    def ratio(name, **params):
        return total(HeatModel(HeatParams(**params)).run(city), name) / total(result, name)

    assert ratio("heating_kwh", heating_shift_k=1.0) > 1.05
    assert ratio("cooling_kwh", cooling_shift_k=-1.0) > 1.05
    assert ratio("heating_kwh", air_factor=0.5) < 0.95
    assert ratio("heating_kwh", appliance_factor=2.0) < 0.98  # lamps and machines warm rooms
    assert ratio("appliances_kwh", appliance_factor=2.0) == pytest.approx(2.0)
    assert ratio("cooling_kwh", cooled_share=0.9) > 1.05
    with pytest.raises(ValidationError):
        HeatParams(archetypes="de")


def test_the_roof_matters_less_in_a_tower_and_party_walls_lose_nothing(city, result):
    light = city["surface_light"]
    walls = light["lit_area_m2"].where(light["kind"] == "roof", 0.5 * light["lit_area_m2"])
    terraced = HeatModel().run(city.with_tables(surface_light=light.assign(lit_area_m2=walls)))
    models, before = terraced.tables["thermal_models"], result.tables["thermal_models"]
    assert_allclose(models["wall_area_m2"], 0.5 * before["wall_area_m2"])
    assert_allclose(models["window_area_m2"], 0.5 * before["window_area_m2"])
    assert total(terraced, "heating_kwh") < 0.9 * total(result, "heating_kwh")


def test_homes_that_stand_empty_are_heated_less(city, result):
    people = city["buildings"]["residents"] * 0.5
    after = HeatModel().run(city.with_tables(buildings=city["buildings"].assign(residents=people.astype("int64"))))
    homes = (city["buildings"]["dwellings"] > 0).to_numpy()
    share = after.tables["thermal_models"]["heated_share"] / result.tables["thermal_models"]["heated_share"]
    assert (share[homes] < 0.65).all()
    assert_allclose(share[~homes], 1.0)


def test_a_city_without_buildings_has_no_energy(city):
    none = city.with_tables(buildings=city["buildings"].iloc[:0], surface_light=city["surface_light"].iloc[:0])
    empty = HeatModel().run(none)
    assert not len(empty.tables["buildings"])
    assert empty.diagnostics["electricity_kwh"] == 0.0


def calibration_file(folder, text):
    path = folder / "energy.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_calibration_meets_measured_energy_and_says_how(city, result, tmp_path):
    electricity, gas = 1.3 * total(result, "electricity_kwh"), 0.8 * total(result, "gas_kwh")
    text = f"area,carrier,measured_kwh\ncity,electricity,{electricity}\ncity,gas,{gas}\n"
    after = HeatModel(HeatParams(calibration=calibration_file(tmp_path, text))).run(city)
    said = after.tables["calibration"].set_index("carrier")
    assert_allclose(said["after_kwh"], said["measured_kwh"], rtol=0.006)
    assert said.loc["electricity", "quantity"] == "appliances and lighting" and said.loc["electricity", "change"] > 1.2
    assert said.loc["gas", "quantity"] == "heating set point" and -4.0 < said.loc["gas", "change"] < -0.3
    assert_allclose(total(after, "gas_kwh"), gas, rtol=0.006)
    assert after.diagnostics["calibrated"] == 2
    assert not len(result.tables["calibration"])


def test_calibration_of_a_feeder_or_ward_leaves_the_others_alone(city, result, tmp_path):
    ids = city["buildings"].index[:2]
    before = result.tables["buildings"]["electricity_kwh"]
    lines = f"feeder 7,electricity,{1.2 * before.loc[ids].sum()},{ids[0]};{ids[1]}\n"
    text = "area,carrier,measured_kwh,building_ids\n" + lines
    after = HeatModel(HeatParams(calibration=calibration_file(tmp_path, text))).run(city)
    ratio = after.tables["buildings"]["electricity_kwh"] / before
    assert_allclose(ratio.loc[ids].mean(), 1.2, rtol=0.1)
    assert_allclose(ratio.drop(ids), 1.0)
    ward = "area,carrier,measured_kwh\nPhường Nam,electricity,1000000\n"
    said = HeatModel(HeatParams(calibration=calibration_file(tmp_path, ward))).run(city).tables["calibration"]
    assert said["area"].tolist() == ["Phường Nam"]


def test_every_fault_of_a_file_of_calibration_is_named(city, tmp_path):
    text = "area,carrier,measured_kwh\nMoon,gas,5\ncity,steam,5\ncity,gas,none\n"
    with pytest.raises(InputError) as raised:
        HeatModel(HeatParams(calibration=calibration_file(tmp_path, text))).run(city)
    said = str(raised.value)
    assert "Moon" in said and "steam" in said and "none" in said
    with pytest.raises(InputError, match="area, carrier, measured_kwh"):
        HeatModel(HeatParams(calibration=calibration_file(tmp_path, "a,b\n1,2\n"))).run(city)


# --- archetypes and schedules


@pytest.mark.parametrize("country", ["fr", "vn"])
def test_every_function_has_an_archetype_and_every_figure_a_source(country):
    data = place.load(country, "archetypes")
    known = archetypes(country)
    functions = np.array(FUNCTIONS, dtype=object)
    found = known.chosen(functions, np.full(len(functions), 4.0))
    named = [data["archetype"][known.names[i]]["functions"] for i in found]
    assert all(function in names for function, names in zip(functions, named, strict=True))
    parts = [
        data[name] for name in ("people", "air", "hot_water", "envelope_common", "cooling", "heating", "efficiency")
    ]
    for part in (*parts, *data["archetype"].values(), *data["systems"].values(), *data["schedule"].values()):
        assert part["source"] and "verified" in part
    for shares in data["systems"].values():
        assert sum(value for value in shares.values() if isinstance(value, float)) == pytest.approx(
            1.0 if len(shares) > 2 else 0.0
        )


def test_storeys_tell_walk_ups_from_towers_in_vietnam():
    known = archetypes("vn")
    chosen = known.chosen(
        np.array(["apartments", "apartments", "residential", "mixed", "castle"]), np.array([5.0, 25, 4, 4, 1])
    )
    names = [known.names[i] for i in chosen]
    assert names == ["walk_up", "apartment_tower", "tube_house", "shophouse", "annexe"]


def test_the_skin_follows_the_year_of_construction():
    known = archetypes("fr")
    house = known.chosen(np.array(["residential"] * 4), np.full(4, 2.0))
    walls = known.envelope(house, np.array([1900.0, 1974.0, 1975.0, 2024.0]))["wall"]
    assert walls.tolist() == [1.5, 1.4, 0.8, 0.16]


def test_what_is_drawn_for_a_building_depends_on_its_id_alone():
    ids = np.arange(20_000)
    values = drawn(ids, 1)
    assert_allclose(drawn(ids[::-1], 1)[::-1], values)
    assert not np.allclose(drawn(ids, 2), values)
    assert values.min() >= 0.0 and values.max() < 1.0
    assert_allclose(np.histogram(values, 10, (0.0, 1.0))[0] / len(ids), 0.1, atol=0.01)


def test_schedules_follow_local_time_with_summer_time():
    known = archetypes("fr")
    plans = schedules(known, weather_of("Nantes"))
    office, app = known.names.index("office"), PROFILES.index("occupied")
    by_hour = plans.profiles[:, office, app]
    assert plans.hour[0] == 0 and plans.month[0] == 0
    july_monday = slice((181 + 1) * 24, (181 + 2) * 24)  # 2 July 2001, a Monday, from midnight winter time
    assert plans.hour[july_monday][0] == 1
    opens = plans.hour[july_monday][np.flatnonzero(by_hour[july_monday] > 0.4)[0]]
    assert opens == 8
    assert not by_hour[(5 * 24) : (7 * 24)].any()  # the first weekend
    assert_allclose(plans.hot_water.mean(axis=0)[known.names.index("house")], 1.0)
    night = np.isin(plans.hour, [22, 23, 0, 1, 2, 3, 4, 5])
    assert plans.stored[night].mean() > 4.0 * plans.stored[~night].mean()


def test_there_is_no_heating_out_of_season(city, result):
    series = hourly(result.tables["thermal_models"], city["weather"], Light.of(city), ("heating",))["heating"]
    summer = slice(160 * 24, 260 * 24)
    assert not series[:, summer].any()


def test_lamps_give_what_daylight_lacks():
    weather = pd.DataFrame({"ghi_w_m2": [0.0, 50.0, 800.0, np.nan]})
    assert_allclose(lamps(weather, np.array([0.02]))[0], [1.0, 1.0 - 0.02 * 50.0 * 120.0 / 200.0, 0.0, 1.0])


# --- machines, moisture, zones


def test_machines_have_their_rating_at_rated_conditions_and_less_in_the_heat():
    data = place.load("vn", "archetypes")["cooling"]
    outdoors_c = np.array([35.0, 25.0, 45.0])
    full = carriers.cooling_cop(data, np.array([3.2]), outdoors_c, np.ones((1, 3), dtype=np.float32))[0]
    assert_allclose(full, [3.2, 3.2 * 1.25, 3.2 * 0.75], rtol=1e-6)
    part = carriers.cooling_cop(data, np.array([3.2]), np.array([35.0, 35.0]), np.array([[0.45, 0.05]], np.float32))[0]
    assert part[0] > 3.2 > part[1]
    assert carriers.cooling_cop(data, np.array([1.0]), outdoors_c, np.ones((1, 3), np.float32)).min() == 1.5
    heat = carriers.heating_cop(place.load("fr", "archetypes")["heat_pump"], np.array([7.0, -30.0, 12.0]))
    assert_allclose(heat, [3.1, 1.5, 3.4])


def test_moist_air_is_that_of_the_tables():
    assert_allclose(saturated(20.0), 0.0147, rtol=0.005)  # ASHRAE Handbook Fundamentals, psychrometric tables
    assert coil_temperature_c([0.7])[0] < coil_temperature_c([0.8])[0]


def test_the_weather_gives_what_it_knows_and_usual_values_else():
    weather = weather_of("Nantes").iloc[:48]
    series = outdoors(weather)
    assert_allclose(series.air_c + series.ground_k, ground_c(series.air_c))
    assert (series.sky_k > 0.0).mean() > 0.95
    bare = outdoors(weather[["time", "air_temperature_c"]])
    assert_allclose(bare.sky_k, 11.0)
    assert_allclose(bare.moisture, 0.75 * saturated(bare.air_c))


def test_the_ground_follows_late_and_weakly():
    air = 12.0 - 8.0 * np.cos(2.0 * np.pi * np.arange(8760) / 8760.0)
    ground = ground_c(air)
    assert ground.mean() == pytest.approx(12.0)
    assert np.ptp(ground) == pytest.approx(0.35 * 16.0, rel=1e-3)
    assert (np.argmax(ground) - np.argmax(air)) == pytest.approx(30 * 24, abs=2)


def test_walls_lead_to_the_mass_behind_as_the_standard_has_it():
    u = np.array([0.2, 1.0, 2.5])
    assert_allclose(1.0 / (1.0 / outer(u) + 1.0 / 9.1), u)  # ISO 13790, eq. 64


def test_a_building_with_some_cooled_rooms_is_two_zones_that_make_it_up(result):
    table = result.tables["thermal_models"].assign(cooled_share=[0.0, 1.0, 0.25, 0.5, 0.0, 0.0, 0.0, 0.0])
    rows = zone_rows(table)
    assert len(rows.zones) == 10
    assert_allclose(np.bincount(rows.building, rows.share), 1.0)
    assert rows.building[8:].tolist() == [2, 3] and rows.share[8:].tolist() == [0.25, 0.5]
    assert rows.cooled.tolist() == [False, True, *[False] * 6, True, True]
    assert (rows.zones.cool_set_c[~rows.cooled] > 100.0).all()
    assert_allclose(rows.zones.C_2[2] + rows.zones.C_2[8], table["interior_mass_j_k"].iloc[2])
    alone = rows.zones.H_w[8] - 0.25 * table["window_u_w_m2_k"].iloc[2] * table["window_area_m2"].iloc[2]
    assert alone == pytest.approx(0.25 * table["room_exchange_w_k"].iloc[2])  # cooled rooms lose to the others


def test_dark_roofs_take_up_more_sun(city, result):
    table = result.tables["thermal_models"]
    pale = table.assign(roof_absorptance=0.2)
    assert_allclose(sun_weights(pale)["roof"] / sun_weights(table)["roof"], 0.2 / 0.85)
    series = [
        hourly(one.assign(cooled_share=1.0), city["weather"], Light.of(city), ("cooling",))["cooling"].sum()
        for one in (table, pale)
    ]
    assert series[1] < 0.97 * series[0]


def test_all_series_are_on_offer(city, result):
    series = hourly(result.tables["thermal_models"].iloc[:1], city["weather"], Light.of(city))
    assert set(series) == set(SERIES)
    assert all(np.isfinite(values).all() for values in series.values())
    assert (series["cooling"] >= series["cooling_sensible"]).all()
    assert series["room_c"].min() > 5.0 and series["room_c"].max() < 45.0


def test_indicators_of_energy_are_what_a_hand_reckons(city, result):
    from dothi.indicators import KPIS
    from dothi.kpi import Evidence

    evidence = Evidence(city, {"heat": result})
    b, stock = result.tables["buildings"], city["buildings"]
    people = stock["residents"].sum()
    homes = (stock["function"] == "residential").to_numpy()
    assert KPIS["ENV-11"].value(evidence) == pytest.approx(b["electricity_kwh"].sum() / people)
    warmth = (b["heating_kwh"] + b["cooling_kwh"])[homes].sum() * 3.6e-3
    assert KPIS["ENV-12"].value(evidence) == pytest.approx(warmth / stock["residents"][homes].sum())
    bought = b[["electricity_kwh", "gas_kwh", "oil_kwh", "wood_kwh", "district_kwh"]].sum(axis=1)
    assert KPIS["ENV-13"].value(evidence) == pytest.approx(bought.sum() / stock["floor_area_m2"].sum())
    hot = (b["hot_h"] >= 200.0).to_numpy()
    assert KPIS["LIV-30"].value(evidence) == pytest.approx(100.0 * stock["residents"][hot].sum() / people)
    assert KPIS["ENV-11"].value(Evidence(city, {})) is None


def test_hours_are_rebuilt_from_a_result_that_was_kept(city, result, tmp_path):
    from dothi.store import Store

    kept = Store(tmp_path).keep("heat", "0" * 64, result, {}, 1.0).result()
    few = kept.tables["thermal_models"].iloc[:2]
    series = hourly(few, city["weather"], Light.of(city), ("electricity",))["electricity"]
    again = hourly(result.tables["thermal_models"].iloc[:2], city["weather"], Light.of(city), ("electricity",))
    assert_allclose(series, again["electricity"])
    assert loads_from(city, kept)["building_loads"].index.equals(loads_from(city, result)["building_loads"].index)
