"""A city in the making, and the steps that make it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dothi import schema
from dothi.city import City, Loaded
from dothi.crs import Extent
from dothi.errors import InputError, Problem, Problems
from dothi.tables import TABLES

if TYPE_CHECKING:
    from dothi.config import StudyConfig


@dataclass
class Draft:
    """
    A city in the making.

    Attributes
    ----------
    config
        What ``dothi.toml`` says.
    parts
        Tables and rasters of every source that was read, by its place in ``dothi.toml``.
    tables, rasters
        What is known so far, of all sources together.
    bounds
        West, south, east, north on the grid [m]; None until the sources are read.
    problems
        Collector of the step at work.
    accuracy
        Rows of the accuracy table: a method, tried where the truth is known.
    """

    config: StudyConfig
    parts: dict[int, Loaded] = field(default_factory=dict)
    tables: Loaded = field(default_factory=lambda: Loaded({}))
    rasters: Loaded = field(default_factory=lambda: Loaded({}))
    bounds: tuple[float, float, float, float] | None = None
    problems: Problems = field(default_factory=Problems)
    accuracy: list[dict[str, Any]] = field(default_factory=list)

    def extent(self) -> Extent:
        """
        Extent of the city.

        Raises
        ------
        InputError
            No source tells where the city is.
        """
        if self.bounds is None:
            raise InputError([Problem("has an extent: give `extent`, or a source with buildings or roads")])
        return Extent(self.config.crs, self.bounds)

    def rng(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose: always the same for one seed, whatever else is drawn."""
        return np.random.default_rng([self.config.build.seed, *purpose.encode()])

    def table(self, name: str) -> Any:
        """Table by name, empty where there is none; writing to it leaves the draft alone."""
        if name in self.tables:
            return self.tables[name].copy(deep=False)
        return schema.empty(TABLES[name], self.config.crs)

    def city(self) -> City:
        """The city as far as it is known, with the declared columns of its tables."""
        names = [name for name in self.tables if name in TABLES and name != "roads"]  # roads become links
        sources = [source.model_dump(exclude_none=True) for source in self.config.source]
        return City(
            name=self.config.name,
            country=self.config.country,
            crs=self.config.crs,
            bounds=self.extent().bounds,
            tables=Loaded({name: partial(self._completed, name) for name in names}),
            rasters=self.rasters,
            provenance={"sources": sources},
        )

    def _completed(self, name: str) -> Any:
        return schema.complete(self.tables[name], TABLES[name])


@dataclass(frozen=True, slots=True)
class Step:
    """
    One step of a build.

    Attributes
    ----------
    name
        Short name, unique in a build.
    title
        What it does, for people.
    run
        Takes a draft, gives the tables and rasters it makes or changes, or the content of other files by their name.
    after
        Steps whose results it sees, and those that these see.
    depends_on
        Everything besides those steps that its result depends on.
    source
        Place in ``dothi.toml`` of the source it reads; None for all other steps.
    weight
        About how long it takes, beside others: what the end must wait for longest begins first.
    imports
        Modules that take long to import.
    """

    name: str
    title: str
    run: Callable[[Draft], Mapping[str, Any]]
    after: tuple[str, ...] = ()
    depends_on: Any = None
    source: int | None = None
    weight: float = 1.0
    imports: tuple[str, ...] = ()
