"""Cases of solar modules: a year by pvlib, documented examples, closed forms, published yields, bills and prices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.errors import Problems
from dothi.place.tariffs import bill, in_force
from dothi.pv import economy, modules, rows
from dothi.pv.arrays import FLUSH, Arrays
from dothi.pv.best import open_light
from dothi.pv.yields import Power, Technology
from dothi.sky import Site, sun_path
from dothi.verify import Case, Quantity

if TYPE_CHECKING:
    import pandas as pd

NANTES: Final = Site(47.2, -1.55)
LA_ROCHELLE: Final = Site(46.18, -1.19)
MARION_20: Final = (0.9539178294437575, 0.6387140117795903)
"""Shares of light from sky and ground that pass glass at a tilt of 20°, as the documentation of pvlib prints them."""
BILLS: Final = ((50, 107_136), (150, 346_356), (250, 636_768), (350, 979_560))
"""Monthly use [kWh] and bill with tax [VND] of worked examples with six tiers of May 2025."""
RISES: Final = ((50, 3_900), (100, 7_900), (200, 17_200), (300, 28_900), (400, 42_000), (500, 55_600))
"""Monthly use [kWh] and rise of its bill in November 2023 without tax [VND], as the supplier gave it."""
PRICES: Final = {
    "vn-household-2023-11": (1806, 1866, 2167, 2729, 3050, 3151),
    "vn-household-2024-10": (1893, 1956, 2271, 2860, 3197, 3302),
    "vn-household-2025-05": (1984, 2050, 2380, 2998, 3350, 3460),
}
TECHNOLOGY: Final = Technology(-0.0035, 1.2, "sapm", 1.0, 0.0)


def _weather(site: Site) -> pd.DataFrame:
    """A year without clouds."""
    import pandas as pd
    import pvlib

    times = pd.date_range("2001-01-01", periods=8760, freq="h", tz="UTC")
    plain = pd.DataFrame({"time": times})
    zenith = sun_path(plain, site.latitude, site.longitude).zenith_deg
    ghi = np.nan_to_num(pvlib.clearsky.haurwitz(pd.Series(zenith))["ghi"].to_numpy())
    parts = pvlib.irradiance.erbs(ghi, zenith, times.day_of_year.to_numpy())
    hour = np.arange(8760)
    return plain.assign(
        air_temperature_c=12.0 - 8.0 * np.cos(2.0 * np.pi * hour / 8760) - 4.0 * np.cos(2.0 * np.pi * hour / 24),
        wind_speed_m_s=2.0 + np.sin(2.0 * np.pi * hour / 24),
        ghi_w_m2=ghi,
        dni_w_m2=np.nan_to_num(parts["dni"]),
        dhi_w_m2=np.nan_to_num(parts["dhi"]),
    )


def _array(tilt_deg: float, mount: str) -> Arrays:
    one = np.zeros(1, dtype=np.int64)
    south, area, roof = np.array([180.0]), np.ones(1), np.ones(1, dtype=bool)
    return Arrays(one, np.array([tilt_deg]), south, area, one + FLUSH, one + modules.MOUNTS.index(mount), roof)


def _open(weather: pd.DataFrame, site: Site, tilt_deg: float, mount: str) -> tuple[Power, Any]:
    """Power of modules that face south and that nothing hides, and the light on them."""
    arrays = _array(tilt_deg, mount)
    light = open_light(weather, site, arrays.tilt_deg, arrays.azimuth_deg)
    return Power(arrays, light, weather, TECHNOLOGY), light


def _by_pvlib() -> Iterator[Quantity]:
    import pvlib

    weather, tilt = _weather(NANTES), 30.0
    power, light = _open(weather, NANTES, tilt, "roof")
    found = power.hourly(np.array([0]))[0].astype(float)
    beam, diffuse = (part[0].astype(float) for part in light.split(np.array([0])))
    path = sun_path(weather, NANTES.latitude, NANTES.longitude)
    angle = pvlib.irradiance.aoi(tilt, 180.0, path.zenith_deg, path.azimuth_deg)
    useful = beam * pvlib.iam.physical(angle, *modules.PANE) + diffuse * modules.diffuse_share(np.array([tilt]))[0]
    close = pvlib.temperature.TEMPERATURE_MODEL_PARAMETERS["sapm"]["close_mount_glass_glass"]
    cell = pvlib.temperature.sapm_cell(
        beam + diffuse, weather["air_temperature_c"].to_numpy(), weather["wind_speed_m_s"].to_numpy(), **close
    )
    kept = 1.0 - pvlib.pvsystem.pvwatts_losses(shading=0.0) / 100.0
    dc = pvlib.pvsystem.pvwatts_dc(useful, cell, 1.0, TECHNOLOGY.gamma_k) * kept
    known = pvlib.inverter.pvwatts(dc, 1.0 / TECHNOLOGY.dc_ac_ratio / modules.INVERTER[0])
    yield Quantity("greatest difference of an hour", "W/W", float(np.abs(found - known).max()), 0.0, 1e-6)
    yield Quantity("yield of the year", "kWh/kWp", found.sum(), float(known.sum()), 1e-3)


def _documented() -> Iterator[Quantity]:
    up = (1.0 + np.cos(np.radians(20.0))) / 2.0
    passed = up * MARION_20[0] + (1.0 - up) * MARION_20[1]
    yield Quantity(
        "diffuse light through glass at 20°", "", float(modules.diffuse_share(np.array([20.0]))[0]), passed, 1e-9
    )
    whole = 100.0 * (1.0 - modules.kept_share() * (1.0 - 0.03))
    yield Quantity("losses of PVWatts with 3 % of shading", "%", whole, 14.08, 0.005)
    warm = modules.warming(np.array([1.0]), "faiman")[0, 0] * 900.0 + 20.0
    yield Quantity("cell by Faiman at 900 W/m², 20 °C, 1 m/s", "°C", float(warm), 20.0 + 900.0 / 31.84, 1e-12)
    for mount in modules.MOUNTS:
        a, b, step = modules.SAPM[mount]
        found = float(modules.warming(np.array([2.0]), "sapm")[modules.MOUNTS.index(mount), 0]) * 1000.0
        by_hand = 1000.0 * float(np.exp(a + 2.0 * b)) + step
        yield Quantity(f"warming in full sun at 2 m/s, {mount}", "K", found, by_hand, 1e-9)
    level = modules.INVERTER[0] / modules.INVERTER[1] * (-0.0162 - 0.0059 + 0.9858)
    yield Quantity("efficiency of an inverter at its rating", "", level, 0.96, 1e-12)


def _rows() -> Iterator[Quantity]:
    for latitude in (10.8, 21.0, 47.2):
        height = np.radians(90.0 - latitude - rows.WINTER_DEG)
        by_hand = np.cos(np.radians(15.0)) + np.sin(np.radians(15.0)) / np.tan(height)
        yield Quantity(
            f"distance of rows of 15° at {latitude:g}°", "", rows.pitch(latitude, 15.0), float(by_hand), 1e-12
        )
    height = np.radians(90.0 - 47.2 - rows.WINTER_DEG)
    sun = np.array([[0.0, -np.cos(height), np.sin(height)]])
    edge = rows.shaded(sun, (0.0, -1.0), 15.0, rows.pitch(47.2, 15.0))
    yield Quantity("shade of rows so far apart at that hour", "", float(edge[0]), 0.0, 1e-12)


def _yields(path: Path) -> Iterator[Quantity]:
    from dothi.io.epw import read_epw

    weather = read_epw(path, Problems())["weather"]
    power, _ = _open(weather, LA_ROCHELLE, 30.0, "roof")
    found = float(power.hourly(np.array([0])).sum())
    yield Quantity("yield of a roof of 30° to the south", "kWh/kWp", found, 1200.0, 100.0)


def _bills() -> Iterator[Quantity]:
    for name, prices in PRICES.items():
        for tier, (found, known) in enumerate(
            zip(in_force("vn", "household", name=name).price_kwh, prices, strict=True)
        ):
            yield Quantity(f"{name}, tier {tier + 1}", "VND/kWh", found, float(known), 0.0)
    tariff = in_force("vn", "household", name="vn-household-2025-05")
    for kwh, paid in BILLS:
        yield Quantity(f"bill for {kwh} kWh", "VND", float(bill(kwh, tariff)), float(paid), 0.01)
    before, after = (in_force("vn", "household", name=f"vn-household-2023-{month}") for month in ("05", "11"))
    for kwh, rise in RISES:
        found = float(bill(kwh, after, tax=False) - bill(kwh, before, tax=False))
        yield Quantity(f"rise of the bill for {kwh} kWh", "VND", found, float(rise), 50.0)


def _worth() -> Iterator[Quantity]:
    """800 a year saved, 50 sold for 20 years, 4 % of discount, 1 % of wear, 2 % of upkeep, for 25 years."""
    from dothi.place.tariffs import surplus_in_force

    finance = economy.Finance(life_years=25, discount_share=0.04, degradation_share=0.01, upkeep_share=0.02)
    rule, kwp, made = surplus_in_force("fr", name="fr-s21-2026-01"), np.array([6.0]), np.array([6000.0])
    found = economy.worth(kwp, made, np.array([800.0]), np.array([50.0]), rule, "fr", finance)
    v, q = 1.0 / 1.04, 0.99
    price = 6.0 * float(economy.price_per_kwp("fr", kwp)[0])
    cost, upkeep = price - 6.0 * rule.premium_kwp[1], 0.02 * price * (1.0 - v**25) / 0.04

    def series(years: int) -> float:
        return float(v * (1.0 - (q * v) ** years) / (1.0 - q * v))

    npv = 800.0 * series(25) + 50.0 * series(20) - upkeep - cost
    yield Quantity("net present value", "EUR", float(found.npv[0]), npv, 1e-6)
    yield Quantity("levelised cost", "EUR/kWh", float(found.lcoe[0]), (cost + upkeep) / (6000.0 * series(25)), 1e-12)


CASES: Final = (
    Case(
        "pv",
        "A year of a module, hour by hour",
        "pvlib: physical glass, cells by Sandia close to a roof, PVWatts; light on the plane is the same for both. "
        "Tolerance: a millionth of the peak power, as series are kept in single precision.",
        _by_pvlib,
    ),
    Case(
        "pv",
        "Documented examples",
        "pvlib, iam.marion_diffuse; PVWatts version 5 manual (losses 14.08 %, printed digits); Faiman 2008; King and "
        "others, SAND2004-3535, table 1, by hand.",
        _documented,
    ),
    Case("pv", "Rows on flat roofs", "Height of the sun at noon of the shortest day, by hand; to rounding.", _rows),
    Case(
        "pv",
        "Yield on the Atlantic coast",
        "1,100 to 1,300 kWh/kWp about La Rochelle (webautop-blog.com, after PVGIS). Farms of the Vendée measured "
        "1,120 to 1,140 on roofs of all directions (Cerfrance Vendée, entrepreneurs-85.fr, 2016).",
        _yields,
        ("weather-epw/FRA_AC_La.Rochelle.Intl.AP.073160_TMYx.epw",),
    ),
    Case(
        "pv",
        "Prices and bills of households in Viet Nam",
        "Price lists of November 2023, October 2024 and May 2025, worked bills of May 2025, and the rises of bills "
        "that the supplier announced in November 2023, to hundreds of VND; sources in place/vn/tariffs.toml.",
        _bills,
    ),
    Case("pv", "Worth of an installation", "Sums of geometric series, by hand; to rounding.", _worth),
)
"""Cases of solar modules."""
