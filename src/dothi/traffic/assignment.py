"""User equilibrium of traffic: every vehicle takes a cheapest path, and together they make the times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy.typing as npt

from dothi.traffic.network import Floats, Integers, Network

if TYPE_CHECKING:
    from dothi.traffic.bushes import Bushes

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
    raise NotImplementedError


def relative_gap(
    network: Network,
    demand: npt.ArrayLike,
    pcu: npt.ArrayLike,
    volumes_veh_h: npt.ArrayLike,
    turns_veh_h: npt.ArrayLike | None = None,
    filtering: npt.ArrayLike | None = None,
) -> float:
    """
    How much dearer trips are than they could be at the times they make, as a share of what they cost.

    It takes the flows alone, and shortest paths from SciPy on a graph of its own: nothing of the solver is used.

    Parameters
    ----------
    network
        The network.
    demand : (n_classes, n_zones, n_zones)
        Trips [veh/h]; those without a path are left out.
    pcu : (n_classes,)
        Passenger car units of a vehicle.
    volumes_veh_h : (n_classes, n_links)
        Vehicles on each link [veh/h].
    turns_veh_h : (n_classes, n_turns)
        Vehicles over each turn of the network that is not free [veh/h].
    filtering : (n_classes,) or (n_classes, n_links)
        Share of the delay that each class meets.
    """
    raise NotImplementedError


def skims(
    network: Network,
    equilibrium_or_time_s: Equilibrium | npt.ArrayLike,
    *,
    link_values: Mapping[str, npt.ArrayLike] | None = None,
) -> dict[str, Floats]:
    """
    What the cheapest paths between zones cost, and sums of anything along them.

    Parameters
    ----------
    network
        The network.
    equilibrium_or_time_s : Equilibrium or (n_links,) or (n_classes, n_links)
        Times on links [s].
    link_values : (n_links,) each
        Anything to add up along the cheapest path, such as ``length_m``.

    Returns
    -------
    dict
        ``cost_s`` (generalised cost with turns), ``time_s`` (time with turns, without what is paid) and each of
        `link_values`, all of shape (n_classes, n_zones, n_zones): 0 within a zone, infinite without a path.
    """
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Selected:
    """
    Trips over selected links.

    Attributes
    ----------
    trips_veh_h : (n_classes, n_zones, n_zones)
        From where to where they go [veh/h].
    volumes_veh_h : (n_classes, n_links)
        Where they pass on their way [veh/h].
    """

    trips_veh_h: Floats
    volumes_veh_h: Floats


def select_link(network: Network, equilibrium: Equilibrium, links: npt.ArrayLike) -> Selected:
    """
    Trips over at least one of some links.

    User equilibrium leaves open which trips take which of several ways that cost the same. Here trips of one origin
    and class split alike wherever their ways meet (proportionality); other splits are equilibria too.

    Parameters
    ----------
    network
        The network.
    equilibrium
        Its equilibrium.
    links
        Numbers of the links.
    """
    raise NotImplementedError
