"""The addresses of travel: reach of a point, trips between zones, lines and departures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from fastapi import Path, Query, Request, Response

from dothi.server.problems import ANSWERS
from dothi.server.reply import reply, reply_facts
from dothi.server.travel_facts import BoardFacts, GridsFacts, IsochroneFacts, LinesFacts, TripsFacts

if TYPE_CHECKING:
    from fastapi import FastAPI

    from dothi.server.cities import Cities

OCTETS: Final = "application/octet-stream"
MOST_PAIRS: Final = 2_000
DAY_END_S: Final = 86_400.0

Key = Annotated[str, Path(description="Key of a city, from /api/study.", max_length=64)]
Name = Annotated[str, Path(description="Name of a simulation, or of a field.", max_length=64)]
Mode = Literal["walk", "bicycle", "motorbike", "car", "transit"]


def add_transport(app: FastAPI, cities: Cities) -> None:
    """Add the addresses to the server. Engines are loaded with the first question."""

    @app.get(
        "/api/cities/{key}/isochrone",
        tags=["travel"],
        response_model=IsochroneFacts,
        responses=ANSWERS,
        summary="How far one gets from a point in some minutes",
    )
    def isochrone(
        request: Request,
        key: Key,
        x: Annotated[float, Query(description="On the grid of the city [m].")],
        y: Annotated[float, Query(description="On the grid of the city [m].")],
        mode: Annotated[Mode, Query(description="How one goes.")] = "walk",
        minutes: Annotated[str, Query(description="Times with commas between.", max_length=80)] = "5,10,15",
        departure_s: Annotated[
            float, Query(description="When one leaves, with public transport [s].", ge=0.0, lt=DAY_END_S)
        ] = 28_800.0,
    ) -> Response:
        from dothi.server.reach import reach_from, read_minutes

        city, limits = cities.shown(key), read_minutes(minutes)
        asked = x, y, mode, limits, departure_s
        return reply_facts(request, lambda: reach_from(city, *asked), key, "isochrone", *asked)

    @app.get(
        "/api/cities/{key}/trips",
        tags=["travel"],
        response_model=TripsFacts,
        responses=ANSWERS,
        summary="Trips of a working day by mode, and the pairs of zones with most of them",
    )
    def trips(
        request: Request,
        key: Key,
        modes: Annotated[
            str, Query(description="Modes whose pairs are wanted, commas between; all where empty.", max_length=80)
        ] = "",
        most: Annotated[int, Query(description="Pairs at most.", ge=0, le=MOST_PAIRS)] = 300,
    ) -> Response:
        from dothi.server.trips import trips_of

        city, names = cities.shown(key), tuple(filter(None, modes.split(",")))
        return reply_facts(request, lambda: trips_of(city, names, most), key, "trips", names, most)

    @app.get(
        "/api/cities/{key}/grids",
        tags=["travel"],
        response_model=GridsFacts,
        responses=ANSWERS,
        summary="Fields over the ground that simulations gave",
    )
    def grids(request: Request, key: Key) -> Response:
        from dothi.server.grids import grids_of

        city = cities.shown(key)
        return reply_facts(request, lambda: grids_of(city), key, "grids")

    @app.get(
        "/api/cities/{key}/grids/{model}/{field}",
        tags=["travel"],
        response_class=Response,
        responses={200: {"content": {OCTETS: {}}, "description": "Codes, u16, from the north-west."}, **ANSWERS},
        summary="Codes of a field over the ground",
    )
    def grid(request: Request, key: Key, model: Name, field: Name) -> Response:
        from dothi.server.grids import grid_codes

        city = cities.shown(key)
        return reply(
            request, lambda: grid_codes(city, model, field), media_type=OCTETS, tag=(key, "grids", model, field)
        )

    @app.get(
        "/api/cities/{key}/lines",
        tags=["travel"],
        response_model=LinesFacts,
        responses=ANSWERS,
        summary="Lines of public transport and their courses",
    )
    def lines(request: Request, key: Key) -> Response:
        from dothi.server.departures import lines_of

        city = cities.shown(key)
        return reply_facts(request, lambda: lines_of(city), key, "lines")

    @app.get(
        "/api/cities/{key}/stops/{stop_id}/departures",
        tags=["travel"],
        response_model=BoardFacts,
        responses=ANSWERS,
        summary="Next departures of a stop on a working day",
    )
    def departures(
        request: Request,
        key: Key,
        stop_id: Annotated[int, Path(description="Its id.")],
        after_s: Annotated[float, Query(description="Time of day [s].", ge=0.0, lt=DAY_END_S)] = 28_800.0,
    ) -> Response:
        from dothi.server.departures import board_of

        city = cities.shown(key)
        return reply_facts(request, lambda: board_of(city, stop_id, after_s), key, "departures", stop_id, after_s)
