"""Change: a wall or a dyke against high water."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import shapely
from pydantic import Field, model_validator

from dothi.changes.base import Change, Finite, Positive
from dothi.changes.cells import has_raster, levels_at, lies_within
from dothi.changes.entries import with_rows
from dothi.changes.places import Line, on_grid

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems


class FloodWall(Change):
    """
    Build a wall or a dyke along a line, up to a level or to a height above the ground.

    With a level, it is an error if the ground is higher everywhere; where it is so in parts, a note says how long
    these are. The terrain stays: water meets the wall between cells.
    """

    kind: Literal["flood_wall"]
    line: Line = Field(description="Course.")
    crest_m: Finite | None = Field(None, description="Level of its crest, on the datum of the terrain [m].")
    height_m: Positive | None = Field(None, le=100.0, description="Height above the ground [m].")
    type: Literal["wall", "dyke"] = Field("wall", description="What it is.")

    touches: ClassVar = ("barriers",)
    sentence: ClassVar = {
        "en": "Builds a {type} against floods[ up to level {crest_m} m][, {height_m} m high]",
        "fr": "Construit contre les crues : {type}[ jusqu’à la cote {crest_m} m][, hauteur {height_m} m]",
        "vi": "Xây {type} chống ngập[ đến cao trình {crest_m} m][, cao {height_m} m]",
    }
    words: ClassVar = {"type": "barrier"}

    @model_validator(mode="after")
    def _says_how_high(self) -> FloodWall:
        if (self.crest_m is None) == (self.height_m is None):
            raise ValueError("says either crest_m or height_m")
        return self

    def apply(self, city: City, problems: Problems) -> City:
        """City with the wall."""
        line = on_grid(self.line, city)
        if lies_within(city, line, "line", problems) and self.crest_m is not None:
            _compare(city, line, self.crest_m, problems)
        if problems.errors:
            return city
        rows = [
            {"geometry": part, "kind": self.type, "crest_m": self.crest_m, "height_m": self.height_m}
            for part in shapely.get_parts(line)
        ]
        return with_rows(city, "barriers", rows, self)


def _compare(city: City, line: shapely.Geometry, crest_m: float, problems: Problems) -> None:
    """Report where the ground is as high as the crest already."""
    from dothi.io.terrain import grid_of

    if not has_raster(city, "terrain", problems):
        return
    terrain = city.rasters["terrain"]
    ground = levels_at(terrain, shapely.get_coordinates(shapely.segmentize(line, grid_of(terrain).cell_m)))
    high = ground >= crest_m
    if high.all():
        rule = f"is above the ground somewhere along the line, which lies at {np.nanmin(ground):.2f} m or higher"
        problems.error(rule, column="crest_m")
    elif high.any():
        problems.note(f"the ground is as high already along {high.mean():.0%} of the line", column="crest_m")
