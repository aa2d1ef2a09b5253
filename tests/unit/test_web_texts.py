"""Every table, column and category that the web app shows has its word in Vietnamese, French and English."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dothi.chain import STAGES
from dothi.status import STATUS_OF_METHOD, STATUSES
from dothi.tables import TABLES

I18N = Path(__file__).parents[2] / "web" / "src" / "i18n"
LANGUAGES = ("vi", "fr", "en")

pytestmark = pytest.mark.skipif(not I18N.exists(), reason="the sources of the web app are not in this installation")


def words_of(language: str) -> dict[str, Any]:
    return json.loads((I18N / "words" / f"{language}.json").read_text(encoding="utf-8"))


def category_words(words: dict[str, Any], key: str) -> dict[str, str]:
    """Words of the values of a column; a text in place of words says whose words they are."""
    entry = words["categories"].get(key, {})
    return category_words(words, entry) if isinstance(entry, str) else entry


def leaves(node: Any, path: str = "") -> dict[str, str]:
    if isinstance(node, dict):
        return {at: text for key, value in node.items() for at, text in leaves(value, f"{path}/{key}").items()}
    return {path: node}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_table_has_its_name_for_one_and_for_many(language):
    tables = words_of(language)["tables"]
    assert set(tables) == set(TABLES)
    assert all(entry["one"] and entry["many"] for entry in tables.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_simulation_has_its_name(language):
    assert set(STAGES) <= set(words_of(language)["methods"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_column_has_its_name(language):
    columns = words_of(language)["columns"]
    missing = [
        f"{table.name}.{column}"
        for table in TABLES.values()
        for column in (table.id, *table.columns)
        if not (columns.get(f"{table.name}.{column}") or columns.get(column))
    ]
    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_category_has_its_word_and_no_word_is_left_over(language):
    words = words_of(language)
    for table in TABLES.values():
        for name, column in table.columns.items():
            if column.kind == "category":
                assert set(category_words(words, f"{table.name}.{name}")) == set(column.choices), f"{table.name}.{name}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_or_category_of_buildings_and_roads_says_what_it_is(language):
    notes = words_of(language)["notes"]
    yes_or_no = {"walk", "bicycle", "motorbike", "car", "bus", "truck"}
    for table in ("buildings", "links"):
        for name, column in TABLES[table].columns.items():
            shown = column.kind == "category" or (column.kind in ("float", "integer") and not column.refers_to)
            if shown and name not in yes_or_no and name != "level":
                assert notes.get(f"{table}.{name}"), f"{table}.{name}"


def test_the_three_languages_hold_the_same_words():
    first, *others = (leaves(words_of(language)) for language in LANGUAGES)
    for other in others:
        assert set(first) == set(other)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_is_empty_or_has_blanks_at_its_ends(language):
    wrong = [path for path, text in leaves(words_of(language)).items() if not text or text != text.strip()]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_interface_has_a_dictionary_in_every_language(language):
    text = (I18N / f"{language}.ts").read_text(encoding="utf-8")
    assert re.search(rf"export const {language}\b", text)


def test_every_method_that_the_place_and_derive_modules_write_has_its_word():
    """Method words stand in the theory pages as tables; each has a word a planner understands."""
    theory = Path(__file__).parents[2] / "docs" / "theory"
    if not theory.exists():
        pytest.skip("the documentation is not in this installation")
    told = {
        method
        for page in ("buildings.md", "people.md")
        for line in (theory / page).read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
        for method in re.findall(r"`([a-z_]+)`", line.split("|")[1])
    }
    assert told
    for language in LANGUAGES:
        assert told - set(words_of(language)["methods"]) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_method_with_a_status_has_its_word(language):
    assert set(STATUS_OF_METHOD) - set(words_of(language)["methods"]) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_status_has_its_word(language):
    words = words_of(language)
    assert set(words["statuses"]) == set(words["status_notes"]) == set(STATUSES)
