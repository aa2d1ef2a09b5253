"""What electricity costs and surplus earns: tariffs in force on a day, and bills to the last kilowatt-hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final, TypeVar

import numpy as np

from dothi import place
from dothi.errors import InputError, Problem
from dothi.shapes import Floats

HOUSEHOLD: Final = "household"
BUSINESS: Final = "business"
CUSTOMERS: Final = (HOUSEHOLD, "public", BUSINESS)
"""Kinds of customer; one without a price of its own pays as `BUSINESS`."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """
    A price of electricity, by tiers of what a meter counts in a month.

    Attributes
    ----------
    id
        Short name, such as ``vn-household-2025-05``.
    customer
        Who pays it, one of `CUSTOMERS`.
    upto_kwh
        End of each tier but the last [kWh a month].
    price_kwh
        Price of a kilowatt-hour in each tier, before value-added tax [money].
    fixed_month
        What is paid without using any, before value-added tax [money a month].
    vat_share
        Value-added tax that the customer bears.
    valid_from, valid_to
        First and last day, where known.
    source, verified
        Where it stands, and whether that was read.
    """

    id: str
    customer: str
    upto_kwh: tuple[float, ...]
    price_kwh: tuple[float, ...]
    fixed_month: float
    vat_share: float
    valid_from: date | None
    valid_to: date | None
    source: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Surplus:
    """
    What a producer on a roof earns with what the building does not use.

    Attributes
    ----------
    id
        Short name.
    upto_kwp
        End of each class of size but the last [kWp].
    price_kwh
        Price of a kilowatt-hour in each class [money].
    premium_kwp
        Premium once for the installation in each class [money per kWp].
    years
        Years for which the price is paid.
    power_cap_share
        Share of the peak power above which what flows out is not paid; 1 without a limit.
    energy_cap_share
        Share of the year's generation above which what flows out is not paid; 1 without a limit.
    valid_from, valid_to
        First and last day, where known.
    source, verified
        Where it stands, and whether that was read.
    """

    id: str
    upto_kwp: tuple[float, ...]
    price_kwh: tuple[float, ...]
    premium_kwp: tuple[float, ...]
    years: int
    power_cap_share: float
    energy_cap_share: float
    valid_from: date | None
    valid_to: date | None
    source: str
    verified: bool


def _price(entry: Mapping[str, Any]) -> tuple[float, ...]:
    """Prices as given, or as shares of the average price, rounded to whole units of money."""
    if "share" not in entry:
        return tuple(float(price) for price in entry["price_kwh"])
    average = float(entry["average"])
    return tuple(float(np.floor(share * average + 0.5)) for share in entry["share"])


@cache
def tariffs(country: str) -> tuple[Tariff, ...]:
    """All tariffs of a country, in the order of its file."""
    return tuple(
        Tariff(
            id=entry["id"],
            customer=entry["customer"],
            upto_kwh=tuple(map(float, entry.get("upto_kwh", ()))),
            price_kwh=_price(entry),
            fixed_month=float(entry.get("fixed_month", 0.0)),
            vat_share=float(entry.get("vat_share", 0.0)),
            valid_from=entry.get("valid_from"),
            valid_to=entry.get("valid_to"),
            source=entry["source"],
            verified=entry["verified"],
        )
        for entry in place.load(country, "tariffs")["tariffs"]
    )


@cache
def surpluses(country: str) -> tuple[Surplus, ...]:
    """All rules for surplus of a country, in the order of its file."""
    return tuple(
        Surplus(
            id=entry["id"],
            upto_kwp=tuple(map(float, entry.get("upto_kwp", ()))),
            price_kwh=tuple(map(float, entry["price_kwh"])),
            premium_kwp=tuple(map(float, entry.get("premium_kwp", [0.0] * len(entry["price_kwh"])))),
            years=int(entry["years"]),
            power_cap_share=float(entry.get("power_cap_share", 1.0)),
            energy_cap_share=float(entry.get("energy_cap_share", 1.0)),
            valid_from=entry.get("valid_from"),
            valid_to=entry.get("valid_to"),
            source=entry["source"],
            verified=entry["verified"],
        )
        for entry in place.load(country, "tariffs")["surplus"]
    )


def currency(country: str) -> str:
    """Money of a country, ISO 4217."""
    return str(place.load(country, "tariffs")["currency"])


def customer_of(country: str, function: str) -> str:
    """Kind of customer that a building of a function is."""
    groups = place.load(country, "tariffs")["customers"]
    return next((kind for kind in CUSTOMERS if function in groups.get(kind, ())), BUSINESS)


def in_force(country: str, customer: str, day: date | None = None, name: str = "") -> Tariff:
    """
    Tariff of a kind of customer on a day.

    Parameters
    ----------
    country
        ISO 3166 code in small letters.
    customer
        One of `CUSTOMERS`.
    day
        The day; the last that is known of where None. In a gap between two tariffs the one before goes on.
    name
        Tariff by its id instead, whatever the day.

    Raises
    ------
    InputError
        No tariff has the name.
    """
    everything = tariffs(country)
    if name:
        return _named(everything, name)
    own = [one for one in everything if one.customer == customer]
    return _on(own or [one for one in everything if one.customer == BUSINESS], day)


def surplus_in_force(country: str, day: date | None = None, name: str = "") -> Surplus:
    """Rule for surplus on a day, or by its id; see `in_force`."""
    everything = surpluses(country)
    return _named(everything, name) if name else _on(everything, day)


Dated = TypeVar("Dated", Tariff, Surplus)


def _named(entries: Sequence[Dated], name: str) -> Dated:
    for one in entries:
        if one.id == name:
            return one
    known = ", ".join(one.id for one in entries)
    raise InputError([Problem(f"is one of {known}", column=name)])


def _on(entries: Sequence[Dated], day: date | None) -> Dated:
    """The entry that began last before a day ends; of a day before all, the first."""
    dated = sorted(((one.valid_from, at) for at, one in enumerate(entries) if one.valid_from is not None))
    begun = [at for begins, at in dated if day is None or begins <= day]
    return entries[begun[-1] if begun else dated[0][1]]


def bill(kwh_month: Floats | float, tariff: Tariff, *, tax: bool = True) -> Floats:
    """
    What a meter pays for a month.

    Parameters
    ----------
    kwh_month
        Electricity of each month or meter [kWh], any shape.
    tariff
        The tariff.
    tax
        Whether value-added tax counts.

    Returns
    -------
    numpy.ndarray
        Bills, of the same shape [money]. They are not rounded.
    """
    used = np.asarray(kwh_month, dtype=float)
    begin = np.array((0.0, *tariff.upto_kwh))
    end = np.array((*tariff.upto_kwh, np.inf))
    within = np.clip(used[..., None], begin, end) - begin
    before = tariff.fixed_month + within @ np.array(tariff.price_kwh)
    return np.asarray(before * (1.0 + tariff.vat_share) if tax else before)


def size_class(rule: Surplus, kwp: Floats) -> Any:
    """Class of size of each installation, as a position in the prices and premiums of a rule."""
    return np.searchsorted(np.array(rule.upto_kwp), kwp, side="left")
