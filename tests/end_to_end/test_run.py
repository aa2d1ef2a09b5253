"""The verbs of runs as people use them: alone, two at once, stopped, and on a cluster."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from dothi.cli import main
from dothi.upkeep import tidy

STREETS = ("Rue haute", "Rue 1", "Rue 2")
ENVIRONMENT = os.environ | {"PYTHONUTF8": "1"}
MODELS = ("--models", "stock,walk")
"""Two simulations that cost little: these tests are of what goes on around them."""


def closing(street):
    return f'title = "Without {street}"\n[[change]]\nkind = "close_links"\nlinks = "{street}"\nmodes = ["walk"]\n'


@pytest.fixture
def study(little_study):
    return little_study(**{street.replace(" ", "-"): closing(street) for street in STREETS})


def command(*words):
    return [sys.executable, "-m", "dothi", *map(str, words)]


def start(*words, **options):
    return subprocess.Popen(
        command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=ENVIRONMENT, **options
    )


def dothi(*words, code=0):
    result = CliRunner().invoke(main, list(map(str, words)))
    assert result.exit_code == code, result.output
    return result


def content(study):
    """Checksums of all files of all results, by model and key."""
    found = {(kept.model, kept.key): dict(kept.record["sha256"]) for kept in study.place.store}
    assert all(kept.is_intact() for kept in study.place.store)
    return found


def made(text):
    """Keys that a run made itself."""
    scenarios = json.loads(text)["scenarios"]
    return [entry["key"] for entries in scenarios.values() for entry in entries if entry["state"] == "made"]


def test_a_run_tells_what_it_did_and_a_second_one_does_nothing(study):
    told = dothi("run", study.folder, *MODELS, "--workers", 0)
    assert "✓ today: walk" in told.stderr
    assert "2 made" in told.stderr
    again = json.loads(dothi("run", study.folder, *MODELS, "--json", "--workers", 0).stdout)
    assert list(again["scenarios"]) == list(study.scenarios)
    assert all(entry["cached"] for entries in again["scenarios"].values() for entry in entries)


def test_an_unchanged_run_imports_none_of_what_changes_and_models_work_with(little_study):
    area = "[[355010, 6689010], [355190, 6689010], [355190, 6689190]]"
    study = little_study(
        closed=closing("Rue 1"),
        rain='title = "Rain"\n[[change]]\nkind = "storm"\nreturn_period_years = 10\n[models.walk]\nlimit_m = 900\n',
        ban=f'title = "Ban"\n[[change]]\nkind = "restrict_mode"\nmode = "car"\narea = {area}\n',
    )
    dothi("run", study.folder, *MODELS, "--workers", 0)
    heavy = ("pandas", "geopandas", "xarray", "rasterio", "scipy", "numba", "dothi.stock.model", "dothi.access.model")
    code = (
        "import sys; from dothi.cli import main\n"
        f"main(['run', {str(study.folder)!r}, *{MODELS}], standalone_mode=False)\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=ENVIRONMENT)
    assert "2 found" in done.stderr
    assert done.stdout.strip() == "[]"


def test_only_what_is_named_is_run(study):
    found = json.loads(dothi("run", study.folder, "Rue-1", "--models", "walk", "--json", "--workers", 0).stdout)
    assert {name: [entry["model"] for entry in entries] for name, entries in found["scenarios"].items()} == {
        "Rue-1": ["walk"]
    }


def test_the_folder_may_be_left_out(study, monkeypatch):
    monkeypatch.chdir(study.folder)
    assert list(json.loads(dothi("run", "Rue-1", *MODELS, "--json", "--workers", 0).stdout)["scenarios"]) == ["Rue-1"]
    assert "Rue-9: is a scenario of this study" in dothi("run", "Rue-9", code=2).stderr


@pytest.mark.parametrize(
    ("form", "words"), [("tree", "walk from buildings"), ("mermaid", "flowchart LR"), ("dot", "digraph run")]
)
def test_a_run_explains_itself(study, form, words):
    given = "--explain" if form == "tree" else f"--explain={form}"
    assert words in dothi("run", study.folder, *MODELS, "--workers", 0, given).stdout


def test_the_verbs_around_a_run(study, tmp_path):
    dothi("run", study.folder, *MODELS, "--workers", 0)
    values = json.loads(dothi("indicators", study.folder, "--scenario", "today,Rue-1", "--json").stdout)
    assert {(entry["scenario"], entry["unit"]) for entry in values if entry["id"] == "ENV-18"} == {
        ("today", "%"),
        ("Rue-1", "%"),
    }
    assert "Phường Nam" in dothi("indicators", study.folder, "today", "--by", "ward").stdout
    assert "Closes" in dothi("compare", study.folder, "today", "Rue-1").stdout
    page = tmp_path / "plans.html"
    dothi("compare", study.folder, "today", "Rue-1", "--by", "ward", "-o", page, "--language", "vi")
    assert "Phường Bắc" in page.read_text(encoding="utf-8")
    assert "Name two scenarios" in dothi("compare", study.folder, "today", code=2).stderr
    listed = json.loads(dothi("results", study.folder, "--json").stdout)
    assert sorted(entry["model"] for entry in listed) == ["stock", *["walk"] * 4]
    assert "limit_m = 3000.0" in dothi("results", study.folder, "show", listed[1]["key"][:9]).stdout
    assert "nobody" not in dothi("results", study.folder).stdout
    assert "sha256" in json.dumps(json.loads(dothi("results", study.folder, "show", listed[0]["key"], "--json").stdout))
    assert "formula" in dothi("trace", study.folder, "liv-01").stdout
    assert "Freed 0.0 MB" in dothi("gc", study.folder).stdout
    (study.folder / "scenarios" / "Rue-1.toml").unlink()
    gone = json.loads(dothi("gc", study.folder, "--json").stdout)
    assert {"result", "city"} <= {entry["kind"] for entry in gone}


def test_a_sweep_from_options(study, little_chain):
    vary = "models.walk.limit_m=uniform:50:500"
    options = ("--n", 2, "--vary", vary, "--workers", 0)
    found = json.loads(dothi("sweep", study.folder, "walking", *options, "--json").stdout)
    assert found["indicators"]["LIV-01"]["n"] == 2
    assert "Report:" in dothi("sweep", study.folder, "walking", *options).stderr
    assert (study.folder / "sweeps" / "walking" / "report.html").is_file()
    assert "file is present" in dothi("sweep", study.folder, "unknown", code=2).stderr


def test_two_runs_at_once_give_what_one_after_the_other_gives(little_study, study):
    dothi("run", study.folder, *MODELS, "--workers", 0)
    alone = content(study)
    (study.derived / "results").rename(study.folder / "gone")
    for path in [*study.derived.glob("known/*"), *study.derived.glob("runs/*")]:
        path.unlink()
    running = [start("run", study.folder, *MODELS, "--json", "--workers", 0) for _ in range(2)]
    told = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], told
    keys = [key for out, _ in told for key in made(out)]
    assert len(keys) == len(set(keys)) == len(alone)
    assert content(study) == alone
    assert tidy(study) == []


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
@pytest.mark.parametrize("workers", [0, 2])
def test_an_interrupted_run_ends_at_once_and_the_next_one_goes_on(study, workers):
    running = start("run", study.folder, *MODELS, "--workers", workers)
    deadline = time.monotonic() + 60
    while not list(study.derived.glob("results/*/[!.]*/result.json")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode in (130, 0), err
    if running.returncode:
        assert "What was finished is kept" in err
    assert "Traceback" not in err
    kept = content(study)
    assert kept
    again = made(dothi("run", study.folder, *MODELS, "--json", "--workers", 0).stdout)
    assert set(again).isdisjoint(key for _, key in kept)
    assert len(content(study)) == 5


@pytest.fixture
def cluster(tmp_path):
    """Address of a Dask cluster of two workers, each a process of its own."""
    pytest.importorskip("distributed")
    found = tmp_path / "scheduler.json"
    common = ("--scheduler-file", str(found), "--no-dashboard")
    log = (tmp_path / "cluster.log").open("w")
    module = [sys.executable, "-m"]
    options = {"stdout": log, "stderr": log, "env": ENVIRONMENT, "cwd": tmp_path}
    started = [subprocess.Popen([*module, "distributed.cli.dask_scheduler", "--port", "0", *common], **options)]
    worker = [*module, "distributed.cli.dask_worker", *common, "--nthreads", "1", "--no-nanny"]
    started += [subprocess.Popen([*worker, "--name", str(number)], **options) for number in range(2)]
    try:
        deadline = time.monotonic() + 60
        while not found.exists() or not found.read_text():
            assert time.monotonic() < deadline, (tmp_path / "cluster.log").read_text()
            time.sleep(0.1)
        yield json.loads(found.read_text())["address"]
    finally:
        for process in reversed(started):
            process.terminate()
        for process in reversed(started):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        log.close()


def test_a_cluster_gives_what_this_machine_gives(study, cluster):
    told = subprocess.run(
        command("run", study.folder, *MODELS, "--scheduler", cluster, "--json"),
        capture_output=True,
        encoding="utf-8",
        env=ENVIRONMENT,
    )
    assert told.returncode == 0, told.stderr
    assert "Traceback" not in told.stderr
    there = content(study)
    assert len(made(told.stdout)) == len(there) == 5
    (study.derived / "results").rename(study.folder / "gone")
    dothi("run", study.folder, *MODELS, "--workers", 0)
    assert content(study) == there
    bad = study.folder / "scenarios" / "bad.toml"
    bad.write_text('title = "Bad"\n[[change]]\nkind = "close_links"\nlinks = [9999]\n', encoding="utf-8")
    told = subprocess.run(
        command("run", study.folder, *MODELS, "--scheduler", cluster),
        capture_output=True,
        encoding="utf-8",
        env=ENVIRONMENT,
    )
    assert told.returncode == 2
    assert "line 2: close_links" in told.stderr
    assert "Traceback" not in told.stderr
    bad.unlink()
    words = ("sweep", study.folder, "a", "--vary", "models.walk.limit_m=uniform:50:500", "--n", "4", "--json")
    swept = subprocess.run(
        command(*words, "--scheduler", cluster), capture_output=True, encoding="utf-8", env=ENVIRONMENT
    )
    assert swept.returncode == 0, swept.stderr
    assert json.loads(swept.stdout)["indicators"]["LIV-01"]["n"] == 4


def test_a_cluster_that_does_not_answer_is_named(study):
    told = dothi("run", study.folder, *MODELS, "--scheduler", "tcp://127.0.0.1:9", code=1)
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in told.stderr
