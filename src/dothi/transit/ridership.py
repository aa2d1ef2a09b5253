"""Passengers of lines and stops, and how full vehicles are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pydantic import Field
from shapely.ops import substring

from dothi.model import Result, columns_of
from dothi.place import load
from dothi.schema import Column, Schema
from dothi.shapes import Floats, Integers, Shapes
from dothi.transit.footpaths import collected
from dothi.transit.kernels import Walks
from dothi.transit.network import INPUTS, OPTIONAL, REFERENCES, Network, TransitParams, network
from dothi.transit.offer import calls
from dothi.transit.timetable import Timetable

if TYPE_CHECKING:
    from dothi.city import City

TRIPS: Final[Schema] = {
    "origin_id": Column("integer", "", "Zone where trips begin; −1 less the number of a gateway where outside."),
    "destination_id": Column("integer", "", "Zone where they end, likewise."),
    "trips_day": Column("float", "", "Trips of a working day by public transport.", 0.0),
}
"""Columns of `transit_trips`."""

EDGE_M: Final = 400.0
EDGE_STOPS: Final = 3
OUTSIDE_M_S: Final = 5.0
SECTION: Final = ["route", "direction", "from", "to"]


class RidershipParams(TransitParams):
    """Parameters of ridership: those of transit routing, and the share of the peak."""

    peak_share: float | None = Field(
        default=None,
        gt=0.0,
        le=1.0,
        description="Share of a day's trips that begin in an hour of the morning peak; that of the country's trips "
        "where none is given [1].",
    )


@dataclass(frozen=True, slots=True)
class RidershipModel:
    """
    Trips by public transport on the vehicles that bring them there first.

    Travellers of the morning peak leave evenly over it and know the timetable. All trips of a day are taken to go the
    ways of the peak, and the peak hour to have its share of them in both directions alike. Those from outside get on
    where a line comes in near the road by which they would have come.
    """

    params: RidershipParams = field(default_factory=RidershipParams)

    name: ClassVar[str] = "ridership"
    inputs: ClassVar[Mapping[str, Schema]] = {
        **INPUTS,
        "routes": {**INPUTS["routes"], **columns_of("routes", "vehicle_capacity")},
        "transit_trips": TRIPS,
        "gateways": {"geometry": Column("geometry", "", "Where a road leaves the city.", choices=("Point",))},
    }
    optional: ClassVar[tuple[str, ...]] = (*OPTIONAL, "gateways")
    rasters: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[Mapping[str, Schema]] = {
        "stops": {
            "boardings_day": Column("float", "", "Passengers who get on, working day.", 0.0),
            "alightings_day": Column("float", "", "Passengers who get off, working day.", 0.0),
        },
        "routes": {
            "passengers_day": Column("float", "", "Passengers who get on, working day.", 0.0),
            "peak_load": Column("float", "h⁻¹", "Passengers on the fullest section, hour of the morning peak.", 0.0),
            "peak_load_ratio": Column(
                "float", "", "Passengers over places where that is highest, morning peak.", 0.0, missing=True
            ),
        },
        "route_sections": {
            "geometry": Column("geometry", "", "Way from stop to stop.", choices=("LineString",)),
            "route_id": Column("integer", "", "Line.", refers_to="routes.route_id"),
            "direction": Column("integer", "", "Direction.", 0, 1),
            "from_stop_id": Column("integer", "", "Stop it begins at.", refers_to="stops.stop_id"),
            "to_stop_id": Column("integer", "", "Stop it ends at.", refers_to="stops.stop_id"),
            "passengers_peak_h": Column("float", "h⁻¹", "Passengers in an hour of the morning peak.", 0.0),
            "departures_peak_h": Column("float", "h⁻¹", "Vehicles in an hour of the morning peak.", 0.0),
            "load_ratio": Column("float", "", "Passengers over places; missing without vehicles.", 0.0, missing=True),
        },
    }
    references: ClassVar[tuple[str, ...]] = REFERENCES

    def run(self, city: City) -> Result:
        """Passengers of a city."""
        found, travellers, outside = _demand(city, self.params)
        sections, on, off, unserved = _loaded(found, city, travellers)
        share = self.params.peak_share or peak_share(city.country)
        table = _sections(sections, city, share)
        return Result(
            tables={
                "stops": pd.DataFrame({"boardings_day": on, "alightings_day": off}, index=city["stops"].index),
                "routes": _routes(sections, table, city),
                "route_sections": table,
            },
            diagnostics={
                "notes": list(found.notes),
                **_diagnostics(table, travellers, unserved, on, share, outside),
            },
        )


def peak_share(country: str) -> float:
    """Share of a day's trips that begin in the peak hour, by the habits of a country."""
    habits = load(country, "trips")
    hour, hours, rates = habits["periods"]["peak_hour"], habits["hours"], habits["rates"]
    share = total = 0.0
    for purpose, rate in rates.items():
        if not isinstance(hours.get(purpose), dict):
            continue
        ways = [np.asarray(way, dtype=float) for way in hours[purpose].values()]
        share += rate * float(np.mean([way[hour] / way.sum() for way in ways]))
        total += rate
    return share / total


