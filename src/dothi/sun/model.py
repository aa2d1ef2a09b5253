"""Sun on every roof and wall of a city, for every hour of its weather."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from dothi.model import Params, Result, columns_of
from dothi.packed import packed
from dothi.schema import Column, Schema
from dothi.shapes import Floats, Mask
from dothi.tables import TABLES

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City
    from dothi.sky.light import Light
    from dothi.sun.kernels import Seen
    from dothi.sun.surfaces import Chosen

BackEnd = Literal["auto", "prisms", "mesh"]
REFERENCE_DAY: Final = (3, 21)
"""Month and day on which hours of sun are counted: as EN 17037:2018, which takes a day from 1 February to 21 March."""
OPEN_SKY: Final = "Part of the light from around that comes straight from the sky: 1 open roof, 0.5 open wall."


class SunParams(Params):
    """Parameters of the sun on surfaces."""

    wall_m: float = Field(default=4.0, ge=0.5, le=50.0, description="Distance of points on walls [m].")
    roof_m: float = Field(default=3.0, ge=0.5, le=50.0, description="Distance of points on roofs [m].")
    reach_m: float = Field(default=400.0, ge=20.0, le=5000.0, description="Farthest building that gives shade [m].")
    ground_albedo: float = Field(
        default=0.2, ge=0.0, le=0.9, description="Share of light that the ground reflects [1]."
    )
    wall_albedo: float = Field(default=0.3, ge=0.0, le=0.9, description="Share of light that walls reflect [1].")
    back_end: BackEnd = Field(
        default="auto",
        description="What gives shade: prisms, surfaces of sources and trees, or what the city has [1].",
    )
    crown_transmission: float = Field(
        default=0.2,
        ge=0.0,
        le=1.0,
        description="Share of light that crowns of trees let through, mean of the year [1].",
    )


def _energy(description: str) -> Column:
    return Column("float", "kWh m⁻²", description, 0.0, missing=True)


@dataclass(frozen=True, slots=True)
class SunModel:
    """
    Sun and sky on every roof and wall.

    What every surface sees is found once: its share of 145 patches of the sky, and the hours in which the sun stands
    above its horizon, among the buildings within reach and the hills around. From these, light of any hour is rebuilt
    by `dothi.sky.Light`, with an anisotropic sky and what ground and walls nearby reflect.
    """

    params: SunParams = field(default_factory=SunParams)

    name: ClassVar[str] = "sun"
    inputs: ClassVar[Mapping[str, Schema]] = {
        "buildings": columns_of("buildings", "geometry", "height_m", "ground_m", "min_height_m"),
        "building_parts": columns_of("building_parts", "geometry", "building_id", "height_m", "min_height_m"),
        "surfaces": columns_of(
            "surfaces",
            "geometry",
            "building_id",
            "kind",
            "lod",
            "method",
            "tilt_deg",
            "azimuth_deg",
            "area_m2",
            "height_m",
            "party_building_id",
            "party_area_m2",
        ),
        "trees": columns_of("trees", "geometry", "height_m", "crown_diameter_m"),
        "weather": columns_of("weather", "time", "ghi_w_m2", "dni_w_m2", "dhi_w_m2"),
    }
    optional: ClassVar[tuple[str, ...]] = ("building_parts", "surfaces", "trees", "terrain")
    rasters: ClassVar[tuple[str, ...]] = ("terrain",)
    outputs: ClassVar[Mapping[str, Schema]] = {
        "surfaces": {
            "irradiation_kwh_m2": _energy("Light of the year on the surface."),
            "sun_hours_h": Column(
                "float", "h", "Hours of sunshine of the year that reach it, mean over its area.", 0.0, 8784.0
            ),
            "sky_view_share": Column("float", "", OPEN_SKY, 0.0, 1.0),
        },
        "buildings": {
            "roof_irradiation_kwh_m2": _energy("Light of the year on its roofs, mean over their area."),
            "facade_irradiation_kwh_m2": _energy("Light of the year on its free walls, mean over their area."),
            "facade_sun_day_h": Column(
                "float",
                "h",
                "Hours of possible sun on 21 March on its sunniest wall, clouds left out.",
                0.0,
                24.0,
                missing=True,
            ),
            "facade_sun_hours_h": Column(
                "float", "h", "Hours of sunshine of the year on its sunniest wall.", 0.0, 8784.0, missing=True
            ),
        },
        "surface_light": TABLES["surface_light"].columns,
    }
    references: ClassVar[tuple[str, ...]] = (
        "R. Perez, R. Seals, J. Michalsky, Solar Energy 50 (1993) 235, doi:10.1016/0038-092X(93)90017-I: the sky",
        "I. Reda, A. Andreas, Solar Energy 76 (2004) 577, doi:10.1016/j.solener.2003.12.003: position of the sun",
        "P. R. Tregenza, Lighting Research & Technology 19 (1987) 13, doi:10.1177/096032718701900103: patches",
        "WMO-No. 8, Guide to Instruments and Methods of Observation, ch. 8: sunshine",
    )

    def run(self, city: City) -> Result:
        """Light on all surfaces."""
        from dothi.sky.dome import sky_of
        from dothi.sky.light import Light
        from dothi.sky.position import site_of
        from dothi.sun.look import look
        from dothi.sun.surfaces import chosen_of

        chosen, site = chosen_of(city), site_of(city)
        sky = sky_of(city["weather"], site)
        seen, bounce, told = look(city, chosen, sky, self.params)
        table = _surface_light(chosen, seen, bounce, site.convergence_deg)
        light = Light(table, city["weather"], site)
        parts = light.annual_parts()
        surfaces = _surfaces(chosen, seen, parts)
        day = _hours_of_day(city["weather"], light, seen.sun)
        return Result(
            tables={
                "surfaces": surfaces,
                "buildings": _buildings(city, table, surfaces, day, chosen.is_wall),
                "surface_light": table,
            },
            diagnostics={"surfaces": len(table), **told, **_shares(table, parts)},
        )


def _surface_light(chosen: Chosen, seen: Seen, bounce: Floats, convergence_deg: float) -> pd.DataFrame:
    """Table ``surface_light``; azimuths become those from true north."""
    import pandas as pd

    from dothi.schema import conform
    from dothi.sky.light import BOUNCES

    rows = chosen.table
    covered = rows["party_area_m2"].fillna(0.0).to_numpy(dtype=float) > 0.0
    table = pd.DataFrame(
        {
            "building_id": rows["building_id"],
            "kind": rows["kind"],
            "tilt_deg": rows["tilt_deg"],
            "azimuth_deg": (rows["azimuth_deg"] - convergence_deg) % 360.0,
            "lit_area_m2": chosen.exposed_m2 * np.where(covered, 1.0, seen.free),  # what is covered was taken off
            "sky": packed(seen.sky, rows.index),
            "sun": packed(seen.sun, rows.index),
            **dict(zip(BOUNCES, bounce.T, strict=True)),
        },
        index=rows.index,
    )
    return conform(table, TABLES["surface_light"])


def _surfaces(chosen: Chosen, seen: Seen, parts: Floats) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "irradiation_kwh_m2": parts.sum(axis=1),
            "sun_hours_h": np.maximum(seen.sunshine, 0.0),
            "sky_view_share": np.clip(seen.factor[:, 0], 0.0, 1.0),
        },
        index=chosen.table.index.rename("surface_id"),
    )


def _hours_of_day(weather: pd.DataFrame, light: Light, lit: Any) -> Floats:
    """Hours of possible sun of each surface on the reference day, from the lit shares of the places of the sun [h]."""
    import pandas as pd

    from dothi.sky.light import normals

    sky = light.sky
    local = pd.DatetimeIndex(weather["time"]) + pd.Timedelta(hours=light.site.longitude / 15.0)
    that_day = (local.month == REFERENCE_DAY[0]) & (local.day == REFERENCE_DAY[1])
    hours = np.flatnonzero(np.asarray(that_day)[sky.hour] & (sky.sun[:, 2] > 0.0))
    normal = normals(light.tilt_deg, light.azimuth_deg + light.site.convergence_deg)
    found = np.zeros(len(light))
    for t in hours:
        found += np.where(normal @ sky.sun[t] > 0.0, lit[:, sky.place[t]] / 255.0, 0.0)
    return found


def _buildings(city: City, table: pd.DataFrame, surfaces: pd.DataFrame, day_h: Floats, wall: Mask) -> pd.DataFrame:
    """Means over the roofs and the walls of each building; missing where it has none."""
    import pandas as pd

    ids = city["buildings"].index
    row = ids.get_indexer(table["building_id"])
    area = table["lit_area_m2"].to_numpy(dtype=float)
    columns = {}
    for name, use in (("roof_irradiation_kwh_m2", ~wall), ("facade_irradiation_kwh_m2", wall)):
        energy = (surfaces["irradiation_kwh_m2"].to_numpy(dtype=float) * area)[use]
        whole = np.bincount(row[use], weights=area[use], minlength=len(ids))
        total = np.bincount(row[use], weights=energy, minlength=len(ids))
        columns[name] = np.where(whole > 0.0, total / np.where(whole > 0.0, whole, 1.0), np.nan)
    for name, hours in (("facade_sun_day_h", day_h), ("facade_sun_hours_h", surfaces["sun_hours_h"].to_numpy())):
        most = np.full(len(ids), -1.0)
        np.maximum.at(most, row[wall], hours[wall])
        columns[name] = np.where(most >= 0.0, most, np.nan)
    return pd.DataFrame(columns, index=ids)


def _shares(table: pd.DataFrame, parts: Floats) -> dict[str, Any]:
    """Light on all surfaces together, and where it comes from."""
    total = (parts * table["lit_area_m2"].to_numpy(dtype=float)[:, None]).sum(axis=0)
    whole = max(float(total.sum()), 1e-9)
    names = ("beam", "sky", "reflected")
    return {
        "irradiation_gwh": float(total.sum()) / 1e6,
        **{f"share_{name}": float(part) / whole for name, part in zip(names, total, strict=True)},
    }
