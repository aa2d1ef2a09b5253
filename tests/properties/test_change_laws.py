"""Laws of changes: the base stays, only what is named differs, ids last, and the order of independent ones is free."""

from __future__ import annotations

from functools import partial

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from dothi import schema
from dothi.changes import CHANGES, AnyChange
from dothi.changes.rows import FIRST
from dothi.content import column_digest, raster_digest
from dothi.errors import Problems
from dothi.mesh.skin import surface_table
from dothi.scenario import LANGUAGES, Scenario, Title
from dothi.tables import TABLES

WEST, SOUTH, BLOCK_M = 355_000.0, 6_689_000.0, 100.0
PARSE = TypeAdapter(AnyChange)
FAST = settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
SOME = settings(FAST, max_examples=10)
HALVES = {"south": 0, "north": 2}
"""First row of blocks of each half of the little town: the halves are its wards and zones."""
WARDS = {"south": "Phường Nam", "north": "Phường Bắc"}


def box(x, y, width, depth):
    west, south = WEST + x, SOUTH + y
    ring = [[west, south], [west + width, south], [west + width, south + depth], [west, south + depth], [west, south]]
    return [[float(value) for value in place] for place in ring]


def houses(half):
    """Ids of the buildings of a half."""
    return st.sampled_from([n for n in range(32) if (n % 16) // 4 in (HALVES[half], HALVES[half] + 1)])


def streets(half):
    """Ids of links between the crossings of a half, those of the street between the halves left out."""
    rows = (0, 1) if half == "south" else (3, 4)
    return st.sampled_from([4 * row + column for row in rows for column in range(4)])


def yards(half):
    """A free corner of a block."""
    return st.tuples(st.integers(0, 3), st.integers(HALVES[half], HALVES[half] + 1)).map(
        lambda block: box(100 * block[0] + 50, 100 * block[1] + 55, 25, 20)
    )


def lines(half):
    """A street through the middle of some blocks of a half."""
    row = HALVES[half]
    return st.tuples(st.integers(row, row + 1), st.integers(10, 90), st.integers(1, 4)).map(
        lambda drawn: [
            [WEST + 2.0, SOUTH + 100.0 * drawn[0] + drawn[1]],
            [WEST + 100.0 * drawn[2] - 2.0, SOUTH + 100.0 * drawn[0] + drawn[1]],
        ]
    )


def some_houses(half):
    return st.lists(houses(half), min_size=1, max_size=3, unique=True)


SHARES = st.floats(0.0, 1.0)
FUNCTIONS = st.sampled_from(["apartments", "office", "school", "health", "retail"])
MODES = st.sampled_from(["car", "bus", "truck", "bicycle"])

CASES = {
    "close_links": lambda half: st.fixed_dictionaries({"links": st.lists(streets(half), min_size=1, max_size=2)}),
    "edit_links": lambda half: st.fixed_dictionaries(
        {"links": streets(half), "lanes": st.sampled_from([1, 2, 3.5])},
        optional={
            "speed_km_h": st.integers(10, 90),
            "direction": st.sampled_from(["both", "forward", "backward"]),
            "closed": st.lists(MODES, max_size=2, unique=True),
        },
    ),
    "add_links": lambda half: st.fixed_dictionaries(
        {"links": lines(half), "class": st.sampled_from(["residential", "tertiary", "cycleway"])},
        optional={"bridge": st.booleans(), "one_way": st.booleans()},
    ),
    "restrict_mode": lambda half: st.fixed_dictionaries(
        {"mode": MODES, "ward": st.just(WARDS[half]), "fuel": st.sampled_from(["any", "petrol"])}
    ),
    "add_transit_line": lambda half: st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["bus", "tram"]),
            "short_name": st.just(half),
            "headway_min": st.integers(2, 60),
            "stops": st.lists(st.integers(0, 4), min_size=2, max_size=4, unique=True).map(
                lambda columns: [[WEST + 100.0 * c, SOUTH + 100.0 * (HALVES[half] + 1)] for c in columns]
            ),
        }
    ),
    "edit_transit": lambda half: st.fixed_dictionaries(
        {"routes": st.just([0 if half == "south" else 1]), "headway_factor": st.sampled_from([0.5, 2.0])}
    ),
    "add_buildings": lambda half: st.fixed_dictionaries(
        {"buildings": yards(half), "function": FUNCTIONS, "storeys": st.integers(1, 40)}
    ),
    "edit_buildings": lambda half: st.fixed_dictionaries(
        {"buildings": houses(half)} | {"storeys": st.integers(1, 30), "function": st.one_of(st.none(), FUNCTIONS)},
    ),
    "demolish": lambda half: st.fixed_dictionaries({"buildings": st.lists(houses(half), min_size=1, max_size=3)}),
    "rezone": lambda half: st.fixed_dictionaries(
        {"area": yards(half), "land_use": st.sampled_from(["residential", "park"]), "floor_area_ratio": st.floats(0, 9)}
    ),
    "grow": lambda half: st.fixed_dictionaries(
        {"buildings": st.just({"ward": WARDS[half]}), "residents_growth": st.floats(-1.0, 3.0)},
        optional={"jobs_total": st.integers(0, 5000)},
    ),
    "retrofit": lambda half: st.fixed_dictionaries(
        {"buildings": some_houses(half), "heat_loss_ratio": st.floats(0.1, 1.0)},
        optional={"year": st.integers(2025, 2050)},
    ),
    "rooftop_pv": lambda half: st.fixed_dictionaries(
        {"buildings": some_houses(half), "roof_share": SHARES}, optional={"facade_share": SHARES}
    ),
    "electric_vehicles": lambda half: st.fixed_dictionaries(
        {"buildings": st.just({"ward": WARDS[half]}), "car_share": SHARES}, optional={"motorbike_share": SHARES}
    ),
    "district_cooling": lambda half: st.fixed_dictionaries(
        {"buildings": some_houses(half), "network": st.sampled_from(["A", "Trung tâm"])}
    ),
    "edit_transformer": lambda half: st.fixed_dictionaries(
        {"transformers": st.just(half), "rating_kva": st.integers(50, 2500)}, optional={"raised_m": st.floats(0.0, 3.0)}
    ),
    "edit_sewer": lambda half: st.fixed_dictionaries(
        {"sewers": st.just([HALVES[half]]), "diameter_m": st.floats(0.2, 3.0)},
        optional={"manning_n": st.floats(0.009, 0.03)},
    ),
    "add_pump": lambda half: st.fixed_dictionaries(
        {
            "place": st.just([WEST + 50.0, SOUTH + 100.0 * HALVES[half] + 50.0]),
            "network": st.sampled_from(["sewer", "surface", "water"]),
            "capacity_m3_s": st.floats(0.01, 20.0),
        },
        optional={"needs_power": st.booleans(), "name": st.just("P")},
    ),
    "flood_wall": lambda half: st.fixed_dictionaries(
        {"line": lines(half), "type": st.sampled_from(["wall", "dyke"])}
        | {"height_m": st.one_of(st.just(1.0), st.floats(0.1, 4.0))}
    ),
    "permeable_surface": lambda half: st.fixed_dictionaries({"area": yards(half), "factor": SHARES}),
    "retention_basin": lambda half: st.fixed_dictionaries(
        {
            "area": st.integers(0, 2).map(lambda c: box(100 * c + 82, 100 * HALVES[half] + 20, 36, 150)),
            "depth_m": st.floats(0.1, 2.0),
            "cover": st.sampled_from(["grass", "water"]),
        },
        optional={"outflow_m3_s": st.floats(0.0, 2.0), "demolish": st.booleans()},
    ),
    "climate": lambda half: st.fixed_dictionaries(
        {"temperature_offset_k": st.floats(-2.0, 5.0)},
        optional={"rain_factor": st.floats(0.5, 2.0), "sea_level_m": st.floats(-0.5, 2.0)},
    ),
    "storm": lambda half: st.fixed_dictionaries(
        {"return_period_years": st.sampled_from([1, 2, 5, 10, 20, 50, 100])},
        optional={
            "shape": st.sampled_from(["block", "chicago", "alternating_blocks"]),
            "peak_share": SHARES,
            "river": st.floats(0.0, 10.0),
            "sea": st.lists(st.floats(-3.0, 5.0), min_size=1, max_size=3).map(
                lambda levels: [[3600.0 * hour, level] for hour, level in enumerate(levels)]
            ),
        },
    ),
}
"""By kind, changes of a half of the little town that fit it."""
EVERYWHERE = frozenset({"climate"})
"""Kinds that change the whole city: two of one kind are not independent."""


