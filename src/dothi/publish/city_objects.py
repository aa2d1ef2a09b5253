"""Tables of a city as objects of CityJSON: names, attributes, and geometries in flat arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from dothi.mesh.prisms import LEAST_HEIGHT_M, PARTS_STAND_FOR_IT
from dothi.mesh.rings import Rings, rings_of, triangulate
from dothi.mesh.terrain import TerrainMesh, levels_on_mesh
from dothi.schema import expand
from dothi.shapes import Floats, Integers, Mask, Shapes
from dothi.tables import TABLES

if TYPE_CHECKING:
    from dothi.city import City

Bytes = npt.NDArray[np.uint8]

STEP_M: Final = 0.001
"""Coordinates are whole millimetres."""

TYPES: Final[dict[str, str]] = {
    "buildings": "Building",
    "building_parts": "BuildingPart",
    "links": "Road",
    "railways": "Railway",
    "waterways": "WaterBody",
    "water_bodies": "WaterBody",
    "land_use": "LandUse",
    "trees": "SolitaryVegetationObject",
    "terrain": "TINRelief",
}
"""Table → type of city object."""

HOMES: Final[dict[str, dict[str, str]]] = {
    "buildings": {"storeys": "storeysAboveGround", "year_built": "yearOfConstruction"},
    "building_parts": {"storeys": "storeysAboveGround"},
    "trees": {"height_m": "height", "crown_diameter_m": "crownDiameter"},
    "water_bodies": {"kind": "class"},
    "waterways": {"kind": "class"},
}
"""Columns for which CityGML has an attribute, and its name; all others keep theirs."""

LOD: Final = re.compile(r"[0-3](\.[0-3])?")
"""Levels of detail that CityJSON knows."""

SEMANTICS: Final = ("RoofSurface", "WallSurface", "GroundSurface", "ClosureSurface", "Window", "Door")
"""Types of surfaces, in the order of the kinds of `surfaces`."""

DRAWN: Final = '"method":"extruded"'
"""Mark of surfaces that were drawn up from a footprint, so that nobody takes them for modelled ones."""

TILE_M: Final = 500.0
"""Side of the squares that terrain is cut into."""

BRACKETS: Final = {
    "MultiPoint": 1,
    "MultiLineString": 2,
    "MultiSurface": 3,
    "CompositeSurface": 3,
    "Solid": 4,
}
"""Levels of lists in the boundaries of a geometry."""


@dataclass(frozen=True, slots=True)
class Geometries:
    """
    Geometries of one kind of the objects of a layer.

    CityJSON has no MultiSolid for buildings: one of several prisms has several solids.

    Attributes
    ----------
    row : (n,)
        Object each belongs to, rising.
    kind, lod : (n,)
        Type and level of detail.
    xyz : (n_vertices, 3)
        Vertices [m].
    vertex_row : (n_vertices,)
        Object of every vertex.
    index, depth : (n_tokens,)
        Boundaries: vertices, and how many lists end with each, see `dothi.io.json_numbers.nested`.
    end : (n,)
        One past the last token of each geometry.
    meaning, meaning_end
        Likewise the semantic values, one for each surface; empty where there are none.
    meanings
        Text of the semantic surfaces that `meaning` counts.
    more
        Text of further members, the same for all or one for each.
    """

    row: Integers
    kind: npt.NDArray[np.object_]
    lod: npt.NDArray[np.object_]
    xyz: Floats
    vertex_row: Integers
    index: Integers
    depth: Bytes
    end: Integers
    meaning: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    meaning_end: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    meanings: str = ""
    more: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """
    City objects.

    Attributes
    ----------
    kind : (n,)
        Type of each.
    name
        Identifier of each, unique in the file.
    feature : (n,)
        Position of the top-level object each belongs to, rising.
    attributes
        One row for each object; missing values are left out.
    more
        Text of further members of each object; empty where none has any.
    geometries
        What they look like.
    """

    kind: npt.NDArray[np.object_]
    name: list[str]
    feature: Integers
    attributes: pd.DataFrame
    geometries: list[Geometries]
    more: list[str] = field(default_factory=list)


# --- attributes ---------------------------------------------------------------------------------------------------


def singular(table: str) -> str:
    """
    What one row of a table is called.

    >>> singular("buildings"), singular("land_use")
    ('building', 'land_use')
    """
    return TABLES[table].id.removesuffix("_id")


def names_of(table: str, ids: pd.Index) -> list[str]:
    """Identifiers of city objects: ``building-17``."""
    word = singular(table)
    return [f"{word}-{i}" for i in ids.tolist()]


def attributes_of(table: str, frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Columns that become attributes, under the names they have in CityJSON, with the id in front."""
    kept = frame[[name for name in columns if name in frame.columns and name not in ("geometry", "building_id")]]
    kept = pd.DataFrame(kept.rename(columns=HOMES.get(table, {})))
    kept.insert(0, TABLES[table].id, frame.index.to_numpy())
    return kept


