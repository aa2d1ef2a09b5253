"""The ground as a mesh of right triangles, fine where the ground is uneven and coarse where it is flat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dothi.crs import Bounds
from dothi.shapes import Floats, Integers, Mask

if TYPE_CHECKING:
    import xarray as xr

ERROR_M: Final = 0.25
Z_STEP_M: Final = 0.01
GROWTH: Final = 2.0**0.25
ROOT_CELLS: Final = 64
WEIGHED_SHARE: Final = 0.8
"""Share of the triangles, where they are short, that go where they lower the squared error most."""
Levels = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class TerrainMesh:
    """
    A mesh over a raster of levels.

    Attributes
    ----------
    west, south
        Place of the first column and the first row of `level` [m].
    cell_m
        Distance of columns and rows [m].
    error_m
        No cell of the raster is farther above or below the mesh [m].
    level : (n_rows, n_columns)
        Level of the mesh at every column from the west and every row from the south [m]. It has one column and row more
        on every side than the raster, so that the mesh covers its outermost cells as well.
    column, row : (n_vertices,)
        Vertices of the mesh, as places in `level`.
    triangles : (n_triangles, 3)
        Vertices of the triangles, counter-clockwise seen from above.
    """

    west: float
    south: float
    cell_m: float
    error_m: float
    level: Levels
    column: Integers
    row: Integers
    triangles: Integers

    @property
    def xyz(self) -> Floats:
        """Vertices, shape ``(n_vertices, 3)`` [m]."""
        return np.column_stack(
            [
                self.west + self.cell_m * self.column,
                self.south + self.cell_m * self.row,
                self.level[self.row, self.column].astype(np.float64),
            ]
        )

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north [m]."""
        rows, columns = self.level.shape
        return (
            self.west,
            self.south,
            self.west + self.cell_m * (columns - 1),
            self.south + self.cell_m * (rows - 1),
        )


def terrain_mesh(
    terrain: xr.DataArray,
    *,
    error_m: float = ERROR_M,
    most_triangles: int = 30_000,
    z_step_m: float = Z_STEP_M,
    weight: Levels | None = None,
) -> TerrainMesh:
    """
    Mesh of right triangles that keeps within an error of a raster, everywhere.

    A right triangle is halved from the middle of its longest side to its right angle, over and over (right-triangulated
    irregular network [1]_). Triangles on both sides of a side are halved together, so there are no cracks. A vertex is
    needed where the ground is farther than the error from the middle of the side, or where a vertex below it is needed
    [2]_. That does not bound the error by itself, since differences add up over levels; so every cell from which the
    mesh strays farther becomes a vertex of it, until there is none.

    Where that takes too many triangles, four fifths of them go where the difference times the length of the side is
    largest: its square is the squared error that a vertex saves [3]_. The others keep the greatest error low.

    Parameters
    ----------
    terrain : (y, x)
        Levels on square cells [m]; cells without a level take that of the nearest one.
    error_m
        Error that no cell exceeds [m].
    most_triangles
        Where more would be needed, the error grows until this many do.
    z_step_m
        Levels of vertices are multiples of this [m].
    weight : (y, x)
        How much a difference counts in each cell where triangles are short; 1 everywhere where None.

    Returns
    -------
    TerrainMesh
        The mesh, with the error that it keeps.

    Raises
    ------
    ValueError
        No cell has a level.

    References
    ----------
    .. [1] W. Evans, D. Kirkpatrick, G. Townsend, Right-triangulated irregular networks, Algorithmica 30 (2001) 264–286,
       doi:10.1007/s00453-001-0006-x.
    .. [2] P. Lindstrom, D. Koller, W. Ribarsky, L. F. Hodges, N. Faust, G. A. Turner, Real-time, continuous level of
       detail rendering of height fields, SIGGRAPH 1996, 109–118, doi:10.1145/237170.237217.
    .. [3] M. Garland, P. S. Heckbert, Fast polygonal approximation of terrains and height fields, CMU-CS-95-181, 1995.
    """
    west, south, cell, ground = _grid(terrain)
    counts = np.ones_like(ground) if weight is None else np.maximum(_grid(terrain.copy(data=weight))[3], 0.0)
    rows, columns = ground.shape
    root = ROOT_CELLS
    while 2 * (rows / root) * (columns / root) > most_triangles / 10:
        root *= 2
    padded = _beyond(ground, ((0, -(rows - 1) % root), (0, -(columns - 1) % root)))
    rounded = np.round(padded / np.float32(z_step_m)) * np.float32(z_step_m)

    bound = max(error_m, z_step_m)
    need = _needed(rounded, root, bound, counts)
    inside = need[:rows, :columns]
    # An open mesh has about two triangles for each vertex (Euler).
    threshold, most_vertices = 0.0, int(WEIGHED_SHARE * most_triangles / 2)
    if 2 * np.count_nonzero(inside) > most_triangles:
        threshold = float(np.partition(inside, inside.size - most_vertices, axis=None)[inside.size - most_vertices])
        strays = np.abs(_laid(rounded, need > threshold, root) - padded)[:rows, :columns]
        while np.count_nonzero(strays > bound) > (1.0 - WEIGHED_SHARE) * most_triangles:
            bound *= GROWTH
    while True:
        level, kept = _fitted(rounded, padded, need, root, threshold, bound, (rows, columns))
        column, row, triangles = _triangles(kept, root, (rows, columns))
        if len(triangles) <= most_triangles or bound > float(np.ptp(padded)):
            break
        bound *= GROWTH
    level = level[:rows, :columns].copy()
    error = float(np.abs(level - ground)[1:-1, 1:-1].max())
    return TerrainMesh(west, south, cell, max(error_m, error), level, column, row, triangles)


