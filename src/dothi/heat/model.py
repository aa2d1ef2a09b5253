"""Simulation of the heat balance of all buildings of a city."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from dothi.heat.carriers import CARRIERS, USES
from dothi.heat.thermal import THERMAL_MODELS, thermal_models
from dothi.model import Params, Result, StudyFile, columns_of, require
from dothi.schema import Column, Schema
from dothi.shapes import Floats
from dothi.units import WH_PER_KWH

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from dothi.city import City

MONTHS: Final = 12
HOT_C: Final = 28.0
"""Rooms warmer than this are hot: adaptive comfort of EN 16798-1 ends near it in a French summer."""
MONTHLY: Final = ("heating", "cooling", "electricity", "gas")
SHAPES: Final = ("electricity", "heating", "cooling", "gas")
ELECTRIC_USES: Final = (
    "heating_electricity",
    "cooling_electricity",
    "hot_water_electricity",
    "appliances",
    "lighting",
)


def _kwh(what: str) -> Column:
    return Column("float", "kWh", what, 0.0)


_USE_WORDS: Final = {
    "heating": "Heat that its rooms need in a year.",
    "cooling": "Cold that its rooms are given in a year, moisture included.",
    "hot_water": "Heat that its hot water needs in a year, losses included.",
    "appliances": "Electricity of its appliances in a year.",
    "lighting": "Electricity of its lamps in a year.",
}
_BUILDINGS: Final[Schema] = {
    **{f"{name}_kwh": _kwh(_USE_WORDS[name]) for name in USES},
    **{f"{name}_kwh": _kwh(f"Bought in a year: {name}.") for name in CARRIERS},
    "network_cooling_kwh": _kwh("Cold bought from a network in a year."),
    "heating_electricity_kwh": _kwh("Of its electricity, that for heating."),
    "cooling_electricity_kwh": _kwh("Of its electricity, that for cooling."),
    "hot_water_electricity_kwh": _kwh("Of its electricity, that for hot water."),
    "peak_electric_w": Column("float", "W", "Greatest electric power of an hour.", 0.0),
    "peak_heating_w": Column("float", "W", "Greatest heat of an hour.", 0.0),
    "peak_cooling_w": Column("float", "W", "Greatest cold of an hour, moisture included.", 0.0),
    "energy_kwh_m2": Column("float", "kWh m⁻²", "All that is bought in a year, per gross floor area.", 0.0),
    "hot_h": Column("float", "h", f"Hours of the year in which its rooms are warmer than {HOT_C:g} °C.", 0.0),
}
_MONTHS: Final[Schema] = {
    f"{name}_month": Column("packed", "", f"Each month's {name} [kWh], float32.") for name in MONTHLY
}


class HeatParams(Params):
    """Parameters of the heat balance."""

    archetypes: Literal["", "fr", "vn"] = Field(
        default="", description="Country whose archetypes and habits hold, by its code; that of the city where empty."
    )
    heating_shift_k: float = Field(default=0.0, ge=-10.0, le=10.0, description="Added to all heating set points [K].")
    cooling_shift_k: float = Field(default=0.0, ge=-10.0, le=10.0, description="Added to all cooling set points [K].")
    air_factor: float = Field(
        default=1.0, gt=0.0, le=10.0, description="Times infiltration and fresh air of all buildings, without unit."
    )
    appliance_factor: float = Field(
        default=1.0, ge=0.0, le=10.0, description="Times the use of appliances and lamps, without unit."
    )
    cooled_share: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description="Share of the floor of homes that is cooled; as usual where not given.",
    )
    calibration: StudyFile = Field(
        default="",
        description="CSV file of the study with measured energy of feeders, wards or the city, without unit.",
    )


@dataclass(frozen=True, slots=True)
class HeatModel:
    """
    Heat and moisture balance of every building, hour by hour over the year of the weather.

    Each building is one room with two masses, or two where only some of its rooms are cooled. Archetypes say how it is
    built, used, heated and cooled. Machines turn heat and cold into what is bought.
    """

    params: HeatParams = field(default_factory=HeatParams)

    name: ClassVar[str] = "heat"
    inputs: ClassVar[Mapping[str, Schema]] = {
        "buildings": columns_of(
            "buildings",
            "geometry",
            "function",
            "storeys",
            "year_built",
            "floor_area_m2",
            "dwellings",
            "residents",
            "jobs",
        ),
        "surface_light": columns_of(
            "surface_light",
            "building_id",
            "kind",
            "tilt_deg",
            "azimuth_deg",
            "lit_area_m2",
            "sky",
            "sun",
            "bounce_ground_beam",
            "bounce_ground_sky",
            "bounce_wall_beam",
            "bounce_wall_sky",
        ),
        "weather": columns_of(
            "weather",
            "time",
            "air_temperature_c",
            "dew_point_c",
            "pressure_pa",
            "ghi_w_m2",
            "dni_w_m2",
            "dhi_w_m2",
            "longwave_w_m2",
        ),
        "building_measures": columns_of("building_measures", "building_id", "heat_loss_ratio", "cooling_network"),
        "wards": columns_of("wards", "geometry", "name"),
    }
    optional: ClassVar[tuple[str, ...]] = ("building_measures", "wards")
    rasters: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[Mapping[str, Schema]] = {
        "buildings": _BUILDINGS,
        "building_months": _MONTHS,
        "thermal_models": THERMAL_MODELS,
        "calibration": {
            "area": Column("string", "", "Area whose energy was measured: ward, feeder or city."),
            "carrier": Column("string", "", "What was measured."),
            "measured_kwh": _kwh("Measured in a year."),
            "before_kwh": _kwh("Simulated before calibration."),
            "after_kwh": _kwh("Simulated after it."),
            "quantity": Column("string", "", "What was changed in the thermal models."),
            "change": Column("float", "", "Added to set points [K], else the factor."),
        },
    }
    references: ClassVar[tuple[str, ...]] = (
        "ISO 13790:2008, Energy performance of buildings: calculation of energy use for space heating and cooling",
        "ANSI/ASHRAE Standard 140-2020, Method of test for evaluating building performance simulation software",
        "ISO 6946:2017, Building components and building elements: thermal resistance and thermal transmittance",
    )

    def run(self, city: City) -> Result:
        """Energy of all buildings."""
        from dothi.heat.calibration import calibrated
        from dothi.sky.light import Light

        require(city, type(self))
        light = Light.of(city)
        table, calibration = calibrated(city, light, thermal_models(city, light, self.params), self.params)
        sums = _Sums(city, table)
        sums.add_all(light)
        tables = {**sums.tables(), "thermal_models": table, "calibration": calibration}
        return Result(tables=tables, fields=sums.fields(), diagnostics=sums.diagnostics(calibration))


class _Sums:
    """Sums of the hourly series of all buildings, chunk by chunk."""

    def __init__(self, city: City, table: pd.DataFrame) -> None:
        import pandas as pd

        from dothi.heat.archetypes import archetypes
        from dothi.heat.schedules import local_time

        self.table, self.weather = table, city["weather"]
        function = city["buildings"]["function"].astype("object").fillna("other")
        self.function = pd.Categorical(function)
        n, hours = len(table), len(self.weather)
        known = archetypes(str(table["country"].iloc[0]) if n else city.country)
        month = local_time(known, self.weather).month.to_numpy() - 1 if hours else np.zeros(0, dtype=np.int64)
        self.of_month = np.zeros((hours, MONTHS), dtype=np.float32)
        self.of_month[np.arange(hours), month] = 1.0 / WH_PER_KWH
        self.columns: dict[str, Floats] = {name: np.zeros(n) for name in _BUILDINGS}
        self.months = {name: np.zeros((n, MONTHS), dtype=np.float32) for name in MONTHLY}
        self.by_function = np.zeros((len(self.function.categories), len(SHAPES), hours), dtype=np.float32)
        self.by_use = np.zeros((len(ELECTRIC_USES), hours), dtype=np.float32)

    def add_all(self, light: Any) -> None:
        """Run through all buildings."""
        from dothi.heat.hourly import chunks

        for rows, series in chunks(self.table, self.weather, light):
            self._add(rows, series)
        bought = sum(self.columns[f"{name}_kwh"] for name in (*CARRIERS, "network_cooling"))
        self.columns["energy_kwh_m2"] = bought / self.table["floor_area_m2"].to_numpy(dtype=float)

    def _add(self, rows: slice, series: Mapping[str, Any]) -> None:
        for name in _BUILDINGS:
            quantity = name.removesuffix("_kwh")
            if quantity in series:
                self.columns[name][rows] = series[quantity].sum(axis=1, dtype=np.float64) / WH_PER_KWH
        for name, of in (("electric", "electricity"), ("heating", "heating"), ("cooling", "cooling")):
            self.columns[f"peak_{name}_w"][rows] = series[of].max(axis=1)
        self.columns["hot_h"][rows] = (series["room_c"] > HOT_C).sum(axis=1)
        for name in MONTHLY:
            self.months[name][rows] = series[name] @ self.of_month
        codes = self.function.codes[rows]
        for number in np.unique(codes):
            for i, name in enumerate(SHAPES):
                self.by_function[number, i] += series[name][codes == number].sum(axis=0)
        for i, name in enumerate(ELECTRIC_USES):
            self.by_use[i] += series[name].sum(axis=0)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables of the result."""
        import pandas as pd

        from dothi.packed import packed

        index = self.table.index
        months = {f"{name}_month": packed(values, index) for name, values in self.months.items()}
        return {
            "buildings": pd.DataFrame(self.columns, index=index),
            "building_months": pd.DataFrame(months, index=index),
        }

    def fields(self) -> dict[str, xr.DataArray]:
        """Load curves of the city."""
        import xarray as xr

        hour = np.arange(self.by_use.shape[1])
        return {
            "load_by_function": xr.DataArray(
                self.by_function,
                {"function": list(self.function.categories), "series": list(SHAPES), "hour": hour},
                ("function", "series", "hour"),
                attrs={"units": "W"},
            ),
            "load_by_use": xr.DataArray(
                self.by_use, {"use": list(ELECTRIC_USES), "hour": hour}, ("use", "hour"), attrs={"units": "W"}
            ),
        }

    def diagnostics(self, calibration: pd.DataFrame) -> dict[str, Any]:
        """Totals of the city."""
        totals = {name: float(self.columns[name].sum()) for name in _BUILDINGS if name.endswith("_kwh")}
        electric = self.by_use.sum(axis=0, dtype=np.float64)
        floor = self.table["floor_area_m2"].to_numpy(dtype=float)
        return {
            **totals,
            "peak_electric_w": float(electric.max()) if len(electric) else 0.0,
            "floor_area_m2": float(floor.sum()),
            "cooled_floor_m2": float((self.table["cooled_share"].to_numpy(dtype=float) * floor).sum()),
            "archetypes": self.table["archetype"].astype("object").value_counts().sort_index().to_dict(),
            "heating_systems": self.table["heating_system"].astype("object").value_counts().sort_index().to_dict(),
            "calibrated": len(calibration),
        }
