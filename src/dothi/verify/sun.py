"""Cases of sun and sky: closed forms, pvlib, and a dense reference that shares no code with the kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.shapes import Floats
from dothi.verify import Case, Quantity

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City

CRS: Final = "EPSG:32648"
AT: Final = (600_000.0, 2_325_000.0)
"""In Hanoi, on the grid of UTM zone 48 north."""
LATITUDE: Final = 21.03
LONGITUDE: Final = 105.85


def clear_year(latitude: float = LATITUDE, longitude: float = LONGITUDE) -> pd.DataFrame:
    """A year of clear and of hazy days by turns, made up from the height of the sun."""
    import pandas as pd

    from dothi.sky.position import sun_path

    times = pd.date_range("2001-01-01", periods=8760, freq="h", tz="UTC")
    path = sun_path(pd.DataFrame({"time": times}), latitude, longitude)
    height = np.where(path.up, np.cos(np.radians(path.zenith_deg)), 0.0)
    hazy = (np.arange(len(times)) // 24 % 3 == 0).astype(float)
    dni = np.where(height > 0.0, (1.0 - 0.7 * hazy) * 1000.0 * np.exp(-0.15 / np.maximum(height, 0.02)), 0.0)
    dhi = (100.0 + 200.0 * hazy) * np.sqrt(height)
    return pd.DataFrame({"time": times, "dni_w_m2": dni, "dhi_w_m2": dhi, "ghi_w_m2": dni * height + dhi})


def town(boxes: Floats, weather: pd.DataFrame | None = None) -> City:
    """
    A town of upright boxes on level ground.

    Parameters
    ----------
    boxes : (n, 5)
        West, south, east, north and height of each, from a corner in Hanoi [m].
    weather
        Table ``weather``; `clear_year` where None.
    """
    import geopandas as gpd
    import shapely

    from dothi.city import City
    from dothi.mesh.skin import surface_table

    x, y = AT
    shapes = shapely.box(boxes[:, 0] + x, boxes[:, 1] + y, boxes[:, 2] + x, boxes[:, 3] + y)
    buildings = gpd.GeoDataFrame({"height_m": boxes[:, 4], "ground_m": 0.0}, geometry=shapes, crs=CRS)
    low, high = boxes[:, :2].min(axis=0) + AT, boxes[:, 2:4].max(axis=0) + AT
    weather = clear_year() if weather is None else weather
    weather = weather.assign(air_temperature_c=25.0, method="typical")
    city = City("", "vn", CRS, (float(low[0]), float(low[1]), float(high[0]), float(high[1])))
    city = city.with_tables(buildings=buildings, weather=weather)
    return city.with_tables(surfaces=surface_table(city))


def quarter(n: int = 60, seed: int = 1) -> Floats:
    """Boxes of a dense quarter: rows of narrow houses of several heights back to back, alleys of 2 to 6 m, a tower."""
    rng = np.random.default_rng(seed)
    south = 0.0
    boxes: list[tuple[float, ...]] = []
    while len(boxes) < n:
        west, depth = 0.0, rng.uniform(10.0, 18.0)
        while west < 60.0 and len(boxes) < n:
            width = rng.uniform(3.6, 9.0)
            height = 3.4 * rng.integers(1, 7) if rng.random() > 0.04 else 60.0
            boxes.append((west, south, west + width, south + depth, height))
            west += width + (0.0 if rng.random() < 0.7 else rng.uniform(2.0, 6.0))
        south += depth + (0.0 if rng.random() < 0.4 else rng.uniform(2.0, 6.0))
    return np.array(boxes)


def _sun_and_planes() -> Iterator[Quantity]:
    import pandas as pd
    import pvlib

    from dothi.sky.position import sun_path
    from dothi.sky.transposition import extra_normal_of, plane_irradiance

    weather = clear_year()
    path = sun_path(weather, LATITUDE, LONGITUDE)
    middle = pd.DatetimeIndex(weather["time"]) + pd.Timedelta(minutes=30)
    known = pvlib.solarposition.get_solarposition(middle, LATITUDE, LONGITUDE)
    high = known["apparent_zenith"].to_numpy() < 74.0
    off = np.abs(path.zenith_deg - known["apparent_zenith"].to_numpy())[high].max()
    yield Quantity("zenith angle, largest difference", "°", float(off), 0.0, 1e-9)
    for tilt, azimuth in ((90.0, 180.0), (90.0, 0.0), (30.0, 250.0)):
        beam, diffuse, ground = plane_irradiance(weather, LATITUDE, LONGITUDE, tilt, azimuth)
        total = pvlib.irradiance.get_total_irradiance(
            tilt,
            azimuth,
            path.zenith_deg,
            path.azimuth_deg,
            *(weather[f"{name}_w_m2"].to_numpy() for name in ("dni", "ghi", "dhi")),
            dni_extra=extra_normal_of(weather),
            airmass=pvlib.atmosphere.get_relative_airmass(path.zenith_deg),
            albedo=0.2,
            model="perez",
        )
        got, reference = (
            float(values[path.up].sum()) / 1e3 for values in ((beam + diffuse + ground)[0], total["poa_global"])
        )
        yield Quantity(f"light on a plane, {tilt:g}° to {azimuth:g}°", "kWh/m²", got, reference, 1e-6 * reference)


def _canyon() -> Iterator[Quantity]:
    """A street 8 m wide and 1.6 km long between walls 16 m high."""
    from dothi.sun.model import SunModel, SunParams

    width, height, half = 8.0, 16.0, 800.0
    pieces = np.arange(-half, half, 40.0)
    boxes = [(x, south, x + 40.0, south + 10.0, height) for x in pieces for south in (-10.0, width)]
    city = town(np.array(boxes))
    result = SunModel(SunParams(wall_m=2.0, reach_m=1000.0)).run(city)
    light = result.tables["surface_light"]
    middle = light["building_id"].isin([len(pieces) // 2 * 2, len(pieces) // 2 * 2 + 1])
    north = np.abs(np.cos(np.radians(light["azimuth_deg"])) - np.cos(np.radians(180.0))) < 0.1
    row = light.index[middle & (light["kind"] == "wall").to_numpy() & north & (light["building_id"] % 2 == 1)]
    got = float(result.tables["surfaces"]["sky_view_share"].loc[row].iloc[0])
    z = (np.arange(8) + 0.5) * height / 8
    exact = float((0.5 * (1.0 - (height - z) / np.hypot(height - z, width))).mean())
    yield Quantity("sky seen by a wall of an endless street", "", got, exact, 0.002)


def _shadow() -> Iterator[Quantity]:
    """How far the shadow of a box 30 m high reaches, on 21 December and 21 March."""
    from datetime import UTC, datetime

    from dothi.sky.position import site_of
    from dothi.sun.planning import shines_on, suns_at

    city = town(np.array([[0.0, 0.0, 40.0, 40.0, 30.0]]))
    for month, hour in ((12, 4), (12, 7), (3, 3)):
        time = datetime(2001, month, 21, hour, 30, tzinfo=UTC)
        sun = suns_at([time], site_of(city))
        flat = np.hypot(sun[0, 0], sun[0, 1])
        away = -sun[0, :2] / flat
        distance = np.arange(0.05, 150.0, 0.1)
        start = np.array([20.0, 20.0]) + AT
        at = np.column_stack([start + distance[:, None] * away, np.full(len(distance), 0.001)])
        lit = shines_on(city, at, np.zeros_like(at), sun)[:, 0]
        out = 20.0 / np.abs(away).max()  # where the line leaves the box
        exact = out + 30.0 * flat / sun[0, 2]
        got = float(distance[np.flatnonzero(~lit)[-1]]) + 0.05
        yield Quantity(
            f"end of the shadow, day 21 of month {month}, {hour}:30 UTC", "m", got, exact, 0.15 + 0.01 * exact
        )


def blocked(at: Floats, ways: Floats, boxes: Floats) -> Any:
    """
    Whether rays meet boxes: by slabs, each ray with each box; slow, and independent of horizons.

    Parameters
    ----------
    at : (n, 3)
        Origins.
    ways : (m, 3)
        Directions.
    boxes : (k, 5)
        West, south, east, north, height, standing at 0.

    Returns
    -------
    (n, m) array
        Whether they do.
    """
    low = np.column_stack([boxes[:, :2], np.full(len(boxes), -1.0)])
    high = np.column_stack([boxes[:, 2:4], boxes[:, 4]])
    safe = np.where(np.abs(ways) < 1e-12, 1e-12, ways)
    found = np.zeros((len(at), len(ways)), dtype=bool)
    for lower, upper in zip(low, high, strict=True):
        one, two = (lower - at)[:, None, :] / safe, (upper - at)[:, None, :] / safe
        enter = np.minimum(one, two).max(axis=2)
        leave = np.maximum(one, two).min(axis=2)
        found |= (leave > np.maximum(enter, 0.0)) & (leave > 1e-6)
    return found


def _dense() -> Iterator[Quantity]:
    """Points of a dense quarter against 2305 patches and every hour of the sun, each ray with each box."""
    from dothi.sky.dome import sky_of
    from dothi.sky.luminance import radiance
    from dothi.sky.patches import points_of
    from dothi.sky.position import site_of, sun_path
    from dothi.sky.transposition import brightness, clearness, extra_normal_of
    from dothi.sun.model import SunModel, SunParams
    from dothi.sun.sensors import sensors_on
    from dothi.sun.surfaces import chosen_of

    boxes = quarter(40)
    city = town(boxes)
    site, weather = site_of(city), city["weather"]
    sky, path = sky_of(weather, site), sun_path(weather, site.latitude, site.longitude)
    dni, dhi = np.where(path.up, weather["dni_w_m2"], 0.0), weather["dhi_w_m2"].to_numpy()
    points = points_of(1, 4)
    clear = clearness(dni, dhi, np.radians(path.zenith_deg))
    bright = brightness(dhi, path.zenith_deg, extra_normal_of(weather))
    h = sky.hour
    of_sky = radiance(points, sky.sun, clear[h], bright[h], dhi[h], path.up[h].astype(float)).sum(axis=1)

    result = SunModel(SunParams(wall_m=3.0, ground_albedo=0.0, wall_albedo=0.0, back_end="prisms")).run(city)
    chosen = chosen_of(city)
    sensors = sensors_on(chosen.shapes, chosen.normal, np.where(chosen.is_wall, 3.0, 3.0))
    got = result.tables["surfaces"]["irradiation_kwh_m2"].to_numpy()
    some = np.random.default_rng(1).permutation(len(chosen))[:60]
    reference = np.array([_brute(s, sensors, chosen, boxes, points, of_sky, sky) for s in some])
    for name, use, tolerance in (("walls", chosen.is_wall[some], 0.02), ("roofs", ~chosen.is_wall[some], 0.005)):
        error = np.abs(got[some][use] - reference[use]).mean() / reference[use].mean()
        yield Quantity(f"{name}, mean error over mean light", "", float(error), 0.0, tolerance)


def _brute(s: int, sensors: Any, chosen: Any, boxes: Floats, points: Any, of_sky: Floats, sky: Any) -> float:
    at = sensors.at[sensors.start[s] : sensors.start[s + 1]] - np.array([*AT, 0.0])
    weight = sensors.weight[sensors.start[s] : sensors.start[s + 1]]
    total = 0.0
    for ways, light in ((points.towards[:, 0], points.solid_angle * of_sky), (sky.sun, sky.dni)):
        facing = np.maximum(ways @ chosen.normal[s], 0.0)
        before = np.flatnonzero(facing > 0.0)
        free = ~blocked(at, ways[before], boxes)
        total += float(weight @ (free @ (facing * light)[before]))
    return total / 1e3


CASES: Final = (
    Case(
        "sun",
        "Sun and planes in the open",
        "pvlib: position by the algorithm of NREL, diffuse light by Perez 1990. Tolerance: rounding.",
        _sun_and_planes,
    ),
    Case(
        "sun",
        "Endless street",
        "Closed form: a wall sees (1 − sin γ) / 2 of the sky over an opposite edge at height γ, mean over 8 points. "
        "Tolerance 0.002: 120 azimuths, and the street ends 0.8 km away.",
        _canyon,
    ),
    Case(
        "sun",
        "Shadow of a box",
        "Closed form: H / tan h beyond the edge, along the line through its middle. Tolerance 0.15 m, the step of the "
        "points, and 1 %, half a column of azimuths.",
        _shadow,
    ),
    Case(
        "sun",
        "Dense quarter",
        "Every ray with every box, to 2305 patches of the sky and all hours of the sun, from the same points. "
        "Tolerance: the errors aimed at, 2 % of walls and 0.5 % of roofs.",
        _dense,
    ),
)
