"""Scenarios side by side: what is better, what is worse, what is missing, and what differs."""

import json
import math

import pandas as pd
import pytest

from dothi.compare import (
    Cell,
    compare,
    differences,
)
from dothi.difference import between, common_limits, difference, difference_limits, only_in_one
from dothi.errors import InputError
from dothi.evaluate import CITY, evaluate, ward_names
from dothi.indicators import KPIS
from dothi.kpi import Evidence
from dothi.publish.comparison import WORDS, as_plain, shown, signed, write_comparison
from dothi.scenario import LANGUAGES, TODAY

pytestmark = pytest.mark.usefixtures("little_chain")

NO_CARS = 'title = { en = "No cars", fr = "Sans voitures", vi = "Không ô tô" }\nyear = 2030\n'
NO_CARS += '[[change]]\nkind = "close_links"\nlinks = "Rue haute"\nmodes = ["car"]\n'
NEAR = 'title = "Near"\nbase = "cars"\n[models.walk]\nlimit_m = 50.0\n'


@pytest.fixture
def study(little_study):
    study = little_study(cars=NO_CARS, near=NEAR)
    study.run()
    return study


def test_a_street_closed_to_cars_is_road_density_lost(study):
    found = compare(study, [TODAY, "cars"])
    cell = found.cell("cars", KPIS["MOB-10"])
    before, lost = 40 * 0.1 / 0.16, 4 * 0.1 / 0.16  # 40 streets of 100 m, 4 of them are Rue haute
    assert cell.value == pytest.approx(before - lost)
    assert cell.delta == pytest.approx(-lost)
    assert cell.relative == pytest.approx(-0.1)
    assert cell.verdict == "worse"
    assert found.cell("cars", KPIS["ENV-18"]).verdict == "same"


def test_missing_stays_missing(study):
    found = compare(study, [TODAY, "near"])
    assert found.cell("near", KPIS["ENV-01"]) == Cell(None)
    assert "ENV-01" not in {kpi.id for _, kpi, _ in found.rows()}


@pytest.mark.parametrize(
    ("kpi", "value", "first", "verdict"),
    [
        ("MOB-10", 2.0, 1.0, "better"),
        ("PEO-09", 2.0, 0.0, "worse"),
        ("PEO-09", 0.0, 0.0, "same"),
        ("LIV-15", 2.0, 1.0, "other"),
        ("MOB-10", 1.0 + 1e-12, 1.0, "same"),
        ("MOB-10", None, 1.0, ""),
        ("MOB-10", 1.0, None, ""),
    ],
)
def test_better_and_worse_follow_the_direction_of_the_indicator(kpi, value, first, verdict):
    cell = Cell.of(KPIS[kpi], value, first)
    assert cell.verdict == verdict
    assert (cell.delta is None) == (verdict == "")


def test_nothing_is_divided_by_zero():
    assert Cell.of(KPIS["PEO-09"], 3.0, 0.0).relative is None
    assert Cell.of(KPIS["PEO-09"], 3.0, -2.0).relative == pytest.approx(2.5)


def test_wards_are_compared_as_well(study):
    found = compare(study, [TODAY, "cars"], by_ward=True)
    assert found.areas == [CITY, "Phường Nam", "Phường Bắc"]
    values = [found.cell(TODAY, KPIS["LIV-15"], area).value for area in found.areas]
    assert values[0] == pytest.approx((values[1] + values[2]) / 2)  # both wards are as large


def test_wards_of_one_name_are_told_apart(little_city):
    wards = little_city["wards"].assign(name=["Bắc", "Bắc"])
    assert ward_names(little_city.with_tables(wards=wards)) == ["Bắc (0)", "Bắc (1)"]
    assert ward_names(little_city.with_tables(wards=wards.assign(name=[None, "Bắc"]))) == ["(0)", "Bắc"]


def test_what_differs_is_said_in_every_language(study):
    said = differences(study.place, study.scenarios, TODAY, "near")
    assert set(said) == set(LANGUAGES)
    assert any("Rue haute" in sentence for sentence in said["en"])
    assert "walk.limit_m = 50 instead of 3000" in said["en"]
    assert "walk.limit_m = 50 au lieu de 3000" in said["fr"]
    assert "năm 2030 thay cho không có" in said["vi"]
    back = differences(study.place, study.scenarios, "near", TODAY)
    assert any(sentence.startswith("without: ") and "Rue haute" in sentence for sentence in back["en"])
    assert differences(study.place, study.scenarios, "cars", "near")["en"] == ("walk.limit_m = 50 instead of 3000",)
    assert differences(study.place, study.scenarios, "cars", "cars")["vi"] == ()


