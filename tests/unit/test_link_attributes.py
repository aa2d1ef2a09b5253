"""Lanes, width, speed, capacity and modes of links, and what is known of their errors."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest

from dothi import place
from dothi.derive.link_attributes import MOTOR, QUANTITIES, link_accuracy, link_attributes
from dothi.derive.roads import road_graph
from dothi.errors import EngineMissingError, InputError, Problems
from dothi.io.nantes import read_nantes
from dothi.place import COUNTRIES
from dothi.schema import check
from dothi.tables import MODES, ROAD_CLASSES, TABLES
from dothi.units import M_S_PER_KM_H

GRID = "EPSG:2154"


def roads(*wkt: str, **columns) -> gpd.GeoDataFrame:
    geometry = gpd.GeoSeries.from_wkt(list(wkt))
    return gpd.GeoDataFrame({"class": ["residential"] * len(wkt)} | columns, geometry=geometry, crs=GRID)


def street(country: str = "vn", kind: str = "residential", n: int = 1, **columns) -> gpd.GeoDataFrame:
    """Links of `n` roads of one kind that touch nowhere."""
    lines = [f"LINESTRING (0 {10 * i}, 100 {10 * i})" for i in range(n)]
    given = {name: value if isinstance(value, list) else [value] * n for name, value in columns.items()}
    _, links = road_graph(roads(*lines, **({"class": [kind] * n} | given)), problems=Problems())
    return link_attributes(links, country)


def open_to(links: gpd.GeoDataFrame, row: int = 0) -> set[str]:
    return {mode for mode in MODES if links.loc[row, mode]}


# --- Values ----------------------------------------------------------------------------------------------------------


def test_what_the_source_says_stays_and_is_measured():
    links = street(lanes=4.0, width_m=15.0, free_speed_m_s=9.0, direction="both")
    assert links["lanes"].tolist() == [2.0, 2.0]
    assert links["width_m"].tolist() == [15.0, 15.0]
    assert links["free_speed_m_s"].tolist() == [9.0, 9.0]
    for quantity in QUANTITIES:
        assert (links[f"{quantity}_method"] == "measured").all()
        assert (links[f"{quantity}_confidence"] == 1.0).all()


@pytest.mark.parametrize(
    ("width_m", "direction", "lanes"),
    # Steps of place/vn/roads.toml: a second lane from 5.5 m, on two-way streets a third from 9.5 m.
    [
        (5.4, "both", 0.5),
        (5.5, "both", 1.0),
        (9.4, "both", 1.0),
        (9.5, "both", 1.5),
        (5.4, "forward", 1.0),
        (9.0, "forward", 3.0),
    ],
)
def test_lanes_follow_from_the_width(width_m, direction, lanes):
    links = street(width_m=width_m, direction=direction)
    assert links.loc[0, "lanes"] == lanes
    assert links.loc[0, "lanes_method"] == "width"
    assert links.loc[0, "lanes_confidence"] == pytest.approx(0.70)


def test_width_follows_from_the_lanes():
    links = street(kind="tertiary", lanes=3.0)
    assert links["width_m"].tolist() == [3 * 3.25] * 2  # TCVN 13592:2022, 50 km/h
    assert (links["width_m_method"] == "lanes").all()


def test_a_class_with_enough_known_roads_lends_its_median_to_the_others():
    known = [10.0] * 20 + [8.0] * 11
    links = street(n=40, free_speed_m_s=known + [np.nan] * 9)
    rest = links.iloc[2 * len(known) :]
    assert (rest["free_speed_m_s"] == 10.0).all()
    assert (rest["free_speed_m_s_method"] == "class_median").all()
    # 11 of 31 known roads lie off by (10 − 8) / 8.
    assert rest["free_speed_m_s_confidence"].tolist() == pytest.approx([1 - 11 / 31 * 0.25] * 18)


@pytest.mark.parametrize("n_known", [29, 30])
def test_a_class_with_few_known_roads_lends_nothing(n_known):
    links = street(n=n_known + 5, free_speed_m_s=[10.0] * n_known + [np.nan] * 5)
    assert links["free_speed_m_s_method"].iloc[-1] == ("class" if n_known < 30 else "class_median")


def test_a_class_of_which_few_roads_are_known_lends_nothing():
    links = street(n=101, free_speed_m_s=[10.0] * 30 + [np.nan] * 71)
    assert links["free_speed_m_s_method"].iloc[-1] == "class"


@pytest.mark.parametrize(
    ("direction", "lanes", "km_h"),
    # Circular 31/2019/TT-BGTVT art. 6: 60 km/h on one-way roads of two or more lanes, 50 km/h otherwise.
    [("forward", 2.0, 60.0), ("forward", 1.0, 50.0), ("both", 4.0, 50.0)],
)
def test_speeds_in_vietnam_keep_the_limit_of_built_up_areas(direction, lanes, km_h):
    links = street(kind="primary", direction=direction, lanes=lanes)
    assert links.loc[0, "free_speed_m_s"] == pytest.approx(km_h * M_S_PER_KM_H)


def test_capacity_is_lanes_times_that_of_a_lane():
    links = street("fr", "primary", lanes=4.0)
    assert links["capacity_veh_h"].tolist() == [2 * 950.0] * 2
    assert (links["capacity_veh_h_method"] == "lanes_class").all()
    assert links["capacity_veh_h_confidence"].tolist() == pytest.approx([0.7, 0.7])


def test_doubt_about_lanes_adds_to_doubt_about_capacity():
    links = street("vn", "primary")
    assert links["capacity_veh_h_confidence"].tolist() == pytest.approx([1 - np.hypot(0.45, 0.30)] * 2)


def test_where_no_motor_vehicle_may_go_lanes_and_capacity_are_nought():
    links = street(kind="footway")
    for name in ("lanes", "capacity_veh_h"):
        assert links[name].tolist() == [0.0, 0.0]
        assert (links[f"{name}_method"] == "no_motor_traffic").all()
        assert (links[f"{name}_confidence"] == 1.0).all()


def test_zero_lanes_widths_and_speeds_are_no_measurements():
    links = street(lanes=0.0, width_m=0.0, free_speed_m_s=0.0)
    assert not links[["lanes", "width_m", "free_speed_m_s"]].eq(0.0).any(axis=None)
    assert (links["lanes_method"] == "class").all()


# --- Modes -----------------------------------------------------------------------------------------------------------


def test_alleys_in_vietnam_are_open_to_motorbikes_but_not_to_cars():
    assert open_to(street("vn", "alley")) == {"walk", "bicycle", "motorbike"}
    assert open_to(street("fr", "alley")) == {"walk", "bicycle"}


def test_a_street_narrower_than_a_car_needs_is_left_to_motorbikes():
    assert open_to(street(width_m=2.5)) == {"walk", "bicycle", "motorbike"}
    assert open_to(street(width_m=3.0)) == {"walk", "bicycle", "motorbike", "car"}
    assert open_to(street(width_m=3.5)) == set(MODES)
    assert open_to(street(width_m=0.8)) == {"walk", "bicycle"}


@pytest.mark.parametrize("name", ["Ngõ 36", "ngách 12/4", "Hẻm 36/23 Lê Thị Riêng", "Kiệt 5", "Ngo\u0303 36"])
def test_a_path_with_the_name_of_an_alley_is_open_to_motorbikes(name):
    assert open_to(street(kind="footway", name=name)) == {"walk", "bicycle", "motorbike"}


@pytest.mark.parametrize("name", ["Ngô Quyền", "Phố Ngõ Trạm", None])
def test_a_footway_is_not_an_alley_because_its_name_looks_like_one(name):
    assert open_to(street(kind="footway", name=name)) == {"walk"}


def test_motorbikes_may_use_expressways_in_france_but_not_in_vietnam():
    assert "motorbike" in open_to(street("fr", "motorway"))
    assert "motorbike" not in open_to(street("vn", "motorway"))


def test_signs_overrule_the_class_and_closing_overrules_opening():
    assert "car" not in open_to(street(closed_to="car truck"))
    assert "motorbike" in open_to(street(kind="footway", open_to="motorbike"))
    assert "bus" not in open_to(street(closed_to="bus", open_to="bus"))


def test_against_a_one_way_street_go_walkers_and_whom_the_sign_names():
    links = street(kind="primary", direction="forward")
    assert (open_to(links, 0), open_to(links, 1)) == (set(MODES), {"walk"})
    links = street(kind="primary", direction="forward", contraflow="bicycle bus")
    assert open_to(links, 1) == {"walk", "bicycle", "bus"}
    assert links["lanes"].tolist() == [2.0, 1.0]
    assert links["lanes_method"].tolist() == ["class", "contraflow"]


def test_quiet_one_way_streets_in_france_are_open_to_bicycles_both_ways():
    # Code de la route R412-28-1: where the limit is 30 km/h or less.
    assert "bicycle" in open_to(street("fr", free_speed_m_s=30 / 3.6, direction="forward"), 1)
    assert "bicycle" not in open_to(street("fr", free_speed_m_s=50 / 3.6, direction="forward"), 1)
    assert "bicycle" not in open_to(street("fr", free_speed_m_s=30 / 3.6, direction="forward", roundabout=True), 1)
    assert "bicycle" not in open_to(street("vn", free_speed_m_s=30 / 3.6, direction="forward"), 1)


def test_words_that_name_no_mode_are_noted(problems):
    _, links = road_graph(roads("LINESTRING (0 0, 9 0)", closed_to=["car horses"]), problems=problems)
    assert not link_attributes(links, "vn", problems=problems)["car"].any()
    assert "passed over: horses" in str(next(iter(problems)))


def test_an_unknown_class_is_an_error(problems):
    _, links = road_graph(roads("LINESTRING (0 0, 9 0)"), problems=problems)
    with pytest.raises(InputError, match=r"links.class: is category motorway"):
        link_attributes(links.assign(**{"class": "boulevard"}), "vn")


# --- Contracts and accuracy ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("kind", ROAD_CLASSES)
def test_every_class_gives_whole_links(country, kind, problems):
    links = street(country, kind, n=2, direction=["both", "forward"])
    check({"links": links}, {"links": TABLES["links"]}, problems)
    assert [problem for problem in problems if "nodes" not in problem.rule] == []
    for name in (*QUANTITIES, "capacity_veh_h"):
        assert links[[name, f"{name}_method", f"{name}_confidence"]].notna().all(axis=None)
    motor = links[list(MOTOR)].any(axis=1)
    assert ((links["capacity_veh_h"] > 0) == motor).all()


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_value_of_the_place_data_names_its_source(country):
    data = place.load(country, "roads")
    assert set(data["classes"]) == set(ROAD_CLASSES)
    for source in data["sources"].values():
        assert source["text"]
        assert isinstance(source["verified"], bool)
    for values in data["classes"].values():
        assert set(values["modes"]) <= set(MODES)


def test_the_links_handed_in_stay_as_they_are(problems):
    _, links = road_graph(roads("LINESTRING (0 0, 9 0)"), problems=problems)
    before = links.copy(deep=True)
    link_attributes(links, "vn")
    assert links.equals(before)


def test_hidden_values_are_found_again_where_width_decides_the_lanes():
    lines = [f"LINESTRING (0 {i}, 100 {i})" for i in range(60)]
    frame = roads(*lines, lanes=[1.0, 2.0] * 30, width_m=[4.0, 7.0] * 30)
    _, links = road_graph(frame, problems=Problems())
    table = link_accuracy(links, "vn").set_index(["quantity", "method"])
    assert table.loc[("lanes", "width"), ["n", "mae", "bias"]].tolist() == [60, 0.0, 0.0]
    # Two lanes by class: 30 roads are right, 30 have one lane too many.
    assert table.loc[("lanes", "class"), ["mae", "bias", "mean_relative_error"]].tolist() == [0.5, 0.5, 0.5]
    assert table.loc[("lanes", "class"), "rmse"] == pytest.approx(0.5**0.5)
    assert table.loc[("free_speed_m_s", "class"), "n"] == 0


def test_confidences_for_france_are_the_errors_measured_on_nantes():
    problems = Problems()
    try:
        frame = read_nantes(problems)["roads"]
    except EngineMissingError as error:
        pytest.skip(str(error))
    _, links = road_graph(frame, problems=problems)
    table = link_accuracy(links, "fr").set_index(["quantity", "method"])["mean_relative_error"]
    expected = place.load("fr", "roads")["expected_error"]
    for quantity, method in (("lanes", "width"), ("lanes", "class"), ("width_m", "lanes"), ("width_m", "class")):
        assert table[quantity, method] == pytest.approx(expected[quantity][method], abs=0.05), (quantity, method)
