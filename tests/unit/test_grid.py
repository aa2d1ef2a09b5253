"""A grid made up along the streets, and connections to one that is there."""

from __future__ import annotations

import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from dothi.derive.grid import connected, serving_transformers, synthetic_grid
from dothi.derive.grid_demand import Coincidence, demand_of
from dothi.derive.grid_rings import open_rings, size_of
from dothi.derive.grid_sites import weighted_means
from dothi.derive.grid_streets import Streets
from dothi.errors import Problems
from dothi.power.network import network_of
from dothi.schema import check_references, check_table, complete
from dothi.tables import TABLES

sys.path.insert(0, str(Path(__file__).parent))
from _grid import CRS, grid_of_town, town


def test_a_made_up_grid_keeps_its_declarations_and_is_marked_in_every_row():
    tables, problems = grid_of_town()
    assert [problem.severity for problem in problems] == ["note"]
    found = Problems()
    whole = {name: complete(frame, TABLES[name]) for name, frame in tables.items()}
    whole["buildings"] = town()[1].rename_axis("building_id")
    for name, frame in tables.items():
        check_table(whole[name], TABLES[name], found)
        check_references(whole[name], TABLES[name], whole, found)
        assert (frame["method"] == "synthetic").all()
    found.raise_errors()


@pytest.mark.parametrize("country", ["fr", "vn"])
def test_every_customer_of_a_made_up_grid_is_supplied(country):
    tables, _ = grid_of_town(country)
    network = network_of(tables["grid_nodes"], tables["grid_lines"], tables["transformers"])
    assert (network.place[tables["grid_connections"]["grid_node_id"]] >= 0).all()
    assert not len(network.loops.one), "low voltage is trees, rings are open"


def test_the_same_city_has_the_same_grid_every_time():
    again = synthetic_grid(*town(), country="fr", problems=Problems())
    for name, frame in grid_of_town()[0].items():
        assert frame.equals(again[name])


def test_rings_are_open_once_each():
    tables, _ = grid_of_town()
    nodes, lines = tables["grid_nodes"], tables["grid_lines"]
    medium = nodes["nominal_v"].to_numpy()[lines["from_grid_node_id"]] > 1000.0
    bus = nodes.index[nodes["held_pu"].notna()]
    leaving = lines[medium & (lines["from_grid_node_id"].isin(bus) | lines["to_grid_node_id"].isin(bus))]
    assert lines["open"].sum() == len(leaving) / 2
    assert not lines["open"][~medium].any()


def test_transformers_and_cables_carry_what_they_were_laid_out_for():
    tables, _ = grid_of_town()
    connections, transformers = tables["grid_connections"], tables["transformers"]
    small = transformers[transformers["rating_kva"] <= 1000.0]
    peak = connections.groupby("transformer_id")["design_kva"].sum().reindex(small.index)
    assert (small["rating_kva"] > 0.2 * peak).all()
    assert set(small["rating_kva"]) <= {100.0, 160.0, 250.0, 400.0, 630.0, 1000.0}
    assert (tables["grid_lines"]["length_m"] > 0.0).all()


def test_a_factory_takes_medium_voltage_and_a_shed_nothing():
    links, houses = town()
    shed = houses.iloc[:1].assign(dwellings=0, function="outbuilding")
    houses = gpd.GeoDataFrame(pd.concat([houses, shed], ignore_index=True), crs=CRS)
    connections = synthetic_grid(links, houses, country="fr", problems=Problems())["grid_connections"]
    at = connections.set_index("building_id")
    assert at["transformer_id"].isna()[len(houses) - 2], "the factory"
    assert len(houses) - 1 not in at.index, "the shed"


def test_a_city_without_streets_has_no_grid():
    links, houses = town()
    assert synthetic_grid(links.iloc[:0], houses, country="fr", problems=Problems()) == {}
    assert synthetic_grid(links, houses.iloc[:0], country="fr", problems=Problems()) == {}


def test_buildings_are_connected_to_the_nearest_node_of_a_given_grid():
    tables, _ = grid_of_town()
    nodes, lines, transformers = (tables[name] for name in ("grid_nodes", "grid_lines", "transformers"))
    found = connected(nodes, lines, transformers, town()[1], country="fr")
    low = (nodes["nominal_v"] < 1000.0).to_numpy()[found["grid_node_id"]]
    assert low[:-1].all()
    assert not low[-1], "the factory"
    assert (found["method"] == "nearest").all()
    assert found["transformer_id"].notna()[low].all()
    serving = serving_transformers(nodes, lines, transformers)
    ours = tables["grid_connections"]
    known = ours["transformer_id"].notna()
    assert (
        serving.loc[ours["grid_node_id"][known]].to_numpy() == ours["transformer_id"][known].to_numpy()
    ).mean() == 1.0


