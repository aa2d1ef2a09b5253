"""TOML files with the line of every entry, for error messages that point at it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dothi.errors import Problem, Problems

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_BYTES = 1 << 20
_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?")
_KEY = re.compile(r"""^\s*("?[\w.\- ]+"?)\s*=""")


RULES: Final = {
    "extra_forbidden": "is a known key",
    "missing": "is given",
    "literal_error": "is one of {expected}",
    "union_tag_invalid": "is one of {expected_tags}; this is '{tag}'",
    "union_tag_not_found": "is given",
    "string_too_short": "is not empty",
    "too_short": "has {min_length} or more entries",
    "finite_number": "is a finite number",
    "greater_than_equal": "is at least {ge:g}",
    "greater_than": "is above {gt:g}",
    "less_than_equal": "is at most {le:g}",
    "less_than": "is below {lt:g}",
    "string": "is text in quotes",
    "float": "is a number",
    "int": "is a whole number",
    "bool": "is true or false",
    "list": "is a list in brackets",
    "tuple": "is a list in brackets",
    "dict": "is a table",
    "model": "is a table",
    "date": "is a day, such as 2025-07-01",
}
"""Rules by the kinds of pydantic (docs.pydantic.dev, "Validation Errors"), or by how these kinds begin."""


def read_toml(path: Path, problems: Problems) -> dict[str, Any]:
    """
    Read a TOML file written by a person.

    Parameters
    ----------
    path
        The file, UTF-8.
    problems
        Collector; a file that cannot be read is reported with the line at which reading ended.

    Returns
    -------
    dict
        Content, empty where it could not be read.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            problems.error(f"is smaller than {MAX_BYTES} bytes")
            return {}
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        problems.error("file is present")
    except IsADirectoryError:
        problems.error("is a file")
    except OSError as error:
        problems.error(f"can be read ({error.strerror})")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problems.error(f"is UTF-8 text; line {line} is not: save it as UTF-8")
    except RecursionError:
        problems.error("is valid TOML, whose brackets are not nested beyond reason")
    except tomllib.TOMLDecodeError as error:
        problems.error(f"is valid TOML ({error})")
    return {}


def line_of(text: str, where: tuple[str | int, ...]) -> int | None:
    """
    Line in which an entry is written, counted from 1.

    Parameters
    ----------
    text
        Text of the file.
    where
        Keys and positions from the top, such as ``("source", 1, "path")``.

    Returns
    -------
    int or None
        The line of the entry, else of the table that should hold it, else None.
    """
    path: list[str | int] = []
    seen: dict[str, int] = {}
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if header := _HEADER.match(line):
            parts = [part.strip('" ') for part in header[2].split(".")]
            if header[1] == "[[":
                seen[header[2]] = seen.get(header[2], -1) + 1
            path = []
            for depth, part in enumerate(parts, start=1):
                path.append(part)
                if (name := ".".join(parts[:depth])) in seen:
                    path.append(seen[name])
            entry = tuple(path)
        elif key := _KEY.match(line):
            entry = (*path, *(part.strip('" ') for part in key[1].split(".")))
        else:
            continue
        depth = len(entry)
        if tuple(map(str, where[:depth])) == tuple(map(str, entry)) and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None


def report_invalid(error: ValidationError, text: str, problems: Problems) -> None:
    """Turn what pydantic found into problems that name the line."""
    for found in error.errors(include_url=False):
        where = _written(found["loc"])
        line = line_of(text, where)
        name = ".".join(str(part + 1 if isinstance(part, int) else part) for part in where)
        message = _in_words(found["type"], found.get("ctx", {}), found["msg"])
        if found["type"].startswith("union_tag"):
            name += ".kind"
        given = found.get("input")
        shown = (
            f" (is {given!r})"
            if isinstance(given, str | int | float | bool) and found["type"] not in ("extra_forbidden", "missing")
            else ""
        )
        problems.add(
            Problem(rule=f"{message}{shown}", file=problems.file + (f", line {line}" if line else ""), column=name)
        )


def _in_words(kind: str, context: Mapping[str, Any], message: str) -> str:
    """Rule that a value breaks, in the words of all other rules."""
    words = RULES.get(kind) or next((rule for start, rule in RULES.items() if kind.startswith(f"{start}_")), None)
    return words.format(**context) if words else message.removeprefix("Value error, ")


def _written(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Location without the tag of a union, which pydantic names after the position in a list."""
    return (*loc[:2], *loc[3:]) if len(loc) > 2 and isinstance(loc[1], int) else loc
