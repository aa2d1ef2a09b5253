"""Prisms that stand for buildings."""

import geopandas as gpd
import pandas as pd
import shapely
from numpy.testing import assert_allclose, assert_array_equal

from dothi.city import City
from dothi.mesh.prisms import has_model, prisms_of

CRS = "EPSG:2154"


def city(buildings, **others):
    frame = gpd.GeoDataFrame(buildings, crs=CRS).rename_axis("building_id")
    made = {"function": "other", "function_method": "measured", "function_confidence": 1.0} | buildings
    frame = gpd.GeoDataFrame(made, index=frame.index + 10, crs=CRS)
    return City("Thử", "fr", CRS, (0, 0, 100, 100)).with_tables(buildings=frame, **others)


def test_a_building_reaches_from_its_ground_to_its_height():
    prisms = prisms_of(city({"geometry": [shapely.box(0, 0, 5, 5)], "ground_m": [3.0], "height_m": [9.0]}))
    assert_allclose([prisms.ground_m, prisms.base_m, prisms.top_m], [[3.0], [3.0], [12.0]])


def test_a_building_on_stilts_begins_above_ground():
    data = {"geometry": [shapely.box(0, 0, 5, 5)], "ground_m": [3.0], "height_m": [9.0], "min_height_m": [4.0]}
    assert_allclose(prisms_of(city(data)).base_m, [7.0])


def test_parts_stand_for_a_building_that_they_cover():
    buildings = {
        "geometry": [shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)],
        "ground_m": [1.0, 2.0],
        "height_m": [30.0, 8.0],
    }
    parts = gpd.GeoDataFrame(
        {
            "geometry": [shapely.box(0, 0, 10, 5), shapely.box(0, 5, 10, 10), shapely.box(20, 0, 21, 1)],
            "building_id": [10, 10, 11],
            "height_m": [30.0, 6.0, 20.0],
        },
        crs=CRS,
    )
    prisms = prisms_of(city(buildings, building_parts=parts))
    assert_array_equal(prisms.row, [0, 0, 1])
    assert_allclose(prisms.top_m, [31.0, 7.0, 10.0])


def test_buildings_that_the_source_models_are_left_to_their_surfaces():
    square = shapely.box(0, 0, 10, 10)
    surfaces = gpd.GeoDataFrame(
        {"geometry": [shapely.force_3d(square, 9.0)], "building_id": [11], "kind": ["roof"], "lod": ["2.2"]}, crs=CRS
    )
    made = city({"geometry": [square, square], "ground_m": [0.0, 0.0], "height_m": [9.0, 9.0]}, surfaces=surfaces)
    assert_array_equal(has_model(made), [False, True])
    assert_array_equal(prisms_of(made).row, [0])
    assert_array_equal(prisms_of(made, modelled=True).row, [0, 1])


def test_a_building_without_height_has_no_prism():
    made = city({"geometry": [shapely.box(0, 0, 5, 5)], "ground_m": [0.0], "height_m": [pd.NA]})
    assert not len(prisms_of(made))
