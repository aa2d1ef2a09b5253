"""
Heat balance: building-hours per CPU second of the kernel, and seconds and memory of whole blocks of buildings.

The kernel alone, with schedules, sun and moisture, in single and double precision; then all series of a street of
boxes (five surfaces each) from thermal models, with light rebuilt on every surface. `DOTHI_BENCH_HEAT=4096` sets the
number of buildings. RC_BuildingSimulator, a 5R1C in Python, is timed beside it where `DOTHI_BENCH_RC` names the Python
of an environment that has it (`pip install rcbsim`). CPU time of one thread, best of three once compiled, in one run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from _measure import measure, row

WIDTHS = (34, 12, 14, 10)
KERNEL = """
import time
import numpy as np
from dothi.heat import kernels as k
from dothi.heat.network import coefficients
from dothi.verify.heat import room

n, hours, plans = int(sys.argv[1]), 8760, 12
rng = np.random.default_rng(1)
names = ("H_w", "H_e", "H_ve", "C_1", "C_2", "appliances_w", "opening_w_k", "occupied_w_k", "moisture_kg_h")
zones = room(heat_set_c=20.0, cool_set_c=26.0, open_set_c=24.0, appliances_w=400.0, opening_w_k=80.0,
             occupied_w_k=40.0, people_w=200.0, lighting_w=100.0, moisture_kg_h=0.2, setback_k=3.0)
many = type(zones)(**{
    one: np.repeat(getattr(zones, one), n) * (rng.uniform(0.7, 1.3, n) if one in names else 1.0)
    for one in type(zones).__dataclass_fields__
})
air = 14.0 + 10.0 * np.sin(np.arange(hours) * 2 * np.pi / 8760) + rng.normal(0.0, 3.0, hours)
sun = np.maximum(np.sin((np.arange(hours) % 24 - 6) * np.pi / 12), 0.0)[None, :] * rng.uniform(0, 3e3, (n, 1))
result = {}
for kind in (np.float32, np.float64):
    args = [coefficients(many).astype(kind), rng.integers(0, plans, n), air.astype(kind)]
    args += [np.full(hours, value, dtype=kind) for value in (8.0, 2.0, 0.008)]
    args += [rng.uniform(0.0, 1.0, (hours, plans, k.N_PROFILES)).astype(kind)]
    args += [sun.astype(kind), sun.astype(kind) * kind(0.1)]
    args += [np.arange(n), np.ones(n, dtype=kind), np.full((3, n), 18.0, dtype=kind)]
    args[-1][2] = 0.008
    args += [np.zeros((n, hours), dtype=kind) for _ in range(4)]
    began = time.process_time(); k.balance(*args); first = time.process_time() - began
    best = first
    for _ in range(3):
        began = time.process_time(); k.balance(*args); best = min(best, time.process_time() - began)
    result[kind.__name__] = [best, n * hours / best / 1e6, first - best]
"""
STREET = """
import time
import numpy as np
import pandas as pd
from dothi.derive.weather import normals, typical_year
from dothi.heat.archetypes import archetypes
from dothi.heat.hourly import chunks
from dothi.heat.thermal import SYSTEMS, THERMAL_MODELS
from dothi.sky.light import Light
from dothi.sky.position import Site

