"""Sun on a dense quarter against Radiance: skipped where pyradiance, which brings its programs, is not installed."""

import importlib.util
import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dothi.sky import site_of
from dothi.sky.dome import sky_of
from dothi.sky.luminance import radiance as radiance_of
from dothi.sky.patches import points_of
from dothi.sky.position import sun_path
from dothi.sky.transposition import brightness, clearness, extra_normal_of
from dothi.sun.model import SunModel, SunParams
from dothi.sun.sensors import sensors_on
from dothi.sun.surfaces import chosen_of
from dothi.verify.sun import AT, clear_year, quarter, town

WEATHER = clear_year()
GROUND, WALL = 0.2, 0.3
SPACING_M = 2.0


@pytest.fixture(scope="module")
def radiance():
    spec = importlib.util.find_spec("pyradiance")
    if spec is None:
        pytest.skip("pyradiance is not installed")
    home = Path(spec.origin).parent

    def call(*command, text=None):
        folder = str(home / "bin")
        environment = os.environ | {"RAYPATH": str(home / "lib"), "PATH": f"{folder}:{os.environ['PATH']}"}
        done = subprocess.run(
            [str(home / "bin" / command[0]), *command[1:]], input=text, capture_output=True, env=environment
        )
        assert done.returncode == 0, done.stderr.decode()[-500:]
        return done.stdout

    return call


def numbers(raw):
    """Header and rows of a matrix in the format of Radiance, floats of three channels."""
    at = raw.index(b"\n\n") + 2
    words = dict(line.split("=", 1) for line in raw[:at].decode().splitlines() if "=" in line)
    return np.frombuffer(raw[at:], dtype=np.float32).reshape(int(words["NROWS"]), int(words["NCOLS"]), 3)[:, :, 0]


def sky_file(folder):
    """Weather as gendaymtx reads it: local time of the middle of each hour, direct and diffuse light."""
    local = pd.DatetimeIndex(WEATHER["time"]) + pd.Timedelta(hours=7, minutes=30)
    rows = [
        f"{t.month} {t.day} {t.hour + t.minute / 60:.3f} {dni:.1f} {dhi:.1f}"
        for t, dni, dhi in zip(local, WEATHER["dni_w_m2"], WEATHER["dhi_w_m2"], strict=True)
    ]
    head = "place x\nlatitude 21.03\nlongitude -105.85\ntime_zone -105\nsite_elevation 0\nweather_data_file_units 1\n"
    path = folder / "year.wea"
    path.write_text(head + "\n".join(rows) + "\n")
    return path


def scene_file(folder, boxes):
    lines = [f"void plastic w 0 0 5 {WALL} {WALL} {WALL} 0 0", f"void plastic g 0 0 5 {GROUND} {GROUND} {GROUND} 0 0"]
    lines.append("g polygon ground 0 0 12 -3000 -3000 0 3000 -3000 0 3000 3000 0 -3000 3000 0")
    for k, (west, south, east, north, top) in enumerate(boxes):
        c = [(west, south), (east, south), (east, north), (west, north)]
        for e in range(4):
            (a, b), (p, q) = c[e], c[(e + 1) % 4]
            lines.append(f"w polygon w{k}_{e} 0 0 12 {a} {b} 0 {p} {q} 0 {p} {q} {top} {a} {b} {top}")
        roof = " ".join(f"{a} {b} {top}" for a, b in c)
        lines.append(f"w polygon r{k} 0 0 12 {roof}")
    path = folder / "city.rad"
    path.write_text("\n".join(lines) + "\n")
    return path


def fine_year(city):
    """Radiance of 2305 patches over the year, the sun in the patch that it stands in [kWh m⁻² sr⁻¹]."""
    site = site_of(city)
    sky = sky_of(WEATHER, site)
    path = sun_path(WEATHER, site.latitude, site.longitude)
    points, h = points_of(1, 4), sky.hour
    dni, dhi = np.where(path.up, WEATHER["dni_w_m2"], 0.0), WEATHER["dhi_w_m2"].to_numpy()
    clear = clearness(dni, dhi, np.radians(path.zenith_deg))[h]
    bright = brightness(dhi, path.zenith_deg, extra_normal_of(WEATHER))[h]
    found = radiance_of(points, sky.sun, clear, bright, dhi[h], path.up[h].astype(float)).sum(axis=1)
    nearest = (sky.sun @ points.towards[:, 0].T).argmax(axis=1)
    return (found + np.bincount(nearest, weights=sky.dni, minlength=len(found)) / points.solid_angle) / 1e3


