"""Changes of energy: measures by building, and transformers."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from pydantic import ValidationError

from dothi.changes import CHANGES
from dothi.errors import Problems

OLD = {"where": {"year_built": {"max": 1980}}}


def change(kind, **given):
    return CHANGES[kind].model_validate({"kind": kind, **given})


def apply(city, kind, **given):
    problems = Problems()
    changed = change(kind, **given).apply(city, problems)
    problems.raise_errors()
    return changed


def errors(city, kind, **given):
    problems = Problems()
    change(kind, **given).apply(city, problems)
    return [str(problem) for problem in problems.errors]


def by_building(city):
    return city["building_measures"].set_index("building_id")


@pytest.fixture
def city_with_transformers(little_city):
    places = shapely.points([[355_010.0, 6_689_010.0], [355_300.0, 6_689_300.0]])
    transformers = gpd.GeoDataFrame(
        {
            "geometry": places,
            "name": ["T1", "T2"],
            "rating_kva": [250.0, 400.0],
            "rating_kva_method": "synthetic",
            "rating_kva_confidence": 0.5,
            "raised_m": 0.0,
            "raised_m_method": "synthetic",
            "raised_m_confidence": 0.5,
        },
        crs=little_city.crs,
    )
    return little_city.with_tables(transformers=transformers)


def test_a_retrofit_is_written_down_for_the_buildings_chosen_and_no_others(little_city):
    measures = by_building(apply(little_city, "retrofit", buildings=OLD, heat_loss_ratio=0.5, year=2030))
    old = little_city["buildings"].index[little_city["buildings"]["year_built"] <= 1980]
    assert list(measures.index) == list(old)
    assert (measures["heat_loss_ratio"] == 0.5).all()
    assert (measures["retrofit_year"] == 2030).all()
    assert measures["pv_roof_share"].isna().all()
    assert "building_measures" not in little_city


def test_two_retrofits_of_one_building_multiply_and_the_later_year_counts(little_city):
    once = apply(little_city, "retrofit", buildings=OLD, heat_loss_ratio=0.5, year=2035)
    twice = by_building(apply(once, "retrofit", buildings=[0, 1], heat_loss_ratio=0.8, year=2030))
    assert_allclose(twice.loc[[0, 1], "heat_loss_ratio"], [0.4, 0.8])
    assert twice.loc[[0, 1], "retrofit_year"].tolist() == [2035, 2030]
    assert_allclose(twice.loc[2, "heat_loss_ratio"], 0.5)


def test_measures_of_different_kinds_stand_side_by_side_in_whatever_order(little_city):
    steps = [
        ("retrofit", {"buildings": OLD, "heat_loss_ratio": 0.5}),
        ("rooftop_pv", {"buildings": "all", "roof_share": 0.6, "facade_share": 0.1}),
        ("electric_vehicles", {"buildings": {"ward": "Phường Bắc"}, "motorbike_share": 0.7}),
        ("district_cooling", {"buildings": {"where": {"function": "office"}}, "network": "Trung tâm"}),
    ]
    forth = back = little_city
    for kind, given in steps:
        forth = apply(forth, kind, **given)
    for kind, given in reversed(steps):
        back = apply(back, kind, **given)
    assert_frame_equal(forth["building_measures"], back["building_measures"])
    measures = by_building(forth)
    assert len(measures) == len(little_city["buildings"])
    assert (measures["pv_roof_share"] == 0.6).all()
    assert (measures["pv_facade_share"] == 0.1).all()
    assert measures["electric_car_share"].isna().all()
    offices = (little_city["buildings"]["function"] == "office").to_numpy()
    assert (measures["cooling_network"] == "Trung tâm").to_numpy().tolist() == offices.tolist()
    assert 0 < (measures["electric_motorbike_share"] == 0.7).sum() < len(measures)


def test_a_share_is_what_is_there_afterwards(little_city):
    city = apply(little_city, "rooftop_pv", buildings="all", roof_share=0.6)
    measures = by_building(apply(city, "rooftop_pv", buildings=[3], roof_share=0.2))
    assert measures["pv_roof_share"].tolist() == [0.2 if building == 3 else 0.6 for building in measures.index]


def test_vehicles_are_those_of_all_buildings_unless_said_otherwise(little_city):
    measures = by_building(apply(little_city, "electric_vehicles", car_share=0.5))
    assert len(measures) == len(little_city["buildings"])
    assert (measures["electric_car_share"] == 0.5).all()


def test_transformers_are_replaced_and_raised_and_say_that_a_person_said_so(city_with_transformers):
    found = apply(city_with_transformers, "edit_transformer", transformers="T2", rating_kva=630, raised_m=1.5)[
        "transformers"
    ]
    assert found["rating_kva"].tolist() == [250.0, 630.0]
    assert found["raised_m"].tolist() == [0.0, 1.5]
    assert found["raised_m_method"].tolist() == ["synthetic", "entered"]
    assert found["rating_kva_confidence"].tolist() == [0.5, 1.0]
    assert city_with_transformers["transformers"]["rating_kva"].tolist() == [250.0, 400.0]


def test_what_is_not_given_stays(city_with_transformers):
    found = apply(city_with_transformers, "edit_transformer", transformers="all", raised_m=1.0)["transformers"]
    assert found["rating_kva"].tolist() == [250.0, 400.0]
    assert (found["rating_kva_method"] == "synthetic").all()


def test_a_city_without_transformers_says_so(little_city):
    (found,) = errors(little_city, "edit_transformer", transformers="all", raised_m=1.0)
    assert "Thị trấn nhỏ has no transformers yet" in found


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("retrofit", {"heat_loss_ratio": 0.5}),
        ("rooftop_pv", {"roof_share": 0.5}),
        ("electric_vehicles", {"car_share": 0.5}),
        ("district_cooling", {}),
    ],
)
def test_buildings_that_are_not_there_are_named(little_city, kind, given):
    found = errors(little_city, kind, buildings=[1, 777, 778], **given)
    assert len(found) == 1
    assert "777, 778" in found[0]


@pytest.mark.parametrize(
    ("kind", "given", "rule"),
    [
        ("retrofit", {"buildings": "all", "heat_loss_ratio": 0.0}, "greater than 0"),
        ("retrofit", {"buildings": "all", "heat_loss_ratio": 1.2}, "less than or equal to 1"),
        ("retrofit", {"buildings": "all", "heat_loss_ratio": 0.5, "year": 30}, "1900"),
        ("rooftop_pv", {"buildings": "all"}, "roof_share, facade_share or both"),
        ("rooftop_pv", {"buildings": "all", "roof_share": 60}, "less than or equal to 1"),
        ("electric_vehicles", {"buildings": "all"}, "car_share, motorbike_share or both"),
        ("district_cooling", {"buildings": "all", "network": ""}, "at least 1 character"),
        ("edit_transformer", {"transformers": "all"}, "rating_kva, raised_m or both"),
        ("edit_transformer", {"transformers": "all", "rating_kva": float("nan")}, "finite|greater"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_read(kind, given, rule):
    with pytest.raises(ValidationError, match=rule):
        change(kind, **given)


def test_all_errors_of_a_change_come_at_once():
    with pytest.raises(ValidationError) as raised:
        change("rooftop_pv", buildings={}, roof_share=2, facade_share=-1)
    assert raised.value.error_count() == 3


def test_selections_read_back_from_what_is_kept_of_them(little_city):
    whole = change("retrofit", buildings=OLD, heat_loss_ratio=0.5)
    again = type(whole).model_validate_json(whole.model_dump_json())
    assert again == whole
    assert_frame_equal(
        again.apply(little_city, Problems())["building_measures"],
        whole.apply(little_city, Problems())["building_measures"],
    )


def test_a_range_of_words_is_an_error_and_no_crash(little_city):
    (found,) = errors(little_city, "district_cooling", buildings={"where": {"name": {"min": 3}}})
    assert "buildings.name: holds numbers" in found


def test_parts_of_a_sentence_that_say_nothing_are_left_out():
    assert change("rooftop_pv", buildings="all", roof_share=0.5).describe("fr").endswith(": 50 % du toit")
    assert "2030" in change("retrofit", buildings="all", heat_loss_ratio=0.5, year=2030).describe("vi")


def test_measures_keep_the_order_of_buildings(little_city):
    city = apply(
        apply(little_city, "rooftop_pv", buildings=[9], roof_share=0.5), "rooftop_pv", buildings=[2], roof_share=0.5
    )
    table = city["building_measures"]
    assert table["building_id"].tolist() == [2, 9]
    assert isinstance(table, pd.DataFrame)
    assert np.array_equal(table.index, [2, 9])
