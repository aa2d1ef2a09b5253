"""How the columns of a source become those of a table: a mapping, as data."""

from __future__ import annotations

import difflib
import math
import operator
import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np

from dothi import units

CONVERSIONS: Final[dict[str, tuple[float, str]]] = {
    "km_h": (units.M_S_PER_KM_H, "m s⁻¹"),
    "mph": (units.M_S_PER_MPH, "m s⁻¹"),
    "knot": (units.M_S_PER_KNOT, "m s⁻¹"),
    "mm": (1e-3, "m"),
    "cm": (1e-2, "m"),
    "dm": (1e-1, "m"),
    "km": (units.M_PER_KM, "m"),
    "foot": (units.M_PER_FOOT, "m"),
    "inch": (units.M_PER_INCH, "m"),
    "mile": (units.M_PER_MILE, "m"),
    "ha": (units.M2_PER_HA, "m²"),
    "km2": (units.M2_PER_KM2, "m²"),
    "hpa": (units.PA_PER_HPA, "Pa"),
}
"""Conversions by the unit of the source: factor, and the unit of the column it leads to."""

_DECIMAL: Final = re.compile(r"-?(0|[1-9]\d*)\.\d+")
_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """
    A value given where some columns of the source hold some values.

    Attributes
    ----------
    column
        Column of the table.
    when
        Conditions, all of which hold, by column of the source: see `matches`.
    value
        The value; empty for missing.
    add
        Whether the words of the value join those of other rules, as in a list of modes, and do not end the search.
    """

    column: str
    when: Mapping[str, tuple[str, ...]]
    value: str
    add: bool = False


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """Rows of the source that do not come into the table, and why."""

    when: Mapping[str, tuple[str, ...]]
    because: str


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """
    How the columns of a source become those of a table.

    Attributes
    ----------
    name
        What the source is called.
    table
        Table it is made for.
    layer
        Layer, or file of an archive, that holds the source.
    columns
        Column of the table by column of the source. Where several lead to one, the first that has a value counts.
    aliases
        Other spellings of columns of the source, by the one used in this mapping. Case never matters.
    values
        Value by value of the source, by column of the table: ``*`` stands for all others, an empty value for missing,
        and the value ``*`` for the value as it is.
    rules
        Rules, tried in order before `columns`.
    leave_out
        Rows to leave out.
    defaults
        Value where the source has none, by column of the table.
    factors
        Factor, or name of one in `CONVERSIONS`, by column of the table.
    read_as
        ``year`` for a column that takes the year of a date.
    required
        Columns of the source without which it is another source.
    decimal
        Decimal sign of numbers written as text; empty to find it out.
    no_height_below_m
        Level under which a vertex has no height, only a mark for a missing one [m].
    """

    name: str = ""
    table: str = ""
    layer: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    leave_out: tuple[LeaveOut, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    factors: Mapping[str, float | str] = field(default_factory=dict)
    read_as: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    decimal: str = ""
    no_height_below_m: float = -math.inf

    def sources(self) -> list[str]:
        """Columns of the source that this mapping reads, in every spelling it knows."""
        used = [*self.columns, *self.required]
        used.extend(name for rule in self.rules for name in rule.when)
        used.extend(name for entry in self.leave_out for name in entry.when)
        return [spelling for name in dict.fromkeys(used) for spelling in (name, *self.aliases.get(name, ()))]

    def with_own(
        self,
        *,
        columns: Mapping[str, str] | None = None,
        values: Mapping[str, Mapping[str, Any]] | None = None,
        defaults: Mapping[str, Any] | None = None,
        factors: Mapping[str, float | str] | None = None,
        where: Mapping[str, Any] | None = None,
        decimal: str = "",
    ) -> ColumnMapping:
        """Put entries of one's own before those of this mapping; columns named here are required."""
        own = dict(columns or {})
        texts = {
            name: {key: as_text(value) for key, value in listed.items()} for name, listed in (values or {}).items()
        }
        rows = tuple(LeaveOut({name: (f"!{text}",)}, "`where` says so") for name, text in _negations(where or {}))
        return replace(
            self,
            columns=own | {name: column for name, column in self.columns.items() if name not in own},
            values={name: {**self.values.get(name, {}), **texts.get(name, {})} for name in {**self.values, **texts}},
            rules=tuple(rule for rule in self.rules if rule.column not in own.values()),
            leave_out=self.leave_out + rows,
            defaults={**self.defaults, **(defaults or {})},
            factors={**self.factors, **(factors or {})},
            required=(*self.required, *own, *(where or {})),
            decimal=decimal or self.decimal,
        )


def _negations(where: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs of column and joined alternatives, none of which holds in a row to leave out."""
    return [(name, "|".join(_texts(value))) for name, value in where.items()]


def as_text(value: Any) -> str:
    """A value as text, the way values of a source are compared: 6 for 6.0, true for True."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, (float, np.floating)):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)


def folded(text: str) -> str:
    """Text without what two spellings of one word may differ in: case, blanks at the ends, Unicode form."""
    return unicodedata.normalize("NFC", text).strip().casefold()


def key_of(text: str) -> str:
    """
    What two spellings of one value have in common: folded, and a number as the shortest number.

    >>> key_of(" Résidentiel"), key_of("5.0"), key_of("0044")
    ('résidentiel', '5', '0044')
    """
    if _DECIMAL.fullmatch(text.strip()):
        return as_text(float(text))
    return folded(text)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(as_text, value if isinstance(value, (list, tuple)) else [value]))


def matches(text: str | None, condition: str) -> bool:
    """
    Whether a value of a source meets a condition.

    Parameters
    ----------
    text
        The value; none where missing.
    condition
        A word to equal; ``~word`` to contain; ``> 0`` and the like to compare; ``*`` for any; empty for missing;
        ``!a|b`` for neither.

    >>> [matches("Sens direct", c) for c in ("sens DIRECT", "~direct", "*", "", "!Sens inverse|Sans objet")]
    [True, True, True, False, True]
    >>> matches("2", "> 1"), matches("Gué", "> 1"), matches(None, "")
    (True, False, True)
    """
    if condition.startswith("!"):
        return not any(matches(text, part) for part in condition[1:].split("|"))
    if text is None or not condition:
        return text is None and not condition
    if condition == "*":
        return True
    if condition.startswith("~"):
        return folded(condition[1:]) in folded(text)
    for sign, compare in _COMPARISONS.items():
        if condition.startswith(sign):
            try:
                return compare(float(text), float(condition[len(sign) :]))
            except ValueError:
                return False
    return key_of(text) == key_of(condition)


def mapping_from(data: Mapping[str, Any], name: str) -> ColumnMapping:
    """Mapping of its TOML form, which has the entries of `ColumnMapping` under the same names."""

    def conditions(when: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        return {column: _texts(value) for column, value in when.items()}

    return ColumnMapping(
        name=name,
        table=data.get("table", ""),
        layer=data.get("layer", name.partition(":")[2]),
        columns=data.get("columns", {}),
        aliases={column: _texts(others) for column, others in data.get("aliases", {}).items()},
        values={
            column: {key: as_text(value) for key, value in listed.items()}
            for column, listed in data.get("values", {}).items()
        },
        rules=tuple(
            Rule(
                entry["column"],
                conditions(entry["when"]),
                as_text(entry.get("add", entry.get("value", ""))),
                "add" in entry,
            )
            for entry in data.get("rules", ())
        ),
        leave_out=tuple(LeaveOut(conditions(entry["when"]), entry["because"]) for entry in data.get("leave_out", ())),
        defaults=data.get("defaults", {}),
        factors=data.get("factors", {}),
        read_as=data.get("read_as", {}),
        required=_texts(data.get("required", [])),
        decimal=data.get("decimal", ""),
        no_height_below_m=float(data.get("no_height_below_m", -math.inf)),
    )


@cache
def _product(name: str) -> dict[str, Any]:
    file = files("dothi.io").joinpath("mappings", f"{name}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def mapping_names() -> tuple[str, ...]:
    """Names of the ready-made mappings."""
    folder = files("dothi.io").joinpath("mappings")
    products = sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))
    return tuple(f"{product}:{layer}" for product in products for layer in _product(product))


def load_mapping(name: str) -> ColumnMapping:
    """
    Ready-made mapping by name.

    Parameters
    ----------
    name
        Product and layer, such as ``bdtopo3:batiment``; see `mapping_names`.

    Raises
    ------
    KeyError
        There is none of this name; the message lists those there are.
    """
    if name not in mapping_names():
        close = difflib.get_close_matches(name, mapping_names(), n=3, cutoff=0.3) or mapping_names()
        raise KeyError(f"no mapping {name!r}; there is {', '.join(close)}")
    product, layer = name.split(":")
    return mapping_from(_product(product)[layer], name)
