"""Changes of water: basins, walls, ground that lets rain in, sewers and pumps."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from numpy.testing import assert_allclose
from pydantic import ValidationError
from scipy.ndimage import binary_dilation, distance_transform_edt

from dothi.changes import CHANGES
from dothi.city import City
from dothi.crs import Extent
from dothi.derive.landcover import COVERS, values_for
from dothi.errors import Problems
from dothi.io.terrain import grid_for

CRS = "EPSG:2154"
WEST, SOUTH = 355_000.0, 6_689_000.0


def change(kind, **given):
    return CHANGES[kind].model_validate({"kind": kind, **given})


def apply(city, kind, **given):
    problems = Problems()
    changed = change(kind, **given).apply(city, problems)
    problems.raise_errors()
    return changed


def found(city, kind, **given):
    problems = Problems()
    change(kind, **given).apply(city, problems)
    return [str(problem) for problem in problems if problem.severity != "repair"]


def box(west, south, east, north):
    """Corners, in metres from the corner of the town."""
    west, east, south, north = WEST + west, WEST + east, SOUTH + south, SOUTH + north
    return [[west, south], [east, south], [east, north], [west, north]]


@pytest.fixture
def city(little_city):
    """The little town with all rasters and two trees."""
    terrain = little_city.rasters["terrain"]
    cover = np.full(terrain.shape, COVERS["paved"], dtype=np.uint8)
    cover[:, :5] = COVERS["road"]
    cover[:, -5:] = COVERS["building"]
    trees = gpd.GeoDataFrame(
        {"geometry": shapely.points([[WEST + 100, SOUTH + 200], [WEST + 300, SOUTH + 90]])}, crs=CRS
    )
    return little_city.with_tables(trees=trees).with_rasters(
        surface=terrain.copy(data=terrain.to_numpy() + 0.0),
        land_cover=terrain.copy(data=cover),
        roughness=terrain.copy(data=np.full(terrain.shape, 0.02, dtype=np.float32)),
    )


def field(ground, cell_m=2.0):
    """A city of ground alone."""
    rows, columns = ground.shape
    grid = grid_for(Extent(CRS, (WEST, SOUTH, WEST + columns * cell_m, SOUTH + rows * cell_m)), cell_m)
    terrain = grid.array(ground.astype(np.float32), "m", "test")
    return City("Plat", "fr", CRS, grid.bounds).with_rasters(terrain=terrain)


def test_a_basin_in_flat_ground_has_the_volume_of_a_frustum():
    a, b, depth, slope = 120.0, 80.0, 3.0, 3.0
    city = apply(field(np.full((100, 100), 10.0)), "retention_basin", area=box(40, 40, 40 + a, 40 + b), depth_m=depth)
    basin = city["basins"].iloc[0]
    # ∫ of the plan of each level: (a − 2 s z)(b − 2 s z) from 0 to d
    frustum = a * b * depth - slope * depth**2 * (a + b) + 4.0 / 3.0 * slope**2 * depth**3
    assert_allclose(basin["volume_m3"], frustum, rtol=0.06)  # cells of 2 m: sides start from the cell outside
    assert_allclose(basin["excavated_m3"], basin["volume_m3"])
    assert_allclose(basin["bottom_m"], 7.0)
    assert_allclose(city.rasters["terrain"].min(), 7.0)


def test_the_volume_is_that_of_the_terrain_taken_out(city):
    rng = np.random.default_rng(1)
    before = field(10.0 + rng.normal(0.0, 0.3, (60, 60)).cumsum(axis=0) * 0.05)
    after = apply(before, "retention_basin", area=box(20, 20, 90, 100), depth_m=2.0)
    old, new = (each.rasters["terrain"].to_numpy().astype(float) for each in (before, after))
    basin = after["basins"].iloc[0]
    brim = basin["bottom_m"] + 2.0
    assert_allclose(basin["excavated_m3"], (old - new).sum() * 4.0, rtol=1e-6)
    assert_allclose(basin["volume_m3"], np.maximum(np.minimum(old, brim) - new, 0.0).sum() * 4.0, rtol=1e-6)
    assert basin["volume_m3"] < basin["excavated_m3"]


def test_the_sides_of_a_basin_stand_and_its_bottom_is_flat():
    row, column = np.mgrid[0:80, 0:80]
    before = field(20.0 - 0.05 * column + 0.02 * row)
    after = apply(before, "retention_basin", area=box(30, 30, 130, 120), depth_m=2.5, side_slope=4.0)
    old, new = (each.rasters["terrain"].to_numpy() for each in (before, after))
    assert (new <= old).all()
    dug = new < old
    bottom = after["basins"]["bottom_m"].iloc[0]
    flat = new <= bottom + 1e-3
    assert flat.sum() > 300
    steepest = max(np.abs(np.diff(new, axis=axis))[dug[1:] if axis == 0 else dug[:, 1:]].max() for axis in (0, 1))
    assert steepest <= 2.0 / 4.0 + 0.05 + 1e-4  # one in four over cells of 2 m, or the slope that was there
    edge = binary_dilation(dug, np.ones((3, 3))) & ~dug
    assert_allclose(old[edge].min() - bottom, 2.5, atol=0.1)


def test_the_ground_of_a_basin_is_another_and_all_else_stays(city):
    area = box(85, 60, 115, 340)  # between the houses, along a street
    after = apply(city, "retention_basin", area=area, depth_m=1.0, outflow_m3_s=0.2, cover="water", name="Hồ")
    inside = after.rasters["land_cover"].to_numpy() == COVERS["water"]
    assert inside.sum() == 3 * 28
    water = values_for("fr")["cover"]["water"]
    assert_allclose(after.rasters["imperviousness"].to_numpy()[inside], water["imperviousness"]["value"])
    assert_allclose(after.rasters["roughness"].to_numpy()[inside], water["roughness"]["value"])
    assert_allclose(after.rasters["surface"].to_numpy()[inside], after.rasters["terrain"].to_numpy()[inside])
    for name in city.rasters:
        assert np.array_equal(after.rasters[name].to_numpy()[~inside], city.rasters[name].to_numpy()[~inside])
    assert len(after["trees"]) == 1
    assert len(after["buildings"]) == len(city["buildings"])
    basin = after["basins"].iloc[0]
    assert (basin["name"], basin["depth_m"], basin["outflow_m3_s"]) == ("Hồ", 1.0, 0.2)
    assert not len(city["basins"])


def test_roads_in_a_basin_are_noted(city):
    (note,) = found(city, "retention_basin", area=box(85, 60, 115, 340), depth_m=1.0)
    assert "has roads in it" in note


def test_buildings_in_a_basin_are_an_error_unless_they_may_go(city):
    area = box(110, 110, 190, 190)
    (error,) = found(city, "retention_basin", area=area, depth_m=2.0)
    assert "has no buildings in it; set demolish = true" in error
    assert "2 rows" in error
    measured = apply(city, "retrofit", buildings="all", heat_loss_ratio=0.5)
    after = apply(measured, "retention_basin", area=area, depth_m=2.0, demolish=True)
    assert len(after["buildings"]) == len(city["buildings"]) - 2
    assert len(after["building_measures"]) == len(city["buildings"]) - 2
    assert len(measured["building_measures"]) == len(city["buildings"])


def test_a_basin_too_narrow_for_its_depth_is_an_error_that_says_how_deep_it_gets():
    (error,) = found(field(np.full((50, 50), 10.0)), "retention_basin", area=box(20, 20, 80, 32), depth_m=4.0)
    assert "with sides of 1:3 it gets" in error
    assert "2.00 m deep at most" in error  # three cells of 2 m from the ground beside: 6 m / 3


@pytest.mark.parametrize(
    ("area", "rule"),
    [
        (box(300, 300, 500, 360), "lies within"),
        (box(95.5, 42.5, 98.5, 44.5), "middle of at least one cell"),
    ],
)
def test_a_basin_that_the_terrain_does_not_hold_is_an_error(city, area, rule):
    assert any(rule in each for each in found(city, "retention_basin", area=area, depth_m=1.0))


def test_a_flood_wall_is_a_barrier_with_its_crest(city):
    line = [[WEST + 20, SOUTH + 95], [WEST + 380, SOUTH + 95]]
    walls = apply(city, "flood_wall", line=line, crest_m=10.5, type="dyke")["barriers"]
    assert walls["crest_m"].tolist() == [10.5]
    assert walls["kind"].tolist() == ["dyke"]
    assert walls["height_m"].isna().all()
    walls = apply(city, "flood_wall", line=line, height_m=1.2)["barriers"]
    assert walls["crest_m"].isna().all()
    assert walls["height_m"].tolist() == [1.2]
    assert not len(city["barriers"])


def test_walls_of_a_scenario_stand_side_by_side_and_parts_are_rows(city):
    first = {"type": "MultiLineString", "coordinates": [box(10, 10, 50, 15)[:2], box(60, 10, 90, 15)[:2]]}
    city = apply(city, "flood_wall", line=first, height_m=1.0)
    city = apply(city, "flood_wall", line=[[WEST + 20, SOUTH + 95], [WEST + 380, SOUTH + 95]], height_m=2.0)
    assert sorted(city["barriers"]["height_m"]) == [1.0, 1.0, 2.0]
    assert city["barriers"].index.is_unique


def test_a_crest_below_the_ground_is_an_error_and_partly_below_a_note(city):
    down = [[WEST + 200, SOUTH + 10], [WEST + 200, SOUTH + 390]]  # the ground falls southwards from 12 m to 8 m
    (error,) = found(city, "flood_wall", line=down, crest_m=7.0)
    assert "is above the ground somewhere along the line" in error
    (note,) = found(city, "flood_wall", line=down, crest_m=10.0)
    assert "as high already along 49% of the line" in note
    assert found(city, "flood_wall", line=down, crest_m=13.0) == []
    (error,) = found(city, "flood_wall", line=[[WEST - 500, SOUTH], [WEST, SOUTH]], height_m=1.0)
    assert "line: lies within Thị trấn nhỏ" in error


def test_ground_lets_more_water_through_but_roofs_stay(city):
    after = apply(city, "permeable_surface", area=box(0, 0, 400, 200), factor=0.5).rasters["imperviousness"].to_numpy()
    before = city.rasters["imperviousness"].to_numpy()
    changed = after != before
    assert_allclose(after[changed], 0.3)
    assert changed.sum() == 20 * 35  # half of the rows, the strip of roofs left out
    assert (city.rasters["imperviousness"].to_numpy() == np.float32(0.6)).all()


def test_covers_choose_cells_and_none_lets_less_through_than_before(city):
    after = apply(city, "permeable_surface", covers=["road"], imperviousness=0.2).rasters["imperviousness"].to_numpy()
    roads = city.rasters["land_cover"].to_numpy() == COVERS["road"]
    assert_allclose(after[roads], 0.2)
    assert_allclose(after[~roads], 0.6)
    again = apply(city, "permeable_surface", covers=["paved"], imperviousness=0.9)
    assert_allclose(again.rasters["imperviousness"], 0.6)


def test_an_area_without_such_ground_is_an_error(city):
    (error,) = found(city, "permeable_surface", area=box(0, 0, 100, 100), covers=["trees"], factor=0.5)
    assert "holds the middle of at least one cell" in error


@pytest.fixture
def city_with_sewers(little_city):
    nodes = gpd.GeoDataFrame(
        {
            "geometry": shapely.points([[WEST, SOUTH], [WEST + 100, SOUTH], [WEST + 200, SOUTH]]),
            "kind": ["junction", "junction", "outfall"],
        },
        crs=CRS,
    )
    lines = shapely.linestrings([[[WEST, SOUTH], [WEST + 100, SOUTH]], [[WEST + 100, SOUTH], [WEST + 200, SOUTH]]])
    sewers = gpd.GeoDataFrame(
        {
            "geometry": lines,
            "from_sewer_node_id": [0, 1],
            "to_sewer_node_id": [1, 2],
            "diameter_m": [0.4, 0.6],
            "diameter_m_method": "synthetic",
            "diameter_m_confidence": 0.4,
        },
        crs=CRS,
    )
    return little_city.with_tables(sewer_nodes=nodes, sewers=sewers)


def test_sewers_are_replaced_and_relined(city_with_sewers):
    chosen = {"where": {"diameter_m": {"max": 0.5}}}
    sewers = apply(city_with_sewers, "edit_sewer", sewers=chosen, diameter_m=0.8, manning_n=0.011)["sewers"]
    assert sewers["diameter_m"].tolist() == [0.8, 0.6]
    assert sewers["diameter_m_method"].tolist() == ["entered", "synthetic"]
    assert_allclose(sewers["manning_n"], [0.011, np.nan])
    assert city_with_sewers["sewers"]["diameter_m"].tolist() == [0.4, 0.6]


def test_sewers_have_no_names_and_a_city_without_them_says_so(city_with_sewers, little_city):
    assert any("have names" in each for each in found(city_with_sewers, "edit_sewer", sewers="S1", diameter_m=0.8))
    (error,) = found(little_city, "edit_sewer", sewers="all", diameter_m=0.8)
    assert "has no sewers yet" in error


def test_pumps_are_added_one_by_one(little_city):
    place = [WEST + 50, SOUTH + 10]
    city = apply(little_city, "add_pump", place=place, network="surface", capacity_m3_s=2, raised_m=1.5, name="Yên Sở")
    city = apply(city, "add_pump", place=place, network="sewer", capacity_m3_s=0.5, needs_power=False)
    pumps = city["pumps"].set_index("network")
    assert pumps.loc["surface", ["name", "capacity_m3_s", "raised_m", "needs_power"]].tolist() == [
        "Yên Sở",
        2.0,
        1.5,
        True,
    ]
    assert pumps.loc["sewer", "needs_power"] == False  # noqa: E712
    assert city["pumps"].index.is_unique
    assert not len(little_city["pumps"])


def test_a_pump_outside_the_city_is_an_error(little_city):
    (error,) = found(little_city, "add_pump", place=[WEST - 50, SOUTH], network="surface", capacity_m3_s=2)
    assert "place: lies within Thị trấn nhỏ" in error


@pytest.mark.parametrize(
    ("kind", "given", "rule"),
    [
        ("retention_basin", {"area": box(0, 0, 9, 9), "depth_m": -1.0}, "greater than 0"),
        ("retention_basin", {"area": [[0, 0], [1, 1]], "depth_m": 1.0}, "is a Polygon"),
        ("retention_basin", {"area": box(0, 0, 9, 9), "depth_m": 1.0, "cover": "sand"}, "grass"),
        ("flood_wall", {"line": [[0, 0], [1, 1]]}, "either crest_m or height_m"),
        ("flood_wall", {"line": [[0, 0], [1, 1]], "crest_m": 1.0, "height_m": 1.0}, "either crest_m or height_m"),
        ("permeable_surface", {"factor": 0.5}, "says area, covers or both"),
        ("permeable_surface", {"covers": ["road"]}, "either imperviousness or factor"),
        ("permeable_surface", {"covers": ["lava"], "factor": 0.5}, "Input should be"),
        ("edit_sewer", {"sewers": "all"}, "diameter_m, manning_n or both"),
        ("add_pump", {"place": [0, 0], "network": "tea", "capacity_m3_s": 1}, "sewer"),
        ("add_pump", {"place": [0, 0], "network": "sewer", "capacity_m3_s": 0}, "greater than 0"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_read(kind, given, rule):
    with pytest.raises(ValidationError, match=rule):
        change(kind, **given)


def test_a_change_needs_the_raster_that_it_changes(little_city):
    bare = City(little_city.name, "fr", CRS, little_city.bounds, little_city.tables)
    assert any(
        "terrain: raster is present" in each
        for each in found(bare, "retention_basin", area=box(85, 60, 115, 340), depth_m=1)
    )
    assert found(bare, "permeable_surface", area=box(0, 0, 50, 50), factor=0.5) == ["imperviousness: raster is present"]


def test_sides_are_measured_to_the_nearest_ground_beside():
    city = apply(field(np.full((60, 60), 10.0)), "retention_basin", area=box(20, 20, 100, 100), depth_m=2.0)
    new = city.rasters["terrain"].to_numpy()
    inside = new < 10.0
    away = distance_transform_edt(inside) * 2.0  # an independent distance to the nearest cell outside [m]
    assert_allclose(new, np.maximum(10.0 - away / 3.0, 8.0), atol=1e-4)
