"""Paths of noise through a scene: profiles, reflections, ways round corners, what is left out."""

import numpy as np
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.noise.kernels import NO_EDGE, PLANE, boundary, hull, mean_line, section
from dothi.noise.kernels_corners import way_round
from dothi.noise.kernels_map import NEAR_M, SPHERE, Method, listen, most, pieces
from dothi.noise.kernels_rays import (
    CREST,
    HIT,
    MANY,
    REALS,
    SPREAD,
    TURN_X,
    TURN_Y,
    WHOLES,
    Room,
    X,
    Z,
    leg,
    level_at,
    mirror,
    on_wall,
    on_way,
    soft_at,
)
from dothi.noise.scene import Ground, scene_of, sources_of
from dothi.verify import cases

ONE = np.array([1.0])


@pytest.mark.parametrize("case", cases("noise"), ids=lambda case: case.name)
def test_published_and_closed_cases_hold(case):
    for quantity in case.run():
        assert quantity.passed, quantity


def flat(soft=0.0, size=1000.0):
    x = np.linspace(-size, size, 201)
    return Ground(x, x, np.zeros((201, 201)), np.full((201, 201), soft))


def scene(*buildings, ground=None):
    """Scene of boxes with heights."""
    shapes = np.array([shape for shape, _ in buildings] or [shapely.Polygon()], dtype=object)
    heights = np.array([height for _, height in buildings] or [np.nan])
    return scene_of(shapes, heights, np.full(len(shapes), np.nan), ground or flat())


def room():
    return Room(np.zeros((REALS, MANY)), np.zeros((WHOLES, MANY), dtype=np.int64))


def road(x0, y0, x1, y1, ground=None, deck=np.nan):
    lines = np.array([shapely.LineString([(x0, y0), (x1, y1)])], dtype=object)
    return sources_of(lines, np.full((1, 1, 8), 1e6), ONE, ground or flat(), np.full((1, 2), deck))


def method(**more):
    usual = {
        "reach": 400.0, "near": 100.0, "angle": np.deg2rad(5.0), "mirror_reach": 0.0, "kept": 0.8, "own_wall": 0.0,
        "lateral_reach": 0.0, "sink": 0.5, "error": 1e-9, "quiet": 1e-9, "alpha": np.zeros(8),
        "favourable": np.zeros(1), "weight": ONE,
    }  # fmt: skip
    return Method(**(usual | more))


def heard(city, roads, how, *at, height=4.0):
    x, y = (np.array(values, dtype=float) for values in zip(*at, strict=True))
    energy, paths = np.zeros((len(x), 1)), np.zeros((len(x), 4), dtype=np.int64)
    listen(city, roads, how, x, y, height, 0, len(x), energy, paths)
    return 10.0 * np.log10(energy[:, 0]), paths


def test_the_mean_plane_is_that_of_the_whole_polyline():
    """Against the squares summed over many points of the line."""
    x, z = np.array([0.0, 10.0, 10.0, 30.0, 80.0]), np.array([0.0, 1.0, 5.0, 4.0, 2.0])
    fine = np.linspace(0.0, 80.0, 400_001)
    expected = np.polyfit(fine, np.interp(fine, x + np.array([0, 0, 1e-9, 0, 0]), z), 1)
    assert_allclose(mean_line(x, z, 0, 4), expected, rtol=1e-3)


def test_what_lies_below_the_mean_plane_is_on_it_and_its_own_image():
    """2.5.3: a road in a cutting, a receiver in another one."""
    x, z, out = np.array([0.0, 1.0, 99.0, 100.0]), np.array([0.0, 3.0, 3.0, 0.0]), np.empty(PLANE)
    section(x, z, np.full(4, 0.5), 0, 3, 0.0, 0.05, 100.0, 1.5, 0.0, out)
    assert out[1] == out[2] == 0.0
    assert out[8:12].tolist() == [0.0, 0.05, 100.0, 1.5]
    section(x, z, np.full(4, 0.5), 0, 3, 0.0, 5.0, 100.0, 7.0, 0.0, out)
    assert_allclose(out[1:3], [5.0 - 2.97, 7.0 - 2.97])
    assert_allclose(out[8:12], [0.0, 2 * 2.97 - 5.0, 100.0, 2 * 2.97 - 7.0])


def test_the_ground_is_read_between_middles_of_cells_and_its_kind_by_cell():
    x, y = np.linspace(0.0, 90.0, 10), np.linspace(0.0, 50.0, 6)
    level, soft = 0.1 * x + 0.2 * y[:, None] + 0.001 * x * y[:, None], np.arange(60.0).reshape(6, 10) / 60.0
    city = scene(ground=Ground(x, y, level, soft))
    for at in np.random.default_rng(2).uniform((0.0, 0.0), (90.0, 50.0), (50, 2)):
        expected = 0.1 * at[0] + 0.2 * at[1] + 0.001 * at[0] * at[1]
        assert level_at(city.grid, city.ground, *at) == pytest.approx(expected)
        assert soft_at(city.grid, city.ground, *at) == soft[round(at[1] / 10.0), round(at[0] / 10.0)]


