"""Where runs work, what they are asked for, and what they write down of themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dothi.chain import STAGES, Stage
from dothi.content import DIGITS, digest
from dothi.errors import Problem, Problems
from dothi.io.files import sha256
from dothi.io.toml import report_invalid
from dothi.model import MARK, astray
from dothi.store import Store

if TYPE_CHECKING:
    from dothi.model import Params
    from dothi.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a run works.

    Attributes
    ----------
    folder
        Study folder.
    city
        Folder of the city as it is.
    derived
        Folder of everything that can be made again.
    models
        Parameters that differ from the usual ones, by model.
    records
        Folder under `derived` with a file by scenario that says which results belong to it.
    """

    folder: Path
    city: Path
    derived: Path
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    records: str = "runs"

    @property
    def store(self) -> Store:
        """Results."""
        return Store(self.derived / "results")

    def record(self, scenario: str) -> Path:
        """File that says which results belong to a scenario."""
        return self.derived / self.records / f"{scenario}.json"


def settings(place: Place, scenarios: Sequence[Scenario]) -> dict[str, dict[str, Any]]:
    """Parameters that differ from the usual ones, by model: those of the study, of a scenario and of its bases."""
    given: dict[str, dict[str, Any]] = {}
    for source in (place.models, *(scenario.models for scenario in scenarios)):
        for model, values in source.items():
            given.setdefault(model, {}).update(
                {name: _with_content(place.folder, value) for name, value in values.items()}
            )
    return given


def _with_content(folder: Path, value: Any) -> Any:
    """Value of a parameter; where it names a file of the study, its address with the checksum of what it holds."""
    if not isinstance(value, str):
        return value
    value = value.replace(MARK, "")  # only what is found here carries it
    if not Path(value).suffix:
        return value
    path = (folder / value).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return value
    return f"{path}{MARK}{sha256(path)[:DIGITS]}"


def parameters(place: Place, scenarios: Sequence[Scenario], stages: Iterable[str]) -> dict[str, Params]:
    """
    Parameters of simulations: the usual ones, those of the study, those of the scenario and its bases.

    Parameters
    ----------
    place
        Where.
    scenarios
        A scenario and its bases, as `dothi.scenario.lineage` gives them.
    stages
        Names of the simulations.

    Raises
    ------
    InputError
        Parameters break rules: all of them are named.
    """
    from pydantic import ValidationError

    given = settings(place, scenarios)
    problems = Problems()
    for model in given:
        if model not in STAGES:
            problems.error(f"is a model: one of {', '.join(STAGES)}", column=f"models.{model}")
    found: dict[str, Params] = {}
    for name in stages:
        own = Problems(f"models.{name} of {scenarios[-1].name}")
        try:
            found[name] = with_settings(STAGES[name], given.get(name, {}))
        except ValidationError as error:
            report_invalid(error, "", own)
        else:
            for parameter in astray(found[name]):
                own.error("is a file within the folder of the study, named from there", column=parameter)
        problems.extend(own)
    problems.raise_errors()
    return found


def with_settings(stage: Stage, values: Mapping[str, Any]) -> Params:
    """Usual parameters of a simulation but for some values."""
    usual = stage.load()().params
    return type(usual).model_validate(usual.model_dump() | dict(values)) if values else usual


def asked(place: Place, scenarios: Sequence[Scenario]) -> str:
    """Checksum of what a run of a scenario and its bases depends on: the city, their changes, and the parameters."""
    changes = [scenario.model_dump(mode="json", include={"change"}) for scenario in scenarios]
    return digest(place.city.name, settings(place, scenarios), changes)


def read_record(path: Path) -> dict[str, Any] | None:
    """Which results belong to a scenario; None where it was not run yet."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def notes_of(record: Mapping[str, Any]) -> tuple[Problem, ...]:
    """What the changes of a run put right or want to be known, from its record."""
    return tuple(map(Problem.of, record.get("notes", ())))


def left_out_of(record: Mapping[str, Any]) -> dict[str, tuple[Problem, ...]]:
    """Why simulations of a run were left out, from its record."""
    return {
        model: (Problem(told),) if isinstance(told, str) else tuple(map(Problem.of, told))  # once, this was one text
        for model, told in record.get("left_out", {}).items()
    }
