"""Change: solar modules on roofs and walls."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from dothi.changes.base import Change, Share
from dothi.changes.measures import measures_of, put, with_measures
from dothi.changes.places import Selection

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems


class RooftopPv(Change):
    """
    Put solar modules on roofs, and on façades where wanted.

    The share is what lies under modules afterwards, not what is added.
    """

    kind: Literal["rooftop_pv"]
    buildings: Selection = Field(description="Buildings that get modules.")
    roof_share: Share | None = Field(None, description="Share of the usable roof under modules, from 0 to 1.")
    facade_share: Share | None = Field(None, description="Share of the usable walls under modules, from 0 to 1.")

    touches: ClassVar = ("building_measures",)
    sentence: ClassVar = {
        "en": "Solar modules for {buildings}[: {roof_share} of the roof][, {facade_share} of the walls]",
        "fr": "Panneaux solaires ({buildings})[ : {roof_share} du toit][, {facade_share} des façades]",
        "vi": "Lắp pin mặt trời cho {buildings}[: {roof_share} diện tích mái][, {facade_share} diện tích tường]",
    }

    @model_validator(mode="after")
    def _says_where(self) -> RooftopPv:
        if self.roof_share is None and self.facade_share is None:
            raise ValueError("says roof_share, facade_share or both")
        return self

    def apply(self, city: City, problems: Problems) -> City:
        """City whose buildings have modules."""
        chosen = self.buildings.rows(city, "buildings", problems)
        shares = {"pv_roof_share": self.roof_share, "pv_facade_share": self.facade_share}
        return with_measures(city, put(measures_of(city, chosen), **shares))