def test_an_image_beyond_the_edge_is_farther_over_it():
    """Receiver high behind a roof, whose mean plane is so steep that its image lies before the source."""
    x, z = np.array([0.0, 5.4, 5.4, 11.5, 11.5, 19.7]), np.array([0.0, 0.0, 10.0, 10.0, 0.0, 0.0])
    crest, soft = np.array([2 * NO_EDGE, NO_EDGE, 10.0, 10.0, NO_EDGE, 2 * NO_EDGE]), np.zeros(6)
    edges, planes, comes = np.zeros((2, 6), dtype=np.int64), np.zeros((3, PLANE)), np.zeros((2, 8))
    boundary(x, z, soft, crest, 6, 1.0, 23.0, 0.0, edges, planes, np.zeros(6), comes)
    assert planes[2, 10] < 0.0
    assert (np.diff(comes) < 0.0).all()
    assert (comes[:, -1] < 0.01).all()


def test_the_hull_bends_over_the_highest_edges_only():
    x, crest = np.array([0.0, 10.0, 20.0, 30.0, 40.0]), np.array([2 * NO_EDGE, 3.0, 6.0, 4.4, 2 * NO_EDGE])
    out, held = np.empty(5, dtype=np.int64), np.empty(5)
    assert out[: hull(x, crest, 5, 0.0, 0.0, 0.0, out, held)].tolist() == [2, 3]
    assert hull(x, crest, 5, 8.0, 8.0, 0.0, out, held) == 0
    assert hull(x, crest, 5, 5.9, 5.9, 1000.0, out, held) == 0  # a bent ray passes 0.2 m higher


def test_the_pieces_of_a_line_add_up_to_the_angle_it_is_seen_under():
    p, line = room(), road(-300, 0, 300, 0)
    off = np.hypot(30.0, 4.0 - 0.05)
    n = pieces(line, method(), 0.0, 30.0, 4.0, 4.0, p)
    assert p.real[SPREAD, :n].sum() == pytest.approx(SPHERE * 2.0 * np.arctan(300.0 / off) / off, rel=1e-3)
    n = pieces(line, method(), 0.0, 0.0, 0.05, 4.0, p)
    assert 0.0 < p.real[SPREAD, :n].sum() <= SPHERE * np.pi / NEAR_M
    assert pieces(line, method(reach=100.0), 0.0, 150.0, 4.0, 4.0, p) == 0


def test_the_ground_adds_3_db_at_most_near_a_road_and_more_far_off():
    """2.5.20: 3 dB up to 30 times the height, then 3 (1 + 2 (1 - 30 h / d))."""
    assert most(100.0, 4.0) == pytest.approx(10.0**0.3)
    assert most(600.0, 4.0) == pytest.approx(10.0 ** (0.3 * (1.0 + 2.0 * (1.0 - 0.2))))


def test_every_wall_on_the_way_is_found_once_and_in_order():
    rng = np.random.default_rng(3)
    boxes = [(shapely.box(x, y, x + 8.0, y + 12.0), 5.0) for x, y in rng.uniform(-200, 200, (150, 2))]
    city, p = scene(*boxes), room()
    for a, b in rng.uniform(-250, 250, (200, 2, 2)):
        n = on_way(city, *a, *b, p)
        found = p.real[HIT, :n]
        way = shapely.LineString([a, b])
        expected = sum(
            shapely.get_num_geometries(way.intersection(box.exterior)) for box, _ in boxes if way.crosses(box)
        )
        assert n == expected
        assert (np.diff(found) >= 0.0).all()


def test_a_profile_goes_over_roofs_that_overlap_and_touch():
    city = scene(
        (shapely.box(10, -5, 20, 5), 8.0),
        (shapely.box(12, -5, 18, 5), 5.0),
        (shapely.box(20, -5, 30, 5), 4.0),
        (shapely.box(25, -5, 40, 5), 6.0),
    )
    p = room()
    n = leg(city, 0.0, 0.0, 60.0, 0.0, 0.5, -1, p, 0)
    x, z, crest = p.real[X, :n], p.real[Z, :n], p.real[CREST, :n]
    assert (np.diff(x) >= 0.0).all()
    for at, level in ((5.0, 0.0), (15.0, 8.0), (22.0, 4.0), (27.0, 6.0), (35.0, 6.0), (45.0, 0.0)):
        assert np.interp(at, x, z) == pytest.approx(level), at
    tops = crest[crest > 0.0]
    assert set(tops.tolist()) == {8.0, 4.0, 6.0}
    assert 8.0 in crest[x == 20.0]
    assert 6.0 in crest[x == 40.0]


