"""Pieces of lines between two shares of their length."""

from __future__ import annotations

import numpy as np
import shapely

from dothi.shapes import Floats, Shapes


def between(lines: Shapes, start: Floats, stop: Floats) -> Shapes:
    """
    Pieces of lines between two shares of their length.

    Parameters
    ----------
    lines : (n,)
        LineStrings.
    start, stop : (n,)
        Shares of the length, from 0 to 1, the first less than the second.

    Returns
    -------
    (n,) array
        LineStrings; a line that is wanted whole is given as it is.
    """
    pieces = np.array(lines, dtype=object)
    cut = np.flatnonzero((start > 0.0) | (stop < 1.0))
    if not len(cut):
        return pieces
    some = shapely.force_2d(pieces[cut])
    xy, line = shapely.get_coordinates(some, return_index=True)
    step = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    step[np.diff(line, prepend=-1) > 0] = 0.0
    along = np.cumsum(step)
    whole = shapely.length(some)
    along -= along[np.searchsorted(line, np.arange(len(cut)))][line]
    low, high = start[cut] * whole, stop[cut] * whole
    inner = (along > low[line]) & (along < high[line])
    number = np.arange(len(cut))
    ends = shapely.get_coordinates(shapely.line_interpolate_point(np.r_[some, some], np.r_[low, high]))
    owner = np.concatenate([number, line[inner], number])
    order = np.argsort(owner, kind="stable")  # first the start, then vertices in between, then the end
    points = np.concatenate([ends[: len(cut)], xy[inner], ends[len(cut) :]])[order]
    pieces[cut] = shapely.linestrings(points, indices=owner[order])
    return pieces


def points_along(lines: Shapes, step: float) -> tuple[Floats, Floats, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """
    Points along lines, ends included, no two further apart than a step.

    Parameters
    ----------
    lines : (n,)
        LineStrings.
    step
        Greatest distance between neighbours [m].

    Returns
    -------
    xy : (n_points, 2) array
        Points [m].
    share : (n_points,) array
        Share of the length of the line at which each lies.
    line : (n_points,) array
        Line of each.
    """
    n = np.ceil(shapely.length(lines) / step).astype(np.int64) + 1
    n = np.maximum(n, 2)
    line = np.repeat(np.arange(len(lines)), n)
    number = np.arange(len(line)) - np.repeat(np.cumsum(n) - n, n)
    share = number / (n[line] - 1.0)
    points = shapely.line_interpolate_point(lines[line], share, normalized=True)
    return shapely.get_coordinates(points), share, line
