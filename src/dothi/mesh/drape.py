"""Lines and areas laid on the mesh of the terrain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from dothi.mesh.rings import Rings, rings_of, triangulate
from dothi.mesh.terrain import TerrainMesh, levels_on_mesh
from dothi.shapes import Floats, Integers, Mask, Shapes, areas_of

STRAY_M: Final = 0.1
"""How far a line may stray from the mesh between its vertices, and on the map from its source [m]."""
LEAST_PIECE_M2: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Paths:
    """
    Lines in space.

    Attributes
    ----------
    xyz : (n_vertices, 3)
        Vertices [m].
    start : (n_lines + 1,)
        First vertex of every line.
    """

    xyz: Floats
    start: Integers

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def size(self) -> Integers:
        """Vertices of every line, shape ``(n_lines,)``."""
        return np.diff(self.start)


@dataclass(frozen=True, slots=True)
class Sheets:
    """
    Areas on the ground: outlines, and triangles that fill them.

    Attributes
    ----------
    rings
        Outlines with levels, one polygon for each sheet; ``rings.owner`` is the shape that a sheet belongs to.
    inner : (n_inner, 3)
        Vertices within the sheets, sheet by sheet [m].
    inner_count : (n_sheets,)
        How many of them each sheet has.
    triangles : (n_triangles, 3)
        Vertices: those of all rings count first, then the inner ones. Sheet by sheet.
    triangle_count : (n_sheets,)
        Triangles of every sheet.
    """

    rings: Rings
    inner: Floats
    inner_count: Integers
    triangles: Integers
    triangle_count: Integers

    def __len__(self) -> int:
        return len(self.inner_count)


def draped_lines(lines: Shapes, mesh: TerrainMesh, *, stray_m: float = STRAY_M) -> Paths:
    """
    Lines on a mesh, with vertices only where they bend on the map or up and down.

    Parameters
    ----------
    lines : (n,)
        LineStrings; their own levels are not looked at.
    mesh
        Mesh of the terrain.
    stray_m
        How far what lies between vertices may be off, on the map from the line and in level from the mesh [m].

    Returns
    -------
    Paths
        A line for each, in its direction, with its two ends.
    """
    thin = shapely.simplify(shapely.force_2d(lines), stray_m, preserve_topology=False)
    thin = np.where(shapely.is_empty(thin), shapely.force_2d(lines), thin)
    xy, line = shapely.get_coordinates(thin, return_index=True)
    start = np.concatenate([[0], np.cumsum(np.bincount(line, minlength=len(lines)))])
    xy, fixed, start = met(xy, start, mesh)
    z = levels_on_mesh(mesh, xy)
    kept = bends(along(xy), z, fixed, stray_m)
    return _kept(np.column_stack([xy, z]), kept, start)


def met(xy: Floats, start: Integers, mesh: TerrainMesh) -> tuple[Floats, Mask, Integers]:
    """
    Lines with a vertex wherever they may pass from one triangle of a mesh into the next.

    Triangles of the mesh end on columns, rows and diagonals of its cells: between such vertices the mesh is straight.

    Parameters
    ----------
    xy : (n, 2)
        Vertices [m].
    start : (n_lines + 1,)
        First vertex of every line.
    mesh
        The mesh.

    Returns
    -------
    xy : (n_more, 2) array
        Vertices.
    fixed : (n_more,) array
        Which of them were there before.
    start : (n_lines + 1,) array
        First vertex of every line.
    """
    u, v = ((xy - (mesh.west, mesh.south)) / mesh.cell_m).T
    tail = np.flatnonzero(~_last(len(xy), start))
    segment, share = [np.arange(len(xy))], [np.zeros(len(xy))]
    for form in (u, v, u + v, u - v):
        begin, end = form[tail], form[tail + 1]
        first = np.floor(np.minimum(begin, end)) + 1.0
        count = np.maximum(np.ceil(np.maximum(begin, end)) - first, 0.0).astype(np.int64)
        before = np.cumsum(count) - count
        line = np.repeat(first - before, count) + np.arange(count.sum())
        segment.append(np.repeat(tail, count))
        share.append((line - np.repeat(begin, count)) / np.repeat(end - begin, count))
    of, at = np.concatenate(segment), np.concatenate(share)
    order = np.lexsort((at, of))
    of, at = of[order], at[order]
    ahead = np.minimum(of + 1, len(xy) - 1)
    more = xy[of] + at[:, None] * (xy[ahead] - xy[of])
    return more, order < len(xy), np.searchsorted(of, start)


def densified(xy: Floats, start: Integers, step_m: float) -> tuple[Floats, Mask, Integers]:
    """
    Lines with more vertices.

    Parameters
    ----------
    xy : (n, k)
        Vertices, with any number of values each.
    start : (n_lines + 1,)
        First vertex of every line.
    step_m
        Longest segment on the map [m].

    Returns
    -------
    xy : (n_more, k) array
        Vertices; new ones lie evenly on their segment.
    fixed : (n_more,) array
        Which of them were there before.
    start : (n_lines + 1,) array
        First vertex of every line.
    """
    ahead = np.where(_last(len(xy), start), np.arange(len(xy)), np.arange(len(xy)) + 1)
    step = xy[ahead] - xy
    count = np.maximum(np.ceil(np.hypot(step[:, 0], step[:, 1]) / step_m).astype(np.int64), 1)
    first = np.concatenate([[0], np.cumsum(count)])
    share = (np.arange(first[-1]) - np.repeat(first[:-1], count)) / np.repeat(count, count)
    more = np.repeat(xy, count, axis=0) + share[:, None] * np.repeat(step, count, axis=0)
    return more, share == 0.0, first[start]


def _last(n: int, start: Integers) -> Mask:
    """Which of n vertices end a line."""
    last = np.zeros(n, dtype=bool)
    last[start[1:][np.diff(start) > 0] - 1] = True
    return last


def along(xy: Floats) -> Floats:
    """Distance on the map from the first vertex of all, shape ``(n,)`` [m]; lines follow one another."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy[:, :2], axis=0).T))]) if len(xy) else np.empty(0)


