"""The hand-over page: what it carries, and that nothing in it can break out."""

import base64
import gzip
import io
import json
import re

import lxml.html
import pyarrow as pa
import pytest

from dothi.errors import DothiError, InputError
from dothi.publish import handover
from dothi.publish.export import export
from dothi.publish.handover import App, Files, as_json
from dothi.publish.handover_paper import in_language, percent
from dothi.scenario import TODAY

pytestmark = pytest.mark.usefixtures("little_chain")

EVIL = "</script><script>alert(1)</script><!--"
CLOSED = 'title = "Closed"\n[[change]]\nkind = "close_links"\nlinks = "Rue haute"\nmodes = ["walk"]\n'
TITLED = f'title = {{vi = "Đóng", fr = "Fermé", en = "{EVIL}"}}\nbase = "closed"\n'


@pytest.fixture(autouse=True)
def built_app(tmp_path, monkeypatch):
    """An app as Vite builds it."""
    folder = tmp_path / "web"
    (folder / "assets").mkdir(parents=True)
    files = {
        "index.html": '<script type="module" crossorigin src="./assets/index-a1.js"></script>',
        "icon.svg": "<svg/>",
        "assets/index-a1.js": 'load(()=>import(`./engine-b2.js`),__vite__mapDeps([0,1]),import.meta.url);"./other.js"',
        "assets/engine-b2.js": 'import{t as e}from"./index-a1.js";new Worker(new URL(new URL(`worker-c3.js`,'
        "import.meta.url).href,``+import.meta.url),{type:`module`})",
        "assets/worker-c3.js": "self.onmessage=()=>{}",
        "assets/index-d4.css": "@font-face{src:url(./inter-e5.woff2)}",
        "assets/inter-e5.woff2": "font",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(handover, "app_folder", lambda: folder)
    return folder


class Page:
    """A written page, read as a browser would."""

    def __init__(self, path):
        self.text = path.read_text(encoding="utf-8")
        self.tree = lxml.html.fromstring(self.text)
        carried = self._json("dothi-files")
        self.texts, self.paths = carried["texts"], carried["paths"]
        self.code = self._json("dothi-code")

    def _json(self, name):
        return json.loads(self.tree.get_element_by_id(name).text)

    def bytes(self, address):
        return gzip.decompress(base64.b64decode(self.texts[self.paths[address]]))

    def json(self, address):
        return json.loads(self.bytes(address))


@pytest.fixture
def write(tmp_path):
    """Write a study as a page."""

    def write_it(study, name="city.html", **options):
        return Page(export(study.city, "html", tmp_path / name, study=study, **options).path)

    return write_it


@pytest.fixture
def handed(little_study, write):
    study = little_study(closed=CLOSED, titled=TITLED)
    study.run()
    return write(study)


def test_a_page_carries_what_a_server_would_tell(handed):
    cities = handed.json("api/study")["cities"]
    assert [city["id"] for city in cities] == [TODAY, "closed", "titled"]
    for city in cities:
        root = f"api/cities/{city['key']}/tables"
        assert handed.json(f"api/scenes/{city['key']}/scene.json")["name"] == "Thị trấn nhỏ"
        for table, facts in handed.json(root)["tables"].items():
            for column in (facts["id"], *facts["columns"]):
                codes = handed.bytes(f"{root}/{table}?columns={column}&encoding=quantised")
                exact = handed.bytes(f"{root}/{table}?columns={column}")
                for stream in (codes, exact):
                    assert pa.ipc.open_stream(io.BytesIO(stream)).read_all().num_rows == facts["rows"]
    assert [scenario["name"] for scenario in handed.json("api/scenarios")["scenarios"]] == [TODAY, "closed", "titled"]
    told = handed.json("api/compare?scenarios=today,closed&by=ward")
    assert len(told["areas"]) == 3
    gap = "api/compare/difference?a=closed&b=today&table=buildings&column=walk_to_school_m"
    assert pa.ipc.open_stream(io.BytesIO(handed.bytes(gap))).read_all().num_rows == 32


def test_the_same_bytes_are_carried_once(handed):
    today, closed, titled = (city["key"] for city in handed.json("api/study")["cities"])
    assert len(set(handed.texts)) == len(handed.texts)
    column = "tables/buildings?columns=height_m"
    assert handed.paths[f"api/cities/{today}/{column}"] == handed.paths[f"api/cities/{closed}/{column}"]
    walk = "tables/buildings?columns=walk_to_school_m"
    assert handed.paths[f"api/cities/{today}/{walk}"] != handed.paths[f"api/cities/{closed}/{walk}"]
    assert closed == titled, "a scenario without changes of its own has the city of its base"


def test_the_same_study_gives_the_same_page(little_study, write):
    study = little_study(closed=CLOSED)
    study.run()
    assert write(study, "one.html").text == write(study, "two.html").text


def test_nothing_that_was_written_by_others_ends_a_script(handed):
    assert EVIL not in handed.text
    scripts = handed.tree.xpath("//script")
    assert [script.get("id") for script in scripts] == ["dothi-files", "dothi-code", "dothi-boot"]
    assert not handed.tree.xpath("//*[@onclick or @onload or @onerror]")


def test_the_page_asks_for_nothing(handed):
    policy = handed.tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    nonce = re.search(r"'nonce-(\w+)'", policy)[1]
    assert handed.tree.get_element_by_id("dothi-boot").get("nonce") == nonce
    addresses = handed.tree.xpath("//@src | //@href")
    assert all(address.startswith("data:") for address in addresses)
    assert not re.search(r"url\((?![\"']?data:)", handed.text)


def test_the_sheets_say_it_in_three_languages(handed):
    for sheet in ("comparison", "assumptions", "provenance"):
        articles = handed.tree.get_element_by_id(sheet).xpath("./article")
        assert [article.get("lang") for article in articles] == ["vi", "fr", "en"]
        assert all(len(article.text_content().split()) > 40 for article in articles)
    assert "limit_m" in handed.tree.get_element_by_id("assumptions").text_content()
    assert "Dijkstra" in handed.tree.get_element_by_id("assumptions").text_content()
    provenance = handed.tree.get_element_by_id("provenance").text_content()
    assert "links.walk" in provenance
    assert re.search(r"numpy \d", provenance)


def test_only_scenarios_that_are_named_are_carried(little_study, write):
    study = little_study(closed=CLOSED, titled=TITLED)
    study.run()
    page = write(study, scenarios=["closed"])
    assert [city["id"] for city in page.json("api/study")["cities"]] == [TODAY, "closed"]


def test_a_city_alone_is_handed_over_too(little_study, write):
    page = write(little_study())
    assert page.json("api/study")["cities"][0]["state"] == "never run"
    assert "simulated" in page.tree.get_element_by_id("comparison").text_content()


def test_what_cannot_be_carried_is_named(little_study, tmp_path):
    study = little_study(closed=CLOSED)
    study.run()
    little_study(closed=CLOSED.replace("walk", "car"))

    def rules(**options):
        with pytest.raises(InputError) as raised:
            export(study.city, "html", tmp_path / "x.html", **{"study": study, **options})
        assert not (tmp_path / "x.html").exists()
        return "\n".join(map(str, raised.value.problems))

    assert "closed: was run as it is written now" in rules(scenarios=["closed"])
    assert "nowhere: is a scenario" in rules(scenarios=["nowhere"])
    assert "leave out --layers" in rules(layers=["buildings"])
    assert "written of a study" in rules(study=None)
    with pytest.raises(InputError, match="carried by omx, html"):
        export(study.city, "gpkg", tmp_path / "x.gpkg", scenarios=["closed"])


def test_modules_look_for_nothing_beside_themselves(built_app):
    app = App.read(built_app)
    assert app.entry == "index-a1.js"
    assert app.modules["index-a1.js"] == 'load(()=>import(`dothi/engine-b2.js`),[],import.meta.url);"./other.js"'
    assert 'from"dothi/index-a1.js"' in app.modules["engine-b2.js"]
    assert (
        '{href:globalThis.__DOTHI_WORKERS__["worker-c3.js"]}.href,``+import.meta.url),{})'
        in app.modules["engine-b2.js"]
    )
    assert app.workers == {"worker-c3.js": "self.onmessage=()=>{}"}
    assert "url(data:font/woff2;base64," in app.style


def test_without_the_app_it_says_so(built_app, little_study, tmp_path):
    (built_app / "index.html").unlink()
    study = little_study()
    with pytest.raises(DothiError, match="without the web app"):
        export(study.city, "html", tmp_path / "x.html", study=study)


def test_files_and_numbers():
    files = Files()
    files.add("a", b"same")
    files.add("b", b"same")
    files.add("c", b"else")
    assert (len(files.texts), files.paths) == (2, {"a": 0, "b": 0, "c": 1})
    assert json.loads(str(as_json([EVIL, "\u2028&"]))) == [EVIL, "\u2028&"]
    assert not set("<>&\u2028") & set(as_json([EVIL, "\u2028&"]))
    assert [in_language("1,234.5", language) for language in ("en", "fr", "vi")] == [
        "1,234.5",
        "1\u202f234,5",
        "1.234,5",
    ]
    assert [percent(value, "en") for value in (0.0, 0.002, 0.5)] == ["0%", "<1%", "50%"]
