"""Verbs that simulate and hold side by side: run, indicators, compare, sweep."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from dothi.cli.common import (
    FAILED,
    as_json_too,
    languages,
    new_console,
    reports_errors,
    study_and_words,
    tell,
    with_workers,
    words_of,
)

if TYPE_CHECKING:
    from rich.console import Console

    from dothi.compare import Comparison
    from dothi.explain import Graph
    from dothi.run import Ran
    from dothi.sweep.ensemble import Ensemble
    from dothi.work import Outcome

MARKS = {"made": "[green]✓[/]", "found": "[dim]·[/]", "left out": "[yellow]–[/]"}
VERDICTS = {"better": "green", "worse": "red"}
with_scheduler = click.option(
    "--scheduler", metavar="URL", help="Scheduler of a Dask cluster, such as tcp://10.0.0.5:8786."
)


class Runs:
    """Progress of a run: a line for everything that was made or left out, and a bar for the whole."""

    def __init__(self, console: Console, *, lines: bool = True) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._console, self._lines = console, lines
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def begin(self, total: int) -> None:
        """Show the bar."""
        self._progress.update(self._task, total=total)

    def start(self, scenario: str, work: str) -> None:
        """Name the work that was begun last."""
        self._progress.update(self._task, description=f"{scenario}: {work}" if self._lines else work)

    def done(self, scenario: str, outcome: Outcome) -> None:
        """Leave a line where something was done."""
        from rich.markup import escape

        self._progress.advance(self._task)
        if self._lines and outcome.state != "found":
            told = f"{outcome.seconds:.1f} s" if outcome.state == "made" else escape(outcome.reason)
            line = f"  {MARKS[outcome.state]} {scenario}: {outcome.model} [dim]{told}[/]"
            self._console.print(line, soft_wrap=True)


@click.command()
@study_and_words("[DIR] [SCENARIO]...")
@click.option(
    "--models",
    multiple=True,
    callback=words_of,
    help="Simulations, with those they need. [default: all but those made on request]",
)
@with_scheduler
@with_workers
@click.option(
    "--explain",
    is_flag=False,
    flag_value="tree",
    type=click.Choice(["tree", "mermaid", "dot"]),
    help="Show what ran, from what, for how long, and what was found: as a tree, or as text for Mermaid or Graphviz.",
)
@as_json_too
@reports_errors
def run(
    folder: Path,
    words: tuple[str, ...],
    models: tuple[str, ...],
    scheduler: str | None,
    workers: int | None,
    explain: str | None,
    as_json: bool,
) -> None:
    """
    Simulate scenarios of the study in DIR: those named, or all.

    What was computed before is found, so a run costs only what changed. Ctrl-C stops it: what is finished is kept, and
    the next run goes on.
    """
    run_study(folder, words, models, scheduler=scheduler, workers=workers, explain=explain, as_json=as_json)


def run_study(
    folder: Path,
    words: tuple[str, ...] = (),
    models: tuple[str, ...] = (),
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    explain: str | None = None,
    as_json: bool = False,
) -> None:
    """Simulate scenarios, and say what came of it."""
    from dothi.explain import explain as graph_of
    from dothi.study import Study
    from dothi.workers import executor_for

    console = new_console()
    study = Study.open(folder)
    loud = not as_json
    if loud:
        console.print(f"[bold]{study.config.name}[/] [dim]{folder}[/]")
    with Runs(console, lines=loud) as bars, executor_for(scheduler, workers) as executor:
        ran = study.run(words or None, models=models or None, progress=bars if loud else None, executor=executor)
    graph = graph_of(ran, study.scenarios, study.place.store)
    if as_json:
        tell(
            {
                "scenarios": {name: _listed(one) for name, one in ran.items()},
                "notes": {name: [note.plain for note in one.notes] for name, one in ran.items() if one.notes},
                "saved_s": round(graph.saved_s, 3),
            }
        )
    elif explain is None:
        _print_ran(console, ran, graph)
    if explain is not None:
        _print_graph(graph, explain, aside=as_json)


def _listed(ran: Ran) -> list[dict[str, Any]]:
    return [
        {
            "model": outcome.model,
            "state": outcome.state,
            "cached": outcome.state == "found",
            "key": outcome.key,
            "seconds": round(outcome.seconds, 3),
            **({"reason": outcome.reason} if outcome.reason else {}),
        }
        for outcome in ran.outcomes.values()
    ]


def _print_ran(console: Console, ran: dict[str, Ran], graph: Graph) -> None:
    from rich.markup import escape

    for name, one in ran.items():
        states = [outcome.state for outcome in one.outcomes.values()]
        told = ", ".join(f"{states.count(state)} {state}" for state in MARKS if state in states)
        console.print(f"[bold]{name}[/]: {told}")
        for note in one.notes:
            console.print(f"  [yellow]![/] {escape(str(note))}", soft_wrap=True)
    if graph.saved_s >= 1.0:
        console.print(f"[dim]What was found once took {graph.saved_s:.0f} s.[/]")


def _print_graph(graph: Graph, form: str, *, aside: bool) -> None:
    from dothi.explain import dot, mermaid

    if form == "tree":
        _print_tree(graph, aside)
    else:
        click.echo((mermaid if form == "mermaid" else dot)(graph), nl=False, err=aside)


def _print_tree(graph: Graph, aside: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.tree import Tree

    from dothi.explain import said
    from dothi.work import APPLY

    console = Console(stderr=aside, highlight=False)
    for scenario in graph.scenarios:
        base = f" [dim]on {graph.bases[scenario]}[/]" if scenario in graph.bases else ""
        tree = Tree(f"[bold]{scenario}[/]{base}")
        for node in graph.of(scenario):
            reads = f" [dim]from {', '.join((*node.after, *node.reads))}[/]" if node.after or node.reads else ""
            title = "city" if node.work == APPLY else node.work
            tree.add(f"{MARKS[node.outcome.state]} {title}{reads}: {escape(said(node))}")
        console.print(tree)


@click.command()
@study_and_words("[DIR] [SCENARIO]...")
@click.option("--scenario", "named", multiple=True, callback=words_of, help="Scenarios. [default: all that were run]")
@click.option("--by", type=click.Choice(["ward"]), help="Give them for every ward, too.")
@languages
@as_json_too
@reports_errors
def indicators(
    folder: Path, words: tuple[str, ...], named: tuple[str, ...], by: str | None, language: str, as_json: bool
) -> None:
    """Values of the indicators of scenarios of the study in DIR, with unit and status."""
    from dothi.compare import compare as held
    from dothi.study import Study

    study = Study.open(folder)
    place = study.place
    names = (*words, *named) or tuple(name for name in study.scenarios if place.record(name).is_file()) or ("today",)
    found = held(study, names, by_ward=by == "ward")
    if as_json:
        tell(
            [
                {
                    "id": kpi.id,
                    "domain": kpi.domain,
                    "area": area,
                    "scenario": name,
                    "name": dict(kpi.name),
                    "value": cell.value,
                    "unit": kpi.unit,
                    "status": kpi.status,
                }
                for area, kpi, cells in found.rows()
                for name, cell in cells.items()
            ]
        )
    else:
        _print_comparison(found, language, deltas=False)


@click.command()
@study_and_words("[DIR] SCENARIO SCENARIO...")
@click.option("--by", type=click.Choice(["ward"]), help="Compare every ward, too.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write: .csv or .html.")
@languages
@as_json_too
@reports_errors
def compare(
    folder: Path, words: tuple[str, ...], by: str | None, output: Path | None, language: str, as_json: bool
) -> None:
    r"""
    Hold scenarios of the study in DIR against the first one: what differs, and what comes of it.

    \b
    dothi compare today bridge-closed
    dothi compare my-city today plan-a plan-b --by ward -o plans.html
    """
    from dothi.compare import compare as held
    from dothi.publish.comparison import as_plain, write_comparison
    from dothi.study import Study

    if len(words) < 2:
        raise click.UsageError("Name two scenarios or more, such as: dothi compare today my-scenario")
    study = Study.open(folder)
    found = held(study, words, by_ward=by == "ward")
    if output is not None:
        write_comparison(found, output, city=study.config.name, language=language)
    if as_json:
        tell(as_plain(found))
    elif output is None:
        _print_comparison(found, language, deltas=True)
    else:
        new_console().print(f"Written: [cyan]{output.resolve()}[/]", soft_wrap=True)


def compare_study(folder: Path, names: tuple[str, ...], language: str = "en") -> None:
    """Say what differs between scenarios that were run."""
    from dothi.compare import compare as held
    from dothi.study import Study

    _print_comparison(held(Study.open(folder), names), language, deltas=True)


def _print_comparison(found: Comparison, language: str, *, deltas: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from dothi.evaluate import CITY
    from dothi.publish.comparison import WORDS, share, shown, signed
    from dothi.rules import told

    console, words = Console(highlight=False), WORDS[language]
    for name, said in found.words.items() if deltas else ():
        console.print(f"[bold]{getattr(found.scenarios[name].title, language)}[/] [dim]{name}[/]")
        for sentence in said[language] or (words["nothing"],):
            console.print(f"  • {sentence}", markup=False)
        for note in found.notes[name] if deltas else ():
            console.print(f"  ! {told(note, language)}", markup=False)
    tables: dict[str, Table] = {}
    for area, kpi, cells in found.rows():
        if area not in tables:
            title = words["city"] if area == CITY else area
            table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
            for heading in ("", words["indicator"], words["unit"]):
                table.add_column(heading, header_style="dim")
            for name in cells:
                table.add_column(name, justify="right", header_style="dim")
            tables[area] = table
        row = []
        for name, cell in cells.items():
            text = shown(cell.value)
            if deltas and name != found.first and cell.delta is not None and cell.verdict != "same":
                colour = VERDICTS.get(cell.verdict, "dim")
                text += f" [{colour}]{signed(cell.delta)} {share(cell.relative)}[/]"
            row.append(text)
        tables[area].add_row(f"[dim]{kpi.id}[/]", kpi.name[language], f"[dim]{kpi.unit_in(language)}[/]", *row)
    for table in tables.values():
        console.print(table)


@click.command()
@study_and_words("[DIR] NAME")
@click.option(
    "--vary",
    multiple=True,
    metavar="PARAMETER=KIND:…",
    help="Instead of sweeps/NAME.toml: what is uncertain, such as models.walk.limit_m=uniform:500:3000. Repeatable.",
)
@click.option("--scenario", help="Scenario of which variants are tried. [default: today, or as the file says]")
@click.option("--n", type=click.IntRange(2), help="Points; rounded up to a power of two. [default: 64]")
@click.option("--seed", type=click.IntRange(0), help="Seed of the points. [default: 1]")
@click.option("--method", type=click.Choice(["sobol", "grid"]), help="Points spread evenly, or a grid.")
@click.option("--sensitivity", type=click.Choice(["ranks", "sobol"]), help="Rank correlation, or Sobol indices.")
@with_scheduler
@with_workers
@languages
@as_json_too
@reports_errors
def sweep(
    folder: Path,
    words: tuple[str, ...],
    vary: tuple[str, ...],
    scheduler: str | None,
    workers: int | None,
    language: str,
    as_json: bool,
    **options: Any,
) -> None:
    """
    Try many variants of a scenario, to see how sure its indicators are and what they depend on.

    Reads sweeps/NAME.toml of the study in DIR, or takes what varies from --vary. Writes sweeps/NAME/: members.csv,
    quantiles.csv, sweep.json, tornado.png, report.html. Members that were run before cost nothing.
    """
    from dothi.publish.sweep import as_plain, write_sweep
    from dothi.study import Study
    from dothi.sweep.ensemble import run_sweep
    from dothi.sweep.plan import plan_from, read_plan, replanned
    from dothi.workers import executor_for

    if len(words) != 1:
        raise click.UsageError("Name one sweep, such as: dothi sweep walking")
    console = new_console()
    study = Study.open(folder)
    plan = plan_from(words[0], vary, **options) if vary else replanned(read_plan(study.folder, words[0]), **options)
    if not as_json:
        console.print(f"[bold]{plan.title.en}[/] [dim]{plan.scenario}, {plan.members:,} members[/]")
    with Runs(console, lines=False) as bars, executor_for(scheduler, workers) as executor:
        found = run_sweep(study, plan, progress=None if as_json else bars, executor=executor)
    report = write_sweep(found, study.folder / "sweeps" / plan.name, city=study.config.name, language=language)
    if as_json:
        tell(as_plain(found))
    else:
        _print_sweep(found, language)
        console.print(f"Report: [cyan]{report.resolve()}[/]", soft_wrap=True)
    if not found.indicators:
        sys.exit(FAILED)


def _print_sweep(found: Ensemble, language: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from dothi.indicators import KPIS
    from dothi.publish.comparison import shown
    from dothi.sweep.ensemble import QUANTILES

    table = Table(box=None, pad_edge=False)
    for heading in ("", "", ""):
        table.add_column(heading, header_style="dim")
    for at in QUANTILES:
        table.add_column(f"p{100 * at:02.0f}", justify="right", header_style="dim")
    table.add_column("", header_style="dim")
    for kpi in found.varied:
        spread, swings = found.spread(kpi), found.swings(kpi)
        widest = next(iter(swings), "")
        table.add_row(
            f"[dim]{kpi}[/]",
            KPIS[kpi].name[language],
            f"[dim]{KPIS[kpi].unit_in(language)}[/]",
            *map(shown, spread.quantiles),
            f"[dim]{widest if widest and swings[widest].width else ''}[/]",
        )
    Console(highlight=False).print(table)
