"""Terrain files: real rasters and points, and files that bite."""

from __future__ import annotations

import zipfile

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from numpy.testing import assert_allclose
from rasterio.transform import Affine

from dothi.crs import Extent
from dothi.errors import InputError, Problems
from dothi.io.terrain import (
    grid_for,
    grid_of,
    read_raster,
    read_terrain,
    read_terrain_points,
    write_raster,
)

LAMBERT = "EPSG:2154"
CITY = Extent(LAMBERT, (355000.0, 6689000.0, 355100.0, 6689080.0))


def tiff(
    path, values, *, crs=LAMBERT, west=354900.0, north=6689200.0, cell=10.0, scale=1.0, offset=0.0, unit="", **more
):
    values = np.atleast_3d(np.asarray(values).T).T
    profile = {"driver": "GTiff", "count": len(values), "height": values.shape[1], "width": values.shape[2]}
    profile |= {"dtype": values.dtype.name, "crs": crs, "transform": Affine(cell, 0, west, 0, -cell, north)} | more
    with rasterio.open(path, "w", **profile) as target:
        target.write(values)
        target.scales, target.offsets, target.units = (
            [scale] * len(values),
            [offset] * len(values),
            [unit] * len(values),
        )
    return path


def slope(rows=40, columns=40):
    return np.add.outer(np.arange(rows, dtype=np.float32), np.arange(columns, dtype=np.float32))


def errors_of(path, **options):
    problems = Problems(path.name)
    with pytest.raises(InputError) as caught:
        read_terrain(path, problems, **options)
    return str(caught.value)


def test_cells_of_a_grid_lie_on_multiples_of_their_size():
    grid = grid_for(Extent(LAMBERT, (3.0, 5.0, 11.9, 14.0)), 4.0)
    assert grid.bounds == (0.0, 4.0, 12.0, 16.0)
    assert grid.shape == (3, 3)
    assert_allclose(grid.x, [2, 6, 10])
    assert_allclose(grid.y, [14, 10, 6])


def test_an_extent_already_on_multiples_gains_no_cell():
    grid = grid_for(Extent(LAMBERT, (0.3, 0.3, 0.9, 0.9)), 0.3)
    assert grid.shape == (2, 2)


@pytest.mark.parametrize(
    ("cell", "bounds"), [(0.0, (0, 0, 1, 1)), (-1.0, (0, 0, 1, 1)), (1.0, (1, 0, 0, 1)), (1.0, (0, 0, np.nan, 1))]
)
def test_a_grid_without_size_is_an_error(cell, bounds):
    with pytest.raises(InputError):
        grid_for(Extent(LAMBERT, bounds), cell)


def test_a_real_dem_is_read_with_its_grid(sample, tmp_path, problems):
    # Merewether, 321 × 416 cells of 1 m: sizes and range from the head and the values of the file itself.
    with zipfile.ZipFile(sample("flood-merewether/topography1.zip")) as archive:
        archive.extract("topography1.asc", tmp_path)
    projection = sample("flood-merewether/topography1.prj").read_bytes()
    (tmp_path / "topography1.prj").write_bytes(projection)
    terrain = read_terrain(tmp_path / "topography1.asc", problems)["terrain"]
    assert terrain.shape == (416, 321)
    assert terrain.attrs == {"units": "m", "crs": "EPSG:32756", "method": "measured"}
    assert terrain.dtype == np.float32
    assert 16.0 < float(terrain.min()) < 17.0
    assert 51.0 < float(terrain.max()) < 52.0
    assert (np.diff(terrain["y"]) < 0).all()


def test_an_ascii_grid_without_a_projection_needs_one(sample, problems):
    path = sample("hanoi/redriver_flood/mnt50.asc")
    assert "grid is known" in errors_of(path)
    terrain = read_terrain(path, problems, crs="EPSG:3405")["terrain"]
    assert terrain.shape == (108, 144)
    assert float(terrain.max()) == 10.0  # README of the data: 0..10 m


def test_fractions_after_many_whole_numbers_are_kept(tmp_path, problems):
    rows = ["1 " * 400] * 300 + ["1.5 " * 400]
    path = tmp_path / "grid.asc"
    path.write_text("ncols 400\nnrows 301\nxllcorner 355000\nyllcorner 6689000\ncellsize 1\n" + "\n".join(rows))
    terrain = read_terrain(path, problems, crs=LAMBERT)["terrain"]
    assert float(terrain[-1, 0]) == 1.5


def test_only_the_window_over_the_city_is_read(tmp_path, problems):
    path = tiff(tmp_path / "Địa hình phố cổ.tif", slope())
    terrain = read_terrain(path, problems, extent=CITY)["terrain"]
    assert terrain.shape == (12, 14)  # 80 m × 100 m in cells of 10 m, with a margin of two
    at = terrain.sel(x=355005.0, y=6689075.0)
    assert float(at) == 10 + 12  # column and row of the cell in the file
    assert not list(problems)


