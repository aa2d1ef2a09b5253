"""The verb that writes a city for other programs."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from dothi.cli.common import BYTES_PER_MB, as_json_too, in_folder, new_console, reports_errors, tell, words_of
from dothi.publish.export import FORMATS


def _formats() -> str:
    """Formats with a line each, for the help."""
    width = max(map(len, FORMATS))
    return "\b\nFormats:\n" + "\n".join(f"  {each.name:<{width}}  {each.title}" for each in FORMATS.values())


@click.command(epilog=_formats())
@click.argument("format_name", metavar="FORMAT")
@in_folder
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="File or folder to write. [default: by the study]"
)
@click.option(
    "--layers", multiple=True, callback=words_of, help="Tables or rasters, such as buildings,links. [default: all]"
)
@click.option(
    "--columns", multiple=True, callback=words_of, help="Columns, such as height_m or links.name. [default: all]"
)
@click.option("--crs", help="Another grid for the coordinates, such as EPSG:9217.")
@click.option(
    "--scenarios", multiple=True, callback=words_of, help="Scenarios that html carries. [default: all that were run]"
)
@click.option("--compress", is_flag=True, help="Pack the result into a zip archive.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@as_json_too
@reports_errors
def export(format_name: str, folder: Path, output: Path | None, as_json: bool, **options: Any) -> None:
    r"""
    Write the city of the study in FOLDER in a format that other programs read.

    \b
    dothi export cityjson
    dothi export gpkg my-city -o my-city.gpkg --layers buildings,links --crs EPSG:4326
    dothi export html my-city --scenarios bridge-closed,tram
    """
    from dothi.publish.export import export as write
    from dothi.study import Study

    console = new_console()
    study = Study.open(folder)
    status = nullcontext() if as_json else console.status("")
    with status as shown:
        done = write(
            study.city,
            format_name,
            output,
            notify=lambda label: None if shown is None else shown.update(f"{format_name}: {label}"),
            study=study,
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
        tell(report)
        return
    for name, count in done.counts.items():
        console.print(f"  {name:<20} [bold]{count:>10,}[/]")
    for note in done.notes:
        console.print(f"  [dim]{note}[/]", soft_wrap=True)
    console.print(
        f"Written in {done.seconds:.1f} s, {done.bytes / BYTES_PER_MB:.1f} MB: [cyan]{done.path.resolve()}[/]",
        soft_wrap=True,
    )
