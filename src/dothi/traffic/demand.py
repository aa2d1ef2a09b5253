"""How many trips there are, where they go and when: generation, gravity, hours of the day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from dothi.shapes import Floats

TOLERANCE: Final = 1e-9
MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Balanced:
    """
    Trips whose rows and columns have given sums.

    Attributes
    ----------
    trips : (n, n)
        Trips from row to column.
    iterations
        Passes over rows and columns.
    residual
        Largest difference of a row or column from its sum, as a share of the sum.
    unplaced
        Trips of rows from which no column with a sum can be reached, and of columns that nobody reaches.
    scale
        Factor on the column sums, so that they add up to the row sums.
    """

    trips: Floats
    iterations: int
    residual: float
    unplaced: float
    scale: float


def furness(
    productions: Floats, attractions: Floats, deterrence: Floats, *, tolerance: float = TOLERANCE, most: int = MOST
) -> Balanced:
    r"""
    Trips of the doubly constrained gravity model [1]_.

    .. math:: T_{ij} = A_i O_i B_j D_j f_{ij}, \quad \sum_j T_{ij} = O_i, \quad \sum_i T_{ij} = D_j

    Attractions are scaled so that both sums are the same; balancing factors are found by turns [2]_.

    Parameters
    ----------
    productions : (n,)
        Trips that each row makes.
    attractions : (n,)
        Trips that each column draws, up to a common factor.
    deterrence : (n, n)
        How near a column is to a row; 0 where it cannot be reached.
    tolerance
        Relative difference of sums at which to stop.
    most
        Passes after which to stop in any case.

    References
    ----------
    .. [1] A. G. Wilson, "A statistical theory of spatial distribution models", Transportation Research 1, 1967,
       253-269, https://doi.org/10.1016/0041-1647(67)90035-4
    .. [2] K. P. Furness, "Time function iteration", Traffic Engineering and Control 7, 1965, 458-460.
    """
    rows = (productions > 0.0) & (deterrence @ (attractions > 0.0) > 0.0)
    columns = (attractions > 0.0) & ((productions > 0.0) @ deterrence > 0.0)
    given = float(productions.sum())
    wanted = np.where(rows, productions, 0.0)
    drawn = np.where(columns, attractions, 0.0)
    scale = wanted.sum() / drawn.sum() if drawn.sum() > 0.0 else 0.0
    drawn = drawn * scale
    a, b = np.zeros(len(rows)), np.where(columns, 1.0, 0.0)
    residual, done = np.inf if wanted.sum() > 0.0 else 0.0, 0
    while residual > tolerance and done < most:
        a = np.divide(wanted, deterrence @ b, out=np.zeros_like(a), where=rows)
        b = np.divide(drawn, a @ deterrence, out=np.zeros_like(b), where=columns)
        sums = a * (deterrence @ b)
        residual = float(np.max(np.abs(sums[rows] - wanted[rows]) / wanted[rows], initial=0.0))
        done += 1
    trips = a[:, None] * deterrence * b
    return Balanced(trips, done, residual, given - float(wanted.sum()), float(scale))


def exponential(cost: Floats, beta: float, power: float = 0.0) -> Floats:
    r"""
    Deterrence :math:`c^a e^{-\beta c}` up to a factor of each row, exponential with :math:`a = 0`, else of Tanner [1]_.

    Parameters
    ----------
    cost : (n, n)
        Cost of going; infinite where there is no way.
    beta
        Per unit of cost.
    power
        Exponent :math:`a`; costs must be positive where it is not 0.

    References
    ----------
    .. [1] J. C. Tanner, Factors affecting the amount of travel, Road Research Technical Paper 51, HMSO, 1961.
    """
    finite = np.isfinite(cost)
    known = np.where(finite, cost, 0.0)
    least = np.where(finite, cost, np.inf).min(axis=1, initial=np.inf)
    least = np.where(np.isfinite(least), least, 0.0)[:, None]
    near = np.exp(-beta * (known - least))  # a factor of a row changes no trips, and keeps small numbers from vanishing
    if power:
        near = near * np.where(finite, np.where(known > 0.0, known, 1.0), 1.0) ** power
    return np.where(finite, near, 0.0)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """
    Parameter for which a mean is what was asked for.

    Attributes
    ----------
    value
        The parameter.
    mean
        The mean that it gives.
    target
        The mean that was asked for.
    iterations
        Evaluations.
    converged
        Whether the two agree.
    """

    value: float
    mean: float
    target: float
    iterations: int
    converged: bool


def calibrate_mean(
    mean_of: Callable[[float], float], target: float, start: float, *, tolerance: float = 1e-4, most: int = 30
) -> Calibrated:
    r"""
    Deterrence for which the mean length of trips is a given one, by the method of Hyman [1]_.

    The second value is :math:`\beta_1 = \beta_0 \bar c_0 / \bar c^*`; from then on the secant
    step

    .. math::

        \beta_{k+1} =
        \frac{(\bar c^* - \bar c_{k-1}) \beta_k - (\bar c^* - \bar c_k) \beta_{k-1}}{\bar c_k - \bar c_{k-1}}

    A step that would leave the range of a third to three times the last value is cut to it.

    Parameters
    ----------
    mean_of
        Mean length for a value of the parameter; it falls as the parameter grows.
    target
        Mean length that is wanted.
    start
        First value, such as 1 over the target.
    tolerance
        Relative difference of the means at which to stop.
    most
        Evaluations after which to stop in any case.

    References
    ----------
    .. [1] G. M. Hyman, "The Calibration of Trip Distribution Models", Environment and Planning A 1, 1969, 105-112,
       https://doi.org/10.1068/a010105
    """
    before, at = start, start
    mean_before = mean = mean_of(start)
    done = 1
    while abs(mean - target) > tolerance * target and done < most:
        if done == 1 or mean == mean_before:
            step = at * mean / target
        else:
            step = ((target - mean_before) * at - (target - mean) * before) / (mean - mean_before)
        step = float(np.clip(step, at / 3.0, at * 3.0))
        before, mean_before = at, mean
        at, mean = step, mean_of(step)
        done += 1
    return Calibrated(at, mean, target, done, abs(mean - target) <= tolerance * target)


def generated(rates: Mapping[str, float], residents: Floats) -> dict[str, Floats]:
    """Trips of each purpose that the residents of each zone make in a day: both ways of a trip from home."""
    return {purpose: rate * residents for purpose, rate in rates.items()}


def attracted(weights: Mapping[str, Mapping[str, float]], opportunities: Mapping[str, Floats]) -> dict[str, Floats]:
    """Trips of each purpose that each zone draws, up to a factor: a sum over its opportunities."""
    return {
        purpose: np.asarray(sum(weight * opportunities[name] for name, weight in parts.items()), dtype=float)
        for purpose, parts in weights.items()
    }


def in_hours(daily: Floats, out: float, back: float) -> Floats:
    """
    Trips of some hours, from where to where.

    Parameters
    ----------
    daily : (n, n)
        Trips of a day between home (row) and the other end (column), both ways together.
    out, back
        Shares of these that leave home, and come back to it, in these hours.
    """
    return np.asarray(out * daily + back * daily.T)
