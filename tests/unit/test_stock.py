"""Sums of buildings and shares of ground by area, worked by hand."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.city import City
from dothi.crs import Extent
from dothi.io.terrain import grid_for
from dothi.stock.model import StockModel
from dothi.tables import FUNCTIONS

CRS = "EPSG:2154"
WEST, SOUTH = 355_000.0, 6_689_000.0


def box(west, south, east, north):
    return shapely.box(WEST + west, SOUTH + south, WEST + east, SOUTH + north)


@pytest.fixture
def city():
    """Two wards of 100 m by 100 m side by side; four buildings, one of them across the border, one outside."""
    buildings = gpd.GeoDataFrame(
        {
            "geometry": [box(0, 0, 10, 20), box(90, 0, 105, 10), box(120, 0, 140, 20), box(300, 0, 310, 10)],
            "function": pd.Categorical(["residential", "office", "outbuilding", "office"], categories=FUNCTIONS),
            "floor_area_m2": [600.0, 200.0, 1000.0, 100.0],
            "dwellings": [8.0, np.nan, 0.0, 0.0],
            "residents": [20.0, 0.0, 0.0, 0.0],
            "jobs": [1.0, 10.0, np.nan, 5.0],
        },
        crs=CRS,
    )
    wards = gpd.GeoDataFrame(
        {"geometry": [box(0, 0, 100, 100), box(100, 0, 200, 100)], "name": ["A", "B"]}, index=[7, 3], crs=CRS
    )
    grid = grid_for(Extent(CRS, (WEST, SOUTH, WEST + 200.0, SOUTH + 100.0)), 50.0)
    ground = np.array([[1.0, 0.5, 0.0, np.nan], [0.5, 0.0, 1.0, 0.2]], dtype=np.float32)
    return (
        City("Stock", "fr", CRS, grid.bounds)
        .with_tables(buildings=buildings, wards=wards)
        .with_rasters(imperviousness=grid.array(ground, "1", "test"))
    )


def test_a_building_counts_where_its_middle_lies(city):
    table = StockModel().run(city).tables["wards"]
    assert list(table.index) == [7, 3]
    assert list(table["buildings"]) == [2, 1]  # the middle of the one across lies at 97.5 m
    assert_allclose(table["footprint_m2"], [200.0 + 150.0, 400.0])
    assert_allclose(table["floor_area_m2"], [800.0, 1000.0])
    assert_allclose(table["dwellings"], [8.0, 0.0])
    assert_allclose(table["residents"], [20.0, 0.0])
    assert_allclose(table["jobs"], [11.0, 0.0])
    assert_allclose(table["area_m2"], 10_000.0)


def test_the_middle_of_a_house_around_a_yard_is_that_of_its_outline(city):
    sides = [box(80, 50, 130, 55), box(80, 55, 90, 90), box(125, 55, 130, 90)]
    yard = shapely.union_all(sides)  # its middle lies at 101.0 m, in the yard and in the second ward
    house = city["buildings"].iloc[:1].set_geometry([yard], crs=CRS)
    assert list(StockModel().run(city.with_tables(buildings=house)).tables["wards"]["buildings"]) == [0, 1]


def test_the_mix_is_the_entropy_of_floor_area_over_the_greatest_possible(city):
    mix = StockModel().run(city).tables["wards"]["function_mix"]
    shares = np.array([0.75, 0.25])
    counted = len(FUNCTIONS) - 1  # sheds do not count
    assert_allclose(mix[7], -(shares * np.log(shares)).sum() / np.log(counted))
    assert np.isnan(mix[3])


def test_all_functions_alike_mix_perfectly(city):
    names = [name for name in FUNCTIONS if name != "outbuilding"]
    many = gpd.GeoDataFrame(
        {
            "geometry": [box(10 + number, 10, 11 + number, 11) for number in range(len(names))],
            "function": pd.Categorical(names, categories=FUNCTIONS),
            **dict.fromkeys(("floor_area_m2", "dwellings", "residents", "jobs"), 2.0),
        },
        crs=CRS,
    )
    assert_allclose(StockModel().run(city.with_tables(buildings=many)).tables["wards"]["function_mix"][7], 1.0)


def test_the_ground_is_the_mean_of_the_cells_whose_middle_lies_inside(city):
    table = StockModel().run(city).tables["wards"]
    assert_allclose(table["impervious_share"], [(1.0 + 0.5 + 0.5 + 0.0) / 4, (0.0 + 1.0 + 0.2) / 3], rtol=1e-6)


def test_of_two_areas_that_share_a_place_the_first_counts(city):
    twice = gpd.GeoDataFrame({"geometry": [box(0, 0, 100, 100)] * 2, "name": ["A", "A again"]}, crs=CRS)
    result = StockModel().run(city.with_tables(wards=twice))
    assert list(result.tables["wards"]["buildings"]) == [2, 0]
    assert result.diagnostics == {"buildings": 4, "placed": {"wards": 2}}


def test_without_areas_there_is_nothing_to_sum(city):
    empty = city.with_tables(wards=city["wards"].iloc[:0])
    assert StockModel().run(empty).tables["wards"].empty
