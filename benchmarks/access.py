"""
Access: all crossings of a synthetic town of 100,000 crossings, on foot up to 1,200 m, beside scipy on a sample.

Blocks of 100 m with crossings out of place, 15 % of the streets missing, ways a tenth longer than straight; 20,000
opportunities. Seconds are CPU time without compilation, which is told apart. Where `DOTHI_PEERS_PYTHON` names an
interpreter with pandana or networkit, they run on the same town.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

sys.path.insert(0, str(Path(__file__).parent))
from _measure import row
from dothi.access import search
from dothi.access.graph import Graph, compressed

SIDE, BLOCK_M, LIMIT_M, N_OPPORTUNITIES, SAMPLE = 316, 100.0, 1200.0, 20_000, 200
WIDTHS = (44, 12, 12, 14)
PEERS = {
    "pandana": """
import numpy as np, pandas as pd, sys, time, pandana
d = np.load(sys.argv[1])
begin = time.process_time()
net = pandana.Network(pd.Series(d["x"]), pd.Series(d["y"]), pd.Series(d["tail"]), pd.Series(d["head"]),
                      pd.DataFrame({"w": d["cost"]}), twoway=False)
built = time.process_time()
net.precompute(float(d["limit"]))
net.set(pd.Series(d["at"]), variable=pd.Series(np.ones(len(d["at"]))), name="o")
net.aggregate(float(d["limit"]), type="sum", decay="flat", name="o")
print(built - begin, time.process_time() - built)
""",
    "networkit": """
import numpy as np, sys, time, networkit as nk
nk.setNumberOfThreads(1)
d = np.load(sys.argv[1])
begin = time.process_time()
g = nk.graph.Graph(len(d["x"]), weighted=True, directed=True)
for a, b, c in zip(d["tail"].tolist(), d["head"].tolist(), d["cost"].tolist()):
    g.addEdge(a, b, c)
built = time.process_time()
for s in range(20):
    nk.distance.Dijkstra(g, s, False, False).run()
print(built - begin, (time.process_time() - built) / 20 * len(d["x"]))
""",
}


def town(side: int = SIDE, seed: int = 0) -> Graph:
    """The largest connected part of a disturbed grid."""
    rng = np.random.default_rng(seed)
    xy = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1).reshape(-1, 2) * BLOCK_M
    xy = xy + rng.normal(0.0, 18.0, xy.shape)
    number = np.arange(side * side).reshape(side, side)
    street = np.concatenate(
        [
            np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1),
            np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1),
        ]
    )
    street = street[rng.random(len(street)) > 0.15]
    length = np.hypot(*(xy[street[:, 0]] - xy[street[:, 1]]).T) * 1.1
    whole = csr_array((length, (street[:, 0], street[:, 1])), shape=(len(xy), len(xy)))
    part = connected_components(whole, directed=False)[1]
    kept = part == np.bincount(part).argmax()
    new, inside = np.cumsum(kept) - 1, kept[street[:, 0]]
    street, length = new[street[inside]], length[inside]
    tail, head = np.r_[street[:, 0], street[:, 1]], np.r_[street[:, 1], street[:, 0]]
    return compressed(
        tail, head, np.r_[length, length], np.arange(len(tail)), np.arange(kept.sum()), np.ascontiguousarray(xy[kept])
    )


def at_nodes(nodes: np.ndarray) -> search.Beside:
    node = nodes.astype(np.int32)
    return search.Beside(node, np.zeros(len(node)), np.argsort(node, kind="stable"))


def timed(work):
    began, wall = time.process_time(), time.perf_counter()
    made = work()
    return made, time.process_time() - began, time.perf_counter() - wall


def main() -> None:
    graph = town()
    n, rng = len(graph), np.random.default_rng(3)
    opportunities = np.bincount(rng.integers(0, n, N_OPPORTUNITIES), minlength=n).astype(float)
    every, limits = at_nodes(np.arange(n)), np.array([LIMIT_M])
    print(f"{n:,} crossings, {len(graph.head):,} arcs, {N_OPPORTUNITIES:,} opportunities, {LIMIT_M:g} m")
    row("work", "CPU s", "wall s", "µs per origin", widths=WIDTHS)
    _, cpu, wall = timed(lambda: search.within(graph, at_nodes(np.arange(2)), every, opportunities, limits))
    row("first call, with compilation or its cache", cpu, wall, "", widths=WIDTHS)
    for text, several in (
        ("Dothi, one limit", limits),
        ("Dothi, four limits in one pass", LIMIT_M * np.arange(1, 5) / 4),
    ):
        for _ in range(3):
            found, cpu, wall = timed(
                lambda several=several: search.within(graph, every, every, opportunities, several)[0]
            )
            row(text, cpu, wall, cpu / n * 1e6, widths=WIDTHS)
    whole = csr_array((graph.cost, graph.head, graph.first), shape=(n, n))
    sample = np.linspace(0, n - 1, SAMPLE).astype(int)
    away, cpu, wall = timed(lambda: dijkstra(whole, indices=sample, limit=LIMIT_M))
    row(f"scipy, {SAMPLE} origins", cpu, wall, cpu / SAMPLE * 1e6, widths=WIDTHS)
    same = np.array_equal(np.isfinite(away) @ opportunities, found[sample, -1])
    print(f"sums of the sample equal scipy's: {same}; crossings in reach {np.isfinite(away).sum(axis=1).mean():.0f}")
    peers(graph, opportunities)


def peers(graph: Graph, opportunities: np.ndarray) -> None:
    """The same by other programs, where there are any."""
    python = os.environ.get("DOTHI_PEERS_PYTHON")
    if not python:
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "town.npz"
        at = np.repeat(np.arange(len(graph)), opportunities.astype(int))
        np.savez(
            file,
            x=graph.xy[:, 0],
            y=graph.xy[:, 1],
            tail=graph.tail,
            head=graph.head,
            cost=graph.cost,
            at=at,
            limit=LIMIT_M,
        )
        for name, code in PEERS.items():
            done = subprocess.run([python, "-c", code, str(file)], capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{name}: not there ({done.stderr.strip().splitlines()[-1:]})")
                continue
            build, search_s = map(float, done.stdout.split()[-2:])
            row(f"{name}, preparation", build, "", "", widths=WIDTHS)
            row(f"{name}, all origins", search_s, "", search_s / len(graph) * 1e6, widths=WIDTHS)


if __name__ == "__main__":
    main()
