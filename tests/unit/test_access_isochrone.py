"""How far one gets from a point: in closed form on a line, and whole on a little town."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from dothi.access.contours import REACH_M
from dothi.access.graph import speeds
from dothi.access.isochrone import isochrone, walks_to_stops
from dothi.access.lines import between, points_along
from dothi.errors import InputError
from dothi.tables import MODES

WALK, BICYCLE = speeds("fr")["walk"], speeds("fr")["bicycle"]
CRS = "EPSG:2154"
LENGTH_M, SPEED_M_S = 1000.0, 10.0


def a_line(little_city, *, one_way=False, **columns):
    """City of one straight street of ten links from x = 0 to 10 km, after the order of a whole city."""
    n = 11
    nodes = gpd.GeoDataFrame({"geometry": shapely.points(np.arange(n) * LENGTH_M, 0.0), "component": 0}, crs=CRS)
    start = np.arange(n - 1)
    tail, head = np.r_[start, start + 1], np.r_[start + 1, start]
    lines = shapely.linestrings(np.stack([np.c_[tail * LENGTH_M, tail * 0.0], np.c_[head * LENGTH_M, head * 0.0]], 1))
    backward = np.arange(2 * n - 2) >= n - 1
    given = {
        "geometry": lines,
        "from_node_id": tail,
        "to_node_id": head,
        "reverse_link_id": np.r_[start + n - 1, start],
        "class": "residential",
        "length_m": LENGTH_M,
        "free_speed_m_s": SPEED_M_S,
        **{mode: ~(backward & one_way & (mode != "walk")) for mode in MODES},
        **columns,
    }
    table = gpd.GeoDataFrame(given, crs=CRS)
    tables = {name: little_city[name].iloc[:0] for name in ("zones", "facilities", "wards")}
    stops = gpd.GeoDataFrame({"geometry": shapely.points([[2000.0, 0.0], [8000.0, WALK * 100]])}, crs=CRS)
    return little_city.with_tables(**tables).with_tables(nodes=nodes, links=table, stops=stops)


def reach(found):
    """Westernmost and easternmost point of the street reached, of pieces that are no points."""
    west, _, east, _ = found.parts.total_bounds
    return west, east


def test_on_a_line_one_walks_both_ways_as_far_as_time_allows(little_city):
    city = a_line(little_city)
    found = isochrone(city, 4300.0, WALK * 60.0, "walk", [600.0])  # a minute from the street
    assert reach(found) == pytest.approx((4300.0 - WALK * 540.0, 4300.0 + WALK * 540.0))
    assert found.start == (4300.0, 0.0)
    assert found.parts["from_s"].min() == pytest.approx(60.0)
    assert found.parts["to_s"].max() == pytest.approx(600.0)


def test_in_a_one_way_street_one_drives_one_way_only(little_city):
    found = isochrone(a_line(little_city, one_way=True), 4300.0, 0.0, "car", [200.0])
    assert reach(found) == pytest.approx((4300.0, 4300.0 + SPEED_M_S * 200.0))


def test_every_spot_of_a_street_is_reached_from_the_side_that_is_nearer(little_city):
    parts = isochrone(little_city, *centre(little_city), "walk", [3600.0]).parts
    speed = shapely.length(np.asarray(parts.geometry)) / (parts["to_s"] - parts["from_s"])
    assert speed.to_numpy() == pytest.approx(WALK)
    streets = little_city["links"].length_m.sum() / 2.0
    assert parts.length.sum() == pytest.approx(streets)  # all of it, and nothing twice


def test_seconds_on_the_streets_of_a_grid_are_those_round_the_corners(little_city):
    x, y = centre(little_city)
    parts = isochrone(little_city, x + 20.0, y, "walk", [3600.0]).parts
    ends = shapely.get_point(np.asarray(parts.geometry), -1)
    away = np.abs(shapely.get_x(ends) - x - 20.0) + np.abs(shapely.get_y(ends) - y)
    least = parts["to_s"] * WALK
    on_own_street = np.isclose(shapely.get_y(ends), y)
    assert least[on_own_street].to_numpy() == pytest.approx(away[on_own_street])
    assert (least >= away - 1e-6).all()


def test_simulated_times_count_where_there_are_any_unless_the_road_shall_be_empty(little_city):
    city = a_line(little_city, time_car_s=np.where(np.arange(20) < 10, 200.0, np.nan))
    slow = isochrone(city, 4300.0, 0.0, "car", [200.0])
    assert slow.congested
    assert reach(slow) == pytest.approx((4300.0 - SPEED_M_S * 200.0, 4300.0 + 0.5 * SPEED_M_S * 200.0))
    empty = isochrone(city, 4300.0, 0.0, "car", [200.0], congested=False)
    assert not empty.congested
    assert reach(empty) == pytest.approx((4300.0 - SPEED_M_S * 200.0, 4300.0 + SPEED_M_S * 200.0))


def test_by_transit_one_walks_on_from_the_stops_at_which_one_arrives(little_city):
    city = a_line(little_city)
    assert walks_to_stops(city, 1500.0, 0.0, 900.0).to_dict() == pytest.approx({0: 500.0 / WALK})
    assert walks_to_stops(city, 7900.0, 0.0, 900.0).to_dict() == pytest.approx({1: 100.0 / WALK + 100.0})
    found = isochrone(city, 1500.0, 0.0, "transit", [900.0], arrivals={0: 500.0 / WALK, 1: 600.0})
    east = found.parts[found.parts.geometry.bounds["minx"] > 6000.0]
    assert east.total_bounds[[0, 2]] == pytest.approx(
        [8000.0 - WALK * 200.0, 8000.0 + WALK * 200.0]
    )  # 100 s to the street
    assert found.stops.to_dict() == pytest.approx({0: 500.0 / WALK, 1: 600.0})


def test_areas_grow_with_time_and_hold_what_is_beside_the_street(little_city):
    x, y = centre(little_city)
    areas = isochrone(little_city, x, y, "walk", [240.0, 60.0, 3600.0]).areas
    assert areas["limit_s"].tolist() == [60.0, 240.0, 3600.0]
    small, middle, large = areas.geometry
    assert areas.geometry.is_valid.all()
    assert small.within(middle.buffer(0.5))
    assert middle.within(large.buffer(0.5))
    assert small.contains(shapely.Point(x + 0.8 * 60.0 * WALK, y))
    assert not small.contains(shapely.Point(x + 1.2 * 60.0 * WALK, y))
    assert areas["residents"].iloc[-1] == little_city["buildings"]["residents"].sum()
    assert areas["jobs"].iloc[-1] == little_city["buildings"]["jobs"].sum()


def test_an_area_within_the_reach_of_a_street_is_a_disc(little_city):
    """Off the street one goes straight and as fast, so no way is shorter than the straight one from the start."""
    area = isochrone(a_line(little_city), 5000.0, 0.0, "walk", [40.0]).areas.geometry.iloc[0]
    radius = WALK * 40.0
    assert area.area == pytest.approx(np.pi * radius**2, rel=0.015)  # on cells of 8 m
    assert area.bounds == pytest.approx((5000.0 - radius, -radius, 5000.0 + radius, radius), abs=2.0)


def test_an_area_reaches_no_further_from_the_street_than_one_goes_off_it(little_city):
    area = isochrone(a_line(little_city), 5000.0, 0.0, "walk", [600.0]).areas.geometry.iloc[0]
    assert area.bounds[3] == pytest.approx(REACH_M, abs=2.0)


def test_a_scrap_of_the_network_is_no_place_to_start(little_city):
    city = a_line(little_city)
    nodes, links = city["nodes"], city["links"]
    nodes.loc[11] = {"geometry": shapely.Point(0.0, 500.0), "component": 1}
    nodes.loc[12] = {"geometry": shapely.Point(100.0, 500.0), "component": 1}
    scrap = links.iloc[[0]].assign(from_node_id=11, to_node_id=12, reverse_link_id=None)
    scrap = scrap.set_geometry([shapely.LineString([(0, 500), (100, 500)])]).set_index(np.array([99]))
    city = city.with_tables(
        nodes=nodes.set_crs(CRS), links=pd.concat([links, scrap]).astype({"reverse_link_id": "Int64"})
    )
    assert isochrone(city, 50.0, 490.0, "walk", [1000.0]).start == (50.0, 0.0)


def test_points_modes_and_times_that_cannot_be_are_named_together(little_city):
    with pytest.raises(InputError) as caught:
        isochrone(little_city, np.nan, 0.0, "sledge", [0.0])
    assert {problem.column for problem in caught.value.problems} == {"x", "mode", "limits_s"}
    with pytest.raises(InputError, match="arrivals"):
        isochrone(little_city, *centre(little_city), "transit", arrivals={77: 1.0})
    links = little_city["links"].assign(car=False)
    with pytest.raises(InputError, match="open to car"):
        isochrone(little_city.with_tables(links=links), *centre(little_city), "car")


def test_pieces_of_lines_are_cut_at_shares_of_their_length():
    bent = shapely.LineString([(0, 0), (10, 0), (10, 10)])
    pieces = between(np.array([bent, bent, bent], dtype=object), np.array([0.0, 0.25, 0.6]), np.array([1.0, 0.75, 0.9]))
    assert pieces[0] is bent
    assert list(pieces[1].coords) == [(5, 0), (10, 0), (10, 5)]
    assert np.allclose(pieces[2].coords, [(10, 2), (10, 8)])
    xy, share, line = points_along(pieces[:2], 4.0)
    assert line.tolist() == [0] * 6 + [1] * 4
    assert np.hypot(*np.diff(xy[:6], axis=0).T).max() <= 4.0
    assert share[[0, 5, 6, 9]].tolist() == [0.0, 1.0, 0.0, 1.0]


def centre(city):
    west, south, east, north = city.bounds
    return (west + east) / 2.0, (south + north) / 2.0
