"""Reference pages: everything on offer has its entry."""

import re
import sys
from pathlib import Path

import pytest

from dothi.chain import STAGES, Stage
from dothi.changes import CHANGES
from dothi.indicators import KPIS
from dothi.server.app import openapi
from dothi.tables import TABLES
from dothi.verify import Case, Checked, Quantity

HOLE = re.compile(r"\{[^}]*\}")
DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def written():
    """Modules that write the pages; they lie beside the pages, not in the package."""
    sys.path.insert(0, str(DOCS))
    try:
        import write_engines
        import write_reference
    finally:
        sys.path.remove(str(DOCS))
    return write_engines, write_reference


def test_every_simulation_and_each_of_its_parameters_and_columns_has_its_entry(written):
    page = written[0].models_page()
    for name, stage in STAGES.items():
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        model = stage.load()
        for field in type(model().params).model_fields:
            assert f"| `{field}` |" in section, f"{name}.{field}"
        for tables in (model.inputs, model.outputs):
            assert all(f"| `{column}` |" in section for columns in tables.values() for column in columns)
        assert all(reference in section for reference in model.references)


def test_what_is_made_on_request_or_rests_on_others_is_said(written):
    stages = {
        "walk": Stage("dothi.access.model:WalkModel"),
        "stock": Stage("dothi.stock.model:StockModel", takes={"walk": lambda city, _: city}, on_request=True),
    }
    page = written[0].models_page(stages)
    assert "Made on request only: `dothi run --models stock`." in page
    assert "Takes results of `walk`; without them it is left out." in page


@pytest.mark.parametrize("name", STAGES)
def test_every_parameter_is_described(name):
    for field, facts in type(STAGES[name].load()().params).model_fields.items():
        assert facts.description, f"{name}.{field}"
        assert facts.description.endswith("."), f"{name}.{field}"


def test_every_indicator_has_its_entry(written):
    page = written[0].indicators_page()
    for kpi in KPIS.values():
        entry = page.split(f"### {kpi.id}: ")[1].split("\n### ")[0]
        assert all(text in entry for text in (*kpi.name.values(), kpi.formula_in("en"), kpi.source, kpi.status))


def test_every_table_and_every_kind_of_change_has_its_entry(written):
    tables, changes = written[1].tables_page(), written[1].changes_page()
    assert all(f"## {name}\n" in tables for name in TABLES)
    assert all(f"## {kind}\n" in changes for kind in CHANGES)


def test_every_address_of_the_server_has_its_entry():
    page = (DOCS / "reference" / "http.md").read_text(encoding="utf-8")
    named = {HOLE.sub("{}", address) for address in re.findall(r"`((?:[A-Z]+ )?/api/[^`?]*)`", page)}
    for path, methods in openapi()["paths"].items():
        for method in set(methods) - {"parameters"}:
            address = HOLE.sub("{}", path if method == "get" else f"{method.upper()} {path}")
            assert address in named, f"docs/reference/http.md has no entry for {address}"


def test_the_page_of_verification_tells_what_is_known_and_what_came_out(written):
    case = Case("flow", "A full pipe", "Closed form.", lambda: ())
    checked = Checked(case, (Quantity("flow", "m³ s⁻¹", 1.02, 1.0, 0.01), Quantity("depth", "m", 2.0, 2.0, 0.1)))
    page = written[0].verification_page([checked])
    assert "### A full pipe" in page
    assert "| flow | m³ s⁻¹ | 1 | 1.02 | 0.01 | **no** |" in page
    assert "| depth | m | 2 | 2 | 0.1 | yes |" in page


def test_the_pages_are_listed():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    for page in ("models", "indicators", "verification", "tables", "changes", "nomenclature"):
        assert f"reference/generated/{page}" in index
