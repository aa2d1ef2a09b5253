"""Reading of OpenStreetMap extracts: which table an object goes to, and how often the file is gone through."""

from __future__ import annotations

import struct
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

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
from dothi.io.osm.rows import COORDINATE_DIGITS, NODE, RELATION, WAY, Get, Rows, Values

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
_MEMBERS_FORMAT: Final = "pbf,locations_on_ways=true,add_metadata=none"
_POINT_PREFIX, _LINE_PREFIX = 10, 18
_SMALLEST_RING = 4 * COORDINATE_DIGITS
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
        problems.error("holds nodes or ways of OpenStreetMap")
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
    """Go through a file: relations, nodes and ways, then the areas that relations make of ways."""
    header = osmium.io.Reader(file, osmium.osm.NOTHING).header()
    area_keys = sorted({key for layer in layers for key in _AREA_KEYS.get(layer, ())})
    areas = osmium.area.AreaManager()
    relations = Relations(area_keys, transit=bool(layers & _TRANSIT), parts="building_parts" in layers)
    types = TagFilter(*(("type", name) for name in relations.types))
    # the area manager lets everything pass and takes the multipolygons down as they come by
    for relation in osmium.FileProcessor(file, RELATIONS).with_filter(types).with_filter(areas.first_pass_handler()):
        relations.add(relation)

    stream = _Stream(layers, bounds, relations)
    in_memory = size <= _INDEX_IN_MEMORY_BYTES[kind]
    index = osmium.index.create_map("flex_mem" if in_memory else "sparse_file_array")
    places = osmium.NodeLocationsForWays(index)
    places.ignore_errors()
    node_keys = sorted({key for layer in layers for key in _NODE_KEYS.get(layer, ())})
    wanted = KeyFilter(*node_keys) if node_keys else EntityFilter(WAYS)
    wanted.enable_for(NODES)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dothi-osm-")))
        members = folder / "members.osm.pbf"
        if relations.member_ways:
            stream.members = osmium.SimpleWriter(osmium.io.File(str(members), _MEMBERS_FORMAT))
        # nodes come before ways where the file says that it is sorted; else two passes make sure of it
        once = header.get("sorting") == "Type_then_ID"
        for entities in (NODES | WAYS,) if once else (NODES, WAYS):
            for item in osmium.FileProcessor(file, entities).with_filter(places).with_filter(wanted):
                if type(item) is osmium.osm.Node:
                    stream.node(item)
                else:
                    stream.way(item)
        if stream.members is not None:
            stream.members.close()
            found = KeyFilter(*area_keys)
            way_reader = osmium.io.Reader(str(members), WAYS)
            osmium.apply(way_reader, areas.second_pass_handler(found, _Areas(stream)))
    stream.n_objects += index.used_memory() > 0
    box = header.box()
    corners = box.bottom_left, box.top_right
    if box.valid():
        return stream, (corners[0].lon, corners[0].lat, corners[1].lon, corners[1].lat)
    return stream, None