@pytest.mark.parametrize("filler", [-9999.0, -32768.0, 3.4028234663852886e38, -1000.0, np.nan, np.inf])
@pytest.mark.parametrize("declared", [True, False])
def test_fillers_are_missing_whether_declared_or_not(tmp_path, problems, filler, declared):
    values = slope()
    values[14, 14] = filler
    path = tiff(tmp_path / "dem.tif", values, **({"nodata": filler} if declared and np.isfinite(filler) else {}))
    terrain = read_terrain(path, problems)["terrain"]
    assert int(terrain.isnull().sum()) == 1
    assert np.isnan(terrain.to_numpy()[14, 14])
    if not declared and np.isfinite(filler):
        assert "taken as unknown (1 row)" in str(next(iter(problems)))


def test_scale_offset_and_unit_of_the_file_are_applied(tmp_path, problems):
    path = tiff(tmp_path / "dem.tif", np.full((4, 4), 100, np.int16), scale=0.1, offset=5.0, unit="ft", nodata=-9999)
    terrain = read_terrain(path, problems)["terrain"]
    assert_allclose(terrain, (100 * 0.1 + 5.0) * 0.3048, rtol=1e-6)


def test_a_raster_stored_south_up_is_turned(tmp_path, problems):
    path = tmp_path / "dem.tif"
    profile = {"driver": "GTiff", "count": 1, "height": 3, "width": 2, "dtype": "float32", "crs": LAMBERT}
    with rasterio.open(path, "w", transform=Affine(10, 0, 354900, 0, 10, 6689000), **profile) as target:
        target.write(np.array([[1, 1], [2, 2], [3, 3]], np.float32), 1)
    terrain = read_terrain(path, problems)["terrain"]
    assert terrain["y"].to_numpy().tolist() == [6689025.0, 6689015.0, 6689005.0]
    assert terrain.to_numpy()[:, 0].tolist() == [3.0, 2.0, 1.0]


def test_a_dem_beside_the_city_is_an_error_naming_both_boxes(tmp_path):
    path = tiff(tmp_path / "dem.tif", slope(), west=400000.0)
    message = errors_of(path, extent=CITY)
    assert "covers 0%" in message
    assert "(355000, 6689000, 355100, 6689080)" in message
    assert "(400000, 6688800, 400400, 6689200)" in message


def test_a_dem_with_holes_over_the_city_says_how_much_is_void(tmp_path, problems):
    values = slope()
    values[:, 15:18] = -9999.0  # 30 m of the 100 m
    read_terrain(tiff(tmp_path / "dem.tif", values, nodata=-9999.0), problems, extent=CITY)
    assert "levels known for 69.9%" in str(next(iter(problems)))  # 179 of 256 test points per row
    values[:, 10:18] = -9999.0
    assert "covers 20%" in errors_of(tiff(tmp_path / "dem.tif", values, nodata=-9999.0), extent=CITY)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: tiff(path, np.zeros((3, 5, 5), np.uint8)), "one band; it has 3"),
        (lambda path: tiff(path, slope(), crs=None), "grid is known"),
        (lambda path: tiff(path, slope(), crs="EPSG:4326"), "coordinates are degrees"),
        (lambda path: tiff(path, slope(), west=-1.6, north=47.3, cell=0.001), "looks like degrees"),
        (lambda path: tiff(path, slope(), unit="fathom"), "unit of level"),
        (lambda path: tiff(path, np.full((5, 5), -9999.0, np.float32), nodata=-9999.0), "some cell has a level"),
        (lambda path: (path.write_bytes(b"") and path) or path, "file is not empty"),
        (lambda path: path, "file is present"),
        (lambda path: path.write_bytes(b"II*\0" + bytes(200)) and path, "whole GeoTIFF"),
        (lambda path: path.write_text("<VRTDataset rasterXSize='9' rasterYSize='9'/>") and path, "whole GeoTIFF"),
    ],
)
def test_what_is_no_terrain_is_an_error(tmp_path, make, message):
    path = tmp_path / "dem.tif"
    make(path)
    assert message in errors_of(path)


