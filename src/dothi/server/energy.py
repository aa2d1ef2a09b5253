"""The addresses of energy: load curves, and the load of every building by the hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from fastapi import Path, Request, Response

from dothi.server.loads_facts import CurveFacts, FeederFacts, HoursFacts
from dothi.server.problems import ANSWERS
from dothi.server.reply import reply, reply_facts

if TYPE_CHECKING:
    from fastapi import FastAPI

    from dothi.server.cities import Cities

OCTETS: Final = "application/octet-stream"

Key = Annotated[str, Path(description="Key of a city, from /api/study.", max_length=64)]
Of = Annotated[
    Literal["buildings", "wards", "transformers", "city"],
    Path(description="Table of what the curve is of; all buildings with `city`."),
]


def add_energy(app: FastAPI, cities: Cities) -> None:
    """Add the addresses to the server. Engines are loaded with the first question."""

    @app.get(
        "/api/cities/{key}/loads",
        tags=["energy"],
        response_model=HoursFacts,
        responses=ANSWERS,
        summary="How codes of the electric load of buildings are read",
    )
    def hours(request: Request, key: Key) -> Response:
        from dothi.server.loads import hours_facts

        city = cities.shown(key)
        return reply_facts(request, lambda: hours_facts(city), key, "loads")

    @app.get(
        "/api/cities/{key}/loads/{month}",
        tags=["energy"],
        response_class=Response,
        responses={200: {"content": {OCTETS: {}}, "description": "Codes, u8, hour by hour."}, **ANSWERS},
        summary="Electric load of every building on the average day of a month",
    )
    def month(
        request: Request, key: Key, month: Annotated[int, Path(description="1 for January.", ge=1, le=12)]
    ) -> Response:
        from dothi.server.loads import hour_codes

        city = cities.shown(key)
        return reply(request, lambda: hour_codes(city, month), media_type=OCTETS, tag=(key, "loads", month))

    @app.get(
        "/api/cities/{key}/loads/of/{table}/{row_id}",
        tags=["energy"],
        response_model=CurveFacts,
        responses=ANSWERS,
        summary="Load curve of a building, a ward, a transformer or the city",
    )
    def curve(
        request: Request, key: Key, table: Of, row_id: Annotated[int, Path(description="Its id; 0 for the city.")]
    ) -> Response:
        from dothi.server.loads import curve_of

        city = cities.shown(key)
        return reply_facts(request, lambda: curve_of(city, table, row_id), key, "curve", table, row_id)

    @app.get(
        "/api/cities/{key}/feeders/{transformer_id}",
        tags=["energy"],
        response_model=FeederFacts,
        responses=ANSWERS,
        summary="Voltages along the lines that a transformer feeds",
    )
    def feeder(request: Request, key: Key, transformer_id: Annotated[int, Path(description="Its id.")]) -> Response:
        from dothi.server.feeder import feeder_of

        city = cities.shown(key)
        return reply_facts(request, lambda: feeder_of(city, transformer_id), key, "feeder", transformer_id)
