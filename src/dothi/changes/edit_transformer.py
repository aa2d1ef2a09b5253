"""Change: transformers are replaced or raised."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from dothi.changes.base import Change, NotNegative, Positive
from dothi.changes.entries import with_values
from dothi.changes.places import Selection

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems


class EditTransformer(Change):
    """Give transformers another rating, or raise them above the water."""

    kind: Literal["edit_transformer"]
    transformers: Selection = Field(description="Transformers.")
    rating_kva: Positive | None = Field(None, description="Rated apparent power [kVA].")
    raised_m: NotNegative | None = Field(
        None, le=50.0, description="Underside of what water must not reach, above ground [m]."
    )

    touches: ClassVar = ("transformers",)
    sentence: ClassVar = {
        "en": "Changes {transformers}[: {rating_kva} kVA][, raised {raised_m} m above ground]",
        "fr": "Modifie {transformers}[ : {rating_kva} kVA][, à {raised_m} m du sol]",
        "vi": "Thay đổi {transformers}[: {rating_kva} kVA][, nâng cao {raised_m} m so với mặt đất]",
    }

    @model_validator(mode="after")
    def _says_what(self) -> EditTransformer:
        if self.rating_kva is None and self.raised_m is None:
            raise ValueError("says rating_kva, raised_m or both")
        return self

    def apply(self, city: City, problems: Problems) -> City:
        """City whose transformers are changed."""
        chosen = self.transformers.rows(city, "transformers", problems)
        if problems.errors:
            return city
        given = {"rating_kva": self.rating_kva, "raised_m": self.raised_m}
        return with_values(city, "transformers", chosen, given)
