"""A feeder of OpenDSS as a grid with symmetric currents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dothi.errors import Problems
from dothi.io.grid_tables import GridFile, kinds
from dothi.io.opendss import Script, Winding, phase_lines, phase_loads, source_of, windings_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def grid_of_script(script: Script, problems: Problems) -> GridFile:
    """
    Grid of a script: lines by their positive sequence, banks of single-phase transformers as one of three phases.

    Parameters
    ----------
    script
        The script.
    problems
        Told that the grid is taken to be symmetric.
    """
    bus, volt, held, _ = source_of(script)
    lines, banks = list(phase_lines(script)), _banks(script)
    nominal = _nominal(bus, volt, [(line.one, line.other) for line in lines], banks)
    lost = {name for line in lines for name in (line.one, line.other)} - set(nominal)
    if lost:
        problems.note("buses without a way to the source were left out", rows=sorted(lost))
    row = {name: number for number, name in enumerate(nominal)}
    nodes = pd.DataFrame(
        {
            "source_id": list(nominal),
            "nominal_v": list(nominal.values()),
            "held_pu": [held if name == bus else np.nan for name in nominal],
            "x": [script.places.get(name, (np.nan, np.nan))[0] for name in nominal],
            "y": [script.places.get(name, (np.nan, np.nan))[1] for name in nominal],
        }
    )
    problems.note("phases are taken to be alike: impedances of the positive sequence, loads of all phases together")
    kept = [line for line in lines if line.one in row and line.other in row]
    table = pd.DataFrame([_line(line, row) for line in kept], columns=_LINE)
    transformers = pd.DataFrame([_transformer(bank, row) for bank in banks if bank[1][0].bus in row])
    loads = [(row[load.bus], load.power.real, load.power.imag) for load in phase_loads(script) if load.bus in row]
    nodes["kind"] = kinds(nodes, transformers if len(transformers) else pd.DataFrame({"primary_grid_node_id": []}))
    together = pd.DataFrame(loads, columns=["grid_node_id", "p_w", "q_var"])
    return GridFile(nodes, table, transformers, together, script.hertz, {})


_LINE = [
    "source_id",
    "from_grid_node_id",
    "to_grid_node_id",
    "length_m",
    "r_ohm_km",
    "x_ohm_km",
    "c_nf_km",
    "rating_a",
    "open",
]


def _line(line: Any, row: Mapping[str, int]) -> tuple[Any, ...]:
    n, km = len(line.phases), max(line.length_m, 1e-3) / 1e3
    apart = (line.impedance.sum() - np.trace(line.impedance)) / max(n * (n - 1), 1)
    positive = np.trace(line.impedance) / n - apart
    between = (line.capacitance.sum() - np.trace(line.capacitance)) / max(n * (n - 1), 1)
    capacitance = np.trace(line.capacitance) / n - between
    rating = line.rating_a if line.rating_a > 0.0 else np.nan
    ends = row[line.one], row[line.other]
    length = max(line.length_m, 1e-3)
    return line.name, *ends, length, positive.real / km, positive.imag / km, capacitance * 1e9 / km, rating, False


def _banks(script: Script) -> list[tuple[float, list[Winding], float]]:
    """Transformers, those between the same two buses as one: power of all [VA], windings with mean taps, reactance."""
    found: dict[tuple[str, str], list[tuple[list[Winding], float]]] = {}
    for element in script.all("transformer"):
        _, windings, reactance = windings_of(element)
        found.setdefault((windings[0].bus, windings[1].bus), []).append((windings, reactance))
    banks = []
    for members in found.values():
        first, reactance = members[0]
        three = len(first[0].phases) >= 3
        volt = [w.volt if three or w.delta else w.volt * np.sqrt(3.0) for w in first]
        taps = [float(np.mean([windings[k].tap for windings, _ in members])) for k in range(2)]
        power = sum(windings[1].va for windings, _ in members)
        windings = [
            Winding(w.bus, w.phases, w.delta, v, power, w.resistance, tap)
            for w, v, tap in zip(first, volt, taps, strict=True)
        ]
        banks.append((power, windings, reactance))
    return banks


def _nominal(
    bus: str, volt: float, lines: list[tuple[str, str]], banks: list[tuple[float, list[Winding], float]]
) -> dict[str, float]:
    """Nominal voltage of every bus that some way joins to the source [V]."""
    beside: dict[str, list[tuple[str, float]]] = {}
    for one, other in lines:
        beside.setdefault(one, []).append((other, 1.0))
        beside.setdefault(other, []).append((one, 1.0))
    for _, (upper, lower), _ in banks:
        beside.setdefault(upper.bus, []).append((lower.bus, lower.volt / upper.volt))
        beside.setdefault(lower.bus, []).append((upper.bus, upper.volt / lower.volt))
    found, pending = {bus: volt}, [bus]
    while pending:
        name = pending.pop()
        for other, times in beside.get(name, ()):
            if other not in found:
                found[other] = found[name] * times
                pending.append(other)
    return found


def _transformer(bank: tuple[float, list[Winding], float], row: Mapping[str, int]) -> dict[str, Any]:
    power, (upper, lower), reactance = bank
    resistance = upper.resistance + lower.resistance
    return {
        "source_id": f"{upper.bus}-{lower.bus}",
        "rating_kva": power / 1e3,
        "u_primary_v": upper.volt,
        "u_secondary_v": lower.volt,
        "primary_grid_node_id": row[upper.bus],
        "secondary_grid_node_id": row[lower.bus],
        "short_circuit_pct": float(np.hypot(resistance, reactance)) * 100.0,
        "load_loss_pct": resistance * 100.0,
        "iron_loss_pct": 0.0,
        "no_load_current_pct": 0.0,
        "tap_ratio": upper.tap / lower.tap,
    }
