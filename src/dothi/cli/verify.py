"""Verb that tries the engines on cases whose answer is known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dothi.cli.common import FAILED, as_json_too, new_console, reports_errors, tell

if TYPE_CHECKING:
    from dothi.verify import Checked


@click.command()
@click.argument("engines", nargs=-1, metavar="[ENGINE]...")
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with the files of cases that are not part of Dothi.",
)
@as_json_too
@reports_errors
def verify(engines: tuple[str, ...], data: Path | None, as_json: bool) -> None:
    """Try engines on published and closed-form cases: those named, or all."""
    from dothi.verify import ENGINES, as_plain
    from dothi.verify import verify as tried

    if unknown := [name for name in engines if name not in ENGINES]:
        raise click.BadParameter(f"no engine {', '.join(unknown)}: there are {', '.join(ENGINES)}")
    console = new_console()
    checked = []
    with console.status("Compiling and running …"):
        for one in tried(engines or None, data):
            checked.append(one)
            if not as_json:
                _print_case(one)
    if as_json:
        tell(as_plain(checked))
    else:
        quantities = [quantity for one in checked for quantity in one.quantities]
        right = sum(quantity.passed for quantity in quantities)
        console.print(f"[bold]{right} of {len(quantities)} quantities within their tolerance[/]")
    if not all(one.passed for one in checked):
        sys.exit(FAILED)


def _print_case(one: Checked) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(f"[bold]{one.case.engine}[/] {one.case.name} [dim]{one.case.source}[/]")
    if not one.quantities:
        console.print(f"  [yellow]–[/] [dim]not tried: wants {', '.join(one.case.files)} under --data[/]")
        return
    table = Table(box=None, pad_edge=False)
    for heading, side in (
        ("", "left"),
        ("", "left"),
        ("value", "right"),
        ("reference", "right"),
        ("± tolerance", "right"),
    ):
        table.add_column(heading, justify=side, header_style="dim")  # type: ignore[arg-type]
    for quantity in one.quantities:
        mark = "[green]✓[/]" if quantity.passed else "[red]✗[/]"
        numbers = (f"{number:.10g}" for number in (quantity.value, quantity.reference, quantity.tolerance))
        table.add_row(f"  {mark}", f"{quantity.name} [dim]{quantity.unit}[/]", *numbers)
    console.print(table)
