"""The addresses of the server, each a thin door."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import FastAPI, Path, Query, Request, Response

from dothi import __version__, wire
from dothi.catalogue import Catalogue, Facts, ObjectRecord, attribution
from dothi.errors import InputError
from dothi.server import rasters, static, tables
from dothi.server.cities import Cities
from dothi.server.guard import LOOPBACK, Guard
from dothi.server.problems import ANSWERS, answer_errors, missing
from dothi.server.reply import ASK_AGAIN, reply
from dothi.server.scenes import send_scene
from dothi.study import Study

if TYPE_CHECKING:
    from starlette.types import ASGIApp

LANGUAGES: Final = ("vi", "fr", "en")
JSON: Final = "application/json"


class Texts(Facts):
    """One text in every language of the app."""

    vi: str
    fr: str
    en: str


class CityEntry(Facts):
    """A city of the study: today's, or what a scenario makes of it."""

    id: str
    key: str
    """Stands in all addresses of the city. Other data have another key, so what an address gives never changes."""
    title: Texts


class StudyFacts(Facts):
    """What is served."""

    name: str
    country: str
    version: str
    cities: list[CityEntry]
    """Empty until ``dothi build`` was run."""
    attribution: list[str]
    languages: list[str]


TODAY: Final = Texts(vi="Hiện trạng", fr="État actuel", en="Today")

Key = Annotated[str, Path(description="Key of a city, from /api/study.", max_length=64)]
Name = Annotated[str, Path(description="Name of a table or raster.", max_length=64)]


def create_app(
    study: Study | FilePath | str, *, hosts: Collection[str] | None = LOOPBACK, web: FilePath | None = None
) -> FastAPI:
    """
    Server of a study.

    Parameters
    ----------
    study
        The study, or its folder.
    hosts
        Names under which it answers; under any where None.
    web
        Folder of the built app; the one in the package where None.

    Raises
    ------
    InputError
        There is no study, or its ``dothi.toml`` breaks rules.
    """
    cities = Cities(study if isinstance(study, Study) else Study.open(study))
    app = _with_addresses(cities, web or static.app_folder())
    answer_errors(app)
    app.add_middleware(_guard, hosts=hosts)
    app.state.cities = cities
    return app