def attribute_texts(frame: pd.DataFrame) -> list[str]:
    """Attributes of every row as the inside of a JSON object."""
    columns = [_fragments(encode_basestring(str(name)), frame[name]) for name in frame.columns]
    return [",".join(filter(None, row)) for row in zip(*columns, strict=True)]


def _fragments(key: str, values: pd.Series) -> list[str]:
    """``"key":value`` for every value, empty where it is missing."""
    there = values.notna().to_numpy(dtype=bool, copy=True)
    if isinstance(values.dtype, pd.CategoricalDtype):
        words = [f"{key}:{encode_basestring(str(word))}" for word in values.cat.categories] + [""]
        return [words[code] for code in values.cat.codes.tolist()]
    if not there.any():
        return [""] * len(values)
    plain = values.where(there, None).tolist() if values.dtype == object else values.tolist()
    if pd.api.types.is_bool_dtype(values.dtype):
        return [f"{key}:{'true' if v else 'false'}" if t else "" for v, t in zip(plain, there.tolist(), strict=True)]
    if pd.api.types.is_numeric_dtype(values.dtype):
        if pd.api.types.is_float_dtype(values.dtype):
            there &= np.isfinite(values.to_numpy(dtype=np.float64, na_value=np.nan))  # JSON has no infinity
        return [f"{key}:{v!r}" if t else "" for v, t in zip(plain, there.tolist(), strict=True)]
    return [f"{key}:{encode_basestring(str(v))}" if t else "" for v, t in zip(plain, there.tolist(), strict=True)]


# --- geometry -----------------------------------------------------------------------------------------------------


def distinct(rings: Rings) -> Rings:
    """Rings on whole millimetres, without vertices that the next one repeats and without rings that are none."""
    xy = np.round(rings.xy / STEP_M) * STEP_M
    while True:
        repeats = (xy == xy[rings.next]).all(axis=1)
        ring = np.repeat(np.arange(len(rings.size)), rings.size)
        size = np.bincount(ring[~repeats], minlength=len(rings.size))
        part = np.repeat(np.arange(len(rings.owner)), np.diff(rings.part))
        good = size >= 3
        outer = rings.part[:-1]
        good &= good[outer][part]
        keep = ~repeats & good[ring]
        if keep.all():
            return Rings(xy, rings.z, rings.start, rings.part, rings.owner)
        alive = good[outer]
        rings = Rings(
            xy[keep],
            rings.z[keep],
            np.concatenate([[0], np.cumsum(size[good])]),
            np.concatenate([[0], np.cumsum(np.bincount(part[good], minlength=len(alive))[alive])]),
            rings.owner[alive],
        )
        xy = rings.xy


def _grouped(owner: Integers) -> tuple[Integers, Integers]:
    """Rows that occur, and one past the last element of each; `owner` rises."""
    last = np.flatnonzero(np.diff(owner, append=owner[-1:] + 1)) if len(owner) else np.zeros(0, dtype=np.int64)
    return owner[last], last + 1


