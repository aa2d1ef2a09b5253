"""Middles of groups of customers that ask about the same."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi.shapes import Floats, Integers

ROUNDS: Final = 12


def weighted_means(xy: Floats, weight: Floats, number: int) -> tuple[Floats, Integers]:
    """
    k-means of weighted points, without chance: Lloyd's rounds from groups of equal weight.

    The first groups come of halving: the points are cut across their longer side so that the weights on both sides are
    as the numbers of groups there, again and again.

    Parameters
    ----------
    xy : (n, 2)
        Points.
    weight : (n,)
        Their weights, above 0.
    number
        Groups, n at most.

    Returns
    -------
    means : (number, 2)
        Their weighted means.
    group : (n,)
        Group of every point.

    References
    ----------
    S. P. Lloyd, Least squares quantization in PCM, 1982, doi:10.1109/TIT.1982.1056489.
    """
    from scipy.spatial import cKDTree

    group = np.empty(len(xy), dtype=np.int64)
    pending = [(np.arange(len(xy)), number, 0)]
    while pending:
        rows, wanted, first = pending.pop()
        if wanted == 1:
            group[rows] = first
            continue
        axis = int(np.ptp(xy[rows], axis=0).argmax())
        rows = rows[np.argsort(xy[rows, axis], kind="stable")]
        left = wanted // 2
        below = np.cumsum(weight[rows])
        cut = int(np.searchsorted(below, below[-1] * left / wanted))
        cut = min(max(cut, left), len(rows) - (wanted - left))
        pending += [(rows[:cut], left, first), (rows[cut:], wanted - left, first + left)]
    means = _means(xy, weight, group, np.zeros((number, 2)))
    for _ in range(ROUNDS):
        group = cKDTree(means).query(xy)[1].astype(np.int64)
        means = _means(xy, weight, group, means)
    return means, group


def _means(xy: Floats, weight: Floats, group: Integers, before: Floats) -> Floats:
    """Weighted means of groups; an empty one stays where it was."""
    total = np.bincount(group, weights=weight, minlength=len(before))
    sums = np.column_stack([np.bincount(group, weights=weight * axis, minlength=len(before)) for axis in xy.T])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total[:, None] > 0.0, sums / total[:, None], before)
