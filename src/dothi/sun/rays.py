"""What surfaces see among any triangles: rays traced by Embree, for modelled roofs and for trees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi.errors import EngineMissingError
from dothi.mesh.rings import rings_of, triangulate
from dothi.mesh.skin import skins_of
from dothi.shapes import Floats
from dothi.sky.patches import points_of
from dothi.sun.kernels import SUNSHINE_W_M2, Points, Seen, Suns
from dothi.sun.kernels_horizon import Scene, find_enclosed
from dothi.sun.sensors import flattened

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.crs import Bounds

INSTALL: Final = 'rays need Embree: pip install "dothi[mesh]"'
RAYS_A_SIDE: Final = 2
"""Rays along each side of a patch of the sky."""
MOST_RAYS: Final = 2_000_000
"""Rays traced in one go, so that memory stays small."""
CROWN_BASE: Final = 0.3
"""Share of the height of a tree that is trunk below the crown: estimated."""
USUAL_CROWN_M: Final = (8.0, 6.0)
"""Height of a tree and diameter of its crown where unknown: estimated [m]."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """
    Triangles that give shade.

    Attributes
    ----------
    solid, crown : (n, 3, 3)
        Corners of triangles of buildings, and of crowns of trees [m].
    transmission
        Share of light that passes a crown.
    """

    solid: Floats
    crown: Floats
    transmission: float

    def within(self, box: Bounds, origin: tuple[float, float]) -> tuple[Any, ...]:
        """Triangles that touch a box, from a corner of their own, and the transmission of crowns."""
        shift = np.array([*origin, 0.0])
        return (
            *((_touching(triangles, box) - shift).astype(np.float32) for triangles in (self.solid, self.crown)),
            np.array([self.transmission]),
        )


def _touching(triangles: Floats, box: Bounds) -> Floats:
    west, south, east, north = box
    low, high = triangles[:, :, :2].min(axis=1), triangles[:, :, :2].max(axis=1)
    near = (low[:, 0] <= east) & (high[:, 0] >= west) & (low[:, 1] <= north) & (high[:, 1] >= south)
    return np.asarray(triangles[near])


@cache
def have_embree() -> bool:
    """Whether Embree is installed."""
    return find_spec("embreex") is not None


def mesh_of(city: City, transmission: float) -> Mesh:
    """
    Surfaces of all buildings, as sources model them or of prisms, and crowns of trees.

    A crown is an ellipsoid that lets a share of light through; it fills its diameter, and the height of the tree down
    to a trunk.

    Raises
    ------
    EngineMissingError
        Embree is not installed.
    """
    if not have_embree():
        raise EngineMissingError(INSTALL)
    solid = [np.empty((0, 3, 3))]
    for skin in skins_of(city, party=False):
        shapes = skin.polygons()
        sound = skin.area_m2 > 1e-6
        solid.append(triangles_of(shapes[sound], skin.normal[sound]))
    return Mesh(np.concatenate(solid), crowns_of(city), transmission)


def triangles_of(shapes: Any, normal: Floats) -> Floats:
    """Triangles of flat polygons in space, shape ``(n, 3, 3)``."""
    plane, origin, right, up = flattened(shapes, normal)
    valid = np.flatnonzero(shapely.is_valid(plane) & (shapely.get_type_id(plane) == shapely.GeometryType.POLYGON))
    rings = rings_of(plane[valid])
    corners, count = triangulate(rings)
    part = valid[np.repeat(rings.owner, count)]
    xy = rings.xy[corners]
    return np.asarray(
        origin[part][:, None, :] + xy[:, :, :1] * right[part][:, None, :] + xy[:, :, 1:] * up[part][:, None, :]
    )


def crowns_of(city: City) -> Floats:
    """Triangles of the crowns of trees, shape ``(n, 3, 3)``."""
    trees = city["trees"]
    if not len(trees):
        return np.empty((0, 3, 3))
    height = trees["height_m"].fillna(USUAL_CROWN_M[0]).to_numpy(dtype=float)
    across = trees["crown_diameter_m"].fillna(USUAL_CROWN_M[1]).to_numpy(dtype=float)
    at = shapely.get_coordinates(shapely.centroid(np.asarray(trees.geometry.array, dtype=object)))
    ground = _ground(city, at)
    sphere = _sphere()
    half = np.column_stack([across / 2.0, across / 2.0, height * (1.0 - CROWN_BASE) / 2.0])
    middle = np.column_stack([at, ground + height - half[:, 2]])
    return np.asarray((middle[:, None, None, :] + sphere[None] * half[:, None, None, :]).reshape(-1, 3, 3))


def _ground(city: City, at: Floats) -> Floats:
    """Level of the ground at points: of the terrain, else of the nearest building [m]."""
    if "terrain" in city.rasters:
        from dothi.sun.relief import filled

        terrain = city.rasters["terrain"]
        x, y = terrain["x"].to_numpy(), terrain["y"].to_numpy()
        i = np.abs(at[:, :1] - x).argmin(axis=1)
        j = np.abs(at[:, 1:] - y).argmin(axis=1)
        return np.asarray(filled(terrain.to_numpy().astype(float))[j, i])
    buildings = city["buildings"]
    levels = buildings["ground_m"].fillna(0.0).to_numpy(dtype=float)
    if not len(levels):
        return np.zeros(len(at))
    tree = shapely.STRtree(np.asarray(buildings.geometry.array, dtype=object))
    return np.asarray(levels[tree.nearest(shapely.points(at))])


def _sphere() -> Floats:
    """A sphere of 80 triangles of the volume of the unit one: an icosahedron, each face cut in four."""
    a = (1.0 + np.sqrt(5.0)) / 2.0
    corner = np.array(
        [[s, t * a, 0.0] for s in (-1, 1) for t in (-1, 1)]
        + [[0.0, s, t * a] for s in (-1, 1) for t in (-1, 1)]
        + [[t * a, 0.0, s] for s in (-1, 1) for t in (-1, 1)]
    )
    from scipy.spatial import ConvexHull

    faces = corner[ConvexHull(corner).simplices]
    mid = (faces + np.roll(faces, -1, axis=1)) / 2.0
    parts = [np.stack([faces[:, k], mid[:, k], mid[:, k - 1]], axis=1) for k in range(3)]
    found = np.concatenate([*parts, mid])
    found /= np.linalg.norm(found, axis=2, keepdims=True)
    volume = np.abs(np.linalg.det(found)).sum() / 6.0
    return np.asarray(found * (4.0 / 3.0 * np.pi / volume) ** (1.0 / 3.0))


class _Tracer:
    """Rays through triangles of buildings and crowns."""

    def __init__(self, triangles: tuple[Any, ...]) -> None:
        self.scenes = [(_scene(triangles[0]), 0.0), (_scene(triangles[1]), float(triangles[2][0]))]

    def passed(self, origin: Floats, towards: Floats) -> Floats:
        """Share of light that comes along each ray."""
        share = np.ones(len(origin))
        start, way = (np.ascontiguousarray(values, dtype=np.float32) for values in (origin, towards))
        for scene, through in self.scenes:
            if scene is not None and len(origin):
                share[scene.run(start, way, query="OCCLUDED") >= 0] *= through
        return share


def _scene(triangles: Any) -> Any:
    if not len(triangles):
        return None
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    scene = EmbreeScene()
    TriangleMesh(scene, np.ascontiguousarray(triangles, dtype=np.float32))
    return scene


def see_mesh(
    scene: Scene,
    points: Points,
    terrain: tuple[Floats, Floats, Floats],
    triangles: tuple[Any, ...],
    suns: Suns,
    seen: Seen,
) -> Seen:
    """
    What surfaces see among triangles.

    Every point sends rays to points of the patches of the sky before it, one to the mean place of the sun in hours that
    are kept as one, and as many as to the sky downwards, which tell ground from walls.

    Parameters
    ----------
    scene
        Bodies, for points that lie within one.
    points, terrain
        As `dothi.sun.kernels.see` takes them.
    triangles
        As `Mesh.within` gives them.
    suns
        Sun in every hour.
    seen
        What is filled.

    Returns
    -------
    Seen
        What was filled.
    """
    tracer = _Tracer(triangles)
    fine = points_of(RAYS_A_SIDE)
    place = _places(suns, seen.sun.shape[1])
    weight = points.weight.copy()
    surface = np.repeat(np.arange(len(points.own)), np.diff(points.start))
    enclosed = np.zeros(len(weight), dtype=bool)
    find_enclosed(scene, points.at, points.own[surface], enclosed)
    weight[enclosed] = 0.0
    n_patches, n_rays, _ = fine.towards.shape
    sky_way = fine.towards.reshape(-1, 3)
    ways = np.concatenate([sky_way, sky_way * np.array([1.0, 1.0, -1.0]), place])
    solid = np.repeat(fine.solid_angle / n_rays, n_rays)
    tangent = ways[:, 2] / np.maximum(np.hypot(ways[:, 0], ways[:, 1]), 1e-9)
    n_columns = terrain[0].shape[1]
    column = (np.arctan2(ways[:, 0], ways[:, 1]) % (2.0 * np.pi) / (2.0 * np.pi) * n_columns).astype(np.int64)
    column = np.minimum(column, n_columns - 1)
    sums = np.zeros((len(points.own), len(ways)))
    step = max(MOST_RAYS // len(ways), 1)
    for first in range(0, len(weight), step):
        some = np.arange(first, min(first + step, len(weight)))
        some = some[weight[some] > 0.0]
        facing = np.maximum(points.normal[surface[some]] @ ways.T, 0.0)
        row, ray = np.nonzero(facing > 1e-6)
        lift = points.at[some, 2] - terrain[2][points.cell[some]]
        horizon = terrain[0][points.cell[some]] - lift[:, None] * terrain[1][points.cell[some]]
        over = (tangent[ray] < 0.0) | (tangent[ray] >= horizon[row, column[ray]])
        share = np.zeros((len(some), len(ways)))
        share[row[over], ray[over]] = tracer.passed(points.at[some[row[over]]], ways[ray[over]])
        np.add.at(sums, surface[some], share * weight[some, None])
    total = np.bincount(surface, weights=weight, minlength=len(points.own))
    seen.free[:] = total
    sums /= np.where(total > 0.0, total, 1.0)[:, None]
    facing = np.maximum(points.normal @ ways.T, 0.0)
    n = len(sky_way)
    up, down, lit = sums[:, :n], sums[:, n : 2 * n], sums[:, 2 * n :]
    cosine = facing[:, :n].reshape(-1, n_patches, n_rays)
    whole = cosine.sum(axis=2)
    got = (up.reshape(cosine.shape) * cosine).sum(axis=2)
    seen.sky[:] = np.round(255.0 * np.where(whole > 0.0, got / np.where(whole > 0.0, whole, 1.0), 0.0))
    seen.factor[:, 0] = (up * facing[:, :n]) @ solid / np.pi
    seen.factor[:, 1] = (down * facing[:, n : 2 * n]) @ solid / np.pi
    seen.factor[:, 2] = np.where(total > 0.0, np.maximum(1.0 - seen.factor[:, 0] - seen.factor[:, 1], 0.0), 0.0)
    seen.sun[:] = np.round(255.0 * lit * (facing[:, 2 * n :] > 0.0))
    _beam(points.normal, suns, lit, seen)
    return seen


def _places(suns: Suns, places: int) -> Floats:
    """Mean direction of each place of the sun, weighted with its light."""
    sums = [np.bincount(suns.place, weights=(suns.dni + 1e-3) * axis, minlength=places) for axis in suns.towards.T]
    mean = np.column_stack(sums)
    size = np.linalg.norm(mean, axis=1, keepdims=True)
    return np.asarray(np.where(size > 0.0, mean / np.where(size > 0.0, size, 1.0), (0.0, 0.0, -1.0)))


def _beam(normal: Floats, suns: Suns, lit: Floats, seen: Seen) -> None:
    """Direct light of the year and hours of sunshine, from the lit shares of places of the sun."""
    shine = suns.dni >= SUNSHINE_W_M2
    for s in range(len(normal)):
        facing = np.maximum(suns.towards @ normal[s], 0.0)
        gain = facing * suns.dni
        seen.beam[s] = (gain @ lit[s, suns.place], gain.sum())
        seen.sunshine[s] = lit[s, suns.place[shine & (facing > 0.0)]].sum()
