"""Sun on surfaces: closed forms, what is hidden and what is not, tiles that are found again, rays, plans."""

from datetime import UTC, date, datetime

import geopandas as gpd
import numpy as np
import pytest
import shapely
import shapely.affinity
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from dothi.chain import light_from
from dothi.errors import EngineMissingError
from dothi.mesh.prisms import prisms_of
from dothi.mesh.skin import surface_table
from dothi.packed import unpacked
from dothi.pieces import Pieces, kept_in, pieces
from dothi.sky import Light, site_of
from dothi.sky.dome import sky_of
from dothi.sky.patches import points_of
from dothi.sun import rays
from dothi.sun.bounce import CELL_M, cells_over
from dothi.sun.kernels_horizon import azimuth_of, find_enclosed
from dothi.sun.look import look
from dothi.sun.model import SunModel, SunParams
from dothi.sun.planning import shadow_mask, sky_view, sun_hours_h, suns_at
from dothi.sun.relief import relief_of
from dothi.sun.scene import around, obstacles_of, scene_of
from dothi.sun.sensors import sensors_on
from dothi.sun.suns import suns_of
from dothi.sun.surfaces import chosen_of
from dothi.verify.sun import AT, CRS, blocked, clear_year, quarter, town

WEATHER = clear_year()


def boxes(*rows):
    return town(np.array(rows, dtype=float), WEATHER)


def run(city, **params):
    return SunModel(SunParams(**params)).run(city)


def facing(result, azimuth, building=0):
    """Row of the wall of a building that faces so; true north is grid north within a degree here."""
    light = result.tables["surface_light"]
    off = np.abs((light["azimuth_deg"] - azimuth + 180.0) % 360.0 - 180.0) < 10.0
    return light.index[off & (light["building_id"] == building) & (light["kind"] == "wall").to_numpy()][0]


def raster(level, cell=5.0):
    rows, columns = level.shape
    return xr.DataArray(
        level.astype(np.float32),
        dims=("y", "x"),
        coords={
            "y": AT[1] + (rows - 0.5 - np.arange(rows)) * cell,
            "x": AT[0] + (np.arange(columns) + 0.5) * cell,
        },
        attrs={"units": "m", "crs": CRS},
    )


def test_a_lone_roof_has_all_the_light_there_is():
    result = run(boxes((0, 0, 20, 20, 10)))
    roof = result.tables["surface_light"]["kind"].to_numpy() == "roof"
    ghi = WEATHER["ghi_w_m2"].sum() / 1e3
    assert_allclose(result.tables["surfaces"]["irradiation_kwh_m2"][roof], ghi, rtol=2e-3)
    assert_allclose(result.tables["surfaces"]["sky_view_share"][roof], 1.0, atol=1e-9)
    assert_allclose(result.tables["buildings"]["roof_irradiation_kwh_m2"], ghi, rtol=2e-3)


def test_a_lone_wall_sees_half_the_sky_and_as_much_of_the_ground():
    city = boxes((0, 0, 20, 20, 10))
    result = run(city, ground_albedo=0.25)
    wall = result.tables["surface_light"]["kind"].to_numpy() == "wall"
    assert_allclose(result.tables["surfaces"]["sky_view_share"][wall], 0.5, atol=1e-4)
    light = result.tables["surface_light"][wall]
    assert light["bounce_ground_sky"].between(0.08, 0.125).all()  # half of the albedo, and less for lack of sky
    open_walls = Light.unobstructed(light.drop(columns=["sky", "sun"]), WEATHER, site_of(city), 0.0).annual_parts()
    got = Light(light, WEATHER, site_of(city)).annual_parts()
    assert_allclose(got[:, :2], open_walls[:, :2], rtol=3e-3)


