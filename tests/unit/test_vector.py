"""Tables from vector files: one content in every format, every way a real file goes wrong, real files."""

from __future__ import annotations

import doctest
import importlib
import json
import shutil
import unicodedata
import warnings
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from shapely import LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon, box

from dothi.crs import Extent
from dothi.errors import InputError, Problems
from dothi.io.columns import map_frame
from dothi.io.encodings import TCVN3, VNI
from dothi.io.mapping import ColumnMapping, load_mapping, mapping_names
from dothi.io.vector import FORMATS, read_vector
from dothi.schema import check_table
from dothi.tables import TABLES
from dothi.units import M_S_PER_KM_H

COLUMNS = {
    "ma": "source_id",
    "ten": "name",
    "cao": "height_m",
    "tang": "storeys",
    "loai": "function",
    "nam": "year_built",
}
VALUES = {"function": {"Nhà ở": "residential", "Chợ": "retail", "Không rõ": "", "*": "other"}}
HANOI = Extent("EPSG:4326", (105.84, 21.02, 105.86, 21.04))


def source() -> gpd.GeoDataFrame:
    """Four buildings in Hanoi, with the letters and the gaps that real tables have."""
    corners = [(105.850, 21.030), (105.851, 21.031), (105.852, 21.032), (105.853, 21.033)]
    return gpd.GeoDataFrame(
        {
            "ma": ["A1", "A2", "A3", "A4"],
            "ten": ["Nhà thờ Lớn", "Chợ Đồng Xuân", None, "Phố Huế"],
            "cao": [31.5, 12.0, np.nan, 9.25],
            "tang": pd.array([1, 3, None, 4], dtype="Int32"),
            "loai": ["Nhà thờ", "Chợ", "Không rõ", "Nhà ở"],
            "nam": ["1886", "1889", None, "1954"],
            "thua": [1, 2, 3, 4],
        },
        geometry=[box(x, y, x + 0.0005, y + 0.0005) for x, y in corners],
        crs="EPSG:4326",
    )


def expected() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source_id": ["A1", "A2", "A3", "A4"],
            "name": ["Nhà thờ Lớn", "Chợ Đồng Xuân", None, "Phố Huế"],
            "height_m": [31.5, 12.0, np.nan, 9.25],
            "storeys": [1, 3, pd.NA, 4],
            "function": ["other", "retail", None, "residential"],
            "year_built": [1886, 1889, pd.NA, 1954],
        }
    )


def written(folder: Path, kind: str, frame: gpd.GeoDataFrame | None = None) -> Path:
    """A file of some kind with the four buildings, in a folder whose name has blanks and Vietnamese letters."""
    frame = source() if frame is None else frame
    folder = folder / "Dữ liệu quận 1"
    folder.mkdir(exist_ok=True)
    path = folder / f"nhà cửa{kind}"
    if kind == ".shp":
        frame.to_file(path, encoding="UTF-8")
    elif kind == ".zip":
        frame.to_file(folder / "nhà.shp", encoding="UTF-8")
        with zipfile.ZipFile(path, "w") as archive:
            for part in folder.glob("nhà.*"):
                archive.write(part, f"bản đồ/{part.name}")
    elif kind in (".parquet", ".geoparquet"):
        frame.to_parquet(path)
    elif kind in (".csv", ".tsv"):
        plain = pd.DataFrame(frame.drop(columns="geometry")).assign(wkt=frame.geometry.to_wkt())
        plain.to_csv(path, index=False, sep="," if kind == ".csv" else "\t")
    else:
        frame.to_file(path, driver=FORMATS[kind])
    return path


def read(path: Path, problems: Problems | None = None, table: str = "buildings", **options) -> gpd.GeoDataFrame:
    return read_vector(path, problems if problems is not None else Problems(path.name), table=table, **options)[table]


def refusal(path: Path, table: str = "buildings", **options) -> str:
    with pytest.raises(InputError) as raised:
        read(path, table=table, **options)
    return str(raised.value)


KINDS = (".gpkg", ".geojson", ".geojsonl", ".shp", ".zip", ".fgb", ".parquet", ".csv", ".tsv")


@pytest.mark.parametrize("kind", KINDS)
def test_one_content_gives_one_table_in_every_format(tmp_path, kind):
    problems = Problems()
    crs = "EPSG:4326" if kind in (".csv", ".tsv") else None
    table = read(written(tmp_path, kind), problems, columns=COLUMNS, values=VALUES, crs=crs)
    if kind == ".fgb":  # its spatial index puts the rows in another order
        table = table.sort_values("source_id", ignore_index=True)
    assert not len(problems)
    assert table.crs == "EPSG:4326"
    assert_frame_equal(
        pd.DataFrame(table.drop(columns="geometry")).astype(object).fillna("?"),
        expected().astype(object).fillna("?"),
        check_dtype=False,
        check_names=False,
    )
    assert isinstance(table.index, pd.RangeIndex)
    assert shapely.equals_exact(table.geometry.array, source().geometry.array, 1e-9, normalize=True).all()
    checked = Problems()
    check_table(table, TABLES["buildings"], checked)
    assert not len(checked), list(map(str, checked))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in (".csv", ".tsv")])
def test_only_what_reaches_into_the_extent_is_read(tmp_path, kind):
    around = source().iloc[1:2].to_crs("EPSG:32648").total_bounds
    extent = Extent("EPSG:32648", tuple(around))  # a box on another grid about the second building
    box_of = extent.within("EPSG:4326")
    inside = source().geometry.intersects(box(*box_of))
    assert 0 < inside.sum() < 4
    table = read(written(tmp_path, kind), columns=COLUMNS, values=VALUES, extent=extent)
    assert sorted(table["source_id"]) == sorted(source().loc[inside, "ma"])


def test_columns_named_as_in_the_table_need_no_mapping(tmp_path):
    frame = source().rename(columns={"cao": "height_m", "ten": "name"})
    table = read(written(tmp_path, ".gpkg", frame))
    assert list(table.columns) == ["geometry", "name", "height_m"]


def test_a_point_table_is_made_of_lon_and_lat_columns(tmp_path, problems):
    path = tmp_path / "trạm.csv"
    path.write_text(
        "id;ten;lon;lat\n1;Bến xe;105,8412;21,0278\n2;Chợ;105,85;21,03\n3;Không có chỗ;;\n", encoding="utf-8"
    )
    stops = read(path, problems, table="stops", columns={"id": "source_id", "ten": "name"})
    assert_allclose(stops.geometry.x, [105.8412, 105.85])
    assert stops.crs == "EPSG:4326"
    assert [str(problem) for problem in problems] == ["stops: rows without geometry left out (1 row, 3)"]


