"""What relations say: areas made of ways, lines of public transport, buildings made of parts."""

from __future__ import annotations

from array import array
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np

from dothi.io.osm.flat import NODE, WAY, Block, Integers
from dothi.io.osm.rows import source_key
from dothi.io.osm.words import Tags, Words

MODE: Final = {
    "bus": "bus",
    "coach": "bus",
    "minibus": "bus",
    "share_taxi": "bus",
    "trolleybus": "trolleybus",
    "tram": "tram",
    "light_rail": "tram",
    "subway": "subway",
    "train": "rail",
    "railway": None,
    "ferry": "ferry",
    "monorail": "monorail",
    "funicular": "funicular",
    "aerialway": "gondola",
}
"""Mode by `route`; light rail counts as tram, as in GTFS (route_type 0). `route=railway` is track, not service."""

KEYS: Final = ("type", "route", "public_transport", "ref", "name")
"""Keys that decide what a relation is."""
_PLATFORM, _STOP, _PLAIN, _LINK, _ALONG = range(5)
"""What a member is in a line by its role; without a role a node is a stop, and a way part of the course."""


@dataclass(frozen=True, slots=True)
class Route:
    """A line, and what it is called."""

    ident: int
    mode: str
    ref: str | None
    name: str | None


class Members:
    """Keys of the members of all routes, one after the other."""

    def __init__(self) -> None:
        self.keys = array("q")
        self.counts = array("q")

    def owners(self) -> Integers:
        """Route of each member."""
        return np.repeat(np.arange(len(self.counts)), np.array(self.counts, dtype=np.int64))


class Relations:
    """
    Relations of a file, as far as tables need them.

    Parameters
    ----------
    area_keys
        Keys that make an area worth assembling.
    words
        Numbers for keys and values.
    transit
        Whether lines and stop areas are wanted.
    parts
        Whether the parts of buildings are wanted.
    """

    def __init__(self, area_keys: Collection[str], words: Words, *, transit: bool, parts: bool) -> None:
        self._area_keys = frozenset(area_keys)
        self._words, self._wanted = words, words.wanted(words.keys)
        self.types = ["multipolygon"]
        self.types += ["route", "public_transport"] if transit else []
        self.types += ["building"] if parts else []
        self.areas: dict[int, bytes] = {}
        self.assembled: set[int] = set()
        self.member_ways: set[int] = set()
        self.outlines: dict[int, list[int]] = {}
        self.part_outline: dict[int, int] = {}
        self.stop_areas: list[array[int]] = []
        self.routes: list[Route] = []
        self.stops, self.platforms, self.courses = Members(), Members(), Members()

    def take(self, block: Block) -> None:
        """Take the relations of a block, which are all of one of `types`."""
        counts, kinds, ids, roles = block.members()
        keys = source_key(ids, kinds)
        ends = np.concatenate([[0], np.cumsum(counts)]).tolist()
        lines = []
        combinations = Tags(block, self._words).combinations(np.arange(len(block.ids)), self._wanted)
        for row, (ident, combination) in enumerate(zip(block.ids.tolist(), combinations, strict=True)):
            tags, members = self._words.tags(combination), slice(ends[row], ends[row + 1])
            match tags.get("type"):
                case "multipolygon" if not self._area_keys.isdisjoint(tags):
                    way = kinds[members] == WAY
                    ways = ids[members][way].tolist()
                    self.areas[ident] = combination
                    self.member_ways.update(ways)
                    if "building" in tags:
                        texts = (block.strings[role] for role in roles[members][way])
                        self.outlines[ident] = [way for way, text in zip(ways, texts, strict=True) if text == "outer"]
                case "route" if (mode := MODE.get(tags.get("route", ""))) is not None:
                    lines.append(row)
                    self.routes.append(Route(ident, mode, tags.get("ref"), tags.get("name")))
                case "public_transport" if tags.get("public_transport") == "stop_area":
                    self.stop_areas.append(array("q", keys[members].tolist()))
                case "building":
                    self._add_parts(keys[members].tolist(), [block.strings[role] for role in roles[members]])
        if lines:
            self._add_lines(np.array(lines), counts, kinds, keys, _roles(roles, block.strings))

    def _add_lines(self, lines: Integers, counts: Integers, kinds: Integers, keys: Integers, roles: Integers) -> None:
        """Take the members of lines: stops, platforms and ways."""
        line = np.full(len(counts), -1)
        line[lines] = np.arange(len(lines))
        owner = np.repeat(line, counts)
        stop = (roles == _STOP) | ((roles == _PLAIN) & (kinds == NODE))
        course = (kinds == WAY) & ((roles == _PLAIN) | (roles == _ALONG))
        for group, among in ((self.stops, stop), (self.platforms, roles == _PLATFORM), (self.courses, course)):
            chosen = among & (owner >= 0)
            group.keys.frombytes(np.ascontiguousarray(keys[chosen]).tobytes())
            group.counts.extend(np.bincount(owner[chosen], minlength=len(lines)).tolist())

    def course_ways(self) -> Integers:
        """Keys of the ways that routes run along, in ascending order."""
        return np.unique(np.array(self.courses.keys, dtype=np.int64))

    def _add_parts(self, keys: list[int], roles: list[str]) -> None:
        outline = next((key for key, role in zip(keys, roles, strict=True) if role == "outline"), None)
        if outline is not None:
            for key, role in zip(keys, roles, strict=True):
                if role in ("part", ""):
                    self.part_outline[key] = outline


def _roles(places: Integers, strings: list[str]) -> Integers:
    """What members are in a line, by the texts of their roles."""
    used, back = np.unique(places, return_inverse=True)
    return np.array([_role(strings[place]) for place in used.tolist()], dtype=np.int64)[back]


def _role(text: str) -> int:
    if text.startswith("platform"):
        return _PLATFORM
    if text.startswith("stop") or text.endswith("stop"):
        return _STOP
    if text in ("", "halt"):
        return _PLAIN
    return _LINK if text == "link" else _ALONG