def bends(distance: Floats, z: Floats, fixed: Mask, stray_m: float) -> Mask:
    """
    Which vertices a profile needs so that it strays nowhere farther than allowed.

    The vertex farthest from its chord is taken, in all chords at once, until none is too far (Douglas and Peucker 1973,
    doi:10.3138/FM57-6770-U75U-7727, upright).

    Parameters
    ----------
    distance : (n,)
        Distance along the profile, never falling [m].
    z : (n,)
        Levels [m].
    fixed : (n,)
        Vertices that stay; the first and last of every line among them.
    stray_m
        Greatest difference of level [m].
    """
    kept = fixed.copy()
    open_ = np.flatnonzero(~kept)
    while len(open_):
        anchors = np.flatnonzero(kept)
        chord = np.searchsorted(anchors, open_) - 1
        low, high = anchors[chord], anchors[chord + 1]
        run = np.maximum(distance[high] - distance[low], 1e-12)
        off = np.abs(z[open_] - z[low] - (z[high] - z[low]) * (distance[open_] - distance[low]) / run)
        first = np.flatnonzero(np.r_[True, chord[1:] != chord[:-1]])
        worst = np.maximum.reduceat(off, first)
        size = np.diff(np.r_[first, len(open_)])
        busy = np.repeat(worst > stray_m, size)
        farthest = np.flatnonzero(busy & (off == np.repeat(worst, size)))
        if not len(farthest):
            break
        _, once = np.unique(chord[farthest], return_index=True)
        kept[open_[farthest[once]]] = True
        open_ = open_[busy & ~kept[open_]]
    return kept


def _kept(xyz: Floats, kept: Mask, start: Integers) -> Paths:
    before = np.concatenate([[0], np.cumsum(kept)])
    return Paths(xyz[kept], before[start])


