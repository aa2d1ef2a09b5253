"""Indicators: what every one declares, and that each term of their formulas counts."""

import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from dothi.indicators import KPIS
from dothi.kpi import DOMAINS, UNITS, Evidence
from dothi.model import Result
from dothi.status import STATUSES

LANGUAGES = ("en", "fr", "vi")
WORD = re.compile(r"[^\W\d_]{3,}")
SYMBOLS = frozenset({"kWh", "MWh", "GWh", "min", "veh", "µg", "PJ", "CO", "dBA"})


@pytest.mark.parametrize("kpi", KPIS.values(), ids=lambda kpi: kpi.id)
def test_every_indicator_is_told_in_three_languages(kpi):
    assert set(kpi.name) == set(LANGUAGES)
    assert set(kpi.formula) == set(LANGUAGES), f"the formula of {kpi.id} is a text by language"
    assert all(kpi.formula_in(language).strip() for language in LANGUAGES)
    if set(WORD.findall(kpi.unit)) - SYMBOLS:
        assert set(UNITS.get(kpi.unit, ())) == {"fr", "vi"}, f"the unit “{kpi.unit}” is translated in dothi.kpi.UNITS"


@pytest.mark.parametrize("kpi", KPIS.values(), ids=lambda kpi: kpi.id)
def test_every_indicator_says_where_it_comes_from(kpi):
    assert kpi.domain in DOMAINS
    assert kpi.status in STATUSES
    assert kpi.source
    assert kpi.id[:3].isupper()


def test_units_are_told_in_the_language_of_the_reader():
    assert KPIS["LIV-04"].unit_in("vi") == "m²/người"
    assert KPIS["LIV-04"].unit_in("en") == KPIS["LIV-04"].unit
    assert KPIS["ENV-18"].unit_in("fr") == "%"


# --- by hand ---------------------------------------------------------------------------------------------------


def of(city, kpi, within=None, today=None, **tables):
    """Value of an indicator from a city and columns that simulations gave its tables."""
    results = dict.fromkeys(KPIS[kpi].needs, Result())
    for name, columns in tables.items():
        table = pd.DataFrame(columns, index=city[name].index)
        results |= {need: Result(tables={name: table}) for need in KPIS[kpi].needs}
    return KPIS[kpi].value(Evidence(city, results, today, within))


@pytest.mark.parametrize(
    ("kpi", "place"), [("LIV-01", "school"), ("LIV-03", "health"), ("ENV-03", "park"), ("MOB-01", "stop")]
)
def test_shares_within_a_walk_count_residents_up_to_the_limit(little_city, kpi, place):
    limit = {"LIV-01": 1000.0, "LIV-03": 1000.0, "ENV-03": 300.0, "MOB-01": 500.0}[kpi]
    people = little_city["buildings"]["residents"].to_numpy()
    distance = np.full(len(people), limit + 1.0)
    distance[:9] = limit
    distance[9] = np.nan
    found = of(little_city, kpi, buildings={f"walk_to_{place}_m": distance})
    assert found == pytest.approx(100.0 * people[:9].sum() / people.sum())
    assert of(little_city, kpi, buildings={f"walk_to_{place}_m": np.nan}) is None
    assert KPIS[kpi].value(Evidence(little_city)) is None


def test_the_balance_of_jobs_is_one_where_every_zone_has_its_share(little_city):
    # W = 450, 630; J = 400, 300; k = 700 / 1080: kW = 291.67, 408.33
    expected = 450 * (1 - (400 - 291.667) / 691.667) + 630 * (1 - (408.333 - 300) / 708.333)
    assert of(little_city, "ECO-03") == pytest.approx(expected / 1080, rel=1e-5)
    even = little_city.with_tables(zones=little_city["zones"].assign(jobs=[900.0, 1260.0]))
    assert of(even, "ECO-03") == pytest.approx(1.0)
    assert of(little_city.with_tables(zones=little_city["zones"].assign(jobs=0.0)), "ECO-03") is None


def test_the_mix_is_the_mean_over_residents_of_the_zones_that_have_one(little_city):
    assert of(little_city, "ECO-04", zones={"function_mix": [0.2, 0.6]}) == pytest.approx(
        (450 * 0.2 + 630 * 0.6) / 1080
    )
    assert of(little_city, "ECO-04", zones={"function_mix": [0.2, np.nan]}) == pytest.approx(0.2)
    assert of(little_city, "ECO-04", zones={"function_mix": np.nan}) is None


def test_green_is_the_area_of_parks_and_gardens_for_each_resident(little_city):
    area = shapely.box(*little_city.bounds)
    shapes = [shapely.box(355_000, 6_689_000, 355_010, 6_689_020), area.buffer(-150), area.buffer(-190)]
    land = gpd.GeoDataFrame({"class": ["park", "residential", "garden"]}, geometry=shapes, crs=little_city.crs)
    people = little_city["buildings"]["residents"].sum()
    assert of(little_city.with_tables(land_use=land), "ENV-01") == pytest.approx((200 + shapes[2].area) / people)
    assert of(little_city, "ENV-01") is None


def test_impervious_ground_is_the_mean_of_the_cells(little_city):
    raster = little_city.rasters["imperviousness"]
    values = np.tile(np.linspace(0.0, 1.0, raster.shape[1], dtype=np.float32), (raster.shape[0], 1))
    values[0, 0] = np.nan
    city = little_city.with_rasters(imperviousness=raster.copy(data=values))
    assert of(city, "ENV-18") == pytest.approx(100.0 * np.nanmean(values.astype(float)))
    west, south, _, north = city.bounds
    half = of(city, "ENV-18", within=shapely.box(west, south, west + 200.0, north))
    assert half == pytest.approx(100.0 * np.nanmean(values[:, :20].astype(float)), rel=1e-6)


def test_homes_alone_count_for_floor_area_per_inhabitant(little_city):
    frame = little_city["buildings"]
    homes = frame["function"].isin(["residential", "apartments"])
    expected = frame["floor_area_m2"][homes].sum() / frame["residents"][homes].sum()
    changed = frame.assign(residents=frame["residents"].where(homes, 99.0))
    assert of(little_city.with_tables(buildings=changed), "LIV-04") == pytest.approx(expected)


def test_density_is_residents_over_the_area_looked_at(little_city):
    west, south, east, north = little_city.bounds
    people = little_city["buildings"]["residents"].sum()
    assert of(little_city, "LIV-15") == pytest.approx(people / 0.16)
    beyond = shapely.box(west - 1000, south, east, north)
    assert of(little_city, "LIV-15", within=beyond) == pytest.approx(people / 0.16)


def test_streets_count_once_whatever_their_directions(little_city):
    links = little_city["links"]
    links["class"] = np.where(links["name"] == "Rue haute", "cycleway", "residential")
    links["car"] = links["name"] != "Rue 1"
    city = little_city.with_tables(links=links)
    people = little_city["buildings"]["residents"].sum()
    assert of(city, "MOB-03") == pytest.approx(0.4 / people * 100_000)
    assert of(city, "MOB-10") == pytest.approx((4.0 - 0.4) / 0.16)


def test_residents_must_move_where_their_building_goes(little_city):
    fewer = little_city.with_tables(buildings=little_city["buildings"].drop(index=[0, 1, 2]))
    people = little_city["buildings"]["residents"]
    assert of(fewer, "PEO-09", today=little_city) == people[[0, 1, 2]].sum()
    assert of(fewer, "PEO-09") is None
    west, south, _, _ = little_city.bounds
    first = shapely.box(west, south, west + 100.0, south + 100.0)
    assert of(fewer, "PEO-09", today=little_city, within=first) == people[0]