def test_a_wall_on_a_street_sees_the_ground_as_far_as_the_other_side():
    """Closed form of an endless street: (1 − sin φ) / 2, where φ is how far below level the foot opposite lies."""
    width, height, pieces = 8.0, 16.0, np.arange(-800.0, 800.0, 40.0)
    city = boxes(*[(x, south, x + 40.0, south + 10.0, height) for x in pieces for south in (-10.0, width)])
    chosen, params = chosen_of(city), SunParams(wall_m=1.0, reach_m=1000.0)
    seen, _, _ = look(city, chosen, sky_of(WEATHER, site_of(city)), params)
    away = np.abs(chosen.middle - np.array([AT[0], AT[1] + width]))
    middle = (away[:, 0] < 30.0) & (away[:, 1] < 0.1)
    row = np.flatnonzero(middle & chosen.is_wall & (chosen.normal[:, 1] < -0.9))[0]
    z = (np.arange(160) + 0.5) / 10.0
    assert_allclose(seen.factor[row, 1], (0.5 * (1.0 - z / np.hypot(z, width))).mean(), atol=3e-3)
    assert_allclose(seen.factor[row, 0], (0.5 * (1.0 - (16.0 - z) / np.hypot(16.0 - z, width))).mean(), atol=3e-3)
    assert_allclose(seen.factor[row].sum(), 1.0)


@pytest.mark.parametrize(("away", "height"), [(30.0, 45.0), (100.0, 145.0)])
def test_a_taller_row_is_seen_over_a_lower_one_before_it(away, height):
    """Endless rows: the wall sees (1 − sin γ) / 2 of the sky over the higher of both edges."""
    pieces = np.arange(-2000.0, 2000.0, 100.0)
    rows = ((-10.0, 0.0, 3.0), (10.0, 16.0, 10.0), (away, away + 20.0, height))
    city = boxes(*[(x, south, x + 100.0, north, top) for x in pieces for south, north, top in rows])
    chosen, params = chosen_of(city), SunParams(wall_m=1.0, reach_m=2000.0)
    seen, _, _ = look(city, chosen, sky_of(WEATHER, site_of(city)), params)
    off = np.abs(chosen.middle - np.array(AT))
    row = np.flatnonzero((off[:, 0] < 51.0) & (off[:, 1] < 0.1) & chosen.is_wall & (chosen.normal[:, 1] > 0.9))[0]
    z = (np.arange(30) + 0.5) / 10.0
    edge = np.maximum(np.arctan2(10.0 - z, 10.0), np.arctan2(height - z, away))
    assert_allclose(seen.factor[row, 0], (0.5 * (1.0 - np.sin(edge))).mean(), atol=3e-3)


def test_a_wall_without_end_hides_the_patches_behind_it_and_half_of_those_it_cuts():
    city = boxes((0, 0, 4, 4, 10), (5, -2000, 40, 2000, 990))
    light = run(city, reach_m=2000.0).tables["surface_light"]
    roof = light.index[(light["building_id"] == 0) & (light["kind"] == "roof").to_numpy()]
    sky = unpacked(light["sky"].loc[roof], np.uint8)[0] / 255.0
    centre = points_of(1).towards[:, 0]
    low = centre[:, 2] < np.sin(np.radians(70.0))
    turn = np.radians(site_of(city).convergence_deg)  # patches stand by true north, the wall along the grid's
    east = centre[:, 0] * np.cos(turn) - centre[:, 1] * np.sin(turn)
    assert (sky[low & (east > 0.05)] < 0.03).all()
    assert (sky[low & (east < -0.05)] > 0.97).all()
    assert_allclose(sky[low & (np.abs(east) < 0.01)], 0.5, atol=0.06)


def test_sunshine_on_a_roof_is_that_of_the_weather():
    result = run(boxes((0, 0, 20, 20, 10)))
    roof = result.tables["surface_light"]["kind"].to_numpy() == "roof"
    sun = sky_of(WEATHER, site_of(boxes((0, 0, 20, 20, 10))))
    shines = ((sun.dni >= 120.0) & (sun.sun[:, 2] > 0.0)).sum()
    assert_allclose(result.tables["surfaces"]["sun_hours_h"][roof], shines, rtol=1e-9)


def test_a_tower_takes_light_from_what_stands_north_of_it():
    alone = run(boxes((0, 0, 20, 20, 10)))
    shaded = run(boxes((0, 0, 20, 20, 10), (0, -45, 20, -25, 60)))
    row = facing(alone, 180.0), facing(shaded, 180.0)
    before, after = (r.tables["surfaces"].loc[k] for r, k in zip((alone, shaded), row, strict=True))
    assert after["irradiation_kwh_m2"] < 0.85 * before["irradiation_kwh_m2"]
    assert after["sun_hours_h"] < before["sun_hours_h"]
    north = facing(alone, 0.0), facing(shaded, 0.0)
    before, after = (r.tables["surfaces"].loc[k] for r, k in zip((alone, shaded), north, strict=True))
    assert_allclose(after["sky_view_share"], before["sky_view_share"], atol=1e-9)  # what stands behind takes nothing


