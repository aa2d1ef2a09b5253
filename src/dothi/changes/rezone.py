"""Change: the plan allows something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import shapely
from pydantic import Field, model_validator

from dothi.changes.base import Change
from dothi.changes.places import Area, area_in
from dothi.changes.rows import appended, new_ids
from dothi.shapes import areas_of
from dothi.tables import LAND_USE_CLASSES

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems

LandUse = Literal[LAND_USE_CLASSES]  # type: ignore[valid-type]


class Rezone(Change):
    """
    Say what the plan allows in an area.

    Zones of the plan that were there give way: those inside go, those across its border keep what lies outside. What
    stands in the area stays; models of growth read what may come.
    """

    kind: Literal["rezone"]
    area: Area | None = Field(None, description="Area: GeoJSON, a file of it in the study, or a list of places.")
    ward: str | None = Field(None, description="Ward that is the area.")
    land_use: LandUse = Field(description="Use that the plan allows.")
    floor_area_ratio: float | None = Field(None, ge=0.0, le=30.0, description="Greatest floor area over plot area.")
    coverage_share: float | None = Field(
        None, ge=0.0, le=1.0, description="Greatest share of the plot under buildings, from 0 to 1."
    )
    height_m: float | None = Field(None, ge=0.0, le=1000.0, description="Greatest height [m].")
    name: str | None = Field(None, description="Name of the zone.")

    touches: ClassVar = ("plan_zones",)
    sentence: ClassVar = {
        "en": "The plan for [{ward}][{area}] allows {land_use}[, floor area ratio {floor_area_ratio}]"
        "[, {coverage_share} covered][, up to {height_m} m]",
        "fr": "Zonage ([{ward}][{area}]) : {land_use}[, densité {floor_area_ratio}]"
        "[, emprise au sol {coverage_share}][, hauteur {height_m} m]",
        "vi": "Quy hoạch [{ward}][{area}]: {land_use}[, hệ số sử dụng đất {floor_area_ratio}]"
        "[, mật độ xây dựng {coverage_share}][, cao tối đa {height_m} m]",
    }
    words: ClassVar = {"land_use": "land_use"}

    @model_validator(mode="after")
    def _is_whole(self) -> Rezone:
        if (self.area is None) == (self.ward is None):
            raise ValueError("has an area or a ward, one of them")
        return self

    def apply(self, city: City, problems: Problems) -> City:
        """City with the zone of the plan."""
        import geopandas as gpd
        import pandas as pd

        area = area_in(city, self.area, self.ward, problems)
        if problems.errors or area is None:
            return city
        zones = city["plan_zones"]
        if len(zones):
            shapes = np.asarray(zones.geometry.array, dtype=object)
            met = shapely.area(shapely.intersection(shapes, area)) > 0.0
            left = areas_of(np.asarray(shapely.difference(shapes[met], area), dtype=object))
            zones.geometry = zones.geometry.where(~met, gpd.GeoSeries(left, zones.index[met], crs=city.crs))
            zones = zones[~zones.geometry.is_empty]
        row = {
            "geometry": [area],
            "name": self.name,
            "class": self.land_use,
            "floor_area_ratio": self.floor_area_ratio,
            "coverage_share": self.coverage_share,
            "height_m": self.height_m,
        }
        ids = pd.Index(new_ids(zones.index, [self.model_dump_json()]))
        return city.with_tables(
            plan_zones=appended(zones, gpd.GeoDataFrame(row, index=ids, crs=city.crs), "plan_zones")
        )
