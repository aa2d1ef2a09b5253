"""Reading of OpenStreetMap extracts: which table an object goes to, and how often the file is gone through."""

from __future__ import annotations

import ctypes
import gc
import os
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
import osmium
import pandas as pd
from osmium.filter import EntityFilter, KeyFilter, TagFilter
from osmium.osm import NODE as NODES
from osmium.osm import RELATION as RELATIONS
from osmium.osm import WAY as WAYS

from dothi.crs import LONLAT, Bounds, Extent
from dothi.errors import Problems
from dothi.io.osm import roads, tags
from dothi.io.osm.flat import NODE, PER_DEG, RELATION, WAY, Block, Integers, blocks, gone, unpack
from dothi.io.osm.frames import tables_of
from dothi.io.osm.relations import KEYS, Relations
from dothi.io.osm.rows import Rows, source_key
from dothi.io.osm.ways import Ways
from dothi.io.osm.words import Tags, Words

LAYERS: Final = (
    "buildings",
    "building_parts",
    "roads",
    "railways",
    "stops",
    "routes",
    "route_stops",
    "land_use",
    "water_bodies",
    "waterways",
    "facilities",
    "trees",
    "barriers",
)
"""Tables that an extract can fill."""

_TRANSIT: Final = frozenset({"stops", "routes", "route_stops"})
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "buildings": tags.BUILDING_KEYS + tags.USE_KEYS,
    "building_parts": tags.PART_KEYS,
    "roads": roads.ROAD_KEYS,
    "railways": tags.RAILWAY_KEYS,
    "stops": tags.STOP_KEYS,
    "land_use": tags.LAND_USE_KEYS,
    "water_bodies": tags.WATER_KEYS,
    "waterways": tags.WATERWAY_KEYS,
    "facilities": tags.FACILITY_KEYS,
    "trees": tags.TREE_KEYS,
    "barriers": tags.BARRIER_KEYS,
    "coastline": (),
    "courses": (),
}
"""Keys of the tags that decide what a row of a table says."""
_AREAS: Final = frozenset({"buildings", "building_parts", "land_use", "water_bodies", "facilities"})
_OF_BUILDINGS: Final = frozenset({"facilities", "stops"})
"""Tables that a building, or a node, may be in as well."""
_PLAN_KEYS: Final = (
    "building", "area", "building:part", "amenity", "shop", "tourism", "leisure", "healthcare", "office", "railway",
    "public_transport", "landuse", "natural", "waterway", "barrier", "man_made", "route", "place", "highway", "aeroway",
)  # fmt: skip
"""Keys that decide which tables an object goes to."""
_NODE_KEYS: Final = {
    "trees": ("natural",),
    "stops": ("highway", "railway", "public_transport", "amenity"),
    "facilities": ("amenity", "shop", "tourism", "leisure", "healthcare", "office", "railway", "landuse"),
}
_AREA_KEYS: Final = {
    "buildings": ("building",),
    "building_parts": ("building:part",),
    "land_use": ("landuse", "leisure", "natural", "amenity", "aeroway", "tourism", "place", "highway"),
    "water_bodies": ("natural", "waterway", "landuse"),
    "facilities": ("amenity", "shop", "tourism", "leisure", "healthcare", "office", "railway", "landuse", "aeroway"),
}
_FLAT: Final = "pbf,pbf_compression=none,locations_on_ways=true,add_metadata=none"
_MARK: Final = "area"
"""Key that tells the relations which areas are made of from the closed ways that they are made of."""
_LIMITS: Final = np.array([180 * PER_DEG, 90 * PER_DEG], dtype=np.int64)
_BUFFER_BYTES: Final = 1 << 18
_QUEUE: Final = ("OSMIUM_MAX_OSMDATA_QUEUE_SIZE", "2")
"""Blocks that libosmium decodes ahead of what is taken: it would keep 20, of about a megabyte each."""
_M_ARENA_MAX: Final = -8
"""Of `mallopt` in the C library of GNU: how many heaps threads spread over; 0 for as many as it likes."""
_INDEX_IN_MEMORY_BYTES: Final = {"pbf": 400 << 20, "xml": 6 << 30, "xml.bz2": 500 << 20, "xml.gz": 600 << 20}
"""Size of a file up to which its node positions stay in memory: about 30 million nodes of 16 bytes, 0.5 GB."""