@pytest.fixture(scope="module")
def base(little_city):
    """The little town with surfaces, and a line in each half."""
    city = little_city.with_tables(surfaces=surface_table(little_city))
    for half, row in HALVES.items():
        stops = [[WEST, SOUTH + 100.0 * (row + 1)], [WEST + 400.0, SOUTH + 100.0 * (row + 1)]]
        line = {"kind": "add_transit_line", "mode": "bus", "short_name": f"1{half}", "stops": stops, "headway_min": 10}
        city = PARSE.validate_python(line | {"both_directions": False}).apply(city, Problems())
    routes, order = city["routes"], city["route_stops"]
    ids = {old: new for new, old in enumerate(routes["short_name"].sort_values(ascending=False).index)}
    order["route_id"] = order["route_id"].map(ids)
    routes.index = routes.index.map(ids)
    return city.with_tables(routes=routes.sort_index(), route_stops=order, **networks(city.crs))


def networks(crs):
    """A transformer and a sewer in each half."""
    heights = np.array([SOUTH + 100.0 * row + 50.0 for row in HALVES.values()])
    ends = shapely.points(WEST + np.array([10.0, 60.0])[None, :].repeat(2, axis=0), heights[:, None]).ravel()
    nodes = gpd.GeoDataFrame({"geometry": ends, "kind": ["junction", "outfall"] * 2}, crs=crs)
    sewers = gpd.GeoDataFrame(
        {
            "geometry": shapely.linestrings([shapely.get_coordinates(ends[:2]), shapely.get_coordinates(ends[2:])]),
            "from_sewer_node_id": [0, 2],
            "to_sewer_node_id": [1, 3],
        },
        index=list(HALVES.values()),
        crs=crs,
    )
    transformers = gpd.GeoDataFrame({"geometry": ends[::2], "name": list(HALVES)}, crs=crs)
    return {"sewer_nodes": nodes, "sewers": sewers, "transformers": transformers}


