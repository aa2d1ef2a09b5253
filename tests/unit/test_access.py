"""What is within reach of buildings: on a little town, in closed form where there is one."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from dothi import place
from dothi.access.graph import graph_of, seconds, speeds
from dothi.access.model import WalkModel, WalkParams
from dothi.access.places import KINDS, places_of
from dothi.access.reach import AccessModel, AccessParams
from dothi.access.search import beside, within
from dothi.chain import congested_times_from
from dothi.errors import InputError
from dothi.indicators import KPIS
from dothi.kpi import Evidence
from dothi.model import Result, require
from dothi.tables import FACILITY_KINDS

CRS = "EPSG:2154"
WALK = speeds("fr")["walk"]


@pytest.fixture(scope="module")
def little_city(little_city):
    """The little town with houses moved so that each has one nearest crossing."""
    buildings = little_city["buildings"]
    return little_city.with_tables(buildings=buildings.set_geometry(buildings.translate(3.0, 3.0)))


@pytest.fixture(scope="module")
def found(little_city):
    return AccessModel().run(little_city)


def facilities(little_city, *rows, **columns):
    """The little town with these facilities: kind, x and y from its south-west corner [m]."""
    west, south, *_ = little_city.bounds
    kinds, xs, ys = zip(*rows, strict=True)
    given = {
        "geometry": shapely.points(west + np.array(xs), south + np.array(ys)),
        "kind": pd.Categorical(kinds, categories=FACILITY_KINDS),
        "kind_method": "measured",
        "kind_confidence": 1.0,
        **columns,
    }
    return little_city.with_tables(facilities=gpd.GeoDataFrame(given, crs=CRS))


def nodes_of(little_city):
    """Nearest crossing of each building (row, column), and the straight way to it [m]."""
    west, south, *_ = little_city.bounds
    at = shapely.get_coordinates(shapely.point_on_surface(np.asarray(little_city["buildings"].geometry)))
    at = (at - [west, south]) / 100.0
    crossing = np.round(at)
    return crossing, np.hypot(*(at - crossing).T) * 100.0


def test_walks_are_straight_to_the_crossing_and_then_round_the_blocks(little_city):
    table = WalkModel().run(little_city).tables["buildings"]
    crossing, straight = nodes_of(little_city)
    school = straight + 100.0 * crossing.sum(axis=1) + np.hypot(5.0, 5.0)
    assert table["walk_to_school_m"].to_numpy() == pytest.approx(school)
    minutes = AccessModel().run(little_city).tables["buildings"]["nearest_school_min"]
    assert minutes.to_numpy() == pytest.approx(school / WALK / 60.0)


def test_what_lies_beyond_the_limit_is_missing(little_city):
    near = WalkModel(WalkParams(limit_m=250.0)).run(little_city).tables["buildings"]["walk_to_school_m"]
    whole = WalkModel().run(little_city).tables["buildings"]["walk_to_school_m"]
    assert near.notna().equals(whole <= 250.0)


def test_in_a_one_way_street_walks_count_towards_the_place(little_city):
    """With the way along the lowest street only eastwards, the school in the west is reached round the block."""
    links = little_city["links"]
    westwards = (links.name == "Phố ngang 0") & (links.from_node_id > links.to_node_id)
    links.loc[westwards, "walk"] = False
    city = little_city.with_tables(links=links)
    before = WalkModel().run(little_city).tables["buildings"]["walk_to_school_m"]
    after = WalkModel().run(city).tables["buildings"]["walk_to_school_m"]
    crossing, _ = nodes_of(city)
    lowest = (crossing[:, 1] == 0) & (crossing[:, 0] > 0)
    assert lowest.any()
    assert (after - before)[lowest].to_numpy() == pytest.approx(200.0)
    assert (after - before)[~lowest].to_numpy() == pytest.approx(0.0)
    minutes = AccessModel().run(city).tables["buildings"]["nearest_school_min"]
    assert minutes.to_numpy() == pytest.approx(after.to_numpy() / WALK / 60.0)


def test_jobs_are_those_of_all_buildings_near_enough(little_city):
    graph = graph_of(little_city["links"], little_city["nodes"], "walk", little_city["links"].length_m.to_numpy())
    at = shapely.get_coordinates(shapely.point_on_surface(np.asarray(little_city["buildings"].geometry)))
    doors, jobs = beside(graph, at, 1.0), little_city["buildings"].jobs.to_numpy(float)
    crossing, straight = nodes_of(little_city)
    away = 100.0 * np.abs(crossing[:, None] - crossing[None]).sum(axis=2) + straight[:, None] + straight[None]
    limits = np.array([150.0, 260.0, 500.0])
    expected = np.stack([((away <= limit) * jobs).sum(axis=1) for limit in limits], axis=1)
    assert within(graph, doors, doors, jobs, limits)[0] == pytest.approx(expected)
    assert 0.0 < expected[:, 0].min() < expected[:, 2].max() < jobs.sum()


def test_what_straight_ways_put_beyond_the_limit_is_not_the_nearest(little_city):
    graph = graph_of(little_city["links"], little_city["nodes"], "walk", little_city["links"].length_m.to_numpy())
    points = beside(graph, graph.xy[:1] + np.array([2.0, 0.0]), 1.0)
    assert within(graph, points, points, np.ones(1), np.array([3.0]))[1].tolist() == [np.inf]
    assert within(graph, points, points, np.ones(1), np.array([4.0]))[1].tolist() == [4.0]


def test_every_job_of_a_little_town_is_half_an_hour_away(little_city, found):
    table, jobs = found.tables["buildings"], little_city["buildings"].jobs.sum()
    for mode in ("walk", "bicycle", "motorbike", "car"):
        assert (table[f"jobs_{mode}_30min"] == jobs).all()
    assert table["jobs_transit_45min"].isna().all()


def test_traffic_takes_jobs_out_of_reach_and_times_of_empty_roads_bring_them_back(little_city):
    links = little_city["links"].assign(time_car_s=700.0)
    jammed = little_city.with_tables(links=links)
    table = AccessModel().run(jammed).tables["buildings"]
    assert table["jobs_car_30min"].max() < table["jobs_car_45min"].max() < little_city["buildings"].jobs.sum()
    assert (table["jobs_motorbike_30min"] == little_city["buildings"].jobs.sum()).all()
    empty = AccessModel(AccessParams(congested=False)).run(jammed).tables["buildings"]
    assert (empty["jobs_car_30min"] == little_city["buildings"].jobs.sum()).all()


def test_searches_from_zones_stand_for_their_buildings_where_a_city_is_too_large(little_city, monkeypatch):
    monkeypatch.setattr("dothi.access.reach.MOST_WORK", 10)
    links = little_city["links"].assign(time_car_s=700.0)
    result = AccessModel().run(little_city.with_tables(links=links))
    assert result.diagnostics["by_zone"] == ["bicycle", "motorbike", "car"]
    zone = shapely.contains(*np.meshgrid(little_city["zones"].geometry, little_city["buildings"].centroid)).argmax(
        axis=1
    )
    assert result.tables["buildings"]["jobs_car_30min"].groupby(zone).nunique().eq(1).all()


def test_by_transit_the_jobs_of_zones_count(little_city):
    times = pd.DataFrame(
        {"origin_zone_id": [0, 0, 1, 1], "destination_zone_id": [0, 1, 0, 1], "transit_s": [0.0, 2400.0, np.nan, 60.0]}
    )
    city = little_city.with_tables(transit_times=times)
    require(city, AccessModel)
    table = AccessModel().run(city).tables["buildings"]
    buildings = city["buildings"]
    south = shapely.contains(city["zones"].geometry.iloc[0], np.asarray(buildings.centroid))
    south_jobs, all_jobs = buildings.jobs[south].sum(), buildings.jobs.sum()
    assert (table.loc[south, "jobs_transit_30min"] == south_jobs).all()
    assert (table.loc[south, "jobs_transit_45min"] == all_jobs).all()
    assert (table.loc[~south, "jobs_transit_45min"] == all_jobs - south_jobs).all()


def test_the_score_counts_services_by_weight_and_only_those_the_city_knows(little_city, monkeypatch):
    city = facilities(little_city, ("school", 0.0, 0.0), ("pharmacy", 400.0, 400.0))
    monkeypatch.setattr("dothi.access.reach.QUARTER_S", 300.0)
    result = AccessModel().run(city)
    table, weight = result.tables["buildings"], place.load("fr", "access")["services"]["weight"]
    whole = weight["school"] + weight["pharmacy"] + weight["stop"]
    expected = (
        sum(weight[name] * (table[f"nearest_{name}_min"] <= 5.0) for name in ("school", "pharmacy", "stop")) / whole
    )
    assert table["score_15min"].to_numpy() == pytest.approx(expected.to_numpy())
    assert table["score_15min"].nunique() > 2
    assert (table["score_15min_bicycle"] >= table["score_15min"]).all()
    assert "health" in result.diagnostics["services_unknown"]


def test_all_places_of_a_catchment_are_shared_out_among_the_residents(little_city):
    """Everyone reaches both schools: each resident has the places of both over all residents, without decay."""
    city = facilities(little_city, ("school", 100.0, 100.0), ("school", 300.0, 200.0), capacity=[100.0, 300.0])
    result = AccessModel(AccessParams(decay=False)).run(city)
    people = city["buildings"].residents
    assert result.tables["buildings"]["supply_school"].to_numpy() == pytest.approx(400.0 / people.sum() * 1000.0)
    assert result.diagnostics["capacity"]["school"] == "places"


def test_residents_further_off_have_less_of_a_place(little_city):
    city = facilities(little_city, ("clinic", 0.0, 0.0))
    table = AccessModel().run(city).tables["buildings"]
    order = table["nearest_health_min"].argsort()
    assert (np.diff(table["supply_health"].to_numpy()[order]) <= 1e-12).all()
    people = city["buildings"].residents.to_numpy(float)
    assert (table["supply_health"] * people).sum() == pytest.approx(1000.0)  # one clinic, shared out


def test_help_comes_from_the_nearest_station_against_one_way_streets_and_in_traffic(little_city):
    rules = place.load("fr", "access")["emergency"]
    city = facilities(little_city, ("fire_station", 0.0, 0.0), ("hospital", 400.0, 400.0))
    links = city["links"]
    eastwards = (links.name == "Phố ngang 0") & (links.from_node_id < links.to_node_id)
    links = links.assign(car=~eastwards, time_car_s=np.where(links.index < 20, 30.0, np.nan))
    table = AccessModel().run(city.with_tables(links=links)).tables["buildings"]
    crossing, straight = nodes_of(city)
    begin = rules["call_s"] + rules["turnout_s"]
    alone = crossing[:, 0] == 0  # straight north: the links up are numbered from 20 on, and take 10 s
    expected = begin + 10.0 * crossing[:, 1] + straight / WALK
    assert table["fire_response_s"][alone].to_numpy() == pytest.approx(expected[alone])
    south_east = (crossing[:, 1] == 0) & (crossing[:, 0] == 1)  # up, across in 30 s or back down the other way
    assert table["fire_response_s"][south_east].to_numpy() == pytest.approx(
        begin + 10.0 + 30.0 + 10.0 + straight[south_east] / WALK
    )
    assert (table["ambulance_response_s"] <= table["fire_response_s"]).all()
    assert table["police_response_s"].isna().all()


def test_surroundings_beyond_the_edge_are_told(little_city, found):
    """From a corner of a town far smaller than a walk, nearly everything lies beyond; never less than nothing."""
    west, south, east, north = little_city.bounds
    share = found.tables["buildings"]["access_edge_share"]
    disc = np.pi * (900.0 * WALK) ** 2
    assert share.to_numpy() == pytest.approx(1.0 - (east - west) * (north - south) / disc, abs=2e-3)
    wide = with_bounds(little_city, (west - 5e3, south - 5e3, east + 5e3, north + 5e3))
    assert AccessModel().run(wide).tables["buildings"]["access_edge_share"].max() == 0.0


def with_bounds(city, bounds):
    from dataclasses import replace

    return replace(city, bounds=bounds)


def test_equity_is_told_of_the_city_and_of_its_wards(found, little_city):
    assert found.diagnostics["equity"].keys() == {"city", "0", "1"}
    assert found.diagnostics["equity"]["city"]["jobs_walk_30min"]["gini"] == pytest.approx(0.0)
    assert found.diagnostics["equity"]["0"]["jobs_walk_30min"]["palma"] == pytest.approx(1.0)


def test_a_park_is_entered_along_its_edge_and_shops_are_retail_buildings_without_a_facility(little_city):
    west, south, *_ = little_city.bounds
    park = shapely.box(west + 500.0, south, west + 700.0, south + 100.0)
    land = gpd.GeoDataFrame({"geometry": [park], "class": ["park"]}, crs=CRS)
    buildings = little_city["buildings"]
    buildings.loc[[3, 5], "function"] = "retail"
    known = little_city["facilities"].assign(building_id=[5, pd.NA])
    city = little_city.with_tables(land_use=land, buildings=buildings, facilities=known)
    parks = places_of(city, "park")
    assert (parks.facilities, parks.others, len(parks)) == (1, 1, 13)
    assert parks.unit == "each"  # the facility is a point in no building: its area is not known
    shops = places_of(city, "food")
    assert (shops.facilities, shops.others, shops.unit) == (0, 1, "m²")
    assert shops.capacity == pytest.approx([buildings.floor_area_m2[3]])
    alone = places_of(city.with_tables(facilities=known.iloc[:1]), "park")
    assert alone.unit == "m²"
    assert alone.capacity.sum() == pytest.approx(park.area)
    same = places_of(city.with_tables(facilities=known.assign(geometry=[known.geometry[0], park.centroid])), "park")
    assert len(same) == 1  # a facility within the park is the park


def test_a_city_without_people_places_or_streets_has_no_access_but_a_result(little_city):
    buildings = little_city["buildings"].assign(residents=0, jobs=0)
    links = little_city["links"].assign(walk=False, bicycle=False, motorbike=False, car=False)
    bare = little_city.with_tables(buildings=buildings, links=links)
    table = AccessModel().run(bare).tables["buildings"]
    assert (table["jobs_walk_45min"] == 0.0).all()
    assert table["nearest_school_min"].isna().all()
    assert (table["score_15min"] == 0.0).all()
    assert (table["supply_school"] == 0.0).all()


def test_what_is_read_is_checked(little_city):
    with pytest.raises(InputError, match="time_car_s: ≥ 0"):
        require(little_city.with_tables(links=little_city["links"].assign(time_car_s=-1.0)), AccessModel)


def test_times_by_own_power_are_those_of_the_country(little_city):
    links = little_city["links"]
    assert seconds(links, "walk", "fr") == pytest.approx(100.0 / WALK)
    assert seconds(links, "bicycle", "vn") == pytest.approx(100.0 / speeds("vn")["bicycle"])
    assert seconds(links, "car", "vn") == pytest.approx(10.0)


@pytest.mark.parametrize("country", place.COUNTRIES)
def test_every_figure_on_access_has_a_source_and_says_whether_it_was_verified(country):
    data = place.load(country, "access")
    for table in data.values():
        assert table["source"]
        assert isinstance(table["verified"], bool)
    assert set(data["services"]["weight"]) == {*KINDS, "stop"}
    stations = data["stations"]
    assert {kind for name in ("fire", "ambulance", "police") for kind in stations[name]} <= set(FACILITY_KINDS)


@pytest.fixture(scope="module")
def evidence(little_city):
    city = facilities(
        little_city,
        ("school", 100.0, 100.0),
        ("fire_station", 0.0, 0.0),
        ("clinic", 200.0, 0.0),
        ("supermarket", 0.0, 100.0),
        capacity=[90.0, np.nan, np.nan, np.nan],
    )
    return Evidence(city, {"access": AccessModel(AccessParams(decay=False)).run(city)}, today=city)


def test_indicators_of_access_are_those_of_its_columns(evidence, little_city):
    people = little_city["buildings"].residents.sum()
    assert KPIS["ECO-01"].value(evidence) is None
    assert KPIS["ECO-02"].value(evidence) == pytest.approx(100.0)
    assert KPIS["LIV-09"].value(evidence) == pytest.approx(100.0)
    assert KPIS["PEO-01"].value(evidence) == pytest.approx(90.0 / people * 1000.0 / 170.0)
    assert KPIS["PEO-03"].value(evidence) == pytest.approx(0.0)
    table = evidence.results["access"].tables["buildings"]
    late = KPIS["LIV-06"].value(evidence) * 60.0
    in_time = table["fire_response_s"] <= late + 1e-9
    assert little_city["buildings"].residents[in_time].sum() >= 0.9 * people
    assert little_city["buildings"].residents[table["fire_response_s"] < late - 1e-9].sum() < 0.9 * people


def test_where_no_help_comes_or_places_are_not_counted_indicators_are_missing(little_city):
    city = facilities(little_city, ("school", 100.0, 100.0))
    evidence = Evidence(city, {"access": AccessModel().run(city)})
    assert KPIS["LIV-06"].value(evidence) is None
    assert KPIS["PEO-01"].value(evidence) is None
    assert KPIS["LIV-09"].value(evidence) is None  # of fifteen, the data know school and stops: four


def test_unequal_jobs_show_in_the_indicator_of_a_ward_as_well(little_city):
    times = pd.DataFrame({"origin_zone_id": [0], "destination_zone_id": [0], "transit_s": [60.0]})
    city = little_city.with_tables(transit_times=times)
    evidence = Evidence(city, {"access": AccessModel().run(city)})
    buildings = city["buildings"]
    south = shapely.contains(city["zones"].geometry.iloc[0], np.asarray(buildings.centroid))
    assert KPIS["PEO-03"].value(evidence) == pytest.approx(
        buildings.residents[~south].sum() / buildings.residents.sum()
    )
    assert KPIS["ECO-01"].value(evidence) == pytest.approx(
        100.0
        * buildings.residents[south].sum()
        / buildings.residents.sum()
        * buildings.jobs[south].sum()
        / buildings.jobs.sum()
    )
    assert KPIS["PEO-03"].value(evidence.inside(city["wards"].geometry.iloc[0])) == pytest.approx(0.0)


def test_the_times_of_simulated_traffic_are_handed_on_to_the_links(little_city):
    links = little_city["links"]
    table = pd.DataFrame({"time_car_s": 12.0, "time_motorbike_s": 11.0, "saturation": 0.5}, index=links.index)
    city = congested_times_from(little_city.with_tables(links=links.assign(time_car_s=1.0)), Result({"links": table}))
    assert (city["links"].time_car_s == 12.0).all()
    assert "saturation" not in city["links"]
    assert seconds(city["links"], "motorbike", "fr") == pytest.approx(11.0)
