"""Reading GTFS feeds."""

from __future__ import annotations

import zipfile
from datetime import date

import numpy as np
import pandas as pd
import pytest

from dothi import schema
from dothi.crs import Extent
from dothi.errors import InputError
from dothi.io.gtfs import read_gtfs
from dothi.tables import TABLES

FEED = {
    "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\n1,Buýt,https://example.org,Asia/Ho_Chi_Minh\n",
    "stops.txt": (
        "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n"
        "C,Chợ Đông Ba,16.47,107.59,0,\n"
        "A,Ga Huế,16.46,107.58,0,S\n"
        'B,"Cầu, Trường Tiền",16.465,107.585,0,\n'
        "S,Ga,16.46,107.58,1,\n"
        "E,Cửa,16.46,107.58,2,S\n"
    ),
    "routes.txt": "route_id,route_short_name,route_long_name,route_type\nr2,2,Tuyến 2,714\nr1,1,Tuyến 1,0\n",
    "trips.txt": (
        "route_id,service_id,trip_id,trip_headsign,direction_id,shape_id\n"
        "r1,week,t1,Chợ,0,w\nr1,week,t2,Ga,1,\nr2,sunday,t3,,,\n"
    ),
    "stop_times.txt": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence,shape_dist_traveled\n"
        "t1,7:05:00,7:05:30,A,1,0\nt1,07:10:00,07:10:00,B,2,1\nt1,07:20:00,07:20:00,C,3,2\n"
        "t3,25:50:00,25:50:00,C,10,\nt3,26:10:00,26:10:00,A,20,\n"
        "t2,08:00:00,08:00:00,C,1,\nt2,08:10:00,08:10:00,A,2,\n"
    ),
    "calendar.txt": (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "week,1,1,1,1,1,0,0,20250505,20250518\n"
    ),
    "calendar_dates.txt": (
        "service_id,date,exception_type\nweek,20250507,2\nweek,20250510,1\nsunday,20250511,1\nsunday,20250518,1\n"
    ),
    "shapes.txt": (
        "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\nw,16.47,107.59,3\nw,16.46,107.58,1\nw,16.465,107.586,2\n"
    ),
}


@pytest.fixture
def feed(tmp_path):
    """Write the small feed, with files replaced or (None) left out; gives its folder."""

    def write(name="tuyến xe buýt", encoding="utf-8", **files):
        folder = tmp_path / name
        folder.mkdir()
        for file, text in (FEED | {f"{key}.txt": value for key, value in files.items()}).items():
            if text is not None:
                data = text if isinstance(text, bytes) else text.encode(encoding)
                (folder / file).write_bytes(data)
        return folder

    return write


def rules(problems, severity):
    return [str(problem) for problem in problems if problem.severity == severity]


def check_declared(tables, problems):
    schema.check({name: schema.conform(table, TABLES[name]) for name, table in tables.items()}, TABLES, problems)
    problems.raise_errors()


def test_whole_feed_is_read_in_the_order_of_its_identifiers(feed, problems):
    tables = read_gtfs(feed(), problems)
    check_declared(tables, problems)
    stops, trips, calls = tables["stops"], tables["trips"], tables["stop_times"]
    assert stops["source_id"].tolist() == ["A", "B", "C", "S"]
    assert stops["name"].tolist() == ["Ga Huế", "Cầu, Trường Tiền", "Chợ Đông Ba", "Ga"]
    assert stops["parent_stop_id"].tolist() == [3, pd.NA, pd.NA, pd.NA]
    assert tables["routes"]["mode"].tolist() == ["tram", "bus"]
    assert trips["source_id"].tolist() == ["t1", "t2", "t3"]
    assert trips["route_id"].tolist() == [0, 0, 1]
    assert trips["shape_id"].tolist() == [0, pd.NA, pd.NA]
    assert calls["trip_id"].tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert calls["stop_id"].tolist() == [0, 1, 2, 2, 0, 2, 0]
    assert calls["departure_s"].tolist() == [25530.0, 25800.0, 26400.0, 28800.0, 29400.0, 93000.0, 94200.0]
    assert calls["arrival_s"].iloc[0] == 7 * 3600 + 5 * 60
    assert list(tables["shapes"].geometry.iloc[0].coords) == [(107.58, 16.46), (107.586, 16.465), (107.59, 16.47)]
    assert tables["routes"].geometry.iloc[0].geom_type == "MultiLineString"
    assert tables["routes"].geometry.iloc[1] is None
    assert all(isinstance(table.index, pd.RangeIndex) for table in tables.values())
    assert rules(problems, "repair") == []


