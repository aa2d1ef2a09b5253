"""Verbs that look after what was computed: results, trace, gc."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dothi.cli.common import BYTES_PER_MB, as_json_too, languages, reports_errors, study_and_words, tell

if TYPE_CHECKING:
    from dothi.store import Kept
    from dothi.study import Study

SHORT = 10
S_PER_DAY = 86_400.0
AGES = ((S_PER_DAY, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


@click.command()
@study_and_words("[DIR] [show KEY...]")
@as_json_too
@reports_errors
def results(folder: Path, words: tuple[str, ...], as_json: bool) -> None:
    r"""
    List the results kept in the study in DIR, or show what produced some of them.

    \b
    dothi results
    dothi results show 3f0c
    """
    from dothi.study import Study
    from dothi.upkeep import result_by

    study = Study.open(folder)
    if not words:
        _list_results(study, as_json)
        return
    if words[0] != "show" or len(words) < 2:
        raise click.UsageError("Either nothing more, or: show KEY")
    found = [result_by(study, word) for word in words[1:]]
    if as_json:
        tell([dict(kept.record) for kept in found])
        return
    for kept in found:
        _print_result(study, kept)


def _list_results(study: Study, as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from dothi.upkeep import needed_by

    users, now = needed_by(study).results, time.time()
    rows = [
        {
            "model": kept.model,
            "key": kept.key,
            "used_by": list(users.get(kept.key, ())),
            "bytes": kept.size,
            "age_s": round(now - kept.folder.stat().st_mtime, 1),
            "seconds": kept.record["seconds"],
        }
        for kept in study.place.store
    ]
    if as_json:
        tell(rows)
        return
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading, side in (
        ("model", "left"),
        ("key", "left"),
        ("used by", "left"),
        ("size", "right"),
        ("age", "right"),
        ("took", "right"),
    ):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    for row in rows:
        table.add_row(
            row["model"],
            row["key"][:SHORT],
            ", ".join(row["used_by"]) or "[dim]nobody[/]",
            f"{row['bytes'] / BYTES_PER_MB:.1f} MB",
            _age(row["age_s"]),
            f"{row['seconds']:.1f} s",
        )
    console.print(table)
    total = sum(row["bytes"] for row in rows)
    console.print(f"[dim]{len(rows)} results, {total / BYTES_PER_MB:.1f} MB[/]")


def _age(seconds: float) -> str:
    size, unit = next((each for each in AGES if seconds >= each[0]), AGES[-1])
    return f"{seconds / size:.0f} {unit}"


def _print_result(study: Study, kept: Kept) -> None:
    from rich.console import Console

    from dothi.upkeep import needed_by

    console = Console(highlight=False)
    record, made = kept.record, kept.record["produced_by"]
    console.print(f"[bold]{kept.model}[/] {kept.key}", soft_wrap=True)
    whole = "whole" if kept.is_intact() else "[red]damaged: the next run makes it again[/]"
    users = ", ".join(needed_by(study).results.get(kept.key, ())) or "nobody"
    given = ", ".join(f"{name} = {value}" for name, value in made["parameters"].items()) or "none"
    taken = ", ".join(f"{name} {key[:SHORT]}" for name, key in made.get("taken", {}).items() if key)
    inputs = [
        f"{table} ({', '.join(columns)})" for table, columns in made["inputs"].items() if columns and table != "grid"
    ]
    lines = {
        "finished": f"{record['finished']}, in {record['seconds']:g} s",
        "files": f"{kept.folder}, {kept.size / BYTES_PER_MB:.2f} MB, {whole}",
        "used by": users,
        "parameters": given,
        "reads": "; ".join(inputs),
        **({"taken from": taken} if taken else {}),
        "gives": ", ".join((*record["tables"], *record["fields"])),
        "says": ", ".join(f"{name} {value}" for name, value in record["diagnostics"].items()),
        "code": made["code"],
        "versions": ", ".join(f"{name} {version}" for name, version in record["versions"].items()),
    }
    for label, text in lines.items():
        console.print(f"  [dim]{label:<11}[/] {text}", soft_wrap=True)


@click.command()
@study_and_words("[DIR] ID")
@click.option("--scenario", default="today", show_default=True, help="Scenario.")
@languages
@as_json_too
@reports_errors
def trace(folder: Path, words: tuple[str, ...], scenario: str, language: str, as_json: bool) -> None:
    """Follow an indicator back: its formula, the simulations, the tables they read, and the files these came from."""
    from rich.console import Console
    from rich.tree import Tree

    from dothi.publish.comparison import shown
    from dothi.study import Study
    from dothi.trace import trace as followed

    if len(words) != 1:
        raise click.UsageError("Name one indicator, such as: dothi trace LIV-15")
    found = followed(Study.open(folder), words[0].upper(), scenario)
    if as_json:
        tell(found.plain)
        return
    kpi = found.kpi
    value = f"{shown(found.value)} {kpi.unit_in(language)}"
    tree = Tree(f"[bold]{kpi.name[language]}[/] [dim]{kpi.id}[/]  {value} [dim]{kpi.status}[/]")
    tree.add(f"[dim]formula[/] {kpi.formula_in(language)}")
    tree.add(f"[dim]defined in[/] {kpi.source}")
    for kept in found.results:
        branch = tree.add(f"{kept.model} [dim]{kept.key[:SHORT]}, {kept.record['finished']}[/]")
        for table, columns in kept.record["produced_by"]["inputs"].items():
            if columns and table not in ("grid", "rasters"):
                branch.add(f"{table}: [dim]{', '.join(column for column in columns if column != 'ids')}[/]")
    for sentence in found.changes[language]:
        tree.add(f"[dim]change[/] {sentence}")
    files = tree.add("[dim]sources of the city[/]")
    for source in found.sources:
        about = ", ".join(str(source[part]) for part in ("date", "licence", "attribution") if source.get(part))
        branch = files.add(f"{source.get('kind', '')} {source.get('path', '')} [dim]{about}[/]")
        for name, checksum in found.files_of(source).items():
            branch.add(f"{name} [dim]sha256 {checksum[:SHORT]}…[/]")
    Console(highlight=False).print(tree, soft_wrap=True)


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say only what would go.")
@click.option("--older-than", "days", type=click.FloatRange(0.0), default=0.0, help="Only what is older. [DAYS]")
@as_json_too
@reports_errors
def gc(folder: Path, dry_run: bool, days: float, as_json: bool) -> None:
    """
    Remove results, cities and scenes of the study in FOLDER that nobody needs.

    What the last run of a scenario or a sweep uses stays. Whatever goes can be made again.
    """
    from rich.console import Console

    from dothi.shown import key_of
    from dothi.study import Study
    from dothi.upkeep import tidy

    pieces = tidy(Study.open(folder), older_than_s=days * S_PER_DAY, scene_of=key_of, dry=dry_run)
    if as_json:
        tell([{"kind": one.kind, "path": str(one.path), "bytes": one.size, "age_s": one.age_s} for one in pieces])
        return
    console = Console(highlight=False)
    for kind in dict.fromkeys(one.kind for one in pieces):
        sizes = [one.size for one in pieces if one.kind == kind]
        console.print(f"  {kind:<9} {len(sizes):>6,}  {sum(sizes) / BYTES_PER_MB:>9,.1f} MB")
    total = sum(one.size for one in pieces) / BYTES_PER_MB
    console.print(f"{'Would free' if dry_run else 'Freed'} {total:,.1f} MB")
