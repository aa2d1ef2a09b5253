"""Take the pictures of the web app from the demo city: `python docs/make_screenshots.py [STUDY]`."""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from dothi.demo import create_demo
from dothi.study import Study

HERE = Path(__file__).parent / "_static"
WIDTH_PX, HEIGHT_PX = 1280, 800
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
SETTLE_S = 60.0

SHOTS = {
    "app-heights": "lang=en&theme=light&panel=layers&by.buildings=height_m",
    "app-street": "lang=vi&theme=light&panel=layers&by.buildings=function&at=-250,120,15,640,35,58",
    "app-traffic": "lang=en&theme=light&panel=travel&flows=all",
    "app-noise": "lang=fr&theme=light&panel=travel&ground=noise_lden_db&by.buildings=noise_lden_db",
    "app-dusk": "lang=fr&theme=dark&look=realistic&time=2026-06-21T20:40&at=120,-250,10,1000,325,64",
}


def take(address: str) -> None:
    """Open each view, wait until nothing is drawn any more, and keep the picture."""
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name, view in SHOTS.items():
            page = browser.new_page(viewport={"width": WIDTH_PX, "height": HEIGHT_PX}, reduced_motion="reduce")
            page.goto(f"{address}#{view}")
            until = time.monotonic() + SETTLE_S
            last = b""
            while time.monotonic() < until:
                time.sleep(4.0)
                picture = page.screenshot()
                if picture == last:
                    break
                last = picture
            Image.open(BytesIO(last)).convert("RGB").save(
                HERE / f"{name}.jpg", quality=82, optimize=True, progressive=True
            )
            page.close()
        browser.close()


def main() -> None:
    """Build, run and serve the demo city, or serve a study."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary) / "demo"
        create_demo(folder)
        study = Study.open(folder)
        study.build()
        study.run(["today"])
        command = [sys.executable, "-u", "-m", "dothi", "serve", str(folder), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                take(re.search(r"http://[\d.]+:\d+/", server.stdout.readline()).group())
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
