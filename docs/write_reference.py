"""Reference pages written from the declarations."""

import inspect
import re
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dothi.changes import CHANGES
from dothi.changes.base import Change
from dothi.changes.places import Range, Selection
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


WORDS = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Selection: "[selection](#selections)",
    Range: "`{min, max}`",
}


def kind_of(annotation: Any) -> str:
    """What people write for a field."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        geometry = re.search(r"(Multi)?(Polygon|LineString|Point)", str(geometry_kinds(parts)))
        return (
            {"Polygon": "area", "LineString": "line", "Point": "place"}[geometry[2]] if geometry else kind_of(parts[0])
        )
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in parts)
    if origin is tuple:
        inner = parts[0]
        drawn = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
        return "drawing" if drawn else f"list of: {kind_of(inner)}"
    if origin in (Union, types.UnionType):
        return " or ".join(kind_of(part) for part in parts if part is not type(None))
    if origin is Mapping:
        return "table"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in WORDS:
        return "table"
    return WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


def geometry_kinds(parts: tuple[Any, ...]) -> tuple[str, ...]:
    """Types of geometry that a validator of places lets through."""
    found: list[str] = []
    for part in parts[1:]:
        check = getattr(part, "func", None)
        for cell in getattr(check, "__closure__", None) or ():
            if isinstance(cell.cell_contents, tuple):
                found += cell.cell_contents
    return tuple(found)


def limits_of(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = []
    inner = [
        rule
        for part in get_args(field.annotation)
        for each in get_args(part)[1:]
        for rule in getattr(each, "metadata", [])
    ]
    for rule in (*field.metadata, *inner):
        found += [f"{sign} {getattr(rule, name):g}" for name, sign in signs.items() if hasattr(rule, name)]
    return ", ".join(found)


def field_row(name: str, field: FieldInfo) -> str:
    shown = field.annotation if not field.metadata else Annotated[(field.annotation, *field.metadata)]
    needed = "needed" if field.is_required() else usual(field.default)
    parts = [kind_of(shown), limits_of(field)]
    what = "; ".join(part for part in parts if part)
    return f"| `{field.alias or name}` | {what} | {needed} | {field.description} |"


def usual(value: Any) -> str:
    if value is None or value == () or value is PydanticUndefined:
        return ""
    if isinstance(value, Selection):
        return f'"{value.describe("en")}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value)
    return f"`{value}`"


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
    (folder / "tables.md").write_text(tables_page(), encoding="utf-8")
    (folder / "changes.md").write_text(changes_page(), encoding="utf-8")
    (folder / "nomenclature.md").write_text(nomenclature_page(), encoding="utf-8")
