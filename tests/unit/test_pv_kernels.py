"""Kernels of solar modules against pvlib, and terms that it does not have against closed forms."""

import numpy as np
import pandas as pd
import pvlib
import pytest
from numpy.testing import assert_allclose

from dothi.pv import kernels, modules, rows

N_HOURS = 24 * 14


@pytest.fixture(scope="module")
def hours():
    """Two weeks of plausible light, weather and sun on a plane of 30° that faces south."""
    rng = np.random.default_rng(7)
    times = pd.date_range("2001-06-20 00:30", periods=N_HOURS, freq="h", tz="UTC")
    sun = pvlib.solarposition.get_solarposition(times, 47.2, -1.55)
    zenith, azimuth = np.radians(sun["apparent_zenith"]), np.radians(sun["azimuth"])
    up = (sun["apparent_zenith"] < 90.0).to_numpy()
    vector = np.column_stack([np.sin(zenith) * np.sin(azimuth), np.sin(zenith) * np.cos(azimuth), np.cos(zenith)])
    beam = np.where(up, rng.uniform(0.0, 950.0, N_HOURS), 0.0).astype(np.float32)
    diffuse = np.where(up, rng.uniform(0.0, 400.0, N_HOURS), 0.0).astype(np.float32)
    return {
        "times": times,
        "sun": vector,
        "zenith": sun["apparent_zenith"].to_numpy(),
        "azimuth": sun["azimuth"].to_numpy(),
        "beam": beam,
        "diffuse": diffuse,
        "air": rng.uniform(-5.0, 38.0, N_HOURS),
        "wind": rng.uniform(0.0, 9.0, N_HOURS),
    }


def power(hours, mount="rack", model="sapm", glass=1.0, seen=1.0, shade=None, kept=1.0, gamma=-0.0035, ratio=1.2):
    """Power of one array of 30° that faces south, for a watt of peak power."""
    slope = np.radians(30.0)
    shades = np.zeros((2, N_HOURS)) if shade is None else np.vstack([np.zeros(N_HOURS), shade])
    eta, reference = modules.INVERTER
    out = np.full((1, N_HOURS), -1.0, dtype=np.float32)
    kernels.unit_power(
        hours["beam"][None],
        hours["diffuse"][None],
        np.array([[0.0, -np.sin(slope), np.cos(slope)]]),
        hours["sun"],
        np.arange(N_HOURS),
        np.array([0 if shade is None else 1]),
        shades,
        np.array([seen]),
        np.array([glass]),
        np.array([modules.MOUNTS.index(mount)]),
        modules.warming(hours["wind"], model),
        hours["air"],
        modules.glass(),
        gamma,
        kept,
        np.array([1.0 / ratio / eta, eta, reference]),
        out,
    )
    return out[0].astype(float)


def by_pvlib(hours, mount="rack", model="sapm", glass=1.0, seen=1.0, shade=0.0, kept=1.0, gamma=-0.0035, ratio=1.2):
    """The same by functions of pvlib."""
    beam = hours["beam"].astype(float) * (1.0 - shade)
    diffuse = hours["diffuse"].astype(float) * seen
    angle = pvlib.irradiance.aoi(30.0, 180.0, hours["zenith"], hours["azimuth"])
    useful = beam * pvlib.iam.physical(angle, *modules.PANE) + diffuse * glass
    total = beam + diffuse
    if model == "sapm":
        named = {"rack": "open_rack_glass_polymer", "roof": "close_mount_glass_glass"}
        named["facade"] = "insulated_back_glass_polymer"
        known = pvlib.temperature.TEMPERATURE_MODEL_PARAMETERS["sapm"][named[mount]]
        cell = pvlib.temperature.sapm_cell(total, hours["air"], hours["wind"], **known)
    else:
        cell = pvlib.temperature.faiman(total, hours["air"], hours["wind"])
    dc = pvlib.pvsystem.pvwatts_dc(useful, cell, 1.0, gamma) * kept
    return pvlib.inverter.pvwatts(dc, 1.0 / ratio / modules.INVERTER[0], *modules.INVERTER)


