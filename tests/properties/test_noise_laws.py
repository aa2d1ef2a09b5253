"""Laws of noise: what holds for any ground, screen and traffic."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dothi.noise.air import absorption
from dothi.noise.emission import Road, line_power, values
from dothi.noise.kernels import NO_EDGE, PLANE, boundary
from dothi.noise.levels import HOURS, Period, overlap

KINDS = tuple(values()["vehicle"])
softness = st.floats(0.0, 1.0)


def attenuation(d, hs, hr, soft, screen=0.0, at=0.5, g_source=0.0):
    """Ground of one kind on a plane, with or without a thin screen."""
    x, z, crest = [0.0, d], [0.0, 0.0], [2 * NO_EDGE, 2 * NO_EDGE]
    if screen > 0.0:
        x[1:1], z[1:1], crest[1:1] = [at * d] * 3, [0.0, screen, 0.0], [2 * NO_EDGE, screen, 2 * NO_EDGE]
    n = len(x)
    out = np.zeros((2, 8))
    boundary(
        np.array(x), np.array(z), np.full(n, soft), np.array(crest), n, hs, hr, g_source,
        np.zeros((2, n), dtype=np.int64), np.zeros((3, PLANE)), np.zeros(n), out,
    )  # fmt: skip
    return -10.0 * np.log10(out)


@given(st.floats(5, 500), st.floats(0.05, 10), st.floats(1, 30), softness)
def test_sound_goes_both_ways_alike_over_even_ground(d, hs, hr, soft):
    assert_allclose(attenuation(d, hs, hr, soft, g_source=soft), attenuation(d, hr, hs, soft, g_source=soft), atol=1e-9)


@given(st.floats(5, 500), st.floats(0.05, 10), st.floats(1, 30), softness, st.floats(0, 20), st.floats(0.1, 0.9))
def test_nothing_is_louder_than_hard_ground_allows(d, hs, hr, soft, screen, at):
    found = attenuation(d, hs, hr, soft, screen, at)
    assert (found[0] >= -6.0 - 1e-9).all()
    assert (found[1] >= -18.0 - 1e-9).all()
    assert np.isfinite(found).all()


@given(st.lists(st.floats(0, 2000), min_size=5, max_size=5), st.floats(10, 130), st.floats(-15, 15), st.floats(1, 10))
def test_powers_of_flows_add_up(volumes, speed, slope, times):
    def power(factor, kinds=KINDS):
        flows = {
            kind: np.array([factor * volume]) for kind, volume in zip(KINDS, volumes, strict=True) if kind in kinds
        }
        return line_power(flows, {kind: np.array([speed]) for kind in flows}, Road(slope_pct=slope))[0]

    assert_allclose(power(times), times * power(1.0), rtol=1e-9)
    assert_allclose(sum(power(1.0, (kind,)) for kind in KINDS), power(1.0), rtol=1e-9)


@given(st.floats(-20, 40), st.floats(10, 100))
def test_air_swallows_more_the_higher_the_tone(temperature, humidity):
    alpha = absorption(temperature, humidity)
    assert (alpha > 0.0).all()
    assert (np.diff(alpha) > 0.0).all()


@given(st.floats(0, 24), st.floats(0, 24), st.floats(0, 24), st.floats(0.5, 23.5))
@settings(max_examples=50)
def test_day_and_the_rest_of_the_day_share_out_all_hours(begin, end, start, length):
    part = Period("day", start, (start + length) % HOURS, 0.0, 0.5)
    rest = Period("night", (start + length) % HOURS, start, 0.0, 0.5)
    hours = (end - begin) % HOURS or HOURS
    total = sum(overlap(np.array([begin]), np.array([end]), one)[0] for one in (part, rest))
    assert abs(total - hours) < 1e-6
