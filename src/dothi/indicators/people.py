"""Indicators of the people."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi import place
from dothi.access.equity import gini
from dothi.kpi import Evidence, Kpi, per


def _displaced(evidence: Evidence) -> float | None:
    """Residents of buildings that stand today and no longer stand in the scenario."""
    if evidence.today is None:
        return None
    before = Evidence(evidence.today, within=evidence.within)
    gone = ~np.asarray(before.buildings.index.isin(evidence.city["buildings"].index))
    return float(before.residents[gone].sum())


def _school_places(evidence: Evidence) -> float | None:
    """School places per resident in reach over those that are needed; only where places of all schools are known."""
    if evidence.results["access"].diagnostics.get("capacity", {}).get("school") != "places":
        return None
    needed = float(place.load(evidence.city.country, "access")["school"]["places_per_1000"])
    supply = evidence.numbers("buildings", "supply_school")
    return per((supply * evidence.residents).sum() / needed, evidence.residents.sum())


def _equity(evidence: Evidence) -> float | None:
    """Gini of jobs by public transport, by bicycle where no lines are known."""
    known = evidence.buildings["jobs_transit_45min"].notna().any()
    name = "jobs_transit_45min" if known else "jobs_bicycle_30min"
    return gini(evidence.numbers("buildings", name), evidence.residents)


KPIS: Final = (
    Kpi(
        "PEO-01",
        "people",
        {
            "en": "Enough school places",
            "fr": "Adéquation des places scolaires",
            "vi": "Mức đáp ứng chỗ học",
        },
        "",
        "higher",
        ("access",),
        {
            "en": "School places in floating catchments on foot / places needed; mean by residents",
            "fr": "Places scolaires dans des aires flottantes à pied / places nécessaires ; moyenne par habitants",
            "vi": "Chỗ học trong vùng phục vụ trôi khi đi bộ / chỗ học cần có; bình quân theo dân số",
        },
        "Two-step floating catchments: Luo & Wang 2003, doi:10.1068/b29120",
        _school_places,
    ),
    Kpi(
        "PEO-03",
        "people",
        {
            "en": "Unequal access to jobs",
            "fr": "Inégalité d’accès aux emplois",
            "vi": "Bất bình đẳng trong tiếp cận việc làm",
        },
        "",
        "lower",
        ("access",),
        {
            "en": "Gini of jobs within 45 min by public transport, within 30 min by bicycle where no lines are known",
            "fr": "Gini des emplois à 45 min en transport public, à 30 min à vélo si aucune ligne n’est connue",
            "vi": "Hệ số Gini của việc làm trong 45 phút đi xe công cộng, hoặc 30 phút đi xe đạp nếu chưa có tuyến",
        },
        "project definition",
        _equity,
    ),
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
