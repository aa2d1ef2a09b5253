"""The way back from an indicator to the files it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dothi.city import City
from dothi.errors import InputError, Problem
from dothi.evaluate import CITY, check_current, evaluate, record_of
from dothi.indicators import KPIS
from dothi.kpi import Kpi
from dothi.scenario import LANGUAGES, lineage

if TYPE_CHECKING:
    from dothi.store import Kept
    from dothi.study import Study


@dataclass(frozen=True, slots=True)
class Trace:
    """
    Where an indicator comes from.

    Attributes
    ----------
    kpi
        The indicator.
    scenario
        Name of the scenario.
    value
        Its value there; None where missing.
    results
        Results that it was computed from.
    changes
        By language, what the scenario and its bases change.
    sources
        Files of the city as it is: kind, date, licence, attribution, checksums.
    """

    kpi: Kpi
    scenario: str
    value: float | None
    results: tuple[Kept, ...]
    changes: Mapping[str, tuple[str, ...]]
    sources: tuple[Mapping[str, Any], ...]

    @staticmethod
    def files_of(source: Mapping[str, Any]) -> dict[str, str]:
        """Checksums of a source by file."""
        given = source.get("sha256", {})
        return dict(given) if isinstance(given, Mapping) else {str(source.get("path", "")): str(given)}

    @property
    def plain(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "id": self.kpi.id,
            "name": dict(self.kpi.name),
            "scenario": self.scenario,
            "value": self.value,
            "unit": self.kpi.unit,
            "status": self.kpi.status,
            "formula": {language: self.kpi.formula_in(language) for language in LANGUAGES},
            "source": self.kpi.source,
            "results": [
                {part: kept.record[part] for part in ("model", "key", "finished", "produced_by", "versions")}
                for kept in self.results
            ],
            "changes": {language: list(said) for language, said in self.changes.items()},
            "sources": [dict(source) for source in self.sources],
        }


def trace(study: Study, kpi_id: str, scenario: str) -> Trace:
    """
    Follow an indicator back to its files.

    Parameters
    ----------
    study
        The study.
    kpi_id
        Such as ``LIV-15``.
    scenario
        Name of a scenario that was run.

    Raises
    ------
    InputError
        There is no such indicator, or the scenario was not run as it is written now.
    """
    if kpi_id not in KPIS:
        raise InputError([Problem(f"is an indicator: one of {', '.join(KPIS)}", column=kpi_id)])
    kpi, place, scenarios = KPIS[kpi_id], study.place, study.scenarios
    check_current(place, scenarios, [scenario])
    keys = record_of(place, scenario)["results"]
    found = [place.store.look(model, keys[model]) for model in kpi.needs if model in keys]
    changes = [change for one in lineage(scenario, scenarios) for change in one.change]
    return Trace(
        kpi,
        scenario,
        evaluate(place, scenario)[CITY].get(kpi.id),
        tuple(kept for kept in found if kept is not None),
        {language: tuple(change.describe(language) for change in changes) for language in LANGUAGES},
        tuple(City.read(place.city).provenance.get("sources", ())),
    )
