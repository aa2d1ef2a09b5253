"""Who goes where by which mode, at given costs: gravity by who has which vehicle at hand, and mode choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from dothi.shapes import Floats
from dothi.traffic.choice import Constants, calibrate_constants, nested_logit
from dothi.traffic.demand import (
    Balanced,
    Calibrated,
    attracted,
    calibrate_mean,
    exponential,
    furness,
    generated,
    in_hours,
)
from dothi.traffic.fleet import Vehicles
from dothi.traffic.habits import MODES, PURPOSES, share_of
from dothi.traffic.region import Region


@dataclass(frozen=True, slots=True)
class Coefficients:
    """
    What a calibration may change.

    Attributes
    ----------
    constants : (n_modes,)
        Constant of each mode.
    beta_min
        Deterrence by purpose [1/min].
    """

    constants: Floats
    beta_min: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Segment:
    """
    People who have the same vehicles at hand.

    Attributes
    ----------
    vehicles
        Of each mode with vehicles, those at hand; None for nobody's.
    share : (n_places,)
        Share of the people of each place.
    """

    vehicles: Mapping[str, Vehicles | None]
    share: Floats


def segments(
    fleets: Mapping[str, Sequence[Vehicles]], availability: Mapping[str, float], n_places: int
) -> list[Segment]:
    """People by what they have at hand; having one vehicle says nothing of having another."""
    found = []
    choices = [[None, *vehicles] for vehicles in fleets.values()]
    for owned in product(*choices):
        share = np.ones(n_places)
        for mode, vehicles in zip(fleets, owned, strict=True):
            have = availability[mode]
            share = share * ((1.0 - have) if vehicles is None else have * vehicles.share)
        if share.any():
            found.append(Segment(dict(zip(fleets, owned, strict=True)), share))
    return found


@dataclass(frozen=True, slots=True)
class Travel:
    """
    Trips of a working day between home, or where a trip begins, and the other end: both ways together.

    Attributes
    ----------
    persons
        By purpose, trips by mode and place: (n_modes, n, n).
    driven
        By purpose and name of vehicles, trips of people in them: (n, n).
    balances
        By purpose, how well row and column sums are met.
    """

    persons: Mapping[str, Floats]
    driven: Mapping[str, Mapping[str, Floats]]
    balances: Mapping[str, Balanced]

    def by_mode(self) -> Floats:
        """Trips of all purposes by mode and place, from home or where they begin."""
        return np.asarray(sum(self.persons.values()))

    def daily(self) -> Floats:
        """Trips of all purposes from where to where by mode: half of them go, half come back."""
        return np.asarray(sum(0.5 * (trips + trips.transpose(0, 2, 1)) for trips in self.persons.values()))


def travel(
    region: Region,
    minutes: Mapping[str, Mapping[str, Floats]],
    people: Sequence[Segment],
    coefficients: Coefficients,
    purposes: Sequence[str] = PURPOSES,
) -> Travel:
    r"""
    Trips at given costs.

    For each purpose, people of a place who have the same vehicles at hand choose among destinations by the
    satisfaction of all modes they can take, in minutes, :math:`c = -L / \theta`, and then among modes. Sums of places
    are kept for each kind of people, and those of destinations for all together.

    Parameters
    ----------
    region
        Places.
    minutes
        By purpose, generalised minutes by mode, and by name of vehicles: (n, n).
    people
        People by what they have at hand.
    coefficients
        Constants and deterrence.
    purposes
        Purposes to look at.
    """
    habits = region.habits
    produced = generated(habits.rates, region.opportunities["residents"])
    drawn = attracted(habits.tables("attraction"), region.opportunities)
    produced["nhb"] = drawn["nhb"] * produced["nhb"].sum() / max(drawn["nhb"].sum(), 1e-12)
    persons: dict[str, Floats] = {}
    driven, balances = {}, {}
    for purpose in purposes:
        sensitivity = habits.data["choice"]["sensitivity_min"][purpose]
        shares, costs = [], []
        for segment in people:
            utility = _utility(segment, minutes[purpose], coefficients.constants, sensitivity)
            share, logsum = nested_logit(utility, habits.nests)
            shares.append(share)
            costs.append(-logsum / sensitivity)
        rows = np.concatenate([produced[purpose] * segment.share for segment in people])
        near = exponential(np.concatenate(costs), coefficients.beta_min[purpose])
        balance = furness(rows, drawn[purpose], near)
        by_segment = balance.trips.reshape(len(people), len(region), len(region))
        persons[purpose] = np.asarray(sum(share * trips for share, trips in zip(shares, by_segment, strict=True)))
        driven[purpose] = _by_vehicle(people, shares, by_segment)
        balances[purpose] = replace(balance, trips=np.empty((0, 0)))
    return Travel(persons, driven, balances)


def _utility(segment: Segment, minutes: Mapping[str, Floats], constants: Floats, sensitivity: float) -> Floats:
    found = []
    for constant, mode in zip(constants, MODES, strict=True):
        if mode not in segment.vehicles:
            found.append(constant - sensitivity * minutes[mode])
        elif (vehicles := segment.vehicles[mode]) is None:
            found.append(np.full_like(minutes["walk"], -np.inf))
        else:
            found.append(constant - sensitivity * minutes[vehicles.name])
    return np.stack(found)


def _by_vehicle(people: Sequence[Segment], shares: Sequence[Floats], trips: Floats) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for segment, share, here in zip(people, shares, trips, strict=True):
        for mode, vehicles in segment.vehicles.items():
            if vehicles is not None:
                more = share[MODES.index(mode)] * here
                found[vehicles.name] = found[vehicles.name] + more if vehicles.name in found else more
    return found


@dataclass(frozen=True, slots=True)
class Fitted:
    """
    Coefficients that meet given mean lengths and shares.

    Attributes
    ----------
    coefficients
        The coefficients.
    lengths
        By purpose, what became of the deterrence.
    constants
        What became of the mode constants.
    rounds
        Rounds of one after the other.
    """

    coefficients: Coefficients
    lengths: Mapping[str, Calibrated] = field(default_factory=dict)
    constants: Constants | None = None
    rounds: int = 0


def fit(
    region: Region,
    minutes: Mapping[str, Mapping[str, Floats]],
    metres: Mapping[str, Floats],
    people: Sequence[Segment],
    start: Coefficients,
    *,
    most_rounds: int = 8,
    tolerance: float = 1e-3,
) -> Fitted:
    """
    Coefficients for which mean lengths and mode shares are those that `place` has as targets.

    Deterrence by purpose and mode constants are found by turns, as each moves the other.

    Parameters
    ----------
    region, minutes, people
        As in `travel`.
    metres
        Length by mode: (n, n).
    start
        Coefficients to begin with.
    most_rounds
        Rounds after which to stop in any case.
    tolerance
        Largest difference of a share after a round of lengths at which to stop.
    """
    habits = region.habits
    wanted = habits.tables("distribution")["mean_m"]
    target = [habits.data["shares"][mode] for mode in MODES]
    length = np.stack([np.where(np.isfinite(metres[mode]), metres[mode], 0.0) for mode in MODES])
    at = start
    fitted = Fitted(start)
    for done in range(1, most_rounds + 1):
        lengths = {}
        for purpose in PURPOSES:

            def mean_of(beta: float, purpose: str = purpose, at: Coefficients = at) -> float:
                tried = Coefficients(at.constants, {**at.beta_min, purpose: beta})
                trips = travel(region, minutes, people, tried, (purpose,)).persons[purpose]
                return float((trips * length).sum() / trips.sum())

            lengths[purpose] = calibrate_mean(mean_of, wanted[purpose], at.beta_min[purpose])
        at = Coefficients(at.constants, {purpose: found.value for purpose, found in lengths.items()})

        def shares_of(constants: Floats, at: Coefficients = at) -> Floats:
            trips = travel(region, minutes, people, Coefficients(constants, at.beta_min)).by_mode().sum(axis=(1, 2))
            return np.asarray(trips / trips.sum())

        before = shares_of(at.constants)
        constants = calibrate_constants(shares_of, target, at.constants)
        at = Coefficients(constants.values, at.beta_min)
        fitted = Fitted(at, lengths, constants, done)
        if np.abs(before - constants.shares).max() <= tolerance:
            break
    return fitted


def vehicles_of(region: Region, trips: Travel, vehicles: Vehicles, hours: tuple[int, ...], through: Floats) -> Floats:
    """
    Vehicles between terminals in the mean hour of some hours [veh/h].

    Parameters
    ----------
    region
        Places.
    trips
        Trips of a day.
    vehicles
        Which vehicles.
    hours
        Hours of the day.
    through : (n, n)
        Share of the trips between two places outside that pass through the city.
    """
    occupancy = region.habits.data["occupancy"][vehicles.mode]
    total: Any = 0.0
    for purpose, driven in trips.driven.items():
        if vehicles.name in driven:
            out, back = share_of(region.habits, purpose, hours)
            total = total + in_hours(driven[vehicles.name], out, back) / occupancy[purpose]
    if np.ndim(total) == 0:
        return np.zeros((len(region.terminals),) * 2)
    return region.at_terminals(total) + region.through(total, through)


def trucks_of(region: Region, daily: Floats, hours: tuple[int, ...], through: Floats) -> Floats:
    """Trucks between terminals in the mean hour of some hours [veh/h]; as `vehicles_of`."""
    out, back = share_of(region.habits, "goods", hours)
    total = in_hours(daily, out, back)
    return region.at_terminals(total) + region.through(total, through)


def goods(region: Region, minutes: Floats) -> Balanced:
    """Trips of trucks of a working day between places: from jobs to jobs."""
    given = region.habits.data["goods"]
    jobs = given["trips_per_job"] * region.opportunities["jobs"]
    return furness(jobs, jobs, exponential(minutes, given["deterrence_min"]))


def through_share(region: Region, via_s: Floats) -> Floats:
    r"""
    Share of the trips between two places outside that pass through the city.

    A logit between the way through, at the times on the network, and the way around, on straight distance, detour and
    speed of the surroundings.

    Parameters
    ----------
    region
        Places.
    via_s : (n_terminals, n_terminals)
        Time between terminals [s].
    """
    given = region.habits.data["surroundings"]
    speed = region.outside_m_s("car")
    extra = region.beyond_m / speed
    via = via_s[region.terminal[:, None], region.terminal] + extra[:, None] + extra
    around = given["around_detour"] * region.straight_m / (given["around_km_h"] / 3.6)
    apart = region.terminal[:, None] != region.terminal
    eligible = region.both_outside & apart & np.isfinite(via)
    gain = np.where(eligible, np.clip((np.where(eligible, via, 0.0) - around) / 60.0, -200.0, 200.0), 0.0)
    return np.where(eligible, 1.0 / (1.0 + np.exp(given["around_sensitivity_min"] * gain)), 0.0)
