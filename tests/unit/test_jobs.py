"""Pieces of work that wait for others."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from pathlib import Path

import pytest

from dothi.errors import InputError, Problem
from dothi.io.files import whole_folder, write_text
from dothi.jobs import Job, Silent, run_jobs
from dothi.workers import Inline


class Told(Silent):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def step(self, title: str) -> None:
        self.heard.append(("begins", title))

    def done(self, title: str, seconds: float, cached: bool) -> None:
        self.heard.append(("was there" if cached else "is done", title))


class OneAtATime(Inline):
    """Has room for one piece of work."""

    workers = 1


class Holding(Executor):
    """Two workers that end what they began only when both have something to do, or nothing else is left."""

    workers = 2

    def __init__(self) -> None:
        self.together: list[int] = []
        self._held: list[tuple[Future, object]] = []

    def submit(self, work, /, *args, **kwargs):
        future = Future()
        self._held.append((future, work))
        if len(self._held) == self.workers:
            self.together.append(len(self._held))
            for waiting, held in self._held:
                waiting.set_result(held())
            self._held.clear()
        return future


@pytest.fixture
def job(tmp_path):
    def made(name: str, *after: str, weight: float = 1.0, broken: bool = False) -> Job:
        home = tmp_path / name

        def work() -> float:
            if broken:
                raise InputError([Problem(f"{name} is sound")])
            with whole_folder(home) as part:
                write_text(part / "it.txt", name)
            return 0.5

        return Job(name, name.upper(), home, work, after, weight)

    return made


def begun(told: Told) -> list[str]:
    return [title for word, title in told.heard if word == "begins"]


def test_each_piece_is_done_once_and_behind_those_it_comes_after(job):
    told = Told()
    seconds = run_jobs([job("a"), job("b", "a"), job("c", "a"), job("d", "b", "c")], told, Inline())
    assert seconds == {"A": 0.5, "B": 0.5, "C": 0.5, "D": 0.5}
    assert begun(told) == ["A", "B", "C", "D"]


def test_what_is_there_is_not_done_again(job):
    jobs = [job("a"), job("b", "a")]
    run_jobs(jobs[:1], Silent(), Inline())
    told = Told()
    assert run_jobs(jobs, told, Inline()) == {"A": 0.0, "B": 0.5}
    assert ("was there", "A") in told.heard
    assert begun(told) == ["B"]


def test_what_the_end_must_wait_for_longest_begins_first(job):
    jobs = [job("a"), job("short"), job("long", weight=3.0), job("root"), job("leaf", "root", weight=2.5)]
    told = Told()
    run_jobs(jobs, told, OneAtATime())
    assert begun(told) == ["ROOT", "LONG", "LEAF", "A", "SHORT"]


def test_as_many_pieces_run_at_once_as_there_are_workers(job):
    executor = Holding()
    run_jobs([job("a"), job("b")], Silent(), executor)
    assert executor.together == [2]


def test_a_broken_piece_keeps_back_those_behind_it_alone_and_all_problems_are_named(job):
    jobs = [job("a", broken=True), job("b", "a"), job("c"), job("d", broken=True)]
    told = Told()
    with pytest.raises(InputError) as caught:
        run_jobs(jobs, told, Inline())
    assert sorted(problem.rule for problem in caught.value.problems) == ["a is sound", "d is sound"]
    assert begun(told) == ["A", "C", "D"]
    assert (jobs[2].home / "it.txt").read_text() == "c"
    assert not Path(jobs[1].home).exists()
