"""Change: buildings lose less heat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from dothi.changes.base import Change
from dothi.changes.measures import measures_of, put, with_measures
from dothi.changes.places import Selection

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems


class Retrofit(Change):
    """
    Renovate buildings so that they lose less heat through walls, roofs, windows and draughts.

    Where a building is renovated twice, its ratios multiply.
    """

    kind: Literal["retrofit"]
    buildings: Selection = Field(description="Buildings to renovate.")
    heat_loss_ratio: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        description="Heat loss afterwards over that before, from 0 to 1: 0.5 halves it."
    )
    year: int | None = Field(None, ge=1900, le=2200, description="Year in which it is done.")

    touches: ClassVar = ("building_measures",)
    sentence: ClassVar = {
        "en": "Renovates {buildings}: heat loss × {heat_loss_ratio}[, in {year}]",
        "fr": "Rénove ({buildings}) : déperditions × {heat_loss_ratio}[, en {year}]",
        "vi": "Cải tạo {buildings}: thất thoát nhiệt × {heat_loss_ratio}[, năm {year}]",
    }

    def apply(self, city: City, problems: Problems) -> City:
        """City whose buildings are renovated."""
        chosen = self.buildings.rows(city, "buildings", problems)
        measures = measures_of(city, chosen)
        ratio = measures["heat_loss_ratio"].fillna(1.0).to_numpy() * self.heat_loss_ratio
        measures = put(measures, heat_loss_ratio=ratio)
        if self.year is not None:
            before = measures["retrofit_year"].fillna(self.year).to_numpy(dtype=np.int64)
            measures = put(measures, retrofit_year=np.maximum(before, self.year))
        return with_measures(city, measures)