def test_what_lies_beyond_reach_gives_no_shade():
    city = boxes((0, 0, 20, 20, 10), (0, -145, 20, -125, 60))
    near, far = run(city, reach_m=300.0), run(city, reach_m=100.0)
    row = facing(near, 180.0)
    assert near.tables["surfaces"]["sky_view_share"][row] < 0.48
    assert far.tables["surfaces"]["sky_view_share"][row] == pytest.approx(0.5, abs=1e-4)


def test_party_walls_are_left_out_and_walls_within_buildings_are_dark():
    result = run(boxes((0, 0, 10, 10, 9), (10, 0, 20, 10, 9)))
    light = result.tables["surface_light"]
    assert (light["kind"] == "wall").sum() == 6
    assert_allclose(light["lit_area_m2"].sum(), 6 * 90.0 + 2 * 100.0)
    crossed = run(boxes((0, 0, 10, 10, 9), (5, -20, 15, 30, 20)), wall_m=1.0)
    row = facing(crossed, 90.0)  # wholly within the other
    assert crossed.tables["surface_light"]["lit_area_m2"][row] == 0.0
    assert crossed.tables["surfaces"]["irradiation_kwh_m2"][row] == 0.0
    half = facing(crossed, 0.0)
    assert crossed.tables["surface_light"]["lit_area_m2"][half] == pytest.approx(45.0)


def test_a_reflecting_street_is_brighter_and_the_brighter_the_sunnier_side_opposite():
    street = boxes((0, 0, 80, 10, 12), (0, 18, 80, 28, 12))
    dark, ground, walls = (
        run(street, ground_albedo=g, wall_albedo=w).tables for g, w in ((0.0, 0.0), (0.3, 0.0), (0.0, 0.5))
    )
    row = facing(run(street), 0.0, 0)  # looks at the wall opposite that faces south
    for other in (ground, walls):
        assert other["surfaces"]["irradiation_kwh_m2"][row] > 1.05 * dark["surfaces"]["irradiation_kwh_m2"][row]
    north = facing(run(street), 180.0, 1)
    beam = walls["surface_light"]["bounce_wall_beam"]
    driven = Light(walls["surface_light"], WEATHER, site_of(street)).annual_parts()[:, 2]
    light = walls["surface_light"]
    assert beam[row] > 0.0
    assert driven[light.index.get_loc(row)] > driven[light.index.get_loc(north)]


def test_walls_and_ground_pass_light_on_to_each_other():
    street = boxes((0, 0, 80, 10, 12), (0, 18, 80, 28, 12))
    row = facing(run(street), 0.0, 0)
    parts = [
        run(street, ground_albedo=g, wall_albedo=w).tables["surfaces"]["irradiation_kwh_m2"][row]
        for g, w in ((0.0, 0.0), (0.3, 0.0), (0.0, 0.5), (0.3, 0.5))
    ]
    assert parts[3] - parts[0] > 1.05 * (parts[1] + parts[2] - 2.0 * parts[0])


def test_a_hill_hides_the_evening():
    city = boxes((500, 500, 520, 520, 10))
    level = np.zeros((200, 200))
    level[:, :40] = 150.0  # to the west, 300 m away
    hill = city.with_rasters(terrain=raster(level))
    flat = city.with_rasters(terrain=raster(np.zeros_like(level)))
    west = facing(run(flat), 270.0)
    shares = [run(c).tables["surfaces"]["sky_view_share"][west] for c in (flat, hill)]
    assert shares[0] == pytest.approx(0.5, abs=1e-3)
    assert shares[1] < 0.35
    lower, upper = (
        run(boxes((500, 500, 520, 520, h)).with_rasters(terrain=raster(level))).tables["surfaces"] for h in (10, 140)
    )
    assert upper["sky_view_share"][west] > lower["sky_view_share"][west] + 0.05  # a tower looks over it


def test_the_horizon_of_a_ridge_is_its_height_over_its_distance():
    level = np.zeros((100, 100))
    level[:, 10:12] = 50.0
    relief = relief_of(raster(level, 20.0))
    cell = relief.cells(np.array([[AT[0] + 1010.0, AT[1] + 1010.0]]))[0]
    west = 90  # 270° of 120 azimuths, 1.5° off the middle of its column
    distance = (50 - 11) * 20.0 / np.cos(np.radians(1.5))
    assert_allclose(relief.tangent[cell, west], 50.0 / distance, rtol=1e-3)
    assert_allclose(relief.near[cell, west], 1.0 / distance, rtol=1e-3)
    assert relief.tangent[cell, 30] == 0.0


