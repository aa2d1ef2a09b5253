"""Typical years from climate normals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from dothi import schema
from dothi.derive import weather as synthesis
from dothi.derive.weather import DAYS_OF_MONTH, SERIES, monthly_normals, normals, stations, typical_year
from dothi.errors import InputError, Problems
from dothi.io.epw import read_epw
from dothi.tables import TABLES

MONTH = np.repeat(np.arange(12), 24 * DAYS_OF_MONTH)
HOURS = 24.0 * DAYS_OF_MONTH
NAMES = [station.name for station in stations()]
# QCVN 02:2022/BXD, table A.8, Láng: temperature at hours 1 to 24, January and July [°C]
LANG_JANUARY, LANG_JULY = np.loadtxt(
    [
        (
            "15.6 15.4 15.2 15.1 15.0 14.9 14.9 15.2 15.6 16.3 17.0 17.6 "
            "18.1 18.5 18.7 18.6 18.2 17.6 17.1 16.7 16.4 16.2 16 15.8"
        ),
        (
            "28.4 28.2 28.0 27.8 27.6 27.6 28.0 28.8 29.6 30.4 31.2 31.8 "
            "32.3 32.6 32.7 32.6 32.2 31.4 30.5 29.8 29.4 29.1 28.8 28.6"
        ),
    ]
)


def make(station, seed=0):
    return typical_year(
        station,
        latitude=station.latitude,
        longitude=station.longitude,
        elevation_m=station.elevation_m,
        time_zone_h=station.time_zone_h,
        rng=np.random.default_rng(seed),
    )


@pytest.fixture(scope="module")
def years():
    return {station.name: (station, make(station)) for station in stations()}


def by_month(values):
    return np.bincount(MONTH, weights=values, minlength=12)


def test_stations_have_all_they_need_and_say_where_it_comes_from():
    assert NAMES == ["Hà Nội", "Huế", "Đà Nẵng", "Đà Lạt", "Thành phố Hồ Chí Minh", "Nantes"]
    for station in stations():
        assert station.source
        assert station.period
        for name in SERIES:
            values = getattr(station, name)
            assert values is None or len(values) == 12, (station.name, name)
        assert np.all(np.array(station.temperature_min_c) < station.temperature_mean_c)
        assert np.all(np.array(station.temperature_mean_c) < station.temperature_max_c)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("hà nội", "Hà Nội"),
        ("HUE", "Huế"),
        ("da nang", "Đà Nẵng"),
        ("Dalat", "Đà Lạt"),
        ("Saigon", "Thành phố Hồ Chí Minh"),
    ],
)
def test_station_is_found_by_name_with_and_without_accents(asked, name):
    assert normals(asked).name == name
    assert normals(asked).distance_km == 0.0


def test_nearest_station_comes_with_its_distance():
    station = normals((107.59, 16.46))
    assert station.name == "Huế"
    # 0.01° of longitude and 0.03° of latitude at 16.4° N: √(1.07² + 3.34²) km
    assert station.distance_km == pytest.approx(3.5, abs=0.02)


def test_unknown_name_says_which_there_are():
    with pytest.raises(KeyError, match="Hà Nội"):
        normals("Atlantis")


@pytest.mark.parametrize("name", NAMES)
def test_monthly_means_and_sums_are_the_normals(years, name):
    station, weather = years[name]
    daily = weather["air_temperature_c"].to_numpy().reshape(365, 24)
    day_month = MONTH[::24]
    assert_allclose(by_month(weather["air_temperature_c"]) / HOURS, station.temperature_mean_c, atol=1e-9)
    assert_allclose(by_month(weather["precipitation_mm"]), station.precipitation_mm, rtol=1e-12)
    assert_allclose(by_month(weather["relative_humidity_pct"]) / HOURS, station.relative_humidity_pct, atol=1e-9)
    for extremes, expected in (
        (daily.max(axis=1), station.temperature_max_c),
        (daily.min(axis=1), station.temperature_min_c),
    ):
        assert_allclose(np.bincount(day_month, extremes) / DAYS_OF_MONTH, expected, atol=0.05)
    if station.wind_speed_m_s is not None:
        assert_allclose(by_month(weather["wind_speed_m_s"]) / HOURS, station.wind_speed_m_s, rtol=1e-12)
    rain = weather["precipitation_mm"].to_numpy().reshape(365, 24).sum(axis=1)
    wet = np.bincount(day_month, rain >= station.wet_day_mm * (1 - 1e-9))
    assert np.all(np.abs(wet - station.rain_days) <= 0.5)


def test_radiation_of_each_month_is_the_one_given():
    given = tuple(130.0 + 20.0 * np.sin(np.arange(12.0)))
    weather = make(replace(normals("Huế"), ghi_kwh_m2=given))
    assert_allclose(by_month(weather["ghi_w_m2"]) / 1000.0, given, rtol=1e-12)


def test_radiation_from_sunshine_is_that_of_angstrom():
    # FAO-56, example 10: Rio de Janeiro (22.90° S) in May, 220 h of sunshine, 14.5 MJ m⁻² per day
    station = replace(normals("Huế"), sunshine_h=(220.0,) * 12)
    weather = typical_year(
        station, latitude=-22.9, longitude=-43.2, elevation_m=10.0, time_zone_h=-3.0, rng=np.random.default_rng(0)
    )
    daily_mj_m2 = by_month(weather["ghi_w_m2"])[4] / DAYS_OF_MONTH[4] * 3.6e-3
    assert daily_mj_m2 == pytest.approx(14.5, abs=0.2)


@pytest.mark.parametrize("name", NAMES)
def test_year_is_physically_possible(years, name):
    station, weather = years[name]
    problems = Problems()
    schema.check({"weather": schema.conform(weather, TABLES["weather"])}, TABLES, problems)
    problems.raise_errors()
    assert len(weather) == 8760
    assert weather["time"].diff().dropna().eq(pd.Timedelta(hours=1)).all()
    assert weather["time"].iloc[0] == pd.Timestamp("2001-01-01") - pd.Timedelta(hours=station.time_zone_h)
    assert set(weather["method"]) == {"estimated"}
    ghi, dni, dhi = (weather[f"{part}_w_m2"].to_numpy() for part in ("ghi", "dni", "dhi"))
    assert np.all(dni >= 0)
    assert np.all(dhi >= 0)
    assert np.all(dhi <= ghi + 1e-9)
    assert np.all(weather["relative_humidity_pct"].dropna() <= 100)
    assert np.all(weather["dew_point_c"].dropna() <= weather["air_temperature_c"] + 1e-9)
    hour = np.arange(8760) % 24
    assert not ghi[(hour < 3) | (hour > 21)].any()


@pytest.mark.filterwarnings("ignore:DatetimeIndex.dayofyear")  # pvlib 0.16 with pandas 3.1
@pytest.mark.parametrize("name", ["Hà Nội", "Nantes"])
def test_global_radiation_closes_with_the_sun_of_pvlib(years, name):
    import pvlib

    station, weather = years[name]
    steps = pd.date_range("2001-01-01", periods=8760 * 6, freq="10min", tz="UTC") + pd.Timedelta(minutes=5)
    sun = pvlib.solarposition.get_solarposition(
        steps - pd.Timedelta(hours=station.time_zone_h), station.latitude, station.longitude, method="nrel_numpy"
    )
    cos_zenith = np.maximum(np.cos(np.radians(sun["zenith"].to_numpy())), 0).reshape(-1, 6).mean(axis=1)
    ghi = weather["dhi_w_m2"] + weather["dni_w_m2"] * cos_zenith
    assert_allclose(ghi, weather["ghi_w_m2"], atol=8.0)
    extra = np.asarray(pvlib.irradiance.get_extra_radiation(steps.dayofyear.to_numpy()[::6]))
    assert np.all(weather["ghi_w_m2"] <= extra * cos_zenith + 8.0)


def test_same_seed_gives_the_same_year_and_another_seed_another(years):
    station, weather = years["Huế"]
    pd.testing.assert_frame_equal(make(station), weather)
    assert not np.allclose(make(station, seed=1)["ghi_w_m2"], weather["ghi_w_m2"])


def test_temperature_over_the_day_is_that_of_the_hourly_table_of_hanoi():
    # the table has observations on the hour, the year means of hours; the swing is 3.8 K in January, 5.1 K in July
    station = normals("Hà Nội")
    made = np.mean([make(station, seed)["air_temperature_c"].to_numpy().reshape(365, 24) for seed in range(3)], axis=0)
    for table, days in ((LANG_JANUARY, slice(0, 31)), (LANG_JULY, slice(181, 212))):
        observed = 0.5 * (np.roll(table, 1) + table)
        profile = made[days].mean(axis=0)
        error = (profile - profile.mean()) - (observed - observed.mean())
        assert np.sqrt(np.mean(error**2)) < 0.5
        assert abs(int(profile.argmax()) - int(observed.argmax())) <= 1
        assert abs(int(profile.argmin()) - int(observed.argmin())) <= 1


def test_rain_falls_on_cloudy_days(years):
    _, weather = years["Đà Nẵng"]
    ghi = weather["ghi_w_m2"].to_numpy().reshape(365, 24).sum(axis=1)
    rain = weather["precipitation_mm"].to_numpy().reshape(365, 24).sum(axis=1)
    october = slice(273, 304)
    assert ghi[october][rain[october] > 0].mean() < 0.7 * ghi[october][rain[october] == 0].mean()


def test_dew_point_given_in_place_of_humidity_is_met():
    station = normals("Huế")
    dew_point = tuple(np.array(station.temperature_mean_c) - 3.0)
    weather = make(replace(station, relative_humidity_pct=None, dew_point_c=dew_point))
    assert_allclose(by_month(weather["dew_point_c"]) / HOURS, dew_point, atol=1e-9)


def test_what_normals_do_not_say_is_missing():
    bare = replace(normals("Huế"), relative_humidity_pct=None, wind_speed_m_s=None)
    weather = make(bare)
    for column in ("dew_point_c", "relative_humidity_pct", "longwave_w_m2", "wind_speed_m_s", "wind_direction_deg"):
        assert weather[column].isna().all()
    # ICAO standard atmosphere: 1013.25 hPa at sea level, 834.5 hPa at 1600 m
    assert weather["pressure_pa"].iloc[0] == pytest.approx(101325 - 17 * 12.0, abs=2)
    high = typical_year(
        bare, latitude=16.4, longitude=107.6, elevation_m=1600.0, time_zone_h=7.0, rng=np.random.default_rng(0)
    )
    assert high["pressure_pa"].iloc[0] == pytest.approx(83_450, rel=1e-3)


def test_dry_months_stay_dry_and_one_shower_is_enough_for_little_rain():
    station = replace(normals("Huế"), precipitation_mm=(0.0, 0.05, *(50.0,) * 10), rain_days=(0.0, 5.0, *(5.0,) * 10))
    rain = make(station)["precipitation_mm"].to_numpy()
    assert not rain[:744].any()
    assert rain[744:1416].sum() == pytest.approx(0.05)


def test_contradictions_of_normals_are_named_with_their_months():
    station = normals("Huế")
    warm = list(station.temperature_mean_c)
    warm[2] = 40.0
    broken = replace(
        station,
        temperature_mean_c=tuple(warm),
        rain_days=(40.0, *station.rain_days[1:]),
        ghi_kwh_m2=(400.0, *(120.0,) * 11),
        relative_humidity_pct=(120.0,) * 12,
    )
    with pytest.raises(InputError) as raised:
        make(broken)
    message = str(raised.value)
    assert "climate.temperature_mean_c" in message
    assert "month 3" in message
    assert "climate.rain_days" in message
    assert "climate.ghi_kwh_m2" in message
    assert "climate.relative_humidity_pct" in message
    with pytest.raises(InputError, match="sunshine or global radiation"):
        make(replace(station, sunshine_h=None))
    with pytest.raises(InputError, match="has twelve numbers"):
        make(replace(station, temperature_min_c=(10.0,) * 11))


def test_radiation_of_a_month_without_sun_is_named():
    cold = replace(
        normals("Nantes"),
        ghi_kwh_m2=(0.2, 5.0, 30.0, 80.0, 120.0, 130.0, 120.0, 80.0, 40.0, 12.0, 1.0, 0.1),
        sunshine_h=None,
    )
    with pytest.raises(InputError, match="radiation is between"):
        typical_year(
            cold, latitude=75.0, longitude=20.0, elevation_m=0.0, time_zone_h=1.0, rng=np.random.default_rng(0)
        )


@pytest.mark.parametrize(
    "name",
    [
        "weather-epw/FRA_AC_La.Rochelle.Intl.AP.073160_TMYx.epw",
        "weather-epw/FRA_AR_Grenoble.074850_TMYx.epw",
        "weather-epw/SGP_Singapore.486980_IWEC.epw",
    ],
)
def test_year_made_of_the_normals_of_a_real_one_is_like_it(sample, name):
    # tolerances are the differences printed by benchmarks/typical_year.py, rounded up
    real = read_epw(sample(name), Problems())["weather"]
    made = make(monthly_normals(real))
    percentiles = (5, 25, 50, 75, 95)
    assert_allclose(
        np.percentile(made["air_temperature_c"], percentiles),
        np.percentile(real["air_temperature_c"], percentiles),
        atol=1.5,
    )
    for base, sign in ((18.0, -1), (26.0, 1)):
        hours = [np.maximum(sign * (year["air_temperature_c"] - base), 0).sum() for year in (real, made)]
        assert hours[1] == pytest.approx(hours[0], rel=0.05, abs=600)
    assert made["ghi_w_m2"].sum() == pytest.approx(real["ghi_w_m2"].sum(), rel=1e-9)
    assert made["longwave_w_m2"].mean() == pytest.approx(real["longwave_w_m2"].mean(), rel=0.07)


def test_saturation_vapour_pressure_is_that_of_goff_and_gratch():
    # Goff-Gratch over water: 6.11, 23.37 and 73.77 hPa at 0, 20 and 40 °C; Alduchov and Eskridge claim 0.4 %.
    assert_allclose(synthesis._vapour_pressure(np.array([0.0, 20.0, 40.0])), [6.11, 23.37, 73.77], rtol=4e-3)


def test_the_terms_of_tag_are_those_worked_by_hand():
    # Clearness of the day 0.5 and sine of the sun's height 0.5, each term worked by hand:
    # 0.374396 + 0.32 exp(-0.44375 / 0.5); 0.14 exp(-0.45) exp(0.5075 / 2); 0.38 + 0.06 cos(1.2).
    profile, sd, memory = synthesis._tag(np.array([0.5]), np.array([[0.5]]))
    assert_allclose([profile[0, 0], sd[0, 0], memory[0]], [0.506134, 0.115053, 0.401741], atol=2e-6)


def test_the_noise_of_an_hour_remembers_the_hour_before_and_keeps_its_variance():
    noise = synthesis._autoregressive(np.full(20_000, 0.4), np.random.default_rng(1))
    # 460,000 pairs: the standard error of both figures is below 0.003.
    assert np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1] == pytest.approx(0.4, abs=0.01)
    assert noise.var() == pytest.approx(1.0, abs=0.01)
