"""Where on Earth: an extent, and its bounds in any grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyproj import CRS, Transformer

Bounds = tuple[float, float, float, float]
LONLAT = "EPSG:4326"


@lru_cache(maxsize=64)
def transformer(source: str, target: str) -> Transformer:
    """Transformer between two grids, x before y."""
    from pyproj import Transformer

    return Transformer.from_crs(source, target, always_xy=True)


@dataclass(frozen=True, slots=True)
class Extent:
    """
    A box on some grid: all a source is read for.

    Attributes
    ----------
    crs
        Grid, in a form that pyproj reads, such as ``EPSG:2154``.
    bounds
        West, south, east, north, in units of the grid.
    """

    crs: str
    bounds: Bounds

    def within(self, crs: str | CRS) -> Bounds:
        """Bounds of the smallest box in another grid that holds this one."""
        from pyproj import CRS

        other = CRS.from_user_input(crs)
        if other == CRS.from_user_input(self.crs):
            return self.bounds
        west, south, east, north = transformer(self.crs, other.to_string()).transform_bounds(
            *self.bounds, densify_pts=21
        )
        return (west, south, east, north)
