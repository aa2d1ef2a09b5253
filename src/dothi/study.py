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
    from concurrent.futures import Executor

    from dothi.build import Progress

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

    def build(self, progress: Progress | None = None, executor: Executor | None = None) -> Built:
        """
        Build the city from its sources, or find that nothing changed.

        Parameters
        ----------
        progress
            Told of every step.
        executor
            Where steps run, such as `dothi.workers.processes()`; in this process where None.

        Raises
        ------
        InputError
            Sources break rules; the study is as it was.
        """
        return build_city(self.config, self.folder, self.derived, progress, executor)

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
