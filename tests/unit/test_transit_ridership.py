"""Passengers on lines: nobody is lost, loads are those of the sections, crowding is reported."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from dothi.changes.add_transit_line import AddTransitLine
from dothi.errors import Problems
from dothi.transit.ridership import RidershipModel, RidershipParams, peak_share

PARAMS = RidershipParams(draws=2, departure_step_s=300.0, peak_share=0.1)
LINE = {
    "kind": "add_transit_line", "mode": "tram", "short_name": "T", "stops": [0, 1], "headway_min": 5, "speed_km_h": 36,
    "first": "05:00", "last": "23:00", "vehicle_capacity": 10,
}  # fmt: skip


@pytest.fixture(scope="module")
def city(little_city):
    """Little town with a tram across, and trips from its western zone to its eastern one."""
    town = AddTransitLine.model_validate(LINE).apply(little_city, Problems())
    zones = town["zones"].assign(node_id=[10, 14])
    trips = pd.DataFrame({"origin_id": [0, 1, 0], "destination_id": [1, 0, 0], "trips_day": [2400.0, 600.0, 50.0]})
    return town.with_tables(zones=zones, transit_trips=trips)


def test_everybody_who_travels_gets_on_and_off(city):
    found = RidershipModel(PARAMS).run(city)
    assert found.tables["stops"]["boardings_day"].tolist() == pytest.approx([2400.0, 600.0])
    assert found.tables["stops"]["alightings_day"].tolist() == pytest.approx([600.0, 2400.0])
    assert found.tables["routes"]["passengers_day"].tolist() == pytest.approx([2400.0, 600.0])
    assert found.diagnostics["unserved_day"] == 0.0
    assert found.diagnostics["boardings_per_trip"] == pytest.approx(1.0)


def test_load_is_passengers_of_the_peak_over_places(city):
    found = RidershipModel(PARAMS).run(city)
    sections = found.tables["route_sections"].sort_values("from_stop_id")
    assert sections["passengers_peak_h"].tolist() == pytest.approx([240.0, 60.0])
    assert sections["departures_peak_h"].tolist() == pytest.approx([12.0, 12.0])
    assert sections["load_ratio"].tolist() == pytest.approx([2.0, 0.5])
    assert sections.geometry.length.tolist() == pytest.approx([400.0, 400.0])
    assert found.tables["routes"]["peak_load_ratio"].tolist() == pytest.approx([2.0, 0.5])
    assert found.diagnostics["sections_over_capacity"] == 1
    assert found.diagnostics["share_of_passenger_km_crowded"] == pytest.approx(0.8)


def test_whoever_comes_from_outside_gets_on_where_a_line_comes_in(city):
    gateways = gpd.GeoDataFrame(geometry=[shapely.Point(city.bounds[0] - 200.0, city.bounds[1])], crs=city.crs)
    trips = pd.DataFrame({"origin_id": [-1], "destination_id": [1], "trips_day": [100.0]})
    found = RidershipModel(PARAMS).run(city.with_tables(gateways=gateways, transit_trips=trips))
    assert found.tables["stops"]["boardings_day"].tolist() == pytest.approx([100.0, 0.0])
    assert found.diagnostics["trips_day_from_or_to_outside"] == pytest.approx(100.0)


def test_trips_without_a_line_are_reported_as_unserved(city):
    trips = pd.DataFrame({"origin_id": [0], "destination_id": [1], "trips_day": [10.0]})
    parked = city.with_tables(routes=city["routes"].assign(last_s=6 * 3600.0), transit_trips=trips)
    found = RidershipModel(PARAMS).run(parked)
    assert found.diagnostics["unserved_day"] == pytest.approx(10.0)
    assert found.tables["routes"]["passengers_day"].sum() == 0.0
    assert found.diagnostics["notes"] == [
        "no vehicle leaves from 7:30 to 8:30: nobody gets anywhere by public transport"
    ]


@pytest.mark.parametrize("country", ["fr", "vn"])
def test_peak_hour_has_more_than_its_part_of_a_day_and_less_than_a_third(country):
    assert 1.0 / 24.0 < peak_share(country) < 1.0 / 3.0


def test_passengers_are_conserved_on_every_line(city):
    found = RidershipModel(PARAMS).run(city)
    assert found.tables["stops"]["boardings_day"].sum() == pytest.approx(found.tables["stops"]["alightings_day"].sum())
    assert np.isfinite(found.tables["route_sections"]["passengers_peak_h"]).all()