def prism_solids(rings: Rings, base: Floats, top: Floats, lod: str = "1.2") -> Geometries:
    """
    Upright prisms as solids: ground, roof, then a wall for every edge, all seen from outside counter-clockwise.

    Parameters
    ----------
    rings
        Footprints, their owners the objects.
    base, top : (n_parts,)
        Levels [m].
    lod
        Level of detail: 1.2 has one height for a footprint (F. Biljecki et al., An improved LOD specification for 3D
        building models, 2016, doi:10.1016/j.compenvurbsys.2016.04.005).
    """
    n = len(rings.xy)
    part = rings.part_of_vertex
    first, size = rings.first[:-1], np.diff(rings.first)
    ring = np.repeat(np.arange(len(rings.size)), rings.size)
    vertex = np.arange(n)
    turned = rings.start[:-1][ring] + rings.start[1:][ring] - 1 - vertex
    ends_ring = np.zeros(n, dtype=np.uint8)
    ends_ring[rings.start[1:] - 1] = 1
    ends_ring[rings.first[1:] - 1] = 2
    index, depth = np.empty(6 * n, dtype=np.int64), np.zeros(6 * n, dtype=np.uint8)
    ground = 6 * first[part] + vertex - first[part]
    roof = ground + size[part]
    wall = 6 * first[part] + 2 * size[part] + 4 * (vertex - first[part])
    index[ground], depth[ground] = turned, ends_ring
    index[roof], depth[roof] = n + vertex, ends_ring
    for corner, at in enumerate((vertex, rings.next, n + rings.next, n + vertex)):
        index[wall + corner] = at
    depth[wall + 3] = 2
    faces = size + 2
    face_stops = np.cumsum(faces)
    meaning = np.full(int(face_stops[-1]) if len(faces) else 0, 1, dtype=np.int64)
    meaning[face_stops - faces], meaning[face_stops - faces + 1] = 2, 0
    return Geometries(
        row=rings.owner,
        kind=np.full(len(size), "Solid", dtype=object),
        lod=np.full(len(size), lod, dtype=object),
        xyz=np.concatenate([np.column_stack([rings.xy, base[part]]), np.column_stack([rings.xy, top[part]])]),
        vertex_row=np.tile(rings.owner[part], 2),
        index=index,
        depth=depth,
        end=6 * rings.first[1:],
        meaning=meaning,
        meaning_end=face_stops,
        meanings=",".join(f'{{"type":"{kind}",{DRAWN}}}' for kind in SEMANTICS[:3]),
    )


def flat_surfaces(rings: Rings, z: Floats, lod: str = "0") -> Geometries:
    """Polygons as they are, with a level for each vertex."""
    depth = np.zeros(len(rings.xy), dtype=np.uint8)
    depth[rings.start[1:] - 1] = 1
    depth[rings.first[1:] - 1] = 2
    row, last = _grouped(rings.owner)
    return _plain("MultiSurface", lod, row, rings, z, np.arange(len(rings.xy)), depth, rings.first[1:][last - 1])


def triangle_surfaces(rings: Rings, z: Floats, lod: str = "0") -> Geometries:
    """Polygons cut into triangles, each of which is flat whatever the levels of its corners."""
    triangles, count = triangulate(rings)
    depth = np.tile(np.array([0, 0, 2], dtype=np.uint8), len(triangles))
    row, last = _grouped(np.repeat(rings.owner, count))
    return _plain("MultiSurface", lod, row, rings, z, triangles.ravel(), depth, 3 * last)


def _plain(
    kind: str, lod: str, row: Integers, rings: Rings, z: Floats, index: Integers, depth: Bytes, end: Integers
) -> Geometries:
    """Geometries of one type, of whose vertices those are kept that are used."""
    used = np.zeros(len(rings.xy), dtype=bool)
    used[index] = True
    return Geometries(
        row=row,
        kind=np.full(len(row), kind, dtype=object),
        lod=np.full(len(row), lod, dtype=object),
        xyz=np.column_stack([rings.xy, z])[used],
        vertex_row=rings.owner[rings.part_of_vertex][used],
        index=(np.cumsum(used) - 1)[index],
        depth=depth,
        end=end,
    )


