"""TOML as people write it: plain entries first, then tables, then lists of tables with one entry a line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(content: Mapping[str, Any]) -> str:
    """
    Text of a TOML document.

    Parameters
    ----------
    content
        Texts, numbers, truth values, lists and mappings of such, as JSON has them. A None is left out.

    Raises
    ------
    ValueError
        Something that TOML has no words for: half of a Unicode character, or None in a list.
    """
    plain, tables, lists = [], [], []
    for key, value in content.items():
        if isinstance(value, Mapping):
            tables += _table((key,), value)
        elif isinstance(value, list | tuple) and value and all(isinstance(entry, Mapping) for entry in value):
            for entry in value:
                lists += ["", f"[[{_key(key)}]]", *_entries(entry)]
        else:
            plain += _entries({key: value})
    text = "\n".join([*plain, *tables, *lists]).lstrip("\n") + "\n"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("is whole characters of Unicode") from error
    return text


def _table(path: tuple[str, ...], content: Mapping[str, Any]) -> list[str]:
    """A table under its header; tables in it get headers of their own."""
    inner = {key: value for key, value in content.items() if isinstance(value, Mapping)}
    own = _entries({key: value for key, value in content.items() if key not in inner})
    head = ["", f"[{'.'.join(map(_key, path))}]", *own] if own or not inner else []
    return [*head, *(line for key, value in inner.items() for line in _table((*path, key), value))]


def _entries(content: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in content.items() if value is not None]


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _quoted(key)


def _quoted(text: str) -> str:
    """Text in quotes: the escapes of JSON are those of TOML, which also wants DEL escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(value) if math.isfinite(value) else str(value)  # inf, nan
        case str():
            return _quoted(value)
        case Mapping():
            return "{" + ", ".join(_entries(value)) + "}"
        case list() | tuple():
            if any(entry is None for entry in value):
                raise ValueError("has a value in every place of a list")
            return "[" + ", ".join(map(_value, value)) + "]"
        case _:
            raise ValueError(f"is text, a number, true or false, a list or a table (is {value!r})")
