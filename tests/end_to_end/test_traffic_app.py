"""Travel in a browser: ribbons, vehicles, trips by mode, desire lines, reach of a point, departures of a stop."""

import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner
from matplotlib.image import imread

from dothi.cli import main

sys.path.insert(0, str(Path(__file__).parent))
from _page import COUNTING, READY, at_rest

TRAM = """
[title]
en = "New tram"

[[change]]
kind = "add_transit_line"
mode = "tram"
short_name = "T9"
headway_min = 6
first = "05:30"
last = "23:00"
stops = [
  {place = [-1.5640, 47.2060], name = "Chantiers"},
  {place = [-1.5570, 47.2095], name = "Bellevue"},
  {place = [-1.5510, 47.2145], name = "Bouffay"},
]
"""
FULL = (168, 32, 31)
"""Colour of ribbons on links over their capacity."""
DESIRE = (125, 40, 110)
"""Colour of desire lines."""


@pytest.fixture(scope="module")
def app(open_page, demo):
    """The app with the demo city, whose traffic was simulated."""
    watched = open_page(script=COUNTING)
    watched.page.wait_for_function(READY)
    at_rest(watched.page)
    return watched


def picture(page):
    """The view (height, width, 3), 0 … 255."""
    at_rest(page)
    page.wait_for_timeout(600)  # edges are smoothed a little later
    png = page.locator("main canvas").first.screenshot()
    return (imread(io.BytesIO(png))[:, :, :3] * 255).round().astype(int)


def share_of(image, colour, away=40):
    return (np.abs(image - colour).max(axis=2) < away).mean()


def city_key(page, which=0):
    return page.evaluate(f"fetch('api/study').then(r => r.json()).then(s => s.cities[{which}].key)")


def open_panel(page):
    return page.get_by_role("complementary")


def open_travel(page):
    button = page.get_by_role("navigation").get_by_role("button", name="Travel", exact=True)
    if button.get_attribute("aria-pressed") != "true":
        button.click()
    return open_panel(page)


def test_traffic_is_off_at_first_and_ribbons_have_the_colours_of_their_legend(app):
    page = app.page
    before = picture(page)
    page.get_by_role("checkbox", name="Traffic").check()
    panel = page.get_by_role("complementary")
    panel.get_by_text("100% and more").wait_for()
    after = picture(page)
    assert share_of(before, FULL) < 1e-4
    assert share_of(after, FULL) > 2e-4
    assert "flows=all" in page.evaluate("location.hash")
    assert "vehicles an hour" in panel.inner_text()


def test_another_kind_of_vehicle_sends_values_but_no_geometry(app):
    page = app.page
    panel = open_travel(page)
    before, sent = picture(page), page.evaluate("globalThis.uploaded")
    panel.get_by_label("Flow of").select_option("truck")
    page.wait_for_function("() => location.hash.includes('flows=truck')")
    assert (np.abs(picture(page) - before).max(axis=2) > 20).mean() > 1e-3
    assert page.evaluate("globalThis.uploaded") - sent < 50_000


def test_vehicles_stand_until_they_are_let_go_and_stop_again(app):
    page = app.page
    panel = open_travel(page)
    panel.get_by_role("checkbox", name="Moving vehicles").check()
    at_rest(page)
    standing = picture(page)
    panel.get_by_role("button", name="Let them move").click()
    page.wait_for_function("before => globalThis.drawn > before + 200", arg=page.evaluate("globalThis.drawn"))
    panel.get_by_role("button", name="Pause").click()
    moved = picture(page)
    assert (np.abs(moved - standing).max(axis=2) > 40).sum() > 20
    panel.get_by_role("checkbox", name="Moving vehicles").uncheck()
    panel.get_by_role("checkbox", name="Traffic: flows as ribbons").uncheck()


def test_trips_by_mode_are_those_of_the_simulation(app):
    page = app.page
    panel = open_travel(page)
    panel.get_by_text("The same as a table").click()
    trips = page.evaluate(f"fetch('api/cities/{city_key(page)}/trips?most=0').then(r => r.json())")
    within = next(total["trips"] for total in trips["totals"] if total["kind"] == "within")
    rows = panel.locator("figure tbody tr").all()
    shown = [int(re.sub(r"\D", "", row.locator("td").first.inner_text())) for row in rows]
    assert shown == pytest.approx(within, abs=1.0)
    assert panel.locator("figure svg rect").count() > 5


