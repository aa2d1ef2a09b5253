"""Design storms: their rain is that of the curve, however it is spread."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dothi.derive.heavy_rain import find_station, periods, rain, stations
from dothi.derive.storms import Curve, alternating_blocks, block, chicago

HANOI_10 = Curve(0.36 * 5890.0 * (1.0 + 0.65 * np.log10(10.0)), 20.0, 0.84)
NANTES_10 = Curve(60.0 * 5.9, 0.0, 0.59)
CURVES = pytest.mark.parametrize(
    "curve", [HANOI_10, NANTES_10, Curve(500.0, 3.0, 1.0)], ids=["tcvn", "montana", "talbot"]
)
STEPS = pytest.mark.parametrize("n_steps", [1, 2, 3, 24, 25, 36])
PEAKS = pytest.mark.parametrize("peak_share", [0.0, 0.3, 0.4, 0.5, 1.0])
STEP_S = 300.0


def depth(intensities):
    return intensities.sum() * STEP_S / 3600.0


def heaviest(intensities, k):
    fallen = np.concatenate([[0.0], np.cumsum(intensities)]) * STEP_S / 3600.0
    return (fallen[k:] - fallen[:-k]).max()


def test_the_formulas_give_the_depths_worked_by_hand():
    # TCVN 7957, Hà Nội, P = 5 years, 60 min: 0.36 · 5890 · (1 + 0.65 lg 5) / 80^0.84 = 77.7 mm in the hour
    curve = rain("vn", find_station("vn", "ha noi"), 5.0).curve
    assert_allclose(curve.depth_mm(3600.0), 77.7, atol=0.1)
    # Montana, region I, 10 years, 2 h: 5.9 · 120^0.41 = 42.0 mm
    curve = rain("fr", find_station("fr", "Nantes"), 10.0).curve
    assert_allclose(curve.depth_mm(7200.0), 42.0, atol=0.05)


def test_no_time_has_no_rain():
    assert NANTES_10.depth_mm(0.0) == 0.0


@CURVES
@STEPS
@PEAKS
def test_a_chicago_storm_holds_the_depth_of_the_curve_and_its_peak(curve, n_steps, peak_share):
    found = chicago(curve, STEP_S, n_steps, peak_share)
    assert_allclose(depth(found), curve.depth_mm(n_steps * STEP_S), rtol=1e-12)
    assert_allclose(found.max(), curve.intensity_mm_h(STEP_S), rtol=1e-12)
    assert abs(found.argmax() - peak_share * (n_steps - 1)) <= 0.5


@CURVES
@STEPS
@PEAKS
def test_alternating_blocks_hold_the_depth_of_the_curve_for_every_duration(curve, n_steps, peak_share):
    found = alternating_blocks(curve, STEP_S, n_steps, peak_share)
    for k in range(1, n_steps + 1):
        assert_allclose(heaviest(found, k), curve.depth_mm(k * STEP_S), rtol=1e-12)
    assert abs(found.argmax() - peak_share * (n_steps - 1)) <= 0.5


@PEAKS
def test_alternating_blocks_are_put_so_that_the_share_before_the_peak_stays_near_the_one_asked_for(peak_share):
    n_steps = 25
    found = alternating_blocks(HANOI_10, STEP_S, n_steps, peak_share)
    order = np.argsort(-found, kind="stable")  # as they were put: the heaviest first
    share = round(peak_share * (n_steps - 1)) / (n_steps - 1)
    for k in range(1, n_steps):
        before = (order[1 : k + 1] < order[0]).sum()
        assert abs(before - share * k) <= 0.5 + 1e-9


def test_rounding_makes_no_rain_upwards():
    flat = Curve(10.0, 0.0, 1.0)  # all rain falls at once: every further step has none
    assert (alternating_blocks(flat, STEP_S, 118, 0.0) >= 0.0).all()
    assert (chicago(flat, STEP_S, 118, 0.0) >= 0.0).all()


@CURVES
def test_a_chicago_storm_is_nowhere_heavier_than_the_curve(curve):
    found = chicago(curve, STEP_S, 36, 0.4)
    for k in range(1, 37):
        assert heaviest(found, k) <= curve.depth_mm(k * STEP_S) * (1.0 + 1e-12)


def test_the_steps_of_a_chicago_storm_are_means_of_the_intensities_of_keifer_and_chu():
    # i before the peak: a ((1 − n) t/r + b) / (t/r + b)^(1 + n), after it with 1 − r; integrated numerically
    r, n = 9 / 23, 24
    peak_min = r * n * 5.0
    minutes = (np.arange(n * 5000) + 0.5) / 1000.0
    away = np.where(minutes < peak_min, (peak_min - minutes) / r, (minutes - peak_min) / (1.0 - r))
    a, b, power = HANOI_10.a, HANOI_10.b_min, HANOI_10.n
    exact = a * ((1.0 - power) * away + b) / (away + b) ** (1.0 + power)
    assert_allclose(chicago(HANOI_10, STEP_S, n, 0.4), exact.reshape(n, -1).mean(axis=1), rtol=1e-6)


def test_a_block_is_even():
    found = block(42.0, STEP_S, 24)
    assert_allclose(found, 21.0)
    assert_allclose(depth(found), 42.0)


@pytest.mark.parametrize("country", ["vn", "fr"])
def test_every_station_says_where_its_constants_come_from_and_whether_they_were_verified(country):
    for name, station in stations(country).items():
        found = rain(country, station, 10.0)
        assert found.station == name
        assert found.source
        assert found.verified is False  # none was compared with the text of its standard yet


@pytest.mark.parametrize("country", ["vn", "fr"])
def test_rarer_storms_have_more_rain_from_six_minutes_to_two_hours(country):
    for station in stations(country).values():
        years = periods(country, station) or (1.0, 2.0, 5.0, 10.0, 50.0, 100.0)
        depths = np.array(
            [rain(country, station, each).curve.depth_mm(np.arange(360.0, 7201.0, 60.0)) for each in years]
        )
        assert (np.diff(depths, axis=0) > 0.0).all()


def test_the_nearest_station_counts_and_none_beyond_its_reach():
    assert find_station("vn", (107.6, 16.4))["name"] == "Huế"
    assert find_station("fr", (-1.55, 47.2))["name"] == "Région I"
    with pytest.raises(KeyError, match="within 150 km"):
        find_station("vn", (105.0, 10.0 - 3.0))
    with pytest.raises(KeyError, match="there are Hà Nội"):
        find_station("vn", "Đà Lạt")
    with pytest.raises(KeyError, match="none in this country"):
        find_station("mc", (7.4, 43.7))


def test_return_periods_that_a_formula_does_not_know_are_refused():
    with pytest.raises(ValueError, match="is one of 1, 2, 5, 10, 20, 50, 100 years"):
        rain("fr", find_station("fr", "Nantes"), 30.0)
    for years in (0.001, 1000.0):
        with pytest.raises(ValueError, match="at most 100 years"):
            rain("vn", find_station("vn", "Huế"), years)


def test_degrees_of_longitude_are_shorter_up_north():
    # 1.9° east of Paris are 139 km at 48.9° north, within reach; 211 km they would be at the equator
    assert find_station("fr", (4.25, 48.86))["name"] == "Région I"
