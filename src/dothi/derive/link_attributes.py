"""Lanes, width, speed, capacity and modes of links, from the source, each other, the city or the country."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dothi import place
from dothi.derive.noding import Floats, Integers, Mask
from dothi.errors import Problems
from dothi.schema import conform
from dothi.tables import MODES, ROAD_CLASSES, TABLES
from dothi.units import M_S_PER_KM_H

MOTOR: Final = ("motorbike", "car", "bus", "truck")
LEAST_KNOWN: Final = 30
"""Roads with a known value that a class needs before its own median is used."""
LEAST_SHARE: Final = 0.3
"""Share of its roads with a known value that a class needs: the few that are tagged are seldom typical."""
FOLDS: Final = 5

QUANTITIES: Final = {
    "lanes": ("width", "class_median", "class"),
    "width_m": ("lanes", "class_median", "class"),
    "free_speed_m_s": ("class_median", "class"),
}
"""Ways to fill each quantity, the most exact first; for lanes and widths, of the whole carriageway."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """Place data of a country as arrays by class of road."""

    data: dict[str, Any]

    def by_class(self, name: str, classes: Integers) -> Floats:
        """Value of each link's class."""
        table = np.array([float(self.data["classes"][kind][name]) for kind in ROAD_CLASSES])
        return table[classes]

    def by_direction(self, name: str, classes: Integers, one_way: Mask) -> Floats:
        """Value of each link's class, other on one-way roads; the gap in `name` is ``one_way`` or ``two_way``."""
        ahead, both = (self.by_class(name.format(kind), classes) for kind in ("one_way", "two_way"))
        return np.where(one_way, ahead, both)

    def error(self, quantity: str, method: str) -> float:
        """Relative error expected of a method."""
        return float(self.data["expected_error"][quantity][method])


@dataclass(frozen=True, slots=True)
class _Links:
    """What is known of links, by carriageway: both directions of a road say the same."""

    classes: Integers
    one_way: Mask
    lanes: Floats
    width_m: Floats
    free_speed_m_s: Floats

    def known(self, quantity: str) -> Floats:
        return np.asarray(getattr(self, quantity), dtype=np.float64)

    @property
    def group(self) -> Integers:
        """Roads that are alike: of one class, one-way or not."""
        return self.classes * 2 + self.one_way


def link_attributes(links: gpd.GeoDataFrame, country: str, *, problems: Problems | None = None) -> gpd.GeoDataFrame:
    """
    Fill lanes, width, free speed, capacity and the modes of links.

    Parameters
    ----------
    links
        Links of `roads.road_graph`.
    country
        Whose place data to use, see `dothi.place`.
    problems
        Collector of notes on access rules that name no mode.

    Returns
    -------
    geopandas.GeoDataFrame
        Table ``links`` with nothing missing in these columns. Methods:

        ``measured``
            The source had it.
        ``width``, ``lanes``
            Lanes from the width of the carriageway, width from the number of lanes.
        ``class_median``
            Median of the known roads of the same class and kind (one-way or not) in this city.
        ``class``
            Place data of the class.
        ``lanes_class`` (capacity)
            Lanes times the capacity of one lane of the class.
        ``no_motor_traffic``
            Lanes and capacity are 0 as no motor vehicle may go here in this direction.
        ``contraflow``
            One lane against a one-way street that some motor vehicles may use.
    """
    rules = _Rules(place.load(country, "roads"))
    known = _known(links)
    result = links.copy()
    against = links["against"].to_numpy(dtype=bool)

    filled: dict[str, Floats] = {}
    once = _once(links)
    for quantity in QUANTITIES:
        values, method, confidence = _filled(quantity, known, rules, once)
        filled[quantity] = values
        result[quantity], result[f"{quantity}_method"], result[f"{quantity}_confidence"] = values, method, confidence

    modes = _modes(links, known, filled["free_speed_m_s"], rules, problems)
    for column, mode in enumerate(MODES):
        result[mode] = modes[:, column]

    motor = modes[:, [MODES.index(mode) for mode in MOTOR]].any(axis=1)
    lanes = np.where(known.one_way, filled["lanes"], filled["lanes"] / 2.0)
    lanes = np.where(motor, np.where(against, 1.0, lanes), 0.0)
    result["lanes"] = lanes
    result["capacity_veh_h"] = lanes * rules.by_class("capacity_pcu_h", known.classes)
    lanes_error = 1.0 - result["lanes_confidence"].to_numpy()
    result["capacity_veh_h_method"] = "lanes_class"
    result["capacity_veh_h_confidence"] = _confidence(np.hypot(lanes_error, rules.error("capacity_veh_h", "lanes")))
    for name in ("lanes", "capacity_veh_h"):
        result.loc[motor & against, f"{name}_method"] = "contraflow"
        result.loc[~motor, f"{name}_method"] = "no_motor_traffic"
        result.loc[~motor, f"{name}_confidence"] = 1.0
    return conform(result, TABLES["links"])


