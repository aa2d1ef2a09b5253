"""
What building tables lack: function, height, storeys, floor area.

Each `infer_…` takes the buildings and gives a new table in which every value of one column is filled
and says how (``…_method``) and how surely (``…_confidence``). Values of the source stay as they are.
The equations, and the errors measured where the truth is known, are in ``docs/theory/buildings.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dothi.place import load
from dothi.tables import FUNCTIONS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Texts = NDArray[np.object_]

MEASURED: Final = "measured"
FEWEST_KNOWN: Final = 100
"""Buildings of known value from which a city teaches its own model."""
NEIGHBOURS: Final = 8
BLOCK_M: Final = 200.0
FOLDS: Final = 5
TRIAL_FOLDS: Final = 3
MOST_TRIED: Final = 3_000
"""Known values that are hidden at most to find how far a model is off, and in how many turns."""
HIDDEN: Final = "hidden in blocks of 200 m"
MOST_TAUGHT: Final = 12_000
TREES: Final = 30
CHUNK: Final = 50_000
TOUCH_M: Final = 0.2

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


def known_text(values: Texts) -> Mask:
    """Which of some texts are there."""
    return np.asarray(pd.notna(values), dtype=bool)


@dataclass(slots=True)
class Filling:
    """A column on its way from gaps to values, with method and confidence of each."""

    values: NDArray[Any]
    method: Texts
    confidence: Floats

    @property
    def gaps(self) -> Mask:
        """Rows without a value yet."""
        return ~known_text(self.method)

    def fill(self, rows: Mask, values: NDArray[Any], method: str, confidence: Floats | float) -> None:
        """Put values into the gaps among `rows`; arrays are as long as the table."""
        rows = rows & self.gaps
        self.values[rows] = values[rows]
        self.confidence[rows] = np.clip(np.broadcast_to(confidence, rows.shape)[rows], 0.0, 1.0)
        self.method[rows] = method


def numbers(frame: pd.DataFrame, name: str, *, above: float = -np.inf) -> Floats:
    """Column as floats; NaN where absent, missing, infinite or not above a limit."""
    if name not in frame.columns:
        return np.full(len(frame), np.nan)
    values = frame[name].to_numpy(dtype="float64", na_value=np.nan)
    return np.where(np.isfinite(values) & (values > above), values, np.nan)


def begin(frame: pd.DataFrame, name: str, values: NDArray[Any]) -> Filling:
    """Start from the values that are there; they are measured unless their method says otherwise."""
    present = ~pd.isna(values)
    method = np.full(len(frame), None, dtype=object)
    confidence = np.full(len(frame), np.nan)
    method[present] = MEASURED
    if f"{name}_method" in frame.columns:
        given = frame[f"{name}_method"]
        told = present & given.notna().to_numpy()
        method[told] = given.astype(object).to_numpy()[told]
    confidence[method == MEASURED] = 1.0
    told = present & np.isfinite(numbers(frame, f"{name}_confidence"))
    confidence[told] = numbers(frame, f"{name}_confidence")[told]
    return Filling(values.copy(), method, confidence)


def finish(frame: gpd.GeoDataFrame, name: str, filling: Filling) -> gpd.GeoDataFrame:
    """Copy of a table with the filled column, its method and its confidence."""
    frame = frame.copy(deep=False)
    values = filling.values
    if name == "function":
        frame[name] = pd.Categorical(values, categories=FUNCTIONS)
    elif name.endswith(("_m", "_m2")):
        frame[name] = values.astype("float64")
    else:
        frame[name] = pd.array(np.round(values), dtype="Int64")
    method = pd.Categorical(filling.method)
    frame[f"{name}_method"] = method
    frame[f"{name}_confidence"] = filling.confidence
    return frame


def measured(frame: pd.DataFrame, name: str) -> Mask:
    """Rows whose value comes from the source."""
    if name not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    present = frame[name].notna().to_numpy(dtype=bool, copy=True)
    if f"{name}_method" in frame.columns:
        method = frame[f"{name}_method"].astype(object).to_numpy()
        present &= (method == MEASURED) | pd.isna(method)
    return np.asarray(present, dtype=bool)


def by_function(data: dict[str, Any], functions: Texts, default: float = np.nan) -> Floats:
    """Number of each building by its function, from a table of place data."""
    numbers_of = np.array([float(data.get(name, default)) for name in (*FUNCTIONS, "")])
    codes = pd.Categorical(functions, categories=FUNCTIONS).codes
    return np.asarray(numbers_of[codes], dtype=np.float64)  # code −1, no function, takes the last


def function_of(frame: pd.DataFrame) -> Texts:
    """Function of each building as text, None where missing."""
    if "function" not in frame.columns:
        return np.full(len(frame), None, dtype=object)
    values = frame["function"].astype(object).to_numpy(copy=True)
    values[pd.isna(values)] = None
    return np.asarray(values, dtype=object)


def shapes_of(frame: gpd.GeoDataFrame) -> NDArray[Any]:
    """Geometries as an array of shapely objects."""
    return np.asarray(frame.geometry.array, dtype=object)


# --- what a footprint and its surroundings look like ---------------------------------------------------------


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
        for rows in _chunks(n):
            distance, index = _others(tree, xy[rows], k, np.arange(n)[rows])
            log_distance = np.log(distance + 0.1)
            around[rows, 0] = log_area[index].mean(axis=1)
            around[rows, 1:4] = log_distance[:, [0, min(3, k - 1), k - 1]]
            around[rows, 4] = log_area[rows] - log_area[index[:, 0]]
    touching, largest = _touching(shapes, area)
    features = np.column_stack(
        [np.log(area), compactness, shapely.get_num_coordinates(shapes), around, touching, np.log1p(largest)]
    )
    return Form(xy, area, features)


def _chunks(n: int) -> list[slice]:
    return [slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]


def _others(tree: cKDTree, xy: Floats, k: int, own: Integers | None) -> tuple[Floats, Integers]:
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

    parts = _chunks(len(shapes))
    with ThreadPoolExecutor(max_workers=2) as pool:
        for rows, (row, other) in zip(parts, pool.map(pairs, parts), strict=True):
            one = row + rows.start
            apart = one != other
            count += np.bincount(one[apart], minlength=len(shapes))
            np.maximum.at(largest, one[apart], area[other[apart]])
    return count, largest


def blocks(xy: Floats, rng: np.random.Generator, n_folds: int = FOLDS) -> Integers:
    """
    Fold of each point, so that points of one 200 m block fall into one fold.

    Neighbours resemble each other; hidden values that stand among known ones would flatter a model.
    """
    cells = np.floor(xy / BLOCK_M).astype(np.int64)
    _, block = np.unique(cells, axis=0, return_inverse=True)
    order = rng.permutation(int(block.max(initial=0)) + 1)
    return np.asarray(order[block.ravel()] % n_folds, dtype=np.int64)


Around = Callable[[Floats, Integers | None, Mask | None], Floats]


def _taught(around: Around, xy: Floats, rows: Integers, rng: np.random.Generator) -> tuple[Floats, Floats]:
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


# --- function ------------------------------------------------------------------------------------------------


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
        distance, index = _others(cKDTree(source), points, k, self_index)
        weight = 1.0 / (distance + 10.0)
        weight /= weight.sum(axis=1, keepdims=True)
        votes = [(weight * (teach[index] == c)).sum(axis=1) for c in common]
        return np.column_stack([*votes, np.log(distance[:, 0] + 0.1), np.log(distance[:, -1] + 0.1)])

    taught = _sample(len(known), MOST_TAUGHT, rng)
    near, hidden = _taught(around, xy, taught, rng)
    features = np.vstack([np.column_stack([own[known[taught]], part]) for part in (near, hidden)])
    features, answer = np.ascontiguousarray(features, dtype=np.float32), np.tile(code[taught], 2).astype(np.float64)

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
    parts = [rows[chunk] for chunk in _chunks(len(rows))]
    with ThreadPoolExecutor(max_workers=2) as pool:
        for part, best in zip(parts, pool.map(vote, parts), strict=True):
            found[part] = np.array(FUNCTIONS, dtype=object)[best[:, 0].astype(np.int64)]
            share[part] = best[:, 1]
    return found, share


def _sample(n: int, most: int, rng: np.random.Generator) -> Integers:
    """Row numbers of at most `most` rows, in order."""
    if n <= most:
        return np.arange(n)
    return np.sort(rng.choice(n, most, replace=False))


# --- height and storeys --------------------------------------------------------------------------------------


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
        distance, index = _others(cKDTree(source), points, k, self_index)
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

    taught = _sample(len(known), MOST_TAUGHT, rng)
    near, hidden = _taught(around, xy, taught, rng)
    features = np.vstack([np.column_stack([own[known[taught]], part]) for part in (near, hidden)])
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
        model.fit(features, np.tile(height[taught], 2))
        for part in (rows[chunk] for chunk in _chunks(len(rows))):
            predicted[part] = np.exp(model.predict(np.column_stack([own[part], around(shape.xy[part], None, None)])))
    return predicted


def hidden_heights(buildings: gpd.GeoDataFrame, shape: Form, known: Integers, rng: np.random.Generator) -> Floats:
    """Heights of at most 3,000 known buildings, predicted as if their 200 m block were unknown [m]; NaN elsewhere."""
    known = known[_sample(len(known), MOST_TRIED, rng)]
    fold = blocks(shape.xy[known], rng, TRIAL_FOLDS)
    predicted = np.full(len(buildings), np.nan)
    for k in range(TRIAL_FOLDS):
        teach, test = known[fold != k], known[fold == k]
        if len(teach) > NEIGHBOURS and len(test):
            predicted[test] = predict_height(buildings, shape, teach, test, rng)[test]
    return predicted


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


def infer_storeys(buildings: gpd.GeoDataFrame, *, country: str) -> gpd.GeoDataFrame:
    """
    Fill the storeys of every building from its height.

    The source (``measured``), else height over the storey height of its function in this city
    (``height_city``) or country (``height_place``), rounded, at least 1. Confidence is that of the height
    times that of the method.

    Parameters
    ----------
    buildings
        Table with ``height_m`` and ``function``.
    country
        ISO code of the place data.

    Returns
    -------
    geopandas.GeoDataFrame
        New table with ``storeys``, ``storeys_method``, ``storeys_confidence``.
    """
    confidence = load(country, "buildings")["confidence"]
    filling = begin(buildings, "storeys", numbers(buildings, "storeys", above=0.0))
    per_storey, learnt = storey_height(buildings, country)
    height = numbers(buildings, "height_m", above=0.0) - np.nan_to_num(numbers(buildings, "min_height_m", above=0.0))
    storeys = np.clip(np.round(height / per_storey), 1.0, 200.0)
    sure = np.nan_to_num(numbers(buildings, "height_m_confidence"), nan=1.0)
    there = np.isfinite(storeys)
    filling.fill(there & learnt, storeys, "height_city", confidence["storeys_height_city"] * sure)
    filling.fill(there, storeys, "height_place", confidence["storeys_height_place"] * sure)
    return finish(buildings, "storeys", filling)


def infer_floor_area(
    buildings: gpd.GeoDataFrame, *, country: str, parts: gpd.GeoDataFrame | None = None
) -> gpd.GeoDataFrame:
    """
    Fill the gross floor area of every building.

    The source (``measured``); the sum of the building's parts, each footprint × storeys, where they cover at
    least half of it, with the storeys of the building on the rest (``parts``); footprint × storeys
    (``footprint_storeys``). Cellars and attics are not in it.

    Parameters
    ----------
    buildings
        Table on a metric grid, with ``storeys`` and ``function``.
    country
        ISO code of the place data.
    parts
        ``building_parts`` of the city.

    Returns
    -------
    geopandas.GeoDataFrame
        New table with ``floor_area_m2``, ``floor_area_m2_method``, ``floor_area_m2_confidence``.
    """
    filling = begin(buildings, "floor_area_m2", numbers(buildings, "floor_area_m2", above=0.0))
    footprint = shapely.area(shapes_of(buildings))
    storeys = numbers(buildings, "storeys", above=0.0)
    sure = np.nan_to_num(numbers(buildings, "storeys_confidence"), nan=1.0)
    if parts is not None and len(parts) and "building_id" in parts.columns:
        area, ground = _floor_area_of_parts(buildings, parts, country)
        whole = area + np.maximum(footprint - ground, 0.0) * np.nan_to_num(storeys)
        told = (ground >= 0.5 * footprint) & (whole > 0.0)
        filling.fill(told, whole, "parts", load(country, "buildings")["confidence"]["floor_area_parts"])
    filling.fill(np.isfinite(storeys), footprint * storeys, "footprint_storeys", sure)
    return finish(buildings, "floor_area_m2", filling)


def _floor_area_of_parts(buildings: gpd.GeoDataFrame, parts: gpd.GeoDataFrame, country: str) -> tuple[Floats, Floats]:
    """Floor area of each building's parts, and footprint of those that stand on the ground, both [m²]."""
    place = buildings.index.get_indexer(parts["building_id"].astype("Float64").fillna(-1).to_numpy(dtype=np.int64))
    known = place >= 0
    per_storey = storey_height(buildings, country)[0][place]
    height, bottom = numbers(parts, "height_m", above=0.0), np.nan_to_num(numbers(parts, "min_height_m", above=0.0))
    storeys = numbers(parts, "storeys", above=0.0)
    below = np.round(bottom / per_storey)
    storeys = np.where(np.isfinite(storeys), storeys - below, np.round((height - bottom) / per_storey))
    storeys = np.where(np.isfinite(storeys), np.maximum(storeys, 1.0), numbers(buildings, "storeys", above=0.0)[place])
    known &= np.isfinite(storeys)
    area = shapely.area(shapes_of(parts))
    n = len(buildings)
    total = np.zeros(n)
    np.add.at(total, place[known], (area * storeys)[known])
    standing = known & (bottom < 0.5 * per_storey)
    ground = np.zeros(n)
    np.add.at(ground, place[standing], area[standing])
    return total, ground
