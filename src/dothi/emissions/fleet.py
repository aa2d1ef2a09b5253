"""Who drives on each link: fuels of each kind of vehicle, with what rules and measures make of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi import place
from dothi.emissions import curves
from dothi.shapes import Floats
from dothi.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from dothi.city import City

KINDS: Final = ("car", "motorbike", "bus", "truck")
PERSONAL: Final = ("car", "motorbike")
ELECTRIC: Final = "electric"


def fuel_shares(city: City, kind: str) -> dict[str, float]:
    """
    Share of each fuel among the vehicles of a kind.

    Measures say how many cars and motorbikes of a building's residents are electric; where they say nothing it is the
    usual share of the country. The mean is taken over residents, and holds on every road.

    Parameters
    ----------
    city
        The city.
    kind
        One of `KINDS`.
    """
    if kind == "bus":
        data = place.load(city.country, "emissions")["bus_fuels"]
        usual = {fuel: float(data[fuel]) for fuel in ("diesel", ELECTRIC)}
    else:
        usual = {fuel: float(share) for fuel, share in place.load(city.country, "vehicles")["fuels"][kind].items()}
    share = electric_share(city, kind, usual.get(ELECTRIC, 0.0))
    burning = sum(value for fuel, value in usual.items() if fuel != ELECTRIC)
    found = {fuel: (1.0 - share) * value / burning for fuel, value in usual.items() if fuel != ELECTRIC}
    return {**found, ELECTRIC: share}


def electric_share(city: City, kind: str, usual: float) -> float:
    """Share of electric vehicles of a kind: what measures say of buildings, else the usual, mean over residents."""
    column = f"electric_{kind}_share"
    measures = city["building_measures"]
    if kind not in PERSONAL or column not in measures or not len(measures):
        return usual
    known = measures.dropna(subset=[column]).set_index("building_id")[column].astype(float)
    buildings = city["buildings"]
    people = buildings["residents"].to_numpy(dtype=float, na_value=0.0)
    if not people.sum() > 0.0:
        return usual
    share = known.reindex(buildings.index).fillna(usual).to_numpy(dtype=float)
    return float(np.average(share, weights=people))


def banned(city: City, kind: str, from_h: Floats, to_h: Floats, link_row: Any) -> dict[str, Floats]:
    """
    Share of each flow in which a fuel is kept out by a rule.

    A rule holds on links whose middle lies in its area, for the part of the period that its hours cover.

    Parameters
    ----------
    city
        The city.
    kind
        Kind of vehicle.
    from_h, to_h : (n_flows,)
        Hours between which each flow runs.
    link_row : (n_flows,)
        Row of its link.

    Returns
    -------
    dict
        By fuel, (n_flows,) shares; only fuels that some rule keeps out.
    """
    rules = city["restrictions"]
    rules = rules[(rules["mode"] == kind) & (rules["fuel"] != "any")]
    found: dict[str, Floats] = {}
    if not len(rules):
        return found
    middles = shapely.line_interpolate_point(
        np.asarray(city["links"].geometry.array, dtype=object), 0.5, normalized=True
    )
    for rule in rules.itertuples():
        inside = shapely.contains(rule.geometry, middles)[link_row]
        covered = np.where(inside, _overlap(rule.from_s, rule.to_s, from_h, to_h), 0.0)
        fuel = str(rule.fuel)
        found[fuel] = np.maximum(found.get(fuel, np.zeros(len(link_row))), covered)
    return found


def _overlap(from_s: float, to_s: float, from_h: Floats, to_h: Floats) -> Floats:
    """Part of each period that the hours of a rule cover; hours may run past midnight, and be missing for always."""
    if not (np.isfinite(from_s) and np.isfinite(to_s)):
        return np.ones(len(from_h))
    begin, end = from_s / SECONDS_PER_HOUR, to_s / SECONDS_PER_HOUR
    spans = [(begin, end)] if begin < end else [(begin, 24.0), (0.0, end)]
    length = np.where(to_h > from_h, to_h - from_h, to_h + 24.0 - from_h)
    covered = np.zeros(len(from_h))
    for low, high in spans:
        for day in (0.0, 24.0):
            covered += np.clip(np.minimum(from_h + length, high + day) - np.maximum(from_h, low + day), 0.0, None)
    return np.clip(covered / length, 0.0, 1.0)


def on_flows(shares: Mapping[str, float], kept_out: Mapping[str, Floats], n: int) -> dict[str, Floats]:
    """Share of each fuel in each flow: of those let in, as usual; where none is, the electric ones."""
    found = {fuel: share * (1.0 - kept_out.get(fuel, np.zeros(n))) for fuel, share in shares.items()}
    left = np.sum(list(found.values()), axis=0)
    none = left <= 0.0
    found = {fuel: np.where(none, 0.0, share / np.where(none, 1.0, left)) for fuel, share in found.items()}
    found[ELECTRIC] = np.where(none, 1.0, found[ELECTRIC])
    return found


def tables(country: str, kind: str, fuel: str) -> dict[str, Floats]:
    """Emission of the fleet of a country with one fuel at `curves.SPEEDS`, by substance [g/km]."""
    data = place.load(country, "emissions")
    classes = {name: share for name, share in data["classes"][kind][fuel].items() if name not in ("source", "verified")}
    found = {substance: curves.table(kind, fuel, classes, substance) for substance in curves.SUBSTANCES}
    local = data.get("local", {}).get(kind)
    if local and fuel == "petrol":
        carbon = float(curves.factors()["co2_g_per_g"][fuel])
        known = {"fuel": local["co2_g_km"] / carbon, "nox": local["nox_g_km"], "pm": local["pm_g_km"]}
        for substance, value in known.items():
            found[substance] *= value / np.interp(local["speed_km_h"], curves.SPEEDS, found[substance])
    return found
