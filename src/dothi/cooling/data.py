"""What is known of pipes and machines in all countries."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def district() -> Mapping[str, Any]:
    """Data of ``dothi/place/district.toml``, each part with its source."""
    return tomllib.loads(files("dothi.place").joinpath("district.toml").read_text(encoding="utf-8"))


def street_costs() -> dict[str, float]:
    """By class of road, and under ``bridge``, what a metre of trench costs over that in a street of dwellings."""
    return {name: value for name, value in district()["street_cost"].items() if isinstance(value, float)}
