"""The server, asked over real connections."""

import gzip
import importlib.util
import json
import socket
import threading
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import requests
import shapely
import xarray as xr

from dothi.city import City
from dothi.errors import ConvergenceError, DothiError, EngineMissingError, InputError
from dothi.server.app import create_app, openapi
from dothi.server.problems import STATUS, MissingError, status_of_error
from dothi.server.serve import address_of, is_loopback, listen, run
from dothi.study import Study

CONFIG = 'name = "Huế"\ncountry = "vn"\ncrs = "EPSG:9217"\n[[source]]\nkind = "nantes"\n'
ORIGIN = np.array([560_000.0, 1_820_000.0])  # a place in Huế on VN-2000 / TM-3 107°45′
N_SIDE = 5
SPACING_M = 20.0


def squares(size):
    x, y = (axis.ravel() * SPACING_M for axis in np.meshgrid(np.arange(N_SIDE), np.arange(N_SIDE)))
    return shapely.box(ORIGIN[0] + x, ORIGIN[1] + y, ORIGIN[0] + x + size, ORIGIN[1] + y + size)


def city_of(height_m=6.0):
    n = N_SIDE**2
    heights = np.full(n, height_m) + np.arange(n)
    buildings = gpd.GeoDataFrame(
        {
            "name": ["Chợ Đông Ba", *[None] * (n - 1)],
            "height_m": heights,
            "height_m_method": ["measured"] * (n - 1) + ["place_prior"],
            "height_m_confidence": [1.0] * (n - 1) + [0.5],
            "ground_m": 4.0,
            "function": pd.Categorical(["retail"] + ["residential"] * (n - 1)),
            "residents": pd.array([None] + [4] * (n - 1), dtype="Int64"),
        },
        geometry=squares(10.0),
        index=np.arange(n) + 100,
        crs="EPSG:9217",
    )
    weather = pd.DataFrame(
        {
            "time": pd.date_range("2001-01-01", periods=24, freq="h", tz="UTC"),
            "air_temperature_c": np.linspace(20.0, 30.0, 24),
            "method": ["estimated"] * 24,
        }
    )
    side = 300
    centres = (np.arange(side) + 0.5) * 0.5
    coords = {"y": ORIGIN[1] + 150.0 - centres, "x": ORIGIN[0] + centres}
    attrs = {"units": "m", "crs": "EPSG:9217", "method": "tin"}
    levels = np.add.outer(np.zeros(side), centres).astype(np.float32)
    levels[0, 0] = np.nan
    cover = np.full((side, side), 1, dtype=np.uint8)
    bounds = (*ORIGIN, *(ORIGIN + 150.0))
    city = City("Huế", "vn", "EPSG:9217", bounds, provenance={"sources": [{"attribution": "Sở Xây dựng"}]})
    return city.with_tables(buildings=buildings, weather=weather).with_rasters(
        terrain=xr.DataArray(levels, dims=("y", "x"), coords=coords, attrs=attrs),
        land_cover=xr.DataArray(
            cover, dims=("y", "x"), coords=coords, attrs={**attrs, "units": "1", "method": "painted"}
        ),
    )


def put_city(folder, key, city):
    city.write(folder / ".dothi" / "cities" / key)
    (folder / ".dothi" / "current.json").write_text(json.dumps({"city": key}), encoding="utf-8")


def new_study(folder):
    folder.mkdir()
    (folder / "dothi.toml").write_text(CONFIG, encoding="utf-8")
    return folder