def test_many_dwellings_take_less_than_so_many_times_one():
    together = Coincidence(6.0, 0.3, 0.8)
    assert together.kva(1.0, 0.0) == 6.0
    assert_allclose(together.kva(100.0, 0.0), 100 * 6.0 * (0.3 + 0.7 / 10))
    assert together.kva(0.0, 50.0) == 50.0
    assert together.kva(1e6, 0.0) / 1e6 == pytest.approx(1.8, abs=0.01)


def test_shops_below_homes_count_with_one_floor():
    _, houses = town()
    row = houses.iloc[:1].assign(function="mixed", floor_area_m2=900.0, storeys=3, dwellings=4)
    demand = demand_of(row, {**tomllib.loads(place("fr"))["demand"]})
    assert_allclose(demand.firms_kva, 300.0 * 30.0 / 1e3)


def test_means_of_weighted_points_are_theirs():
    xy = np.array([[0.0, 0.0], [2.0, 0.0], [100.0, 0.0], [104.0, 0.0]])
    means, group = weighted_means(xy, np.array([1.0, 1.0, 3.0, 1.0]), 2)
    assert sorted(means[:, 0]) == [1.0, 101.0]
    assert group[0] == group[1] != group[2] == group[3]


def test_rings_visit_every_station_once_and_keep_to_their_limits():
    rng = np.random.default_rng(0)
    xy = np.vstack([[50.0, 50.0], rng.uniform(0, 100, (30, 2))])
    distance = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    kva = rng.uniform(100, 600, 30)
    rings = open_rings(distance, kva, most_kva=4000.0, most_stations=8)
    assert sorted(station for ring in rings for station in ring.stations) == list(range(30))
    assert all(kva[ring.stations].sum() <= 4000.0 and len(ring.stations) <= 8 for ring in rings)
    length = sum(distance[np.r_[0, np.array(r.stations) + 1], np.r_[np.array(r.stations) + 1, 0]].sum() for r in rings)
    assert length < 0.5 * 2.0 * distance[0, 1:].sum(), "much shorter than out and back to each"


def test_a_load_too_large_for_one_transformer_gets_several():
    sizes = [{"kva": 100.0}, {"kva": 400.0}]
    assert size_of(70.0, sizes, 0.8) == (sizes[0], 1)
    assert size_of(90.0, sizes, 0.8) == (sizes[1], 1)
    assert size_of(900.0, sizes, 0.8) == (sizes[1], 3)


def test_streets_have_a_vertex_every_25_m_and_lengths_along_them():
    links, _ = town(3)
    streets = Streets.of(links)
    ends = streets.nearest(np.array([[0.0, 0.0], [200.0, 200.0]]))
    assert_allclose(streets.between(ends), [[0.0, 400.0], [400.0, 0.0]])
    assert len(streets.xy) == 9 + 12 * 3
    line = streets.way(int(ends[0]), int(ends[1]), 400.0)
    assert_allclose(line.length, 400.0)


def test_statistics_of_a_made_up_grid_lie_where_published_grids_do():
    """
    Dense streets of flats, against SimBench (LV-urban6, LV-semiurb5) and Kerber (Vorstadt): 104 to 146 loads a
    transformer, 10 to 33 m of cable a load counted by buildings, longest ways of 259 to 459 m, 630 kVA.
    """
    tables, _ = grid_of_town()
    nodes, lines, connections = (tables[name] for name in ("grid_nodes", "grid_lines", "grid_connections"))
    low = nodes["nominal_v"].to_numpy()[lines["from_grid_node_id"]] < 1000.0
    served = connections[connections["transformer_id"].notna()]
    areas = served["transformer_id"].nunique()
    assert 60 <= served["customers"].sum() / areas <= 250
    assert 10 <= (lines["length_m"][low].sum() + served["drop_m"].sum()) / len(served) <= 45
    ratings = tables["transformers"]["rating_kva"]
    assert 250 <= ratings[ratings < 2000.0].median() <= 1000


def place(country: str) -> str:
    return files("dothi.place").joinpath(country, "grid.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("country", ["fr", "vn"])
def test_every_figure_on_grids_has_a_source_and_says_whether_it_was_verified(country):
    text = place(country)
    data = tomllib.loads(text)
    for name in ("voltage", "demand", "layout", "substation", "vehicles", "hosting", "reliability"):
        assert data[name]["source"]
        assert isinstance(data[name]["verified"], bool)
    assert "verified = false" in text.split("[[size]]")[1], "sizes say it in a comment, being a list"
    for kind in ("car", "motorbike"):
        assert len(data["vehicles"][f"{kind}_hours"]) == 24
    assert sorted(size["kva"] for size in data["size"]) == [size["kva"] for size in data["size"]]
