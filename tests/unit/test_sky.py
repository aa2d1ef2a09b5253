import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from dothi.errors import InputError
from dothi.packed import packed
from dothi.sky import Light, Site, plane_irradiance, sun_path
from dothi.sky.bins import sun_bins
from dothi.sky.dome import sky_of
from dothi.sky.luminance import radiance
from dothi.sky.patches import N_PATCHES, points_of
from dothi.sky.position import site_of
from dothi.sky.transposition import clearness, extra_normal_of

HANOI = Site(21.03, 105.85)
NANTES = Site(47.2, -1.55)


def clear_year(site, hours=8760):
    """A year without clouds: sun through a simple atmosphere, a tenth of it scattered."""
    weather = pd.DataFrame({"time": pd.date_range("2001-01-01", periods=hours, freq="h", tz="UTC")})
    path = sun_path(weather, site.latitude, site.longitude)
    height = np.where(path.up, np.cos(np.radians(path.zenith_deg)), 0.0)
    dni = np.where(height > 0.0, 1000.0 * np.exp(-0.15 / np.maximum(height, 0.02)), 0.0)
    dhi = 100.0 * np.sqrt(height)
    return weather.assign(dni_w_m2=dni, dhi_w_m2=dhi, ghi_w_m2=dni * height + dhi)


def planes(tilt, azimuth, n=1):
    return pd.DataFrame(
        {"building_id": 0, "kind": "wall", "tilt_deg": float(tilt), "azimuth_deg": float(azimuth), "lit_area_m2": 1.0},
        index=pd.RangeIndex(n),
    )


def test_the_sun_stands_where_pvlib_has_it_in_the_middle_of_the_hour():
    import pvlib

    weather = clear_year(HANOI)
    path = sun_path(weather, HANOI.latitude, HANOI.longitude)
    middle = pd.DatetimeIndex(weather["time"]) + pd.Timedelta(minutes=30)
    known = pvlib.solarposition.get_solarposition(middle, HANOI.latitude, HANOI.longitude)
    high = known["apparent_zenith"].to_numpy() < 74.0
    assert high.sum() > 3000
    assert_allclose(path.zenith_deg[high], known["apparent_zenith"].to_numpy()[high], atol=1e-12)
    assert_allclose(path.azimuth_deg[high], known["azimuth"].to_numpy()[high], atol=1e-12)


def test_an_hour_of_sunrise_stands_for_the_part_with_sun():
    weather = clear_year(NANTES)
    path = sun_path(weather, NANTES.latitude, NANTES.longitude)
    rises = np.flatnonzero(path.up[1:] & ~path.up[:-1]) + 1
    assert len(rises) == 365
    assert (path.zenith_deg[rises] < 90.0).all()
    assert (path.zenith_deg[rises] > 82.0).all()
    assert path.up.sum() > (path.zenith_deg < 90.0).sum() - 1
    assert (path.zenith_deg[path.up] < 90.0).all()


def test_diffuse_light_on_planes_is_that_of_pvlib():
    import pvlib

    weather = clear_year(HANOI)
    weather["dhi_w_m2"] *= np.random.default_rng(1).uniform(0.3, 4.0, len(weather))  # all classes of clearness
    weather["dni_w_m2"] *= np.random.default_rng(2).uniform(0.0, 1.0, len(weather)) ** 2
    path = sun_path(weather, HANOI.latitude, HANOI.longitude)
    mass = pvlib.atmosphere.get_relative_airmass(path.zenith_deg)
    for tilt, azimuth in ((90.0, 180.0), (90.0, 0.0), (30.0, 75.0), (0.0, 0.0)):
        beam, diffuse, ground = plane_irradiance(weather, HANOI.latitude, HANOI.longitude, tilt, azimuth, 0.3)
        known = pvlib.irradiance.get_total_irradiance(
            tilt,
            azimuth,
            path.zenith_deg,
            path.azimuth_deg,
            *(weather[f"{name}_w_m2"].to_numpy() for name in ("dni", "ghi", "dhi")),
            dni_extra=extra_normal_of(weather),
            airmass=mass,
            albedo=0.3,
            model="perez",
        )
        up = path.up
        assert_allclose(diffuse[0, up], known["poa_sky_diffuse"][up], rtol=1e-9, atol=1e-9)
        assert_allclose(beam[0, up], known["poa_direct"][up], rtol=1e-9, atol=1e-9)
        assert_allclose(ground[0], known["poa_ground_diffuse"], rtol=1e-12)
    zenith = np.radians(path.zenith_deg)
    group = clearness(weather["dni_w_m2"].to_numpy(), weather["dhi_w_m2"].to_numpy(), zenith)[path.up]
    assert set(np.digitize(group, [1.065, 1.23, 1.5, 1.95, 2.8, 4.5, 6.2])) == set(range(8))


def test_patches_cover_the_sky_once():
    for split, n in ((1, 145), (2, 577), (4, 2305)):
        points = points_of(3, split)
        assert len(points.solid_angle) == n
        assert_allclose(points.solid_angle.sum(), 2.0 * np.pi, rtol=1e-12)
        assert_allclose(np.linalg.norm(points.towards, axis=2), 1.0)
        level = (points.solid_angle * points.towards[:, :, 2].mean(axis=1)).sum()
        assert_allclose(level, np.pi, rtol=1e-12)


def test_the_sky_gives_the_level_plane_its_diffuse_light():
    weather = clear_year(NANTES)
    sky = sky_of(weather, NANTES)
    points = points_of(3)
    level = (points.solid_angle * points.towards[:, :, 2].mean(axis=1)) @ sky.radiance
    assert_allclose(level, sky.dhi, rtol=1e-4)


