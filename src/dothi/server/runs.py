"""Runs that somebody asked the server for: one at a time, told as they go on, alive when nobody listens."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from dothi.catalogue import Facts
from dothi.chain import needed
from dothi.errors import DothiError, InputError, Problem, Problems
from dothi.overview import ProblemFacts, Texts, reason_of
from dothi.run import Cancelled, known_models, run_scenarios
from dothi.scenario import read_scenarios
from dothi.server.problems import BusyError
from dothi.shown import missing
from dothi.workers import processes

if TYPE_CHECKING:
    from dothi.record import Place
    from dothi.scenario import Scenario
    from dothi.study import Study
    from dothi.work import Outcome

KEPT: Final = 20
"""Runs that can still be asked about."""
LOOK_S: Final = 0.1
"""How often a listener looks for news; a tenth of a second feels like at once."""
ALIVE_S: Final = 15.0
"""After so long without news a comment is sent, so that nobody on the way takes the connection for dead."""
CLOSES_S: Final = 2.0
"""How long the server waits, when it ends, for a run to end."""

Going = Literal["running", "finished", "failed", "cancelled"]


class RunOrder(BaseModel):
    """What is to be run; everything where no scenario is named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scenarios: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    """Simulations made on request that are to run besides all others."""


class RunEvent(Facts):
    """What happened in a run."""

    type: Literal["begin", "start", "done", "finished", "failed", "cancelled"]
    seconds: float
    """Since the run began."""
    total: int | None = None
    """Of ``begin``: pieces of work."""
    scenario: str | None = None
    """Of ``start`` and ``done``."""
    work: str | None = None
    """Of ``start`` and ``done``: ``apply`` for the changes, or a simulation."""
    state: Literal["made", "found", "left out"] | None = None
    """Of ``done``."""
    took: float | None = None
    """Of ``done``: how long it took [s]."""
    reason: Texts | None = None
    """Of ``done``: why it was left out."""
    problems: list[ProblemFacts] = Field(default_factory=list)
    """Of ``failed``."""


class RunFacts(Facts):
    """A run."""

    id: str
    scenarios: list[str]
    state: Going
    started: str
    """UTC."""
    seconds: float
    total: int
    """Pieces of work."""
    done: int


class RunList(Facts):
    """Runs of this server, the last one first."""

    runs: list[RunFacts]


@dataclass(eq=False)
class Run:
    """
    A run, as it goes on.

    Attributes
    ----------
    id
        Its name in addresses.
    scenarios
        Those that it runs.
    events
        What happened, as JSON, in order; the number of an event is its place from 1.
    """

    id: str
    scenarios: list[str]
    events: list[tuple[str, str]] = field(default_factory=list)
    state: Going = "running"
    total: int = 0
    completed: int = 0
    cancelled: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    began: float = field(default_factory=time.perf_counter)
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    took: float | None = None

    def tell(self, **facts: Any) -> None:
        """Add an event."""
        event = RunEvent(seconds=round(time.perf_counter() - self.began, 3), **facts)
        self.events.append((event.type, event.model_dump_json(exclude_defaults=True)))

    def begin(self, total: int) -> None:
        """So many pieces of work are to be done."""
        self.total = total
        self.tell(type="begin", total=total)

    def start(self, scenario: str, work: str) -> None:
        """A piece of work begins."""
        self.tell(type="start", scenario=scenario, work=work)

    def done(self, scenario: str, outcome: Outcome) -> None:
        """A piece of work has ended."""
        self.completed += 1
        took = round(outcome.seconds, 3)
        reason = reason_of(outcome.problems) if outcome.problems else None
        self.tell(type="done", scenario=scenario, work=outcome.model, state=outcome.state, took=took, reason=reason)

    def end(self, state: Going, problems: Sequence[Problem] = ()) -> None:
        """Nothing more will happen."""
        self.took = time.perf_counter() - self.began
        self.tell(type=state, problems=[ProblemFacts.of(problem) for problem in problems])
        self.state = state

    def facts(self) -> RunFacts:
        """How it stands."""
        seconds = time.perf_counter() - self.began if self.took is None else self.took
        return RunFacts(
            id=self.id,
            scenarios=self.scenarios,
            state=self.state,
            started=self.started,
            seconds=round(seconds, 3),
            total=self.total,
            done=self.completed,
        )

    async def stream(self, after: int, closing: threading.Event) -> AsyncIterator[str]:
        """
        Server-sent events, from the one behind a number until the run, or the server, ends.

        Parameters
        ----------
        after
            Number of the last event that is known already.
        closing
            Set when the server ends.
        """
        told, silent_since = after, time.monotonic()
        yield "retry: 2000\n\n"
        while True:
            ended = self.state != "running"  # looked at first: what was told before it is sent below
            for kind, data in self.events[told:]:
                told += 1
                yield f"id: {told}\nevent: {kind}\ndata: {data}\n\n"
                silent_since = time.monotonic()
            if ended or closing.is_set():
                return
            if time.monotonic() - silent_since > ALIVE_S:
                silent_since = time.monotonic()
                yield ": alive\n\n"
            await asyncio.sleep(LOOK_S)


