"""Pictures of a city: a map, and a view of it in three dimensions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import shapely
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import LightSource, LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure

from dothi.io.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dothi.city import City

GROUND = "#f4f1ea"
WATER = "#a9cfe0"
GREEN = "#cfe0b8"
SQUARE = "#eae3d4"
ROAD = "#ffffff"
ROAD_EDGE = "#d9d2c5"
RAIL = "#8a5a83"
TREE = "#7fa65b"
INK = "#2b2f36"
HEIGHTS = LinearSegmentedColormap.from_list("heights", ["#f0dcc0", "#dfa77a", "#b5605a", "#6d3462", "#2f1b4d"])
"""Colours of heights: one hue after another and ever darker, readable for colour-blind eyes and in grey."""
HEIGHT_STOP_M = 30.0
CLASS_WIDTH_M = {"motorway": 14.0, "trunk": 12.0, "primary": 10.0, "secondary": 9.0, "tertiary": 8.0}
GREEN_CLASSES = ("park", "garden", "grass", "forest", "scrub", "cemetery", "sport", "agriculture")
DPI = 110


def polygons_of(shapes: Any) -> tuple[list[np.ndarray[Any, Any]], np.ndarray[Any, np.dtype[np.intp]]]:
    """
    Outer rings of areas.

    Parameters
    ----------
    shapes : (n,)
        Polygons and multipolygons.

    Returns
    -------
    rings
        Coordinates of each ring, (k, 2) [m].
    index : (n_rings,)
        Row each ring belongs to.
    """
    parts, index = shapely.get_parts(np.asarray(shapes, dtype=object), return_index=True)
    kept = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    parts, index = parts[kept], index[kept]
    coordinates, ring = shapely.get_coordinates(shapely.get_exterior_ring(parts), return_index=True)
    return np.split(coordinates, np.flatnonzero(np.diff(ring)) + 1) if len(coordinates) else [], index


def _lines_of(shapes: Any) -> list[np.ndarray[Any, Any]]:
    parts = shapely.get_parts(np.asarray(shapes, dtype=object))
    coordinates, line = shapely.get_coordinates(parts, return_index=True)
    return np.split(coordinates, np.flatnonzero(np.diff(line)) + 1) if len(coordinates) else []


def _canvas(bounds: tuple[float, float, float, float], width_in: float = 12.0) -> tuple[Figure, Axes, float]:
    west, south, east, north = bounds
    height_in = width_in * (north - south) / (east - west)
    figure = Figure(figsize=(width_in, min(height_in, 3 * width_in)), dpi=DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_aspect("equal")
    axes.axis("off")
    points_per_metre = width_in * 72.0 / (east - west)
    return figure, axes, points_per_metre


def _save(figure: Figure, path: Path, colour: str) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, facecolor=colour, metadata={"Software": None})


def draw_map(city: City, path: Path) -> None:
    """
    Draw the city from above: water, green, roads, tracks, trees, buildings coloured by height.

    Parameters
    ----------
    city
        City with any of these tables.
    path
        A ``.png`` file.
    """
    figure, axes, scale = _canvas(city.bounds)
    _draw_ground(axes, city, scale)
    buildings = city["buildings"]
    if len(buildings):
        rings, row = polygons_of(buildings.geometry.array)
        heights = buildings["height_m"].to_numpy()[row]
        colours = HEIGHTS(Normalize(0.0, HEIGHT_STOP_M)(np.nan_to_num(heights)).data)
        axes.add_collection(PolyCollection(rings, facecolors=colours, edgecolors="#4a3a3a", linewidths=0.12))
        _height_legend(figure)
    _scale_bar(axes, city.bounds)
    _credit(figure, city)
    _save(figure, path, GROUND)


def _draw_ground(axes: Axes, city: City, scale: float) -> None:
    if "terrain" in city.rasters:
        _draw_relief(axes, city.rasters["terrain"])
    land_use = city["land_use"]
    for classes, colour in ((GREEN_CLASSES, GREEN), (("square",), SQUARE)):
        rings, _ = polygons_of(land_use.geometry.array[land_use["class"].isin(classes)]) if len(land_use) else ([], None)
        axes.add_collection(PolyCollection(rings, facecolors=colour, edgecolors="none"))
    water = city["water_bodies"]
    if len(water):
        for shape in shapely.get_parts(np.asarray(water.geometry.array, dtype=object)):
            _fill_with_holes(axes, shape, WATER)
    links = city["links"]
    if len(links):
        once = links[links["reverse_link_id"].isna() | (links["reverse_link_id"] > links.index)]
        widths = once["width_m"].fillna(once["class"].astype(str).map(CLASS_WIDTH_M)).fillna(4.0).to_numpy() * scale
        foot = ~once[["car", "bus", "motorbike"]].any(axis=1).to_numpy()
        lines = _lines_of(once.geometry.array)
        for colour, extra in ((ROAD_EDGE, 0.5), (ROAD, 0.0)):
            widths_pt = np.where(foot, 0.5, np.maximum(widths, 0.6)) + extra
            axes.add_collection(LineCollection(lines, colors=colour, linewidths=widths_pt, capstyle="round"))
    railways = city["railways"]
    if len(railways):
        surface = railways[~railways["tunnel"].fillna(False).astype(bool)]
        axes.add_collection(LineCollection(_lines_of(surface.geometry.array), colors=RAIL, linewidths=1.1, alpha=0.8))
    trees = city["trees"]
    if len(trees):
        xy = shapely.get_coordinates(np.asarray(trees.geometry.array, dtype=object))
        radius = trees["crown_diameter_m"].fillna(5.0).to_numpy() / 2 if "crown_diameter_m" in trees else np.full(len(trees), 2.5)
        axes.scatter(xy[:, 0], xy[:, 1], s=np.pi * (radius * scale) ** 2, c=TREE, alpha=0.6, linewidths=0)


def _draw_relief(axes: Axes, terrain: Any) -> None:
    """Hill shade as a faint grey, so that slopes show without hiding the map."""
    x, y = terrain["x"].to_numpy(), terrain["y"].to_numpy()
    cell = float(abs(x[1] - x[0]))
    step = max(1, int(max(terrain.shape) // 1200))
    heights = np.nan_to_num(terrain.to_numpy()[::step, ::step], nan=float(np.nanmin(terrain)))
    shade = LightSource(315, 40).hillshade(heights, vert_exag=3.0, dx=cell * step, dy=cell * step)
    extent = (x[0] - cell / 2, x[-1] + cell / 2, y[-1] - cell / 2, y[0] + cell / 2)
    axes.imshow(shade, cmap="gray", vmin=0.2, vmax=1.0, extent=extent, alpha=0.16, zorder=0, interpolation="bilinear")


def _fill_with_holes(axes: Axes, polygon: Any, colour: str) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    rings = [np.asarray(ring.coords)[:, :2] for ring in (polygon.exterior, *polygon.interiors)]
    codes = [[Outline.MOVETO] + [Outline.LINETO] * (len(ring) - 2) + [Outline.CLOSEPOLY] for ring in rings]
    axes.add_patch(PathPatch(Outline(np.concatenate(rings), np.concatenate(codes)), facecolor=colour, edgecolor="none"))


def _height_legend(figure: Figure) -> None:
    bar = figure.add_axes((0.03, 0.045, 0.16, 0.012))
    bar.imshow(np.linspace(0, 1, 128)[None, :], cmap=HEIGHTS, aspect="auto", extent=(0.0, HEIGHT_STOP_M, 0.0, 1.0))
    bar.set_yticks([])
    bar.set_xticks([0, 10, 20, 30], ["0", "10", "20", "30 m +"], fontsize=9, color=INK)
    bar.set_title("height of buildings", fontsize=10, color=INK, loc="left")
    bar.tick_params(length=0)
    for spine in bar.spines.values():
        spine.set_visible(False)
    bar.patch.set_alpha(0.0)


def _scale_bar(axes: Axes, bounds: tuple[float, float, float, float]) -> None:
    west, south, east, north = bounds
    span = east - west
    length = max(step for step in (50, 100, 200, 500, 1000, 2000, 5000, 10000) if step <= max(span * 0.2, 50))
    x, y = east - 0.03 * span - length, south + 0.03 * (north - south)
    axes.plot([x, x + length], [y, y], color=INK, linewidth=2, solid_capstyle="butt")
    text = f"{length} m" if length < 1000 else f"{length // 1000} km"
    axes.text(x + length / 2, y + 0.008 * (north - south), text, ha="center", fontsize=10, color=INK)


def _credit(figure: Figure, city: City) -> None:
    sources = city.provenance.get("sources", ())
    credit = "; ".join(dict.fromkeys(source["attribution"] for source in sources if source.get("attribution")))
    figure.text(0.995, 0.004, credit, ha="right", va="bottom", fontsize=6, color="#6d6d6d")


# The view in space is a parallel projection from the south-west, drawn from back to front.

TURN_DEG = 28.0
TILT_DEG = 38.0
SUN = np.array([-0.55, -0.35, 0.75]) / np.linalg.norm([-0.55, -0.35, 0.75])
ROOF = "#e9d8c4"
WALL = "#d8c3ad"


def _project(x: Any, y: Any, z: Any, centre: tuple[float, float]) -> tuple[Any, Any, Any]:
    """Across and up the picture, and depth away from the eye [m]."""
    turn, tilt = np.radians(TURN_DEG), np.radians(TILT_DEG)
    east, north = x - centre[0], y - centre[1]
    across = east * np.cos(turn) + north * np.sin(turn)
    away = -east * np.sin(turn) + north * np.cos(turn)
    return across, away * np.sin(tilt) + z * np.cos(tilt), away


def draw_view(city: City, path: Path, *, focus_m: float = 1500.0) -> None:
    """
    Draw the middle of the city in three dimensions, with sunlit and shaded walls.

    Parameters
    ----------
    city
        City with buildings that have heights.
    path
        A ``.png`` file.
    focus_m
        Side of the square that is drawn, about the densest place [m].
    """
    buildings = city["buildings"]
    known = buildings[buildings["height_m"].notna()] if len(buildings) else buildings
    if not len(known):
        return
    centre, clip = _focus(known, city.bounds, focus_m)
    inside = known[known.geometry.centroid.within(clip)]
    ground = inside["ground_m"].fillna(inside["ground_m"].median()).fillna(0.0).to_numpy()
    level = float(np.median(ground))
    faces, colours, depth = _building_faces(inside, ground, centre)
    order = np.argsort(-depth, kind="stable")

    corners = np.array(clip.exterior.coords)[:-1]
    across, up, _ = _project(corners[:, 0], corners[:, 1], np.full(4, level), centre)
    margin = 0.01 * (across.max() - across.min())
    bounds = (across.min() - margin, up.min() - 3 * margin, across.max() + margin, up.max() + 6 * margin)
    figure, axes, scale = _canvas(bounds, 14.0)
    axes.add_collection(PolyCollection([np.column_stack([across, up])], facecolors="#efeae0", edgecolors="none"))
    _draw_flat(axes, city, clip, centre, level, scale)
    axes.add_collection(
        PolyCollection([faces[i] for i in order], facecolors=colours[order], edgecolors=(0.25, 0.2, 0.2, 0.35), linewidths=0.15)
    )
    _credit(figure, city)
    _save(figure, path, "#ffffff")


def _focus(buildings: Any, bounds: tuple[float, float, float, float], side: float) -> tuple[tuple[float, float], Any]:
    west, south, east, north = bounds
    side = min(side, east - west, north - south)
    points = shapely.get_coordinates(shapely.centroid(np.asarray(buildings.geometry.array, dtype=object)))
    weight = buildings["height_m"].to_numpy() * buildings.geometry.area.to_numpy()
    histogram, x, y = np.histogram2d(points[:, 0], points[:, 1], bins=12, range=((west, east), (south, north)), weights=weight)
    column, row = np.unravel_index(int(histogram.argmax()), histogram.shape)
    half = side / 2
    centre = (
        float(np.clip((x[column] + x[column + 1]) / 2, west + half, east - half)),
        float(np.clip((y[row] + y[row + 1]) / 2, south + half, north - half)),
    )
    return centre, shapely.box(centre[0] - half, centre[1] - half, centre[0] + half, centre[1] + half)


def _building_faces(
    buildings: Any, ground: np.ndarray[Any, Any], centre: tuple[float, float]
) -> tuple[list[np.ndarray[Any, Any]], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Walls turned to the eye, then roofs: outlines, colours and depths."""
    rings, row = polygons_of(shapely.orient_polygons(np.asarray(buildings.geometry.array, dtype=object)))
    top = ground + buildings["height_m"].to_numpy()
    turn = np.radians(TURN_DEG)
    to_eye = np.array([np.sin(turn), -np.cos(turn)])
    tint = HEIGHTS(Normalize(0.0, HEIGHT_STOP_M)(buildings["height_m"].to_numpy()))[:, :3]
    roofs = 0.55 * np.array(to_rgb(ROOF)) + 0.45 * tint
    walls = 0.60 * np.array(to_rgb(WALL)) + 0.40 * tint

    start = np.concatenate([ring[:-1] for ring in rings])
    end = np.concatenate([ring[1:] for ring in rings])
    owner = np.repeat(row, [len(ring) - 1 for ring in rings])
    run = end - start
    length = np.maximum(np.hypot(run[:, 0], run[:, 1]), 1e-9)
    normal = np.column_stack([run[:, 1], -run[:, 0]]) / length[:, None]
    seen = normal @ to_eye > 1e-3
    start, end, owner, normal = start[seen], end[seen], owner[seen], normal[seen]
    quads = np.empty((len(start), 4, 2))
    for corner, (point, height) in enumerate(((start, ground), (end, ground), (end, top), (start, top))):
        quads[:, corner, 0], quads[:, corner, 1], _ = _project(point[:, 0], point[:, 1], height[owner], centre)
    _, _, wall_depth = _project(*((start + end).T / 2), 0.0, centre)
    light = 0.62 + 0.38 * np.clip(normal @ SUN[:2] / np.hypot(*SUN[:2]), 0.0, 1.0)
    wall_colours = walls[owner] * light[:, None]

    roof_faces, roof_depth = [], np.empty(len(rings))
    for number, (ring, building) in enumerate(zip(rings, row, strict=True)):
        across, up, away = _project(ring[:, 0], ring[:, 1], top[building], centre)
        roof_faces.append(np.column_stack([across, up]))
        roof_depth[number] = away.min()
    # A roof is drawn after the walls of its own building, and before whatever stands in front of that building.
    depth = np.concatenate([np.maximum(wall_depth, 0.0 + wall_depth), roof_depth])
    colours = np.concatenate([wall_colours, roofs[row]])
    return [*quads, *roof_faces], colours, depth


