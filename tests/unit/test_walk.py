"""Walking distances, worked by hand on the little town: streets 100 m apart, houses 20 m behind them."""

import numpy as np
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.access.model import WalkModel, WalkParams
from dothi.tables import MODES

WEST, SOUTH = 355_000.0, 6_689_000.0


@pytest.fixture(scope="module")
def distances(little_city):
    return WalkModel().run(little_city).tables["buildings"]


def straight(little_city, building, node):
    """From a building to a crossing as the crow flies [m]."""
    inside = shapely.point_on_surface(little_city["buildings"].geometry[building])
    return float(shapely.distance(inside, little_city["nodes"].geometry[node]))


def test_the_way_is_straight_to_the_nearest_crossing_and_along_the_streets_from_there(little_city, distances):
    # The school is 7.07 m from crossing 0; house 0 is nearest to 0, house 15 (last block) to crossing 18.
    school = np.hypot(5.0, 5.0)
    assert_allclose(distances["walk_to_school_m"][0], straight(little_city, 0, 0) + school)
    nearest = min(range(25), key=lambda node: straight(little_city, 15, node))
    blocks = nearest % 5 + nearest // 5
    assert blocks > 5
    assert_allclose(distances["walk_to_school_m"][15], straight(little_city, 15, nearest) + 100.0 * blocks + school)


def test_of_several_places_the_nearest_counts(little_city, distances):
    stops = little_city["stops"]
    for building in (0, 9, 15, 31):
        nearest = min(range(25), key=lambda node: straight(little_city, building, node))
        x, y = 100.0 * (nearest % 5), 100.0 * (nearest // 5)
        ways = [abs(x - (point.x - WEST)) + abs(y - (point.y - SOUTH)) for point in stops.geometry]
        assert_allclose(
            distances["walk_to_stop_m"][building], straight(little_city, building, nearest) + min(ways), atol=2e-3
        )


def test_beyond_the_limit_and_of_kinds_that_are_not_there_nothing_is_found(little_city, distances):
    assert distances["walk_to_food_m"].isna().all()
    near = WalkModel(WalkParams(limit_m=300.0)).run(little_city).tables["buildings"]["walk_to_school_m"]
    far = distances["walk_to_school_m"] > 300.0
    assert far.any()
    assert near[far].isna().all()
    assert_allclose(near[~far], distances["walk_to_school_m"][~far])


def test_a_street_closed_to_walking_is_walked_round(little_city, distances):
    links = little_city["links"]
    closed = links.assign(walk=links["walk"] & (links["name"] != "Phố ngang 0"))
    round_about = WalkModel().run(little_city.with_tables(links=closed)).tables["buildings"]["walk_to_school_m"]
    assert (round_about >= distances["walk_to_school_m"] - 1e-9).all()
    assert_allclose(round_about[19], distances["walk_to_school_m"][19] + 200.0)  # at the corner of the closed street


def test_only_streets_open_to_walking_count(little_city):
    links = little_city["links"].assign(**{mode: mode != "walk" for mode in MODES})
    assert WalkModel().run(little_city.with_tables(links=links)).tables["buildings"].isna().all(axis=None)
