"""Changes of climate, and storms as they fall in it."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from pydantic import ValidationError

from dothi.changes import CHANGES
from dothi.changes.climate import NEUTRAL
from dothi.derive.storms import Curve, alternating_blocks, chicago
from dothi.errors import InputError, Problems

DESIGN = {"return_period_years": 10, "duration_h": 2, "shape": "chicago", "river": 5.2, "sea": 3.0}


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


def depth(city):
    """Rain of each storm from its hyetograph [mm]."""
    return {
        storm: float((rain["intensity_mm_h"].iloc[:-1] * np.diff(rain["time_s"])).sum() / 3600.0)
        for storm, rain in city["hyetographs"].groupby("storm_id")
    }


@pytest.fixture(scope="module")
def city(little_city):
    """The little town with three hours of weather: a summer noon, a foggy night, an hour of unknown humidity."""
    weather = pd.DataFrame(
        {
            "time": pd.date_range("2001-07-01", periods=3, freq="h", tz="UTC"),
            "air_temperature_c": [32.0, 4.0, 10.0],
            "dew_point_c": [21.0, 4.0, np.nan],
            "relative_humidity_pct": [52.3, 100.0, np.nan],
            "longwave_w_m2": [410.0, 330.0, 300.0],
            "precipitation_mm": [5.0, 0.0, 1.0],
            "method": "typical",
        }
    )
    return little_city.with_tables(weather=weather)


def test_air_is_warmer_at_the_same_relative_humidity(city):
    before, after = city["weather"], apply(city, "climate", temperature_offset_k=2.0)["weather"]
    assert_allclose(after["air_temperature_c"], [34.0, 6.0, 12.0])

    def saturated(celsius):  # Magnus over water, Alduchov and Eskridge 1996, eq. 21 [hPa]
        return 6.1094 * np.exp(17.625 * celsius / (celsius + 243.04))

    def humidity(weather):
        return saturated(weather["dew_point_c"]) / saturated(weather["air_temperature_c"])

    assert_allclose(humidity(after), humidity(before), rtol=1e-12)
    assert_allclose(after["dew_point_c"].iloc[:2], [22.8, 6.0], atol=0.05)
    assert after["dew_point_c"].isna().tolist() == [False, False, True]
    assert_frame_equal(
        after[["time", "relative_humidity_pct", "precipitation_mm", "method"]],
        before[["time", "relative_humidity_pct", "precipitation_mm", "method"]],
    )


def test_a_warmer_and_moister_sky_radiates_more(city):
    after = apply(city, "climate", temperature_offset_k=2.0)["weather"]["longwave_w_m2"].to_numpy()
    # Stefan and Boltzmann, times the emissivities of Clark and Allen where the dew point is known
    by_warmth = np.array([307.15 / 305.15, 279.15 / 277.15, 285.15 / 283.15]) ** 4
    assert_allclose(after[2], 300.0 * by_warmth[2])
    dew = apply(city, "climate", temperature_offset_k=2.0)["weather"]["dew_point_c"].to_numpy()[:2] + 273.15
    emissivity = 0.787 + 0.764 * np.log(dew / 273.0)
    old = 0.787 + 0.764 * np.log(np.array([294.15, 277.15]) / 273.0)
    assert_allclose(after[:2], np.array([410.0, 330.0]) * by_warmth[:2] * emissivity / old)


def test_the_climate_is_written_down_and_adds_up(city):
    once = apply(city, "climate", temperature_offset_k=1.5, rain_factor=1.2, sea_level_m=0.3)
    twice = apply(once, "climate", temperature_offset_k=0.5, rain_factor=1.1)
    (row,) = twice["climate"].to_dict("records")
    assert_allclose([row[name] for name in NEUTRAL], [2.0, 1.32, 0.3])
    assert_allclose(twice["weather"]["air_temperature_c"], [34.0, 6.0, 12.0])
    assert not len(city["climate"])


def test_a_climate_without_warming_leaves_the_weather_as_it_is(city):
    assert_frame_equal(apply(city, "climate", sea_level_m=0.5)["weather"], city["weather"])


def test_a_city_without_weather_may_have_another_climate(little_city):
    after = apply(little_city, "climate", temperature_offset_k=2.0)
    assert "weather" not in after
    assert after["climate"]["temperature_offset_k"].tolist() == [2.0]


def test_a_pathway_gives_values_with_their_source(city):
    problems = Problems()
    after = change("climate", pathway="tracc-2050", rain_factor=1.15).apply(city, problems)
    (row,) = after["climate"].to_dict("records")
    assert_allclose([row[name] for name in NEUTRAL], [2.0, 1.15, 0.0])
    (note,) = map(str, problems)
    assert "1976–2005" in note
    assert "not compared yet" in note
    (error,) = errors(city, "climate", pathway="rcp85-2100")
    assert "is one of tracc-2030, tracc-2050, tracc-2100" in error


def test_what_is_written_beside_a_pathway_counts_in_its_place(city):
    after = apply(city, "climate", pathway="tracc-2100", temperature_offset_k=1.0)
    assert after["climate"]["temperature_offset_k"].tolist() == [1.0]


def test_weather_hotter_than_any_is_an_error(city):
    hot = city.with_tables(weather=city["weather"].assign(air_temperature_c=50.0))
    with pytest.raises(InputError, match="air_temperature_c"):
        apply(hot, "climate", temperature_offset_k=15.0)


@pytest.mark.parametrize("shape", ["block", "chicago", "alternating_blocks"])
def test_a_design_storm_has_the_rain_of_the_formula_in_any_shape(city, shape):
    after = apply(city, "storm", name="Décennale", return_period_years=10, duration_h=2, shape=shape)
    (storm,) = after["storms"].to_dict("records")
    assert_allclose(storm["depth_mm"], 42.0, atol=0.05)  # 5.9 · 120^0.41, see test_storms.py
    assert_allclose(list(depth(after).values()), storm["depth_mm"])
    assert storm["duration_s"] == 7200.0
    assert "Instruction technique 1977" in storm["source"]
    assert "not verified" in storm["source"]
    rain = after["hyetographs"]
    assert rain["time_s"].tolist() == [300.0 * step for step in range(25)]
    assert rain["intensity_mm_h"].iloc[-1] == 0.0
    assert "storms" not in city


def test_a_depth_of_your_own_fills_any_shape(city):
    after = apply(city, "storm", return_period_years=10, depth_mm=60, shape="chicago")
    assert_allclose(after["storms"]["depth_mm"], 60.0)
    after = apply(city, "storm", depth_mm=179, duration_h=1.5, shape="block")
    assert_allclose(after["hyetographs"]["intensity_mm_h"].iloc[:-1], 179 / 1.5)


@pytest.mark.parametrize(("shape", "spread"), [("chicago", chicago), ("alternating_blocks", alternating_blocks)])
def test_each_shape_is_its_own_and_has_its_peak_where_it_is_asked_for(city, shape, spread):
    curve = Curve(500.0, 10.0, 0.7)
    given = {"curve": {"a": 500.0, "b_min": 10.0, "n": 0.7}, "return_period_years": 5, "duration_h": 2}
    after = apply(city, "storm", shape=shape, peak_share=0.25, **given)
    assert_allclose(after["hyetographs"]["intensity_mm_h"].iloc[:-1], spread(curve, 300.0, 24, 0.25))


def test_a_measured_storm_lasts_from_its_first_step_to_the_end_of_its_last(city):
    storm = apply(city, "storm", hyetograph=[[600, 12.0], [900, 24.0]])["storms"].iloc[0]
    assert storm["duration_s"] == 600.0
    assert_allclose(storm["depth_mm"], (12.0 + 24.0) / 12.0)


def test_a_curve_of_your_own_needs_no_data_of_the_country(city):
    after = apply(city, "storm", curve={"a": 60 * 37.379, "n": 0.872}, return_period_years=100, duration_h=2)
    assert_allclose(after["storms"]["depth_mm"], 37.379 * 120**0.128)  # h = a t^(1 − b)
    assert after["storms"]["source"].tolist() == ["curve entered"]


def test_a_storm_beyond_what_its_formula_is_meant_for_says_so(city):
    problems = Problems()
    after = change("storm", return_period_years=10, duration_h=24).apply(city, problems)
    assert "duration_h: is at most 120 min for this formula" in [str(problem) for problem in problems]
    assert "meant for 120 min at most" in after["storms"]["source"].iloc[0]


def test_constants_that_nobody_compared_with_their_standard_are_noted(city):
    problems = Problems()
    change("storm", return_period_years=10).apply(city, problems)
    assert "were not compared with their standard" in str(next(iter(problems)))
    problems = Problems()
    change("storm", curve={"a": 500, "n": 0.6}, return_period_years=10).apply(city, problems)
    assert not len(problems)


def test_what_the_country_does_not_know_is_an_error_that_helps(city):
    (error,) = errors(city, "storm", return_period_years=30)
    assert "is one of 1, 2, 5, 10, 20, 50, 100 years, for Région I; or give curve" in error
    (error,) = errors(city, "storm", return_period_years=10, station="Đà Lạt")
    assert "or give curve: Đà Lạt; there are Région I" in error


def test_a_measured_storm_comes_from_a_file_of_the_study(little_study, little_city):
    study = little_study()
    (study.folder / "rain.csv").write_text("time_min;depth_mm\n0;1,5\n5;6\n10;0,5\n", encoding="utf-8")
    (study.folder / "tide.csv").write_text("time_h,level_m\n0,1.0\n6,2.5\n", encoding="utf-8")
    (study.folder / "scenarios" / "m.toml").write_text(
        'title = "M"\n[[change]]\nkind = "storm"\nhyetograph = "rain.csv"\nsea = "tide.csv"\nriver = 4.0\n'
    )
    after = study.scenarios["m"].apply(little_city)
    assert_allclose(after["hyetographs"]["intensity_mm_h"], [18.0, 72.0, 6.0, 0.0])
    assert after["hyetographs"]["time_s"].tolist() == [0.0, 300.0, 600.0, 900.0]
    assert_allclose(after["storms"]["depth_mm"], 8.0)
    levels = after["stages"].set_index("kind")
    assert levels.loc["sea", "time_s"].tolist() == [0.0, 21600.0]
    assert levels.loc["sea", "level_m"].tolist() == [1.0, 2.5]
    assert levels.loc["river", "level_m"] == 4.0


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "text is a table"),
        (b"time_s,intensity_mm_h\n", "1 to 100,000 rows"),
        (b"time_s,rain\n0,1\n", "has one column of time_s"),
        (b"time_s,intensity_mm_h\n0,much\n300,2\n", "has numbers in all rows"),
        (b"time_s,intensity_mm_h\n0,1\n0,2\n", "times that grow"),
        (b"time_s,depth_mm\n0,1\n0,2\n", "times that grow|finite"),
        (b"time_s,intensity_mm_h\n0,nan\n300,2\n", "is finite"),
        (b"time_s,intensity_mm_h\n0,-1\n300,2\n", "no rain below zero"),
        (b"time_s,intensity_mm_h\n0,1\n", "two steps or more"),
        (b"\xff\xfe\x00\x00\x01", "text|file|column"),
        (b"PK\x03\x04\x00\x00", "text"),
    ],
)
def test_bad_files_of_rain_end_in_a_clear_error(little_study, content, rule):
    study = little_study()
    (study.folder / "rain.csv").write_bytes(content)
    (study.folder / "scenarios" / "m.toml").write_text(
        'title = "M"\n[[change]]\nkind = "storm"\nhyetograph = "rain.csv"\n'
    )
    with pytest.raises(InputError, match=rule) as raised:
        _ = study.scenarios
    assert all("m.toml, line" in str(problem) for problem in raised.value.problems)


def test_files_outside_the_study_are_not_read(little_study, tmp_path):
    (tmp_path / "rain.csv").write_text("time_s,intensity_mm_h\n0,1\n300,2\n")
    text = 'title = "M"\n[[change]]\nkind = "storm"\nhyetograph = "../rain.csv"\n'
    with pytest.raises(InputError, match="is a file inside the study"):
        _ = little_study(m=text).scenarios


def test_a_storm_falls_in_the_climate_whichever_comes_first(city):
    future = {"rain_factor": 1.17, "sea_level_m": 0.43}
    first = apply(apply(city, "climate", **future), "storm", **DESIGN)
    last = apply(apply(city, "storm", **DESIGN), "climate", **future)
    for name in ("storms", "hyetographs", "stages", "climate"):
        assert_frame_equal(first[name], last[name])
    plain = apply(city, "storm", **DESIGN)
    assert_allclose(first["storms"]["depth_mm"], 1.17 * plain["storms"]["depth_mm"])
    assert_allclose(list(depth(first).values()), first["storms"]["depth_mm"])
    assert first["stages"].set_index("kind")["level_m"].to_dict() == {"river": 5.2, "sea": 3.43}


def test_storms_of_a_scenario_keep_apart_in_whatever_order(city):
    other = {"depth_mm": 80, "shape": "block", "duration_h": 1}
    forth = apply(apply(city, "storm", **DESIGN), "storm", **other)
    back = apply(apply(city, "storm", **other), "storm", **DESIGN)
    for name in ("storms", "hyetographs", "stages"):
        assert_frame_equal(forth[name], back[name])
    assert sorted(round(each, 1) for each in depth(forth).values()) == [42.0, 80.0]


def test_the_same_storm_twice_is_two_storms(city):
    twice = apply(apply(city, "storm", **DESIGN), "storm", **DESIGN)
    assert len(twice["storms"]) == 2
    assert_allclose(list(depth(twice).values()), 42.0, atol=0.05)


def test_steps_of_a_hyetograph_stand_in_the_order_of_time(city):
    rain = apply(apply(city, "storm", **DESIGN), "storm", depth_mm=5, shape="block")["hyetographs"]
    assert rain.groupby("storm_id")["time_s"].is_monotonic_increasing.all()
    assert rain.index.is_monotonic_increasing


def test_a_dry_day_may_have_a_high_tide(city):
    after = apply(city, "storm", depth_mm=0, shape="block", sea=[[0, 1.0], [3600, 4.2]])
    assert after["storms"]["depth_mm"].tolist() == [0.0]
    assert after["stages"]["level_m"].tolist() == [1.0, 4.2]


@pytest.mark.parametrize(
    ("kind", "given", "rule"),
    [
        ("climate", {}, "says temperature_offset_k"),
        ("climate", {"temperature_offset_k": 40}, "less than or equal to 20"),
        ("climate", {"rain_factor": -1}, "greater than or equal to 0"),
        ("storm", {}, "says return_period_years"),
        ("storm", {"depth_mm": 50}, "says return_period_years"),
        ("storm", {"return_period_years": 10, "duration_h": 1.99}, "whole number of steps"),
        ("storm", {"return_period_years": 10, "duration_h": 240, "step_s": 60}, "1 to 10,000 steps"),
        ("storm", {"return_period_years": 0}, "greater than 0"),
        ("storm", {"return_period_years": 10, "shape": "round"}, "chicago"),
        ("storm", {"return_period_years": 10, "peak_share": 2}, "less than or equal to 1"),
        ("storm", {"station": "Huế", "curve": {"a": 1, "n": 0.5}}, "either station or curve"),
        ("storm", {"curve": {"a": 1, "n": 1.5}}, "less than or equal to 1"),
        ("storm", {"hyetograph": [[0, 1], [300, 2]], "duration_h": 3}, "leaves out what is for design storms"),
        ("storm", {"hyetograph": [[0, 1], [300, 2], "x"]}, "is a CSV file of the study, or a list"),
        ("storm", {"return_period_years": 10, "sea": float("inf")}, "is finite"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_read(kind, given, rule):
    with pytest.raises(ValidationError, match=rule):
        change(kind, **given)


def test_a_storm_reads_back_from_what_is_kept_of_it(city):
    whole = change("storm", hyetograph=[[0, 10], [300, 20]], sea=2.0, name="Đo")
    again = type(whole).model_validate_json(whole.model_dump_json())
    assert again == whole
    whole = change("storm", **DESIGN)
    assert type(whole).model_validate_json(whole.model_dump_json()) == whole


def year_of(city):
    """A whole year of weather under the sun of the town."""
    from dothi.derive.weather import normals, typical_year

    station = normals("Nantes")
    weather = typical_year(
        station, latitude=47.2, longitude=-1.55, elevation_m=20.0, time_zone_h=1.0, rng=np.random.default_rng(1)
    )
    return city.with_tables(weather=weather)


def test_weather_may_be_that_of_another_place_under_the_same_sun(little_city):
    before = year_of(little_city)
    after = apply(before, "climate", weather_of="hà nội")
    hot, cold = after["weather"], before["weather"]
    assert (hot["time"] == cold["time"]).all()
    assert abs(hot["air_temperature_c"].mean() - 23.9) < 0.1  # mean of the twelve normals of Hanoi
    daily = hot["ghi_w_m2"].to_numpy().reshape(365, 24)
    assert daily[171].astype(bool).sum() >= 15  # a June day of Nantes is as long as it was
    assert after["climate"]["weather_of"].tolist() == ["hà nội"]
    again = apply(before, "climate", weather_of="Hanoi")
    assert_frame_equal(hot, again["weather"])


def test_warming_comes_on_top_of_the_weather_of_another_place_in_any_order(little_city):
    city = year_of(little_city)
    once = apply(city, "climate", weather_of="Hue", temperature_offset_k=2.0)
    twice = apply(apply(city, "climate", temperature_offset_k=2.0), "climate", weather_of="Hue")
    assert_frame_equal(once["weather"], twice["weather"])
    later = apply(once, "climate", temperature_offset_k=1.0)
    assert later["climate"]["weather_of"].tolist() == ["Hue"]
    assert later["climate"]["temperature_offset_k"].tolist() == [3.0]


def test_sunshine_of_another_place_keeps_its_share_of_the_day():
    from dothi.changes.weathering import under_sun_of
    from dothi.derive.weather import normals

    station = normals("Hanoi")
    same = under_sun_of(station, station.latitude)
    assert_allclose(same.sunshine_h, station.sunshine_h)
    north = under_sun_of(station, 47.2)
    assert north.sunshine_h[5] > 1.15 * station.sunshine_h[5]  # June days are 16 h long there, 13.4 h in Hanoi
    assert north.sunshine_h[11] < 0.85 * station.sunshine_h[11]


def test_a_place_without_normals_is_named_with_those_that_have_them(little_city):
    (error,) = errors(year_of(little_city), "climate", weather_of="Atlantis")
    assert "Atlantis" in error and "Hà Nội" in error


def test_a_city_without_weather_cannot_have_that_of_another_place(little_city):
    (error,) = errors(little_city, "climate", weather_of="Hanoi")
    assert "table is present" in error