def test_the_stored_places_of_the_sun_lose_little():
    city = town(quarter(30), WEATHER)
    result = run(city)
    light = Light.of(light_from(city, result))
    wall = light.kind == "wall"
    beam, _ = light.split()
    exact = beam.sum(axis=1, dtype=float) / 1e3
    assert_allclose(light.annual_parts()[:, 0], exact, rtol=1e-4, atol=0.01)  # the year is kept, place by place
    assert np.isfinite(result.tables["surfaces"]["irradiation_kwh_m2"]).all()
    assert 0.2 < result.tables["surfaces"]["sky_view_share"][wall].mean() < 0.5


def test_azimuths_are_near_enough():
    angle = np.linspace(-np.pi, np.pi, 2001)[1:]
    found = np.array([azimuth_of(np.sin(a), np.cos(a)) for a in angle])
    assert np.abs(found - angle).max() < 1.2e-5


def test_every_sunlit_hour_is_in_its_azimuth():
    sky = sky_of(WEATHER, site_of(boxes((0, 0, 1, 1, 1))))
    suns = suns_of(sky)
    assert suns.start[-1] == (sky.sun[:, 2] > 0.0).sum()
    for k in (20, 60, 100):
        here = slice(suns.start[k], suns.start[k + 1])
        azimuth = np.degrees(np.arctan2(suns.towards[here, 0], suns.towards[here, 1])) % 360.0
        assert ((azimuth >= 3.0 * k) & (azimuth < 3.0 * (k + 1))).all()
        assert (np.diff(suns.tangent[here]) >= 0.0).all()


@pytest.fixture
def wide_town():
    """Two quarters more than a kilometre apart."""
    one = quarter(20, seed=3)
    return np.concatenate([one, one + np.array([1500.0, 0.0, 1500.0, 0.0, 0.0])])


def test_a_piece_is_found_as_it_was_kept(tmp_path):
    kept = Pieces(tmp_path)
    assert kept.find("abcd") is None
    arrays = {"a": np.arange(5, dtype=np.uint8), "b": np.ones((2, 3))}
    kept.keep("abcd", arrays)
    found = kept.find("abcd")
    assert set(found) == {"a", "b"}
    for name, values in arrays.items():
        assert_array_equal(found[name], values)
        assert found[name].dtype == values.dtype
    path = next(tmp_path.rglob("*.piece"))
    raw = bytearray(path.read_bytes())
    raw[40] ^= 1
    path.write_bytes(raw)
    assert kept.find("abcd") is None
    path.write_bytes(b"")
    assert kept.find("abcd") is None
    assert pieces() is None
    with kept_in(tmp_path):
        assert pieces().folder == tmp_path


def test_an_edit_makes_anew_only_what_lies_within_reach(tmp_path, wide_town, monkeypatch):
    from dothi.sun import tiles

    made = []
    real = tiles.see_tile
    monkeypatch.setattr(tiles, "see_tile", lambda task, tile: made.append(tile.origin) or real(task, tile))
    before = town(wide_town, WEATHER)
    with kept_in(tmp_path):
        run(before)
        everywhere = set(made)
        assert len(everywhere) > 1
        made.clear()
        run(before)
        assert not made
        raised = wide_town.copy()
        raised[5, 4] += 20.0
        after = town(raised, WEATHER)
        pieced = run(after)
    assert made
    assert max(x for x, _ in made) < AT[0] + 700.0  # the other quarter is found
    whole = run(after)
    for name in ("surfaces", "buildings", "surface_light"):
        for column in whole.tables[name]:
            assert_array_equal(pieced.tables[name][column].to_numpy(), whole.tables[name][column].to_numpy(), column)


def test_a_building_that_goes_leaves_the_rest_as_it_was(tmp_path, wide_town, monkeypatch):
    from dothi.sun import tiles

    with kept_in(tmp_path):
        run(town(wide_town, WEATHER))
        made = []
        real = tiles.see_tile
        monkeypatch.setattr(tiles, "see_tile", lambda task, tile: made.append(tile.origin) or real(task, tile))
        run(town(wide_town[1:], WEATHER))
    assert max(x for x, _ in made) < AT[0] + 700.0