def fitting(kind, half):
    return CASES[kind](half).map(lambda fields: PARSE.validate_python({"kind": kind, **fields}))


def changes(half):
    return st.sampled_from(sorted(CASES)).flatmap(lambda kind: fitting(kind, half))


def apply(change, city):
    problems = Problems()
    changed = change.apply(city, problems)
    problems.raise_errors()
    return changed


def digests(city):
    found = {}
    for name in city.tables:
        frame = city[name]
        columns = {column: column_digest(frame[column]) for column in sorted(frame.columns)}
        found[name] = columns | {"ids": column_digest(frame.index)} if len(frame) else {}
    return found | {name: raster_digest(raster) for name, raster in city.rasters.items()}


def without_empty(found):
    return {name: value for name, value in found.items() if value}


def test_every_kind_is_tried():
    assert set(CASES) == set(CHANGES)


@pytest.fixture(scope="module")
def digests_of_base(base):
    return digests(base)


@pytest.mark.parametrize("kind", sorted(CASES))
@FAST
@given(data=st.data())
def test_a_change_touches_only_what_it_names_keeps_all_rules_and_can_be_repeated(base, digests_of_base, kind, data):
    change = data.draw(st.sampled_from(sorted(HALVES)).flatmap(partial(fitting, kind)))
    again = PARSE.validate_json(change.model_dump_json())
    assert again == change
    changed = apply(change, base)
    after = digests(changed)
    assert digests(base) == digests_of_base
    differing = {name for name in digests_of_base | after if digests_of_base.get(name) != after.get(name)}
    assert differing <= set(change.touches)
    assert digests(apply(again, base)) == after
    problems = Problems()
    schema.check(changed.tables, TABLES, problems)
    assert not [str(problem) for problem in problems]
    for name in ("buildings", "links", "nodes", "stops", "routes", "facilities"):
        _assert_ids_last(base[name], changed[name])
    for language in LANGUAGES:
        told = change.describe(language)
        assert told
        assert not any(mark in told for mark in ("{", "}", "[", "]", "None", "  ", "()", "geometry"))


def _assert_ids_last(before, after):
    """Ids stay with what they name, and are never handed on."""
    both = before.index.intersection(after.index)
    assert (before.geometry.loc[both].to_wkb() == after.geometry.loc[both].to_wkb()).all()
    new = after.index.difference(before.index)
    assert not len(new) or new.min() >= FIRST


@SOME
@given(south=changes("south"), north=changes("north"))
def test_the_order_of_independent_changes_does_not_matter(base, south, north):
    if south.kind == north.kind and south.kind in EVERYWHERE:
        return
    one, other = apply(north, apply(south, base)), apply(south, apply(north, base))
    assert without_empty(digests(one)) == without_empty(digests(other))


def test_a_city_without_changes_is_its_base_to_the_byte(base, tmp_path):
    none = Scenario(name="none", title=Title(en="None", fr="Rien", vi="Không"))
    for name, city in (("base", base), ("none", none.apply(base))):
        (tmp_path / name).mkdir()
        city.write(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "base").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "none").iterdir())
    assert all((tmp_path / "base" / name).read_bytes() == (tmp_path / "none" / name).read_bytes() for name in files)
