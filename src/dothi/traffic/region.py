"""The city and its surroundings as places between which people travel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from dothi.shapes import Floats, Integers, Mask
from dothi.traffic.gateways import Surroundings, find_gateways, no_gateways, surroundings
from dothi.traffic.habits import Habits
from dothi.traffic.roads import DETOUR, Terminals
from dothi.traffic.zones import centres, opportunities
from dothi.units import M_S_PER_KM_H

if TYPE_CHECKING:
    from dothi.city import City

WITHIN: Final = 0.52
"""Mean distance of two points of a square of side 1 (0.5214)."""


@dataclass(frozen=True)
class Region:
    """
    Places of demand: the zones of the city, then those beyond its gateways.

    Attributes
    ----------
    terminals
        Where trips enter and leave networks.
    beyond
        Places beyond the gateways.
    opportunities
        What draws trips to each place.
    habits
        How people travel.
    notes
        What had to be assumed.
    """

    terminals: Terminals
    beyond: Surroundings
    opportunities: Mapping[str, Floats]
    habits: Habits
    notes: tuple[str, ...] = field(default=())

    @property
    def n_zones(self) -> int:
        """Zones inside."""
        return self.terminals.n_zones

    def __len__(self) -> int:
        return self.n_zones + len(self.beyond)

    @cached_property
    def terminal(self) -> Integers:
        """Terminal through which each place reaches the networks."""
        return np.concatenate([np.arange(self.n_zones), self.n_zones + self.beyond.gateway])

    @cached_property
    def outside(self) -> Mask:
        """Whether each place lies outside."""
        return np.arange(len(self)) >= self.n_zones

    @cached_property
    def both_outside(self) -> Mask:
        """Whether both ends of a trip lie outside."""
        return self.outside[:, None] & self.outside

    @cached_property
    def beyond_m(self) -> Floats:
        """Way from the gateway to each place [m]; 0 inside."""
        detour = self.habits.data["surroundings"]["detour"]
        return np.concatenate([np.zeros(self.n_zones), detour * self.beyond.beyond_m])

    @cached_property
    def straight_m(self) -> Floats:
        """Straight distance between places; within a place, that of two of its points [m]."""
        xy = np.concatenate([self.terminals.centre, self.beyond.xy])
        apart: Floats = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
        near = self.habits.data["surroundings"]["within_m"]
        within = np.concatenate([WITHIN * self.terminals.size_m, np.minimum(WITHIN * self.beyond.width_m, near)])
        np.fill_diagonal(apart, within)
        return apart

    def outside_m_s(self, mode: str) -> float:
        """Speed beyond the gateways [m/s]."""
        return float(self.habits.data["surroundings"]["speed_km_h"][mode]) * M_S_PER_KM_H

    def metres(self, between: Floats) -> Floats:
        """
        Length of trips between places [m].

        Parameters
        ----------
        between : (n_terminals, n_terminals)
            Length between terminals [m].
        """
        return self._joined(between, 1.0, self.habits.data["surroundings"]["around_detour"] * self.straight_m)

    def seconds(self, between: Floats, mode: str, within_m_s: float) -> Floats:
        """
        Duration of trips between places [s].

        Parameters
        ----------
        between : (n_terminals, n_terminals)
            Duration between terminals [s].
        mode
            Mode, for the speed outside.
        within_m_s
            Speed of trips within a zone [m/s].
        """
        speed = self.outside_m_s(mode)
        found = self._joined(
            between, speed, self.habits.data["surroundings"]["around_detour"] * self.straight_m / speed
        )
        inside = np.arange(self.n_zones)
        known = np.isfinite(found[inside, inside])
        within = DETOUR * self.straight_m[inside, inside] / within_m_s
        found[inside[known], inside[known]] = within[known]
        return found

    def _joined(self, between: Floats, speed: float, around: Floats) -> Floats:
        """Values between terminals with what comes on top outside; between two places outside, those around."""
        extra = self.beyond_m / speed
        found = between[self.terminal[:, None], self.terminal] + extra[:, None] + extra
        inside = np.arange(self.n_zones)
        found[inside, inside] = np.where(
            np.isfinite(found[inside, inside]), DETOUR * self.straight_m[inside, inside] / speed, np.inf
        )
        return np.where(self.both_outside, around, found)

    def at_terminals(self, trips: Floats) -> Floats:
        """Trips between places as trips between terminals; those between two places outside are left out."""
        return self._gathered(np.where(self.both_outside, 0.0, trips))

    def through(self, trips: Floats, share: Floats) -> Floats:
        """Trips between two places outside that pass through the city, between terminals."""
        return self._gathered(np.where(self.both_outside, trips * share, 0.0))

    def _gathered(self, trips: Floats) -> Floats:
        n = len(self.terminals)
        rows = np.zeros((n, len(self)))
        np.add.at(rows, self.terminal, trips)
        found = np.zeros((n, n))
        np.add.at(found.T, self.terminal, rows.T)
        return found


def region_of(city: City, habits: Habits, *, open_to_outside: bool = True) -> Region:
    """
    Places of demand of a city.

    Parameters
    ----------
    city
        The city.
    habits
        How people travel.
    open_to_outside
        Whether people come from and go to places beyond the roads that leave the city.
    """
    inside, notes = opportunities(city, habits)
    centre = centres(city)
    size = np.sqrt(city["zones"].geometry.area.to_numpy())
    gateways = find_gateways(city) if open_to_outside else no_gateways()
    beyond = surroundings(city, gateways, inside, habits)
    if open_to_outside and not len(gateways):
        notes.append("no greater road leaves the box: nobody comes from outside")
    together = {name: np.concatenate([values, beyond.opportunities[name]]) for name, values in inside.items()}
    return Region(Terminals(centre, size, gateways), beyond, together, habits, tuple(notes))
