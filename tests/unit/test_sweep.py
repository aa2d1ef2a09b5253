"""Sweeps: what may vary, which points are tried, what they say, and that nothing is computed twice."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from dothi.compare import compare
from dothi.errors import InputError, Problems
from dothi.publish.sweep import WORDS, write_sweep
from dothi.scenario import LANGUAGES, TODAY
from dothi.sweep.design import HIGH, LOW, MIDDLE, design_of
from dothi.sweep.ensemble import Ensemble, run_sweep
from dothi.sweep.plan import Choices, Normal, SweepPlan, Triangular, Uniform, plan_from, read_plan, with_settings
from dothi.upkeep import needed_by, tidy

pytestmark = pytest.mark.usefixtures("little_chain")

CARS = """
title = "Cars"
[[change]]
kind = "close_links"
links = { where = { length_m = { min = 50.0, max = 150.0 } }, ward = "Phường Nam" }
modes = ["car"]
"""
WALKING = """
title = "Walking"
scenario = "cars"
n = 4
[[vary]]
parameter = "models.walk.limit_m"
kind = "uniform"
low = 50.0
high = 500.0
"""
SHARES = np.linspace(0.001, 0.999, 201)


def vary(kind, **given):
    return kind.model_validate({"parameter": "models.walk.limit_m"} | {"kind": kind.__name__.lower(), **given})


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (vary(Uniform, low=2, high=5), stats.uniform(2, 3)),
        (vary(Triangular, low=2, mode=3, high=6), stats.triang(0.25, 2, 4)),
        (vary(Triangular, low=2, mode=2, high=6), stats.triang(0.0, 2, 4)),
        (vary(Normal, mean=1, sd=2), stats.norm(1, 2)),
        (vary(Normal, mean=1, sd=2, low=0, high=4), stats.truncnorm(-0.5, 1.5, 1, 2)),
    ],
)
def test_distributions_are_those_of_scipy(one, same):
    assert_allclose(one.at(SHARES), same.ppf(SHARES), rtol=1e-12)


def test_choices_are_as_likely_as_they_weigh():
    one = vary(Choices, values=["a", "b", "c"], weights=[1, 0, 3])
    drawn = one.at((np.arange(1000) + 0.5) / 1000)
    assert (drawn.count("a"), drawn.count("b"), drawn.count("c")) == (250, 0, 750)
    assert one.number("c") == 2.0
    assert one.low_middle_high == ("a", "b", "c")


def test_whole_numbers_are_whole():
    one = vary(Uniform, low=1, high=9, whole=True)
    assert all(isinstance(value, int) for value in one.at(SHARES))
    assert one.levels() == [1, 3, 5, 7, 9]


def test_points_are_spread_evenly_and_the_same_each_time():
    plan = SweepPlan(
        name="a", title="A", n=60, seed=3,
        vary=(vary(Uniform, low=0, high=1), Uniform(kind="uniform", parameter="models.b.c", low=0, high=1)),
    )  # fmt: skip
    design = design_of(plan)
    assert design == design_of(plan)
    assert design != design_of(plan.model_copy(update={"seed": 4}))
    assert len(design.sample) == 64
    points = np.array([list(design.settings[name].values()) for name in design.sample])
    cells = np.floor(points * 8).astype(int)
    assert len(np.unique(cells, axis=0)) == 64  # a Sobol net has one point in each of the 64 squares


def test_a_grid_is_every_combination():
    plan = SweepPlan(
        name="a", title="A", method="grid",
        vary=(vary(Uniform, low=0, high=1, steps=3), vary(Choices, parameter="models.b.c", values=("x", "y"))),
    )  # fmt: skip
    design = design_of(plan)
    points = {tuple(design.settings[name].values()) for name in design.sample}
    assert points == {(a, b) for a in (0.0, 0.5, 1.0) for b in ("x", "y")}
    assert design.settings[design.one_at_a_time["", MIDDLE]] == {"models.walk.limit_m": 0.5, "models.b.c": "x"}


def test_sobol_indices_of_ishigami_are_those_of_the_closed_form(monkeypatch):
    """T. Ishigami and T. Homma 1990, doi:10.1109/ISUMA.1990.151285; a = 7, b = 0.1."""
    names = ("models.a.x", "models.a.y", "models.a.z")
    one = {"kind": "uniform", "low": -math.pi, "high": math.pi}
    plan = SweepPlan.model_validate(
        {"name": "a", "title": "A", "n": 2048, "sensitivity": "sobol"}
        | {"vary": [{**one, "parameter": name} for name in names]}
    )
    design = design_of(plan)
    values = {
        name: {"MOB-10": math.sin(x) + 7.0 * math.sin(y) ** 2 + 0.1 * z**4 * math.sin(x), "MOB-03": None}
        for name, (x, y, z) in ((name, given.values()) for name, given in design.settings.items())
    }
    ensemble = Ensemble(plan, design, values)
    found = ensemble.influence("MOB-10").values()
    a, b = 7.0, 0.1
    variance = a**2 / 8 + b * math.pi**4 / 5 + b**2 * math.pi**8 / 18 + 0.5
    first = [0.5 * (1 + b * math.pi**4 / 5) ** 2 / variance, a**2 / 8 / variance, 0.0]
    both = b**2 * math.pi**8 * 8 / 225 / variance
    assert_allclose([one.first_order for one in found], first, atol=0.03)
    assert_allclose([one.total for one in found], [first[0] + both, first[1], both], atol=0.03)
    assert ensemble.indicators == ["MOB-10"]
    assert ensemble.spread("MOB-03").missing == 4096
    assert ensemble.influence("MOB-03")["models.a.x"].first_order is None


def test_settings_are_put_where_they_belong(little_study):
    scenario = little_study(cars=CARS).scenarios["cars"]
    problems = Problems()
    settings = {"change[0].links.where.length_m.minimum": 70.0, "change[0].modes": ["bus"], "models.walk.limit_m": 9.0}
    found = with_settings(scenario, "v", "Variant", settings, problems)
    assert not len(problems)
    assert found.change[0].links.where["length_m"].minimum == 70.0
    assert found.change[0].links.where["length_m"].maximum == 150.0
    assert found.change[0].links.ward == "Phường Nam"
    assert found.change[0].modes == ("bus",)
    assert found.models == {"walk": {"limit_m": 9.0}}
    assert scenario.change[0].links.where["length_m"].minimum == 50.0
    bad = {"change[1].modes": 1, "change[0].nothing": 1, "change[0].modes[0]": "cart", "models.walk.limit_m.x": 2}
    with_settings(scenario, "v", "Variant", bad, problems)
    assert {problem.column if problem.column in bad else problem.file for problem in problems} == set(bad)


def test_the_spread_of_a_sweep_follows_by_hand(little_study):
    study = little_study(cars=CARS)
    (study.folder / "sweeps").mkdir()
    (study.folder / "sweeps" / "walking.toml").write_text(WALKING, encoding="utf-8")
    found = run_sweep(study, read_plan(study.folder, "walking"))
    assert found.varied == ["MOB-01", "ENV-03", "LIV-01"]
    limits = np.array([found.design.settings[name]["models.walk.limit_m"] for name in found.design.sample])
    near = np.array([found.values[name]["LIV-01"] for name in found.design.sample])
    assert (np.diff(near[np.argsort(limits)]) >= 0.0).all()
    assert found.influence("LIV-01")["models.walk.limit_m"].rank_correlation > 0.9
    swing = found.swings("LIV-01")["models.walk.limit_m"]
    assert (swing.low_at, swing.high_at) == (pytest.approx(72.5), pytest.approx(477.5))
    assert swing.low <= swing.middle <= swing.high
    spread = found.spread("LIV-01")
    assert_allclose(spread.quantiles, np.quantile(near, (0.05, 0.25, 0.5, 0.75, 0.95)))
    assert spread.missing == 0
    assert set(found.design.one_at_a_time) == {
        ("", MIDDLE), ("models.walk.limit_m", LOW), ("models.walk.limit_m", HIGH),
    }  # fmt: skip


def test_a_member_is_what_a_scenario_of_its_own_would_be(little_study):
    study = little_study(cars=CARS, own=CARS + "[models.walk]\nlimit_m = 275.0\n")
    found = run_sweep(study, plan_from("a", ["models.walk.limit_m=uniform:50:500"], scenario="cars", n=2))
    ran = study.run(["own"])
    assert {outcome.state for outcome in ran["own"].outcomes.values()} == {"found"}
    values = compare(study, ["own"]).values["own"][""]
    assert found.values[found.design.one_at_a_time["", MIDDLE]] == values


def test_a_second_sweep_computes_nothing_and_what_it_uses_is_kept(little_study, monkeypatch):
    study = little_study()
    plan = plan_from("a", ["models.walk.limit_m=choices:100:200:300"], method="grid")
    first = run_sweep(study, plan)
    assert any("sweep a" in users for users in needed_by(study).results.values())
    assert tidy(study) == []
    monkeypatch.setattr("dothi.run.run_stage", lambda *given: pytest.fail("computed again"))
    monkeypatch.setattr("dothi.evaluate.evidence_of", lambda *given: pytest.fail("computed again"))
    assert run_sweep(study, plan) == first
    assert list(study.scenarios) == [TODAY]


def test_members_of_an_older_plan_are_let_go(little_study):
    study = little_study()
    run_sweep(study, plan_from("a", ["models.walk.limit_m=choices:100:200"], method="grid"))
    run_sweep(study, plan_from("a", ["models.walk.limit_m=choices:300:400"], method="grid"))
    assert len(list((study.derived / "sweeps" / "a").glob("*.json"))) == 2
    assert [piece.kind for piece in tidy(study)].count("result") == 2


def test_settings_that_break_rules_are_named_before_anything_runs(little_study):
    study = little_study(cars=CARS)
    with pytest.raises(InputError, match="is above 0"):
        run_sweep(study, plan_from("a", ["models.walk.limit_m=uniform:-5:-1"], n=2))
    with pytest.raises(InputError, match="is a field of a change of cars itself"):
        run_sweep(study, plan_from("a", ["change[3].share=uniform:0:1"], n=2, scenario="cars"))
    with pytest.raises(InputError, match="nowhere: is a scenario"):
        run_sweep(study, plan_from("a", ["models.walk.limit_m=uniform:1:2"], scenario="nowhere"))
    assert not (study.derived / "results").exists()


def test_what_does_not_fit_the_city_names_the_settings(little_study):
    study = little_study(cars=CARS)
    with pytest.raises(InputError, match=r"change\[0\]\.links\.where\.length_m\.minimum = 1\d\d"):
        run_sweep(
            study, plan_from("a", ["change[0].links.where.length_m.minimum=uniform:120:140"], scenario="cars", n=2)
        )


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "vary: is given"),
        ('[[vary]]\nparameter = "walk"\nkind = "uniform"\nlow = 0\nhigh = 1\n', "line 2"),
        ('[[vary]]\nparameter = "models.walk.limit_m"\nkind = "unyform"\n', "line 1: vary.1.kind: is one of"),
        ('[[vary]]\nparameter = "models.walk.limit_m"\nkind = "uniform"\nlow = 2\nhigh = 1\n', "has low < high"),
        ('[[vary]]\nparameter = "models.walk.limit_m"\nkind = "uniform"\nlow = nan\nhigh = 1\n', "is a finite number"),
        ('[[vary]]\nparameter = "models.walk.limit_m"\nkind = "choices"\nvalues = [1, 2]\nweights = [1]\n', "a weight"),
        (WALKING + "steps = 1\n", "is at least 2"),
        (WALKING.replace("n = 4", 'n = 4\nmethod = "grid"\nsensitivity = "sobol"'), "Sobol indices"),
        (WALKING.replace("n = 4", "n = 90000"), "has at most 100,000"),
        (WALKING + WALKING.partition("n = 4")[2], "varies each parameter once"),
        ("title = ", "is valid TOML"),
    ],
)
def test_plans_that_break_rules_are_named(tmp_path, text, rule):
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "a.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read_plan(tmp_path, "a")
    assert rule in str(raised.value)


@pytest.mark.parametrize("name", ["../a", "", "a/b", "."])
def test_no_name_leads_out_of_the_study(tmp_path, name):
    with pytest.raises(InputError, match="is a name"):
        read_plan(tmp_path, name)
    with pytest.raises(InputError):
        plan_from(name, ["models.walk.limit_m=uniform:1:2"])


@pytest.mark.parametrize(
    "text", ["x", "models.walk.limit_m=uniform:1", "models.walk.limit_m=odd:1:2", "a=uniform:1:2:3"]
)
def test_options_that_break_rules_are_named(text):
    with pytest.raises(InputError):
        plan_from("a", [text])


def test_a_sweep_is_written_for_programs_and_for_people(little_study, tmp_path):
    study = little_study()
    found = run_sweep(study, plan_from("a", ["models.walk.limit_m=uniform:50:500"], n=2, sensitivity="sobol"))
    for language in LANGUAGES:
        page = write_sweep(found, tmp_path, city="Thị trấn nhỏ", language=language).read_text(encoding="utf-8")
        assert WORDS[language]["depends"] in page
        assert "data:image/png" in page
        assert "http" not in page
    members = pd.read_csv(tmp_path / "members.csv", encoding="utf-8-sig")
    assert len(members) == len(found.values)
    assert members["in_sample"].sum() == 4
    quantiles = pd.read_csv(tmp_path / "quantiles.csv", encoding="utf-8-sig").set_index("id")
    assert quantiles.loc["LIV-01", "p50"] == pytest.approx(found.spread("LIV-01").quantiles[2])
    plain = json.loads((tmp_path / "sweep.json").read_text(encoding="utf-8"))
    assert plain["indicators"]["LIV-01"]["tornado"]["models.walk.limit_m"]["high_at"] == pytest.approx(477.5)
    assert {frozenset(words) for words in WORDS.values()} == {frozenset(WORDS["en"])}


def test_a_sweep_in_which_nothing_changes_has_no_tornado(little_study, tmp_path):
    study = little_study()
    found = run_sweep(study, plan_from("a", ["models.walk.limit_m=uniform:5000:6000"], n=2))
    (tmp_path / "tornado.png").write_bytes(b"old")
    write_sweep(found, tmp_path, city="A")
    assert not (tmp_path / "tornado.png").exists()
