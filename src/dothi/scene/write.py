"""Writing the scene of a city."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import shapely

from dothi.crs import LONLAT, transformer
from dothi.io.files import whole_folder
from dothi.mesh.drape import Paths, draped_areas, draped_lines
from dothi.mesh.prisms import Prisms, has_model, prisms_of
from dothi.mesh.terrain import TerrainMesh, levels_on_mesh
from dothi.mesh.ways import GRADIENT, Levels, levels_of, on_decks, one_of_two
from dothi.scene.bundle import gzipped
from dothi.scene.cover import cover_tile
from dothi.scene.ground import ground_bounds, ground_mesh, is_known
from dothi.scene.layers import (
    Bounds,
    Box,
    Tile,
    area_tiles,
    level_tile,
    line_tiles,
    mesh_tile,
    point_tiles,
    prism_tiles,
    skin_tiles,
)
from dothi.scene.names import names_file
from dothi.scene.skins import triangles_in_space
from dothi.shapes import Floats, Integers, Shapes
from dothi.tables import TABLES
from dothi.workers import Inline

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from dothi.city import City
    from dothi.jobs import Progress

FORMAT: Final = 1
SCENE: Final = "scene.json"
FOOT_M: Final = 0.3
"""How far walls reach below the lowest ground at their foot."""
BRIDGE: Final = 1
TUNNEL: Final = 2
NO_KIND: Final = 255
IN_FLIGHT: Final = 16
"""Files that wait to be compressed at most: more would fill the memory."""
SKIN_KINDS: Final = {"wall": 0, "roof": 1, "ground": 2}
OTHER_SKIN: Final = 3
HIDDEN_SHARE: Final = 0.98
"""Share of a wall from which on it is no wall that is seen, if neighbours cover it."""

DRAWN: Final = (
    "buildings", "links", "railways", "waterways", "barriers", "water_bodies", "land_use", "zones", "wards", "trees",
    "stops", "facilities", "grid_lines", "transformers",
)  # fmt: skip
"""Tables that layers show."""

Layers = Iterator[tuple[str, dict[str, Any], Iterator[Tile]]]
"""Layers by name: what the scene says of each, and its files."""


def write_scene(
    city: City, folder: Path, key: str, progress: Progress | None = None, executor: Executor | None = None
) -> None:
    """
    Write what the viewer draws of a city, see ``docs/reference/scene-format.md``.

    Parameters
    ----------
    city
        A built city.
    folder
        Folder to make; it appears when all of it is written. One that is there and whole stays as it is.
    key
        Key of the city.
    progress
        Told of every layer.
    executor
        Where files are compressed; in this process where None.
    """
    steps: dict[str, Callable[[_Site], Layers]] = {
        "Ground": _ground,
        "Buildings": _buildings,
        "Roads, tracks and water": _lines_and_areas,
        "Trees and places": _points,
    }
    if progress:
        progress.begin([*steps, "Names"])
    with whole_folder(folder) as temporary:
        files = _Files(temporary, executor or Inline())
        site = _site(city)
        for title, make in steps.items():
            with _Told(progress, title):
                for name, about, tiles in make(site):
                    files.put_layer(name, about, tiles)
        with _Told(progress, "Names"):
            names = {"file": "names.bin"}
            files.put(names, names_file(_named(site)))
            files.settle()
        scene = {
            "format": FORMAT,
            "key": key,
            "name": city.name,
            "country": city.country,
            "crs": city.crs,
            **_whereabouts(site),
            "box": _box_around(files.boxes),
            "attribution": _attribution(city),
            "layers": files.layers,
            "names": names,
        }
        text = json.dumps(scene, ensure_ascii=False, separators=(",", ":"), default=float)
        _store(temporary / SCENE, f"{text}\n".encode())


# ── files ────────────────────────────────────────────────────────────────────────────────────────


class _Files:
    """Files of a scene, compressed elsewhere while the next ones are made."""

    def __init__(self, folder: Path, executor: Executor) -> None:
        self.layers: dict[str, dict[str, Any]] = {}
        self.boxes: list[Box] = []
        self._folder, self._executor = folder, executor
        self._waiting: deque[tuple[dict[str, Any], Future[int]]] = deque()

    def put(self, entry: dict[str, Any], data: bytes) -> None:
        """Store the file that an entry names; its compressed size is in the entry once `settle` was called."""
        entry["bytes"] = 0
        self._waiting.append((entry, self._executor.submit(_store, self._folder / entry["file"], data)))
        self.settle(IN_FLIGHT)

    def put_layer(self, name: str, about: dict[str, Any], tiles: Iterator[Tile]) -> None:
        """Store the files of a layer; one without any is left out."""
        entries: list[dict[str, Any]] = []
        for tile in tiles:
            entry: dict[str, Any] = {"file": tile.name}
            self.put(entry, tile.data)
            entries.append(entry)
            if "rows" in about:
                entry["n"] = tile.n
            entry["box"] = tile.box
            if about["type"] != "cover":
                self.boxes.append(tile.box)
        if entries and "rows" in about:
            self.layers[name] = {**about, "tiles": entries}
        elif entries:
            entries[0].update(about)
            self.layers[name] = entries[0]

    def settle(self, most: int = 0) -> None:
        """Wait until at most so many files are still to be stored."""
        while len(self._waiting) > most:
            entry, future = self._waiting.popleft()
            entry["bytes"] = future.result()


def _store(path: Path, data: bytes) -> int:
    """Write a file and its compressed twin; the length of the twin [B]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = gzipped(data)
    path.write_bytes(data)
    path.with_name(f"{path.name}.gz").write_bytes(packed)
    return len(packed)


