"""Change: the ground lets more water through."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from dothi.changes.base import Change, Share
from dothi.changes.cells import has_raster, with_cells
from dothi.changes.places import Area, on_grid

if TYPE_CHECKING:
    import xarray as xr

    from dothi.city import City
    from dothi.errors import Problems
    from dothi.shapes import Mask

Cover = Literal[
    "building",
    "road",
    "paved",
    "grass",
    "trees",
    "crops",
    "bare",
    "scrub",
    "wetland",
    "urban_dense",
    "urban_sparse",
    "urban_open",
]


class PermeableSurface(Change):
    """
    Let rain into the ground: open joints, gravel, lawn in place of asphalt, green roofs.

    Cells are chosen by an area, by their land cover, or by both. Without `covers`, roofs and open water stay as they
    are. No cell lets less through than before.
    """

    kind: Literal["permeable_surface"]
    area: Area | None = Field(None, description="Area; the whole city where it is left out.")
    covers: tuple[Cover, ...] | None = Field(None, min_length=1, description="Classes of land cover concerned.")
    imperviousness: Share | None = Field(
        None, description="Share of the ground that lets no water through afterwards, at most; from 0 to 1."
    )
    factor: Share | None = Field(None, description="Times the share that it was, from 0 to 1.")

    touches: ClassVar = ("imperviousness",)
    sentence: ClassVar = {
        "en": "Lets rain into the ground[ of {area}][ ({covers})][: sealed share at most {imperviousness}]"
        "[: sealed share × {factor}]",
        "fr": "Désimperméabilise le sol[ ({area})][ ({covers})][ : part imperméable d’au plus {imperviousness}]"
        "[ : part imperméable × {factor}]",
        "vi": "Tăng khả năng thấm nước[ tại {area}][ ({covers})][: tỷ lệ không thấm tối đa {imperviousness}]"
        "[: tỷ lệ không thấm × {factor}]",
    }
    words: ClassVar = {"covers": "cover"}

    @model_validator(mode="after")
    def _says_where_and_how(self) -> PermeableSurface:
        if self.area is None and self.covers is None:
            raise ValueError("says area, covers or both")
        if (self.imperviousness is None) == (self.factor is None):
            raise ValueError("says either imperviousness or factor")
        return self

    def apply(self, city: City, problems: Problems) -> City:
        """City whose ground lets more water through."""
        if not has_raster(city, "imperviousness", problems):
            return city
        old = city.rasters["imperviousness"]
        cells = self._cells(city, old, problems)
        if problems.errors:
            return city
        values = old.to_numpy()[cells]
        factor = 1.0 if self.factor is None else self.factor
        new = np.fmin(values * factor, 1.0 if self.imperviousness is None else self.imperviousness)
        return city.with_rasters(imperviousness=with_cells(old, cells, new.astype(values.dtype)))

    def _cells(self, city: City, raster: xr.DataArray, problems: Problems) -> Mask:
        from dothi.changes.ground import cells_of
        from dothi.derive.landcover import COVERS

        cells = np.ones(raster.shape, dtype=bool)
        if self.area is not None:
            cells = cells_of(np.array([on_grid(self.area, city)]), raster)
        if self.covers is not None or "land_cover" in city.rasters:
            if not has_raster(city, "land_cover", problems):
                return cells
            cover = city.rasters["land_cover"].to_numpy()
            if self.covers is None:
                cells &= ~np.isin(cover, [COVERS["building"], COVERS["water"]])
            else:
                cells &= np.isin(cover, [COVERS[name] for name in self.covers])
        if not cells.any():
            problems.error("holds the middle of at least one cell of the ground, of these covers", column="area")
        return cells
