"""What an export tells of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Notify = Callable[[str], None]


def nobody(label: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Written:
    """
    What was written.

    Attributes
    ----------
    counts
        Objects by layer.
    notes
        What the format cannot carry, or carries in another way, in one sentence each.
    """

    counts: dict[str, int]
    notes: list[str] = field(default_factory=list)