def test_service_days_are_weekdays_less_removed_and_with_added_ones(feed, problems):
    days = read_gtfs(feed(), problems)["calendar"]
    # Monday 5 to Sunday 18 May 2025: ten weekdays, less Wednesday 7, and Saturday 10; two Sundays of their own
    assert days.groupby("service_id").size().tolist() == [2, 10]
    week = days.loc[days["service_id"] == 1, "date"].dt.strftime("%d").tolist()
    assert week == ["05", "06", "08", "09", "10", "12", "13", "14", "15", "16"]


def test_headways_become_trips(feed, problems):
    frequencies = (
        "trip_id,start_time,end_time,headway_secs,exact_times\n"
        "t1,06:00:00,07:00:00,600,1\nt1,07:00:00,08:00:00,1700,0\nt2,06:00:00,06:00:00,600,\n"
    )
    tables = read_gtfs(feed(frequencies=frequencies), problems)
    check_declared(tables, problems)
    # 6 runs at 06:00 … 06:50, 3 at 07:00, 07:28:20, 07:56:40; t2 has a headway without duration
    trips = tables["trips"]["source_id"].tolist()
    assert trips[0] == "t1@06:00:00"
    assert trips[5:] == ["t1@06:50:00", "t1@07:00:00", "t1@07:28:20", "t1@07:56:40", "t2", "t3"]
    calls = tables["stop_times"]
    run = calls[calls["trip_id"] == trips.index("t1@07:28:20")]
    start = 7 * 3600 + 28 * 60 + 20
    assert run["departure_s"].tolist() == [start, start + 270.0, start + 870.0]
    assert run["stop_id"].tolist() == [0, 1, 2]
    assert len(calls) == 9 * 3 + 2 + 2
    assert any("6 at exact times, 3 about" in note for note in rules(problems, "note"))
    assert any("headways that are not positive" in repair for repair in rules(problems, "repair"))


def test_blank_times_are_interpolated_by_distance_where_it_is_known(feed, problems):
    text = FEED["stop_times.txt"]
    blank = text.replace("t1,07:10:00,07:10:00,B,2,1", "t1,,,B,2,1.5").replace("t3,26:10:00", "t3,,,B,15,\nt3,26:10:00")
    calls = read_gtfs(feed(stop_times=blank), problems)["stop_times"]
    # from 7:05:30 to 7:20:00, three quarters of the way; then half of the way from 25:50 to 26:10
    assert calls["arrival_s"].iloc[1] == 25530.0 + 0.75 * 870.0
    assert calls.loc[calls["trip_id"] == 2, "arrival_s"].tolist() == [93000.0, 93600.0, 94200.0]
    assert any("1 by distance, 1 by order" in repair for repair in rules(problems, "repair"))


def test_trip_without_a_last_time_is_left_out(feed, problems):
    text = FEED["stop_times.txt"].replace("t2,08:10:00,08:10:00,A", "t2,,,A")
    tables = read_gtfs(feed(stop_times=text), problems)
    assert tables["trips"]["source_id"].tolist() == ["t1", "t3"]
    assert tables["stop_times"]["trip_id"].tolist() == [0, 0, 0, 1, 1]


def test_times_past_midnight_written_from_zero_get_a_day(feed, problems):
    text = (
        FEED["stop_times.txt"]
        .replace("t2,08:00:00,08:00:00", "t2,23:55:00,23:55:00")
        .replace("t2,08:10:00,08:10:00", "t2,00:05:00,00:06:00")
    )
    calls = read_gtfs(feed(stop_times=text), problems)["stop_times"]
    assert calls.loc[calls["trip_id"] == 1, "arrival_s"].tolist() == [86100.0, 86700.0]
    assert any("24 h were added" in repair for repair in rules(problems, "repair"))


def test_vehicle_that_stands_over_midnight_goes_on_the_next_day(feed, problems):
    text = (
        FEED["stop_times.txt"]
        .replace("t1,7:05:00,7:05:30", "t1,23:59:00,00:01:00")
        .replace("t1,07:10:00,07:10:00", "t1,00:05:00,00:05:00")
        .replace("t1,07:20:00,07:20:00", "t1,00:09:00,00:09:00")
    )
    calls = read_gtfs(feed(stop_times=text), problems)["stop_times"]
    assert calls["departure_s"].iloc[:3].tolist() == [86460.0, 86700.0, 86940.0]


