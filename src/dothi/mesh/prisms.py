"""The upright prisms that stand for buildings at level of detail 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import shapely

from dothi.mesh.rings import Rings, rings_of
from dothi.shapes import Floats, Integers, Mask

if TYPE_CHECKING:
    from dothi.city import City

PARTS_STAND_FOR_IT: Final = 0.5
"""Share of a footprint that parts with heights must cover to be drawn in its place."""
LEAST_HEIGHT_M: Final = 0.1


@dataclass(frozen=True, slots=True)
class Prisms:
    """
    Upright prisms, in the order of the buildings they belong to.

    Attributes
    ----------
    rings
        Footprints; ``rings.owner`` is the position of the building in its table, one polygon for each prism.
    ground_m, base_m, top_m : (n_prisms,)
        Levels of the ground at the building, of the underside and of the top [m].
    """

    rings: Rings
    ground_m: Floats
    base_m: Floats
    top_m: Floats

    @property
    def row(self) -> Integers:
        """Position of the building in its table, shape ``(n_prisms,)``."""
        return self.rings.owner

    def __len__(self) -> int:
        return len(self.rings.owner)

    def take(self, prisms: Integers) -> Prisms:
        """Some of the prisms, in the order asked for."""
        return Prisms(self.rings.take(prisms), self.ground_m[prisms], self.base_m[prisms], self.top_m[prisms])


def prisms_of(city: City, *, modelled: bool = False) -> Prisms:
    """
    Prisms of the buildings of a city.

    A building is its footprint drawn up to its height. Where `building_parts` with heights of their own cover half
    of the footprint or more, they stand for it, as in Simple 3D Buildings of OpenStreetMap.

    Parameters
    ----------
    city
        City with ground levels and heights; a missing ground level counts as 0, a missing height as none.
    modelled
        Whether to give prisms for those buildings, too, whose surfaces the source models (level of detail 2 or more).

    Returns
    -------
    Prisms
        Prisms sorted by building.
    """
    buildings = city["buildings"]
    shapes = np.asarray(buildings.geometry.array, dtype=object)
    ground = buildings["ground_m"].fillna(0.0).to_numpy(dtype=float)
    height = buildings["height_m"].fillna(0.0).to_numpy(dtype=float)
    underside = buildings["min_height_m"].fillna(0.0).to_numpy(dtype=float)
    row = np.arange(len(buildings))
    drawn = height > 0.0
    if not modelled:
        drawn &= ~has_model(city)

    parts = city["building_parts"]
    parts = parts[parts["building_id"].notna() & parts["height_m"].notna()]
    if len(parts):
        owner = buildings.index.get_indexer(parts["building_id"].astype("int64"))
        part_shapes = np.asarray(parts.geometry.array, dtype=object)
        on_ground = parts["min_height_m"].fillna(0.0).to_numpy(dtype=float)
        covered = np.bincount(
            owner, weights=shapely.area(part_shapes) * (on_ground < height[owner]), minlength=len(row)
        )
        split = covered >= PARTS_STAND_FOR_IT * np.maximum(shapely.area(shapes), 1e-9)
        use = split[owner] & drawn[owner]
        whole = drawn & ~split
        shapes = np.concatenate([shapes[whole], part_shapes[use]])
        row = np.concatenate([row[whole], owner[use]])
        height = np.concatenate([height[whole], parts["height_m"].to_numpy(dtype=float)[use]])
        underside = np.concatenate([underside[whole], on_ground[use]])
    else:
        shapes, row, height, underside = shapes[drawn], row[drawn], height[drawn], underside[drawn]

    order = np.argsort(row, kind="stable")
    rings = rings_of(shapes[order])
    source = order[rings.owner]
    rings = Rings(rings.xy, rings.z, rings.start, rings.part, row[source])
    level = ground[rings.owner]
    base = level + np.minimum(underside[source], np.maximum(height[source] - LEAST_HEIGHT_M, 0.0))
    return Prisms(rings, level, base, level + height[source])


def has_model(city: City) -> Mask:
    """Buildings, by position, whose surfaces the source models at level of detail 2 or more."""
    surfaces = city["surfaces"]
    level = pd.to_numeric(surfaces["lod"], errors="coerce").to_numpy(dtype=float)
    modelled: Mask = city["buildings"].index.isin(surfaces["building_id"][level >= 2.0])
    return modelled
