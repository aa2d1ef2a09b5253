"""Power flow of a year: what it obeys, what changes do to it, who is dark."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from dothi.changes import CHANGES
from dothi.city import City
from dothi.errors import InputError, Problems
from dothi.indicators import KPIS
from dothi.kpi import Evidence
from dothi.packed import packed, unpacked
from dothi.power import vehicles
from dothi.power.flow import blocked, power_flow
from dothi.power.loads import node_loads
from dothi.power.meshed import Meshed
from dothi.power.model import PowerModel, PowerParams
from dothi.power.network import network_of
from dothi.power.outage import switched_off
from dothi.verify.power import grid, made_up, solved, transformer_table

sys.path.insert(0, str(Path(__file__).parent))
from _grid import CRS, grid_of_town, town

HOURS = 48


@cache
def city(scale: float = 1.0) -> City:
    """The town with its made-up grid and two days of loads: homes in the evening, the factory by day."""
    _, houses = town()
    tables = {**grid_of_town()[0], "buildings": houses.assign(residents=houses["dwellings"] * 2)}
    bare = City("Town", "fr", CRS, (0.0, 0.0, 600.0, 600.0), {})
    times = pd.date_range("2001-01-01", periods=HOURS, freq="h", tz="UTC")
    weather = pd.DataFrame({"time": times, "air_temperature_c": 5.0, "method": "typical"})
    hour = np.arange(HOURS) % 24
    evening = 0.3 + np.exp(-(((hour - 18) / 2.5) ** 2))
    watts = np.where(houses["dwellings"] > 0, houses["dwellings"] * 1500.0, 300e3).astype(float) * scale
    power = (watts[:, None] * evening).astype(np.float32)
    loads = pd.DataFrame({"electricity": packed(power, houses.index)}, index=houses.index)
    return bare.with_tables(**tables, weather=weather, building_loads=loads)


@cache
def result(scale: float = 1.0):
    return PowerModel().run(city(scale))


def changed(kind: str, **values) -> City:
    problems = Problems()
    change = CHANGES[kind].model_validate({"kind": kind, **values})
    found = change.apply(city(), problems)
    problems.raise_errors()
    return found


def test_energy_that_comes_in_is_what_is_taken_and_lost():
    said = result().diagnostics
    assert abs(said["balance_error"]) < 1e-6
    assert 0.0 < said["loss_share"] < 0.05
    assert said["unsolved_h"] == said["nodes_without_supply"] - 1 == 0, "all but the node above the substation"
    parts = said["energy_mwh"]
    assert_allclose(said["taken_mwh"], parts["buildings"] + parts["vehicles"] - parts["generation"], rtol=1e-5)


def test_results_have_the_columns_that_were_declared():
    for name, table in result().tables.items():
        assert set(table.columns) == set(PowerModel.outputs[name])
        assert table.index.equals(city()[name].index)


def test_losses_of_lines_and_transformers_are_those_of_the_balance():
    tables, said = result().tables, result().diagnostics
    rated = city()["transformers"]["rating_kva"] < 2000.0  # those of the substation lie outside the balance
    total = tables["grid_lines"]["loss_mwh"].sum() + tables["transformers"]["loss_mwh"][rated].sum()
    assert_allclose(total, said["lost_mwh"], rtol=0.05)  # iron counts at nominal voltage in the table


def test_power_of_transformers_is_kept_by_the_hour():
    table = result().tables["transformers"]
    power = unpacked(table["power"].dropna(), np.float32)
    assert power.shape == (len(table), HOURS)
    assert_allclose(power.max(axis=1), table["peak_kva"], rtol=1e-6)
    substation = (city()["transformers"]["rating_kva"] > 2000.0).to_numpy()
    assert_allclose(power[substation].sum(axis=0), power[~substation].sum(axis=0), rtol=0.5)


def test_more_load_means_lower_voltages_higher_currents_and_more_loss():
    light, heavy = result(0.5).tables, result(1.5).tables
    known = light["grid_nodes"]["lowest_pu"].notna()
    assert (heavy["grid_nodes"]["lowest_pu"] <= light["grid_nodes"]["lowest_pu"])[known].all()
    closed = ~city()["grid_lines"]["open"]
    assert (heavy["grid_lines"]["peak_a"] >= light["grid_lines"]["peak_a"])[closed].all()
    assert heavy["grid_lines"]["loss_mwh"].sum() > 4.0 * light["grid_lines"]["loss_mwh"].sum()
    small = city()["transformers"]["rating_kva"] < 2000.0
    assert (heavy["transformers"]["hosting_chargers"] <= light["transformers"]["hosting_chargers"])[small].all()


def test_electric_vehicles_load_transformers_in_the_evening():
    before = result().tables["transformers"]
    after = PowerModel().run(changed("electric_vehicles", car_share=1.0)).tables["transformers"]
    small = city()["transformers"]["rating_kva"] < 2000.0
    assert (after["peak_kva"] > before["peak_kva"])[small].any()
    assert (after["peak_kva"] >= before["peak_kva"] * (1 - 1e-6))[small].all()
    assert after["energy_mwh"].sum() > before["energy_mwh"].sum()
    without = PowerModel(PowerParams(vehicles=False)).run(city()).tables["transformers"]
    assert without["energy_mwh"].sum() < before["energy_mwh"].sum()


def test_solar_modules_lift_voltages_and_relieve_transformers_at_noon():
    houses = city()["buildings"]
    noon = np.exp(-(((np.arange(HOURS) % 24 - 12) / 3.0) ** 2))
    power = (np.where(houses["dwellings"] > 0, 30e3, 0.0)[:, None] * noon).astype(np.float32)
    generation = pd.DataFrame({"generation": packed(power, houses.index)}, index=houses.index)
    after = PowerModel().run(city().with_tables(building_generation=generation))
    assert after.diagnostics["energy_mwh"]["generation"] > 1.0
    assert abs(after.diagnostics["balance_error"]) < 1e-6
    assert after.tables["grid_nodes"]["highest_pu"].max() > result().tables["grid_nodes"]["highest_pu"].max() + 1e-3
    assert after.tables["transformers"]["energy_mwh"].sum() < result().tables["transformers"]["energy_mwh"].sum()
    hosting = "hosting_pv_kw"
    assert after.tables["transformers"][hosting].sum() < result().tables["transformers"][hosting].sum()


def test_a_larger_transformer_is_loaded_less_and_hosts_more():
    before = result().tables["transformers"]
    name = int(before["peak_loading_pct"][city()["transformers"]["rating_kva"] < 2000.0].idxmax())
    larger = changed("edit_transformer", transformers=[name], rating_kva=2000.0)
    after = PowerModel().run(larger).tables["transformers"]
    assert after["peak_loading_pct"][name] < before["peak_loading_pct"][name] / 1.5
    assert after["lowest_pu"][name] > before["lowest_pu"][name]
    assert after["hosting_pv_kw"][name] >= before["hosting_pv_kw"][name]


def test_what_an_area_hosts_is_where_its_limits_begin():
    """At the power that was found all limits hold, a hundredth above it one is broken."""
    table, data = result().tables["transformers"], city()
    name = int(table["hosting_pv_kw"].idxmax())
    serving = data["grid_connections"]
    mine = serving[serving["transformer_id"] == name]
    share = mine["customers"] / mine["customers"].sum()
    hour, worst = np.arange(HOURS) % 24, {}
    for factor in (0.97, 1.03):
        watts = table["hosting_pv_kw"][name] * 1e3 * 0.85 * factor * share.to_numpy()
        power = (watts[:, None] * ((hour >= 9) & (hour < 15))).astype(np.float32)
        index = pd.Index(mine["building_id"], name="building_id")
        generation = pd.DataFrame({"generation": packed(power, index)}, index=index)
        after = PowerModel(PowerParams(hosting=False)).run(data.with_tables(building_generation=generation)).tables
        lines = data["grid_lines"].index[data["grid_lines"]["to_grid_node_id"].isin(mine["grid_node_id"])]
        worst[factor] = max(
            after["transformers"]["peak_loading_pct"][name] / 100.0,
            after["grid_lines"]["peak_loading_pct"][lines].max() / 100.0,
            (after["transformers"]["highest_pu"][name] - 1.0) / 0.1,
        )
    assert worst[0.97] <= 1.01 <= worst[1.03] + 0.03


def test_so_many_chargers_take_the_power_they_were_counted_for():
    n = np.array([1.0, 10.0, 200.0])
    power = n * 7.4 * (0.12 + 0.88 / np.sqrt(n))
    assert_allclose(vehicles.chargers(power, 7.4, 0.12), n)


def test_vehicles_take_in_a_day_what_they_drive():
    data = {"car_hours": [1.0] * 12 + [3.0] * 12}
    profile = vehicles.profile("car", data, np.arange(24))
    assert_allclose(profile.sum(), 1000.0)
    assert_allclose(profile[12] / profile[0], 3.0)


def test_clocks_of_the_country_say_when_vehicles_charge():
    times = pd.Series(pd.date_range("2001-07-01 22:00", periods=2, freq="h", tz="UTC"))
    assert list(vehicles.local_hours(times, "Europe/Paris")) == [0, 1]
    assert list(vehicles.local_hours(times.dt.tz_localize(None), "Asia/Ho_Chi_Minh")) == [5, 6]


def test_a_flooded_transformer_is_off_and_no_other():
    tables = grid_of_town()[0]
    transformers, connections = tables["transformers"], tables["grid_connections"]
    name = int(connections["transformer_id"].dropna().iloc[0])
    dark = switched_off(city(), pd.Series({name: 0.5}))
    mine = set(connections["building_id"][connections["transformer_id"] == name])
    assert dark.switched_off == (name,)
    assert set(dark.buildings) == mine
    dry = switched_off(city(), pd.Series({name: 0.1}))
    assert not dry.buildings, "it stands 0.2 m above ground"
    raised = city().with_tables(transformers=transformers.assign(raised_m=1.0))
    assert not switched_off(raised, pd.Series({name: 0.5})).buildings


def test_with_the_substation_flooded_all_are_dark():
    transformers = city()["transformers"]
    depth = (transformers["rating_kva"] > 2000.0) * 2.0
    assert set(switched_off(city(), depth).buildings) == set(city()["grid_connections"]["building_id"])


def test_stations_between_two_flooded_ones_of_a_ring_are_dark():
    nodes, lines, _ = grid(
        20e3, [[0, 1], [1, 2], [2, 3], [3, 0]], np.full(4, 0.1 + 0.1j), nominal=[20e3] * 4 + [400.0] * 3
    )
    lines["open"] = [False, True, False, False]
    table = transformer_table([1, 2, 3], [4, 5, 6]).assign(raised_m=0.2)
    from dothi.power.outage import _fed

    assert list(_fed(nodes, lines, table, np.array([True, False, False]))[4:]) == [False, True, True]
    assert list(_fed(nodes, lines, table, np.array([True, False, True]))[4:]) == [False, False, False]


def test_outages_of_a_building_are_fewer_nearer_to_the_substation_and_never_none():
    table = result().tables["buildings"]
    assert (table["outage_h"].dropna() > 0.0).all()
    assert result().diagnostics["saidi_h"] == pytest.approx(
        np.average(
            table["outage_h"].dropna(), weights=city()["grid_connections"].set_index("building_id")["customers"]
        ),
        rel=1e-6,
    )


def test_every_feeder_is_fed_from_elsewhere_when_its_first_line_fails():
    feeders = result().diagnostics["feeders"]
    assert feeders["all"] == feeders["fed_from_elsewhere"] >= 1
    loading = result().tables["grid_lines"]["backup_loading_pct"].dropna()
    assert len(loading)
    assert (loading > 0.0).all()


def test_buildings_without_connection_are_attached_to_the_nearest_node():
    fewer = city().with_tables(grid_connections=city()["grid_connections"].iloc[3:])
    loads = node_loads(fewer, 0.95)
    assert loads.attached == 3
    assert_allclose(loads.energy_mwh["buildings"], node_loads(city(), 0.95).energy_mwh["buildings"])


def test_loads_of_another_length_than_the_weather_are_refused():
    short = city().with_tables(weather=city()["weather"].iloc[:-1])
    with pytest.raises(InputError, match="has 47 hours, as the weather"):
        PowerModel().run(short)


def test_a_city_without_a_grid_is_told_how_to_have_one():
    bare = replace(city(), tables={name: city()[name] for name in ("buildings", "weather", "building_loads")})
    with pytest.raises(InputError, match="synthetic_grid"):
        PowerModel().run(bare)


def test_indicators_say_how_strained_the_grid_is_and_how_long_it_fails():
    def value(name: str, scale: float) -> float:
        return KPIS[name].value(Evidence(city(scale), {"power": result(scale)}))

    assert value("ENV-26", 0.5) == 0.0
    assert 0.0 < value("ENV-26", 1.5) <= 100.0
    hours = result().tables["buildings"]["outage_h"]
    assert hours.min() < value("LIV-13", 1.0) < hours.max()
    assert KPIS["LIV-13"].value(Evidence(city(), {})) is None


# --- the kernel ---------------------------------------------------------------------------------------------------


def test_currents_and_voltages_are_those_of_power_grid_model_with_loops_taps_and_charging():
    tables, at, p, q = made_up(5, loops=2)
    nodes, lines, transformers = tables
    transformers["tap_ratio"] = np.linspace(0.95, 1.05, len(transformers))
    network = network_of(nodes, lines, transformers)
    flow = power_flow(network, at, blocked(p), blocked(q), p.shape[1])
    peer = Meshed(nodes, lines, transformers, at).power_flow(p.T, q.T, tolerance=1e-12)
    assert_allclose(flow.low_pu, peer["node"]["u_pu"].min(axis=0)[network.nodes], atol=1e-8)
    assert flow.sweeps <= 12, "with the impedances around the loops they close as fast as the trees"
    branches = network.branches
    base = 1e6 / np.sqrt(3.0) / nodes["nominal_v"].to_numpy()[branches.other]
    mine = network.below >= 0
    share = flow.most[np.maximum(network.below, 0)] * network.share
    mine &= ~branches.is_transformer
    here = np.fmin(np.abs(peer["line"]["i_from"]), np.abs(peer["line"]["i_to"])).max(axis=0)[branches.row]
    assert_allclose(
        (share * base)[mine], here[mine], rtol=0.02, atol=0.6
    )  # series current, without what charges the ends
    looped = network.loop >= 0
    assert looped.sum() == 2
    assert_allclose((flow.loop_most[network.loop[looped]] * base[looped]), here[looped], rtol=0.02, atol=0.6)


def test_apparent_power_of_transformers_is_that_of_power_grid_model():
    tables, at, p, q = made_up(6)
    network = network_of(*tables)
    flow = power_flow(network, at, blocked(p), blocked(q), p.shape[1])
    peer = Meshed(*tables, at).power_flow(p.T, q.T, tolerance=1e-12)
    order = [
        int(np.flatnonzero(flow.watched == network.below[b])[0])
        for b in np.flatnonzero(network.branches.is_transformer)
    ]
    assert_allclose(
        flow.flow_va[order], peer["transformer"]["s_from"].T, rtol=0.02, atol=600.0
    )  # less half of the iron's
    volt = peer["node"]["u_pu"][:, tables[2]["primary_grid_node_id"]].T
    assert_allclose(flow.volt_pu[order], volt, atol=1e-6)


def test_transformers_side_by_side_share_the_current():
    tables = grid(20e3, np.empty((0, 2)), np.empty(0, dtype=complex), nominal=[20e3, 400.0])
    two = transformer_table([0, 0], [1, 1])
    network, flow = solved((*tables[:2], two), [1], [500e3], [100e3])
    assert_allclose(network.share, 0.5)
    peer = Meshed(*tables[:2], two, np.array([1])).power_flow(np.array([[500e3]]), np.array([[100e3]]), tolerance=1e-12)
    assert_allclose(flow.low_pu[1], peer["node"]["u_pu"][0, 1], atol=1e-7)
    assert flow.most[1] / network.tree.rating[1] == pytest.approx(peer["transformer"]["loading"][0, 0], rel=0.02)


def test_hours_beyond_bands_and_ratings_are_counted():
    nodes, lines, none = grid(400.0, [[0, 1]], [0.2 + 0.0j])
    lines["rating_a"] = 90.0
    network = network_of(nodes, lines, none)
    p = np.array([[0.0, 20e3, 50e3, 80e3, -60e3, 75e3]])  # 0, 2.6, 6.7, 11.3 % down; 7 % up; 10.5 % down
    flow = power_flow(network, np.array([1]), blocked(p), blocked(0.0 * p), 6, hours=0.5)
    assert flow.outside_h[:, 1].tolist() == [1.0, 2.0]
    assert flow.over_h[1] == 1.0, "80 kW at 355 V are 130 A, 75 kW 121 A; 60 kW at 428 V 81 A, 50 kW 77 A"
    amps = p[0] / np.sqrt(3.0) / 400.0
    each = [power_flow(network, np.array([1]), blocked(p[:, [k]]), blocked(0.0 * p[:, [k]]), 1) for k in range(6)]
    assert_allclose(flow.lost_wh[1], sum(hour.lost_wh[1] for hour in each) / 2.0, rtol=1e-6)
    assert_allclose(flow.most[1] * 1e6 / np.sqrt(3.0) / 400.0, amps.max() / flow.low_pu[1], rtol=1e-6)


def test_a_load_beyond_what_a_line_can_carry_is_told_and_spoils_no_other_hour():
    tables = grid(400.0, [[0, 1]], [0.2 + 0.1j])
    network = network_of(*tables)
    p = np.full((1, 200), 20e3)  # several blocks for every part of the time
    p[0, :3] = 50e3, 5e6, 50e3
    flow = power_flow(network, np.array([1]), blocked(p), blocked(0.0 * p), 200)
    assert flow.solved.tolist() == [True, False, *[True] * 198]
    alone = solved(tables, [1], [50e3], [0.0])[1]
    assert_allclose(flow.low_pu, alone.low_pu, atol=1e-8)


def test_hours_that_fill_a_block_up_count_for_nothing():
    network = network_of(*grid(400.0, [[0, 1]], [0.2 + 0.1j]))
    fed, taken = (np.full((1, 3), watts) for watts in (-50e3, 50e3))
    up, down = (power_flow(network, np.array([1]), blocked(p), blocked(0.0 * p), 3) for p in (fed, taken))
    assert up.low_pu[1] > 1.05
    assert down.high_pu[1] < 0.95
    assert up.supplied_w.shape == up.supplied_var.shape == (1, 3)


def test_the_voltage_of_the_root_is_the_one_that_is_held():
    _, flow = solved(grid(400.0, [[0, 1]], [0.1 + 0.1j], held=1.04), [1], [0.0], [0.0])
    assert_allclose(flow.low_pu, 1.04)


def test_between_two_held_voltages_lies_their_mean():
    nodes, lines, none = grid(400.0, [[0, 2], [2, 1]], [0.1 + 0.1j] * 2)
    nodes.loc[1, "held_pu"] = 1.02
    _, flow = solved((nodes, lines, none), [2], [0.0], [0.0])
    assert_allclose(np.sort(flow.low_pu), [1.0, 1.01, 1.02], atol=1e-9)
    amps = 0.02 * 400.0 / abs(0.2 + 0.2j)
    assert_allclose(flow.loop_most * 1e6 / 400.0, amps, rtol=1e-6)


def test_open_lines_and_nodes_beyond_them_are_without_supply():
    nodes, lines, none = grid(400.0, [[0, 1], [1, 2]], [0.1 + 0.1j] * 2)
    lines["open"] = [False, True]
    network = network_of(nodes, lines, none)
    assert network.place.tolist() == [0, 1, -1]
    flow = power_flow(network, np.array([1, 2]), blocked(np.full((2, 1), 1e3)), blocked(np.zeros((2, 1))), 1)
    assert_allclose(flow.supplied_w[0, 0], 1e3, rtol=1e-3)


def test_a_short_circuit_is_what_the_impedance_lets_through():
    nodes, lines, none = grid(400.0, [[0, 1]], [0.05 + 0.02j])
    peer = Meshed(nodes, lines, none, np.array([1]))
    expected = (
        1.05 * 400.0 / np.sqrt(3.0) / abs(0.05 + 0.02j)
    )  # voltage factor of low voltage in power-grid-model: 1.05 or 1.1
    assert peer.short_circuit(1) == pytest.approx(expected, rel=0.06)
