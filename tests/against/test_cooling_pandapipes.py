"""
District networks beside pandapipes, an environment of its own away.

pandapipes 0.16.0 needs another pandapower than the tests have: ``DOTHI_PANDAPIPES_PYTHON``, or ``DOTHI_PEERS_PYTHON``,
names an interpreter with ``pandapipes==0.16.0`` and ``pandapower==3.3.3``. Without one the tests are skipped.
"""

import json
import os
import subprocess
import time

import numpy as np
import pytest

from dothi.cooling.network import simulate_hour, simulate_year
from dothi.verify.cooling import OneWater, town

PYTHON = os.environ.get("DOTHI_PANDAPIPES_PYTHON") or os.environ.get("DOTHI_PEERS_PYTHON", "")
PEER = """
import json, logging, sys, time, warnings
warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
import numpy as np
try:
    import pandapipes as pp
except ImportError:
    sys.exit(77)
given = json.load(sys.stdin)
rho, mu, cp = given["water"]
net = pp.create_empty_network()
net.fluid = pp.create_constant_fluid(
    "water", "liquid", density=rho, viscosity=mu, heat_capacity=cp, molar_mass=18.0, compressibility=1.0
)
n, start = len(given["parent"]), given["supply_c"] + 273.15
s = [pp.create_junction(net, pn_bar=30, tfluid_k=start) for _ in range(n)]
r = [pp.create_junction(net, pn_bar=30, tfluid_k=given["return_c"] + 273.15) for _ in range(n)]
pp.create_circ_pump_const_pressure(net, r[0], s[0], p_flow_bar=100.0, plift_bar=90.0, t_flow_k=start)
ways = [(given["parent"][i], i, i) for i in range(1, n)] + [(a, b, n + k) for k, (a, b) in enumerate(given["ends"])]
for a, b, e in ways:
    like = dict(
        length_km=given["length_m"][e] / 1e3, inner_diameter_mm=given["diameter_m"][e] * 1e3, k_mm=0.1,
        u_w_per_m2k=given["loss_w_m_k"][e] / (np.pi * given["diameter_m"][e]), text_k=given["ground_c"] + 273.15,
    )
    pp.create_pipe_from_parameters(net, s[a], s[b], **like)
    pp.create_pipe_from_parameters(net, r[b], r[a], **like)
sign = 1.0 if given["supply_c"] > given["return_c"] else -1.0
for i, q, m in zip(given["at"], given["load_w"], given["draw_kg_s"]):
    pp.create_heat_consumer(net, s[i], r[i], qext_w=sign * q, controlled_mdot_kg_per_s=m)
how = dict(
    friction_model="colebrook", mode="sequential", iter=200, tol_p=1e-7, tol_m=1e-7, tol_T=1e-5, tol_res=1e-4,
    tolerance_colebrook=1e-10,
)
pp.pipeflow(net, **how)
began = time.process_time()
for _ in range(3):
    pp.pipeflow(net, **how)
seconds = (time.process_time() - began) / 3
bar, kelvin = net.res_junction.p_bar.to_numpy(), net.res_junction.t_k.to_numpy()
print(json.dumps({
    "version": pp.__version__, "seconds": seconds,
    "supply_pa": ((bar[:n] - 100.0) * 1e5).tolist(), "return_pa": ((bar[n:] - 10.0) * 1e5).tolist(),
    "supply_c": (kelvin[:n] - 273.15).tolist(), "return_c": (kelvin[n:] - 273.15).tolist(),
}))
"""


def question(network, service, load, ground, hour):
    """What pandapipes is told of a network: its pipes, and the draws that Dothi found in an hour."""
    topology, water = network.topology, service.water
    return json.dumps(
        {
            "water": [water[0], water[1], water[4]],
            "parent": topology.parent.tolist(),
            "ends": topology.ends.tolist(),
            "supply_c": service.supply_c,
            "return_c": service.return_c,
            "ground_c": ground,
            "length_m": network.length_m.tolist(),
            "diameter_m": network.diameter_m.tolist(),
            "loss_w_m_k": network.loss_w_m_k.tolist(),
            "at": network.at.tolist(),
            "load_w": load.tolist(),
            "draw_kg_s": hour.draw_kg_s[network.at].tolist(),
        }
    )


@pytest.fixture
def beside():
    """What pandapipes gives for a network with the draws that Dothi found."""

    def ask(network, service, load, ground, hour):
        given = question(network, service, load, ground, hour)
        done = subprocess.run([PYTHON, "-c", PEER], input=given, capture_output=True, text=True, check=False)
        if done.returncode == 77:
            pytest.skip(f"{PYTHON} has no pandapipes: pip install pandapipes==0.16.0 pandapower==3.3.3")
        assert not done.returncode, done.stderr[-2000:]
        return json.loads(done.stdout)

    if not PYTHON:
        pytest.skip("DOTHI_PANDAPIPES_PYTHON names no interpreter with pandapipes==0.16.0 and pandapower==3.3.3")
    return ask


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "loops", "supply", "back", "ground"),
    [(50, 3, 5.0, 14.0, 18.0), (50, 0, 80.0, 50.0, 10.0), (300, 0, 5.0, 14.0, 18.0)],
)
def test_pressures_and_temperatures_are_those_of_pandapipes_a_hundred_times_faster(
    beside, n, loops, supply, back, ground
):
    service = OneWater(supply, back)
    network, load = town(n + loops, n, loops)
    load = load * 3.0  # turbulent everywhere: pandapipes uses the equation of turbulent flow in slow water as well
    hour = simulate_hour(network, service, load, ground)
    other = beside(network, service, load, ground, hour)
    drop = -hour.supply_pa.min()
    assert np.abs(hour.supply_pa - np.array(other["supply_pa"])).max() < 1e-3 * drop
    assert np.abs(hour.return_pa - np.array(other["return_pa"])).max() < 1e-3 * drop
    assert np.abs(hour.supply_c - np.array(other["supply_c"])).max() < 0.01
    assert np.abs(hour.return_c - np.array(other["return_c"])).max() < 0.01
    hours = 500
    began = time.process_time()
    simulate_year(network, service, np.repeat(load[:, None], hours, axis=1), np.full(hours, ground), 0.0)
    assert other["seconds"] > 100.0 * (time.process_time() - began) / hours
