"""Cases of road noise: reference software of CNOSSOS-EU, the paths of ISO/TR 17534-4, and closed forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import numpy as np

from dothi.noise.air import absorption
from dothi.noise.emission import Road, line_power, values
from dothi.shapes import Floats
from dothi.verify import Case, Quantity
from dothi.verify.noise_paths import (
    CONDITIONS,
    ISO_TOLERANCE_DB,
    MEAN,
    PATHS,
    Path,
    band_levels,
    mean_levels,
    straight_road,
)

REFERENCE_SOFTWARE: Final = (
    "CNOSSOS-EU reference software for road emission (DGMR, 2014) with the coefficients of (EU) 2015/996, as kept in "
    "RoadCnossosTest of NoiseModelling. Tolerance: half the last digit."
)
ISO_CASES: Final = (
    "ISO/TR 17534-4:2020, levels by octave band as kept in reference_cnossos.json of NoiseModelling (Univ. Gustave "
    f"Eiffel). Tolerance {ISO_TOLERANCE_DB} dB: the report gives two digits and distances rounded to centimetres."
)

_BY_2015: Final[Mapping[str, Mapping[str, tuple[float, ...]]]] = {
    "light": {
        "rolling_a": (79.7, 85.7, 84.5, 90.2, 97.3, 93.9, 84.1, 74.3),
        "propulsion_a": (94.5, 89.2, 88.0, 85.9, 84.2, 86.9, 83.3, 76.1),
    },
    "medium": {
        "rolling_a": (84.0, 88.7, 91.5, 96.7, 97.4, 90.9, 83.8, 80.5),
        "propulsion_a": (101.0, 96.5, 98.8, 96.8, 98.6, 95.2, 88.8, 82.7),
    },
    "heavy": {
        "rolling_a": (87.0, 91.7, 94.1, 100.7, 100.8, 94.3, 87.1, 82.5),
        "propulsion_a": (104.4, 100.6, 101.7, 101.0, 100.1, 95.9, 91.3, 85.3),
    },
    "moped": {"propulsion_a": (88.0, 87.5, 89.5, 93.7, 96.6, 98.8, 93.9, 88.7)},
    "motorcycle": {"propulsion_a": (95.0, 97.2, 92.7, 92.9, 94.7, 93.2, 90.1, 86.5)},
}
"""Where table F-1 of (EU) 2015/996, which the reference software was run with, differs from that of today."""


def _surface(light: tuple[float, ...], others: tuple[float, ...], betas: tuple[float, float]) -> dict[str, Any]:
    heavy = {"alpha": others, "beta": betas[1]}
    return {"light": {"alpha": light, "beta": betas[0]}, "medium": heavy, "heavy": heavy}


_NL01: Final = _surface(
    (0.5, 3.3, 2.4, 3.2, -1.3, -3.5, -2.6, 0.5), (0.9, 1.4, 1.8, -0.4, -5.2, -4.6, -3.0, -1.4), (-6.5, 0.2)
)
_NL02: Final = _surface(
    (0.4, 2.4, 0.2, -3.1, -4.2, -6.3, -4.8, -2.0), (0.4, 0.2, -0.7, -5.4, -6.3, -6.3, -4.7, -3.7), (-3.0, 4.7)
)
_NL03: Final = _surface(
    (-1.0, 1.7, -1.5, -5.3, -6.3, -8.5, -5.3, -2.4), (1.0, 0.1, -1.8, -5.9, -6.1, -6.7, -4.8, -3.8), (-0.1, -0.8)
)
_STUDS: Final = 0.5 * 4 / 12
_FAST: Final = ((1000,) * 5, (70,) * 5)
_SLOW: Final = ((58, 50, 40, 100, 100), (40, 43, 45, 35, 32))
_EMISSION: Final = (
    ("T02, 8 kHz, slope 10 %", *_FAST, Road(_NL01, 15.0, 10.0, _STUDS), 7, 77.6711),
    (
        "T03, 1 kHz, slope −5 %",
        (582, 500, 400, 1000, 1100),
        (40, 43, 45, 35, 32),
        Road(_NL02, 5.0, -5.0, _STUDS),
        4,
        79.6814,
    ),
    ("T04, 8 kHz, slope −7 %", *_SLOW, Road(_NL03, -5.0, -7.0, _STUDS), 7, 58.8222),
    ("T05, 63 Hz, before lights", *_SLOW, Road(_NL03, -5.0, -7.0, _STUDS, "crossing", 50.0), 0, 82.785),
    ("T06, 4 kHz, before a roundabout", *_FAST, Road(_NL01, 15.0, 10.0, _STUDS, "roundabout", 30.0), 6, 85.4991),
)
_SLOW_CARS_DB: Final = (88.421, 77.1136, 75.5712, 75.6919, 73.6689, 71.3471, 68.1195, 63.4796)


def coefficients_2015() -> dict[str, dict[str, Any]]:
    """Coefficients of vehicles as published in 2015."""
    return {kind: {**row, **_BY_2015[kind]} for kind, row in values()["vehicle"].items()}


def _emission() -> Iterator[Quantity]:
    kinds, table = ("light", "medium", "heavy", "moped", "motorcycle"), coefficients_2015()
    for name, flows, speeds, road, band, expected in _EMISSION:
        q = {kind: np.array([float(flow)]) for kind, flow in zip(kinds, flows, strict=True)}
        v = {kind: np.array([float(speed)]) for kind, speed in zip(kinds, speeds, strict=True)}
        found = 10.0 * np.log10(line_power(q, v, road, table)[0, band])
        yield Quantity(name, "dB", float(found), expected, 6e-4)
    road = Road(_NL01, -5.0, -12.0, 0.5 / 12)
    power = line_power({"light": np.array([1000.0])}, {"light": np.array([20.0])}, road, table)[0]
    for hz, found, expected in zip((63, 125, 250, 500, 1000, 2000, 4000, 8000), power, _SLOW_CARS_DB, strict=True):
        yield Quantity(f"cars at 20 km/h, {hz} Hz", "dB", float(10.0 * np.log10(found)), expected, 6e-4)


def _absorption() -> Iterator[Quantity]:
    table = {
        (10.0, 70.0): (0.12, 0.41, 1.04, 1.93, 3.66, 9.66, 32.77, 116.88),
        (15.0, 20.0): (0.3, 0.6, 1.2, 2.7, 8.2, 28.2, 88.8, 202.0),
    }
    for (temperature, humidity), expected in table.items():
        found = absorption(temperature, humidity) * 1000.0
        for hz, value, reference in zip((63, 125, 250, 500, 1000, 2000, 4000, 8000), found, expected, strict=True):
            tolerance = 0.006 if temperature == 10.0 else max(0.05, 0.003 * reference)
            yield Quantity(f"{temperature:g} °C, {humidity:g} %, {hz} Hz", "dB/km", float(value), reference, tolerance)


def _path(path: Path) -> Iterator[Quantity]:
    found = band_levels(path)
    for condition, got in zip((*CONDITIONS, MEAN), (*found, mean_levels(found)), strict=True):
        if condition in path.expected:
            expected = np.asarray(path.expected[condition])
            worst = int(np.abs(got - expected).argmax())
            name = f"{condition}, band farthest off"
            yield Quantity(name, "dB", float(got[worst]), float(expected[worst]), path.tolerance_db)


def _source(path: Path) -> str:
    return f"{ISO_CASES} Here {path.tolerance_db} dB: {path.because}." if path.because else ISO_CASES


def _line_source() -> Iterator[Quantity]:
    """A straight road of 4 km over hard ground without absorption: cylindrical waves."""
    found: Floats = straight_road((10.0, 20.0, 40.0, 80.0))
    for near, far, drop in zip((10, 20, 40), (20, 40, 80), found[:-1] - found[1:], strict=True):
        yield Quantity(f"level at {near} m less that at {far} m", "dB", float(drop), 10.0 * np.log10(2.0), 0.06)
    exact = 10.0 * np.log10(10.0**-1.1 * np.pi / 40.0) + 3.0
    yield Quantity("level at 40 m of 0 dB per metre", "dB", float(found[2]), exact, 0.06)


CASES: Final = (
    Case("noise", "Sound power of roads", REFERENCE_SOFTWARE, _emission),
    Case(
        "noise",
        "Absorption of air",
        "ISO 9613-1:1993: values by octave band of ISO/TR 17534-4 (10 °C, 70 %, two digits) and of ISO 9613-2:1996, "
        "table 2 (15 °C, 20 %, from memory; rounded).",
        _absorption,
    ),
    *(Case("noise", f"{path.name}: {path.what}", _source(path), partial(_path, path)) for path in PATHS),
    Case(
        "noise",
        "Long straight road",
        "Closed form: a line of incoherent sources over a hard ground, π/(4 π d) with 20 lg d + 11 dB of divergence "
        "and 3 dB of the ground. Tolerance 0.06 dB: the road ends 5 km away on both sides.",
        _line_source,
    ),
)
