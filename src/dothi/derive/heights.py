"""The height of every building: of its storeys, or of a model learnt in the city."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from dothi.derive.filling import (
    FEWEST_KNOWN,
    Floats,
    Integers,
    Mask,
    Texts,
    begin,
    by_function,
    finish,
    function_of,
    measured,
    numbers,
    shapes_of,
)
from dothi.derive.form import MOST_TAUGHT, NEIGHBOURS, Form, chunks, form, others_of, taught
from dothi.derive.trial import HIDDEN, MOST_TRIED, TRIAL_FOLDS, blocks, compared, sample
from dothi.place import load
from dothi.tables import FUNCTIONS


def storey_height(buildings: pd.DataFrame, country: str) -> tuple[Floats, Mask]:
    """
    Height of a storey in each building, and where it was learnt in this city.

    Where at least 100 buildings of a function have both a measured height and measured storeys, the median
    of their quotient if it lies between 2.2 and 6 m; otherwise place data.

    Returns
    -------
    height : (n_buildings,)
        Storey height [m].
    learnt : (n_buildings,)
        True where it is this city's own.
    """
    data = load(country, "buildings")["storey_height_m"]
    functions = function_of(buildings)
    height = by_function(data, functions, data["other"])
    quotient = numbers(buildings, "height_m", above=0.0) / numbers(buildings, "storeys", above=0.0)
    both = measured(buildings, "height_m") & measured(buildings, "storeys") & np.isfinite(quotient)
    learnt = np.zeros(len(buildings), dtype=bool)
    codes = pd.Categorical(functions, categories=FUNCTIONS).codes
    for code in np.unique(codes[both & (codes >= 0)]):
        alike = codes == code
        if np.count_nonzero(both & alike) >= FEWEST_KNOWN:
            median = float(np.median(quotient[both & alike]))
            if 2.2 <= median <= 6.0:
                height[alike] = median
                learnt |= alike
    return height, learnt


def infer_height(
    buildings: gpd.GeoDataFrame,
    *,
    country: str,
    rng: np.random.Generator,
    shape: Form | None = None,
    accuracy: list[dict[str, object]] | None = None,
) -> gpd.GeoDataFrame:
    """
    Fill the height of every building; zero and negative heights count as missing.

    In this order: the source (``measured``); storeys × storey height of the function in this city
    (``storeys_city``) or country (``storeys_place``); a model learnt in this city (``neighbourhood_model``, see
    `predict_height`) where at least 100 heights are known; typical storeys of function and footprint size in
    the country (``place_prior``). Predictions are medians: they vary less than true heights do.

    Parameters
    ----------
    buildings
        Table on a metric grid, with ``function``.
    country
        ISO code of the place data.
    rng
        Source of randomness.
    shape
        `form` of the buildings, where it is at hand.
    accuracy
        Collector; where the model is learnt, it gets the errors at hidden heights as a row of `accuracy_of`.

    Returns
    -------
    geopandas.GeoDataFrame
        New table with ``height_m``, ``height_m_method``, ``height_m_confidence``.
    """
    data = load(country, "buildings")
    confidence = data["confidence"]
    filling = begin(buildings, "height_m", numbers(buildings, "height_m", above=0.0))
    if not filling.gaps.any():
        return finish(buildings, "height_m", filling)
    everywhere = np.ones(len(buildings), dtype=bool)
    storeys = numbers(buildings, "storeys", above=0.0)
    per_storey, learnt = storey_height(buildings, country)
    floor = np.nan_to_num(numbers(buildings, "min_height_m", above=0.0))
    counted = np.isfinite(storeys)
    filling.fill(counted & learnt, storeys * per_storey + floor, "storeys_city", confidence["height_storeys_city"])
    filling.fill(counted, storeys * per_storey + floor, "storeys_place", confidence["height_storeys_place"])
    known = np.flatnonzero(measured(buildings, "height_m") & np.isfinite(numbers(buildings, "height_m", above=0.0)))
    if filling.gaps.any() and len(known) >= FEWEST_KNOWN:
        shape = form(buildings) if shape is None else shape
        predicted = predict_height(buildings, shape, known, np.flatnonzero(filling.gaps), rng)
        tried = hidden_heights(buildings, shape, known, rng)
        true = numbers(buildings, "height_m", above=0.0)
        if accuracy is not None:
            accuracy += compared("height_m", "neighbourhood_model", "m", HIDDEN, tried, true)
        error = _expected_error(buildings, tried, true)
        filling.fill(np.isfinite(predicted), predicted, "neighbourhood_model", 1.0 - error)
    if filling.gaps.any():
        area = shapely.area(shapes_of(buildings))
        typical = _typical_height(area, function_of(buildings), data)
        filling.fill(everywhere, typical, "place_prior", confidence["height_place_prior"])
    return finish(buildings, "height_m", filling)


def _typical_height(area: Floats, functions: Texts, data: dict[str, Any]) -> Floats:
    """Typical storeys of function and footprint size × storey height of the function [m]."""
    typical = data["typical_storeys"]
    size = np.searchsorted(typical["limits_m2"], area, side="right")
    storeys = np.array([typical[name] for name in (*FUNCTIONS, "other")])
    codes = pd.Categorical(functions, categories=FUNCTIONS).codes
    height = data["storey_height_m"]
    return np.asarray(storeys[codes, size] * by_function(height, functions, height["other"]), dtype=np.float64)


def place_height(buildings: gpd.GeoDataFrame, country: str) -> Floats:
    """Height of each building by the country's typical storeys alone [m]."""
    return _typical_height(shapely.area(shapes_of(buildings)), function_of(buildings), load(country, "buildings"))


