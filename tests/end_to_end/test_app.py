"""The app in a browser: what people see, not only what stands in the page."""

import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import shapely
from axe_playwright_python.sync_playwright import Axe
from matplotlib.image import imread

sys.path.insert(0, str(Path(__file__).parent))
from _page import COUNTING, READY, at_rest

LOIRE = (355300, 6688560)  # Bras de la Madeleine, south of the Île Feydeau
WRITES_MS = 400


def until_ready(watched):
    watched.page.wait_for_function(READY)
    return watched


@pytest.fixture(scope="module")
def nantes(open_page):
    """The app at desktop width with the demo city on the screen."""
    return until_ready(open_page(script=COUNTING))


@pytest.fixture(scope="module")
def origin(nantes, served):
    """Of the frame in which the app tells places."""
    key = nantes.page.evaluate("fetch('api/study').then(r => r.json()).then(s => s.cities[0].key)")
    return nantes.page.evaluate(f"fetch('api/scenes/{key}/scene.json').then(r => r.json()).then(s => s.origin)")


def pixels_of(page):
    """Picture of the three-dimensional view (height, width, 3), 0 … 255."""
    png = page.locator("main canvas").first.screenshot()
    return (imread(io.BytesIO(png))[:, :, :3] * 255).round().astype(int)


def show(page, address):
    """Let the app show what an address says; it writes its own address a moment after every change."""
    page.wait_for_timeout(WRITES_MS)
    page.evaluate(f"location.hash = '{address}'")
    page.wait_for_timeout(WRITES_MS)
    at_rest(page)


def look_down_at(nantes, origin, place, distance=150.0, z=20.0):
    """Look straight down at a place on the grid of the city."""
    x, y = place[0] - origin[0], place[1] - origin[1]
    show(nantes.page, f"at={x:.1f},{y:.1f},{z:.1f},{distance:.1f},0,0")


def middle_of(page):
    box = page.locator("main canvas").first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def bluer_than_red(colour):
    return colour[2] - colour[0]


