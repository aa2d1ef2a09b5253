"""Several sources of one city made into one set of tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from dothi.crs import Bounds
from dothi.derive.references import BELONGINGS, filled, names, references
from dothi.errors import Problem, Problems
from dothi.schema import conform
from dothi.shapes import Integers, Shapes
from dothi.tables import TABLES

SAME_BUILDING: Final = 0.3
"""Share of the smaller footprint above which two buildings of different sources are the same building."""

SAME_OUTLINE: Final = 0.5
"""Share of common area in joint area above which one building may take over the surfaces and parts of another."""

FARTHEST_M: Final = 20_000.0
"""Gap between the boxes of two sources above which they cannot be of one city. A wrong zone of a national grid puts a
source 50 km and more away, degrees read in the wrong order thousands."""

FILLED: Final = ["height_m", "storeys", "function", "year_built", "name", "roof_shape", "min_height_m"]
"""What a building lacks and takes from the same building in a later source."""


def merge(
    parts: Sequence[Mapping[str, Any]], *, problems: Problems, labels: Sequence[str] | None = None
) -> dict[str, Any]:
    """
    Join the cleaned tables of several sources; the earlier one has precedence.

    A building of a later source that covers more than `SAME_BUILDING` of the smaller footprint of an earlier one is
    the same building. It is dropped, and what the earlier one lacks is taken from it, surfaces and parts included
    where the outlines agree. All other tables are put one below the other. Ids are given afresh, and all references
    follow.

    Parameters
    ----------
    parts
        Tables of each source, in order of precedence, all on one grid (see `dothi.derive.clean.clean`).
        Of anything that is not a table, such as rasters, the first of each name stays.
    problems
        Collector.
    labels
        What the sources are called in messages, such as their paths; their numbers where None.

    Returns
    -------
    dict
        Tables with ids from 0 without gaps.

    Raises
    ------
    InputError
        A source lies elsewhere than the first.
    """
    check_together(parts, labels or [f"source no. {number}" for number in range(1, len(parts) + 1)], problems)
    problems.raise_errors()
    order = [name for name in TABLES if any(name in part for part in parts)]
    order += [name for name in dict.fromkeys(name for part in parts for name in part) if name not in TABLES]
    joined, targets = _renumbered(parts)
    merged: dict[str, Any] = {}
    for name in order:
        pieces = [part[name] for part in joined if name in part]
        merged[name] = _stacked(pieces) if isinstance(pieces[0], pd.DataFrame) else pieces[0]
    if "buildings" in merged:
        source = np.repeat(np.arange(len(parts)), [targets[i] for i in range(len(parts))])
        _unite_buildings(merged, source, problems)
    return _compact(merged)


def check_together(parts: Sequence[Mapping[str, Any]], labels: Sequence[str], problems: Problems) -> None:
    """
    Report sources that lie so far from the first that they cannot be of one city.

    Parameters
    ----------
    parts
        Tables of each source on one grid.
    labels
        What the sources are called in messages.
    problems
        Collector.
    """
    boxes = {label: box for label, part in zip(labels, parts, strict=True) if (box := _box(part)) is not None}
    if len(boxes) < 2:
        return
    first, *others = boxes
    for label in others:
        gap = _gap(boxes[first], boxes[label])
        if gap > FARTHEST_M:
            problems.add(
                Problem(
                    f"sources lie within {FARTHEST_M / 1e3:g} km of each other; this one lies at "
                    f"{_written(boxes[label])}, {gap / 1e3:,.0f} km from {first} at {_written(boxes[first])}: "
                    "check its `crs` and the order of its axes",
                    file=label,
                )
            )


def _box(part: Mapping[str, Any]) -> Bounds | None:
    """Box of buildings and roads, else of everything that has a place."""
    placed = {name: frame for name, frame in part.items() if isinstance(frame, gpd.GeoDataFrame) and len(frame)}
    told = [placed[name] for name in ("buildings", "roads") if name in placed] or list(placed.values())
    bounds = np.array([frame.total_bounds for frame in told]).reshape(-1, 4)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(bounds):
        return None
    west, south = map(float, bounds[:, :2].min(axis=0))
    east, north = map(float, bounds[:, 2:].max(axis=0))
    return (west, south, east, north)


def _gap(one: Bounds, other: Bounds) -> float:
    """Shortest way from one box to another [m]."""
    return math.hypot(max(0.0, one[0] - other[2], other[0] - one[2]), max(0.0, one[1] - other[3], other[1] - one[3]))


def _written(box: Bounds) -> str:
    return f"x {box[0]:.0f} to {box[2]:.0f}, y {box[1]:.0f} to {box[3]:.0f}"


def _renumbered(parts: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[int]]:
    """Parts whose ids start where those of the part before end, and the number of buildings of each."""
    offset: dict[str, int] = {}
    joined = []
    for part in parts:
        tables = dict(part)
        for name, column, target in references(part):
            tables[name] = tables[name].assign(**{column: part[name][column] + offset.get(target, 0)})
        services = 0
        for name, frame in part.items():
            if not isinstance(frame, pd.DataFrame):
                continue
            tables[name] = tables[name].set_axis(frame.index + offset.get(name, 0), axis=0)
            if "service_id" in frame.columns and len(frame):  # shared by trips and calendar, a table of its own nowhere
                tables[name] = tables[name].assign(service_id=tables[name]["service_id"] + offset.get("service_id", 0))
                services = max(services, int(frame["service_id"].max()) + 1)
        for name, frame in part.items():
            if isinstance(frame, pd.DataFrame) and len(frame):
                offset[name] = offset.get(name, 0) + int(frame.index.max()) + 1
        offset["service_id"] = offset.get("service_id", 0) + services
        joined.append(tables)
    return joined, [len(part["buildings"]) if "buildings" in part else 0 for part in parts]


def _stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables one below the other; a column that only some have is missing in the rows of the others."""
    full = [frame for frame in frames if len(frame)] or frames[:1]
    if len(full) == 1:
        return full[0]
    words = {name for frame in full for name in frame.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)}
    plain = [frame.astype(dict.fromkeys(words & set(frame.columns), "str")) for frame in full]
    stacked = pd.concat([_used(frame) for frame in plain])
    missing = [name for name in dict.fromkeys(name for frame in full for name in frame.columns) if name not in stacked]
    return stacked.assign(**dict.fromkeys(missing, np.nan)) if missing else stacked


