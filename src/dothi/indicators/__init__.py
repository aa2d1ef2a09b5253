"""The indicators on offer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dothi.indicators import (
    cold,
    daylight,
    economy,
    energy,
    environment,
    grid,
    living,
    mobility,
    people,
    solar,
    transit,
)
from dothi.kpi import Evidence, Kpi

KPIS: Final[dict[str, Kpi]] = {
    kpi.id: kpi
    for module in (economy, mobility, transit, environment, energy, solar, cold, grid, living, daylight, people)
    for kpi in module.KPIS
}
"""Indicators by id."""


def values(evidence: Evidence) -> Mapping[str, float | None]:
    """Values of all indicators by id; None where one cannot be computed."""
    return {kpi.id: kpi.value(evidence) for kpi in KPIS.values()}
