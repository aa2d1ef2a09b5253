"""What every building could make, does make, and uses of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from dothi.packed import unpacked
from dothi.pv.arrays import Arrays
from dothi.schema import Column, Schema
from dothi.shapes import Floats, Integers, Mask
from dothi.sky import Light
from dothi.units import WH_PER_KWH

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City
    from dothi.pv.offers import Offers

Singles = npt.NDArray[np.float32]
W_PER_KW: Final = 1000.0
MONEY: Final = "¤"
"""Unit of money: that of the country, which the diagnostics name."""


def _share(description: str) -> Column:
    return Column("float", "", description, 0.0, 1.0, missing=True)


def _kwp(description: str, *, missing: bool = False) -> Column:
    return Column("float", "kWp", description, 0.0, missing=missing)


def _kwh(description: str, *, missing: bool = False) -> Column:
    return Column("float", "kWh", description, 0.0, missing=missing)


def _money(description: str) -> Column:
    return Column("float", MONEY, description, missing=True)


BUILDINGS: Final[Schema] = {
    "pv_kwp": _kwp("Peak power of the modules that it has."),
    "pv_kwh": _kwh("Electricity of a year from the modules that it has."),
    "pv_used_share": _share("Part of this electricity that it uses itself."),
    "pv_cover_share": _share("Part of the electricity it uses that comes from the modules that it has."),
    "pv_roof_kwp": _kwp("Peak power of modules on all of its usable roof."),
    "pv_roof_kwh": _kwh("Electricity of a year from modules on all of its usable roof."),
    "pv_roof_used_share": _share("Part of the electricity of the whole usable roof that it would use itself."),
    "pv_roof_cover_share": _share("Part of the electricity it uses that the whole usable roof would cover."),
    "pv_facade_kwp": _kwp("Peak power of modules on all of its usable walls."),
    "pv_facade_kwh": _kwh("Electricity of a year from modules on all of its usable walls."),
    "pv_offer_kwp": _kwp("Peak power on the roof that is worth most.", missing=True),
    "pv_offer_kwh": _kwh("Electricity of a year from these modules.", missing=True),
    "pv_offer_used_share": _share("Part of the electricity of these modules that it would use itself."),
    "pv_offer_cover_share": _share("Part of the electricity it uses that these modules would cover."),
    "pv_offer_cost": _money("Price of these modules, premium taken off, in the money of the country."),
    "pv_offer_saving": _money("What they save and earn in the first year, in the money of the country."),
    "pv_offer_npv": _money("Net present value of them over their life, in the money of the country."),
    "pv_offer_lcoe": Column(
        "float", "¤ kWh⁻¹", "Levelised cost of their electricity, in the money of the country.", missing=True
    ),
    "pv_offer_payback_years": Column(
        "float", "", "Years until they have paid themselves back; missing where they do not.", 0.0, missing=True
    ),
}


class Use:
    """Sums of a year by building, put together some buildings at a time."""

    def __init__(self, city: City, arrays: Arrays, light: Light, efficiency_share: float) -> None:
        self.index = city["buildings"].index
        self.roof = arrays.roof
        self.peak_w: Floats = arrays.area_m2 * efficiency_share * W_PER_KW
        self.at: Integers = self.index.get_indexer(light.building_id)
        _, first = np.unique(light.surface_id, return_index=True)
        self.lit_m2 = float(light.lit_area_m2[first][arrays.roof[first]].sum())
        self.module_m2 = float(arrays.area_m2[arrays.roof].sum())
        roof_share, facade_share = (_measure(city, self.index, f"pv_{part}_share") for part in ("roof", "facade"))
        self.share: Floats = np.where(arrays.roof, roof_share[self.at], facade_share[self.at])
        self.installed_w: Floats = self.peak_w * self.share
        self.loads: Any = None
        if "building_loads" in city:
            self.loads = city["building_loads"]
        self.load_at = self._load_rows()
        self.found = {name: np.full(len(self.index), np.nan) for name in BUILDINGS}
        for name, column in BUILDINGS.items():
            if not column.missing:
                self.found[name][:] = 0.0

    def _load_rows(self) -> Integers:
        if self.loads is None:
            return np.full(len(self.index), -1)
        return np.asarray(self.loads.index.get_indexer(self.index))

    @property
    def has_modules(self) -> Mask:
        """Arrays that are there, wholly or in part."""
        return np.asarray(self.installed_w > 0.0)

    def chunks(self, size: int) -> Iterator[Integers]:
        """Positions of buildings with arrays, some at a time."""
        known = np.unique(self.at)
        for first in range(0, len(known), size):
            yield known[first : first + size]

    def arrays_of(self, buildings: Integers) -> Integers:
        """Arrays of some buildings."""
        return np.flatnonzero(np.isin(self.at, buildings))

    def take(self, buildings: Integers, rows: Integers, unit: Singles, offers: Offers) -> None:
        """
        Take in the hours of some buildings.

        Parameters
        ----------
        buildings
            Positions of the buildings, ascending.
        rows
            Their arrays.
        unit : (arrays, hours)
            Power for a watt of peak power.
        offers
            Where the worth of their roofs is reckoned.
        """
        roof, wall, there = (
            self._summed(buildings, rows, unit, peak)
            for peak in (self.peak_w * self.roof, self.peak_w * ~self.roof, self.installed_w)
        )
        load = self._load(buildings)
        kwp = {name: self._peak(buildings, rows, peak) for name, peak in self._peaks().items()}
        self._set(buildings, "pv_roof", kwp["roof"], roof)
        self._set(buildings, "pv_facade", kwp["facade"], wall)
        self._set(buildings, "pv", kwp["installed"], there)
        if load is None:
            return
        self._share(buildings, "pv_roof", load, roof)
        self._share(buildings, "pv", load, there)
        for name, values in offers.best(buildings, load, roof, kwp["roof"]).items():
            self.found[f"pv_offer_{name}"][buildings] = values

    def _peaks(self) -> dict[str, Floats]:
        return {"roof": self.peak_w * self.roof, "facade": self.peak_w * ~self.roof, "installed": self.installed_w}

    def _peak(self, buildings: Integers, rows: Integers, peak_w: Floats) -> Floats:
        at = np.searchsorted(buildings, self.at[rows])
        return np.asarray(np.bincount(at, weights=peak_w[rows], minlength=len(buildings)) / W_PER_KW)

    def _summed(self, buildings: Integers, rows: Integers, unit: Singles, peak_w: Floats) -> Singles:
        from dothi.pv.kernels import add_arrays

        out = np.zeros((len(buildings), unit.shape[1]), dtype=np.float32)
        some = peak_w[rows] > 0.0
        if some.any():
            at = np.searchsorted(buildings, self.at[rows[some]]).astype(np.int64)
            add_arrays(unit if some.all() else unit[some], peak_w[rows[some]], at, out)
        return out

    def _load(self, buildings: Integers) -> Singles | None:
        """Electricity that some buildings use, hour by hour; nothing where it is not known."""
        if self.loads is None:
            return None
        known = self.load_at[buildings] >= 0
        if not known.any():
            return None
        found: Any = unpacked(self.loads["electricity"].iloc[self.load_at[buildings[known]]], np.float32)
        load = np.zeros((len(buildings), found.shape[1]), dtype=np.float32)
        load[known] = found
        return load

    def _set(self, buildings: Integers, name: str, kwp: Floats, power: Singles) -> None:
        self.found[f"{name}_kwp"][buildings] = kwp
        self.found[f"{name}_kwh"][buildings] = power.sum(axis=1, dtype=np.float64) / WH_PER_KWH

    def _share(self, buildings: Integers, name: str, load: Singles, power: Singles) -> None:
        own = np.minimum(load, power).sum(axis=1, dtype=np.float64)
        made, used = power.sum(axis=1, dtype=np.float64), load.sum(axis=1, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            self.found[f"{name}_used_share"][buildings] = np.where(made > 0.0, own / made, np.nan)
            cover = np.where((used > 0.0) & (made > 0.0), own / used, np.nan)
            self.found[f"{name}_cover_share"][buildings] = cover

    def table(self) -> pd.DataFrame:
        """Values of all buildings."""
        import pandas as pd

        return pd.DataFrame(self.found, index=self.index)

    def diagnostics(self) -> dict[str, Any]:
        """Totals of the city."""
        total = {name: float(np.nansum(self.found[name])) for name in BUILDINGS if name.endswith(("_kwp", "_kwh"))}
        made = total["pv_roof_kwh"] / total["pv_roof_kwp"] if total["pv_roof_kwp"] else None
        return {
            "total": total,
            "roof_kwh_kwp": made,
            "roof_lit_m2": self.lit_m2,
            "roof_module_m2": self.module_m2,
            "arrays": {"roof": int(self.roof.sum()), "facade": int((~self.roof).sum())},
            "loads_known": int((self.load_at >= 0).sum()),
        }


def _measure(city: City, index: pd.Index, name: str) -> Floats:
    """Share of each building that a measure says; 0 where it says nothing."""
    measures = city["building_measures"]
    if name not in measures or not len(measures):
        return np.zeros(len(index))
    known = measures.set_index("building_id")[name].astype(float)
    found: Floats = np.nan_to_num(known.reindex(index).to_numpy(dtype=float))
    return found