def predict_height(
    buildings: gpd.GeoDataFrame, shape: Form, known: Integers, rows: Integers, rng: np.random.Generator
) -> Floats:
    r"""
    Median height of some buildings from those of known height, by gradient-boosted trees.

    Log height is learnt under absolute error, so predictions are medians. Features are form, function, and
    height, spread and distance of the 8 nearest known buildings, each weighted by :math:`1 / (d + 10\,m)`.
    Every known building teaches twice, once with its own 200 m block hidden, so that the model serves single
    gaps and whole quarters without heights alike. That heights follow from footprint, attributes and
    neighbourhood was shown by [1]_ and [2]_.

    Parameters
    ----------
    buildings, shape
        Table and its `form`.
    known, rows
        Row numbers of buildings that teach, and of those to predict.
    rng
        Source of randomness.

    Returns
    -------
    (n_buildings,)
        Height in `rows` [m], NaN elsewhere.

    References
    ----------
    .. [1] F. Biljecki, H. Ledoux, J. Stoter, Generating 3D city models without elevation data, Computers,
       Environment and Urban Systems 64, 2017, doi:10.1016/j.compenvurbsys.2017.01.001.
    .. [2] N. Milojevic-Dupont et al., Learning from urban form to predict building heights, PLOS ONE 15(12),
       2020, doi:10.1371/journal.pone.0242010.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor  # seconds, so only where a model is learnt
    from threadpoolctl import threadpool_limits

    codes = pd.Categorical(function_of(buildings), categories=FUNCTIONS).codes.astype(np.float64)
    own = np.column_stack([shape.features, codes])
    xy, area = shape.xy[known], shape.area[known]
    height = np.log(numbers(buildings, "height_m", above=0.0)[known])

    def around(points: Floats, self_index: Integers | None, among: Mask | None) -> Floats:
        pick = slice(None) if among is None else among
        source, near_height, near_area = xy[pick], height[pick], area[pick]
        k = min(NEIGHBOURS, len(source) - 1)
        distance, index = others_of(cKDTree(source), points, k, self_index)
        near = near_height[index]
        weight = 1.0 / (distance + 10.0)
        by_area = weight * near_area[index]
        return np.column_stack(
            [
                (weight * near).sum(axis=1) / weight.sum(axis=1),
                (by_area * near).sum(axis=1) / by_area.sum(axis=1),
                near.max(axis=1),
                near.min(axis=1),
                near[:, 0],
                np.log(distance[:, 0] + 0.1),
                np.log(distance[:, -1] + 0.1),
            ]
        )

    rows_taught = sample(len(known), MOST_TAUGHT, rng)
    near, hidden = taught(around, xy, rows_taught, rng)
    features = np.vstack([np.column_stack([own[known[rows_taught]], part]) for part in (near, hidden)])
    model = HistGradientBoostingRegressor(
        loss="absolute_error",
        max_iter=60,
        max_leaf_nodes=15,
        learning_rate=0.2,
        min_samples_leaf=20,
        early_stopping=False,
        random_state=int(rng.integers(2**31)),
    )
    predicted = np.full(len(buildings), np.nan)
    # One thread: sums over threads would depend on how many there are.
    with threadpool_limits(1, user_api="openmp"):
        model.fit(features, np.tile(height[rows_taught], 2))
        for part in (rows[chunk] for chunk in chunks(len(rows))):
            predicted[part] = np.exp(model.predict(np.column_stack([own[part], around(shape.xy[part], None, None)])))
    return predicted


def hidden_heights(buildings: gpd.GeoDataFrame, shape: Form, known: Integers, rng: np.random.Generator) -> Floats:
    """Heights of at most 3,000 known buildings, predicted as if their 200 m block were unknown [m]; NaN elsewhere."""
    known = known[sample(len(known), MOST_TRIED, rng)]
    fold = blocks(shape.xy[known], rng, TRIAL_FOLDS)
    predicted = np.full(len(buildings), np.nan)
    for k in range(TRIAL_FOLDS):
        teach, test = known[fold != k], known[fold == k]
        if len(teach) > NEIGHBOURS and len(test):
            predicted[test] = predict_height(buildings, shape, teach, test, rng)[test]
    return predicted


def _expected_error(buildings: gpd.GeoDataFrame, tried: Floats, true: Floats) -> Floats:
    """Mean relative error, capped at 1, of hidden heights by function; rare functions lean on the mean of all."""
    error = np.minimum(np.abs(tried - true) / true, 1.0)
    tested = np.isfinite(error)
    if not tested.any():
        return np.full(len(buildings), 0.6)
    codes = pd.Categorical(function_of(buildings), categories=FUNCTIONS).codes
    mean = float(error[tested].mean())
    count = np.bincount(codes[tested] + 1, minlength=len(FUNCTIONS) + 1)
    total = np.bincount(codes[tested] + 1, weights=error[tested], minlength=len(FUNCTIONS) + 1)
    return np.asarray(((total + 20.0 * mean) / (count + 20.0))[codes + 1], dtype=np.float64)
