"""From demand and equilibria to the result of a simulation of traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.model import Result
from dothi.shapes import Floats
from dothi.traffic import report
from dothi.traffic.assignment import Equilibrium, equilibrium
from dothi.traffic.demand import in_hours
from dothi.traffic.feedback import Settled, Streets
from dothi.traffic.given import Given, demand_of
from dothi.traffic.habits import DRIVEN, MODES, Period, share_of
from dothi.traffic.roads import roads_for
from dothi.units import M_S_PER_KM_H

if TYPE_CHECKING:
    from dothi.city import City

BICYCLE_GAP: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What a simulation comes to, whichever way demand came about.

    Attributes
    ----------
    equilibria
        By period.
    demand
        By period, vehicles between terminals by class [veh/h].
    od_trips : (n_modes, n_terminals, n_terminals)
        Trips of people in a working day.
    trucks : (n_terminals, n_terminals)
        Trips of trucks in a working day.
    bicycles : (n_terminals, n_terminals)
        Bicycles in the morning peak hour [veh/h].
    residents : (n_modes, n, n)
        Trips in a working day by home and other end, for shares and lengths by zone.
    metres
        By mode, length of these [m].
    commute_s : (n_zones,)
        Mean duration of the way to work by zone of home [s]; NaN where not known.
    numbers
        What the method says of itself.
    """

    equilibria: Mapping[str, Equilibrium]
    demand: Mapping[str, Floats]
    od_trips: Floats
    trucks: Floats
    bicycles: Floats
    residents: Floats
    metres: Mapping[str, Floats]
    commute_s: Floats
    numbers: Mapping[str, Any] = field(default_factory=dict)


def modelled_outcome(streets: Streets, settled: Settled) -> Outcome:
    """Outcome of demand that was modelled."""
    region, habits = streets.region, streets.habits
    m = MODES.index("bicycle")
    bicycles = np.zeros((len(region.terminals),) * 2)
    for purpose, trips in settled.trips.persons.items():
        bicycles += region.at_terminals(in_hours(trips[m], *share_of(habits, purpose, habits.peak.hours)))
    trucks = in_hours(settled.trucks.trips, 0.5, 0.5)
    return Outcome(
        settled.equilibria,
        settled.demand,
        _od_trips(streets, settled),
        region.at_terminals(trucks) + region.through(trucks, settled.through[streets.classes[-1].name]),
        bicycles,
        np.asarray(sum(settled.trips.persons[purpose] for purpose in report.HOME_BASED)),
        settled.metres,
        settled.commute_s[: region.n_zones],
        _modelled_numbers(streets, settled),
    )


def _od_trips(streets: Streets, settled: Settled) -> Floats:
    """Trips of people of a day between terminals by mode; trips through the city are made in cars and on motorbikes."""
    region, daily = streets.region, settled.trips.daily()
    first = {vehicles.mode: settled.through[vehicles.name] for vehicles in reversed(streets.classes)}
    found = np.stack([region.at_terminals(trips) for trips in daily])
    for m, mode in enumerate(MODES):
        if mode in DRIVEN:
            found[m] += region.through(daily[m], first[mode])
    return found


def _modelled_numbers(streets: Streets, settled: Settled) -> dict[str, Any]:
    region, habits = streets.region, streets.habits
    z = region.n_zones
    length = np.stack([report.finite(settled.metres[mode]) for mode in MODES])
    every = settled.trips.by_mode()
    coefficients = settled.fitted.coefficients
    return {
        "surroundings": {name: float(values[z:].sum()) for name, values in region.opportunities.items()},
        "trips_per_resident": sum(habits.rates.values()),
        "mean_trip_of_region_m": report.mean(every, length),
        "shares_of_region": report.shares(every),
        "target_shares": habits.numbers("shares"),
        "mean_m": {purpose: report.mean(trips, length) for purpose, trips in settled.trips.persons.items()},
        "target_mean_m": habits.numbers("distribution", "mean_m"),
        "furness": {
            name: {
                "iterations": balance.iterations,
                "residual": balance.residual,
                "unplaced": balance.unplaced,
                "attraction_scale": balance.scale,
            }
            for name, balance in {**settled.trips.balances, "goods": settled.trucks}.items()
        },
        "feedback_residuals": list(settled.residuals),
        "coefficients": {
            "mode_constants": dict(zip(MODES, map(float, coefficients.constants), strict=True)),
            "deterrence_min": dict(coefficients.beta_min),
            "calibration_rounds": settled.fitted.rounds,
        },
    }


