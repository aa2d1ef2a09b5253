"""Reading of OpenStreetMap extracts: which table an object goes to, and how often the file is gone through."""

from __future__ import annotations

import ctypes
import gc
import io
import mmap
import re
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import osmium
import pandas as pd
from osmium.filter import EntityFilter, KeyFilter, TagFilter
from osmium.osm import NODE as NODES
from osmium.osm import RELATION as RELATIONS
from osmium.osm import WAY as WAYS

from dothi.crs import LONLAT, Bounds, Extent
from dothi.errors import Problems
from dothi.io.osm import roads, tags
from dothi.io.osm.frames import tables_of
from dothi.io.osm.relations import Relations
from dothi.io.osm.rows import NODE, WAY, Profile, Rows, escaped

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
_PLAN_KEYS: Final = frozenset((
    "building:part", "amenity", "shop", "tourism", "leisure", "healthcare", "office", "railway", "public_transport",
    "landuse", "natural", "waterway", "barrier", "man_made", "route", "place", "highway", "aeroway",
))  # fmt: skip
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
_OPL: Final = "opl,locations_on_ways=true,add_metadata=none"
_MISSING: Final = "xy"
"""Position of a node that is not in the file, in OPL."""
_GAP: Final = re.compile(r"(?:^|,)(?:n-?\d+xy(?:,|$))+")
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
    with _reading(problems), _without_cycle_collector():
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


def _read(
    file: osmium.io.File, kind: str, size: int, layers: frozenset[str], bounds: Bounds | None
) -> tuple[_Stream, Bounds | None]:
    """
    Go through a file: relations, then nodes and ways, then the areas that relations make of ways.

    libosmium looks nodes up and picks objects in C++ and writes those to a temporary text file in OPL
    (osmcode.org/opl-file-format), one object a line, which Python splits about five times as fast as it asks
    libosmium for one tag after the other.
    """
    header = osmium.io.Reader(file, osmium.osm.NOTHING).header()
    area_keys = sorted({key for layer in layers for key in _AREA_KEYS.get(layer, ())})
    node_keys = sorted({key for layer in layers for key in _NODE_KEYS.get(layer, ())})
    relations = Relations(area_keys, transit=bool(layers & _TRANSIT), parts="building_parts" in layers)
    nodes = KeyFilter(*node_keys) if node_keys else EntityFilter(WAYS)
    nodes.enable_for(NODES)
    types = TagFilter(*(("type", name) for name in relations.types))
    types.enable_for(RELATIONS)
    with tempfile.TemporaryDirectory(prefix="dothi-osm-") as folder:
        objects, related, ways = (Path(folder) / f"{name}.opl" for name in ("objects", "related", "ways"))
        in_memory = size <= _INDEX_IN_MEMORY_BYTES[kind]
        index = osmium.index.create_map("flex_mem" if in_memory else f"sparse_file_array,{folder}/nodes")
        positions = osmium.NodeLocationsForWays(index)
        positions.ignore_errors()
        # nodes, ways and relations come in this order where the file says so; else passes of their own see to it
        once = header.get("sorting") == "Type_then_ID"
        with _writing(objects) as writer:
            for entities in (NODES | WAYS | RELATIONS,) if once else (NODES, WAYS, RELATIONS):
                with osmium.io.Reader(file, entities) as reader:
                    osmium.apply(reader, positions, nodes, types, writer)
        del positions, index
        first = _first_relation(objects)
        for ident, pairs, rest in _objects(objects, first):
            if ident[0] == "r":
                relations.add(int(ident[1:]), pairs, _members(rest))
        stream = _Stream(layers, bounds, relations)
        stream.read(objects, ways)
        if relations.areas:
            with related.open("w", encoding="utf-8", newline="\n") as copy:
                for ident, pairs, rest in _objects(objects, first):
                    if ident[0] == "r" and int(ident[1:]) in relations.areas:
                        text = ",".join(f"{key}={value}" for key, value in pairs.items())
                        copy.write(f"{ident} T{text} M{stream.present(_members(rest))}\n")
            objects.unlink()
            stream.assemble(related, ways, area_keys)
    box = header.box()
    if not box.valid():
        return stream, None
    low, high = box.bottom_left, box.top_right
    return stream, (low.lon, low.lat, high.lon, high.lat)


@contextmanager
def _writing(path: Path) -> Iterator[osmium.SimpleWriter]:
    """Writer of OPL, closed at the end."""
    writer = osmium.SimpleWriter(osmium.io.File(str(path), _OPL))
    try:
        yield writer
        writer.close()
    except (RuntimeError, OSError, osmium.InvalidLocationError):
        # a writer that failed tries again when it is destroyed, and that ends the whole process: it must live on
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(writer))
        raise


