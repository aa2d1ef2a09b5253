"""What every change is: frozen parameters, and a method that gives a new city."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from dothi.changes.vocabulary import number, word

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
_PART = re.compile(r"\[([^\[\]]*)\]")
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
    """What it does, for people, by language; names in braces are its fields, a part in brackets needs those in it."""
    words: ClassVar[Mapping[str, str]] = {}
    """By field whose values are names, the topic of `vocabulary.VOCABULARY` that translates them."""

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
        given = {name: getattr(self, name) for name in type(self).model_fields}
        absent = [f"{{{name}}}" for name, value in given.items() if value is None or value == () or value is False]
        text = _PART.sub(
            lambda part: "" if any(name in part[1] for name in absent) else part[1], self.sentence[language]
        )
        shown = {name: _shown(value, language, name, self.words.get(name, "")) for name, value in given.items()}
        told = re.sub(r"\s+(?=[\s),])", "", text.format(**shown)).strip(" :,")
        return told[:1].upper() + told[1:]


def _shown(value: object, language: str, field: str, topic: str) -> str:
    match value:
        case bool():
            return word("truth", str(value), language)
        case int() | float() if field.endswith("_growth"):
            return f"{'−' if value < 0 else '+'}{number(abs(value) * 100.0, language)} %"
        case int() | float() if field.endswith("_share"):
            return f"{number(value * 100.0, language)} %"
        case int() | float():
            return number(value, language)
        case [BaseModel(), *_]:
            return str(len(value))
        case tuple() | list():
            return ", ".join(_shown(item, language, field, topic) for item in value)
        case str():
            return word(topic, value, language)
        case _ if hasattr(value, "describe"):
            return str(value.describe(language, field))
        case _ if hasattr(value, "geom_type"):
            return word("which", "area", language)
        case _:
            return str(value)
