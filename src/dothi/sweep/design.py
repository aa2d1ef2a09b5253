"""Points of a sweep: which values are tried together, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np

from dothi.content import digest
from dothi.sweep.plan import SweepPlan

MIDDLE: Final = "middle"
LOW: Final = "low"
HIGH: Final = "high"


@dataclass(frozen=True, slots=True)
class Design:
    """
    Points by what they are for; equal points are one member.

    Attributes
    ----------
    settings
        By member, the values by parameter.
    sample
        Members whose spread is that of the indicators, as often as they were drawn.
    resampled
        By parameter, members like the first half of `sample` but for this parameter, which is as in its second half;
        empty without Sobol indices.
    one_at_a_time
        Member by parameter and end; ``("", MIDDLE)`` is the one in the middle of everything.
    """

    settings: Mapping[str, Mapping[str, Any]]
    sample: tuple[str, ...]
    resampled: Mapping[str, tuple[str, ...]]
    one_at_a_time: Mapping[tuple[str, str], str]


def design_of(plan: SweepPlan) -> Design:
    """Points that a plan asks for; the same plan gives the same points."""
    settings: dict[str, Mapping[str, Any]] = {}
    names = [one.parameter for one in plan.vary]

    def member(values: tuple[Any, ...]) -> str:
        given = dict(zip(names, values, strict=True))
        name = digest("member", given)[:12]
        settings.setdefault(name, given)
        return name

    resampled: dict[str, tuple[str, ...]] = {}
    if plan.method == "grid":
        sample = tuple(member(values) for values in product(*(one.levels() for one in plan.vary)))
    else:
        shares = _sobol(plan, len(names) * (2 if plan.sensitivity == "sobol" else 1))
        halves = np.split(shares, shares.shape[1] // len(names), axis=1)
        sample = tuple(name for half in halves for name in map(member, _values(plan, half)))
        if len(halves) == 2:
            for column, name in enumerate(names):
                mixed = halves[0].copy()
                mixed[:, column] = halves[1][:, column]
                resampled[name] = tuple(map(member, _values(plan, mixed)))
    extremes = [one.low_middle_high for one in plan.vary]
    middle = tuple(values[1] for values in extremes)
    single = {("", MIDDLE): member(middle)}
    for column, (name, (low, _, high)) in enumerate(zip(names, extremes, strict=True)):
        for end, value in ((LOW, low), (HIGH, high)):
            single[name, end] = member((*middle[:column], value, *middle[column + 1 :]))
    return Design(settings, sample, resampled, single)


def _sobol(plan: SweepPlan, dimensions: int) -> Any:
    """Scrambled Sobol points (Owen 1998, doi:10.1006/jcom.1998.0487), (points, dimensions)."""
    from scipy.stats.qmc import Sobol

    return Sobol(dimensions, scramble=True, rng=np.random.default_rng(plan.seed)).random(plan.points)


def _values(plan: SweepPlan, shares: Any) -> list[tuple[Any, ...]]:
    return list(zip(*(one.at(shares[:, column]) for column, one in enumerate(plan.vary)), strict=True))
