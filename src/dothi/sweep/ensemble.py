"""A sweep run through the store: its members, the spread of every indicator, and what it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.chain import STAGES, needed
from dothi.errors import InputError, Problem, Problems
from dothi.evaluate import CITY, evaluate
from dothi.indicators import KPIS
from dothi.run import WATCH_S, Cancelled, run_scenarios
from dothi.shapes import Floats
from dothi.sweep.design import HIGH, LOW, MIDDLE, Design, design_of
from dothi.sweep.plan import SweepPlan, with_settings
from dothi.turns import at_work
from dothi.workers import Inline

if TYPE_CHECKING:
    import threading
    from concurrent.futures import Executor

    from dothi.record import Place
    from dothi.run import Progress
    from dothi.scenario import Scenario
    from dothi.study import Study

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
AHEAD: Final = 32
"""Pieces of work handed out before the first is done, so that a sweep can be stopped."""


@dataclass(frozen=True, slots=True)
class Spread:
    """
    How an indicator spreads over a sample.

    Attributes
    ----------
    n
        Members that have a value of it.
    missing
        Members that have none.
    mean
        Mean of the values.
    quantiles
        Values below which `QUANTILES` of the members lie.
    """

    n: int
    missing: int
    mean: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Swing:
    """
    An indicator when one parameter is low or high, all others in the middle.

    Attributes
    ----------
    low_at, high_at
        The parameter.
    low, middle, high
        The indicator; None where missing.
    """

    low_at: Any
    high_at: Any
    low: float | None
    middle: float | None
    high: float | None

    @property
    def width(self) -> float:
        """Distance between the outermost of the three values; 0 where one is missing."""
        values = [value for value in (self.low, self.middle, self.high) if value is not None]
        return max(values) - min(values) if len(values) == 3 else 0.0


@dataclass(frozen=True, slots=True)
class Influence:
    """
    How much an indicator depends on a parameter.

    Attributes
    ----------
    rank_correlation
        Spearman's, between −1 and 1.
    first_order, total
        Share of the variance that the parameter explains alone, and with all it acts together with (Sobol indices);
        None where they were not asked for.
    """

    rank_correlation: float | None
    first_order: float | None = None
    total: float | None = None


@dataclass(frozen=True, slots=True)
class Ensemble:
    """
    What a sweep gave.

    Attributes
    ----------
    plan
        What was asked for.
    design
        Which members there are, and what for.
    values
        By member, values of the indicators by id.
    """

    plan: SweepPlan
    design: Design
    values: Mapping[str, Mapping[str, float | None]]

    @property
    def indicators(self) -> list[str]:
        """Indicators of which some member has a value."""
        return [kpi for kpi in KPIS if any(values.get(kpi) is not None for values in self.values.values())]

    @property
    def varied(self) -> list[str]:
        """Indicators that are not the same in all members."""
        return [kpi for kpi in self.indicators if not _same([values.get(kpi) for values in self.values.values()])]

    def spread(self, kpi: str) -> Spread:
        """How an indicator spreads over the sample."""
        found = self._of(kpi, self.design.sample)
        known = found[np.isfinite(found)]
        if not len(known):
            return Spread(0, len(found), np.nan, (np.nan,) * len(QUANTILES))
        quantiles = tuple(map(float, np.quantile(known, QUANTILES)))
        return Spread(len(known), len(found) - len(known), float(known.mean()), quantiles)

    def swings(self, kpi: str) -> dict[str, Swing]:
        """By parameter, the indicator when it is low and high; the widest first."""
        single = self.design.one_at_a_time
        found = {}
        for one in self.plan.vary:
            low, middle, high = single[one.parameter, LOW], single["", MIDDLE], single[one.parameter, HIGH]
            at = [self.design.settings[member][one.parameter] for member in (low, high)]
            found[one.parameter] = Swing(*at, *(self.values[member].get(kpi) for member in (low, middle, high)))
        return dict(sorted(found.items(), key=lambda item: -item[1].width))

    def influence(self, kpi: str) -> dict[str, Influence]:
        """By parameter, how much an indicator depends on it."""
        from scipy.stats import rankdata

        values = self._of(kpi, self.design.sample)
        known = np.isfinite(values)
        first, total = self._sobol(kpi)
        found = {}
        for position, one in enumerate(self.plan.vary):
            given = np.array([one.number(self.design.settings[name][one.parameter]) for name in self.design.sample])
            x, y = rankdata(given[known]), rankdata(values[known])
            related = None
            if len(x) > 2 and np.ptp(x) > 0.0 and np.ptp(y) > 0.0:
                related = float(np.corrcoef(x, y)[0, 1])
            found[one.parameter] = Influence(
                related,
                None if first is None else float(first[position]),
                None if total is None else float(total[position]),
            )
        return found

    def _sobol(self, kpi: str) -> tuple[Floats | None, Floats | None]:
        """Sobol indices, by A. Saltelli et al. 2010, doi:10.1016/j.cpc.2009.09.018."""
        from scipy.stats import sobol_indices

        n = self.plan.points
        if not self.design.resampled:
            return None, None
        sample = self._of(kpi, self.design.sample)
        mixed = np.array([self._of(kpi, self.design.resampled[one.parameter]) for one in self.plan.vary])
        if not np.isfinite(sample).all() or not np.isfinite(mixed).all() or np.ptp(sample) == 0.0:
            return None, None
        mixed = np.concatenate([mixed, mixed[:1]])  # scipy 1.17 fails with one parameter alone
        given = {"f_A": sample[None, :n], "f_B": sample[None, n:], "f_AB": mixed[:, None, :]}
        found = sobol_indices(func=given, n=n)
        return found.first_order[:-1], found.total_order[:-1]

    def _of(self, kpi: str, members: tuple[str, ...]) -> Floats:
        values = [self.values[member].get(kpi) for member in members]
        return np.array([np.nan if value is None else value for value in values])


def _same(values: list[float | None]) -> bool:
    known = [value for value in values if value is not None]
    return len(known) in (0, len(values)) and bool(np.allclose(known, known[0], rtol=1e-9, atol=0.0) if known else True)


def run_sweep(
    study: Study,
    plan: SweepPlan,
    *,
    progress: Progress | None = None,
    executor: Executor | None = None,
    cancel: threading.Event | None = None,
) -> Ensemble:
    """
    Run all members of a sweep, or find those that were run before.

    Parameters
    ----------
    study
        The study.
    plan
        What is tried.
    progress
        Told of every piece of work.
    executor
        Where work is done; in this process where None.
    cancel
        When set, the sweep ends; what was finished is kept, and found by the next one.

    Raises
    ------
    InputError
        Settings do not fit the scenario, the simulations or the city.
    Cancelled
        The sweep was stopped.
    """
    scenarios = study.scenarios
    if plan.scenario not in scenarios:
        rule = f"is a scenario of this study ({', '.join(scenarios)})"
        raise InputError([Problem(rule, file=f"sweep {plan.name}", column=plan.scenario)])
    design = design_of(plan)
    members = _members(scenarios[plan.scenario], plan, design)
    place = replace(study.place, records=f"sweeps/{plan.name}")
    with at_work(place.derived):
        try:
            run_scenarios(
                place,
                {**scenarios, **members},
                list(members),
                models=_simulations(plan),
                progress=progress,
                executor=executor,
                cancel=cancel,
            )
        except InputError as error:
            raise InputError(_in_words(error, members)) from error
        values = _evaluated(place, list(members), executor or Inline(), cancel)
        for record in (place.derived / place.records).glob("*.json"):
            if record.stem not in members:
                record.unlink(missing_ok=True)
    return Ensemble(plan, design, values)


def _simulations(plan: SweepPlan) -> tuple[str, ...]:
    """Simulations of any run, and those made on request whose parameters vary."""
    named = (one.parameter.split(".")[1] for one in plan.vary if one.parameter.startswith("models."))
    return (*needed(None), *(name for name in named if name in STAGES))


def _members(scenario: Scenario, plan: SweepPlan, design: Design) -> dict[str, Scenario]:
    problems = Problems(f"sweep {plan.name}")
    members = {}
    for name, settings in design.settings.items():
        title = ", ".join(f"{parameter} = {_plain(value)}" for parameter, value in settings.items())
        members[name] = with_settings(scenario, name, title, settings, problems)
    if problems.errors:
        raise InputError(dict.fromkeys(problems.errors))
    return members


def _evaluated(
    place: Place, names: list[str], executor: Executor, cancel: threading.Event | None
) -> dict[str, Mapping[str, float | None]]:
    values: dict[str, Mapping[str, float | None]] = {}
    waiting = list(reversed(names))
    running: dict[Future[Any], str] = {}
    while waiting or running:
        if cancel is not None and cancel.is_set():
            raise Cancelled("stopped: what was finished is kept, run again to go on")
        while waiting and len(running) < AHEAD:
            name = waiting.pop()
            running[executor.submit(evaluate, place, name)] = name
        for future in wait(running, timeout=WATCH_S, return_when=FIRST_COMPLETED).done:
            values[running.pop(future)] = future.result()[CITY]
    return {name: values[name] for name in names}


def _in_words(error: InputError, members: Mapping[str, Scenario]) -> list[Problem]:
    """Problems that name the settings instead of the member."""
    found = []
    for problem in error.problems:
        file = problem.file
        for name, member in members.items():
            file = file.replace(name, member.title.en)
        found.append(replace(problem, file=file))
    return found


def _plain(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
