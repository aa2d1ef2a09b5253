"""Fields and columns as rows of a reference page."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dothi.changes.places import Range, Selection
from dothi.schema import Column


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
    if origin in (Mapping, dict):
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