def read_osm(
    path: Path,
    problems: Problems,
    *,
    extent: Extent | None = None,
    layers: Collection[str] = LAYERS,
    narrow_alleys: bool = False,
) -> dict[str, pd.DataFrame]:
    """
    City tables of an OpenStreetMap extract.

    Coordinates are those of the file to the last of their seven digits, so that roads which share a node share a
    vertex. Memory is bounded by the tables, 16 bytes for each node of the file (on disk for files beyond
    about 400 MB) and the largest relation.

    Parameters
    ----------
    path
        Extract as ``.osm.pbf``, ``.osm``, ``.osm.bz2`` or ``.osm.gz``; its content decides, not its name.
    problems
        Collector of what is found: what the file breaks, what was left out, which values could not be read.
    extent
        Box; objects that do not touch it are left out, those that do are kept whole.
    layers
        Tables to give, of `LAYERS`; fewer are read faster.
    narrow_alleys
        Whether ``service=alley`` without a width is too narrow for cars, as in Vietnam.

    Returns
    -------
    dict
        Tables by name, in EPSG:4326 where they have a geometry. A table that was asked for is always there,
        be it empty.

    Raises
    ------
    InputError
        The file is missing, empty, cut off, of another format, or holds no objects.

    References
    ----------
    .. [1] OpenStreetMap Wiki, Map features, https://wiki.openstreetmap.org/wiki/Map_features.
    .. [2] OpenStreetMap Wiki, Simple 3D Buildings, https://wiki.openstreetmap.org/wiki/Simple_3D_Buildings.
    """
    unknown = sorted(set(layers) - set(LAYERS))
    if unknown:
        raise ValueError(f"no such layers: {', '.join(unknown)}; there are {', '.join(LAYERS)}")
    kind = _format(path, problems)
    problems.raise_errors()
    file = osmium.io.File(str(path.resolve()), kind)
    bounds = extent.within(LONLAT) if extent is not None else None
    with _reading(problems), _without_cycle_collector(), _frugal():
        stream, box = _read(file, kind, path.stat().st_size, frozenset(layers), bounds)
    problems.raise_errors()
    if not stream.n_objects:
        problems.error("holds ways, or nodes with tags")
        problems.raise_errors()
    stream.report(problems)
    return tables_of(stream.rows, stream.relations, problems, layers, bounds, box, narrow_alleys=narrow_alleys)


def _format(path: Path, problems: Problems) -> str:
    """Format by content, in the words of libosmium."""
    if not path.is_file():
        problems.error("is a file that exists")
        return ""
    with path.open("rb") as handle:
        head = handle.read(256)
    if not head:
        problems.error("is not empty")
    elif head.startswith(b"BZh"):
        return "xml.bz2"
    elif head.startswith(b"\x1f\x8b"):
        return "xml.gz"
    elif b"OSMHeader" in head[:64]:
        return "pbf"
    elif head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return "xml"
    else:
        problems.error("is OpenStreetMap data: .osm.pbf, .osm, .osm.bz2 or .osm.gz")
    return ""


@contextmanager
def _reading(problems: Problems) -> Iterator[None]:
    """Turn what libosmium says about a broken file into a problem."""
    try:
        yield
    except UnicodeDecodeError:
        problems.error("text is encoded in UTF-8")
    except osmium.InvalidLocationError as failure:
        problems.error(f"coordinates are degrees between −180 and 180 ({failure})")
    except (RuntimeError, OSError) as failure:
        problems.error(f"is a whole and well-formed OpenStreetMap file ({failure})")


