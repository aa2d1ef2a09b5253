"""
Power flow of a grid beside power-grid-model: CPU time a step, and how far voltages lie apart.

The grid is made up (20 stations of medium voltage, each with a tree of low voltage, 400 buses), or that of SimBench
where `DOTHI_BENCH_SIMBENCH` names a folder with `all.json`, written by pandapower from 1-MVLV-urban-all, and `all.npz`
with its profiles `p`, `q` and `g` [MW]. Both programs have the same loads and tolerance, one thread each, in one
process.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from _measure import measure, row

WIDTHS = (22, 8, 8, 12, 12, 12, 10, 12)
RUN = """
import os, time
from pathlib import Path
import numpy as np
from dothi.power import flow as own
from dothi.power.meshed import Meshed
from dothi.power.network import network_of
own.PARTS = 1
folder = sys.argv[1]
if folder:
    from dothi.errors import Problems
    from dothi.io.pandapower_json import grid_of_pandapower
    grid = grid_of_pandapower(Path(folder, "all.json"), Problems())
    tables, kept = (grid.nodes, grid.lines, grid.transformers), np.load(Path(folder, "all.npz"))
    every = grid.nodes.index.get_indexer(grid.loads["grid_node_id"])
    at, where = np.unique(every, return_inverse=True)
    p, q = (np.zeros((len(at), kept["p"].shape[1])) for _ in range(2))
    np.add.at(p, where, np.r_[kept["p"], -kept["g"]].astype(float) * 1e6)
    np.add.at(q, where, np.r_[kept["q"], 0.0 * kept["g"]].astype(float) * 1e6)
    few = 40
else:
    from dothi.verify.power import made_up
    tables, at, p, q = made_up(1)
    p, q = (np.tile(values, 50) for values in (p, q))
    few = p.shape[1]
network, steps = network_of(*tables), p.shape[1]
blocks = own.blocked(p), own.blocked(q)
own.power_flow(network, at, blocks[0][:1], blocks[1][:1], 8)
peer = Meshed(*tables, at)
times = {"own": [], "newton_raphson": [], "iterative_current": []}
for _ in range(3):
    began = time.process_time()
    own.power_flow(network, at, *blocks, steps)
    times["own"].append((time.process_time() - began) / steps)
    for method in ("newton_raphson", "iterative_current"):
        began = time.process_time()
        found = peer.power_flow(p.T[:few], q.T[:few], method=method)
        times[method].append((time.process_time() - began) / few)
    if method == "iterative_current":
        found = peer.power_flow(p.T[:8], q.T[:8])
ours = own.power_flow(network, at, own.blocked(p[:, :8]), own.blocked(q[:, :8]), 8)
apart = np.abs(ours.low_pu - found["node"]["u_pu"].min(axis=0)[network.nodes]).max()
ms = {name: min(values) * 1e3 for name, values in times.items()}
result = {"nodes": len(network.nodes), "steps": steps, **ms, "apart": float(apart)}
"""


def main() -> None:
    """Print the table."""
    row("grid", "nodes", "steps", "own ms", "PGM NR ms", "PGM IC ms", "NR / own", "apart, pu", widths=WIDTHS)
    folders = {"made up": "", "1-MVLV-urban-all": os.environ.get("DOTHI_BENCH_SIMBENCH", "")}
    for name, folder in folders.items():
        if name != "made up" and not folder:
            continue
        found = measure(RUN, folder)["result"]
        ratio = found["newton_raphson"] / found["own"]
        numbers = (found["own"], found["newton_raphson"], found["iterative_current"])
        cells = (*(f"{value:.4g}" for value in numbers), f"{ratio:.1f}", f"{found['apart']:.1e}")
        row(name, found["nodes"], found["steps"], *cells, widths=WIDTHS)


if __name__ == "__main__":
    main()
