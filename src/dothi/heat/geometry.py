"""Skin of every building: walls that meet the weather, roof and ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.shapes import Floats, Integers

if TYPE_CHECKING:
    from dothi.sky.light import Light

ROOF_BELOW_DEG: Final = 60.0
"""Surfaces that lean less are roofs."""
DOWN_DEG: Final = 120.0
"""Surfaces that lean more look down: undersides, which neither sun nor sky warms much."""


@dataclass(frozen=True, slots=True)
class Skin:
    """
    Skins of buildings, in the order of the ids asked for.

    Attributes
    ----------
    wall_m2, roof_m2 : (n,)
        Areas that meet the weather.
    rows
        Rows of the light whose building is asked for, ordered by building.
    building
        Building of each of these, as its place among the ids.
    roof
        Whether each of these is a roof.
    area_m2
        Area of each that meets the weather; 0 where it looks down.
    """

    wall_m2: Floats
    roof_m2: Floats
    rows: Integers
    building: Integers
    roof: Any
    area_m2: Floats


def skin(light: Light, ids: Integers) -> Skin:
    """Skins of buildings from the surfaces that light falls on."""
    order = np.argsort(ids, kind="stable")
    place = np.searchsorted(ids[order], light.building_id)
    place = np.minimum(place, max(len(ids) - 1, 0))
    known = ids[order][place] == light.building_id if len(ids) else np.zeros(len(light), dtype=bool)
    rows = np.flatnonzero(known)
    building = order[place[rows]]
    by_building = np.argsort(building, kind="stable")
    rows, building = rows[by_building], building[by_building]
    tilt = light.tilt_deg[rows]
    area = np.where(tilt < DOWN_DEG, light.lit_area_m2[rows], 0.0)
    roof = tilt < ROOF_BELOW_DEG
    n = len(ids)
    return Skin(
        np.bincount(building, weights=np.where(roof, 0.0, area), minlength=n).astype(float),
        np.bincount(building, weights=np.where(roof, area, 0.0), minlength=n).astype(float),
        rows,
        building,
        roof,
        area,
    )
