"""Tag values of OpenStreetMap as numbers: lengths, speeds, counts, years."""

from __future__ import annotations

import math
import re
from typing import Final

from dothi.units import M_PER_FOOT, M_PER_INCH, M_PER_KM, M_S_PER_KM_H, M_S_PER_KNOT, M_S_PER_MPH

_LENGTH_UNITS: Final = {
    "": 1.0,
    "m": 1.0,
    "metre": 1.0,
    "metres": 1.0,
    "meter": 1.0,
    "meters": 1.0,
    "mét": 1.0,
    "km": M_PER_KM,
    "cm": 0.01,
    "mm": 0.001,
    "ft": M_PER_FOOT,
    "feet": M_PER_FOOT,
    "foot": M_PER_FOOT,
    "'": M_PER_FOOT,
    "′": M_PER_FOOT,
    '"': M_PER_INCH,
    "″": M_PER_INCH,
    "in": M_PER_INCH,
    "inch": M_PER_INCH,
}
_SPEED_UNITS: Final = {
    "": M_S_PER_KM_H,
    "km/h": M_S_PER_KM_H,
    "kmh": M_S_PER_KM_H,
    "kph": M_S_PER_KM_H,
    "mph": M_S_PER_MPH,
    "knots": M_S_PER_KNOT,
    "kn": M_S_PER_KNOT,
}

WALKING_KM_H: Final = 7.0
"""What `maxspeed=walk` stands for: the upper end of the 4–7 km/h that German courts read into a walking pace."""

IMPLICIT_KM_H: Final[dict[str, float]] = {
    # Code de la route R413-2, R413-3, R413-14 (two-way roads 80 km/h since 2018), R110-2 (zone 30, shared space 20)
    "FR:urban": 50.0,
    "FR:rural": 80.0,
    "FR:trunk": 110.0,
    "FR:motorway": 130.0,
    "FR:zone30": 30.0,
    "FR:30": 30.0,
    "FR:20": 20.0,
    "FR:living_street": 20.0,
    "FR:walk": 20.0,
    # Thông tư 38/2024/TT-BGTVT: two-way roads 50 in towns and 80 beyond, 120 the highest on motorways.
    # The law gives dual carriageways 60 and 90; the code does not say which it is, so the lower one is taken.
    "VN:urban": 50.0,
    "VN:rural": 80.0,
    "VN:motorway": 120.0,
}
"""Limits that a code of country and setting stands for [km/h]; only the countries Dothi has rules for."""

UNLIMITED: Final = frozenset({"none", "signals", "variable", "implicit", "no", "sign", "signs", "unposted"})
"""Words of `maxspeed` that name no figure."""

_NUMBER: Final = r"(\d{1,9}(?:[.,]\d{1,9})?|[.,]\d{1,9})"
_WITH_UNIT: Final = re.compile(rf"(?:~|ca\.?|c\.)?\s*{_NUMBER}\s*([^\d\s].{{0,8}})?")
_FEET_INCHES: Final = re.compile(rf"{_NUMBER}\s*['′]\s*{_NUMBER}\s*[\"″]?")
_ZONE: Final = re.compile(r"(?!GB|US)[A-Z]{2}:(?:zone:?)?(\d{2,3})")
_YEAR: Final = re.compile(r"(?:~|ca?\.?|before|after|early|mid|late)?\s*(-?\d{3,4})s?(?:-\d{2}){0,2}")


def _figures(text: str) -> list[tuple[float, str]]:
    """Numbers of a list separated by semicolons, each with its unit; none where one of them is unreadable."""
    found = []
    for part in text.split(";"):
        match = _WITH_UNIT.fullmatch(part.strip())
        if match is None:
            return []
        found.append((float(match[1].replace(",", ".")), (match[2] or "").strip().lower()))
    return found


def metres(text: str | None) -> float:
    """
    Length [m]; NaN where `text` is none or cannot be read. Of a list the largest counts.

    >>> metres("12 m"), metres("40'"), metres("12,5"), metres("tall")
    (12.0, 12.192, 12.5, nan)
    """
    if text is None:
        return math.nan
    if imperial := _FEET_INCHES.fullmatch(text.strip()):
        feet, inches = (float(part.replace(",", ".")) for part in imperial.groups())
        return feet * M_PER_FOOT + inches * M_PER_INCH
    figures = _figures(text)
    if not figures or any(unit not in _LENGTH_UNITS for _, unit in figures):
        return math.nan
    return max(number * _LENGTH_UNITS[unit] for number, unit in figures)


def count(text: str | None) -> float:
    """Number without unit; NaN where there is none. Of a list the largest counts."""
    figures = _figures(text) if text is not None else []
    return max(number for number, _ in figures) if figures and not any(unit for _, unit in figures) else math.nan


def speed(text: str | None) -> float:
    """
    Speed [m s⁻¹]; NaN where `text` is none, names no figure or cannot be read. Of a list the lowest counts.

    >>> round(speed("50"), 3), round(speed("30 mph"), 3), round(speed("VN:urban"), 3), speed("none")
    (13.889, 13.411, 13.889, nan)
    """
    if text is None or text in UNLIMITED:
        return math.nan
    if text in IMPLICIT_KM_H:
        return IMPLICIT_KM_H[text] * M_S_PER_KM_H
    if text == "walk" or text.endswith((":walk", ":pedestrian_zone")):
        return WALKING_KM_H * M_S_PER_KM_H
    if zone := _ZONE.fullmatch(text):
        return float(zone[1]) * M_S_PER_KM_H
    figures = _figures(text)
    if not figures or any(unit not in _SPEED_UNITS for _, unit in figures):
        return math.nan
    return min(number * _SPEED_UNITS[unit] for number, unit in figures)


def year(text: str | None) -> float:
    """
    Year of a date; of a range the later one. A decade gives its first year, a century is too vague and gives NaN.

    >>> year("1995-03-02"), year("~1900"), year("1890s"), year("1890..1895"), year("C19")
    (1995.0, 1900.0, 1890.0, 1895.0, nan)
    """
    if text is None:
        return math.nan
    match = _YEAR.fullmatch(text.split("..")[-1].strip())
    return float(match[1]) if match else math.nan


def whole(text: str | None) -> int:
    """Integer such as `layer`, of a list the first; 0 where there is none."""
    if text is None:
        return 0
    match = re.match(r"\s*([+-]?\d{1,3})(?:\.\d+)?\s*(?:;|$)", text)
    return int(match[1]) if match else 0
