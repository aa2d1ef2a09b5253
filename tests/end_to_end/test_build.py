"""From sources to a city: what holds for every build."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dothi.cli import main
from dothi.compare import hold
from dothi.errors import InputError
from dothi.study import Study
from dothi.turns import at_work

OSM = 'kind = "osm"\npath = "data/map.osm.pbf"'


def snapshot(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, to the byte."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def tables(study: Path) -> dict[str, bytes]:
    return snapshot(Study.open(study).city_folder)


@pytest.fixture
def study(write_study, little_extract):
    return write_study(OSM, files={"map.osm.pbf": little_extract})


def test_a_second_build_does_nothing_and_a_changed_option_only_what_depends_on_it(study):
    first = Study.open(study).build()
    before = snapshot(study)
    again = Study.open(study).build()
    assert first.changed
    assert not again.changed
    assert not any(again.seconds.values())
    assert snapshot(study) == before

    config = study / "dothi.toml"
    config.write_text(config.read_text(encoding="utf-8") + "zone_cell_m = 400.0\n", encoding="utf-8")
    third = Study.open(study).build()
    made = [title for title, seconds in third.seconds.items() if seconds]
    assert made[0] == "Facilities and zones"
    assert "Reading data/map.osm.pbf" not in made


def test_building_again_keeps_what_scenarios_were_run_to(study):
    (study / "scenarios").mkdir()
    (study / "scenarios" / "closed.toml").write_text(
        'title = "Closed"\n[[change]]\nkind = "close_links"\nlinks = { where = { class = "residential" } }\n', "utf-8"
    )
    stock = {"models": ("stock",)}
    Study.open(study).build()
    ran = Study.open(study).run(**stock)
    Study.open(study).build()
    again = Study.open(study).run(**stock)
    assert again["closed"].applied.state == "found"
    config = (study / "dothi.toml").read_text(encoding="utf-8")
    (study / "dothi.toml").write_text(config.replace("terrain_cell_m = 5.0", "terrain_cell_m = 10.0"), encoding="utf-8")
    assert Study.open(study).build().changed
    assert ran["closed"].city.is_dir()
    assert len(Study.open(study).evidence("closed").city["links"]) > 0
    with pytest.raises(InputError, match="was run as it is written now"):
        hold(Study.open(study).place, Study.open(study).scenarios, ["closed"])
    Study.open(study).run(**stock)
    Study.open(study).build()
    assert not ran["closed"].city.is_dir()
    with at_work(study / ".dothi"):
        (study / ".dothi" / "cities" / "half").mkdir()
        Study.open(study).build()
        assert (study / ".dothi" / "cities" / "half").is_dir()


def test_the_same_sources_give_the_same_bytes_in_another_folder(write_study, little_extract):
    one, two = (write_study(OSM, files={"map.osm.pbf": little_extract}, name=name) for name in ("một", "hai ba"))
    Study.open(one).build()
    Study.open(two).build()
    assert tables(one) == tables(two)


@pytest.mark.slow
def test_fifty_kills_at_random_moments_leave_the_tables_of_an_uninterrupted_build(write_study, little_extract):
    study, quiet = (
        write_study(OSM, files={"map.osm.pbf": little_extract}, options="accuracy = false", name=name)
        for name in ("killed", "quiet")
    )
    build = [sys.executable, "-m", "dothi", "build", "--quiet"]
    began = time.perf_counter()
    subprocess.run([*build, str(quiet)], check=True)
    whole_s = time.perf_counter() - began

    rng = random.Random(20)
    for number in range(50):
        if number % 5 == 0:  # else later kills would find everything done
            shutil.rmtree(study / ".dothi", ignore_errors=True)
        with subprocess.Popen([*build, str(study)], start_new_session=True) as process:
            try:
                process.wait(rng.uniform(0.1, 0.8) * whole_s)
            except subprocess.TimeoutExpired:
                process.kill()  # its workers notice, and end
        if (study / ".dothi" / "current.json").exists():
            assert tables(study) == tables(quiet)
    subprocess.run([*build, str(study)], check=True)
    assert tables(study) == tables(quiet)
    assert not list((study / ".dothi").rglob("*.part*"))


def test_an_interrupted_build_says_so_and_goes_on_where_it_stopped(study, tmp_path):
    log = tmp_path / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dothi", "build", str(study)],
            stderr=output,
            start_new_session=True,
            # tests in the background may ignore interruptions
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        try:
            while not any((study / ".dothi" / "work").glob("[!.]*/files.json")):  # until a step is done
                assert process.poll() is None
                time.sleep(0.05)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to all processes
            assert process.wait(timeout=60) == 130
        finally:
            process.kill()
    assert "Interrupted. What was finished is kept" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert [title for title, seconds in Study.open(study).build().seconds.items() if not seconds]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--workers", "0"])


BROKEN = {
    "a truncated extract": (OSM, {"map.osm.pbf": "truncated"}),
    "an empty file": (OSM, {"map.osm.pbf": b""}),
    "a file that is no extract": (OSM, {"map.osm.pbf": b"PK\x03\x04 this is no map" * 40}),
    "a file that is not there": (OSM, {}),
    "a GeoJSON without a table of that name": (
        'kind = "vector"\ntable = "castles"\npath = "data/x.geojson"',
        {"x.geojson": b"{}"},
    ),
    "GeoJSON that ends in the middle": (
        'kind = "vector"\ntable = "buildings"\npath = "data/x.geojson"',
        {"x.geojson": b'{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "Poly'},
    ),
    "a timetable that is no zip": ('kind = "gtfs"\npath = "data/bus.zip"', {"bus.zip": b"stop_id,stop_name\n"}),
    "a weather file that is none": ('kind = "epw"\npath = "data/x.epw"', {"x.epw": b"LOCATION,Nowhere\n"}),
    "a terrain that is none": ('kind = "terrain"\npath = "data/x.tif"', {"x.tif": b"II*\0" + bytes(64)}),
    "a CityJSON of another kind": (
        'kind = "cityjson"\npath = "data/x.city.json"',
        {"x.city.json": b'{"type": "Feature"}'},
    ),
    "a CityGML with entities": (
        'kind = "citygml"\npath = "data/x.gml"',
        {
            "x.gml": b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]>'
            b'<CityModel xmlns="http://www.opengis.net/citygml/2.0">&c;</CityModel>'
        },
    ),
}


@pytest.fixture(scope="module")
def built_once(tmp_path_factory, little_extract):
    """A study with a city in it; copy it, do not touch it."""
    folder = tmp_path_factory.mktemp("once") / "study"
    (folder / "data").mkdir(parents=True)
    shutil.copy(little_extract, folder / "data" / "map.osm.pbf")
    (folder / "dothi.toml").write_text(f'name = "x"\ncountry = "fr"\ncrs = "EPSG:3067"\n[[source]]\n{OSM}\n')
    Study.open(folder).build()
    return folder


@pytest.mark.parametrize("case", BROKEN)
def test_bad_input_ends_with_code_2_a_clear_line_and_the_study_as_it_was(case, built_once, tmp_path):
    source, files = BROKEN[case]
    study = tmp_path / "nghiên cứu"
    shutil.copytree(built_once, study)
    good = (study / "data" / "map.osm.pbf").read_bytes()
    for name, data in files.items():
        (study / "data" / name).write_bytes(good[: len(good) // 2] if data == "truncated" else data)
    if not files:
        (study / "data" / "map.osm.pbf").unlink()
    if source != OSM:
        with (study / "dothi.toml").open("a", encoding="utf-8") as config:
            config.write(f"[[source]]\n{source}\n")

    def kept() -> dict[str, bytes]:
        return {name: data for name, data in snapshot(study).items() if ".dothi/work" not in name}

    before = kept()
    result = run("build", str(study))
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert "nothing was changed" in result.output
    assert kept() == before
    assert len(Study.open(study).city["buildings"]) > 0


def test_problems_found_in_a_pool_of_processes_are_named_like_any_others(write_study, little_extract):
    cut = little_extract.read_bytes()[:60_000]
    study = write_study(
        OSM, 'kind = "epw"\npath = "data/x.epw"', files={"map.osm.pbf": cut, "x.epw": b"LOCATION,Nowhere\n"}
    )
    here = CliRunner().invoke(main, ["build", str(study), "--quiet", "--workers", "0"])
    pool = CliRunner().invoke(main, ["build", str(study), "--quiet", "--workers", "2"])
    assert here.exit_code == pool.exit_code == 2
    assert sorted(here.output.splitlines()) == sorted(pool.output.splitlines())
    assert "x.epw" in pool.output
    assert "map.osm.pbf" in pool.output


def test_problems_of_all_sources_are_named_at_once(write_study):
    study = write_study(OSM, 'kind = "epw"\npath = "data/none.epw"', files={})
    with pytest.raises(InputError) as caught:
        Study.open(study).build()
    assert [problem.rule for problem in caught.value.problems] == ["file is present", "file is present"]


def test_importing_dothi_is_quick_and_loads_nothing_heavy():
    code = (
        "import time; t = time.perf_counter(); import dothi; s = time.perf_counter() - t\n"
        "import sys, json; heavy = ('numba', 'pandas', 'rasterio', 'geopandas', 'fastapi')\n"
        "print(json.dumps([s, [m for m in heavy if m in sys.modules]]))"
    )
    seconds, heavy = json.loads(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )
    assert heavy == []
    assert seconds < 0.3
