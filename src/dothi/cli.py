"""The command line: one verb each, a thin door to the library."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from multiprocessing import active_children
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, Self

import click

from dothi import __version__
from dothi.errors import DothiError, EngineMissingError, InputError
from dothi.publish.export import FORMATS
from dothi.units import M_PER_KM

if TYPE_CHECKING:
    from rich.console import Console

    from dothi.build import Built

P = ParamSpec("P")
BAD_INPUT = 2
FAILED = 1
INTERRUPTED = 130
BYTES_PER_MB = 1e6


def _reports_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Print errors raised on purpose, one line each, and end with their exit code."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except InputError as error:
            click.echo("This should hold, but does not:", err=True)
            for problem in error.problems:
                click.echo(f"  {problem}", err=True)
            count = len(error.problems)
            click.secho(f"{count} problem{'' if count == 1 else 's'}; nothing was changed.", fg="red", err=True)
            sys.exit(BAD_INPUT)
        except DothiError as error:
            click.secho(str(error), fg="red", err=True)
            sys.exit(FAILED)
        except KeyboardInterrupt:
            for worker in active_children():
                worker.kill()  # half a step is no step
            click.echo("Interrupted. What was finished is kept: run the same command again to go on.", err=True)
            sys.exit(INTERRUPTED)

    return wrapped


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False)


class _Bars:
    """Progress of a build as a line per step and a bar for the whole."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._console = console

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def begin(self, titles: list[str]) -> None:
        """Show the bar."""
        self._task = self._progress.add_task("", total=len(titles))

    def step(self, title: str) -> None:
        """Name the step at work."""
        self._progress.update(self._task, description=title)

    def done(self, title: str, seconds: float, cached: bool) -> None:
        """Leave a line for a step that did something."""
        self._progress.advance(self._task)
        if not cached:
            self._console.print(f"  [green]✓[/] {title} [dim]{seconds:.1f} s[/]")


_folder = click.argument("folder", default=".", type=click.Path(path_type=Path))
_as_json = click.option("--json", "as_json", is_flag=True, help="Report as JSON on standard output.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dothi")
def main() -> None:
    """
    Dothi: a 3D city simulator.

    A study is a folder: `dothi init` makes one from files or from the name of a place, `dothi build` turns its
    sources into one city model, `dothi info` says what that city holds. Try `dothi demo` first.

    Exit codes: 0 done, 1 failed, 2 bad input (every problem is named, nothing is changed).
    """


_workers = click.option(
    "--workers",
    type=click.IntRange(0, 64),
    help="Processes to work with; 0 works in this one. [default: one per core, ≤ 4]",
)


def _at(command: Callable[P, None]) -> Callable[P, None]:
    """Options that say where the app is served."""
    for option in (
        click.option("--open/--no-open", "opens", default=False, help="Open the browser.  [default: no-open]"),
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            default=8000,
            show_default=True,
            help="First port tried; 0 for any that is free.",
        ),
        click.option(
            "--host",
            default="127.0.0.1",
            show_default=True,
            help="Address to listen at; 0.0.0.0 lets the whole network in.",
        ),
    ):
        command = option(command)
    return command


@main.command()
@click.argument("folder", default="demo", type=click.Path(path_type=Path))
@_workers
@_as_json
@_at
@click.option("--no-serve", is_flag=True, help="Build only.")
@_reports_errors
def demo(folder: Path, workers: int | None, as_json: bool, no_serve: bool, **at: Any) -> None:
    """
    Build the demo city, central Nantes, in FOLDER (default: ./demo), and show it in the browser.

    With --json it is built only.
    """
    from dothi.demo import create_demo

    create_demo(folder)
    _build(folder, workers, as_json, quiet=as_json)
    if not (no_serve or as_json):
        _serve(folder, **at)


@main.command()
@_folder
@_workers
@_as_json
@click.option("-q", "--quiet", is_flag=True, help="Print problems only.")
@_reports_errors
def build(folder: Path, workers: int | None, as_json: bool, quiet: bool) -> None:
    """
    Build the city of the study in FOLDER from its sources.

    Steps are kept: an interrupted build goes on where it stopped, and nothing is done where nothing changed.
    Writes build-report.html with counts, coverage, pictures and every problem met.
    """
    _build(folder, workers, as_json, quiet)


