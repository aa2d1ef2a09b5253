"""Equilibria whose flows are known in closed form, and published ones of test networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from dothi.errors import Problems
from dothi.io.tntp import read_tntp_flows, read_tntp_network, read_tntp_trips
from dothi.traffic.assignment import Equilibrium, equilibrium
from dothi.traffic.network import BPR, CONICAL, Network, beckmann
from dothi.traffic.published import SECONDS_PER_MINUTE, network_from_tntp
from dothi.verify import Case, Quantity

TIGHT: Final = 1e-12
"""Relative gap of small cases: as near as numbers allow."""


def _routes(
    free_time_s: Sequence[float],
    alpha: Sequence[float],
    beta: Sequence[float],
    cost_s: Sequence[Sequence[float]],
    function: Sequence[int] = (BPR, BPR),
) -> Network:
    """Two links of 1000 pcu/h side by side, between two zones."""
    return Network(
        2,
        2,
        np.zeros(2, np.int32),
        np.ones(2, np.int32),
        np.array(free_time_s),
        np.full(2, 1000.0),
        np.array(alpha),
        np.array(beta),
        np.array(function, np.int8),
        np.array(cost_s),
    )


def _from_first_to_last(network: Network, *trips_veh_h: float) -> np.ndarray:
    demand = np.zeros((network.n_classes, network.n_zones, network.n_zones))
    demand[:, 0, -1] = trips_veh_h
    return demand


def _braess() -> Iterator[Quantity]:
    from_node, to_node = np.array([0, 0, 2, 2, 3], np.int32), np.array([2, 3, 3, 1, 1], np.int32)
    steep, flat = 1e-6, 50.0
    free = np.array([steep, flat, 10.0, flat, steep])
    per_vehicle = np.array([10.0, 1.0, 1.0, 1.0, 10.0])
    costs = np.zeros((1, 5))
    closed = np.array([[0.0, 0.0, np.inf, 0.0, 0.0]])
    ones = np.ones(5)
    for name, cost, time, upper in (("with", costs, 92.0, 4.0), ("without", closed, 83.0, 3.0)):
        network = Network(2, 4, from_node, to_node, free, ones, per_vehicle / free, ones, np.zeros(5, np.int8), cost)
        found = equilibrium(network, [[[0.0, 6.0], [0.0, 0.0]]], [1.0], gap=TIGHT)
        path = found.time_s[0] + found.time_s[3]
        yield Quantity(f"time of a trip {name} the middle link", "s", path, time, 1e-5)
        yield Quantity(f"flow on the first link {name} it", "veh/h", found.volumes_veh_h[0, 0], upper, 1e-5)


def _pigou() -> Iterator[Quantity]:
    alpha, beta, free, other = 0.5, 4.0, 100.0, 120.0
    for name, factor in (("no toll", 1.0), ("toll at the optimum", 1.0 + beta)):
        flow = 1000.0 * ((other / free - 1.0) / (factor * alpha)) ** (1.0 / beta)
        toll = (factor - 1.0) * free * alpha * (flow / 1000.0) ** beta
        network = _routes([free, other], [alpha, 0.0], [beta, 1.0], [[toll, 0.0]])
        found = equilibrium(network, _from_first_to_last(network, 3000.0), [1.0], gap=TIGHT)
        yield Quantity(f"flow on the congested way, {name}", "veh/h", found.volumes_veh_h[0, 0], flow, 1e-6)


def _least_total_time() -> Iterator[Quantity]:
    """The toll makes the flow that costs all vehicles together the least time, searched for in another way."""
    from scipy.optimize import minimize_scalar

    alpha, beta, free, other, demand = 0.15, 4.0, 100.0, 130.0, 3000.0

    def total(flow: float) -> float:
        return float(flow * free * (1.0 + alpha * (flow / 1000.0) ** beta) + (demand - flow) * other)

    best = minimize_scalar(total, bounds=(0.0, demand), method="bounded", options={"xatol": 1e-9}).x
    toll = beta * free * alpha * (best / 1000.0) ** beta
    network = _routes([free, other], [alpha, 0.0], [beta, 1.0], [[toll, 0.0]])
    found = equilibrium(network, _from_first_to_last(network, demand), [1.0], gap=TIGHT)
    yield Quantity("flow under the marginal toll", "veh/h", found.volumes_veh_h[0, 0], best, 1e-3)


def _two_classes() -> Iterator[Quantity]:
    """Motorbikes pay no toll and all take the short way; cars make up the flow at which they are indifferent."""
    toll, pcu, motorbikes = 8.0, 0.29, 1200.0
    network = _routes([100.0, 120.0], [0.15, 0.0], [4.0, 1.0], [[toll, 0.0], [0.0, 0.0]])
    total = 1000.0 * ((120.0 - toll - 100.0) / (100.0 * 0.15)) ** 0.25
    found = equilibrium(network, _from_first_to_last(network, 2000.0, motorbikes), [1.0, pcu], gap=TIGHT)
    yield Quantity("motorbikes on the short way", "veh/h", found.volumes_veh_h[1, 0], motorbikes, 1e-6)
    yield Quantity("cars on the short way", "veh/h", found.volumes_veh_h[0, 0], total - pcu * motorbikes, 1e-6)
    yield Quantity("flow on the short way", "pcu/h", found.volume_pcu_h[0], total, 1e-6)


def _conical() -> Iterator[Quantity]:
    """Flow at which the conical function makes one way as long as another."""
    alpha, ratio = 6.0, 1.7
    b = (2.0 * alpha - 1.0) / (2.0 * alpha - 2.0)
    k = ratio - 2.0 + b
    flow = 1000.0 * (1.0 - (b**2 - k**2) / (2.0 * k * alpha))
    network = _routes([100.0, 100.0 * ratio], [alpha, 0.0], [1.0, 1.0], [[0.0, 0.0]], [CONICAL, BPR])
    found = equilibrium(network, _from_first_to_last(network, 3000.0), [1.0], gap=TIGHT)
    yield Quantity("flow on the congested way", "veh/h", found.volumes_veh_h[0, 0], flow, 1e-6)
    full = equilibrium(network, _from_first_to_last(network, flow), [1.0], gap=TIGHT)
    at_capacity = equilibrium(
        _routes([100.0, 1e6], [alpha, 0.0], [1.0, 1.0], [[0.0, 0.0]], [CONICAL, BPR]),
        _from_first_to_last(network, 1000.0),
        [1.0],
    )
    yield Quantity("time there when nobody has to turn away", "s", full.time_s[0], 100.0 * ratio, 1e-6)
    yield Quantity("time at capacity", "s", at_capacity.time_s[0], 200.0, 1e-9)


def _filtering() -> Iterator[Quantity]:
    """Cars are indifferent between two ways; motorbikes lose 0.4 of the delay on the short one and all stay on it."""
    share, motorbikes, pcu = 0.4, 900.0, 0.29
    network = _routes([100.0, 125.0], [0.15, 0.15], [4.0, 4.0], [[0.0, 0.0], [0.0, 0.0]])
    demand = _from_first_to_last(network, 2500.0, motorbikes)
    found = equilibrium(network, demand, [1.0, pcu], gap=TIGHT, filtering=[1.0, share])
    from scipy.optimize import brentq

    def longer(flow: float) -> float:
        rest = 2500.0 + pcu * motorbikes - flow
        return float(100.0 * (1.0 + 0.15 * (flow / 1000.0) ** 4) - 125.0 * (1.0 + 0.15 * (rest / 1000.0) ** 4))

    total = brentq(longer, 0.0, 2500.0, xtol=1e-10)
    delay = 15.0 * (total / 1000.0) ** 4
    yield Quantity("motorbikes on the short way", "veh/h", found.volumes_veh_h[1, 0], motorbikes, 1e-6)
    yield Quantity("flow on the short way", "pcu/h", found.volume_pcu_h[0], total, 1e-5)
    yield Quantity("time of a motorbike there", "s", found.class_time_s[1, 0], 100.0 + share * delay, 1e-6)


CLOSED: Final = "closed form; the tolerance is what double precision and a relative gap of 1e-12 leave"

_SMALL: Final = (
    Case(
        "traffic",
        "Braess: a link that makes every trip longer",
        "Braess, Nagurney and Wakolbinger 2005, doi:10.1287/trsc.1050.0127; 1e-5 as free times of 0 are 1e-6 s here",
        _braess,
    ),
    Case("traffic", "Pigou with a power, without and with the marginal toll", CLOSED, _pigou),
    Case("traffic", "Least total time of Pigou's ways", "searched for by SciPy, to 1e-3 veh/h", _least_total_time),
    Case("traffic", "Two classes, one of which pays", CLOSED, _two_classes),
    Case("traffic", "Conical function", f"Spiess 1990, doi:10.1287/trsc.24.2.153, inverted; {CLOSED}", _conical),
    Case("traffic", "Motorbikes that filter", "root of one equation by SciPy; 1e-5 as it is", _filtering),
)


@dataclass(frozen=True, slots=True)
class _Published:
    """
    A published network and its solution.

    Attributes
    ----------
    objective
        Best objective published, in the units of the files; that of the published flows where None.
    toll, length
        Weights in the generalised cost.
    flow_tolerance
        How far flows may differ where they are unique: published flows have errors too.
    """

    objective: float | None
    toll: float = 0.0
    length: float = 0.0
    flow_tolerance: float = 0.01


def _against_published(known: _Published, net: Path, trips: Path, flow: Path) -> Iterator[Quantity]:
    problems = Problems()
    links = read_tntp_network(net, problems)
    network = network_from_tntp(links, toll_weight=known.toll, length_weight=known.length)
    found = equilibrium(network, read_tntp_trips(trips, problems)[None], [1.0], gap=1e-11)
    published = _in_order(network, flow)
    best = known.objective
    if best is None:
        best = beckmann(network, published[None]) / SECONDS_PER_MINUTE
    assert found.objective is not None  # noqa: S101 - there is no filtering
    yield Quantity("objective", "", found.objective / SECONDS_PER_MINUTE, best, 1e-9 * best)
    unique = (network.alpha > 0.0) & (network.free_time_s > 0.0)
    worst = np.abs(found.volumes_veh_h[0] - published)[unique].max()
    yield Quantity("largest difference of flow where it is unique", "veh/h", worst, 0.0, known.flow_tolerance)
    yield from _sound(found)


def _sound(found: Equilibrium) -> Iterator[Quantity]:
    yield Quantity("relative gap, recomputed by SciPy", "", found.gap, 0.0, 1e-10)
    yield Quantity("largest imbalance of a node", "veh/h", found.imbalance_veh_h, 0.0, 1e-6)


def _in_order(network: Network, flow: Path) -> np.ndarray:
    """Published flows in the order of the links."""
    flows = read_tntp_flows(flow, Problems())
    order = np.lexsort((network.to_node, network.from_node))
    rows = np.lexsort((flows["to_node_id"], flows["from_node_id"]))
    published = np.empty(network.n_links)
    published[order] = flows["volume"].to_numpy(float)[rows]
    return published


def _without_published(net: Path, trips: Path) -> Iterator[Quantity]:
    problems = Problems()
    network = network_from_tntp(read_tntp_network(net, problems))
    yield from _sound(equilibrium(network, read_tntp_trips(trips, problems)[None], [1.0], gap=1e-11))


_ROOT: Final = "transport-tntp"
_SOURCE: Final = "github.com/bstabler/TransportationNetworks"
_NETWORKS: Final = (
    ("Sioux Falls", "SiouxFalls/SiouxFalls", "_flow.tntp", _Published(4231335.28710744)),
    ("Anaheim", "Anaheim/Anaheim", "_flow.tntp", _Published(None)),
    (
        "Chicago Sketch",
        "Chicago-Sketch/ChicagoSketch",
        "_flow.tntp",
        _Published(17313018.7387477, toll=0.02, length=0.04, flow_tolerance=0.1),
    ),
    ("Eastern Massachusetts", "Eastern-Massachusetts/EMA", "", None),
    ("Berlin Mitte Center", "Berlin-Mitte-Center/berlin-mitte-center", "", None),
    ("Barcelona", "Barcelona/Barcelona", "_flow.tntp", _Published(1265654.92203176, flow_tolerance=10.0)),
    ("Winnipeg", "Winnipeg/Winnipeg", "_flow.tntp", _Published(827911.494629963, flow_tolerance=10.0)),
)


def _network_case(name: str, stem: str, flow: str, known: _Published | None) -> Case:
    files = tuple(f"{_ROOT}/{stem}{end}" for end in ("_net.tntp", "_trips.tntp", flow) if end)
    if known is None:
        return Case("traffic", name, f"{_SOURCE}; no solution is published", _without_published, files)
    what = "best objective published" if known.objective is not None else "objective of the published flows"
    return Case("traffic", name, f"{what}, {_SOURCE}; to nine digits", partial(_against_published, known), files)


CASES: Final = (*_SMALL, *(_network_case(*row) for row in _NETWORKS))
