"""A view of a city in three dimensions: a parallel projection, painted from back to front."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from matplotlib.collections import LineCollection, PolyCollection, QuadMesh
from matplotlib.colors import Normalize, to_rgb

from dothi.publish.pictures import (
    GREEN,
    GREEN_CLASSES,
    HEIGHT_STOP_M,
    HEIGHTS,
    RAIL,
    ROAD,
    ROAD_EDGE,
    TREE,
    WATER,
    canvas,
    credit,
    fill_with_holes,
    lines_of,
    polygons_of,
    save,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from dothi.city import City

    Floats = NDArray[np.float64]
    Levels = Callable[[Floats], Floats]

TURN_DEG = 28.0
TILT_DEG = 36.0
SUN = np.array([-0.80, -0.25, 0.70]) / np.linalg.norm([-0.80, -0.25, 0.70])
GROUND = "#ece6da"
WALL = "#e4d5c3"
GROUND_CELL_M = 10.0
SHAPE = 0.60
"""Height of the picture by its width."""


class Eye:
    """
    Parallel projection about a centre, seen from the south-west.

    Parameters
    ----------
    centre
        What comes to the middle of the picture: x, y [m].
    level_m
        Ground level there [m].
    """

    def __init__(self, centre: tuple[float, float], level_m: float) -> None:
        turn, tilt = np.radians(TURN_DEG), np.radians(TILT_DEG)
        self._centre, self._level = centre, level_m
        self._turn = np.cos(turn), np.sin(turn)
        self._tilt = np.cos(tilt), np.sin(tilt)

    def depth(self, xy: Floats) -> Floats:
        """Distance away from the eye along the ground (n,) [m]."""
        cos, sin = self._turn
        return np.asarray((xy[:, 1] - self._centre[1]) * cos - (xy[:, 0] - self._centre[0]) * sin)

    def __call__(self, xy: Floats, z: Floats | float) -> Floats:
        """Across and up the picture (n, 2) [m]."""
        cos, sin = self._turn
        across = (xy[:, 0] - self._centre[0]) * cos + (xy[:, 1] - self._centre[1]) * sin
        up = self.depth(xy) * self._tilt[1] + (np.asarray(z) - self._level) * self._tilt[0]
        return np.column_stack([across, up])

    @property
    def towards(self) -> Floats:
        """Direction along the ground that leads to the eye (2,)."""
        cos, sin = self._turn
        return np.array([sin, -cos])


def draw_view(city: City, path: Path, *, width_m: float = 1500.0) -> None:
    """
    Draw the densest part of the city in three dimensions, with sunlit and shaded walls.

    Parameters
    ----------
    city
        City with buildings that have heights; without them nothing is drawn.
    path
        A ``.png`` file.
    width_m
        What the width of the picture spans [m].
    """
    buildings = city["buildings"]
    if "height_m" not in buildings or not buildings["height_m"].notna().any():
        return
    buildings = buildings[buildings["height_m"].notna()]
    ground = buildings["ground_m"].fillna(buildings["ground_m"].median()).fillna(0.0).to_numpy()
    centre = _densest(buildings, city.bounds, width_m)
    levels = _levels(city, float(np.median(ground)))
    eye = Eye(centre, float(levels(np.array([centre]))[0]))
    bounds = (-width_m / 2, -width_m * SHAPE / 2, width_m / 2, width_m * SHAPE / 2)
    seen = _in_picture(eye, shapely.get_coordinates(shapely.centroid(_shapes(buildings))), ground, bounds)

    figure, axes, scale = canvas(bounds, 14.0)
    _draw_ground(axes, city, eye, levels, bounds)
    _draw_flat(axes, city, eye, levels, scale)
    _draw_trees(axes, city, eye, levels, scale)
    faces, colours, depth = _building_faces(buildings[seen], ground[seen], eye)
    order = np.argsort(-depth, kind="stable")
    edges = (0.22, 0.17, 0.17, 0.30)
    drawn = [faces[face] for face in order]
    painted = PolyCollection(drawn, closed=False, facecolors=colours[order], edgecolors=edges, linewidths=0.2, zorder=2)
    axes.add_collection(painted, autolim=False)
    credit(figure, city)
    save(figure, path, "#ffffff")


def _shapes(table: Any) -> NDArray[np.object_]:
    return np.asarray(table.geometry.array, dtype=object)


def _densest(buildings: Any, bounds: tuple[float, float, float, float], width_m: float) -> tuple[float, float]:
    """Middle of the most built place, as far from the border as the picture asks."""
    west, south, east, north = bounds
    points = shapely.get_coordinates(shapely.centroid(_shapes(buildings)))
    volume = buildings["height_m"].to_numpy() * shapely.area(_shapes(buildings))
    built, x, y = np.histogram2d(
        points[:, 0], points[:, 1], bins=12, range=((west, east), (south, north)), weights=volume
    )
    column, row = np.unravel_index(int(built.argmax()), built.shape)

    def kept(value: float, low: float, high: float) -> float:
        room = min(width_m * 0.68, (high - low) / 2)
        return float(np.clip(value, low + room, high - room))

    return kept((x[column] + x[column + 1]) / 2, west, east), kept((y[row] + y[row + 1]) / 2, south, north)


def _levels(city: City, otherwise: float) -> Levels:
    """Ground level at points (n, 2) [m], from the terrain where there is one."""
    if "terrain" not in city.rasters:
        return lambda xy: np.full(len(xy), otherwise)
    terrain = city.rasters["terrain"]
    x, y, z = terrain["x"].to_numpy(), terrain["y"].to_numpy(), np.nan_to_num(terrain.to_numpy(), nan=otherwise)

    def sampled(xy: Floats) -> Floats:
        column = np.clip(np.rint((xy[:, 0] - x[0]) / (x[1] - x[0])).astype(int), 0, len(x) - 1)
        row = np.clip(np.rint((xy[:, 1] - y[0]) / (y[1] - y[0])).astype(int), 0, len(y) - 1)
        return np.asarray(z[row, column], dtype=np.float64)

    return sampled


def _in_picture(eye: Eye, xy: Floats, z: Floats, bounds: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    place = eye(xy, z)
    margin = 120.0
    low, high = np.array(bounds[:2]) - margin, np.array(bounds[2:]) + margin
    return np.asarray(((place > low) & (place < high)).all(axis=1))


def _draw_ground(axes: Axes, city: City, eye: Eye, levels: Levels, bounds: tuple[float, float, float, float]) -> None:
    """The terrain as small lit squares, farthest first: row by row from the north, each from the west."""
    west, south, east, north = city.bounds
    x = np.linspace(west, east, max(2, round((east - west) / GROUND_CELL_M)))
    y = np.linspace(north, south, max(2, round((north - south) / GROUND_CELL_M)))
    xy = np.stack(np.meshgrid(x, y), axis=-1)
    z = levels(xy.reshape(-1, 2)).reshape(xy.shape[:2])
    slope_y, slope_x = np.gradient(z, y, x)
    normal = np.stack([-slope_x, -slope_y, np.ones_like(z)], axis=-1)
    light = np.clip((normal @ SUN) / np.linalg.norm(normal, axis=-1) / SUN[2], 0.86, 1.05)
    rows, columns = _window(_in_picture(eye, xy.reshape(-1, 2), z.ravel(), bounds).reshape(z.shape))
    corners = eye(xy[rows, columns].reshape(-1, 2), z[rows, columns].ravel()).reshape(*z[rows, columns].shape, 2)
    colours = np.clip(np.array(to_rgb(GROUND)) * light[rows, columns][:-1, :-1].reshape(-1, 1), 0.0, 1.0)
    squares = QuadMesh(corners, facecolors=colours, edgecolors="face", linewidths=0.4)
    axes.add_collection(squares, autolim=False)


def _window(seen: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns of a grid that hold all points that are seen, two at least."""
    found = [np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0)]
    if not all(map(len, found)):
        return slice(0, 2), slice(0, 2)
    starts = [min(int(places[0]), size - 2) for places, size in zip(found, seen.shape, strict=True)]
    return slice(starts[0], int(found[0][-1]) + 2), slice(starts[1], int(found[1][-1]) + 2)