def test_rays_and_horizons_agree():
    pytest.importorskip("embreex")
    city = town(quarter(40), WEATHER)
    prisms, mesh = run(city, back_end="prisms"), run(city, back_end="mesh")
    assert mesh.diagnostics["back_end"] == "mesh"
    wall = prisms.tables["surface_light"]["kind"].to_numpy() == "wall"
    one, other = (r.tables["surfaces"]["irradiation_kwh_m2"].to_numpy() for r in (prisms, mesh))
    for use, most in ((wall, 0.03), (~wall, 0.01)):
        assert np.abs(one - other)[use].mean() / one[use].mean() < most
    for column in ("bounce_ground_sky", "bounce_wall_sky"):
        one, other = (r.tables["surface_light"][column].to_numpy() for r in (prisms, mesh))
        assert abs(one.mean() - other.mean()) < 0.35 * one.mean()


def test_a_crown_lets_its_share_of_light_through():
    pytest.importorskip("embreex")
    city = boxes((0, 0, 20, 20, 10))
    tree = gpd.GeoDataFrame(
        {"height_m": [20.0], "crown_diameter_m": [14.0]}, geometry=[shapely.Point(AT[0] + 10, AT[1] - 8)], crs=CRS
    )
    tree = city.with_tables(trees=tree)
    row = facing(run(city), 180.0)
    free, thick, thin, through = (
        run(c, back_end="mesh", crown_transmission=t).tables["surfaces"]["irradiation_kwh_m2"][row]
        for c, t in ((city, 0.0), (tree, 0.0), (tree, 0.5), (tree, 1.0))
    )
    assert thick < 0.8 * free
    assert_allclose(thin, (thick + through) / 2.0, rtol=0.02)
    assert_allclose(through, free, rtol=1e-3)
    assert_allclose(run(tree).tables["surfaces"]["irradiation_kwh_m2"][row], free, rtol=0.01)  # auto: prisms, no trees


def test_crowns_have_the_volume_of_their_ellipsoid():
    triangles = rays._sphere()
    assert len(triangles) == 80
    assert_allclose(np.abs(np.linalg.det(triangles)).sum() / 6.0, 4.0 / 3.0 * np.pi, rtol=1e-12)


def gabled(city):
    """A city whose first building has a modelled pitched roof, ridge from west to east."""
    w, s, e, n, h, ridge = 0.0, 0.0, 20.0, 12.0, 6.0, 10.0
    x, y = AT
    m = (s + n) / 2

    def face(*corners):
        return shapely.Polygon([(x + a, y + b, c) for a, b, c in corners])

    shapes = [
        face((w, s, 0), (e, s, 0), (e, s, h), (w, s, h)),
        face((e, n, 0), (w, n, 0), (w, n, h), (e, n, h)),
        face((e, s, 0), (e, n, 0), (e, n, h), (e, m, ridge), (e, s, h)),
        face((w, n, 0), (w, s, 0), (w, s, h), (w, m, ridge), (w, n, h)),
        face((w, s, h), (e, s, h), (e, m, ridge), (w, m, ridge)),
        face((e, n, h), (w, n, h), (w, m, ridge), (e, m, ridge)),
        face((w, s, 0), (w, n, 0), (e, n, 0), (e, s, 0)),
    ]
    kinds = ["wall"] * 4 + ["roof"] * 2 + ["ground"]
    drawn = gpd.GeoDataFrame(
        {"building_id": 0, "kind": kinds, "lod": "2", "method": "source"}, geometry=shapes, crs=CRS
    )
    city = city.with_tables(surfaces=drawn)
    return city.with_tables(surfaces=surface_table(city))


def leaning(base_m, houses=()):
    """Building 10 m high whose four walls lean from a square of a size to one of 20 m, and boxes around it."""
    x, y = AT
    low, high = (np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * side / 2.0 for side in (base_m, 20.0))
    faces = []
    for a, b in ((0, 1), (1, 2), (2, 3), (3, 0)):
        corners = [(*low[a], 0.0), (*low[b], 0.0), (*high[b], 10.0), (*high[a], 10.0)][(0 if base_m else 1) :]
        faces.append(shapely.Polygon([(x + px, y + py, pz) for px, py, pz in corners]))
    side = max(base_m, 20.0) / 2.0
    city = boxes((-side, -side, side, side, 10.0), *houses)
    drawn = {"building_id": 0, "kind": ["wall"] * 4, "lod": "2", "method": "source"}
    city = city.with_tables(surfaces=gpd.GeoDataFrame(drawn, geometry=faces, crs=CRS))
    city = city.with_tables(surfaces=surface_table(city))
    chosen, params = chosen_of(city), SunParams(back_end="prisms")
    seen, _, _ = look(city, chosen, sky_of(WEATHER, site_of(city)), params)
    mine = city["surfaces"]["building_id"].to_numpy() == 0
    return chosen, seen, np.flatnonzero(mine)


