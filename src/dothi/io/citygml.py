"""CityGML 1.0, 2.0 and 3.0: buildings with their parts and surfaces, streamed object by object."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import geopandas as gpd
import numpy as np
from lxml import etree
from pyproj import CRS

from dothi.crs import Extent
from dothi.errors import Problems
from dothi.io.building_words import described
from dothi.io.packed import unpacked
from dothi.io.solids import (
    FOOTPRINT,
    KIND_OF,
    UNKNOWN,
    Objects,
    Skin,
    best_level,
    checked_surfaces,
    grid_meant,
    grid_of,
    in_metres,
    in_use,
    tables_of,
    wanted_level,
)

OBJECT_LIMIT: Final = 256 << 20
"""Bytes that one city object may take: only one is in memory at a time."""

MEMBERS: Final = ("cityObjectMember", "featureMember")
BUILDINGS: Final = ("Building", "BuildingPart")
PARTS: Final = ("consistsOfBuildingPart", "buildingPart")
BOUNDARIES: Final = ("boundedBy", "boundary")
OPENINGS: Final = ("opening", "fillingSurface")
PATCHES: Final = ("Polygon", "PolygonPatch", "Triangle", "Rectangle")
POSITIONS: Final = ("posList", "pos", "coordinates")
FOOTPRINTS: Final = ("lod0FootPrint", "lod0MultiSurface", "lod0RoofEdge")
WORDS: Final = (
    "measuredHeight",
    "storeysAboveGround",
    "yearOfConstruction",
    "dateOfConstruction",
    "function",
    "usage",
    "class",
    "roofType",
    "name",
)
HREF: Final = "{http://www.w3.org/1999/xlink}href"

Ring = list[float]
Polygon = list[Ring]


class _TooLargeError(Exception):
    """One object fills the memory it may have."""


class _NumbersError(Exception):
    """Coordinates that are no numbers, or not in threes."""


class _Meter:
    """File that counts what is read for one object."""

    def __init__(self, handle: BinaryIO) -> None:
        self.handle = handle
        self.since = 0

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes."""
        found = self.handle.read(size)
        self.since += len(found)
        if self.since > OBJECT_LIMIT:
            raise _TooLargeError
        return found


@dataclass
class _Body:
    """Polygons of one building or part at one level of detail."""

    themed: list[tuple[Polygon, int]] = field(default_factory=list)
    plain: list[Polygon] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    themed_links: dict[str, int] = field(default_factory=dict)


@dataclass
class _Model:
    """What has been read so far."""

    lod: float | None
    buildings: Objects = field(default_factory=Objects)
    skin: Skin = field(default_factory=Skin)
    systems: dict[str, None] = field(default_factory=dict)
    links: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    other_lod: list[str] = field(default_factory=list)
    levels: set[float] = field(default_factory=set)
    unread: Counter[str] = field(default_factory=Counter)
    is_model: bool = False


def read_citygml(
    path: Path, problems: Problems, *, lod: str | None = None, crs: str | None = None, extent: Extent | None = None
) -> dict[str, gpd.GeoDataFrame]:
    """
    Read the buildings of a CityGML file, plain or in a zip archive.

    Parameters
    ----------
    path
        File.
    problems
        Collector.
    lod
        Level of detail to take, such as ``1`` or ``2``; by default the best below 3 of each object.
    crs
        Reference system, where the file does not say or says wrong.
    extent
        Objects far from it may be left out.

    Returns
    -------
    dict
        ``buildings``, and where present ``building_parts`` and ``surfaces``. Heights are metres.

    Raises
    ------
    InputError
        The file is no CityGML, damaged, declares a document type (entities can be made to fill any memory), has no
        known reference system, or no buildings.

    References
    ----------
    OGC City Geography Markup Language (CityGML) Encoding Standard 2.0, OGC 12-019, 2012; CityGML 3.0 Part 1,
    OGC 20-010, 2021; Geography Markup Language 3.1.1, OGC 03-105r1, and 3.2.1, OGC 07-036.
    """
    model = _Model(wanted_level(lod, problems))
    with ExitStack() as stack:
        file = unpacked(path, (".gml", ".xml", ".citygml"), stack, problems)
        _refuse_document_type(file, problems)
        _stream(file, problems, model, follow_links=False)
        problems.raise_errors()
        if model.links:
            _stream(file, problems, model, follow_links=True)
    grid = _grid(crs, model, problems)
    _report(model, lod, problems)
    problems.raise_errors()
    assert grid is not None  # noqa: S101  # an unknown grid has been raised as an error
    metric = in_metres(grid[0], [model.skin])
    surfaces = checked_surfaces(model.skin, grid[1], model.buildings.source_id, "surfaces", problems)
    return tables_of(surfaces, model.buildings, metric.to_string(), problems, extent)


