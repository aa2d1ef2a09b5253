"""Indicators of the people."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi.kpi import Evidence, Kpi


def _displaced(evidence: Evidence) -> float | None:
    """Residents of buildings that stand today and no longer stand in the scenario."""
    if evidence.today is None:
        return None
    before = Evidence(evidence.today, within=evidence.within)
    gone = ~np.asarray(before.buildings.index.isin(evidence.city["buildings"].index))
    return float(before.residents[gone].sum())


KPIS: Final = (
    Kpi(
        "PEO-09",
        "people",
        {
            "en": "Residents who must move",
            "fr": "Habitants à reloger",
            "vi": "Số dân phải di dời theo phương án",
        },
        "residents",
        "lower",
        (),
        {
            "en": "Residents of buildings that are demolished",
            "fr": "Habitants des bâtiments démolis",
            "vi": "Dân số trong các công trình bị phá dỡ",
        },
        "project definition",
        _displaced,
    ),
)