def line_strings(shapes: Shapes, level: Callable[[Floats], Floats]) -> Geometries:
    """Lines with the levels they have, else those of the ground."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    xyz, line = shapely.get_coordinates(parts, include_z=True, return_index=True)
    xyz[:, :2] = np.round(xyz[:, :2] / STEP_M) * STEP_M
    bare = np.isnan(xyz[:, 2])
    xyz[bare, 2] = level(xyz[bare, :2])
    repeats = np.zeros(len(xyz), dtype=bool)
    repeats[1:] = (line[1:] == line[:-1]) & (np.abs(xyz[1:] - xyz[:-1]) < STEP_M / 2).all(axis=1)
    keep = ~repeats & (np.bincount(line[~repeats], minlength=len(parts)) > 1)[line]
    xyz, line = xyz[keep], line[keep]
    depth = np.zeros(len(xyz), dtype=np.uint8)
    depth[np.flatnonzero(np.diff(line, append=-1))] = 1
    row, end = _grouped(owner[line])
    return Geometries(
        row=row,
        kind=np.full(len(row), "MultiLineString", dtype=object),
        lod=np.full(len(row), "0", dtype=object),
        xyz=xyz,
        vertex_row=owner[line],
        index=np.arange(len(xyz)),
        depth=depth,
        end=end,
    )


def points(xyz: Floats, row: Integers, *, instances: Sequence[str] = ()) -> Geometries:
    """A point for each object: as it is, or where an instance of a template stands."""
    n = len(row)
    return Geometries(
        row=row,
        kind=np.full(n, "GeometryInstance" if instances else "MultiPoint", dtype=object),
        lod=np.full(n, "" if instances else "0", dtype=object),
        xyz=xyz,
        vertex_row=row,
        index=np.arange(n),
        depth=np.zeros(n, dtype=np.uint8),
        end=np.arange(1, n + 1),
        more=instances,
    )


def modelled_surfaces(shapes: Shapes, row: Integers, kind: Integers, lod: npt.NDArray[np.object_]) -> list[Geometries]:
    """
    Surfaces that the source models, one geometry for each object and level of detail.

    Where they close around a volume (every edge is passed once in each direction), they are a solid.
    """
    found = []
    for level in dict.fromkeys(lod.tolist()):
        mine = np.flatnonzero(lod == level)
        mine = mine[np.argsort(row[mine], kind="stable")]
        found.append(_shells(shapes[mine], row[mine], kind[mine], str(level)))
    return found


def _shells(shapes: Shapes, row: Integers, kind: Integers, lod: str) -> Geometries:
    polygons, surface = shapely.get_parts(shapes, return_index=True)
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    xyz, ring = shapely.get_coordinates(rings, include_z=True, return_index=True)
    xyz[np.isnan(xyz)] = 0.0
    step = np.round(xyz / STEP_M).astype(np.int64)
    first = np.ones(len(xyz), dtype=bool)
    first[1:] = ring[1:] != ring[:-1]
    repeats = np.zeros(len(xyz), dtype=bool)  # of the one before; a ring ends with its first vertex
    repeats[:-1] = (step[1:] == step[:-1]).all(axis=1) & (ring[1:] == ring[:-1])
    last = np.ones(len(xyz), dtype=bool)
    last[:-1] = ring[1:] != ring[:-1]
    keep = ~(repeats | last)
    enough = np.bincount(ring[keep], minlength=len(rings)) >= 3
    outer = np.ones(len(rings), dtype=bool)
    outer[1:] = polygon[1:] != polygon[:-1]
    sound = np.zeros(len(polygons), dtype=bool)
    sound[polygon[outer & enough]] = True
    keep &= (enough & sound[polygon])[ring]
    step, ring = step[keep], ring[keep]
    owner = row[surface[polygon[ring]]]
    depth = np.zeros(len(ring), dtype=np.uint8)
    depth[np.flatnonzero(np.diff(ring, append=-1))] = 1
    depth[np.flatnonzero(np.diff(polygon[ring], append=-1))] = 2
    objects, end = _grouped(owner)
    closed = _are_closed(step, ring, owner)
    kept = np.flatnonzero(sound)
    _, face_end = _grouped(row[surface[kept]])
    meaning = kind[surface[kept]]
    seen = max(3, int(meaning.max(initial=0)) + 1)
    return Geometries(
        row=objects,
        kind=np.where(np.isin(objects, closed), "Solid", "MultiSurface").astype(object),
        lod=np.full(len(objects), lod, dtype=object),
        xyz=step.astype(np.float64) * STEP_M,
        vertex_row=owner,
        index=np.arange(len(step)),
        depth=depth,
        end=end,
        meaning=meaning,
        meaning_end=face_end,
        meanings=",".join(f'{{"type":"{each}"}}' for each in SEMANTICS[:seen]),
    )


def _are_closed(step: Integers, ring: Integers, owner: Integers) -> Integers:
    """Objects whose edges are each passed exactly once in both directions."""
    if not len(step):
        return np.zeros(0, dtype=np.int64)
    code = vertex_codes(step, owner)
    following = np.arange(1, len(ring) + 1)
    starts = np.flatnonzero(np.diff(ring, prepend=-1))
    following[np.concatenate([starts[1:], [len(ring)]]) - 1] = starts
    there, back = code * np.int64(1 << 31) + code[following], code[following] * np.int64(1 << 31) + code
    once = ~pd.Series(there).duplicated(keep=False).to_numpy()
    matched = once & np.isin(there, back)
    open_ones = np.unique(owner[~matched])
    return np.setdiff1d(owner, open_ones)


def vertex_codes(step: Integers, feature: Integers) -> Integers:
    """Number of each vertex among the distinct ones of all features, in the order in which they first occur."""
    code = feature - feature.min() if len(feature) else feature
    for axis in range(3):
        value = step[:, axis] - step[:, axis].min() if len(step) else step[:, axis]
        code = pd.factorize(code * np.int64(1 << 33) + value)[0].astype(np.int64)
    return code


# --- layers -------------------------------------------------------------------------------------------------------


def ground_of(mesh: TerrainMesh | None) -> Callable[[Floats], Floats]:
    """Level of the ground at places [m]; 0 where the city has no terrain."""

    def level(xy: Floats) -> Floats:
        return np.zeros(len(xy)) if mesh is None or not len(xy) else levels_on_mesh(mesh, xy)

    return level


def building_layer(city: City, rows: slice, columns: Sequence[str], part_columns: Sequence[str]) -> Layer:
    """Buildings with their parts: drawn up from their footprints, and as the source models them."""
    buildings = city["buildings"].iloc[rows]
    parts = city["building_parts"]
    parts = parts[parts["building_id"].isin(buildings.index)]
    parent = buildings.index.get_indexer(parts["building_id"].astype("int64"))
    n = len(buildings)
    order = np.lexsort(
        [np.concatenate([np.full(n, -1), np.arange(len(parts))]), np.concatenate([np.arange(n), parent])]
    )
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    frames = [attributes_of("buildings", buildings, columns), attributes_of("building_parts", parts, part_columns)]
    names = names_of("buildings", buildings.index) + names_of("building_parts", parts.index)
    more = [""] * (n + len(parts))
    for i, k in enumerate(parent.tolist()):
        more[n + i] = f',"parents":["{names[k]}"]'
    children = pd.Series(names[n:], dtype=object).groupby(parent).agg(list)
    for k, listed in children.items():
        more[k] = ',"children":["' + '","'.join(listed) + '"]'
    return Layer(
        kind=np.where(order < n, TYPES["buildings"], TYPES["building_parts"]).astype(object),
        name=[names[i] for i in order.tolist()],
        feature=np.concatenate([np.arange(n), parent])[order],
        attributes=_stacked(frames).iloc[order] if len(parts) else frames[0],
        geometries=_building_shapes(city, buildings, parts, parent, place),
        more=[more[i] for i in order.tolist()] if len(parts) else [],
    )


def _stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Frames one below the other; integers stay integers where one frame lacks them."""
    whole = [frame.reset_index(drop=True) for frame in frames]
    for frame in whole:
        for name in frame.columns:
            if pd.api.types.is_integer_dtype(frame[name].dtype):
                frame[name] = frame[name].astype("Int64")
    return pd.concat(whole, ignore_index=True)


