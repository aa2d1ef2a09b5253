"""Hyetographs of design storms from the intensity-duration-frequency curve of a place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dothi.shapes import Floats
from dothi.units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class Curve:
    """
    Mean intensity of the heaviest rain by its duration, for one return period.

    ``i = a / (t + b)^n`` with `i` in mm/h and `t` in minutes (Sherman 1931). It holds the formula of Montana with
    ``b = 0`` and that of TCVN 7957 with ``a = 0.36 A (1 + C lg P)``, as 1 L/(s ha) is 0.36 mm/h.

    Attributes
    ----------
    a
        Scale [mm h⁻¹ min^n].
    b_min
        Added to the duration [min].
    n
        Exponent, above 0 and at most 1.
    """

    a: float
    b_min: float
    n: float

    def intensity_mm_h(self, duration_s: Floats | float) -> Floats:
        """Mean intensity over durations above zero [mm h⁻¹]."""
        minutes = np.asarray(duration_s, dtype=np.float64) / SECONDS_PER_MINUTE
        found: Floats = self.a / (minutes + self.b_min) ** self.n
        return found

    def depth_mm(self, duration_s: Floats | float) -> Floats:
        """Rain of durations from zero on [mm]."""
        duration = np.asarray(duration_s, dtype=np.float64)
        some = np.where(duration > 0.0, duration, 1.0)
        return np.where(duration > 0.0, self.intensity_mm_h(some) * duration / SECONDS_PER_HOUR, 0.0)


def block(depth_mm: float, step_s: float, n_steps: int) -> Floats:
    """
    Storm of one intensity.

    Parameters
    ----------
    depth_mm
        Rain altogether [mm].
    step_s
        Length of a step [s].
    n_steps
        Steps.

    Returns
    -------
    (n_steps,)
        Intensity of each step [mm h⁻¹].
    """
    return np.full(n_steps, depth_mm / (n_steps * step_s / SECONDS_PER_HOUR))


def chicago(curve: Curve, step_s: float, n_steps: int, peak_share: float) -> Floats:
    r"""
    Storm that has the rain of the curve around its peak for every duration, after Keifer and Chu [1]_.

    Where :math:`P(t)` is the depth of the curve and a share :math:`r` of the storm lies before the peak, so much has
    fallen from the time :math:`t_b` before the peak on, and until the time :math:`t_a` after it:

    .. math:: r\,P(t_b / r), \qquad (1 - r)\,P(t_a / (1 - r))

    Intensities of steps are differences of these sums, so that nothing is lost to rounding of the peak. The peak is
    put where its step is divided in the same ratio, at the nearest :math:`r = k / (n - 1)`: then the storm holds
    exactly :math:`P(n \Delta t)`, and its highest step exactly :math:`P(\Delta t)`.

    Parameters
    ----------
    curve
        Intensity by duration.
    step_s
        Length of a step [s].
    n_steps
        Steps.
    peak_share
        Share of the storm before its peak, :math:`r`, from 0 to 1.

    Returns
    -------
    (n_steps,)
        Intensity of each step [mm h⁻¹].

    References
    ----------
    .. [1] C. J. Keifer and H. H. Chu, Synthetic storm pattern for drainage design, Journal of the Hydraulics Division
       ASCE 83 (HY4), 1957, pp. 1332-1 to 1332-25, doi:10.1061/JYCEAJ.0000104.
    """
    r, edges = _before_peak(peak_share, n_steps), _edges(step_s, n_steps)
    peak = r * n_steps * step_s
    before, after = np.maximum(peak - edges, 0.0), np.maximum(edges - peak, 0.0)
    fallen = np.zeros(n_steps + 1)
    if r > 0.0:
        fallen -= r * curve.depth_mm(before / r)
    if r < 1.0:
        fallen += (1.0 - r) * curve.depth_mm(after / (1.0 - r))
    return _intensities(fallen, step_s)


def alternating_blocks(curve: Curve, step_s: float, n_steps: int, peak_share: float) -> Floats:
    r"""
    Storm whose heaviest :math:`k` steps in a row hold the rain of the curve for their duration, for every :math:`k`.

    The increments of the depth of the curve fall with duration. The first is the peak; each next one is put before or
    behind those that are there, so that the share before the peak stays near the one asked for [1]_.

    Parameters
    ----------
    curve
        Intensity by duration.
    step_s
        Length of a step [s].
    n_steps
        Steps.
    peak_share
        Share of the storm before its peak, from 0 to 1.

    Returns
    -------
    (n_steps,)
        Intensity of each step [mm h⁻¹].

    References
    ----------
    .. [1] V. T. Chow, D. R. Maidment and L. W. Mays, Applied Hydrology, McGraw-Hill 1988, sec. 14.4.
    """
    increments = _intensities(curve.depth_mm(_edges(step_s, n_steps)), step_s)
    r = _before_peak(peak_share, n_steps)
    before = np.diff(np.floor(r * np.arange(n_steps) + 0.5)) > 0.0  # of each increment behind the first
    return np.concatenate([increments[1:][before][::-1], increments[:1], increments[1:][~before]])


def _before_peak(peak_share: float, n_steps: int) -> float:
    """Share of the other steps that stand before that of the peak: the nearest one of whole steps."""
    return round(peak_share * (n_steps - 1)) / (n_steps - 1) if n_steps > 1 else 0.0


def _edges(step_s: float, n_steps: int) -> Floats:
    return step_s * np.arange(n_steps + 1, dtype=np.float64)


def _intensities(fallen_mm: Floats, step_s: float) -> Floats:
    """Intensities of steps from the rain that has fallen at their edges [mm h⁻¹]; rounding makes no rain upwards."""
    found: Floats = np.maximum(np.diff(fallen_mm) * (SECONDS_PER_HOUR / step_s), 0.0)
    return found
