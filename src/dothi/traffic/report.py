"""Results of traffic as tables, fields and plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from dothi.shapes import Floats
from dothi.traffic.assignment import Equilibrium
from dothi.traffic.feedback import Streets
from dothi.traffic.habits import DRIVEN, MODES, Period
from dothi.traffic.network import link_time_s
from dothi.traffic.region import Region
from dothi.units import M_PER_KM, SECONDS_PER_HOUR

if TYPE_CHECKING:
    import xarray as xr

    from dothi.city import City

MOTOR: Final = ("car", "motorbike", "bus", "truck")
HOME_BASED: Final = ("work", "school", "shop", "other")


@dataclass(frozen=True, slots=True)
class Hour:
    """
    Traffic of an hour on the links of the city.

    Attributes
    ----------
    volume_veh_h
        By kind of vehicle, vehicles on each link; 0 where it may not go [veh/h].
    time_s
        By kind of vehicle, time on each link [s].
    pcu_h
        Flow on each link in passenger-car units [pcu/h].
    """

    volume_veh_h: dict[str, Floats]
    time_s: dict[str, Floats]
    pcu_h: Floats


def hour_of(streets: Streets, period: Period, at: Equilibrium) -> Hour:
    """Traffic on the links of the city in an equilibrium."""
    roads, graph = streets.roads(period), streets.graph
    n = len(roads.rows)
    buses = streets.buses(period)
    empty = graph.length_m / np.maximum(graph.speed_m_s, 1e-2)
    volume = {kind: np.zeros(len(graph.tail)) for kind in (*MOTOR, "bicycle")}
    time = {kind: empty.copy() for kind in MOTOR}
    whole = link_time_s(roads.network, at.volume_pcu_h)
    for c, vehicles in enumerate(streets.classes):
        volume[vehicles.mode][roads.rows] += at.volumes_veh_h[c, :n]
        time[vehicles.mode][roads.rows] = at.class_time_s[c, :n]
    time["bus"][roads.rows] = whole[:n]
    volume["bus"] = buses
    for kind in MOTOR:
        time[kind] = np.maximum(time[kind], graph.length_m / streets.habits.fastest_m_s(kind))
    pcu = streets.habits.pcu("bus") * buses
    pcu[roads.rows] += at.volume_pcu_h[:n]
    return Hour(volume, time, pcu)


def links_table(city: City, streets: Streets, hour: Hour, bicycles: Floats | None) -> pd.DataFrame:
    """Columns of the links in the morning peak hour; missing where a kind of vehicle may not go."""
    links, graph = city["links"], streets.graph
    open_to = {kind: links[kind].to_numpy(dtype=bool) for kind in (*MOTOR, "bicycle")}
    any_motor = np.logical_or.reduce([open_to[kind] for kind in MOTOR])
    columns: dict[str, Floats] = {}
    for kind in MOTOR:
        columns[f"volume_{kind}_veh_h"] = np.where(open_to[kind], hour.volume_veh_h[kind], np.nan)
    if bicycles is not None:
        columns["volume_bicycle_veh_h"] = np.where(open_to["bicycle"], bicycles, np.nan)
    columns["volume_pcu_h"] = np.where(any_motor, hour.pcu_h, np.nan)
    columns["saturation"] = np.where(any_motor, hour.pcu_h / graph.capacity_pcu_h, np.nan)
    for kind in DRIVEN:
        columns[f"time_{kind}_s"] = np.where(open_to[kind], hour.time_s[kind], np.nan)
    for kind in DRIVEN:
        columns[f"speed_{kind}_m_s"] = np.where(open_to[kind], graph.length_m / hour.time_s[kind], np.nan)
    return pd.DataFrame(columns, index=links.index)


def flows_table(city: City, streets: Streets, hours: Mapping[Period, Hour]) -> pd.DataFrame:
    """Mean hour of each period of the day, on links open to a motor."""
    links, graph = city["links"], streets.graph
    rows = np.flatnonzero(np.logical_or.reduce([links[kind].to_numpy(dtype=bool) for kind in MOTOR]))
    parts = []
    for period, hour in hours.items():
        part: dict[str, Any] = {
            "link_id": links.index.to_numpy()[rows],
            "period": period.name,
            "hours_h": float(len(period.hours)),
            "from_h": float(period.from_h),
            "to_h": float(period.to_h),
        }
        for kind in MOTOR:
            part[f"volume_{kind}_veh_h"] = hour.volume_veh_h[kind][rows]
        for kind in MOTOR:
            part[f"speed_{kind}_m_s"] = graph.length_m[rows] / hour.time_s[kind][rows]
        parts.append(pd.DataFrame(part))
    found = pd.concat(parts, ignore_index=True)
    found["period"] = pd.Categorical(found["period"], categories=[period.name for period in hours])
    found.index = found.index.rename("link_flow_id")
    return found


def zones_table(
    city: City, region: Region, od_trips: Floats, residents: Floats, metres: Mapping[str, Floats]
) -> pd.DataFrame:
    """
    Columns of the zones.

    Parameters
    ----------
    city, region
        City and its places.
    od_trips : (n_modes, n_terminals, n_terminals)
        Trips of a day from where to where.
    residents : (n_modes, n, n)
        Trips of a day from and to home, by home; none where matrices were given.
    metres
        Length by mode between places [m].
    """
    z = region.n_zones
    columns: dict[str, Floats] = {
        "trips_day": od_trips[:, :z].sum(axis=(0, 2)),
        "trips_arriving_day": od_trips[:, :, :z].sum(axis=(0, 1)),
    }
    own = residents[:, :z].sum(axis=2)
    total = own.sum(axis=0)
    there = total > 0.0
    for m, mode in enumerate(MODES):
        columns[f"share_{mode}"] = np.divide(own[m], total, out=np.full(z, np.nan), where=there)
    way = sum((residents[m, :z] * finite(metres[mode])[:z]).sum(axis=1) for m, mode in enumerate(MODES))
    columns["mean_trip_m"] = np.divide(way, total, out=np.full(z, np.nan), where=there)
    return pd.DataFrame(columns, index=city["zones"].index)


def gateways_table(city: City, region: Region, od_trips: Floats, trucks: Floats) -> Any:
    """Gateways with the trips over them in a day."""
    import geopandas as gpd
    import shapely

    gateways, z = region.terminals.gateways, region.n_zones
    node = gateways.node_of()
    columns: dict[str, Any] = {
        "name": pd.array([name or None for name in gateways.names], dtype="string"),
        "node_id": city["nodes"].index.to_numpy()[node] if len(node) else np.empty(0, dtype=np.int64),
        "capacity_veh_h": gateways.capacity_pcu_h,
    }
    for m, mode in enumerate(MODES):
        columns[f"trips_{mode}_in_day"] = od_trips[m, z:].sum(axis=1)
        columns[f"trips_{mode}_out_day"] = od_trips[m, :, z:].sum(axis=0)
    columns["trips_truck_in_day"] = trucks[z:].sum(axis=1)
    columns["trips_truck_out_day"] = trucks[:, z:].sum(axis=0)
    index = pd.RangeIndex(len(gateways), name="gateway_id")
    return gpd.GeoDataFrame(columns, geometry=shapely.points(gateways.xy), index=index, crs=city.crs)


def terminal_ids(city: City, region: Region) -> Any:
    """Ids of zones, then −1 − id of gateways."""
    return np.r_[city["zones"].index.to_numpy(dtype=np.int64), -1 - np.arange(len(region.terminals.gateways))]


def od_field(values: Floats, modes: Sequence[str], ids: Any, unit: str, text: str) -> xr.DataArray:
    """Matrix by mode as a field."""
    import xarray as xr

    return xr.DataArray(
        values,
        dims=("mode", "origin", "destination"),
        coords={"mode": list(modes), "origin": ids, "destination": ids},
        attrs={"units": unit, "long_name": text},
    )


def vehicle_totals(streets: Streets, hours: Mapping[Period, Hour]) -> dict[str, dict[str, float]]:
    """Kilometres and hours that each kind of vehicle drives on the links of the city in a day."""
    graph = streets.graph
    found = {}
    for kind in MOTOR:
        km = h = lost = 0.0
        free = graph.length_m / np.minimum(graph.speed_m_s, streets.habits.fastest_m_s(kind))
        for period, hour in hours.items():
            flow = hour.volume_veh_h[kind] * len(period.hours)
            km += float((flow * graph.length_m).sum()) / M_PER_KM
            h += float((flow * hour.time_s[kind]).sum()) / SECONDS_PER_HOUR
            lost += float((flow * (hour.time_s[kind] - free)).sum()) / SECONDS_PER_HOUR
        found[kind] = {"vehicle_km": km, "vehicle_h": h, "delay_h": lost}
    return found


def equilibrium_numbers(equilibria: Mapping[str, Equilibrium], demand: Mapping[str, Floats]) -> dict[str, Any]:
    """What each equilibrium says of itself."""
    return {
        name: {
            "relative_gap": at.gap,
            "imbalance_veh_h": at.imbalance_veh_h,
            "iterations": at.iterations,
            "converged": bool(at.converged),
            "demand_veh_h": float(demand[name].sum()),
            "unreachable_veh_h": float(at.unreachable.demand_veh_h.sum()),
            "unreachable_pairs": len(at.unreachable),
        }
        for name, at in equilibria.items()
    }


def finite(values: Floats) -> Floats:
    """Values, 0 where infinite."""
    return np.where(np.isfinite(values), values, 0.0)


def mean(trips: Floats, length_m: Floats) -> float:
    """Mean length of trips [m]; 0 of none."""
    total = trips.sum()
    return float((trips * length_m).sum() / total) if total else 0.0


def shares(trips: Floats) -> dict[str, float]:
    """Share of each mode in trips by mode; 0 of none."""
    total = trips.sum()
    return {mode: float(trips[m].sum() / total) if total else 0.0 for m, mode in enumerate(MODES)}
