"""Runs: what is computed, what is found, what is left out, and what survives."""

import threading
from dataclasses import replace

import pytest

from dothi.errors import InputError
from dothi.indicators import KPIS, values
from dothi.record import asked, notes_of, read_record
from dothi.run import Cancelled
from dothi.scenario import TODAY

pytestmark = pytest.mark.usefixtures("little_chain")

CLOSED = 'title = "Closed"\n[[change]]\nkind = "close_links"\nlinks = "Rue haute"\nmodes = ["walk"]\n'
FOR_CARS = 'title = "No cars"\n[[change]]\nkind = "close_links"\nlinks = "Rue haute"\nmodes = ["car"]\n'


def states(ran):
    return {name: {model: outcome.state for model, outcome in one.outcomes.items()} for name, one in ran.items()}


def test_a_second_run_computes_nothing(little_study):
    study = little_study(closed=CLOSED)
    assert set(states(study.run())[TODAY].values()) == {"made"}
    assert {state for one in states(study.run()).values() for state in one.values()} == {"found"}


def test_a_scenario_recomputes_only_what_reads_what_it_changed(little_study):
    study = little_study(closed=CLOSED, cars=FOR_CARS)
    study.run([TODAY])
    assert states(study.run())["closed"] == {"stock": "found", "walk": "made"}
    assert states(study.run())["cars"] == {"stock": "found", "walk": "found"}


def test_a_closed_street_makes_people_walk_further(little_study):
    study = little_study(closed=CLOSED)
    study.run()
    today, closed = (study.evidence(name).buildings["walk_to_school_m"] for name in (TODAY, "closed"))
    assert (closed >= today - 1e-9).all()
    assert closed.sum() > today.sum()


def test_without_changes_the_city_is_that_of_today(little_study):
    study = little_study(same='title = "The same"\n')
    ran = study.run()
    assert ran["same"].city == ran[TODAY].city


def test_parameters_of_study_and_scenario_count(little_study):
    near = 'title = "Near"\n[models.walk]\nlimit_m = 50.0\n'
    study = little_study(near=near)
    study.run()
    assert study.evidence(TODAY).buildings["walk_to_school_m"].notna().all()
    assert study.evidence("near").buildings["walk_to_school_m"].notna().sum() < 5


def test_bad_parameters_are_named_before_anything_runs(little_study):
    study = little_study(bad='title = "Bad"\n[models.walk]\nlimit_m = -1\nlimmit = 3\n[models.wlak]\nx = 1\n')
    with pytest.raises(InputError) as raised:
        study.run()
    found = "\n".join(map(str, raised.value.problems))
    assert "limit_m: is above 0" in found
    assert "limmit: is a known key" in found
    assert "models.wlak: is a model" in found
    assert not (study.derived / "results").exists()


def test_unknown_scenarios_and_models_are_named(little_study):
    with pytest.raises(InputError, match="nowhere: is a scenario of this study"):
        little_study().run(["nowhere"])
    with pytest.raises(InputError, match="is a model"):
        little_study().run(models=("weather_control",))


def test_a_change_that_does_not_fit_stops_its_scenario_and_no_other(little_study):
    study = little_study(bad='title = "Bad"\n[[change]]\nkind = "close_links"\nlinks = [99999]\n', closed=CLOSED)
    with pytest.raises(InputError, match="99999") as raised:
        study.run()
    assert raised.value.finished == ("today", "closed")
    assert read_record(study.place.record("closed"))["results"].keys() == {"stock", "walk"}
    assert read_record(study.place.record("bad")) is None


def test_a_damaged_result_is_found_out_and_made_again(little_study):
    study = little_study()
    ran = study.run()
    table = study.place.store.root / "walk" / ran[TODAY].outcomes["walk"].key / "buildings.parquet"
    whole = table.read_bytes()
    table.write_bytes(whole[:100] + bytes([whole[100] ^ 255]) + whole[101:])
    with pytest.raises(InputError, match="is whole"):
        study.evidence(TODAY)
    assert states(study.run())[TODAY] == {"stock": "found", "walk": "made"}
    assert study.evidence(TODAY).buildings["walk_to_school_m"].notna().all()


