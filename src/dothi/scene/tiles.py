"""Which objects go into which file, and in which order: squares, smaller where the city is dense, and a curve."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dothi.shapes import Floats, Integers

SIDE_M = 1000.0
"""Side of the largest tile of buildings: 16-bit numbers reach across it with steps of 2 cm."""
HALVINGS = 3
CURVE_BITS = 16


def squares(xy: Floats, weight: Integers, most: int, side_m: float = SIDE_M) -> Iterator[tuple[str, Integers]]:
    """
    Rectangles that hold points, nearly squares, quartered until none weighs more than allowed.

    Parameters
    ----------
    xy : (n, 2)
        Points, such as the middles of buildings [m].
    weight : (n,)
        What a point counts.
    most
        What a rectangle may weigh, if it is not as small as can be.
    side_m
        Longest side of the largest rectangles [m].

    Yields
    ------
    name : str
        Name of a rectangle: how often it was quartered, column and row from the south-west.
    members : (n_members,) array
        Its points, in rising order; every point is in one rectangle.
    """
    if not len(xy):
        return
    low, span = xy.min(axis=0), np.ptp(xy, axis=0)
    # As many as are needed across, all of one size: no slivers at the border.
    count = np.maximum(np.ceil(span / side_m), 1.0)
    side = np.maximum(span / count, 1.0)
    groups = [np.arange(len(xy))]
    for level in range(HALVINGS + 1):
        quartered: list[Integers] = []
        places = 2**level
        for group in groups:
            place = np.floor((xy[group] - low) / side * places).astype(np.int64)
            place = np.minimum(place, (count * places - 1).astype(np.int64))
            code = place[:, 1] * int(count[0] * places) + place[:, 0]
            order = np.argsort(code, kind="stable")
            for members in np.split(order, np.flatnonzero(np.diff(code[order])) + 1):
                if level < HALVINGS and weight[group[members]].sum() > most:
                    quartered.append(group[members])
                else:
                    column, row = place[members[0]]
                    yield f"{level}-{column}-{row}", group[members]
        groups = quartered


def along_curve(xy: Floats, owner: Integers | None = None, *, step_m: float | None = None) -> Integers:
    """
    Order of points along a Hilbert curve: what is near on the map mostly is near in the file, and compresses better.

    Parameters
    ----------
    xy : (n, 2)
        Points [m].
    owner : (n,)
        Groups that stay together, in rising order; one of all where None.
    step_m
        Grid that the curve follows [m]; one that is fine enough for all points where None.

    Returns
    -------
    (n,) array
        Points in order. Equal places keep theirs.

    References
    ----------
    D. Hilbert, Ueber die stetige Abbildung einer Linie auf ein Flächenstück, Math. Ann. 38 (1891) 459–460,
    doi:10.1007/BF01199431.
    """
    if not len(xy):
        return np.empty(0, dtype=np.int64)
    most = (1 << CURVE_BITS) - 1
    finest = (float(np.ptp(xy, axis=0).max()) or 1.0) / most
    x, y = np.rint((xy - xy.min(axis=0)) / max(step_m or 0.0, finest)).astype(np.int64).T
    distance = np.zeros(len(xy), dtype=np.int64)
    for bit in range(CURVE_BITS - 1, -1, -1):
        right, upper = (x >> bit) & 1, (y >> bit) & 1
        distance = distance << 2 | ((3 * right) ^ upper)
        lower = upper == 0
        turned = lower & (right == 1)
        x, y = np.where(turned, most - x, x), np.where(turned, most - y, y)
        x, y = np.where(lower, y, x), np.where(lower, x, y)
    keys = (distance,) if owner is None else (distance, owner)
    return np.lexsort(keys)