def test_vietnamese_numbers_are_read_as_they_are_meant(tmp_path):
    path = tmp_path / "tỉnh.csv"
    path.write_text(
        "ten,dan,x,y\nHà Nội,8.718.000,105.698,21.0001\nCao Bằng,555.809,106.083,22.7456\n", encoding="utf-8"
    )
    outlines = {"columns": {"ten": "name", "dan": "residents", "x": "geometry.x", "y": "geometry.y"}}
    message = refusal(path, "wards", crs="EPSG:4326", **outlines)
    assert "geometry is Polygon or MultiPolygon; this is Point" in message  # the only thing wrong: numbers were read
    frame = pd.DataFrame({"ten": ["Hà Nội", "Cao Bằng"], "dan": ["8.718.000", "555.809"]})
    shapes = gpd.GeoDataFrame(frame, geometry=[box(0, 0, 1, 1)] * 2, crs=4326)
    table = map_frame(shapes, ColumnMapping(columns={"ten": "name", "dan": "residents"}), Problems(), "wards")
    assert table["residents"].tolist() == [8_718_000, 555_809]


@pytest.mark.parametrize(
    ("texts", "decimal", "values"),
    [
        (["3.359,80", "6.700,40"], "", [3359.8, 6700.4]),
        (["1 234,5", "12,25"], "", [1234.5, 12.25]),
        (["1\u202f234\u202f567", "0,5"], "", [1234567, 0.5]),
        (["1,234.5", "7"], "", [1234.5, 7]),
        (["555.809", "718.000"], ",", [555809, 718000]),
        (["555.809", "718.000"], ".", [555.809, 718.0]),
        (["−3,5", "1e-3"], "", [-3.5, 0.001]),
    ],
)
def test_number_formats(texts, decimal, values):
    frame = gpd.GeoDataFrame({"n": texts}, geometry=[box(0, 0, 1, 1)] * len(texts), crs=2154)
    problems = Problems()
    plan = ColumnMapping(columns={"n": "ground_m"}, decimal=decimal)
    assert_allclose(map_frame(frame, plan, problems, "buildings")["ground_m"], values)
    assert not len(problems)


def test_numbers_that_can_be_read_in_two_ways_are_not_guessed(tmp_path):
    frame = source().assign(cao=["12.345", "10.500", "7.125", None])
    path = written(tmp_path, ".gpkg", frame)
    message = refusal(path, columns={"cao": "height_m"})
    assert "buildings.height_m: numbers such as 12.345, 10.500, 7.125 can be read in two ways" in message
    assert 'add decimal = "." or decimal = ","' in message
    assert read(path, columns={"cao": "height_m"}, decimal=".")["height_m"].tolist()[:3] == [12.345, 10.5, 7.125]


def test_text_that_is_no_number_is_reported_with_its_rows(tmp_path):
    frame = source().assign(cao=["31.5", "cao", "khoảng 9", None])
    message = refusal(written(tmp_path, ".geojson", frame), columns={"cao": "height_m", "ma": "source_id"})
    assert "buildings.height_m: is a number; these are not: 'cao', 'khoảng 9' (2 rows, e.g. A2, A3)" in message


def test_half_storeys_are_reported(tmp_path):
    path = written(tmp_path, ".gpkg", source().assign(tang=[1.0, 2.5, 3.0, 4.0]))
    assert "buildings.storeys: is a whole number (1 row, no. 2)" in refusal(path, columns={"tang": "storeys"})


def test_values_not_listed_are_named_with_their_numbers(tmp_path):
    listed = {"function": {"Nhà ở": "residential"}}
    message = refusal(written(tmp_path, ".gpkg"), columns=COLUMNS, values=listed)
    assert "values are listed in `values.function`" in message
    assert "'Chợ' (1), 'Không rõ' (1), 'Nhà thờ' (1) (3 rows, e.g. A1, A2, A3)" in message


def test_a_category_without_a_map_names_what_is_allowed(tmp_path):
    message = refusal(written(tmp_path, ".gpkg"), columns={"loai": "function"})
    assert "buildings.function: is one of residential, apartments" in message
    assert "map these in `values.function`: 'Nhà thờ'" in message


def test_defaults_fill_what_is_missing_and_factors_convert(tmp_path):
    frame = source().assign(cao=[100.0, 200.0, np.nan, 300.0])
    table = read(
        written(tmp_path, ".gpkg", frame),
        columns={"cao": "height_m", "tang": "storeys"},
        factors={"height_m": "foot"},
        defaults={"storeys": 2, "function": "residential"},
    )
    assert_allclose(table["height_m"], [30.48, 60.96, np.nan, 91.44])  # a foot is 0.3048 m by definition
    assert table["storeys"].tolist() == [1, 3, 2, 4]
    assert table["function"].tolist() == ["residential"] * 4


def test_a_factor_that_leads_to_another_unit_is_refused(tmp_path):
    message = refusal(written(tmp_path, ".gpkg"), columns={"cao": "height_m"}, factors={"height_m": "km_h"})
    assert "buildings.height_m: factor is a number or a unit that converts: mm, cm, dm, km, foot" in message


@pytest.mark.parametrize("kind", [".gpkg", ".csv", ".parquet"])
def test_where_takes_the_rows_that_meet_its_conditions(tmp_path, kind, problems):
    options = {"columns": COLUMNS, "values": VALUES, "crs": "EPSG:4326"}
    path = written(tmp_path, kind)
    table = read(path, problems, where={"cao": "> 10", "loai": ["Chợ", "Nhà ở"]}, **options)
    assert table["source_id"].tolist() == ["A2"]
    assert all(problem.severity == "note" for problem in problems)


def test_where_as_sql_is_for_files_that_gdal_reads(tmp_path):
    options = {"columns": COLUMNS, "values": VALUES}
    assert read(written(tmp_path, ".gpkg"), where="cao > 10", **options)["source_id"].tolist() == ["A1", "A2"]
    assert "written as conditions" in refusal(written(tmp_path, ".csv"), where="cao > 10", crs="EPSG:4326", **options)
    assert "`where` is a condition" in refusal(written(tmp_path, ".gpkg"), where="kao >", **options)


