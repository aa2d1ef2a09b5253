"""Function, height, storeys and floor area of buildings."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from dothi.derive.buildings import infer_floor_area, infer_storeys
from dothi.derive.form import form
from dothi.derive.functions import FUNCTION_OF_FACILITY, FUNCTION_OF_LAND_USE, infer_function
from dothi.derive.heights import hidden_heights, infer_height
from dothi.place import COUNTRIES, load
from dothi.schema import check_table, conform
from dothi.tables import FACILITY_KINDS, FUNCTIONS, LAND_USE_CLASSES, TABLES

GRID = "EPSG:2154"


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def town(n: int = 400, **columns) -> gpd.GeoDataFrame:
    """Square buildings on a grid of 30 m; a low west of houses and a high east of flats."""
    k = np.arange(n)
    x, y = 30.0 * (k % 40), 30.0 * (k // 40)
    east = x > 600.0
    side = np.where(east, 20.0, 9.0)
    frame = gpd.GeoDataFrame(
        {"function": np.where(east, "apartments", "residential"), "height_m": np.where(east, 18.0, 6.0)},
        geometry=shapely.box(x, y, x + side, y + side),
        crs=GRID,
    )
    return frame.assign(**columns)


def row(function: str, side: float = 10.0, n: int = 3, **columns) -> gpd.GeoDataFrame:
    x = 100.0 * np.arange(n)
    frame = gpd.GeoDataFrame({"function": [function] * n}, geometry=shapely.box(x, 0.0, x + side, side), crs=GRID)
    return frame.assign(**columns)


def steps(buildings, country="fr"):
    source = rng()
    found = infer_function(buildings, country=country, rng=source)
    found = infer_height(found, country=country, rng=source)
    return infer_floor_area(infer_storeys(found, country=country), country=country)


# --- place data ---


@pytest.mark.parametrize("country", COUNTRIES)
def test_place_data_know_every_function_and_name_their_sources(country):
    data = load(country, "buildings")
    assert set(FUNCTIONS) <= set(data["storey_height_m"])
    assert set(FUNCTIONS) <= set(data["typical_storeys"])
    assert set(data["function_by_footprint"]["function"]) <= set(FUNCTIONS)
    for table in data.values():
        assert table["source"]
        assert isinstance(table["verified"], bool)
    for table in (data["typical_storeys"], data["function_by_footprint"]):
        lists = [value for name, value in table.items() if isinstance(value, list) and name != "limits_m2"]
        assert {len(value) for value in lists} == {len(table["limits_m2"]) + 1}
    shares = [value for name, value in data["confidence"].items() if name not in ("source", "verified")]
    assert all(0.0 < share < 1.0 for share in shares)


def test_facilities_and_land_use_lead_to_declared_functions():
    assert set(FUNCTION_OF_FACILITY) <= set(FACILITY_KINDS)
    assert set(FUNCTION_OF_LAND_USE) <= set(LAND_USE_CLASSES)
    assert {*FUNCTION_OF_FACILITY.values(), *FUNCTION_OF_LAND_USE.values()} <= set(FUNCTIONS)


# --- function ---


def functions(buildings, **options):
    found = infer_function(buildings, country="fr", rng=rng(), **options)
    return found["function"].tolist(), found["function_method"].tolist()


def test_functions_of_the_source_stay():
    assert functions(row("worship")) == (["worship"] * 3, ["measured"] * 3)


def test_a_facility_gives_its_building_its_function():
    places = gpd.GeoDataFrame(
        {"kind": ["school", "shop", "hospital"]},
        geometry=[shapely.Point(5, 5), shapely.Point(105, 5), shapely.box(190, -10, 230, 30)],
        crs=GRID,
    )
    found, method = functions(row(None), facilities=places)
    assert found == ["school", "mixed", "health"]
    assert method == ["facility_point", "facility_ground_floor", "facility_outline"]


def test_a_school_outweighs_the_shop_in_it():
    places = gpd.GeoDataFrame(
        {"kind": ["school", "shop"]}, geometry=[shapely.Point(5, 5), shapely.Point(6, 6)], crs=GRID
    )
    assert functions(row(None, n=1), facilities=places)[0] == ["school"]
    assert functions(row(None, n=1), facilities=places[::-1])[0] == ["school"]


def test_the_smallest_land_use_that_tells_decides():
    uses = gpd.GeoDataFrame(
        {"class": ["industrial", "education", "residential"]},
        geometry=[shapely.box(-50, -50, 160, 160), shapely.box(90, -5, 120, 20), shapely.box(-50, -50, 500, 500)],
        crs=GRID,
    )
    found, method = functions(row(None), land_use=uses)
    assert found[:2] == ["industrial", "school"]
    assert method == ["land_use", "land_use", "place_prior"]


def test_without_anything_known_the_footprint_tells():
    assert functions(row(None, side=3.0, n=1)) == (["outbuilding"], ["small_footprint"])
    assert functions(row(None, side=9.0, n=1)) == (["residential"], ["place_prior"])
    assert functions(row(None, side=60.0, n=1)) == (["office"], ["place_prior"])


def test_a_city_teaches_the_functions_of_its_own_gaps():
    hidden = np.arange(400) % 5 == 0
    truth = town()
    found = infer_function(truth.assign(function=truth["function"].where(~hidden)), country="fr", rng=rng())
    assert found["function_method"][hidden].unique().tolist() == ["neighbourhood_model"]
    assert (found["function"][hidden] == truth["function"][hidden]).mean() > 0.95


# --- height and storeys ---


def test_measured_heights_stay():
    found = infer_height(row("residential", height_m=[3.0, 7.5, 99.0]), country="fr", rng=rng())
    assert found["height_m"].tolist() == [3.0, 7.5, 99.0]
    assert found["height_m_confidence"].tolist() == [1.0] * 3


def test_storeys_come_before_any_model():
    found = infer_height(row("office", height_m=np.nan, storeys=[1, 4, 10]), country="fr", rng=rng())
    assert_allclose(found["height_m"], 3.9 * np.array([1, 4, 10]))  # CTBUH height calculator: 3.9 m per office floor
    assert found["height_m_method"].unique().tolist() == ["storeys_place"]


def test_a_city_teaches_its_storey_height():
    storeys = pd.array([4] * 400, dtype="Int64")
    buildings = town(function="apartments", storeys=storeys, height_m=[14.0] * 399 + [np.nan])
    found = infer_height(buildings, country="fr", rng=rng())
    assert found["height_m"].iloc[-1] == 14.0
    assert found["height_m_method"].iloc[-1] == "storeys_city"


@pytest.mark.parametrize("height", [0.0, -4.0, np.nan, np.inf])
def test_impossible_heights_are_inferred(height):
    found = infer_height(row("residential", height_m=height), country="vn", rng=rng())
    assert (found["height_m"] > 2.0).all()
    assert found["height_m_method"].unique().tolist() == ["place_prior"]
    assert (found["height_m_confidence"] < 0.5).all()


def test_gaps_among_known_heights_follow_the_neighbourhood():
    truth = town()
    hidden = np.arange(400) % 7 == 0
    found = infer_height(truth.assign(height_m=truth["height_m"].where(~hidden)), country="fr", rng=rng())
    assert found["height_m_method"][hidden].unique().tolist() == ["neighbourhood_model"]
    assert np.median(np.abs(found["height_m"] - truth["height_m"])[hidden]) < 0.5


def test_a_building_among_copies_of_itself_does_not_teach_itself():
    buildings = town()
    shape = form(buildings)
    assert np.isfinite(shape.features).all()
    twins = gpd.GeoDataFrame(pd.concat([buildings, buildings], ignore_index=True), crs=GRID)
    predicted = hidden_heights(twins, form(twins), np.arange(len(twins)), rng())
    assert np.isfinite(predicted).all()


def test_storeys_are_height_over_storey_height_and_at_least_one():
    found = infer_storeys(row("office", height_m=[1.0, 7.8, 39.0]), country="fr")
    assert found["storeys"].tolist() == [1, 2, 10]


def test_a_building_on_air_has_storeys_above_its_underside():
    found = infer_storeys(row("office", height_m=39.0, min_height_m=[0.0, 7.8, 35.1]), country="fr")
    assert found["storeys"].tolist() == [10, 8, 1]


# --- floor area ---


def test_floor_area_is_footprint_times_storeys():
    found = infer_floor_area(row("office", storeys=[1, 2, 3]), country="fr")
    assert found["floor_area_m2"].tolist() == [100.0, 200.0, 300.0]


def test_parts_add_up():
    buildings = row("office", n=2, storeys=[2, 2])
    parts = gpd.GeoDataFrame(
        {
            "building_id": [0, 0, 0],
            "height_m": [7.8, 39.0, np.nan],
            "min_height_m": [0.0, 7.8, 0.0],
            "storeys": [pd.NA, pd.NA, 1],
        },
        geometry=[shapely.box(0, 0, 6, 10), shapely.box(0, 0, 3, 10), shapely.box(6, 0, 8, 10)],
        crs=GRID,
    )
    found = infer_floor_area(buildings, country="fr", parts=parts)
    # podium 60 m² × 2, tower 30 m² × (10 − 2), wing 20 m² × 1, and 20 m² without a part × 2 storeys
    assert found["floor_area_m2"].tolist() == [120.0 + 240.0 + 20.0 + 40.0, 200.0]
    assert found["floor_area_m2_method"].tolist() == ["parts", "footprint_storeys"]


# --- all together ---


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_value_is_filled_with_method_and_confidence(country, problems):
    gaps = np.arange(400) % 3 == 0
    buildings = town(storeys=pd.array([pd.NA] * 400, dtype="Int64"))
    buildings = buildings.assign(
        function=buildings["function"].where(~gaps), height_m=buildings["height_m"].where(gaps)
    )
    found = steps(buildings, country)
    for name in ("function", "height_m", "storeys", "floor_area_m2"):
        assert found[[name, f"{name}_method", f"{name}_confidence"]].notna().all(axis=None)
    check_table(conform(found, TABLES["buildings"]), TABLES["buildings"], problems)
    assert not problems.errors


def test_the_same_input_gives_the_same_table_and_stays_as_it_is():
    buildings = town(height_m=[np.nan, 5.0] * 200, function=["residential", "mixed", None, "apartments"] * 100)
    before = buildings.copy()
    assert_frame_equal(steps(buildings), steps(buildings))
    assert_frame_equal(buildings, before)


def test_a_second_pass_changes_nothing():
    once = steps(town(height_m=[np.nan, 5.0] * 200))
    assert_frame_equal(steps(once), once, check_categorical=False)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tiny_cities_are_filled(n):
    found = steps(town(n, height_m=np.nan, function=None))
    assert len(found) == n
    assert found["floor_area_m2"].notna().all()
