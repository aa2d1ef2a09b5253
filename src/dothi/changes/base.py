"""What every change is: frozen parameters, and a method that gives a new city."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
ENTERED = "entered"
"""Method of values that a person gave."""


class Change(BaseModel, ABC):
    """
    One change of a city, as a scenario lists it under ``[[change]]``.

    The docstring of each kind is its page in the reference, the description of each field its row there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    kind: str
    touches: ClassVar[tuple[str, ...]] = ()
    """Tables and rasters that it may change."""
    sentence: ClassVar[Mapping[str, str]]
    """What it does, for people, by language; names in braces are its fields."""

    @abstractmethod
    def apply(self, city: City, problems: Problems) -> City:
        """
        City with the change.

        Parameters
        ----------
        city
            City as it is; it stays so.
        problems
            Collector of what does not fit this city; the city that is returned then does not matter.
        """

    def describe(self, language: str = "en") -> str:
        """What it does, in one sentence."""
        return self.sentence[language].format(**{name: _shown(getattr(self, name)) for name in type(self).model_fields})


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return ", ".join(map(_shown, value))
    return str(value)
