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
