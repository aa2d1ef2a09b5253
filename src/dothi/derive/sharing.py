"""Totals shared out in whole numbers, exactly and without bias."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def integers_of(totals: Floats, rng: np.random.Generator) -> Integers:
    """
    Whole numbers for totals that may have decimals, without bias.

    Each total gets its whole part; the fractions are laid end to end in a random order and a comb of step one
    with a random offset decides which get one more [1]_. So each number is the total rounded up or down, its
    expected value is the total, and their sum is the sum of the totals rounded up or down.

    Parameters
    ----------
    totals : (n,)
        Finite numbers ≥ 0.
    rng
        Source of randomness.

    Returns
    -------
    (n,)
        Whole numbers.

    Raises
    ------
    ValueError
        A total is negative or not finite.

    References
    ----------
    .. [1] W. G. Madow, On the theory of systematic sampling, II, Annals of Mathematical Statistics 20, 1949,
       doi:10.1214/aoms/1177729988.
    """
    if not (np.isfinite(totals).all() and (totals >= 0).all()):
        raise ValueError("totals are finite and not negative")
    whole = np.floor(totals)
    fraction = totals - whole
    result = whole.astype(np.int64)
    order = rng.permutation(np.flatnonzero(fraction > 0.0))
    comb = np.floor(np.concatenate([[0.0], np.cumsum(fraction[order])]) + rng.random()).astype(np.int64)
    result[order] += np.diff(comb)
    return result


def allocate(totals: Floats, units: Integers, weights: Floats, rng: np.random.Generator) -> Integers:
    r"""
    Share out the total of each unit among its items by weight, in whole numbers, exactly and without bias.

    In each unit of total :math:`N` the items stand in a random order; with :math:`c_i` the running share of
    weight and :math:`u` one random offset, item :math:`i` gets
    :math:`\lfloor N c_i + u \rfloor - \lfloor N c_{i-1} + u \rfloor`. The sum is :math:`N`, the expected
    value is :math:`N w_i / \sum w`, and no item is off by one or more. Totals with decimals go through
    `integers_of` first.

    Parameters
    ----------
    totals : (n_units,)
        What each unit has, finite and ≥ 0.
    units : (n_items,)
        Unit of each item, −1 for none.
    weights : (n_items,)
        Weights, finite and ≥ 0. An item without weight gets nothing; nor is anything given in a unit where no
        item has weight.
    rng
        Source of randomness; the same state gives the same answer.

    Returns
    -------
    (n_items,)
        Whole numbers.

    Raises
    ------
    ValueError
        A total or weight is negative or not finite, or a unit does not exist.
    """
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("weights are finite and not negative")
    if len(units) and (units.min() < -1 or units.max() >= len(totals)):
        raise ValueError("every item is in a unit that exists, or in none (-1)")
    whole = integers_of(np.asarray(totals, dtype=np.float64), rng)
    result = np.zeros(len(units), dtype=np.int64)
    items = rng.permutation(np.flatnonzero((units >= 0) & (weights > 0.0)))
    offset = rng.random(len(whole))
    if not len(items):
        return result
    items = items[np.argsort(units[items], kind="stable")]
    unit = units[items]
    first = np.flatnonzero(np.diff(unit, prepend=-1))
    last = np.append(first[1:], len(unit)) - 1
    segment = np.repeat(np.arange(len(first)), last - first + 1)
    # Each unit's weights sum to one before they run on, so a small unit loses no digits beside a large one.
    weight = weights[items] / np.maximum.reduceat(weights[items], first)[segment]
    weight /= np.add.reduceat(weight, first)[segment]
    running = np.cumsum(weight)
    share = np.clip(running - (running[first] - weight[first])[segment], 0.0, 1.0)
    share[last] = 1.0
    up_to = np.floor(whole[unit] * share + offset[unit]).astype(np.int64)
    up_to[last] = whole[unit[last]]  # the offset is below one, so floor(N + u) = N, also for huge N
    before = np.concatenate([[0], up_to[:-1]])
    before[first] = 0
    result[items] = up_to - before
    return result
