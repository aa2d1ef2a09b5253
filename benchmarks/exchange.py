"""
What it costs to write a city in exchange formats, and to read CityJSON back.

Run as ``python benchmarks/exchange.py [BUILDINGS…]``: prints the table of docs/guide/export.md. The city is made up:
L-shaped houses with every declared column filled, as a built city has them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from _measure import measure, row
from dothi.publish.export import FORMATS

NAMES = ("cityjson", "cityjsonseq", "gpkg", "geoparquet", "geojson")

MAKE = """
import numpy as np, pandas as pd, geopandas as gpd, shapely
from pathlib import Path
from dothi.city import City
from dothi.schema import complete
from dothi.tables import TABLES, FUNCTIONS

n = int(sys.argv[1])
rng = np.random.default_rng(1)
side = int(np.ceil(n ** 0.5))
x, y = 1e5 + 25.0 * (np.arange(n) % side), 2e6 + 25.0 * (np.arange(n) // side)
w, d = rng.uniform(8, 20, n), rng.uniform(8, 20, n)
corner = np.stack([[x, y], [x + w, y], [x + w, y + d / 2], [x + w / 2, y + d / 2], [x + w / 2, y + d], [x, y + d]])
shapes = shapely.polygons(np.round(corner.transpose(2, 0, 1), 3))
frame = gpd.GeoDataFrame({"source_id": [f"house-{i}" for i in range(n)]}, geometry=shapes, crs="EPSG:9217")
frame["height_m"], frame["ground_m"] = np.round(rng.gamma(4, 2.5, n), 1), np.round(rng.uniform(0, 30, n), 2)
frame["storeys"], frame["residents"] = rng.integers(1, 9, n), rng.integers(0, 40, n)
frame["jobs"], frame["dwellings"] = rng.integers(0, 20, n), rng.integers(0, 12, n)
frame["function"] = pd.Categorical(rng.choice(FUNCTIONS, n))
frame["floor_area_m2"] = shapely.area(shapes) * frame["storeys"]
for name in ("height_m", "ground_m", "storeys", "function", "floor_area_m2", "dwellings", "residents", "jobs"):
    frame[f"{name}_method"], frame[f"{name}_confidence"] = pd.Categorical(["estimated"] * n), rng.random(n)
bounds = tuple(shapely.total_bounds(shapes))
tables = {"buildings": complete(frame, TABLES["buildings"])}
City("made up", "vn", "EPSG:9217", bounds, tables).write(Path(sys.argv[2]))
"""
WRITE = """
import time
from pathlib import Path
from dothi.city import City
from dothi.publish.export import export
city = City.read(Path(sys.argv[1]))
city["buildings"]
began = time.process_time()
done = export(city, sys.argv[2], Path(sys.argv[3]), force=True)
result = {"bytes": done.bytes, "cpu_s": time.process_time() - began}
"""
READ = """
import time
from pathlib import Path
from dothi.errors import Problems
from dothi.io.cityjson import read_cityjson
began = time.process_time()
tables = read_cityjson(Path(sys.argv[1]), Problems())
result = {"bytes": Path(sys.argv[1]).stat().st_size, "cpu_s": time.process_time() - began}
"""


def main() -> None:
    counts = sys.argv[1:] or ["10000", "100000"]
    widths = (10, 22, 9, 9, 9, 10)
    row("buildings", "format", "CPU [s]", "peak [MB]", "MB", "B/building", widths=widths)
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            city = Path(folder) / f"city-{count}"
            measure(MAKE, count, str(city))
            for name in NAMES:
                target = Path(folder) / f"{count}-{name}{FORMATS[name].suffix}"
                told = measure(WRITE, str(city), name, str(target))
                show(count, name, told, widths)
                if name.startswith("cityjson"):
                    show(count, f"{name}, read back", measure(READ, str(target)), widths)


def show(count: str, name: str, told: dict, widths: tuple[int, ...]) -> None:
    size = told["result"]["bytes"]
    row(count, name, told["result"]["cpu_s"], told["peak_mb"], size / 1e6, size / int(count), widths=widths)


if __name__ == "__main__":
    main()
