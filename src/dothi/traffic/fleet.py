"""Vehicles by fuel, and where rules keep some of them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi.shapes import Floats, Mask
from dothi.traffic.habits import Habits, Period
from dothi.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from dothi.city import City

ANY: Final = "any"
PERSONAL: Final = ("car", "motorbike")


@dataclass(frozen=True, slots=True)
class Vehicles:
    """
    Vehicles of one mode that the rules treat alike.

    Attributes
    ----------
    mode
        Mode.
    fuel
        Fuel; ``any`` where no rule tells them apart.
    share : (n_places,)
        Share of the vehicles of the mode, by where their owners live.
    """

    mode: str
    fuel: str
    share: Floats

    @property
    def name(self) -> str:
        """Mode and fuel."""
        return self.mode if self.fuel == ANY else f"{self.mode} {self.fuel}"


def fleet(city: City, habits: Habits, mode: str, electric: Floats) -> list[Vehicles]:
    """
    Vehicles of a mode, told apart by fuel where a rule of the city does so.

    Parameters
    ----------
    city
        The city.
    habits
        Data of the country.
    mode
        Mode.
    electric : (n_places,)
        Share of its vehicles that are electric, by place; NaN where as in the country.
    """
    rules = city["restrictions"]
    told = {str(fuel) for kind, fuel in zip(rules["mode"], rules["fuel"], strict=True) if kind == mode} - {ANY}
    if not told:
        return [Vehicles(mode, ANY, np.ones(len(electric)))]
    usual = {fuel: float(share) for fuel, share in habits.vehicles["fuels"][mode].items()}
    known = np.where(np.isnan(electric), usual.get("electric", 0.0), electric)
    burning = 1.0 - usual.get("electric", 0.0)
    found = [Vehicles(mode, fuel, (1.0 - known) * usual[fuel] / burning) for fuel in sorted(told & set(usual))]
    rest = 1.0 - sum((vehicles.share for vehicles in found), np.zeros(len(electric)))
    return [*found, Vehicles(mode, "other", rest)]


def electric_shares(city: City, mode: str, zone: Any, n_zones: int, n_places: int) -> Floats:
    """Share of the vehicles of a mode that measures of buildings make electric, by place; NaN where none is known."""
    shares = np.full(n_places, np.nan)
    column = f"electric_{mode}_share"
    measures, buildings = city["building_measures"], city["buildings"]
    if column not in measures or measures[column].isna().all():
        return shares
    row = buildings.index.get_indexer(measures["building_id"])
    value = measures[column].to_numpy(dtype=float, na_value=np.nan)
    known = (row >= 0) & np.isfinite(value)
    people = np.nan_to_num(buildings["residents"].to_numpy(dtype=float, na_value=0.0))
    everybody = np.bincount(zone, people, n_zones)
    covered = np.bincount(zone[row[known]], people[row[known]], n_zones)
    given = np.bincount(zone[row[known]], (people[row] * np.nan_to_num(value))[known], n_zones)
    whole = (covered > 0.0) & (covered >= everybody - 0.5)
    shares[:n_zones] = np.where(whole, given / np.maximum(covered, 1e-9), np.nan)
    return shares


def closed_to(city: City, links: Any, vehicles: Vehicles, period: Period) -> Mask:
    """Links that rules of a period of the day keep vehicles out of: those whose middle lies in the area."""
    rules = city["restrictions"]
    closed = np.zeros(len(links), dtype=bool)
    middle = None
    for area, mode, fuel, from_s, to_s in zip(
        rules.geometry if len(rules) else (), rules["mode"], rules["fuel"], rules["from_s"], rules["to_s"], strict=True
    ):
        if mode != vehicles.mode or fuel not in (ANY, vehicles.fuel) or not _holds(from_s, to_s, period):
            continue
        if middle is None:
            middle = shapely.line_interpolate_point(
                np.asarray(links.geometry.array, dtype=object), 0.5, normalized=True
            )
        shapely.prepare(area)
        closed |= shapely.intersects(area, middle)
    return closed


def _holds(from_s: Any, to_s: Any, period: Period) -> bool:
    """Whether a rule holds in at least half of the hours of a period."""
    if from_s != from_s or to_s != to_s:  # missing: at any hour
        return True
    inside = 0
    for hour in period.hours:
        middle = (hour + 0.5) * SECONDS_PER_HOUR
        inside += from_s <= middle < to_s if from_s <= to_s else middle >= from_s or middle < to_s
    return 2 * inside >= len(period.hours)
