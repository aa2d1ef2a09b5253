"""Layers of a city as meshes: what is drawn for some of their rows, in any frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import shapely

from dothi.mesh.drape import Paths, Sheets, draped_areas
from dothi.mesh.prisms import Prisms, has_model, prisms_of
from dothi.mesh.rings import Rings, ranges, starts_of, triangulate
from dothi.mesh.skin import Skin, skin_of
from dothi.mesh.terrain import TerrainMesh, flat_mesh, levels_on_mesh, terrain_mesh
from dothi.mesh.ways import levels_of, on_decks, one_of_two
from dothi.publish.globe import Frame
from dothi.publish.gltf import Material, Mesh, joined
from dothi.shapes import Floats, Integers, Mask
from dothi.units import M2_PER_KM2

if TYPE_CHECKING:
    from dothi.city import City

CHUNK: Final = 512
"""
Vertices of footprints that are written together, two blocks of the packing: five copies of them follow one another (at
the foot and the top of the walls on either side, and on the roof) whose packed bytes are equal, so that gzip keeps one.
"""
BELOW_GROUND_M: Final = 0.5
"""Walls reach this far below the mesh of the terrain."""

MATERIALS: Final = {
    "terrain": Material("terrain", (0.50, 0.50, 0.40)),
    "buildings": Material("buildings", (0.80, 0.72, 0.62)),
    "links": Material("links", (0.30, 0.30, 0.31), two_sided=True),
    "railways": Material("railways", (0.20, 0.17, 0.16), two_sided=True),
    "water_bodies": Material("water_bodies", (0.11, 0.27, 0.38), 0.4),
    "trees": Material("trees", (0.17, 0.33, 0.12)),
}
"""Layers in the order in which they are drawn, and how they look."""

LIFT_M: Final = {"water_bodies": 0.1, "links": 0.25, "railways": 0.35}
"""How far above the mesh of the terrain what lies on it is drawn, so that it shows from afar."""
BED_M: Final = 1.0
"""How far under water the terrain is drawn."""
WIDTH_M: Final = {"links": 5.0, "railways": 2.6}
"""Width of lines of unknown width."""
LINE_SIZE: Final = 4.0
"""Size of a line by its width: a line is seen from farther than a spot."""
LONGEST_MITRE: Final = 2.0
FINE_M: Final = 0.25
"""Error of fine terrain."""
FINE_TRIANGLES: Final = (30_000, 200_000)
TRIANGLES_PER_KM2: Final = 2_000.0
"""Triangles of fine terrain at most: by area, within limits."""
TREE_M: Final = 8.0
"""Height of a tree of unknown height."""


class Layer(Protocol):
    """
    Rows of a table that can be drawn.

    Attributes
    ----------
    table
        Name of the table.
    row : (n,)
        Their positions in the table, rising.
    at : (n, 2)
        About where they are [m].
    size_m : (n,)
        Extent of each: up to this far away from what it draws, nothing of it is seen [m].
    weight : (n,)
        Vertices to draw it with, in proportion.
    """

    @property
    def table(self) -> str: ...  # noqa: D102
    @property
    def row(self) -> Integers: ...  # noqa: D102
    @property
    def at(self) -> Floats: ...  # noqa: D102
    @property
    def size_m(self) -> Floats: ...  # noqa: D102
    @property
    def weight(self) -> Integers: ...  # noqa: D102

    def mesh(self, items: Integers, frame: Frame) -> Mesh:
        """Mesh of some of them, counted from 0 in the order of `row`; features count the items."""
        ...


def walls_and_roofs(prisms: Prisms, feature: Integers, frame: Frame) -> Mesh:
    """
    Walls and roofs of prisms, every face with vertices of its own.

    Parameters
    ----------
    prisms
        Upright prisms.
    feature : (n_prisms,)
        Feature of each.
    frame
        Frame to draw them in.

    Returns
    -------
    Mesh
        No undersides: they are never seen.
    """
    rings = prisms.rings
    n, part, following = len(rings.xy), rings.part_of_vertex, rings.next
    height = (prisms.top_m - prisms.base_m)[part]
    foot, up = frame.rays(rings.xy, float(prisms.top_m.max(initial=0.0)))
    base = foot + up * prisms.base_m[part][:, None]
    top = base + up * height[:, None]

    run = base[following] - base
    length = np.hypot(run[:, 0], run[:, 1])
    length[length == 0.0] = 1.0
    ahead = np.column_stack([run[:, 1] / length, -run[:, 0] / length, np.zeros(n)])  # of the wall that begins here
    behind = np.empty_like(ahead)
    behind[following] = ahead  # of the wall that ends here
    roof = np.broadcast_to(np.array([0.0, 0.0, 1.0]), (n, 3))

    number = np.arange(n)
    low, low_end, high_end, high, over = (number + copy * n for copy in range(5))
    low_end, high_end = low_end[following], high_end[following]
    walls = np.stack([low, low_end, high_end, low, high_end, high], axis=1)
    triangles, _ = triangulate(rings)
    mesh = Mesh(
        np.concatenate([base, base, top, top, top]),
        np.concatenate([ahead, behind, behind, ahead, roof]),
        np.tile(feature[part], 5),
        np.concatenate([walls.reshape(-1, 3), over[triangles]]),
    )
    order = np.argsort(np.tile(number // CHUNK, 5), kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return Mesh(mesh.xyz[order], mesh.normal[order], mesh.feature[order], place[mesh.triangles])


def faces(skin: Skin, feature: Integers, frame: Frame) -> Mesh:
    """Modelled surfaces of buildings, every face with vertices of its own; `feature` (n,) of each."""
    rings = skin.rings
    part = rings.part_of_vertex
    # Triangles are found on that plane of the grid that a face leans to most, seen from outside.
    axis = np.argmax(np.abs(skin.normal), axis=1)
    inwards = np.take_along_axis(skin.normal, axis[:, None], axis=1)[:, 0] < 0.0
    first, second = (axis + 1) % 3, (axis + 2) % 3
    first, second = np.where(inwards, second, first)[part], np.where(inwards, first, second)[part]
    xyz = skin.xyz
    number = np.arange(len(xyz))
    plane = np.column_stack([xyz[number, first], xyz[number, second]])
    triangles, _ = triangulate(Rings(plane, rings.z, rings.start, rings.part, rings.owner))

    foot, up = frame.rays(rings.xy)
    points = foot + up * rings.z[:, None]
    sides = points[triangles[:, 1:]] - points[triangles[:, :1]]
    normal = np.zeros((len(feature), 3))
    np.add.at(normal, part[triangles[:, 0]], np.cross(sides[:, 0], sides[:, 1]))
    normal /= np.maximum(np.linalg.norm(normal, axis=1), 1e-12)[:, None]
    return Mesh(points, normal[part], feature[part], triangles)


@dataclass(frozen=True, slots=True, eq=False)
class Buildings:
    """Buildings: prisms, or the surfaces that their source models. See `Layer`."""

    row: Integers
    at: Floats
    size_m: Floats
    weight: Integers
    prisms: Prisms
    skin: Skin | None
    table: str = "buildings"

    @classmethod
    def of(cls, city: City, terrain: TerrainMesh) -> Buildings:
        """Buildings of a city, their walls drawn down into its terrain."""
        prisms = prisms_of(city)
        if len(prisms):
            rings = prisms.rings
            level = np.minimum.reduceat(levels_on_mesh(terrain, rings.xy), rings.first[:-1]) - BELOW_GROUND_M
            on_ground = prisms.base_m <= prisms.ground_m
            base = np.where(on_ground, np.minimum(prisms.base_m, level), prisms.base_m)
            prisms = Prisms(rings, prisms.ground_m, base, prisms.top_m)
        skin = None
        if has_model(city).any():
            skin = skin_of(city, party=False)
            skin = skin.take(np.flatnonzero(skin.source_row >= 0))
        row, at, size, weight = _extents(prisms, skin)
        return cls(row, at, size, weight, prisms, skin)

    def mesh(self, items: Integers, frame: Frame) -> Mesh:
        """See `Layer.mesh`."""
        rows = self.row[items]
        chosen, feature = _of_rows(self.prisms.row, rows)
        parts = [walls_and_roofs(self.prisms.take(chosen), feature, frame)] if len(chosen) else []
        if self.skin is not None:
            chosen, feature = _of_rows(self.skin.row, rows)
            parts += [faces(self.skin.take(chosen), feature, frame)] if len(chosen) else []
        return joined(parts)


def _of_rows(owner: Integers, rows: Integers) -> tuple[Integers, Integers]:
    """Which of the sorted owners are among the rows, in the order of these, and the place of each among the rows."""
    first, last = np.searchsorted(owner, rows), np.searchsorted(owner, rows, side="right")
    return ranges(first, last - first), np.repeat(np.arange(len(rows)), last - first)


def _extents(prisms: Prisms, skin: Skin | None) -> tuple[Integers, Floats, Floats, Integers]:
    """Row, place, diameter and vertices of the buildings that prisms or surfaces stand for."""
    levels = [np.column_stack([prisms.base_m, prisms.top_m])]
    boxes = [_boxes(prisms.rings)]
    rows, weights = [prisms.row], [np.diff(prisms.rings.first)]
    if skin is not None and len(skin):
        first = skin.rings.first[:-1]
        levels.append(
            np.column_stack([np.minimum.reduceat(skin.rings.z, first), np.maximum.reduceat(skin.rings.z, first)])
        )
        boxes.append(_boxes(skin.rings))
        rows.append(skin.row)
        weights.append(np.diff(skin.rings.first))
    level, box, owner = np.concatenate(levels), np.concatenate(boxes), np.concatenate(rows)
    row, place = np.unique(owner, return_inverse=True)
    low, high = np.full((len(row), 3), np.inf), np.full((len(row), 3), -np.inf)
    np.minimum.at(low, place, np.column_stack([box[:, :2], level[:, 0]]))
    np.maximum.at(high, place, np.column_stack([box[:, 2:], level[:, 1]]))
    weight = np.bincount(place, weights=np.concatenate(weights), minlength=len(row)).astype(np.int64)
    return row, (low[:, :2] + high[:, :2]) / 2.0, np.linalg.norm(high - low, axis=1), weight


def _boxes(rings: Rings) -> Floats:
    """West, south, east, north of every polygon (n, 4)."""
    if not len(rings.owner):
        return np.empty((0, 4))
    first = rings.first[:-1]
    return np.column_stack([np.minimum.reduceat(rings.xy, first), np.maximum.reduceat(rings.xy, first)])


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Roads and railways: ribbons on the terrain, and on the decks of their bridges. See `Layer`."""

    table: str
    row: Integers
    at: Floats
    size_m: Floats
    weight: Integers
    paths: Paths
    bridge: Mask
    width_m: Floats
    terrain: TerrainMesh

    def mesh(self, items: Integers, frame: Frame) -> Mesh:
        """See `Layer.mesh`."""
        size = self.paths.size[items]
        vertex = ranges(self.paths.start[items], size)
        start = starts_of(size)
        feature = np.repeat(np.arange(len(items)), size)
        xyz = self.paths.xyz[vertex]
        across = _mitres(xyz[:, :2], start) * (self.width_m[items][feature] / 2.0)[:, None]
        sides = np.stack([xyz[:, :2] + across, xyz[:, :2] - across], axis=1).reshape(-1, 2)  # left, right, left, …
        on_bridge = np.repeat(self.bridge[items][feature], 2)
        level = np.where(on_bridge, np.repeat(xyz[:, 2], 2), levels_on_mesh(self.terrain, sides))
        foot, up = frame.rays(sides)
        first = 2 * np.delete(np.arange(len(xyz)), start[1:] - 1)
        quads = np.column_stack([first, first + 1, first + 3, first, first + 3, first + 2])
        return Mesh(
            foot + up * (level + LIFT_M[self.table])[:, None],
            np.broadcast_to(up, foot.shape),
            np.repeat(feature, 2),
            quads.reshape(-1, 3),
        )