def test_a_path_that_begins_under_a_roof_does_not_stay_there():
    p = room()
    n = leg(scene((shapely.box(-5, -5, 5, 5), 8.0)), 0.0, 0.0, 60.0, 0.0, 0.5, -1, p, 0)
    assert not p.real[Z, :n].any()
    assert n > 5


def test_the_image_of_a_point_lies_behind_the_wall():
    city = scene((shapely.box(0, 10, 20, 20), 8.0))
    wall = next(w for w in range(4) if city.walls[w, 1] == city.walls[w, 3] == 10.0)
    x, y, off = mirror(city.walls, wall, 5.0, 4.0)
    assert (x, y, off) == pytest.approx((5.0, 16.0, 6.0))
    hit, *at = on_wall(city.walls, wall, 15.0, 4.0, x, y)
    assert hit
    assert at == pytest.approx([10.0, 10.0])
    assert not on_wall(city.walls, wall, 60.0, 4.0, x, y)[0]


def test_a_slanted_wall_mirrors_and_reflects_on_its_outside_only():
    walls = np.array([[0.0, 0.0, 10.0, 10.0, 8.0]])
    assert mirror(walls, 0, 4.0, 0.0) == pytest.approx((0.0, 4.0, np.sqrt(8.0)))
    assert on_wall(walls, 0, 8.0, 2.0, 0.0, 4.0)[0]
    assert not on_wall(walls, 0, 0.0, 4.0, 8.0, 2.0)[0]


def test_a_long_high_wall_adds_its_image_less_what_it_absorbs():
    """Receiver 10 m from a straight road, wall another 10 m behind it: the image is 30 m away over hard ground."""
    wall = scene((shapely.box(-500, 20, 500, 30), 100.0))
    roads = road(-500, 0, 500, 0)
    alone, _ = heard(wall, roads, method(), (0.0, 10.0), height=0.1)
    image, _ = heard(scene(), roads, method(), (0.0, 30.0), height=0.1)
    both, paths = heard(wall, roads, method(mirror_reach=50.0), (0.0, 10.0), height=0.1)
    expected = 10.0 * np.log10(10.0 ** (alone / 10.0) + 0.8 * 10.0 ** (image / 10.0))
    assert paths[0, 2] > 10
    assert_allclose(both, expected, atol=0.15)


def test_what_a_wall_adds_is_in_proportion_to_what_it_gives_back():
    wall, line = scene((shapely.box(-100, 20, 100, 30), 100.0)), road(-60, 0, 60, 0)
    alone, half, whole = (
        10.0 ** (heard(wall, line, method(mirror_reach=reach, kept=kept), (0.0, 10.0))[0] / 10.0)
        for reach, kept in ((0.0, 1.0), (50.0, 0.4), (50.0, 0.8))
    )
    assert whole > 1.05 * alone
    assert_allclose(whole - alone, 2.0 * (half - alone), rtol=1e-6)


def test_the_own_facade_and_walls_out_of_reach_reflect_nothing():
    wall, roads = scene((shapely.box(-500, 10.1, 500, 30), 100.0)), road(-500, 0, 500, 0)
    alone, _ = heard(wall, roads, method(), (0.0, 10.0))
    for more in ({"own_wall": 0.6, "mirror_reach": 50.0}, {"mirror_reach": 0.05}):
        found, paths = heard(wall, roads, method(**more), (0.0, 10.0))
        assert_allclose(found, alone)
        assert not paths[:, 2].any()


def test_a_low_wall_reflects_less():
    roads, levels = road(-500, 0, 500, 0), []
    for top in (100.0, 1.0):
        city = scene((shapely.box(-500, 20, 500, 20.5), top))
        levels.append(heard(city, roads, method(mirror_reach=50.0), (0.0, 10.0), height=1.5)[0][0])
    assert levels[1] < levels[0] - 0.3


def test_the_way_round_a_cube_is_that_of_the_published_case():
    """TC10: round (55, 5) and (65, 5), a little outside."""
    p = room()
    n = way_round(scene((shapely.box(55, 5, 65, 15), 10.0)), 50.0, 10.0, 1.0, 70.0, 10.0, 4.0, -1.0, p)
    assert_allclose(p.real[TURN_X : TURN_Y + 1, :n].T, [(50, 10), (55, 5), (65, 5), (70, 10)], atol=0.06)


