"""What relations say: areas made of ways, lines of public transport, buildings made of parts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from dothi.io.osm.rows import NODE, RELATION, WAY, source_key

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

_KIND: Final = {"n": NODE, "w": WAY, "r": RELATION}


@dataclass(frozen=True, slots=True)
class Route:
    """A line: what it is called, and its members in order, as keys of objects."""

    ident: int
    mode: str
    ref: str | None
    name: str | None
    stops: tuple[int, ...]
    platforms: tuple[int, ...]
    ways: tuple[int, ...]


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
        self._area_keys = tuple(area_keys)
        self.types = ["multipolygon"]
        self.types += ["route", "public_transport"] if transit else []
        self.types += ["building"] if parts else []
        self.areas: set[int] = set()
        self.assembled: set[int] = set()
        self.member_ways: set[int] = set()
        self.course_ways: set[int] = set()
        self.outlines: dict[int, list[int]] = {}
        self.part_outline: dict[int, int] = {}
        self.stop_areas: list[tuple[int, ...]] = []
        self.routes: list[Route] = []

    def add(self, relation: Any) -> None:
        """Take a relation of one of `types`."""
        get = relation.tags.get
        match get("type"):
            case "multipolygon" if any(key in relation.tags for key in self._area_keys):
                ways = [member for member in relation.members if member.type == "w"]
                self.areas.add(relation.id)
                self.member_ways.update(member.ref for member in ways)
                if "building" in relation.tags:
                    self.outlines[relation.id] = [member.ref for member in ways if member.role == "outer"]
            case "route" if MODE.get(get("route", "")) is not None:
                self._add_route(relation)
            case "public_transport" if get("public_transport") == "stop_area":
                self.stop_areas.append(tuple(source_key(m.ref, _KIND[m.type]) for m in relation.members))
            case "building":
                self._add_parts(relation)

    def _add_route(self, relation: Any) -> None:
        get = relation.tags.get
        stops, platforms, ways = [], [], []
        for member in relation.members:
            key = source_key(member.ref, _KIND[member.type])
            role = member.role
            if role.startswith("platform"):
                platforms.append(key)
            elif role.startswith("stop") or role.endswith("stop") or (member.type == "n" and role in ("", "halt")):
                stops.append(key)
            elif member.type == "w" and role != "link":
                ways.append(member.ref)
        self.course_ways.update(ways)
        self.routes.append(
            Route(
                relation.id, MODE[get("route")] or "other", get("ref"), get("name"), tuple(stops), tuple(platforms), tuple(ways)
            )
        )

    def _add_parts(self, relation: Any) -> None:
        members = [(source_key(m.ref, _KIND[m.type]), m.role) for m in relation.members]
        outline = next((key for key, role in members if role == "outline"), None)
        if outline is not None:
            for key, role in members:
                if role in ("part", ""):
                    self.part_outline[key] = outline
