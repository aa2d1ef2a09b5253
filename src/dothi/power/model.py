"""The electricity grid over a year: voltages, loading, losses, outages, and room for more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import Field

from dothi import place
from dothi.errors import InputError, Problem
from dothi.model import Params, Result, columns_of
from dothi.schema import Column, Schema

if TYPE_CHECKING:
    from dothi.city import City

BANDS: Final = (0.10, 0.05)
"""Deviations of voltage beyond which hours are counted."""


class PowerParams(Params):
    """Parameters of power flow."""

    power_factor: float = Field(
        default=0.95, gt=0.0, le=1.0, description="Power factor of buildings, lagging; modules and vehicles have 1."
    )
    vehicles: bool = Field(default=True, description="Whether electric vehicles that charge at home count.")
    hosting: bool = Field(default=True, description="Whether room for solar modules and chargers is looked for.")
    backup: bool = Field(default=True, description="Whether the loss of the first line of every feeder is tried.")


def _hours(description: str) -> Column:
    return Column("float", "h", description, 0.0, missing=True)


def _float(unit: str, description: str) -> Column:
    return Column("float", unit, description, 0.0, missing=True)


_NODES: Final[Schema] = {
    "lowest_pu": _float("", "Lowest voltage of the year over the nominal."),
    "highest_pu": _float("", "Highest voltage of the year over the nominal."),
    "beyond_10_h": _hours("Hours with a voltage more than 10 % off."),
    "beyond_5_h": _hours("Hours with a voltage more than 5 % off."),
    "outage_h": _hours("Hours without supply to be expected in a year."),
}
_LINES: Final[Schema] = {
    "peak_a": _float("A", "Greatest current of the year."),
    "peak_loading_pct": _float("%", "Greatest current over the rating."),
    "overloaded_h": _hours("Hours above the rating."),
    "loss_mwh": _float("MWh", "Energy lost in it in a year."),
    "backup_loading_pct": _float("%", "Greatest current over the rating when a feeder is fed from elsewhere."),
}
_TRANSFORMERS: Final[Schema] = {
    "peak_kva": _float("kVA", "Greatest apparent power of the year."),
    "peak_loading_pct": _float("%", "Greatest apparent power over the rating."),
    "overloaded_h": _hours("Hours above the rating."),
    "energy_mwh": Column("float", "MWh", "Energy that its area takes in a year, less what it feeds in.", missing=True),
    "loss_mwh": _float("MWh", "Energy lost in it in a year."),
    "lowest_pu": _float("", "Lowest voltage of its area over the nominal."),
    "highest_pu": _float("", "Highest voltage of its area over the nominal."),
    "customers": _float("", "Customers of its area."),
    "hosting_pv_kw": _float("kW", "Rated power of further solar modules that its area bears."),
    "hosting_chargers": _float("", "Further chargers of cars that its area bears."),
    "outage_h": _hours("Hours without supply to be expected in a year."),
    "power": Column("packed", "kVA", "Apparent power in every hour.", missing=True),
}
_BUILDINGS: Final[Schema] = {
    "grid_lowest_pu": _float("", "Lowest voltage of the year over the nominal where it is connected."),
    "grid_highest_pu": _float("", "Highest voltage of the year over the nominal where it is connected."),
    "outage_h": _hours("Hours without supply to be expected in a year."),
}


@dataclass(frozen=True, slots=True)
class PowerModel:
    """
    Power flow of the grid in every hour of the year.

    Loads of buildings, electric vehicles and solar modules go up the trees of the grid; voltages, currents and losses
    come of it. Currents are taken to be symmetric. Then each area is filled until a limit is reached, and faults are
    counted through.
    """

    params: PowerParams = field(default_factory=PowerParams)

    name: ClassVar[str] = "power"
    inputs: ClassVar[Mapping[str, Schema]] = {
        "buildings": columns_of("buildings", "geometry", "dwellings"),
        "grid_nodes": columns_of("grid_nodes", "geometry", "nominal_v", "held_pu"),
        "grid_lines": columns_of(
            "grid_lines",
            "from_grid_node_id",
            "to_grid_node_id",
            "length_m",
            "r_ohm_km",
            "x_ohm_km",
            "c_nf_km",
            "rating_a",
            "open",
        ),
        "grid_connections": columns_of("grid_connections", "building_id", "grid_node_id", "customers"),
        "transformers": columns_of(
            "transformers",
            "rating_kva",
            "u_primary_v",
            "u_secondary_v",
            "primary_grid_node_id",
            "secondary_grid_node_id",
            "short_circuit_pct",
            "load_loss_pct",
            "iron_loss_pct",
            "no_load_current_pct",
            "tap_ratio",
        ),
        "weather": columns_of("weather", "time"),
        "building_measures": columns_of(
            "building_measures", "building_id", "electric_car_share", "electric_motorbike_share"
        ),
        "building_loads": {"electricity": Column("packed", "W", "Electricity used in every hour.", missing=True)},
        "building_generation": {"generation": Column("packed", "W", "Power of modules in every hour.", missing=True)},
    }
    optional: ClassVar[tuple[str, ...]] = ("building_measures", "building_generation")
    rasters: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[Mapping[str, Schema]] = {
        "grid_nodes": _NODES,
        "grid_lines": _LINES,
        "transformers": _TRANSFORMERS,
        "buildings": _BUILDINGS,
    }
    references: ClassVar[tuple[str, ...]] = (
        "D. Shirmohammadi et al., A compensation-based power flow method …, 1988, doi:10.1109/59.192932",
        "EN 50160:2010, Voltage characteristics of electricity supplied by public electricity networks",
        "IEEE Std 1366-2012, Guide for electric power distribution reliability indices (SAIDI, SAIFI)",
    )

    def run(self, city: City) -> Result:
        """A year of the grid."""
        from dothi.power.outcome import Year

        if not len(city["grid_nodes"]):
            rule = "holds a grid: of a source, or made up (build.synthetic_grid)"
            raise InputError([Problem(rule, table="grid_nodes")])
        year = Year.of(city, self.params, place.load(city.country, "grid"))
        return Result(tables=year.tables(), diagnostics=year.diagnostics())
