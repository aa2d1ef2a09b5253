"""What differs by country, as data: each value with its source and whether it was verified."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

COUNTRIES = ("vn", "fr")


@cache
def load(country: str, topic: str) -> dict[str, Any]:
    """
    Data of one topic for one country.

    Parameters
    ----------
    country
        ISO 3166 code in small letters, one of `COUNTRIES`.
    topic
        Name of the file in ``dothi/place/<country>``, without ending.

    Returns
    -------
    dict
        The TOML file as it stands. Do not change it: it is shared.

    Raises
    ------
    KeyError
        No such country or topic.
    """
    file = files(__name__).joinpath(country, f"{topic}.toml")
    if country not in COUNTRIES or not file.is_file():
        raise KeyError(f"no data on {topic!r} for {country!r}; countries: {', '.join(COUNTRIES)}")
    return tomllib.loads(file.read_text(encoding="utf-8"))