def test_the_city_is_on_the_screen(nantes):
    at_rest(nantes.page)
    picture = pixels_of(nantes.page)
    flat = (picture // 8) @ [1, 32, 1024]
    _, counts = np.unique(flat, return_counts=True)
    assert len(counts) > 150, "shades"
    assert counts.max() < 0.6 * flat.size, "one colour covers most of the view"
    water = (picture[:, :, 2] - picture[:, :, 0] > 25) & (picture[:, :, 2] > 120)
    assert 0.01 < water.mean() < 0.35, "the Loire"
    assert "Nantes" in nantes.page.title()


def test_nothing_is_drawn_at_rest(nantes):
    at_rest(nantes.page)
    before = nantes.page.evaluate("globalThis.drawn")
    assert before > 0
    nantes.page.wait_for_timeout(1000)
    assert nantes.page.evaluate("globalThis.drawn") == before


def test_water_is_where_the_loire_flows_and_roofs_are_where_houses_stand(nantes, origin, city):
    look_down_at(nantes, origin, LOIRE)
    picture = pixels_of(nantes.page)
    height, width = picture.shape[:2]
    assert bluer_than_red(picture[height // 2, width // 2]) > 15
    buildings = city["buildings"]
    large = buildings.loc[buildings.geometry.area.idxmax()].geometry
    point = shapely.point_on_surface(large)
    look_down_at(nantes, origin, (point.x, point.y))
    picture = pixels_of(nantes.page)
    assert bluer_than_red(picture[height // 2, width // 2]) < 15


def some_buildings(city):
    """The highest, the largest and one in the middle of the city: id and a point on its roof."""
    buildings = city["buildings"]
    west, south, east, north = city.bounds
    middle = shapely.Point((west + east) / 2, (south + north) / 2)
    big = buildings[buildings.geometry.area > 150.0]
    ids = [big["height_m"].idxmax(), buildings.geometry.area.idxmax(), big.geometry.distance(middle).idxmin()]
    return [(index, shapely.point_on_surface(buildings.geometry[index]), buildings["height_m"][index]) for index in ids]


@pytest.mark.parametrize("which", range(3), ids=["highest", "largest", "middle"])
def test_a_click_picks_the_building_under_it(nantes, origin, city, which):
    index, point, height_m = some_buildings(city)[which]
    look_down_at(nantes, origin, (point.x, point.y))
    nantes.page.mouse.click(*middle_of(nantes.page))
    inspector = nantes.page.locator("section.inspector")
    inspector.locator("dl").first.wait_for()
    nantes.page.wait_for_function(f"() => location.hash.includes('sel=buildings.{index}')")
    assert re.search(rf"\b{height_m:g}\s*m\b", inspector.inner_text())


def test_another_column_recolours_the_city_without_sending_geometry_anew(nantes):
    page = nantes.page
    show(page, "by.buildings=height_m")
    before, sent = pixels_of(page), page.evaluate("globalThis.uploaded")
    show(page, "by.buildings=year_built")
    after = pixels_of(page)
    assert page.evaluate("globalThis.uploaded") - sent < 50_000
    assert (np.abs(after - before).max(axis=2) > 10).mean() > 0.02


@pytest.mark.parametrize(
    ("language", "layers", "buildings"),
    [("fr", "Bâtiments", "8 629"), ("vi", "Công trình", "8.629"), ("en", "Buildings", "8,629")],
)
def test_the_app_speaks_three_languages_and_writes_their_numbers(nantes, language, layers, buildings):
    page = nantes.page
    show(page, f"lang={language}")
    page.wait_for_function(f"() => document.documentElement.lang === '{language}'")
    text = re.sub(r"[\u00a0\u202f]", " ", page.locator("#panel").inner_text())
    assert layers in text
    assert buildings in text


def serious(page):
    """Accessibility violations that axe-core calls serious or critical."""
    results = Axe().run(page).response["violations"]
    return [
        (entry["id"], [node["html"][:120] for node in entry["nodes"]][:3])
        for entry in results
        if entry["impact"] in ("serious", "critical")
    ]


def test_axe_finds_no_serious_violation(nantes):
    show(nantes.page, "lang=en&by.buildings=height_m")
    assert serious(nantes.page) == []


def test_a_phone_shows_the_city_too_and_axe_agrees_in_the_dark(open_page, served):
    watched = until_ready(open_page(width=390, height=844, locale="fr-FR", theme="dark"))
    page = watched.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.documentElement.lang") == "fr"
    picture = pixels_of(page)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 300
    assert serious(page) == []
    assert watched.foreign(served.address) == []
    assert watched.complaints == []


@pytest.fixture(scope="module")
def first_load(browser, served):
    """A fresh load of the app at rest: sizes of everything that was sent, by address, and its page."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    finished = []
    context.on("requestfinished", lambda request: finished.append(request))  # noqa: PLW0108 - built-ins cannot listen
    page = context.new_page()
    page.goto(served.address)
    page.wait_for_function("() => performance.getEntriesByName('dothi:complete').length > 0")
    page.wait_for_timeout(1_000)
    sizes = [(request.url.removeprefix(served.address), request.sizes()) for request in finished]
    yield page, [(name, size["responseBodySize"] + size["responseHeadersSize"]) for name, size in sizes]
    context.close()


def test_less_than_a_megabyte_is_sent_before_and_after_the_first_picture(first_load):
    """Nothing more comes afterwards, so that all of it can be counted."""
    _, sizes = first_load
    names = [name for name, _ in sizes]
    assert any("/buildings/" in name for name in names), "workers are counted, too"
    assert len(names) == len(set(names)) + sum("worker" in name for name in names) - 1, "nothing is fetched twice"
    shell = sum(size for name, size in sizes if re.search(r"\.(js|css)$", name))
    assert 50_000 < shell <= 350_000
    assert sum(size for _, size in sizes) <= 1_000_000


def test_what_is_seen_first_is_loaded_first_and_what_is_hidden_only_when_shown(first_load):
    page, sizes = first_load
    scene = [match[1] for name, _ in sizes if (match := re.search(r"api/scenes/\w+/([a-z_]+)[./]", name))]
    assert scene[0] == "scene"
    assert set(scene[1:4]) <= {"terrain", "buildings"}
    assert {"links", "water_bodies", "trees", "railways"} < set(scene)
    assert not {"zones", "wards", "facilities", "names"} & set(scene)
    first, complete = page.evaluate(
        "['first-picture', 'complete'].map(name => performance.getEntriesByName(`dothi:${name}`)[0].startTime)"
    )
    assert 0 < first <= complete
    with page.expect_request(re.compile("/zones/")):
        page.get_by_role("checkbox", name=re.compile("zones", re.IGNORECASE)).check()


def test_nothing_left_this_machine_and_nothing_was_complained_about(nantes, served):
    assert len(nantes.requests) > 10
    assert nantes.foreign(served.address) == []
    assert nantes.complaints == []
