"""Change: a line of public transport opens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import numpy as np
import shapely
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from dothi.changes.base import ENTERED, Change
from dothi.changes.clock import Clock, seconds
from dothi.changes.places import Line, Place, on_grid
from dothi.changes.rows import appended, new_ids
from dothi.place import load
from dothi.shapes import Shapes
from dothi.units import M_S_PER_KM_H, SECONDS_PER_MINUTE

if TYPE_CHECKING:
    import geopandas as gpd

    from dothi.city import City
    from dothi.errors import Problems

TransitMode = Literal[
    "tram", "subway", "rail", "bus", "ferry", "cable", "gondola", "funicular", "trolleybus", "monorail", "other"
]
ON_STREETS: Final = ("bus", "trolleybus")
"""Modes that keep to the streets where no course is given."""


class Stop(BaseModel):
    """A stop of a new line: one that is there, or a new one."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    id: int | None = Field(None, description="Id of a stop that is there.")
    place: Place | None = Field(None, description="Where a new stop is.")
    name: str | None = Field(None, description="Name of the new stop.")

    @model_validator(mode="after")
    def _is_one(self) -> Stop:
        if (self.id is None) == (self.place is None):
            raise ValueError("is the id of a stop, or a place")
        return self


def _stop(value: Any) -> Any:
    """A stop from its short forms: an id, a place, a GeoJSON feature."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"id": value}
    if isinstance(value, list | tuple):
        return {"place": value}
    if isinstance(value, Mapping) and value.get("type") == "Feature":
        properties = value.get("properties") or {}
        return {"place": value.get("geometry"), "name": properties.get("name")}
    return {"place": value} if isinstance(value, Mapping) and "coordinates" in value else value


class AddTransitLine(Change):
    """
    Open a line of buses, trams or a metro, with a headway in place of a timetable.

    Buses keep to the shortest way along the streets that are open to them, unless a course is drawn; other modes go
    straight from stop to stop. Both directions become lines of their own, each with its stops in order. Speed and
    places are those usual in the country where none are given.
    """

    kind: Literal["add_transit_line"]
    mode: TransitMode = Field(description="Kind of vehicle.")
    short_name: str = Field(min_length=1, max_length=40, description="Number or letter of the line.")
    name: str | None = Field(None, description="Name of the line.")
    stops: tuple[Annotated[Stop, BeforeValidator(_stop)], ...] = Field(
        min_length=2,
        max_length=1000,
        description="Stops in order: ids of stops that are there, places `[longitude, latitude]`, or tables with "
        "`place` and `name`.",
    )
    course: Line | Literal["streets", "straight"] | None = Field(
        None, description="Way drawn from the first stop to the last; or `streets`, or `straight`."
    )
    headway_min: float = Field(gt=0.0, le=1440.0, description="Time between two vehicles [min].")
    first: Clock = Field("05:00", description="First departure of the day.")
    last: Clock = Field("23:00", description="Last departure of the day; after midnight it counts on, such as 25:30.")
    speed_km_h: float | None = Field(None, gt=0.0, le=360.0, description="Mean speed, stops included [km/h].")
    vehicle_capacity: int | None = Field(None, gt=0, le=5000, description="Places in a vehicle.")
    both_directions: bool = Field(True, description="Whether vehicles also go back from the last stop to the first.")

    touches: ClassVar = ("routes", "stops", "route_stops")
    sentence: ClassVar = {
        "en": "New line {short_name} ({mode})[, {name}]: {stops} stops, every {headway_min} min, {first} to {last}",
        "fr": "Ligne nouvelle {short_name} ({mode})[, {name}] : {stops} arrêts, toutes les {headway_min} min, "
        "de {first} à {last}",
        "vi": "Tuyến mới {short_name} ({mode})[, {name}]: {stops} điểm dừng, {headway_min} phút/chuyến, "
        "từ {first} đến {last}",
    }
    words: ClassVar = {"mode": "transit"}

    @model_validator(mode="after")
    def _lasts(self) -> AddTransitLine:
        if seconds(self.last) <= seconds(self.first):
            raise ValueError("has its last departure after its first; after midnight hours count on, such as 25:30")
        return self

    def apply(self, city: City, problems: Problems) -> City:
        """City with the line, its new stops, and the order of its stops."""
        import geopandas as gpd
        import pandas as pd

        stops, ids = self._stops(city, problems)
        if problems.errors:
            return city
        places = np.asarray(stops.loc[ids].geometry.array, dtype=object)
        ways = [("", ids, self._course(city, places, back=False, problems=problems))]
        if self.both_directions and not problems.errors:
            ways.append(("back", ids[::-1], self._course(city, places[::-1], back=True, problems=problems)))
        if problems.errors:
            return city
        usual = load(city.country, "transit")
        speed_m_s = usual["speed_m_s"][self.mode] if self.speed_km_h is None else self.speed_km_h * M_S_PER_KM_H
        capacity = float(self.vehicle_capacity or usual["vehicle_capacity"][self.mode])
        text = self.model_dump_json()
        route_ids = new_ids(city["routes"].index, [(text, way) for way, _, _ in ways])
        routes = gpd.GeoDataFrame(
            {
                "geometry": np.array([course for *_, course in ways], dtype=object),
                "short_name": self.short_name,
                "name": self.name,
                "mode": self.mode,
                "headway_s": self.headway_min * SECONDS_PER_MINUTE,
                "headway_s_method": ENTERED,
                "headway_s_confidence": 1.0,
                "first_s": seconds(self.first),
                "last_s": seconds(self.last),
                "speed_m_s": speed_m_s,
                "vehicle_capacity": capacity,
            },
            index=pd.Index(route_ids),
            crs=city.crs,
        )
        calls = [
            (route, stop, number)
            for route, (_, order, _) in zip(route_ids, ways, strict=True)
            for number, stop in enumerate(order)
        ]
        before = city["route_stops"]
        call_ids = pd.Index(new_ids(before.index, [(int(route), number) for route, _, number in calls]))
        order = pd.DataFrame(calls, columns=["route_id", "stop_id", "stop_sequence"], index=call_ids)
        return city.with_tables(
            stops=stops,
            routes=appended(city["routes"], routes, "routes"),
            route_stops=appended(before, order, "route_stops"),
        )

    def _stops(self, city: City, problems: Problems) -> tuple[gpd.GeoDataFrame, list[int]]:
        """Stops with the new ones among them, and the ids of those of the line in order."""
        import geopandas as gpd
        import pandas as pd

        stops = city["stops"]
        unknown = [stop.id for stop in self.stops if stop.id is not None and stop.id not in stops.index]
        if unknown:
            problems.error("occurs in stops", table="stops", rows=unknown)
        new = [stop for stop in self.stops if stop.place is not None]
        shapes = np.empty(len(new), dtype=object)
        shapes[:] = [shapely.force_2d(on_grid(stop.place, city)) for stop in new if stop.place is not None]
        number = np.flatnonzero([stop.place is not None for stop in self.stops]) + 1
        outside = ~shapely.covered_by(shapes, shapely.box(*city.bounds))
        if outside.any():
            problems.error("lie in the city", column="stops", rows=number[outside])
        fresh = new_ids(stops.index, [(wkb, stop.name) for wkb, stop in zip(shapely.to_wkb(shapes), new, strict=True)])
        rows = gpd.GeoDataFrame(
            {"geometry": shapes, "name": [stop.name for stop in new]}, index=pd.Index(fresh), crs=city.crs
        )
        given = iter(fresh)
        ids = [int(next(given)) if stop.id is None else stop.id for stop in self.stops]
        return (appended(stops, rows, "stops") if new else stops), ids

    def _course(self, city: City, places: Shapes, *, back: bool, problems: Problems) -> Any:
        from dothi.changes.paths import along_streets

        course = self.course or ("streets" if self.mode in ON_STREETS else "straight")
        if course == "streets":
            return along_streets(city, "bus", places, problems)
        if course == "straight":
            return shapely.LineString(shapely.get_coordinates(places))
        drawn = shapely.force_2d(on_grid(course, city))
        return shapely.reverse(drawn) if back else drawn