def _building_shapes(
    city: City, buildings: pd.DataFrame, parts: pd.DataFrame, parent: Integers, place: Integers
) -> list[Geometries]:
    n = len(buildings)
    shapes, part_shapes = (np.asarray(frame.geometry.array, dtype=object) for frame in (buildings, parts))
    ground = _numbers(buildings, "ground_m")
    height = _numbers(buildings, "height_m")
    part_height = _numbers(parts, "height_m")
    on = np.nan_to_num(_numbers(parts, "min_height_m"))
    stands = part_height > on
    covered = np.bincount(
        parent, weights=shapely.area(part_shapes) * (stands & (on < np.nan_to_num(height)[parent])), minlength=n
    )
    blocks = (height > 0.0) & (covered < PARTS_STAND_FOR_IT * np.maximum(shapely.area(shapes), 1e-9))
    under = np.minimum(np.nan_to_num(_numbers(buildings, "min_height_m")), height - LEAST_HEIGHT_M)

    surfaces = city["surfaces"]
    surfaces = surfaces[surfaces["building_id"].isin(buildings.index)]
    owner = buildings.index.get_indexer(surfaces["building_id"])
    lod = np.array([text if LOD.fullmatch(text) else "2" for text in surfaces["lod"].astype(str)], dtype=object)
    modelled, simple = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    modelled[owner] = True
    simple[owner[lod < "2"]] = True

    level = np.nan_to_num(ground)
    every = np.concatenate([shapes, part_shapes])
    base = np.concatenate(
        [level + np.maximum(under, 0.0), level[parent] + np.minimum(on, part_height - LEAST_HEIGHT_M)]
    )
    top = np.concatenate([level + height, level[parent] + part_height])
    solid = np.concatenate([blocks & ~simple, stands])
    outline = ~solid | np.concatenate([modelled, np.zeros(len(parts), dtype=bool)])
    drawn = _upright(every, place, np.flatnonzero(solid), base, top)
    flat = _rings_at(every, place, np.flatnonzero(outline))
    foot = np.concatenate([level, level[parent] + on])
    by_place = np.empty(len(place))
    by_place[place] = foot
    found = [flat_surfaces(flat, by_place[flat.owner[flat.part_of_vertex]]), drawn]
    if len(surfaces):
        found += modelled_surfaces(
            np.asarray(surfaces.geometry.array, dtype=object),
            place[owner],
            surfaces["kind"].cat.codes.to_numpy(dtype=np.int64),
            lod,
        )
    return found


