"""Laws of storms, basins and measures: what is conserved, and what the order of changes does not touch."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from dothi.changes import CHANGES
from dothi.city import City
from dothi.crs import Extent
from dothi.derive.storms import Curve, alternating_blocks, chicago
from dothi.errors import Problems
from dothi.io.terrain import grid_for

WEST, SOUTH = 355_000.0, 6_689_000.0
curves = st.builds(Curve, st.floats(10.0, 1e5), st.floats(0.0, 60.0), st.floats(0.2, 1.0))
steps = st.tuples(st.sampled_from([60.0, 300.0, 900.0]), st.integers(1, 150), st.floats(0.0, 1.0))

CHANGES_OF_A_SCENARIO = [
    {"kind": "climate", "temperature_offset_k": 2.0, "rain_factor": 1.17, "sea_level_m": 0.43},
    {"kind": "storm", "return_period_years": 10, "sea": 3.0, "river": 4.0},
    {"kind": "retrofit", "buildings": {"where": {"year_built": {"max": 1990}}}, "heat_loss_ratio": 0.5},
    {"kind": "rooftop_pv", "buildings": {"ward": "Phường Bắc"}, "roof_share": 0.5},
    {"kind": "permeable_surface", "area": [[355000, 6689000], [355100, 6689000], [355100, 6689400]], "factor": 0.5},
    {"kind": "add_pump", "place": [355010, 6689010], "network": "surface", "capacity_m3_s": 2.0},
    {"kind": "flood_wall", "line": [[355010, 6689010], [355390, 6689010]], "height_m": 1.0},
    {"kind": "retention_basin", "area": [[355185, 6689060], [355215, 6689060], [355215, 6689340]], "depth_m": 0.5},
]


def applied(city, changes):
    for each in changes:
        problems = Problems()
        city = CHANGES[each["kind"]].model_validate(each).apply(city, problems)
        problems.raise_errors()
    return city


def assert_same(one, other):
    assert set(one.tables) == set(other.tables)
    assert set(one.rasters) == set(other.rasters)
    for name in one.tables:
        assert_frame_equal(one[name], other[name])
    for name in one.rasters:
        assert np.array_equal(one.rasters[name], other.rasters[name], equal_nan=True)


@given(curves, steps)
def test_storms_hold_the_rain_of_their_curve_and_never_rain_upwards(curve, step):
    step_s, n_steps, peak_share = step
    for spread in (chicago, alternating_blocks):
        found = spread(curve, step_s, n_steps, peak_share)
        assert len(found) == n_steps
        assert (found >= 0.0).all()
        assert_allclose(found.sum() * step_s / 3600.0, curve.depth_mm(step_s * n_steps), rtol=1e-9)
        assert_allclose(found.max(), curve.intensity_mm_h(step_s), rtol=1e-9)


@given(curves, steps)
def test_storms_grow_to_their_peak_and_fade_behind_it(curve, step):
    for spread in (chicago, alternating_blocks):
        found = spread(curve, *step)
        peak = found.argmax()
        slack = 1e-9 * found.max()
        assert (np.diff(found[: peak + 1]) >= -slack).all()
        assert (np.diff(found[peak:]) <= slack).all()


@given(curves, st.sampled_from([60.0, 300.0]), st.integers(2, 100))
def test_a_storm_turned_round_is_that_with_its_peak_as_far_from_its_end(curve, step_s, n_steps):
    for k in {0, 1, n_steps // 3, n_steps - 1}:
        share = k / (n_steps - 1)
        turned = chicago(curve, step_s, n_steps, 1.0 - share)[::-1]
        assert_allclose(chicago(curve, step_s, n_steps, share), turned, rtol=1e-7, atol=1e-9 * turned.max())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.3, 4.0), st.floats(1.0, 6.0), st.floats(0.0, 1.0))
def test_a_basin_only_takes_ground_away_and_leaves_sides_that_stand(seed, depth_m, side_slope, roughness_m):
    rng = np.random.default_rng(seed)
    grid = grid_for(Extent("EPSG:2154", (WEST, SOUTH, WEST + 160.0, SOUTH + 160.0)), 4.0)
    slope = np.linspace(0.0, 8.0 * rng.uniform(), grid.shape[1])
    ground = (20.0 + slope + roughness_m * rng.uniform(size=grid.shape)).astype(np.float32)
    city = City("Đồi", "fr", "EPSG:2154", grid.bounds).with_rasters(terrain=grid.array(ground, "m", "test"))
    area = [[WEST + 20, SOUTH + 20], [WEST + 140, SOUTH + 20], [WEST + 140, SOUTH + 130], [WEST + 20, SOUTH + 140]]
    problems = Problems()
    given_ = {"kind": "retention_basin", "area": area, "depth_m": depth_m, "side_slope": side_slope}
    after = CHANGES["retention_basin"].model_validate(given_).apply(city, problems)
    assert np.array_equal(city.rasters["terrain"], ground)
    if problems.errors:
        assert "with sides of" in str(problems.errors[0])
        return
    new = after.rasters["terrain"].to_numpy()
    basin = after["basins"].iloc[0]
    assert (new <= ground).all()
    assert new.min() >= min(basin["bottom_m"], ground.min()) - 1e-4
    assert 0.0 <= basin["volume_m3"] <= basin["excavated_m3"] * (1.0 + 1e-6) + 1e-6
    dug = new < ground
    for axis in (0, 1):  # between two cells that were dug, the sides fall no faster than one in `side_slope`
        both = dug[1:] & dug[:-1] if axis == 0 else dug[:, 1:] & dug[:, :-1]
        assert np.abs(np.diff(new, axis=axis))[both].max(initial=0.0) <= 4.0 / side_slope + 1e-4


@settings(max_examples=8, deadline=None)
@given(st.permutations(CHANGES_OF_A_SCENARIO))
def test_the_order_of_independent_changes_does_not_matter(little_city, order):
    assert_same(applied(little_city, CHANGES_OF_A_SCENARIO), applied(little_city, order))


def test_changes_touch_what_they_say_and_nothing_else(little_city):
    for each in CHANGES_OF_A_SCENARIO:
        change = CHANGES[each["kind"]]
        after = applied(little_city, [each])
        for name in set(after.tables) - set(change.touches):
            assert_frame_equal(after[name], little_city[name])
        for name in set(after.rasters) - set(change.touches):
            assert after.rasters[name] is little_city.rasters[name]


def test_a_change_leaves_its_city_alone(little_city):
    before = {name: little_city[name].copy(deep=True) for name in little_city.tables}
    rasters = {name: raster.to_numpy().copy() for name, raster in little_city.rasters.items()}
    applied(little_city, CHANGES_OF_A_SCENARIO)
    assert set(before) == set(little_city.tables)
    for name, table in before.items():
        assert_frame_equal(little_city[name], table)
    for name, values in rasters.items():
        assert np.array_equal(little_city.rasters[name], values)