def test_the_way_round_goes_round_what_stands_beside_it_too():
    town = scene((shapely.box(20, -5, 30, 5), 10.0), (shapely.box(32, -14, 40, -3), 10.0))
    p = room()
    n = way_round(town, 0.0, 0.0, 1.0, 60.0, 0.0, 4.0, -1.0, p)
    path = shapely.LineString(p.real[TURN_X : TURN_Y + 1, :n].T)
    assert n > 3
    assert not any(path.crosses(box) for box in (shapely.box(20, -5, 30, 5), shapely.box(32, -14, 40, -3)))


def test_sound_comes_round_a_narrow_tower():
    tower, roads = scene((shapely.box(18, -4, 26, 4), 60.0)), road(0, -0.5, 0, 0.5)
    over, _ = heard(tower, roads, method(), (40.0, 0.0))
    round_it, paths = heard(tower, roads, method(lateral_reach=100.0), (40.0, 0.0))
    assert paths[0, 3] == 2 * (paths[0, 1])
    assert round_it > over + 3.0


def test_a_screen_near_the_road_makes_it_quieter_and_a_higher_one_more_so():
    roads, levels = road(-300, 0, 300, 0), []
    for height in (0.0, 3.0, 6.0, 12.0):
        city = scene((shapely.box(-300, 5, 300, 6), height)) if height else scene()
        levels.append(heard(city, roads, method(), (0.0, 40.0))[0][0])
    assert (np.diff(levels) < -1.0).all()


def test_favourable_rays_pass_over_screens_and_weather_shares_the_time():
    city, roads = scene((shapely.box(-300, 100, 300, 101), 5.0)), road(-300, 0, 300, 0)
    straight, bent, half = (
        heard(city, roads, method(favourable=np.array([share])), (0.0, 250.0))[0][0] for share in (0.0, 1.0, 0.5)
    )
    assert bent > straight + 3.0
    assert 10.0 ** (half / 10.0) == pytest.approx(0.5 * (10.0 ** (straight / 10.0) + 10.0 ** (bent / 10.0)))


def test_air_swallows_by_the_length_of_the_way():
    roads = road(0.0, -0.01, 0.0, 0.01)
    with_air, without = (heard(scene(), roads, method(alpha=np.full(8, a)), (100.0, 0.0))[0] for a in (0.02, 0.0))
    assert_allclose(without - with_air, 2.0, atol=0.01)


def test_soft_ground_is_quieter_than_hard_ground():
    hard, soft = (heard(scene(ground=flat(g)), road(-300, 0, 300, 0), method(), (0.0, 150.0))[0] for g in (0.0, 1.0))
    assert soft < hard - 3.0


def test_a_hill_screens_and_a_ripple_does_not():
    roads = road(-300, 0, 300, 0)
    levels = []
    for height in (0.0, 0.4, 6.0):
        ground = flat()
        ground.level[(ground.y > 40.0) & (ground.y < 70.0), :] = height
        levels.append(heard(scene(ground=ground), roads, method(), (0.0, 150.0))[0][0])
    assert abs(levels[1] - levels[0]) < 1.0
    assert levels[2] < levels[0] - 5.0


def test_a_road_on_a_bridge_is_heard_from_above():
    ground = flat()
    high = road(-300, 0, 300, 0, ground, deck=10.0)
    assert_allclose(high.ends[:, [2, 5]], 10.05)
    screen = scene((shapely.box(-300, 5, 300, 6), 4.0))
    assert (
        heard(screen, high, method(), (0.0, 40.0))[0] > heard(screen, road(-300, 0, 300, 0), method(), (0.0, 40.0))[0]
    )


def test_what_is_left_out_stays_within_what_may_be_left_out():
    rng = np.random.default_rng(5)
    boxes = [
        (shapely.box(x, y, x + 12.0, y + 9.0), h) for x, y, h in rng.uniform((-200, -200, 4), (200, 200, 15), (120, 3))
    ]
    city = scene(*boxes)
    lines = np.array([shapely.LineString(ends) for ends in rng.uniform(-250, 250, (60, 2, 2))], dtype=object)
    power = 10.0 ** rng.uniform(4, 7, (60, 1, 1)) * np.ones((1, 1, 8))
    roads = sources_of(lines, power, ONE, flat(), np.full((60, 2), np.nan))
    free = [
        at for at in rng.uniform(-150, 150, (40, 2)) if not any(box.contains(shapely.Point(at)) for box, _ in boxes)
    ]
    full, many = heard(city, roads, method(), *free)
    for db in (0.2, 1.0):
        some, few = heard(city, roads, method(error=10.0 ** (db / 10.0) - 1.0, quiet=1.0), *free)
        assert few.sum() < many.sum()
        assert (some <= full + 1e-9).all()
        assert (full - some <= db + 1e-9).all()
