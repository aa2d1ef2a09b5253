"""Changes of a scenario act on the traffic of a little town as one expects."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pydantic import TypeAdapter

from dothi.chain import transit_times_from
from dothi.changes import AnyChange
from dothi.errors import Problems
from dothi.traffic.model import TrafficModel, TrafficParams
from dothi.transit.model import TransitModel

sys.path.insert(0, str(Path(__file__).parent))
from _town import BLOCK_M, BRIDGES, bridge, town_on_a_river

PARAMS = TrafficParams(gap=1e-4, feedback_tolerance=5e-3)
CARS = "volume_car_veh_h"


@pytest.fixture(scope="module")
def town(little_city):
    return town_on_a_river(little_city)


@pytest.fixture(scope="module")
def today(town):
    return traffic(town)


def traffic(city):
    return TrafficModel(PARAMS).run(city)


def changed(city, kind, **fields):
    problems = Problems()
    found = TypeAdapter(AnyChange).validate_python({"kind": kind, **fields}, context={"folder": "."})
    city = found.apply(city, problems)
    problems.raise_errors()
    return city


def at(city, column, row):
    return [city.bounds[0] + BLOCK_M * column, city.bounds[1] + BLOCK_M * row]


def over(result, links):
    return float(result.tables["links"][CARS].loc[links].sum())


def share(result, mode):
    return result.diagnostics["shares_of_residents"][mode]


def test_a_bridge_made_slow_and_narrow_loses_cars_to_the_other(town, today):
    narrowed, other = (bridge(town, *ends) for ends in BRIDGES)
    city = changed(town, "edit_links", links=list(map(int, narrowed)), lanes=0.5, speed_km_h=10)
    found = traffic(city)
    assert over(found, narrowed) < 0.7 * over(today, narrowed)
    assert over(found, other) > over(today, other)
    quick = traffic(changed(town, "edit_links", links=list(map(int, narrowed)), lanes=6, speed_km_h=50))
    assert over(quick, narrowed) > over(today, narrowed)


def test_a_new_bridge_takes_cars_from_the_old_ones_and_brings_banks_nearer(town, today):
    city = changed(town, "add_links", links=[at(town, 2, 2), at(town, 2, 3)], bridge=True, **{"class": "secondary"})
    found = traffic(city)
    new = city["links"].index.difference(town["links"].index)
    old = np.concatenate([bridge(town, *ends) for ends in BRIDGES])
    assert over(found, new) > 0.0
    assert over(found, old) < over(today, old)
    assert over(found, old) + over(found, new) > over(today, old)
    seconds = [each.fields["od_peak_time_s"].sel(mode="car").to_numpy() for each in (today, found)]
    south, north = np.arange(8), np.arange(12, 16)
    assert (seconds[1][np.ix_(south, north)].mean()) < seconds[0][np.ix_(south, north)].mean()


def test_new_offices_draw_trips_to_their_zone(town, today):
    x, y = at(town, 2, 1)
    yard = [[x - 60, y + 160], [x - 20, y + 160], [x - 20, y + 240], [x - 60, y + 240]]
    city = changed(town, "add_buildings", buildings=yard, function="office", storeys=20)
    more = float(city["buildings"]["jobs"].sum() - town["buildings"]["jobs"].sum())
    found = traffic(city).tables["zones"]["trips_arriving_day"] - today.tables["zones"]["trips_arriving_day"]
    zone = 10 + 4 + 1
    assert more > 100.0
    assert found.idxmax() == zone
    assert found[zone] > 0.2 * more
    assert found.drop(zone).max() < 0.5 * found[zone]


def test_half_as_many_residents_again_make_half_as_many_trips_again(town, today):
    found = traffic(changed(town, "grow", residents_growth=0.5))
    assert found.diagnostics["trips_day"] == pytest.approx(1.5 * today.diagnostics["trips_day"], rel=1e-3)
    before, after = (each.diagnostics["vehicles"]["car"] for each in (today, found))
    assert after["vehicle_km"] > 1.2 * before["vehicle_km"]
    assert after["delay_h"] / after["vehicle_km"] > before["delay_h"] / before["vehicle_km"]
    assert found.tables["links"]["saturation"].mean() > today.tables["links"]["saturation"].mean()


def test_a_line_takes_trips_more_of_them_where_it_runs_often_and_none_once_it_is_gone(town, today):
    def ridden(city):
        return share(traffic(transit_times_from(city, TransitModel().run(city))), "transit")

    stops = [{"place": at(town, 0, row), "name": f"Bến {row}"} for row in range(5)]
    line = changed(town, "add_transit_line", mode="bus", short_name="C9", stops=stops, headway_min=30)
    seldom = ridden(line)
    often = ridden(changed(line, "edit_transit", routes={"where": {"short_name": "C9"}}, headway_min=4))
    gone = changed(line, "edit_transit", routes={"where": {"short_name": "C9"}}, remove=True)
    assert share(today, "transit") == 0.0
    assert 0.0 < seldom < often
    assert len(gone["routes"]) == 0


def test_with_more_electric_motorbikes_a_ban_of_petrol_takes_fewer_off_the_road(town):
    town = replace(town, country="vn")
    rule = {"geometry": [shapely.box(*town.bounds)], "mode": "motorbike", "fuel": "petrol"}
    ruled = town.with_tables(restrictions=gpd.GeoDataFrame(rule, crs=town.crs))
    few, half = traffic(ruled), traffic(changed(ruled, "electric_vehicles", motorbike_share=0.5))
    assert share(half, "motorbike") > 3.0 * share(few, "motorbike")
    assert share(half, "car") < share(few, "car")
    assert half.diagnostics["trips_day"] == pytest.approx(few.diagnostics["trips_day"], rel=1e-6)
