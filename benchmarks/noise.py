"""
Road noise: paths per CPU second, and seconds for the demo city and for the same city laid side by side.

Traffic is made up by class of road, so that only noise is measured. CPU time in a fresh process after the kernels are
compiled; the time of compiling them, from an empty cache, is reported as well. `DOTHI_BENCH_NOISE=4` sets the largest
number of cities side by side, `DOTHI_BENCH_SHARE=10` does one receiver in so many.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from _measure import measure, row

WIDTHS = (8, 10, 10, 12, 10, 10, 12, 12)
WORK = """
import os, time
from pathlib import Path
import numpy as np
import shapely
from dothi.city import City
from dothi.noise import levels
from dothi.noise.air import absorption
from dothi.noise.emission import Road, line_power, values
from dothi.noise.kernels_map import Method, listen
from dothi.noise.receivers import by_tile, facades, over_ground
from dothi.noise.scene import Ground, ground_of, scene_of, sources_of
from dothi import place

FLOWS = {"primary": 900.0, "secondary": 600.0, "tertiary": 300.0, "residential": 40.0, "service": 5.0, "busway": 15.0}
city, copies, share = City.read(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
began = time.process_time()
buildings, links = city["buildings"], city["links"]
shapes = np.asarray(buildings.geometry.array, dtype=object)
ground = ground_of(city.rasters["terrain"], city.rasters["imperviousness"], shapes)
step = float(ground.x[-1] - ground.x[0] + ground.x[1] - ground.x[0])
def moved(shapes, d):
    return shapely.transform(shapes, lambda at: at + (d, 0.0))

every = np.concatenate([moved(shapes, k * step) for k in range(copies)])
wide = Ground(
    np.concatenate([ground.x + k * step for k in range(copies)]), ground.y,
    np.tile(ground.level, copies), np.tile(ground.soft, copies),
)
height, base = (np.tile(buildings[n].to_numpy(dtype=float, na_value=np.nan), copies) for n in ("height_m", "ground_m"))
scene = scene_of(every, height, base, wide)
flow = links["class"].astype(str).map(FLOWS).fillna(0.0).to_numpy()
one = links.index.to_numpy() < links["reverse_link_id"].fillna(-1).to_numpy(dtype=int)
heard = (flow > 0.0) & one
parts = levels.periods(place.load("fr", "noise")["periods"])
weight = levels.weights(parts)
a = 10.0 ** (np.array(values()["a_weighting_db"]["bands"]) / 10.0)
speed = {"light": np.full(heard.sum(), 40.0)}
power = np.stack([a * line_power({"light": 2 * f * flow[heard]}, speed, Road()) for f in (1.0, 0.8, 0.2)], axis=1)
lines = np.asarray(links.geometry.array, dtype=object)[heard]
roads = np.concatenate([moved(shapely.force_2d(lines), k * step) for k in range(copies)])
power = np.tile(power, (copies, 1, 1))
sources = sources_of(roads, power, weight, wide, np.full((len(roads), 2), np.nan))
west, south, right, north = city.bounds
fronts = facades(every, 10.0).at
grid = over_ground((west, south, right + (copies - 1) * step, north), 20.0, every)[2]
prepared = time.process_time() - began
method = Method(
    300.0, 100.0, np.deg2rad(15.0), 50.0, 0.8, 0.6, 100.0, 0.5, 10**0.05 - 1, 1e4, absorption(13.0, 78.0),
    np.array([part.favourable_share for part in parts]), weight,
)
began = time.process_time()
one = np.zeros(1), np.zeros(1), np.zeros((1, 3)), np.zeros((1, 4), dtype=np.int64)
listen(scene, sources, method, one[0], one[1], 4.0, 0, 1, one[2], one[3])
compiled = time.process_time() - began
at = np.concatenate([fronts, grid])
at = at[by_tile(at)][:: share]
x, y = np.ascontiguousarray(at[:, 0]), np.ascontiguousarray(at[:, 1])
energy, paths = np.zeros((len(at), 3)), np.zeros((len(at), 4), dtype=np.int64)
began = time.process_time()
listen(scene, sources, method, x, y, 4.0, 0, len(at), energy, paths)
seconds = time.process_time() - began
result = {
    "buildings": len(every), "receivers": len(fronts) + len(grid), "prepared": prepared, "compiled": compiled,
    "paths": int(paths.sum()) * share, "seconds": seconds * share, "rate": float(paths.sum() / seconds),
}
"""


def built(folder: Path) -> Path:
    """Folder of the built demo city."""
    from dothi.demo import create_demo
    from dothi.study import Study

    create_demo(folder)
    return Study.open(folder).build().folder


def main() -> None:
    share = os.environ.get("DOTHI_BENCH_SHARE", "10")
    largest = int(os.environ.get("DOTHI_BENCH_NOISE", "4"))
    row("cities", "buildings", "receivers", "paths", "set up s", "noise s", "paths/CPU s", "compile s", widths=WIDTHS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = built(Path(temporary) / "nantes")
        for copies in (n for n in (1, 4) if n <= largest):
            found = measure(WORK, str(folder), str(copies), share)["result"]
            names = ("buildings", "receivers", "paths", "prepared", "seconds")
            row(copies, *(found[name] for name in names), round(found["rate"]), found["compiled"], widths=WIDTHS)


if __name__ == "__main__":
    main()
