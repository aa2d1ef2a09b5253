"""What a study holds, told to people: its cities, its scenarios in plain words, and how their indicators compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field

from dothi import __version__
from dothi.catalogue import Facts, attribution
from dothi.chain import STAGES
from dothi.compare import Cell, Verdict, hold
from dothi.errors import InputError, Problem, Problems, Severity
from dothi.evaluate import CITY
from dothi.indicators import KPIS
from dothi.io.files import is_whole
from dothi.io.toml import read_toml
from dothi.record import asked, left_out_of, notes_of, read_record
from dothi.rules import in_language, told
from dothi.scenario import TODAY, Scenario, lineage, read_scenarios
from dothi.shown import Kept, Shown, key_of

if TYPE_CHECKING:
    from pathlib import Path

    from dothi.kpi import Kpi
    from dothi.record import Place
    from dothi.study import Study

LANGUAGES: Final = ("vi", "fr", "en")
RunState = Literal["never run", "up to date", "out of date"]


class Texts(Facts):
    """One text in every language of the app."""

    vi: str
    fr: str
    en: str


class ProblemFacts(Facts):
    """One broken rule: what should hold, and where it does not; or what was put right, or is to be known."""

    text: str
    """All of it in one line, as the command line prints it."""
    texts: Texts
    """The same in every language of the app."""
    rule: str
    rules: Texts
    """What should hold, in every language of the app; English where nobody translated it."""
    severity: Severity
    file: str
    table: str
    column: str
    n_rows: int
    rows: list[str]

    @classmethod
    def of(cls, problem: Problem) -> ProblemFacts:
        """Facts of a problem."""
        return cls(
            text=str(problem),
            texts=Texts(**{language: told(problem, language) for language in LANGUAGES}),
            rule=problem.rule,
            rules=Texts(**{language: in_language(problem.rule, language) for language in LANGUAGES}),
            severity=problem.severity,
            file=problem.file,
            table=problem.table,
            column=problem.column,
            n_rows=problem.n_rows,
            rows=list(problem.rows),
        )


class Lists(Facts):
    """Lines of text in every language of the app."""

    vi: list[str]
    fr: list[str]
    en: list[str]


class CityEntry(Facts):
    """A city of the study: today's, or what a scenario makes of it."""

    id: str
    """Name of the scenario; ``today`` for the city as it is."""
    key: str
    """Stands in all addresses of the city. Other data have another key, so what an address gives never changes."""
    title: Texts
    base: str | None
    """Scenario whose changes come first; none where that is the city as it is."""
    year: int | None
    changes: Lists
    """What it does, a line for every change; those of its base come first."""
    state: RunState
    results: list[str]
    """Simulations whose columns it offers."""


class StudyFacts(Facts):
    """What is served."""

    name: str
    country: str
    version: str
    cities: list[CityEntry]
    """Empty until ``dothi build`` was run; today's comes first."""
    attribution: list[str]
    languages: list[str]
    on_request: list[str]
    """Simulations that are run only where they are named."""


class ScenarioFacts(Facts):
    """A scenario as it is written, and what became of it."""

    name: str
    title: Texts
    base: str | None
    year: int | None
    change: list[dict[str, Any]]
    """As in the file."""
    models: dict[str, dict[str, Any]]
    """Parameters that differ from those of the study, by simulation; as in the file."""
    changes: Lists
    """What it does itself, a line for every change."""
    state: RunState
    key: str | None
    """Of its city, where it was run."""
    finished: str | None
    """When it was last run, UTC."""
    results: list[str]
    left_out: dict[str, Texts]
    """Simulations that lacked what they read, with the reason."""
    notes: list[ProblemFacts]
    """What its changes, and those it rests on, put right or want to be known, as of its last run."""


def reason_of(problems: Iterable[Problem]) -> Texts:
    """Why something was left out, in one line."""
    listed = list(problems)
    return Texts(**{language: "; ".join(told(problem, language) for problem in listed) for language in LANGUAGES})


class ScenarioBody(Facts):
    """A scenario to be written: as in its file, with its name."""

    name: str
    title: Texts | str
    base: str | None = None
    year: int | None = None
    change: list[dict[str, Any]] = Field(default_factory=list)
    models: dict[str, dict[str, Any]] = Field(default_factory=dict)


class ScenarioList(Facts):
    """All scenarios of the study, each behind its base; files that break rules are told beside them."""

    scenarios: list[ScenarioFacts]
    problems: list[ProblemFacts]


class IndicatorFacts(Facts):
    """An indicator."""

    id: str
    domain: str
    name: Texts
    unit: Texts
    better: Literal["higher", "lower", "context"]
    status: Literal["measured", "modelled", "entered", "estimated"]
    needs: list[str]
    """Simulations that it is computed from."""
    formula: Texts
    source: str


