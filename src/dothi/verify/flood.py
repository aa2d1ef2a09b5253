"""Cases of flow over the ground: closed forms of the shallow-water equations, a laboratory, and a flood in a town."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import shapely

from dothi.flood.kernels import G
from dothi.flood.solver import Flow, Ground, Scheme, Soil
from dothi.shapes import Floats, Mask
from dothi.verify import Case, Quantity

AS_SWASHES: Final = "as in SWASHES, O. Delestre et al. 2013, doi:10.1002/fld.3741"
NEAR_DRY_M: Final = 1e-8
Profile = Callable[[Floats], Floats]


def _strip(bed_m: Floats, cell_m: float, manning: float = 0.0, **more: object) -> Ground:
    """A channel four cells wide, the same in all of them."""
    bed = np.tile(bed_m, (4, 1))
    return Ground(bed, cell_m, np.full(bed.shape, manning), **more)  # type: ignore[arg-type]


def _at_rest(scheme: Scheme) -> Iterator[Quantity]:
    rng = np.random.default_rng(1)
    bed = rng.uniform(0.0, 1.0, (60, 80))
    bed[20:30, 20:30] += 3.0
    crest = np.full((60, 81), -np.inf)
    crest[:, 50] = 1.5
    depth = np.maximum(2.0 - bed, 0.0)
    ground = Ground(bed, 1.0, np.full(bed.shape, 0.03), blocked=bed > 3.8, crest_x=crest)
    flow = Flow(ground, scheme, depth_m=depth)
    flow.advance(60.0)
    wet = flow.depth_m > 0.0
    yield Quantity(
        "level of the lake, largest error", "m", float(np.abs(flow.depth_m + bed - 2.0)[wet].max()), 0, 1e-12
    )


def ritter(x: Floats, time_s: float, depth_m: float) -> Floats:
    """Depth after a dam at 0 broke before dry ground [m]."""
    c, xi = math.sqrt(G * depth_m), x / time_s
    fan = (2.0 * c - xi) ** 2 / (9.0 * G)
    return np.where(xi <= -c, depth_m, np.where(xi >= 2.0 * c, 0.0, fan))


def stoker(x: Floats, time_s: float, depth_m: float, before_m: float) -> Floats:
    """Depth after a dam at 0 broke before shallower water [m]."""
    from scipy.optimize import brentq

    a, b = math.sqrt(G * depth_m), math.sqrt(G * before_m)

    def residual(c: float) -> float:
        return -8.0 * b**2 * c**2 * (a - c) ** 2 + (c**2 - b**2) ** 2 * (c**2 + b**2)

    c = float(brentq(residual, b * 1.0001, a * 0.9999))
    shock = 2.0 * c**2 * (a - c) / (c**2 - b**2)
    xi = x / time_s
    fan = 4.0 / (9.0 * G) * (a - xi / 2.0) ** 2
    behind = np.where(xi <= 2.0 * a - 3.0 * c, fan, c**2 / G)
    return np.where(xi <= -a, depth_m, np.where(xi <= shock, behind, before_m))


def dam_break(scheme: Scheme, before_m: float, n: int = 400) -> float:
    """Mean error of depth 6 s after a dam of 5 mm broke, over these [1]."""
    cell = 10.0 / n
    x: Floats = (np.arange(n, dtype=np.float64) + 0.5) * cell - 5.0
    start = np.tile(np.where(x < 0.0, 0.005, before_m), (4, 1))
    flow = Flow(_strip(np.zeros(n), cell), scheme, depth_m=start, film_m=NEAR_DRY_M)
    flow.advance(6.0)
    exact = stoker(x, 6.0, 0.005, before_m) if before_m else ritter(x, 6.0, 0.005)
    return float(np.abs(flow.depth_m[1] - exact).mean()) / 0.005


def _dam(before_m: float) -> Iterator[Quantity]:
    yield Quantity("depth, mean error over that of the dam", "1", dam_break("second_order", before_m), 0.0, 1.5e-3)


def thacker(scheme: Scheme, n: int) -> tuple[float, float]:
    """Mean error of depth after three turns in a bowl, over the mean depth, and relative error of mass [1]."""
    a, h_0, eta, side = 1.0, 0.1, 0.5, 4.0
    omega = math.sqrt(2.0 * G * h_0) / a
    cell = side / n
    x, y = np.meshgrid(*2 * [(np.arange(n) + 0.5) * cell - side / 2.0])
    bed = -h_0 * (1.0 - (x**2 + y**2) / a**2)

    def exact(time: float) -> Floats:
        level: Floats = eta * h_0 / a**2 * (2 * x * math.cos(omega * time) + 2 * y * math.sin(omega * time) - eta)
        found: Floats = np.maximum(level - bed, 0.0)
        return found

    flow = Flow(Ground(bed, cell, np.zeros(bed.shape)), scheme, depth_m=exact(0.0), film_m=1e-6)
    flow.set_velocity(np.zeros(bed.shape), np.full(bed.shape, eta * omega))
    flow.advance(3.0 * 2.0 * math.pi / omega, every_s=1e9)
    end = exact(6.0 * math.pi / omega)
    return float(np.abs(flow.depth_m - end).sum() / end.sum()), flow.balance.relative_error


def _bowl() -> Iterator[Quantity]:
    error, mass = thacker("second_order", 100)
    yield Quantity("depth, mean error over mean depth, 100 × 100", "1", error, 0.0, 0.06)
    yield Quantity("mass", "1", mass, 0.0, 1e-10)


def macdonald(scheme: Scheme, n: int) -> float:
    """Mean error of depth of a subcritical flow of 2 m² s⁻¹ over 1 km of rough bed, over the mean depth [1]."""
    length, q, manning = 1000.0, 2.0, 0.033
    x = np.linspace(0.0, length, 20_001)
    bump = np.exp(-16.0 * (x / length - 0.5) ** 2)
    h = (4.0 / G) ** (1.0 / 3.0) * (1.0 + 0.5 * bump)
    slope_h = (4.0 / G) ** (1.0 / 3.0) * 0.5 * bump * (-32.0 / length * (x / length - 0.5))
    fall = (1.0 - q**2 / (G * h**3)) * slope_h + manning**2 * q**2 / h ** (10.0 / 3.0)
    bed = np.concatenate([[0.0], np.cumsum((fall[1:] + fall[:-1]) / 2.0 * np.diff(x))])
    bed = bed[-1] - bed
    cell = length / n
    before = 10  # cells of uniform flow, in which the inflow finds its velocity
    at = (np.arange(-before, n + 1) + 0.5) * cell
    z, exact = np.interp(at, x, bed), np.interp(at, x, h)
    z[:before] += fall[0] * -at[:before]
    z[-1] = 2.0 * z[-2] - z[-3]
    shape = 4, n + before + 1
    body = np.full(shape, -1, dtype=np.int64)
    body[:, -1] = 0
    flow = Flow(_strip(z, cell, manning, body=body), scheme, depth_m=np.tile(exact, (4, 1)))
    flow.set_velocity(np.tile(q / exact, (4, 1)), np.zeros(shape))
    flow.set_levels(np.array([z[-1] + h[-1]]))
    inflow = np.zeros(shape)
    inflow[:, : before // 2] = q / (cell * (before // 2))
    flow.set_sources(0.0, inflow)
    flow.advance(1500.0, every_s=10.0)
    return float(np.abs(flow.depth_m[1] - exact)[before:-1].mean() / exact[before:-1].mean())


def _steady() -> Iterator[Quantity]:
    yield Quantity("depth, mean error over mean depth, 200 cells", "1", macdonald("second_order", 200), 0.0, 3e-3)


def rain_on_plane(scheme: Scheme) -> tuple[Floats, Floats, float]:
    """Depth found and that of the kinematic wave down a plane under steady rain [m], and the error of mass [1]."""
    n, cell, fall, manning, rain = 60, 2.0, 0.01, 0.05, 100.0 / 3.6e6
    x: Floats = (np.arange(n, dtype=np.float64) + 0.5) * cell
    ground = _strip(fall * (x[-1] - x), cell, manning, open_sides=frozenset({"last_column"}))
    flow = Flow(ground, scheme, film_m=1e-5)
    flow.set_sources(rain)
    flow.advance(1800.0, every_s=5.0)
    exact: Floats = (manning * rain * (x + cell / 2.0) / math.sqrt(fall)) ** 0.6
    return flow.depth_m[1], exact, flow.balance.relative_error


def _plane(scheme: Scheme) -> Iterator[Quantity]:
    found, exact, mass = rain_on_plane(scheme)
    middle = slice(20, 50)
    error = float(np.abs(found - exact)[middle].mean() / exact[middle].mean())
    yield Quantity("depth from 40 m to 100 m, mean error over mean depth", "1", error, 0.0, 0.02)
    yield Quantity("mass", "1", mass, 0.0, 1e-10)


def rough_town(scheme: Scheme) -> Flow:
    """A storm on a steep little town with blocked cells, a wall, a lake of given level, soil and an open side."""
    rng = np.random.default_rng(7)
    rows, columns = 70, 90
    y, x = np.mgrid[0:rows, 0:columns]
    bed = 0.05 * y + np.sin(x / 5.0) + rng.uniform(0.0, 0.3, (rows, columns))
    blocked = (x % 9 < 4) & (y % 11 < 5)
    crest = np.full((rows + 1, columns), -np.inf)
    crest[30] = 2.2
    body = np.where((x > 80) & (y > 60), 0, -1)
    ground = Ground(
        bed, 2.0, np.full(bed.shape, 0.03), blocked, crest_y=crest, body=body, open_sides=frozenset({"first_row"})
    )
    one = np.ones(bed.shape)
    flow = Flow(ground, scheme, soil=Soil(one * 1e-6, one * 0.03, one * 0.4, one * 1e-6))
    flow.set_levels(np.array([3.0]))
    flow.set_sources(np.where(blocked, 0.0, 150.0 / 3.6e6))
    flow.advance(300.0)
    flow.set_sources()
    flow.advance(600.0)
    return flow


def _mass(scheme: Scheme) -> Iterator[Quantity]:
    flow = rough_town(scheme)
    yield Quantity("mass, wetting and drying, over all that came", "1", flow.balance.relative_error, 0.0, 1e-10)
    yield Quantity("least depth", "m", min(float(flow.depth_m.min()), 0.0), 0.0, 0.0)


def _inside(outline: Floats, x: Floats, y: Floats) -> Mask:
    found: Mask = np.asarray(shapely.contains_xy(shapely.Polygon(outline), x, y))
    return found


def isolated_building(folder: Path, scheme: Scheme = "first_order", cell: float = 0.1) -> tuple[float, float]:
    """Mean over six gauges of the error of depth [m] of a dam break against a building, and the error of mass [1]."""
    nx, ny = round(35.8 / cell), round(3.6 / cell)
    x, y = np.meshgrid((np.arange(nx) + 0.5) * cell, (np.arange(ny) + 0.5) * cell)
    bed = 0.155 / 0.34 * np.maximum(np.maximum(0.34 - y, y - 3.26), 0.0)
    corners = np.genfromtxt(folder / "building.csv", delimiter=",", skip_header=1)[:, :2]
    gate = (x > 6.75) & (x < 7.55) & ((y < 1.3) | (y > 2.3))
    blocked = _inside(corners, x, y) | gate
    start = np.maximum(np.where(x < 6.75, 0.4, 0.02) - bed, 0.0)
    flow = Flow(Ground(bed, cell, np.full(bed.shape, 0.01), blocked), scheme, depth_m=start)
    gauges = np.genfromtxt(folder / "point_gauges.csv", delimiter=",", skip_header=1)
    at = (gauges[:, 1] / cell).astype(int), (gauges[:, 0] / cell).astype(int)
    seen = np.genfromtxt(folder / "building_gauges_h.txt", skip_header=2)
    seen = seen[(seen[:, 0] <= 30.0)][::5]
    found = np.empty((len(seen), len(gauges)))
    for k, time in enumerate(seen[:, 0]):
        flow.advance(float(time), every_s=1.0)
        found[k] = flow.depth_m[at]
    rmse = np.sqrt(np.nanmean((found - seen[:, 1:]) ** 2, axis=0))
    return float(rmse.mean()), flow.balance.relative_error


def _building(folder: Path) -> Iterator[Quantity]:
    error, mass = isolated_building(folder)
    yield Quantity("depth at six gauges, mean of root mean square errors", "m", error, 0.0, 0.020)
    yield Quantity("mass", "1", mass, 0.0, 1e-10)


def merewether(folder: Path, scheme: Scheme = "first_order", until_s: float = 400.0) -> tuple[Floats, float]:
    """
    Errors of the level at five places of a flood in a town against what was seen there [m], and the error of mass [1].

    Cells of 1 m, 59 houses, an inflow of 19.7 m³ s⁻¹ within 10 m of a place, n of 0.02 on the road and 0.04 elsewhere,
    as in the validation of ANUGA; missing where no water came. The level is the mean of wet cells within 1.5 m.
    """
    from io import StringIO
    from zipfile import ZipFile

    with ZipFile(folder / "topography1.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith(".asc"))
        lines = archive.read(name).decode().splitlines()
    head = {word.lower(): float(value) for word, value in (line.split() for line in lines[:6])}
    bed = np.loadtxt(StringIO("\n".join(lines[6:])))[::-1].copy()
    known = bed > -999.0
    cell, corner = head["cellsize"], (head["xllcorner"], head["yllcorner"])
    x, y = np.meshgrid(*(start + (np.arange(n) + 0.5) * cell for start, n in zip(corner, bed.shape[::-1], strict=True)))
    houses = [_corners(path) for path in sorted((folder / "houses").glob("*.csv"))]
    blocked = np.logical_or.reduce([~known, *(_inside(house, x, y) for house in houses if len(house) > 2)])
    manning = np.where(_inside(_corners(folder / "Road" / "RoadPolygon.csv"), x, y), 0.02, 0.04)
    inlet = (np.hypot(x - 382_265.0, y - 6_354_280.0) <= 10.0) & ~blocked
    sides = frozenset({"last_row", "last_column"})
    ground = Ground(np.where(known, bed, 0.0), cell, manning, blocked, open_sides=sides)
    flow = Flow(ground, scheme, film_m=1e-3)
    flow.set_sources(0.0, np.where(inlet, 19.7 / (inlet.sum() * cell**2), 0.0))
    flow.advance(until_s)
    errors = []
    for place in np.genfromtxt(folder / "Observations" / "ObservationPoints.csv", delimiter=",", skip_header=1):
        centre = (np.floor((place[:2] - corner) / cell) + 0.5) * cell + corner
        near = (np.hypot(x - centre[0], y - centre[1]) <= 1.5 * cell) & (flow.depth_m > 0.003)
        errors.append(abs(float((bed + flow.depth_m)[near].mean()) - place[4]) if near.any() else np.nan)
    return np.array(errors), flow.balance.relative_error


def _corners(path: Path) -> Floats:
    found = np.genfromtxt(path, delimiter=",")
    corners: Floats = found[~np.isnan(found).any(axis=1)][:, :2]
    return corners


SCHEMES: Final[tuple[tuple[Scheme, str], ...]] = (("second_order", "second order"), ("inertial", "local inertia"))
CASES: Final = (
    *(
        Case(
            "flood",
            f"lake at rest with an island, a wall and blocked cells, {name}",
            "Stays as it is. Tolerance: 4,000 rounding errors at the level of 2 m.",
            partial(_at_rest, scheme),
        )
        for scheme, name in SCHEMES
    ),
    Case(
        "flood",
        "dam break on water, 400 cells",
        f"Stoker 1957, {AS_SWASHES}, 4.1.1. Tolerance: what second order reaches at a shock.",
        partial(_dam, 0.001),
    ),
    Case(
        "flood",
        "dam break on dry ground, 400 cells",
        f"Ritter 1892, {AS_SWASHES}, 4.1.2. Tolerance: what second order reaches at a front.",
        partial(_dam, 0.0),
    ),
    Case(
        "flood",
        "planar surface turning in a paraboloid, 3 periods",
        f"Thacker 1981, doi:10.1017/S0022112081001882, {AS_SWASHES}, 4.2.2. Tolerance at half the cells of the gate of "
        "0.02 at 200 × 200, which benchmarks/flood.py tries.",
        _bowl,
    ),
    Case(
        "flood",
        "subcritical flow over a rough bed, 200 cells",
        f"MacDonald et al. 1997, doi:10.1061/(ASCE)0733-9429(1997)123:11(1041), {AS_SWASHES}, 3.2.1. Tolerance 0.3 %.",
        _steady,
    ),
    *(
        Case(
            "flood",
            f"steady rain on a plane, {name}",
            "Kinematic wave: q = r x and Manning. Tolerance 2 %: the wave leaves out the slope of the depth.",
            partial(_plane, scheme),
        )
        for scheme, name in SCHEMES
    ),
    *(
        Case(
            "flood",
            f"storm on a steep little town, {name}",
            "Volumes are closed. Tolerance: rounding.",
            partial(_mass, scheme),
        )
        for scheme, name in SCHEMES
    ),
    Case(
        "flood",
        "dam break against a building, first order, cells of 0.1 m",
        "Laboratory of S. Soares-Frazão and Y. Zech 2007, doi:10.3826/jhr.2007.2944, EA case 6A. "
        "Tolerance 20 mm: other programs come no nearer, at any resolution.",
        _building,
        ("flood-benchmarks/isolated_building_EA6A",),
    ),
)
"""Cases of flow over the ground."""