def flat_mesh(bounds: Bounds, level_m: float = 0.0) -> TerrainMesh:
    """Two triangles at one level: the ground of a city whose terrain is not known."""
    west, south, east, north = bounds
    side = max(east - west, north - south, 1.0)
    corner = np.array([0, 1, 0, 1], dtype=np.int64)
    return TerrainMesh(
        west=west,
        south=south,
        cell_m=side,
        error_m=0.0,
        level=np.full((2, 2), level_m, dtype=np.float32),
        column=corner,
        row=np.array([0, 0, 1, 1], dtype=np.int64),
        triangles=np.array([[0, 1, 3], [0, 3, 2]], dtype=np.int64),
    )


def levels_on_mesh(mesh: TerrainMesh, xy: Floats) -> Floats:
    """
    Level of a mesh at points.

    Every triangle of the mesh is a whole number of halves of cells, cut along that diagonal on which the last halving
    would cut them; so the level within a cell follows from its three nearest corners alone.

    Parameters
    ----------
    mesh
        The mesh.
    xy : (n, 2)
        Points [m]; those beyond the border take the level of the border.

    Returns
    -------
    (n,) array
        Levels [m].
    """
    rows, columns = mesh.level.shape
    u = np.clip((xy[:, 0] - mesh.west) / mesh.cell_m, 0.0, columns - 1.0)
    v = np.clip((xy[:, 1] - mesh.south) / mesh.cell_m, 0.0, rows - 1.0)
    i = np.minimum(u.astype(np.int64), columns - 2)
    j = np.minimum(v.astype(np.int64), rows - 2)
    u, v = u - i, v - j
    z = mesh.level
    south_west, south_east = z[j, i].astype(np.float64), z[j, i + 1].astype(np.float64)
    north_west, north_east = z[j + 1, i].astype(np.float64), z[j + 1, i + 1].astype(np.float64)
    # The diagonal ends in the corner whose column and row are both odd: the middle of the square of four cells.
    rising = (i + j) % 2 == 0
    on_rising = np.where(
        u >= v,
        south_west + u * (south_east - south_west) + v * (north_east - south_east),
        south_west + v * (north_west - south_west) + u * (north_east - north_west),
    )
    on_falling = np.where(
        u + v <= 1.0,
        south_west + u * (south_east - south_west) + v * (north_west - south_west),
        north_east + (1.0 - u) * (north_west - north_east) + (1.0 - v) * (south_east - north_east),
    )
    levels: Floats = np.where(rising, on_rising, on_falling)
    return levels


# ── parts ────────────────────────────────────────────────────────────────────────────────────────


def _grid(terrain: xr.DataArray) -> tuple[float, float, float, Levels]:
    """Place of the south-western vertex, cell size, and levels from south and west with one more cell on every side."""
    ground = filled(terrain)
    x, y = terrain["x"].to_numpy(), terrain["y"].to_numpy()
    if x[0] > x[-1]:
        x, ground = x[::-1], ground[:, ::-1]
    if y[0] > y[-1]:
        y, ground = y[::-1], ground[::-1]
    steps = np.abs(np.concatenate([np.diff(x[:2]), np.diff(y[:2])]))
    cell = float(steps[0]) if len(steps) else 1.0
    return float(x[0]) - cell, float(y[0]) - cell, cell, _beyond(ground, ((1, 1), (1, 1)))


