"""Places that serve people: facilities, and buildings and parks that serve as such."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import shapely

from dothi.shapes import Floats, Shapes

if TYPE_CHECKING:
    from dothi.city import City

KINDS: Final[dict[str, tuple[str, ...]]] = {
    "kindergarten": ("kindergarten",),
    "school": ("school",),
    "health": ("hospital", "clinic"),
    "pharmacy": ("pharmacy",),
    "food": ("supermarket", "market", "shop"),
    "park": ("park",),
    "culture": ("culture", "library"),
    "sport": ("sport",),
    "office": ("public_office",),
}
"""Places that people walk to, each with the kinds of facility that serve as one."""

SERVICES: Final = (*KINDS, "stop")
SHOPS: Final = ("retail",)
"""Functions of buildings that serve as shops where the sources know none in them."""
GREEN: Final = ("park",)
"""Classes of land that serve as parks."""
GATE_M: Final = 50.0
"""A park is entered anywhere along its edge: points so far apart stand for it [m]."""

Unit = Literal["places", "m²", "each"]


@dataclass(frozen=True, slots=True)
class Places:
    """
    Places of one kind.

    Attributes
    ----------
    xy : (n, 2)
        Where they are entered [m].
    capacity : (n,)
        Capacity; that of a park is shared by its gates.
    unit
        What the capacity counts: places where all are known, else area where all have one, else places as such.
    facilities, others
        How many are facilities, and how many other places serve as such.
    """

    xy: Floats
    capacity: Floats
    unit: Unit
    facilities: int
    others: int

    def __len__(self) -> int:
        return len(self.xy)


def shapes_of(table: Any) -> Shapes:
    """Shapes of a table."""
    return np.asarray(table.geometry.array, dtype=object)


def places_of(city: City, service: str) -> Places:
    """
    Places of a city where a service is found.

    Parameters
    ----------
    city
        The city.
    service
        One of `SERVICES`.
    """
    if service == "stop":
        stops = shapely.get_coordinates(shapely.centroid(shapes_of(city["stops"])))
        return Places(stops, np.ones(len(stops)), "each", len(stops), 0)
    table = city["facilities"]
    table = table[table["kind"].isin(KINDS[service])]
    own = shapes_of(table)
    at, capacity = (
        [shapely.get_coordinates(shapely.centroid(own))],
        [table["capacity"].to_numpy(float, na_value=np.nan)],
    )
    area, n_other = [_areas(table, city)], 0
    if service == "food":
        shops = city["buildings"]
        held = city["facilities"]["building_id"].dropna()
        shops = shops[shops["function"].isin(SHOPS) & ~shops.index.isin(held)]
        at.append(shapely.get_coordinates(shapely.centroid(shapes_of(shops))))
        area.append(shops["floor_area_m2"].to_numpy(float, na_value=np.nan))
        capacity.append(np.full(len(shops), np.nan))
        n_other = len(shops)
    if service == "park":
        parks = city["land_use"]
        shapes = shapes_of(parks[parks["class"].isin(GREEN)])
        shapes = shapes[~_covered(shapes, own)]
        gates, park = _gates(shapes)
        at.append(gates)
        area.append(shapely.area(shapes)[park] / np.bincount(park, minlength=len(shapes))[park])
        capacity.append(np.full(len(gates), np.nan))
        n_other = len(shapes)
    capacities, unit = _capacity(np.concatenate(capacity), np.concatenate(area))
    return Places(np.concatenate(at), capacities, unit, len(own), n_other)


def _areas(table: Any, city: City) -> Floats:
    """Area of the outlines of facilities, else of the floors of the buildings they are in."""
    outline = shapely.area(shapes_of(table))
    floors = city["buildings"]["floor_area_m2"].reindex(table["building_id"].to_numpy(float, na_value=-1.0))
    return np.where(outline > 0.0, outline, floors.to_numpy(float, na_value=np.nan))


def _capacity(capacity: Floats, area: Floats) -> tuple[Floats, Unit]:
    if len(capacity) and np.isfinite(capacity).all():
        return capacity, "places"
    if len(area) and (area > 0.0).all():
        return area, "m²"
    return np.ones(len(capacity)), "each"


def _covered(shapes: Shapes, others: Shapes) -> Any:
    """Which shapes hold one of the others: the same park twice."""
    covered = np.zeros(len(shapes), dtype=bool)
    covered[shapely.STRtree(shapes).query(shapely.point_on_surface(others), predicate="intersects")[1]] = True
    return covered


def _gates(shapes: Shapes) -> tuple[Floats, Any]:
    """Points along the edges of parks, and which park each belongs to."""
    rings, owner = shapely.get_parts(shapely.boundary(shapes), return_index=True)
    n = np.maximum(np.ceil(shapely.length(rings) / GATE_M).astype(np.int64), 1)
    ring = np.repeat(np.arange(len(rings)), n)
    number = np.arange(len(ring)) - np.repeat(np.cumsum(n) - n, n)
    gates = shapely.line_interpolate_point(rings[ring], number / n[ring], normalized=True)
    return shapely.get_coordinates(gates), owner[ring]
