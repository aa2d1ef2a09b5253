"""Load curves that the app is told: of one building and of many, by the hour of a month."""

import sys
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.chain import light_from
from dothi.heat.model import HeatModel
from dothi.model import Result
from dothi.server.loads import curve_of, hour_codes, hours_facts
from dothi.shown import Kept, MissingError

sys.path.insert(0, str(Path(__file__).parent))
from test_heat import lit, weather_of


class Stored(SimpleNamespace):
    def result(self):
        return self.given


@pytest.fixture(scope="module")
def shown(little_city):
    few = little_city["buildings"].iloc[:6]
    west = shapely.box(*shapely.total_bounds(few.geometry.iloc[:2]))
    wards = gpd.GeoDataFrame({"name": ["West"]}, geometry=[west], index=pd.Index([7], name="ward_id"), crs=few.crs)
    served = pd.DataFrame(
        {"building_id": few.index[:3], "transformer_id": pd.array([5, 5, None], dtype="Int64"), "grid_node_id": 1}
    )
    transformers = gpd.GeoDataFrame(
        {"rating_kva": [400.0]},
        geometry=shapely.points([[0.0, 0.0]]),
        index=pd.Index([5], name="transformer_id"),
        crs=few.crs,
    )
    at = gpd.GeoDataFrame(
        {"kind": ["joint"], "nominal_v": [400.0]}, geometry=transformers.geometry.to_list(), crs=few.crs
    )
    grid = {"grid_nodes": at.set_axis([1]).rename_axis("grid_node_id"), "grid_connections": served}
    city = lit(little_city.with_tables(buildings=few, weather=weather_of("Nantes")))
    sun = Result(tables={"surface_light": city["surface_light"]})
    bare = little_city.with_tables(
        buildings=few, weather=city["weather"], wards=wards, transformers=transformers, **grid
    )
    heat = HeatModel().run(light_from(bare, sun))
    results = {"sun": Stored(given=sun), "heat": Stored(given=heat)}
    store = SimpleNamespace(find=lambda model, key: results.get(model) if key else None)
    return SimpleNamespace(city=bare, kept=Kept(), key="k", store=store, results={"sun": "s", "heat": "h"}, heat=heat)


def test_curve_of_a_building_holds_what_its_year_holds(shown):
    year = shown.heat.tables["buildings"].iloc[0]
    curve = curve_of(shown, "buildings", int(year.name))
    carriers = {one.name: sum(one.months_kwh) for one in curve.carriers}
    assert_allclose(carriers["electricity"], year["electricity_kwh"], rtol=1e-5)
    assert_allclose(curve.peak_w, year["peak_electric_w"], rtol=1e-6)
    days = np.sum([one.days_w for one in curve.uses], axis=0)
    lengths = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    assert_allclose((days.sum(axis=1) * lengths).sum() / 1000.0, year["electricity_kwh"], rtol=2e-3)
    assert curve.generation_days_w == []


def test_curves_of_many_are_sums_of_those_of_one(shown):
    ids = shown.city["buildings"].index
    each = [curve_of(shown, "buildings", int(one)) for one in ids]
    days = [np.sum([use.days_w for use in one.uses], axis=0) for one in each]
    for table, row, members in (("city", 0, ids), ("wards", 7, ids[:2]), ("transformers", 5, ids[:2])):
        curve = curve_of(shown, table, row)
        assert curve.buildings == len(members)
        assert_allclose(
            np.sum([use.days_w for use in curve.uses], axis=0), np.sum(days[: len(members)], axis=0), rtol=1e-4
        )


def test_codes_tell_the_load_of_every_building_in_every_hour_of_a_month(shown):
    facts, codes = hours_facts(shown), np.frombuffer(hour_codes(shown, 1), dtype=np.uint8).reshape(24, -1)
    assert facts.rows == codes.shape[1] == len(shown.city["buildings"])
    area = shown.heat.tables["thermal_models"]["floor_area_m2"].to_numpy()
    curves = [curve_of(shown, "buildings", int(one)) for one in shown.city["buildings"].index]
    load = np.array([np.sum([use.days_w[0] for use in one.uses], axis=0) for one in curves]).T / area
    told = (codes.astype(float) - 1.0) / 254.0 * facts.top_w_m2
    assert_allclose(told, np.minimum(load, facts.top_w_m2), atol=0.51 * facts.top_w_m2 / 254.0)


def test_without_energy_or_row_there_is_no_curve(shown):
    with pytest.raises(MissingError, match="is the id of a row"):
        curve_of(shown, "buildings", 999_999)
    with pytest.raises(MissingError, match="energy was simulated"):
        curve_of(SimpleNamespace(city=shown.city, kept=Kept(), key="n", store=shown.store, results={}), "city", 0)
