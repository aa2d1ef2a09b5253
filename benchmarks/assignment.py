"""
User equilibrium on published networks: CPU seconds to relative gaps, classes, warm starts, compilation; AequilibraE.

The networks are looked for in `transport-tntp` below `DOTHI_TEST_DATA`. Where `DOTHI_PEERS_PYTHON` names an interpreter
with AequilibraE, it solves the same problems in the same run, with one and with two threads. It needs an environment of
its own, as it is no dependency of Dothi:

    python -m venv /somewhere/peers && /somewhere/peers/bin/pip install aequilibrae==1.7.2
    DOTHI_PEERS_PYTHON=/somewhere/peers/bin/python python -m benchmarks assignment

Seconds are CPU time of the process without imports, reading and compiling, which has a line of its own, and without the
check of the result by SciPy, with which they are listed too. `true` is the gap of the flows at the end, recomputed by
SciPy for both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from _measure import measure, row
from dothi.errors import Problems
from dothi.io.tntp import read_tntp_network, read_tntp_trips
from dothi.traffic.gap import relative_gap
from dothi.traffic.network import Network
from dothi.traffic.published import network_from_tntp

SAMPLES = Path(os.environ.get("DOTHI_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
ROOT = SAMPLES / "transport-tntp"
PEER = os.environ.get("DOTHI_PEERS_PYTHON", "")
PEER_LIMIT_S = 240.0
"""CPU seconds after which AequilibraE is stopped."""

NETWORKS = {
    "Sioux Falls": ("SiouxFalls/SiouxFalls", 0.0, 0.0),
    "Anaheim": ("Anaheim/Anaheim", 0.0, 0.0),
    "Eastern Massachusetts": ("Eastern-Massachusetts/EMA", 0.0, 0.0),
    "Berlin Mitte Center": ("Berlin-Mitte-Center/berlin-mitte-center", 0.0, 0.0),
    "Chicago Sketch": ("Chicago-Sketch/ChicagoSketch", 0.02, 0.04),
}
BESIDE = ("Anaheim", "Berlin Mitte Center", "Chicago Sketch")
"""Networks that AequilibraE solves too; on smaller ones it is its overhead that is measured."""

GAPS = (1e-4, 1e-6, 1e-10)
GOAL = 0.25
"""Share of the time of a cold start that a warm one is to take."""

OURS = """
import time
import numpy as np
from numba import set_num_threads
from dataclasses import replace
from dothi.errors import Problems
from dothi.io.tntp import read_tntp_network, read_tntp_trips
from dothi.traffic.assignment import equilibrium
from dothi.traffic.gap import relative_gap
from dothi.traffic.published import network_from_tntp

stem, toll, length, work = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
set_num_threads(min(2, __import__("os").cpu_count()))
network = network_from_tntp(read_tntp_network(__import__("pathlib").Path(stem + "_net.tntp"), Problems()),
                            toll_weight=toll, length_weight=length)
demand = read_tntp_trips(__import__("pathlib").Path(stem + "_trips.tntp"), Problems())[None]
equilibrium(network, demand, [1.0], gap=1e-2)  # compiles
GAPS = (1e-4, 1e-6, 1e-10)

def once(network, demand, pcu, gap, warm=None):
    began = time.process_time()
    found = equilibrium(network, demand, pcu, gap=gap, warm=warm)
    return time.process_time() - began, found

def best(*arguments, **more):
    runs = [once(*arguments, **more) for _ in range(5)]
    return min(found.history[-1].cpu_s for _, found in runs), min(whole for whole, _ in runs), runs[-1][1]

if work == "gaps":
    result = [[seconds, whole, found.gap, found.iterations, found.imbalance_veh_h, found.objective / 60.0]
              for seconds, whole, found in (best(network, demand, [1.0], gap) for gap in GAPS)]
elif work == "classes":
    # Half the cars, and four motorbikes of 0.25 pcu for each of the others; tolls and lengths are worth half to them.
    two = replace(network, cost_s=np.concatenate([network.cost_s, 0.5 * network.cost_s]))
    both = np.concatenate([0.5 * demand, 2.0 * demand])
    result = [[best(network, demand, [1.0], gap)[0], best(two, both, [1.0, 0.25], gap)[0]] for gap in GAPS]
