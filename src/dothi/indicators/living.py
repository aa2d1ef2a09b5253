"""Indicators of living."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi.access.equity import percentile
from dothi.kpi import Evidence, Kpi, per, percent
from dothi.units import M2_PER_KM2, SECONDS_PER_MINUTE

HOMES: Final = ("residential", "apartments")
SCHOOL_WALK_M: Final = 1000.0
HEALTH_WALK_M: Final = 1000.0
NEVER_S: Final = 1e9
LEAST_KNOWN: Final = 0.5


def _floor_per_person(evidence: Evidence) -> float | None:
    homes = np.asarray(evidence.buildings["function"].isin(HOMES))
    return per(evidence.numbers("buildings", "floor_area_m2")[homes].sum(), evidence.residents[homes].sum())


def _fire_response(evidence: Evidence) -> float | None:
    """Response of the fire brigade that nine tenths of the residents have, or better; None where none comes [min]."""
    response = np.nan_to_num(evidence.buildings["fire_response_s"].to_numpy(dtype=float), nan=NEVER_S)
    late = percentile(response, evidence.residents, 0.9)
    return late / SECONDS_PER_MINUTE if late < NEVER_S else None


def _quarter_of_an_hour(evidence: Evidence) -> float | None:
    """Residents who reach all known kinds of service; None where the data know less than half of them by weight [%]."""
    score = evidence.buildings["score_15min"]
    if score.isna().all() or evidence.results["access"].diagnostics["services_known_share"] < LEAST_KNOWN:
        return None
    return percent(evidence.residents[score.to_numpy(dtype=float) >= 1.0 - 1e-9].sum(), evidence.residents.sum())


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
        "LIV-06",
        "living",
        {
            "en": "Response time of the fire brigade",
            "fr": "Temps d’intervention des secours",
            "vi": "Thời gian ứng cứu khẩn cấp",
        },
        "min",
        "lower",
        ("access",),
        {
            "en": "Call, turnout and drive in simulated traffic from the nearest station; 9 of 10 residents have it",
            "fr": "Appel, départ, trajet dans le trafic simulé depuis le plus proche centre, pour 9 habitants sur 10",
            "vi": "Gọi, xuất xe và chạy trong giao thông mô phỏng từ trạm gần nhất; đến được 9 trên 10 người dân",
        },
        "U4SSC SC:SH:SA:5A",
        _fire_response,
    ),
    Kpi(
        "LIV-09",
        "living",
        {"en": "15-minute city", "fr": "Ville du quart d’heure", "vi": "Đô thị 15 phút"},
        "% of residents",
        "higher",
        ("access",),
        {
            "en": "Residents within 15 min on foot of every kind of service that the city’s data know / residents",
            "fr": "Habitants à moins de 15 min à pied de chaque type de service connu des données / habitants",
            "vi": "Dân số trong 15 phút đi bộ tới mọi loại dịch vụ có trong dữ liệu của thành phố / dân số",
        },
        "project definition; Moreno et al. 2021, doi:10.3390/smartcities4010006",
        _quarter_of_an_hour,
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
