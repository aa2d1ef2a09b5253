"""Vehicles of the microsimulation against the saturation flow from which capacities of links are derived."""

import importlib.util
import re

import numpy as np
import pytest

from dothi.microsim import convert
from dothi.microsim.routes import Way
from dothi.microsim.sumo import Sumo

pytestmark = pytest.mark.skipif(importlib.util.find_spec("sumo") is None, reason="SUMO is not installed")

NODES = """<nodes><node id="1" x="0" y="0"/><node id="2" x="600" y="0" type="traffic_light"/>
<node id="3" x="800" y="0"/><node id="4" x="600" y="-100"/></nodes>"""
EDGES = """<edges><edge id="10" from="1" to="2" numLanes="1" speed="{0}"/>
<edge id="11" from="2" to="3" numLanes="1" speed="{0}"/>
<edge id="12" from="4" to="2" numLanes="1" speed="{0}"/></edges>"""


def discharge_veh_h(speed_m_s, folder):
    """Cars in an hour over a stop line, from a queue of 50 that has waited for green."""
    sumo = Sumo.find()
    (folder / "a.nod.xml").write_text(NODES)
    (folder / "a.edg.xml").write_text(EDGES.format(speed_m_s))
    sumo.run("netconvert", ["-n", "a.nod.xml", "-e", "a.edg.xml", "-o", "a.net.xml"], folder)
    net = (folder / "a.net.xml").read_text(encoding="utf-8")
    lamps = len(re.search(r'state="(\w+)"', net)[1])
    lamp = int(re.search(r'<connection from="10" to="11".*?linkIndex="(\d+)"', net)[1])
    red, green = "r" * lamps, "".join("G" if one == lamp else "r" for one in range(lamps))
    (folder / "a.add.xml").write_text(
        f'<additional><tlLogic id="2" type="static" programID="long" offset="0"><phase duration="200" state="{red}"/>'
        f'<phase duration="500" state="{green}"/></tlLogic></additional>'
    )
    ways = [Way("car", 3.0 * number, (0, 1)) for number in range(50)]
    convert.write_routes(folder / "a.rou.xml", ways, np.array([10, 11]), speed_m_s)
    arguments = ["-n", "a.net.xml", "-r", "a.rou.xml", "-a", "a.add.xml", "--vehroute-output", "ways.xml"]
    arguments += [
        "--vehroute-output.exit-times",
        "true",
        "--step-length",
        "0.5",
        "--end",
        "800",
        "--no-step-log",
        "true",
    ]
    sumo.run("sumo", arguments, folder)
    said = (folder / "ways.xml").read_text(encoding="utf-8")
    over = sorted(float(times.split()[0]) for times in re.findall(r'exitTimes="([^"]*)"', said))
    return 3600.0 / np.diff(over[4:40]).mean()  # the first four cars start up


@pytest.mark.parametrize("speed_m_s", [5.6, 6.9, 8.3, 13.9])
def test_a_lane_discharges_its_saturation_flow_whatever_its_speed(speed_m_s, tmp_path):
    assert discharge_veh_h(speed_m_s, tmp_path) == pytest.approx(convert.SATURATION_PCU_H, rel=0.07)
