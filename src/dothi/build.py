"""From sources to a city: steps that are kept, so that an interrupted build goes on and a repeated one does nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from filelock import FileLock

from dothi import __version__, schema
from dothi.city import City, Loaded, load_table
from dothi.draft import Draft, Step
from dothi.errors import InputError, Problem, Problems
from dothi.io.files import is_there, is_whole, sha256, whole_folder, write_text
from dothi.tables import TABLES
from dothi.workers import Inline

if TYPE_CHECKING:
    from dothi.config import StudyConfig
    from dothi.sources import Source

STEP = "step.json"
READS_CODE = (
    "io",
    "derive",
    "place",
    *(
        f"{name}.py"
        for name in ("build", "city", "crs", "draft", "schema", "shapes", "sources", "steps", "tables", "units")
    ),
)


class Progress(Protocol):
    """Who wants to know how a build goes on."""

    def begin(self, titles: list[str]) -> None:
        """The steps to come."""

    def step(self, title: str) -> None:
        """A step begins."""

    def done(self, title: str, seconds: float, cached: bool) -> None:
        """A step has ended."""


class Silent:
    """Progress that nobody looks at."""

    def begin(self, titles: list[str]) -> None:
        """Take no notice."""

    def step(self, title: str) -> None:
        """Take no notice."""

    def done(self, title: str, seconds: float, cached: bool) -> None:
        """Take no notice."""


@dataclass(frozen=True, slots=True)
class Built:
    """
    What a build did.

    Attributes
    ----------
    folder
        Folder of the city.
    changed
        False where everything was there already.
    seconds
        Time of every step by title [s]; 0 for steps found done.
    problems
        Everything put right or worth knowing.
    accuracy
        Methods tried where the truth is known.
    """

    folder: Path
    changed: bool
    seconds: Mapping[str, float]
    problems: tuple[Problem, ...]
    accuracy: tuple[Mapping[str, Any], ...]

    @property
    def city(self) -> City:
        """The city, read from its folder."""
        return City.read(self.folder)


@cache
def code_version() -> str:
    """Hash of the code and data that decide what a build gives."""
    digest = hashlib.sha256(__version__.encode())
    root = Path(str(files("dothi")))
    for name in READS_CODE:
        path = root / name
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.suffix in (".py", ".toml", ".csv"):
                digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _key(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:24]


def source_record(source: Source, folder: Path, problems: Problems) -> dict[str, Any]:
    """Where a source came from: its entry in ``dothi.toml`` and the checksum of its files."""
    checksums = {}
    for path in source.files(folder):
        if is_there(path):
            inside = path.is_relative_to(folder)
            checksums[path.relative_to(folder).as_posix() if inside else path.name] = sha256(path)
        else:
            problems.add(Problem("file is present", file=str(path)))
    return source.model_dump(exclude_none=True) | {"sha256": checksums}


def build_city(
    config: StudyConfig, folder: Path, derived: Path, progress: Progress | None = None, executor: Executor | None = None
) -> Built:
    """
    Build a city, or find that nothing changed since it was built.

    Parameters
    ----------
    config
        What ``dothi.toml`` says.
    folder
        Study folder, from which paths of sources are taken.
    derived
        Where everything made is kept.
    progress
        Told of every step.
    executor
        Where steps run, such as a pool of processes; one after the other in this process where None.

    Raises
    ------
    InputError
        Sources break rules. What was built before stays as it was.

    Notes
    -----
    One build at a time: a second one of the same study waits for the first, and then finds everything done.
    """
    try:
        derived.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError([Problem(f"is a folder that can be written ({error.strerror})", file=str(derived))]) from error
    with FileLock(derived / "lock"):
        return _build(config, folder, derived, progress or Silent(), executor or Inline())


def _build(config: StudyConfig, folder: Path, derived: Path, progress: Progress, executor: Executor) -> Built:
    from dothi.steps import steps_of

    problems = Problems()
    records = [source_record(source, folder, problems) for source in config.source]
    problems.raise_errors()

    steps = steps_of(config, folder, records)
    keys = _keys(steps, config)
    homes = {step.name: derived / "work" / keys[step.name] for step in steps}
    progress.begin([step.title for step in steps])
    seconds = _run_all(steps, homes, config, progress, executor)

    draft = Draft(config)
    found = [problem for step in steps for problem in _take(step, homes[step.name], draft)]
    key = _key(config.name, config.country, *keys.values())
    target = derived / "cities" / key
    changed = not is_whole(target)
    if changed:
        with whole_folder(target) as part:
            _city(draft, records).write(part)
    write_text(derived / "current.json", json.dumps({"city": key}) + "\n")
    _forget(derived / "work", list(keys.values()))
    _forget(derived / "cities", [key])
    return Built(target, changed, seconds, tuple(found), tuple(draft.accuracy))


def _keys(steps: list[Step], config: StudyConfig) -> dict[str, str]:
    """Key of every step: a hash of all that its result depends on."""
    keys: dict[str, str] = {}
    for step in steps:
        before = [keys[name] for name in step.after]
        keys[step.name] = _key(code_version(), config.country, config.crs, step.name, step.depends_on, before)
    return keys


def _run_all(
    steps: list[Step], homes: Mapping[str, Path], config: StudyConfig, progress: Progress, executor: Executor
) -> dict[str, float]:
    """
    Run the steps that are not kept, each as soon as those it comes after are done.

    Returns
    -------
    dict
        Time of every step by title [s]; 0 for those that were kept.

    Raises
    ------
    InputError
        The problems of all steps that could run.
    """
    seconds = dict.fromkeys((step.title for step in steps), 0.0)
    done: set[str] = set()
    waiting = list(steps)
    running: dict[Future[float], Step] = {}
    errors: list[Problem] = []
    while waiting or running:
        ready = [step for step in waiting if done.issuperset(step.after)]
        for step in ready:
            waiting.remove(step)
            if is_whole(homes[step.name]):
                done.add(step.name)
                progress.done(step.title, 0.0, True)
            else:
                progress.step(step.title)
                before = [(earlier, homes[earlier.name]) for earlier in _before(step, steps)]
                running[executor.submit(_run, step, homes[step.name], before, config)] = step
        if ready and not running:
            continue
        if not running:
            break
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            step = running.pop(future)
            try:
                seconds[step.title] = future.result()
            except InputError as error:
                errors += error.problems
            else:
                done.add(step.name)
                progress.done(step.title, seconds[step.title], False)
    if errors:
        raise InputError(dict.fromkeys(errors))
    return seconds


def _before(step: Step, steps: list[Step]) -> list[Step]:
    """Steps whose results a step sees, in order."""
    seen = set(step.after)
    for earlier in reversed(steps):
        if earlier.name in seen:
            seen |= set(earlier.after)
    return [earlier for earlier in steps if earlier.name in seen]


def _run(step: Step, home: Path, before: list[tuple[Step, Path]], config: StudyConfig) -> float:
    """
    Run a step and keep what it gives.

    Returns
    -------
    float
        How long it took [s].
    """
    began = time.perf_counter()
    draft = Draft(config)
    for earlier, place in before:
        _take(earlier, place, draft)
    draft.accuracy = []
    made = step.run(draft)
    draft.problems.raise_errors()
    with whole_folder(home) as part:
        _keep(step, made, draft, part)
    return time.perf_counter() - began


def _keep(step: Step, made: Mapping[str, Any], draft: Draft, home: Path) -> None:
    """Write what a step gave, and what it met."""
    import pandas as pd

    from dothi.io.parquet import write_table
    from dothi.io.terrain import write_raster

    tables = {name: value for name, value in made.items() if isinstance(value, pd.DataFrame)}
    rasters = {name: value for name, value in made.items() if name not in tables}
    for name, frame in tables.items():
        write_table(schema.conform(frame, TABLES[name]) if name in TABLES else frame, home / f"{name}.parquet")
    for name, raster in rasters.items():
        write_raster(raster, home / f"{name}.tif")
    manifest = {
        "step": step.name,
        "tables": sorted(tables),
        "rasters": sorted(rasters),
        "bounds": draft.bounds,
        "problems": [_as_json(problem) for problem in draft.problems],
        "accuracy": draft.accuracy,
    }
    write_text(home / STEP, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


def _take(step: Step, home: Path, draft: Draft) -> list[Problem]:
    """
    Add what a kept step gave to a draft; tables are read when first asked for.

    Steps see each other's results only through files: so a build that was interrupted sees the same tables.
    """
    from dothi.io.terrain import read_raster

    manifest = json.loads((home / STEP).read_text(encoding="utf-8"))
    tables = {name: partial(load_table, home, name) for name in manifest["tables"]}
    rasters = {name: partial(read_raster, home / f"{name}.tif") for name in manifest["rasters"]}
    if step.source is not None:
        draft.parts[step.source] = Loaded(tables | rasters)
    else:
        draft.tables = draft.tables.loading(tables)
        draft.rasters = draft.rasters.loading(rasters)
    draft.bounds = tuple(manifest["bounds"]) if manifest["bounds"] else draft.bounds
    draft.accuracy = draft.accuracy + manifest["accuracy"]
    return [_from_json(problem) for problem in manifest["problems"]]


def _as_json(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in Problem.__slots__}


def _from_json(entry: Mapping[str, Any]) -> Problem:
    return Problem(**{**entry, "rows": tuple(entry["rows"])})


def _city(draft: Draft, records: list[dict[str, Any]]) -> City:
    """The finished city, checked against the declarations of all its tables; roads have become links."""
    city = City(
        name=draft.config.name,
        country=draft.config.country,
        crs=draft.config.crs,
        bounds=draft.extent().bounds,
        rasters=draft.rasters,
        provenance={"dothi": __version__, "sources": records, "build": draft.config.build.model_dump()},
    )
    return city.with_tables(**{name: draft.tables[name] for name in draft.tables if name in TABLES and name != "roads"})


def _forget(folder: Path, keep: list[str]) -> None:
    """Remove what no longer belongs to the study."""
    for old in folder.iterdir() if folder.exists() else ():
        if old.name not in keep:
            shutil.rmtree(old, ignore_errors=True)
