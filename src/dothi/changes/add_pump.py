"""Change: a pump is added."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from dothi.changes.base import Change, NotNegative, Positive
from dothi.changes.cells import lies_within
from dothi.changes.entries import with_rows
from dothi.changes.places import Place, on_grid

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems


class AddPump(Change):
    """Add a pump to the sewers, to the surface where water gathers, or to the water supply."""

    kind: Literal["add_pump"]
    place: Place = Field(description="Where: `[longitude, latitude]`, or metres on the grid of the city.")
    network: Literal["sewer", "surface", "water"] = Field(description="What it pumps from.")
    capacity_m3_s: Positive = Field(description="Flow with all pumps at work [m³ s⁻¹].")
    raised_m: NotNegative = Field(0.0, le=50.0, description="Underside of what water must not reach, above ground [m].")
    needs_power: bool = Field(True, description="Whether it stops when the grid is down.")
    name: str | None = Field(None, description="Name.")

    touches: ClassVar = ("pumps",)
    sentence: ClassVar = {
        "en": "Adds a pump[ {name}] of {capacity_m3_s} m³/s ({network})",
        "fr": "Ajoute une pompe[ {name}] de {capacity_m3_s} m³/s ({network})",
        "vi": "Thêm máy bơm[ {name}] {capacity_m3_s} m³/s ({network})",
    }
    words: ClassVar = {"network": "network"}

    def apply(self, city: City, problems: Problems) -> City:
        """City with the pump."""
        place = on_grid(self.place, city)
        if not lies_within(city, place, "place", problems):
            return city
        row = {"geometry": place, **self.model_dump(exclude={"kind", "place"})}
        return with_rows(city, "pumps", [row], self)
