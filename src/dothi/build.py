"""From sources to a city: steps that are kept, so that an interrupted build goes on and a repeated one does nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from dothi import __version__, schema
from dothi.city import City, Loaded, load_table
from dothi.draft import Draft, Step
from dothi.errors import InputError, Problem, Problems
from dothi.io.files import is_there, is_whole, sha256, whole_folder, write_bytes, write_text
from dothi.jobs import Job, Progress, Silent, run_jobs
from dothi.tables import TABLES
from dothi.turns import alone
from dothi.workers import Inline

if TYPE_CHECKING:
    from dothi.config import StudyConfig
    from dothi.sources import Source

STEP = "step.json"
READS_CODE = (
    "io",
    "derive",
    "mesh",
    "place",
    *(
        f"{name}.py"
        for name in ("build", "city", "crs", "draft", "schema", "shapes", "sources", "steps", "tables", "units")
    ),
)


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
    looked
        Folders of what steps gave that only looked at the city, by their name.
    """

    folder: Path
    changed: bool
    seconds: Mapping[str, float]
    problems: tuple[Problem, ...]
    accuracy: tuple[Mapping[str, Any], ...]
    looked: Mapping[str, Path] = field(default_factory=dict)

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
    config: StudyConfig,
    folder: Path,
    derived: Path,
    progress: Progress | None = None,
    executor: Executor | None = None,
    more: Sequence[Step] = (),
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
    more
        Steps that only look at the city in the making, such as those that draw pictures of it: they run beside the
        others, and nothing that they give is part of the city.

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
        return _build(config, folder, derived, progress or Silent(), executor or Inline(), more)


def _build(
    config: StudyConfig, folder: Path, derived: Path, progress: Progress, executor: Executor, more: Sequence[Step]
) -> Built:
    from dothi.steps import steps_of

    problems = Problems()
    records = [source_record(source, folder, problems) for source in config.source]
    problems.raise_errors()

    steps = steps_of(config, folder, records)
    keys = _keys([*steps, *more], config)
    homes = {name: derived / "work" / key for name, key in keys.items()}
    key = _key(config.name, config.country, *(keys[step.name] for step in steps))
    target = derived / "cities" / key
    changed = not is_whole(target)
    seconds = run_jobs(_jobs(steps, more, homes, target, config, records), progress, executor)

    kept = [_manifest(homes[step.name]) for step in steps]
    found = [_from_json(problem) for manifest in kept for problem in manifest["problems"]]
    accuracy = [row for manifest in kept for row in manifest["accuracy"]]
    write_text(derived / "current.json", json.dumps({"city": key}) + "\n")
    _forget(derived / "work", list(keys.values()))
    with suppress(InputError), alone(derived):  # a run that goes on reads cities; `dothi gc` tidies up later
        _forget(derived / "cities", [key, *_in_use(derived)])
    looked = {step.name: homes[step.name] for step in more}
    return Built(target, changed, seconds, tuple(found), tuple(accuracy), looked)


def _jobs(
    steps: Sequence[Step],
    more: Sequence[Step],
    homes: Mapping[str, Path],
    target: Path,
    config: StudyConfig,
    records: list[dict[str, Any]],
) -> list[Job]:
    """Steps as pieces of work, the one that puts the city together, and those that only look at it."""
    jobs = []
    for step in (*steps, *more):
        before = [(earlier, homes[earlier.name]) for earlier in _before(step, steps)]
        work = partial(_run, step, homes[step.name], before, config)
        jobs.append(Job(step.name, step.title, homes[step.name], work, step.after, step.weight, step.imports))
    work = partial(_finish, [(step, homes[step.name]) for step in steps], target, config, records)
    last = Job("city", "Putting the city together", target, work, tuple(step.name for step in steps))
    return [*jobs[: len(steps)], last, *jobs[len(steps) :]]


def _keys(steps: Sequence[Step], config: StudyConfig) -> dict[str, str]:
    """Key of every step: a hash of all that its result depends on."""
    keys: dict[str, str] = {}
    for step in steps:
        before = [keys[name] for name in step.after]
        keys[step.name] = _key(code_version(), config.country, config.crs, step.name, step.depends_on, before)
    return keys


def _before(step: Step, steps: Sequence[Step]) -> list[Step]:
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
    made = step.run(draft)
    draft.problems.raise_errors()
    with whole_folder(home) as part:
        _keep(step, made, draft, part)
    return time.perf_counter() - began


