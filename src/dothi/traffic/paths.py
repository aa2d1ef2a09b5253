"""What follows from times and bushes: skims between zones, and the trips over selected links."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from numba import get_num_threads

from dothi.errors import Problems
from dothi.traffic.assignment import Equilibrium
from dothi.traffic.bushes import as_trees
from dothi.traffic.graph import Prepared, prepared
from dothi.traffic.kernels import skim
from dothi.traffic.kernels_select import select
from dothi.traffic.network import Floats, Network


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

    Raises
    ------
    InputError
        Times or values do not fit the network.
    """
    found = equilibrium_or_time_s
    times = found.class_time_s if isinstance(found, Equilibrium) else np.asarray(found, dtype=np.float64)
    values = {name: np.asarray(value, dtype=np.float64) for name, value in (link_values or {}).items()}
    _check_values(network, times, values)
    times = np.broadcast_to(times, (network.n_classes, network.n_links))
    ready = prepared(network)
    n_turns = len(ready.order) - network.n_links
    parts = {name: _on_arcs(value, np.zeros(n_turns), ready) for name, value in values.items()}
    penalty = ready.arcs.penalty_s[network.n_links :]
    names = ["cost_s", "time_s", *parts]
    sums = np.empty((network.n_classes, len(names), network.n_zones, network.n_zones))
    for m in range(network.n_classes):
        time = _on_arcs(times[m], penalty, ready)
        cost = _on_arcs(times[m] + network.cost_s[m], penalty, ready)
        _skim_class(ready, cost, np.array([time, *parts.values()]), sums[m])
    return {name: np.ascontiguousarray(sums[:, row]) for row, name in enumerate(names)}


def _skim_class(ready: Prepared, cost: Floats, values: Floats, sums: Floats) -> None:
    """Skims of a class, some origins in each thread."""
    threads = get_num_threads()
    bounds = np.linspace(0, sums.shape[1], 4 * threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        work = [
            pool.submit(skim, ready.graph, cost, values, int(first), int(last), sums)
            for first, last in pairwise(bounds)
            if last > first
        ]
        for part in work:
            part.result()


def _on_arcs(links: Floats, turns: Floats, ready: Prepared) -> Floats:
    """Values of links and turns in the order of the graph."""
    return np.ascontiguousarray(np.concatenate([links, turns])[ready.order])


def _check_values(network: Network, times: Floats, values: Mapping[str, Floats]) -> None:
    problems = Problems()
    if times.shape not in ((network.n_links,), (network.n_classes, network.n_links)):
        problems.error("has a value for each link, or for each class and link", table="time_s")
    elif not (times >= 0.0).all():
        problems.error("≥ 0 s", table="time_s", rows=np.flatnonzero(~(np.atleast_2d(times) >= 0.0).all(axis=0)))
    for name, value in values.items():
        if name in ("cost_s", "time_s"):
            problems.error("is another name than cost_s and time_s", table="link_values", column=name)
        if value.shape != (network.n_links,):
            problems.error(f"has a value for each of {network.n_links} links", table="link_values", column=name)
    problems.raise_errors()


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


def select_link(
    network: Network, equilibrium: Equilibrium, demand: npt.ArrayLike, pcu: npt.ArrayLike, links: npt.ArrayLike
) -> Selected:
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
    demand : (n_classes, n_zones, n_zones)
        Trips it was made with [veh/h].
    pcu : (n_classes,)
        Passenger car units it was made with.
    links
        Numbers of the links.

    Raises
    ------
    InputError
        A link is not of the network.
    """
    chosen_links = np.atleast_1d(np.asarray(links, dtype=np.int64))
    inside = (chosen_links >= 0) & (chosen_links < network.n_links)
    if not inside.all():
        problems = Problems()
        problems.error(f"is a link from 0 to {network.n_links - 1}", table="links", rows=chosen_links[~inside])
        problems.raise_errors()
    wanted, units = np.asarray(demand, dtype=np.float64), np.asarray(pcu, dtype=np.float64)
    ready, bushes = prepared(network), equilibrium.bushes
    trees = as_trees(bushes, ready.place[bushes.link].astype(np.int32), bushes.node)
    chosen = np.zeros(len(ready.order), dtype=np.bool_)
    chosen[ready.place[chosen_links]] = True
    share = np.zeros(ready.arcs.n_nodes)
    volumes = np.zeros((network.n_classes, len(ready.order)))
    trips = np.zeros_like(wanted)
    for b, (m, origin) in enumerate(zip(bushes.class_index, bushes.origin, strict=True)):
        share[:] = 0.0
        select(ready.graph, trees, b, chosen, share, volumes[m])
        trips[m, origin] = wanted[m, origin] * share[: network.n_zones]
        trips[m, origin, origin] = 0.0
    return Selected(trips, volumes[:, ready.place[: network.n_links]] / units[:, None])
