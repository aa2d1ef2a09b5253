"""A city in tiles: what the surfaces of each see follows from what lies within reach, and is kept under its content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dothi.content import code_digest
from dothi.crs import Bounds
from dothi.mesh.rings import ranges, starts_of
from dothi.pieces import Pieces
from dothi.shapes import Floats, Integers
from dothi.sky.patches import N_PATCHES, ROWS
from dothi.sun.kernels import Points, Seen, Suns
from dothi.sun.rays import Mesh, see_mesh
from dothi.sun.relief import Relief
from dothi.sun.scene import CELL_M, Obstacles, around, scene_of
from dothi.sun.sensors import Sensors

TILE_M: Final = 250.0
"""Size of a tile. Its results are found again where nothing within reach has changed."""


@dataclass(frozen=True, slots=True)
class Task:
    """
    Surfaces to look at, and all that may hide something from them.

    Attributes
    ----------
    sensors
        Points on the surfaces.
    normal : (n, 3)
        Unit normals.
    middle : (n, 2)
        Middles of the surfaces [m].
    ground_m : (n,)
        Level of the ground before them [m].
    own : (n,)
        Building whose prism does not enclose a surface, as it models its own; −1 for none.
    obstacles, relief
        Buildings, and the terrain.
    mesh
        Triangles that take the place of walls; none where None.
    suns
        Sun in every hour.
    places
        Number of places of the sun.
    reach_m
        Farthest building that counts [m].
    """

    sensors: Sensors
    normal: Floats
    middle: Floats
    ground_m: Floats
    own: Integers
    obstacles: Obstacles
    relief: Relief
    suns: Suns
    places: int
    reach_m: float
    mesh: Mesh | None = None

    def tiles(self) -> Iterator[Integers]:
        """Surfaces of each tile that has any."""
        tile = np.floor(self.middle / TILE_M).astype(np.int64)
        order = np.lexsort((np.arange(len(tile)), tile[:, 0], tile[:, 1]))
        if len(order):
            ends = np.flatnonzero((np.diff(tile[order], axis=0) != 0).any(axis=1)) + 1
            yield from np.split(order, ends)


@dataclass(frozen=True, slots=True)
class Tile:
    """Surfaces of a tile, and what lies within reach, as `dothi.sun.kernels.see` takes it."""

    surfaces: Integers
    points: Points
    around: tuple[Floats, Floats, Integers, Floats]
    box: Bounds
    origin: tuple[float, float]
    terrain: tuple[Floats, Floats, Floats]
    triangles: tuple[Any, ...]

    def key(self, task: Task, code: str) -> str:
        """Checksum of all that its result follows from."""
        found = hashlib.blake2b(code.encode(), digest_size=16)
        found.update(repr((self.box, task.reach_m, task.places)).encode())
        for arrays in (self.points, self.around, self.terrain, self.triangles, task.suns):
            for array in arrays:
                found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()


def tile_of(task: Task, surfaces: Integers) -> Tile:
    """A tile of a task."""
    first, size = task.sensors.start[surfaces], np.diff(task.sensors.start)[surfaces]
    chosen = ranges(first, size)
    at = task.sensors.at[chosen]
    origin = tuple(np.floor(task.middle[surfaces[0]] / TILE_M) * TILE_M)
    cell = task.relief.cells(at[:, :2])
    used, cell = np.unique(cell, return_inverse=True)
    owner = np.repeat(surfaces, size)
    reach = np.ceil(task.reach_m / CELL_M) * CELL_M
    low, high = (at[:, :2].min(axis=0), at[:, :2].max(axis=0)) if len(at) else (np.array(origin), np.array(origin))
    inner: Bounds = (*(np.floor(low / CELL_M) * CELL_M).tolist(), *(np.ceil(high / CELL_M) * CELL_M).tolist())
    walls, ring, ring_start, body = around(task.obstacles, inner, reach)
    buildings, body[:, 5] = np.unique(body[:, 5], return_inverse=True)  # numbered within the tile: ids may change
    own = task.own[surfaces]
    at_home = np.searchsorted(buildings, own).clip(0, max(len(buildings) - 1, 0))
    known = (own >= 0) & (buildings[at_home] == own) if len(buildings) else np.zeros(len(own), dtype=bool)
    points = Points(
        starts_of(size),
        np.ascontiguousarray(at - np.array([*origin, 0.0])),
        np.ascontiguousarray(task.sensors.weight[chosen]),
        np.maximum(at[:, 2] - task.ground_m[owner], 0.0),
        cell.astype(np.int64),
        np.ascontiguousarray(task.normal[surfaces]),
        np.where(known, at_home, -1).astype(np.int64),
    )
    box = (inner[0] - reach, inner[1] - reach, inner[2] + reach, inner[3] + reach)
    relief = task.relief
    terrain = (
        relief.tangent[used].astype(np.float64),
        relief.near[used].astype(np.float64),
        np.ascontiguousarray(relief.level[used]),
    )
    corner = (float(origin[0]), float(origin[1]))
    triangles = () if task.mesh is None else task.mesh.within(box, corner)
    return Tile(surfaces, points, (walls, ring, ring_start, body), box, corner, terrain, triangles)


def see_tile(task: Task, tile: Tile) -> Seen:
    """What the surfaces of a tile see."""
    from dothi.sun.kernels import see

    n = len(tile.surfaces)
    seen = nothing_seen(n, task.places)
    scene = scene_of(*tile.around, tile.box, tile.origin)
    if tile.triangles:
        return see_mesh(scene, tile.points, tile.terrain, tile.triangles, task.suns, seen)
    rows = np.array(ROWS, dtype=np.int64)
    see(scene, tile.points, task.suns, *tile.terrain, rows, task.reach_m, 0, n, seen)
    return seen


def nothing_seen(n: int, places: int) -> Seen:
    """Arrays for what surfaces see, all dark."""
    return Seen(
        np.zeros((n, N_PATCHES), dtype=np.uint8),
        np.zeros((n, places), dtype=np.uint8),
        np.zeros((n, 3)),
        np.zeros((n, 2)),
        np.zeros(n),
        np.zeros(n),
    )


def see_all(task: Task, kept: Pieces | None = None) -> Seen:
    """
    What all surfaces of a task see.

    Parameters
    ----------
    task
        Surfaces and obstacles.
    kept
        Where results of tiles are found and kept; nowhere where None.
    """
    code = code_digest("dothi.sun.tiles") if kept else ""
    found = nothing_seen(len(task.normal), task.places)

    def one(surfaces: Integers) -> None:
        tile = tile_of(task, surfaces)
        seen = _found_or_made(task, tile, kept, code) if kept else see_tile(task, tile)
        for whole, part in zip(found, seen, strict=True):
            np.asarray(whole)[surfaces] = part

    tiles = list(task.tiles())
    if tiles:
        one(tiles[0])  # compiled before threads wait for it
        with ThreadPoolExecutor(threads()) as pool:
            list(pool.map(one, tiles[1:]))
    return found


def _found_or_made(task: Task, tile: Tile, kept: Pieces, code: str) -> Seen:
    key = tile.key(task, code)
    arrays = kept.find(key)
    if arrays is not None and set(arrays) == set(Seen._fields):
        return Seen(**arrays)
    seen = see_tile(task, tile)
    kept.keep(key, seen._asdict())
    return seen


def threads() -> int:
    """Threads that this process may run: the processors it is let on."""
    affinity: Any = getattr(os, "sched_getaffinity", None)
    return max(len(affinity(0)) if affinity else os.cpu_count() or 1, 1)
