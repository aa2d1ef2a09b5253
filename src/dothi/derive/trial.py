"""What trials of methods on known values share: what is hidden at a time, and how far off what is predicted is."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi.derive.filling import Floats, Integers

BLOCK_M: Final = 200.0
FOLDS: Final = 5
TRIAL_FOLDS: Final = 3
MOST_TRIED: Final = 3_000
"""Known values that are hidden at most to find how far a model is off, and in how many turns."""
HIDDEN: Final = "hidden in blocks of 200 m"


def blocks(xy: Floats, rng: np.random.Generator, n_folds: int = FOLDS) -> Integers:
    """
    Fold of each point, so that points of one 200 m block fall into one fold.

    Neighbours resemble each other; hidden values that stand among known ones would flatter a model.
    """
    cells = np.floor(xy / BLOCK_M).astype(np.int64)
    _, block = np.unique(cells, axis=0, return_inverse=True)
    order = rng.permutation(int(block.max(initial=0)) + 1)
    return np.asarray(order[block.ravel()] % n_folds, dtype=np.int64)


def sample(n: int, most: int, rng: np.random.Generator) -> Integers:
    """Row numbers of at most `most` rows, in order."""
    if n <= most:
        return np.arange(n)
    return np.sort(rng.choice(n, most, replace=False))


def compared(
    quantity: str, method: str, unit: str, note: str, predicted: Floats, true: Floats
) -> list[dict[str, object]]:
    """Errors of predictions as one row of `accuracy_of`, or none where nothing can be compared."""
    both = np.isfinite(predicted) & np.isfinite(true)
    if not both.any():
        return []
    error = predicted[both] - true[both]
    size = np.abs(true[both])
    relative = np.abs(error)[size > 0.0] / size[size > 0.0]
    return [
        {
            "quantity": quantity,
            "method": method,
            "n": int(both.sum()),
            "mae": float(np.abs(error).mean()),
            "rmse": float(np.sqrt((error**2).mean())),
            "bias": float(error.mean()),
            "median_relative_error": float(np.median(relative)) if len(relative) else np.nan,
            "share_right": np.nan,
            "unit": unit,
            "note": note,
        }
    ]
