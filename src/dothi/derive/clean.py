"""Put right what sources get wrong: grid, heights, shapes, doubles, extent and values, in one pass over all tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from dothi.crs import LONLAT, Bounds, Extent, transformer
from dothi.derive.references import BELONGINGS, filled, names, without_dangling
from dothi.errors import Problems
from dothi.io.placement import check_scale
from dothi.schema import Column, Table, conform, expand
from dothi.shapes import (
    Integers,
    Mask,
    Shapes,
    areas_of,
    cut_lines,
    filled_along,
    surface_areas,
    touched,
    touches,
)
from dothi.tables import TABLES

VERTEX_LIMIT: Final = 1_000_000
"""Most vertices of one geometry; more is a fault of the source and would make every later step crawl."""

NO_DATA_BELOW_M: Final = -5.0
"""Road levels below this are no data (−1000, or interpolated towards it): BD TOPO, attribute Z."""

LOWEST_GROUND_M: Final = -430.0
"""Lower limit of road levels in a city whose roads mostly lie below `NO_DATA_BELOW_M`: shore of the Dead Sea."""

EDGE_TOLERANCE_M: Final = 1e-6
"""Rounding allowed at the edge of the extent, so that what was cut once is not cut again."""

AREAS: Final = ("Polygon", "MultiPolygon")
LINES: Final = ("LineString",)
POINTS: Final = ("Point",)

POSITIVE: Final = {
    ("buildings", "height_m"),
    ("building_parts", "height_m"),
    ("roads", "lanes"),
    ("roads", "width_m"),
    ("roads", "free_speed_m_s"),
    ("waterways", "width_m"),
    ("barriers", "height_m"),
    ("trees", "height_m"),
    ("trees", "crown_diameter_m"),
}
"""Columns in which sources write 0 where they mean unknown."""


@dataclass(frozen=True, slots=True)
class Rule:
    """
    How the geometry of one table is treated.

    Attributes
    ----------
    clip
        At the edge of the extent: ``cut`` there; keep whole where the middle is ``inside``, where it ``touches``, or
        ``always``. What carries a count of people is never cut, because half an area does not hold all of them.
    smallest
        Least area [m²] or length [m]; smaller rows are dropped.
    same
        Columns that, with the geometry, make two rows the same thing; None where equal geometry means nothing.
    keep_z
        Whether levels are kept.
    """

    clip: Literal["cut", "inside", "touches", "always"]
    smallest: float = 0.01
    same: tuple[str, ...] | None = None
    keep_z: bool = False


RULES: Final[dict[str, Rule]] = {
    "buildings": Rule("inside", 0.5, ("min_height_m",)),
    "building_parts": Rule("inside", 0.1, ("building_id", "height_m", "min_height_m")),
    "surfaces": Rule("always", keep_z=True),
    "roads": Rule("cut", same=("class", "level"), keep_z=True),
    "railways": Rule("cut", same=("class", "level")),
    "waterways": Rule("cut", same=("kind",)),
    "barriers": Rule("cut", same=("kind",)),
    "land_use": Rule("cut", same=("class",)),
    "water_bodies": Rule("cut", same=("kind",)),
    "parcels": Rule("inside", same=()),
    "census": Rule("touches"),
    "wards": Rule("touches"),
    "zones": Rule("touches"),
    "trees": Rule("inside", same=()),
    "facilities": Rule("inside", same=("kind", "name")),
    "stops": Rule("inside"),
    "nodes": Rule("always"),
    "links": Rule("always"),
    "routes": Rule("always"),
    "shapes": Rule("always"),
    "grid_nodes": Rule("always"),
    "grid_lines": Rule("always"),
    "transformers": Rule("always"),
}


def clean(
    tables: dict[str, pd.DataFrame], *, crs: str, extent: Extent | None, problems: Problems
) -> dict[str, pd.DataFrame]:
    """
    Bring the tables of one source onto the city grid, and put right what can be.

    In this order: geometry that is missing, empty, infinite or absurdly large; levels of roads that are no data; the
    grid; invalid shapes; the extent; exact doubles; shapes without size; values outside their declared limits;
    references to rows that are gone. Everything that is changed is reported. Cleaning twice changes nothing more.

    Parameters
    ----------
    tables
        Tables as a reader gave them. Tables without a declaration, and rasters, are passed on as they are.
    crs
        Projected grid of the city, in metres.
    extent
        Box to keep; None keeps all.
    problems
        Collector.

    Returns
    -------
    dict
        New tables on the grid, with declared types. Rows keep their ids; ids of dropped rows stay free.

    Raises
    ------
    InputError
        A table without coordinate reference system, a geometry with more than `VERTEX_LIMIT` vertices, or nothing at
        all within the extent.
    """
    box = None if extent is None else extent.within(crs)
    raw = {name: frame for name, frame in tables.items() if name in RULES and isinstance(frame, gpd.GeoDataFrame)}
    frames: dict[str, pd.DataFrame] = dict(tables)
    for name, frame in raw.items():
        frames[name] = _on_grid(frame, TABLES[name], RULES[name], crs, problems)
    problems.raise_errors()
    _check_place(raw, frames, crs, extent, problems)
    same_as: dict[str, pd.Series] = {}
    for name in raw:
        rule, table = RULES[name], TABLES[name]
        frame = _whole_shapes(frames[name], table, problems)
        if box is not None:
            frame = _within(frame, table, rule, box, problems)
        frame, same_as[name] = _without_doubles(frame, table, rule, problems)  # cutting can make two the same
        frames[name] = _with_size(frame, table, rule, problems)
    for name, frame in frames.items():
        if name in TABLES and isinstance(frame, pd.DataFrame):
            frames[name] = _plausible(frame, TABLES[name], problems)
    frames = without_dangling(frames, tables, same_as, problems)
    return {
        name: conform(frame, TABLES[name]) if name in TABLES and isinstance(frame, pd.DataFrame) else frame
        for name, frame in frames.items()
    }


def _drop(frame: gpd.GeoDataFrame, gone: Mask, rule: str, table: Table, problems: Problems) -> gpd.GeoDataFrame:
    """Leave rows out, and say so."""
    if not gone.any():
        return frame
    problems.repair(rule, table=table.name, column="geometry", rows=names(frame, gone))
    return frame[~gone]


def _shapes(frame: gpd.GeoDataFrame) -> Shapes:
    """Geometry as an array that may be written to."""
    return np.array(frame.geometry.array, dtype=object)


def _with_shapes(frame: gpd.GeoDataFrame, shapes: Shapes, crs: Any = None) -> gpd.GeoDataFrame:
    return frame.set_geometry(gpd.array.from_shapely(shapes, crs=frame.crs if crs is None else crs))


def _choices(table: Table) -> tuple[str, ...]:
    return table.columns["geometry"].choices


# --- grid ---------------------------------------------------------------------------------------------------------


def _on_grid(frame: gpd.GeoDataFrame, table: Table, rule: Rule, crs: str, problems: Problems) -> gpd.GeoDataFrame:
    """Table on the city grid, without geometry that cannot be used."""
    frame = _named_geometry(frame)
    if frame.crs is None:
        problems.error(
            "coordinate reference system is known; set `crs` for this source", table=table.name, column="geometry"
        )
        return frame
    shapes = _shapes(frame)
    shapes[shapely.is_empty(shapes)] = None
    counts = shapely.get_num_coordinates(shapes)
    huge = counts > VERTEX_LIMIT
    if huge.any():
        problems.error(
            f"a geometry has at most {VERTEX_LIMIT:,} vertices; split or simplify it (largest: {counts.max():,})",
            table=table.name,
            column="geometry",
            rows=names(frame, huge),
        )
        frame, shapes = frame[~huge], shapes[~huge]
    if not rule.keep_z:
        shapes = shapely.force_2d(shapes)
    elif table.name == "roads":
        shapes = _mended_levels(frame, shapes, problems)
    missing = shapely.is_missing(shapes)
    broken = touched(shapes, ~np.isfinite(shapely.get_coordinates(shapes, include_z=False)).all(axis=1))
    if table.name == "surfaces":
        solid = shapely.has_z(shapes)
        broken[solid] |= touched(
            shapes[solid], ~np.isfinite(shapely.get_coordinates(shapes[solid], include_z=True)[:, 2])
        )
    frame = _with_shapes(frame, shapes)
    gone = broken if table.columns["geometry"].missing else broken | missing
    if (gone & missing).any():
        problems.repair(
            "rows without geometry were left out",
            table=table.name,
            column="geometry",
            rows=names(frame, gone & missing),
        )
    if broken.any():
        problems.repair(
            "rows with coordinates that are no finite numbers were left out",
            table=table.name,
            column="geometry",
            rows=names(frame, broken),
        )
    return _reprojected(frame[~gone] if gone.any() else frame, table, crs, problems)


def _named_geometry(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    name = frame.active_geometry_name
    return frame if name == "geometry" else frame.rename_geometry("geometry")


def horizontal(crs: CRS) -> CRS:
    """Horizontal part of a coordinate reference system; levels are metres throughout and are left alone."""
    while crs.is_compound:
        crs = crs.sub_crs_list[0]
    return crs.to_2d()


def _reprojected(frame: gpd.GeoDataFrame, table: Table, crs: str, problems: Problems) -> gpd.GeoDataFrame:
    source, target = horizontal(frame.crs), CRS.from_user_input(crs)
    shapes = _shapes(frame)
    if source == target:
        return _with_shapes(frame, shapes, target)
    to_grid = transformer(source.to_string(), target.to_string())
    has_z = shapely.has_z(shapes)
    for mask, with_z in ((~has_z, False), (has_z, True)):
        if mask.any():
            part = shapes[mask]
            at = shapely.get_coordinates(part, include_z=with_z)
            at[:, 0], at[:, 1] = to_grid.transform(at[:, 0], at[:, 1])
            shapes[mask] = shapely.set_coordinates(part, at)
    lost = touched(shapes, ~np.isfinite(shapely.get_coordinates(shapes)).all(axis=1))
    return _drop(
        _with_shapes(frame, shapes, target),
        lost,
        "rows outside the reach of the city grid were left out",
        table,
        problems,
    )


def _mended_levels(frame: gpd.GeoDataFrame, shapes: Shapes, problems: Problems) -> Shapes:
    """
    Lines whose no-data levels are replaced along the line from good ones, or that lose all levels.

    Parameters
    ----------
    frame
        Roads, for their names.
    shapes : (n_roads,)
        Lines, with or without levels.
    problems
        Collector.

    Returns
    -------
    numpy.ndarray
        Lines of which every level is a finite number, or that have none.
    """
    solid = np.flatnonzero(shapely.has_z(shapes))
    if not solid.size:
        return shapes
    at, owner = shapely.get_coordinates(shapes[solid], include_z=True, return_index=True)
    z = at[:, 2]
    plausible = z[np.isfinite(z) & (z > LOWEST_GROUND_M)]
    low = plausible.size > 0 and float(np.median(plausible)) < NO_DATA_BELOW_M
    with np.errstate(invalid="ignore"):
        good = np.isfinite(z) & (z >= (LOWEST_GROUND_M if low else NO_DATA_BELOW_M))
    n_good = np.bincount(owner[good], minlength=len(solid))
    n_all = np.bincount(owner, minlength=len(solid))
    flat, mend = n_good < 2, (n_good >= 2) & (n_good < n_all)
    shapes = shapes.copy()
    if mend.any():
        mine = mend[owner]
        part, rank = at[mine], np.cumsum(mend)[owner[mine]] - 1
        part[:, 2] = filled_along(part[:, :2], part[:, 2], good[mine], rank)
        shapes[solid[mend]] = shapely.set_coordinates(shapes[solid[mend]], part)
        problems.repair(
            "levels that are no data were interpolated along the road",
            table="roads",
            column="geometry",
            rows=names(frame, solid[mend]),
        )
    if flat.any():
        shapes[solid[flat]] = shapely.force_2d(shapes[solid[flat]])
        problems.repair(
            "levels were dropped where fewer than two of a road are known",
            table="roads",
            column="geometry",
            rows=names(frame, solid[flat]),
        )
    return shapes


def _check_place(
    raw: dict[str, gpd.GeoDataFrame],
    frames: dict[str, pd.DataFrame],
    crs: str,
    extent: Extent | None,
    problems: Problems,
) -> None:
    """Refuse a source of which nothing lies within the extent or the grid, and say what would make it fit."""
    located = {name: frame for name, frame in raw.items() if _has_shapes(frame)}
    if len(raw) > 1 and extent is not None and not any(map(len, frames.values())):
        problems.error(
            f"something of this source lies within the extent of the city ({_written(extent.within(crs), crs)})"
        )
        problems.raise_errors()
    placed = [frames[name] for name in located if _has_shapes(frames[name])]
    if not located or (extent is None and placed):
        _check_scale(located, crs, problems)
        return
    where = ""
    if extent is not None:
        box = extent.within(crs)
        if any(touches(shapely.bounds(_shapes(frame)), box).any() for frame in placed):
            _check_scale(located, crs, problems)
            return
        where = f" ({_written(box, crs)})"
    name = max(located, key=lambda each: len(located[each]))
    source = located[name]
    west, south, east, north = source.total_bounds
    hint = _what_would_fit(source, crs, extent) if extent is not None else ""
    problems.error(
        f"something lies within the {'grid' if extent is None else 'extent'} of the city{where}; this source lies at "
        f"x {west:.6g} to {east:.6g}, y {south:.6g} to {north:.6g} on {horizontal(source.crs).to_string()}; "
        + (hint or "check its `crs` and the order of its axes"),
        table=name,
        column="geometry",
        n_rows=sum(map(len, located.values())),
    )
    problems.raise_errors()


def _check_scale(located: dict[str, gpd.GeoDataFrame], crs: str, problems: Problems) -> None:
    """Refuse a grid of the city that is not true to scale where the source lies."""
    for frame in located.values():
        west, south, east, north = frame.total_bounds
        if np.isfinite(frame.total_bounds).all():
            to_degrees = transformer(horizontal(frame.crs).to_string(), LONLAT)
            lon, lat = to_degrees.transform((west + east) / 2.0, (south + north) / 2.0)
            if np.isfinite([lon, lat]).all() and abs(lat) <= 90.0:
                check_scale(crs, lon, lat, problems)
        problems.raise_errors()


def _written(box: Bounds, crs: str) -> str:
    return f"x {box[0]:.0f} to {box[2]:.0f}, y {box[1]:.0f} to {box[3]:.0f} on {crs}"


def _has_shapes(frame: gpd.GeoDataFrame) -> bool:
    return bool((~shapely.is_missing(frame.geometry.array) & ~shapely.is_empty(frame.geometry.array)).any())


def _what_would_fit(frame: gpd.GeoDataFrame, crs: str, extent: Extent) -> str:
    """Reading of the coordinates that would put most of a table within the extent, in words."""
    bounds = shapely.bounds(np.asarray(frame.geometry.array, dtype=object)[:10_000])
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    middles = (bounds[:, :2] + bounds[:, 2:]) / 2.0
    source = horizontal(frame.crs).to_string()
    west, south, east, north = extent.within(LONLAT)
    zone = int(np.clip((west + east) / 2.0 // 6.0 + 31, 1, 60))
    utm = f"EPSG:{(32600 if south + north >= 0.0 else 32700) + zone}"
    grids = dict.fromkeys((source, LONLAT, CRS.from_user_input(crs).to_string(), utm, "EPSG:3857", "EPSG:2154"))
    for swapped in (False, True):
        points = middles[:, ::-1] if swapped else middles
        for grid in grids:
            if grid == source and not swapped:
                continue
            fits = touches(np.hstack([points, points]), extent.within(grid))
            if len(fits) and fits.mean() > 0.5:
                reading = [] if grid == source else [f"its `crs` were {grid}"]
                return "it would fit if " + " and ".join(reading + ["its axes were swapped"] * swapped)
    return ""


# --- shapes -------------------------------------------------------------------------------------------------------


def _whole_shapes(frame: gpd.GeoDataFrame, table: Table, problems: Problems) -> gpd.GeoDataFrame:
    """Table whose geometry is of the declared types, and valid."""
    choices = _choices(table)
    if table.name == "surfaces":  # walls have no valid shadow on the ground; their size is checked in space
        return frame
    if choices in (AREAS, ()):
        frame = _valid_areas(frame, table, problems)
    elif choices in (LINES, POINTS):
        frame = _single_parts(frame)
    if not choices:
        return frame
    shapes = _shapes(frame)
    names = np.array([kind.name for kind in shapely.GeometryType if kind.value >= 0])
    fits = np.isin(names[shapely.get_type_id(shapes)], [choice.upper() for choice in choices])
    wrong = ~fits & ~shapely.is_missing(shapes)
    return _drop(frame, wrong, f"rows whose geometry is not {' or '.join(choices)} were left out", table, problems)


def _valid_areas(frame: gpd.GeoDataFrame, table: Table, problems: Problems) -> gpd.GeoDataFrame:
    shapes = _shapes(frame)
    mixed = shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION
    shapes[mixed] = areas_of(shapes[mixed])
    broken = ~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)
    if broken.any():
        shapes[broken] = areas_of(shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False))
        problems.repair(
            "outlines that cross or touch themselves were made valid",
            table=table.name,
            column="geometry",
            rows=names(frame, broken),
        )
    lone = (shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOLYGON) & (
        shapely.get_num_geometries(shapes) == 1
    )
    shapes[lone] = shapely.get_geometry(shapes[lone], 0)
    frame = _with_shapes(frame, shapes)
    gone = shapely.is_empty(shapes)
    return _drop(frame, gone, "outlines without any area were left out", table, problems)


def _single_parts(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Table with a row for each part of what has several."""
    shapes = _shapes(frame)
    if not (shapely.get_type_id(shapes) >= shapely.GeometryType.MULTIPOINT).any():
        return frame
    parts, owner = shapely.get_parts(shapes, return_index=True)
    return _split(frame, parts, owner)


