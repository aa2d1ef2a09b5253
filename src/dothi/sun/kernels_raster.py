"""Horizons over a raster in linear time, and what follows from them: compiled loops."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dothi.compiled import kernel

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@kernel()
def sweep(level: Floats, azimuth: float, cell: float, tangent: Singles, near: Singles) -> None:
    """
    Horizon of every cell of a raster towards one azimuth.

    Lines of cells run towards the azimuth. Along each, the upper hull of the profile passed so far is kept on a stack;
    what makes the horizon of a cell is on it, and each cell goes on and off it once.

    Parameters
    ----------
    level : (rows, columns)
        Levels, rows from south to north [m].
    azimuth
        Direction looked in, clockwise from the columns' direction [rad].
    cell
        Size of a cell [m].
    tangent : (rows, columns)
        On return, the tangent of the height of the horizon, 0 where nothing stands higher.
    near : (rows, columns)
        On return, the inverse of the distance to what makes it [m⁻¹].
    """
    rows, columns = level.shape
    dx, dy = math.sin(azimuth), math.cos(azimuth)
    along_x = abs(dx) >= abs(dy)
    n, m = (columns, rows) if along_x else (rows, columns)
    lean = dy / abs(dx) if along_x else dx / abs(dy)
    step = math.sqrt(1.0 + lean * lean) * cell
    forward = dx > 0.0 if along_x else dy > 0.0
    extra = int(abs(lean) * n) + 2
    at, height = np.empty(n), np.empty(n)
    for line in range(m + extra):
        size = 0
        for s in range(n):
            a = n - 1 - s if forward else s  # first the farthest towards the azimuth
            offset = line if lean > 0.0 else line - extra
            b = math.floor(offset + 0.5 - lean * s)
            if b < 0 or b >= m:
                continue
            z = level[b, a] if along_x else level[a, b]
            d = s * step
            while size > 1:
                nearer, farther = d - at[size - 1], d - at[size - 2]
                if (height[size - 2] - z) * nearer < (height[size - 1] - z) * farther:
                    break
                size -= 1
            slope, inverse = 0.0, 0.0
            if size > 0 and height[size - 1] > z:
                inverse = 1.0 / (d - at[size - 1])
                slope = (height[size - 1] - z) * inverse
            if along_x:
                tangent[b, a], near[b, a] = slope, inverse
            else:
                tangent[a, b], near[a, b] = slope, inverse
            at[size], height[size] = d, z
            size += 1


@kernel()
def add_sky_view(tangent: Singles, share: float, view: Singles) -> None:
    r"""
    Add what an azimuth of width *share* of the circle gives to the view factor of the sky: :math:`\cos^2 h`.

    Parameters
    ----------
    tangent : (rows, columns)
        Horizon towards the azimuth.
    share
        Width of the azimuth.
    view : (rows, columns)
        What is added to.
    """
    for j in range(tangent.shape[0]):
        for i in range(tangent.shape[1]):
            view[j, i] += np.float32(share / (1.0 + tangent[j, i] * tangent[j, i]))
