"""Addresses of open data: the public ones, or those of a file."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dothi.errors import Problems

if TYPE_CHECKING:
    from dothi.io.remote import Services

TOPICS = ("osm", "dem", "population")
LIMITS = {"tile_km2": float, "max_km2": float, "query_s": int}


def load_services(path: Path | None = None) -> Services:
    """
    Services to fetch open data from.

    Parameters
    ----------
    path
        TOML file like ``dothi/place/services.toml``; what it leaves out is as there. ``url = ""`` leaves a source out.

    Raises
    ------
    InputError
        The file cannot be read, or says something that is not known.
    """
    from dothi.io.remote import Service, Services

    data = tomllib.loads(files("dothi.place").joinpath("services.toml").read_text(encoding="utf-8"))
    if path is not None:
        _overlay(data, path)
    limits: dict[str, Any] = {name: convert(data["osm"][name]) for name, convert in LIMITS.items()}
    about: dict[str, Any] = {
        topic: Service(*(data[topic].get(key, "") for key in ("url", "licence", "attribution"))) for topic in TOPICS
    }
    return Services(**about, **limits, iso3=data["iso3"])


def _overlay(data: dict[str, Any], path: Path) -> None:
    """Put what a file says over the public addresses, and report all that is wrong with it."""
    problems = Problems(str(path))
    try:
        own = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.error(f"file can be read ({error.strerror})")
        own = {}
    except ValueError as error:
        problems.error(f"file is TOML in UTF-8 ({error})")
        own = {}
    for topic, values in own.items():
        if topic not in data or not isinstance(values, dict):
            problems.error(f"section is one of {', '.join(data)}", table=topic)
            continue
        for key, value in values.items():
            if key not in data[topic] and topic != "iso3":
                problems.error(f"key is one of {', '.join(data[topic])}", table=topic, column=key)
            elif key in LIMITS and (type(value) not in (int, float) or not value > 0):
                problems.error("is a positive number", table=topic, column=key)
            elif key not in LIMITS and not isinstance(value, str):
                problems.error("is a text", table=topic, column=key)
            else:
                data[topic][key] = value
    problems.raise_errors()
