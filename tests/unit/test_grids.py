"""Grids of places: closed forms, published points, the EPSG registry, real wards."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer
from pyproj.database import query_crs_info

from dothi.errors import InputError
from dothi.place import load
from dothi.place.gazetteer import fold, places
from dothi.place.grids import degrees_minutes, grid_for_place, grid_for_point

GRIDS = load("vn", "grids")
MERIDIANS = sorted({province["meridian"] for province in GRIDS["provinces"] + GRIDS["former"]})


def degrees(text: str) -> float:
    d, m, s = map(float, re.findall(r"[\d.]+", text))
    return d + m / 60 + s / 3600


# The grids themselves


def meridian_arc(lat_deg: float) -> float:
    """
    Meridian arc of WGS 84 from the equator [m], by Helmert's series in the third flattening.

    F. R. Helmert 1880; as in C. F. F. Karney, Transverse Mercator with an accuracy of a few nanometers, J. Geodesy 85,
    2011, eq. 14, doi 10.1007/s00190-011-0445-3, where the terms kept here leave less than a micrometre.
    """
    a, f = 6378137.0, 1 / 298.257223563
    n, phi = f / (2 - f), np.radians(lat_deg)
    rectifying = a / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    terms = (
        phi
        - (3 / 2 * n - 9 / 16 * n**3) * np.sin(2 * phi)
        + (15 / 16 * n**2 - 15 / 32 * n**4) * np.sin(4 * phi)
        - 35 / 48 * n**3 * np.sin(6 * phi)
        + 315 / 512 * n**4 * np.sin(8 * phi)
    )
    return float(rectifying * terms)


@pytest.mark.parametrize("meridian", MERIDIANS)
def test_on_its_meridian_a_grid_is_the_scaled_meridian_arc(meridian):
    code = GRIDS["epsg"][f"{meridian:.2f}"]
    project = Transformer.from_crs("EPSG:4756", f"EPSG:{code}", always_xy=True)
    for lat in (0.0, 8.5, 16.46, 23.4):
        east, north = project.transform(meridian, lat)
        assert east == pytest.approx(500_000.0, abs=1e-6)
        assert north == pytest.approx(0.9999 * meridian_arc(lat), abs=1e-5)


def test_grids_are_those_of_the_registry():
    for meridian, code in GRIDS["epsg"].items():
        crs = CRS(f"EPSG:{code}")
        values = {parameter.name: parameter.value for parameter in crs.coordinate_operation.params}
        assert crs.geodetic_crs.to_epsg() == 4756
        assert values["Longitude of natural origin"] == float(meridian)
        assert values["Scale factor at natural origin"] == 0.9999
        assert values["False easting"] == 500_000.0


def test_registry_lists_every_former_province_under_its_meridian():
    """The areas of use of the VN-2000 TM-3 grids name the provinces (its source: the survey department)."""
    areas = {
        (int(info.code), fold(info.area_of_use.name))
        for info in query_crs_info(auth_name="EPSG")
        if info.name.startswith("VN-2000 / TM-3")
    }
    for province in GRIDS["former"]:
        code = GRIDS["epsg"][f"{province['meridian']:.2f}"]
        listed = [area for number, area in areas if number == code]
        assert any(fold(province["name"]) in area for area in listed), province


PUBLISHED = [
    # WGS 84, then VN-2000, each to 0.1″ (about 3 m), north to south.
    # Notice to mariners HPG-11-2025 (Vietnam Maritime Safety North): berth 3 of Lạch Huyện, Hải Phòng.
    ("20°47'48.5\" 106°54'35.4\"", "20°47'52.1\" 106°54'28.6\""),
    ("20°47'38.0\" 106°54'41.9\"", "20°47'41.6\" 106°54'35.1\""),
    # Notice to mariners DNG-30-2023: Liên Chiểu, Đà Nẵng.
    ("16°08'16.7\" 108°07'51.5\"", "16°08'20.4\" 108°07'44.9\""),
    ("16°08'17.1\" 108°07'48.5\"", "16°08'20.8\" 108°07'41.9\""),
    # Circular 37/2019/TT-BGTVT: Lý Sơn, Quảng Ngãi.
    ("15°22'29.0\" 109°06'07.0\"", "15°22'32.7\" 109°06'00.5\""),
    ("15°20'10.0\" 109°07'06.0\"", "15°20'13.7\" 109°06'59.5\""),
    # Circular 20/2019/TT-BGTVT: Vân Phong, Nha Trang and Cam Ranh, Khánh Hòa.
    ("12°33'36.0\" 109°26'00.0\"", "12°33'39.7\" 109°25'53.6\""),
    ("12°14'14.0\" 109°16'00.0\"", "12°14'17.7\" 109°15'53.6\""),
    ("11°58'08.8\" 109°12'24.9\"", "11°58'12.5\" 109°12'18.4\""),
    ("11°53'56.3\" 109°10'27.8\"", "11°54'00.0\" 109°10'21.3\""),
]


@pytest.mark.parametrize(("wgs84", "vn2000"), PUBLISHED)
def test_published_points_agree_with_the_grids(wgs84, vn2000):
    """From WGS 84 onto the provincial grid and back to VN-2000 latitude and longitude, to the 0.1″ published."""
    (lat, lon), (lat_vn, lon_vn) = (tuple(map(degrees, text.split())) for text in (wgs84, vn2000))
    grid = grid_for_point(lon, lat).crs
    east, north = Transformer.from_crs("EPSG:4326", grid, always_xy=True).transform(lon, lat)
    lon_found, lat_found = Transformer.from_crs(grid, "EPSG:4756", always_xy=True).transform(east, north)
    # Each of the two is rounded to 0.1″, which leaves up to 0.1″ between them.
    assert abs(lat_found - lat_vn) * 3600 < 0.1
    assert abs(lon_found - lon_vn) * 3600 < 0.1


def test_shift_to_wgs84_is_that_of_the_registry():
    """EPSG transformation VN-2000 to WGS 84 (2), coordinate frame rotation, computed here from its seven parameters."""
    t = np.array([-191.90441429, -39.30318279, -111.45032835])
    rx, ry, rz = np.radians(np.array([-0.00928836, 0.01975479, -0.00427372]) / 3600)
    rotation = np.array([[1, rz, -ry], [-rz, 1, rx], [ry, -rx, 1]])
    geocentric = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    lon, lat = 107.58, 16.46
    # Both datums have the ellipsoid of WGS 84, so that its geocentric coordinates serve for both.
    there = t + (1 + 0.252906278e-6) * rotation @ np.array(geocentric.transform(lon, lat, 0.0))
    lon_there, lat_there, _ = geocentric.transform(*there, direction="INVERSE")
    got = Transformer.from_crs("EPSG:4756", "EPSG:4326", always_xy=True).transform(lon, lat)
    np.testing.assert_allclose(got, (lon_there, lat_there), atol=1e-9)


# By name


@pytest.mark.parametrize(
    ("name", "crs", "province"),
    # Meridians of Hanoi, Huế, Đà Nẵng, Lâm Đồng and Hồ Chí Minh as used in planning files.
    [
        ("Hue", "EPSG:9214", "Huế"),
        ("Huế", "EPSG:9214", "Huế"),
        ("Thừa Thiên Huế", "EPSG:9214", "Huế"),
        ("TP Hồ Chí Minh", "EPSG:9210", "Hồ Chí Minh"),
        ("Ho Chi Minh City", "EPSG:9210", "Hồ Chí Minh"),
        ("Saigon", "EPSG:9210", "Hồ Chí Minh"),
        ("Thủ đô Hà Nội", "EPSG:5897", "Hà Nội"),
        ("Da Nang", "EPSG:5899", "Đà Nẵng"),
        ("Hội An", "EPSG:5899", "Đà Nẵng"),
        ("Đà Lạt", "EPSG:5899", "Lâm Đồng"),
        ("tinh lam dong", "EPSG:5899", "Lâm Đồng"),
        ("Sa Pa", "EPSG:9208", "Lào Cai"),
        ("Phan Thiết", "EPSG:5899", "Lâm Đồng"),
        ("Nantes", "EPSG:2154", ""),
        ("Monaco", "EPSG:32632", ""),
    ],
)
def test_grid_is_picked_by_name(name, crs, province):
    choice = grid_for_place(name)
    assert (choice.crs, choice.province) == (crs, province)


def test_former_province_keeps_its_grid_in_the_edition_of_2001():
    now, then = grid_for_place("Vũng Tàu"), grid_for_place("Vũng Tàu", edition="2001")
    assert (now.crs, now.former_crs, then.crs) == ("EPSG:9210", "EPSG:5899", "EPSG:5899")
    assert then.province == "Bà Rịa - Vũng Tàu"
    assert "likely on EPSG:5899, 107°45′" in now.why
    assert grid_for_place("Bắc Ninh").crs == "EPSG:9214"
    assert grid_for_place("Bắc Ninh", edition="2001").crs == "EPSG:9209"
    assert grid_for_place("Huế", edition="2001").crs == "EPSG:9214"


def test_ambiguous_town_is_an_error_with_candidates():
    with pytest.raises(InputError, match=r"several places: in Bắc Kạn .*; in An Giang \(EPSG:9208, 104°45′\)"):
        grid_for_place("Chợ Mới")


def test_unknown_name_is_an_error_with_names_alike():
    with pytest.raises(InputError, match=r"no place .* 'Hội Ann'; did you mean Hội An"):
        grid_for_place("Hội Ann")


def test_choice_says_whether_it_rests_on_a_source_that_was_read():
    assert grid_for_place("Huế").verified
    assert not grid_for_place("Lai Châu").verified  # 104°45′ since 2025; the registry still has 103°00′
    assert not grid_for_place("Vũng Tàu").verified
    assert "Circular 24/2025/TT-BNNMT" in grid_for_place("Huế").why


def test_every_built_in_place_and_province_has_a_grid():
    for name in {place.name for place in places()} | {p["name"] for p in GRIDS["provinces"] + GRIDS["former"]}:
        for edition in ("2025", "2001"):
            CRS(grid_for_place(name, edition=edition).crs)


def test_tables_of_provinces_are_complete():
    today, former = GRIDS["provinces"], GRIDS["former"]
    assert (len(today), len(former)) == (34, 63)
    assert {province["now"] for province in former} == {province["name"] for province in today}
    assert set(GRIDS["towns"]) == {province["name"] for province in former}
    assert {province["seat"] for province in today} <= {province["seat"] for province in former}


def test_meridians_are_written_as_people_write_them():
    assert [degrees_minutes(x) for x in (105.0, 104.75, 106.25)] == ["105°00′", "104°45′", "106°15′"]


# By point


@pytest.mark.parametrize(
    ("lon", "lat", "crs"),
    [
        (107.58, 16.46, "EPSG:9214"),  # Huế
        (106.60, 8.69, "EPSG:9210"),  # Côn Đảo, with Hồ Chí Minh since 2025
        (103.97, 22.49, "EPSG:9208"),  # Lào Cai, at the Chinese border
        (102.60, 17.97, "EPSG:32648"),  # Vientiane
        (104.92, 11.56, "EPSG:32648"),  # Phnom Penh
        (108.32, 22.82, "EPSG:32649"),  # Nanning
        (-1.55, 47.21, "EPSG:2154"),  # Nantes
        (7.75, 48.58, "EPSG:2154"),  # Strasbourg
        (7.84, 48.57, "EPSG:32632"),  # Kehl, across the Rhine
        (9.45, 42.70, "EPSG:2154"),  # Bastia
        (6.14, 46.20, "EPSG:32632"),  # Geneva
        (1.52, 42.51, "EPSG:32631"),  # Andorra
        (-2.11, 49.19, "EPSG:32630"),  # Jersey
        (4.35, 50.85, "EPSG:32631"),  # Brussels
        (7.42, 43.74, "EPSG:32632"),  # Monaco
        (7.27, 43.70, "EPSG:2154"),  # Nice
        (151.2, -33.9, "EPSG:32756"),  # Sydney
        (180.0, 0.0, "EPSG:32660"),
        (-180.0, -1.0, "EPSG:32701"),
    ],
)
def test_grid_is_picked_by_point(lon, lat, crs):
    assert grid_for_point(lon, lat).crs == crs


def test_choice_by_point_names_the_town_and_its_distance():
    choice = grid_for_point(107.58, 16.55)
    assert choice.distance_km == pytest.approx(0.09 * 111.2, rel=0.01)
    assert "Huế is the nearest town, 10 km away" in choice.why


@pytest.mark.parametrize("point", [(16.4, 107.6), (np.nan, 1.0), (1.0, np.inf), (500_000.0, 1_800_000.0), (0.0, 86.0)])
def test_point_that_is_none_is_an_input_error(point):
    with pytest.raises(InputError, match="itude"):
        grid_for_point(*point)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3405"])
def test_wards_decide_where_they_are_given(crs):
    lon, lat = 105.89, 20.92  # Nam Phù in Hà Nội; the nearest town is Văn Giang across the Red River
    assert grid_for_point(lon, lat).province == "Hưng Yên"
    ward = gpd.GeoDataFrame(
        {"province": ["Thành phố Hà Nội"]},
        geometry=[shapely.box(lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01)],
        crs=4326,
    ).to_crs(crs)
    choice = grid_for_point(lon, lat, wards=ward)
    assert (choice.province, choice.crs) == ("Hà Nội", "EPSG:5897")
    assert "ward of Hà Nội" in choice.why
    assert grid_for_point(lon + 0.05, lat - 0.05, wards=ward).distance_km > 0.0


def test_wards_without_provinces_are_an_input_error():
    ward = gpd.GeoDataFrame(geometry=[shapely.box(105, 20, 106, 21)], crs=4326)
    with pytest.raises(InputError, match="wards: a grid and a column `province`"):
        grid_for_point(105.5, 20.9, wards=ward)


def ward_centres(folder: Path, name: str) -> np.ndarray:
    wards = gpd.read_file(folder / f"{name}_wards.geojson")
    points = wards.geometry.representative_point()
    return np.column_stack([points.x, points.y])


@pytest.mark.parametrize(
    ("name", "place", "share"),
    # Measured: 124 of 126, 40 of 40, 92 of 94 (one of the two is Hoàng Sa, far offshore), 166 of 168, 5 of 5.
    [
        ("01_ha_noi", "Hà Nội", 0.98),
        ("46_hue", "Huế", 1.0),
        ("48_da_nang", "Đà Nẵng", 0.97),
        ("79_ho_chi_minh", "Hồ Chí Minh", 0.98),
        ("68_da_lat_only", "Đà Lạt", 1.0),
    ],
)
def test_wards_of_large_cities_get_the_grid_of_their_city(sample, name, place, share):
    folder = sample("vietnam-admin/wards")
    expected = grid_for_place(place).crs
    right = [grid_for_point(lon, lat).crs == expected for lon, lat in ward_centres(folder, name)]
    assert np.mean(right) >= share


def test_wards_of_all_vietnam_get_the_right_province_by_the_nearest_town(sample):
    """Measured: 95.5 % the right province, 96.1 % the right grid; by the 63 chief towns alone 81.8 % and 83.8 %."""
    table = sample("vietnam-admin/tables/2025_34-province-3221-ward_with_location.csv")
    with table.open(encoding="utf-8-sig", newline="") as handle:
        wards = [(row["provinceShort"], float(row["wardLon"]), float(row["wardLat"])) for row in csv.DictReader(handle)]
    choices = [grid_for_point(lon, lat) for _, lon, lat in wards]
    province = np.mean([choice.province == name for choice, (name, _, _) in zip(choices, wards, strict=True)])
    grid = np.mean(
        [choice.crs == grid_for_place(name).crs for choice, (name, _, _) in zip(choices, wards, strict=True)]
    )
    assert province > 0.95
    assert grid > 0.955
    assert sum(choice.province == "" for choice in choices) == 2  # Hoàng Sa and Trường Sa
