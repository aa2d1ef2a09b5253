"""Land cover: what lies on top is seen, and every class has its two numbers with a source."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from dothi.derive.landcover import COVERS, imperviousness, land_cover, roughness, shares, values_for
from dothi.io.terrain import Grid
from dothi.tables import LAND_USE_CLASSES, RASTERS, ROAD_CLASSES

LAMBERT = "EPSG:2154"
GRID = Grid(LAMBERT, 0.0, 200.0, 1.0, (200, 200))


def frame(shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=LAMBERT)


NO_BUILDINGS = frame([])
NO_ROADS = frame([], **{"class": pd.Series([], dtype=object)})


def at(cover, x, y):
    code = int(cover.sel(x=x, y=y, method="nearest"))
    return next(name for name, value in COVERS.items() if value == code)


def test_what_lies_on_top_is_seen():
    cover = land_cover(
        GRID,
        frame([shapely.box(90, 90, 110, 110)]),
        frame([shapely.LineString([(0, 100), (200, 100)])], **{"class": ["primary"]}),
        frame([shapely.box(0, 80, 200, 150)], kind=["river"]),
        frame([shapely.box(0, 0, 200, 200), shapely.box(0, 160, 40, 200)], **{"class": ["park", "square"]}),
        frame([shapely.Point(150, 180), shapely.Point(20, 180)], crown_diameter_m=[12.0, 12.0]),
        railways=frame([shapely.LineString([(0, 40), (200, 40)])], **{"class": ["tram"]}),
    )
    places = {
        (100, 100): "building",
        (50, 100): "road",
        (50, 120): "water",
        (150, 20): "grass",
        (150, 180): "trees",
        (20, 180): "paved",  # under the crown the square is still sealed
        (50, 40): "bare",
    }
    assert {place: at(cover, *place) for place in places} == places


def test_bridges_and_tunnels_are_not_on_the_ground():
    line = shapely.LineString([(0, 100), (200, 100)])
    roads = frame([line, line], **{"class": ["primary"] * 2}, level=[1, -1])
    assert "road" not in shares(land_cover(GRID, NO_BUILDINGS, roads))


def test_a_road_has_its_width_or_that_of_its_lanes_or_of_its_class():
    lines = [shapely.LineString([(-50, y), (250, y)]) for y in (30.0, 80.0, 130.0)]
    roads = frame(lines, **{"class": ["alley"] * 3}, width_m=[20.0, np.nan, np.nan], lanes=[np.nan, 4.0, np.nan])
    rows = (land_cover(GRID, NO_BUILDINGS, roads).to_numpy() == COVERS["road"]).sum(axis=0)
    widths = values_for()["road_width_m"]
    assert rows.mean() == pytest.approx(20.0 + 4 * widths["lane"] + widths["alley"], abs=1.5)


def test_two_directions_of_a_road_are_one_carriageway():
    there, back = shapely.LineString([(-50, 99.5), (250, 99.5)]), shapely.LineString([(250, 99.5), (-50, 99.5)])
    links = frame([there, back], **{"class": ["primary"] * 2}, lanes=[1.0, 1.0], from_node_id=[0, 1])
    links["reverse_link_id"] = pd.array([1, 0], dtype="Int64")
    rows = (land_cover(GRID, NO_BUILDINGS, links).to_numpy() == COVERS["road"]).sum(axis=0)
    assert rows.mean() == pytest.approx(2 * values_for()["road_width_m"]["lane"], abs=1.0)


def test_what_nothing_covers_goes_by_the_density_of_buildings():
    houses = frame([shapely.box(x, y, x + 6, y + 6) for x in range(0, 80, 9) for y in range(0, 200, 9)])
    cover = land_cover(GRID, houses, NO_ROADS)
    assert at(cover, 7.5, 100) == "urban_dense"
    assert at(cover, 110, 100) == "urban_sparse"
    assert at(cover, 195, 100) == "urban_open"


def test_every_cell_has_a_class_and_its_numbers():
    cover = land_cover(GRID, NO_BUILDINGS, NO_ROADS)
    assert cover.dtype == np.uint8
    assert sum(shares(cover).values()) == pytest.approx(1.0)
    for name, raster in (("imperviousness", imperviousness(cover)), ("roughness", roughness(cover))):
        assert np.isfinite(raster).all()
        assert raster.attrs["units"] == RASTERS[name][0]
        assert raster.dtype == np.float32


@pytest.mark.parametrize("country", ["", "fr", "vn", "xx"])
def test_every_number_has_a_source_says_whether_it_was_verified_and_can_be(country):
    values = values_for(country)
    for name, entry in values["cover"].items():
        assert entry["code"] == COVERS[name]
        for quantity, low, high in (("imperviousness", 0.0, 1.0), ("roughness", 0.01, 0.5)):
            assert low <= entry[quantity]["value"] <= high
            assert entry[quantity]["source"]
            assert isinstance(entry[quantity]["verified"], bool)
    assert len(set(COVERS.values())) == len(COVERS)
    assert set(values["land_use"]) <= set(LAND_USE_CLASSES)
    assert set(values["land_use"].values()) <= set(COVERS)
    assert set(ROAD_CLASSES) - set(values["road_width_m"]) == {"ferry"}


def test_yards_of_vietnamese_cities_are_sealed_more():
    full = land_cover(GRID, frame([shapely.box(x, 0, x + 6, 200) for x in range(0, 200, 9)]), NO_ROADS)
    assert imperviousness(full, "vn").mean() > imperviousness(full, "fr").mean()
