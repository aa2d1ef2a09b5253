"""What going from place to place costs by each mode: generalised minutes, and metres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dothi.shapes import Floats
from dothi.traffic.paths import skims
from dothi.traffic.region import Region
from dothi.traffic.roads import CONNECTOR_M_S, DETOUR, Graph, Terminals, roads_for
from dothi.units import M2_PER_HA, M_PER_KM, M_S_PER_KM_H, MINUTES_PER_HOUR, SECONDS_PER_MINUTE

if TYPE_CHECKING:
    from dothi.city import City

ON_STREET_M_S = 20.0 * M_S_PER_KM_H
"""Speed of vehicles on trips within a zone."""


@dataclass(frozen=True, slots=True)
class Ways:
    """
    Ways on foot, by bicycle and by public transport: they know no congestion.

    Attributes
    ----------
    seconds
        By mode, duration between places [s].
    minutes
        By mode, generalised time between places [min]; infinite where the mode does not go.
    metres
        By mode, length between places [m].
    """

    seconds: Mapping[str, Floats]
    minutes: Mapping[str, Floats]
    metres: Mapping[str, Floats]


def uncongested_ways(city: City, graph: Graph, region: Region) -> Ways:
    """Ways between all places without a motor of one's own."""
    given, costs = region.habits.data["speeds"], region.habits.data["costs"]
    seconds: dict[str, Floats] = {}
    metres: dict[str, Floats] = {}
    for mode in ("walk", "bicycle"):
        speed = given[f"{mode}_km_h"] * M_S_PER_KM_H
        time, length = _street_ways(graph, region.terminals, mode, speed)
        seconds[mode] = region.seconds(time, mode, speed)
        metres[mode] = region.metres(length)
    minutes = {mode: value / SECONDS_PER_MINUTE for mode, value in seconds.items()}
    minutes["bicycle"] = minutes["bicycle"] + costs["bicycle_terminal_min"]
    seconds["transit"], minutes["transit"] = _transit(city, region, minutes["walk"])
    metres["transit"] = np.where(np.isfinite(seconds["transit"]), DETOUR * region.straight_m, np.inf)
    return Ways(seconds, minutes, metres)


def _street_ways(graph: Graph, terminals: Terminals, mode: str, speed_m_s: float) -> tuple[Floats, Floats]:
    """Shortest ways along streets open to a mode: seconds and metres between terminals."""
    speed = np.full(len(graph.tail), speed_m_s)
    roads = roads_for(graph, terminals, [graph.open_to[mode]], speed, connector_m_s=min(speed_m_s, CONNECTOR_M_S))
    if not len(roads.rows):
        nowhere = np.full((len(terminals),) * 2, np.inf)
        return nowhere, nowhere
    found = skims(roads.network, roads.network.free_time_s, link_values={"length_m": roads.length_m})
    return roads.within(found["time_s"])[0], roads.within(found["length_m"])[0]


