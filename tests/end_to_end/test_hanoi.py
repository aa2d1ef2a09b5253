"""A part of Hà Nội as a user makes it: motorbikes, alleys, buses by timetable, and a ban of petrol motorbikes."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import shapely
from click.testing import CliRunner
from numpy.testing import assert_allclose

from dothi.cli import main
from dothi.place import load
from dothi.scenario import TODAY
from dothi.study import Study
from dothi.traffic.habits import PURPOSES

BAN = "petrol-ban"
AREA = ((105.8450, 21.0240), (105.8560, 21.0240), (105.8560, 21.0340), (105.8450, 21.0340))
FILES = {
    "streets.osm": "hanoi/osm/hoankiem.osm",
    "wards.geojson": "vietnam-admin/wards/01_ha_noi_wards.geojson",
    "wards.csv": "vietnam-admin/tables/sapnhap.bando.com.vn_ward_2025-07-17.csv",
    "bus.gtfs.zip": "hanoi/gtfs/hanoi_gtfs_am.zip",
}
STUDY = """\
name = "Hà Nội, Hoàn Kiếm"
country = "vn"
crs = "EPSG:5897"
extent = [587400, 2325500, 589200, 2327300]

[[source]]
kind = "osm"
path = "data/streets.osm"
narrow_alleys = true

[[source]]
kind = "population"
form = "wards"
path = "data/wards.csv"
wards = "data/wards.geojson"
province = "Hà Nội"

[[source]]
kind = "gtfs"
path = "data/bus.gtfs.zip"

[models.traffic]
gap = 1e-4
feedback_tolerance = 5e-3
"""
SCENARIO = f"""\
title = "No petrol motorbikes around the lake"

[[change]]
kind = "restrict_mode"
mode = "motorbike"
fuel = "petrol"
area = {json.dumps(AREA)}
"""
MADE: list[Study] = []


@pytest.fixture
def hanoi(sample, tmp_path_factory):
    """The study, built and run once."""
    if not MADE:
        folder = tmp_path_factory.mktemp("hanoi") / "Hà Nội"
        for part in ("data", "scenarios"):
            (folder / part).mkdir(parents=True)
        for name, source in FILES.items():
            shutil.copy(sample(source), folder / "data" / name)
        (folder / "dothi.toml").write_text(STUDY, encoding="utf-8")
        (folder / "scenarios" / f"{BAN}.toml").write_text(SCENARIO, encoding="utf-8")
        models = [word for model in ("transit", "traffic", "emissions") for word in ("--models", model)]
        for command in (["build", str(folder)], ["run", str(folder), *models]):
            result = CliRunner().invoke(main, [*command, "--workers", "0"])
            assert result.exit_code == 0, result.output
        MADE.append(Study.open(folder))
    return MADE[0]


def told(study, scenario, model):
    return study.evidence(scenario).results[model].diagnostics


def table(study, scenario, model, name):
    return study.evidence(scenario).results[model].tables[name]


def test_most_trips_are_made_on_motorbikes_and_some_by_bus(hanoi):
    found = told(hanoi, TODAY, "traffic")
    rates = load("vn", "trips")["rates"]
    assert found["trips_per_resident"] == pytest.approx(sum(rates[purpose] for purpose in PURPOSES))
    assert found["gateways"] >= 6
    assert 0.8 < found["share_external"] < 0.99  # the box is small
    for shares in (found["shares_of_residents"], found["shares_of_region"]):
        assert 0.55 < shares["motorbike"] < 0.85
        assert 0.01 < shares["transit"] < 0.15
        assert shares["car"] < 0.12
    assert found["vehicles"]["motorbike"]["vehicle_km"] > 10.0 * found["vehicles"]["car"]["vehicle_km"]
    assert told(hanoi, TODAY, "transit")["pairs"] > 0


def test_every_equilibrium_is_balanced_and_demand_agrees_with_it(hanoi):
    for scenario in (TODAY, BAN):
        found = told(hanoi, scenario, "traffic")
        assert all(each["converged"] and each["imbalance_veh_h"] < 1e-6 for each in found["equilibria"].values())
        assert found["feedback_residuals"][-1] <= 5e-3


def test_a_motorbike_takes_less_than_a_third_of_the_room_of_a_car_and_alleys_are_its_own(hanoi):
    pcu = load("vn", "vehicles")["pcu"]
    assert pcu["motorbike"] == pytest.approx(0.29, abs=0.005)
    links, flows = hanoi.city["links"], table(hanoi, TODAY, "traffic", "links")
    together = sum(
        flows[f"volume_{kind}_veh_h"].fillna(0.0) * pcu[kind] for kind in ("car", "motorbike", "bus", "truck")
    )
    open_to = flows["volume_pcu_h"].notna()
    assert_allclose(flows["volume_pcu_h"][open_to], together[open_to], rtol=1e-6, atol=1e-6)
    alleys = (links["class"].astype(str) == "alley") & links["motorbike"]
    assert alleys.sum() > 20
    assert flows["volume_car_veh_h"][alleys].isna().all()
    assert flows["volume_motorbike_veh_h"][alleys].sum() > 0.0


def test_a_ban_of_petrol_moves_people_to_other_modes_and_cleans_the_air_around_the_lake(hanoi):
    before, after = (told(hanoi, scenario, "traffic")["shares_of_residents"] for scenario in (TODAY, BAN))
    assert 0.0 < after["motorbike"] < before["motorbike"]
    assert after["walk"] > before["walk"]
    assert after["bicycle"] > before["bicycle"]
    assert after["car"] > before["car"]
    area = hanoi.evidence(BAN).city["restrictions"].geometry.iloc[0]
    middle = shapely.line_interpolate_point(hanoi.city["links"].geometry.array, 0.5, normalized=True)
    inside = shapely.within(middle, area)
    ridden = [
        table(hanoi, scenario, "traffic", "links")["volume_motorbike_veh_h"][inside].sum() for scenario in (TODAY, BAN)
    ]
    assert 0.0 < ridden[1] < 0.3 * ridden[0]
    for column in ("co2_kg_day", "nox_g_day", "pm25_g_day"):
        was, is_now = (table(hanoi, scenario, "emissions", "links")[column].fillna(0.0) for scenario in (TODAY, BAN))
        assert is_now[inside].sum() < 0.7 * was[inside].sum()
        assert np.isfinite(is_now).all()
        assert is_now.sum() < was.sum()
