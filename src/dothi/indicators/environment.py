"""Indicators of the environment."""

from __future__ import annotations

from typing import Final

from dothi.kpi import Evidence, Kpi, per, percent

GREEN: Final = ("park", "garden")
GREEN_WALK_M: Final = 300.0


def _green_per_person(evidence: Evidence) -> float | None:
    land = evidence.table("land_use")
    green = land[land["class"].isin(GREEN)]
    return per(green.geometry.area.sum(), evidence.residents.sum()) if len(land) else None


def _impervious(evidence: Evidence) -> float | None:
    cells = evidence.cells("imperviousness")
    return percent(cells.sum(), len(cells))


KPIS: Final = (
    Kpi(
        "ENV-01",
        "environment",
        {
            "en": "Public green space per inhabitant",
            "fr": "Espace vert public par habitant",
            "vi": "Đất cây xanh sử dụng công cộng bình quân",
        },
        "m² per inhabitant",
        "higher",
        (),
        {
            "en": "Area of parks and gardens / residents",
            "fr": "Surface des parcs et jardins / habitants",
            "vi": "Diện tích công viên và vườn / dân số",
        },
        "Resolution 111/2025/UBTVQH15, standard 2A.III.22",
        _green_per_person,
        "measured",
    ),
    Kpi(
        "ENV-03",
        "environment",
        {
            "en": "Green space within a walk",
            "fr": "Accessibilité des espaces verts",
            "vi": "Tỷ lệ dân số tiếp cận không gian xanh",
        },
        "% of residents",
        "higher",
        ("walk",),
        {
            "en": f"Residents within {GREEN_WALK_M:g} m of a park on foot / residents",
            "fr": f"Habitants à moins de {GREEN_WALK_M:g} m à pied d’un parc / habitants",
            "vi": f"Dân số cách công viên không quá {GREEN_WALK_M:g} m đi bộ / dân số",
        },
        "SDG 11.7.1 practice; 3-30-300 rule",
        lambda evidence: evidence.share_within("walk_to_park_m", GREEN_WALK_M),
    ),
    Kpi(
        "ENV-18",
        "environment",
        {"en": "Impervious ground", "fr": "Taux d’imperméabilisation", "vi": "Tỷ lệ bề mặt không thấm"},
        "%",
        "lower",
        (),
        {
            "en": "Mean imperviousness of the ground",
            "fr": "Imperméabilité moyenne du sol",
            "vi": "Mức không thấm trung bình của mặt đất",
        },
        "project definition",
        _impervious,
    ),
)
