"""Power flow of radial feeders whose phases are not alike: three voltages at every bus, one load at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from dothi.errors import ConvergenceError, InputError, Problem
from dothi.shapes import Floats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dothi.io.opendss import PhaseLine, PhaseLoad, Script, Winding

Complexes = NDArray[np.complex128]
TURN: Final = np.exp(-2j * np.pi / 3.0 * np.arange(3))
TOLERANCE: Final = 1e-9
MOST_SWEEPS: Final = 200
DELTA_WYE: Final = np.array([[1.0, 0.0, -1.0], [-1.0, 1.0, 0.0], [0.0, -1.0, 1.0]]) / np.sqrt(3.0)
"""Voltages of a wye that lags a delta by 30°, over those of the phases of the delta."""


@dataclass(frozen=True, slots=True)
class Section:
    """
    What joins two buses: the voltages below are `turns` those above less `impedance` times the currents below.

    Attributes
    ----------
    one, other
        Buses.
    turns : (3, 3)
        Voltages below over those above, without current. Currents above are its adjoint times those below.
    impedance : (3, 3)
        Series impedance on the lower side [Ω].
    shunt : (3, 3)
        Admittance to ground, half of it at each end [S].
    """

    one: str
    other: str
    turns: Complexes
    impedance: Complexes
    shunt: Complexes


@dataclass(frozen=True, slots=True)
class PhaseFlow:
    """
    Voltages of buses.

    Attributes
    ----------
    volt
        By bus, voltage of each phase to ground [V]; 0 of phases that are not there.
    nominal
        By bus, nominal voltage of a phase [V].
    sweeps
        Sweeps.
    """

    volt: dict[str, Complexes]
    nominal: dict[str, float]
    sweeps: int

    def pu(self, bus: str) -> Floats:
        """Voltages of the phases to ground over the nominal."""
        found: Floats = np.abs(self.volt[bus]) / self.nominal[bus]
        return found

    def pu_between(self, bus: str) -> Floats:
        """Voltages from a to b, b to c and c to a over the nominal."""
        v = self.volt[bus]
        found: Floats = np.abs(v - np.roll(v, -1)) / self.nominal[bus] / np.sqrt(3.0)
        return found


def feeder_flow(script: Script, *, held_at: str | None = None, held_pu: float = 1.0) -> PhaseFlow:
    """
    Voltages of a feeder of OpenDSS with the taps that it has.

    Parameters
    ----------
    script
        The script.
    held_at
        Bus whose voltage is held, in place of the source.
    held_pu
        Its voltage over the nominal.

    Raises
    ------
    InputError
        The feeder has a loop.
    ConvergenceError
        No solution was found.
    """
    from dothi.errors import Problems
    from dothi.io.opendss import phase_lines, phase_loads, source_of
    from dothi.io.opendss_balanced import grid_of_script

    bus, _, pu, impedance = source_of(script)
    known = grid_of_script(script, Problems()).nodes
    nominal = dict(zip(known["source_id"], known["nominal_v"] / np.sqrt(3.0), strict=True))
    lines = (_line(line, script.hertz) for line in phase_lines(script))
    sections = [*_transformers(script), *lines]  # so that a jumper beside a regulator is passed over
    root = bus
    if held_at is not None:
        root, pu, impedance = held_at, held_pu, 0.0
        sections = [section for section in sections if section.other != root]
    order = _order(sections, root)
    emf = nominal[root] * pu * TURN
    loads = [load for load in phase_loads(script) if load.bus in {root, *(s.other for s in order)}]
    return _swept(order, root, emf, impedance, loads, nominal)


def _line(line: PhaseLine, hertz: float) -> Section:
    full, shunt, there = np.zeros((3, 3), complex), np.zeros((3, 3), complex), np.zeros((3, 3), complex)
    at = np.ix_(line.phases, line.phases)
    full[at] = line.impedance
    shunt[at] = 2j * np.pi * hertz * line.capacitance
    there[line.phases, line.phases] = 1.0
    return Section(line.one, line.other, there, full, shunt)


def _transformers(script: Script) -> Iterable[Section]:
    """Transformers; single-phase ones between the same buses as one bank."""
    from dothi.io.opendss import windings_of

    banks: dict[tuple[str, str], list[tuple[int, list[Winding], float]]] = {}
    for element in script.all("transformer"):
        n, windings, reactance = windings_of(element)
        banks.setdefault((windings[0].bus, windings[1].bus), []).append((n, windings, reactance))
    for (one, other), members in banks.items():
        turns, impedance = np.zeros((3, 3), complex), np.zeros((3, 3), complex)
        for n, (upper, lower), reactance in members:
            ratio = lower.volt * lower.tap / (upper.volt * upper.tap)
            z = complex(upper.resistance + lower.resistance, reactance) * lower.volt**2 / lower.va
            if n == 3:
                turns = ratio * (DELTA_WYE if upper.delta and not lower.delta else np.eye(3)).astype(complex)
                impedance = np.eye(3) * z
            elif upper.delta:  # a regulator between two phases, the second of which goes through
                a, b = upper.phases[:2]
                turns[a, a], turns[a, b], turns[b, b] = ratio, 1.0 - ratio, 1.0
                impedance[a, a] = z
            else:
                turns[upper.phases[0], upper.phases[0]] = ratio
                impedance[upper.phases[0], upper.phases[0]] = z
        yield Section(one, other, turns, impedance, np.zeros((3, 3), complex))


def _order(sections: Iterable[Section], root: str) -> list[Section]:
    """Sections from the root on, each seen from above."""
    beside: dict[str, list[Section]] = {}
    for section in sections:
        beside.setdefault(section.one, []).append(section)
        beside.setdefault(section.other, []).append(section)
    found: list[Section] = []
    seen, pending = {root}, [root]
    used: set[tuple[str, str]] = set()
    while pending:
        name = pending.pop()
        for section in beside.get(name, ()):
            ends = (section.one, section.other)
            if ends in used or ends[::-1] in used:
                continue  # a jumper beside a regulator
            used.add(ends)
            below = section.other if section.one == name else section.one
            if below in seen:
                raise InputError([Problem(f"is radial: there is a loop at bus {below}", table="grid_lines")])
            seen.add(below)
            pending.append(below)
            turned = section if section.one == name else _turned(section)
            found.append(turned)
    return found


def _turned(section: Section) -> Section:
    """A line seen from its other end."""
    if not np.array_equal(section.turns, np.diag(np.diag(section.turns))) or section.turns.max() != 1.0:
        raise InputError([Problem("transformers are fed from their first winding", table="transformers")])
    return Section(section.other, section.one, section.turns, section.impedance, section.shunt)


def _swept(
    order: list[Section],
    root: str,
    emf: Complexes,
    source: complex,
    loads: list[PhaseLoad],
    nominal: dict[str, float],
) -> PhaseFlow:
    volt = {root: emf.copy()}
    for section in order:
        volt[section.other] = section.turns @ volt[section.one]
    for sweep in range(1, MOST_SWEEPS + 1):
        current = {name: np.zeros(3, complex) for name in volt}
        for load in loads:
            _take(load, volt[load.bus], current[load.bus])
        for section in order:
            for end in (section.one, section.other):
                current[end] += section.shunt @ volt[end] / 2.0
        for section in reversed(order):
            current[section.one] += section.turns.conj().T @ current[section.other]
        moved = 0.0
        before = dict(volt)
        volt[root] = emf - source * current[root]
        for section in order:
            volt[section.other] = section.turns @ volt[section.one] - section.impedance @ current[section.other]
        for name, now in volt.items():
            moved = max(moved, float(np.abs(now - before[name]).max()) / nominal[name])
        if moved < TOLERANCE:
            return PhaseFlow(volt, nominal, sweep)
    raise ConvergenceError(f"power flow of phases: voltages still move by {moved:.1e} after {MOST_SWEEPS} sweeps")


def _take(load: PhaseLoad, volt: Complexes, current: Any) -> None:
    """Add the current of a load to that of its bus."""
    between = volt[load.phases[0]] - (volt[load.phases[1]] if len(load.phases) > 1 else 0.0)
    size = abs(between) / load.volt
    power = complex(load.power.real * size**load.p_exponent, load.power.imag * size**load.q_exponent)
    amps = np.conj(power / between)
    current[load.phases[0]] += amps
    if len(load.phases) > 1:
        current[load.phases[1]] -= amps
