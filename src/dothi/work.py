"""Pieces of work of a run: the city of a scenario, and a simulation on it; each is found where it was made before."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from filelock import FileLock

from dothi.chain import STAGES
from dothi.city import City
from dothi.content import code_digest, digest, inputs_digest
from dothi.errors import EngineMissingError, InputError, Problem, Problems
from dothi.io.files import is_whole, whole_folder, write_text
from dothi.model import require
from dothi.pieces import kept_in
from dothi.record import with_settings

if TYPE_CHECKING:
    from dothi.record import Place
    from dothi.scenario import Scenario

State = Literal["made", "found", "left out"]
NOTES: Final = "notes.json"
PIECES: Final = "pieces"
"""Folder of what models keep of their results piece by piece."""
APPLY: Final = "apply"
"""Name of the work of applying changes, among those of simulations."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What became of one simulation of one scenario.

    Attributes
    ----------
    model
        Name of the simulation.
    state
        Whether its result was made, was found in the store, or is left out for want of input.
    key
        Where it lies in the store; empty where left out.
    seconds
        How long it took in this run [s].
    problems
        Why it was left out.
    """

    model: str
    state: State
    key: str = ""
    seconds: float = 0.0
    problems: tuple[Problem, ...] = ()

    @property
    def reason(self) -> str:
        """Why it was left out, in one line."""
        return "; ".join(map(str, self.problems))


def scenario_folder(place: Place, base: Path, scenario: Scenario) -> Path:
    """Folder of the city of a scenario, made from that of its base; without changes it is that of the base."""
    if not scenario.change:
        return base
    changes = scenario.model_dump(mode="json")["change"]
    return place.derived / "cities" / digest("scenario", base.name, changes, code_digest("dothi.changes"))


def apply_scenario(place: Place, base: Path, scenario: Scenario) -> tuple[Path, float, bool]:
    """
    City of a scenario, made from that of its base or found.

    Returns
    -------
    tuple
        Its folder, the time it took [s], and whether it was there already.
    """
    began = time.perf_counter()
    folder = scenario_folder(place, base, scenario)
    if is_whole(folder):
        return folder, time.perf_counter() - began, True
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f".{folder.name}.lock"):
        if is_whole(folder):
            return folder, time.perf_counter() - began, True
        path = place.folder / "scenarios" / f"{scenario.name}.toml"
        text = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
        before = City.read(base)
        notes = Problems()
        city = scenario.apply(before, file=str(path) if text else "", text=text, notes=notes)
        with whole_folder(folder) as part:
            city.write(part, city.files_of(before, base), share=True)
            told = [note.plain for note in notes]
            write_text(part / NOTES, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return folder, time.perf_counter() - began, False


def read_notes(folder: Path) -> tuple[Problem, ...]:
    """What the changes that made a city put right or want to be known; none where no change made it."""
    try:
        return tuple(map(Problem.of, json.loads((folder / NOTES).read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError):
        return ()


def recall(
    place: Place, folder: Path, name: str, given: Mapping[str, Any], before: Mapping[str, str]
) -> Outcome | None:
    """Result that this city, these parameters and this code gave before, without reading the city; see `run_stage`."""
    began = time.perf_counter()
    lacking = [earlier for earlier in STAGES[name].takes if not before[earlier]]
    if lacking:
        return Outcome(name, "left out", problems=(Problem(f"there is a result of {', '.join(lacking)}"),))
    try:
        key = _note(place, folder, name, given, before).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    kept = place.store.find(name, key)
    return Outcome(name, "found", kept.key, time.perf_counter() - began) if kept else None


def _note(place: Place, folder: Path, name: str, given: Mapping[str, Any], before: Mapping[str, str]) -> Path:
    """File that says under which key the result lies."""
    stage = STAGES[name]
    modules = {stage.module, *(handover.__module__ for handover in stage.before.values())}
    code = [code_digest(module) for module in sorted(modules)]
    return place.derived / "known" / digest(folder.name, name, dict(given), code, dict(before))


def run_stage(place: Place, folder: Path, name: str, given: Mapping[str, Any], before: Mapping[str, str]) -> Outcome:
    """
    Result of one simulation on one city, made or found.

    Parameters
    ----------
    place
        Where.
    folder
        Folder of the city.
    name
        The simulation.
    given
        Its parameters where they differ from the usual ones.
    before
        Keys of the results handed to it, by simulation; an empty key means that there is none.
    """
    began = time.perf_counter()
    found = recall(place, folder, name, given, before)
    if found:
        return found
    stage, store = STAGES[name], place.store
    city = City.read(folder)
    for earlier, handover in stage.before.items():
        if not before[earlier]:
            continue
        taken = store.find(earlier, before[earlier])
        if taken is None:
            raise InputError([Problem("is whole: run again", file=str(store.root / earlier / before[earlier]))])
        city = handover(city, taken.result())
    model, params = stage.load(), with_settings(stage, given)
    try:
        require(city, model)
    except InputError as error:
        return Outcome(name, "left out", problems=error.problems)
    produced_by = {
        "model": name,
        "parameters": params.model_dump(mode="json"),
        "code": code_digest(stage.module),
        "inputs": inputs_digest(city, model.inputs, model.rasters),
        "taken": dict(before),
    }
    key = digest({part: value for part, value in produced_by.items() if part != "taken"})
    with store.lock(name, key):
        kept = store.find(name, key)
        state: State = "found" if kept else "made"
        if kept is None:
            started = time.perf_counter()
            try:
                with kept_in(place.derived / PIECES / name):
                    result = model(params).run(city)
            except EngineMissingError as error:
                return Outcome(name, "left out", seconds=time.perf_counter() - began, problems=(Problem(str(error)),))
            kept = store.keep(name, key, result, produced_by, time.perf_counter() - started)
    write_text(_note(place, folder, name, given, before), kept.key)
    return Outcome(name, state, kept.key, time.perf_counter() - began)
