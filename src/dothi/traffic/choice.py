"""Which means of transport people take: nested logit, and constants that meet given shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dothi.shapes import Floats


@dataclass(frozen=True, slots=True)
class Nests:
    """
    Which modes are alike.

    Attributes
    ----------
    of
        Nest of each mode.
    scale
        By nest, how alike its modes are: 1 not at all (multinomial logit), towards 0 the same.
    """

    of: tuple[str, ...]
    scale: Mapping[str, float]

    def groups(self) -> list[tuple[float, list[int]]]:
        """Scale and modes of each nest."""
        names = list(dict.fromkeys(self.of))
        return [(self.scale[name], [m for m, nest in enumerate(self.of) if nest == name]) for name in names]


def one_nest(n_modes: int) -> Nests:
    """Modes that are not alike: multinomial logit."""
    return Nests(("all",) * n_modes, {"all": 1.0})


def nested_logit(utility: Floats, nests: Nests) -> tuple[Floats, Floats]:
    r"""
    Shares of the modes, and the satisfaction they give together.

    With utilities :math:`V_m` and a scale :math:`\lambda_k` of each nest :math:`k` [1]_:

    .. math::

        I_k = \ln \sum_{m \in k} e^{V_m / \lambda_k}, \quad
        P_m = \frac{e^{V_m / \lambda_k}}{e^{I_k}} \frac{e^{\lambda_k I_k}}{\sum_l e^{\lambda_l I_l}}, \quad
        L = \ln \sum_l e^{\lambda_l I_l}

    Parameters
    ----------
    utility : (n_modes, ...)
        Utility of each mode; −∞ where it is not to be had.
    nests
        Which modes are alike.

    Returns
    -------
    shares : (n_modes, ...)
        They sum to 1, or are all 0 where no mode is to be had.
    logsum : (...)
        Satisfaction :math:`L`; −∞ where no mode is to be had.

    References
    ----------
    .. [1] K. E. Train, Discrete Choice Methods with Simulation, 2nd ed., Cambridge University Press, 2009, sec. 4.2,
       https://doi.org/10.1017/CBO9780511805271
    """
    shares = np.zeros_like(utility)
    satisfaction = []
    for scale, members in nests.groups():
        within, inclusive = _logit(utility[members] / scale)
        shares[members] = within
        satisfaction.append(scale * inclusive)
    between, logsum = _logit(np.stack(satisfaction))
    for (_, members), share in zip(nests.groups(), between, strict=True):
        shares[members] *= share
    return shares, logsum


def _logit(utility: Floats) -> tuple[Floats, Floats]:
    """Multinomial logit over the first axis, and its logsum."""
    best = utility.max(axis=0)
    there = np.isfinite(best)
    weights = np.exp(utility - np.where(there, best, 0.0))
    total = weights.sum(axis=0)
    shares = np.divide(weights, total, out=np.zeros_like(weights), where=there)
    logsum = np.log(total, out=np.full_like(total, -np.inf), where=there) + np.where(there, best, 0.0)
    return shares, np.where(there, logsum, -np.inf)


@dataclass(frozen=True, slots=True)
class Constants:
    """
    Mode constants that give wanted shares.

    Attributes
    ----------
    values : (n_modes,)
        The constants; that of the first mode with a share stays as it was.
    shares : (n_modes,)
        Shares that they give.
    iterations
        Evaluations.
    residual
        Largest difference of a share.
    """

    values: Floats
    shares: Floats
    iterations: int
    residual: float


def calibrate_constants(
    shares_of: Callable[[Floats], Floats],
    target: Sequence[float],
    start: Floats,
    *,
    tolerance: float = 1e-4,
    most: int = 100,
) -> Constants:
    """
    Constants for which the shares of the modes are given ones.

    Each is raised by the logarithm of the wanted share over the share it gives, which for a single pair of zones ends
    after one step. A mode whose wanted share is 0, or that nobody can take, keeps its constant, and the others share
    what is left in the wanted proportions.

    Parameters
    ----------
    shares_of
        Shares of the modes over all trips for some constants.
    target : (n_modes,)
        Wanted shares.
    start : (n_modes,)
        First constants.
    tolerance
        Largest difference of a share at which to stop.
    most
        Evaluations after which to stop in any case.
    """
    values = np.array(start, dtype=float)
    wanted = np.asarray(target, dtype=float)
    shares = shares_of(values)
    done, residual = 1, np.inf
    while done < most:
        moved = (wanted > 0.0) & (shares > 0.0)
        aim = np.where(moved, wanted, 0.0)
        aim = aim / aim.sum() * shares[moved].sum()
        residual = float(np.max(np.abs(shares - aim)[moved], initial=0.0))
        if residual <= tolerance or moved.sum() < 2:
            break
        step = np.log(aim[moved] / shares[moved])
        values[moved] += step - step[0]
        shares = shares_of(values)
        done += 1
    return Constants(values, shares, done, residual)
