"""Changes of buildings and people: add_buildings, edit_buildings, demolish, rezone, grow."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose
from pydantic import TypeAdapter, ValidationError

from dothi.changes import AnyChange
from dothi.derive.landcover import COVERS, imperviousness, land_cover, roughness
from dothi.derive.terrain import surface_raster
from dothi.errors import Problems
from dothi.io.terrain import grid_of
from dothi.mesh.skin import surface_table
from dothi.place import load

WEST, SOUTH = 355_000.0, 6_689_000.0


def box(x, y, width, depth):
    ring = [(x, y), (x + width, y), (x + width, y + depth), (x, y + depth), (x, y)]
    return [[WEST + east, SOUTH + north] for east, north in ring]


YARD = box(50, 55, 20, 20)  # free ground of the first block, 5 m from a house


def change(kind, **fields):
    return TypeAdapter(AnyChange).validate_python({"kind": kind, **fields})


def applied(kind, city, **fields):
    problems = Problems()
    changed = change(kind, **fields).apply(city, problems)
    problems.raise_errors()
    return changed


def errors(kind, city, **fields):
    problems = Problems()
    change(kind, **fields).apply(city, problems)
    return "\n".join(map(str, problems.errors))


def added(before, after, table="buildings"):
    return after[table][~after[table].index.isin(before[table].index)]


@pytest.fixture(scope="module")
def city(little_city):
    """The little town with surfaces, all rasters, and a facility, a part and trees here and there."""
    grid = grid_of(little_city.rasters["terrain"])
    cover = land_cover(grid, little_city["buildings"], little_city["links"], country="fr")
    facilities = little_city["facilities"]
    facilities["building_id"] = pd.array([3, pd.NA], dtype="Int64")
    shapes = shapely.points([[WEST + 60, SOUTH + 65], [WEST + 90, SOUTH + 90]])
    trees = gpd.GeoDataFrame(
        {"height_m": [8.0, 9.0], "crown_diameter_m": [4.0, 4.0]}, geometry=shapes, crs=little_city.crs
    )
    part = gpd.GeoDataFrame(
        {"building_id": [3], "height_m": [5.0]},
        geometry=[shapely.box(WEST + 325, SOUTH + 25, WEST + 335, SOUTH + 35)],
        crs=little_city.crs,
    )
    town = little_city.with_tables(facilities=facilities, trees=trees, building_parts=part)
    town = town.with_tables(
        surfaces=surface_table(town),
        building_measures=pd.DataFrame({"building_id": [3, 5], "heat_loss_ratio": [0.5, 0.5]}),
    )
    rasters = {"land_cover": cover, "imperviousness": imperviousness(cover, "fr"), "roughness": roughness(cover, "fr")}
    return town.with_rasters(**rasters, surface=surface_raster(town.rasters["terrain"], town["buildings"]))


def assert_surfaces_fit(town):
    """Surfaces are those that the whole city would have."""
    whole = surface_table(town.with_tables(surfaces=town["surfaces"].iloc[:0]))

    def faces(frame):
        wkb = shapely.to_wkb(np.asarray(frame.geometry.array, dtype=object))
        return sorted(
            zip(frame["building_id"], wkb, frame["area_m2"], frame["party_building_id"].fillna(-1), strict=True)
        )

    assert faces(town["surfaces"]) == faces(whole)


# --- add_buildings -------------------------------------------------------------------------------------------


def test_a_tower_is_completed_by_the_habits_of_its_country(city):
    tower = added(city, applied("add_buildings", city, buildings=YARD, function="apartments", storeys=10)).iloc[0]
    data = load("fr", "buildings")
    assert tower["height_m"] == pytest.approx(10 * data["storey_height_m"]["apartments"])
    assert tower["floor_area_m2"] == pytest.approx(10 * 400.0)
    assert tower["dwellings"] == round(4000.0 / data["floor_area_per_dwelling_m2"]["apartments"])
    household = data["household"]
    assert abs(tower["residents"] - tower["dwellings"] * household["size"] * household["occupied_share"]) < 1.0
    assert tower["ground_m"] == pytest.approx(8.0 + 4.0 * (65.0 - 5.0) / 390.0, abs=0.05)
    assert (tower["storeys_method"], tower["storeys_confidence"]) == ("entered", 1.0)
    assert (tower["height_m_method"], tower["ground_m_method"]) == ("storeys_place", "terrain")


def test_what_is_given_is_taken_as_given(city):
    given = {"height_m": 31.5, "dwellings": 44, "residents": 90, "jobs": 3, "floor_area_m2": 3900.0, "name": "Tháp"}
    tower = added(city, applied("add_buildings", city, buildings=[{"geometry": YARD, **given}], function="mixed")).iloc[
        0
    ]
    assert {name: tower[name] for name in given} == given
    assert all(tower[f"{name}_method"] == "entered" for name in given if name != "name")


def test_neighbours_stay_as_they_are(city):
    after = applied("add_buildings", city, buildings=YARD, function="office", height_m=40)["buildings"]
    same = after.loc[city["buildings"].index]
    assert same.astype(object).equals(city["buildings"].astype(object))


def test_zones_count_new_buildings_and_other_zones_stay(city):
    after = applied("add_buildings", city, buildings=YARD, function="office", height_m=40)
    south = after["buildings"].geometry.centroid.y < SOUTH + 200.0
    for name in ("dwellings", "residents", "jobs"):
        assert after["zones"][name].loc[0] == after["buildings"][name][south].sum()
        assert after["zones"][name].loc[1] == city["zones"][name].loc[1]


def test_a_new_school_serves_people_at_once(city):
    after = applied("add_buildings", city, buildings=YARD, function="school", storeys=3)
    school = added(city, after, "facilities").iloc[0]
    assert school["kind"] == "school"
    assert school["building_id"] == added(city, after).index[0]
    assert school["node_id"] == 6


def test_ground_surface_and_trees_give_way_and_nothing_else_does(city):
    after = applied("add_buildings", city, buildings=YARD, function="office", height_m=40)
    changed = after.rasters["surface"].to_numpy() != city.rasters["surface"].to_numpy()
    assert changed.sum() == 4  # cells of 10 m under 20 × 20 m
    assert (after.rasters["land_cover"].to_numpy()[changed] == COVERS["building"]).all()
    assert (after.rasters["surface"].to_numpy()[changed] > 48.0).all()
    for name in ("land_cover", "imperviousness", "roughness"):
        assert (after.rasters[name].to_numpy() == city.rasters[name].to_numpy())[~changed].all()
    assert after.rasters["terrain"].equals(city.rasters["terrain"])
    assert list(after["trees"].index) == [1]


def test_surfaces_are_those_of_the_whole_city_and_unchanged_ones_keep_their_ids(city):
    wall_to_wall = box(50, 50, 20, 20)  # its southern wall is shared
    after = applied("add_buildings", city, buildings=wall_to_wall, function="office", height_m=40)
    assert_surfaces_fit(after)
    both = after["surfaces"].index.intersection(city["surfaces"].index)
    assert len(both) > 0.9 * len(city["surfaces"])
    assert after["surfaces"].geometry.loc[both].geom_equals(city["surfaces"].geometry.loc[both]).all()


def test_all_that_is_wrong_with_new_buildings_is_named_at_once(city):
    wrong = [box(20, 20, 50, 55), box(520, 20, 10, 10), {"geometry": box(60, 60, 10, 10), "storeys": 2}]
    found = errors("add_buildings", city, buildings=wrong)
    assert "function: is given, for all or for each (3 rows, e.g. 1, 2, 3)" in found
    assert "storeys: or height_m is given, for all or for each (2 rows, e.g. 1, 2)" in found
    assert "buildings: lie in the city (1 row, 2)" in found
    assert "buildings: do not overlap each other (2 rows, e.g. 1, 3)" in found
    assert "stand where nothing is built yet" in found
    assert "(2 rows, e.g. 0, 16)" in found


def test_what_stands_in_the_way_is_torn_down_where_that_is_wanted(city):
    after = applied("add_buildings", city, buildings=box(20, 20, 50, 55), function="office", storeys=2, replace=True)
    assert set(city["buildings"].index) - set(after["buildings"].index) == {0, 16}
    assert_surfaces_fit(after)


def test_the_same_house_has_the_same_id_in_every_scenario(city):
    house = {"buildings": YARD, "function": "office", "storeys": 2}
    alone = added(city, applied("add_buildings", city, **house)).index
    later = added(city, applied("add_buildings", applied("demolish", city, buildings=[31]), **house)).index
    assert list(alone) == list(later)
    assert alone[0] >= 1 << 30


@pytest.mark.parametrize(
    "given",
    [
        [],
        "missing.geojson",
        {"type": "Point", "coordinates": [0, 0]},
        [[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]],
        [{"geometry": YARD, "storeys": 0}],
        [{"geometry": YARD, "function": "castle"}],
        [{"geometry": None}],
        [{"storeys": 3}],
        [7],
        7,
    ],
)
def test_drawings_that_are_none_are_refused(given):
    with pytest.raises(ValidationError):
        change("add_buildings", buildings=given, function="office", storeys=2)


# --- demolish ------------------------------------------------------------------------------------------------


def test_what_belongs_to_a_building_goes_with_it(city):
    after = applied("demolish", city, buildings=[3])
    assert 3 not in after["buildings"].index
    assert after["building_parts"].empty
    assert list(after["building_measures"]["building_id"]) == [5]
    assert list(after["facilities"]["kind"]) == ["park"]
    assert not after["surfaces"]["building_id"].eq(3).any()
    assert_surfaces_fit(after)


def test_the_ground_of_a_building_that_is_gone_is_bare_and_as_low_as_the_terrain(city):
    after = applied("demolish", city, buildings=[3, 19])
    before, now = (each.rasters["surface"].to_numpy() for each in (city, after))
    gone = before != now
    assert gone.any()
    assert (now == city.rasters["terrain"].to_numpy())[gone].all()
    assert (after.rasters["land_cover"].to_numpy()[gone] == COVERS["bare"]).all()
    assert (after.rasters["land_cover"].to_numpy() == city.rasters["land_cover"].to_numpy())[~gone].all()


def test_people_leave_with_their_building(city):
    after = applied("demolish", city, buildings={"ward": "Phường Nam"})
    assert set(after["zones"]["residents"]) == {0, city["zones"]["residents"].loc[1]}
    assert len(after["buildings"]) == 16


# --- edit_buildings ------------------------------------------------------------------------------------------


def test_two_more_storeys_bring_height_floor_area_and_people_in_proportion(city):
    before = city["buildings"].loc[1]
    after = applied("edit_buildings", city, buildings=[1], storeys_added=3)["buildings"].loc[1]
    assert (before["storeys"], after["storeys"]) == (3, 6)
    for name in ("height_m", "floor_area_m2", "dwellings", "residents", "jobs"):
        assert after[name] == pytest.approx(2.0 * before[name])
        assert after[f"{name}_method"] == "in_proportion"
    assert after["storeys_method"] == "entered"


def test_another_function_brings_other_people(city):
    after = applied("edit_buildings", city, buildings={"where": {"function": "office"}}, function="apartments")
    homes = after["buildings"][city["buildings"]["function"] == "office"]
    assert (homes["dwellings"] > 0).all()
    assert (homes["residents"] > 0).all()
    assert (homes["jobs"] == 0).all()
    assert homes["storeys"].equals(city["buildings"]["storeys"].loc[homes.index])
    rest = city["buildings"].index.difference(homes.index)
    columns = ["function", "storeys", "residents", "jobs", "height_m"]
    assert after["buildings"].loc[rest, columns].equals(city["buildings"].loc[rest, columns])


def test_a_building_that_becomes_a_school_becomes_a_facility(city):
    after = applied("edit_buildings", city, buildings=[9], function="school")
    assert list(added(city, after, "facilities")["kind"]) == ["school"]
    back = applied("edit_buildings", after, buildings=[9], function="office")
    assert len(back["facilities"]) == len(city["facilities"])


def test_surfaces_follow_the_height_and_drawn_parts_go(city):
    after = applied("edit_buildings", city, buildings=[3], height_m=30)
    assert after["building_parts"].empty
    assert after["surfaces"].query("building_id == 3 and kind == 'roof'")["height_m"].max() == pytest.approx(30.0)
    assert_surfaces_fit(after)
    assert len(applied("edit_buildings", city, buildings=[3], year_built=2030)["building_parts"]) == 1


def test_what_cannot_be_edited_is_named(city):
    assert "leaves 1 to 200 storeys (1 row, 1)" in errors("edit_buildings", city, buildings=[0, 1], storeys_added=-3)
    with pytest.raises(ValidationError, match="says what changes"):
        change("edit_buildings", buildings=[1])
    with pytest.raises(ValidationError, match="one of storeys"):
        change("edit_buildings", buildings=[1], storeys=3, height_m=10)


# --- grow ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("growth", [0.2, -0.35, -1.0, 0.0, 7.5])
def test_growth_is_kept_to_the_last_person(city, growth):
    before, after = city["buildings"], applied("grow", city, residents_growth=growth)["buildings"]
    assert after["residents"].sum() == round(before["residents"].sum() * (1 + growth))
    assert after["residents"].min() >= 0
    assert after["jobs"].equals(before["jobs"])
    assert after["dwellings"].equals(before["dwellings"])


def test_residents_come_where_homes_are_and_jobs_where_floor_area_is(city):
    after = applied("grow", city, residents_growth=1.0, jobs_total=5000)
    more = after["buildings"]["residents"] - city["buildings"]["residents"]
    homes = city["buildings"]["dwellings"]
    assert (more[homes == 0] == 0).all()
    assert ((more - more.sum() * homes / homes.sum()).abs() < 1.0).all()
    assert after["buildings"]["jobs"].sum() == 5000
    assert after["zones"]["jobs"].sum() == 5000
    moved = more != 0
    assert set(after["buildings"]["residents_method"][moved]) == {"growth"}
    assert set(after["buildings"]["residents_method"][~moved]) == {"measured"}


def test_growth_stays_where_it_is_asked_for(city):
    chosen = {"ward": "Phường Bắc", "where": {"function": "residential"}}
    after = applied("grow", city, buildings=chosen, residents_total=3000)["buildings"]
    inside = (city["buildings"].geometry.centroid.y > SOUTH + 200.0) & (city["buildings"]["function"] == "residential")
    assert after["residents"][inside].sum() == 3000
    assert after["residents"][~inside].equals(city["buildings"]["residents"][~inside])


def test_nobody_moves_where_there_is_no_home(city):
    found = errors("grow", city, buildings={"where": {"function": "office"}}, residents_total=100)
    assert "have room for residents" in found


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({}, "says what grows"),
        ({"jobs_growth": 1, "jobs_total": 1}, "a share or a total"),
        ({"jobs_growth": -2}, "jobs"),
    ],
)
def test_growth_that_makes_no_sense_is_refused(fields, rule):
    with pytest.raises(ValidationError, match=rule):
        change("grow", **fields)


# --- rezone --------------------------------------------------------------------------------------------------


def test_a_zone_of_the_plan_gives_way_to_a_newer_one(city):
    first = applied("rezone", city, ward="phường nam", land_use="commercial", floor_area_ratio=5, coverage_share=0.4)
    second = applied("rezone", first, area=box(0, 0, 100, 150), land_use="park", name="Công viên")
    zones = second["plan_zones"].set_index("class")
    assert_allclose(zones.geometry.area.loc[["commercial", "park"]], [80_000.0 - 15_000.0, 15_000.0])
    assert zones["floor_area_ratio"].loc["commercial"] == 5.0
    assert np.isnan(zones["floor_area_ratio"].loc["park"])
    assert set(first["plan_zones"].index) < set(second["plan_zones"].index)
    over = applied("rezone", second, area=box(-10, -10, 500, 500), land_use="residential")
    assert list(over["plan_zones"]["class"]) == ["residential"]


def test_the_plan_changes_nothing_that_stands(city):
    after = applied("rezone", city, area=box(0, 0, 100, 150), land_use="park")
    assert after["buildings"].equals(city["buildings"])
    assert "lies in the city" in errors("rezone", city, area=box(9e5, 0, 10, 10), land_use="park")
    with pytest.raises(ValidationError, match="an area or a ward"):
        change("rezone", land_use="park")


def test_buildings_are_told_in_three_languages():
    tower = change("add_buildings", buildings=YARD, function="apartments", storeys=10)
    assert tower.describe("en") == "New buildings: 1, apartments, 10 storeys"
    assert tower.describe("fr") == "Bâtiments neufs : 1, logements collectifs, 10 niveaux"
    assert tower.describe("vi") == "Công trình mới: 1, nhà chung cư, 10 tầng"
    more = change("grow", residents_growth=0.2, year=2040)
    assert more.describe("en") == "Growth by 2040, all buildings, residents +20 %"
    assert more.describe("vi") == "Tăng trưởng đến năm 2040, tất cả các công trình, dân số +20 %"


def test_a_school_that_loses_a_block_stays_open_in_another(city):
    school = applied("edit_buildings", city, buildings=[9, 25], function="school")
    place = added(city, school, "facilities")
    assert list(place["kind"]) == ["school"]  # two blocks wall to wall are one school
    after = added(city, applied("demolish", school, buildings=[int(place["building_id"].iloc[0])]), "facilities")
    assert list(after["kind"]) == ["school"]
    assert set(place["building_id"]) | set(after["building_id"]) == {9, 25}


def test_growth_touches_people_alone(city):
    after = applied("grow", city, residents_growth=0.5)
    for name in ("surfaces", "facilities", "building_parts", "trees"):
        assert after.tables[name] is city.tables[name]
    assert after.rasters["surface"] is city.rasters["surface"]
