"""What all surfaces of a city see, by the back end that suits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dothi.shapes import Floats
from dothi.sun.bounce import CELL_M, bounces
from dothi.sun.sensors import Sensors, sensors_on
from dothi.sun.surfaces import Chosen, ground_around

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.sky.dome import Sky
    from dothi.sun.kernels import Seen
    from dothi.sun.model import SunParams


def look(city: City, chosen: Chosen, sky: Sky, params: SunParams) -> tuple[Seen, Floats, dict[str, Any]]:
    """
    What surfaces see, and what is reflected to them.

    Parameters
    ----------
    city
        City.
    chosen
        Its surfaces.
    sky
        Its sky.
    params
        Parameters of the simulation.

    Returns
    -------
    seen, bounce, told
        What they see; shares of reflected light, in the order of `dothi.sky.light.BOUNCES`; diagnostics.
    """
    from dothi.mesh.prisms import prisms_of
    from dothi.sun.relief import level_plain, relief_of
    from dothi.sun.scene import obstacles_of
    from dothi.sun.suns import suns_of
    from dothi.sun.tiles import Task, see_all

    terrain = "terrain" in city.rasters
    relief = relief_of(city.rasters["terrain"]) if terrain else level_plain()
    wall = chosen.is_wall
    spacing = np.where(wall, params.wall_m, params.roof_m)
    sensors = sensors_on(chosen.shapes, chosen.normal, spacing)
    ground, middle, level = ground_around(chosen.middle, chosen.ground_m, relief, terrain=terrain)
    n, pieces = len(chosen), len(middle)
    task = Task(
        together(sensors, ground),
        np.concatenate([chosen.normal, np.tile([0.0, 0.0, 1.0], (pieces, 1))]),
        np.concatenate([chosen.middle, middle]),
        np.concatenate([chosen.ground_m, level]),
        obstacles_of(prisms_of(city, modelled=True)),
        relief,
        suns_of(sky),
        sky.places,
        params.reach_m,
    )
    seen = see_all(task)
    is_ground = np.arange(n + pieces) >= n
    area = np.concatenate([chosen.exposed_m2, np.full(pieces, CELL_M**2)])
    shares = bounces(seen, task.normal, task.middle, area, is_ground, params.ground_albedo, params.wall_albedo)
    told = {"points": len(task.sensors.at), "points_enclosed_share": 1.0 - float(np.mean(seen.free[:n])) if n else 0.0}
    return type(seen)(*(values[:n] for values in seen)), shares[:n], told


def together(one: Sensors, other: Sensors) -> Sensors:
    """Points of both, the first ones first."""
    return Sensors(
        np.concatenate([one.start, one.start[-1] + other.start[1:]]),
        np.concatenate([one.at, other.at]),
        np.concatenate([one.weight, other.weight]),
    )
