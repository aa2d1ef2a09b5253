"""Signals: where they stand, and how long each stream has green."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from dothi.microsim.convert import SATURATION_PCU_H, elements
from dothi.microsim.streams import Streams, gap_capacity_pcu_h
from dothi.shapes import Floats

BUSY: Final = 0.9
"""Share of what a crossing can pass that is asked of it at most."""
SHORTEST_S: Final = 40.0
"""Shortest cycle [s]."""
LONGEST_S: Final = 100.0
"""Longest cycle [s]."""
GREEN_S: Final = 6.0
"""Shortest green [s]."""


@dataclass(frozen=True, slots=True)
class Plan:
    """
    A program of signals.

    Attributes
    ----------
    states
        Lamps of each phase, as SUMO writes them.
    seconds
        How long each phase lasts [s].
    reserve
        What the flows could be multiplied by until green is too short somewhere.
    """

    states: tuple[str, ...]
    seconds: tuple[float, ...]
    reserve: float


def read_programs(path: Path) -> dict[str, list[tuple[str, float]]]:
    """Phases of the signals of a network of SUMO: lamps and seconds."""
    return {
        element.get("id"): [(one.get("state"), float(one.get("duration"))) for one in element.iter("phase")]
        for element in elements(path, "tlLogic")
    }


def best_plans(
    streams: Streams, flow: Floats, programs: Sequence[Mapping[str, Sequence[tuple[str, float]]]]
) -> dict[str, Plan]:
    """By signal, the plan that passes most, of several ways to order its phases."""
    found: dict[str, Plan] = {}
    for offered in programs:
        for name, phases in offered.items():
            if name not in streams.crossing_of:
                continue  # nobody whom the city knows goes there
            plan = fitted_plan(streams, streams.at[streams.crossing_of[name]], flow, phases)
            if name not in found or plan.reserve > found[name].reserve:
                found[name] = plan
    return found


def fitted_plan(streams: Streams, here: Sequence[int], flow: Floats, phases: Sequence[tuple[str, float]]) -> Plan:
    r"""
    Fit a plan to flows: greens so that flows could grow most (Allsop 1972), the cycle by Webster (1958).

    With shares of green :math:`g_p` and needs :math:`y_{lp}`, flow of lane l over what it passes in phase p,
    :math:`\\mu` is made as large as it gets such that :math:`\\sum_p g_p / y_{lp} \\ge \\mu` for each lane and
    :math:`\\sum_p g_p = 1`. Then :math:`Y = 1 / \\mu` and the cycle lasts :math:`(1.5 L + 5) / (1 - Y)` for the time L
    in which nobody has green.

    Parameters
    ----------
    streams
        Connections of the network.
    here
        Those of the crossing.
    flow
        Flow of each connection [pcu/h].
    phases
        Lamps and seconds of the phases; those that show yellow stay as they are.
    """
    green = [at for at, (state, _) in enumerate(phases) if "y" not in state and set(state) & set("gG")]
    lost = sum(seconds for at, (_, seconds) in enumerate(phases) if at not in green)
    shares, most = _shares(streams, here, flow, [phases[at][0] for at in green])
    busy = min(1.0 / most, 0.95) if most > 0.0 else 0.0
    cycle = float(np.clip((1.5 * lost + 5.0) / (1.0 - busy), SHORTEST_S, LONGEST_S))
    seconds = [float(one) for _, one in phases]
    for at, share in zip(green, shares, strict=True):
        seconds[at] = max(round(share * (cycle - lost)), GREEN_S)
    whole = sum(seconds)
    return Plan(tuple(state for state, _ in phases), tuple(seconds), most * (1.0 - lost / whole))


def _shares(streams: Streams, here: Sequence[int], flow: Floats, states: Sequence[str]) -> tuple[Floats, float]:
    """Share of green of each phase, and what flows could be multiplied by if all time were green."""
    from scipy.optimize import linprog

    rows = [_served(streams, lane, flow, states) for lane in streams.lanes(here) if flow[lane].sum() > 0.0]
    n = len(states)
    if not rows or not n:
        return np.full(n, 1.0 / max(n, 1)), np.inf
    sums = np.r_[np.ones(n), 0.0][None]
    solved = linprog(
        np.r_[np.zeros(n), -1.0],
        A_ub=np.column_stack([-np.array(rows), np.ones(len(rows))]),
        b_ub=np.zeros(len(rows)),
        A_eq=sums,
        b_eq=[1.0],
        bounds=[(0.0, 1.0)] * n + [(0.0, None)],
    )
    return solved.x[:n], float(solved.x[n])


def _served(streams: Streams, lane: Sequence[int], flow: Floats, states: Sequence[str]) -> list[float]:
    """What a lane passes in each phase over its flow; nothing where a stream of it has red, as it blocks the rest."""
    found = []
    for state in states:
        need = 0.0
        for one in lane:
            lamp = state[streams.signal[one]]
            if flow[one] > 0.0 and lamp not in "gG":
                need = np.inf
            before = sum(flow[other] for other in streams.first[one] if state[streams.signal[other]] in "gG")
            passes = gap_capacity_pcu_h(np.array([before if lamp == "g" else 0.0]))[0]
            need += flow[one] / min(passes, SATURATION_PCU_H)
        found.append(1.0 / need if need > 0.0 else 0.0)
    return found


def where_signals(load: Mapping[str, float], plans: Mapping[str, Plan], crossing_of: Mapping[str, str]) -> list[str]:
    """Crossings where those who yield find too few gaps, and signals pass more."""
    return [crossing_of[name] for name, plan in plans.items() if plan.reserve * load[crossing_of[name]] > 1.0]


def write_plans(path: Path, plans: Mapping[str, Plan]) -> Path:
    """Write plans as additional input of SUMO."""
    lines = ["<additional>"]
    for name, plan in plans.items():
        lines.append(f'<tlLogic id="{name}" type="static" programID="fitted" offset="0">')
        phases = zip(plan.states, plan.seconds, strict=True)
        lines += [f'<phase duration="{seconds:.0f}" state="{state}"/>' for state, seconds in phases]
        lines.append("</tlLogic>")
    path.write_text("\n".join([*lines, "</additional>\n"]), encoding="utf-8")
    return path
