"""What is kept, who needs it, what goes, what explains it; and where work is done."""

import json
import os
import threading
import time

import pytest

from dothi.errors import DothiError, InputError
from dothi.explain import COLOURS, dot, explain, mermaid
from dothi.scenario import TODAY
from dothi.trace import trace
from dothi.turns import alone, at_work
from dothi.upkeep import needed_by, result_by, tidy
from dothi.work import APPLY
from dothi.workers import Cluster, Inline, Late, executor_for

pytestmark = pytest.mark.usefixtures("little_chain")

CLOSED = 'title = "Closed"\n[[change]]\nkind = "close_links"\nlinks = "Rue haute"\nmodes = ["walk"]\n'


@pytest.fixture
def study(little_study):
    study = little_study(closed=CLOSED)
    study.run()
    return study


def made(study):
    """States of everything that a run of all scenarios gives."""
    return [outcome.state for one in study.run().values() for outcome in one.outcomes.values()]


def test_what_the_last_run_uses_stays(study):
    assert tidy(study) == []
    assert set(made(study)) == {"found"}


def test_what_nobody_uses_goes(study):
    (study.folder / "scenarios" / "closed.toml").unlink()
    before = {kept.key for kept in study.place.store}
    shown = tidy(study, dry=True)
    assert {kept.key for kept in study.place.store} == before
    gone = tidy(study)
    assert [piece.path for piece in gone] == [piece.path for piece in shown]
    assert [piece.kind for piece in gone].count("result") == 1
    assert [piece.kind for piece in gone].count("city") == 1
    assert all(not piece.path.exists() for piece in gone)
    assert set(made(study)) == {"found"}


def test_what_is_young_may_stay(study):
    (study.folder / "scenarios" / "closed.toml").unlink()
    assert tidy(study, older_than_s=3600.0) == []
    for folder in study.place.store.root.glob("*/*"):
        os.utime(folder, (time.time() - 7200.0,) * 2)
    assert [piece.kind for piece in tidy(study, older_than_s=3600.0)] == ["result"]


def test_what_killed_runs_left_behind_goes(study):
    left = study.place.store.root / "walk" / ".abc-123.part"
    left.mkdir()
    (left / "buildings.parquet").write_bytes(b"half")
    assert [(piece.kind, piece.path) for piece in tidy(study)] == [("leftover", left)]
    assert not left.exists()


def test_scenes_of_cities_that_are_needed_stay(study):
    for name in ("scene-little", "scene-old"):
        (study.derived / "scenes" / name).mkdir(parents=True)
    gone = tidy(study, scene_of=lambda folder: f"scene-{folder.name}")
    assert [piece.path.name for piece in gone] == ["scene-old"]


def test_nothing_is_tidied_up_while_a_run_goes_on(study):
    with at_work(study.derived), at_work(study.derived), pytest.raises(InputError, match="no run goes on"):
        tidy(study)
    assert tidy(study) == []


def test_the_mark_of_a_killed_run_does_not_count(study):
    mark = study.derived / "at-work" / "1-dead.lock"
    mark.parent.mkdir(exist_ok=True)
    mark.touch()
    assert tidy(study) == []
    assert not mark.exists()


def test_a_run_waits_until_tidying_up_is_done(study):
    began = threading.Event()

    def work():
        with at_work(study.derived):
            began.set()

    with alone(study.derived):
        run = threading.Thread(target=work)
        run.start()
        assert not began.wait(0.3)
    run.join(10)
    assert began.is_set()


def test_results_know_who_uses_them(study):
    users = needed_by(study).results
    assert sorted(users.values()) == sorted([("closed", TODAY), ("closed",), (TODAY,)])


def test_a_result_is_found_by_the_first_letters_of_its_key(study):
    for kept in study.place.store:
        assert result_by(study, kept.key[:8]).key == kept.key
    for start in ("", "zzzz", "abc"):
        with pytest.raises(InputError, match="is the key of a result"):
            result_by(study, start)


def test_the_graph_of_a_run_says_what_ran_from_what(study):
    graph = explain(study.run(), study.scenarios, study.place.store)
    assert graph.scenarios == [TODAY, "closed"]
    assert graph.bases == {"closed": TODAY}
    by_work = {node.work: node for node in graph.of("closed")}
    assert set(by_work) == {APPLY, "stock", "walk"}
    assert set(by_work["walk"].reads) == {"buildings", "facilities", "links", "nodes", "stops"}
    assert "imperviousness" in by_work["stock"].reads
    drawn = mermaid(graph)
    assert drawn.startswith("flowchart LR\n")
    assert drawn.count("-->") == 1 + 2 * 2
    assert dot(graph).count("->") == 1 + 2 * 2
    assert all(state.replace(" ", "") in drawn for state in COLOURS)


def test_an_indicator_leads_back_to_its_files(study):
    found = trace(study, "LIV-01", "closed")
    assert [kept.model for kept in found.results] == ["walk"]
    assert "Rue haute" in found.changes["en"][0]
    assert found.value == pytest.approx(100.0)
    assert json.loads(json.dumps(found.plain))["unit"] == "% of residents"
    with pytest.raises(InputError, match="is an indicator"):
        trace(study, "NIX-01", TODAY)
    with pytest.raises(InputError, match="is a scenario"):
        trace(study, "LIV-01", "nowhere")


def test_no_workers_are_started_where_everything_is_found(study):
    late = Late(lambda: pytest.fail("started"))
    with late:
        ran = study.run(executor=late)
    assert {outcome.state for one in ran.values() for outcome in one.outcomes.values()} == {"found"}


def test_work_is_handed_on_to_what_is_made_late():
    with Late(Inline) as late:
        assert late.submit(pow, 2, 5).result() == 32


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "hello", "", "tcp://127.0.0.1", "tcp://127.0.0.1:x"])
def test_a_scheduler_that_does_not_answer_is_named(address):
    with pytest.raises(DothiError, match="Dask scheduler"):
        Cluster(address)


def test_without_a_scheduler_work_is_done_here():
    assert isinstance(executor_for(None, 0), Late)
