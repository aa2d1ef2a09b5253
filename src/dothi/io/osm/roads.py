"""Tags of a road as Dothi reads them: class, direction, speed, who may use it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from dothi.io.osm.values import UNLIMITED, count, metres, speed, whole

Tags = Mapping[str, str | None]

ROAD_CLASS: Final[dict[str, str]] = {
    "motorway": "motorway",
    "motorway_link": "motorway",
    "trunk": "trunk",
    "trunk_link": "trunk",
    "primary": "primary",
    "primary_link": "primary",
    "secondary": "secondary",
    "secondary_link": "secondary",
    "tertiary": "tertiary",
    "tertiary_link": "tertiary",
    "unclassified": "unclassified",
    "road": "unclassified",
    "residential": "residential",
    "living_street": "living_street",
    "service": "service",
    "track": "track",
    "pedestrian": "pedestrian",
    "footway": "footway",
    "cycleway": "cycleway",
    "path": "path",
    "bridleway": "path",
    "steps": "steps",
    "busway": "busway",
    "bus_guideway": "busway",
}
"""Road class by `highway`; roads under construction, proposed, abandoned or indoors are no roads."""

ROAD_KEYS: Final = (
    "highway", "service", "layer", "bridge", "tunnel", "surface", "width", "lanes", "junction", "access", "vehicle",
    "foot", "bicycle", "motor_vehicle", "motorcycle", "motorcar", "hgv", "bus", "psv", "motorroad",
    "maxspeed", "maxspeed:type", "source:maxspeed", "zone:maxspeed",
    "oneway", "oneway:bicycle", "oneway:motorcycle", "oneway:bus", "oneway:psv",
    "cycleway", "cycleway:left", "cycleway:right", "cycleway:both", "busway",
)  # fmt: skip
"""Keys that matter on a road."""

CLOSED: Final = frozenset(
    {
        "no", "private", "agricultural", "forestry", "agricultural;forestry", "delivery", "emergency", "military",
        "permit", "official_vehicles", "use_sidepath", "dismount", "maintenance", "construction",
    }
)  # fmt: skip
"""Values of an access tag that keep the public out."""
OPEN: Final = frozenset(
    {"yes", "designated", "permissive", "destination", "official", "customers", "residents", "public"}
)

_WHO: Final[dict[str, tuple[str, ...]]] = {
    "walk": ("foot", "access"),
    "bicycle": ("bicycle", "vehicle", "access"),
    "motorbike": ("motorcycle", "motor_vehicle", "vehicle", "access"),
    "car": ("motorcar", "motor_vehicle", "vehicle", "access"),
    "bus": ("bus", "psv", "motor_vehicle", "vehicle", "access"),
    "truck": ("hgv", "motor_vehicle", "vehicle", "access"),
}
"""Keys that rule over a mode, the closest first (wiki.openstreetmap.org/wiki/Key:access)."""

NARROW_M: Final = 2.2
"""Carriageway that a car does not get through: its body of 1.8 m and 0.2 m on each side."""
_MAY_BE_NARROW: Final = frozenset({"service", "residential", "living_street", "unclassified"})
_FORWARD: Final = frozenset({"yes", "true", "1"})
_BACKWARD: Final = frozenset({"-1", "reverse"})


def direction(tags: Tags) -> str:
    """Direction open to motor traffic: roundabouts and motorways are one-way unless they say otherwise."""
    oneway = tags["oneway"]
    if oneway in _BACKWARD:
        return "backward"
    implied = oneway is None and (tags["junction"] in ("roundabout", "circular") or tags["highway"] == "motorway")
    return "forward" if oneway in _FORWARD or implied else "both"


def access(tags: Tags) -> tuple[str | None, str | None]:
    """
    Modes shut out, and modes let in beyond the class, each separated by blanks.

    The closest key decides. `access` and `vehicle` may close a road, but open none: a footway with
    ``access=yes`` is no road for cars.
    """
    closed, opened = [], []
    for mode, keys in _WHO.items():
        key = next((key for key in keys if tags[key] is not None), None)
        if key is None:
            continue
        value = tags[key]
        if value in CLOSED and not (mode == "truck" and value == "delivery"):
            closed.append(mode)
        elif value in OPEN and key not in ("access", "vehicle"):
            opened.append(mode)
    if tags["motorroad"] == "yes":
        closed += [mode for mode in ("walk", "bicycle") if mode not in closed]
    return " ".join(closed) or None, " ".join(opened) or None


def contraflow(tags: Tags) -> str | None:
    """Modes that may go against a one-way street, separated by blanks; walkers always may and are not listed."""
    modes = []
    lanes = (tags[key] for key in ("cycleway", "cycleway:left", "cycleway:right", "cycleway:both"))
    if tags["oneway:bicycle"] in ("no", "-1") or any((lane or "").startswith("opposite") for lane in lanes):
        modes.append("bicycle")
    if tags["oneway:motorcycle"] == "no":
        modes.append("motorbike")
    if "no" in (tags["oneway:bus"], tags["oneway:psv"]) or (tags["busway"] or "").startswith("opposite"):
        modes.append("bus")
    return " ".join(modes) or None


def speed_limit(tags: Tags) -> tuple[float, bool]:
    """Limit [m s⁻¹], and whether `maxspeed` was there but not understood."""
    posted = tags["maxspeed"]
    limit = speed(posted)
    if not math.isnan(limit) and limit <= 60.0:
        return limit, False
    for key in ("maxspeed:type", "source:maxspeed", "zone:maxspeed"):
        implied = speed(tags[key])
        if not math.isnan(implied) and implied <= 60.0:
            return implied, False
    return math.nan, posted is not None and posted not in UNLIMITED


def on(value: str | None) -> bool:
    """Whether a tag such as `bridge` says yes or names a kind."""
    return value is not None and value != "no"


def road(tags: Tags, *, narrow_alleys: bool) -> dict[str, Any]:
    """
    Columns of `roads` that tags decide.

    Parameters
    ----------
    tags
        Value or none for every key of `ROAD_KEYS`.
    narrow_alleys
        Whether ``service=alley`` is too narrow for cars, as the ngõ and hẻm of Vietnam are, unless its width
        says otherwise.
    """
    highway = tags["highway"] or ""  # ferries have none
    width = metres(tags["width"])
    if not 0.0 < width <= 200.0:
        width = math.nan
    lanes = count(tags["lanes"])
    limit, unread_limit = speed_limit(tags)
    kind = ROAD_CLASS.get(highway, "ferry")
    if kind in _MAY_BE_NARROW:
        lane = narrow_alleys and tags["service"] == "alley" and math.isnan(width)
        if lane or width < NARROW_M:
            kind = "alley"
    closed, opened = access(tags)
    way = "both" if kind in ("footway", "path", "steps", "pedestrian") else direction(tags)
    return {
        "class": kind,
        "lanes": lanes if 0.0 <= lanes <= 20.0 else math.nan,
        "width_m": width,
        "free_speed_m_s": limit,
        "direction": way,
        "level": max(-10, min(10, whole(tags["layer"]))),
        "bridge": on(tags["bridge"]),
        "tunnel": on(tags["tunnel"]),
        "roundabout": tags["junction"] in ("roundabout", "circular"),
        "surface": tags["surface"],
        "closed_to": closed,
        "open_to": opened,
        "contraflow": contraflow(tags) if way != "both" else None,
        "!lanes": tags["lanes"] is not None and not 0.0 <= lanes <= 20.0,
        "!width_m": tags["width"] is not None and math.isnan(width),
        "!free_speed_m_s": unread_limit,
    }
