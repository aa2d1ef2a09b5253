"""
Power flow beside pandapower (grids of SimBench) and OpenDSS, each in an environment of its own.

`DOTHI_POWER_PEERS` names a Python that has simbench, pandapower and dss-python; they want other versions of pandas than
Dothi. Without it, or without the feeders, the tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dothi.errors import Problems
from dothi.io.opendss import read_script
from dothi.io.pandapower_json import grid_of_pandapower
from dothi.power.flow import blocked, power_flow
from dothi.power.meshed import Meshed
from dothi.power.network import network_of
from dothi.power.phases import feeder_flow

PYTHON = os.environ.get("DOTHI_POWER_PEERS") or os.environ.get("DOTHI_PEERS_PYTHON", "")
FEEDERS = Path(os.environ.get("DOTHI_DATA", Path(__file__).parents[3] / "shared" / "data")) / "ieee-feeders"
pytestmark = pytest.mark.skipif(not PYTHON, reason="DOTHI_POWER_PEERS names no Python with simbench and dss-python")
STEP = 0.00625

SIMBENCH = """
import json, logging, sys, warnings
warnings.filterwarnings("ignore"); logging.disable(logging.CRITICAL)
import pandapower, simbench
net = simbench.get_simbench_net(sys.argv[1])
net.storage.drop(net.storage.index, inplace=True)
net.profiles = {}
pandapower.to_json(net, sys.argv[2])
net.trafo["tap_changer_type"] = "Ratio"
pandapower.runpp(net, trafo_model="pi", tolerance_mva=1e-10)
json.dump({str(k): v for k, v in net.res_bus.vm_pu.items()}, open(sys.argv[3], "w"))
"""
OPENDSS = """
import json, sys
from dss import dss
text, circuit = dss.Text, dss.ActiveCircuit
text.Command = "clear"
text.Command = f"compile [{sys.argv[1]}]"
for name, tap in json.loads(sys.argv[3]).items():
    text.Command = f"transformer.{name}.taps=[1.0 {tap}]"
text.Command = "set controlmode=off"
text.Command = "set mode=snap"
text.Command = "batchedit load..* vminpu=0.5 vmaxpu=1.5"
text.Command = "set tolerance=1e-9"
circuit.Solution.Solve()
found = {}
for k in range(circuit.NumBuses):
    bus = circuit.Buses(k)
    parts = bus.Voltages
    volt = [None] * 3
    for n, node in enumerate(bus.Nodes):
        if node <= 3:
            volt[node - 1] = [parts[2 * n], parts[2 * n + 1]]
    found[bus.Name.lower()] = volt
json.dump(found, open(sys.argv[2], "w"))
"""


@pytest.mark.parametrize(
    ("code", "tolerance"), [("1-LV-rural1--0-sw", 1e-8), ("1-LV-urban6--0-sw", 1e-8), ("1-MV-urban--0-sw", 4e-4)]
)
def test_voltages_of_simbench_are_those_of_pandapower_and_of_power_grid_model(code, tolerance, tmp_path):
    """Taps change the impedances of transformers in pandapower, not here nor in power-grid-model: 2e-4 in MV-urban."""
    subprocess.run(
        [PYTHON, "-c", SIMBENCH, code, tmp_path / "net.json", tmp_path / "volt.json"], check=True, timeout=300
    )
    grid = grid_of_pandapower(tmp_path / "net.json", Problems())
    network = network_of(grid.nodes, grid.lines, grid.transformers, hertz=grid.hertz)
    at = grid.nodes.index.get_indexer(grid.loads["grid_node_id"])
    p, q = (grid.loads[name].to_numpy()[:, None] for name in ("p_w", "q_var"))
    flow = power_flow(network, at, blocked(p), blocked(q), 1)
    theirs = json.loads((tmp_path / "volt.json").read_text())
    known = np.array([theirs[name] for name in grid.nodes["source_id"]])[network.nodes]
    assert np.nanmax(np.abs(flow.low_pu - known)) < tolerance
    peer = Meshed(grid.nodes, grid.lines, grid.transformers, at, hertz=grid.hertz).power_flow(p.T, q.T, tolerance=1e-12)
    assert np.abs(flow.low_pu - peer["node"]["u_pu"][0, network.nodes]).max() < 1e-6


@pytest.mark.skipif(not FEEDERS.is_dir(), reason="the feeders of the IEEE are not at hand")
@pytest.mark.parametrize(
    ("script", "taps", "between", "tolerance"),
    [
        ("13Bus/IEEE13Nodeckt.dss", {"reg1": 10, "reg2": 8, "reg3": 11}, False, 5e-5),
        (
            "34Bus/ieee34Mod1.dss",
            {"reg1a": 12, "reg1b": 5, "reg1c": 5, "reg2a": 13, "reg2b": 11, "reg2c": 12},
            False,
            2e-4,
        ),
        ("37Bus/ieee37.dss", {"reg1a": 7, "reg1c": 4}, True, 1.5e-3),
    ],
)
def test_voltages_of_feeders_are_those_of_opendss(script, taps, between, tolerance, tmp_path):
    """In the delta of the 37-node feeder the impedance of its regulators is shared out otherwise: 1e-3."""
    shutil.copytree(FEEDERS / Path(script).parent, tmp_path / "feeder")
    for code in (tmp_path / "feeder").glob("*.DSS"):  # its name is written in small letters in the scripts
        shutil.copy(code, code.with_suffix(".dss"))
    path, ratios = tmp_path / "feeder" / Path(script).name, {name: 1.0 + tap * STEP for name, tap in taps.items()}
    command = [PYTHON, "-c", OPENDSS, path, tmp_path / "volt.json", json.dumps(ratios)]
    subprocess.run(command, check=True, timeout=300)
    parsed = read_script(path, Problems())
    for name, ratio in ratios.items():
        parsed.elements["transformer", name].given.append(("taps", f"[1.0 {ratio}]"))
    flow = feeder_flow(parsed)
    for bus, parts in json.loads((tmp_path / "volt.json").read_text()).items():
        theirs, ours = np.array([complex(*part) if part else 0.0 for part in parts]), flow.volt[bus]
        if between:
            theirs, ours = theirs - np.roll(theirs, -1), ours - np.roll(ours, -1)
        scale = flow.nominal[bus] * (np.sqrt(3.0) if between else 1.0)
        assert np.abs(np.abs(theirs) - np.abs(ours)).max() / scale < tolerance, bus
