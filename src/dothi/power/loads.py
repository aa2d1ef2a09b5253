"""What is taken from the grid, and fed into it, at every node and hour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from dothi import place
from dothi.errors import InputError, Problem
from dothi.power import vehicles
from dothi.power.flow import LANES
from dothi.power.network import BASE_VA
from dothi.shapes import Floats, Integers

if TYPE_CHECKING:
    from dothi.city import City

LOW_V: Final = 1000.0
"""Greatest nominal voltage that counts as low [V]."""


@dataclass(frozen=True, slots=True)
class NodeLoads:
    """
    Power at nodes of the grid.

    Attributes
    ----------
    nodes : (n_loads,)
        Rows of the nodes.
    p, q : (n_blocks, n_loads, 8)
        Active and reactive power per unit, by blocks of hours, float32.
    n_steps
        Hours.
    homes, customers : (n_loads,)
        Dwellings and customers there.
    energy_mwh
        By use: buildings, vehicles, generation; the last one is fed in.
    attached
        Buildings that were connected to the nearest node, as they had no connection.
    """

    nodes: Integers
    p: NDArray[np.float32]
    q: NDArray[np.float32]
    n_steps: int
    homes: Floats
    customers: Floats
    energy_mwh: dict[str, float]
    attached: int

    def at(self, step: int) -> tuple[Floats, Floats]:
        """Active and reactive power in one hour [W], [var]."""
        block, lane = divmod(step, LANES)
        return self.p[block, :, lane].astype(float) * BASE_VA, self.q[block, :, lane].astype(float) * BASE_VA

    def total_by(self, group: Integers, n: int) -> NDArray[np.float32]:
        """Active power of groups of loads by hour [W], shape (n, n_steps); loads of group −1 are left out."""
        found = np.zeros((n, self.p.shape[0], LANES), dtype=np.float32)
        for k in np.flatnonzero(group >= 0):
            found[group[k]] += self.p[:, k, :]
        return found.reshape(n, -1)[:, : self.n_steps] * np.float32(BASE_VA)


def node_loads(city: City, power_factor: float, *, with_vehicles: bool = True) -> NodeLoads:
    """
    Power at every node and hour: buildings, vehicles that charge at home, solar modules.

    Parameters
    ----------
    city
        The city with ``building_loads``, and ``building_generation`` where there are modules.
    power_factor
        Of buildings, lagging; vehicles and modules take no reactive power.
    with_vehicles
        Whether vehicles count.

    Raises
    ------
    InputError
        Loads are not of one length, or of another than the weather.
    """
    n_steps, blocks = len(city["weather"]), -(-len(city["weather"]) // LANES)
    node_of, customers, attached = _nodes_of(city)
    used, slot = np.unique(node_of[node_of >= 0], return_inverse=True)
    of_building = np.full(len(node_of), -1, dtype=np.int64)
    of_building[node_of >= 0] = slot
    p = np.zeros((blocks, len(used), LANES), dtype=np.float32)
    energy = {"buildings": _add(city, "building_loads", "electricity", p, of_building, n_steps, 1.0)}
    q = p * np.float32(np.tan(np.arccos(power_factor)))
    energy["vehicles"] = _add_vehicles(city, p, of_building, n_steps) if with_vehicles else 0.0
    energy["generation"] = 0.0
    if "building_generation" in city:
        energy["generation"] = -_add(city, "building_generation", "generation", p, of_building, n_steps, -1.0)
    dwellings = np.nan_to_num(city["buildings"]["dwellings"].to_numpy(dtype=float, na_value=0.0))
    known = of_building >= 0
    homes, people = (
        np.bincount(of_building[known], weights=values[known], minlength=len(used)).astype(float)
        for values in (dwellings, customers)
    )
    return NodeLoads(used, p, q, n_steps, homes, people, energy, attached)


def _nodes_of(city: City) -> tuple[Integers, Floats, int]:
    """Row of the node of each building, −1 where it needs none; its customers; and how many were attached."""
    buildings, nodes, links = city["buildings"], city["grid_nodes"], city["grid_connections"]
    at = links.set_index("building_id")
    at = at[~at.index.duplicated()].reindex(buildings.index)
    found = nodes.index.get_indexer(at["grid_node_id"].to_numpy(dtype=float, na_value=-1.0))
    dwellings = np.nan_to_num(buildings["dwellings"].to_numpy(dtype=float, na_value=0.0))
    customers = at["customers"].to_numpy(dtype=float, na_value=np.nan)
    customers = np.where(np.isfinite(customers), customers, dwellings)
    needs = dwellings > 0.0
    for name in ("building_loads", "building_generation"):
        if name in city:
            needs |= buildings.index.isin(city[name].index)
    lacking = np.flatnonzero(needs & (found < 0))
    if len(lacking):
        low = np.flatnonzero((nodes["nominal_v"] <= LOW_V).to_numpy())
        low = low if len(low) else np.arange(len(nodes))
        tree = shapely.STRtree(np.asarray(nodes.geometry.array, dtype=object)[low])
        shapes = np.asarray(buildings.geometry.array, dtype=object)[lacking]
        found[lacking] = low[tree.query_nearest(shapes, all_matches=False)[1]]
    return found.astype(np.int64), np.where(found >= 0, customers, 0.0), len(lacking)


def _add(
    city: City, table: str, column: str, p: NDArray[np.float32], slot: Integers, n_steps: int, sign: float
) -> float:
    """Add a packed column of buildings to the power of their nodes; gives the energy [MWh]."""
    rows = city[table][column].dropna()
    if len(rows) and {len(row) for row in rows} != {4 * n_steps}:
        raise InputError([Problem(f"has {n_steps} hours, as the weather", table=table, column=column)])
    where = slot[city["buildings"].index.get_indexer(rows.index)]
    total = 0.0
    row = np.zeros(p.shape[0] * LANES, dtype=np.float32)
    for place_, content in zip(where, rows, strict=True):
        row[:n_steps] = np.frombuffer(content, dtype="<f4")
        total += float(row.sum(dtype=float))
        p[:, place_, :] += row.reshape(-1, LANES) * np.float32(sign / BASE_VA)
    return sign * total / 1e6


def _add_vehicles(city: City, p: NDArray[np.float32], slot: Integers, n_steps: int) -> float:
    data = place.load(city.country, "grid")
    hours = vehicles.local_hours(city["weather"]["time"], data["time_zone"])
    total = 0.0
    for kind in vehicles.KINDS:
        daily = vehicles.daily_kwh(city, kind, data["vehicles"])
        known = (slot >= 0) & (daily > 0.0)
        by_node = np.bincount(slot[known], weights=daily[known], minlength=p.shape[1])
        course = np.zeros(p.shape[0] * LANES)
        course[:n_steps] = vehicles.profile(kind, data["vehicles"], hours)
        total += float(by_node.sum() * course.sum()) / 1e6
        scaled = (course / BASE_VA).astype(np.float32).reshape(-1, 1, LANES)
        p += by_node.astype(np.float32)[None, :, None] * scaled
    return total
