"""Change: buildings are torn down."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from dothi.changes.base import Change
from dothi.changes.places import Selection
from dothi.changes.touched import WITH_BUILDINGS

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems


class Demolish(Change):
    """
    Tear buildings down.

    Their parts, surfaces and measures go with them, and the facilities in them close. People who lived and worked there
    leave the city: where they should stay, `grow` it elsewhere. The ground is left bare.
    """

    kind: Literal["demolish"]
    buildings: Selection = Field(description="Buildings.")

    touches: ClassVar = WITH_BUILDINGS
    sentence: ClassVar = {
        "en": "Tears down {buildings}",
        "fr": "Démolition : {buildings}",
        "vi": "Phá dỡ {buildings}",
    }

    def apply(self, city: City, problems: Problems) -> City:
        """City without the buildings."""
        from dothi.changes import consistency

        chosen = self.buildings.rows(city, "buildings", problems)
        return city if problems.errors else consistency.with_buildings(city, city["buildings"][~chosen])
