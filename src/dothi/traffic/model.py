"""Traffic of a working day: who travels where, when and how, and how it flows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import Field

from dothi.model import Params, Result, columns_of
from dothi.schema import Column, Schema
from dothi.shapes import Floats
from dothi.traffic.habits import DRIVEN, MODES
from dothi.units import M_S_PER_KM_H

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.traffic.feedback import Settled, Streets
    from dothi.traffic.habits import Habits, Period
    from dothi.traffic.region import Region
    from dothi.traffic.travel import Coefficients, Segment

BICYCLE_GAP: Final = 1e-6
MOTOR: Final = ("car", "motorbike", "bus", "truck")


class TrafficParams(Params):
    """Parameters of traffic."""

    gap: float = Field(default=1e-5, gt=0.0, le=1e-2, description="Relative gap of equilibria.")
    feedback_tolerance: float = Field(
        default=1e-3, gt=0.0, le=0.1, description="Difference of times, as a share, at which demand and traffic agree."
    )
    feedback_rounds: int = Field(default=15, ge=1, le=100, description="Most rounds of demand and traffic.")
    surroundings: bool = Field(
        default=True, description="Whether people come from and go to places beyond the roads that leave the city."
    )
    calibrate: bool = Field(
        default=False,
        description="Whether mode constants and deterrence are fitted to the shares and lengths of the country first; "
        "for the city as it is, so that scenarios take the values over.",
    )
    mode_constants: dict[str, float] = Field(
        default_factory=dict, description="Constants of modes that differ from those of the country."
    )
    deterrence_min: dict[str, float] = Field(
        default_factory=dict, description="Deterrence by purpose that differs from that of the country [1/min]."
    )


def _volume(kind: str) -> Column:
    return Column("float", "veh h⁻¹", f"Flow of {kind} in the morning peak hour.", 0.0, missing=True)


def _day(description: str, *, maximum: float | None = None) -> Column:
    return Column("float", "", description, 0.0, maximum, missing=True)


_LINKS: Final[Schema] = {
    **{f"volume_{kind}_veh_h": _volume(f"{kind} traffic") for kind in (*MOTOR, "bicycle")},
    "volume_pcu_h": Column("float", "h⁻¹", "Flow in passenger-car units, morning peak hour.", 0.0, missing=True),
    "saturation": Column("float", "", "Flow over capacity, morning peak hour.", 0.0, missing=True),
    **{f"time_{m}_s": Column("float", "s", f"Time of a {m}, morning peak hour.", 0.0, missing=True) for m in DRIVEN},
    **{
        f"speed_{m}_m_s": Column("float", "m s⁻¹", f"Speed of a {m}, morning peak hour.", 0.0, missing=True)
        for m in DRIVEN
    },
}
_FLOWS: Final[Schema] = {
    "link_id": Column("integer", "", "Link.", refers_to="links.link_id"),
    "period": Column("category", "", "Part of a working day."),
    "hours_h": Column("float", "h", "Hours of a day that it stands for.", 0.0, 24.0),
    "from_h": Column("float", "h", "Hour at which it begins.", 0.0, 24.0),
    "to_h": Column("float", "h", "Hour at which it ends.", 0.0, 24.0),
    **{
        f"volume_{kind}_veh_h": Column("float", "veh h⁻¹", f"Flow of {kind} traffic in its mean hour.", 0.0)
        for kind in MOTOR
    },
    **{f"speed_{kind}_m_s": Column("float", "m s⁻¹", f"Speed of {kind} traffic.", 0.0) for kind in MOTOR},
}
_ZONES: Final[Schema] = {
    "trips_day": _day("Trips of a working day that begin here."),
    "trips_arriving_day": _day("Trips of a working day that end here."),
    **{f"share_{mode}": _day(f"Share of the trips of its residents by {mode}.", maximum=1.0 + 1e-9) for mode in MODES},
    "mean_trip_m": Column("float", "m", "Mean length of the trips of its residents.", 0.0, missing=True),
}
_GATEWAYS: Final[Schema] = {
    "geometry": Column("geometry", "", "Where a road leaves the city.", choices=("Point",)),
    "name": Column("string", "", "Name of the road.", missing=True),
    "node_id": Column("integer", "", "Node at which traffic comes in.", refers_to="nodes.node_id"),
    "capacity_veh_h": Column("float", "veh h⁻¹", "Capacity in passenger-car units, mean of in and out.", 0.0),
    **{
        f"trips_{kind}_{way}_day": _day(f"Trips of a working day by {kind}, {way}.")
        for kind in (*MODES, "truck")
        for way in ("in", "out")
    },
}


@dataclass(frozen=True, slots=True)
class TrafficModel:
    """
    Traffic of a working day, from homes and jobs to flows on links.

    Trips by purpose come from residents, go where there is something to do (doubly constrained gravity), and take the
    mode that suits them (nested logit over walking, bicycle, motorbike, car and public transport). Cars, motorbikes and
    trucks, with buses in the background, share the roads in a user equilibrium; its times go back into the choice of
    destinations and modes until both agree. Roads that leave the box lead to surroundings with people and jobs of
    their own.
    """

    params: TrafficParams = field(default_factory=TrafficParams)

    name: ClassVar[str] = "traffic"
    inputs: ClassVar[Mapping[str, Schema]] = {
        "zones": columns_of("zones", "geometry", "residents", "jobs", "node_id"),
        "buildings": columns_of("buildings", "geometry", "function", "floor_area_m2", "residents", "jobs"),
        "nodes": columns_of("nodes", "geometry"),
        "links": columns_of(
            "links",
            "geometry",
            "from_node_id",
            "to_node_id",
            "name",
            "class",
            "length_m",
            "free_speed_m_s",
            "capacity_veh_h",
            "walk",
            "bicycle",
            "motorbike",
            "car",
            "bus",
            "truck",
        ),
        "facilities": columns_of("facilities", "geometry", "kind", "capacity"),
        "restrictions": columns_of("restrictions", "geometry", "mode", "fuel", "from_s", "to_s"),
        "building_measures": columns_of(
            "building_measures", "building_id", "electric_car_share", "electric_motorbike_share"
        ),
        "routes": columns_of("routes", "geometry", "mode", "headway_s", "first_s", "last_s"),
        "trips": columns_of("trips", "route_id", "service_id"),
        "stop_times": columns_of("stop_times", "trip_id", "departure_s"),
        "calendar": columns_of("calendar", "service_id", "date"),
        "transit_times": {
            "origin_zone_id": Column("integer", "", "Zone where trips begin."),
            "destination_zone_id": Column("integer", "", "Zone where they end."),
            "transit_s": Column("float", "s", "From door to door.", 0.0, missing=True),
            "walk_s": Column("float", "s", "Of this, on foot.", 0.0, missing=True),
            "wait_s": Column("float", "s", "Of this, waiting.", 0.0, missing=True),
            "ride_s": Column("float", "s", "Of this, in a vehicle.", 0.0, missing=True),
            "rides": Column("float", "", "Vehicles taken.", 0.0, missing=True),
        },
    }
    optional: ClassVar[tuple[str, ...]] = (
        "facilities",
        "restrictions",
        "building_measures",
        "routes",
        "trips",
        "stop_times",
        "calendar",
        "transit_times",
    )
    rasters: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[Mapping[str, Schema]] = {
        "links": _LINKS,
        "link_flows": _FLOWS,
        "zones": _ZONES,
        "gateways": _GATEWAYS,
    }
    references: ClassVar[tuple[str, ...]] = (
        "J. de D. Ortúzar and L. G. Willumsen, Modelling Transport, 4th ed., 2011, ch. 4-7, doi:10.1002/9781119993308",
        "A. G. Wilson, A statistical theory of spatial distribution models, 1967, doi:10.1016/0041-1647(67)90035-4",
        "G. M. Hyman, The Calibration of Trip Distribution Models, 1969, doi:10.1068/a010105",
        "R. B. Dial, A path-based user-equilibrium traffic assignment algorithm, 2006, doi:10.1016/j.trb.2006.02.008",
    )

    def run(self, city: City) -> Result:
        """Traffic of the city."""
        from dothi.traffic.habits import Habits
        from dothi.traffic.region import region_of

        habits = Habits.of(city.country)
        region = region_of(city, habits, open_to_outside=self.params.surroundings)
        streets, people = _streets_and_people(city, region)
        settled = self._settled(city, streets, people)
        return _result(city, streets, settled)

    def _settled(self, city: City, streets: Streets, people: list[Segment]) -> Settled:
        from dothi.traffic.costs import uncongested_ways
        from dothi.traffic.feedback import Loop

        habits = streets.habits
        loop = Loop(
            streets,
            uncongested_ways(city, streets.graph, streets.region),
            people,
            _coefficients(habits, self.params),
            self.params.gap,
            self.params.feedback_tolerance,
            self.params.feedback_rounds,
            self.params.calibrate,
        )
        settled = loop.settle(habits.peak, base_period(habits))
        loop.rest(settled, habits.periods, habits.peak)
        return settled


def base_period(habits: Habits) -> Period:
    """Period that stands for the day outside the peak: the longest one that does not pass midnight."""
    by_day = [
        period for period in habits.periods if period.from_h < period.to_h and habits.peak.from_h not in period.hours
    ]
    return max(by_day, key=lambda period: len(period.hours))


def _coefficients(habits: Habits, params: TrafficParams) -> Coefficients:
    from dothi.traffic.travel import Coefficients

    constants = habits.constants()
    for mode, value in params.mode_constants.items():
        constants[MODES.index(mode)] = value
    return Coefficients(constants, {**habits.numbers("distribution", "beta_min"), **params.deterrence_min})


def _streets_and_people(city: City, region: Region) -> tuple[Streets, list[Segment]]:
    import shapely

    from dothi.traffic.buses import buses_veh_h
    from dothi.traffic.feedback import Streets
    from dothi.traffic.fleet import ANY, Vehicles, closed_to, electric_shares, fleet
    from dothi.traffic.roads import graph_of
    from dothi.traffic.travel import segments
    from dothi.traffic.zones import zone_at

    habits, links = region.habits, city["links"]
    shapes = [np.asarray(city[name].geometry.array, dtype=object) for name in ("zones", "buildings")]
    zone = zone_at(shapes[0], shapely.point_on_surface(shapes[1]))
    fleets = {
        mode: fleet(city, habits, mode, electric_shares(city, mode, zone, region.n_zones, len(region)))
        for mode in DRIVEN
    }
    trucks = Vehicles("truck", ANY, np.ones(len(region)))
    classes = (*(vehicles for mode in DRIVEN for vehicles in fleets[mode]), trucks)

    @cache
    def buses(period: Period) -> Floats:
        return buses_veh_h(city, period)

    streets = Streets(
        graph_of(city), region, classes, lambda vehicles, period: closed_to(city, links, vehicles, period), buses
    )
    return streets, segments(fleets, habits.numbers("availability"), len(region))


def _result(city: City, streets: Streets, settled: Settled) -> Result:
    from dothi.traffic import report
    from dothi.traffic.demand import in_hours

    region, habits = streets.region, streets.habits
    hours = {p: report.hour_of(streets, p, settled.equilibria[p.name]) for p in habits.periods}
    peak = report.hour_of(streets, habits.peak, settled.equilibria[habits.peak.name])
    od_trips = _od_trips(streets, settled)
    trucks = in_hours(settled.trucks.trips, 0.5, 0.5)
    trucks = region.at_terminals(trucks) + region.through(trucks, settled.through)
    at_home = sum(settled.trips.persons[purpose] for purpose in report.HOME_BASED)
    ids = report.terminal_ids(city, region)
    peak_s, _ = streets.ways(habits.peak, settled.equilibria[habits.peak.name])
    kinds = [vehicles.name for vehicles in streets.classes]
    return Result(
        tables={
            "links": report.links_table(city, streets, peak, _bicycles(streets, settled)),
            "link_flows": report.flows_table(city, streets, hours),
            "zones": report.zones_table(city, region, od_trips, np.asarray(at_home), settled.metres),
            "gateways": report.gateways_table(city, region, od_trips, trucks),
        },
        fields={
            "od_trips": report.od_field(od_trips, MODES, ids, "", "Trips of people on a working day"),
            "od_peak_time_s": report.od_field(peak_s, kinds, ids, "s", "Time in the morning peak hour"),
        },
        diagnostics=_diagnostics(streets, settled, hours, od_trips, np.asarray(at_home)),
    )


def _od_trips(streets: Streets, settled: Settled) -> Floats:
    """Trips of people of a day between terminals by mode; through trips are made in cars and on motorbikes."""
    region = streets.region
    daily = settled.trips.daily()
    found = np.stack([region.at_terminals(trips) for trips in daily])
    for m, mode in enumerate(MODES):
        if mode in DRIVEN:
            found[m] += region.through(daily[m], settled.through)
    return found


def _bicycles(streets: Streets, settled: Settled) -> Floats:
    """Bicycles on each link in the morning peak hour, each on a shortest way [veh/h]."""
    from dothi.traffic.assignment import equilibrium
    from dothi.traffic.demand import in_hours
    from dothi.traffic.habits import share_of
    from dothi.traffic.roads import roads_for

    region, graph, habits = streets.region, streets.graph, streets.habits
    peak, m = habits.peak, MODES.index("bicycle")
    demand = np.zeros((len(region.terminals),) * 2)
    for purpose, trips in settled.trips.persons.items():
        demand += region.at_terminals(in_hours(trips[m], *share_of(habits, purpose, peak.hours)))
    flows = np.zeros(len(graph.tail))
    speed = np.full(len(graph.tail), habits.data["speeds"]["bicycle_km_h"] * M_S_PER_KM_H)
    roads = roads_for(graph, region.terminals, [graph.open_to["bicycle"]], speed)
    if len(roads.rows):
        found = equilibrium(roads.network, demand[None], [1.0], gap=BICYCLE_GAP)
        flows[roads.rows] = found.volumes_veh_h[0, : len(roads.rows)]
    return flows


def _diagnostics(
    streets: Streets, settled: Settled, hours: Mapping[Period, Any], od_trips: Floats, at_home: Floats
) -> dict[str, Any]:
    from dothi.traffic import report

    region, habits = streets.region, streets.habits
    z = region.n_zones
    inside = region.opportunities["residents"][:z].sum()
    own = at_home[:, :z]
    length = np.stack([report.finite(settled.metres[mode]) for mode in MODES])
    every = settled.trips.by_mode()
    total = od_trips.sum()
    return {
        "country": habits.country,
        "notes": list(region.notes),
        "residents": float(inside),
        "jobs": float(region.opportunities["jobs"][:z].sum()),
        "gateways": len(region.terminals.gateways),
        "surroundings": {name: float(values[z:].sum()) for name, values in region.opportunities.items()},
        "trips_day": float(total),
        "trips_within": float(od_trips[:, :z, :z].sum()),
        "trips_out": float(od_trips[:, :z, z:].sum()),
        "trips_in": float(od_trips[:, z:, :z].sum()),
        "trips_through": float(od_trips[:, z:, z:].sum()),
        "share_external": float(1.0 - od_trips[:, :z, :z].sum() / total) if total else 0.0,
        "trips_per_resident": sum(habits.rates.values()),
        "home_trips_per_resident": float(own.sum() / inside) if inside else 0.0,
        "mean_trip_of_residents_m": float((own * length[:, :z]).sum() / own.sum()) if own.sum() else 0.0,
        "mean_trip_of_region_m": float((every * length).sum() / every.sum()) if every.sum() else 0.0,
        "shares_of_residents": _shares(own),
        "shares_of_region": _shares(every),
        "target_shares": habits.numbers("shares"),
        "target_mean_m": habits.numbers("distribution", "mean_m"),
        "mean_m": {
            purpose: float((trips * length).sum() / trips.sum()) if trips.sum() else 0.0
            for purpose, trips in settled.trips.persons.items()
        },
        "vehicles": report.vehicle_totals(streets, hours),
        "equilibria": report.equilibrium_numbers(settled.equilibria, settled.demand),
        "furness": {
            name: {
                "iterations": b.iterations,
                "residual": b.residual,
                "unplaced": b.unplaced,
                "attraction_scale": b.scale,
            }
            for name, b in {**settled.trips.balances, "goods": settled.trucks}.items()
        },
        "feedback_residuals": list(settled.residuals),
        "coefficients": {
            "mode_constants": dict(zip(MODES, map(float, settled.fitted.coefficients.constants), strict=True)),
            "deterrence_min": dict(settled.fitted.coefficients.beta_min),
            "calibrated": bool(settled.fitted.rounds),
            "calibration_rounds": settled.fitted.rounds,
        },
        "sources": habits.sources(),
    }


def _shares(trips: Floats) -> dict[str, float]:
    total = trips.sum()
    return {mode: float(trips[m].sum() / total) if total else 0.0 for m, mode in enumerate(MODES)}
