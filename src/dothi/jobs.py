"""Pieces of work of which some wait for others, done by an executor, and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from dothi.errors import InputError, Problem
from dothi.io.files import is_whole


class Progress(Protocol):
    """Who wants to know how a build goes on."""

    def begin(self, titles: list[str]) -> None:
        """The pieces of work to come."""

    def step(self, title: str) -> None:
        """One begins."""

    def done(self, title: str, seconds: float, cached: bool) -> None:
        """One has ended."""


class Silent:
    """Progress that nobody looks at."""

    def begin(self, titles: list[str]) -> None:
        """Take no notice."""

    def step(self, title: str) -> None:
        """Take no notice."""

    def done(self, title: str, seconds: float, cached: bool) -> None:
        """Take no notice."""


@dataclass(frozen=True, slots=True)
class Job:
    """
    A piece of work.

    Attributes
    ----------
    name
        Short name, unique among all.
    title
        What it does, for people.
    home
        Folder that it makes; where that is whole, there is nothing left to do.
    work
        Makes it, and says how long that took [s].
    after
        Names of those that must be done before.
    weight
        About how long it takes, beside others.
    imports
        Modules that take long to import.
    """

    name: str
    title: str
    home: Path
    work: Callable[[], float]
    after: tuple[str, ...] = ()
    weight: float = 1.0
    imports: tuple[str, ...] = ()


def run_jobs(jobs: Sequence[Job], progress: Progress, executor: Executor) -> dict[str, float]:
    """
    Do what is not done yet, each as soon as those it comes after are done.

    Parameters
    ----------
    jobs
        Each stands behind those it comes after.
    progress
        Told of each.
    executor
        Where they are done.

    Returns
    -------
    dict
        Time of each by title [s]; 0 for those that were done.

    Raises
    ------
    InputError
        The problems of all that could be tried.
    """
    progress.begin([job.title for job in jobs])
    seconds = dict.fromkeys((job.title for job in jobs), 0.0)
    done: set[str] = set()
    waiting = list(jobs)
    running: dict[Future[float], Job] = {}
    errors: list[Problem] = []
    room, ahead, importing = getattr(executor, "workers", len(jobs)), _ahead(jobs), False
    while waiting or running:
        ready = [job for job in waiting if done.issuperset(job.after)]
        for job in sorted(ready, key=lambda job: -ahead[job.name]):
            if is_whole(job.home):
                done.add(job.name)
                progress.done(job.title, 0.0, True)
            elif len(running) < room:
                progress.step(job.title)
                running[executor.submit(job.work)] = job
            else:
                continue
            waiting.remove(job)
        if ready and not running:
            continue
        if len(running) < room < len(jobs) and not importing:
            executor.submit(_import, [module for job in waiting if not is_whole(job.home) for module in job.imports])
            importing = True
        if not running:
            break
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            job = running.pop(future)
            try:
                seconds[job.title] = future.result()
            except InputError as error:
                errors += error.problems
            else:
                done.add(job.name)
                progress.done(job.title, seconds[job.title], False)
    if errors:
        raise InputError(dict.fromkeys(errors))
    return seconds


def _import(modules: list[str]) -> None:
    """Import what is slow to import, in a process that has nothing else to do yet."""
    for module in modules:
        import_module(module)


def _ahead(jobs: Sequence[Job]) -> Mapping[str, float]:
    """How long it takes from the beginning of each to the end of all that wait for it, with enough hands."""
    after: dict[str, float] = {}
    for job in reversed(jobs):
        after[job.name] = after.get(job.name, 0.0) + job.weight
        for name in job.after:
            after[name] = max(after.get(name, 0.0), after[job.name])
    return after