def _used(frame: pd.DataFrame) -> pd.DataFrame:
    """Table without columns that hold nothing: their type would spoil that of the others."""
    return frame[[name for name in frame.columns if name == "geometry" or frame[name].notna().any()]]


def _unite_buildings(tables: dict[str, Any], source: Integers, problems: Problems) -> None:
    """Drop what later sources tell again, and let the earlier buildings have what they lack."""
    buildings = tables["buildings"]
    earlier, later, share, likeness = _pairs(np.asarray(buildings.geometry.array, dtype=object), source)
    if not len(later):
        return
    stays = np.ones(len(buildings), dtype=bool)
    real = np.ones(len(later), dtype=bool)
    for each in range(1, int(source.max()) + 1):  # a building that itself is dropped drops no other
        mine = source[later] == each
        real[mine] = stays[earlier[mine]]
        stays[later[mine & real]] = False
    earlier, later, share, likeness = earlier[real], later[real], share[real], likeness[real]
    ids = buildings.index.to_numpy()
    order = np.lexsort((later, -likeness, source[later]))  # earlier sources first, then the best match
    donors = buildings.iloc[later[order]].set_axis(ids[earlier[order]], axis=0)
    problems.note(
        "buildings that an earlier source has already were left out; they fill its gaps",
        table="buildings",
        rows=names(buildings, ~stays),
    )
    tables["buildings"] = filled(buildings[stays], donors, FILLED)
    best = pd.DataFrame({"earlier": ids[earlier], "later": ids[later], "likeness": likeness})
    best = best.sort_values(["later", "likeness", "earlier"], ascending=[True, False, True]).drop_duplicates("later")
    stands_for = best.set_index("later")["earlier"]
    heirs = best[best["likeness"] >= SAME_OUTLINE].sort_values("likeness", ascending=False, kind="stable")
    heirs = heirs.drop_duplicates("earlier").set_index("later")["earlier"]
    for name, column, target in references(tables):
        if target == "buildings":
            tables[name] = _handed_over(tables[name], name, column, stands_for, heirs)


def _handed_over(frame: pd.DataFrame, name: str, column: str, stands_for: pd.Series, heirs: pd.Series) -> pd.DataFrame:
    old = frame[column].astype("Int64")
    gone = old.isin(stands_for.index).to_numpy(dtype=bool)
    if not gone.any():
        return frame
    new = old.copy()
    if name not in BELONGINGS:
        new[gone] = old[gone].map(stands_for).astype("Int64")
        return frame.assign(**{column: new})
    provided = set(old[~gone].dropna().unique())
    heirs = heirs[~heirs.isin(provided)]
    new[gone] = old[gone].map(heirs).astype("Int64")
    return frame.assign(**{column: new})[~(gone & new.isna().to_numpy(dtype=bool))]


def _pairs(shapes: Shapes, source: Integers) -> tuple[Integers, Integers, Any, Any]:
    """
    Pairs of the same building in two sources.

    Parameters
    ----------
    shapes : (n,)
        Footprints, earlier sources first.
    source : (n,)
        Number of the source of each.

    Returns
    -------
    earlier, later : (n_pairs,) array
        Positions of the footprints.
    share, likeness : (n_pairs,) array
        Common area in parts of the smaller footprint, and of the area of both together.
    """
    found = []
    for each in range(1, int(source.max(initial=0)) + 1):
        before, mine = np.flatnonzero(source < each), np.flatnonzero(source == each)
        if not (before.size and mine.size):
            continue
        a, b = shapely.STRtree(shapes[before]).query(shapes[mine], predicate="intersects")[::-1]
        found.append(np.stack([before[a], mine[b]]))
    earlier, later = np.concatenate(found, axis=1) if found else np.zeros((2, 0), dtype=np.int64)
    common = shapely.area(shapely.intersection(shapes[earlier], shapes[later]))
    area_a, area_b = shapely.area(shapes[earlier]), shapely.area(shapes[later])
    share = common / np.minimum(area_a, area_b)
    likeness = common / (area_a + area_b - common)
    same = np.flatnonzero(share > SAME_BUILDING)
    same = same[np.lexsort((earlier[same], later[same]))]
    return earlier[same], later[same], share[same], likeness[same]


def _compact(tables: dict[str, Any]) -> dict[str, Any]:
    """Tables with ids from 0 without gaps, references following."""
    fresh = {
        name: pd.Series(np.arange(len(frame)), index=frame.index)
        for name, frame in tables.items()
        if isinstance(frame, pd.DataFrame)
    }
    compact = dict(tables)
    for name, column, target in references(tables):
        moved = compact[name][column].map(fresh[target]).astype("Int64")
        compact[name] = compact[name].assign(**{column: moved})
    for name in fresh:
        frame = compact[name].reset_index(drop=True)
        compact[name] = conform(frame, TABLES[name]) if name in TABLES else frame
    return compact
