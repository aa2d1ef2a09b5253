"""3D Tiles 1.1: the city on the globe, large things first."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi import __version__
from dothi.crs import LONLAT, transformer
from dothi.errors import InputError, Problem, Problems
from dothi.io.files import SEAL, whole_folder, write_text
from dothi.mesh.terrain import TerrainMesh
from dothi.publish.globe import EarthFrame, middle_of
from dothi.publish.gltf import STEPS_M, Glb, Mesh, Packing, limits_of, packing_at_hand
from dothi.publish.layers import MATERIALS, Layer, bed_of, ground, layers_of, terrain_for, terrain_of
from dothi.publish.properties import Properties, check_columns, properties_of
from dothi.publish.written import Notify, Written, nobody
from dothi.shapes import Floats, Integers

if TYPE_CHECKING:
    from dothi.city import City

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "terrain": (),
    "buildings": ("name", "height_m", "height_m_method", "function", "year_built", "storeys", "residents"),
    "links": ("name", "class", "width_m"),
    "railways": ("name", "class"),
    "water_bodies": ("name", "kind"),
    "trees": ("species", "height_m"),
}
"""Columns that go with each layer where none are asked for."""

LEAF_VERTICES: Final = 12_000
"""Vertices of footprints that a tile without children holds: about 1,500 houses."""
UPPER_VERTICES: Final = 6_000
"""Vertices of footprints that a tile with children holds."""
NEIGHBOURS_M: Final = 64.0
"""Width of the strips along which things of a tile follow one another."""
SMALLEST_M: Final = 1.0
"""Side of a square that is not quartered any more."""
NOTICED: Final = 6.0
"""
Geometric error by the size of what is left out. Viewers refine where the error shows as more than 16 pixels; a surface
that is off by so much goes unnoticed, but a house that is missing is seen down to about 3 pixels.
"""
FLOATING: Final = 16.0
"""Geometric error by how far things float above coarse terrain: that is seen from 1 pixel on."""
DECLINE: Final = 0.95
"""Geometric error of a tile by that of its parent, at most: viewers refine without need where they are equal."""
COARSE_M: Final = 1.0
COARSE_TRIANGLES: Final = 2_000
TERRAIN_PIECE: Final = 20_000
"""Triangles of a piece of fine terrain."""
VERTICAL: Final = ("EPSG:3855", "EPSG:5773")
"""Heights above the geoids EGM2008 and EGM96."""


@dataclass(slots=True, eq=False)
class Tile:
    """
    A tile in the making.

    Attributes
    ----------
    name
        Its quarters from the root, and its file.
    items
        What it draws.
    error_m
        Geometric error [m].
    children
        Its quarters.
    frame
        Its own frame.
    low, high : (3,)
        Corners of the box that holds it and its children, in its frame.
    """

    name: str
    items: Integers
    error_m: float
    children: list[Tile] = field(default_factory=list)
    frame: EarthFrame = field(init=False)
    low: Floats = field(default_factory=lambda: np.full(3, np.inf))
    high: Floats = field(default_factory=lambda: np.full(3, -np.inf))
    uri: str = ""
    group: int = 0
    refine: str = "ADD"

    def hold(self, xyz: Floats) -> None:
        """Widen the box to hold points (n, 3) of its frame."""
        low, high = limits_of(xyz)
        self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)

    def enclose(self) -> None:
        """Widen the box to hold those of the children."""
        for child in self.children:
            corners = np.array(np.meshgrid(*np.column_stack([child.low, child.high]), indexing="ij")).reshape(3, -1).T
            geocentric = corners @ child.frame.matrix[:3, :3].T + child.frame.matrix[:3, 3]
            self.hold((geocentric - self.frame.matrix[:3, 3]) @ self.frame.matrix[:3, :3])

    def document(self, parent: EarthFrame | None) -> dict[str, Any]:
        """As the tileset has it, with all its children."""
        # A centimetre more, since places are rounded to steps.
        centre, half = (self.low + self.high) / 2.0, (self.high - self.low) / 2.0 + 0.01
        box = np.zeros((4, 3))
        box[0], box[1:] = centre, np.diag(half)
        document: dict[str, Any] = {
            "transform": self.frame.within(parent),
            "boundingVolume": {"box": np.round(box.ravel(), 3).tolist()},
            "geometricError": round(self.error_m, 2),
            "refine": self.refine,
        }
        if self.uri:
            document["content"] = {"uri": self.uri, "group": self.group}
        if self.children:
            document["children"] = [child.document(self.frame) for child in self.children]
        return document


def export_3dtiles(
    city: City,
    target: Path,
    layers: Mapping[str, Sequence[str]] | None = None,
    notify: Notify = nobody,
    *,
    geoid_m: float | None = None,
    packing: Packing | None = None,
) -> Written:
    """
    Write a city as a tileset of 3D Tiles 1.1.

    Layers are quadtrees whose tiles add to one another: the largest buildings stand in the topmost tile, the smallest
    in the leaves, each of them once and in full. So nothing is sent twice, and a picked feature is always the same
    one. Terrain is coarse in the topmost tile and replaced by fine pieces.

    Parameters
    ----------
    city
        City to write.
    target
        New folder, in which ``tileset.json`` is the one to open.
    layers
        Layers to write and the columns that go with them, the identifier aside; `COLUMNS` where None.
    notify
        Told of each layer.
    geoid_m
        Height of the zero of the city's levels above the ellipsoid [m]: of the geoid, for levels above the sea.
        Where None, PROJ is asked, which knows if its geoid grids are installed; failing that it is 0, and a note
        says so.
    packing
        How geometry is packed; the best at hand where None.

    Returns
    -------
    Written
        Objects by layer, and notes.

    Raises
    ------
    InputError
        A layer or column is not known, the target is there already, or there is nothing to draw.
    EngineMissingError
        The packing asked for needs a library that is not installed.
    """
    wanted = layers_wanted(layers)
    problems = Problems()
    if target.exists():
        problems.add(Problem("is a new folder: remove it, or name another", file=str(target)))
    check_layers(city, wanted, problems)
    notes = []
    packing = packing_at_hand(packing)
    if packing != "meshopt":
        notes.append("geometry is not compressed: with pip install 'dothi[export]' it is several times smaller")
    middle = middle_of(city)
    if geoid_m is None:
        geoid_m = geoid_at(city.crs, middle)
        if geoid_m is None:
            geoid_m = 0.0
            notes.append(
                "heights above sea level are written as heights above the ellipsoid, since no geoid grid is installed:"
                " give the height of the geoid to make the city stand right on other globes' terrain"
            )
    export = _Export(city, packing, geoid_m, attribution_of(city), "water_bodies" in wanted)
    root = Tile("", np.empty(0, dtype=np.int64), 0.0)
    root.frame = EarthFrame.at(city.crs, middle, 0.0, geoid_m)
    with whole_folder(target) as folder:
        terrain, real = terrain_for(city)
        if real and "terrain" in wanted:
            notify("terrain")
            root.children.append(export.terrain(terrain, folder))
        for layer in layers_of(city, terrain, list(wanted)):
            notify(layer.table)
            root.children.append(export.layer(layer, wanted[layer.table], folder))
        if not root.children:
            raise InputError([Problem(f"has something to draw in {', '.join(wanted)}", file=city.name)])
        root.enclose()
        root.error_m = max(
            float(np.linalg.norm(root.high - root.low)), *(child.error_m / DECLINE for child in root.children)
        )
        write_text(folder / "tileset.json", _tileset(city, root, export, geoid_m))
    (target / SEAL).unlink()  # the list of files, which is no part of a tileset
    return Written(export.counts, notes)


def geoid_at(crs: str, xy: tuple[float, float]) -> float | None:
    """Height of the geoid above the ellipsoid at a place on a grid [m]; None where PROJ has no grid for it."""
    from pyproj.transformer import TransformerGroup

    longitude, latitude = transformer(crs, LONLAT).transform(*xy)
    for vertical in VERTICAL:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that the grid is missing, which is what is asked here
            group = TransformerGroup(f"{LONLAT}+{vertical.split(':')[1]}", "EPSG:4979", always_xy=True)
        if group.best_available and group.transformers:
            return float(group.transformers[0].transform(longitude, latitude, 0.0)[2])
    return None


def layers_wanted(layers: Mapping[str, Sequence[str]] | None) -> dict[str, Sequence[str]]:
    """Layers and their columns; parts of buildings are drawn as their buildings, and have no columns of their own."""
    return {name: columns for name, columns in (layers or COLUMNS).items() if name != "building_parts"}


def check_layers(city: City, wanted: Mapping[str, Sequence[str]], problems: Problems | None = None) -> None:
    """
    Check that layers and columns asked for are known.

    Raises
    ------
    InputError
        Those that are not, and what else the collector holds.
    """
    problems = problems or Problems()
    for table, columns in wanted.items():
        if table not in COLUMNS:
            problems.error(f"is one of the layers {', '.join(COLUMNS)}", table=table)
        elif table != "terrain":
            check_columns(city[table], table, columns, problems)
    problems.raise_errors()


def attribution_of(city: City) -> str:
    """Whom the data of a city are owed to."""
    sources = city.provenance.get("sources", ())
    return "; ".join(dict.fromkeys(source["attribution"] for source in sources if source.get("attribution")))


@dataclass(slots=True)
class _Export:
    """What all tiles of an export have in common."""

    city: City
    packing: Packing
    geoid_m: float
    attribution: str
    water: bool
    counts: dict[str, int] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)

    def layer(self, layer: Layer, columns: Sequence[str], folder: Path) -> Tile:
        """Write a layer; returns its topmost tile."""
        table = self.city[layer.table]
        properties = properties_of(table, layer.table, columns)
        self.counts[layer.table] = len(layer.row)
        self.groups.append(layer.table)
        root = quadtree(layer)
        self._write(root, layer, properties, folder)
        return root

    def _write(self, tile: Tile, layer: Layer, properties: Properties, folder: Path) -> None:
        at = layer.at[tile.items]
        # Neighbours follow one another, which packs better.
        items = tile.items[np.lexsort((at[:, 0], np.floor(at[:, 1] / NEIGHBOURS_M)))]
        tile.frame = self._frame((at.min(axis=0) + at.max(axis=0)) / 2.0)
        mesh = layer.mesh(items, tile.frame)
        glb = Glb(self.packing, copyright=self.attribution)
        table = glb.add_table(properties, layer.row[items])
        glb.add_mesh(layer.table, mesh, MATERIALS[layer.table], table)
        self._put(tile, layer.table, mesh, glb, folder)
        for child in tile.children:
            self._write(child, layer, properties, folder)
        tile.enclose()

    def terrain(self, fine: TerrainMesh, folder: Path) -> Tile:
        """Write the terrain; returns its topmost tile."""
        self.groups.append("terrain")
        self.counts["terrain"] = len(fine.triangles)
        coarse, _ = terrain_of(self.city, error_m=COARSE_M, most_triangles=COARSE_TRIANGLES)
        pieces = _pieces(fine)
        if len(coarse.triangles) >= len(fine.triangles) or len(pieces) == 1:
            coarse, pieces = fine, []
        # One frame and one step for all pieces: where they meet, their vertices are the same.
        frame = self._frame(np.array(middle_of(self.city)))
        everything = np.arange(len(coarse.triangles))
        # Coarse terrain lies below the fine one, so that it hides nothing that stands on that: water, roads, low walls.
        lowered = coarse.error_m if pieces else 0.0
        root = Tile("", everything, FLOATING * 2.0 * lowered, refine="REPLACE")
        root.children = [Tile(str(number), piece, 0.0) for number, piece in enumerate(pieces)]
        bed = bed_of(self.city, fine) if self.water else np.zeros(len(fine.column))
        on_top = bed if coarse is fine else np.full(len(coarse.column), lowered)
        for tile, terrain, down in [(root, coarse, on_top), *((child, fine, bed) for child in root.children)]:
            tile.frame = frame
            mesh = ground(terrain, terrain.triangles[tile.items], frame, down)
            glb = Glb(self.packing, copyright=self.attribution)
            glb.add_mesh("terrain", mesh, MATERIALS["terrain"], step_m=STEPS_M[0])
            self._put(tile, "terrain", mesh, glb, folder)
        root.enclose()
        return root

    def _frame(self, xy: Floats) -> EarthFrame:
        return EarthFrame.at(self.city.crs, (float(xy[0]), float(xy[1])), 0.0, self.geoid_m)

    def _put(self, tile: Tile, layer: str, mesh: Mesh, glb: Glb, folder: Path) -> None:
        tile.hold(mesh.xyz)
        tile.uri, tile.group = f"{layer}/r{tile.name}.glb", len(self.groups) - 1
        (folder / layer).mkdir(exist_ok=True)
        (folder / tile.uri).write_bytes(glb.build())


def quadtree(layer: Layer) -> Tile:
    """
    Tiles of a layer: each holds the largest items of its square, its quarters hold the others.

    Returns
    -------
    Tile
        The topmost tile; names are the quarters from there (0 south-west, 1 south-east, 2 north-west, 3 north-east).
    """
    order = np.argsort(-layer.size_m, kind="stable")
    low, high = layer.at.min(axis=0), layer.at.max(axis=0)
    side = max(float((high - low).max()), SMALLEST_M)
    return _quartered(layer, "", order, low, side, np.inf)


def _quartered(layer: Layer, name: str, items: Integers, corner: Floats, side: float, parent_error: float) -> Tile:
    """Tile of a square with all these items, largest first."""
    vertices = np.cumsum(layer.weight[items])
    if vertices[-1] <= LEAF_VERTICES or side <= SMALLEST_M:
        return Tile(name, items, 0.0)
    n_own = max(int(np.searchsorted(vertices, UPPER_VERTICES, side="right")), 1)
    own, rest = items[:n_own], items[n_own:]
    if not len(rest):
        return Tile(name, own, 0.0)
    error = min(NOTICED * float(layer.size_m[rest[0]]), DECLINE * parent_error)
    half = side / 2.0
    east, north = (layer.at[rest] >= corner + half).T
    quarter = east + 2 * north
    tile = Tile(name, own, error)
    for number in np.unique(quarter).tolist():
        begin = corner + half * np.array([number % 2, number // 2])
        tile.children.append(_quartered(layer, f"{name}{number}", rest[quarter == number], begin, half, error))
    return tile


def _pieces(terrain: TerrainMesh) -> list[Integers]:
    """Triangles of a terrain in compact pieces of at most `TERRAIN_PIECE`."""
    middle = terrain.xyz[terrain.triangles, :2].mean(axis=1)
    waiting, pieces = [np.arange(len(middle))], []
    while waiting:
        piece = waiting.pop()
        if len(piece) <= TERRAIN_PIECE:
            pieces.append(np.sort(piece))
            continue
        axis = int(np.argmax(np.ptp(middle[piece], axis=0)))
        order = piece[np.argsort(middle[piece, axis], kind="stable")]
        waiting += [order[len(order) // 2 :], order[: len(order) // 2]]
    return pieces


def _tileset(city: City, root: Tile, export: _Export, geoid_m: float) -> str:
    layer = {"properties": {"name": {"type": "STRING", "semantic": "NAME", "required": True}}}
    document = {
        "asset": {
            "version": "1.1",
            "extras": {
                "generator": f"Dothi {__version__}",
                "name": city.name,
                "crs": city.crs,
                "geoid_m": geoid_m,
                "attribution": export.attribution,
            },
        },
        "schema": {"id": "dothi", "classes": {"layer": layer}},
        "groups": [{"class": "layer", "properties": {"name": name}} for name in export.groups],
        "geometricError": round(root.error_m, 2),
        "root": root.document(None),
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n"
