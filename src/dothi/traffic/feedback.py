"""Demand and traffic until they agree: trips at the times that they make themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dothi.shapes import Floats, Mask
from dothi.traffic.assignment import Equilibrium, equilibrium
from dothi.traffic.costs import ON_STREET_M_S, Ways, driven_minutes, parking_minutes
from dothi.traffic.demand import Balanced
from dothi.traffic.fleet import Vehicles
from dothi.traffic.habits import MODES, PURPOSES, Habits, Period
from dothi.traffic.paths import skims
from dothi.traffic.region import Region
from dothi.traffic.roads import Around, Graph, Roads, roads_for
from dothi.traffic.travel import (
    Coefficients,
    Fitted,
    Segment,
    Travel,
    fit,
    goods,
    through_share,
    travel,
    trucks_of,
    vehicles_of,
)
from dothi.units import M_S_PER_KM_H, SECONDS_PER_MINUTE

STEPS: Final = (0.1, 1.0)
"""Least and greatest step towards the new times."""
FIRST_STEP: Final = 0.5


@dataclass(frozen=True, slots=True)
class Streets:
    """
    Roads of each period, which differ by the rules that hold in it.

    Attributes
    ----------
    graph
        The city.
    region
        Places.
    classes
        Classes of vehicles that share the roads; trucks are the last.
    closed
        Gives the links that rules keep a class out of in a period.
    buses
        Gives the buses on each link in the mean hour of a period [veh/h].
    """

    graph: Graph
    region: Region
    classes: tuple[Vehicles, ...]
    closed: Callable[[Vehicles, Period], Mask]
    buses: Callable[[Period], Floats]
    _made: dict[str, Roads] = field(default_factory=dict, compare=False)

    @property
    def habits(self) -> Habits:
        """How people travel."""
        return self.region.habits

    @property
    def pcu(self) -> Floats:
        """Passenger-car units of a vehicle of each class."""
        return np.array([self.habits.pcu(vehicles.mode) for vehicles in self.classes])

    @property
    def filtering(self) -> Floats | None:
        """Share of the delay that each class meets; None where all of it."""
        given = self.habits.vehicles["filtering"]
        shares = np.array([float(given.get(vehicles.mode, 1.0)) for vehicles in self.classes])
        return None if (shares == 1.0).all() else shares

    def roads(self, period: Period) -> Roads:
        """Network of a period."""
        if period.name not in self._made:
            delay, outside = self.habits.data["delay"], self.habits.data["surroundings"]
            self._made[period.name] = roads_for(
                self.graph,
                self.region.terminals,
                [self.graph.open_to[vehicles.mode] for vehicles in self.classes],
                self.graph.speed_m_s,
                closed=[self.closed(vehicles, period) for vehicles in self.classes],
                delay=(delay["alpha"], delay["beta"]),
                background_pcu_h=self.habits.pcu("bus") * self.buses(period),
                around=Around(
                    outside["around_detour"],
                    outside["around_km_h"] * M_S_PER_KM_H,
                    outside["around_min"] * SECONDS_PER_MINUTE,
                ),
            )
        return self._made[period.name]

    def assign(self, period: Period, demand: Floats, gap: float, warm: Equilibrium | None) -> Equilibrium:
        """Equilibrium of the demand of a period."""
        return equilibrium(self.roads(period).network, demand, self.pcu, gap=gap, warm=warm, filtering=self.filtering)

    def ways(self, period: Period, at: Equilibrium | None) -> tuple[Floats, Floats]:
        """Time [s] and length [m] between terminals, by class: on empty roads, or in an equilibrium."""
        roads = self.roads(period)
        times = roads.network.free_time_s if at is None else at
        found = skims(roads.network, times, link_values={"length_m": roads.length_m})
        return roads.within(found["time_s"]), roads.within(found["length_m"])


@dataclass(frozen=True, slots=True)
class Settled:
    """
    Demand and traffic that agree.

    Attributes
    ----------
    trips
        Trips of a day.
    trucks
        Trips of trucks of a day.
    through
        By class of vehicles, share of the trips between two places outside that pass through the city.
    equilibria
        By period, that of its demand.
    demand
        By period, vehicles between terminals by class [veh/h].
    seconds
        By period, time between terminals by class that demand was made for [s].
    metres
        Length by mode between places [m].
    commute_s : (n,)
        Mean duration of the way to work of the residents of each place, by the modes they take [s].
    fitted
        Coefficients, and what they were fitted to where they were.
    residuals
        Of each round, how far times were from those that demand was made for, as a share.
    """

    trips: Travel
    trucks: Balanced
    through: Mapping[str, Floats]
    equilibria: dict[str, Equilibrium]
    demand: dict[str, Floats]
    seconds: dict[str, Floats]
    metres: dict[str, Floats]
    commute_s: Floats
    fitted: Fitted
    residuals: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """
    How demand and traffic are brought to agree.

    Attributes
    ----------
    streets
        Roads.
    ways
        Ways without a motor.
    people
        People by what they have at hand.
    coefficients
        Coefficients of distribution and choice.
    gap
        Relative gap of equilibria.
    tolerance
        Residual of times at which to stop.
    most
        Rounds after which to stop in any case.
    calibrate
        Whether to fit the coefficients first, at the times of the first round.
    """

    streets: Streets
    ways: Ways
    people: Sequence[Segment]
    coefficients: Coefficients
    gap: float
    tolerance: float
    most: int
    calibrate: bool = False

    def settle(self, peak: Period, base: Period) -> Settled:
        """
        Move times of the peak hour, and of the period that stands for the rest of the day, until demand agrees.

        A round makes demand at given times, brings each of the two periods into equilibrium, and moves the given times
        towards those that come out. How far is what would have made the last step end where both agree (the shorter
        step of [1]_ for the fixed point), within `STEPS`; with successive averages the first times weigh for long.

        References
        ----------
        .. [1] J. Barzilai and J. M. Borwein, "Two-Point Step Size Gradient Methods", IMA Journal of Numerical Analysis
           8(1), 1988, 141-148, https://doi.org/10.1093/imanum/8.1.141
        """
        used: dict[str, Floats] = {}
        before: tuple[dict[str, Floats], dict[str, Floats]] | None = None
        metres: Floats | None = None
        for period in (peak, base):
            used[period.name], metres = self.streets.ways(period, None)
        assert metres is not None  # noqa: S101 - two periods
        residuals: list[float] = []
        found: dict[str, Equilibrium] = {}
        fitted = Fitted(self.coefficients)
        for done in range(1, self.most + 1):
            minutes = self._minutes(used, metres, peak, base)
            lengths = self._lengths(metres)
            if self.calibrate:
                fitted = fit(self.streets.region, minutes, lengths, self.people, fitted.coefficients)
            trips = travel(self.streets.region, minutes, self.people, fitted.coefficients)
            trucks, through = self._trucks_and_through(used, base)
            demand, new = {}, {}
            for period in (peak, base):
                demand[period.name] = self._demand(trips, trucks, through, period)
                found[period.name] = self.streets.assign(
                    period, demand[period.name], self.gap, found.get(period.name, found.get(peak.name))
                )
                new[period.name], metres = self.streets.ways(period, found[period.name])
            residuals.append(_residual(used, new, demand))
            if residuals[-1] <= self.tolerance or done == self.most:
                break
            step = _step(before, used, new, demand)
            before = used, new
            used = {name: _towards(used[name], new[name], step) for name in used}
        commute = self._commute_s(trips, used[peak.name])
        return Settled(trips, trucks, through, found, demand, used, lengths, commute, fitted, tuple(residuals))

    def rest(self, settled: Settled, periods: Sequence[Period], peak: Period) -> None:
        """Bring the other periods of the day into equilibrium, each with its own demand."""
        for period in periods:
            if period.name not in settled.equilibria:
                demand = self._demand(settled.trips, settled.trucks, settled.through, period)
                settled.demand[period.name] = demand
                settled.equilibria[period.name] = self.streets.assign(
                    period, demand, self.gap, settled.equilibria[peak.name]
                )

    def _demand(self, trips: Travel, trucks: Balanced, through: Mapping[str, Floats], period: Period) -> Floats:
        region = self.streets.region
        kinds = self.streets.classes
        vehicles = [vehicles_of(region, trips, kind, period.hours, through[kind.name]) for kind in kinds[:-1]]
        return np.stack([*vehicles, trucks_of(region, trucks.trips, period.hours, through[kinds[-1].name])])

    def _trucks_and_through(self, used: Mapping[str, Floats], base: Period) -> tuple[Balanced, dict[str, Floats]]:
        region, truck = self.streets.region, used[base.name][-1]
        seconds = region.seconds(truck, "truck", ON_STREET_M_S)
        through = {
            vehicles.name: through_share(region, time)
            for vehicles, time in zip(self.streets.classes, used[base.name], strict=True)
        }
        return goods(region, seconds / SECONDS_PER_MINUTE), through

    def _lengths(self, metres: Floats) -> dict[str, Floats]:
        """Length by mode between places; the first class of each mode stands for it."""
        found = dict(self.ways.metres)
        for vehicles, length in reversed(list(zip(self.streets.classes, metres, strict=True))):
            found[vehicles.mode] = self.streets.region.metres(length)
        return found

    def _minutes(
        self, used: Mapping[str, Floats], metres: Floats, peak: Period, base: Period
    ) -> dict[str, dict[str, Floats]]:
        """Generalised minutes by purpose: of the peak for those who leave home in it, else of both ways in the base."""
        region = self.streets.region
        first: dict[str, Floats] = {}
        other: dict[str, Floats] = {}
        for c, vehicles in enumerate(self.streets.classes[:-1]):
            length = region.metres(metres[c])
            for period, into in ((peak, first), (base, other)):
                seconds = region.seconds(used[period.name][c], vehicles.mode, ON_STREET_M_S)
                into[vehicles.name] = driven_minutes(region, vehicles.mode, seconds, length)
            parking = parking_minutes(region, vehicles.mode)
            first[vehicles.name] = first[vehicles.name] + parking
            other[vehicles.name] = 0.5 * (other[vehicles.name] + other[vehicles.name].T) + parking
        found = {}
        for purpose in PURPOSES:
            weight = self._peak_weight(purpose, peak)
            driven = {name: weight * first[name] + (1.0 - weight) * other[name] for name in first}
            found[purpose] = {**self.ways.minutes, **driven}
        return found

    def _commute_s(self, trips: Travel, peak_s: Floats) -> Floats:
        """Mean duration of the way to work by home [s]; NaN where nobody goes."""
        region = self.streets.region
        seconds = dict(self.ways.seconds)
        for vehicles, between in reversed(list(zip(self.streets.classes[:-1], peak_s[:-1], strict=True))):
            terminal = SECONDS_PER_MINUTE * self.streets.habits.data["costs"][f"{vehicles.mode}_terminal_min"]
            seconds[vehicles.mode] = region.seconds(between, vehicles.mode, ON_STREET_M_S) + terminal
        work = trips.persons["work"]
        whole = sum(
            (work[m] * np.where(np.isfinite(seconds[mode]), seconds[mode], 0.0)).sum(axis=1)
            for m, mode in enumerate(MODES)
        )
        total = work.sum(axis=(0, 2))
        mean: Floats = np.divide(whole, total, out=np.full(len(region), np.nan), where=total > 0.0)
        return mean

    def _peak_weight(self, purpose: str, peak: Period) -> float:
        """Share of the trips of a purpose that leave in the part of the day in which the peak hour lies."""
        habits = self.streets.habits
        around = next(period for period in habits.periods if peak.from_h in period.hours)
        return float(habits.hours(purpose)[0][list(around.hours)].sum())


def _towards(used: Floats, new: Floats, step: float) -> Floats:
    both = np.isfinite(used) & np.isfinite(new)
    return np.where(both, np.where(both, used, 0.0) * (1.0 - step) + step * np.where(both, new, 0.0), new)


def _step(
    before: tuple[Mapping[str, Floats], Mapping[str, Floats]] | None,
    used: Mapping[str, Floats],
    new: Mapping[str, Floats],
    weight: Mapping[str, Floats],
) -> float:
    """Step towards the new times, from how the difference changed with the last step."""
    if before is None:
        return FIRST_STEP
    moved = turned = 0.0
    for name, vehicles in weight.items():
        step = _difference(used[name], before[0][name])
        change = _difference(new[name], used[name]) - _difference(before[1][name], before[0][name])
        moved -= float((vehicles * step * change).sum())
        turned += float((vehicles * change * change).sum())
    return float(np.clip(moved / turned, *STEPS)) if turned > 0.0 else 1.0


def _difference(one: Floats, other: Floats) -> Floats:
    both = np.isfinite(one) & np.isfinite(other)
    return np.where(both, np.where(both, one, 0.0) - np.where(both, other, 0.0), 0.0)


def _residual(used: Mapping[str, Floats], new: Mapping[str, Floats], demand: Mapping[str, Floats]) -> float:
    """Difference of times, weighted with the vehicles that meet them, as a share of the times."""
    off = whole = 0.0
    for name, vehicles in demand.items():
        off += float((vehicles * np.abs(_difference(new[name], used[name]))).sum())
        whole += float((vehicles * np.where(np.isfinite(used[name]), used[name], 0.0)).sum())
    return off / whole if whole > 0.0 else 0.0
