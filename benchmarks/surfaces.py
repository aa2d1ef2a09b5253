"""
Surfaces of buildings, with party walls: Nantes side by side until there are 10,000, 100,000 and 1,000,000 buildings.

`DOTHI_BENCH_LARGEST` limits the largest city, such as 100000. Seconds are CPU time in a fresh process, without imports
and reading; memory is what is used beyond that.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from _measure import measure, row
from build import tiled
from dothi.errors import Problems
from dothi.io.nantes import read_nantes

SIZES = (10_000, 100_000, 1_000_000)
WORKS = ("skin", "skin, in blocks", "no party walls", "table", "checks")
WIDTHS = (10, 16, 10, 10, 10, 12)
WORK = """
import resource, time
import geopandas
from dothi import schema
from dothi.city import City
from dothi.mesh.checks import check_table
from dothi.mesh.skin import skin_of, skins_of, surface_table
from dothi.tables import TABLES

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

buildings = schema.complete(geopandas.read_parquet(sys.argv[1]), TABLES["buildings"])
city = City("Nantes", "fr", "EPSG:2154", (0.0, 0.0, 1.0, 1.0), tables={"buildings": buildings})
before, began = peak(), time.process_time()
work = {
    "skin": lambda: skin_of(city),
    "skin, in blocks": lambda: range(sum(len(skin) for skin in skins_of(city))),
    "no party walls": lambda: skin_of(city, party=False),
    "table": lambda: surface_table(city),
    "checks": lambda: check_table(city),
}[sys.argv[2]]
made = work()
result = {"seconds": time.process_time() - began, "mb": peak() - before, "n": len(made)}
"""


def main() -> None:
    largest = int(os.environ.get("DOTHI_BENCH_LARGEST", "1000000"))
    row("buildings", "work", "surfaces", "CPU s", "more MB", "µs/building", widths=WIDTHS)
    buildings = read_nantes(Problems())["buildings"]
    west, south, east, north = buildings.total_bounds
    step = (float(east - west) + 1.0, float(north - south) + 1.0)
    with tempfile.TemporaryDirectory() as folder:
        for n in (size for size in SIZES if size <= largest):
            path = Path(folder) / f"{n}.parquet"
            tiled(buildings, -(-n // len(buildings)), step, n).to_parquet(path)
            for work in WORKS:
                result = measure(WORK, str(path), work)["result"]
                each = result["seconds"] / n * 1e6
                row(n, work, result["n"], result["seconds"], round(result["mb"]), each, widths=WIDTHS)


if __name__ == "__main__":
    main()
