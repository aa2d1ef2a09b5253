"""Buildings made of rings and surfaces, as 3D city models tell them, turned into tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.database import query_crs_info
from pyproj.enums import PJType
from pyproj.exceptions import CRSError, ProjError

from dothi.crs import LONLAT, Extent, transformer
from dothi.errors import Problems
from dothi.io.building_words import number
from dothi.schema import conform
from dothi.shapes import Floats, Integers, Mask, Shapes, areas_of, touches
from dothi.tables import FUNCTIONS, TABLES

KINDS: Final = ("roof", "wall", "ground", "closure", "window", "door")
UNKNOWN, FOOTPRINT, HIDDEN = -1, -2, -3

KIND_OF: Final = {
    "RoofSurface": 0,
    "OuterFloorSurface": 0,
    "WallSurface": 1,
    "OuterCeilingSurface": 1,
    "GroundSurface": 2,
    "ClosureSurface": 3,
    "Window": 4,
    "WindowSurface": 4,
    "Door": 5,
    "DoorSurface": 5,
    "CeilingSurface": HIDDEN,
    "FloorSurface": HIDDEN,
    "InteriorWallSurface": HIDDEN,
}
"""Semantic types of CityGML and CityJSON → kinds; the inside of buildings is not read."""

STEEPEST_ROOF: Final = 0.17
"""Surfaces without meaning whose normal rises less than this over the horizon are walls: steeper than 80 degrees."""

ON_AIR_M: Final = 2.0
"""A part whose underside is higher than this above the ground of its building stands on air."""

CRACK_M: Final = 0.005
"""Half the width of cracks between parts of a building that are closed."""

MANY_PARTS: Final = 8
"""Polygons of one outline beyond which their union is faster than the repair of a MultiPolygon, which is quadratic."""

SAME_LEVEL_M: Final = 0.005
"""Levels that differ by less are the same, written with two decimals."""

MOST_DEGREES: Final = 360.0
"""Degrees are never more."""

CONFIDENCE: Final = {
    "measured": 1.0,
    "roof_level": 0.95,
    "mean_roof": 0.86,
    "top_of_block": 0.85,
    "highest_point": 0.71,
}
"""Of heights: see ``docs/sources/cityjson.md`` for the errors behind them."""


@dataclass
class Skin:
    """Surfaces of many objects, gathered as flat lists while a file is read."""

    index: list[int] = field(default_factory=list)
    ring_length: list[int] = field(default_factory=list)
    n_rings: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    lod: list[str] = field(default_factory=list)
    blocks: list[Floats] = field(default_factory=list)

    def close_block(self, vertices: Floats) -> bool:
        """
        Put the vertices in the place of the indices gathered since the last block.

        Returns
        -------
        bool
            False where an index leads to no vertex; those vertices become NaN, and their surfaces are dropped.
        """
        try:
            index = np.asarray(self.index, dtype=np.int64)
        except (OverflowError, ValueError, TypeError):
            index = np.full(len(self.index), -1, dtype=np.int64)
        known = (index >= 0) & (index < len(vertices))
        block = np.full((len(index), 3), np.nan)
        block[known] = vertices[index[known]]
        self.blocks.append(block)
        self.index.clear()
        return bool(known.all())


@dataclass(frozen=True, slots=True)
class Surfaces:
    """Flat surfaces with kind, level of detail and owner; all arrays have one element for each."""

    shapes: Shapes
    kind: Integers
    owner: Integers
    lod: npt.NDArray[np.object_]
    normal: Floats
    lowest: Floats
    highest: Floats
    shadow: Floats
    level: Floats

    def __getitem__(self, rows: Mask | Integers) -> Surfaces:
        return Surfaces(*(getattr(self, name)[rows] for name in self.__slots__))

    def __len__(self) -> int:
        return len(self.shapes)


def surfaces_of(skin: Skin) -> tuple[Surfaces, Integers]:
    """
    Surfaces with all that is asked of them later, computed for all rings at once.

    A ring is a fan of triangles around its first vertex. Newell's sum gives its normal, and the shadows of the
    triangles on the ground weigh their mean levels.

    Returns
    -------
    Surfaces
        Those whose outer ring has three vertices or more.
    dropped : (n,)
        Owners of those that have not, or that have vertices which are no finite numbers.
    """
    coordinates = np.concatenate(skin.blocks) if skin.blocks else np.zeros((0, 3))
    length = np.asarray(skin.ring_length, dtype=np.int64)
    n_rings = np.asarray(skin.n_rings, dtype=np.int64)
    owner, kind = np.asarray(skin.owner, dtype=np.int64), np.asarray(skin.kind, dtype=np.int64)
    lod = np.asarray(skin.lod, dtype=object)
    coordinates, length = _without_repeats(coordinates, length)
    ring = np.repeat(np.arange(len(length)), length)
    surface = np.repeat(np.arange(len(n_rings)), n_rings)
    sound = np.bincount(ring, weights=~np.isfinite(coordinates).all(axis=1), minlength=len(length)) == 0
    sound &= length >= 3
    outer = np.zeros(len(length), dtype=bool)
    outer[np.cumsum(n_rings[n_rings > 0]) - n_rings[n_rings > 0]] = True
    good = np.zeros(len(n_rings), dtype=bool)
    good[surface[outer & sound]] = True
    dropped = np.unique(owner[~good])
    keep_ring = sound & good[surface]
    keep = keep_ring[ring]
    coordinates, ring = coordinates[keep], (np.cumsum(keep_ring) - 1)[ring[keep]]
    outer, surface = outer[keep_ring], (np.cumsum(good) - 1)[surface[keep_ring]]
    kind, owner, lod = kind[good], owner[good], lod[good]
    if not len(kind):
        nothing = np.zeros(0)
        return Surfaces(kind.astype(object), kind, owner, lod, np.zeros((0, 3)), *[nothing] * 4), dropped

    starts = np.concatenate([[0], np.flatnonzero(np.diff(ring)) + 1])
    local = coordinates - coordinates[starts][ring]
    following = np.roll(local, -1, axis=0)
    following[np.concatenate([starts[1:], [len(ring)]]) - 1] = 0.0
    normals = np.add.reduceat(np.cross(local, following), starts, axis=0) / 2.0
    shadow = (local[:, 0] * following[:, 1] - local[:, 1] * following[:, 0]) / 2.0
    weighted = np.add.reduceat(shadow * (local[:, 2] + following[:, 2]) / 3.0, starts)
    shadow = np.add.reduceat(shadow, starts)
    sign = np.where(outer, 1.0, -1.0)
    n = len(kind)
    normal = normals[outer]
    area = np.bincount(surface, weights=sign * np.abs(shadow), minlength=n)
    volume = np.bincount(
        surface,
        weights=sign * (np.sign(shadow) * weighted + np.abs(shadow) * coordinates[starts, 2]),
        minlength=n,
    )
    first = np.flatnonzero(np.diff(surface, prepend=-1))
    lowest = np.minimum.reduceat(np.minimum.reduceat(coordinates[:, 2], starts), first)
    highest = np.maximum.reduceat(np.maximum.reduceat(coordinates[:, 2], starts), first)
    shapes = np.asarray(shapely.polygons(shapely.linearrings(coordinates, indices=ring), indices=surface))
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.where(area > 1e-9, volume / area, (lowest + highest) / 2.0)
    return Surfaces(shapes, kind, owner, lod, normal, lowest, highest, np.maximum(area, 0.0), level), dropped


def _without_repeats(coordinates: Floats, length: Integers) -> tuple[Floats, Integers]:
    """Rings without vertices that the next one repeats, so that none ends with its first."""
    ring = np.repeat(np.arange(len(length)), length)
    if not len(ring):
        return coordinates, length
    starts = np.cumsum(length) - length
    following = np.arange(1, len(ring) + 1)
    filled = length > 0
    following[starts[filled] + length[filled] - 1] = starts[filled]
    repeats = (coordinates == coordinates[following]).all(axis=1)
    if not repeats.any():
        return coordinates, length
    return coordinates[~repeats], np.bincount(ring[~repeats], minlength=len(length))


def checked_surfaces(skin: Skin, metres: float, source_id: list[str], table: str, problems: Problems) -> Surfaces:
    """Surfaces with heights in metres, those that are none reported by the identifiers of their owners."""
    for block in skin.blocks:
        block[:, 2] *= metres
    surfaces, dropped = surfaces_of(skin)
    if dropped.size:
        rule = "surfaces with fewer than three vertices, or with vertices that are no finite numbers, were left out"
        problems.repair(rule, table=table, column="geometry", rows=[source_id[i] for i in dropped])
    return surfaces


def wanted_level(lod: str | None, problems: Problems) -> float | None:
    """Level of detail as a number; what is none is reported."""
    level = None if lod is None else number(lod)
    if lod is not None and (level is None or not 1.0 <= level < 5.0):
        problems.error(f"`lod` is a level of detail from 1 to 4, such as 1 or 2.2, not {lod[:20]!r}")
        problems.raise_errors()
    return level


def best_level(levels: list[float], wanted: float | None) -> tuple[float, bool]:
    """
    Level of detail to take: the one wanted, else the highest below 3, else the lowest.

    Parameters
    ----------
    levels
        Levels that an object has, from 1 upwards, ascending.
    wanted
        Level asked for; a whole number stands for all its refinements, such as 2 for 2.2.

    Returns
    -------
    level
        One of `levels`.
    found
        Whether it is the one wanted, or nothing was wanted.
    """
    if wanted is not None:
        exact = [level for level in levels if level == wanted or int(level) == wanted]
        if exact:
            return exact[-1], True
    return next((level for level in reversed(levels) if level < 3.0), levels[0]), wanted is None


def with_kinds(surfaces: Surfaces) -> Surfaces:
    """Surfaces whose kind, where the source gives none, follows from the way they face."""
    length = np.linalg.norm(surfaces.normal, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = np.where(length > 0.0, surfaces.normal[:, 2] / length, 0.0)
    facing = np.where(np.abs(rise) < STEEPEST_ROOF, 1, np.where(rise > 0.0, 0, 2))
    kind = np.where(surfaces.kind == UNKNOWN, facing, surfaces.kind)
    return Surfaces(
        surfaces.shapes,
        kind,
        surfaces.owner,
        surfaces.lod,
        surfaces.normal,
        surfaces.lowest,
        surfaces.highest,
        surfaces.shadow,
        surfaces.level,
    )


@dataclass
class Objects:
    """
    Buildings and their parts while a file is read.

    Attributes
    ----------
    source_id
        Identifier of each in the source.
    root
        Position of the building each belongs to; its own for a building.
    values
        What `dothi.io.building_words.described` found.
    kept
        Positions of objects whose outline stays as drawn and which, as parts, stay rows however many there are.
    """

    source_id: list[str] = field(default_factory=list)
    root: list[int] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    kept: set[int] = field(default_factory=set)

    def add(self, source_id: str, root: int | None, values: dict[str, Any]) -> int:
        """Take an object in; gives its position."""
        here = len(self.source_id)
        self.source_id.append(source_id)
        self.root.append(here if root is None else root)
        self.values.append(values)
        return here


def united(shapes: Shapes, group: Integers, n: int) -> Shapes:
    """
    Union of the shadows of polygons, group by group, without a call for each group.

    Parameters
    ----------
    shapes : (n_shapes,)
        Polygons.
    group : (n_shapes,)
        Group of each.
    n
        Number of groups.

    Returns
    -------
    (n,) array
        Polygon or MultiPolygon; empty where a group has nothing.
    """
    whole = np.full(n, shapely.Polygon(), dtype=object)
    parts, owner = shapely.get_parts(shapely.force_2d(shapes), return_index=True)
    seen = shapely.area(parts) > 1e-6
    parts, owner = parts[seen], group[owner[seen]]
    if not parts.size:
        return whole
    order = np.argsort(owner, kind="stable")
    parts, owner = parts[order], owner[order]
    groups, first, counts = np.unique(owner, return_index=True, return_counts=True)
    single = counts == 1
    whole[groups[single]] = parts[first[single]]
    many = np.repeat(~single, counts)
    if many.any():
        rank = (np.cumsum(~single) - 1)[np.repeat(np.arange(len(groups)), counts)[many]]
        whole[groups[~single]] = shapely.multipolygons(parts[many], indices=rank)
    for group_of_many in np.flatnonzero(counts > MANY_PARTS):  # terrain cut into triangles: worth a call of its own
        rows = slice(first[group_of_many], first[group_of_many] + counts[group_of_many])
        whole[groups[group_of_many]] = shapely.union_all(parts[rows])
    broken = ~shapely.is_valid(whole)
    whole[broken] = areas_of(shapely.make_valid(whole[broken], method="structure", keep_collapsed=False))
    return whole


def closed(shapes: Shapes) -> Shapes:
    """
    Outlines without the cracks that rounding leaves between neighbours.

    Where one part of a building has a vertex on the wall of the next, rounded coordinates part the two by less than a
    millimetre, and their union falls apart. It is grown by `CRACK_M` and shrunk again.
    """
    shapes = shapes.copy()
    apart = np.flatnonzero(shapely.get_num_geometries(shapes) > 1)
    if apart.size:
        grown = shapely.buffer(shapes[apart], CRACK_M, join_style="mitre")
        whole = shapely.simplify(shapely.buffer(grown, -CRACK_M, join_style="mitre"), CRACK_M / 2.0)
        fewer = shapely.get_num_geometries(whole) < shapely.get_num_geometries(shapes[apart])
        fewer &= shapely.is_valid(whole) & ~shapely.is_empty(whole)
        shapes[apart[fewer]] = whole[fewer]
    return shapes


def footprints(surfaces: Surfaces, n: int, exact: Mask) -> Shapes:
    """
    Outline of each object: its footprint as drawn, else its ground surfaces, else the shadow of all surfaces.

    Parameters
    ----------
    surfaces
        Surfaces of all objects.
    n
        Number of objects.
    exact : (n,)
        Objects whose cracks are meant.
    """
    rank = np.select([surfaces.kind == FOOTPRINT, surfaces.kind == 2, surfaces.kind != 1], [0, 1, 2], 3)
    seen = surfaces.shadow > 1e-4
    best = np.full(n, 4)
    np.minimum.at(best, surfaces.owner[seen], rank[seen])
    chosen = seen & (rank == best[surfaces.owner])
    outline = united(surfaces.shapes[chosen], surfaces.owner[chosen], n)
    outline[~exact] = closed(outline[~exact])
    return outline


def tables_of(
    surfaces: Surfaces, objects: Objects, crs: str, problems: Problems, extent: Extent | None
) -> dict[str, gpd.GeoDataFrame]:
    """
    Tables ``buildings``, ``building_parts`` and ``surfaces``.

    A building whose geometry lies in its parts has their common outline, and their surfaces. Parts are rows of their
    own where a building has several, or has a body besides.

    Heights are, in this order: of the eaves, or the median of the roof, as the source says; for LoD2, the mean level
    of the roof above the lowest point, weighted by area; the measured height the source says; the top of the block.
    """
    n = len(objects.source_id)
    root = np.asarray(objects.root, dtype=np.int64)
    surfaces = with_kinds(surfaces[surfaces.kind != HIDDEN])
    kept = np.zeros(n, dtype=bool)
    kept[list(objects.kept)] = True
    outline = footprints(surfaces, n, kept)
    has_outline = ~shapely.is_empty(outline)
    body = surfaces.kind != FOOTPRINT
    n_body = np.bincount(surfaces.owner[body], minlength=n)
    is_part = root != np.arange(n)
    lone = ~is_part & has_outline
    from_parts = is_part & has_outline & ~lone[root]
    whole = outline.copy()
    joint = closed(united(outline[from_parts], root[from_parts], n))
    whole[~is_part & ~has_outline] = joint[~is_part & ~has_outline]

    chosen = ~is_part & ~shapely.is_empty(whole)
    lost = ~is_part & ~chosen
    if lost.any():
        missing = [objects.source_id[i] for i in np.flatnonzero(lost)]
        problems.repair("buildings without geometry were left out", table="buildings", column="geometry", rows=missing)
    chosen &= _near(whole, crs, extent)
    row_of = np.cumsum(chosen) - 1
    rows = np.flatnonzero(chosen)

    measures = _measures(surfaces, root[surfaces.owner], n)
    own = _measures(surfaces, surfaces.owner, n)
    values = pd.DataFrame(objects.values, index=range(n))
    parts_in = is_part & ((n_body > 0) | kept) & has_outline
    n_parts = np.bincount(root[parts_in], minlength=n)
    values = _inherited(values, root, is_part)
    values = _above_ground(values, measures, objects.source_id, problems)
    buildings = _buildings(values.iloc[rows], measures.iloc[rows], surfaces, root, rows)
    buildings["source_id"] = [objects.source_id[i] for i in rows]
    ground = np.full(n, np.nan)
    ground[rows] = buildings["ground_m"].to_numpy()
    tables = {"buildings": _table("buildings", buildings, whole[rows], crs)}

    told = np.flatnonzero(parts_in & chosen[root] & ((n_parts[root] > 1) | (n_body[root] > 0) | kept))
    if told.size:
        parts = pd.DataFrame(
            {
                "building_id": row_of[root[told]],
                "source_id": [objects.source_id[i] for i in told],
                "height_m": own["highest"].to_numpy()[told] - ground[root[told]],
                "storeys": _integers(values, "storeys").iloc[told].to_numpy(),
                "roof_shape": _text(values, "roof_shape").iloc[told].to_numpy(),
            }
        )
        under = own["lowest"].to_numpy()[told] - ground[root[told]]
        parts["min_height_m"] = np.where(under > ON_AIR_M, under, np.nan)
        tables["building_parts"] = _table("building_parts", parts, outline[told], crs)

    skin = surfaces[body & chosen[root[surfaces.owner]]]
    if len(skin):
        frame = pd.DataFrame(
            {
                "building_id": row_of[root[skin.owner]],
                "kind": pd.Categorical.from_codes(skin.kind, categories=KINDS),
                "lod": skin.lod,
            }
        )
        tables["surfaces"] = _table("surfaces", frame, skin.shapes, crs)
    return tables


def _near(shapes: Shapes, crs: str, extent: Extent | None) -> Mask:
    """Shapes near the extent; all, where none is: then what is wrong is told when the tables are cleaned."""
    everything = np.ones(len(shapes), dtype=bool)
    if extent is None:
        return everything
    near = touches(shapely.bounds(shapes), extent.within(crs))
    return near if near.any() else everything


def _inherited(values: pd.DataFrame, root: Integers, is_part: Mask) -> pd.DataFrame:
    """What a building does not say of itself but its only or every part says alike, for words; levels of one part."""
    if not is_part.any() or values.empty:
        return values
    parts = values[is_part]
    by_root = parts.groupby(root[is_part])
    alike = by_root.nunique() == 1
    first = by_root.first().where(alike)
    single = by_root.size() == 1
    words = [name for name in values.columns if name in ("storeys", "year_built", "function", "roof_shape", "name")]
    numbers = [name for name in values.columns if name not in words]
    for name in numbers:
        first[name] = first[name].where(single)
    return values.combine_first(first)[list(values.columns)]


def _above_ground(
    values: pd.DataFrame, measures: pd.DataFrame, source_id: list[str], problems: Problems
) -> pd.DataFrame:
    """Values without measured heights that are levels above the sea, as 3dfier writes them: those of the very top."""
    told = _numbers(values, "measured_m")
    top, bottom = measures["highest"].to_numpy(), measures["lowest"].to_numpy()
    with np.errstate(invalid="ignore"):
        levels = (np.abs(told - top) < SAME_LEVEL_M) & (np.abs(bottom) > SAME_LEVEL_M)
    if not levels.any():
        return values
    rule = "heights are above the ground; these are levels of the top, which was measured from the ground instead"
    rows = [source_id[i] for i in np.flatnonzero(levels)]
    problems.repair(rule, table="buildings", column="height_m", rows=rows)
    return values.assign(measured_m=np.where(levels, np.nan, told))


def _measures(surfaces: Surfaces, group: Integers, n: int) -> pd.DataFrame:
    """Lowest and highest point, and mean level of the roof weighted by area, of each group [m]."""
    body = surfaces.kind != FOOTPRINT
    lowest, highest = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(lowest, group[body], surfaces.lowest[body])
    np.maximum.at(highest, group[body], surfaces.highest[body])
    flat = np.full(n, np.inf)
    np.minimum.at(flat, group[~body], surfaces.lowest[~body])
    roof = surfaces.kind == 0
    area = np.bincount(group[roof], weights=surfaces.shadow[roof], minlength=n)
    volume = np.bincount(group[roof], weights=(surfaces.shadow * surfaces.level)[roof], minlength=n)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(area > 0.0, volume / area, np.nan)
    return pd.DataFrame(
        {
            "lowest": np.where(np.isfinite(lowest), lowest, np.nan),
            "highest": np.where(np.isfinite(highest), highest, np.nan),
            "footprint": np.where(np.isfinite(flat), flat, np.nan),
            "mean_roof": mean,
        }
    )


def _numbers(values: pd.DataFrame, name: str) -> Floats:
    if name not in values.columns:
        return np.full(len(values), np.nan)
    return np.asarray(values[name].to_numpy(dtype=np.float64, na_value=np.nan))


def _integers(values: pd.DataFrame, name: str) -> pd.Series:
    return pd.Series(_numbers(values, name), index=values.index).astype("Int64")


def _text(values: pd.DataFrame, name: str) -> pd.Series:
    found = values[name] if name in values.columns else pd.Series(None, index=values.index, dtype=object)
    return found.astype(object).where(found.notna(), None)


def _buildings(
    values: pd.DataFrame, measures: pd.DataFrame, surfaces: Surfaces, root: Integers, rows: Integers
) -> pd.DataFrame:
    """Attributes of buildings, each with its method and confidence."""
    told = _numbers(values, "ground_m")
    drawn = measures["lowest"].fillna(measures["footprint"].where(measures["footprint"] != 0.0)).to_numpy()
    ground = np.where(np.isfinite(told), told, drawn)
    lod1 = np.ones(len(root), dtype=bool)
    detailed = np.array([not lod.startswith(("0", "1")) for lod in surfaces.lod], dtype=bool)
    lod1[root[surfaces.owner[detailed]]] = False
    lod1 = lod1[rows]
    top = measures["highest"].to_numpy() - ground
    mean = measures["mean_roof"].to_numpy() - ground
    choices = [
        ("measured", _numbers(values, "eaves_m")),
        ("measured", _numbers(values, "eaves_level_m") - ground),
        ("roof_level", _numbers(values, "roof_level_m") - ground),
        ("mean_roof", np.where(lod1, np.nan, mean)),
        ("highest_point", _numbers(values, "measured_m")),
        ("top_of_block", top),
    ]
    height = np.full(len(values), np.nan)
    method = np.full(len(values), None, dtype=object)
    confidence = np.full(len(values), np.nan)
    for name, found in choices:
        usable = np.isnan(height) & np.isfinite(found) & (found > 0.0)
        height[usable], method[usable], confidence[usable] = found[usable], name, CONFIDENCE[name]
    known, measured = np.isfinite(ground), np.isfinite(told)
    frame = pd.DataFrame(
        {
            "height_m": height,
            "height_m_method": method,
            "height_m_confidence": confidence,
            "ground_m": ground,
            "ground_m_method": np.select([measured, known], ["measured", "lowest_point"], ""),
            "ground_m_confidence": np.select([measured, known], [1.0, 0.9], np.nan),
            "storeys": _integers(values, "storeys").to_numpy(),
            "function": pd.Categorical(_text(values, "function"), categories=FUNCTIONS),
            "year_built": _integers(values, "year_built").to_numpy(),
            "roof_shape": _text(values, "roof_shape").to_numpy(),
            "name": _text(values, "name").to_numpy(),
        }
    )
    frame["ground_m_method"] = frame["ground_m_method"].where(known)
    for column in ("storeys", "function"):
        present = frame[column].notna().to_numpy(dtype=bool)
        frame[f"{column}_method"] = pd.Series("measured", index=frame.index).where(present)
        frame[f"{column}_confidence"] = np.where(present, 1.0, np.nan)
    return frame


def _table(name: str, frame: pd.DataFrame, shapes: Shapes, crs: str) -> gpd.GeoDataFrame:
    """Declared table with its geometry."""
    located = gpd.GeoDataFrame(frame.reset_index(drop=True), geometry=gpd.array.from_shapely(shapes, crs=crs))
    return conform(located, TABLES[name])


def in_use(grid: CRS, x: float, y: float) -> bool:
    """Whether a place lies in the area, give or take a degree, in which a grid is used."""
    area = grid.area_of_use
    if area is None:
        return True
    try:
        lon, lat = transformer(grid.to_string(), LONLAT).transform(x, y)
    except ProjError:  # local engineering grids lead nowhere
        return False
    return bool(area.west - 1.0 <= lon <= area.east + 1.0 and area.south - 1.0 <= lat <= area.north + 1.0)


def grid_meant(grid: CRS, skins: Sequence[Skin], problems: Problems) -> CRS:
    """
    Grid of vertices that are no degrees although their system counts degrees.

    Files name a datum such as CH1903 and mean the grid on it. Where one grid alone holds the vertices, it is taken.

    Raises
    ------
    InputError
        None or several of them do.
    """
    blocks = [block[:, :2] for skin in skins for block in skin.blocks if len(block)]
    points = np.concatenate(blocks) if blocks else np.zeros((0, 2))
    points = points[np.isfinite(points).all(axis=1)]
    if not grid.is_geographic or not len(points) or np.abs(points).max() <= MOST_DEGREES:
        return grid
    x, y = np.median(points, axis=0)
    known = (
        CRS.from_epsg(int(info.code))
        for info in query_crs_info("EPSG", PJType.PROJECTED_CRS)
        if info.name.startswith(f"{grid.name} / ")
    )
    fitting = [each for each in known if in_use(each, x, y)]
    text = f"{grid.name} counts degrees, and the coordinates reach {np.abs(points).max():,.0f}"
    if len(fitting) != 1:
        some = " or ".join(each.to_string() for each in fitting[:3])
        such = f", such as {some}" if some else ""
        problems.error(f"coordinates fit their reference system; {text}: set `crs` for this source{such}")
        problems.raise_errors()
    problems.repair(f"{text}: they were read as {fitting[0].to_string()}, {fitting[0].name}")
    return fitting[0].to_2d()


def in_metres(grid: CRS, skins: Sequence[Skin]) -> CRS:
    """
    Grid on which lengths are lengths: that of the source, or, where it counts degrees, the UTM zone of its middle.

    The vertices of the skins (longitude, latitude) are moved along.
    """
    if not grid.is_geographic:
        return grid
    blocks = [block for skin in skins for block in skin.blocks if len(block)]
    places = np.concatenate([block[:, :2] for block in blocks]) if blocks else np.zeros((1, 2))
    lon, lat = np.nanmedian(np.where(np.isfinite(places), places, np.nan), axis=0)
    utm = CRS.from_epsg((32600 if lat >= 0.0 else 32700) + int(np.clip((lon + 180.0) // 6.0 + 1.0, 1, 60)))
    moved = transformer(grid.to_string(), utm.to_string())
    for block in blocks:
        block[:, 0], block[:, 1] = moved.transform(block[:, 0], block[:, 1])
    return utm


def grid_of(text: str) -> tuple[CRS, float] | None:
    """
    Horizontal grid that a name of a reference system stands for, and metres per unit of its heights.

    Reads ``urn:ogc:def:crs:EPSG::7415``, ``urn:ogc:def:crs,crs:EPSG:6.12:25833,crs:EPSG:6.12:5783``,
    ``http(s)://www.opengis.net/def/crs/EPSG/0/7415``, ``…/crs-compound?1=…&2=…``, ``EPSG:7415`` and whatever else
    pyproj reads.

    Returns
    -------
    tuple
        Or None where the text is no reference system.
    """
    codes = re.findall(r"EPSG[:/]+[^:/,&]*[:/]+(\d{4,6})|EPSG[:#](\d{4,6})|epsg\.xml#(\d{4,6})", text, re.IGNORECASE)
    try:
        crs = CRS.from_epsg(int("".join(codes[0]))) if codes else CRS.from_user_input(text)
        heights = CRS.from_epsg(int("".join(codes[1]))) if len(codes) > 1 else crs
    except (CRSError, ValueError):
        return None
    scale = 1.0
    horizontal = crs
    while horizontal.is_compound:
        horizontal = horizontal.sub_crs_list[0]
    vertical = [axis for axis in heights.axis_info if axis.direction.lower() in ("up", "down")]
    if vertical:
        scale = vertical[0].unit_conversion_factor
    elif horizontal.is_projected:
        scale = horizontal.axis_info[0].unit_conversion_factor
    return horizontal.to_2d(), scale
