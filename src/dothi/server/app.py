"""The addresses of the server, each a thin door."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from dothi import __version__, wire
from dothi.catalogue import Catalogue, Facts, ObjectRecord
from dothi.difference import difference_table
from dothi.overview import ComparisonFacts, ScenarioBody, ScenarioFacts, ScenarioList, StudyFacts
from dothi.scenario_write import remove_scenario, write_scenario
from dothi.server import rasters, static, tables
from dothi.server.body import checked, read_json, taken
from dothi.server.cities import Cities
from dothi.server.energy import add_energy
from dothi.server.guard import LOOPBACK, Guard
from dothi.server.problems import ANSWERS, ProblemsFacts, answer_errors
from dothi.server.reply import ASK_AGAIN, JSON, reply, reply_facts
from dothi.server.runs import RunEvent, RunFacts, RunList, RunOrder, Runs
from dothi.server.scenes import send_scene
from dothi.server.transport import add_transport
from dothi.shown import missing
from dothi.study import Study

if TYPE_CHECKING:
    from starlette.types import ASGIApp

EVENTS: Final = "text/event-stream"

Key = Annotated[str, Path(description="Key of a city, from /api/study.", max_length=64)]
Name = Annotated[str, Path(description="Name of a table or raster.", max_length=64)]
RunId = Annotated[str, Path(description="Id of a run, from /api/runs.", max_length=64)]
WRITES: Final[dict[int | str, dict[str, Any]]] = {
    403: {
        "model": ProblemsFacts,
        "description": "Not from there: only this machine may, by its own page or a program.",
    },
    413: {"model": ProblemsFacts, "description": "More was sent than is taken."},
    415: {"model": ProblemsFacts, "description": "What was sent is not said to be JSON."},
    **ANSWERS,
}


def create_app(
    study: Study | FilePath | str,
    *,
    hosts: Collection[str] | None = LOOPBACK,
    web: FilePath | None = None,
    workers: int | None = None,
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
    workers
        Processes that do the work of a run; in this one where 0, as many as seems right where None.

    Raises
    ------
    InputError
        There is no study, or its ``dothi.toml`` breaks rules.
    """
    cities = Cities(study if isinstance(study, Study) else Study.open(study))
    runs = Runs(cities.study, workers)
    app = _with_addresses(cities, runs, web or static.app_folder())
    answer_errors(app)
    app.add_middleware(_guard, hosts=hosts)
    app.state.cities = cities
    app.state.runs = runs
    return app


def _with_addresses(cities: Cities, runs: Runs, web: FilePath) -> FastAPI:
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
    _add_scenarios(app, cities)
    _add_runs(app, runs)
    _add_comparisons(app, cities)
    _add_tables(app, cities)
    _add_rasters(app, cities)
    add_transport(app, cities)
    add_energy(app, cities)
    _add_files(app, cities, web)
    app.openapi = partial(_described, app)  # type: ignore[method-assign]
    return app


def openapi() -> dict[str, Any]:
    """Describe all addresses; the same for every study."""
    nobody: Any = None
    return _described(_with_addresses(nobody, nobody, FilePath()))


def _described(app: FastAPI) -> dict[str, Any]:
    """Description of an app, with the shapes of what is sent to it and of the events that it tells."""
    described: dict[str, Any] = FastAPI.openapi(app)
    for kind in (RunEvent, RunOrder, ScenarioBody):
        schema = kind.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.pop("$defs", None)
        schema["x-partial"] = True  # what has a default may be left out
        described["components"]["schemas"].setdefault(kind.__name__, schema)
    return described


def _guard(app: ASGIApp, hosts: Collection[str] | None) -> Guard:
    return Guard(app, hosts)


def _bytes(facts: Facts) -> bytes:
    return facts.model_dump_json().encode()


def _add_study(app: FastAPI, cities: Cities) -> None:
    @app.get("/api/study", tags=["study"], response_model=StudyFacts, summary="What is served")
    def study(request: Request) -> Response:
        body = _bytes(cities.overview().study_facts())
        return reply(request, lambda: body, media_type=JSON, tag=(body,), cache=ASK_AGAIN)


def _add_scenarios(app: FastAPI, cities: Cities) -> None:
    folder = cities.study.folder if cities else FilePath()

    @app.get(
        "/api/scenarios",
        tags=["scenarios"],
        response_model=ScenarioList,
        summary="All scenarios as they are written, what became of them, and what is wrong with their files",
    )
    def scenario_list(request: Request) -> Response:
        body = _bytes(cities.overview().scenario_list())
        return reply(request, lambda: body, media_type=JSON, tag=(body,), cache=ASK_AGAIN)

    @app.post(
        "/api/scenarios",
        tags=["scenarios"],
        status_code=201,
        response_model=ScenarioFacts,
        responses=WRITES,
        openapi_extra=taken({"$ref": "#/components/schemas/ScenarioBody"}),
        summary="Write or replace a scenario",
    )
    def write(content: Annotated[dict[str, Any], Depends(read_json)]) -> Response:
        written = write_scenario(folder, content)
        return _fresh(cities.overview().scenario_facts(written.name), 201)

    @app.delete(
        "/api/scenarios/{name}", tags=["scenarios"], status_code=204, responses=WRITES, summary="Remove a scenario"
    )
    def remove(name: Annotated[str, Path(description="Its name.", max_length=100)]) -> Response:
        if not remove_scenario(folder, name):
            raise missing("is the name of a scenario with a file")
        return Response(status_code=204)


