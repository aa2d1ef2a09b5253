"""What people reach: jobs, services within a quarter of an hour, places shared with others, and help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import shapely
from pydantic import Field

from dothi import place
from dothi.access import equity, search
from dothi.access.graph import MODES, Graph, graph_of, is_congested, seconds, speeds
from dothi.access.places import SERVICES, Places, places_of, shapes_of
from dothi.model import Params, Result, columns_of
from dothi.schema import Column, Schema
from dothi.shapes import Floats, Integers
from dothi.units import SECONDS_PER_MINUTE

if TYPE_CHECKING:
    from dothi.city import City

LIMITS_MIN: Final = (30, 45)
QUARTER_S: Final = 900.0
SUPPLIES: Final = ("school", "health", "park")
RESCUE: Final = ("fire", "ambulance", "police")
PER: Final = 1000.0
DISC_SIDES: Final = 8
"""Segments to a quarter of the disc that stands for a walk of a quarter of an hour."""
MOST_WORK: Final = 2_000_000_000
"""Origins times nodes up to which every building has a search of its own; beyond, those of a zone share one."""


class AccessParams(Params):
    """Parameters of access."""

    longest_walk_s: float = Field(
        default=3600.0, gt=0.0, le=7200.0, description="Walk or ride beyond which no place is looked for [s]."
    )
    decay: bool = Field(
        default=True, description="Whether places further off count less in floating catchments, as their data say."
    )
    congested: bool = Field(
        default=True, description="Whether the times of simulated traffic count where there are any."
    )


def _jobs(mode: str, minutes: int) -> Column:
    how = {"walk": "on foot", "bicycle": "by bicycle", "transit": "by public transport"}.get(mode, f"by {mode}")
    return Column("float", "", f"Jobs within {minutes} min {how}.", 0.0, missing=mode == "transit")


def _supply(service: str) -> Column:
    text = f"Capacity of {service} per 1,000 residents who share it; what it counts, the diagnostics say."
    return Column("float", "", text, 0.0, missing=True)


_BUILDINGS: Final[Schema] = {
    **{f"jobs_{mode}_{minutes}min": _jobs(mode, minutes) for mode in (*MODES, "transit") for minutes in LIMITS_MIN},
    **{
        f"nearest_{service}_min": Column("float", "min", f"Walk to the nearest {service}.", 0.0, missing=True)
        for service in SERVICES
    },
    "score_15min": Column(
        "float",
        "",
        "Weighted share of services within 15 min on foot, of those the city knows.",
        0.0,
        1.0,
        missing=True,
    ),
    "score_15min_bicycle": Column("float", "", "The same by bicycle.", 0.0, 1.0, missing=True),
    **{f"supply_{service}": _supply(service) for service in SUPPLIES},
    **{
        f"{service}_response_s": Column("float", "s", f"From the call to the arrival of {who}.", 0.0, missing=True)
        for service, who in zip(RESCUE, ("the fire brigade", "an ambulance", "the police"), strict=True)
    },
    "access_edge_share": Column(
        "float", "", "Share of the surroundings within 15 min that lie beyond the edge of the city.", 0.0, 1.0
    ),
}


@dataclass(frozen=True, slots=True)
class AccessModel:
    """
    What is within reach of every building.

    Jobs by mode, services within a quarter of an hour, capacity shared with others (two-step floating catchments), and
    response times of emergency services on the times of simulated traffic. One goes straight to the nearest node of the
    network and on along the shortest ways.
    """

    params: AccessParams = field(default_factory=AccessParams)

    name: ClassVar[str] = "access"
    inputs: ClassVar[Mapping[str, Schema]] = {
        "buildings": columns_of("buildings", "geometry", "function", "floor_area_m2", "residents", "jobs"),
        "nodes": columns_of("nodes", "geometry"),
        "links": {
            **columns_of("links", "from_node_id", "to_node_id", "length_m", "free_speed_m_s", *MODES),
            "time_car_s": Column("float", "s", "Time by car in simulated traffic.", 0.0, missing=True),
            "time_motorbike_s": Column("float", "s", "Time by motorbike in simulated traffic.", 0.0, missing=True),
        },
        "facilities": columns_of("facilities", "geometry", "kind", "capacity", "building_id"),
        "stops": columns_of("stops", "geometry"),
        "land_use": columns_of("land_use", "geometry", "class"),
        "zones": columns_of("zones", "geometry", "jobs", "node_id"),
        "wards": columns_of("wards", "geometry"),
        "transit_times": {
            "origin_zone_id": Column("integer", "", "Zone one comes from."),
            "destination_zone_id": Column("integer", "", "Zone one goes to."),
            "transit_s": Column("float", "s", "Time by public transport.", 0.0, missing=True),
        },
    }
    optional: ClassVar[tuple[str, ...]] = ("facilities", "stops", "land_use", "zones", "wards", "transit_times")
    rasters: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[Mapping[str, Schema]] = {"buildings": _BUILDINGS}
    references: ClassVar[tuple[str, ...]] = (
        "Shortest ways: E. W. Dijkstra 1959, doi:10.1007/BF01386390",
        "Floating catchments: W. Luo & F. Wang 2003, doi:10.1068/b29120",
        "Decay in floating catchments: W. Luo & Y. Qi 2009, doi:10.1016/j.healthplace.2009.06.002",
        "15-minute city: C. Moreno et al. 2021, doi:10.3390/smartcities4010006",
    )

    def run(self, city: City) -> Result:
        """Access of all buildings."""
        import pandas as pd

        work = _Work(city, self.params)
        columns = {**work.jobs(), **work.services(), **work.supplies(), **work.responses()}
        columns["access_edge_share"] = work.edge_share()
        table = pd.DataFrame({name: columns[name] for name in _BUILDINGS}, index=work.buildings.index)
        return Result(tables={"buildings": table}, diagnostics=work.diagnostics(table))


class _Work:
    """Networks and places of a city, and what is computed of them."""

    def __init__(self, city: City, params: AccessParams) -> None:
        self.city, self.params = city, params
        self.buildings, self.links, self.nodes = city["buildings"], city["links"], city["nodes"]
        self.rules: Mapping[str, Any] = place.load(city.country, "access")
        self.walk_s_m = 1.0 / float(speeds(city.country)["walk"])
        self.doors: Floats = shapely.get_coordinates(shapely.point_on_surface(shapes_of(self.buildings)))
        self.told: dict[str, Any] = {}
        self._graphs: dict[str, Graph] = {}

    def graph(self, mode: str) -> Graph:
        """Network of a mode with its times [s]."""
        if mode not in self._graphs:
            cost = seconds(self.links, mode, self.city.country, congested=self.params.congested)
            self._graphs[mode] = graph_of(self.links, self.nodes, mode, cost)
        return self._graphs[mode]

    def beside(self, mode: str, xy: Floats) -> search.Beside:
        """Points beside the network of a mode: by bicycle one rides off the street as well, else one walks."""
        slow = self.walk_s_m if mode != "bicycle" else 1.0 / float(speeds(self.city.country)["bicycle"])
        return search.beside(self.graph(mode), xy, slow)

    def numbers(self, name: str) -> Floats:
        """Column of the buildings, 0 where missing."""
        found: Floats = self.buildings[name].to_numpy(dtype=float, na_value=0.0)
        return found

    @cached_property
    def places(self) -> dict[str, Places]:
        """Places of every service."""
        return {service: places_of(self.city, service) for service in SERVICES}

    @cached_property
    def zone(self) -> Integers:
        """Row of the zone of each building, the nearest where it is in none; −1 where there are no zones."""
        if not len(self.city["zones"]):
            return np.full(len(self.buildings), -1, dtype=np.int64)
        found: Integers = shapely.STRtree(shapes_of(self.city["zones"])).query_nearest(
            shapely.points(self.doors), all_matches=False
        )[1]
        return found

    def jobs(self) -> dict[str, Floats]:
        """Jobs in reach by every mode."""
        limits = np.array(LIMITS_MIN) * SECONDS_PER_MINUTE
        jobs, made = self.numbers("jobs"), dict[str, Floats]()
        for mode in MODES:
            graph, goals = self.graph(mode), self.beside(mode, self.doors)
            if mode == "walk" or len(np.unique(goals.node)) * len(graph) <= MOST_WORK:
                found = search.within(graph, goals, goals, jobs, limits)[0]
            else:
                found = self._by_zone(mode, goals, jobs, limits)
            made |= {f"jobs_{mode}_{minutes}min": found[:, i] for i, minutes in enumerate(LIMITS_MIN)}
        self.told["congested"] = [m for m in MODES if self.params.congested and is_congested(self.links, m)]
        return made | self._by_transit(limits)

    def _by_zone(self, mode: str, goals: search.Beside, jobs: Floats, limits: Floats) -> Floats:
        """Jobs in reach of the middle of a zone's buildings, for all of them: where the city is too large for more."""
        self.told.setdefault("by_zone", []).append(mode)
        n = max(self.zone.max() + 1, 1)
        count = np.bincount(self.zone, minlength=n)
        middle = np.stack([np.bincount(self.zone, xy, n) / np.maximum(count, 1) for xy in self.doors.T], axis=1)
        return search.within(self.graph(mode), self.beside(mode, middle), goals, jobs, limits)[0][self.zone]

    def _by_transit(self, limits: Floats) -> dict[str, Floats]:
        """Jobs of zones in reach by public transport, from each zone to all its buildings."""
        names = [f"jobs_transit_{minutes}min" for minutes in LIMITS_MIN]
        if "transit_times" not in self.city or not len(self.city["zones"]):
            return {name: np.full(len(self.buildings), np.nan) for name in names}
        zones, times = self.city["zones"], self.city["transit_times"]
        jobs = np.bincount(self.zone, weights=self.numbers("jobs"), minlength=len(zones))
        origin, goal = (zones.index.get_indexer(times[f"{end}_zone_id"]) for end in ("origin", "destination"))
        taken = times["transit_s"].to_numpy(dtype=float, na_value=np.inf)
        known = (origin >= 0) & (goal >= 0)
        made = dict[str, Floats]()
        for name, limit in zip(names, limits, strict=True):
            near = known & (taken <= limit)
            of_zone = np.bincount(origin[near], weights=jobs[goal[near]], minlength=len(zones)).astype(float)
            made[name] = of_zone[self.zone]
        return made

    def services(self) -> dict[str, Floats]:
        """Walk to the nearest place of each service, and the scores of the quarter of an hour."""
        limit = self.params.longest_walk_s
        weights = {service: float(weight) for service, weight in self.rules["services"]["weight"].items()}
        known = [service for service in weights if len(self.places[service])]
        self.told["services_unknown"] = sorted(set(weights) - set(known))
        self.told["services_known_share"] = sum(weights[service] for service in known) / sum(weights.values())
        made, near = dict[str, Floats](), dict[str, dict[str, Any]]()
        for mode in ("walk", "bicycle"):
            doors, near[mode] = self.beside(mode, self.doors), {}
            for service in SERVICES:
                sources = self.beside(mode, self.places[service].xy)
                cost = search.nearest(self.graph(mode), sources, limit, towards=True)
                near[mode][service] = search.at(doors, cost, limit)
        for service in SERVICES:
            made[f"nearest_{service}_min"] = near["walk"][service] / SECONDS_PER_MINUTE
        for name, mode in (("score_15min", "walk"), ("score_15min_bicycle", "bicycle")):
            score = sum((weights[s] * (near[mode][s] <= QUARTER_S) for s in known), np.zeros(len(self.buildings)))
            whole = sum(weights[service] for service in known)
            made[name] = np.minimum(score / whole, 1.0) if whole else np.full(len(self.buildings), np.nan)
        return made

    def supplies(self) -> dict[str, Floats]:
        """Capacity per 1,000 residents in floating catchments, on foot."""
        rules, made = self.rules["catchment"], dict[str, Floats]()
        people, doors = self.numbers("residents"), self.beside("walk", self.doors)
        self.told["capacity"] = {}
        for service in SUPPLIES:
            places, limit = self.places[service], float(rules[f"{service}_s"])
            if not len(places):
                made[f"supply_{service}"] = np.full(len(self.buildings), np.nan)
                continue
            self.told["capacity"][service] = places.unit
            width = float(rules["decay"]) * limit if self.params.decay else np.inf
            at = self.beside("walk", places.xy)
            found = search.catchments(self.graph("walk"), at, places.capacity, doors, people, limit, width)
            made[f"supply_{service}"] = found * PER
        return made

    def responses(self) -> dict[str, Floats]:
        """From the call to the arrival of emergency services; the last metres on foot."""
        rules, kinds = self.rules["emergency"], self.rules["stations"]
        slower, begin = float(self.rules["emergency_speed"]["time_factor"]), float(rules["call_s"]) + rules["turnout_s"]
        facilities, doors = self.city["facilities"], self.beside("car", self.doors)
        made = {}
        for service in RESCUE:
            stations = shapes_of(facilities[facilities["kind"].isin(kinds[service])])
            at = self.beside("car", shapely.get_coordinates(shapely.centroid(stations)))
            drive = search.nearest(self.graph("car"), at, np.inf)
            ride = drive[doors.node] if len(drive) else np.full(len(self.buildings), np.inf)
            found = begin + slower * ride + doors.away
            made[f"{service}_response_s"] = np.where(np.isfinite(found), found, np.nan)
        return made

    def edge_share(self) -> Floats:
        """Share of a disc of a quarter of an hour's walk that lies beyond the edge of the city."""
        discs = shapely.buffer(shapely.points(self.doors), QUARTER_S / self.walk_s_m, quad_segs=DISC_SIDES)
        inside = shapely.area(shapely.clip_by_rect(discs, *self.city.bounds)) / shapely.area(discs)
        return np.clip(1.0 - inside, 0.0, 1.0)

    def diagnostics(self, table: Any) -> dict[str, Any]:
        """What the method says of itself."""
        people = self.numbers("residents")
        late = {
            service: float(people[table[f"{service}_response_s"].to_numpy() > self.rules["emergency"]["limit_s"]].sum())
            for service in RESCUE
            if table[f"{service}_response_s"].notna().any()
        }
        return {
            "nodes": {mode: len(graph) for mode, graph in self._graphs.items()},
            "places": {
                service: {"facilities": places.facilities, "others": places.others}
                for service, places in self.places.items()
            },
            **self.told,
            "residents_beyond_response_limit": late,
            "equity": self._equity(table, people),
        }

    def _equity(self, table: Any, people: Floats) -> dict[str, dict[str, dict[str, float | None]]]:
        """Gini, Palma and P90/P10 of jobs and supplies over the residents, of the city and of its wards."""
        wards, parts = self.city["wards"], {"city": np.ones(len(table), dtype=bool)}
        if len(wards):
            doors = np.asarray(shapely.points(self.doors))
            inside = shapely.STRtree(doors).query(shapes_of(wards), predicate="intersects")
            for row in np.unique(inside[0]):
                parts[str(wards.index[row])] = np.isin(np.arange(len(table)), inside[1][inside[0] == row])
        names = [name for name in table if name.startswith(("jobs_", "supply_")) and table[name].notna().any()]
        measures = {"gini": equity.gini, "palma": equity.palma, "p90_p10": equity.percentile_ratio}
        return {
            part: {
                name: {
                    key: _plain(measure(table[name].to_numpy(dtype=float)[rows], people[rows]))
                    for key, measure in measures.items()
                }
                for name in names
            }
            for part, rows in parts.items()
        }


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
