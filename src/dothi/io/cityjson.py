"""CityJSON 1.0, 1.1, 2.0 and CityJSONSeq: buildings with their surfaces, land cover, water and trees."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final, NoReturn

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import CRS

from dothi.crs import Extent
from dothi.errors import Problems
from dothi.io.building_words import described, number
from dothi.io.packed import unpacked
from dothi.io.solids import (
    FOOTPRINT,
    HIDDEN,
    KIND_OF,
    UNKNOWN,
    Objects,
    Skin,
    Surfaces,
    best_level,
    checked_surfaces,
    grid_meant,
    grid_of,
    in_metres,
    tables_of,
    united,
    wanted_level,
)
from dothi.schema import conform, expand
from dothi.tables import LAND_USE_CLASSES, TABLES, WATER_KINDS

Floats = npt.NDArray[np.float64]

VERSIONS: Final = ("1.0", "1.1", "2.0")
BYTES_LIMIT: Final = 1 << 30
"""Largest CityJSON file, which must be read as a whole; CityJSONSeq has no limit but that of a line."""

BUILDINGS: Final = ("Building", "BuildingPart")
COVERS: Final = {"LandUse": "land_use", "PlantCover": "land_use", "WaterBody": "water_bodies"}
TREE: Final = "SolitaryVegetationObject"
NESTING: Final = {"MultiSurface": 0, "CompositeSurface": 0, "Solid": 1, "MultiSolid": 2, "CompositeSolid": 2}
"""How many levels of brackets lie outside the surfaces of a geometry."""

OWN_NAMES: Final[dict[str, dict[str, str]]] = {
    "building": {"storeysAboveGround": "storeys", "yearOfConstruction": "year_built"},
    "building_part": {"storeysAboveGround": "storeys"},
    "tree": {"height": "height_m", "crownDiameter": "crown_diameter_m"},
    "land_use": {},
    "water_body": {"class": "kind"},
    "waterway": {"class": "kind"},
    "railway": {},
}
"""Objects that Dothi wrote, by the first word of their names: attributes that do not bear the names of columns."""

LINES: Final = {"WaterBody": "waterways", "Railway": "railways"}
"""Objects that Dothi writes as lines, and their tables."""

COVER_WORDS: Final = (
    ("gras", "grass"),
    ("grass", "grass"),
    ("wiese", "grass"),
    ("heester", "scrub"),
    ("struik", "scrub"),
    ("shrub", "scrub"),
    ("bos", "forest"),
    ("forest", "forest"),
    ("wald", "forest"),
    ("groenvoorziening", "park"),
    ("park", "park"),
    ("erf", "residential"),
    ("verharding", "square"),
    ("onverhard", "bare"),
    ("zand", "beach"),
    ("akker", "agriculture"),
    ("bouwland", "agriculture"),
    ("agricult", "agriculture"),
    ("berm", "transport"),
)
"""Words in attributes → classes of land use: terms of the Dutch BGT and plain words, tried in this order."""

WATER_WORDS: Final = (
    ("sloot", "drain"),
    ("greppel", "drain"),
    ("waterloop", "canal"),
    ("waterway", "canal"),
    ("river", "river"),
    ("rivier", "river"),
    ("meer", "lake"),
    ("lake", "lake"),
    ("waterval", "lake"),
    ("zee", "sea"),
    ("sea", "sea"),
)
"""Words in attributes → kinds of water, as for land use."""

COVER_ATTRIBUTES: Final = (
    "plus_fysiekvoorkomen",
    "bgt_fysiekvoorkomen",
    "plus_type",
    "bgt_type",
    "bgt_functie",
    "class",
    "function",
    "usage",
)


class _MalformedError(Exception):
    """A part of the file is not what the specification says."""


@dataclass
class _Model:
    """What has been read so far."""

    lod: str | None
    level: float | None
    problems: Problems
    buildings: Objects = field(default_factory=Objects)
    position: dict[str, int] = field(default_factory=dict)
    skin: Skin = field(default_factory=Skin)
    cover_skin: Skin = field(default_factory=Skin)
    covers: list[dict[str, Any]] = field(default_factory=list)
    trees: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    own: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    unread: Counter[str] = field(default_factory=Counter)
    malformed: list[str] = field(default_factory=list)
    unknown_vertices: list[str] = field(default_factory=list)
    other_lod: list[str] = field(default_factory=list)
    lods: Counter[str] = field(default_factory=Counter)


def read_cityjson(
    path: Path, problems: Problems, *, lod: str | None = None, crs: str | None = None, extent: Extent | None = None
) -> dict[str, gpd.GeoDataFrame]:
    """
    Read a CityJSON or CityJSONSeq file, plain or in a zip archive.

    Parameters
    ----------
    path
        File.
    problems
        Collector.
    lod
        Level of detail to take, such as ``1`` or ``2.2``; by default the best below 3 of each object.
    crs
        Reference system, where the file does not say or says wrong.
    extent
        Objects far from it may be left out.

    Returns
    -------
    dict
        ``buildings``, and where present ``building_parts``, ``surfaces``, ``land_use``, ``water_bodies``, ``trees``.
        Heights are metres.

    Raises
    ------
    InputError
        The file is no CityJSON, damaged, without a known reference system, or without any object that is read.

    References
    ----------
    H. Ledoux, B. Dukai, CityJSON Community Standard 2.0, OGC 20-072r5, 2023; CityJSON 1.0, OGC 20-072r2, 2021;
    CityJSONSeq 2.0, https://www.cityjson.org/cityjsonseq/.
    """
    with ExitStack() as stack:
        file = unpacked(path, (".json", ".jsonl", ".cityjson"), stack, problems)
        header, features = _documents(file, problems)
        problems.raise_errors()
        grid = _grid(header, crs, problems)
        model = _Model(lod, wanted_level(lod, problems), problems)
        transform = _transform(header.get("transform"), problems)
        templates = _templates(header, problems)
        problems.raise_errors()
        for feature in chain([header], features):
            _take(feature, transform, templates, model)
    _report(model, header)
    problems.raise_errors()
    assert grid is not None  # noqa: S101  # an unknown grid has been raised as an error
    return _tables(model, *grid, extent)


# --- file ---------------------------------------------------------------------------------------------------------


def _documents(file: Path, problems: Problems) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """The CityJSON object, and the features that follow it in a sequence."""
    with file.open("rb") as handle:
        first = handle.readline(BYTES_LIMIT + 1)
        sequence = bool(handle.read(1)) and _parsed(first, None) is not None
    if sequence:
        header = _parsed(first, problems) or {}
    elif file.stat().st_size > BYTES_LIMIT:
        problems.error(f"file has at most {BYTES_LIMIT >> 30} GiB; write it as CityJSONSeq (.jsonl), which is streamed")
        return {}, iter(())
    else:
        header = _parsed(file.read_bytes(), problems) or {}
    problems.raise_errors()
    if header.get("type") != "CityJSON":
        problems.error(f"`type` is CityJSON, not {str(header.get('type'))[:40]!r}")
    elif str(header.get("version"))[:3] not in VERSIONS:
        problems.error(f"`version` is one of {', '.join(VERSIONS)}, not {str(header.get('version'))[:20]!r}")
    return header, _features(file, problems) if sequence else iter(())


def _features(file: Path, problems: Problems) -> Iterator[dict[str, Any]]:
    """Features of a sequence, one line at a time."""
    with file.open("rb") as handle:
        handle.readline()
        line_number = 1
        while line := handle.readline(BYTES_LIMIT + 1):
            line_number += 1
            if not line.strip():
                continue
            feature = _parsed(line, None)
            if feature is None or feature.get("type") != "CityJSONFeature":
                problems.error(f"every line is a whole CityJSONFeature (line {line_number} is not)")
                return
            yield feature


def _parsed(text: bytes, problems: Problems | None) -> dict[str, Any] | None:
    """JSON object in a text; None where there is none, which is reported if a collector is given."""
    try:
        found = json.loads(text.removeprefix(b"\xef\xbb\xbf"), parse_constant=_no_number)
    except UnicodeDecodeError:
        reason = "file is text in UTF-8"
    except json.JSONDecodeError as error:
        reason = f"file is whole and well-formed JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        reason = "brackets are nested as in CityJSON; here they go deeper than any geometry"
    except ValueError as error:
        reason = f"file is well-formed JSON: {error}"
    else:
        if isinstance(found, dict):
            return found
        reason = "file holds one JSON object"
    if problems is not None:
        problems.error(reason)
    return None


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number in JSON")


def _grid(header: Mapping[str, Any], crs: str | None, problems: Problems) -> tuple[CRS, float] | None:
    metadata = header.get("metadata")
    named = crs or (metadata.get("referenceSystem") if isinstance(metadata, dict) else None)
    if not named:
        problems.error(
            "`metadata.referenceSystem` says where on Earth the model is; set `crs` for this source, "
            'for instance crs = "EPSG:32648"'
        )
        return None
    grid = grid_of(str(named))
    if grid is None:
        problems.error(f"reference system is known, not {str(named)[:80]!r}; set `crs` for this source")
    return grid


def _transform(given: Any, problems: Problems) -> tuple[Floats, Floats]:
    """Scale and translation of the whole numbers of the file."""
    if given is None:
        return np.ones(3), np.zeros(3)
    try:
        scale, translate = np.array(given["scale"], dtype=np.float64), np.array(given["translate"], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        scale, translate = np.full(3, np.nan), np.zeros(3)
    if (
        scale.shape != (3,)
        or translate.shape != (3,)
        or not (np.isfinite(scale).all() and np.isfinite(translate).all())
    ):
        problems.error("`transform` has a scale and a translation of three numbers each")
    return scale, translate


def _vertices(given: Any) -> Floats | None:
    """Vertices as numbers, or None where they are not triples of numbers."""
    if not isinstance(given, list):
        return None
    if not given:
        return np.zeros((0, 3))
    try:
        vertices = np.array(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    return vertices if vertices.ndim == 2 and vertices.shape[1] == 3 else None


def _templates(header: Mapping[str, Any], problems: Problems) -> tuple[list[Any], Floats]:
    given = header.get("geometry-templates")
    if not isinstance(given, dict):
        return [], np.zeros((0, 3))
    vertices = _vertices(given.get("vertices-templates"))
    if vertices is None or not isinstance(given.get("templates"), list):
        problems.error("`geometry-templates` has templates and vertices of three numbers each")
        return [], np.zeros((0, 3))
    return given["templates"], vertices


# --- objects ------------------------------------------------------------------------------------------------------


def _take(
    feature: Mapping[str, Any], transform: tuple[Floats, Floats], templates: tuple[list[Any], Floats], model: _Model
) -> None:
    """Take in the objects of one document or feature."""
    objects = feature.get("CityObjects")
    vertices = _vertices(feature.get("vertices"))
    if not isinstance(objects, dict) or vertices is None:
        model.problems.error("`CityObjects` is an object and `vertices` a list of triples of numbers")
        return
    vertices = vertices * transform[0] + transform[1]
    for name, given in objects.items():
        kind = given.get("type") if isinstance(given, dict) else None
        if not isinstance(kind, str):
            model.malformed.append(name)
            continue
        try:
            if (own := _own(name, given)) is not None:
                model.own[name] = own
            if own is not None and kind in LINES and _is_line(given):
                _take_line(name, given, vertices, model)
            elif kind in BUILDINGS:
                _take_building(name, objects, vertices, templates, model)
            elif kind in COVERS:
                _take_cover(name, given, vertices, templates, model)
            elif kind == TREE:
                _take_tree(name, given, vertices, templates, model)
            else:
                model.unread[kind] += 1
        except _MalformedError:
            model.malformed.append(name)
    for skin in (model.skin, model.cover_skin):
        if skin.index and not skin.close_block(vertices):
            model.unknown_vertices.append(str(feature.get("id", "")))


def _own(name: str, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Attributes of an object that Dothi wrote: it bears its own id, as in ``building-17``."""
    word, _, number_of = name.rpartition("-")
    attributes = given.get("attributes")
    if word not in OWN_NAMES or not isinstance(attributes, dict):
        return None
    return attributes if str(attributes.get(f"{word}_id")) == number_of else None


