"""What transit models search: the lines of a day, walks between stops, and walks between zones and stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from pydantic import Field

from dothi.model import Params, columns_of
from dothi.schema import Schema
from dothi.shapes import Floats, Integers
from dothi.transit.footpaths import walk_graph, walks
from dothi.transit.kernels import Walks, desk_for, labels_for, load, skim
from dothi.transit.timetable import (
    DAY_S,
    Runs,
    Timetable,
    headway_lines,
    headway_runs,
    scheduled_runs,
    service_day,
    timetable,
)
from dothi.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from dothi.city import City

INPUTS: dict[str, Schema] = {
    "stops": columns_of("stops", "geometry"),
    "routes": columns_of("routes", "geometry", "mode", "headway_s", "first_s", "last_s", "speed_m_s"),
    "route_stops": columns_of("route_stops", "route_id", "stop_id", "stop_sequence"),
    "trips": columns_of("trips", "route_id", "service_id", "direction"),
    "stop_times": columns_of("stop_times", "trip_id", "stop_id", "stop_sequence", "arrival_s", "departure_s"),
    "calendar": columns_of("calendar", "service_id", "date"),
    "nodes": columns_of("nodes", "geometry"),
    "links": columns_of("links", "from_node_id", "to_node_id", "length_m", "walk"),
    "zones": columns_of("zones", "geometry", "node_id"),
}
OPTIONAL = ("route_stops", "trips", "stop_times", "calendar")
REFERENCES = (
    "D. Delling, T. Pajor, R. F. Werneck, Round-based public transit routing, 2015, doi:10.1287/trsc.2014.0534",
    "M. Conway, A. Byrd, M. van der Linden, Accessibility on schedules and headways, 2017, doi:10.3141/2653-06",
)


class TransitParams(Params):
    """Parameters of transit routing."""

    peak_from_h: float = Field(
        default=7.5, ge=0.0, lt=24.0, description="Beginning of the morning peak, time of day [h]."
    )
    peak_until_h: float = Field(default=8.5, gt=0.0, le=30.0, description="End of the morning peak, time of day [h].")
    departure_step_s: float = Field(
        default=60.0, ge=10.0, le=1800.0, description="Time between two departures tried [s]."
    )
    draws: int = Field(
        default=8,
        ge=1,
        le=100,
        description="Timetables drawn of lines that have a headway; one where there are none [1].",
    )
    rides: int = Field(default=3, ge=1, le=8, description="Rides at most in a journey [1].")
    change_s: float = Field(
        default=30.0, ge=0.0, le=1800.0, description="Least time to change vehicles, walk not counted [s]."
    )
    walk_speed_m_s: float = Field(
        default=1.34,
        gt=0.2,
        le=3.0,
        description="Speed on foot (mean of Weidmann 1993, doi:10.3929/ethz-a-000687810) [m s⁻¹].",
    )
    walk_limit_m: float = Field(
        default=1000.0, gt=0.0, le=10_000.0, description="Longest walk to a stop or from it [m]."
    )
    transfer_limit_m: float = Field(default=400.0, ge=0.0, le=5000.0, description="Longest walk between two rides [m].")
    limit_s: float = Field(default=5400.0, gt=0.0, le=36_000.0, description="Longest mean time from door to door [s].")

    @property
    def peak_s(self) -> tuple[float, float]:
        """Beginning and end of the morning peak [s]."""
        return round(self.peak_from_h * SECONDS_PER_HOUR, 3), round(self.peak_until_h * SECONDS_PER_HOUR, 3)

    @property
    def peak_h(self) -> float:
        """Length of the morning peak [h]."""
        return self.peak_until_h - self.peak_from_h


@dataclass(frozen=True, slots=True)
class Network:
    """
    What transit models search.

    Attributes
    ----------
    params
        Parameters; their peak is the one looked at.
    n_stops
        Stops of the city.
    day
        Service day of its timetables; None where there is none.
    scheduled
        Trips of that day.
    lines
        Lines that run by a headway.
    access, transfers
        Walks from zones to stops; walks from stop to stop.
    direct
        Walks from zone to zone, as long as they are no longer than a walk to a stop and another one from a stop.
    notes
        What is other than one would expect.
    """

    params: TransitParams
    n_stops: int
    day: pd.Timestamp | None
    scheduled: tuple[Runs, ...]
    lines: pd.DataFrame
    access: Walks
    transfers: Walks
    direct: Walks
    notes: tuple[str, ...] = ()

    @property
    def n_draws(self) -> int:
        """Timetables to be tried: one where nothing is drawn."""
        return self.params.draws if len(self.lines) else 1

    @property
    def departures(self) -> Any:
        """Departures tried, in the middle of equal parts of the peak, the latest first [s]."""
        begin, end = self.params.peak_s
        n = max(round((end - begin) / self.params.departure_step_s), 1)
        middles = begin + (np.arange(n) + 0.5) * (end - begin) / n
        return np.round(middles[::-1]).astype(np.int32)

    def timetable(self, city: City, draw: int) -> Timetable:
        """Timetable of a draw."""
        return timetable([*self.scheduled, *headway_runs(city, self.lines, draw)], self.n_stops)

    def skim(self, tables: list[Timetable]) -> Floats:
        """
        Sums over departures and draws, for each origin and destination.

        Returns
        -------
        (n_zones, n_zones, 5) array
            Journeys found, then their time from door to door, on foot, in vehicles [s], and their rides.
        """
        n = len(self.access.ptr) - 1
        sums = np.zeros((n, n, 5))
        labels, legs = labels_for(self.n_stops, self.params.rides), np.empty((self.params.rides, 3), dtype=np.int32)
        for table in tables:
            desk = desk_for(self.n_stops, table.n_patterns)
            skim(
                table.lines, self.transfers, self.access, self.access, self.departures, round(self.params.change_s),
                labels, desk, legs, sums,
            )  # fmt: skip
        return sums

    def load(self, table: Timetable, travellers: Floats) -> tuple[Floats, Floats, Floats]:
        """
        Travellers who get on and off.

        Parameters
        ----------
        table
            Timetable.
        travellers : (n_zones, n_zones)
            Travellers of the peak, spread evenly over its departures.

        Returns
        -------
        boardings, alightings : (n_times,)
            By trip and call.
        unserved : (n_zones, n_zones)
            Those who find no journey.
        """
        boardings, alightings = (np.zeros(len(table.lines.arrival_s)) for _ in range(2))
        unserved = np.zeros(travellers.shape)
        labels, legs = labels_for(self.n_stops, self.params.rides), np.empty((self.params.rides, 3), dtype=np.int32)
        load(
            table.lines, self.transfers, self.access, self.access, self.departures, round(self.params.change_s), labels,
            desk_for(self.n_stops, table.n_patterns), legs, travellers / len(self.departures), boardings, alightings,
            unserved,
        )  # fmt: skip
        return boardings, alightings, unserved


def network(city: City, params: TransitParams) -> Network:
    """Lines, stops and walks of a city; the peak is one with departures, where there are any."""
    stops, zones = city["stops"], city["zones"]
    day = service_day(city)
    scheduled = tuple(scheduled_runs(city, day))
    lines = headway_lines(city, {run.route for run in scheduled})
    params, notes = _served(params, scheduled, headway_runs(city, lines, 0))
    graph = walk_graph(city)
    at_stops = graph.places(shapely.get_coordinates(np.asarray(stops.geometry.array, dtype=object)))
    at_zones = _zone_places(city, graph)
    speed = params.walk_speed_m_s
    longest = 2.0 * params.walk_limit_m
    return Network(
        params,
        len(stops),
        day,
        scheduled,
        lines,
        walks(graph, at_zones, at_stops, limit_m=params.walk_limit_m, speed_m_s=speed),
        walks(graph, at_stops, at_stops, limit_m=params.transfer_limit_m, speed_m_s=speed, to_themselves=False),
        walks(graph, at_zones, at_zones, limit_m=longest, speed_m_s=speed, to_themselves=False) if len(zones) else NONE,
        notes,
    )


def _served(
    params: TransitParams, scheduled: Sequence[Runs], by_headway: Sequence[Runs]
) -> tuple[TransitParams, tuple[str, ...]]:
    """
    Parameters whose peak has departures, and a note where it is not the one asked for.

    A timetable may hold a part of the day only. A peak shorter than an hour may well lie between two departures: it is
    without service where none leaves within an hour of its beginning. Lines that run by a headway have the hours that
    somebody gave them: they move nothing.
    """
    begin, end = params.peak_s
    end = max(end, begin + SECONDS_PER_HOUR)
    times, others = _departures(scheduled), _departures(by_headway)
    if ((times >= begin) & (times < end)).any() or ((others >= begin) & (others < end)).any():
        return params, ()
    silence = f"no vehicle leaves from {_clock(begin)} to {_clock(end)}"
    if not len(times):
        return params, (f"{silence}: nobody gets anywhere by public transport",) if len(others) else ()
    begin = nearest_service(times, begin, end)
    hours = begin / SECONDS_PER_HOUR
    moved = params.model_copy(update={"peak_from_h": hours, "peak_until_h": hours + params.peak_h})
    return moved, (f"{silence}: times and departures are those from {' to '.join(map(_clock, moved.peak_s))}",)


def nearest_service(times: Integers, begin: float, end: float) -> float:
    """
    When the nearest time as long as a given one begins in which a timetable runs [s].

    After it, with the first departure. Before it, so early that as much time again is left until the last departure,
    as far as the timetable is that long: else whoever leaves late would find no vehicle any more.

    Parameters
    ----------
    times
        Departures [s], none of them in the given time.
    begin, end
        The given time [s].
    """
    earlier, later = times[times < begin], times[times >= end]
    if not len(earlier) or (len(later) and later.min() - end < begin - earlier.max()):
        return float(later.min() // 60 * 60)
    return float(max(earlier.max() - 2.0 * (end - begin), earlier.min()) // 60 * 60)


def _departures(runs: Sequence[Runs]) -> Integers:
    """Departures of a day from all stops but the last of each trip [s]."""
    times = np.concatenate([run.departure_s[:, :-1].ravel() for run in runs]) if runs else np.empty(0, dtype=np.int64)
    return times[(times >= 0) & (times < DAY_S)]


def _clock(time_s: float) -> str:
    minutes = round(time_s / 60.0)
    return f"{minutes // 60}:{minutes % 60:02d}"


NONE = Walks(np.zeros(1, np.int32), np.empty(0, np.int32), np.empty(0, np.int32))


def _zone_places(city: City, graph: Any) -> tuple[Integers, Floats]:
    """Walkable node of every zone: nearest to its node, which is where its people and jobs are, else to its middle."""
    zones, nodes = city["zones"], city["nodes"]
    middles = shapely.get_coordinates(shapely.centroid(np.asarray(zones.geometry.array, dtype=object)))
    at = nodes.index.get_indexer(zones["node_id"].fillna(-1).astype("int64"))
    known = at >= 0
    if known.any():
        middles[known] = shapely.get_coordinates(np.asarray(nodes.geometry.array, dtype=object)[at[known]])
    found, way = graph.places(middles)
    return found, np.where(known, 0.0, way)
