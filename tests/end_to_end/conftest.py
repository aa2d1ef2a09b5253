"""The demo city, built once, served once, looked at in one headless Chromium."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field

import pytest
from click.testing import CliRunner
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, sync_playwright

from dothi.cli import main
from dothi.study import Study

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox",
    "--use-angle=swiftshader",  # draws without a graphics card
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
TIMEOUT_MS = 60_000


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """Folder of the demo study, built by the command line."""
    folder = tmp_path_factory.mktemp("demo") / "Nantes, thành phố"
    result = CliRunner().invoke(main, ["demo", str(folder), "--no-serve", "--workers", "0"])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="session")
def city(demo):
    return Study.open(demo).city


@dataclass
class Served:
    """A running ``dothi serve``."""

    process: subprocess.Popen
    address: str


@pytest.fixture(scope="session")
def served(demo):
    """The demo study, served by the command line as people start it."""
    command = [sys.executable, "-m", "dothi", "serve", str(demo), "--port", "0"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", env=environment) as process:
        try:
            line = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/", line)
            assert found, f"no address in {line!r}"
            yield Served(process, found.group())
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(20)


def chromium_path() -> str:
    """Chromium of this system; its absence fails where CI says that nothing may be left out."""
    found = os.environ.get("DOTHI_TEST_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if not found:
        missing = "no Chromium here: apt-get install chromium, or name one in DOTHI_TEST_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture(scope="session")
def browser():
    path = chromium_path()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield running
        running.close()


@dataclass
class Watched:
    """A page, with all it asked for and all it complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def over(cls, context: BrowserContext) -> Watched:
        """Open a page and watch it."""
        page = context.new_page()
        watched = cls(page)
        context.on("request", lambda request: watched.requests.append(request.url))
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        page.on("console", watched.hear)
        page.set_default_timeout(TIMEOUT_MS)
        return watched

    def hear(self, message: ConsoleMessage) -> None:
        """Write down what the page complains about."""
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def foreign(self, address: str) -> list[str]:
        """Requests that went to somebody else than the server at an address."""
        return [url for url in self.requests if not url.startswith((address, "data:", "blob:"))]


@pytest.fixture(scope="session")
def watch():
    """Open a watched page in a context of the browser."""
    return Watched.over


@pytest.fixture(scope="module")
def open_page(browser, served):
    """Open the app in a browser of its own kind: size, language, theme, and a script that runs before it."""
    contexts = []

    def open_it(*, width: int = 1000, height: int = 640, locale: str = "en-GB", theme: str = "light", script: str = ""):
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale=locale, color_scheme=theme, reduced_motion="reduce"
        )
        contexts.append(context)
        context.add_init_script(script)
        watched = Watched.over(context)
        watched.page.goto(served.address)
        return watched

    yield open_it
    for context in contexts:
        context.close()
