"""Content of ``dothi.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from dothi.sources import AnySource

SMALLEST_M = 10.0
LARGEST_M = 200_000.0
"""Sides of an extent: a building at least, the region around a large city at most."""

Number = Annotated[float, Field(allow_inf_nan=False)]


class BuildOptions(BaseModel):
    """
    How a city is derived from its sources.

    Attributes
    ----------
    seed
        Seed of everything drawn at random.
    terrain_cell_m
        Cell of terrain, land cover and the other rasters [m].
    zone_cell_m
        Cell from which zones are made where no outlines are given [m].
    zones
        Where zones come from.
    node_crossings
        Whether roads that cross at one level without a shared vertex are joined: for drawn lines only.
    snap_m
        Distance within which ends of roads are joined [m].
    river_from_void
        Whether the largest space without buildings and roads is a river, where the sources have no water.
    synthetic_transit
        Whether lines of public transport are made up along tracks and main streets, where the sources have no stops.
    synthetic_grid
        Whether an electricity grid is made up along the streets, where the sources have none.
    climate
        Station of the climate normals, where no weather file is given; the nearest where absent.
    accuracy
        Whether methods are tried on known values, which are hidden for it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(default=1, ge=0)
    terrain_cell_m: float = Field(default=2.0, gt=0.0, le=100.0)
    zone_cell_m: float = Field(default=250.0, ge=50.0, le=5000.0)
    zones: Literal["cells", "wards", "census"] = "cells"
    node_crossings: bool = False
    snap_m: float = Field(default=0.0, ge=0.0, le=10.0)
    river_from_void: bool = False
    synthetic_transit: bool = False
    synthetic_grid: bool = False
    climate: str | None = None
    accuracy: bool = True


class StudyConfig(BaseModel):
    """
    Content of ``dothi.toml``.

    Attributes
    ----------
    name
        Name of the place, as people write it.
    country
        ISO 3166 code: decides rules, habits and prices.
    crs
        Projected grid of the city.
    extent
        West, south, east, north on the grid [m]; the box of the sources where absent.
    source
        Sources, the most trusted first.
    build
        How the city is derived.
    models
        Parameters of simulations that differ from the usual ones, by simulation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    country: Literal["vn", "fr"]
    crs: str
    extent: tuple[Number, Number, Number, Number] | None = None
    source: tuple[AnySource, ...]
    build: BuildOptions = BuildOptions()
    models: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    @field_validator("crs")
    @classmethod
    def _is_projected(cls, value: str) -> str:
        from pyproj import CRS
        from pyproj.exceptions import CRSError

        try:
            crs = CRS.from_user_input(value)
        except CRSError as error:
            raise ValueError("is a coordinate reference system that PROJ knows, such as EPSG:2154") from error
        if not crs.is_projected or any(axis.unit_name != "metre" for axis in crs.axis_info[:2]):
            raise ValueError("is a projected grid in metres")
        return value

    @field_validator("source")
    @classmethod
    def _is_not_empty(cls, value: tuple[AnySource, ...]) -> tuple[AnySource, ...]:
        if not value:
            raise ValueError("has at least one entry [[source]]")
        return value

    @field_validator("extent")
    @classmethod
    def _is_a_box(cls, value: tuple[float, float, float, float] | None) -> tuple[float, float, float, float] | None:
        if value is not None and not (value[0] < value[2] and value[1] < value[3]):
            raise ValueError("is west, south, east, north with west < east and south < north")
        if value is not None and not all(
            SMALLEST_M <= side <= LARGEST_M for side in (value[2] - value[0], value[3] - value[1])
        ):
            raise ValueError(f"is {SMALLEST_M:g} m to {LARGEST_M / 1e3:g} km wide and high")
        return value