def _draw_flat(axes: Axes, city: City, clip: Any, centre: tuple[float, float], level: float, scale: float) -> None:
    """Water, green, roads and tracks as a flat drawing under the buildings."""

    def flat(rings: list[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
        return [np.column_stack(_project(ring[:, 0], ring[:, 1], level, centre)[:2]) for ring in rings]

    def clipped(table: Any) -> Any:
        shapes = shapely.intersection(np.asarray(table.geometry.array, dtype=object), clip)
        return shapes[~shapely.is_empty(shapes)]

    land_use, water, links, railways = (city[name] for name in ("land_use", "water_bodies", "links", "railways"))
    if len(land_use):
        green = land_use[land_use["class"].isin(GREEN_CLASSES)]
        axes.add_collection(PolyCollection(flat(polygons_of(clipped(green))[0]), facecolors=GREEN, edgecolors="none"))
    if len(water):
        for shape in shapely.get_parts(clipped(water)):
            if shape.geom_type == "Polygon":
                moved = shapely.transform(shape, lambda xy: np.column_stack(_project(xy[:, 0], xy[:, 1], level, centre)[:2]))
                _fill_with_holes(axes, moved, WATER)
    if len(links):
        roads = links[links["car"] & (links["reverse_link_id"].isna() | (links["reverse_link_id"] > links.index))]
        axes.add_collection(LineCollection(flat(_lines_of(clipped(roads))), colors=ROAD_EDGE, linewidths=7.0 * scale + 0.6))
        axes.add_collection(LineCollection(flat(_lines_of(clipped(roads))), colors=ROAD, linewidths=7.0 * scale))
    if len(railways):
        axes.add_collection(LineCollection(flat(_lines_of(clipped(railways))), colors=RAIL, linewidths=1.0, alpha=0.8))


mpl.rcParams["font.family"] = ["DejaVu Sans"]
