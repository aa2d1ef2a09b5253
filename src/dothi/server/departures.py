"""Lines of public transport on the map, and the next departures of a stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi.server.travel_facts import BoardFacts, DepartureFacts, LineFacts, LinesFacts
from dothi.shown import missing
from dothi.transit.timetable import DAY_S, service_day

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City
    from dothi.shown import Shown

MOST_DEPARTURES: Final = 8
"""Departures told of each line and destination."""


def lines_of(shown: Shown) -> LinesFacts:
    """Lines of a city with their courses; where none is known, straight from stop to stop."""
    city = shown.city
    routes = city["routes"]
    shapes = np.asarray(routes.geometry.array, dtype=object)
    stops = _stops_in_order(city) if len(routes) and any(shape is None for shape in shapes) else {}
    return LinesFacts(
        lines=[
            LineFacts(
                route_id=int(ident),
                row=row,
                name=_name(routes.iloc[row]),
                mode=_text(routes["mode"].iloc[row]),
                xy=_parts(shapes[row] if shapes[row] is not None else stops.get(int(ident))),
            )
            for row, ident in enumerate(routes.index)
        ]
    )


def board_of(shown: Shown, stop_id: int, after_s: float) -> BoardFacts:
    """
    Next departures of a stop, and of the platforms that belong to it.

    Parameters
    ----------
    shown
        City.
    stop_id
        Stop.
    after_s
        Time of day [s].

    Raises
    ------
    MissingError
        There is no such stop.
    """
    city = shown.city
    stops = city["stops"]
    if stop_id not in stops.index:
        raise missing(f"is the stop_id of a row ({stop_id})", table="stops", column="stop_id")
    own = {stop_id}
    if "parent_stop_id" in stops:
        own |= set(stops.index[(stops["parent_stop_id"] == stop_id).fillna(value=False)])
    day = service_day(city)
    found = _scheduled(city, own, after_s, day) + _by_headway(city, own)
    return BoardFacts(
        stop_id=stop_id,
        name=_text(stops["name"][stop_id]) if "name" in stops else "",
        day=None if day is None else day.date().isoformat(),
        lines=sorted(found, key=lambda line: (line.times_s[:1] or [DAY_S], line.name, line.towards)),
    )


def _scheduled(city: City, stops: set[int], after_s: float, day: pd.Timestamp | None) -> list[DepartureFacts]:
    calls, trips, routes = city["stop_times"], city["trips"], city["routes"]
    here = calls[calls["stop_id"].isin(stops)]
    if day is None or not len(here):
        return []
    calendar = city["calendar"]
    services = calendar["service_id"][calendar["date"].dt.normalize() == day]
    here = here.join(trips[["route_id", "service_id", "headsign"]], on="trip_id")
    here = here[here["service_id"].isin(services)]
    last = calls.groupby("trip_id")["stop_sequence"].max()
    here = here[here["stop_sequence"] < here["trip_id"].map(last)]  # where it ends, nobody gets on
    # Vehicles that left before midnight call in the small hours of this day.
    time = here["departure_s"].to_numpy(dtype=float)
    here = here.assign(time=np.where((time >= DAY_S) & (time - DAY_S >= after_s), time - DAY_S, time))
    here = here[here["time"] >= after_s].sort_values("time", kind="stable")
    here = here.assign(headsign=here["headsign"].astype(object).where(here["headsign"].notna(), ""))
    return [
        DepartureFacts(
            route_id=int(route),
            name=_name(routes.loc[route]),
            mode=_text(routes["mode"][route]),
            towards=str(towards),
            times_s=leaving["time"].head(MOST_DEPARTURES).tolist(),
            headway_s=None,
            first_s=None,
            last_s=None,
        )
        for (route, towards), leaving in here.groupby(["route_id", "headsign"], sort=False)
    ]


def _by_headway(city: City, stops: set[int]) -> list[DepartureFacts]:
    routes, order = city["routes"], city["route_stops"]
    timed = set(city["trips"]["route_id"])
    found = []
    for route, calls in order[~order["route_id"].isin(timed)].groupby("route_id", sort=False):
        sequence = calls.sort_values("stop_sequence", kind="stable")["stop_id"].tolist()
        if stops.isdisjoint(sequence[:-1]):
            continue
        row = routes.loc[route]
        end = city["stops"]["name"].get(sequence[-1]) if "name" in city["stops"] else None
        found.append(
            DepartureFacts(
                route_id=int(route),
                name=_name(row),
                mode=_text(row["mode"]),
                towards=_text(end),
                times_s=[],
                headway_s=_number(row["headway_s"]),
                first_s=_number(row["first_s"]),
                last_s=_number(row["last_s"]),
            )
        )
    return found


def _stops_in_order(city: City) -> dict[int, Any]:
    """Line through the stops of every route: of its trip with the most calls, or as they are listed."""
    places = dict(zip(city["stops"].index, np.asarray(city["stops"].geometry.array, dtype=object), strict=True))
    calls, order = city["stop_times"], city["route_stops"]
    trips = city["trips"]
    counts = calls.groupby("trip_id").size()
    longest = counts.groupby(trips["route_id"].reindex(counts.index)).idxmax() if len(counts) else {}
    lists = {int(route): rows.sort_values("stop_sequence") for route, rows in order.groupby("route_id")}
    for route, trip in dict(longest).items():
        lists[int(route)] = calls[calls["trip_id"] == trip].sort_values("stop_sequence")
    found = {}
    for route, rows in lists.items():
        points = [places[stop] for stop in rows["stop_id"] if stop in places]
        if len(points) > 1:
            found[route] = shapely.LineString(points)
    return found


def _parts(shape: Any) -> list[list[float]]:
    if shape is None:
        return []
    return [np.round(shapely.get_coordinates(part), 1).ravel().tolist() for part in shapely.get_parts(shape)]


def _name(route: Any) -> str:
    return _text(route.get("short_name")) or _text(route.get("name"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    return float(value) if value is not None and value == value else None