def test_columns_that_are_not_there_are_reported_together_with_those_that_are(tmp_path):
    message = refusal(
        written(tmp_path, ".gpkg"), columns={"HAUTEUR": "height_m", "loai": "fonction", "cao": "ground_m"}
    )
    assert "file has the columns HAUTEUR; it has" in message
    assert "buildings.fonction: is a column of the table; did you mean function?" in message


def test_a_table_that_needs_a_column_says_so(tmp_path):
    lines = source().set_geometry(source().boundary)
    message = refusal(written(tmp_path, ".gpkg", lines), "roads", columns={"ten": "name"})
    assert "roads.class: column comes from `columns`, `defaults` or a mapping" in message


def test_case_does_not_matter_in_names_of_columns(tmp_path):
    assert read(written(tmp_path, ".gpkg"), columns={"CAO": "height_m"})["height_m"].iloc[0] == 31.5


def test_multi_part_lines_come_apart_and_keep_their_values(problems):
    frame = gpd.GeoDataFrame(
        {"id": ["a", "b"], "k": ["residential", "service"]},
        geometry=[MultiLineString([[(0, 0), (1, 0)], [(2, 0), (3, 0)]]), LineString([(0, 1), (1, 1)])],
        crs=2154,
    )
    roads = map_frame(frame, ColumnMapping(columns={"id": "source_id", "k": "class"}), problems, "roads")
    assert roads["source_id"].tolist() == ["a", "a", "b"]
    assert set(roads.geom_type) == {"LineString"}
    assert roads.index.tolist() == [0, 1, 2]


def test_multi_part_points_come_apart():
    frame = gpd.GeoDataFrame({"id": [7]}, geometry=[MultiPoint([(0, 0), (1, 1)])], crs=2154)
    trees = map_frame(frame, ColumnMapping(columns={"id": "source_id"}), Problems(), "trees")
    assert trees["source_id"].tolist() == ["7", "7"]


def test_multi_part_polygons_stay_whole_where_the_table_takes_them():
    frame = gpd.GeoDataFrame(geometry=[MultiPolygon([box(0, 0, 1, 1), box(2, 2, 3, 3)])], crs=2154)
    assert map_frame(frame, ColumnMapping(), Problems(), "parcels").geom_type.tolist() == ["MultiPolygon"]


def test_outlines_drawn_as_closed_lines_are_refused_with_the_way_out(tmp_path):
    path = written(tmp_path, ".gpkg", source().set_geometry(source().boundary))
    message = refusal(path, columns={"ma": "source_id"})
    assert "geometry is Polygon or MultiPolygon; this is LineString: outlines drawn as closed lines" in message
    assert "Lines to polygons) (4 rows, e.g. A1, A2, A3)" in message


def test_rows_without_geometry_are_left_out_and_reported(tmp_path, problems):
    frame = source()
    frame.loc[1, "geometry"] = None
    frame.loc[2, "geometry"] = Polygon()
    table = read(written(tmp_path, ".gpkg", frame), problems, columns=COLUMNS, values=VALUES)
    assert table["source_id"].tolist() == ["A1", "A4"]
    assert "rows without geometry left out (2 rows, e.g. A2, A3)" in str(next(iter(problems)))


# --- grids


def without_grid(path: Path) -> Path:
    path.with_suffix(".prj").unlink()
    return path


def test_a_missing_grid_is_an_error_that_says_what_to_add(tmp_path):
    path = without_grid(written(tmp_path, ".shp"))
    assert 'the file does not say it: add crs = "EPSG:…"' in refusal(path, columns=COLUMNS, values=VALUES)
    assert read(path, columns=COLUMNS, values=VALUES, crs="EPSG:4326").crs == "EPSG:4326"


def test_an_unknown_grid_is_an_error(tmp_path):
    assert "this is 'EPSG:99999'" in refusal(written(tmp_path, ".gpkg"), columns={"cao": "height_m"}, crs="EPSG:99999")


def test_metres_under_a_grid_of_degrees_are_an_error(tmp_path):
    frame = source().to_crs("EPSG:32648").set_crs("EPSG:4326", allow_override=True)
    message = refusal(written(tmp_path, ".gpkg", frame), columns={"cao": "height_m"})
    assert "coordinates are degrees, as EPSG:4326 says; x and y span 588324 to" in message
    assert 'add crs = "EPSG:…" of their grid' in message


def test_degrees_under_a_grid_of_metres_are_an_error(tmp_path):
    frame = source().set_crs("EPSG:32648", allow_override=True)
    message = refusal(written(tmp_path, ".gpkg", frame), columns={"cao": "height_m"})
    assert 'x and y span 105.85 to 105.853 and 21.03 to 21.0335, as degrees do: add crs = "EPSG:4326"' in message


