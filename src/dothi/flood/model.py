"""A storm over the city: where water stands and runs, when it comes, and whom it reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from dothi import place
from dothi.errors import InputError, Problem
from dothi.model import Params, Result, columns_of
from dothi.schema import Column, Schema

if TYPE_CHECKING:
    import xarray as xr

    from dothi.city import City
    from dothi.flood.ground import Site
    from dothi.flood.solver import Flow, Kept
    from dothi.flood.weather import Rain

ARRIVES_M: Final = 0.05
"""Depth at which water counts as having come."""
LEVELS_EVERY_S: Final = 60.0


class FloodParams(Params):
    """Parameters of a flood."""

    scheme: Literal["inertial", "second_order"] = Field(
        default="inertial",
        description="Local inertia, fast and for slow water, or the full equations of second order.",
    )
    precision: Literal["float64", "float32"] = Field(default="float64", description="Type of numbers of the water.")
    cell_m: float = Field(
        default=6.0, ge=0.5, le=100.0, description="Edge of a cell, rounded to whole cells of the terrain [m]."
    )
    after_h: float = Field(default=1.0, ge=0.0, le=240.0, description="Time to follow the water after the rain [h].")
    output_min: float = Field(default=10.0, gt=0.0, le=1440.0, description="Time between two maps of depth [min].")
    infiltration: bool = Field(default=True, description="Whether soil takes water in.")
    drained_mm_h: float = Field(
        default=0.0, ge=0.0, le=500.0, description="What sewers take from sealed ground at most [mm h⁻¹]."
    )


def _time(description: str) -> Column:
    return Column("float", "s", description, 0.0, missing=True)


@dataclass(frozen=True, slots=True)
class FloodModel:
    """
    Flow of the rain of a storm over the ground, with the river and the sea at their levels.

    Buildings let no water in; the rain of their roofs falls beside them. Walls hold water up to their crest. Sewers are
    not followed: `drained_mm_h` may stand for them.
    """

    params: FloodParams = field(default_factory=FloodParams)

    name: ClassVar[str] = "flood"
    inputs: ClassVar[Mapping[str, Schema]] = {
        "storms": columns_of("storms", "name"),
        "hyetographs": columns_of("hyetographs", "storm_id", "time_s", "intensity_mm_h"),
        "stages": columns_of("stages", "storm_id", "kind", "time_s", "level_m"),
        "buildings": columns_of("buildings", "geometry", "ground_m", "residents", "dwellings"),
        "links": columns_of("links", "geometry", "reverse_link_id", "length_m", "bridge", "tunnel"),
        "water_bodies": columns_of("water_bodies", "geometry", "kind"),
        "barriers": columns_of("barriers", "geometry", "kind", "height_m", "crest_m"),
        "facilities": columns_of("facilities", "geometry", "kind"),
    }
    optional: ClassVar[tuple[str, ...]] = ("stages", "water_bodies", "barriers", "facilities")
    rasters: ClassVar[tuple[str, ...]] = ("terrain", "roughness", "imperviousness")
    outputs: ClassVar[Mapping[str, Schema]] = {
        "buildings": {
            "flood_depth_m": Column("float", "m", "Greatest depth of water at its walls.", 0.0),
            "flood_from_s": _time("Time after the beginning of the storm at which water comes to it."),
            "flood_hours_h": Column("float", "h", "How long water of 0.15 m or more stands at it.", 0.0),
            "flood_damage_share": Column("float", "1", "Share of the greatest damage that this depth does.", 0.0, 1.0),
        },
        "links": {
            "flood_depth_m": Column("float", "m", "Greatest depth of water on it; 0 on bridges, in tunnels.", 0.0),
            **{
                f"closed_{name}_s": Column("float", "s", f"How long water closes it to a {name}.", 0.0)
                for name in ("motorbike", "car", "bus", "truck")
            },
        },
    }
    references: ClassVar[tuple[str, ...]] = (
        "P. D. Bates et al., A simple inertial formulation …, 2010, doi:10.1016/j.jhydrol.2010.03.027",
        "G. A. M. de Almeida et al., Improving the stability of …, 2012, doi:10.1029/2011WR011570",
        "E. Audusse et al., A fast and stable well-balanced scheme …, 2004, doi:10.1137/S1064827503431090",
    )

    def run(self, city: City) -> Result:
        """Water of the last storm of a city."""
        from dothi.flood.ground import site_of
        from dothi.flood.impact import buildings_of, links_of, marks_of, summary
        from dothi.flood.weather import storm_of

        if not len(city["storms"]):
            raise InputError([Problem("holds a storm: a scenario with a change of kind storm", table="storms")])
        params, data = self.params, place.load(city.country, "flood")
        site = site_of(
            city, data, params.cell_m, infiltration=params.infiltration, drained_mm_h=params.drained_mm_h
        )  # fmt: skip
        rain = storm_of(city)
        flow, kept, times, maps = self._followed(site, rain, marks_of(data))
        tables = {"buildings": buildings_of(city, site, kept, data), "links": links_of(city, site, kept)}
        diagnostics = {
            "storm": rain.name,
            "scheme": params.scheme,
            "cell_m": site.grid.cell_m,
            "steps": flow.steps,
            "cell_updates": flow.cells_computed,
            "dry_share": 1.0 - flow.cells_computed / max(flow.steps * flow.h.size, 1),
            "volumes_m3": asdict(flow.balance),
            "volume_error": flow.balance.relative_error,
            "terrain": site.findings,
            **summary(city, tables["buildings"], tables["links"], data),
        }
        return Result(tables=tables, fields=_fields(site, kept, times, maps), diagnostics=diagnostics)

    def _followed(self, site: Site, rain: Rain, marks: Any) -> tuple[Flow, Kept, list[float], list[Any]]:
        """Water from the beginning of the rain to the end, and its maps over time."""
        from dothi.flood.solver import Flow

        params = self.params
        film = 1e-3 if params.scheme == "inertial" else 1e-4
        flow = Flow(site.ground, params.scheme, soil=site.soil, precision=params.precision, film_m=film)
        kept = flow.keep(marks, ARRIVES_M)
        end = rain.ends_s + params.after_h * 3600.0
        shots = np.append(np.arange(0.0, end, params.output_min * 60.0)[1:], end)
        breaks = np.unique(np.concatenate([shots, rain.times_s, np.arange(0.0, end, LEVELS_EVERY_S)]))
        maps: list[Any] = []
        times: list[float] = []
        for time in breaks[(breaks > 0.0) & (breaks <= end)]:
            flow.set_sources(rain.at(flow.time_s) * site.catch)
            flow.set_levels(rain.levels_at(flow.time_s))
            flow.advance(float(time), kept=kept)
            if time in shots:
                times.append(float(time))
                maps.append(_rounded(flow.depth_m))
        return flow, kept, times, maps


def _rounded(depth_m: Any) -> Any:
    """Depths to the centimetre, nothing below [m]."""
    return np.round(np.asarray(depth_m, dtype=np.float32), 2)


def _fields(site: Site, kept: Kept, times: list[float], maps: list[Any]) -> dict[str, xr.DataArray]:
    """Maps over time and of greatest values; missing in buildings, and in rivers and the sea where they lie as ever."""
    import xarray as xr

    shown = ~site.ground.blocked if site.ground.blocked is not None else np.ones(site.grid.shape, dtype=bool)
    coords = {"y": site.grid.y, "x": site.grid.x}

    def field_of(values: Any, units: str, digits: int) -> xr.DataArray:
        found = np.where(shown, np.round(values.astype(np.float32), digits), np.float32(np.nan))
        return xr.DataArray(found, dims=("y", "x"), coords=coords, attrs={"units": units, "crs": site.grid.crs})

    arrival = np.where(kept.arrival_s >= 0.0, kept.arrival_s, np.float32(np.nan))
    return {
        "depth_m": xr.DataArray(
            np.stack(maps),
            dims=("time", "y", "x"),
            coords={"time": np.array(times), **coords},
            attrs={"units": "m", "crs": site.grid.crs},
        ),
        "depth_max_m": field_of(kept.depth_m, "m", 2),
        "speed_max_m_s": field_of(kept.speed_m_s, "m s⁻¹", 2),
        "hazard_max_m2_s": field_of(kept.hazard_m2_s, "m² s⁻¹", 2),
        "arrival_s": field_of(arrival, "s", 0),
    }