def _is_line(given: Mapping[str, Any]) -> bool:
    return any(geometry.get("type") == "MultiLineString" for geometry in _geometries(given))


def _take_line(name: str, given: Mapping[str, Any], vertices: Floats, model: _Model) -> None:
    geometry = next(each for each in _geometries(given) if each.get("type") == "MultiLineString")
    width = 2 if model.own[name].get("z_method") == "terrain" else 3
    try:
        lines = [shapely.LineString(vertices[np.array(line), :width]) for line in geometry["boundaries"]]
    except (IndexError, KeyError, TypeError, ValueError, shapely.GEOSException) as error:
        raise _MalformedError from error
    model.lines += [{"table": LINES[given["type"]], "source_id": name, "shape": line} for line in lines]


def _take_building(
    name: str, objects: Mapping[str, Any], vertices: Floats, templates: tuple[list[Any], Floats], model: _Model
) -> None:
    given = objects[name]
    here = model.position.get(name)
    if here is None:
        here = _position(name, objects, model)
    candidates = _geometries(given)
    chosen, footprint = _best(candidates, model, name)
    for geometry in chosen:
        _add_surfaces(geometry, here, _lod(geometry), vertices, templates, model.skin)
    for geometry in footprint:
        before = len(model.skin.kind)
        _add_surfaces(geometry, here, _lod(geometry), vertices, templates, model.skin)
        model.skin.kind[before:] = [FOOTPRINT] * (len(model.skin.kind) - before)