def given_outcome(streets: Streets, given: Given, periods: Sequence[Period], gap: float) -> Outcome:
    """
    Outcome of matrices that were given: equilibria of each period, and nothing of demand.

    Parameters
    ----------
    streets
        Roads.
    given
        The matrices.
    periods
        The morning peak hour, then the periods of the day.
    gap
        Relative gap of equilibria.
    """
    habits = streets.habits
    peak = periods[0]
    demand: dict[str, Floats] = {}
    equilibria: dict[str, Equilibrium] = {}
    for period in periods:
        demand[period.name] = demand_of(given, streets.classes, period, habits)
        equilibria[period.name] = streets.assign(period, demand[period.name], gap, equilibria.get(peak.name))
    od_trips = given.by_mode()
    _, length = streets.ways(peak, equilibria[peak.name])
    rates = habits.rates
    total = sum(rates.values())
    at_peak = sum(rate / total * sum(share_of(habits, purpose, peak.hours)) for purpose, rate in rates.items())
    return Outcome(
        equilibria,
        demand,
        od_trips,
        given.daily.get("truck", np.zeros(od_trips.shape[1:])),
        at_peak * od_trips[MODES.index("bicycle")],
        od_trips,
        dict.fromkeys(MODES, length[0]),
        np.full(streets.region.n_zones, np.nan),
        {
            "notes": list(given.notes),
            "given_matrices": sorted((*given.daily, *("_".join(key) for key in given.hourly))),
        },
    )


def result_of(city: City, streets: Streets, outcome: Outcome) -> Result:
    """Result of a simulation."""
    region, habits = streets.region, streets.habits
    hours = {period: report.hour_of(streets, period, outcome.equilibria[period.name]) for period in habits.periods}
    at_peak = outcome.equilibria[habits.peak.name]
    peak = report.hour_of(streets, habits.peak, at_peak)
    ids = report.terminal_ids(city, region)
    kinds = [vehicles.name for vehicles in streets.classes]
    seconds, _ = streets.ways(habits.peak, at_peak)
    vehicles = outcome.demand[habits.peak.name]
    return Result(
        tables={
            "links": report.links_table(city, streets, peak, _bicycle_flows(streets, outcome.bicycles)),
            "link_flows": report.flows_table(city, streets, hours),
            "zones": report.zones_table(city, region, outcome.od_trips, outcome.residents, outcome.metres).assign(
                mean_commute_s=outcome.commute_s
            ),
            "gateways": report.gateways_table(city, region, outcome.od_trips, outcome.trucks),
        },
        fields={
            "od_trips": report.od_field(outcome.od_trips, MODES, ids, "", "Trips of people on a working day"),
            "od_peak_veh_h": report.od_field(vehicles, kinds, ids, "veh h⁻¹", "Vehicles in the morning peak hour"),
            "od_peak_time_s": report.od_field(seconds, kinds, ids, "s", "Time in the morning peak hour"),
        },
        diagnostics=_diagnostics(streets, outcome, hours),
    )


def _bicycle_flows(streets: Streets, demand: Floats) -> Floats:
    """Bicycles on each link, each on a shortest way [veh/h]."""
    graph, flows = streets.graph, np.zeros(len(streets.graph.tail))
    speed = np.full(len(flows), streets.habits.data["speeds"]["bicycle_km_h"] * M_S_PER_KM_H)
    roads = roads_for(graph, streets.region.terminals, [graph.open_to["bicycle"]], speed)
    if len(roads.rows) and demand.any():
        found = equilibrium(roads.network, demand[None], [1.0], gap=BICYCLE_GAP)
        flows[roads.rows] = found.volumes_veh_h[0, : len(roads.rows)]
    return flows


def _diagnostics(streets: Streets, outcome: Outcome, hours: Mapping[Period, report.Hour]) -> dict[str, Any]:
    region, od = streets.region, outcome.od_trips
    z = region.n_zones
    residents = float(region.opportunities["residents"][:z].sum())
    own = outcome.residents[:, :z]
    length = np.stack([report.finite(outcome.metres[mode]) for mode in MODES])[:, :z]
    total = float(od.sum())
    within = float(od[:, :z, :z].sum())
    numbers = {
        "country": streets.habits.country,
        "residents": residents,
        "jobs": float(region.opportunities["jobs"][:z].sum()),
        "zones": z,
        "gateways": len(region.terminals.gateways),
        "trips_day": total,
        "trips_within_day": within,
        "trips_out_day": float(od[:, :z, z:].sum()),
        "trips_in_day": float(od[:, z:, :z].sum()),
        "trips_through_day": float(od[:, z:, z:].sum()),
        "share_external": 1.0 - within / total if total else 0.0,
        "mean_trip_of_residents_m": report.mean(own, length),
        "shares_of_residents": report.shares(own),
        "vehicles": report.vehicle_totals(streets, hours),
        "equilibria": report.equilibrium_numbers(outcome.equilibria, outcome.demand),
        "unreachable_veh_h": float(sum(at.unreachable.demand_veh_h.sum() for at in outcome.equilibria.values())),
        "sources": streets.habits.sources(),
    }
    notes = [*region.notes, *outcome.numbers.get("notes", ())]
    return {**numbers, **outcome.numbers, "notes": notes}
