"""Cases of carbon dioxide: published factors, a building by hand, a city that closes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from dothi.carbon.factors import embodied_kg_m2, factors_of, grid_factor
from dothi.carbon.model import CARRIERS, CarbonModel, CarbonParams
from dothi.verify import Case, Quantity

if TYPE_CHECKING:
    from dothi.city import City

KG_GJ: Final = {"fr": {"gas": 56.1, "oil": 74.1}, "vn": {"gas": 63.1, "oil": 74.1}}
"""Carbon dioxide of natural gas, liquefied petroleum gas and gas oil: IPCC 2006, volume 2, table 2.2 [kg/GJ]."""
GJ_PER_KWH: Final = 0.0036
GRID_VN: Final = {
    2014: 0.6612,
    2015: 0.8154,
    2016: 0.9185,
    2017: 0.8649,
    2018: 0.9130,
    2019: 0.8458,
    2020: 0.8041,
    2021: 0.7221,
    2022: 0.6766,
    2023: 0.6592,
}
"""Grid of Viet Nam as its Department of Climate Change published it [t/MWh]."""
GRID_FR: Final = {2023: 32.0, 2024: 21.7}
"""Electricity produced in France by RTE [g/kWh]."""
USED: Final = {"electricity": 3000.0, "gas": 8000.0, "oil": 1000.0, "wood": 2000.0, "district": 500.0}


def _grids() -> Iterator[Quantity]:
    for year, factor in GRID_VN.items():
        yield Quantity(f"Viet Nam {year}", "kg/kWh", grid_factor("vn", year)[1], factor, 0.0)
    for year, grams in GRID_FR.items():
        yield Quantity(f"France {year}", "kg/kWh", grid_factor("fr", year)[1], grams / 1000.0, 1e-12)
    yield Quantity("Viet Nam after the last known year", "kg/kWh", grid_factor("vn", 2030)[1], GRID_VN[2023], 0.0)


def _fuels() -> Iterator[Quantity]:
    for country, fuels in KG_GJ.items():
        for fuel, factor in fuels.items():
            found = float(getattr(factors_of(country), fuel))
            yield Quantity(f"{fuel}, {country}", "kg/kWh", found, factor * GJ_PER_KWH, 1e-9)


def _two_buildings() -> City:
    """A house with modules in Viet Nam, and an office of 2030 that uses nothing."""
    import geopandas as gpd
    import pandas as pd
    import shapely

    from dothi.city import City
    from dothi.tables import FUNCTIONS

    index = pd.Index([1, 2], name="building_id")
    buildings = gpd.GeoDataFrame(
        {
            "geometry": [shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)],
            "function": pd.Categorical(["residential", "office"], categories=FUNCTIONS),
            "floor_area_m2": [200.0, 1000.0],
            "residents": [4, 0],
            "year_built": pd.array([2000, 2030], dtype="Int64"),
        },
        index=index,
        crs="EPSG:3405",
    )
    energy = pd.DataFrame(0.0, index=index, columns=[f"{name}_kwh" for name in (*CARRIERS, "network_cooling")])
    for name, value in USED.items():
        energy.loc[1, f"{name}_kwh"] = value
    modules = pd.DataFrame({"pv_kwp": [3.0], "pv_kwh": [3600.0], "pv_used_share": [0.5]}, index=index[:1])
    traffic = pd.DataFrame({"co2_kg_day": [10.0, 5.0]}, index=pd.Index([1, 2], name="link_id"))
    return City("", "vn", "EPSG:3405", (0, 0, 100, 100)).with_tables(
        buildings=buildings, building_energy=energy, building_modules=modules, traffic_emissions=traffic
    )


def _by_hand() -> Iterator[Quantity]:
    result = CarbonModel(CarbonParams(year=2023)).run(_two_buildings())
    told = result.diagnostics
    bought = (3000.0 - 1800.0) * 0.6592
    fuels = 8000.0 * 0.22716 + 1000.0 * 0.26676 + 500.0 * 0.25
    yield Quantity(
        "electricity, less what its modules give it", "t", told["buildings_t"]["electricity"], bought / 1e3, 1e-9
    )
    yield Quantity("all energy of buildings", "t", told["buildings_total_t"], (bought + fuels) / 1e3, 1e-9)
    yield Quantity("kept from the grid by modules", "t", told["avoided_t"], 3600.0 * 0.6592 / 1e3, 1e-9)
    yield Quantity("traffic of a year of 340 days", "t", told["traffic_t"], 15.0 * 340.0 / 1e3, 1e-9)
    whole = (bought + fuels) / 1e3 + 15.0 * 0.340
    yield Quantity("city", "t", told["total_t"], whole, 1e-9)
    yield Quantity("for each resident", "t", told["total_per_resident_t"], whole / 4.0, 1e-9)
    functions = result.tables["carbon_functions"]["co2_kg"].sum() / 1e3
    yield Quantity("functions less city", "t", float(functions) - told["buildings_total_t"], 0.0, 1e-9)
    yield Quantity("an office of 2030", "t", told["embodied_new_t"], 1000.0 * 600.0 / 1e3, 1e-9)


def _limits() -> Iterator[Quantity]:
    years = np.array([2022.0, 2025.0, 2028.0, 2031.0])
    share = 0.85
    for name, known in (("residential", (640, 530, 475, 415)), ("apartments", (740, 650, 580, 490))):
        found = embodied_kg_m2("fr", [name] * 4, years) / share
        for year, value, reference in zip(years, found, known, strict=True):
            yield Quantity(f"{name}, permit of {year:.0f}", "kg/m²", float(value), float(reference), 1e-9)


CASES: Final = (
    Case(
        "carbon",
        "Electricity by year",
        "Department of Climate Change of Viet Nam (climatechange.vn, ikinews.climatechange.vn); RTE, Bilan électrique "
        "2023 and 2024; as printed.",
        _grids,
    ),
    Case("carbon", "Fuels", "IPCC 2006 Guidelines, volume 2, table 2.2, times 0.0036 GJ/kWh; to rounding.", _fuels),
    Case("carbon", "Two buildings and a street by hand", "Term by term; to rounding.", _by_hand),
    Case(
        "carbon",
        "Carbon of construction that RE2020 allows",
        "Means of Ic construction by year of the permit (architectes.org, 1 May 2024), for a square metre of reference "
        "area, taken as 0.85 of gross floor area; to rounding.",
        _limits,
    ),
)
"""Cases of carbon dioxide."""
