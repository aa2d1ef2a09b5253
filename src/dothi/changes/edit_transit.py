"""Change: lines of public transport run more often, longer, or no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
import shapely
from pydantic import Field, model_validator

from dothi.changes.base import ENTERED, Change
from dothi.changes.clock import Clock, seconds
from dothi.changes.places import Selection
from dothi.changes.rows import appended, new_ids
from dothi.errors import Problems
from dothi.units import M_S_PER_KM_H, SECONDS_PER_MINUTE

if TYPE_CHECKING:
    import pandas as pd
    from shapely import LineString

    from dothi.city import City
    from dothi.shapes import Mask

TIMETABLE: Final = ("trips", "stop_times", "route_stops")
DAY_S: Final = 86_400.0
FASTEST_M_S: Final = 100.0
FROM_TIMETABLE: Final = "timetable"
"""Method of headways that were read off a timetable."""


class EditTransit(Change):
    """
    Let lines run more often, at other hours, faster, with larger vehicles, or no more.

    A line that has a timetable loses it with any of these, and runs by a headway from then on: that of its busiest day,
    the mean over the hours in which it runs, times `headway_factor`, unless `headway_min` says another. Its stops and
    its speed are those of the course that most of its trips take; its other direction becomes a line of its own.
    """

    kind: Literal["edit_transit"]
    routes: Selection = Field(description='Lines, such as `{ where = { short_name = "C1" } }`.')
    headway_min: float | None = Field(None, gt=0.0, le=1440.0, description="Time between two vehicles [min].")
    headway_factor: float | None = Field(
        None, gt=0.0, le=100.0, description="Headway in times of what it was: 0.5 is twice as often."
    )
    first: Clock | None = Field(None, description="First departure of the day.")
    last: Clock | None = Field(
        None, description="Last departure of the day; after midnight it counts on, such as 25:30."
    )
    speed_km_h: float | None = Field(None, gt=0.0, le=360.0, description="Mean speed, stops included [km/h].")
    vehicle_capacity: int | None = Field(None, gt=0, le=5000, description="Places in a vehicle.")
    remove: bool = Field(False, description="Whether the lines are given up.")

    touches: ClassVar = ("routes", *TIMETABLE)
    sentence: ClassVar = {
        "en": "Public transport, {routes}: [every {headway_min} min, ][headway times {headway_factor}, ]"
        "[from {first}, ][until {last}, ][{speed_km_h} km/h, ][{vehicle_capacity} places, ]",
        "fr": "Transports publics, {routes} : [toutes les {headway_min} min, ][intervalle × {headway_factor}, ]"
        "[dès {first}, ][jusqu’à {last}, ][{speed_km_h} km/h, ][{vehicle_capacity} places, ]",
        "vi": "Giao thông công cộng, {routes}: [{headway_min} phút/chuyến, ][giãn cách × {headway_factor}, ]"
        "[từ {first}, ][đến {last}, ][{speed_km_h} km/h, ][{vehicle_capacity} chỗ, ]",
    }

    @model_validator(mode="after")
    def _says_what(self) -> EditTransit:
        given = (self.headway_min, self.headway_factor, self.first, self.last, self.speed_km_h, self.vehicle_capacity)
        if self.remove == any(value is not None for value in given):
            raise ValueError("says what changes, or remove = true")
        if self.headway_min is not None and self.headway_factor is not None:
            raise ValueError("has a headway or a factor, not both")
        return self

    def describe(self, language: str = "en") -> str:
        """What it does, in one sentence."""
        if not self.remove:
            return super().describe(language)
        words = {"en": "Gives up {}", "fr": "Suppression : {}", "vi": "Ngừng {}"}
        return words[language].format(self.routes.describe(language, "routes"))

    def apply(self, city: City, problems: Problems) -> City:
        """City whose lines run as told."""
        chosen = self.routes.rows(city, "routes", problems)
        if problems.errors:
            return city
        if self.remove:
            return _without(city, chosen)
        city, ids = _by_headway(city, city["routes"].index[chosen])
        routes = city["routes"]
        mine = routes.index.isin(ids)
        if self.headway_factor is not None and routes["headway_s"][mine].isna().any():
            rule = "is known of lines whose headway changes by a factor (else give headway_min)"
            problems.error(
                rule, table="routes", column="headway_s", rows=routes.index[mine & routes["headway_s"].isna()]
            )
        values = {
            "headway_s": self.headway_min and self.headway_min * SECONDS_PER_MINUTE,
            "first_s": self.first and seconds(self.first),
            "last_s": self.last and seconds(self.last),
            "speed_m_s": self.speed_km_h and self.speed_km_h * M_S_PER_KM_H,
            "vehicle_capacity": self.vehicle_capacity and float(self.vehicle_capacity),
        }
        if self.headway_factor is not None:
            values["headway_s"] = routes["headway_s"] * self.headway_factor
        for name, value in values.items():
            if value is not None:
                routes[name] = routes[name].where(~mine, value)
        if values["headway_s"] is not None:
            routes["headway_s_method"] = routes["headway_s_method"].astype(object).where(~mine, ENTERED)
            routes["headway_s_confidence"] = routes["headway_s_confidence"].where(~mine, 1.0)
        late = mine & (routes["last_s"] <= routes["first_s"]).to_numpy(dtype=bool)
        if late.any():
            problems.error("is after the first departure", table="routes", column="last_s", rows=routes.index[late])
        return city if problems.errors else city.with_tables(routes=routes)


def _without(city: City, chosen: Mask) -> City:
    """City without some lines, their trips and their calls; stops stay."""
    from dothi.derive.references import without_dangling

    names = [name for name in ("routes", "trips", "stop_times", "route_stops", "stops", "shapes") if name in city]
    before = {name: city[name] for name in names}
    after = without_dangling({**before, "routes": before["routes"][~chosen]}, before, {}, Problems())
    return city.with_tables(**{name: frame for name, frame in after.items() if len(frame) < len(before[name])})


def _by_headway(city: City, ids: pd.Index) -> tuple[City, pd.Index]:
    """City in which some lines run by headways, and the ids of these lines, with their other directions."""
    import pandas as pd

    trips = city["trips"]
    mine = trips["route_id"].isin(ids).to_numpy(dtype=bool)
    if not mine.any():
        return city, ids
    calls = city["stop_times"]
    own = calls[calls["trip_id"].isin(trips.index[mine])].sort_values(["trip_id", "stop_sequence"], kind="stable")
    by_trip = own.groupby("trip_id", sort=True)
    course = by_trip["stop_id"].agg(tuple)
    runs = pd.DataFrame(
        {
            "route": trips["route_id"].reindex(course.index),
            "direction": trips["direction"].reindex(course.index).astype("Int64").fillna(0),
            "service": trips["service_id"].reindex(course.index),
            "course": course,
            "begins_s": by_trip["departure_s"].first(),
            "ends_s": by_trip["arrival_s"].last(),
            "shape": trips["shape_id"].reindex(course.index),
        }
    )
    routes, order = city["routes"], city["route_stops"]
    order = order[~order["route_id"].isin(runs["route"].unique())]
    rows: list[Any] = []
    for (route, _), some in runs.groupby(["route", "direction"], sort=True):
        seen = any(each[0] == route for each in rows)
        rows.append((route, seen, *_service(some, city)))
    added = {route: int(ident) for route, ident in _other_ids(routes.index, [row[0] for row in rows if row[1]]).items()}
    lines, stops = [], []
    for route, second, headway, first, last, called, course, speed in rows:
        ident = added[route] if second else route
        line = routes.loc[[route]].copy()
        line.index = pd.Index([ident])
        line["headway_s"], line["first_s"], line["last_s"] = headway, first, last
        line["headway_s_method"], line["headway_s_confidence"] = FROM_TIMETABLE, 1.0
        line["speed_m_s"] = speed
        line.geometry = [course]
        lines.append(line)
        stops += [(ident, stop, number) for number, stop in enumerate(called)]
    timed = pd.concat(lines)
    fresh = pd.DataFrame(stops, columns=["route_id", "stop_id", "stop_sequence"])
    fresh.index = pd.Index(new_ids(order.index, [(int(route), number) for route, _, number in stops]))
    city = city.with_tables(
        stop_times=calls[~calls["trip_id"].isin(trips.index[mine])],
        trips=trips[~mine],
        routes=appended(routes.drop(index=runs["route"].unique()), timed, "routes"),
        route_stops=appended(order, fresh, "route_stops"),
    )
    return city, ids.union(timed.index)


def _service(runs: pd.DataFrame, city: City) -> tuple[float, float, float, tuple[int, ...], LineString, float]:
    """
    What a direction of a line offers on its busiest set of days.

    Returns
    -------
    headway, first, last
        Mean time between vehicles, first and last departure [s].
    stops
        Stops of the course that most trips take.
    course
        Its way on the ground, else straight from stop to stop [m].
    speed
        Its length over the median time of these trips [m s⁻¹].
    """
    days = runs["service"].value_counts(sort=False).sort_index()
    busiest = runs[runs["service"] == days.idxmax()]
    begins = np.sort(busiest["begins_s"].to_numpy(dtype=float))
    first, last = float(begins[0]), float(begins[-1])
    headway = (last - first) / (len(begins) - 1) if last > first else DAY_S
    ways = busiest["course"].value_counts()
    stops = min(ways.index[ways == ways.max()], key=lambda way: (-len(way), way))
    usual = busiest[busiest["course"] == stops]
    shape = usual["shape"].dropna()
    if len(shape):
        course = city["shapes"].geometry.loc[shape.mode().iloc[0]]
    else:
        course = shapely.LineString(shapely.get_coordinates(city["stops"].geometry.loc[list(stops)].to_numpy()))
    takes = max(float((usual["ends_s"] - usual["begins_s"]).median()), 1.0)
    return headway, first, max(last, first + 1.0), stops, course, min(course.length / takes, FASTEST_M_S)


def _other_ids(taken: pd.Index, routes: list[int]) -> dict[int, int]:
    return dict(zip(routes, new_ids(taken, [(int(route), "other direction") for route in routes]), strict=True))
