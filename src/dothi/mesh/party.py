"""Walls that touch the wall of a neighbour: where, and how they are split there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import shapely

from dothi.mesh.rings import ranges
from dothi.shapes import Floats, Integers, Mask, Shapes

TOUCH_M: Final = 0.1
"""Walls that face each other at most this far apart, or that run into each other by this much, touch."""

PARALLEL_DEG: Final = 5.0
"""Largest angle between two walls that touch along their length."""

SNAP_M: Final = 0.01
"""Cuts that lie closer together than this are one."""

BACK_TO_BACK_M: Final = 0.001
"""How far walls of one modelled building may run into each other and still touch: the two faces of a parapet do not."""

LEAST_M2: Final = 1e-6
"""Pieces of a shape smaller than this are rounding."""

BLOCK: Final = 20_000
"""Solids whose neighbours are looked for in one go, so that memory stays small."""

MANY: Final = 250_000
"""Pairs of walls looked at in one go, so that memory stays small."""


@dataclass(frozen=True, slots=True)
class Walls:
    """
    Upright walls, those of one solid one after the other.

    Attributes
    ----------
    start, end : (n, 2)
        Ends on the ground [m]; seen from outside, the start is on the left.
    low, high : (n,)
        Levels of the lowest and the highest point [m].
    solid : (n,)
        Number of the solid, from 0, in rising order.
    row : (n,)
        Position of the building in its table.
    outline : (n,)
        Shape in its own plane, as (distance from the start, level); None for a rectangle.
    """

    start: Floats
    end: Floats
    low: Floats
    high: Floats
    solid: Integers
    row: Integers
    outline: Shapes

    def __len__(self) -> int:
        return len(self.low)

    def take(self, walls: Integers) -> Walls:
        """Some of the walls, in the order asked for."""
        return Walls(*(getattr(self, name)[walls] for name in self.__slots__))

    @property
    def length(self) -> Floats:
        """Length on the ground [m], shape ``(n,)``."""
        step = self.end - self.start
        return np.asarray(np.hypot(step[:, 0], step[:, 1]))

    @property
    def drawn(self) -> Mask:
        """Walls with an outline of their own, shape ``(n,)``."""
        return ~shapely.is_missing(self.outline)


@dataclass(frozen=True, slots=True)
class Contacts:
    """
    Rectangles that two walls share; each pair of walls stands in it twice, once from either side.

    Attributes
    ----------
    wall, other : (n,)
        The wall, and the one it touches.
    near, far : (n,)
        Where the rectangle begins and ends along the wall [m].
    low, high : (n,)
        Its levels [m].
    gap : (n,)
        Mean distance between the two walls along it, negative where they run into each other [m].
    twin : (n,)
        The same contact seen from the other wall.
    """

    wall: Integers
    other: Integers
    near: Floats
    far: Floats
    low: Floats
    high: Floats
    gap: Floats
    twin: Integers

    def __len__(self) -> int:
        return len(self.wall)


@dataclass(frozen=True, slots=True)
class Pieces:
    """
    Rectangles that walls are split into.

    Attributes
    ----------
    wall : (n,)
        Wall it is a piece of, in rising order.
    near, far, low, high : (n,)
        Where it begins and ends along the wall, and its levels [m].
    party_row : (n,)
        Position of the building behind it; −1 where it is exposed.
    """

    wall: Integers
    near: Floats
    far: Floats
    low: Floats
    high: Floats
    party_row: Integers

    def take(self, rows: Integers) -> Pieces:
        """Some of the pieces, in the order asked for."""
        return Pieces(
            self.wall[rows], self.near[rows], self.far[rows], self.low[rows], self.high[rows], self.party_row[rows]
        )


@dataclass(frozen=True, slots=True)
class Outlines:
    """
    Shapes that walls with an outline of their own are split into.

    Attributes
    ----------
    wall : (n,)
        Wall it is a piece of.
    shape : (n,)
        Polygon in the plane of the wall, as (distance from the start, level).
    party_row : (n,)
        Position of the building behind it; −1 where it is exposed.
    """

    wall: Integers
    shape: Shapes
    party_row: Integers

    def take(self, rows: Integers) -> Outlines:
        """Some of the pieces, in the order asked for."""
        return Outlines(self.wall[rows], self.shape[rows], self.party_row[rows])


def together(first: Walls, second: Walls) -> Walls:
    """Walls of solids whose numbers follow on each other."""
    return Walls(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in Walls.__slots__))


def contacts_of(walls: Walls, *, touch_m: float = TOUCH_M) -> Contacts:
    r"""
    Where walls of different solids touch, and where walls of one modelled solid stand face to face.

    Two walls touch if they face opposite ways within `PARALLEL_DEG`, and then where, seen along the bisector of their
    directions, they lie side by side and at most `touch_m` apart. Both see the same rectangle, because the bisector is
    the same for both. Contacts shorter or lower than `touch_m`, or than half of the smaller wall, are none.

    Solids whose boxes touch are found by a tree [1]_, of their walls only those near the other's box are compared.

    Parameters
    ----------
    walls
        Walls of all solids.
    touch_m
        Farthest distance [m].

    Returns
    -------
    Contacts
        Rectangles before conflicts are settled: they may overlap where footprints overlap.

    References
    ----------
    .. [1] S. T. Leutenegger, M. A. Lopez, J. Edgington, STR: a simple and efficient algorithm for R-tree packing,
       ICDE 1997, doi:10.1109/ICDE.1997.582015.
    """
    found = [_touching(walls, *pairs, touch_m) for pairs in _candidates(walls, touch_m)]
    first, second, near, far, back, front, low, high, gap = (
        np.concatenate([part[column] for part in found]) if found else np.zeros(0) for column in range(9)
    )
    n = len(first)
    return Contacts(
        np.concatenate([first, second]).astype(np.int64),
        np.concatenate([second, first]).astype(np.int64),
        np.concatenate([near, back]),
        np.concatenate([far, front]),
        np.concatenate([low, low]),
        np.concatenate([high, high]),
        np.concatenate([gap, gap]),
        np.concatenate([np.arange(n) + n, np.arange(n)]),
    )


def _candidates(walls: Walls, touch_m: float) -> Iterator[tuple[Integers, Integers]]:
    """Pairs of walls that may touch, a few million at a time."""
    if not len(walls):
        return
    box = np.hstack([np.minimum(walls.start, walls.end), np.maximum(walls.start, walls.end)])
    box[:, :2] -= touch_m / 2.0
    box[:, 2:] += touch_m / 2.0
    first = np.flatnonzero(np.diff(walls.solid, prepend=-1))
    count = np.diff(first, append=len(walls))
    west, south = (np.minimum.reduceat(box[:, axis], first) for axis in (0, 1))
    east, north = (np.maximum.reduceat(box[:, axis], first) for axis in (2, 3))
    around = np.column_stack([west, south, east, north])
    low, high = np.minimum.reduceat(walls.low, first), np.maximum.reduceat(walls.high, first)
    boxes = shapely.box(west, south, east, north)
    tree = shapely.STRtree(boxes)
    drawn = np.logical_or.reduceat(walls.drawn, first)
    for begin in range(0, len(boxes), BLOCK):
        here, there = tree.query(boxes[begin : begin + BLOCK])
        here = here + begin
        worth = (here < there) | ((here == there) & drawn[here])
        worth &= (low[here] < high[there]) & (low[there] < high[here])
        here, there = here[worth], there[worth]
        own, of_own = _near(box, around, first, count, here, there)
        other, of_other = _near(box, around, first, count, there, here)
        n_other = np.bincount(of_other, minlength=len(here))
        first_other = np.cumsum(n_other) - n_other
        times = n_other[of_own]
        ends = np.cumsum(times)
        cut = 0
        while cut < len(own):
            until = max(int(np.searchsorted(ends, (ends[cut - 1] if cut else 0) + MANY, side="right")), cut + 1)
            part = slice(cut, until)
            pairs = np.repeat(own[part], times[part])
            yield pairs, other[ranges(first_other[of_own[part]], times[part])]
            cut = until


def _near(
    box: Floats, around: Floats, first: Integers, count: Integers, solid: Integers, other: Integers
) -> tuple[Integers, Integers]:
    """Walls of a solid that touch the box of another, and the number of the pair, for each pair of solids."""
    wall = ranges(first[solid], count[solid])
    pair = np.repeat(np.arange(len(solid)), count[solid])
    target = around[other][pair]
    mine = box[wall]
    touching = (mine[:, 0] <= target[:, 2]) & (mine[:, 2] >= target[:, 0])
    touching &= (mine[:, 1] <= target[:, 3]) & (mine[:, 3] >= target[:, 1])
    return wall[touching], pair[touching]


def _touching(walls: Walls, first: Integers, second: Integers, touch_m: float) -> tuple[Floats | Integers, ...]:
    """Contacts of pairs of walls: both walls, where along either, levels and gap."""
    same = walls.solid[first] == walls.solid[second]
    worth = (walls.low[first] < walls.high[second]) & (walls.low[second] < walls.high[first])
    worth &= ~same | (first < second)
    first, second, same = first[worth], second[worth], same[worth]
    step = walls.end[first] - walls.start[first]
    back = walls.start[second] - walls.end[second]  # the other wall, read the same way
    length, reach = np.hypot(*step.T), np.hypot(*back.T)
    facing = (step * back).sum(axis=1) >= np.cos(np.deg2rad(PARALLEL_DEG)) * length * reach
    facing &= (length > 0.0) & (reach > 0.0)
    first, second, same, step, back, length, reach = (
        values[facing] for values in (first, second, same, step, back, length, reach)
    )
    axis = step / length[:, None] + back / reach[:, None]
    axis /= np.hypot(*axis.T)[:, None]
    across = np.column_stack([axis[:, 1], -axis[:, 0]])  # outwards from the first wall
    slope = (step * axis).sum(axis=1) / length  # the same for both
    begins = ((walls.end[second] - walls.start[first]) * axis).sum(axis=1)
    ends = begins + slope * reach
    near, far = np.maximum(begins, 0.0), np.minimum(ends, slope * length)
    lean = (step * across).sum(axis=1) / (slope * length)
    lean_other = (back * across).sum(axis=1) / (slope * reach)
    offset = ((walls.end[second] - walls.start[first]) * across).sum(axis=1)

    opening = lean_other - lean
    at_zero = offset - lean_other * begins  # gap of the two lines where the first wall begins
    least = np.where(same, -BACK_TO_BACK_M, -touch_m)
    with np.errstate(divide="ignore", invalid="ignore"):
        one, two = (least - at_zero) / opening, (touch_m - at_zero) / opening
    level = np.abs(opening) < 1e-12
    within = (at_zero >= least) & (at_zero <= touch_m)
    near = np.where(level, np.where(within, near, np.inf), np.maximum(near, np.minimum(one, two)))
    far = np.where(level, far, np.minimum(far, np.maximum(one, two)))
    low = np.maximum(walls.low[first], walls.low[second])
    high = np.minimum(walls.high[first], walls.high[second])
    shortest = np.minimum(touch_m, np.minimum(length, reach) / 2.0)
    lowest = np.minimum(
        touch_m,
        np.minimum(walls.high[first] - walls.low[first], walls.high[second] - walls.low[second]) / 2.0,
    )
    shares = (far - near >= shortest) & (high - low >= lowest)
    first, second, near, far, begins, reach, slope, low, high, at_zero, opening = (
        values[shares] for values in (first, second, near, far, begins, reach, slope, low, high, at_zero, opening)
    )
    return (
        first,
        second,
        near / slope,
        far / slope,
        reach - (far - begins) / slope,
        reach - (near - begins) / slope,
        low,
        high,
        at_zero + opening * (near + far) / 2.0,
    )


def split(walls: Walls, contacts: Contacts) -> tuple[Pieces, Outlines]:
    """
    Split walls along their length and in height where they touch others.

    Where several neighbours claim the same piece, because footprints overlap, the one with the smallest gap has it.

    Parameters
    ----------
    walls
        Walls of all solids.
    contacts
        What `contacts_of` found.

    Returns
    -------
    pieces : Pieces
        Every rectangular wall, whole or split.
    outlines : Outlines
        Walls that have an outline of their own or touch one that has: those of them that share something.
    """
    drawn = walls.drawn
    shaped = np.zeros(len(walls), dtype=bool)
    shaped[contacts.wall[drawn[contacts.wall] | drawn[contacts.other]]] = True
    order = np.lexsort((walls.row[contacts.other], np.abs(contacts.gap)))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    outlines = _shapes(walls, contacts, np.flatnonzero(shaped[contacts.wall]), rank)
    shaped[:] = drawn
    shaped[outlines.wall] = True
    plain = np.flatnonzero(~shaped[contacts.wall] & ~drawn[contacts.other])
    touched = np.zeros(len(walls), dtype=bool)
    touched[contacts.wall[plain]] = True
    whole = np.flatnonzero(~touched & ~shaped)
    parts = _rectangles(walls, contacts, plain, np.flatnonzero(touched), rank)
    pieces = Pieces(
        np.concatenate([whole, parts.wall]),
        np.concatenate([np.zeros(len(whole)), parts.near]),
        np.concatenate([walls.length[whole], parts.far]),
        np.concatenate([walls.low[whole], parts.low]),
        np.concatenate([walls.high[whole], parts.high]),
        np.concatenate([np.full(len(whole), -1), parts.party_row]),
    )
    return pieces.take(np.argsort(pieces.wall, kind="stable")), outlines


def _rectangles(walls: Walls, contacts: Contacts, chosen: Integers, touched: Integers, rank: Integers) -> Pieces:
    """Pieces of rectangular walls that touch others: cut along the wall, then in height, then joined again."""
    place = np.searchsorted(touched, contacts.wall[chosen])
    slab_wall, near, far, slab, contact = _cut(
        np.zeros(len(touched)), walls.length[touched], place, contacts.near[chosen], contacts.far[chosen]
    )
    contact = chosen[contact]
    wall = touched[slab_wall]
    cell_slab, low, high, cell, claim = _cut(
        walls.low[wall], walls.high[wall], slab, contacts.low[contact], contacts.high[contact]
    )
    best = np.full(len(cell_slab), len(contacts))
    np.minimum.at(best, cell, rank[contact[claim]])
    owner = np.full(len(contacts) + 1, -1)
    owner[rank] = walls.row[contacts.other]
    party = owner[best]

    begins = _changes(cell_slab, party)
    last = np.append(begins, len(cell_slab))[1:] - 1
    cell_slab, low, high, party = cell_slab[begins], low[begins], high[last], party[begins]
    wall, near, far = wall[cell_slab], near[cell_slab], far[cell_slab]

    pieces = Pieces(wall, near, far, low, high, party)
    pieces = pieces.take(np.lexsort((near, party, high, low, wall)))
    apart = np.ones(len(wall), dtype=bool)
    apart[1:] = pieces.near[1:] != pieces.far[:-1]
    begins = _changes(pieces.wall, pieces.low, pieces.high, pieces.party_row, apart.cumsum())
    last = np.append(begins, len(wall))[1:] - 1
    far = pieces.far[last]
    pieces = replace(pieces.take(begins), far=far)
    return pieces.take(np.lexsort((pieces.low, pieces.near, pieces.wall)))


def _changes(*values: Integers | Floats) -> Integers:
    """Rows in which any of the values differs from the row before."""
    new = np.zeros(len(values[0]), dtype=bool)
    new[:1] = True
    for each in values:
        new[1:] |= each[1:] != each[:-1]
    return np.flatnonzero(new)


def _cut(
    low: Floats, high: Floats, group: Integers, begins: Floats, ends: Floats
) -> tuple[Integers, Floats, Floats, Integers, Integers]:
    """
    Cut intervals at the ends of the parts that lie on them.

    Parameters
    ----------
    low, high : (n_groups,)
        The intervals.
    group, begins, ends : (n_parts,)
        Parts: the interval each lies on, and where.

    Returns
    -------
    group, low, high : (n_cells,)
        Cells without gaps, in order.
    cell, part : (n_pairs,)
        Which cell lies in which part.
    """
    n = len(low)
    order = np.argsort(group, kind="stable")
    group, begins, ends = group[order], begins[order], ends[order]
    least = np.minimum(SNAP_M, (high - low) / 4.0)
    ends = np.where(high[group] - ends <= least[group], high[group], ends)
    owner = np.concatenate([np.arange(n), np.arange(n), group, group])
    value = np.concatenate([low, high, begins, ends])
    by_value = np.lexsort((value, owner))
    owner, value = owner[by_value], value[by_value]
    kept = np.ones(len(owner), dtype=bool)
    kept[1:] = (owner[1:] != owner[:-1]) | (np.diff(value) >= 0.99 * least[owner[1:]])
    owner, value = owner[kept], value[kept]
    inner = np.flatnonzero(owner[1:] == owner[:-1])
    cell_group, cell_low, cell_high = owner[inner], value[inner], value[inner + 1]

    n_parts = np.bincount(group, minlength=n)
    times = n_parts[cell_group]
    cell = np.repeat(np.arange(len(cell_group)), times)
    part = ranges((np.cumsum(n_parts) - n_parts)[cell_group], times)
    middle = (cell_low + cell_high)[cell] / 2.0
    inside = (begins[part] < middle) & (middle < ends[part])
    return cell_group, cell_low, cell_high, cell[inside], order[part[inside]]


def _shapes(walls: Walls, contacts: Contacts, chosen: Integers, rank: Integers) -> Outlines:
    """Pieces of walls of any outline that touch others, one contact of every wall after the other."""
    chosen = chosen[np.lexsort((rank[chosen], contacts.wall[chosen]))]
    wall, other, twin = contacts.wall[chosen], contacts.other[chosen], contacts.twin[chosen]
    clip = shapely.box(contacts.near[chosen], contacts.low[chosen], contacts.far[chosen], contacts.high[chosen])
    clip = np.asarray(clip, dtype=object)
    bounded = np.flatnonzero(walls.drawn[other])
    facing = walls.outline[other[bounded]]
    xy, number = shapely.get_coordinates(facing, return_index=True)
    xy[:, 0] = (contacts.near[chosen] + contacts.far[twin])[bounded][number] - xy[:, 0]
    clip[bounded] = shapely.intersection(clip[bounded], shapely.set_coordinates(facing.copy(), xy))

    touched, place = np.unique(wall, return_inverse=True)
    rest = walls.outline[touched].copy()
    plain = shapely.is_missing(rest)
    at = touched[plain]
    rest[plain] = shapely.box(np.zeros(len(at)), walls.low[at], walls.length[at], walls.high[at])
    first = np.searchsorted(place, np.arange(len(touched)))
    turn = np.arange(len(place)) - first[place]
    shapes, pieces_of, party = [], [], []
    for now in range(int(turn.max(initial=-1)) + 1):
        these = np.flatnonzero(turn == now)
        mine = place[these]
        shared = shapely.intersection(rest[mine], clip[these])
        worth = shapely.area(shared) > LEAST_M2
        these, mine, shared = these[worth], mine[worth], shared[worth]
        rest[mine] = shapely.difference(rest[mine], clip[these])
        shapes.append(shared)
        pieces_of.append(mine)
        party.append(walls.row[other[these]])
    split_walls = np.unique(np.concatenate([*pieces_of, np.empty(0, dtype=np.int64)])).astype(np.int64)
    shapes.append(rest[split_walls])
    pieces_of.append(split_walls)
    party.append(np.full(len(split_walls), -1))
    parts, piece = shapely.get_parts(np.concatenate(shapes), return_index=True)
    solid = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (shapely.area(parts) > LEAST_M2)
    parts, piece = parts[solid], piece[solid]
    wall, party_row = touched[np.concatenate(pieces_of)[piece]], np.concatenate(party)[piece]
    order = np.argsort(wall, kind="stable")
    return Outlines(wall[order], parts[order], party_row[order])
