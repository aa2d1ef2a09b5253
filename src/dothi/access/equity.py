"""How equally something is spread over people."""

from __future__ import annotations

import numpy as np

from dothi.shapes import Floats


def gini(values: Floats, weights: Floats) -> float:
    r"""
    Gini coefficient: 0 where all have the same, towards 1 where one has all.

    .. math:: G = 1 - \sum_k (F_k - F_{k-1}) (L_k + L_{k-1})

    with the shares of people :math:`F` and of what they have :math:`L`, the poorest first.

    Parameters
    ----------
    values : (n,)
        What each has, 0 or more; those without a value are left out.
    weights : (n,)
        People who have it.

    Returns
    -------
    float
        Coefficient; missing where nobody has anything.
    """
    values, weights = _sorted(values, weights)
    have = values * weights
    if not have.sum() > 0.0:
        return float("nan")
    people = np.r_[0.0, np.cumsum(weights)] / weights.sum()
    share = np.r_[0.0, np.cumsum(have)] / have.sum()
    return float(1.0 - np.sum(np.diff(people) * (share[1:] + share[:-1])))


def palma(values: Floats, weights: Floats) -> float:
    """
    Palma ratio: mean of the best-served tenth of the people over that of the worst-served four tenths.

    People on a border count in part. Missing where the four tenths have nothing.

    Parameters
    ----------
    values, weights : (n,)
        As in `gini`.
    """
    values, weights = _sorted(values, weights)
    if not weights.sum() > 0.0:
        return float("nan")
    low = mean_between(values, weights, 0.0, 0.4)
    return mean_between(values, weights, 0.9, 1.0) / low if low > 0.0 else float("nan")


def percentile_ratio(values: Floats, weights: Floats) -> float:
    """
    What the person at nine tenths has over what the one at one tenth has; missing where the latter has nothing.

    Parameters
    ----------
    values, weights : (n,)
        As in `gini`.
    """
    low, high = percentile(values, weights, 0.1), percentile(values, weights, 0.9)
    return high / low if low > 0.0 else float("nan")


def percentile(values: Floats, weights: Floats, share: float) -> float:
    """Least value that a share of the people does not exceed; missing where there are none."""
    values, weights = _sorted(values, weights)
    if not weights.sum() > 0.0:
        return float("nan")
    upto = np.cumsum(weights)
    return float(values[np.searchsorted(upto, share * upto[-1] * (1.0 - 1e-12))])


def mean_between(values: Floats, weights: Floats, low: float, high: float) -> float:
    """Mean over the people between two shares, values ascending."""
    upto = np.r_[0.0, np.cumsum(weights)] / weights.sum()
    part = np.clip(np.minimum(upto[1:], high) - np.maximum(upto[:-1], low), 0.0, None)
    return float((values * part).sum() / part.sum())


def _sorted(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    counted = np.isfinite(values) & (weights > 0.0)
    values, weights = values[counted], weights[counted]
    order = np.argsort(values, kind="stable")
    return values[order], weights[order]
