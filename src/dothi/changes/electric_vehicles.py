"""Change: vehicles become electric."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from dothi.changes.base import Change, Share
from dothi.changes.measures import measures_of, put, with_measures
from dothi.changes.places import Selection

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems


class ElectricVehicles(Change):
    """
    Make cars and motorbikes electric, by the building in which their owners live.

    The share is what is electric afterwards, not what is added.
    """

    kind: Literal["electric_vehicles"]
    buildings: Selection = Field(
        Selection.model_validate("all"), description="Buildings whose vehicles; `{ ward = … }` for those of a ward."
    )
    car_share: Share | None = Field(None, description="Share of cars that are electric, from 0 to 1.")
    motorbike_share: Share | None = Field(None, description="Share of motorbikes that are electric, from 0 to 1.")

    touches: ClassVar = ("building_measures",)
    sentence: ClassVar = {
        "en": "Electric vehicles for {buildings}[: {car_share} of cars][, {motorbike_share} of motorbikes]",
        "fr": "Véhicules électriques ({buildings})[ : {car_share} des voitures]"
        "[, {motorbike_share} des deux-roues motorisés]",
        "vi": "Xe điện cho {buildings}[: {car_share} số ô tô][, {motorbike_share} số xe máy]",
    }

    @model_validator(mode="after")
    def _says_which(self) -> ElectricVehicles:
        if self.car_share is None and self.motorbike_share is None:
            raise ValueError("says car_share, motorbike_share or both")
        return self

    def apply(self, city: City, problems: Problems) -> City:
        """City whose vehicles are electric."""
        chosen = self.buildings.rows(city, "buildings", problems)
        shares = {"electric_car_share": self.car_share, "electric_motorbike_share": self.motorbike_share}
        return with_measures(city, put(measures_of(city, chosen), **shares))
