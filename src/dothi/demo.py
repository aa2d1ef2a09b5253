"""The demo study: central Nantes, from the extra ``demo``."""

from __future__ import annotations

from pathlib import Path

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
terrain_cell_m = 2.0
"""


def create_demo(folder: Path) -> Path:
    """
    Write the demo study, unless there is one already.

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
        write_text(config, NANTES)
    return config
