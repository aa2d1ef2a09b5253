"""Which surfaces of a city are looked at, and the ground between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi.mesh.rings import starts_of
from dothi.mesh.skin import surface_table
from dothi.shapes import Floats, Integers, Shapes
from dothi.sky.light import normals
from dothi.sun.bounce import CELL_M, cells_over
from dothi.sun.sensors import OFFSET_M, Sensors

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City
    from dothi.sun.relief import Relief

KINDS: Final = ("roof", "wall")
"""Kinds of surface that are looked at: undersides get no sun, and openings lie within walls."""
GROUND_POINTS: Final = 2
"""Points of ground along each side of a cell."""

ASIDE: Final = 0.467
"""Where a point lies in its part of the cell: not the middle, as walls drawn on round numbers would run through it."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """
    Surfaces that are looked at.

    Attributes
    ----------
    table
        Their rows of the table ``surfaces``.
    shapes : (n,)
        Polygons in space.
    normal : (n, 3)
        Unit normals on the grid.
    middle : (n, 2)
        Middles [m].
    ground_m : (n,)
        Level of the ground at the building [m].
    exposed_m2 : (n,)
        Area less what neighbours cover.
    """

    table: pd.DataFrame
    shapes: Shapes
    normal: Floats
    middle: Floats
    ground_m: Floats
    exposed_m2: Floats

    def __len__(self) -> int:
        return len(self.shapes)

    @property
    def own(self) -> Integers:
        """Building of each surface that its source models, −1 of faces of prisms, shape ``(n,)``."""
        drawn = self.table["method"].astype("object").to_numpy() == "source"
        return np.where(drawn, self.table["building_id"].to_numpy(dtype=np.int64), -1)

    @property
    def is_wall(self) -> Any:
        """Whether each is a wall, shape ``(n,)``."""
        return self.table["kind"].astype("object").to_numpy() == "wall"


def surfaces_of(city: City) -> Any:
    """Surfaces of all buildings: those that the city has, or, of a large city that keeps none, of its prisms."""
    buildings, surfaces = city["buildings"], city["surfaces"]
    high = buildings["height_m"].fillna(0.0).to_numpy(dtype=float) > 0.0
    known = buildings.index.isin(surfaces["building_id"])
    return surfaces if known[high].all() else surface_table(city)


def chosen_of(city: City) -> Chosen:
    """Roofs and walls of a city that are not wholly covered by neighbours."""
    surfaces = surfaces_of(city)
    kind = surfaces["kind"].astype("object").to_numpy()
    area = surfaces["area_m2"].to_numpy(dtype=float, na_value=np.nan)
    party = np.nan_to_num(surfaces["party_area_m2"].to_numpy(dtype=float, na_value=0.0))
    tilt = surfaces["tilt_deg"].to_numpy(dtype=float, na_value=np.nan)
    row = city["buildings"].index.get_indexer(surfaces["building_id"])
    exposed = area - party
    use = np.isin(kind, KINDS) & (row >= 0) & np.isfinite(tilt) & (exposed > 1e-6 * np.nan_to_num(area))
    table = surfaces[use]
    shapes = np.asarray(table.geometry.array, dtype=object)
    box = shapely.bounds(shapes)
    ground = city["buildings"]["ground_m"].fillna(0.0).to_numpy(dtype=float)
    azimuth = table["azimuth_deg"].to_numpy(dtype=float, na_value=np.nan)
    return Chosen(
        table.drop(columns="geometry"),
        shapes,
        normals(tilt[use], azimuth),
        0.5 * (box[:, :2] + box[:, 2:]) if len(box) else np.empty((0, 2)),
        ground[row[use]],
        exposed[use],
    )


def ground_around(middle: Floats, ground_m: Floats, relief: Relief, *, terrain: bool) -> tuple[Sensors, Floats, Floats]:
    """
    Pieces of ground, one for each cell that has surfaces, with points over it.

    Points within buildings are found to be enclosed, and do not count.

    Returns
    -------
    sensors, middle, ground_m
        Points, and middle and level of each piece.
    """
    cells = cells_over(middle)
    number = cells.of(middle)
    used = np.unique(number)
    corner = np.column_stack([used % cells.columns, used // cells.columns]) * CELL_M + (cells.west, cells.south)
    level = np.bincount(number, weights=ground_m, minlength=len(cells))[used] / np.bincount(number)[used]
    step = (np.arange(GROUND_POINTS) + ASIDE) * CELL_M / GROUND_POINTS
    across, along = np.meshgrid(step, step)
    xy = np.asarray(corner[:, None, :] + np.column_stack([across.ravel(), along.ravel()])).reshape(-1, 2)
    xy = xy.astype(np.float64)
    owner = np.repeat(np.arange(len(used)), GROUND_POINTS**2)
    z = relief.level[relief.cells(xy)] if terrain else level[owner]
    size: Integers = np.full(len(used), GROUND_POINTS**2)
    at = np.column_stack([xy, z + OFFSET_M])
    sensors = Sensors(starts_of(size), at, np.full(len(at), 1.0 / GROUND_POINTS**2))
    return sensors, np.asarray(corner + CELL_M / 2.0), np.asarray(level)