def turned(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.set_geometry(shapely.transform(frame.geometry.array, lambda xy: xy[:, ::-1]), crs=frame.crs)


@pytest.mark.parametrize("extent", [None, HANOI])
def test_latitude_before_longitude_is_an_error_with_the_way_out(tmp_path, extent):
    path = written(tmp_path, ".gpkg", turned(source()))
    message = refusal(path, columns=COLUMNS, values=VALUES, extent=extent)
    assert "so the axes are swapped: add swap_axes = true" in message
    table = read(path, columns=COLUMNS, values=VALUES, extent=extent, swap_axes=True)
    assert shapely.equals_exact(table.geometry.array, source().geometry.array, 1e-9, normalize=True).all()


@pytest.mark.parametrize("extent", [None, Extent("EPSG:2154", (353_000, 6_688_000, 357_000, 6_691_000))])
def test_northing_before_easting_is_an_error_with_the_way_out(tmp_path, extent):
    nantes = gpd.GeoDataFrame({"cao": [8.0]}, geometry=[box(355_000, 6_689_000, 355_010, 6_689_010)], crs=2154)
    path = written(tmp_path, ".gpkg", turned(nantes))
    assert "x comes before y in EPSG:2154" in refusal(path, columns={"cao": "height_m"}, extent=extent)
    assert len(read(path, columns={"cao": "height_m"}, extent=extent, swap_axes=True)) == 1


def test_swapping_axes_that_are_right_is_an_error(tmp_path):
    path = written(tmp_path, ".gpkg")
    assert "take swap_axes = true away" in refusal(path, columns={"cao": "height_m"}, swap_axes=True)


def test_a_file_of_another_city_is_an_error(tmp_path):
    hue = Extent("EPSG:4326", (107.5, 16.4, 107.6, 16.5))
    message = refusal(written(tmp_path, ".gpkg"), columns={"cao": "height_m"}, extent=hue)
    assert "file covers the area of the study; in EPSG:4326 the file spans 105.85 to 105.853" in message


def test_an_extent_between_the_objects_gives_an_empty_table(tmp_path, problems):
    gap = Extent("EPSG:4326", (105.8501, 21.0328, 105.8502, 21.0329))
    table = read(written(tmp_path, ".gpkg"), problems, columns=COLUMNS, values=VALUES, extent=gap)
    assert len(table) == 0
    assert "no object lies within the extent" in str(next(iter(problems)))


def test_height_survives_the_swap():
    from dothi.io.placement import swapped

    shapes = np.array([Point(1, 2, 3), Point(4, 5)], dtype=object)
    assert [point.wkt for point in swapped(shapes)] == ["POINT Z (2 1 3)", "POINT (5 4)"]


# --- text


def shapefile_in(folder: Path, encoding: str, names: list[str], declare: str | None = None) -> Path:
    """Shapefile whose text is in some encoding, with or without a .cpg that says so, whether true or not."""
    folder.mkdir(exist_ok=True)
    path = folder / "phuong.shp"
    frame = source().iloc[: len(names)][["cao", "geometry"]].assign(ten="x" * 60)
    frame.to_file(path, encoding="ISO-8859-1")
    raw = path.with_suffix(".dbf").read_bytes()
    for name in names:
        text = name.encode(encoding) if encoding != "raw" else name.encode("latin-1")
        raw = raw.replace(b"x" * 60 + b" " * 0, text.ljust(60), 1)
    raw = raw[:29] + b"\0" + raw[30:]  # no language driver
    path.with_suffix(".dbf").write_bytes(raw)
    path.with_suffix(".cpg").unlink(missing_ok=True)
    if declare:
        path.with_suffix(".cpg").write_text(declare)
    return path


FRENCH = ["Île de Nantes", "Évêché", "Rue de l'Hôtel", "Cours"]
VIETNAMESE = ["Hà Nội", "Đống Đa", "Thượng Đình", "Huế"]


@pytest.mark.parametrize(
    ("encoding", "declare", "names"),
    [
        ("utf-8", "UTF-8", VIETNAMESE),
        ("utf-8", None, VIETNAMESE),
        ("cp1252", None, FRENCH),
        ("cp1252", "1252", FRENCH),
        ("cp1252", "ISO 88591", FRENCH),
        ("utf-8", "65001", FRENCH),
    ],
)
def test_text_of_shapefiles_is_read_as_it_was_written(tmp_path, encoding, declare, names):
    problems = Problems()
    path = shapefile_in(tmp_path, encoding, names, declare)
    assert read(path, problems, columns={"ten": "name"})["name"].tolist() == names
    assert not len(problems)


def test_text_that_is_not_in_the_declared_encoding_is_an_error_with_a_hint(tmp_path):
    path = shapefile_in(tmp_path, "cp1252", FRENCH, "UTF-8")
    message = refusal(path, columns={"ten": "name"})
    assert 'text is utf-8; it is not: add encoding = "cp1252"' in message
    assert "ten: " in message
    assert "no. 1, no. 2, no. 3" in message
    assert read(path, columns={"ten": "name"}, encoding="cp1252")["name"].tolist() == FRENCH


def test_a_letter_cut_by_a_narrow_field_does_not_spoil_the_text(tmp_path):
    path = shapefile_in(tmp_path, "raw", [("ab" + "Phố Huế " * 5).encode()[:60].decode("latin-1")], "UTF-8")
    assert read(path, columns={"ten": "name"})["name"].tolist() == ["ab" + "Phố Huế " * 4 + "Phố Hu"]


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("tcvn3", ["Hµ Néi", "§èng §a", "Th­îng §×nh", "HuÕ"]),
        ("vni", ["Haø Noäi", "Ñoáng Ña", "Thöôïng Ñình", "Hueá"]),
    ],
)
def test_vietnamese_before_unicode_is_recognised_and_read(tmp_path, encoding, names):
    problems = Problems()
    path = shapefile_in(tmp_path, "raw", names)
    assert read(path, problems, columns={"ten": "name"})["name"].tolist() == names
    assert f'looks like {encoding} read as something else: try encoding = "{encoding}"' in str(next(iter(problems)))
    assert read(path, columns={"ten": "name"}, encoding=encoding)["name"].tolist() == VIETNAMESE


def test_vietnamese_before_unicode_inside_a_unicode_file_is_read_too(tmp_path):
    frame = source().assign(ten=["Hµ Néi", "§èng §a", "Th\u00adîng §×nh", "HuÕ"])
    assert (
        read(written(tmp_path, ".gpkg", frame), columns={"ten": "name"}, encoding="tcvn3")["name"].tolist()
        == VIETNAMESE
    )


def test_utf8_read_as_western_text_is_recognised(tmp_path, problems):
    wrong = [name.encode().decode("latin-1") for name in VIETNAMESE]
    read(written(tmp_path, ".gpkg", source().assign(ten=wrong)), problems, columns={"ten": "name"})
    assert "looks like UTF-8 read as something else" in str(next(iter(problems)))


@pytest.mark.parametrize("kind", [".geojson", ".csv"])
def test_text_files_in_another_encoding_are_an_error_with_a_hint(tmp_path, kind):
    frame = source().assign(ten=FRENCH, loai="residential")
    path = written(tmp_path, kind, frame)
    path.write_bytes(path.read_bytes().decode("utf-8").replace("nhà cửa", "maisons").encode("cp1252"))
    options = {"columns": {"ten": "name"}, "crs": "EPSG:4326"}
    message = refusal(path, **options)
    assert 'encoding = "cp1252"' in message
    assert read(path, encoding="cp1252", **options)["name"].tolist() == FRENCH


def test_csv_with_a_byte_order_mark_or_utf16_is_read(tmp_path):
    for encoding in ("utf-8-sig", "utf-16"):
        path = tmp_path / f"{encoding}.csv"
        path.write_text("tên,x,y\nHuế,107.59,16.46\n", encoding=encoding)
        stops = read(
            path, table="stops", columns={"tên": "name", "x": "geometry.x", "y": "geometry.y"}, crs="EPSG:4326"
        )
        assert stops["name"].tolist() == ["Huế"]


