"""Flow over the ground: what each term does, and the defects that such programs are known for."""

import numpy as np
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.flood.checks import opened, spikes
from dothi.flood.kernels import TILE, G, cube_root, wet_tiles
from dothi.flood.solver import Flow, Ground, Soil
from dothi.flood.walls import crests
from dothi.flood.weather import Rain
from dothi.io.terrain import Grid
from dothi.verify import flood as cases

SCHEMES = ("inertial", "first_order", "second_order")
FLAT = Ground(np.zeros((40, 50)), 2.0, np.full((40, 50), 0.03))
MM_H = 1.0 / 3.6e6


def pool(shape=(40, 50)):
    depth = np.zeros(shape)
    depth[15:25, 20:30] = 1.0
    return depth


def test_cube_root_is_exact_to_five_digits_for_depths_of_water():
    x = np.geomspace(1e-4, 1e2, 300)
    assert_allclose([cube_root(value) for value in x], np.cbrt(x), rtol=1e-5)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_water_is_made_where_ground_falls_dry_nor_lost_through_closed_edges(scheme):
    y, x = np.mgrid[0:40, 0:50]
    bed = 0.3 * np.sin(x / 2.0) + 0.4 * np.cos(y / 3.0)
    flow = Flow(Ground(bed, 1.0, np.full(bed.shape, 0.02)), scheme, depth_m=pool())
    flow.advance(60.0)
    assert abs(flow.balance.relative_error) < 1e-13
    assert flow.depth_m.min() >= 0.0
    assert_allclose(flow.h.sum(), flow.depth_m.sum(), rtol=1e-13)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_inflow_into_dry_ground_brings_its_volume_and_no_more_however_long_the_step_may_be(scheme):
    flow = Flow(FLAT, scheme, longest_s=60.0)
    inflow = np.zeros((40, 50))
    inflow[20, 25] = 0.5
    flow.set_sources(0.0, inflow)
    flow.advance(60.0, every_s=60.0)
    assert_allclose(flow.depth_m.sum() * 4.0, 0.5 * 4.0 * 60.0, rtol=1e-12)
    assert flow.depth_m.max() < 1.0


