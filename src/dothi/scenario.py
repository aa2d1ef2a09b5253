"""A scenario: a short, readable list of changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dothi.changes import AnyChange
from dothi.errors import InputError, Problems
from dothi.io.toml import line_of, read_toml, report_invalid

if TYPE_CHECKING:
    from dothi.city import City

LANGUAGES: Final = ("en", "fr", "vi")
TODAY: Final = "today"
"""Name of the city as it is: the scenario without changes."""
_NAME = re.compile(r"[\w][\w .-]{0,99}")


class Title(BaseModel):
    """A title in the three languages; what is missing is taken from another language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    en: str = Field(min_length=1)
    fr: str = Field(min_length=1)
    vi: str = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            return dict.fromkeys(LANGUAGES, value)
        if isinstance(value, Mapping) and value:
            known = next((value[language] for language in LANGUAGES if value.get(language)), None)
            return {**dict.fromkeys(LANGUAGES, known), **value}
        return value


class Scenario(BaseModel):
    """
    Changes of a city, under a name.

    Attributes
    ----------
    name
        Name of the file without its ending.
    title
        What people read.
    base
        Scenario whose changes come first.
    year
        Year that it stands for.
    change
        Changes in the order in which they are applied.
    models
        Parameters of models that differ from those of the study, by model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: Title
    base: str | None = None
    year: int | None = Field(None, ge=1900, le=2200)
    change: tuple[AnyChange, ...] = ()
    models: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    @field_validator("name", "base")
    @classmethod
    def _is_a_name(cls, value: str | None) -> str | None:
        if value is not None and not _NAME.fullmatch(value):
            raise ValueError("is a name of letters, digits, blanks, dots and dashes")
        return value

    def apply(self, city: City, *, file: str = "", text: str = "", notes: Problems | None = None) -> City:
        """
        City with all changes of this scenario; those of its base must have been applied.

        Parameters
        ----------
        city
            City as it is; it stays so.
        file, text
            Where the scenario is written, for messages.
        notes
            Collector of what changes put right or want to be known; each names its change, such as ``change 2: storm``.

        Raises
        ------
        InputError
            Changes that do not fit the city: all of them, each with its line.
        """
        found = Problems()
        for position, change in enumerate(self.change):
            line = line_of(text, ("change", position)) if text else None
            where = f"{file or self.name}, line {line}" if line else f"{file or self.name}, change {position + 1}"
            own = Problems()
            try:
                changed = change.apply(city, own)
            except InputError as error:
                own.extend(error.problems)
            if own.errors:
                told = Problems(f"{where}: {change.kind}")
                told.extend(own.errors)
                found.extend(told)
            else:
                city = changed
                if notes is not None:
                    told = Problems(f"change {position + 1}: {change.kind}")
                    told.extend(own)
                    notes.extend(told)
        found.raise_errors()
        return city


def read_scenario(path: Path, folder: Path, problems: Problems) -> Scenario | None:
    """
    Read a scenario that a person wrote.

    Parameters
    ----------
    path
        TOML file.
    folder
        Study folder, from which the files that it names are taken.
    problems
        Collector: all problems at once, each with its line.

    Returns
    -------
    Scenario or None
        None where it breaks rules.
    """
    own = Problems(str(path))
    content = read_toml(path, own)
    scenario = None
    if not own.errors:
        if content.pop("name", None) is not None:
            own.error("is left out: a scenario is named after its file", column="name")
        try:
            scenario = Scenario.model_validate({"name": path.stem, **content}, context={"folder": folder})
        except ValidationError as error:
            report_invalid(error, path.read_text(encoding="utf-8-sig"), own)
    problems.extend(own)
    return None if own.errors else scenario


def read_scenarios(folder: Path, problems: Problems) -> dict[str, Scenario]:
    """
    Scenarios of a study by name, `TODAY` first, each behind its base.

    Parameters
    ----------
    folder
        Study folder; scenarios lie in ``scenarios/*.toml``.
    problems
        Collector: all problems of all files at once.
    """
    read = [read_scenario(path, folder, problems) for path in sorted((folder / "scenarios").glob("*.toml"))]
    given = {scenario.name: scenario for scenario in read if scenario}
    given.setdefault(TODAY, Scenario(name=TODAY, year=None, title=Title(en="Today", fr="Aujourd’hui", vi="Hiện nay")))
    ordered: dict[str, Scenario] = {TODAY: given[TODAY]}
    waiting = dict(given)
    waiting.pop(TODAY)
    while waiting:
        ready = [name for name, scenario in waiting.items() if (scenario.base or TODAY) in ordered]
        for name in ready:
            ordered[name] = waiting.pop(name)
        if not ready:
            for name, scenario in waiting.items():
                file = str(folder / "scenarios" / f"{name}.toml")
                rule = "does not rest on itself" if scenario.base in waiting else f"is a scenario: {scenario.base}"
                problems.extend(_one(file, rule))
            break
    return ordered


def _one(file: str, rule: str) -> Problems:
    own = Problems(file)
    own.error(rule, column="base")
    return own


def lineage(name: str, scenarios: Mapping[str, Scenario]) -> list[Scenario]:
    """A scenario and those it rests on, the first one first; `TODAY` where it has changes of its own."""
    found: list[Scenario] = []
    while True:
        found.insert(0, scenarios[name])
        if name == TODAY:
            return found
        name = scenarios[name].base or TODAY
