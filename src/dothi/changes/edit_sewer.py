"""Change: sewers are replaced or relined."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from dothi.changes.base import Change, Positive
from dothi.changes.entries import with_values
from dothi.changes.places import Selection

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems


class EditSewer(Change):
    """Give sewers another diameter or another roughness."""

    kind: Literal["edit_sewer"]
    sewers: Selection = Field(description="Sewers; they have no names: by ids, within, ward or where.")
    diameter_m: Positive | None = Field(None, le=20.0, description="Inner diameter, or height of the profile [m].")
    manning_n: Positive | None = Field(None, le=0.5, description="Manning's n [s m^(-1/3)]; 0.013 is usual concrete.")

    touches: ClassVar = ("sewers",)
    sentence: ClassVar = {
        "en": "Changes {sewers}[: diameter {diameter_m} m][, Manning's n {manning_n}]",
        "fr": "Modifie {sewers}[ : diamètre {diameter_m} m][, n de Manning {manning_n}]",
        "vi": "Thay đổi {sewers}[: đường kính {diameter_m} m][, hệ số nhám n {manning_n}]",
    }

    @model_validator(mode="after")
    def _says_what(self) -> EditSewer:
        if self.diameter_m is None and self.manning_n is None:
            raise ValueError("says diameter_m, manning_n or both")
        return self

    def apply(self, city: City, problems: Problems) -> City:
        """City whose sewers are changed."""
        chosen = self.sewers.rows(city, "sewers", problems)
        if problems.errors:
            return city
        given = {"diameter_m": self.diameter_m, "manning_n": self.manning_n}
        return with_values(city, "sewers", chosen, given)
