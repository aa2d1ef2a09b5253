"""Zones of thermal models: each building is one, or two where only some of its rooms are cooled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.heat.moisture import coil_temperature_c
from dothi.heat.network import H_IS, H_MS, SURFACES_PER_FLOOR, Zones
from dothi.shapes import Floats, Integers

if TYPE_CHECKING:
    import pandas as pd

MASS_PER_FLOOR: Final = 2.0
"""Area of floors and partitions that store heat over that of the rooms; near the 2.5 of ISO 13790, table 12, for all
masses of a medium building."""
GAIN_AIR: Final = 0.5
"""Share of internal gains that warms the air at once: ISO 13790:2008, C.2."""
SUN_FLOOR: Final = 0.45
SUN_WALLS: Final = 0.2
SUN_LOST: Final = 0.035
"""Shares of the sun through windows that go into floors and partitions, into outer walls, and out again; the rest warms
surfaces. Rounded from the solar fractions of BESTEST, less what surfaces give back to the room at once."""
R_SE: Final = 0.04
"""Resistance of the outer surface [m² K W⁻¹]: ISO 6946."""
H_R: Final = 4.5
"""Radiation of the outer surface [W m⁻² K⁻¹]: five times the emissivity, ISO 13790:2008, 11.4.6."""
SKY_WALL: Final = 0.5
"""Share of the sky that a wall faces: ISO 13790:2008, 11.3.5; for a roof it is 1."""
MOISTURE_BUFFER: Final = 8.0
FAR_C: Final = 400.0
"""A set point that is never reached."""


@dataclass(frozen=True, slots=True)
class ZoneRows:
    """
    Zones and whose they are.

    Attributes
    ----------
    zones
        The zones.
    building : (n,)
        Position of the building in its table.
    share : (n,)
        Share of the building that the zone is.
    cooled : (n,)
        Whether it is cooled.
    """

    zones: Zones
    building: Integers
    share: Floats
    cooled: Any


def outer(u: Floats) -> Floats:
    """Conductance from the inner mass of a wall to outdoors, per area: ISO 13790:2008, eq. 64 [W m⁻² K⁻¹]."""
    found: Floats = 1.0 / np.maximum(1.0 / np.maximum(u, 1e-6) - 1.0 / H_MS, 1e-3)
    return found


def sun_weights(table: pd.DataFrame) -> dict[str, Floats]:
    """
    What a watt of sun per square metre on a square metre of wall or roof does to a building.

    Returns
    -------
    dict
        ``window`` [W through windows per W on walls], ``wall`` and ``roof`` [W taken up by the mass behind], each
        (n,).
    """
    n = {name: table[name].to_numpy(dtype=float) for name in _NEEDED}
    return {
        "window": n["window_share"] * n["sun_transmittance"],
        "wall": (1.0 - n["window_share"]) * n["wall_absorptance"] * R_SE * outer(n["wall_u_w_m2_k"]),
        "roof": n["roof_absorptance"] * R_SE * outer(n["roof_u_w_m2_k"]),
    }


_NEEDED: Final = (
    "window_share",
    "sun_transmittance",
    "wall_absorptance",
    "roof_absorptance",
    "wall_u_w_m2_k",
    "roof_u_w_m2_k",
)


def zone_rows(table: pd.DataFrame) -> ZoneRows:
    """Zones of thermal models; first one of each building, then the second ones."""
    cooled = table["cooled_share"].to_numpy(dtype=float)
    both = (cooled > 0.0) & (cooled < 1.0)
    n = len(table)
    building = np.r_[np.arange(n), np.flatnonzero(both)]
    share = np.r_[np.where(both, 1.0 - cooled, 1.0), cooled[both]]
    is_cooled = np.r_[cooled >= 1.0, np.ones(int(both.sum()), dtype=bool)]
    return ZoneRows(_zones(table.iloc[building], share, is_cooled, np.r_[both, both[both]]), building, share, is_cooled)


def _zones(table: pd.DataFrame, share: Floats, cooled: Any, divided: Any) -> Zones:
    """Networks of parts of buildings."""

    def of(name: str) -> Floats:
        return np.asarray(table[name].to_numpy(dtype=float))

    wall, roof, window = (of(f"{name}_area_m2") * share for name in ("wall", "roof", "window"))
    ground, net = of("ground_area_m2") * share, of("net_area_m2") * share
    to_wall, to_roof = outer(of("wall_u_w_m2_k")), outer(of("roof_u_w_m2_k"))
    H_w = of("window_u_w_m2_k") * window  # noqa: N806
    rooms = np.where(cooled & divided, of("room_exchange_w_k") * share, 0.0)
    hot = of("heated_share") > 0.0
    ones = np.ones(len(share))
    return Zones(
        H_ve=np.maximum(of("infiltration_w_k") * share, 1e-3),
        H_is=H_IS * SURFACES_PER_FLOOR * net,
        H_w=H_w + rooms,
        H_1=np.maximum(H_MS * (wall + roof), 1e-3),
        H_2=H_MS * MASS_PER_FLOOR * net,
        H_e=to_wall * wall + to_roof * roof,
        H_g=outer(of("floor_u_w_m2_k")) * ground,
        C_1=np.maximum(of("envelope_mass_j_k") * share, 1e3),
        C_2=of("interior_mass_j_k") * share,
        gain_air=GAIN_AIR * ones,
        sun_1=SUN_WALLS * ones,
        sun_2=SUN_FLOOR * ones,
        sun_lost=SUN_LOST * ones,
        sky_1=R_SE * H_R * (SKY_WALL * to_wall * wall + to_roof * roof),
        sky_s=R_SE * H_R * SKY_WALL * H_w,
        people_w=of("people_w") * share,
        appliances_w=of("appliances_w") * share,
        lighting_w=of("lighting_w") * share,
        occupied_w_k=of("fresh_air_w_k") * share,
        opening_w_k=of("opening_w_k") * share,
        heat_set_c=np.where(hot, of("heat_set_c"), -FAR_C),
        setback_k=of("setback_k"),
        cool_set_c=np.where(cooled, of("cool_set_c"), FAR_C),
        open_set_c=of("open_set_c"),
        heat_max_w=of("heat_max_w") * share,
        cool_max_w=of("cool_max_w") * of("sensible_share") * share,
        volume_m3=of("volume_m3") * share,
        moisture_kg_h=of("moisture_kg_h") * share,
        moisture_buffer=MOISTURE_BUFFER * ones,
        coil_c=coil_temperature_c(of("sensible_share")),
    )