CASES = [
    {},
    {"mount": "roof"},
    {"mount": "facade"},
    {"model": "faiman"},
    {"glass": 0.94},
    {"seen": 0.9},
    {"kept": 0.88},
    {"gamma": -0.0045},
    {"ratio": 1.6},
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_power_is_that_of_pvlib(hours, case):
    """To a millionth of the peak power."""
    assert_allclose(power(hours, **case), by_pvlib(hours, **case), rtol=1e-6, atol=1e-7)


def test_shade_of_rows_takes_beam_only(hours):
    shade = np.linspace(0.0, 1.0, N_HOURS)
    assert_allclose(power(hours, shade=shade), by_pvlib(hours, shade=shade), rtol=1e-6, atol=1e-7)


def test_power_is_that_of_a_pvlib_model_chain(hours):
    """Chain of PVWatts from light on the plane; it puts no glass before diffuse light."""
    mount = pvlib.pvsystem.FixedMount(30.0, 180.0)
    system = pvlib.pvsystem.PVSystem(
        arrays=[
            pvlib.pvsystem.Array(
                mount,
                module_parameters={"pdc0": 1.0, "gamma_pdc": -0.0035},
                temperature_model_parameters=pvlib.temperature.TEMPERATURE_MODEL_PARAMETERS["sapm"][
                    "open_rack_glass_polymer"
                ],
            )
        ],
        inverter_parameters={"pdc0": 1.0 / 1.2 / 0.96},
        losses_parameters={"shading": 0.0},
    )
    chain = pvlib.modelchain.ModelChain(
        system,
        pvlib.location.Location(47.2, -1.55),
        aoi_model="physical",
        spectral_model="no_loss",
        losses_model="pvwatts",
    )
    data = pd.DataFrame(
        {
            "poa_direct": hours["beam"].astype(float),
            "poa_diffuse": hours["diffuse"].astype(float),
            "poa_global": hours["beam"].astype(float) + hours["diffuse"],
            "temp_air": hours["air"],
            "wind_speed": hours["wind"],
        },
        index=hours["times"],
    )
    chain.run_model_from_poa(data)
    place = chain.results.solar_position  # refracted by the air of each hour
    zenith, azimuth = np.radians(place["apparent_zenith"]), np.radians(place["azimuth"])
    sun = np.column_stack([np.sin(zenith) * np.sin(azimuth), np.sin(zenith) * np.cos(azimuth), np.cos(zenith)])
    found = power(hours | {"sun": sun}, kept=modules.kept_share())
    assert_allclose(found, chain.results.ac.to_numpy(), rtol=1e-6, atol=1e-7)


def test_losses_are_those_of_pvwatts_without_shading():
    assert modules.kept_share() == pytest.approx(1.0 - pvlib.pvsystem.pvwatts_losses(shading=0.0) / 100.0, rel=1e-12)


def test_glass_passes_light_as_pvlib_has_it():
    angles = np.linspace(0.0, 89.99, 400)
    found = [kernels.through_glass(np.cos(np.radians(angle)), *modules.PANE) for angle in angles]
    assert_allclose(found, pvlib.iam.physical(angles, *modules.PANE), rtol=1e-9, atol=1e-12)
    assert kernels.through_glass(-0.5, *modules.PANE) == kernels.through_glass(0.0, *modules.PANE) == 0.0


def test_lines_between_points_of_the_table_of_glass_are_near_enough():
    cosine = np.linspace(0.0, 1.0, 99_991)
    known = pvlib.iam.physical(np.degrees(np.arccos(cosine)), *modules.PANE)
    found = np.interp(cosine, np.linspace(0.0, 1.0, modules.GLASS_POINTS), modules.glass())
    assert np.abs(found - known).max() < 4e-7


def test_diffuse_light_through_glass_is_weighted_by_what_a_plane_sees():
    marion = pvlib.iam.marion_diffuse("physical", 90.0)
    found = modules.diffuse_share(np.array([90.0, 20.0, 20.3]))
    assert found[0] == pytest.approx((marion["sky"] + marion["ground"]) / 2.0)
    up = (1.0 + np.cos(np.radians(20.0))) / 2.0
    marion = pvlib.iam.marion_diffuse("physical", 20.0)
    assert_allclose(found[1:], up * marion["sky"] + (1.0 - up) * marion["ground"])
    assert 0.9 < modules.diffuse_share(np.array([0.0]))[0] < 1.0


def test_wind_that_is_not_known_is_the_usual_one():
    weather = pd.DataFrame({"air_temperature_c": [10.0, 20.0], "wind_speed_m_s": [np.nan, 3.0]})
    air, wind = modules.air_and_wind(weather, 1.5)
    assert (air.tolist(), wind.tolist()) == ([10.0, 20.0], [1.5, 3.0])
    assert modules.air_and_wind(weather.drop(columns="wind_speed_m_s"), 1.5)[1].tolist() == [1.5, 1.5]


def test_rows_shade_each_other_as_pvlib_has_it():
    """A year at Nantes. pvlib turns rows about an axis; theirs runs west to east here."""
    times = pd.date_range("2001-01-01 00:30", periods=8760, freq="h", tz="UTC")
    place = pvlib.solarposition.get_solarposition(times, 47.2, -1.55)
    zenith, azimuth = place["apparent_zenith"].to_numpy(), place["azimuth"].to_numpy()
    flat, turn = np.sin(np.radians(zenith)), np.radians(azimuth)
    sun = np.column_stack([flat * np.sin(turn), flat * np.cos(turn), np.cos(np.radians(zenith))])
    tilt, spacing = 15.0, 1.4
    found = rows.shaded(sun, (0.0, -1.0), tilt, spacing)
    known = pvlib.shading.shaded_fraction1d(
        zenith, azimuth, 90.0, tilt, collector_width=1.0, pitch=spacing, axis_tilt=0.0
    )
    south = (zenith < 90.0) & (sun[:, 1] < 0.0)
    assert (found[south] > 0.01).sum() > 500
    assert_allclose(found[south], known[south], atol=1e-9)
    assert not found[~south].any()  # from behind, and at night, none


def test_rows_are_as_far_apart_as_noon_of_the_shortest_day_needs():
    """By hand: the sun stands 90° − φ − 23.44° high."""
    for latitude in (10.8, 21.0, 47.2):
        height = np.radians(90.0 - latitude - rows.WINTER_DEG)
        by_hand = np.cos(np.radians(10.0)) + np.sin(np.radians(10.0)) / np.tan(height)
        assert rows.pitch(latitude, 10.0) == pytest.approx(by_hand, rel=1e-12)
        assert rows.pitch(-latitude, 10.0) == rows.pitch(latitude, 10.0)
    assert rows.pitch(47.2, 0.0) == pytest.approx(1.0)
    assert rows.pitch(47.2, 10.0, 2.0) > rows.pitch(47.2, 10.0, 0.0)
    assert rows.pitch(70.0, 10.0) == np.inf


def test_rows_so_far_apart_just_touch_the_shadow():
    """At noon of the shortest day the shadow of a row ends at the foot of the next."""
    height = np.radians(90.0 - 47.2 - rows.WINTER_DEG)
    sun = np.array([[0.0, -np.cos(height), np.sin(height)]])
    spacing = rows.pitch(47.2, 20.0)
    assert rows.shaded(sun, (0.0, -1.0), 20.0, spacing)[0] == pytest.approx(0.0, abs=1e-12)
    assert rows.shaded(sun, (0.0, -1.0), 20.0, 0.98 * spacing)[0] > 0.01


def test_rows_leave_each_other_less_sky_the_closer_they_stand():
    far, near = rows.sky_left(20.0, 3.0), rows.sky_left(20.0, 1.2)
    assert 0.9 < near < far < 1.0
    assert rows.sky_left(0.0, 1.2) == rows.sky_left(20.0, np.inf) == 1.0


def test_what_a_building_uses_of_its_own_power_is_summed_by_month():
    load = np.array([[100.0, 100.0, 0.0, 50.0]], dtype=np.float32)
    made = np.array([[40.0, 300.0, 80.0, -5.0]], dtype=np.float32)
    used, out, paid = (np.full((1, 12), -1.0) for _ in range(3))
    kernels.matched(load, made, np.array([0.5]), np.array([30.0]), np.array([0, 0, 1, 1]), used, out, paid)
    assert (used[0, :3].tolist(), out[0, :3].tolist(), paid[0, :3].tolist()) == ([120, 0, 0], [50, 40, 0], [30, 30, 0])
    assert used.sum() + out.sum() == 0.5 * 420.0


def test_arrays_add_up_to_their_buildings():
    power = np.array([[0.5, 0.0], [0.25, 1.0], [1.0, 1.0]], dtype=np.float32)
    out = np.ones((2, 2), dtype=np.float32)
    kernels.add_arrays(power, np.array([10.0, 4.0, 1.0]), np.array([1, 1, 0]), out)
    assert out.tolist() == [[2.0, 2.0], [7.0, 5.0]]


def test_light_too_faint_for_the_inverter_gives_nothing(hours):
    """Below 0.6 % of its rating the inverter of PVWatts takes more than it gives."""
    faint = {"beam": np.zeros(N_HOURS, np.float32), "diffuse": np.linspace(0.0, 12.0, N_HOURS, dtype=np.float32)}
    found, known = power(hours | faint), by_pvlib(hours | faint)
    assert (found >= 0.0).all()
    assert (found[faint["diffuse"] < 4.0] == 0.0).all()
    assert found.max() > 0.0
    assert_allclose(found, known, atol=1e-7)