def lines_of(city: City, terrain: TerrainMesh) -> Iterator[Lines]:
    """Roads and railways above ground, one for both directions."""
    rows, shapes, levels = {}, {}, {}
    for table in WIDTH_M:
        lines = city[table]
        drawn, _ = one_of_two(lines)
        if "class" in lines:
            drawn &= (lines["class"] != "ferry").to_numpy(dtype=bool)
        rows[table] = np.flatnonzero(drawn)
        shapes[table] = np.asarray(lines.geometry.array, dtype=object)[drawn]
        levels[table] = levels_of(lines).of(drawn)
    if not any(map(len, shapes.values())):
        return
    water = np.asarray(city["water_bodies"].geometry.array, dtype=object)
    for table, paths in on_decks(shapes, levels, water, terrain).items():
        own = np.flatnonzero(~levels[table].tunnel)
        lines = city[table].iloc[rows[table][own]]
        width = lines["width_m"].fillna(WIDTH_M[table]) if "width_m" in lines else np.full(len(lines), WIDTH_M[table])
        width_m = np.asarray(width, dtype=np.float64)
        seen = Paths(paths.xyz[ranges(paths.start[own], paths.size[own])], starts_of(paths.size[own]))
        box = shapely.bounds(shapes[table][own]).reshape(-1, 4)
        middle = (box[:, :2] + box[:, 2:]) / 2.0
        bridge = levels[table].bridge[own]
        yield Lines(table, rows[table][own], middle, LINE_SIZE * width_m, seen.size, seen, bridge, width_m, terrain)


