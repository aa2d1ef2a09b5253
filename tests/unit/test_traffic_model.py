"""Traffic of a little town on a river: what it gives, and what scenarios change in it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.chain import STAGES
from dothi.errors import InputError
from dothi.indicators import mobility
from dothi.io.omx import Matrices, write_omx
from dothi.kpi import Evidence
from dothi.model import file_of, require
from dothi.publish.matrices import write_matrices
from dothi.record import Place, asked, settings
from dothi.schema import Table, check_table
from dothi.traffic.model import TrafficModel, TrafficParams

sys.path.insert(0, str(Path(__file__).parent))
from _town import BLOCK_M, BRIDGES, SIDE, bridge, town_on_a_river


@pytest.fixture(scope="module")
def town(little_city):
    return town_on_a_river(little_city)


@pytest.fixture(scope="module")
def result(town):
    return TrafficModel().run(town)


def test_every_column_that_is_declared_is_given(town, result, problems):
    assert set(result.tables) == set(TrafficModel.outputs)
    for name, columns in TrafficModel.outputs.items():
        table = result.tables[name]
        assert set(columns) == set(table.columns)
        found = {column: declared for column, declared in columns.items() if not declared.refers_to}
        check_table(table, Table(name, str(table.index.name), "", found), problems)
    assert not problems.errors
    assert result.tables["links"].index.equals(town["links"].index)
    assert result.tables["zones"].index.equals(town["zones"].index)


def test_residents_make_the_trips_of_their_rates(town, result):
    residents = float(town["zones"]["residents"].sum())
    assert result.diagnostics["trips_day"] == pytest.approx(3.5 * residents, rel=1e-6)
    assert result.tables["zones"]["trips_day"].sum() == pytest.approx(3.5 * residents, rel=1e-6)
    shares = result.tables["zones"][[f"share_{mode}" for mode in ("walk", "bicycle", "motorbike", "car", "transit")]]
    assert shares.isna().all(axis=1).sum() == (town["zones"]["residents"] == 0).sum()
    assert_allclose(shares.dropna().sum(axis=1), 1.0, rtol=1e-9)
    assert float(result.fields["od_trips"].sum()) == pytest.approx(3.5 * residents, rel=1e-6)


def test_every_day_is_as_long_as_a_day_and_demand_is_spread_over_it(result):
    flows = result.tables["link_flows"]
    assert flows.groupby("link_id", observed=True)["hours_h"].sum().unique() == [24.0]
    equilibria = result.diagnostics["equilibria"]
    assert all(each["converged"] and each["imbalance_veh_h"] < 1e-6 for each in equilibria.values())
    assert equilibria["peak"]["demand_veh_h"] > 2.0 * equilibria["night"]["demand_veh_h"]
    assert result.diagnostics["unreachable_veh_h"] == 0.0
    assert result.diagnostics["feedback_residuals"][-1] <= TrafficParams().feedback_tolerance
    assert all(each["residual"] <= 1e-8 for each in result.diagnostics["furness"].values())


def test_flows_of_the_peak_are_those_of_its_matrix(town, result):
    """Vehicle kilometres on streets are demand times length of ways, less the walks to them."""
    peak = result.fields["od_peak_veh_h"]
    links = town["links"].join(result.tables["links"])
    for kind in ("car", "motorbike", "truck"):
        on_streets = float((links[f"volume_{kind}_veh_h"] * links["length_m"]).sum())
        demand = float(peak.sel(mode=kind).sum())
        assert 0.0 < on_streets / demand < 4.0 * SIDE * BLOCK_M
    assert list(peak["origin"].to_numpy()) == list(town["zones"].index)


def test_nothing_is_said_of_links_that_a_mode_may_not_use(town):
    links = town["links"]
    alley = links.index[:2]
    links.loc[alley, ["car", "truck", "bus"]] = False
    found = TrafficModel().run(town.with_tables(links=links)).tables["links"]
    assert (
        found.loc[alley, ["volume_car_veh_h", "time_car_s", "speed_car_m_s", "volume_truck_veh_h"]].isna().all().all()
    )
    assert found.loc[alley, "volume_motorbike_veh_h"].notna().all()


def test_the_same_town_gives_the_same_traffic_twice(town, result):
    again = TrafficModel().run(town)
    pd.testing.assert_frame_equal(again.tables["links"], result.tables["links"])
    assert again.diagnostics["trips_day"] == result.diagnostics["trips_day"]


def test_a_closed_bridge_moves_flows_to_the_other_and_lengthens_trips(town, result):
    links = town["links"]
    closed, other = bridge(town, *BRIDGES[0]), bridge(town, *BRIDGES[1])
    links.loc[closed, ["car", "motorbike", "bus", "truck"]] = False
    found = TrafficModel().run(town.with_tables(links=links))
    before, after = result.tables["links"]["volume_car_veh_h"], found.tables["links"]["volume_car_veh_h"]
    assert before[closed].min() > 0.0
    assert after[closed].isna().all()
    assert after[other].sum() > before[other].sum()
    assert found.diagnostics["shares_of_residents"]["car"] < result.diagnostics["shares_of_residents"]["car"]
    seconds = [each.fields["od_peak_time_s"].sel(mode="car").to_numpy() for each in (result, found)]
    assert (seconds[1] >= seconds[0] - 30.0).all()
    assert seconds[1].mean() > seconds[0].mean()


def test_without_motorbikes_people_take_other_modes(town):
    town = replace(town, country="vn")
    links = town["links"]
    links["motorbike"] = False
    usual, banned = TrafficModel().run(town), TrafficModel().run(town.with_tables(links=links))
    before, after = (each.diagnostics["shares_of_residents"] for each in (usual, banned))
    assert before["motorbike"] > 0.4
    assert after["motorbike"] == 0.0
    assert all(after[mode] > before[mode] for mode in ("walk", "bicycle", "car"))
    assert banned.diagnostics["trips_day"] == pytest.approx(usual.diagnostics["trips_day"], rel=1e-6)


def test_a_ban_of_petrol_motorbikes_leaves_the_electric_ones(town):
    town = replace(town, country="vn")
    rule = {"geometry": [shapely.box(*town.bounds)], "mode": "motorbike", "fuel": "petrol"}
    ruled = town.with_tables(restrictions=gpd.GeoDataFrame(rule, crs=town.crs))
    found = TrafficModel().run(ruled).diagnostics["shares_of_residents"]
    electric = pd.DataFrame({"building_id": town["buildings"].index, "electric_motorbike_share": 1.0})
    clean = TrafficModel().run(ruled.with_tables(building_measures=electric)).diagnostics["shares_of_residents"]
    usual = TrafficModel().run(town).diagnostics["shares_of_residents"]
    assert 0.0 < found["motorbike"] < 0.2 * usual["motorbike"]
    assert clean["motorbike"] == pytest.approx(usual["motorbike"], rel=1e-3)


def test_public_transport_takes_trips_where_it_runs(town, result):
    zones = town["zones"].index
    pairs = np.array([(origin, destination) for origin in zones for destination in zones])
    times = pd.DataFrame(
        {
            "origin_zone_id": pairs[:, 0],
            "destination_zone_id": pairs[:, 1],
            "transit_s": 600.0,
            "walk_s": 200.0,
            "wait_s": 100.0,
            "ride_s": 300.0,
            "rides": 1.0,
        }
    )
    found = TrafficModel().run(town.with_tables(transit_times=times)).diagnostics["shares_of_residents"]
    assert result.diagnostics["shares_of_residents"]["transit"] == 0.0
    assert found["transit"] > 0.05
    assert found["car"] < result.diagnostics["shares_of_residents"]["car"]


def test_calibration_meets_shares_and_lengths(town):
    found = TrafficModel(TrafficParams(calibrate=True, feedback_rounds=3)).run(town).diagnostics
    shares, target = found["shares_of_region"], found["target_shares"]
    there = 1.0 - target["transit"]  # no public transport here: the others share what is left
    assert_allclose([shares[mode] * there for mode in ("walk", "car")], [target["walk"], target["car"]], atol=2e-3)
    assert found["coefficients"]["calibration_rounds"] >= 1


def test_fixed_constants_replace_those_of_the_country(town, result):
    found = TrafficModel(TrafficParams(mode_constants={"bicycle": 0.0})).run(town).diagnostics["shares_of_residents"]
    assert found["bicycle"] > 2.0 * result.diagnostics["shares_of_residents"]["bicycle"]


def _omx(path, town, **data):
    n = len(town["zones"])
    write_omx(
        path, Matrices({name: np.full((n, n), value) for name, value in data.items()}, {"zone_id": town["zones"].index})
    )
    return TrafficModel(TrafficParams(matrices=str(path)))


def test_given_matrices_replace_the_model(tmp_path, town):
    found = _omx(tmp_path / "od.omx", town, car=10.0, walk=3.0, car_peak=2.0).run(town)
    n = len(town["zones"])
    assert found.diagnostics["trips_day"] == pytest.approx(13.0 * n * n)
    assert found.diagnostics["given_matrices"] == ["car", "car_peak", "walk"]
    assert found.diagnostics["equilibria"]["peak"]["demand_veh_h"] == pytest.approx(2.0 * n * n)
    night = found.diagnostics["equilibria"]["night"]["demand_veh_h"]
    assert 0.0 < night < 0.02 * 10.0 * n * n
    assert found.tables["zones"]["share_car"].iloc[0] == pytest.approx(10.0 / 13.0)
    assert found.tables["links"]["volume_car_veh_h"].sum() > 0.0


def test_wrong_matrices_are_refused_with_all_that_is_wrong(tmp_path, town):
    path = tmp_path / "od.omx"
    n = len(town["zones"])
    broken = np.full((n, n), 1.0)
    broken[0, 1], broken[2, 2] = -1.0, np.inf
    ids = town["zones"].index.to_numpy().copy()
    ids[3], ids[5] = 999, ids[4]
    write_omx(path, Matrices({"car": broken, "mystery": broken}, {"zone_id": ids}))
    with pytest.raises(InputError) as error:
        TrafficModel(TrafficParams(matrices=str(path))).run(town)
    text = str(error.value)
    assert "data.car: ≥ 0 (1 row, (0, 1))" in text
    assert "data.car: is finite (1 row, (2, 2))" in text
    assert "lookup.zone_id: is a zone of the city, or −1 less a gateway (1 row, 999)" in text
    assert "lookup.zone_id: names a zone once" in text


def test_matrices_without_vehicles_are_refused(tmp_path, town):
    with pytest.raises(InputError, match="has a matrix of vehicles"):
        _omx(tmp_path / "od.omx", town, walk=1.0).run(town)


def test_the_model_runs_on_cities_that_lack_what_is_optional(little_city):
    require(little_city, TrafficModel)
    found = TrafficModel().run(little_city)
    assert found.diagnostics["notes"]
    assert len(found.tables["gateways"]) == 0


def test_traffic_comes_after_public_transport_and_does_without_it():
    stage = STAGES["traffic"]
    assert "transit" in stage.may_take
    assert not stage.takes


def test_traffic_of_a_scenario_is_written_as_open_matrix_and_taken_as_such(tmp_path, town, result):
    study = SimpleNamespace(evidence=lambda name: SimpleNamespace(results={"traffic": result}))
    told = []
    written = write_matrices(study, tmp_path / "od.omx", (), told.append)
    assert told == ["today"]
    assert written.counts["zones"] == len(town["zones"])
    again = TrafficModel(TrafficParams(matrices=str(tmp_path / "od.omx"))).run(town)
    assert_allclose(again.fields["od_peak_veh_h"], result.fields["od_peak_veh_h"])
    assert again.diagnostics["trips_day"] == pytest.approx(result.diagnostics["trips_day"])
    flows = "volume_car_veh_h"
    assert_allclose(again.tables["links"][flows].sum(), result.tables["links"][flows].sum(), rtol=1e-3)


def test_open_matrix_carries_one_scenario_that_was_run(tmp_path):
    study = SimpleNamespace(evidence=lambda name: SimpleNamespace(results={}))
    with pytest.raises(InputError, match="one scenario"):
        write_matrices(study, tmp_path / "od.omx", ("a", "b"))
    with pytest.raises(InputError, match="dothi run"):
        write_matrices(study, tmp_path / "od.omx", ("a",))


def test_another_content_of_a_file_is_another_parameter(tmp_path):
    place = Place(tmp_path, tmp_path, tmp_path, {"traffic": {"matrices": "data/od.omx", "gap": 1e-4}})
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "od.omx"
    path.write_bytes(b"one")
    first = settings(place, [])["traffic"]
    path.write_bytes(b"two")
    second = settings(place, [])["traffic"]
    assert first["gap"] == 1e-4
    assert first["matrices"] != second["matrices"]
    assert file_of(second["matrices"]) == path
    told = TrafficParams(matrices=second["matrices"]).model_dump(mode="json")["matrices"]
    assert told.startswith("od.omx#")
    assert str(tmp_path) not in told


@pytest.mark.parametrize("name", ["../od.omx", "data/none.omx", "/etc/hostname", "/etc/hostname#0", "data"])
def test_a_file_beyond_the_study_is_refused_before_anything_runs(little_study, name):
    (little_study().folder.parent / "od.omx").write_bytes(b"")
    study = little_study(given=f'title = "Given"\n[models.traffic]\nmatrices = "{name}"\n')
    with pytest.raises(
        InputError, match=r"models\.traffic of given.*matrices: is a file within the folder of the study"
    ):
        study.run(names=("given",), models=("traffic",))
    assert not (study.derived / "results" / "traffic").exists()


def test_another_content_of_a_file_makes_a_run_stale(little_study):
    study = little_study()
    path = study.folder / "od.omx"
    place = replace(study.place, models={"traffic": {"matrices": "od.omx"}})
    told = []
    for content in (b"one", b"two", b"one"):
        path.write_bytes(content)
        told.append(asked(place, []))
    assert told[0] == told[2] != told[1]


def test_roads_that_leave_the_town_bring_people_in(town):
    nodes, links = town["nodes"], town["links"]
    west, south = town.bounds[:2]
    end = gpd.GeoDataFrame({"geometry": [shapely.Point(west - 5.0, south)], "component": 0}, index=[100], crs=town.crs)
    road = links.iloc[[0, 0]].copy()
    road["from_node_id"], road["to_node_id"], road["reverse_link_id"] = [100, 0], [0, 100], None
    road["class"], road["length_m"], road["capacity_veh_h"] = "primary", 5.0, 2000.0
    road.index = pd.Index([200, 201])
    open_town = town.with_tables(nodes=pd.concat([nodes, end]), links=pd.concat([links, road.astype(links.dtypes)]))
    found = TrafficModel().run(open_town)
    gateways = found.tables["gateways"]
    assert len(gateways) == 1
    assert gateways["trips_car_in_day"].iloc[0] > 0.0
    assert gateways["trips_car_in_day"].iloc[0] == pytest.approx(gateways["trips_car_out_day"].iloc[0], rel=1e-6)
    assert found.diagnostics["share_external"] > 0.0
    assert list(found.fields["od_trips"]["origin"].to_numpy())[-1] == -1
    shut = TrafficModel(TrafficParams(surroundings=False)).run(open_town)
    assert len(shut.tables["gateways"]) == 0
    assert shut.diagnostics["share_external"] == 0.0


def test_indicators_say_what_the_result_says(town, result):
    evidence = Evidence(town, {"traffic": result})
    values = {kpi.id: kpi.value(evidence) for kpi in mobility.KPIS if "traffic" in kpi.needs}
    shares, vehicles = result.diagnostics["shares_of_residents"], result.diagnostics["vehicles"]
    driven = [vehicles[kind] for kind in ("car", "motorbike", "truck")]
    assert values["MOB-04"] == pytest.approx(100.0 * (shares["walk"] + shares["bicycle"] + shares["transit"]), rel=1e-6)
    assert values["MOB-05"] >= 1.0
    assert 1.0 < values["MOB-06"] < 60.0
    assert values["MOB-07"] is None  # no main road in this town
    kilometres = sum(each["vehicle_km"] for each in driven)
    assert values["MOB-19"] == pytest.approx(kilometres / town["buildings"]["residents"].sum())
    assert values["MOB-20"] == pytest.approx(sum(each["delay_h"] for each in driven), rel=1e-6, abs=1e-6)
    half = shapely.box(*town.bounds[:2], town.bounds[2], (town.bounds[1] + town.bounds[3]) / 2.0)
    of_half = next(kpi for kpi in mobility.KPIS if kpi.id == "MOB-20").value(evidence.inside(half))
    assert 0.0 <= of_half <= values["MOB-20"]