def _split(frame: gpd.GeoDataFrame, parts: Shapes, owner: Integers) -> gpd.GeoDataFrame:
    """Row `owner[i]` with shape `parts[i]`: the first part keeps the id, others get new ones."""
    ids = frame.index.to_numpy()[owner]
    again = np.concatenate([[False], owner[1:] == owner[:-1]]) if owner.size else np.zeros(0, dtype=bool)
    start = int(frame.index.max()) + 1 if len(frame) else 0
    ids = np.where(again, start + np.cumsum(again) - 1, ids)
    split = frame.iloc[owner].set_axis(pd.Index(ids, name=frame.index.name), axis=0)
    return _with_shapes(split, parts)


def _without_doubles(
    frame: gpd.GeoDataFrame, table: Table, rule: Rule, problems: Problems
) -> tuple[gpd.GeoDataFrame, pd.Series]:
    """
    Table with one row for each thing, and the id that stands for each dropped one.

    Of rows with the same geometry the first stays; what it lacks is taken from the others.
    """
    nothing = pd.Series([], index=pd.Index([], dtype="int64"), dtype="int64")
    _note_repeated_ids(frame, table, problems)
    if rule.same is None or frame.empty:
        return frame, nothing
    shapes = _shapes(frame)
    keys = pd.DataFrame(shapely.bounds(shapes)).assign(n=shapely.get_num_coordinates(shapes))
    suspects = np.flatnonzero(keys.duplicated(keep=False).to_numpy())  # equal shapes have equal boxes
    if not suspects.size:
        return frame, nothing
    columns = [name for name in rule.same if name in frame.columns]
    key = frame[columns].iloc[suspects].reset_index(drop=True)
    key["wkb"] = list(shapely.to_wkb(shapely.normalize(shapes[suspects])))
    group = key.groupby([*columns, "wkb"], sort=False, dropna=False, observed=True).ngroup()
    ids = pd.Series(frame.index[suspects])
    keeper = ids.groupby(group, sort=False).transform("first")
    double = (ids != keeper).to_numpy()
    if not double.any():
        return frame, nothing
    same_as = pd.Series(keeper[double].to_numpy(), index=ids[double].to_numpy())
    problems.repair(
        "rows with the same geometry were taken as one",
        table=table.name,
        column="geometry",
        rows=names(frame, suspects[double]),
    )
    donors = frame.loc[same_as.index].set_axis(same_as.to_numpy(), axis=0)
    frame = frame.drop(index=same_as.index)
    return filled(frame, donors, [name for name in table.columns if name not in ("geometry", "source_id")]), same_as


