"""
Build of a city, end to end: Nantes as `dothi build` does it, with report and pictures, and Nantes side by side until
there are 10,000 and 100,000 buildings, without them.

With `DOTHI_BENCH_LARGEST=1000000`, 1,000,000 buildings as well, which takes some seven minutes more.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

sys.path.insert(0, str(Path(__file__).parent))
from _measure import measure, row
from dothi.errors import Problems
from dothi.io.nantes import read_nantes

SIZES = (10_000, 100_000, 1_000_000)
WIDTHS = (20, 10, 8, 8, 9, 14)
BUILD = """
from dothi.workers import processes
pool = processes(int(sys.argv[2]))
from dothi.study import Study
built = Study.open(sys.argv[1]).build(None, pool)
pool.shutdown()
result = {"seconds": dict(built.seconds), "counts": built.city.counts}
"""
AS_A_USER = """
from pathlib import Path
from dothi.cli.city import build_study
build_study(Path(sys.argv[1]), int(sys.argv[2]), False, True)
from dothi.study import Study
result = {"counts": Study.open(sys.argv[1]).city.counts}
"""


def tiled(frame: gpd.GeoDataFrame, copies: int, step: tuple[float, float], rows: int | None = None) -> gpd.GeoDataFrame:
    """Copies of a table side by side, each with ids of its own."""
    side = int(np.ceil(np.sqrt(copies)))
    parts = []
    for number in range(copies):
        dx, dy = (number % side) * step[0], (number // side) * step[1]
        move = np.array([dx, dy, 0.0])
        shapes = shapely.transform(
            np.asarray(frame.geometry.array, dtype=object),
            lambda xyz, move=move: xyz + move[: xyz.shape[1]],
            include_z=bool(shapely.has_z(frame.geometry.iloc[0])),
        )
        part = frame.assign(geometry=shapes)
        if "source_id" in part:
            part["source_id"] = part["source_id"].astype(str) + f"/{number}"
        parts.append(part)
    return pd.concat(parts, ignore_index=True).iloc[:rows]


def write_study(folder: Path, n_buildings: int) -> None:
    """Study with a given number of real buildings, in copies of Nantes."""
    tables = read_nantes(Problems())
    buildings, roads = tables["buildings"], tables["roads"]
    west, south, east, north = buildings.total_bounds
    copies = int(np.ceil(n_buildings / len(buildings)))
    step = (float(east - west) + 1.0, float(north - south) + 1.0)
    (folder / "data").mkdir(parents=True)
    tiled(buildings, copies, step, n_buildings).to_parquet(folder / "data" / "buildings.parquet")
    tiled(roads, copies, step).to_parquet(folder / "data" / "roads.parquet")
    cell = 2.0 if n_buildings <= 10_000 else 5.0 if n_buildings <= 100_000 else 10.0
    sources = "".join(
        f'[[source]]\nkind = "vector"\npath = "data/{name}.parquet"\ntable = "{name}"\n\n'
        for name in ("buildings", "roads")
    )
    (folder / "dothi.toml").write_text(
        f'name = "Nantes × {copies}"\ncountry = "fr"\ncrs = "EPSG:2154"\n\n{sources}[build]\nterrain_cell_m = {cell}\n'
    )


def main() -> None:
    largest = int(os.environ.get("DOTHI_BENCH_LARGEST", "100000"))
    row("city", "buildings", "wall s", "CPU s", "peak MB", "µs/building", widths=WIDTHS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "nantes"
        from dothi.demo import create_demo

        create_demo(folder)
        for label, workers in (("Nantes, 1 process", "0"), ("Nantes, 2 processes", "2"), ("Nantes again", "0")):
            if workers == "2":
                shutil.rmtree(folder / ".dothi")
                (folder / "build-report.html").unlink()
            cost = measure(AS_A_USER, str(folder), workers)
            count = cost["result"]["counts"]["buildings"]
            row(
                label,
                count,
                cost["wall_s"],
                cost["cpu_s"],
                cost["peak_mb"],
                cost["wall_s"] / count * 1e6,
                widths=WIDTHS,
            )
        for size in (size for size in SIZES if size <= largest):
            folder = Path(temporary) / str(size)
            write_study(folder, size)
            cost = measure(BUILD, str(folder), "0")
            row(
                "tiled",
                size,
                cost["wall_s"],
                cost["cpu_s"],
                cost["peak_mb"],
                cost["wall_s"] / size * 1e6,
                widths=WIDTHS,
            )
            slowest = sorted(cost["result"]["seconds"].items(), key=lambda item: -item[1])[:4]
            print("     slowest steps: " + ", ".join(f"{title} {seconds:.1f} s" for title, seconds in slowest))
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
