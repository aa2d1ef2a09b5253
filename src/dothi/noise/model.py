"""Noise of road traffic at every façade and over the ground: CNOSSOS-EU."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
import shapely
from pydantic import Field

from dothi import place
from dothi.model import Params, Result, columns_of
from dothi.noise import levels
from dothi.noise.emission import values
from dothi.noise.traffic import KINDS
from dothi.schema import Column, Schema
from dothi.shapes import Floats, Integers, Shapes

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from dothi.city import City
    from dothi.noise.kernels_map import Method, Sources
    from dothi.noise.kernels_rays import Scene

CHUNK: Final = 256
"""Receivers that a thread takes at a time."""
SAME_WALL_M: Final = 0.5
"""Façades that stand out less than this from one another are one façade: it does not reflect to its own receivers."""
Surface = Literal["reference", "porous_two_layers", "thin_layer", "paving"]


class NoiseParams(Params):
    """Parameters of road noise."""

    reach_m: float = Field(default=300.0, gt=10.0, le=2000.0, description="Farthest road that is heard [m].")
    facade_m: float = Field(
        default=10.0, ge=2.0, le=100.0, description="Longest stretch of façade of one receiver [m]."
    )
    grid_m: float = Field(default=20.0, ge=2.0, le=500.0, description="Distance of receivers over the ground [m].")
    height_m: float = Field(default=4.0, gt=0.0, le=200.0, description="Height of receivers above the ground [m].")
    mirror_reach_m: float = Field(
        default=50.0, ge=0.0, le=300.0, description="Farthest wall that reflects, from the receiver; 0 for none [m]."
    )
    corner_reach_m: float = Field(
        default=100.0, ge=0.0, le=2000.0, description="Farthest road heard round corners of buildings; 0 for none [m]."
    )
    error_db: float = Field(
        default=0.5, gt=0.0, le=3.0, description="Most that sources left out can add to a level, by their bound [dB]."
    )
    quiet_db: float = Field(
        default=40.0, ge=0.0, le=60.0, description="Level below which errors are counted from this one [dB]."
    )
    piece_deg: float = Field(
        default=15.0, ge=1.0, le=45.0, description="Widest piece of a road, as the receiver sees it [°]."
    )
    relief_m: float = Field(
        default=0.5, ge=0.0, le=10.0, description="How far open ground has to stand out to screen [m]."
    )
    surface: Surface = Field(default="reference", description="Road surface, as in table F-4 of the Directive.")
    temperature_c: float | None = Field(
        default=None,
        ge=-30.0,
        le=50.0,
        description="Air temperature, mean of the year; of the country where none [°C].",
    )
    humidity_pct: float | None = Field(
        default=None,
        ge=5.0,
        le=100.0,
        description="Relative humidity, mean of the year; of the country where none [%].",
    )


def _level(description: str) -> Column:
    return Column("float", "dB", description, 0.0, 200.0, missing=True)


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """
    Levels of road noise by the common European method, with motorbikes as a class of their own.

    Roads are lines of sources; from each receiver they are cut into pieces, and every piece is heard straight on, over
    roofs, by way of one façade, and round the corners of what stands in the way. The loudest are followed first, until
    what is left cannot matter. A city without a terrain lies on a level plain, and a note says so.
    """

    params: NoiseParams = field(default_factory=NoiseParams)

    name: ClassVar[str] = "noise"
    inputs: ClassVar[Mapping[str, Schema]] = {
        "link_flows": {
            "link_id": Column("integer", "", "Link."),
            "hours_h": Column("float", "h", "Hours of a day that the flow stands for.", 0.0, 24.0),
            "from_h": Column("float", "h", "Hour at which they begin.", 0.0, 24.0, missing=True),
            "to_h": Column("float", "h", "Hour at which they end.", 0.0, 24.0, missing=True),
            **{f"volume_{kind}_veh_h": Column("float", "veh h⁻¹", f"Flow by {kind}.", 0.0) for kind in KINDS},
            **{f"speed_{kind}_m_s": Column("float", "m s⁻¹", f"Speed by {kind}.", 0.0) for kind in KINDS},
        },
        "links": columns_of(
            "links", "geometry", "from_node_id", "to_node_id", "reverse_link_id", "length_m", "bridge", "tunnel"
        ),
        "nodes": columns_of("nodes", "elevation_m"),
        "buildings": columns_of("buildings", "geometry", "height_m", "ground_m", "residents"),
    }
    optional: ClassVar[tuple[str, ...]] = ("terrain",)
    rasters: ClassVar[tuple[str, ...]] = ("terrain", "imperviousness")
    outputs: ClassVar[Mapping[str, Schema]] = {
        "buildings": {
            "noise_lden_db": _level("Lden of road noise at the loudest façade."),
            "noise_lnight_db": _level("Lnight of road noise at the loudest façade."),
        },
        "facade_noise": {
            "geometry": Column("geometry", "", "Stretch of façade.", choices=("LineString",)),
            "building_id": Column("integer", "", "Building.", refers_to="buildings.building_id"),
            "lden_db": _level("Lden in front of it."),
            "lnight_db": _level("Lnight in front of it."),
        },
    }
    references: ClassVar[tuple[str, ...]] = (
        "Directive 2002/49/EC, Annex II, as replaced by (EU) 2015/996 and amended by (EU) 2021/1226, sections 2.2, 2.5",
        "ISO 9613-1:1993, Acoustics: Attenuation of sound during propagation outdoors, part 1",
        "Directive (EU) 2020/367, Annex III: harmful effects of environmental noise",
    )

    def run(self, city: City) -> Result:
        """Levels of all façades and of the grid."""
        from dothi.noise.scene import only

        buildings = city["buildings"]
        footprints = np.asarray(buildings.geometry.array, dtype=object)
        height = buildings["height_m"].to_numpy(dtype=float, na_value=np.nan)
        footprints = only(footprints, np.nan_to_num(height) > 0.0)
        work = _Work(city, self.params, footprints, height)
        fronts, facade_energy, facade_paths = work.at_facades(footprints)
        grid, grid_paths = work.over_ground(city, footprints)
        lden, lnight = work.lden(facade_energy), work.lnight(facade_energy)
        tables = {
            "buildings": _by_building(buildings, fronts.building, lden, lnight),
            "facade_noise": _facade_table(city, buildings, fronts, lden, lnight),
        }
        paths = facade_paths + grid_paths
        diagnostics = {
            "notes": list(work.notes),
            "receivers_facade": len(lden),
            "receivers_grid": int(np.isfinite(grid["noise_lden_db"]).sum()),
            "roads": work.n_roads,
            "paths": dict(zip(("direct", "screened", "reflected", "round_corners"), paths.tolist(), strict=True)),
            **_people(buildings, tables["buildings"], place.load(city.country, "noise")["limits"]),
        }
        return Result(tables=tables, fields=grid, diagnostics=diagnostics)


class _Work:
    """City and method as the kernels take them."""

    def __init__(self, city: City, params: NoiseParams, footprints: Shapes, height: Floats) -> None:
        from dothi.noise.scene import ground_of, level_plain, scene_of, sources_of
        from dothi.noise.traffic import roads

        data = place.load(city.country, "noise")
        self.params, self.data = params, data
        self.parts = levels.periods(data["periods"])
        self.weights = levels.weights(self.parts)
        self.temperature_c = data["air"]["temperature_c"] if params.temperature_c is None else params.temperature_c
        self.humidity_pct = data["air"]["humidity_pct"] if params.humidity_pct is None else params.humidity_pct
        ground_m = city["buildings"]["ground_m"].to_numpy(dtype=float, na_value=np.nan)
        sealed = city.rasters["imperviousness"]
        self.notes: tuple[str, ...] = ()
        if "terrain" in city.rasters:
            terrain = city.rasters["terrain"]
        else:
            self.notes = ("no terrain: the city is taken to lie on a level plain, so that no hill screens",)
            streets_m = city["nodes"]["elevation_m"].to_numpy(dtype=float, na_value=np.nan)
            terrain = level_plain(sealed, np.r_[ground_m, streets_m])
            ground_m = np.full(len(ground_m), np.nan)  # all stand on the plain
        ground = ground_of(terrain, sealed, footprints)
        self.scene: Scene = scene_of(footprints, height, ground_m, ground)
        heard = roads(city, self.parts, params.surface, self.temperature_c)
        self.n_roads = len(heard.lines)
        self.sources: Sources = sources_of(heard.lines, heard.power, self.weights, ground, heard.deck_m)

    def method(self, own_wall_m: float) -> Method:
        """How to compute; walls in line with the receiver up to this distance are its own."""
        from dothi.noise.air import absorption
        from dothi.noise.kernels_map import Method

        params = self.params
        return Method(
            params.reach_m,
            min(100.0, params.reach_m),
            float(np.deg2rad(params.piece_deg)),
            params.mirror_reach_m,
            1.0 - float(values()["facade"]["absorption"]),
            own_wall_m,
            params.corner_reach_m,
            params.relief_m,
            10.0 ** (params.error_db / 10.0) - 1.0,
            10.0 ** (params.quiet_db / 10.0),
            absorption(self.temperature_c, self.humidity_pct),
            np.array([part.favourable_share for part in self.parts]),
            self.weights,
        )

    def listen(self, at: Floats, own_wall_m: float) -> tuple[Floats, Integers]:
        """Energy by receiver and period, and the numbers of paths by kind."""
        from dothi.noise.kernels_map import listen
        from dothi.noise.receivers import by_tile

        order = by_tile(at)
        x, y = np.ascontiguousarray(at[order, 0]), np.ascontiguousarray(at[order, 1])
        energy, paths = np.zeros((len(at), len(self.parts))), np.zeros((len(at), 4), dtype=np.int64)
        method = self.method(own_wall_m)

        def some(first: int) -> None:
            last = min(first + CHUNK, len(x))
            listen(self.scene, self.sources, method, x, y, self.params.height_m, first, last, energy, paths)

        firsts = range(0, len(x), CHUNK)
        if firsts:
            some(0)  # compiled before threads wait for it
            with ThreadPoolExecutor(_threads()) as pool:
                list(pool.map(some, firsts[1:]))
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return energy[back], paths.sum(axis=0)

    def at_facades(self, footprints: Shapes) -> tuple[Any, Floats, Integers]:
        """Receivers in front of façades, energy and paths."""
        from dothi.noise.receivers import OFFSET_M, facades

        fronts = facades(footprints, self.params.facade_m)
        energy, paths = self.listen(fronts.at, OFFSET_M + SAME_WALL_M)
        return fronts, energy, paths

    def over_ground(self, city: City, footprints: Shapes) -> tuple[dict[str, xr.DataArray], Integers]:
        """Fields of levels on the grid, and paths."""
        import xarray as xr

        from dothi.noise.receivers import over_ground

        x, y, at, cell = over_ground(city.bounds, self.params.grid_m, footprints)
        energy, paths = self.listen(at, 0.0)
        fields = {}
        for name, found in (("noise_lden_db", self.lden(energy)), ("noise_lnight_db", self.lnight(energy))):
            field_of = np.full(len(x) * len(y), np.nan)
            field_of[cell] = found
            fields[name] = xr.DataArray(
                field_of.reshape(len(y), len(x)),
                dims=("y", "x"),
                coords={"y": y, "x": x},
                attrs={"units": "dB", "crs": city.crs},
            )
        return fields, paths

    def lden(self, energy: Floats) -> Floats:
        """Day-evening-night level [dB]."""
        return levels.decibels(energy @ self.weights)

    def lnight(self, energy: Floats) -> Floats:
        """Level of the night [dB]."""
        night = next(k for k, part in enumerate(self.parts) if part.name == "night")
        return levels.decibels(energy[:, night])


def _threads() -> int:
    """Threads that this process may run: the processors it is let on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return max(len(affinity(0)) if affinity else os.cpu_count() or 1, 1)


