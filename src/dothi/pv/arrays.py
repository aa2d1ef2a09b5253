"""Where modules fit: usable parts of roofs and walls, and the arrays that could lie there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import shapely

from dothi import place
from dothi.pv.modules import MOUNTS
from dothi.pv.rows import pitch
from dothi.shapes import Floats, Integers, Mask, Shapes
from dothi.sky import Light

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City

Layout = Literal["equator", "east_west"]

FLUSH, RACK = 0, 1
"""Arrays that lie on their surface, or stand in rows: positions in tables of layouts."""
AISLE_SHARE: Final = 0.10
"""Part of a flat roof that aisles take where rows lean east and west without a gap (estimate)."""
FLAT_SHAPES: Final = ("flat",)
"""Shapes of roofs, in the words of OpenStreetMap, that are flat."""


@dataclass(frozen=True, slots=True)
class Arrays:
    """
    Arrays of modules that could be there, one a row.

    Attributes
    ----------
    row : (n,)
        Row of its surface in the light.
    tilt_deg, azimuth_deg : (n,)
        Plane of the modules; azimuth clockwise from true north [°].
    area_m2 : (n,)
        Area of the modules [m²].
    layout, mount : (n,)
        Whether it stands in rows (`RACK`), and its position in `MOUNTS`.
    roof : (n,)
        Whether it is on a roof.
    """

    row: Integers
    tilt_deg: Floats
    azimuth_deg: Floats
    area_m2: Floats
    layout: Integers
    mount: Integers
    roof: Mask

    def __len__(self) -> int:
        return len(self.row)

    def only(self, chosen: Mask | Integers) -> Arrays:
        """Some of them."""
        names = ("row", "tilt_deg", "azimuth_deg", "area_m2", "layout", "mount", "roof")
        return Arrays(*(getattr(self, name)[chosen] for name in names))


def put_together(parts: list[Arrays]) -> Arrays:
    """All arrays of several sets, by row."""
    names = ("row", "tilt_deg", "azimuth_deg", "area_m2", "layout", "mount", "roof")
    whole = Arrays(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    return whole.only(np.argsort(whole.row, kind="stable"))


def solar_data(country: str) -> Mapping[str, Any]:
    """Data on modules on buildings of a country."""
    return place.load(country, "solar")


def roof_arrays(city: City, light: Light, rack_tilt_deg: float, layout: Layout, clear_hours: float = 0.0) -> Arrays:
    """
    Arrays on the roofs of a city.

    A pitched roof as its source models it carries modules on each face. A flat one carries rows, unless it is taken for
    a pitched roof that its source drew flat: then it carries two faces along its longer side.

    Parameters
    ----------
    city
        The city.
    light
        Light on its surfaces.
    rack_tilt_deg
        Tilt of rows on flat roofs [°].
    layout
        Whether rows face the equator, or east and west in turn.
    clear_hours
        Hours round noon of the shortest day in which rows do not shade each other [h].
    """
    data = solar_data(city.country)["roof"]
    rows = np.flatnonzero(light.kind == "roof")
    tilt = light.tilt_deg[rows]
    rows, tilt = rows[tilt <= data["steepest_deg"]], tilt[tilt <= data["steepest_deg"]]
    shapes = _footprints(city["surfaces"], light.surface_id[rows])
    flat = tilt < data["flat_below_deg"]
    drawn_flat = _drawn_flat(city, light, rows, shapes, data) & flat
    racks, faces = flat & ~drawn_flat, ~flat
    slope = np.where(drawn_flat, data["pitched"]["tilt_deg"], np.where(faces, tilt, 0.0))
    usable = _usable(shapes, np.where(racks, data["setback_flat_m"], data["setback_pitched_m"]))
    usable /= np.cos(np.radians(slope))
    share = np.where(racks, data["obstacle_flat_share"], data["obstacle_pitched_share"])
    parts = [
        _flush(rows[faces], tilt[faces], light.azimuth_deg[rows[faces]], usable[faces], share[faces], data),
        *_gables(rows[drawn_flat], shapes[drawn_flat], usable[drawn_flat], share[drawn_flat], light, data),
        *_racks(
            rows[racks], usable[racks], share[racks], light.site.latitude, rack_tilt_deg, layout, clear_hours, data
        ),
    ]
    return put_together(parts)


def facade_arrays(city: City, light: Light, least_kwh_m2: float) -> Arrays:
    """
    Arrays on the walls of a city that have enough light.

    Parameters
    ----------
    city
        The city.
    light
        Light on its surfaces.
    least_kwh_m2
        Least light of a year [kWh m⁻²].
    """
    data = solar_data(city.country)["facade"]
    rows = np.flatnonzero((light.kind == "wall") & (light.lit_area_m2 >= data["smallest_m2"]))
    rows = rows[light.annual(rows) >= least_kwh_m2]
    n = len(rows)
    return Arrays(
        row=rows,
        tilt_deg=light.tilt_deg[rows],
        azimuth_deg=light.azimuth_deg[rows],
        area_m2=light.lit_area_m2[rows] * data["usable_share"],
        layout=np.full(n, FLUSH),
        mount=np.full(n, MOUNTS.index("facade")),
        roof=np.zeros(n, dtype=bool),
    )


def _footprints(surfaces: Any, ids: Integers) -> Shapes:
    return np.asarray(shapely.force_2d(surfaces.geometry.reindex(ids).to_numpy()), dtype=object)


def _usable(shapes: Shapes, setback_m: Floats) -> Floats:
    """Areas on the ground without a strip along their edges [m²]."""
    inner = shapely.buffer(shapes, -setback_m, join_style="mitre")
    return np.asarray(shapely.area(inner), dtype=float)


def _drawn_flat(city: City, light: Light, rows: Integers, shapes: Shapes, data: Mapping[str, Any]) -> Mask:
    """Roofs that are likely pitched though their source drew them flat."""
    pitched = data["pitched"]
    at = light.surface_id[rows]
    prism = city["surfaces"]["method"].reindex(at).astype("object").to_numpy() == "prism"
    buildings = city["buildings"].reindex(light.building_id[rows])
    shape = buildings["roof_shape"] if "roof_shape" in buildings else buildings["function"].astype("object") * 0
    known = shape.notna().to_numpy(dtype=bool)
    said_flat = shape.isin(FLAT_SHAPES).to_numpy(dtype=bool)
    likely = buildings["function"].isin(pitched["functions"]).to_numpy(dtype=bool)
    likely = likely & (shapely.area(shapes) <= pitched["largest_m2"])
    return np.asarray(prism & np.where(known, ~said_flat, likely), dtype=bool)


def _flush(
    rows: Integers, tilt: Floats, azimuth: Floats, usable: Floats, obstacles: Floats, data: Mapping[str, Any]
) -> Arrays:
    kept = usable >= data["smallest_m2"]
    n = int(kept.sum())
    return Arrays(
        row=rows[kept],
        tilt_deg=tilt[kept],
        azimuth_deg=azimuth[kept],
        area_m2=(usable * (1.0 - obstacles))[kept],
        layout=np.full(n, FLUSH),
        mount=np.full(n, MOUNTS.index("roof")),
        roof=np.ones(n, dtype=bool),
    )


def _gables(
    rows: Integers, shapes: Shapes, usable: Floats, obstacles: Floats, light: Light, data: Mapping[str, Any]
) -> list[Arrays]:
    """Two faces of each roof, along the longer side of its smallest rectangle."""
    tilt = np.full(len(rows), float(data["pitched"]["tilt_deg"]))
    across = _across(shapes) - light.site.convergence_deg
    return [_flush(rows, tilt, (across + turn) % 360.0, usable / 2.0, obstacles, data) for turn in (0.0, 180.0)]


def _across(shapes: Shapes) -> Floats:
    """Direction across the longer side of the smallest rectangle round each shape, clockwise from grid north [°]."""
    found = np.zeros(len(shapes))
    if not len(shapes):
        return found
    boxes = shapely.minimum_rotated_rectangle(shapes)
    proper = shapely.get_type_id(boxes) == shapely.GeometryType.POLYGON
    corner = shapely.get_coordinates(boxes[proper]).reshape(-1, 5, 2)
    first, second = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 1]
    short = np.where((np.hypot(*first.T) < np.hypot(*second.T))[:, None], first, second)
    found[proper] = np.degrees(np.arctan2(short[:, 0], short[:, 1])) % 180.0
    return found


def _racks(
    rows: Integers,
    usable: Floats,
    obstacles: Floats,
    latitude: float,
    tilt_deg: float,
    layout: Layout,
    clear_hours: float,
    data: Mapping[str, Any],
) -> list[Arrays]:
    """Rows on flat roofs that are large enough."""
    kept = usable >= data["smallest_m2"]
    room = (usable * (1.0 - obstacles))[kept]
    rows, n = rows[kept], int(kept.sum())
    if layout == "equator":
        azimuths = [180.0 if latitude >= 0.0 else 0.0]
        area = room / pitch(latitude, tilt_deg, clear_hours)
    else:
        azimuths = [90.0, 270.0]
        area = room * (1.0 - AISLE_SHARE) / np.cos(np.radians(tilt_deg)) / 2.0
    return [
        Arrays(
            row=rows,
            tilt_deg=np.full(n, float(tilt_deg)),
            azimuth_deg=np.full(n, azimuth),
            area_m2=area,
            layout=np.full(n, RACK if layout == "equator" else FLUSH),
            mount=np.full(n, MOUNTS.index("rack")),
            roof=np.ones(n, dtype=bool),
        )
        for azimuth in azimuths
    ]


def surfaces_of(arrays: Arrays, light_table: pd.DataFrame) -> pd.DataFrame:
    """
    Table of light in which each array takes the place of its surface: it sees the same sky, but looks its own way.

    Parameters
    ----------
    arrays
        Arrays.
    light_table
        Table ``surface_light`` that their rows are positions in.
    """
    return light_table.iloc[arrays.row].assign(tilt_deg=arrays.tilt_deg, azimuth_deg=arrays.azimuth_deg)
