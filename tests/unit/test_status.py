import ast
from pathlib import Path

import pytest

import dothi
from dothi.status import STATUS_OF_METHOD, STATUSES, WORKED_OUT, status_of, status_of_column
from dothi.tables import TABLES

SOURCES = [path for part in ("derive", "io") for path in (Path(dothi.__file__).parent / part).rglob("*.py")]


def words_of(path):
    """Words handed to `fill` as its method, or stored in a column whose name ends with _method."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        values = []
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "fill" and len(node.args) == 4:
            values = [node.args[2]]
        elif isinstance(node, ast.Dict):
            values = [
                value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant) and str(key.value).endswith("_method")
            ]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript | ast.Name):
            values = [node.value] if "_method" in ast.unparse(node.targets[0]) else []
        for value in values:
            words = value.elts if isinstance(value, ast.List) else [value]
            yield from (word.value for word in words if isinstance(word, ast.Constant) and isinstance(word.value, str))


def test_every_method_word_in_the_code_has_a_status():
    found = {word for path in SOURCES for word in words_of(path) if word}
    assert {"neighbourhood_model", "place_prior", "building_function", "no_motor_traffic"} <= found
    assert found <= set(STATUS_OF_METHOD), found - set(STATUS_OF_METHOD)


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("measured", "measured"),
        ("neighbourhood_model", "modelled"),  # learnt in this city
        ("storeys_city", "modelled"),
        ("storeys_place", "estimated"),  # a habit of the country
        ("entered", "entered"),
        ("never heard of", "estimated"),
    ],
)
def test_a_method_claims_no_more_than_it_knows(method, status):
    assert status_of(method) == status


def test_every_status_is_the_status_of_some_method():
    assert set(STATUS_OF_METHOD.values()) == set(STATUSES)


def test_columns_that_no_source_gives_count_as_modelled():
    assert status_of_column("links", "length_m") == "modelled"
    assert status_of_column("buildings", "name") == "measured"


def test_worked_out_columns_are_declared_ones():
    undeclared = {(table, column) for table, column in WORKED_OUT if column not in TABLES[table].columns}
    assert {table for table, _ in undeclared} <= {"surfaces"}
