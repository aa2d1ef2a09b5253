"""Scenarios through the chain: every result that is there already is found, every other is made once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, Final, Protocol

from dothi.chain import STAGES, needed
from dothi.content import code_digest, digest
from dothi.errors import ConvergenceError, DothiError, InputError, Problem
from dothi.io.files import is_whole, write_text
from dothi.record import Place, asked, parameters, read_record, settings
from dothi.scenario import TODAY, Scenario, lineage
from dothi.turns import at_work
from dothi.work import APPLY, Outcome, apply_scenario, read_notes, recall, run_stage, scenario_folder
from dothi.workers import Inline

WATCH_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Ran:
    """
    What became of a scenario.

    Attributes
    ----------
    scenario
        Its name.
    city
        Folder of its city.
    applied
        What became of its changes.
    outcomes
        By simulation.
    notes
        What its changes, and those it rests on, put right or want to be known.
    """

    scenario: str
    city: Path
    applied: Outcome
    outcomes: Mapping[str, Outcome]
    notes: tuple[Problem, ...] = ()


class Progress(Protocol):
    """Who wants to know how a run goes on."""

    def begin(self, total: int) -> None:
        """So many pieces of work are to be done."""

    def start(self, scenario: str, work: str) -> None:
        """A piece of work begins."""

    def done(self, scenario: str, outcome: Outcome) -> None:
        """A piece of work has ended."""


class Silent:
    """Progress that nobody looks at."""

    def begin(self, total: int) -> None:
        """Take no notice."""

    def start(self, scenario: str, work: str) -> None:
        """Take no notice."""

    def done(self, scenario: str, outcome: Outcome) -> None:
        """Take no notice."""


class Cancelled(DothiError):  # noqa: N818 - a decision, not an error
    """A run was stopped; what was finished is kept."""


def run_scenarios(
    place: Place,
    scenarios: Mapping[str, Scenario],
    names: Sequence[str] | None = None,
    *,
    models: tuple[str, ...] | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
    cancel: threading.Event | None = None,
) -> dict[str, Ran]:
    """
    Apply scenarios, run the chain on each, and keep what it gives.

    Parameters
    ----------
    place
        Where.
    scenarios
        All scenarios of the study by name, as `dothi.scenario.read_scenarios` gives them.
    names
        Those to run; all where None.
    models
        Simulations to run, with those they need; all but those made on request where None.
    progress
        Told of every piece of work.
    executor
        Where work is done, such as a pool of processes or a Dask cluster; in this process where None.
    cancel
        When set, nothing new begins, and the run ends.

    Raises
    ------
    InputError
        Scenarios or parameters break rules: all of them are named, before anything runs.
    Cancelled
        The run was stopped. What was finished is kept, and found by the next run.
    """
    wanted = _known(scenarios, names)
    stages = known_models(models)
    given = {name: settings(place, lineage(name, scenarios)) for name in wanted}
    with at_work(place.derived):
        for name in wanted:
            _check_settings(place, lineage(name, scenarios), given[name])
        return _Run(place, scenarios, wanted, stages, given, progress or Silent(), executor or Inline(), cancel).go()


def _known(scenarios: Mapping[str, Scenario], names: Sequence[str] | None) -> list[str]:
    wanted = list(scenarios) if names is None else list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in scenarios]
    if unknown:
        known = ", ".join(scenarios)
        raise InputError([Problem(f"is a scenario of this study ({known})", column=name) for name in unknown])
    return wanted


def known_models(names: tuple[str, ...] | None) -> list[str]:
    """
    Simulations to run, with those they need; all but those made on request where None.

    Raises
    ------
    InputError
        Some are not on offer.
    """
    try:
        return needed(names)
    except KeyError as error:
        raise InputError([Problem(f"is a model: {error.args[0]} is none of {', '.join(STAGES)}")]) from error


def _check_settings(place: Place, scenarios: Sequence[Scenario], given: Mapping[str, Any]) -> None:
    """Check parameters, unless the last run did: for that, their models would have to be imported."""
    record = read_record(place.record(scenarios[-1].name))
    if record is None or record.get("checked") != _checked(given):
        parameters(place, scenarios, [model for model in given if model in STAGES])


def _checked(given: Mapping[str, Any]) -> str:
    """Checksum of parameters and of the code that says what they may be."""
    return digest(given, {model: code_digest(STAGES[model].module) for model in given if model in STAGES})


@dataclass(frozen=True, slots=True)
class _Task:
    scenario: str
    work: str
    after: tuple[tuple[str, str], ...]


class _Run:
    """One run: tasks that wait for each other, and what became of them."""

    def __init__(
        self,
        place: Place,
        scenarios: Mapping[str, Scenario],
        wanted: list[str],
        stages: list[str],
        given: Mapping[str, Mapping[str, Mapping[str, Any]]],
        progress: Progress,
        executor: Executor,
        cancel: threading.Event | None,
    ) -> None:
        self.place, self.scenarios, self.wanted, self.stages, self.given = place, scenarios, wanted, stages, given
        self.progress, self.executor, self.cancel = progress, executor, cancel or threading.Event()
        self.cities: dict[str, Path] = {}
        self.applied: dict[str, Outcome] = {}
        self.outcomes: dict[str, dict[str, Outcome]] = {name: {} for name in wanted}
        self.errors: list[Problem] = []
        self.astray: list[str] = []

    def tasks(self) -> list[_Task]:
        """Everything to do, in an order that needs no waiting."""
        chosen = {scenario.name for name in self.wanted for scenario in lineage(name, self.scenarios)}
        tasks = [
            _Task(name, APPLY, () if name == TODAY else ((self.scenarios[name].base or TODAY, APPLY),))
            for name in self.scenarios
            if name in chosen
        ]
        for name in self.wanted:
            for stage in self.stages:
                before = tuple((name, earlier) for earlier in STAGES[stage].before)
                tasks.append(_Task(name, stage, ((name, APPLY), *before)))
        return tasks

    def go(self) -> dict[str, Ran]:
        """Do everything."""
        tasks = self.tasks()
        position = {(task.scenario, task.work): number for number, task in enumerate(tasks)}
        lacking = [{position[earlier] for earlier in task.after} for task in tasks]
        behind: list[list[int]] = [[] for _ in tasks]
        for number, before in enumerate(lacking):
            for earlier in before:
                behind[earlier].append(number)
        ready = [number for number, before in enumerate(lacking) if not before]  # a heap: one scenario after the other
        failed: set[int] = set()
        running: dict[Future[Any], int] = {}
        self.progress.begin(len(tasks))
        while ready or running:
            while ready and not self.cancel.is_set():
                number = heappop(ready)
                self.progress.start(tasks[number].scenario, tasks[number].work)
                future = self._submit(tasks[number])
                running[future] = number
                if future.done():
                    break  # what waited for it comes before the next scenario
            if self.cancel.is_set():
                raise Cancelled("stopped: what was finished is kept, run again to go on")
            for future in wait(running, timeout=WATCH_S, return_when=FIRST_COMPLETED).done:
                number = running.pop(future)
                try:
                    self._take(tasks[number], future.result())
                except InputError as error:
                    self.errors += error.problems
                    failed.add(number)
                    continue
                except ConvergenceError as error:
                    self.astray.append(f"{tasks[number].scenario}: {tasks[number].work}: {error}")
                    failed.add(number)
                    continue
                except BrokenExecutor as error:
                    rule = "a process of this run was ended from outside, perhaps for want of memory: try fewer workers"
                    raise DothiError(rule) from error
                for later in behind[number]:
                    lacking[later].discard(number)
                    if not lacking[later]:
                        heappush(ready, later)
        left = failed | {number for number, before in enumerate(lacking) if before}
        return self._told({tasks[number].scenario for number in left})

    def _told(self, failed: set[str]) -> dict[str, Ran]:
        """What became of every scenario; its record is written where nothing failed."""
        ran = {
            name: Ran(name, self.cities[name], self.applied[name], self.outcomes[name], self._notes(name))
            for name in self.wanted
            if name not in failed
        }
        for name, entry in ran.items():
            self._write_record(name, entry)
        if self.errors:
            raise InputError(dict.fromkeys(self.errors), finished=ran)
        if self.astray:
            raise ConvergenceError("\n".join(self.astray))
        return ran

    def _notes(self, name: str) -> tuple[Problem, ...]:
        return tuple(
            replace(note, file=f"{scenario.name}, {note.file}")
            for scenario in lineage(name, self.scenarios)
            if scenario.change
            for note in read_notes(self.cities[scenario.name])
        )

    def _submit(self, task: _Task) -> Future[Any]:
        """Work handed out; what is there already is found here, so that an unchanged study needs no workers."""
        if task.work == APPLY:
            scenario = self.scenarios[task.scenario]
            base = self.place.city if task.scenario == TODAY else self.cities[scenario.base or TODAY]
            began = time.perf_counter()
            folder = scenario_folder(self.place, base, scenario)
            if is_whole(folder):
                return _done((folder, time.perf_counter() - began, True))
            return self.executor.submit(apply_scenario, self.place, base, scenario)
        keys = {name: outcome.key for name, outcome in self.outcomes[task.scenario].items()}
        work = self._work(task.scenario, task.work, keys)
        found = recall(*work)
        return _done(found) if found else self.executor.submit(run_stage, *work)

    def _work(self, scenario: str, stage: str, keys: Mapping[str, str]) -> tuple[Any, ...]:
        """What `recall` and `run_stage` are told."""
        before = {earlier: keys.get(earlier, "") for earlier in STAGES[stage].before}
        return self.place, self.cities[scenario], stage, self.given[scenario].get(stage, {}), before

    def _take(self, task: _Task, given: Any) -> None:
        if task.work == APPLY:
            self.cities[task.scenario], seconds, found = given
            outcome = Outcome(APPLY, "found" if found else "made", self.cities[task.scenario].name, seconds)
            self.applied[task.scenario] = outcome
        else:
            outcome = given
            self.outcomes[task.scenario][task.work] = outcome
        self.progress.done(task.scenario, outcome)

    def _standing(self, name: str, old: Mapping[str, Any]) -> dict[str, str]:
        """Keys of the results of a scenario: those of this run, and those of earlier runs that still stand."""
        keys = {model: outcome.key for model, outcome in self.outcomes[name].items() if outcome.key}
        for model in STAGES:
            if model in old.get("results", {}) and model not in self.outcomes[name]:
                found = recall(*self._work(name, model, keys))
                if found and found.key:
                    keys[model] = found.key
        return {model: keys[model] for model in STAGES if model in keys}

    def _write_record(self, name: str, ran: Ran) -> None:
        path = self.place.record(name)
        old = read_record(path)
        record = {
            "scenario": self.scenarios[name].model_dump(mode="json"),
            "asked": asked(self.place, lineage(name, self.scenarios)),
            "city": ran.city.name,
            "bases": [self.cities[scenario.name].name for scenario in lineage(name, self.scenarios)[:-1]],
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "notes": [note.plain for note in ran.notes],
            "checked": _checked(self.given[name]),
            "results": self._standing(name, old or {}),
            "left_out": {
                model: [problem.plain for problem in outcome.problems]
                for model, outcome in ran.outcomes.items()
                if not outcome.key
            },
        }
        if old is None or {**old, "finished": ""} != {**record, "finished": ""}:
            write_text(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def _done(given: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(given)
    return future