def _first_relation(path: Path) -> int:
    """Offset of the first relation in an OPL file, or of its end."""
    if not (size := path.stat().st_size):
        return 0
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as text:
        if text[:1] == b"r":
            return 0
        found = text.find(b"\nr")
    return size if found < 0 else found + 1


def _objects(path: Path, offset: int = 0) -> Iterator[tuple[str, dict[str, str], str]]:
    """Objects of an OPL file from an offset on: kind and id, tags, and the rest of the line."""
    with path.open("rb") as handle:
        handle.seek(offset)
        with io.TextIOWrapper(handle, encoding="utf-8", newline="\n") as lines:
            for line in lines:
                ident, text, rest = line[:-1].split(" ", 2)
                # commas and equals signs in keys and values are escaped; without tags the one empty part is left over
                parts = iter(text[1:].replace("=", ",").split(","))
                yield ident, dict(zip(parts, parts, strict=False)), rest


def _members(text: str) -> list[str]:
    """Members of a relation in OPL."""
    return text[1:].split(",") if len(text) > 1 else []


class _Areas:
    """Handler that takes the areas of relations; those of closed ways are read as ways."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._shape = osmium.geom.WKBFactory().create_multipolygon

    def area(self, area: osmium.osm.Area) -> None:
        """Take an area, if it is one of a relation."""
        if area.from_way() or area.num_rings()[0] == 0:  # ways that cross each other give an area without rings
            return
        pairs = {tag.k: escaped(tag.v) for tag in area.tags}
        self._stream.area(area.orig_id(), pairs, self._shape(area))


@dataclass(eq=False)
class _Stream:
    """Tables under way, and what befell objects that are not in them."""

    layers: frozenset[str]
    bounds: Bounds | None
    relations: Relations
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
        for name in sorted(wanted & _KEYS.keys()):
            self.rows[name] = Rows(_KEYS[name], closed=name in _AREAS, bounds=self.bounds)
        self._places = bool(_OF_BUILDINGS & self.rows.keys())
        self._others = bool(self.rows.keys() - {"buildings", "roads", "trees", "courses"})
        self._plans: dict[Profile, tuple[str, ...]] = {}

    def read(self, objects: Path, ways: Path) -> None:
        """Take the nodes and ways of an OPL file, and copy the ways that relations make areas of."""
        wanted, courses = self.relations.member_ways, self.relations.course_ways()
        course_rows = self.rows.get("courses")
        with ways.open("w", encoding="utf-8", newline="\n") as copy:
            for ident, pairs, shape in _objects(objects):
                kind, source = ident[0], int(ident[1:])
                if kind == "w":
                    vertices = shape[1:]
                    if source in wanted:  # tags are not needed
                        copy.write(f"{ident} T N{self._member(vertices)}\n")
                        self.members.add(source)
                    if course_rows is not None and source in courses:
                        for run in self._runs(vertices, ""):
                            course_rows.take(source, WAY, pairs, run)
                    if pairs:
                        self._way(source, pairs, vertices)
                elif kind == "n":
                    self._node(source, pairs, shape)
                else:
                    continue
                self.n_objects += 1

    def _node(self, source: int, pairs: dict[str, str], shape: str) -> None:
        """Take a node with a tag of interest."""
        x, _, y = shape.partition(" ")
        if len(x) < 2:
            self.n_without_position += 1
            return
        vertex = f"n0{x}{y}"
        if "trees" in self.rows and pairs.get("natural") == "tree":
            self.rows["trees"].take(source, NODE, pairs, vertex)
        elif self._places:
            for table in self._plan(pairs):
                if table in _OF_BUILDINGS:
                    self.rows[table].take(source, NODE, pairs, vertex)

    def _way(self, source: int, pairs: dict[str, str], vertices: str) -> None:
        """Take a way that has tags."""
        plan: Sequence[str] = ()
        if "building" in pairs and pairs["building"] != "no":
            if "buildings" in self.rows and (ring := self._ring(vertices, "buildings")):
                self.rows["buildings"].take(source, WAY, pairs, ring)
            if self._places:
                plan = [table for table in self._plan(pairs) if table in _OF_BUILDINGS]
        elif "highway" in pairs and pairs["highway"] in roads.ROAD_CLASS and pairs.get("area") != "yes":
            if "roads" in self.rows:
                self._line(source, pairs, vertices, "roads")
            if pairs.get("railway") in tags.RAILWAYS and "railways" in self.rows:
                plan = ("railways",)
        elif self._others or "route" in pairs:
            plan = self._plan(pairs)
        for table in plan:
            if table not in _AREAS:
                self._line(source, pairs, vertices, table)
            elif ring := self._ring(vertices, table):
                self.rows[table].take(source, WAY, pairs, ring)

    def _line(self, source: int, pairs: dict[str, str], vertices: str, table: str) -> None:
        for run in self._runs(vertices, table):
            self.rows[table].take(source, WAY, pairs, run)

    def present(self, members: list[str]) -> str:
        """Those members of a relation that are ways of the file, in OPL."""
        ways = [member for member in members if member[0] == "w"]
        there = [member for member in ways if int(member[1 : member.index("@")]) in self.members]
        self.n_partial += 0 < len(there) < len(ways)
        return ",".join(there)

    def assemble(self, related: Path, ways: Path, keys: Sequence[str]) -> None:
        """Make areas of ways, as relations say."""
        areas = osmium.area.AreaManager()
        with osmium.io.Reader(str(related), RELATIONS) as reader:
            osmium.apply(reader, areas.first_pass_handler())
        with osmium.io.Reader(str(ways), WAYS) as reader:
            osmium.apply(reader, areas.second_pass_handler(KeyFilter(*keys), _Areas(self)))

    def area(self, source: int, pairs: dict[str, str], shape: str) -> None:
        """Take the area that a relation makes of ways."""
        if source not in self.relations.areas:
            return
        self.relations.areas.discard(source)
        self.relations.assembled.add(source)
        plan: Sequence[str] = [table for table in self._plan(pairs) if table in _AREAS]
        if pairs.get("building", "no") != "no":
            plan = [table for table in ("buildings", "facilities") if table in plan or table == "buildings"]
        for table in plan:
            if table in self.rows:
                self.rows[table].take_area(source, pairs, shape)

    def _plan(self, pairs: dict[str, str]) -> Sequence[str]:
        """Tables that an object with these tags goes to, worked out once for each combination."""
        profile = tuple([tag for tag in pairs.items() if tag[0] in _PLAN_KEYS])
        plan = self._plans.get(profile)
        if plan is None:
            plan = self._plans[profile] = tuple(name for name in _tables(pairs) if name in self.rows)
        return plan

    def _ring(self, vertices: str, table: str) -> str:
        """Nodes of a closed way; those that are there where some are not; empty where the way is open."""
        first = vertices[: vertices.find(",")]
        if not vertices.endswith(f",{first}"):
            self.open_rings[table] += 1
            return ""
        if _MISSING not in vertices:
            return vertices
        self.incomplete[table] += 1
        there = [node for node in vertices.split(",")[:-1] if not node.endswith(_MISSING)]
        return ",".join([*there, there[0]]) if len(there) > 2 else ""

    def _member(self, vertices: str) -> str:
        """Nodes of a way that an area is made of: those that are there, the first one again at the end of a ring."""
        if _MISSING not in vertices:
            return vertices
        self.incomplete["areas"] += 1
        first = vertices[: vertices.find(",")]
        there = [node for node in vertices.split(",") if not node.endswith(_MISSING)]
        if there and vertices.endswith(f",{first}") and there[0] != there[-1]:
            there.append(there[0])
        return ",".join(there)

    def _runs(self, vertices: str, table: str) -> list[str]:
        """Nodes of a way, in pieces where nodes between them are not in the file."""
        if _MISSING not in vertices:
            return [vertices] if "," in vertices else []
        if table:
            self.clipped[table] += 1
        runs = _GAP.split(vertices)
        return [run for run in runs if "," in run]

    def report(self, problems: Problems) -> None:
        """Say what was left out or cut, and why."""
        for table, n_rows in sorted(self.clipped.items()):
            problems.note(
                "nodes of the way are not in the file: the part with nodes is kept", table=table, n_rows=n_rows
            )
        for table, n_rows in sorted(self.incomplete.items()):
            rule = "nodes of the outline are not in the file: closed across them"
            problems.repair(rule, table="" if table == "areas" else table, n_rows=n_rows)
        for table, n_rows in sorted(self.open_rings.items()):
            problems.note("way is no closed ring: left out", table=table, n_rows=n_rows)
        for table, rows in sorted(self.rows.items()):
            if len(rows) >= 0 and rows.n_degenerate:
                problems.note("way has too few distinct nodes: left out", table=table, n_rows=rows.n_degenerate)
        if self.n_partial:
            rule = "ways of the area are not in the file: made of the others where they close"
            problems.repair(rule, n_rows=self.n_partial)
        if self.relations.areas:
            missing = [f"relation/{ident}" for ident in sorted(self.relations.areas)]
            problems.note("ways of the relation are missing or make no area: left out", rows=missing)
        if self.n_without_position:
            problems.note("node has no position on Earth: left out", n_rows=self.n_without_position)


def _tables(found: dict[str, str]) -> list[str]:
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
