"""Writes the types of the HTTP interface, from its OpenAPI description, to ``src/api/schema.d.ts``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dothi.server.app import openapi

TARGET = Path(__file__).parent / "src" / "api" / "schema.d.ts"
HEAD = "// Written by `make types` from the OpenAPI description of the server: change that, not this.\n"
PLAIN = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean", "null": "null"}


def type_of(schema: dict[str, Any] | bool) -> str:
    """Type of values that meet a JSON schema."""
    if isinstance(schema, bool):
        return "unknown"
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "const" in schema or "enum" in schema:
        return " | ".join(f'"{value}"' for value in schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(map(type_of, schema["anyOf"])))
    if schema.get("type") == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(map(type_of, schema['prefixItems']))}]"
        item = type_of(schema["items"])
        return f"({item})[]" if " | " in item else f"{item}[]"
    if schema.get("type") == "object":
        names = schema.get("propertyNames", {})
        extra = schema.get("additionalProperties", {})
        values = type_of(extra if isinstance(extra, dict) else {})
        return f"Partial<Record<{type_of(names)}, {values}>>" if "enum" in names else f"Record<string, {values}>"
    return PLAIN.get(schema.get("type", ""), "unknown")


def interface(name: str, schema: dict[str, Any]) -> str:
    """Interface of objects, with what is said of them; the server leaves no property out but where it says so."""
    needed = schema.get("required", []) if schema.get("x-partial") else schema["properties"]
    lines = [f"/** {schema['description']} */"] if schema.get("description") else []
    lines.append(f"export interface {name} {{")
    for key, value in schema["properties"].items():
        if value.get("description"):
            lines.append(f"  /** {value['description']} */")
        lines.append(f"  {key}{'' if key in needed else '?'}: {type_of(value)};")
    return "\n".join([*lines, "}", ""])


def written() -> str:
    """Text of the file."""
    schemas = openapi()["components"]["schemas"]
    return "\n".join([HEAD, *(interface(name, schemas[name]) for name in sorted(schemas))])


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(written(), encoding="utf-8")
