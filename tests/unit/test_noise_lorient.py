"""Road noise of Lorient (France): real buildings, ground and counted flows by day, evening and night."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.interpolate import griddata

from dothi.city import City
from dothi.noise.model import NoiseModel, NoiseParams
from dothi.noise.traffic import KINDS
from dothi.tables import MODES

PERIODS = {"D": (6.0, 18.0), "E": (18.0, 22.0), "N": (22.0, 6.0)}
CELL_M = 10.0


@pytest.fixture
def lorient(sample):
    """City of the files: roads are links of one direction, their flows those of both."""
    folder = sample("france-lorient")
    buildings = gpd.read_file(folder / "buildings.shp")
    read = gpd.read_file(folder / "ROADS2.shp").explode(ignore_index=True)
    n, crs = len(read), read.crs
    west, south, east, north = buildings.total_bounds
    ends = np.concatenate([[line.coords[0], line.coords[-1]] for line in read.geometry])
    nodes = gpd.GeoDataFrame(
        {"elevation_m": np.nan, "component": 0}, index=range(2 * n), geometry=gpd.points_from_xy(*ends.T[:2]), crs=crs
    )
    links = gpd.GeoDataFrame(
        {
            "from_node_id": np.arange(n) * 2,
            "to_node_id": np.arange(n) * 2 + 1,
            "reverse_link_id": pd.array([pd.NA] * n, dtype="Int64"),
            "length_m": read.length,
            "class": "residential",
            **dict.fromkeys(MODES, True),
            "bridge": False,
            "tunnel": False,
        },
        geometry=read.geometry,
        crs=crs,
    )
    houses = gpd.GeoDataFrame(
        {"height_m": buildings["HEIGHT"].astype(float), "ground_m": np.nan, "residents": 10},
        geometry=buildings.geometry,
    )
    x, y = np.arange(west - 100, east + 100, CELL_M), np.arange(north + 100, south - 100, -CELL_M)
    city = City("Lorient", "fr", "EPSG:2154", (west, south, east, north))
    city = city.with_tables(buildings=houses, links=links, nodes=nodes, link_flows=_flows(read))
    return city.with_rasters(**_ground(folder, x, y))


def _flows(read):
    tables = []
    for letter, (begin, end) in PERIODS.items():
        speed = {"car": read[f"LV_SPD_{letter}"], "truck": read[f"HV_SPD_{letter}"]}
        volume = {"car": read[f"TV_{letter}"] - read[f"HV_{letter}"], "truck": read[f"HV_{letter}"]}
        hours = (end - begin) % 24.0
        columns = {"link_id": read.index, "period": letter, "hours_h": hours, "from_h": begin, "to_h": end}
        columns |= {f"volume_{kind}_veh_h": volume.get(kind, 0.0) for kind in KINDS}
        columns |= {f"speed_{kind}_m_s": speed.get(kind, 0.0) / 3.6 for kind in KINDS}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def _ground(folder, x, y):
    from rasterio.features import rasterize
    from rasterio.transform import from_origin

    points = gpd.read_file(folder / "dem.geojson")
    at = np.column_stack([points.geometry.x, points.geometry.y])
    level = griddata(at, points["height"], tuple(np.meshgrid(x, y)), method="nearest")
    soft = gpd.read_file(folder / "ground_type.shp")
    transform = from_origin(x[0] - CELL_M / 2, y[0] + CELL_M / 2, CELL_M, CELL_M)
    green = rasterize([(shape, 1) for shape in soft.geometry], (len(y), len(x)), transform=transform)
    attrs = {"crs": "EPSG:2154"}
    return {
        "terrain": xr.DataArray(
            level.astype(float), dims=("y", "x"), coords={"y": y, "x": x}, attrs=attrs | {"units": "m"}
        ),
        "imperviousness": xr.DataArray(
            1.0 - green.astype(float), dims=("y", "x"), coords={"y": y, "x": x}, attrs=attrs | {"units": "1"}
        ),
    }


@pytest.mark.slow
def test_the_noise_of_lorient_is_that_of_a_town(lorient):
    """By order of size: streets with 4,000 vehicles a day are near 65 dB, courts some 20 dB quieter."""
    found = NoiseModel(NoiseParams(grid_m=50.0, facade_m=30.0)).run(lorient)
    lden = found.tables["buildings"]["noise_lden_db"]
    assert lden.notna().mean() > 0.95
    assert 50.0 < lden.median() < 68.0
    assert 68.0 < lden.max() < 82.0
    quiet = found.tables["facade_noise"].groupby("building_id")["lden_db"].agg(np.ptp)
    assert quiet.median() > 5.0
    night = found.tables["buildings"]["noise_lnight_db"]
    assert ((lden - night).dropna().between(5.0, 16.0)).mean() > 0.95
    assert 0.3 < found.diagnostics["share_lden_55_db"] < 0.95