def _rings_at(shapes: Shapes, place: Integers, rows: Integers) -> Rings:
    """Rings of some shapes, their owners the places of their objects."""
    rows = rows[np.argsort(place[rows], kind="stable")]
    rings = distinct(rings_of(shapes[rows]))
    return Rings(rings.xy, rings.z, rings.start, rings.part, place[rows][rings.owner])


def _upright(shapes: Shapes, place: Integers, rows: Integers, base: Floats, top: Floats) -> Geometries:
    rings = _rings_at(shapes, place, rows)
    row_of = np.empty(len(place), dtype=np.int64)
    row_of[place] = np.arange(len(place))
    source = row_of[rings.owner]
    return prism_solids(rings, base[source], top[source])


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    if name not in frame.columns:
        return np.full(len(frame), np.nan)
    return np.asarray(frame[name].to_numpy(dtype=np.float64, na_value=np.nan))


def simple_layer(table: str, frame: pd.DataFrame, columns: Sequence[str], geometries: list[Geometries]) -> Layer:
    """Layer whose objects have no parts."""
    return Layer(
        kind=np.full(len(frame), TYPES[table], dtype=object),
        name=names_of(table, frame.index),
        feature=np.arange(len(frame)),
        attributes=attributes_of(table, frame, columns),
        geometries=geometries,
    )


def line_layer(city: City, table: str, rows: slice, columns: Sequence[str], level: Callable[[Floats], Floats]) -> Layer:
    """Roads, railways, watercourses: their centre lines. Those without levels lie on the ground, and say so."""
    frame = city[table].iloc[rows]
    shapes = np.asarray(frame.geometry.array, dtype=object)
    layer = simple_layer(table, frame, columns, [line_strings(shapes, level)])
    bare = ~shapely.has_z(shapes)
    if bare.any():
        layer.attributes["z_method"] = pd.Series("terrain", layer.attributes.index).where(bare)
    return layer


def area_layer(city: City, table: str, rows: slice, columns: Sequence[str], level: Callable[[Floats], Floats]) -> Layer:
    """Water is level; land lies on the ground."""
    frame = city[table].iloc[rows]
    rings = distinct(rings_of(np.asarray(frame.geometry.array, dtype=object)))
    z = level(rings.xy)
    if table == "land_use":
        return simple_layer(table, frame, columns, [triangle_surfaces(rings, z)])
    part = rings.owner[rings.part_of_vertex]
    lowest = np.full(len(frame), np.inf)
    np.minimum.at(lowest, part, z)
    return simple_layer(table, frame, columns, [flat_surfaces(rings, lowest[part])])


