"""Surfaces of buildings: closed forms on small solids, and real models."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi import schema
from dothi.city import City
from dothi.io.cityjson import read_cityjson
from dothi.io.nantes import read_nantes
from dothi.mesh.prisms import prisms_of
from dothi.mesh.skin import GROUND, ROOF, WALL, polygons_of, skin_of, skins_of, surface_table, volumes
from dothi.tables import TABLES

GRID = "EPSG:2154"
EAST, NORTH = 652_000.0, 6_862_000.0


def city_of(shapes, heights, ground=0.0, *, under=np.nan, surfaces=None, parts=None, crs=GRID):
    """City of buildings with ids from 10, so that ids and positions differ."""
    buildings = gpd.GeoDataFrame(
        {"height_m": np.asarray(heights, dtype=float), "ground_m": ground, "min_height_m": under},
        geometry=list(shapes),
        crs=crs,
        index=np.arange(len(shapes)) + 10,
    )
    tables = {"buildings": buildings}
    tables |= {} if parts is None else {"building_parts": parts}
    tables |= {} if surfaces is None else {"surfaces": surfaces}
    return City("Lập phương", "fr", crs, (0.0, 0.0, 1.0, 1.0)).with_tables(**tables)


def box(west, south, east, north):
    return shapely.box(EAST + west, NORTH + south, EAST + east, NORTH + north)


def gabled_house(building_id, west=0.0, outwards=True):
    """Surfaces of a house 10 m × 8 m, eaves at 4 m, ridge along x at 7 m; gables face east and west."""
    e, n = EAST + west, NORTH
    a, b, c, d = (e, n), (e + 10, n), (e + 10, n + 8), (e, n + 8)
    low = [(*p, 0.0) for p in (a, b, c, d)]
    eaves = [(*p, 4.0) for p in (a, b, c, d)]
    ridge = [(e, n + 4, 7.0), (e + 10, n + 4, 7.0)]
    faces = [
        ("ground", [low[0], low[3], low[2], low[1]]),
        ("wall", [low[0], low[1], eaves[1], eaves[0]]),
        ("wall", [low[1], low[2], eaves[2], ridge[1], eaves[1]]),
        ("wall", [low[2], low[3], eaves[3], eaves[2]]),
        ("wall", [low[3], low[0], eaves[0], ridge[0], eaves[3]]),
        ("roof", [eaves[0], eaves[1], ridge[1], ridge[0]]),
        ("roof", [eaves[2], eaves[3], ridge[0], ridge[1]]),
    ]
    return gpd.GeoDataFrame(
        {"building_id": building_id, "kind": [kind for kind, _ in faces], "lod": "2"},
        geometry=[shapely.Polygon(ring if outwards else ring[::-1]) for _, ring in faces],
        crs=GRID,
    )


def test_a_cube_has_four_walls_a_roof_and_a_ground_that_face_outwards():
    skin = skin_of(city_of([box(0, 0, 10, 10)], [10.0], 5.0))
    assert list(skin.kind) == [WALL] * 4 + [ROOF, GROUND]
    assert_allclose(skin.area_m2, 100.0)
    assert_allclose(skin.tilt_deg, [90, 90, 90, 90, 0, 180])
    assert sorted(skin.azimuth_deg[:4]) == pytest.approx([0, 90, 180, 270])
    assert np.isnan(skin.azimuth_deg[4:]).all()
    assert_allclose(skin.height_m, [5, 5, 5, 5, 10, 0])
    assert_allclose(volumes(skin), [1000.0])
    assert_allclose((skin.normal * skin.area_m2[:, None]).sum(axis=0), 0.0, atol=1e-9)
    middle = np.array([EAST + 5, NORTH + 5, 10.0])
    centres = np.array([np.array(shape.exterior.coords)[:-1].mean(axis=0) for shape in skin.polygons()])
    assert_allclose(((centres - middle) * skin.normal).sum(axis=1), 5.0)


def test_an_l_shape_has_the_walls_and_the_volume_of_its_footprint():
    shape = shapely.Polygon([(0, 0), (20, 0), (20, 5), (8, 5), (8, 15), (0, 15)])
    skin = skin_of(city_of([shape], [7.0]))
    assert_allclose(skin.area_m2[skin.kind == WALL].sum(), 70.0 * 7.0)
    assert_allclose(volumes(skin), [shape.area * 7.0])


def test_a_courtyard_is_walled_and_open():
    """A block 30 m × 20 m around a court 10 m × 8 m, 12 m high: 600 − 80 m² of roof, (100 + 36) m of wall."""
    block = box(0, 0, 30, 20).difference(box(10, 6, 20, 14))
    skin = skin_of(city_of([block], [12.0]))
    assert_allclose(skin.area_m2[skin.kind == ROOF], [520.0])
    assert_allclose(skin.area_m2[skin.kind == WALL].sum(), 136.0 * 12.0)
    assert_allclose(volumes(skin), [520.0 * 12.0])
    centre = np.array([EAST + 15, NORTH + 10])
    shapes = skin.polygons()[skin.kind == WALL]
    out = np.array([np.array(shape.exterior.coords)[:-1, :2].mean(axis=0) for shape in shapes]) - centre
    court = np.abs(out).max(axis=1) < 6.0
    facing = (out * skin.normal[skin.kind == WALL, :2]).sum(axis=1)
    assert court.sum() == 4
    assert (facing[court] < 0.0).all()
    assert (facing[~court] > 0.0).all()


def test_a_building_on_air_has_an_underside_at_its_height():
    skin = skin_of(city_of([box(0, 0, 10, 10)], [9.0], 20.0, under=3.0))
    assert_allclose(skin.height_m[skin.kind == GROUND], [3.0])
    assert_allclose(skin.area_m2[skin.kind == WALL], 60.0)


def test_a_row_of_three_houses_has_gables_only_at_its_ends():
    houses = [box(0, 0, 6, 10), box(6, 0, 12, 10), box(12, 0, 18, 10)]
    skin = skin_of(city_of(houses, [8.0, 8.0, 8.0]))
    wall, shared = skin.kind == WALL, skin.party_row >= 0
    assert_allclose(skin.area_m2[wall & ~shared].sum(), (2 * 18 + 2 * 10) * 8.0)
    assert_allclose(skin.area_m2[shared].sum(), 4 * 10 * 8.0)
    assert {(int(a), int(b)) for a, b in zip(skin.row[shared], skin.party_row[shared], strict=True)} == {
        (0, 1),
        (1, 0),
        (1, 2),
        (2, 1),
    }


def test_a_house_in_a_court_shares_the_wall_of_the_court_it_leans_on():
    block = box(0, 0, 30, 20).difference(box(10, 6, 20, 14))
    skin = skin_of(city_of([block, box(10, 8, 14, 12)], [12.0, 5.0]))
    shared = skin.party_row >= 0
    assert_allclose(skin.area_m2[shared & (skin.row == 0)].sum(), 4 * 5.0)
    assert_allclose(skin.area_m2[shared & (skin.row == 1)].sum(), 4 * 5.0)
    assert_allclose(np.bincount(skin.solid, weights=skin.area_m2 * skin.normal[:, 0]), 0.0, atol=1e-9)


def test_a_house_that_fills_its_court_is_shared_all_around():
    court = box(10, 6, 20, 14)
    skin = skin_of(city_of([box(0, 0, 30, 20).difference(court), court], [12.0, 5.0]))
    mine = (skin.row == 1) & (skin.kind == WALL)
    assert (skin.party_row[mine] == 0).all()


def test_parts_stand_for_a_building_and_their_common_wall_is_its_own():
    parts = gpd.GeoDataFrame(
        {"building_id": [10, 10], "height_m": [6.0, 9.0], "min_height_m": [np.nan, np.nan]},
        geometry=[box(0, 0, 5, 10), box(5, 0, 10, 10)],
        crs=GRID,
    )
    skin = skin_of(city_of([box(0, 0, 10, 10)], [9.0], parts=parts))
    assert_allclose(skin.area_m2[skin.party_row == 0].sum(), 2 * 10 * 6.0)
    assert_allclose(volumes(skin).sum(), 50 * 6.0 + 50 * 9.0)


def test_a_modelled_house_keeps_its_surfaces():
    """Roof pitch: 3 m of rise over 4 m, so the slope is 5 m long and leans atan(3/4) = 36.87° off the horizontal."""
    skin = skin_of(city_of([box(0, 0, 10, 8)], [5.5], surfaces=gabled_house(10)))
    assert len(skin) == 7
    roof = skin.kind == ROOF
    assert_allclose(skin.area_m2[roof], 50.0)
    assert_allclose(skin.tilt_deg[roof], np.rad2deg(np.arctan2(3.0, 4.0)))
    assert_allclose(skin.azimuth_deg[roof], [180.0, 0.0], atol=1e-6)
    assert_allclose(skin.height_m[roof], 5.5)
    assert_allclose(volumes(skin), [10 * 8 * 4 + 10 * 8 * 3 / 2])
    assert_allclose((skin.normal * skin.area_m2[:, None]).sum(axis=0), 0.0, atol=1e-8)
    # A gable: 8 × 4 rectangle with centroid 2 m, 8 × 3 / 2 triangle with centroid 5 m.
    gable = (skin.kind == WALL) & (skin.area_m2 > 41.0)
    assert_allclose(skin.height_m[gable], (32 * 2 + 12 * 5) / 44)


def test_a_modelled_shell_that_faces_inwards_is_turned_round():
    inwards = city_of([box(0, 0, 10, 8)], [5.5], surfaces=gabled_house(10, outwards=False))
    assert_allclose(volumes(skin_of(inwards)), [440.0])
    assert_allclose(volumes(skin_of(inwards, turned=False)), [-440.0])


def test_modelled_gables_share_what_both_have():
    """The box reaches 6 m: below it the gable has 8 × 4 m² and a trapezoid of 2 m from 8 m down to 8/3 m."""
    shapes = [box(0, 0, 10, 8), box(10, 0, 20, 8)]
    city = city_of(shapes, [5.5, 6.0], surfaces=gabled_house(10))
    skin = skin_of(city)
    shared = skin.party_row >= 0
    below = 32.0 + (8.0 + 8.0 / 3.0) / 2.0 * 2.0
    assert_allclose(skin.area_m2[shared & (skin.row == 0)].sum(), below)
    assert_allclose(skin.area_m2[shared & (skin.row == 1)].sum(), below)
    walls = skin.area_m2[(skin.row == 0) & (skin.kind == WALL)].sum()
    assert_allclose(walls, 2 * 10 * 4 + 2 * 44)
    assert_allclose(skin.normal[shared & (skin.row == 0)], [[1.0, 0.0, 0.0]], atol=1e-9)


def test_the_table_keeps_rows_of_the_source_and_says_how_much_of_them_is_shared():
    shapes = [box(0, 0, 10, 8), box(10, 0, 20, 8)]
    city = city_of(shapes, [5.5, 6.0], surfaces=gabled_house(10))
    table = surface_table(city)
    source, prism = table[table["method"] == "source"], table[table["method"] == "prism"]
    assert list(source.geometry) == list(city["surfaces"].geometry)
    gable = source[source["party_building_id"].notna()]
    assert_allclose(gable[["area_m2", "party_area_m2"]], [[44.0, 32.0 + 32.0 / 3.0]])
    assert list(gable["party_building_id"]) == [11]
    assert set(prism["building_id"]) == {11}
    assert set(prism["lod"]) == {"1"}
    assert_allclose(prism.loc[prism["party_building_id"] == 10, "area_m2"].sum(), 32.0 + 32.0 / 3.0)
    assert_allclose(prism["party_area_m2"], np.where(prism["party_building_id"].notna(), prism["area_m2"], 0.0))


def test_the_table_of_a_city_with_its_table_is_the_same_table():
    shapes = [box(0, 0, 10, 8), box(10, 0, 20, 8)]
    city = city_of(shapes, [5.5, 6.0], surfaces=gabled_house(10))
    table = surface_table(city)
    again = surface_table(city.with_tables(surfaces=table))
    pd.testing.assert_frame_equal(pd.DataFrame(again), pd.DataFrame(table))


def test_blocks_give_the_same_surfaces_as_one_piece(monkeypatch):
    shapes = [box(6 * i, 0, 6 * i + 6, 10) for i in range(20)]
    city = city_of(shapes, [5.0 + i % 4 for i in range(20)])
    whole = skin_of(city)
    monkeypatch.setattr("dothi.mesh.skin.BLOCK", 7)
    assert len(list(skins_of(city))) == 3
    parts = skin_of(city)
    for name in ("kind", "solid", "party_row", "area_m2", "normal", "height_m", "xyz", "row"):
        assert_allclose(getattr(parts, name), getattr(whole, name))


def test_buildings_without_height_have_no_surfaces_and_an_empty_city_none():
    assert len(skin_of(city_of([box(0, 0, 10, 10)], [np.nan]))) == 0
    empty = City("Trống", "vn", GRID, (0.0, 0.0, 1.0, 1.0))
    assert len(skin_of(empty)) == 0
    assert len(surface_table(empty)) == 0


def test_the_arguments_stay_as_they_are():
    city = city_of([box(0, 0, 10, 8), box(10, 0, 20, 8)], [5.5, 6.0], surfaces=gabled_house(10))
    before = {name: city[name].copy(deep=True) for name in city.tables}
    surface_table(city)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(pd.DataFrame(city[name]), pd.DataFrame(frame))


def real_city(path, problems):
    tables = read_cityjson(path, problems)
    tables = {name: schema.complete(frame, TABLES[name]) for name, frame in tables.items()}
    crs = f"EPSG:{tables['buildings'].crs.to_2d().to_epsg() or 28992}"
    return City("Den Haag", "nl", crs, (0.0, 0.0, 1.0, 1.0), tables=tables)


def test_the_hague_has_closed_buildings_that_share_walls_fairly(sample, problems):
    """844 buildings, all solids in the file: faces must sum to nothing, splitting must lose no wall."""
    city = real_city(sample("cityjson/DenHaag_01.city.json.zip"), problems)
    skin, whole = skin_of(city), skin_of(city, party=False)
    for axis in range(3):
        total = np.bincount(skin.solid, weights=skin.normal[:, axis] * skin.area_m2)
        assert np.abs(total).max() < 0.1
    wall, whole_wall = skin.area_m2[skin.kind == WALL].sum(), whole.area_m2[whole.kind == WALL].sum()
    assert_allclose(wall, whole_wall, rtol=1e-6)
    other = (skin.party_row >= 0) & (skin.party_row != skin.row)
    ours = pd.Series(skin.area_m2[other]).groupby([skin.row[other], skin.party_row[other]]).sum()
    theirs = pd.Series(skin.area_m2[other]).groupby([skin.party_row[other], skin.row[other]]).sum()
    assert ours.sub(theirs, fill_value=0.0).abs().sum() < 0.001 * ours.sum()
    assert 0.25 < skin.area_m2[other].sum() / wall < 0.40
    assert (volumes(skin) > 0.0).all()


def test_shared_walls_of_nantes_are_the_borders_of_their_footprints(problems):
    """The border within 0.1 m of a neighbour, less 0.1 m beyond either end, times the common height; by shapely."""
    buildings = read_nantes(problems)["buildings"]
    west, south, east, north = buildings.total_bounds
    centre = shapely.Point((west + east) / 2, (south + north) / 2)
    nearest = buildings.geometry.distance(centre).sort_values().index[:500]
    buildings = schema.complete(buildings.loc[nearest].reset_index(drop=True), TABLES["buildings"])
    city = City("Nantes", "fr", GRID, (0.0, 0.0, 1.0, 1.0), tables={"buildings": buildings})
    prisms = prisms_of(city)
    shapes = polygons_of(prisms.rings, prisms.rings.xy)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=0.1)
    one, other = one[one != other], other[one != other]
    border = shapely.intersection(shapely.boundary(shapes)[one], shapely.buffer(shapes, 0.1, join_style="mitre")[other])
    top, base = prisms.top_m, prisms.base_m
    common = np.maximum(np.minimum(top[one], top[other]) - np.maximum(base[one], base[other]), 0.0)
    expected = (np.maximum(shapely.length(border) - 0.2, 0.0) * common).sum()
    skin = skin_of(city)
    found = skin.area_m2[skin.party_row >= 0].sum()
    assert found / skin.area_m2[skin.kind == WALL].sum() > 0.2
    assert found == pytest.approx(expected, rel=0.01)
