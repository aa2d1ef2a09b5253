"""What holds for the sun on any quarter: more houses never give more of the sky, and turning the town turns nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.sun.model import SunModel, SunParams
from dothi.verify.sun import clear_year, quarter, town

WEATHER = clear_year()
BOX = (0.0, 0.0, 12.0, 12.0, 9.0)


def view(boxes):
    city = town(np.array(boxes), WEATHER)
    result = SunModel(SunParams(ground_albedo=0.0, wall_albedo=0.0)).run(city)
    light, found = result.tables["surface_light"], result.tables["surfaces"]
    own = (light["building_id"] == 0).to_numpy()
    return found[own].to_numpy()


@settings(max_examples=6)
@given(st.floats(20.0, 80.0), st.floats(-80.0, 80.0), st.floats(5.0, 30.0), st.floats(3.0, 60.0), st.floats(0.0, 30.0))
def test_a_house_never_gains_sun_or_sky_by_another_and_the_less_the_higher_it_is(x, y, size, height, more):
    other = (x, y, x + size, y + size)
    alone, low, high = view([BOX]), view([BOX, (*other, height)]), view([BOX, (*other, height + more)])
    assert (low <= alone * (1.0 + 1e-4) + 1e-9).all()  # the middle of the town moves with its houses
    assert (high <= low * (1.0 + 1e-4) + 1e-9).all()
    assert (high >= 0.0).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_gets_more_than_in_the_open(seed):
    city = town(quarter(15, seed), WEATHER)
    result = SunModel(SunParams()).run(city)
    parts = result.diagnostics
    assert parts["share_beam"] + parts["share_sky"] + parts["share_reflected"] == pytest.approx(1.0)
    view_of = result.tables["surfaces"]["sky_view_share"].to_numpy()
    wall = (result.tables["surface_light"]["kind"] == "wall").to_numpy()
    assert (view_of[wall] <= 0.5 + 1e-4).all()
    assert (view_of[~wall] <= 1.0 + 1e-9).all()
