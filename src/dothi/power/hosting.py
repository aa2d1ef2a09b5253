"""How much more each area could bear: solar modules on its roofs, chargers at its homes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dothi.power import vehicles
from dothi.power.areas import Areas
from dothi.power.flow import blocked, power_flow
from dothi.power.loads import NodeLoads
from dothi.power.network import Network
from dothi.shapes import Floats, Integers, Mask

HALVINGS: Final = 11
MOST: Final = 4.0
"""Power that is tried at most, over the rating of the transformers of an area."""


@dataclass(frozen=True, slots=True)
class Hosting:
    """
    Capacity of areas.

    Attributes
    ----------
    pv_kw : (n_areas,)
        Rated power of further modules [kW].
    chargers : (n_areas,)
        Further chargers of cars.
    """

    pv_kw: Floats
    chargers: Floats


def hosting_capacity(
    areas: Areas,
    loads: NodeLoads,
    volt_pu: Any,
    hours: Integers,
    rated_kva: Floats,
    data: Mapping[str, Any],
    n_nodes: int,
) -> Hosting:
    """
    Modules and chargers up to which every voltage and current of an area stays within its limit.

    Modules count in the daylight hour in which the area takes least, chargers in the hour in which it takes most; both
    are spread over the customers. One area changes at a time: the voltage above it stays what it is in that hour.

    Parameters
    ----------
    areas
        The areas.
    loads
        Loads.
    volt_pu : (n_areas, n_steps)
        Voltage at the roots.
    hours : (n_steps,)
        Hour of the day on the clock.
    rated_kva : (n_areas,)
        Rated power of the transformers of each area.
    data
        Data of the country on the grid.
    n_nodes
        Nodes of the grid.
    """
    n = len(areas.roots)
    group = areas.of_node[loads.nodes]
    taken = loads.total_by(group, n)
    light = (hours >= data["hosting"]["from_h"]) & (hours < data["hosting"]["to_h"])
    least = np.where(light, taken, np.inf).argmin(axis=1)
    most = taken.argmax(axis=1)
    band = data["voltage"]["low_band"]
    peak = data["hosting"]["pv_peak_share"]
    trial = _Trial(areas, loads, group, rated_kva, n_nodes)
    pv = trial.greatest(least, volt_pu, -peak, band)
    ev = trial.greatest(most, volt_pu, 1.0, band)
    options = data["vehicles"]
    return Hosting(pv, vehicles.chargers(ev, options["car_charger_kw"], options["charger_coincidence_limit"]))


@dataclass(frozen=True, slots=True)
class _Trial:
    """Areas of which it is tried what they bear."""

    areas: Areas
    loads: NodeLoads
    group: Integers
    rated_kva: Floats
    n_nodes: int

    def greatest(self, step: Integers, volt_pu: Any, sign: float, band: float) -> Floats:
        """Greatest further power of each area in one hour [kW], by halving; 0 where the limits are broken already."""
        n = len(self.areas.roots)
        network = self.areas.network(volt_pu[np.arange(n), step].astype(float), self.n_nodes)
        inside = np.flatnonzero(self.group >= 0)
        own = self.group[inside]
        base = np.array([self.loads.p[s // 8, k, s % 8] for k, s in zip(inside, step[own], strict=True)], dtype=float)
        lag = np.array([self.loads.q[s // 8, k, s % 8] for k, s in zip(inside, step[own], strict=True)], dtype=float)
        people = self.loads.customers[inside]
        total = np.bincount(own, weights=people, minlength=n)
        weight = np.where(total[own] > 0.0, people / np.maximum(total[own], 1e-9), 0.0)
        low, high = np.zeros(n), MOST * self.rated_kva
        for turn in range(HALVINGS + 1):
            tried = np.zeros(n) if turn == 0 else (low + high) / 2.0
            p = base * 1e6 + sign * 1e3 * tried[own] * weight
            broken = self._broken(network, self.loads.nodes[inside], p, lag * 1e6, band)
            if turn == 0:
                high = np.where(broken, 0.0, high)
            else:
                low, high = np.where(broken, low, tried), np.where(broken, tried, high)
        return low

    def _broken(self, network: Network, nodes: Integers, p: Floats, q: Floats, band: float) -> Mask:
        """Areas in which a voltage or a current is beyond its limit."""
        flow = power_flow(network, nodes, blocked(p[:, None]), blocked(q[:, None]), 1, bands=(band,))
        area = self.areas.of_node[network.nodes]
        beyond = (flow.outside_h[0] > 0.0) | (flow.over_h > 0.0) | ~np.isfinite(flow.low_pu)
        found = np.zeros(len(self.areas.roots), dtype=bool)
        np.logical_or.at(found, area[area >= 0], beyond[area >= 0])
        return found
