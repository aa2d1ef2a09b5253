"""Places by name, and where they are."""

from __future__ import annotations

import csv
import zoneinfo

import numpy as np
import pytest

from dothi.errors import InputError
from dothi.io.remote import area_km2
from dothi.place import load
from dothi.place.gazetteer import Place, box_around, find_place, fold, places, search_keys


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Huế", "Huế"),
        ("hue", "Huế"),
        ("Hue\u0302\u0301", "Huế"),  # decomposed
        ("TP. Hồ Chí Minh", "Hồ Chí Minh"),
        ("Ho Chi Minh City", "Hồ Chí Minh"),
        ("Saigon", "Hồ Chí Minh"),
        ("TP.HCM", "Hồ Chí Minh"),
        ("HANOI", "Hà Nội"),
        ("Hanoi, Vietnam", "Hà Nội"),
        ("thành phố Đà Nẵng", "Đà Nẵng"),
        ("Danang", "Đà Nẵng"),
        ("Đà Lạt", "Đà Lạt"),
        ("da lat", "Đà Lạt"),
        ("hoi an", "Hội An"),
        ("Phan Rang", "Phan Rang - Tháp Chàm"),
        ("nantes", "Nantes"),
        ("Saint Nazaire", "Saint-Nazaire"),
        ("Monte Carlo", "Monaco"),
    ],
)
def test_place_is_found_however_it_is_typed(typed, name):
    assert find_place(typed).name == name


def test_province_stands_for_its_seat():
    assert find_place("Tỉnh Lâm Đồng").name == "Đà Lạt"
    assert find_place("Nghệ An").name == "Vinh"
    assert find_place("Quảng Nam").name == "Tam Kỳ"


def test_town_comes_before_the_province_of_its_name():
    assert find_place("Bắc Ninh").province == "Bắc Ninh"  # the seat of today's province is Bắc Giang


def test_province_whose_seat_moved_is_ambiguous():
    with pytest.raises(InputError, match=r"several places: Long Xuyên \(An Giang\); Rạch Giá \(Kiên Giang\)"):
        find_place("An Giang")


def test_unknown_name_is_answered_with_names_alike():
    with pytest.raises(InputError, match=r"'Nantess'; did you mean Nantes"):
        find_place("Nantess")


@pytest.mark.parametrize("name", ["", "  ", "…", "Atlantis", "x" * 10_000, "../../etc/passwd"])
def test_name_that_is_none_is_an_input_error(name):
    with pytest.raises(InputError, match="no place is known"):
        find_place(name)


def test_every_name_of_every_place_finds_it():
    for place in places():
        for name in (place.name, *place.names, fold(place.name)):
            assert find_place(name) is place


def test_every_place_has_a_box_around_it_and_a_time_zone():
    for place in places():
        west, south, east, north = place.box
        assert west < place.lon < east
        assert south < place.lat < north
        assert 8.9 <= area_km2(place.box) <= 36.1  # 3 to 6 km on a side
        zoneinfo.ZoneInfo(place.time_zone)


def test_box_has_the_size_asked_for():
    assert area_km2(box_around(105.85, 21.03, 5.0)) == pytest.approx(25.0, rel=5e-3)  # corners to 0.0001°
    assert box_around(0.0, 0.0, 2 * 111.32) == (-1.0, -1.0, 1.0, 1.0)


def test_extent_is_the_box_in_longitude_and_latitude():
    place = find_place("Nantes")
    assert isinstance(place, Place)
    assert place.extent.crs == "EPSG:4326"
    assert place.extent.bounds == place.box


def test_kinds_of_places_are_no_part_of_the_name():
    assert search_keys("Thành phố Huế") == ("thanhphohue", "hue")
    assert search_keys("Tân Phú") == ("tanphu",)


def test_seats_lie_where_the_wards_of_2025_say(sample):
    """Each of the 63 chief towns has a ward of its own province of today within 6 km."""
    table = sample("vietnam-admin/tables/2025_34-province-3221-ward_with_location.csv")
    with table.open(encoding="utf-8-sig", newline="") as handle:
        wards = [(row["provinceShort"], float(row["wardLon"]), float(row["wardLat"])) for row in csv.DictReader(handle)]
    province = np.array([fold(name) for name, _, _ in wards])
    at = np.radians(np.array([[lon, lat] for _, lon, lat in wards]))
    for town in load("vn", "grids")["former"]:
        lon, lat = np.radians([town["lon"], town["lat"]])
        distance_km = 6371 * np.hypot((at[:, 0] - lon) * np.cos(lat), at[:, 1] - lat)
        nearest = int(np.argmin(distance_km))
        assert province[nearest] == fold(town["now"]), town
        assert distance_km[nearest] < 6.0, town
