"""Light on every surface of a city, rebuilt hour by hour from what the surface sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from dothi.errors import InputError, Problem
from dothi.packed import unpacked
from dothi.shapes import Floats, Integers, Mask
from dothi.sky.dome import Sky, sky_of
from dothi.sky.patches import N_PATCHES, points_of
from dothi.sky.position import Site, site_of

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City

Singles = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Rows = Integers | Mask | slice

BOUNCES: Final = ("bounce_ground_beam", "bounce_ground_sky", "bounce_wall_beam", "bounce_wall_sky")
"""Columns of what the ground and walls nearby reflect to a surface, as shares of the light on them in the open."""
SIDES: Final = 16
"""Directions that walls are told apart by, for what they reflect; one more for level surfaces."""
SPREAD: Final = ((-45.0, 0.25), (0.0, 0.5), (45.0, 0.25))
"""Directions of the walls that a surface looks at, off the one that faces it, and their weights [°]."""
LEVEL_DEG: Final = 5.0
"""Surfaces that lean less face walls of all directions."""
CHUNK: Final = 256
"""Surfaces whose series are made in one go, so that memory stays small."""
WH_PER_KWH: Final = 1000.0
POINTS_A_SIDE: Final = 4


class Light:
    """
    What each surface sees, and the light on it.

    Rows are positions in the table ``surface_light``, which the simulation of the sun gives; `rows_of` finds those of a
    building. Every series is made when asked for, in some 50 µs, since surfaces times hours would fill the memory.

    Attributes
    ----------
    surface_id, building_id : (n,)
        Surface, and whose it is.
    kind : (n,)
        ``roof``, ``wall`` and so on.
    tilt_deg, azimuth_deg : (n,)
        Tilt, and direction clockwise from true north; missing where level [°].
    lit_area_m2 : (n,)
        Area, what neighbours cover taken off.
    """

    def __init__(self, surfaces: pd.DataFrame, weather: pd.DataFrame, site: Site) -> None:
        self.surface_id = surfaces.index.to_numpy(dtype=np.int64)
        self.building_id = surfaces["building_id"].to_numpy(dtype=np.int64)
        self.kind = surfaces["kind"].astype("object").to_numpy()
        self.tilt_deg: Floats = surfaces["tilt_deg"].to_numpy(dtype=float)
        self.azimuth_deg: Floats = surfaces["azimuth_deg"].to_numpy(dtype=float, na_value=np.nan)
        self.lit_area_m2: Floats = surfaces["lit_area_m2"].to_numpy(dtype=float)
        self.site = site
        self._seen: Bytes = unpacked(surfaces["sky"], np.uint8)
        self._lit: Bytes = unpacked(surfaces["sun"], np.uint8)
        self._bounce: Floats = np.ascontiguousarray(surfaces[list(BOUNCES)].to_numpy(dtype=float))
        self.sky: Sky = sky_of(weather, site)
        if len(self) and (self._seen.shape[1] != N_PATCHES or self._lit.shape[1] != self.sky.places):
            rule = "was made for this weather: run the simulation of the sun again"
            raise InputError([Problem(rule, table="surface_light", column="sun")])
        self._points = points_of(POINTS_A_SIDE)
        self._walls: Floats | None = None

    def __len__(self) -> int:
        return len(self.surface_id)

    @classmethod
    def of(cls, city: City) -> Light:
        """
        Light on the surfaces of a city.

        Raises
        ------
        InputError
            The city has no table ``surface_light`` or no weather.
        """
        missing = [Problem("table is present", table=name) for name in ("surface_light", "weather") if name not in city]
        if missing:
            raise InputError(missing)
        return cls(city["surface_light"], city["weather"], site_of(city))

    @classmethod
    def unobstructed(cls, surfaces: pd.DataFrame, weather: pd.DataFrame, site: Site, albedo: float = 0.2) -> Light:
        """
        Light on surfaces that nothing hides, above a level ground.

        Parameters
        ----------
        surfaces
            Columns ``building_id``, ``kind``, ``tilt_deg``, ``azimuth_deg`` (clockwise from true north) and
            ``lit_area_m2``.
        weather
            Table ``weather``.
        site
            Where.
        albedo
            Share of light that the ground reflects.
        """
        from dothi.packed import packed

        n, places = len(surfaces), sky_of(weather, site).places
        down = (1.0 - np.cos(np.radians(surfaces["tilt_deg"].to_numpy(dtype=float)))) / 2.0
        return cls(
            surfaces.assign(
                sky=packed(np.full((n, N_PATCHES), 255, dtype=np.uint8), surfaces.index),
                sun=packed(np.full((n, places), 255, dtype=np.uint8), surfaces.index),
                bounce_ground_beam=albedo * down,
                bounce_ground_sky=albedo * down,
                bounce_wall_beam=0.0,
                bounce_wall_sky=0.0,
            ),
            weather,
            site,
        )

    def rows_of(self, building_id: int) -> Integers:
        """Rows of the surfaces of a building."""
        return np.flatnonzero(self.building_id == building_id)

    def hourly(self, rows: Rows = slice(None)) -> Singles:
        """
        Light on some surfaces in every hour of the weather: beam, sky, and what the neighbourhood reflects.

        Returns
        -------
        (rows, hours) array
            Irradiance [W m⁻²].
        """
        rows = self._positions(rows)
        out = np.zeros((len(rows), self.sky.hours), dtype=np.float32)
        self._fill(rows, out, out, together=True)
        return out

    def split(self, rows: Rows = slice(None)) -> tuple[Singles, Singles]:
        """Direct light, and all other, of some surfaces in every hour, each of shape ``(rows, hours)`` [W m⁻²]."""
        rows = self._positions(rows)
        beam = np.zeros((len(rows), self.sky.hours), dtype=np.float32)
        other = np.zeros_like(beam)
        self._fill(rows, beam, other, together=False)
        return beam, other

    def summed(self, rows: Rows, group: Integers, weight: Floats, groups: int) -> Singles:
        """
        Sums of light over groups of surfaces, without the series of every surface in memory at once.

        Parameters
        ----------
        rows
            Surfaces.
        group
            Group of each, from 0.
        weight
            Weight of each, such as its area.
        groups
            Number of groups.

        Returns
        -------
        (groups, hours) array
            Sums [W m⁻² times the unit of the weights].
        """
        rows = self._positions(rows)
        out = np.zeros((groups, self.sky.hours), dtype=np.float32)
        for first in range(0, len(rows), CHUNK):
            here = slice(first, first + CHUNK)
            light = self.hourly(rows[here])
            light *= weight[here, None].astype(np.float32)
            np.add.at(out, group[here], light)
        return out

    def annual(self, rows: Rows = slice(None)) -> Floats:
        """Light of the whole weather on some surfaces, shape ``(rows,)`` [kWh m⁻²]."""
        return np.asarray(self.annual_parts(rows).sum(axis=1))

    def annual_parts(self, rows: Rows = slice(None)) -> Floats:
        """Light of the whole weather from the sun, from the sky and by reflection, ``(rows, 3)`` [kWh m⁻²]."""
        from dothi.sky.kernels import beam_of_year

        rows = self._positions(rows)
        sky, normal = self.sky, self._normals(rows)
        beam = np.zeros((len(rows), 2))
        beam_of_year(normal, sky.sun, sky.dni, sky.place, np.ascontiguousarray(self._lit[rows]), beam)
        diffuse = self._weights(rows) @ sky.radiance.astype(np.float64).sum(axis=1)
        ground = np.column_stack([sky.beam_level, sky.dhi]).sum(axis=0)
        walls = self._wall_drivers().sum(axis=1)[self._side(rows)]
        bounce = (self._bounce[rows] * np.column_stack([np.tile(ground, (len(rows), 1)), walls])).sum(axis=1)
        return np.column_stack([beam[:, 0], diffuse, bounce]) / WH_PER_KWH

    def _positions(self, rows: Rows) -> Integers:
        return np.arange(len(self))[rows] if len(self) else np.empty(0, dtype=np.int64)

    def _fill(self, rows: Integers, beam: Singles, other: Singles, *, together: bool) -> None:
        from dothi.sky.kernels import light_of

        sky = self.sky
        sun, dni = _singles(sky.sun.T), _singles(sky.dni)
        ground, walls = _singles([sky.beam_level, sky.dhi]), _singles(self._wall_drivers().transpose(0, 2, 1))
        for first in range(0, len(rows), CHUNK):
            here = slice(first, first + CHUNK)
            some = rows[here]
            light_of(
                _singles(self._normals(some)),
                sun,
                dni,
                sky.place,
                np.ascontiguousarray(self._lit[some]),
                _singles(self._bounce[some]),
                ground,
                walls,
                self._side(some),
                sky.hour,
                self._weights(some) @ sky.radiance,
                together,
                beam[here],
                other[here],
            )

    def _normals(self, rows: Integers) -> Floats:
        """Unit normals on the grid: this is where true north becomes grid north."""
        return normals(self.tilt_deg[rows], self.azimuth_deg[rows] + self.site.convergence_deg)

    def _weights(self, rows: Integers) -> Singles:
        """Projected solid angle that each surface sees of each patch [sr]."""
        from dothi.sky.kernels import patch_weights

        weight = np.empty((len(rows), N_PATCHES), dtype=np.float32)
        patch_weights(self._normals(rows), self._points.towards, self._points.solid_angle, weight)
        weight *= self._seen[rows].reshape(weight.shape)
        weight /= np.float32(255.0)
        return weight

    def _side(self, rows: Integers) -> Integers:
        """Which way each surface looks, among `SIDES`; the last is for level ones."""
        azimuth = self.azimuth_deg[rows] + self.site.convergence_deg
        level = ~np.isfinite(azimuth) | (self.tilt_deg[rows] < LEVEL_DEG) | (self.tilt_deg[rows] > 180.0 - LEVEL_DEG)
        side = np.round(np.nan_to_num(azimuth) / (360.0 / SIDES)).astype(np.int64) % SIDES
        return np.where(level, SIDES, side)

    def _wall_drivers(self) -> Floats:
        if self._walls is None:
            self._walls = wall_drivers(self.sky)
        return self._walls


def _singles(values: Any) -> Singles:
    return np.ascontiguousarray(values, dtype=np.float32)


def normals(tilt_deg: Any, azimuth_deg: Any) -> Floats:
    """Unit normals east, north, up, shape ``(n, 3)``; a missing azimuth is that of a level surface."""
    tilt, azimuth = np.radians(np.asarray(tilt_deg)), np.radians(np.nan_to_num(np.asarray(azimuth_deg)))
    return np.column_stack([np.sin(tilt) * np.sin(azimuth), np.sin(tilt) * np.cos(azimuth), np.cos(tilt)])


def wall_drivers(sky: Sky) -> Floats:
    """
    Light on open walls that face a surface of each side.

    Returns
    -------
    (sides + 1, day hours, 2) array
        Direct light and light of the sky on walls that face it, weighted as `SPREAD` has it [W m⁻²].
    """
    from dothi.sky.kernels import patch_weights

    points = points_of(POINTS_A_SIDE)
    angle = np.arange(SIDES) * 360.0 / SIDES
    found = np.zeros((SIDES + 1, len(sky.hour), 2))
    for turn, share in SPREAD:
        normal = normals(np.full(SIDES, 90.0), angle + 180.0 + turn)
        weight = np.empty((SIDES, N_PATCHES), dtype=np.float32)
        patch_weights(normal, points.towards, points.solid_angle, weight)
        found[:SIDES, :, 0] += share * np.maximum(normal @ sky.sun.T, 0.0) * sky.dni
        found[:SIDES, :, 1] += share * (weight @ sky.radiance)
    found[SIDES] = found[:SIDES].mean(axis=0)
    return found
