"""The 145 patches of Tregenza that the sky is divided into."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dothi.shapes import Floats

ROWS: Final = (30, 30, 24, 24, 18, 12, 6, 1)
"""Patches of each row from the horizon to the zenith; rows are 12° high, the last is a cap of 6°."""
ROW_DEG: Final = 12.0
N_PATCHES: Final = sum(ROWS)


class Points(NamedTuple):
    """
    Points that stand for pieces of equal solid angle of each patch.

    Attributes
    ----------
    towards : (patches, points, 3)
        Unit vectors: east, north, up.
    solid_angle : (patches,)
        Solid angle of each patch [sr].
    """

    towards: Floats
    solid_angle: Floats


def points_of(side: int, split: int = 1) -> Points:
    """
    Points in every patch.

    Parameters
    ----------
    side
        Points along each side of a patch.
    split
        Into how many each row and each patch along it are divided: 1 for 145 patches, 4 for 2305. The first patch of a
        row is centred on north.
    """
    towards, solid = [], []
    step = np.pi / 2.0 / (7.0 * split + 0.5)
    for row in range(7 * split):
        count = ROWS[row // split] * split
        low, high = np.sin(step * row), np.sin(step * (row + 1))
        sine = low + (high - low) * (np.arange(side) + 0.5) / side
        azimuth = 2.0 * np.pi * (np.arange(count)[:, None] - 0.5 + (np.arange(side) + 0.5) / side) / count
        flat = np.sqrt(1.0 - sine**2)
        a, s, f = (np.broadcast_to(v, (count, side, side)) for v in (azimuth[:, :, None], sine, flat))
        towards.append(np.stack([np.sin(a) * f, np.cos(a) * f, s], axis=-1).reshape(count, side * side, 3))
        solid.append(np.full(count, 2.0 * np.pi * (high - low) / count))
    low = np.sin(step * 7 * split)
    sine = low + (1.0 - low) * (np.arange(side) + 0.5) / side
    azimuth = 2.0 * np.pi * (np.arange(side) + 0.5) / side
    a, s = np.broadcast_to(azimuth[:, None], (side, side)), np.broadcast_to(sine, (side, side))
    f = np.sqrt(1.0 - s**2)
    cap = np.stack([np.sin(a) * f, np.cos(a) * f, s], axis=-1).reshape(1, side * side, 3)
    if side == 1:
        cap = np.array([[[0.0, 0.0, 1.0]]])
    return Points(np.concatenate([*towards, cap]), np.concatenate([*solid, [2.0 * np.pi * (1.0 - low)]]))
