"""What the verbs of the command line share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import wraps
from multiprocessing import active_children
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, Self

import click

from dothi.errors import DothiError, InputError

if TYPE_CHECKING:
    from rich.console import Console

P = ParamSpec("P")
BAD_INPUT = 2
FAILED = 1
INTERRUPTED = 130
BYTES_PER_MB = 1e6


def reports_errors(command: Callable[P, None]) -> Callable[P, None]:
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
            kept = f"finished all the same: {', '.join(error.finished)}" if error.finished else "nothing was changed"
            click.secho(f"{count} problem{'' if count == 1 else 's'}; {kept}.", fg="red", err=True)
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


def new_console() -> Console:
    """Console for what people read; what programs read goes to standard output."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


class Bars:
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


in_folder = click.argument("folder", default=".", type=click.Path(path_type=Path))
as_json_too = click.option("--json", "as_json", is_flag=True, help="Report as JSON on standard output.")


with_workers = click.option(
    "--workers",
    type=click.IntRange(0, 64),
    help="Processes to work with; 0 works in this one. [default: one per core, ≤ 4]",
)


def tell(report: Any) -> None:
    """Print a report for programs."""
    click.echo(json.dumps(report, indent=1, ensure_ascii=False))


def words_of(_: Any, __: Any, given: tuple[str, ...]) -> tuple[str, ...]:
    """Words of an option that takes several, by commas or by being repeated."""
    return tuple(word.strip() for text in given for word in text.split(",") if word.strip())


languages = click.option(
    "--language",
    type=click.Choice(["en", "fr", "vi"]),
    default="en",
    show_default=True,
    help="Language of what people read.",
)


def study_and_words(metavar: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """
    Arguments of a verb that takes a study folder, which may be left out, and words.

    The first argument is the folder where it is one with ``dothi.toml``, or where there is none here.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @click.argument("given", nargs=-1, metavar=metavar)
        @wraps(command)
        def wrapped(given: tuple[str, ...], **options: Any) -> None:
            folder, words = Path(), given
            if given and (_is_study(Path(given[0])) or not _is_study(folder)):
                folder, words = Path(given[0]), given[1:]
            command(folder=folder, words=words, **options)

        return wrapped

    return decorate


def _is_study(path: Path) -> bool:
    try:
        return (path / "dothi.toml").is_file() or (path.name == "dothi.toml" and path.is_file())
    except OSError:
        return False
