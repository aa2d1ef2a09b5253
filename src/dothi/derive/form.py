"""What a footprint and its surroundings look like, and what its known neighbours tell."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dothi.derive.filling import Floats, Integers, Mask, shapes_of
from dothi.derive.trial import FOLDS, blocks

NEIGHBOURS: Final = 8
MOST_TAUGHT: Final = 12_000
CHUNK: Final = 50_000
TOUCH_M: Final = 0.2


@dataclass(frozen=True, slots=True)
class Form:
    """Shape and surroundings of each footprint: `xy` (n, 2) centroids [m], `area` (n,) [m²], `features` (n, 10)."""

    xy: Floats
    area: Floats
    features: Floats


def form(frame: gpd.GeoDataFrame) -> Form:
    r"""
    Shape of the footprints and density of what stands around them.

    Features: log area, compactness :math:`4 \pi A / P^2`, number of vertices, mean log area of the 12
    nearest buildings, log distance to the 1st, 4th and 12th of them, area relative to the nearest, number of
    buildings that touch, log area of the largest of these.
    """
    shapes = shapes_of(frame)
    n = len(shapes)
    area = np.maximum(shapely.area(shapes), 0.1)
    xy = shapely.get_coordinates(shapely.centroid(shapes))
    compactness = 4.0 * np.pi * area / np.maximum(shapely.length(shapes), 0.1) ** 2
    around = np.zeros((n, 5))
    k = min(12, n - 1)
    if k > 0:
        tree = cKDTree(xy)
        log_area = np.log(area)
        for rows in chunks(n):
            distance, index = others_of(tree, xy[rows], k, np.arange(n)[rows])
            log_distance = np.log(distance + 0.1)
            around[rows, 0] = log_area[index].mean(axis=1)
            around[rows, 1:4] = log_distance[:, [0, min(3, k - 1), k - 1]]
            around[rows, 4] = log_area[rows] - log_area[index[:, 0]]
    touching, largest = _touching(shapes, area)
    features = np.column_stack(
        [np.log(area), compactness, shapely.get_num_coordinates(shapes), around, touching, np.log1p(largest)]
    )
    return Form(xy, area, features)


def chunks(n: int) -> list[slice]:
    """Slices of so many rows, each small enough for what is made of all its neighbours."""
    return [slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]


def others_of(tree: cKDTree, xy: Floats, k: int, own: Integers | None) -> tuple[Floats, Integers]:
    """Distances and indices of the `k` nearest points; `own` are the points' own indices, to be left out."""
    if own is None:
        distance, index = tree.query(xy, k=k, workers=-1)
        return distance.reshape(len(xy), k), index.reshape(len(xy), k)
    distance, index = tree.query(xy, k=k + 1, workers=-1)
    # Two buildings may share a centroid, so a point is not always its own first neighbour.
    others = np.argsort(index == own[:, None], axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distance, others, axis=1), np.take_along_axis(index, others, axis=1)


def _touching(shapes: NDArray[Any], area: Floats) -> tuple[Floats, Floats]:
    """Number of footprints that touch each one, to 0.2 m, and the area of the largest of them."""
    tree = shapely.STRtree(shapes)
    count = np.zeros(len(shapes))
    largest = np.zeros(len(shapes))

    def pairs(rows: slice) -> Integers:
        return np.asarray(tree.query(shapes[rows], predicate="dwithin", distance=TOUCH_M), dtype=np.int64)

    parts = chunks(len(shapes))
    with ThreadPoolExecutor(max_workers=2) as pool:
        for rows, (row, other) in zip(parts, pool.map(pairs, parts), strict=True):
            one = row + rows.start
            apart = one != other
            count += np.bincount(one[apart], minlength=len(shapes))
            np.maximum.at(largest, one[apart], area[other[apart]])
    return count, largest


Around = Callable[[Floats, Integers | None, Mask | None], Floats]


def taught(around: Around, xy: Floats, rows: Integers, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """
    Neighbour features of known buildings, twice: with their neighbours, and with their own 200 m block hidden.

    A model that learns from both trusts near neighbours where there are some, and form where there are none.
    """
    with_neighbours = around(xy[rows], rows, None)
    hidden = np.empty_like(with_neighbours)
    fold = blocks(xy, rng)
    for k in range(FOLDS):
        here = fold[rows] == k
        others = fold != k
        if here.any():
            enough = int(others.sum()) > NEIGHBOURS
            hidden[here] = around(xy[rows[here]], None, others) if enough else with_neighbours[here]
    return with_neighbours, hidden