def _note_repeated_ids(frame: gpd.GeoDataFrame, table: Table, problems: Problems) -> None:
    """Tell where one identifier of the source stands for several rows; pieces of lines share theirs by right."""
    if "source_id" not in frame.columns or _choices(table) == LINES:
        return
    repeated = (frame["source_id"].duplicated() & frame["source_id"].notna()).to_numpy(dtype=bool)
    if repeated.any():
        problems.note(
            "identifiers of the source occur more than once; all rows are kept",
            table=table.name,
            column="source_id",
            rows=names(frame, repeated),
        )


# --- extent -------------------------------------------------------------------------------------------------------


def _within(frame: gpd.GeoDataFrame, table: Table, rule: Rule, box: Bounds, problems: Problems) -> gpd.GeoDataFrame:
    """Table with what lies within the extent, cut at its edge or kept whole as the rule says."""
    if rule.clip == "always" or frame.empty:
        return frame
    shapes = _shapes(frame)
    bounds = shapely.bounds(shapes)
    margin = np.array([-1.0, -1.0, 1.0, 1.0]) * EDGE_TOLERANCE_M
    west, south, east, north = np.asarray(box) + margin
    whole = (bounds[:, 0] >= west) & (bounds[:, 1] >= south) & (bounds[:, 2] <= east) & (bounds[:, 3] <= north)
    edge = touches(bounds, box) & ~whole
    rows = np.flatnonzero(edge)
    keep = whole.copy()
    n_before = len(frame)
    match rule.clip:
        case "touches":
            keep[rows] = shapely.intersects(shapes[rows], shapely.box(*box))
        case "inside":
            middle = shapely.get_coordinates(shapely.point_on_surface(shapes[rows]))
            keep[rows] = touches(np.hstack([middle, middle]), (west, south, east, north))
            if table.name in BELONGINGS and "building_id" in frame.columns:
                keep |= frame["building_id"].notna().to_numpy(dtype=bool)  # decided with the building, later
        case _ if _choices(table) == LINES:
            return _cut_lines(frame, shapes, whole, rows, box, table, problems)
        case _:
            cut = areas_of(shapely.intersection(shapes[rows], shapely.box(*box)))
            keep[rows] = ~shapely.is_empty(cut)
            shapes[rows] = cut
            frame = _with_shapes(frame, shapes)
    if not keep.all():
        frame = frame[keep]
    _note_outside(n_before - len(frame), table, problems)
    return frame


