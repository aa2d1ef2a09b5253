"""The verb that shows a city in the browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

import click

from dothi.cli.common import Bars, in_folder, new_console, reports_errors
from dothi.errors import EngineMissingError

P = ParamSpec("P")


def at_address(command: Callable[P, None]) -> Callable[P, None]:
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


@click.command()
@in_folder
@at_address
@reports_errors
def serve(folder: Path, **at: Any) -> None:
    """
    Show the city of the study in FOLDER in the browser.

    Answers this machine alone, unless --host says otherwise. Ctrl-C ends it.
    """
    serve_study(folder, **at)


def serve_study(folder: Path, host: str, port: int, opens: bool) -> None:
    """Serve a study until Ctrl-C."""
    from dothi.study import Study

    try:
        from dothi.server.serve import address_of, is_loopback, listen, prepare, run
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "starlette", "uvicorn"):
            raise
        raise EngineMissingError("The server is not installed. Install it with: pip install 'dothi[server]'") from error

    console = new_console()
    study = Study.open(folder)
    with listen(host, port) as listening:
        with Bars(console) as bars:
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
