r"""
The network of a zone, and the coefficients by which an hour of it is three sums.

Nodes: air :math:`a` without capacity, surfaces :math:`s`, the mass of the envelope 1 and that of floors and partitions
2. It is the network of ISO 13790, annex C, with its one mass split in two, as only one of them meets the weather:

.. math::

    0 &= H_{ve} (T_e - T_a) + H_{is} (T_s - T_a) + \Phi_a + Q \\
    0 &= H_{is} (T_a - T_s) + H_w (T_e - T_s) + H_1 (\bar T_1 - T_s) + H_2 (\bar T_2 - T_s) + \Phi_s \\
    C_1 \dot T_1 &= H_1 (T_s - \bar T_1) + H_e (T_e - \bar T_1) + \Phi_1 \\
    C_2 \dot T_2 &= H_2 (T_s - \bar T_2) + H_g (T_g - \bar T_2) + \Phi_2

with :math:`\bar T` the mean of the beginning and the end of the hour (Crank-Nicolson).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from dothi.heat import kernels as k
from dothi.heat.moisture import AIR_J_KG_K, saturated
from dothi.shapes import Floats
from dothi.units import SECONDS_PER_HOUR

H_IS: Final = 3.45
"""From air to surfaces, per area of all surfaces [W m⁻² K⁻¹]: ISO 13790:2008, 7.2.2.2."""
H_MS: Final = 9.1
"""From surfaces to mass, per area of mass [W m⁻² K⁻¹]: ISO 13790:2008, 12.2.2."""
SURFACES_PER_FLOOR: Final = 4.5
"""Area of all surfaces of a room over that of its floor: ISO 13790:2008, 7.2.2.2."""
AIR_WH_M3_K: Final = 0.33
"""Heat capacity of a cubic metre of air [Wh m⁻³ K⁻¹]: 1200 J m⁻³ K⁻¹, ISO 13790:2008, 9.3.1."""
AIR_KG_M3: Final = 1.2


@dataclass(frozen=True, slots=True)
class Zones:
    """
    Zones of one network each; every value is an array with one number per zone.

    Attributes
    ----------
    H_ve, H_is, H_w, H_1, H_2, H_e, H_g
        Conductances [W K⁻¹]: outdoor air that always flows, air to surfaces, windows, surfaces to either mass, mass of
        the envelope to outdoors, floors to the ground.
    C_1, C_2
        Capacities [J K⁻¹].
    gain_air
        Share of internal gains that warms the air at once; the rest goes to the surfaces.
    sun_1, sun_2, sun_lost
        Shares of the sun through windows that fall on the envelope, on floors and partitions, and out again.
    sky_1, sky_s
        Heat that the envelope and the windows radiate per kelvin by which the sky is colder than the air [W K⁻¹].
    people_w, appliances_w, lighting_w
        Internal gains at presence, use and light 1 [W].
    occupied_w_k, opening_w_k
        Outdoor air at presence 1, and through windows wide open [W K⁻¹].
    heat_set_c, setback_k, cool_set_c, open_set_c
        Set points; without heating or cooling far away.
    heat_max_w, cool_max_w
        Capacities of heating and (sensible) cooling [W].
    volume_m3, moisture_kg_h
        Volume of air, and water that people give off at presence 1.
    moisture_buffer
        Times its own air a zone stores moisture.
    coil_c
        Temperature of the cooling coil: moisture above its saturation condenses.
    """

    H_ve: Floats
    H_is: Floats
    H_w: Floats
    H_1: Floats
    H_2: Floats
    H_e: Floats
    H_g: Floats
    C_1: Floats
    C_2: Floats
    gain_air: Floats
    sun_1: Floats
    sun_2: Floats
    sun_lost: Floats
    sky_1: Floats
    sky_s: Floats
    people_w: Floats
    appliances_w: Floats
    lighting_w: Floats
    occupied_w_k: Floats
    opening_w_k: Floats
    heat_set_c: Floats
    setback_k: Floats
    cool_set_c: Floats
    open_set_c: Floats
    heat_max_w: Floats
    cool_max_w: Floats
    volume_m3: Floats
    moisture_kg_h: Floats
    moisture_buffer: Floats
    coil_c: Floats

    def __len__(self) -> int:
        return len(self.H_ve)

    def take(self, rows: object) -> Zones:
        """Some of the zones, in the order of their rows."""
        return Zones(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})


def coefficients(z: Zones) -> Floats:
    """
    Coefficients of `dothi.heat.kernels.balance`: the answer of an hour to each thing by itself, as all is linear.

    Returns
    -------
    (n_coefficients, n_zones)
        In the order that the kernel names.
    """
    n = len(z)
    one, none = np.ones(n), np.zeros(n)
    found = np.zeros((k.N_COEFFICIENTS, n))
    hour = _Hour(z)
    sun_s = 1.0 - z.sun_1 - z.sun_2 - z.sun_lost
    acts = (
        hour.answer(T_1=one),
        hour.answer(T_2=one),
        hour.answer(T_e=one),
        hour.answer(air=z.gain_air, surface=1.0 - z.gain_air),
        hour.answer(surface=sun_s, mass_1=z.sun_1, mass_2=z.sun_2),
        hour.answer(mass_1=one),
        hour.answer(surface=-z.sky_s, mass_1=-z.sky_1),
        hour.answer(mass_2=z.H_g),
    )
    for i, answer in enumerate(acts):
        found[k.E1_1 + i], found[k.E2_1 + i], found[k.A_1 + i] = answer
    found[k.E1_Q], found[k.E2_Q], found[k.A_Q] = hour.answer(air=one)
    found[k.Q_A] = 1.0 / found[k.A_Q]
    found[k.P_OCC], found[k.P_APP], found[k.P_LIT] = z.people_w, z.appliances_w, z.lighting_w
    found[k.H_BASE], found[k.H_OCC], found[k.H_OPEN] = z.H_ve, z.occupied_w_k, z.opening_w_k
    found[k.T_HEAT], found[k.SETBACK] = z.heat_set_c, z.setback_k
    found[k.T_COOL], found[k.T_OPEN] = z.cool_set_c, z.open_set_c
    found[k.Q_HEAT], found[k.Q_COOL] = z.heat_max_w, z.cool_max_w
    found[k.W_CAP] = np.maximum(AIR_KG_M3 * z.volume_m3 * z.moisture_buffer, 1e-3)
    found[k.W_OCC] = z.moisture_kg_h
    cooled_by = np.where(z.cool_set_c - z.coil_c > 1.0, z.cool_set_c - z.coil_c, np.inf)
    found[k.W_COIL] = SECONDS_PER_HOUR / (AIR_J_KG_K * cooled_by) + none
    found[k.W_DRY] = saturated(z.coil_c)
    return found


class _Hour:
    """One hour of the network, solved for both masses at its end and the air through it."""

    def __init__(self, z: Zones) -> None:
        self.z = z
        self.c_1, self.c_2 = z.C_1 / SECONDS_PER_HOUR, z.C_2 / SECONDS_PER_HOUR
        self.air = z.H_ve + z.H_is
        self.through = z.H_is / self.air
        self.surface = z.H_is * (1.0 - self.through) + z.H_w + z.H_1 + z.H_2
        self.a_11 = self.c_1 + 0.5 * (z.H_1 + z.H_e - z.H_1**2 / self.surface)
        self.a_22 = self.c_2 + 0.5 * (z.H_2 + z.H_g - z.H_2**2 / self.surface)
        self.a_12 = -0.5 * z.H_1 * z.H_2 / self.surface
        self.determinant = self.a_11 * self.a_22 - self.a_12**2

    def answer(
        self,
        *,
        T_1: Floats | float = 0.0,  # noqa: N803
        T_2: Floats | float = 0.0,  # noqa: N803
        T_e: Floats | float = 0.0,  # noqa: N803
        air: Floats | float = 0.0,
        surface: Floats | float = 0.0,
        mass_1: Floats | float = 0.0,
        mass_2: Floats | float = 0.0,
    ) -> tuple[Floats, Floats, Floats]:
        """Temperatures of both masses and the air for temperatures [°C] and heat at each node [W]."""
        z = self.z
        T_g = T_e  # noqa: N806 - the ground's difference to the air comes as heat
        rest = z.H_w * T_e + self.through * (z.H_ve * T_e + air) + surface
        from_old = (z.H_1 * 0.5 * T_1 + z.H_2 * 0.5 * T_2 + rest) / self.surface
        r_1 = (self.c_1 - 0.5 * (z.H_1 + z.H_e)) * T_1 + z.H_1 * from_old + z.H_e * T_e + mass_1
        r_2 = (self.c_2 - 0.5 * (z.H_2 + z.H_g)) * T_2 + z.H_2 * from_old + z.H_g * T_g + mass_2
        new_1 = (self.a_22 * r_1 - self.a_12 * r_2) / self.determinant
        new_2 = (self.a_11 * r_2 - self.a_12 * r_1) / self.determinant
        T_s = (z.H_1 * 0.5 * (T_1 + new_1) + z.H_2 * 0.5 * (T_2 + new_2) + rest) / self.surface  # noqa: N806
        return new_1, new_2, (z.H_ve * T_e + z.H_is * T_s + air) / self.air
