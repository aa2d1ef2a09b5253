"""CityJSON 2.0, as one document or as a sequence of features."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
import shapely
from pyproj import CRS

from dothi.errors import InputError, Problem
from dothi.io.json_numbers import nested
from dothi.mesh.terrain import terrain_mesh
from dothi.publish.city_objects import (
    BRACKETS,
    STEP_M,
    TYPES,
    Geometries,
    Layer,
    area_layer,
    attribute_texts,
    building_layer,
    columns_of,
    ground_of,
    line_layer,
    terrain_layer,
    tree_layer,
    tree_template,
    vertex_codes,
)
from dothi.publish.written import Notify, Written, nobody
from dothi.shapes import Floats, Integers
from dothi.tables import RASTERS

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.mesh.terrain import TerrainMesh

VERSION: Final = "2.0"
CARRIED: Final = ("terrain", "buildings", "links", "railways", "water_bodies", "waterways", "land_use", "trees")
"""Layers that CityJSON has a home for; parts and surfaces go with their buildings."""

BLOCK: Final = 10_000
"""Objects of a sequence that are in memory at a time."""

TERRAIN_TRIANGLES: Final = 100_000


def write_cityjson(
    city: City, path: Path, layers: Mapping[str, Sequence[str]] | None = None, notify: Notify = nobody
) -> Written:
    """
    Write a city as one CityJSON document.

    Coordinates are whole millimetres, and no vertex is written twice. What CityJSON has no attribute for keeps the
    name of its column, with the unit at its end. `dothi.io.cityjson.read_cityjson` gives the same tables back.

    Parameters
    ----------
    city
        City on a projected grid in metres with an EPSG code.
    path
        File to write.
    layers
        Columns to write of each layer; all where None.
    notify
        Told of each layer.

    Returns
    -------
    Written
        Objects by layer, and what could not be carried.

    Raises
    ------
    InputError
        The grid has no EPSG code, without which CityJSON cannot name it.

    References
    ----------
    H. Ledoux, B. Dukai, CityJSON Community Standard 2.0, OGC 20-072r5, 2023.
    """
    chosen = _chosen(city, layers)
    metadata = _metadata(city)
    mesh = _mesh(city)
    found: dict[str, Layer] = {}
    for name in chosen:
        notify(name)
        whole = slice(0, len(city[name])) if name != "terrain" else slice(0)
        layer = _layer(city, name, whole, chosen, mesh)
        if layer.name:
            found[name] = layer
    low, _ = _box(city, chosen, mesh)
    geometries = [geometry for layer in found.values() for geometry in layer.geometries]
    together = [np.zeros(len(geometry.vertex_row), dtype=np.int64) for geometry in geometries]
    numbers, steps, _ = _numbered(geometries, together, low)
    if len(steps):
        low_high = np.concatenate([low + steps.min(axis=0) * STEP_M, low + steps.max(axis=0) * STEP_M])
        metadata["geographicalExtent"] = np.round(low_high, 3).tolist()
    with path.open("wb") as file:
        _write_head(file, metadata, low, templates="trees" in found)
        file.write(b',\n"CityObjects":{')
        between = b"\n"
        begin = 0
        for layer in found.values():
            mine = numbers[begin : begin + len(layer.geometries)]
            begin += len(layer.geometries)
            for label, text in _objects(layer, mine):
                file.write(between + label + b":" + text)
                between = b",\n"
        file.write(b'},\n"vertices":[')
        _write_vertices(file, steps)
        file.write(b"]}\n")
    return Written(_counts(list(found.items())), _notes(city, chosen, mesh))


def write_cityjsonseq(
    city: City, path: Path, layers: Mapping[str, Sequence[str]] | None = None, notify: Notify = nobody
) -> Written:
    """
    Write a city as CityJSONSeq: a line for the head, then a line for every building, road, tree.

    Memory is bounded by `BLOCK` objects, however large the city. For parameters and errors see `write_cityjson`.

    References
    ----------
    CityJSONSeq 2.0, https://www.cityjson.org/cityjsonseq/.
    """
    chosen = _chosen(city, layers)
    metadata = _metadata(city)
    mesh = _mesh(city)
    low, high = _box(city, chosen, mesh)
    metadata["geographicalExtent"] = np.round(np.concatenate([low, high]), 3).tolist()
    counts: Counter[str] = Counter()
    with path.open("wb") as file:
        _write_head(file, metadata, low, templates=bool(len(city["trees"])) and "trees" in chosen, line=True)
        for name in chosen:
            notify(name)
            n = 1 if name == "terrain" else len(city[name])
            for first in range(0, n, BLOCK):
                layer = _layer(city, name, slice(first, first + BLOCK), chosen, mesh)
                counts.update(_counts([(name, layer)]))
                for line in _features(layer, low):
                    file.write(line)
    return Written(dict(counts), _notes(city, chosen, mesh))


# --- head ---------------------------------------------------------------------------------------------------------


def _chosen(city: City, layers: Mapping[str, Sequence[str]] | None) -> dict[str, list[str]]:
    """Columns by layer, those of parts included, of the layers that the city has."""
    names = [name for name in CARRIED if layers is None or name in layers]
    found: dict[str, list[str]] = {}
    for name in names:
        if name == "terrain":
            if "terrain" in city.rasters:
                found[name] = []
        elif name in city.tables:
            found[name] = list(layers[name]) if layers is not None else columns_of(name, city[name])
    if "buildings" in found:
        given = None if layers is None else layers.get("building_parts")
        parts = columns_of("building_parts", city["building_parts"])
        found["building_parts"] = parts if given is None else list(given)
    return found


def _metadata(city: City) -> dict[str, Any]:
    problems: list[Problem] = []
    grid = CRS.from_user_input(city.crs)
    code = grid.to_epsg(min_confidence=100)
    if code is None:
        rule = f"CityJSON names its grid by an EPSG code, and {grid.name} has none: choose another grid"
        problems.append(Problem(rule))
        raise InputError(problems)
    return {"title": city.name, "referenceSystem": f"https://www.opengis.net/def/crs/EPSG/0/{code}"}


def _mesh(city: City) -> TerrainMesh | None:
    if "terrain" not in city.rasters or not np.isfinite(city.rasters["terrain"].to_numpy()).any():
        return None
    return terrain_mesh(city.rasters["terrain"], most_triangles=TERRAIN_TRIANGLES)


def _box(city: City, chosen: Mapping[str, Sequence[str]], mesh: TerrainMesh | None) -> tuple[Floats, Floats]:
    """Whole metres around all that will be written: lowest and highest corner [m]."""
    corners = [np.array([[*city.bounds[:2], 0.0], [*city.bounds[2:], 0.0]])]
    if mesh is not None:
        corners.append(mesh.xyz)  # things without levels of their own stand on it
    for name in (*(name for name in chosen if name != "terrain"), *(("surfaces",) if "buildings" in chosen else ())):
        shapes = np.asarray(city[name].geometry.array, dtype=object)
        if len(shapes):
            west, south, east, north = shapely.total_bounds(shapes)
            corners.append(np.array([[west, south, np.nan], [east, north, np.nan]]))
            corners.append(shapely.get_coordinates(shapes[shapely.has_z(shapes)], include_z=True))
    if "buildings" in chosen and len(city["buildings"]):
        ground = city["buildings"]["ground_m"].fillna(0.0)
        highest = [float(city[name]["height_m"].max()) for name in ("buildings", "building_parts")]
        highest_m = max([0.0, *(height for height in highest if np.isfinite(height))])
        corners.append(np.array([[np.nan, np.nan, ground.min()], [np.nan, np.nan, ground.max() + highest_m]]))
    every = np.concatenate(corners)
    return np.floor(np.fmin.reduce(every, axis=0)), np.ceil(np.fmax.reduce(every, axis=0))


def _write_head(file: BinaryIO, metadata: dict[str, Any], low: Floats, *, templates: bool, line: bool = False) -> None:
    """Everything before the objects; as a whole line for a sequence."""
    head: dict[str, Any] = {
        "type": "CityJSON",
        "version": VERSION,
        "transform": {"scale": [STEP_M] * 3, "translate": low.tolist()},
        "metadata": metadata,
    }
    if templates:
        template, vertices = tree_template()
        head["geometry-templates"] = {"templates": [template], "vertices-templates": vertices}
    if line:
        head |= {"CityObjects": {}, "vertices": []}
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    file.write(text + b"\n" if line else text[:-1])


def _counts(layers: Sequence[tuple[str, Layer]]) -> dict[str, int]:
    """Objects by layer, parts of buildings by themselves."""
    counts: Counter[str] = Counter()
    for name, layer in layers:
        parts = int(np.count_nonzero(layer.kind == TYPES["building_parts"]))
        counts[name] += len(layer.name) - parts
        counts["building_parts"] += parts
    return {name: count for name, count in counts.items() if count}


def _notes(city: City, chosen: Mapping[str, Sequence[str]], mesh: TerrainMesh | None) -> list[str]:
    """What a reader of the file should know that it lacks."""
    notes = []
    left = [name for name in city.tables if name not in chosen and name not in CARRIED and city.counts.get(name)]
    left = [name for name in left if name not in ("surfaces", "nodes")]
    if left:
        notes.append(f"CityJSON has no home for these tables: {', '.join(left)}.")
    rasters = [name for name in city.rasters if name not in ("terrain", "surface") and name in RASTERS]
    if rasters:
        notes.append(f"CityJSON has no home for these rasters: {', '.join(rasters)}.")
    if "terrain" in chosen and mesh is not None:
        notes.append(f"Terrain is a mesh that keeps within {mesh.error_m:.2f} m of the raster.")
    if "buildings" in chosen:
        lost = int(city["building_parts"]["building_id"].isna().sum())
        if lost:
            notes.append(f"{lost:,} building parts belong to no building and are not in the file.")
    if "links" in chosen:
        notes.append("Roads are centre lines, one for each direction of travel.")
    return notes


# --- objects ------------------------------------------------------------------------------------------------------


def _layer(city: City, name: str, rows: slice, chosen: Mapping[str, Sequence[str]], mesh: TerrainMesh | None) -> Layer:
    columns, level = chosen[name], ground_of(mesh)
    match name:
        case "buildings":
            return building_layer(city, rows, columns, chosen["building_parts"])
        case "building_parts":
            return Layer(np.zeros(0, dtype=object), [], np.zeros(0, dtype=np.int64), city["building_parts"][:0], [])
        case "terrain":
            assert mesh is not None  # noqa: S101  # chosen only where there is one
            return terrain_layer(mesh)
        case "trees":
            return tree_layer(city, rows, columns, level)
        case "land_use" | "water_bodies":
            return area_layer(city, name, rows, columns, level)
        case _:
            return line_layer(city, name, rows, columns, level)


def _numbered(
    geometries: Sequence[Geometries], features: Sequence[Integers], low: Floats
) -> tuple[list[Integers], Integers, Integers]:
    """
    Vertices without repeats within a feature, and the boundaries that count them from the first of the feature.

    Parameters
    ----------
    geometries
        Geometries.
    features
        Feature of each of their vertices.
    low : (3,)
        Origin [m].

    Returns
    -------
    numbers
        Boundaries of each of the geometries.
    steps : (n, 3)
        Distinct vertices [mm from the origin], feature by feature.
    feature : (n,)
        Feature of each.
    """
    sizes = [len(geometry.vertex_row) for geometry in geometries]
    if not sum(sizes):
        return [geometry.index for geometry in geometries], np.zeros((0, 3), np.int64), np.zeros(0, np.int64)
    steps = np.round((np.concatenate([geometry.xyz for geometry in geometries]) - low) / STEP_M).astype(np.int64)
    feature = np.concatenate(features)
    order = np.argsort(feature, kind="stable")
    steps, feature = steps[order], feature[order]
    code = vertex_codes(steps, feature)
    first = np.flatnonzero(np.diff(np.maximum.accumulate(code), prepend=-1))
    starts = np.flatnonzero(np.diff(feature, prepend=-1))
    begin = np.repeat(code[starts], np.diff(np.append(starts, len(feature))))
    number = np.empty_like(code)
    number[order] = code - begin
    offsets = np.cumsum([0, *sizes])
    numbers = [number[at + geometry.index] for at, geometry in zip(offsets[:-1], geometries, strict=True)]
    return numbers, steps[first], feature[first]


def _objects(layer: Layer, numbers: Sequence[Integers]) -> Iterator[tuple[bytes, bytes]]:
    """Name and text of every object of a layer."""
    n = len(layer.name)
    texts: list[list[bytes]] = [[] for _ in range(n)]
    for geometry, index in zip(layer.geometries, numbers, strict=True):
        for row, text in zip(geometry.row.tolist(), _geometry_texts(geometry, index), strict=True):
            texts[row].append(text)
    for begin in range(0, n, BLOCK):
        rows = slice(begin, begin + BLOCK)
        attributes = attribute_texts(layer.attributes.iloc[rows])
        more = layer.more[rows] if layer.more else [""] * len(attributes)
        for name, kind, inside, extra, shapes in zip(
            layer.name[rows], layer.kind[rows].tolist(), attributes, more, texts[rows], strict=True
        ):
            head = f'{{"type":"{kind}","attributes":{{{inside}}}{extra}'
            shape = b',"geometry":[' + b",".join(shapes) + b"]}" if shapes else b"}"
            yield f'"{name}"'.encode(), head.encode() + shape


def _geometry_texts(geometry: Geometries, index: Integers) -> Iterator[bytes]:
    """Text of each geometry."""
    bodies = nested(index, geometry.depth, geometry.end)
    meanings: Sequence[bytes] = [b""] * len(bodies)
    if geometry.meanings:
        meanings = nested(geometry.meaning, np.zeros(len(geometry.meaning), dtype=np.uint8), geometry.meaning_end)
    more = geometry.more or [""] * len(bodies)
    surfaces = f',"semantics":{{"surfaces":[{geometry.meanings}],"values":'.encode()
    for kind, lod, body, meaning, extra in zip(
        geometry.kind.tolist(), geometry.lod.tolist(), bodies, meanings, more, strict=True
    ):
        depth = BRACKETS.get(kind, 1)
        level = f'"lod":"{lod}",' if lod else ""
        text = f'{{"type":"{kind}",{level}"boundaries":'.encode() + b"[" * depth + body + b"]" * depth
        if geometry.meanings:
            text += surfaces + b"[" * (depth - 2) + meaning + b"]" * (depth - 2) + b"}"
        yield text + extra.encode() + b"}"


def _features(layer: Layer, low: Floats) -> Iterator[bytes]:
    """Lines of a sequence: an object with its parts and their vertices."""
    features = [layer.feature[geometry.vertex_row] for geometry in layer.geometries]
    numbers, steps, of = _numbered(layer.geometries, features, low)
    n = int(layer.feature[-1]) + 1 if len(layer.feature) else 0
    vertices = _vertex_texts(steps, np.cumsum(np.bincount(of, minlength=n)))
    objects: list[bytes] = []
    names: list[bytes] = []
    current = 0
    for feature, (name, text) in zip(layer.feature.tolist(), _objects(layer, numbers), strict=True):
        if feature != current and objects:
            yield _line(names[0], objects, vertices[current])
            objects, names = [], []
        current = feature
        objects.append(name + b":" + text)
        names.append(name)
    if objects:
        yield _line(names[0], objects, vertices[current])


def _line(name: bytes, objects: list[bytes], vertices: bytes) -> bytes:
    return (
        b'{"type":"CityJSONFeature","id":' + name + b',"CityObjects":{' + b",".join(objects) + b'},"vertices":['
        + (b"[" + vertices + b"]" if vertices else b"") + b"]}\n"
    )  # fmt: skip


def _vertex_texts(steps: Integers, ends: Integers) -> list[bytes]:
    depth = np.tile(np.array([0, 0, 1], dtype=np.uint8), len(steps))
    return nested(steps.ravel(), depth, 3 * ends)


def _write_vertices(file: BinaryIO, steps: Integers) -> None:
    between = b"["
    for begin in range(0, len(steps), BLOCK):
        block = steps[begin : begin + BLOCK]
        file.write(between + _vertex_texts(block, np.array([len(block)]))[0] + b"]")
        between = b",\n["
