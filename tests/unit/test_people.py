"""Dwellings, residents and jobs of buildings."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from dothi.derive.people import Households, infer_dwellings, infer_jobs, infer_residents, per_dwelling
from dothi.place import load
from dothi.schema import check_table, conform
from dothi.tables import TABLES

GRID = "EPSG:2154"


def houses(n: int = 10, function: str = "apartments", **columns) -> gpd.GeoDataFrame:
    """A row of buildings of 10 m × 10 m, 20 m apart, with 5 storeys."""
    x = np.arange(n) * 20.0
    frame = gpd.GeoDataFrame({"function": [function] * n}, geometry=shapely.box(x, 0.0, x + 10.0, 10.0), crs=GRID)
    return frame.assign(**{"floor_area_m2": 500.0, **columns})


def units(boxes: list[tuple[float, float, float, float]], **columns) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[shapely.box(*box) for box in boxes], crs=GRID)


def people(buildings, **options):
    return infer_residents(buildings, country="fr", rng=np.random.default_rng(3), **options)


# --- dwellings ---


def test_dwellings_follow_floor_area_and_function():
    area = load("fr", "buildings")["floor_area_per_dwelling_m2"]["apartments"]
    found = infer_dwellings(houses(floor_area_m2=4.2 * area), country="fr")
    assert found["dwellings"].unique().tolist() == [4]
    assert found["dwellings_method"].unique().tolist() == ["floor_area_place"]


def test_measured_dwellings_stay_and_teach_the_others():
    known = pd.array([5] * 120 + [pd.NA] * 10, dtype="Int64")
    found = infer_dwellings(houses(130, dwellings=known), country="fr")
    assert found["dwellings"].tolist() == [5] * 130
    assert found["dwellings_method"].tolist() == ["measured"] * 120 + ["floor_area_city"] * 10
    assert found["dwellings_confidence"][0] == 1.0


def test_no_one_lives_in_shops_and_sheds():
    found = infer_dwellings(houses(function="outbuilding"), country="fr")
    assert found["dwellings"].sum() == 0
    assert found["dwellings_method"].unique().tolist() == ["no_homes"]


def test_a_house_has_at_least_one_dwelling():
    assert infer_dwellings(houses(1, "residential", floor_area_m2=20.0), country="vn")["dwellings"].tolist() == [1]


# --- residents ---


def test_cells_keep_their_people_exactly():
    cells = units([(-5, -5, 95, 15), (95, -5, 195, 15)], kind="cell", residents=[37.0, 53.0])
    found = people(houses(dwellings=[1, 2, 3, 4, 5] * 2), census=cells)
    assert found["residents"][:5].sum() == 37
    assert found["residents"][5:].sum() == 53
    assert_allclose(found["residents"][:5].astype(float), 37 * np.arange(1, 6) / 15, atol=1.0)
    assert found["residents_method"].unique().tolist() == ["census_cell"]


def test_a_coarser_unit_shares_out_what_finer_ones_leave():
    census = units([(-5, -5, 95, 15), (-5, -5, 195, 15)], kind=["cell", "ward"], residents=[37.5, 100.0])
    found = people(houses(dwellings=2), census=census)
    assert found["residents"].sum() == 100
    assert found["residents"][:5].sum() in (37, 38)
    assert found["residents_method"].tolist() == ["census_cell"] * 5 + ["census_ward"] * 5


def test_finer_units_that_hold_more_than_the_coarser_one_are_noted(problems):
    census = units([(-5, -5, 95, 15), (-5, -5, 195, 15)], kind=["cell", "ward"], residents=[90.0, 50.0])
    found = people(houses(dwellings=2), census=census, problems=problems)
    assert found["residents"][5:].sum() == 0
    assert ["finer units" in problem.rule for problem in problems] == [True]


def test_measured_residents_count_towards_the_total():
    known = pd.array([20] + [pd.NA] * 9, dtype="Int64")
    census = units([(-5, -5, 195, 15)], kind="ward", residents=[100.0])
    found = people(houses(dwellings=2, residents=known), census=census)
    assert found["residents"].sum() == 100
    assert found["residents"][0] == 20


def test_a_unit_cut_by_the_edge_brings_its_share_of_area(problems):
    census = units([(-5, -5, 195, 15)], kind="ward", residents=[100.0])
    found = people(houses(5, dwellings=2), census=census, extent=shapely.box(-5, -5, 95, 15), problems=problems)
    assert found["residents"].sum() == 50
    assert "cut by the edge" in next(iter(problems)).rule


def test_people_without_dwellings_go_by_footprint_and_are_noted(problems):
    census = units([(-5, -5, 195, 15)], kind="ward", residents=[100.0])
    found = people(houses(function="retail", dwellings=0), census=census, problems=problems)
    assert found["residents"].sum() == 100
    assert any("without dwellings" in problem.rule for problem in problems)


def test_people_of_units_without_buildings_stay_out_and_are_noted(problems):
    census = units([(900, 900, 995, 995)], kind="cell", residents=[12.0])
    people(houses(dwellings=2), census=census, problems=problems)
    assert any("12 residents are counted where no building" in problem.rule for problem in problems)


def test_outside_all_units_dwellings_tell():
    household = load("fr", "buildings")["household"]
    found = people(houses(1000, dwellings=3))
    assert found["residents_method"].unique().tolist() == ["dwellings"]
    assert abs(found["residents"].sum() - 3000 * household["size"] * household["occupied_share"]) < 1.0


def test_covered_units_teach_the_rest_of_the_city():
    cells = units([(40 * k - 5, -5, 40 * k + 35, 15) for k in range(6)], kind="cell", residents=[6.0] * 6)
    found = people(houses(112, dwellings=2), census=cells)
    rest = found[12:]
    assert rest["residents_method"].unique().tolist() == ["census_ratio"]
    assert rest["residents"].sum() == 100 * 2 * 6 / 4


def counted_cells(households: float) -> gpd.GeoDataFrame:
    boxes = [(40 * k - 5, -5, 40 * k + 35, 15) for k in range(6)]
    return units(boxes, kind="cell", residents=[6.0] * 6, households=[households] * 6)


def test_the_size_of_a_household_carries_to_the_rest_of_the_city_and_occupancy_as_far_as_units_cover_it(problems):
    usual = load("fr", "buildings")["household"]["occupied_share"]
    found = people(houses(112, dwellings=2), census=counted_cells(3.0), problems=problems)
    covered = 24 / 224
    expected = 200 * 2.0 * (covered * 0.75 + (1.0 - covered) * usual)
    assert found[:12]["residents"].sum() == 36
    assert found[12:]["residents_method"].unique().tolist() == ["census_households"]
    assert abs(found[12:]["residents"].sum() - expected) < 1.0
    assert not len(problems)


def test_a_count_that_leaves_households_out_is_noted_and_its_totals_stay(problems):
    found = people(houses(112, dwellings=2), census=counted_cells(1.0), problems=problems)
    assert found[:12]["residents"].sum() == 36
    assert [problem.rule.partition(":")[0] for problem in problems] == [
        "households are counted in 25% of the dwellings of the units, 88% is usual"
    ]


def test_people_on_implausibly_little_floor_are_kept_and_noted_with_the_area_and_both_figures(problems):
    """Five houses of 500 m² in each of three wards: 2500 m² for 1000, 312 and 313 people."""
    boxes = [(100 * k - 5, -5, 100 * k + 95, 15) for k in range(3)]
    wards = units(boxes, kind="ward", residents=[1000.0, 312.0, 313.0], name=["Phúc Xá", "Hàng Bạc", None])
    found = people(houses(15, dwellings=2), census=wards, problems=problems)
    assert found["residents"].sum() == 1625
    (note,) = problems
    assert (note.severity, note.table, note.column) == ("note", "census", "residents")
    assert note.rule.startswith(
        "homes have less than 8 m² of floor for each resident: Phúc Xá: 1,000 people on 2,500 m² (2.5 m²); "
        "ward 2: 313 people on 2,500 m² (8.0 m²); their totals are kept"
    )
    assert "Hàng Bạc" not in note.rule


def test_of_many_crowded_units_those_with_most_people_are_named_and_small_ones_are_not_looked_at(problems):
    boxes = [(20 * k - 5, -5, 20 * k + 15, 15) for k in range(8)]
    cells = units(boxes, kind="cell", residents=[99.0, 100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 700.0])
    people(houses(8, dwellings=2), census=cells, problems=problems)
    (note,) = problems
    named = [f"cell {k}: {100 * k:,} people" for k in (7, 6, 5, 4, 3)]
    assert [note.rule.index(text) for text in named] == sorted(note.rule.index(text) for text in named)
    assert "; and 2 more; their" in note.rule
    assert "cell 0" not in note.rule
    assert note.n_rows == 7


def test_units_that_cover_the_whole_city_decide_alone():
    assert_allclose(per_dwelling(Households(900.0, 500.0, 800.0, 9), 800.0, 0.5), 900.0 / 800.0)


def test_no_dwelling_holds_more_than_one_household():
    assert_allclose(per_dwelling(Households(900.0, 500.0, 250.0, 9), 250.0, 0.5), 900.0 / 500.0)


def test_the_same_seed_gives_the_same_table_and_the_argument_stays():
    buildings = houses(dwellings=[1, 2, 3, 4, 5] * 2)
    before = buildings.copy()
    assert_frame_equal(people(buildings), people(buildings))
    assert_frame_equal(buildings, before)


# --- jobs ---


def test_jobs_follow_floor_area_and_function():
    per_job = load("vn", "buildings")["floor_area_per_job_m2"]["office"]
    found = infer_jobs(houses(100, "office"), country="vn", rng=np.random.default_rng(0))
    assert abs(found["jobs"].sum() - 100 * 500.0 / per_job) < 1.0
    assert found["jobs_method"].unique().tolist() == ["floor_area"]


def test_totals_of_jobs_are_kept():
    census = units([(-5, -5, 195, 15)], kind="city", residents=np.nan, jobs=[77.0])
    found = infer_jobs(houses(function="office"), country="fr", rng=np.random.default_rng(0), census=census)
    assert found["jobs"].sum() == 77


@pytest.mark.parametrize("country", ["fr", "vn"])
def test_people_meet_the_declaration_of_buildings(country, problems):
    rng = np.random.default_rng(0)
    found = infer_dwellings(houses(), country=country)
    found = infer_jobs(infer_residents(found, country=country, rng=rng), country=country, rng=rng)
    check_table(conform(found, TABLES["buildings"]), TABLES["buildings"], problems)
    assert not problems.errors


def test_a_city_without_buildings_stays_empty():
    found = infer_jobs(people(infer_dwellings(houses(0), country="fr")), country="fr", rng=np.random.default_rng(0))
    assert len(found) == 0
    assert {"dwellings", "residents", "jobs_method"} <= set(found.columns)