LEANING = pytest.mark.parametrize(("base_m", "tilt_deg"), [(40.0, 45.0), (0.0, 135.0)])


def test_points_lie_within_turned_houses_as_shapely_says():
    turned = shapely.affinity.rotate(shapely.box(0, 0, 30, 12), 33.0)
    drawn = [shapely.affinity.translate(turned, *AT), shapely.affinity.translate(turned, AT[0] + 40.0, AT[1])]
    city = boxes((0, 0, 10, 10, 10), (40, 0, 50, 10, 20))
    city = city.with_tables(buildings=city["buildings"].set_geometry(drawn, crs=CRS))
    obstacles = obstacles_of(prisms_of(city, modelled=True), city["buildings"].index.to_numpy(dtype=np.int64))
    box = (AT[0] - 20.0, AT[1] - 20.0, AT[0] + 90.0, AT[1] + 40.0)
    scene = scene_of(*around(obstacles, box, 50.0), box, AT)
    at = np.random.default_rng(4).uniform((-10, -10, 0), (80, 30, 25), (3000, 3))
    enclosed = np.zeros(len(at), dtype=bool)
    find_enclosed(scene, at, np.full(len(at), -1), enclosed)
    inside = [
        shapely.contains_xy(shape, *(at[:, :2] + AT).T) & (at[:, 2] < top)
        for shape, top in zip(drawn, (10, 20), strict=True)
    ]
    assert enclosed.any()
    assert_array_equal(enclosed, np.logical_or(*inside))


@LEANING
def test_a_leaning_plane_sees_the_sky_and_the_ground_of_its_tilt(base_m, tilt_deg):
    """Isotropic view factors of a plane in the open, (1 ± cos β) / 2: walls that lean in, and out."""
    chosen, seen, rows = leaning(base_m)
    assert_allclose(chosen.normal[rows, 2], np.cos(np.radians(tilt_deg)), atol=1e-6)
    share = (1.0 + np.cos(np.radians(tilt_deg))) / 2.0
    assert_allclose(seen.factor[rows, 0], share, atol=2e-3)
    assert_allclose(seen.factor[rows, 1], 1.0 - share, atol=2e-3)


@LEANING
def test_leaning_planes_among_houses_see_what_rays_see(base_m, tilt_deg):
    houses = [
        (-60, 32, 60, 44, 7),
        (-60, -52, 60, -40, 30),
        (30, -20, 42, 20, 14),
        (-48, -30, -33, -5, 22),
        (-48, 5, -40, 30, 9),
    ]
    chosen, seen, rows = leaning(base_m, houses)
    sky = points_of(1, 4)
    for row in rows:
        sensors = sensors_on(chosen.shapes[[row]], chosen.normal[[row]], np.array([4.0]))
        at = sensors.at - np.array([*AT, 0.0])
        for_sky = np.maximum(sky.towards[:, 0] @ chosen.normal[row], 0.0) * sky.solid_angle / np.pi
        hidden = blocked(at, sky.towards[:, 0], np.array(houses, dtype=float))
        assert_allclose(seen.factor[row, 0], sensors.weight @ (~hidden @ for_sky) / sensors.weight.sum(), atol=0.006)


@pytest.mark.parametrize("back_end", ["prisms", "mesh"])
def test_a_pitched_roof_has_the_light_of_its_slope(back_end):
    pytest.importorskip("embreex")
    city = gabled(boxes((0, 0, 20, 12, 8)))
    result = run(city, back_end=back_end, ground_albedo=0.0, wall_albedo=0.0)
    light = result.tables["surface_light"]
    roof = light["kind"].to_numpy() == "roof"
    assert_allclose(np.sort(light["tilt_deg"][roof]), np.degrees(np.arctan2(4.0, 6.0)), rtol=1e-6)
    free = Light.unobstructed(light.drop(columns=["sky", "sun"]), WEATHER, site_of(city), 0.0).annual()
    got = result.tables["surfaces"]["irradiation_kwh_m2"].to_numpy()
    assert_allclose(got[roof], free[roof], rtol=0.01)
    assert (result.tables["surface_light"]["lit_area_m2"][roof] > 140.0).all()
    assert result.tables["buildings"]["roof_irradiation_kwh_m2"][0] == pytest.approx(got[roof].mean(), rel=1e-6)


