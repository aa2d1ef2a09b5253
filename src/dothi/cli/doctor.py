"""The verb that examines the environment."""

from __future__ import annotations

import sys

import click

from dothi.cli.common import FAILED, as_json_too, reports_errors, tell


@click.command()
@as_json_too
@reports_errors
def doctor(as_json: bool) -> None:
    """Check the environment: Python, libraries, grids, fonts, disk, memory and the demo data."""
    from dothi.doctor import examine

    findings = examine()
    if as_json:
        tell(findings)
    else:
        for finding in findings:
            mark, colour = ("✓", "green") if finding["ok"] else ("✗", "red")
            click.secho(f" {mark} ", fg=colour, nl=False)
            click.echo(f"{finding['name']:<22} {finding['found']}")
            if not finding["ok"]:
                click.echo(f"   {finding['advice']}")
    if not all(finding["ok"] for finding in findings):
        sys.exit(FAILED)