def _build(folder: Path, workers: int | None, as_json: bool, quiet: bool) -> None:
    from dothi.publish.report import summary, write_build_report
    from dothi.study import Study
    from dothi.workers import processes

    console = _console()
    study = Study.open(folder)
    loud = not (quiet or as_json)
    if loud:
        console.print(f"[bold]{study.config.name}[/] [dim]{folder}[/]")
    pool = processes(workers)
    with _Bars(console) if loud else nullcontext() as bars:
        built = study.build(bars, pool)
    report = write_build_report(study, built, pool)
    pool.shutdown()
    if as_json:
        click.echo(json.dumps(summary(study, built), indent=1, ensure_ascii=False))
    elif not quiet:
        _print_built(console, built, report)


def _print_built(console: Console, built: Built, report: Path) -> None:
    from rich.table import Table

    city = built.city
    if not built.changed:
        console.print("Nothing changed: the city is up to date.")
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, count in sorted(city.counts.items(), key=lambda item: -item[1]):
        if count:
            table.add_row(f"  {name}", f"[bold]{count:,}[/]")
    console.print(table)
    repaired = sum(problem.severity == "repair" for problem in built.problems)
    noted = sum(problem.severity == "note" for problem in built.problems)
    console.print(f"{repaired} repairs and {noted} notes, {sum(built.seconds.values()):.1f} s")
    for label, path in (("Report", report), ("Pictures", report.parent / "pictures"), ("Tables", built.folder)):
        console.print(f"{label:<9} [cyan]{path.resolve()}[/]", soft_wrap=True)


@main.command()
@_folder
@_at
@_reports_errors
def serve(folder: Path, **at: Any) -> None:
    """
    Show the city of the study in FOLDER in the browser.

    Answers this machine alone, unless --host says otherwise. Ctrl-C ends it.
    """
    _serve(folder, **at)


def _serve(folder: Path, host: str, port: int, opens: bool) -> None:
    from dothi.study import Study

    try:
        from dothi.server.serve import address_of, is_loopback, listen, prepare, run
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "starlette", "uvicorn"):
            raise
        raise EngineMissingError("The server is not installed. Install it with: pip install 'dothi[server]'") from error

    console = _console()
    study = Study.open(folder)
    with listen(host, port) as listening:
        with _Bars(console) as bars:
            app = prepare(study, host, bars)
        address = address_of(listening)
        if not is_loopback(host):
            console.print("[yellow]Everybody on the network can see this city: there are no accounts yet.[/]")

        def tell() -> None:
            click.echo(f"{study.config.name} is at {address}  (Ctrl-C ends it)")
            if opens:
                click.launch(address)

        try:
            run(app, listening, tell)
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)


@main.command()
@_folder
@_as_json
@_reports_errors
def info(folder: Path, as_json: bool) -> None:
    """Say what the city of the study in FOLDER holds: tables, columns, units, missing values, methods."""
    from dothi.publish.report import describe
    from dothi.study import Study

    study = Study.open(folder)
    description = describe(study.city)
    if as_json:
        click.echo(json.dumps(description, indent=1, ensure_ascii=False))
    else:
        _print_description(description)


