"""Indicators of living."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi.kpi import Evidence, Kpi, per
from dothi.units import M2_PER_KM2

HOMES: Final = ("residential", "apartments")
SCHOOL_WALK_M: Final = 1000.0
HEALTH_WALK_M: Final = 1000.0


def _floor_per_person(evidence: Evidence) -> float | None:
    homes = np.asarray(evidence.buildings["function"].isin(HOMES))
    return per(evidence.numbers("buildings", "floor_area_m2")[homes].sum(), evidence.residents[homes].sum())


KPIS: Final = (
    Kpi(
        "LIV-01",
        "living",
        {
            "en": "School within a walk",
            "fr": "Accessibilité des écoles",
            "vi": "Tỷ lệ dân số trong bán kính phục vụ trường học",
        },
        "% of residents",
        "higher",
        ("walk",),
        {
            "en": f"Residents within {SCHOOL_WALK_M:g} m of a school on foot / residents",
            "fr": f"Habitants à moins de {SCHOOL_WALK_M:g} m à pied d’une école / habitants",
            "vi": f"Dân số cách trường học không quá {SCHOOL_WALK_M:g} m đi bộ / dân số",
        },
        "QCVN 01:2021/BXD, service radius (unverified)",
        lambda evidence: evidence.share_within("walk_to_school_m", SCHOOL_WALK_M),
    ),
    Kpi(
        "LIV-03",
        "living",
        {"en": "Health care within a walk", "fr": "Accessibilité des soins", "vi": "Khả năng tiếp cận cơ sở y tế"},
        "% of residents",
        "higher",
        ("walk",),
        {
            "en": f"Residents within {HEALTH_WALK_M:g} m of a hospital or clinic on foot / residents",
            "fr": f"Habitants à moins de {HEALTH_WALK_M:g} m à pied d’un hôpital ou d’une clinique / habitants",
            "vi": f"Dân số cách bệnh viện hoặc phòng khám không quá {HEALTH_WALK_M:g} m đi bộ / dân số",
        },
        "QCVN 01:2021/BXD, service radius (unverified)",
        lambda evidence: evidence.share_within("walk_to_health_m", HEALTH_WALK_M),
    ),
    Kpi(
        "LIV-04",
        "living",
        {
            "en": "Housing floor area per inhabitant",
            "fr": "Surface de logement par habitant",
            "vi": "Diện tích sàn nhà ở bình quân",
        },
        "m² per inhabitant",
        "higher",
        (),
        {
            "en": "Gross floor area of buildings with homes only / their residents",
            "fr": "Surface de plancher brute des bâtiments purement résidentiels / leurs habitants",
            "vi": "Tổng diện tích sàn của công trình chỉ để ở / số dân trong đó",
        },
        "Ministry of Construction, target for 2026",
        _floor_per_person,
    ),
    Kpi(
        "LIV-15",
        "living",
        {"en": "Population density", "fr": "Densité de population", "vi": "Mật độ dân số"},
        "inhabitants per km²",
        "context",
        (),
        {
            "en": "Residents / area",
            "fr": "Habitants / surface",
            "vi": "Dân số / diện tích",
        },
        "Resolution 111/2025/UBTVQH15, standard 2A.II.04",
        lambda evidence: per(evidence.residents.sum(), evidence.area_m2, M2_PER_KM2),
    ),
)
