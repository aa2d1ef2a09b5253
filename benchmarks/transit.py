"""
Public transport of Hanoi: earliest arrivals at all stops, and times from zone to zone over a range of departures.

Reads the folder `$DOTHI_TEST_DATA`, else `../shared/data`: `hanoi/gtfs/hanoi_gtfs_md.zip` has 7,670 stops and 224,166
calls of 6,713 trips. Bounded walks join stops within 400 m of each other, 1.3 times the way the crow flies, as there is
no street network beside the timetable. Closed walks are those of 120 m, with all that they make together. Queries leave
from stops drawn at random, from 10:00 to 16:00. Seconds are CPU time of one thread in a fresh process, without imports,
compilation and reading.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from _measure import measure, row

FEED = "hanoi/gtfs/hanoi_gtfs_md.zip"
WIDTHS = (34, 10, 14, 14, 16)
WORK = """
import time
import numpy as np
from pathlib import Path
from scipy.spatial import cKDTree
from dothi.city import City
from dothi.errors import Problems
from dothi.io.gtfs import read_gtfs
from dothi.transit.footpaths import closed, collected
from dothi.transit.kernels import desk_for, labels_for, one_to_all, skim
from dothi.transit.routing import at_stops, earliest_arrivals
from dothi.transit.timetable import scheduled_runs, service_day, timetable

tables = read_gtfs(Path(sys.argv[1]), Problems())
tables = {name: frame.to_crs("EPSG:32648") if hasattr(frame, "to_crs") else frame for name, frame in tables.items()}
xy = np.column_stack([tables["stops"].geometry.x, tables["stops"].geometry.y])
city = City("Hanoi", "vn", "EPSG:32648", (*xy.min(axis=0), *xy.max(axis=0)), tables)
began = time.process_time()
table = timetable(scheduled_runs(city, service_day(city)), len(xy))
built = time.process_time() - began

def walks(limit_m):
    pairs = cKDTree(xy).query_pairs(limit_m, output_type="ndarray")
    one, other = np.r_[pairs[:, 0], pairs[:, 1]], np.r_[pairs[:, 1], pairs[:, 0]]
    return collected(one, other, np.ceil(1.3 * np.hypot(*(xy[one] - xy[other]).T) / 1.34), len(xy))

rng = np.random.default_rng(5)
what, rides, n = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
between = closed(walks(120.0)) if what == "closed" else walks(400.0)
labels, desk = labels_for(len(xy), rides), desk_for(len(xy), table.n_patterns)
origins = rng.integers(0, len(xy), n).astype(np.int32)
if what == "range":
    near = cKDTree(xy).query_ball_point(xy[origins], 600.0)
    of = np.repeat(np.arange(n), [len(found) for found in near])
    to = np.concatenate(near).astype(int)
    zones = collected(of, to, np.hypot(*(xy[origins[of]] - xy[to]).T), n)
    departures = np.arange(11 * 3600, 10 * 3600, -60, dtype=np.int32)
    legs, sums = np.empty((rides, 3), dtype=np.int32), np.zeros((n, n, 5))
    arguments = (table.lines, between, zones, zones, departures, 30, labels, desk, legs)
    skim(*arguments, np.zeros((1, n, 5)))
    began = time.process_time()
    skim(*arguments, sums)
    seconds, reached = time.process_time() - began, float((sums[:, :, 0] > 0).mean())
else:
    times = rng.integers(10 * 3600, 16 * 3600, n).astype(np.int32)
    arrivals = np.empty((n, len(xy)), dtype=np.int32)
    arguments = (table.lines, between, at_stops(len(xy)))
    one_to_all(*arguments, origins[:1], times[:1], 0, labels, desk, arrivals[:1])
    began = time.process_time()
    one_to_all(*arguments, origins, times, 0, labels, desk, arrivals)
    seconds, reached = time.process_time() - began, float((arrivals < 2**30).mean())
result = {
    "seconds": seconds, "reached": reached, "built": built, "walks": len(between.to), "patterns": table.n_patterns,
    "trips": table.n_trips,
}
"""


def main() -> None:
    data = Path(os.environ.get("DOTHI_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (data / FEED).exists():
        print(f"{FEED} is not in {data}: nothing to measure")
        return
    row("query", "rides ≤", "ms each", "queries/s", "stops reached", widths=WIDTHS)
    for what, rides, n in (
        ("bounded", 1, 2000),
        ("bounded", 2, 2000),
        ("bounded", 3, 2000),
        ("bounded", 5, 1000),
        ("closed", 3, 2000),
    ):
        found = measure(WORK, str(data / FEED), what, str(rides), str(n))["result"]
        each = found["seconds"] / n
        name = f"one to all, {found['walks']:,} {what} walks"
        row(name, rides, each * 1e3, round(1.0 / each), f"{found['reached']:.0%}", widths=WIDTHS)
    found = measure(WORK, str(data / FEED), "range", "3", "300")["result"]
    print(f"timetable of {found['trips']:,} trips in {found['patterns']} patterns made in {found['built']:.2f} s")
    each = found["seconds"] / 300
    print(f"300 zones to 300 zones, 60 departures of an hour: {found['seconds']:.2f} s, {each * 1e3:.1f} ms an origin")


if __name__ == "__main__":
    main()