def test_every_cut_of_a_file_is_an_error_or_whole(tmp_path):
    whole = tiff(tmp_path / "dem.tif", slope(), compress="deflate").read_bytes()
    cut = tmp_path / "cut.tif"
    for length in range(1, len(whole) - 400, max(1, len(whole) // 25)):
        cut.write_bytes(whole[:length])
        assert "whole GeoTIFF" in errors_of(cut)


def test_a_grid_that_promises_too_much_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "bomb.asc"
    path.write_text("ncols 2000000\nnrows 1000000\nxllcorner 355000\nyllcorner 6689000\ncellsize 1\n1 2 3")
    assert "at most 100,000,000 cells" in errors_of(path, crs=LAMBERT)


def test_a_raster_comes_back_as_it_was_written_and_bytes_repeat(tmp_path):
    grid = grid_for(CITY, 2.0)
    values = np.random.default_rng(1).normal(10.0, 3.0, grid.shape)
    values[3, 4] = np.nan
    for array in (
        grid.array(values, "m", "tin", error_m=0.4),
        grid.array(np.ones(grid.shape, np.uint8), "1", "painted"),
    ):
        write_raster(array, tmp_path / "a.tif")
        write_raster(array, tmp_path / "b.tif")
        assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
        back = read_raster(tmp_path / "a.tif")
        assert back.identical(array)
        assert grid_of(back) == grid
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.tif", "b.tif"]


def test_a_raster_that_no_study_wrote_is_an_error(tmp_path):
    with pytest.raises(InputError, match="raster of a study"):
        read_raster(tiff(tmp_path / "dem.tif", slope()))
    with pytest.raises(InputError):
        read_raster(tmp_path / "missing.tif")


def test_real_points_are_read_with_their_levels(sample, problems):
    tables = read_terrain_points(sample("france-lorient/dem.geojson"), problems)
    points = tables["terrain_points"]
    assert len(points) == 1362  # README of the data
    assert points.crs.to_epsg() == 2154
    z = shapely.get_z(points.geometry)
    assert -2.0 < z.min() < -1.7  # README: −1.8 m to 33 m
    assert 32.0 < z.max() < 34.0
    assert not len(tables["terrain_lines"])


def test_breaklines_and_outlines_with_levels_are_lines(tmp_path, problems):
    shapes = [
        shapely.from_wkt("MULTILINESTRING Z ((0 0 1, 1 0 2), (5 5 1, 6 6 1))"),
        shapely.from_wkt("POLYGON Z ((0 0 3, 1 0 3, 1 1 3, 0 0 3))"),
        shapely.from_wkt("POINT Z (2 2 7)"),
        shapely.from_wkt("LINESTRING Z (0 0 -1000, 1 0 2)"),
        None,
    ]
    path = tmp_path / "lines.gpkg"
    gpd.GeoDataFrame(geometry=shapes, crs=LAMBERT).translate(355000.0, 6689000.0).to_file(path)
    tables = read_terrain_points(path, problems, crs=LAMBERT)
    assert [len(tables[name]) for name in ("terrain_points", "terrain_lines")] == [1, 3]
    assert "lines without left out (1 row)" in "\n".join(map(str, problems))


def test_a_column_gives_levels_where_geometry_has_none(tmp_path, problems):
    path = tmp_path / "points.geojson"
    gpd.GeoDataFrame(
        {"Height": [3.5, None]}, geometry=gpd.points_from_xy([355001, 355002], [6689001, 6689002]), crs=LAMBERT
    ).to_file(path)
    points = read_terrain_points(path, problems, crs=LAMBERT)["terrain_points"]
    assert shapely.get_z(points.geometry).tolist() == [3.5]


@pytest.mark.parametrize(
    "text",
    [
        "355001 6689001 4.5\n355002 6689002 5.5\n",
        "x,y,z\n355001,6689001,4.5\n355002,6689002,5.5\n",
        "\ufeffid;Easting;Northing;Cao_do\n1;355001,0;6689001,0;4,5\n2;355002,0;6689002,0;5,5\n",
        "# survey\nX\tY\tHeight\n355001\t6689001\t4.5\n355002\t6689002\t5.5\n",
    ],
)
def test_tables_of_coordinates_are_read_however_they_are_written(tmp_path, problems, text):
    path = tmp_path / "điểm cao.csv"
    path.write_text(text, encoding="utf-8")
    points = read_terrain_points(path, problems, crs=LAMBERT)["terrain_points"]
    assert_allclose(
        shapely.get_coordinates(points.geometry, include_z=True), [[355001, 6689001, 4.5], [355002, 6689002, 5.5]]
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "file is not empty"),
        (b"\x00\x01\x02\x00" * 50, "table of x, y, z"),
        (b"a,b,c\n1,2,3\n", "column x is present"),
        (b"1,2\n3,4\n", "three columns"),
        (b"x,y,z\nfoo,bar,baz\n", "some point or line has a level"),
        (b'x,y,z\n1,2,"3\n4,5,6\n', "table of x, y, z"),
        (b"x,y,z\n-1.5,47.2,3\n-1.6,47.3,4\n", "looks like degrees"),
    ],
)
def test_text_that_is_no_table_of_points_is_an_error(tmp_path, problems, content, message):
    path = tmp_path / "points.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_terrain_points(path, problems, crs=LAMBERT)


def test_a_broken_vector_file_is_an_error(tmp_path, problems):
    path = tmp_path / "points.geojson"
    path.write_text('{"type": "FeatureCollection", "features": [{"type"')
    with pytest.raises(InputError, match="whole vector file"):
        read_terrain_points(path, problems)