# ── the whole ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Site:
    """A city and the ground on which its scene stands."""

    city: City
    origin: tuple[int, int]
    mesh: TerrainMesh
    known: bool
    """Whether the ground is that of a terrain."""
    bounds: Bounds
    """West, south, east and north of the ground [m]."""

    @property
    def frame(self) -> shapely.Polygon:
        """Outline of the ground: what lies beyond is no part of the model."""
        frame = shapely.box(*self.bounds)
        shapely.prepare(frame)
        return frame

    def moved(self, xyz: Floats) -> Floats:
        """Places (n, 2) or (n, 3) seen from the origin [m]."""
        moved = xyz.copy()
        moved[:, :2] -= self.origin
        return moved

    def moved_paths(self, paths: Paths) -> Paths:
        """Lines seen from the origin."""
        return replace(paths, xyz=self.moved(paths.xyz))


def _site(city: City) -> _Site:
    west, south, east, north = city.bounds
    origin = (round((west + east) / 2.0), round((south + north) / 2.0))
    mesh = ground_mesh(city)
    return _Site(city, origin, mesh, is_known(city), ground_bounds(city, mesh))


def _whereabouts(site: _Site) -> dict[str, Any]:
    """Origin on the grid and on the globe, and the direction of true north there."""
    to_globe = transformer(site.city.crs, LONLAT)
    x, y = site.origin
    lon, lat = to_globe.transform(x, y)
    step = 1e-4 if lat < 89.0 else -1e-4
    ends = transformer(LONLAT, site.city.crs).transform([lon, lon], [lat - step, lat + step])
    east, north = np.diff(ends, axis=1)[:, 0] * np.sign(step)
    return {
        "origin": site.origin,
        "lonlat": [round(lon, 7), round(lat, 7)],
        "convergence_deg": round(float(np.degrees(np.arctan2(east, north))), 4),
    }


def _box_around(boxes: list[Box]) -> list[float]:
    if not boxes:
        return [0.0] * 6
    all_boxes = np.array(boxes)
    return [*all_boxes[:, :3].min(axis=0).tolist(), *all_boxes[:, 3:].max(axis=0).tolist()]


def _attribution(city: City) -> list[str]:
    """What the sources ask to be written beside a picture."""
    said: dict[str, None] = {}
    for source in city.provenance.get("sources", ()):
        if text := str(source.get("attribution") or "").strip():
            licence = str(source.get("licence") or "").strip()
            said[f"{text} ({licence})" if licence else text] = None
    return list(said)


# ── layers ───────────────────────────────────────────────────────────────────────────────────────


def _ground(site: _Site) -> Layers:
    """The terrain, or a level ground in its place, and what covers it."""
    mesh = replace(site.mesh, west=site.mesh.west - site.origin[0], south=site.mesh.south - site.origin[1])
    if site.known:
        about = {"type": "mesh", "error_m": float(np.ceil(mesh.error_m * 100.0) / 100.0)}
        yield "terrain", about, iter([mesh_tile(mesh)])
    elif any(len(site.city[name]) for name in DRAWN):
        west, south, east, north = (edge - site.origin[k % 2] for k, edge in enumerate(site.bounds))
        tile = level_tile((west, south, east, north), float(mesh.level[0, 0]))
        yield "terrain", {"type": "mesh", "level": True}, iter([tile])
    if "land_cover" in site.city.rasters:
        tile, classes = cover_tile(site.city.rasters["land_cover"], site.origin)
        yield "cover", {"type": "cover", "classes": classes}, iter([tile])


