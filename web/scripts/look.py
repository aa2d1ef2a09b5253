"""
Pictures and numbers of the engine without the app, from headless Chromium with software GL.

Build `dev.html` first (see dev.vite.config.ts), then::

    python scripts/look.py BUILD SCENE OUT.png ['theme=dark&look=realistic'] [--eval EXPRESSION] [--size 1280x720]
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import os
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--hide-scrollbars",
    "--enable-precise-memory-info",
    "--js-flags=--expose-gc",
]


def cpu_seconds() -> float:
    """CPU seconds of all processes that this one has started."""
    ticks, parents = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
        ticks[int(folder.name)] = int(fields[11]) + int(fields[12])
    family = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks[pid] for pid in family if pid in ticks) / os.sysconf("SC_CLK_TCK")


class Files(http.server.SimpleHTTPRequestHandler):
    """The build, and the scene below /scene with its gzip twins."""

    def __init__(self, *args, scene: Path, **kwargs) -> None:
        self.scene = scene
        super().__init__(*args, **kwargs)

    def translate_path(self, path: str) -> str:
        clean = path.split("?", maxsplit=1)[0]
        if clean.startswith("/scene/"):
            return str(self.scene / clean.removeprefix("/scene/"))
        return super().translate_path(path)

    def do_GET(self) -> None:
        twin = Path(self.translate_path(self.path) + ".gz")
        if self.path.startswith("/scene/") and twin.exists():
            body = twin.read_bytes()
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def main() -> None:
    """Take one picture and print what the engine says of itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("scene", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("query", nargs="?", default="")
    parser.add_argument("--eval", default="null", help="JavaScript run once the city is there; its value is printed")
    parser.add_argument("--wait", type=float, default=0.0, help="seconds between --eval and the picture")
    parser.add_argument("--size", default="1280x720")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))

    handler = functools.partial(Files, directory=str(arguments.build), scene=arguments.scene)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
            page = browser.new_page(viewport={"width": width, "height": height})
            page.on("console", lambda message: print("console:", message.type, message.text))
            page.on("pageerror", lambda error: print("error:", error))
            page.goto(f"http://127.0.0.1:{server.server_port}/dev.html?{arguments.query}")
            page.wait_for_function("document.title === 'ready'", timeout=240_000)
            loaded = cpu_seconds()
            value = page.evaluate(arguments.eval)
            done = cpu_seconds()
            page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
            page.wait_for_timeout(arguments.wait * 1000)
            report = page.evaluate("({times, ...engine.stats()})")
            page.screenshot(path=str(arguments.out), timeout=240_000)
            print(
                json.dumps(
                    {"eval": value, "cpu_s_load": loaded, "cpu_s_eval": round(done - loaded, 2), **report}, indent=1
                )
            )
            browser.close()
    finally:
        server.shutdown()


if __name__ == "__main__":
    main()
