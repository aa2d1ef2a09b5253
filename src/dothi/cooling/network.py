"""A network of pipes: how its pipes hang together, and what happens in it by the hour."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dothi.cooling.water import Service
from dothi.shapes import Floats, Integers, Mask

NO_PIPE: Final = -1
"""Stands where the plant has no pipe to come from."""


@dataclass(frozen=True, slots=True)
class Topology:
    """
    How pipes hang together: a tree that grows from the plant, and pipes that close loops in it.

    Attributes
    ----------
    parent : (n,)
        Node from which the pipe to each node comes, a lower number; the plant is node 0.
    ends : (n_loops, 2)
        Nodes that each closing pipe joins.
    first, touching
        Pipes that end at each node, in compressed rows.
    around : (n_loops, n + n_loops)
        By loop, 1 where a pipe is passed along its direction, −1 against it.
    """

    parent: Integers
    ends: Integers
    first: Integers
    touching: Integers
    around: Floats

    @property
    def n_pipes(self) -> int:
        """Pipes, and one place for the plant, which has none."""
        return len(self.parent) + len(self.ends)

    @classmethod
    def of(cls, parent: Integers, ends: Integers | None = None) -> Topology:
        """
        Topology of a tree and closing pipes.

        Raises
        ------
        ValueError
            A node comes before its parent, or a closing pipe ends at no node.
        """
        parent = np.asarray(parent, dtype=np.int64)
        ends = np.empty((0, 2), dtype=np.int64) if ends is None else np.asarray(ends, dtype=np.int64).reshape(-1, 2)
        n = len(parent)
        if (parent[1:] < 0).any() or (parent[1:] >= np.arange(1, n)).any() or (ends < 0).any() or (ends >= n).any():
            raise ValueError("every node comes after its parent, and every closing pipe ends at two nodes")
        pipe = np.r_[np.arange(1, n), np.arange(n, n + len(ends))]
        one, other = np.r_[parent[1:], ends[:, 0]], np.r_[np.arange(1, n), ends[:, 1]]
        node, touching = np.r_[one, other], np.r_[pipe, pipe]
        order = np.argsort(node, kind="stable")
        first = np.searchsorted(node[order], np.arange(n + 1)).astype(np.int64)
        around = np.zeros((len(ends), n + len(ends)))
        for loop, (a, b) in enumerate(ends):
            around[loop, n + loop] = 1.0
            for start, side in ((a, 1.0), (b, -1.0)):
                on_way = int(start)
                while on_way:
                    around[loop, on_way] += side
                    on_way = int(parent[on_way])
        return cls(parent, ends, first, touching[order].astype(np.int64), around)


@dataclass(frozen=True, slots=True)
class Network:
    """
    Pipes of a network, and the buildings at their ends.

    Attributes
    ----------
    topology
        How they hang together.
    at : (n_buildings,)
        Node of each building, each another one.
    length_m, diameter_m, roughness_m, loss_w_m_k : (n_pipes,)
        Length, inner diameter, roughness, and heat that a metre of one pipe passes per kelvin; the first place is that
        of the plant and means nothing.
    fittings_share
        Pressure lost in bends, branches and valves over that of straight pipe.
    """

    topology: Topology
    at: Integers
    length_m: Floats
    diameter_m: Floats
    roughness_m: Floats
    loss_w_m_k: Floats
    fittings_share: float = 0.0

    @property
    def pipes(self) -> Floats:
        """Length with fittings, diameter, roughness and loss of every pipe, as the kernels take them."""
        equivalent = self.length_m * (1.0 + self.fittings_share)
        return np.column_stack([equivalent, self.diameter_m, self.roughness_m, self.loss_w_m_k])

    @property
    def content_m3(self) -> float:
        """Water in supply and return [m³]."""
        return float(2.0 * (np.pi / 4.0 * self.diameter_m[1:] ** 2 * self.length_m[1:]).sum())


@dataclass(frozen=True, slots=True)
class Hour:
    """
    One hour of a network.

    Attributes
    ----------
    flow_kg_s : (n_pipes,)
        Flows, negative against the direction of a pipe; first that of the plant.
    draw_kg_s : (n,)
        What buildings take at each node.
    supply_c, return_c : (n,)
        Temperatures at the nodes; those of the ground where water stands.
    supply_pa, return_pa : (n,)
        Pressures below that of the supply, and above that of the return, at the plant.
    supply_loss_w, return_loss_w : (n_pipes,)
        Heat that pipes lose to the ground, negative where they gain.
    agreed
        Whether flows and temperatures agree.
    """

    flow_kg_s: Floats
    draw_kg_s: Floats
    supply_c: Floats
    return_c: Floats
    supply_pa: Floats
    return_pa: Floats
    supply_loss_w: Floats
    return_loss_w: Floats
    agreed: bool


def simulate_hour(network: Network, service: Service, load_w: Floats, ground_c: float) -> Hour:
    """
    Flows, temperatures and pressures with these loads.

    Parameters
    ----------
    network
        Its pipes.
    service
        What it carries.
    load_w : (n_buildings,)
        Heat or cold that each building takes [W].
    ground_c
        Temperature of the ground [°C].
    """
    return _simulated(network, service, np.asarray(load_w, dtype=float)[:, None], np.array([ground_c]), 0.0)[1]


@dataclass(frozen=True, slots=True)
class Year:
    """
    A year of a network by the hour.

    Attributes
    ----------
    flow_kg_s, return_c, supply_loss_w, return_loss_w, pump_pa, water_w : (n_hours,)
        Flow of the plant and temperature at which it comes back, heat lost to the ground, pressure of the pump, and its
        power in the water.
    peak_flow_kg_s, peak_loss_pa, pipe_loss_wh, mean_flow_kg_s : (n_pipes,)
        Of every pipe: greatest flow and loss of pressure, heat lost by supply and return, mean flow.
    supply_c : (n_buildings,)
        Temperature at which the supply reaches each building, mean weighted by load; missing without any load.
    load_wh, peak_w : (n_buildings,)
        What buildings took, and at most.
    served_w : (n_hours,)
        What all buildings took.
    failed
        Hours in which flows and temperatures did not agree.
    """

    flow_kg_s: Floats
    return_c: Floats
    supply_loss_w: Floats
    return_loss_w: Floats
    pump_pa: Floats
    water_w: Floats
    peak_flow_kg_s: Floats
    peak_loss_pa: Floats
    pipe_loss_wh: Floats
    mean_flow_kg_s: Floats
    supply_c: Floats
    load_wh: Floats
    peak_w: Floats
    served_w: Floats
    failed: int

    def plant_w(self, service: Service) -> Floats:
        """Heat or cold that the plant makes [W]; friction warms the water, which helps heating and hurts cooling."""
        moved: Floats = service.sign * self.flow_kg_s * service.cp * (service.supply_c - self.return_c)
        return np.maximum(moved - service.sign * self.water_w, 0.0)


def simulate_year(
    network: Network, service: Service, load_w: npt.NDArray[np.float32], ground_c: Floats, station_pa: float
) -> Year:
    """
    All hours of a year.

    Parameters
    ----------
    network
        Its pipes.
    service
        What it carries.
    load_w : (n_buildings, n_hours)
        Heat or cold that each building takes [W].
    ground_c : (n_hours,)
        Temperature of the ground [°C].
    station_pa
        Pressure that a building needs between supply and return [Pa].
    """
    return _simulated(network, service, load_w, ground_c, station_pa)[0]


def _simulated(
    network: Network, service: Service, load_w: npt.NDArray[np.floating], ground_c: Floats, station_pa: float
) -> tuple[Year, Hour]:
    """All hours, and the last one with any load in detail."""
    from dothi.cooling import kernels

    _check(network, load_w)
    topology, n_hours = network.topology, len(ground_c)
    n, n_pipes = len(topology.parent), topology.n_pipes
    hours, by_pipe, by_building = np.zeros((n_hours, 6)), np.zeros((n_pipes, 4)), np.zeros((len(network.at), 3))
    m, s_loss, r_loss = (np.zeros(n_pipes) for _ in range(3))
    draw, supply, back, p_supply, p_return = (np.zeros(n) for _ in range(5))
    failed = kernels.year(
        topology.parent, topology.ends, topology.first, topology.touching, topology.around, network.pipes,
        np.asarray(network.length_m, dtype=float), service.water, service.plan,
        np.ascontiguousarray(network.at, dtype=np.int64), np.ascontiguousarray(load_w, dtype=float),
        np.ascontiguousarray(ground_c, dtype=float), float(station_pa), hours, by_pipe, by_building,
        m, draw, supply, back, p_supply, p_return, s_loss, r_loss,
    )  # fmt: skip
    with np.errstate(invalid="ignore"):
        mean_c = by_building[:, 0] / by_building[:, 1]
    flow, came_back, s_lost, r_lost, pump, power = np.ascontiguousarray(hours.T)
    most, loss, passed, total = np.ascontiguousarray(by_pipe.T)
    load, peak = by_building[:, 1].copy(), by_building[:, 2].copy()
    year = Year(
        flow, came_back, s_lost, r_lost, pump, power, most, loss, passed, total / n_hours, mean_c, load, peak,
        np.asarray(load_w.sum(axis=0), dtype=float), int(failed),
    )  # fmt: skip
    return year, Hour(m, draw, supply, back, p_supply, -p_return, s_loss, r_loss, not failed)


def _check(network: Network, load_w: npt.NDArray[np.floating]) -> None:
    """Check what the kernels rely on: a bad index would read foreign memory in silence."""
    at, n = network.at, len(network.topology.parent)
    if len(load_w) != len(at) or len(np.unique(at)) != len(at) or ((at < 0) | (at >= n)).any():
        raise ValueError("every building has a load and a node of its own")
    shapes = {len(values) for values in (network.length_m, network.diameter_m, network.roughness_m, network.loss_w_m_k)}
    if shapes != {network.topology.n_pipes}:
        raise ValueError("every pipe has a length, a diameter, a roughness and a loss")
    if not np.isfinite(load_w).all() or (load_w < 0.0).any() or (network.diameter_m[1:] <= 0.0).any():
        raise ValueError("loads are not negative, diameters are positive")


def rooted(n: int, one: Integers, other: Integers, root: int) -> tuple[Integers, Integers, Integers]:
    """
    Tree of edges, told from its root: nodes in the order in which they are reached.

    Parameters
    ----------
    n
        Number of nodes.
    one, other : (n - 1,)
        Ends of the edges.
    root
        Node that it grows from.

    Returns
    -------
    order : (n_reached,) array
        Nodes, each after the one it hangs on.
    parent : (n_reached,) array
        Place in `order` of the node that each hangs on; −1 for the root.
    edge : (n_reached,) array
        Edge that leads to each; −1 for the root.
    """
    node, edge_of = np.r_[one, other], np.r_[np.arange(len(one)), np.arange(len(one))]
    by = np.argsort(node, kind="stable")
    first = np.searchsorted(node[by], np.arange(n + 1))
    far = np.r_[other, one][by]
    edge_of = edge_of[by]
    place = np.full(n, NO_PIPE)
    order, parent, edge = [root], [NO_PIPE], [NO_PIPE]
    place[root] = 0
    waiting = deque([root])
    while waiting:
        at = waiting.popleft()
        for k in range(first[at], first[at + 1]):
            to = int(far[k])
            if place[to] == NO_PIPE:
                place[to] = len(order)
                order.append(to)
                parent.append(int(place[at]))
                edge.append(int(edge_of[k]))
                waiting.append(to)
    return np.array(order), np.array(parent), np.array(edge)


def depths(topology: Topology, length_m: Floats) -> Floats:
    """Length of the way from the plant to every node through the tree [m]."""
    far = np.zeros(len(topology.parent))
    for i in range(1, len(far)):
        far[i] = far[topology.parent[i]] + length_m[i]
    return far


def served(topology: Topology, at: Integers) -> Mask:
    """Nodes that carry a building or lead to one."""
    found = np.zeros(len(topology.parent), dtype=bool)
    found[at] = True
    for i in range(len(found) - 1, 0, -1):
        found[topology.parent[i]] |= found[i]
    return found
