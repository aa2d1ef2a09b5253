"""Places by name: where they are, the box of their core, their time zone."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, TypeVar

from dothi.crs import LONLAT, Bounds, Extent
from dothi.errors import InputError, Problem
from dothi.place import load

KM_PER_DEGREE = 111.32
"""Length of a degree of longitude at the equator [km]; boxes need no better."""

SUGGESTIONS = 5
_KINDS = (
    *("tp", "t p", "thanh pho", "tinh", "thu do", "thi xa", "thi tran", "dac khu"),
    *("quan", "huyen", "phuong", "xa", "city of", "province of", "ville de"),
)
_KINDS_AFTER = ("city", "province", "vietnam", "viet nam", "france")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """
    A place a study can begin with.

    Attributes
    ----------
    name, names
        Its own name, and the others it is found by.
    country
        ISO 3166 code in small letters.
    lon, lat
        Centre of the urban core [°], to about 0.01°.
    box
        West, south, east, north of a first study area [°].
    time_zone
        Name in the time zone database.
    province
        In Vietnam the former province, until June 2025; else empty.
    """

    name: str
    names: tuple[str, ...]
    country: str
    lon: float
    lat: float
    box: Bounds
    time_zone: str
    province: str = ""

    @property
    def extent(self) -> Extent:
        """The default box as an extent."""
        return Extent(LONLAT, self.box)


def box_around(lon: float, lat: float, side_km: float) -> Bounds:
    """West, south, east, north [°] of a square box around a point, to 0.0001°."""
    half = side_km / 2.0 / KM_PER_DEGREE
    wide = half / math.cos(math.radians(lat))
    west, south, east, north = (round(value, 4) for value in (lon - wide, lat - half, lon + wide, lat + half))
    return (west, south, east, north)


@lru_cache(maxsize=4096)
def fold(name: str) -> str:
    """
    Name as plain small words: no diacritics, no capitals, no punctuation.

    >>> fold("TP. Hồ Chí Minh"), fold("Đà-Nẵng")
    ('tp ho chi minh', 'da nang')
    """
    letters = unicodedata.normalize("NFD", name.replace("đ", "d").replace("Đ", "D"))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^0-9a-z]+", " ", plain.casefold()).strip()


def search_keys(name: str) -> tuple[str, ...]:
    """
    Keys a name is looked up by, the whole name first, then without the words that say what kind of place it is.

    >>> search_keys("Tỉnh Lâm Đồng")
    ('tinhlamdong', 'lamdong')
    """
    words = fold(name)
    keys = [words]
    for kind in _KINDS:
        if words.startswith(f"{kind} "):
            words = words[len(kind) + 1 :]
            break
    for kind in _KINDS_AFTER:
        words = words.removesuffix(f" {kind}")
    keys.append(words)
    return tuple(dict.fromkeys(key.replace(" ", "") for key in keys if key))


def pick_by_name(query: str, entries: Iterable[tuple[str, T]], describe: Callable[[T], str]) -> T:
    """
    The one entry a name stands for.

    Parameters
    ----------
    query
        What was typed.
    entries
        Pairs of a name and what it stands for; a name may come more than once.
    describe
        Text that tells candidates apart.

    Raises
    ------
    InputError
        No entry has the name, or several have; the message lists candidates.
    """
    entries = list(entries)
    for key in search_keys(query):
        hits = [(name, entry) for name, entry in entries if fold(name).replace(" ", "") == key]
        exact = [(name, entry) for name, entry in hits if _spelling(name) == _spelling(query)]
        found = list(dict.fromkeys(entry for _, entry in exact or hits))
        if len(found) == 1:
            return found[0]
        if found:
            candidates = "; ".join(describe(entry) for entry in found)
            raise InputError([Problem(f"the name {query!r} stands for several places: {candidates}")])
    raise InputError(
        [Problem(f"no place is known by the name {query!r}{_suggestion(query, (name for name, _ in entries))}")]
    )


def _spelling(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().strip()


def _suggestion(query: str, names: Iterable[str]) -> str:
    """Names that are spelt alike or begin alike, as the end of a message."""
    keys = search_keys(query)
    by_key = {fold(name).replace(" ", ""): name for name in names}
    close = difflib.get_close_matches(keys[-1], by_key, n=SUGGESTIONS, cutoff=0.75) if keys else []
    begins = [key for key in by_key if keys and key.startswith(keys[-1])]
    alike = [by_key[key] for key in dict.fromkeys([*close, *begins])][:SUGGESTIONS]
    return f"; did you mean {', '.join(alike)}?" if alike else ""


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files("dothi.place").joinpath("gazetteer.toml").read_text(encoding="utf-8"))


@cache
def places() -> tuple[Place, ...]:
    """All built-in places: the chief towns of Vietnam, then the others."""
    data = _data()
    default_km = float(data["box_km"])
    zones = data["time_zones"]
    found = []
    for town in load("vn", "grids")["former"]:
        name, lon, lat = town["seat"], town["lon"], town["lat"]
        box = box_around(lon, lat, data["seat_box_km"].get(name, default_km))
        names = tuple(data["seat_names"].get(name, ()))
        found.append(Place(name, names, "vn", lon, lat, box, zones["vn"], town["name"]))
    for entry in data["places"]:
        lon, lat, country = entry["lon"], entry["lat"], entry["country"]
        box = box_around(lon, lat, entry.get("box_km", default_km))
        names = tuple(entry.get("names", ()))
        found.append(Place(entry["name"], names, country, lon, lat, box, zones[country], entry.get("province", "")))
    return tuple(found)


def find_place(name: str) -> Place:
    """
    The built-in place of a name.

    Diacritics, capitals, spaces and words such as "TP." or "City" do not matter. The name of a Vietnamese province
    stands for its seat; where the seat moved on 1 July 2025 it stands for two towns, and the caller must choose.

    Raises
    ------
    InputError
        No place has the name, or several have; the message lists candidates.
    """
    own = [(alias, place) for place in places() for alias in (place.name, *place.names)]
    keys = search_keys(name)
    if any(fold(alias).replace(" ", "") in keys for alias, _ in own):
        return pick_by_name(name, own, _describe)
    return pick_by_name(name, own + _seats_of_provinces(), _describe)


def _seats_of_provinces() -> list[tuple[str, Place]]:
    grids = load("vn", "grids")
    by_province = {place.province: place for place in reversed(places()) if place.province}
    by_seat = {place.name: place for place in reversed(places()) if place.country == "vn"}
    former = [(province["name"], by_province[province["name"]]) for province in grids["former"]]
    today = [(province["name"], by_seat[province["seat"]]) for province in grids["provinces"]]
    return former + today


def _describe(place: Place) -> str:
    return f"{place.name} ({place.province or place.country.upper()})"
