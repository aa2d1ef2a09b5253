"""Whether a solar installation pays: what it costs, what it saves and earns, year by year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dothi import place
from dothi.place.tariffs import Surplus, Tariff, bill, size_class
from dothi.shapes import Floats
from dothi.units import WH_PER_KWH


@dataclass(frozen=True, slots=True)
class Finance:
    """
    How money and modules go over the years.

    Attributes
    ----------
    life_years
        Years that an installation serves.
    discount_share
        Real discount rate [a⁻¹].
    degradation_share
        Power lost every year [a⁻¹].
    upkeep_share
        Cost of upkeep of a year over the price of the installation [a⁻¹].
    """

    life_years: int
    discount_share: float
    degradation_share: float
    upkeep_share: float


@dataclass(frozen=True, slots=True)
class Worth:
    """
    What an installation is worth, one value for each.

    Attributes
    ----------
    cost
        Price of it less the premium [money].
    saving
        What it saves and earns in its first year [money].
    npv
        Net present value over its life [money].
    payback_years
        Years until it has paid itself back, without discount; missing where it does not within its life.
    lcoe
        Levelised cost of a kilowatt-hour [money per kWh]; missing where there is none.
    """

    cost: Floats
    saving: Floats
    npv: Floats
    payback_years: Floats
    lcoe: Floats


def finance_of(country: str) -> Finance:
    """Usual finance of a country."""
    data = place.load(country, "tariffs")["finance"]
    return Finance(
        int(data["life_years"]),
        float(data["discount_share"]),
        float(data["degradation_share"]),
        float(data["upkeep_share"]),
    )


def price_per_kwp(country: str, kwp: Floats) -> Floats:
    """Turnkey price of installations by size [money per kWp]: a straight line over the logarithm of size."""
    data = place.load(country, "tariffs")["cost"]
    return np.asarray(np.interp(np.log(np.maximum(kwp, 1e-9)), np.log(data["kwp"]), data["per_kwp"]))


def saved(load_kwh: Floats, used_kwh: Floats, meters: Floats, tariff: Tariff) -> Floats:
    """
    What buildings pay less in a year for their own power.

    Parameters
    ----------
    load_kwh, used_kwh : (buildings, 12)
        Electricity used in each month, and how much of it is their own [kWh].
    meters : (buildings,)
        Meters among which both are shared alike.
    tariff
        Tariff of each meter.
    """
    each = np.maximum(meters, 1.0)[:, None]
    before, after = bill(load_kwh / each, tariff), bill((load_kwh - used_kwh) / each, tariff)
    return np.asarray(((before - after) * each).sum(axis=1))


def sold(paid_kwh: Floats, made_kwh: Floats, kwp: Floats, rule: Surplus) -> Floats:
    """
    What buildings earn in a year with power that they do not use.

    Parameters
    ----------
    paid_kwh : (buildings,)
        Power that flows out below the limit of power [kWh].
    made_kwh : (buildings,)
        All that they make [kWh].
    kwp : (buildings,)
        Size [kWp].
    rule
        What is paid.
    """
    price = np.array(rule.price_kwh)[size_class(rule, kwp)]
    return np.asarray(price * np.minimum(paid_kwh, rule.energy_cap_share * made_kwh))


def worth(
    kwp: Floats, made_kwh: Floats, saving: Floats, income: Floats, rule: Surplus, country: str, finance: Finance
) -> Worth:
    r"""
    Value of installations over their life.

    .. math::
        NPV = -I + \sum_{t=1}^{n} \frac{q^{t-1} (S + R_t) - u I_0}{(1 + i)^t}, \qquad
        LCOE = \frac{I + \sum u I_0 (1 + i)^{-t}}{\sum q^{t-1} E (1 + i)^{-t}}

    with the price :math:`I_0` and its part *I* that the premium leaves, savings *S*, income *R* as long as the rule for
    surplus holds, energy *E*, upkeep *u*, discount rate *i* and :math:`q = 1 - d` for degradation *d*.

    Parameters
    ----------
    kwp : (n,)
        Sizes [kWp].
    made_kwh : (n,)
        Energy of the first year [kWh].
    saving, income : (n,)
        What it saves and earns in the first year [money].
    rule
        What is paid for surplus, and the premium.
    country
        ISO 3166 code in small letters.
    finance
        How money and modules go over the years.
    """
    price = kwp * price_per_kwp(country, kwp)
    cost = price - kwp * np.array(rule.premium_kwp)[size_class(rule, kwp)]
    year = np.arange(1, finance.life_years + 1)
    left = (1.0 - finance.degradation_share) ** (year - 1)
    worn = 1.0 / (1.0 + finance.discount_share) ** year
    upkeep = finance.upkeep_share * price
    flow = left * (saving[:, None] + income[:, None] * (year <= rule.years)) - upkeep[:, None]
    energy = made_kwh * float((left * worn).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        lcoe = np.where(energy > 0.0, (cost + upkeep * worn.sum()) / energy, np.nan)
    return Worth(cost, saving + income, flow @ worn - cost, _payback(cost, flow), lcoe)


def _payback(cost: Floats, flow: Floats) -> Floats:
    """Years until sums of yearly money reach the cost, within a year in proportion."""
    earned = np.cumsum(flow, axis=1)
    enough = earned >= cost[:, None]
    year = np.argmax(enough, axis=1)
    at = np.arange(len(cost))
    before = np.where(year > 0, earned[at, np.maximum(year - 1, 0)], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = year + (cost - before) / flow[at, year]
    return np.where(enough.any(axis=1) & (cost > 0.0), found, np.nan)


def monthly_kwh(power: Any, month: Any) -> Floats:
    """Energy by month of hourly power [W], shape ``(rows, 12)`` [kWh]."""
    found = np.empty((len(power), 12))
    for m in range(12):
        found[:, m] = power[:, month == m].sum(axis=1, dtype=np.float64)
    return found / WH_PER_KWH