def _draw_flat(axes: Axes, city: City, eye: Eye, levels: Levels, scale: float) -> None:
    """Green, water, roads and tracks, laid on the terrain."""

    def laid(rings: list[Floats]) -> list[Floats]:
        if not rings:
            return []
        points = np.concatenate(rings)
        return np.split(eye(points, levels(points)), np.cumsum([len(ring) for ring in rings])[:-1])

    def fine(table: Any) -> NDArray[np.object_]:
        return np.asarray(shapely.segmentize(_shapes(table), GROUND_CELL_M), dtype=object)

    land_use, water, links, railways = (city[name] for name in ("land_use", "water_bodies", "links", "railways"))
    if len(land_use):
        green = land_use[land_use["class"].isin(GREEN_CLASSES)]
        parks = PolyCollection(laid(polygons_of(fine(green))[0]), facecolors=GREEN, edgecolors="none")
        axes.add_collection(parks, autolim=False)
    for shape in shapely.get_parts(_shapes(water)) if len(water) else ():
        level = float(levels(shapely.get_coordinates(shape.representative_point()))[0])
        fill_with_holes(axes, shapely.transform(shape, partial(eye, z=level)), WATER)
    if len(links):
        roads = links[links["car"] & (links["reverse_link_id"].isna() | (links["reverse_link_id"] > links.index))]
        lines = laid(lines_of(shapely.force_2d(fine(roads))))
        widths = roads["width_m"].fillna(5.0).to_numpy() * scale
        for colour, extra in ((ROAD_EDGE, 0.7), (ROAD, 0.0)):
            streets = LineCollection(lines, colors=colour, linewidths=widths + extra, capstyle="round", zorder=1)
            axes.add_collection(streets, autolim=False)
    if len(railways):
        surface = railways[~railways["tunnel"].fillna(value=False).astype(bool)]
        tracks = LineCollection(laid(lines_of(fine(surface))), colors=RAIL, linewidths=1.2, alpha=0.8, zorder=1)
        axes.add_collection(tracks, autolim=False)


