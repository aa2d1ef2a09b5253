"""Runs killed at random moments: nothing wrong or half is ever found, and the next run goes on."""

import os
import random
import shutil
import subprocess
import sys
import time

import pytest

KILLS = 50
STREETS = ("Rue haute", "Rue 1", "Rue 2", "Rue 3")
SERVANT = """
import os, signal, sys, time
import dothi.evaluate, dothi.access.model, dothi.stock.model, dothi.compare
import geopandas, pyogrio, rasterio, scipy.sparse.csgraph, scipy.spatial
from dothi.cli import main
for line in sys.stdin:
    folder, seconds = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if not child:
        os.dup2(2, 1)
        try:
            main(["run", folder, "--models", "stock,walk", "--workers", "0"], standalone_mode=False)
        finally:
            os._exit(0)
    if seconds:
        time.sleep(float(seconds))
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""
"""Runs a study in a process of its own for every line it reads, and kills it: that costs no imports."""


def content(study):
    """Checksums of all files of all results by model and key; each is what its record says."""
    store = study.place.store
    folders = [folder for folder in store.root.glob("*/*") if folder.is_dir() and not folder.name.startswith(".")]
    kept = list(store)
    assert len(kept) == len(folders), "a folder under the name of a result is a result"
    assert all(one.is_intact() for one in kept)
    return {(one.model, one.key): dict(one.record["sha256"]) for one in kept}


def clear(study):
    """Forget all runs."""
    for name in ("results", "known", "runs"):
        shutil.rmtree(study.derived / name, ignore_errors=True)
    for folder in study.derived.glob("cities/*"):
        if folder.name != "little":
            shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are split as on POSIX")
def test_a_run_killed_at_any_moment_leaves_nothing_wrong_or_half(little_study):
    titles = {street: f'title = "{street}"\n[[change]]\nkind = "close_links"\nmodes = ["walk"]\n' for street in STREETS}
    study = little_study(**{street.replace(" ", "-"): f'{text}links = "{street}"\n' for street, text in titles.items()})
    study.run(models=("stock", "walk"))
    expected, cities = content(study), sorted(path.name for path in study.derived.glob("cities/[!.]*"))
    records = {name: study.place.record(name).read_text(encoding="utf-8") for name in study.scenarios}
    clear(study)

    rng = random.Random(4)
    with subprocess.Popen(
        [sys.executable, "-c", SERVANT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as servant:  # fmt: skip

        def run(seconds: float | None) -> None:
            servant.stdin.write(f"{study.folder}\t{'' if seconds is None else seconds}\n")
            servant.stdin.flush()
            assert servant.stdout.readline() == "ended\n"

        began = time.perf_counter()
        run(None)
        whole = time.perf_counter() - began
        assert content(study) == expected
        clear(study)

        halfway = 0
        for _ in range(KILLS):
            run(rng.uniform(0.0, whole / 2))
            found = content(study)
            assert found.items() <= expected.items()
            halfway += 0 < len(found) < len(expected)
            if len(found) == len(expected):
                clear(study)
        assert halfway >= KILLS // 4, "the kills fell into the work"
        servant.stdin.close()

    study.run(models=("stock", "walk"))
    assert content(study) == expected
    assert sorted(path.name for path in study.derived.glob("cities/[!.]*")) == cities
    for name, text in records.items():
        now = study.place.record(name).read_text(encoding="utf-8")
        assert [line for line in now.splitlines() if "finished" not in line] == [
            line for line in text.splitlines() if "finished" not in line
        ]