@contextmanager
def _without_cycle_collector() -> Iterator[None]:
    """Keep Python from looking for reference cycles among millions of short-lived tags, where there are none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _frugal() -> Iterator[None]:
    """
    Keep the threads of libosmium from hoarding memory.

    They decode few blocks ahead, unless the environment says otherwise, and take memory from one heap: else each has
    its own, none of which gives back what the others could use.
    """
    name, size = _QUEUE
    told = name in os.environ
    os.environ.setdefault(name, size)
    with suppress(AttributeError, OSError):  # other C libraries than that of GNU have no such option
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    try:
        yield
    finally:
        if not told:
            del os.environ[name]
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 0)


def _read(
    file: osmium.io.File, kind: str, size: int, layers: frozenset[str], bounds: Bounds | None
) -> tuple[_Stream, Bounds | None]:
    """
    Go through a file: relations, then nodes and ways, then the areas that relations make of ways.

    libosmium looks nodes up and picks objects in C++ and writes those to a temporary file, whose columns are then read
    at once: asking libosmium for one object and one tag after the other takes twenty times as long.
    """
    header = osmium.io.Reader(file, osmium.osm.NOTHING).header()
    node_keys = sorted({key for layer in layers for key in _NODE_KEYS.get(layer, ())})
    stream = _Stream(layers, bounds)
    nodes = KeyFilter(*node_keys) if node_keys else EntityFilter(WAYS)
    nodes.enable_for(NODES)
    types = TagFilter(*(("type", name) for name in stream.relations.types))
    types.enable_for(RELATIONS)
    with tempfile.TemporaryDirectory(prefix="dothi-osm-") as folder:
        flat = Path(folder) / "flat.osm.pbf"
        in_memory = size <= _INDEX_IN_MEMORY_BYTES[kind]
        index = osmium.index.create_map("flex_mem" if in_memory else f"sparse_file_array,{folder}/nodes")
        positions = osmium.NodeLocationsForWays(index)
        positions.ignore_errors()
        # nodes, ways and relations come in this order where the file says so; else passes of their own see to it
        once = header.get("sorting") == "Type_then_ID"
        with _writing(flat) as writer:
            for entities in (NODES | WAYS | RELATIONS,) if once else (NODES, WAYS, RELATIONS):
                with osmium.io.Reader(file, entities) as reader:
                    osmium.apply(reader, positions, nodes, types, writer)
        del positions, index
        stream.read(flat, Path(folder))
    box = header.box()
    if not box.valid():
        return stream, None
    low, high = box.bottom_left, box.top_right
    return stream, (low.lon, low.lat, high.lon, high.lat)


@contextmanager
def _writing(path: Path) -> Iterator[osmium.SimpleWriter]:
    """Writer of what libosmium picks, closed at the end."""
    writer = osmium.SimpleWriter(osmium.io.File(str(path), _FLAT), bufsz=_BUFFER_BYTES)
    try:
        yield writer
        writer.close()
    except (RuntimeError, OSError, osmium.InvalidLocationError):
        # a writer that failed tries again when it is destroyed, and that ends the whole process: it must live on
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(writer))
        raise


class _Areas:
    """Handler that takes the areas of relations; those of closed ways are read as ways."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._shape = osmium.geom.WKBFactory().create_multipolygon

    def area(self, area: osmium.osm.Area) -> None:
        """Take an area, if it is one of a relation."""
        if area.from_way() or area.num_rings()[0] == 0:  # ways that cross each other give an area without rings
            return
        self._stream.area(area.orig_id(), self._shape(area))