def _demand(city: City, params: RidershipParams) -> tuple[Network, Floats, float]:
    """Network whose places are zones and gateways, trips of a day between them, and how many touch the outside."""
    found = network(city, params)
    zones = city["zones"].index.to_numpy()
    gates = _gateways(city)
    ids = np.r_[zones, -1 - np.arange(len(gates))]
    if len(gates):
        found = replace(found, access=_with_gateways(found, city, gates))
    trips = city["transit_trips"]
    place = pd.Index(ids)
    origin, destination = place.get_indexer(trips["origin_id"]), place.get_indexer(trips["destination_id"])
    known = (origin >= 0) & (destination >= 0) & (origin != destination)
    travellers = np.zeros((len(ids), len(ids)))
    np.add.at(travellers, (origin[known], destination[known]), trips["trips_day"].to_numpy(dtype=float)[known])
    inside = travellers[: len(zones), : len(zones)].sum()
    return found, travellers, float(travellers.sum() - inside)


def _gateways(city: City) -> Shapes:
    if "gateways" not in city:
        return np.empty(0, dtype=object)
    return np.asarray(city["gateways"].geometry.array, dtype=object)


def _with_gateways(found: Network, city: City, gates: Shapes) -> Walks:
    """Walks from zones to stops, and from gateways to the nearest stops near the edge at which lines begin or end."""
    table = found.timetable(city, 0).lines
    ends = np.unique(np.r_[table.pattern_stop[table.pattern_ptr[:-1]], table.pattern_stop[table.pattern_ptr[1:] - 1]])
    xy = shapely.get_coordinates(np.asarray(city["stops"].geometry.array, dtype=object))
    west, south, east, north = city.bounds
    inward = np.min([xy[:, 0] - west, xy[:, 1] - south, east - xy[:, 0], north - xy[:, 1]], axis=0)
    near = ends[inward[ends] <= EDGE_M]
    stops = near if len(near) else ends
    n_zones = len(found.access.ptr) - 1
    zone = np.repeat(np.arange(n_zones), np.diff(found.access.ptr))
    away = np.hypot(*(shapely.get_coordinates(gates)[:, None] - xy[stops]).transpose(2, 0, 1))
    nearest = np.argsort(away, axis=1, kind="stable")[:, :EDGE_STOPS]
    gate = np.repeat(np.arange(len(gates)), nearest.shape[1])
    time = np.take_along_axis(away, nearest, axis=1).ravel() / OUTSIDE_M_S
    return collected(
        np.r_[zone, n_zones + gate],
        np.r_[found.access.to, stops[nearest.ravel()]],
        np.r_[found.access.time_s, np.ceil(time)],
        n_zones + len(gates),
    )


def _loaded(found: Network, city: City, travellers: Floats) -> tuple[pd.DataFrame, Floats, Floats, Floats]:
    """Trips of a day on sections, getting on and off at stops, and those without a journey: means over the draws."""
    on, off, unserved = np.zeros(found.n_stops), np.zeros(found.n_stops), np.zeros(travellers.shape)
    parts = []
    for draw in range(found.n_draws):
        table = found.timetable(city, draw)
        boardings, alightings, without = found.load(table, travellers / found.n_draws)
        unserved += without
        part, stop = _by_section(table, boardings, alightings, found)
        on += np.bincount(stop, weights=boardings, minlength=found.n_stops)
        off += np.bincount(stop, weights=alightings, minlength=found.n_stops)
        parts.append(part)
    sums = pd.concat(parts).groupby(SECTION, sort=True).sum().reset_index()
    sums["departures_h"] /= found.n_draws
    return sums, on, off, unserved


