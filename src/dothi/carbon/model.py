"""Carbon dioxide of a city: what its buildings use, what modules avoid, what drives on its roads, what is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import Field

from dothi.carbon.factors import Factors, data_of, embodied_kg_m2, factors_of
from dothi.model import Params, Result, columns_of
from dothi.schema import Column, Schema
from dothi.shapes import Floats

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City

CARRIERS: Final = ("electricity", "gas", "oil", "wood", "district")
KG_PER_T: Final = 1000.0


def _kg(description: str, *, missing: bool = False) -> Column:
    return Column("float", "kg", description, 0.0, missing=missing)


_BUILDINGS: Final[Schema] = {
    **{f"co2_{name}_kg": _kg(f"Carbon dioxide of a year from {name}.") for name in CARRIERS},
    "co2_network_cooling_kg": _kg("Carbon dioxide of a year from the cold of a network."),
    "co2_kg": _kg("Carbon dioxide of a year from all energy that it uses."),
    "co2_kg_m2": Column("float", "kg m⁻²", "The same for each square metre of gross floor area.", 0.0, missing=True),
    "co2_per_resident_kg": _kg("The same for each resident.", missing=True),
    "co2_biogenic_kg": _kg("Carbon dioxide of a year from wood, which forests take up again; not in the sum."),
    "co2_avoided_kg": _kg("Carbon dioxide of a year that its solar modules keep from the grid."),
    "embodied_co2_kg": _kg("Carbon dioxide of building it anew; counts for what a scenario builds."),
    "embodied_modules_co2_kg": _kg("Carbon dioxide of making the solar modules that it has."),
}
_FUNCTIONS: Final[Schema] = {
    "function": Column("string", "", "Function of the buildings."),
    "buildings": Column("integer", "", "How many they are.", 0),
    "floor_area_m2": Column("float", "m²", "Their gross floor area.", 0.0),
    **{
        f"co2_{name}_kg": _kg(f"Their carbon dioxide of a year from {name}.") for name in (*CARRIERS, "network_cooling")
    },
    "co2_kg": _kg("Their carbon dioxide of a year from all energy."),
    "co2_kg_m2": Column("float", "kg m⁻²", "The same for each square metre of floor.", 0.0, missing=True),
}


class CarbonParams(Params):
    """Parameters of carbon dioxide."""

    year: int | None = Field(
        default=None, ge=1990, le=2100, description="Year of the electricity; the last that is known where none."
    )
    build_year: int = Field(
        default=2026,
        ge=1990,
        le=2200,
        description="Year whose rules hold for what is built; buildings of this year or later count as new.",
    )


@dataclass(frozen=True, slots=True)
class CarbonModel:
    """
    Carbon dioxide of the energy of buildings and of traffic in a year, and of building anew.

    Energy bought times the factor of its carrier: scope 1 of fuels and scope 2 of electricity, heat and cold. Solar
    power used on the spot is not bought; what flows out is told apart as avoided. Traffic is taken over from its
    emissions.
    """

    params: CarbonParams = field(default_factory=CarbonParams)

    name: ClassVar[str] = "carbon"
    inputs: ClassVar[Mapping[str, Schema]] = {
        "buildings": columns_of("buildings", "function", "year_built", "floor_area_m2", "residents"),
        "building_energy": {
            f"{name}_kwh": Column("float", "kWh", f"Bought in a year: {name}.", 0.0)
            for name in (*CARRIERS, "network_cooling")
        },
        "building_modules": {
            "pv_kwp": Column("float", "kWp", "Peak power of the solar modules that it has.", 0.0),
            "pv_kwh": Column("float", "kWh", "Electricity of a year from them.", 0.0),
            "pv_used_share": Column("float", "", "Part of it that the building uses.", 0.0, 1.0, missing=True),
        },
        "building_measures": columns_of("building_measures", "building_id", "cooling_network"),
        "network_supply": {
            "cooling_network": Column("string", "", "Name of the network."),
            "electricity_kwh": Column("float", "kWh", "Electricity of its plant in a year.", 0.0),
            "delivered_kwh": Column("float", "kWh", "Cold that its buildings take in a year.", 0.0),
        },
        "traffic_emissions": {
            "co2_kg_day": Column("float", "kg d⁻¹", "Carbon dioxide of traffic on a working day.", 0.0)
        },
    }
    optional: ClassVar[tuple[str, ...]] = (
        "building_modules",
        "building_measures",
        "network_supply",
        "traffic_emissions",
    )
    rasters: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[Mapping[str, Schema]] = {"buildings": _BUILDINGS, "carbon_functions": _FUNCTIONS}
    references: ClassVar[tuple[str, ...]] = (
        "IPCC 2006 Guidelines for National Greenhouse Gas Inventories, volume 2, chapter 2, table 2.2",
        "Global Protocol for Community-Scale Greenhouse Gas Inventories (GPC), version 1.1, 2021: scopes 1 and 2",
        "Decree 2021-1004 and decree 2022-305 (RE2020): limits of carbon of construction",
    )

    def run(self, city: City) -> Result:
        """Carbon dioxide of all buildings, by function and of the city."""
        factors = factors_of(city.country, self.params.year)
        buildings = self._buildings(city, factors)
        tables = {"buildings": buildings, "carbon_functions": _by_function(city, buildings)}
        return Result(tables=tables, diagnostics=self._diagnostics(city, buildings, factors))

    def _buildings(self, city: City, factors: Factors) -> pd.DataFrame:
        import pandas as pd

        table = city["buildings"]
        energy = {name: _numbers(city, "building_energy", f"{name}_kwh") for name in (*CARRIERS, "network_cooling")}
        peak, made, share = (_numbers(city, "building_modules", f"pv_{name}") for name in ("kwp", "kwh", "used_share"))
        bought = energy | {"electricity": np.maximum(energy["electricity"] - made * share, 0.0)}
        columns = {f"co2_{name}_kg": bought[name] * getattr(factors, name) for name in CARRIERS}
        columns["co2_network_cooling_kg"] = (
            energy["network_cooling"] * _plant_share(city, table.index) * factors.electricity
        )
        total: Floats = np.sum(list(columns.values()), axis=0)
        floor, people = (_column(table, name) for name in ("floor_area_m2", "residents"))
        year = _column(table, "year_built")
        built = np.where(year >= self.params.build_year, year, float(self.params.build_year))
        function = table["function"].astype("object").fillna("other")
        with np.errstate(divide="ignore", invalid="ignore"):
            columns |= {
                "co2_kg": total,
                "co2_kg_m2": np.where(floor > 0.0, total / floor, np.nan),
                "co2_per_resident_kg": np.where(people > 0.0, total / people, np.nan),
                "co2_biogenic_kg": energy["wood"] * factors.biogenic_wood,
                "co2_avoided_kg": made * factors.electricity,
                "embodied_co2_kg": floor * embodied_kg_m2(city.country, function, built),
                "embodied_modules_co2_kg": peak * float(data_of(city.country)["modules"]["kg_kwp"]),
            }
        return pd.DataFrame(columns, index=table.index)

    def _diagnostics(self, city: City, buildings: pd.DataFrame, factors: Factors) -> dict[str, Any]:
        """Totals of the city, with what the factors rest on."""
        people = float(_column(city["buildings"], "residents").sum())
        floor = float(_column(city["buildings"], "floor_area_m2").sum())
        by_carrier = {name: float(buildings[f"co2_{name}_kg"].sum()) / KG_PER_T for name in CARRIERS}
        by_carrier["network_cooling"] = float(buildings["co2_network_cooling_kg"].sum()) / KG_PER_T
        energy, traffic = sum(by_carrier.values()), _traffic_t(city)
        new = _column(city["buildings"], "year_built") >= self.params.build_year
        total = energy + (traffic or 0.0)
        data = data_of(city.country)
        return {
            "buildings_t": by_carrier,
            "buildings_total_t": energy,
            "traffic_t": traffic,
            "total_t": total,
            "total_per_resident_t": total / people if people else None,
            "buildings_kg_m2": energy * KG_PER_T / floor if floor else None,
            "avoided_t": float(buildings["co2_avoided_kg"].sum()) / KG_PER_T,
            "embodied_new_t": float(buildings["embodied_co2_kg"].to_numpy()[new].sum()) / KG_PER_T,
            "new_buildings": int(new.sum()),
            "factors": asdict(factors),
            "sources": {name: data[name]["source"] for name in ("grid", "fuels", "district", "embodied", "modules")},
        }


def _column(table: Any, name: str) -> Floats:
    found: Floats = np.nan_to_num(table[name].to_numpy(dtype=float, na_value=np.nan))
    return found


def _numbers(city: City, table: str, column: str) -> Floats:
    """Values of a table by building, 0 where there is none."""
    index = city["buildings"].index
    if table not in city:
        return np.zeros(len(index))
    found = city[table][column].reindex(index)
    return np.asarray(np.nan_to_num(found.to_numpy(dtype=float)))


def _plant_share(city: City, index: pd.Index) -> Floats:
    """Electricity of the plant for each unit of cold that a building takes."""
    import pandas as pd

    if "network_supply" not in city or not len(city["network_supply"]):
        return np.zeros(len(index))
    supply = city["network_supply"]
    delivered = supply["delivered_kwh"].to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(delivered > 0.0, supply["electricity_kwh"].to_numpy(dtype=float) / delivered, 0.0)
    by_name = pd.Series(ratio, index=supply["cooling_network"].astype("object"))
    named = city["building_measures"].set_index("building_id")["cooling_network"].reindex(index)
    return np.asarray(np.nan_to_num(named.astype("object").map(by_name).to_numpy(dtype=float)))


def _traffic_t(city: City) -> float | None:
    """Carbon dioxide of a year of traffic; None where none was simulated."""
    from dothi import place

    if "traffic_emissions" not in city:
        return None
    days = float(place.load(city.country, "emissions")["year"]["days"])
    return float(city["traffic_emissions"]["co2_kg_day"].sum()) * days / KG_PER_T


def _by_function(city: City, buildings: pd.DataFrame) -> pd.DataFrame:
    """Sums of buildings by function."""
    table = city["buildings"]
    function = table["function"].astype("object").fillna("other")
    names = [name for name in _FUNCTIONS if name.startswith("co2_") and name != "co2_kg_m2"]
    sums = buildings[names].assign(floor_area_m2=_column(table, "floor_area_m2"), buildings=1).groupby(function).sum()
    sums["co2_kg_m2"] = sums["co2_kg"] / sums["floor_area_m2"].where(sums["floor_area_m2"] > 0.0)
    return sums.reset_index(names="function")[list(_FUNCTIONS)].rename_axis("carbon_function_id")
