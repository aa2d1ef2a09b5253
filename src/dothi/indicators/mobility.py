"""Indicators of mobility."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from dothi.kpi import Evidence, Kpi, per
from dothi.units import M2_PER_KM2, M_PER_KM

STOP_WALK_M: Final = 500.0
PEOPLE: Final = 100_000.0


def _streets(evidence: Evidence) -> Any:
    """Links, each street once: of two opposite ones, the one with the smaller id."""
    links = evidence.table("links")
    back = links["reverse_link_id"].to_numpy(dtype=float, na_value=np.inf)
    return links[links.index.to_numpy() < np.where(np.isfinite(back), back, np.inf)]


def _road_density(evidence: Evidence) -> float | None:
    streets = _streets(evidence)
    return per(streets["length_m"][streets["car"]].sum() / M_PER_KM, evidence.area_m2, M2_PER_KM2)


def _cycling(evidence: Evidence) -> float | None:
    streets = _streets(evidence)
    own = streets["class"].astype("str") == "cycleway"
    return per(streets["length_m"][own].sum() / M_PER_KM, evidence.residents.sum(), PEOPLE)


KPIS: Final = (
    Kpi(
        "MOB-01",
        "mobility",
        {
            "en": "Public transport within a walk",
            "fr": "Accès commode au réseau de transport public",
            "vi": "Tỷ lệ dân số tiếp cận thuận tiện giao thông công cộng",
        },
        "% of residents",
        "higher",
        ("walk",),
        {
            "en": f"Residents within {STOP_WALK_M:g} m of a stop on foot / residents",
            "fr": f"Habitants à moins de {STOP_WALK_M:g} m à pied d’un arrêt / habitants",
            "vi": f"Dân số cách trạm dừng không quá {STOP_WALK_M:g} m đi bộ / dân số",
        },
        "U4SSC EC:I:T:2A; SDG 11.2.1",
        lambda evidence: evidence.share_within("walk_to_stop_m", STOP_WALK_M),
    ),
    Kpi(
        "MOB-03",
        "mobility",
        {"en": "Cycle tracks", "fr": "Réseau cyclable", "vi": "Mạng lưới đường xe đạp"},
        "km per 100,000 inhabitants",
        "higher",
        (),
        {
            "en": "Length of cycleways / residents",
            "fr": "Longueur des pistes cyclables / habitants",
            "vi": "Chiều dài đường xe đạp / dân số",
        },
        "U4SSC EC:I:T:3C",
        _cycling,
        "measured",
    ),
    Kpi(
        "MOB-10",
        "mobility",
        {"en": "Road density", "fr": "Densité du réseau viaire", "vi": "Mật độ đường giao thông đô thị"},
        "km per km²",
        "higher",
        (),
        {
            "en": "Length of streets open to cars / area",
            "fr": "Longueur des rues ouvertes aux voitures / surface",
            "vi": "Chiều dài đường ô tô đi được / diện tích",
        },
        "Resolution 111/2025/UBTVQH15, standard 2A.III.07",
        _road_density,
        "measured",
    ),
)