def _mitres(xy: Floats, start: Integers) -> Floats:
    """Vectors (n, 2) to the left at every vertex of lines, as long as their ribbon of half-width 1 keeps its width."""
    last = np.zeros(len(xy), dtype=bool)
    last[start[1:] - 1] = True
    first = np.zeros(len(xy), dtype=bool)
    first[start[:-1]] = True
    ahead = np.roll(xy, -1, axis=0) - xy
    ahead[last] = 0.0
    length = np.hypot(ahead[:, 0], ahead[:, 1])
    left = np.column_stack([-ahead[:, 1], ahead[:, 0]]) / np.maximum(length, 1e-9)[:, None]
    before = np.roll(left, 1, axis=0)
    before[first] = left[first]
    left[last] = before[last]
    middle = left + before
    square = (middle**2).sum(axis=1)
    scale = np.minimum(2.0 / np.maximum(square, 1e-9), LONGEST_MITRE / np.sqrt(np.maximum(square, 1e-9)))
    mitres: Floats = np.where(square[:, None] > 1e-6, middle * scale[:, None], left)
    return mitres


@dataclass(frozen=True, slots=True, eq=False)
class Areas:
    """Areas on the terrain, such as water. See `Layer`."""

    table: str
    row: Integers
    at: Floats
    size_m: Floats
    weight: Integers
    sheets: Sheets

    @classmethod
    def of(cls, city: City, table: str, terrain: TerrainMesh) -> Areas:
        """Areas of a table."""
        shapes = np.asarray(city[table].geometry.array, dtype=object)
        sheets = draped_areas(shapes, terrain)
        drawn = sheets.triangle_count > 0
        row = np.unique(sheets.rings.owner[drawn])
        box = shapely.bounds(shapes[row]).reshape(-1, 4)
        vertices = np.diff(sheets.rings.first) + sheets.inner_count
        weight = np.bincount(sheets.rings.owner, weights=vertices, minlength=len(shapes)).astype(np.int64)[row]
        size = np.hypot(*(box[:, 2:] - box[:, :2]).T)
        return cls(table, row, (box[:, :2] + box[:, 2:]) / 2.0, size, weight, sheets)

    def mesh(self, items: Integers, frame: Frame) -> Mesh:
        """See `Layer.mesh`."""
        sheets, rings = self.sheets, self.sheets.rings
        chosen, feature = _of_rows(rings.owner, self.row[items])
        feature_of_sheet = np.zeros(len(sheets), dtype=np.int64)
        feature_of_sheet[chosen] = feature
        sheet = np.concatenate([rings.part_of_vertex, np.repeat(np.arange(len(sheets)), sheets.inner_count)])
        corners = ranges(starts_of(sheets.triangle_count)[chosen], sheets.triangle_count[chosen])
        used, place = np.unique(sheets.triangles[corners], return_inverse=True)
        xyz = np.concatenate([np.column_stack([rings.xy, rings.z]), sheets.inner])[used]
        foot, up = frame.rays(xyz[:, :2])
        return Mesh(
            foot + up * (xyz[:, 2] + LIFT_M[self.table])[:, None],
            np.broadcast_to(up, foot.shape),
            feature_of_sheet[sheet[used]],
            place.reshape(-1, 3),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Trees: a crown of six sides on a trunk of three. See `Layer`."""

    row: Integers
    at: Floats
    size_m: Floats
    weight: Integers
    level_m: Floats
    height_m: Floats
    crown_m: Floats
    table: str = "trees"

    @classmethod
    def of(cls, city: City, terrain: TerrainMesh) -> Trees:
        """Trees of a city on its terrain."""
        trees = city["trees"]
        at = shapely.get_coordinates(np.asarray(trees.geometry.array, dtype=object))
        height = trees["height_m"].fillna(TREE_M).to_numpy(dtype=float)
        crown = trees["crown_diameter_m"].to_numpy(dtype=float, na_value=np.nan)
        crown = np.where(np.isnan(crown), 0.5 * height, crown)
        level = levels_on_mesh(terrain, at)
        number = np.arange(len(at))
        return cls(number, at, np.maximum(height, crown), np.full(len(at), 4), level, height, crown)

    def mesh(self, items: Integers, frame: Frame) -> Mesh:
        """See `Layer.mesh`."""
        shape = _tree_shape()
        foot, up = frame.rays(self.at[items], float(self.height_m.max(initial=0.0)))
        foot = foot + up * self.level_m[items][:, None]
        width = np.column_stack([self.crown_m[items], self.crown_m[items], self.height_m[items]])
        n, k = len(items), len(shape.xyz)
        shift = np.repeat(np.arange(n) * k, len(shape.triangles))
        return Mesh(
            (foot[:, None] + shape.xyz[None] * width[:, None]).reshape(-1, 3),
            np.tile(shape.normal, (n, 1)),
            np.repeat(np.arange(n), k),
            np.tile(shape.triangles, (n, 1)) + shift[:, None],
        )


def _tree_shape() -> Mesh:
    """A tree of height 1 and crown diameter 1 at the origin, normals of the crown as of a ball."""
    angle = np.arange(6) * np.pi / 3.0

    def circle(radius: float, z: float, turn: float = 0.0, corners: int = 6) -> Floats:
        around = angle[:: 6 // corners] + turn
        return np.column_stack([radius * np.cos(around), radius * np.sin(around), np.full(corners, z)])

    crown = np.vstack([[[0.0, 0.0, 0.25]], circle(0.44, 0.42), circle(0.40, 0.74, np.pi / 6.0), [[0.0, 0.0, 1.0]]])
    trunk = np.vstack([circle(0.05, -0.02, corners=3), circle(0.05, 0.3, corners=3)])
    six = np.arange(6)
    ahead = (six + 1) % 6
    low, high = 1 + six, 7 + six
    triangles = [
        np.column_stack([np.zeros(6, dtype=int), 1 + ahead, low]),
        np.column_stack([low, 1 + ahead, high]),
        np.column_stack([1 + ahead, 7 + ahead, high]),
        np.column_stack([high, 7 + ahead, np.full(6, 13)]),
        *(
            np.array([[14 + i, 14 + (i + 1) % 3, 17 + (i + 1) % 3], [14 + i, 17 + (i + 1) % 3, 17 + i]])
            for i in range(3)
        ),
    ]
    centre = np.array([0.0, 0.0, 0.6])
    normal = np.vstack([crown - centre, trunk * [1.0, 1.0, 0.0]])
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    return Mesh(np.vstack([crown, trunk]), normal, np.zeros(len(normal), dtype=np.int64), np.vstack(triangles))


def ground(terrain: TerrainMesh, triangles: Integers, frame: Frame, lowered_m: Floats) -> Mesh:
    """Some triangles of the terrain, lit smoothly; vertices (n_vertices,) are drawn lower than they are."""
    used, place = np.unique(triangles, return_inverse=True)
    xyz = terrain.xyz
    foot, up = frame.rays(xyz[used, :2])
    points = foot + up * (xyz[used, 2] - lowered_m[used])[:, None]
    return Mesh(points, terrain_normals(terrain)[used], np.zeros(len(used), dtype=np.int64), place.reshape(-1, 3))


def bed_of(city: City, terrain: TerrainMesh) -> Floats:
    """
    How much lower the vertices of the terrain (n_vertices,) are drawn under water [m].

    The terrain of water is its surface. Two surfaces at one level would flicker, so that of the terrain gives way.
    """
    xy = terrain.xyz[:, :2]
    point = np.asarray(shapely.points(xy), dtype=object)
    water = np.asarray(city["water_bodies"].geometry.array, dtype=object)
    wet = np.zeros(len(xy), dtype=bool)
    shapely.prepare(water)
    wet[shapely.STRtree(point).query(water, predicate="contains")[1]] = True
    return np.where(wet, BED_M, 0.0)


def terrain_normals(terrain: TerrainMesh) -> Floats:
    """Upward unit normals at the vertices of a terrain (n_vertices, 3): of the triangles around, by area."""
    xyz, triangles = terrain.xyz, terrain.triangles
    sides = xyz[triangles[:, 1:]] - xyz[triangles[:, :1]]
    across = np.cross(sides[:, 0], sides[:, 1])
    normal = np.column_stack(
        [np.bincount(triangles.ravel(), weights=np.repeat(axis, 3), minlength=len(xyz)) for axis in across.T]
    )
    normals: Floats = normal / np.maximum(np.linalg.norm(normal, axis=1), 1e-12)[:, None]
    return normals


def terrain_of(city: City, *, error_m: float, most_triangles: int) -> tuple[TerrainMesh, bool]:
    """Mesh of the terrain of a city and whether it has one; without, a plane at the median of its ground levels."""
    if "terrain" in city.rasters and np.isfinite(city.rasters["terrain"].to_numpy()).any():
        return terrain_mesh(city.rasters["terrain"], error_m=error_m, most_triangles=most_triangles), True
    known = city["buildings"]["ground_m"].dropna()
    return flat_mesh(city.bounds, float(known.median()) if len(known) else 0.0), False


def terrain_for(city: City) -> tuple[TerrainMesh, bool]:
    """Mesh of the terrain of a city in the detail that its area allows, and whether it has one."""
    west, south, east, north = city.bounds
    by_area = TRIANGLES_PER_KM2 * (east - west) * (north - south) / M2_PER_KM2
    return terrain_of(city, error_m=FINE_M, most_triangles=int(np.clip(by_area, *FINE_TRIANGLES)))


def layers_of(city: City, terrain: TerrainMesh, wanted: Sequence[str]) -> Iterator[Layer]:
    """Layers of a city that have something to draw, in the order of `MATERIALS`."""
    there = [table for table in MATERIALS if table in wanted and table in city and len(city[table])]
    lines = {}
    if any(table in WIDTH_M for table in there):
        lines = {layer.table: layer for layer in lines_of(city, terrain)}
    for table in there:
        layer: Layer
        if table == "buildings":
            layer = Buildings.of(city, terrain)
        elif table == "trees":
            layer = Trees.of(city, terrain)
        elif table in WIDTH_M:
            layer = lines[table]
        else:
            layer = Areas.of(city, table, terrain)
        if len(layer.row):
            yield layer
