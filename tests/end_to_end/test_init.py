"""New studies from files and from the name of a place, fetched from a server on this machine."""

import json
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from rasterio.transform import from_origin

from dothi.cli import main
from dothi.place.gazetteer import find_place
from dothi.study import Study


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def ward_of_hue() -> bytes:
    """OpenStreetMap XML of 8 × 8 tube houses and two streets in the citadel of Huế, drawn for this test."""
    place = find_place("Huế")
    nodes, ways = [], []

    def way(tags, corners):
        first = len(nodes) + 1
        nodes.extend(corners)
        refs = [*range(first, len(nodes) + 1), *([first] if "building" in tags else [])]
        text = "".join(f'<nd ref="{ref}"/>' for ref in refs) + "".join(
            f'<tag k="{k}" v="{v}"/>' for k, v in tags.items()
        )
        ways.append(f'<way id="{len(ways) + 1}">{text}</way>')

    metre = 1 / 111_000
    for number in range(64):
        x, y = place.lon + (number % 8) * 6 * metre, place.lat + (number // 8) * 25 * metre
        depth = (18 if number % 3 else 14) * metre
        box = [(x, y), (x + 4.5 * metre, y), (x + 4.5 * metre, y + depth), (x, y + depth)]
        way({"building": "house", "building:levels": str(2 + number % 3)} if number % 4 else {"building": "yes"}, box)
    for row, kind in ((-6, "residential"), (194, "tertiary")):
        line = [(place.lon - 10 * metre, place.lat + row * metre), (place.lon + 60 * metre, place.lat + row * metre)]
        way({"highway": kind, "name": "Đường Lê Lợi"}, line)
    body = "".join(f'<node id="{i}" lon="{x:.7f}" lat="{y:.7f}"/>' for i, (x, y) in enumerate(nodes, 1)) + "".join(ways)
    return f'<?xml version="1.0" encoding="UTF-8"?><osm version="0.6">{body}</osm>'.encode()


def raster(path, value, cell):
    west, south, east, north = find_place("Huế").box
    columns, rows = int((east - west + 0.2) / cell), int((north - south + 0.2) / cell)
    values = np.full((1, rows, columns), value, dtype="float32")
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": "EPSG:4326", "width": columns, "height": rows}
    with rasterio.open(path, "w", transform=from_origin(west - 0.1, north + 0.1, cell, cell), **profile) as file:
        file.write(values)
    return path.read_bytes()


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Server with a map, a surface model and people; `answers` may be changed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    answers = {
        "/map.osm": ward_of_hue(),
        "/dem": raster(tmp_path / "dem.tif", 12.0, 1 / 3600),
        "/people": raster(tmp_path / "people.tif", 40.0, 3 / 3600),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = answers.get(self.path.split("?")[0])
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    services = tmp_path / "services.toml"
    services.write_text(
        f'[osm]\nurl = "{base}/map.osm"\n[dem]\nurl = "{base}/dem?tile={{tile}}"\n[population]\nurl = "{base}/people"\n'
    )
    yield services, answers
    server.shutdown()
    server.server_close()


def test_a_study_of_a_place_is_fetched_and_built(site, tmp_path):
    services, _ = site
    folder = tmp_path / "cố đô"
    result = run("init", folder, "--place", "Huế", "--services", services)
    assert result.exit_code == 0, result.output
    config = tomllib.loads((folder / "dothi.toml").read_text(encoding="utf-8"))
    assert (config["name"], config["country"], config["crs"]) == ("Huế", "vn", "EPSG:9214")  # VN-2000 TM-3 107°00′
    assert [source["kind"] for source in config["source"]] == ["osm", "terrain", "population"]

    result = run("build", folder, "--workers", "0")
    assert result.exit_code == 0, result.output
    city = Study.open(folder).city
    buildings = city["buildings"]
    assert len(buildings) == 64
    assert set(buildings["storeys_method"].astype(str)) & {"measured"}
    assert buildings["residents"].sum() > 0
    assert city["links"]["motorbike"].any()
    assert float(city.rasters["terrain"].median()) == pytest.approx(12.0, abs=0.1)


def test_what_cannot_be_fetched_is_named_and_the_rest_is_usable(site, tmp_path):
    services, answers = site
    del answers["/people"]
    folder = tmp_path / "hue"
    result = run("init", folder, "--place", "Hue", "--services", services)
    assert result.exit_code == 1
    assert "/people" in result.output.replace("\n", "")
    assert [source.kind for source in Study.open(folder).config.source] == ["osm", "terrain"]


def test_without_a_map_there_is_no_study_but_what_came_is_kept(site, tmp_path):
    services, answers = site
    whole = answers.pop("/map.osm")
    folder = tmp_path / "hue"
    result = run("init", folder, "--place", "Huế", "--services", services)
    assert result.exit_code == 2
    assert not (folder / "dothi.toml").exists()
    kept = sorted(path.name for path in (folder / "data").glob("*.tif"))
    assert kept

    answers["/map.osm"] = whole
    assert run("init", folder, "--place", "Huế", "--services", services).exit_code == 0
    assert sorted(path.name for path in (folder / "data").glob("*.tif")) == kept


def test_files_are_recognised_copied_and_placed(helsinki, tmp_path):
    folder = tmp_path / "helsinki"
    result = run("init", folder, helsinki, "--country", "fr")
    assert result.exit_code == 0, result.output
    config = Study.open(folder).config
    assert config.crs == "EPSG:32635"  # UTM 35 N, in which Helsinki lies
    assert (folder / "data" / "Helsinki.osm.pbf").read_bytes() == helsinki.read_bytes()

    linked = tmp_path / "linked"
    assert run("init", linked, helsinki, "--link", "--crs", "EPSG:3879", "--country", "fr").exit_code == 0
    assert not (linked / "data").exists()
    assert Study.open(linked).config.crs == "EPSG:3879"


HEAD = b'<osm version="0.6"><bounds minlon="%.4f" minlat="%.4f" maxlon="%.4f" maxlat="%.4f"/>'


def headed(path, box):
    """The ward of Huế with a street that runs out of a box far beyond, and the box in its head."""
    content = ward_of_hue().replace(b'<osm version="0.6">', HEAD % box)
    far = b'<node id="9001" lon="%.4f" lat="%.4f"/><node id="9002" lon="%.4f" lat="%.4f"/>' % (
        *box[:2],
        box[2] + 0.1,
        box[3],
    )
    way = b'<way id="9001"><nd ref="9001"/><nd ref="9002"/><tag k="highway" v="primary"/></way></osm>'
    first_way = content.index(b"<way")
    path.write_bytes(content[:first_way] + far + content[first_way:].replace(b"</osm>", way))
    return path


def test_the_box_an_extract_was_cut_by_is_the_extent_of_the_city(tmp_path):
    place = find_place("Huế")
    box = (place.lon - 0.002, place.lat - 0.002, place.lon + 0.003, place.lat + 0.003)
    extract = headed(tmp_path / "hue.osm", box)
    result = run("init", tmp_path / "hue", extract)
    assert result.exit_code == 0, result.output
    config = Study.open(tmp_path / "hue").config
    west, south, east, north = config.extent
    assert east - west == pytest.approx(0.005 * 111_320 * np.cos(np.deg2rad(place.lat)), abs=3.0)
    assert north - south == pytest.approx(0.005 * 110_650, abs=3.0)
    assert run("build", tmp_path / "hue", "--workers", "0").exit_code == 0
    city = Study.open(tmp_path / "hue").city
    assert city.bounds == config.extent
    assert city["nodes"].geometry.x.max() <= east + 1.0


def test_without_a_box_of_a_city_in_its_head_an_extract_tells_no_extent(tmp_path):
    (tmp_path / "bare.osm").write_bytes(ward_of_hue())
    whole = headed(tmp_path / "country.osm", (102.1, 8.2, 112.0, 23.4))
    for name, path in (("bare", tmp_path / "bare.osm"), ("country", whole)):
        result = run("init", tmp_path / name, path)
        assert result.exit_code == 0, result.output
        assert Study.open(tmp_path / name).config.extent is None


def test_where_another_file_brings_buildings_the_box_of_an_extract_is_no_extent(tmp_path):
    place = find_place("Huế")
    extract = headed(tmp_path / "hue.osm", (place.lon - 0.002, place.lat - 0.002, place.lon + 0.003, place.lat + 0.003))
    houses = tmp_path / "buildings.geojson"
    shape = [
        [place.lon, place.lat],
        [place.lon + 0.01, place.lat],
        [place.lon, place.lat + 0.01],
        [place.lon, place.lat],
    ]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [shape]}}
    houses.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    result = run("init", tmp_path / "hue", houses, extract)
    assert result.exit_code == 0, result.output
    config = Study.open(tmp_path / "hue").config
    assert [source.kind for source in config.source] == ["vector", "osm"]
    assert config.extent is None