n = int(sys.argv[1])
rng = np.random.default_rng(2)
station = normals("Nantes")
weather = typical_year(station, latitude=47.2, longitude=-1.55, elevation_m=20.0, time_zone_h=1.0, rng=rng)
floor = rng.uniform(80.0, 800.0, n)
values = {"floor_area_m2": floor, "net_area_m2": 0.8 * floor, "volume_m3": 2.0 * floor, "wall_area_m2": 0.7 * floor,
          "window_area_m2": 0.15 * floor, "roof_area_m2": 0.3 * floor, "ground_area_m2": 0.3 * floor,
          "window_share": 0.18, "wall_u_w_m2_k": 1.2, "window_u_w_m2_k": 2.6, "roof_u_w_m2_k": 0.5,
          "floor_u_w_m2_k": 0.7,
          "sun_transmittance": 0.35, "wall_absorptance": 0.5, "roof_absorptance": 0.8, "envelope_mass_j_k": 1e5 * floor,
          "interior_mass_j_k": 1.2e5 * floor, "infiltration_w_k": 0.2 * floor, "fresh_air_w_k": 0.2 * floor,
          "opening_w_k": 2.0 * floor, "people": 0.03 * floor, "people_w": 2.0 * floor, "moisture_kg_h": 2e-3 * floor,
          "appliances_w": 2.0 * floor, "lighting_w": 3.0 * floor, "hot_water_w": 1.5 * floor, "heated_share": 0.9,
          "cooled_share": 0.3, "heat_set_c": 20.0, "setback_k": 2.0, "cool_set_c": 26.0, "open_set_c": 24.0,
          "heat_max_w": 100.0 * floor, "cool_max_w": 90.0 * floor, "sensible_share": 0.75, "cooling_cop": 3.2,
          "room_exchange_w_k": 0.8 * floor}
models = pd.DataFrame(values, index=pd.RangeIndex(n, name="building_id"))
models["country"], models["archetype"], models["cooling_network"] = "fr", rng.choice(archetypes("fr").names, n), None
for name in ("heating_system", "hot_water_system"):
    models[name] = rng.choice(SYSTEMS[1:], n)
surfaces = pd.DataFrame({
    "building_id": np.repeat(np.arange(n), 5), "kind": ["roof", "wall", "wall", "wall", "wall"] * n,
    "tilt_deg": [0.0, 90.0, 90.0, 90.0, 90.0] * n, "azimuth_deg": [np.nan, 0.0, 90.0, 180.0, 270.0] * n,
    "lit_area_m2": np.repeat(0.2 * floor, 5),
})
light = Light.unobstructed(surfaces, weather, Site(47.2, -1.55))
for _, series in chunks(models.iloc[:64], weather, light):
    pass
began = time.process_time()
for _, series in chunks(models[list(THERMAL_MODELS)], weather, light):
    pass
result = time.process_time() - began
"""
PEER = """
import time
from rcbsim.building_physics import Zone
zone = Zone()
temperature, began, hours = 20.0, time.process_time(), 8760
for hour in range(hours):
    sun = 300.0 * (hour % 24 > 8)
    zone.solve_energy(internal_gains=200.0, solar_gains=sun, t_out=5.0 + hour % 24, t_m_prev=temperature)
    temperature = zone.t_m_next
print(hours / (time.process_time() - began) / 1e6)
"""


def main() -> None:
    """Print the table."""
    n = os.environ.get("DOTHI_BENCH_HEAT", "2048")
    row("what", "buildings", "M bldg-h/CPU-s", "CPU s", widths=WIDTHS)
    found = measure(KERNEL, n)["result"]
    for kind, (seconds, speed, compiled) in found.items():
        row(f"kernel, {kind}", n, speed, seconds, widths=WIDTHS)
        row(f"  compiled or loaded, {kind}", "", "", compiled, widths=WIDTHS)
    street = measure(STREET, n)
    row("all series, light included", n, int(n) * 8760 / street["result"] / 1e6, street["result"], widths=WIDTHS)
    row("  peak MB of the process", "", "", street["peak_mb"], widths=WIDTHS)
    peer = os.environ.get("DOTHI_BENCH_RC")
    if peer:
        answer = subprocess.run([peer, "-c", PEER], capture_output=True, text=True, check=True)
        speed = float(answer.stdout)
        row("RC_BuildingSimulator", 1, speed, 8760 / speed / 1e6, widths=WIDTHS)
        row("  kernel, float32, times as fast", "", found["float32"][1] / speed, "", widths=WIDTHS)


if __name__ == "__main__":
    main()
