"""Light that the ground and walls nearby reflect: local means, and further reflections between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dothi.shapes import Floats, Integers, Mask
from dothi.sun.kernels import Seen

CELL_M: Final = 16.0
"""Cells of local means; each is smoothed with its neighbours."""
SECTORS: Final = 4
"""Directions that walls are told apart by."""
SMOOTH: Final = np.array([1.0, 2.0, 1.0]) / 4.0
OWN: Final = 0.35
"""Light before a wall grows with the sky it sees over that which walls near it see, to this power: the best of a few
against Radiance on one quarter."""
OWN_RANGE: Final = (0.2, 4.0)
OPEN_WALL: Final = 0.5
"""View factor of the sky from a wall in the open."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A grid of cells over all surfaces: west and south [m], columns, rows."""

    west: float
    south: float
    columns: int
    rows: int

    def of(self, xy: Floats) -> Integers:
        """Cell of each point."""
        at = np.floor((xy - (self.west, self.south)) / CELL_M).astype(np.int64)
        at = np.clip(at, 0, (self.columns - 1, self.rows - 1))
        return np.asarray(at[:, 1] * self.columns + at[:, 0])

    def __len__(self) -> int:
        return self.columns * self.rows

    def around(self, values: Any) -> Floats:
        """Sums of each cell and, with less weight, of those around it; cells are the first axis."""
        grid = values.reshape(self.rows, self.columns, -1)
        for axis in (0, 1):
            wide = np.pad(grid, [(1, 1) if k == axis else (0, 0) for k in range(3)])
            n = grid.shape[axis]
            grid = sum(SMOOTH[k] * np.take(wide, np.arange(k, k + n), axis=axis) for k in range(3))
        return np.asarray(grid.reshape(values.shape))


def cells_over(xy: Floats) -> Cells:
    """Cells over points; their borders lie at multiples of their size."""
    if not len(xy):
        return Cells(0.0, 0.0, 1, 1)
    low, high = np.floor(xy.min(axis=0) / CELL_M), np.floor(xy.max(axis=0) / CELL_M)
    columns, rows = (high - low).astype(np.int64) + 1
    return Cells(float(low[0] * CELL_M), float(low[1] * CELL_M), int(columns), int(rows))


def bounces(
    seen: Seen,
    normal: Floats,
    middle: Floats,
    area_m2: Floats,
    ground: Mask,
    ground_albedo: float,
    wall_albedo: float,
) -> Floats:
    r"""
    Light reflected to each surface, as shares of the light on open ground and open walls.

    The ground and the walls of a cell have the mean light of what is near, walls by the direction they face. They
    reflect diffusely, to one another as well; with the mean view factors of the cell that is a closed sum:

    .. math::
       R_w &= E_w + F_{ww} \rho_w R_w + F_{wg} \rho_g R_g \\
       R_g &= E_g + F_{gw} \rho_w R_w

    A surface receives :math:`\rho_g F_g R_g + \rho_w F_w R_w` with its own view factors; a wall that sees more sky than
    those near it receives more, see `OWN`.

    Parameters
    ----------
    seen
        What all surfaces see, and pieces of ground among them.
    normal, middle, area_m2 : (n, …)
        Of the surfaces.
    ground : (n,)
        Which of them are pieces of ground.
    ground_albedo, wall_albedo
        Shares of light reflected.

    Returns
    -------
    (n, 4) array
        Shares, in the order of `dothi.sky.light.BOUNCES`.
    """
    cells = cells_over(middle)
    cell, n = cells.of(middle), len(cells)
    wall = ~ground & (np.abs(normal[:, 2]) < 0.5) & (seen.free > 0.0)
    area = np.where(ground | (seen.free > 0.0), area_m2 * seen.free, 0.0)
    sector = _sector(normal)

    def total(values: Floats, chosen: Mask) -> Floats:
        return cells.around(np.bincount(cell[chosen], weights=(values * area)[chosen], minlength=n))

    by_sector = [total_pair(seen, area, cell, wall & (sector == k), n, cells) for k in range(SECTORS)]
    everywhere = total_pair(seen, area, cell, wall, n, cells)
    beam_all, sky_all = _ratio(everywhere[0], everywhere[1]), _ratio(everywhere[2], everywhere[3])
    wall_beam = np.column_stack([_ratio(b[0], b[1], beam_all) for b in by_sector])
    wall_sky = np.column_stack([_ratio(b[2], b[3], sky_all) for b in by_sector])
    of_ground = total_pair(seen, area, cell, ground, n, cells)
    ground_beam, ground_sky = _ratio(of_ground[0], of_ground[1], 1.0), _ratio(of_ground[2], 2.0 * of_ground[3], 1.0)

    walls_area = total(np.ones(len(area)), wall)
    f_ww = _ratio(total(seen.factor[:, 2], wall), walls_area)
    f_wg = _ratio(total(seen.factor[:, 1], wall), walls_area)
    f_gw = _ratio(total(seen.factor[:, 2], ground), total(np.ones(len(area)), ground))
    a, b, c = 1.0 - wall_albedo * f_ww, ground_albedo * f_wg, wall_albedo * f_gw
    whole = a - b * c
    walls_of_walls, walls_of_ground = 1.0 / whole, b / whole
    ground_of_walls, ground_of_ground = c / whole, a / whole

    to_ground, to_wall = ground_albedo * seen.factor[:, 1], wall_albedo * seen.factor[:, 2]
    from_ground = to_ground * ground_of_ground[cell] + to_wall * walls_of_ground[cell]
    from_walls = to_ground * ground_of_walls[cell] + to_wall * walls_of_walls[cell]
    usual = OPEN_WALL * sky_all[cell]
    more = np.where(usual > 0.0, seen.factor[:, 0] / np.where(usual > 0.0, usual, 1.0), 1.0)
    more = np.where(wall, np.clip(more, *OWN_RANGE) ** OWN, 1.0)
    from_ground, from_walls = from_ground * more, from_walls * more
    facing = (sector + SECTORS // 2) % SECTORS
    level = np.hypot(normal[:, 0], normal[:, 1]) < 0.1
    beam = np.where(level, beam_all[cell], wall_beam[cell, facing])
    sky = np.where(level, sky_all[cell], wall_sky[cell, facing])
    return np.column_stack(
        [from_ground * ground_beam[cell], from_ground * ground_sky[cell], from_walls * beam, from_walls * sky]
    )


def total_pair(
    seen: Seen, area: Floats, cell: Integers, chosen: Mask, n: int, cells: Cells
) -> tuple[Floats, Floats, Floats, Floats]:
    """Sums over cells of the beam that comes and that would in the open, and of the sky seen and seen in the open."""
    at, weight = cell[chosen], area[chosen]
    values = np.column_stack([seen.beam[chosen], seen.factor[chosen, 0], np.full(len(at), OPEN_WALL)])
    sums = [cells.around(np.bincount(at, weights=weight * column, minlength=n)) for column in values.T]
    return sums[0], sums[1], sums[2], sums[3]


def _sector(normal: Floats) -> Integers:
    azimuth = np.arctan2(normal[:, 0], normal[:, 1]) / (2.0 * np.pi)
    return np.asarray(np.round(azimuth * SECTORS).astype(np.int64) % SECTORS)


def _ratio(above: Floats, below: Floats, otherwise: Floats | float = 0.0) -> Floats:
    """Quotients, and something else where there is nothing to divide by."""
    return np.asarray(np.where(below > 1e-9, above / np.where(below > 1e-9, below, 1.0), otherwise))
