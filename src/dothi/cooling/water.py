"""Water: density, viscosity and heat capacity at atmospheric pressure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from dothi.shapes import Floats

KELVIN: Final = 273.15
_CP_C: Final = np.array([0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0])
_CP: Final = np.array([4217.6, 4192.1, 4181.8, 4178.4, 4178.5, 4180.6, 4184.3, 4189.5, 4196.3, 4205.0, 4215.9])
"""Heat capacity by temperature, CRC Handbook of Chemistry and Physics, from memory [J kg⁻¹ K⁻¹]."""


def density(temperature_c: float) -> float:
    """
    Density of water by temperature, 0 to 100 °C [kg m⁻³].

    G. S. Kell 1975, doi:10.1021/je60064a005.
    """
    terms = (999.83952, 16.945176, -7.9870401e-3, -46.170461e-6, 105.56302e-9, -280.54253e-12)
    top = sum(value * temperature_c**power for power, value in enumerate(terms))
    return top / (1.0 + 16.879850e-3 * temperature_c)


def viscosity(temperature_c: float) -> float:
    """
    Viscosity of water by temperature, 0 to 100 °C [Pa s].

    IAPWS, Supplementary Release SR6-08(2011) on liquid water at 0.1 MPa, eq. 7.
    """
    ratio = (temperature_c + KELVIN) / 300.0
    terms = ((280.68, -1.9), (511.45, -7.7), (61.131, -19.6), (0.45903, -40.0))
    return 1e-6 * math.fsum(a * ratio**b for a, b in terms)


def heat_capacity(temperature_c: float) -> float:
    """Heat capacity of water by temperature, 0 to 100 °C [J kg⁻¹ K⁻¹]."""
    return float(np.interp(temperature_c, _CP_C, _CP))


@dataclass(frozen=True, slots=True)
class Service:
    """
    What a network carries, and how warm it is.

    Attributes
    ----------
    supply_c, return_c
        Temperatures of the supply at the plant and of the return at buildings [°C].
    least_k
        Least difference between the two that a building makes, where little flows and the supply comes lukewarm [K].
    """

    supply_c: float
    return_c: float
    least_k: float = 2.0

    @property
    def sign(self) -> float:
        """1 where it heats, −1 where it cools."""
        return 1.0 if self.supply_c > self.return_c else -1.0

    @property
    def spread_k(self) -> float:
        """Difference between supply and return [K]."""
        return abs(self.supply_c - self.return_c)

    @property
    def cp(self) -> float:
        """Heat capacity of its water in the mean [J kg⁻¹ K⁻¹]."""
        return heat_capacity((self.supply_c + self.return_c) / 2.0)

    @property
    def water(self) -> Floats:
        """Density and viscosity of supply and of return, and heat capacity, as the kernels take them."""
        given = [value(T) for T in (self.supply_c, self.return_c) for value in (density, viscosity)]
        return np.array([*given, self.cp])

    @property
    def plan(self) -> Floats:
        """Temperatures, least difference and sign, as the kernels take them."""
        return np.array([self.supply_c, self.return_c, self.least_k, self.sign])
