import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from dothi import schema
from dothi.errors import Problems
from dothi.tables import FUNCTIONS, TABLES
from dothi.units import unit_of

SQUARE = shapely.box(0, 0, 10, 10)


def buildings(**columns):
    frame = gpd.GeoDataFrame(columns, geometry=[SQUARE] * len(next(iter(columns.values()))), crs="EPSG:2154")
    return schema.conform(frame, TABLES["buildings"])


def found(tables):
    problems = Problems()
    schema.check(tables, TABLES, problems)
    return [str(problem) for problem in problems]


def test_every_declared_unit_agrees_with_the_ending_of_the_name():
    for table in TABLES.values():
        for name, column in schema.expand(table.columns).items():
            if column.kind in ("float", "integer") and unit_of(name):
                assert column.unit == unit_of(name), f"{table.name}.{name}"
            elif column.kind == "float":
                assert not column.unit, f"{table.name}.{name} has a unit that its name does not end with"


def test_every_reference_points_at_a_declared_table_and_column():
    for table in TABLES.values():
        for name, column in table.columns.items():
            if column.refers_to:
                target, key = column.refers_to.split(".")
                assert key == TABLES[target].id or key in TABLES[target].columns, f"{table.name}.{name}"


def test_every_declaration_says_what_it_means():
    for table in TABLES.values():
        assert table.description.endswith(".")
        for name, column in table.columns.items():
            assert column.description.endswith("."), f"{table.name}.{name}"


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_an_empty_table_meets_its_declaration(table):
    assert found({table.name: schema.empty(table, "EPSG:2154")}) == []


def test_all_broken_rules_of_all_columns_are_found_in_one_pass():
    frame = buildings(height_m=[-1.0, np.inf, 5.0], storeys=[0, 3, 2], function=["school", "castle", "office"])
    assert found({"buildings": frame}) == [
        "buildings.height_m: is finite (1 row, 1)",
        "buildings.height_m: ≥ 0 m (1 row, 0)",
        "buildings.height_m: ≤ 1000 m (1 row, 1)",
        "buildings.storeys: ≥ 1 (1 row, 0)",
        f"buildings.function: is category {' | '.join(FUNCTIONS)} (3 rows, e.g. 0, 1, 2)",
    ]


def test_broken_geometry_is_named_by_rule():
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    frame = gpd.GeoDataFrame(geometry=[SQUARE, bow_tie, shapely.Point(0, 0), shapely.Polygon(), None], crs="EPSG:2154")
    assert found({"buildings": schema.conform(frame, TABLES["buildings"])}) == [
        "buildings.geometry: value is present (1 row, 4)",
        "buildings.geometry: geometry is not empty (1 row, 3)",
        "buildings.geometry: geometry is Polygon or MultiPolygon (1 row, 2)",
        "buildings.geometry: geometry is valid (1 row, 1)",
    ]


def test_dangling_references_and_missing_tables_are_found():
    times = pd.DataFrame(
        {
            "trip_id": [0, 5],
            "stop_id": [0, 0],
            "stop_sequence": [0, 1],
            "arrival_s": [0.0, 1.0],
            "departure_s": [0.0, 1.0],
        }
    )
    trips = pd.DataFrame({"route_id": [0], "service_id": [0]})
    tables = {
        name: schema.conform(frame, TABLES[name]) for name, frame in {"stop_times": times, "trips": trips}.items()
    }
    assert found(tables) == [
        "stop_times.trip_id: occurs in trips.trip_id (1 row, 1)",
        "stop_times.stop_id: table stops is present",
        "trips.route_id: table routes is present",
    ]


def test_repeated_and_textual_ids_are_found():
    twice = buildings(height_m=[1.0, 2.0])
    twice.index = [3, 3]
    text = buildings(height_m=[1.0])
    text.index = ["a"]
    assert found({"buildings": twice}) == ["buildings.building_id: ids are unique (1 row, 3)"]
    assert found({"buildings": text}) == ["buildings.building_id: index is integer"]


def test_conforming_leaves_what_does_not_convert_for_the_check():
    frame = buildings(height_m=["tall", "12"])
    assert found({"buildings": frame}) == ["buildings.height_m: is float (2 rows, e.g. 0, 1)"]
