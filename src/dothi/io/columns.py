"""The columns of a source made into those of a table, by a mapping."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from dothi.errors import Problems
from dothi.io.mapping import CONVERSIONS, ColumnMapping, Rule, as_text, folded, key_of, matches
from dothi.io.numerals import FALSE, MISSING, TRUE, numbers
from dothi.schema import Column, Table, conform, expand
from dothi.tables import TABLES

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Shapes = np.ndarray[Any, np.dtype[np.object_]]

GEOMETRY: Final = "geometry"
COORDINATES: Final = ("geometry.x", "geometry.y")
"""What a column of a source can lead to besides the columns of the table."""

LISTED: Final = 12
_MULTI_PARTS: Final = {"MultiPoint": "Point", "MultiLineString": "LineString", "MultiPolygon": "Polygon"}


class _Source:
    """Columns of a source, found under any spelling, each as codes into its distinct values."""

    def __init__(self, frame: pd.DataFrame, mapping: ColumnMapping) -> None:
        self.frame = frame
        self.aliases = mapping.aliases
        self.spelling = {folded(str(name)): name for name in reversed(frame.columns)}
        self._coded: dict[str, tuple[Ints, list[str]]] = {}

    def find(self, name: str) -> Any:
        """Column of the frame that a name stands for; none where there is no such column."""
        for spelling in (name, *self.aliases.get(name, ())):
            if folded(spelling) in self.spelling:
                return self.spelling[folded(spelling)]
        return None

    def coded(self, name: str) -> tuple[Ints, list[str]]:
        """Position of the value of each row among the distinct values, −1 where missing; and those values."""
        if name not in self._coded:
            column = self.find(name)
            if column is None:
                self._coded[name] = (np.full(len(self.frame), -1), [])
            else:
                codes, distinct = pd.factorize(self.frame[column])
                texts = [unicodedata.normalize("NFC", as_text(value)).strip() for value in distinct]
                present = np.array([bool(text) for text in texts] + [False])
                self._coded[name] = (np.where(present[codes], codes, -1).astype("int64"), texts)
        return self._coded[name]

    def meet(self, when: Mapping[str, tuple[str, ...]]) -> Mask:
        """Rows that meet all conditions."""
        found = np.ones(len(self.frame), dtype=bool)
        for name, conditions in when.items():
            codes, texts = self.coded(name)
            values: list[str | None] = [*texts, None]
            found &= np.array([any(matches(text, one) for one in conditions) for text in values], dtype=bool)[codes]
        return found


def map_frame(
    frame: gpd.GeoDataFrame | pd.DataFrame, mapping: ColumnMapping, problems: Problems, table: str = ""
) -> gpd.GeoDataFrame | pd.DataFrame:
    """
    Table made of a source by a mapping.

    Parameters
    ----------
    frame
        Source as it was read; stays as it is.
    mapping
        How its columns become those of the table.
    problems
        Collector of what is found. Errors are left for the caller to raise.
    table
        Table to make; empty for the one the mapping is made for.

    Returns
    -------
    geopandas.GeoDataFrame or pandas.DataFrame
        The columns that the source has, as the table declares them, in the grid of the source; rows counted from 0.
        Multi-part geometry is taken apart where the table has single parts.
    """
    declared = TABLES[table or mapping.table]
    source = _Source(frame, mapping)
    if not _fits(source, mapping, declared, problems):
        return conform(frame.iloc[:0][[]], declared)
    keep = np.ones(len(frame), dtype=bool)
    for entry in mapping.leave_out:
        gone = source.meet(entry.when) & keep
        if gone.any():
            problems.note(f"rows left out: {entry.because}", table=declared.name, n_rows=int(gone.sum()))
            keep &= ~gone
    if not keep.all():
        source = _Source(frame[keep], mapping)
    rows = _Rows(source, mapping, declared, problems)
    made = {name: values for name in expand(declared.columns) if (values := rows.column(name)) is not None}
    result = pd.DataFrame(made, index=source.frame.index)
    if isinstance(source.frame, gpd.GeoDataFrame) and GEOMETRY in declared.columns:
        shapes, positions = _shapes(source.frame.geometry, declared.columns[GEOMETRY], mapping, rows)
        result = gpd.GeoDataFrame(result.iloc[positions], geometry=shapes, crs=frame.crs)
    result = result.reset_index(drop=True)
    return conform(result, declared)


def _fits(source: _Source, mapping: ColumnMapping, declared: Table, problems: Problems) -> bool:
    """Whether mapping, source and table go together; what does not is reported."""
    before = len(problems.errors)
    columns = expand(declared.columns)
    targets = {*mapping.columns.values(), *mapping.values, *mapping.defaults, *mapping.factors, *mapping.read_as}
    targets |= {rule.column for rule in mapping.rules}
    for name in sorted(targets - set(columns) - set(COORDINATES)):
        close = difflib.get_close_matches(name, columns, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; it has {', '.join(declared.columns)}"
        problems.error(f"is a column of the table{hint}", table=declared.name, column=name)
    absent = [name for name in dict.fromkeys(mapping.required) if source.find(name) is None and name != GEOMETRY]
    if absent:
        there = [str(name) for name in source.frame.columns if name != GEOMETRY]
        listed = ", ".join(there[:LISTED]) + (", …" if len(there) > LISTED else "")
        made_for = f" as in {mapping.name}" if mapping.name else ""
        problems.error(
            f"file has the columns {', '.join(absent)}{made_for}; it has {listed or 'none'}", table=declared.name
        )
    for name, factor in mapping.factors.items():
        if name in columns:
            _check_factor(name, factor, columns[name], declared, problems)
    given = set(mapping.defaults) | {rule.column for rule in mapping.rules if rule.value}
    given |= {column for name, column in mapping.columns.items() if source.find(name) is not None}
    for name, column in columns.items():
        if not (column.missing or column.kind == "geometry" or name in given or absent):
            problems.error("column comes from `columns`, `defaults` or a mapping", table=declared.name, column=name)
    return len(problems.errors) == before


def _check_factor(name: str, factor: float | str, column: Column, declared: Table, problems: Problems) -> None:
    known = [unit for unit, (_, leads_to) in CONVERSIONS.items() if leads_to == column.unit]
    rule = ""
    if column.kind not in ("integer", "float"):
        rule = "column with a factor has numbers"
    elif isinstance(factor, str) and factor not in known:
        rule = f"factor is a number or a unit that converts: {', '.join(known) or 'none does'}"
    elif not isinstance(factor, str) and not (math.isfinite(factor) and factor):
        rule = "factor is a finite number other than 0"
    if rule:
        problems.error(rule, table=declared.name, column=name)


class _Rows:
    """Columns of a table, made one by one of the rows of a source."""

    def __init__(self, source: _Source, mapping: ColumnMapping, declared: Table, problems: Problems) -> None:
        self.source = source
        self.mapping = mapping
        self.declared = declared
        self.problems = problems
        self.columns = expand(declared.columns)

    def labels(self, mask: Mask) -> list[str]:
        """What some rows are called: by the identifier of the source, else by their number in the file."""
        rows = np.flatnonzero(mask)[:LISTED]
        key = next((name for name, column in self.mapping.columns.items() if column == "source_id"), "")
        codes, texts = self.source.coded(key) if key else (np.full(len(mask), -1), [])
        index = self.source.frame.index
        return [
            texts[codes[row]]
            if codes[row] >= 0
            else f"no. {int(index[row]) + 1}"
            if index.dtype.kind == "i"
            else str(index[row])
            for row in rows
        ]

    def error(self, rule: str, name: str, mask: Mask) -> None:
        """Report rows that break a rule."""
        self.problems.error(rule, table=self.declared.name, column=name, rows=self.labels(mask), n_rows=int(mask.sum()))

    def column(self, name: str) -> pd.Series | None:
        """Values of a column of the table; none where the source says nothing of it."""
        if name == GEOMETRY:
            return None
        sources = [
            one for one, own in self.mapping.columns.items() if own == name and self.source.find(one) is not None
        ]
        rules = [rule for rule in self.mapping.rules if rule.column == name and self._applicable(rule)]
        if not (sources or rules or name in self.mapping.defaults):
            return None
        column = self.columns[name]
        fast = self._numeric(name, column, sources, rules)
        values = fast if fast is not None else self._parsed(*self._worded(name, sources, rules), name, column)
        if (factor := self.mapping.factors.get(name)) is not None:
            values = values * (CONVERSIONS[factor][0] if isinstance(factor, str) else factor)
        if name in self.mapping.defaults:
            values = self._with_default(values, name, column)
        return values

    def _applicable(self, rule: Rule) -> bool:
        return all(self.source.find(name) is not None or "" in tests for name, tests in rule.when.items())

    def _numeric(self, name: str, column: Column, sources: Sequence[str], rules: Collection[Rule]) -> pd.Series | None:
        """Numbers that are numbers in the source, and need nothing but to be taken."""
        if column.kind not in ("integer", "float") or len(sources) != 1 or rules:
            return None
        values = self.source.frame[self.source.find(sources[0])]
        if (
            not pd.api.types.is_numeric_dtype(values.dtype)
            or name in self.mapping.values
            or name in self.mapping.read_as
        ):
            return None
        found = pd.Series(values.to_numpy(dtype="float64", na_value=np.nan), index=values.index)
        return self._whole(found, name, column)

    def _worded(self, name: str, sources: Sequence[str], rules: Sequence[Rule]) -> tuple[Ints, list[str]]:
        """Values as codes into words: by rules, then by the columns of the source in order."""
        n_rows = len(self.source.frame)
        result = np.full(n_rows, -1)
        done = np.zeros(n_rows, dtype=bool)
        words: dict[str, int] = {}
        for rule in rules:
            if not rule.add and not done.all():
                found = self.source.meet(rule.when) & ~done
                result[found] = words.setdefault(rule.value, len(words)) if rule.value else -1
                done |= found
        listed = {key_of(key): value for key, value in self.mapping.values.get(name, {}).items()}
        unlisted = np.zeros(n_rows, dtype=bool)
        strange: dict[str, int] = {}
        for one in sources:
            codes, texts = self.source.coded(one)
            targets = np.full(len(texts) + 1, -1)
            outside = np.zeros(len(texts) + 1, dtype=bool)
            for i, text in enumerate(texts):
                value = listed.get(key_of(text), listed.get("*")) if listed else text
                outside[i] = value is None and bool(text)
                if value == "*":
                    value = text
                if value:
                    targets[i] = words.setdefault(value, len(words))
            open_rows = ~done & (result < 0)
            result = np.where(open_rows, targets[codes], result)
            lost = open_rows & outside[codes]
            unlisted |= lost
            for code, count in zip(*np.unique(codes[lost], return_counts=True), strict=True):
                strange[texts[code]] = strange.get(texts[code], 0) + int(count)
        if strange:
            most = sorted(strange.items(), key=lambda item: (-item[1], item[0]))
            shown = ", ".join(f"{text!r} ({count})" for text, count in most[:LISTED]) + (
                ", …" if len(most) > LISTED else ""
            )
            self.error(f'values are listed in `values.{name}`, or "*" is; not listed: {shown}', name, unlisted)
        additions = [rule for rule in rules if rule.add]
        if additions:
            result = self._added(result, words, additions)
        return result, list(words)

    def _added(self, result: Ints, words: dict[str, int], rules: Sequence[Rule]) -> Ints:
        """Words of all rules that hold, joined in the order of the rules."""
        held = np.stack([self.source.meet(rule.when) for rule in rules])
        combination = (held * (1 << np.arange(len(rules)))[:, None]).sum(axis=0)
        texts = [*words, ""]
        result = result.copy()
        for bits, before in sorted(set(zip(combination.tolist(), result.tolist(), strict=True))):
            joined = [texts[before], *(rule.value for i, rule in enumerate(rules) if bits >> i & 1)]
            text = " ".join(dict.fromkeys(" ".join(joined).split()))
            if text:
                rows = (combination == bits) & (result == before)
                combination[rows] = -1  # settled: the new code must not be taken for an old one
                result[rows] = words.setdefault(text, len(words))
        return result

    def _parsed(self, codes: Ints, words: list[str], name: str, column: Column) -> pd.Series:
        """Values of the kind of the column."""
        index = self.source.frame.index
        wrong = np.zeros(len(words) + 1, dtype=bool)
        match column.kind:
            case "integer" | "float":
                return self._numbers(codes, words, name, column)
            case "boolean":
                known = [True if w.lower() in TRUE else False if w.lower() in FALSE else None for w in words]
                wrong[:-1] = [
                    value is None and word.lower() not in MISSING for value, word in zip(known, words, strict=True)
                ]
                values = pd.Series(pd.array([*known, None], dtype="boolean").take(codes), index=index)
                rule = "is yes or no"
            case "category" if column.choices:
                wrong[:-1] = [word not in column.choices for word in words]
                targets = np.array([*(column.choices.index(w) if w in column.choices else -1 for w in words), -1])
                values = pd.Series(pd.Categorical.from_codes(targets[codes], list(column.choices)), index=index)
                shown = ", ".join(repr(word) for word in words if word not in column.choices)
                rule = f"is one of {', '.join(column.choices)}; map these in `values.{name}`: {shown}"
            case "time":
                times = pd.to_datetime(
                    pd.Series([*words, None], dtype="str"), errors="coerce", utc=True, format="ISO8601"
                )
                wrong[:-1] = times.isna()[:-1]
                values = pd.Series(times.array.take(codes), index=index)
                rule = "is a date or time as in ISO 8601, such as 2025-07-01T06:00"
            case _:
                return pd.Series(pd.array([*words, None], dtype="str").take(codes), index=index)
        if wrong.any():
            self.error(rule, name, wrong[codes])
        return values

    def _numbers(self, codes: Ints, words: list[str], name: str, column: Column) -> pd.Series:
        used = np.unique(codes[codes >= 0])
        texts = [words[i] for i in used]
        rule = "is a number"
        if self.mapping.read_as.get(name) == "year":
            found, wrong, ambiguous = _years(texts)
            rule = "is a year, or a date that begins or ends with one"
        else:
            found, wrong, ambiguous = numbers(texts, self.mapping.decimal)
        values = np.full(len(words) + 1, np.nan)
        values[used] = found
        if ambiguous:
            examples = [text for text in texts if re.search("[.,]", text)][:3]
            self.error(
                f'numbers such as {", ".join(examples)} can be read in two ways: add decimal = "." or decimal = ","',
                name,
                codes >= 0,
            )
        if wrong:
            lost = np.isin(codes, used[wrong])
            examples = [repr(texts[i]) for i in wrong[:3]]
            self.error(f"{rule}; these are not: {', '.join(examples)}", name, lost)
        return self._whole(pd.Series(values[codes], index=self.source.frame.index), name, column)

    def _whole(self, values: pd.Series, name: str, column: Column) -> pd.Series:
        """Numbers, whole where the column wants them so."""
        if column.kind == "integer" and name not in self.mapping.factors:
            broken = (values.notna() & (values != np.round(values))).to_numpy()
            if broken.any():
                self.error("is a whole number", name, broken)
        return values

    def _with_default(self, values: pd.Series, name: str, column: Column) -> pd.Series:
        default = self.mapping.defaults[name]
        fits = {
            "integer": isinstance(default, int) and not isinstance(default, bool),
            "float": isinstance(default, (int, float)) and not isinstance(default, bool),
            "boolean": isinstance(default, bool),
            "category": not column.choices or default in column.choices,
        }.get(column.kind, isinstance(default, str))
        if not fits:
            wanted = f"one of {', '.join(column.choices)}" if column.choices else column.kind
            self.problems.error(f"default is {wanted}; it is {default!r}", table=self.declared.name, column=name)
            return values
        return values.fillna(default)


def _years(texts: Sequence[str]) -> tuple[np.ndarray[Any, np.dtype[np.float64]], list[int], bool]:
    """Years of dates that begin (1998-05-01, 1998/05/01) or end (01/05/1998) with one."""
    found = np.full(len(texts), np.nan)
    wrong = []
    for i, text in enumerate(texts):
        year = re.match(r"(\d{4})(?!\d)", text) or re.fullmatch(r"\d{1,2}[./-]\d{1,2}[./-](\d{4})", text)
        if year:
            found[i] = int(year[1])
        elif text.lower() not in MISSING:
            wrong.append(i)
    return found, wrong, False


def _shapes(geometry: gpd.GeoSeries, column: Column, mapping: ColumnMapping, rows: _Rows) -> tuple[Shapes, Ints]:
    """Geometry of the kinds a table takes, and the row of the source that each shape comes from."""
    shapes = np.asarray(geometry.array, dtype=object)
    positions = np.arange(len(shapes))
    nothing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    if nothing.any() and not column.missing:
        rows.problems.repair(
            "rows without geometry left out",
            table=rows.declared.name,
            rows=rows.labels(nothing),
            n_rows=int(nothing.sum()),
        )
        shapes, positions = shapes[~nothing], positions[~nothing]
    if column.choices:
        names = np.array([*(kind.name for kind in shapely.GeometryType if kind.value >= 0), "NONE"])
        plain = {
            kind.upper(): kind for kind in (*_MULTI_PARTS, *_MULTI_PARTS.values(), "LinearRing", "GeometryCollection")
        }
        kinds = np.array([plain.get(name, name) for name in names])[shapely.get_type_id(shapes)]
        divisible = [m for m, part in _MULTI_PARTS.items() if part in column.choices and m not in column.choices]
        split = np.isin(kinds, divisible)
        if split.any():
            parts, origin = shapely.get_parts(shapes, return_index=True)
            shapes, positions, kinds = (
                parts,
                positions[origin],
                np.array([_MULTI_PARTS.get(k, k) for k in kinds[origin]]),
            )
        wrong = ~np.isin(kinds, column.choices) & (kinds != "NONE")
        if wrong.any():
            mask = np.zeros(len(geometry), dtype=bool)
            mask[positions[wrong]] = True
            found = ", ".join(sorted(set(kinds[wrong])))
            rows.error(
                f"geometry is {' or '.join(column.choices)}; this is {found}{_advice(shapes[wrong], column)}",
                GEOMETRY,
                mask,
            )
    if mapping.no_height_below_m > -math.inf:
        shapes = _without_marks(shapes, mapping.no_height_below_m, rows)
    return shapes, positions


def _advice(shapes: Shapes, column: Column) -> str:
    """What to do with geometry of the wrong kind."""
    if "Polygon" in column.choices and np.all(shapely.get_dimensions(shapes) == 1):
        if np.all(shapely.is_closed(shapes)):
            return ": outlines drawn as closed lines; turn them into polygons in a GIS (QGIS: Lines to polygons)"
        return ": lines have no area"
    return ""


def _without_marks(shapes: Shapes, lowest: float, rows: _Rows) -> Shapes:
    """Shapes whose vertices have no height where the source has only a mark for a missing one, such as −1000."""
    spatial = shapely.has_z(shapes)
    if not spatial.any():
        return shapes
    coordinates, origin = shapely.get_coordinates(shapes[spatial], include_z=True, return_index=True)
    marks = coordinates[:, 2] < lowest
    if not marks.any():
        return shapes
    touched = np.flatnonzero(spatial)[np.unique(origin[marks])]
    inside = np.isin(np.flatnonzero(spatial)[origin], touched)
    coordinates[marks, 2] = np.nan
    result = shapes.copy()
    result[touched] = shapely.set_coordinates(shapes[touched].copy(), coordinates[inside])
    rows.problems.repair(
        f"heights of vertices below {lowest:g} m are marks for none, and were taken away",
        table=rows.declared.name,
        column=GEOMETRY,
        n_rows=len(touched),
    )
    return result
