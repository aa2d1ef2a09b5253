"""`dothi export` from the command line: what it says, what it leaves behind, how it ends."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys

import pytest
import shapely

from dothi.city import City
from dothi.schema import complete
from dothi.tables import TABLES

N = 3_000


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study whose city is there, as `dothi build` leaves it."""
    import geopandas as gpd

    folder = tmp_path_factory.mktemp("thành phố") / "my study"
    city = folder / ".dothi" / "cities" / "abc"
    city.mkdir(parents=True)
    (folder / "dothi.toml").write_text(
        'name = "Nantes"\ncountry = "fr"\ncrs = "EPSG:2154"\n[[source]]\nkind = "nantes"\n', encoding="utf-8"
    )
    (folder / ".dothi" / "current.json").write_text('{"city": "abc"}')
    x = [355_000.0 + 20.0 * (i % 60) for i in range(N)]
    y = [6_689_000.0 + 20.0 * (i // 60) for i in range(N)]
    shapes = [shapely.box(a, b, a + 12, b + 9) for a, b in zip(x, y, strict=True)]
    frame = gpd.GeoDataFrame(geometry=shapes, crs="EPSG:2154").assign(height_m=9.0, ground_m=4.0, name="Tòa nhà")
    tables = {"buildings": complete(frame, TABLES["buildings"])}
    City("Nantes", "fr", "EPSG:2154", tuple(frame.total_bounds), tables).write(city)
    return folder


def dothi(*arguments, cwd, **options):
    command = [sys.executable, "-m", "dothi", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, **options)


def test_help_names_every_format_with_a_line(tmp_path):
    told = dothi("export", "--help", cwd=tmp_path)
    assert told.returncode == 0
    for name in ("cityjson", "cityjsonseq", "3dtiles", "glb", "gpkg", "geoparquet", "geojson", "geotiff"):
        assert any(line.split()[:1] == [name] for line in told.stdout.splitlines())


def test_it_says_what_it_wrote_and_where(study, tmp_path):
    told = dothi("export", "cityjson", study, cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert str(tmp_path / "nantes.city.json") in told.stderr.replace("\n", "")
    assert f"{N:,}" in told.stderr


def test_the_report_is_json(study, tmp_path):
    told = dothi("export", "gpkg", study, "-o", "a.gpkg", "--layers", "buildings", "--json", cwd=tmp_path)
    report = json.loads(told.stdout)
    assert report["counts"] == {"buildings": N}
    assert report["bytes"] == (tmp_path / "a.gpkg").stat().st_size
    assert report["path"] == str(tmp_path / "a.gpkg")


def test_bad_requests_end_with_two_and_name_everything(study, tmp_path):
    (tmp_path / "a.gpkg").write_text("mine")
    told = dothi("export", "gpkg", study, "-o", "a.gpkg", "--layers", "roofs", "--columns", "colour", cwd=tmp_path)
    assert told.returncode == 2
    for part in ("a.gpkg: is not there yet", "roofs: is one of", "colour: is a column", "3 problems"):
        assert part in told.stderr
    assert (tmp_path / "a.gpkg").read_text() == "mine"
    assert dothi("export", "gpkg", tmp_path, cwd=tmp_path).returncode == 2


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told_before_anything_is_done(study, tmp_path):
    tmp_path.chmod(0o500)
    told = dothi("export", "gpkg", study, "-o", tmp_path / "a.gpkg", cwd=study)
    assert (told.returncode, "may be written" in told.stderr) == (2, True)


@pytest.mark.skipif(os.name != "posix", reason="limits of files are those of POSIX")
@pytest.mark.parametrize(
    ("name", "target"),
    [("cityjson", "a.json"), ("gpkg", "a.gpkg"), ("geojson", "a")],
)
def test_a_full_disk_fails_and_leaves_what_was_there(study, tmp_path, name, target):
    """No file may grow beyond 50 kB: what a full disk does, less the disk."""

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    told = dothi("export", name, study, "-o", target, cwd=tmp_path, preexec_fn=limited)
    assert told.returncode == 1, told.stderr
    assert "was not written" in told.stderr
    assert "Traceback" not in told.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_one_that_is_stopped_leaves_nothing_under_its_name(study, tmp_path, how):
    code = (
        "import time, dothi.publish.cityjson as m\n"
        "from dothi.cli import main\n"
        "real = m._write_vertices\n"
        "def slow(file, steps):\n    file.flush(); print('half', flush=True); time.sleep(60)\n"
        "m._write_vertices = slow\n"
        f"main(['export', 'cityjson', {str(study)!r}, '-o', 'a.json', '--json'])\n"
    )
    running = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert running.stdout.readline() == "half\n"
    running.send_signal(how)
    ended = running.wait(timeout=30)
    running.stdout.close()
    assert ended == (130 if how == signal.SIGINT else -how)
    assert not (tmp_path / "a.json").exists()
    if how == signal.SIGINT:
        assert list(tmp_path.iterdir()) == []


def test_help_comes_without_heavy_libraries(tmp_path):
    code = (
        "import sys, dothi.cli; print([m for m in ('geopandas', 'rasterio', 'shapely', 'numpy') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert told.stdout.strip() == "[]"
