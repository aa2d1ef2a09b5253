"""Four buildings in a clear year, for tests of solar modules: what they see of the sky is said by hand."""

from __future__ import annotations

from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import pvlib
import shapely

from dothi.city import City
from dothi.packed import packed
from dothi.sky import Light, site_of
from dothi.tables import FUNCTIONS, SURFACE_KINDS

CRS = "EPSG:2154"
X, Y = 355_000.0, 6_689_000.0
OFFICE, HOUSE, GABLE, SHED = 1, 2, 3, 4
ROOFS = {OFFICE: 11, HOUSE: 12, GABLE: 13, SHED: 15}
NORTH_FACE, SOUTH_WALL = 14, 16


def weather():
    """A year without clouds, 15 °C and 3 m/s."""
    times = pd.date_range("2001-01-01", periods=8760, freq="h", tz="UTC")
    middle = times + pd.Timedelta(minutes=30)
    zenith = pvlib.solarposition.get_solarposition(middle, 47.2, -1.55)["apparent_zenith"]
    ghi = pvlib.clearsky.haurwitz(zenith)["ghi"].to_numpy()
    parts = pvlib.irradiance.erbs(ghi, zenith.to_numpy(), middle.day_of_year.to_numpy())
    return pd.DataFrame(
        {
            "time": times,
            "air_temperature_c": 15.0,
            "wind_speed_m_s": 3.0,
            "ghi_w_m2": ghi,
            "dni_w_m2": np.nan_to_num(parts["dni"]),
            "dhi_w_m2": np.nan_to_num(parts["dhi"]),
            "method": "estimated",
        }
    ).rename_axis("weather_id")


def _buildings():
    shapes = [
        shapely.box(X, Y, X + 40.0, Y + 20.0),
        shapely.box(X, Y + 60.0, X + 16.0, Y + 68.0),
        shapely.box(X, Y + 90.0, X + 16.0, Y + 98.0),
        shapely.box(X, Y + 120.0, X + 3.0, Y + 123.0),
    ]
    function = ["office", "residential", "residential", "outbuilding"]
    return gpd.GeoDataFrame(
        {
            "geometry": shapes,
            "function": pd.Categorical(function, categories=FUNCTIONS),
            "dwellings": [0, 1, 2, 0],
            "residents": [0, 3, 4, 0],
            "floor_area_m2": [2400.0, 256.0, 256.0, 9.0],
            "year_built": pd.array([1975, 1950, 2030, None], dtype="Int64"),
        },
        index=pd.Index([OFFICE, HOUSE, GABLE, SHED], name="building_id"),
        crs=CRS,
    )


def _surfaces(buildings):
    """A flat office, a house drawn flat, one whose two faces its source models, a shed, and a wall of the office."""
    ids = [11, 12, 13, 14, 15, 16]
    of = [OFFICE, HOUSE, GABLE, GABLE, SHED, OFFICE]
    flat = buildings.geometry.loc[of[:5]].to_list()
    flat[2], flat[3] = shapely.box(X, Y + 90.0, X + 16.0, Y + 94.0), shapely.box(X, Y + 94.0, X + 16.0, Y + 98.0)
    wall = shapely.Polygon([(X, Y, 0.0), (X + 40.0, Y, 0.0), (X + 40.0, Y, 9.0), (X, Y, 9.0)])
    return gpd.GeoDataFrame(
        {
            "geometry": [*(shapely.force_3d(shape, 9.0) for shape in flat), wall],
            "building_id": of,
            "kind": pd.Categorical(["roof"] * 5 + ["wall"], categories=SURFACE_KINDS),
            "lod": ["1", "1", "2", "2", "1", "1"],
            "method": pd.Categorical(["prism", "prism", "source", "source", "prism", "prism"]),
            "tilt_deg": [0.0, 0.0, 30.0, 30.0, 0.0, 90.0],
            "azimuth_deg": [np.nan, np.nan, 180.0, 0.0, np.nan, 180.0],
        },
        index=pd.Index(ids, name="surface_id"),
        crs=CRS,
    )


def light_table(city, seen=1.0):
    """Table ``surface_light`` of a city whose surfaces see a share of every part of the sky and of the sun."""
    surfaces = city["surfaces"]
    columns = ["building_id", "kind", "tilt_deg", "azimuth_deg"]
    table = pd.DataFrame(surfaces[columns]).assign(lit_area_m2=[800.0, 128.0, 73.9, 73.9, 9.0, 360.0])
    open_light = Light.unobstructed(table, city["weather"], site_of(city))
    share = np.broadcast_to(np.round(255 * np.asarray(seen)).astype(np.uint8), (len(table),))[:, None]
    sky = np.repeat(share, 145, axis=1)
    sun = np.repeat(share, open_light.sky.places, axis=1)
    none = dict.fromkeys(("bounce_ground_beam", "bounce_ground_sky", "bounce_wall_beam", "bounce_wall_sky"), 0.0)
    return table.assign(sky=packed(sky, table.index), sun=packed(sun, table.index), **none)


@cache
def roofs(country="fr", seen=1.0):
    """City of the four buildings."""
    buildings = _buildings()
    city = City("Toits", country, CRS, (X - 50.0, Y - 50.0, X + 150.0, Y + 150.0)).with_tables(
        buildings=buildings, surfaces=_surfaces(buildings), weather=weather()
    )
    return city.with_tables(surface_light=light_table(city, seen))


def with_loads(city, kw):
    """City whose buildings use so much electricity, the same at every hour [kW]; by building."""
    index = pd.Index(list(kw), name="building_id")
    hours = np.tile(np.array(list(kw.values()), dtype=np.float32)[:, None] * 1000.0, (1, 8760)).astype(np.float32)
    return city.with_tables(building_loads=pd.DataFrame({"electricity": packed(hours, index)}, index=index))


def with_modules(city, roof=None, facade=None, building=OFFICE):
    """City with modules on one of its buildings."""
    columns = {"building_id": [building], "pv_roof_share": [roof], "pv_facade_share": [facade]}
    frame = pd.DataFrame(columns, index=pd.Index([building], name="building_measure_id"))
    return city.with_tables(building_measures=frame.astype({"pv_roof_share": float, "pv_facade_share": float}))