def filled(terrain: xr.DataArray) -> Levels:
    """
    Levels of a raster, empty cells as the nearest one that is not.

    Raises
    ------
    ValueError
        No cell has a level.
    """
    ground = np.array(terrain.to_numpy(), dtype=np.float32)
    empty = ~np.isfinite(ground)
    if empty.all():
        raise ValueError("terrain without levels")
    if empty.any():
        nearest = ndimage.distance_transform_edt(empty, return_distances=False, return_indices=True)
        ground = ground[tuple(nearest)]
    return ground


def _beyond(ground: Levels, width: tuple[tuple[int, int], tuple[int, int]]) -> Levels:
    """Levels continued beyond the border as if turned about it, so that slopes go on."""
    return np.pad(ground, width, mode="reflect", reflect_type="odd")


class _Middles(NamedTuple):
    """Middles of the longest sides of one generation of triangles: slices of the grid, and where the sides end."""

    at: tuple[slice, slice]
    ends: tuple[tuple[slice, slice], tuple[slice, slice]]


def _generations(shape: tuple[int, int], root: int) -> Iterator[tuple[_Middles, ...]]:
    """
    Middles of the longest sides, from the largest triangles to the smallest.

    A generation halves the squares of one size on their diagonals, the next one halves the sides of these squares. The
    diagonal of a square ends in that corner which was the middle of the square four times as large.
    """
    rows, columns = shape
    size = root
    while size > 1:
        half = size // 2
        yield tuple(_diagonal(shape, size, j, i) for j in (0, 1) for i in (0, 1))
        lying = _Middles(
            (slice(0, rows, size), slice(half, columns, size)),
            ((slice(0, rows, size), slice(0, columns - 1, size)), (slice(0, rows, size), slice(size, columns, size))),
        )
        standing = _Middles(
            (slice(half, rows, size), slice(0, columns, size)),
            ((slice(0, rows - 1, size), slice(0, columns, size)), (slice(size, rows, size), slice(0, columns, size))),
        )
        yield (lying, standing)
        size = half