def _buildings(site: _Site) -> Layers:
    """Buildings as prisms, and those whose surfaces the source models as these."""
    rows = len(site.city["buildings"])
    if not rows:
        return
    prisms = _founded(prisms_of(site.city), site.mesh)
    moved = replace(prisms, rings=replace(prisms.rings, xy=site.moved(prisms.rings.xy)))
    yield "buildings", {"type": "prisms", "rows": rows}, prism_tiles(moved)

    modelled = has_model(site.city)
    if modelled.any():
        surfaces = site.city["surfaces"]
        owner = site.city["buildings"].index.get_indexer(surfaces["building_id"])
        level = pd.to_numeric(surfaces["lod"], errors="coerce").to_numpy(dtype=float)
        surfaces, owner = surfaces[(level >= 2.0) & (owner >= 0)], owner[(level >= 2.0) & (owner >= 0)]
        corners, surface = triangles_in_space(_shapes(surfaces))
        kind = surfaces["kind"].astype(object).map(SKIN_KINDS).fillna(OTHER_SKIN).to_numpy(dtype=np.int64)
        corners[:, :, :2] -= site.origin
        yield (
            "surfaces",
            {"type": "skins", "rows": rows},
            skin_tiles("surfaces", corners, owner[surface], kind[surface]),
        )
    yield from _faces(site)


def _faces(site: _Site) -> Layers:
    """Walls and roofs that are seen, each with its row: what no neighbour covers."""
    surfaces = site.city["surfaces"]
    covered = surfaces["party_area_m2"].fillna(0.0) > HIDDEN_SHARE * surfaces["area_m2"].fillna(np.inf)
    row = np.flatnonzero(surfaces["kind"].isin(["wall", "roof"]) & ~covered)
    corners, surface = triangles_in_space(_shapes(surfaces)[row])
    corners[:, :, :2] -= site.origin
    kind = surfaces["kind"].astype(object).map(SKIN_KINDS).to_numpy()[row][surface].astype(np.int64)
    yield "faces", {"type": "faces", "rows": len(surfaces)}, skin_tiles("faces", corners, row[surface], kind)


def _founded(prisms: Prisms, mesh: TerrainMesh) -> Prisms:
    """Prisms whose walls reach down to the mesh all around, unless they stand on air."""
    if not len(prisms):
        return prisms
    lowest = np.minimum.reduceat(levels_on_mesh(mesh, prisms.rings.xy), prisms.rings.first[:-1])
    foot = np.minimum(prisms.ground_m, lowest) - FOOT_M
    return replace(prisms, base_m=np.where(prisms.base_m > prisms.ground_m, prisms.base_m, foot))


def _lines_and_areas(site: _Site) -> Layers:
    """Water and land use, roads and tracks with their bridges, boundaries, and lines of the grid."""
    city = site.city
    for name, column in (("water_bodies", "kind"), ("land_use", "class"), ("zones", ""), ("wards", "")):
        table = city[name]
        if len(table):
            kind, kinds = _kinds(table, name, column)
            sheets = draped_areas(cut_areas(_shapes(table), site.frame), site.mesh)
            sheets = replace(
                sheets,
                rings=replace(sheets.rings, xy=site.moved(sheets.rings.xy)),
                inner=site.moved(sheets.inner),
            )
            about = {"type": "areas", "rows": len(table), "kinds": kinds}
            yield name, about, area_tiles(name, sheets, np.arange(len(table)), kind)

    ways = {name: _ways(site, name) for name in GRADIENT if len(city[name])}
    if ways:
        shapes, levels = ({name: getattr(way, part) for name, way in ways.items()} for part in ("shapes", "levels"))
        for name, paths in on_decks(shapes, levels, _shapes(city["water_bodies"]), site.mesh).items():
            yield name, ways[name].about, _way_tiles(name, site.moved_paths(paths), ways[name])
    for name in ("waterways", "barriers", "grid_lines"):
        if len(city[name]):
            way = _ways(site, name)
            yield name, way.about, _way_tiles(name, site.moved_paths(draped_lines(way.shapes, site.mesh)), way)