def test_a_scenario_that_was_not_run_as_it_is_written_is_named(study):
    path = study.folder / "scenarios" / "cars.toml"
    path.write_text(NO_CARS.replace("Rue haute", "Rue 1"), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        compare(study, [TODAY, "cars", "near", "nowhere"])
    found = "\n".join(map(str, raised.value.problems))
    assert "cars: was run as it is written now: dothi run cars" in found
    assert "near: was run as it is written now" in found  # it rests on the other
    assert "nowhere: is a scenario of this study" in found


def test_another_title_needs_no_other_run(study):
    (study.folder / "scenarios" / "cars.toml").write_text(NO_CARS.replace("No cars", "Calm"), encoding="utf-8")
    assert compare(study, [TODAY, "cars"]).scenarios["cars"].title.en == "Calm"


def test_values_are_computed_once(study, monkeypatch):
    first = evaluate(study.place, TODAY)
    monkeypatch.setattr("dothi.evaluate.evidence_of", lambda *given: pytest.fail("computed again"))
    assert evaluate(study.place, TODAY) == first


def test_differences_are_aligned_by_id(little_city):
    buildings = little_city["buildings"]
    fewer = buildings.drop(index=[0, 5]).assign(residents=lambda frame: frame["residents"] + 1.0)
    fewer.loc[7, "function"] = "school"
    changed = Evidence(little_city.with_tables(buildings=fewer))
    today = Evidence(little_city)
    found = between(today, changed, "buildings", "residents")
    assert list(found.index) == list(buildings.index)
    assert found.drop(index=[0, 5]).eq(1.0).all()
    assert found[[0, 5]].isna().all()
    words = between(today, changed, "buildings", "function")
    assert words[7] == "residential → school"
    assert words.notna().sum() == 1
    gone, new = only_in_one(today, changed, "buildings")
    assert (list(gone), list(new)) == ([0, 5], [])
    assert [list(ids) for ids in only_in_one(changed, today, "buildings")] == [[], [0, 5]]
    with pytest.raises(KeyError):
        between(today, changed, "buildings", "nothing")


def test_names_of_one_city_only_are_missing_and_nothing_is_no_number():
    names = pd.Series(["a", None, "c"], index=[1, 2, 3])
    assert difference(names, names.iloc[:0].astype("float64")).isna().all()
    assert difference(names, pd.Series(["b", "b", "c"], index=[1, 2, 3])).tolist() == ["a → b", None, None]
    assert difference(pd.Series([True, False]), pd.Series([False, False])).tolist() == [-1.0, 0.0]
    gap = difference(pd.Series([True, False], index=[1, 2]), pd.Series([False, True], index=[1, 9]))
    assert gap[1] == -1.0
    assert gap[[2, 9]].isna().all()


def test_switches_differ_by_one(study):
    found = between(study.evidence(TODAY), study.evidence("cars"), "links", "car")
    assert found.value_counts().to_dict() == {0.0: 72, -1.0: 8}  # both directions of four streets


def test_one_scale_of_colours_serves_all_scenarios(study):
    evidences = [study.evidence(name) for name in (TODAY, "near")]
    low, high = common_limits(evidences, "buildings", "walk_to_school_m")
    values = evidences[0].buildings["walk_to_school_m"]
    assert values.min() <= low < high <= values.max()
    assert common_limits(evidences, "buildings", "walk_to_food_m") is None
    low, high = difference_limits([pd.Series([0.0, -4.0, math.nan]), pd.Series([2.0])])
    assert low == -high
    assert 3.0 < high <= 4.0
    assert difference_limits([pd.Series([0.0, math.nan])]) is None


def test_a_comparison_is_written_for_spreadsheets_and_for_people(study, tmp_path):
    found = compare(study, [TODAY, "cars"], by_ward=True)
    write_comparison(found, tmp_path / "a.csv", city="Thị trấn nhỏ")
    table = pd.read_csv(tmp_path / "a.csv", encoding="utf-8-sig", keep_default_na=False)
    assert len(table) == 2 * sum(1 for _ in found.rows())
    assert set(table["area"]) == {"", "Phường Nam", "Phường Bắc"}
    for language in LANGUAGES:
        write_comparison(found, tmp_path / f"{language}.html", city="Thị trấn nhỏ", language=language)
        page = (tmp_path / f"{language}.html").read_text(encoding="utf-8")
        assert WORDS[language]["title"] in page
        assert KPIS["MOB-10"].name[language] in page
        assert "http" not in page
    assert json.loads(json.dumps(as_plain(found)))["first"] == TODAY
    with pytest.raises(InputError, match=r"ends with \.csv or \.html"):
        write_comparison(found, tmp_path / "a.pdf", city="")


def test_every_word_is_there_in_every_language():
    assert {frozenset(words) for words in WORDS.values()} == {frozenset(WORDS["en"])}
    assert set(WORDS) == set(LANGUAGES)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (12345.6, "12,346"), (0.00123456, "0.001235"), (10.0, "10"), (None, "–"), (math.nan, "–")],
)
def test_numbers_have_as_many_digits_as_they_are_worth(value, text):
    assert shown(value) == text


def test_differences_have_a_sign():
    assert (signed(-1.5), signed(2.0), signed(0.0), signed(None)) == ("−1.5", "+2", "±0", "–")
