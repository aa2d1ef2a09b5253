import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr

from dothi.city import City
from dothi.errors import InputError


@pytest.fixture
def city():
    squares = shapely.box(np.arange(3) * 10.0, 0.0, np.arange(3) * 10.0 + 8.0, 8.0)
    buildings = gpd.GeoDataFrame({"height_m": [3.0, 6.0, np.nan]}, geometry=squares, crs="EPSG:9217")
    facilities = gpd.GeoDataFrame(
        {"kind": ["school"], "building_id": [1]}, geometry=[shapely.Point(12, 2)], crs="EPSG:9217"
    )
    terrain = xr.DataArray(
        np.zeros((2, 3), dtype=np.float32),
        dims=("y", "x"),
        coords={"y": [7.5, 2.5], "x": [2.5, 7.5, 12.5]},
        attrs={"units": "m", "crs": "EPSG:9217", "method": "flat"},
    )
    empty = City("Huế", "vn", "EPSG:9217", (0.0, 0.0, 30.0, 10.0), provenance={"sources": []})
    return empty.with_tables(buildings=buildings, facilities=facilities).with_rasters(terrain=terrain)


def test_a_city_is_the_same_after_writing_and_reading(city, tmp_path):
    folder = tmp_path / "thành phố Huế"
    city.write(folder)
    again = City.read(folder)
    for name in city.tables:
        pd.testing.assert_frame_equal(pd.DataFrame(again[name]), pd.DataFrame(city[name]))
    assert again["buildings"].crs == "EPSG:9217"
    xr.testing.assert_equal(again.rasters["terrain"], city.rasters["terrain"])
    assert (again.name, again.bounds, again.provenance) == (city.name, city.bounds, city.provenance)


def test_a_folder_without_manifest_or_with_damaged_files_is_no_city(city, tmp_path):
    with pytest.raises(InputError, match="built city"):
        City.read(tmp_path)
    city.write(tmp_path)
    (tmp_path / "buildings.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"buildings\.parquet: is a readable GeoParquet file"):
        City.read(tmp_path)["buildings"]
    (tmp_path / "city.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match="has format 1, not 99"):
        City.read(tmp_path)


def test_a_table_the_city_lacks_is_empty_and_an_unknown_one_an_error(city):
    assert len(city["trees"]) == 0
    assert "height_m" in city["trees"]
    with pytest.raises(KeyError):
        city["castles"]


def test_a_change_that_breaks_references_of_other_tables_is_refused(city):
    with pytest.raises(InputError, match=r"facilities\.building_id: occurs in buildings\.building_id \(1 row, 0\)"):
        city.with_tables(buildings=city["buildings"].drop(index=1))
    assert len(city["buildings"]) == 3


def test_rasters_cannot_be_written_to(city):
    with pytest.raises(ValueError, match="read-only"):
        city.rasters["terrain"][0, 0] = 5.0
    with pytest.raises(InputError, match="castle"):
        city.with_rasters(castle=city.rasters["terrain"])


def test_a_city_built_before_a_column_was_declared_has_it_empty(city, tmp_path):
    older = City("Huế", "vn", "EPSG:9217", city.bounds, {"buildings": city["buildings"].drop(columns="storeys")})
    older.write(tmp_path / "older")
    assert City.read(tmp_path / "older")["buildings"]["storeys"].isna().all()
