"""
Flow over the ground: cells computed per CPU second by each scheme beside the bandwidth of memory, and a slow case.

Every cell is wet; one thread; CPU time after the kernels are compiled, whose time is reported as well. The bandwidth is
that of a = b + s c in the same process, with the reading of a before it is written counted. `DOTHI_BENCH_FLOOD=1500`
sets the cells along an edge, `DOTHI_BENCH_MEREWETHER` the folder of
the flood in Merewether, which is left out without it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from _measure import measure, row

WIDTHS = (14, 10, 14, 12, 12)
SPEED = """
import os, time
import numba, numpy as np
numba.set_num_threads(1)
from dothi.flood.solver import Flow, Ground
n = int(sys.argv[1])
size = 20_000_000
a, b, c = np.zeros(size, np.float32), np.ones(size, np.float32), np.ones(size, np.float32)
@numba.njit
def triad(a, b, c):
    for i in range(a.size):
        a[i] = b[i] + np.float32(2.0) * c[i]
triad(a, b, c)
rates = []
for _ in range(3):
    began = time.process_time()
    triad(a, b, c)
    rates.append(16 * size / (time.process_time() - began) / 1e9)
y, x = np.mgrid[0:n, 0:n]
bed = 0.5 * np.sin(x / 17.0) * np.cos(y / 23.0)
start = 4.0 - bed + 0.2 * np.exp(-((x - n / 2) ** 2 + (y - n / 2) ** 2) / 2000.0)
result = {"gb_s": max(rates), "rows": []}
for scheme in ("inertial", "first_order", "second_order"):
    for precision in ("float32", "float64"):
        flow = Flow(Ground(bed, 5.0, np.full(bed.shape, 0.03)), scheme, depth_m=start, precision=precision)
        began = time.process_time()
        flow.advance(0.01)
        compiled = time.process_time() - began
        best = 0.0
        for k in range(3):
            steps, began = flow.steps, time.process_time()
            flow.advance(flow.time_s + 1.5, every_s=100.0)
            best = max(best, (flow.steps - steps) * n * n / (time.process_time() - began) / 1e6)
        result["rows"].append([scheme, precision, best, compiled, flow.balance.relative_error])
"""
CASES = """
import time
import numba
numba.set_num_threads(1)
from dothi.verify import flood
began = time.process_time()
from pathlib import Path
folder = Path(sys.argv[1] or "nowhere")
result = {"thacker": flood.thacker("second_order", 200), "seconds": time.process_time() - began}
began = time.process_time()
if folder.is_dir():
    errors, mass = flood.merewether(folder)
    result |= {"merewether": errors.tolist(), "mass": mass, "town_seconds": time.process_time() - began}
"""


def main() -> None:
    n = os.environ.get("DOTHI_BENCH_FLOOD", "500")
    found = measure(SPEED, n)["result"]
    row("memory GB/s", found["gb_s"], widths=WIDTHS[:2])
    row("scheme", "type", "Mcell/CPU s", "compile s", "mass", widths=WIDTHS)
    for scheme, precision, best, compiled, mass in found["rows"]:
        row(scheme, precision, best, compiled, f"{mass:.0e}", widths=WIDTHS)
    case = measure(CASES, os.environ.get("DOTHI_BENCH_MEREWETHER", ""))["result"]
    row("Thacker 200 × 200", f"error {case['thacker'][0]:.4f}", f"{case['seconds']:.0f} CPU s", widths=())
    if "merewether" in case:
        mean = sum(case["merewether"]) / len(case["merewether"])
        row("Merewether, first order", f"error {mean:.3f} m", f"{case['town_seconds']:.0f} CPU s", widths=())


if __name__ == "__main__":
    main()
