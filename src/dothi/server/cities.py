"""The cities of a study as the server shows them: today's, and what scenarios made of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from dothi.overview import Overview
from dothi.shown import Kept, Shown, key_of, make_scene, missing

if TYPE_CHECKING:
    from pathlib import Path

    from dothi.jobs import Progress
    from dothi.study import Study

MOST_SHOWN: Final = 200
"""Cities remembered by key, so that a page that was opened before a run goes on working."""


class Cities:
    """
    The cities of a study as a server shows them.

    Parameters
    ----------
    study
        The study; that its city is built again, or a scenario run, is noticed.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._kept = Kept()
        self._shown: dict[str, Shown] = {}
        self._lock = threading.Lock()

    def overview(self) -> Overview:
        """The study as it lies on disk now, with its scenarios and what they were run to."""
        found = Overview(self.study, self._kept)
        with self._lock:
            for shown in found.cities.values():
                known = self._shown.pop(shown.key, shown)  # what it has read stays with it
                self._shown[shown.key] = known
            while len(self._shown) > MOST_SHOWN:
                self._shown.pop(next(iter(self._shown)))
        return found

    def current(self) -> Shown:
        """
        The city as it is built now.

        Raises
        ------
        InputError
            It was not built yet.
        """
        return self.overview().current

    def shown(self, key: str) -> Shown:
        """
        City by the key under which it is shown.

        Raises
        ------
        MissingError
            There is none, or it was built again meanwhile.
        InputError
            No city was built yet.
        """
        with self._lock:
            found = self._shown.get(key)
        if found is None:
            self.current()
            with self._lock:
                found = self._shown.get(key)
        if found is None or not found.folder.is_dir():
            raise missing("is the key of a city that is there: it may have been built again, so ask /api/study anew")
        return found

    def scene(self, shown: Shown, progress: Progress | None = None) -> Path:
        """Scene of a city, made where it is not there yet; those that no city of the study has are removed then."""
        keep = {key_of(city.folder) for city in self.overview().cities.values()}
        return make_scene(shown, progress, keep)