def _diagonal(shape: tuple[int, int], size: int, j: int, i: int) -> _Middles:
    """Middles of every other square of a size from row j and column i of squares, and the ends of their diagonals."""

    def place(up: int, right: int) -> tuple[slice, slice]:
        return (
            slice(j * size + up, shape[0] - size + up, 2 * size),
            slice(i * size + right, shape[1] - size + right, 2 * size),
        )

    ends = (place(0, 0), place(size, size)) if (i + j) % 2 == 0 else (place(0, size), place(size, 0))
    return _Middles(place(size // 2, size // 2), ends)


def _needed(ground: Levels, root: int, least_m: float, weight: Levels) -> Levels:
    """Need of each cell as a vertex: its difference times the length of the side, or the need of a vertex below it."""
    need = np.zeros_like(ground)
    length = root * np.sqrt(2.0)
    for generation in _generations(ground.shape, root):
        for middles in generation:
            first, second = middles.ends
            difference = np.abs(ground[middles.at] - 0.5 * (ground[first] + ground[second]))
            need[middles.at] = np.where(difference > least_m, difference * np.float32(length), 0.0)
        length /= np.sqrt(2.0)
    rows, columns = weight.shape
    need[:rows, :columns] *= weight
    need[rows:], need[:, columns:] = 0.0, 0.0
    need[::root, ::root] = np.inf  # corners of the largest squares are always there
    _hand_up(need, root)
    return need


def _hand_up(need: Levels, root: int) -> None:
    """Give every vertex the largest need of those below it, the smallest triangles first."""
    rows, columns = need.shape
    size = 2
    while size <= root:
        half = size // 2
        if half > 1:
            # The middle of a side stands above the middles of the four small squares around it.
            small = np.pad(need[half // 2 :: half, half // 2 :: half], 1)
            for first_row, first_column in ((0, half), (half, 0)):
                side = need[first_row::size, first_column::size]
                for j in (0, 1):
                    for i in (0, 1):
                        around = small[first_row // half + j :: 2, first_column // half + i :: 2]
                        np.maximum(side, around[: side.shape[0], : side.shape[1]], out=side)
        # The middle of a square stands above those of its four sides.
        middle = need[half::size, half::size]
        np.maximum(middle, need[half::size, 0 : columns - 1 : size], out=middle)
        np.maximum(middle, need[half::size, size::size], out=middle)
        np.maximum(middle, need[0 : rows - 1 : size, half::size], out=middle)
        np.maximum(middle, need[size::size, half::size], out=middle)
        size *= 2


def _laid(rounded: Levels, kept: Mask, root: int) -> Levels:
    """Level of the mesh at every cell: its own at vertices, elsewhere the middle of the side it would halve."""
    level = rounded.copy()
    for generation in _generations(level.shape, root):
        for middles in generation:
            first, second = middles.ends
            np.copyto(level[middles.at], 0.5 * (level[first] + level[second]), where=~kept[middles.at])
    return level


def _fitted(
    rounded: Levels, ground: Levels, need: Levels, root: int, threshold: float, bound: float, inside: tuple[int, int]
) -> tuple[Levels, Mask]:
    """Level of the mesh at every cell, and its vertices, chosen such that no cell inside strays beyond the bound."""
    rows, columns = inside
    need = need.copy()
    while True:
        kept: Mask = need > threshold
        level = _laid(rounded, kept, root)
        strays = np.abs(level - ground)[:rows, :columns] > bound
        if not strays.any():
            return level, kept
        need[:rows, :columns][strays] = np.inf
        _hand_up(need, root)


def _triangles(kept: Mask, root: int, inside: tuple[int, int]) -> tuple[Integers, Integers, Integers]:
    """Columns and rows of the vertices, and the triangles that they make within the raster."""
    rows, columns = kept.shape
    stride = columns
    i, j = (grid.ravel() for grid in np.meshgrid(np.arange(0, columns - 1, root), np.arange(0, rows - 1, root)))
    corner = [(j + dj) * stride + i + di for dj, di in ((0, 0), (0, root), (root, root), (root, 0))]
    rising = ((i + j) // root) % 2 == 0
    # A triangle is (left end, right end of the longest side, right angle), counter-clockwise.
    active = np.concatenate(
        [
            np.column_stack([corner[2], corner[0], corner[1]])[rising],
            np.column_stack([corner[0], corner[2], corner[3]])[rising],
            np.column_stack([corner[1], corner[3], corner[0]])[~rising],
            np.column_stack([corner[3], corner[1], corner[2]])[~rising],
        ]
    )
    flat = kept.ravel()
    done: list[NDArray[Any]] = []
    while len(active):
        first, second, angle = active.T
        # The ends differ by an even number of columns and rows until the smallest triangles.
        middle = (first // stride + second // stride) // 2 * stride + (first % stride + second % stride) // 2
        span = np.maximum(np.abs(first // stride - second // stride), np.abs(first % stride - second % stride))
        split = (span > 1) & flat[middle]
        done.append(active[~split])
        first, second, angle, middle = first[split], second[split], angle[split], middle[split]
        active = np.concatenate([np.column_stack([angle, first, middle]), np.column_stack([second, angle, middle])])
    corners = np.concatenate(done)
    return _within(corners % stride, corners // stride, inside)


def _within(column: Integers, row: Integers, inside: tuple[int, int]) -> tuple[Integers, Integers, Integers]:
    """Cut triangles at the border of the raster; all their sides meet it in cells."""
    corners = np.stack([column, row], axis=-1)
    for axis, most in ((0, inside[1] - 1), (1, inside[0] - 1)):
        corners = _cut(corners, axis, most)
    ahead, behind = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    corners = corners[ahead[:, 0] * behind[:, 1] - ahead[:, 1] * behind[:, 0] > 0]
    code = corners[..., 1] * inside[1] + corners[..., 0]
    used, vertex = np.unique(code, return_inverse=True)
    return used % inside[1], used // inside[1], vertex.reshape(-1, 3)


def _cut(corners: Integers, axis: int, most: int) -> Integers:
    """Parts of triangles (n, 3, 2) up to a line across an axis."""
    outside = corners[..., axis] > most
    count = outside.sum(axis=1)
    kept = [corners[count == 0]]
    for n_outside in (1, 2):
        chosen = corners[count == n_outside]
        away = outside[count == n_outside]
        # Turn each triangle so that the corner that is alone on its side comes first.
        alone = np.argmax(away if n_outside == 1 else ~away, axis=1)
        a, b, c = (chosen[np.arange(len(chosen)), (alone + turn) % 3] for turn in range(3))
        towards_b, towards_c = _crossing(a, b, axis, most), _crossing(a, c, axis, most)
        if n_outside == 2:
            kept.append(np.stack([a, towards_b, towards_c], axis=1))
        else:
            kept += [np.stack([b, c, towards_c], axis=1), np.stack([b, towards_c, towards_b], axis=1)]
    return np.concatenate(kept)


def _crossing(a: Integers, b: Integers, axis: int, most: int) -> Integers:
    """Where sides meet a line: they run along columns, rows or diagonals, so it is a cell."""
    step = b - a
    length = np.maximum(np.abs(step[:, axis]), 1)
    crossing: Integers = a + step * (np.abs(most - a[:, axis]) // 1)[:, None] // length[:, None]
    return crossing