class _Areas:
    """Handler that takes the areas of relations; those of closed ways are read as ways."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def area(self, area: osmium.osm.Area) -> None:
        if not area.from_way():
            self._stream.area(area)


@dataclass(eq=False)
class _Stream:
    """Tables under way, and what befell objects that are not in them."""

    layers: frozenset[str]
    bounds: Bounds | None
    relations: Relations
    rows: dict[str, Rows] = field(default_factory=dict)
    members: osmium.SimpleWriter | None = None
    n_objects: int = 0
    clipped: Counter[str] = field(default_factory=Counter)
    open_rings: Counter[str] = field(default_factory=Counter)
    incomplete: Counter[str] = field(default_factory=Counter)
    lost: dict[str, list[str]] = field(default_factory=dict)
    n_tree_rows: int = 0
    n_without_position: int = 0

    def __post_init__(self) -> None:
        stops = bool(self.layers & _TRANSIT)
        wide: dict[str, tuple[tuple[str, ...], bool]] = {
            "building_parts": (tags.PART_KEYS, True),
            "railways": (("layer", "bridge", "tunnel"), False),
            "stops": ((), False),
            "land_use": ((), True),
            "water_bodies": (("water",), True),
            "waterways": (("width", "tunnel"), False),
            "facilities": (("capacity", "beds"), True),
            "barriers": (("height",), False),
        }
        for name, (extra, closed) in wide.items():
            if name in self.layers or (name == "stops" and stops):
                self.rows[name] = Rows(_GENERIC_KEYS + extra, len(extra), closed=closed, bounds=self.bounds)
        if "buildings" in self.layers:
            self.rows["buildings"] = Rows(_BUILDING_KEYS, closed=True, bounds=self.bounds)
        if "roads" in self.layers:
            self.rows["roads"] = Rows(roads.ROAD_KEYS, bounds=self.bounds)
        if "trees" in self.layers:
            keys = ("species", "taxon", "genus", "height", "diameter_crown")
            self.rows["trees"] = Rows(keys, bounds=self.bounds)
        if "water_bodies" in self.layers:
            self.rows["coastline"] = Rows((), bounds=self.bounds)
        self._courses = Rows((), bounds=self.bounds) if self.relations.course_ways else None
        if self._courses is not None:
            self.rows["courses"] = self._courses
        self._buildings = self.rows.get("buildings")
        self._roads = self.rows.get("roads")
        self._trees = self.rows.get("trees")
        self._generic = bool(self.rows.keys() - {"buildings", "roads", "trees", "courses"})
        self._plans: dict[Values, tuple[str, ...]] = {}
        self._no_places = (None,) * len(tags.PLACE_KEYS)
        self._no_lands = (None,) * len(tags.LAND_KEYS)
        wkb = osmium.geom.WKBFactory()
        self._line, self._point, self._polygon = wkb.create_linestring, wkb.create_point, wkb.create_multipolygon

    def node(self, node: osmium.osm.Node) -> None:
        """Take a node with a tag of interest."""
        get = node.tags.get
        try:
            if self._trees is not None and get("natural") == "tree":
                species = tuple(map(get, self._trees.keys))
                self._trees.take(node.id, NODE, species, None, self._point(node)[_POINT_PREFIX:])
                return
            highway = get("highway")
            place = tuple(map(get, tags.PLACE_KEYS))
            if place == self._no_places and highway != "bus_stop":
                return
            # of the tags of the ground, nodes have two that count
            land = (get("landuse"), *self._no_lands[1:8], highway, None)
            profile = place + land
            for name in self._plan(profile):
                rows = self.rows[name]
                if name in ("stops", "facilities"):
                    rows.take(
                        node.id, NODE, profile + tuple(map(get, rows.extra)), get("name"), self._point(node)[_POINT_PREFIX:]
                    )
        except osmium.InvalidLocationError:
            self.n_without_position += 1

    def way(self, way: osmium.osm.Way) -> None:
        """Take a way, its tags being of interest or not."""
        self.n_objects += 1
        ident = way.id
        if ident in self.relations.member_ways and self.members is not None:
            self.members.add_way(way)
        if self._courses is not None and ident in self.relations.course_ways:
            for shape in self._runs(way):
                self._courses.take(ident, WAY, (), None, shape)
        if not len(way.tags):
            return
        get = way.tags.get
        building = get("building")
        if building is not None and building != "no":
            self._building(way, building, get)
            return
        highway = get("highway")
        if highway in roads.ROAD_CLASS:
            self._road(way, highway, get)
        elif self._generic or (self._roads is not None and get("route") == "ferry"):
            profile = tuple(map(get, _GENERIC_KEYS))
            plan = self._plan(profile)
            if plan:
                self._take(way, profile, plan, get)

    def area(self, area: osmium.osm.Area) -> None:
        """Take the area that a relation makes of ways."""
        ident = area.orig_id()
        if ident not in self.relations.areas:
            return
        get = area.tags.get
        building = get("building")
        shape = self._polygon(area)
        self.relations.areas.discard(ident)
        self.relations.assembled.add(ident)
        if building is not None and building != "no":
            places = tuple(map(get, tags.PLACE_KEYS))
            if self._buildings is not None:
                own = tuple(map(get, tags.BUILDING_KEYS))
                self._buildings.take(ident, RELATION, own + places, get("name"), shape)
            plan = self._plan(places + self._no_lands) if places != self._no_places else ()
            profile = places + self._no_lands
        else:
            profile = tuple(map(get, _GENERIC_KEYS))
            plan = self._plan(profile)
        for name in plan:
            rows = self.rows[name]
            if rows.closed and not (building and name == "land_use"):
                rows.take(ident, RELATION, profile + tuple(map(get, rows.extra)), get("name"), shape)

    def _building(self, way: osmium.osm.Way, building: str, get: Get) -> None:
        places = tuple(map(get, tags.PLACE_KEYS))
        plan: tuple[str, ...] = ()
        if places != self._no_places:
            plan = tuple(name for name in self._plan(places + self._no_lands) if name in ("facilities", "stops"))
        if self._buildings is None and not plan:
            return
        shape = self._ring(way, "buildings")
        if not shape:
            return
        name = get("name")
        if self._buildings is not None:
            own = (building, *map(get, tags.BUILDING_KEYS[1:]))
            self._buildings.take(way.id, WAY, own + places, name, shape)
        for table in plan:
            rows = self.rows[table]
            rows.take(way.id, WAY, places + self._no_lands + tuple(map(get, rows.extra)), name, shape)

    def _road(self, way: osmium.osm.Way, highway: str, get: Get) -> None:
        if way.is_closed() and get("area") == "yes":
            if "land_use" in self.rows:
                profile = tuple(map(get, _GENERIC_KEYS))
                self._take(way, profile, self._plan(profile), get)
            return
        shapes = None
        if self._roads is not None:
            values = (highway, *map(get, roads.SHARED_KEYS[1:]))
            oneway, junction = values[7], None
            if highway in roads.SLOW:
                values += roads.NO_MOTOR_KEYS
            else:
                motor = tuple(map(get, roads.MOTOR_KEYS))
                values += motor
                junction = motor[3]
            oneways = roads.NO_ONEWAY_KEYS
            if roads.is_oneway(oneway, junction, highway):
                oneways = tuple(map(get, roads.ONEWAY_KEYS))
            name, values = values[1], (highway, None, *values[2:], *oneways)
            shapes = self._runs(way, "roads")
            for shape in shapes:
                self._roads.take(way.id, WAY, values, name, shape)
        if "railways" in self.rows and get("railway") in tags.RAILWAYS:
            profile = tuple(map(get, _GENERIC_KEYS))
            self._take(way, profile, ("railways",), get)

    def _take(self, way: osmium.osm.Way, profile: Values, plan: tuple[str, ...], get: Get) -> None:
        """Take a way into the tables of its plan: areas need a ring, lines take what is there."""
        name = get("name")
        ring: str | None = None
        for table in plan:
            rows = self.rows[table]
            if table == "roads":
                values = (*(None if key == "highway" else get(key) for key in roads.SHARED_KEYS), *roads.NO_MOTOR_KEYS)
                for shape in self._runs(way, table):
                    rows.take(way.id, WAY, (None, None, *values[2:], *roads.NO_ONEWAY_KEYS), name, shape)
            elif rows.closed:
                ring = self._ring(way, table) if ring is None else ring
                if ring:
                    rows.take(way.id, WAY, profile + tuple(map(get, rows.extra)), name, ring)
            elif table == "coastline":
                for shape in self._runs(way, table):
                    rows.take(way.id, WAY, (), None, shape)
            else:
                for shape in self._runs(way, table):
                    rows.take(way.id, WAY, profile + tuple(map(get, rows.extra)), name, shape)

    def _plan(self, profile: Values) -> tuple[str, ...]:
        """Tables that an object with these tags goes to, worked out once for each combination."""
        plan = self._plans.get(profile)
        if plan is None:
            plan = self._plans[profile] = tuple(name for name in _tables(profile) if name in self.rows)
            if ("tree_row",) == profile[len(tags.PLACE_KEYS) + 1 : len(tags.PLACE_KEYS) + 2]:
                self.n_tree_rows += 1
        return plan

    def _ring(self, way: osmium.osm.Way, table: str) -> str:
        """Vertices of a closed way; empty where it is open or lacks nodes."""
        try:
            shape = self._line(way)
        except osmium.InvalidLocationError:
            self.incomplete[table] += 1
            self.lost.setdefault(table, []).append(f"way/{way.id}") if self.incomplete[table] <= 3 else None
            return ""
        except RuntimeError:  # all nodes at one place
            self.open_rings[table] += 1
            return ""
        shape = shape[_LINE_PREFIX:]
        if len(shape) < _SMALLEST_RING or shape[:COORDINATE_DIGITS] != shape[-COORDINATE_DIGITS:]:
            self.open_rings[table] += 1
            return ""
        return shape

    def _runs(self, way: osmium.osm.Way, table: str = "") -> list[str]:
        """Vertices of a way, in pieces where nodes between them are not in the file."""
        try:
            return [self._line(way)[_LINE_PREFIX:]]
        except osmium.InvalidLocationError:
            if table:
                self.clipped[table] += 1
            runs: list[list[bytes]] = [[]]
            for node in way.nodes:
                place = node.location
                if not place.valid():
                    runs.append([])
                elif not runs[-1] or runs[-1][-1] != (vertex := struct.pack("<dd", place.lon, place.lat)):
                    runs[-1].append(struct.pack("<dd", place.lon, place.lat) if not runs[-1] else vertex)
            return [b"".join(run).hex() for run in runs if len(run) > 1]
        except RuntimeError:  # all nodes at one place
            return []

    def report(self, problems: Problems) -> None:
        """Say what was left out and why."""
        for table, n_rows in sorted(self.clipped.items()):
            problems.note("nodes of the way are not in the file: the part with nodes is kept", table=table, n_rows=n_rows)
        for table, n_rows in sorted(self.incomplete.items()):
            rows = self.lost.get(table, [])
            problems.note("nodes of the outline are not in the file: left out", table=table, rows=rows, n_rows=n_rows)
        for table, n_rows in sorted(self.open_rings.items()):
            problems.note("way is no closed ring: left out", table=table, n_rows=n_rows)
        if self.relations.areas:
            rows = [f"relation/{ident}" for ident in sorted(self.relations.areas)]
            problems.note("ways of the relation are missing or make no area: left out", rows=rows)
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