def test_desire_lines_rise_over_the_city_and_say_what_they_carry(app):
    page = app.page
    before = picture(page)
    panel = open_travel(page)
    panel.get_by_role("combobox", name="Desire lines").select_option("car")
    panel.get_by_text(re.compile(r"strongest pairs of zones carry \d+%")).wait_for()
    assert share_of(before, DESIRE) < 1e-4
    assert share_of(picture(page), DESIRE) > 2e-3
    panel.get_by_role("combobox", name="Desire lines").select_option("none")
    assert share_of(picture(page), DESIRE) < 1e-4


def test_a_click_shows_how_far_one_gets_and_whom_one_finds_there(app):
    page = app.page
    before = picture(page)
    panel = open_travel(page)
    panel.get_by_role("button", name="Choose a point on the map").click()
    box = page.locator("main canvas").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    panel.locator("table[data-reach=ready]").wait_for()
    rows = panel.locator("table[data-reach] tbody tr").all()
    residents = [int(re.sub(r"\D", "", row.locator("td").first.inner_text())) for row in rows]
    assert len(residents) == 3
    assert 0 < residents[0] < residents[1] < residents[2]
    assert (np.abs(picture(page) - before).max(axis=2) > 60).mean() > 0.02
    assert "reach=walk,15," in page.evaluate("location.hash")
    panel.get_by_role("combobox", name=re.compile("^How")).select_option("car")
    panel.get_by_text("With the traffic of the morning peak").wait_for()
    page.keyboard.press("Escape")
    panel.get_by_role("button", name="Choose a point on the map").wait_for()
    panel.get_by_role("button", name="Remove").click()


def test_a_link_tells_its_flows_and_times_by_class(app):
    page = app.page
    page.evaluate("location.hash = location.hash + '&sel=links.2'")
    inspector = page.locator("section.inspector")
    inspector.get_by_text("Morning peak hour").wait_for()
    text = inspector.inner_text()
    for line in ("Flow over capacity", "Cars, morning peak", "Motorbikes, morning peak", "Time by car, morning peak"):
        assert line in text
    page.keyboard.press("Escape")


def test_axe_finds_no_serious_problem_in_the_panel_of_travel(app):
    found = Axe().run(app.page).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found if rule["impact"] in ("serious", "critical")] == []


@pytest.fixture(scope="module")
def tram(demo, served):
    """The demo city with a new tram line; its name among the scenarios."""
    path = demo / "scenarios" / "new-tram-line.toml"
    path.write_text(TRAM, encoding="utf-8")
    result = CliRunner().invoke(main, ["run", str(demo), path.stem, "--models", "walk", "--workers", "0"])
    assert result.exit_code == 0, result.output
    yield path.stem
    path.unlink()


def test_a_stop_tells_its_lines_and_departures_and_lines_are_drawn(open_page, tram):
    page = open_page(script=COUNTING).page
    page.wait_for_function(READY)
    page.evaluate(f"location.hash = 'city={tram}&panel=travel&lang=en'")
    page.wait_for_function(f"() => location.hash.includes('city={tram}')")
    page.wait_for_function(READY)
    stop = page.evaluate(
        """async city => {
          const { cities } = await (await fetch('api/study')).json();
          const { key } = cities.find(({ id }) => id === city);
          const { lines } = await (await fetch(`api/cities/${key}/lines`)).json();
          const scene = await (await fetch(`api/scenes/${key}/scene.json`)).json();
          const names = await (await fetch(`api/scenes/${key}/${scene.names.file}`)).json();
          const row = names.names.find(([name]) => name === 'Bellevue')[5][0];
          return { lines: lines.map(({ name }) => name), row };
        }""",
        tram,
    )
    assert stop["lines"].count("T9") == 2
    before = picture(page)
    panel = open_travel(page)
    panel.get_by_label("Show the lines").check()
    panel.locator("section", has_text="Lines of public transport").get_by_text("T9").wait_for()
    assert (np.abs(picture(page) - before).max(axis=2) > 40).mean() > 5e-4
    search = page.get_by_role("combobox", name="Search")
    search.fill("Bellevue")
    page.get_by_role("option", name=re.compile("Bellevue")).first.click()
    board = page.locator("section.board")
    board.get_by_text("T9").first.wait_for()
    text = board.inner_text()
    assert re.search(r"every 6.min", text)
    assert "from 05:30 to 23:00" in text
    assert "Bouffay" in text
    assert "Chantiers" in text


def test_nothing_left_this_machine_and_nothing_was_complained_about(app, served):
    assert app.foreign(served.address) == []
    assert [text for text in app.complaints if "GPU stall" not in text] == []
