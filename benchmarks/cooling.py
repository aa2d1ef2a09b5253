"""
District networks: CPU time of an hour beside pandapipes, of a year, and of laying a tree along streets.

Where `DOTHI_PANDAPIPES_PYTHON` names an interpreter with ``pandapipes==0.16.0`` and ``pandapower==3.3.3``, pandapipes
runs beside it on the same networks; ratios are of CPU time in one run. Kernels are compiled before.

    DOTHI_PANDAPIPES_PYTHON=/somewhere/pandapipes/bin/python python -m benchmarks cooling
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from _measure import row

PEER = os.environ.get("DOTHI_PANDAPIPES_PYTHON", "")
HOURS = 500
SIZES = ((50, 0), (50, 3), (300, 0), (300, 5), (1000, 0))
WIDTHS = (8, 8, 14, 14, 10)


def peer_seconds(network: object, service: object, load: np.ndarray, ground: float) -> float | None:
    """CPU time that pandapipes takes for an hour of a network; None without it."""
    if not PEER:
        return None
    from dothi.cooling.network import simulate_hour

    hour = simulate_hour(network, service, load, ground)
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "against"))
    from test_cooling_pandapipes import PEER as PROGRAM
    from test_cooling_pandapipes import question

    given = question(network, service, load, ground, hour)
    done = subprocess.run([PEER, "-c", PROGRAM], input=given, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["seconds"])


def main() -> None:
    from dothi.cooling.network import simulate_year
    from dothi.cooling.steiner import steiner_tree
    from dothi.verify.cooling import OneWater, town

    service, ground = OneWater(5.0, 14.0), 18.0
    network, load = town(1, 10, 1)
    began = time.process_time()
    simulate_year(network, service, load[:, None], np.array([ground]), 0.0)
    row("compilation", f"{time.process_time() - began:.1f} CPU s", widths=())
    row("nodes", "loops", "ms an hour", "pandapipes", "ratio", widths=WIDTHS)
    for n, loops in SIZES:
        network, load = town(n + loops, n, loops)
        load = 3.0 * load
        began = time.process_time()
        simulate_year(network, service, np.repeat(load[:, None], HOURS, axis=1), np.full(HOURS, ground), 0.0)
        own = (time.process_time() - began) / HOURS
        other = peer_seconds(network, service, load, ground)
        told = ("", "") if other is None else (f"{1e3 * other:.1f} ms", f"{other / own:.0f}")
        row(n, loops, f"{1e3 * own:.4f}", *told, widths=WIDTHS)
    rng, k = np.random.default_rng(1), 60
    number = np.arange(k * k).reshape(k, k)
    one = np.r_[number[:, :-1].ravel(), number[:-1].ravel()]
    other_end = np.r_[number[:, 1:].ravel(), number[1:].ravel()]
    began = time.process_time()
    steiner_tree(k * k, one, other_end, rng.uniform(1.0, 2.0, len(one)), rng.choice(k * k, 200, replace=False))
    row("tree of 200 among 3,600 crossings", f"{time.process_time() - began:.2f} CPU s", widths=())


if __name__ == "__main__":
    main()
