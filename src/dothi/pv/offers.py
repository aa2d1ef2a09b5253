"""Which size of installation on its roof is worth most to a building."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from dothi.place import tariffs
from dothi.pv.economy import Worth, finance_of, monthly_kwh, saved, sold, worth
from dothi.shapes import Floats, Integers
from dothi.units import WH_PER_KWH

if TYPE_CHECKING:
    from dothi.city import City

Singles = npt.NDArray[np.float32]

SIZES: Final = (0.2, 0.4, 0.6, 0.8, 1.0, 1.5)
"""Sizes that are tried: electricity of a year over what the building uses; none larger than the roof."""
LEAST_KWP: Final = 1.0
"""Installations below this are not looked at [kWp]."""
W_PER_KW: Final = 1000.0
NAMES: Final = ("kwp", "kwh", "used_share", "cover_share", "cost", "saving", "npv", "lcoe", "payback_years")


class Terms(Protocol):
    """Parameters that money depends on."""

    tariff: str
    surplus: str
    discount_share: float | None
    life_years: int | None


class Offers:
    """Worth of installations of several sizes, and the best of them."""

    def __init__(self, city: City, terms: Terms) -> None:
        import pandas as pd

        self.country = city.country
        self.rule = tariffs.surplus_in_force(city.country, name=terms.surplus)
        self.finance = finance_of(city.country)
        if terms.discount_share is not None:
            self.finance = replace(self.finance, discount_share=terms.discount_share)
        if terms.life_years is not None:
            self.finance = replace(self.finance, life_years=terms.life_years)
        buildings = city["buildings"]
        function = buildings["function"].astype("object").fillna("other")
        kinds = {name: tariffs.customer_of(city.country, name) for name in function.unique()}
        self.customer = function.map(kinds).to_numpy(dtype=object)
        self.tariffs = {
            kind: tariffs.in_force(city.country, kind, name=terms.tariff if kind == tariffs.HOUSEHOLD else "")
            for kind in sorted(set(kinds.values()))
        }
        dwellings = pd.to_numeric(buildings["dwellings"]).to_numpy(dtype=float, na_value=0.0)
        self.meters: Floats = np.where(
            self.customer == tariffs.HOUSEHOLD, np.maximum(np.nan_to_num(dwellings), 1.0), 1.0
        )
        self.month = pd.DatetimeIndex(city["weather"]["time"]).month.to_numpy().astype(np.int64) - 1
        self.paying = 0
        self.seen = 0
        self.npv = 0.0

    def best(self, buildings: Integers, load: Singles, roof: Singles, roof_kwp: Floats) -> dict[str, Floats]:
        """
        Size that is worth most on the roof of each building.

        Parameters
        ----------
        buildings
            Positions of the buildings.
        load : (buildings, hours)
            Electricity used [W].
        roof : (buildings, hours)
            Power of modules on all of the usable roof [W].
        roof_kwp : (buildings,)
            Their peak power [kWp].

        Returns
        -------
        dict
            Values by name, one for each building; missing where the roof, or the load, is too small for any.
        """
        used_year = load.sum(axis=1, dtype=np.float64) / WH_PER_KWH
        made_year = roof.sum(axis=1, dtype=np.float64) / WH_PER_KWH
        load_month = monthly_kwh(load, self.month)
        best = {name: np.full(len(buildings), np.nan) for name in NAMES}
        best["npv"][:] = -np.inf
        with np.errstate(divide="ignore", invalid="ignore"):
            whole = np.where(made_year > 0.0, used_year / made_year, 0.0)
        for size in SIZES:
            scale = np.minimum(size * whole, 1.0)
            kwp = scale * roof_kwp
            found = self._tried(buildings, load, roof, scale, kwp, used_year, load_month)
            better = (kwp >= LEAST_KWP) & (found["npv"] > best["npv"])
            for name in NAMES:
                best[name] = np.where(better, found[name], best[name])
        known = np.isfinite(best["npv"])
        best["npv"][~known] = np.nan
        self.seen += int(known.sum())
        self.paying += int((best["npv"] > 0.0).sum())
        self.npv += float(best["npv"][best["npv"] > 0.0].sum())
        return best

    def _tried(
        self,
        buildings: Integers,
        load: Singles,
        roof: Singles,
        scale: Floats,
        kwp: Floats,
        used_year: Floats,
        load_month: Floats,
    ) -> dict[str, Floats]:
        """Values of one size for each building."""
        from dothi.pv.kernels import matched

        used, out, paid = (np.empty((len(buildings), 12)) for _ in range(3))
        matched(load, roof, scale, self.rule.power_cap_share * kwp * W_PER_KW, self.month, used, out, paid)
        own, made = used.sum(axis=1) / WH_PER_KWH, (used + out).sum(axis=1) / WH_PER_KWH
        saving = np.zeros(len(buildings))
        for kind, tariff in self.tariffs.items():
            these = self.customer[buildings] == kind
            meters = self.meters[buildings[these]]
            saving[these] = saved(load_month[these], used[these] / WH_PER_KWH, meters, tariff)
        income = sold(paid.sum(axis=1) / WH_PER_KWH, made, kwp, self.rule)
        value: Worth = worth(kwp, made, saving, income, self.rule, self.country, self.finance)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = {"used_share": own / made, "cover_share": own / used_year}
        return {
            "kwp": kwp,
            "kwh": made,
            **shares,
            "cost": value.cost,
            "saving": value.saving,
            "npv": value.npv,
            "lcoe": value.lcoe,
            "payback_years": value.payback_years,
        }

    def diagnostics(self) -> dict[str, Any]:
        """Prices that were taken, and how many installations pay."""
        prices = {
            kind: {"id": one.id, "price_kwh": list(one.price_kwh), "source": one.source, "verified": one.verified}
            for kind, one in self.tariffs.items()
        }
        rule = {"id": self.rule.id, "source": self.rule.source, "verified": self.rule.verified}
        return {
            "currency": tariffs.currency(self.country),
            "tariffs": prices,
            "surplus": rule,
            "finance": {
                "life_years": self.finance.life_years,
                "discount_share": self.finance.discount_share,
                "degradation_share": self.finance.degradation_share,
                "upkeep_share": self.finance.upkeep_share,
            },
            "offers": {"seen": self.seen, "paying": self.paying, "npv": self.npv},
        }