def _known(links: gpd.GeoDataFrame) -> _Links:
    """Values of the source, carriageway by carriageway."""
    names = pd.Index(ROAD_CLASSES)
    classes = names.get_indexer(links["class"].astype("str"))
    if (classes < 0).any():
        unknown = Problems()
        rows = links.index[classes < 0]
        unknown.error(f"is category {' | '.join(ROAD_CLASSES)}", table="links", column="class", rows=rows)
        unknown.raise_errors()
    one_way = links["one_way"].to_numpy(dtype=bool)
    against = links["against"].to_numpy(dtype=bool)
    lanes = links["lanes"].to_numpy(dtype="float64")
    other = links.index.get_indexer(links["reverse_link_id"])
    total = np.where(one_way, np.where(against, lanes[other], lanes), 2.0 * lanes)
    return _Links(
        classes.astype(np.int64),
        one_way,
        np.where(total > 0.0, total, np.nan),
        _positive(links, "width_m"),
        _positive(links, "free_speed_m_s"),
    )


def _positive(links: gpd.GeoDataFrame, name: str) -> Floats:
    if name not in links.columns:
        return np.full(len(links), np.nan)
    values = links[name].to_numpy(dtype="float64", na_value=np.nan)
    return np.where(values > 0.0, values, np.nan)


def _confidence(error: Floats) -> Floats:
    return np.clip(1.0 - error, 0.0, 1.0)


def _once(links: gpd.GeoDataFrame) -> Mask:
    """The first of the two links of each stretch of road."""
    other = links["reverse_link_id"].to_numpy(dtype="int64", na_value=np.iinfo(np.int64).max)
    return np.asarray(links.index.to_numpy() < other, dtype=bool)


def _filled(quantity: str, known: _Links, rules: _Rules, once: Mask) -> tuple[Floats, NDArray[Any], Floats]:
    """Values, methods and confidences of one quantity of all links."""
    values = known.known(quantity).copy()
    method = np.where(np.isnan(values), "", "measured").astype(object)
    confidence = np.where(np.isnan(values), np.nan, 1.0)
    for way in QUANTITIES[quantity]:
        guess, error = _guess(quantity, way, known, rules, once)
        gap = np.isnan(values) & ~np.isnan(guess)
        values[gap], method[gap], confidence[gap] = guess[gap], way, _confidence(error)[gap]
    return values, method, confidence


def _guess(quantity: str, way: str, known: _Links, rules: _Rules, learnt: Mask) -> tuple[Floats, Floats]:
    """
    Values that one method gives all links, with the relative error to expect; NaN where it has none.

    `learnt` says from which links the medians may be taken.
    """
    if way == "class_median":
        return _class_median(known.known(quantity), known.group, learnt)
    if (quantity, way) == ("lanes", "width"):
        steps = rules.data["lanes_from_width"]
        width = np.nan_to_num(known.width_m)
        lanes = [1.0 + np.searchsorted(steps[name], width, side="right") for name in ("one_way_m", "two_way_m")]
        values = np.where(known.one_way, *lanes)
        values = np.where(np.isnan(known.width_m), np.nan, values)
    elif (quantity, way) == ("width_m", "lanes"):
        values = known.lanes * rules.by_class("lane_width_m", known.classes)
    elif quantity == "lanes":
        values = rules.by_direction("lanes_{}", known.classes, known.one_way)
    elif quantity == "width_m":
        values = rules.by_direction("width_{}_m", known.classes, known.one_way)
    else:
        values = _class_speed(known, rules)
    return values, np.full(len(values), rules.error(quantity, way))


def _class_speed(known: _Links, rules: _Rules) -> Floats:
    """Speed of the class, within the limit that the carriageway is under [m s⁻¹]."""
    limits = rules.data["speed_limits"]
    lanes = np.where(np.isnan(known.lanes), rules.by_direction("lanes_{}", known.classes, known.one_way), known.lanes)
    broad = known.one_way & (lanes >= 2.0)
    limit = np.where(broad, limits["two_lanes_one_way_km_h"], limits["other_km_h"])
    exempt = np.isin(np.array(ROAD_CLASSES), limits["not_for"])[known.classes]
    speed = rules.by_class("free_speed_km_h", known.classes)
    return np.where(exempt, speed, np.minimum(speed, limit)) * M_S_PER_KM_H


def _class_median(values: Floats, group: Integers, learnt: Mask) -> tuple[Floats, Floats]:
    """Median of the known values of each group that has enough of them, and the mean relative error it makes there."""
    table = pd.DataFrame({"group": group[learnt], "value": values[learnt]})
    by = table.groupby("group", sort=True)["value"]
    size, count, median = by.size(), by.count(), by.median()
    trusted = (count >= LEAST_KNOWN) & (count >= LEAST_SHARE * size)
    off = (table["value"] - table["group"].map(median)).abs() / table["value"]
    error = off.groupby(table["group"], sort=True).mean().where(trusted)
    groups = pd.Series(group)
    return groups.map(median.where(trusted)).to_numpy(dtype="float64"), groups.map(error).to_numpy(dtype="float64")


