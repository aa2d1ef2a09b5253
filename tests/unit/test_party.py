"""Walls that touch: closed forms on boxes, shapes and rows of houses."""

import numpy as np
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.mesh.party import SNAP_M, Walls, contacts_of, split


def walls_of(*boxes, row=None):
    """Walls of upright boxes, each (west, south, east, north, low, high)."""
    start, end, low, high, solid = [], [], [], [], []
    for number, (west, south, east, north, base, top) in enumerate(boxes):
        corners = [(west, south), (east, south), (east, north), (west, north)]
        for here, there in zip(corners, corners[1:] + corners[:1], strict=True):
            start.append(here)
            end.append(there)
            low.append(base)
            high.append(top)
            solid.append(number)
    solid = np.array(solid)
    return Walls(
        np.array(start, dtype=float),
        np.array(end, dtype=float),
        np.array(low, dtype=float),
        np.array(high, dtype=float),
        solid,
        solid if row is None else np.array(row)[solid],
        np.full(len(low), None, dtype=object),
    )


def pieces_of(walls, wall):
    """Pieces of one wall: near, far, low, high, building behind."""
    pieces, _ = split(walls, contacts_of(walls))
    mine = pieces.wall == wall
    return [
        tuple(float(value) for value in values)
        for values in zip(
            pieces.near[mine],
            pieces.far[mine],
            pieces.low[mine],
            pieces.high[mine],
            pieces.party_row[mine],
            strict=True,
        )
    ]


EAST, WEST, NORTH = 1, 7, 2


def test_walls_apart_stay_whole():
    walls = walls_of((0, 0, 10, 10, 0, 6), (10.2, 0, 20, 10, 0, 6))
    assert pieces_of(walls, EAST) == [(0, 10, 0, 6, -1)]


def test_equal_boxes_share_their_wall_whole():
    walls = walls_of((0, 0, 10, 10, 0, 6), (10, 0, 20, 10, 0, 6))
    assert pieces_of(walls, EAST) == [(0, 10, 0, 6, 1)]
    assert pieces_of(walls, WEST) == [(0, 10, 0, 6, 0)]


def test_a_higher_box_that_stands_against_half_a_wall_shares_that_half_up_to_the_lower_top():
    walls = walls_of((0, 0, 10, 10, 0, 6), (10, 5, 20, 15, 1, 9))
    assert pieces_of(walls, EAST) == [(0, 5, 0, 6, -1), (5, 10, 0, 1, -1), (5, 10, 1, 6, 1)]
    assert pieces_of(walls, WEST) == [(0, 5, 1, 9, -1), (5, 10, 1, 6, 0), (5, 10, 6, 9, -1)]


def test_a_long_wall_may_have_several_neighbours_and_gaps_between_them():
    walls = walls_of((0, 0, 10, 30, 0, 9), (10, 0, 20, 10, 0, 6), (10, 10, 20, 20, 0, 6), (10, 25, 20, 30, 0, 12))
    assert pieces_of(walls, EAST) == [
        (0, 10, 0, 6, 1),
        (0, 20, 6, 9, -1),
        (10, 20, 0, 6, 2),
        (20, 25, 0, 9, -1),
        (25, 30, 0, 9, 3),
    ]


def test_neighbours_one_above_the_other_share_a_wall_each_in_its_levels():
    walls = walls_of((0, 0, 10, 10, 0, 12), (10, 0, 20, 10, 0, 4), (10, 0, 20, 10, 5, 9))
    assert pieces_of(walls, EAST) == [
        (0, 10, 0, 4, 1),
        (0, 10, 4, 5, -1),
        (0, 10, 5, 9, 2),
        (0, 10, 9, 12, -1),
    ]


@pytest.mark.parametrize("gap", [0.09, 0.05, 0.0, -0.05, -0.09])
def test_walls_touch_across_a_crack_or_a_small_overlap(gap):
    walls = walls_of((0, 0, 10, 10, 0, 6), (10 + gap, 0, 20, 10, 0, 6))
    assert pieces_of(walls, EAST) == [(0, 10, 0, 6, 1)]


@pytest.mark.parametrize("gap", [0.11, -0.11])
def test_walls_farther_apart_than_the_tolerance_do_not_touch(gap):
    walls = walls_of((0, 0, 10, 10, 0, 6), (10 + gap, 0, 20, 10, 0, 6))
    assert pieces_of(walls, EAST) == [(0, 10, 0, 6, -1)]


