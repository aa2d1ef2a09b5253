"""
Sun on every roof and wall: CPU microseconds a point and seconds a city, for quarters laid side by side.

The quarter is made up from a seed (`dothi.verify.sun.quarter`). CPU time in a fresh process after the kernels are
compiled; the time of compiling them, from an empty cache, is reported as well. The mesh back end, which needs Embree,
is timed on the smallest city. `DOTHI_BENCH_SUN=100000` sets the largest number of houses.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from _measure import measure, row

WIDTHS = (8, 10, 10, 10, 10, 10, 10, 10, 10)
SMALLEST = 1000
WORK = """
import time
import numpy as np
from dothi.sky import Light, site_of
from dothi.sun.model import SunModel, SunParams
from dothi.verify.sun import clear_year, quarter, town

n, wall_m, roof_m, back_end = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
one = quarter(250, seed=5)
across = int(np.ceil(np.sqrt(n / len(one))))
wide, deep = one[:, 2].max() + 8.0, one[:, 3].max() + 8.0
shift = [(i * wide, j * deep, i * wide, j * deep, 0.0) for i in range(4 * across) for j in range(across)]
boxes = np.concatenate([one + np.array(s) for s in shift[: -(-n // len(one))]])[:n]
weather = clear_year()
began = time.process_time()
SunModel(SunParams(back_end=back_end)).run(town(boxes[:50], weather))
compiled = time.process_time() - began
began = time.process_time()
city = town(boxes, weather)
drawn = time.process_time() - began
began = time.process_time()
result = SunModel(SunParams(wall_m=wall_m, roof_m=roof_m, back_end=back_end)).run(city)
seconds = time.process_time() - began
light = Light(result.tables["surface_light"], weather, site_of(city))
began = time.process_time()
some = np.arange(min(len(light), 2000))
light.hourly(some)
hourly = (time.process_time() - began) / len(some)
told = result.diagnostics
result = {
    "surfaces": told["surfaces"], "points": told["points"], "compiled": compiled, "drawn": drawn, "seconds": seconds,
    "hourly_us": hourly * 1e6,
}
"""


def main() -> None:
    most = int(os.environ.get("DOTHI_BENCH_SUN", "10000"))
    names = ("houses", "spacing", "back end", "points", "compile s", "CPU s", "µs/point", "MB", "µs/series")
    row(*names, widths=WIDTHS)
    cases = [(SMALLEST, 4.0, 3.0, "prisms"), (SMALLEST, 2.0, 2.0, "prisms"), (SMALLEST, 4.0, 3.0, "mesh")]
    while cases[-1][0] * 10 <= most:
        cases.append((cases[-1][0] * 10, 4.0, 3.0, "prisms"))
    with tempfile.TemporaryDirectory() as cache:
        os.environ.setdefault("NUMBA_CACHE_DIR", cache)
        for n, wall_m, roof_m, back_end in cases:
            got = measure(WORK, str(n), str(wall_m), str(roof_m), back_end)
            found = got["result"]
            each = found["seconds"] / found["points"] * 1e6
            numbers = (found["points"], found["compiled"], found["seconds"], each, got["peak_mb"], found["hourly_us"])
            row(n, f"{wall_m:g}/{roof_m:g} m", back_end, *numbers, widths=WIDTHS)


if __name__ == "__main__":
    main()
