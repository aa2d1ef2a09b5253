"""How far one gets from a point of the map, as the app draws it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi.access.isochrone import Isochrone, Mode, isochrone, walks_to_stops
from dothi.chain import congested_times_from
from dothi.errors import Problems
from dothi.server.travel_facts import IsochroneFacts, WithinFacts
from dothi.transit.footpaths import collected
from dothi.transit.network import Network, TransitParams, network
from dothi.transit.routing import earliest_arrivals
from dothi.units import SECONDS_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dothi.city import City
    from dothi.shown import Shown
    from dothi.transit.timetable import Timetable

MOST_LIMITS: Final = 8
CITY_B: Final = 100_000_000
"""What a city with its networks counts among what is kept [B]."""


def city_of(shown: Shown) -> City:
    """City as it is shown, with the times of its simulated traffic, if there are any; made once."""

    def make() -> City:
        key = shown.results.get("traffic", "")
        kept = shown.store.find("traffic", key) if shown.store and key else None
        return congested_times_from(shown.city, kept.result()) if kept else shown.city

    city: City = shown.kept.get(f"{shown.key}/with times", make, lambda _: CITY_B)
    return city


def read_minutes(text: str) -> list[float]:
    """
    Times from the text of a query.

    Raises
    ------
    InputError
        They are no numbers, or too many.
    """
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    problems = Problems()
    if not found:
        problems.error("are numbers of minutes with commas between", column="minutes")
    elif len(found) > MOST_LIMITS:
        problems.error(f"names at most {MOST_LIMITS} times", column="minutes")
    problems.raise_errors()
    return found


def reach_from(
    shown: Shown, x: float, y: float, mode: Mode, minutes: Sequence[float], departure_s: float
) -> IsochroneFacts:
    """
    What is within reach of a point.

    Parameters
    ----------
    shown
        City.
    x, y
        The point [m].
    mode
        How one goes.
    minutes
        Limits [min].
    departure_s
        When one leaves, with public transport [s].

    Raises
    ------
    InputError
        The point or a limit cannot be, no street is open to the mode, or nothing runs.
    """
    city = city_of(shown)
    limits = [limit * SECONDS_PER_MINUTE for limit in minutes]
    arrivals = _arrivals(shown, city, x, y, departure_s) if mode == "transit" else None
    return _facts(isochrone(city, x, y, mode, limits, arrivals=arrivals))


def _facts(found: Isochrone) -> IsochroneFacts:
    shapes = np.asarray(found.parts.geometry.array, dtype=object)
    xy, part = shapely.get_coordinates(shapes, return_index=True)
    size = np.bincount(part, minlength=len(shapes))
    step = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    first = np.cumsum(size) - size
    along = np.cumsum(step)
    along -= along[first][part]
    share = along / np.maximum(along[first + size - 1], 1e-9)[part]
    begin, end = (found.parts[name].to_numpy(dtype=float)[part] for name in ("from_s", "to_s"))
    areas = zip(*(found.areas[name] for name in ("limit_s", "area_m2", "residents", "jobs")), strict=True)
    return IsochroneFacts(
        mode=found.mode,
        congested=found.congested,
        start=(round(found.start[0], 2), round(found.start[1], 2)),
        within=[
            WithinFacts(minutes=s / SECONDS_PER_MINUTE, area_m2=round(area), residents=round(people), jobs=round(jobs))
            for s, area, people, jobs in areas
        ],
        size=size.tolist(),
        xy=np.round(xy, 1).ravel().tolist(),
        time_s=np.rint(begin + share * (end - begin)).astype(np.int64).tolist(),
    )


def _arrivals(shown: Shown, city: City, x: float, y: float, departure_s: float) -> dict[int, float]:
    """How long after leaving one is at stops: on foot to those near by, and on from there by vehicle [s]."""

    def make() -> tuple[Network, Timetable]:
        made = network(city, TransitParams())
        return made, made.timetable(city, 0)

    found, table = shown.kept.get(f"{shown.key}/timetable", make, lambda _: CITY_B)
    params, stops = found.params, city["stops"].index
    near = walks_to_stops(city, x, y, params.walk_limit_m / params.walk_speed_m_s)
    if not len(near):
        return {}
    to = stops.get_indexer(near.index)
    access = collected(np.zeros(len(to), dtype=np.int64), to, np.ceil(near.to_numpy()), 1)
    arrivals: Any = earliest_arrivals(
        table, found.transfers, [0], [departure_s], rides=params.rides, change_s=params.change_s, access=access
    )[0]
    reached = np.flatnonzero(np.isfinite(arrivals))
    return dict(zip(stops[reached].tolist(), (arrivals[reached] - departure_s).tolist(), strict=True))