RECEIVERS = """#@rfluxmtx h=u u=Y
void glow ground_glow 0 0 4 1 1 1 0
ground_glow source ground 0 0 4 0 0 -1 180
#@rfluxmtx h=r4 u=Y
void glow sky_glow 0 0 4 1 1 1 0
sky_glow source sky 0 0 4 0 0 1 180
"""


def test_the_sky_is_that_of_gendaymtx(radiance, tmp_path):
    theirs = numbers(
        radiance("gendaymtx", "-m", "1", "-O1", "-s", "-c", "1", "1", "1", "-of", str(sky_file(tmp_path)))
    )[1:]
    sky = sky_of(WEATHER, site_of(town(quarter(2), WEATHER)))
    ours = sky.radiance.sum(axis=1)
    weight = points_of(1).solid_angle
    whole = theirs.sum(axis=1)
    assert np.abs(ours - whole) @ weight < 0.03 * whole @ weight
    assert abs(ours @ weight - whole @ weight) < 0.01 * whole @ weight


def test_walls_and_roofs_have_the_light_that_radiance_finds_with_four_bounces(radiance, tmp_path):
    boxes = quarter(40)
    city = town(boxes, WEATHER)
    chosen = chosen_of(city)
    middle = np.abs(chosen.middle - np.median(chosen.middle, axis=0)).max(axis=1) < 35.0
    some = np.random.default_rng(2).permutation(np.flatnonzero(middle & (chosen.exposed_m2 > 4.0)))[:36]
    sensors = sensors_on(chosen.shapes, chosen.normal, np.full(len(chosen), SPACING_M))
    rows = [np.arange(sensors.start[s], sensors.start[s + 1]) for s in some]
    points = np.concatenate(rows)
    surface = np.repeat(np.arange(len(some)), [len(row) for row in rows])
    at = sensors.at[points] - np.array([*AT, 0.0])
    text = "\n".join(
        " ".join(f"{v:.4f}" for v in (*p, *n)) for p, n in zip(at, chosen.normal[some][surface], strict=True)
    )
    receivers = tmp_path / "sky.rad"
    receivers.write_text(RECEIVERS)
    year = fine_year(city)
    scene = scene_file(tmp_path, boxes)

    def light(bounces, divisions):
        command = ["rfluxmtx", "-I+", "-ff", "-ab", str(bounces), "-ad", str(divisions), "-lw", "1e-4", "-n", "1"]
        raw = radiance(*command, "-faf", "-", str(receivers), str(scene), text=(text + "\n").encode())
        values = np.frombuffer(raw[raw.index(b"\n\n") + 2 :], np.float32)
        seen = values.reshape(len(at), -1, 3)[:, 1:, 0]
        of_point = seen @ year
        weight = sensors.weight[points]
        return np.bincount(surface, weights=of_point * weight) / np.bincount(surface, weights=weight)

    wall = chosen.is_wall[some]
    told = {}
    for name, (ground, walls), reference in (
        ("sky and sun", (0.0, 0.0), light(1, 3000)),
        ("four bounces", (GROUND, WALL), light(4, 2000)),
    ):
        params = SunParams(
            wall_m=SPACING_M, roof_m=SPACING_M, ground_albedo=ground, wall_albedo=walls, back_end="prisms"
        )
        got = SunModel(params).run(city).tables["surfaces"]["irradiation_kwh_m2"].to_numpy()[some]
        for kind, use in (("walls", wall), ("roofs", ~wall)):
            error = np.abs(got - reference)[use].mean() / reference[use].mean()
            told[name, kind] = error
    assert told["sky and sun", "walls"] < 0.03
    assert told["sky and sun", "roofs"] < 0.01
    assert told["four bounces", "walls"] < 0.10
    assert told["four bounces", "roofs"] < 0.02