def _note_outside(n_outside: int, table: Table, problems: Problems) -> None:
    if n_outside:
        problems.note("rows outside the extent were left out", table=table.name, n_rows=n_outside)


def _cut_lines(
    frame: gpd.GeoDataFrame, shapes: Shapes, whole: Mask, rows: Integers, box: Bounds, table: Table, problems: Problems
) -> gpd.GeoDataFrame:
    """Table of lines cut at the edge; a line that leaves and comes back becomes several rows."""
    pieces, owner = [shapes[whole]], [np.flatnonzero(whole)]
    solid = shapely.has_z(shapes[rows])
    for mask in (solid, ~solid):
        if mask.any():
            cut, rank = cut_lines(shapes[rows[mask]], box)
            pieces.append(cut)
            owner.append(rows[mask][rank])
    owners = np.concatenate(owner)
    order = np.argsort(owners, kind="stable")
    _note_outside(len(frame) - len(np.unique(owners)), table, problems)
    return _split(frame, np.concatenate(pieces)[order], owners[order])


# --- size, values -------------------------------------------------------------------------------------


def _with_size(frame: gpd.GeoDataFrame, table: Table, rule: Rule, problems: Problems) -> gpd.GeoDataFrame:
    """Table without shapes that have no size."""
    choices, shapes = _choices(table), _shapes(frame)
    if table.name == "surfaces":
        tiny = surface_areas(shapes) < rule.smallest
    elif choices == AREAS:
        tiny = shapely.area(shapes) < rule.smallest
    elif set(choices) & {"LineString", "MultiLineString"}:
        tiny = shapely.length(shapes) < rule.smallest
    else:
        return frame
    unit = "m" if "LineString" in choices else "m²"
    return _drop(frame, tiny, f"shapes smaller than {rule.smallest:g} {unit} were left out", table, problems)