def test_trip_that_runs_back_in_time_is_left_out(feed, problems):
    text = FEED["stop_times.txt"].replace("t1,07:10:00,07:10:00", "t1,07:03:00,07:03:00")
    tables = read_gtfs(feed(stop_times=text), problems)
    assert tables["trips"]["source_id"].tolist() == ["t2", "t3"]
    assert any("run backwards" in repair and "t1" in repair for repair in rules(problems, "repair"))


def test_rows_that_point_nowhere_are_left_out_and_counted(feed, problems):
    trips = FEED["trips.txt"] + "r9,week,t9,,,\n"
    calls = FEED["stop_times.txt"] + "t9,08:00:00,08:00:00,A,1,\nt1,09:00:00,09:00:00,X,9,\n"
    tables = read_gtfs(feed(trips=trips, stop_times=calls), problems)
    check_declared(tables, problems)
    assert len(tables["trips"]) == 3
    assert len(tables["stop_times"]) == 7
    repairs = "\n".join(rules(problems, "repair"))
    assert "trips.route_id: occurs in routes.txt; rows that do not were left out (1 row, t9)" in repairs
    assert "stop_times.trip_id: occurs in trips.txt" in repairs
    assert "stop_times.stop_id: occurs in stops.txt" in repairs


def test_most_rows_pointing_nowhere_is_an_error(feed, problems):
    with pytest.raises(InputError, match=r"trips.route_id: occurs in routes.txt \(100% of the rows do not\)"):
        read_gtfs(feed(routes="route_id,route_type\nz,3\n"), problems)


def test_stray_stop_is_left_out_with_its_calls(feed, problems):
    stops = FEED["stops.txt"].replace("16.465,107.585", "12.46,7.9")
    tables = read_gtfs(feed(stops=stops), problems)
    assert tables["stops"]["source_id"].tolist() == ["A", "C", "S"]
    assert len(tables["stop_times"]) == 6
    assert any("km from the middle" in repair for repair in rules(problems, "repair"))


def test_swapped_axes_are_named(feed, problems):
    stops = "stop_id,stop_lat,stop_lon\nA,107.58,16.46\nB,107.585,16.465\nC,107.59,16.47\nS,107.58,16.46\n"
    with pytest.raises(InputError, match="look swapped"):
        read_gtfs(feed(stops=stops), problems)


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_byte_order_mark_and_line_ends_do_not_matter(feed, problems, newline):
    files = {name[:-4]: ("\ufeff" + text).replace("\n", newline) for name, text in FEED.items()}
    assert len(read_gtfs(feed(**files), problems)["stop_times"]) == 7


def test_latin_1_is_read_and_reported(feed, problems):
    routes = "route_id,route_short_name,route_long_name,route_type\nr1,1,Beauséjour,0\nr2,2,Gare,3\n".encode("latin-1")
    tables = read_gtfs(feed(routes=routes), problems)
    assert tables["routes"]["name"].iloc[0] == "Beauséjour"
    assert any("not UTF-8" in repair for repair in rules(problems, "repair"))


def test_feed_without_agency_shapes_and_calendar_is_read_with_notes(feed, problems):
    tables = read_gtfs(feed(agency=None, shapes=None, calendar=None), problems)
    check_declared(tables, problems)
    assert len(tables["shapes"]) == 0
    assert len(tables["calendar"]) == 3
    notes = "\n".join(rules(problems, "note"))
    assert "no agency.txt" in notes
    assert "no shapes.txt" in notes
    assert "no calendar.txt" in notes


def test_timetable_is_required_unless_told_otherwise(feed, problems):
    folder = feed(stop_times=None)
    with pytest.raises(InputError, match=r"stop_times.txt is present"):
        read_gtfs(folder, problems)
    problems = type(problems)()
    tables = read_gtfs(folder, problems, schedule_required=False)
    assert "stop_times" not in tables
    assert len(tables["trips"]) == 3


def test_all_missing_files_and_columns_are_reported_at_once(feed, problems):
    with pytest.raises(InputError) as raised:
        read_gtfs(feed(stops=None, routes="route_id\nr1\n", trips=b""), problems)
    message = str(raised.value)
    assert "stops.txt is present" in message
    assert "routes.route_type: routes.txt has the column" in message
    assert "trips.txt begins with a line of column names" in message


def test_days_asked_for_leave_out_other_days_and_trips(feed, problems):
    tables = read_gtfs(feed(), problems, dates=(date(2025, 5, 12), date(2025, 5, 16)))
    assert len(tables["calendar"]) == 5
    assert tables["trips"]["source_id"].tolist() == ["t1", "t2"]
    assert tables["routes"]["source_id"].tolist() == ["r1"]
    check_declared(tables, problems)


