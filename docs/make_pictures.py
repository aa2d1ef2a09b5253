"""Draw the pictures of the documentation from the demo city: `python docs/make_pictures.py [STUDY]`."""

import sys
import tempfile
from pathlib import Path

from PIL import Image

from dothi.demo import create_demo
from dothi.publish.pictures import draw_map
from dothi.publish.view import draw_view
from dothi.study import Study

HERE = Path(__file__).parent / "_static"
WIDTH_PX = 1200


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary) / "demo"
        create_demo(folder)
        city = Study.open(folder).build().city
        for name, draw in (("nantes-map", draw_map), ("nantes-view", draw_view)):
            full = Path(temporary) / f"{name}.png"
            draw(city, full)
            picture = Image.open(full).convert("RGB")
            height_px = round(WIDTH_PX * picture.height / picture.width)
            picture = picture.resize((WIDTH_PX, height_px), Image.Resampling.LANCZOS)
            picture.save(HERE / f"{name}.jpg", quality=78, optimize=True, progressive=True)


if __name__ == "__main__":
    main()
