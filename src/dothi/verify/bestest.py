"""
The rooms of BESTEST (ANSI/ASHRAE Standard 140, section 5.2), and what is known of them.

A box of 8 m by 6 m by 2.7 m in Denver, light (600) or heavy (900), with 12 m² of windows, and variations of it. Limits
of annual loads are those of Standard 140-2023, addendum b, as listed in the users' guide of
``Buildings.ThermalZones.ISO13790.Validation.BESTEST`` of the Modelica Buildings library (LBNL); values of six programs
(BSIMAC, CSE, DeST, EnergyPlus, ESP-r, TRNSYS) are from there and from tables B8-2, B8-11 and B8-13 of the informative
annex as the project ashrae-140-automation renders them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from dothi.heat import kernels as k
from dothi.heat.network import AIR_WH_M3_K, H_IS, H_MS, Zones, coefficients
from dothi.heat.outdoors import outdoors
from dothi.shapes import Floats
from dothi.sky.transposition import plane_irradiance

if TYPE_CHECKING:
    import pandas as pd

FILE: Final = "weather-epw/USA_CO_Denver.Intl.AP.725650_TMY3.epw"
"""Weather of the cases: typical year 3 of Denver International Airport."""
FLOOR_M2: Final = 48.0
VOLUME_M3: Final = 129.6
DENSITY: Final = 0.8215
"""Air at 1650 m over air at the sea."""
ALBEDO: Final = 0.2
GAINS_W: Final = 200.0
FAN_M3_H: Final = 1703.16
OUTER_W_M2_K: Final = 21.6
"""Wind and radiation at the outer surface, both together."""
INNER_W_M2_K: Final = 7.3
"""Convection, 2.5 as in the network, and radiation of glass, 4.8."""
RADIATION_W_M2_K: Final = 4.5
GLASS_SKY: Final = 0.84 / 0.9
"""Emissivity of glass over that of walls."""
SKY_WALL: Final = 0.35
"""Share of the sky radiation that reaches a wall (EnergyPlus, ``ViewFactorSky`` times its square root)."""
ABSORPTANCE: Final = 0.6
SUN_FLOOR: Final = 0.642
SUN_ROOF: Final = 0.168
SUN_WALLS: Final = 0.155
SUN_LOST: Final = 0.035
"""Where the sun goes that comes through the windows: solar fractions of Standard 140 for case 600, from memory."""
NEVER_C: Final = 300.0
SIDES: Final = {"north": 0.0, "east": 90.0, "south": 180.0, "west": 270.0}


@dataclass(frozen=True, slots=True)
class Glass:
    """
    A kind of window.

    Attributes
    ----------
    u
        Heat loss, surfaces included [W m⁻² K⁻¹].
    g
        Sun let in at normal incidence, what warms the panes included.
    angle
        Coefficients of a polynomial in the angle of incidence [rad]: sun let in over that at normal incidence.
    """

    u: float
    g: float
    angle: tuple[float, ...]

    def through(self, incidence_rad: Floats) -> Floats:
        """Sun let in over the beam on the window."""
        found: Floats = self.g * np.clip(np.polynomial.Polynomial(self.angle)(incidence_rad), 0.0, 1.0)
        return found

    @property
    def diffuse(self) -> float:
        """Sun let in over even light on the window."""
        angle: Floats = np.asarray((np.arange(900) + 0.5) * np.pi / 1800.0)
        weight = np.sin(2.0 * angle)
        return float(np.average(self.through(angle), weights=weight))


def _u(panes: float) -> float:
    """Heat loss of panes with a resistance [m² K W⁻¹] between the surfaces of these rooms [W m⁻² K⁻¹]."""
    return 1.0 / (1.0 / INNER_W_M2_K + panes + 1.0 / OUTER_W_M2_K)


GLASS: Final = {
    "double": Glass(_u(2.0 * 0.003 + 1.0 / 6.297), 0.769, (1.0, -0.189, 0.644, -0.596)),
    "low_e": Glass(_u(1.0 / 1.45 - 1.0 / 8.29 - 1.0 / 21.0), 0.44, (1.0, -0.152, 0.51, -0.526)),
    "single": Glass(_u(0.003), 0.864, (0.998, 0.137, -0.745, 1.21, -0.668)),
}
"""Panes of 3 mm and 1 W/(m K); 6.297 W/(m² K) between two of them is that of BESTEST (from memory). Polynomials and the
low-emissivity pane: Modelica Buildings, as above. The single pane of that library, 7.8 W/(m² K), leaves no room for the
resistance of its surfaces, which is why its case 670 lies outside the limits."""


@dataclass(frozen=True, slots=True)
class Room:
    """A case: what differs from case 600."""

    windows: Mapping[str, float] = field(default_factory=lambda: {"south": 12.0})
    glass: str = "double"
    heavy: bool = False
    insulated: bool = False
    heat_c: float = 20.0
    cool_c: float = 27.0
    night_c: float = 20.0
    fan: bool = False
    cool_by_day: bool = False


_EAST_WEST: Final = {"east": 6.0, "west": 6.0}
_BASE: Final = {
    "600": Room(),
    "620": Room(windows=_EAST_WEST),
    "640": Room(night_c=10.0),
    "650": Room(heat_c=-NEVER_C, night_c=-NEVER_C, fan=True, cool_by_day=True),
    "660": Room(glass="low_e"),
    "670": Room(glass="single"),
    "680": Room(insulated=True),
    "685": Room(cool_c=20.0),
    "695": Room(cool_c=20.0, insulated=True),
}
_HEAVY: Final = {"600": "900", "620": "920", "640": "940", "650": "950", "680": "980", "685": "985", "695": "995"}
ROOMS: Final = {**_BASE, **{new: replace(_BASE[old], heavy=True) for old, new in _HEAVY.items()}}
FREE: Final = {
    f"{name}FF": replace(ROOMS[name], heat_c=-NEVER_C, cool_c=NEVER_C, night_c=-NEVER_C)
    for name in ("600", "650", "680", "900", "950", "980")
}

HEATING: Final = {
    "600": (3.75, 4.98, 3.993, 4.504),
    "620": (3.67, 5.38, 4.094, 4.719),
    "640": (1.58, 3.76, 2.403, 2.682),
    "660": (2.68, 4.82, 3.574, 3.821),
    "670": (4.00, 7.96, 5.300, 6.140),
    "680": (1.21, 3.08, 1.732, 2.286),
    "685": (4.08, 5.75, 4.532, 5.042),
    "695": (1.70, 3.81, 2.385, 2.892),
    "900": (1.04, 2.28, 1.379, 1.814),
    "920": (2.55, 4.20, 2.956, 3.607),
    "940": (0.22, 1.91, 0.863, 1.389),
    "980": (-0.61, 1.28, 0.246, 0.720),
    "985": (1.68, 3.09, 2.120, 2.801),
    "995": (-0.15, 2.02, 0.755, 1.330),
}
"""Annual heating: limits of the standard, least and greatest of the programs [MWh]."""
COOLING: Final = {
    "600": (5.00, 6.83, 5.432, 6.162),
    "620": (2.76, 5.19, 3.841, 4.404),
    "640": (4.44, 6.86, 5.237, 5.893),
    "650": (3.46, 5.88, 4.186, 4.945),
    "660": (1.91, 4.33, 2.966, 3.340),
    "670": (5.05, 7.67, 5.954, 6.623),
    "680": (5.13, 7.70, 5.932, 6.529),
    "685": (7.70, 10.14, 8.238, 9.130),
    "695": (7.49, 10.58, 8.386, 9.172),
    "900": (2.35, 2.60, 2.267, 2.714),
    "920": (2.43, 3.08, 2.549, 3.128),
    "940": (2.24, 3.14, 2.203, 2.613),
    "950": (0.43, 1.52, 0.586, 0.707),
    "980": (3.52, 4.49, 3.501, 3.995),
    "985": (5.95, 7.26, 5.880, 7.273),
    "995": (6.58, 8.41, 6.771, 7.482),
}
FLOATING: Final = {
    "600FF": (62.4, 68.4, -13.8, -9.9),
    "650FF": (61.1, 66.8, -17.8, -16.7),
    "680FF": (69.8, 78.5, -8.1, -5.7),
    "900FF": (43.3, 46.0, 0.6, 2.2),
    "950FF": (36.1, 37.1, -13.4, -12.5),
    "980FF": (48.5, 52.8, 7.3, 12.5),
}
"""Greatest and least temperature of the room, each with the least and greatest of the programs [°C]."""
SUN_KWH_M2: Final = {
    "horizontal": (1663.0, 1670.0),
    "north": (399.0, 477.0),
    "east": (1017.0, 1068.0),
    "south": (1291.0, 1387.0),
    "west": (903.0, 997.0),
}
"""Sun on the planes of case 600 in the year: least and greatest of the programs."""
LET_IN_SHARE: Final = {"600": (0.587, 0.627), "660": (0.318, 0.392), "670": (0.747, 0.770)}
"""Sun transmitted by the south windows over that on them, without what the panes take up: programs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Loads of the year [MWh], greatest powers [kW] and extremes of the hourly temperature [°C]."""

    heating_mwh: float
    cooling_mwh: float
    heating_kw: float
    cooling_kw: float
    warmest_c: float
    coldest_c: float


class Denver:
    """Weather of the cases, with the sun on every plane."""

    def __init__(self, weather: pd.DataFrame) -> None:
        self.weather = weather
        air = weather["air_temperature_c"].to_numpy(dtype=float)
        self.air_c = 0.5 * (air + np.roll(air, 1))  # records are of the end of each hour
        self.outdoors = outdoors(weather)
        self.sky_k = self.outdoors.sky_k + self.air_c - air
        latitude, longitude = (float(weather.attrs[name]) for name in ("latitude", "longitude"))
        tilt = np.array([90.0] * 4 + [0.0])
        azimuth = np.array([*SIDES.values(), 180.0])
        beam, diffuse, ground = plane_irradiance(weather, latitude, longitude, tilt, azimuth, ALBEDO)
        self.beam = dict(zip((*SIDES, "horizontal"), np.asarray(beam, dtype=float), strict=True))
        self.diffuse = dict(zip((*SIDES, "horizontal"), np.asarray(diffuse + ground, dtype=float), strict=True))
        self.incidence = {name: self._incidence(latitude, longitude, SIDES[name]) for name in SIDES}

    def _incidence(self, latitude: float, longitude: float, azimuth_deg: float) -> Floats:
        from dothi.sky.position import sun_path

        towards = sun_path(self.weather, latitude, longitude).towards()
        angle = np.radians(azimuth_deg)
        cosine = towards @ np.array([np.sin(angle), np.cos(angle), 0.0])
        return np.asarray(np.arccos(np.clip(cosine, 0.0, 1.0)))

    def sun_kwh_m2(self, plane: str) -> float:
        """Sun of the year on a plane."""
        return float((self.beam[plane] + self.diffuse[plane]).sum() / 1e3)

    def let_in(self, room: Room) -> Floats:
        """Sun through the windows of a room in every hour [W]."""
        glass = GLASS[room.glass]
        parts = [
            area * (self.beam[side] * glass.through(self.incidence[side]) + self.diffuse[side] * glass.diffuse)
            for side, area in room.windows.items()
        ]
        found: Floats = np.sum(parts, axis=0)
        return found

    def simulate(self, room: Room) -> Outcome:
        """A year of a room, after one to settle."""
        zones, skin_w = self._network(room)
        hours = len(self.air_c)
        hour = np.arange(hours) % 24
        profiles = np.zeros((hours, 1, k.N_PROFILES))
        profiles[:, 0, k.APP] = 1.0
        profiles[:, 0, k.HEAT] = (hour >= 7) & (hour < 23)
        profiles[:, 0, k.COOL] = ((hour >= 7) & (hour < 18)) if room.cool_by_day else 1.0
        profiles[:, 0, k.OCC] = ((hour < 7) | (hour >= 18)) if room.fan else 0.0
        state = np.array([[20.0], [20.0], [0.005]])
        out = [np.zeros((1, hours)) for _ in range(4)]
        ground = 10.0 - self.air_c
        for _ in range(2):
            k.balance(
                coefficients(zones), np.zeros(1, dtype=np.int64), self.air_c, self.sky_k, ground,
                self.outdoors.moisture, profiles, self.let_in(room)[None, :], skin_w[None, :],
                np.zeros(1, dtype=np.int64), np.ones(1), state, *out,
            )  # fmt: skip
        heat, cool, _, air = (one[0] for one in out)
        return Outcome(heat.sum() / 1e6, cool.sum() / 1e6, heat.max() / 1e3, cool.max() / 1e3, air.max(), air.min())

    def _network(self, room: Room) -> tuple[Zones, Floats]:
        """Network of a room, and the sun that its walls and roof take up [W]."""
        glass = GLASS[room.glass]
        windows = sum(room.windows.values())
        walls = {"north": 21.6, "south": 21.6, "east": 16.2, "west": 16.2}
        walls = {side: area - room.windows.get(side, 0.0) for side, area in walls.items()}
        wall, roof = _layers(room)
        wall_m2, surfaces = sum(walls.values()), 63.6 + 12.0 + 2.0 * FLOOR_M2
        to_wall = 1.0 / (wall.core - wall.inner + 1.0 / OUTER_W_M2_K)
        to_roof = 1.0 / (roof.core - roof.inner + 1.0 / OUTER_W_M2_K)
        floor_inner, floor_j = (0.08 / 1.13 / 2.0, 112e3) if room.heavy else (0.025 / 0.14 / 2.0, 19.5e3)
        skin = FLOOR_M2 * to_roof * (self.beam["horizontal"] + self.diffuse["horizontal"])
        for side, area in walls.items():
            skin = skin + area * to_wall * (self.beam[side] + self.diffuse[side])
        sky = RADIATION_W_M2_K / OUTER_W_M2_K
        air = VOLUME_M3 * 0.5 * AIR_WH_M3_K * DENSITY
        numbers = {
            "H_ve": air,
            "H_is": H_IS * surfaces,
            "H_w": glass.u * windows,
            "H_1": wall_m2 / (1.0 / H_MS + wall.inner) + FLOOR_M2 / (1.0 / H_MS + roof.inner),
            "H_2": FLOOR_M2 / (1.0 / H_MS + floor_inner),
            "H_e": to_wall * wall_m2 + to_roof * FLOOR_M2,
            "H_g": 0.039 * FLOOR_M2,
            "C_1": wall.j_m2_k * wall_m2 + roof.j_m2_k * FLOOR_M2,
            "C_2": floor_j * FLOOR_M2,
            "gain_air": 0.4,
            "sun_1": SUN_WALLS * _inward(wall.inner) + SUN_ROOF * _inward(roof.inner),
            "sun_2": SUN_FLOOR * _inward(floor_inner),
            "sun_lost": SUN_LOST,
            "sky_1": sky * (SKY_WALL * to_wall * wall_m2 + to_roof * FLOOR_M2),
            "sky_s": sky * GLASS_SKY * SKY_WALL * glass.u * windows,
            "appliances_w": GAINS_W,
            "occupied_w_k": FAN_M3_H * AIR_WH_M3_K * DENSITY,
            "heat_set_c": room.heat_c,
            "setback_k": room.heat_c - room.night_c,
            "cool_set_c": room.cool_c,
            "open_set_c": NEVER_C,
            "heat_max_w": 1e6,
            "cool_max_w": 1e6,
            "volume_m3": VOLUME_M3,
            "moisture_buffer": 1.0,
            "coil_c": 10.0,
        }
        names = Zones.__dataclass_fields__
        zones = Zones(**{name: np.array([float(numbers.get(name, 0.0))]) for name in names})
        return zones, ABSORPTANCE / OUTER_W_M2_K * skin


@dataclass(frozen=True, slots=True)
class _Layers:
    """Resistance of the layers, of that part within the middle of what stores heat, and what they store."""

    core: float
    inner: float
    j_m2_k: float


def _inward(resistance: float) -> float:
    """Share of the sun on an inner surface that goes into what stores heat behind it; the rest goes to the room."""
    return 1.0 / (1.0 + H_MS * resistance)


def _layers(room: Room) -> tuple[_Layers, _Layers]:
    """Wall and roof of a room, from its table of materials [m² K/W], [J/(m² K)]."""
    if room.heavy:
        wall = _Layers(0.1 / 0.51 + 0.0615 / 0.04 + 0.009 / 0.14, 0.05 / 0.51, 140e3)
    else:
        wall = _Layers(0.012 / 0.16 + 0.066 / 0.04 + 0.009 / 0.14, 0.006 / 0.16, 10.1e3)
    roof = _Layers(0.01 / 0.16 + 0.1118 / 0.04 + 0.019 / 0.14, 0.005 / 0.16, 8.5e3)
    if room.insulated:  # same layers, more of the insulation: 0.15 and 0.10 W/(m² K) between usual surfaces
        wall, roof = replace(wall, core=1.0 / 0.15 - 0.15), replace(roof, core=1.0 / 0.10 - 0.15)
    return wall, roof