def _draw_trees(axes: Axes, city: City, eye: Eye, levels: Levels, scale: float) -> None:
    trees = city["trees"]
    if not len(trees):
        return
    xy = shapely.get_coordinates(_shapes(trees))
    radius = trees["crown_diameter_m"].fillna(5.0).to_numpy() / 2
    middle = eye(xy, levels(xy) + 1.4 * radius)
    order = np.argsort(-eye.depth(xy), kind="stable")
    sizes = np.pi * (radius * scale) ** 2
    axes.scatter(
        middle[order, 0],
        middle[order, 1],
        s=sizes[order],
        c=TREE,
        alpha=0.85,
        linewidths=0.2,
        edgecolors="#4d6b38",
        zorder=1,
    )


def _building_faces(buildings: Any, ground: Floats, eye: Eye) -> tuple[list[Floats], Floats, Floats]:
    """Walls turned to the eye and roofs: closed outlines, colours, and depths to paint by."""
    height = buildings["height_m"].to_numpy()
    top = ground + height
    rings, row = polygons_of(shapely.orient_polygons(_shapes(buildings)))
    if not rings:
        return [], np.empty((0, 3)), np.empty(0)
    tint = HEIGHTS(Normalize(0.0, HEIGHT_STOP_M)(height))[:, :3]
    walls = 0.55 * np.array(to_rgb(WALL)) + 0.45 * tint
    roofs = 0.30 * np.ones(3) + 0.70 * tint

    points = np.concatenate(rings)
    size = np.array([len(ring) for ring in rings])
    first = np.cumsum(size) - size
    owner = np.repeat(np.arange(len(rings)), size)
    begins = np.flatnonzero(owner[:-1] == owner[1:])  # a ring ends where it began
    start, end, owner_of_wall = points[begins], points[begins + 1], owner[begins]
    run = end - start
    normal = np.column_stack([run[:, 1], -run[:, 0]]) / np.maximum(np.hypot(*run.T), 1e-9)[:, None]
    seen = normal @ eye.towards > 1e-3
    start, end, wall_of, normal = start[seen], end[seen], owner_of_wall[seen], normal[seen]
    building = row[wall_of]
    low, high = (eye(start, level[building]) for level in (ground, top))
    quads = np.stack([low, eye(end, ground[building]), eye(end, top[building]), high, low], axis=1)
    light = 0.58 + 0.42 * np.clip(normal @ SUN[:2] / np.hypot(*SUN[:2]), 0.0, 1.0)
    nearest = np.minimum.reduceat(eye.depth(points), first)
    # A building is painted as a whole by its nearest corner: walls from back to front, then the roof.
    wall_depth = nearest[wall_of] + 1e-3 * (1.0 + eye.depth((start + end) / 2) - nearest[wall_of])
    faces = [*quads, *np.split(eye(points, top[row][owner]), first[1:])]
    return faces, np.concatenate([walls[building] * light[:, None], roofs[row]]), np.concatenate([wall_depth, nearest])
