"""How far inferred values are off, where the truth is known: hide it, predict it, compare."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd

from dothi.derive.buildings import infer_storeys
from dothi.derive.filling import (
    FEWEST_KNOWN,
    Floats,
    Integers,
    Mask,
    Texts,
    function_of,
    known_text,
    measured,
    numbers,
)
from dothi.derive.form import Form, form
from dothi.derive.functions import predict_function
from dothi.derive.heights import hidden_heights, place_height, storey_height
from dothi.derive.people import FEWEST_UNITS, LEVELS, Households, infer_dwellings, per_dwelling, units_of
from dothi.derive.trial import FOLDS, HIDDEN, MOST_TRIED, TRIAL_FOLDS, blocks, compared
from dothi.place import load

COLUMNS = ("quantity", "method", "n", "mae", "rmse", "bias", "median_relative_error", "share_right", "unit", "note")
Rows = list[dict[str, object]]
Infer = Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]


def accuracy_of(
    buildings: gpd.GeoDataFrame,
    *,
    country: str,
    rng: np.random.Generator,
    census: gpd.GeoDataFrame | None = None,
    shape: Form | None = None,
    tried: Collection[str] = (),
) -> pd.DataFrame:
    """
    Error of each method of `buildings` and `people` on the measured values of a city.

    Measured values are hidden by blocks of 200 m in folds, three for what models learn and five for the rest,
    predicted from the others, and compared. At most 3,000 buildings are tested, drawn with `rng`.

    Parameters
    ----------
    buildings
        Table on a metric grid after all ``infer_…`` steps; values whose method is ``measured`` are the truth.
    country
        ISO code of the place data.
    rng
        Source of randomness; the same state gives the same table.
    census
        Table ``census`` on the same grid.
    shape
        `form` of the buildings, where it is at hand.
    tried
        Quantities whose model needs no trial, since it had one when it was learnt (``height_m``).

    Returns
    -------
    pandas.DataFrame
        One row per quantity and method that could be tested: ``quantity``, ``method``, number of comparisons
        ``n``, mean absolute error ``mae``, root mean square error ``rmse``, ``bias`` (mean of predicted less
        true), ``median_relative_error``, all three in ``unit``; for functions ``share_right``; and a ``note``
        on what was compared. Empty where nothing is measured.
    """
    rows: Rows = []
    if len(buildings):
        shape = form(buildings) if shape is None else shape
        rows += _heights(buildings, shape, country, rng, model="height_m" not in tried)
        rows += _counts(buildings, shape, country, rng)
        rows += _functions(buildings, shape, country, rng)
        if census is not None and len(census):
            rows += _residents(buildings, census, country)
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"n": "int64"})


def _drawn(known: Mask, rng: np.random.Generator) -> Integers:
    """At most 3,000 of the known rows, in order; none where they are too few to teach."""
    rows = np.flatnonzero(known)
    if len(rows) < FEWEST_KNOWN:
        return rows[:0]
    return rows if len(rows) <= MOST_TRIED else np.sort(rng.choice(rows, MOST_TRIED, replace=False))


def _hide(buildings: gpd.GeoDataFrame, name: str, rows: Integers) -> gpd.GeoDataFrame:
    """Buildings with the measured values of a column alone, and without those of some rows."""
    keep = measured(buildings, name)
    keep[rows] = False
    trial = buildings.drop(columns=[f"{name}_method", f"{name}_confidence"], errors="ignore")
    trial[name] = np.where(keep, numbers(buildings, name), np.nan)
    return trial


def _inferred(
    buildings: gpd.GeoDataFrame, name: str, rows: Integers, fold: Integers, infer: Infer
) -> tuple[Floats, Texts]:
    """Values of `rows` inferred fold by fold with their own fold hidden, and the method of each."""
    predicted = np.full(len(buildings), np.nan)
    method = np.full(len(buildings), "", dtype=object)
    for k in np.unique(fold):
        test = rows[fold == k]
        trial = infer(_hide(buildings, name, test))
        predicted[test] = numbers(trial, name)[test]
        method[test] = trial[f"{name}_method"].astype(object).to_numpy()[test]
    return predicted[rows], method[rows]


def _heights(buildings: gpd.GeoDataFrame, shape: Form, country: str, rng: np.random.Generator, *, model: bool) -> Rows:
    true = numbers(buildings, "height_m", above=0.0)
    rows = _drawn(measured(buildings, "height_m") & np.isfinite(true), rng)
    if not len(rows):
        return []
    found: Rows = []
    if model:
        predicted = hidden_heights(buildings, shape, rows, rng)[rows]
        found += compared("height_m", "neighbourhood_model", "m", HIDDEN, predicted, true[rows])
    storeys = np.where(measured(buildings, "storeys"), numbers(buildings, "storeys", above=0.0), np.nan)
    fold = blocks(shape.xy[rows], rng)
    by_city = np.full(len(rows), np.nan)
    for k in range(FOLDS):
        per_storey, learnt = storey_height(_hide(buildings, "height_m", rows[fold == k]), country)
        by_city[fold == k] = np.where(learnt, storeys * per_storey, np.nan)[rows[fold == k]]
    by_place = storeys * storey_height(_hide(buildings, "height_m", np.arange(len(buildings))), country)[0]
    found += compared("height_m", "storeys_city", "m", HIDDEN, by_city, true[rows])
    found += compared("height_m", "storeys_place", "m", "all hidden", by_place[rows], true[rows])
    prior = place_height(buildings, country)[rows]
    return found + compared("height_m", "place_prior", "m", "footprint and function alone", prior, true[rows])


def _counts(buildings: gpd.GeoDataFrame, shape: Form, country: str, rng: np.random.Generator) -> Rows:
    """Storeys, and dwellings of buildings whose function has some."""
    found: Rows = []
    for name, infer in (("storeys", infer_storeys), ("dwellings", infer_dwellings)):
        true = numbers(buildings, name)
        rows = _drawn(measured(buildings, name) & np.isfinite(true), rng)
        if not len(rows):
            continue
        apply = partial(infer, country=country)
        taught, method = _inferred(buildings, name, rows, blocks(shape.xy[rows], rng), apply)
        untaught = apply(_hide(buildings, name, np.arange(len(buildings))))
        by_place = numbers(untaught, name)[rows]
        place_method = untaught[f"{name}_method"].astype(object).to_numpy()[rows]
        for used in sorted(set(method)):
            if not used.endswith("_place"):
                found += compared(name, used, "", HIDDEN, taught[method == used], true[rows][method == used])
        for used in sorted(set(place_method)):
            if used.endswith("_place"):
                mine = place_method == used
                found += compared(name, used, "", "all hidden", by_place[mine], true[rows][mine])
    return found


def _functions(buildings: gpd.GeoDataFrame, shape: Form, country: str, rng: np.random.Generator) -> Rows:
    true = function_of(buildings)
    rows = _drawn(measured(buildings, "function"), rng)
    if not len(rows):
        return []
    guess = np.full(len(buildings), None, dtype=object)
    fold = blocks(shape.xy[rows], rng, TRIAL_FOLDS)
    for k in range(TRIAL_FOLDS):
        test, teach = rows[fold == k], rows[fold != k]
        guess[test] = predict_function(buildings, shape, teach, test, rng)[0][test]
    prior = load(country, "buildings")["function_by_footprint"]
    size = np.searchsorted(prior["limits_m2"], shape.area, side="right")
    common = np.array(prior["function"], dtype=object)[size]
    found: Rows = []
    for method, answer, note in (
        ("neighbourhood_model", guess, HIDDEN),
        ("place_prior", common, "footprint alone"),
    ):
        told = rows[known_text(answer)[rows]]
        if len(told):
            right = float(np.mean(answer[told] == true[told]))
            row = {
                "quantity": "function",
                "method": method,
                "n": len(told),
                "share_right": right,
                "unit": "",
                "note": note,
            }
            found.append(dict.fromkeys(COLUMNS, np.nan) | row)
    return found


def _residents(buildings: gpd.GeoDataFrame, census: gpd.GeoDataFrame, country: str) -> Rows:
    """People of each census unit from the dwellings in it, by the country's household and by the other units."""
    true = numbers(census, "residents", above=-0.5)
    kinds = census["kind"].astype(object).to_numpy()
    levels = [level for level in LEVELS if np.any((kinds == level) & np.isfinite(true))]
    if not levels:
        return []
    rows = np.flatnonzero((kinds == levels[0]) & np.isfinite(true))
    unit = units_of(buildings, census.iloc[rows])
    people, homes = true[rows], np.zeros(len(rows))
    dwellings = np.nan_to_num(numbers(buildings, "dwellings"))
    np.add.at(homes, unit[unit >= 0], dwellings[unit >= 0])
    household = load(country, "buildings")["household"]
    by_place = homes * household["size"] * household["occupied_share"]
    kind = f"{levels[0]}s"
    found = compared("residents", "dwellings", "people", f"sums of census {kind}", by_place, people)
    if len(rows) > FEWEST_UNITS:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (people.sum() - people) / (homes.sum() - homes)
        note = f"sums of census {kind}, each from the others"
        found += compared("residents", "census_ratio", "people", note, homes * ratio, people)
    counted = numbers(census, "households", above=0.0)[rows]
    told = np.flatnonzero(np.isfinite(counted) & (people > 0.0))
    if len(told) > FEWEST_UNITS:
        found += _by_households(people[told], counted[told], homes[told], dwellings.sum(), household, kind)
    return found


def _by_households(
    people: Floats, households: Floats, homes: Floats, dwellings: float, place: dict[str, float], kind: str
) -> Rows:
    """People of each unit from the size of a household in the others, by its dwellings and by its own households."""
    other_people, other_households, other_homes = (values.sum() - values for values in (people, households, homes))
    ratio = [
        per_dwelling(Households(*counted), dwellings, place["occupied_share"])
        for counted in zip(other_people, other_households, other_homes, strict=True)
    ]
    note = f"sums of census {kind}, each from the others"
    found = compared("residents", "census_households", "people", note, homes * np.array(ratio), people)
    note = f"households counted in census {kind} × their size in the others"
    by_households = households * other_people / other_households
    return found + compared("residents", "household_size", "people", note, by_households, people)