def test_an_unknown_encoding_is_an_error(tmp_path):
    assert "this is 'klingon'" in refusal(written(tmp_path, ".shp"), columns={"ten": "name"}, encoding="klingon")


# --- damage


@pytest.mark.parametrize("share", [0.0, 0.01, 0.41, 0.98])
@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_file_is_an_error(tmp_path, kind, share):
    path = written(tmp_path, kind, pd.concat([source()] * 40, ignore_index=True))
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])
    assert path.name in refusal(path, columns=COLUMNS, values=VALUES, crs="EPSG:4326")


@pytest.mark.parametrize("part", [".shx", ".dbf"])
def test_a_shapefile_without_its_parts_is_an_error(tmp_path, part):
    path = written(tmp_path, ".shp")
    path.with_suffix(part).unlink()
    assert f"the file nhà cửa{part} lies beside nhà cửa.shp" in refusal(path, columns=COLUMNS)


def test_a_truncated_dbf_is_an_error(tmp_path):
    path = written(tmp_path, ".shp")
    dbf = path.with_suffix(".dbf")
    dbf.write_bytes(dbf.read_bytes()[:-200])
    assert "nhà cửa.dbf is whole" in refusal(path, columns=COLUMNS)


def test_a_file_under_a_false_ending_is_an_error(tmp_path):
    for kind in (".gpkg", ".geojson", ".shp", ".fgb", ".parquet"):
        path = tmp_path / f"false{kind}"
        path.write_text("<OGRVRTDataSource></OGRVRTDataSource>")
        assert "its first bytes are those of something else" in refusal(path, columns=COLUMNS)


def test_missing_files_folders_and_unknown_endings_are_errors(tmp_path):
    assert "file is present" in refusal(tmp_path / "không có.gpkg")
    assert "is a file, not a folder" in refusal(tmp_path)
    (tmp_path / "a.xyz").write_text("x")
    assert "ending of the file is one of .zip, .gpkg" in refusal(tmp_path / "a.xyz")


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline read /etc/passwd"}',
        '{"type": "Topology", "objects": {}, "arcs": []}',
        '{"type": "FeatureCollection"}',
        '{"a": 1}',
        "[1, 2]",
        "[" * 100_000 + "]" * 100_000,
    ],
)
def test_json_that_is_no_geojson_is_an_error(tmp_path, text):
    path = tmp_path / "a.geojson"
    path.write_text(text)
    assert "a.geojson: " in refusal(path, columns={"a": "name"})


def test_a_damaged_line_of_geojsonseq_is_not_passed_over(tmp_path):
    path = written(tmp_path, ".geojsonl")
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([lines[0], lines[1][:-30], *lines[2:]]), encoding="utf-8")
    assert "every line is one object; 4 lines give 3 objects" in refusal(path, columns=COLUMNS, values=VALUES)


def test_empty_layers_are_errors_or_empty_tables_never_tracebacks(tmp_path):
    path = tmp_path / "none.geojson"
    path.write_text('{"type": "FeatureCollection", "features": []}')
    assert "file has the columns cao" in refusal(path, columns={"cao": "height_m"})
    empty = tmp_path / "empty.gpkg"
    source().iloc[:0].to_file(empty)
    assert len(read(empty, columns=COLUMNS, values=VALUES)) == 0


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("ten,x,y\nA,1,2\nB,1,2,3,4\n", "rows have as many values as there are columns"),
        ('ten,x,y\n"A,1,2\nB,1,2\n', "rows have as many values as there are columns"),
        ("ten,ten,x,y\nA,B,1,2\n", "names of columns are distinct: 'ten' comes twice"),
        ("ten,x,y\nA,1,2\n\0\0,1,2\n", "null characters"),
        ("ten,x,y\nA,một,2\n", "x: coordinate is a number; 'một' is not (1 row, no. 1)"),
        ("ten,kinh\nA,1\n", "file has a place for every row"),
        (
            "ten,wkt\nA,POINT (1 2)\nB,PUNKT (1 2)\n",
            "wkt: geometry is WKT or WKB of points, lines or polygons (1 row, no. 2)",
        ),
        ("ten,wkt\nA," + "GEOMETRYCOLLECTION(" * 50_000 + "\n", "geometry is WKT or WKB"),
    ],
)
def test_csv_that_does_not_hold_together_is_an_error(tmp_path, text, rule):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    assert rule in refusal(path, "stops", columns={"ten": "name"}, crs="EPSG:4326")


def test_wkt_may_be_ewkt_or_hexadecimal_wkb(tmp_path):
    for text in ("SRID=4326;POINT (105.8 21)", shapely.to_wkb(Point(105.8, 21), hex=True, include_srid=True)):
        path = tmp_path / "a.csv"
        path.write_text(f"ten\tgeom\nA\t{text}\n")
        assert read(path, table="stops", columns={"ten": "name"}, crs="EPSG:4326").geometry.iloc[0] == Point(105.8, 21)


def test_a_parquet_file_that_announces_too_many_rows_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("dothi.io.vector.MAX_ROWS", 3)
    assert "has at most 3 rows; it announces 4" in refusal(written(tmp_path, ".parquet"), columns=COLUMNS)


def test_parquet_without_geometry_takes_coordinates(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"ten": ["Huế"], "lon": [107.59], "lat": [16.46]}).to_parquet(path)
    assert read(path, table="stops", columns={"ten": "name"}).geometry.iloc[0] == Point(107.59, 16.46)


def test_tables_without_geometry_are_read_from_csv(tmp_path):
    path = tmp_path / "lịch.csv"
    path.write_text("tuyến,ngày\n7,2025-07-01\n8,2025-07-02\n", encoding="utf-8")
    table = read(path, table="calendar", columns={"tuyến": "service_id", "ngày": "date"})
    assert table["service_id"].tolist() == [7, 8]
    assert table["date"].dt.strftime("%d/%m/%Y").tolist() == ["01/07/2025", "02/07/2025"]
    path.write_text("tuyến,ngày\n7,1 tháng 7\n", encoding="utf-8")
    assert "calendar.date: is a date or time as in ISO 8601" in refusal(
        path, "calendar", columns={"tuyến": "service_id", "ngày": "date"}
    )


# --- layers and archives


def test_a_file_with_several_layers_wants_one_named(tmp_path):
    path = tmp_path / "quận.gpkg"
    source().to_file(path, layer="nhà")
    source().to_file(path, layer="cây")
    assert 'layer is one of nhà, cây: add layer = "…"' in refusal(path, columns={"cao": "height_m"})
    assert len(read(path, columns={"cao": "height_m"}, layer="nhà")) == 4
    assert "layer is one of nhà, cây" in refusal(path, columns={"cao": "height_m"}, layer="đường")


