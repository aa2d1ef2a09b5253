"""
Solar modules: CPU seconds for arrays and buildings, and the same hours by pvlib in one run.

Arrays lie at random, nothing hides them, and buildings use the same at every hour: what is measured is the light made
hour by hour, the power, and the match with loads. CPU time in a fresh process after the kernels are compiled; the time
of compiling them, from an empty cache, is reported as well.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from _measure import measure, row

WIDTHS = (8, 14, 14, 12, 12, 12, 12, 10)
WORK = """
import time
import numpy as np
import pandas as pd
import pvlib
from dothi.pv import kernels, modules
from dothi.pv.arrays import Arrays
from dothi.pv.best import open_light
from dothi.pv.yields import Power, Technology
from dothi.sky import Site, sun_path
from dothi.verify.pv import _weather

n, site, rng = int(sys.argv[1]), Site(47.2, -1.55), np.random.default_rng(1)
weather = _weather(site)
tilt, azimuth = rng.uniform(5.0, 50.0, n), rng.uniform(90.0, 270.0, n)
whole = np.zeros(n, dtype=np.int64)
arrays = Arrays(whole, tilt, azimuth, np.ones(n), whole, whole + 1, np.ones(n, dtype=bool))
light = open_light(weather, site, tilt, azimuth)
power = Power(arrays, light, weather, Technology(-0.0035, 1.2, "sapm", 1.0, 0.0))
began = time.process_time()
power.hourly(np.arange(2))
load = np.full((2, 8760), 500.0, dtype=np.float32)
month = pd.DatetimeIndex(weather["time"]).month.to_numpy().astype(np.int64) - 1
sums = [np.empty((2, 12)) for _ in range(3)]
kernels.matched(load, load, np.ones(2), np.ones(2), month, *sums)
compiled = time.process_time() - began
began = time.process_time()
beam, diffuse = light.split(np.arange(n))
lit = time.process_time() - began
made = np.empty_like(beam)
began = time.process_time()
kernels.unit_power(
    beam, diffuse, power.normal, light.sky.sun, light.sky.hour, power.layout, power.row_shade, power.seen, power.glass,
    power.mount, power.rise, power.air, power.passed, power.gamma, power.kept, power.inverter, made,
)
own = time.process_time() - began
load = np.full((n, 8760), 500.0, dtype=np.float32)
sums = [np.empty((n, 12)) for _ in range(3)]
began = time.process_time()
kernels.matched(load, made, np.full(n, 1000.0), np.full(n, 9e9), month, *sums)
match = time.process_time() - began
path = sun_path(weather, site.latitude, site.longitude)
air, wind = modules.air_and_wind(weather, 1.0)
close = pvlib.temperature.TEMPERATURE_MODEL_PARAMETERS["sapm"]["close_mount_glass_glass"]
few = min(n, 200)
began = time.process_time()
worst = 0.0
for i in range(few):
    b, d = beam[i].astype(float), diffuse[i].astype(float)
    angle = pvlib.irradiance.aoi(tilt[i], azimuth[i], path.zenith_deg, path.azimuth_deg)
    useful = b * pvlib.iam.physical(angle, *modules.PANE) + d * power.glass[i]
    dc = pvlib.pvsystem.pvwatts_dc(useful, pvlib.temperature.sapm_cell(b + d, air, wind, **close), 1.0, -0.0035)
    known = pvlib.inverter.pvwatts(dc * power.kept, 1.0 / 1.2 / 0.96)
    worst = max(worst, float(np.abs(known - made[i]).max()))
peer = (time.process_time() - began) / few * n
result = {"lit": lit, "own": own, "match": match, "peer": peer, "worst": worst, "compiled": compiled}
"""


def main() -> None:
    """Print the table."""
    largest = int(os.environ.get("DOTHI_BENCH_LARGEST", "100000"))
    row(
        "arrays",
        "light CPU s",
        "power CPU s",
        "match CPU s",
        "pvlib CPU s",
        "pvlib/own",
        "difference",
        "compile s",
        widths=WIDTHS,
    )
    with tempfile.TemporaryDirectory() as cache:
        os.environ.setdefault("NUMBA_CACHE_DIR", cache)
        for n in (n for n in (1000, 5000) if n <= largest):
            found = measure(WORK, str(n))["result"]
            ratio = round(found["peer"] / found["own"])
            cells = (found["lit"], found["own"], found["match"], found["peer"], ratio, f"{found['worst']:.0e}")
            row(n, *cells, found["compiled"], widths=WIDTHS)


if __name__ == "__main__":
    main()
