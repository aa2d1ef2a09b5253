"""Traffic of a working day: who travels where, when and how, and how it flows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from pydantic import Field

from dothi.model import Params, Result, StudyFile, columns_of, file_of
from dothi.schema import Column, Schema
from dothi.shapes import Floats
from dothi.traffic.habits import DRIVEN, MODES

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.traffic.feedback import Settled, Streets
    from dothi.traffic.habits import Habits, Period
    from dothi.traffic.region import Region
    from dothi.traffic.travel import Coefficients, Segment

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
    matrices: StudyFile = Field(
        default="", description="Open Matrix file of the study whose trips are taken instead of those of the model."
    )


def _volume(kind: str) -> Column:
    return Column("float", "veh h⁻¹", f"Flow of {kind} in the morning peak hour.", 0.0, missing=True)


def _day(description: str, *, maximum: float | None = None) -> Column:
    return Column("float", "", description, 0.0, maximum, missing=True)


_LINKS: Final[Schema] = {
    **{f"volume_{kind}_veh_h": _volume(f"{kind} traffic") for kind in (*MOTOR, "bicycle")},
    "volume_pcu_h": Column("float", "pcu h⁻¹", "Flow in passenger-car units, morning peak hour.", 0.0, missing=True),
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
    "mean_commute_s": Column("float", "s", "Mean duration of the way to work of its residents.", 0.0, missing=True),
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
        from dothi.traffic.outcome import given_outcome, modelled_outcome, result_of
        from dothi.traffic.region import region_of
        from dothi.traffic.report import terminal_ids

        habits = Habits.of(city.country)
        region = region_of(city, habits, open_to_outside=self.params.surroundings)
        streets, people = _streets_and_people(city, region)
        periods = (habits.peak, *habits.periods)
        if self.params.matrices:
            from dothi.traffic.given import read_given

            given = read_given(file_of(self.params.matrices), terminal_ids(city, region), periods)
            outcome = given_outcome(streets, given, periods, self.params.gap)
        else:
            outcome = modelled_outcome(streets, self._settled(city, streets, people))
        return result_of(city, streets, outcome)

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
