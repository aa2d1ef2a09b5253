"""Reference pages written from the declarations."""

from pathlib import Path

from dothi.errors import Problem
from dothi.schema import Column, Table
from dothi.tables import RASTERS, TABLES
from dothi.units import UNIT_OF_ENDING, unit_of


def limits(column: Column) -> str:
    parts = []
    if column.minimum is not None:
        parts.append(f"≥ {column.minimum:g}")
    if column.maximum is not None:
        parts.append(f"≤ {column.maximum:g}")
    if column.choices:
        parts.append(", ".join(f"`{choice}`" for choice in column.choices))
    if column.refers_to:
        parts.append(f"in `{column.refers_to}`")
    if column.unique:
        parts.append("unique")
    return "; ".join(parts)


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


def write_reference(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tables.md").write_text(tables_page(), encoding="utf-8")
    (folder / "nomenclature.md").write_text(nomenclature_page(), encoding="utf-8")
