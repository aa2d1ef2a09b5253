"""The demo study: central Nantes, from the extra ``demo``, and what might be done there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dothi.io.files import write_text
from dothi.study import CONFIG

NANTES = """\
# Central Nantes: 8,639 real buildings along the Loire.
name = "Nantes"
country = "fr"
crs = "EPSG:2154"                # Lambert-93

[[source]]
kind = "nantes"                  # tables of the extra dothi[demo]
licence = "Licence Ouverte 2.0; ODbL 1.0"
date = "2025-06-15"
attribution = "IGN BD TOPO 2025-06-15; © OpenStreetMap contributors; Nantes Métropole; Insee Filosofi 2015"

[build]
river_from_void = true           # the Loire has no outline in the source
synthetic_transit = true         # stops and timetables are not in the source: stand-ins along tracks and streets
synthetic_grid = true            # nor is the electricity grid: a stand-in along the streets
terrain_cell_m = 2.0

[models.noise]                   # coarser than usual: half the time; 2 dB too quiet in the mean, most where it is quiet
error_db = 1.0
quiet_db = 45.0
facade_m = 20.0
grid_m = 30.0
mirror_reach_m = 30.0
corner_reach_m = 50.0
"""


BRIDGE_CLOSED = """\
# The bridge with most lanes over the Loire is closed to motor traffic, as it would be for works.
[title]
en = "Audibert bridge closed"
fr = "Pont Audibert fermé"
vi = "Đóng cầu Audibert"

[[change]]
kind = "close_links"
links = "PONT GENERAL AUDIBERT"
modes = ["car", "motorbike", "truck", "bus"]
"""

BUS_INSTEAD = """\
# The same bridge, kept for buses, bicycles and walkers, with a new line across it.
base = "bridge-closed"

[title]
en = "Bridge for buses, with a new line"
fr = "Pont réservé aux bus, avec une nouvelle ligne"
vi = "Cầu dành cho xe buýt, thêm một tuyến mới"

[[change]]
kind = "edit_links"
links = "PONT GENERAL AUDIBERT"
opened = ["bus"]

[[change]]
kind = "add_transit_line"
mode = "bus"
short_name = "C9"
headway_min = 5
stops = [
  { place = [-1.5567, 47.2170], name = "Bouffay" },
  { place = [-1.5504, 47.2107], name = "Hôtel-Dieu" },
  { place = [-1.5481, 47.2075], name = "Audibert" },
  { place = [-1.5482, 47.2064], name = "Île de Nantes" },
]
"""

SCENARIOS: Final = {"bridge-closed": BRIDGE_CLOSED, "bus-instead": BUS_INSTEAD}
"""Scenarios of the demo by name."""


def create_demo(folder: Path) -> Path:
    """
    Write the demo study with its scenarios, unless there is one already.

    Parameters
    ----------
    folder
        Study folder.

    Returns
    -------
    pathlib.Path
        Its ``dothi.toml``.
    """
    config = folder / CONFIG
    if not config.exists():
        for name, text in SCENARIOS.items():
            write_text(folder / "scenarios" / f"{name}.toml", text)
        write_text(config, NANTES)
    return config