class CellFacts(Facts):
    """Value of an indicator in one scenario."""

    value: float | None
    delta: float | None
    """Less that of the first scenario."""
    relative: float | None
    """The same as a share of the value of the first one."""
    verdict: Verdict
    """Beside the first scenario; ``other`` where neither way is better, empty where a value is missing."""


class AreaFacts(Facts):
    """Indicators of one area."""

    name: str
    """Name of the ward; empty for the whole city."""
    cells: dict[str, list[CellFacts]]
    """By indicator, one for each scenario in their order."""


class ComparisonFacts(Facts):
    """Indicators of several scenarios side by side."""

    scenarios: list[str]
    titles: list[Texts]
    differences: list[Lists]
    """What each has that the first has not, and the other way round; nothing for the first itself."""
    notes: list[list[ProblemFacts]]
    """By scenario, what its changes put right or want to be known."""
    indicators: list[IndicatorFacts]
    areas: list[AreaFacts]
    """The whole city first."""


TODAY_TITLE: Final = Texts(vi="Hiện trạng", fr="État actuel", en="Today")


def in_words(scenarios: Iterable[Scenario]) -> Lists:
    """What scenarios do, a line for every change."""
    changes = [change for scenario in scenarios for change in scenario.change]
    return Lists(**{language: [change.describe(language) for change in changes] for language in LANGUAGES})


