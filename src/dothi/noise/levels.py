"""From sound energy to the levels of day, evening and night, and to what they mean for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dothi.noise.emission import values
from dothi.shapes import Floats

HOURS: Final = 24.0
QUIETEST_DB: Final = 20.0
"""Level below which nothing is told apart; also where no road is in reach."""
LDEN_CLASSES_DB: Final = (55.0, 60.0, 65.0, 70.0, 75.0)
LNIGHT_CLASSES_DB: Final = (50.0, 55.0, 60.0, 65.0, 70.0)
"""Lower limits of the classes that are reported (Directive 2002/49/EC Annex VI)."""


@dataclass(frozen=True, slots=True)
class Period:
    """
    A part of the day.

    Attributes
    ----------
    name
        day, evening or night.
    from_h, to_h
        When it begins and ends; the night goes over midnight.
    weight_db
        What is added to its level in Lden [dB].
    favourable_share
        Share of the time with rays bent downwards.
    """

    name: str
    from_h: float
    to_h: float
    weight_db: float
    favourable_share: float

    @property
    def hours(self) -> float:
        """Its length [h]."""
        return (self.to_h - self.from_h) % HOURS or HOURS


def periods(data: Mapping[str, Any]) -> tuple[Period, ...]:
    """Periods of a country, as in ``place/COUNTRY/noise.toml``."""
    return tuple(Period(name, **{key: float(value) for key, value in row.items()}) for name, row in data.items())


def weights(parts: tuple[Period, ...]) -> Floats:
    r"""
    Weights of the energies of the periods in that of Lden (Directive 2002/49/EC Annex I).

    .. math:: L_{den} = 10 \lg \frac{1}{24} (12 \cdot 10^{L_d/10} + 4 \cdot 10^{(L_e+5)/10} + 8 \cdot 10^{(L_n+10)/10})
    """
    return np.array([part.hours / HOURS * 10.0 ** (part.weight_db / 10.0) for part in parts])


def decibels(energy: Floats) -> Floats:
    """Level of an energy [dB], not below `QUIETEST_DB`."""
    found: Floats = 10.0 * np.log10(np.maximum(energy, 10.0 ** (QUIETEST_DB / 10.0)))
    return found


def overlap(from_h: Floats, to_h: Floats, part: Period) -> Floats:
    """Hours that parts of a day, some of them over midnight, share with a period."""
    begin = np.asarray(from_h, dtype=float) % HOURS
    end = begin + np.where((to_h - from_h) % HOURS == 0.0, HOURS, (to_h - from_h) % HOURS)
    total = np.zeros(begin.shape)
    for shift in (-HOURS, 0.0, HOURS):
        low, high = part.from_h + shift, part.from_h + part.hours + shift
        total += np.maximum(np.minimum(end, high) - np.maximum(begin, low), 0.0)
    return total


def share_harmed(harm: str, level_db: Floats) -> Floats:
    """
    Share of people highly annoyed or highly sleep disturbed by road noise (Directive (EU) 2020/367).

    Parameters
    ----------
    harm
        ``highly_annoyed``, of Lden, or ``highly_sleep_disturbed``, of Lnight.
    level_db : (n,)
        Levels at the loudest façade; missing ones harm nobody [dB].
    """
    row = values()["harm"][harm]
    level = np.nan_to_num(np.asarray(level_db, dtype=float))
    share = np.clip(row["a"] + row["b"] * level + row["c"] * level**2, 0.0, 1.0)
    return np.where(level >= row["from_db"], share, 0.0)


def exposed(people: Floats, level_db: Floats, limits_db: tuple[float, ...]) -> dict[str, float]:
    """People by class of level: from each limit up to the next, the last without end."""
    level = np.nan_to_num(np.asarray(level_db, dtype=float))
    found = {}
    for low, high in zip(limits_db, (*limits_db[1:], np.inf), strict=True):
        name = f"{low:g}-{high:g}" if np.isfinite(high) else f"{low:g}-"
        found[name] = float(people[(level >= low) & (level < high)].sum())
    return found
