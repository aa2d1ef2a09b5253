"""What a person asks of a sweep: a scenario, what is uncertain in it, and how it is tried."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dothi.errors import InputError, Problems
from dothi.io.toml import read_toml, report_invalid
from dothi.scenario import TODAY, Scenario, Title
from dothi.shapes import Floats

Finite = Annotated[float, Field(allow_inf_nan=False)]
MOST_MEMBERS: Final = 100_000
EXTREMES: Final = (0.05, 0.95)
"""Quantiles of a parameter that are called its low and its high value."""
_PATH = re.compile(r"(?:models\.\w+|change\[\d+\])(?:\.\w+|\[\d+\])+")
_STEP = re.compile(r"(\w+)|\[(\d+)\]")
_NAME = re.compile(r"[\w][\w.-]{0,99}")


class _Vary(BaseModel, ABC):
    """Something uncertain: where it stands, and what it may be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parameter: str = Field(
        pattern=_PATH.pattern + "$",
        description="Parameter of a simulation, such as `models.walk.limit_m`, or field of a change, such as "
        "`change[0].share`; changes are counted from 0.",
    )
    steps: int = Field(5, ge=2, le=1000, description="Values of a grid.")
    whole: bool = Field(False, description="Whether only whole numbers are tried.")

    @abstractmethod
    def at(self, share: Floats) -> list[Any]:
        """Values below which such shares of all values lie."""

    def levels(self) -> list[Any]:
        """Values of a grid."""
        return list(dict.fromkeys(self.at((np.arange(self.steps) + 0.5) / self.steps)))

    @property
    def low_middle_high(self) -> tuple[Any, Any, Any]:
        """A low, the median and a high value."""
        low, middle, high = self.at(np.array([EXTREMES[0], 0.5, EXTREMES[1]]))
        return low, middle, high

    def number(self, value: Any) -> float:
        """A value as a number, to put values in their order."""
        return float(value)


class _Numbers(_Vary):
    """An uncertain number."""

    @abstractmethod
    def quantile(self, share: Floats) -> Floats:
        """Numbers below which such shares of the values lie."""

    def at(self, share: Floats) -> list[Any]:
        """Values below which such shares of all values lie."""
        found = self.quantile(np.clip(share, 1e-9, 1.0 - 1e-9))
        return [int(value) for value in np.rint(found)] if self.whole else [float(value) for value in found]


class Uniform(_Numbers):
    """Any value between two ends, all equally likely."""

    kind: Literal["uniform"]
    low: Finite = Field(description="Lowest value.")
    high: Finite = Field(description="Highest value.")

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if not self.low < self.high:
            raise ValueError("has low < high")
        return self

    def quantile(self, share: Floats) -> Floats:
        """Numbers below which such shares of the values lie."""
        return self.low + share * (self.high - self.low)

    def levels(self) -> list[Any]:
        """Values of a grid, both ends among them."""
        found = np.linspace(self.low, self.high, self.steps)
        return list(dict.fromkeys(map(int, np.rint(found)))) if self.whole else [float(value) for value in found]


class Triangular(_Numbers):
    """Values between two ends, one in between the likeliest."""

    kind: Literal["triangular"]
    low: Finite = Field(description="Lowest value.")
    mode: Finite = Field(description="Likeliest value.")
    high: Finite = Field(description="Highest value.")

    @model_validator(mode="after")
    def _ordered(self) -> Triangular:
        if not (self.low <= self.mode <= self.high and self.low < self.high):
            raise ValueError("has low ≤ mode ≤ high and low < high")
        return self

    def quantile(self, share: Floats) -> Floats:
        """Numbers below which such shares of the values lie."""
        width = self.high - self.low
        peak = (self.mode - self.low) / width
        rising = self.low + np.sqrt(share * width * (self.mode - self.low))
        falling = self.high - np.sqrt((1.0 - share) * width * (self.high - self.mode))
        found: Floats = np.where(share < peak, rising, falling)
        return found


class Normal(_Numbers):
    """Values around a mean, cut off where they can no longer be."""

    kind: Literal["normal"]
    mean: Finite = Field(description="Mean before it is cut off.")
    sd: float = Field(gt=0.0, allow_inf_nan=False, description="Standard deviation before it is cut off.")
    low: Finite | None = Field(None, description="Lowest value.")
    high: Finite | None = Field(None, description="Highest value.")

    @model_validator(mode="after")
    def _ordered(self) -> Normal:
        low, high = self._ends
        if not low < high:
            raise ValueError("has low < high")
        return self

    @property
    def _ends(self) -> tuple[float, float]:
        return (
            -np.inf if self.low is None else (self.low - self.mean) / self.sd,
            np.inf if self.high is None else (self.high - self.mean) / self.sd,
        )

    def quantile(self, share: Floats) -> Floats:
        """Numbers below which such shares of the values lie."""
        from scipy.stats import truncnorm

        found: Floats = truncnorm.ppf(share, *self._ends, loc=self.mean, scale=self.sd)
        return found


