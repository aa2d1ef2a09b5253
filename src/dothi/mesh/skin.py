"""The skin of buildings: all their flat surfaces in flat arrays, with the way they face, and party walls marked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from dothi.mesh.party import LEAST_M2, Outlines, Pieces, Walls, contacts_of, split, together
from dothi.mesh.prisms import Prisms, prisms_of
from dothi.mesh.rings import Rings, rings_of, starts_of
from dothi.schema import conform
from dothi.shapes import Floats, Integers, Mask, Shapes
from dothi.tables import SURFACE_KINDS, TABLES

if TYPE_CHECKING:
    from dothi.city import City

ROOF, WALL, GROUND = (SURFACE_KINDS.index(kind) for kind in ("roof", "wall", "ground"))

HORIZONTAL_DEG: Final = 0.5
"""Surfaces that lean less than this off the horizontal face no direction."""

UPRIGHT_DEG: Final = 2.0
"""Modelled walls that lean less than this off the vertical are looked at for neighbours."""

BLOCK: Final = 20_000
"""Buildings whose surfaces are made in one go, so that memory stays small."""

MOST_STORED: Final = 50_000
"""Buildings beyond which surfaces of prisms are not kept in the table: see ``docs/decisions/0005-surfaces.md``."""


@dataclass(frozen=True, slots=True)
class Skin:
    """
    Flat surfaces of buildings, those of a building one after the other.

    Attributes
    ----------
    rings
        Polygons in space, one for each surface. Seen from outside, outer rings run counter-clockwise and holes
        clockwise. ``rings.owner`` is the position of the building in its table.
    kind : (n,)
        Place in `dothi.tables.SURFACE_KINDS`. The underside of a prism on air is `ground` with `height_m` over 0.
    solid : (n,)
        Number of the closed body it bounds: a prism, or all that a source models of a building.
    source_row : (n,)
        Position in the table ``surfaces`` of what the source modelled; −1 for faces of prisms.
    normal : (n, 3)
        Outward unit normal: east, north, up.
    tilt_deg : (n,)
        Angle between normal and zenith: 0 flat roof, 90 wall, 180 underside.
    azimuth_deg : (n,)
        Direction of the normal, clockwise from grid north, 0 to below 360; NaN for horizontal surfaces.
    area_m2 : (n,)
        Area, holes taken off.
    height_m : (n,)
        Height of its centroid above the ground of the building.
    party_row : (n,)
        Position of the building on the other side; −1 where the surface is exposed. It is the building's own where
        two of its parts meet.
    """

    rings: Rings
    kind: Integers
    solid: Integers
    source_row: Integers
    normal: Floats
    tilt_deg: Floats
    azimuth_deg: Floats
    area_m2: Floats
    height_m: Floats
    party_row: Integers

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def row(self) -> Integers:
        """Position of the building in its table, shape ``(n,)``, in rising order."""
        return self.rings.owner

    @property
    def xyz(self) -> Floats:
        """Vertices of all surfaces, shape ``(n_vertices, 3)`` [m]."""
        return np.column_stack([self.rings.xy, self.rings.z])

    def take(self, surfaces: Integers) -> Skin:
        """Some of the surfaces, in the order asked for."""
        return Skin(
            self.rings.take(surfaces),
            *(getattr(self, name)[surfaces] for name in self.__slots__ if name != "rings"),
        )

    def polygons(self) -> Shapes:
        """Surfaces as polygons in space, shape ``(n,)``."""
        return polygons_of(self.rings, self.xyz)


def polygons_of(rings: Rings, vertices: Floats) -> Shapes:
    """Polygons whose vertices lie elsewhere, in a plane or in space."""
    if not len(rings.owner):
        return np.empty(0, dtype=object)
    size = rings.size + 1  # rings end where they begin
    vertex = np.insert(np.arange(len(vertices)), rings.start[1:], rings.start[:-1])
    offsets = (starts_of(size), rings.part)
    return np.asarray(shapely.from_ragged_array(shapely.GeometryType.POLYGON, vertices[vertex], offsets))


@dataclass(frozen=True, slots=True)
class _Faces:
    """Surfaces before anything is computed of them; fields as in `Skin`."""

    rings: Rings
    kind: Integers
    solid: Integers
    source_row: Integers
    party_row: Integers

    def __len__(self) -> int:
        return len(self.kind)

    def take(self, faces: Integers) -> _Faces:
        return _Faces(
            self.rings.take(faces), self.kind[faces], self.solid[faces], self.source_row[faces], self.party_row[faces]
        )


def skin_of(city: City, *, party: bool = True, from_lod: float = 2.0, prisms: bool = True, turned: bool = True) -> Skin:
    """
    All surfaces of all buildings of a city: `skins_of` in one piece.

    It takes about 8 kB for each building; where a city is large, go through `skins_of` instead.
    """
    return _stacked(list(skins_of(city, party=party, from_lod=from_lod, prisms=prisms, turned=turned)))


def skins_of(
    city: City, *, party: bool = True, from_lod: float = 2.0, prisms: bool = True, turned: bool = True
) -> Iterator[Skin]:
    """
    Surfaces of all buildings of a city, some thousand buildings at a time.

    Parameters
    ----------
    city
        City with heights and ground levels.
    party
        Whether walls are split where they touch those of a neighbour. Without, a sound solid is closed edge to edge.
    from_lod
        Level of detail from which buildings keep the surfaces that their source models. All others, if they have a
        height, have the walls, roofs and undersides of their prisms.
    prisms
        Whether to give those.
    turned
        Whether modelled shells that face inwards are turned round.

    Yields
    ------
    Skin
        Surfaces by building; within a building walls, roof and underside of each prism, or the order of the source.
    """
    drawn = _drawn(city, from_lod, turned=turned)
    none = np.empty(0)
    bodies = prisms_of(city) if prisms else Prisms(rings_of(none.astype(object)), none, none, none)
    bodies = bodies.take(np.flatnonzero(~np.isin(bodies.row, drawn.rings.owner)))
    drawn = replace(drawn, solid=drawn.solid + len(bodies))
    ground = city["buildings"]["ground_m"].fillna(0.0).to_numpy(dtype=float)

    plain = _walls_of(bodies)
    upright, face = _upright_walls(drawn)
    walls = together(plain, upright)
    pieces, outlines = split(walls, contacts_of(walls if party else walls.take(face[:0])))
    face = np.concatenate([np.full(len(plain), -1), face])[outlines.wall]  # −1: of a prism
    whole = np.ones(len(drawn), dtype=bool)
    whole[face[face >= 0]] = False
    source_row = np.append(drawn.source_row, -1)[face]

    rows = np.arange(0, len(ground), BLOCK)
    body, piece, modelled = (
        np.append(np.searchsorted(row, rows), len(row))
        for row in (bodies.row, walls.row[pieces.wall], drawn.rings.owner)
    )
    block_of = walls.row[outlines.wall] // BLOCK
    for number in range(len(rows)):
        here, first = np.flatnonzero(block_of == number), body[number]
        prism = np.arange(first, body[number + 1])
        model = np.arange(modelled[number], modelled[number + 1])
        faces = [
            _quads(walls, pieces.take(np.arange(piece[number], piece[number + 1]))),
            _shaped(walls, outlines.take(here), source_row[here]),
            *_caps(bodies.take(prism), prism),
            drawn.take(model[whole[model]]),
        ]
        yield _described(_joined(faces), ground)


def _drawn(city: City, from_lod: float, *, turned: bool) -> _Faces:
    """Surfaces that sources model, in rising order of their building."""
    surfaces = city["surfaces"]
    level = pd.to_numeric(surfaces["lod"], errors="coerce").to_numpy(dtype=float)
    shapes = np.asarray(surfaces.geometry.array, dtype=object)
    row = city["buildings"].index.get_indexer(surfaces["building_id"])
    chosen = (level >= from_lod) & (row >= 0) & shapely.has_z(shapes) & _of_sources(surfaces)
    chosen = np.flatnonzero(chosen)
    chosen = chosen[np.argsort(row[chosen], kind="stable")]
    polygons, owner = shapely.get_parts(shapes[chosen], return_index=True)
    outlines, polygon = shapely.get_rings(polygons, return_index=True)
    at, ring = shapely.get_coordinates(outlines, include_z=True, return_index=True)
    at, ring = at[:-1][ring[1:] == ring[:-1]], ring[:-1][ring[1:] == ring[:-1]]  # the first vertex is not repeated
    source_row = chosen[owner]
    rings = Rings(
        at[:, :2].copy(),
        at[:, 2].copy(),
        starts_of(np.bincount(ring, minlength=len(outlines))),
        starts_of(np.bincount(polygon, minlength=len(polygons))),
        row[source_row],
    )
    kinds = surfaces["kind"].astype(pd.CategoricalDtype(SURFACE_KINDS)).cat.codes.to_numpy(dtype=np.int64)
    solid = np.cumsum(np.diff(rings.owner, prepend=rings.owner[:1]) != 0)
    faces = _Faces(rings, kinds[source_row], solid, source_row, np.full(len(source_row), -1))
    if turned and len(faces):
        faces = replace(faces, rings=_turned(rings, volumes(_described(faces))[solid] < 0.0))
    return faces


def _of_sources(surfaces: gpd.GeoDataFrame) -> Mask:
    """Rows that are not made of prisms."""
    if "method" not in surfaces:
        return np.ones(len(surfaces), dtype=bool)
    return np.asarray(surfaces["method"] != "prism", dtype=bool)


def _turned(rings: Rings, chosen: Mask) -> Rings:
    """Rings of which those of the chosen polygons run the other way."""
    ring = np.repeat(np.arange(len(rings.size)), rings.size)
    mirrored = rings.start[ring] + rings.start[ring + 1] - 1 - np.arange(len(rings.xy))
    vertex = np.where(chosen[rings.part_of_vertex], mirrored, np.arange(len(rings.xy)))
    return replace(rings, xy=rings.xy[vertex], z=rings.z[vertex])


def _caps(prisms: Prisms, solid: Integers) -> list[_Faces]:
    """Roofs and undersides of prisms that have these numbers."""
    rings, part = prisms.rings, prisms.rings.part_of_vertex
    n = len(prisms)
    nothing = np.full(n, -1)
    roof = replace(rings, z=prisms.top_m[part])
    ground = _turned(replace(rings, z=prisms.base_m[part]), np.ones(n, dtype=bool))
    return [
        _Faces(roof, np.full(n, ROOF), solid, nothing, nothing),
        _Faces(ground, np.full(n, GROUND), solid, nothing, nothing),
    ]


def _walls_of(prisms: Prisms) -> Walls:
    """Walls of prisms, prism by prism; those without length left out."""
    rings = prisms.rings
    start, end = rings.xy, rings.xy[rings.next]
    part = rings.part_of_vertex
    long = (start != end).any(axis=1)
    part = part[long]
    return Walls(
        start[long],
        end[long],
        prisms.base_m[part],
        prisms.top_m[part],
        part,
        prisms.row[part],
        np.full(len(part), None, dtype=object),
    )


def _upright_walls(faces: _Faces) -> tuple[Walls, Integers]:
    """Modelled walls that stand upright, each in its own plane, and which of the faces they are."""
    skin = _described(faces)
    sound = (faces.kind == WALL) & (np.abs(skin.tilt_deg - 90.0) <= UPRIGHT_DEG) & (skin.area_m2 > LEAST_M2)
    chosen = np.flatnonzero(sound)
    rings = faces.rings.take(chosen)
    first, part = rings.first[:-1], rings.part_of_vertex
    out = skin.normal[chosen, :2] / np.hypot(*skin.normal[chosen, :2].T)[:, None]
    along = np.column_stack([-out[:, 1], out[:, 0]])
    local = rings.xy - rings.xy[first][part]
    reach, depth = (local * along[part]).sum(axis=1), (local * out[part]).sum(axis=1)
    if not len(chosen):
        none = np.empty((0, 2))
        return Walls(none, none, none[:, 0], none[:, 0], chosen, chosen, np.empty(0, dtype=object)), chosen
    begins, ends = np.minimum.reduceat(reach, first), np.maximum.reduceat(reach, first)
    middle = rings.xy[first] + out * (np.add.reduceat(depth, first) / np.diff(rings.first))[:, None]
    plane = np.column_stack([reach - begins[part], rings.z])
    outline = polygons_of(rings, plane)
    walls = Walls(
        middle + along * begins[:, None],
        middle + along * ends[:, None],
        np.minimum.reduceat(rings.z, first),
        np.maximum.reduceat(rings.z, first),
        faces.solid[chosen],
        rings.owner,
        outline,
    )
    valid = np.flatnonzero(shapely.is_valid(outline))
    return walls.take(valid), chosen[valid]


def _quads(walls: Walls, pieces: Pieces) -> _Faces:
    """Rectangular pieces of walls."""
    wall, n = pieces.wall, len(pieces.wall)
    length = walls.length[wall]
    begins, ends = ((values / length)[:, None] for values in (pieces.near, pieces.far))
    start, end = walls.start[wall], walls.end[wall]
    left, right = start * (1.0 - begins) + end * begins, start * (1.0 - ends) + end * ends
    rings = Rings(
        np.stack([left, right, right, left], axis=1).reshape(-1, 2),
        np.column_stack([pieces.low, pieces.low, pieces.high, pieces.high]).ravel(),
        np.arange(0, 4 * n + 1, 4),
        np.arange(n + 1),
        walls.row[wall],
    )
    return _Faces(rings, np.full(n, WALL), walls.solid[wall], np.full(n, -1), pieces.party_row)


def _shaped(walls: Walls, outlines: Outlines, source_row: Integers) -> _Faces:
    """Pieces of walls of any outline, set back into space."""
    rings = rings_of(outlines.shape)
    wall = outlines.wall[rings.part_of_vertex]
    along = (walls.end - walls.start)[wall] / walls.length[wall][:, None]
    xy = walls.start[wall] + along * rings.xy[:, :1]
    placed = Rings(xy, rings.xy[:, 1].copy(), rings.start, rings.part, walls.row[outlines.wall])
    return _Faces(placed, np.full(len(source_row), WALL), walls.solid[outlines.wall], source_row, outlines.party_row)


def _joined(faces: list[_Faces]) -> _Faces:
    """Surfaces of several kinds, sorted by building and solid."""
    together = _Faces(
        _side_by_side([each.rings for each in faces]),
        *(np.concatenate([getattr(each, name) for each in faces]) for name in _Faces.__slots__ if name != "rings"),
    )
    return together.take(np.lexsort((together.source_row, together.solid, together.rings.owner)))


def _stacked(skins: list[Skin]) -> Skin:
    """Skins one after the other."""
    if len(skins) == 1:
        return skins[0]
    nothing = np.empty(0, dtype=np.int64)
    empty = Rings(np.empty((0, 2)), np.empty(0), starts_of(nothing), starts_of(nothing), nothing)
    skins = skins or [_described(_Faces(empty, nothing, nothing, nothing, nothing))]
    return Skin(
        _side_by_side([each.rings for each in skins]),
        *(np.concatenate([getattr(each, name) for each in skins]) for name in Skin.__slots__ if name != "rings"),
    )


def _side_by_side(rings: list[Rings]) -> Rings:
    """Polygons of several lots."""
    return Rings(
        np.concatenate([each.xy for each in rings]),
        np.concatenate([each.z for each in rings]),
        starts_of(np.concatenate([each.size for each in rings])),
        starts_of(np.concatenate([np.diff(each.part) for each in rings])),
        np.concatenate([each.owner for each in rings]),
    )


def _described(faces: _Faces, ground: Floats | None = None) -> Skin:
    """
    Surfaces with normal, area and height, all rings at once.

    Newell's sum of the cross products along a ring is twice its area times its normal [1]_; triangles fanned out from
    the first vertex weigh their centroids.

    References
    ----------
    .. [1] I. E. Sutherland, R. F. Sproull, R. A. Schumacker, A characterization of ten hidden-surface algorithms,
       ACM Computing Surveys 6 (1974), 1–55, doi:10.1145/356625.356626, after M. Newell.
    """
    rings = faces.rings
    first = rings.start[:-1]
    outer = rings.part[:-1]
    surface = np.repeat(np.arange(len(faces)), np.diff(rings.part))
    if not len(faces):
        none = np.empty(0)
        return Skin(
            rings, faces.kind, faces.solid, faces.source_row, np.empty((0, 3)), none, none, none, none, faces.party_row
        )
    ring = np.repeat(np.arange(len(first)), rings.size)
    x, y = (rings.xy - rings.xy[first][ring]).T  # small numbers keep their digits
    z = rings.z - rings.z[first][ring]
    ahead = rings.next
    x2, y2, z2 = x[ahead], y[ahead], z[ahead]
    cross = (y * z2 - z * y2, z * x2 - x * z2, x * y2 - y * x2)
    vector = np.column_stack([np.add.reduceat(part, first) for part in cross])[outer] / 2.0
    size = np.linalg.norm(vector, axis=1)
    normal = vector / np.where(size > 0.0, size, 1.0)[:, None]
    of_vertex = surface[ring]
    signed = sum(part * normal[of_vertex, axis] for axis, part in enumerate(cross)) / 2.0
    covered = np.add.reduceat(signed, first)
    moment = np.add.reduceat(signed * (z + z2) / 3.0, first) + covered * rings.z[first]
    turn = -np.sign(covered)  # holes are taken off, whichever way they run
    turn[outer] = 1.0
    area = np.add.reduceat(turn * covered, outer)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.add.reduceat(turn * moment, outer) / area
    tilt = np.rad2deg(np.arctan2(np.hypot(normal[:, 0], normal[:, 1]), normal[:, 2]))
    azimuth = np.rad2deg(np.arctan2(normal[:, 0], normal[:, 1])) % 360.0
    azimuth[(tilt < HORIZONTAL_DEG) | (tilt > 180.0 - HORIZONTAL_DEG)] = np.nan
    azimuth[azimuth == 360.0] = 0.0
    height = level if ground is None else level - ground[rings.owner]
    return Skin(rings, faces.kind, faces.solid, faces.source_row, normal, tilt, azimuth, area, height, faces.party_row)


def volumes(skin: Skin) -> Floats:
    """
    Volume within each solid, by the divergence theorem.

    Parameters
    ----------
    skin
        Surfaces.

    Returns
    -------
    (n_solids,) array
        Volume [m³]; negative where surfaces face inwards, without meaning where they do not close.
    """
    corner = skin.xyz[skin.rings.first[:-1]]
    origin = np.zeros((int(skin.solid.max(initial=-1)) + 1, 3))
    origin[skin.solid[::-1]] = corner[::-1]
    reach = ((corner - origin[skin.solid]) * skin.normal).sum(axis=1)
    return np.bincount(skin.solid, weights=reach * skin.area_m2 / 3.0, minlength=len(origin)).astype(np.float64)


def surface_table(city: City, *, prisms: bool = True) -> gpd.GeoDataFrame:
    """
    Table ``surfaces`` of a whole city.

    What sources model stays as they drew it, row by row, with tilt, azimuth, area and height; `party_area_m2` says
    how much of a wall its neighbours cover, `party_building_id` which of them covers most. Buildings without get the
    surfaces of their prisms, with walls split so that each is either shared or not.

    Parameters
    ----------
    city
        City with heights and ground levels.
    prisms
        Whether to give those of prisms; without, neighbours that have no more than a prism are not looked at.

    Returns
    -------
    geopandas.GeoDataFrame
        Rows of sources, then those of prisms by building.
    """
    ids = city["buildings"].index.to_numpy()
    modelled, made = [], []
    for skin in skins_of(city, from_lod=1.0, prisms=prisms):
        drawn = skin.source_row >= 0
        modelled.append(skin.take(np.flatnonzero(drawn)))
        made.append(_table(skin if not drawn.any() else skin.take(np.flatnonzero(~drawn)), ids, city.crs))
    surfaces = city["surfaces"]
    kept = np.flatnonzero(_of_sources(surfaces))
    skin = _stacked(modelled)
    skin = replace(skin, source_row=np.searchsorted(kept, skin.source_row))
    source = conform(_measured(surfaces.iloc[kept], skin, ids), TABLES["surfaces"])
    tables = [frame for frame in (source, *made) if len(frame)] or [source]
    return conform(pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0], TABLES["surfaces"])


def _table(skin: Skin, ids: Integers, crs: str) -> gpd.GeoDataFrame:
    """Surfaces of prisms as rows."""
    n, shared = len(skin), skin.party_row >= 0
    frame = gpd.GeoDataFrame(
        {
            "building_id": ids[skin.row],
            "kind": pd.Categorical.from_codes(skin.kind, categories=list(SURFACE_KINDS)),
            "lod": pd.Series("1", index=range(n), dtype="str"),
            "method": pd.Categorical.from_codes(np.ones(n, dtype=np.int8), categories=["source", "prism"]),
            "tilt_deg": skin.tilt_deg,
            "azimuth_deg": skin.azimuth_deg,
            "area_m2": skin.area_m2,
            "height_m": skin.height_m,
            "party_building_id": pd.arrays.IntegerArray(np.where(shared, ids[skin.party_row], 0), ~shared),
            "party_area_m2": np.where(shared, skin.area_m2, 0.0),
        },
        geometry=skin.polygons(),
        crs=crs,
    )
    return conform(frame, TABLES["surfaces"])


def _measured(table: gpd.GeoDataFrame, skin: Skin, ids: Integers) -> gpd.GeoDataFrame:
    """Rows of sources with the sizes of their surfaces; a row may have been split, and may be several polygons."""
    n, row = len(table), skin.source_row

    def total(values: Floats) -> Floats:
        return np.asarray(np.bincount(row, weights=values, minlength=n), dtype=np.float64)

    known = np.bincount(row, minlength=n) > 0
    area = total(skin.area_m2)
    facing = np.column_stack([total(skin.normal[:, axis] * skin.area_m2) for axis in range(3)])
    flat = np.hypot(facing[:, 0], facing[:, 1])
    tilt = np.rad2deg(np.arctan2(flat, facing[:, 2]))
    azimuth = np.rad2deg(np.arctan2(facing[:, 0], facing[:, 1])) % 360.0
    level = (tilt < HORIZONTAL_DEG) | (tilt > 180.0 - HORIZONTAL_DEG)
    shared = np.flatnonzero(skin.party_row >= 0)
    shares = pd.DataFrame({"row": row[shared], "party": skin.party_row[shared], "area": skin.area_m2[shared]})
    most = shares.groupby(["row", "party"], as_index=False)["area"].sum().sort_values(["row", "area", "party"])
    most = most.drop_duplicates("row", keep="last")
    neighbour = pd.Series(pd.NA, index=range(n), dtype="Int64")
    neighbour.iloc[most["row"].to_numpy()] = ids[most["party"].to_numpy()]
    with np.errstate(divide="ignore", invalid="ignore"):
        height = total(skin.height_m * skin.area_m2) / area
    method = table["method"].astype(object) if "method" in table else pd.Series(None, index=table.index, dtype=object)
    return table.assign(
        method=method.where(method.notna(), "source"),
        tilt_deg=np.where(known, tilt, np.nan),
        azimuth_deg=np.where(known & ~level, azimuth, np.nan),
        area_m2=np.where(known, area, np.nan),
        height_m=np.where(known, height, np.nan),
        party_building_id=neighbour.to_numpy(),
        party_area_m2=np.where(known, total(np.where(skin.party_row >= 0, skin.area_m2, 0.0)), np.nan),
    )
