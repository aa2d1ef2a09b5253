"""The main function of every building: of facilities, of land use, of a model learnt in the city."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dothi.derive.filling import (
    FEWEST_KNOWN,
    Filling,
    Floats,
    Integers,
    Mask,
    Texts,
    begin,
    finish,
    function_of,
    known_text,
    measured,
    numbers,
    shapes_of,
)
from dothi.derive.form import MOST_TAUGHT, NEIGHBOURS, Form, chunks, form, others_of, taught
from dothi.derive.trial import sample
from dothi.place import load
from dothi.tables import FUNCTIONS

TREES: Final = 30

FUNCTION_OF_FACILITY: Final[dict[str, str]] = {
    "hospital": "health",
    "university": "university",
    "school": "school",
    "railway_station": "transport",
    "bus_station": "transport",
    "ferry_terminal": "transport",
    "fire_station": "public",
    "police": "public",
    "public_office": "public",
    "culture": "culture",
    "library": "culture",
    "worship": "worship",
    "sport": "sport",
    "hotel": "hotel",
    "market": "retail",
    "supermarket": "retail",
    "kindergarten": "school",
    "fuel": "retail",
    "waste": "utility",
    "clinic": "mixed",
    "pharmacy": "mixed",
    "bank": "mixed",
    "post_office": "mixed",
    "restaurant": "mixed",
    "shop": "mixed",
}
"""Function that a facility gives its building, strongest first; the last ones sit on ground floors below homes."""

FUNCTION_OF_LAND_USE: Final[dict[str, str]] = {
    "industrial": "industrial",
    "education": "school",
    "health": "health",
    "worship": "worship",
    "military": "public",
    "public": "public",
    "sport": "sport",
    "transport": "transport",
    "agriculture": "agricultural",
}
"""Land use that tells the function of what stands in it; homes, shops and parks do not tell enough."""


def infer_function(
    buildings: gpd.GeoDataFrame,
    *,
    country: str,
    rng: np.random.Generator,
    facilities: gpd.GeoDataFrame | None = None,
    land_use: gpd.GeoDataFrame | None = None,
    shape: Form | None = None,
) -> gpd.GeoDataFrame:
    """
    Fill the main function of every building.

    In this order: the source (``measured``); the facility in it or around it (``facility_outline``,
    ``facility_point``, ``facility_ground_floor``); land use that tells (``land_use``); a model learnt in this
    city from shape, height and neighbours (``neighbourhood_model``); very small footprints beside larger ones
    (``small_footprint``); the most common function of the footprint's size in the country (``place_prior``).

    Parameters
    ----------
    buildings
        Table on a metric grid.
    country
        ISO code of the place data.
    rng
        Source of randomness; the same state gives the same table.
    facilities, land_use
        Tables of the city on the same grid.
    shape
        `form` of the buildings, where it is at hand.

    Returns
    -------
    geopandas.GeoDataFrame
        New table with ``function``, ``function_method``, ``function_confidence``.
    """
    data = load(country, "buildings")
    filling = begin(buildings, "function", function_of(buildings))
    if not len(buildings):
        return finish(buildings, "function", filling)
    everywhere = np.ones(len(buildings), dtype=bool)
    if facilities is not None and len(facilities):
        _function_of_facilities(buildings, facilities, data["confidence"], filling)
    if land_use is not None and len(land_use):
        told = land_use[land_use["class"].isin(list(FUNCTION_OF_LAND_USE))]
        functions = told["class"].astype(object).map(FUNCTION_OF_LAND_USE).to_numpy(dtype=object)
        found = _covered(buildings, shapes_of(told), functions)
        filling.fill(known_text(found), found, "land_use", data["confidence"]["function_land_use"])
    if filling.gaps.any():
        shape = form(buildings) if shape is None else shape
        known = np.flatnonzero(measured(buildings, "function"))
        if len(known) >= FEWEST_KNOWN:
            gaps = np.flatnonzero(filling.gaps)
            found, share = predict_function(buildings, shape, known, gaps, rng)
            filling.fill(known_text(found), found, "neighbourhood_model", share)
        small = _is_outbuilding(shape, data["outbuilding"])
        sheds = np.full(len(buildings), "outbuilding", dtype=object)
        filling.fill(small, sheds, "small_footprint", data["outbuilding"]["share"])
        prior = data["function_by_footprint"]
        size = np.searchsorted(prior["limits_m2"], shape.area, side="right")
        guess = np.array(prior["function"], dtype=object)[size]
        filling.fill(everywhere, guess, "place_prior", np.array(prior["share"])[size])
    return finish(buildings, "function", filling)


def _function_of_facilities(
    buildings: gpd.GeoDataFrame, facilities: gpd.GeoDataFrame, confidence: dict[str, float], filling: Filling
) -> None:
    """Fill functions from facilities: named building, outline around it, point in it."""
    strength = {kind: rank for rank, kind in enumerate(FUNCTION_OF_FACILITY)}
    told = facilities[facilities["kind"].isin(list(strength))]
    rank = told["kind"].astype(object).map(strength).to_numpy(dtype=np.int64)
    order = np.argsort(-rank, kind="stable")  # the strongest is written last and stays
    told, rank = told.iloc[order], rank[order]
    functions = np.array([*FUNCTION_OF_FACILITY.values()], dtype=object)[rank]
    shapes = shapes_of(told)
    areas = shapely.get_dimensions(shapes) == 2
    found = np.full(len(buildings), None, dtype=object)
    index, building = shapely.STRtree(shapes_of(buildings)).query(shapes[~areas], predicate="intersects").reshape(2, -1)
    tied = np.lexsort((building, index))
    found[building[tied]] = functions[~areas][index[tied]]
    if "building_id" in told.columns:
        place = buildings.index.get_indexer(told["building_id"].astype("Float64").fillna(-1).to_numpy(dtype=np.int64))
        found[place[place >= 0]] = functions[place >= 0]
    grounds = _covered(buildings, shapes[areas], functions[areas])
    outlined = known_text(grounds) & (grounds != "mixed")
    filling.fill(outlined, grounds, "facility_outline", confidence["function_facility_outline"])
    whole = known_text(found) & (found != "mixed")
    filling.fill(whole, found, "facility_point", confidence["function_facility_point"])
    filling.fill(known_text(found), found, "facility_ground_floor", confidence["function_facility_ground_floor"])


def _covered(buildings: gpd.GeoDataFrame, areas: NDArray[Any], values: Texts) -> Texts:
    """Value of the smallest area that holds each building's inner point; None where there is none."""
    found = np.full(len(buildings), None, dtype=object)
    if len(areas):
        points = shapely.point_on_surface(shapes_of(buildings))
        area, point = shapely.STRtree(points).query(areas, predicate="contains")
        order = np.lexsort((area, -shapely.area(areas)[area]))  # the smallest is written last and stays
        found[point[order]] = values[area[order]]
    return found


