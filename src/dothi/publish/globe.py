"""From the grid of a city to the globe: where every vertex really is, curvature of the Earth and all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from dothi.crs import LONLAT, transformer
from dothi.shapes import Floats

if TYPE_CHECKING:
    from dothi.city import City

SEMI_MAJOR_M: Final = 6_378_137.0
"""Semi-major axis of the ellipsoid of WGS 84 (NGA.STND.0036, table 3.1)."""
FLATTENING: Final = 1.0 / 298.257223563
"""Flattening of the ellipsoid of WGS 84 (NGA.STND.0036, table 3.1)."""
LEAST_STRAY_M: Final = 0.005
"""Lean of walls that a frame may overlook: half a step of quantised places."""


class Frame(Protocol):
    """A local frame: x east, y north, z up [m]."""

    def rays(self, xy: Floats, tallest_m: float = ...) -> tuple[Floats, Floats]:
        """
        Where verticals pierce level 0, and which way they go.

        Parameters
        ----------
        xy : (n, 2)
            Places on the grid of the city [m].
        tallest_m
            How far along them matters [m].

        Returns
        -------
        foot : (n, 3)
            Points at level 0, in the frame [m].
        up : (n, 3) or (1, 3)
            Unit vectors, in the frame.
        """
        ...


def placed(frame: Frame, xy: Floats, z: Floats) -> Floats:
    """Points (n, 3) of the city in a frame [m]."""
    foot, up = frame.rays(xy)
    return foot + up * z[:, None]


@dataclass(frozen=True, slots=True)
class GridFrame:
    """
    The grid of the city itself, moved to an origin.

    Attributes
    ----------
    origin
        Place on the grid that becomes (0, 0) [m].
    """

    origin: tuple[float, float]

    def rays(self, xy: Floats, tallest_m: float = np.inf) -> tuple[Floats, Floats]:  # noqa: ARG002
        """See `Frame.rays`."""
        return np.column_stack([xy - self.origin, np.zeros(len(xy))]), np.array([[0.0, 0.0, 1.0]])


@dataclass(frozen=True, slots=True, eq=False)
class EarthFrame:
    """
    The plane that touches the ellipsoid of WGS 84 at a place, with true north.

    Attributes
    ----------
    crs
        Grid of the city.
    geoid_m
        Height of level 0 of the city above the ellipsoid [m].
    matrix : (4, 4)
        From the frame to geocentric coordinates (EPSG:4978).
    """

    crs: str
    geoid_m: float
    matrix: Floats

    @classmethod
    def at(cls, crs: str, xy: tuple[float, float], z: float, geoid_m: float) -> EarthFrame:
        """Frame at a place on the grid [m]."""
        foot, up, east = _geocentric(crs, np.array([xy]), geoid_m)
        matrix = np.eye(4)
        matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = east[0], np.cross(up[0], east[0]), up[0]
        matrix[:3, 3] = foot[0] + z * up[0]
        return cls(crs, geoid_m, matrix)

    def rays(self, xy: Floats, tallest_m: float = np.inf) -> tuple[Floats, Floats]:
        """See `Frame.rays`."""
        foot, up, _ = _geocentric(self.crs, xy, self.geoid_m)
        turn = self.matrix[:3, :3]
        up = up @ turn
        if np.hypot(up[:, 0], up[:, 1]).max(initial=0.0) * tallest_m < LEAST_STRAY_M:
            up = np.array([[0.0, 0.0, 1.0]])
        return (foot - self.matrix[:3, 3]) @ turn, up

    def within(self, parent: EarthFrame | None) -> list[float]:
        """Matrix from this frame to that of a parent, or to geocentric coordinates; column by column."""
        matrix = self.matrix if parent is None else np.linalg.inv(parent.matrix) @ self.matrix
        # Twelve digits are 0.01 mm at the radius of the Earth, and hide the noise of the last bits.
        return [float(f"{value:.12g}") if abs(value) > 1e-15 else 0.0 for value in matrix.T.ravel().tolist()]


def _geocentric(crs: str, xy: Floats, height_m: float) -> tuple[Floats, Floats, Floats]:
    """Points at a height above the ellipsoid, upward and eastward unit vectors there, all (n, 3)."""
    longitude, latitude = transformer(crs, LONLAT).transform(xy[:, 0], xy[:, 1])
    longitude, latitude = np.radians(longitude), np.radians(latitude)
    sin_lon, cos_lon, sin_lat, cos_lat = np.sin(longitude), np.cos(longitude), np.sin(latitude), np.cos(latitude)
    square = FLATTENING * (2.0 - FLATTENING)
    normal = SEMI_MAJOR_M / np.sqrt(1.0 - square * sin_lat**2)  # radius of curvature in the prime vertical
    up = np.column_stack([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat])
    foot = up * (normal + height_m)[:, None]
    foot[:, 2] -= square * normal * sin_lat
    return foot, up, np.column_stack([-sin_lon, cos_lon, np.zeros_like(sin_lon)])


def middle_of(city: City) -> tuple[float, float]:
    """Whole metres nearest to the middle of a city on its grid."""
    west, south, east, north = city.bounds
    return float(round((west + east) / 2.0)), float(round((south + north) / 2.0))