# --- Modes -----------------------------------------------------------------------------------------------------------


def _modes(
    links: gpd.GeoDataFrame, known: _Links, free_speed_m_s: Floats, rules: _Rules, problems: Problems | None
) -> NDArray[np.bool_]:
    """Who may use each link in its direction, one column per mode."""
    data = rules.data
    by_class = np.array([[mode in data["classes"][kind]["modes"] for mode in MODES] for kind in ROAD_CLASSES])
    is_open = by_class[known.classes].copy()

    names = data["alley_names"]
    if names["starts"] and "name" in links.columns:
        path = np.isin(np.array(ROAD_CLASSES), names["classes"])[known.classes]
        words = links["name"].astype("str").str.normalize("NFC").str.casefold().str.replace(r"\s.*", "", regex=True)
        alley = path & words.isin(names["starts"]).to_numpy(dtype=bool)
        is_open |= alley[:, None] & np.isin(MODES, names["opens"])
    for mode in MODES:
        least_m = data["widths"].get(f"{mode}_m", 0.0)
        is_open[known.width_m < least_m, MODES.index(mode)] = False
    is_open |= _named_modes(links, "open_to", problems)
    is_open &= ~_named_modes(links, "closed_to", problems)

    cycling = data["contraflow_bicycle"]
    contraflow = _named_modes(links, "contraflow", problems)
    quiet = np.isin(np.array(ROAD_CLASSES), cycling["classes"])[known.classes]
    quiet &= free_speed_m_s <= cycling["up_to_km_h"] * M_S_PER_KM_H + 1e-9
    if "roundabout" in links.columns:
        quiet &= ~links["roundabout"].astype("boolean").fillna(value=False).to_numpy(dtype=bool)
    contraflow[:, MODES.index("bicycle")] |= quiet
    contraflow[:, MODES.index("walk")] = True
    return np.where(links["against"].to_numpy(dtype=bool)[:, None], is_open & contraflow, is_open)


def _named_modes(links: gpd.GeoDataFrame, column: str, problems: Problems | None) -> NDArray[np.bool_]:
    """Which modes a text column names, one column per mode."""
    if column not in links.columns:
        return np.zeros((len(links), len(MODES)), dtype=bool)
    codes, texts = pd.factorize(links[column])
    words = [set(str(text).split()) for text in texts]
    table = np.array([[mode in named for mode in MODES] for named in words] + [[False] * len(MODES)], dtype=bool)
    strange = np.array([bool(named - set(MODES)) for named in words] + [False])
    if problems is not None and strange.any():
        listed = ", ".join(sorted(set().union(*words) - set(MODES)))
        problems.note(f"names modes ({' '.join(MODES)}); passed over: {listed}", table="roads", column=column)
    return np.asarray(table[codes], dtype=bool)


# --- Accuracy --------------------------------------------------------------------------------------------------------


def link_accuracy(links: gpd.GeoDataFrame, country: str) -> pd.DataFrame:
    """
    Error of each method where the source knows better: hide known values, predict them, compare.

    Medians are learnt on four fifths of the roads and tried on the fifth left out, five times.

    Parameters
    ----------
    links
        Links of `roads.road_graph`, before `link_attributes`.
    country
        Whose place data to use.

    Returns
    -------
    pandas.DataFrame
        One row per quantity and method with ``n``, ``mae``, ``rmse``, ``bias`` (predicted less true),
        ``median_relative_error``, ``mean_relative_error``, ``unit``. Lanes and width are those of the whole
        carriageway; each road counts once.
    """
    rules = _Rules(place.load(country, "roads"))
    known = _known(links)
    once = _once(links)
    fold = pd.factorize(links["road_id"])[0] % FOLDS
    rows = []
    for quantity, ways in QUANTITIES.items():
        truth = known.known(quantity)
        for way in ways:
            guess = np.full(len(truth), np.nan)
            for k in range(FOLDS) if way == "class_median" else (-1,):
                tried = fold == k if k >= 0 else np.ones(len(truth), dtype=bool)
                guess[tried] = _guess(quantity, way, known, rules, once & ~tried)[0][tried]
            both = once & ~np.isnan(truth) & ~np.isnan(guess)
            rows.append(_errors(quantity, way, truth[both], guess[both]))
    return pd.DataFrame(rows)


def _errors(quantity: str, method: str, truth: Floats, guess: Floats) -> dict[str, Any]:
    off = guess - truth
    some = len(off) > 0
    unit = TABLES["links"].columns[quantity].unit
    return {
        "quantity": quantity,
        "method": method,
        "n": len(off),
        "mae": float(np.abs(off).mean()) if some else np.nan,
        "rmse": float(np.sqrt((off**2).mean())) if some else np.nan,
        "bias": float(off.mean()) if some else np.nan,
        "median_relative_error": float(np.median(np.abs(off) / truth)) if some else np.nan,
        "mean_relative_error": float(np.mean(np.abs(off) / truth)) if some else np.nan,
        "unit": unit,
    }