@pytest.mark.parametrize("scheme", SCHEMES)
def test_water_spreads_alike_in_all_four_directions(scheme):
    ground = Ground(np.zeros((41, 41)), 1.0, np.full((41, 41), 0.03))
    start = np.zeros((41, 41))
    start[18:23, 18:23] = 1.0
    flow = Flow(ground, scheme, depth_m=start)
    flow.advance(5.0)
    found = flow.depth_m
    for other in (found.T, found[::-1], found[:, ::-1]):
        assert_allclose(found, other, atol=1e-12)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_wall_holds_water_up_to_its_crest_and_lets_the_rest_over(scheme):
    crest = np.full((40, 51), -np.inf)
    crest[:, 25] = 0.5
    start = np.zeros((40, 50))
    start[:, :25] = 0.4
    walled = Ground(FLAT.bed_m, 2.0, FLAT.manning, crest_x=crest)
    flow = Flow(walled, scheme, depth_m=start)
    flow.advance(120.0)
    assert not flow.depth_m[:, 25:].any()
    start[:, :25] = 1.0
    flow = Flow(walled, scheme, depth_m=start)
    flow.advance(400.0, every_s=50.0)
    assert_allclose(flow.depth_m[:, :25].mean(), 0.5, atol=0.05)
    assert_allclose(flow.depth_m[:, 25:].mean(), 0.5, atol=0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_water_enters_a_building(scheme):
    blocked = np.zeros((40, 50), dtype=bool)
    blocked[10:20, 30:40] = True
    flow = Flow(Ground(FLAT.bed_m, 2.0, FLAT.manning, blocked), scheme, depth_m=pool())
    flow.advance(60.0)
    assert flow.depth_m[:, 40:].any()
    assert not flow.depth_m[blocked].any()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_tiles_without_water_are_left_out_and_change_nothing(scheme):
    rows, columns = 3 * TILE, 6 * TILE
    start = np.zeros((rows, columns))
    start[40:50, 40:50] = 1.0
    flow, whole = (
        Flow(Ground(np.zeros((rows, columns)), 2.0, np.full((rows, columns), 0.05)), scheme, depth_m=start)
        for _ in range(2)
    )
    whole._look = lambda: wet_tiles(whole.h, whole.film_m, whole._tiles, whole._deepest)
    whole.active[:] = True
    for each in (flow, whole):
        each.advance(15.0)
    assert flow.cells_computed < 0.7 * whole.cells_computed
    assert_allclose(flow.depth_m, whole.depth_m, atol=1e-12)


def test_second_order_does_not_slope_towards_a_wall():
    flow = Flow(Ground(np.zeros((10, 40)), 1.0, np.zeros((10, 40))), "second_order", depth_m=np.full((10, 40), 0.5))
    flow.set_velocity(np.full((10, 40), 1.0), np.zeros((10, 40)))
    flow.advance(20.0)
    assert abs(flow.balance.relative_error) < 1e-14


def test_friction_slows_uniform_flow_as_manning_says():
    slope, manning, depth = 0.001, 0.05, 1.0
    n = 200
    bed = np.tile(slope * np.arange(n)[::-1] * 2.0, (4, 1))
    speed = depth ** (2.0 / 3.0) * slope**0.5 / manning
    for scheme in ("inertial", "second_order"):
        flow = Flow(Ground(bed, 2.0, np.full(bed.shape, manning)), scheme, depth_m=np.full(bed.shape, depth))
        flow.advance(30.0)
        assert_allclose(flow.velocity_m_s[0][:, 95:105], speed * np.tanh(G * slope * 30.0 / speed), rtol=0.01)


def test_rain_soaks_in_as_green_and_ampt_say():
    """Their equation, F − S ln(1 + F/S) = K t, under water that always stands on the ground."""
    from scipy.optimize import brentq

    one = np.ones((4, 4))
    K, S = 10.0 * MM_H, 0.02  # noqa: N806
    soil = Soil(K * one, S * one, one, 0.0 * one)
    flow = Flow(Ground(0.0 * one, 1.0, 0.03 * one), depth_m=one, soil=soil)
    flow.set_sources(1e-9)
    flow.advance(3600.0, every_s=20.0)
    exact = brentq(lambda soaked: soaked - S * np.log1p(soaked / S) - K * 3600.0, 1e-6, 1.0)
    assert_allclose(soil.soaked, exact, rtol=1e-2)
    assert_allclose(flow.balance.infiltrated, 16.0 * soil.soaked[0, 0], rtol=1e-12)
    assert abs(flow.balance.relative_error) < 1e-13


def test_drains_take_what_they_can_and_no_more_than_there_is():
    one = np.ones((4, 4))
    soil = Soil(0.0 * one, 0.0 * one, 0.0 * one, 20.0 * MM_H * one)
    flow = Flow(Ground(0.0 * one, 1.0, 0.03 * one), soil=soil)
    flow.set_sources(50.0 * MM_H)
    flow.advance(3600.0, every_s=60.0)
    assert_allclose(flow.depth_m, 0.03, rtol=1e-9)
    flow.set_sources(10.0 * MM_H)
    flow.advance(5.0 * 3600.0, every_s=60.0)
    assert not flow.depth_m.any()
    assert_allclose(flow.balance.drained, 16.0 * 0.09, rtol=1e-9)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_water_of_a_given_level_fills_the_ground_beside_it_and_takes_what_is_above(scheme):
    body = np.full((4, 20), -1)
    body[:, 0] = 0
    flow = Flow(Ground(np.zeros((4, 20)), 2.0, np.full((4, 20), 0.03), body=body), scheme)
    flow.set_levels(np.array([0.6]))
    flow.advance(400.0, every_s=50.0)
    assert_allclose(flow.depth_m, 0.6, atol=0.05)
    flow.set_levels(np.array([-np.inf]))
    flow.advance(800.0, every_s=50.0)
    assert flow.depth_m.max() < 0.1
    assert abs(flow.balance.relative_error) < 1e-12


@pytest.mark.slow  # for compiling the kernels once more
def test_single_precision_closes_to_a_millionth():
    flow = Flow(FLAT, "inertial", depth_m=pool(), precision="float32")
    flow.advance(120.0)
    assert abs(flow.balance.relative_error) < 1e-6


@pytest.mark.parametrize("scheme", ["inertial", "second_order"])
def test_greatest_values_are_kept(scheme):
    flow = Flow(FLAT, scheme, depth_m=pool())
    kept = flow.keep(np.array([0.15, 0.3]), 0.05)
    flow.advance(60.0, every_s=1.0, kept=kept)
    assert (kept.depth_m >= flow.depth_m - 1e-6).all()
    assert (kept.arrival_s[15:25, 20:30] <= 2.0).any()
    assert kept.arrival_s[20, 36] > 3.0
    assert (kept.above_s[0] >= kept.above_s[1]).all()
    assert 1.0 < kept.speed_m_s.max() < 6.0
    assert (kept.hazard_m2_s <= kept.depth_m * kept.speed_m_s + 1e-5).all()


GRID = Grid("EPSG:2154", 0.0, 40.0, 1.0, (40, 50))


def test_no_path_from_cell_to_cell_leads_through_a_wall():
    from scipy.ndimage import label

    line = shapely.LineString([(-5, 3.3), (17.2, 22.8), (31.0, 11.5), (60, 37.1)])
    x, y = crests(np.array([line]), np.array([np.nan]), np.array([2.0]), np.full((40, 50), 7.0), GRID)
    assert set(np.unique(x)) == set(np.unique(y)) == {-np.inf, 9.0}
    wide = np.zeros((79, 99), dtype=bool)
    wide[::2, ::2] = True
    wide[::2, 1::2] = np.isinf(x[:, 1:-1])
    wide[1::2, ::2] = np.isinf(y[1:-1])
    assert label(wide)[1] == 2


def test_spikes_are_found_and_slopes_are_not():
    y, x = np.mgrid[0:20, 0:20]
    bed = 3.0 * x + 0.0 * y
    assert not spikes(bed).any()
    bed[10, 10] += 12.0
    bed[5, 5] -= 12.0
    assert np.argwhere(spikes(bed)).tolist() == [[5, 5], [10, 10]]


def test_a_stream_is_led_under_a_bridge_that_dams_it():
    bed = np.full((40, 50), 10.0)
    bed[18:22] = 5.0  # a stream from west to east
    bed[:, 24:27] = 10.0  # dammed by a road from south to north
    new, cells = opened(bed, np.array([shapely.LineString([(25.5, 0), (25.5, 40)])]), GRID)
    assert cells >= 12
    assert_allclose(new[18:22], 5.0)
    assert_allclose(new[:10], 10.0)


def test_rain_ends_with_its_last_wet_step_and_levels_follow_their_series():
    rain = Rain(
        "", np.array([0.0, 300.0, 600.0]), np.array([1e-5, 2e-5, 0.0]), {"sea": (np.r_[0.0, 600.0], np.r_[1.0, 3.0])}
    )
    assert rain.ends_s == 600.0
    assert [rain.at(time) for time in (0.0, 299.0, 300.0, 700.0)] == [1e-5, 1e-5, 2e-5, 0.0]
    assert rain.levels_at(300.0).tolist() == [-np.inf, 2.0]


def test_second_order_converges_faster_than_first():
    coarse, fine = (cases.dam_break("second_order", 0.001, n) for n in (100, 200))
    assert np.log2(coarse / fine) > 0.9
    assert fine < 0.5 * cases.dam_break("first_order", 0.001, 200)