# --- stream -------------------------------------------------------------------------------------------------------


def _refuse_document_type(file: Path, problems: Problems) -> None:
    with file.open("rb") as handle:
        start = handle.read(1 << 16).replace(b"\0", b"")  # UTF-16 as well
    if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
        problems.error("declares no document type: CityGML needs none, and entities can be made to fill any memory")
    problems.raise_errors()


def _stream(file: Path, problems: Problems, model: _Model, *, follow_links: bool) -> None:
    """Go through the objects of a file, keeping one in memory at a time."""
    with file.open("rb") as handle:
        meter = _Meter(handle)
        try:
            for event, element in etree.iterparse(
                meter,
                events=("start", "end"),
                tag=["{*}CityModel", "{*}Envelope", *(f"{{*}}{name}" for name in MEMBERS)],
                resolve_entities=False,
                load_dtd=False,
                no_network=True,
                huge_tree=False,
                remove_comments=True,
                remove_pis=True,
            ):
                name = _local(element)
                if event == "start":
                    _begin(element, name, model, problems)
                elif name == "Envelope":
                    if not model.systems and element.get("srsName"):
                        model.systems[element.get("srsName")] = None
                elif name in MEMBERS:
                    meter.since = 0
                    if follow_links:
                        _resolve(element, model)
                    else:
                        _take_member(element, model)
                    _forget(element)
        except etree.XMLSyntaxError as error:
            problems.error(f"file is whole and well-formed XML: {error.msg}")
        except _TooLargeError:
            problems.error(f"one city object takes at most {OBJECT_LIMIT >> 20} MiB")
    if not model.is_model and not problems.errors:
        problems.error("file is CityGML: its root is a CityModel")


def _begin(element: Any, name: str, model: _Model, problems: Problems) -> None:
    if name != "CityModel":
        return
    model.is_model = True
    if element.getroottree().docinfo.doctype:
        problems.error("declares no document type")
        problems.raise_errors()