def _add_runs(app: FastAPI, runs: Runs) -> None:
    @app.get("/api/runs", tags=["runs"], response_model=RunList, summary="Runs of this server, the last one first")
    def run_list() -> Response:
        return _fresh(runs.facts())

    @app.post(
        "/api/runs",
        tags=["runs"],
        status_code=202,
        response_model=RunFacts,
        responses={**WRITES, 409: {"model": ProblemsFacts, "description": "Another run goes on."}},
        openapi_extra=taken({"$ref": "#/components/schemas/RunOrder"}),
        summary="Run scenarios; all of them where none is named",
    )
    def start(content: Annotated[dict[str, Any], Depends(read_json)]) -> Response:
        order = checked(RunOrder, content)
        return _fresh(runs.start(order.scenarios, order.also).facts(), 202)

    @app.get(
        "/api/runs/{run_id}", tags=["runs"], response_model=RunFacts, responses=ANSWERS, summary="How a run stands"
    )
    def run(run_id: RunId) -> Response:
        return _fresh(runs.find(run_id).facts())

    @app.get(
        "/api/runs/{run_id}/events",
        tags=["runs"],
        response_class=Response,
        responses={
            200: {"content": {EVENTS: {}}, "description": "Server-sent events, each a RunEvent."},
            204: {"description": "The run has ended, and everything was told."},
            **ANSWERS,
        },
        summary="What happens in a run, from its beginning or from the last event known",
    )
    def events(request: Request, run_id: RunId, last_event_id: Annotated[str, Header(max_length=20)] = "") -> Response:
        run = runs.find(run_id)
        known = int(last_event_id) if last_event_id.isascii() and last_event_id.isdecimal() else 0
        if run.state != "running" and known >= len(run.events):
            return Response(status_code=204)  # tells a browser not to ask again
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if request.scope.get("bare"):
            return Response(media_type=EVENTS, headers=headers)
        return StreamingResponse(run.stream(known, runs.closing), media_type=EVENTS, headers=headers)

    @app.delete(
        "/api/runs/{run_id}",
        tags=["runs"],
        status_code=202,
        response_model=RunFacts,
        responses=WRITES,
        summary="Cancel a run; what is finished is kept",
    )
    def cancel(run_id: RunId) -> Response:
        return _fresh(runs.cancel(run_id).facts(), 202)


def _add_comparisons(app: FastAPI, cities: Cities) -> None:
    @app.get(
        "/api/compare",
        tags=["compare"],
        response_model=ComparisonFacts,
        responses=ANSWERS,
        summary="Indicators of scenarios side by side, each beside the first",
    )
    def compare(
        request: Request,
        scenarios: Annotated[str, Query(description="Names with commas between.", max_length=4_000)],
        by: Annotated[Literal["city", "ward"], Query(description="Whether to tell every ward, too.")] = "city",
    ) -> Response:
        names = list(filter(None, scenarios.split(",")))
        body = _bytes(cities.overview().compare(names, by_ward=by == "ward"))
        return reply(request, lambda: body, media_type=JSON, tag=(body,), cache=ASK_AGAIN)

    @app.get(
        "/api/compare/difference",
        tags=["compare"],
        response_class=Response,
        responses={200: {"content": {wire.MEDIA_TYPE: {}}, "description": "Arrow IPC stream of codes."}, **ANSWERS},
        summary="What a column is in one scenario less what it is in another, for every object of the first",
    )
    def objects(
        request: Request,
        a: Annotated[str, Query(description="Scenario whose objects count, in their order.", max_length=100)],
        b: Annotated[str, Query(description="The other scenario.", max_length=100)],
        table: Annotated[str, Query(description="Name of a table.", max_length=64)],
        column: Annotated[str, Query(description="One of its columns.", max_length=64)],
    ) -> Response:
        shown = cities.overview().cities
        for name in (a, b):
            if name not in shown:
                raise missing(f"is a scenario that was run: {', '.join(shown)}", column=name)
        first, second = cities.shown(shown[a].key), cities.shown(shown[b].key)

        def body() -> bytes:
            return wire.stream(wire.quantised(difference_table(first, second, table, column), table))

        tag = (first.key, second.key, table, column)
        return reply(request, body, media_type=wire.MEDIA_TYPE, tag=tag, cache=ASK_AGAIN)


def _fresh(facts: Facts, status: int = 200) -> Response:
    """Answer that no cache may keep."""
    return Response(_bytes(facts), status, {"Cache-Control": "no-store"}, JSON)


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

        return reply_facts(request, city.catalogue, key, "tables")

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
        city = cities.shown(key)
        cities.scene(city)
        return send_scene(request, city, path)

    @app.get("/api/{path:path}", include_in_schema=False)
    def nothing() -> Response:
        raise missing("is an address of this server; /api/openapi.json lists them all")

    @app.get("/{path:path}", include_in_schema=False)
    def file(request: Request, path: str) -> Response:
        return static.send_file(request, web, path)