class Overview:
    """
    A study as it lies on disk at one moment.

    Parameters
    ----------
    study
        The study.
    kept
        Where tables stay between requests.

    Attributes
    ----------
    problems
        What is wrong with files under ``scenarios/``; the others are offered all the same.
    scenarios
        Those that can be read, by name, each behind its base.
    """

    def __init__(self, study: Study, kept: Kept | None = None) -> None:
        self.study = study
        self._kept = kept or Kept()
        found = Problems()
        self.scenarios: dict[str, Scenario] = read_scenarios(study.folder, found)
        self.problems: list[Problem] = list(found)

    @cached_property
    def place(self) -> Place | None:
        """Where scenarios are run; None until the city was built."""
        try:
            return self.study.place
        except InputError:
            return None

    @cached_property
    def cities(self) -> dict[str, Shown]:
        """Cities that can be shown, by scenario: today's first, then those of scenarios that were run."""
        place = self.place
        if place is None:
            return {}
        found = {name: self._city(place, name) for name in self.scenarios}
        return {name: shown for name, shown in found.items() if shown is not None}

    @property
    def current(self) -> Shown:
        """
        The city as it is.

        Raises
        ------
        InputError
            It was not built yet.
        """
        if self.place is None:
            raise self._unbuilt()
        return self.cities[TODAY]

    def _unbuilt(self) -> InputError:
        """What is wrong with the city, which is not there."""
        try:
            _ = self.study.city_folder
        except InputError as error:
            return error
        return InputError([Problem("has a built city: run dothi build", file=str(self.study.derived))])

    def _city(self, place: Place, name: str) -> Shown | None:
        record = self._records.get(name)
        folder = place.derived / "cities" / str(record["city"]) if record else None
        if record is None or folder is None or not is_whole(folder):
            return self._shown(place.city, {}) if name == TODAY else None
        if name == TODAY and folder != place.city and self.state(name) != "up to date":
            return self._shown(place.city, {})  # of the city that was there before it was built again
        results = {
            model: key for model, key in record["results"].items() if is_whole(place.store.root / model / str(key))
        }
        return self._shown(place.city if folder.name == place.city.name else folder, results)

    def _shown(self, folder: Path, results: Mapping[str, str]) -> Shown:
        scenes = self.study.derived / "scenes"
        store = self.place.store if self.place else None
        return Shown(key_of(folder, results), folder, scenes, self._kept, store, results)

    @cached_property
    def _records(self) -> dict[str, dict[str, Any]]:
        """Records of the last runs that say what they should, by scenario."""
        place = self.place
        if place is None:
            return {}
        found = {name: read_record(place.record(name)) for name in self.scenarios}
        return {
            name: record
            for name, record in found.items()
            if record and isinstance(record.get("city"), str) and isinstance(record.get("results"), dict)
        }

    def state(self, name: str) -> RunState:
        """Whether a scenario was run, and as it is written now on the city as it is now."""
        record, place = self._records.get(name), self.place
        if record is None or place is None:
            return "never run"
        if not is_whole(place.derived / "cities" / record["city"]):
            return "out of date"
        return "up to date" if record.get("asked") == asked(place, lineage(name, self.scenarios)) else "out of date"

    def title(self, name: str) -> Texts:
        """Title of a scenario."""
        if name == TODAY and not (self.study.folder / "scenarios" / f"{TODAY}.toml").is_file():
            return TODAY_TITLE
        return Texts(**self.scenarios[name].title.model_dump())

    def study_facts(self, names: Sequence[str] | None = None) -> StudyFacts:
        """What there is to be shown; of scenarios only some where they are named."""
        config = self.study.config
        cities = {name: shown for name, shown in self.cities.items() if names is None or name in names}
        return StudyFacts(
            name=config.name,
            country=config.country,
            version=__version__,
            cities=[self._entry(name, shown) for name, shown in cities.items()],
            attribution=attribution(self.current.city.provenance) if cities else [],
            languages=list(LANGUAGES),
            on_request=[name for name, stage in STAGES.items() if stage.on_request],
        )

    def _entry(self, name: str, shown: Shown) -> CityEntry:
        return CityEntry(
            id=name,
            key=shown.key,
            title=self.title(name),
            base=self.scenarios[name].base,
            year=self.scenarios[name].year,
            changes=in_words(lineage(name, self.scenarios)),
            state=self.state(name),
            results=list(shown.results),
        )

    def scenario_list(self, names: Sequence[str] | None = None) -> ScenarioList:
        """All scenarios as they are written; only some where they are named."""
        listed = [name for name in self.scenarios if names is None or name in names]
        return ScenarioList(
            scenarios=[self.scenario_facts(name) for name in listed],
            problems=[ProblemFacts.of(problem) for problem in self.problems],
        )

    def scenario_facts(self, name: str) -> ScenarioFacts:
        """A scenario as it is written, and what became of it."""
        scenario, record = self.scenarios[name], self._records.get(name, {})
        path = self.study.folder / "scenarios" / f"{name}.toml"
        written = read_toml(path, Problems()) if path.is_file() else {}
        return ScenarioFacts(
            name=name,
            title=self.title(name),
            base=scenario.base,
            year=scenario.year,
            change=written.get("change", []),
            models=written.get("models", {}),
            changes=in_words([scenario]),
            state=self.state(name),
            key=self.cities[name].key if name in self.cities else None,
            finished=record.get("finished"),
            results=list(record.get("results", {})),
            left_out={model: reason_of(problems) for model, problems in left_out_of(record).items()},
            notes=[ProblemFacts.of(note) for note in notes_of(record)],
        )

    def compare(self, names: Sequence[str], *, by_ward: bool = False) -> ComparisonFacts:
        """
        Indicators of scenarios side by side, each beside the first.

        Raises
        ------
        InputError
            A scenario is not known or was not run, or what it gave is damaged: all are named.
        """
        problems, names = Problems(), list(dict.fromkeys(names))
        place = self.place
        if place is None:
            raise self._unbuilt()
        if not names:
            problems.error("names scenarios with commas between", column="scenarios")
        problems.raise_errors()
        found = hold(place, self.scenarios, names, by_ward=by_ward)
        shown = [
            kpi for kpi in KPIS.values() if any(found.values[name][CITY].get(kpi.id) is not None for name in names)
        ]
        return ComparisonFacts(
            scenarios=names,
            titles=[self.title(name) for name in names],
            differences=[Lists(vi=[], fr=[], en=[]), *(_lists(found.words[name]) for name in names[1:])],
            notes=[[ProblemFacts.of(note) for note in found.notes[name]] for name in names],
            indicators=[_indicator(kpi) for kpi in shown],
            areas=[
                AreaFacts(
                    name="" if area == CITY else area,
                    cells={kpi.id: [_cell(found.cell(name, kpi, area)) for name in names] for kpi in shown},
                )
                for area in found.areas
            ],
        )


def _lists(words: Mapping[str, Sequence[str]]) -> Lists:
    return Lists(**{language: list(words[language]) for language in LANGUAGES})


def _cell(cell: Cell) -> CellFacts:
    return CellFacts(value=cell.value, delta=cell.delta, relative=cell.relative, verdict=cell.verdict)


def _indicator(kpi: Kpi) -> IndicatorFacts:
    return IndicatorFacts(
        id=kpi.id,
        domain=kpi.domain,
        name=Texts(**{language: kpi.name[language] for language in LANGUAGES}),
        unit=Texts(**{language: kpi.unit_in(language) for language in LANGUAGES}),
        better=kpi.better,
        status=kpi.status,
        needs=list(kpi.needs),
        formula=Texts(**{language: kpi.formula_in(language) for language in LANGUAGES}),
        source=kpi.source,
    )