def test_walls_that_part_at_an_angle_touch_as_far_as_the_tolerance():
    """A wall that leaves the other at 2 % is 0.1 m away after 5 m."""
    walls = walls_of((0, 0, 10, 20, 0, 6), (10, 0, 20, 20, 0, 6))
    walls.start[WEST] = (10.4, 20.0)
    (near, far, low, high, party), exposed = pieces_of(walls, EAST)
    assert (near, low, high, party) == (0, 0, 6, 1)
    assert_allclose(far, 5.0, rtol=1e-3)
    assert exposed[-1] == -1
    shared = pieces_of(walls, WEST)[-1]
    assert shared[-1] == 0
    assert_allclose(shared[1] - shared[0], far - near, rtol=1e-12)


def test_a_wall_that_begins_farther_along_and_leaves_touches_from_there():
    """It begins 10 m along, and leaves at 2 %: 0.1 m away 5 m farther."""
    walls = walls_of((0, 0, 10, 20, 0, 6), (10, 10, 20, 20, 0, 6))
    walls.start[WEST] = (10.2, 20.0)
    shared = [piece for piece in pieces_of(walls, EAST) if piece[-1] == 1]
    assert_allclose(shared, [(10.0, 15.0, 0.0, 6.0, 1.0)], rtol=1e-3)


def test_the_distance_is_measured_across_the_bisector_of_the_two_walls():
    """At an angle of 4.9° they are 0.1 m apart where either has run 0.1 m / (2 sin 2.45°) = 1.1697 m."""
    walls = walls_of((0, 0, 10, 20, 0, 6), (10, 0, 20, 20, 0, 6))
    walls.start[WEST] = (10.0 + 20.0 * np.tan(np.deg2rad(4.9)), 20.0)
    length = 0.05 / np.sin(np.deg2rad(2.45))
    assert_allclose(pieces_of(walls, EAST)[0][1], length, rtol=1e-9)
    begins, ends, *_ = pieces_of(walls, WEST)[-1]
    assert_allclose(ends - begins, length, rtol=1e-9)


def test_walls_that_meet_at_a_sharp_angle_do_not_touch():
    walls = walls_of((0, 0, 10, 20, 0, 6), (10, 0, 20, 20, 0, 6))
    walls.start[WEST] = (13.0, 20.0)
    assert pieces_of(walls, EAST) == [(0, 20, 0, 6, -1)]


def test_walls_that_face_the_same_way_do_not_touch():
    """The eastern walls of a house and of one drawn inside it lie on one line, and face the same way."""
    walls = walls_of((0, 0, 10, 10, 0, 6), (2, 2, 10, 8, 0, 6))
    assert pieces_of(walls, EAST) == [(0, 10, 0, 6, -1)]


def test_boxes_that_meet_in_a_corner_share_nothing():
    walls = walls_of((0, 0, 10, 10, 0, 6), (10, 10, 20, 20, 0, 6))
    assert len(contacts_of(walls)) == 0


def test_a_box_above_another_shares_no_wall_with_a_neighbour_below_it():
    walls = walls_of((0, 0, 10, 10, 6, 9), (10, 0, 20, 10, 0, 6))
    assert pieces_of(walls, EAST) == [(0, 10, 6, 9, -1)]


def test_parts_of_one_building_have_that_building_behind_their_common_wall():
    walls = walls_of((0, 0, 10, 10, 0, 6), (10, 0, 20, 10, 0, 9), row=[4, 4])
    assert pieces_of(walls, EAST) == [(0, 10, 0, 6, 4)]


def test_cuts_within_a_centimetre_are_one():
    walls = walls_of((0, 0, 10, 10, 0, 6), (10, SNAP_M / 2, 20, 10 - SNAP_M / 2, 0, 6 + SNAP_M / 2))
    assert pieces_of(walls, EAST) == [(0, 10, 0, 6, 1)]
    assert all(high - low > SNAP_M for _, _, low, high, _ in pieces_of(walls, WEST))


def test_neighbours_with_a_crack_of_millimetres_between_them_leave_no_sliver():
    walls = walls_of((0, 0, 10, 10, 0, 6), (10, 0, 20, 5, 0, 6), (10, 5.004, 20, 10, 0, 6))
    assert pieces_of(walls, EAST) == [(0, 5, 0, 6, 1), (5, 10, 0, 6, 2)]


def test_of_two_neighbours_that_claim_one_wall_the_closer_has_it():
    walls = walls_of((0, 0, 10, 10, 0, 6), (10.05, 0, 20, 10, 0, 6), (10.02, 0, 20, 10, 0, 6))
    assert pieces_of(walls, EAST) == [(0, 10, 0, 6, 2)]


