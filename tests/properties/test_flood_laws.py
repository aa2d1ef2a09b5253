"""Laws of flow over the ground, whatever the ground and the rain."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dothi.flood.solver import Flow, Ground

SCHEMES = st.sampled_from(("inertial", "first_order", "second_order"))


def ground(seed):
    rng = np.random.default_rng(seed)
    bed = 2.0 * rng.uniform(size=(20, 30))
    blocked = rng.uniform(size=bed.shape) < 0.15
    crest = np.where(rng.uniform(size=(20, 31)) < 0.1, 2.5, -np.inf)
    return Ground(bed, 2.0, np.full(bed.shape, 0.03), blocked, crest_x=crest)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), level=st.floats(0.5, 3.0), scheme=SCHEMES)
def test_water_at_rest_stays_at_rest(seed, level, scheme):
    ground_of_it = ground(seed)
    start = np.maximum(level - ground_of_it.bed_m, 0.0)
    flow = Flow(ground_of_it, scheme, depth_m=start)
    flow.advance(5.0)
    assert_allclose(flow.depth_m, np.where(ground_of_it.blocked, 0.0, start), atol=1e-12)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), rain_mm_h=st.floats(1.0, 500.0), scheme=SCHEMES)
def test_all_the_rain_is_found_on_the_ground(seed, rain_mm_h, scheme):
    ground_of_it = ground(seed)
    flow = Flow(ground_of_it, scheme)
    flow.set_sources(np.where(ground_of_it.blocked, 0.0, rain_mm_h / 3.6e6))
    flow.advance(60.0)
    fallen = rain_mm_h / 3.6e6 * 60.0 * 4.0 * (~ground_of_it.blocked).sum()
    assert_allclose(flow.depth_m.sum() * 4.0, fallen, rtol=1e-10)
    assert flow.depth_m.min() >= 0.0


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000), scheme=SCHEMES)
def test_turning_the_ground_round_turns_the_water_round(seed, scheme):
    rng = np.random.default_rng(seed)
    bed, start = rng.uniform(size=(20, 20)), rng.uniform(size=(20, 20))
    flow, turned = (
        Flow(Ground(part, 1.0, np.full(bed.shape, 0.03)), scheme, depth_m=depth)
        for part, depth in ((bed, start), (bed.T.copy(), start.T.copy()))
    )
    for each in (flow, turned):
        each.advance(3.0)
    assert_allclose(flow.depth_m, turned.depth_m.T, atol=1e-9)
