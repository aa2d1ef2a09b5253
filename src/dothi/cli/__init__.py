"""The command line: one verb each, thin doors to the library."""

from __future__ import annotations

import click

from dothi import __version__
from dothi.cli import city, doctor, export, runs, serve, store, verify


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dothi")
def main() -> None:
    """
    Dothi: a 3D city simulator.

    A study is a folder: `dothi init` makes one from files or from the name of a place, `dothi build` turns its
    sources into one city model, `dothi run` simulates its scenarios, `dothi compare` holds them side by side. Try
    `dothi demo` first.

    Exit codes: 0 done, 1 failed, 2 bad input (every problem is named, nothing is changed).
    """


for verb in (
    city.demo,
    city.init,
    city.build,
    city.info,
    runs.run,
    runs.indicators,
    runs.compare,
    runs.sweep,
    store.results,
    store.trace,
    store.gc,
    export.export,
    verify.verify,
    serve.serve,
    doctor.doctor,
):
    main.add_command(verb)