def test_an_archive_with_several_files_wants_one_named(tmp_path):
    for name in ("BATIMENT", "TRONCON_DE_ROUTE"):
        source().to_file(tmp_path / f"{name}.shp")
    path = tmp_path / "BDT.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in tmp_path.glob("*.???"):
            if part != path:
                archive.write(part, f"BDTOPO/{part.name}")
    message = refusal(path, columns={"cao": "height_m"})
    assert "archive holds several files; say which" in message
    assert "BATIMENT, TRONCON_DE_ROUTE" in message
    assert len(read(path, columns={"cao": "height_m"}, layer="batiment")) == 4
    # a ready-made mapping finds its layer, and then misses its columns
    assert "file has the columns USAGE1, HAUTEUR as in bdtopo3:batiment" in refusal(path, mapping="bdtopo3:batiment")


def test_an_archive_without_a_vector_file_is_an_error(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ảnh.png", b"x")
    assert "archive holds a vector file" in refusal(path)


# --- ready-made mappings


@pytest.mark.parametrize("name", mapping_names())
def test_every_ready_made_mapping_leads_to_declared_values(name):
    mapping = load_mapping(name)
    table = TABLES[mapping.table]
    problems = Problems()
    for column, value in [
        *((rule.column, rule.value) for rule in mapping.rules),
        *((column, value) for column, listed in mapping.values.items() for value in listed.values()),
        *mapping.defaults.items(),
    ]:
        choices = table.columns[column].choices
        assert not choices or value in ("", "*") or value in choices, f"{column} = {value}"
    for column in (*mapping.columns.values(), *mapping.factors, *mapping.read_as):
        assert column in table.columns
    assert set(mapping.aliases) <= set(mapping.sources())
    for rule in mapping.rules:
        if rule.column in ("closed_to", "open_to", "contraflow"):
            assert set(rule.value.split()) <= {"walk", "bicycle", "motorbike", "car", "bus", "truck"}
    assert not len(problems)


def test_an_unknown_mapping_names_those_that_are_near(tmp_path):
    message = refusal(written(tmp_path, ".gpkg"), mapping="bdtopo:batiment")
    assert "no mapping 'bdtopo:batiment'; there is bdtopo3:batiment" in message


def test_a_mapping_for_another_table_is_refused(tmp_path):
    assert "mapping bdtopo3:batiment makes the table buildings" in refusal(
        written(tmp_path, ".gpkg"), "roads", mapping="bdtopo3:batiment"
    )


BATIMENT = {
    "ID": ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8"],
    "NATURE": [*["Indifférenciée"] * 3, "Industriel, agricole ou commercial", "Eglise", *["Indifférenciée"] * 3],
    "USAGE1": [*["Résidentiel"] * 3, "Commercial et services", "Indifférencié", "Annexe", *["Indifférencié"] * 2],
    "USAGE2": ["Annexe", "Commercial et services", None, None, None, None, None, None],
    "LEGER": ["Non"] * 7 + ["Oui"],
    "ETAT": ["En service"] * 8,
    "DATE_APP": ["1900/01/01", "1998-05-03", None, "2011-01-01", None, None, None, None],
    "NB_LOGTS": [1.0, 9.0, 12.0, 0.0, None, None, None, None],
    "NB_ETAGES": [2.0, 6.0, 5.0, 1.0, 0.0, None, None, None],
    "HAUTEUR": [6.2, 20.2, 17.0, 13.4, 0.0, 3.1, 8.0, 2.4],
    "Z_MIN_SOL": [7.0, 7.1, 6.0, 6.0, 8.0, 6.5, 6.5, 6.5],
}


def test_bd_topo_buildings_of_version_3():
    frame = gpd.GeoDataFrame(BATIMENT, geometry=[box(355_000, 6_689_000, 355_010, 6_689_010)] * 8, crs=2154)
    problems = Problems()
    table = map_frame(frame, load_mapping("bdtopo3:batiment"), problems)
    assert not len(problems)
    functions = ["residential", "mixed", "apartments", "retail", "worship", "outbuilding", None, "outbuilding"]
    assert table["function"].astype(object).where(table["function"].notna(), None).tolist() == functions
    assert table["year_built"].astype(object).where(table["year_built"].notna(), None).tolist()[:4] == [
        1900,
        1998,
        None,
        2011,
    ]
    assert table["storeys"].isna().tolist() == [False] * 4 + [True] * 4
    assert table["height_m"].isna().tolist() == [False] * 4 + [True] + [False] * 3


def test_bd_topo_names_of_geopackage_and_shapefile_give_the_same_table():
    mapping = load_mapping("bdtopo3:batiment")
    long = {name: others[0] for name, others in mapping.aliases.items()}
    frame = gpd.GeoDataFrame(BATIMENT, geometry=[box(0, 0, 1, 1)] * 8, crs=2154)
    other = frame.rename(columns=long | {"NATURE": "nature", "HAUTEUR": "hauteur"})
    other["construction_legere"] = other["construction_legere"] == "Oui"
    assert_frame_equal(map_frame(frame, mapping, Problems()), map_frame(other, mapping, Problems()))


def roads_of(**columns) -> gpd.GeoDataFrame:
    n = len(next(iter(columns.values())))
    usual = {
        "ID": [f"T{i}" for i in range(n)],
        "NATURE": ["Route à 1 chaussée"] * n,
        "IMPORTANCE": ["5"] * n,
        "SENS": ["Double sens"] * n,
        "POS_SOL": ["0"] * n,
        "URBAIN": ["Oui"] * n,
        "ACCES_VL": ["Libre"] * n,
        "BUS": [None] * n,
    }
    frame = gpd.GeoDataFrame(usual | columns, geometry=[LineString([(0, 0), (1, 1)])] * n, crs=2154)
    return map_frame(frame, load_mapping("bdtopo3:troncon_de_route"), Problems())


def test_bd_topo_classes_follow_nature_and_importance():
    natures = ["Type autoroutier", "Type autoroutier", "Route à 2 chaussées", "Rond-point", "Route à 1 chaussée"]
    natures += [
        "Route à 1 chaussée",
        "Sentier",
        "Escalier",
        "Chemin",
        "Bac ou liaison maritime",
        "Bretelle",
        "Rond-point",
    ]
    roads = roads_of(
        NATURE=natures,
        IMPORTANCE=["1", "2", "1", "3", "5", "6", "6", "6", "5", "6", "2", "4"],
        CL_ADMIN=["Autoroute", "Nationale", None, None, None, None, None, None, None, None, None, None],
    )
    assert roads["class"].tolist() == [
        *("motorway", "trunk", "trunk", "secondary", "residential", "service"),
        *("footway", "steps", "track", "ferry", "primary", "tertiary"),
    ]
    assert roads["roundabout"].tolist() == [nature == "Rond-point" for nature in natures]


def test_bd_topo_speeds_lanes_and_levels_keep_no_marks_for_missing():
    roads = roads_of(
        VIT_MOY_VL=[0, 1, 50], NB_VOIES=[0, 2, 3], LARGEUR=[0.0, 3.5, 10.5], POS_SOL=["Gué ou radier", "1", "-1"]
    )
    assert_allclose(roads["free_speed_m_s"], [np.nan, np.nan, 50 * M_S_PER_KM_H])
    assert_allclose(roads["lanes"], [np.nan, 2, 3])
    assert_allclose(roads["width_m"], [np.nan, 3.5, 10.5])
    assert roads["level"].tolist() == [0, 1, -1]
    assert roads["bridge"].tolist() == [False, True, False]
    assert roads["tunnel"].tolist() == [False, False, True]


def test_bd_topo_restrictions_say_who_may_use_a_road():
    restricted, impossible = "Restreint aux ayants droit", "Physiquement impossible"
    roads = roads_of(
        ACCES_VL=["Libre", restricted, restricted, impossible],
        BUS=[None, None, "Double sens", None],
        ACCES_PED=[None, "Libre", None, restricted],
        SENS=["Sens direct", "Double sens", "Sens inverse", "Sans objet"],
    )
    assert roads["closed_to"].fillna("").tolist() == [
        "",
        "motorbike car bus truck",
        "motorbike car truck",
        "walk motorbike car bus truck",
    ]
    assert roads["open_to"].fillna("").tolist() == ["", "walk", "bus", ""]
    assert roads["class"].tolist() == ["residential", "residential", "busway", "pedestrian"]
    assert roads["direction"].astype(object).fillna("").tolist() == ["forward", "both", "backward", ""]


def test_marks_for_missing_heights_leave_no_height(problems):
    line = LineString([(0, 0, 8.2), (1, 1, -1000), (2, 2, -333.3)])
    frame = gpd.GeoDataFrame(
        {"ID": ["a", "b"], "NATURE": "Sentier", "IMPORTANCE": "6", "SENS": "Sans objet"},
        geometry=[line, LineString([(0, 0, 5), (1, 1, 6)])],
        crs=2154,
    )
    roads = map_frame(frame, load_mapping("bdtopo3:troncon_de_route"), problems)
    heights = shapely.get_coordinates(roads.geometry.array, include_z=True)[:, 2]
    assert_allclose(heights, [8.2, np.nan, np.nan, 5, 6])
    assert roads.geometry.is_valid.all()
    assert "heights of vertices below -5 m are marks for none" in str(next(iter(problems)))


def test_bd_topo_of_version_2(problems):
    frame = gpd.GeoDataFrame(
        {
            "ID": ["R1", "R2", "R3"],
            "NATURE": ["Autoroute", "Route à 1 chaussée", "Bac piéton"],
            "IMPORTANCE": ["1", "4", "NC"],
            "SENS": ["Direct", "Double", "NC"],
            "POS_SOL": [0, 1, 0],
            "FRANCHISST": ["NC", "Pont", "NC"],
            "NB_VOIES": ["3", "NC", "0"],
            "LARGEUR": [10.5, 7.0, 0.0],
        },
        geometry=[LineString([(0, 0), (1, 1)])] * 3,
        crs=2154,
    )
    roads = map_frame(frame, load_mapping("bdtopo2:route"), problems)
    assert roads["class"].tolist() == ["motorway", "tertiary", "ferry"]
    assert roads["bridge"].tolist() == [False, True, False]
    assert_allclose(roads["lanes"], [3, np.nan, np.nan])
    assert roads["closed_to"].fillna("").tolist() == ["", "", "motorbike car bus truck"]
    houses = gpd.GeoDataFrame(
        {"ID": ["1", "2"], "HAUTEUR": [0, 7], "NATURE": ["Mairie", "Gare"]}, geometry=[box(0, 0, 1, 1)] * 2, crs=2154
    )
    table = map_frame(houses, load_mapping("bdtopo2:bati_remarquable"), problems)
    assert table["function"].tolist() == ["public", "transport"]
    assert table["height_m"].isna().tolist() == [True, False]
    assert not problems.errors


def test_own_entries_come_before_those_of_a_mapping():
    mapping = load_mapping("bdtopo3:batiment").with_own(
        columns={"Z_MAX_SOL": "ground_m"}, defaults={"storeys": 1}, values={"storeys": {"9": "8"}}
    )
    frame = gpd.GeoDataFrame(
        BATIMENT | {"Z_MAX_SOL": [9.0] * 8, "NB_ETAGES": [9.0] * 4 + [None] * 4},
        geometry=[box(0, 0, 1, 1)] * 8,
        crs=2154,
    )
    table = map_frame(frame, mapping, Problems())
    assert table["ground_m"].tolist() == [9.0] * 8
    assert table["storeys"].tolist() == [8] * 4 + [1] * 4


def test_the_source_stays_as_it_is():
    frame = source()
    before = frame.copy(deep=True)
    map_frame(frame, ColumnMapping(columns=COLUMNS, values=VALUES), Problems(), "buildings")
    assert_frame_equal(frame, before)


# --- real files


def test_lorient(sample):
    path = sample("france-lorient/buildings.shp")
    problems = Problems()
    table = read(path, problems, columns={"ID_WAY": "source_id", "HEIGHT": "height_m"})
    assert len(table) == 1701  # README of the data
    assert_allclose([table["height_m"].min(), table["height_m"].max()], [3, 49], atol=1)
    assert table.crs.to_epsg() == 2154
    assert not len(problems)
    centre = Extent("EPSG:2154", (224_000, 6_757_500, 224_500, 6_758_000))
    assert 0 < len(read(path, columns={"HEIGHT": "height_m"}, extent=centre)) < 1701


def test_lorient_roads_with_speeds(sample):
    roads = read(
        sample("france-lorient/ROADS2.shp"),
        table="roads",
        columns={"OSM_ID": "source_id", "LV_SPD_D": "free_speed_m_s"},
        factors={"free_speed_m_s": "km_h"},
        defaults={"class": "unclassified"},
    )
    assert len(roads) == 549
    assert roads["free_speed_m_s"].between(5, 40).all()


def test_hoan_kiem(sample):
    """Real roads of Hanoi in degrees under a grid of metres, in the encoding nobody declared."""
    roads = read(
        sample("hanoi/hoankiem_shp/bigger_full_roads.shp"),
        table="roads",
        columns={"osm_id": "source_id", "name": "name", "type": "class", "oneway": "direction"},
        values={
            "class": {"*": "*", "trunk_link": "trunk", "primary_link": "primary", "secondary_link": "secondary"}
            | {
                "tertiary_link": "tertiary",
                "motorway_link": "motorway",
                "road": "unclassified",
                "construction": "other",
            }
            | dict.fromkeys(("bridleway", "proposed", "raceway", "construction"), "path"),
            "direction": {"0": "both", "1": "forward"},
        },
        extent=Extent("EPSG:4326", (105.84, 21.02, 105.86, 21.03)),
    )
    assert 100 < len(roads) < 3183
    names = set(roads["name"].dropna())
    assert any("ố" in name or "ư" in name for name in names), sorted(names)[:10]


def test_wards_of_hanoi(sample):
    wards = read(
        sample("vietnam-admin/wards/01_ha_noi_wards.geojson"),
        table="wards",
        columns={"code": "code", "fullName": "name"},
        defaults={"province": "Hà Nội"},
    )
    assert len(wards) == 126  # README of the data
    assert wards["name"].str.startswith(("Phường", "Xã")).all()
    assert wards["code"].is_unique


def test_the_ward_table_of_vietnam_has_its_troubles_named(sample):
    path = sample("vietnam-admin/tables/sapnhap.bando.com.vn_ward_2025-07-17.csv")
    columns = {"tenhc": "name", "ma": "source_id", "kinhdo": "geometry.x", "vido": "geometry.y"}
    with pytest.raises(InputError) as raised:
        read(
            path,
            table="census",
            columns=columns | {"dansonguoi": "residents"},
            defaults={"kind": "ward"},
            crs="EPSG:4326",
        )
    residents = next(problem for problem in raised.value.problems if problem.column == "residents")
    assert residents.n_rows == 66  # of the 70 that are no number, 4 are empty
    assert "is a number; these are not: 'đang cập nhật'" in residents.rule  # being updated


def test_bus_stops_of_hanoi(sample):
    stops = read(
        sample("hanoi/osm/hanoi_bus_stops_osm.geojson"), table="stops", columns={"id": "source_id", "name": "name"}
    )
    assert len(stops) == 3326  # README of the data


def test_measured_points_of_phuc_xa_are_read_in_silence(sample):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = read(sample("hanoi/phucxa_shp/buildings.shp"), columns={"block": "source_id"})
    assert len(table) == 5155  # README of the data


def test_a_real_shapefile_under_another_name_in_a_zip(sample, tmp_path):
    folder = sample("france-lorient/buildings.shp").parent
    path = tmp_path / "Lorient.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in folder.glob("buildings.*"):
            archive.write(part, part.name)
    assert len(read(path, columns={"HEIGHT": "height_m"})) == 1701


def test_what_is_written_as_geojson_by_hand_is_read(tmp_path):
    path = tmp_path / "tay.geojson"
    shutil.copy(written(tmp_path, ".geojson"), path)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["features"] = content["features"][:1]
    path.write_text(json.dumps(content), encoding="utf-8")  # \uXXXX in place of letters
    assert read(path, columns={"ten": "name"})["name"].tolist() == ["Nhà thờ Lớn"]


def test_one_layer_may_serve_two_tables(tmp_path):
    frame = gpd.GeoDataFrame(
        {
            "cleabs": ["S1", "S2"],
            "categorie": ["Santé", "Sport"],
            "nature": ["Hôpital", "Stade"],
            "toponyme": ["CHU", None],
        },
        geometry=[box(355_000, 6_689_000, 355_010, 6_689_010)] * 2,
        crs=2154,
    )
    path = tmp_path / "BDT_3-5_GPKG.gpkg"
    frame.to_file(path, layer="zone_d_activite_ou_d_interet")
    frame.to_file(path, layer="cimetiere")
    facilities = read(path, table="facilities", mapping="bdtopo3:zone_d_activite_ou_d_interet")
    assert facilities["kind"].tolist() == ["hospital", "sport"]
    areas = read(path, table="land_use", mapping="bdtopo3:zone_d_activite_land_use")
    assert areas["class"].tolist() == ["health", "sport"]
    assert read(path, table="land_use", mapping="bdtopo3:cimetiere")["class"].tolist() == ["cemetery"] * 2


def test_sql_with_accents_meets_the_text_of_a_shapefile(tmp_path):
    path = shapefile_in(tmp_path, "utf-8", VIETNAMESE)
    table = read(path, columns={"ten": "name"}, where="ten = 'Đống Đa'")
    assert table["name"].tolist() == ["Đống Đa"]


@pytest.mark.parametrize("module", ["encodings", "numerals", "mapping", "delimited"])
def test_examples_in_the_documentation_hold(module):
    assert doctest.testmod(importlib.import_module(f"dothi.io.{module}")).failed == 0


def test_vietnamese_tables_give_every_letter_once():
    """The 67 accented letters of Vietnamese in lower case, as in TCVN 5712:1993; VNI has them in both cases."""
    vowels = [*"aăâeêioôơuưy"]
    letters = {
        unicodedata.normalize("NFC", vowel + tone)
        for vowel in vowels
        for tone in ("", *"\u0300\u0301\u0309\u0303\u0323")
    }
    letters = {letter for letter in letters if not letter.isascii()} | {"đ"}
    assert len(letters) == 67
    small = [letter for letter in TCVN3.values() if letter.islower()]
    assert sorted(small) == sorted(letters)
    single = letters - set("ìíàáèéùúâêôòóýãõ")  # letters that VNI leaves as cp1252 has them need no entry
    own = {unicodedata.normalize("NFC", text) for text in VNI.values()}
    assert {letter for letter in single if letter not in own} == set()
    assert {letter.upper() for letter in single} <= own
