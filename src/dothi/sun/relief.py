"""Horizon of the terrain, once for every cell of a coarse grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from dothi.shapes import Floats, Integers
from dothi.sun.suns import AZIMUTHS

if TYPE_CHECKING:
    import xarray as xr

CELL_M: Final = 20.0
"""Smallest cells: what lies nearer is left to the buildings."""
MOST_CELLS: Final = 100_000
"""Cells are made larger for cities that would have more."""


@dataclass(frozen=True, slots=True)
class Relief:
    """
    Terrain and its horizon.

    Attributes
    ----------
    west, south, cell
        Corner and size of cells [m].
    shape
        Rows from the south, columns.
    level : (cells,)
        Mean level of the ground [m].
    tangent, near : (cells, azimuths)
        Tangent of the height of the horizon as seen from the ground, and inverse distance to what makes it [m⁻¹].
    """

    west: float
    south: float
    cell: float
    shape: tuple[int, int]
    level: Floats
    tangent: npt.NDArray[np.float32]
    near: npt.NDArray[np.float32]

    def cells(self, xy: Floats) -> Integers:
        """Cell of each point, the nearest for points outside."""
        at = np.floor((xy - (self.west, self.south)) / self.cell).astype(np.int64)
        rows, columns = self.shape
        return np.clip(at[:, 1], 0, rows - 1) * columns + np.clip(at[:, 0], 0, columns - 1)


def level_plain(azimuths: int = AZIMUTHS) -> Relief:
    """Relief of a city without a terrain: none."""
    none = np.zeros((1, azimuths), dtype=np.float32)
    return Relief(0.0, 0.0, 1.0, (1, 1), np.zeros(1), none, none)


def relief_of(terrain: xr.DataArray, azimuths: int = AZIMUTHS) -> Relief:
    """
    Horizon of a terrain.

    Parameters
    ----------
    terrain
        Level of the ground [m]; gaps take the level of the nearest known cell.
    azimuths
        Number of azimuths.
    """
    from dothi.sun.kernels_raster import sweep

    level, west, south, cell = coarsened(terrain)
    rows, columns = level.shape
    tangent = np.zeros((rows * columns, azimuths), dtype=np.float32)
    near = np.zeros_like(tangent)
    one, other = np.empty(level.shape, dtype=np.float32), np.empty(level.shape, dtype=np.float32)
    for k in range(azimuths):
        sweep(level, (k + 0.5) * 2.0 * np.pi / azimuths, cell, one, other)
        tangent[:, k], near[:, k] = one.ravel(), other.ravel()
    return Relief(west, south, cell, (rows, columns), level.ravel(), tangent, near)


def coarsened(terrain: xr.DataArray) -> tuple[Floats, float, float, float]:
    """Mean levels of larger cells, rows from the south; west and south of their corner, and their size [m]."""
    x, y = terrain["x"].to_numpy().astype(float), terrain["y"].to_numpy().astype(float)
    level = filled(terrain.to_numpy().astype(float))
    if len(y) > 1 and y[0] > y[-1]:
        y, level = y[::-1], level[::-1]
    fine = abs(x[1] - x[0]) if len(x) > 1 else CELL_M
    least = max(CELL_M, np.sqrt(level.size * fine**2 / MOST_CELLS))
    k = max(min(int(np.ceil(least / fine - 1e-9)), *level.shape), 1)
    rows, columns = level.shape[0] // k, level.shape[1] // k
    mean = level[: rows * k, : columns * k].reshape(rows, k, columns, k).mean(axis=(1, 3))
    return np.ascontiguousarray(mean), float(x[0] - fine / 2), float(y[0] - fine / 2), float(k * fine)


def filled(level: Floats) -> Floats:
    """Levels with gaps filled by the nearest known one."""
    gaps = ~np.isfinite(level)
    if not gaps.any():
        return level
    if gaps.all():
        return np.zeros_like(level)
    from scipy.ndimage import distance_transform_edt

    nearest = distance_transform_edt(gaps, return_distances=False, return_indices=True)
    return np.asarray(level[tuple(nearest)])
