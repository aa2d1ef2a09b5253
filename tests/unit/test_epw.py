"""Reading EPW weather files."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pvlib
import pytest
from numpy.testing import assert_array_equal

from dothi import schema
from dothi.errors import InputError
from dothi.io.epw import COLUMNS, TYPICAL_YEAR, read_epw
from dothi.tables import TABLES

FILES = (
    "weather-epw/FRA_AC_La.Rochelle.Intl.AP.073160_TMYx.epw",
    "weather-epw/FRA_AR_Grenoble.074850_TMYx.epw",
    "weather-epw/SGP_Singapore.486980_IWEC.epw",
)
PVLIB = {
    "air_temperature_c": "temp_air",
    "dew_point_c": "temp_dew",
    "relative_humidity_pct": "relative_humidity",
    "pressure_pa": "atmospheric_pressure",
    "longwave_w_m2": "ghi_infrared",
    "ghi_w_m2": "ghi",
    "dni_w_m2": "dni",
    "dhi_w_m2": "dhi",
    "wind_direction_deg": "wind_direction",
    "wind_speed_m_s": "wind_speed",
}
HEADER = [
    "LOCATION,Huế,-,VNM,made,488520,16.43,107.58,7.0,17.0",
    "DESIGN CONDITIONS,0",
    "TYPICAL/EXTREME PERIODS,0",
    "GROUND TEMPERATURES,0",
    "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0",
    "COMMENTS 1,",
    "COMMENTS 2,",
    "DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31",
]


@cache
def template(year):
    rows = []
    for stamp in pd.date_range(f"{year}-01-01", f"{int(year) + 1}-01-01", freq="h", inclusive="left"):
        cells = [stamp.year, stamp.month, stamp.day, stamp.hour + 1, 60, "?9", stamp.hour, 5.0, 80, 101000, 0, 0, 350]
        cells += [100, 50, 60, 0, 0, 0, 0, 90, 2.5, 5, 5, 10, 1000, 9, "999999999", 20, 0.1, 0, 88, 0.2]
        cells += [1.5 if stamp.hour == 3 else 0.0, 1.0]
        rows.append([str(cell) for cell in cells])
    return rows


def lines(year="2019"):
    """A year of hours: temperature counts the hours of the day, rain falls in one of them."""
    return [row.copy() for row in template(year)]


@pytest.fixture
def epw(tmp_path):
    """Write an EPW file; gives its path."""

    def write(rows, header=HEADER):
        path = tmp_path / "thời tiết.epw"
        path.write_text("\n".join([*header, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8")
        return path

    return write


def rules(problems, severity):
    return [str(problem) for problem in problems if problem.severity == severity]


def check_declared(weather, problems):
    schema.check({"weather": schema.conform(weather, TABLES["weather"])}, TABLES, problems)
    problems.raise_errors()


@pytest.mark.parametrize("name", FILES)
def test_values_and_times_are_those_that_pvlib_reads(sample, problems, name):
    weather = read_epw(sample(name), problems)["weather"]
    check_declared(weather, problems)
    expected, station = pvlib.iotools.read_epw(sample(name), coerce_year=TYPICAL_YEAR)
    assert_array_equal(weather["time"].to_numpy(), expected.index.tz_convert("UTC").tz_localize(None).to_numpy())
    for own, foreign in PVLIB.items():
        assert_array_equal(weather[own].to_numpy(), expected[foreign].to_numpy(dtype="float64"))
    assert weather.attrs["elevation_m"] == station["altitude"]
    assert weather.attrs["time_zone_h"] == station["TZ"]
    assert list(weather.index) == list(range(8760))
    assert set(weather["method"]) == {"typical"}


def test_year_without_a_drop_has_no_rain_recorded(sample, problems):
    weather = read_epw(sample(FILES[2]), problems)["weather"]
    assert weather["precipitation_mm"].isna().all()
    assert any("precipitation_mm: is 0 in every hour" in note for note in rules(problems, "note"))


def test_hour_begins_an_hour_before_its_number_less_the_time_zone(epw, problems):
    weather = read_epw(epw(lines()), problems)["weather"]
    check_declared(weather, problems)
    assert weather["time"].iloc[0] == pd.Timestamp("2018-12-31 17:00")
    assert weather["air_temperature_c"].iloc[:3].tolist() == [0.0, 1.0, 2.0]
    assert weather["precipitation_mm"].sum() == pytest.approx(365 * 1.5)
    assert set(weather["method"]) == {"measured"}
    assert weather.attrs == {
        "station": "Huế VNM 488520", "latitude": 16.43, "longitude": 107.58, "time_zone_h": 7.0, "elevation_m": 17.0,
    }  # fmt: skip


def test_leap_year_of_records_keeps_its_29_february(epw, problems):
    weather = read_epw(epw(lines("2020")), problems)["weather"]
    assert len(weather) == 8784
    assert (weather["time"] + pd.Timedelta(hours=7)).dt.strftime("%m-%d").eq("02-29").sum() == 24


def test_typical_year_is_put_on_one_year_without_29_february(epw, problems):
    rows = lines("2020")
    for row in rows:
        row[0] = "2011" if row[1] in ("1", "7") else "2016"
    weather = read_epw(epw(rows), problems)["weather"]
    assert len(weather) == 8760
    assert set((weather["time"] + pd.Timedelta(hours=7)).dt.year) == {TYPICAL_YEAR}
    assert any("29 February" in repair for repair in rules(problems, "repair"))


FILLERS = {
    "air_temperature_c": "99.9",
    "dew_point_c": "99.9",
    "relative_humidity_pct": "999",
    "pressure_pa": "999999",
    "longwave_w_m2": "9999",
    "ghi_w_m2": "9999",
    "dni_w_m2": "9999",
    "dhi_w_m2": "9999",
    "wind_speed_m_s": "999",
}


@pytest.mark.parametrize("column", FILLERS)
def test_filler_in_a_short_gap_is_interpolated(epw, problems, column):
    rows = lines()
    for row in rows[100:106]:
        row[COLUMNS[column].position] = FILLERS[column]
    rows[99][COLUMNS[column].position] = "40"
    rows[106][COLUMNS[column].position] = "47"
    if column == "pressure_pa":
        rows[99][9], rows[106][9] = "40000", "47000"
    weather = read_epw(epw(rows), problems)["weather"]
    scale = 1000.0 if column == "pressure_pa" else 1.0
    np.testing.assert_allclose(weather[column].iloc[99:107], scale * np.arange(40.0, 48.0), rtol=1e-12)
    assert any(f"weather.{column}: gaps of up to 6 h" in repair for repair in rules(problems, "repair"))


def test_filler_of_wind_direction_and_rain_stays_missing(epw, problems):
    rows = lines()
    for row in rows[100:103]:
        row[20], row[33] = "999", "999"
    weather = read_epw(epw(rows), problems)["weather"]
    assert weather["wind_direction_deg"].isna().sum() == 3
    assert weather["precipitation_mm"].isna().sum() == 3


def test_long_gap_stays_missing_and_is_an_error_for_temperature(epw, problems):
    rows = lines()
    for row in rows[100:107]:
        row[7] = "99.9"
    weather = read_epw(epw(rows), problems)["weather"]
    assert weather["dew_point_c"].isna().sum() == 7
    for row in rows[100:107]:
        row[6] = "99.9"
    with pytest.raises(InputError, match=r"weather.air_temperature_c: is known, but for gaps of up to 6 h \(7 rows"):
        read_epw(epw(rows), problems)


def test_gap_at_the_end_is_not_bridged(epw, problems):
    rows = lines()
    rows[-1][7] = "99.9"
    assert np.isnan(read_epw(epw(rows), problems)["weather"]["dew_point_c"].iloc[-1])


def test_old_file_without_the_last_cells_has_no_rain(epw, problems):
    weather = read_epw(epw([row[:32] for row in lines()]), problems)["weather"]
    assert weather["precipitation_mm"].isna().all()
    check_declared(weather, problems)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:5000], "has 8760 or 8784 hours, not 5000"),
        (lambda rows: [*rows[:-1], rows[-1][:10]], r"each line has at least 22 cells \(1 row, 8768\)"),
        (lambda rows: [*rows[:9], rows[10], rows[9], *rows[11:]], "hours follow one another"),
        (lambda rows: [*rows[24:], *rows[:24]], "hours follow one another"),
        (lambda rows: [["x", *row[1:]] for row in rows], "begins with year, month, day and hour"),
        (lambda rows: [[*row[:6], "warm", *row[7:]] for row in rows], "air_temperature_c: is a number"),
    ],
)
def test_broken_hours_are_named(epw, problems, change, message):
    with pytest.raises(InputError, match=message):
        read_epw(epw(change(lines())), problems)


def test_other_files_are_refused(tmp_path, problems):
    for data in (b"", b"\x00\xff" * 5000, b"a,b,c\n1,2,3\n", b"LOCATION,x\n"):
        path = tmp_path / "thời tiết.epw"
        path.write_bytes(data)
        with pytest.raises(InputError):
            read_epw(path, type(problems)())
    with pytest.raises(InputError, match="file is present"):
        read_epw(tmp_path / "none.epw", problems)


def test_header_without_a_place_or_with_more_rows_per_hour_is_refused(epw, problems):
    header = [HEADER[0].replace("107.58", "?"), *HEADER[1:-1], HEADER[-1].replace("1,1,Data", "1,4,Data")]
    with pytest.raises(InputError) as raised:
        read_epw(epw(lines(), header), problems)
    assert "line LOCATION gives longitude" in str(raised.value)
    assert "holds one row per hour" in str(raised.value)