def _transit(city: City, region: Region, walk_min: Floats) -> tuple[Floats, Floats]:
    """
    Public transport: seconds, and generalised minutes.

    Inside, what the simulation of public transport found between zones. A trip that leaves the city rides on outside
    at the speed of the surroundings; inside it rides to the zone next to the gateway. Without that simulation there is
    no public transport within the city, and lines from outside are taken to reach every zone at their speed outside.
    """
    habits, n, z = region.habits, len(region), region.n_zones
    costs, given = habits.data["costs"], habits.data["surroundings"]
    fare = costs["fare"] / costs["value_of_time_h"] * MINUTES_PER_HOUR
    seconds, minutes = np.full((n, n), np.inf), np.full((n, n), np.inf)
    speed = region.outside_m_s("transit")
    access = given["transit_access_min"]
    table = city.tables["transit_times"] if "transit_times" in city else None
    crossing = region.outside[:, None] != region.outside
    ride = DETOUR * region.straight_m / speed
    seconds[crossing | region.both_outside] = (ride + access * SECONDS_PER_MINUTE)[crossing | region.both_outside]
    minutes[crossing | region.both_outside] = (
        ride / SECONDS_PER_MINUTE + costs["transit_walk_weight"] * access + fare
    )[crossing | region.both_outside]
    if table is None or not len(table):
        return seconds, minutes
    inner_s, inner_min = _between_zones(city, table, costs)
    seconds[:z, :z], minutes[:z, :z] = inner_s, inner_min + fare
    near = _zone_next_to(region)
    outer = np.arange(z, n)
    gate = near[region.beyond.gateway]
    out_min = region.beyond_m[z:] / speed / SECONDS_PER_MINUTE
    half = access / 2.0
    inner = np.arange(z)
    for rows, columns, s, m, on_foot, beyond in (
        (inner[:, None], outer[None], inner_s[:, gate], inner_min[:, gate], walk_min[:z][:, gate], out_min),
        (outer[:, None], inner[None], inner_s[gate], inner_min[gate], walk_min[:z, :z][gate], out_min[:, None]),
    ):
        inside = np.minimum(m, costs["transit_walk_weight"] * on_foot)
        minutes[rows, columns] = inside + beyond + costs["transit_walk_weight"] * half + fare
        seconds[rows, columns] = np.minimum(s, SECONDS_PER_MINUTE * on_foot) + SECONDS_PER_MINUTE * (beyond + half)
    return seconds, minutes


def _between_zones(city: City, table: Any, costs: Mapping[str, float]) -> tuple[Floats, Floats]:
    """Seconds, and generalised minutes without fare, between zones."""
    zones = city["zones"].index
    row, column = zones.get_indexer(table["origin_zone_id"]), zones.get_indexer(table["destination_zone_id"])
    known = (row >= 0) & (column >= 0)
    row, column, table = row[known], column[known], table[known]

    def numbers(name: str) -> Floats:
        return np.asarray(table[name].to_numpy(dtype=float, na_value=np.nan))

    seconds = np.full((len(zones), len(zones)), np.inf)
    minutes = seconds.copy()
    total = numbers("transit_s")
    there = np.isfinite(total)
    seconds[row[there], column[there]] = total[there]
    felt = (
        numbers("ride_s")
        + costs["transit_walk_weight"] * numbers("walk_s")
        + costs["transit_wait_weight"] * numbers("wait_s")
    ) / SECONDS_PER_MINUTE + costs["transit_transfer_min"] * np.maximum(numbers("rides") - 1.0, 0.0)
    there &= np.isfinite(felt)
    minutes[row[there], column[there]] = felt[there]
    return seconds, minutes


def _zone_next_to(region: Region) -> Any:
    """Zone nearest to each gateway."""
    apart = region.terminals.gateways.xy[:, None] - region.terminals.centre[None]
    return np.hypot(*apart.transpose(2, 0, 1)).argmin(axis=1)


def parking_minutes(region: Region, mode: str) -> Floats:
    """What parking costs at each place, by how dense people and jobs are there [min]; nothing outside."""
    given = region.habits.data["parking"]
    z = region.n_zones
    dense = (region.opportunities["residents"] + region.opportunities["jobs"])[:z]
    per_ha = dense / np.maximum(region.terminals.size_m**2 / M2_PER_HA, 1e-6)
    above = np.maximum(per_ha - given["free_per_ha"], 0.0) / 100.0
    found = np.zeros(len(region))
    found[:z] = np.minimum(above * given[mode]["min_per_100_ha"], given[mode]["most_min"])
    return found


def driven_minutes(region: Region, mode: str, seconds: Floats, metres: Floats) -> Floats:
    """
    Generalised time of a vehicle of one's own [min]: on the way, to reach and park it, and what it costs.

    Parameters
    ----------
    region
        Places.
    mode
        ``car`` or ``motorbike``.
    seconds, metres : (n, n)
        Duration and length between places.
    """
    costs = region.habits.data["costs"]
    money = costs[f"{mode}_km"] * np.where(np.isfinite(metres), metres, 0.0) / M_PER_KM
    return np.asarray(
        seconds / SECONDS_PER_MINUTE
        + costs[f"{mode}_terminal_min"]
        + money / costs["value_of_time_h"] * MINUTES_PER_HOUR
    )