def test_extent_keeps_calls_inside_and_trips_with_two_of_them(feed, problems):
    tables = read_gtfs(feed(), problems, extent=Extent("EPSG:4326", (107.57, 16.45, 107.587, 16.468)))
    check_declared(tables, problems)
    assert tables["stops"]["source_id"].tolist() == ["A", "B", "S"]
    assert tables["trips"]["source_id"].tolist() == ["t1"]
    assert tables["stop_times"]["stop_id"].tolist() == [0, 1]


def test_endless_calendar_and_hostile_headways_stay_bounded(feed, problems):
    calendar = FEED["calendar.txt"].replace("20250518", "21991231")
    tables = read_gtfs(feed(calendar=calendar), problems)
    assert len(tables["calendar"]) < 800
    with pytest.raises(InputError, match="headways expand to at most"):
        read_gtfs(
            feed("hostile", frequencies="trip_id,start_time,end_time,headway_secs\nt1,00:00:00,999:00:00,0.01\n"),
            problems,
        )


@pytest.mark.parametrize(
    "data", [b"\x00" * 4096, b"PK\x03\x04 torn", b'"', b"stop_id,stop_lat,stop_lon\n" + b'"' * 999]
)
def test_rubbish_ends_in_a_clear_error(feed, problems, data):
    with pytest.raises(InputError):
        read_gtfs(feed(stops=data), problems)


def test_missing_feed_ends_in_a_clear_error(tmp_path, problems):
    with pytest.raises(InputError, match="file or folder is present"):
        read_gtfs(tmp_path / "không có.zip", problems)


def test_archive_and_archive_of_a_folder_read_like_the_folder(feed, problems, tmp_path):
    folder = feed()
    expected = read_gtfs(folder, problems)
    for prefix in ("", "huế/"):
        archive = tmp_path / f"xe buýt {len(prefix)}.zip"
        with zipfile.ZipFile(archive, "w") as packed:
            for file in folder.iterdir():
                packed.write(file, prefix + file.name)
        tables = read_gtfs(archive, problems)
        for name, table in expected.items():
            pd.testing.assert_frame_equal(pd.DataFrame(tables[name]), pd.DataFrame(table))


def test_same_feed_gives_the_same_tables_whatever_the_order_of_rows(feed, problems):
    expected = read_gtfs(feed(), problems)
    shuffled = {}
    for name, text in FEED.items():
        head, *rows = text.strip().split("\n")
        shuffled[name[:-4]] = "\n".join([head, *rows[::-1]]) + "\n"
    tables = read_gtfs(feed("shuffled", **shuffled), problems)
    for name, table in expected.items():
        pd.testing.assert_frame_equal(pd.DataFrame(tables[name]), pd.DataFrame(table))


def test_hanoi_feed(sample, problems):
    # counts: unzip -p hanoi_gtfs_am.zip FILE | wc -l, less the header
    tables = read_gtfs(sample("hanoi/gtfs/hanoi_gtfs_am.zip"), problems)
    check_declared(tables, problems)
    sizes = {name: len(table) for name, table in tables.items()}
    assert sizes == {"stops": 6495, "routes": 224, "trips": 3024, "stop_times": 100117, "calendar": 365, "shapes": 0}
    assert set(tables["routes"]["mode"]) == {"bus"}
    assert rules(problems, "repair") == []


def test_nantes_cut_of_the_feed(sample, problems):
    tables = read_gtfs(sample("nantes/gtfs_filter_complete"), problems)
    check_declared(tables, problems)
    sizes = {name: len(table) for name, table in tables.items()}
    assert sizes == {"stops": 25, "routes": 7, "trips": 4263, "stop_times": 12936, "calendar": 114, "shapes": 19}
    assert tables["routes"]["mode"].value_counts().to_dict() == {"bus": 6, "tram": 1}
    assert tables["stop_times"]["departure_s"].max() > 86400
    ride = tables["stop_times"].groupby("trip_id")["arrival_s"].diff().dropna()
    assert np.all(ride >= 0)


def test_nantes_feed_without_timetable_loses_its_stray_stop(sample, problems):
    tables = read_gtfs(sample("nantes/gtfs_full_without_stop_times"), problems, schedule_required=False)
    check_declared(tables, problems)
    assert {name: len(table) for name, table in tables.items()} == {
        "stops": 3686, "routes": 105, "trips": 30548, "calendar": 114, "shapes": 318,
    }  # fmt: skip
    assert any("VTOU" in repair for repair in rules(problems, "repair"))
    assert tables["stops"]["parent_stop_id"].notna().sum() > 2000
