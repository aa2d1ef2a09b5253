"""Whom and what the water reaches: buildings, people, roads, services, damage."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from dothi.flood.ground import Site, cells_along
from dothi.flood.solver import Kept
from dothi.shapes import Floats, Shapes
from dothi.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City

VEHICLES: Final = ("motorbike", "car", "bus", "truck")
SERVICES: Final = ("school", "hospital", "clinic", "fire_station")
BESIDE: Final = 0.75
"""How far outside its wall water stands at a building, in cells."""


def marks_of(data: Any) -> Floats:
    """Depths above which time is counted: that at which water has come, then those that close roads [m]."""
    return np.array([data["classes_m"]["depths"][0], *(data["closed_m"][name] for name in VEHICLES)], dtype=float)


def _greatest(values: Any, cells: Any, owner: Any, n: int) -> Floats:
    found = np.zeros(n)
    np.maximum.at(found, owner, values.ravel()[cells].astype(float))
    return found


def buildings_of(city: City, site: Site, kept: Kept, data: Any) -> pd.DataFrame:
    """Depth, time of arrival, hours under water and damage of each building, at its walls."""
    import pandas as pd

    buildings = city["buildings"]
    shapes: Shapes = np.asarray(buildings.geometry.array, dtype=object)
    outline = shapely.boundary(shapely.buffer(shapely.force_2d(shapes), BESIDE * site.grid.cell_m, quad_segs=2))
    cells, owner = cells_along(outline, site.grid)
    free = ~site.permanent.ravel()[cells]
    cells, owner = cells[free], owner[free]
    n = len(buildings)
    depth = _greatest(kept.depth_m, cells, owner, n)
    came = np.full(n, np.inf)
    arrival = kept.arrival_s.ravel()[cells].astype(float)
    np.minimum.at(came, owner[arrival >= 0.0], arrival[arrival >= 0.0])
    curve = data["damage"]
    columns = {
        "flood_depth_m": depth,
        "flood_from_s": np.where(np.isfinite(came), came, np.nan),
        "flood_hours_h": _greatest(kept.above_s[0], cells, owner, n) / SECONDS_PER_HOUR,
        "flood_damage_share": np.where(
            depth >= kept.marks_m[0], np.interp(depth, curve["depths_m"], curve["shares"]), 0.0
        ),
    }
    return pd.DataFrame(columns, index=buildings.index)


def links_of(city: City, site: Site, kept: Kept) -> pd.DataFrame:
    """Depth on each road on the ground, and how long it is closed to each class of vehicles."""
    import pandas as pd

    links = city["links"]
    off = (links["bridge"].fillna(False) | links["tunnel"].fillna(False)).to_numpy(dtype=bool)
    lines: Shapes = np.asarray(links.geometry.array, dtype=object)
    cells, owner = cells_along(lines[~off], site.grid)
    dry = site.permanent.ravel()[cells]
    cells, owner = cells[~dry], np.flatnonzero(~off)[owner[~dry]]
    n = len(links)
    columns = {"flood_depth_m": _greatest(kept.depth_m, cells, owner, n)}
    for k, name in enumerate(VEHICLES, start=1):
        columns[f"closed_{name}_s"] = _greatest(kept.above_s[k], cells, owner, n)
    return pd.DataFrame(columns, index=links.index)


def summary(city: City, buildings: pd.DataFrame, links: pd.DataFrame, data: Any) -> dict[str, Any]:
    """People, buildings, roads and services touched, and the damage."""
    depth = buildings["flood_depth_m"].to_numpy()
    edges = [*data["classes_m"]["depths"], np.inf]
    people = np.nan_to_num(city["buildings"]["residents"].to_numpy(dtype=float, na_value=0.0))
    homes = np.nan_to_num(city["buildings"]["dwellings"].to_numpy(dtype=float, na_value=0.0))
    classes = {}
    for low, high in pairwise(edges):
        within = (depth >= low) & (depth < high)
        name = f"{low:g}-{high:g} m" if np.isfinite(high) else f"{low:g} m and more"
        classes[name] = {
            "buildings": int(within.sum()), "residents": float(people[within].sum()),
            "dwellings": float(homes[within].sum()),
        }  # fmt: skip
    one_way = np.where(city["links"]["reverse_link_id"].notna(), 0.5, 1.0) * city["links"]["length_m"].to_numpy()
    footprint = shapely.area(np.asarray(city["buildings"].geometry.array, dtype=object))
    value = data["damage_value"]
    return {
        "by_depth": classes,
        "road_km_closed": {
            name: float(one_way[links[f"closed_{name}_s"].to_numpy() > 0.0].sum() / 1000.0) for name in VEHICLES
        },
        "services_touched": _services(city, buildings, edges[0]),
        "damage": {
            "amount": float((footprint * buildings["flood_damage_share"].to_numpy() * value["per_m2"]).sum()),
            "currency": value["currency"],
        },
    }


def _services(city: City, buildings: pd.DataFrame, from_m: float) -> dict[str, int]:
    """Schools, hospitals and the like in or beside buildings that water has reached, by kind."""
    if "facilities" not in city:
        return {}
    facilities = city["facilities"]
    kept = facilities[facilities["kind"].isin(SERVICES)]
    if not len(kept):
        return {}
    shapes = np.asarray(city["buildings"].geometry.array, dtype=object)
    nearest = shapely.STRtree(shapes).nearest(shapely.centroid(np.asarray(kept.geometry.array, dtype=object)))
    wet = buildings["flood_depth_m"].to_numpy()[nearest] >= from_m
    return {str(kind): int(count) for kind, count in kept["kind"].astype(str)[wet].value_counts().items()}
