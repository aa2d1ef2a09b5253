"""The chain: what comes before what, what runs only on request, and what is left out."""

import sys
from types import ModuleType
from typing import ClassVar

import pandas as pd
import pytest

from dothi.chain import STAGES, Stage, needed
from dothi.errors import ConvergenceError, EngineMissingError
from dothi.model import Params, Result, columns_of
from dothi.record import read_record
from dothi.scenario import TODAY
from dothi.sweep.ensemble import run_sweep
from dothi.sweep.plan import plan_from

pytestmark = pytest.mark.usefixtures("little_chain")


class Size(Params):
    """Parameters of the sketch."""

    size: float = 1.0


class Sketch:
    """Simulation that gives every building one number."""

    name = "sketch"
    inputs: ClassVar = {"buildings": columns_of("buildings", "geometry")}
    optional = rasters = references = ()
    outputs: ClassVar = {}

    def __init__(self, params=None):
        self.params = params or Size()

    def run(self, city):
        return Result({"buildings": pd.DataFrame({"sketch": 1.0}, index=city["buildings"].index)})


class Needy(Sketch):
    def run(self, city):
        raise EngineMissingError("needs SUMO: pip install 'dothi[microsim]'")


class Astray(Sketch):
    def run(self, city):
        raise ConvergenceError("gap of 0.2 after 100 rounds")


class Counting(Sketch):
    """Simulation that reads what another one left in the city."""

    inputs: ClassVar = {"buildings": columns_of("buildings", "storeys")}

    def run(self, city):
        return Result({"buildings": city["buildings"][["storeys"]].rename(columns={"storeys": "counted"})})


def raised(city, result):
    """City whose buildings have storeys as the sketch says."""
    return city.with_tables(buildings=city["buildings"].assign(storeys=99))


@pytest.fixture
def offer(monkeypatch):
    """Put other simulations on offer besides those of Dothi."""
    module = ModuleType("little_models")
    module.Sketch, module.Needy, module.Astray, module.Counting = Sketch, Needy, Astray, Counting
    monkeypatch.setitem(sys.modules, "little_models", module)

    def put(**stages):
        for name, stage in stages.items():
            monkeypatch.setitem(STAGES, name, stage)

    return put


SKETCH = Stage("little_models:Sketch", on_request=True)


def test_what_comes_before_is_run_as_well_and_first():
    stages = {
        "a": Stage(""),
        "b": Stage("", takes={"a": raised}),
        "c": Stage("", may_take={"b": raised}),
        "d": Stage(""),
    }
    assert needed(("c",), stages) == ["a", "b", "c"]
    assert needed(None, stages) == ["a", "b", "c", "d"]
    with pytest.raises(KeyError, match="nothing"):
        needed(("nothing",), stages)


def test_a_simulation_on_request_runs_only_when_named(little_study, offer):
    offer(sketch=SKETCH)
    study = little_study()
    assert "sketch" not in study.run()[TODAY].outcomes
    assert study.run(models=("sketch",))[TODAY].outcomes.keys() == {"sketch"}


def test_a_sweep_runs_what_it_varies(little_study, offer):
    offer(sketch=SKETCH)
    study = little_study()
    run_sweep(study, plan_from("tried", ["models.walk.limit_m=choices:500:900"]))
    assert not (study.derived / "results" / "sketch").exists()
    run_sweep(study, plan_from("tried", ["models.sketch.size=choices:1:2"]))
    assert (study.derived / "results" / "sketch").exists()


def test_results_of_earlier_runs_stand_until_the_city_or_a_parameter_changes(little_study, offer):
    offer(sketch=SKETCH)
    study = little_study()
    study.run()
    study.run(models=("sketch",))
    assert read_record(study.place.record(TODAY))["results"].keys() == {"stock", "walk", "sketch"}
    study.run()
    assert study.evidence(TODAY).buildings["sketch"].eq(1.0).all()
    (study.folder / "scenarios").mkdir(exist_ok=True)
    (study.folder / "scenarios" / "today.toml").write_text(
        'title = "Today"\n[[change]]\nkind = "demolish"\nbuildings = [1]\n', encoding="utf-8"
    )
    study.run(models=("stock",))
    assert read_record(study.place.record(TODAY))["results"].keys() == {"stock"}


def test_a_missing_engine_leaves_its_simulation_out_and_says_how_to_install_it(little_study, offer):
    offer(needy=Stage("little_models:Needy"))
    ran = little_study().run()[TODAY]
    assert ran.outcomes["needy"].state == "left out"
    assert "pip install" in ran.outcomes["needy"].reason
    assert ran.outcomes["walk"].state == "made"


def test_a_simulation_that_does_not_converge_stops_no_other(little_study, offer):
    offer(astray=Stage("little_models:Astray"))
    study = little_study(same='title = "The same"\n')
    with pytest.raises(ConvergenceError, match=r"today: astray: gap of 0\.2"):
        study.run()
    assert len(list((study.derived / "results" / "walk").glob("[!.]*"))) == 1
    assert read_record(study.place.record(TODAY)) is None


def test_what_may_take_a_result_runs_without_it_too(little_study, offer):
    offer(
        sketch=Stage("little_models:Sketch"),
        counting=Stage("little_models:Counting", may_take={"sketch": raised}),
    )
    study = little_study()
    study.run()
    assert study.evidence(TODAY).buildings["counted"].eq(99).all()
    offer(
        needy=Stage("little_models:Needy"),
        counting=Stage("little_models:Counting", may_take={"needy": raised}),
    )
    assert study.run()[TODAY].outcomes["counting"].state == "made"
    assert not study.evidence(TODAY).buildings["counted"].eq(99).any()


def test_what_must_take_a_result_is_left_out_without_it(little_study, offer):
    offer(needy=Stage("little_models:Needy"), counting=Stage("little_models:Counting", takes={"needy": raised}))
    outcome = little_study().run()[TODAY].outcomes["counting"]
    assert outcome.state == "left out"
    assert outcome.reason == "there is a result of needy"