class Choices(_Vary):
    """One of some values, numbers or words."""

    kind: Literal["choices"]
    values: tuple[bool | int | float | str, ...] = Field(min_length=2, description="The values.")
    weights: tuple[float, ...] | None = Field(None, description="How likely each is; all the same where absent.")

    @model_validator(mode="after")
    def _weighted(self) -> Choices:
        if self.weights is not None:
            right = len(self.weights) == len(self.values) and min(self.weights) >= 0.0 and sum(self.weights) > 0.0
            if not right or not np.isfinite(self.weights).all():
                raise ValueError("has a weight of 0 or more for each value, not all 0")
        return self

    def at(self, share: Floats) -> list[Any]:
        """Values below which such shares of all values lie."""
        weights = np.asarray(self.weights or (1.0,) * len(self.values))
        ends = np.cumsum(weights) / weights.sum()
        chosen = np.minimum(np.searchsorted(ends, share, side="right"), len(ends) - 1)
        return [self.values[position] for position in chosen]

    def levels(self) -> list[Any]:
        """All values."""
        return list(self.values)

    @property
    def low_middle_high(self) -> tuple[Any, Any, Any]:
        """The first, the middle and the last value."""
        return self.values[0], self.values[(len(self.values) - 1) // 2], self.values[-1]

    def number(self, value: Any) -> float:
        """A value as a number: itself, or its place among all."""
        if all(isinstance(one, int | float) for one in self.values):
            return float(value)
        return float(self.values.index(value))


AnyVary = Annotated[Uniform | Triangular | Normal | Choices, Field(discriminator="kind")]
KINDS: Final = {"uniform": Uniform, "triangular": Triangular, "normal": Normal, "choices": Choices}


class SweepPlan(BaseModel):
    """
    What is tried.

    Attributes
    ----------
    name
        Name of the file without its ending.
    title
        What people read.
    scenario
        Scenario of which variants are tried.
    vary
        What is uncertain in it.
    method
        Points spread evenly over all that is possible (scrambled Sobol), or every combination of a grid.
    n
        Points; rounded up to a power of two, for which Sobol points are balanced. Of no account on a grid.
    seed
        Seed of the scrambling.
    sensitivity
        Rank correlation, which costs nothing more, or Sobol indices, which take n more runs for every parameter and one
        lot more.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: Title
    scenario: str = TODAY
    vary: tuple[AnyVary, ...] = Field(min_length=1)
    method: Literal["sobol", "grid"] = "sobol"
    n: int = Field(64, ge=2, le=MOST_MEMBERS)
    seed: int = Field(1, ge=0)
    sensitivity: Literal["ranks", "sobol"] = "ranks"

    @model_validator(mode="after")
    def _is_sound(self) -> SweepPlan:
        names = [one.parameter for one in self.vary]
        if not _NAME.fullmatch(self.name):
            raise ValueError("has a name of letters, digits, dots and dashes")
        if len(set(names)) < len(names):
            raise ValueError("varies each parameter once")
        if self.method == "grid" and self.sensitivity == "sobol":
            raise ValueError('has Sobol indices with method = "sobol" only')
        if self.members > MOST_MEMBERS:
            raise ValueError(f"has at most {MOST_MEMBERS:,} members, not {self.members:,}")
        return self

    @property
    def points(self) -> int:
        """Points of one sample."""
        if self.method == "grid":
            return int(np.prod([float(len(one.levels())) for one in self.vary]))
        return 1 << (self.n - 1).bit_length()

    @property
    def members(self) -> int:
        """Points of all samples; those of the tornado plot come to them."""
        return self.points * (len(self.vary) + 2 if self.sensitivity == "sobol" else 1)


def read_plan(folder: Path, name: str) -> SweepPlan:
    """
    Plan of ``sweeps/NAME.toml`` of a study.

    Raises
    ------
    InputError
        It is missing or breaks rules: all of them are named, with their lines.
    """
    path = folder / "sweeps" / f"{name}.toml"
    problems = Problems(str(path))
    if not _NAME.fullmatch(name):
        problems.error("is a name of letters, digits, dots and dashes", column=name)
    content = {} if problems.errors else read_toml(path, problems)
    problems.raise_errors()
    try:
        return SweepPlan.model_validate({"title": name, **content, "name": name})
    except ValidationError as error:
        report_invalid(error, path.read_text(encoding="utf-8-sig"), problems)
        raise InputError(problems) from error


def plan_from(name: str, varied: Sequence[str], **options: Any) -> SweepPlan:
    """
    Plan from options, such as ``models.walk.limit_m=uniform:500:3000``.

    Parameters
    ----------
    name
        Its name.
    varied
        Parameter, kind and numbers of each; those of choices are its values.
    **options
        Fields of `SweepPlan`; None stands for the usual.

    Raises
    ------
    InputError
        Something breaks rules.
    """
    problems = Problems()
    vary = [_parsed(text, problems) for text in varied]
    problems.raise_errors()
    given = {key: value for key, value in options.items() if value is not None}
    try:
        return SweepPlan.model_validate({"title": name, "vary": vary, **given, "name": name})
    except ValidationError as error:
        report_invalid(error, "", problems)
        raise InputError(problems) from error


def replanned(plan: SweepPlan, **options: Any) -> SweepPlan:
    """The same plan with other options; None leaves one as it is."""
    given = {key: value for key, value in options.items() if value is not None}
    try:
        return SweepPlan.model_validate(plan.model_dump() | given)
    except ValidationError as error:
        report_invalid(error, "", problems := Problems(f"sweep {plan.name}"))
        raise InputError(problems) from error


FIELDS: Final = {
    "uniform": ("low", "high"),
    "triangular": ("low", "mode", "high"),
    "normal": ("mean", "sd", "low", "high"),
}


def _parsed(text: str, problems: Problems) -> dict[str, Any]:
    parameter, _, given = text.partition("=")
    kind, *numbers = given.split(":")
    if kind == "choices":
        return {"parameter": parameter, "kind": kind, "values": [_value(word) for word in numbers]}
    names = FIELDS.get(kind, ())
    if not names or len(numbers) > len(names):
        rule = "is PARAMETER=uniform:LOW:HIGH, triangular:LOW:MODE:HIGH, normal:MEAN:SD[:LOW:HIGH] or choices:A:B:…"
        problems.error(rule, column=text)
    return {"parameter": parameter, "kind": kind, **dict(zip(names, numbers, strict=False))}


def _value(word: str) -> bool | int | float | str:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(word, word)


def with_settings(
    scenario: Scenario, name: str, title: str, settings: Mapping[str, Any], problems: Problems
) -> Scenario:
    """
    Variant of a scenario.

    Parameters
    ----------
    scenario
        As it is.
    name, title
        Of the variant.
    settings
        Values by parameter.
    problems
        Collector of settings that do not fit.
    """
    today = scenario.name == TODAY  # every scenario rests on it: what it has need not be said again
    change: list[Any] = [] if today else list(scenario.change)
    models: dict[str, dict[str, Any]] = {} if today else {name: dict(own) for name, own in scenario.models.items()}
    for parameter, value in settings.items():
        first, second, *rest = [int(number) if number else word for word, number in _STEP.findall(parameter)]
        if first == "models" and len(rest) > 1:
            problems.error("is a parameter of a simulation, such as models.walk.limit_m", column=parameter)
        elif first == "models":
            models.setdefault(str(second), {})[str(rest[0])] = value
        elif not isinstance(second, int) or second >= len(change):
            rule = f"is a field of a change of {scenario.name} itself, which has {len(change)}"
            problems.error(rule, column=parameter)
        else:
            try:
                change[second] = _with(change[second], rest, value)
            except (LookupError, AttributeError, TypeError):
                problems.error(f"is a field of a change of {scenario.name}", column=parameter)
            except ValidationError as error:
                report_invalid(error, "", own := Problems(parameter))
                problems.extend(own)
    return scenario.model_copy(
        update={
            "name": name,
            "title": Title.model_validate(title),
            "change": tuple(change),
            "models": models,
            "base": None if today else scenario.base,
        }
    )


def _with(thing: Any, path: Sequence[str | int], value: Any) -> Any:
    """The same thing with another value at a place within it, checked anew."""
    if not path:
        return value
    step, *rest = path
    if isinstance(thing, BaseModel):
        field = type(thing).model_fields[str(step)]
        given = {
            type(thing).model_fields[name].alias or name: getattr(thing, name)
            for name in thing.model_fields_set | {"kind"} & set(type(thing).model_fields)
        }
        given[field.alias or str(step)] = _with(getattr(thing, str(step)), rest, value)
        return type(thing).model_validate(given)
    if isinstance(thing, Mapping):
        return {**thing, step: _with(thing[step], rest, value)}
    if isinstance(thing, tuple | list) and isinstance(step, int):
        return (*thing[:step], _with(thing[step], rest, value), *thing[step + 1 :])
    raise TypeError