def _plausible(frame: pd.DataFrame, table: Table, problems: Problems) -> pd.DataFrame:
    """Table whose values that break their declaration are missing, where they may be."""
    frame = frame.copy(deep=False)
    for name, column in expand(table.columns).items():
        if name not in frame.columns or not column.missing:
            continue
        if column.kind in ("integer", "float"):
            values, rule, wrong = _numbers(frame[name], column, (table.name, name) in POSITIVE)
        elif column.kind == "category" and column.choices:
            known = frame[name].isin(column.choices).to_numpy(dtype=bool)
            wrong = ~known & frame[name].notna().to_numpy(dtype=bool)
            values, rule = frame[name].where(~wrong), "is one of the declared words"
        else:
            continue
        if column.kind == "integer":
            values = _whole_numbers(values, frame, table, name, problems)
        frame[name] = values
        if wrong.any():
            problems.repair(
                f"values that break the rule “{rule}” were taken as missing",
                table=table.name,
                column=name,
                rows=names(frame, wrong),
            )
            for companion in (f"{name}_method", f"{name}_confidence"):
                if companion in frame.columns:
                    frame[companion] = frame[companion].where(~wrong)
    return frame


def _numbers(values: pd.Series, column: Column, positive: bool) -> tuple[pd.Series, str, Mask]:
    """Numbers within their limits, the rule in words, and the mask of values that broke it."""
    present = values.notna().to_numpy(dtype=bool)
    if not pd.api.types.is_numeric_dtype(values.dtype):
        values = pd.to_numeric(values, errors="coerce")
    numbers = values.to_numpy(dtype="float64", na_value=np.nan)
    low = -np.inf if column.minimum is None else column.minimum
    high = np.inf if column.maximum is None else column.maximum
    with np.errstate(invalid="ignore"):
        fits = np.isfinite(numbers) & (numbers >= low) & (numbers <= high)
        if positive:
            fits &= numbers > 0.0
    limits = ["a finite number"]
    if np.isfinite(low):
        limits.append(f"> {low:g}" if positive and low == 0.0 else f"≥ {low:g}")
    if np.isfinite(high):
        limits.append(f"≤ {high:g}")
    rule = f"{', '.join(limits)} {column.unit}".rstrip()
    wrong = present & ~fits
    return (values.where(~wrong) if wrong.any() else values), rule, wrong


def _whole_numbers(values: pd.Series, frame: pd.DataFrame, table: Table, name: str, problems: Problems) -> pd.Series:
    if not pd.api.types.is_float_dtype(values.dtype):
        return values.astype("Int64")
    numbers = values.to_numpy(dtype="float64", na_value=np.nan)
    rounded = np.floor(numbers + 0.5)
    broken = np.isfinite(numbers) & (rounded != numbers)
    if broken.any():
        problems.repair(
            "values were rounded to whole numbers", table=table.name, column=name, rows=names(frame, broken)
        )
    return pd.Series(rounded, index=values.index).astype("Int64")
