"""The hand-over page in a browser: from a disk, without a network."""

import io
import re
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.image import imread

from dothi.cli import main

READY = "() => [...document.querySelectorAll('p.hidden[role=status]')].some(p => p.textContent.trim())"
MOST_B = 15_000_000
CLOSED = """\
year = 2030
title = { vi = "Cấm xe trên bến", fr = "Quai sans voitures", en = "Quay without cars" }
[[change]]
kind = "close_links"
links = "Quai de la Fosse"
modes = ["walk", "car"]
"""


@pytest.fixture(scope="module")
def handed(demo, tmp_path_factory):
    """Page of the demo study with a scenario, written by the command line."""
    study = tmp_path_factory.mktemp("handed") / "study"
    shutil.copytree(demo, study)
    (study / "scenarios").mkdir(exist_ok=True)
    (study / "scenarios" / "quay.toml").write_text(CLOSED, encoding="utf-8")
    page = study.parent / "Nantes, bàn giao.html"
    for command in (
        ["run", str(study), "today", "quay", "--workers", "0"],
        ["export", "html", str(study), "-o", str(page), "--scenarios", "quay"],
    ):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
    return page


@pytest.fixture(scope="module")
def opened(browser, watch, handed):
    """The page, opened from the disk by a browser that has no network."""
    context = browser.new_context(
        viewport={"width": 1200, "height": 760},
        locale="fr-FR",
        color_scheme="light",
        reduced_motion="reduce",
        offline=True,
    )
    watched = watch(context)
    watched.page.goto(handed.as_uri())
    watched.page.wait_for_function(READY)
    yield watched
    context.close()


def picture_of(page):
    png = page.locator("main canvas").first.screenshot()
    return (imread(io.BytesIO(png))[:, :, :3] * 255).round().astype(int)


def show(page, address):
    page.wait_for_timeout(400)
    page.evaluate(f"location.hash = '{address}'")
    page.wait_for_timeout(1500)


def test_the_page_is_small(handed):
    assert 500_000 < handed.stat().st_size < MOST_B


def test_the_city_is_on_the_screen(opened):
    picture = picture_of(opened.page)
    _, counts = np.unique((picture // 8) @ [1, 32, 1024], return_counts=True)
    assert len(counts) > 100, "shades"
    water = (picture[:, :, 2] - picture[:, :, 0] > 20) & (picture[:, :, 2] > 120)
    assert 0.005 < water.mean() < 0.4, "the Loire"
    assert "Nantes" in opened.page.title()


def test_columns_recolour_it(opened):
    show(opened.page, "by.buildings=height_m")
    before = picture_of(opened.page)
    show(opened.page, "by.buildings=walk_to_culture_m")
    assert (np.abs(picture_of(opened.page) - before).max(axis=2) > 10).mean() > 0.02


def test_the_inspector_tells_all_of_an_object(opened, city):
    index = city["buildings"]["height_m"].idxmax()
    show(opened.page, f"sel=buildings.{index}")
    inspector = opened.page.locator("section.inspector")
    inspector.locator("dl").first.wait_for()
    text = inspector.inner_text().replace("\u202f", " ")
    assert re.search(rf"\b{city['buildings']['height_m'][index]:g}".replace(".", ",") + r"\s*m\b", text)
    assert "mesuré" in text


def test_a_scenario_is_a_city_of_its_own(opened):
    for name in ("quay", "today"):
        opened.page.evaluate(f"location.hash = 'city={name}'")
        opened.page.reload()
        opened.page.wait_for_function(READY)


def test_the_sheets_can_be_read_in_the_language_of_the_reader(opened):
    page = opened.page
    for sheet, text in (
        ("comparison", "Quai sans voitures"),
        ("assumptions", "Licence Ouverte"),
        ("provenance", "NantesBDT.py"),
    ):
        page.click(f"#tab-{sheet}")
        shown = page.locator(f"#{sheet} article:visible")
        assert shown.count() == 1
        assert text in shown.inner_text()
        assert shown.get_attribute("lang") == "fr"
    page.click("#tab-city")
    assert page.locator("main canvas").first.is_visible()


def test_nothing_was_asked_for_and_nothing_was_complained_about(opened):
    assert [url for url in opened.requests if not url.startswith(("file:", "blob:", "data:"))] == []
    assert sum(url.startswith("file:") for url in opened.requests) == 3, "the page alone, once for every opening"
    assert opened.complaints == []
