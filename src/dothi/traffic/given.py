"""Matrices that somebody gives instead of a model of demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.errors import Problems
from dothi.io.omx import Matrices, read_omx
from dothi.shapes import Floats
from dothi.traffic.fleet import Vehicles
from dothi.traffic.habits import DRIVEN, MODES, PURPOSES, Habits, Period, share_of

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOKUPS: Final = ("zone_id", "zone", "zones", "taz", "TAZ", "id")
VEHICLES: Final = (*DRIVEN, "truck")


@dataclass(frozen=True, slots=True)
class Given:
    """
    Matrices between terminals.

    Attributes
    ----------
    daily
        By mode, trips of people in a working day; ``truck``: trucks.
    hourly
        By kind of vehicle and period, vehicles in its mean hour [veh/h].
    notes
        What to know of them.
    """

    daily: Mapping[str, Floats]
    hourly: Mapping[tuple[str, str], Floats]
    notes: tuple[str, ...] = ()

    def vehicles(self, kind: str, period: Period, habits: Habits) -> Floats:
        """
        Vehicles in the mean hour of a period [veh/h]: the matrix of that hour where there is one, else of the day.

        A matrix of the day is spread over hours and turned into vehicles as trips of all purposes together are.
        """
        if (kind, period.name) in self.hourly:
            return self.hourly[kind, period.name]
        if kind not in self.daily:
            return np.zeros_like(next(iter((*self.daily.values(), *self.hourly.values()))))
        if kind == "truck":
            return np.asarray(sum(share_of(habits, "goods", period.hours)) * self.daily[kind])
        rates, occupancy = habits.rates, habits.data["occupancy"][kind]
        total = sum(rates.values())
        factor = sum(
            rates[purpose] / total * sum(share_of(habits, purpose, period.hours)) / occupancy[purpose]
            for purpose in PURPOSES
        )
        return np.asarray(factor * self.daily[kind])

    def by_mode(self) -> Floats:
        """Trips of people in a working day by mode; 0 where none is given."""
        shape = next(iter((*self.daily.values(), *self.hourly.values()))).shape
        return np.stack([self.daily.get(mode, np.zeros(shape)) for mode in MODES])


def read_given(path: Path, ids: Any, periods: Sequence[Period]) -> Given:
    """
    Read matrices from an Open Matrix file, and check all of it.

    Matrices are named by mode (``walk``, ``bicycle``, ``motorbike``, ``car``, ``transit``: trips of people in a working
    day; ``truck``: trucks) or by kind of vehicle and period (``car_peak``, ``truck_night``: vehicles per hour). Others
    are not looked at. A lookup ``zone_id`` says which zone a row is, −1 − id for a gateway; without one, rows are zones
    in their order.

    Parameters
    ----------
    path
        The file.
    ids : (n_terminals,)
        Ids of zones, then −1 − ids of gateways.
    periods
        Periods that hourly matrices may be of.

    Raises
    ------
    InputError
        Everything that is wrong with it.
    """
    found = read_omx(path)
    problems = Problems(str(path))
    notes: list[str] = []
    at = _rows(found, np.asarray(ids), problems, notes)
    hourly_names = {f"{kind}_{period.name}": (kind, period.name) for kind in VEHICLES for period in periods}
    daily: dict[str, Floats] = {}
    hourly: dict[tuple[str, str], Floats] = {}
    ignored = []
    for name, matrix in found.data.items():
        if name not in (*MODES, "truck", *hourly_names):
            ignored.append(name)
            continue
        _check(name, matrix, problems)
        if at is None:
            continue
        placed = np.zeros((len(ids), len(ids)))
        placed[np.ix_(at, at)] = np.nan_to_num(matrix)
        if name in hourly_names:
            hourly[hourly_names[name]] = placed
        else:
            daily[name] = placed
    if not any(name in (*VEHICLES, *hourly_names) for name in found.data):
        known = ", ".join((*VEHICLES, f"{VEHICLES[0]}_{periods[0].name}"))
        problems.error(f"has a matrix of vehicles ({known}, …)", table="data")
    problems.raise_errors()
    if ignored:
        notes.append(f"matrices not looked at: {', '.join(sorted(ignored))}")
    return Given(daily, hourly, tuple(notes))


def _rows(found: Matrices, ids: Any, problems: Problems, notes: list[str]) -> Any:
    """Terminal of each row; None where that cannot be said."""
    rows, columns = found.shape
    if rows != columns:
        problems.error("matrices are square", table="data")
        return None
    name = next((name for name in LOOKUPS if name in found.lookups), None)
    if name is None:
        n_zones = int((ids >= 0).sum())
        if rows not in (n_zones, len(ids)):
            rule = f"has a lookup zone_id, or a row for each of {n_zones} zones or {len(ids)} zones and gateways"
            problems.error(rule, table="lookup")
            return None
        return np.arange(rows)
    try:
        values = np.asarray(found.lookups[name]).astype(np.int64)
    except ValueError:
        problems.error("is whole numbers", table="lookup", column=name)
        return None
    order = {int(value): position for position, value in enumerate(ids)}
    unknown = [int(value) for value in values if int(value) not in order]
    if unknown:
        problems.error("is a zone of the city, or −1 less a gateway", table="lookup", column=name, rows=unknown)
    twice = np.unique(values[np.isin(values, np.unique(values)[np.unique(values, return_counts=True)[1] > 1])])
    if len(twice):
        problems.error("names a zone once", table="lookup", column=name, rows=twice)
    if unknown or len(twice):
        return None
    if len(values) < len(ids):
        notes.append(f"{len(ids) - len(values)} zones and gateways are in no matrix: nobody travels there")
    return np.array([order[int(value)] for value in values], dtype=np.int64)


def _check(name: str, matrix: Floats, problems: Problems) -> None:
    broken = ~np.isfinite(matrix) & ~np.isnan(matrix)
    if broken.any():
        problems.error("is finite", table="data", column=name, rows=map(tuple, np.argwhere(broken).tolist()))
    with np.errstate(invalid="ignore"):
        negative = matrix < 0.0
    if negative.any():
        problems.error("≥ 0", table="data", column=name, rows=map(tuple, np.argwhere(negative).tolist()))


def demand_of(given: Given, classes: Sequence[Vehicles], period: Period, habits: Habits) -> Floats:
    """Vehicles between terminals by class [veh/h]; classes of one mode by their mean share."""
    parts = []
    for vehicles in classes:
        share = float(vehicles.share.mean()) if len(vehicles.share) else 1.0
        parts.append(share * given.vehicles(vehicles.mode, period, habits))
    return np.stack(parts)
