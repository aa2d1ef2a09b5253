"""Reference pages of simulations, indicators and their verification, written from what these declare."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from write_fields import field_row, limits

from dothi.chain import STAGES, Stage
from dothi.indicators import KPIS
from dothi.kpi import DOMAINS, Kpi
from dothi.model import Model

if TYPE_CHECKING:
    from dothi.schema import Schema
    from dothi.verify import Checked

LANGUAGES = ("en", "fr", "vi")
BETTER = {"higher": "higher", "lower": "lower", "context": "neither: for context"}


def models_page(stages: Mapping[str, Stage] = STAGES) -> str:
    """Page with a section for every simulation on offer."""
    head = (
        "# Simulations\n\n"
        "Written from the declarations of the simulations that `dothi run` makes, in the order in which they run. "
        "Parameters are set under `[models.NAME]` in `dothi.toml` or in a scenario. A result is kept under the content "
        "of the columns listed here, the parameters and the code, and is made anew only when one of them changes.\n\n"
    )
    return head + "".join(model_section(name, stage) for name, stage in stages.items())


def model_section(name: str, stage: Stage) -> str:
    model = stage.load()
    lines = [f"## {name}", "", inspect.cleandoc(model.__doc__ or ""), ""]
    if stage.on_request:
        lines += [f"Made on request only: `dothi run --models {name}`.", ""]
    if stage.takes:
        lines += [f"Takes results of {_listed(stage.takes)}; without them it is left out.", ""]
    if stage.may_take:
        lines += [f"Takes results of {_listed(stage.may_take)} where there are any.", ""]
    lines += _parameters(model)
    lines += _columns("Reads", model.inputs, model.optional)
    if model.rasters:
        listed = (f"`{name}`{' (if there)' if name in model.optional else ''}" for name in model.rasters)
        lines += [f"Reads the rasters {', '.join(listed)}.", ""]
    lines += _columns("Gives", model.outputs)
    lines += ["Sources:", "", *(f"* {reference}" for reference in model.references), "", ""]
    return "\n".join(lines)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _parameters(model: type[Model]) -> list[str]:
    fields = type(model().params).model_fields
    if not fields:
        return ["It has no parameters.", ""]
    head = ["| parameter | what | usual | meaning |", "|---|---|---|---|"]
    return [*head, *(field_row(name, field) for name, field in fields.items()), ""]


def _columns(verb: str, tables: Mapping[str, Schema], optional: Iterable[str] = ()) -> list[str]:
    if not tables:
        return []
    may = set(optional)
    rows = [
        f"| `{table}`{' (if there)' if table in may else ''} | `{name}` | {column.unit} | {column.description} "
        f"| {limits(column)} |"
        for table, columns in tables.items()
        for name, column in columns.items()
    ]
    return [f"{verb}:", "", "| table | column | unit | meaning | limits |", "|---|---|---|---|---|", *rows, ""]


def indicators_page(kpis: Mapping[str, Kpi] = KPIS) -> str:
    """Page with a section for every domain."""
    head = (
        "# Indicators\n\n"
        "Written from `dothi.indicators`. An indicator whose simulations were left out, or that has nothing to be "
        "computed from, is missing and is never replaced. Its status says what it rests on: *measured*, *modelled*, "
        "*entered* or *estimated*.\n\n"
    )
    return head + "".join(_domain(domain, [kpi for kpi in kpis.values() if kpi.domain == domain]) for domain in DOMAINS)


def _domain(domain: str, kpis: list[Kpi]) -> str:
    if not kpis:
        return ""
    return f"## {domain.capitalize()}\n\n" + "".join(map(indicator_entry, kpis))


def indicator_entry(kpi: Kpi) -> str:
    lines = [f"### {kpi.id}: {kpi.name['en']}", "", f"*{kpi.name['fr']}* · *{kpi.name['vi']}*", ""]
    facts = {
        "Unit": kpi.unit or "none, a ratio",
        "Computed as": kpi.formula_in("en"),
        "Better": BETTER[kpi.better],
        "Simulations": _listed(kpi.needs) or "none",
        "Status": kpi.status,
        "Defined in": kpi.source,
    }
    return "\n".join([*lines, *(f"* {name}: {text}" for name, text in facts.items()), "", ""])


def verification_page(checked: Iterable[Checked]) -> str:
    """Page with every case that was tried."""
    head = (
        "# Verification\n\n"
        "Written by trying the cases of `dothi verify` that need no files: answers in closed form, and published "
        "values. A reference of 0 stands for an error or a residual.\n\n"
    )
    by_engine: dict[str, list[Checked]] = {}
    for one in checked:
        by_engine.setdefault(one.case.engine, []).append(one)
    return head + "".join(
        f"## {engine}\n\n" + "".join(_case(one) for one in cases) for engine, cases in by_engine.items()
    )


def _case(one: Checked) -> str:
    rows = [
        f"| {quantity.name} | {quantity.unit} | {quantity.reference:.6g} | {quantity.value:.6g} "
        f"| {quantity.tolerance:.2g} | {'yes' if quantity.passed else '**no**'} |"
        for quantity in one.quantities
    ]
    table = ["| quantity | unit | reference | value | tolerance | passed |", "|---|---|---|---|---|---|", *rows]
    return "\n".join([f"### {one.case.name}", "", one.case.source, "", *table, "", ""])


def tried() -> Iterator[Checked]:
    """Cases of all engines that need no files, each tried once."""
    from dothi.verify import ENGINES, Checked, cases

    for engine in ENGINES:
        for case in cases(engine):
            if not case.files:
                yield Checked(case, tuple(case.run()))
