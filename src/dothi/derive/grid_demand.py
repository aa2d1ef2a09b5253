"""What the electricity grid of a city is laid out for: power and customers of every building."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from dothi.shapes import Floats

if TYPE_CHECKING:
    import geopandas as gpd

Numbers = TypeVar("Numbers", float, Floats)


@dataclass(frozen=True, slots=True)
class Coincidence:
    """
    Power that dwellings and firms take together.

    Attributes
    ----------
    dwelling_kva
        Power of one dwelling [kVA].
    limit
        Share of it that each of very many takes at their common peak.
    between_kinds
        Share of the peak of firms at the peak of all.
    """

    dwelling_kva: float
    limit: float
    between_kinds: float

    @classmethod
    def of(cls, demand: Mapping[str, Any]) -> Coincidence:
        """As the data of a country have it."""
        return cls(demand["dwelling_kva"], demand["coincidence_limit"], demand["between_kinds"])

    def kva(self, dwellings: Numbers, firms_kva: Numbers) -> Numbers:
        """
        Peak of so many dwellings and of firms together [kVA].

        That of n dwellings is n P (g + (1 − g) n^(−1/2)), Rusck's form. Where there are only firms it is theirs.
        """
        n = np.maximum(dwellings, 1.0)
        homes = dwellings * self.dwelling_kva * (self.limit + (1.0 - self.limit) / np.sqrt(n))
        both = np.where(np.asarray(dwellings) > 0.0, self.between_kinds, 1.0) * firms_kva + homes
        found: Numbers = np.maximum(both, np.maximum(homes, firms_kva))
        return found


@dataclass(frozen=True, slots=True)
class Demand:
    """
    What buildings ask of the grid.

    Attributes
    ----------
    dwellings : (n,)
        Dwellings.
    firms_kva : (n,)
        Peak of everything else [kVA].
    kva : (n,)
        Peak of the building [kVA].
    customers : (n,)
        Customers: dwellings and firms.
    medium : (n,)
        Whether it takes medium voltage.
    """

    dwellings: Floats
    firms_kva: Floats
    kva: Floats
    customers: Floats
    medium: Any


def demand_of(buildings: gpd.GeoDataFrame, demand: Mapping[str, Any]) -> Demand:
    """
    What buildings ask of the grid, by their dwellings, floor area and function.

    Garages, sheds and other buildings without dwellings and jobs whose function asks for nothing are left out.

    Parameters
    ----------
    buildings
        Buildings.
    demand
        Section ``demand`` of the data of a country.
    """
    dwellings, jobs, area, storeys = (
        np.nan_to_num(buildings[name].to_numpy(dtype=float, na_value=0.0))
        for name in ("dwellings", "jobs", "floor_area_m2", "storeys")
    )
    function = buildings["function"].astype("str").to_numpy()
    by_function: Mapping[str, float] = demand["va_m2"]
    density = np.array([by_function.get(name, 0.0) for name in function], dtype=float)
    used = np.where(function == "mixed", area / np.maximum(storeys, 1.0), area)  # shops are on one floor
    firms = density * used / 1e3
    firms[(dwellings > 0.0) & ~np.isin(function, ["mixed"])] = 0.0
    places = np.where(firms > 0.0, np.maximum(np.ceil(jobs / demand["jobs_per_customer"]), 1.0), 0.0)
    kva = Coincidence.of(demand).kva(dwellings, firms)
    medium = (dwellings == 0.0) & (firms >= demand["medium_voltage_kva"])
    return Demand(dwellings, firms, kva, dwellings + places, medium)
