"""Reference pages written from the declarations."""

import inspect
from pathlib import Path

from write_engines import indicators_page, models_page, tried, verification_page
from write_fields import field_row, limits

from dothi.changes import CHANGES
from dothi.changes.base import Change
from dothi.changes.places import Selection
from dothi.errors import Problem
from dothi.schema import Table
from dothi.tables import RASTERS, TABLES
from dothi.units import UNIT_OF_ENDING, unit_of


def table_page(table: Table) -> str:
    lines = [
        f"## {table.name}",
        "",
        f"{table.description} Index: `{table.id}`, integer.",
        "",
        "| column | kind | unit | meaning | limits | missing | inferred |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{name}` | {column.kind} | {column.unit} | {column.description} | {limits(column)} | "
        f"{'may be' if column.missing else 'no'} | {'yes' if column.inferred else ''} |"
        for name, column in table.columns.items()
    ]
    return "\n".join([*lines, "", ""])


def tables_page() -> str:
    head = (
        "# Tables\n\n"
        "Written from `dothi.tables`. Every table has an integer index; geometries are in metres on the grid of the city.\n"  # noqa: E501
        "An *inferred* column goes with `<column>_method` (how the value came about; `measured` where a source said it) and\n"  # noqa: E501
        "`<column>_confidence` (one less the relative error expected of the method; 1 where measured).\n\n"
    )
    rasters = "\n".join(f"| `{name}` | {unit} | {meaning} |" for name, (unit, meaning) in RASTERS.items())
    tail = f"## Rasters\n\nDimensions `(y, x)`, north up, cell centres.\n\n| raster | unit | meaning |\n|---|---|---|\n{rasters}\n"  # noqa: E501
    return head + "".join(table_page(table) for table in TABLES.values()) + tail


def nomenclature_page() -> str:
    endings = "\n".join(f"| `{ending}` | {unit} |" for ending, unit in UNIT_OF_ENDING.items())
    names: dict[str, tuple[str, str, list[str]]] = {}
    for table in TABLES.values():
        for name, column in table.columns.items():
            if unit_of(name):
                names.setdefault(name, (column.unit, column.description, []))[2].append(table.name)
    rows = "\n".join(
        f"| `{name}` | {unit} | {text} | {', '.join(where)} |" for name, (unit, text, where) in sorted(names.items())
    )
    example = Problem("≥ 0 m", table="buildings", column="height_m", n_rows=2, rows=("11", "12"))
    return (
        "# Nomenclature\n\nOne quantity has one name everywhere, and the name ends with its unit.\n\n"
        f"| ending | unit |\n|---|---|\n{endings}\n\n## Quantities\n\n| name | unit | meaning | tables |\n|---|---|---|---|\n{rows}\n\n"  # noqa: E501
        f"## Problems\n\nProblems read the same in Python and on the command line: `{example}`.\n"
    )


def change_section(kind: str, change: type[Change]) -> str:
    rows = [field_row(name, field) for name, field in change.model_fields.items() if name != "kind"]
    touches = ", ".join(f"`{name}`" for name in change.touches)
    lines = [
        f"## {kind}",
        "",
        inspect.cleandoc(change.__doc__ or ""),
        "",
        "| field | what | if left out | meaning |",
        "|---|---|---|---|",
        *rows,
        "",
        f"Touches {touches}.",
    ]
    return "\n".join([*lines, "", ""])


def changes_page() -> str:
    head = (
        "# Changes\n\n"
        "Written from `dothi.changes`. A scenario lists changes under `[[change]]`, each with its `kind`; how to write "
        "one is told in [scenarios](../../guide/scenarios.md).\n\n"
        "A *selection* chooses rows of a table. An *area*, *line* or *place* is GeoJSON, a list of `[longitude, "
        "latitude]`, or the path of a GeoJSON file in the study; coordinates too large for degrees are metres on the "
        "grid of the city. A *drawing* is several of them, each with properties of its own.\n\n"
    )
    selections = "\n".join(field_row(name, field) for name, field in Selection.model_fields.items())
    tail = (
        '## Selections\n\nA list of ids, a name, `"all"`, or a table of conditions, all of which must hold.\n\n'
        f"| field | what | if left out | meaning |\n|---|---|---|---|\n{selections}\n"
    )
    return head + "".join(change_section(kind, change) for kind, change in CHANGES.items()) + tail


def write_reference(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "tables": tables_page(),
        "changes": changes_page(),
        "models": models_page(),
        "indicators": indicators_page(),
        "verification": verification_page(tried()),
        "nomenclature": nomenclature_page(),
    }
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