def _print_description(description: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    west, south, east, north = description["bounds"]
    console.print(
        f"[bold]{description['name']}[/], {description['crs']}, "
        f"{(east - west) / M_PER_KM:.1f} × {(north - south) / M_PER_KM:.1f} km"
    )
    for name, table in description["tables"].items():
        if not table["rows"]:
            continue
        grid = Table(
            title=f"{name}: {table['rows']:,} rows", title_justify="left", title_style="bold", box=None, pad_edge=False
        )
        for heading in ("column", "unit", "missing", "methods"):
            grid.add_column(heading, header_style="dim", justify="right" if heading == "missing" else "left")
        for column, facts in table["columns"].items():
            methods = ", ".join(f"{method} {share:.0%}" for method, share in facts["methods"].items())
            grid.add_row(
                f"  {column}",
                facts["unit"],
                f"{facts['missing'] / table['rows']:.0%}" if facts["missing"] else "",
                methods,
            )
        console.print(grid)
    for name, raster in description["rasters"].items():
        console.print(
            f"[bold]{name}[/]: {raster['shape'][1]} × {raster['shape'][0]} cells of {raster['cell_m']:g} m, "
            f"{raster['unit']}"
        )


def _formats() -> str:
    """Formats with a line each, for the help."""
    width = max(map(len, FORMATS))
    return "\b\nFormats:\n" + "\n".join(f"  {each.name:<{width}}  {each.title}" for each in FORMATS.values())


def _words(_: Any, __: Any, given: tuple[str, ...]) -> tuple[str, ...]:
    """Words of an option that takes several, by commas or by being repeated."""
    return tuple(word.strip() for text in given for word in text.split(",") if word.strip())


@main.command(epilog=_formats())
@click.argument("format_name", metavar="FORMAT")
@_folder
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="File or folder to write. [default: by the study]"
)
@click.option(
    "--layers", multiple=True, callback=_words, help="Tables or rasters, such as buildings,links. [default: all]"
)
@click.option(
    "--columns", multiple=True, callback=_words, help="Columns, such as height_m or links.name. [default: all]"
)
@click.option("--crs", help="Another grid for the coordinates, such as EPSG:9217.")
@click.option("--compress", is_flag=True, help="Pack the result into a zip archive.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@_as_json
@_reports_errors
def export(format_name: str, folder: Path, output: Path | None, as_json: bool, **options: Any) -> None:
    r"""
    Write the city of the study in FOLDER in a format that other programs read.

    \b
    dothi export cityjson
    dothi export gpkg my-city -o my-city.gpkg --layers buildings,links --crs EPSG:4326
    """
    from dothi.publish.export import export as write
    from dothi.study import Study

    console = _console()
    study = Study.open(folder)
    status = nullcontext() if as_json else console.status("")
    with status as shown:
        done = write(
            study.city,
            format_name,
            output,
            notify=lambda label: None if shown is None else shown.update(f"{format_name}: {label}"),
            **options,
        )
    if as_json:
        report = {
            "format": format_name,
            "path": str(done.path.resolve()),
            "bytes": done.bytes,
            "counts": done.counts,
            "notes": done.notes,
            "seconds": round(done.seconds, 3),
        }
        click.echo(json.dumps(report, indent=1, ensure_ascii=False))
        return
    for name, count in done.counts.items():
        console.print(f"  {name:<20} [bold]{count:>10,}[/]")
    for note in done.notes:
        console.print(f"  [dim]{note}[/]", soft_wrap=True)
    console.print(
        f"Written in {done.seconds:.1f} s, {done.bytes / BYTES_PER_MB:.1f} MB: [cyan]{done.path.resolve()}[/]",
        soft_wrap=True,
    )


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--place", help="Fetch open data of a place, such as Huế, where the network allows.")
@click.option("--name", help="Name of the study; the place or the folder where absent.")
@click.option("--country", type=click.Choice(["vn", "fr"]), help="Country whose rules and habits hold.")
@click.option("--crs", help="Projected grid, such as EPSG:9217; picked by place where absent.")
@click.option("--link", is_flag=True, help="Refer to the files where they are instead of copying them.")
@click.option(
    "--services", type=click.Path(path_type=Path, exists=True), help="TOML file with addresses to fetch from."
)
@_reports_errors
def init(folder: Path, files: tuple[Path, ...], **options: Any) -> None:
    """
    Make a new study in FOLDER from FILES or from the name of a place.

    FILES may be OpenStreetMap extracts, GeoPackage, GeoJSON, Shapefile, CityJSON, CityGML, GTFS, GeoTIFF, EPW …
    Nothing is fetched unless --place is given; what was fetched is kept, so that the same command goes on.
    """
    from dothi.initialise import initialise

    console = _console()
    with _Fetching(console) as fetching:
        config, problems = initialise(folder, files, notify=console.print, progress=fetching, **options)
    for problem in problems:
        console.print(str(problem), style="red" if problem.severity == "error" else None)
    console.print(
        f"Study written: [cyan]{config}[/]. Look it over, then run [bold]dothi build {folder}[/].", soft_wrap=True
    )
    if problems.errors:
        console.print("It can be built without what is missing.")
        sys.exit(FAILED)


class _Fetching:
    """A bar for every file that is fetched."""

    def __init__(self, console: Console) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = (BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._progress = Progress(TextColumn("{task.description}"), *columns, console=console, transient=True)
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def __call__(self, label: str, here: int, of: int | None) -> None:
        if label not in self._tasks:
            self._tasks[label] = self._progress.add_task(label, total=of)
        self._progress.update(self._tasks[label], completed=here, total=of)


@main.command()
@_as_json
@_reports_errors
def doctor(as_json: bool) -> None:
    """Check the environment: Python, libraries, grids, fonts, disk, memory and the demo data."""
    from dothi.doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps(findings, indent=1, ensure_ascii=False))
    else:
        for finding in findings:
            mark, colour = ("✓", "green") if finding["ok"] else ("✗", "red")
            click.secho(f" {mark} ", fg=colour, nl=False)
            click.echo(f"{finding['name']:<22} {finding['found']}")
            if not finding["ok"]:
                click.echo(f"   {finding['advice']}")
    if not all(finding["ok"] for finding in findings):
        sys.exit(FAILED)