def test_a_gable_that_leans_on_a_box_shares_what_lies_below_both():
    """A gable 10 m wide, eaves at 4 m and ridge at 8 m, against a box 6 m high: of its 60 m², 55 m² lie below 6 m."""
    walls = walls_of((0, 0, 10, 10, 0, 8), (10, 0, 20, 10, 0, 6))
    gable = shapely.Polygon([(0, 0), (10, 0), (10, 4), (5, 8), (0, 4)])
    walls.outline[EAST] = gable
    pieces, outlines = split(walls, contacts_of(walls))
    areas = {(int(wall), int(party)): 0.0 for wall, party in zip(outlines.wall, outlines.party_row, strict=True)}
    for wall, shape, party in zip(outlines.wall, outlines.shape, outlines.party_row, strict=True):
        areas[int(wall), int(party)] += shape.area
    assert areas == pytest.approx({(EAST, 1): 55.0, (EAST, -1): 5.0, (WEST, 0): 55.0, (WEST, -1): 5.0})
    assert not np.isin([EAST, WEST], pieces.wall).any()


def test_a_box_beside_the_high_half_of_a_sloping_wall_shares_its_whole_side():
    """Seen from outside the wall rises to the right, from 4 m to 8 m; the box stands at its right half, 6 m high."""
    walls = walls_of((0, 0, 10, 10, 0, 8), (10, 5, 20, 10, 0, 6))
    walls.outline[EAST] = shapely.Polygon([(0, 0), (10, 0), (10, 8), (0, 4)])
    _, outlines = split(walls, contacts_of(walls))
    shared = {
        int(w): s.area for w, s, p in zip(outlines.wall, outlines.shape, outlines.party_row, strict=True) if p >= 0
    }
    assert shared == pytest.approx({EAST: 30.0, WEST: 30.0})


def test_parts_within_one_modelled_building_share_their_common_wall():
    walls = walls_of((0, 0, 10, 10, 0, 6), (10, 0, 20, 10, 0, 6), row=[3, 3])
    walls.solid[:] = 0
    assert not len(contacts_of(walls))
    for wall in (EAST, WEST):
        walls.outline[wall] = shapely.box(0, 0, 10, 6)
    _, outlines = split(walls, contacts_of(walls))
    assert sorted(outlines.wall) == [EAST, WEST]
    assert list(outlines.party_row) == [3, 3]


def test_the_two_faces_of_a_parapet_do_not_touch():
    walls = walls_of((0, 0, 10, 0.05, 0, 1))
    walls.outline[:] = [shapely.box(0, 0, length, 1) for length in walls.length]
    assert not len(contacts_of(walls))


def test_a_modelled_wall_without_neighbour_is_left_as_it_is():
    walls = walls_of((0, 0, 10, 10, 0, 8), (20, 0, 30, 10, 0, 6))
    walls.outline[EAST] = shapely.Polygon([(0, 0), (10, 0), (10, 4), (5, 8), (0, 4)])
    pieces, outlines = split(walls, contacts_of(walls))
    assert not len(outlines.wall)
    assert EAST not in pieces.wall


def test_a_rectangle_beside_a_gable_that_ends_below_it_is_whole():
    """The boxes of the two walls overlap, their shapes do not."""
    walls = walls_of((0, 0, 10, 10, 0, 8), (10, 0, 20, 2, 7, 9))
    walls.outline[EAST] = shapely.Polygon([(0, 0), (10, 0), (10, 4), (5, 8), (0, 4)])
    assert pieces_of(walls, WEST) == [(0, 2, 7, 9, -1)]


def test_no_walls_have_no_contacts():
    walls = walls_of((0, 0, 10, 10, 0, 6)).take(np.empty(0, dtype=int))
    pieces, outlines = split(walls, contacts_of(walls))
    assert len(pieces.wall) == len(outlines.wall) == 0


def test_many_pairs_are_looked_at_in_portions(monkeypatch):
    boxes = [(10 * i, 0, 10 * i + 10, 10, 0, 5 + i % 3) for i in range(40)]
    walls = walls_of(*boxes)
    whole = split(walls, contacts_of(walls))[0]
    monkeypatch.setattr("dothi.mesh.party.MANY", 7)
    monkeypatch.setattr("dothi.mesh.party.BLOCK", 3)
    parts = split(walls, contacts_of(walls))[0]
    for name in ("wall", "near", "far", "low", "high", "party_row"):
        assert_allclose(getattr(parts, name), getattr(whole, name))