def test_without_embree_meshes_are_refused_and_auto_says_what_it_does(monkeypatch):
    monkeypatch.setattr(rays, "have_embree", lambda: False)
    city = gabled(boxes((0, 0, 20, 12, 8)))
    with pytest.raises(EngineMissingError, match=r"dothi\[mesh\]"):
        run(city, back_end="mesh")
    result = run(city)
    assert result.diagnostics["back_end"] == "prisms"
    assert "dothi[mesh]" in result.diagnostics["notes"][0]


def test_a_city_that_keeps_no_surfaces_has_those_of_its_prisms():
    city = boxes((0, 0, 20, 20, 10), (30, 0, 50, 20, 10))
    bare = city.with_tables(surfaces=city["surfaces"].iloc[:0])
    one, other = run(city), run(bare)
    assert_array_equal(one.tables["surfaces"].to_numpy(), other.tables["surfaces"].to_numpy())


def test_hours_of_sun_on_a_day_are_those_of_the_sky_and_fewer_behind_a_house():
    city = boxes((0, 0, 60, 20, 30))
    at = np.array([[30.0, 300.0, 0.05], [30.0, 25.0, 0.05], [30.0, 10.0, 0.05]]) + np.array([*AT, 0.0])
    day = date(2026, 12, 21)
    hours = sun_hours_h(city, at, np.zeros((3, 3)), day)
    assert hours[0] == pytest.approx(10.8, abs=0.35)  # 2/15 arccos(tan φ tan δ), and refraction
    assert 0.0 <= hours[1] < 4.0
    assert hours[2] == 0.0  # within the house
    north = sun_hours_h(city, at[:1], np.array([[0.0, 1.0, 0.0]]), day)
    assert north[0] == 0.0


def test_shadow_lies_away_from_the_sun_as_long_as_the_sun_is_low():
    level = np.zeros((120, 120))
    level[58:62, 58:62] = 20.0
    surface = raster(level, 1.0)
    city = boxes((0, 0, 120, 120, 1)).with_rasters(surface=surface)
    time = datetime(2026, 12, 21, 5, 0, tzinfo=UTC)
    sun = suns_at([time], site_of(city))[0]
    dark = shadow_mask(city, time)
    area = float(dark.sum())
    length = 20.0 * np.hypot(sun[0], sun[1]) / sun[2]
    width = 4.0 * (abs(sun[0]) + abs(sun[1])) / np.hypot(sun[0], sun[1])
    assert area == pytest.approx(length * width, rel=0.15)
    y, x = np.nonzero(dark.to_numpy())
    middle = np.array([x.mean() - 59.5, 59.5 - y.mean()])
    assert middle @ sun[:2] < 0.0
    night = shadow_mask(city, datetime(2026, 12, 21, 18, 0, tzinfo=UTC))
    assert (night.to_numpy() == 1.0).all()


def test_sky_seen_at_the_middle_of_a_street_is_that_of_the_closed_form():
    level = np.zeros((61, 401))
    level[:20], level[41:] = 15.0, 15.0
    surface = raster(level, 1.0)
    view = sky_view(boxes((0, 0, 400, 60, 1)), surface, azimuths=64)
    middle = float(view.to_numpy()[30, 200])
    assert middle == pytest.approx(11.0 / np.hypot(11.0, 15.0), abs=0.02)  # cos of the height of the edges, 11 m away
    assert float(view.to_numpy()[5, 200]) == pytest.approx(1.0, abs=1e-6)


def test_local_means_are_sums_with_neighbours():
    cells = cells_over(np.array([[0.0, 0.0], [2.8, 1.8]]) * CELL_M)
    assert (cells.columns, cells.rows) == (3, 2)
    found = cells.around(np.array([0.0, 1.0, 0.0, 0.0, 0.0, 0.0]))
    assert_allclose(found, np.array([2.0, 4.0, 2.0, 1.0, 2.0, 1.0]) / 16.0)
