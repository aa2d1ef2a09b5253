"""Heavy rain by country: the curve of a place for a return period, and where it comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dothi.derive.storms import Curve
from dothi.place import load
from dothi.place.gazetteer import fold
from dothi.units import MINUTES_PER_HOUR

MM_H_PER_L_S_HA: Final = 0.36
LONGEST_YEARS: Final = 100.0
FARTHEST_KM: Final = 150.0
"""Beyond this the constants of a city say nothing of another."""
_KM_PER_DEGREE: Final = 111.2


@dataclass(frozen=True, slots=True)
class Rain:
    """
    Heavy rain of a place.

    Attributes
    ----------
    curve
        Mean intensity by duration.
    station
        Whose constants.
    source
        Where they come from.
    verified
        Whether they were compared with that source itself.
    to_minutes
        Longest duration that they are meant for [min].
    """

    curve: Curve
    station: str
    source: str
    verified: bool
    to_minutes: float


def stations(country: str) -> dict[str, Mapping[str, Any]]:
    """Places whose heavy rain is known, by name; none in a country without data."""
    try:
        return {station["name"]: station for station in load(country, "storms")["stations"]}
    except KeyError:
        return {}


def find_station(country: str, place: str | tuple[float, float]) -> Mapping[str, Any]:
    """
    Constants of a place by name, or of the nearest one within `FARTHEST_KM`.

    Parameters
    ----------
    country
        ISO 3166 code in small letters.
    place
        Name, with or without accents, or longitude and latitude [°].

    Raises
    ------
    KeyError
        There is none.
    """
    known = stations(country)
    if isinstance(place, str):
        for name, station in known.items():
            if fold(place) in {fold(word) for word in (name, *station.get("aliases", ()))}:
                return station
        raise KeyError(f"{place}; there are {', '.join(known) or 'none in this country'}")
    far = {name: min(_km(place, at) for at in _places(station)) for name, station in known.items()}
    nearest = min(far, key=far.__getitem__, default=None)
    if nearest is None or far[nearest] > FARTHEST_KM:
        raise KeyError(f"within {FARTHEST_KM:g} km; there are {', '.join(known) or 'none in this country'}")
    return known[nearest]


def periods(country: str, station: Mapping[str, Any]) -> tuple[float, ...]:
    """Return periods that a formula is tabulated for [years]; empty where it holds for any up to `LONGEST_YEARS`."""
    if "periods" not in station:
        return ()
    factors = load(country, "storms").get("factors", {})
    return (*(row["years"] for row in station["periods"]), *map(float, factors))


def rain(country: str, station: Mapping[str, Any], return_period_years: float) -> Rain:
    """
    Heavy rain of a station for a return period.

    Parameters
    ----------
    country
        ISO 3166 code in small letters.
    station
        As `find_station` gives it.
    return_period_years
        One of `periods`, or any up to `LONGEST_YEARS`.

    Raises
    ------
    ValueError
        The formula does not hold for this return period; the text says for which it does.
    """
    data = load(country, "storms")
    if data["form"] == "tcvn":
        scale = 1.0 + station["C"] * math.log10(return_period_years)
        if scale <= 0.0 or return_period_years > LONGEST_YEARS:
            raise ValueError(f"is at most {LONGEST_YEARS:g} years, and not so short that the formula gives no rain")
        curve = Curve(MM_H_PER_L_S_HA * station["A"] * scale, station["b"], station["n"])
    else:
        by_years = {row["years"]: row for row in station["periods"]}
        longest = max(by_years)
        factor = data["factors"].get(f"{return_period_years:g}", 1.0)
        row = by_years.get(return_period_years if factor == 1.0 else longest)
        if row is None:
            known = ", ".join(f"{years:g}" for years in periods(country, station))
            raise ValueError(f"is one of {known} years")
        curve = Curve(MINUTES_PER_HOUR * row["a"] * factor, 0.0, row["b"])
    return Rain(curve, station["name"], station["source"], station["verified"], data["to_minutes"])


def _places(station: Mapping[str, Any]) -> list[tuple[float, float]]:
    return station.get("places") or [(station["longitude"], station["latitude"])]


def _km(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Distance on a plane that touches the Earth between both: good to a few per cent over some hundred kilometres."""
    shrink = math.cos(math.radians((first[1] + second[1]) / 2.0))
    return _KM_PER_DEGREE * math.hypot((first[0] - second[0]) * shrink, first[1] - second[1])
