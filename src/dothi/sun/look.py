"""What all surfaces of a city see, by the back end that suits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dothi.mesh.prisms import has_model, prisms_of
from dothi.pieces import pieces
from dothi.shapes import Floats
from dothi.sun.bounce import CELL_M, bounces
from dothi.sun.kernels import Seen
from dothi.sun.rays import INSTALL, Mesh
from dothi.sun.sensors import Sensors, sensors_on
from dothi.sun.surfaces import Chosen, ground_around

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.sky.dome import Sky
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
    from dothi.sun.relief import level_plain, relief_of
    from dothi.sun.scene import obstacles_of
    from dothi.sun.suns import suns_of
    from dothi.sun.tiles import Task, see_all

    mesh, notes = _mesh(city, params)
    terrain = "terrain" in city.rasters
    relief = relief_of(city.rasters["terrain"]) if terrain else level_plain()
    wall = chosen.is_wall
    spacing = np.where(wall, params.wall_m, params.roof_m)
    sensors = sensors_on(chosen.shapes, chosen.normal, spacing)
    ground, middle, level = ground_around(chosen.middle, chosen.ground_m, relief, terrain=terrain)
    n, n_ground = len(chosen), len(middle)
    task = Task(
        together(sensors, ground),
        np.concatenate([chosen.normal, np.tile([0.0, 0.0, 1.0], (n_ground, 1))]),
        np.concatenate([chosen.middle, middle]),
        np.concatenate([chosen.ground_m, level]),
        np.concatenate([chosen.own, np.full(n_ground, -1)]),
        obstacles_of(prisms_of(city, modelled=True), city["buildings"].index.to_numpy(dtype=np.int64)),
        relief,
        suns_of(sky),
        sky.places,
        params.reach_m,
        mesh,
    )
    seen = see_all(task, pieces())
    is_ground = np.arange(n + n_ground) >= n
    area = np.concatenate([chosen.exposed_m2, np.full(n_ground, CELL_M**2)])
    shares = bounces(seen, task.normal, task.middle, area, is_ground, params.ground_albedo, params.wall_albedo)
    told = {
        "notes": notes,
        "back_end": "mesh" if mesh else "prisms",
        "points": len(task.sensors.at),
        "enclosed_share": 1.0 - float(np.mean(seen.free[:n])) if n else 0.0,
    }
    return Seen(*(values[:n] for values in seen)), shares[:n], told  # type: ignore[arg-type]  # arrays of either kind


def _mesh(city: City, params: SunParams) -> tuple[Mesh | None, list[str]]:
    """Triangles that give shade, where these are asked for or needed, and what is to be known of the choice."""
    from dothi.sun.rays import have_embree, mesh_of

    modelled = has_model(city)
    if params.back_end == "prisms" or (params.back_end == "auto" and not modelled.any()):
        return None, []
    if params.back_end == "auto" and not have_embree():
        return None, [f"{modelled.sum()} buildings with modelled roofs give the shade of their prisms: {INSTALL}"]
    return mesh_of(city, params.crown_transmission), []


def together(one: Sensors, other: Sensors) -> Sensors:
    """Points of both, the first ones first."""
    return Sensors(
        np.concatenate([one.start, one.start[-1] + other.start[1:]]),
        np.concatenate([one.at, other.at]),
        np.concatenate([one.weight, other.weight]),
    )