def cut_areas(shapes: Shapes, frame: shapely.Polygon) -> Shapes:
    """Polygons and MultiPolygons, without what lies outside a frame; those wholly outside are empty."""
    beyond = ~shapely.covers(frame, shapes)
    cut = shapes.copy()
    cut[beyond] = shapely.intersection(shapes[beyond], frame)
    # Where an area only touches the frame with some of its parts, lines and points come along.
    for k in np.flatnonzero(shapely.get_type_id(cut) == shapely.GeometryType.GEOMETRYCOLLECTION):
        parts = shapely.get_parts(cut[k])
        cut[k] = shapely.multipolygons(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
    cut[shapely.get_dimensions(cut) < 2] = shapely.Polygon()
    return cut


def cut_lines(shapes: Shapes, frame: shapely.Polygon) -> tuple[Shapes, Integers]:
    """LineStrings without what lies outside a frame, and which line each is a part of."""
    beyond = ~shapely.covers(frame, shapes)
    cut = shapes.copy()
    cut[beyond] = shapely.intersection(shapes[beyond], frame)
    parts, of = shapely.get_parts(cut, return_index=True)
    kept = (shapely.get_dimensions(parts) == 1) & ~shapely.is_empty(parts)
    return parts[kept], of[kept]


@dataclass(frozen=True)
class _Ways:
    """Lines of a table, one for both directions, as far as the ground goes; barriers have their height for width."""

    about: dict[str, Any]
    shapes: Shapes
    row: Integers
    reverse_row: Integers
    kind: Integers
    width_m: Floats
    levels: Levels


def _ways(site: _Site, name: str) -> _Ways:
    table = site.city[name]
    drawn, reverse = one_of_two(table)
    kind, kinds = _kinds(table, name, "class" if "class" in table else "kind")
    measure = "height_m" if name == "barriers" else "width_m"
    width = table[measure].fillna(0.0).to_numpy(dtype=float) if measure in table else np.zeros(len(table))
    shapes, of = cut_lines(_shapes(table)[drawn], site.frame)
    rows = np.flatnonzero(drawn)[of]
    return _Ways(
        about={"type": "lines", "rows": len(table), "kinds": kinds},
        shapes=shapes,
        row=rows,
        reverse_row=reverse[rows],
        kind=kind[rows],
        width_m=width[rows],
        levels=levels_of(table).of(rows),
    )


def _way_tiles(name: str, paths: Paths, way: _Ways) -> Iterator[Tile]:
    flags = BRIDGE * way.levels.bridge + TUNNEL * way.levels.tunnel
    return line_tiles(name, paths, way.row, way.reverse_row, way.width_m, way.kind, flags)


def _points(site: _Site) -> Layers:
    """Trees, stops, facilities and transformers."""
    for name, column in (("trees", ""), ("stops", ""), ("facilities", "kind"), ("transformers", "")):
        table = site.city[name]
        if not len(table):
            continue
        kind, kinds = _kinds(table, name, column)
        rows = np.flatnonzero(shapely.intersects(site.frame, shapely.centroid(_shapes(table))))
        height, width = (
            table[measure].fillna(0.0).to_numpy(dtype=float) if measure in table else np.zeros(len(table))
            for measure in ("height_m", "crown_diameter_m")
        )
        about = {"type": "points", "rows": len(table), "kinds": kinds}
        xyz = site.moved(_standing(table.iloc[rows], site.mesh))
        yield name, about, point_tiles(name, xyz, rows, kind[rows], height[rows], width[rows])


def _standing(table: Any, mesh: TerrainMesh) -> Floats:
    """Points on the mesh (n, 3) that stand for the rows of a table [m]."""
    xy = shapely.get_coordinates(shapely.centroid(_shapes(table)))
    return np.column_stack([xy, levels_on_mesh(mesh, xy)])


def _named(site: _Site) -> dict[str, tuple[pd.Series, Integers, Floats]]:
    """Names, rows and places of what people look for."""
    found = {}
    tables = {"street": "links", "stop": "stops", "facility": "facilities", "ward": "wards", "building": "buildings"}
    for kind, name in tables.items():
        table = site.city[name]
        named = table["name"].notna().to_numpy() if "name" in table else np.zeros(len(table), dtype=bool)
        if name == "links":
            one_way = np.zeros(len(table), dtype=bool)
            one_way[_ways(site, name).row] = True
            named = named & one_way
        rows = np.flatnonzero(named)
        rows = rows[shapely.intersects(site.frame, _shapes(table)[rows])]
        if len(rows):
            chosen = table.iloc[rows]
            if name == "links":
                middle = shapely.line_interpolate_point(_shapes(chosen), 0.5, normalized=True)
                chosen = chosen.set_geometry(middle, crs=table.crs)
            elif name == "wards":
                chosen = chosen.set_geometry(shapely.point_on_surface(_shapes(chosen)), crs=table.crs)
            found[kind] = (chosen["name"], rows, site.moved(_standing(chosen, site.mesh)))
    return found


def _kinds(table: Any, name: str, column: str) -> tuple[Integers, list[str]]:
    """Kind of every row as a number, 255 for none, and the names of the numbers."""
    if not column or column not in table:
        return np.full(len(table), NO_KIND, dtype=np.int64), []
    kinds = list(TABLES[name].columns[column].choices)
    found = pd.Index(kinds).get_indexer(table[column].astype(object))
    return np.where(found < 0, NO_KIND, found).astype(np.int64), kinds


def _shapes(table: Any) -> Shapes:
    return np.asarray(table.geometry.array, dtype=object)


class _Told:
    """A step of which somebody is told."""

    def __init__(self, progress: Progress | None, title: str) -> None:
        self._progress, self._title = progress, title

    def __enter__(self) -> None:
        self._began = time.perf_counter()
        if self._progress:
            self._progress.step(self._title)

    def __exit__(self, *raised: object) -> None:
        if self._progress and raised[0] is None:
            self._progress.done(self._title, time.perf_counter() - self._began, False)
