"""
How a synthesised year differs from the real one whose monthly normals it was made of.

Run as ``python benchmarks/typical_year.py FILE.epw …``: prints the table of docs/theory/weather.md. Without files,
those of the development data are taken.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from dothi.derive.weather import monthly_normals, typical_year
from dothi.errors import Problems
from dothi.io.epw import read_epw

SEEDS = range(5)
SAMPLES = Path(os.environ.get("DOTHI_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def figures(weather):
    """Figures that decide about loads, yields and comfort."""
    temperature = weather["air_temperature_c"].to_numpy()
    daily = temperature.reshape(-1, 24)
    ghi, dni, dhi = (weather[f"{name}_w_m2"].to_numpy() for name in ("ghi", "dni", "dhi"))
    sunny = ghi[ghi > 5]
    spread = np.ptp(daily, axis=1)
    means = daily.mean(axis=1)
    wind = weather["wind_speed_m_s"].to_numpy()
    return {
        "temperature, 1st percentile [°C]": np.percentile(temperature, 1),
        "temperature, 10th percentile [°C]": np.percentile(temperature, 10),
        "temperature, median [°C]": np.median(temperature),
        "temperature, 90th percentile [°C]": np.percentile(temperature, 90),
        "temperature, 99th percentile [°C]": np.percentile(temperature, 99),
        "daily range, mean [K]": spread.mean(),
        "daily range, 90th percentile [K]": np.percentile(spread, 90),
        "day-to-day change of the mean, r.m.s. [K]": np.sqrt(np.mean(np.diff(means) ** 2)),
        "heating degree hours below 18 °C [kKh]": np.maximum(18 - temperature, 0).sum() / 1000,
        "cooling degree hours above 26 °C [kKh]": np.maximum(temperature - 26, 0).sum() / 1000,
        "GHI by day, 10th percentile [W/m²]": np.percentile(sunny, 10),
        "GHI by day, median [W/m²]": np.median(sunny),
        "GHI by day, 90th percentile [W/m²]": np.percentile(sunny, 90),
        "GHI by day, 99th percentile [W/m²]": np.percentile(sunny, 99),
        "direct normal radiation [kWh/m²]": dni.sum() / 1000,
        "diffuse radiation [kWh/m²]": dhi.sum() / 1000,
        "relative humidity, 10th percentile [%]": np.percentile(weather["relative_humidity_pct"], 10),
        "dew point, standard deviation [K]": weather["dew_point_c"].std(),
        "longwave, mean [W/m²]": weather["longwave_w_m2"].mean(),
        "wind, 90th percentile [m/s]": np.percentile(wind, 90),
    }


def main() -> None:
    columns = []
    names = []
    files = sys.argv[1:] or sorted(map(str, (SAMPLES / "weather-epw").glob("*.epw")))
    if not files:
        print("no EPW files: name some")
        return
    for argument in files:
        real = read_epw(Path(argument), Problems(argument))["weather"]
        station = monthly_normals(real)
        began = time.perf_counter()
        made = []
        for seed in SEEDS:
            year = typical_year(
                station,
                latitude=station.latitude,
                longitude=station.longitude,
                elevation_m=station.elevation_m,
                time_zone_h=station.time_zone_h,
                rng=np.random.default_rng(seed),
            )
            made.append(figures(year))
        seconds = (time.perf_counter() - began) / len(SEEDS)
        names.append(station.name)
        columns.append((figures(real), {key: np.mean([one[key] for one in made]) for key in made[0]}))
        print(f"{station.name}: {seconds:.2f} s per year", file=sys.stderr)
    print("| | " + " | ".join(f"{name}, file | made" for name in names) + " |")
    print("|---|" + "--:|" * 2 * len(names))
    for key in columns[0][0]:
        cells = " | ".join(f"{real[key]:.1f} | {made[key]:.1f}" for real, made in columns)
        print(f"| {key} | {cells} |")


if __name__ == "__main__":
    main()