elif work == "warm":
    before = equilibrium(network, demand, [1.0], gap=1e-6)
    result = []
    inner = (network.from_node >= network.n_zones) & (network.to_node >= network.n_zones)
    used = np.flatnonzero(inner & (before.volume_pcu_h > 0.0))
    used = used[np.argsort(before.volume_pcu_h[used])]
    quartiles = used[[len(used) // 4, len(used) // 2, 3 * len(used) // 4]]
    chance = np.random.default_rng(5).choice(used[:-10], 10, replace=False)
    for kind, links in (("quartile", quartiles), ("chance", chance), ("busiest", used[:-11:-1])):
        for link in links:
            cost = network.cost_s.copy()
            cost[0, link] = np.inf
            closed = replace(network, cost_s=cost)
            cold, warm = best(closed, demand, [1.0], 1e-6), best(closed, demand, [1.0], 1e-6, warm=before)
            flows = float(np.abs(warm[2].volume_pcu_h - cold[2].volume_pcu_h).max())
            result.append([kind, float(before.volume_pcu_h[link]), cold[0], warm[0], cold[2].gap, warm[2].gap, flows])
"""

COMPILES = """
import time
import numpy as np
from dothi.traffic.assignment import equilibrium
from dothi.traffic.network import Network
from dothi.traffic.paths import select_link, skims
ones = np.ones(2)
network = Network(2, 2, 0 * ones, ones, ones, ones, ones, ones, 0 * ones, np.zeros((1, 2)))
demand = np.array([[[0.0, 2.0], [0.0, 0.0]]])
began = time.process_time()
found = equilibrium(network, demand, [1.0])
skims(network, found)
select_link(network, found, demand, [1.0], [0])
result = time.process_time() - began
"""

THEIRS = """
import json, logging, sys, time
import numpy as np, pandas as pd
logging.disable(logging.CRITICAL)
from aequilibrae.matrix import AequilibraeMatrix
from aequilibrae.paths import Graph, TrafficAssignment, TrafficClass
from aequilibrae.paths.linear_approximation import LinearApproximation

data, answer, threads, target, limit = np.load(sys.argv[1]), sys.argv[2], *map(float, sys.argv[3:6])
n = int(data["n_zones"])
names = ("a_node", "b_node", "free_flow_time", "capacity", "b", "power", "paid")
links = pd.DataFrame({name: data[name] for name in names})
links["direction"], links["link_id"] = 1, np.arange(1, len(links) + 1)
graph = Graph()
graph.network, graph.network_ok, graph.status = links, True, "OK"
graph.prepare_graph(np.arange(1, n + 1))
graph.set_graph("free_flow_time")
graph.set_blocked_centroid_flows(bool(data["blocked"]))
matrix = AequilibraeMatrix()
matrix.create_empty(zones=n, matrix_names=["trips"], memory_only=True)
matrix.index[:] = np.arange(1, n + 1)
matrix.matrices[:, :, 0] = data["trips"]
matrix.computational_view(["trips"])
cars = TrafficClass("cars", graph, matrix)
if data["paid"].any():
    cars.set_fixed_cost("paid")
    cars.set_vot(1.0)
assignment = TrafficAssignment()
assignment.set_classes([cars])
assignment.set_vdf("BPR")
assignment.set_vdf_parameters({"alpha": "b", "beta": "power"})
assignment.set_capacity_field("capacity")
assignment.set_time_field("free_flow_time")
assignment.set_algorithm("bfw")
assignment.max_iter, assignment.rgap_target = 5000, target
assignment.set_cores(int(threads))
trace, check = [], LinearApproximation.check_convergence
def checked(self):
    done = check(self)
    trace.append((time.process_time() - began, float(self.rgap)))
    return done or trace[-1][0] > limit
LinearApproximation.check_convergence = checked
began, clock = time.process_time(), time.perf_counter()
assignment.execute()
wall = time.perf_counter() - clock
flows = assignment.results()
volume = flows["PCE_AB"].reindex(np.arange(1, len(links) + 1)).fillna(0.0).to_numpy()
json.dump({"trace": trace, "volume": volume.tolist(), "wall": wall}, open(answer, "w"))
"""


def main() -> None:
    _gaps()
    _classes()
    _warm()
    _compilation()


def _ours(name: str, work: str) -> list[list[Any]]:
    stem, toll, length = NETWORKS[name]
    result: list[list[Any]] = measure(OURS, str(ROOT / stem), str(toll), str(length), work)["result"]
    return result


def _gaps() -> None:
    widths = (22, 6, 22, 8, 10, 10, 10, 8)
    row("network", "gap", "program", "CPU s", "+ check", "true", "imbalance", "ratio", widths=widths)
    for name in NETWORKS:
        ours = _ours(name, "gaps")
        for gap, (seconds, whole, true, steps, lost, _) in zip(GAPS, ours, strict=True):
            program = f"Dothi, {steps} iterations"
            row(name, f"{gap:.0e}", program, f"{seconds:.4f}", f"{whole:.4f}", f"{true:.1e}", f"{lost:.0e}", "",
                widths=widths)  # fmt: skip
        if PEER and name in BESIDE:
            for threads in (1, 2):
                _print_peer(name, threads, {gap: line[0] for gap, line in zip(GAPS, ours, strict=True)}, widths)


def _print_peer(name: str, threads: int, ours: dict[float, float], widths: tuple[int, ...]) -> None:
    network, demand = _problem(name)
    answer = _peer(network, demand, threads)
    volume = np.array(answer["volume"])[None]
    true = relative_gap(network, demand, [1.0], volume)
    lost = _imbalance(network, demand, volume)
    for gap in GAPS[:2]:
        seconds = next((cpu for cpu, found in answer["trace"] if found <= gap), None)
        program = f"AequilibraE, {threads} thread{'s' if threads > 1 else ''}"
        if seconds is None:
            cpu, found = answer["trace"][-1]
            row(name, f"{gap:.0e}", program, f"{cpu:.1f}", f"not: {found:.0e}", f"{true:.1e}", f"{lost:.0e}",
                f"> {cpu / ours[gap]:.0f}", widths=widths)  # fmt: skip
        else:
            row(name, f"{gap:.0e}", program, f"{seconds:.1f}", "", f"{true:.1e}" if gap == GAPS[1] else "",
                f"{lost:.0e}", f"{seconds / ours[gap]:.0f}", widths=widths)  # fmt: skip


def _problem(name: str) -> tuple[Network, np.ndarray]:
    stem, toll, length = NETWORKS[name]
    links = read_tntp_network(ROOT / f"{stem}_net.tntp", Problems())
    demand = read_tntp_trips(ROOT / f"{stem}_trips.tntp", Problems())[None]
    return network_from_tntp(links, toll_weight=toll, length_weight=length), demand


def _imbalance(network: Network, demand: np.ndarray, volume: np.ndarray) -> float:
    from dothi.traffic.gap import imbalance_veh_h

    return imbalance_veh_h(network, demand, volume)


def _peer(network: Network, demand: np.ndarray, threads: int) -> dict[str, object]:
    """AequilibraE on the same problem, in minutes; links that take no time take a millionth of a second."""
    with tempfile.TemporaryDirectory() as folder:
        data, answer = Path(folder) / "problem.npz", Path(folder) / "answer.json"
        np.savez(
            data,
            n_zones=network.n_zones,
            a_node=network.from_node.astype(np.int64) + 1,
            b_node=network.to_node.astype(np.int64) + 1,
            free_flow_time=np.maximum(network.free_time_s, 1e-6) / 60.0,
            capacity=network.capacity_pcu_h,
            b=network.alpha,
            power=network.beta,
            paid=network.cost_s[0] / 60.0,
            blocked=network.first_through == network.n_zones,
            trips=demand[0] * (1.0 - np.eye(network.n_zones)),
        )
        command = [PEER, "-c", THEIRS, str(data), str(answer), str(threads), str(GAPS[1]), str(PEER_LIMIT_S)]
        quiet = os.environ | {"AEQ_SHOW_PROGRESS": "FALSE"}
        subprocess.run(command, check=True, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found: dict[str, object] = json.loads(answer.read_text())
        return found


def _classes() -> None:
    widths = (22, 6, 12, 12, 8)
    print()
    row("network", "gap", "one class s", "two s", "ratio", widths=widths)
    for name in ("Sioux Falls", "Anaheim", "Chicago Sketch"):
        for gap, (one, two) in zip(GAPS, _ours(name, "classes"), strict=True):
            row(name, f"{gap:.0e}", f"{one:.4f}", f"{two:.4f}", two / one, widths=widths)


def _warm() -> None:
    widths = (34, 10, 10, 8, 10, 10, 12)
    print()
    row("Chicago Sketch, closed link with", "cold s", "warm s", "ratio", "cold gap", "warm gap", "flows apart",
        widths=widths)  # fmt: skip
    lines = _ours("Chicago Sketch", "warm")
    for kind, volume, cold, warm, cold_gap, warm_gap, apart in lines:
        row(f"{volume:,.0f} veh/h ({kind})", f"{cold:.3f}", f"{warm:.3f}", warm / cold, f"{cold_gap:.0e}",
            f"{warm_gap:.0e}", f"{apart:.1f}", widths=widths)  # fmt: skip
    for kind in ("chance", "busiest"):
        ratios = sorted(warm / cold for which, _, cold, warm, *_ in lines if which == kind)
        few = sum(ratio < GOAL for ratio in ratios)
        middle, ends = np.median(ratios), f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        print(f"{kind}: {ends}, median {middle:.2f}, {few} of {len(ratios)} below {GOAL}")


def _compilation() -> None:
    print()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NUMBA_CACHE_DIR"] = folder
        cold = measure(COMPILES)["result"]
        kept = measure(COMPILES)["result"]
        del os.environ["NUMBA_CACHE_DIR"]
    print(f"kernels of assignment, skims and select-link: {cold:.1f} CPU s to compile, {kept:.2f} s from the cache")


if __name__ == "__main__":
    main()