def test_the_sky_is_brightest_round_the_sun():
    sun = np.array([[0.6, 0.0, 0.8]])
    found = radiance(points_of(2), sun, np.array([6.0]), np.array([0.1]), np.array([100.0]))[:, 0]
    towards = points_of(1).towards[:, 0]
    assert towards[found.argmax()] @ sun[0] > 0.97
    assert found.max() > 4.0 * np.median(found)


def test_a_place_of_the_sun_is_small():
    weather = clear_year(NANTES)
    sky = sky_of(weather, NANTES)
    assert 300 < sky.places < 450
    middle = np.array([sky.sun[sky.place == k].mean(axis=0) for k in range(sky.places)])
    apart = np.degrees(np.arccos(np.clip((sky.sun * middle[sky.place]).sum(axis=1), -1.0, 1.0)))
    assert np.percentile(apart, 95) < 4.0
    assert (sun_bins(weather) >= 0).all()


def test_light_in_the_open_is_beam_and_sky_and_ground():
    weather = clear_year(NANTES)
    surfaces = pd.concat([planes(90, 180), planes(90, 20), planes(0, np.nan)], ignore_index=True)
    light = Light.unobstructed(surfaces, weather, NANTES, albedo=0.25)
    beam, _, ground = plane_irradiance(
        weather, NANTES.latitude, NANTES.longitude, surfaces["tilt_deg"], surfaces["azimuth_deg"], 0.25
    )
    got_beam, got_other = light.split()
    assert_allclose(got_beam, beam, atol=0.01)
    parts = light.annual_parts()
    assert_allclose(parts[:, 0], beam.sum(axis=1) / 1e3, rtol=1e-4)
    assert_allclose(parts[:, 2], ground.sum(axis=1) / 1e3, rtol=1e-2)
    assert_allclose(light.hourly(), got_beam + got_other, rtol=1e-5)
    assert_allclose(light.annual(), light.hourly().sum(axis=1, dtype=float) / 1e3, rtol=1e-5)
    assert_allclose(light.annual()[2], weather["ghi_w_m2"].sum() / 1e3, rtol=1e-3)


def test_what_is_hidden_is_dark():
    weather = clear_year(NANTES)
    surfaces = planes(90, 180, 2)
    open_light = Light.unobstructed(surfaces, weather, NANTES)
    sky = np.full((2, N_PATCHES), 255, dtype=np.uint8)
    sun = np.full((2, open_light.sky.places), 255, dtype=np.uint8)
    sky[1], sun[1] = 0, 0
    columns = dict.fromkeys(("bounce_ground_beam", "bounce_ground_sky", "bounce_wall_beam", "bounce_wall_sky"), 0.0)
    table = surfaces.assign(sky=packed(sky, surfaces.index), sun=packed(sun, surfaces.index), **columns)
    light = Light(table, weather, NANTES)
    assert not light.hourly([1]).any()
    assert light.annual()[0] > 500.0
    walls = Light(table.assign(bounce_wall_beam=0.1), weather, NANTES).annual_parts()[1]
    north = plane_irradiance(weather, NANTES.latitude, NANTES.longitude, 90.0, 0.0)[0].sum() / 1e3
    assert walls[2] > 0.05 * north  # what faces a southern wall looks north, or nearly so
    assert walls[0] == walls[1] == 0.0
    for name in columns:
        lit = Light(table.assign(**{name: 0.1}), weather, NANTES)
        parts = lit.annual_parts()[1]
        assert parts[2] > 10.0
        assert_allclose(lit.hourly([1]).sum(dtype=float) / 1e3, parts[2], rtol=1e-4)


def test_sums_of_groups_are_sums_of_surfaces():
    weather = clear_year(NANTES)
    surfaces = pd.concat([planes(90, a) for a in (0, 90, 180)], ignore_index=True)
    light = Light.unobstructed(surfaces, weather, NANTES)
    hourly = light.hourly()
    found = light.summed(slice(None), np.array([0, 1, 1]), np.array([2.0, 1.0, 3.0]), 2)
    assert_allclose(found[0], 2.0 * hourly[0], rtol=1e-5)
    assert_allclose(found[1], hourly[1] + 3.0 * hourly[2], rtol=1e-5)


def test_true_north_is_turned_into_grid_north_once():
    weather = clear_year(NANTES)
    turned = Site(NANTES.latitude, NANTES.longitude, 30.0)
    surfaces = planes(90, 135)
    assert_allclose(
        Light.unobstructed(surfaces, weather, turned).annual(),
        Light.unobstructed(surfaces, weather, NANTES).annual(),
        rtol=2e-3,
    )


def test_true_north_at_nantes_lies_east_of_the_north_of_lambert_93():
    from dothi.city import City

    city = City("", "fr", "EPSG:2154", (354000.0, 6688000.0, 356000.0, 6690000.0))
    site = site_of(city)
    assert site.convergence_deg == pytest.approx(3.31, abs=0.02)  # (3° − λ) sin 46.5° of the projection's definition
    assert site.latitude == pytest.approx(47.21, abs=0.02)


def test_visibility_of_other_weather_is_refused():
    weather = clear_year(NANTES)
    light = Light.unobstructed(planes(90, 0), weather, NANTES)
    table = planes(90, 0).assign(
        sky=packed(np.full((1, N_PATCHES), 255, dtype=np.uint8), pd.RangeIndex(1)),
        sun=packed(np.full((1, light.sky.places + 1), 255, dtype=np.uint8), pd.RangeIndex(1)),
        **dict.fromkeys(("bounce_ground_beam", "bounce_ground_sky", "bounce_wall_beam", "bounce_wall_sky"), 0.0),
    )
    with pytest.raises(InputError, match="made for this weather"):
        Light(table, weather, NANTES)
