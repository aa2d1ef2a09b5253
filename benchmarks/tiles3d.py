"""
Export as 3D Tiles: made-up houses of 6 corners, and Nantes side by side; with id and height, or all usual columns.

The goal for 100,000 houses with id and height is 5 s and 100 B each, gzipped. `DOTHI_BENCH_LARGEST` sets the largest.
"""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

sys.path.insert(0, str(Path(__file__).parent))
from _measure import measure, row
from build import tiled
from dothi import schema
from dothi.errors import Problems
from dothi.io.nantes import read_nantes
from dothi.tables import TABLES

SIZES = (10_000, 100_000, 1_000_000)
WIDTHS = (8, 10, 10, 9, 8, 8, 9, 12, 13)
SHAPES = (
    [(0, 0), (1, 0), (1, 1), (0, 1)],
    [(0, 0), (1, 0), (1, 0.45), (0.5, 0.45), (0.5, 1), (0, 1)],
    [(0, 0), (1, 0), (1, 1), (0.68, 1), (0.68, 0.4), (0.32, 0.4), (0.32, 1), (0, 1)],
)
EXPORT = """
import time
from pathlib import Path
import geopandas as gpd
from dothi.city import City
from dothi.publish.tiles3d import export_3dtiles
buildings = gpd.read_parquet(sys.argv[1])
city = City("Benchmark", "vn", str(buildings.crs), tuple(buildings.total_bounds.tolist()), {"buildings": buildings})
began, began_cpu = time.perf_counter(), time.process_time()
export_3dtiles(city, Path(sys.argv[2]), {"buildings": ("height_m",)} if sys.argv[3] == "id" else None)
result = time.perf_counter() - began, time.process_time() - began_cpu
"""


def houses(n: int) -> gpd.GeoDataFrame:
    """Houses of 4, 6 and 8 corners in rows, 22 m apart."""
    rng = np.random.default_rng(7)
    side = int(np.ceil(np.sqrt(n)))
    place = np.stack(np.divmod(np.arange(n), side), axis=1) * 22.0 + [586_000.0, 2_325_000.0]
    kind, turn = rng.choice(3, n, p=[0.35, 0.35, 0.3]), rng.normal(0.12, 0.02, n)
    size = rng.uniform(13.0, 20.0, (n, 2))
    shapes = np.empty(n, dtype=object)
    for number, corners in enumerate(SHAPES):
        of = np.flatnonzero(kind == number)
        x, y = ((np.array(corners)[None] - 0.5) * size[of, None]).transpose(2, 0, 1)
        cos, sin = np.cos(turn[of, None]), np.sin(turn[of, None])
        ring = np.stack([x * cos - y * sin, x * sin + y * cos], axis=2) + place[of, None]
        shapes[of] = shapely.polygons(ring)
    height = np.round(np.clip(6.0 + rng.gamma(2.2, 2.2, n), 3.0, 300.0), 1)
    frame = gpd.GeoDataFrame({"height_m": height, "ground_m": 5.0}, geometry=shapes, crs="EPSG:5897")
    return schema.complete(frame, TABLES["buildings"])


def nantes(n: int) -> gpd.GeoDataFrame:
    """Real buildings with their attributes, in copies side by side."""
    buildings = read_nantes(Problems())["buildings"]
    west, south, east, north = buildings.total_bounds
    copies = int(np.ceil(n / len(buildings)))
    frame = tiled(buildings, copies, (float(east - west) + 1.0, float(north - south) + 1.0), n)
    return schema.complete(pd.DataFrame(frame).set_geometry("geometry", crs=buildings.crs), TABLES["buildings"])


def main() -> None:
    largest = int(os.environ.get("DOTHI_BENCH_LARGEST", "100000"))
    row("city", "buildings", "columns", "wall s", "CPU s", "peak MB", "tiles", "B/building", "B gzipped", widths=WIDTHS)
    with tempfile.TemporaryDirectory() as temporary:
        for label, make in (("houses", houses), ("nantes", nantes)):
            for size in (size for size in SIZES if size <= largest):
                table = Path(temporary) / "buildings.parquet"
                make(size).to_parquet(table)
                for columns in ("id", "usual"):
                    folder = Path(temporary) / f"{label}-{size}-{columns}"
                    cost = measure(EXPORT, str(table), str(folder), columns)
                    files = [file for file in folder.rglob("*") if file.suffix in (".glb", ".json")]
                    wall, cpu = cost["result"]
                    row(
                        label,
                        size,
                        columns,
                        wall,
                        cpu,
                        cost["peak_mb"],
                        len(files) - 1,
                        sum(file.stat().st_size for file in files) / size,
                        sum(len(gzip.compress(file.read_bytes(), 6)) for file in files) / size,
                        widths=WIDTHS,
                    )


if __name__ == "__main__":
    main()
