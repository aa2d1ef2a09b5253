"""Laws of the heat balance: warmth, insulation, size, capacity, order."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dothi.heat import kernels as k
from dothi.heat.network import coefficients
from dothi.heat.zones import sun_weights
from dothi.verify.heat import balance_error, room, simulate

HOURS = 96
KELVINS = st.floats(0.1, 8.0)
SEEDS = st.integers(0, 2**32 - 1)
HELD = {"heat_set_c": 20.0, "cool_set_c": 25.0, "open_set_c": 23.0, "opening_w_k": 80.0, "appliances_w": 300.0}


def days(seed):
    rng = np.random.default_rng(seed)
    hour = np.arange(HOURS)
    air = rng.uniform(-5.0, 30.0) + 6.0 * np.sin((hour - 9.0) * np.pi / 12.0) + rng.normal(0.0, 1.0, HOURS)
    sun = np.maximum(np.sin((hour - 6.0) * np.pi / 12.0), 0.0) * rng.uniform(0.0, 3e3)
    return air, sun


@settings(max_examples=25)
@given(SEEDS, KELVINS)
def test_warmer_air_never_adds_to_heating_nor_takes_from_cooling(seed, warmer):
    air, sun = days(seed)
    cold, warm = (simulate(room(**HELD), air + by, sun_w=sun) for by in (0.0, warmer))
    assert warm.heat.sum() <= cold.heat.sum() + 1e-6
    assert warm.cool.sum() >= cold.cool.sum() - 1e-6


@settings(max_examples=25)
@given(SEEDS, st.floats(0.1, 0.95))
def test_less_loss_never_adds_to_heating(seed, ratio):
    air, _ = days(seed)
    air = np.minimum(air, 15.0)
    before = simulate(room(**HELD), air)
    after = simulate(room(**HELD, H_w=40.0 * ratio, H_e=60.0 * ratio, H_ve=30.0 * ratio), air)
    assert after.heat.sum() <= before.heat.sum() + 1e-6


@settings(max_examples=25)
@given(SEEDS, st.floats(0.2, 20.0))
def test_a_building_so_many_times_as_large_needs_so_many_times_as_much(seed, times):
    air, sun = days(seed)
    sizes = ("H_ve", "H_is", "H_w", "H_1", "H_2", "H_e", "C_1", "C_2", "opening_w_k", "appliances_w", "volume_m3")
    small = room(**HELD, moisture_kg_h=0.2, coil_c=11.0)
    numbers = {name: float(getattr(small, name)[0]) for name in type(small).__dataclass_fields__}
    large = room(**{n: v * times if n in (*sizes, "moisture_kg_h") else v for n, v in numbers.items()})
    one, many = simulate(small, air, sun_w=sun), simulate(large, air, sun_w=sun * times)
    assert_allclose(many.heat, one.heat * times, rtol=1e-6, atol=1e-5)
    assert_allclose(many.cool, one.cool * times, rtol=1e-6, atol=1e-5)
    assert_allclose(many.wet, one.wet * times, rtol=1e-6, atol=1e-5)
    assert_allclose(many.room_c, one.room_c, atol=1e-8)


@settings(max_examples=25)
@given(SEEDS, st.floats(100.0, 5e3), st.floats(100.0, 5e3))
def test_machines_keep_within_their_capacity_and_rooms_within_their_set_points(seed, warm_w, cold_w):
    air, sun = days(seed)
    year = simulate(room(**HELD, heat_max_w=warm_w, cool_max_w=cold_w), air, sun_w=sun)
    assert year.heat.max() <= warm_w + 1e-9 and year.cool.max() <= cold_w + 1e-9
    assert (year.heat >= 0.0).all() and (year.cool >= 0.0).all() and (year.wet >= 0.0).all()
    assert not (year.heat * year.cool).any()
    below, above = year.room_c < 20.0 - 1e-9, year.room_c > 25.0 + 1e-9
    assert_allclose(year.heat[below], warm_w)
    assert_allclose(year.cool[above], cold_w)


@settings(max_examples=10)
@given(SEEDS)
def test_zones_side_by_side_do_not_touch_each_other(seed):
    """Forty zones, more than a block, give what each gives alone."""
    rng = np.random.default_rng(seed)
    air, sun = days(seed)
    n = 40
    rooms = [room(**HELD, H_w=float(rng.uniform(10.0, 90.0)), H_e=float(rng.uniform(10.0, 90.0))) for _ in range(n)]
    made = np.concatenate([coefficients(one) for one in rooms], axis=1)
    state = np.tile(np.array([[20.0], [20.0], [0.008]]), (1, n))
    plan = np.ones((HOURS, 1, k.N_PROFILES))
    out = [np.zeros((n, HOURS)) for _ in range(4)]
    none, moist = np.zeros(HOURS), np.full(HOURS, 0.008)
    order = rng.permutation(n)
    k.balance(
        made, np.zeros(n, dtype=np.int64), air, none, none, moist, plan, np.outer(np.arange(n) / n, sun)[order],
        np.outer(np.arange(n) / n, 0.1 * sun)[order], np.argsort(order), np.full(n, 0.5), state, *out,
    )  # fmt: skip
    for i in (0, 31, 32, 39):
        alone = simulate(rooms[i], air, sun_w=0.5 * i / n * sun, skin_w=0.05 * i / n * sun)
        assert_allclose(out[0][i], alone.heat, atol=1e-9)
        assert_allclose(out[3][i], alone.room_c, atol=1e-9)
        assert_allclose(state[:, i], alone.state, atol=1e-9)


def test_heat_is_neither_made_nor_lost():
    assert balance_error() < 1e-9


def test_sun_on_a_wall_splits_into_window_and_skin():
    import pandas as pd

    table = pd.DataFrame(
        {
            "window_share": [0.0, 1.0],
            "sun_transmittance": 0.5,
            "wall_absorptance": 0.6,
            "roof_absorptance": 0.8,
            "wall_u_w_m2_k": 1.0,
            "roof_u_w_m2_k": 1.0,
        }
    )
    found = sun_weights(table)
    assert found["window"].tolist() == [0.0, 0.5]
    assert found["wall"][1] == 0.0
    assert_allclose(found["roof"] / 0.8, found["wall"][0] / 0.6)
