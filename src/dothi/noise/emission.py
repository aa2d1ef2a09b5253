"""Sound power of road traffic: CNOSSOS-EU, Directive 2002/49/EC Annex II, section 2.2."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np

from dothi.shapes import Floats

V_REF_KM_H: Final = 70.0
V_MIN_KM_H: Final = 20.0
"""Speed below which a vehicle is as loud as at this speed (2.2.1)."""
T_REF_C: Final = 20.0
SLOPE_MAX_PCT: Final = 12.0
JUNCTION_REACH_M: Final = 100.0
KM_H_PER_M_S: Final = 3.6
SOURCE_HEIGHT_M: Final = 0.05
"""Height of the equivalent source above the carriageway (2.2.1)."""

STUD_A_DB: Final = np.array([0.0, 0.0, 0.0, 2.6, 2.9, 1.5, 2.3, 9.2])
STUD_B_DB: Final = np.array([0.0, 0.0, 0.0, -3.1, -6.4, -14.0, -22.4, -11.4])
"""Studded tyres of light vehicles (table F-2)."""


@cache
def values() -> dict[str, Any]:
    """Data of all countries: ``dothi/place/noise.toml``. Do not change them: they are shared."""
    return tomllib.loads(files("dothi.place").joinpath("noise.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Road:
    """
    What a road is like.

    Attributes
    ----------
    surface
        Row of the table of surfaces: by class of vehicle, ``alpha`` and ``beta``.
    temperature_c
        Air temperature [°C].
    slope_pct
        Slope in the direction of travel [%]: one value, or one per road.
    stud_share
        Light vehicles with studded tyres, mean of the year [1].
    junction, junction_m
        ``crossing``, ``roundabout`` or empty, and the way to it [m].
    """

    surface: Mapping[str, Any] = field(default_factory=dict)
    temperature_c: float = T_REF_C
    slope_pct: Floats | float = 0.0
    stud_share: float = 0.0
    junction: str = ""
    junction_m: float = JUNCTION_REACH_M


def vehicle_power(vehicle: Mapping[str, Any], kind: str, speed_km_h: Floats, road: Road) -> Floats:
    r"""
    Sound power of one vehicle (2.2.2 to 2.2.20).

    .. math::
        L_{W} = 10 \lg (10^{L_{WR}/10} + 10^{L_{WP}/10}), \quad
        L_{WR} = A_R + B_R \lg \frac{v}{70} + \Delta L_{WR}, \quad
        L_{WP} = A_P + B_P \frac{v - 70}{70} + \Delta L_{WP}

    Parameters
    ----------
    vehicle
        Coefficients of the class, as in ``place/noise.toml``.
    kind
        Class: light, medium, heavy, moped, motorcycle.
    speed_km_h : (n,)
        Speeds [km/h].
    road
        What the road is like.

    Returns
    -------
    (n, 8) array
        Sound power by octave band [dB re 1 pW].
    """
    v = np.maximum(np.asarray(speed_km_h, dtype=float), V_MIN_KM_H)[:, None]
    near = max(1.0 - abs(road.junction_m) / JUNCTION_REACH_M, 0.0) if road.junction else 0.0
    c_rolling, c_propulsion = vehicle[road.junction] if road.junction else (0.0, 0.0)
    surface = road.surface.get(kind, {"alpha": np.zeros(8), "beta": 0.0})
    alpha = np.asarray(surface["alpha"])
    propulsion = np.asarray(vehicle["propulsion_a"]) + np.asarray(vehicle["propulsion_b"]) * (v / V_REF_KM_H - 1.0)
    propulsion = propulsion + _slope(kind, v[:, 0], road.slope_pct)[:, None] + c_propulsion * near
    propulsion = propulsion + np.minimum(alpha, 0.0)  # a porous surface swallows, a rough one adds nothing (2.2.20)
    if "rolling_a" not in vehicle:
        return np.asarray(propulsion)
    ratio = np.log10(v / V_REF_KM_H)
    rolling = np.asarray(vehicle["rolling_a"]) + np.asarray(vehicle["rolling_b"]) * ratio
    rolling = rolling + alpha + surface["beta"] * ratio + c_rolling * near
    rolling = rolling + vehicle["temperature_k"] * (T_REF_C - road.temperature_c)
    if kind == "light" and road.stud_share:
        studs = STUD_A_DB + STUD_B_DB * np.log10(np.clip(v, 50.0, 90.0) / V_REF_KM_H)
        rolling = rolling + 10.0 * np.log10(1.0 - road.stud_share + road.stud_share * 10.0 ** (studs / 10.0))
    both: Floats = 10.0 * np.log10(10.0 ** (rolling / 10.0) + 10.0 ** (propulsion / 10.0))
    return both


def _slope(kind: str, v: Floats, slope_pct: Floats | float) -> Floats:
    """What a slope adds to propulsion noise [dB] (2.2.13 to 2.2.16)."""
    slope = np.clip(np.broadcast_to(np.asarray(slope_pct, dtype=float), v.shape), -SLOPE_MAX_PCT, SLOPE_MAX_PCT)
    up, down = np.maximum(slope, 0.0), np.maximum(-slope, 0.0)
    if kind == "light":
        added = np.maximum(down - 6.0, 0.0) + v / 100.0 * np.maximum(up - 2.0, 0.0) / 1.5
    elif kind == "medium":
        added = (v - 20.0) / 100.0 * np.maximum(down - 4.0, 0.0) / 0.7 + v / 100.0 * up
    elif kind == "heavy":
        added = (v - 10.0) / 100.0 * np.maximum(down - 4.0, 0.0) / 0.5 + v / 100.0 * up / 0.8
    else:
        added = np.zeros(v.shape)
    return np.asarray(added, dtype=float)


def line_power(
    flows_veh_h: Mapping[str, Floats],
    speeds_km_h: Mapping[str, Floats],
    road: Road,
    vehicles: Mapping[str, Mapping[str, Any]] | None = None,
) -> Floats:
    r"""
    Sound power per metre of road (2.2.1), all classes of vehicles together.

    .. math:: L'_{W,eq} = L_W + 10 \lg \frac{Q}{1000\, v}

    Parameters
    ----------
    flows_veh_h
        By class, vehicles per hour (n,) [veh/h].
    speeds_km_h
        By class, speeds (n,) [km/h].
    road
        What the roads are like.
    vehicles
        Coefficients by class; those of the Directive where None.

    Returns
    -------
    (n, 8) array
        Sound power by octave band [pW m⁻¹], as energy: 0 where nobody drives.
    """
    known = values()["vehicle"] if vehicles is None else vehicles
    total = np.zeros((len(next(iter(flows_veh_h.values()))), 8))
    for kind, flow in flows_veh_h.items():
        v = np.asarray(speeds_km_h[kind], dtype=float)
        drives = (flow > 0.0) & (v > 0.0)
        per_metre = np.where(drives, flow, 0.0) / (1000.0 * np.where(drives, v, 1.0))
        power = vehicle_power(known[kind], kind, np.where(drives, v, V_REF_KM_H), road)
        total += 10.0 ** (power / 10.0) * per_metre[:, None]
    return total
