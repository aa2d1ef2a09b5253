"""What relations say: areas made of ways, lines of public transport, buildings made of parts."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import not_
from typing import Any, Final

import numpy as np

from dothi.io.osm.rows import NODE, RELATION, WAY, plain, source_key

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

_ALONG: Final = ("@", "@forward", "@backward", "@main", "@route")
_KIND: Final = {"n": NODE, "w": WAY, "r": RELATION}


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

    def owners(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Route of each member."""
        return np.repeat(np.arange(len(self.counts)), np.array(self.counts, dtype=np.int64))


class Relations:
    """
    Relations of a file, as far as tables need them.

    Parameters
    ----------
    area_keys
        Keys that make an area worth assembling.
    transit
        Whether lines and stop areas are wanted.
    parts
        Whether the parts of buildings are wanted.
    """

    def __init__(self, area_keys: Collection[str], *, transit: bool, parts: bool) -> None:
        self._area_keys = frozenset(area_keys)
        self.types = ["multipolygon"]
        self.types += ["route", "public_transport"] if transit else []
        self.types += ["building"] if parts else []
        self.areas: set[int] = set()
        self.assembled: set[int] = set()
        self.member_ways: set[int] = set()
        self.outlines: dict[int, list[int]] = {}
        self.part_outline: dict[int, int] = {}
        self.stop_areas: list[array[int]] = []
        self.routes: list[Route] = []
        self.stops, self.platforms, self.courses = Members(), Members(), Members()

    def add(self, ident: int, tags: Mapping[str, str], members: Sequence[str]) -> None:
        """
        Take a relation of one of `types`.

        Parameters
        ----------
        ident
            Its id.
        tags
            Its tags, as OPL writes them.
        members
            Its members as OPL writes them: letter of the kind, id, ``@`` and role.
        """
        match tags.get("type"):
            case "multipolygon" if not self._area_keys.isdisjoint(tags):
                ways = [member[1:].split("@") for member in members if member[0] == "w"]
                self.areas.add(ident)
                self.member_ways.update(int(way) for way, _ in ways)
                if "building" in tags:
                    self.outlines[ident] = [int(way) for way, role in ways if role == "outer"]
            case "route" if MODE.get(tags.get("route", "")) is not None:
                self._add_route(ident, tags, members)
            case "public_transport" if tags.get("public_transport") == "stop_area":
                self.stop_areas.append(array("q", [_key(member)[0] for member in members]))
            case "building":
                self._add_parts(members)

    def _add_route(self, ident: int, tags: Mapping[str, str], members: Sequence[str]) -> None:
        stops, platforms, ways = self.stops.keys, self.platforms.keys, self.courses.keys
        before = len(stops), len(platforms), len(ways)
        # nearly all members are ways with a role like "" or "forward", and lines have thousands of them
        along = [member[0] == "w" and member.endswith(_ALONG) for member in members]
        ways.extend([int(member[1 : member.index("@")]) for member in compress(members, along)])
        for member in compress(members, map(not_, along)):
            key, role = _key(member)
            if role.startswith("platform"):
                platforms.append(key)
            elif role.startswith("stop") or role.endswith("stop") or (member[0] == "n" and role in ("", "halt")):
                stops.append(key)
            elif member[0] == "w" and role != "link":
                ways.append(int(member[1 : member.index("@")]))
        for group, start in zip((self.stops, self.platforms, self.courses), before, strict=True):
            group.counts.append(len(group.keys) - start)
        self.routes.append(
            Route(ident, MODE[tags["route"]] or "other", plain(tags.get("ref")), plain(tags.get("name")))
        )

    def course_ways(self) -> frozenset[int]:
        """Ways that routes run along."""
        return frozenset(np.unique(np.array(self.courses.keys, dtype=np.int64)).tolist())

    def _add_parts(self, members: Sequence[str]) -> None:
        found = [_key(member) for member in members]
        outline = next((key for key, role in found if role == "outline"), None)
        if outline is not None:
            for key, role in found:
                if role in ("part", ""):
                    self.part_outline[key] = outline


def _key(member: str) -> tuple[int, str]:
    """Key and role of a member."""
    ident, _, role = member[1:].partition("@")
    return source_key(int(ident), _KIND[member[0]]), role
