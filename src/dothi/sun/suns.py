"""The hours of daylight, sorted as horizons are compared with them."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi.sky.dome import Sky
from dothi.sun.kernels import BLOCKED, Suns

AZIMUTHS: Final = 120
"""Azimuths of a horizon: errors of annual sums fall with their number, time grows little."""


def suns_of(sky: Sky, azimuths: int = AZIMUTHS) -> Suns:
    """Sun of every hour by azimuth, then by height; hours without direct light and with the sun down are left out."""
    up = np.flatnonzero(sky.sun[:, 2] > 0.0)
    east, north, height = sky.sun[up].T
    azimuth = np.arctan2(east, north) % (2.0 * np.pi)
    column = np.minimum((azimuth / (2.0 * np.pi) * azimuths).astype(np.int64), azimuths - 1)
    flat = np.hypot(east, north)
    tangent = np.where(flat > 1e-9, height / np.maximum(flat, 1e-9), BLOCKED / 2.0)
    order = np.lexsort((tangent, column))
    hours = up[order]
    return Suns(
        np.searchsorted(column[order], np.arange(azimuths + 1)).astype(np.int64),
        np.ascontiguousarray(tangent[order]),
        np.ascontiguousarray(sky.sun[hours]),
        np.ascontiguousarray(sky.dni[hours]),
        np.ascontiguousarray(sky.place[hours]),
    )
