"""
Scene of a city: seconds, memory and bytes, for Nantes and for towns with 10,000, 100,000 and 1,000,000 buildings.

`DOTHI_BENCH_LARGEST` limits the largest town, such as 100000. The towns have footprints of 4 to 8 corners (5.9 on
average) on lots of 22 m, streets between the blocks and hills of 20 m.
"""

from __future__ import annotations

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
from dothi.city import City
from dothi.io.terrain import Grid
from dothi.tables import MODES

SIZES = (10_000, 100_000, 1_000_000)
WIDTHS = (20, 10, 8, 8, 9, 10, 9, 12)
LOT_M, STREET_M = 22.0, 12.0
LOTS = (6, 4)
CELL_M = 5.0
CRS = "EPSG:3405"
FOOTPRINTS = (
    [[0, 0], [1, 0], [1, 1], [0, 1]],
    [[0, 0], [1, 0], [1, 0.45], [0.5, 0.45], [0.5, 1], [0, 1]],
    [[0, 0], [1, 0], [1, 1], [0.68, 1], [0.68, 0.4], [0.32, 0.4], [0.32, 1], [0, 1]],
    [[0.25, 0], [0.75, 0], [1, 0.25], [1, 0.75], [0.75, 1], [0.25, 1], [0, 0.75], [0, 0.25]],
    [[0, 0], [1, 0], [1, 0.5], [0.7, 0.5], [0.7, 0.8], [0.45, 0.8], [0.45, 1], [0, 1]],
)
SHARES = (0.42, 0.20, 0.13, 0.06, 0.19)
WRITE = """
from pathlib import Path
import tempfile
from dothi.city import City
from dothi.scene import write_scene
city = City.read(Path(sys.argv[1]))
with tempfile.TemporaryDirectory() as folder:
    write_scene(city, Path(folder) / "scene", "bench")
    files = list((Path(folder) / "scene").rglob("*.gz"))
    size = {}
    for file in files:
        layer = file.relative_to(Path(folder) / "scene").parts[0].split(".")[0]
        size[layer] = size.get(layer, 0) + file.stat().st_size
    result = {"files": len(files), "bytes": sum(size.values()), "by_layer": size}
"""
MAKE = """
sys.path.insert(0, sys.argv[3])
import scene
scene.make(sys.argv[1], sys.argv[2])
"""
READ = """
from pathlib import Path
from dothi.city import City
city = City.read(Path(sys.argv[1]))
"""


