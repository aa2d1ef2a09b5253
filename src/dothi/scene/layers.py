"""What each layer of a scene holds, as bundles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from dothi.mesh.drape import Paths, Sheets
from dothi.mesh.prisms import Prisms
from dothi.mesh.rings import ranges, starts_of, triangulate
from dothi.mesh.terrain import TerrainMesh
from dothi.scene.bundle import MOST, STEP_M, Frame, write_bundle
from dothi.scene.tiles import along_curve, squares
from dothi.shapes import Floats, Integers

Box = tuple[float, float, float, float, float, float]
Bounds = tuple[float, float, float, float]
Arrays = dict[str, NDArray[Any]]

PRISMS_PER_TILE: Final = 3000
FIRST_PRISMS: Final = 64
FINE_PRISMS: Final = 300_000
COARSE_STEP_M: Final = 0.05
"""Step of buildings where there are more than `FINE_PRISMS`: a tenth fewer bytes."""
VERTICES_PER_TILE: Final = 12_000
POINTS_PER_TILE: Final = 8_000
LINE_SIDE_M: Final = 2000.0
POINT_SIDE_M: Final = 8000.0
"""Sides of the largest tiles: a few coarse files rather than many that hold next to nothing."""
NONE: Final = 2**32 - 1
CENTIMETRES: Final = 100.0
DECIMETRES: Final = 10.0


@dataclass(frozen=True, slots=True)
class Tile:
    """
    One file of a layer.

    Attributes
    ----------
    name
        Path of the file within the scene.
    data
        Its bytes.
    n
        Objects in it.
    box
        West, south, bottom, east, north, top [m].
    """

    name: str
    data: bytes
    n: int
    box: Box


def box_of(xy: Floats, low: Floats, high: Floats) -> Box:
    """Box around places whose levels lie between others, to the centimetre."""
    west, south = np.floor(xy.min(axis=0) * CENTIMETRES) / CENTIMETRES
    east, north = np.ceil(xy.max(axis=0) * CENTIMETRES) / CENTIMETRES
    bottom = np.floor(low.min() * CENTIMETRES) / CENTIMETRES
    top = np.ceil(high.max() * CENTIMETRES) / CENTIMETRES
    return float(west), float(south), float(bottom), float(east), float(north), float(top)


def prism_tiles(prisms: Prisms, layer: str = "buildings") -> Iterator[Tile]:
    """
    Tiles of buildings.

    Prisms stand in order of importance, the largest volume first, so that the first few stand for the tile from afar.
    After the first 64, that order is kept between classes, each four times as large as all before; within a class
    neighbours stand together, which saves a tenth of the bytes.
    """
    if not len(prisms):
        return
    first = prisms.rings.first[:-1]
    volume = ring_areas(prisms) * (prisms.top_m - prisms.base_m)
    low, high = (edge.reduceat(prisms.rings.xy, first, axis=0) for edge in (np.minimum, np.maximum))
    middle = 0.5 * (low + high)
    step = STEP_M if len(prisms) <= FINE_PRISMS else COARSE_STEP_M
    for name, found in squares(middle, np.ones(len(prisms), dtype=np.int64), PRISMS_PER_TILE):
        members = found[np.lexsort((found, -volume[found]))]
        rank = np.arange(len(members))
        place = renumbered(along_curve(middle[members]))
        importance = np.ceil(np.log2(np.maximum(rank + 1, FIRST_PRISMS) / FIRST_PRISMS) / 2.0)
        order = members[np.lexsort((np.where(importance == 0.0, rank, place), importance))]
        yield prism_tile(f"{layer}/{name}.bin", prisms.take(order), step)


def ring_areas(prisms: Prisms) -> Floats:
    """Area of the footprint of every prism, holes taken off [m²]."""
    rings = prisms.rings
    if not len(prisms):
        return np.empty(0)
    xy = rings.xy - np.repeat(rings.xy[rings.first[:-1]], np.diff(rings.first), axis=0)
    after = xy[rings.next]
    twice = xy[:, 0] * after[:, 1] - xy[:, 1] * after[:, 0]
    return np.asarray(0.5 * np.add.reduceat(twice, rings.first[:-1]))


def prism_tile(name: str, prisms: Prisms, step_m: float = STEP_M) -> Tile:
    """One tile of buildings, in the order given."""
    rings = prisms.rings
    frame = Frame.around(rings.xy, np.concatenate([prisms.base_m, prisms.top_m]), step_m)
    triangles, count = triangulate(rings)
    triangles = triangles - np.repeat(rings.first[:-1], count)[:, None]
    triangles = tidy(triangles, np.repeat(np.arange(len(count)), count))
    arrays: Arrays = {
        "row": prisms.row.astype(np.uint32),
        "base": frame.z(prisms.base_m),
        "top": frame.z(prisms.top_m),
        "rings": np.diff(rings.part).astype(np.uint16),
        "size": rings.size.astype(np.uint16),
        "x": frame.x(rings.xy[:, 0]),
        "y": frame.y(rings.xy[:, 1]),
        "triangle_count": count.astype(np.uint16),
        "triangles": short(triangles.ravel(), np.uint8),
    }
    data = write_bundle(arrays, frame, delta=("row", "x", "y", "triangles"))
    return Tile(name, data, len(prisms), box_of(rings.xy, prisms.base_m, prisms.top_m))


def tidy(triangles: Integers, owner: Integers) -> Integers:
    """Triangles in rising order of their vertices, owner by owner: of many orders, one that compresses well."""
    turn = np.argmin(triangles, axis=1)[:, None]
    turned = np.take_along_axis(triangles, (turn + np.arange(3)) % 3, axis=1)
    return turned[np.lexsort((turned[:, 2], turned[:, 1], turned[:, 0], owner))]


def renumbered(order: Integers) -> Integers:
    """New number of every vertex that is put in an order."""
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    return number


def short(numbers: Integers, least: type[np.unsignedinteger[Any]] = np.uint16) -> NDArray[np.unsignedinteger[Any]]:
    """Numbers in the shortest type that holds them, from a least one on."""
    for kind in (np.uint8, np.uint16):
        if np.dtype(kind).itemsize >= np.dtype(least).itemsize and numbers.max(initial=0) <= np.iinfo(kind).max:
            return numbers.astype(kind)
    return numbers.astype(np.uint32)


def mesh_tile(mesh: TerrainMesh, name: str = "terrain.bin") -> Tile:
    """The mesh of the terrain, its vertices from south to north."""
    xyz = mesh.xyz
    span = max(mesh.level.shape)
    step = mesh.cell_m if span <= MOST else mesh.cell_m * np.ceil(span / MOST)
    z0 = float(np.floor(xyz[:, 2].min()))
    z_step = 0.01
    while xyz[:, 2].max() - z0 > MOST * z_step:
        z_step *= 2.0
    frame = Frame(mesh.west, mesh.south, z0, float(step), z_step)
    order = along_curve(xyz[:, :2], step_m=mesh.cell_m)
    triangles = tidy(renumbered(order)[mesh.triangles], np.zeros(len(mesh.triangles), dtype=np.int64))
    return _mesh_file(name, xyz[order], triangles, frame)


def level_tile(bounds: Bounds, level_m: float, name: str = "terrain.bin") -> Tile:
    """A level ground between bounds."""
    west, south, east, north = bounds
    xyz = np.column_stack([np.tile([west, east], 2), np.repeat([south, north], 2), np.full(4, level_m)])
    frame = Frame.around(xyz[:, :2], xyz[:, 2], z_step=0.01)
    return _mesh_file(name, xyz, np.array([[0, 1, 3], [0, 3, 2]]), frame)


def _mesh_file(name: str, xyz: Floats, triangles: Integers, frame: Frame) -> Tile:
    arrays: Arrays = {
        "x": frame.x(xyz[:, 0]),
        "y": frame.y(xyz[:, 1]),
        "z": frame.z(xyz[:, 2]),
        "triangles": short(triangles.ravel()),
    }
    data = write_bundle(arrays, frame, delta=("x", "y", "z", "triangles"))
    return Tile(name, data, len(triangles), box_of(xyz[:, :2], xyz[:, 2], xyz[:, 2]))


def line_tiles(
    layer: str,
    paths: Paths,
    row: Integers,
    reverse_row: Integers,
    width_m: Floats,
    kind: Integers,
    flags: Integers,
) -> Iterator[Tile]:
    """Tiles of lines: the widest first, then by row."""
    xyz, size = paths.xyz, paths.size
    middle = xyz[(paths.start[:-1] + paths.start[1:] - 1) // 2, :2] if len(paths) else np.empty((0, 2))
    for name, members in squares(middle, size, VERTICES_PER_TILE, LINE_SIDE_M):
        vertices = xyz[ranges(paths.start[members], np.diff(paths.start)[members])]
        frame = Frame.around(vertices[:, :2], vertices[:, 2])
        arrays: Arrays = {
            "row": row[members].astype(np.uint32),
            "reverse_row": np.where(reverse_row[members] < 0, NONE, reverse_row[members]).astype(np.uint32),
            "size": size[members].astype(np.uint32),
            "x": frame.x(vertices[:, 0]),
            "y": frame.y(vertices[:, 1]),
            "z": frame.z(vertices[:, 2]),
            "width": np.clip(np.rint(width_m[members] * DECIMETRES), 0, 255).astype(np.uint8),
            "kind": kind[members].astype(np.uint8),
            "flags": flags[members].astype(np.uint8),
        }
        data = write_bundle(arrays, frame, delta=("row", "reverse_row", "x", "y", "z"))
        yield Tile(f"{layer}/{name}.bin", data, len(members), box_of(vertices[:, :2], vertices[:, 2], vertices[:, 2]))


def area_tiles(layer: str, sheets: Sheets, row: Integers, kind: Integers) -> Iterator[Tile]:
    """Tiles of areas, the largest first, so that small ones are drawn upon them."""
    rings = sheets.rings
    if not len(sheets):
        return
    inner_start, triangle_start = starts_of(sheets.inner_count), starts_of(sheets.triangle_count)
    low = np.minimum.reduceat(rings.xy, rings.first[:-1], axis=0)
    high = np.maximum.reduceat(rings.xy, rings.first[:-1], axis=0)
    extent = np.prod(high - low, axis=1)
    weight = np.diff(rings.first) + sheets.inner_count
    for name, found in squares(0.5 * (low + high), weight, VERTICES_PER_TILE, LINE_SIDE_M):
        members = found[np.lexsort((found, -extent[found]))]
        part = rings.take(members)
        edge = ranges(rings.first[members], np.diff(rings.first)[members])
        inner = ranges(inner_start[members], np.diff(inner_start)[members])
        n_inner = sheets.inner_count[members]
        inner = inner[along_curve(sheets.inner[inner, :2], np.repeat(np.arange(len(members)), n_inner))]
        vertices = np.concatenate([np.column_stack([part.xy, part.z]), sheets.inner[inner]])
        place = np.empty(len(rings.xy) + len(sheets.inner), dtype=np.int64)
        place[np.concatenate([edge, len(rings.xy) + inner])] = np.arange(len(vertices))
        count = sheets.triangle_count[members]
        triangles = tidy(
            place[sheets.triangles[ranges(triangle_start[members], np.diff(triangle_start)[members])]],
            np.repeat(np.arange(len(members)), count),
        )
        frame = Frame.around(vertices[:, :2], vertices[:, 2], z_step=0.01)
        arrays: Arrays = {
            "row": row[rings.owner[members]].astype(np.uint32),
            "rings": np.diff(part.part).astype(np.uint16),
            "size": part.size.astype(np.uint32),
            "inner": n_inner.astype(np.uint32),
            "x": frame.x(vertices[:, 0]),
            "y": frame.y(vertices[:, 1]),
            "z": frame.z(vertices[:, 2]),
            "triangle_count": count.astype(np.uint32),
            "triangles": short(triangles.ravel()),
            "kind": kind[rings.owner[members]].astype(np.uint8),
        }
        data = write_bundle(arrays, frame, delta=("x", "y", "z", "triangles"))
        yield Tile(f"{layer}/{name}.bin", data, len(members), box_of(vertices[:, :2], vertices[:, 2], vertices[:, 2]))


def point_tiles(
    layer: str, xyz: Floats, row: Integers, kind: Integers, height_m: Floats, width_m: Floats
) -> Iterator[Tile]:
    """Tiles of points, by place."""
    for name, found in squares(xyz[:, :2], np.ones(len(xyz), dtype=np.int64), POINTS_PER_TILE, POINT_SIDE_M):
        members = found[np.lexsort((found, xyz[found, 0], np.floor(xyz[found, 1] / 20.0)))]
        at = xyz[members]
        frame = Frame.around(at[:, :2], at[:, 2])
        arrays: Arrays = {
            "row": row[members].astype(np.uint32),
            "x": frame.x(at[:, 0]),
            "y": frame.y(at[:, 1]),
            "z": frame.z(at[:, 2]),
            "height": np.clip(np.rint(height_m[members] * CENTIMETRES), 0, MOST).astype(np.uint16),
            "width": np.clip(np.rint(width_m[members] * CENTIMETRES), 0, MOST).astype(np.uint16),
            "kind": kind[members].astype(np.uint8),
        }
        data = write_bundle(arrays, frame, delta=("row", "x", "y", "z"))
        top = at[:, 2] + height_m[members]
        yield Tile(f"{layer}/{name}.bin", data, len(members), box_of(at[:, :2], at[:, 2], top))


def skin_tiles(layer: str, corners: Floats, owner: Integers, kind: Integers) -> Iterator[Tile]:
    """Tiles of modelled skins from triangles: corners (n, 3, 3) [m], building of each, and what it is."""
    order = np.argsort(owner, kind="stable")
    corners, owner, kind = corners[order], owner[order], kind[order]
    building, first, count = np.unique(owner, return_index=True, return_counts=True)
    start = np.append(first, len(owner))
    middle = (
        0.5 * (np.minimum.reduceat(corners.min(axis=1), first) + np.maximum.reduceat(corners.max(axis=1), first))
        if len(building)
        else np.empty((0, 3))
    )
    for name, members in squares(middle[:, :2], count, VERTICES_PER_TILE):
        triangles = ranges(start[members], np.diff(start)[members])
        points = corners[triangles].reshape(-1, 3)
        frame = Frame.around(points[:, :2], points[:, 2], z_step=STEP_M)
        numbers = np.column_stack([frame.x(points[:, 0]), frame.y(points[:, 1]), frame.z(points[:, 2])])
        body = np.repeat(np.arange(len(members)), 3 * count[members])
        # Corners of one building at one place are one vertex.
        _, where, vertex = np.unique(np.column_stack([body, numbers]), axis=0, return_index=True, return_inverse=True)
        rank = np.empty(len(where), dtype=np.int64)
        rank[np.argsort(where, kind="stable")] = np.arange(len(where))
        numbers = numbers[np.sort(where)]
        arrays: Arrays = {
            "row": building[members].astype(np.uint32),
            "size": count[members].astype(np.uint32),
            "x": numbers[:, 0],
            "y": numbers[:, 1],
            "z": numbers[:, 2],
            "triangles": rank[vertex.ravel()].astype(np.uint32),
            "kind": kind[triangles].astype(np.uint8),
        }
        data = write_bundle(arrays, frame, delta=("row", "x", "y", "z", "triangles"))
        yield Tile(f"{layer}/{name}.bin", data, len(members), box_of(points[:, :2], points[:, 2], points[:, 2]))


def corners_of(shapes: NDArray[np.object_]) -> Floats:
    """Points (n, 2) that stand for geometries: a point itself, the middle of anything else."""
    return shapely.get_coordinates(shapely.centroid(shapes))
