"""Changes of streets: edit_links, add_links, restrict_mode."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import TypeAdapter, ValidationError

from dothi.changes import AnyChange
from dothi.errors import Problems
from dothi.place import load
from dothi.tables import MODES

WEST, SOUTH = 355_000.0, 6_689_000.0
HIGH = "rue haute"  # the western edge: links 20, 25, 30, 35 northwards and 60, 65, 70, 75 back


def change(kind, folder=".", **fields):
    return TypeAdapter(AnyChange).validate_python({"kind": kind, **fields}, context={"folder": folder})


def applied(kind, city, **fields):
    problems = Problems()
    changed = change(kind, **fields).apply(city, problems)
    problems.raise_errors()
    return changed


def errors(kind, city, **fields):
    problems = Problems()
    change(kind, **fields).apply(city, problems)
    return "\n".join(map(str, problems.errors))


def at(x, y):
    return [WEST + x, SOUTH + y]


# --- edit_links ----------------------------------------------------------------------------------------------


def test_capacity_follows_the_lanes_and_both_say_where_they_come_from(little_city):
    before = little_city["links"]
    links = applied("edit_links", little_city, links=HIGH, lanes=2, speed_km_h=36, width_m=12)["links"]
    named = before["name"] == "Rue haute"
    assert named.sum() == 8
    assert (links["lanes"][named] == 2.0).all()
    assert_allclose(links["capacity_veh_h"][named], 2 * 800.0)
    assert_allclose(links["free_speed_m_s"][named], 10.0)
    assert set(links["lanes_method"][named]) == set(links["width_m_method"][named]) == {"entered"}
    assert set(links["capacity_veh_h_method"][named]) == {"in_proportion"}
    assert (links["lanes_confidence"][named] == 1.0).all()
    assert links[~named].astype(object).equals(before[~named].astype(object))


def test_a_capacity_that_is_given_stays_as_given(little_city):
    links = applied("edit_links", little_city, links=[0], lanes=3, capacity_veh_h=1000)["links"]
    assert set(links["capacity_veh_h"].loc[[0, 40]]) == {1000.0}
    assert set(links["capacity_veh_h_method"].loc[[0, 40]]) == {"entered"}


def test_one_direction_alone_may_change(little_city):
    links = applied("edit_links", little_city, links=[0], lanes=3, both_directions=False)["links"]
    assert links["lanes"].loc[0] == 3.0
    assert links["lanes"].loc[40] == 1.0


def test_a_one_way_street_takes_the_lanes_of_both_directions_and_lets_bicycles_go_against_it(little_city):
    links = applied("edit_links", little_city, links=HIGH, direction="forward")["links"]
    ahead, back = links.loc[[20, 25, 30, 35]], links.loc[[60, 65, 70, 75]]
    assert ahead[list(MODES)].to_numpy().all()
    assert not back[["motorbike", "car", "bus", "truck"]].to_numpy().any()
    assert back[["walk", "bicycle"]].to_numpy().all()
    assert (ahead["lanes"] == 2.0).all()
    assert (ahead["capacity_veh_h"] == 1600.0).all()
    assert (back[["lanes", "capacity_veh_h"]].to_numpy() == 0.0).all()


def test_one_way_goes_along_the_link_that_was_chosen(little_city):
    links = applied("edit_links", little_city, links=[40], direction="forward")["links"]
    assert links["car"].loc[40]
    assert not links["car"].loc[0]
    turned = applied("edit_links", little_city, links=[40], direction="backward")["links"]
    assert turned["car"].loc[0]
    assert not turned["car"].loc[40]


def test_one_way_follows_the_direction_that_is_open_now_where_a_street_is_named(little_city):
    city = applied("edit_links", little_city, links=[60, 65, 70, 75], direction="forward")
    again = applied("edit_links", city, links=HIGH, direction="forward")["links"]
    assert again["car"].loc[[60, 65, 70, 75]].all()
    assert not again["car"].loc[[20, 25, 30, 35]].any()


def test_a_street_opened_both_ways_again_is_as_it_was(little_city):
    city = applied("edit_links", little_city, links=HIGH, direction="forward")
    links = applied("edit_links", city, links=HIGH, direction="both")["links"]
    columns = [*MODES, "lanes", "capacity_veh_h", "free_speed_m_s"]
    assert links[columns].equals(little_city["links"][columns])


def test_cars_on_a_street_that_had_no_lane_get_those_of_its_class(little_city):
    before = little_city["links"]
    path = before.index.isin([0, 40])
    for mode in ("motorbike", "car", "bus", "truck"):
        before[mode] = before[mode] & ~path
    before["lanes"] = before["lanes"].where(~path, 0.0)
    before["capacity_veh_h"] = before["capacity_veh_h"].where(~path, 0.0)
    links = applied("edit_links", little_city.with_tables(links=before), links=[0], opened=["car"])["links"].loc[
        [0, 40]
    ]
    usual = load("fr", "roads")["classes"]["residential"]
    assert links["car"].all()
    assert not links["truck"].any()
    assert_allclose(links["lanes"], usual["lanes_two_way"] / 2)
    assert_allclose(links["capacity_veh_h"], usual["lanes_two_way"] / 2 * usual["capacity_pcu_h"])
    assert set(links["lanes_method"]) == {"class"}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({}, "says what changes"),
        ({"opened": ["car"], "closed": ["car"]}, "opens or closes each mode"),
        ({"lanes": -1}, "lanes"),
        ({"speed_km_h": 0}, "speed_km_h"),
        ({"direction": "left"}, "direction"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(fields, rule):
    with pytest.raises(ValidationError, match=rule):
        change("edit_links", links=[0], **fields)


# --- add_links -----------------------------------------------------------------------------------------------


def new_links(city, changed):
    return changed["links"][~changed["links"].index.isin(city["links"].index)]


def test_a_new_street_meets_what_it_touches_and_crosses(little_city):
    city = applied("add_links", little_city, links=[at(3, 50), at(250, 52)], **{"class": "tertiary"}, name="Neuve")
    new = new_links(little_city, city)
    drawn = new[new["name"] == "Neuve"]
    # From the western edge across two streets to a loose end: three stretches; three streets are split in two.
    assert len(drawn) == 6
    assert len(new) == 6 + 3 * 4
    assert_allclose(drawn["length_m"].sum() / 2, np.hypot(250.0, 2.0), rtol=1e-3)
    assert len(city["nodes"]) == len(little_city["nodes"]) + 4
    assert set(little_city["links"].index) - set(city["links"].index) == {20, 60, 21, 61, 22, 62}
    assert (city["nodes"]["component"] == 0).all()


def test_links_of_a_new_graph_fit_together(little_city):
    city = applied("add_links", little_city, links=[at(3, 50), at(250, 52)], **{"class": "tertiary"})
    links, nodes = city["links"], city["nodes"]
    other = links.loc[links["reverse_link_id"].astype("int64")]
    assert (other["reverse_link_id"].to_numpy() == links.index.to_numpy()).all()
    assert (other["from_node_id"].to_numpy() == links["to_node_id"].to_numpy()).all()
    for column, end in (("from_node_id", 0), ("to_node_id", -1)):
        place = nodes.geometry.loc[links[column]]
        tip = np.array([line.coords[end][:2] for line in links.geometry])
        assert_allclose(tip, np.column_stack([place.x, place.y]), atol=1e-6)
    assert_allclose(links["length_m"], links.geometry.length)


def test_the_level_of_a_new_junction_is_that_of_the_ground(little_city):
    city = applied("add_links", little_city, links=[at(3, 50), at(97, 50)], **{"class": "tertiary"})
    new = city["nodes"][~city["nodes"].index.isin(little_city["nodes"].index)]
    slope = 8.0 + 4.0 * (50.0 - 5.0) / 390.0  # the terrain falls from 12 m in the north to 8 m in the south
    assert_allclose(new["elevation_m"], slope, atol=0.02)


def test_split_streets_keep_what_they_were(little_city):
    city = applied("add_links", little_city, links=[at(3, 50), at(97, 50)], **{"class": "tertiary"})
    halves = new_links(little_city, city).query("name == 'Rue haute'")
    columns = ["class", "lanes", "lanes_method", "free_speed_m_s", "capacity_veh_h", *MODES]
    before = little_city["links"].loc[20, columns]
    assert (halves[columns].astype(object) == before.astype(object)).all(axis=None)
    assert_allclose(halves["length_m"].sum(), 2 * 100.0)


def test_a_bridge_passes_over_and_meets_others_at_its_ends_alone(little_city):
    fields = {"class": "primary", "bridge": True, "one_way": True}
    city = applied("add_links", little_city, links=[at(3, 103), at(303, 398)], **fields)
    new = new_links(little_city, city)
    assert len(new) == 2
    assert len(city["nodes"]) == len(little_city["nodes"])
    ahead = new[new["from_node_id"] == 5].iloc[0]  # the crossing 0, 100 m is node 5
    back = new[new["from_node_id"] == 23].iloc[0]
    assert (ahead["car"], back["car"]) == (True, False)
    assert back["lanes"] == 0.0


def test_what_is_entered_is_entered_and_the_rest_is_that_of_the_class(little_city):
    city = applied("add_links", little_city, links=[at(3, 50), at(97, 50)], **{"class": "tertiary"}, lanes=4)
    new = new_links(little_city, city).query("`class` == 'tertiary'")
    usual = load("fr", "roads")["classes"]["tertiary"]
    assert set(new["lanes_method"]) == {"entered"}
    assert (new["lanes"] == 2.0).all()
    assert_allclose(new["capacity_veh_h"], 2.0 * usual["capacity_pcu_h"])
    assert set(new["free_speed_m_s_method"]) == {"class"}


def test_modes_may_be_chosen_one_by_one(little_city):
    city = applied(
        "add_links", little_city, links=[at(3, 50), at(97, 50)], modes=["walk", "bus"], **{"class": "busway"}
    )
    new = new_links(little_city, city).query("`class` == 'busway'")
    assert new[["walk", "bus"]].to_numpy().all()
    assert not new[["bicycle", "motorbike", "car", "truck"]].to_numpy().any()


def test_ground_under_a_new_street_is_sealed_and_under_a_bridge_it_is_not(little_city):
    road = {"links": [at(3, 90), at(397, 90)], "class": "tertiary", "width_m": 20}
    sealed = applied("add_links", little_city, **road).rasters["imperviousness"].to_numpy()
    base = little_city.rasters["imperviousness"].to_numpy()
    rows = np.flatnonzero((sealed != base).any(axis=1))
    assert set(rows) <= {29, 30, 31}  # cells of 10 m from the north, 90 m above the southern edge
    assert 30 in rows or 31 in rows
    bridge = applied("add_links", little_city, **road, bridge=True).rasters["imperviousness"].to_numpy()
    assert (bridge == base).all()


def test_roads_may_lie_in_a_file_each_with_its_own_properties(little_city, tmp_path):
    features = [
        {
            "type": "Feature",
            "properties": {"class": "cycleway", "name": None, "remark": "seen by the council"},
            "geometry": {"type": "LineString", "coordinates": [at(3, 50), at(97, 50)]},
        },
        {
            "type": "Feature",
            "properties": {"lanes": 2},
            "geometry": {
                "type": "MultiLineString",
                "coordinates": [[at(103, 50), at(197, 50)], [at(203, 50), at(297, 50)]],
            },
        },
    ]
    (tmp_path / "new.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    problems = Problems()
    made = change("add_links", tmp_path, links="new.geojson", **{"class": "residential"}).apply(little_city, problems)
    problems.raise_errors()
    new = new_links(little_city, made)
    assert (new["class"] == "cycleway").sum() == 2
    assert new[new["class"] == "residential"]["lanes_method"].eq("entered").sum() == 4


def test_all_that_is_wrong_with_new_roads_is_named_at_once(little_city):
    found = errors(
        "add_links", little_city, links=[{"geometry": [at(0, 50), at(900, 50)]}, {"geometry": [at(1, 1), at(4, 1)]}]
    )
    assert "class: is given, for all or for each (2 rows" in found
    assert "lie in the city (1 row, 1)" in found
    assert "longer than the distance to which ends are drawn (1 row, 2)" in found


def test_a_road_where_one_runs_already_is_an_error(little_city):
    found = errors("add_links", little_city, links=[at(0, 100), at(200, 100)], **{"class": "primary"})
    assert "a road already runs where these are drawn" in found


def test_the_same_road_has_the_same_id_whatever_else_is_built(little_city):
    first = {"links": [at(3, 50), at(97, 50)], "class": "tertiary"}
    second = {"links": [at(303, 350), at(397, 350)], "class": "tertiary"}
    one = applied("add_links", applied("add_links", little_city, **first), **second)
    other = applied("add_links", applied("add_links", little_city, **second), **first)
    assert one["links"].equals(other["links"])
    assert one["nodes"].equals(other["nodes"])


# --- restrict_mode -------------------------------------------------------------------------------------------


def test_a_ban_of_some_fuel_or_hours_is_written_down_and_closes_nothing(little_city):
    fields = {"mode": "motorbike", "fuel": "petrol", "ward": "phường nam", "from_time": "7:00", "to_time": "19h30"}
    city = applied("restrict_mode", little_city, **fields)
    row = city["restrictions"].iloc[0]
    assert (row["mode"], row["fuel"], row["from_s"], row["to_s"]) == ("motorbike", "petrol", 25_200.0, 70_200.0)
    assert row["geometry"].area == pytest.approx(400.0 * 200.0)
    assert city["links"].equals(little_city["links"])


def test_a_ban_of_all_at_all_hours_closes_the_roads_inside(little_city):
    city = applied("restrict_mode", little_city, mode="car", ward="Phường Nam")
    middle = city["links"].geometry.centroid.y
    assert (city["links"]["car"] == (middle > SOUTH + 200.0)).all()
    assert city["links"]["truck"].all()
    assert len(city["restrictions"]) == 1


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({}, "an area or a ward"),
        ({"ward": "x", "area": [[0, 0], [1, 0], [1, 1]]}, "an area or a ward"),
        ({"ward": "x", "from_time": "07:00"}, "from_time and to_time, or neither"),
        ({"ward": "x", "from_time": "25:00", "to_time": "26:00"}, "up to 24:00"),
        ({"ward": "x", "from_time": "7 o'clock", "to_time": "08:00"}, "is a time of day"),
        ({"ward": "x", "from_time": "07:60", "to_time": "08:00"}, "is a time of day"),
    ],
)
def test_a_ban_that_makes_no_sense_is_refused(fields, rule):
    with pytest.raises(ValidationError, match=rule):
        change("restrict_mode", mode="car", **fields)


def test_a_ban_elsewhere_is_an_error(little_city):
    assert "area: lies in the city" in errors(
        "restrict_mode", little_city, mode="car", area=[at(9e5, 0), at(9.1e5, 0), at(9e5, 10)]
    )
    assert "is a ward of this city: Atlantis" in errors("restrict_mode", little_city, mode="car", ward="Atlantis")


def test_changes_are_told_in_three_languages():
    made = change(
        "restrict_mode", mode="motorbike", fuel="petrol", ward="Hoàn Kiếm", from_time="07:00", to_time="19:00"
    )
    assert made.describe("en") == "No motorbikes with petrol engines in Hoàn Kiếm, from 07:00 to 19:00"
    assert made.describe("fr") == "Interdiction (deux-roues motorisés à essence) : Hoàn Kiếm, de 07:00 à 19:00"
    assert made.describe("vi") == "Cấm xe máy chạy xăng trong Hoàn Kiếm, từ 07:00 đến 19:00"
    closed = change("close_links", links="Cầu Long Biên", modes=["car", "truck"])
    assert closed.describe("vi") == "Cấm ô tô con, xe tải: Cầu Long Biên"


# --- selections ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ({"name": "Rue 3"}, 8),
        ({"from_node_id": 0}, 2),
        ({"from_node_id": [0, 24]}, 4),
        ({"car": True, "lanes": 1}, 80),
        ({"class": ["residential", "primary"]}, 80),
    ],
)
def test_conditions_are_values_one_of_several_or_truths(little_city, where, count):
    made = applied("close_links", little_city, links={"where": where}, modes=["car"], both_directions=False)
    assert (~made["links"]["car"]).sum() == count


def test_wards_of_one_name_count_together(little_city):
    wards = little_city["wards"].assign(name="Phường Một")
    city = applied("close_links", little_city.with_tables(wards=wards), links={"ward": "phường một"}, modes=["car"])
    assert not city["links"]["car"].any()


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        ({"ids": list(range(9))}, "buildings no. 0, 1, 2, 3, 4, …"),
        ({"ward": "Bến Nghé", "where": {"function": "office"}}, "buildings in Bến Nghé (function: offices)"),
        ({"where": {"height_m": {"min": 2.5}}}, "buildings (height [m]: 2.5…)"),
        ("all", "all buildings"),
    ],
)
def test_selections_are_told_in_words(selection, told):
    assert change("demolish", buildings=selection).describe() == f"Tears down {told}"