def draped_areas(shapes: Shapes, mesh: TerrainMesh, *, stray_m: float = STRAY_M) -> Sheets:
    """
    Areas on a mesh.

    An area is cut along the triangles of the mesh, so that it lies in them and nothing of the ground shows through.

    Parameters
    ----------
    shapes : (n,)
        Polygons and MultiPolygons; what lies beyond the mesh is cut off.
    mesh
        Mesh of the terrain.
    stray_m
        How far outlines may be off between vertices, on the map and in level [m].

    Returns
    -------
    Sheets
        A sheet for each polygon of each shape.
    """
    inside = shapely.intersection(shapely.force_2d(shapes), shapely.box(*mesh.bounds))
    rings = rings_of(areas_of(shapely.simplify(inside, stray_m)))
    corners = mesh.xyz[mesh.triangles]
    flat: Shapes = np.asarray(shapely.polygons(np.concatenate([corners[:, :, :2], corners[:, :1, :2]], axis=1)))
    polygons = _polygons(rings)
    shapely.prepare(polygons)
    tree = shapely.STRtree(flat)
    part, triangle = tree.query(polygons, predicate="intersects")
    order = np.lexsort((triangle, part))
    part, triangle = part[order], triangle[order]
    whole = shapely.contains(polygons[part], flat[triangle])
    cut = np.flatnonzero(~whole)
    pieces, owner = shapely.get_parts(shapely.intersection(polygons[part[cut]], flat[triangle[cut]]), return_index=True)
    solid = (shapely.get_type_id(pieces) == shapely.GeometryType.POLYGON) & (shapely.area(pieces) > LEAST_PIECE_M2)
    pieces, owner = pieces[solid], cut[owner[solid]]
    cut_rings = rings_of(pieces)
    cut_triangles, _ = triangulate(cut_rings)
    owner_of_vertex = owner[cut_rings.owner[cut_rings.part_of_vertex]]
    # Levels come from the plane of the triangle that a piece was cut from: at its sides, rounding could pick another.
    cut_z = _levels_in(corners[triangle[owner_of_vertex]], cut_rings.xy)

    outline = _draped_rings(rings, mesh, stray_m)
    return _welded(
        outline,
        np.concatenate([corners[triangle[whole]].reshape(-1, 3), np.column_stack([cut_rings.xy, cut_z])]),
        np.concatenate([np.repeat(part[whole], 3), part[owner_of_vertex]]),
        np.concatenate(
            [np.arange(3 * np.count_nonzero(whole)).reshape(-1, 3), cut_triangles + 3 * np.count_nonzero(whole)]
        ),
    )


def _polygons(rings: Rings) -> Shapes:
    """Polygons of flat rings."""
    size = rings.size
    if not len(size):
        return np.empty(0, dtype=object)
    line: Shapes = np.asarray(shapely.linearrings(rings.xy, indices=np.repeat(np.arange(len(size)), size)))
    return np.asarray(shapely.polygons(line, indices=np.repeat(np.arange(len(rings.owner)), np.diff(rings.part))))


def _levels_in(corners: Floats, xy: Floats) -> Floats:
    """Levels of points (n, 2) in the planes of triangles (n, 3, 3) [m]."""
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    p = xy - a[:, :2]
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    u = (p[:, 0] * ac[:, 1] - p[:, 1] * ac[:, 0]) / area
    v = (ab[:, 0] * p[:, 1] - ab[:, 1] * p[:, 0]) / area
    levels: Floats = a[:, 2] + u * ab[:, 2] + v * ac[:, 2]
    return levels


def _draped_rings(rings: Rings, mesh: TerrainMesh, stray_m: float) -> Rings:
    """Rings with levels, and with the vertices that they need to follow the mesh."""
    size = rings.size
    closed = np.insert(np.arange(len(rings.xy)), rings.start[1:], rings.start[:-1])
    start = np.concatenate([[0], np.cumsum(size + 1)])
    xy, fixed, start = met(rings.xy[closed], start, mesh)
    z = levels_on_mesh(mesh, xy)
    kept = bends(along(xy), z, fixed, stray_m)
    kept[start[1:] - 1] = False  # the closing vertex
    paths = _kept(np.column_stack([xy, z]), kept, start)
    return Rings(paths.xyz[:, :2], paths.xyz[:, 2], paths.start, rings.part, rings.owner)


def _welded(outline: Rings, xyz: Floats, part: Integers, triangles: Integers) -> Sheets:
    """Sheets whose triangles share vertices with each other and with the outline, to a millimetre."""
    edge = np.column_stack([outline.xy, outline.z])
    points = np.concatenate([edge, xyz])
    parts = np.concatenate([outline.part_of_vertex, part])
    key = np.column_stack([parts, np.rint(points[:, :2] * 1000.0).astype(np.int64)])
    _, first, same = np.unique(key, axis=0, return_index=True, return_inverse=True)
    vertex = first[same.ravel()]  # vertices of the outline come first, so that they stand for those beside them
    corner = vertex[len(edge) + triangles]
    corner = corner[(corner[:, 0] != corner[:, 1]) & (corner[:, 1] != corner[:, 2]) & (corner[:, 2] != corner[:, 0])]
    of = parts[corner[:, 0]]
    corner = corner[np.argsort(of, kind="stable")]
    n_parts = len(outline.owner)
    count = np.bincount(of, minlength=n_parts)

    used = np.unique(corner[corner >= len(edge)])
    used = used[np.argsort(parts[used], kind="stable")]
    inner_count = np.bincount(parts[used], minlength=n_parts)
    rank = np.arange(len(points))
    rank[used] = len(edge) + np.arange(len(used))
    return Sheets(outline, points[used], inner_count, rank[corner], count)