def _position(name: str, objects: Mapping[str, Any], model: _Model) -> int:
    """Position of a building or part among the objects; its building is taken in before it."""
    lineage = [name]
    while objects[lineage[-1]].get("type") == "BuildingPart":
        parents = objects[lineage[-1]].get("parents")
        parent = parents[0] if isinstance(parents, list) and parents else None
        if not isinstance(parent, str) or parent in lineage or not isinstance(objects.get(parent), dict):
            break  # a part without a building is a building
        if objects[parent].get("type") not in BUILDINGS:
            break
        lineage.append(parent)
    root = model.position.get(lineage[-1])
    for member in reversed(lineage):
        if member not in model.position:
            attributes = objects[member].get("attributes")
            words = described(attributes) if isinstance(attributes, dict) else {}
            model.position[member] = model.buildings.add(member, root, words)
            if _own(member, objects[member]) is not None:
                model.buildings.kept.add(model.position[member])
        root = model.position[lineage[-1]]
    return model.position[name]


def _geometries(given: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    geometries = given.get("geometry")
    if geometries is None:
        return []
    if not isinstance(geometries, list) or not all(isinstance(geometry, dict) for geometry in geometries):
        raise _MalformedError
    return geometries


def _lod(geometry: Mapping[str, Any]) -> str:
    text = str(geometry.get("lod", ""))
    return text.removesuffix(".0") if "." in text else text


def _best(
    geometries: Iterable[Mapping[str, Any]], model: _Model, name: str
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Geometries of the level of detail to take, and drawn footprints (LoD0)."""
    by_lod: dict[float, list[Mapping[str, Any]]] = {}
    for geometry in geometries:
        if geometry.get("type") in NESTING or geometry.get("type") == "GeometryInstance":
            level = number(_lod(geometry) or _template_lod(geometry))
            by_lod.setdefault(1.0 if level is None else level, []).append(geometry)
            model.lods[_lod(geometry)] += 1
    footprint = next((by_lod[level] for level in sorted(by_lod) if level < 1.0), [])
    bodies = sorted(level for level in by_lod if level >= 1.0)
    if not bodies:
        return [], footprint
    level, found = best_level(bodies, model.level)
    if not found:
        model.other_lod.append(name)
    return by_lod[level], footprint


def _template_lod(geometry: Mapping[str, Any]) -> str:
    return "1" if geometry.get("type") == "GeometryInstance" else ""


def _add_surfaces(
    geometry: Mapping[str, Any],
    owner: int,
    lod: str,
    vertices: Floats,
    templates: tuple[list[Any], Floats],
    skin: Skin,
) -> None:
    """Put the surfaces of a geometry into a skin."""
    if geometry.get("type") == "GeometryInstance":
        _add_instance(geometry, owner, vertices, templates, skin)
        return
    depth = NESTING.get(str(geometry.get("type")))
    boundaries = geometry.get("boundaries")
    if depth is None or not isinstance(boundaries, list):
        raise _MalformedError
    semantics = geometry.get("semantics")
    types, values = [], None
    if isinstance(semantics, dict) and isinstance(semantics.get("surfaces"), list):
        types = [_meaning(each) for each in semantics["surfaces"] if isinstance(each, dict)]
        values = semantics.get("values")
    try:
        for surfaces, meanings in _shells(boundaries, values, depth):
            kinds = _kinds(meanings, types, len(surfaces))
            if HIDDEN in kinds:  # the inside of buildings, and walls that were drawn up from a footprint
                seen = [k for k, kind in enumerate(kinds) if kind != HIDDEN]
                surfaces, kinds = [surfaces[k] for k in seen], [kinds[k] for k in seen]  # noqa: PLW2901
            index = list(chain.from_iterable(chain.from_iterable(surfaces)))
            lengths = [len(ring) for surface in surfaces for ring in surface]
            if not all(type(each) is int for each in index):
                raise _MalformedError
            skin.index += index
            skin.ring_length += lengths
            skin.n_rings += map(len, surfaces)
            skin.kind += kinds
            skin.owner += [owner] * len(surfaces)
            skin.lod += [lod] * len(surfaces)
    except TypeError as error:
        raise _MalformedError from error


def _meaning(surface: Mapping[str, Any]) -> int:
    """Kind of a semantic surface; what Dothi drew up from a footprint gives the footprint, and is no model."""
    kind = KIND_OF.get(str(surface.get("type")), UNKNOWN)
    if surface.get("method") == "extruded":
        return FOOTPRINT if kind == KIND_OF["GroundSurface"] else HIDDEN
    return kind


def _kinds(meanings: Any, types: list[int], n: int) -> list[int]:
    if not isinstance(meanings, list) or len(meanings) != n:
        return [UNKNOWN] * n
    return [types[each] if isinstance(each, int) and 0 <= each < len(types) else UNKNOWN for each in meanings]


def _shells(boundaries: list[Any], values: Any, depth: int) -> Iterator[tuple[list[Any], Any]]:
    """Lists of surfaces with their meanings; of a solid only the outer shell."""
    if depth == 0:
        yield boundaries, values
    elif depth == 1:
        if boundaries:
            yield boundaries[0], values[0] if isinstance(values, list) and values else None
    else:
        for i, solid in enumerate(boundaries):
            of_solid = values[i] if isinstance(values, list) and i < len(values) else None
            yield from _shells(solid, of_solid, depth - 1)


def _placed(
    geometry: Mapping[str, Any], vertices: Floats, templates: tuple[list[Any], Floats]
) -> tuple[Mapping[str, Any], Floats, Floats]:
    """Template of an instance, its vertices in their place, and the place."""
    try:
        template = templates[0][geometry["template"]]
        matrix = np.array(geometry.get("transformationMatrix", np.eye(4)), dtype=np.float64).reshape(4, 4)
        anchor = vertices[geometry["boundaries"][0]]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise _MalformedError from error
    if not isinstance(template, dict):
        raise _MalformedError
    return template, templates[1] @ matrix[:3, :3].T + matrix[:3, 3] + anchor, anchor


def _add_instance(
    geometry: Mapping[str, Any], owner: int, vertices: Floats, templates: tuple[list[Any], Floats], skin: Skin
) -> None:
    template, placed, _ = _placed(geometry, vertices, templates)
    if skin.index:  # what was gathered so far belongs to the vertices of the file
        skin.close_block(vertices)
    if template.get("type") == "GeometryInstance":
        raise _MalformedError
    _add_surfaces(template, owner, _lod(template), placed, templates, skin)
    skin.close_block(placed)


def _take_cover(
    name: str, given: Mapping[str, Any], vertices: Floats, templates: tuple[list[Any], Floats], model: _Model
) -> None:
    geometries = [each for each in _geometries(given) if each.get("type") in NESTING]
    if not geometries:
        return
    geometry = max(geometries, key=lambda each: number(_lod(each)) or 0.0)
    here = len(model.covers)
    _add_surfaces(geometry, here, _lod(geometry), vertices, templates, model.cover_skin)
    attributes = given.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    table = COVERS[given["type"]]
    text = " ".join(str(attributes.get(key, "")) for key in COVER_ATTRIBUTES).lower()
    words = COVER_WORDS if table == "land_use" else WATER_WORDS
    kind = next((kind for word, kind in words if word in text), "other")
    told = str(attributes.get("class", "")).lower()
    if told in (LAND_USE_CLASSES if table == "land_use" else WATER_KINDS):
        kind = told
    model.covers.append({"table": table, "source_id": name, "kind": kind, "name": attributes.get("name")})


def _take_tree(
    name: str, given: Mapping[str, Any], vertices: Floats, templates: tuple[list[Any], Floats], model: _Model
) -> None:
    attributes = given.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    for geometry in _geometries(given)[:1]:
        if geometry.get("type") == "GeometryInstance":
            template, placed, foot = _placed(geometry, vertices, templates)
            points = _points(template.get("boundaries"), placed)
        else:
            points = _points(geometry.get("boundaries"), vertices)
            foot = np.array([*(points[:, :2].min(axis=0) + points[:, :2].max(axis=0)) / 2.0, points[:, 2].min()])
        rise = float(points[:, 2].max() - points[:, 2].min())
        told = number(attributes.get("height"))
        model.trees.append(
            {
                "source_id": name,
                "x": foot[0],
                "y": foot[1],
                "species": str(attributes["species"]) if attributes.get("species") else None,
                "height_m": told if told is not None else (rise or np.nan),
                "height_m_method": "measured" if told is not None else ("height_of_model" if rise else None),
                "height_m_confidence": 1.0 if told is not None else (0.8 if rise else np.nan),
                "crown_diameter_m": number(attributes.get("crownDiameter")) or np.nan,
            }
        )


def _points(boundaries: Any, vertices: Floats) -> Floats:
    """Vertices that occur in boundaries of any depth."""
    level = boundaries
    while isinstance(level, list) and level and isinstance(level[0], list):
        try:
            level = list(chain.from_iterable(level))
        except TypeError as error:
            raise _MalformedError from error
    if not isinstance(level, list) or not level or not all(type(each) is int for each in level):
        raise _MalformedError
    index = np.unique(np.array(level, dtype=np.int64))
    if index[0] < 0 or index[-1] >= len(vertices):
        raise _MalformedError
    points: Floats = vertices[index]
    return points


# --- tables -------------------------------------------------------------------------------------------------------


def _report(model: _Model, header: Mapping[str, Any]) -> None:
    """Say what was wrong, and what was not read."""
    problems = model.problems
    if model.malformed:
        problems.error("objects and the brackets of their boundaries are as CityJSON says", rows=model.malformed)
    if model.unknown_vertices:
        features = [name for name in model.unknown_vertices if name]
        problems.error("boundaries lead to vertices that exist", rows=features, n_rows=len(model.unknown_vertices))
    if model.other_lod and len(model.other_lod) == len(model.buildings.source_id):
        levels = ", ".join(sorted(filter(None, model.lods)))
        problems.error(f"level of detail {model.lod} is present; this file has {levels or 'none'}", table="buildings")
    elif model.other_lod:
        problems.note(f"objects without level of detail {model.lod} have their best", rows=model.other_lod)
    extensions = header.get("extensions")
    if isinstance(extensions, dict) and extensions:
        problems.note(f"extensions are not read: {', '.join(map(str, extensions))}")
    if model.unread:
        listed = ", ".join(f"{kind} ({count})" for kind, count in model.unread.most_common(8))
        problems.note(f"objects of these types are not read: {listed}", n_rows=sum(model.unread.values()))
    if not (model.buildings.source_id or model.covers or model.trees or model.lines):
        problems.error("there is at least one building, tree, water body or piece of land")


def _tables(model: _Model, grid: CRS, metres: float, extent: Extent | None) -> dict[str, gpd.GeoDataFrame]:
    grid = grid_meant(grid, [model.skin, model.cover_skin], model.problems)
    metric = in_metres(grid, [model.skin, model.cover_skin])
    crs = metric.to_string()
    tables: dict[str, gpd.GeoDataFrame] = {}
    if model.buildings.source_id:
        surfaces = checked_surfaces(model.skin, metres, model.buildings.source_id, "surfaces", model.problems)
        tables = tables_of(surfaces, model.buildings, crs, model.problems, extent)
    if model.covers:
        surfaces = checked_surfaces(
            model.cover_skin, metres, [cover["source_id"] for cover in model.covers], "land_use", model.problems
        )
        tables |= _cover_tables(model.covers, surfaces, crs)
    if model.trees:
        trees = pd.DataFrame(model.trees)
        points = shapely.points(trees["x"], trees["y"])
        located = _declared("trees", trees.drop(columns=["x", "y"]), points, grid.to_string())
        tables["trees"] = located.to_crs(metric) if metric != grid else located
    if model.lines:
        tables |= _line_tables(model.lines, grid, metric)
    return {name: _as_told(name, table, model.own) for name, table in tables.items()}


def _line_tables(lines: list[dict[str, Any]], grid: CRS, metric: CRS) -> dict[str, gpd.GeoDataFrame]:
    frame = pd.DataFrame(lines)
    found = {}
    for table, mine in frame.groupby("table", sort=False):
        located = _declared(str(table), mine[["source_id"]], mine["shape"].to_numpy(), grid.to_string())
        found[str(table)] = located.to_crs(metric) if metric != grid else located
    return found


def _as_told(name: str, table: gpd.GeoDataFrame, own: Mapping[str, Mapping[str, Any]]) -> gpd.GeoDataFrame:
    """Table with the columns of objects that Dothi wrote as they were then, missing where they were missing."""
    if "source_id" not in table.columns or not own:
        return table
    mine = table["source_id"].isin(own.keys()).to_numpy(dtype=bool)
    if not mine.any():
        return table
    told = pd.DataFrame([own[key] for key in table.loc[mine, "source_id"]], index=table.index[mine])
    told = told.rename(columns=OWN_NAMES[TABLES[name].id.removesuffix("_id")])
    table = table.copy()
    if name == "building_parts" and mine.all():  # they followed their buildings in the file
        rank = np.argsort(told[TABLES[name].id].to_numpy(), kind="stable")
        table, told = table.iloc[rank].reset_index(drop=True), told.iloc[rank].reset_index(drop=True)
    for column, declared in expand(TABLES[name].columns).items():
        if declared.kind == "geometry" or column == "building_id":
            continue
        before = table[column].astype(object) if column in table.columns else pd.Series(None, table.index, dtype=object)
        values = told[column].astype(object) if column in told.columns else pd.Series(None, told.index, dtype=object)
        table[column] = before.where(~mine, values.where(values.notna(), None).reindex(table.index))
    return conform(table, TABLES[name])


def _cover_tables(covers: list[dict[str, Any]], surfaces: Surfaces, crs: str) -> dict[str, gpd.GeoDataFrame]:
    outline = united(surfaces.shapes, surfaces.owner, len(covers))
    frame = pd.DataFrame(covers)
    found = {}
    for table in dict.fromkeys(frame["table"]):
        mine = (frame["table"] == table).to_numpy() & ~shapely.is_empty(outline)
        if not mine.any():
            continue
        column = "class" if table == "land_use" else "kind"
        part = frame.loc[mine, ["source_id", "kind", "name"]].rename(columns={"kind": column})
        found[table] = _declared(table, part, outline[mine], crs)
    return found


def _declared(name: str, frame: pd.DataFrame, shapes: Any, crs: str) -> gpd.GeoDataFrame:
    located = gpd.GeoDataFrame(frame.reset_index(drop=True), geometry=gpd.array.from_shapely(shapes, crs=crs))
    return conform(located, TABLES[name])