def _by_building(buildings: Any, row: Integers, lden: Floats, lnight: Floats) -> pd.DataFrame:
    """Levels at the loudest façade of each building; missing where none stands free."""
    import pandas as pd

    columns = {}
    for name, found in (("noise_lden_db", lden), ("noise_lnight_db", lnight)):
        loudest = np.full(len(buildings), -np.inf)
        np.maximum.at(loudest, row, found)
        columns[name] = np.where(np.isfinite(loudest), loudest, np.nan)
    return pd.DataFrame(columns, index=buildings.index)


def _facade_table(city: City, buildings: Any, fronts: Any, lden: Floats, lnight: Floats) -> Any:
    import geopandas as gpd

    lines = shapely.linestrings(fronts.ends.reshape(-1, 2, 2)) if len(lden) else np.empty(0, dtype=object)
    table = gpd.GeoDataFrame(
        {"building_id": buildings.index.to_numpy()[fronts.building], "lden_db": lden, "lnight_db": lnight},
        geometry=lines,
        crs=city.crs,
    )
    table.index = table.index.rename("facade_noise_id")
    return table[["geometry", "building_id", "lden_db", "lnight_db"]]


def _people(buildings: Any, loudest: Any, limits: Mapping[str, float]) -> dict[str, Any]:
    """Residents by class of level at their loudest façade, and those harmed."""
    people = np.nan_to_num(buildings["residents"].to_numpy(dtype=float, na_value=0.0))
    lden, lnight = (loudest[name].to_numpy(dtype=float) for name in ("noise_lden_db", "noise_lnight_db"))
    total = max(float(people.sum()), 1e-9)
    above = {
        f"share_{name}_{limit:g}_db": float(people[np.nan_to_num(level) >= limit].sum() / total)
        for name, level, marks in (("lden", lden, (55.0, 65.0, 68.0)), ("lnight", lnight, (50.0, 62.0)))
        for limit in marks
    }
    return {
        "people_by_lden": levels.exposed(people, lden, levels.LDEN_CLASSES_DB),
        "people_by_lnight": levels.exposed(people, lnight, levels.LNIGHT_CLASSES_DB),
        **above,
        "people_above_limit": float(people[np.nan_to_num(lden) >= limits["lden_db"]].sum()),
        "people_highly_annoyed": float((people * levels.share_harmed("highly_annoyed", lden)).sum()),
        "people_highly_sleep_disturbed": float((people * levels.share_harmed("highly_sleep_disturbed", lnight)).sum()),
    }
