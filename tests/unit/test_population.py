"""Population readers: zones, rasters, ward tables."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from numpy.testing import assert_allclose
from rasterio.transform import Affine

from dothi.crs import Extent
from dothi.errors import InputError, Problems
from dothi.io.population import counts, plain_letters, read_population, spelling
from dothi.schema import check_table, conform
from dothi.tables import TABLES

WARD_TABLE = "vietnam-admin/tables/sapnhap.bando.com.vn_ward_2025-07-17.csv"


def squares(names: list[str], **columns) -> gpd.GeoDataFrame:
    boxes = shapely.box(np.arange(len(names)), 0.0, np.arange(len(names)) + 1.0, 1.0)
    return gpd.GeoDataFrame({"fullName": names, **columns}, geometry=boxes, crs="EPSG:4326")


@pytest.fixture
def outlines(tmp_path):
    def write(names, **columns):
        path = tmp_path / "phường.geojson"
        squares(names, **columns).to_file(path, driver="GeoJSON")
        return path

    return write


@pytest.fixture
def table(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "dân số.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


@pytest.fixture
def raster(tmp_path):
    def write(values, crs="EPSG:32648", nodata=-99999.0):
        path = tmp_path / "people.tif"
        shape = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": "float32"}
        transform = Affine(100.0, 0.0, 500_000.0, 0.0, -100.0, 2_300_000.0)
        with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, nodata=nodata, **shape) as out:
            out.write(values.astype("float32"), 1)
        return path

    return write


def read_wards(table_path, wards, problems=None, **options):
    return read_population(
        table_path, Problems() if problems is None else problems, kind="wards", wards=wards, **options
    )


# --- numbers and names ---


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["8.718.000", "555.809"], [8_718_000.0, 555_809.0]),
        (["102136", "30,509"], [102_136.0, 30_509.0]),
        (["3.359,80"], [3_359.8]),
        (["681.5", "34.0", "12.125"], [681.5, 34.0, 12.125]),
        (["1 234", "7"], [1_234.0, 7.0]),
    ],
)
def test_counts_are_read_in_vietnamese_french_and_english_format(texts, expected):
    assert_allclose(counts(pd.Series(texts), Problems(), "wards", "residents"), expected)


def test_entries_that_are_no_number_are_missing_and_noted(problems):
    found = counts(pd.Series(["đang cập nhật", "5"]), problems, "wards", "residents")
    assert np.isnan(found[0])
    assert "đang cập nhật" in str(next(iter(problems)))


def test_negative_counts_are_errors(problems):
    counts(pd.Series(["-3", "5"]), problems, "wards", "residents")
    assert [problem.rule for problem in problems.errors] == ["≥ 0"]


def test_spellings_of_one_name_are_one():
    decomposed = "Phu\u031bo\u031b\u0300ng Ba\u0300n Co\u031b\u0300"
    assert spelling("Phường Thuận Hoá") == spelling("thuận  hóa")
    assert spelling("Thuỷ Xuân") == spelling("Thủy Xuân")
    assert spelling(decomposed) == spelling("Bàn Cờ")
    assert spelling("Lâm Viên – Đà Lạt") == spelling("Lâm Viên-Đà Lạt")


def test_other_tones_and_letters_are_other_names():
    assert len({spelling(name) for name in ("Hoà", "Hoá", "Hoa", "Hòe", "Đa", "Da", "Dă")}) == 7


def test_plain_letters_forget_marks():
    assert plain_letters("Đắk Bla") == plain_letters("Đăk Bla") == "dakbla"


# --- ward tables ---


def test_wards_are_joined_by_code(outlines, table, problems):
    wards = outlines(["Phường A", "Phường B"], code=["00004", "00008"])
    found = read_wards(table("code,name,population\n8,B,20\n4,A,10\n"), wards, problems)
    assert found["wards"]["residents"].tolist() == [10.0, 20.0]
    assert found["census"]["kind"].unique().tolist() == ["ward"]
    assert not list(problems)


def test_codes_that_pair_different_names_are_errors(outlines, table):
    wards = outlines(["Phường Thủ Dầu Một"], code=["2"])
    with pytest.raises(InputError, match=r"wards of one code have one name.*Chánh Hiệp"):
        read_wards(table("code,name,population\n2,Chánh Hiệp,20\n"), wards)


def test_old_and_new_tone_placement_meet(outlines, table, problems):
    found = read_wards(table("tenhc,dansonguoi\nThuận Hóa,46.170\n"), outlines(["Phường Thuận Hoá"]), problems)
    assert found["wards"]["residents"].tolist() == [46_170.0]
    assert not list(problems)


def test_names_that_agree_only_without_marks_are_noted(outlines, table, problems):
    read_wards(table("tenhc,dansonguoi\nDak Bla,5\n"), outlines(["Phường Đăk Bla"]), problems)
    assert [problem.rule for problem in problems] == ["wards are paired by letters without their marks"]


def test_kind_of_ward_tells_two_wards_of_one_name_apart(outlines, table):
    text = "loai,tenhc,dansonguoi\nxã,Tân An,1\nphường,Tân An,2\n"
    found = read_wards(table(text), outlines(["Phường Tân An", "Xã Tân An"]))
    assert found["wards"]["residents"].tolist() == [2.0, 1.0]


def test_ambiguous_names_are_errors_that_list_the_candidates(outlines, table):
    text = "tentinh,tenhc,dansonguoi\nHuế,Phong Điền,1\nCần Thơ,Phong Điền,2\n"
    with pytest.raises(InputError, match=r"Phong Điền \(Huế\), Phong Điền \(Cần Thơ\); name the province"):
        read_wards(table(text), outlines(["Phường Phong Điền"]))
    found = read_wards(table(text), outlines(["Phường Phong Điền"]), province="thành phố Cần Thơ")
    assert found["wards"]["residents"].tolist() == [2.0]


def test_an_unknown_province_is_an_error_that_lists_the_known_ones(outlines, table):
    with pytest.raises(InputError, match="'Hué' is in the table: Huế"):
        read_wards(table("tentinh,tenhc,dansonguoi\nHuế,A,1\n"), outlines(["A"]), province="Hué")


def test_wards_without_a_row_have_no_residents(outlines, table, problems):
    found = read_wards(table("tenhc,dansonguoi\nA,1\n"), outlines(["Phường A", "Phường B"]), problems)
    assert np.isnan(found["wards"]["residents"][1])
    assert next(iter(problems)).rows == ("Phường B",)


def test_duplicate_codes_are_errors(outlines, table):
    with pytest.raises(InputError, match="codes are unique"):
        read_wards(table("code,name,population\n4,A,10\n04,B,20\n"), outlines(["A", "B"], code=["4", "5"]))


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"tenhc,dansonguoi\n", b"\xff\xfe\x00H\x00u", b'a,"b\nc', b"PK\x03\x04\x00\x00"]
)
def test_broken_ward_tables_end_in_clear_errors(outlines, tmp_path, content):
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_wards(path, outlines(["A"]))


def test_a_table_in_another_encoding_is_an_error(outlines, table):
    wards = outlines(["Phường Hàng Bạc"])
    with pytest.raises(InputError, match="text is utf-8"):
        read_wards(table("tenhc,dansonguoi\nHàng Bac\xe9,1\n", "cp1252"), wards)


def test_wards_meet_their_declaration(outlines, table, problems):
    found = read_wards(table("code,name,population\n4,A,10\n"), outlines(["A"], code=["4"]), valid_from="2025-07-01")
    for name in ("wards", "census"):
        check_table(conform(found[name], TABLES[name]), TABLES[name], problems)
    assert not problems.errors


@pytest.mark.parametrize(
    ("file", "province", "n_wards", "n_counted", "residents", "share_of_province_table"),
    [  # last: residents over those of the province table of the same day: 8,718,000; 1,236,393; 3,065,628; 14,002,598
        ("01_ha_noi", "Hà Nội", 126, 126, 8_811_473.0, 1.011),
        ("46_hue", "Huế", 40, 40, 1_433_465.0, 1.159),
        ("48_da_nang", "Đà Nẵng", 94, 93, 3_127_193.0, 1.020),
        ("79_ho_chi_minh", "Hồ Chí Minh", 168, 168, 14_544_929.0, 1.039),
    ],
)
def test_all_wards_of_four_cities_find_their_row(
    sample, problems, file, province, n_wards, n_counted, residents, share_of_province_table
):
    outlines = sample(f"vietnam-admin/wards/{file}_wards.geojson")
    found = read_wards(sample(WARD_TABLE), outlines, problems, province=province)["wards"]
    assert len(found) == n_wards
    assert found["residents"].notna().sum() == n_counted
    assert found["residents"].sum() == residents
    assert all("no number" in problem.rule for problem in problems)
    provinces = pd.read_csv(sample("vietnam-admin/tables/sapnhap.bando.com.vn_province_2025-07-17.csv"), dtype="str")
    row = provinces[provinces["tentinh"].str.endswith(province)]
    total = counts(row["dansonguoi"], Problems(), "provinces", "residents")[0]
    assert found["residents"].sum() / total == pytest.approx(share_of_province_table, abs=5e-4)


def test_numbers_of_the_ward_table_are_not_official_codes(sample):
    outlines = sample("vietnam-admin/wards/79_ho_chi_minh_wards.geojson")
    with pytest.raises(InputError, match=r"some outlines are wards|one code have one name|fits the outline"):
        read_wards(sample(WARD_TABLE), outlines, columns={"ma": "code"})


# --- zones ---


def test_zones_bring_their_counts(outlines, problems):
    path = outlines(["x", "y"], Ind=[681.5, 94.0], Men=[382.0, 74.0])
    census = read_population(path, problems, kind="zones", level="block")["census"]
    assert census["residents"].tolist() == [681.5, 94.0]
    assert census["households"].tolist() == [382.0, 74.0]
    assert census["jobs"].isna().all()
    check_table(conform(census, TABLES["census"]), TABLES["census"], problems)
    assert not problems.errors


def test_zones_outside_the_extent_are_not_read(outlines, problems):
    path = outlines(["x", "y", "z"], Ind=[1, 2, 3])
    extent = Extent("EPSG:4326", (1.2, 0.2, 1.8, 0.8))
    assert read_population(path, problems, kind="zones", extent=extent)["census"]["residents"].tolist() == [2.0]


def test_zones_without_counts_say_which_columns_there_are(outlines, problems):
    with pytest.raises(InputError, match="there are: fullName, height"):
        read_population(outlines(["x"], height=[2.0]), problems, kind="zones")


def test_zones_with_negative_counts_are_errors(outlines, problems):
    with pytest.raises(InputError, match=r"census\.residents: ≥ 0"):
        read_population(outlines(["x"], Ind=[-2.0]), problems, kind="zones")


@pytest.mark.parametrize("content", [b"", b'{"type": "FeatureCollection", "feat', b"\x00" * 100])
def test_broken_zone_files_end_in_clear_errors(tmp_path, problems, content):
    path = tmp_path / "zones.geojson"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_population(path, problems, kind="zones")


# --- rasters ---


def test_cells_with_people_become_polygons_that_keep_the_total(raster, problems):
    values = np.array([[0.0, 2.5, -99999.0], [7.0, 0.0, 1.5]])
    census = read_population(raster(values), problems, kind="grid")["census"]
    assert census["residents"].tolist() == [2.5, 7.0, 1.5]
    assert_allclose(census.area, 100.0**2)
    assert census.geometry[0].bounds == (500_100.0, 2_299_900.0, 500_200.0, 2_300_000.0)
    check_table(conform(census, TABLES["census"]), TABLES["census"], problems)
    assert not problems.errors


def test_a_raster_is_read_for_its_extent(raster, problems):
    extent = Extent("EPSG:32648", (500_110.0, 2_299_850.0, 500_190.0, 2_299_890.0))
    census = read_population(raster(np.arange(9.0).reshape(3, 3)), problems, kind="grid", extent=extent)["census"]
    assert census["residents"].tolist() == [4.0]


def test_undeclared_no_data_is_reported(raster, problems):
    read_population(raster(np.array([[-200.0, 3.0]])), problems, kind="grid")
    assert [problem.severity for problem in problems] == ["repair"]


def test_a_raster_beside_the_extent_is_an_error(raster, problems):
    with pytest.raises(InputError, match="covers a part of the extent"):
        extent = Extent("EPSG:32648", (0.0, 0.0, 10.0, 10.0))
        read_population(raster(np.ones((2, 2))), problems, kind="grid", extent=extent)


def test_a_truncated_raster_is_an_error(raster, problems):
    path = raster(np.ones((300, 300)))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="the raster"):
        read_population(path, problems, kind="grid")