def _with_addresses(cities: Cities, web: FilePath) -> FastAPI:
    app = FastAPI(
        title="Dothi",
        version=__version__,
        summary="A city: its tables, rasters and scenes.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    _add_study(app, cities)
    _add_tables(app, cities)
    _add_rasters(app, cities)
    _add_files(app, cities, web)
    return app


def openapi() -> dict[str, Any]:
    """Describe all addresses; the same for every study."""
    nobody: Any = None
    described: dict[str, Any] = _with_addresses(nobody, FilePath()).openapi()
    return described


def _guard(app: ASGIApp, hosts: Collection[str] | None) -> Guard:
    return Guard(app, hosts)


def study_facts(cities: Cities) -> StudyFacts:
    """What is served now."""
    config = cities.study.config
    try:
        shown = [cities.current()]
    except InputError:  # not built yet: the app says what to do
        shown = []
    return StudyFacts(
        name=config.name,
        country=config.country,
        version=__version__,
        cities=[CityEntry(id="today", key=city.key, title=TODAY) for city in shown],
        attribution=[line for city in shown for line in attribution(city.city.provenance)],
        languages=list(LANGUAGES),
    )


def _bytes(facts: Facts) -> bytes:
    return facts.model_dump_json().encode()


def _add_study(app: FastAPI, cities: Cities) -> None:
    @app.get("/api/study", tags=["study"], response_model=StudyFacts, summary="What is served")
    def study(request: Request) -> Response:
        body = _bytes(study_facts(cities))
        return reply(request, lambda: body, media_type=JSON, tag=(body,), cache=ASK_AGAIN)


def _add_tables(app: FastAPI, cities: Cities) -> None:
    @app.get(
        "/api/cities/{key}/tables",
        tags=["tables"],
        response_model=Catalogue,
        responses=ANSWERS,
        summary="What the tables offer: rows, columns, units, ranges, methods, confidence",
    )
    def catalogue(request: Request, key: Key) -> Response:
        city = cities.shown(key)

        def body() -> bytes:
            counts = city.city.counts
            return _bytes(Catalogue(tables={name: city.facts(name) for name in counts if counts[name]}))

        return reply(request, body, media_type=JSON, tag=(key, "tables"))

    @app.get(
        "/api/cities/{key}/tables/{table}",
        tags=["tables"],
        response_class=Response,
        responses={200: {"content": {wire.MEDIA_TYPE: {}}, "description": "Arrow IPC stream."}, **ANSWERS},
        summary="Columns of a table as an Arrow IPC stream",
    )
    def columns(
        request: Request,
        key: Key,
        table: Name,
        columns: Annotated[
            str, Query(description="Names with commas between; all but the geometry where empty.", max_length=4_000)
        ] = "",
        bbox: Annotated[str, Query(description="west,south,east,north [m] that rows must touch.", max_length=200)] = "",
        ids: Annotated[str, Query(description=f"At most {tables.MOST_IDS:,} ids with commas between.")] = "",
        encoding: Annotated[
            tables.Encoding, Query(description="Exact values, or codes of 8 to 32 bits to colour by.")
        ] = "plain",
        compression: Annotated[
            wire.Compression, Query(description="Of the buffers; with none, the whole answer is packed on its way.")
        ] = "none",
        geometry: Annotated[bool, Query(description="Add the geometries as WKB on the grid of the city.")] = False,
    ) -> Response:
        city = cities.shown(key)
        query = {"columns": columns, "bbox": bbox, "ids": ids}
        wish = tables.Wish.read(query, encoding, compression, geometry=geometry)
        return reply(
            request,
            lambda: tables.send_columns(city, table, wish),
            media_type=wire.MEDIA_TYPE,
            tag=(key, table, wish),
            packed=compression == "none",
        )

    @app.get(
        "/api/cities/{key}/tables/{table}/{row_id}",
        tags=["tables"],
        response_model=ObjectRecord,
        responses=ANSWERS,
        summary="One row in full: every value with unit, method, confidence and status",
    )
    def row(request: Request, key: Key, table: Name, row_id: Annotated[int, Path(description="Its id.")]) -> Response:
        city = cities.shown(key)
        return reply(
            request,
            lambda: _bytes(tables.find_record(city, table, row_id)),
            media_type=JSON,
            tag=(key, table, "row", row_id),
        )


def _add_rasters(app: FastAPI, cities: Cities) -> None:
    @app.get(
        "/api/cities/{key}/rasters",
        tags=["rasters"],
        response_model=rasters.Rasters,
        responses=ANSWERS,
        summary="What the rasters offer: units, ranges, levels",
    )
    def raster_list(request: Request, key: Key) -> Response:
        city = cities.shown(key)

        def body() -> bytes:
            return _bytes(rasters.Rasters(rasters={name: rasters.facts_of(city, name) for name in city.city.rasters}))

        return reply(request, body, media_type=JSON, tag=(key, "rasters"))

    @app.get(
        "/api/cities/{key}/rasters/{raster}/{level}/{column}/{row}",
        tags=["rasters"],
        response_class=Response,
        responses={200: {"content": {rasters.MEDIA_TYPE: {}}, "description": "256 × 256 codes, u16."}, **ANSWERS},
        summary="One tile of a raster",
    )
    def raster_tile(request: Request, key: Key, raster: Name, level: int, column: int, row: int) -> Response:
        city = cities.shown(key)
        return reply(
            request,
            lambda: rasters.tile_of(city, raster, level, column, row),
            media_type=rasters.MEDIA_TYPE,
            tag=(key, raster, level, column, row),
        )


def _add_files(app: FastAPI, cities: Cities, web: FilePath) -> None:
    @app.get(
        "/api/scenes/{key}/{path:path}",
        tags=["scenes"],
        response_class=Response,
        responses={200: {"description": "A file of the scene."}, **ANSWERS},
        summary="A file of the scene of a city: scene.json, and what it names",
    )
    def scene_file(request: Request, key: Key, path: str) -> Response:
        return send_scene(request, cities.shown(key), path)

    @app.get("/api/{path:path}", include_in_schema=False)
    def nothing() -> Response:
        raise missing("is an address of this server; /api/openapi.json lists them all")

    @app.get("/{path:path}", include_in_schema=False)
    def file(request: Request, path: str) -> Response:
        return static.send_file(request, web, path)
