"""Solar modules on roofs and walls: what could be there, what is, who uses it and whether it pays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from pydantic import Field

from dothi.model import Params, Result, columns_of
from dothi.pv.arrays import Arrays, Layout, facade_arrays, put_together, roof_arrays, solar_data, surfaces_of
from dothi.pv.best import Best, brightest
from dothi.pv.hourly import installed
from dothi.pv.modules import TemperatureModel
from dothi.pv.offers import Offers
from dothi.pv.use import BUILDINGS, Use
from dothi.pv.yields import Power, Technology
from dothi.schema import Column, Schema
from dothi.shapes import Floats, Integers
from dothi.sky import Light, site_of

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City

CHUNK: Final = 256
"""Buildings whose hours are in memory at once."""

_SURFACES: Final[Schema] = {
    "pv_kwp": Column("float", "kWp", "Peak power of the modules that it could carry.", 0.0, missing=True),
    "pv_kwh": Column("float", "kWh", "Electricity of a year from these.", 0.0, missing=True),
    "pv_kwh_kwp": Column("float", "kWh kWp⁻¹", "Electricity of a year for each unit of peak power.", 0.0, missing=True),
}


class PvParams(Params):
    """Parameters of solar modules."""

    efficiency_share: float = Field(
        default=0.21, gt=0.05, le=0.5, description="Power of modules in full sun over the light on them."
    )
    gamma_k: float = Field(
        default=-0.0035, ge=-0.01, le=0.0, description="Change of power with the temperature of cells [K⁻¹]."
    )
    dc_ac_ratio: float = Field(
        default=1.2, ge=0.8, le=3.0, description="Peak power of modules over the rating of their inverter."
    )
    temperature_model: TemperatureModel = Field(
        default="sapm", description="Temperature of cells: of Sandia, by mount, or of Faiman."
    )
    usual_wind_m_s: float = Field(
        default=1.0, ge=0.0, le=20.0, description="Wind where the weather does not know it [m s⁻¹]."
    )
    layout: Layout = Field(
        default="equator", description="Whether rows on flat roofs face the equator, or east and west in turn."
    )
    rack_tilt_deg: float | None = Field(
        default=None, ge=0.0, le=60.0, description="Tilt of rows on flat roofs; of the country where none [°]."
    )
    clear_hours: float | None = Field(
        default=None,
        ge=0.0,
        le=6.0,
        description="Time round noon of the shortest day in which rows do not shade; of the country where none [h].",
    )
    least_share: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description="Least light on a surface over that on the best one; of the country where none.",
    )
    tariff: str = Field(default="", description="Tariff of households by its id; the last known where none.")
    surplus: str = Field(default="", description="Rule for surplus by its id; the last known where none.")
    discount_share: float | None = Field(
        default=None, ge=0.0, le=0.5, description="Real discount rate of a year; of the country where none."
    )
    life_years: int | None = Field(
        default=None, ge=1, le=60, description="Years that an installation serves; of the country where none."
    )


@dataclass(frozen=True, slots=True)
class PvModel:
    """
    Solar modules on roofs and walls, hour by hour.

    Light on every surface, shaded by what stands around, falls on arrays that fit there: flush on pitched roofs and
    walls, in rows on flat roofs. Glass, cells and inverters are those of PVWatts. What a building uses of it is found
    hour by hour against its load; what that is worth follows from tariffs.
    """

    params: PvParams = field(default_factory=PvParams)

    name: ClassVar[str] = "pv"
    inputs: ClassVar[Mapping[str, Schema]] = {
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
            "weather", "time", "air_temperature_c", "wind_speed_m_s", "ghi_w_m2", "dni_w_m2", "dhi_w_m2"
        ),
        "surfaces": columns_of("surfaces", "geometry", "method"),
        "buildings": columns_of("buildings", "geometry", "function", "roof_shape", "dwellings"),
        "building_measures": columns_of("building_measures", "building_id", "pv_roof_share", "pv_facade_share"),
        "building_loads": {"electricity": Column("packed", "W", "Electricity used in every hour.", missing=True)},
    }
    optional: ClassVar[tuple[str, ...]] = ("building_measures", "building_loads")
    rasters: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[Mapping[str, Schema]] = {"buildings": BUILDINGS, "surfaces": _SURFACES}
    references: ClassVar[tuple[str, ...]] = (
        "A. P. Dobos, PVWatts version 5 manual, NREL/TP-6A20-62641, 2014, doi:10.2172/1158421",
        "D. L. King et al., Sandia photovoltaic array performance model, SAND2004-3535, 2004",
        "W. De Soto et al., Solar Energy 80, 2006, doi:10.1016/j.solener.2005.06.010 (light through glass)",
        "B. Marion, Solar Energy 147, 2017, doi:10.1016/j.solener.2017.03.027 (diffuse light through glass)",
        "D. Passias and B. Källbäck, Solar Cells 11, 1984, doi:10.1016/0379-6787(84)90017-6 (rows)",
        "IEA PVPS T7-4, Potential for building integrated photovoltaics, 2002 (what counts as suitable)",
    )

    def run(self, city: City) -> Result:
        """Potential, installed power, own use and worth of all buildings."""
        best = brightest(city["weather"], site_of(city))
        arrays, light = self._suitable(city, best)
        technology = self._technology(city)
        power = Power(arrays, light, city["weather"], technology)
        use = Use(city, arrays, light, self.params.efficiency_share)
        offers = Offers(city, self.params)
        annual = np.zeros(len(arrays))
        for buildings in use.chunks(CHUNK):
            rows = use.arrays_of(buildings)
            unit = power.hourly(rows)
            annual[rows] = unit.sum(axis=1, dtype=np.float64)
            use.take(buildings, rows, unit, offers)
        surfaces = _surfaces(city, arrays, light, annual, self.params.efficiency_share)
        tables = {"buildings": use.table(), "surfaces": surfaces}
        if use.has_modules.any():
            tables["pv_arrays"] = installed(arrays, light, city["surface_light"], use.installed_w)
        found = {**use.diagnostics(), **offers.diagnostics(), "technology": asdict(technology), "best": asdict(best)}
        return Result(tables=tables, diagnostics=found)

    def _technology(self, city: City) -> Technology:
        given = self.params
        return Technology(
            gamma_k=given.gamma_k,
            dc_ac_ratio=given.dc_ac_ratio,
            temperature_model=given.temperature_model,
            usual_wind_m_s=given.usual_wind_m_s,
            clear_hours=self._clear_hours(city),
        )

    def _clear_hours(self, city: City) -> float:
        usual = solar_data(city.country)["roof"]["rack"]["clear_hours"]
        return float(usual if self.params.clear_hours is None else self.params.clear_hours)

    def _suitable(self, city: City, best: Best) -> tuple[Arrays, Light]:
        """Arrays with enough light by building, and the light on each of them."""
        data, given = solar_data(city.country), self.params
        table, light = city["surface_light"], Light.of(city)
        tilt = float(data["roof"]["rack"]["tilt_deg"] if given.rack_tilt_deg is None else given.rack_tilt_deg)
        least = float(data["sun"]["least_share"] if given.least_share is None else given.least_share)
        roofs = roof_arrays(city, light, tilt, given.layout, self._clear_hours(city))
        walls = facade_arrays(city, light, least * best.wall_kwh_m2)
        arrays = put_together([roofs, walls])
        arrays = arrays.only(np.argsort(light.building_id[arrays.row], kind="stable"))
        turned = Light(surfaces_of(arrays, table), city["weather"], light.site)
        floor = least * np.where(arrays.roof, best.roof_kwh_m2, best.wall_kwh_m2)
        kept = np.flatnonzero(turned.annual() >= floor)
        arrays = arrays.only(kept)
        return arrays, Light(surfaces_of(arrays, table), city["weather"], light.site)


def _surfaces(city: City, arrays: Arrays, light: Light, annual: Floats, efficiency: float) -> pd.DataFrame:
    """Peak power and yield of each surface of the city; missing where modules do not belong."""
    import pandas as pd

    surfaces = city["surfaces"]
    at: Integers = surfaces.index.get_indexer(light.surface_id)
    kwp = arrays.area_m2 * efficiency
    peak = np.bincount(at, weights=kwp, minlength=len(surfaces))
    made = np.bincount(at, weights=kwp * annual, minlength=len(surfaces))
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = {"pv_kwp": np.where(peak > 0.0, peak, np.nan), "pv_kwh": np.where(peak > 0.0, made, np.nan)}
        columns["pv_kwh_kwp"] = made / np.where(peak > 0.0, peak, np.nan)
    return pd.DataFrame(columns, index=surfaces.index)
