"""User equilibrium of traffic: every vehicle takes a cheapest path, and together they make the times."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import get_num_threads

from dothi.errors import ConvergenceError, Problems
from dothi.traffic.bushes import (
    Bushes,
    Positions,
    as_trees,
    carried_over,
    no_trees,
    packed,
    room_for,
    room_for_pairs,
    with_room,
)
from dothi.traffic.gap import imbalance_veh_h, relative_gap, shares_of
from dothi.traffic.graph import prepared, traffic_of
from dothi.traffic.kernels import touch_all
from dothi.traffic.kernels_bush import Trees, Trips, add_flows, connect, improve
from dothi.traffic.kernels_shift import repeat, shift
from dothi.traffic.network import Floats, Integers, Network, beckmann, delay_s

SWEEPS: Final = 10
"""Sweeps over all bushes that shift flow, after the first, each time bushes were given links."""
SWEEP_THRESHOLD: Final = 0.1
"""Share of the mean excess below which a sweep leaves a bush out, and of the first excess at which sweeps end."""
TARGET_SHARE: Final = 0.1
"""Share of the gap asked for at which sweeps end too."""
REPEATS: Final = 8
"""How often shifts are repeated after each sweep, at most."""
ENOUGH: Final = 0.1
"""Share of what the first repetition found at which they end."""
BUSH_THRESHOLD: Final = 0.1
"""Share of the mean potential of the time before below which a bush is given no links."""
REST: Final = 0.1
"""Share of the gap that is left to bushes which are not looked at again before the next measurement of all."""
MOST: Final = 0.7
"""Share of all bushes from which on it is not worth while to look at some."""
NEAR: Final = 30.0
"""Gap, in terms of the one asked for, from which on all bushes are measured after each round of sweeps."""
NEAR_COLD: Final = 3e-3
"""The same gap of a start without bushes, where from then on every bush still needs links."""
LOCAL_ROUNDS: Final = 8
"""Rounds within bushes that a change has touched, at most, before all are measured."""
LOCAL_REST: Final = 0.05
"""As `REST`, in these rounds."""
LOCAL_SHARE: Final = 0.003
"""Share of their first excess at which they end."""
LOCAL_TARGET: Final = 0.3
"""Share of the gap asked for at which they end too."""
EPSILON: Final = 1e-14
"""Difference of costs that counts, as a share of the cost of a mean trip."""
MAX_IMBALANCE_VEH_H: Final = 1e-6
SMALL_WORK: Final = 200_000
"""Links times bushes up to which threads cost more than they give."""
PARTS_OF_A_THREAD: Final = 4

Progress = Callable[[int, float], None]
"""Told the iteration and its relative gap."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """
    Trips that no path takes where they want to go; they are in no volume.

    Attributes
    ----------
    class_index, origin, destination : (n,)
        Class and zones.
    demand_veh_h : (n,)
        Trips [veh/h].
    """

    class_index: Integers
    origin: Integers
    destination: Integers
    demand_veh_h: Floats

    def __len__(self) -> int:
        return len(self.origin)


@dataclass(frozen=True, slots=True)
class Iteration:
    """
    What an iteration came to.

    Attributes
    ----------
    gap
        Relative gap.
    links_added
        Links that bushes took in.
    cpu_s
        Processor time of the process since the start [s].
    """

    gap: float
    links_added: int
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Equilibrium:
    r"""
    Flows in which no vehicle could take a cheaper path.

    Attributes
    ----------
    volumes_veh_h : (n_classes, n_links)
        Vehicles of each class on each link [veh/h], without the background.
    volume_pcu_h : (n_links,)
        Flow of all classes on each link, without the background [pcu/h].
    turns_veh_h : (n_classes, n_turns)
        Vehicles of each class over each turn of the network that is not free [veh/h].
    time_s : (n_links,)
        Time on each link, of a vehicle that the whole delay meets [s].
    class_time_s : (n_classes, n_links)
        Time on each link of a vehicle of each class; the same as `time_s` without filtering [s].
    gap
        Relative gap :math:`1 - \sum d \pi / \sum v c` over classes in passenger car units, recomputed from the flows
        by `relative_gap` with another program for shortest paths.
    objective
        Beckmann's objective [pcu s/h]; none with filtering, where flows are a solution of a variational inequality and
        the minimum of nothing.
    imbalance_veh_h
        Largest difference between what comes into a node and what leaves it, in any class [veh/h].
    converged
        Whether the gap is at most the one asked for.
    history
        The iterations.
    unreachable
        Trips without a path.
    bushes
        Which way the trips of each origin go; to start from in another scenario, and to select links.
    """

    volumes_veh_h: Floats
    volume_pcu_h: Floats
    turns_veh_h: Floats
    time_s: Floats
    class_time_s: Floats
    gap: float
    objective: float | None
    imbalance_veh_h: float
    converged: bool
    history: tuple[Iteration, ...]
    unreachable: Unreachable
    bushes: Bushes

    @property
    def iterations(self) -> int:
        """Number of iterations."""
        return len(self.history)


def equilibrium(
    network: Network,
    demand: npt.ArrayLike,
    pcu: npt.ArrayLike,
    *,
    gap: float = 1e-6,
    max_iterations: int = 500,
    warm: Equilibrium | None = None,
    filtering: npt.ArrayLike | None = None,
    progress: Progress | None = None,
) -> Equilibrium:
    """
    User equilibrium of several classes of vehicles, origin by origin on bushes [1]_.

    Parameters
    ----------
    network
        The network.
    demand : (n_classes, n_zones, n_zones)
        Trips from zone (second axis) to zone (third axis) [veh/h]. Trips within a zone use no link.
    pcu : (n_classes,)
        Passenger car units of a vehicle.
    gap
        Relative gap at which to stop.
    max_iterations
        Iterations after which to stop in any case.
    warm
        Result of a similar case to start from: other costs, times, closed links or demand. Nodes, zones, classes and
        turns must be the same; links are recognised by the nodes they join, in their order.
    filtering : (n_classes,) or (n_classes, n_links)
        Share of the delay that a vehicle of each class meets, above 0: 1 for one that waits in the queue like a car,
        less for a motorbike that filters through it. Where left out, every class meets all of it.
    progress
        Told of each iteration.

    Returns
    -------
    Equilibrium
        Flows and times. It says whether the gap was reached: nothing is raised where it was not.

    Raises
    ------
    InputError
        Demand, units or shares do not fit the network or are no numbers.
    ConvergenceError
        A node gains or loses 1e-6 vehicles or more: the result would be wrong.

    References
    ----------
    .. [1] R. B. Dial, "A path-based user-equilibrium traffic assignment algorithm that obviates path storage and
       enumeration", Transportation Research Part B 40(10), 2006, 917-936, https://doi.org/10.1016/j.trb.2006.02.008
    """
    wanted, units, shares = _checked(network, demand, pcu, filtering)
    began = time.process_time()
    trips = _trips(wanted, units)
    asked = trips.flow.copy()
    solver = _Solver(network, trips, shares, warm)
    solver.settle(gap)
    history: list[Iteration] = []
    while True:
        step = replace(solver.measure(), cpu_s=time.process_time() - began)
        history.append(step)
        if progress is not None:
            progress(len(history), step.gap)
        if step.gap <= gap or len(history) > max_iterations:
            break
        solver.advance(step.gap, gap)
    return _result(network, wanted, units, None if filtering is None else shares, solver, asked, gap, tuple(history))


def _result(
    network: Network,
    demand: Floats,
    pcu: Floats,
    filtering: Floats | None,
    solver: _Solver,
    asked: Floats,
    gap: float,
    history: tuple[Iteration, ...],
) -> Equilibrium:
    """Flows by class and what they come to, checked without the solver."""
    bushes = packed(solver.trees, solver.trips, solver.ready)
    unreachable = _unreachable(solver.trips, asked, pcu)
    n_arcs = len(solver.ready.order)
    class_of_link = np.repeat(bushes.class_index, np.diff(bushes.link_start))
    place = class_of_link.astype(np.int64) * n_arcs + bushes.link
    by_class = np.bincount(place, bushes.flow_pcu_h, network.n_classes * n_arcs)
    by_class = by_class.reshape(network.n_classes, n_arcs)
    volumes = by_class[:, : network.n_links] / pcu[:, None]
    turns = np.zeros((network.n_classes, len(network.turns)))
    arcs = solver.ready.arcs
    known = np.flatnonzero(arcs.turn >= 0)
    turns[:, arcs.turn[known]] = by_class[:, known] / pcu[:, None]
    made = demand.copy()
    made[unreachable.class_index, unreachable.origin, unreachable.destination] = 0.0
    imbalance = imbalance_veh_h(network, made, volumes)
    if not imbalance < MAX_IMBALANCE_VEH_H:
        raise ConvergenceError(f"traffic.assignment: a node gains or loses {imbalance:g} veh/h")
    total = pcu @ volumes
    delay = delay_s(network, total)
    shares = shares_of(network, filtering)
    checked = relative_gap(network, made, pcu, volumes, turns, filtering)
    return Equilibrium(
        volumes_veh_h=volumes,
        volume_pcu_h=total,
        turns_veh_h=turns,
        time_s=network.free_time_s + delay,
        class_time_s=network.free_time_s + shares * delay,
        gap=checked,
        objective=beckmann(network, volumes * pcu[:, None], turns * pcu[:, None]) if filtering is None else None,
        imbalance_veh_h=imbalance,
        converged=checked <= gap,
        history=history,
        unreachable=unreachable,
        bushes=bushes,
    )


def _unreachable(trips: Trips, asked: Floats, pcu: Floats) -> Unreachable:
    """Trips that were taken out since they were asked for."""
    lost = np.flatnonzero((trips.flow == 0.0) & (asked > 0.0))
    bush = np.searchsorted(trips.start, lost, side="right") - 1
    class_index = trips.class_index[bush]
    return Unreachable(class_index, trips.origin[bush], trips.destination[lost], asked[lost] / pcu[class_index])


def _checked(
    network: Network, demand: npt.ArrayLike, pcu: npt.ArrayLike, filtering: npt.ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """Demand, units and shares as arrays that fit the network."""
    problems = Problems()
    wanted, units = np.asarray(demand, dtype=np.float64), np.asarray(pcu, dtype=np.float64)
    shape = (network.n_classes, network.n_zones, network.n_zones)
    if wanted.shape != shape:
        problems.error(f"has shape {shape} (classes, zones, zones), not {wanted.shape}", table="demand")
    elif not (np.isfinite(wanted) & (wanted >= 0.0)).all():
        bad = np.argwhere(~(np.isfinite(wanted) & (wanted >= 0.0)))
        problems.error("≥ 0 veh/h", table="demand", rows=[tuple(map(int, row)) for row in bad])
    if units.shape != shape[:1]:
        problems.error(f"has a value for each of {shape[0]} classes", table="pcu")
    elif not (np.isfinite(units) & (units > 0.0)).all():
        problems.error("> 0", table="pcu", rows=np.flatnonzero(~(np.isfinite(units) & (units > 0.0))))
    if filtering is not None and np.shape(filtering) not in (shape[:1], (shape[0], network.n_links)):
        problems.error("has a value for each class, or for each class and link", table="filtering")
    problems.raise_errors()
    shares = shares_of(network, filtering)
    if not (np.isfinite(shares) & (shares > 0.0)).all():
        problems.error("> 0", table="filtering", rows=np.flatnonzero(~(shares > 0.0).all(axis=1)))
    problems.raise_errors()
    return wanted, units, shares


def _trips(demand: Floats, pcu: Floats) -> Trips:
    """Trips between zones by origin and class."""
    between = demand * pcu[:, None, None]
    between[:, np.arange(demand.shape[1]), np.arange(demand.shape[1])] = 0.0
    by_origin = between.transpose(1, 0, 2)
    origin, class_index = np.nonzero(by_origin.any(axis=2))
    bush, destination = np.nonzero(by_origin[origin, class_index])
    return Trips(
        class_index.astype(np.int32),
        origin.astype(np.int32),
        np.searchsorted(bush, np.arange(len(origin) + 1)).astype(np.int64),
        destination.astype(np.int32),
        by_origin[origin, class_index][bush, destination],
    )


class _Solver:
    """Bushes of a network on their way to equilibrium."""

    def __init__(self, network: Network, trips: Trips, shares: Floats, warm: Equilibrium | None) -> None:
        self.ready = prepared(network)
        self.graph, self.trips = self.ready.graph, trips
        self.traffic = traffic_of(network, self.ready, shares)
        touch_all(self.traffic)
        old, old_of = self._begun(warm)
        self.warm = bool((old_of >= 0).any())
        n = len(trips.origin)
        self.trees = room_for(n, self.ready.arcs.n_nodes, len(self.ready.order), old, old_of)
        self._changed = np.zeros(n, dtype=np.bool_)
        connect(self.graph, self.traffic, trips, old, old_of, self.trees, self._changed)
        self._load()  # flow of old bushes that nobody took up is still on the links
        self._cost, self._least, self._potential = np.zeros(n), np.zeros(n), np.zeros(n)
        self._added = np.zeros(n, np.int64)
        self._excess = np.zeros(n)
        self._moved = np.zeros(n, dtype=np.bool_)
        self._threshold = -np.inf
        self.pairs = room_for_pairs(n, self.ready.arcs.n_nodes)
        self.eps = 0.0

    def _begun(self, warm: Equilibrium | None) -> tuple[Trees, Positions]:
        """Bushes to begin with, and which of them each bush takes; their traffic is put on the links."""
        none = np.full(len(self.trips.origin), -1, np.int64)
        carried = carried_over(warm.bushes, self.ready) if warm is not None else None
        if warm is None or carried is None:
            return no_trees(), none
        link, node = carried
        old = as_trees(warm.bushes, link, node)
        stays = link >= 0
        self.traffic.x[:] = np.bincount(link[stays], old.flow[stays], len(self.traffic.x))
        touch_all(self.traffic)
        known = {key: b for b, key in enumerate(zip(warm.bushes.class_index, warm.bushes.origin, strict=True))}
        keys = zip(self.trips.class_index, self.trips.origin, strict=True)
        return old, np.array([known.get(key, -1) for key in keys], dtype=np.int64)

    def settle(self, target: float) -> None:
        """Bring bushes that begin with other flow than before near to equilibrium, before all others are looked at."""
        n = len(self.trips.origin)
        some = np.flatnonzero(self._changed)
        if not 0 < len(some) < n:
            return
        spent = self._spent()
        worthwhile = BUSH_THRESHOLD * target * spent / n
        self._threshold = worthwhile
        enough = LOCAL_TARGET * target * spent
        for _ in range(LOCAL_ROUNDS):
            self.measure(some)
            excess = self._gap_of(some)
            if excess <= enough:
                break
            enough = max(enough, LOCAL_SHARE * excess)
            self.equalise(some, excess / spent, target * spent)
            some = self._worst(some, LOCAL_REST)
        self._load()
        self._threshold = worthwhile

    def advance(self, gap: float, target: float) -> None:
        """
        Lower the gap, after all bushes were measured.

        As few bushes make up most of the gap, those are given links and shifted once more before all are measured
        again, which costs the most.
        """
        every = np.arange(len(self.trips.origin))
        spent = float(self._cost.sum())
        some = self._worst(every, REST)
        self._load()
        self.equalise(every, gap, target * spent)
        near = NEAR * target if self.warm else max(NEAR * target, NEAR_COLD)
        if gap > near and len(some) < MOST * len(every):
            self.measure(some)
            self.equalise(every, self._gap_of(some) / spent, target * spent)

    def _spent(self) -> float:
        """Cost of all flow, if each class paid what the one pays that pays the least [pcu s/h]."""
        used = self.traffic.x > 0.0
        return float(self.traffic.T.min(axis=0)[used] @ self.traffic.x[used])

    def _gap_of(self, some: Positions) -> float:
        """What trips of some bushes would save on cheapest paths, as measured last [pcu s/h]."""
        return float((self._cost - self._least)[some].sum())

    def _worst(self, some: Positions, rest: float) -> Positions:
        """Those among some bushes that make up the gap of these but for a share."""
        excess = np.maximum((self._cost - self._least)[some], 0.0)
        order = np.argsort(-excess, kind="stable")
        left = excess.sum() - np.cumsum(excess[order])
        n = int(np.count_nonzero(left > rest * excess.sum())) + 1
        return np.sort(some[order[:n]])

    def measure(self, some: Positions | None = None) -> Iteration:
        """Measure the gap, of all bushes or of some, and give them the links that lower it."""
        which = np.arange(len(self.trips.origin)) if some is None else some
        n = len(which)
        work = n * len(self.ready.order)
        threads = get_num_threads() if work > SMALL_WORK else 1
        parts = np.linspace(0, n, threads * PARTS_OF_A_THREAD + 1 if threads > 1 else 2).astype(int)
        each = [(which, int(a), int(b)) for a, b in pairwise(parts) if b > a]
        if threads > 1:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(lambda part: self._improve(*part), each))
        else:
            for part in each:
                self._improve(*part)
        added = self._added[which]
        if (added < 0).any():
            wanted = self.trees.n_links.copy()
            wanted[which] += np.maximum(-added, 0)
            self.trees = with_room(self.trees, wanted)
        spent, least = float(self._cost[which].sum()), float(self._least[which].sum())
        self._threshold = BUSH_THRESHOLD * float(self._potential[which].sum()) / max(n, 1)
        demand = float(self.trips.flow.sum())
        if some is None:
            self.eps = EPSILON * least / demand if demand > 0.0 else 0.0
        gap = 1.0 - least / spent if spent > 0.0 else 0.0
        return Iteration(gap, int(np.maximum(added, 0).sum()), 0.0)

    def _improve(self, which: Positions, first: int, last: int) -> None:
        improve(
            self.graph,
            self.traffic.T,
            self.trips,
            self.trees,
            which,
            first,
            last,
            self._threshold,
            self.eps,
            self._moved,
            self._cost,
            self._least,
            self._potential,
            self._added,
        )

    def _load(self) -> None:
        """Put the flow of all bushes on the links, without residues of what was added and taken away before."""
        add_flows(self.trees, self.traffic.x)
        touch_all(self.traffic)

    def equalise(self, some: Positions, gap: float, wanted: float) -> None:
        """Shift flow within bushes until little is left to gain, of what there was or of the excess asked for."""
        tolerance = min(1e-6, 1e-3 * abs(gap))
        self._excess[:] = -np.inf
        self._excess[some] = np.inf
        threshold, enough = 0.0, TARGET_SHARE * wanted
        for sweep in range(SWEEPS + 1):
            found = shift(
                self.graph,
                self.traffic,
                self.trips,
                self.trees,
                threshold,
                tolerance,
                self._excess,
                self._moved,
                self.pairs,
            )
            repeat(self.traffic, self.trees, self.pairs, tolerance, REPEATS, ENOUGH)
            threshold = SWEEP_THRESHOLD * float(self._excess[some].sum()) / max(len(some), 1)
            if found <= enough:
                break
            if sweep == 0:
                enough = max(enough, SWEEP_THRESHOLD * found)
