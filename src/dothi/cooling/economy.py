"""What a network of cold costs and emits in a year, beside machines of its buildings' own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dothi.shapes import Floats
from dothi.units import WH_PER_KWH

G_PER_KG = 1000.0


def annuity(rate: float, years: float) -> float:
    """Share of an investment that is paid every year until it is paid back with interest."""
    return 1.0 / years if rate == 0.0 else rate / (1.0 - (1.0 + rate) ** -years)


def cop_alone(air_c: Floats, data: Mapping[str, Any]) -> Floats:
    """COP of a building's own machine by outdoor temperature, in a straight line up to a highest."""
    line = float(data["cop"]) + float(data["cop_per_k"]) * (air_c - float(data["cop_at_c"]))
    return np.clip(line, 1.0, float(data["cop_highest"]))


@dataclass(frozen=True, slots=True)
class Costs:
    """
    Costs in the money of the country.

    Attributes
    ----------
    investment
        By part: pipes, plant, tank, stations.
    yearly
        Of a year: investments as annuities, upkeep, electricity.
    investment_alone, yearly_alone
        The same of machines of the buildings' own.
    co2_kg, co2_alone_kg
        Carbon dioxide of the electricity of a year.
    """

    investment: Mapping[str, float]
    yearly: float
    investment_alone: float
    yearly_alone: float
    co2_kg: float
    co2_alone_kg: float


def costs_of(
    lengths_m: Floats, inner_m: Floats, plant_w: float, tank_m3: float, peaks_w: Floats,
    electricity_kwh: float, alone_kwh: float, data: Mapping[str, Any],
) -> Costs:  # fmt: skip
    """
    Costs of a network and of what it stands for.

    Parameters
    ----------
    lengths_m, inner_m : (n_pipes,)
        Trenches and the inner diameters of the pipes in them [m].
    plant_w
        Cold that its chillers make [W].
    tank_m3
        Tank [m³].
    peaks_w : (n_buildings,)
        Greatest load of each building [W].
    electricity_kwh, alone_kwh
        Electricity of a year: of the plant, and of machines of the buildings' own [kWh].
    data
        Of `place`, topic ``cooling``.
    """
    kw, money = WH_PER_KWH, data["money"]
    pipes, rate = data["pipes"], float(money["discount"])
    metre = float(pipes["metre"]) + float(pipes["metre_diameter"]) * inner_m
    investment = {
        "pipes": float((lengths_m * metre).sum()),
        "plant": float(data["plant"]["kw"]) * plant_w / kw,
        "tank": float(data["tank"]["m3"]) * tank_m3,
        "station": float(data["station"]["kw"]) * float(peaks_w.sum()) / kw,
    }
    yearly = sum(value * annuity(rate, float(data[part]["years"])) for part, value in investment.items())
    yearly += investment["plant"] * float(data["plant"]["upkeep_share"])
    price, grams = float(money["electricity_kwh"]), float(data["carbon"]["co2_g_kwh"])
    alone, own = data["alone"], float(data["alone"]["kw"]) * float(peaks_w.sum()) / kw
    yearly_alone = own * (annuity(rate, float(alone["years"])) + float(alone["upkeep_share"]))
    return Costs(
        investment,
        yearly + price * electricity_kwh,
        own,
        yearly_alone + price * alone_kwh,
        electricity_kwh * grams / G_PER_KG,
        alone_kwh * grams / G_PER_KG,
    )
