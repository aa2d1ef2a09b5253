"""Times of day as people write them."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from dothi.units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE

_CLOCK: Final = re.compile(r"(\d{1,2})[:h](\d{2})")
LATEST_H: Final = 30
"""Lines that run past midnight count on: 25:30 is half past one of the next day."""


def _clock(value: Any) -> str:
    if isinstance(value, dt.time):
        return f"{value.hour:02d}:{value.minute:02d}"
    found = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or int(found[2]) > 59 or int(found[1]) * 60 + int(found[2]) > LATEST_H * 60:
        raise ValueError('is a time of day, such as "07:30"')
    return f"{int(found[1]):02d}:{found[2]}"


Clock = Annotated[str, BeforeValidator(_clock)]
"""Hours and minutes, ``"07:30"``."""


def seconds(clock: str) -> float:
    """Seconds after midnight of a `Clock`."""
    hours, minutes = clock.split(":")
    return int(hours) * SECONDS_PER_HOUR + int(minutes) * SECONDS_PER_MINUTE