def _is_outbuilding(shape: Form, rules: dict[str, float]) -> Mask:
    """Tiny footprints, and small ones beside or near a building three times as large."""
    beside = (np.expm1(shape.features[:, 9]) > 3.0 * shape.area) | (shape.features[:, 7] < -np.log(3.0))
    small = (shape.area < rules["detached_below_m2"]) | ((shape.area < rules["annexe_below_m2"]) & beside)
    return np.asarray(small, dtype=bool)


def predict_function(
    buildings: gpd.GeoDataFrame, shape: Form, known: Integers, rows: Integers, rng: np.random.Generator
) -> tuple[Texts, Floats]:
    """
    Function of some buildings from those of known function, by extremely randomised trees.

    Features are form, height and the distance-weighted functions of the 8 nearest known buildings.

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
    functions : (n_buildings,)
        Predicted function in `rows`, None elsewhere, and everywhere if fewer than two functions teach.
    share : (n_buildings,)
        Share of trees' votes for it: expected share of right answers.

    References
    ----------
    .. [1] P. Geurts, D. Ernst, L. Wehenkel, Extremely randomized trees, Machine Learning 63, 2006,
       doi:10.1007/s10994-006-6226-1.
    """
    from sklearn.tree import ExtraTreeClassifier  # seconds, so only where a model is learnt

    n = len(buildings)
    found, share = np.full(n, None, dtype=object), np.zeros(n)
    codes = pd.Categorical(function_of(buildings), categories=FUNCTIONS).codes
    count = np.bincount(codes[known], minlength=len(FUNCTIONS))
    common = np.flatnonzero(count >= 10)
    known = known[np.isin(codes[known], common)]
    if len(common) < 2 or len(known) < FEWEST_KNOWN:
        return found, share
    height = numbers(buildings, "height_m", above=0.0)
    height[~measured(buildings, "height_m")] = np.nan
    own = np.column_stack([shape.features, np.nan_to_num(np.log(height), nan=-1.0)])
    xy, code = shape.xy[known], codes[known]

    def around(points: Floats, self_index: Integers | None, among: Mask | None) -> Floats:
        source = xy if among is None else xy[among]
        teach = code if among is None else code[among]
        k = min(NEIGHBOURS, len(source) - 1)
        distance, index = others_of(cKDTree(source), points, k, self_index)
        weight = 1.0 / (distance + 10.0)
        weight /= weight.sum(axis=1, keepdims=True)
        votes = [(weight * (teach[index] == c)).sum(axis=1) for c in common]
        return np.column_stack([*votes, np.log(distance[:, 0] + 0.1), np.log(distance[:, -1] + 0.1)])

    rows_taught = sample(len(known), MOST_TAUGHT, rng)
    near, hidden = taught(around, xy, rows_taught, rng)
    features = np.vstack([np.column_stack([own[known[rows_taught]], part]) for part in (near, hidden)])
    features = np.ascontiguousarray(features, dtype=np.float32)
    answer = np.tile(code[rows_taught], 2).astype(np.float64)

    # The forest of scikit-learn changes the warning filters of all threads while it works; its trees do not.
    def grown(seed: int) -> ExtraTreeClassifier:
        tree = ExtraTreeClassifier(min_samples_leaf=3, max_features=0.5, random_state=seed)
        return tree.fit(features, answer, check_input=False)

    with ThreadPoolExecutor(max_workers=2) as pool:
        trees = list(pool.map(grown, rng.integers(2**31, size=TREES).tolist()))
    classes = trees[0].classes_

    def vote(part: Integers) -> Floats:
        near_part = around(shape.xy[part], None, None)
        rows_of_part = np.ascontiguousarray(np.column_stack([own[part], near_part]), dtype=np.float32)
        votes = sum(tree.predict_proba(rows_of_part, check_input=False) for tree in trees) / TREES
        return np.column_stack([classes[votes.argmax(axis=1)], votes.max(axis=1)])

    # Each chunk is computed by itself, so the number of threads changes no digit.
    parts = [rows[chunk] for chunk in chunks(len(rows))]
    with ThreadPoolExecutor(max_workers=2) as pool:
        for part, best in zip(parts, pool.map(vote, parts), strict=True):
            found[part] = np.array(FUNCTIONS, dtype=object)[best[:, 0].astype(np.int64)]
            share[part] = best[:, 1]
    return found, share
