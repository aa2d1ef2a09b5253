"""Cases of the electricity grid: closed forms, power-grid-model on the same grids, feeders of the IEEE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from dothi.power.flow import Flow, blocked, power_flow
from dothi.power.network import Network, network_of
from dothi.shapes import Floats, Integers
from dothi.verify import Case, Quantity

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
SINGLE: Final = 2e-7
"""Loads are kept as float32, of 24 bits."""


def grid(
    volt: float,
    ends: Any,
    ohm: Any,
    *,
    held: float = 1.0,
    transformers: Any = None,
    nominal: Any = None,
    c_nf: float = 0.0,
) -> Tables:
    """
    Tables of a small grid: node 0 is held, lines of 1 km.

    Parameters
    ----------
    volt
        Nominal voltage [V].
    ends : (n, 2)
        Nodes of lines.
    ohm : (n,)
        Their impedances [Ω].
    held
        Voltage of node 0 over the nominal.
    transformers
        Table of transformers; none where None.
    nominal
        Nominal voltage of every node, where they differ [V].
    c_nf
        Capacitance of each line [nF].
    """
    ends, ohm = np.asarray(ends, dtype=int).reshape(-1, 2), np.atleast_1d(ohm)
    n = int(ends.max()) + 1 if nominal is None else len(nominal)
    nodes = pd.DataFrame({"nominal_v": np.full(n, volt) if nominal is None else nominal, "held_pu": np.nan})
    nodes.loc[0, "held_pu"] = held
    lines = pd.DataFrame(
        {
            "from_grid_node_id": ends[:, 0],
            "to_grid_node_id": ends[:, 1],
            "length_m": 1000.0,
            "r_ohm_km": ohm.real,
            "x_ohm_km": ohm.imag,
            "c_nf_km": c_nf,
            "rating_a": 1000.0,
            "open": False,
        }
    )
    empty = pd.DataFrame({name: [] for name in ("primary_grid_node_id", "secondary_grid_node_id", "rating_kva")})
    return nodes, lines, empty if transformers is None else transformers


def solved(tables: Any, at: Any, p: Any, q: Any) -> tuple[Network, Flow]:
    """Power flow of one hour."""
    network = network_of(*tables)
    active, reactive = (blocked(np.asarray(values, dtype=float)[:, None]) for values in (p, q))
    return network, power_flow(network, np.asarray(at), active, reactive, 1)


def _two_buses() -> Iterator[Quantity]:
    volt, p, q, z = 400.0, 50e3, 20e3, 0.2 + 0.08j
    _, flow = solved(grid(volt, [[0, 1]], z, held=1.02), [1], [p], [q])
    b = 2.0 * (p * z.real + q * z.imag) - (1.02 * volt) ** 2
    square = (-b + np.sqrt(b**2 - 4.0 * (p**2 + q**2) * abs(z) ** 2)) / 2.0
    yield Quantity("voltage", "pu", float(flow.low_pu[1]), float(np.sqrt(square) / volt), SINGLE)
    loss = (p**2 + q**2) / square * z.real
    yield Quantity("loss", "W", float(flow.lost_wh.sum()), float(loss), loss * 4.0 * SINGLE)
    yield Quantity(
        "reactive power that comes in", "var", float(flow.supplied_var[0, 0]), q + loss * 0.4, q * SINGLE * 4
    )


def _uniform() -> Iterator[Quantity]:
    n, volt, z, amps = 100, 20e3, 0.12 + 0.11j, 10.0
    tables = grid(volt, np.column_stack([np.arange(n), np.arange(1, n + 1)]), np.full(n, z / n))
    power = np.full(n, np.sqrt(3.0) * volt * amps / n)
    _, flow = solved(tables, np.arange(1, n + 1), power, 0.0 * power)
    drop = amps * z.real * (1.0 + 1.0 / n) / 2.0 * np.sqrt(3.0) / volt
    yield Quantity("drop of voltage at its end", "1e-6 pu", float(1.0 - flow.low_pu[-1]) * 1e6, drop * 1e6, 0.2)
    loss = 3.0 * amps**2 * z.real * (1.0 / 3.0 + 1.0 / (2.0 * n) + 1.0 / (6.0 * n**2))
    yield Quantity("loss", "W", float(flow.lost_wh.sum()), loss, loss * 2e-4)


def _idle() -> Iterator[Quantity]:
    table = transformer_table([0], [1], tap=1.025)
    tables = grid(20e3, np.empty((0, 2)), np.empty(0, dtype=complex), transformers=table, nominal=[20e3, 400.0])
    _, flow = solved(tables, [1], [0.0], [0.0])
    yield Quantity("voltage without load", "pu", float(flow.low_pu[1]), 410.0 / 400.0 / 1.025, 2e-4)
    iron = 400e3 * 0.001  # half of it at each side; the upper one sees the voltage over the ratio
    yield Quantity("loss in the iron", "W", float(flow.shunt_wh.sum()), iron / 1.025**2, iron * 1e-3)
    _, full = solved(tables, [1], [400e3], [0.0])
    current = 1.0 / float(full.low_pu[1]) * 410.0 / 400.0
    yield Quantity("loss in the windings", "W", float(full.lost_wh.sum()), 3200.0 * current**2, 5.0)


def transformer_table(primary: Any, secondary: Any, *, tap: float = 1.0, kva: float = 400.0) -> pd.DataFrame:
    """Transformers of 20 kV / 410 V, 4 % short-circuit voltage, 0.8 and 0.1 % losses."""
    columns = {"primary_grid_node_id": primary, "secondary_grid_node_id": secondary, "rating_kva": kva}
    columns |= {"u_primary_v": 20e3, "u_secondary_v": 410.0, "short_circuit_pct": 4.0, "load_loss_pct": 0.8}
    return pd.DataFrame({**columns, "iron_loss_pct": 0.1, "no_load_current_pct": 0.7, "tap_ratio": tap})


def made_up(seed: int, *, loops: int = 0) -> tuple[Tables, Integers, Floats, Floats]:
    """
    A grid of medium voltage with a station and a low-voltage tree of 20 nodes at each node, and its loads of 16 hours.

    Parameters
    ----------
    seed
        Of what is drawn.
    loops
        Lines of medium voltage that close a ring.
    """
    rng = np.random.default_rng(seed)
    medium, below = 20, 20
    ends = [[int(rng.integers(0, k)), k] for k in range(1, medium)]
    ends += [[int(a), int(b)] for a, b in rng.choice(medium, (loops, 2), replace=False)] if loops else []
    ohm = [complex(0.2, 0.18) * rng.uniform(0.5, 2.0) for _ in ends]
    nominal = [20e3] * medium
    primary, secondary, first = [], [], medium
    for station in range(1, medium):
        primary.append(station)
        secondary.append(first)
        nominal += [400.0] * below
        for k in range(1, below):
            ends.append([first + int(rng.integers(0, k)), first + k])
            ohm.append(complex(0.006, 0.003) * rng.uniform(0.5, 2.0))
        first += below
    table = transformer_table(primary, secondary, tap=1.0)
    nodes, lines, _ = grid(20e3, ends, np.array(ohm), held=1.03, nominal=nominal, c_nf=250.0)
    at = np.arange(medium, first)
    p = rng.uniform(-2e3, 12e3, (len(at), 16))
    return (nodes, lines, table), at, p, 0.3 * p


def _peer(seed: int, loops: int) -> Iterator[Quantity]:
    from dothi.power.meshed import Meshed

    tables, at, p, q = made_up(seed, loops=loops)
    network = network_of(*tables)
    flow = power_flow(network, at, blocked(p), blocked(q), 16)
    nodes, lines, transformers = tables
    peer = Meshed(nodes, lines, transformers, at).power_flow(p.T, q.T, tolerance=1e-12)
    volt = peer["node"]["u_pu"]
    for name, own, theirs in (("lowest", flow.low_pu, volt.min(axis=0)), ("highest", flow.high_pu, volt.max(axis=0))):
        error = float(np.abs(own - theirs[network.nodes]).max())
        yield Quantity(f"difference of {name} voltages, at most", "pu", error, 0.0, 1e-5 if not loops else 1e-4)
    lost = float(flow.lost_wh.sum() + flow.shunt_wh.sum() + flow.loop_lost_wh.sum())
    theirs = float(sum((peer[kind]["p_from"] + peer[kind]["p_to"]).sum() for kind in ("line", "transformer")))
    yield Quantity("energy lost", "Wh", lost, theirs, theirs * 1e-5)
    balance = float(flow.supplied_w.sum() - blocked(p).sum(dtype=float) * 1e6 - lost)
    yield Quantity("error of the balance", "", balance / float(np.abs(flow.supplied_w).sum()), 0.0, 1e-6)


def _radial() -> Iterator[Quantity]:
    yield from _peer(1, 0)


def _meshed() -> Iterator[Quantity]:
    yield from _peer(2, 3)


PUBLISHED_13: Final = {
    "rg60": (1.0625, 1.0500, 1.0687),
    "632": (1.0210, 1.0420, 1.0174),
    "633": (1.0180, 1.0401, 1.0148),
    "634": (0.9940, 1.0218, 0.9960),
    "645": (None, 1.0329, 1.0155),
    "646": (None, 1.0311, 1.0134),
    "671": (0.9900, 1.0529, 0.9778),
    "611": (None, None, 0.9738),
    "652": (0.9825, None, None),
    "675": (0.9835, 1.0553, 0.9758),
}
PUBLISHED_34: Final = {
    "808": (1.0136, 1.0296, 1.0289),
    "814": (0.9467, 0.9945, 0.9893),
    "850": (1.0176, 1.0255, 1.0203),
    "822": (0.9895, None, None),
    "830": (0.9894, 0.9982, 0.9938),
    "852": (0.9581, 0.9680, 0.9637),
    "832": (1.0359, 1.0345, 1.0360),
    "834": (1.0309, 1.0295, 1.0313),
    "848": (1.0310, 1.0291, 1.0314),
    "890": (0.9167, 0.9235, 0.9177),
}
PUBLISHED_37: Final = {"799r": (1.0437, 1.0250, 1.0345), "701": (1.0317, 1.0144, 1.0183)}
OPENDSS_LV: Final = {
    "34": (1.043848, 1.044585, 1.046788),
    "639": (1.028288, 1.029946, 1.040501),
    "906": (1.028237, 1.029124, 1.038163),
}
STEP: Final = 0.00625
"""Tap of a regulator."""


def _feeder(
    script: Any, taps: dict[str, int], extra: tuple[tuple[str, str], ...] = (), held_at: str | None = None
) -> Any:
    from dothi.power.phases import feeder_flow

    for name, tap in taps.items():
        script.elements["transformer", name].given += [("taps", f"[1.0 {1.0 + tap * STEP}]"), *extra]
    return feeder_flow(script, held_at=held_at)


def _script(path: Path) -> Any:
    from dothi.errors import Problems
    from dothi.io.opendss import read_script

    return read_script(path, Problems())


def _beside(
    found: Mapping[str, Floats], known: Mapping[str, tuple[float | None, ...]], tolerance: float
) -> Iterator[Quantity]:
    for bus, values in known.items():
        for phase, reference in zip("abc", values, strict=True):
            if reference is not None:
                value = float(found[bus]["abc".index(phase)])
                yield Quantity(f"bus {bus}, phase {phase}", "pu", value, reference, tolerance)


def _ieee_13(path: Path) -> Iterator[Quantity]:
    flow = _feeder(_script(path), {"reg1": 10, "reg2": 8, "reg3": 11})
    yield from _beside({bus: flow.pu(bus) for bus in PUBLISHED_13}, PUBLISHED_13, 1.5e-3)


def _ieee_34(path: Path) -> Iterator[Quantity]:
    flow = _feeder(_script(path), {"reg1a": 12, "reg1b": 5, "reg1c": 5, "reg2a": 13, "reg2b": 11, "reg2c": 12})
    yield from _beside({bus: flow.pu(bus) for bus in PUBLISHED_34}, PUBLISHED_34, 1.5e-3)


def _ieee_37(path: Path) -> Iterator[Quantity]:
    ideal = (("xhl", "1e-6"), ("%rs", "[0 0]"))
    flow = _feeder(_script(path), {"reg1a": 7, "reg1c": 4}, ideal, held_at="799")
    yield from _beside({bus: flow.pu_between(bus) for bus in PUBLISHED_37}, PUBLISHED_37, 1e-4)


def _lv_test(path: Path) -> Iterator[Quantity]:
    flow = _feeder(_script(path), {})
    yield from _beside({bus: flow.pu(bus) for bus in OPENDSS_LV}, OPENDSS_LV, 2e-6)


def _faults() -> Iterator[Quantity]:
    """Ring of two stations, open between them; 1 km each leg; 100 customers at each."""
    from dothi.power.outage import reliability

    nodes, lines, transformers = grid(20e3, [[0, 1], [1, 2], [2, 0]], np.full(3, 0.1 + 0.1j))
    lines["open"] = [False, True, False]
    data = {"medium_faults_km": 0.04, "low_faults_km": 0.0, "transformer_faults": 0.0}
    data |= {"switching_h": 1.0, "medium_repair_h": 8.0, "low_repair_h": 4.0, "transformer_repair_h": 10.0}
    network = network_of(nodes, lines, transformers)
    found = reliability(network, nodes, lines, np.array([0.0, 100.0, 100.0]), data)
    yield Quantity("SAIDI of an open ring", "h", found.saidi_h, 0.04, 1e-12)
    yield Quantity("SAIFI of an open ring", "", found.saifi, 0.04, 1e-12)
    alone = lines[~lines["open"]].reset_index(drop=True)
    found = reliability(network_of(nodes, alone, transformers), nodes, alone, np.array([0.0, 100.0, 100.0]), data)
    yield Quantity("SAIDI without the way round", "h", found.saidi_h, 0.04 * 8.0, 1e-12)


_IEEE: Final = (
    "IEEE PES Distribution Systems Analysis Subcommittee, radial test feeders (doi:10.1109/PESW.2001.916993), voltage "
    "profile of its solution, written down from memory; files: EPRI OpenDSS, IEEETestCases. "
)
CASES: Final = (
    Case(
        "power", "Two buses", "Quadratic of the voltage at the end of a line, by hand; loads are float32.", _two_buses
    ),
    Case(
        "power",
        "Feeder with uniform load",
        "Half the drop and a third of the loss of all of it at the end, for n loads; first order in the drop (5e-5).",
        _uniform,
    ),
    Case(
        "power", "Transformer, idle and full", "Ratio, iron and winding losses by hand; second order left out.", _idle
    ),
    Case(
        "power",
        "Against power-grid-model, radial",
        "Newton-Raphson of power-grid-model on the same 400 buses over 16 hours; the tolerance asked for is 1e-5.",
        _radial,
    ),
    Case(
        "power",
        "Against power-grid-model, closed rings",
        "The same with three rings of medium voltage closed; the tolerance asked for is 1e-4.",
        _meshed,
    ),
    Case("power", "Faults of an open ring", "Rates, times and customers multiplied by hand; exact.", _faults),
    Case(
        "power",
        "IEEE 13-node feeder, three phases",
        _IEEE + "Its cable 606 has a third less capacitance there, taps are read to four digits.",
        _ieee_13,
        ("ieee-feeders/13Bus/IEEE13Nodeckt.dss",),
    ),
    Case(
        "power",
        "IEEE 34-node feeder, three phases",
        _IEEE + "Distributed loads stand at both ends of their lines in the files.",
        _ieee_34,
        ("ieee-feeders/34Bus/ieee34Mod1.dss",),
    ),
    Case(
        "power",
        "IEEE 37-node feeder, three phases in delta",
        _IEEE + "Bus 799 held and regulators ideal, as there.",
        _ieee_37,
        ("ieee-feeders/37Bus/ieee37.dss",),
    ),
    Case(
        "power",
        "European low-voltage feeder, three phases",
        "OpenDSS (dss-python 0.15 or later) on the same files, all loads at 1 kW, converged to 1e-9.",
        _lv_test,
        ("ieee-feeders/LVTestCase/Master.dss",),
    ),
)
"""Cases of the electricity grid."""
