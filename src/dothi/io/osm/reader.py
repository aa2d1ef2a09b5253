"""Reading of OpenStreetMap extracts: which table an object goes to, and how often the file is gone through."""

from __future__ import annotations

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
from dothi.io.osm.rows import NODE, WAY, Get, Rows, Values, escaped

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
_GENERIC_KEYS: Final = tags.PLACE_KEYS + tags.LAND_KEYS
_BUILDING_KEYS: Final = tags.BUILDING_KEYS + tags.PLACE_KEYS
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
_NO_PLACES: Final = (None,) * len(tags.PLACE_KEYS)
_NO_LANDS: Final = (None,) * len(tags.LAND_KEYS)
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
    with _reading(problems):
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
    areas = osmium.area.AreaManager()
    relations = Relations(area_keys, transit=bool(layers & _TRANSIT), parts="building_parts" in layers)
    types = TagFilter(*(("type", name) for name in relations.types))
    node_keys = sorted({key for layer in layers for key in _NODE_KEYS.get(layer, ())})
    nodes = KeyFilter(*node_keys) if node_keys else EntityFilter(WAYS)
    nodes.enable_for(NODES)
    with tempfile.TemporaryDirectory(prefix="dothi-osm-") as folder:
        objects, members, related = (Path(folder) / f"{name}.opl" for name in ("objects", "members", "relations"))
        with osmium.io.Reader(file, RELATIONS) as reader, _writing(related) as writer:
            osmium.apply(reader, types, areas.first_pass_handler(), writer)
        for ident, pairs, shape in _objects(related):
            relations.add(int(ident[1:]), pairs, shape[1:].split(",") if len(shape) > 1 else [])
        related.unlink()
        stream = _Stream(layers, bounds, relations)
        in_memory = size <= _INDEX_IN_MEMORY_BYTES[kind]
        index = osmium.index.create_map("flex_mem" if in_memory else f"sparse_file_array,{folder}/nodes")
        positions = osmium.NodeLocationsForWays(index)
        positions.ignore_errors()
        # nodes come before ways where the file says that it is sorted; else two passes make sure of it
        once = header.get("sorting") == "Type_then_ID"
        with _writing(objects) as writer:
            for entities in (NODES | WAYS,) if once else (NODES, WAYS):
                with osmium.io.Reader(file, entities) as reader:
                    osmium.apply(reader, positions, nodes, writer)
        del positions, index
        stream.read(objects, members)
        if relations.areas:
            with osmium.io.Reader(str(members), WAYS) as reader:
                osmium.apply(reader, areas.second_pass_handler(KeyFilter(*area_keys), _Areas(stream)))
    box = header.box()
    if not box.valid():
        return stream, None
    low, high = box.bottom_left, box.top_right
    return stream, (low.lon, low.lat, high.lon, high.lat)


@contextmanager
def _writing(path: Path) -> Iterator[osmium.SimpleWriter]:
    """Writer of OPL that is closed at the end."""
    writer = osmium.SimpleWriter(osmium.io.File(str(path), _OPL))
    try:
        yield writer
    finally:
        writer.close()


def _objects(path: Path) -> Iterator[tuple[str, dict[str, str], str]]:
    """Objects of an OPL file: kind and id, tags, and the rest of the line."""
    with path.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            ident, text, rest = line[:-1].split(" ", 2)
            yield ident, ({} if text == "T" else dict([pair.split("=") for pair in text[1:].split(",")])), rest


