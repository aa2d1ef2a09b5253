"""Door-to-door times by public transport, and what each stop and line offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pandas as pd

from dothi.model import Result, columns_of
from dothi.schema import Column, Schema
from dothi.shapes import Floats
from dothi.transit.network import INPUTS, OPTIONAL, REFERENCES, Network, TransitParams, network
from dothi.transit.offer import departures_near, line_offer, stop_offer

if TYPE_CHECKING:
    from dothi.city import City

TIMES: Final[Schema] = {
    "origin_zone_id": Column("integer", "", "Zone where journeys begin."),
    "destination_zone_id": Column("integer", "", "Zone where they end."),
    "transit_s": Column("float", "s", "Time from door to door, mean over departures of the morning peak.", 0.0),
    "walk_s": Column("float", "s", "Of it, on foot.", 0.0),
    "wait_s": Column("float", "s", "Of it, waiting for the first vehicle and between vehicles.", 0.0),
    "ride_s": Column("float", "s", "Of it, in vehicles.", 0.0),
    "rides": Column("float", "", "Vehicles taken, mean.", 1.0),
}
"""Columns of `transit_times`."""

NEAR_M: Final = 500.0


@dataclass(frozen=True, slots=True)
class TransitModel:
    """
    Public transport: times from zone to zone in the morning peak, and departures at stops.

    One leaves at every minute of the peak and takes the journey that is there first (RAPTOR over a range of
    departures), with walks along the street network at both ends and between stops. Lines with a headway in place of a
    timetable run by several drawn timetables. A journey that even without waiting would be no faster than walking all
    the way is not offered. Where no vehicle leaves in the peak, as in a timetable that begins later, the nearest time
    as long takes its place, and a note says so.
    """

    params: TransitParams = field(default_factory=TransitParams)

    name: ClassVar[str] = "transit"
    inputs: ClassVar[Mapping[str, Schema]] = {**INPUTS, "buildings": columns_of("buildings", "geometry")}
    optional: ClassVar[tuple[str, ...]] = (*OPTIONAL, "buildings")
    rasters: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[Mapping[str, Schema]] = {
        "transit_times": TIMES,
        "buildings": {
            "departures_near_peak_h": Column(
                "float",
                "h⁻¹",
                f"Departures in an hour of the morning peak at the busiest stop within a walk of {NEAR_M:g} m.",
                0.0,
            )
        },
        "stops": {
            "departures_day": Column("float", "", "Departures of a working day.", 0.0),
            "departures_peak_h": Column("float", "h⁻¹", "Departures in an hour of the morning peak.", 0.0),
        },
        "routes": {
            "trips_day": Column("float", "", "Trips of a working day, both directions.", 0.0),
            "headway_peak_s": Column(
                "float", "s", "Time between two vehicles of a direction in the morning peak.", 0.0, missing=True
            ),
            "commercial_speed_m_s": Column(
                "float", "m s⁻¹", "Mean speed from stop to stop, stops included.", 0.0, missing=True
            ),
        },
    }
    references: ClassVar[tuple[str, ...]] = REFERENCES

    def run(self, city: City) -> Result:
        """Times and departures of a city."""
        found = network(city, self.params)
        tables = [found.timetable(city, draw) for draw in range(found.n_draws)]
        sums = found.skim(tables)
        times = _times(found, sums, city["zones"].index)
        stops = stop_offer(tables, city, found.params)
        return Result(
            tables={
                "transit_times": times,
                "buildings": pd.DataFrame(
                    {"departures_near_peak_h": departures_near(city, stops["departures_peak_h"].to_numpy(), NEAR_M)},
                    index=city["buildings"].index,
                ),
                "stops": stops,
                "routes": line_offer(tables, city, found.params),
            },
            diagnostics=_diagnostics(found, tables, times, sums),
        )


def _times(found: Network, sums: Floats, zones: pd.Index) -> pd.DataFrame:
    """Means of pairs that are reached from every departure, in time, and sooner than on foot if one need not wait."""
    tries = len(found.departures) * found.n_draws
    n = len(zones)
    on_foot = np.full((n, n), np.inf)
    owner = np.repeat(np.arange(n), np.diff(found.direct.ptr))
    on_foot[owner, found.direct.to] = found.direct.time_s
    total, walk, ride, rides = (sums[:, :, i] / tries for i in range(1, 5))
    offered = (sums[:, :, 0] == tries) & (total <= found.params.limit_s) & (walk + ride < on_foot)
    np.fill_diagonal(offered, val=False)
    origin, destination = np.nonzero(offered)
    columns = {
        "origin_zone_id": zones.to_numpy()[origin],
        "destination_zone_id": zones.to_numpy()[destination],
        "transit_s": total[offered],
        "walk_s": walk[offered],
        "wait_s": np.maximum((total - walk - ride)[offered], 0.0),
        "ride_s": ride[offered],
        "rides": rides[offered],
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(origin), name="transit_time_id"))


def _diagnostics(found: Network, tables: list[Any], times: pd.DataFrame, sums: Floats) -> dict[str, Any]:
    n = len(sums)
    return {
        "notes": list(found.notes),
        "service_day": None if found.day is None else found.day.date().isoformat(),
        "lines_with_headway": len(found.lines),
        "trips": tables[0].n_trips,
        "patterns": tables[0].n_patterns,
        "walks_between_stops": len(found.transfers.to),
        "departures": len(found.departures),
        "draws": found.n_draws,
        "pairs": len(times),
        "share_of_pairs": len(times) / (n * (n - 1)) if n > 1 else 0.0,
        "mean_transit_s": float(times["transit_s"].mean()) if len(times) else None,
    }
