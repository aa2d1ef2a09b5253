"""Verbs that make a city and say what it holds: demo, init, build, info."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from dothi.cli.common import FAILED, Bars, as_json_too, in_folder, new_console, reports_errors, tell, with_workers
from dothi.cli.serve import at_address, serve_study
from dothi.units import M_PER_KM

if TYPE_CHECKING:
    from rich.console import Console

    from dothi.build import Built


@click.command()
@click.argument("folder", default="demo", type=click.Path(path_type=Path))
@with_workers
@as_json_too
@at_address
@click.option("--no-serve", is_flag=True, help="Build, run and compare only.")
@reports_errors
def demo(folder: Path, workers: int | None, as_json: bool, no_serve: bool, **at: Any) -> None:
    """
    Build the demo city, central Nantes, in FOLDER (default: ./demo), try its scenarios, and show it in the browser.

    With --json it is not shown.
    """
    from dothi.cli.runs import compare_study, run_study
    from dothi.demo import SCENARIOS, create_demo

    create_demo(folder)
    build_study(folder, workers, as_json=False, quiet=as_json)
    run_study(folder, workers=workers, as_json=as_json)
    if not as_json:
        compare_study(folder, ("today", *SCENARIOS))
    if not (no_serve or as_json):
        serve_study(folder, **at)


@click.command()
@in_folder
@with_workers
@as_json_too
@click.option("-q", "--quiet", is_flag=True, help="Print problems only.")
@reports_errors
def build(folder: Path, workers: int | None, as_json: bool, quiet: bool) -> None:
    """
    Build the city of the study in FOLDER from its sources.

    Steps are kept: an interrupted build goes on where it stopped, and nothing is done where nothing changed.
    Writes build-report.html with counts, coverage, pictures and every problem met.
    """
    build_study(folder, workers, as_json, quiet)


def build_study(folder: Path, workers: int | None, as_json: bool, quiet: bool) -> None:
    """Build, and say what came of it."""
    from dothi.workers import processes

    pool = processes(workers)  # starts while this process imports what follows
    from dothi.publish.report import picture_steps, summary, write_build_report
    from dothi.study import Study

    console = new_console()
    study = Study.open(folder)
    loud = not (quiet or as_json)
    if loud:
        console.print(f"[bold]{study.config.name}[/] [dim]{folder}[/]")
    with Bars(console) if loud else nullcontext() as bars:
        built = study.build(bars, pool, picture_steps())
    report = write_build_report(study, built, pool)
    told = pool.submit(summary, study, built).result() if as_json else {}
    pool.shutdown()
    if as_json:
        tell(told)
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


@click.command()
@in_folder
@as_json_too
@reports_errors
def info(folder: Path, as_json: bool) -> None:
    """Say what the city of the study in FOLDER holds: tables, columns, units, missing values, methods."""
    from dothi.publish.report import describe
    from dothi.study import Study

    study = Study.open(folder)
    description = describe(study.city)
    if as_json:
        tell(description)
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


@click.command()
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
@reports_errors
def init(folder: Path, files: tuple[Path, ...], **options: Any) -> None:
    """
    Make a new study in FOLDER from FILES or from the name of a place.

    FILES may be OpenStreetMap extracts, GeoPackage, GeoJSON, Shapefile, CityJSON, CityGML, GTFS, GeoTIFF, EPW …
    Nothing is fetched unless --place is given; what was fetched is kept, so that the same command goes on.
    """
    from dothi.initialise import initialise

    console = new_console()
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