def town(n_buildings: int, seed: int = 7) -> City:
    """A town of blocks: footprints of five shapes, streets around every block, hills."""
    generator = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(n_buildings)))
    column, line = (places.ravel()[:n_buildings] for places in np.meshgrid(np.arange(side), np.arange(side)))
    corner = np.column_stack([column * LOT_M + column // LOTS[0] * STREET_M, line * LOT_M + line // LOTS[1] * STREET_M])
    extent = corner.max(axis=0) + LOT_M + STREET_M
    hills = lambda x, y: 8.0 + 20.0 * np.sin(x / 900.0) ** 2 * np.cos(y / 1300.0) ** 2  # noqa: E731
    chosen = generator.choice(len(FOOTPRINTS), n_buildings, p=SHARES)
    size = generator.uniform(0.62, 0.94, (n_buildings, 2)) * LOT_M
    turn = generator.normal(0.12, 0.02, n_buildings) + generator.integers(0, 4, n_buildings) * np.pi / 2
    shapes = np.empty(n_buildings, dtype=object)
    for number, footprint in enumerate(FOOTPRINTS):
        of = np.flatnonzero(chosen == number)
        unit = (np.array(footprint, dtype=float) - 0.5)[None] * size[of][:, None, :]
        cos, sin = np.cos(turn[of])[:, None], np.sin(turn[of])[:, None]
        turned = np.stack([unit[..., 0] * cos - unit[..., 1] * sin, unit[..., 0] * sin + unit[..., 1] * cos], axis=-1)
        shapes[of] = shapely.polygons(turned + (corner[of] + LOT_M / 2)[:, None, :])
    middle = corner + LOT_M / 2
    buildings = gpd.GeoDataFrame(
        {
            "height_m": np.clip(6.0 + generator.gamma(2.2, 2.2, n_buildings), 3.0, 300.0),
            "ground_m": hills(*middle.T),
        },
        geometry=shapes,
        crs=CRS,
    )
    shape = (int(extent[1] / CELL_M) + 1, int(extent[0] / CELL_M) + 1)
    grid = Grid(CRS, 0.0, shape[0] * CELL_M, CELL_M, shape)
    terrain = grid.array(hills(*np.meshgrid(grid.x, grid.y)).astype(np.float32), "m", "synthetic")
    nodes, links = streets(extent)
    city = City("Town", "vn", CRS, grid.bounds, provenance={"sources": []})
    return city.with_tables(buildings=buildings, nodes=nodes, links=links).with_rasters(terrain=terrain)


def streets(extent: np.ndarray) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Streets around the blocks, both directions."""
    step = np.array(LOTS) * LOT_M + STREET_M
    across, up = (np.arange(-STREET_M / 2, extent[axis], step[axis]).clip(0.0) for axis in (0, 1))
    x, y = np.meshgrid(across, up)
    number = np.arange(x.size).reshape(x.shape)
    pairs = np.concatenate(
        [
            np.column_stack([number[:, :-1].ravel(), number[:, 1:].ravel()]),
            np.column_stack([number[:-1].ravel(), number[1:].ravel()]),
        ]
    )
    at = np.column_stack([x.ravel(), y.ravel()])
    both = np.concatenate([pairs, pairs[:, ::-1]])
    n = len(pairs)
    links = gpd.GeoDataFrame(
        {
            "from_node_id": both[:, 0],
            "to_node_id": both[:, 1],
            "reverse_link_id": np.r_[n : 2 * n, 0:n],
            "class": "residential",
            "name": pd.Series([f"Phố {street % 997}" for street in both.min(axis=1)]),
            "length_m": np.hypot(*(at[both[:, 1]] - at[both[:, 0]]).T),
            "width_m": 7.0,
            **dict.fromkeys(MODES, True),
        },
        geometry=shapely.linestrings(at[both]),
        crs=CRS,
    )
    return gpd.GeoDataFrame({"component": 0}, index=range(len(at)), geometry=shapely.points(at), crs=CRS), links


def report(label: str, folder: Path) -> None:
    n = City.read(folder).counts["buildings"]
    reading = measure(READ, str(folder))
    cost = measure(WRITE, str(folder))
    found = cost["result"]
    row(
        label,
        n,
        cost["wall_s"] - reading["wall_s"],
        cost["cpu_s"] - reading["cpu_s"],
        cost["peak_mb"],
        f"{found['bytes'] / 1e6:.2f}",
        found["files"],
        found["by_layer"].get("buildings", 0) / n,
        widths=WIDTHS,
    )
    print("     " + ", ".join(f"{layer} {size:,} B" for layer, size in sorted(found["by_layer"].items())))


def make(folder: str, size: str) -> None:
    """Write a city: Nantes for a size of 0, else a town of so many buildings."""
    if int(size):
        town(int(size)).write(Path(folder))
        return
    from dothi.demo import create_demo
    from dothi.study import Study

    study = Path(folder).with_name("study")
    create_demo(study)
    built = Study.open(study).build().city
    built.write(Path(folder))


def main() -> None:
    largest = int(os.environ.get("DOTHI_BENCH_LARGEST", "1000000"))
    row("city", "buildings", "wall s", "CPU s", "peak MB", "MB gzip", "files", "B/building", widths=WIDTHS)
    with tempfile.TemporaryDirectory() as temporary:
        for size in (0, *(size for size in SIZES if size <= largest)):
            folder = Path(temporary) / str(size)
            # In a process of its own: the peak of this one would be that of all that it starts.
            measure(MAKE, str(folder), str(size), str(Path(__file__).parent))
            report("town" if size else "Nantes", folder)


if __name__ == "__main__":
    main()
