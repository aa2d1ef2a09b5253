"""
The app in a browser without a graphics card: seconds, CPU seconds and bytes until Nantes stands on the screen.

Every load is one of a fresh headless Chromium, 1280 × 720, with nothing in its cache. `DOTHI_BENCH_STUDY` names a built
study to show instead of the demo, `DOTHI_BENCH_LOADS` how many loads there are.

*First picture* is the moment at which everything that is visible at the start is drawn, *complete* that at which
shadows and dark corners have followed. CPU seconds are those of all processes of the browser, from the
moment it is told to open the page. The goals are 3 s and 1 MB until the first picture.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Request, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
from _measure import row

WIDTHS = (10, 9, 9, 10, 10, 9, 9, 7)
FLAGS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
MARK = "() => performance.getEntriesByName('dothi:{}')[0]?.startTime"
TIMEOUT_MS = 120_000


@contextmanager
def served(study: Path) -> Iterator[str]:
    """Address of a study while it is served."""
    command = [sys.executable, "-m", "dothi", "serve", str(study), "--port", "0"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", env=environment) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.search(r"http://127\.0\.0\.1:\d+/", line)
            if not found:
                raise RuntimeError(f"no address in {line!r}")
            yield found.group()
        finally:
            process.send_signal(signal.SIGINT)


def cpu_seconds(below: int) -> float:
    """CPU seconds of all processes that a process has started, and their children."""
    ticks, parents = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
        ticks[int(folder.name)] = int(fields[11]) + int(fields[12])
    family = {below}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks[pid] for pid in family - {below} if pid in ticks) / os.sysconf("SC_CLK_TCK")


def kind_of(url: str) -> str:
    """What a request is for."""
    for part, kind in (("assets/worker", "worker"), ("assets/", "app"), ("scene.json", "scene"), ("scenes/", "files")):
        if part in url:
            return kind
    return "study" if "api/" in url else "page"


def depth(requests: list[Request]) -> int:
    """How many kinds of requests follow one another: each begins when one of the kind before has ended."""
    first: dict[str, tuple[float, float]] = {}
    for request in requests:
        timing = request.timing
        began = timing["startTime"]
        span = began, began + max(timing["responseEnd"], 0.0)
        first[kind_of(request.url)] = min(first.get(kind_of(request.url), span), span)
    levels: dict[str, int] = {}
    for kind, (began, _) in sorted(first.items(), key=lambda entry: entry[1]):
        before = [levels[other] for other in levels if first[other][1] <= began]
        levels[kind] = 1 + max(before, default=0)
    return max(levels.values())


def load(page: Page, address: str) -> dict[str, float]:
    """Open the app once."""
    finished: list[Request] = []
    page.context.on("requestfinished", lambda request: finished.append(request))  # noqa: PLW0108 - built-ins cannot listen
    before = cpu_seconds(os.getpid())
    page.goto(address, wait_until="commit")
    found: dict[str, float] = {}
    for name in ("first-picture", "complete"):
        page.wait_for_function(MARK.format(name), timeout=TIMEOUT_MS, polling=20)
        found[f"{name} CPU s"] = cpu_seconds(os.getpid()) - before
        found[f"{name} s"] = page.evaluate(MARK.format(name)) / 1000.0
        sizes: list[Any] = [request.sizes() for request in finished]
        found[f"{name} MB"] = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes) / 1e6
    return {**found, "requests": len(finished), "depth": depth(finished)}


def main() -> None:
    """Print every load, then median and minimum."""
    loads = int(os.environ.get("DOTHI_BENCH_LOADS", "5"))
    row("", "first s", "CPU s", "complete s", "CPU s", "MB first", "requests", "depth", widths=WIDTHS)
    columns = (
        *("first-picture s", "first-picture CPU s", "complete s", "complete CPU s", "first-picture MB"),
        *("requests", "depth"),
    )
    with tempfile.TemporaryDirectory() as temporary:
        study = Path(os.environ.get("DOTHI_BENCH_STUDY") or Path(temporary) / "Nantes")
        if "DOTHI_BENCH_STUDY" not in os.environ:
            subprocess.run([sys.executable, "-m", "dothi", "demo", str(study), "--no-serve"], check=True)
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        with served(study) as address, sync_playwright() as playwright:
            found = []
            for number in range(loads):
                browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
                page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
                found.append(load(page, address))
                browser.close()
                row(f"load {number + 1}", *(found[-1][column] for column in columns), widths=WIDTHS)
            for title, choose in (("median", statistics.median), ("minimum", min)):
                row(title, *(float(choose(one[column] for one in found)) for column in columns), widths=WIDTHS)


if __name__ == "__main__":
    main()
