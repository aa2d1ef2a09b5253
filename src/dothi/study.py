"""A study: the folder that holds a city, its sources and its scenarios."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from dothi.build import Built, build_city
from dothi.city import MANIFEST, City
from dothi.config import StudyConfig
from dothi.errors import InputError, Problem, Problems
from dothi.io.toml import read_toml, report_invalid

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from dothi import record, run
    from dothi.draft import Step
    from dothi.jobs import Progress
    from dothi.kpi import Evidence
    from dothi.scenario import Scenario

CONFIG = "dothi.toml"
DERIVED = ".dothi"


@dataclass(frozen=True, slots=True)
class Study:
    """
    A study folder.

    Attributes
    ----------
    folder
        Where ``dothi.toml`` lies.
    config
        Its content.
    """

    folder: Path
    config: StudyConfig

    @classmethod
    def open(cls, folder: str | Path) -> Study:
        """
        Open a study.

        Parameters
        ----------
        folder
            Study folder, or its ``dothi.toml``.

        Raises
        ------
        InputError
            ``dothi.toml`` is missing or breaks rules: all of them are named, with their lines.
        """
        folder = Path(folder)
        path = folder if folder.name == CONFIG else folder / CONFIG
        problems = Problems(str(path))
        content = read_toml(path, problems)
        problems.raise_errors()
        try:
            config = StudyConfig.model_validate(content)
        except ValidationError as error:
            report_invalid(error, path.read_text(encoding="utf-8"), problems)
            problems.raise_errors()
            raise
        return cls(path.parent, config)

    @property
    def derived(self) -> Path:
        """Folder of everything that can be made again."""
        return self.folder / DERIVED

    def build(
        self, progress: Progress | None = None, executor: Executor | None = None, more: Sequence[Step] = ()
    ) -> Built:
        """
        Build the city from its sources, or find that nothing changed.

        Parameters
        ----------
        progress
            Told of every step.
        executor
            Where steps run, such as `dothi.workers.processes()`; in this process where None.
        more
            Steps that only look at the city in the making, such as `dothi.publish.report.picture_steps()`.

        Raises
        ------
        InputError
            Sources break rules; the study is as it was.
        """
        return build_city(self.config, self.folder, self.derived, progress, executor, more)

    @property
    def city(self) -> City:
        """
        The built city.

        Raises
        ------
        InputError
            It was not built yet.
        """
        return City.read(self.city_folder)

    @property
    def city_folder(self) -> Path:
        """
        Folder of the built city.

        Raises
        ------
        InputError
            It was not built yet.
        """
        current = self.derived / "current.json"
        try:
            key = json.loads(current.read_text(encoding="utf-8"))["city"]
        except (FileNotFoundError, NotADirectoryError) as error:
            raise InputError([Problem("has a built city: run dothi build", file=str(self.derived))]) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            rule = "names the built city: run dothi build to mend it"
            raise InputError([Problem(rule, file=str(current))]) from error
        folder = self.derived / "cities" / str(key)
        if folder.parent != self.derived / "cities" or not (folder / MANIFEST).is_file():
            raise InputError([Problem("the built city is there: run dothi build to make it again", file=str(folder))])
        return folder

    @property
    def scenarios(self) -> dict[str, Scenario]:
        """
        Scenarios by name, the city as it is first.

        Raises
        ------
        InputError
            Files under ``scenarios/`` break rules: all problems of all files are named.
        """
        from dothi.scenario import read_scenarios

        problems = Problems()
        found = read_scenarios(self.folder, problems)
        problems.raise_errors()
        return found

    @property
    def place(self) -> record.Place:
        """Where scenarios of this study are run, and how."""
        from dothi.record import Place

        folder = self.folder.absolute()  # workers of a cluster stand in other folders
        return Place(folder, self.city_folder.absolute(), folder / DERIVED, self.config.models)

    def run(
        self,
        names: Sequence[str] | None = None,
        *,
        models: tuple[str, ...] | None = None,
        progress: run.Progress | None = None,
        executor: Executor | None = None,
        cancel: threading.Event | None = None,
    ) -> dict[str, run.Ran]:
        """
        Run scenarios, or find that nothing changed; see `dothi.run.run_scenarios`.

        Parameters
        ----------
        names
            Scenarios; all where None.
        models
            Simulations, with those they need; all but those made on request where None.
        progress
            Told of every piece of work.
        executor
            Where work is done; in this process where None.
        cancel
            When set, the run ends; what was finished is kept.
        """
        from dothi.run import run_scenarios

        return run_scenarios(
            self.place, self.scenarios, names, models=models, progress=progress, executor=executor, cancel=cancel
        )

    def evidence(self, scenario: str) -> Evidence:
        """
        City and results of a scenario that was run.

        Raises
        ------
        InputError
            It was not run, or what it gave is damaged: run it (again).
        """
        from dothi.evaluate import evidence_of

        return evidence_of(self.place, scenario)
