"""Voltages along the lines of a transformer, as the app is told them."""

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.testing import assert_allclose

from dothi.server.feeder import feeder_of
from dothi.shown import Kept, MissingError

CRS = "EPSG:2154"


@pytest.fixture
def shown():
    """Transformer at node 10; a line to 11, from there to 12 and 13; an open one from 13 to 14."""
    at = shapely.points([[0, 0], [100, 0], [100, 50], [200, 0], [300, 0]])
    nodes = gpd.GeoDataFrame(geometry=at, index=pd.Index([10, 11, 12, 13, 14], name="grid_node_id"), crs=CRS)
    lines = gpd.GeoDataFrame(
        {
            "from_grid_node_id": [10, 12, 11, 13],
            "to_grid_node_id": [11, 11, 13, 14],
            "length_m": [100.0, 50.0, 100.0, 100.0],
            "open": pd.array([None, False, False, True], dtype="boolean"),
        },
        geometry=[None] * 4,
        crs=CRS,
    )
    transformers = gpd.GeoDataFrame(
        {"secondary_grid_node_id": pd.array([10, None], dtype="Int64")},
        geometry=at[:2],
        index=pd.Index([1, 2], name="transformer_id"),
        crs=CRS,
    )
    volts = pd.DataFrame(
        {"lowest_pu": [1.0, 0.97, np.nan, 0.95], "highest_pu": [1.02, 1.01, 1.0, 1.0]}, index=[10, 11, 12, 13]
    )
    kept = SimpleNamespace(result=lambda: SimpleNamespace(tables={"grid_nodes": volts}))
    city = {"grid_nodes": nodes, "grid_lines": lines, "transformers": transformers}
    store = SimpleNamespace(find=lambda model, key: kept)
    return SimpleNamespace(city=city, kept=Kept(), key="k", store=store, results={"power": "p"})


def test_nodes_of_a_feeder_stand_by_their_distance_each_behind_the_one_that_feeds_it(shown):
    told = feeder_of(shown, 1)
    assert_allclose(told.distance_m, [0.0, 100.0, 150.0, 200.0])
    assert told.parent == [-1, 0, 1, 1]
    assert told.lowest_pu == [1.0, 0.97, None, 0.95]
    assert told.highest_pu == [1.02, 1.01, 1.0, 1.0]


def test_transformer_without_lines_has_an_empty_feeder(shown):
    assert feeder_of(shown, 2).distance_m == []


def test_unknown_transformer_and_grid_that_was_not_simulated_are_told(shown):
    with pytest.raises(MissingError, match="is the id of a row"):
        feeder_of(shown, 3)
    shown.results = {}
    with pytest.raises(MissingError, match="grid was simulated"):
        feeder_of(shown, 1)
