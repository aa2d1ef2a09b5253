import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from dothi import wire
from dothi.catalogue import attribution, catalogue, describe, geometry_of, record
from dothi.city import City


@pytest.fixture
def city():
    squares = shapely.box(np.arange(4) * 10.0, 0.0, np.arange(4) * 10.0 + 8.0, 8.0)
    buildings = gpd.GeoDataFrame(
        {
            "name": ["Chợ Bến Thành", None, None, None],
            "height_m": [3.0, 6.0, 9.0, np.nan],
            "height_m_method": ["measured", "storeys_place", "measured", None],
            "height_m_confidence": [1.0, 0.7, 1.0, np.nan],
            "function": pd.Categorical(["retail", "residential", "residential", None], ["residential", "retail"]),
        },
        geometry=squares,
        index=[10, 20, 30, 40],
        crs="EPSG:9217",
    )
    weather = pd.DataFrame(
        {
            "time": pd.date_range("2001-01-01", periods=3, freq="h", tz="UTC"),
            "air_temperature_c": [20.0, 21.0, 22.0],
            "method": ["estimated"] * 3,
        }
    )
    return City("Huế", "vn", "EPSG:9217", (0.0, 0.0, 40.0, 10.0)).with_tables(buildings=buildings, weather=weather)


def test_a_column_tells_unit_range_missing_values_methods_and_confidence(city):
    height = catalogue(city).tables["buildings"].columns["height_m"]
    assert (height.kind, height.unit, height.missing, height.minimum, height.maximum) == ("float", "m", 1, 3.0, 9.0)
    assert len(height.quantiles) == 21
    assert height.quantiles[10] == 6.0
    assert [(m.method, m.status, m.count) for m in height.methods] == [
        ("measured", "measured", 2),
        ("storeys_place", "estimated", 1),
    ]
    assert height.statuses == pytest.approx({"measured": 2 / 3, "estimated": 1 / 3}, rel=1e-5)
    assert height.confidence == pytest.approx(0.9)


def test_methods_and_confidences_are_no_columns_of_their_own(city):
    columns = catalogue(city).tables["buildings"].columns
    assert not [name for name in columns if name.endswith(("_method", "_confidence"))]
    assert "geometry" not in columns


def test_categories_are_counted_in_declared_order(city):
    function = catalogue(city).tables["buildings"].columns["function"]
    counted = {category.value: category.count for category in function.categories}
    assert (counted["residential"], counted["retail"], counted["office"]) == (2, 1, 0)
    assert function.distinct == 2


def test_a_method_of_the_whole_row_holds_for_all_its_values(city):
    columns = catalogue(city).tables["weather"].columns
    assert columns["air_temperature_c"].statuses == {"estimated": 1.0}
    assert columns["time"].earliest == "2001-01-01T00:00:00Z"


def test_a_record_tells_every_value_with_method_confidence_and_status(city):
    table = wire.arrow_of(city["buildings"], "buildings")
    found = record("buildings", table, 1)
    assert (found.id, found.row) == (20, 1)
    height = found.columns["height_m"]
    assert (height.value, height.unit, height.method, height.confidence, height.status) == (
        6.0,
        "m",
        "storeys_place",
        0.7,
        "estimated",
    )
    missing = record("buildings", table, 3).columns["height_m"]
    assert (missing.value, missing.status) == (None, None)


def test_a_table_without_known_values_is_described_too(city):
    nothing = wire.arrow_of(city["buildings"].iloc[:0], "buildings")
    facts = describe("buildings", nothing)
    assert facts.rows == 0
    assert facts.columns["height_m"].minimum is None


def test_tables_are_points_lines_or_areas():
    assert [geometry_of(name) for name in ("trees", "links", "buildings", "weather")] == [
        "points",
        "lines",
        "areas",
        None,
    ]


def test_everybody_whose_data_are_shown_is_named_once():
    sources = [
        {"attribution": "© OpenStreetMap contributors", "licence": "ODbL 1.0"},
        {"attribution": "© OpenStreetMap contributors", "licence": "ODbL 1.0"},
        {"kind": "epw"},
        {"attribution": "IGN"},
    ]
    assert attribution({"sources": sources}) == ["© OpenStreetMap contributors (ODbL 1.0)", "IGN"]
