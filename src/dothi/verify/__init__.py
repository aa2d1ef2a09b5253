"""Cases whose answer is known, in closed form or from a publication, and how near the engines come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Quantity:
    """
    A value of a case beside its reference.

    Attributes
    ----------
    name
        What it is.
    unit
        Its unit.
    value
        What the engine gives.
    reference
        What is known; 0 for an error or a residual.
    tolerance
        How far the value may lie from the reference, in its unit.
    """

    name: str
    unit: str
    value: float
    reference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the value is near enough; never where it is missing."""
        return abs(self.value - self.reference) <= self.tolerance


@dataclass(frozen=True, slots=True)
class Case:
    """
    A case with a known answer.

    Attributes
    ----------
    engine
        Engine that is tried.
    name
        What happens in it.
    source
        Where the answer comes from, and why the tolerance is what it is.
    run
        Does it; takes the paths of `files`.
    files
        Files of the case below the folder of data, for cases too large or not free to be carried along.
    """

    engine: str
    name: str
    source: str
    run: Callable[..., Iterable[Quantity]]
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A case that was tried, and what came of it; without quantities where its files are not at hand."""

    case: Case
    quantities: tuple[Quantity, ...]

    @property
    def passed(self) -> bool:
        """Whether all its quantities are near enough."""
        return all(quantity.passed for quantity in self.quantities)


ENGINES: Final[dict[str, str]] = {
    "traffic": "dothi.verify.traffic",
    "transit": "dothi.verify.transit",
    "access": "dothi.verify.access",
    "emissions": "dothi.verify.emissions",
    "noise": "dothi.verify.noise",
    "pv": "dothi.verify.pv",
    "carbon": "dothi.verify.carbon",
    "power": "dothi.verify.power",
    "flood": "dothi.verify.flood",
    "sun": "dothi.verify.sun",
    "heat": "dothi.verify.heat",
    "cooling": "dothi.verify.cooling",
}
"""Modules with the cases of each engine."""


def cases(engine: str) -> tuple[Case, ...]:
    """
    Cases of an engine.

    Raises
    ------
    KeyError
        No such engine.
    """
    found: tuple[Case, ...] = import_module(ENGINES[engine]).CASES
    return found


def verify(engines: Iterable[str] | None = None, data: Path | None = None) -> Iterator[Checked]:
    """
    Try cases one after the other.

    Parameters
    ----------
    engines
        Engines; all where None.
    data
        Folder in which the files of cases are looked for.

    Raises
    ------
    KeyError
        No such engine.
    """
    for engine in ENGINES if engines is None else engines:
        for case in cases(engine):
            paths = [data / name for name in case.files] if data else []
            if len(paths) == len(case.files) and all(path.exists() for path in paths):
                yield Checked(case, tuple(case.run(*paths)))
            else:
                yield Checked(case, ())


def as_plain(checked: Iterable[Checked]) -> list[dict[str, Any]]:
    """Every quantity as plain values, one after the other."""
    return [
        {
            "engine": one.case.engine,
            "case": one.case.name,
            "source": one.case.source,
            "quantity": quantity.name,
            "unit": quantity.unit,
            "reference": quantity.reference,
            "value": quantity.value,
            "tolerance": quantity.tolerance,
            "passed": quantity.passed,
        }
        for one in checked
        for quantity in one.quantities
    ]
