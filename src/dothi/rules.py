"""
Problems in the language of the reader.

A rule is reported as one English sentence, put together where it is checked. Here the sentence is recognised again by
its fixed words, and told in French and Vietnamese with the same values. What is not known stays English.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from dothi.rules_words import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dothi.errors import Problem

LANGUAGES: Final = ("en", "fr", "vi")
RULE: Final = "rule"
"""Placeholder of a rule within a rule."""
_HOLE: Final = re.compile(r"\{(\w+)\}")
_GIVEN: Final = re.compile(r"(.+) \(is (.+)\)", re.DOTALL)
"""A rule with what is there instead, as `dothi.io.toml.report_invalid` writes it."""
_WHERE: Final = re.compile(r", (line|change) (\d+)")
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "given": "{rule} (ici : {given})",
        "line": ", ligne {n}",
        "change": ", modification {n}",
        "row": "ligne",
        "rows": "lignes",
        "e.g.": "p. ex.",
        "colon": "\u00a0: ",
    },
    "vi": {
        "given": "{rule} (ở đây là {given})",
        "line": ", dòng {n}",
        "change": ", thay đổi {n}",
        "row": "dòng",
        "rows": "dòng",
        "e.g.": "ví dụ",
        "colon": ": ",
    },
}


@cache
def _patterns() -> list[tuple[re.Pattern[str], tuple[str, str]]]:
    """Sentences as patterns; those with more fixed letters first, as they say more."""
    ordered = sorted(RULES, key=lambda template: -len(_HOLE.sub("", template)))
    return [(_pattern(template), RULES[template]) for template in ordered]


def _pattern(template: str) -> re.Pattern[str]:
    parts = _HOLE.split(template)
    fixed, holes = map(re.escape, parts[::2]), (f"(?P<{name}>.+?)" for name in parts[1::2])
    text = "".join(part + next(holes, "") for part in fixed)
    return re.compile(text, re.DOTALL)


def in_language(rule: str, language: str) -> str:
    """
    A rule in a language; as it is where that is English or the rule is not known.

    >>> in_language("is at most 5 (is 7)", "fr")
    'vaut au plus 5 (ici : 7)'
    """
    if language not in WORDS:
        return rule
    if (with_value := _GIVEN.fullmatch(rule)) and (inner := _found(with_value[1], language)):
        return WORDS[language]["given"].format(rule=inner, given=with_value[2])
    return _found(rule, language) or rule


def _found(rule: str, language: str) -> str | None:
    place = LANGUAGES.index(language) - 1
    if rule in RULES:
        return RULES[rule][place]
    for pattern, said in _patterns():
        if match := pattern.fullmatch(rule):
            values = match.groupdict()
            if RULE in values:
                values[RULE] = in_language(values[RULE], language)
            return said[place].format(**values)
    return None


def told(problem: Problem, language: str) -> str:
    """A problem in one line, in a language: ``file: table.column: rule (3 rows, e.g. 4, 8, 9)``."""
    if language not in WORDS:
        return str(problem)
    words = WORDS[language]
    place = _WHERE.sub(lambda found: words[found[1]].format(n=found[2]), problem.place)
    text = in_language(problem.rule, language)
    text = f"{place}{words['colon']}{text}" if place else text
    if not problem.n_rows:
        return text
    counted = f"{problem.n_rows} {words['row' if problem.n_rows == 1 else 'rows']}"
    if not problem.rows:
        return f"{text} ({counted})"
    lead = f"{words['e.g.']} " if problem.n_rows > 1 else ""
    return f"{text} ({counted}, {lead}{', '.join(problem.rows)})"