class Runs:
    """
    Runs of a study, one at a time.

    Parameters
    ----------
    study
        The study.
    workers
        Processes that work; as many as `dothi.workers.processes` thinks right where None.
    """

    def __init__(self, study: Study, workers: int | None = None) -> None:
        self._study = study
        self._workers = workers
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._lock = threading.Lock()
        self.closing = threading.Event()

    def start(self, names: Sequence[str], also: Sequence[str] = ()) -> Run:
        """
        Begin a run; it goes on whether anybody listens or not.

        Parameters
        ----------
        names
            Scenarios; all that can be read where there are none.
        also
            Simulations made on request that are to run besides all others.

        Raises
        ------
        BusyError
            Another one goes on.
        InputError
            Scenarios are not known, or their files are broken.
        """
        problems = Problems()
        scenarios = read_scenarios(self._study.folder, problems)
        wanted = list(dict.fromkeys(names)) or list(scenarios)
        unknown = [name[:100] for name in wanted if name not in scenarios]
        if unknown:
            rule = f"is a scenario that can be read ({', '.join(scenarios)})"
            raise InputError([*problems.errors, *(Problem(rule, column=name) for name in unknown)])
        stages = known_models((*needed(None), *also))
        place = self._study.place
        with self._lock:
            if going := next((run for run in self._runs.values() if run.state == "running"), None):
                rule = f"no other run goes on: wait for {going.id}, or cancel it"
                raise BusyError([Problem(rule, rows=(going.id,))])
            run = Run(secrets.token_hex(8), wanted)
            self._runs[run.id] = run
            while len(self._runs) > KEPT:
                self._runs.popitem(last=False)

        run.thread = threading.Thread(
            target=self._work, args=(run, place, scenarios, stages), name=f"run {run.id}", daemon=True
        )
        run.thread.start()
        return run

    def _work(self, run: Run, place: Place, scenarios: Mapping[str, Scenario], stages: list[str]) -> None:
        state: Going = "failed"
        problems: Sequence[Problem] = [Problem("ran without a fault of Dothi: what its server printed says more")]
        executor = processes(self._workers)
        try:
            run_scenarios(
                place,
                scenarios,
                run.scenarios,
                models=tuple(stages),
                progress=run,
                executor=executor,
                cancel=run.cancelled,
            )
            state, problems = "finished", []
        except Cancelled:
            state, problems = "cancelled", []
        except InputError as error:
            problems = error.problems
        except DothiError as error:
            problems = [Problem(str(error))]
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            run.end(state, problems)

    def find(self, run_id: str) -> Run:
        """
        Run by id.

        Raises
        ------
        MissingError
            There is none, or it is long past.
        """
        found = self._runs.get(run_id)
        if found is None:
            raise missing("is the id of a run of this server")
        return found

    def cancel(self, run_id: str) -> Run:
        """End a run; what is finished is kept, and half a result is none."""
        run = self.find(run_id)
        run.cancelled.set()
        return run

    def facts(self) -> RunList:
        """All runs, the last one first."""
        return RunList(runs=[run.facts() for run in reversed(list(self._runs.values()))])

    def close(self) -> None:
        """End the run that goes on, and all listening."""
        self.closing.set()
        for run in list(self._runs.values()):
            run.cancelled.set()
            if run.thread is not None:
                run.thread.join(CLOSES_S)
