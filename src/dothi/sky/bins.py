"""Hours in which the sun stands at nearly the same place: what is known of their shadows is kept once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from dothi.shapes import Integers

if TYPE_CHECKING:
    import pandas as pd

BANDS: Final = 14
"""Bands of the declination of the sun between the solstices, each 3.35° wide."""
MOST_DEG: Final = 23.45
SOLSTICES: Final = (172, 355)
"""Days of the year."""


def sun_bins(weather: pd.DataFrame) -> Integers:
    """
    Number of the place of the sun in every hour, shape ``(hours,)``.

    Hours are together that have one time of day, a declination within one band, and lie on one side of the solstice:
    the equation of time differs between spring and autumn by up to half an hour. Numbers without hours occur.
    """
    import pandas as pd
    import pvlib

    times = pd.DatetimeIndex(weather["time"])
    day = times.day_of_year.to_numpy()
    declination = np.degrees(np.asarray(pvlib.solarposition.declination_spencer71(day)))
    share = (declination + MOST_DEG) / (2.0 * MOST_DEG)
    band = np.clip((share * BANDS).astype(np.int64), 0, BANDS - 1)
    falling = (day >= SOLSTICES[0]) & (day < SOLSTICES[1])
    return np.asarray((times.hour.to_numpy() * 2 + falling) * BANDS + band, dtype=np.int64)
