"""Traffic of the demo city: totals within bands, and what its scenarios change."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dothi.place import load
from dothi.scenario import TODAY
from dothi.study import Study

CLOSED, WITH_BUSES = "bridge-closed", "bus-instead"
BRIDGE = "PONT GENERAL AUDIBERT"
MODES = ("walk", "bicycle", "motorbike", "car", "transit")


@pytest.fixture(scope="module")
def study(demo):
    return Study.open(demo)


@pytest.fixture(scope="module")
def results(study):
    return {name: study.evidence(name).results["traffic"] for name in (TODAY, CLOSED, WITH_BUSES)}


def test_totals_of_a_day_are_plausible(results):
    found = results[TODAY].diagnostics
    assert found["trips_per_resident"] == pytest.approx(3.5, rel=1e-6)  # 3.5 in 2012, Auran
    assert 0.6 < found["share_external"] < 0.85
    assert 2_000.0 < found["mean_trip_of_residents_m"] < 4_000.0
    assert 600e3 < found["residents"] + found["surroundings"]["residents"] < 760e3  # Nantes Métropole: about 680,000
    car = found["vehicles"]["car"]
    assert 15.0 < car["vehicle_km"] / car["vehicle_h"] < 25.0
    assert 0.05 < car["delay_h"] / car["vehicle_h"] < 0.3
    assert found["unreachable_veh_h"] == 0.0


def test_the_region_travels_by_the_modes_that_were_counted(results):
    found, counted = results[TODAY].diagnostics["shares_of_region"], load("fr", "trips")["shares"]
    assert all(found[mode] == pytest.approx(counted[mode], abs=0.015) for mode in MODES)


def test_residents_of_the_centre_drive_less_and_walk_more_than_those_around(results):
    found = results[TODAY].diagnostics
    assert 0.30 < found["shares_of_residents"]["car"] < found["shares_of_region"]["car"]
    assert 0.55 > found["shares_of_residents"]["walk"] > found["shares_of_region"]["walk"]
    assert found["shares_of_residents"]["transit"] > 0.05


def test_every_equilibrium_is_balanced_and_demand_agrees_with_it(results):
    for result in results.values():
        found = result.diagnostics
        assert all(each["converged"] and each["imbalance_veh_h"] < 1e-6 for each in found["equilibria"].values())
        assert found["feedback_residuals"][-1] <= 1e-3
        assert all(each["residual"] <= 1e-8 for each in found["furness"].values())


def test_a_closed_bridge_sends_cars_over_the_other_bridges_and_makes_their_ways_longer(study, results):
    links = study.city["links"]
    bridges = links[links["bridge"].fillna(value=False).astype(bool) & links["name"].notna()]
    of_name = bridges["name"].astype(str)
    before, after = (
        results[name].tables["links"]["volume_car_veh_h"].reindex(bridges.index).fillna(0.0) for name in (TODAY, CLOSED)
    )
    shut = of_name.str.upper() == BRIDGE
    assert before[shut].max() > 100.0
    assert after[shut].max() == 0.0
    gained = (after[~shut].groupby(of_name[~shut]).max() - before[~shut].groupby(of_name[~shut]).max()).sort_values()
    assert gained.iloc[-1] > 50.0
    trips = results[TODAY].fields["od_peak_veh_h"].sel(mode="car").to_numpy()
    seconds = [results[name].fields["od_peak_time_s"].sel(mode="car").to_numpy() for name in (TODAY, CLOSED)]
    known = np.isfinite(seconds[0]) & np.isfinite(seconds[1])
    mean = [float((trips * np.where(known, each, 0.0)).sum() / trips[known].sum()) for each in seconds]
    assert 1.005 < mean[1] / mean[0] < 1.3


def test_a_bridge_for_buses_and_a_line_over_it_bring_buses_back_and_no_cars(study, results):
    links = study.city["links"]
    bridge = links.index[links["name"].astype(str).str.upper() == BRIDGE]
    flows = results[WITH_BUSES].tables["links"].loc[bridge]
    assert flows["volume_car_veh_h"].fillna(0.0).max() == 0.0
    assert flows["volume_bus_veh_h"].max() >= 10.0  # every five minutes
    told = {name: results[name].diagnostics["shares_of_residents"]["transit"] for name in (CLOSED, WITH_BUSES)}
    assert told[WITH_BUSES] > told[CLOSED]


def test_a_bridge_that_is_closed_makes_again_only_what_reads_links(study):
    records = {
        name: json.loads(study.place.record(name).read_text(encoding="utf-8"))["results"] for name in (TODAY, CLOSED)
    }
    same = {model for model in records[TODAY] if records[TODAY][model] == records[CLOSED][model]}
    assert {"stock", "walk", "transit"} <= same
    assert not {"traffic", "ridership", "emissions"} & same
