"""Indicators of networks of cold."""

from __future__ import annotations

from typing import Final

from dothi.kpi import Evidence, Kpi, percent


def _from_networks(evidence: Evidence) -> float | None:
    """Cold that comes from networks, over all that buildings are given [%]."""
    taken = evidence.numbers("buildings", "network_cooling_kwh").sum()
    return percent(taken, evidence.numbers("buildings", "cooling_kwh").sum())


def _saved(evidence: Evidence) -> float | None:
    """Electricity that networks spare, over that of machines of the buildings' own [%]."""
    if "cold_alone_kwh" not in evidence.buildings:
        return None
    alone, taken = (evidence.numbers("buildings", f"cold_{name}_kwh").sum() for name in ("alone", "electricity"))
    return percent(alone - taken, alone)


KPIS: Final = (
    Kpi(
        "ENV-29",
        "environment",
        {
            "en": "Cold from networks",
            "fr": "Part du froid livrée par réseau",
            "vi": "Tỷ lệ lạnh từ mạng lạnh tập trung",
        },
        "% of cold",
        "context",
        ("heat",),
        {
            "en": "Cold that buildings take from networks in a year / all cold that they are given",
            "fr": "Froid annuel pris aux réseaux par les bâtiments / froid total fourni",
            "vi": "Lạnh công trình lấy từ mạng trong một năm / tổng lạnh được cấp",
        },
        "No published definition: Dothi",
        _from_networks,
    ),
    Kpi(
        "ENV-30",
        "environment",
        {
            "en": "Electricity saved by networks of cold",
            "fr": "Électricité économisée par les réseaux de froid",
            "vi": "Điện tiết kiệm nhờ mạng lạnh",
        },
        "% of electricity for this cold",
        "higher",
        ("cooling",),
        {
            "en": "1 − electricity of chillers, towers and pumps / electricity of machines of the buildings’ own",
            "fr": "1 − électricité des groupes, tours et pompes / électricité de machines individuelles",
            "vi": "1 − điện của máy lạnh, tháp và bơm / điện của máy lạnh riêng từng công trình",
        },
        "No published definition: Dothi",
        _saved,
    ),
)