@dataclass(eq=False)
class _Stream:
    """Tables under way, and what befell objects that are not in them."""

    layers: frozenset[str]
    bounds: Bounds | None
    rows: dict[str, Rows] = field(default_factory=dict)
    n_objects: int = 0
    clipped: Counter[str] = field(default_factory=Counter)
    open_rings: Counter[str] = field(default_factory=Counter)
    incomplete: Counter[str] = field(default_factory=Counter)
    members: set[int] = field(default_factory=set)
    n_partial: int = 0
    n_without_position: int = 0

    def __post_init__(self) -> None:
        wanted = set(self.layers)
        if self.layers & _TRANSIT:
            wanted |= {"stops", "courses"}
        if "water_bodies" in wanted:
            wanted.add("coastline")
        names = sorted(wanted & _KEYS.keys())
        keys = {key for name in names for key in _KEYS[name]}
        area_keys = {key for layer in self.layers for key in _AREA_KEYS.get(layer, ())}
        self.words = Words({*keys, *_PLAN_KEYS, *KEYS})
        self.relations = Relations(
            area_keys,
            self.words,
            transit=bool(self.layers & _TRANSIT),
            parts="building_parts" in self.layers,
        )
        for name in names:
            self.rows[name] = Rows(_KEYS[name], self.words, closed=name in _AREAS, bounds=self.bounds)
        self._members = self._courses = np.empty(0, dtype=np.int64)
        self._plan_keys = self.words.wanted(_PLAN_KEYS)
        self._names = sorted(self.rows)
        self._plans: dict[int, dict[bytes, int]] = {NODE: {}, WAY: {}}

    def read(self, flat: Path, folder: Path) -> None:
        """Take the objects of a file as libosmium wrote it."""
        for block in blocks(flat, {RELATION}):
            self.relations.take(block)
        self._members = np.array(sorted(self.relations.member_ways), dtype=np.int64)
        self._courses = self.relations.course_ways()
        with (folder / "ways.opl").open("w", encoding="utf-8", newline="\n") as ways:
            for block in blocks(flat, {NODE, WAY}):
                self.n_objects += len(block.ids)
                if block.kind == NODE:
                    self._nodes(block, Tags(block, self.words))
                else:
                    self._ways(block, Tags(block, self.words), ways)
        if self.relations.areas:
            with (folder / "areas.opl").open("w", encoding="utf-8", newline="\n") as areas:
                for block in blocks(flat, {RELATION}):
                    self._copy_areas(block, areas)
            flat.unlink()
            self._assemble(folder)

    def _nodes(self, block: Block, tags: Tags) -> None:
        """Take nodes."""
        rows = np.arange(len(block.ids))
        sizes, vertices = _positions(block, rows)
        there = ~gone(vertices)
        self.n_without_position += int((~there).sum())
        plans = self._plan(block, tags)
        for name in self._names:
            if len(chosen := np.flatnonzero(there & self._in(name, plans))):
                self.rows[name].take(block, tags, rows[chosen], sizes[chosen], vertices[chosen])

    def _ways(self, block: Block, tags: Tags, copy: TextIO) -> None:
        """Take ways, and copy those that relations make areas of."""
        member, course = np.isin(block.ids, self._members), np.isin(source_key(block.ids, WAY), self._courses)
        plans = self._plan(block, tags)
        rows = np.flatnonzero((plans > 0) | member | course)
        sizes, vertices = _positions(block, rows)
        ways = Ways(rows, sizes, vertices)
        self._copy_ways(block, ways.take(np.flatnonzero(member[rows])), copy)
        if "courses" in self.rows:
            pieces = ways.take(np.flatnonzero(course[rows])).runs()
            self.rows["courses"].take(block, tags, pieces.rows, pieces.sizes, pieces.vertices)
        for name in self._names:
            chosen = np.flatnonzero(self._in(name, plans[rows]))
            if not len(chosen):
                continue
            found = ways.take(chosen)
            if name in _AREAS:
                closed = block.closed(found.rows)
                self.open_rings[name] += int((~closed).sum())
                found = found.take(np.flatnonzero(closed))
                self.incomplete[name] += int(found.clipped().sum())
                found = found.rings()
            else:
                self.clipped[name] += int(found.clipped().sum())
                found = found.runs()
            self.rows[name].take(block, tags, found.rows, found.sizes, found.vertices)

    def _copy_ways(self, block: Block, ways: Ways, copy: TextIO) -> None:
        """Write ways in OPL: the nodes that are there, the first one again at the end of a ring."""
        idents = block.ids[ways.rows].tolist()
        self.members.update(idents)
        self.incomplete["areas"] += int(ways.clipped().sum())
        kept = ~gone(ways.vertices)
        counts = np.bincount(ways.owners()[kept], minlength=len(idents))
        nodes, places = block.nodes(ways.rows)[kept].tolist(), unpack(ways.vertices[kept]).tolist()
        texts = [f"n{node}x{x}e-7y{y}e-7" for node, (x, y) in zip(nodes, places, strict=True)]
        ends = np.cumsum(counts).tolist()
        for ident, start, end, ring in zip(idents, [0, *ends], ends, block.closed(ways.rows).tolist(), strict=False):
            line = texts[start:end]
            if ring and line and line[0] != line[-1]:
                line.append(line[0])
            copy.write(f"w{ident} T N{','.join(line)}\n")

    def _copy_areas(self, block: Block, copy: TextIO) -> None:
        """Write the relations that areas are made of in OPL: those of their ways that are in the file."""
        counts, kinds, ids, roles = block.members()
        role = [text if text in ("outer", "inner") else "" for text in block.strings]
        ends = np.cumsum(counts).tolist()
        for ident, start, end in zip(block.ids.tolist(), [0, *ends], ends, strict=False):
            if ident not in self.relations.areas:
                continue
            way = kinds[start:end] == WAY
            ways = list(zip(ids[start:end][way].tolist(), roles[start:end][way].tolist(), strict=True))
            there = [f"w{way}@{role[place]}" for way, place in ways if way in self.members]
            self.n_partial += 0 < len(there) < len(ways)
            copy.write(f"r{ident} Ttype=multipolygon,{_MARK}=yes M{','.join(there)}\n")

    def _assemble(self, folder: Path) -> None:
        """Make areas of ways, as relations say."""
        areas = osmium.area.AreaManager()
        with osmium.io.Reader(str(folder / "areas.opl"), RELATIONS) as reader:
            osmium.apply(reader, areas.first_pass_handler())
        with osmium.io.Reader(str(folder / "ways.opl"), WAYS) as reader:
            osmium.apply(reader, areas.second_pass_handler(KeyFilter(_MARK), _Areas(self)))

    def area(self, source: int, shape: str) -> None:
        """Take the area that a relation makes of ways."""
        combination = self.relations.areas.pop(source, None)
        if combination is None:
            return
        self.relations.assembled.add(source)
        found = self.words.tags(combination)
        for table in _tables(found, RELATION):
            if table in self.rows:
                self.rows[table].take_area(source, combination, found.get("name"), shape)

    def _plan(self, block: Block, tags: Tags) -> Integers:
        """Tables that each object goes to, one bit for each, worked out once for each combination of tags."""
        known = self._plans[block.kind]
        plans = []
        for combination in tags.combinations(np.arange(len(block.ids)), self._plan_keys):
            plan = known.get(combination)
            if plan is None:
                tables = _tables(self.words.tags(combination), block.kind)
                plan = known[combination] = sum(1 << self._names.index(name) for name in tables if name in self.rows)
            plans.append(plan)
        return np.array(plans, dtype=np.int64)

    def _in(self, table: str, plans: Integers) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether objects with some plans go to a table."""
        return np.asarray(plans >> self._names.index(table) & 1, dtype=bool)

    def report(self, problems: Problems) -> None:
        """Say what was left out or cut, and why."""
        for table, n_rows in sorted((+self.clipped).items()):
            problems.note(
                "nodes of the way are not in the file: the part with nodes is kept", table=table, n_rows=n_rows
            )
        for table, n_rows in sorted((+self.incomplete).items()):
            rule = "nodes of the outline are not in the file: closed across them"
            problems.repair(rule, table="" if table == "areas" else table, n_rows=n_rows)
        for table, n_rows in sorted((+self.open_rings).items()):
            problems.note("way is no closed ring: left out", table=table, n_rows=n_rows)
        for table, rows in sorted(self.rows.items()):
            if rows.n_degenerate:
                problems.note("way has too few distinct nodes: left out", table=table, n_rows=rows.n_degenerate)
        if self.n_partial:
            rule = "ways of the area are not in the file: made of the others where they close"
            problems.repair(rule, n_rows=self.n_partial)
        if self.relations.areas:
            missing = [f"relation/{ident}" for ident in sorted(self.relations.areas)]
            problems.note("ways of the relation are missing or make no area: left out", rows=missing)
        if self.n_without_position:
            problems.note("node has no position on Earth: left out", n_rows=self.n_without_position)


def _positions(block: Block, rows: Integers) -> tuple[Integers, Integers]:
    """Vertices of nodes or ways, checked."""
    sizes, vertices = block.positions(rows)
    beyond = (np.abs(unpack(vertices)) > _LIMITS).any(axis=1) & ~gone(vertices)
    if beyond.any():
        x, y = unpack(vertices[beyond])[0] / PER_DEG
        raise osmium.InvalidLocationError(f"{x}, {y}")
    return sizes, vertices


def _tables(found: dict[str, str], kind: int) -> list[str]:
    """Tables that an object goes to by its tags."""
    names = _by_tags(found)
    if kind == NODE:
        return ["trees"] if found.get("natural") == "tree" else [name for name in names if name in _OF_BUILDINGS]
    building = found.get("building", "no") != "no"
    if kind == RELATION:
        names = [name for name in names if name in _AREAS]
        return [*({"facilities"} & set(names)), "buildings"] if building else names
    if building:
        return ["buildings", *(name for name in names if name in _OF_BUILDINGS)]
    if found.get("highway") in roads.ROAD_CLASS and found.get("area") != "yes":
        return ["roads", *({"railways"} & set(names))]
    return names


def _by_tags(found: dict[str, str]) -> list[str]:
    """Tables that an object goes to by its tags, if it is neither a building nor a road."""
    names = []
    if found.get("building:part", "no") != "no":
        names.append("building_parts")
    if tags.facility_kind(found) is not None:
        names.append("facilities")
    if tags.stop_rank(found) is not None:
        names.append("stops")
    if found.get("railway") in tags.RAILWAYS:
        names.append("railways")
    if tags.is_water(found):
        names.append("water_bodies")
    elif tags.land_use_class(found) is not None:
        names.append("land_use")
    if tags.WATERWAYS.get(found.get("waterway", "")) is not None:
        names.append("waterways")
    if tags.barrier_kind(found) is not None:
        names.append("barriers")
    if found.get("natural") == "coastline":
        names.append("coastline")
    if found.get("route") == "ferry":
        names.append("roads")
    return names
