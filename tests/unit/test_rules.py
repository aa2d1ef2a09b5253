"""Rules in the language of the reader: every one that an author of scenarios meets is told in all three."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import dothi
from dothi.errors import Problem
from dothi.io.toml import RULES as OF_VALUES
from dothi.rules import in_language, told
from dothi.rules_words import RULES

ROOT = Path(dothi.__file__).parent
MET = (
    *(
        "changes/*.py",
        "scenario.py",
        "scenario_write.py",
        "run.py",
        "record.py",
        "work.py",
        "evaluate.py",
        "model.py",
        "schema.py",
        "study.py",
    ),
    *("overview.py", "difference.py", "turns.py", "io/toml.py", "derive/heavy_rain.py", "server/runs.py"),
    *("server/body.py", "server/problems.py"),
)
"""Modules whose problems are read in the app by whoever writes scenarios."""
REPORTS = ("error", "note", "repair", "Problem", "ValueError", "KeyError", "missing")
HOLE = re.compile(r"\{(\w+)\}")


def said(node: ast.expr) -> Iterator[str]:
    """Sentences that an expression may be, with a word for each value in them."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(part.value if isinstance(part, ast.Constant) else "X7" for part in values)
        case ast.IfExp(body=body, orelse=orelse):
            yield from said(body)
            yield from said(orelse)
        case ast.Dict(values=values):
            for value in values:
                yield from said(value)
        case ast.Tuple(elts=[first, *_]):
            yield from said(first)


def rules_of(path: Path) -> set[str]:
    """Rules that a module reports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]) if name in REPORTS:
                found |= set(said(first))
            case ast.Assign(targets=[ast.Name(id="rule" | "rules")], value=value):
                found |= set(said(value))
    return {rule for rule in found if " " in rule}


def modules() -> list[Path]:
    return sorted(path for pattern in MET for path in ROOT.glob(pattern))


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_rule_that_an_author_meets_is_told_in_three_languages(path):
    for rule in rules_of(path):
        for language in ("fr", "vi"):
            assert in_language(rule, language) != rule, f"{path.name} reports a rule without {language}: {rule}"


def test_the_rules_of_single_values_are_told_too():
    for template in OF_VALUES.values():
        rule = re.sub(r"\{[^}]*\}", "7", template)
        assert in_language(rule, "fr") != rule != in_language(rule, "vi")


def test_translations_speak_of_the_same_values():
    for english, translations in RULES.items():
        for text in translations:
            assert sorted(HOLE.findall(text)) == sorted(HOLE.findall(english)), english


def test_values_stand_where_the_language_wants_them():
    rule = "is wide enough: with sides of 1:2 it gets 0.80 m deep at most"
    assert in_language(rule, "fr") == "est assez large : avec des talus de 1:2 il n’atteint que 0.80 m"
    assert in_language("is at most 5 (is 7)", "vi") == "nhiều nhất là 5 (ở đây là 7)"
    assert in_language("is one of 1, 2, 5 years, for Huế; or give curve", "fr") == (
        "est l’un de 1, 2, 5 ans, pour Huế ; ou indiquez curve"
    )


def test_what_nobody_translated_stays_english():
    assert in_language("sings in tune", "vi") == "sings in tune"
    assert in_language("is a number", "en") == "is a number"


def test_a_problem_is_told_in_one_line_with_its_place_and_rows():
    problem = Problem(
        "occurs in stops", "scenarios/a.toml, line 4: edit_transit", "routes", "stops", 4, ("1", "2", "3")
    )
    assert told(problem, "en") == str(problem)
    assert told(problem, "fr") == (
        "scenarios/a.toml, ligne 4: edit_transit: routes.stops\u00a0: figure dans stops (4 lignes, p. ex. 1, 2, 3)"
    )
    assert told(Problem("is a number", n_rows=1, rows=("8",)), "vi") == "là một số (1 dòng, 8)"
