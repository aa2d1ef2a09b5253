"""Road noise: emission, hours, receivers, people, and the model on a little town."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi import place
from dothi.errors import InputError
from dothi.indicators import KPIS
from dothi.kpi import Evidence
from dothi.model import require
from dothi.noise import levels
from dothi.noise.emission import Road, line_power, values, vehicle_power
from dothi.noise.model import NoiseModel, NoiseParams
from dothi.noise.receivers import facades, over_ground
from dothi.noise.traffic import KINDS, roads

FAST = {"facade_m": 50.0, "grid_m": 50.0, "reach_m": 150.0, "corner_reach_m": 0.0}


def flows(city, links=None, **volumes):
    """City with one flow all day, by kind, at 36 km/h, on some links."""
    links = city["links"].index if links is None else links
    columns = {"link_id": links, "period": "day", "hours_h": 24.0, "from_h": 0.0, "to_h": 24.0}
    columns |= {f"volume_{kind}_veh_h": float(volumes.get(kind, 0.0)) for kind in KINDS}
    columns |= {f"speed_{kind}_m_s": 10.0 for kind in KINDS}
    return city.with_tables(link_flows=pd.DataFrame(columns))


def power_of(city, **more):
    parts = levels.periods(place.load(city.country, "noise")["periods"])
    return roads(city, parts, more.get("surface", "reference"), more.get("temperature_c", 20.0))


def test_a_vehicle_at_reference_speed_has_the_powers_of_the_table():
    vehicle = values()["vehicle"]["light"]
    expected = 10.0 * np.log10(
        10.0 ** (np.array(vehicle["rolling_a"]) / 10.0) + 10.0 ** (np.array(vehicle["propulsion_a"]) / 10.0)
    )
    assert_allclose(vehicle_power(vehicle, "light", np.array([70.0]), Road())[0], expected, atol=1e-12)


def test_motorcycles_make_no_rolling_noise():
    vehicle = values()["vehicle"]["motorcycle"]
    found = vehicle_power(vehicle, "motorcycle", np.array([70.0]), Road(temperature_c=-10.0, slope_pct=10.0))
    assert_allclose(found[0], vehicle["propulsion_a"], atol=1e-12)


def test_a_crawling_vehicle_is_as_loud_as_at_20_km_h_and_longer_there():
    one = {"light": np.array([100.0, 100.0])}
    slow, floor = line_power(one, {"light": np.array([10.0, 20.0])}, Road())
    assert_allclose(slow, 2.0 * floor)


@pytest.mark.parametrize(
    ("kind", "slope", "added"),
    [
        ("light", 12.0, 0.5 * 10.0 / 1.5),
        ("light", -12.0, 6.0),
        ("light", -6.0, 0.0),
        ("medium", 8.0, 4.0),
        ("medium", -8.0, 0.3 * 4.0 / 0.7),
        ("heavy", 8.0, 5.0),
        ("heavy", -8.0, 0.4 * 4.0 / 0.5),
        ("heavy", 20.0, 7.5),
    ],
)
def test_slopes_make_engines_louder(kind, slope, added):
    """Propulsion alone: without the rolling coefficients, at 50 km/h (2.2.13 to 2.2.15)."""
    vehicle = {name: value for name, value in values()["vehicle"][kind].items() if not name.startswith("rolling")}
    flat, steep = (vehicle_power(vehicle, kind, np.array([50.0]), Road(slope_pct=s))[0] for s in (0.0, slope))
    assert_allclose(steep - flat, added, atol=1e-12)


def test_a_porous_surface_swallows_engine_noise_and_a_rough_one_does_not_add_to_it():
    vehicle = {name: value for name, value in values()["vehicle"]["light"].items() if not name.startswith("rolling")}
    for name in ("porous_two_layers", "paving"):
        surface = values()["surface"][name]
        less = vehicle_power(vehicle, "light", np.array([70.0]), Road(surface))[0] - np.array(vehicle["propulsion_a"])
        assert_allclose(less, np.minimum(surface["light"]["alpha"], 0.0), atol=1e-12)


def test_lden_of_a_constant_level_is_higher_by_what_evening_and_night_weigh():
    """6.4 dB for 12, 4 and 8 h with 5 and 10 dB."""
    weights = levels.weights(levels.periods(place.load("fr", "noise")["periods"]))
    assert levels.decibels(np.full(3, 1e6) @ weights) == pytest.approx(60.0 + 6.3954, abs=1e-3)


def test_hours_over_midnight_are_shared_out():
    night = levels.Period("night", 22.0, 6.0, 10.0, 1.0)
    begin, end = np.array([21.0, 0.0, 22.0, 6.0, 5.0]), np.array([6.0, 24.0, 6.0, 9.0, 7.0])
    assert_allclose(levels.overlap(begin, end, night), [8.0, 8.0, 8.0, 0.0, 1.0])


def test_people_are_harmed_from_the_threshold_on():
    """78.9270 − 3.1162 · 65 + 0.0342 · 65² = 20.87 % (Directive (EU) 2020/367)."""
    found = levels.share_harmed("highly_annoyed", np.array([52.9, 65.0, np.nan]))
    assert_allclose(found, [0.0, 0.20869, 0.0], atol=1e-5)
    assert_allclose(levels.share_harmed("highly_sleep_disturbed", np.array([44.0, 60.0])), [0.0, 0.08776], atol=1e-4)


def test_every_person_counts_in_one_class():
    people, level = np.array([1.0, 2.0, 4.0, 8.0]), np.array([54.9, 55.0, 64.9, 90.0])
    assert list(levels.exposed(people, level, levels.LDEN_CLASSES_DB).values()) == [2.0, 4.0, 0.0, 0.0, 8.0]


def test_free_walls_have_receivers_and_party_walls_have_none():
    pair = np.array([shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10), shapely.Polygon()], dtype=object)
    found = facades(pair, 6.0)
    assert np.bincount(found.building).tolist() == [6, 6]
    assert not np.isclose(found.at[:, 0], 10.0, atol=0.2).any()
    assert shapely.distance(shapely.union_all(pair), shapely.points(found.at)) == pytest.approx(0.1)
    assert np.hypot(*(found.ends[:, 2:] - found.ends[:, :2]).T).max() <= 6.0


def test_a_tiny_building_keeps_its_longest_walls():
    assert len(facades(np.array([shapely.box(0, 0, 2, 1)], dtype=object), 10.0).at) == 2


def test_there_are_no_receivers_under_roofs():
    x, y, at, cell = over_ground((0.0, 0.0, 100.0, 60.0), 20.0, np.array([shapely.box(0, 40, 40, 60)], dtype=object))
    assert (len(x), len(y), len(at)) == (5, 3, 13)
    assert y[0] > y[-1]
    assert_allclose(at, np.column_stack([x[cell % 5], y[cell // 5]]))


def test_both_directions_of_a_street_are_one_source(little_city):
    one, both = (power_of(flows(little_city, links, car=100.0)) for links in ([0], [0, 40]))
    assert little_city["links"]["reverse_link_id"][0] == 40
    assert len(one.lines) == len(both.lines) == 1
    assert_allclose(both.power, 2.0 * one.power)


def test_flows_count_in_the_hours_in_which_they_drive(little_city):
    """A flow from 20 to 24 h lasts for half of the evening and a quarter of the night."""
    city = flows(little_city, [0], car=100.0)
    late = city["link_flows"].assign(from_h=20.0, to_h=24.0, hours_h=4.0)
    found = power_of(city.with_tables(link_flows=late)).power[0].sum(axis=1)
    full = power_of(city).power[0].sum(axis=1)
    assert_allclose(found / full, [0.0, 0.5, 0.25])


def test_a_tunnel_is_not_heard_and_a_bridge_is_heard_from_its_deck(little_city):
    links = little_city["links"]
    city = flows(little_city.with_tables(links=links.assign(tunnel=links.index == 0)), [0], car=100.0)
    assert not len(power_of(city).lines)
    city = flows(little_city.with_tables(links=links.assign(bridge=links.index == 0)), [0], car=100.0)
    assert_allclose(power_of(city).deck_m, [[10.0, 10.0]])


def test_a_slope_is_that_of_the_direction_of_travel(little_city):
    nodes = little_city["nodes"].copy()
    nodes["elevation_m"] = 10.0 + 0.1 * (nodes.geometry.x - nodes.geometry.x.min())  # 10 %, eastwards
    city = little_city.with_tables(nodes=nodes)
    up, down = (power_of(flows(city, [link], truck=100.0)).power.sum() for link in (0, 40))
    assert up > 1.2 * down


def alone(kind):
    """A-weighted power of 100 vehicles of a kind per hour at 36 km/h on a level road, by the shares of France."""
    shares = place.load("fr", "noise")["vehicles"][kind]
    volumes = {name: np.array([100.0 * share]) for name, share in shares.items()}
    power = line_power(volumes, {name: np.array([36.0]) for name in volumes}, Road(values()["surface"]["reference"]))
    return power[0] * 10.0 ** (np.array(values()["a_weighting_db"]["bands"]) / 10.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_road_has_the_weighted_power_of_its_flow_in_every_period(little_city, kind):
    city = flows(replace(little_city, country="fr"), [0], **{kind: 100.0})
    assert_allclose(power_of(city).power[0], np.tile(alone(kind), (3, 1)), rtol=1e-9)


def test_flows_on_one_link_add_up(little_city):
    once = flows(little_city, [0], car=100.0)
    twice = pd.concat([once["link_flows"]] * 2, ignore_index=True)
    assert_allclose(power_of(once.with_tables(link_flows=twice)).power, 2.0 * power_of(once).power)


def test_flows_without_hours_of_the_day_are_spread_over_it(little_city):
    city = flows(little_city, [0], car=100.0)
    table, full = city["link_flows"].assign(hours_h=6.0), power_of(city).power
    for spread in (table.drop(columns=["from_h", "to_h"]), table.assign(from_h=np.nan), table.assign(to_h=np.nan)):
        assert_allclose(power_of(city.with_tables(link_flows=spread)).power, 0.25 * full)


def test_a_very_short_link_is_no_steeper_than_over_20_m(little_city):
    nodes = little_city["nodes"].copy()
    nodes["elevation_m"] = 10.0 + 0.1 * (nodes.geometry.x - nodes.geometry.x.min())
    found = []
    for length in (0.5, 20.0):
        links = little_city["links"].assign(length_m=length)
        found.append(power_of(flows(little_city.with_tables(nodes=nodes, links=links), [0], truck=100.0)).power)
    assert_allclose(found[0], found[1])


@pytest.fixture(scope="module")
def loud_town(little_city):
    return flows(little_city, car=200.0, motorbike=50.0, bus=5.0, truck=5.0)


@pytest.fixture(scope="module")
def heard(loud_town):
    require(loud_town, NoiseModel)
    return NoiseModel(NoiseParams(**FAST)).run(loud_town)


def test_the_model_gives_what_it_declares(loud_town, heard):
    table = heard.tables["buildings"]
    assert table.index.equals(loud_town["buildings"].index)
    assert table["noise_lden_db"].between(40.0, 80.0).all()
    assert isinstance(heard.tables["facade_noise"], gpd.GeoDataFrame)
    assert set(heard.tables["facade_noise"]) == set(NoiseModel.outputs["facade_noise"])
    field = heard.fields["noise_lden_db"]
    assert field.dims == ("y", "x")
    assert field.attrs["units"] == "dB"


def test_a_building_has_the_level_of_its_loudest_facade(heard):
    fronts = heard.tables["facade_noise"].groupby("building_id")
    for column in ("lden_db", "lnight_db"):
        assert_allclose(heard.tables["buildings"][f"noise_{column}"], fronts[column].max())


def test_constant_traffic_is_6_4_db_louder_in_lden_than_at_night_but_for_the_weather(heard):
    """Favourable conditions last half of the day and all of the night, which is why the difference is smaller."""
    gap = heard.tables["buildings"]["noise_lden_db"] - heard.tables["buildings"]["noise_lnight_db"]
    assert gap.between(5.0, 6.4).all()


def test_ten_times_the_traffic_is_10_db_louder(loud_town, heard):
    more = loud_town["link_flows"].copy()
    for kind in KINDS:
        more[f"volume_{kind}_veh_h"] *= 10.0
    louder = NoiseModel(NoiseParams(**FAST)).run(loud_town.with_tables(link_flows=more))
    gap = louder.tables["buildings"]["noise_lden_db"] - heard.tables["buildings"]["noise_lden_db"]
    assert_allclose(gap, 10.0, atol=0.3)


def test_motorbikes_alone_are_heard(loud_town):
    found = NoiseModel(NoiseParams(**FAST)).run(flows(loud_town, motorbike=100.0))
    assert (found.tables["buildings"]["noise_lden_db"] > 50.0).all()


def test_without_traffic_it_is_as_quiet_as_is_told_apart(loud_town):
    found = NoiseModel(NoiseParams(**FAST)).run(flows(loud_town))
    assert (found.tables["buildings"]["noise_lden_db"] == levels.QUIETEST_DB).all()
    assert found.diagnostics["share_lden_55_db"] == 0.0


def without_terrain(city):
    return replace(city, rasters={name: city.rasters[name] for name in city.rasters if name != "terrain"})


@pytest.fixture(scope="module")
def heard_on_a_plain(loud_town):
    """Noise of the town on a terrain of 10 m all over, which is the level of its buildings and streets."""
    terrain = loud_town.rasters["terrain"]
    plain = loud_town.with_rasters(terrain=terrain.copy(data=np.full(terrain.shape, 10.0)))
    return NoiseModel(NoiseParams(**FAST)).run(plain)


def test_without_a_terrain_a_city_lies_on_a_level_plain_and_a_note_says_so(loud_town, heard, heard_on_a_plain):
    bare = without_terrain(loud_town)
    require(bare, NoiseModel)
    found = NoiseModel(NoiseParams(**FAST)).run(bare)
    assert_allclose(found.tables["buildings"], heard_on_a_plain.tables["buildings"], atol=1e-6)
    assert found.diagnostics["notes"] == [
        "no terrain: the city is taken to lie on a level plain, so that no hill screens"
    ]
    assert heard.diagnostics["notes"] == []


def test_buildings_of_unlike_levels_all_stand_on_the_plain(loud_town, heard_on_a_plain):
    """Half of them are told 3 m higher than the streets."""
    buildings = loud_town["buildings"]
    uneven = buildings.assign(ground_m=np.where(np.arange(len(buildings)) % 2, 10.0, 13.0))
    found = NoiseModel(NoiseParams(**FAST)).run(without_terrain(loud_town).with_tables(buildings=uneven))
    assert_allclose(found.tables["buildings"], heard_on_a_plain.tables["buildings"], atol=1e-6)


def test_without_any_level_the_plain_lies_at_0_and_sounds_alike(loud_town, heard_on_a_plain):
    buildings = loud_town["buildings"].assign(ground_m=np.nan)
    nodes = loud_town["nodes"].assign(elevation_m=np.nan)
    bare = without_terrain(loud_town).with_tables(buildings=buildings, nodes=nodes)
    found = NoiseModel(NoiseParams(**FAST)).run(bare)
    assert_allclose(found.tables["buildings"], heard_on_a_plain.tables["buildings"], atol=1e-6)


def test_a_raster_that_a_model_can_do_without_may_be_missing_and_another_one_may_not(loud_town):
    bare = replace(loud_town, rasters={})
    with pytest.raises(InputError) as raised:
        require(bare, NoiseModel)
    assert [problem.table for problem in raised.value.problems] == ["imperviousness"]


def test_a_run_can_be_repeated_to_the_last_digit(loud_town, heard):
    again = NoiseModel(NoiseParams(**FAST)).run(loud_town)
    pd.testing.assert_frame_equal(again.tables["buildings"], heard.tables["buildings"], check_exact=True)


def test_indicators_speak_of_the_people_behind_the_loudest_facades(loud_town, heard):
    evidence = Evidence(loud_town, {"noise": heard})
    people = loud_town["buildings"]["residents"].to_numpy(dtype=float)
    lden = heard.tables["buildings"]["noise_lden_db"].to_numpy()
    assert KPIS["ENV-05"].value(evidence) == pytest.approx(100.0 * people[lden >= 55.0].sum() / people.sum())
    assert KPIS["ENV-05B"].value(evidence) == pytest.approx(100.0 * people[lden >= 65.0].sum() / people.sum())
    annoyed = (people * levels.share_harmed("highly_annoyed", lden)).sum() / people.sum()
    assert KPIS["ENV-05E"].value(evidence) == pytest.approx(100.0 * annoyed)
    assert heard.diagnostics["people_highly_annoyed"] == pytest.approx(annoyed * people.sum())
