"""What a run gives: the evidence of a scenario, and the values of its indicators, each computed once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dothi.city import City
from dothi.content import code_digest, digest
from dothi.errors import InputError, Problem, Problems
from dothi.io.files import is_whole, write_text
from dothi.kpi import Evidence
from dothi.record import asked, read_record
from dothi.scenario import lineage

if TYPE_CHECKING:
    from dothi.record import Place
    from dothi.scenario import Scenario

CITY: Final = ""
"""Name under which the values of the whole city stand among those of its wards."""
Values = Mapping[str, Mapping[str, float | None]]
"""Values of indicators by area and id; None where one cannot be computed."""


def record_of(place: Place, scenario: str) -> dict[str, Any]:
    """
    Which city and which results belong to a scenario.

    Raises
    ------
    InputError
        It was not run, or not since its city was made anew.
    """
    record = read_record(place.record(scenario))
    if record is None:
        raise InputError([Problem(f"was run: dothi run {scenario}", column=scenario)])
    if not is_whole(place.derived / "cities" / record["city"]):
        raise InputError([Problem(f"was run on the city as it is now: dothi run {scenario}", column=scenario)])
    return record


def check_current(place: Place, scenarios: Mapping[str, Scenario], names: Iterable[str]) -> None:
    """
    Check that scenarios were run as they are written now.

    Raises
    ------
    InputError
        Some were not: all of them are named.
    """
    problems = Problems()
    for name in names:
        if name not in scenarios:
            problems.error(f"is a scenario of this study ({', '.join(scenarios)})", column=name)
            continue
        try:
            record = record_of(place, name)
        except InputError as error:
            problems.extend(error.problems)
            continue
        if record.get("asked") != asked(place, lineage(name, scenarios)):
            problems.error(f"was run as it is written now: dothi run {name}", column=name)
    problems.raise_errors()


def evidence_of(place: Place, scenario: str) -> Evidence:
    """
    City and results of a scenario that was run.

    Raises
    ------
    InputError
        It was not run, or what it gave is damaged: run it (again).
    """
    record = record_of(place, scenario)
    found = {model: place.store.find(model, key) for model, key in record["results"].items()}
    problems = Problems(str(place.store.root))
    for model, kept in found.items():
        if kept is None:
            problems.error(f"is whole: dothi run {scenario} makes it again", column=model)
    problems.raise_errors()
    results = {model: kept.result() for model, kept in found.items() if kept is not None}
    return Evidence(City.read(place.derived / "cities" / record["city"]), results, City.read(place.city))


def ward_names(city: City) -> list[str]:
    """Names of the wards of a city in their order, each told apart from all others."""
    wards = city["wards"]
    names = wards["name"].astype("object").where(wards["name"].notna(), "").astype(str)
    again = names.duplicated(keep=False)
    return [
        f"{name} ({ward})".strip() if more or not name else name
        for ward, name, more in zip(wards.index, names, again, strict=True)
    ]


def evaluate(place: Place, scenario: str, *, by_ward: bool = False) -> Values:
    """
    Values of all indicators of a scenario that was run; kept beside its results, so that they are computed once.

    Parameters
    ----------
    place
        Where.
    scenario
        Name.
    by_ward
        Whether to give them for every ward of the city as it is, too.

    Returns
    -------
    dict
        By area, `CITY` first, the values by id.

    Raises
    ------
    InputError
        It was not run, or what it gave is damaged.
    """
    record = record_of(place, scenario)
    known = kept_values(place, record, by_ward)
    try:
        kept: Values = json.loads(known.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = _computed(evidence_of(place, scenario), by_ward)
        write_text(known, json.dumps(kept, ensure_ascii=False, indent=1) + "\n")
    return kept


def kept_values(place: Place, record: Mapping[str, Any], by_ward: bool) -> Path:
    """File in which the values of indicators of a run are kept."""
    key = digest(record["city"], record["results"], place.city.name, code_digest("dothi.indicators"), by_ward)
    return place.derived / "values" / f"{key}.json"


def _computed(evidence: Evidence, by_ward: bool) -> Values:
    from dothi.indicators import values

    found = {CITY: values(evidence)}
    if by_ward and evidence.today is not None:
        areas = evidence.today["wards"].geometry
        for name, area in zip(ward_names(evidence.today), areas, strict=True):
            found[name] = values(evidence.inside(area))
    return found
