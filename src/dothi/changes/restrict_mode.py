"""Change: an area that some vehicles may not enter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from dothi.changes.base import Change
from dothi.changes.clock import Clock, seconds
from dothi.changes.close_links import Mode
from dothi.changes.places import Area, Selection, area_in
from dothi.changes.rows import appended, new_ids

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems


class RestrictMode(Change):
    """
    Ban a kind of vehicle from an area: no petrol motorbikes inside the ring, no trucks by day.

    The rule goes to the table `restrictions`, which traffic models read. Where it bans every fuel at every hour, the
    roads whose middle lies in the area are closed to the mode at once, for all models.
    """

    kind: Literal["restrict_mode"]
    mode: Mode = Field(description="Vehicles concerned.")
    fuel: Literal["any", "petrol", "diesel"] = Field("any", description="Of these, those with this fuel.")
    area: Area | None = Field(None, description="Area: GeoJSON, a file of it in the study, or a list of places.")
    ward: str | None = Field(None, description="Ward that is the area.")
    from_time: Clock | None = Field(None, description='Time of day from which it holds, such as "07:00".')
    to_time: Clock | None = Field(None, description="Time of day to which it holds; earlier than the start: overnight.")
    name: str | None = Field(None, description="Name of the area.")

    touches: ClassVar = ("restrictions", "links")
    sentence: ClassVar = {
        "en": "No {mode} {fuel} in [{ward}][{area}][, from {from_time}][ to {to_time}]",
        "fr": "Interdiction ({mode} {fuel}) : [{ward}][{area}][, de {from_time}][ à {to_time}]",
        "vi": "Cấm {mode} {fuel} trong [{ward}][{area}][, từ {from_time}][ đến {to_time}]",
    }
    words: ClassVar = {"mode": "mode", "fuel": "fuel"}

    @model_validator(mode="after")
    def _is_whole(self) -> RestrictMode:
        if (self.area is None) == (self.ward is None):
            raise ValueError("has an area or a ward, one of them")
        if (self.from_time is None) != (self.to_time is None):
            raise ValueError("has from_time and to_time, or neither")
        if any(time is not None and seconds(time) > 86_400.0 for time in (self.from_time, self.to_time)):
            raise ValueError("has times up to 24:00")
        return self

    def apply(self, city: City, problems: Problems) -> City:
        """City with the rule, and with roads closed where it holds for all and always."""
        import geopandas as gpd
        import pandas as pd

        area = area_in(city, self.area, self.ward, problems)
        if problems.errors or area is None:
            return city
        row = {
            "geometry": [area],
            "name": self.name or self.ward,
            "mode": self.mode,
            "fuel": self.fuel,
            "from_s": np.nan if self.from_time is None else seconds(self.from_time),
            "to_s": np.nan if self.to_time is None else seconds(self.to_time),
        }
        before = city["restrictions"]
        ids = pd.Index(new_ids(before.index, [self.model_dump_json()]))
        tables = {"restrictions": appended(before, gpd.GeoDataFrame(row, index=ids, crs=city.crs), "restrictions")}
        if self.fuel == "any" and self.from_time is None:
            links = city["links"]
            inside = Selection.model_validate({"within": area}).rows(city, "links", problems)
            if problems.errors:
                return city
            links[self.mode] = links[self.mode] & ~inside
            tables["links"] = links
        return city.with_tables(**tables)