class Server:
    """A running server, asked by path."""

    def __init__(self, app):
        self._socket = listen("127.0.0.1", 0)
        self.address = address_of(self._socket)
        self._session = requests.Session()
        ready = threading.Event()
        self._thread = threading.Thread(target=run, args=(app, self._socket, ready.set), daemon=True)
        self._thread.start()
        assert ready.wait(10.0)

    def __call__(self, path, method="GET", **headers):
        request = requests.Request(method, self.address, headers={k.replace("_", "-"): v for k, v in headers.items()})
        prepared = self._session.prepare_request(request)
        prepared.url = self.address + path.removeprefix("/")  # as it is: `requests` would tidy up ..
        return self._session.send(prepared, timeout=20)

    def close(self):
        self._session.close()
        self._socket.close()


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """An app as Vite builds it: hashed assets with packed twins."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text("<!doctype html><title>Dothi</title>", encoding="utf-8")
    script = b"export const city = 'Hu\xe1\xba\xbf';" * 50
    for end, data in (("", script), (".gz", gzip.compress(script, mtime=0)), (".br", b"brotli bytes")):
        (folder / "assets" / f"index-a1b2c3.js{end}").write_bytes(data)
    (folder / ".stamp").write_text("secret of the build", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = new_study(tmp_path_factory.mktemp("studies") / "Huế, thành phố")
    put_city(folder, "aaaa", city_of())
    return folder


@pytest.fixture(scope="module")
def server(study, web):
    running = Server(create_app(study, web=web))
    yield running
    running.close()


@pytest.fixture(scope="module")
def key(server):
    return server("/api/study").json()["cities"][0]["key"]


def arrow(answer):
    assert answer.headers["Content-Type"] == "application/vnd.apache.arrow.stream"
    return pa.ipc.open_stream(answer.content).read_all()


def rules(answer, status):
    assert answer.status_code == status
    return [problem["text"] for problem in answer.json()["problems"]]


def test_the_study_names_its_city_its_sources_and_the_languages(server):
    study = server("/api/study").json()
    assert (study["name"], study["country"], study["attribution"]) == ("Huế", "vn", ["Sở Xây dựng"])
    assert [city["id"] for city in study["cities"]] == ["today"]
    assert set(study["cities"][0]["title"]) == set(study["languages"]) == {"vi", "fr", "en"}


def test_the_catalogue_tells_what_the_tables_offer(server, key):
    tables = server(f"/api/cities/{key}/tables").json()["tables"]
    assert tables["buildings"]["rows"] == 25
    height = tables["buildings"]["columns"]["height_m"]
    assert (height["unit"], height["minimum"], height["maximum"]) == ("m", 6.0, 30.0)
    assert [method["status"] for method in height["methods"]] == ["measured", "estimated"]


def test_columns_come_as_codes_in_the_order_of_the_table(server, key):
    table = arrow(server(f"/api/cities/{key}/tables/buildings?columns=height_m,residents&encoding=quantised"))
    assert table.column_names == ["height_m", "residents"]
    facts = table.schema.field("height_m").metadata
    values = float(facts[b"minimum"]) + (table["height_m"].to_numpy() - 1.0) * float(facts[b"step"])
    np.testing.assert_allclose(values, np.arange(25) + 6.0, atol=1e-9)
    assert table["residents"].to_pylist()[:2] == [0, 1]


def test_rows_are_chosen_by_box_and_by_id_and_bring_their_ids(server, key):
    west, south = ORIGIN
    box = f"{west - 5},{south - 5},{west + 25},{south + 5}"
    inside = arrow(server(f"/api/cities/{key}/tables/buildings?columns=height_m&bbox={box}"))
    assert inside.to_pydict() == {"building_id": [100, 101], "height_m": [6.0, 7.0]}
    named = arrow(server(f"/api/cities/{key}/tables/buildings?columns=name&ids=124,100,7"))
    assert named["building_id"].to_pylist() == [100, 124]


def test_geometries_come_as_wkb_where_asked(server, key):
    table = arrow(server(f"/api/cities/{key}/tables/buildings?columns=&ids=101&geometry=true"))
    field = table.schema.field("geometry")
    assert field.metadata[b"ARROW:extension:name"] == b"geoarrow.wkb"
    shape = shapely.from_wkb(table["geometry"].to_pylist()[0])
    assert shape.equals(squares(10.0)[1])
    plain = arrow(server(f"/api/cities/{key}/tables/buildings"))
    assert "geometry" not in plain.column_names


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_buffers_are_compressed_where_asked_and_then_not_packed_again(server, key, compression):
    answer = server(f"/api/cities/{key}/tables/buildings?columns=height_m&compression={compression}")
    assert "Content-Encoding" not in answer.headers
    assert arrow(answer)["height_m"][0].as_py() == 6.0


def test_one_row_tells_every_value_with_method_confidence_and_status(server, key):
    found = server(f"/api/cities/{key}/tables/buildings/124").json()
    assert found["row"] == 24
    height = found["columns"]["height_m"]
    assert height == {
        "value": 30.0,
        "kind": "float",
        "unit": "m",
        "method": "place_prior",
        "confidence": 0.5,
        "status": "estimated",
    }
    assert rules(server(f"/api/cities/{key}/tables/buildings/7"), 404) == [
        "buildings.building_id: is the building_id of a row (7)"
    ]


def test_answers_are_asked_for_again_only_where_they_changed(server, key):
    path = f"/api/cities/{key}/tables/buildings?columns=height_m"
    first = server(path, Accept_Encoding="gzip")
    assert "immutable" in first.headers["Cache-Control"]
    assert not first.headers["ETag"].startswith("W/")
    again = server(path, Accept_Encoding="gzip", If_None_Match=f'"other", {first.headers["ETag"]}')
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert server(path, Accept_Encoding="gzip", If_None_Match='"other"').status_code == 200


def test_each_packing_has_a_tag_of_its_own(server, key):
    path = f"/api/cities/{key}/tables"
    answers = {name: server(path, Accept_Encoding=name) for name in ("gzip", "identity", "gzip;q=0", "zstd")}
    assert answers["gzip"].headers["Content-Encoding"] == "gzip"
    assert answers["zstd"].headers["Content-Encoding"] == "zstd"
    assert "Content-Encoding" not in answers["identity"].headers
    assert "Content-Encoding" not in answers["gzip;q=0"].headers
    assert len({answer.headers["ETag"] for answer in answers.values()}) == 3
    assert all(answer.headers["Vary"] == "Accept-Encoding" for answer in answers.values())
    assert answers["gzip"].json() == answers["identity"].json()


def test_head_answers_like_get_without_a_body(server, key):
    path = f"/api/cities/{key}/tables"
    get, head = server(path), server(path, method="HEAD")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
    assert head.headers["ETag"] == get.headers["ETag"]


def test_all_that_is_wrong_with_a_request_is_named_at_once(server, key):
    asked = server(f"/api/cities/{key}/tables/buildings?bbox=1,2,3&ids=1,x,2")
    assert rules(asked, 422) == [
        "bbox: is west,south,east,north in metres on the grid of the city",
        "ids: is a whole number (1 row, x)",
    ]
    asked = server(f"/api/cities/{key}/tables/buildings?columns=heigth_m,geometry,name")
    assert rules(asked, 422) == [
        "buildings.heigth_m: is a column of the table",
        "buildings.geometry: is asked for by geometry=true",
    ]


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("bbox=nan,0,1,1", "west,south,east,north"),
        ("bbox=inf,0,inf,1", "west,south,east,north"),
        ("bbox=5,0,1,1", "west,south,east,north"),
        ("ids=" + ",".join(["1"] * 1001), "names at most 1,000 rows"),
        ("ids=99999999999999999999", "is a whole number"),
        ("ids=१", "is a whole number"),
        ("encoding=morse", "is 'plain' or 'quantised'"),
        ("compression=rar", "is 'none', 'lz4' or 'zstd'"),
        ("geometry=true&encoding=quantised", "is plain where geometries"),
        ("columns=" + "a" * 5000, "at most 4000 characters"),
    ],
)
def test_hostile_queries_are_refused_in_words(server, key, query, rule):
    assert rule in rules(server(f"/api/cities/{key}/tables/buildings?{query}"), 422)[0]


def test_tables_without_a_place_cannot_be_asked_by_box(server, key):
    assert rules(server(f"/api/cities/{key}/tables/weather?bbox=0,0,1,1"), 422) == [
        "weather.bbox: table has a geometry"
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/api/cities/{key}/tables/castles",
        "/api/cities/{key}/tables/..%2F..%2Fcurrent",
        "/api/cities/{key}/rasters/castles/0/0/0",
        "/api/cities/{key}/rasters/terrain/9/0/0",
        "/api/cities/{key}/rasters/terrain/-1/0/0",
        "/api/cities/{key}/rasters/terrain/0/2/0",
        "/api/cities/{key}/rasters/terrain/0/-1/0",
        "/api/cities/{key}/rasters/terrain/0/99999999999999999999999/0",
        "/api/cities/nokey/tables",
        "/api/scenes/{key}/castle.bin",
        "/api/scenes/{key}/../../current.json",
        "/api/scenes/{key}/%2e%2e/%2e%2e/current.json",
        "/api/scenes/{key}//etc/passwd",
        "/api/castles",
        "/castle.html",
        "/../dothi.toml",
        "/%2e%2e/%2e%2e/dothi.toml",
        "/assets/..%2f.stamp",
        "/.stamp",
        "/assets/index-a1b2c3.js.br",
        "/" + "a" * 5000,
        "/%00",
    ],
)
def test_what_is_not_there_is_not_found(server, key, path):
    assert rules(server(path.format(key=key)), 404)


def test_rasters_come_as_tiles_of_codes(server, key):
    facts = server(f"/api/cities/{key}/rasters").json()["rasters"]["terrain"]
    assert (facts["columns"], facts["rows"], facts["cell_m"], facts["levels"], facts["unit"]) == (300, 300, 0.5, 2, "m")
    assert facts["box"] == [ORIGIN[0], ORIGIN[1], ORIGIN[0] + 150.0, ORIGIN[1] + 150.0]

    def tile(level, column, row):
        codes = np.frombuffer(server(f"/api/cities/{key}/rasters/terrain/{level}/{column}/{row}").content, "<u2")
        codes = codes.reshape(256, 256)
        return codes, facts["minimum"] + (codes - 1.0) * facts["step"]

    codes, levels = tile(0, 0, 0)
    assert codes[0, 0] == 0  # missing
    np.testing.assert_allclose(levels[1], (np.arange(256) + 0.5) * 0.5, atol=facts["step"])
    codes, levels = tile(0, 1, 0)
    assert (codes[:, 44:] == 0).all()  # 300 = 256 + 44
    np.testing.assert_allclose(levels[5, :44], (np.arange(256, 300) + 0.5) * 0.5, atol=facts["step"])
    codes, levels = tile(1, 0, 0)
    np.testing.assert_allclose(levels[5, :150], np.arange(150) + 0.5, atol=facts["step"])  # mean of two cells
    assert (codes[150:] == 0).all()


def test_rasters_of_classes_name_their_codes(server, key):
    facts = server(f"/api/cities/{key}/rasters").json()["rasters"]["land_cover"]
    codes = np.frombuffer(server(f"/api/cities/{key}/rasters/land_cover/1/0/0").content, "<u2").reshape(256, 256)
    assert facts["kind"] == "category"
    assert facts["categories"][codes[0, 0] - 1] == facts["categories"][0]
    assert len(facts["categories"]) > 5


def test_the_scene_is_made_on_first_need_and_never_changes(server, key, study):
    answer = server(f"/api/scenes/{key}/scene.json", Accept_Encoding="gzip")
    scene = answer.json()
    assert scene["key"] == key
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]
    assert [folder.name for folder in (study / ".dothi" / "scenes").iterdir()] == [key]
    tile = scene["layers"]["buildings"]["tiles"][0]["file"]
    packed, plain = (server(f"/api/scenes/{key}/{tile}", Accept_Encoding=name) for name in ("gzip", "identity"))
    assert packed.content == plain.content
    assert plain.content[:4] == b"DSB1"
    assert packed.headers["ETag"] != plain.headers["ETag"]


def test_the_app_is_sent_packed_and_kept_by_the_browser_where_its_name_says_what_it_holds(server):
    page = server("/")
    assert "Dothi" in page.text
    assert page.headers["Cache-Control"] == "no-cache"
    assert server("/", If_None_Match=page.headers["ETag"]).status_code == 304
    script = server("/assets/index-a1b2c3.js", Accept_Encoding="gzip")
    assert script.headers["Content-Encoding"] == "gzip"
    assert "immutable" in script.headers["Cache-Control"]
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert server("/assets/index-a1b2c3.js", Accept_Encoding="br, gzip").headers["Content-Encoding"] == "br"
    assert server("/assets/index-a1b2c3.js", Accept_Encoding="identity").text.startswith("export const city = 'Huế'")


def test_every_answer_carries_the_headers_of_safety(server, key):
    for path in ("/", f"/api/cities/{key}/tables", "/castle"):
        headers = server(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe-eval" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost@evil", ""])
def test_other_names_than_its_own_are_refused(server, host):
    assert "asked for by one of its own names" in rules(server("/api/study", Host=host), 400)[0]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1234", "[::1]:8000", "[::1]"])
def test_its_own_names_are_answered_at_any_port(server, host):
    assert server("/api/study", Host=host).status_code == 200


def test_what_is_only_shown_cannot_be_changed(server):
    assert "a method that this address knows" in rules(server("/api/study", method="POST"), 405)[0]
    assert rules(server("/api/study", method="DELETE"), 405)


def test_the_description_lists_every_address_and_loads_nothing_from_elsewhere(server):
    described = server("/api/openapi.json").json()
    assert described["paths"] == openapi()["paths"]
    assert len(described["paths"]) == 24
    for operations in described["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
    for path in ("/docs", "/redoc"):
        assert server(path).status_code == 404


def test_the_types_of_the_web_app_are_those_of_the_description():
    path = Path(__file__).parents[2] / "web" / "write_api_types.py"
    spec = importlib.util.spec_from_file_location("write_api_types", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.TARGET.read_text(encoding="utf-8") == module.written(), "run: make types"


def test_an_installation_without_the_app_says_so_in_three_languages(study, tmp_path):
    server = Server(create_app(study, web=tmp_path))
    page = server("/")
    assert page.status_code == 200
    for text in ("make web", 'lang="fr"', 'lang="vi"'):
        assert text in page.text
    assert server("/assets/x.js").status_code == 404
    server.close()


def test_a_city_that_is_built_again_comes_under_another_key(tmp_path, web):
    folder = new_study(tmp_path / "study")
    server = Server(create_app(folder, web=web))
    assert server("/api/study").json()["cities"] == []  # not built yet
    assert "run dothi build" in rules(server("/api/cities/x/tables"), 422)[0]
    put_city(folder, "aaaa", city_of())
    old = server("/api/study").json()["cities"][0]["key"]
    assert server(f"/api/cities/{old}/tables").status_code == 200
    put_city(folder, "bbbb", city_of(height_m=9.0))
    for file in (folder / ".dothi" / "cities" / "aaaa").iterdir():
        file.unlink()
    (folder / ".dothi" / "cities" / "aaaa").rmdir()
    new = server("/api/study").json()["cities"][0]["key"]
    assert new != old
    assert "may have been built again" in rules(server(f"/api/cities/{old}/tables"), 404)[0]
    assert server(f"/api/cities/{new}/tables").json()["tables"]["buildings"]["columns"]["height_m"]["minimum"] == 9.0
    server.close()


def test_damaged_files_are_told_in_words(tmp_path, web):
    folder = new_study(tmp_path / "study")
    put_city(folder, "aaaa", city_of())
    home = folder / ".dothi" / "cities" / "aaaa"
    (home / "buildings.parquet").write_bytes(b"PAR1")
    (home / "terrain.tif").write_bytes((home / "terrain.tif").read_bytes()[:300])
    server = Server(create_app(folder, web=web))
    key = server("/api/study").json()["cities"][0]["key"]
    assert "buildings.parquet: is a readable GeoParquet file" in rules(server(f"/api/cities/{key}/tables"), 422)[0]
    assert "terrain.tif: is a readable raster" in rules(server(f"/api/cities/{key}/rasters"), 422)[0]
    server.close()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MissingError(()), 404),
        (InputError(()), 422),
        (EngineMissingError(), 501),
        (ConvergenceError(), 500),
        (type("NewError", (InputError,), {})(()), 422),
    ],
)
def test_every_error_raised_on_purpose_has_a_status(error, status):
    assert status_of_error(error) == status
    assert STATUS[DothiError] == 500


def test_a_port_that_is_taken_is_passed_over():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with listen("127.0.0.1", port) as second:
            assert second.getsockname()[1] > port


def test_a_host_that_is_not_this_machine_is_bad_input():
    for host in ("203.0.113.7", "no such host", "a" * 300):
        with pytest.raises(InputError, match="this machine"):
            listen(host, 8000)


def test_the_address_can_be_opened_whatever_is_listened_at():
    with listen("0.0.0.0", 0) as everywhere:
        assert address_of(everywhere).startswith("http://127.0.0.1:")
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "192.168.1.5", "huế")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_study_without_dothi_toml_is_no_study(tmp_path):
    with pytest.raises(InputError, match=r"dothi\.toml"):
        create_app(tmp_path)


def test_the_app_takes_a_study_as_well_as_its_folder(study):
    assert create_app(Study.open(study)).state.cities.current().folder.name == "aaaa"


def test_sockets_are_closed_when_no_port_is_free(monkeypatch):
    monkeypatch.setattr("dothi.server.serve.TRIED_PORTS", 1)
    with listen("127.0.0.1", 0) as first, pytest.raises(DothiError, match="--port"):
        listen("127.0.0.1", first.getsockname()[1])
    assert isinstance(first, socket.socket)
