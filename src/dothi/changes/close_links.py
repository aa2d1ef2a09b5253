"""Change: roads are closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from dothi.changes.base import Change
from dothi.changes.places import Selection

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems

Mode = Literal["walk", "bicycle", "motorbike", "car", "bus", "truck"]


class CloseLinks(Change):
    """Close roads, such as a bridge, to some modes or to all."""

    kind: Literal["close_links"]
    links: Selection = Field(description="Roads; those chosen by id or by name.")
    modes: tuple[Mode, ...] = Field(
        ("motorbike", "car", "bus", "truck"), min_length=1, description="Modes that may no longer use them."
    )
    both_directions: bool = Field(True, description="Whether the opposite direction is closed as well.")

    touches: ClassVar = ("links",)
    sentence: ClassVar = {
        "en": "Closes {links} to {modes}",
        "fr": "Ferme {links} ({modes})",
        "vi": "Cấm {modes}: {links}",
    }
    words: ClassVar = {"modes": "mode"}

    def apply(self, city: City, problems: Problems) -> City:
        """City whose links are closed to the modes."""
        chosen = self.links.rows(city, "links", problems)
        links = city["links"]
        if self.both_directions:
            opposite = links["reverse_link_id"][chosen].dropna()
            chosen = chosen | np.asarray(links.index.isin(opposite))
        for mode in self.modes:
            links[mode] = links[mode] & ~chosen
        return city.with_tables(links=links)