def _by_section(
    table: Timetable, boardings: Floats, alightings: Floats, found: Network
) -> tuple[pd.DataFrame, Integers]:
    """Passengers and vehicles from stop to stop, by line and direction; and the stop of every time of the timetable."""
    lines = table.lines
    pattern, position = calls(table)
    stop = lines.pattern_stop[lines.pattern_ptr[pattern] + position].astype(np.int64)
    change = boardings - alightings
    total = np.cumsum(change)
    begins = position == 0
    before = np.where(begins, total - change, 0.0)[np.flatnonzero(begins)]
    aboard = total - np.repeat(before, np.diff(np.r_[np.flatnonzero(begins), len(position)]))
    leaves = position < np.diff(lines.pattern_ptr)[pattern] - 1
    at = np.flatnonzero(leaves)
    begin, end = found.params.peak_s
    departure = lines.departure_s[at]
    frame = pd.DataFrame(
        {
            "route": table.route[pattern[at]],
            "direction": table.direction[pattern[at]],
            "from": stop[at],
            "to": stop[at + 1],
            "passengers_day": np.maximum(aboard[at], 0.0),
            "boardings_day": boardings[at],
            "departures_h": ((departure >= begin) & (departure < end)) / found.params.peak_h,
        }
    )
    return frame.groupby(SECTION, sort=True).sum().reset_index(), stop


def _sections(sums: pd.DataFrame, city: City, share: float) -> gpd.GeoDataFrame:
    routes, stops = city["routes"], city["stops"]
    usual = load(city.country, "transit")["vehicle_capacity"]
    by_mode = routes["mode"].astype("str").map(usual).to_numpy(dtype=float)
    own = routes["vehicle_capacity"].to_numpy(dtype=float, na_value=np.nan)
    places = np.where(own > 0.0, own, by_mode)[sums["route"]] * sums["departures_h"].to_numpy()
    passengers = sums["passengers_day"].to_numpy() * share
    shapes = np.asarray(stops.geometry.array, dtype=object)
    ways = [
        _way(routes.geometry.iloc[route], shapes[one], shapes[other])
        for route, one, other in zip(sums["route"], sums["from"], sums["to"], strict=True)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(places > 0.0, passengers / places, np.nan)
    columns = {
        "geometry": ways,
        "route_id": routes.index.to_numpy()[sums["route"]],
        "direction": sums["direction"].to_numpy(),
        "from_stop_id": stops.index.to_numpy()[sums["from"]],
        "to_stop_id": stops.index.to_numpy()[sums["to"]],
        "passengers_peak_h": passengers,
        "departures_peak_h": sums["departures_h"].to_numpy(),
        "load_ratio": ratio,
    }
    return gpd.GeoDataFrame(columns, index=pd.RangeIndex(len(sums), name="route_section_id"), crs=city.crs)


def _way(course: Any, one: Any, other: Any) -> Any:
    """Part of a course from stop to stop; straight where it is none, or no line from one to the other."""
    straight = shapely.LineString([one.coords[0][:2], other.coords[0][:2]])
    if course is None or course.geom_type != "LineString":
        return straight
    way = substring(course, course.project(one), course.project(other))
    if way.geom_type != "LineString" or way.length > 3.0 * straight.length + 100.0:
        return straight
    return shapely.force_2d(way)


def _routes(sums: pd.DataFrame, table: gpd.GeoDataFrame, city: City) -> pd.DataFrame:
    routes = city["routes"]
    by_route = sums.groupby("route")["boardings_day"].sum()
    fullest = table.groupby("route_id")[["passengers_peak_h", "load_ratio"]].max()
    found = pd.DataFrame(index=routes.index)
    found["passengers_day"] = by_route.reindex(range(len(routes)), fill_value=0.0).to_numpy()
    found["peak_load"] = fullest["passengers_peak_h"].reindex(routes.index).fillna(0.0)
    found["peak_load_ratio"] = fullest["load_ratio"].reindex(routes.index)
    return found


def _diagnostics(
    table: gpd.GeoDataFrame, travellers: Floats, unserved: Floats, on: Floats, share: float, outside: float
) -> dict[str, Any]:
    passenger_km = (table["passengers_peak_h"] * table.geometry.length).to_numpy() / 1000.0
    crowded = (table["load_ratio"] > 1.0).to_numpy()
    total = float(passenger_km.sum())
    return {
        "trips_day": float(travellers.sum()),
        "trips_day_from_or_to_outside": outside,
        "unserved_day": float(unserved.sum()),
        "boardings_day": float(on.sum()),
        "boardings_per_trip": float(on.sum() / max(travellers.sum() - unserved.sum(), 1e-9)),
        "peak_share": share,
        "passenger_km_peak_h": total,
        "sections": len(table),
        "sections_over_capacity": int(crowded.sum()),
        "share_of_passenger_km_crowded": float(passenger_km[crowded].sum() / total) if total > 0.0 else 0.0,
    }
