"""Scenarios in a browser: a road is closed on the map, the scenario is run, shown and compared."""

import io
import re
import sys
import tomllib
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from matplotlib.image import imread

sys.path.insert(0, str(Path(__file__).parent))
from _page import READY

STREET = "Quai de la Fosse"
NAME = "quay-without-cars"


@pytest.fixture(scope="module")
def on_the_quay(city):
    """A place on one of the longer roads of the street, on the grid of the city."""
    links = city["links"]
    road = links[links["name"] == STREET].sort_values("length_m").iloc[-1]
    place = road.geometry.interpolate(0.5, normalized=True)
    return place.x, place.y


@pytest.fixture(scope="module")
def app(open_page, served, on_the_quay):
    """The app with the scenarios open, looking straight down at the street; what is written is removed afterwards."""
    watched = open_page()
    page = watched.page
    page.wait_for_function(READY)
    key = page.evaluate("fetch('api/study').then(r => r.json()).then(s => s.cities[0].key)")
    x, y = page.evaluate(f"fetch('api/scenes/{key}/scene.json').then(r => r.json()).then(s => s.origin)")
    page.get_by_role("button", name="Scenarios", exact=True).click()
    page.evaluate(f"location.hash = 'at={on_the_quay[0] - x:.1f},{on_the_quay[1] - y:.1f},8,260,0,0'")
    page.wait_for_timeout(600)
    yield watched
    headers = {"Content-Type": "application/json"}
    urlopen(Request(f"{served.address}api/scenarios/{NAME}", method="DELETE", headers=headers), timeout=10).close()


def middle_of(page):
    box = page.locator("main canvas").first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def pixels_of(page, which=0):
    """Picture of a view (height, width, 3), 0 … 255."""
    png = page.locator("main canvas").nth(which).screenshot()
    return (imread(io.BytesIO(png))[:, :, :3] * 255).round().astype(int)


def orange(picture):
    """Share of pixels in the colour of what is chosen for a change."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    return ((red - green > 70) & (green - blue > 40)).mean()


def test_a_street_is_closed_on_the_map_run_and_shown(app, demo):
    page = app.page
    page.get_by_role("button", name="New scenario").click()
    page.get_by_label("Title").fill("Quay without cars")
    assert page.get_by_role("button", name="Save", exact=True).is_disabled(), "nothing is changed yet"
    page.get_by_role("button", name="Close a road").click()
    page.get_by_label("The whole street of that name").check()
    before = orange(pixels_of(page))
    page.mouse.click(*middle_of(page))
    page.get_by_role("button", name=f"Leave {STREET} out").wait_for()
    page.mouse.move(5, 5)
    page.wait_for_timeout(500)
    assert orange(pixels_of(page)) > before + 0.02, "the street stands out on the map"
    page.get_by_label("Trucks").uncheck()
    page.get_by_role("button", name="Undo").click()
    assert page.get_by_label("Trucks").is_checked()

    page.get_by_role("button", name="Save and run").click()
    entry = page.locator(f"li[data-scenario={NAME}]")
    entry.get_by_text("up to date").wait_for(timeout=400_000)  # every simulation, on the whole of Nantes
    entry.get_by_text("Shown", exact=True).wait_for()
    assert f"Closes {STREET}" in entry.inner_text()
    page.wait_for_function(f"() => location.hash.includes('city={NAME}')")
    written = tomllib.loads((demo / "scenarios" / f"{NAME}.toml").read_text(encoding="utf-8"))
    assert written["change"] == [
        {"kind": "close_links", "links": STREET, "modes": ["motorbike", "car", "bus", "truck"]}
    ]
    files = [url for url in app.requests if "/api/scenes/" in url and not url.endswith("/scene.json")]  # asked above
    assert len(files) == len(set(files)), "another city is fetched once, file by file"


def test_it_is_compared_with_today_in_numbers_on_the_map_and_side_by_side(app):
    page = app.page
    page.locator(f"li[data-scenario={NAME}]").get_by_role("button", name="Compare").click()
    panel = page.get_by_role("complementary")
    row = panel.locator("tr.title", has_text="Road density")
    row.wait_for()
    assert "worse" in panel.locator("tr.values").first.inner_text(), "said in words, not by colour alone"
    assert re.search(rf"Closes {STREET}", panel.inner_text())

    page.get_by_label("Colour by the difference").select_option("links.car")
    panel.get_by_role("button", name=re.compile("yes → no")).wait_for()
    page.wait_for_function("() => location.hash.includes('by.links=car,difference')")

    page.get_by_label("Colour by the difference").select_option("")
    page.get_by_label("Side by side").check()
    page.wait_for_function("() => document.querySelectorAll('main canvas').length === 2")
    page.wait_for_function("() => !document.querySelector('.second .wait')")
    page.wait_for_timeout(1500)
    here = page.evaluate("() => location.hash")
    page.locator("main canvas").nth(1).focus()
    page.keyboard.press("ArrowUp")  # in one view; the other follows
    page.wait_for_function(f"() => location.hash !== {here!r}")
    page.mouse.move(5, 5)
    page.wait_for_timeout(1000)
    closed, today = (pixels_of(page, which).mean(axis=2) for which in (0, 1))
    height, width = (min(sizes) for sizes in zip(closed.shape, today.shape, strict=True))
    middle = np.s_[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4]
    assert today[middle].std() > 5, "the second view shows the city"
    assert np.corrcoef(closed[middle].ravel(), today[middle].ravel())[0, 1] > 0.8, "the same place"


def test_the_panels_have_no_serious_problem_for_people_with_impairments(app):
    """By axe-core, the rules of WCAG 2 A and AA."""
    found = Axe().run(app.page).response["violations"]
    assert [rule["id"] for rule in found if rule["impact"] in ("serious", "critical")] == []


def test_nothing_foreign_is_asked_for_and_nothing_is_complained_about(app, served):
    assert app.foreign(served.address) == []
    assert [text for text in app.complaints if "GPU stall" not in text] == []