def _keep(step: Step, made: Mapping[str, Any], draft: Draft, home: Path) -> None:
    """
    Write what a step gave, and what it met.

    Tables are checked here, where they are in memory, but what they break is an error only in the finished city: a
    later step may put it right.
    """
    import pandas as pd

    from dothi.io.parquet import write_table
    from dothi.io.terrain import write_raster

    plain = {name: value for name, value in made.items() if isinstance(value, bytes)}
    tables = {name: value for name, value in made.items() if isinstance(value, pd.DataFrame)}
    rasters = {name: value for name, value in made.items() if name not in tables and name not in plain}
    broken = {}
    for name, frame in tables.items():
        if name not in TABLES:
            write_table(frame, home / f"{name}.parquet")
            continue
        conformed = schema.conform(frame, TABLES[name])
        problems = Problems()
        if step.source is None:
            whole = conformed if len(conformed) else schema.complete(conformed, TABLES[name])
            schema.check_table(whole, TABLES[name], problems)
        broken[name] = [_as_json(problem) for problem in problems]
        write_table(conformed, home / f"{name}.parquet")
    for name, raster in rasters.items():
        write_raster(raster, home / f"{name}.tif")
    for name, content in plain.items():
        write_bytes(home / name, content)
    manifest = {
        "step": step.name,
        "tables": {name: len(tables[name]) for name in sorted(tables)},
        "broken": broken,
        "rasters": sorted(rasters),
        "bounds": draft.bounds,
        "problems": [_as_json(problem) for problem in draft.problems],
        "accuracy": draft.accuracy,
    }
    write_text(home / STEP, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


def _manifest(home: Path) -> dict[str, Any]:
    """What a kept step gave and met."""
    manifest: dict[str, Any] = json.loads((home / STEP).read_text(encoding="utf-8"))
    return manifest


def _take(step: Step, home: Path, draft: Draft) -> None:
    """
    Add what a kept step gave to a draft; tables are read when first asked for.

    Steps see each other's results only through files: so a build that was interrupted sees the same tables.
    """
    from dothi.io.terrain import read_raster

    manifest = _manifest(home)
    tables = {name: partial(load_table, home, name) for name in manifest["tables"]}
    rasters = {name: partial(read_raster, home / f"{name}.tif") for name in manifest["rasters"]}
    if step.source is not None:
        draft.parts[step.source] = Loaded(tables | rasters)
    else:
        draft.tables = draft.tables.loading(tables)
        draft.rasters = draft.rasters.loading(rasters)
    draft.bounds = tuple(manifest["bounds"]) if manifest["bounds"] else draft.bounds


def _as_json(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in Problem.__slots__}


def _from_json(entry: Mapping[str, Any]) -> Problem:
    return Problem(**{**entry, "rows": tuple(entry["rows"])})


def _finish(done: list[tuple[Step, Path]], target: Path, config: StudyConfig, records: list[dict[str, Any]]) -> float:
    """
    Put the finished city together from what its steps kept; roads have become links.

    Tables were checked by the steps that gave them; here it is seen that they refer to each other. Files of tables
    that have all their columns, and those of rasters, are copied as they are.

    Returns
    -------
    float
        How long it took [s].
    """
    from dothi.io.parquet import check_links, column_names

    began = time.perf_counter()
    draft = Draft(config)
    files: dict[str, Path] = {}
    rows: dict[str, int] = {}
    broken: dict[str, list[Problem]] = {}
    for step, home in done:
        _take(step, home, draft)
        if step.source is None:
            manifest = _manifest(home)
            files |= {name: home / f"{name}.parquet" for name in manifest["tables"]}
            files |= {name: home / f"{name}.tif" for name in manifest["rasters"]}
            rows |= manifest["tables"]
            broken |= {name: [_from_json(entry) for entry in found] for name, found in manifest["broken"].items()}
    names = [name for name in draft.tables if name in TABLES and name != "roads"]
    problems = Problems()
    problems.extend(problem for name in names for problem in broken[name])
    check_links({name: files[name] for name in names}, problems)
    problems.raise_errors()
    lacking = [name for name in names if schema.lacks(column_names(files[name]), TABLES[name], rows[name])]
    city = City(
        name=config.name,
        country=config.country,
        crs=config.crs,
        bounds=draft.extent().bounds,
        tables=Loaded({name: partial(_completed, files[name]) for name in names}),
        rasters=draft.rasters,
        provenance={"dothi": __version__, "sources": records, "build": config.build.model_dump()},
        known_rows={name: rows[name] for name in names},
    )
    with whole_folder(target) as part:
        city.write(part, {name: file for name, file in files.items() if name not in lacking})
    return time.perf_counter() - began


def _completed(file: Path) -> Any:
    """Table with all its declared columns."""
    return schema.complete(load_table(file.parent, file.stem), TABLES[file.stem])


def _in_use(derived: Path) -> Iterator[str]:
    """
    Cities that the last runs and sweeps of a study were made on.

    They stay when the city is built anew, or found unchanged: results are looked at and compared on them until their
    scenario is run again, and what a scenario makes of an unchanged city need not be made twice.
    """
    for path in [*derived.glob("runs/*.json"), *derived.glob("sweeps/*/*.json")]:
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            yield from (str(record["city"]), *map(str, record["bases"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no run wrote this


def _forget(folder: Path, keep: list[str]) -> None:
    """Remove what no longer belongs to the study."""
    for old in folder.iterdir() if folder.exists() else ():
        if old.name not in keep:
            shutil.rmtree(old, ignore_errors=True)
