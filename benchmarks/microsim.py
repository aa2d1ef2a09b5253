"""
Traffic vehicle by vehicle: a grid of streets with the same flow on every link, handed to SUMO.

10 by 10 crossings 100 m apart, two lanes each way, 100 vehicles an hour and lane, four of five of them motorbikes; 15
minutes after 5. Seconds are CPU time: of Dothi, which makes the network and draws vehicles, and of SUMO, its
child. Lanes have SUMO's usual model, stripes its sublane model, in which motorbikes take any place across a lane;
queues are its mesoscopic model.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from _measure import measure, row

WIDTHS = (14, 10, 12, 12, 10, 12)
WORK = """
import os
import geopandas as gpd, numpy as np, shapely
from dothi.city import City
from dothi.microsim.model import MicrosimModel, MicrosimParams

n, step = 10, 100.0
x, y = (part.ravel() * step for part in np.meshgrid(np.arange(n), np.arange(n)))
number = np.arange(n * n).reshape(n, n)
pairs = np.concatenate([
    np.column_stack([number[:, :-1].ravel(), number[:, 1:].ravel()]),
    np.column_stack([number[:-1].ravel(), number[1:].ravel()]),
])
start, end = np.r_[pairs[:, 0], pairs[:, 1]], np.r_[pairs[:, 1], pairs[:, 0]]
begins, ends = np.column_stack([x[start], y[start]]), np.column_stack([x[end], y[end]])
lines = shapely.linestrings(np.stack([begins, ends], axis=1))
half, crs = len(pairs), "EPSG:2154"
links = gpd.GeoDataFrame({
    "geometry": lines, "from_node_id": start, "to_node_id": end,
    "reverse_link_id": np.r_[np.arange(half) + half, np.arange(half)], "class": "secondary", "length_m": step,
    "lanes": 2.0, "free_speed_m_s": 13.9, "capacity_veh_h": 1600.0,
    **dict.fromkeys(("walk", "bicycle", "motorbike", "car", "bus", "truck"), True),
    "volume_car_veh_h": 40.0, "volume_motorbike_veh_h": 160.0, "volume_bus_veh_h": 0.0, "volume_truck_veh_h": 0.0,
    "time_car_s": step / 10.0, "saturation": 0.2,
}, crs=crs)
nodes = gpd.GeoDataFrame({"geometry": shapely.points(x, y), "component": 0}, crs=crs)
city = City("Grid", "vn", crs, (0.0, 0.0, n * step, n * step)).with_tables(nodes=nodes, links=links)
params = MicrosimParams(
    resolution=sys.argv[2], duration_s=900.0, warm_up_s=300.0, drain_s=600.0, lateral_resolution_m=float(sys.argv[1])
)
began = os.times()
told = MicrosimModel(params).run(city).diagnostics
ended = os.times()
result = {**told, "own_s": ended.user - began.user, "sumo_s": ended.children_user - began.children_user}
"""


def main() -> None:
    row("model", "vehicles", "Dothi CPU s", "SUMO CPU s", "teleports", "GEH < 5", widths=WIDTHS)
    for name, width, resolution in (("lanes", 0.0, "micro"), ("stripes 0.8 m", 0.8, "micro"), ("queues", 0.0, "meso")):
        found = measure(WORK, str(width), resolution)["result"]
        good = f"{found['share_of_links_geh_below_5']:.0%}"
        row(name, found["vehicles"], found["own_s"], found["sumo_s"], found["teleported"], good, widths=WIDTHS)


if __name__ == "__main__":
    main()
