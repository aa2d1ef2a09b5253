"""Scenarios side by side: indicators and their differences, and what differs in plain words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from dothi.evaluate import CITY, Values, check_current, evaluate, record_of
from dothi.indicators import KPIS
from dothi.kpi import Kpi
from dothi.record import notes_of, parameters
from dothi.scenario import LANGUAGES, Scenario, lineage

if TYPE_CHECKING:
    import pandas as pd

    from dothi.errors import Problem
    from dothi.record import Place
    from dothi.study import Study

Verdict = Literal["better", "worse", "other", "same", ""]
SAME: Final = 1e-9
"""Relative difference below which two values are the same."""
WITHOUT: Final = {"en": "without: {}", "fr": "sans : {}", "vi": "không có: {}"}
YEAR: Final = {"en": "year {} instead of {}", "fr": "année {} au lieu de {}", "vi": "năm {} thay cho {}"}
PARAMETER: Final = {"en": "{} = {} instead of {}", "fr": "{} = {} au lieu de {}", "vi": "{} = {} thay cho {}"}
NONE: Final = {"en": "none", "fr": "aucune", "vi": "không có"}


@dataclass(frozen=True, slots=True)
class Cell:
    """
    An indicator of one scenario, held against the first one.

    Attributes
    ----------
    value
        Its value; None where missing.
    delta
        Value less that of the first scenario; None where either is missing.
    relative
        The same, by the size of the first value; None where that is 0.
    verdict
        Which way it went; ``other`` where neither way is better, empty where it cannot be said.
    """

    value: float | None
    delta: float | None = None
    relative: float | None = None
    verdict: Verdict = ""

    @classmethod
    def of(cls, kpi: Kpi, value: float | None, first: float | None) -> Cell:
        """Cell of a value and that of the first scenario."""
        if value is None or first is None:
            return cls(value)
        delta = value - first
        if math.isclose(value, first, rel_tol=SAME, abs_tol=1e-12):
            return cls(value, delta, 0.0, "same")
        verdict: Verdict = "other"
        if kpi.better != "context":
            verdict = "better" if (delta > 0.0) == (kpi.better == "higher") else "worse"
        return cls(value, delta, delta / abs(first) if first else None, verdict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    Scenarios side by side.

    Attributes
    ----------
    scenarios
        By name; all are held against the first.
    values
        By scenario, values of the indicators by area and id.
    words
        By scenario but the first and by language, what differs from the first.
    notes
        By scenario, what its changes put right or want to be known.
    """

    scenarios: Mapping[str, Scenario]
    values: Mapping[str, Values]
    words: Mapping[str, Mapping[str, tuple[str, ...]]]
    notes: Mapping[str, tuple[Problem, ...]]

    @property
    def first(self) -> str:
        """The scenario that all others are held against."""
        return next(iter(self.scenarios))

    @property
    def areas(self) -> list[str]:
        """Areas compared, the whole city first."""
        return list(self.values[self.first])

    def cell(self, scenario: str, kpi: Kpi, area: str = CITY) -> Cell:
        """One indicator of one scenario in one area."""
        value, first = (self.values[name].get(area, {}).get(kpi.id) for name in (scenario, self.first))
        return Cell.of(kpi, value, first)

    def rows(self) -> Iterator[tuple[str, Kpi, dict[str, Cell]]]:
        """Area, indicator and cells by scenario, of all indicators that some scenario has a value of."""
        for area in self.areas:
            for kpi in KPIS.values():
                cells = {name: self.cell(name, kpi, area) for name in self.scenarios}
                if any(cell.value is not None for cell in cells.values()):
                    yield area, kpi, cells

    def frame(self, language: str = "en") -> pd.DataFrame:
        """Table with a row by area, indicator and scenario: the form in which spreadsheets and programs like it."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "area": area,
                    "id": kpi.id,
                    "domain": kpi.domain,
                    "indicator": kpi.name[language],
                    "unit": kpi.unit_in(language),
                    "better": kpi.better,
                    "status": kpi.status,
                    "scenario": name,
                    "value": cell.value,
                    "delta": cell.delta,
                    "relative": cell.relative,
                    "verdict": cell.verdict,
                }
                for area, kpi, cells in self.rows()
                for name, cell in cells.items()
            ]
        )


def compare(study: Study, names: Sequence[str], *, by_ward: bool = False) -> Comparison:
    """
    Put scenarios side by side that were run.

    Parameters
    ----------
    study
        The study.
    names
        Scenarios; all are held against the first.
    by_ward
        Whether to compare every ward, too.

    Raises
    ------
    InputError
        A scenario is unknown, or was not run as it is written now: all of them are named.
    """
    return hold(study.place, study.scenarios, names, by_ward=by_ward)


def hold(place: Place, scenarios: Mapping[str, Scenario], names: Sequence[str], *, by_ward: bool = False) -> Comparison:
    """The same of scenarios that were read before; see `compare`."""
    names = list(dict.fromkeys(names))
    check_current(place, scenarios, names)
    first, *others = names
    return Comparison(
        {name: scenarios[name] for name in names},
        {name: evaluate(place, name, by_ward=by_ward) for name in names},
        {name: differences(place, scenarios, first, name) for name in others},
        {name: notes_of(record_of(place, name)) for name in names},
    )


def differences(place: Place, scenarios: Mapping[str, Scenario], first: str, second: str) -> dict[str, tuple[str, ...]]:
    """
    What the second scenario has and the first has not, and the other way round, in plain words.

    Parameters
    ----------
    place
        Where they are run.
    scenarios
        Scenarios of the study.
    first, second
        Their names.

    Returns
    -------
    dict
        Sentences by language; none where both are the same.
    """
    lines = {name: lineage(name, scenarios) for name in (first, second)}
    given = {name: [change for scenario in line for change in scenario.change] for name, line in lines.items()}
    common = 0
    while common < min(map(len, given.values())) and given[first][common] == given[second][common]:
        common += 1
    gone, new = given[first][common:], given[second][common:]
    gone, new = [one for one in gone if one not in new], [one for one in new if one not in gone]
    years = [next((one.year for one in reversed(lines[name]) if one.year), None) for name in (second, first)]
    stages = sorted({model for line in lines.values() for one in line for model in one.models})
    before, after = (
        {f"{model}.{name}": value for model, params in found.items() for name, value in params.model_dump().items()}
        for found in (parameters(place, lines[name], stages) for name in (first, second))
    )
    said: dict[str, tuple[str, ...]] = {}
    for language in LANGUAGES:
        sentences = [change.describe(language) for change in new]
        sentences += [WITHOUT[language].format(change.describe(language)) for change in gone]
        if years[0] != years[1]:
            sentences.append(YEAR[language].format(*(year or NONE[language] for year in years)))
        sentences += [
            PARAMETER[language].format(name, _plain(after[name]), _plain(before[name]))
            for name in after
            if after[name] != before[name]
        ]
        said[language] = tuple(sentences)
    return said


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
