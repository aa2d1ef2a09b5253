"""Scenarios: what people write, what is wrong with it, and what it does to a city."""

import json

import pytest

from dothi.changes import CHANGES
from dothi.errors import InputError, Problems
from dothi.scenario import LANGUAGES, TODAY, lineage, read_scenarios

CLOSED = """
title = { en = "High street closed", vi = "Đóng phố" }

[[change]]
kind = "close_links"
links = "rue haute"
modes = ["car", "bus"]
"""


def test_a_scenario_is_a_few_readable_lines(little_study, little_city):
    scenario = little_study(closed=CLOSED).scenarios["closed"]
    city = scenario.apply(little_city)
    named = city["links"]["name"] == "Rue haute"
    assert not city["links"]["car"][named].any()
    assert city["links"]["car"][~named].all()
    assert city["links"]["truck"].all()
    assert little_city["links"]["car"].all()


def test_a_missing_title_is_taken_from_another_language(little_study):
    assert little_study(closed=CLOSED).scenarios["closed"].title.fr == "High street closed"


def test_today_is_a_scenario_without_changes(little_study):
    study = little_study(closed=CLOSED)
    assert list(study.scenarios) == [TODAY, "closed"]
    assert not study.scenarios[TODAY].change


def test_scenarios_stand_behind_their_bases(little_study):
    study = little_study(a='title = "A"\nbase = "b"\n', b='title = "B"\nbase = "c"\n', c='title = "C"\n')
    assert [scenario.name for scenario in lineage("a", study.scenarios)] == [TODAY, "c", "b", "a"]
    assert list(study.scenarios) == [TODAY, "c", "b", "a"]


def test_all_problems_of_all_files_are_named_at_once_with_their_lines(little_study):
    study = little_study(
        one='title = "One"\nyeer = 2040\n[[change]]\nkind = "close_lynks"\n',
        two='title = "Two"\nbase = "three"\n\n[[change]]\nkind = "close_links"\nlinks = {}\nmodes = ["cart"]\n',
        four='title = "Four\n',
    )
    with pytest.raises(InputError) as raised:
        _ = study.scenarios
    found = "\n".join(map(str, raised.value.problems))
    assert "one.toml, line 2: yeer: is a known key" in found
    assert "one.toml, line 3: change.1.kind: is one of" in found
    assert "two.toml, line 6" in found
    assert "two.toml, line 7" in found
    assert "four.toml: is valid TOML" in found


@pytest.mark.parametrize(("first", "second"), [("b", "a"), ("a", "a")])
def test_scenarios_do_not_rest_on_themselves(little_study, first, second):
    with pytest.raises(InputError, match="does not rest on itself"):
        _ = little_study(a=f'title = "A"\nbase = "{first}"\n', b=f'title = "B"\nbase = "{second}"\n').scenarios


def test_an_unknown_base_is_named(little_study):
    with pytest.raises(InputError, match="is a scenario: nowhere"):
        _ = little_study(a='title = "A"\nbase = "nowhere"\n').scenarios


def test_what_does_not_fit_the_city_is_named_with_its_line(little_study, little_city):
    text = (
        'title = "T"\n[[change]]\nkind = "close_links"\nlinks = [1, 9999]\n'
        '[[change]]\nkind = "close_links"\nlinks = "Rue basse"\n'
    )
    scenario = little_study(t=text).scenarios["t"]
    with pytest.raises(InputError) as raised:
        scenario.apply(little_city, file="t.toml", text=text)
    first, second = map(str, raised.value.problems)
    assert first.startswith("t.toml, line 2: close_links: links: occurs in links (1 row, 9999)")
    assert second.startswith("t.toml, line 5: close_links: links: selects at least one")


@pytest.mark.parametrize(
    ("selection", "count"),
    [
        ("[0]", 2),
        ('{ ward = "phường nam" }', 44),
        ("{ where = { length_m = { min = 50, max = 150 } } }", 80),
        ("{ where = { length_m = { min = 150 } }, ids = [0] }", None),
        ("{ within = [[355050, 6688950], [355140, 6688950], [355140, 6689040], [355050, 6689040]] }", 2),
        ('"all"', 80),
    ],
)
def test_objects_are_chosen_in_many_ways(little_study, little_city, selection, count):
    text = f'title = "T"\n[[change]]\nkind = "close_links"\nmodes = ["car"]\nlinks = {selection}\n'
    scenario = little_study(t=text).scenarios["t"]
    if count is None:
        with pytest.raises(InputError, match="selects at least one"):
            scenario.apply(little_city)
    else:
        assert (~scenario.apply(little_city)["links"]["car"]).sum() == count


def test_areas_may_lie_in_files_of_the_study_and_nowhere_else(little_study, tmp_path):
    study = little_study(t='title = "T"\n[[change]]\nkind = "close_links"\nlinks = { within = "areas/box.geojson" }\n')
    box = {"type": "Polygon", "coordinates": [[[-1.5, 47.2], [-1.4, 47.2], [-1.4, 47.3], [-1.5, 47.2]]]}
    with pytest.raises(InputError, match="is a file that can be read"):
        _ = study.scenarios
    (study.folder / "areas").mkdir()
    (study.folder / "areas" / "box.geojson").write_text(json.dumps({"type": "Feature", "geometry": box}))
    assert study.scenarios["t"].change[0].links.within.area == pytest.approx(0.005)
    (tmp_path / "outside.geojson").write_text(json.dumps(box))
    (study.folder / "scenarios" / "t.toml").write_text(
        'title = "T"\n[[change]]\nkind = "close_links"\nlinks = { within = "../outside.geojson" }\n'
    )
    with pytest.raises(InputError, match="is a file inside the study"):
        _ = study.scenarios


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe\x00",
        b'title = "T"\n' + b"x" * 2_000_000,
        b'title = ""\n',
        b'title = "T"\nchange = 3\n',
        b'title = "T"\nbase = "../../etc"\n',
        b'title = "T"\n[[change]]\nkind = "close_links"\nlinks = { within = [[0, 0], [1, 1], [0, 1], [1, 0]] }\n',
        b'title = "T"\n[[change]]\nkind = "close_links"\nlinks = { within = [[nan, 0], [1, 1], [0, 1]] }\n',
        b'title = "T"\n[[change]]\nkind = "close_links"\nlinks = { within = { type = "Polygon" } }\n',
    ],
)
def test_hostile_files_end_in_a_clear_error(little_study, text):
    study = little_study()
    (study.folder / "scenarios" / "bad.toml").write_bytes(text)
    with pytest.raises(InputError) as raised:
        _ = study.scenarios
    assert all("bad.toml" in str(problem) for problem in raised.value.problems)


def test_a_scenario_reads_back_from_what_is_kept_of_it(little_study):
    scenario = little_study(closed=CLOSED).scenarios["closed"]
    assert type(scenario).model_validate(json.loads(scenario.model_dump_json())) == scenario


@pytest.mark.parametrize("kind", sorted(CHANGES))
def test_every_kind_of_change_says_what_it_does_in_every_language_and_what_it_touches(kind):
    change = CHANGES[kind]
    assert set(change.sentence) == set(LANGUAGES)
    assert change.touches
    assert change.__doc__
    assert all(field.description for name, field in change.model_fields.items() if name != "kind")


def test_no_problem_of_one_file_hides_those_of_another(tmp_path):
    problems = Problems()
    assert list(read_scenarios(tmp_path, problems)) == [TODAY]
    assert not len(problems)