class _Areas:
    """Handler that takes the areas of relations; those of closed ways are read as ways."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._shape = osmium.geom.WKBFactory().create_multipolygon

    def area(self, area: osmium.osm.Area) -> None:
        """Take an area, if it is one of a relation."""
        if not area.from_way():
            self._stream.area(area.orig_id(), area.tags.get, self._shape(area))


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
    n_without_position: int = 0

    def __post_init__(self) -> None:
        shapes: dict[str, tuple[tuple[str, ...], bool]] = {
            "building_parts": (tags.PART_KEYS, True),
            "railways": (("layer", "bridge", "tunnel"), False),
            "stops": ((), False),
            "land_use": ((), True),
            "water_bodies": (("water",), True),
            "waterways": (("width", "tunnel"), False),
            "facilities": (("capacity", "beds"), True),
            "barriers": (("height",), False),
        }
        for name, (extra, closed) in shapes.items():
            if name in self.layers or (name == "stops" and self.layers & _TRANSIT):
                self.rows[name] = Rows(_GENERIC_KEYS + extra, len(extra), closed=closed, bounds=self.bounds)
        if "buildings" in self.layers:
            self.rows["buildings"] = Rows(_BUILDING_KEYS, closed=True, bounds=self.bounds)
        if "roads" in self.layers:
            self.rows["roads"] = Rows(roads.ROAD_KEYS, bounds=self.bounds)
        if "trees" in self.layers:
            self.rows["trees"] = Rows(tags.TREE_KEYS, bounds=self.bounds)
        if "water_bodies" in self.layers:
            self.rows["coastline"] = Rows((), bounds=self.bounds)
        if self.relations.course_ways:
            self.rows["courses"] = Rows((), bounds=self.bounds)
        self._plans: dict[Values, tuple[str, ...]] = {}

    def read(self, objects: Path, members: Path) -> None:
        """Take the objects of an OPL file, and copy the ways that relations make areas of."""
        wanted, courses = self.relations.member_ways, self.relations.course_ways
        with members.open("w", encoding="utf-8", newline="\n") as copy:
            for ident, pairs, shape in _objects(objects):
                self.n_objects += 1
                source = int(ident[1:])
                if ident[0] == "n":
                    self._node(source, pairs.get, shape)
                    continue
                if source in wanted:
                    # libosmium writes nodes without position in a way that it does not read; tags are not needed
                    copy.write(f"{ident} T {shape.replace(_MISSING, '')}\n")
                vertices = shape[1:]
                if source in courses:
                    for run in self._runs(vertices, ""):
                        self.rows["courses"].take(source, WAY, (), None, run)
                if pairs:
                    self._way(source, pairs.get, vertices)

    def _node(self, source: int, get: Get, shape: str) -> None:
        """Take a node with a tag of interest."""
        x, _, y = shape.partition(" ")
        if len(x) < 2:
            self.n_without_position += 1
            return
        trees = self.rows.get("trees")
        vertex = f"n0{x}{y}"
        if trees is not None and get("natural") == "tree":
            trees.take(source, NODE, tuple(map(get, tags.TREE_KEYS)), None, vertex)
            return
        profile = tuple(map(get, _GENERIC_KEYS))
        for name in self._plan(profile):
            if name in ("stops", "facilities"):
                rows = self.rows[name]
                rows.take(source, NODE, profile + tuple(map(get, rows.extra)), get("name"), vertex)

    def _way(self, source: int, get: Get, vertices: str) -> None:
        """Take a way that has tags."""
        name = get("name")
        if get("building", "no") != "no":
            places = tuple(map(get, tags.PLACE_KEYS))
            plan = ["buildings"] if "buildings" in self.rows else []
            if places != _NO_PLACES:
                plan += [table for table in self._plan(places + _NO_LANDS) if table in ("facilities", "stops")]
            profile = places + _NO_LANDS
        elif (highway := get("highway")) in roads.ROAD_CLASS and get("area") != "yes":
            if "roads" in self.rows:
                self._road(source, get, vertices, highway)
            if "railways" not in self.rows or get("railway") not in tags.RAILWAYS:
                return
            profile, plan = tuple(map(get, _GENERIC_KEYS)), ["railways"]
        else:
            profile = tuple(map(get, _GENERIC_KEYS))
            plan = self._plan(profile)
        for table in plan:
            rows = self.rows[table]
            if table == "roads":  # the one without highway: a ferry
                self._road(source, get, vertices, None)
                continue
            if table == "buildings":
                values = tuple(map(get, _BUILDING_KEYS))
            else:
                values = profile + tuple(map(get, rows.extra)) if rows.keys else ()
            if rows.closed:
                if ring := self._ring(vertices, table):
                    rows.take(source, WAY, values, name, ring)
            else:
                for run in self._runs(vertices, table):
                    rows.take(source, WAY, values, name, run)

    def _road(self, source: int, get: Get, vertices: str, highway: str | None) -> None:
        values = tuple(map(get, roads.SHARED_KEYS))
        if highway is None:
            values = (None, *values[1:], *roads.NO_MOTOR_KEYS)
        elif highway in roads.SLOW:
            values += roads.NO_MOTOR_KEYS
        else:
            values += tuple(map(get, roads.MOTOR_KEYS))
        oneway = roads.is_oneway(get("oneway"), get("junction"), highway)
        values += tuple(map(get, roads.ONEWAY_KEYS)) if oneway else roads.NO_ONEWAY_KEYS
        name = get("name")
        for run in self._runs(vertices, "roads"):
            self.rows["roads"].take(source, WAY, values, name, run)

    def area(self, source: int, get: Get, shape: str) -> None:
        """Take the area that a relation makes of ways."""
        if source not in self.relations.areas:
            return
        self.relations.areas.discard(source)
        self.relations.assembled.add(source)
        # tags come here as they are, and as OPL writes them from everywhere else
        name = escaped(get("name"))
        profile = tuple(escaped(get(key)) for key in _GENERIC_KEYS)
        if get("building", "no") != "no":
            if "buildings" in self.rows:
                self.rows["buildings"].take_area(source, tuple(escaped(get(key)) for key in _BUILDING_KEYS), name, shape)
            profile = profile[: len(tags.PLACE_KEYS)] + _NO_LANDS
            plan = [table for table in self._plan(profile) if table in ("facilities", "stops")]
        else:
            plan = [table for table in self._plan(profile) if self.rows[table].closed]
        for table in plan:
            rows = self.rows[table]
            rows.take_area(source, profile + tuple(escaped(get(key)) for key in rows.extra), name, shape)

    def _plan(self, profile: Values) -> Sequence[str]:
        """Tables that an object with these tags goes to, worked out once for each combination."""
        plan = self._plans.get(profile)
        if plan is None:
            plan = self._plans[profile] = tuple(name for name in _tables(profile) if name in self.rows)
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
            problems.note("nodes of the way are not in the file: the part with nodes is kept", table=table, n_rows=n_rows)
        for table, n_rows in sorted(self.incomplete.items()):
            rule = "nodes of the outline are not in the file: closed across them"
            problems.repair(rule, table=table, n_rows=n_rows)
        for table, n_rows in sorted(self.open_rings.items()):
            problems.note("way is no closed ring: left out", table=table, n_rows=n_rows)
        for table, rows in sorted(self.rows.items()):
            if len(rows) >= 0 and rows.n_degenerate:
                problems.note("way has too few distinct nodes: left out", table=table, n_rows=rows.n_degenerate)
        if self.relations.areas:
            missing = [f"relation/{ident}" for ident in sorted(self.relations.areas)]
            problems.note("ways of the area are missing or make no ring: left out", rows=missing)
        if self.n_without_position:
            problems.note("node has no position on Earth: left out", n_rows=self.n_without_position)


def _tables(profile: Values) -> tuple[str, ...]:
    """Tables that an object goes to by its tags, in the order of `_GENERIC_KEYS`."""
    found = {key: value for key, value in zip(_GENERIC_KEYS, profile, strict=True) if value is not None}
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
    return tuple(names)