def _forget(element: Any) -> None:
    """Free an object and what stands before it."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def _local(element: Any) -> str:
    tag = element.tag
    return str(tag).rpartition("}")[2] if isinstance(tag, str) else ""


# --- objects ------------------------------------------------------------------------------------------------------


def _take_member(member: Any, model: _Model) -> None:
    for name in member.xpath(".//@srsName"):
        model.systems.setdefault(str(name), None)
    for element in member:
        if _local(element) in BUILDINGS:
            _take_building(element, None, model)
        elif _local(element):
            model.unread[_local(element)] += 1


def _take_building(element: Any, root: int | None, model: _Model) -> None:
    source_id = next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == "id"), "")
    here = model.buildings.add(source_id or f"#{len(model.buildings.source_id)}", root, described(_attributes(element)))
    bodies: dict[float, _Body] = {}
    footprints: dict[str, _Body] = {}
    try:
        for child in element:
            name = _local(child)
            if name in FOOTPRINTS:
                _collect(child, footprints.setdefault(name, _Body()), None)
            elif (level := _level(name)) is not None:
                _collect(child, bodies.setdefault(level, _Body()), None)
            elif name in BOUNDARIES:
                for surface in child:
                    _collect_themed(surface, bodies)
    except _NumbersError:
        model.broken.append(model.buildings.source_id[here])
        return
    _add_body(element, here, bodies, model)
    drawn = next((footprints[name] for name in FOOTPRINTS if name in footprints), None)
    if drawn is not None:
        _append(drawn.plain, [FOOTPRINT] * len(drawn.plain), here, "0", model.skin)
    for child in element:
        if _local(child) in PARTS:
            for part in child:
                if _local(part) in BUILDINGS:
                    _take_building(part, here if root is None else root, model)


def _attributes(element: Any) -> dict[str, Any]:
    """Names and values of an object; generic attributes give way to those of the standard."""
    standard: dict[str, Any] = {}
    generic: dict[str, Any] = {}
    for child in element:
        name = _local(child)
        if name in WORDS and child.text and child.text.strip():
            standard.setdefault(name, child.text.strip())
        elif name == "height":  # CityGML 3.0: con:Height with its reference points
            for value in child.iter("{*}value"):
                if _local(value.getparent()) == "Height" and "roof" in _reference(value.getparent()).lower():
                    standard.setdefault("con_height", (value.text or "").strip())
        elif name.endswith("Attribute"):
            inner = child[0] if name == "genericAttribute" and len(child) else child
            label = inner.get("name") or next((each.text for each in inner if _local(each) == "name"), None)
            value = next((each.text for each in inner if _local(each) == "value"), None)
            if label and value:
                generic[label] = value.strip()
    return generic | standard


def _reference(height: Any) -> str:
    return next((each.text or "" for each in height if _local(each) == "highReference"), "roof")


def _level(name: str) -> float | None:
    """Level of detail of a geometry property such as lod2Solid."""
    found = re.fullmatch(r"lod([1-4])(Solid|MultiSurface|Geometry)", name)
    return float(found.group(1)) if found else None


def _collect_themed(surface: Any, bodies: dict[float, _Body]) -> None:
    """Polygons of a boundary surface and its openings, with what they are."""
    kind = KIND_OF.get(_local(surface), UNKNOWN)
    for child in surface:
        name = _local(child)
        if (level := _level(name)) is not None:
            _collect(child, bodies.setdefault(level, _Body()), kind)
        elif name in OPENINGS:
            for opening in child:
                _collect_themed(opening, bodies)


def _collect(prop: Any, body: _Body, kind: int | None) -> None:
    """Polygons below a geometry property, and links to polygons elsewhere."""
    for element in prop.iter():
        name = _local(element)
        if name in PATCHES:
            polygon = _polygon(element)
            if polygon and kind is None:
                body.plain.append(polygon)
            elif polygon:
                body.themed.append((polygon, kind if kind is not None else UNKNOWN))
        elif (link := element.get(HREF, "")).startswith("#"):
            if kind is None:
                body.links.append(link[1:])
            else:
                body.themed_links[link[1:]] = kind


def _polygon(element: Any) -> Polygon:
    """Outer ring, then holes."""
    rings = [(_local(child), _ring(child)) for child in element if _local(child) in ("exterior", "interior")]
    outer = [ring for name, ring in rings if name == "exterior"]
    polygon = outer[:1] + [ring for name, ring in rings if name == "interior" and ring]
    if not outer or not outer[0]:
        return []
    turned = any(
        _local(above) == "OrientableSurface" and above.get("orientation") == "-" for above in element.iterancestors()
    )
    if turned:
        polygon[0] = np.array(polygon[0]).reshape(-1, 3)[::-1].ravel().tolist()
    return polygon


def _ring(element: Any) -> Ring:
    """Coordinates of a ring, three for each vertex; level 0 where the source has two."""
    numbers: list[float] = []
    for positions in element.iter(*(f"{{*}}{name}" for name in POSITIONS)):
        text = positions.text or ""
        if _local(positions) == "coordinates":
            text = _plain(text, positions)
        try:
            found = [float(word) for word in text.split()]
        except ValueError as error:
            raise _NumbersError from error
        if _dimension(positions, len(found)) == 2:
            found = np.column_stack([np.reshape(found, (-1, 2)), np.zeros(len(found) // 2)]).ravel().tolist()
        if len(found) % 3:
            raise _NumbersError
        numbers += found
    return numbers


def _plain(text: str, positions: Any) -> str:
    """Text of gml:coordinates with points and blanks, whatever signs it uses (GML 3.1.1, 9.1.2)."""
    decimal, between, groups = positions.get("decimal", "."), positions.get("cs", ","), positions.get("ts", " ")
    text = text.replace(groups, " ").replace(between, " ")
    return text.replace(decimal, ".") if decimal != "." else text


def _dimension(positions: Any, n: int) -> int:
    """Numbers of one position: as the nearest element says, else three where that divides, else two."""
    for element in (positions, *positions.iterancestors()):
        told = element.get("srsDimension") or element.get("dimension")
        if told in ("2", "3"):
            return 3 if told == "3" or n % 2 else 2
    return 2 if n % 3 and n % 2 == 0 else 3


def _add_body(element: Any, here: int, bodies: dict[float, _Body], model: _Model) -> None:
    """Surfaces of the level of detail to take: those with a meaning, else all of the solid."""
    levels = sorted(level for level, body in bodies.items() if body.themed or body.plain or body.links)
    if not levels:
        return
    model.levels.update(levels)
    level, found = best_level(levels, model.lod)
    if not found:
        model.other_lod.append(model.buildings.source_id[here])
    body, lod = bodies[level], f"{level:g}"
    if body.themed_links:
        for name, linked in _linked(element, body.themed_links):
            body.themed += [(polygon, body.themed_links[name]) for polygon in linked]
    if body.themed:
        _append([each for each, _ in body.themed], [kind for _, kind in body.themed], here, lod, model.skin)
        return
    polygons = list(body.plain)
    wanted = dict.fromkeys(body.links)
    if wanted:
        for name, linked in _linked(element, wanted):
            del wanted[name]
            polygons += linked
    for link in wanted:
        model.links.setdefault(link, []).append((here, lod))
    _append(polygons, [UNKNOWN] * len(polygons), here, lod, model.skin)


def _linked(element: Any, wanted: Container[str]) -> list[tuple[str, list[Polygon]]]:
    """Polygons below an element that have, or are within what has, one of the wanted identifiers."""
    found = []
    for target in element.iter():
        name = next((value for key, value in target.attrib.items() if key.rpartition("}")[2] == "id"), None)
        if name is not None and name in wanted:
            body = _Body()
            _collect(target, body, None)
            found.append((name, body.plain))
    return found


def _append(polygons: list[Polygon], kinds: list[int], owner: int, lod: str, skin: Skin) -> None:
    if not polygons:
        return
    numbers = [value for polygon in polygons for ring in polygon for value in ring]
    skin.blocks.append(np.array(numbers, dtype=np.float64).reshape(-1, 3))
    skin.ring_length += [len(ring) // 3 for polygon in polygons for ring in polygon]
    skin.n_rings += map(len, polygons)
    skin.kind += kinds
    skin.owner += [owner] * len(polygons)
    skin.lod += [lod] * len(polygons)


def _resolve(member: Any, model: _Model) -> None:
    """Give what this object holds to the objects that link to it."""
    for name, polygons in _linked(member, model.links):
        for owner, lod in model.links.pop(name, ()):
            _append(polygons, [UNKNOWN] * len(polygons), owner, lod, model.skin)


# --- reference system ---------------------------------------------------------------------------------------------


def _grid(crs: str | None, model: _Model, problems: Problems) -> tuple[CRS, float] | None:
    """Grid of the file; vertices are turned to east before north where they are not."""
    named = [crs] if crs else list(model.systems)
    if not named:
        problems.error(
            '`srsName` says where on Earth the model is; set `crs` for this source, for instance crs = "EPSG:32648"'
        )
        return None
    grids = [grid_of(name) for name in named]
    unknown = [name[:80] for name, grid in zip(named, grids, strict=True) if grid is None]
    if unknown:
        problems.error("reference system is known; set `crs` for this source", rows=unknown)
        return None
    found = [grid for grid in grids if grid is not None]
    if any(grid[0] != found[0][0] for grid in found):
        problems.error("all geometry is in one reference system", rows=named)
        return None
    meant = grid_meant(found[0][0], [model.skin], problems)
    if meant == found[0][0]:
        _turn(meant, named[0], model.skin, problems)
    return meant, found[0][1]


def _turn(grid: CRS, name: str, skin: Skin, problems: Problems) -> None:
    """
    Put east before north.

    By the standard, names in the form of a URN or URL stand for the order of axes of the authority, the short form
    for east before north (OGC 09-048r5; GML 3.2.1, 9.9). Files often disobey: where only the other order falls into
    the area in which the system is used, that one is meant.
    """
    points = np.concatenate([block[:, :2] for block in skin.blocks]) if skin.blocks else np.zeros((0, 2))
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return
    north_first = grid.axis_info[0].direction.lower() == "north"
    formal = name.lower().startswith(("urn:", "http://www.opengis.net/def/", "https://www.opengis.net/def/"))
    swapped = north_first and formal
    middle = np.median(points, axis=0)
    fits = [in_use(grid, *(middle[::-1] if turned else middle)) for turned in (False, True)]
    if not fits[swapped] and fits[not swapped]:
        swapped = not swapped
        problems.repair(
            f"coordinates were read with {'north before east' if swapped else 'east before north'}: "
            f"the other order lies outside the area of {grid.to_string()}"
        )
    if swapped:
        for block in skin.blocks:
            block[:, [0, 1]] = block[:, [1, 0]]


def _report(model: _Model, lod: str | None, problems: Problems) -> None:
    """Say what was wrong, and what was not read."""
    if model.broken:
        rule = "coordinates are numbers, three (or two) for each vertex"
        problems.error(rule, table="buildings", column="geometry", rows=model.broken)
    if model.links:
        problems.repair("links to surfaces that are not in the file were left out", rows=list(model.links))
    if model.other_lod and len(model.other_lod) == len(model.buildings.source_id):
        levels = ", ".join(f"{level:g}" for level in sorted(model.levels))
        problems.error(f"level of detail {lod} is present; this file has {levels}", table="buildings")
    elif model.other_lod:
        problems.note(f"objects without level of detail {lod} have their best", rows=model.other_lod)
    if model.unread:
        listed = ", ".join(f"{kind} ({count})" for kind, count in model.unread.most_common(8))
        problems.note(f"objects of these types are not read: {listed}", n_rows=sum(model.unread.values()))
    if not model.buildings.source_id and model.is_model:
        problems.error("there is at least one building")