def tree_layer(city: City, rows: slice, columns: Sequence[str], level: Callable[[Floats], Floats]) -> Layer:
    """Trees as copies of one template, as high and wide as each is; as a point where the height is not known."""
    frame = city["trees"].iloc[rows]
    xyz = shapely.get_coordinates(np.asarray(frame.geometry.array, dtype=object), include_z=True)
    bare = np.isnan(xyz[:, 2])
    xyz[bare, 2] = level(xyz[bare, :2])
    height, crown = _numbers(frame, "height_m"), _numbers(frame, "crown_diameter_m")
    crown = np.where(crown > 0.0, crown, height * CROWN_OF_HEIGHT)
    known: Mask = height > 0.0
    rows_of = np.flatnonzero(known)
    texts = [
        f',"template":0,"transformationMatrix":[{w!r},0.0,0.0,0.0,0.0,{w!r},0.0,0.0,0.0,0.0,{h!r},0.0,0.0,0.0,0.0,1.0]'
        for w, h in zip(np.round(crown[known], 3).tolist(), np.round(height[known], 3).tolist(), strict=True)
    ]
    geometries = [points(xyz[known], rows_of, instances=texts)] if texts else []
    if not known.all():
        geometries.append(points(xyz[~known], np.flatnonzero(~known)))
    return simple_layer("trees", frame, columns, geometries)


CROWN_OF_HEIGHT: Final = 0.5
"""Width of the crown drawn where only the height is known, as a share of it; the attribute stays missing."""


def tree_template() -> tuple[dict[str, Any], list[list[float]]]:
    """Tree one metre high and wide: a trunk of three sides and a crown of two six-sided pyramids."""
    around = [(0.5 * np.cos(a), 0.5 * np.sin(a)) for a in np.arange(6) * np.pi / 3.0]
    trunk = [(0.06 * np.cos(a), 0.06 * np.sin(a)) for a in np.arange(3) * 2.0 * np.pi / 3.0]
    vertices = [[0.0, 0.0, 0.2], [0.0, 0.0, 1.0]]
    vertices += [[round(float(x), 4), round(float(y), 4), 0.5] for x, y in around]
    vertices += [[round(float(x), 4), round(float(y), 4), z] for z in (0.0, 0.3) for x, y in trunk]
    faces = []
    for k in range(6):
        here, there = 2 + k, 2 + (k + 1) % 6
        faces += [[[here, there, 1]], [[there, here, 0]]]
    for k in range(3):
        here, there = 8 + k, 8 + (k + 1) % 3
        faces.append([[here, there, there + 3, here + 3]])
    return {"type": "MultiSurface", "lod": "1", "boundaries": faces}, vertices


def terrain_layer(mesh: TerrainMesh) -> Layer:
    """Terrain as triangles, a tile of `TILE_M` by `TILE_M` an object."""
    xyz = mesh.xyz
    triangles = np.asarray(mesh.triangles, dtype=np.int64)
    middle = xyz[triangles, :2].mean(axis=1) - xyz[:, :2].min(axis=0)
    column, row = np.floor(middle / TILE_M).astype(np.int64).T
    tile, key = np.unique(column + row * (column.max() + 1), return_inverse=True)
    order = np.argsort(key, kind="stable")
    corners, owner = triangles[order].ravel(), np.repeat(key[order], 3)
    pair, index = np.unique(np.column_stack([owner, corners]), axis=0, return_inverse=True)
    n = len(tile)
    geometry = Geometries(
        row=np.arange(n),
        kind=np.full(n, "CompositeSurface", dtype=object),
        lod=np.full(n, "1", dtype=object),
        xyz=xyz[pair[:, 1]],
        vertex_row=pair[:, 0],
        index=index.ravel(),
        depth=np.tile(np.array([0, 0, 2], dtype=np.uint8), len(triangles)),
        end=3 * np.cumsum(np.bincount(key, minlength=n)),
    )
    return Layer(
        kind=np.full(n, TYPES["terrain"], dtype=object),
        name=[f"terrain-{i}" for i in range(n)],
        feature=np.arange(n),
        attributes=pd.DataFrame({"error_m": np.full(n, round(float(mesh.error_m), 3))}),
        geometries=[geometry],
    )


def columns_of(table: str, frame: pd.DataFrame) -> list[str]:
    """Columns of a table, declared ones first."""
    declared = [name for name in expand(TABLES[table].columns) if name in frame.columns] if table in TABLES else []
    return declared + [str(name) for name in frame.columns if name not in declared]