def test_a_stopped_run_goes_on_where_it_stopped(little_study):
    study = little_study(closed=CLOSED)
    stop = threading.Event()

    class Stopper:
        def begin(self, total): ...
        def start(self, scenario, work): ...
        def done(self, scenario, outcome):
            if outcome.model == "stock":
                stop.set()

    with pytest.raises(Cancelled):
        study.run(progress=Stopper(), cancel=stop)
    assert states(study.run())[TODAY]["stock"] == "found"


def test_what_lacks_its_tables_is_left_out_with_a_reason(little_study, little_city, monkeypatch):
    study = little_study()
    (study.city_folder / "nodes.parquet").rename(study.city_folder / "nodes.gone")
    manifest = study.city_folder / "city.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"nodes": 25,', ""), encoding="utf-8")
    outcome = study.run()[TODAY].outcomes["walk"]
    assert outcome.state == "left out"
    assert "nodes: table is present" in outcome.reason


def test_the_record_of_a_result_is_readable(little_study):
    study = little_study()
    key = study.run()[TODAY].outcomes["walk"].key
    record = study.place.store.find("walk", key).record
    assert record["produced_by"]["parameters"] == {"limit_m": 3000.0}
    assert record["produced_by"]["inputs"]["links"].keys() == {"from_node_id", "to_node_id", "length_m", "walk", "ids"}
    assert {"dothi", "python", "numpy"} <= record["versions"].keys()


def test_indicators_follow_by_hand(little_study):
    study = little_study()
    study.run()
    found = values(study.evidence(TODAY))
    people = 24 * 45.0
    assert found["LIV-15"] == pytest.approx(people / 0.16)
    assert found["ENV-18"] == pytest.approx(60.0)
    assert found["MOB-10"] == pytest.approx(40 * 0.1 / 0.16)
    assert found["PEO-09"] == 0.0
    assert found["ENV-01"] is None


def test_indicators_of_wards_add_up_to_those_of_the_city(little_study):
    study = little_study()
    study.run()
    evidence = study.evidence(TODAY)
    wards = [evidence.inside(ward) for ward in evidence.city["wards"].geometry]
    assert sum(ward.residents.sum() for ward in wards) == evidence.residents.sum()
    assert sum(ward.area_m2 for ward in wards) == pytest.approx(evidence.area_m2)
    assert {kpi.domain for kpi in KPIS.values()} <= {
        "economy",
        "government",
        "mobility",
        "environment",
        "living",
        "people",
    }


STORM = (
    'title = "Rain"\n[[change]]\nkind = "demolish"\nbuildings = [1]\n'
    '[[change]]\nkind = "storm"\nreturn_period_years = 10\n'
)


def test_notes_of_changes_are_kept_and_told_by_every_run(little_study):
    study = little_study(rain=STORM, more='title = "More"\nbase = "rain"\n' + CLOSED.split("\n", 1)[1])
    for _ in range(2):
        ran = study.run()
        (note,) = ran["rain"].notes
        assert str(note).startswith("rain, change 2: storm: curve: constants of heavy rain of Région")
        assert note.severity == "note"
        assert ran["more"].notes == ran["rain"].notes
        assert not ran[TODAY].notes
    assert notes_of(read_record(study.place.record("more"))) == ran["rain"].notes


def test_scenarios_with_the_same_changes_share_a_city_and_each_is_named_in_its_notes(little_study):
    study = little_study(rain=STORM, again=STORM.replace("Rain", "Again"))
    ran = study.run()
    assert ran["rain"].city == ran["again"].city
    assert ran["again"].notes[0].file == "again, change 2: storm"


def test_a_run_is_out_of_date_where_a_file_that_its_parameters_name_has_changed(little_study):
    study = little_study()
    (study.folder / "data").mkdir()
    matrix = study.folder / "data" / "trips.omx"
    place = replace(study.place, models={"traffic": {"matrices": "data/trips.omx"}})
    lines = [study.scenarios[TODAY]]
    matrix.write_bytes(b"one")
    before = asked(place, lines)
    assert asked(place, lines) == before
    matrix.write_bytes(b"two")
    assert asked(place, lines) != before
